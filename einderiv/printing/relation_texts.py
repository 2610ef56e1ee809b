"""What relations mean, in words: ``a = i + k, so k = a − i``, and where the result is zero.

>>> import einderiv as ed
>>> J = ed.derive(ed.einsum("i+k,k->i", "x", ed.tensor("w", (3,))), "x", indices="a")
>>> relation_steps(J)
['a = i + k, so k = a − i']
>>> zero_unless(J)
['0 ≤ a − i < 3']
"""

from __future__ import annotations

from ..expression import Einsum, Expr, Label, axis_names
from .index_notation import FormulaStyle
from .index_reading import IndexSpelling, NamedReading, Place, named_reading, solved_for_one
from .strings import single_product


def relation_steps(e: Expr) -> list[str]:
    """The relations of a product, and what the labels that are no axes of the result are by
    them.
    """
    found = _found(e)
    if found is None:
        return []
    flat, named, spelling = found
    names = dict(named.names)
    gone: list[Label] = []  # labels with a letter that others stand for
    for label in named.at:
        letter = flat.letters.get(label)
        if label not in names and letter is not None and letter not in names.values():
            names[label] = letter
            gone.append(label)
    steps = []
    for constant, terms in flat.relations:
        if any(label not in names for label, _ in terms):
            continue  # a label that stands for a composite axis: x[i+k] says it
        written = spelling.equation(solved_for_one(Place(constant, terms), flat), names)
        own = [label for label in gone if label in dict(terms)]
        if own:
            label = own[0]
            written += f", so {names[label]} = {spelling.place(named.at[label], names)}"
            gone.remove(label)
        steps.append(written)
    return steps


def zero_unless(e: Expr) -> list[str]:
    """The conditions without which an entry of a product is zero for sure, those of its reads
    too.
    """
    flat = single_product(e)
    found = _found(e, guarded=True)
    if found is None:
        return []
    _, named, spelling = found
    conditions: list[str] = []
    for a, b in named.deltas:
        if not (named.is_summed(a) or named.is_summed(b)):
            first, second = spelling.place(a, named.names), spelling.place(b, named.names)
            conditions.append(f"{first} = {second}")
    for place in named.equations:
        if not named.is_summed(place):
            conditions.append(spelling.equation(place, named.names))
    axes = {Place(0, ((label, 1),)) for label in flat.output}
    for one in named.ranges:
        if not named.is_summed(one.place) and one.place not in axes:
            conditions.append(spelling.range(one, named.names))
    return list(dict.fromkeys(conditions))


def _found(e: Expr, *, guarded: bool = False) -> tuple[Einsum, NamedReading, IndexSpelling] | None:
    """The reading of a product that has relations."""
    flat = single_product(e)
    if flat.parts is None:
        return None
    style = FormulaStyle()
    style.take([e])
    indices = axis_names(e)
    letters = style.naming()
    named = named_reading(flat, indices, style.sizes(), set(indices), letters, guarded=guarded)
    if named is None:
        return None
    spelling = style.spelling()._replace(minus=" − ", plus=" + ")
    return flat, named, spelling
