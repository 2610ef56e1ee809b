"""A limit on memory: the peak that is foreseen is the peak that is measured, and slices keep it below."""

import tracemalloc

import numpy as np
import pytest

import einderiv as ed
from einderiv.emission import live
from einderiv.slicing import peak

U, V, T, v = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("T", "nm"), ed.tensor("v", "m")
rng = np.random.default_rng(0)
AT = {"U": rng.normal(size=(1000, 8)), "V": rng.normal(size=(750, 8)), "T": rng.normal(size=(1000, 750)),
      "v": rng.normal(size=750)}  # fmt: skip
WHOLE = 8 * 1000 * 750  # bytes of a matrix of all pairs
CASES = {
    "a number":        ed.sum(ed.tanh(U @ V.T) * T),
    "by rows":         ed.grad(ed.sum(ed.tanh(U @ V.T) * T), U),
    "by columns":      ed.grad(ed.sum(ed.tanh(U @ V.T) * T), V),
    "all pairs":       ed.exp(-ed.einsum("nk,mk->nm", U, V)) @ v,
    "one after other": ed.exp(U @ V.T) @ (ed.exp(V @ U.T) @ ed.exp(U)),
}  # fmt: skip


def given(f):
    return {name: AT[name] for name in f.inputs}


def measured(f):
    f(given(f))
    tracemalloc.start()
    found = f(given(f))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, most


def steps_of(f):
    program = f._last.program
    return program, [(k, program.steps[k]) for k in live(program)]


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("e", CASES.values(), ids=CASES)
def test_memory_stays_below_a_limit(e, share):
    limit = int(share * WHOLE)
    f = ed.compile(e, memory_limit=limit)
    found, most = measured(f)
    np.testing.assert_allclose(found, ed.evaluate(e, given(f)), rtol=1e-11, atol=1e-11)
    assert most <= 1.05 * limit + 20_000
    assert "in progress(range(" in f._last.emitted.source


@pytest.mark.parametrize("e", CASES.values(), ids=CASES)
def test_the_peak_is_what_is_foreseen(e, monkeypatch):
    monkeypatch.setattr("einderiv.pipeline.blocked", lambda *_: None)
    f = ed.compile(e)
    most = measured(f)[1]
    foreseen = 8 * peak(*steps_of(f))
    assert 0.6 * most - 20_000 <= foreseen  # and never much less than what is taken
    assert most <= 1.05 * foreseen + 20_000


def test_no_loop_where_it_fits():
    f = ed.compile(CASES["a number"], memory_limit=10 * WHOLE)
    f(given(f))
    assert "progress" not in f._last.emitted.source


@pytest.mark.parametrize(("e", "limit", "message"), [
    (ed.outer(v, v),        10**6,     r"the dense result of shape \(750, 750\) takes 4.5 MB, over the limit of 1 MB"),
    (ed.inv(T.T @ T) @ v,   5 * 10**6, r"together take 9 MB at their peak, over the memory_limit of 5 MB"),
])  # fmt: skip
def test_what_cannot_be_cut(e, limit, message):
    f = ed.compile(e, memory_limit=limit)
    with pytest.raises(ed.LimitError, match=message):
        f(given(f))


def test_whole_numbers_and_complex_ones_are_cut_too():
    e = ed.einsum("nk,mk,nm->", "U", "V", "T")
    for dtype in (np.int64, np.complex128):
        at = {n: rng.integers(-3, 4, s).astype(dtype) for n, s in dict(U=(50, 8), V=(40, 8), T=(50, 40)).items()}
        f = ed.compile(e, memory_limit=3000)
        assert f(at) == np.einsum("nk,mk,nm->", at["U"], at["V"], at["T"])
