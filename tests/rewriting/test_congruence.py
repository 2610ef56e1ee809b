"""What stands twice in a product is one product that is used twice, and the values stay what they are."""

from collections import Counter

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Einsum
from einderiv.planning import tuning
from einderiv.rewriting.congruence import halved_twins

SIZES = dict(zip("abcdefghij", (2, 3, 4, 5, 2, 3, 4, 5, 2, 3), strict=True))
rng = np.random.default_rng(0)

TWICE = [  # the einsum, its operands, how many of them stand in the part that is there twice (0: nothing is found)
    ("ab,bc,dc,ed->ae",          "ABBA",   2),  # A B Bᵀ Aᵀ
    ("ab,bc,c,dc,ed->ae",        "ABpBA",  2),  # with something between
    ("ab,bc,cg,gd,ed,fe->af",    "ABPPBA", 2),  # P P is no P Pᵀ: it stays between
    ("ba,bc,dc,ed,fe->af",       "ABPBA",  0),  # Aᵀ on one side, A on the other
    ("iab,ibc,idc,ied->iae",     "ABBA",   2),  # with a batch on both sides
    ("iab,ibc,icd,i->iad",       "ABAw",   0),  # the batch alone joins nothing
    ("ab,bc,de,ef->acdf",        "ABAB",   2),  # apart from one another
    ("a,ab,c,cb->",              "xAxA",   2),  # a sum of squares
    ("aab,bc,ddc,c->",           "TPTp",   0),  # only one operand is there twice
    ("ab,bb,cb,cc->a",           "ADAD",   0),
    ("ab,ab,cd,cd->",            "ABAB",   2),
    ("ab,bc,ab,bc->ac",          "ABAB",   0),  # the same slots: no label moves
    ("ab,bc,cb,ba->",            "ABBA",   0),  # the labels come back: both sides are one
]  # fmt: skip


def shape(labels):
    return [SIZES[x] for x in labels]


@pytest.mark.parametrize(("subscripts", "names", "count"), TWICE, ids=[row[0] for row in TWICE])
def test_halves_and_values(subscripts, names, count):
    known = {}
    for name, labels in zip(names, subscripts.partition("->")[0].split(","), strict=True):
        known.setdefault(name, labels)
    same = dict(SIZES)
    for name, labels in zip(names, subscripts.partition("->")[0].split(","), strict=True):
        # One name has one shape.
        for x, y in zip(labels, known[name], strict=True):
            same = {z: 3 for z in same} if same[x] != same[y] else same
    tensors = {name: ed.tensor(name, (None,) * len(labels)) for name, labels in known.items()}
    e = ed.einsum(subscripts, *(tensors[name] for name in names))
    found = halved_twins(e)
    if not count:
        assert found is None
        return
    halves = {id(f): f for f in found.factors if isinstance(f, Einsum)}
    assert [half.count for half in halves.values()] == [count]
    assert Counter(id(f) for f in found.factors)[next(iter(halves))] == 2
    arrays = {n: rng.integers(-3, 4, [same[x] for x in labels]) for n, labels in known.items()}
    assert (
        ed.evaluate(found, arrays).tolist()
        == np.einsum(subscripts, *(arrays[n] for n in names)).tolist()
    )


def test_sizes_that_count_are_not_counted_twice():
    """A label that nothing has counts as its size; those that are summed within the halves do not."""
    x, A = ed.tensor("x", "i"), ed.tensor("A", "ij")
    e = ed.einsum("i,ij,kj,k,l->", x, A, A, x, ed.einsum("->l", sizes={"l": 7}))
    arrays = {"x": np.arange(3), "A": np.arange(12).reshape(3, 4)}
    found = halved_twins(e)
    assert found is not None
    assert (
        ed.evaluate(found, arrays)
        == ed.evaluate(e, arrays)
        == 7 * ((arrays["x"] @ arrays["A"]) ** 2).sum()
    )


def test_very_long_products_are_left_alone():
    n = tuning.twin_operands // 2 + 1
    labels = [[k, k + 1] for k in range(n)] + [[2000 + k, 2001 + k] for k in range(n)]
    tensors = [ed.tensor(f"M{k}", (None, None)) for k in range(n)]
    e = ed.einsum(
        *(x for pair in zip([*tensors, *tensors], labels) for x in pair), [0, n, 2000, 2000 + n]
    )
    assert halved_twins(e) is None


def test_the_hessian_of_a_network_goes_through_its_layers_once():
    layers = [ed.tensor(f"W{k}", "oi") for k in range(4)]
    h = ed.einsum("bi,oi->bo", ed.tensor("x", "bi"), layers[0])
    for W in layers[1:]:
        h = ed.einsum("bi,oi->bo", ed.tanh(h), W)
    H = ed.hessian(ed.sum(ed.logsumexp(h, 1)), layers[0])
    at = {f"W{k}": rng.normal(size=(6, 6)) for k in range(4)} | {"x": rng.normal(size=(20, 6))}
    f = ed.compile(H)
    got = f(at)
    assert any(
        note.startswith("twins") for note in f.plan({n: a.shape for n, a in at.items()}).notes
    )
    np.testing.assert_allclose(got, ed.evaluate(H, at), rtol=1e-10, atol=1e-12)
