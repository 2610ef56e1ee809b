"""From expressions and sizes to steps. Pairwise contraction along a path that opt_einsum chooses.

Nested products that are used once are multiplied out into their consumer, so that the path is free
to choose any order; what is used more often is computed once. Deltas cost nothing: only the core of
an einsum is computed, and where it sits in the full tensor is a step of its own, `write`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import prod
from typing import Any, Generic, NamedTuple, TypeGuard, TypeVar

from ..errors import limits, our_bug
from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Number,
    Relations,
    Size,
    Sizes,
    Tensor,
    bare,
    children,
    connected,
    core_labels,
    is_hot,
    is_zero,
    walk,
    with_slots,
    wrapped,
)
from ..functions import Fourier, fourier_of
from .gathering import read_apart
from .index_steps import Related
from .ops import Ops, contraction, sums
from .paths import search
from .program import Program
from .symmetry import Symmetries
from .tuning_constants import tuning

Pair = tuple[int, Labels]  # a value and its labels
Value = TypeVar("Value")
# A product that holds so many times as much as its two sides is held as these. Twice: it is what
# solvers by outer products ask for.
THIN = 2
LONGEST_SUM = 256  # terms of one step, which is a line of source: Python nests a sum for each sign


class Term(NamedTuple, Generic[Value]):
    """One term of a tensor: its factors, and the labels of all axes of the tensor.

    Factors share labels where their product would hold far more: thin ones that are summed, as k in
    ``U[k,a] V[k,b]``, and axes, as n in ``p[n,a] p[n,b]``.

    A factor is a value and its labels: the number of a step while it is planned, then an array. The
    tensor is the sum over the points that satisfy all relations; of ``w[k]`` with the output i, a
    and ``a = i + k`` it has w on its diagonals. An index array is a value too, with the labels of
    the places where it is read and, last, that of what stands there.
    """

    factors: tuple[tuple[Value, Labels], ...]
    output: Labels
    relations: Relations = ()  # in numbers
    hots: tuple[tuple[Value, Labels], ...] = ()  # the index arrays
    given: tuple[tuple[Label, int], ...] = ()  # the sizes of labels that are on no axis


class Planner:
    """Lowers expressions into one program; expressions that share nodes share steps."""

    def __init__(
        self,
        roots: Iterable[Expr],
        sizes: Sizes,
        measure: Callable[[Size], int],
    ) -> None:
        self.sizes = sizes
        self.program = Program(measure)
        self.symmetries = Symmetries(self.program)
        self.roots = list(roots)
        self.values: dict[int, int] = {}  # by the identity of nodes
        self._empty: dict[Size, bool] = {}  # does a size measure 0?
        # values by what they are products of, with names for their labels
        self.products: dict[object, Pair] = {}
        # products with nested ones multiplied out, by the identity of nodes
        self.multiplied: dict[int, Einsum] = {}
        # which nodes are matrices of roots of unity, by their identity, and which values
        self.fourier_nodes: dict[int, Fourier | None] = {}
        self.fourier: dict[int, Fourier] = {}
        self.uses = Counter(map(id, chain.from_iterable(map(children, walk(self.roots)))))
        self.uses.update(map(id, self.roots))

    def lower(self, e: Expr) -> int:
        """The value of `e` as a dense tensor."""
        for node in self._order(e):
            if id(node) not in self.values:
                self.values[id(node)] = self._dense(node)
        return self.values[id(e)]

    def lower_core(self, e: Einsum) -> Term[int] | None:
        """The core of `e` without its embedding: an outer product as its factors, the smallest
        with the coefficient. None where it is 0 because there is nothing to sum.
        """
        for node in self._order(e):
            if id(node) not in self.values and node is not e:
                self.values[id(node)] = self._dense(node)
        flat = self._flat(e)
        if self._sums_nothing(flat):
            return None
        if flat.parts is not None:
            found = Related(self, flat).apart()
            return None if found is None else Term(*found)
        labels = core_labels(flat)
        factors: list[Pair] = []
        components = self._components(self._parts(flat), set(labels))
        for parts in components:
            carried = dict.fromkeys(chain.from_iterable(own for _, own in parts))
            out = labels if len(components) == 1 else tuple(x for x in carried if x in labels)
            sides = self._sides(parts, out)
            if sides is None:
                factors.append((self._product(parts, out), out))
                continue
            for side, own in sides:
                factors.append((self._product(side, own), own))
        if not factors:
            return self._core(e)
        least = self._smallest(factors)
        value, out = factors[least]
        factors[least] = (self._scaled(value, flat, flat.coefficient), out)
        return Term(tuple(factors), flat.output)

    def joined(self, found: Sequence[Term[int] | None]) -> list[Term[int] | None]:
        """Terms of one tensor, with the cores added up of those that relations put in the same
        places: two terms ``c[i] -> [i, i+1]`` are one.
        """
        first: dict[object, int] = {}
        joined: list[Term[int] | None] = []
        for term in found:
            place = None if term is None else self._place(term)
            if term is None or place is None:
                joined.append(term)
                continue
            same = first.setdefault(place, len(joined))
            if same == len(joined):
                joined.append(term)
                continue
            before = joined[same]
            assert before is not None, "it has a place"
            ((value, labels),), ((own, _),) = before.factors, term.factors
            joined[same] = before._replace(factors=((self._total([value, own]), labels),))
            joined.append(None)
        return joined

    def _place(self, term: Term[int]) -> object | None:
        """Where a core of one factor sits, by relations: the same for all that sit there."""
        if not term.relations or term.hots or len(term.factors) != 1:
            return None
        ((value, labels),) = term.factors
        names: dict[Label, int] = {}
        for label in (*labels, *term.output):
            names.setdefault(label, len(names))
        relations: list[object] = []
        for one in term.relations:
            if any(label not in names for label, _ in one.terms):
                return None  # a label that is nowhere else has no name
            named = frozenset([(names[label], times) for label, times in one.terms])
            relations.append((one.constant, named))
        sizes = self.program.steps[value].sizes
        places = tuple([names[label] for label in (*labels, *term.output)])
        return places, sizes, frozenset(relations), term.given

    def _components(self, parts: list[Pair], kept: set[int]) -> list[list[Pair]]:
        """`parts` by connected component of their labels, where the cores of these hold less than
        their product.

        Numbers go to the component with the smallest core.
        """
        groups = connected([labels for _, labels in parts])
        groups.sort(key=lambda group: group[-1])  # by their last operands
        components: list[list[Pair]] = []
        for group in groups:
            components.append([parts[k] for k in group])
        cores = [self._core_entries(component, kept) for component in components]
        sizes = [entries for entries in cores if entries is not None]
        if not sizes or sum(sizes) > prod(sizes):
            return [parts] if parts else []
        smallest = components[cores.index(min(sizes))]
        for component, entries in zip(components, cores, strict=True):
            if entries is None:
                smallest += component
        return [c for c, entries in zip(components, cores, strict=True) if entries is not None]

    def _sides(self, parts: list[Pair], out: Labels) -> list[tuple[list[Pair], Labels]] | None:
        """The sides of a product that hang together by few labels, each with its own: of
        ``U[k,a] V[k,b]`` with a thin k, or of ``p[n,a] p[n,b]``. None where the product itself
        holds no more than :data:`THIN` times as much.
        """
        uses = Counter(chain.from_iterable(set(labels) for _, labels in parts))
        shared = [x for x in uses if uses[x] > 1]
        kept = {x for x in shared if x in out}
        # What cuts the product apart: the axes that several factors have, and one label beside.
        cuts = [kept] if kept else []
        for label in shared:
            if label not in out:
                cuts += [{label}, {label, *kept}] if kept else [{label}]
        entries = self._core_entries(parts, set(out)) or 1
        best: list[tuple[list[Pair], Labels]] | None = None
        least = entries // THIN
        for cut in cuts:
            sides: list[tuple[list[Pair], Labels]] = []
            held = 0
            for members in connected([labels for _, labels in parts], apart=cut):
                side = [parts[k] for k in members]
                carried = dict.fromkeys(chain.from_iterable(own for _, own in side))
                own = tuple([x for x in carried if x in out or x in cut])
                sides.append((side, own))
                held += self._core_entries(side, set(own)) or 1
            if len(sides) > 1 and held <= least:
                best, least = self._two(sides, out), held
        return best

    def _two(
        self, sides: list[tuple[list[Pair], Labels]], out: Labels
    ) -> list[tuple[list[Pair], Labels]]:
        """The sides, those without axes of their own multiplied into one that has their labels."""
        own_axes = [set(own).intersection(out) for _, own in sides]
        counts = Counter(chain.from_iterable(own_axes))
        weights = [k for k, own in enumerate(own_axes) if all(counts[x] > 1 for x in own)]
        rest = [sides[k] for k in range(len(sides)) if k not in weights]
        for k in weights:
            side, own = sides[k]
            for n, (other, labels) in enumerate(rest):
                if set(own) <= set(labels):
                    rest[n] = ([*other, *side], labels)
                    break
            else:
                rest.append(sides[k])
        return rest

    def _core_entries(self, component: list[Pair], kept: set[int]) -> int | None:
        """The entries of the product of a component; None if it is a number."""
        sizes: dict[int, int] = {}
        for value, labels in component:
            sizes.update(zip(labels, self.program.shape(value), strict=True))
        core = [n for x, n in sizes.items() if x in kept]
        return prod(core) if core else None

    def _smallest(self, parts: Sequence[Pair]) -> int:
        """Which of some values has the fewest entries."""
        return min(range(len(parts)), key=lambda k: self.program.entries(parts[k][0]))

    # ---- what the steps of relations are made of
    def represented(self, sizes: Iterable[Size]) -> tuple[Size, ...]:
        """Sizes by the one that stands for all that are equal to it."""
        return self._rep(sizes)

    def product(self, parts: list[Pair], output: Labels) -> int:
        """The value of a product of values at these labels."""
        return self._product(parts, output)

    def view(self, value: int, labels: Labels, out: Labels) -> int:
        """A value with its axes in another order."""
        return self._view(value, labels, out)

    def scaled(self, value: int, number: Number, sizes: tuple[Size, ...]) -> int:
        """A value times a number and some sizes."""
        if not sizes and number == 1:
            return value
        entries = float(self.program.entries(value))
        own = self.program.steps[value].sizes
        return self.program.add(Ops.SCALE, (value,), (number, sizes), own, entries)

    def is_far_larger(self, entries: int, parts: Sequence[Pair]) -> bool:
        """Is a product of so many entries so much larger than its smallest operand that a number
        belongs to that?
        """
        smallest = self.program.entries(parts[self._smallest(parts)][0])
        return entries >= max(tuning.numbered_entries, tuning.numbered_times * smallest)

    def with_number(self, parts: Sequence[Pair], number: Number) -> list[Pair]:
        """Operands of which the smallest is multiplied with a number."""
        least = self._smallest(parts)
        value, labels = parts[least]
        scaled = list(parts)
        if number != 1:
            entries = float(self.program.entries(value))
            sizes = self.program.steps[value].sizes
            value = self.program.add(Ops.SCALE, (value,), (number, ()), sizes, entries)
        scaled[least] = (value, labels)
        return scaled

    # ---- nodes
    def _order(self, e: Expr) -> Iterable[Expr]:
        """Nodes to compute before `e`: children first, without those that are multiplied out."""

        def below(node: Expr) -> tuple[Expr, ...]:
            if id(node) in self.values:
                return ()
            if isinstance(node, Einsum):
                return self._flat(node).factors
            if is_hot(node):
                (array,) = node.arguments
                return (array,) if isinstance(array, Apply) else ()
            if self._fourier(node) is not None:
                return ()
            if not isinstance(node, Add):
                return children(node)
            inside: list[Expr] = []
            for addend in node.addends:
                inside += self._flat(addend).factors if self._folded(addend) else (addend,)
            return tuple(inside)

        return walk([e], below)

    def _folded(self, e: Expr) -> TypeGuard[Einsum]:
        """Is `e` a term that its sum writes into place, instead of a dense value of its own?"""
        return isinstance(e, Einsum) and not e.plain and self.uses[id(e)] == 1

    def _flat(self, e: Einsum) -> Einsum:
        """`e` with the products that only it uses multiplied out, and those of which it reads less
        than they have. The labels of its output stay what they are.
        """
        if id(e) not in self.multiplied:
            flat = e
            while e.count <= tuning.inlined_factors:
                opened = [f for f in flat.factors if self._single(f)]
                opened += read_apart(flat, self._shape)
                if not opened:
                    break
                flat = with_slots(flat, flat.slots, letters={}, inline=tuple(opened))
            self.multiplied[id(e)] = flat
        return self.multiplied[id(e)]

    def _single(self, f: Expr) -> bool:
        """Is it a product for this use alone, or nothing but relations, which are no work?"""
        if not isinstance(f, Einsum):
            return False
        if f.parts is None:
            return self.uses[id(f)] == 1
        return not f.factors

    def _shape(self, e: Expr) -> tuple[int, ...]:
        return tuple(map(self.program.measure, self._rep(e.axis_sizes)))

    def _rep(self, sizes: Iterable[Size]) -> tuple[Size, ...]:
        """Sizes by the one that stands for all that are equal to it."""
        return tuple(s if isinstance(s, int) else self.sizes.find(s) for s in sizes)

    def _dense(self, e: Expr) -> int:
        match e:
            case Tensor():
                return self.program.add(Ops.INPUT, (), (e.name,), self._rep(e.axis_sizes))
            case Constant():
                return self._held(e)
            case Apply():
                return self._apply(e)
            case Add():
                terms = [self._term(addend) for addend in e.addends]
                return self._written([term for term in terms if term is not None], e)
            case Einsum():
                core = None if is_zero(e) else self._core(e)
                return self._written([] if core is None else [core], e)
        return our_bug(f"no steps for {type(e).__name__}")

    def _apply(self, e: Apply) -> int:
        """A function. What only broadcasts a number is given as the number; matrices are
        factored once for all uses.
        """
        fourier = self._fourier(e)
        if fourier is not None:
            return self._fourier_matrix(e, fourier)
        if e.function.selects:  # the products that it stands in read the index array itself
            return self._index_array(e.arguments[0])
        inputs = tuple(self._argument(e, a) for a in e.arguments)
        sizes = self._rep(e.axis_sizes)
        entries = float(max(self.program.entries(k) for k in inputs))
        spec = (e.function, e.core, e.parameters)
        if e.function.factored:
            matrix = self.program.steps[inputs[0]]
            cubed = entries * self.program.measure(matrix.sizes[-1])  # n³ for each matrix
            factors = self.program.add(Ops.FACTOR, inputs, (), matrix.sizes, 2 / 3 * cubed)
            return self.program.add(Ops.APPLY, (factors,), spec, sizes, 4 / 3 * cubed)
        return self.program.add(Ops.APPLY, inputs, spec, sizes, tuning.function_flops * entries)

    def _fourier(self, e: Expr) -> Fourier | None:
        """Which matrix of roots of unity a node is, if it is one."""
        if not isinstance(e, Apply):
            return None
        if id(e) not in self.fourier_nodes:
            self.fourier_nodes[id(e)] = fourier_of(e)
        return self.fourier_nodes[id(e)]

    def _fourier_matrix(self, e: Apply, fourier: Fourier) -> int:
        """A matrix of roots of unity: the transform of the identity. Nobody needs it where all
        products with it are transforms.
        """
        rows, columns = self._rep(e.axis_sizes)
        one = self.program.add(Ops.NUMBER, (), (1,), ())
        diagonal = (((), (0, 0)),)
        entries = float(self.program.measure(columns))
        identity = self.program.add(Ops.WRITE, (one,), diagonal, (columns, columns), entries)
        value = self._transform(identity, 0, fourier, rows)
        self.fourier[value] = fourier
        return value

    def _transform(self, value: int, axis: int, fourier: Fourier, rows: Size) -> int:
        """The first `rows` of the product with a matrix of roots of unity along an axis."""
        (period,) = self._rep([fourier.period])
        sizes = list(self.program.steps[value].sizes)
        points = self.program.measure(period)
        others = prod(n for k, n in enumerate(self.program.shape(value)) if k != axis)
        sizes[axis] = rows
        flops = 5.0 * others * points * max(points.bit_length() - 1, 1)
        spec = (axis, fourier.sign, period)
        return self.program.add(Ops.TRANSFORM, (value,), spec, tuple(sizes), flops)

    def _index_array(self, e: Expr) -> int:
        """An index array: an input of its own, for it stays whole numbers."""
        match e:
            case Tensor():
                name = e.name
            case Constant():
                name = f"#{len(self.program.held)}"
                for known in self.program.index_arrays:
                    if known[0] == "#" and self.program.held[int(known[1:])] is e.value:
                        name = known
                if name not in self.program.index_arrays:
                    self.program.held.append(e.value)
            case Apply():  # places that are computed: the order of numbers, say
                return self.values[id(e)]
            case _:
                our_bug(f"an index array that is {type(e).__name__}")
        self.program.index_arrays.add(name)
        return self.program.add(Ops.INPUT, (), (name,), self._rep(e.axis_sizes))

    def _argument(self, e: Apply, a: Expr) -> int:
        if is_hot(a):  # alone it is the index array: here it is meant with zeros and ones
            return self._dense(wrapped(a))
        alone = len(e.arguments) == 1 or e.core or a is e.arguments[0]
        if alone or not isinstance(a, Einsum) or a.factors or bare(a):
            return self.values[id(a)]
        if len(set(a.output)) < a.ndim:  # the output of a delta repeats a label: it is no number
            return self.values[id(a)]
        return self.program.add(Ops.NUMBER, (), (a.coefficient,), ())

    def _held(self, e: Constant) -> int:
        held = self.program.held
        known = [k for k, array in enumerate(held) if array is e.value]
        own = [k for k in known if f"#{k}" not in self.program.index_arrays]
        index = own[0] if own else len(held)
        if index == len(held):
            held.append(e.value)
        return self.program.add(Ops.INPUT, (), (f"#{index}",), e.axis_sizes)

    # ---- sums of terms in their places
    def _term(self, e: Expr) -> Term[int] | None:
        if self._folded(e):
            return self._core(e)
        labels = tuple(range(e.ndim))
        return Term(((self.values[id(e)], labels),), labels)

    def _written(self, terms: list[Term[int]], e: Expr) -> int:
        """The sum of terms as a dense tensor; zeros are allocated only if a term does not fill
        its place.
        """
        cores = [(value, labels, output) for ((value, labels),), output, *_ in terms]
        if cores and all(labels == output for _, labels, output in cores):
            return self._total([value for value, _, _ in cores])
        places: dict[Any, Counter[int]] = {}
        diagonal = any(len(set(output)) < len(output) for _, _, output in cores)
        for value, labels, output in cores:
            names = {x: p for p, x in enumerate(dict.fromkeys(output))}
            named = tuple(names[x] for x in labels)
            labels, sign = min(self.symmetries.ways((value, named)))
            place = labels, tuple(names[x] for x in output)
            # What sits in one place is added before it is written there; without diagonals all is
            # one expression.
            places.setdefault((place, None if diagonal else value), Counter())[value] += sign
        values: list[int] = []
        for group in places.values():
            values.append(self._total([self._times(v, times) for v, times in group.items()]))
        spec = [place for place, _ in places]
        sizes = self._rep(e.axis_sizes)
        written: list[int] = []
        for start in range(0, max(len(values), 1), LONGEST_SUM):
            own = values[start : start + LONGEST_SUM]
            flops = float(sum(map(self.program.entries, own)))
            here = tuple(spec[start : start + LONGEST_SUM])
            written.append(self.program.add(Ops.WRITE, tuple(own), here, sizes, flops))
        return self._total(written)

    def _total(self, values: Sequence[int]) -> int:
        if len(values) == 1:
            return values[0]
        sizes = self.program.steps[values[0]].sizes
        entries = self.program.entries(values[0])
        total, rest = list(values[:LONGEST_SUM]), values[LONGEST_SUM:]
        while True:
            flops = (len(total) - 1.0) * entries
            subtotal = self.program.add(Ops.ADD, tuple(total), (), sizes, flops)
            if not rest:
                return subtotal
            total, rest = [subtotal, *rest[: LONGEST_SUM - 1]], rest[LONGEST_SUM - 1 :]

    def _core(self, e: Einsum) -> Term[int] | None:
        """The value of the core of `e`: its product, and its number where the array is smallest.
        None where there is nothing to sum.
        """
        flat = self._flat(e)
        if self._sums_nothing(flat):
            return None
        if flat.parts is not None:
            return self._related(flat)
        labels = core_labels(flat)
        if not flat.factors:
            value = self.program.add(Ops.NUMBER, (), (flat.coefficient,), ())
            return Term(((self._scaled(value, flat, 1), labels),), flat.output)
        parts = self._parts(flat)
        least = self._smallest(parts)
        smallest, own = parts[least]
        if self._grows(flat, labels, smallest):
            parts[least] = (self._scaled(smallest, flat, flat.coefficient), own)
            value = self._product(parts, labels)
        else:
            value = self._scaled(self._product(parts, labels), flat, flat.coefficient)
        return Term(((value, labels),), flat.output)

    def _related(self, flat: Einsum) -> Term[int] | None:
        """A product with relations, where it sits: only its diagonals and axes along which it is
        repeated are left to write.
        """
        found = Related(self, flat).term()
        if found is None:  # no point satisfies the relations
            return None
        pair, output = found
        return Term((pair,), output)

    def _sums_nothing(self, flat: Einsum) -> bool:
        """Is a label without values summed, of arrays? Then the sum is 0, whatever stands in it: a
        product with the size, 0 · nan, would be nan. What is made of sizes alone is left, as the
        1/0 of a mean over no entries is, which is nan as in NumPy.
        """
        if not any(map(self._is_empty, self._summed_sizes(flat))):
            return False
        return all(is_hot(factor) or self._reads_arrays(factor) for factor in flat.factors)

    def _summed_sizes(self, flat: Einsum) -> Iterator[Size]:
        """The sizes of the labels that are summed, some of them twice."""
        output = flat.output
        for label, size in flat.given:
            if label not in output:
                yield size
        for factor, labels in flat.slots:
            for label, size in zip(labels, factor.axis_sizes, strict=True):
                if label not in output:
                    yield size

    def _is_empty(self, size: Size) -> bool:
        """Does a size measure 0?"""
        known = self._empty.get(size)
        if known is None:
            known = self._empty[size] = self.program.measure(size) == 0
        return known

    def _reads_arrays(self, e: Expr) -> bool:
        """Does a value that is there depend on an array?"""
        stack = [self.values[id(e)]]
        seen: set[int] = set()
        while stack:
            value = stack.pop()
            if value not in seen:
                seen.add(value)
                step = self.program.steps[value]
                if step.op is Ops.INPUT:
                    return True
                stack += step.inputs
        return False

    def _grows(self, flat: Einsum, labels: Labels, smallest: int) -> bool:
        """Is the product so much larger than its smallest operand that a number belongs to that?"""
        sizes: dict[Label, Size] = {}
        for factor, own in flat.slots:
            sizes.update(zip(own, factor.axis_sizes, strict=True))
        entries = prod(self.program.measure(sizes[x]) for x in labels)
        return self.is_far_larger(entries, [(smallest, ())])

    def _parts(self, flat: Einsum) -> list[Pair]:
        return [(self.values[id(factor)], labels) for factor, labels in flat.slots]

    def _scaled(self, value: int, flat: Einsum, number: Number) -> int:
        """A value times a number, and times the size of every label of `flat` that is in no
        factor and not kept.
        """
        given = dict(flat.given)
        return self.scaled(value, number, self._rep(given[x] for x in bare(flat)))

    # ---- products
    def _product(self, parts: list[Pair], output: Labels) -> int:
        """Contract `parts` pairwise; the value has the labels `output`, in that order."""
        parts = self._empty_sums_first(parts, output)
        parts = self._transforms_first(parts, output)
        counts = Counter(chain.from_iterable(set(labels) for _, labels in parts))
        kept = {x for x in counts if counts[x] > 1}.union(output)
        left: list[Pair] = []
        for part in parts:
            left.append(part if self._waits(part, counts, output) else self._reduced(part, kept))
        uses = Counter(output)  # how many of what is left have a label; the output counts as one
        for _, labels in left:
            uses.update(set(labels))
        for i, j in self._path(left, output):
            b, a = left.pop(max(i, j)), left.pop(min(i, j))
            uses.subtract(set(a[1]))
            uses.subtract(set(b[1]))
            needed = {x for x in a[1] + b[1] if uses[x] > 0}
            product = self._pair(a, b, needed, None if left else output, output)
            uses.update(product[1])
            left.append(product)
        value, labels = left[0]
        return value if labels == output else self._view(value, labels, output)

    def _empty_sums_first(self, parts: list[Pair], output: Labels) -> list[Pair]:
        """Sums over axes without entries are 0 before anything multiplies them: then 1/0 of a mean
        over such an axis makes them nan, as in NumPy, and is not lost among no summands.
        """
        empty: set[int] = set()
        for value, labels in parts:
            sizes = self.program.steps[value].sizes
            pairs = zip(labels, sizes, strict=True)
            empty.update(x for x, s in pairs if x not in output and self.program.measure(s) == 0)
        summed = [part for part in parts if not empty.isdisjoint(part[1])]
        others = [part for part in parts if empty.isdisjoint(part[1])]
        if not summed or not others:
            return parts
        wanted = set(output).union(*(labels for _, labels in others))
        kept = tuple(dict.fromkeys(x for _, labels in summed for x in labels if x in wanted))
        return [(self._product(summed, kept), kept), *others]

    def _transforms_first(self, parts: list[Pair], output: Labels) -> list[Pair]:
        """Transforms of what is kept in full are made before a path is searched, which would take
        them for products with matrices: it might multiply two of these, or one and an array.
        """
        left = list(parts)
        at = 0
        while at < len(left):
            found = self._transformed_part(left, at, output) if len(left) > 1 else None
            if found is None:
                at += 1
            else:
                left, at = found, 0
        return left

    def _transformed_part(self, parts: list[Pair], at: int, output: Labels) -> list[Pair] | None:
        """The parts with one transform done, by the matrix at that place."""
        value, labels = parts[at]
        if value not in self.fourier or len(set(labels)) < 2:
            return None
        others = parts[:at] + parts[at + 1 :]
        for summed, new in (labels[::-1], labels):
            here = [part for part in others if summed in part[1]]
            around = dict.fromkeys(x for _, own in here for x in own if x != summed)
            if not here or summed in output or new in around or not set(around) <= set(output):
                continue
            if any(part[0] in self.fourier for part in here):
                continue
            operand = here[0]
            if len(here) > 1 or len(set(operand[1])) < len(operand[1]):
                own = (*around, summed)
                operand = (self._product(here, own), own)
            solved = self._transformed(parts[at], operand, {*around, new})
            if solved is not None:
                rest = [part for part in others if part not in here]
                return [*rest, solved]
        return None

    def _transformed(self, a: Pair, b: Pair, needed: set[int]) -> Pair | None:
        """The product of a matrix of roots of unity with an array that has its row or column
        label, as a transform of the array.
        """
        matrix, la = a
        fourier = self.fourier.get(matrix)
        if fourier is None or len(set(la)) < 2:
            return None
        value, lb = self._reduced(b, needed.union(la))
        for k, (summed, new) in enumerate((la[::-1], la)):
            if summed not in lb or summed in needed or new in lb:
                continue
            axis = lb.index(summed)
            limits.check("axes", len(lb), "of an intermediate result")
            rows = self.program.steps[matrix].sizes[k]
            image = self._transform(value, axis, fourier, rows)
            out = tuple([new if label == summed else label for label in lb])
            return self._reduced((image, out), needed)
        return None

    def _reduced(self, part: Pair, kept: set[int]) -> Pair:
        """Diagonals read and private labels summed, before anything is multiplied."""
        value, labels = part
        distinct = tuple(dict.fromkeys(labels))
        if distinct != labels:
            value = self._view(value, labels, distinct)
        out = tuple(x for x in distinct if x in kept)
        if out == distinct:
            return value, out
        sizes = dict(zip(distinct, self.program.steps[value].sizes, strict=True))
        distinct, sign = min(self.symmetries.ways((value, distinct)))
        entries = float(self.program.entries(value))
        total = self.program.add(
            Ops.SUM, (value,), (distinct, out), tuple(sizes[x] for x in out), entries
        )
        return self._times(total, sign), out

    def _view(self, value: int, labels: Labels, out: Labels) -> int:
        sizes = dict(zip(labels, self.program.steps[value].sizes, strict=True))
        return self.program.add(Ops.VIEW, (value,), (labels, out), tuple(sizes[x] for x in out))

    def _pair(
        self, a: Pair, b: Pair, needed: set[int], output: Labels | None, last: Labels
    ) -> Pair:
        """The product of two values over the labels that are needed; in the order `output` where
        it is the last one.
        """
        solved = self._solved(a, b, needed) or self._solved(b, a, needed)
        solved = solved or self._transformed(a, b, needed) or self._transformed(b, a, needed)
        if solved is not None:
            value, labels = solved
            if output is None or output == labels:
                return solved
            return self._view(value, labels, output), output
        needed_by_a, needed_by_b = needed.union(b[1]), needed.union(a[1])
        a, b = self._reduced(a, needed_by_a), self._reduced(b, needed_by_b)
        (x, la), (y, lb) = a, b
        kept = tuple(label for label in dict.fromkeys(la + lb) if label in needed)
        batch, summed, first, second = contraction(la, lb, kept)
        for value, labels in self._known(a, b, kept):
            if output is None or output == labels:
                return value, labels
            if summed:  # an outer product is made again as fast as it is read in another order
                return self._view(value, labels, output), output
        out = batch + first + second if output is None else output
        if output is None and not summed and set(out) <= set(last):
            # as in the result which it is a factor of
            out = tuple(label for label in last if label in out)
        limits.check("axes", len(out), "of an intermediate result")
        sizes = dict(zip(la, self.program.steps[x].sizes, strict=True))
        sizes.update(zip(lb, self.program.steps[y].sizes, strict=True))
        flops = prod(map(self.program.measure, sizes.values())) * (2.0 if summed else 1.0)
        out_sizes = tuple(sizes[label] for label in out)
        value = self.program.add(Ops.CONTRACT, (x, y), (la, lb, out), out_sizes, flops)
        form, names = _form(a, b, kept)
        self.products[form] = value, tuple(names[label] for label in out)
        return value, out

    def _known(self, a: Pair, b: Pair, kept: Labels) -> Iterator[Pair]:
        """What a product is already, in all the ways in which its operands' symmetries let it be
        written.
        """
        for la, sign_a in self.symmetries.ways(a):
            for lb, sign_b in self.symmetries.ways(b):
                form, names = _form((a[0], la), (b[0], lb), kept)
                if form in self.products:
                    value, named = self.products[form]
                    back = {name: label for label, name in names.items()}
                    labels = tuple(back[name] for name in named)
                    yield self._times(value, sign_a * sign_b), labels

    def _times(self, value: int, times: int) -> int:
        """A value times a whole number, which an operand takes where the value is an outer
        product.
        """
        if times == 1:
            return value
        program = self.program
        step, entries = program.steps[value], float(program.entries(value))
        if step.op is Ops.CONTRACT and not sums(step):
            # c (x y) = (c x) y, where x is small
            least = min((0, 1), key=lambda k: program.entries(step.inputs[k]))
            if entries >= max(tuning.numbered_entries, 2 * program.entries(step.inputs[least])):
                inputs = list(step.inputs)
                inputs[least] = self._times(inputs[least], times)
                return program.add(step.op, tuple(inputs), step.spec, step.sizes, step.flops)
        if step.op is Ops.SCALE:
            # c (d x) = (c d) x
            number, sizes = step.spec
            return program.add(step.op, step.inputs, (times * number, sizes), step.sizes, entries)
        return program.add(Ops.SCALE, (value,), (times, ()), step.sizes, entries)

    # ---- products with inverses
    def _inverse(self, part: Pair) -> bool:
        value, labels = part
        step = self.program.steps[value]
        if step.op is not Ops.APPLY or len(set(labels)) < len(labels):
            return False
        return bool(step.spec[0].inverse)

    def _waits(self, part: Pair, counts: Counter[int], output: Labels) -> bool:
        """Is this an inverse that will be a solve, or a matrix that will be a transform? Then none
        of its labels is summed before.
        """
        if not self._inverse(part) and part[0] not in self.fourier:
            return False
        row_and_column = part[1][-2:]
        return any(counts[x] > 1 and x not in output for x in row_and_column)

    def _solved(self, a: Pair, b: Pair, needed: set[int]) -> Pair | None:
        """``inv(A) @ b`` as a solve with the factors of A, if `a` is an inverse and `b` has its
        row or column label.
        """
        if not self._inverse(a):
            return None
        (x, la), (y, lb) = a, b
        inverse = self.program.steps[x]
        *batch, row, column = la
        for summed, kept in ((column, row), (row, column)):
            if summed not in lb or summed in needed:
                continue
            rest = [label for label in lb if label not in batch and label != summed]
            out = (*batch, kept, *rest)
            limits.check("axes", len(out), "of an intermediate result")
            sizes = dict(zip(la, inverse.sizes, strict=True))
            sizes.update(zip(lb, self.program.steps[y].sizes, strict=True))
            flops = 2.0 * prod(self.program.measure(sizes[label]) for label in (*out, summed))
            factors = inverse.inputs[0]
            spec = (la, lb, out, summed == row)
            out_sizes = tuple(sizes[label] for label in out)
            value = self.program.add(Ops.SOLVE, (factors, y), spec, out_sizes, flops)
            return self._reduced((value, out), needed)
        return None

    def _path(self, parts: Sequence[Pair], output: Labels) -> list[tuple[int, int]]:
        lengths: dict[Label, int] = {}
        for value, labels in parts:
            lengths.update(zip(labels, self.program.shape(value), strict=True))
        return search([labels for _, labels in parts], output, lengths)


def _form(a: Pair, b: Pair, kept: Labels) -> tuple[object, dict[Label, int]]:
    """What a product is, whatever its labels are called and in whatever order its operands and axes
    stand; with it the names that it gives to labels, by first appearance.

    >>> form, names = _form((3, (7, 8)), (2, (8, 9)), (7, 9))
    >>> form
    ((2, 3, (0, 1), (2, 0)), frozenset({1, 2}))
    >>> names
    {8: 0, 9: 1, 7: 2}
    """
    forms = []
    for (x, la), (y, lb) in ((a, b), (b, a)):
        names = {label: n for n, label in enumerate(dict.fromkeys(la + lb))}
        first, second = tuple(names[label] for label in la), tuple(names[label] for label in lb)
        forms.append(((x, y, first, second), names))
    operands, names = min(forms, key=lambda form: form[0])
    return (operands, frozenset(names[label] for label in kept)), names
