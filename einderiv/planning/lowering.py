"""From expressions and sizes to steps. Pairwise contraction along a path that opt_einsum chooses.

Nested products that are used once are multiplied out into their consumer, so that the path is free
to choose any order; what is used more often is computed once. Deltas cost nothing: only the core of
an einsum is computed, and where it sits in the full tensor is a step of kind "write".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from typing import Any, Generic, NamedTuple, TypeGuard, TypeVar

from ..errors import limits, our_bug
from ..expression import (
    NO_LETTERS,
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Labels,
    Number,
    Size,
    Sizes,
    Tensor,
    bare,
    children,
    connected,
    core_labels,
    is_zero,
    walk,
    with_slots,
)
from .paths import search
from .program import Program, contraction
from .symmetry import Symmetries

INLINE = 64  # factors: a nested product is multiplied out into a product of at most this many
GROWN = 1 << 13  # entries of a product whose smallest operand takes the number in front

Pair = tuple[int, Labels]  # a value and its labels
Value = TypeVar("Value")


class Term(NamedTuple, Generic[Value]):
    """One term of a tensor: factors that share no label, and the labels of all axes of the tensor.

    A factor is a value and its labels: the number of a step while it is planned, then an array.
    """

    factors: tuple[tuple[Value, Labels], ...]
    output: Labels


class Planner:
    """Lowers expressions into one program; expressions that share nodes share steps."""

    def __init__(
        self,
        roots: Iterable[Expr],
        sizes: Sizes,
        number: Callable[[Size], int],
        optimize: Any = "auto",
    ) -> None:
        self.sizes, self.optimize = sizes, optimize
        self.program = Program(number)
        self.symmetries = Symmetries(self.program)
        self.roots = list(roots)
        self.values: dict[int, int] = {}
        self.products: dict[
            object, Pair
        ] = {}  # values by what they are products of, with names for their labels
        self.multiplied: dict[
            int, Einsum
        ] = {}  # products with nested ones multiplied out, by their id
        self.uses = Counter(id(c) for node in walk(self.roots) for c in children(node))
        self.uses.update(map(id, self.roots))

    def lower(self, e: Expr) -> int:
        """The value of `e` as a dense tensor."""
        for node in self._order(e):
            if id(node) not in self.values:
                self.values[id(node)] = self._dense(node)
        return self.values[id(e)]

    def lower_core(self, e: Einsum) -> Term[int]:
        """The core of `e` without its embedding: an outer product as its factors, the smallest
        with the coefficient.
        """
        for node in self._order(e):
            if id(node) not in self.values and node is not e:
                self.values[id(node)] = self._dense(node)
        flat = self._flat(e)
        labels = core_labels(flat)
        factors: list[Pair] = []
        components = self._components(self._parts(flat), set(labels))
        for parts in components:
            own = tuple(dict.fromkeys(x for _, ls in parts for x in ls if x in labels))
            out = labels if len(components) == 1 else own
            factors.append((self._product(parts, out), out))
        if not factors:
            return self._core(e)
        least = min(range(len(factors)), key=lambda k: self.program.entries(factors[k][0]))
        value, out = factors[least]
        factors[least] = (self._scaled(value, flat, flat.coefficient), out)
        return Term(tuple(factors), flat.output)

    def _components(self, parts: list[Pair], kept: set[int]) -> list[list[Pair]]:
        """`parts` by connected component of their labels, where the cores of these hold less than
        their product.

        Numbers go to the component with the smallest core.
        """
        groups = connected([labels for _, labels in parts])
        groups.sort(key=lambda group: group[-1])  # by their last operands
        found = [[parts[k] for k in group] for group in groups]
        cores = [
            {
                x: n
                for value, ls in group
                for x, n in zip(ls, self.program.shape(value), strict=True)
                if x in kept
            }
            for group in found
        ]
        proper = sorted((prod(core.values()), k) for k, core in enumerate(cores) if core)
        sizes = [size for size, _ in proper]
        if not proper or sum(sizes) > prod(sizes):
            return [parts] if parts else []
        found[proper[0][1]] += [
            p for group, core in zip(found, cores, strict=True) if not core for p in group
        ]
        return [found[k] for k in sorted(k for _, k in proper)]

    def _order(self, e: Expr) -> Iterable[Expr]:
        """Nodes to compute before `e`: children first, without those that are multiplied out."""

        def below(node: Expr) -> tuple[Expr, ...]:
            if id(node) in self.values:
                return ()
            if isinstance(node, Einsum):
                return self._flat(node).factors
            if isinstance(node, Add):
                return tuple(
                    f
                    for a in node.addends
                    for f in (self._flat(a).factors if self._folded(a) else (a,))
                )
            return children(node)

        return walk([e], below)

    def _folded(self, e: Expr) -> TypeGuard[Einsum]:
        """Is `e` a term that its sum writes into place, instead of a dense value of its own?"""
        return isinstance(e, Einsum) and not e.plain and self.uses[id(e)] == 1

    def _flat(self, e: Einsum) -> Einsum:
        """`e` with the products that only it uses multiplied out. The labels of its output stay
        what they are.
        """
        if id(e) not in self.multiplied:
            flat = e
            while e.count <= INLINE and (once := tuple(f for f in flat.factors if self._single(f))):
                flat = with_slots(flat, flat.slots, letters=NO_LETTERS, inline=once)
            self.multiplied[id(e)] = flat
        return self.multiplied[id(e)]

    def _single(self, f: Expr) -> bool:
        return isinstance(f, Einsum) and self.uses[id(f)] == 1

    def _rep(self, sizes: Iterable[Size]) -> tuple[Size, ...]:
        return tuple(s if isinstance(s, int) else self.sizes.find(s) for s in sizes)

    def _dense(self, e: Expr) -> int:
        match e:
            case Tensor():
                return self.program.add("input", (), (e.name,), self._rep(e.sizes))
            case Constant():
                return self._held(e)
            case Apply():
                return self._apply(e)
            case Add():
                return self._written([self._term(a) for a in e.addends], e)
            case Einsum():
                return self._written([] if is_zero(e) else [self._core(e)], e)
        return our_bug(f"no steps for {type(e).__name__}")

    def _apply(self, e: Apply) -> int:
        """A function. What only broadcasts a number is given as the number; matrices are
        factored once for all uses.
        """
        inputs, sizes = tuple(self._argument(e, a) for a in e.arguments), self._rep(e.sizes)
        entries = float(max(self.program.entries(k) for k in inputs))
        if e.function.kind == "reshape":
            return self.program.add("reshape", inputs, (), sizes)
        if e.function.kind == "factored":
            before = self.program.steps[inputs[0]].sizes
            cubed = entries * self.program.number(before[-1])
            inputs = (self.program.add("factor", inputs, (), before, 2 / 3 * cubed),)
            return self.program.add(
                "apply", inputs, (e.function, e.core, e.parameters), sizes, 4 / 3 * cubed
            )
        return self.program.add(
            "apply", inputs, (e.function, e.core, e.parameters), sizes, 10 * entries
        )

    def _argument(self, e: Apply, a: Expr) -> int:
        alone = len(e.arguments) == 1 or e.core or a is e.arguments[0]
        # The output of a delta repeats a label: it is no number.
        if (
            alone
            or not isinstance(a, Einsum)
            or a.factors
            or bare(a)
            or len(set(a.output)) < a.ndim
        ):
            return self.values[id(a)]
        return self.program.add("number", (), (a.coefficient,), ())

    def _held(self, e: Constant) -> int:
        index = next(
            (k for k, a in enumerate(self.program.held) if a is e.value), len(self.program.held)
        )
        if index == len(self.program.held):
            self.program.held.append(e.value)
        return self.program.add("input", (), (f"#{index}",), e.sizes)

    def _term(self, e: Expr) -> Term[int]:
        if self._folded(e):
            return self._core(e)
        labels = tuple(range(e.ndim))
        return Term(((self.values[id(e)], labels),), labels)

    def _written(self, terms: list[Term[int]], e: Expr) -> int:
        """The sum of terms as a dense tensor; zeros are allocated only if a term does not fill
        its place.
        """
        sizes = self._rep(e.sizes)
        cores = [(value, labels, output) for ((value, labels),), output in terms]
        if cores and all(labels == output for _, labels, output in cores):
            return self._total([value for value, _, _ in cores])
        places: dict[Any, Counter[int]] = {}
        diagonal = any(len(set(output)) < len(output) for _, _, output in cores)
        for value, labels, output in cores:
            names = {x: p for p, x in enumerate(dict.fromkeys(output))}
            labels, sign = min(self.symmetries.ways((value, tuple(names[x] for x in labels))))
            place = labels, tuple(names[x] for x in output)
            # What sits in one place is added before it is written there; without diagonals all is
            # one expression.
            places.setdefault((place, None if diagonal else value), Counter())[value] += sign
        values = tuple(
            self._total([self._times(v, n) for v, n in group.items()]) for group in places.values()
        )
        flops = float(sum(map(self.program.entries, values)))
        return self.program.add("write", values, tuple(place for place, _ in places), sizes, flops)

    def _total(self, values: Sequence[int]) -> int:
        if len(values) == 1:
            return values[0]
        flops = (len(values) - 1.0) * self.program.entries(values[0])
        return self.program.add(
            "add", tuple(values), (), self.program.steps[values[0]].sizes, flops
        )

    def _core(self, e: Einsum) -> Term[int]:
        flat = self._flat(e)
        labels = core_labels(flat)
        if flat.factors:
            parts, number = self._parts(flat), flat.coefficient
            least = min(range(len(parts)), key=lambda k: self.program.entries(parts[k][0]))
            if self._grows(flat, labels, parts[least][0]):
                parts[least] = (self._scaled(parts[least][0], flat, number), parts[least][1])
                return Term(((self._product(parts, labels), labels),), flat.output)
            value = self._product(parts, labels)
        else:
            value, number = self.program.add("number", (), (flat.coefficient,), ()), 1
        return Term(((self._scaled(value, flat, number), labels),), flat.output)

    def _grows(self, flat: Einsum, labels: Labels, least: int) -> bool:
        """Is the product so much larger than its smallest operand that a number belongs to that?"""
        slots = flat.slots
        sizes = {x: s for f, ls in slots for x, s in zip(ls, f.sizes, strict=True)}
        entries = prod(self.program.number(sizes[x]) for x in labels)
        return entries >= max(GROWN, 8 * self.program.entries(least))

    def _parts(self, flat: Einsum) -> list[Pair]:
        return [(self.values[id(f)], ls) for f, ls in flat.slots]

    def _scaled(self, value: int, flat: Einsum, number: Number) -> int:
        """A value times a number, and times the size of every label of `flat` that is in no
        factor and not kept.
        """
        given = dict(flat.given)
        sizes = self._rep(given[x] for x in bare(flat))
        if not sizes and number == 1:
            return value
        return self.program.add(
            "scale",
            (value,),
            (number, sizes),
            self.program.steps[value].sizes,
            float(self.program.entries(value)),
        )

    def _product(self, parts: list[Pair], output: Labels) -> int:
        """Contract `parts` pairwise; the value has the labels `output`, in that order."""
        counts = Counter(x for _, ls in parts for x in set(ls))
        kept = {x for x in counts if counts[x] > 1}.union(output)
        parts = [
            part if self._waits(part, counts, output) else self._reduced(part, kept)
            for part in parts
        ]
        for i, j in self._path(parts, output):
            b, a = parts.pop(max(i, j)), parts.pop(min(i, j))
            needed = set(output).union(*(ls for _, ls in parts))
            parts.append(self._pair(a, b, needed, output if not parts else None, output))
        (value, labels) = parts[0]
        if labels != output:
            value = self._view(value, labels, output)
        return value

    def _reduced(self, part: Pair, kept: set[int]) -> Pair:
        """Diagonals read and private labels summed, before anything is multiplied."""
        value, labels = part
        distinct = tuple(dict.fromkeys(labels))
        if distinct != labels:
            value = self._view(value, labels, distinct)
        out = tuple(x for x in distinct if x in kept)
        if out != distinct:
            sizes = dict(zip(distinct, self.program.steps[value].sizes, strict=True))
            distinct, sign = min(self.symmetries.ways((value, distinct)))
            value = self.program.add(
                "sum",
                (value,),
                (distinct, out),
                tuple(sizes[x] for x in out),
                float(self.program.entries(value)),
            )
            value = self._times(value, sign)
        return value, out

    def _view(self, value: int, labels: Labels, out: Labels) -> int:
        sizes = dict(zip(labels, self.program.steps[value].sizes, strict=True))
        return self.program.add("view", (value,), (labels, out), tuple(sizes[x] for x in out))

    def _pair(
        self, a: Pair, b: Pair, needed: set[int], output: Labels | None, last: Labels
    ) -> Pair:
        """The product of two values over the labels that are needed; in the order `output` where
        it is the last one.
        """
        solved = self._solved(a, b, needed) or self._solved(b, a, needed)
        if solved is not None:
            value, labels = solved
            return (
                (value, labels)
                if output is None or output == labels
                else (self._view(value, labels, output), output)
            )
        (x, la), (y, lb) = a, b = (
            self._reduced(a, needed.union(b[1])),
            self._reduced(b, needed.union(a[1])),
        )
        sizes = dict(zip(la, self.program.steps[x].sizes, strict=True))
        sizes.update(zip(lb, self.program.steps[y].sizes, strict=True))
        kept = tuple(label for label in dict.fromkeys(la + lb) if label in needed)
        batch, summed, first, second = contraction(la, lb, kept)
        form, names = _form((x, la), (y, lb), kept)
        for value, labels in self._known((x, la), (y, lb), kept):
            if output is None or output == labels:
                return value, labels
            if summed:  # an outer product is made again as fast as it is read in another order
                return self._view(value, labels, output), output
        out = batch + first + second if output is None else output
        if output is None and not summed and set(out) <= set(last):
            # as in the result which it is a factor of
            out = tuple(label for label in last if label in out)
        limits.check("axes", len(out), "of an intermediate result")
        flops = prod(map(self.program.number, sizes.values())) * (2.0 if summed else 1.0)
        value = self.program.add(
            "contract2", (x, y), (la, lb, out), tuple(sizes[label] for label in out), flops
        )
        self.products[form] = value, tuple(names[label] for label in out)
        return value, out

    def _known(self, a: Pair, b: Pair, kept: Labels) -> Iterator[Pair]:
        """What a product is already, in all the ways in which its operands' symmetries let it be
        written.
        """
        for la, sign in self.symmetries.ways(a):
            for lb, other in self.symmetries.ways(b):
                form, names = _form((a[0], la), (b[0], lb), kept)
                if form in self.products:
                    value, known = self.products[form]
                    back = {name: label for label, name in names.items()}
                    yield self._times(value, sign * other), tuple(back[name] for name in known)

    def _times(self, value: int, number: int) -> int:
        """A value times a whole number, which an operand takes where the value is an outer
        product.
        """
        step, entries = self.program.steps[value], float(self.program.entries(value))
        if number == 1:
            return value
        if step.kind == "contract2" and {*step.spec[2]} == {*step.spec[0], *step.spec[1]}:
            least = min((0, 1), key=lambda k: self.program.entries(step.inputs[k]))
            if entries >= max(GROWN, 2 * self.program.entries(step.inputs[least])):
                inputs = [*step.inputs]
                inputs[least] = self._times(inputs[least], number)
                return self.program.add(
                    "contract2", tuple(inputs), step.spec, step.sizes, step.flops
                )
        if step.kind == "scale":
            before, sizes = step.spec
            return self.program.add(
                "scale", step.inputs, (number * before, sizes), step.sizes, entries
            )
        return self.program.add("scale", (value,), (number, ()), step.sizes, entries)

    def _inverse(self, part: Pair) -> bool:
        value, labels = part
        step = self.program.steps[value]
        return (
            step.kind == "apply" and step.spec[0].name == "inv" and len(set(labels)) == len(labels)
        )

    def _waits(self, part: Pair, counts: Counter[int], output: Labels) -> bool:
        """Is this an inverse that will be a solve? Then none of its labels is summed before."""
        return self._inverse(part) and any(counts[x] > 1 and x not in output for x in part[1][-2:])

    def _solved(self, a: Pair, b: Pair, needed: set[int]) -> Pair | None:
        """``inv(A) @ b`` as a solve with the factors of A, if `a` is an inverse and `b` has its
        row or column label.
        """
        (x, la), (y, lb) = a, b
        step = self.program.steps[x]
        if not self._inverse(a):
            return None
        *batch, row, column = la
        for summed, kept in ((column, row), (row, column)):
            if summed in lb and summed not in needed:
                rest = tuple(label for label in lb if label not in batch and label != summed)
                out = (*batch, kept, *rest)
                sizes = dict(zip(la + lb, (*step.sizes, *self.program.steps[y].sizes), strict=True))
                limits.check("axes", len(out), "of an intermediate result")
                flops = 2.0 * prod(self.program.number(sizes[x]) for x in (*out, summed))
                value = self.program.add(
                    "solve",
                    (step.inputs[0], y),
                    (la, lb, out, summed == row),
                    tuple(sizes[label] for label in out),
                    flops,
                )
                return self._reduced((value, out), needed)
        return None

    def _path(self, parts: Sequence[Pair], output: Labels) -> list[tuple[int, int]]:
        numbers = {
            x: n for value, ls in parts for x, n in zip(ls, self.program.shape(value), strict=True)
        }
        return search([ls for _, ls in parts], output, numbers, self.optimize)


def _form(a: Pair, b: Pair, kept: Labels) -> tuple[object, dict[Label, int]]:
    """What a product is, whatever its labels are called and in whatever order its operands and axes
    stand.

    The names that it gives to labels come with it.
    """
    forms = []
    for (x, la), (y, lb) in ((a, b), (b, a)):
        names = {label: n for n, label in enumerate(dict.fromkeys(la + lb))}
        forms.append(
            (
                (x, y, tuple(names[label] for label in la), tuple(names[label] for label in lb)),
                names,
            )
        )
    found, names = min(forms, key=lambda form: form[0])
    return (found, frozenset(names[label] for label in kept)), names
