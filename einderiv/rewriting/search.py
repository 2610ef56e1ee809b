"""Rewrites of expressions that are kept where the whole program gets cheaper.

A strategy is a row: what it does, an example, and the places where it might. Each place is tried,
one at a time, by planning the whole program anew; what does not pay is dropped. Trials are counted,
no clock is read, so that plans are reproducible. The estimate is one of time: the larger of
arithmetic and memory traffic for each step, and an overhead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeVar

from ..autodiff import pullback
from ..expression import (
    FLAT,
    Add,
    Apply,
    Einsum,
    Expr,
    Label,
    Labels,
    Roots,
    Sizes,
    Swaps,
    added,
    assemble,
    bare,
    carried,
    filled,
    placeholder,
    swapped,
    times,
    viewed,
    walk,
    with_slots,
)
from ..planning import search
from .congruence import halved_twins
from .cse import shared
from .dimension_tree import halved
from .factor import factored, partly_factored
from .reshapes import unmerged

P = TypeVar("P")

#: seconds: for a cheaper program it is not worth looking for a better one, if it is called once, if
#: it is called often
WORTH, OFTEN = 50e-6, 3e-6
TRIALS = 24  # plans that are tried for one program
NODES = 600  # larger expressions are planned as they are
LARGEST = 4  # operands that are contracted from their ends
SEVERAL = 40  # factors of all outputs: so many share the tree of their products without a trial
SPREAD = 8  # terms of a sum that a product is distributed over
PAYS = 0.95  # of the time before: less of a gain is an accident of the estimate


@dataclass(frozen=True)
class Strategy:
    """One row. `places` proposes rewrites of nodes, the most promising first."""

    name: str
    example: str
    places: Callable[[Roots, Sizes], Iterator[Swaps]]


def improved(
    roots: Roots,
    sizes: Sizes,
    plan: Callable[[Roots], tuple[float, P]],
    *,
    fixed: bool,
    without: Sequence[str] = (),
    worth: float | None = None,
) -> tuple[P, list[str]]:
    """The plan of `roots`, rewritten as long as the time that `plan` says with it falls; and what
    was done.

    Strategies called `without` are left out. With `fixed` roots that are products stay products
    with the same core, for results that keep their structure. A program that takes no longer than
    `worth` stays what it is.
    """
    worth, done = WORTH if worth is None else worth, list[str]()
    if not fixed and sum(root.count for root in roots if isinstance(root, Einsum)) >= SEVERAL:
        for swaps in _environments(roots, sizes):
            # What many products share is clear before anything is estimated.
            roots, done = swapped(roots, swaps), ["environments: one tree for all"]
    time, best = plan(roots)
    if time > worth:
        roots = shared(roots)
    rows = [row for row in STRATEGIES if row.name not in without]
    trials, found = 0, True
    while found and time > worth and trials < TRIALS and sum(1 for _ in walk(roots)) <= NODES:
        found = False
        kept = {id(root): root for root in roots} if fixed else {}
        for name, swaps in (
            (row.name, swaps) for row in rows for swaps in row.places(roots, sizes)
        ):
            if trials >= TRIALS or not all(
                _alike(kept[key], swaps[key]) for key in kept.keys() & swaps.keys()
            ):
                continue
            trials += 1
            other = swapped(roots, swaps)
            seconds_, candidate = plan(other)
            if seconds_ < PAYS * time:
                done.append(f"{name}: {seconds_ / time:.2g} of the time before")
                roots, time, best, found = other, seconds_, candidate, True
                break
    if trials == TRIALS:
        done.append(f"stopped after {trials} trials")
    return best, done


def _alike(a: Expr, b: Expr) -> bool:
    """Are both products, and do their cores sit in the same places?"""
    if not isinstance(a, Einsum) or not isinstance(b, Einsum):
        return False
    places = ([e.output.index(x) if x in carried(e) else -1 for x in e.output] for e in (a, b))
    return next(places) == next(places)


def _entries(e: Expr, sizes: Sizes) -> int:
    return prod(sizes.number(size) or 1 for size in e.sizes)


def _grown(e: Expr, sizes: Sizes) -> bool:
    """Is `e` a product that is larger than what it is made of, as ``U Vᵀ`` is?"""
    return (
        isinstance(e, Einsum)
        and len(e.factors) > 1
        and _entries(e, sizes) > max(_entries(f, sizes) for f in e.factors)
    )


def _distribute(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """A sum in all the products that it is a factor of, for then it need not be formed; and in one
    of them.

    Where the terms cancel, rounding errors are relative to the terms and no more to their sum. So
    this is done only where it saves forming a product.
    """
    places: dict[int, list[tuple[Einsum, int, Add]]] = defaultdict(list)
    for node in walk(roots):
        if isinstance(node, Einsum) and len(node.factors) > 1:
            for k, factor in enumerate(node.factors):
                short = isinstance(factor, Add) and len(factor.addends) <= SPREAD
                if (
                    isinstance(factor, Add)
                    and short
                    and any(_grown(a, sizes) for a in factor.addends)
                ):
                    places[id(factor)].append((node, k, factor))
    for found in places.values():
        distinct = {id(node): (node, k, factor) for node, k, factor in found}
        if len(distinct) > 1:
            yield {key: _distributed(*place) for key, place in distinct.items()}
        for node, k, factor in found:
            yield {id(node): _distributed(node, k, factor)}


def _distributed(node: Einsum, k: int, factor: Add) -> Expr:
    slots = node.slots
    before, labels, behind = slots[:k], slots[k][1], slots[k + 1 :]
    return added(
        [
            with_slots(node, [*before, (term, labels), *behind], inline=(term,))
            for term in factor.addends
        ]
    )


def _inline(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """A product that is used more than once, where it is larger than what it is made of; or no
    smaller, and squared.
    """
    uses: dict[int, list[Einsum]] = defaultdict(list)
    nodes: dict[int, Einsum] = {}
    kept = {id(root) for root in roots}
    for node in walk(roots):
        if isinstance(node, Einsum):
            for f in node.factors:
                if isinstance(f, Einsum):
                    uses[id(f)].append(node)
                    nodes[id(f)] = f
    for key, consumers in uses.items():
        f = nodes[key]
        largest, squared = (
            max(_entries(g, sizes) for g in f.factors),
            len({id(c) for c in consumers}) == 1,
        )
        if len(consumers) < 2 or key in kept or _entries(f, sizes) < largest + (not squared):
            continue
        yield {
            key: with_slots(c, c.slots, inline=(f,))
            for key, c in {id(c): c for c in consumers}.items()
        }


def _halve(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """A large operand of several terms, contracted from its ends; the cut in the middle first."""
    uses: dict[int, list[Expr]] = defaultdict(list)
    operands: dict[int, Expr] = {}
    inside = {id(a) for node in walk(roots) if isinstance(node, Add) for a in node.addends}
    for node in walk(roots):
        terms = node.addends if isinstance(node, Add) else (node,) if id(node) not in inside else ()
        for f in {
            id(f): f for t in terms if isinstance(t, Einsum) for f in t.factors if f.ndim > 2
        }.values():
            uses[id(f)].append(node)
            operands[id(f)] = f
    largest = sorted(uses, key=lambda key: -_entries(operands[key], sizes))
    for key in largest[:LARGEST]:
        for cut in _cuts(operands[key], sizes):
            found = halved(uses[key], operands[key], cut)
            if found is not None:
                yield {id(node): part for node, part in zip(uses[key], shared(found), strict=True)}


def _cuts(e: Expr, sizes: Sizes) -> list[int]:
    """Places to cut the axes of `e` in two, the most even first."""
    shape = [sizes.number(size) or 1 for size in e.sizes]
    return sorted(range(1, e.ndim), key=lambda p: prod(shape[:p]) + prod(shape[p:]))


def _twins(roots: Roots, _: Sizes) -> Iterator[Swaps]:
    """What stands on both sides of products; in all of them at once."""
    products = {id(node): halved_twins(node) for node in walk(roots) if isinstance(node, Einsum)}
    found = {key: part for key, part in products.items() if part is not None}
    if found:
        yield dict(zip(found, shared(list(found.values())), strict=True))


def _environments(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """Products that are one set of factors without one of them each: derivatives along one tree
    of contractions.
    """
    groups: dict[int, list[Einsum]] = defaultdict(list)
    terms = [t for root in roots for t in (root.addends if isinstance(root, Add) else (root,))]
    for root in {id(t): t for t in terms}.values():
        if isinstance(root, Einsum) and len(root.factors) > 1 and not bare(root):
            groups[len(root.factors)].append(root)
    for members in groups.values():
        found = _one_set(members) if len(members) > 2 else None
        if found:
            yield _along_a_tree(*found, sizes)


Slots = dict[tuple[int, Labels], Expr]


def _one_set(members: list[Einsum]) -> tuple[Slots, list[tuple[Einsum, tuple[int, Labels]]]] | None:
    """All factors with their labels, and for each product the one that it lacks."""
    parts: list[Slots] = [{(id(f), ls): f for f, ls in e.slots} for e in members]
    union: Slots = {}
    for part in parts:
        union.update(part)
    lacking: list[tuple[Einsum, tuple[int, Labels]]] = []
    for e, part in zip(members, parts, strict=True):
        missing = [key for key in union if key not in part]
        if len(part) != len(e.factors) or len(missing) != 1 or set(missing[0][1]) != set(e.output):
            return None
        if len(set(e.output)) != len(e.output) or len(set(missing[0][1])) != len(missing[0][1]):
            return None
        lacking.append((e, missing[0]))
    return union, lacking


def _along_a_tree(
    union: Slots, lacking: list[tuple[Einsum, tuple[int, Labels]]], sizes: Sizes
) -> Swaps:
    own = {key: placeholder(f"#{k}", f.sizes) for k, (key, f) in enumerate(union.items())}
    y = _nested([(own[key], key[1]) for key in union], sizes)
    found = pullback(y, {own[key].name for _, key in lacking}, filled(1, (), ()))
    back = swapped(
        [found[own[key].name] for _, key in lacking], {id(own[key]): f for key, f in union.items()}
    )
    return {
        id(e): times(viewed(env, key[1], e.output, names=e.axes), e.coefficient)
        for (e, key), env in zip(lacking, back, strict=True)
    }


def _nested(parts: list[tuple[Expr, Labels]], sizes: Sizes) -> Expr:
    """The full contraction of `parts` as a tree of products of two, along a path."""
    numbers: dict[Label, int] = {}
    for e, labels in parts:
        numbers.update(zip(labels, (sizes.number(s) or 1 for s in e.sizes), strict=True))
    for i, j in search([labels for _, labels in parts], (), numbers, "auto"):
        (b, lb), (a, la) = parts.pop(max(i, j)), parts.pop(min(i, j))
        needed = {x for _, labels in parts for x in labels}
        out = tuple(x for x in dict.fromkeys(la + lb) if x in needed)
        parts.append((assemble(1, [(a, la), (b, lb)], out, axes=(None,) * len(out)), out))
    return parts[0][0]


def _reshapes(roots: Roots, _: Sizes) -> Iterator[Swaps]:
    """All reshapes moved to operands at once: one alone may gain nothing."""
    if any(
        isinstance(node, Apply) and node.function.name in ("vec", "unvec") for node in walk(roots)
    ):
        yield {id(a): b for a, b in zip(roots, unmerged(roots), strict=True) if a is not b}


def _factor(roots: Roots, _: Sizes) -> Iterator[Swaps]:
    """What the terms of a sum have in common, or some of them."""
    for node in walk(roots):
        if isinstance(node, Add) and len(node.addends) <= FLAT:
            found = factored(node)
            for part in [found] if found is not None else partly_factored(node):
                yield {id(node): part}


STRATEGIES = (
    Strategy("reshapes", "xᵀ vec(A ⊗ B) y → tr(Xᵀ A Y Bᵀ)", _reshapes),
    Strategy("distribute", "(U Vᵀ − T) V → U (Vᵀ V) − T V", _distribute),
    Strategy(
        "halve", "T (a b) c + T (a d) c → (T (b + d)) a c, T contracted from its ends", _halve
    ),
    Strategy("twins", "A B C P Cᵀ Bᵀ Aᵀ → J P Jᵀ with J = A B C", _twins),
    Strategy("inline", "Σ_ab G_ab² with G = x yᵀ → Σ_a x_a² Σ_b y_b²", _inline),
    Strategy("factor", "L A N + L B N → L (A + B) N", _factor),
    Strategy("environments", "all gradients of a tensor train along one tree", _environments),
)
