"""Index notation to expressions: ``y[i] = x[i+k] * w[k]``.

A label that is not on the left is summed, over the smallest product that has all its places; Σ
says it explicitly. A label has the size of the axes that it stands on alone. One that stands only
in sums has the largest range in which every read is inside. Nothing is read outside an axis: it is
0 there.

Source of the notation: Tullio.jl, and the brackets of Iverson, ``[j ≤ i]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, NamedTuple, NoReturn

from ..errors import EinderivError, LimitError, ShapeError, counted
from ..expression import (
    Apply,
    Axis,
    AxisExpression,
    Constant,
    Einsum,
    Expr,
    Linear,
    Size,
    Tensor,
    add,
    as_expression,
    assemble,
    domain_of,
    einsum_of_axes,
    extent,
    filled,
    floor_quotient,
    fresh_labels,
    index_array,
    labels_of,
    least_size,
    minus,
    multiply,
    plus,
)
from ..functions import FUNCTIONS, VOCABULARY, powered, same_axes, subtracted
from .formula_syntax import (
    Bracketed,
    Call,
    Equation,
    Factor,
    Figure,
    Guard,
    Measured,
    Place,
    Product,
    Raised,
    Read,
    Tie,
    Total,
    equation,
    parted,
)
from .formula_walks import (
    bare_name,
    figure_of,
    labels_of_factor,
    labels_of_total,
    places_in,
    products_of,
    reads_of,
    summed_here,
    sure_labels,
    totals_in,
)
from .index_sums import (
    apart,
    arrays_of,
    as_sum,
    differ,
    difference,
    end_of,
    key_of,
    put_in,
    renamed_axis,
    scaled_axis,
    simple,
    smallest_of,
    sum_of,
    upper_bound,
)
from .lexer import Source

Labels = tuple[str, ...]


def is_index_notation(text: str) -> bool:
    """Has a line a left side with brackets, ``y[i] = …``, or is the last one an equation of
    entries, ``y = Σ_i x[i]``? In other texts the last line is no equation.
    """
    if not re.search(r"[\[{∂Σ]", text):
        return False
    lines = [line.partition("#")[0] for line in re.split(r"[\n;]", text)]
    sides = [_sides(line) for line in lines if line.strip()]
    if any(left is not None and re.search(r"\[|∂", left) for left, _ in sides):
        return True
    return bool(sides) and sides[-1][0] is not None and bool(re.search(r"[\[{Σ]", sides[-1][1]))


def _sides(line: str) -> tuple[str | None, str]:
    """What stands on both sides of the first sign of equality outside of brackets."""
    depth = 0
    for k, c in enumerate(line):
        depth += (c in "[({") - (c in "])}")
        if c == "=" and not depth:
            if line[k + 1 : k + 2] == "=" or line[k - 1 : k] in ("<", ">", "!"):
                return None, line
            return line[:k], line[k + 1 :]
    return None, line


@dataclass
class _Gathered:
    """What a product is made of."""

    operands: list[Value] = field(default_factory=list)
    axes: list[tuple[Axis, ...]] = field(default_factory=list)  # how they are read
    places: list[Sequence[Place]] = field(default_factory=list)  # where that is written
    number: Any = 1
    same: dict[str, str] = field(default_factory=dict)  # labels that a delta makes one
    sizes: dict[str, Size] = field(default_factory=dict)  # that ranges give
    guards: list[Guard] = field(default_factory=list)
    instead: dict[str, AxisExpression] = field(default_factory=dict)  # of labels, by deltas
    equations: list[tuple[AxisExpression, Place]] = field(default_factory=list)  # what is 0

    def take(self, value: Value, axes: tuple[Axis, ...], places: Sequence[Place] = ()) -> None:
        self.operands.append(value)
        self.axes.append(axes)
        self.places.append(places)

    def ones(self, size: Size, axis: Axis, places: Sequence[Place] = ()) -> None:
        """What is 1 where an index expression is a place of an axis."""
        self.take(Value(filled(1, (size,), (None,)), ()), (axis,), places)

    def labels(self) -> dict[str, None]:
        """All labels, in the order of their coming."""
        found = dict.fromkeys([x for read in self.axes for axis in read for x in labels_of(axis)])
        for pair in self.same.items():
            found |= dict.fromkeys(pair)
        for label, axis in self.instead.items():
            found |= dict.fromkeys((label, *labels_of(axis)))
        for axis, _ in self.equations:
            found |= dict.fromkeys(labels_of(axis))
        return found


class Value(NamedTuple):
    """An expression, with the labels of its axes."""

    of: Expr
    labels: Labels


def read_equations(
    text: Source,
    spans: Sequence[tuple[int, int]],
    known: Mapping[str, Expr],
    sizes: Mapping[str, Any],
) -> Expr:
    """The expression of the last of several equations; the others are names for it."""
    reader = _Meaning(text, known, sizes)
    result: Expr | None = None
    in_order = parted(text, spans)
    for k, (start, stop) in enumerate(in_order):
        result = reader.equation(equation(text, start, stop), is_last=k == len(in_order) - 1)
    assert result is not None
    return result


class _Meaning:
    """What equations mean."""

    def __init__(self, text: Source, known: Mapping[str, Expr], sizes: Mapping[str, Any]) -> None:
        self.text, self.sizes = text, sizes
        self.known: dict[str, Expr] = dict(known)
        self.ranks: dict[str, int] = {}  # of names that are nowhere declared
        self.arrays: dict[str, Expr] = {}  # index arrays
        self.named: set[str] = set()  # by equations
        self.bounded: set[str] = set()  # labels whose range is written, k < 3
        self.size_names: dict[str, Size] = {}  # declared names of axes
        for tensor in known.values():
            if isinstance(tensor, Tensor):
                for declared, size in zip(tensor.declared, tensor.axis_sizes, strict=True):
                    if isinstance(declared, str):
                        self.size_names.setdefault(declared, size)

    def refuse(self, message: str, at: int) -> NoReturn:
        raise self.text.wrong(message, at)

    # ---- equations
    def equation(self, written: Equation, is_last: bool) -> Expr:
        self.labels = sure_labels(written)
        self._learn_ranks(written)
        self.ranks_of_arrays = self._array_ranks(written)
        left = [self._axis(place) for place in written.axes]
        kept: set[str] = set()
        for axis in left:
            kept.update(labels_of(axis))
        self.domains: dict[str, Size] = {}  # of labels on the left, and those that have sizes
        for label in kept:
            if label in self.sizes:
                self.domains[label] = self.sizes[label]
        for wrt, places in written.wrt:
            tensor = self.known.get(wrt)
            for p, place in enumerate(places):
                axis = self._axis(place)
                if tensor is not None and isinstance(axis, str) and tensor.ndim == len(places):
                    self.domains.setdefault(axis, tensor.axis_sizes[p])
        self.measured = self._measured_labels(written)
        self._learn_domains([written.right], kept | self.measured)
        order = [axis for axis in left if isinstance(axis, str)]
        value = self._total(written.right, kept, written.at, order)
        value = self._with_labels(value, kept, written.at)
        axes = tuple(left)
        if axes != value.labels:
            result = self._einsum([value], [value.labels], axes, written.at, written.axes)
        else:
            result = value.of
        if not is_last:
            name = written.name
            if name is None or name in self.known:
                self.refuse(
                    "this name is taken: an equation before the last gives a new one", written.at
                )
            self.known[name] = result
        return result

    def _learn_ranks(self, written: Equation) -> None:
        """How many axes each name has: as many as it has indices."""
        for read in reads_of(written.right):
            rank = None if read.places is None else len(read.places)
            if read.name in self.known:
                own = self.known[read.name].ndim
                if rank is not None and rank != own:
                    axes = counted(own, "axis")
                    self.refuse(
                        f"{read.name!r} has {axes}, and {counted(rank, 'index')} here", read.at
                    )
                continue
            if rank is None:
                continue
            known = self.ranks.setdefault(read.name, rank)
            if known != rank:
                self.refuse(
                    f"{read.name!r} has {counted(known, 'index')} before, and {rank} here", read.at
                )
        for name, rank in self.ranks.items():
            self.known.setdefault(name, Tensor(name, (None,) * rank))
        for name, places in written.wrt:
            self.known.setdefault(name, Tensor(name, (None,) * len(places)))

    def _array_ranks(self, written: Equation) -> dict[str, int]:
        """The index arrays of an equation, with their numbers of axes."""
        found: dict[str, int] = {}
        stack = [*written.axes, *places_in(written.right)]
        while stack:
            for _, atoms, _ in stack.pop().terms:
                for atom in atoms:
                    stack += atom.places
                    if atom.kind != "entry":
                        continue
                    known = found.setdefault(atom.name, len(atom.places))
                    if known != len(atom.places) or not known:
                        indices = counted(len(atom.places), "index")
                        self.refuse(
                            f"{atom.name!r} has {indices} here, and {known} elsewhere", atom.at
                        )
        return found

    def _tensor(self, name: str, rank: int) -> Expr:
        if name not in self.known:
            self.known[name] = Tensor(name, (None,) * rank)
        return self.known[name]

    def _measured_labels(self, written: Equation) -> set[str]:
        """Labels that stand as numbers too, ``1/n Σ_n``: their sizes."""
        alone = {read.name for read in reads_of(written.right) if read.places is None}
        labels: set[str] = set()
        for product in products_of(written.right):
            labels.update(product.summed)
            labels.update(*[labels_of_factor(factor) for factor, _ in product.factors])
        return alone.intersection(labels).difference(self.known)

    def _is_size(self, read: Read) -> bool:
        """Is a name without indices that of an axis, and of no tensor?"""
        is_alone = read.places is None and read.name not in self.known
        return is_alone and read.name in self.size_names

    def _number(self, size: Size) -> Value:
        """A size as a number."""
        if isinstance(size, int):
            return Value(filled(size, (), ()), ())
        (label,) = fresh_labels(1)
        return Value(assemble(1, [], (), axes=(), given=((label, size),)), ())

    # ---- ranges of labels
    def _learn_domains(self, totals: Sequence[Total], wanted: set[str]) -> None:
        """The range of each label that is wanted: the largest in which all reads are inside, where
        it is sure which read allows least. Deltas carry ranges on.
        """
        found: dict[str, list[Size]] = {}
        ties: list[tuple[str, str]] = []
        for total in totals:
            self._collect(total, self.domains, wanted, found, ties)
        for label in wanted.difference(self.domains):
            smallest = smallest_of(found.get(label, []))
            if smallest is not None:
                self.domains[label] = smallest
        for _ in ties:
            for a, b in ties:
                known = self.domains.get(a, self.domains.get(b))
                if known is not None:
                    for label in wanted.intersection((a, b)):
                        self.domains.setdefault(label, known)

    def _collect(
        self,
        total: Total,
        outside: Mapping[str, Size],
        wanted: set[str],
        found: dict[str, list[Size]],
        ties: list[tuple[str, str]],
    ) -> None:
        """The ranges that the reads of a sum allow. ``x[i+1]`` allows one less than the axis has;
        ``x[i+k]`` allows i what the range of k leaves, unless both have one from other reads.
        """
        for _, product in total.terms:
            ties += self._plain_ties(product)
            known = {**outside, **self._bounds(product, wanted)}
            reads = self._axes_read(product)
            alone: dict[str, list[Size]] = {}
            for axis, size in reads:
                if len(labels_of(axis)) == 1:
                    self._open(axis, size, {}, alone)
            for label, ranges in alone.items():
                smallest = smallest_of(ranges)
                known.setdefault(label, ranges[0] if smallest is None else smallest)
                if label in wanted:
                    found.setdefault(label, []).extend(ranges)
            for axis, size in reads:
                if len(labels_of(axis)) > 1:
                    self._open(axis, size, known, found)
            for factor, _ in product.factors:
                for inner in totals_in(factor):
                    self._collect(inner, known, wanted, found, ties)

    def _bounds(self, product: Product, wanted: set[str]) -> dict[str, Size]:
        """The ranges that a product says itself, ``k < 3``."""
        bounds = [self._bound_of(factor) for factor, _ in product.factors]
        return dict([bound for bound in bounds if bound is not None and bound[0] not in wanted])

    def _plain_ties(self, product: Product) -> list[tuple[str, str]]:
        """The labels that deltas of a product make equal."""
        found = []
        for factor, _ in product.factors:
            if isinstance(factor, Tie):
                first, second = map(self._axis, factor.places)
                if isinstance(first, str) and isinstance(second, str):
                    found.append((first, second))
        return found

    def _axes_read(self, product: Product) -> list[tuple[Axis, Size]]:
        """How a product reads the axes of tensors and of index arrays, with their sizes."""
        found: list[tuple[Axis, Size]] = []
        written: list[Axis] = []
        for factor, _ in product.factors:
            while isinstance(factor, Raised):
                factor = factor.base
            if isinstance(factor, (Read, Call, Tie, Guard)):
                written += map(self._axis, factor.places or ())
            if isinstance(factor, Read) and factor.places is not None:
                sizes = self._tensor(factor.name, len(factor.places)).axis_sizes
                found += zip(map(self._axis, factor.places), sizes, strict=True)
        while written:
            for name, places, _ in as_sum(written.pop()).arrays:
                found += zip(map(simple, places), self._array(name, len(places)).axis_sizes)
                written += places
        return found

    def _open(
        self,
        axis: Axis,
        size: Size,
        known: Mapping[str, Size],
        found: dict[str, list[Size]],
    ) -> None:
        """The range that a read leaves to its one label that has none."""
        axis = as_sum(axis)
        labels = [label for label, _ in axis.terms]
        unknown = [label for label in labels if label not in known]
        if axis.arrays or len(unknown) != 1:
            return
        numbers = {label: k for k, label in enumerate(labels)}
        terms = tuple([(numbers[label], k) for label, k in axis.terms])
        domains = {numbers[label]: known[label] for label in labels if label in known}
        read = Linear(axis.constant, terms)
        range_ = domain_of(read, numbers[unknown[0]], size, domains)
        if range_ is not None:
            found.setdefault(unknown[0], []).append(range_)

    # ---- sums and products
    def _total(self, total: Total, kept: set[str], at: int, order: Sequence[str] = ()) -> Value:
        """The sum of terms, all under the same labels, those in `order` first."""
        values = [self._product(product, kept) for _, product in total.terms]
        found = dict.fromkeys([label for value in values for label in value.labels])
        labels = tuple(dict.fromkeys([*[label for label in order if label in found], *found]))
        for value in values:
            for label, size in zip(value.labels, value.of.axis_sizes, strict=True):
                if len(values) > 1:
                    self.domains.setdefault(label, size)
        result: Expr | None = None
        for value, (negative, product) in zip(values, total.terms, strict=True):
            term = self._with_labels(value, labels, product.at)
            shown = term.of
            if term.labels != labels:
                shown = self._einsum([term], [term.labels], labels, product.at)
            if result is None:
                result = multiply(-1, shown) if negative else shown
            else:
                make = subtracted if negative else add
                result = self._made(lambda a, b, f=make: f(a, b), (result, shown), product.at)
        assert result is not None
        return Value(result, labels)

    def _with_labels(self, value: Value, labels: Iterable[str], at: int) -> Value:
        """A value that is the same along labels that it lacks."""
        missing = [label for label in labels if label not in value.labels]
        if not missing:
            return value
        for label in missing:
            if label not in self.domains:
                self.refuse(f"the size of {label!r} is left open: give sizes={{{label!r}: …}}", at)
        wanted = (*value.labels, *missing)
        return Value(self._einsum([value], [value.labels], wanted, at), wanted)

    def _product(self, product: Product, kept: set[str]) -> Value:
        """A product, summed over all labels that are not in `kept`."""
        before, bounded = self.domains, self.bounded
        self.domains, self.bounded = dict(before), set(bounded)
        try:
            return self._summed_product(product, kept)
        finally:
            # what is known of the labels that stay
            known = self.domains.items()
            self.domains = {**before, **{label: size for label, size in known if label in kept}}
            self.bounded = bounded

    def _summed_product(self, product: Product, kept: set[str]) -> Value:
        for label, at in product.summed.items():
            if label in kept:
                self.refuse(f"{label!r} is summed, and stands outside too", at)
        found = self._gathered(product, kept)
        domains = self._local_domains(found.operands, found.axes)
        for guard in found.guards:
            for axis, size in self._conditions(guard, domains, found.sizes):
                found.ones(size, axis, guard.places[:1])
        inside = found.labels()
        known = {**self.domains, **found.sizes}
        for label, at in product.summed.items():
            if label not in inside:  # how often the same is added
                if label not in known:
                    self.refuse(
                        f"{label!r} is summed, but nothing has it: give its range, k < 3", at
                    )
                found.ones(known[label], label)
                inside[label] = None
        output = tuple([label for label in inside if label in kept])
        for axis, place in found.equations:
            found.ones(1, axis, (place,))
        if not found.operands and not inside:
            return Value(as_expression(found.number), ())
        return self._contracted(found, output, domains, product.at)

    def _gathered(self, product: Product, kept: set[str]) -> _Gathered:
        """The factors of a product, each under the labels that others have too."""
        bounds = [factor for factor, _ in product.factors if self._is_bound(factor, kept)]
        own = [labels_of_factor(factor) for factor, _ in product.factors]
        self._learn_domains(
            [Total([(False, product)], product.at)], summed_here(product, own) - kept
        )
        for axis, size in self._axes_read(product):
            if isinstance(axis, str):
                self.domains.setdefault(axis, size)
        found = _Gathered()
        for k, (factor, divided) in enumerate(product.factors):
            match factor:
                case Figure():
                    if divided and factor.value == 0:
                        self.refuse("division by the number 0", factor.at)
                    by = factor.value
                    found.number = found.number / by if divided else found.number * by
                case Guard():
                    if factor not in bounds:
                        found.guards.append(factor)
                case Tie():
                    self._tie(factor, found)
                case _:
                    others = kept.union(
                        product.summed, *[labels for m, labels in enumerate(own) if m != k]
                    )
                    value, read, places = self._factor(factor, others)
                    if divided:
                        value = self._at_labels(value, read, factor.at, places)
                        value = Value(VOCABULARY["reciprocal"](value.of), value.labels)
                        read, places = value.labels, ()
                    found.take(value, read, places)
        return found

    def _contracted(
        self, found: _Gathered, output: Labels, domains: Mapping[str, Size], at: int
    ) -> Value:
        """The einsum of what a product is made of; deltas put expressions in the place of
        labels.
        """
        one = {label: end_of(label, found.same) for label in found.labels()}
        read = [tuple([renamed_axis(axis, one) for axis in axes]) for axes in found.axes]
        instead: dict[str, AxisExpression] = {}
        for label, axis in found.instead.items():
            instead[one[label]] = as_sum(renamed_axis(axis, one))
        for label in set(instead).difference(output):
            # a label that is summed keeps its range
            if not any(label in axes for axes in read):
                if label not in domains:
                    self.refuse(f"the size of {label!r} is left open", at)
                found.ones(domains[label], label)
                read.append((label,))
        seen = {
            label
            for axes in (*read, tuple(instead.values()))
            for x in axes
            for label in labels_of(x)
        }
        known = {one.get(label, label): size for label, size in domains.items()}
        for label in dict.fromkeys(one.values()):
            # summed, and in deltas alone
            if label not in seen and label not in instead and label not in output:
                if label not in known:
                    self.refuse(f"the size of {label!r} is left open", at)
                found.ones(known[label], label)
                read.append((label,))
        put = [tuple([put_in(axis, instead) for axis in axes]) for axes in read]
        written = tuple([put_in(one[x], instead) for x in output])
        for label, axis in instead.items():
            if label in self.domains and label in output:
                found.sizes[key_of(axis)] = self.domains[label]
        result = self._einsum(found.operands, put, written, at, *found.places, local=found.sizes)
        return Value(result if found.number == 1 else multiply(found.number, result), output)

    def _at_labels(
        self, value: Value, read: tuple[Axis, ...], at: int, places: Sequence[Place]
    ) -> Value:
        """What is read, as a value of its own with labels for axes."""
        labels = tuple(dict.fromkeys([x for axis in read for x in labels_of(axis)]))
        if labels == read:
            return Value(value.of, labels)
        return Value(self._einsum([value], [read], labels, at, places), labels)

    def _local_domains(
        self, operands: Sequence[Value], axes: Sequence[tuple[Axis, ...]]
    ) -> dict[str, Size]:
        domains = dict(self.domains)
        for value, read in zip(operands, axes, strict=True):
            for axis, size in zip(read, value.of.axis_sizes, strict=True):
                if isinstance(axis, str):
                    domains.setdefault(axis, size)
        return domains

    def _tie(self, tie: Tie, found: _Gathered) -> None:
        """``δ[i,a]``: one label where both may have one size; ``δ[a,i+1]``: i + 1 for a."""
        first, second = map(self._axis, tie.places)
        if isinstance(first, str) and isinstance(second, str):
            a, b = self.domains.get(first), self.domains.get(second)
            if a is None or b is None or not differ(a, b):
                start, end = end_of(first, found.same), end_of(second, found.same)
                if start != end:
                    found.same[end] = start
                return
            first, second = second, first
        used = set(found.instead).union(*map(labels_of, found.instead.values()))
        keys = [key_of(other) for other in found.instead.values()]
        for label, axis in ((first, second), (second, first)):
            composite = as_sum(axis)
            # how large the values of an array in a sum are follows from what reads them
            is_open = composite.arrays and key_of(composite) != composite.arrays[0][0]
            if not isinstance(label, str) or label in {*used, *labels_of(axis)} or is_open:
                continue
            is_apart = not set(found.instead).intersection(labels_of(axis))
            if key_of(composite) not in keys and is_apart:
                found.instead[label] = composite
                return
        zero = difference(as_sum(first), as_sum(second))
        if zero == AxisExpression(0, (), zero.arrays) and len(zero.arrays) == 1:
            zero = scaled_axis(zero, -1)  # alone it would have to be a place of an axis
        found.equations.append((zero, tie.places[0]))

    def _is_bound(self, factor: Factor, kept: set[str]) -> bool:
        """Is it ``k < 3`` of a label that is summed, and so the size of k?"""
        bound = self._bound_of(factor)
        if bound is None or bound[0] in kept:
            return False
        self.domains[bound[0]] = bound[1]
        self.bounded.add(bound[0])
        return True

    def _bound_of(self, factor: Factor) -> tuple[str, Size] | None:
        """The label and the size of ``k < 3``."""
        if not isinstance(factor, Guard) or factor.signs != ("<",):
            return None
        low, high = [as_sum(self._axis(place)) for place in factor.places]
        alone = len(low.terms) == 1 and low == AxisExpression(0, ((low.terms[0][0], 1),))
        if not alone or high.terms or high.arrays:
            return None
        return low.terms[0][0], high.constant

    def _conditions(
        self, guard: Guard, domains: Mapping[str, Size], local: dict[str, Size]
    ) -> list[tuple[AxisExpression, Size]]:
        """What is at least 0 and less than a size, for each condition."""
        found: list[tuple[AxisExpression, Size]] = []
        axes = [as_sum(self._axis(place)) for place in guard.places]
        pairs = [*zip(axes, axes[1:], guard.signs, strict=False)]
        is_range = guard.signs == ("<=", "<") and axes[0] == AxisExpression()
        if is_range and not axes[2].terms and not axes[2].arrays:
            return [(axes[1], axes[2].constant)]
        for low, high, sign in pairs:
            if sign in (">", ">="):
                low, high, sign = high, low, sign.replace(">", "<")
            above = difference(high, low)
            if sign == "=":
                found.append((above, 1))
                continue
            if sign == "<":
                above = above._replace(constant=plus(above.constant, -1))
            bound = upper_bound(above)
            if bound is not None and bound[0] not in domains:
                local[bound[0]] = self.domains.get(bound[0], bound[1])
                continue
            found.append((above, self._extent(above, {**domains, **local}, guard.at)))
        return found

    def _extent(self, axis: AxisExpression, domains: Mapping[str, Size], at: int) -> Size:
        """One more than the largest value."""
        labels = [label for label, _ in axis.terms]
        unknown = [label for label in labels if label not in domains]
        if unknown or axis.arrays:
            name = unknown[0] if unknown else axis.arrays[0][0]
            self.refuse(f"the size of {name!r} is left open: give sizes={{{name!r}: …}}", at)
        numbers = {label: k for k, label in enumerate(labels)}
        linear = Linear(axis.constant, tuple([(numbers[x], k) for x, k in axis.terms]))
        size = extent(linear, {numbers[x]: domains[x] for x in labels})
        if size is None:
            self.refuse("the largest value here is not known", at)
        return size

    # ---- factors
    def _factor(
        self, factor: Factor, others: set[str]
    ) -> tuple[Value, tuple[Axis, ...], Sequence[Place]]:
        """What a factor is, and how its axes are read."""
        match factor:
            case Read() if factor.places is None and factor.name in self.measured:
                name = factor.name
                if name not in self.domains:
                    what = f"the size of {name!r} is left open: give sizes={{{name!r}: …}}"
                    self.refuse(what, factor.at)
                return self._number(self.domains[factor.name]), (), ()
            case Read() if self._is_size(factor):
                return self._number(self.size_names[factor.name]), (), ()
            case Measured():
                tensor = self.known.get(factor.name)
                if tensor is None or not factor.axis < tensor.ndim:
                    self.refuse(f"there is no {factor.name}.shape[{factor.axis}] here", factor.at)
                return self._number(tensor.axis_sizes[factor.axis]), (), ()
            case Read():
                places = factor.places or ()
                tensor = self._tensor(factor.name, len(places))
                if tensor.ndim != len(places):
                    self.refuse(
                        f"{factor.name!r} has {counted(tensor.ndim, 'axis')}: write its indices",
                        factor.at,
                    )
                axes = tuple(map(self._axis, places))
                return Value(tensor, ()), axes, places
            case Bracketed():
                value = self._total(factor.total, others, factor.at)
                return value, value.labels, ()
            case Raised():
                # (x[i] - z[i])**2 is the product of the two, and summed as that is
                if isinstance(factor.base, Bracketed):
                    others = others | labels_of_total(factor.base.total)
                value, read, own = self._factor(factor.base, others)
                value = self._at_labels(value, read, factor.at, own)
                power = self._made(powered, (value.of, factor.exponent), factor.at)
                return Value(power, value.labels), value.labels, ()
            case Call():
                return self._call(factor, others)
        raise AssertionError(type(factor).__name__)

    def _call(
        self, call: Call, others: set[str]
    ) -> tuple[Value, tuple[Axis, ...], Sequence[Place]]:
        """A function: its arguments under the labels that it keeps, and behind them its own."""
        numbers: list[Any] = []
        arguments = list(call.arguments)
        while (number := figure_of(arguments[-1])) is not None and len(arguments) > 1:
            numbers.insert(0, number)
            arguments.pop()
        row = FUNCTIONS.get(call.name)
        names = [name for name in map(bare_name, arguments) if name is not None]
        of_arrays = call.places is not None or (row is not None and row.core)
        if not call.core and of_arrays and len(names) == len(arguments):
            return self._of_whole_arrays(call, names, numbers)
        before = {label: self.domains[label] for label in call.core if label in self.domains}
        bounded, self.bounded = self.bounded, self.bounded.difference(call.core)
        if row is None or row.shape is not same_axes:  # its axes are its own
            self.domains = {x: size for x, size in self.domains.items() if x not in call.core}
        for guard in call.ranges:
            if not self._is_bound(guard, others):
                self.refuse("the range of a label is written k < 3", guard.at)
        self._learn_domains(arguments, set(call.core))
        given = [self._total(total, others.union(call.core), call.at) for total in arguments]
        batch, aligned = self._aligned(given, call)
        labels = (*batch, *call.core)
        if not call.core and call.name in VOCABULARY:
            made = self._called(call, (*aligned, *numbers), {})
        else:
            made = self._of_core(call, tuple(aligned), len(call.core), numbers)
        if made.ndim != len(labels):
            self.domains = {x: size for x, size in self.domains.items() if x not in call.core}
            self.domains |= before
        self.bounded = bounded
        if call.places is not None:
            self._check_axes(call, made.ndim - len(batch), call.places)
            return Value(made, ()), (*batch, *map(self._axis, call.places)), call.places
        kept = labels if made.ndim == len(labels) else batch
        self._check_axes(call, made.ndim - len(kept), ())
        return Value(made, kept), kept, ()

    def _of_whole_arrays(
        self, call: Call, names: Sequence[str], numbers: Sequence[Any]
    ) -> tuple[Value, tuple[Axis, ...], Sequence[Place]]:
        """``inv(A)[i,j]``, ``softmax(x)[i+1]``, ``det(A)``."""
        row = FUNCTIONS.get(call.name)
        places = call.places or ()
        rank = 2 if row is not None and row.core == 2 else max(len(places), 1)
        values = tuple([self._tensor(name, rank) for name in names])
        made = self._of_core(call, values, values[0].ndim, numbers)
        self._check_axes(call, made.ndim, places)
        return Value(made, ()), tuple(map(self._axis, places)), places

    def _aligned(self, given: Sequence[Value], call: Call) -> tuple[Labels, list[Expr]]:
        """The labels that a function keeps, and its arguments under them and its own."""
        batch = tuple(dict.fromkeys([x for v in given for x in v.labels if x not in call.core]))
        labels = (*batch, *call.core)
        if len(given) > 1:
            for value in given:
                for label, size in zip(value.labels, value.of.axis_sizes, strict=True):
                    self.domains.setdefault(label, size)
        aligned: list[Expr] = []
        for value in given:
            is_number = not value.labels and isinstance(value.of, Constant)
            if is_number and len(given) > 1 and not call.core:
                aligned.append(value.of)
                continue
            full = self._with_labels(value, labels, call.at)
            if full.labels != labels:
                full = Value(self._einsum([full], [full.labels], labels, call.at), labels)
            aligned.append(full.of)
        return batch, aligned

    def _check_axes(self, call: Call, axes: int, places: Sequence[Place]) -> None:
        if axes != len(places):
            self.refuse(
                f"what {call.name} gives has {counted(axes, 'axis')}, and "
                f"{counted(len(places), 'index')} here",
                call.at,
            )

    def _of_core(
        self, call: Call, values: tuple[Expr, ...], core: int, numbers: Sequence[Any]
    ) -> Expr:
        """A function of the last axes of its arguments."""
        row = FUNCTIONS.get(call.name)
        if row is not None and (row.core or not core):
            count = row.core if row.core > 0 else core
            return Apply(row, values, count, tuple(numbers))
        if row is not None:  # of entries
            return self._called(call, (*values, *numbers), {})
        takes_axis = "axis" in signature(VOCABULARY[call.name]).parameters
        axis = -1 if core == 1 else tuple(range(-core, 0))
        # What takes no axis is of the whole: tril(A, 1), outer(x, z).
        return self._called(call, (*values, *numbers), {"axis": axis} if takes_axis else {})

    def _called(self, call: Call, values: tuple[Any, ...], options: dict[str, Any]) -> Expr:
        """A function that texts know, of arguments that it takes."""
        function = VOCABULARY[call.name]
        takes = signature(function)
        try:
            takes.bind(*values, **options)
        except TypeError:
            given = counted(len(values), "argument")
            names = ", ".join(takes.parameters)
            self.refuse(f"{call.name} takes {names}, not {given}", call.at)
        return self._made(lambda *given: function(*given, **options), values, call.at)

    def _made(self, make: Any, values: Sequence[Any], at: int) -> Expr:
        try:
            return as_expression(make(*values))
        except LimitError:
            raise
        except (EinderivError, TypeError) as e:
            kind = ShapeError if isinstance(e, ShapeError) else type(self.text.wrong("", 0))
            raise kind(str(e).split("\n")[0][:300], str(self.text), at) from None

    # ---- einsums
    def _einsum(
        self,
        operands: Sequence[Value],
        axes: Sequence[tuple[Axis, ...]],
        output: tuple[Axis, ...],
        at: int,
        *places: Sequence[Place],
        local: Mapping[str, Size] | None = None,
    ) -> Expr:
        """The einsum of operands that are read at `axes`."""
        domains = dict(self.domains)  # the first axis that a label stands on has its size
        parts_of = self._parts_of_axes(operands, axes)
        arrays = {
            name: self._array(name, rank) for name, rank in arrays_of([*axes, output]).items()
        }
        inputs: list[tuple[Axis, ...]] = []
        positions: list[Sequence[int]] = []
        for k, (value, read) in enumerate(zip(operands, axes, strict=True)):
            own = places[k] if k < len(places) else ()
            at_own = [place.at for place in own] + [at] * (len(read) - len(own))
            positions.append(at_own[: len(read)])
            shown = []
            for axis, size in zip(read, value.of.axis_sizes, strict=True):
                if isinstance(axis, str):
                    differs = differ(domains.setdefault(axis, size), size)
                    if differs or axis in parts_of:
                        axis = AxisExpression(0, ((axis, 1),))
                shown.append(axis)
            inputs.append(tuple(shown))
        positions.append([at] * len(output))
        inputs = [tuple([apart(axis, arrays, domains) for axis in read]) for read in inputs]
        output = tuple([apart(axis, arrays, domains) for axis in output])
        labels = {x for read in (*inputs, output) for axis in read for x in labels_of(axis)}
        sizes: dict[str, Size] = dict(local or {})
        for key, size in self.sizes.items():  # of a label, an index array or an axis of the result
            if key in labels or (key not in self.labels and key in {*arrays, *map(str, output)}):
                sizes[key] = size
        sizes |= {label: size for label, size in self.domains.items() if label in labels}
        parts = [value.of for value in operands]
        result: Einsum = einsum_of_axes(
            str(self.text), parts, inputs, output, positions, sizes, arrays
        )
        return result

    def _parts_of_axes(
        self, operands: Sequence[Value], axes: Sequence[tuple[Axis, ...]]
    ) -> set[str]:
        """The labels that run over a part of their axes: their range is written, ``k < 3``, and is
        that of none of the axes for certain.
        """
        found = set(self.bounded)
        for value, read in zip(operands, axes, strict=True):
            for axis, size in zip(read, value.of.axis_sizes, strict=True):
                if isinstance(axis, str) and axis in found and self.domains[axis] == size:
                    found.remove(axis)
        return found

    def _array(self, name: str, rank: int) -> Expr:
        """An index array: one that is held, or an input."""
        if name in self.arrays:
            return self.arrays[name]
        known = self.known.get(name)
        if isinstance(known, Constant):
            self.arrays[name] = index_array(name, known.value, rank)
        elif known is not None and getattr(known, "structure", None) != "index":
            position = str(self.text).find(f"{name}[")
            self.refuse(f"{name!r} is no index array, but stands in an index", position)
        else:
            self.arrays[name] = known or Tensor(name, (None,) * rank, "index")
        return self.arrays[name]

    # ---- index expressions
    def _axis(self, place: Place) -> Axis:
        """An index expression; a label alone is its name, but not in a sum, ``i+0``: that need not
        have the size of the axis.
        """
        expression = self._expression(place)
        return expression if len(place.terms) > 1 else simple(expression)

    def _expression(self, place: Place) -> AxisExpression:
        total = AxisExpression()
        for sign, atoms, at in place.terms:
            product = AxisExpression(sign)
            for atom in atoms:
                product = self._times(product, self._atom(atom), at)
            total = sum_of(total, product)
        return total._replace(plus_0=len(place.terms) > 1 and total.array is not None)

    def _atom(self, atom: Any) -> AxisExpression:
        match atom.kind:
            case "number":
                return AxisExpression(atom.value)
            case "sum":
                return self._expression(atom.places[0])
            case "size":
                return AxisExpression(self._size(atom))
            case "largest":
                return AxisExpression(self._largest(atom))
            case "floor":
                whole, by = map(self._expression, atom.places)
                if whole.terms or whole.arrays or by.terms or by.arrays:
                    self.refuse("only sizes are divided in an index", atom.at)
                return AxisExpression(floor_quotient(whole.constant, by.constant))
            case "least":
                parts = list(map(self._expression, atom.places))
                if any([part.terms or part.arrays for part in parts]):
                    self.refuse("only sizes are compared in an index", atom.at)
                return AxisExpression(least_size(*[part.constant for part in parts]))
            case "entry":
                places = tuple([as_sum(self._axis(place)) for place in atom.places])
                return AxisExpression(0, (), ((atom.name, places, 1),))
        if atom.name in self.size_names and atom.name not in self.labels:
            return AxisExpression(self.size_names[atom.name])
        return AxisExpression(0, ((atom.name, 1),))

    def _size(self, atom: Any) -> Size:
        tensor = self.known.get(atom.name)
        if atom.name in self.ranks_of_arrays:
            tensor = self._array(atom.name, self.ranks_of_arrays[atom.name])
        if tensor is None or not atom.value < tensor.ndim:
            self.refuse(f"there is no {atom.name}.shape[{atom.value}] here", atom.at)
        size: Size = tensor.axis_sizes[atom.value]
        return size

    def _largest(self, atom: Any) -> Size:
        """The largest entry of an index array."""
        if atom.name not in self.ranks_of_arrays:
            self.refuse(f"there is no index array {atom.name!r} here", atom.at)
        array = self._array(atom.name, self.ranks_of_arrays[atom.name])
        if isinstance(array, Constant):
            return int(array.value.max()) if array.value.size else 0
        assert isinstance(array, Tensor)
        return minus((array.name, -1), 1)  # one less than the number of values it may have

    def _times(self, a: AxisExpression, b: AxisExpression, at: int) -> AxisExpression:
        if (a.terms or a.arrays) and (b.terms or b.arrays):
            self.refuse("a product of labels is no index: only numbers and sizes multiply them", at)
        if b.terms or b.arrays:
            a, b = b, a
        return scaled_axis(a, b.constant)
