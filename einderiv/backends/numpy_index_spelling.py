"""How NumPy spells reads, places and masks by index expressions: as slices where numbers say that
each index moves along an axis of its own and stays inside, else by a helper that decides when
sizes and index arrays are there.

==============================  ===============================================================
``x[i + 1]``                    ``x[1:6]``
``x[2 j, 5 - i]``               ``x[5::-1, ::2].T``, for axes j and i
``x[i + k]``                    ``read_at(x, (5, 3), (0, {0: 1, 1: 1}))``
``U[r[e], k]``                  ``taken_at(U, places_of(r, 'r'), 0)``
``y[i + 1] = v[i]``             ``y = np.zeros((6,), v.dtype)`` and ``y[1:] = v``
``y[r[e], k] += v[e, k]``       ``added_at(v, places_of(r, 'r'), 5)``
``A[i, j]`` where ``i >= j``    ``np.tril(A)``
==============================  ===============================================================
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expression import Size, is_nonnegative, minus, plus, product_of_sizes
from ..planning import Box, Index, Span, Step
from .source_text import Spell, aligned, einsum_text, literal, shape, transposed


def read_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """``x`` at indices, 0 outside."""
    lengths = _numbers(step.sizes, size)
    plain = None if lengths is None else _slices(step.spec, lengths, step.operand_sizes[0], size)
    if plain is not None:
        slices, order = plain
        return transposed(f"{inputs[0]}{slices}", order, tuple(range(len(step.sizes))))
    places = [_place(index, inputs, size) for index in step.spec]
    if not _by_array(step.spec):
        return _called("read_at", inputs[0], _shape(step.sizes, size), *places)
    axis = _taken_along(step)
    if axis is not None:
        return _called("taken_at", inputs[0], _array(step.spec[axis], inputs), str(axis))
    return _called("gathered_at", inputs[0], _shape(step.sizes, size), *places)


def place_lines(inputs: Sequence[str], step: Step, size: Spell) -> list[str]:
    """Lines that add ``x`` at indices to zeros, with ``{out}`` for their name; the last is an
    expression, unless it is empty.
    """
    assigned = assigned_text(inputs, step, size)
    made = _shape(step.sizes, size)
    if assigned is not None:
        return [f"{{out}} = np.zeros({made}, {inputs[0]}.dtype)", assigned, ""]
    indices, once = step.spec
    if not once and _added_along(step, size):
        return [_called("added_at", inputs[0], _array(indices[0], inputs), size(step.sizes[0]))]
    places = [_place(index, inputs, size) for index in indices]
    helper = "scattered_at" if _by_array(indices) else "place_at"
    return [_called(helper, inputs[0], made, str(once), *places)]


def assigned_text(inputs: Sequence[str], step: Step, size: Spell) -> str | None:
    """A line that assigns ``x`` to slices of ``{out}``; None where entries meet or are dropped."""
    indices, once = step.spec
    lengths = _numbers(step.operand_sizes[0], size) if once else None
    plain = None if lengths is None else _slices(indices, lengths, step.sizes, size)
    if plain is None:
        return None
    slices, order = plain
    axes = tuple(range(len(order)))
    return f"{{out}}{slices} = {transposed(inputs[0], axes, order)}"


def assembled_in(step: Step, size: Spell) -> str:
    """A line that makes the array ``{out}`` that parts are put into, with zeros where it is
    cleared as a whole.
    """
    _, cleared = step.spec
    kind = "zeros" if _is_whole(cleared) else "empty"
    return f"{{out}} = np.{kind}({_shape(step.sizes, size)}, dtype)"


def cleared_lines(step: Step, size: Spell, *, whole: bool) -> list[str]:
    """Lines that set ``{out}`` to 0 where nothing is assigned; with `whole` also where that is all
    of it.
    """
    _, cleared = step.spec
    if _is_whole(cleared):
        return ["{out}[...] = 0"] if whole else []
    return [f"{{out}}{_box_text(box)} = 0" for box in cleared]


def part_line(x: str, step: Step, number: int, size: Spell) -> str:
    """A line that puts a part of a value into ``{out}``, or adds it to what is there."""
    parts, _ = step.spec
    spans, times, adds = parts[number]
    there = f"{{out}}{part_text(spans, step, size)}"
    axes = tuple(range(len(spans)))
    by_axis = {span.axis: axis for axis, span in enumerate(spans) if span.axis is not None}
    x = aligned(x, tuple([by_axis[axis] for axis in range(len(by_axis))]), axes)
    if adds:
        sign = "-" if times == -1 else "+"
        return f"{there} {sign}= {x if times in (1, -1) else f'{literal(times)} * {x}'}"
    if times == 1:
        return f"{there} = {x}"
    if times == -1:
        return f"np.negative({x}, {there})"
    return f"np.multiply({x}, {literal(times)}, {there})"


def assembled_parts(inputs: Sequence[str], step: Step, size: Spell) -> list[str]:
    """Lines that put all parts into ``{out}``."""
    return [part_line(x, step, number, size) for number, x in enumerate(inputs)]


def part_text(spans: Sequence[Span], step: Step, size: Spell) -> str:
    """The slices of an array that a part takes."""
    texts: list[str] = []
    for span, length in zip(spans, step.sizes, strict=True):
        if span.extent is None:
            texts.append(":")
        else:
            known = _number(length, size)
            end = span.ends(0)[1]
            n = end + 1 if known is None else known
            texts.append(_slice(span.start, span.step, span.extent, n))
    return _subscript(texts)


def _is_whole(cleared: Sequence[Box]) -> bool:
    return any(all(ends is None for ends in box) for box in cleared)


def _box_text(box: Box) -> str:
    return _subscript([":" if ends is None else f"{ends[0]}:{ends[1]}" for ends in box])


def _subscript(texts: list[str]) -> str:
    while texts and texts[-1] == ":":
        texts = texts[:-1]
    return f"[{', '.join(texts) or '...'}]"


def mask_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """``x`` where indices are inside, else 0."""
    triangle = triangle_text(inputs, step, size, "np")
    if triangle is not None:
        return triangle
    conditions = [f"({_place(index, inputs, size)}, {size(n)})" for index, n in step.spec]
    return _called("masked_at", inputs[0], *conditions)


def running_sum_text(inputs: Sequence[str], step: Step, _: Spell) -> str:
    """The running sum along an axis."""
    (x,), (axis, backwards) = inputs, step.spec
    if backwards:
        return f"np.flip(np.cumsum(np.flip({x}, {axis}), {axis}, {x}.dtype), {axis})"
    return f"np.cumsum({x}, {axis}, {x}.dtype)"


def transform_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """A discrete Fourier transform along an axis."""
    return transform_called("np.fft", inputs[0], step, size)


def transform_called(module: str, x: str, step: Step, size: Spell) -> str:
    """A transform by the functions that all libraries have: the entries, the points, the axis. The
    sum with the other sign is the inverse without its share.
    """
    axis, sign, period = step.spec
    points, rows = size(period), size(step.sizes[axis])
    text = f"{module}.fft({x}, {points}, {axis})"
    if sign > 0:
        text = f'{module}.ifft({x}, {points}, {axis}, "forward")'
    return text if rows == points else f"{text}[{':, ' * axis}:{rows}]"


def weighted_rows_text(inputs: Sequence[str], step: Step, size: Spell) -> str:
    """Rows times their weights, added up where an index array says."""
    weights, rows, array = inputs
    places = f"places_of({array}, {array!r})"
    return _called("weighted_rows", weights, rows, places, size(step.sizes[0]))


def windowed_text(inputs: Sequence[str], step: Step, _: Spell) -> str:
    """A product with a window."""
    x_labels, y_labels, out = step.spec
    return _called("windowed_product", f'"{einsum_text([x_labels, y_labels], out)}"', *inputs)


def _called(helper: str, *arguments: str) -> str:
    return f"{helper}({', '.join(arguments)})"


def _shape(sizes: Sequence[Size], size: Spell) -> str:
    return shape([size(s) for s in sizes])


def _by_array(indices: Sequence[Index]) -> bool:
    return any(index.arrays for index in indices)


def _place(index: Index, inputs: Sequence[str], size: Spell) -> str:
    """An index as the helpers take it: ``(1, {0: 2}, (places_of(r, 'r'), (1,), -1))``."""
    terms = [f"{axis}: {size(k)}" for axis, k in index.terms]
    parts = [size(index.constant), f"{{{', '.join(terms)}}}"]
    for number, axes, k in index.arrays:
        array = inputs[number]
        parts.append(f"(places_of({array}, {array!r}), {axes!r}, {size(k)})")
    return f"({', '.join(parts)})"


def _array(index: Index, inputs: Sequence[str]) -> str:
    """The index array that an index is."""
    ((number, _, _),) = index.arrays
    return f"places_of({inputs[number]}, {inputs[number]!r})"


def _number(size: Size, spell: Spell) -> int | None:
    """A size as a number, if it is known."""
    text = spell(size)
    return int(text) if text.removeprefix("-").isdigit() else None


def _numbers(sizes: Sequence[Size], size: Spell) -> list[int] | None:
    found = []
    for s in sizes:
        number = _number(s, size)
        if number is None:
            return None
        found.append(number)
    return found


def _slices(
    indices: Sequence[Index], lengths: Sequence[int], sizes: Sequence[Size], size: Spell
) -> tuple[str, tuple[int, ...]] | None:
    """Slices for indices that each have an axis of their own, and stay inside; and the axes in
    their order. None where there are none.
    """
    known = _numbers(sizes, size)
    if known is None or _by_array(indices) or 0 in lengths:
        return None
    axes: list[int] = []
    parts: list[str] = []
    for index, n in zip(indices, known, strict=True):
        constant = _number(index.constant, size)
        if constant is None or not 0 <= constant < n or len(index.terms) > 1:
            return None
        if not index.terms:
            parts.append(str(constant))
            continue
        ((axis, coefficient),) = index.terms
        step = _number(coefficient, size)
        if not step or not 0 <= constant + step * (lengths[axis] - 1) < n:
            return None
        axes.append(axis)
        parts.append(_slice(constant, step, lengths[axis], n))
    if sorted(axes) != list(range(len(lengths))):
        return None
    while parts and parts[-1] == ":":
        parts.pop()
    if parts and not axes:
        parts.append("...")  # an array of no axes, no number
    return f"[{', '.join(parts) or '...'}]", tuple(axes)


def _slice(start: int, step: int, length: int, size: int) -> str:
    """So many entries of an axis of that size, each a step behind the one before.

    >>> _slice(0, 1, 5, 5), _slice(1, 1, 4, 5), _slice(4, -1, 5, 5), _slice(0, 2, 2, 5)
    (':', '1:', '::-1', ':4:2')
    """
    if length == 1:
        step = 1
    end = start + step * length
    if step > 0:
        first, last = (str(start) if start else ""), (str(end) if end < size else "")
    else:
        first, last = (str(start) if start < size - 1 else ""), (str(end) if end >= 0 else "")
    return f"{first}:{last}" + (f":{step}" if step != 1 else "")


def _is_one_array(index: Index) -> bool:
    """Is it an index array, and nothing else?"""
    return index.constant == 0 and not index.terms and [k for *_, k in index.arrays] == [1]


def _taken_along(step: Step) -> int | None:
    """The one axis that is read at an index array, whose axes the result has in the place of it;
    all other axes are as they are.
    """
    by_array = [axis for axis, index in enumerate(step.spec) if index.arrays]
    if len(by_array) != 1 or not _is_one_array(step.spec[by_array[0]]):
        return None
    (axis,) = by_array
    ((number, axes, _),) = step.spec[axis].arrays
    before, behind = step.spec[:axis], step.spec[axis + 1 :]
    order = [*[index.bare for index in before], *axes, *[index.bare for index in behind]]
    if order != list(range(len(step.sizes))):
        return None
    x, array = step.operand_sizes[0], step.operand_sizes[number]
    return axis if (*x[:axis], *array, *x[axis + 1 :]) == step.sizes else None


def _added_along(step: Step, size: Spell) -> bool:
    """Is the first axis written at an index array, of which the value has all axes first, and are
    the other axes as they are?
    """
    indices, _ = step.spec
    if not indices or not _is_one_array(indices[0]) or _by_array(indices[1:]):
        return False
    ((number, axes, _),) = indices[0].arrays
    order = [*axes, *[index.bare for index in indices[1:]]]
    v, array = step.operand_sizes[0], step.operand_sizes[number]
    lengths = [size(n) for n in (*array, *step.sizes[1:])]
    return order == list(range(len(v))) and lengths == [size(n) for n in v]


def triangle_text(inputs: Sequence[str], step: Step, size: Spell, module: str) -> str | None:
    """``tril(x, k)`` or ``triu(x, k)`` of a library, where a mask keeps one side of a diagonal of
    the last two axes.
    """
    triangle = _triangle(step)
    if triangle is None:
        return None
    name, diagonal = triangle
    return _called(f"{module}.{name}", inputs[0], *([size(diagonal)] if diagonal else []))


def _triangle(step: Step) -> tuple[str, Size] | None:
    """The function for one side of a diagonal of the last two axes, and which diagonal."""
    if len(step.spec) != 1 or len(step.sizes) < 2:
        return None
    ((index, n),) = step.spec
    terms = dict(index.terms)
    rows, columns = len(step.sizes) - 2, len(step.sizes) - 1
    if index.arrays or set(terms) != {rows, columns}:
        return None
    sign = terms[rows]
    if (sign, terms[columns]) not in ((1, -1), (-1, 1)):
        return None
    height, width = step.sizes[-2:]
    if not height or not width:
        return None
    constant = index.constant
    added, taken = (height, width) if sign == 1 else (width, height)
    last = minus(n, 1)
    # 0 <= c + i - j <= n - 1, or with c + j - i: which of both ends is never reached?
    above = is_nonnegative(minus(n, plus(constant, added)))
    below = is_nonnegative(minus(plus(constant, 1), taken))
    if above == below:
        return None
    if above:
        # j <= i + c, or i <= j + c
        return ("tril", constant) if sign == 1 else ("triu", product_of_sizes(-1, constant))
    # j >= i + c - n + 1, or i >= j + c - n + 1
    other = minus(constant, last)
    return ("triu", other) if sign == 1 else ("tril", product_of_sizes(-1, other))
