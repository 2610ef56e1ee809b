"""Every row of the table: its value by a plain formula, two derivatives by differences; and rows that users add."""

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
from formulas import (
    ALONE,
    ELSEWHERE,
    FORMULAS,
    MATRICES,
    NAMES,
    PARAMETERS,
    applied,
    arguments,
    by_differences,
    points,
    with_parameters,
)

import einderiv as ed
from einderiv.functions import shown_parameters, stays_integer
from einderiv.functions import table as functions
from einderiv.functions.table import ADDED, FUNCTIONS, apply, no_axes, together

t, es, ev = ed.tensor, ed.einsum, ed.evaluate
x = t("x", "i")
ROWS = with_parameters(FORMULAS)
rows = pytest.mark.parametrize(("name", "parameters"), ROWS, ids=[f"{n}{p or ''}" for n, p in ROWS])


def test_every_row_has_a_formula():
    """A row that no table here covers is tested nowhere."""
    assert {*FORMULAS, *MATRICES, *ALONE, *ELSEWHERE} == set(FUNCTIONS) - set(ADDED)
    assert not FORMULAS.keys() & MATRICES.keys()
    assert set(PARAMETERS) <= set(FORMULAS) | set(MATRICES) | ELSEWHERE
    assert all(row.name == name for name, row in FUNCTIONS.items())


def setting(name, parameters, shape=(2, 3)):
    """The applied function, an array for each argument by name, and the plain formula of such."""
    options = {"axis": 1} if FUNCTIONS[name].core else {}
    given = dict(zip(NAMES, arguments(name, shape)))

    def plain(**at):
        return FORMULAS[name](*at.values(), *parameters, **options)

    return applied(name, parameters), given, plain


@rows
def test_a_row(name, parameters):
    """Value, first and second derivatives, by each argument and mixed."""
    y, given, plain = setting(name, parameters)
    want = plain(**given)
    np.testing.assert_allclose(ev(y, given), want, rtol=1e-13, atol=1e-13)
    assert y.ndim == want.ndim
    for n, at in given.items():
        slope = ed.derive(y, n)
        got = ev(slope, given)
        assert got.shape == want.shape + at.shape
        first = by_differences(lambda z: plain(**{**given, n: z}), at, 1e-6)
        np.testing.assert_allclose(got, first, rtol=1e-8, atol=1e-8)
        for m, there in given.items():
            second = by_differences(lambda z: ev(slope, {**given, m: z}), there, 1e-6)
            np.testing.assert_allclose(ev(ed.derive(slope, m), given), second, rtol=1e-7, atol=1e-7)


@rows
def test_a_row_backwards(name, parameters):
    """The gradient of a weighted sum, with one tensor in all arguments."""
    row = FUNCTIONS[name]
    X = t("x", "ij")
    at = points(row, (2, 3))
    inner = [X, X * X, ed.exp(X)][: len(row.derivatives)]
    y = apply(name, tuple(inner), abs(row.core), parameters)
    options = {"axis": 1} if row.core else {}
    weights = np.cos(np.arange(np.prod(ev(y, x=at).shape))).reshape(ev(y, x=at).shape)

    def loss(z):
        return (
            weights * FORMULAS[name](*[z, z * z, np.exp(z)][: len(inner)], *parameters, **options)
        ).sum()

    letters = "abcdefgh"[: y.ndim]
    gradient = ed.grad(es(f"{letters},{letters}->", weights, y), X)
    np.testing.assert_allclose(
        ev(gradient, x=at), by_differences(loss, at, 1e-6), rtol=1e-7, atol=1e-8
    )


@rows
def test_a_row_explains_itself(name, parameters):
    row = FUNCTIONS[name]
    assert row.law
    assert row.derived
    assert row.domain[0] < row.domain[1]
    assert row.core in (0, -1)
    assert bool(row.derivatives) != bool(row.forward)
    holes = [rf"\exp_{k}" for k, _ in enumerate(row.derivatives)]
    shown = row.latex.format(*holes, *parameters)
    assert all(hole in shown for hole in holes)
    assert shown.count("{") == shown.count("}")
    assert shown.count(r"\left") == shown.count(r"\right")
    y = applied(name, parameters)
    extra = "".join(f", {p}" for p in shown_parameters(y))
    assert str(y) == f"{name}({', '.join(NAMES[: len(row.derivatives)])}{extra})"
    assert any(rule(y) for rule in row.derivatives) == (row.derived != "0")
    assert (row.shape is no_axes) == (row.core != 0 and y.ndim == 1 and name != "prod")


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - set(ADDED)))
def test_a_row_has_a_source(name):
    assert FUNCTIONS[name].source


@rows
def test_a_row_alone(name, parameters):
    """The source of a row and its derivative runs without this package."""
    y, given, plain = setting(name, parameters)
    source = ed.source((y, ed.derive(y, "x")))
    assert "einderiv" not in source
    scope = {}
    exec(compile(source, name, "exec"), scope)
    parameters = inspect.signature(scope["compute"]).parameters.values()
    free = {p.name: {"i": 2, "j": 3}[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY}
    value, slope = scope["compute"](
        *(given[n] for n in ed.compile((y, ed.derive(y, "x"))).inputs), **free
    )
    np.testing.assert_allclose(value, plain(**given), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(slope, ev(ed.derive(y, "x"), given), rtol=1e-13, atol=1e-13)


@rows
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 0)])
def test_a_row_on_tiny_arrays(name, parameters, shape):
    y, given, plain = setting(name, parameters, shape)
    if name in ("max", "min", "at_max", "at_min") and not shape[1]:
        with pytest.raises(ValueError, match=r"none|no identity"):
            ev(y, given)
        return
    if name in ("softmax", "log_softmax", "logsumexp") and not shape[1]:
        # SciPy refuses a core without entries.
        want = np.full(shape[:1], -np.inf) if name == "logsumexp" else np.zeros(shape)
    else:
        want = plain(**given)
    np.testing.assert_allclose(ev(y, given), want, rtol=1e-14)
    assert ev(ed.derive(y, "x"), given).shape == want.shape + shape


@rows
@pytest.mark.parametrize(("dtype", "rounding"), [("f4", 2e-6), ("f2", 2e-3)])
def test_a_row_keeps_the_precision(name, parameters, dtype, rounding):
    y, given, plain = setting(name, parameters)
    given = {n: a.astype(dtype) for n, a in given.items()}
    for e in (y, ed.derive(y, "x"), ed.derive(ed.derive(y, "x"), "x")):
        assert ev(e, given).dtype == dtype
    want = plain(**{n: a.astype(float) for n, a in given.items()})
    np.testing.assert_allclose(ev(y, given), want, rtol=rounding, atol=rounding)


@rows
def test_integers_stay_integers_or_become_float64(name, parameters):
    row = FUNCTIONS[name]
    at = np.array([[1, 2, 3], [3, 1, 2]]) if row.domain[1] > 1 else np.zeros((2, 3), int)
    given = {n: np.roll(at, k) for k, n in enumerate(NAMES[: len(row.derivatives)])}
    y = applied(name, parameters)
    got = ev(y, given)
    assert got.dtype == (np.int64 if stays_integer(y) else np.float64)
    want = FORMULAS[name](
        *(a.astype(float) for a in given.values()), *parameters, **({"axis": 1} if row.core else {})
    )
    np.testing.assert_allclose(got, want, rtol=1e-13)


# ---- arguments that broadcast
def test_two_arguments_broadcast_numbers_and_share_ties():
    assert ev(ed.maximum(3, x), x=np.array([1, 5])).tolist() == [3, 5]
    assert ev(ed.minimum(x, t("s", "")), x=np.array([1, 5]), s=2).tolist() == [1, 2]
    assert ev(ed.grad(ed.sum(ed.maximum(x, 0)), x), x=np.array([-1.0, 0.0, 2.0])).tolist() == [
        0.0,
        0.5,
        1.0,
    ]
    assert ev(ed.maximum(2, 3)).tolist() == 3
    with pytest.raises(ed.ShapeError, match=r"write x\[:, None\]"):
        ed.hypot(x, t("X", "ij"))
    with pytest.raises(ed.EinderivError, match="not holomorphic"):
        ev(ed.maximum(x, 0), x=np.array([1j]))


@pytest.mark.parametrize(
    ("values", "axes"),
    [
        ((x, 1), [("i",), ("i",)]),
        ((1, x), [("i",), ("i",)]),
        ((t("s"), x, 2.5), [("i",)] * 3),
        ((t("s"), 2), [(), ()]),
        ((1, 2), [(), ()]),
        ((x, [1, 2]), [("i",), (None,)]),
    ],
)
def test_together(values, axes):
    assert [e.axes for e in together(*values)] == axes


@pytest.mark.parametrize("name", ["maximum", "hypot", "greater", "arctan2"])
def test_a_gradient_by_a_scalar_that_was_stretched(name):
    s, at = t("s"), np.array([0.5, 1.5, 2.5])
    f = getattr(ed, name)
    want = by_differences(lambda z: FORMULAS[name](z, at).sum(), np.array(1.2), 1e-6)
    np.testing.assert_allclose(
        ev(ed.grad(ed.sum(f(s, x)), s), s=1.2, x=at), want, rtol=1e-8, atol=1e-8
    )


# ---- the table itself
def test_a_row_enters_once():
    with pytest.raises(AssertionError, match="one row for each function"):
        functions.enter([FUNCTIONS["exp"]])


def test_scipy_is_imported_by_those_that_need_it():
    code = (
        "import sys, numpy as np, einderiv as ed; x = ed.tensor('x', 'i'); ed.evaluate(ed.tanh(x), x=np.ones(2));"
        "print('scipy' in sys.modules); ed.evaluate(ed.erf(x), x=np.ones(2)); print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    "make", [lambda: ed.erf(x), lambda: ed.expm(t("A", "ij")), lambda: ed.gelu(x)]
)
def test_a_missing_scipy_is_named(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    e = make()
    with pytest.raises(ImportError, match=r"needs scipy.*pip install 'einderiv\[scipy\]'"):
        ev(e, dict.fromkeys(ed.compile(e).inputs, np.eye(2) if e.ndim == 2 else np.ones(2)))


# ---- rows that users add
@pytest.fixture
def added():
    """Names that a test adds are gone behind it."""
    before = set(FUNCTIONS)
    yield ADDED
    for name in set(FUNCTIONS) - before:
        del FUNCTIONS[name], ADDED[name]


def test_a_row_of_a_user(added):
    f = ed.function(
        "witch", "1 / (1 + {0} * {0})", lambda u: -2 * u / (1 + u * u) ** 2, law="1/(1 + x^2)"
    )
    assert added == {**added, "witch": f}
    assert (f.__name__, f.__doc__) == ("witch", "``witch``: 1/(1 + x^2), elementwise.")
    e, at = f(x), np.array([0.0, 1.0, -2.0])
    np.testing.assert_allclose(ev(e, x=at), [1, 0.5, 0.2], rtol=1e-15)
    np.testing.assert_allclose(ev(ed.derive(e, x), x=at), np.diag([0, -0.5, 0.16]), rtol=1e-15)
    np.testing.assert_allclose(
        ev(ed.hessian(ed.sum(e), x), x=at), np.diag([-2, 0.5, 0.176]), rtol=1e-14
    )
    np.testing.assert_allclose(
        ev(2 * f(x) - 3 * f(2 * x), x=at), 2 / (1 + at**2) - 3 / (1 + 4 * at**2), rtol=1e-15
    )
    assert ev(e, x=at.astype("f4")).dtype == np.float32
    assert ev(e, x=np.array([1, 2])).dtype == np.float64
    assert ev(f(2)) == 0.2
    assert ed.check(ed.sum(e * e), x).ok
    assert (str(e), ed.formula(e)) == ("witch(x)", "y[i] = witch(x[i])")
    assert ed.latex(e) == r"y_{i} = \operatorname{witch}\left(x_{i}\right)"
    assert ed.source(e).splitlines()[-2:] == ["    t0 = (1 / (1 + x * x))  # (i,)", "    return t0"]
    with pytest.raises(ed.EinderivError, match="witch of complex numbers is not holomorphic"):
        ev(e, x=at + 1j)


def test_a_row_of_a_user_with_several_arguments(added):
    f = ed.function(
        "blend",
        "{2} * {0} + (1 - {2}) * {1}",
        lambda a, b, w: w,
        lambda a, b, w: 1 - w,
        lambda a, b, w: a - b,
        latex=r"\beta_{{{2}}}\left({0}, {1}\right)",
        analytic=True,
    )
    y, w = t("y", "i"), t("w")
    e = f(x, y, w)
    at = {"x": np.array([1.0, 2.0]), "y": np.array([3.0, 5.0]), "w": np.array(0.25)}
    assert ev(e, at).tolist() == [2.5, 4.25]
    assert ev(ed.derive(e, x), at).tolist() == [[0.25, 0], [0, 0.25]]
    assert ev(ed.derive(e, y), at).tolist() == [[0.75, 0], [0, 0.75]]
    assert ev(ed.derive(e, w), at).tolist() == [-2, -3]
    assert ev(ed.derive(ed.derive(e, w), x), at).tolist() == [[1, 0], [0, 1]]
    # w a + (1 − w) b of the same
    assert ev(ed.derive(f(x, x, x), x), x=np.array([0.5])).tolist() == [[1]]
    assert ed.check(ed.sum(f(x * x, y, w)), [x, y, w]).ok
    assert ed.latex(e) == r"y_{i} = \beta_{w}\left(x_{i}, y_{i}\right)"
    assert ev(f(x, 1, 0.5), x=np.array([3j])).tolist() == [0.5 + 1.5j]
    with pytest.raises(TypeError, match="blend takes 3 arguments, not 2"):
        f(x, y)
    with pytest.raises(ed.ShapeError, match=r"write x\[:, None\]"):
        f(x, t("X", "ij"), 1)


def test_a_row_of_a_user_that_is_constant_between_jumps(added):
    f = ed.function("lowered", "np.floor({0})", None)
    assert ev(f(x), x=np.array([1.5, -0.5])).tolist() == [1, -1]
    assert ev(ed.derive(f(x) * x, x), x=np.array([1.5, -0.5])).tolist() == [[1, 0], [0, -1]]


@pytest.mark.parametrize(
    ("derivative", "want"),
    [
        (lambda u: 3, [3, 3]),
        (lambda u: [3, 4], [3, 4]),
        (lambda u: ed.sum(u), [3, 3]),  # a scalar is for every entry
        (lambda u: ed.tensor("k", "i"), [7, 8]),  # any expression of its axes
    ],
)
def test_what_a_derivative_may_answer(added, derivative, want):
    e = ed.grad(ed.sum(ed.function("thrice", "3 * {0}", derivative)(x)), x)
    given = {"x": np.array([1, 2])} | (
        {"k": np.array([7, 8])} if "k" in ed.compile(e).inputs else {}
    )
    assert ev(e, given).tolist() == want


@pytest.mark.parametrize(
    ("derivative", "kind", "message"),
    [
        (
            lambda u: ed.outer(u, u),
            ed.ShapeError,
            "the derivative of thrice has 2 axes, its argument 1",
        ),
        (lambda u: [[1, 2]], ed.ShapeError, "the derivative of thrice has 2 axes, its argument 1"),
        (lambda u: "3", TypeError, "the derivative is the string '3'"),
        (lambda u: None, TypeError, "the derivative must be an array, a number"),
    ],
)
def test_what_a_derivative_may_not_answer(added, derivative, kind, message):
    f = ed.function("thrice", "3 * {0}", derivative)
    with pytest.raises(kind, match=re.escape(message)):
        ed.derive(f(x), x)


def test_a_wrong_derivative_is_found_by_check(added):
    f = ed.function("cubed", "{0} ** 3", lambda u: 2 * u * u)
    report = ed.check(f(x), x)
    assert not report.ok
    assert "WRONG" in str(report)


@pytest.mark.parametrize("name", ["foo", "t0", "arg_"])
def test_imports_of_a_user_never_meet_the_name_of_a_tensor(added, name):
    f = ed.function(
        "bessel", f"{name}({{0}})", lambda u: u, imports=f"from scipy.special import j0 as {name}"
    )
    e = f(ed.sin(t(name, "i")))
    np.testing.assert_allclose(ev(e, {name: np.array([0.0, 1.0])})[0], 1)
    source = ed.source(e)
    assert source.startswith(f"import numpy as np\nfrom scipy.special import j0 as {name}\n")


def nothing(*_):
    return 0


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            ("exp", "{0}", None),
            ed.EinderivError,
            "there is a function 'exp' already: choose another name",
        ),
        (("inv", "{0}", None), ed.EinderivError, "there is a function 'inv' already"),
        (
            ("class", "{0}", None),
            ed.EinderivError,
            "must be an ASCII identifier and no keyword, not 'class'",
        ),
        (
            ("a b", "{0}", None),
            ed.EinderivError,
            "must be an ASCII identifier and no keyword, not 'a b'",
        ),
        (("größe", "{0}", None), ed.EinderivError, "must be an ASCII identifier"),
        ((3, "{0}", None), TypeError, "the name of a function is a string, not int"),
        (("f", "{0}"), TypeError, "f needs a derivative for each argument, or None"),
        (("f", "{0}", 3), TypeError, "f needs a derivative for each argument, or None"),
        (
            ("f", "1 + x", nothing),
            ed.EinderivError,
            "the spelling '1 + x' of f leaves argument 0 out: write {0}",
        ),
        (("f", "{0}", nothing, nothing), ed.EinderivError, "leaves argument 1 out: write {1}"),
        (
            ("f", "{0} + {1}", nothing),
            ed.EinderivError,
            "has braces that are none of its 1 argument: write {{ and }}",
        ),
        (
            ("f", "{0} + {a}", nothing),
            ed.EinderivError,
            "has braces that are none of its 1 argument",
        ),
        (("f", "{0} + {", nothing), ed.EinderivError, "has braces that are none of its 1 argument"),
        (
            ("f", "{0} +", nothing),
            ed.EinderivError,
            "the spelling '{0} +' of f is no Python expression",
        ),
        (("f", "{0}; import os", nothing), ed.EinderivError, "is no Python expression"),
    ],
)
def test_rows_that_are_refused(added, arguments, kind, message):
    before = set(FUNCTIONS)
    with pytest.raises(kind, match=re.escape(message)):
        ed.function(*arguments)
    assert set(FUNCTIONS) == before


def test_latex_that_cannot_be_filled_is_refused(added):
    with pytest.raises(
        ed.EinderivError, match=r"the LaTeX .* of f has braces that are none of its 1 argument"
    ):
        ed.function("f", "{0}", nothing, latex=r"\frac{1}{{0}}")


def test_a_name_is_given_once(added):
    ed.function("once", "{0}", nothing)
    with pytest.raises(ed.EinderivError, match="there is a function 'once' already"):
        ed.function("once", "{0}", nothing)


def test_a_function_that_answers_its_argument_never_writes_into_it(added):
    same = ed.function("same", "{0}", lambda u: 1)
    at = np.full(70_000, 2.0)
    root = ed.sqrt(x)
    e = same(root) * (root + x)
    np.testing.assert_allclose(ev(e, x=at), 2**0.5 * (2**0.5 + 2) * np.ones(70_000), rtol=1e-15)
    assert (at == 2).all()
