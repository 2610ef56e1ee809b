"""Writing an expression: named tensors, and einsums of whatever is at hand."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count, islice

from ..errors import EinderivError, ParseError, ShapeError, counted, limits, near
from .arguments import check_name, natural, number
from .arrays import is_array, usable
from .delta import Delta
from .nodes import Constant, Einsum, Expr, Label, Letters, Size, Slot, Tensor
from .sizes import called, checked
from .subscripts import (
    BLANKS,
    ELLIPSIS,
    Notation,
    Term,
    expand,
    is_name,
    label_name,
    label_number,
    read,
)
from .unify import assemble


def tensor(
    name: str,
    axes: str | Sequence[str | int | None] = (),
    *,
    symmetric: bool = False,
    diagonal: bool = False,
    lower: bool = False,
    orthogonal: bool = False,
    complex: bool = False,
) -> Tensor:
    """A named tensor. Axes of the same name have the same size, in all tensors of an expression.

    `axes` is a string of letters, words separated by blanks, or a sequence of names and sizes
    (None: nothing known). A structure is declared of the last two axes: derivatives stay those of
    free entries, ``ed.project`` takes them to the structure, ``S`` and ``S.T`` of a symmetric S are
    equal, and arrays are checked. A tensor that is declared `complex` is a variable apart from its
    conjugate.

    >>> tensor("X", "is").axes, tensor("W", "batch feature").axes, tensor("b", ("batch", 3)).sizes
    (('i', 's'), ('batch', 'feature'), (('b', 0), 3))
    >>> S = tensor("S", "nn", symmetric=True)
    >>> S.T == S
    True

    Raises ParseError for names that are no ASCII identifiers or are Python keywords, ShapeError for
    a negative size, EinderivError for two structures at once.
    """
    check_name(name, "a tensor")
    declared: list[str | int | None] = []
    if isinstance(axes, str):
        limits.check("characters", len(axes))
        words = axes.split() if any(c in BLANKS for c in axes) else list(axes)
        for word in words:
            check_name(word, "an axis", axes)
        declared += words
    elif not isinstance(axes, Iterable):
        raise TypeError(
            f"axes must be a string or a sequence of names and sizes, not {type(axes).__name__}"
        )
    else:
        for axis in axes:
            if isinstance(axis, str):
                check_name(axis, "an axis")
            elif axis is not None:
                axis = natural(axis, f"the size of an axis of {name}")
            declared.append(axis)
    limits.check("axes", len(declared))
    flags = {"symmetric": symmetric, "diagonal": diagonal, "lower": lower, "orthogonal": orthogonal}
    return checked(
        Tensor(name, tuple(declared), _structure(name, flags, len(declared)), bool(complex))
    )


def _structure(name: str, flags: Mapping[str, bool], axes: int) -> str | None:
    """The one structure that is declared."""
    chosen = [flag for flag, on in flags.items() if on]
    if len(chosen) > 1:
        raise EinderivError(f"{name} is declared {' and '.join(chosen)}: one structure is enough")
    if chosen and axes < 2:
        raise ShapeError(
            f"{name} is declared {chosen[0]}, but has {counted(axes, 'axis')}: a structure needs "
            "two"
        )
    return chosen[0] if chosen else None


def einsum(
    subscripts: object, /, *operands: object, sizes: Mapping[str, int | str] | None = None
) -> Einsum:
    """One einsum: products of `operands`, summed over the labels that are not in the output.

    An operand is an expression, a name, a number, an array or a `Delta`; without any they are named
    A, B, C, …. NumPy's interleaved form ``einsum(X, [0, 1], Y, [1, 2], [0, 2])`` is understood. A
    repeated output label embeds on a diagonal; an output label without an operand broadcasts, with
    its size given in `sizes` (an int, or the name of an axis that ``ed.tensor`` declared).

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
    parts = [_operand(value, k, notation) for k, value in enumerate(values)]
    ranks = [None if isinstance(p, str) else p.ndim for p in parts]

    def where(k: int) -> str:
        part = parts[k]
        return f"operand {k} ({called(part)})" if isinstance(part, Expr) else f"operand {k}"

    inputs, output = expand(notation, ranks, where)
    given = dict(sizes or {})
    return _built(
        notation, _identities(_tensors(parts, inputs), inputs, given), inputs, output, given
    )


def _built(
    notation: Notation,
    parts: list[Expr],
    inputs: list[tuple[str, ...]],
    output: tuple[str, ...],
    sizes: dict[str, int | str],
) -> Einsum:
    names: dict[str, Label] = {}
    for word in chain(*inputs, output):
        names.setdefault(word, len(names))
    given = _given(notation, names, set(chain(*inputs)), sizes)
    slots: tuple[Slot, ...] = tuple(
        (part, tuple([names[word] for word in words]))
        for part, words in zip(parts, inputs, strict=True)
    )
    letters: Letters = {
        label: None if word.startswith(ELLIPSIS) else word for word, label in names.items()
    }
    labels = tuple([names[word] for word in output])
    limits.check("axes", len(labels))
    # A later occurrence of an output label has no letter of its own; printing finds one.
    axes = tuple(
        [letters[label] if label not in labels[:p] else None for p, label in enumerate(labels)]
    )
    return checked(
        assemble(1, slots, labels, axes=axes, given=given, letters=letters, written=True)
    )


def _given(
    notation: Notation, names: dict[str, Label], known: set[str], sizes: dict[str, int | str]
) -> tuple[tuple[Label, Size], ...]:
    for word, size in sizes.items():
        if word not in names:
            raise ParseError(
                f"sizes names {word!r}, which is no label here; {near(str(word), names)}",
                notation.text,
                0,
            )
        if isinstance(size, str):
            check_name(size, "an axis")
        else:
            sizes[word] = natural(size, f"the size of {word!r}")
    out = notation.output
    for word, position in zip(out.labels, out.positions, strict=True) if out is not None else ():
        if word != ELLIPSIS and word not in known and word not in sizes:
            shown = word if not notation.numbered else label_number(word)
            raise ParseError(
                f"output label {shown!r} is in no operand; give its size, sizes={{{shown!r}: …}}, "
                "to broadcast",
                notation.text,
                position,
            )
    return tuple((names[word], size) for word, size in sizes.items())


def _counted(
    notation: Notation, operands: tuple[object, ...]
) -> tuple[Notation, tuple[object, ...]]:
    """The operands, named where there are none; ``->ii`` has none where its output needs none."""
    if not notation.text and not operands and not notation.numbered:
        raise ParseError("empty subscripts: a scalar is written '->'", " ", 0)
    scalar = len(notation.inputs) == 1 and not notation.inputs[0].labels
    if scalar and not operands and notation.output is not None and notation.output.labels:
        return notation._replace(inputs=()), ()
    return notation, operands or tuple(default_names(len(notation.inputs)))


def default_names(number_of_operands: int) -> list[str]:
    """A, B, … Z, A1, B1, …"""
    rounds = chain([""], map(str, count(1)))
    return list(
        islice(
            (letter + r for r in rounds for letter in string.ascii_uppercase), number_of_operands
        )
    )


def _operand(value: object, k: int, notation: Notation) -> Expr | Delta | str:
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
    array = usable(value, f"operand {k}")
    return Constant(array, array.shape)


def _tensors(parts: list[Expr | Delta | str], inputs: list[tuple[str, ...]]) -> list[Expr | Delta]:
    made: dict[tuple[str, int], Tensor] = {}
    found: list[Expr | Delta] = []
    for part, labels in zip(parts, inputs, strict=True):
        if isinstance(part, str):
            part = made.setdefault((part, len(labels)), Tensor(part, (None,) * len(labels)))
        found.append(part)
    return found


def _identities(
    parts: list[Expr | Delta], inputs: list[tuple[str, ...]], sizes: Mapping[str, int | str]
) -> list[Expr]:
    """Deltas as expressions: of their own size, or that of a label, which another operand or
    `sizes` says.
    """
    if not any(isinstance(part, Delta) for part in parts):
        return [part for part in parts if isinstance(part, Expr)]
    known: dict[str, Size] = {}
    tied: dict[str, list[str]] = {}
    for part, words in zip(parts, inputs, strict=True):
        if isinstance(part, Expr):
            known |= zip(words, part.sizes, strict=True)
        else:
            if part.size is not None:
                known |= dict.fromkeys(words, part.size)
            for word in words:
                tied.setdefault(word, []).extend(words)
    known |= sizes
    met = list(known)
    for word in met:  # from delta to delta
        new = [other for other in tied.get(word, ()) if other not in known]
        known |= dict.fromkeys(new, known[word])
        met += dict.fromkeys(new)
    found: list[Expr] = []
    for part, words in zip(parts, inputs, strict=True):
        if isinstance(part, Delta):
            if words[0] not in known:
                raise ShapeError(
                    f"nothing says the size of {part}: no operand has its labels; give it in sizes="
                )
            part = part.expression(known[words[0]] if part.size is None else part.size)
        found.append(part)
    return found


def _interleaved(arguments: tuple[object, ...]) -> tuple[Notation, tuple[object, ...]]:
    """``X, [0, 1], Y, [1, 2], [0, 2]`` as a notation: label k is the k-th letter, or a word
    behind the 52.
    """
    if is_array(arguments[1]) or isinstance(arguments[1], (str, Expr)):
        raise TypeError(
            "subscripts must come first, a string such as 'ij,jk->ik'; or operands and lists of "
            "labels "
            "in turn, as in einsum(X, [0, 1], Y, [1, 2], [0, 2])"
        )
    *pairs, last = (*arguments, None) if len(arguments) % 2 == 0 else arguments
    operands, labels = tuple(pairs[::2]), pairs[1::2]
    terms = [_label_names(ls, f"the labels of operand {k}") for k, ls in enumerate(labels)]
    limits.check("operands", len(terms))
    inputs = tuple(Term(names, (0,) * len(names), 0) for names in terms)
    out = None if last is None else _label_names(last, "the output labels")
    return Notation(
        "", inputs, None if out is None else Term(out, (0,) * len(out), 0), numbered=True
    ), operands


def _names_first(name: str, operands: tuple[object, ...]) -> bool:
    """Is this the interleaved form with a name as its first operand? A string would have one
    operand only.
    """
    return (
        len(operands) > 1
        and is_name(name)
        and all(isinstance(ls, (list, tuple)) for ls in operands[::2])
    )


def _label_names(labels: object, what: str) -> tuple[str, ...]:
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise TypeError(f"{what} must be a list of whole numbers, not {type(labels).__name__}")
    return tuple(ELLIPSIS if k is ... else label_name(natural(k, what)) for k in labels)
