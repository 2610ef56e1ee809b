"""Dask: the numbers of NumPy for every step, however axes are cut; what deltas leave zero costs nothing."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends.dask import DASK

dask = pytest.importorskip("dask", reason="dask is an extra")
da = pytest.importorskip("dask.array", reason="dask is an extra")

SHAPES = {
    "A": (6, 5),
    "B": (5, 4),
    "C": (4, 6),
    "S": (5, 5),
    "x": (5,),
    "y": (6,),
    "T": (6, 5, 4),
    "c": (),
}
rng = np.random.default_rng(0)
AT = {name: rng.integers(-3, 4, shape).astype(float) for name, shape in SHAPES.items()}
X, w = ed.tensor("A", "ij"), ed.tensor("x", "j")
CASES = {
    "product":          lambda: ed.einsum("ij,jk->ik", "A", "B"),
    "chain":            lambda: ed.einsum("ij,jk,kl->il", "A", "B", "C"),
    "trace":            lambda: ed.einsum("ij,jk,ki->", "A", "B", "C"),
    "diagonal":         lambda: ed.einsum("ii->i", "S"),
    "sum":              lambda: ed.einsum("ij->", "A"),
    "outer":            lambda: ed.einsum("i,jk->kij", "y", "B"),
    "batch":            lambda: ed.einsum("ijk,ij->ik", "T", "A"),
    "order":            lambda: ed.einsum("ijk->kij", "T"),
    "copies":           lambda: ed.einsum("j->jj", "x"),
    "broadcast":        lambda: ed.einsum("j->ij", "x", sizes={"i": 3}),
    "scaled":           lambda: 3 * ed.einsum("ij,j->i", "A", "x") - 1,
    "by operand":       lambda: ed.derive(ed.einsum("ij,jk,kl->il", "A", "B", "C"), "A"),
    "by middle":        lambda: ed.derive(ed.einsum("ij,jk,kl->il", "A", "B", "C"), "B"),
    "by itself":        lambda: ed.derive(ed.tensor("A", "ij"), "A"),
    "of a diagonal":    lambda: ed.derive(ed.einsum("ii->i", "S"), "S"),
    "two terms":        lambda: ed.hessian(ed.einsum("i,ij,j->", "x", "S", "x"), "x"),
    "overlapping":      lambda: ed.derive(ed.einsum("ij,ij->i", "A", "A") + ed.einsum("ij->i", "A"), "A"),
    "Hessian":          lambda: ed.hessian(ed.sum((X - ed.einsum("i,j->ij", "y", w)) ** 2), w),
    "zero":             lambda: ed.derive(ed.einsum("ij->i", "A"), ed.tensor("x", "j")),
    "held array":       lambda: ed.einsum("ij,jk->ik", "A", AT["B"]),
    "scalar":           lambda: ed.einsum(",i->i", "c", "y"),
}  # fmt: skip
REGULAR = ed.einsum("ij,ik->jk", "A", "A") + 9 * ed.diag(ed.exp(w))
CLOSE = {
    "elementwise":      lambda: ed.tanh(ed.einsum("ij,j->i", "A", "x")),
    "two arguments":    lambda: ed.arctan2(ed.tensor("y", "i"), ed.einsum("ij,j->i", "A", "x")),
    "sigmoid":          lambda: ed.derive(ed.sigmoid(X @ w), w),
    "softmax":          lambda: ed.softmax(X, 1),
    "softmax, first":   lambda: ed.softmax(X, 0),
    "its derivative":   lambda: ed.derive(ed.softmax(X, 1), X),
    "logsumexp":        lambda: ed.hessian(ed.sum(ed.logsumexp(X, 1)), X),
    "maximum":          lambda: ed.max(X, 1),
    "with a number":    lambda: ed.maximum(X, 0.5),
    "clipped":          lambda: ed.clip(X, -1, 1),
    "inverse":          lambda: ed.inv(REGULAR),
    "solve":            lambda: ed.einsum("ij,jk->ik", ed.inv(REGULAR), "B"),
    "logdet":           lambda: ed.grad(ed.logdet(REGULAR), w),
}  # fmt: skip
CHUNKS = ["auto", 2, 4]


def lazy(e, chunks, **options):
    f = ed.compile(e, backend="dask", **options)
    return f(
        {
            name: da.from_array(AT[name], chunks=chunks if AT[name].ndim else ())
            for name in f.tensors
        }
    )


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("name", CASES)
def test_whole_numbers_are_the_same(name, chunks):
    e = CASES[name]()
    want = ed.evaluate(e, {n: AT[n] for n in ed.compile(e).tensors})
    got = lazy(e, chunks, memory_limit=640 if chunks == 4 else None)
    assert isinstance(got, da.Array)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    assert got.compute(scheduler="sync").tolist() == want.tolist()


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("name", CLOSE)
def test_functions_are_the_same(name, chunks):
    e = CLOSE[name]()
    want = ed.evaluate(e, {n: AT[n] for n in ed.compile(e).tensors})
    np.testing.assert_allclose(
        lazy(e, chunks).compute(scheduler="sync"), want, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("name", ["by operand", "two terms", "Hessian"])
def test_structured_results(name):
    e = CASES[name]()
    got = lazy(e, 2, dense=False)
    want = ed.evaluate(e, {n: AT[n] for n in ed.compile(e).tensors})
    assert [embedding for _, embedding in got.terms]
    assert all(isinstance(core, da.Array) for core, _ in got.terms)
    assert got.dense().compute(scheduler="sync").tolist() == want.tolist()


def test_blocks_off_the_diagonal_are_neither_computed_nor_stored():
    J = ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "A")
    n = 64
    f = ed.compile(J, backend="dask", memory_limit=2**20)
    arrays = {"A": da.zeros((n, n), chunks=16), "B": da.ones((n, n), chunks=16)}
    got = f(arrays)
    off = [(got.name, *place) for place in np.ndindex(got.numblocks) if place[0] != place[2]]
    assert got.numblocks[0] >= 4
    assert len(off) == got.npartitions - got.npartitions // got.numblocks[0]
    assert all(
        b.strides == (0,) * 4 and not b.any() for b in dask.get(got.__dask_graph__(), off[:5])
    )
    assert got.nbytes == 8 * n**4


def test_a_dense_result_may_be_larger_than_the_memory():
    n = 300
    J = ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "A")
    f = ed.compile(J, backend="dask")
    got = f(A=da.zeros((n, n), chunks=100), B=da.ones((n, n), chunks=100))
    assert got.nbytes == 8 * n**4
    assert float(got[5, 7, 5, 9].compute(scheduler="sync")) == 1
    assert float(got[5, 7, 6, 9].compute(scheduler="sync")) == 0


def test_a_limit_on_memory_cuts_blocks():
    e = ed.einsum("i,j->ij", "x", "y")
    x = da.ones(4096, chunks=-1)
    free, tight = (
        ed.compile(e, backend="dask", memory_limit=limit)(x=x, y=x)
        for limit in (None, 8 * 8 * 2**16)
    )
    assert (
        free.numblocks == (2, 2) or free.numblocks == (1, 1) or max(map(max, free.chunks)) <= 4096
    )
    assert max(a * b for a in tight.chunks[0] for b in tight.chunks[1]) <= 2**16


REFUSED = [
    (
        lambda: ed.compile(ed.einsum("ij->i", "A"), backend="dask")(A=da.ones((2, 2), dtype=int)),
        ed.BackendError,
        "whole numbers are exact or refused",
    ),
    (
        lambda: ed.compile(ed.einsum("i->", "x"), backend="dask")(x=da.ones(5)[da.ones(5) > 0]),
        ed.BackendError,
        "unknown size",
    ),
    (
        lambda: ed.evaluate(ed.einsum("i,i->", "x", "y"), x=da.ones(5), y=da.ones(4)),
        ed.ShapeError,
        "5",
    ),
    (
        lambda: ed.compile(ed.einsum("i->", "x"), backend="dask")(x=da.array(["a"])),
        TypeError,
        "dtype",
    ),
]


@pytest.mark.parametrize(("call", "error", "match"), REFUSED)
def test_what_is_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


ROW = ed.tensor("x", "i")


@pytest.mark.parametrize(
    ("e", "function"),
    [
        (ed.sort(ROW), "argsort"),
        (ROW[ed.argsort(ROW)], "argsort"),
        (ed.grad(ed.sum(ed.sort(ROW) ** 2 * ROW), ROW), "argsort"),
        (ROW[ed.argmax(ROW)] * ROW, "argmax"),
        (ed.median(ROW), "order"),
    ],
)
def test_places_that_are_computed(e, function):
    """They choose blocks; their function and its tensor are named. Places that are given are read at."""
    with pytest.raises(
        ed.BackendError, match=f"^dask chooses blocks .*by {function} of x. Give arrays of NumPy"
    ):
        ed.evaluate(e, x=da.from_array(np.array([3.0, 1, 2]), chunks=2))
    x = np.array([3.0, 1, 2])
    at = ed.einsum("(r[e])->e", ROW, index={"r": np.argsort(x)})
    assert ed.evaluate(at, x=da.from_array(x, chunks=2)).compute().tolist() == [1, 2, 3]


def test_the_arrays_decide():
    assert isinstance(ed.evaluate(ed.einsum("ij->i", "A"), A=da.ones((3, 2))), da.Array)
    assert DASK.library.looked_at(da.ones(3)) is None


def test_the_source_runs_on_its_own():
    J = ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "A")
    source = ed.source(J, backend="dask")
    assert "einderiv" not in source
    scope = {}
    exec(source, scope)
    arrays = {"A": da.from_array(AT["A"], chunks=2), "B": da.from_array(AT["B"], chunks=2)}
    got = scope["compute"](arrays["B"], i=6)
    assert got.compute(scheduler="sync").tolist() == ed.evaluate(J, A=AT["A"], B=AT["B"]).tolist()


def tasks(result):
    """How many tasks a graph has as it is made, before Dask joins some."""
    return len(dict(result.__dask_graph__()))


COUNTS = [
    # einsum, sizes of the matrices, chunks, tasks beside the operands: ours at most, da.einsum's at least
    ("ij,jk,kl->il", 1200, 400, 30, 189),
    ("ij,jk->ik", 1024, 128, 80, 1000),
]


@pytest.mark.parametrize(("text", "n", "chunk", "ours", "theirs"), COUNTS)
def test_tasks_of_products(text, n, chunk, ours, theirs):
    given = {
        name: da.random.random((n, n), chunks=chunk) for name in ed.compile(ed.einsum(text)).tensors
    }
    made = sum(tasks(a) for a in given.values())
    assert tasks(ed.compile(ed.einsum(text))(given)) - made <= ours
    assert tasks(da.einsum(text, *given.values())) - made >= theirs


def test_tasks_of_a_gradient():
    loss = ed.parse("T: ijk\nA: ir\nB: jr\nC: kr\nsum((T - einsum('ir,jr,kr->ijk', A, B, C))**2)")
    given = {
        "T": da.zeros((120,) * 3, chunks=40),
        **{x: da.zeros((120, 16), chunks=40) for x in "ABC"},
    }
    assert tasks(ed.compile(ed.grad(loss, "A"))(given)) <= 80  # written with da.einsum: 28 416
