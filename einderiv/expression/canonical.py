"""When are two expressions equal: up to the names of labels, the order of commuting operands,
nested products.

A :class:`Forms` gives every expression a number; equal numbers mean equal expressions. Numbers are
those of complete descriptions, so equality never lies. A product in which one tensor occurs several
times needs a small graph canonicalisation: colour refinement, then trying each of the operands that
still look alike. Where that would take more than ``limits.canonical_steps``, the written order
decides, and equality may miss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ..errors import limits
from .groups import connected
from .nodes import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Number,
    Tensor,
    children,
    total_weight,
    walk,
    wrapped,
)
from .unify import bare, carried, flatten

FLATTENED = 512  # factors: larger products are compared as they are nested
MERGED = 500  # nodes: like terms that are larger merge only if they are written alike
DEEP = 200  # operands of one connected component that are told apart by trying

Part = tuple[int, tuple[Label, ...]]  # an operand by its number, and its labels
# of each component its weight, and its axes of the result
Outline = tuple[tuple[int, tuple[int, ...]], ...]


class Forms:
    """Numbers for expressions; compare only numbers of one `Forms`."""

    def __init__(self, *, symmetries: bool = True) -> None:
        """With `symmetries` the transpose of what is declared symmetric is the same."""
        self.symmetries = symmetries
        self.table: dict[object, int] = {}
        self.known: dict[int, int] = {}
        self.flat: dict[int, Einsum] = {}
        self.outlines: dict[int, Outline] = {}
        self.alive: list[Expr] = []  # what `known` names by id
        self.symmetric: set[int] = set()  # numbers of operands whose last two axes have no order
        self.steps = limits.canonical_steps

    def number(self, description: object) -> int:
        """The number of a description; descriptions are made of numbers already given, so they
        stay small.
        """
        return self.table.setdefault(description, len(self.table))

    def of(self, e: Expr) -> int:
        """The number of `e`; without recursion, whatever the depth."""
        stack = [e]
        while stack:
            node = stack[-1]
            missing = [p for p in self._parts(node) if id(p) not in self.known]
            if missing and id(node) not in self.known:
                stack.extend(missing)
            else:
                stack.pop()
                if id(node) not in self.known:
                    self.alive.append(node)
                    self.known[id(node)] = self._describe(node)
        return self.known[id(e)]

    def product(self, e: Einsum) -> int:
        """The number of `e` without its coefficient."""
        for part in self._parts(e):
            self.of(part)
        return self._product(self.flat[id(e)])

    def outline(self, e: Einsum) -> Outline:
        """What equal products have in common, much sooner than their numbers: their components
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
        where = {label: p for p, label in enumerate(e.output)}
        parts: list[Part] = []
        for factor, labels in e.slots:
            known = self.outlines.get(id(factor), ((factor.weight, range(len(labels))),))
            parts += [(weight, tuple([labels[p] for p in axes])) for weight, axes in known]
        found = []
        for group in _components(parts, set(where)):
            ends = {where[label] for _, labels in group for label in labels if label in where}
            found.append((sum([weight for weight, _ in group]), tuple(sorted(ends))))
        return tuple(sorted(found))

    def _parts(self, e: Expr) -> tuple[Expr, ...]:
        if not isinstance(e, Einsum):
            return children(e)
        if id(e) not in self.flat:
            self.alive.append(e)
            self.flat[id(e)] = flatten(e, FLATTENED) if e.count <= FLATTENED else e
        return self.flat[id(e)].factors

    def _describe(self, e: Expr) -> int:
        match e:
            case Tensor():
                return self.number(("tensor", e.name, e.ndim))
            case Constant():
                value = (
                    e.value
                    if not e.sizes and isinstance(e.value, (int, float, complex))
                    else id(e.value)
                )
                return self.number(("constant", e.sizes, value))
            case Apply():
                arguments = tuple(self.known[id(a)] for a in e.arguments)
                return self.number(("apply", e.function.name, e.core, e.parameters, arguments))
            case Add():
                return self.number(("add", tuple(sorted(self.known[id(a)] for a in e.addends))))
            case Einsum():
                flat = self.flat[id(e)]
                distinct = len(set(flat.output)) == e.ndim
                same_axes = len(flat.factors) == 1 and self._as_it_is(flat)
                if flat.coefficient == 1 and same_axes and distinct and not bare(flat):
                    return self.known[id(flat.factors[0])]
                return self.number(("einsum", flat.coefficient, self._product(flat)))
        raise TypeError(type(e).__name__)

    def _as_it_is(self, flat: Einsum) -> bool:
        """Has the one operand its axes in the order of the output?"""
        (labels,), output = flat.inputs, flat.output
        flipped = (*labels[:-2], *labels[-2:][::-1])
        return labels == output or (
            self.symmetries and flipped == output and symmetric(flat.factors[0])
        )

    def _product(self, flat: Einsum) -> int:
        """A product: its connected components, each in canonical form, sorted, and the output."""
        places: dict[Label, list[int]] = defaultdict(list)
        for p, label in enumerate(flat.output):
            places[label].append(p)
        seen = carried(flat)
        sizes = {label: str(size) for label, size in reversed(flat.given)}
        colours = {label: self.number(("out", tuple(at))) for label, at in places.items()}
        broadcast = tuple(
            (tuple(at), sizes[label]) for label, at in places.items() if label not in seen
        )
        parts = [self._part(f, labels) for f, labels in flat.slots]
        components = sorted(
            self._component(group, colours) for group in _components(parts, set(colours))
        )
        factors = tuple(sorted(sizes[label] for label in bare(flat)))
        return self.number(("product", len(flat.output), tuple(components), broadcast, factors))

    def _part(self, factor: Expr, labels: tuple[Label, ...]) -> Part:
        """An operand; the last two labels of a symmetric one have no order."""
        part = self.known[id(factor)]
        if self.symmetries and symmetric(factor):
            self.symmetric.add(part)
            labels = (*labels[:-2], *sorted(labels[-2:]))
        return part, labels

    def _component(self, parts: list[Part], outer: dict[Label, int]) -> int:
        """Operands that hang together by summed labels, described the same in whatever order
        they are written.
        """
        counts = Counter(parts)  # identical operands on identical labels need not be told apart
        colours = dict.fromkeys((label for _, ls in parts for label in ls), -1)
        colours.update((label, outer[label]) for label in colours if label in outer)
        numbered = [(self._derived(part, (part, n)), ls) for (part, ls), n in counts.items()]
        order = self._walk(numbered, outer)
        if order is not None:
            return self._encode([numbered[k] for k in order], outer, colours)
        return self._search(numbered, colours, outer)

    def _walk(self, parts: list[Part], outer: dict[Label, int]) -> list[int] | None:
        """The operands as met on a walk from an output label; None where the way is not clear.

        Equal components are walked alike, so no colours are needed: a chain would take half its
        length of rounds.
        """
        holders: dict[Label, list[int]] = defaultdict(list)
        for k, (_, ls) in enumerate(parts):
            for label in dict.fromkeys(ls):
                holders[label].append(k)
        ends = [label for label in holders if label in outer]
        if not ends or any(part in self.symmetric for part, _ in parts):
            return None
        way = [min(ends, key=outer.__getitem__)]
        met, order = set(way), dict[int, None]()
        for label in way:
            new = [k for k in holders[label] if k not in order]
            if len(new) > 1:
                by = {
                    (parts[k][0], *(p for p, x in enumerate(parts[k][1]) if x == label)): k
                    for k in new
                }
                if len(by) < len(new):
                    return None
                new = [by[key] for key in sorted(by)]
            for k in new:
                order[k] = None
                fresh = [x for x in dict.fromkeys(parts[k][1]) if x not in met]
                met.update(fresh)
                way += fresh
        return list(order)

    def _derived(self, part: int, description: object) -> int:
        """The number of a description of an operand, symmetric if the operand is."""
        number = self.number(description)
        if part in self.symmetric:
            self.symmetric.add(number)
        return number

    def _search(self, parts: list[Part], colours: dict[Label, int], outer: dict[Label, int]) -> int:
        shades = self._refine(parts, colours)
        alike: dict[int, list[int]] = defaultdict(list)
        for k, shade in enumerate(shades):
            alike[shade].append(k)
        tied = min((shade for shade, ks in alike.items() if len(ks) > 1), default=None)
        if tied is None or len(parts) > DEEP:
            order = sorted(range(len(parts)), key=lambda k: (shades[k], k))
            return self._encode([parts[k] for k in order], outer, colours)
        best = None
        for k in alike[tied]:
            if best is not None and self.steps <= 0:
                break  # the budget is spent: the written order stands
            self.steps -= 1
            marked = [
                (self._derived(part, ("marked", part)) if j == k else part, ls)
                for j, (part, ls) in enumerate(parts)
            ]
            found = self._search(marked, dict(colours), outer)
            best = found if best is None else min(best, found)
        assert best is not None
        return best

    def _refine(self, parts: list[Part], colours: dict[Label, int]) -> list[int]:
        """Colour operands by their labels' colours, and labels by their operands', until nothing
        splits further.
        """
        count = len(set(colours.values()))
        while True:
            around = [self._unordered(part, [colours[label] for label in ls]) for part, ls in parts]
            shades = [
                self.number((part, shade)) for (part, _), shade in zip(parts, around, strict=True)
            ]
            met: dict[Label, list[tuple[int, int]]] = defaultdict(list)
            for shade, (part, ls) in zip(shades, parts, strict=True):
                for p, label in enumerate(ls):
                    both = part in self.symmetric and p == len(ls) - 1
                    met[label].append((shade, p - both))
            for label, where in met.items():
                colours[label] = self.number((colours[label], tuple(sorted(where))))
            before, count = count, len(set(colours.values()))
            if count == before:
                return shades

    def _unordered(self, part: int, values: list[int]) -> tuple[int, ...]:
        return (*values[:-2], *sorted(values[-2:])) if part in self.symmetric else tuple(values)

    def _encode(
        self, parts: Sequence[Part], outer: dict[Label, int], colours: dict[Label, int]
    ) -> int:
        names: dict[Label, int] = {}
        form = []
        for part, ls in parts:
            if part in self.symmetric:  # names that are given first must not depend on the order
                ls = (
                    *ls[:-2],
                    *sorted(ls[-2:], key=lambda x: (names.get(x, len(names)), colours[x])),
                )
            found = [outer[x] if x in outer else -1 - names.setdefault(x, len(names)) for x in ls]
            form.append((part, self._unordered(part, found)))
        return self.number(("component", tuple(form)))


def symmetric(e: Expr) -> bool:
    """Is `e` a symmetric matrix by declaration: a tensor, or a function that keeps symmetry?"""
    while isinstance(e, Apply) and e.function.keeps_symmetry and len(e.arguments) == 1:
        e = e.arguments[0]
    return isinstance(e, Tensor) and e.structure == "symmetric"


def _components(parts: list[Part], outer: set[Label]) -> Iterable[list[Part]]:
    """Groups of operands connected by summed labels, in written order."""
    for group in connected([labels for _, labels in parts], outer):
        yield [parts[k] for k in group]


def same(a: Expr, b: Expr) -> bool:
    """Equality as ``==`` means it."""
    if a is b:
        return True
    if a.ndim != b.ndim or total_weight(a) != total_weight(b):
        return False
    forms = Forms()
    return forms.of(a) == forms.of(b)


def collected(terms: Sequence[Expr]) -> list[Expr]:
    """`terms` with equal ones merged into the first of them (``A + A → 2 A``), in written order.

    Only terms of equal weight are compared, so a sum of different terms costs nothing but a
    dictionary.
    """
    buckets: dict[int, list[int]] = defaultdict(list)
    for k, term in enumerate(terms):
        buckets[term.weight].append(k)
    if len(buckets) == len(terms):
        return list(terms)
    merged: dict[int, Expr | None] = dict(enumerate(terms))
    for members in buckets.values():
        if len(members) > 1:
            _merge([(k, terms[k]) for k in members], merged)
    return [term for term in merged.values() if term is not None]


def _merge(members: list[tuple[int, Expr]], merged: dict[int, Expr | None]) -> None:
    # Terms that are equal by a symmetry only stay apart: by the symmetric tensor itself their
    # derivatives differ.
    forms = Forms(symmetries=False)
    units = {k: wrapped(term) for k, term in members}
    keys = {
        k: forms.outline(unit) if unit.nodes <= MERGED else _as_written(unit)
        for k, unit in units.items()
    }
    alike = Counter(keys.values())
    groups: dict[object, list[tuple[int, Expr]]] = defaultdict(list)
    for k, term in members:
        told = alike[keys[k]] == 1 or units[k].nodes > MERGED
        groups[keys[k] if told else forms.product(units[k])].append((k, term))
    for group in groups.values():
        (first, term), rest = group[0], [t for _, t in group[1:]]
        # Of what is merged away only what knows more than the first is remembered.
        more = tuple(t for t in rest if _knows_more(t, term))
        if rest:
            merged.update(dict.fromkeys((k for k, _ in group[1:])))
            merged[first] = scaled(term, sum(map(coefficient, [term, *rest])), more)


def _as_written(e: Einsum) -> object:
    """A description of a product by its very factors and its labels by first appearance."""
    names: dict[Label, int] = {}
    labels = [tuple(names.setdefault(x, len(names)) for x in ls) for ls in (*e.inputs, e.output)]
    sizes = tuple((names.setdefault(x, len(names)), size) for x, size in e.given)
    return tuple(map(id, e.factors)), tuple(labels), sizes


def _knows_more(e: Expr, than: Expr) -> bool:
    """Can `e`, equal to the other, have met tensors, sizes or arrays that the other has not?"""
    a, b = wrapped(e), wrapped(than)
    same_factors = len(a.factors) == len(b.factors) and all(
        f is g for f, g in zip(a.factors, b.factors, strict=True)
    )
    return bool(a.origins) or not same_factors or not set(a.given) <= set(b.given)


def coefficient(e: Expr) -> Number:
    """The number in front."""
    return e.coefficient if isinstance(e, Einsum) else 1


def scaled(e: Expr, number: Number, origins: tuple[Expr, ...] = ()) -> Einsum:
    """`e` with `number` as its coefficient instead of its own."""
    unit = wrapped(e)
    return unit.with_data(coefficient=number, origins=(*unit.origins, *origins))
