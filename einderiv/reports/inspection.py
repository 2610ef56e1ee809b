"""What will run, before there are arrays: the source of an expression, and a plan with its
costs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..backends import (
    BACKENDS,
    LISTINGS,
    NUMPY,
    Backend,
    Emitted,
    check_backend,
    emit_readable,
    listing,
)
from ..errors import EinderivError, LimitError, ShapeError
from ..expression import (
    Einsum,
    Expr,
    Label,
    Linear,
    Polynomial,
    Relation,
    Size,
    Sizes,
    axis_names,
    is_inside,
    leaves,
    measured,
    minus,
    natural,
    parsed_bytes,
    product_of_sizes,
    shapes_of,
    solved,
    spoken,
    tensors_in,
    walk,
)
from ..planning import check_optimizer
from ..rewriting import Target, optimized
from .plan_cluster import ClusterPlan
from .plan_table import Plan
from .symbolic_cost import size_letters, symbolic_cost

SPOKEN = 6  # unknown sizes that a plan names
#: what unknown sizes count as for two texts that must be the same: no two of them are equal, nor
#: is a size the sum of others, as the axis of a window with one place would be
UNLIKE = (
    ((97, 89, 71, 53, 41, 31, 23, 17, 11, 7, 5, 3), 17),
    ((122, 101, 83, 67, 48, 37, 29, 19, 13, 9, 6, 4), 21),
)
UNKNOWN = 32  # what an unknown size counts as, where only the order of contraction depends on it
TRIANGLES = ([-1, -1, 1], [-1, 1, 1])  # the coefficients of q = i - j
BEYOND = 2**1100  # entries: more than any estimate is made for
ITEM_BYTES = 8  # of an entry in double precision
#: what a plan without arrays is for; it is made also where its arrays would not fit
NUMPY_FLOATS = Target(
    passes=tuple(name for name in NUMPY.passes if name != "memory check"), kind="f", itemsize=8
)


def source(e: Any, backend: str = "numpy") -> str:
    """Straight-line Python that computes `e`: readable, runnable on its own, for arrays of any
    fitting shapes.

    Held arrays are arguments ``array0``, …; a size that no argument has is a keyword argument.

    >>> import einderiv as ed
    >>> print(source(ed.derive("is,st,tj->ij", 0)).splitlines()[3])
    def compute(B, C, *, i):

    Two more forms are not for running fast: ``"loops"``, nested loops to learn from, and
    ``"julia"``, for OMEinsum.jl.

    Slices, windows and reshapes are written for known sizes, but for those as ``x[1:]`` that read
    the same for all: of other expressions with them ``compile(e).source(shapes)`` says the source.

    Raises BackendError for a backend that is not there, or for a function that it has no form for,
    EinderivError for index expressions whose source would hold for some sizes only.
    """
    if isinstance(backend, str) and backend in LISTINGS:
        return listing(e, backend)
    check_backend(backend, LISTINGS)
    return emitted(e, BACKENDS[backend or "numpy"], {}).source


def emitted(e: Any, backend: Backend, shapes: Mapping[str, Any], optimize: Any = "auto") -> Emitted:
    """The source for sizes that need not be known."""
    planned = _unsized(e, shapes, optimize)
    found = _written(e, planned, backend)
    if not planned.assumed or _holds_for_all_sizes(leaves(e), planned.sizes, planned.number):
        return found
    if _reads_inside(leaves(e)):
        for is_falling in (True, False):
            first, second = [
                _Unsized(leaves(e), shapes, optimize, True, Unlike(*numbers, is_falling))
                for numbers in UNLIKE
            ]
            if first.is_generic and second.is_generic:
                found = _written(e, first, backend)
                if _written(e, second, backend).source == found.source:
                    return found
    raise EinderivError(
        "index expressions are written as slices, windows and reshapes of known sizes: "
        "compile(e).source(shapes) says the source for shapes of tensors, {'x': (9,), …}"
    )


class Unlike(NamedTuple):
    """Different numbers for sizes that nothing says: the first `few`, then others in steps."""

    few: tuple[int, ...]
    step: int
    is_falling: bool

    def of(self, k: int) -> int:
        """The number of the size that is asked for as the k-th."""
        order = self.few if self.is_falling else self.few[::-1]
        return order[k] if k < len(order) else max(order) + self.step * k


def _written(e: Any, planned: _Unsized, backend: Backend) -> Emitted:
    return emit_readable(
        planned.program,
        tuple(leaves(e)),
        planned.sizes,
        backend,
        order=planned.inputs,
        many=not isinstance(e, Expr),
    )


def _reads_inside(roots: Sequence[Expr]) -> bool:
    """Is nothing read or written outside an axis, whatever the sizes are? Then a text that is the
    same for several sizes, as ``x[1:]`` is, holds for all.
    """
    for node in walk(roots):
        if not isinstance(node, Einsum) or not node.relations:
            continue
        domains = dict(reversed(node.given))
        for factor, labels in node.slots:
            domains.update(zip(labels, factor.axis_sizes, strict=True))
        if not all(_is_place(one, domains) for one in node.relations):
            return False
    return True


def _is_place(one: Relation, domains: Mapping[Label, Size]) -> bool:
    """Is one label of a relation what the others say, and that in its domain for certain?"""
    for label, sign in one.terms:
        if sign not in (1, -1):
            continue
        terms = [(x, minus(0, k) if sign == 1 else k) for x, k in one.terms if x != label]
        constant = minus(0, one.constant) if sign == 1 else one.constant
        if is_inside(Linear(constant, tuple(terms)), domains, domains[label]):
            return True
    return False


def plan(
    e: Any,
    sizes: Mapping[str, Any] | None = None,
    *,
    optimize: Any = "auto",
    workers: int | None = None,
    memory: int | str | None = None,
) -> Plan:
    """The chosen order of contraction and its costs, printed as a table.

    `sizes` gives sizes by axis names or labels, or shapes by names of tensors. A size that is not
    given counts as 32, and the cost is a polynomial in the sizes too. With `workers`, `memory`
    bytes each (a number, or text such as ``"16GiB"``), it is a :class:`ClusterPlan`: tasks, bytes
    sent, the peak of one worker, and whether one machine is faster; ``ed.costs.task`` and
    ``ed.costs.sent`` are what it counts with.

    >>> import einderiv as ed
    >>> print(plan(ed.einsum("ij,j->i", "A", "x"), {"A": (2, 3)}))
        step      einsum   of    kernel  flops  bytes  time
    t1  contract  ij,j->i  A, x  gemv       12     16  100%
    total 12 flops; largest array 16 bytes; results 16 bytes

    Raises EinderivError for an unknown name or path search.
    """
    check_optimizer(optimize)
    unsized = _unsized(e, {} if sizes is None else sizes, optimize)
    notes = [*unsized.program.notes, *unsized.assumptions()]
    if unsized.assumed:
        cost = symbolic_cost(unsized.program, leaves(e), unsized.sizes)
        if cost is not None:
            notes.append(f"in sizes: {cost} flops")
    program = replace(unsized.program, notes=notes)
    following = optimized(program, NUMPY_FLOATS).passes
    if workers is None:
        if memory is not None:
            raise EinderivError("memory is that of a worker: give their number too, workers=")
        return Plan(program, ITEM_BYTES, leaves(e), following)
    if natural(workers, "workers") < 1:
        raise EinderivError(f"workers must be 1 or more, not {workers}")
    limit = None if memory is None else parsed_bytes(memory, "memory")
    return ClusterPlan(program, ITEM_BYTES, leaves(e), workers, limit)


def _holds_for_all_sizes(
    roots: Sequence[Expr], sizes: Sizes, number: Callable[[Size], int]
) -> bool:
    """Are relations only those of flattened axes and of triangles, whose steps say all sizes? An
    axis that has one place for the sizes that are assumed, ``n - k + 1``, has more for others.
    """
    for node in walk(roots):
        if isinstance(node, Einsum) and node.relations:
            size_of = dict(reversed(node.given))
            on_axes = set(node.output)
            for factor, labels in node.slots:
                on_axes.update(labels)
                size_of.update(zip(labels, factor.axis_sizes, strict=True))
            for one in node.relations:
                related = [size_of[label] for label, _ in one.terms]
                if any(not isinstance(size, int) and number(size) < 2 for size in related):
                    return False
                if not _is_triangle(one, on_axes) and not _is_flattening(one, size_of, sizes):
                    return False
    return True


def _is_triangle(one: Relation, on_axes: Collection[Label]) -> bool:
    """``q = i - j + k`` with a small number k, where q is on no axis: else it is a window."""
    if all(label in on_axes for label, _ in one.terms):
        return False
    small = isinstance(one.constant, int) and abs(one.constant) < UNKNOWN // 2
    numbers = [k for _, k in one.terms if isinstance(k, int)]
    return small and len(one.terms) == 3 and sorted(numbers) in TRIANGLES


def _is_flattening(one: Relation, size_of: Mapping[Label, Size], sizes: Sizes) -> bool:
    """``p = i n + j`` with the size n of j, and the size of p that of both."""
    for whole, sign in one.terms:
        if sign not in (1, -1) or one.constant:
            continue
        left = {x: minus(0, k) if sign == 1 else k for x, k in one.terms if x != whole}
        step: Size = 1
        while left:
            last = [x for x, k in left.items() if sizes.find(k) == sizes.find(step)]
            if not last:
                break
            del left[last[0]]
            step = product_of_sizes(step, size_of[last[0]])
        if not left and sizes.find(step) == sizes.find(size_of[whole]):
            return True
    return False


class _Unsized:
    """A program for sizes that need not be known."""

    def __init__(
        self,
        roots: list[Expr],
        given: Mapping[str, Any],
        optimize: Any,
        dense: bool,
        unlike: Unlike | None = None,
    ) -> None:
        """Sizes that nothing says are 32, or as `unlike` says."""
        from ..expression import needed
        from ..rewriting import planned

        for root in roots:
            if not isinstance(root, Expr):
                raise TypeError(
                    f"only expressions can be planned, not {type(root).__name__}; "
                    "ed.einsum makes one of a string"
                )
        if not isinstance(given, Mapping):
            raise TypeError(
                f"sizes come as a mapping, {{label: number}}, not as {type(given).__name__}"
            )
        tensors = tensors_in(roots)
        of_tensors: dict[str, Any] = {}
        of_labels: dict[str, int] = {}
        for name, value in given.items():
            if name in tensors and not isinstance(value, int):
                of_tensors[name] = value
            else:
                of_labels[name] = natural(value, f"the size of {name!r}")
        self.roots = roots
        self.sizes = solved(roots, shapes_of(of_tensors), of_labels)
        self.inputs = needed(roots)
        self.unlike = unlike
        self.is_generic = True  # is no size that follows from others 1 or less?
        self.assumed: dict[Size, str] = {}  # sizes that nothing says, as a message names them
        self.program, _ = planned(roots, self.sizes, self.number, dense=dense, optimize=optimize)

    def number(self, size: Size) -> int:
        measure = self.sizes.known_measure(size)
        if measure is not None:
            return measure
        root = self.sizes.find(size)
        if isinstance(root, Polynomial):
            try:
                number = measured(root, self.number)
            except LimitError:
                return BEYOND
            self.is_generic &= number is not None and number > 1
            return min(max(number or 0, 1), BEYOND)
        if root not in self.assumed:
            self.assumed[root] = spoken(size)
        if self.unlike is None:
            return UNKNOWN
        return self.unlike.of(list(self.assumed).index(root))

    def assumptions(self) -> list[str]:
        """A note that says which sizes nothing gave."""
        if not self.assumed:
            return []
        named = self.assumed_letters()
        if len(named) == len(self.assumed) <= SPOKEN:
            return [f"assumed {' = '.join(named)} = {UNKNOWN}: give sizes for costs"]
        words = list(self.assumed.values())
        more = f" and {len(words) - SPOKEN} more" if len(words) > SPOKEN else ""
        return [f"assumed {UNKNOWN} for {', '.join(words[:SPOKEN])}{more}: give sizes for costs"]

    def assumed_letters(self) -> list[str]:
        """The letters of the sizes that nothing gave, as they are written from left to right."""
        letters = size_letters(self.roots, self.sizes)
        return [letter for size, letter in letters.items() if size in self.assumed]


def _unsized(
    e: Any, given: Mapping[str, Any], optimize: Any = "auto", dense: bool = True
) -> _Unsized:
    return _Unsized(leaves(e), given, optimize, dense)


def check_given(e: Expr, given: Mapping[str, Any]) -> None:
    """Raise if an axis of `e` has no size by `given`."""
    sizes = _unsized(e, given).sizes
    for name, size in zip(axis_names(e), e.axis_sizes, strict=True):
        if sizes.known_measure(size) is None:
            raise ShapeError(f"sizes gives axis {name!r} no size; give all, or none")


def spoken_cost(e: Expr) -> list[str]:
    """What the core of an expression costs for any sizes, and what was assumed to choose the order
    of its products; nothing where there are none.
    """
    unsized = _unsized(e, {}, dense=False)
    cost = symbolic_cost(unsized.program, [e], unsized.sizes)
    if cost is None:
        return []
    in_cost = set(cost.split())
    assumed = [letter for letter in unsized.assumed_letters() if letter in in_cost]
    if not assumed:
        return [f"{cost} flops"]
    names = " = ".join(assumed)
    return [f"{cost} flops", f"the order of multiplication: assumed {names} = {UNKNOWN}"]


def core_entries(e: Expr, sizes: Mapping[str, Any]) -> int:
    """How many numbers the cores of `e` hold."""
    program = _unsized(e, sizes, dense=False).program
    return sum(program.entries(k) for k in set(program.outputs))
