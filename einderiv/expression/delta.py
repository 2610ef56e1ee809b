"""`Delta`: an identity matrix, a vector of ones or a relation as an operand, without an array.

>>> print(Delta("ia"), Delta("a"), Delta("a=i+k"), Delta("b=r[e]"))
Delta("ia") Delta("a") Delta("a=i+k") Delta("b=r[e]")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import EinderivError
from .index_building import equation_node
from .index_grammar import AxisExpression, equation, labels_of
from .labels import Size
from .nodes import Einsum, Expr


class Delta:
    """An operand that is 1 where all its axes agree, ``Delta("ia")`` an identity matrix and
    ``Delta("a")`` ones; or where an equation between them holds, ``Delta("a=i+k")``; else 0.

    It names the axes for the reader, those of an equation in the order in which they are written;
    in :func:`~einderiv.einsum` the string does, as for any operand. Those among the `operands` of
    an expression know their sizes; of others these are those of the operands that they meet.

    >>> Delta("ia") == Delta("ia"), str(Delta("ia"))
    (True, 'Delta("ia")')
    >>> import einderiv as ed
    >>> J = ed.derive("is,st,tj->ij", 0)
    >>> ed.einsum(J.subscripts, *J.operands) == J
    True
    >>> window = Delta("a=i+k")
    >>> ed.evaluate(ed.einsum("aik->aik", window, sizes={"a": 2, "i": 2, "k": 1})).tolist()
    [[[1], [0]], [[0], [1]]]

    Raises ParseError for an equation that cannot be read.
    """

    __slots__ = ("labels", "names", "node", "of", "sides", "sizes")

    labels: str
    names: tuple[str, ...]  # of the axes
    sizes: tuple[Size, ...] | None  # of the axes, where they are known
    of: Expr | None
    sides: tuple[AxisExpression, AxisExpression] | None  # of an equation
    node: Einsum | None

    def __init__(
        self,
        labels: str,
        sizes: tuple[Size, ...] | None = None,
        of: Expr | None = None,
        node: Einsum | None = None,
    ) -> None:
        """`of` is an expression that knows the tensors of symbolic sizes, `node` what an equation
        of an expression is.
        """
        if not isinstance(labels, str):
            raise TypeError(f"the labels of a delta are a string, not {type(labels).__name__}")
        if not labels.strip():
            raise EinderivError("a delta has at least one axis")
        self.labels, self.sizes, self.of, self.node = labels, sizes, of, node
        self.sides = None
        if "=" not in labels:
            is_word = sizes is not None and len(sizes) == 1
            words = [labels] if is_word else labels.split()
            self.names = tuple(words if is_word or " " in labels else labels)
        elif node is None:
            self.sides = equation(labels)
            left, right = self.sides
            self.names = tuple(dict.fromkeys([*labels_of(left), *labels_of(right)]))
            if not self.names:
                raise EinderivError(f"a delta has at least one axis, but {labels!r} has no label")
        else:
            self.names = tuple([name or "" for name in node.axes])

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.names)

    @property
    def arrays(self) -> dict[str, int]:
        """The index arrays that are not known yet, and how many axes each has."""
        found: dict[str, int] = {}
        for side in self.sides or ():
            found |= {name: len(places) for name, places, _ in side.arrays}
        return found

    def expression(self, sizes: Sequence[Size], arrays: Mapping[str, Expr] | None = None) -> Einsum:
        """The map ``->ii``, or ``->ik(i+k)``, of axes of these sizes."""
        origins = () if self.of is None else (self.of,)
        if self.node is not None:
            return self.node.with_data(origins=(*origins, *self.node.origins))
        if self.sides is not None:
            named = dict(zip(self.names, sizes, strict=True))
            return equation_node(*self.sides, named, arrays or {}, self.labels)
        output = (0,) * self.ndim
        axes = (None,) * self.ndim
        return Einsum(1, (), (), output, ((0, sizes[0]),), axes=axes, origins=origins)

    def __repr__(self) -> str:
        return f'Delta("{self.labels}")'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Delta) and other.labels == self.labels

    def __hash__(self) -> int:
        return hash(("delta", self.labels))


class KnownSizes(dict[str, Size]):
    """Sizes by labels and index expressions, and the expression that knows the tensors of symbolic
    ones.
    """

    of: Expr | None = None
