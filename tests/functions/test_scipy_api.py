"""Code that calls SciPy is read: values are SciPy's, derivatives those of an independent check."""

import numpy as np
import pytest

pytest.importorskip("scipy")
import scipy
import scipy.linalg
import scipy.signal
import scipy.stats
from scipy import special, stats
from scipy.linalg import cho_factor, cho_solve
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import einderiv as ed

random = np.random.default_rng(3)
HALF = random.normal(size=(3, 3))
GIVEN = {
    "x": np.array([0.3, 1.2, 2.5]),
    "p": np.array([0.2, 0.3, 0.5]),
    "S": HALF @ HALF.T + np.eye(3),
    "K": np.arange(3.0),
}
READ = {
    "logsumexp":    lambda x: logsumexp(x),
    "weighted":     lambda x, p: special.logsumexp(x, b=p) + special.logsumexp(x, keepdims=True),
    "softmax":      lambda x, S: special.softmax(x) + special.softmax(S, axis=1) @ x,
    "of all":       lambda S: special.softmax(S),
    "log_softmax":  lambda S: scipy.special.log_softmax(S, axis=0),
    "entries":      lambda x, p: special.logit(p) + special.ndtr(x) + special.log_ndtr(-x) + special.gamma(x),
    "beta":         lambda x, p: special.beta(x, p) + special.betaln(x, p) + special.rgamma(x),
    "beta below 0": lambda p: special.beta(-p - 0.05, p + 1) + special.gammasgn(-p - 1),
    "polygamma":    lambda x: special.polygamma(0, x) + special.polygamma(2, x),
    "multigammaln": lambda x: special.multigammaln(x[1] + 1, 3),
    "kl_div":       lambda x, p: special.kl_div(x, p),
    "inv, det":     lambda S: scipy.linalg.inv(S) * scipy.linalg.det(S),
    "solve":        lambda S, x: scipy.linalg.solve(S, x, assume_a="pos"),
    "transposed":   lambda S, x: scipy.linalg.solve(S + np.diag(x) * x, x, transposed=True),
    "cholesky":     lambda S: scipy.linalg.cholesky(S) + scipy.linalg.cholesky(S, lower=True),
    "cho_solve":    lambda S, x: cho_solve(cho_factor(S), x),
    "triangular":   lambda S, x: scipy.linalg.solve_triangular(S, x, lower=True),
    "eigh":         lambda S: scipy.linalg.eigh(S, eigvals_only=True) + scipy.linalg.eigvalsh(S),
    "svdvals":      lambda S: scipy.linalg.svdvals(S),
    "functions":    lambda S: scipy.linalg.expm(S / 9) + scipy.linalg.sqrtm(S) + scipy.linalg.logm(S),
    "pinv, norm":   lambda S: scipy.linalg.pinv(S) / scipy.linalg.norm(S),
    "convolve":     lambda x, p: scipy.signal.convolve(x, p, mode="same"),
    "norm":         lambda x, p: norm.logpdf(x, p, 2.0) + stats.norm.pdf(x, loc=p, scale=x),
    "norm, sums":   lambda x, p: norm.cdf(x, p) + norm.sf(x, p) * norm.logcdf(-x) + norm.logsf(x, scale=p),
    "far out":      lambda x: norm.logcdf(-30 * x),
    "gamma":        lambda x, p: stats.gamma.logpdf(x, p) + stats.gamma.pdf(x, 2.0, scale=p),
    "outside":      lambda x: stats.gamma.pdf(x - 1, 2.0) + stats.beta.pdf(x - 0.5, 2.0, 3.0),
    "chi2, beta":   lambda x, p: stats.chi2.logpdf(x, 3) + stats.beta.logpdf(p, x, 2.0),
    "t":            lambda x, p: stats.t.logpdf(x, 3 + p, 0.1, 2.0),
    "expon":        lambda x, p: stats.expon.logpdf(x, scale=p) + stats.laplace.logpdf(x, p),
    "logistic":     lambda x, p: stats.logistic.logpdf(x, p) + stats.cauchy.pdf(x, p),
    "poisson":      lambda x, K: stats.poisson.logpmf(np.array([0, 1, 4]), x) + 0 * K,
    "bernoulli":    lambda p: stats.bernoulli.logpmf(np.array([0, 1, 1]), p),
    "many":         lambda x, S: multivariate_normal.logpdf(x, np.zeros(3), S),
    "rows":         lambda S, x: stats.multivariate_normal.logpdf(np.ones((4, 3)), x, S),
    "entropy":      lambda S: multivariate_normal.entropy(np.zeros(3), S),
    "dirichlet":    lambda x: stats.dirichlet.logpdf(np.array([0.2, 0.3, 0.5]), x),
}  # fmt: skip


def names(f):
    return f.__code__.co_varnames[: f.__code__.co_argcount]


@pytest.mark.parametrize("case", READ)
def test_value_and_derivative(case):
    f = READ[case]
    given = {name: GIVEN[name] for name in names(f)}
    e = ed.trace_function(f, *[array.shape for array in given.values()])
    want = f(*given.values())
    got = ed.evaluate(e, given)
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
    for name in given:
        J = ed.evaluate(ed.derive(e, name), given)
        direction = random.normal(size=given[name].shape)
        if name == "S":  # which is symmetric, and read by some as a triangle
            direction = direction + direction.T
        ahead, behind = (
            f(*{**given, name: given[name] + sign * 1e-6 * direction}.values()) for sign in (1, -1)
        )
        along = np.tensordot(J, direction, direction.ndim)
        np.testing.assert_allclose(along, (ahead - behind) / 2e-6, rtol=2e-6, atol=2e-7)


def test_arrays_are_left_to_scipy():
    def f(x):
        return x * logsumexp(np.ones(3)) + norm.pdf(0.0)

    e = ed.trace_function(f, (3,))
    np.testing.assert_array_equal(ed.evaluate(e, x=GIVEN["x"]), f(GIVEN["x"]))


def test_a_function_that_reads_another_function():
    def inner(x):
        return special.logsumexp(x)

    def outer(x):
        return ed.trace_function(inner, x) * 2

    assert ed.trace_function(outer, (3,)) == 2 * ed.logsumexp(ed.tensor("x", (3,)))


@pytest.mark.parametrize(
    ("f", "kind", "said"),
    [
        (lambda x: logsumexp(x, return_sign=True), ed.EinderivError, "has no return_sign"),
        (lambda x: norm.logpdf(x, width=2), TypeError, r"scipy\.stats\.norm\.logpdf of expressions takes x, loc, scale"),
        (lambda x: stats.gamma.cdf(x, 2), TypeError, "an expression is not an array"),
        (lambda x: scipy.linalg.eigh(np.diag(x), np.eye(3)), ed.EinderivError, r"takes one matrix.*cholesky\(B\)"),
        (lambda x: scipy.linalg.pinv(np.diag(x), return_rank=True), ed.EinderivError, "takes rtol, not return_rank"),
        (lambda x: scipy.signal.convolve(np.diag(x), np.eye(2)), ed.EinderivError, "takes vectors: write the einsum"),
        (lambda x: multivariate_normal.logpdf(x, None, np.eye(3), True), ed.EinderivError, "singular covariance"),
        (lambda x: stats.dirichlet.logpdf(np.eye(3), np.diag(x)), ed.ShapeError, "one vector"),
    ],
)  # fmt: skip
def test_refused(f, kind, said):
    with pytest.raises(kind, match=said):
        ed.trace_function(f, (3,))
