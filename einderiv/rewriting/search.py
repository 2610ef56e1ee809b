"""Rewrites of expressions that are kept where the whole program gets cheaper.

First whole programs are compared: as it is written, and with products of sums taken apart; the
fastest is kept. Then each place that a row of the table of rewrites proposes is tried, one at a
time, by planning the whole program anew; what does not pay is dropped. Trials are counted, no clock
is read, so that plans are reproducible. The estimate is one of time: the larger of arithmetic and
memory traffic for each step, and an overhead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from ..errors import counted
from ..expression import Add, Einsum, Expr, Roots, Sizes, Swaps, added, carried, swapped, walk
from ..planning import tuning
from . import rewrites
from .cse import shared
from .distribution import restricted, spread
from .environments import along_one_tree
from .rewrites import DISTRIBUTING, Rewrite

Planned = TypeVar("Planned")

STARTS = 2  # forms of a whole program that are changed place by place


def improved(
    roots: Roots,
    sizes: Sizes,
    plan: Callable[[Roots], tuple[Sequence[float], Planned]],
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
    rows = [row for row in rewrites.REWRITES if row.name not in without]
    found, done = _searched(roots, sizes, plan, rows, fixed=fixed, worth=worth)
    if not fixed and found.time > worth and DISTRIBUTING[0] not in without:
        apart = _terms_apart(roots, sizes, plan, rows, worth)
        if apart is not None and apart.time < found.time:
            return apart.plan, [*done, "terms: each as if it were alone"]
    return found.plan, done


def _terms_apart(
    roots: Roots,
    sizes: Sizes,
    plan: Callable[[Roots], tuple[Sequence[float], Planned]],
    rows: Sequence[Rewrite],
    worth: float,
) -> Found[Planned] | None:
    """What is read of a sum of a few terms, each in the form that it has alone: in the whole what
    is shared may keep a form that costs more.
    """
    if len(roots) > 1:
        return None
    root = spread(roots[0])
    if not isinstance(root, Add) or len(root.addends) > tuning.terms_apart:
        return None
    is_small = sum(1 for _ in walk([root])) <= tuning.nodes_apart
    if not is_small or not any(map(_holds_a_sum, root.addends)):
        return None
    terms: list[Expr] = []
    for term in root.addends:
        found, _ = _searched((term,), sizes, plan, rows, fixed=False, worth=worth)
        terms.append(found.roots[0])
    form = shared((added(terms, flat=False),))
    return Found(form, *plan(form))


def _holds_a_sum(term: Expr) -> bool:
    return any(isinstance(node, Add) for node in walk([term]))


def _searched(
    roots: Roots,
    sizes: Sizes,
    plan: Callable[[Roots], tuple[Sequence[float], Planned]],
    rows: Sequence[Rewrite],
    *,
    fixed: bool,
    worth: float,
) -> tuple[Found[Planned], list[str]]:
    """The fastest form that is found, and what was done."""
    done: list[str] = []
    factors = sum(root.count for root in roots if isinstance(root, Einsum))
    if not fixed and factors >= tuning.shared_factors:
        for swaps in along_one_tree(roots, sizes):
            # What many products share is clear before anything is estimated.
            roots = swapped(roots, swaps)
            done = ["environments: one tree for all"]
    trials = Trials(plan, roots, fixed=fixed)
    plain = _plain(roots, fixed=fixed)
    written = Found(plain, *plan(plain))
    starts: list[tuple[Found[Planned], list[str]]] = [(written, [])]
    if written.time > tuning.often_seconds:
        forms = _proposals([row for row in rows if row.whole], roots, sizes)
        starts = _fastest(written, trials.of(forms, roots)) or starts
    single = [row for row in rows if not row.whole]
    ends = [_descended(now, notes, trials, single, sizes, worth) for now, notes in starts]
    now, notes = min(ends, key=lambda end: end[0].time)
    done += notes
    if trials.refused:
        done.append(f"stopped after {counted(trials.count, 'trial')}")
    return now, done


def _descended(
    now: Found[Planned],
    done: list[str],
    trials: Trials[Planned],
    rows: Sequence[Rewrite],
    sizes: Sizes,
    worth: float,
) -> tuple[Found[Planned], list[str]]:
    """A form changed place by place, as long as that pays; and what was done."""
    if now.time > worth:
        # Only now: a sum that seems to be formed for several products is less often taken apart.
        now = now._replace(roots=shared(now.roots))
    done = [*done]
    pays = True
    while pays and now.time > worth:
        pays = False
        for name, found in trials.of(_proposals(rows, now.roots, sizes), now.roots):
            if found.pays(now):
                done.append(f"{name}: {found.time / now.time:.2g} of the time before")
                now = found
                pays = True
                break
    return now, done


class Found(NamedTuple, Generic[Planned]):
    """A form of the program, the estimated times of its steps, and its plan."""

    roots: Roots
    times: Sequence[float]
    plan: Planned

    @property
    def time(self) -> float:
        return sum(self.times)

    def pays(self, before: Found[Planned]) -> bool:
        """Does this form take clearly less time than the one before?

        Steps that take as long in both say nothing, however long: where one of many terms gets
        cheaper, this counts as much as if it were alone.
        """
        new, old = Counter(self.times), Counter(before.times)
        return _seconds(new - old) < tuning.rewrite_gain * _seconds(old - new)


class Trials(Generic[Planned]):
    """The plans that may be tried: fewer for a large program, so that planning grows with it and no
    faster.
    """

    def __init__(
        self, plan: Callable[[Roots], tuple[Sequence[float], Planned]], roots: Roots, *, fixed: bool
    ) -> None:
        self.plan, self.fixed = plan, fixed
        nodes = list(walk(roots))
        # A product is planned operand by operand.
        operands = sum([len(node.factors) for node in nodes if isinstance(node, Einsum)])
        by_nodes = tuning.tried_nodes // max(len(nodes), 1)
        by_operands = tuning.tried_operands // max(operands, 1)
        self.most = min(tuning.trials, by_nodes, by_operands)
        self.count = 0
        self.refused = False  # was there one more to try?

    def of(
        self, proposals: Iterator[tuple[str, Swaps]], roots: Roots
    ) -> Iterator[tuple[str, Found[Planned]]]:
        """What comes of the proposals for `roots`, one after the other."""
        for name, swaps in proposals:
            if self.count >= self.most:
                self.refused = True
                return
            if self.fixed and not _keeps_cores(roots, swaps):
                continue
            self.count += 1
            candidate = swapped(roots, swaps)
            yield name, Found(candidate, *self.plan(candidate))


def _seconds(times: Counter[float]) -> float:
    return sum(seconds * steps for seconds, steps in times.items())


def _plain(roots: Roots, *, fixed: bool) -> Roots:
    """What is compared with: as it is written, but for diagonals of sums, which are never more work
    when they are read from the terms.
    """
    plain = restricted(roots)
    if fixed and not _keeps_cores(roots, dict(zip(map(id, roots), plain, strict=True))):
        return roots
    return plain


def _fastest(
    written: Found[Planned], forms: Iterator[tuple[str, Found[Planned]]]
) -> list[tuple[Found[Planned], list[str]]]:
    """The fastest of the forms that pay, and what was done; at most STARTS of them, for what is
    fastest now need not be so in the end.
    """
    paying: list[tuple[Found[Planned], list[str]]] = []
    for name, form in forms:
        if form.pays(written):
            paying.append((form, [f"{name}: {form.time / written.time:.2g} of the time before"]))
    paying.sort(key=lambda found: found[0].time)
    return paying[:STARTS]


def _proposals(rows: Sequence[Rewrite], roots: Roots, sizes: Sizes) -> Iterator[tuple[str, Swaps]]:
    """What the rows propose, in their order."""
    for row in rows:
        for swaps in row.places(roots, sizes):
            yield row.name, swaps


def _keeps_cores(roots: Roots, swaps: Swaps) -> bool:
    """Are `roots` replaced by products whose cores sit in the same places?"""
    kept = {id(root): root for root in roots}
    return all(_alike(kept[key], swaps[key]) for key in kept.keys() & swaps.keys())


def _alike(a: Expr, b: Expr) -> bool:
    """Are both products, and do their cores sit in the same places?"""
    if not isinstance(a, Einsum) or not isinstance(b, Einsum):
        return False
    if a.parts is not None or b.parts is not None:
        return False  # where a core sits is said by relations, which have many forms
    return _core_places(a) == _core_places(b)


def _core_places(e: Einsum) -> list[int]:
    """For each axis the first one that carries its label; -1 where no factor does."""
    core = carried(e)
    return [e.output.index(x) if x in core else -1 for x in e.output]
