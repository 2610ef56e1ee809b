"""What stands twice in one product, under other labels, as a product of its own: ``J P Jᵀ`` with
``J = A B C``.

A Hessian of a composed function has the Jacobian of the inner one on both sides. In one flat
product its operands are there twice, as any others, and a path would contract both halves. The two
halves are found as a map of labels: of two slots that hold the same operand, label for label; and
on, as long as further operands stand on both sides with labels that the map takes to one another.
Labels that are their own image, such as that of a batch, belong to both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..expression import Einsum, Expr, Label, Roots, Sizes, Slot, Swaps, assemble, walk, with_slots
from ..planning import tuning
from .cse import shared

Pair = tuple[int, int]  # two slots with the same operand


@dataclass
class Halves:
    """Slots on two sides, and which label of one side is which of the other."""

    image: dict[Label, Label] = field(default_factory=dict)
    one: list[int] = field(default_factory=list)
    other: list[int] = field(default_factory=list)

    def fits(self, a: tuple[Label, ...], b: tuple[Label, ...]) -> bool:
        """Do the labels `a` go to `b`, with nothing that is on both sides?"""
        image, back = dict(self.image), {y: x for x, y in self.image.items()}
        for x, y in zip(a, b, strict=True):
            if image.setdefault(x, y) != y or back.setdefault(y, x) != x:
                return False
        return all(x == y or (x not in back and y not in image) for x, y in zip(a, b, strict=True))

    def add(self, pair: Pair, inputs: tuple[tuple[Label, ...], ...]) -> None:
        """One more pair of slots."""
        self.one.append(pair[0])
        self.other.append(pair[1])
        self.image.update(zip(inputs[pair[0]], inputs[pair[1]], strict=True))

    def moved(self) -> set[Label]:
        """The labels of the first side that the other has not."""
        return {x for x, y in self.image.items() if x != y}


def twins(roots: Roots, _: Sizes) -> Iterator[Swaps]:
    """What stands on both sides of products; in all of them at once."""
    halved: dict[int, Expr] = {}
    for node in walk(roots):
        if isinstance(node, Einsum) and (product := halved_twins(node)) is not None:
            halved[id(node)] = product
    if halved:
        yield dict(zip(halved, shared(list(halved.values())), strict=True))


def halved_twins(e: Einsum) -> Expr | None:
    """`e` with the larger of what stands twice in it as one product that is used twice; None if
    nothing does.
    """
    if len(e.factors) > tuning.twin_operands or e.parts is not None:
        return None
    best = max(_all_halves(e), key=lambda halves: len(halves.one), default=None)
    if best is None or len(best.one) < 2:
        return None
    return _joined(e, best)


def _all_halves(e: Einsum) -> list[Halves]:
    """The halves that grow from each operand that stands in two slots."""
    places: dict[int, list[int]] = defaultdict(list)
    for k, f in enumerate(e.factors):
        places[id(f)].append(k)
    pairs = [(slots[0], slots[1]) for slots in places.values() if len(slots) == 2]
    all_halves: list[Halves] = []
    seen: set[Pair] = set()
    for pair in pairs:
        one, other = pair
        if pair not in seen and e.inputs[one] != e.inputs[other]:
            halves = _grown(e, pair, pairs)
            seen.update(zip(halves.one, halves.other, strict=True))
            all_halves.append(halves)
    return all_halves


def _grown(e: Einsum, seed: Pair, pairs: list[Pair]) -> Halves:
    """The halves that one pair of slots begins, as large as they get."""
    halves = Halves()
    one, other = seed
    if not halves.fits(e.inputs[one], e.inputs[other]):
        return halves
    halves.add(seed, e.inputs)
    left = [pair for pair in pairs if pair != seed]
    grows = True
    while grows:
        grows = False
        moved = halves.moved()
        for pair in list(left):
            # Which of the two stands on the first side its labels say.
            for a, b in (pair, pair[::-1]):
                if moved & set(e.inputs[a]) and halves.fits(e.inputs[a], e.inputs[b]):
                    halves.add((a, b), e.inputs)
                    left.remove(pair)
                    moved, grows = halves.moved(), True
                    break
    return halves


def _joined(e: Einsum, halves: Halves) -> Expr:
    """The product of one side, over the labels that anything outside of it has, in the place of
    both.
    """
    both = {*halves.one, *halves.other}
    rest: list[Slot] = [slot for k, slot in enumerate(e.slots) if k not in both]
    outside = set(e.output).union(*(labels for _, labels in rest))
    kept = tuple(x for x, y in halves.image.items() if x == y or x in outside or y in outside)
    names = tuple(e.letters.get(x) for x in kept)
    one = [e.slots[k] for k in halves.one]
    half = assemble(1, one, kept, axes=names, letters=e.letters)
    mirrored = tuple(halves.image[x] for x in kept)
    # summed inside, and not once more here
    gone = {*halves.image, *halves.image.values()}.difference(kept, mirrored)
    given = tuple((x, size) for x, size in e.given if x not in gone)
    return with_slots(e, [(half, kept), (half, mirrored), *rest], given=given)
