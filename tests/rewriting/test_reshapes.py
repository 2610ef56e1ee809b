"""Reshapes moved to operands: the same values, and no Kronecker product formed."""

import numpy as np
import pytest
from einderiv.rewriting.reshapes import unmerged

import einderiv as ed
from einderiv.expression import Apply, tensors_of, walk
from einderiv.planning import tuning

A, B, X, Y = (
    ed.tensor(n, axes) for n, axes in (("A", "ij"), ("B", "kl"), ("X", "ij"), ("Y", "jk"))
)
x, y = ed.tensor("x", "p"), ed.tensor("y", "q")
SHAPES = {"A": (2, 3), "B": (4, 5), "X": (2, 3), "Y": (3, 4), "x": (8,), "y": (15,), "z": (6,)}
rng = np.random.default_rng(0)
FORM = ed.einsum("p,pq,q->", x, ed.kron(A, B), y)
EXPRESSIONS = {
    "a form":             FORM,
    "by A":               ed.grad(FORM, A),
    "by B":               ed.grad(FORM, B),
    "by x":               ed.grad(FORM, x),
    "A, then B":          ed.derive(ed.grad(FORM, A), B),
    "kron times":         ed.kron(A, B) @ y,
    "vec of a product":   ed.einsum("a,a->", ed.vec(X @ Y), x),
    "column by column":   ed.einsum("a,a->", ed.vec(X @ Y, order="F"), x),
    "vec twice":          ed.einsum("a,a->", ed.vec(X), ed.vec(2 * A)),
    "vec kept":           ed.einsum("a,a->a", ed.vec(X), ed.tensor("z", "a")),
    "split":              ed.unvec(ed.einsum("ij,i->j", ed.kron(A, B), x), (3, 5)),
    "split a view":       ed.unvec(ed.einsum("i,j->ji", x, y), (2, 4)),
    "split a function":   ed.unvec(ed.exp(x), (2, 4)),
    "a view alone":     ed.unvec(ed.exp(ed.einsum("ji->ij", ed.sin(ed.kron(A, B)))), (2, 4)),
    "a scaled operand": ed.unvec(ed.einsum("ij->ji", 3 * ed.exp(ed.kron(A, B))), (2, 4)),
    "trace of kron":      ed.trace(ed.kron(ed.einsum("ij,kj->ik", A, A), ed.einsum("kl,ml->km", B, B))),
}  # fmt: skip


@pytest.mark.parametrize("e", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_the_value_stays(e, monkeypatch):
    at = {n: rng.integers(-3, 4, SHAPES[n]) for n in tensors_of(e)}
    want = ed.evaluate(e, at)
    monkeypatch.setattr(tuning, "worth_seconds", 1e9)  # no other rewrites
    (moved,) = unmerged([e])
    assert ed.evaluate(moved, {n: at[n] for n in tensors_of(moved)}).tolist() == want.tolist()


@pytest.mark.parametrize("name", ["a form", "by A", "by B", "by x", "A, then B", "kron times"])
def test_nothing_is_merged_any_more(name):
    (moved,) = unmerged([EXPRESSIONS[name]])
    left = [n for n in walk([moved]) if isinstance(n, Apply) and n.function.name == "vec"]
    # there the merged axis is one of the result
    assert bool(left) == (name in ("kron times", "by x"))


def test_the_gradient_of_a_kronecker_product_forms_none():
    n = 24
    at = {"A": (n, n), "B": (n, n), "x": (n * n,), "y": (n * n,)}
    plan = ed.compile(ed.grad(FORM, A)).plan(at)
    assert plan.largest == n * n
    assert plan.flops <= 4.1 * n**3
    assert any(note.startswith("reshapes") for note in plan.notes)
