"""A loss as functions of one flat vector, against the loss itself and its derivatives."""

import numpy as np
import pytest

import einderiv as ed

t, es = ed.tensor, ed.einsum
T, U, V = t("T", "nm"), t("U", "nk"), t("V", "mk")
loss = ed.norm_squared(T - es("nk,mk->nm", U, V))
r = np.random.default_rng(6)
T0, U0, V0 = r.integers(-3, 4, (4, 3)), r.integers(-3, 4, (4, 2)), r.integers(-3, 4, (3, 2))
TREES = [
    ("a tensor",  U,                     lambda u, v: u,                    dict(T=T0, V=V0)),
    ("a name",    "V",                   lambda u, v: v,                    dict(T=T0, U=U0)),
    ("a list",    ["U", V],              lambda u, v: [u, v],               dict(T=T0)),
    ("a tuple",   (V, "U"),              lambda u, v: (v, u),               dict(T=T0)),
    ("a dict",    {"left": U, "r": "V"}, lambda u, v: {"left": u, "r": v},  dict(T=T0)),
    ("nested",    [{"v": V}, (U,)],      lambda u, v: [{"v": v}, (u,)],     dict(T=T0)),
]  # fmt: skip


def flattened(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    return (
        np.concatenate(list(map(flattened, tree)))
        if isinstance(tree, (list, tuple))
        else np.ravel(tree)
    )


@pytest.mark.parametrize(
    ("wrt", "make", "arrays"), [row[1:] for row in TREES], ids=[row[0] for row in TREES]
)
def test_functions(wrt, make, arrays):
    sizes = {"k": 2} if len(arrays) == 1 else None
    f = ed.scipy_functions(loss, wrt, arrays, sizes=sizes)
    point = make(U0, V0)
    x = f.pack(point)
    assert (x.dtype, x.shape, f.size) == (np.float64, (f.size,), flattened(point).size)
    np.testing.assert_array_equal(x, flattened(point))
    back = f.unpack(x)
    assert type(back) is type(make(x, x))
    np.testing.assert_array_equal(flattened(back), x)
    at = dict(T=T0, U=U0, V=V0)
    value, gradient = f.fun_and_jac(x)
    assert type(value) is type(f.fun(x)) is float
    assert value == f.fun(x) == ed.evaluate(loss, at)
    np.testing.assert_array_equal(gradient, flattened(ed.evaluate(ed.grad(loss, wrt), at)))
    np.testing.assert_array_equal(f.jac(x), gradient)
    H = f.hess(x)
    assert H.shape == (f.size, f.size)
    np.testing.assert_array_equal(H, H.T)
    # The loss has degree 4 in all its unknowns: fourth-order differences of whole numbers are exact.
    h = np.eye(f.size)
    rows = [
        (f.jac(x - 2 * e) - 8 * f.jac(x - e) + 8 * f.jac(x + e) - f.jac(x + 2 * e)) / 12 for e in h
    ]
    np.testing.assert_array_equal(H, rows)
    v = r.integers(-3, 4, f.size).astype(float)
    np.testing.assert_array_equal(f.hessp(x, v), H @ v)


def test_the_vector_is_a_copy():
    f = ed.scipy_functions(loss, U, T=T0, V=V0)
    start = U0.astype(float)
    x = f.pack(start)
    x[:] = 0
    np.testing.assert_array_equal(start, U0)


def test_names_that_directions_must_not_take():
    s, s_0 = t("s"), t("s_0")
    f = ed.scipy_functions(s**3 * s_0 + s**2, [s, s_0])
    np.testing.assert_array_equal(f.hessp([2.0, 5.0], [1.0, 1.0]), [6 * 2 * 5 + 2 + 12, 12])


@pytest.mark.parametrize("n", [0, 1])
def test_sizes_zero_and_one(n):
    f = ed.scipy_functions(ed.norm_squared(t("x", "n")), "x", sizes={"n": n})
    assert f.fun(np.ones(n)) == n
    assert f.jac(np.ones(n)).shape == (n,)
    assert f.hess(np.ones(n)).shape == (n, n)
    assert f.hessp(np.ones(n), np.ones(n)).shape == (n,)


def test_single_numbers_are_computed_in_double():
    f = ed.scipy_functions(loss, U, T=T0.astype("f4"), V=V0.astype("f4"))
    assert f.pack(U0.astype("f4")).dtype == f.jac(np.ones(8)).dtype == np.float64


def test_the_hessian_has_a_limit_and_its_products_have_none():
    f = ed.scipy_functions(ed.norm_squared(t("x", "n")), "x", sizes={"n": 10**5})
    with (
        ed.limits.override(dense_bytes=10**8),
        pytest.raises(ed.LimitError, match="hessp never forms it"),
    ):
        f.hess(np.zeros(10**5))
    np.testing.assert_array_equal(f.hessp(np.zeros(10**5), np.arange(1e5)), 2 * np.arange(1e5))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ed.scipy_functions(T - T, U, T=T0), ed.EinderivError, "has no tensor 'U'"),
        (lambda: ed.scipy_functions(3, U), TypeError, "must be an expression"),
        (lambda: ed.scipy_functions(loss, 0, T=T0), TypeError, "operand position has no values"),
        (lambda: ed.scipy_functions("i,i->", 0, B=[1.0]), TypeError, "position has no values"),
        (
            lambda: ed.scipy_functions(loss, "W", T=T0),
            ed.EinderivError,
            "no tensor here is called 'W'",
        ),
        (
            lambda: ed.scipy_functions(loss, t("W", "n"), T=T0),
            ed.EinderivError,
            "the loss has no tensor 'W'",
        ),
        (
            lambda: ed.scipy_functions(loss, U, T=T0, Q=V0),
            ed.EinderivError,
            "no tensor here is called 'Q'",
        ),
        (
            lambda: ed.scipy_functions(loss, U, T=T0, U=U0),
            ed.EinderivError,
            "U is what is minimised over",
        ),
        (lambda: ed.scipy_functions(loss, U, T=T0), ed.ShapeError, "shape of U is not known"),
        (lambda: ed.scipy_functions(loss, U, T=T0, V=V0[:2]), ed.ShapeError, "size"),
        (lambda: ed.scipy_functions(loss, [], T=T0), ed.EinderivError, "names no tensor"),
        (lambda: ed.scipy_functions(loss, [U, U], T=T0), ed.EinderivError, "U twice"),
        (lambda: ed.scipy_functions(loss, U, T=T0 * 1j, V=V0), TypeError, "T is complex"),
        (lambda: ed.scipy_functions(loss, U, T="T0", V=V0), TypeError, "T must be an array"),
    ],
)
def test_what_cannot_be_a_function(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda f: f.fun(np.ones(7)), ed.ShapeError, r"\(7,\), but there are 14 unknowns"),
        (lambda f: f.jac(np.ones((2, 7))), ed.ShapeError, r"\(2, 7\)"),
        (lambda f: f.pack(U0), TypeError, "wrt is a dict of 2: the arrays must be one too"),
        (lambda f: f.pack({"u": U0, "w": V0}), TypeError, "keys"),
        (
            lambda f: f.pack({"u": U0, "v": V0.T}),
            ed.ShapeError,
            r"V has shape \(2, 3\), but V has \(3, 2\)",
        ),
        (lambda f: f.pack({"u": U0, "v": V0 * 1j}), TypeError, "V is complex"),
    ],
)
def test_vectors_that_do_not_fit(call, error, match):
    f = ed.scipy_functions(loss, {"u": U, "v": V}, T=T0, sizes={"k": 2})
    with pytest.raises(error, match=match):
        call(f)


def test_missing_arrays_are_named():
    f = ed.scipy_functions(loss, U, V=V0, sizes={"n": 4})
    with pytest.raises(ed.EinderivError, match="no array for T"):
        f.fun(np.ones(8))


# ---- declared structures: all entries are in the flat vector
G = r.integers(-3, 4, (3, 3)).astype(float)
PROJECTIONS = {
    "symmetric": lambda a: (a + a.T) / 2,
    "diagonal": lambda a: np.diag(np.diag(a)),
    "lower": np.tril,
}


@pytest.mark.parametrize("wrt", ["declared", "name", "plain"])
@pytest.mark.parametrize("structure", PROJECTIONS)
def test_functions_of_a_structure(structure, wrt):
    S, project = t("S", "nn", **{structure: True}), PROJECTIONS[structure]
    inner = ed.sum(S**4) + ed.norm_squared(S @ S - t("N", "nn"))
    f = ed.scipy_functions(inner, {"declared": S, "name": "S", "plain": t("S", "nn")}[wrt], N=G)
    free, at = (
        2 * r.integers(-3, 4, (3, 3)).astype(float),
        project(2 * r.integers(-3, 4, (3, 3)).astype(float)),
    )
    x = f.pack(at)
    assert f.size == 9
    np.testing.assert_array_equal(f.unpack(x), at)
    np.testing.assert_array_equal(f.unpack(free.ravel()), project(free))
    # Within the structure it is the loss, and the gradient is the projected one.
    assert f.fun(x) == ed.evaluate(inner, S=at, N=G)
    np.testing.assert_array_equal(
        f.jac(x).reshape(3, 3), project(ed.evaluate(ed.grad(inner, S), S=at, N=G))
    )
    # Elsewhere half the squared distance comes to it.
    distance = np.sum((free - project(free)) ** 2) / 2
    assert f.fun(free.ravel()) == ed.evaluate(inner, S=project(free), N=G) + distance
    H = f.hess(x)
    np.testing.assert_array_equal(H, H.T)
    v = project(2 * r.integers(-3, 4, (3, 3)).astype(float))
    product = f.hessp(x, v.ravel()).reshape(3, 3)
    np.testing.assert_array_equal(product, project(product))
    np.testing.assert_array_equal(product.ravel(), H @ v.ravel())
    np.testing.assert_array_equal(
        product, project(ed.evaluate(ed.hvp(inner, S, "v"), S=at, N=G, v=v))
    )
    off = free - project(free)
    np.testing.assert_array_equal(H @ off.ravel(), off.ravel())


def test_rounding_is_projected_away():
    S = t("S", "nn", symmetric=True)
    f = ed.scipy_functions(ed.norm_squared(S), S, sizes={"n": 2})
    x = f.pack([[1.0, 2.0], [2.0 + 1e-12, 1.0]]).reshape(2, 2)
    np.testing.assert_array_equal(x, x.T)


@pytest.mark.parametrize(
    ("declared", "call", "match"),
    [
        (
            "symmetric",
            lambda f, S: f(S).pack(np.triu(np.ones((2, 2)))),
            "S is declared symmetric, but its array is not",
        ),
        (
            "lower",
            lambda f, S: f(S).pack(np.ones((2, 2))),
            "S is declared lower, but its array is not",
        ),
        ("orthogonal", lambda f, S: f(S), "S is declared orthogonal"),
        ("symmetric", lambda f, S: f([S, "S"]), "S twice"),
        ("symmetric", lambda f, S: f(t("Q", "nn", symmetric=True)), "the loss has no tensor 'Q'"),
    ],
)
def test_what_has_no_structure(declared, call, match):
    S = t("S", "nn", **{declared: True})
    with pytest.raises(ed.EinderivError, match=match):
        call(lambda wrt: ed.scipy_functions(ed.norm_squared(S), wrt, sizes={"n": 2}), S)
