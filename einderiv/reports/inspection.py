"""What will run, before there are arrays: the source of an expression, and a plan with its
costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
    Expr,
    Polynomial,
    Size,
    axis_names,
    leaves,
    measured,
    natural,
    parsed_bytes,
    shapes_of,
    solved,
    spoken,
    tensors_in,
)
from ..planning import check_optimizer
from ..rewriting import Target, optimized
from .plan_cluster import ClusterPlan
from .plan_table import Plan

SPOKEN = 6  # unknown sizes that a plan names
UNKNOWN = 32  # what an unknown size counts as, where only the order of contraction depends on it
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

    Raises BackendError for a backend that is not there, or for a function that it has no form for.
    """
    if isinstance(backend, str) and backend in LISTINGS:
        return listing(e, backend)
    check_backend(backend, LISTINGS)
    return emitted(e, BACKENDS[backend or "numpy"], {}).source


def emitted(e: Any, backend: Backend, shapes: Mapping[str, Any], optimize: Any = "auto") -> Emitted:
    """The source for sizes that need not be known."""
    planned = _unsized(e, shapes, optimize)
    return emit_readable(
        planned.program,
        tuple(leaves(e)),
        planned.sizes,
        backend,
        order=planned.inputs,
        many=not isinstance(e, Expr),
    )


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
    given counts as 32. With `workers`, `memory` bytes each (a number, or text such as ``"16GiB"``),
    it is a :class:`ClusterPlan`: tasks, bytes sent, the peak of one worker, and whether one machine
    is faster; ``ed.costs.task`` and ``ed.costs.sent`` are what it counts with.

    >>> import einderiv as ed
    >>> print(plan(ed.einsum("ij,j->i", "A", "x"), {"A": (2, 3)}))
    step      einsum   kernel  flops  bytes  time
    contract  ab,b->a  gemv       12     16  100%
    total 12 flops; largest array 16 bytes; results 16 bytes

    Raises EinderivError for an unknown name or path search.
    """
    check_optimizer(optimize)
    unsized = _unsized(e, {} if sizes is None else sizes, optimize)
    notes = [*unsized.program.notes, *unsized.assumptions()]
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


class _Unsized:
    """A program for sizes that need not be known."""

    def __init__(
        self, roots: list[Expr], given: Mapping[str, Any], optimize: Any, dense: bool
    ) -> None:
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
        self.sizes = solved(roots, shapes_of(of_tensors), of_labels)
        self.inputs = needed(roots)
        self.assumed: dict[Size, str] = {}  # sizes that nothing says, as a message names them
        self.program, _ = planned(roots, self.sizes, self._number, dense=dense, optimize=optimize)

    def _number(self, size: Size) -> int:
        measure = self.sizes.known_measure(size)
        if measure is not None:
            return measure
        root = self.sizes.find(size)
        if isinstance(root, Polynomial):
            try:
                number = measured(root, self._number)
            except LimitError:
                return BEYOND
            return min(max(number or 0, 1), BEYOND)
        self.assumed.setdefault(root, spoken(size))
        return UNKNOWN

    def assumptions(self) -> list[str]:
        """A note that says which sizes nothing gave."""
        if not self.assumed:
            return []
        words = list(self.assumed.values())
        more = f" and {len(words) - SPOKEN} more" if len(words) > SPOKEN else ""
        return [f"assumed {UNKNOWN} for {', '.join(words[:SPOKEN])}{more}: give sizes for costs"]


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


def core_entries(e: Expr, sizes: Mapping[str, Any]) -> int:
    """How many numbers the cores of `e` hold."""
    program = _unsized(e, sizes, dense=False).program
    return sum(program.entries(k) for k in set(program.outputs))
