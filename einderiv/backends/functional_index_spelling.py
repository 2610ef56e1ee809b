"""How torch, JAX and CuPy spell reads, places and masks by index expressions: as slices where
numbers say that each index moves along an axis of its own and stays inside, else by a helper.

==============================  ===============================================================
``x[i + 1]``                    ``x[1:6]``
``x[5 - i, 2 j]``               ``torch.flip(x[::2], (0,)).T``
``x[i + k]``                    ``read_at(x, (5, 3), (0, {0: 1, 1: 1}))``
``U[r[e], k]``                  ``gathered_at(U, (4, 2), (0, {}, (places_of(r, 'r'), …)), …)``
``y[i + 1] = v[i]``             ``place_at(v, (6,), True, (1, {0: 1}))``
==============================  ===============================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..expression import Size
from ..planning import Index, Step
from .source_text import Spell, shape, transposed

Flip = Callable[..., str]  # an array as text, and axes that are turned around


def read_text(inputs: Sequence[str], step: Step, size: Spell, permute: str, flip: Flip) -> str:
    """``x`` at indices, 0 outside."""
    plain = _slices(step, size)
    if plain is None:
        helper = "gathered_at" if any(index.arrays for index in step.spec) else "read_at"
        return called(helper, inputs, step.spec, step.sizes, size)
    slices, backwards, order = plain
    text = f"{inputs[0]}{slices}"
    if backwards:
        text = flip(text, *backwards)
    return transposed(text, order, tuple(range(len(step.sizes))), permute)


def place_text(
    inputs: Sequence[str],
    step: Step,
    size: Spell,
    by_axes: str = "place_at",
    by_arrays: str = "scattered_at",
) -> str:
    """``x`` at indices among zeros."""
    indices, once = step.spec
    helper = by_arrays if any(index.arrays for index in indices) else by_axes
    return called(helper, inputs, indices, step.sizes, size, str(once))


def masked_text(inputs: Sequence[str], step: Step, size: Spell, helper: str = "masked_at") -> str:
    """``x`` where indices are inside, else 0."""
    conditions = [f"({_place(index, inputs, size)}, {size(n)})" for index, n in step.spec]
    return f"{helper}({', '.join([inputs[0], *conditions])})"


def called(
    helper: str,
    inputs: Sequence[str],
    indices: Sequence[Index],
    sizes: Sequence[Size],
    size: Spell,
    *more: str,
) -> str:
    """A helper of a value, the shape of the result, and places."""
    places = [_place(index, inputs, size) for index in indices]
    arguments = [inputs[0], shape([size(s) for s in sizes]), *more, *places]
    return f"{helper}({', '.join(arguments)})"


def _place(index: Index, inputs: Sequence[str], size: Spell) -> str:
    """An index as the helpers take it: ``(1, {0: 2}, (places_of(r, 'r'), (1,), -1))``."""
    terms = [f"{axis}: {size(k)}" for axis, k in index.terms]
    parts = [size(index.constant), f"{{{', '.join(terms)}}}"]
    for number, axes, k in index.arrays:
        array = inputs[number]
        parts.append(f"(places_of({array}, {array!r}), {axes!r}, {size(k)})")
    return f"({', '.join(parts)})"


def _slices(step: Step, size: Spell) -> tuple[str, list[int], tuple[int, ...]] | None:
    """Slices for indices that each have an axis of their own, and stay inside; which of them are
    to be turned around, and the axes of the result in their order. None where there are none.
    """
    lengths = [_number(s, size) for s in step.sizes]
    axes: list[int] = []
    parts: list[str] = []
    backwards: list[int] = []
    for index, s in zip(step.spec, step.operand_sizes[0], strict=True):
        constant, n = _number(index.constant, size), _number(s, size)
        if constant is None or n is None or len(index.terms) > 1 or index.arrays:
            return None
        if not index.terms:
            if not 0 <= constant < n:
                return None
            parts.append(str(constant))
            continue
        ((axis, coefficient),) = index.terms
        times, length = _number(coefficient, size), lengths[axis]
        if not times or not length:
            return None
        low, high = sorted((constant, constant + times * (length - 1)))
        if low < 0 or high >= n:
            return None
        if times < 0 and length > 1:
            backwards.append(len(axes))
        axes.append(axis)
        parts.append(_slice(low, high, abs(times) if length > 1 else 1, n))
    if sorted(axes) != list(range(len(lengths))):
        return None
    while parts and parts[-1] == ":":
        parts.pop()
    return f"[{', '.join(parts) or '...'}]", backwards, tuple(axes)


def _slice(low: int, high: int, step: int, size: int) -> str:
    """From one position to another, with a step.

    >>> _slice(0, 4, 1, 5), _slice(1, 4, 1, 5), _slice(0, 4, 2, 6)
    (':', '1:', ':5:2')
    """
    first = str(low) if low else ""
    last = str(high + 1) if high + 1 < size else ""
    return f"{first}:{last}" + (f":{step}" if step != 1 else "")


def _number(size: Size, spell: Spell) -> int | None:
    """A size as a number, if it is known."""
    text = spell(size)
    return int(text) if text.removeprefix("-").isdigit() else None
