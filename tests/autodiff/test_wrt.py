"""What one derives by: tensors, names, positions and trees of those; slots and what is put back; shared axes."""

import re
from collections import namedtuple

import numpy as np
import pytest

import einderiv as ed
from einderiv.autodiff import Wrt, paired, resolved
from einderiv.autodiff.wrt import Base, check_apart, shared_axes
from einderiv.expression import leaves, mapped, tensors_of

t, es = ed.tensor, ed.einsum
X, Y, v, M = t("X", "is"), t("Y", "st"), t("v", "i"), t("M", "nn")
Z = t("Z", "i", complex=True)
product = es("is,st->it", X, Y)
quadratic = es("i,ij,j->", "v", "A", "v")
AT = {
    "X": np.array([[1, 2, 3], [4, 5, 6]]),
    "Y": np.array([[1, -1], [2, 0], [0, 3]]),
    "v": np.array([2, 5]),
    "A": np.array([[1, 2], [3, 4]]),
}


def value(e):
    return ed.evaluate(e, {n: AT[n] for n in ed.compile(e).tensors})


# ---- trees
TREES = [
    # wrt                        name, label and position of each leaf
    ("X",                        [("X", "X", None)]),
    (X,                          [("X", "X", None)]),
    (0,                          [("#0", "X", 0)]),
    (-1,                         [("#1", "Y", 1)]),
    (np.int64(1),                [("#1", "Y", 1)]),
    (["X", 1],                   [("X", "X", None), ("#1", "Y", 1)]),
    ((1, {"a": "Y", "b": [X]}),  [("#1", "Y", 1), ("Y", "Y", None), ("X", "X", None)]),
    ({"p": -2, "q": t("Q")},     [("#0", "X", 0), ("Q", "Q", None)]),
    ([],                         []),
    ({},                         []),
]  # fmt: skip


@pytest.mark.parametrize(("wrt", "want"), TREES)
def test_resolved_keeps_the_tree(wrt, want):
    _, targets = resolved(product, wrt)
    assert [(t.tensor.name, t.label, t.position) for t in leaves(targets)] == want
    assert mapped(type, targets) == mapped(lambda _: Wrt, wrt)
    J = ed.derive(product, wrt)
    assert mapped(lambda e: isinstance(e, ed.Expr), J) == mapped(lambda _: True, wrt)
    assert [e.ndim for e in leaves(J)] == [2 + t.tensor.ndim for t in leaves(targets)]


def test_derivatives_have_the_structure_of_wrt():
    got = ed.grad(quadratic, {"both": ("v", ["A"]), "slot": 0})
    assert (
        got.keys() == {"both", "slot"}
        and isinstance(got["both"], tuple)
        and isinstance(got["both"][1], list)
    )
    (by_v, [by_A]), by_slot = got["both"], got["slot"]
    a, w = AT["A"], AT["v"]
    assert value(by_v).tolist() == (a @ w + a.T @ w).tolist()
    assert value(by_A).tolist() == np.outer(w, w).tolist()
    assert value(by_slot).tolist() == (a @ w).tolist()
    second = ed.hessian(quadratic, [0, 2])
    assert [[value(e).tolist() for e in row] for row in second] == [
        [[[0, 0], [0, 0]], a.tolist()],
        [a.T.tolist(), [[0, 0], [0, 0]]],
    ]


def test_a_namedtuple_is_a_tuple_too():
    both = namedtuple("Both", "left right")("X", "Y")
    got = ed.grad(ed.sum(product), both)
    assert type(got) is type(both) and got.right.ndim == 2


# ---- slots
@pytest.mark.parametrize("wrt", [0, 1, -1, [0, 1], [1, "X"]])
def test_a_slot_is_replaced_and_put_back(wrt):
    base, targets = resolved(product, wrt)
    names = {t.tensor.name for t in leaves(targets) if t.position is not None}
    inside = base.expression
    assert names <= {f.name for f in inside.factors} and inside != product
    assert names.isdisjoint(tensors_of(inside))  # no user can write such a name
    back = base.restored(inside)
    assert back == product and str(back) == str(product)
    assert Base(product, {}).restored(inside) is inside  # nothing was replaced


def test_a_slot_that_is_replaced_already_is_the_same():
    base, first = resolved(product, 0)
    again, second = resolved(product, -2, base)
    assert again is base and first.tensor is second.tensor


def test_a_position_counts_the_slots_as_written():
    e = es("ij,j->i", "W", ed.tanh(es("ij,j->i", "V", "x")))
    _, (first, second) = resolved(e, [0, 1])
    assert (first.label, second.label) == ("W", "operand 1 (tanh(…))")
    assert (second.tensor.ndim, second.position) == (1, 1)
    J = ed.derive(e, 1)
    assert tensors_of(J).keys() == {"W", "V", "x"}
    w = np.array([[1, 2], [3, 4]])
    assert ed.evaluate(J, W=w, V=np.ones((2, 3)), x=np.ones(3)).tolist() == w.tolist()


@pytest.mark.parametrize(
    ("y", "position", "message"),
    [
        (product, 2, "position 2 is out of range for 2 operands: 0 to 1, or -2 to -1"),
        (product, -3, "position -3 is out of range for 2 operands"),
        (es("i->", v), 1, "position 1 is out of range for 1 operand: 0 to 0, or -1 to -1"),
        (product + 1, 0, "position 0 counts the operands of an einsum, but this is a sum"),
        (v, 0, "position 0 counts the operands of an einsum, but this is v"),
        (ed.exp(v), -1, "position -1 counts the operands of an einsum, but this is exp(…)"),
    ],
)
def test_positions_that_are_not_there(y, position, message):
    with pytest.raises(ed.EinderivError, match=re.escape(message)):
        resolved(y, position)


# ---- parts
P, Q, b = t("P", "nd"), t("Q", "dk"), t("b", "nk")
hidden = P @ Q
shifted = hidden + b
curved = ed.tanh(hidden)
ARRAYS = {
    "P": np.arange(6.0).reshape(3, 2) / 5,
    "Q": np.array([[1.0, -1.0], [0.5, 2.0]]),
    "b": np.ones((3, 2)) / 3,
}
PARTS = [
    # part       expression                              the same of a tensor Z
    (hidden,  ed.sum(hidden),                           lambda Z: ed.sum(Z)),
    (hidden,  ed.sum(ed.tanh(2 * hidden) * hidden),     lambda Z: ed.sum(ed.tanh(2 * Z) * Z)),
    (hidden,  ed.sum((b - 3 * hidden) ** 2),            lambda Z: ed.sum((b - 3 * Z) ** 2)),
    (hidden,  ed.sum(hidden.T ** 3),                    lambda Z: ed.sum(Z.T**3)),
    (shifted, ed.sum(shifted**2),                       lambda Z: ed.sum(Z**2)),
    (shifted, ed.sum(ed.exp(-shifted)),                 lambda Z: ed.sum(ed.exp(-Z))),
    (curved,  ed.sum(curved**2) - ed.sum(curved * b),   lambda Z: ed.sum(Z**2) - ed.sum(Z * b)),
]  # fmt: skip


@pytest.mark.parametrize(("part", "y", "same"), PARTS)
def test_derivatives_by_a_part_are_those_by_a_tensor_in_its_place(part, y, same):
    Z = t("Z", "nk")
    value = ed.evaluate(part, ARRAYS)
    direction = np.cos(value)
    pairs = [
        (ed.grad(y, part), ed.grad(same(Z), Z)),
        (ed.hessian(y, part), ed.hessian(same(Z), Z)),
        (ed.hvp(y, part, direction), ed.hvp(same(Z), Z, direction)),
        (ed.jvp(y, part, direction), ed.jvp(same(Z), Z, direction)),
        (ed.grad(y, [part])[0], ed.grad(same(Z), Z)),
    ]
    for ours, theirs in pairs:
        want = ed.evaluate(theirs, {**ARRAYS, "Z": value})
        np.testing.assert_allclose(ed.evaluate(ours, ARRAYS), want, rtol=1e-12, atol=1e-13)
    assert ed.check(y, part, {n: ARRAYS[n] for n in ed.compile(y).inputs}).ok


def test_a_part_is_called_by_its_name():
    h = ed.named(ed.tanh(P @ Q), "h")
    J = ed.grad(ed.sum(h**2), h)
    assert ed.formula(J, style="matrix") == "∂y/∂h = 2 h where h = tanh(P Q)"


@pytest.mark.parametrize(
    ("y", "wrt", "words"),
    [
        (ed.sum(hidden), b @ b.T, "is no part of"),
        (ed.sum((b - shifted) ** 2 * shifted), shifted, "and so is its term"),
        (ed.sum(hidden), [hidden, hidden], "twice"),
        (es("nk,nk->", b, curved), [hidden, 0], "a position beside a part"),
    ],
)
def test_parts_that_are_refused(y, wrt, words):
    with pytest.raises(ed.EinderivError, match=words):
        ed.grad(y, wrt)


def test_a_second_derivative_by_a_part_and_what_is_in_it_has_no_one_meaning():
    with pytest.raises(ed.EinderivError, match="and P, which is in it"):
        ed.hessian(ed.sum(hidden**2), [hidden, P])


# ---- names
@pytest.mark.parametrize(
    ("wrt", "kind", "message"),
    [
        ("x", ed.EinderivError, "no tensor here is called 'x'; did you mean 'X'?"),
        ("Q", ed.EinderivError, "no tensor here is called 'Q'; known: X, Y"),
        ("W" * 99, ed.EinderivError, "no tensor here is called '" + "W" * 40 + "'"),
        (["X", "Q"], ed.EinderivError, "no tensor here is called 'Q'"),
        ("#0", ed.EinderivError, "no tensor here is called '#0'"),
        (t("X", "i"), ed.ShapeError, "X stands for a tensor with 2 axes and one with 1 axis"),
        (
            t("X", "is", complex=True),
            ed.EinderivError,
            "X is declared complex in one place and not in another",
        ),
        (["X", X], ed.EinderivError, "wrt has X twice"),
        ([0, 1, -2], ed.EinderivError, "wrt has operand 0 twice"),
        ({"a": 1, "b": {"c": -1}}, ed.EinderivError, "wrt has operand 1 twice"),
        (ed.exp(X), ed.EinderivError, "exp(…) is no part of an einsum of X, Y as it stands"),
        (X + Y.T, ed.EinderivError, "is no part of"),
        (ed.conj(X @ Y), ed.EinderivError, "is no part of"),
        (object(), TypeError, "wrt must be a tensor, its name, an operand position, a part of"),
        (True, TypeError, "dict of those, not bool"),
        (0.0, TypeError, "dict of those, not float"),
        (None, TypeError, "dict of those, not NoneType"),
        ({"X"}, TypeError, "dict of those, not set"),
        ([["X"], [None]], TypeError, "dict of those, not NoneType"),
        (np.ones(2), TypeError, "dict of those, not ndarray"),
    ],
)
def test_refused(wrt, kind, message):
    for call in (resolved, ed.derive):
        with pytest.raises(kind, match=re.escape(message)):
            call(product, wrt)


def test_a_tree_that_is_too_deep_is_refused():
    wrt = "X"
    for _ in range(300):
        wrt = [wrt]
    with ed.limits.override(depth=200), pytest.raises(ed.LimitError, match="a flat list will do"):
        resolved(product, wrt)


def test_a_conjugate_is_a_variable_of_its_own():
    y = ed.sum(Z * ed.conj(Z))
    _, targets = resolved(y, [Z, ed.conj(Z), "Z"][:2])
    assert [t.tensor.name for t in targets] == ["Z", "conj(Z)"]
    z = np.array([1 + 2j, -3j])
    first, second = (ed.evaluate(e, Z=z) for e in ed.grad(y, [Z, ed.conj(Z)]))
    assert first.tolist() == z.conj().tolist() and second.tolist() == z.tolist()
    with pytest.raises(ed.EinderivError, match="no tensor here is called 'conj"):
        resolved(y, "conj(Z)")
    with pytest.raises(ed.EinderivError, match="is no part of"):
        resolved(y, ed.conj(2 * Z))


@pytest.mark.parametrize(
    "call",
    [
        lambda: ed.hessian(quadratic, [0, "v"]),
        lambda: ed.hessian(quadratic, 0, "v"),
        lambda: ed.hvp(quadratic, (2, "v"), ("a", "b")),
        lambda: ed.hessian(es("i,i->", ed.exp(v), "u"), [0, v]),
        lambda: check_apart(quadratic, resolved(quadratic, [0, "v"])[1]),
    ],
)
def test_a_slot_and_its_tensor_have_no_second_derivative(call):
    with pytest.raises(
        ed.EinderivError, match=r"wrt has position \d and v, which stands there: derive by"
    ):
        call()


# ---- shared axes
@pytest.mark.parametrize(
    ("y", "wrt", "shared", "want"),
    [
        (product, "X", "i", (0, 0)),
        (product, "Y", "t", (1, 1)),
        (product, 0, ("i", 0), (0, 0)),
        (product, "X", (-2, "i"), (0, 0)),
        (product, "Y", [1, -1], (1, 1)),
        # letters of the einsum, where none were declared
        (es("ab,bc->ac", "P", "Q"), "P", "a", (0, 0)),
        (es("ab,bc->ac", "P", "Q"), 1, "c", (1, 1)),
        (es("nn->n", M), "M", ("n", 1), (0, 1)),
    ],
)
def test_shared_axes(y, wrt, shared, want):
    assert shared_axes(y, resolved(y, wrt)[1], shared) == want


@pytest.mark.parametrize(
    ("y", "wrt", "shared", "kind", "message"),
    [
        (product, "X", "s", ed.ShapeError, "an einsum of X, Y has no axis called 's' to share"),
        (product, "X", "t", ed.ShapeError, "X has no axis called 't' to share; its axes are i, s"),
        (
            es("nn->n", M),
            "M",
            "n",
            ed.ShapeError,
            "M has 2 axes called 'n' to share; its axes are n, n",
        ),
        (ed.sum(X), "X", "i", ed.ShapeError, "no axis called 'i' to share; its axes are none"),
        (product, "X", 2, ed.ShapeError, "shared axis 2 is out of range for 2 axes of an einsum"),
        (product, "X", (0, -3), ed.ShapeError, "shared axis -3 is out of range for 2 axes of X"),
        (
            product,
            "X",
            ("i",),
            ed.EinderivError,
            "shared names 1 axis, but it is one name, or a pair",
        ),
        (
            product,
            "X",
            ("i", "i", "i"),
            ed.EinderivError,
            "shared names 3 axes, but it is one name, or a pair",
        ),
        (product, "X", 1.0, TypeError, "shared is the name or position of an axis"),
        (product, "X", True, TypeError, "or a pair of those, not bool"),
    ],
)
def test_axes_that_cannot_be_shared(y, wrt, shared, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        shared_axes(y, resolved(y, wrt)[1], shared)


# ---- directions
def test_paired_walks_both_trees():
    _, targets = resolved(product, {"a": "X", "b": [1]})
    assert [(t.label, d) for t, d in paired(targets, {"b": [2.5], "a": "u"})] == [
        ("X", "u"),
        ("Y", 2.5),
    ]
    assert [d for _, d in paired(resolved(product, "X")[1], "u")] == ["u"]


@pytest.mark.parametrize(
    ("wrt", "values", "message"),
    [
        (["X", "Y"], ["u"], "wrt is a list of 2: the directions must be one too"),
        (["X", "Y"], ("u", "w"), "wrt is a list of 2: the directions must be one too"),
        (("X", "Y"), np.ones((2, 2)), "wrt is a tuple of 2: the directions must be one too"),
        ({"a": "X"}, {"b": "u"}, "wrt has the keys ['a'], the directions ['b']"),
        ({"a": "X"}, None, "wrt is a dict of 1: the directions must be one too"),
    ],
)
def test_directions_of_another_structure(wrt, values, message):
    for call in (
        lambda: paired(resolved(product, wrt)[1], values),
        lambda: ed.jvp(product, wrt, values),
    ):
        with pytest.raises(TypeError, match=re.escape(message)):
            call()
