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
from dataclasses import dataclass, field

from ..expression import Einsum, Expr, Label, Slot, assemble, with_slots

Pair = tuple[int, int]  # two slots with the same operand
MOST = 200  # operands of a product that is looked through


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


def halved_twins(e: Einsum) -> Expr | None:
    """`e` with the larger of what stands twice in it as one product that is used twice; None if
    nothing does.
    """
    if len(e.factors) > MOST:
        return None
    best = max(_found(e), key=lambda halves: len(halves.one), default=None)
    return None if best is None or len(best.one) < 2 else _joined(e, best)


def _found(e: Einsum) -> list[Halves]:
    """The halves that grow from each operand that stands in two slots."""
    places: dict[int, list[int]] = defaultdict(list)
    for k, f in enumerate(e.factors):
        places[id(f)].append(k)
    pairs = [(slots[0], slots[1]) for slots in places.values() if len(slots) == 2]
    found: list[Halves] = []
    seen: set[Pair] = set()
    for pair in pairs:
        if pair not in seen and e.inputs[pair[0]] != e.inputs[pair[1]]:
            halves = _grown(e, pair, pairs)
            seen.update(zip(halves.one, halves.other, strict=True))
            found.append(halves)
    return found


def _grown(e: Einsum, seed: Pair, pairs: list[Pair]) -> Halves:
    halves = Halves()
    if not halves.fits(e.inputs[seed[0]], e.inputs[seed[1]]):
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
    rest: list[Slot] = [
        (f, ls)
        for k, (f, ls) in enumerate(e.slots)
        if k not in halves.one and k not in halves.other
    ]
    outside = {x for _, ls in rest for x in ls}.union(e.output)
    kept = tuple(
        x
        for x in halves.image
        if x in outside or halves.image[x] in outside or halves.image[x] == x
    )
    names = tuple(e.letters.get(x) for x in kept)
    half = assemble(
        1, [(e.factors[k], e.inputs[k]) for k in halves.one], kept, axes=names, letters=e.letters
    )
    mirrored = tuple(halves.image[x] for x in kept)
    # summed inside, and not once more here
    gone = {*halves.image, *halves.image.values()}.difference(kept, mirrored)
    given = tuple((x, size) for x, size in e.given if x not in gone)
    return with_slots(e, [(half, kept), (half, mirrored), *rest], given=given)
