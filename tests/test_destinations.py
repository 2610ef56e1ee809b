"""A step into an array: what is written, and that it is the value of the step."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.destinations import into
from einderiv.steps import Step

WRITTEN = [
    # kind, spec, what is written into `out`
    ("contract2", ((0, 1), (1, 2), (0, 2)),    ["np.matmul(x, y, out)"]),
    ("contract2", ((0, 1), (1, 2), (2, 0)),    ["np.matmul(y.T, x.T, out)"]),
    ("contract2", ((0, 1), (2, 1), (0, 2)),    ["np.matmul(x, y.T, out)"]),
    ("contract2", ((0, 1), (0, 1), (1, 0)),    ["np.multiply(x.T, y.T, out)"]),
    ("contract2", ((0,), (1,), (1, 0)),        ["np.multiply(x, y[:, None], out)"]),
    ("contract2", ((0, 1), (1,), (0,)),        ["out[...] = x.dot(y)"]),
    ("outer",     ((0,), (1,), (0, 1)),        ["np.multiply(x[:, None], y, out)"]),
    ("add",       (),                          ["np.add(x, y, out)"]),
    ("combine",   ((1, -2), 0),                ["np.subtract(x, 2 * y, out)"]),
    ("combine",   ((1, 2), 5),                 ["np.add(x, 2 * y, out)", "out += 5"]),
    ("combine",   ((3, -2), 0),                ["out[...] = 3 * x - 2 * y"]),
    ("write",     (((0,), (0, 0)), ((0,), (0, 0))),
     ["out[...] = 0", 'np.einsum("aa->a", out)[...] = x', 'np.einsum("aa->a", out)[...] += y']),
    ("write",     (((0,), (0, 0)), ((0, 1), (0, 1))), ["out[...] = y", 'np.einsum("aa->a", out)[...] += x']),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "spec", "want"), WRITTEN, ids=[f"{row[0]} {row[2][0]}" for row in WRITTEN])
def test_what_is_written(kind, spec, want):
    step = Step(kind, (0, 1), spec, (3, 3), 0, (3,) * sum(map(len, spec[:2])) if kind == "contract2" else ())
    assert into(step, ["x", "y"], str, "out", zeroed=False) == want


def test_scales_and_functions():
    step = Step("scale", (0,), (2, (5,)), (3,), 0, (3,))
    assert into(step, ["x"], str, "out", zeroed=False) == ["np.multiply(x, 2 * 5, out)"]
    e = ed.compile(ed.tanh(ed.tensor("x", "i")))
    e(x=np.ones(3))
    assert "np.tanh(x, out)" in e._last._emitted(False).source


ZEROED = [
    # places of the terms, what is written where there are zeros outside of them
    ([(0, 0)],                 ['np.einsum("aa->a", out)[...] = x0']),
    ([(0, 0), (0, 0)],         ['np.einsum("aa->a", out)[...] = x0', 'np.einsum("aa->a", out)[...] += x1']),
    ([(0, 0, 1), (0, 1, 0)],
     ['np.einsum("aba->ab", out)[...] = 0', 'np.einsum("aab->ab", out)[...] = x0',
      'np.einsum("aba->ab", out)[...] += x1']),
    ([(0, 0), (0, 1)],         ["out[...] = x1", 'np.einsum("aa->a", out)[...] += x0']),
    ([],                       []),
]  # fmt: skip


@pytest.mark.parametrize(("places", "want"), ZEROED, ids=[str(row[0]) for row in ZEROED])
def test_terms_into_zeros(places, want):
    spec = tuple((tuple(dict.fromkeys(place)), place) for place in places)
    step = Step("write", tuple(range(len(places))), spec, (3,) * (len(places[0]) if places else 1), 0)
    names = [f"x{k}" for k in range(len(places))]
    assert into(step, names, str, "out", zeroed=True) == want
    n = len(places[0]) if places else 1
    rng, out = np.random.default_rng(0), np.zeros((3,) * n)
    arrays = dict(zip(names, (rng.normal(size=(3,) * len(labels)) for labels, _ in spec), strict=True))
    want_ = np.zeros_like(out)
    for name, (_, place) in zip(names, spec, strict=True):
        letters = "".join("abc"[x] for x in place)
        short = "".join(dict.fromkeys(letters))
        np.einsum(f"{letters}->{short}", out)[...] = 99
        np.einsum(f"{letters}->{short}", want_)[...] += arrays[name]
    for line in into(step, names, str, "out", zeroed=True):
        exec(line, {"np": np, "out": out, **arrays})
    np.testing.assert_allclose(out, want_)
