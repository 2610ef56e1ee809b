"""Helpers that several libraries say alike, but for names: one text with ``xp.``, renamed for each.

A text that stands in a library's own file differs for a reason: NumPy's say where a warning is
none, torch's call its fused kernels, JAX's keep a gradient from what only steadies a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Rename = tuple[str, str]  # a pattern and what is said instead, as for `re.sub`

#: NumPy's own loops are Python's: it may ask a shape and a sign of an array, which tracing may not
OF_NUMPY: tuple[Rename, ...] = (
    (r"n = x.shape, prod\((.*)\)", r"n = x.shape, int(xp.prod(\1))"),
    (r"sign = .*", "sign = round(xp.linalg.det(xp.eye(order)[list(at)]))"),
)
#: what torch calls otherwise; it makes arrays where others are, has no negative strides, and needs
#: no reshape, not even one that changes nothing, where one axis is multiplied
OF_TORCH: tuple[Rename, ...] = (
    (
        r"shape, n = x.shape, prod\(.*\)\n.*\n",
        r"shape, x = x.shape, flat(x, core)\n    n = x.shape[-1]\n",
    ),
    (r"xp\.concatenate", "xp.cat"),
    (r"xp\.iscomplexobj\((\w+)\)", r"\1.is_complex()"),
    (r"dtype=bool", "dtype=torch.bool, device=x.device"),
    (r"\[\.\.\., ::-1\]", ".flip(-1)"),
    (r"keepdims", "keepdim"),
    (r"axis=axis", "axis"),
    (r"axis=-1", "dim=-1"),
    (r"xp\.arange\(n\)", "xp.arange(n, device=x.device)"),
    (r"\.astype\(", ".to("),
    (r", optimize=True", ""),
    (r"\blinalg\.expm", "xp.linalg.matrix_exp"),
    (r"(?<!\.)\blinalg\.", "xp.linalg."),
)

TEXTS = {
    "eigenvalues": """\
def eigenvalues(a):
    return xp.linalg.eigvalsh((a + a.conj().swapaxes(-1, -2)) / 2)
""",
    "eigenvectors": """\
def eigenvectors(a):
    return xp.linalg.eigh((a + a.conj().swapaxes(-1, -2)) / 2)[1]
""",
    "gap_reciprocals": """\
def gap_reciprocals(x):
    # 1 / (x_j - x_i), 0 for i = j
    here = xp.eye(x.shape[-1], dtype=bool)
    gaps = xp.where(here, 1, x[..., None, :] - x[..., :, None])
    return xp.where(here, 0, 1 / gaps)
""",
    "divided_differences": """\
def divided_differences(x, c, s):
    # (c_i - c_j) / (x_i - x_j); where that loses digits the slope between, if c says that it is one
    here = xp.eye(x.shape[-1], dtype=bool)
    gaps = x[..., :, None] - x[..., None, :]
    rises = c[..., :, None] - c[..., None, :]
    slopes = (s[..., :, None] + s[..., None, :]) / 2
    eps = xp.finfo(x.dtype).eps
    size = xp.amax(xp.abs(x)[..., None], -2, keepdims=True)
    near = xp.abs(gaps) <= eps ** (1 / 3) * size
    height = xp.amax(xp.abs(c)[..., None], -2, keepdims=True) + xp.abs(slopes) * size
    alike = xp.abs(rises - slopes * gaps) <= eps**0.5 * height
    chosen = here | (near & alike)
    quotients = rises / xp.where(chosen, 1, gaps)
    return xp.where(here, 0, xp.where(chosen, slopes, quotients))
""",
    "recomposed": """\
def recomposed(a, c):
    # Q diag(c) Qᵀ of the eigenvectors Q
    q = xp.linalg.eigh((a + a.swapaxes(-1, -2)) / 2)[1]
    return (q * xp.diagonal(c, 0, -2, -1)[..., None, :]) @ q.swapaxes(-1, -2)
""",
    "polar": """\
def polar(a, *directions):
    # U Vᵀ, and its derivative in a direction
    u, s, v = xp.linalg.svd(a, full_matrices=False)
    if not directions:
        return u @ v
    (e,) = directions
    left, right = u.swapaxes(-1, -2), v.swapaxes(-1, -2)
    inside = left @ e @ right
    turned = (inside - inside.swapaxes(-1, -2)) / (s[..., :, None] + s[..., None, :])
    below = (e - u @ (left @ e)) @ right / s[..., None, :]
    beside = (left @ e - inside @ v) / s[..., :, None]
    return u @ (turned @ v + beside) + below @ v
""",
    "frechet_of": """\
def frechet_of(f, a, *directions):
    # the corner of f of [[A, E1, 0], [0, A, E2], [0, 0, A]], over all orders of the directions
    n, k = a.shape[-1], len(directions)
    zero, total = xp.zeros_like(a), xp.zeros_like(a)
    for order in permutations(directions):
        blocks = [[*[zero] * p, a, *order[p : p + 1], *[zero] * (k - 1 - p)] for p in range(k + 1)]
        rows = [xp.concatenate(row, -1) for row in blocks]
        whole = xp.concatenate(rows, -2)
        stack = whole.reshape(-1, *whole.shape[-2:])
        found = [f(one) for one in stack]
        found = xp.stack(found) if len(found) else stack
        total = total + found.reshape(whole.shape)[..., :n, k * n :]
    return total
""",
    "sylvester": """\
def sylvester(a, b, c):
    # A X + X B = C by the Kronecker products that it is
    m, n = c.shape[-2:]
    left = xp.einsum("...ik,jl->...ijkl", a, xp.eye(n, dtype=c.dtype))
    right = xp.einsum("...lj,ik->...ijkl", b, xp.eye(m, dtype=c.dtype))
    system = (left + right).reshape(*c.shape[:-2], m * n, m * n)
    return xp.linalg.solve(system, c.reshape(*c.shape[:-2], m * n, 1)).reshape(c.shape)
""",
    "shares": """\
def shares(x, top, axis):
    at = (x == top(x, axis=axis, keepdims=True)).astype(x.dtype)  # ties share equally
    return at / at.sum(axis, keepdims=True)
""",
    "p_norm": """\
def p_norm(x, axis, p):
    # by the largest entry for p > 0, so that no power overflows; 0 of nothing but zeros, and for
    # p < 0 of any zero
    size = xp.abs(x)
    top = xp.amax(size, axis, keepdims=True) if p > 0 else xp.amin(size, axis, keepdims=True)
    top = xp.where((top == 0) | xp.isinf(top), 1, top)
    none = size == 0
    powers = xp.where(none, 0, (xp.where(none, 1, size) / top) ** p)
    total = powers.sum(axis, keepdims=True)
    gone = total == 0 if p > 0 else (total == 0) | (xp.amax(none * 1, axis, keepdims=True) > 0)
    found = xp.where(gone, 0, xp.where(gone, 1, total) ** (1 / p) * top)
    return found.reshape(x.sum(axis).shape)
""",
    "p_slope": """\
def p_slope(x, axis, p):
    length = p_norm(x, axis, p).reshape(x.sum(axis, keepdims=True).shape)
    none = (x == 0) | (length == 0)
    shares = xp.where(none, 1, xp.abs(x)) / xp.where(length == 0, 1, length)
    return xp.where(none, 0, xp.sign(x) * shares ** (p - 1))
""",
    "order": """\
def order(x):
    # the places in ascending order; of a row with a nan the place of that, everywhere
    missing = xp.isnan(x)
    found = xp.argsort(x, axis=-1, stable=True)
    first = xp.argmax(missing.astype(found.dtype), axis=-1, keepdims=True)
    return xp.where(missing.any(-1, keepdims=True), first, found)
""",
    "running_products": """\
def running_products(x, out):
    # the products of all entries up to each, but for those that the `out` new axes leave out, each
    # once
    n = x.shape[-1]
    places = xp.arange(n)
    left = x.reshape(*x.shape[:-1], *[1] * out, n)
    gone = [places.reshape(n, *[1] * (out - axis)) for axis in range(out)]
    for here in gone:
        left = xp.where(here == places, 1, left)
    found = left.cumprod(-1)
    for axis, here in enumerate(gone):
        found = xp.where(here <= places, found, 0)
        for other in gone[:axis]:
            found = xp.where(here == other, 0, found)
    return xp.moveaxis(found, -1, x.ndim - 1)
""",
    "spherical_bessel": """\
def spherical_bessel(n, x):
    # upwards from sin(x)/x where |x| is large; elsewhere by the power series
    far = xp.abs(x) > n + 1
    y = xp.where(far, x, 1.0)
    before, here = xp.cos(y) / y, xp.sin(y) / y
    for k in range(n):
        before, here = here, (2 * k + 1) / y * here - before
    z = xp.where(far, 0.0, x)
    term = z**n
    for k in range(n):
        term = term / (2 * k + 3)
    total = term
    for k in range(1, 20 + 2 * n):
        term = term * (-z * z / 2) / (k * (2 * n + 2 * k + 1))
        total = total + term
    return xp.where(far, here, total)
""",
    "bessel_i": """\
def bessel_i(n, x):
    # upwards from I_0 and I_1 where |x| is large; elsewhere by the power series
    far = xp.abs(x) > 20
    y = xp.where(far, x, 20.0)
    before, here = xp.special.i0(y), xp.special.i1(y)
    for k in range(1, n):
        before, here = here, before - 2 * k / y * here
    z = xp.where(far, 0.0, x) / 2
    term = z**n
    for k in range(2, n + 1):
        term = term / k
    total = term
    for k in range(1, 60):
        term = term * (z * z) / (k * (k + n))
        total = total + term
    return xp.where(far, here, total)
""",
    "products": """\
def products(x, core, out):
    # x has its last `core` axes multiplied, but for the entries that the `out` new axes leave out,
    # each once
    shape, n = x.shape, prod(x.shape[x.ndim - core :])
    x = x.reshape(*shape[: x.ndim - core], n)
    if out == 0:
        return x.prod(-1)
    if out == 1:  # the product of all before, times that of all behind
        one = xp.ones_like(x[..., :1])
        before = xp.concatenate([one, x[..., :-1]], -1).cumprod(-1)
        behind = xp.concatenate([x[..., 1:], one], -1)[..., ::-1].cumprod(-1)[..., ::-1]
        found = before * behind if n else x
    else:  # leave one out by making it 1, and none twice
        here = xp.eye(n, dtype=bool)
        found = products(xp.where(here, 1, x[..., None, :]), 1, out - 1)
        for axis in range(out - 1):
            mask = here.reshape(n, *(n if k == axis else 1 for k in range(out - 1)))
            found = xp.where(mask, 0, found)
    return found.reshape(*shape[: len(shape) - core], *shape[len(shape) - core :] * out)
""",
    "adjugate": """\
def adjugate(a):
    # A = U S V gives adj A = adj V · adj S · adj U, also of a singular matrix
    u, s, v = xp.linalg.svd(a)
    signs = xp.linalg.det(u) * xp.linalg.det(v)
    middle = products(s, 1, 1) * signs[..., None]
    return (v.conj().swapaxes(-1, -2) * middle[..., None, :]) @ u.conj().swapaxes(-1, -2)
""",
    "minors": """\
def minors(a, order):
    # derivatives of the determinant by `order` entries, by U S V: also where the matrix is singular
    u, s, v = xp.linalg.svd(a)
    signs = xp.linalg.det(u) * xp.linalg.det(v)
    rest = products(s, 1, order) * signs[(..., *[None] * order)]
    rows, middle, columns = "abcdefgh"[:order], "ijklmnop"[:order], "qrstuvwx"[:order]
    total = 0
    for at in permutations(range(order)):
        sign = (-1) ** sum(at[i] > at[j] for j in range(order) for i in range(j))
        pairs = [f"...{r}{m}" for r, m in zip(rows, middle)]
        pairs += [f"...{middle[k]}{c}" for k, c in zip(at, columns)]
        out = "".join(r + c for r, c in zip(rows, columns))
        operands = [rest, *[u.conj()] * order, *[v.conj()] * order]
        text = f"...{middle},{','.join(pairs)}->...{out}"
        total = total + sign * xp.einsum(text, *operands, optimize=True)
    return total
""",
    # Blocks are joined, and nothing is written to, so that gradients pass.
    "frechet": """\
def frechet(a, *directions):
    # the corner of the exponential of [[A, E1, 0], [0, A, E2], [0, 0, A]], over all orders of the
    # directions
    n, k = a.shape[-1], len(directions)
    if not k:
        return linalg.expm(a)
    zero, total = xp.zeros_like(a), xp.zeros_like(a)
    for order in permutations(directions):
        blocks = [[*[zero] * p, a, *order[p : p + 1], *[zero] * (k - 1 - p)] for p in range(k + 1)]
        rows = [xp.concatenate(row, -1) for row in blocks]
        total = total + linalg.expm(xp.concatenate(rows, -2))[..., :n, k * n :]
    return total
""",
    "factored": """\
def factored(a):
    return [a]  # LU factors join it when they are asked for, once
""",
    "factors": """\
def factors(matrix):
    if len(matrix) == 1:
        matrix.extend(linalg.lu_factor(matrix[0]))
    return tuple(matrix[1:])
""",
    "determinant": """\
def determinant(matrix):
    return xp.linalg.det(matrix[0])
""",
    "pow_slope": """\
def pow_slope(x, y, m, k):
    # x^(y-m) Σ_j C(k,j) f^(j)(y) log(x)^(k-j), f(y) = y (y-1) … (y-m+1)
    y, log = y * 1.0, xp.log(xp.where(x == 0, 1, x)) if k else 1
    f = [1]  # its coefficients, the highest power first
    for n in range(m):
        f = [a - n * b for a, b in zip([*f, 0], [0, *f])]
    total = 0 * y
    for j in range(k + 1):
        value = 0 * y
        for c in f:
            value = value * y + c
        total = total + comb(k, j) * value * log ** (k - j)
        f = [c * (len(f) - 1 - p) for p, c in enumerate(f[:-1])]
    return x ** xp.where(total == 0, 0, y - m) * total
""",
    "log_determinant": """\
def log_determinant(matrix):
    sign, log = xp.linalg.slogdet(matrix[0])
    return xp.log(sign) + log if xp.iscomplexobj(sign) else log
""",
}
IMPORTS = {
    "pow_slope": "from math import comb",
    "products": "from math import prod",
    "minors": "from itertools import permutations",
    "frechet_of": "from itertools import permutations",
}

#: what every library needs, in its words
EVERYWHERE = (
    "shares",
    "p_norm",
    "p_slope",
    "order",
    "running_products",
    "spherical_bessel",
    "eigenvalues",
    "eigenvectors",
    "gap_reciprocals",
    "divided_differences",
    "recomposed",
    "polar",
    "products",
    "pow_slope",
    "adjugate",
    "minors",
)


def renamed(names: Iterable[str], module: str, renames: Sequence[Rename] = ()) -> dict[str, str]:
    """The texts of these names as a library says them: its own words, then its module for
    ``xp``.
    """
    return renamed_texts({name: TEXTS[name] for name in names}, module, renames)


def renamed_texts(
    given: Mapping[str, str], module: str, renames: Sequence[Rename] = ()
) -> dict[str, str]:
    """Texts with ``xp.`` as a library says them."""
    texts: dict[str, str] = {}
    for name, text in given.items():
        for pattern, instead in renames:
            text = re.sub(pattern, instead, text)
        texts[name] = re.sub(r"\bxp\.", f"{module}.", text)
    return texts
