"""Writing an expression: named tensors, and einsums of whatever is at hand."""

from __future__ import annotations

import string
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Any, cast

from ..errors import EinderivError, ParseError, ShapeError, counted, limits, near
from .arguments import check_name, held, natural, number, truth
from .arrays import is_array
from .delta import Delta, KnownSizes
from .dims import turned_if_same
from .index_building import composed, has_expressions, sizes_by_arrays
from .index_grammar import Axis, labels_of
from .labels import Given, Label, Polynomial, Size
from .nodes import Constant, Einsum, Expr, Letters, Slot, Tensor, titled
from .sizes import called, checked
from .string_parts import BLANKS, ELLIPSIS, is_name
from .subscripts import (
    Notation,
    Term,
    arrays_of,
    expand,
    label_name,
    label_number,
    read,
)
from .symbolic_sizes import SymbolicSize, origins_of
from .unify import assemble

_PLACES = count()


def constant(array: object, /, *, name: str | None = None) -> Constant:
    """An array that the expression holds, with a name that it is printed by.

    It is never copied and never written to. Arrays without a name print as ``array0``, ``array1``.

    >>> import numpy as np
    >>> K = constant(np.eye(2), name="K")
    >>> print(einsum("ij,j->i", K, "x"))
    einsum("ij,j->i", K, x)

    Raises ParseError for a name that is no ASCII identifier, TypeError for what is no array.
    """
    if name is not None:
        check_name(name, "an array")
    return held(array, "the array" if name is None else name, name)


def named(e: Expr, /, name: str) -> Expr:
    """The same expression with a name for formulas: it stands there as `name`, and is said below.

    >>> import einderiv as ed
    >>> x, W = ed.tensor("x", "i"), ed.tensor("W", "ji")
    >>> h = ed.named(ed.tanh(W @ x), "h")
    >>> print(ed.formula(ed.sum(h * h)))
    y = Σ_j h[j]² where h[j] = tanh(Σ_i W[j,i] x[i])

    What only says where numbers sit, such as a transpose, becomes part of what it stands in, and so
    has no name there. Raises ParseError for a name that is no ASCII identifier, EinderivError for a
    tensor, which has a name, TypeError for what is no expression.
    """
    check_name(name, "an expression")
    if not isinstance(e, Expr):
        raise TypeError(f"only expressions have names in formulas, not {type(e).__name__}")
    if isinstance(e, Tensor):
        raise EinderivError(
            f"the tensor {e.name} has a name: declare it by another one, "
            f"or name what is made of it, ed.named(2 * {e.name}, {name!r})"
        )
    if isinstance(e, Constant):
        return constant(e.value, name=name)
    return titled(e, name)


def tensor(
    name: str,
    axes: str | Sequence[str | int | None] = (),
    *,
    symmetric: bool = False,
    diagonal: bool = False,
    lower: bool = False,
    orthogonal: bool = False,
    hermitian: bool = False,
    complex: bool = False,
) -> Tensor:
    """A named tensor. Axes of the same name have the same size, in all tensors of an expression.

    `axes` is a string of letters, words separated by blanks, or a sequence of names and sizes
    (None: nothing known). A structure is declared of the last two axes: derivatives stay those of
    free entries, ``ed.project`` takes them to the structure, ``S`` and ``S.T`` of a symmetric S are
    equal, and arrays are checked. A tensor that is declared `complex` is a variable apart from its
    conjugate; a `hermitian` one is complex, and its conjugate is its transpose.

    >>> tensor("X", "is").axes, tensor("W", "batch feature").axes
    (('i', 's'), ('batch', 'feature'))
    >>> tensor("b", ("batch", 3)).axis_sizes
    (('b', 0), 3)
    >>> S = tensor("S", "nn", symmetric=True)
    >>> S.T == S
    True

    Raises ParseError for names that are no ASCII identifiers or are Python keywords, ShapeError for
    a negative size, EinderivError for two structures at once, TypeError where an option is neither
    True nor False.
    """
    check_name(name, "a tensor")
    declared = _declared(name, axes)
    limits.check("axes", len(declared))
    flags = {
        "symmetric": symmetric,
        "diagonal": diagonal,
        "lower": lower,
        "orthogonal": orthogonal,
        "hermitian": hermitian,
    }
    chosen = {flag: truth(on, flag) for flag, on in flags.items()}
    structure = _structure(name, chosen, len(declared))
    imaginary = truth(complex, "complex") or structure == "hermitian"
    return checked(Tensor(name, declared, structure, imaginary))


def numbered(t: Tensor) -> Tensor:
    """A tensor that stands for the next parameter of a traced function, in whose order arrays are
    taken later, wherever in the function it is used.
    """
    return checked(Tensor(t.name, t.declared, t.structure, t.complex, next(_PLACES)))


def _declared(name: str, axes: str | Sequence[str | int | None]) -> tuple[str | int | None, ...]:
    """What is declared of each axis: its name, its size, or nothing."""
    if isinstance(axes, str):
        limits.check("characters", len(axes))
        has_blanks = any(c in BLANKS for c in axes)
        words = axes.split() if has_blanks else list(axes)
        for word in words:
            check_name(word, "an axis", axes)
        return tuple(words)
    if not isinstance(axes, Iterable):
        raise TypeError(
            f"axes must be a string or a sequence of names and sizes, not {type(axes).__name__}"
        )
    declared: list[str | int | None] = []
    for axis in axes:
        if isinstance(axis, str):
            check_name(axis, "an axis")
        elif axis is not None:
            axis = natural(axis, f"the size of an axis of {name}")
        declared.append(axis)
    return tuple(declared)


def _structure(name: str, flags: Mapping[str, bool], axes: int) -> str | None:
    """The one structure that is declared."""
    chosen = [flag for flag, on in flags.items() if on]
    if len(chosen) > 1:
        raise EinderivError(f"{name} is declared {' and '.join(chosen)}: one structure is enough")
    if not chosen:
        return None
    if axes < 2:
        raise ShapeError(
            f"{name} is declared {chosen[0]}, but has {counted(axes, 'axis')}: a structure needs "
            "two"
        )
    return chosen[0]


def einsum(
    subscripts: object,
    /,
    *operands: object,
    sizes: Mapping[str, Size] | None = None,
    index: Mapping[str, Any] | None = None,
    **arrays: Any,
) -> Einsum:
    """One einsum: products of `operands`, summed over the labels that are not in the output.

    An operand is an expression, a name, a number, an array or a `Delta`; without any they are named
    A, B, C, …. NumPy's interleaved form ``einsum(X, [0, 1], Y, [1, 2], [0, 2])`` is understood,
    also with words or other keys as labels, as opt_einsum has them. A repeated output label embeds
    on a diagonal; an output label without an operand broadcasts, with its size given in `sizes` (an
    int, or the name of an axis that ``ed.tensor`` declared).

    >>> einsum("is,st,tj->ij", "X", "Y", "P").subscripts
    'is,st,tj->ij'
    >>> einsum("i->ii", "v").subscripts
    'ia,i->ia'

    Raises ParseError with a caret for a string that cannot be read, ShapeError for sizes that
    contradict each other.
    """
    if isinstance(subscripts, (bytes, bytearray)):
        raise TypeError("subscripts must be a string, not bytes: decode them first")
    if operands and (not isinstance(subscripts, str) or _names_first(subscripts, operands)):
        notation, values = _interleaved((subscripts, *operands))
    else:
        notation = read(subscripts)  # type: ignore[arg-type]
        limits.check("operands", len(notation.inputs))
        notation, values = _counted(notation, operands)
    parts = [_operand(value, k) for k, value in enumerate(values)]
    ranks = [None if isinstance(part, str) else part.ndim for part in parts]

    def where(k: int) -> str:
        part = parts[k]
        return f"operand {k} ({called(part)})" if isinstance(part, Expr) else f"operand {k}"

    axes, output_axes = expand(notation, ranks, where)
    given: dict[str, Size] = {}
    origins: tuple[Expr, ...] = ()
    if sizes is not None:
        given = {key: checked_size(key, size) for key, size in (sizes or {}).items()}
        origins = origins_of(*(sizes or {}).values())
        if isinstance(sizes, KnownSizes) and sizes.of is not None:
            origins = (sizes.of, *origins)
    with_tensors = _tensors(parts, axes)
    expressions = [part for part in with_tensors if isinstance(part, Expr)]
    are_labels = not notation.indexed and index is None and not arrays
    if are_labels and len(expressions) == len(parts):  # nearly always: letters, and no delta
        return _built(notation, expressions, axes, output_axes, given, origins)
    held_arrays = _index_arrays(notation, with_tensors, index, arrays)
    is_composed = has_expressions(notation)
    whole = _identities(with_tensors, axes, given, held_arrays, ones=is_composed)
    if is_composed:
        return _composed(notation, whole, axes, output_axes, given, held_arrays, origins)
    expressions = [part for part in whole if part is not None]
    return _built(notation, expressions, axes, output_axes, given, origins)


def einsum_of_axes(
    text: str,
    parts: Sequence[Expr],
    inputs: Sequence[tuple[Axis, ...]],
    output: tuple[Axis, ...],
    positions: Sequence[Sequence[int]],
    sizes: Mapping[str, Any],
    arrays: Mapping[str, Expr],
) -> Einsum:
    """The einsum of axes that are read elsewhere than in a string. `positions` says where in the
    text, those of the output last: what is wrong points there.
    """
    terms = []
    for axes, own in zip((*inputs, output), positions, strict=True):
        terms.append(Term(axes, tuple(own), own[0] if own else 0))
    notation = Notation(text, tuple(terms[:-1]), terms[-1], indexed=True)
    return _composed(notation, list(parts), inputs, output, sizes, arrays, ())


def _composed(
    notation: Notation,
    parts: Sequence[Expr | None],
    inputs: Sequence[tuple[Axis, ...]],
    output: tuple[Axis, ...],
    sizes: Mapping[str, Size],
    arrays: Mapping[str, Expr],
    origins: tuple[Expr, ...],
) -> Einsum:
    """The einsum of a string with index expressions."""
    found = composed(notation, parts, inputs, output, sizes, arrays)
    letters: Letters = {
        label: None if word.startswith(ELLIPSIS) else word for word, label in found.numbers.items()
    }
    limits.check("axes", len(found.output))
    names: list[str | None] = []
    for p, label in enumerate(found.output):
        names.append(None if label in found.output[:p] else letters.get(label))
    return checked(
        assemble(
            1,
            found.slots,
            found.output,
            axes=tuple(names),
            given=found.given,
            letters=letters,
            written=True,
            origins=origins,
            relations=found.relations,
        )
    )


def checked_size(key: str, size: object) -> Size:
    """A size that is given: a whole number, the name of an axis, or what ``e.sizes`` holds."""
    if isinstance(size, str):
        check_name(size, "an axis")
        return size
    if isinstance(size, SymbolicSize):
        return size.size
    if isinstance(size, Polynomial):
        return size
    if isinstance(size, tuple) and len(size) == 2 and isinstance(size[0], str):
        name, axis = size
        if axis == -1:  # the number of values of an index array
            return name, -1
        return name, natural(axis, f"the axis in the size of {key!r}")
    return natural(size, f"the size of {key!r}")


def _index_arrays(
    notation: Notation,
    parts: Iterable[Expr | Delta],
    index: Mapping[str, Any] | None,
    named: Mapping[str, Any],
) -> dict[str, Expr]:
    """The index arrays of a string and of its deltas, by name: held where they are given, else
    inputs.
    """
    ranks = arrays_of(notation)
    for part in parts:
        if isinstance(part, Delta):
            ranks = {**part.arrays, **ranks}
    if index is not None and not isinstance(index, Mapping):
        raise TypeError(f"index is a mapping of index arrays, not {type(index).__name__}")
    for name in named:
        if name not in ranks:
            raise TypeError(
                f"einsum() got an unexpected keyword argument {name!r}: no index array of the "
                f"string has this name; {near(name, ranks)}"
            )
    for name in index or ():
        if name not in ranks:
            raise EinderivError(
                f"index names {str(name)[:40]!r}, which is no index array of the string; "
                f"{near(str(name), ranks)}"
            )
    given = {**(index or {}), **named}
    found: dict[str, Expr] = {}
    for name, rank in ranks.items():
        if name not in given:
            found[name] = Tensor(name, (None,) * rank, "index")
        else:
            found[name] = index_array(name, given[name], rank)
    return found


def index_array(name: str, value: Any, rank: int | None = None) -> Expr:
    """A held array of whole numbers, none of them negative."""
    if isinstance(value, Expr):
        raise TypeError(f"the index array {name} is an array of whole numbers, no expression")
    import numpy as np

    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"the index array {name} is masked: give the places that are meant, alone")
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError(
            f"the index array {name} is an array of whole numbers, no list of lists of different "
            "lengths"
        ) from None
    if array.size == 0 and array.dtype.kind == "f" and not hasattr(value, "dtype"):
        array = array.astype(np.int64)  # an empty list
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"the index array {name} must hold whole numbers, not {array.dtype}: "
            "np.flatnonzero(mask) makes some of a mask"
        )
    if rank is not None and array.ndim != rank:
        raise ShapeError(
            f"the index array {name} has {counted(array.ndim, 'axis')}, but "
            f"{counted(rank, 'index')} in the string"
        )
    if array.size and (array.dtype.kind == "i" and array.min() < 0):
        first = tuple(map(int, np.argwhere(array < 0)[0]))
        raise ShapeError(
            f"the index array {name} holds {array[first]} at {list(first)}: places are not negative"
        )
    return held(array, f"the index array {name}", name)


def _built(
    notation: Notation,
    parts: list[Expr],
    input_axes: list[tuple[Axis, ...]],
    output_axes: tuple[Axis, ...],
    sizes: dict[str, Size],
    origins: tuple[Expr, ...],
) -> Einsum:
    """The einsum of a string without index expressions: its labels are the words, numbered by their
    first appearance.
    """
    inputs = cast(list[tuple[str, ...]], input_axes)
    output = cast(tuple[str, ...], output_axes)
    numbers: dict[str, Label] = {}
    for word in chain(*inputs, output):
        numbers.setdefault(word, len(numbers))
    given = _given(notation, numbers, set(chain(*inputs)), sizes)
    slots: list[Slot] = []
    for k, (part, written) in enumerate(zip(parts, inputs, strict=True)):
        words = written
        if isinstance(part, Constant) and any(part.axes):  # goes by its names where these are they
            order = turned_if_same(part.axes, written, f"operand {k}", "its term")
            words = written if order is None else tuple(map(str, part.axes))
        slots.append((part, tuple([numbers[word] for word in words])))
    letters: Letters = {
        label: None if word.startswith(ELLIPSIS) else word for word, label in numbers.items()
    }
    labels = tuple([numbers[word] for word in output])
    limits.check("axes", len(labels))
    # A later occurrence of an output label has no letter of its own; printing finds one.
    axes = tuple(
        [None if label in labels[:p] else letters[label] for p, label in enumerate(labels)]
    )
    return checked(
        assemble(
            1,
            slots,
            labels,
            axes=axes,
            given=given,
            letters=letters,
            origins=origins,
            written=True,
        )
    )


def sized_einsum(text: str, sizes: Mapping[str, Any] | None) -> Expr:
    """``einsum(text)`` where sizes are given by labels: those of labels that no operand has alone
    on an axis are its own.

    >>> print(sized_einsum("i->ij", {"i": 2, "j": 3}))
    einsum("i->ij", A)
    >>> sized_einsum("i-k,k->i", {"i": 9, "k": 2}).axis_sizes
    (9,)
    """
    own = own_sizes(read(text), sizes or {})
    return einsum(text, sizes=own) if own else einsum(text)


def own_sizes(notation: Notation, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `sizes` that an einsum takes itself: of labels that stand alone on no axis of an
    operand.
    """
    own = [label for label, _ in only_in_output(notation)]
    if notation.indexed:
        axes = list(chain.from_iterable([term.labels for term in notation.inputs]))
        inside = chain.from_iterable([labels_of(axis) for axis in axes])
        own += [label for label in dict.fromkeys(inside) if label not in axes]
    return {label: sizes[label] for label in own if label in sizes}


def only_in_output(notation: Notation) -> list[tuple[str, int]]:
    """The labels of the output that no operand has, each with its position in the string."""
    if notation.output is None:  # an implicit one has labels of operands alone
        return []
    carried = {ELLIPSIS}
    for axis in chain.from_iterable([term.labels for term in notation.inputs]):
        carried.update(labels_of(axis))
    output = zip(notation.output.labels, notation.output.positions, strict=True)
    only: list[tuple[str, int]] = []
    for axis, position in output:
        only += [(label, position) for label in labels_of(axis) if label not in carried]
    return only


def check_commas(notation: Notation, label: str) -> None:
    """Raise where a label is in no operand because a comma is missing: of ``ij jk -> ik`` the
    operand has the words ij and jk.

    >>> check_commas(read("ij jk -> ik"), "ik")
    Traceback (most recent call last):
    einderiv.errors.ParseError: a comma is missing here: blanks part words, ij,jk->ik has letters
        ij jk -> ik
          ^
    """
    if len(notation.inputs) != 1 or notation.indexed or notation.numbered:
        return
    (operand,) = notation.inputs
    words = [str(word) for word in operand.labels]
    if len(words) < 2 or len(label) < 2 or not set(label) <= set("".join(words)):
        return
    raise ParseError(
        f"a comma is missing here: blanks part words, {','.join(words)}->{label} has letters",
        notation.text,
        operand.positions[0] + len(words[0]),
    )


def _given(
    notation: Notation, numbers: dict[str, Label], carried: set[str], sizes: Mapping[str, Size]
) -> Given:
    """The sizes by label. Each label of the output that no operand carries must have one."""
    for word in sizes:
        if word not in numbers:
            raise ParseError(
                f"sizes names {word!r}, which is no label here; {near(str(word), numbers)}",
                notation.text,
                0,
            )
    output = notation.output or Term((), (), 0)  # an implicit one has labels of operands alone
    labels = cast(tuple[str, ...], output.labels)
    for word, position in zip(labels, output.positions, strict=True):
        if word != ELLIPSIS and word not in carried and word not in sizes:
            check_commas(notation, word)
            shown = label_number(word) if notation.numbered else word
            raise ParseError(
                f"output label {shown!r} is in no operand; give its size to einsum, "
                f"sizes={{{shown!r}: …}}, to broadcast",
                notation.text,
                position,
            )
    return tuple([(numbers[word], size) for word, size in sizes.items()])


def _counted(
    notation: Notation, operands: tuple[object, ...]
) -> tuple[Notation, tuple[object, ...]]:
    """The operands, named where there are none; ``->ii`` has none where its output needs none."""
    if operands:
        return notation, operands
    if not notation.text:
        raise ParseError("empty subscripts: a scalar is written '->'", " ", 0)
    # ->ii
    nothing_before_arrow = len(notation.inputs) == 1 and not notation.inputs[0].labels
    if nothing_before_arrow and notation.output is not None and notation.output.labels:
        return notation._replace(inputs=()), ()
    return notation, tuple(default_names(len(notation.inputs)))


def default_names(count: int) -> list[str]:
    """A, B, … Z, A1, B1, …"""
    letters = string.ascii_uppercase
    names = []
    for k in range(count):
        turn, place = divmod(k, len(letters))
        names.append(letters[place] + (str(turn) if turn else ""))
    return names


def _operand(value: object, k: int) -> Expr | Delta | str:
    """An expression for operand `k`; names stay until their number of axes is known, deltas
    until their size is.
    """
    if isinstance(value, (Expr, Delta)):
        return value
    if isinstance(value, str):
        check_name(value, f"operand {k}")
        return value
    plain = number(value)
    if plain is not None:
        return Constant(plain)
    return held(value, f"operand {k}")


def _tensors(
    parts: list[Expr | Delta | str], inputs: Sequence[tuple[Axis, ...]]
) -> list[Expr | Delta]:
    """Tensors for the names among the parts, now that their numbers of axes are known."""
    made: dict[tuple[str, int], Tensor] = {}
    with_tensors: list[Expr | Delta] = []
    for part, labels in zip(parts, inputs, strict=True):
        if isinstance(part, str):
            rank = len(labels)
            part = made.setdefault((part, rank), Tensor(part, (None,) * rank))
        with_tensors.append(part)
    return with_tensors


def _identities(
    parts: list[Expr | Delta],
    inputs: Sequence[tuple[Axis, ...]],
    sizes: Mapping[str, Size],
    arrays: Mapping[str, Expr],
    *,
    ones: bool,
) -> list[Expr | None]:
    """Deltas as expressions: of their own sizes, or those of labels, which another operand or
    `sizes` says. Where `ones`, a vector of ones may be as long as its axis has it, and is None.
    """
    if not any(isinstance(part, Delta) for part in parts):
        return [part for part in parts if isinstance(part, Expr)]
    known = _known_sizes(parts, inputs, sizes, arrays)
    expressions: list[Expr | None] = []
    for part, words in zip(parts, inputs, strict=True):
        if isinstance(part, Expr):
            expressions.append(part)
        elif part.sizes is not None:
            expressions.append(part.expression(part.sizes))
        elif all(word in known for word in words):
            expressions.append(part.expression([known[word] for word in words], arrays))
        elif ones and part.ndim == 1:
            expressions.append(None)
        else:
            raise ShapeError(
                f"nothing says the size of {part}: no operand has its labels; give it in sizes="
            )
    return expressions


def _known_sizes(
    parts: list[Expr | Delta],
    inputs: Sequence[tuple[Axis, ...]],
    sizes: Mapping[str, Size],
    arrays: Mapping[str, Expr],
) -> dict[Axis, Size]:
    """The sizes of labels that operands, deltas, index arrays or `sizes` say."""
    known: dict[Axis, Size] = {}
    tied: dict[Axis, list[Axis]] = {}  # labels that a delta makes one with a label
    for part, words in zip(parts, inputs, strict=True):
        own = part.axis_sizes if isinstance(part, Expr) else part.sizes
        if own is not None:
            pairs = zip(words, own, strict=True)
            known |= {word: size for word, size in pairs if isinstance(word, str)}
        if isinstance(part, Delta) and part.sides is not None:
            by_arrays = sizes_by_arrays(part.sides, arrays)
            named = zip(part.names, words, strict=True)
            known |= {word: by_arrays[name] for name, word in named if name in by_arrays}
        elif isinstance(part, Delta) and part.node is None:
            for word in words:
                tied.setdefault(word, []).extend(words)
    known.update(sizes)
    met = list(known)
    for word in met:  # it grows meanwhile, from delta to delta
        new = [other for other in tied.get(word, ()) if other not in known]
        known |= dict.fromkeys(new, known[word])
        met += dict.fromkeys(new)
    return known


def _interleaved(arguments: tuple[object, ...]) -> tuple[Notation, tuple[object, ...]]:
    """``X, [0, 1], Y, [1, 2], [0, 2]`` as a notation: label k is the k-th letter, or a word
    behind the 52. Labels of opt_einsum may be other keys too, ``["time", (0, 1)]``.
    """
    if is_array(arguments[1]) or isinstance(arguments[1], (str, Expr)):
        raise TypeError(
            "subscripts must come first, a string such as 'ij,jk->ik'; or operands and lists of "
            "labels in turn, as in einsum(X, [0, 1], Y, [1, 2], [0, 2])"
        )
    # X, [0, 1], Y, [1, 2]  without the labels of the output, or with them
    *pairs, last = (*arguments, None) if len(arguments) % 2 == 0 else arguments
    operands = tuple(pairs[::2])
    lists = [_labels(ls, f"the labels of operand {k}") for k, ls in enumerate(pairs[1::2])]
    limits.check("operands", len(lists))
    output = None if last is None else _labels(last, "the output labels")
    met = [label for labels in (*lists, output or ()) for label in labels if label is not ...]
    numbered = not any(_is_other(label) for label in met)
    names = _numbers_as_names(met) if numbered else _others_as_names(met)
    if not numbered and output is None and any(names[label] != label for label in met):
        raise TypeError(
            "the order of the output is not known for labels that are neither whole numbers nor "
            "names: give the output labels too, einsum(X, [i, j], Y, [j, k], [i, k])"
        )
    terms = [_term(labels, names) for labels in lists]
    written = None if output is None else _term(output, names)
    return Notation("", tuple(terms), written, numbered=numbered), operands


def _names_first(name: str, operands: tuple[object, ...]) -> bool:
    """Is this the interleaved form with a name as its first operand? A string would have one
    operand only.
    """
    if len(operands) < 2 or not is_name(name):
        return False
    return all(isinstance(labels, (list, tuple)) for labels in operands[::2])


def _labels(labels: object, what: str) -> Sequence[Any]:
    """A list of labels: whole numbers, or anything that has a hash, such as words or tuples."""
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise TypeError(f"{what} must be a list of whole numbers, not {type(labels).__name__}")
    for label in labels:
        if not isinstance(label, Hashable) or isinstance(label, bool) or label is None:
            raise TypeError(f"{what} must be whole numbers, words or other keys, not {label!r}")
        try:
            hash(label)
        except TypeError:  # a tuple of lists
            raise TypeError(f"{what} must have a hash, and {label!r} has none") from None
        if label is not ... and not _is_other(label):
            natural(label, what)
    return labels


def _is_other(label: object) -> bool:
    """Is a label something else than a number?"""
    return isinstance(label, (str, tuple, frozenset)) or number(label) is None


def _numbers_as_names(labels: Sequence[Any]) -> dict[Any, str]:
    return {label: label_name(natural(label, "a label")) for label in labels}


def _others_as_names(labels: Sequence[Any]) -> dict[Any, str]:
    """Words that may be names stay what they are; all else gets the first letters that are free."""
    names = {label: label for label in labels if isinstance(label, str) and is_name(label)}
    taken = set(names)
    free = (name for k in count() if (name := label_name(k)) not in taken)
    for label in labels:
        if label not in names:
            names[label] = next(free)
    return names


def _term(labels: Sequence[Any], names: Mapping[Any, str]) -> Term:
    """A list of labels as a term."""
    spelt = tuple([ELLIPSIS if label is ... else names[label] for label in labels])
    return Term(spelt, (0,) * len(spelt), 0)
