"""The five kinds of node that every expression is made of. Nodes hold data; what one does with them
lives above.

====================  ==============================================================================
`Tensor`              a named input
`Constant`            a number, or an array without a name
`Einsum`              a number times a sum over products of its factors; **the one linear node**
`Add`                 a sum of expressions with the same axes
`Apply`               a function with zero or more *core axes*, every other axis being batch
====================  ==============================================================================

The output of an :class:`Einsum` may repeat a label (it embeds on a diagonal: ``i->ii`` is ``diag``)
and may carry a label that no factor has (it broadcasts), so identity matrices, ones, traces and
transposes need no nodes of their own. Its `relations` are linear equations between its labels, and
select the points that are summed: slices, convolutions, reshapes and masks are einsums too. Labels
are integers that mean something inside one node only: renaming never descends, so no label is ever
captured.

Part of a node's identity: its kind, factors, labels, numbers. Riding along, and ignored by ``==``:
the letters for printing, `origins` (expressions met in its making, for their tensors, sizes and
dtypes) and its derivation record.

Sizes are symbolic. A size is an int, a name declared with ``ed.tensor``, ``("X", 0)`` for axis 0 of
the tensor X, or a :class:`Polynomial` in such sizes, as ``n - w + 1``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from ..errors import our_bug
from .embedding import Parts, labels_in, parted
from .labels import Given, Label, Labels, Relations, Size
from .relation_rows import Hot

Number = int | float | complex
Letters = Mapping[Label, str | None]

NO_LETTERS: Letters = {}
MASK = (1 << 61) - 1

put = object.__setattr__


@dataclass(frozen=True, slots=True)
class Record:
    """What an expression is a derivative of: `count` axes at the end belong to `wrt`."""

    of: Expr
    wrt: str
    count: int
    position: int | None  # the operand position, where `wrt` was one


Slot = tuple["Expr", tuple[Label, ...]]


@dataclass(frozen=True, slots=True)
class Written:
    """An einsum as its author wrote it, where structure among its operands has dissolved since."""

    coefficient: Number
    slots: tuple[Slot, ...]
    output: tuple[Label, ...]
    given: Given
    letters: Letters
    relations: Relations = ()


class Expr:
    """An immutable symbolic expression. Build one with ``ed.tensor``, ``ed.einsum`` and
    operators.
    """

    __slots__ = (
        "__weakref__",
        "axes",
        "axis_sizes",
        "compiled",
        "complex",
        "lettering",
        "nodes",
        "origins",
        "reading",
        "record",
        "sign",
        "title",
        "weight",
    )

    hot: bool = False  # is it an index array as a factor? See `is_hot`
    __pandas_priority__ = 10_000  # tables of pandas leave an operator to what stands above them

    axis_sizes: tuple[Size, ...]  # also the only place that knows the number of axes
    axes: tuple[str | None, ...]  # a name for each axis, for printing
    complex: bool  # has it a tensor that is declared complex, or a complex number, in it?
    nodes: int  # in it and in what it was made from, each as often as it is met
    # a fingerprint that ignores order and nesting: equal expressions have equal weights
    weight: int
    origins: tuple[Expr, ...]
    record: Record | None
    compiled: Any  # what evaluating the expression has planned; it goes when the expression goes
    lettering: (
        Any  # the letters that it is shown with, once they were asked for: see `lettering_of`
    )
    sign: int | None  # what is known of it, once it was asked for: see `known_signs`
    title: str  # what it is called in formulas, where somebody said so: see `title_of`
    reading: Any  # how the text that it comes from was read, where that was guessed

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"expressions are immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"expressions are immutable: cannot delete {name!r}")

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.axis_sizes)

    if TYPE_CHECKING:  # what `operators` installs, from the packages that implement it

        def __add__(self, other: object) -> Expr: ...
        def __radd__(self, other: object) -> Expr: ...
        def __sub__(self, other: object) -> Expr: ...
        def __rsub__(self, other: object) -> Expr: ...
        def __mul__(self, other: object) -> Expr: ...
        def __rmul__(self, other: object) -> Expr: ...
        def __truediv__(self, other: object) -> Expr: ...
        def __rtruediv__(self, other: object) -> Expr: ...
        def __matmul__(self, other: object) -> Expr: ...
        def __rmatmul__(self, other: object) -> Expr: ...
        def __pow__(self, other: object) -> Expr: ...
        def __gt__(self, other: object) -> Expr: ...
        def __ge__(self, other: object) -> Expr: ...
        def __lt__(self, other: object) -> Expr: ...
        def __le__(self, other: object) -> Expr: ...
        def __neg__(self) -> Expr: ...
        def __pos__(self) -> Expr: ...
        def __and__(self, other: object) -> Expr: ...
        def __or__(self, other: object) -> Expr: ...
        def __xor__(self, other: object) -> Expr: ...
        def __invert__(self) -> Expr: ...

        T: Expr
        terms: tuple[Expr, ...]
        subscripts: str
        operands: tuple[object, ...]
        inserted: str
        compact: str
        sizes: dict[str, Size]
        interleaved: list[object]
        kinds: Mapping[str, str]


def _fill(
    node: Expr,
    below: tuple[Expr, ...],
    sizes: tuple[Size, ...],
    axes: tuple[str | None, ...],
    weight: int,
    origins: tuple[Expr, ...] = (),
    record: Record | None = None,
    imaginary: bool = False,
) -> None:
    """`below` are the expressions that the node is made of."""
    put(node, "axis_sizes", sizes)
    put(node, "axes", axes)
    put(node, "weight", weight & MASK)
    put(node, "origins", origins)
    put(node, "record", record)
    put(node, "compiled", None)
    put(node, "sign", None)
    nodes = 1
    for child in below:
        nodes += child.nodes
        if child.complex:
            imaginary = True
    for origin in origins:
        nodes += origin.nodes
    put(node, "complex", imaginary)
    put(node, "nodes", nodes)


class Tensor(Expr):
    """A named input. `declared` holds the size declared for each axis: a name, an int or None."""

    __slots__ = ("declared", "name", "place", "structure")

    name: str
    declared: tuple[str | int | None, ...]
    structure: str | None  # "symmetric", "diagonal", "lower", "orthogonal" or "hermitian"
    # of the parameter of a traced function: parameters are in the order of these; no part of what
    # the tensor is
    place: int | None

    def __init__(
        self,
        name: str,
        declared: tuple[str | int | None, ...],
        structure: str | None = None,
        imaginary: bool = False,
        place: int | None = None,
    ) -> None:
        """`imaginary` declares the tensor complex: then it and its conjugate are two variables."""
        put(self, "name", name)
        put(self, "place", place)
        put(self, "declared", declared)
        put(self, "structure", structure)
        # Axes that are declared alike have one size, that of the first.
        sizes = tuple(
            [
                d if isinstance(d, int) else (name, declared.index(d) if d else p)
                for p, d in enumerate(declared)
            ]
        )
        axes = tuple([d if isinstance(d, str) else None for d in declared])
        weight = hash(("tensor", name, len(declared)))
        _fill(self, (), sizes, axes, weight, imaginary=imaginary)


class Constant(Expr):
    """A number, or an array that the expression holds: never copied, never written to."""

    __slots__ = ("labels", "name", "value")

    value: Any
    name: str | None  # for printing; arrays without one are numbered there
    # what stands along each axis of the array, for whoever compares it: see `axis_labels`
    labels: Any

    def __init__(
        self,
        value: Any,
        shape: tuple[int, ...] = (),
        name: str | None = None,
        axes: tuple[str | None, ...] = (),
    ) -> None:
        """`axes` are names that the axes of the array have, if any."""
        put(self, "value", value)
        put(self, "name", name)
        put(self, "labels", None)
        dtype = getattr(value, "dtype", None)
        imaginary = isinstance(value, complex) or getattr(dtype, "kind", "") == "c"
        # Arrays are told apart where they are compared; a copy of one is equal to it.
        kind = value if isinstance(value, (int, float, complex)) else str(dtype)
        weight = hash(("constant", kind, shape))
        _fill(self, (), shape, axes or (None,) * len(shape), weight, imaginary=imaginary)


class Einsum(Expr):
    """``coefficient · Σ Π factors``, summed over every label that is not in `output`.

    `given` holds sizes by label: of each label that no factor carries, and what else is known. A
    label that is in neither a factor nor the output counts as a factor of its size. Of the points
    of the box that these sizes span, only those are summed that satisfy all `relations`; a label of
    a relation never counts as a factor.
    """

    __slots__ = (
        "coefficient",
        "count",
        "factors",
        "given",
        "inputs",
        "letters",
        "output",
        "parts",
        "plain",
        "relations",
        "split",
        "structure",
        "written",
    )

    coefficient: Number
    factors: tuple[Expr, ...]
    inputs: tuple[tuple[Label, ...], ...]
    output: tuple[Label, ...]
    given: Given
    letters: Letters  # a name for each label of the product, also of those that have vanished
    written: Written | None  # as the author wrote it, if other
    # a view, embedding or broadcast of at most one factor: nothing is multiplied or summed
    structure: bool
    # a product or sum with distinct output labels, all found in factors: a core without embedding
    plain: bool
    count: int  # factors when flattened
    split: tuple[Einsum, tuple[Label, ...]] | None  # the core and its labels, once asked for
    relations: Relations
    parts: Parts | None  # of core and embedding, where there are relations or index arrays

    def __init__(
        self,
        coefficient: Number,
        factors: tuple[Expr, ...],
        inputs: tuple[tuple[Label, ...], ...],
        output: tuple[Label, ...],
        given: Given = (),
        *,
        axes: tuple[str | None, ...],
        letters: Letters = NO_LETTERS,
        origins: tuple[Expr, ...] = (),
        record: Record | None = None,
        written: Written | None = None,
        relations: Relations = (),
        parts: Parts | None = None,
    ) -> None:
        """`parts` are those of a node with the same factors, labels and relations."""
        put(self, "coefficient", coefficient)
        put(self, "factors", factors)
        put(self, "inputs", inputs)
        put(self, "output", output)
        put(self, "given", given)
        put(self, "letters", letters)
        put(self, "written", written)
        put(self, "split", None)
        put(self, "relations", relations)
        size_of: dict[Label, Size] = {}
        count = weight = 0
        hot = False
        for factor, labels in zip(factors, inputs, strict=True):
            count += factor.count if isinstance(factor, Einsum) else 1
            weight += factor.weight
            if factor.hot:
                hot = True
            for label, size in zip(labels, factor.axis_sizes, strict=True):
                size_of.setdefault(label, size)
        carried = len(size_of)  # labels that a factor has
        kept = set(output)
        all_carried = kept.issubset(size_of)
        # ij->ij, ii->i, i->ii, i->ij: no factor meets another, and no label is summed.
        structure = len(factors) <= 1 and kept.issuperset(size_of)
        # ij,jk->ik, but not ij,jk->iik, nor with a label that is nowhere: a factor of its size.
        bare = any([label not in size_of and label not in kept for label, _ in given])
        pure = coefficient == 1 and not bare
        plain = pure and not structure and all_carried and len(kept) == len(output)
        for label, size in given:
            size_of.setdefault(label, size)
        if relations or hot:
            related = labels_in(relations)
            assert size_of.keys() >= related, "a label of a relation without a size"
            inside = related.union(kept, *inputs)
            bare = any([label not in inside for label, _ in given])
            if parts is None:
                parts = _parted(factors, inputs, relations, output, size_of)
            structure = parts.structure
            plain = coefficient == 1 and not bare and not structure and parts.core == output
            plain = plain and not parts.outer and not parts.outer_hots
        put(self, "parts", parts)
        put(self, "structure", structure)
        put(self, "plain", plain)
        put(self, "count", count)
        assert len(axes) == len(output), "one name for each output axis"
        assert all_carried or carried < len(size_of), "a label without a size"
        sizes = tuple([size_of[label] for label in output])
        imaginary = isinstance(coefficient, complex)
        _fill(self, factors, sizes, axes, weight, origins, record, imaginary)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The factors, each with its labels."""
        return tuple(zip(self.factors, self.inputs))  # as many: the constructor has looked

    def with_data(
        self,
        *,
        coefficient: Number | None = None,
        output: tuple[Label, ...] | None = None,
        given: Given | None = None,
        axes: tuple[str | None, ...] | None = None,
        origins: tuple[Expr, ...] = (),
        record: Record | None = None,
        written: Written | None = None,
    ) -> Einsum:
        """The same factors under the same labels and relations, with other data; what it was made
        from is not taken along.
        """
        return Einsum(
            self.coefficient if coefficient is None else coefficient,
            self.factors,
            self.inputs,
            self.output if output is None else output,
            self.given if given is None else given,
            axes=self.axes if axes is None else axes,
            letters=self.letters,
            origins=origins,
            record=record,
            written=written,
            relations=self.relations,
            parts=self.parts if output is None and given is None else None,
        )


def hot_of(factor: Expr, labels: Labels) -> Hot:
    """An index array as the factor ``onehot(r)[e, v]``, which is 1 where r[e] = v."""
    array = cast(Apply, factor).arguments[0]
    return Hot(Same(array), labels[:-1], labels[-1])


class Same:
    """A key for expressions: those that are written alike have one."""

    __slots__ = ("e",)

    def __init__(self, e: Expr) -> None:
        self.e = e

    def __hash__(self) -> int:
        return self.e.weight

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Same):
            return False
        a, b = self.e, other.e
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            return a.name == b.name
        if isinstance(a, Constant) and isinstance(b, Constant):
            return a.value is b.value
        return a is b


def _parted(
    factors: tuple[Expr, ...],
    inputs: tuple[Labels, ...],
    relations: Relations,
    output: Labels,
    domains: Mapping[Label, Size],
) -> Parts:
    tensors: list[Labels] = []
    hots: list[Hot] = []
    for factor, labels in zip(factors, inputs, strict=True):
        if is_hot(factor):
            hots.append(hot_of(factor, labels))
        else:
            tensors.append(labels)
    return parted(tensors, hots, relations, output, domains)


def is_hot(factor: Expr) -> TypeGuard[Apply]:
    """Is a factor an index array, ``onehot(r)``?"""
    return factor.hot


class Add(Expr):
    """A sum of expressions with the same axes, position by position."""

    __slots__ = ("addends",)

    addends: tuple[Expr, ...]

    def __init__(
        self,
        addends: tuple[Expr, ...],
        *,
        axes: tuple[str | None, ...] | None = None,
        origins: tuple[Expr, ...] = (),
        record: Record | None = None,
    ) -> None:
        first = addends[0]
        assert len(addends) > 1, "a sum of one term is that term"
        assert all(a.ndim == first.ndim for a in addends), "terms with different axes"
        put(self, "addends", addends)
        # Nested sums count as their terms, so that the nesting of sums does not change the weight.
        weight = sum([a.weight if isinstance(a, Add) else hash(total_weight(a)) for a in addends])
        axes = first.axes if axes is None else axes
        _fill(self, addends, first.axis_sizes, axes, weight, origins, record)


class Apply(Expr):
    """A function of the table: `core` trailing axes of each argument belong to it, the leading ones
    are batch.

    Behind the batch axes the result has the core axes that the row says it has.
    """

    __slots__ = ("arguments", "core", "function", "hot", "parameters")

    function: Any  # a row of the functions table, which stands above this module
    arguments: tuple[Expr, ...]
    core: int
    parameters: tuple[Any, ...]  # numbers, or sizes

    def __init__(
        self,
        function: Any,
        arguments: tuple[Expr, ...],
        core: int = 0,
        parameters: tuple[Any, ...] = (),
    ) -> None:
        put(self, "function", function)
        put(self, "hot", function.selects)
        put(self, "arguments", arguments)
        put(self, "core", core)
        put(self, "parameters", parameters)
        first = arguments[0]
        batch = first.ndim - core
        result = function.shape(arguments, core, parameters)  # size and name of each core axis
        sizes = (*first.axis_sizes[:batch], *[size for size, _ in result])
        axes = (*first.axes[:batch], *[name for _, name in result])
        weight = hash((function.name, core, parameters, *map(total_weight, arguments)))
        _fill(self, arguments, sizes, axes, weight)


def total_weight(e: Expr) -> tuple[Number, int]:
    """The fingerprint with the coefficient, which `weight` leaves out so that ``X`` and ``2 X``
    can meet and merge.
    """
    coefficient = e.coefficient if isinstance(e, Einsum) else 1
    return coefficient, e.weight


def children(e: Expr) -> tuple[Expr, ...]:
    """The expressions that a node is made of."""
    match e:
        case Einsum():
            return e.factors
        case Add():
            return e.addends
        case Apply():
            return e.arguments
        case Tensor() | Constant():
            return ()
    return our_bug(f"no children known for {type(e).__name__}")


def everything(e: Expr) -> tuple[Expr, ...]:
    """The expressions that a node is made of or was made from."""
    if not e.origins:
        return children(e)
    return (*children(e), *e.origins)


def known_to(node: Expr) -> tuple[Expr, ...]:
    """All expressions that a node has: its parts, what it was made from, and for printing."""
    below = everything(node)
    if node.record is not None:
        below += (node.record.of,)
    if isinstance(node, Einsum) and node.written is not None:
        below += tuple([operand for operand, _ in node.written.slots])
    return below


def walk(
    roots: Iterable[Expr], below: Callable[[Expr], tuple[Expr, ...]] = children
) -> Iterator[Expr]:
    """Every distinct node once, children before their parents; without recursion, whatever the
    depth.
    """
    seen: set[int] = set()
    stack: list[Expr | None] = [*reversed([*roots])]
    while stack:
        node = stack.pop()
        if node is None:  # the one below it has all of its children behind it
            ready = stack.pop()
            assert ready is not None
            yield ready
        elif id(node) not in seen:
            seen.add(id(node))
            inner = below(node)
            if inner:
                stack += (node, None, *inner[::-1])
            else:
                yield node


def is_zero(e: Expr) -> bool:
    """Is `e` the zero that derivations make: coefficient 0?"""
    return isinstance(e, Einsum) and e.coefficient == 0


def zero(
    sizes: tuple[Size, ...],
    axes: tuple[str | None, ...],
    origins: tuple[Expr, ...] = (),
    written: Written | None = None,
) -> Einsum:
    """Coefficient 0, no factors, its axes kept."""
    output = tuple(range(len(sizes)))
    given = tuple(zip(output, sizes, strict=True))
    return Einsum(0, (), (), output, given, axes=axes, origins=origins, written=written)


def filled(number: Number, sizes: tuple[Size, ...], axes: tuple[str | None, ...]) -> Einsum:
    """`number` at every entry."""
    output = tuple(range(len(sizes)))
    given = tuple(zip(output, sizes, strict=True))
    return Einsum(number, (), (), output, given, axes=axes)


def identity(
    sizes: tuple[Size, ...], axes: tuple[str | None, ...], names: tuple[str | None, ...]
) -> Einsum:
    """The derivative of a tensor by itself, ``->abab``: one delta for each axis."""
    labels = tuple(range(len(sizes)))
    given = tuple(zip(labels, sizes, strict=True))
    return Einsum(1, (), (), labels + labels, given, axes=(*axes, *names))


def dressed(
    e: Expr,
    *,
    axes: tuple[str | None, ...] | None = None,
    origins: tuple[Expr, ...] = (),
    record: Record | None = None,
    written: Written | None = None,
) -> Einsum | Add:
    """The same expression with other axis names, further origins, or a derivation record."""
    axes = e.axes if axes is None else axes
    if isinstance(e, (Einsum, Add)):  # of all that it was made from, what was written stands first
        origins = (*origins, *e.origins)
    match e:
        case Einsum():
            return e.with_data(
                axes=axes, origins=origins, record=record, written=written or e.written
            )
        case Add():
            return Add(e.addends, axes=axes, origins=origins, record=record)
    return dressed(wrapped(e), axes=axes, origins=origins, record=record)


def title_of(e: Expr) -> str | None:
    """What `e` is called in formulas, if its author said so."""
    return getattr(e, "title", None)


def titled(e: Expr, title: str | None) -> Expr:
    """The same expression, which formulas call by that name; with None, `e` as it is."""
    if title is None or isinstance(e, (Tensor, Constant)):
        return e
    again = _again(e)
    put(again, "title", title)
    return again


def reading_of(e: Expr) -> Any:
    """How the text that `e` comes from was read; None where nothing was guessed."""
    return getattr(e, "reading", None)


def read_as(e: Expr, reading: Any) -> Expr:
    """The same expression, which remembers how its text was read."""
    again = _again(e)
    if (title := title_of(e)) is not None:
        put(again, "title", title)
    put(again, "reading", reading)
    return again


def _again(e: Expr) -> Expr:
    """The same node once more, so that a remark about one is none about the other."""
    match e:
        case Einsum():
            return e.with_data(origins=e.origins, record=e.record, written=e.written)
        case Add():
            return Add(e.addends, axes=e.axes, origins=e.origins, record=e.record)
        case Apply():
            return Apply(e.function, e.arguments, e.core, e.parameters)
        case Tensor():
            return Tensor(e.name, e.declared, e.structure, e.complex, e.place)
    assert isinstance(e, Constant)
    shape = cast(tuple[int, ...], e.axis_sizes)
    return Constant(e.value, shape, e.name, e.axes)


def wrapped(e: Expr) -> Einsum:
    """`e` as a product: an einsum stays what it is, anything else becomes the only factor of
    one.
    """
    if isinstance(e, Einsum):
        return e
    labels = tuple(range(e.ndim))
    letters = dict(zip(labels, e.axes, strict=True))
    return Einsum(1, (e,), (labels,), labels, axes=e.axes, letters=letters)
