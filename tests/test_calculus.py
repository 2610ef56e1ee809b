"""The public derivatives: one law of shapes whatever `wrt` is, and answers that agree."""

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed
from einderiv.expression import is_zero

t, es = ed.tensor, ed.einsum
rng = np.random.default_rng(3)
X, Y, P = (rng.integers(-4, 5, shape) for shape in ((4, 5), (5, 3), (3, 2)))
AT = dict(X=X, Y=Y, P=P)


def seed():
    return es("is,st,tj->ij", "X", "Y", "P")


def form():
    """x'Ax with a tensor at two of its three slots."""
    return es("i,ij,j->", "x", "A", "x")


# ---- what wrt may be: the answer has the same structure
XS, YS, PS = (4, 2, 4, 5), (4, 2, 5, 3), (4, 2, 3, 2)


@pytest.mark.parametrize(("wrt", "shape"), [
    ("X", XS), (t("X", "is"), XS), (0, XS), (-3, XS), ("Y", YS), (1, YS), (-2, YS), ("P", PS), (2, PS), (-1, PS),
    (t("Q", ("q", 7)), (4, 2, 6, 7)),  # a tensor that does not occur: a zero of the right shape
], ids=str)  # fmt: skip
def test_the_law_of_shapes(wrt, shape):
    J = ed.derive(seed(), wrt)
    more = {"Q": np.zeros((6, 7))} if shape[2:] == (6, 7) else {}
    assert J.ndim == 4
    assert ed.evaluate(J, AT, **more).shape == shape
    assert ed.jacobian(seed(), wrt) == J


TREES = [["X"], ("X", "Y", "P"), [0, -1], ["X", 0], {"a": "X", "b": 1}, [("X", {"k": ["Y"]}), ()], (), {}]


@pytest.mark.parametrize("wrt", TREES, ids=str)
def test_trees(wrt):
    def compared(answer, part):
        if isinstance(part, (dict, list, tuple)):
            assert type(answer) is type(part)
            assert len(answer) == len(part)
            keys = list(part) if isinstance(part, dict) else range(len(part))
            for key in keys:
                compared(answer[key], part[key])
        else:
            assert answer == ed.derive(seed(), part)
            assert_same(ed.evaluate(answer, AT), ed.evaluate(ed.derive(seed(), part), AT))

    compared(ed.derive(seed(), wrt), wrt)


@pytest.mark.parametrize(("call", "count"), [
    (lambda y, w: ed.derive(y, w), 1), (lambda y, w: ed.grad(y, w), 1), (lambda y, w: ed.hvp(y, w, "x"), 1),
    (lambda y, w: ed.value_and_grad(y, w)[1], 1), (lambda y, w: ed.hessian(y, w), 2),
])  # fmt: skip
@pytest.mark.parametrize("wrt", ["x", t("x", "n"), 0, 2, -1], ids=str)
def test_calls_keep_the_shape_of_wrt(call, count, wrt):
    found = call(form(), wrt)
    assert found.ndim == count
    assert ed.evaluate(found, x=np.array([1, 2]), A=np.eye(2, dtype=int)).shape == (2,) * count


# ---- a name is all occurrences, a position is one slot
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


@pytest.mark.parametrize("n", [0, 1, 3, 200])
@pytest.mark.parametrize(("subscripts", "names", "name", "slots"), REPEATED,
                         ids=[r[0] + r[1] for r in REPEATED])
def test_by_name_is_the_sum_over_positions(subscripts, names, name, slots, n):
    if n == 200 and len(subscripts.replace(",", "").partition("->")[2]) + (name == "A") > 1:
        pytest.skip("a dense derivative of 200**4 entries")
    y = es(subscripts, *names)
    r = np.random.default_rng(n)
    given = {"x": r.integers(-3, 4, n), "A": r.integers(-3, 4, (n, n)), "s": np.array(3)}
    given = {k: a for k, a in given.items() if k in names}
    parts = [ed.evaluate(ed.derive(y, k), given) for k in slots]
    assert_same(ed.evaluate(ed.derive(y, name), given), sum(parts[1:], parts[0]))
    for k in slots:  # an occurrence is linear: by the same slot once more there is nothing
        assert_same(parts[slots.index(k)], ed.evaluate(ed.derive(y, k - len(names)), given))


def test_a_position_may_hold_anything():
    held, v = np.array([[1, 2], [3, 4]]), np.array([1.0, 2.0, 3.0])
    y, ones = es("ij,jk,k->i", held, ed.exp(t("B", "jk")), 2 * t("v", "k")), np.ones((2, 3))
    want = (np.einsum("ia,jk,k->iaj", np.eye(2), ones, 2 * v), np.einsum("ij,k->ijk", held, 2 * v), held @ ones)
    for k in range(3):
        np.testing.assert_array_equal(ed.evaluate(ed.derive(y, k), B=0 * ones, v=v), want[k])
    assert_same(ed.evaluate(ed.derive(es(",i->i", 3, t("v", "k")), 0), v=np.array([1, 2])), np.array([1, 2]))


def test_positions_count_the_operands_as_written():
    """A transpose and a diagonal dissolve when the product is made; the slots stay those of the author."""
    y = es("ij,jk->ik", t("A", "ji").T, ed.diag(t("d", "j")))
    given = {"A": np.arange(6).reshape(2, 3), "d": np.array([5, 7])}
    assert_same(ed.evaluate(ed.derive(y, 1), given),
                np.einsum("ji,kc->ikjc", given["A"], np.eye(2, dtype=int)))  # fmt: skip


# ---- directions
ABx = es("ij,jk,k->i", "A", "B", "x")
SMOOTH = [(ed.tanh(ABx), "x"), (ed.softmax(ABx), "B"), (ABx, "A"), (ed.logsumexp(ABx), "B"), (t("A", "ij") * 1, "A"),
          (ed.exp(es("ij,jk->ik", "A", "B")) * es("k,i->ik", "x", "z"), "A")]  # fmt: skip


@pytest.mark.parametrize("n", [1, 3, 200])
@pytest.mark.parametrize(("y", "wrt"), SMOOTH)
def test_jvp_and_vjp_are_transposes(y, wrt, n):
    r = np.random.default_rng(n)
    given = {"A": r.normal(size=(n, 2)) / n, "B": r.normal(size=(2, n)) / n, "x": r.normal(size=n),
             "z": r.normal(size=n)}  # fmt: skip
    given = {k: a for k, a in given.items() if k in ed.compile(y).inputs}
    u, v = r.normal(size=ed.evaluate(y, given).shape), r.normal(size=given[wrt].shape)
    Jv, Ju = ed.jvp(y, wrt, v), ed.vjp(y, wrt, u)
    forward, backward = ed.evaluate(Jv, given), ed.evaluate(Ju, given)
    assert forward.shape == u.shape
    assert backward.shape == v.shape
    assert abs(forward).max() > 0 or (n == 1 and y is SMOOTH[1][0])  # softmax of one is 1
    np.testing.assert_allclose(np.vdot(u, forward), np.vdot(backward, v), rtol=1e-10)
    named = ed.evaluate(ed.jvp(y, wrt, "direction"), given, direction=v)
    np.testing.assert_allclose(named, forward, rtol=1e-12, atol=1e-15)
    if n < 200:
        J = ed.evaluate(ed.derive(y, wrt), given)
        np.testing.assert_allclose(np.tensordot(J, v, v.ndim), forward, rtol=1e-11, atol=1e-13)


def test_directions_for_several_tensors_add_up():
    y = es("ij,j->i", "A", "x")
    A, x, dA, dx = np.ones((2, 3), int), np.array([1, 2, 3]), np.arange(6).reshape(2, 3), np.array([0, 1, 0])
    want = dA @ x + A @ dx
    named = dict(A=A, x=x, dA=dA, dx=dx)
    assert_same(ed.evaluate(ed.jvp(y, ("A", "x"), ("dA", "dx")), named), want)
    for wrt, tangent in [(["A", "x"], [dA, dx]), ({"a": "A", "b": "x"}, dict(a=dA, b=dx))]:
        assert_same(ed.evaluate(ed.jvp(y, wrt, tangent), A=A, x=x), want)
    for k, part in enumerate((dA @ x, A @ dx)):
        assert_same(ed.evaluate(ed.jvp(y, k, (dA, dx)[k]), A=A, x=x), part)
    back = ed.vjp(y, {"a": "A", "b": "x"}, np.array([1, 2]))
    assert_same(ed.evaluate(back["a"], A=A, x=x), np.outer([1, 2], x))
    assert_same(ed.evaluate(back["b"], A=A, x=x), np.array([3, 3, 3]))


@pytest.mark.parametrize(("call", "want"), [
    (lambda y: ed.derive(y, [0, 1, 2]),                      lambda x, A: [A @ x, np.outer(x, x), A.T @ x]),
    (lambda y: ed.derive(y, ["x", 0]),                       lambda x, A: [A @ x + A.T @ x, A @ x]),
    (lambda y: ed.vjp(y, [2, 0], 3),                         lambda x, A: [3 * A.T @ x, 3 * A @ x]),
    (lambda y: [ed.jvp(y, [0, 1, 2], ["x", "A", "x"])],      lambda x, A: [3 * (x @ A @ x)]),
    (lambda y: ed.hvp(y, [0, 1, 2], ["x", "A", "x"]),
     lambda x, A: [2 * A @ x, 2 * np.outer(x, x), 2 * A.T @ x]),
    (lambda y: [ed.hessian(y, [0, 2])[0][1]],                lambda x, A: [A]),
    (lambda y: [ed.hessian(y, [0, 2])[1][1]],                lambda x, A: [0 * A]),
])  # fmt: skip
def test_several_positions_at_once(call, want):
    x, A = np.array([1, 2, -1]), np.arange(9).reshape(3, 3)
    for got, wanted in zip(ed.evaluate(call(form()), x=x, A=A), want(x, A), strict=True):
        assert_same(got, wanted)


# ---- second derivatives
Ax = es("ij,j->i", "A", "x")
SCALARS = {"form": form(), "norm": ed.norm(Ax), "logsumexp": ed.logsumexp(Ax), "quartic": form() * form(),
           "linear": ed.sum(Ax), "cube": es("i,i,i->", "x", "x", "x") + es("ii->", "A")}  # fmt: skip


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
    np.testing.assert_allclose(ed.evaluate(ed.hvp(y, "x", g), given), H @ ed.evaluate(g, given), **tolerance)


def test_hvp_of_several_tensors_is_the_full_product():
    y, r = form(), np.random.default_rng(0)
    given = {"A": r.integers(-3, 4, (3, 3)), "x": r.integers(-3, 4, 3)}
    v = [r.integers(-3, 4, (3, 3)), r.integers(-3, 4, 3)]
    H = ed.evaluate(ed.hessian(y, ["A", "x"]), given)
    got = ed.evaluate(ed.hvp(y, ["A", "x"], v), given)
    for row, g in zip(H, got):
        assert_same(g, np.tensordot(row[0], v[0], 2) + np.tensordot(row[1], v[1], 1))


@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (4, 3, 2), (5, 0, 2), (200, 3, 2)])
def test_hessian_blocks_of_matrix_factorisation(m, n, k):
    """‖T − UVᵀ‖²: the blocks by hand."""
    U, V, T = (np.random.default_rng(m).integers(-3, 4, s) for s in ((m, k), (n, k), (m, n)))
    y = ed.norm_squared(t("T", "ij") - t("U", "ik") @ t("V", "jk").T)
    (uu, uv), (vu, vv) = ed.evaluate(ed.hessian(y, ["U", "V"]), T=T, U=U, V=V)
    Im, In, Ik = (np.eye(size, dtype=int) for size in (m, n, k))
    assert_same(uu, 2 * np.einsum("ia,kc->ikac", Im, V.T @ V))
    assert_same(vv, 2 * np.einsum("jb,kc->jkbc", In, U.T @ U))
    assert_same(uv, 2 * (np.einsum("ij,kc->ikjc", U @ V.T - T, Ik) + np.einsum("ic,jk->ikjc", U, V)))
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


# ---- what an expression knows
def test_a_second_derivative_of_something_linear_is_a_zero():
    zero = ed.derive(ed.derive(seed(), "X"), "X")
    assert is_zero(zero)
    assert_same(ed.evaluate(zero, AT), np.zeros((4, 2, 4, 5, 4, 5), int))
    assert is_zero(ed.derive(ed.derive(ed.derive(seed(), "X"), "Y"), "X"))


A22, X22 = t("A", "ij"), t("X", "ij")
ZEROS = [
    (es("ij->", np.ones((2, 2), int)) * t("s"),  X22),
    (A22,                                        X22),
    (ed.exp(A22),                                X22),
    (ed.sum(A22),                                X22),
    (ed.sum(A22),                                t("s")),
    (X22 - X22 + A22,                            "X"),
    (0 * X22 + A22,                              "X"),
    (X22**0 * A22,                               "X"),
]  # fmt: skip


@pytest.mark.parametrize(("y", "wrt"), ZEROS)
def test_independent_tensors_give_zeros(y, wrt):
    z = ed.derive(y, wrt)
    assert is_zero(z)
    known = {"A": np.ones((2, 2), int), "X": np.ones((2, 2), int), "s": np.array(1)}
    x = wrt if isinstance(wrt, str) else wrt.name
    inputs = {*ed.compile(y).inputs, x} | ({"X"} if isinstance(wrt, str) else set())
    got = ed.evaluate(z, {n: known[n] for n in inputs})
    assert_same(got, np.zeros((2,) * y.ndim + known[x].shape, int))


ERR, SHAPE, TYPE = ed.EinderivError, ed.ShapeError, TypeError
REFUSED = [
    (lambda: ed.derive(seed(), "x"),                    ERR,    "mean 'X'"),
    (lambda: ed.derive(seed(), 3),                      ERR,    "position 3.*-3 to -1"),
    (lambda: ed.derive(seed(), -4),                     ERR,    "position -4"),
    (lambda: ed.derive(seed() + 1, 0),                  ERR,    "a sum"),
    (lambda: ed.derive(seed(), True),                   TYPE,   "not bool"),
    (lambda: ed.derive(seed(), None),                   TYPE,   "not NoneType"),
    (lambda: ed.derive(3, "X"),                         TYPE,   "not int"),
    (lambda: ed.derive(seed(), ["X", "X"]),             ERR,    "X twice"),
    (lambda: ed.derive(seed(), t("X", "a")),            SHAPE,  "1 axis|2 axes"),
    (lambda: ed.grad(seed(), "X"),                      TYPE,   "scalar.*2 axes"),
    (lambda: ed.value_and_grad(seed(), "X"),            TYPE,   "scalar"),
    (lambda: ed.hessian(seed(), "X"),                   TYPE,   "scalar"),
    (lambda: ed.hvp(seed(), "X", "v"),                  TYPE,   "scalar"),
    (lambda: ed.jvp(seed(), "X", np.ones(5)),           SHAPE,  "1 axis.*2"),
    (lambda: ed.hvp(form(), "x", np.ones((2, 2))),      SHAPE,  "2 axes.*1"),
    (lambda: ed.vjp(seed(), "X", np.ones(5)),           SHAPE,  "cotangent.*1 axis"),
    (lambda: ed.jvp(seed(), ["X", "Y"], ["v"]),         TYPE,   "list of 2"),
    (lambda: ed.jvp(seed(), {"a": "X"}, {"b": "v"}),    TYPE,   "keys.*a.*b"),
    (lambda: ed.derive(seed(), "X", indices="aa"),      ERR,    "'a' already"),
    (lambda: ed.derive(seed(), "X", indices="ij"),      ERR,    "'i' already"),
    (lambda: ed.derive(seed(), "X", indices="a"),       ERR,    "1 axis.*has 2"),
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
    for got, want in zip(ed.evaluate([value, *gradient], at), (27, [12, 21], [[1, 2], [2, 4]]), strict=True):
        assert_same(got, np.array(want))
