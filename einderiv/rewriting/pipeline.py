"""From expressions to a program: rewritten as long as that pays, and lowered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any

from ..errors import LimitError, counted
from ..expression import Einsum, Expr, Size, Sizes, swapped, terms, walk
from ..planning import Planner, Program, Term, arranged, asked, step_seconds
from .environments import swept_backwards
from .search import improved

BYTES = 16  # of an entry, at most


def planned(
    roots: Sequence[Expr],
    sizes: Sizes,
    measure: Callable[[Size], int],
    *,
    dense: bool,
    optimize: Any,
    without: Sequence[str] = (),
    worth: float | None = None,
) -> tuple[Program, list[list[Term[int]]]]:
    """One program for all roots: their dense values, or the factors of the cores of their terms.

    Rewrites called `without` are left out; a program that takes no longer than `worth` seconds is
    not rewritten.
    """
    leaves: tuple[Expr, ...] = (
        tuple(roots) if dense else tuple(chain.from_iterable(map(terms, roots)))
    )

    def plan(
        leaves: tuple[Expr, ...],
    ) -> tuple[list[float], tuple[Program, list[Term[int] | None]]]:
        planner = Planner(leaves, sizes, measure)
        program = planner.program
        factored: list[Term[int] | None] = []
        if dense:
            program.outputs = [planner.lower(leaf) for leaf in leaves]
        else:
            factored = [_factored(planner, leaf) for leaf in leaves]
            start = 0
            for root in roots:
                stop = start + len(terms(root))
                factored[start:stop] = planner.joined(factored[start:stop])
                start = stop
            for term in filter(None, factored):
                program.outputs += [value for value, _ in (*term.factors, *term.hots)]
        known = arranged(program)
        times = [step_seconds(program, k, known) for k in program.live()]
        return times, (program, factored)

    try:
        with asked(optimize) as searches:
            swept: list[str] = []
            if dense:
                for swaps in swept_backwards(leaves, sizes):
                    leaves = swapped(leaves, swaps)
                    swept = ["gradients: along the path of the value"]
            (program, factored), notes = improved(
                leaves, sizes, plan, fixed=not dense, without=without, worth=worth
            )
        float(BYTES * sum(map(program.entries, range(len(program.steps)))))
    except OverflowError:  # an estimate is a float
        widest = max(node.ndim for node in walk(roots))
        raise LimitError(
            f"arrays of {counted(widest, 'axis')} and these sizes have more than 1e308 entries: "
            "nothing can be planned for them"
        ) from None
    program.notes += [*searches.said(), *swept, *notes]
    if dense:
        return program, []
    in_order = iter(factored)
    by_root: list[list[Term[int]]] = []
    for root in roots:
        own = islice(in_order, len(terms(root)))
        by_root.append([term for term in own if term is not None])
    return program, by_root


def _factored(planner: Planner, term: Expr) -> Term[int] | None:
    """A term in its parts; None where it has no point."""
    if isinstance(term, Einsum):
        return planner.lower_core(term)
    labels = tuple(range(term.ndim))
    return Term(((planner.lower(term), labels),), labels)
