"""`Delta`: an operand that is an identity matrix, or a vector of ones, without an array."""

from __future__ import annotations

from ..errors import EinderivError
from .labels import Size
from .nodes import Einsum, Expr


class Delta:
    """An operand that is 1 where all its axes agree: ``Delta("ia")`` an identity matrix,
    ``Delta("a")`` ones.

    It names the axes for the reader; in :func:`~einderiv.einsum` the string does, as for any
    operand. Those among the `operands` of an expression know their size; of others it is that of
    the operands that they meet.

    >>> Delta("ia") == Delta("ia"), str(Delta("ia"))
    (True, 'Delta("ia")')
    >>> import einderiv as ed
    >>> J = ed.derive("is,st,tj->ij", 0)
    >>> ed.einsum(J.subscripts, *J.operands) == J
    True
    """

    __slots__ = ("labels", "of", "size")

    def __init__(self, labels: str, size: Size | None = None, of: Expr | None = None) -> None:
        """`of` is an expression that knows the tensors of a symbolic size."""
        if not isinstance(labels, str):
            raise TypeError(f"the labels of a delta are a string, not {type(labels).__name__}")
        if not labels.strip():
            raise EinderivError("a delta has at least one axis")
        self.labels, self.size, self.of = labels, size, of

    @property
    def ndim(self) -> int:
        """The number of axes."""
        words = self.labels.split() if " " in self.labels else self.labels
        return len(words)

    def expression(self, size: Size) -> Einsum:
        """The map ``->ii``, of a size."""
        origins = () if self.of is None else (self.of,)
        output = (0,) * self.ndim
        axes = (None,) * self.ndim
        return Einsum(1, (), (), output, ((0, size),), axes=axes, origins=origins)

    def __repr__(self) -> str:
        return f'Delta("{self.labels}")'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Delta) and other.labels == self.labels

    def __hash__(self) -> int:
        return hash(("delta", self.labels))
