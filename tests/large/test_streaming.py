"""Results written to Zarr block by block: the same numbers, little memory, taken up again where a kill ended them."""

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

import einderiv as ed
from einderiv.large import stream, streaming
from einderiv.large.streaming import block_shape

zarr = pytest.importorskip("zarr", reason="zarr is an extra")

rng = np.random.default_rng(0)
AT = {
    "A": rng.integers(-3, 4, (7, 5)).astype(float),
    "B": rng.integers(-3, 4, (5, 4)).astype(float),
    "x": rng.integers(-3, 4, 5).astype(float),
}
CASES = {
    "by operand": lambda: ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "A"),
    "by other":   lambda: ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "B"),
    "two terms":  lambda: ed.derive(ed.einsum("ij,ij->i", "A", "A") + ed.einsum("ij->i", "A"), "A"),
    "outer":      lambda: ed.derive(ed.einsum("ij,kl,j->ikl", "A", "B", "x"), "x"),
    "copy":       lambda: ed.derive(ed.einsum("ij,jk,j->", "A", "B", "x"), "x", indices="a"),
    "identity":   lambda: ed.derive(ed.tensor("A", "ij"), "A"),
    "whole":      lambda: ed.einsum("ij,jk->ik", "A", "B"),
    "scalar":     lambda: ed.einsum("ij->", "A"),
    "windows":    lambda: ed.einsum("(i+k)j->ijk", "A", sizes={"k": 3}),
    "banded":     lambda: ed.derive(ed.einsum("i+k,k->i", "x", np.array([1.0, -2, 3])), "x"),
    "differences": lambda: ed.derive((ed.tensor("A", (7, 5))[1:] - ed.tensor("A", (7, 5))[:-1]) ** 2, "A"),
    "rows":       lambda: ed.derive(ed.einsum("(r[e])k->ek", "A", r=np.array([6, 0, 0, 3])), "A"),
    "segments":   lambda: ed.einsum("ij->(r[i])j", "A", r=np.array([2, 0, 2, 1, 1, 2, 0]), sizes={"r": 4}),
}  # fmt: skip


@pytest.mark.parametrize("limit", [1000, 4000, "1MB"])
@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers(name, limit, tmp_path):
    e = CASES[name]()
    arrays = {n: a for n, a in AT.items() if n in ed.compile(e).tensors}
    got = stream(e, arrays, to=tmp_path / "J.zarr", memory_limit=limit)
    want = ed.evaluate(e, arrays)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    assert np.asarray(got[...]).tolist() == want.tolist()
    assert not (tmp_path / "J.zarr.journal").exists()


def test_zeros_are_not_on_disk(tmp_path):
    e = ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "A")
    n = 40
    stream(e, A=np.ones((n, n)), B=np.ones((n, n)), to=tmp_path / "J.zarr", memory_limit="1MiB")
    held = sum(p.stat().st_size for p in (tmp_path / "J.zarr").rglob("*") if p.is_file())
    assert held < 8 * n**4 / 8


@pytest.mark.parametrize(
    ("shape", "itemsize", "free"),
    [((100, 100), 8, 3200), ((3, 4, 5), 8, 1), ((0, 5), 8, 100), ((), 8, 10), ((1000,), 4, 10**9)],
)
def test_blocks_fit(shape, itemsize, free):
    found = block_shape(shape, itemsize, free)
    assert len(found) == len(shape)
    assert all(1 <= c <= max(n, 1) for c, n in zip(found, shape))
    assert np.prod(found) * itemsize * streaming.SHARE <= max(free, itemsize * streaming.SHARE)


E = CASES["by operand"]()
ARRAYS = {"A": AT["A"], "B": AT["B"]}


def interrupted(tmp_path, count):
    """A call that is stopped after so many blocks."""
    seen = 0
    whole = streaming.block

    def stopping(*what):
        nonlocal seen
        if (found := whole(*what)) is not None:
            seen += 1
            if seen > count:
                raise KeyboardInterrupt
        return found

    streaming.block = stopping
    try:
        with pytest.raises(KeyboardInterrupt):
            stream(E, ARRAYS, to=tmp_path / "J.zarr", memory_limit=2000)
    finally:
        streaming.block = whole


@pytest.mark.parametrize("cut", [False, True])
def test_a_call_is_taken_up_again(tmp_path, monkeypatch, cut):
    interrupted(tmp_path, 3)
    journal = tmp_path / "J.zarr.journal"
    assert len(journal.read_text().splitlines()) == 3
    if cut:
        journal.write_text(journal.read_text()[:-4])
    made = []
    whole = streaming.block
    monkeypatch.setattr(streaming, "block", lambda *what: made.append(what) or whole(*what))
    got = stream(E, ARRAYS, to=tmp_path / "J.zarr", memory_limit=2000)
    again = len(made)
    assert np.asarray(got[...]).tolist() == ed.evaluate(E, ARRAYS).tolist()
    made.clear()
    stream(E, ARRAYS, to=tmp_path / "fresh.zarr", memory_limit=2000)
    assert len(made) == again + 3 - cut
    made.clear()
    assert stream(E, ARRAYS, to=tmp_path / "J.zarr", memory_limit=2000)[0, 0, 0, 0] == AT["B"][0, 0]
    assert made == []


def test_other_numbers_are_not_mixed_in(tmp_path):
    interrupted(tmp_path, 3)
    for arrays, limit in (({**ARRAYS, "B": AT["B"] + 1}, 2000), (ARRAYS, 3000)):
        with pytest.raises(ed.EinderivError, match="holds another result"):
            stream(E, arrays, to=tmp_path / "J.zarr", memory_limit=limit)


def test_what_is_there_stays(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ed.EinderivError, match="is no Zarr array"):
        stream(E, ARRAYS, to=tmp_path / "file", memory_limit=2000)
    zarr.create_array(str(tmp_path / "other.zarr"), shape=(3,), dtype=float)
    with pytest.raises(ed.EinderivError, match="did not write"):
        stream(E, ARRAYS, to=tmp_path / "other.zarr", memory_limit=2000)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ed.EinderivError, match="cannot be written"):
        stream(E, ARRAYS, to=tmp_path / "file" / "J.zarr", memory_limit=2000)


def test_a_part_of_a_core_must_fit(tmp_path):
    with pytest.raises(ed.LimitError, match="limit of 5 bytes"):
        stream(LARGE["a function"](), A=M, B=M.T, to=tmp_path / "J.zarr", memory_limit=10)


def test_cores_that_dask_computes_must_fit(tmp_path):
    da = pytest.importorskip("dask.array", reason="dask is an extra")
    lazy = {n: da.from_array(a, chunks=3) for n, a in ARRAYS.items()}
    with pytest.raises(ed.LimitError, match="the cores alone take 160 bytes"):
        stream(E, lazy, to=tmp_path / "J.zarr", memory_limit=200)
    assert not (tmp_path / "J.zarr").exists()


M = rng.normal(size=(600, 8))
LARGE = {  # cores of 2.9 MB and more, of little
    "a product":     lambda: ed.tensor("A", "ik") @ ed.tensor("B", "kj"),
    "a function":    lambda: ed.softmax(ed.tensor("A", "ik") @ ed.tensor("B", "kj")),
    "in its place":  lambda: ed.derive(ed.einsum("ik,kj,ij->i", "A", "B", "C"), "C"),
    "a Gram matrix": lambda: ed.einsum("ik,jk->ij", ed.exp(ed.tensor("A", "ik")), "A"),
    "two terms":     lambda: ed.einsum("ik,kj->ij", "A", "B") + ed.einsum("i,j->ij", "x", "x"),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_cores_larger_than_the_memory(tmp_path, name):
    e = LARGE[name]()
    arrays = {"A": M, "B": M.T, "C": np.ones((600, 600)), "x": M[:, 0]}
    arrays = {n: arrays[n] for n in ed.compile(e).tensors}
    tracemalloc.start()
    got = stream(e, arrays, to=tmp_path / "J.zarr", memory_limit="1MB", progress=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2e6  # Zarr and the journal have theirs
    want = ed.evaluate(e, arrays, dense=False)
    for at in (0, 1, 299, 599):
        np.testing.assert_allclose(got[at], want.dense()[at], rtol=1e-12, atol=1e-12)


def test_portions_are_taken_up_again_and_not_with_other_numbers(tmp_path, monkeypatch):
    e, arrays = LARGE["a product"](), {"A": M, "B": M.T}
    whole, seen = streaming.block, []

    def stopping(*what):
        seen.append(what)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return whole(*what)

    monkeypatch.setattr(streaming, "block", stopping)
    with pytest.raises(KeyboardInterrupt):
        stream(e, arrays, to=tmp_path / "J.zarr", memory_limit="1MB")
    for other in ({"A": M, "B": M.T + 1}, {"A": M + 1, "B": M.T}):
        with pytest.raises(ed.EinderivError, match="holds another result"):
            stream(e, other, to=tmp_path / "J.zarr", memory_limit="1MB")
    got = stream(LARGE["a product"](), arrays, to=tmp_path / "J.zarr", memory_limit="1MB")
    assert (np.asarray(got[...]) == M @ M.T).all()
    count = len(seen)
    seen[:] = [0] * 9
    stream(e, arrays, to=tmp_path / "fresh.zarr", memory_limit="1MB")
    assert len(seen) - 9 == count - 1  # the fifth was begun twice


def test_one_expression_at_a_time(tmp_path):
    with pytest.raises(TypeError, match="one expression"):
        stream([E], ARRAYS, to=tmp_path / "J.zarr", memory_limit=2000)


RUN = """
import numpy as np, einderiv as ed, sys
n = 64
J = ed.derive(ed.einsum("is,st,tj->ij", "X", "Y", "P"), "X")
rng = np.random.default_rng(0)
arrays = {name: rng.integers(-3, 4, (n, n)).astype(float) for name in "XYP"}
ed.stream(J, arrays, to=sys.argv[1], memory_limit="1MiB", progress=False)
"""


@pytest.mark.slow
def test_a_killed_process_is_continued_by_the_next(tmp_path):
    """134 MB dense, with 1 MiB: killed three times on the way."""
    path = tmp_path / "J.zarr"
    counts = []
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", RUN, str(path)])
        journal, start = tmp_path / "J.zarr.journal", time.monotonic()
        before = counts[-1] if counts else 0
        while time.monotonic() - start < 60 and process.poll() is None:
            if journal.exists() and journal.read_text().count("\n") > before + 20:
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.005)
        process.wait()
        if not journal.exists():
            break
        counts.append(journal.read_text().count("\n"))
    assert counts == sorted(counts)
    assert counts
    subprocess.run([sys.executable, "-c", RUN, str(path)], check=True)
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(-3, 4, (64, 64)).astype(float) for name in "XYP"}
    J = ed.derive(ed.einsum("is,st,tj->ij", "X", "Y", "P"), "X")
    assert (zarr.open_array(str(path), mode="r")[...] == ed.evaluate(J, arrays)).all()
    assert json.loads(json.dumps(counts)) == counts


@pytest.mark.parametrize("dtype", [float, int])
def test_terms_of_two_thin_sides(tmp_path, dtype):
    """``U[k,a] V[k,b]`` is held as U and V: a block multiplies what it needs of them."""
    U, V = rng.integers(-3, 4, (2, 2, 40)).astype(dtype)
    e = ed.einsum("ka,kb->abb", "U", "V")
    whole = ed.evaluate(e, U=U, V=V)
    assert len(ed.evaluate(e, U=U, V=V, dense=False)._terms[0].factors) == 2
    got = stream(e, U=U, V=V, to=tmp_path / "t.zarr", memory_limit=300_000, progress=False)
    assert np.array_equal(got[...], whole)
