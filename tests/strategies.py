"""Random einsums with integer tensors, for hypothesis."""

import math
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ENTRIES = st.integers(-4, 4)


class Einsum(NamedTuple):
    """An einsum, the tensor in each slot and the tensors' values. A name may stand in several slots."""

    subscripts: str
    names: tuple
    values: dict

    @property
    def arrays(self):
        return [self.values[name] for name in self.names]


def _shrunk(sizes, terms, output, points, numbers):
    """`sizes` made smaller until the index space has at most `points` points and a dense derivative, as large
    as output times largest operand, at most `numbers` numbers. Zeros stay: they are a case of their own."""
    sizes = dict(sizes)

    def volume(labels):
        return math.prod(max(sizes[label], 1) for label in labels)

    def too_large():
        largest = max(volume(term) for term in terms)
        return volume(sizes) > points or volume(output) * largest > numbers

    while too_large():
        sizes[max(sizes, key=sizes.get)] -= 1
    return sizes


@st.composite
def _outputs(draw, labels):
    """Any order of any subset of `labels`; now and then with one label twice, which embeds on a diagonal."""
    output = draw(st.lists(st.sampled_from(labels), unique=True)) if labels else []
    if output and draw(st.integers(0, 3)) == 3:
        output.insert(draw(st.integers(0, len(output))), draw(st.sampled_from(output)))
    return "".join(output)


@st.composite
def _names(draw, shapes):
    """A name per slot: the next of `A, B, ...`, or that of an earlier slot of the same shape."""
    names = []
    for _slot, shape in enumerate(shapes):
        earlier = sorted({name for name, other in zip(names, shapes) if other == shape})
        fresh = "ABCDEFGHIJ"[len(set(names))]
        names.append(draw(st.sampled_from([fresh, *earlier])) if earlier else fresh)
    return tuple(names)


@st.composite
def einsums(draw, max_operands=6, max_rank=4, points=3000, numbers=20_000):
    """Einsums of 1 to `max_operands` operands over at most 6 labels of sizes 0 to 4.

    Labels repeat within an operand, are private to one, are kept or summed as it falls; scalars occur.
    Without an arrow in one case of four.
    """
    alphabet = "abcdef"[: draw(st.integers(0, 6))]
    term = st.text(alphabet, max_size=max_rank) if alphabet else st.just("")
    terms = draw(st.lists(term, min_size=1, max_size=max_operands))
    labels = sorted(set("".join(terms)))
    implicit = draw(st.integers(0, 3)) == 3
    output = labels if implicit else draw(_outputs(labels))
    wanted = draw(st.fixed_dictionaries({label: st.integers(0, 4) for label in labels}))
    sizes = _shrunk(wanted, terms, output, points, numbers)
    shapes = [tuple(sizes[label] for label in term) for term in terms]
    names = draw(_names(shapes))
    values = {
        name: draw(hnp.arrays(np.int64, shape, elements=ENTRIES))
        for name, shape in dict(zip(names, shapes)).items()
    }
    subscripts = ",".join(terms) + ("" if implicit else "->" + output)
    return Einsum(subscripts, names, values)


def small_einsums():
    """Small enough for a dense second derivative."""
    return einsums(max_operands=4, max_rank=2, points=200, numbers=2_000)
