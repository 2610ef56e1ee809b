"""Products of one large array become one; each gets its part of it, and waits for nothing that needs it."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.planning import tuning

rng = np.random.default_rng(0)
n, m, k = 40, 50, 4
ARRAYS = {
    "T": (n, m),
    "X": (m, k),
    "Y": (m, k),
    "Z": (m, k + 1),
    "W": (n, k),
    "v": (m,),
    "S": (n, 5, 10),
    "K": (5, 10, k),
    "L": (10, 5, k),
}


def e(text, *names):
    return ed.einsum(text, *names)


#: outputs, and how many products of the large array are made in the end
CASES = {
    "two":            (lambda: [e("nm,mk->nk", "T", "X"), e("nm,mk->nk", "T", "Y")], 1),
    "other orders":   (lambda: [e("nm,mk->nk", "T", "X"), e("mk,nm->kn", "Y", "T")], 1),
    "other sizes":    (lambda: [e("nm,mk->nk", "T", "X"), e("nm,mk->nk", "T", "Z")], 2),
    "other axes":     (lambda: [e("nm,mk->nk", "T", "X"), e("nm,nk->mk", "T", "W")], 2),
    "vectors":        (lambda: [e("nm,m->n", "T", "v"), e("nm,m->n", "T", 2 * ed.tensor("v", "m") ** 2)], 2),
    "in a row":       (lambda: e("nm,nl,lk->mk", "T", "T", ed.exp(e("nm,nl,lk->mk", "T", "T", "X"))), 4),
    "two axes":       (lambda: [e("nab,abk->nk", "S", "K"), e("nab,bak->nk", "S", "L")], 1),
    "one in another": (lambda: [e("nm,mk->nk", "T", "X"), e("nm,mk->nk", "T", ed.exp(e("nm,nk->mk", "T", "W"))),
                                e("nm,mk->nk", "T", "Y")], 2),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.complex128])
@pytest.mark.parametrize("name", CASES)
def test_products_are_stacked(name, dtype, monkeypatch):
    make, count = CASES[name]
    arrays = {a: (rng.integers(-2, 3, shape) / 50).astype(dtype) for a, shape in ARRAYS.items()}
    if dtype is np.int64:
        arrays = {a: rng.integers(-2, 3, shape) for a, shape in ARRAYS.items()}
        make = make if "exp" not in make.__code__.co_names else CASES["two"][0]
    plain = ed.compile(make())
    given = {a: arrays[a] for a in plain.inputs}
    want = plain(given)
    monkeypatch.setattr(tuning, "read_once", 100)
    monkeypatch.setattr(tuning, "small_times", 1)
    f = ed.compile(make())
    got = f(given)
    for a, b in zip(*([x] if isinstance(x, np.ndarray) else x for x in (got, want)), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-4 if dtype is np.float32 else 1e-12, atol=1e-5)
        assert a.base is None or a.base.size == a.size, "a result holds no more than itself"
    steps = f._last.program.steps
    large = next(
        k for k, step in enumerate(steps) if step.op.name == "input" and step.spec[0] in ("S", "T")
    )
    if dtype in (np.float64, np.float32):
        reading = [k for k in f._last.program.live() if large in steps[k].inputs]
        assert len(reading) == count, f._last.emitted.source
        assert all(v < k for k, step in enumerate(steps) for v in step.inputs)
    else:
        assert "stack" not in f._last.emitted.source


def test_results_alias_nothing(monkeypatch):
    monkeypatch.setattr(tuning, "read_once", 100)
    f = ed.compile(CASES["two"][0]())
    given = {a: rng.normal(size=ARRAYS[a]) for a in f.inputs}
    a, b = f(given)
    assert "np.stack" in f._last.emitted.source
    assert not np.shares_memory(a, b)


def test_small_arrays_are_left_alone():
    f = ed.compile(CASES["two"][0]())
    f({a: rng.normal(size=ARRAYS[a]) for a in f.inputs})
    assert "stack" not in f._last.emitted.source
