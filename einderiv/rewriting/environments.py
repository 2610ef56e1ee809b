"""Many derivatives of one product along one tree of contractions, which is chosen for its sizes.

A product is nested once, along a good path, and derived again: a step of the path costs as much in
each of its two derivatives, so that the value and all gradients together cost about three times the
value. There are two ways to see that this can be done:

- gradients know what they are the gradients of. Where they were derived, sizes were not known, and
  the tree of a long product is one for any sizes;
- products may be one set of factors without one of them each, as the gradients of a tensor train
  are. What each is, is the derivative of the full product by the factor it lacks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from math import inf

from ..autodiff import BRANCHED, opened, pullback
from ..expression import (
    Add,
    Einsum,
    Expr,
    Label,
    Labels,
    Roots,
    Sizes,
    Slot,
    Swaps,
    assemble,
    bare,
    children,
    filled,
    placeholder,
    rebuilt,
    swapped,
    times,
    viewed,
    walk,
    with_slots,
)
from ..planning import order_seconds, search, size_free, tuning
from .cse import equal

SlotKey = tuple[int, Labels]  # the identity of a factor, and its labels
Slots = dict[SlotKey, Expr]


def swept_backwards(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """Gradients of a scalar, derived again from products that are nested along their paths; and
    the scalar, where it is wanted too.
    """
    scalars: dict[int, Expr] = {}
    gradients: dict[int, list[Expr]] = defaultdict(list)
    for root in roots:
        record = root.record
        if record is None or record.of.ndim or record.position is not None:
            continue
        scalars[id(record.of)] = record.of
        gradients[id(record.of)].append(root)
    for key, y in scalars.items():
        nested = _nested_products(y, sizes, any(root is y for root in roots))
        if nested is None:
            continue
        # The record is for printing: a part of a gradient may have it, and what was substituted in.
        named = {_wrt(root) for root in gradients[key]}
        derived = pullback(y, named, filled(1, (), ()))
        own = [root for root in gradients[key] if _wrt(root) in derived]
        true = equal(own, [opened(derived[_wrt(root)]) for root in own])
        again = pullback(nested, named, filled(1, (), ()))
        swaps: dict[int, Expr] = {id(root): nested for root in roots if root is y}
        for root, is_true in zip(own, true, strict=True):
            if is_true:
                swaps[id(root)] = again[_wrt(root)]
        if len(swaps) > 1:
            yield swaps


def along_one_tree(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """Products that are one set of factors without one of them each: derivatives along one tree
    of contractions.
    """
    terms: dict[int, Expr] = {}
    for root in roots:
        for term in root.addends if isinstance(root, Add) else (root,):
            terms[id(term)] = term
    groups: dict[int, list[Einsum]] = defaultdict(list)
    for term in terms.values():
        if not isinstance(term, Einsum) or term.parts is not None:
            continue
        if len(term.factors) > 1 and not bare(term):
            groups[len(term.factors)].append(term)
    for count, members in groups.items():
        if len(members) < 3:
            continue
        one_set = _one_set(members)
        if one_set is not None:
            yield _derived(*one_set, groups.get(count + 1, []), sizes)


def _wrt(root: Expr) -> str:
    return "" if root.record is None else root.record.wrt


def _nested_products(y: Expr, sizes: Sizes, is_wanted: bool) -> Expr | None:
    """`y` with its products as trees of products of two, each along its path; None where that is
    no gain over the trees that its derivatives have, and over `y` beside them, if it is wanted.
    """
    products = [node for node in walk([y]) if isinstance(node, Einsum)]
    are_short = all(len(node.factors) <= BRANCHED for node in products)
    if are_short or any(node.parts is not None for node in products):  # a path knows no relations
        return None
    uses = Counter(id(part) for node in walk([y]) for part in children(node))
    flats: dict[int, Einsum] = {}
    before = after = 0.0

    def below(node: Expr) -> tuple[Expr, ...]:
        """The parts of a node, where products that only it uses are multiplied out."""
        if not isinstance(node, Einsum):
            return children(node)
        flat = node
        while node.count <= tuning.inlined_factors:
            once = [f for f in flat.factors if isinstance(f, Einsum) and uses[id(f)] == 1]
            if not once:
                break
            flat = with_slots(flat, flat.slots, letters={}, inline=tuple(once))
        flats[id(node)] = flat
        return flat.factors

    order = list(walk([y], below))
    for product in products:
        before += _seconds(product, sizes, long=BRANCHED)
        if is_wanted and len(product.factors) > BRANCHED:
            # One tree for the derivatives, up and twice down, and another one for the value.
            before += _seconds(product, sizes) / 3
    for flat in flats.values():
        after += _seconds(flat, sizes)
    # The tree of any sizes is a regular one, which shares what only some gradients need.
    gain = tuning.rewrite_gain if is_wanted else tuning.path_gain
    if before < tuning.worth_seconds or after > gain * before:
        return None
    new: dict[int, Expr] = {}
    for node in order:
        if id(node) in flats:
            flat = flats[id(node)]
            slots = [(new[id(factor)], labels) for factor, labels in flat.slots]
            new[id(node)] = _tree(flat, slots, sizes)
        else:
            new[id(node)] = rebuilt(node, tuple([new[id(part)] for part in children(node)]))
    return new[id(y)]


def _seconds(node: Einsum, sizes: Sizes, long: float = inf) -> float:
    """The estimated time of a product along its path; of `long` ones, along the tree that their
    derivatives have.
    """
    terms = _contracted(node)
    lengths = _lengths(node.slots, sizes)
    output = tuple(dict.fromkeys(node.output))
    if len(terms) > long:
        pairs = size_free(terms, output)
    else:
        pairs = search(terms, output, lengths)
    return order_seconds(terms, output, lengths, pairs)


def _contracted(node: Einsum) -> list[Labels]:
    """The labels of the factors as the planner contracts them: diagonals are read, and what only
    one has is summed before.
    """
    counts = Counter(x for labels in node.inputs for x in set(labels))
    kept = {x for x in counts if counts[x] > 1}.union(node.output)
    return [tuple([x for x in dict.fromkeys(labels) if x in kept]) for labels in node.inputs]


def _lengths(slots: Iterable[Slot], sizes: Sizes) -> dict[Label, int]:
    lengths: dict[Label, int] = {}
    for e, labels in slots:
        lengths.update(
            zip(labels, (sizes.known_measure(s) or 1 for s in e.axis_sizes), strict=True)
        )
    return lengths


def _tree(node: Einsum, slots: list[Slot], sizes: Sizes) -> Expr:
    """`node`, whose factors are those of `slots`, as a tree of products of two along its path."""
    output = tuple(dict.fromkeys(node.output))
    pairs = search(_contracted(node), output, _lengths(slots, sizes))
    return with_slots(node, _joined(slots, output, pairs[:-1]))


def _joined(slots: list[Slot], output: Labels, pairs: Iterable[tuple[int, int]]) -> list[Slot]:
    """What is left of a product once `pairs` of its factors, by positions, are multiplied."""
    left = list(slots)
    uses = Counter(output)  # how many of what is left have a label; the output counts as one
    for _, labels in left:
        uses.update(set(labels))
    for i, j in pairs:
        b, a = left.pop(max(i, j)), left.pop(min(i, j))
        uses.subtract(set(a[1]))
        uses.subtract(set(b[1]))
        kept = tuple([x for x in dict.fromkeys(a[1] + b[1]) if uses[x] > 0])
        uses.update(kept)
        left.append((assemble(1, [a, b], kept, axes=(None,) * len(kept)), kept))
    return left


def _one_set(members: list[Einsum]) -> tuple[Slots, list[tuple[Einsum, SlotKey]]] | None:
    """All factors with their labels, and for each product the one that it lacks; None where a
    product lacks more, or has other axes than what it lacks.
    """
    parts: list[Slots] = []
    union: Slots = {}
    for e in members:
        part = {(id(factor), labels): factor for factor, labels in e.slots}
        if len(part) != len(e.factors):
            return None
        parts.append(part)
        union.update(part)
    lacking: list[tuple[Einsum, SlotKey]] = []
    for e, part in zip(members, parts, strict=True):
        missing = [key for key in union if key not in part]
        if len(missing) != 1:
            return None
        (key,) = missing
        labels = key[1]
        distinct = len(set(e.output)) == len(e.output) and len(set(labels)) == len(labels)
        if not distinct or set(labels) != set(e.output):
            return None
        lacking.append((e, key))
    return union, lacking


def _derived(
    union: Slots, lacking: list[tuple[Einsum, SlotKey]], longer: list[Einsum], sizes: Sizes
) -> Swaps:
    """Each product as the derivative of the full one by the factor that it lacks; and the full one
    itself, if it is one of the `longer` ones.
    """
    stand_ins = {
        key: placeholder(f"#{k}", f.axis_sizes) for k, (key, f) in enumerate(union.items())
    }
    full = _nested([(stand_ins[key], key[1]) for key in union], sizes)
    wanted = [stand_ins[key].name for _, key in lacking]
    derivatives = pullback(full, set(wanted), filled(1, (), ()))
    factors = {id(stand_ins[key]): factor for key, factor in union.items()}
    value, *restored = swapped([full, *(derivatives[name] for name in wanted)], factors)
    swaps: dict[int, Expr] = {}
    for e in longer:
        if e.ndim == 0 and {(id(f), labels) for f, labels in e.slots} == union.keys():
            swaps[id(e)] = times(value, e.coefficient)
    for (e, (_, labels)), derivative in zip(lacking, restored, strict=True):
        turned = viewed(derivative, labels, e.output, names=e.axes)
        swaps[id(e)] = times(turned, e.coefficient)
    return swaps


def _nested(parts: list[tuple[Expr, Labels]], sizes: Sizes) -> Expr:
    """The full contraction of `parts` as a tree of products of two, along a path."""
    pairs = search([labels for _, labels in parts], (), _lengths(parts, sizes))
    ((full, _),) = _joined(parts, (), pairs)
    return full
