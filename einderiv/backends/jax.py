"""JAX: its arrays, and how it says every kind of step; functions are spelt in their rows.

`jit`, `vmap` and `grad` follow the sources. What JAX decides is its own: how dtypes promote, 64
bits or 32, what a singular matrix gives.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from ..errors import EinderivError, counted
from ..expression import library, usable
from ..planning import Op, Ops, Part, Program, Step, joined_axis
from .array_api_helpers import EVERYWHERE, renamed
from .array_api_helpers import IMPORTS as ALIKE
from .base import BASE_PASSES, Backend, Helpers, Kind, Library
from .convolution_spelling import jax_text
from .functional import Functional
from .functional_indexing import IMPORTS as OF_INDEXING
from .functional_indexing import indexing_helpers
from .numpy_index_spelling import part_text
from .source_text import Spell, aligned, literal, shape

TEXTS = {
    "scaled": """\
def scaled(x, axis):
    # by the largest entry, so that no square overflows or vanishes; by a power of two, so that no
    # digit is lost
    size = lax.stop_gradient(jnp.abs(x).max(axis, keepdims=True, initial=0))
    power = jnp.exp2(jnp.floor(jnp.log2(jnp.where((size > 0) & jnp.isfinite(size), size, 1))))
    far = jnp.isinf(size)  # beside infinite entries nothing else counts
    x = jnp.where(far, jnp.where(jnp.isinf(x), jnp.sign(x.real), 0), x)
    return x / power, jnp.where(far, size, power)
""",
    "kept_within": """\
def kept_within(x):
    return x + 0 if jnp.iscomplexobj(x) else jnp.clip(x, -1000, 1000)
""",
    "arctan_slope_times": """\
def arctan_slope_times(x):
    if jnp.iscomplexobj(x):
        return x / (1 + x * x)
    root = jnp.hypot(x, 1)
    return jnp.where(jnp.isinf(x), 0, x) / root / root
""",
    "hypot_slope": """\
def hypot_slope(x, y):
    far = jnp.isinf(x) | jnp.isinf(y)  # beside what is infinite nothing else counts
    x, y = (jnp.where(far, jnp.where(jnp.isinf(v), jnp.sign(v), 0), v) for v in (x, y))
    return x / jnp.hypot(x, jnp.where((x == 0) & (y == 0), 1, y))
""",
    "arctan2_slope": """\
def arctan2_slope(x, y):
    root = jnp.hypot(x, y)
    return hypot_slope(x, y) / jnp.where(root == 0, 1, root)
""",
    "lowered": """\
def lowered(x, axis):
    # by the largest entry, also where that is infinite
    top = lax.stop_gradient(x.real.max(axis, keepdims=True, initial=-jnp.inf))
    far = jnp.isposinf(top)
    x = jnp.where(far, jnp.where(jnp.isposinf(x.real), 0, -jnp.inf), x)
    return x - jnp.where(far, 0, top)
""",
    "norm": """\
def norm(x, axis):
    y, size = scaled(1.0 * x, axis)
    squares = (y * y).sum(axis, keepdims=True)
    zero = squares == 0  # JAX's own gradient meets no root of 0
    length = jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, squares))) * size
    return jnp.squeeze(length, axis)
""",
    "unit_vector": """\
def unit_vector(x, axis):
    y, _ = scaled(1.0 * x, axis)
    squares = (y * y).sum(axis, keepdims=True)
    return y / jnp.sqrt(jnp.where(squares == 0, 1, squares))
""",
    "softmax": """\
def softmax(x, axis):
    e = jnp.exp(lowered(x, axis))
    return e / e.sum(axis, keepdims=True)
""",
    "log_softmax": """\
def log_softmax(x, axis):
    x = lowered(x, axis)  # first, so that large entries lose no digits
    return x - jnp.log(jnp.exp(x).sum(axis, keepdims=True))
""",
    "logsumexp": """\
def logsumexp(x, axis):
    m = lax.stop_gradient(x.real.max(axis, keepdims=True, initial=-jnp.inf))
    m = jnp.where(jnp.isfinite(m), m, 0)
    return jnp.squeeze(jnp.log(jnp.exp(x - m).sum(axis, keepdims=True)) + m, axis)
""",
    **renamed(
        (*EVERYWHERE, "frechet", "frechet_of", "factored", "factors", "sylvester"),
        "jnp",
    ),
    "shard": """\
mesh = Mesh(jax.devices()[:1], ("devices",))


def shard(x, axis):
    # the entries along an axis are divided among all devices; with None each device has all
    places = [] if axis is None else [None] * axis + ["devices"]
    return lax.with_sharding_constraint(x, NamedSharding(mesh, PartitionSpec(*places)))
""",
    "solved": """\
def solved(matrix, b, flipped=False):
    if b.ndim > 1:  # as many right-hand sides as matrices
        b = jnp.broadcast_to(b, (*matrix[0].shape[:-2], *b.shape[-2:]))
    return linalg.lu_solve(factors(matrix), b, trans=int(flipped))
""",
    "inverse": """\
def inverse(matrix):
    a = matrix[0]
    unit = jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape)
    return linalg.lu_solve(factors(matrix), unit)
""",
    **renamed(("determinant", "log_determinant"), "jnp"),
    **renamed(("bessel_i",), "jnp", ((r"xp\.special", "special"),)),
    **indexing_helpers("jnp"),
    "convolved": """\
def convolved(x, y, strides, sides, **dilations):
    return lax.conv_general_dilated(x, y, strides, sides, **dilations)
""",
    "known": """\
def known(mask):
    # does it hold somewhere? None while it is traced: nothing shows what an array holds
    return None if isinstance(mask, jax.core.Tracer) else bool(mask.any())
""",
    "places_of": """\
def places_of(array, name):
    # the values of an index array, as the arithmetic on them needs them
    array = jnp.asarray(array)
    if array.dtype.kind not in "iu":
        raise TypeError(f"the index array {name} has dtype {array.dtype}: places are whole numbers")
    array = array.astype(jnp.result_type(int))
    if known(array < 0):
        at = ", ".join(str(int(k)) for k in jnp.argwhere(array < 0)[0])
        raise ValueError(f"{name}[{at}] is {array[array < 0][0]}: places are counted from 0")
    return array
""",
    "counted": """\
def counted(n, like):
    return jnp.arange(n)
""",
    "widened": """\
def widened(x, sides):
    # zeros before and behind, as many as each axis says
    if not any(map(any, sides)):
        return x
    return lax.pad(x, jnp.zeros((), x.dtype), [(before, behind, 0) for before, behind in sides])
""",
    "windows": """\
def windows(x, p, constant, terms):
    # axis p read at constant + k i + ... as an axis for each: a slice for each position of the
    # short ones, or what stands at all positions
    long = max(range(len(terms)), key=lambda q: terms[q][1])
    short = [n for q, (_, n) in enumerate(terms) if q != long]
    before = [slice(None)] * p
    if math.prod(short) > 64:
        at = constant
        for q, (k, n) in enumerate(terms):
            at = at + along(k * jnp.arange(n), [q], [n for _, n in terms])
        return x[(*before, at)]
    step, n = terms[long]
    pieces = []
    for at in itertools.product(*map(range, short)):
        start = constant + sum(k * i for (k, _), i in zip(terms[:long] + terms[long + 1 :], at))
        end = start + step * (n - 1)
        piece = x[(*before, slice(min(start, end), max(start, end) + 1, abs(step)))]
        pieces.append(jnp.flip(piece, p) if step < 0 else piece)
    if not short:
        return pieces[0]
    found = jnp.stack(pieces, p).reshape(*x.shape[:p], *short, n, *x.shape[p + 1 :])
    return jnp.moveaxis(found, p + len(short), p + long)
""",
    "rows_of": """\
def rows_of(x, rows):
    return x.at[tuple(rows)].get(mode="promise_in_bounds")
""",
    "put": """\
def put(found, piece, shape, once, lines):
    # a piece in its place among zeros: before, behind and between its entries
    at, sides, turned_back = [], [], []
    for p, (start, terms) in enumerate(lines):
        k = terms.get(p, 1)
        end = start + k * (piece.shape[p] - 1)
        low, high = min(start, end), max(start, end)
        at.append(slice(low, high + 1, abs(k)))
        sides.append((low, shape[p] - 1 - high, abs(k) - 1))
        if k < 0:
            turned_back.append(p)
    piece = jnp.flip(piece, turned_back) if turned_back else piece
    if found is not None and once:
        return found.at[tuple(at)].set(piece)
    padded = lax.pad(piece, jnp.zeros((), piece.dtype), sides)
    return padded if found is None else found + padded
""",
    "scattered_rows": """\
def scattered_rows(v, shape, once, indices, depth):
    # the sum of v at indices by its first axes; its other axes follow
    zeros = nothing_of(v, (*shape, *v.shape[depth:]))
    at = zeros.at[tuple(inside_rows(v, shape, indices, depth))]
    return at.set(v, mode="drop") if once else at.add(v, mode="drop")
""",
}
IMPORTS = {
    **ALIKE,
    **OF_INDEXING,
    "convolved": "from jax import lax",
    "bessel_i": "from jax.scipy import special",
    "known": "import jax",
    "widened": "from jax import lax",
    "put": "from jax import lax",
    "windows": "import itertools\nimport math",
    **dict.fromkeys(("lowered", "logsumexp", "scaled"), "from jax import lax"),
    **dict.fromkeys(("factors", "solved", "inverse"), "from jax.scipy import linalg"),
    "frechet": "from itertools import permutations\nfrom jax.scipy import linalg",
    "shard": "import jax\nfrom jax import lax\n"
    "from jax.sharding import Mesh, NamedSharding, PartitionSpec",
}


class JaxLibrary(Library):
    """Arrays and tracers alike; promotion is ``jax.numpy.result_type``."""

    name, module = "jax", "jax.numpy"
    test = "type({0}) is _array"  # tracers, which are of another type, go the long way

    def given(self, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays and tracers as they are, everything else as an array."""
        jnp = self.xp
        found = {
            n: a if library(a) == "jax" else jnp.asarray(usable(a, n)) for n, a in arrays.items()
        }
        for name, a in found.items():
            if not (jnp.issubdtype(a.dtype, jnp.number) or a.dtype == bool):
                raise TypeError(
                    f"{name} has dtype {a.dtype}, which cannot be computed with: "
                    "numbers are bool, int, float or complex"
                )
        return found, None

    def looked_at(self, array: Any) -> Any:
        """The array for NumPy, or None for a tracer."""
        import numpy as np

        return None if isinstance(array, _jax().core.Tracer) else np.asarray(array)

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """``jax.numpy.result_type``; whole numbers are of the default integer."""
        import numpy as np

        canonical = _jax().dtypes.canonicalize_dtype  # 64 bits only where they are enabled
        return np.dtype(
            canonical(self.xp.result_type(*map(canonical, dtypes or [np.int64]), *numbers))
        )

    def kind(self, dtype: Any) -> Kind:
        """A dtype of JAX; bfloat16 and its like are floats too."""
        import numpy as np

        dtype = np.dtype(dtype)
        return Kind(
            dtype.name,
            "f" if self.xp.issubdtype(dtype, self.xp.floating) else dtype.kind,
            dtype.itemsize,
        )

    def held_dtype(self, array: Any) -> Any:
        """Its own: ``jax.numpy.asarray`` keeps it."""
        return array.dtype

    def as_array(self, value: Any) -> Any:
        """A result is one, also of no axes."""
        return value

    def converted(self, array: Any, dtype: Any) -> Any:
        """An array in a dtype."""
        return array.astype(dtype)

    def moved(self, array: Any, dtype: Any, device: Any) -> Any:
        """A held array, as one of JAX."""
        import numpy as np

        if library(array) == "jax":
            return array.astype(dtype)
        with _jax().ensure_compile_time_eval():  # an array, also while a caller is traced
            return self.xp.asarray(np.asarray(array), dtype)

    def pointing(self, array: Any, name: str, device: Any) -> Any:
        """An index array, as one of JAX."""
        import numpy as np

        if library(array) == "jax":
            return array
        with _jax().ensure_compile_time_eval():
            return self.xp.asarray(np.asarray(array))

    def conjugated(self, array: Any) -> Any:
        """The complex conjugate."""
        return self.xp.conj(array)

    def array_type(self) -> Any:
        """That of arrays with values."""
        with _jax().ensure_compile_time_eval():
            return type(self.xp.zeros(()))

    def constants(self, run: Callable[[], list[Any]]) -> list[Any]:
        """What constants come to, also while a caller is traced. A trace may not keep factors:
        they are made here.
        """
        with _jax().ensure_compile_time_eval():
            found = super().constants(run)
            for matrix in found:
                if isinstance(matrix, list):
                    matrix.extend(import_module("jax.scipy.linalg").lu_factor(matrix[0]))
        return found


def _jax() -> Any:
    return import_module("jax")


class Jax(Functional):
    """What JAX alone has: values divided among devices, and one kernel for all convolutions."""

    @property
    def ops(self) -> Collection[Op]:
        """Three more than other libraries have."""
        return {*super().ops, Ops.SHARD, Ops.CONVOLUTION, Ops.ASSEMBLE}

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        """The expression of one step, as the last of one line."""
        if step.op is Ops.SHARD:
            return [f"shard({inputs[0]}, {step.spec[0]})"]
        if step.op is Ops.CONVOLUTION:
            return [jax_text(inputs, step, size)]
        if step.op is Ops.ASSEMBLE:
            return [_assembled(inputs, step, size)]
        return super().spell(step, inputs, size)

    def fitted(
        self, program: Program, itemsize: int, memory_limit: int | None, mesh: Any
    ) -> Backend:
        """The backend whose sources divide their values among the devices of a mesh, if there is
        one.
        """
        if mesh is None:
            return self
        # One axis for all devices; constraints are for a mesh whose axes JAX may divide by itself.
        flat = import_module("jax.sharding").Mesh(mesh.devices.ravel(), ("devices",))
        texts = {
            **self.helpers.texts,
            "shard": self.helpers.texts["shard"].replace("[:1]", f"[:{mesh.size}]"),
        }
        return replace(self, helpers=replace(self.helpers, texts=texts), bindings={"mesh": flat})


def _assembled(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """Parts that are joined, or put into zeros one after the other."""
    parts, cleared = step.spec
    values = [_part_value(x, part) for x, part in zip(inputs, parts, strict=True)]
    lengths = [size(n) for n in step.sizes]
    axis = joined_axis(parts, cleared)
    if axis is not None:
        by_start: dict[int, str] = {}
        for part, value in zip(parts, values, strict=True):
            span = part.spans[axis]
            if any(span.axis is None for span in part.spans):
                whole = shape([*lengths[:axis], str(span.extent), *lengths[axis + 1 :]])
                value = f"jnp.broadcast_to({value}, {whole})"
            by_start[span.start] = value
        return f"jnp.concatenate(({', '.join(by_start[at] for at in sorted(by_start))}), {axis})"
    text = f"jnp.zeros({shape(lengths)}, dtype)"
    for part, value in zip(parts, values, strict=True):
        there = part_text(part.spans, step, size)
        text += f".at{there}.{'add' if part.adds else 'set'}({value})"
    return text


def _part_value(x: str, part: Part) -> str:
    """What is put into a place, by the axes of the whole: repeated ones have one position."""
    axes = tuple(range(len(part.spans)))
    own = {span.axis: axis for axis, span in enumerate(part.spans) if span.axis is not None}
    value = aligned(x, tuple([own[axis] for axis in range(len(own))]), axes)
    return value if part.number == 1 else f"{literal(part.number)} * {value}"


JAX = Jax(
    name="jax",
    title="JAX",
    library=JaxLibrary(),
    helpers=Helpers(TEXTS, IMPORTS),
    header="import jax.numpy as jnp",
    module="jnp",
    dtypes="jnp",
    no_dtype="jnp.result_type(float)",
    fresh="{0}",
    modules={
        "special": "from jax.scipy import special",
        "nn": "from jax import nn",
        "lax": "from jax import lax",
        "linalg": "from jax.scipy import linalg",
        "jax": "import jax",
    },
    passes=(
        *BASE_PASSES,
        "convolutions",
        "concatenations",
        "numbers out of products",
        "numbers into sums",
        "numbers into operands",
        "sharding",
    ),
    like="dtype=dtype",
    mask="jnp.eye({0}, dtype=bool)",
    places="jnp.arange({0})",
    spread="jnp.broadcast_to({0}, {1})",
)


def check_mesh(mesh: object, backend: str | None) -> None:
    """Raise unless `mesh` is one of JAX, and JAX computes."""
    if backend != JAX.name:
        raise EinderivError("a mesh divides arrays of JAX: say backend='jax' too")
    if not (type(mesh).__module__.startswith("jax.") and type(mesh).__name__ == "Mesh"):
        raise TypeError(
            f"mesh is a jax.sharding.Mesh, not {type(mesh).__name__}: "
            "jax.make_mesh((8,), ('devices',)) makes one"
        )
    size: int = mesh.size  # type: ignore[attr-defined]
    if size < 1:
        raise EinderivError(f"the mesh has {counted(size, 'device')}")
