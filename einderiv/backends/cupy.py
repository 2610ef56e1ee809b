"""CuPy: its arrays, and how it says every kind of step and every function: as NumPy does, but for
what it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import BackendError
from ..expression import library, usable
from ..functions import Function
from .array_api_helpers import EVERYWHERE, renamed
from .array_api_helpers import IMPORTS as ALIKE
from .base import Helpers
from .functional import Functional
from .functional_indexing import IMPORTS as OF_INDEXING
from .functional_indexing import indexing_helpers
from .numpy import NumpyArrays
from .numpy_helpers import TEXTS as OF_NUMPY


def _renamed(text: str) -> str:
    return re.sub(r"\bnp\.", "cp.", text)


TEXTS = {
    "softplus": _renamed(OF_NUMPY["softplus"]),
    "sech_squared": """\
def sech_squared(x):
    if cp.iscomplexobj(x):
        e = cp.exp(cp.where(x.real > 0, -2, 2) * x)  # its modulus is at most 1
        return 4 * e / cp.square(1 + e)
    return cp.square(1 / cp.cosh(x))  # 1 / cosh 1000 is 0 also when cosh 1000 is infinite
""",
    "kept_within": _renamed(OF_NUMPY["kept_within"]),
    "elu_slope": _renamed(OF_NUMPY["elu_slope"]),
    "silu": _renamed(OF_NUMPY["silu"]),
    "arctan_slope": """\
def arctan_slope(x):
    return 1 / (1 + cp.square(1.0 * x))
""",
    # Asking an array what is in it waits for the device: these always take the careful way.
    "arctan_slope_times": """\
def arctan_slope_times(x):
    if x.dtype.kind == "c":
        return x / (1 + x * x)
    root = cp.hypot(x, 1)
    return cp.where(cp.isinf(x), 0, x) / root / root
""",
    "unit_vector": """\
def unit_vector(x, axis):
    y, _ = scaled(1.0 * x, axis)
    length = cp.sqrt((y * y).sum(axis, keepdims=True))
    return y / cp.where(length == 0, 1, length)
""",
    "scaled": """\
def scaled(x, axis):
    # by the largest entry, so that no square overflows or vanishes; by a power of two, so that no
    # digit is lost
    size = cp.abs(x).max(axis, keepdims=True) if x.size else cp.ones(())
    power = cp.exp2(cp.floor(cp.log2(cp.where((size > 0) & cp.isfinite(size), size, 1))))
    far = cp.isinf(size)  # beside infinite entries nothing else counts
    x = cp.where(far, cp.where(cp.isinf(x), cp.sign(x.real), 0), x)
    return x / power, cp.where(far, size, power)
""",
    "hypot_slope": """\
def hypot_slope(x, y):
    far = cp.isinf(x) | cp.isinf(y)  # beside what is infinite nothing else counts
    x, y = (cp.where(far, cp.where(cp.isinf(v), cp.sign(v), 0), v) for v in (x, y))
    return x / cp.hypot(x, cp.where((x == 0) & (y == 0), 1, y))
""",
    "arctan2_slope": """\
def arctan2_slope(x, y):
    root = cp.hypot(x, y)
    return hypot_slope(x, y) / cp.where(root == 0, 1, root)
""",
    "lowered": """\
def lowered(x, axis):
    # by the largest entry, also where that is infinite
    if not x.size:
        return x
    top = x.real.max(axis, keepdims=True)
    far = cp.isposinf(top)
    x = cp.where(far, cp.where(cp.isposinf(x.real), 0, -cp.inf), x)
    return x - cp.where(far, 0, top)
""",
    "norm": """\
def norm(x, axis):
    y, size = scaled(1.0 * x, axis)
    return (cp.sqrt((y * y).sum(axis, keepdims=True)) * size).reshape(x.sum(axis).shape)
""",
    **renamed((*EVERYWHERE, "sylvester"), "cp"),
    "sigmoid": """\
def sigmoid(x):
    return 1 / (1 + cp.exp(-x))  # a quotient by infinity is 0
""",
    "softmax": """\
def softmax(x, axis):
    e = cp.exp(lowered(x, axis))
    return e / e.sum(axis, keepdims=True)
""",
    "log_softmax": """\
def log_softmax(x, axis):
    x = lowered(x, axis)  # first, so that large entries lose no digits
    return x - cp.log(cp.exp(x).sum(axis, keepdims=True))
""",
    "logsumexp": """\
def logsumexp(x, axis):
    m = x.real.max(axis, keepdims=True) if x.size else x.real.sum(axis, keepdims=True)
    m = cp.where(cp.isfinite(m), m, 0)
    return (cp.log(cp.exp(x - m).sum(axis, keepdims=True)) + m).reshape(x.sum(axis).shape)
""",
    "frechet": """\
def frechet(a, *directions):
    # the corner of the exponential of [[A, E1, 0], [0, A, E2], [0, 0, A]], over all orders of the
    # directions
    n, k = a.shape[-1], len(directions)
    total = cp.zeros_like(a)
    for order in permutations(directions):
        block = cp.zeros((*a.shape[:-2], (k + 1) * n, (k + 1) * n), a.dtype)
        for p in range(k + 1):
            block[..., p * n : (p + 1) * n, p * n : (p + 1) * n] = a
        for p, direction in enumerate(order):
            block[..., p * n : (p + 1) * n, (p + 1) * n : (p + 2) * n] = direction
        flat = block.reshape(-1, *block.shape[-2:])
        total = total + cp.stack([expm(b) for b in flat]).reshape(block.shape)[..., :n, k * n :]
    return total
""",
    "factored": """\
def factored(a):
    # LU factors, made once; stacks of matrices are factored in each call
    return (a, *linalg.lu_factor(a)) if a.ndim == 2 else (a, None, None)
""",
    "solved": """\
def solved(factors, b, flipped=False):
    a, lu, pivots = factors
    if lu is None:
        return cp.linalg.solve(a.swapaxes(-1, -2) if flipped else a, b)
    return linalg.lu_solve((lu, pivots), b, trans=int(flipped))
""",
    "inverse": """\
def inverse(factors):
    a, lu, pivots = factors
    if lu is None:
        return cp.linalg.inv(a)
    return linalg.lu_solve((lu, pivots), cp.eye(len(a), dtype=a.dtype))
""",
    **renamed(("determinant", "log_determinant"), "cp"),
    **indexing_helpers("cp"),
    "known": """\
def known(mask):
    # whether it holds somewhere is not asked: that would wait for the device
    return None
""",
    "places_of": """\
def places_of(array, name):
    # the values of an index array, as the arithmetic on them needs them
    array = cp.asarray(array)
    if array.dtype.kind not in "iu":
        raise TypeError(f"the index array {name} has dtype {array.dtype}: places are whole numbers")
    return array.astype(cp.int64)
""",
    "counted": """\
def counted(n, like):
    return cp.arange(n)
""",
    "widened": """\
def widened(x, sides):
    # zeros before and behind, as many as each axis says
    return cp.pad(x, sides) if any(map(any, sides)) else x
""",
    "windows": """\
def windows(x, p, constant, terms):
    # axis p read at constant + k i + ... as an axis for each: a view
    x = x[(*[slice(None)] * p, slice(constant, None))]
    shape = (*x.shape[:p], *[n for _, n in terms], *x.shape[p + 1 :])
    steps = [k * x.strides[p] for k, _ in terms]
    strides = (*x.strides[:p], *steps, *x.strides[p + 1 :])
    return cp.lib.stride_tricks.as_strided(x, shape, strides)
""",
    "rows_of": """\
def rows_of(x, rows):
    return x[tuple(rows)]
""",
    "put": """\
def put(found, piece, shape, once, lines):
    # a piece in its place among zeros, which are fresh
    at, turned_back = [], []
    for p, (start, terms) in enumerate(lines):
        k = terms.get(p, 1)
        end = start + k * (piece.shape[p] - 1)
        at.append(slice(min(start, end), max(start, end) + 1, abs(k)))
        if k < 0:
            turned_back.append(p)
    piece = cp.flip(piece, turned_back) if turned_back else piece
    if found is None or once:
        found = nothing_of(piece, shape) if found is None else found
        found[tuple(at)] = piece
    else:
        found[tuple(at)] += piece
    return found
""",
    "scattered_rows": """\
def scattered_rows(v, shape, once, indices, depth):
    # the sum of v at indices by its first axes; its other axes follow
    more, count = v.shape[depth:], math.prod(shape)
    place = 0
    for at, n in zip(inside_rows(v, shape, indices, depth), shape):
        place = place * n + at
    # what is outside has at least the place behind the last
    place = cp.minimum(place.reshape(-1), count)
    v = cp.ascontiguousarray(v).reshape(len(place), *more)
    found = cp.zeros((count + 1, *more), v.dtype)
    if once:
        found[place] = v
    elif v.dtype == cp.int64:  # atomic sums are there of unsigned ones, which wrap around alike
        cp.add.at(found.view(cp.uint64), place, v.view(cp.uint64))
    else:
        cp.add.at(found, place, v)
    return found[:count].reshape((*shape, *more))
""",
}
IMPORTS = {
    **ALIKE,
    **OF_INDEXING,
    "scattered_rows": "import math",
    "frechet": "from itertools import permutations\nfrom cupyx.scipy.linalg import expm",
    **dict.fromkeys(("factored", "solved", "inverse"), "from cupyx.scipy import linalg"),
}


class CupyLibrary(NumpyArrays):
    """CuPy's arrays: NumPy's rules on one device."""

    name = module = "cupy"
    test = "isinstance({0}, _array)"
    structured = False
    sources_look = False  # looking at an array waits for the device

    def given(self, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays as they are, everything else as an array of CuPy."""
        cupy = self.xp
        return {
            n: a if library(a) == "cupy" else cupy.asarray(usable(a, n)) for n, a in arrays.items()
        }, None

    def pointing(self, array: Any, name: str, device: Any) -> Any:
        """An index array, as one of CuPy."""
        return self.xp.asarray(array)

    def looked_at(self, array: Any) -> Any:
        """The array for NumPy."""
        return array.get()


class Cupy(Functional):
    """Functions are spelt as in NumPy, with CuPy's name; steps are functional, for not every view
    of CuPy can be written to.
    """

    def row(self, row: Function) -> str:
        """NumPy's spelling, with CuPy's name."""
        if row.needs and "special" not in row.needs and "expm" not in row.needs:
            raise BackendError(
                f"the function {row.name} has no spelling for cupy: NumPy's imports {row.needs!r}"
            )
        return row.spell.get("cupy") or _renamed(row.spell["numpy"])


CUPY = Cupy(
    name="cupy",
    title="CuPy",
    library=CupyLibrary(),
    helpers=Helpers(TEXTS, IMPORTS),
    header="import cupy as cp",
    module="cp",
    dtypes="cp",
    no_dtype='cp.dtype("float64")',
    modules={"special": "from cupyx.scipy import special"},
    like="dtype=dtype",
    mask="cp.eye({0}, dtype=bool)",
    places="cp.arange({0})",
    spread="cp.broadcast_to({0}, {1})",
    owned="{0}.copy()",
)
