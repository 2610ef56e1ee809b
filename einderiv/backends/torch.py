"""torch: its arrays, and how it says every kind of step; functions are spelt in their rows.

Autograd and `torch.compile` follow the sources. What torch decides is its own: how dtypes promote,
the default float of whole numbers under a smooth function, what a singular matrix gives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any

from ..errors import BackendError
from ..expression import Labels, library, usable
from ..planning import Op, Ops, Step
from .array_api_helpers import EVERYWHERE, OF_TORCH, renamed
from .base import BASE_PASSES, Helpers, Kind, Library
from .convolution_spelling import torch_text
from .functional import Functional
from .functional_indexing import IMPORTS as OF_INDEXING
from .functional_indexing import indexing_helpers
from .source_text import Embedded, Spell, aligned, literal, shape

TEXTS = {
    "cube_root": """\
def cube_root(x):
    return torch.sign(x) * torch.abs(x) ** (1 / 3)
""",
    "softplus": """\
def softplus(x):
    return torch.logaddexp(x, x.new_zeros(()))
""",
    "flat": """\
def flat(x, core):
    return x.flatten(-core) if core > 1 else x
""",
    "scaled": """\
def scaled(x):
    # by the largest entry, so that no square overflows or vanishes; by a power of two, so that no
    # digit is lost
    size = torch.amax(torch.abs(x), -1, keepdim=True).detach() if x.shape[-1] else x.new_ones(())
    fits = (size > 0) & torch.isfinite(size)
    power = torch.exp2(torch.floor(torch.log2(torch.where(fits, size, 1))))
    far = torch.isinf(size)  # beside infinite entries nothing else counts
    x = torch.where(far, torch.where(torch.isinf(x), torch.sign(x.real), 0), x)
    return x / power, torch.where(far, size, power)
""",
    "kept_within": """\
def kept_within(x):
    return x + 0 if x.is_complex() else x.clamp(-1000, 1000)
""",
    "arctan_slope_times": """\
def arctan_slope_times(x):
    if x.is_complex():
        return x / (1 + x * x)
    root = torch.hypot(x, x.new_ones(()))
    return torch.where(torch.isinf(x), 0, x) / root / root
""",
    "hypot_slope": """\
def hypot_slope(x, y):
    far = torch.isinf(x) | torch.isinf(y)  # beside what is infinite nothing else counts
    x, y = (torch.where(far, torch.where(torch.isinf(v), torch.sign(v), 0), v) for v in (x, y))
    return x / torch.hypot(x, torch.where((x == 0) & (y == 0), 1, y))
""",
    "arctan2_slope": """\
def arctan2_slope(x, y):
    root = torch.hypot(x, y)
    return hypot_slope(x, y) / torch.where(root == 0, 1, root)
""",
    "norm": """\
def norm(x, core):
    y, size = scaled(flat(1.0 * x, core))
    squares = (y * y).sum(-1, keepdim=True)
    zero = squares == 0  # autograd meets no root of 0
    length = torch.where(zero, 0, torch.sqrt(torch.where(zero, 1, squares))) * size
    return length.reshape(x.shape[: x.ndim - core])
""",
    "unit_vector": """\
def unit_vector(x, core):
    y, _ = scaled(flat(1.0 * x, core))
    squares = (y * y).sum(-1, keepdim=True)
    return (y / torch.sqrt(torch.where(squares == 0, 1, squares))).reshape(x.shape)
""",
    "steady": """\
def steady(x):
    # by the largest real part, so that nothing overflows; torch's own functions take real numbers
    # only
    top = torch.amax(x.real, -1, keepdim=True).detach() if x.shape[-1] else 0
    return x - top, top
""",
    "softmax": """\
def softmax(x, core):
    if x.is_complex():
        e = torch.exp(steady(flat(x, core))[0])
        return (e / e.sum(-1, keepdim=True)).reshape(x.shape)
    # what is infinite counts as the largest number, or its difference from itself would be nan
    finite = flat(x, core).clamp(max=torch.finfo(x.dtype).max)
    return torch.softmax(finite, -1).reshape(x.shape)
""",
    "log_softmax": """\
def log_softmax(x, core):
    if x.is_complex():
        z = steady(flat(x, core))[0]
        return (z - torch.log(torch.exp(z).sum(-1, keepdim=True))).reshape(x.shape)
    finite = flat(x, core).clamp(max=torch.finfo(x.dtype).max)
    return torch.log_softmax(finite, -1).reshape(x.shape)
""",
    "logsumexp": """\
def logsumexp(x, core):
    if x.is_complex():
        z, top = steady(flat(x, core))
        found = torch.log(torch.exp(z).sum(-1, keepdim=True)) + top
        return found.reshape(x.shape[: x.ndim - core])
    return torch.logsumexp(flat(x, core), -1)
""",
    **renamed(
        (*EVERYWHERE, "bessel_i", "frechet", "factored", "factors", "sylvester"),
        "torch",
        OF_TORCH,
    ),
    "solved": """\
def solved(matrix, b, flipped=False):
    lu, pivots = factors(matrix)
    columns = b[:, None] if b.ndim == 1 else b
    if flipped:  # lu_solve offers the adjoint
        found = torch.linalg.lu_solve(lu, pivots, columns.conj(), adjoint=True)
        found = found.conj().resolve_conj()
    else:
        found = torch.linalg.lu_solve(lu, pivots, columns)
    return found[:, 0] if b.ndim == 1 else found
""",
    "inverse": """\
def inverse(matrix):
    a = matrix[0]
    one = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    return torch.linalg.lu_solve(*factors(matrix), one.expand(a.shape))
""",
    **renamed(("determinant", "log_determinant"), "torch", OF_TORCH),
    **indexing_helpers("torch"),
    "known": """\
def known(mask):
    # does it hold somewhere? None where nothing shows what a tensor holds
    if torch.compiler.is_compiling():
        return None
    try:
        return bool(mask.any())
    except RuntimeError:  # inside of torch.func, and of tensors without values
        return None
""",
    "places_of": """\
def places_of(array, name):
    # the values of an index array, as the arithmetic on them needs them
    array = torch.as_tensor(array)
    if array.is_floating_point() or array.is_complex() or array.dtype == torch.bool:
        raise TypeError(f"the index array {name} has dtype {array.dtype}: places are whole numbers")
    array = array.to(torch.int64)
    if known(array < 0):
        at = ", ".join(map(str, (array < 0).nonzero()[0].tolist()))
        raise ValueError(f"{name}[{at}] is {array[array < 0][0]}: places are counted from 0")
    return array
""",
    "counted": """\
def counted(n, like):
    return torch.arange(n, device=like.device)
""",
    "widened": """\
def widened(x, sides):
    # zeros before and behind, as many as each axis says
    if not any(map(any, sides)):
        return x
    return torch.nn.functional.pad(x, [n for pair in reversed(sides) for n in pair])
""",
    "windows": """\
def windows(x, p, constant, terms):
    # axis p read at constant + k i + ... as an axis for each: windows of windows. A step back is
    # one forward, turned: torch has no negative strides
    low = constant + sum(k * (n - 1) for k, n in terms if k < 0)
    left = 1 + sum(abs(k) * (n - 1) for k, n in terms)
    x = x.narrow(p, low, left)
    turned_back = [q for q, (k, _) in enumerate(terms) if k < 0]
    if len(turned_back) == len(terms):
        x, turned_back = x.flip(p), []
    for q, (k, n) in enumerate(terms[:-1]):
        left -= abs(k) * (n - 1)
        x = x.unfold(p + q, left, abs(k)).movedim(-1, p + q + 1)
    step = abs(terms[-1][0])
    if step > 1:
        x = x[(*[slice(None)] * (p + len(terms) - 1), slice(None, None, step))]
    return x.flip([p + q for q in turned_back]) if turned_back else x
""",
    "rows_of": """\
def rows_of(x, rows):
    if len(rows) > 1:
        return x[tuple(rows)]
    taken = x.index_select(0, rows[0].reshape(-1))
    return taken.reshape((*rows[0].shape, *x.shape[1:]))
""",
    "put": """\
def put(found, piece, shape, once, lines):
    # a piece in its place among zeros, which are fresh: autograd follows what is written there
    at, turned_back = [], []
    for p, (start, terms) in enumerate(lines):
        k = terms.get(p, 1)
        end = start + k * (piece.shape[p] - 1)
        at.append(slice(min(start, end), max(start, end) + 1, abs(k)))
        if k < 0:
            turned_back.append(p)
    piece = piece.flip(turned_back) if turned_back else piece
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
    place = place.reshape(-1).clamp(max=count)
    v = v.reshape(len(place), *more)
    found = v.new_zeros((count + 1, *more))
    found = found.index_copy(0, place, v) if once else found.index_add(0, place, v)
    return found[:count].reshape((*shape, *more))
""",
}
IMPORTS = {
    "pow_slope": "from math import comb",
    **dict.fromkeys(("frechet", "minors"), "from itertools import permutations"),
    **OF_INDEXING,
    "scattered_rows": "import math",
}


class TorchLibrary(Library):
    """Tensors keep their device; promotion is ``torch.promote_types``."""

    name = module = "torch"
    says_singular, says_overflow = "linalg.", "without overflow"
    test = "isinstance({0}, _array) and {0}.device == _device"

    def given(self, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Tensors as they are, everything else as a tensor on their device."""
        torch = self.xp
        tensors = {name: a for name, a in arrays.items() if library(a) == "torch"}
        for name, a in tensors.items():
            if a.layout != torch.strided:
                raise TypeError(f"{name} is a sparse tensor: make it dense with .to_dense()")
        devices = {a.device: name for name, a in tensors.items()}
        if len(devices) > 1:
            (a, x), (b, y), *_ = devices.items()
            raise BackendError(f"{x} is on {a} and {y} on {b}: move one of them first")
        device = next(iter(devices), torch.get_default_device())
        given = {}
        for name, a in arrays.items():
            is_tensor = name in tensors
            given[name] = a if is_tensor else self._tensor(usable(a, name), None, device)
        return given, device

    def _tensor(self, array: Any, dtype: Any, device: Any) -> Any:
        """A tensor with the values of a NumPy array."""
        import numpy as np

        return self.xp.tensor(
            np.ascontiguousarray(array).reshape(array.shape), device=device, dtype=dtype
        )

    def followed(self, array: Any) -> bool:
        """Has it a gradient?"""
        return bool(array.requires_grad)

    def looked_at(self, array: Any) -> Any:
        """The array for NumPy, or None inside of ``torch.func`` and ``torch.compile``."""
        try:
            return array.detach().cpu().resolve_conj().numpy()
        except RuntimeError:  # of a tensor that stands for others
            return None

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """``torch.promote_types``, and what a Python number does to a tensor."""
        torch = self.xp
        dtype = reduce(torch.promote_types, dtypes) if dtypes else torch.int64
        for number in numbers:
            dtype = torch.result_type(torch.empty((), dtype=dtype, device="cpu"), number)
        return dtype

    def kind(self, dtype: Any) -> Kind:
        """A dtype of torch."""
        if dtype.is_complex:
            kind = "c"
        elif dtype.is_floating_point:
            kind = "f"
        elif dtype == self.xp.bool:
            kind = "b"
        else:
            kind = "i" if dtype.is_signed else "u"
        return Kind(str(dtype).removeprefix("torch."), kind, dtype.itemsize)

    def held_dtype(self, array: Any) -> Any:
        """That of ``torch.from_numpy``."""
        import numpy as np

        if library(array) == "torch":
            return array.dtype
        return self.xp.from_numpy(np.empty(0, np.asarray(array).dtype)).dtype

    def as_array(self, value: Any) -> Any:
        """A tensor is one, also of no axes."""
        return value

    def converted(self, array: Any, dtype: Any) -> Any:
        """A tensor in a dtype."""
        return array.to(dtype)

    def moved(self, array: Any, dtype: Any, device: Any) -> Any:
        """A held array on the device."""
        import numpy as np

        if library(array) == "torch":
            return array.to(device, dtype)
        return self._tensor(np.asarray(array), dtype, device)

    def pointing(self, array: Any, name: str, device: Any) -> Any:
        """An index array on the device."""
        import numpy as np

        if hasattr(array, "to"):  # a tensor; the compiler follows no more than that
            return array.to(device)
        return self._tensor(np.asarray(array), None, device)

    def conjugated(self, array: Any) -> Any:
        """The complex conjugate, not marked as one."""
        return self.xp.conj_physical(array)

    def array_type(self) -> Any:
        """``torch.Tensor``."""
        return self.xp.Tensor


class Torch(Functional):
    """torch has kernels of its own for a product that is added to something, and for embedding
    on a diagonal.
    """

    @property
    def ops(self) -> Collection[Op]:
        """Two more than other libraries have."""
        return {*super().ops, Ops.ADDMM, Ops.CONVOLUTION}

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        if step.op is Ops.CONVOLUTION:
            return [torch_text(inputs, step, size)]
        if step.op is not Ops.ADDMM:
            return super().spell(step, inputs, size)
        # beta z + alpha x y
        x_labels, y_labels, out, beta, alpha = step.spec
        addend, *factors = inputs
        words = [addend, *self.matrices(factors, x_labels, y_labels, out)]
        for word, number in (("beta", beta), ("alpha", alpha)):
            if number != 1:
                words.append(f"{word}={literal(number).strip('()')}")
        return [f"torch.addmm({', '.join(words)})"]

    def embedded(self, terms: Sequence[Embedded], first: Labels, sizes: Sequence[str]) -> str:
        """The zeros are written once, and the diagonal over them: no mask has to be read."""
        # iji of a term ij: its axes are (i, j), and then `diag_embed` makes the other i
        repeated = [axis for axis, original in enumerate(first) if axis != original]
        if not repeated:
            return super().embedded(terms, first, sizes)
        axes = [axis for axis, original in enumerate(first) if axis == original]
        parts = []
        carried: set[int] = set()  # axes along which a term has entries of its own
        for x, labels, output in terms:
            parts.append(aligned(x, labels, tuple(output[axis] for axis in axes), self.permute))
            carried.update(output.index(label) for label in labels)
        text = " + ".join(parts)
        is_sum = len(parts) > 1
        on_diagonal = {first[axis] for axis in repeated}
        if not {0, *on_diagonal} <= carried:
            # An identity is repeated along its axis, and no axis is missing in front.
            needed = carried | on_diagonal
            full = [sizes[axis] if axis in needed else "1" for axis in axes]
            text = f"({text})" if is_sum else text
            text = f"{text}.expand({shape(full)})"
            is_sum = False
        for axis in repeated:
            # The axis that is embedded goes last, then it and its copy take their places.
            place = axes.index(first[axis])
            if place != len(axes) - 1:
                text = f"({text})" if is_sum else text
                text = f"{text}.movedim({place}, -1)"
            axes = sorted([*axes, axis])
            places = f"{axes.index(first[axis])}, {axes.index(axis)}"
            text = f"torch.diag_embed({text}, 0, {places})"
            is_sum = False
        return text

    def setup(
        self, arguments: Sequence[str], dtype: str | None, device: str | None
    ) -> dict[str, str]:
        """The dtype and the device of what a source makes itself: given, or those of its
        arguments.
        """
        arrays = [a for a in arguments if a.isidentifier()]  # the others are numbers
        if dtype:
            dtype_text = f"torch.{dtype}"
        elif not arrays:
            dtype_text = self.no_dtype
        elif len(arguments) == 1:
            dtype_text = f"{arrays[0]}.dtype"
        else:
            # Products of scalars say how dtypes promote, and `torch.compile` follows them, unlike
            # `promote_types`.
            scalars = [f"{a}.new_zeros(())" for a in arrays]
            numbers = arguments[len(arrays) :]
            dtype_text = f"({' * '.join([*scalars, *numbers])}).dtype"
        if arrays:
            device_text = f"{arrays[0]}.device"
        elif device:
            device_text = f'"{device}"'
        else:
            device_text = "torch.get_default_device()"
        return {"dtype": f"dtype = {dtype_text}", "device": f"device = {device_text}"}


TORCH = Torch(
    name="torch",
    title="PyTorch",
    library=TorchLibrary(),
    helpers=Helpers(TEXTS, IMPORTS),
    header="import torch",
    module="torch",
    dtypes="torch",
    no_dtype="torch.get_default_dtype()",
    fresh="{0}.clone()",
    passes=(*BASE_PASSES, "convolutions", "numbers out of products", "numbers into sums", "addmm"),
    like="dtype=dtype, device=device",
    mask="torch.eye({0}, dtype=torch.bool, device=device)",
    places="torch.arange({0}, device=device)",
    spread="{0}.expand({1})",
    permute="permute",
    axis="dim",
    owned="{0}.clone()",
)
