"""The quick way through a planned call gives what the long way gives, and takes nothing that is not as before."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import leaves
from einderiv.runtime import Compiled

A = np.arange(6.0).reshape(2, 3)
B = np.arange(12.0).reshape(3, 4)
e = ed.einsum("ij,jk->ik", "A", "B")


def compiled(e=e, **options):
    f = ed.compile(e, **options)
    for _ in range(2):
        f(A=A, B=B)
    assert type(f) is not Compiled
    return f


def test_the_quick_way_agrees(monkeypatch):
    f = compiled()
    assert isinstance(f, Compiled)
    monkeypatch.setattr(Compiled, "_given", None)  # the long way would ask it
    assert (f(A=A, B=B) == A @ B).all()
    assert (f.raw(A, B) == A @ B).all()


def test_a_mapping_goes_the_quick_way_too(monkeypatch):
    f = compiled()
    monkeypatch.setattr(Compiled, "_given", lambda *_: pytest.fail("the long way"))
    assert (f({"A": A, "B": B}) == A @ B).all()
    assert (f({"B": B, "A": A}) == A @ B).all()
    assert (f({"A": A, "C": B, "B": B}) == A @ B).all()
    for arrays, named in (({"A": A}, {"B": B}), ({"A": A, "B": B}, {"B": B})):
        with pytest.raises(pytest.fail.Exception, match="the long way"):
            f(arrays, **named)


@pytest.mark.parametrize("name", ["v", "r", "n", "others", "options", "call", "dict"])
def test_names_that_the_wrapper_does_not_take(name, monkeypatch):
    f = ed.compile(ed.einsum("ij,jk->ik", "A", name))
    for _ in range(2):
        f({"A": A, name: B})
    monkeypatch.setattr(Compiled, "_given", None)
    assert (f({"A": A, name: B}) == A @ B).all()
    assert (f(A=A, **{name: B}) == A @ B).all()


def test_arrays_that_only_fix_sizes_are_compared_too(monkeypatch):
    X = ed.tensor("X", "ij")
    f = ed.compile(ed.grad(ed.sum(ed.einsum("ij,jk->ik", X, "B")), X))
    for _ in range(2):
        f(X=A, B=B)
    assert type(f) is not Compiled
    assert f(X=A[:1], B=B).shape == (1, 3)
    assert f(X=A.astype(np.complex64), B=B).dtype == complex
    with pytest.raises(ed.ShapeError):
        f(X=A.T, B=B)
    for _ in range(2):
        f(X=A, B=B)
    monkeypatch.setattr(Compiled, "_given", None)
    assert (f(X=A, B=B) == np.tile(B.sum(1), (2, 1))).all()


@pytest.mark.parametrize(
    "tree",
    [
        ed.derive(e, "A"),
        [ed.derive(e, "A"), ed.derive(e, "B")],
        [ed.derive(e * 0, "A"), ed.derive(e, "A")],
    ],
)
def test_structured_results_the_quick_way(tree, monkeypatch):
    f = ed.compile(tree, dense=False)
    f(A=A, B=B)
    want = f(A=A, B=B)
    monkeypatch.setattr(Compiled, "_given", None)
    for got, one in zip(leaves(f(A=A, B=B)), leaves(want), strict=True):
        assert got.shape == one.shape
        assert got.split == one.split
        assert (got.dense() == one.dense()).all()


CHANGED = {
    "shape":      (A[:1], B),
    "dtype":      (A.astype(np.float32), B),
    "integers":   (A.astype(int), B.astype(int)),
    "list":       (A.tolist(), B),
    "subclass":   (A.view(np.matrix) if hasattr(np, "matrix") else A, B),
    "byte order": (A.astype(">f8"), B),
    "complex":    (A * 1j, B),
    "strides":    (A[::-1], B.T.copy().T),
    "0 sizes":    (A[:0], B),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("name", CHANGED)
def test_what_is_not_as_before_goes_the_long_way(name):
    f, (a, b) = compiled(), CHANGED[name]
    want = np.asarray(a) @ np.asarray(b)
    got = f(A=a, B=b)
    assert type(got) is np.ndarray
    assert got.dtype == np.result_type(np.asarray(a), np.asarray(b))
    assert (got == want).all()
    assert (f(A=A, B=B) == A @ B).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f(A=A), "no array for B"),
        (lambda f: f(A=A, B=B, C=B), "no tensor here is called 'C'"),
        (lambda f: f(A=A, B=A), "label 'j'|axis"),
        (lambda f: f(A=A, B=None), "B"),
    ],
)
def test_errors_are_those_of_the_long_way(call, message):
    with pytest.raises((ed.EinderivError, TypeError), match=message):
        call(compiled())


def test_a_lower_limit_counts_at_once(monkeypatch):
    f = compiled()
    monkeypatch.setitem(ed.limits.__dict__, "dense_bytes", 8)
    with pytest.raises(ed.LimitError, match="dense_bytes"):
        f(A=A, B=B)


def test_arrays_that_are_held_may_change():
    held = np.ones(3)
    f = ed.compile(ed.einsum("ij,j->i", "A", held))
    assert f(A=A).tolist() == [3, 12]
    held[:] = 2
    assert f(A=A).tolist() == [6, 24]
    assert f.raw(A).tolist() == [6, 24]


@pytest.mark.parametrize("tree", [[e], (e, ed.sum(e)), {"a": e, "b": [ed.sum(e)]}])
def test_trees(tree):
    f = compiled(tree)
    first, second = f(A=A, B=B), f(A=A, B=B)
    assert str(first) == str(second)
    assert type(second) is type(tree)


def test_scalars_are_arrays_both_times():
    f = compiled(ed.sum(e))
    for _ in range(2):
        assert isinstance(f(A=A, B=B), np.ndarray)


def test_singular_matrices_are_named_by_the_long_way():
    f = ed.compile(ed.solve(ed.tensor("M", "ij"), ed.tensor("b", "i")))
    assert f(M=np.eye(2), b=np.ones(2)).tolist() == [1, 1]
    with pytest.raises(ed.EinderivError, match="Singular"):
        f(M=np.ones((2, 2)), b=np.ones(2))


@pytest.mark.parametrize("name", ["others", "r", "type", "_compute", "self_", "_held"])
def test_tensors_may_have_the_names_of_the_wrapper(name):
    f = ed.compile(2 * ed.tensor(name, "i"))
    for k in range(3):
        assert f({name: np.array([1.0, k])}).tolist() == [2, 2 * k]
        assert f(**{name: np.array([1.0, k])}).tolist() == [2, 2 * k]


def test_declared_structures_are_checked_in_every_call():
    f = ed.compile(ed.tensor("S", "nn", symmetric=True) * 2.0)
    f(S=np.eye(2))
    with pytest.raises(ed.EinderivError, match="declared symmetric"):
        f(S=np.array([[1.0, 2], [0, 1]]))


def test_results_never_alias_arrays():
    a = ed.tensor("A", "ij")
    for e in (a.T, ed.vec(a), ed.unvec(ed.vec(a), a)):
        f = ed.compile(e)
        for _ in range(3):
            assert not np.shares_memory(f(A=A), A)


# ---- torch and JAX
@pytest.fixture(params=["torch", "jax"])
def make(request):
    module = pytest.importorskip(request.param)
    if request.param == "jax":
        module.config.update("jax_enable_x64", True)
        return module.numpy.asarray
    return module.tensor


def test_arrays_of_a_library_go_the_quick_way(make, monkeypatch):
    f, a, b = ed.compile(e), make(A), make(B)
    for _ in range(2):
        f(A=a, B=b)
    assert type(f) is not Compiled
    with monkeypatch.context() as patch:
        patch.setattr(Compiled, "_given", None)
        assert type(f(A=a, B=b)) is type(a)
        assert (np.asarray(f(A=a, B=b)) == A @ B).all()
    assert type(f(A=A, B=B)) is np.ndarray
    assert (np.asarray(f(A=a[:1], B=b)) == A[:1] @ B).all()
    assert "complex" in str(f(A=make(A * 1j), B=b).dtype)
    with pytest.raises(ed.BackendError, match="convert one of them"):
        f(A=a, B=B)
    with pytest.raises(ed.ShapeError):
        f(A=a, B=a)


def test_tracers_go_the_long_way(monkeypatch):
    jax = pytest.importorskip("jax")
    f, a = (
        ed.compile(ed.einsum("ij,j->i", "A", np.arange(3.0)), backend="jax"),
        jax.numpy.asarray(A),
    )
    assert jax.jit(lambda A: f(A=A))(A).tolist() == [5, 14]  # planned while it is traced
    for _ in range(3):
        assert f(A=a).tolist() == [5, 14]
    assert type(f) is not Compiled
    assert jax.jit(lambda A: f(A=A))(a).tolist() == [5, 14]
    assert jax.vmap(lambda A: f(A=A))(a[None]).tolist() == [[5, 14]]
    assert jax.jacrev(lambda A: f(A=A))(a).shape == (2, 2, 3)
    monkeypatch.setattr(Compiled, "_given", None)
    assert f(A=a).tolist() == [5, 14]
