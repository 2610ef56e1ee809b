"""Rewrites of expressions that are kept where the whole program gets cheaper.

Each place that a row of the table of rewrites proposes is tried, one at a time, by planning the
whole program anew; what does not pay is dropped. Trials are counted, no clock is read, so that
plans are reproducible. The estimate is one of time: the larger of arithmetic and memory traffic for
each step, and an overhead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ..expression import Einsum, Expr, Roots, Sizes, Swaps, carried, swapped, walk
from ..planning import tuning
from . import rewrites
from .cse import shared
from .environments import along_one_tree
from .rewrites import Rewrite

Planned = TypeVar("Planned")


def improved(
    roots: Roots,
    sizes: Sizes,
    plan: Callable[[Roots], tuple[float, Planned]],
    *,
    fixed: bool,
    without: Sequence[str] = (),
    worth: float | None = None,
) -> tuple[Planned, list[str]]:
    """The plan of `roots`, rewritten as long as the time that `plan` says with it falls; and what
    was done.

    Rewrites called `without` are left out. With `fixed` roots that are products stay products
    with the same core, for results that keep their structure. A program that takes no longer than
    `worth` stays what it is.
    """
    worth = tuning.worth_seconds if worth is None else worth
    done: list[str] = []
    factors = sum(root.count for root in roots if isinstance(root, Einsum))
    if not fixed and factors >= tuning.shared_factors:
        for swaps in along_one_tree(roots, sizes):
            # What many products share is clear before anything is estimated.
            roots = swapped(roots, swaps)
            done = ["environments: one tree for all"]
    time, best = plan(roots)
    if time > worth:
        roots = shared(roots)
    rows = [row for row in rewrites.REWRITES if row.name not in without]
    trials = 0
    pays = True
    while pays and time > worth and sum(1 for _ in walk(roots)) <= tuning.searched_nodes:
        pays = False
        kept = {id(root): root for root in roots} if fixed else {}
        for name, swaps in _proposals(rows, roots, sizes):
            if trials >= tuning.trials:
                break
            if not _keeps_cores(kept, swaps):
                continue
            trials += 1
            candidate_roots = swapped(roots, swaps)
            candidate_time, candidate = plan(candidate_roots)
            if candidate_time < tuning.rewrite_gain * time:
                done.append(f"{name}: {candidate_time / time:.2g} of the time before")
                roots, time, best = candidate_roots, candidate_time, candidate
                pays = True
                break
    if trials == tuning.trials:
        done.append(f"stopped after {trials} trials")
    return best, done


def _proposals(rows: Sequence[Rewrite], roots: Roots, sizes: Sizes) -> Iterator[tuple[str, Swaps]]:
    """What the rows propose, in their order."""
    for row in rows:
        for swaps in row.places(roots, sizes):
            yield row.name, swaps


def _keeps_cores(kept: Swaps, swaps: Swaps) -> bool:
    """Are the nodes that are `kept` replaced by products whose cores sit in the same places?"""
    return all(_alike(kept[key], swaps[key]) for key in kept.keys() & swaps.keys())


def _alike(a: Expr, b: Expr) -> bool:
    """Are both products, and do their cores sit in the same places?"""
    if not isinstance(a, Einsum) or not isinstance(b, Einsum):
        return False
    return _core_places(a) == _core_places(b)


def _core_places(e: Einsum) -> list[int]:
    """For each axis the first one that carries its label; -1 where no factor does."""
    core = carried(e)
    return [e.output.index(x) if x in core else -1 for x in e.output]
