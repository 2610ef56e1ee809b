"""Random expressions of all kinds keep their values when they are simplified, at arrays of either sign, with zeros, of
no entries and of one; and the work grows with the expression alone."""

import random

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Apply, Einsum, Forms, walk
from einderiv.simplifying import products, totals
from einderiv.simplifying.lengths import Lengths
from tests.lengths import length
from tests.simplifying import random_expressions as drawn


def check_form(e):
    """The simplified form is no longer, has the same axes, and is as simple as can be."""
    found = ed.simplify(e)
    assert found.axes == e.axes
    assert Lengths().of(found) <= Lengths().of(e), (str(e), str(found))
    again = ed.simplify(found)
    assert str(again) == str(found) and Lengths().of(again) == Lengths().of(found)
    return found


def noise(e, arrays, rng):
    """How much the value changes with the last digits of the arrays."""
    there = np.asarray(ed.evaluate(e, arrays))
    most = np.zeros(there.shape)
    for _ in range(2):
        near = {name: a * (1 + 1e-12 * rng.standard_normal()) for name, a in arrays.items()}
        try:
            change = np.asarray(ed.evaluate(e, near)) - there
        except ed.EinderivError:  # a singular matrix is met
            return most + np.inf
        most = np.maximum(most, abs(np.nan_to_num(change, nan=np.inf)))
    largest = max(1, abs(np.nan_to_num(there)).max(initial=0))
    if most.max(initial=0) > 1e-3 * largest:  # no digit is left: of an inverse of what is singular
        return most + np.inf
    return most


def check_reals(seed):
    """Wherever the expression has a value, and none on the way to it is infinite, it is the same.
    Returns how many entries were compared.
    """
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    try:
        e = drawn.random_expression(draw)
    except ed.EinderivError:  # a slice of what has too few entries, an unknown derivative
        return 0
    found = check_form(e)
    arrays = drawn.arrays_for(ed.compile(e).tensors, rng, whole=False)
    is_empty = any(a.ndim and not a.size for a in arrays.values())
    shares = any(isinstance(node, Apply) and node.function.sums_to_one for node in walk([e]))
    if is_empty and shares:
        return 0  # of an axis of an unknown size shares add up to 1: it is taken to have entries
    with np.errstate(all="ignore"):
        try:
            wanted, got = (np.asarray(ed.evaluate(one, arrays)) for one in (e, found))
        except ed.EinderivError:  # an inverse of what is singular
            return 0
        finite = np.isfinite(wanted)
        allowed = 1e-9 + 1e-8 * abs(wanted) + 1e3 * noise(e, arrays, rng)
        assert wanted.shape == got.shape
        wrong = finite & ~(abs(got - wanted) <= allowed)
    assert not wrong.any(), (seed, str(e), str(found), wanted[wrong], got[wrong])
    return int(finite.sum())


def check_whole(seed):
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    e = drawn.whole_expression(draw)
    found = check_form(e)
    arrays = drawn.arrays_for(ed.compile(e).tensors, rng, whole=True)
    wanted, got = ed.evaluate(e, arrays), ed.evaluate(found, arrays)
    assert wanted.dtype == got.dtype
    assert (wanted == got).all(), (seed, str(e), str(found))


def test_reals():
    assert sum(map(check_reals, range(100))) > 300


@pytest.mark.parametrize("seed", [6937, 13263])
def test_an_inverse_of_what_is_singular_but_for_rounding_is_not_compared(seed):
    check_reals(seed)


@pytest.mark.parametrize("start", range(0, 50, 10))
def test_whole_numbers(start):
    for seed in range(start, start + 10):
        check_whole(seed)


@pytest.mark.slow
def test_many_reals():
    assert sum(map(check_reals, range(100, length(1000, 16_000)))) > 1000


@pytest.mark.slow
def test_many_whole_numbers():
    for seed in range(50, length(300, 4_000)):
        check_whole(seed)


@pytest.mark.parametrize(("size", "wanted"), [(0, 0), (1, 1), (3, 1)])
def test_shares_of_an_axis_of_a_known_size(size, wanted):
    p = ed.softmax(ed.tensor("p", [size]), axis=0)
    found = ed.simplify(ed.sum(p))
    assert (
        ed.evaluate(found, p=np.zeros(size)) == wanted == ed.evaluate(ed.sum(p), p=np.zeros(size))
    )


@pytest.mark.parametrize(("size", "wanted"), [(0, 0), (1, 1), (3, 1)])
def test_values_do_not_depend_on_shares_of_an_unknown_size(size, wanted):
    """The formula takes an axis of an unknown size to have entries; what is computed asks the arrays."""
    total = ed.sum(ed.softmax(drawn.x, axis=0))
    assert str(ed.simplify(total)) == "1"
    arrays = {"x": np.zeros(size)}
    assert ed.evaluate(total, arrays) == wanted
    assert ed.compile(total)(**arrays) == wanted


# ---- the work
def net(layers):
    h = drawn.x
    for k in range(layers):
        h = ed.tanh(ed.tensor(f"W{k}", "ii") @ h)
    return ed.grad(ed.sum(h * h), "W0")


def long_sum(terms):
    return ed.grad(sum(ed.exp(k * drawn.x) @ drawn.S @ drawn.x for k in range(1, terms + 1)), "x")


def long_product(factors):
    h = drawn.x
    for k in range(factors):
        h = h * ed.exp(drawn.x + k)
    return ed.grad(ed.sum(h), "x")


def matrix_chain(factors):
    M = drawn.S
    for _ in range(factors):
        M = M @ drawn.K
    return ed.grad(ed.trace(M), "K")


def second_order(steps):
    h = drawn.x
    for _ in range(steps):
        h = h / ed.norm(h) + ed.softmax(h, 0)
    return ed.hessian(ed.sum(h * h), "x")


@pytest.mark.parametrize("make", [net, long_sum, long_product, matrix_chain, second_order])
def test_work_for_each_factor(make, monkeypatch):
    """Products are taken apart about as often at each factor in a large expression as in a small one."""
    taken = []
    flat = products.flat

    def counted(e):
        taken.append(len(e.factors))
        return flat(e)

    monkeypatch.setattr(products, "flat", counted)
    for size in (2, 4, 8):
        e = make(size)
        taken.clear()
        ed.simplify(e)
        written = sum(len(node.factors) for node in walk([e]) if isinstance(node, Einsum))
        assert sum(taken) <= 8 * written, (size, sum(taken), written)


def third_order(layers):
    h = drawn.x
    for _ in range(layers):
        h = ed.tanh(drawn.K @ h)
    return ed.derive(ed.hessian(ed.sum(h * h), "x"), "x")


@pytest.mark.parametrize("steps", [3, 4, 6])
def test_shared_sums_stay_shared(steps):
    """A number taken out of a sum that many products share leaves one sum, not one for each product."""
    e = second_order(steps)
    before = sum(1 for _ in walk([e]))
    after = sum(1 for _ in walk([ed.simplify(e)]))
    assert after <= 1.1 * before, (before, after)


@pytest.mark.parametrize("layers", [3, 4, 5])
def test_work_for_each_comparison(layers, monkeypatch):
    """Factors of the terms of a sum are described once for all comparisons with them."""
    described = []
    describe = Forms._describe

    def counted(forms, e):
        described.append(e)
        return describe(forms, e)

    e = third_order(layers)
    monkeypatch.setattr(Forms, "_describe", counted)
    ed.simplify(e)
    nodes = sum(1 for _ in walk([e]))
    assert len(described) <= nodes, (len(described), nodes)


def test_work_for_each_total(monkeypatch):
    """Whether a sum adds up to 0 over an axis is looked at once, whatever the number of its uses."""
    looked = []
    vanishes = totals._vanishes

    def counted(e, summed, situation):
        looked.append((id(e), summed))
        return vanishes(e, summed, situation)

    e = ed.derive(ed.hessian(ed.softmax(ed.layer_norm(drawn.x, "i"), 0) @ drawn.y, "x"), "x")
    monkeypatch.setattr(totals, "_vanishes", counted)
    ed.simplify(e)
    assert len(looked) == len(set(looked)) > 0
