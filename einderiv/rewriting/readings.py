"""What is read of nested sums, without the sums: ``tr(J₃ J₂ J₁)``, ``J v``, ``uᵀ H v`` and
``tr(H)``, where J and H are sums of products with such sums again.

There are two ways, and each node is passed once in both:

- a vector is taken inside, ``(A + B C) v = A v + B (C v)``, as in forward mode;
- a reading is pulled back. As ``tr(P H Q + S)`` is linear in H, it is the sum over all terms of
  nested sums of each with its cotangent, ``⟨Qᵀ Pᵀ, H⟩ + tr(S)``, and cotangents of one node are
  added before they go on. It is reverse mode with products in the place of functions, and the
  cotangents of a Hessian are the Jacobians of the layers, which are there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, combinations

from ..expression import (
    Add,
    Einsum,
    Expr,
    Label,
    Roots,
    Sizes,
    Slot,
    Swaps,
    added,
    assemble,
    carried,
    children,
    fresh_labels,
    is_hot,
    labels_in,
    swapped,
    walk,
    with_slots,
    wrapped,
)
from ..planning import costs, tuning
from .cse import shared
from .distribution import restricted
from .extent import entries, product_seconds
from .kept_sums import kept

Vectors = tuple[tuple[Expr, tuple[int, ...]], ...]  # operands, and the axes of a sum they go with


def readings(roots: Roots, sizes: Sizes) -> Iterator[Swaps]:
    """The program with vectors taken inside, and with what is read pulled back; also where the
    sums of derivatives are kept.
    """
    if not _large_sums(roots, sizes) or not _takes_work(roots, sizes):
        return
    found: list[Roots] = []
    again = kept(roots, sizes)
    for form in (roots,) if again is None else (again, roots):
        inside = _Inside(sizes).taken(form)
        if inside is not form or again is not None:
            found.append(restricted(inside))
        for start in (inside,) if inside is form else (inside, form):
            pulled = _pulled_back(start, sizes)
            if pulled is not None:
                found.append(pulled)
    for form in found:
        yield dict(zip(map(id, roots), form, strict=True))


def _large_sums(roots: Roots, sizes: Sizes) -> bool:
    """Is something read of a sum of products that is larger than what is read?"""
    for node in walk(roots):
        if isinstance(node, Einsum) and any(_is_large(f, node, sizes) for f in node.factors):
            return True
    return False


def _takes_work(roots: Roots, sizes: Sizes) -> bool:
    """Do products and sums take longer than the overhead of their steps? Or there is little to
    save.
    """
    steps = 0
    for node in walk(roots):
        if isinstance(node, Einsum):
            inlined = node.count <= tuning.inlined_factors
            steps += max((node.count if inlined else len(node.factors)) - 1, 0)
        elif isinstance(node, Add):
            steps += 1
    return _seconds(roots, sizes) > tuning.pulled_work * costs.step * steps


def _is_large(factor: Expr, node: Einsum, sizes: Sizes) -> bool:
    if not isinstance(factor, Add) or not any(isinstance(t, Einsum) for t in factor.addends):
        return False
    return entries(factor, sizes) > entries(node, sizes)


class _Inside:
    """Vectors taken inside the sums that they are multiplied with, one node for each sum and
    vector.
    """

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.read: dict[object, Expr] = {}  # by a sum, and what it is multiplied with
        self.leading: dict[int, tuple[Expr, bool]] = {}  # by the identity of nodes
        self.held: list[object] = []  # so that no identity is used twice

    def taken(self, roots: Roots) -> Roots:
        """`roots` with all such products in another form; themselves, if there are none."""
        swaps: dict[int, Expr] = {}
        for node in walk(roots):
            if isinstance(node, Einsum):
                product = self._product(node)
                if product is not node:
                    swaps[id(node)] = product
        return swapped(roots, swaps) if swaps else roots

    def _product(self, node: Einsum) -> Einsum:
        """`node` with the operands of its sums that these can take inside there."""
        for k, target in enumerate(node.slots):
            factor, labels = target
            if not self._leads(factor) or len(set(labels)) < len(labels):
                continue
            if entries(factor, self.sizes) <= entries(node, self.sizes):
                continue
            inner = [p for p in range(len(node.slots)) if self._goes_inside(p, k, node)]
            if not inner:
                continue
            moved = [node.slots[p] for p in inner]
            gone = {x for _, own in moved for x in own}
            left = tuple([x for x in labels if x not in gone])
            slots = [slot for p, slot in enumerate(node.slots) if p not in (k, *inner)]
            needed = chain(node.output, labels_in(node.relations), *(own for _, own in slots))
            if not gone.isdisjoint(needed):
                continue
            vectors = tuple([(e, tuple(map(labels.index, own))) for e, own in moved])
            slots.append((self._read(factor, vectors), left))
            return self._product(_without(node, slots, gone))
        return node

    def _leads(self, e: Expr) -> bool:
        """Is `e` a sum of products, or a product with one in it?"""
        if id(e) not in self.leading:
            if isinstance(e, Add):
                leads = any(isinstance(term, Einsum) for term in e.addends)
            else:
                leads = isinstance(e, Einsum) and any(map(self._leads, e.factors))
            self.leading[id(e)] = e, leads
        return self.leading[id(e)][1]

    def _goes_inside(self, p: int, k: int, node: Einsum) -> bool:
        """Is operand `p` multiplied with the k-th one alone, and summed over all of its axes?"""
        e, own = node.slots[p]
        total, labels = node.slots[k]
        if p == k or is_hot(e) or not own or not set(own) < set(labels):
            return False
        if entries(e, self.sizes) * tuning.inside_times > entries(total, self.sizes):
            return False
        # Others of the same axes go inside too.
        others = [
            slot[1]
            for q, slot in enumerate(node.slots)
            if q not in (p, k) and set(slot[1]) != set(own)
        ]
        return set(own).isdisjoint(chain(node.output, labels_in(node.relations), *others))

    def _read(self, e: Expr, vectors: Vectors) -> Expr:
        """``Σ_b e_ab v_b``."""
        key = (id(e), tuple([(id(v), places) for v, places in vectors]))
        if key in self.read:
            return self.read[key]
        self.held.append((e, vectors))
        gone = {p for _, places in vectors for p in places}
        axes = tuple([p for p in range(e.ndim) if p not in gone])
        names = (None,) * len(axes)
        if isinstance(e, Add):
            found = added([self._read(term, vectors) for term in e.addends], flat=False)
        else:
            labels = fresh_labels(e.ndim)
            slots = [(v, tuple([labels[p] for p in places])) for v, places in vectors]
            left = tuple([labels[p] for p in axes])
            inline = (e,) if isinstance(e, Einsum) else ()
            product = assemble(1, [(e, labels), *slots], left, axes=names, inline=inline)
            found = self._product(product)
        self.read[key] = found
        return found


def _pulled_back(roots: Roots, sizes: Sizes) -> Roots | None:
    """`roots` with each reading pulled back through as many of the nested sums as pays."""
    swaps: dict[int, Expr] = {}
    looked_at = 0  # nodes
    for node in walk(roots):
        if looked_at > tuning.pulled_nodes:
            break
        if not isinstance(node, Einsum) or any(map(_has_relations, walk([node]))):
            continue  # a cotangent is zero where relations have no point: it is not formed
        if any(_is_large(f, node, sizes) for f in node.factors):
            best: Expr = node
            least = tuning.rewrite_gain * _seconds([node], sizes)
            for form in _pullbacks(node, sizes):
                (form,) = _with_known_products(shared([form], sizes))
                seconds = _seconds([form], sizes)
                looked_at += sum(1 for _ in walk([form]))
                if seconds < least:
                    best, least = form, seconds
            if best is not node:
                swaps[id(node)] = best
    return shared(swapped(roots, swaps), sizes) if swaps else None


def _has_relations(node: Expr) -> bool:
    return isinstance(node, Einsum) and node.parts is not None


def _with_known_products(roots: Roots) -> Roots:
    """`roots` with products of two that are there in the place of these two in longer products:
    ``tr(A B D)`` as ``tr(C D)`` where C = A B is a node.
    """
    known: dict[object, Einsum] = {}
    for node in walk(roots):
        # Axes along which a product is only repeated are no axes of the two.
        is_pair = isinstance(node, Einsum) and len(node.factors) == 2 and not node.given
        is_pair = is_pair and not _has_relations(node)
        if is_pair and isinstance(node, Einsum) and node.coefficient == 1:
            known.setdefault(_pair_key(node.slots[0], node.slots[1], set(node.output)), node)
    swaps: dict[int, Expr] = {}
    for node in walk(roots):
        if isinstance(node, Einsum) and len(node.factors) > 2 and not _has_relations(node):
            product = _with_known(node, known)
            if product is not node:
                swaps[id(node)] = product
    return swapped(roots, swaps) if swaps else roots


def _with_known(node: Einsum, known: dict[object, Einsum]) -> Einsum:
    """A product with the first known one of two in it, and then the next one."""
    slots = node.slots
    for a, b in combinations(range(len(slots)), 2):
        others = [slot for k, slot in enumerate(slots) if k not in (a, b)]
        needed = set(node.output).union(*(labels for _, labels in others))
        found = known.get(_pair_key(slots[a], slots[b], needed))
        if found is None or len(slots) == 2:
            continue
        ours = [*slots[a][1], *slots[b][1]]
        theirs = [*found.inputs[0], *found.inputs[1]]
        if found.factors[0] is not slots[a][0]:
            ours = [*slots[b][1], *slots[a][1]]
        names = dict(zip(theirs, ours, strict=True))
        labels = tuple([names[x] for x in found.output])
        gone = set(ours).difference(labels)
        return _with_known(_without(node, [*others, (found, labels)], gone), known)
    return node


def _without(node: Einsum, slots: Sequence[Slot], gone: set[Label]) -> Einsum:
    """`node` of other slots, where the labels that are gone are summed inside one of them: they
    count no more.
    """
    given = tuple([(x, size) for x, size in node.given if x not in gone])
    return with_slots(node, slots, given=given)


def _pair_key(a: Slot, b: Slot, needed: set[Label]) -> object:
    """What two products of two have in common only if they are equal but for the order of axes."""
    first, second = sorted((a, b), key=lambda slot: id(slot[0]))
    names: dict[Label, int] = {}
    inputs: list[tuple[int, ...]] = []
    for _, labels in (first, second):
        inputs.append(tuple([names.setdefault(x, len(names)) for x in labels]))
    kept = frozenset(names[x] for x in names if x in needed)
    return id(first[0]), id(second[0]), tuple(inputs), kept


def _pullbacks(node: Einsum, sizes: Sizes) -> Iterator[Expr]:
    """`node` pulled back through the outermost of the sums in it, through the next one too, and so
    on.
    """
    inner = {id(part): part for part in walk([node]) if _is_large(part, node, sizes)}
    largest = max(entries(part, sizes) for part in inner.values())
    inside: dict[int, set[int]] = {}  # for each node the large sums in it
    for part in walk([node]):
        inside[id(part)] = set().union(*(inside[id(below)] for below in children(part)))
        if id(part) in inner and entries(part, sizes) * tuning.small_times > largest:
            inside[id(part)].add(id(part))
    order = sorted((key for key in inside if key in inside[key]), key=lambda key: -len(inside[key]))
    through: set[int] = set()
    for key in order[: tuning.pulled_sums]:
        through.add(key)
        yield _Pullback(node, through).total


def _seconds(roots: Sequence[Expr], sizes: Sizes) -> float:
    """The estimated time of all products and sums, each once."""
    total = 0.0
    for node in walk(roots):
        if isinstance(node, Einsum) and len(node.factors) > 1:
            total += product_seconds(node, sizes)
        elif isinstance(node, Add):
            total += 8 * costs.byte * (len(node.addends) + 1) * entries(node, sizes) + costs.step
    return total


class _Pullback:
    """What is read of sums, as the sum of all of their terms, each with its cotangent."""

    def __init__(self, node: Einsum, through: set[int]) -> None:
        self.node, self.through = node, through
        self.axes = node.ndim
        self.leads = self._leading()
        self.cotangents: dict[int, list[Expr]] = defaultdict(list)
        self.read: list[Expr] = []
        self._product(node, None)
        for part in reversed(list(walk([node]))):
            if part is node or id(part) not in self.cotangents:
                continue
            cotangent = _summed(self.cotangents.pop(id(part)))
            if isinstance(part, Add) and id(part) in through:
                for term in part.addends:
                    self.cotangents[id(term)].append(cotangent)
            elif isinstance(part, Einsum):
                self._product(part, cotangent)
            else:
                self._ends(part, cotangent)
        self.total = added(self.read)

    def _leading(self) -> set[int]:
        """The nodes that sums which are pulled through are in, and terms of these which something
        else needs too; themselves included.
        """
        uses = Counter(id(part) for node in walk([self.node]) for part in children(node))
        leads: set[int] = set()
        for part in walk([self.node]):
            if isinstance(part, Add) and id(part) in self.through:
                products = [_unscaled(term) for term in part.addends]
                leads.update(id(e) for e in products if uses[id(e)] > 1 and isinstance(e, Einsum))
        for part in walk([self.node]):
            inside = isinstance(part, Einsum) and any(id(f) in leads for f in part.factors)
            if inside or id(part) in self.through:
                leads.add(id(part))
        return leads

    def _product(self, part: Einsum, cotangent: Expr | None) -> None:
        """The cotangent of the one factor of a product that leads on; else the product is read."""
        places = [k for k, factor in enumerate(part.factors) if id(factor) in self.leads]
        if len(places) != 1:
            self._ends(part, cotangent)
            return
        (k,) = places
        factor, labels = part.slots[k]
        slots = [*part.slots[:k], *part.slots[k + 1 :]]
        given = (*part.given, *zip(labels, factor.axis_sizes, strict=True))
        if cotangent is None:
            output = part.output
        else:
            output = fresh_labels(self.axes)
            slots = [(cotangent, output + part.output), *slots]
            given = (*given, *zip(output, self.node.axis_sizes, strict=True))
        names = (None,) * (self.axes + factor.ndim)
        self.cotangents[id(factor)].append(
            with_slots(part, slots, output + labels, axes=names, given=given, letters={})
        )

    def _ends(self, part: Expr, cotangent: Expr | None) -> None:
        """A term with its cotangent."""
        if cotangent is None:
            self.read.append(part)
            return
        new = fresh_labels(self.axes + part.ndim)
        output = new[: self.axes]
        given = tuple(zip(output, self.node.axis_sizes, strict=True))
        slots: list[Slot] = [(cotangent, new), (part, new[self.axes :])]
        inline = tuple([e for e in (part,) if isinstance(e, Einsum)])
        self.read.append(
            assemble(1, slots, output, axes=self.node.axes, given=given, inline=inline)
        )


def _unscaled(e: Expr) -> Expr:
    """The one factor of what is a number times it."""
    return e.factors[0] if isinstance(e, Einsum) and len(e.factors) == 1 else e


def _terms(e: Expr) -> list[Einsum]:
    """The terms of a sum, and of a view of one."""
    view = wrapped(e)
    if len(view.factors) != 1:
        return [view]
    ((total, labels),) = view.slots
    if not isinstance(total, Add):
        return [view]
    terms: list[Einsum] = []
    for term in total.addends:
        inline = (term,) if isinstance(term, Einsum) else ()
        terms.append(with_slots(view, [(term, labels)], inline=inline))
    return terms


def _summed(cotangents: list[Expr]) -> Expr:
    """The sum of cotangents. Axes that are tied in all of them, and those along which none of them
    varies, stay outside: a delta in common is never formed.
    """
    if len(cotangents) == 1:
        return cotangents[0]
    parts = [term for e in cotangents for term in _terms(e)]
    first = parts[0]
    tied = list(zip(*(part.output for part in parts), strict=True))
    # The last axis of each: the axes of what is read come first, and Jacobians have theirs last.
    classes = {key: p for p, key in enumerate(tied)}
    flat: set[tuple[Label, ...]] = set()
    for key in classes:
        alone = all(
            sum(other[k] == x for other in classes) == 1 and x not in carried(part)
            for k, (part, x) in enumerate(zip(parts, key, strict=True))
        )
        if alone:
            flat.add(key)
    kept = sorted(p for key, p in classes.items() if key not in flat)
    names = (None,) * len(kept)
    # A number in front of all stays outside too, so that what is inside may be something known.
    same = all(part.coefficient == first.coefficient for part in parts)
    cores: list[Expr] = []
    for part in parts:
        output = tuple([part.output[p] for p in kept])
        # A label that is no more in the output and in no factor is not summed over.
        own = tuple([(x, size) for x, size in part.given if x in output or x not in part.output])
        inside = 1 if same else part.coefficient
        core = with_slots(
            part, part.slots, output, coefficient=inside, axes=names, given=own, letters={}
        )
        cores.append(core)
    labels = tuple([classes[key] for key in tied])
    given = tuple(zip(labels, first.axis_sizes, strict=True))
    total = added(cores)
    number = first.coefficient if same else 1
    if number == 1 and len(kept) == first.ndim:
        return total
    return assemble(number, [(total, tuple(kept))], labels, axes=first.axes, given=given)
