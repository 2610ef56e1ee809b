"""`check` says ok of what is right, by three methods; planted wrong rules it must find."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

import einderiv as ed
from einderiv.autodiff import rules as derivation
from einderiv.checking.derivative_check import _weights, degree_in
from einderiv.functions.table import FUNCTIONS

t, es = ed.tensor, ed.einsum
A, B, M, x, v = t("A", "ij"), t("B", "jk"), t("M", "nn"), t("x", "n"), t("v", "i")
EXACT, STEP, CENTRAL = "exact differences", "complex step", "central differences"
EYE = np.eye(3)

OK = [
    # what, expression, wrt, method
    ("seed by position",      lambda: "is,st,tj->ij",                       0,         EXACT),
    ("seed, last",            lambda: "is,st,tj->ij",                       -1,        EXACT),
    ("seed, all",             lambda: es("is,st,tj->ij", *"XYP"),           ["X", "Y", "P"], EXACT),
    ("diagonal",              lambda: "ii->i",                              0,         EXACT),
    ("trace",                 lambda: "ii->",                               0,         EXACT),
    ("private labels",        lambda: "ij,kl->",                            1,         EXACT),
    ("embedding",             lambda: "i->ii",                              "A",       EXACT),
    ("x'Ax",                  lambda: es("i,ij,j->", x, M, x),              "x",       EXACT),
    ("one slot of x'Ax",      lambda: es("i,ij,j->", x, M, x),              2,         EXACT),
    ("tr A^3",                lambda: ed.trace(M @ M @ M),                  M,         EXACT),
    ("x^4",                   lambda: x**4,                                 "x",       EXACT),
    ("square of a square",    lambda: ed.square(ed.square(x)),              "x",       EXACT),
    ("factorisation",         lambda: ed.norm_squared(t("T", "ij") - t("U", "ik") @ t("V", "jk").T),
     ("U", "V"), EXACT),
    ("a difference",          lambda: 3 * (A @ B) - (A @ B) * es("ij,jk->ik", A, B), "A", EXACT),
    ("broadcast",             lambda: es("i->ij", v, sizes={"j": 4}),       "v",       EXACT),
    pytest.param(lambda: t("s") * t("s") * x, "s", EXACT, id="scalar"),
    ("independent",           lambda: A @ B,                                t("Q", "q"), EXACT),
    ("held whole numbers",    lambda: es("ij,jk->ik", [[1, 2], [3, 4]], t("C", "jk")), 0, EXACT),
    ("held, by the tensor",   lambda: es("ij,jk->ik", [[1, 2], [3, 4]], t("C", "jk")), 1, EXACT),
    pytest.param(lambda: es("ij,jk->ik", EYE, t("C", "jk")), 0, STEP, id="held floats"),
    ("a sub-expression",      lambda: es("ij,j->i", ed.exp(M), x),          0,         STEP),
    ("derivative's own",      lambda: ed.derive(es("i,ij,j->", x, M, x), "x"), "x",    EXACT),
    ("third order",           lambda: ed.hessian(es("i,i,i->", x, x, x), "x"), "x",    EXACT),
    ("exp",                   lambda: ed.exp(M @ x),                        "M",       STEP),
    ("softmax",               lambda: ed.softmax(M @ M),                    "M",       STEP),
    ("logsumexp of columns",  lambda: ed.logsumexp(A @ B, 0),               "B",       STEP),
    ("norm",                  lambda: ed.norm(M @ x),                       "x",       STEP),
    ("half a polynomial",     lambda: 0.5 * es("i,i->", x, x),              "x",       STEP),
    ("residual net",          lambda: ed.sum(x + M @ ed.tanh(x + M @ ed.tanh(x))), ["M", "x"], STEP),
    ("net's Hessian",         lambda: ed.grad(ed.sum(ed.sigmoid(M @ ed.tanh(x))), "x"), "M", STEP),
    ("relu net",              lambda: ed.relu(M @ x - 2) * x,               "x",       CENTRAL),
    ("absolute values",       lambda: ed.abs(es("ij,jk->ik", A, B)),        "A",       CENTRAL),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "wrt", "method"),
    [
        pytest.param(*r[1:], id=r[0]) if isinstance(r, tuple) and not hasattr(r, "id") else r
        for r in OK
    ],
)
def test_right(make, wrt, method):
    report = ed.check(make(), wrt)
    assert report.ok, str(report)
    for one in getattr(report, "reports", [report]):
        if one.compared:
            assert method in one.method or (method == EXACT and one.error == 0)
            assert str(one).startswith("ok: the derivative by")
        assert (one.tolerance == 0) == ("exact" in one.method)


@pytest.mark.parametrize(
    ("given", "method"),
    [
        (dict(x=np.array([1, 2, 3]), M=np.arange(9).reshape(3, 3)), EXACT),
        (dict(x=np.array([1.5, 2, 3])), STEP),
        (dict(x=np.array([1.5, 2, 3], "f4")), STEP),
        (dict(x=np.array([1 + 2j, 2, 3])), CENTRAL),
        (dict(x=np.zeros(0, int)), ""),
        (dict(x=np.ones(1, "i1"), M=np.ones((1, 1), "i1")), EXACT),
    ],
)
def test_arrays_that_are_given(given, method):
    y = es("i,ij,j->", x, M, x)
    for report in (ed.check(y, "x", given), ed.check(y, "x", **given)):
        assert report.ok, str(report)
        assert method in report.method
        assert report.compared == len(given["x"])


def test_large_derivatives_are_compared_along_directions():
    report = ed.check("ij,jk->ik", 0, sizes={"i": 20, "j": 10, "k": 20})
    assert report.ok
    assert "directions" in report.method
    assert report.compared == 3 * 20 * 20
    smooth = ed.check(ed.tanh(M @ M), "M", M=np.random.default_rng(0).normal(size=(15, 15)) / 4)
    assert smooth.ok, str(smooth)
    assert "directions" in smooth.method
    assert ed.check(es("i,i->i", x, x), "x", x=np.arange(200)).ok


def test_sizes_and_seeds():
    assert ed.check("ij,jk->ik", 0, sizes={"i": 1, "j": 0, "k": 2}).compared == 0
    assert ed.check("ij,jk->ik", 0, sizes={"i": 1, "j": 2, "k": 2}).compared == 4
    assert all(ed.check(ed.exp(M @ x), "x", seed=k).ok for k in range(5))
    with pytest.raises(ed.EinderivError, match="'q'"):
        ed.check("ij,jk->ik", 0, sizes={"q": 1})
    with pytest.raises(ed.EinderivError, match="no tensor here is called 'Z'"):
        ed.check("ij,jk->ik", 0, Z=np.ones(2))


# ---- planted: what is wrong must be found, by every method, small and large
def planted_function(monkeypatch, name, wrong):
    row = FUNCTIONS[name]
    monkeypatch.setitem(
        FUNCTIONS, name, dataclasses.replace(row, derivatives=tuple(map(wrong, row.derivatives)))
    )


def negated(rule):
    return lambda node: tuple(-term for term in rule(node))


def dropped(rule):
    """A zero where there is a derivative: what other systems have answered."""
    return lambda node: ()


def slightly_off(rule):
    return lambda node: tuple(1.0001 * term for term in rule(node))


def first_term_only(rule):
    return lambda node: rule(node)[:1]


def transposed_rule(rule):
    return lambda node: tuple(term.T for term in rule(node))


FUNCTION_PLANTS = [
    ("exp",        lambda: ed.exp(M @ x),                 "x",  negated,          STEP),
    ("tanh",       lambda: ed.sum(ed.tanh(M @ x)),        "M",  dropped,          STEP),
    ("sigmoid",    lambda: ed.sigmoid(M @ x),             "M",  slightly_off,     STEP),
    ("softmax",    lambda: ed.softmax(x),                 "x",  first_term_only,  STEP),
    ("logsumexp",  lambda: ed.logsumexp(M @ x),           "x",  negated,          STEP),
    ("sqrt",       lambda: ed.sqrt(ed.norm_squared(x)),   "x",  slightly_off,     STEP),
    ("relu",       lambda: ed.relu(x),                    "x",  dropped,          CENTRAL),
    ("abs",        lambda: ed.abs(M @ x),                 "x",  negated,          CENTRAL),
    ("relu",       lambda: ed.relu(x),                    "x",  slightly_off,     CENTRAL),
    ("square",     lambda: ed.square(x),                  "x",  negated,          EXACT),
    ("square",     lambda: ed.sum(ed.square(M @ x)),      "M",  dropped,          EXACT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [("exp", "np.expm1({0}) + {0}"), ("tan", "np.arctan({0})"), ("sqrt", "np.cbrt({0})")],
)
def test_a_wrong_spelling_is_found(monkeypatch, name, text):
    """The plain formula of a row knows nothing of its spelling; here the derivative has the function in it."""
    row, e, at = FUNCTIONS[name], getattr(ed, name), np.array([0.3, 0.8])
    assert ed.check(e(x), x, x=at).ok
    planted = dataclasses.replace(row, spell={**row.spell, "numpy": text})
    monkeypatch.setitem(FUNCTIONS, name, planted)
    assert not ed.check(e(x), x, x=at).ok


@pytest.mark.parametrize("size", [3, 200])
@pytest.mark.parametrize(
    ("name", "make", "wrt", "wrong", "method"),
    FUNCTION_PLANTS,
    ids=[f"{r[0]} {r[3].__name__}" for r in FUNCTION_PLANTS],
)
def test_a_wrong_row_is_found(monkeypatch, name, make, wrt, wrong, method, size):
    whole = method == EXACT
    r = np.random.default_rng(0)
    arrays = {
        "x": r.integers(1, 4, size) if whole else r.uniform(0.3, 1, size),
        "M": r.integers(1, 4, (size, size)) if whole else r.uniform(0.3, 1, (size, size)) / size,
    }
    given = {n: a for n, a in arrays.items() if n in ed.compile(make()).inputs}
    assert ed.check(make(), wrt, given).ok, "right before"
    planted_function(monkeypatch, name, wrong)
    report = ed.check(make(), wrt, given)
    assert not report.ok, str(report)
    assert method in report.method
    assert "WRONG" in str(report)
    assert "largest deviation" in str(report)
    monkeypatch.undo()
    assert ed.check(make(), wrt, given).ok, "and right again"


def wrong_sign(rule):
    def forward(node, slots, k, inner, *rest):
        return [-1 * term for term in rule(node, slots, k, inner, *rest)]

    return forward


def last_slot_forgotten(rule):
    def forward(node, slots, k, inner, *rest):
        return rule(node, slots, k, inner, *rest) if k + 1 < len(slots) or k == 0 else []

    return forward


def new_axes_swapped(rule):
    def forward(node, slots, k, inner, *rest):
        made = rule(node, slots, k, inner, *rest)
        return [es(swap(e), e) for e in made] if len(rest[0]) == 2 else made

    def swap(e):
        letters = "abcdefgh"[: e.ndim]
        return f"{letters}->{letters[:-2]}{letters[-1]}{letters[-2]}"

    return forward


def doubled_backwards(rule):
    return lambda node, k, cotangent: [2 * term for term in rule(node, k, cotangent)]


def transposed_backwards(rule):
    def backward(node, k, cotangent):
        found = rule(node, k, cotangent)
        return [term.T if term.ndim == 2 else term for term in found]

    return backward


RULE_PLANTS = [
    # which rule, how it is wrong, expression, wrt
    ("_replaced",    wrong_sign,            lambda: M @ M @ x,                        "x"),
    ("_replaced",    wrong_sign,            lambda: ed.exp(M @ x),                    "x"),
    ("_replaced",    last_slot_forgotten,   lambda: es("ij,jk->ik", M, M),            "M"),
    ("_replaced",    new_axes_swapped,      lambda: es("ij,j->i", M, x),              "M"),
    ("_replaced",    new_axes_swapped,      lambda: ed.abs(es("ij,j->i", M, x)),      "M"),
    ("_transposed",  doubled_backwards,     lambda: es("i,ij,j->", x, M, x),          "x"),
    ("_transposed",  doubled_backwards,     lambda: ed.norm(M @ x),                   "M"),
    ("_transposed",  transposed_backwards,  lambda: es("i,ij,j->", x, M, ed.square(x)), "M"),
    ("_transposed",  transposed_backwards,  lambda: es("ij,j,i->", M, x, t("z", "n")), "M"),
]  # fmt: skip


# Entry by entry, and along directions: 28^3 entries are too many.
@pytest.mark.parametrize("n", [3, 28])
@pytest.mark.parametrize(
    ("name", "wrong", "make", "wrt"),
    RULE_PLANTS,
    ids=[f"{k} {r[1].__name__}" for k, r in enumerate(RULE_PLANTS)],
)
def test_a_wrong_rule_is_found(monkeypatch, name, wrong, make, wrt, n):
    r = np.random.default_rng(3)
    arrays = {"x": r.integers(1, 5, n), "M": r.integers(-4, 5, (n, n)), "z": r.integers(-4, 0, n)}
    given = {k: a for k, a in arrays.items() if k in ed.compile(make()).inputs}
    if "exp" in str(make()) or "sqrt" in str(make()):
        given = {k: a / (8 * n) for k, a in given.items()}
    assert ed.check(make(), wrt, given).ok, "right before"
    monkeypatch.setattr(derivation, name, wrong(getattr(derivation, name)))
    report = ed.check(make(), wrt, given)
    assert not report.ok, str(report)


def test_not_a_number_is_not_ok(monkeypatch):
    planted_function(monkeypatch, "exp", lambda rule: lambda node: (ed.log(-1 - ed.square(node)),))
    with np.errstate(invalid="ignore"):
        assert not ed.check(ed.exp(x), "x").ok


def test_arrays_are_drawn_again_where_the_function_has_no_value():
    X = ed.tensor("X", "ij")
    reports = [
        ed.check(ed.log(ed.det(X)), X, sizes={"i": n, "j": n}, seed=k)
        for n in (1, 2, 3)
        for k in range(6)
    ]
    assert all(report.judged and report.ok for report in reports)


@pytest.mark.parametrize("array", [[-2.0, 1.0], [np.nan, 1.0], [np.inf, 1.0], [0.0, 1.0]])
def test_no_verdict_where_the_differences_are_not_finite(array):
    report = ed.check(ed.sum(ed.log(x)), x, x=np.array(array))
    assert not report.judged
    assert not report.ok
    assert str(report).startswith("not judged: the derivative by x")
    assert not ed.check(ed.sum(ed.log(x)), [x], x=np.array(array)).ok


def test_no_verdict_where_no_arrays_serve():
    assert not ed.check(ed.log(-1 - ed.square(x)), x).judged


def test_one_wrong_among_several_is_wrong(monkeypatch):
    planted_function(monkeypatch, "exp", negated)
    y = es("ij,j->i", M, ed.exp(x))
    report = ed.check(y, ["M", "x"])
    assert [one.ok for one in report.reports] == [True, False]
    assert not report.ok
    assert str(report).count("\n") == 1


# ---- the parts
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 6])
def test_weights_give_the_slope_of_any_polynomial(degree):
    coefficients = [7, -3, 5, 2, -1, 4, 9][: degree + 1]
    values = [sum(c * u**k for k, c in enumerate(coefficients)) for u in range(degree + 1)]
    want = coefficients[1] if degree else 0
    assert sum(w * f for w, f in zip(_weights(degree), values, strict=True)) == want


@pytest.mark.parametrize(
    ("make", "degree"),
    [
        (lambda: A @ B, 1),
        (lambda: A * A + A, 2),
        (lambda: ed.square(A * A), 4),
        (lambda: B * 3, 0),
        (lambda: ed.exp(A), None),
        (lambda: ed.exp(B), 0),
        (lambda: ed.exp(A) * A, None),
        (lambda: A**4, 4),
        (lambda: es("ij,ij,ij->", A, A, A), 3),
        (lambda: ed.relu(A) + A, None),
    ],
)
def test_degrees(make, degree):
    assert degree_in(make(), "A") == degree


def test_many_operands_and_large_sizes():
    letters = "abcdefghijklmnop"
    chain = ",".join(letters[k : k + 2] for k in range(14)) + "->ao"
    assert ed.check(chain, 3).ok  # not one loop over 15 labels
    assert ed.check("ij,jk->ik", 0, sizes={"i": 400, "j": 400, "k": 400}).ok
    with pytest.raises(ed.LimitError, match="smaller sizes"):
        ed.check("ij,j->i", 0, sizes={"i": 10**12, "j": 10**8})


def test_whole_numbers_that_are_too_large_give_way_to_fractions():
    report = ed.check(x * 10**30, "x")
    assert report.ok
    assert STEP in report.method
    with pytest.raises(ed.EinderivError, match="float64 first"):
        ed.check(x * 10**30, "x", x=np.array([1, 2]))


def test_high_powers_are_checked_with_fractions():
    text = "a0:;" + "".join(f"a{k + 1}=a{k}*a{k};" for k in range(12)) + "a12"
    report = ed.check(ed.parse(text), "a0")
    assert report.ok
    assert "complex step" in str(report)


def test_products_of_several_scalars():
    # NumPy's einsum of two object arrays without axes gives a number, no array.
    assert ed.check(ed.einsum(",,i->ii", "s", "s", "d"), "s").ok


def test_where_the_function_has_no_real_value():
    # Not a large deviation, which a wrong derivative would have.
    with np.errstate(invalid="ignore"):
        report = ed.check(
            ed.log(ed.det(ed.tensor("X", "aa"))), "X", X=np.array([[0.0, 1.0], [1.0, 0.0]])
        )
    assert np.isnan(report.error)
    assert not report.ok


v = ed.tensor("v", "i")
KINKS = [
    (ed.sum(ed.relu(v)),                    [0.0, 1.0, -1.0], 1),
    (ed.sum(ed.relu(v)),                    [0.0, 0.0, 0.0],  3),
    (ed.sum(ed.leaky_relu(v)),              [0.0, 1.0, 2.0],  1),
    (ed.sum(ed.sign(v)),                    [0.0, 1.0, 2.0],  1),
    (ed.sum(ed.heaviside(v)),               [0.0, 1.0, 2.0],  1),
    (ed.sum(ed.where(v > 0, v * v, v)),     [0.0, 1.0, 2.0],  1),
    (ed.max(v) + ed.sum(v),                 [1.0, 1.0, 1.0],  3),
]  # fmt: skip


@pytest.mark.parametrize(("y", "at", "kinks"), KINKS)
def test_at_a_kink_nothing_is_judged(y, at, kinks):
    report = ed.check(y, v, v=at)
    assert str(report).startswith("not judged: a kink: the derivative by v, of which ")
    assert (report.kinks, report.ok) == (kinks, False)


def test_beside_a_kink_mistakes_are_found():
    bad = ed.function("bad_relu", "np.maximum({0}, 0)", lambda x: 2 * ed.heaviside(x))
    assert "WRONG" in str(ed.check(ed.sum(bad(v)), v, v=[0.0, 1.0]))


def test_a_mistake_at_a_smooth_point_is_no_kink():
    bad = ed.function("bad_exp", "np.exp({0})", lambda x: 0 * x)
    assert "WRONG" in str(ed.check(ed.sum(bad(v)), v, v=[0.0, 1.0]))


def test_second_order():
    report = ed.check(ed.sum(ed.exp(v) * v), v, order=2)
    first, second = report.reports
    assert report.ok
    assert str(second).startswith("ok: the second derivative by v, 9 values by a complex step")
    assert str(first).startswith("ok: the derivative by v, 3 values")
    assert ed.check("i,i->", 0, order=2).ok


def test_second_order_finds_a_mistake_of_second_order():
    # right once, but the derivative of its derivative is missing
    half = ed.function("half_slope", "np.exp({0}) / 2 * 1", None)
    bad = ed.function("half_value", "np.exp({0}) / 2", lambda x: half(x))
    first, second = ed.check(ed.sum(bad(v)), v, order=2).reports
    assert first.ok
    assert "WRONG: the second derivative" in str(second)


def test_second_order_at_a_kink():
    first, second = ed.check(ed.sum(ed.relu(v) * v), v, order=2, v=[0.0, 1.0]).reports
    assert first.ok
    assert second.kinks == 1


@pytest.mark.parametrize(
    ("y", "wrt", "order", "error", "message"),
    [
        ("i,i->", 0, 0, ed.EinderivError, "order is 0"),
        ("i,i->", 0, 1.5, TypeError, "order must be a whole number"),
        (ed.einsum("i,i->", v, v), 0, 2, ed.EinderivError, "takes tensors or names: operand 0"),
    ],
)
def test_orders_that_are_none(y, wrt, order, error, message):
    with pytest.raises(error, match=message):
        ed.check(y, wrt, order=order)


@pytest.mark.parametrize(
    ("y", "at"),
    [
        (lambda: ed.inv(M), np.ones((3, 3))),
        (lambda: ed.cholesky(M), -np.eye(3)),
        (lambda: ed.solve(M, x), np.zeros((3, 3))),
    ],
)
def test_singular_matrices_are_errors_as_in_evaluation(y, at):
    for call in (ed.check, lambda e, _, **arrays: ed.evaluate(e, {**arrays, "x": np.ones(3)})):
        with pytest.raises(ed.EinderivError, match="a matrix cannot be inverted or factored"):
            call(ed.sum(y()), M, M=at)


def test_a_check_loads_none_of_the_libraries_that_are_timed():
    code = (
        "import sys; sys.modules['opt_einsum'] = None; import einderiv as ed\n"
        "print(ed.check('is,st,tj->ij', 0).ok, 'jax' in sys.modules, 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True", "False", "False"]
