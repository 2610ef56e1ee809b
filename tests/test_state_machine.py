"""Expressions built step by step in any order: each always has the value that plain NumPy says, and prints itself."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)
from lengths import length

import einderiv as ed

N = 3  # the size of all axes
LETTERS = "abcd"
LARGEST = 2**40  # beyond it integers are floats here, and compared as such
NAMES = {"s": 0, "x": 1, "y": 1, "A": 2, "B": 2, "T": 3}
rng = np.random.default_rng(0)
AT = {name: rng.integers(-3, 4, (N,) * rank) for name, rank in NAMES.items()}


def differences(value, name, at):
    """The derivative of `value`, a polynomial, by exact differences: from enough values at whole steps."""
    shape = at[name].shape
    found = np.zeros((*np.shape(value(at)), *shape), object)
    for place in np.ndindex(*shape):
        samples = []
        for h in range(9):  # degree 8 at most
            moved = dict(at)
            moved[name] = at[name].copy()
            moved[name][place] += h
            samples.append(np.asarray(value(moved), object))
        # Newton's series: f'(0) = sum over k of (-1)**(k - 1) / k times the k-th forward difference
        total, rows = np.zeros(samples[0].shape, object) * 840, samples
        for k in range(1, 9):
            rows = [b - a for a, b in pairwise(rows)]
            total = total + (-1) ** (k - 1) * (840 // k) * rows[0]
        found[(..., *place)] = np.asarray(total // 840, object)
    return found


class Expressions(RuleBasedStateMachine):
    """Pairs of an expression and a function of the arrays that says its value in Python integers."""

    held = Bundle("held")

    def __init__(self):
        super().__init__()
        self.known = []

    def keep(self, e, value, degree):
        self.known.append((e, value))
        return e, value, degree

    @rule(target=held, name=st.sampled_from(sorted(NAMES)))
    def tensor(self, name):
        e = ed.tensor(name, tuple(f"{name}{k}" for k in range(NAMES[name])))
        return self.keep(e, lambda at: at[name].astype(object), 1)

    @rule(target=held, a=held, b=held, data=st.data())
    def product(self, a, b, data):
        (e, f, p), (g, h, q) = a, b
        if p + q > 6:
            return a
        la, lb = (data.draw(st.text(LETTERS, min_size=x.ndim, max_size=x.ndim)) for x in (e, g))
        there = sorted(set(la + lb))
        out = "".join(data.draw(st.permutations(there)))[
            : data.draw(st.integers(0, min(3, len(there))))
        ]
        text = f"{la},{lb}->{out}"
        return self.keep(ed.einsum(text, e, g), lambda at: _einsum(text, f(at), h(at)), p + q)

    @rule(target=held, a=held, data=st.data())
    def order(self, a, data):
        e, f, p = a
        axes = data.draw(st.permutations(range(e.ndim)))
        la = LETTERS[: e.ndim]
        text = f"{la}->{''.join(la[k] for k in axes)}"
        return self.keep(ed.einsum(text, e), lambda at: np.transpose(f(at), axes), p)

    @rule(target=held, a=held, b=held, c=st.integers(-3, 3))
    def total(self, a, b, c):
        (e, f, p), (g, h, q) = a, b
        if e.ndim != g.ndim:
            return a
        return self.keep(e + c * g, lambda at: f(at) + c * h(at), max(p, q))

    @rule(target=held, a=held)
    def square(self, a):
        e, f, p = a
        return self.keep(e**2, lambda at: f(at) ** 2, 2 * p) if p <= 3 else a

    @precondition(lambda self: self.known)
    @rule(target=held, a=held, name=st.sampled_from(["s", "x", "A"]))
    def derivative(self, a, name):
        e, f, p = a
        if e.ndim + NAMES[name] > 4 or p > 6 or name not in ed.compile(e).tensors:
            return a
        return (
            self.keep(ed.derive(e, name), lambda at: differences(f, name, at), max(p - 1, 0))
            if p > 0
            else a
        )

    @rule(a=held, b=held)
    def equality(self, a, b):
        """Equal expressions have equal values, and hash alike; an expression is equal to what it is."""
        (e, f, _), (g, h, _) = a, b
        assert e == e
        if e == g:
            assert hash(e) == hash(g)
            np.testing.assert_array_equal(f(AT), h(AT))

    @rule(a=consumes(held))
    def forgotten(self, a):
        """What is dropped is dropped from the caches too."""
        self.known = [pair for pair in self.known if pair[0] is not a[0]]

    @invariant()
    def values(self):
        for e, f in self.known[-1:]:
            want = np.asarray(f(AT), object)
            at = {n: AT[n] for n in ed.compile(e).tensors}
            if want.size and max(map(abs, want.ravel().tolist())) > LARGEST:
                at = {n: a.astype(float) for n, a in at.items()}
                np.testing.assert_allclose(ed.evaluate(e, at), want.astype(float), rtol=1e-9)
                continue
            try:
                got = ed.evaluate(e, at)
            except ed.EinderivError as error:
                assert "int64" in str(error)  # noqa: PT017
                continue
            assert got.tolist() == want.tolist()
            assert ed.evaluate(e, at, dense=False).dense().tolist() == want.tolist()

    @invariant()
    def prints(self):
        for e, _ in self.known[-1:]:
            assert str(e)
            assert repr(e)
            assert len(e.axes) == e.ndim
            for show in (ed.formula, ed.latex, ed.source):
                try:
                    assert show(e)
                except ed.LimitError as error:
                    assert "ed.limits" in str(error)  # noqa: PT017


def _einsum(text, *arrays):
    return np.asarray(np.einsum(text, *(np.asarray(a, object) for a in arrays)), object)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        (12, 12),
        pytest.param(length(80, 300), 30, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_expressions(examples, steps):
    machine = Expressions.TestCase()
    machine.settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    machine.runTest()
