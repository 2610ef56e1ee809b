"""torch: its arrays, and how it says every kind of step; functions are spelt in their rows.

Autograd and `torch.compile` follow the sources. What torch decides is its own: how dtypes promote,
the default float of whole numbers under a smooth function, what a singular matrix gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from ..errors import BackendError
from ..expression import Labels, library, usable
from ..planning import Ops, Step
from .array_api_helpers import OF_TORCH, renamed
from .base import BASE_PASSES, Helpers, Kind, Library
from .functional import Embedded, Functional
from .source_text import Spell, aligned, literal, shape

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
    return torch.softmax(flat(x, core), -1).reshape(x.shape)
""",
    "log_softmax": """\
def log_softmax(x, core):
    if x.is_complex():
        z = steady(flat(x, core))[0]
        return (z - torch.log(torch.exp(z).sum(-1, keepdim=True))).reshape(x.shape)
    return torch.log_softmax(flat(x, core), -1).reshape(x.shape)
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
        ("shares", "products", "adjugate", "minors", "frechet", "factored", "factors"),
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
}
IMPORTS = dict.fromkeys(("frechet", "minors"), "from itertools import permutations")


class TorchLibrary(Library):
    """Tensors keep their device; promotion is ``torch.promote_types``."""

    name = module = "torch"
    real = frozenset({"erf", "erfc"})
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
        found = {
            name: a if name in tensors else self._tensor(usable(a, name), None, device)
            for name, a in arrays.items()
        }
        return found, device

    def _tensor(self, array: Any, dtype: Any, device: Any) -> Any:
        """A tensor with the values of a NumPy array."""
        import numpy as np

        return self.xp.tensor(
            np.ascontiguousarray(array).reshape(array.shape), device=device, dtype=dtype
        )

    def looked_at(self, array: Any) -> Any:
        """The array for NumPy, or None inside of ``torch.func`` and ``torch.compile``."""
        try:
            return array.detach().cpu().resolve_conj().numpy()
        except RuntimeError:  # of a tensor that stands for others
            return None

    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """``torch.promote_types``, and what a Python number does to a tensor."""
        found = reduce(self.xp.promote_types, dtypes) if dtypes else self.xp.int64
        for number in numbers:
            found = self.xp.result_type(self.xp.empty((), dtype=found, device="cpu"), number)
        return found

    def kind(self, dtype: Any) -> Kind:
        """A dtype of torch."""
        kind = (
            "c"
            if dtype.is_complex
            else "f"
            if dtype.is_floating_point
            else "b"
            if dtype == self.xp.bool
            else "i"
        )
        return Kind(
            str(dtype).removeprefix("torch."),
            "u" if kind == "i" and not dtype.is_signed else kind,
            dtype.itemsize,
        )

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

    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        if step.op is not Ops.ADDMM:
            return super().spell(step, inputs, size)
        la, lb, out, beta, alpha = step.spec
        words = [
            f"{word}={literal(n).strip('()')}"
            for word, n in (("beta", beta), ("alpha", alpha))
            if n != 1
        ]
        operands = [inputs[0], *self.matrices(inputs[1:], la, lb, out)]
        return [f"torch.addmm({', '.join([*operands, *words])})"]

    def embedded(self, terms: Sequence[Embedded], first: Labels, sizes: Sequence[str]) -> str:
        """The zeros are written once, and the diagonal over them: no mask has to be read."""
        repeated = [p for p, q in enumerate(first) if p != q]
        if not repeated:
            return super().embedded(terms, first, sizes)
        there = [p for p, q in enumerate(first) if p == q]
        text = " + ".join(
            aligned(x, labels, tuple(output[p] for p in there), self.permute)
            for x, labels, output in terms
        )
        carried = {output.index(label) for _, labels, output in terms for label in labels}
        tied = {first[p] for p in repeated}
        if not {0, *tied} <= carried:
            # An identity is repeated along its axis, and no axis is missing in front.
            full = [sizes[p] if p in carried or p in tied else "1" for p in there]
            text = (
                f"({text}).expand({shape(full)})"
                if len(terms) > 1
                else f"{text}.expand({shape(full)})"
            )
            terms = terms[:1]
        for q in repeated:
            at = there.index(first[q])
            if at != len(there) - 1:
                text = f"({text})" if len(terms) > 1 else text
                text = f"{text}.movedim({at}, -1)"
            terms, there = terms[:1], sorted([*there, q])
            text = f"torch.diag_embed({text}, 0, {there.index(first[q])}, {there.index(q)})"
        return text

    def setup(
        self, arguments: Sequence[str], dtype: str | None, device: str | None
    ) -> dict[str, str]:
        """The dtype and the device of what a source makes itself: given, or those of its
        arguments.
        """
        arrays = [a for a in arguments if a.isidentifier()]
        # Products of scalars say how dtypes promote, and `torch.compile` follows them, unlike
        # `promote_types`.
        parts = [*(f"{a}.new_zeros(())" for a in arrays), *arguments[len(arrays) :]]
        found = (
            f"({' * '.join(parts)}).dtype"
            if len(parts) > 1
            else f"{arrays[0]}.dtype"
            if arrays
            else ""
        )
        found = f"torch.{dtype}" if dtype else found if arrays else self.no_dtype
        place = (
            f"{arrays[0]}.device"
            if arrays
            else f'"{device}"'
            if device
            else "torch.get_default_device()"
        )
        return {"dtype": f"dtype = {found}", "device": f"device = {place}"}


TORCH = Torch(
    name="torch",
    library=TorchLibrary(),
    helpers=Helpers(TEXTS, IMPORTS),
    header="import torch",
    module="torch",
    dtypes="torch",
    no_dtype="torch.get_default_dtype()",
    fresh="{0}.clone()",
    passes=(*BASE_PASSES, "numbers out of products", "numbers into sums", "addmm"),
    like="dtype=dtype, device=device",
    mask="torch.eye({0}, dtype=torch.bool, device=device)",
    spread="{0}.expand({1})",
    permute="permute",
    axis="dim",
)
