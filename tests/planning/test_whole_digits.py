"""Axes merged, split, and of Kronecker products: the same values, views only, and no Kronecker product
formed.
"""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import tensors_of
from einderiv.planning import tuning

A, B, X, Y = (
    ed.tensor(n, axes) for n, axes in (("A", "ij"), ("B", "kl"), ("X", "ij"), ("Y", "jk"))
)
x, y = ed.tensor("x", "p"), ed.tensor("y", "q")
SHAPES = {"A": (2, 3), "B": (4, 5), "X": (2, 3), "Y": (3, 4), "x": (8,), "y": (15,), "z": (6,)}
rng = np.random.default_rng(0)
FORM = ed.einsum("p,pq,q->", x, ed.kron(A, B), y)


def form(A, B, x, y):
    return x @ np.kron(A, B) @ y


EXPRESSIONS = {
    "a form":             (FORM, lambda A, B, x, y, **_: form(A, B, x, y)),
    "by A":               (ed.grad(FORM, A), lambda B, x, y, **_: x.reshape(2, 4) @ B @ y.reshape(3, 5).T),
    "by B":               (ed.grad(FORM, B), lambda A, x, y, **_: x.reshape(2, 4).T @ A @ y.reshape(3, 5)),
    "by x":               (ed.grad(FORM, x), lambda A, B, y, **_: np.kron(A, B) @ y),
    "A, then B":          (ed.derive(ed.grad(FORM, A), B), lambda x, y, **_: np.einsum("ik,jl->ijkl", x.reshape(2, 4), y.reshape(3, 5))),
    "kron times":         (ed.kron(A, B) @ y, lambda A, B, y, **_: np.kron(A, B) @ y),
    "vec of a product":   (ed.einsum("a,a->", ed.vec(X @ Y), x), lambda X, Y, x, **_: (X @ Y).ravel() @ x),
    "column by column":   (ed.einsum("a,a->", ed.vec(X @ Y, order="F"), x), lambda X, Y, x, **_: (X @ Y).ravel("F") @ x),
    "vec twice":          (ed.einsum("a,a->", ed.vec(X), ed.vec(2 * A)), lambda X, A, **_: 2 * (X * A).sum()),
    "vec kept":           (ed.einsum("a,a->a", ed.vec(X), ed.tensor("z", "a")), lambda X, z, **_: X.ravel() * z),
    "split":              (ed.unvec(ed.einsum("ij,i->j", ed.kron(A, B), x), (3, 5)), lambda A, B, x, **_: (x @ np.kron(A, B)).reshape(3, 5)),
    "split a view":       (ed.unvec(ed.einsum("i,j->ji", x, y), (2, 4)), lambda x, y, **_: np.outer(y, x).reshape(15, 2, 4)),
    "split a function":   (ed.unvec(ed.exp(0 * x), (2, 4)), lambda x, **_: np.ones((2, 4))),
    "other parts":        (ed.unvec(ed.vec(X), (3, 2)), lambda X, **_: X.reshape(3, 2)),
    "trace of kron":      (ed.trace(ed.kron(ed.einsum("ij,kj->ik", A, A), ed.einsum("kl,ml->km", B, B))), lambda A, B, **_: np.trace(np.kron(A @ A.T, B @ B.T))),
    "kron of kron":       (ed.kron(A, ed.kron(B, A)), lambda A, B, **_: np.kron(A, np.kron(B, A))),
    "an axis of size 1":  (ed.unvec(ed.vec(X), (1, 6, 1)), lambda X, **_: X.reshape(1, 6, 1)),
}  # fmt: skip


@pytest.mark.parametrize(("e", "want"), EXPRESSIONS.values(), ids=EXPRESSIONS)
@pytest.mark.parametrize("worth", [0.0, 1e9])
def test_values(e, want, worth, monkeypatch):
    """As they are written, and with all rewrites that are tried."""
    monkeypatch.setattr(tuning, "worth_seconds", worth)
    at = {n: rng.integers(-3, 4, SHAPES[n]) for n in tensors_of(e)}
    got = ed.evaluate(e, at)
    expected = want(**at)
    assert got.shape == expected.shape and (got == expected).all()


N = 24
LARGE = {n: (N, N) for n in "ABXY"} | {n: (N * N,) for n in "xyz"} | {"u": (N**3,), "v": (N**3,)}


@pytest.mark.parametrize(
    ("e", "flops", "largest"),
    [
        (FORM, 4.1 * N**3, N**2),
        (ed.grad(FORM, A), 4.1 * N**3, N**2),
        (ed.grad(FORM, x), 4.1 * N**3, N**2),
        (ed.kron(A, B) @ y, 4.1 * N**3, N**2),
        (ed.sum((ed.kron(A, B) @ y - x) ** 2), 4.2 * N**3, N**2),
        (ed.trace(ed.kron(A @ X, B)), 2 * N**2 + 2 * N, N**2),
        (
            ed.einsum("p,pq,q->", ed.tensor("u", "p"), ed.kron(A, ed.kron(B, A)), ed.tensor("v", "q")),
            6.1 * N**4,
            N**3,
        ),
        (ed.grad(ed.einsum("p,pq,q->", x, ed.kron(A, A), y), A), 8.1 * N**3, N**2),
        # (A ⊗ B)ᵀ (A ⊗ B) = AᵀA ⊗ BᵀB
        (ed.derive(ed.grad(ed.sum((ed.kron(A, B) @ y - x) ** 2), y), y), 4.1 * N**3 + 2 * N**4, N**4),
    ],
    ids=["form", "by A", "by x", "times y", "squares", "trace", "three", "twice A", "normal matrix"],
)  # fmt: skip
def test_no_kronecker_product_is_formed(e, flops, largest):
    plan = ed.compile(e).plan({n: LARGE[n] for n in tensors_of(e)})
    assert plan.largest <= largest
    assert plan.flops <= flops


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (ed.vec(X), "X.reshape((i*j,))"),
        (ed.vec(X, order="F"), "X.T"),
        (ed.unvec(x, (2, 4)), "x.reshape((2, 4))"),
    ],
    ids=["vec", "vec by columns", "unvec"],
)
@pytest.mark.parametrize("backend", ["numpy", "torch", "jax", "dask", "cupy"])
def test_whole_digits_are_a_reshape_for_all_sizes(e, text, backend):
    source = ed.source(e, backend)
    assert ".reshape(" in source
    if backend == "numpy":
        assert text in source
    assert "_at(" not in source


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("old", "new"), [((40, 60), (30, 80)), ((40, 1, 60), (16, 1, 150)), ((8, 9, 10), (15, 48))]
)
def test_a_reshape_between_shapes_without_common_axes_forms_nothing_larger(old, new, order):
    X, U = ed.tensor("X", old), ed.tensor("U", new)
    x, u = np.arange(np.prod(old)).reshape(old), np.arange(np.prod(new)).reshape(new)
    y = ed.reshape(X, new, order)
    with ed.limits.override(dense_bytes=2 * x.nbytes):
        assert (ed.evaluate(y, X=x) == x.reshape(new, order=order)).all()
        back = ed.evaluate(ed.vjp(y, X, U), X=x, U=u)
        product = ed.evaluate(ed.einsum("...,...->", y, U), X=x, U=u)
    assert (back == u.reshape(old, order=order)).all()
    assert product == (x.reshape(new, order=order) * u).sum()


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 4, 8, 12, 24])
def test_gradients_through_reshapes_whose_sizes_only_a_call_knows(rows):
    """Σ over c and d of ``n c + d = 4 a + b`` is 1: a relation that says all digits of a place is left out."""
    e = ed.grad(ed.sum(A.reshape(rows, -1) ** 2), A)
    given = rng.integers(-9, 10, (6, 4))
    f = ed.compile(e)
    assert (f(A=given) == 2 * given).all()
    if 6 % rows == 0:
        program = f._last.program
        assert max(map(program.entries, program.live())) == given.size
