"""Every row of the functions table once more, in NumPy and SciPy, and where its arguments are drawn.

An elementwise function that is written in another way here has a line; of any other the row's plain formula is taken.
Elementwise formulas take the arguments, then the parameters. Those of rows with any number of core axes take `axis`
besides, those of matrix functions work on the last two axes.
"""

import itertools
from functools import partial

import numpy as np
from scipy import linalg, special

import einderiv as ed
from einderiv.functions.table import FUNCTIONS, apply


def without(x, out, axis):
    """The products over `axis` without `out` entries; where they are told by further axes, zero for one told twice."""
    axes = [axis] if isinstance(axis, int) else list(axis)
    x = np.moveaxis(x, axes, range(-len(axes), 0))
    batch, core = x.shape[: x.ndim - len(axes)], x.shape[x.ndim - len(axes) :]
    found = np.zeros((*batch, *core * out), x.dtype)
    for places in itertools.permutations(np.ndindex(*core), out):
        rest = x.copy()
        for place in places:
            rest[(..., *place)] = 1
        found[(..., *itertools.chain(*places))] = rest.prod(tuple(range(-len(axes), 0)))
    return found


def shares(x, top, axis):
    at = x == top(x, axis=axis, keepdims=True)
    return at / at.sum(axis, keepdims=True)


FORMULAS = {
    **{n: partial(row.plain, np) for n, row in FUNCTIONS.items() if not (row.core or row.added)},
    "exp":        lambda x: np.e**x,
    "log":        lambda x: np.log2(x) / np.log2(np.e),
    "sin":        lambda x: (np.e ** (1j * x)).imag,
    "cos":        lambda x: (np.e ** (1j * x)).real,
    "tanh":       lambda x: np.sinh(x) / np.cosh(x),
    "sqrt":       lambda x: x**0.5,
    "reciprocal": lambda x: x**-1.0,
    "sigmoid":    special.expit,
    "relu":       lambda x: x * (x > 0),
    "abs":        lambda x: (x * x) ** 0.5,
    "sign":       lambda x: (x > 0) * 1.0 - (x < 0),
    "heaviside":  lambda x: (x > 0) * 1.0,
    "cbrt":       lambda x: x ** (1 / 3),
    "tan":        lambda x: np.sin(x) / np.cos(x),
    "arcsin":     lambda x: np.arctan2(x, (1 - x * x) ** 0.5),
    "arccos":     lambda x: np.arctan2((1 - x * x) ** 0.5, x),
    "arctan":     lambda x: np.arctan2(x, 1),
    "sech_squared": lambda x: 4 / (np.exp(x) + np.exp(-x)) ** 2,
    "sinh":       lambda x: (np.exp(x) - np.exp(-x)) / 2,
    "cosh":       lambda x: (np.exp(x) + np.exp(-x)) / 2,
    "arcsinh":    lambda x: np.log(x + (x * x + 1) ** 0.5),
    "arccosh":    lambda x: np.log(x + (x * x - 1) ** 0.5),
    "arctanh":    lambda x: np.log((1 + x) / (1 - x)) / 2,
    "softplus":   lambda x: np.log(1 + np.exp(x)),
    "log_sigmoid": lambda x: np.log(special.expit(x)),
    "power":      lambda x, p: np.e ** (p * np.log(x)),
    "pow":        lambda x, y: np.e ** (y * np.log(x)),
    "pow_slope":  lambda x, y, m, k: (1, y)[m] * np.e ** ((y - m) * np.log(x)) * (1, np.log(x))[k],
    "leaky_relu": lambda x, a: x * (x > 0) + a * x * (x <= 0),
    "elu":        lambda x, a: np.maximum(x, 0) + a * (np.exp(np.minimum(x, 0)) - 1),
    "silu":       lambda x: x * special.expit(x),
    "gelu":       lambda x: x * (1 + special.erf(x / 2**0.5)) / 2,
    "erf":        lambda x: 2 * special.ndtr(x * 2**0.5) - 1,
    "erfc":       lambda x: 2 * special.ndtr(-x * 2**0.5),
    "gammaln":    lambda x: np.log(special.gamma(x)),
    "digamma":    lambda x: special.polygamma(0, x),
    "polygamma":  lambda x, n: (-1) ** (n + 1) * special.gamma(n + 1) * special.zeta(n + 1, x),
    "floor":      np.floor,
    "ceil":       np.ceil,
    "trunc":      np.trunc,
    "exp2":       lambda x: 2**x,
    "entr":       special.entr,
    "sinc":       np.sinc,
    "i0":         lambda x: special.iv(0, x),
    "i1":         lambda x: special.iv(1, x),
    "bessel_i":   lambda x, n: special.iv(n, x),
    "spherical_bessel": lambda x, n: special.spherical_jn(n, x),
    "conj":       lambda x: x,  # of real numbers
    "pseudo_reciprocal": lambda x: np.linalg.pinv(np.reshape(x, (-1, 1, 1))).reshape(np.shape(x)),
    # of two and three arguments
    "maximum":    lambda x, y: (x + y + np.abs(x - y)) / 2,
    "minimum":    lambda x, y: (x + y - np.abs(x - y)) / 2,
    "logaddexp":  lambda x, y: np.log(np.exp(x) + np.exp(y)),
    "xlogy":      special.xlogy,
    "hypot_slope":  lambda x, y: x / (x * x + y * y) ** 0.5,
    "arctan2_slope":  lambda x, y: x / (x * x + y * y),
    "kept_within":       lambda x: x,
    "arctan_slope":    lambda x: 1 / (1 + x * x),
    "arctan_slope_times": lambda x: x / (1 + x * x),
    "arcsinh_slope": lambda x: (1 + x * x) ** -0.5,
    "maximum_slope":      lambda x, y: (1 + np.sign(x - y)) / 2,
    "masked_product":   lambda x, t: t * x,
    "hypot":      lambda x, y: (x * x + y * y) ** 0.5,
    "arctan2":    lambda y, x: np.arctan(y / x),
    "greater":    lambda x, y: np.maximum(np.sign(x - y), 0),
    "greater_equal": lambda x, y: 1 - np.maximum(np.sign(y - x), 0),
    "less":       lambda x, y: np.maximum(np.sign(y - x), 0),
    "less_equal": lambda x, y: 1 - np.maximum(np.sign(x - y), 0),
    "equal":      lambda x, y: 1 - np.abs(np.sign(x - y)),
    "not_equal":  lambda x, y: np.abs(np.sign(x - y)),
    "where":      lambda c, x, y: np.sign(c) ** 2 * x + (1 - np.sign(c) ** 2) * y,
    # over core axes
    "softmax":    special.softmax,
    "log_softmax": special.log_softmax,
    "logsumexp":  special.logsumexp,
    "max":        lambda x, axis: -np.min(-x, axis),
    "min":        lambda x, axis: -np.max(-x, axis),
    "norm":       lambda x, axis: np.linalg.norm(x, axis=axis),
    "unit_vector":       lambda x, axis: x / np.linalg.norm(x, axis=axis, keepdims=True),
    "at_max":     lambda x, axis: shares(x, np.max, axis),
    "at_min":     lambda x, axis: shares(x, np.min, axis),
    "prod":       without,
}  # fmt: skip
del FORMULAS["modulus"]  # see ALONE


def cofactors(a):
    """The adjugate: signed determinants of what is left without a row and a column."""
    n = a.shape[-1]
    found = np.ones_like(a)
    for i, j in np.ndindex(n, n):
        rest = np.delete(np.delete(a, j, -2), i, -1)
        found[..., i, j] = (-1) ** (i + j) * np.linalg.det(rest)
    return found


def minors(a, order):
    """The derivatives of the determinant by `order` entries of different rows and columns; zero for others."""
    n = a.shape[-1]
    found = np.zeros((*a.shape[:-2], *(n, n) * order), a.dtype)
    entries = list(itertools.product(range(n), repeat=2))
    for chosen in itertools.permutations(entries, order):
        rows, columns = [i for i, _ in chosen], [j for _, j in chosen]
        if len(set(rows)) < order or len(set(columns)) < order:
            continue
        replaced = a.copy()
        for i, j in chosen:
            replaced[..., i, :] = 0
            replaced[..., i, j] = 1
        found[(..., *itertools.chain(*chosen))] = np.linalg.det(replaced)
    return found


def series(a):
    """The matrix exponential by its Taylor series, for matrices of a norm of a few."""
    total = term = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for k in range(1, 60):
        term = term @ a / k
        total = total + term
    return total


MATRICES = {
    "inv":          lambda a: cofactors(a) / np.linalg.det(a)[..., None, None],
    "det":          lambda a: np.prod(np.linalg.eigvals(a), -1).real,
    "logdet":       lambda a: np.log(np.abs(np.linalg.eigvals(a))).sum(-1),
    "det_sign":     lambda a: np.sign(np.linalg.det(a)),
    "adj":          cofactors,
    "minors":       minors,
    "pinv":         lambda a: np.linalg.solve(a.swapaxes(-1, -2) @ a, a.swapaxes(-1, -2)),  # of full column rank
    "matrix_power": lambda a, n: a @ MATRICES["matrix_power"](a, n - 1) if n > 1 else a,
    "cholesky":     lambda a: linalg.ldl((a + a.T) / 2)[0] @ np.sqrt(linalg.ldl((a + a.T) / 2)[1]),
    "expm":         series,
}  # fmt: skip

#: rows that are the same along a curve only: `modulus` of a number and its conjugate has a test of its own
ALONE = {"modulus"}
#: rows of one core axis or of matrices, whose tests are in a file of their own beside that of the table
ELSEWHERE = {
    *("argsort", "order", "argmax", "argmin", "interval", "cumprod", "p_norm", "p_slope"),
    *("eigvalsh", "eigenvectors", "gap_reciprocals", "recomposed", "divided_differences"),
    *("svdvals", "left_vectors", "right_vectors", "nuclear_norm", "polar", "q_factor", "r_factor"),
    *("sqrtm", "logm", "sylvester"),
}
PARAMETERS = {
    "power": [(2.5,), (-0.5,), (5,), (-3,), (1.0,), (2.0,), (0.75,)],
    "pow_slope": [(1, 0), (0, 1)],
    "leaky_relu": [(0.2,), (2,)],
    "elu": [(0.7,)],
    "polygamma": [(1,), (4,)],
    "cumprod": [(0,)],
    "p_norm": [(3,)],
    "p_slope": [(3,)],
    "bessel_i": [(2,), (5,)],
    "spherical_bessel": [(0,), (1,), (4,)],
    "prod": [(0,), (1,), (2,)],
    "matrix_power": [(2,), (3,), (5,)],
    "minors": [(2,), (3,)],
}


NAMES = "xyz"


def applied(name, parameters, axes="ij"):
    """The function of tensors x, y, …; a row with any number of core axes has one."""
    row = FUNCTIONS[name]
    tensors = tuple(ed.tensor(n, axes) for n, _ in zip(NAMES, row.derivatives))
    return apply(name, tensors, abs(row.core), parameters)


def with_parameters(names):
    return [(name, p) for name in names for p in PARAMETERS.get(name, [()])]


def points(row, shape=(4,), seed=11):
    """Arguments in the row's domain, away from a kink at 0."""
    low, high = row.domain
    found = np.random.default_rng(seed).uniform(low, high, shape)
    return np.where(np.abs(found) < 0.1, found + 0.2, found) if row.kink else found


def arguments(name, shape):
    """An array for each argument of an elementwise row."""
    row = FUNCTIONS[name]
    found = [points(row, shape, 11 + k) for k in range(len(row.derivatives))]
    if name == "where":
        found[0] = np.where(np.arange(found[0].size).reshape(shape) % 2, found[0], 0)
    return found


def by_differences(f, x, h):
    """``df/dx`` by central differences, of shape ``f.shape + x.shape``."""
    columns = []
    for k in range(x.size):
        e = np.zeros(x.size)
        e[k] = h
        e = e.reshape(x.shape)
        columns.append((f(x + e) - f(x - e)) / (2 * h))
    return np.stack(columns, -1).reshape(columns[0].shape + x.shape)
