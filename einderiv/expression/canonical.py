"""When are two expressions equal: up to the names of labels, the order of commuting operands,
nested products.

A :class:`Forms` gives every expression a key, a small integer; equal keys mean equal expressions.
Keys are those of complete descriptions, so equality never lies. A product in which one tensor
occurs several times needs a small graph canonicalisation: colour refinement, then trying each of
the operands that still look alike. Where that would take more than ``limits.canonical_steps``, the
written order decides, and equality may miss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from ..errors import limits
from .arrays import library
from .embedding import labels_in
from .groups import connected
from .labels import Label, Relation, Size
from .nodes import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Number,
    Tensor,
    children,
    total_weight,
    walk,
    wrapped,
)
from .relation_rows import renamed
from .relations import echelon
from .size_algebra import negated
from .unify import bare, carried, flatten

FLATTENED = 512  # factors: larger products are compared as they are nested
RELATED = 32  # factors of products with relations, which all are solved at once
MERGED = 500  # nodes: like terms that are larger merge only if they are written alike
DEEP = 200  # operands of one connected component that are told apart by trying

Part = tuple[int, tuple[Label, ...]]  # an operand by its key, and its labels
Ports = tuple[int, tuple[tuple[Label, int], ...]]  # a relation by its key, and labels by theirs
# of each component its weight, and its axes of the result
Outline = tuple[tuple[int, tuple[int, ...]], ...]


def same(
    a: Expr,
    b: Expr,
    *,
    by_value: bool = False,
    is_symmetric: Callable[[Expr], bool] | None = None,
) -> bool:
    """Are they equal? Held arrays are compared by identity, for they may change; or `by_value`, as
    ``==`` does. Of factors that `is_symmetric` the last two axes have no order, by default of those
    that are declared so.
    """
    if a is b:
        return True
    if a.ndim != b.ndim or total_weight(a) != total_weight(b):
        return False
    forms = Forms(is_symmetric or symmetric, by_value=by_value)
    return forms.of(a) == forms.of(b)


def collected(
    terms: Sequence[Expr], is_symmetric: Callable[[Expr], bool] | None = None
) -> list[Expr]:
    """`terms` with equal ones merged into the first of them (``A + A → 2 A``), in written order.

    Terms that are equal by a symmetry only stay apart: by the symmetric tensor itself their
    derivatives differ. For a reader they are merged, where `is_symmetric` says of which factors the
    last two axes have no order.

    Only terms of equal weight are compared, so a sum of different terms costs nothing but a
    dictionary.
    """
    buckets: dict[int, list[int]] = defaultdict(list)
    for k, term in enumerate(terms):
        buckets[term.weight].append(k)
    if len(buckets) == len(terms):
        return list(terms)
    merged: dict[int, Expr | None] = dict(enumerate(terms))
    # All terms have one table, for they have their factors in common.
    forms = Forms(is_symmetric or _never)
    for members in buckets.values():
        if len(members) > 1:
            forms.steps = limits.canonical_steps
            _merge([(k, terms[k]) for k in members], merged, forms)
    return [term for term in merged.values() if term is not None]


def _never(_: Expr) -> bool:
    """No factor counts as symmetric."""
    return False


def coefficient(e: Expr) -> Number:
    """The number in front."""
    return e.coefficient if isinstance(e, Einsum) else 1


def scaled(e: Expr, number: Number, origins: tuple[Expr, ...] = ()) -> Einsum:
    """`e` with `number` as its coefficient instead of its own."""
    unit = wrapped(e)
    return unit.with_data(coefficient=number, origins=(*unit.origins, *origins))


def symmetric(e: Expr) -> bool:
    """Is `e` a symmetric matrix by declaration: a tensor, or a function that keeps symmetry?"""
    while isinstance(e, Apply) and e.function.keeps_symmetry and len(e.arguments) == 1:
        e = e.arguments[0]
    return isinstance(e, Tensor) and e.structure == "symmetric"


def _merge(members: list[tuple[int, Expr]], merged: dict[int, Expr | None], forms: Forms) -> None:
    units = {k: wrapped(term) for k, term in members}
    keys: dict[int, object] = {}
    for k, unit in units.items():
        keys[k] = forms.outline(unit) if unit.nodes <= MERGED else _as_written(unit)
    alike = Counter(keys.values())
    groups: dict[object, list[tuple[int, Expr]]] = defaultdict(list)
    for k, term in members:
        key = keys[k]
        # Equal products have one outline; of those that share one, only equal ones have one key.
        if alike[key] > 1 and units[k].nodes <= MERGED:
            key = forms.product(units[k])
        groups[key].append((k, term))
    for group in groups.values():
        (first, term), rest = group[0], group[1:]
        if not rest:
            continue
        total = coefficient(term)
        for k, other in rest:
            total += coefficient(other)
            merged[k] = None
        # Of what is merged away only what knows more than the first is remembered.
        more = tuple([other for _, other in rest if _knows_more(other, term)])
        merged[first] = scaled(term, total, more)


def _as_written(e: Einsum) -> object:
    """A description of a product by its very factors and its labels by first appearance."""
    names: dict[Label, int] = {}
    numbered = []
    for labels in (*e.inputs, e.output):
        numbered.append(tuple([names.setdefault(label, len(names)) for label in labels]))
    sizes = tuple([(names.setdefault(label, len(names)), size) for label, size in e.given])
    relations = frozenset(renamed(e.relations, names.__getitem__))
    return tuple(map(id, e.factors)), tuple(numbered), sizes, relations


def _knows_more(e: Expr, than: Expr) -> bool:
    """Can `e`, equal to the other, have met tensors, sizes or arrays that the other has not?"""
    a, b = wrapped(e), wrapped(than)
    if a.origins or len(a.factors) != len(b.factors):
        return True
    if any(f is not g for f, g in zip(a.factors, b.factors, strict=True)):
        return True
    return not set(a.given) <= set(b.given)


class Forms:
    """Keys for expressions; compare only keys of one `Forms`."""

    def __init__(
        self, is_symmetric: Callable[[Expr], bool] = symmetric, *, by_value: bool = False
    ) -> None:
        """The transpose of what `is_symmetric` is the same; `by_value` arrays of equal entries
        are.
        """
        self.is_symmetric = is_symmetric
        self.by_value = by_value
        self.arrays: list[Any] = []  # different ones
        self.table: dict[object, int] = {}  # keys by descriptions
        self.known: dict[int, int] = {}  # keys by the ids of expressions
        self.flat: dict[int, Einsum] = {}
        self.outlines: dict[int, Outline] = {}
        self.alive: list[Expr] = []  # what the tables name by id
        self.symmetric: set[int] = set()  # keys of operands whose last two axes have no order
        self.steps = limits.canonical_steps

    def key(self, description: object) -> int:
        """The key of a description; descriptions are made of keys already given, so they stay
        small.
        """
        return self.table.setdefault(description, len(self.table))

    def of(self, e: Expr) -> int:
        """The key of `e`; without recursion, whatever the depth."""
        stack = [e]
        while stack:
            node = stack[-1]
            if id(node) in self.known:
                stack.pop()
                continue
            missing = [part for part in self._parts(node) if id(part) not in self.known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self.alive.append(node)
            self.known[id(node)] = self._describe(node)
        return self.known[id(e)]

    def product(self, e: Einsum) -> int:
        """The key of `e` without its coefficient."""
        for part in self._parts(e):
            self.of(part)
        return self._product(self.flat[id(e)])

    def outline(self, e: Einsum) -> Outline:
        """What equal products have in common, much sooner than their keys: their components
        by weight and axes.
        """
        for node in walk([e], self._products):
            if isinstance(node, Einsum):
                self.alive.append(node)
                self.outlines[id(node)] = self._outline(node)
        return self.outlines[id(e)]

    def _products(self, e: Expr) -> tuple[Expr, ...]:
        """The operands of a product that are products, with no outline yet."""
        return tuple(
            [f for f in children(e) if isinstance(f, Einsum) and id(f) not in self.outlines]
        )

    def _outline(self, e: Einsum) -> Outline:
        """The weight of each connected component, and the axes of the result that it has,
        sorted.
        """
        places = {label: p for p, label in enumerate(e.output)}
        parts: list[Part] = []
        for factor, labels in e.slots:
            known = self.outlines.get(id(factor))
            if known is None:
                parts.append((factor.weight, labels))
                continue
            # A product among the operands counts as its components.
            for weight, axes in known:
                parts.append((weight, tuple([labels[p] for p in axes])))
        components = []
        # Relations join operands, and may go as products are multiplied out: all is one component.
        groups = [parts] if e.relations else _components(parts, set(places))
        for group in groups:
            total = 0
            ends: set[int] = set()
            for weight, labels in group:
                total += weight
                ends.update([places[label] for label in labels if label in places])
            components.append((total, tuple(sorted(ends))))
        return tuple(sorted(components))

    def _parts(self, e: Expr) -> tuple[Expr, ...]:
        """What a description of `e` needs the keys of; a product is described as the flat one."""
        if not isinstance(e, Einsum):
            return children(e)
        if id(e) not in self.flat:
            self.alive.append(e)
            self.flat[id(e)] = flatten(e, FLATTENED) if _is_described_flat(e) else e
        return self.flat[id(e)].factors

    def _describe(self, e: Expr) -> int:
        """The key of `e`, whose parts have theirs."""
        match e:
            case Tensor():
                return self.key(("tensor", e.name, e.ndim))
            case Constant():
                # Equal numbers are one.
                is_number = not e.axis_sizes and isinstance(e.value, (int, float, complex))
                value = e.value if is_number else id(self._held(e.value))
                return self.key(("constant", e.axis_sizes, value))
            case Apply():
                arguments = tuple([self.known[id(a)] for a in e.arguments])
                return self.key(("apply", e.function.name, e.core, e.parameters, arguments))
            case Add():
                # A + B == B + A
                addends = sorted([self.known[id(a)] for a in e.addends])
                return self.key(("add", tuple(addends)))
            case Einsum():
                flat = self.flat[id(e)]
                if self._is_its_operand(flat):
                    return self.known[id(flat.factors[0])]
                return self.key(("einsum", flat.coefficient, self._product(flat)))
        raise TypeError(type(e).__name__)

    def _is_its_operand(self, flat: Einsum) -> bool:
        """Is the product nothing but its one operand, ``ij->ij``?"""
        if flat.coefficient != 1 or len(flat.factors) != 1:
            return False
        if len(set(flat.output)) < flat.ndim or bare(flat) or flat.relations:
            return False
        (labels,) = flat.inputs
        if labels == flat.output:
            return True
        # A symmetric matrix is its own transpose: ij->ji.
        flipped = (*labels[:-2], *labels[-2:][::-1])
        return flipped == flat.output and self.is_symmetric(flat.factors[0])

    def _product(self, flat: Einsum) -> int:
        """A product: its connected components, each in canonical form, sorted, and the output."""
        places: dict[Label, list[int]] = defaultdict(list)  # the axes that a label of the output is
        for p, label in enumerate(flat.output):
            places[label].append(p)
        colours = {label: self.key(("out", tuple(axes))) for label, axes in places.items()}
        # Labels that no factor has broadcast, or count as a factor of their size.
        sizes = {label: str(size) for label, size in reversed(flat.given)}
        inside = carried(flat)
        if flat.relations:
            return self._related(flat, colours, sizes)
        broadcast = tuple(
            [(tuple(axes), sizes[label]) for label, axes in places.items() if label not in inside]
        )
        numbers = tuple(sorted([sizes[label] for label in bare(flat)]))
        parts = [self._part(factor, labels) for factor, labels in flat.slots]
        groups = _components(parts, set(colours))
        components = tuple(sorted([self._component(group, colours) for group in groups]))
        return self.key(("product", len(flat.output), components, broadcast, numbers))

    def _related(self, flat: Einsum, outer: dict[Label, int], sizes: dict[Label, str]) -> int:
        """A product with relations, as one component: its operands in the order that colours tell,
        and the relations in the one form that says the same between labels of that order.
        """
        parts = [self._part(factor, labels) for factor, labels in flat.slots]
        inside = carried(flat)
        colours = {label: outer.get(label, -1) for label in inside.union(outer)}
        for label in sorted(labels_in(flat.relations)):
            if label not in inside:
                size = ("size", sizes[label], outer.get(label, -1))
                colours[label] = self.key(size)
        ports = [self._ports(one) for one in flat.relations]
        shades = self._refine(parts, colours, ports)
        order = sorted(range(len(parts)), key=lambda k: (shades[k], k))
        # Labels that nothing reads are eliminated first, then those of operands, in this order.
        read = dict.fromkeys(chain.from_iterable([parts[k][1] for k in order]))
        free = [label for label in colours if label not in read and label not in outer]
        free.sort(key=lambda label: (colours[label], label))
        inner = [label for label in read if label not in outer]
        columns = [*free, *inner, *outer]
        names = {label: k for k, label in enumerate(columns)}
        form = [(parts[k][0], tuple([names[x] for x in parts[k][1]])) for k in order]
        rows = echelon(renamed(flat.relations, names.__getitem__), range(len(columns)))
        kinds = tuple([outer.get(label, -1) for label in columns])
        given = tuple([sizes.get(x, "") if x not in inside else "" for x in columns])
        numbers = tuple(sorted([sizes[label] for label in bare(flat)]))
        described = ("related", len(flat.output), tuple(form), rows, kinds, given, numbers)
        return self.key(described)

    def _ports(self, one: Relation) -> tuple[int, tuple[tuple[Label, int], ...]]:
        """A relation for colours: its number, and for each label its coefficient, by keys, whose
        sign means nothing.
        """
        constants = _without_sign(one.constant)
        ports = [(label, self.key(("port", *_without_sign(c)))) for label, c in one.terms]
        return self.key(("relation", *constants)), tuple(ports)

    def _part(self, factor: Expr, labels: tuple[Label, ...]) -> Part:
        """An operand; the last two labels of a symmetric one have no order."""
        part = self.known[id(factor)]
        if self.is_symmetric(factor):
            self.symmetric.add(part)
            labels = (*labels[:-2], *sorted(labels[-2:]))
        return part, labels

    def _component(self, parts: list[Part], outer: dict[Label, int]) -> int:
        """Operands that hang together by summed labels, described the same in whatever order
        they are written.
        """
        colours: dict[Label, int] = {}
        for _, labels in parts:
            for label in labels:
                colours[label] = outer.get(label, -1)
        # Identical operands on identical labels need not be told apart: they are counted.
        counted = [
            (self._derived(part, (part, count)), labels)
            for (part, labels), count in Counter(parts).items()
        ]
        if len(counted) == 1 and not self.symmetric:
            return self._encode(counted, outer, colours)  # a power: nothing to tell apart
        order = self._walk(counted, outer)
        if order is not None:
            return self._encode([counted[k] for k in order], outer, colours)
        return self._search(counted, colours, outer)

    def _walk(self, parts: list[Part], outer: dict[Label, int]) -> list[int] | None:
        """The operands as met on a walk from an output label; None where the way is not clear.

        Equal components are walked alike, so no colours are needed: a chain would take half its
        length of rounds.
        """
        holders: dict[Label, list[int]] = defaultdict(list)
        for k, (_, labels) in enumerate(parts):
            for label in dict.fromkeys(labels):
                holders[label].append(k)
        ends = [label for label in holders if label in outer]
        if not ends or any(part in self.symmetric for part, _ in parts):
            return None
        way = [min(ends, key=outer.__getitem__)]
        met = set(way)
        order: dict[int, None] = {}
        for label in way:  # it grows meanwhile
            new = [k for k in holders[label] if k not in order]
            if len(new) > 1:
                # Several operands have the label: they come by what they are, and by which of
                # their axes has it.
                ranked: dict[tuple[int, ...], int] = {}
                for k in new:
                    part, labels = parts[k]
                    axes = [p for p, other in enumerate(labels) if other == label]
                    ranked[(part, *axes)] = k
                if len(ranked) < len(new):
                    return None
                new = [ranked[rank] for rank in sorted(ranked)]
            for k in new:
                order[k] = None
                _, labels = parts[k]
                unmet = [x for x in dict.fromkeys(labels) if x not in met]
                met.update(unmet)
                way += unmet
        return list(order)

    def _derived(self, part: int, description: object) -> int:
        """The key of a description of an operand, symmetric if the operand is."""
        key = self.key(description)
        if part in self.symmetric:
            self.symmetric.add(key)
        return key

    def _search(self, parts: list[Part], colours: dict[Label, int], outer: dict[Label, int]) -> int:
        """The least key that a component has, whichever of the operands alike comes first."""
        shades = self._refine(parts, colours)
        alike: dict[int, list[int]] = defaultdict(list)
        for k, shade in enumerate(shades):
            alike[shade].append(k)
        ties = [shade for shade, operands in alike.items() if len(operands) > 1]
        if not ties or len(parts) > DEEP:
            # All are told apart; or there are too many, and the written order decides.
            order = sorted(range(len(parts)), key=lambda k: (shades[k], k))
            return self._encode([parts[k] for k in order], outer, colours)
        best = None
        for k in alike[min(ties)]:
            if best is not None and self.steps <= 0:
                break  # the budget is spent: the written order stands
            self.steps -= 1
            part, labels = parts[k]
            marked = list(parts)
            marked[k] = (self._derived(part, ("marked", part)), labels)
            key = self._search(marked, dict(colours), outer)
            best = key if best is None else min(best, key)
        assert best is not None
        return best

    def _refine(
        self, parts: list[Part], colours: dict[Label, int], relations: Sequence[Ports] = ()
    ) -> list[int]:
        """Colour operands by their labels' colours, and labels by their operands', until nothing
        splits further. A relation is an operand whose ports are told apart by coefficients.
        """
        count = len(set(colours.values()))
        while True:
            shades = []
            for part, labels in parts:
                around = self._unordered(part, [colours[label] for label in labels])
                shades.append(self.key((part, around)))
            places: dict[Label, list[tuple[int, int]]] = defaultdict(list)
            for shade, (part, labels) in zip(shades, parts, strict=True):
                for p, label in enumerate(labels):
                    # The last two axes of a symmetric operand count as one.
                    is_twin = part in self.symmetric and p == len(labels) - 1
                    places[label].append((shade, p - 1 if is_twin else p))
            for number, ports in relations:
                beside = tuple(sorted([(port, colours[label]) for label, port in ports]))
                shade = self.key((number, beside))
                for label, port in ports:
                    places[label].append((shade, port))
            for label, where in places.items():
                colours[label] = self.key((colours[label], tuple(sorted(where))))
            before = count
            count = len(set(colours.values()))
            if count == before:
                return shades

    def _held(self, array: Any) -> Any:
        """The array that stands for all that are equal to it."""
        if not self.by_value or library(array) != "numpy":
            return array
        import numpy as np

        for known in self.arrays:
            alike = known.dtype == array.dtype and known.shape == array.shape
            if known is array or (alike and np.array_equal(known, array, equal_nan=True)):
                return known
        self.arrays.append(array)
        return array

    def _unordered(self, part: int, values: list[int]) -> tuple[int, ...]:
        """Values of the axes of an operand; of a symmetric one the last two have no order."""
        if part in self.symmetric:
            return (*values[:-2], *sorted(values[-2:]))
        return tuple(values)

    def _encode(
        self, parts: Sequence[Part], outer: dict[Label, int], colours: dict[Label, int]
    ) -> int:
        """The key of a component in this order: summed labels go by their first appearance."""
        names: dict[Label, int] = {}
        form = []
        for part, labels in parts:
            if part in self.symmetric:
                # Names that are given first must not depend on the order of the last two.
                last = sorted(labels[-2:], key=lambda x: (names.get(x, len(names)), colours[x]))
                labels = (*labels[:-2], *last)
            written = [
                outer[x] if x in outer else -1 - names.setdefault(x, len(names)) for x in labels
            ]
            form.append((part, self._unordered(part, written)))
        return self.key(("component", tuple(form)))


@lru_cache(maxsize=1024)
def _without_sign(size: Size) -> tuple[str, ...]:
    """What a size and its negative have in common."""
    return tuple(sorted([str(size), str(negated(size))]))


def _is_described_flat(e: Einsum) -> bool:
    """Is a product short enough to be multiplied out? Relations are all solved together."""
    if e.count <= RELATED:
        return True
    if e.count > FLATTENED:
        return False
    return not any(isinstance(node, Einsum) and node.parts is not None for node in walk([e]))


def _components(parts: list[Part], outer: set[Label]) -> Iterable[list[Part]]:
    """Groups of operands connected by summed labels, in written order."""
    for group in connected([labels for _, labels in parts], outer):
        yield [parts[k] for k in group]
