"""`minimize` by every method, its options, its errors, and the bar."""

import sys

import numpy as np
import pytest

import einderiv as ed
from einderiv.fitting import progress as bars
from einderiv.fitting.minimization import METHODS

optimize = pytest.importorskip("scipy.optimize")

t, es = ed.tensor, ed.einsum
x = t("x", "n")
r = np.random.default_rng(9)


def valley(n):
    """Rosenbrock's function of n variables, its shifts as contractions."""
    after, before = es("ij,j->i", np.eye(n)[1:], x), es("ij,j->i", np.eye(n)[:-1], x)
    return 100 * ed.norm_squared(after - before**2) + ed.norm_squared(1 - before)


def test_the_valley_is_scipys():
    f = ed.scipy_functions(valley(5), x, sizes={"n": 5})
    at, v = r.normal(size=5), r.normal(size=5)
    np.testing.assert_allclose(f.fun(at), optimize.rosen(at), rtol=1e-12)
    np.testing.assert_allclose(f.jac(at), optimize.rosen_der(at), rtol=1e-10)
    np.testing.assert_allclose(f.hess(at), optimize.rosen_hess(at), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(f.hessp(at, v), optimize.rosen_hess_prod(at, v), rtol=1e-9)


@pytest.mark.parametrize("method", [None, "newton", *METHODS, "bfgs", "TRUST-NCG"])
def test_every_method(method):
    loss = ed.norm_squared(es("ij,j->i", "A", x) - 1) + ed.sum(x**4) / 10
    A = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 3.0]])
    found = ed.minimize(loss, x, np.array([0.5, 0.3]), method=method, A=A)
    assert found.success
    want = ed.minimize(
        loss, x, np.array([0.5, 0.3]), method="newton", options={"gtol": 1e-13}, A=A
    ).x
    np.testing.assert_allclose(found.x, want, atol=3e-3 if method == "COBYLA" else 1e-4)


@pytest.mark.parametrize(
    "method", ["BFGS", "L-BFGS-B", "Newton-CG", "trust-exact", "trust-krylov", "newton"]
)
def test_the_valley(method):
    found = ed.minimize(valley(6), x, np.full(6, 1.2), method=method)
    assert found.success
    np.testing.assert_allclose(found.x, 1, atol=1e-3)


def test_trees_of_tensors():
    T, U, V = t("T", "nm"), t("U", "nk"), t("V", "mk")
    loss = ed.norm_squared(T - es("nk,mk->nm", U, V)) + 0.01 * (
        ed.norm_squared(U) + ed.norm_squared(V)
    )
    target = r.normal(size=(8, 2)) @ r.normal(size=(2, 6))
    start = {"U": r.normal(size=(8, 2)), "V": r.normal(size=(6, 2))}
    found = ed.minimize(loss, {"U": U, "V": V}, start, T=target)
    assert {name: a.shape for name, a in found.x.items()} == {"U": (8, 2), "V": (6, 2)}
    np.testing.assert_allclose(found.x["U"] @ found.x["V"].T, target, atol=0.1)
    assert found.jac.shape == (28,)  # all else is SciPy's
    assert found.fun == pytest.approx(float(ed.evaluate(loss, {**found.x, "T": target})))


@pytest.mark.parametrize(
    ("start", "shape"),
    [(np.array([1, 2], np.float32), (2,)), ([1, 2], (2,)), (np.array([1, 2], np.int8), (2,))],
)
def test_the_unknowns_are_double(start, shape):
    found = ed.minimize(ed.norm_squared(x - 0.1), x, start)
    assert (found.x.dtype, found.x.shape) == (np.float64, shape)
    np.testing.assert_allclose(found.x, 0.1, atol=1e-7)


def test_a_scalar():
    found = ed.minimize((t("s") - 3) ** 2, "s", 0.0)
    assert found.x.shape == ()
    assert float(found.x) == pytest.approx(3)


def test_bounds_tolerances_and_options():
    found = ed.minimize(ed.norm_squared(x + 1), x, np.ones(2), bounds=[(0, None), (-5, None)])
    np.testing.assert_allclose(found.x, [0, -1], atol=1e-6)
    assert "CONVERGENCE" in found.message
    assert not ed.minimize(valley(4), x, np.zeros(4), options={"maxiter": 2}).success
    rough = ed.minimize(valley(4), x, np.zeros(4), tol=1e-1)
    assert rough.nit < ed.minimize(valley(4), x, np.zeros(4)).nit


@pytest.mark.parametrize(
    ("unknowns", "bounds", "method"),
    [(2, None, "BFGS"), (100, None, "BFGS"), (101, None, "L-BFGS-B"), (640, None, "L-BFGS-B")]
    + [(2, [(0, 3), (0, 3)], "L-BFGS-B")],
)
def test_the_method_goes_by_the_number_of_unknowns(monkeypatch, unknowns, bounds, method):
    from scipy import optimize

    chosen = []
    whole = optimize.minimize

    def noted(*arguments, **options):
        chosen.append(options["method"])
        return whole(*arguments, **options)

    monkeypatch.setattr(optimize, "minimize", noted)
    found = ed.minimize(ed.norm_squared(x - 1), x, np.zeros(unknowns), bounds=bounds)
    np.testing.assert_allclose(found.x, 1, atol=1e-5)
    assert chosen == [method]


def test_many_unknowns_are_left_to_a_method_of_little_memory():
    found = ed.minimize(ed.norm_squared(x - 1), x, np.zeros(20_000))
    np.testing.assert_allclose(found.x, 1, atol=1e-5)


def test_tensors_named_like_options():
    loss = ed.norm_squared(t("method", "n") - t("tol", "n"))
    found = ed.minimize(loss, "method", np.zeros(2), {"tol": np.array([1.0, 2.0])})
    np.testing.assert_allclose(found.x, [1, 2], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ed.minimize(x * 1, x, [1.0]), TypeError, "needs a scalar"),
        (
            lambda: ed.minimize(ed.sum(x), x, [1.0], method="BGFS"),
            ed.EinderivError,
            "did you mean 'BFGS'",
        ),
        (lambda: ed.minimize(ed.sum(x), x, [1.0], method=print), TypeError, "not builtin"),
        (
            lambda: ed.minimize(ed.sum(x), x, [1.0], method="newton", bounds=[(0, 1)]),
            ed.EinderivError,
            "takes no bounds",
        ),
        (lambda: ed.minimize(ed.sum(x), [x], [1.0, 2.0]), TypeError, "a list of 1: the arrays"),
        (lambda: ed.minimize(ed.sum(x), x, np.ones((2, 2))), ed.ShapeError, "x has 1 axis"),
        (lambda: ed.minimize(ed.sum(x), x, [1j]), TypeError, "start of x is compl"),
        (lambda: ed.minimize(ed.sum(x), x, "ab"), TypeError, "start of x must be"),
        (lambda: ed.minimize(ed.sum(x), "y", [1.0]), ed.EinderivError, "no tensor .* 'y'"),
        (
            lambda: ed.minimize(ed.sum(ed.einsum("(r[e])->e", x)), "r", [1, 0], x=[1.0, 2.0]),
            TypeError,
            "r is an index array, whole numbers: .* nothing to minimise over",
        ),
        (
            lambda: ed.minimize(ed.sum(x * t("c", "n")), x, [1.0]),
            ed.EinderivError,
            "no array for c",
        ),
        (lambda: ed.minimize(ed.sum(x), x, [1.0], y=[2.0]), ed.EinderivError, "called 'y'"),
        (
            lambda: ed.minimize(ed.sum(x * t("c", "n")), x, [1.0], c=[2.0, 3.0]),
            ed.ShapeError,
            "size",
        ),
    ],
)
def test_what_cannot_be_minimised(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"einderiv\[scipy\]"):
        ed.minimize(ed.norm_squared(x), x, [1.0])


# ---- the bar
def shown(capsys, **options):
    ed.minimize(valley(3), x, np.full(3, 1.2), **options)
    return capsys.readouterr().err


@pytest.mark.parametrize("method", ["BFGS", "Nelder-Mead", "newton"])
def test_a_bar_counts_evaluations(capsys, method):
    pytest.importorskip("tqdm")
    assert "evaluations" in shown(capsys, method=method, progress=True)


def test_a_bar_comes_only_in_a_terminal_and_after_a_while(capsys, monkeypatch):
    pytest.importorskip("tqdm")
    assert shown(capsys) == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert shown(capsys) == ""
    monkeypatch.setattr(bars, "LONG", -1.0)
    assert "loss" in shown(capsys)
    assert shown(capsys, progress=False) == ""


def test_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"einderiv\[progress\]"):
        shown(capsys, progress=True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(bars, "LONG", -1.0)
    assert shown(capsys) == ""


# ---- declared structures
rng = np.random.default_rng(3)
N = rng.normal(size=(4, 4))
STRUCTURES = {"symmetric": (N + N.T) / 2, "diagonal": np.diag(np.diag(N)), "lower": np.tril(N)}


@pytest.mark.parametrize(
    "method", [None, "newton", "L-BFGS-B", "Newton-CG", "trust-exact", "dogleg"]
)
@pytest.mark.parametrize(("structure", "nearest"), STRUCTURES.items(), ids=STRUCTURES)
def test_minima_keep_a_declared_structure(structure, nearest, method):
    S = ed.tensor("S", "nn", **{structure: True})
    loss = ed.norm_squared(S - ed.tensor("N", "nn")) + 0.001 * ed.sum(S**4)
    start = {"symmetric": np.eye(4), "diagonal": np.eye(4), "lower": np.tril(np.ones((4, 4)))}[
        structure
    ]
    for wrt in (S, "S"):
        found = ed.minimize(loss, wrt, start, N=N, method=method)
        assert np.abs(found.x - nearest).max() < 0.3
        slope = ed.evaluate(ed.project(ed.grad(loss, S), S), S=found.x, N=N)
        assert np.abs(slope).max() < 1e-4
        np.testing.assert_array_equal(found.x * (nearest == 0), 0)
        assert structure != "symmetric" or np.array_equal(found.x, found.x.T)
    functions = ed.scipy_functions(loss, S, N=N)
    x = functions.pack(start)
    assert functions.fun(x) == pytest.approx(float(ed.evaluate(loss, S=start, N=N)))


@pytest.mark.parametrize(
    ("options", "start", "method", "message"),
    [
        (
            {"symmetric": True},
            np.triu(np.ones((4, 4))),
            None,
            "S is declared symmetric, but its array is not",
        ),
        (
            {"symmetric": True},
            np.triu(np.ones((4, 4))),
            "newton",
            "S is declared symmetric, but its array is not",
        ),
        (
            {"lower": True},
            np.triu(np.ones((4, 4))),
            None,
            "S is declared lower, but its array is not",
        ),
        (
            {"diagonal": True},
            np.tril(np.ones((4, 4))),
            None,
            "S is declared diagonal, but its array is not",
        ),
        (
            {"orthogonal": True},
            np.eye(4),
            None,
            "declared orthogonal: orthogonal matrices are no li",
        ),
        ({"orthogonal": True}, np.eye(4), "newton", "no method here stays among them"),
    ],
)
def test_structures_that_cannot_be_kept(options, start, method, message):
    S = ed.tensor("S", "nn", **options)
    with pytest.raises(ed.EinderivError, match=message):
        ed.minimize(ed.norm_squared(S - N), S, start, method=method)


@pytest.mark.parametrize("method", ["COBYLA", "Powell"])
def test_methods_that_leave_the_structure_are_led_back(method):
    S, M = ed.tensor("S", "nn", symmetric=True), t("N", "nn")
    # it was made from another expression of S
    loss = ed.norm_squared(ed.grad(ed.norm_squared(S - M), S))
    found = ed.minimize(loss, S, np.eye(2), N=N[:2, :2], method=method)
    np.testing.assert_allclose(found.x, STRUCTURES["symmetric"][:2, :2], atol=1e-3)
    np.testing.assert_array_equal(found.x, found.x.T)


@pytest.mark.parametrize("method", [None, "newton"])
def test_a_precision_matrix(method):
    """The most likely one is the inverse covariance."""
    P = ed.tensor("P", "nn", symmetric=True)
    C = np.cov(np.random.default_rng(1).normal(size=(3, 50)))
    loss = es("ij,ij->", P, t("C", "nn")) - ed.logdet(P)
    found = ed.minimize(loss, P, np.eye(3), C=C, method=method)
    np.testing.assert_allclose(found.x, np.linalg.inv(C), atol=1e-4)


@pytest.mark.parametrize("method", [None, "newton"])
def test_stacks_and_several_tensors_keep_their_structures(method):
    B, L = ed.tensor("B", ("b", "n", "n"), symmetric=True), ed.tensor("L", "nn", lower=True)
    loss = (
        ed.norm_squared(B - t("T", "bnn"))
        + ed.norm_squared(L - t("N", "nn"))
        + ed.norm_squared(x - 1)
    )
    T = rng.normal(size=(2, 4, 4))
    found = ed.minimize(
        loss,
        {"B": B, "L": "L", "x": x},
        {"B": np.zeros((2, 4, 4)), "L": np.eye(4), "x": np.zeros(4)},
        T=T,
        N=N,
        method=method,
    )
    np.testing.assert_allclose(found.x["B"], (T + T.swapaxes(1, 2)) / 2, atol=1e-6)
    np.testing.assert_allclose(found.x["L"], np.tril(N), atol=1e-6)
    np.testing.assert_allclose(found.x["x"], 1, atol=1e-6)


@pytest.mark.parametrize(
    ("structure", "bounds", "want"),
    [
        ("symmetric", [(0, None)] * 16, lambda a: np.maximum(a, 0)),
        ("symmetric", optimize.Bounds(-0.2, 0.3), lambda a: np.clip(a, -0.2, 0.3)),
        ("diagonal", [(0, 0.1)] * 16, lambda a: np.clip(a, 0, 0.1)),
        ("lower", [(None, 0.1)] * 16, lambda a: np.minimum(a, 0.1)),
    ],
)
def test_bounds_within_a_structure(structure, bounds, want):
    S = ed.tensor("S", "nn", **{structure: True})
    found = ed.minimize(ed.norm_squared(S - N), S, np.zeros((4, 4)), bounds=bounds)
    np.testing.assert_allclose(found.x, want(STRUCTURES[structure]), atol=1e-6)


@pytest.mark.parametrize(
    ("structure", "bounds", "error", "match"),
    [
        (
            "symmetric",
            [(0, 1)] * 2 + [(0, 2)] * 14,
            ed.EinderivError,
            "symmetric, but its bounds .* mirrored entries",
        ),
        (
            "lower",
            [(0.1, None)] * 16,
            ed.EinderivError,
            "lower, but its bounds are not: they exclude its ze",
        ),
        ("diagonal", [(None, -1)] * 16, ed.EinderivError, "diagonal, but its bounds are not"),
        ("diagonal", [(0, 1)] * 3, ed.ShapeError, r"shape \(3, 2\) are no pairs for 16 unknowns"),
        ("diagonal", 3, ed.ShapeError, r"shape \(\) are no pairs"),
    ],
)
def test_bounds_that_do_not_fit_a_structure(structure, bounds, error, match):
    S = ed.tensor("S", "nn", **{structure: True})
    with pytest.raises(error, match=match):
        ed.minimize(ed.norm_squared(S - N), S, np.zeros((4, 4)), bounds=bounds)


@pytest.mark.parametrize("method", [None, "newton", "L-BFGS-B", "trust-exact"])
def test_without_unknowns_the_start_is_the_answer(method):
    x = ed.tensor("x", "n")
    found = ed.minimize(ed.sum(x**2) + 3, x, np.zeros(0), method=method)
    assert (found.success, found.fun, found.x.shape, found.nit) == (True, 3.0, (0,), 0)
