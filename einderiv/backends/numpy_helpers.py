"""Functions that a generated source brings along, where a backend has no single call for a row
of the table.
"""

from __future__ import annotations

from . import numpy_indexing, numpy_windows
from .array_api_helpers import EVERYWHERE, OF_NUMPY, renamed
from .base import Helpers
from .convolution_spelling import IMPORTS as CONVOLVED_IMPORTS
from .convolution_spelling import TEXTS as CONVOLVED

TEXTS = {
    "progress": """\
def progress(blocks):
    try:
        from tqdm.auto import tqdm
    except ImportError:  # a bar is no part of the result
        return blocks
    return tqdm(blocks, desc="blocks", delay=2, leave=False)
""",
    "gram": """\
def gram(x, w):
    # xᵀ diag(w) x is symmetric: BLAS does half the work for aᵀa, and for the blocks on one side of
    # the diagonal
    if w.size and w.min() >= 0:
        a = np.sqrt(w)[:, None] * x
        return a.T.dot(a)
    y, n, half = w[:, None] * x, x.shape[1], x.shape[1] // 2
    if n < 512:
        return x.T.dot(y)
    found = np.empty((n, n), y.dtype)
    found[:half, :half] = x[:, :half].T.dot(y[:, :half])
    found[:, half:] = x.T.dot(y[:, half:])
    found[half:, :half] = found[:half, half:].T
    return found
""",
    "grams": """\
def grams(m, x):
    # Σ_r m[n,r] x[r,b] x[r,d] is symmetric in b and d: one side of the diagonal is computed, and
    # read twice
    n = x.shape[1]
    rows, columns = np.triu_indices(n)
    place, y = np.empty((n, n), np.intp), np.ascontiguousarray(x.T)
    place[rows, columns] = place[columns, rows] = np.arange(rows.size)
    half = m.dot((y[rows] * y[columns]).T)
    return half.take(place.ravel(), axis=1).reshape(len(m), n, n)
""",
    "sigmoid": """\
def sigmoid(x):
    with np.errstate(over="ignore"):  # 1 / (1 + e^1000) is 0 also when e^1000 is infinite
        return 1 / (1 + np.exp(-x))
""",
    "reflected_sigmoid": """\
def reflected_sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(x))  # sigmoid(-x)
""",
    "sigmoid_slope": """\
def sigmoid_slope(x):
    e = np.exp(-abs(x))  # sigmoid(x) sigmoid(-x) is even
    return e / np.square(1 + e)
""",
    "softplus": """\
def softplus(x):
    if np.iscomplexobj(x):
        return np.log(1 + np.exp(x))
    return np.logaddexp(0, x)  # the same without overflow
""",
    "sech_squared": """\
def sech_squared(x, out=None):
    if np.iscomplexobj(x):
        e = np.exp(np.where(x.real > 0, -2, 2) * x)  # its modulus is at most 1
        return np.divide(4 * e, np.square(1 + e), out)
    with np.errstate(over="ignore"):  # 1 / cosh 1000 is 0 also when cosh 1000 is infinite
        y = np.asarray(np.cosh(x, out))
    np.divide(1, y, out=y)
    return np.square(y, out=y)
""",
    "scaled": """\
def scaled(x, axis):
    # by the largest entry, so that no square overflows or vanishes; by a power of two, so that no
    # digit is lost
    size = np.abs(x).max(axis, keepdims=True, initial=0)
    power = np.exp2(np.floor(np.log2(np.where((size > 0) & np.isfinite(size), size, 1))))
    far = np.isinf(size)
    if far.any():  # beside infinite entries nothing else counts
        x = np.where(far, np.where(np.isinf(x), np.sign(x.real), 0), x)
    return x / power, np.where(far, size, power)
""",
    "squares": """\
def squares(x, axis):
    # their sum, and where it is right: neither beyond the range of floats, nor near its other end,
    # where squares lose digits; neither vdot nor einsum warns of what it leaves
    if x.ndim == 1 and x.dtype.kind == "f":
        found = np.vdot(x, x)
    else:
        rows = [*range(x.ndim)]
        depth = len(axis) if isinstance(axis, tuple) else 1
        found = np.einsum(x, rows, x, rows, rows[: x.ndim - depth])
    size, limits = abs(found), np.finfo(x.dtype)
    right = (size > limits.tiny / limits.eps) & (size < np.inf)
    return found, right, right if found.ndim == 0 else right.all()
""",
    "norm": """\
def norm(x, axis):
    x = x if x.dtype.kind in "fc" else 1.0 * x
    found, right, all_right = squares(x, axis)
    if all_right:
        return np.sqrt(found)
    found, wrong = np.asarray(np.sqrt(found)), ~right
    y, size = scaled(x[wrong], axis)
    found[wrong] = np.sqrt((y * y).sum(axis)) * size.reshape(len(y))
    return found[()]
""",
    "unit_vector": """\
def unit_vector(x, axis):
    x = x if x.dtype.kind in "fc" else 1.0 * x
    found, right, all_right = squares(x, axis)
    if all_right and found.ndim == 0:
        return x / np.sqrt(found)
    kept = (*found.shape, *[1] * (x.ndim - found.ndim))
    if all_right:
        return x / np.sqrt(found).reshape(kept)
    wrong = ~right
    found = x / np.sqrt(np.where(right, found, 1)).reshape(kept)
    y, _ = scaled(x[wrong], axis)
    length = np.sqrt((y * y).sum(axis, keepdims=True))
    found[wrong] = y / np.where(length == 0, 1, length)
    return found
""",
    "kept_within": """\
def kept_within(x):
    return x + 0 if x.dtype.kind == "c" else x.clip(-1000, 1000)
""",
    "elu_slope": """\
def elu_slope(x):
    y = np.asarray(np.minimum(x, 0.0))
    np.exp(y, out=y)
    return np.multiply(y, ~(x > 0), out=y)  # nan stays nan
""",
    "silu": """\
def silu(x):
    if x.dtype.kind == "c":
        return np.where(x == -np.inf, 0, x) * sigmoid(x)
    return np.maximum(x, -1000.0) * sigmoid(x)  # sigmoid(-1000) is 0, and stays 0 times -1000
""",
    "arctan_slope": """\
def arctan_slope(x, out=None):
    with np.errstate(over="ignore"):  # a quotient by infinity is 0
        y = np.asarray(np.square(x if x.dtype.kind in "fc" else 1.0 * x, out))
    y += 1
    return np.divide(1, y, out=y)
""",
    "arctan_slope_times": """\
def arctan_slope_times(x):
    if x.dtype.kind == "c":
        return x / (1 + x * x)
    with np.errstate(over="ignore"):
        y = np.asarray(np.square(x if x.dtype.kind in "fc" else 1.0 * x))
    y += 1
    if y.max(initial=0) < np.inf:
        return np.divide(x, y, out=y)
    root = np.hypot(x, 1)
    return np.where(np.isinf(x), 0, x) / root / root
""",
    "two_squares": """\
def two_squares(x, y):
    # their sum, and the least that is right: below it squares lose digits
    with np.errstate(over="ignore"):
        found = np.asarray(x * x)
        found += y * y
    limits = np.finfo(found.dtype)
    return found, limits.tiny / limits.eps
""",
    "staying_real": """\
def staying_real(f):
    # f of a real matrix may be complex, where eigenvalues are negative
    def real(a):
        found = f(a)
        if np.iscomplexobj(a) or not np.iscomplexobj(found):
            return found
        least = np.sqrt(np.finfo(found.dtype).eps) * np.abs(found).max(initial=0)
        if np.abs(found.imag).max(initial=0) > least:
            raise np.linalg.LinAlgError(
                f"{f.__name__} of a real matrix is complex here: convert it to complex first"
            )
        return found.real
    return real
""",
    "hypotenuse": """\
def hypotenuse(x, y):
    # the root of the squares of many numbers takes a part of the time that np.hypot takes, which
    # is for the few whose squares leave the range of floats
    if x.size < 1000 or x.shape != y.shape or x.dtype != y.dtype or x.dtype.kind != "f":
        return np.hypot(x, y)
    found, least = two_squares(x, y)
    if found.min() > least and found.max() < np.inf:
        return np.sqrt(found, out=found)
    wrong = ~((found > least) & (found < np.inf))
    np.sqrt(found, out=found)
    found[wrong] = np.hypot(x[wrong], y[wrong])
    return found
""",
    "hypot_slope": """\
def hypot_slope(x, y):
    found = np.asarray(hypotenuse(x, y))
    with np.errstate(invalid="ignore"):
        np.divide(x, found, out=found)
    if not np.isnan(found.max(initial=0)):
        return found
    wrong = np.isnan(found)
    x, y = np.broadcast_to(x, wrong.shape)[wrong], np.broadcast_to(y, wrong.shape)[wrong]
    far = np.isinf(x) | np.isinf(y)  # beside what is infinite nothing else counts
    x, y = (np.where(far, np.where(np.isinf(v), np.sign(v), 0), v) for v in (x, y))
    found[wrong] = x / np.hypot(x, np.where((x == 0) & (y == 0), 1, y))
    return found
""",
    "arctan2_slope": """\
def arctan2_slope(x, y):
    if x.shape == y.shape and x.dtype == y.dtype and x.dtype.kind == "f":
        found, least = two_squares(x, y)
        if found.min(initial=1) > least and found.max(initial=1) < np.inf:
            return np.divide(x, found, out=found)
    root = hypotenuse(x, y)
    return hypot_slope(x, y) / np.where(root == 0, 1, root)
""",
    "lowered": """\
def lowered(x, axis):
    # by the largest entry, also where that is infinite
    top = x.real.max(axis, keepdims=True, initial=-np.inf)
    far = np.isposinf(top)
    if far.any():
        x = np.where(far, np.where(np.isposinf(x.real), 0, -np.inf), x)
        top = np.where(far, 0, top)
    return x - top
""",
    "softmax": """\
def softmax(x, axis):
    with np.errstate(over="ignore"):  # a difference beyond the range of floats is e^-inf = 0
        e = np.exp(lowered(x, axis))
    return e / e.sum(axis, keepdims=True)
""",
    "log_softmax": """\
def log_softmax(x, axis):
    with np.errstate(divide="ignore", over="ignore"):
        # first, so that large entries lose no digits
        x = lowered(x, axis)
        return x - np.log(np.exp(x).sum(axis, keepdims=True))
""",
    "logsumexp": """\
def logsumexp(x, axis):
    m = x.real.max(axis, keepdims=True, initial=-np.inf)
    m = np.where(np.isfinite(m), m, 0)
    with np.errstate(divide="ignore", over="ignore"):
        return (np.log(np.exp(x - m).sum(axis, keepdims=True)) + m).reshape(x.sum(axis).shape)
""",
    **renamed(
        (*EVERYWHERE, "frechet_of"),
        "np",
        OF_NUMPY,
    ),
    "sylvester": """\
def sylvester(a, b, c):
    # A X + X B = C, one after the other
    stacks = [x.reshape(-1, *x.shape[-2:]) for x in (a, b, c)]
    found = [solve_sylvester(*one) for one in zip(*stacks)]
    return np.stack(found).reshape(c.shape) if found else c
""",
    "frechet": """\
def frechet(a, *directions):
    # the corner of the exponential of [[A, E1, 0], [0, A, E2], [0, 0, A]], over all orders of the
    # directions
    n, k = a.shape[-1], len(directions)
    total = np.zeros_like(a)
    for order in permutations(directions):
        block = np.zeros((*a.shape[:-2], (k + 1) * n, (k + 1) * n), a.dtype)
        for p in range(k + 1):
            block[..., p * n : (p + 1) * n, p * n : (p + 1) * n] = a
        for p, direction in enumerate(order):
            block[..., p * n : (p + 1) * n, (p + 1) * n : (p + 2) * n] = direction
        total = total + expm(block)[..., :n, k * n :]
    return total
""",
    "factored": """\
def factored(a):
    # LU factors, made once; stacks of matrices, and all where SciPy is missing, are factored by
    # NumPy in each call
    if lapack is None or a.ndim != 2 or not a.size:
        return a, None, None
    (getrf,) = lapack.get_lapack_funcs(("getrf",), (a,))
    lu, pivots, info = getrf(a)
    return (a, lu, pivots) if info == 0 else (a, None, None)  # of a singular matrix NumPy says so
""",
    "solved": """\
def solved(factors, b, flipped=False):
    a, lu, pivots = factors
    if lu is None:
        return np.linalg.solve(a.swapaxes(-1, -2) if flipped else a, b)
    (getrs,) = lapack.get_lapack_funcs(("getrs",), (lu, b))
    return getrs(lu, pivots, b, trans=int(flipped))[0].reshape(b.shape)
""",
    "inverse": """\
def inverse(factors):
    a, lu, pivots = factors
    if lu is None:
        return np.linalg.inv(a)
    (getri,) = lapack.get_lapack_funcs(("getri",), (lu,))
    return getri(lu, pivots)[0]
""",
    "whole_determinant": """\
def whole_determinant(a):
    # exactly, by divisions without remainder (Bareiss): each entry is a minor of the matrix
    *batch, n, _ = a.shape
    found = np.ones(batch, a.dtype)
    for at in np.ndindex(*batch):
        m, sign, before = a[at].tolist(), 1, 1
        for k in range(n):
            pivot = next((r for r in range(k, n) if m[r][k]), None)
            if pivot is None:
                sign, before = 0, 0
                break
            if pivot != k:
                m[k], m[pivot], sign = m[pivot], m[k], -sign
            for r in range(k + 1, n):
                for c in range(k + 1, n):
                    m[r][c] = (m[r][c] * m[k][k] - m[r][k] * m[k][c]) // before
            before = m[k][k]
        found[at] = sign * before
    return found[()]
""",
    "determinant": """\
def determinant(factors):
    a, lu, pivots = factors
    if a.dtype.kind in "iu":
        return whole_determinant(a)
    if lu is None:
        return np.linalg.det(a)
    return np.diagonal(lu).prod() * (-1) ** int((pivots != np.arange(len(pivots))).sum())
""",
    "log_determinant": """\
def log_determinant(factors):
    a, lu, pivots = factors
    if lu is None or np.iscomplexobj(a):
        sign, log = np.linalg.slogdet(a)
        return np.log(sign) + log if np.iscomplexobj(a) else log
    return np.log(np.abs(np.diagonal(lu))).sum()  # no product, so no overflow
""",
    **numpy_indexing.TEXTS,
    **numpy_windows.TEXTS,
}
#: what the helpers import
_LAPACK = """\
try:
    from scipy.linalg import lapack
except ImportError:
    lapack = None"""
IMPORTS = {
    "pow_slope": "from math import comb",
    **{name: _LAPACK for name, text in TEXTS.items() if "lapack" in text},
    "frechet": "from itertools import permutations",
    "minors": "from itertools import permutations",
    "frechet_of": "from itertools import permutations",
    "sylvester": "from scipy.linalg import solve_sylvester",
    **numpy_indexing.IMPORTS,
    **numpy_windows.IMPORTS,
}

HELPERS = Helpers({**TEXTS, **CONVOLVED}, {**IMPORTS, **CONVOLVED_IMPORTS})
