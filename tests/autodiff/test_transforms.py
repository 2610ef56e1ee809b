"""The public derivatives: one law of shapes whatever `wrt` is, and answers that agree."""

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed
from einderiv.expression import is_zero

t, es = ed.tensor, ed.einsum
X, Y, P = (np.random.default_rng(3).integers(-4, 5, shape) for shape in ((4, 5), (5, 3), (3, 2)))
AT = dict(X=X, Y=Y, P=P)


def seed():
    return es("is,st,tj->ij", "X", "Y", "P")


def form():
    """x'Ax with a tensor at two of its three slots."""
    return es("i,ij,j->", "x", "A", "x")


@pytest.mark.parametrize(
    ("wrt", "shape"),
    [
        ("X", (4, 5)),
        (t("X", "is"), (4, 5)),
        (0, (4, 5)),
        (-3, (4, 5)),
        ("Y", (5, 3)),
        (1, (5, 3)),
        (-1, (3, 2)),
        (t("Q", ("q", 7)), (6, 7)),  # a tensor that does not occur: a zero of the right shape
    ],
    ids=str,
)
def test_the_law_of_shapes(wrt, shape):
    J = ed.derive(seed(), wrt)
    more = {"Q": np.zeros((6, 7))} if shape == (6, 7) else {}
    assert ed.evaluate(J, AT, **more).shape == (4, 2, *shape)
    assert ed.jacobian(seed(), wrt) == J


TREES = [
    ["X"],
    ("X", "Y", "P"),
    [0, -1],
    ["X", 0],
    {"a": "X", "b": 1},
    [("X", {"k": ["Y"]}), ()],
    (),
    {},
]


@pytest.mark.parametrize("wrt", TREES, ids=str)
def test_trees(wrt):
    def compared(answer, part):
        if not isinstance(part, (dict, list, tuple)):
            assert answer == ed.derive(seed(), part)
            return assert_same(ed.evaluate(answer, AT), ed.evaluate(ed.derive(seed(), part), AT))
        assert type(answer) is type(part)
        assert len(answer) == len(part)
        for key in part if isinstance(part, dict) else range(len(part)):
            compared(answer[key], part[key])
        return None

    compared(ed.derive(seed(), wrt), wrt)


@pytest.mark.parametrize("wrt", ["x", t("x", "n"), 0, 2, -1], ids=str)
def test_calls_keep_the_shape_of_wrt(wrt):
    given = {"x": np.array([1, 2]), "A": np.eye(2, dtype=int)}
    for e in (
        ed.derive(form(), wrt),
        ed.grad(form(), wrt),
        ed.value_and_grad(form(), wrt)[1],
        ed.vjp(form(), wrt, 1),
        ed.hvp(form(), wrt, "x"),
    ):
        assert ed.evaluate(e, given).shape == (2,)
    assert ed.evaluate(ed.hessian(form(), wrt), given).shape == (2, 2)


REPEATED = [
    # einsum            names      name, its slots
    ("i,ij,j->",        "xAx",     "x", (0, 2)),
    ("i,i,i->",         "xxx",     "x", (0, 1, 2)),
    ("i,j->ij",         "xx",      "x", (0, 1)),
    ("ij,jk,kl->il",    "AAA",     "A", (0, 1, 2)),
    ("ij,ji->",         "AA",      "A", (0, 1)),
    ("ii,jj->ij",       "AA",      "A", (0, 1)),
    ("ij,i->j",         "Ax",      "A", (0,)),
    (",,i->i",          "ssx",     "s", (0, 1)),
    ("ij,kl->",         "AA",      "A", (0, 1)),
]  # fmt: skip


# 200**4 entries are too many
CASES = [(*row, n) for row in REPEATED for n in (0, 1, 3, 200) if n < 200 or row[2] != "A"]


@pytest.mark.parametrize(("subscripts", "names", "name", "slots", "n"), CASES)
def test_by_name_is_the_sum_over_positions(subscripts, names, name, slots, n):
    y, r = es(subscripts, *names), np.random.default_rng(n)
    given = {"x": r.integers(-3, 4, n), "A": r.integers(-3, 4, (n, n)), "s": np.array(3)}
    given = {k: a for k, a in given.items() if k in names}
    parts = [ed.evaluate(ed.derive(y, k), given) for k in slots]
    assert_same(ed.evaluate(ed.derive(y, name), given), sum(parts[1:], parts[0]))
    for k, part in zip(slots, parts):
        assert_same(part, ed.evaluate(ed.derive(y, k - len(names)), given))


def test_a_position_may_hold_anything():
    held, v = np.array([[1, 2], [3, 4]]), np.array([1.0, 2.0, 3.0])
    y, ones = es("ij,jk,k->i", held, ed.exp(t("B", "jk")), 2 * t("v", "k")), np.ones((2, 3))
    by_held = np.einsum("ia,jk,k->iaj", np.eye(2), ones, 2 * v)
    want = (by_held, np.einsum("ij,k->ijk", held, 2 * v), held @ ones)
    for k in range(3):
        np.testing.assert_array_equal(ed.evaluate(ed.derive(y, k), B=0 * ones, v=v), want[k])
    assert_same(
        ed.evaluate(ed.derive(es(",i->i", 3, t("v", "k")), 0), v=np.array([1, 2])), np.array([1, 2])
    )


M, d = t("M", "nn"), t("d", "n")


@pytest.mark.parametrize(
    ("subscripts", "operands"),
    [
        ("ij,jk->ik", (M.T, ed.diag(d))),
        ("ij,jk->ik", (ed.diag(d), ed.diag(d))),
        ("ij,jk,kl->il", (ed.diag(d), M, ed.diag(d))),
        ("ij,jk->", (M, ed.outer(d, d))),
        ("ii,i->i", (ed.diag(d), ed.diag(M))),
        ("ij,jk->iik", (2 * M.T, M + M.T)),
        ("i,ij->ij", (ed.sum(M, 0), es("i->ij", d, sizes={"j": "n"}))),
        ("ij,ij->ij", (ed.derive(d * 1, "d"), ed.exp(M))),
        (",ij->ji", (ed.trace(M), -M)),
    ],
)
def test_slots_are_those_that_were_written(subscripts, operands):
    """Transposes, diagonals, broadcasts dissolve in a product; by position they are as arrays would be."""
    given = {"M": np.arange(9).reshape(3, 3) % 5, "d": np.array([5, 7, -2])}
    values = ed.evaluate((*operands, M, d), given)[:-2]
    held = dict(zip("ABC", values))
    for k in range(len(operands)):
        want = ed.evaluate(ed.derive(es(subscripts, *held), k), held)
        got = ed.evaluate((ed.derive(es(subscripts, *operands), k), M, d), given)[0]
        np.testing.assert_allclose(got, want, rtol=1e-15)


AB, ABx = es("ij,jk->ik", "A", "B"), es("ij,jk,k->i", "A", "B", "x")
SMOOTH = [
    (ed.tanh(ABx), "x"),
    (ed.softmax(ABx), "B"),
    (ABx, "A"),
    (ed.logsumexp(ABx), "B"),
    (t("A", "ij") * 1, "A"),
    (ed.exp(AB) * es("k,i->ik", "x", "z"), "A"),
]


@pytest.mark.parametrize("n", [1, 3, 200])
@pytest.mark.parametrize(("y", "wrt"), SMOOTH)
def test_jvp_and_vjp_are_transposes(y, wrt, n):
    r = np.random.default_rng(n)
    shapes = {"A": (n, 2), "B": (2, n), "x": (n,), "z": (n,)}
    given = {k: r.normal(size=shapes[k]) / len(shapes[k]) for k in ed.compile(y).inputs}
    u, v = r.normal(size=ed.evaluate(y, given).shape), r.normal(size=given[wrt].shape)
    Jv, Ju = ed.jvp(y, wrt, v), ed.vjp(y, wrt, u)
    forward, backward = ed.evaluate(Jv, given), ed.evaluate(Ju, given)
    assert (forward.shape, backward.shape) == (u.shape, v.shape)
    assert abs(forward).max() > 0 or (n == 1 and y is SMOOTH[1][0])  # softmax of one is 1
    np.testing.assert_allclose(np.vdot(u, forward), np.vdot(backward, v), rtol=1e-10)
    named = ed.evaluate(ed.jvp(y, wrt, "direction"), given, direction=v)
    np.testing.assert_allclose(named, forward, rtol=1e-12, atol=1e-15)
    if n < 200:
        J = ed.evaluate(ed.derive(y, wrt), given)
        np.testing.assert_allclose(np.tensordot(J, v, v.ndim), forward, rtol=1e-11, atol=1e-13)


def test_directions_for_several_tensors_add_up():
    y = es("ij,j->i", "A", "x")
    A, x, dA, dx = (
        np.ones((2, 3), int),
        np.array([1, 2, 3]),
        np.arange(6).reshape(2, 3),
        np.array([0, 1, 0]),
    )
    want = dA @ x + A @ dx
    named = dict(A=A, x=x, dA=dA, dx=dx)
    assert_same(ed.evaluate(ed.jvp(y, ("A", "x"), ("dA", "dx")), named), want)
    for wrt, tangent in [(["A", "x"], [dA, dx]), ({"a": "A", "b": "x"}, dict(a=dA, b=dx))]:
        assert_same(ed.evaluate(ed.jvp(y, wrt, tangent), A=A, x=x), want)
    for k, part in enumerate((dA @ x, A @ dx)):
        assert_same(ed.evaluate(ed.jvp(y, k, (dA, dx)[k]), A=A, x=x), part)
    back = ed.evaluate(ed.vjp(y, {"a": "A", "b": "x"}, np.array([1, 2])), A=A, x=x)
    assert_same(back["a"], np.outer([1, 2], x))
    assert_same(back["b"], np.array([3, 3, 3]))


@pytest.mark.parametrize(
    ("call", "want"),
    [
        (lambda y: ed.derive(y, [0, 1, 2]), lambda x, A: [A @ x, np.outer(x, x), A.T @ x]),
        (lambda y: ed.derive(y, ["x", 0]), lambda x, A: [A @ x + A.T @ x, A @ x]),
        (lambda y: ed.vjp(y, [2, 0], 3), lambda x, A: [3 * A.T @ x, 3 * A @ x]),
        (lambda y: [ed.jvp(y, [0, 1, 2], ["x", "A", "x"])], lambda x, A: [3 * (x @ A @ x)]),
        (
            lambda y: ed.hvp(y, [0, 1, 2], ["x", "A", "x"]),
            lambda x, A: [2 * A @ x, 2 * np.outer(x, x), 2 * A.T @ x],
        ),
        (lambda y: [ed.hessian(y, [0, 2])[0][1]], lambda x, A: [A]),
        (lambda y: [ed.hessian(y, [0, 2])[1][1]], lambda x, A: [0 * A]),
    ],
)
def test_several_positions_at_once(call, want):
    x, A = np.array([1, 2, -1]), np.arange(9).reshape(3, 3)
    for got, wanted in zip(ed.evaluate(call(form()), x=x, A=A), want(x, A), strict=True):
        assert_same(got, wanted)


Ax = es("ij,j->i", "A", "x")
SCALARS = {
    "form": form(),
    "norm": ed.norm(Ax),
    "logsumexp": ed.logsumexp(Ax),
    "quartic": form() * form(),
    "linear": ed.sum(Ax),
    "cube": es("i,i,i->", "x", "x", "x") + es("ii->", "A"),
}


@pytest.mark.parametrize("n", [1, 4, 200])
@pytest.mark.parametrize("y", SCALARS.values(), ids=SCALARS)
def test_hvp_is_the_hessian_times_the_vector(y, n):
    r = np.random.default_rng(n)
    given = {"A": r.normal(size=(n, n)) / n, "x": r.normal(size=n)}
    v = r.normal(size=n)
    H = ed.evaluate(ed.hessian(y, "x"), given)
    assert H.shape == (n, n)
    np.testing.assert_allclose(H, H.T, rtol=1e-9, atol=1e-9)
    tolerance = dict(rtol=1e-9, atol=1e-10 * max(1, abs(H).max()))
    np.testing.assert_allclose(ed.evaluate(ed.hvp(y, "x", "v"), given, v=v), H @ v, **tolerance)
    np.testing.assert_allclose(ed.evaluate(ed.hvp(y, "x", v), given), H @ v, **tolerance)
    # The direction may be the tensor itself, or made of it; it still counts as constant.
    np.testing.assert_allclose(ed.evaluate(ed.hvp(y, "x", "x"), given), H @ given["x"], **tolerance)
    g = ed.grad(y, "x")
    np.testing.assert_allclose(
        ed.evaluate(ed.hvp(y, "x", g), given), H @ ed.evaluate(g, given), **tolerance
    )


def test_hvp_of_several_tensors_is_the_full_product():
    r = np.random.default_rng(0)
    given, v = ({"A": r.integers(-3, 4, (3, 3)), "x": r.integers(-3, 4, 3)} for _ in range(2))
    wrt = {"A": "A", "x": "x"}
    H, got = ed.evaluate((ed.hessian(form(), wrt), ed.hvp(form(), wrt, v)), given)
    for k in wrt:
        assert_same(got[k], np.tensordot(H[k]["A"], v["A"], 2) + np.tensordot(H[k]["x"], v["x"], 1))


@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (4, 3, 2), (5, 0, 2), (200, 3, 2)])
def test_hessian_blocks_of_matrix_factorisation(m, n, k):
    """‖T − UVᵀ‖²: the blocks by hand."""
    U, V, T = (np.random.default_rng(m).integers(-3, 4, s) for s in ((m, k), (n, k), (m, n)))
    y = ed.norm_squared(t("T", "ij") - t("U", "ik") @ t("V", "jk").T)
    (uu, uv), (vu, vv) = ed.evaluate(ed.hessian(y, ["U", "V"]), T=T, U=U, V=V)
    Im, In, Ik = (np.eye(size, dtype=int) for size in (m, n, k))
    assert_same(uu, 2 * np.einsum("ia,kc->ikac", Im, V.T @ V))
    assert_same(vv, 2 * np.einsum("jb,kc->jkbc", In, U.T @ U))
    assert_same(
        uv, 2 * (np.einsum("ij,kc->ikjc", U @ V.T - T, Ik) + np.einsum("ic,jk->ikjc", U, V))
    )
    assert_same(vu, uv.transpose(2, 3, 0, 1))
    assert_same(ed.evaluate(ed.hessian(y, "U", "V"), T=T, U=U, V=V), uv)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_third_order(n):
    x = np.arange(1, n + 1)
    y = es("i,i,i->", "x", "x", "x")
    third = ed.derive(ed.derive(ed.derive(y, "x"), "x"), "x")
    want = np.zeros((n, n, n), int)
    want[(np.arange(n),) * 3] = 6
    assert_same(ed.evaluate(third, x=x), want)
    assert third.compact.partition("->")[2] in ("aaa", "iii")
    assert third.coefficient == 6
    fourth = ed.derive(third, "x")
    assert is_zero(fourth)
    assert_same(ed.evaluate(fourth, x=x), np.zeros((n,) * 4, int))


def test_a_second_derivative_of_something_linear_is_a_zero():
    zero = ed.derive(ed.derive(seed(), "X"), "X")
    assert is_zero(zero)
    assert_same(ed.evaluate(zero, AT), np.zeros((4, 2, 4, 5, 4, 5), int))
    assert is_zero(ed.derive(ed.derive(ed.derive(seed(), "X"), "Y"), "X"))


A2, X2 = t("A", "ij"), t("X", "ij")
ZEROS = [
    (es("ij->", np.ones((2, 2), int)) * t("s"), X2),
    (A2, X2),
    (ed.exp(A2), X2),
    (ed.sum(A2), X2),
    (ed.sum(A2), t("s")),
    (X2 - X2 + A2, "X"),
    (0 * X2 + A2, "X"),
    (X2**0 * A2, "X"),
]


@pytest.mark.parametrize(("y", "wrt"), ZEROS)
def test_independent_tensors_give_zeros(y, wrt):
    z = ed.derive(y, wrt)
    assert is_zero(z)
    known = {"A": np.ones((2, 2), int), "X": np.ones((2, 2), int), "s": np.array(1)}
    x = wrt if isinstance(wrt, str) else wrt.name
    got = ed.evaluate(z, {n: known[n] for n in {*ed.compile(y).inputs, x}})
    assert_same(got, np.zeros((2,) * y.ndim + known[x].shape, int))


ERR, SHAPE, TYPE = ed.EinderivError, ed.ShapeError, TypeError
REFUSED = [
    (lambda: ed.derive(seed(), "x"),                    ERR,    "mean 'X'"),
    (lambda: ed.derive(seed(), 3),                      ERR,    "position 3.*-3 to -1"),
    (lambda: ed.derive(seed() + 1, 0),                  ERR,    "a sum"),
    (lambda: ed.derive(seed(), ["X", "X"]),             ERR,    "X twice"),
    (lambda: ed.derive(seed(), t("X", "a")),            SHAPE,  "1 axis|2 axes"),
    (lambda: ed.grad(seed(), "X"),                      TYPE,   "scalar.*2 axes"),
    (lambda: ed.hessian(seed(), "X"),                   TYPE,   "scalar"),
    (lambda: ed.hvp(seed(), "X", "v"),                  TYPE,   "scalar"),
    (lambda: ed.jvp(seed(), "X", np.ones(5)),           SHAPE,  "1 axis.*2"),
    (lambda: ed.vjp(seed(), "X", np.ones(5)),           SHAPE,  "cotangent.*1 axis"),
    (lambda: ed.jvp(seed(), ["X", "Y"], ["v"]),         TYPE,   "list of 2"),
    (lambda: ed.jvp(seed(), {"a": "X"}, {"b": "v"}),    TYPE,   "keys.*a.*b"),
    (lambda: ed.derive(seed(), "X", indices="aa"),      ERR,    "'a' already"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), REFUSED, ids=[r[2] for r in REFUSED])
def test_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_orders_are_limited():
    with ed.limits.override(order=2), pytest.raises(ed.LimitError, match="3 order"):
        ed.derive(ed.derive(ed.derive(form(), "x"), "x"), "x")


def test_value_and_grad_is_the_value_and_the_gradient():
    y, at = form(), dict(x=np.array([1, 2]), A=np.array([[1, 2], [3, 4]]))
    value, gradient = ed.value_and_grad(y, ["x", "A"])
    assert value is y
    assert gradient == ed.grad(y, ["x", "A"])
    for got, want in zip(
        ed.evaluate([value, *gradient], at), (27, [12, 21], [[1, 2], [2, 4]]), strict=True
    ):
        assert_same(got, np.array(want))


def test_a_position_of_a_product_that_is_zero():
    A, B = t("A", (None, None)), t("B", (None, None))
    a, b = np.arange(4).reshape(2, 2), np.arange(6).reshape(2, 3)
    y = es("ij,jk->ik", A, 0 * B)
    assert ed.derive(y, 1).compact == "ia->ikak"
    assert_same(
        ed.evaluate(ed.derive(y, 1), A=a, B=b), np.einsum("ia,kb->ikab", a, np.eye(3, dtype=int))
    )
    assert_same(ed.evaluate(y, A=a, B=b), np.zeros((2, 3), int))
    assert_same(
        ed.evaluate(ed.derive(0 * es("ij,jk->ik", A, B), 1), A=a, B=b), np.zeros((2, 3, 2, 3), int)
    )


@pytest.mark.parametrize(
    "clash",
    [
        lambda: ed.jvp(es("ij,j->i", "A", "x"), "A", "x"),
        lambda: ed.vjp("ij,j->i", 1, "A"),
    ],
)
def test_a_direction_called_like_a_tensor_of_other_axes(clash):
    with pytest.raises(ed.ShapeError, match="a tensor is its name"):
        clash()
