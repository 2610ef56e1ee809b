"""Two more ways to write an expression down as code: nested loops, to learn from, and Julia with
OMEinsum.

They are read off the nodes, one value for each product, sum or function, in the order in which the
author wrote them: no plan is made, nothing is fast, and NumPy is not needed to write them. The
loops run on their own; Julia's source follows OMEinsum's notation ``ein"ij,jk->ik"(A, B)``, and is
not run by anything here.

A language is a row of `LISTINGS`, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import BackendError, LimitError, limits
from ..expression import (
    JULIA_SIZES,
    LETTERS,
    PRIME,
    PYTHON_SIZES,
    Add,
    Apply,
    ArrayNames,
    Constant,
    Einsum,
    Expr,
    Label,
    Lettering,
    Notation,
    Polynomial,
    Size,
    Sizes,
    Tensor,
    as_factor,
    carried,
    children,
    coefficient,
    is_hot,
    is_zero,
    lettering_of,
    spelled_size,
    walk,
    wrapped,
)
from ..functions import same_axes, shown_parameters
from ..printing import IndexSpelling, Place, Range, label_names, named_reading, single_product
from .comments import Names, head
from .numpy_helpers import HELPERS
from .source_text import bare, call_text

INDENT = "    "
MOST_VALUES = 200  # values that a listing has at most
MOST_RELATED = 32  # operands of a product with relations, which all are solved at once
MOST_LOOPS = 20  # loops in one another: Python compiles no more
JULIA_WORDS = """baremodule begin break catch const continue do else elseif end export false finally
for function global if import let local macro module quote return struct true try using while ein"""
LOOPS_WORDS = "np range compute shape zeros"


@dataclass
class Listing:
    """The lines of one listing, the names of its values, and where sizes are found."""

    sizes: Sizes
    language: ListingLanguage
    letters: Lettering  # of what is listed
    names: dict[int, str] = field(default_factory=dict)
    inputs: dict[str, Expr] = field(default_factory=dict)
    free: dict[Size, str] = field(default_factory=dict)  # sizes that no argument has
    lines: list[str] = field(default_factory=list)
    # names with what they are, in Julia
    values: list[tuple[str, str]] = field(default_factory=list)
    matrices: bool = False  # are functions of matrices called?
    index_arrays: set[int] = field(
        default_factory=set
    )  # by identity: their dtype is not the result's

    def name(self, e: Expr) -> str:
        """The variable of a value; tensors keep their names where the language lets them."""
        return self.names[id(e)]

    def size(self, size: Size) -> str:
        """A size as text: a number, the size of an argument, or an argument of its own."""
        measure = self.sizes.known_measure(size)
        if measure is not None:
            return str(measure)
        unified = self.sizes.find(size)
        for name, tensor in self.inputs.items():
            for axis, own in enumerate(tensor.axis_sizes):
                if not isinstance(own, int) and self.sizes.find(own) == unified:
                    return self.language.size(name, axis)
        if isinstance(unified, int):
            return str(unified)
        if isinstance(unified, Polynomial):
            return as_factor(unified, spelled_size(unified, self.size, self.language.notation))
        return self.free.setdefault(unified, f"n{len(self.free)}")

    def add_argument(self, name: str, e: Expr) -> None:
        """A tensor or an array that the listing takes."""
        self.names[id(e)] = name
        self.inputs[name] = e

    def add_value(self, e: Expr) -> None:
        """A name for what is computed: t0, t1, …, clear of those of the arguments."""
        count = sum(name.startswith("t") for name in self.names.values())
        name = f"t{count}"
        while name in self.inputs:
            name += "_"
        self.names[id(e)] = name


class ListingLanguage(NamedTuple):
    """A language, as far as a listing needs it; the rows are in `LISTINGS`."""

    label: str  # for readers
    suffix: str  # of its files
    example: str  # a part of the listing of "ij,jk->ik"
    reserved: frozenset[str]  # words that no argument can be called
    size: Callable[[str, int], str]  # the size of an axis of an argument
    notation: Notation  # of products and quotients of sizes
    write: Callable[[Expr, Listing], None]  # adds one value to the listing
    source: Callable[[Expr, Listing], str]  # the text, when every value is in the listing


def listing(e: Expr, language: str) -> str:
    """The source of `e` in one of `LISTINGS`.

    >>> import einderiv as ed
    >>> print(listing(ed.einsum("ij,jk->ik"), "julia").splitlines()[-2])
        return ein"ij,jk->ik"(A, B)
    >>> print(listing(ed.einsum("ij,j->i"), "loops"))  # doctest: +ELLIPSIS
    import numpy as np
    ...
            for j in range(A.shape[1]):
                total += A[i, j] * B[j]
    ...

    Raises BackendError for functions that the language has no form for, LimitError for more than
    200 values, and for more than 20 loops in one another.
    """
    if not isinstance(e, Expr):
        raise TypeError(f"a listing is of one expression, not of {type(e).__name__}")
    row = LISTINGS[language]
    known = Listing(Sizes({}).read([e]), row, lettering_of(e))
    known.index_arrays.update([id(node.arguments[0]) for node in walk([e]) if is_hot(node)])
    order = [
        node for node in walk([e], _below) if not isinstance(node, Constant) or node.axis_sizes
    ]
    limits.check("axes", max([node.ndim for node in order]))
    if len(order) > MOST_VALUES:
        raise LimitError(
            f"a listing of {len(order)} values shows nothing: at most {MOST_VALUES} are written "
            "down"
        )
    for node in order:
        if isinstance(node, Tensor):
            name = node.name + "_" if node.name in row.reserved else node.name
            known.add_argument(name, node)
    held = [node for node in order if isinstance(node, Constant)]
    arrays = ArrayNames([e])
    for k, node in enumerate(held):
        name = arrays.of(node.value) or f"array{k}"
        known.add_argument(name + "_" if name in row.reserved else name, node)
    for node in order:
        if id(node) not in known.names:
            known.add_value(node)
            row.write(node, known)
    return row.source(e, known)


def _below(node: Expr) -> tuple[Expr, ...]:
    """What a value is computed from: the factors of a product with the products in it multiplied
    out.
    """
    if is_zero(node):
        return ()
    if isinstance(node, Einsum):
        factors = single_product(node).factors
        return tuple([f.arguments[0] if is_hot(f) else f for f in factors])
    return children(node)


def _result(e: Expr, known: Listing) -> str:
    """The variable of the result; of a number alone the number."""
    if isinstance(e, Constant) and not e.axis_sizes:
        return repr(e.value)
    return known.name(e)


def _shapes(e: Expr, known: Listing) -> list[str]:
    """The remark that tells the shapes of the arguments and of the result."""
    names = Names((e,), known.sizes, {*known.names.values(), *known.free.values()})
    names.known.update(known.free)
    arguments = {name: names.shape(tensor.axis_sizes) for name, tensor in known.inputs.items()}
    return head(arguments, [names.shape(e.axis_sizes)])


def _indented(lines: Iterable[str], depth: int = 1) -> list[str]:
    return [depth * INDENT + line for line in lines]


# ---- nested loops
def _loops_size(name: str, axis: int) -> str:
    return f"{name}.shape[{axis}]"


def _loops_source(e: Expr, known: Listing) -> str:
    arguments = list(known.inputs)
    if known.free:
        arguments += ["*", *known.free.values()]
    first = f"def compute({', '.join(arguments)}):"
    taken = [f"{name} = np.asarray({name})" for name in known.inputs]
    result = f"return {_result(e, known)}"
    statements = [*_shapes(e, known), *taken, *known.lines, result]
    body = "\n".join(statements).split("\n")
    helpers = [f"{HELPERS.texts[name]}\n" for name in HELPERS.used(known.lines)]
    return "\n".join(["import numpy as np\n\n", *helpers, first, *_indented(body)]) + "\n"


def _write_loops(node: Expr, known: Listing) -> None:
    name = known.name(node)
    axes = _as_variables(known.letters.axes_of(node), known)
    lengths = [bare(known.size(size)) for size in node.axis_sizes]
    shape = f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"
    arrays = known.index_arrays
    numbers = [name for name, e in known.inputs.items() if id(e) not in arrays]
    dtype = ", ".join([*numbers, *_lifted(node)]) or "float"
    zeros = f"{name} = np.zeros({shape}, np.result_type({dtype}))"
    if is_zero(node):
        known.lines.append(zeros)
        return
    if isinstance(node, Einsum):
        loops = _product_loops(node, known)
    else:
        _check_loops(node.ndim)
        if isinstance(node, Add):
            value = " + ".join(_entry(addend, known, axes) for addend in node.addends)
        else:
            assert isinstance(node, Apply)
            value = _applied_entry(node, known, axes)
        ranges = list(zip(axes, lengths, strict=True))
        loops = _within(ranges, [f"{name}{_at(axes)} = {value}"])
    known.lines.append("\n".join([zeros, *loops]))


def _lifted(node: Expr) -> list[str]:
    """Numbers that lift the dtype of the inputs: of a function to floats."""
    nodes = list(walk([node]))
    functions = [n for n in nodes if isinstance(n, Apply) and not is_hot(n)]
    numbers = ["1.0"] if functions else []
    for n in nodes:
        if isinstance(n, Einsum) and type(n.coefficient) is not int:
            numbers.append(repr(n.coefficient))
    return numbers


def _at(axes: Sequence[str]) -> str:
    """The index of an entry; of an array without axes ``()``."""
    return f"[{', '.join(axes)}]" if axes else "[()]"


def _entry(e: Expr, known: Listing, axes: Sequence[str]) -> str:
    if isinstance(e, Constant) and not e.axis_sizes:
        return repr(e.value)
    return known.name(e) + _at(axes)


def _applied_entry(node: Apply, known: Listing, axes: Sequence[str]) -> str:
    """A function of entries, as NumPy spells it."""
    no_form = f"the function {node.function.name} has no form in loops: ed.source(e) writes it"
    if node.core or node.function.shape is not same_axes or node.function.needs:
        raise BackendError(no_form)
    values = [_entry(a, known, axes if a.ndim else ()) for a in node.arguments]
    return call_text(node.function.spell["numpy"], values, shown_parameters(node), "-1", 0)


def _product_loops(node: Einsum, known: Listing) -> list[str]:
    """Loops over the labels of the result around loops over those that are summed."""
    limits.check("parts", node.count, "of one product: ed.source(e) writes it")
    if node.parts is not None and node.count > MOST_RELATED:
        raise LimitError(
            f"a product of {node.count} operands with relations between their labels is more than "
            f"the {MOST_RELATED} that are written as loops: ed.source(e) writes it"
        )
    flat = single_product(node)
    if flat.parts is not None:
        return _related_loops(node, flat, known)
    labels_once = {label for labels in (*flat.inputs, flat.output) for label in labels}
    _check_loops(len(labels_once | {label for label, _ in flat.given}))
    named = label_names(flat, known.letters.axes_of(node), frozenset(), known.letters)
    names = dict(zip(named, _as_variables(named.values(), known), strict=True))
    sizes = dict(flat.given)
    sizes.update(zip(flat.output, flat.axis_sizes, strict=True))
    for factor, labels in flat.slots:
        sizes.update(zip(labels, factor.axis_sizes, strict=True))

    entries = []
    for factor, labels in flat.slots:
        entries.append(_entry(factor, known, [names[x] for x in labels]))
    term = " * ".join(entries) or "1"
    number = coefficient(flat)
    front = "" if number == 1 else f"{number!r} * "
    result = known.name(node) + _at([names[x] for x in flat.output])

    summed = [x for x in names if x not in flat.output]
    if summed:
        ranges = [(names[x], bare(known.size(sizes[x]))) for x in summed]
        loops = _within(ranges, [f"total += {term}"])
        inner = ["total = 0", *loops, f"{result} = {front}total"]
    else:
        inner = [f"{result} = {front}{term}"]
    ranges = [(names[x], bare(known.size(sizes[x]))) for x in dict.fromkeys(flat.output)]
    return _within(ranges, inner)


def _related_loops(node: Einsum, flat: Einsum, known: Listing) -> list[str]:
    """Loops for a product with relations: index expressions in the brackets, and what is read or
    written outside an axis is left out.
    """
    indices, letters = known.letters.axes_of(node), known.letters
    named = named_reading(flat, indices, known.sizes, set(indices), letters, guarded=True)
    if named is None:
        return []
    loops = [*dict.fromkeys(flat.output), *named.summed]
    _check_loops(len(loops))
    names = dict(zip(loops, _as_variables([named.names[x] for x in loops], known), strict=True))
    sizes = dict(reversed(flat.given))
    sizes.update(zip(flat.output, flat.axis_sizes, strict=True))
    for factor, labels in flat.slots:
        sizes.update(zip(labels, factor.axis_sizes, strict=True))
    spelling = IndexSpelling(
        " - ", str, _array_entry(known), lambda size: bare(known.size(size)), " * ", " * ", " + "
    )

    # An axis of the result that follows from others is no loop: y[r[e]] += v[e].
    conditions: list[str] = []
    written: dict[Label, Place] = {}
    used: set[Label] = set()  # by what is written
    for first, second in named.deltas:
        label = _axis_alone(first, flat)
        own = named.labels_of(second)
        if label is None or label in used or own & {*written, label} or label in written:
            conditions.append(f"{spelling.place(first, names)} == {spelling.place(second, names)}")
            continue
        written[label] = second
        used |= own
    for label, place in written.items():
        shown = spelling.place(place, names)
        if not place.is_entry:
            conditions.insert(0, f"0 <= {shown} < {bare(known.size(sizes[label]))}")
        names[label] = shown
    ranges = [one for one in named.ranges if not _is_loop(one, sizes)]
    ranges.sort(key=lambda one: one.place.has_entries)  # an entry is read where its place is
    first_conditions = [spelling.range(one, names, "<=") for one in ranges]
    conditions = [*first_conditions, *conditions]
    conditions += [spelling.equation(place, names, "==") for place in named.equations]
    bounds = [(names[x], bare(known.size(sizes[x]))) for x in loops if x not in written]
    sure = [f"0 <= {name} < {size}" for name, size in bounds]  # by the loops
    conditions = [text for text in dict.fromkeys(conditions) if text not in sure]

    entries = []
    for factor, labels in flat.slots:
        if not is_hot(factor):
            at = [spelling.place(named.at[x], names) for x in labels]
            entries.append(_entry(factor, known, at))
    term = " * ".join(entries) or "1"
    number = coefficient(flat)
    front = "" if number == 1 else f"{number!r} * "
    result = known.name(node) + _at([names[x] for x in flat.output])
    inner = f"{result} = {front}{term}" if not named.summed else f"{result} += {front}{term}"
    if conditions:
        return _within(bounds, [f"if {' and '.join(conditions)}:", INDENT + inner])
    return _within(bounds, [inner])


def _array_entry(known: Listing) -> Callable[[Expr, Sequence[str]], str]:
    def entry(array: Expr, indices: Sequence[str]) -> str:
        return _entry(array, known, indices)

    return entry


def _axis_alone(place: Place, flat: Einsum) -> Label | None:
    """The axis of the result that a place is, if it is one."""
    if place.constant != 0 or len(place.terms) != 1 or place.terms[0][1] != 1:
        return None
    atom = place.terms[0][0]
    return atom if isinstance(atom, int) and flat.output.count(atom) == 1 else None


def _is_loop(one: Range, sizes: dict[Label, Size]) -> bool:
    """Says a range no more than the loop of its label?"""
    terms = one.place.terms
    if one.place.constant != 0 or len(terms) != 1 or terms[0][1] != 1:
        return False
    atom = terms[0][0]
    return isinstance(atom, int) and sizes[atom] == one.size


def _as_variables(labels: Iterable[str], known: Listing) -> tuple[str, ...]:
    """Labels as variables: not those of values or of the language, and all different."""
    taken = {*known.names.values(), *known.language.reserved, "total"}
    variables: list[str] = []
    for name in labels:
        name = name.replace(PRIME, "_")
        while name in taken or name in variables:
            name += "_"
        variables.append(name)
    return tuple(variables)


def _check_loops(count: int) -> None:
    if count > MOST_LOOPS:
        raise LimitError(
            f"{count} loops in one another are more than the {MOST_LOOPS} that Python compiles: "
            "ed.source(e) writes it without them"
        )


def _within(ranges: Sequence[tuple[str, str]], inner: Sequence[str]) -> list[str]:
    """Lines within loops, one around the next."""
    lines = []
    for depth, (name, size) in enumerate(ranges):
        lines.append(f"{depth * INDENT}for {name} in range({size}):")
    return [*lines, *_indented(inner, len(ranges))]


# ---- Julia
def _julia_size(name: str, axis: int) -> str:
    return f"size({name}, {axis + 1})"


def _julia_source(e: Expr, known: Listing) -> str:
    result = _result(e, known)
    values = list(known.values)
    if values and values[-1][0] == result:  # what is returned needs no name
        _, result = values.pop()
    assignments = [f"{name} = {value}" for name, value in values]
    body = [*_shapes(e, known), *assignments, f"return {result}"]
    arguments = ", ".join(known.inputs)
    if known.free:
        arguments += f"; {', '.join(known.free.values())}"
    using = "using OMEinsum\n"
    if known.matrices:
        using += "using LinearAlgebra\n"
    return "\n".join([using, f"function compute({arguments})", *_indented(body), "end"]) + "\n"


def _write_julia(node: Expr, known: Listing) -> None:
    known.values.append((known.name(node), _julia_value(node, known)))


def _julia_value(node: Expr, known: Listing) -> str:
    if is_zero(node):
        return f"zeros({', '.join(bare(known.size(s)) for s in node.axis_sizes)})"
    if isinstance(node, Einsum):
        return _ein(node, known)
    if isinstance(node, Add):
        return " .+ ".join(_result(a, known) for a in node.addends)
    assert isinstance(node, Apply)
    row = node.function
    template: str | None = row.spell.get("julia")
    of_matrix = row.core == 2  # of Julia's LinearAlgebra, which knows no stacks of matrices
    if template is None or (of_matrix and node.arguments[0].ndim != 2):
        raise BackendError(
            f"the function {row.name} has no form in Julia here: write it out with others"
        )
    known.matrices |= of_matrix
    return template.format(*(_result(a, known) for a in node.arguments), *shown_parameters(node))


def _ein(node: Einsum, known: Listing) -> str:
    """One call of OMEinsum; what no operand carries has a vector of ones."""
    flat = single_product(wrapped(node))
    if flat.parts is not None:
        raise BackendError(
            "OMEinsum has no index expressions: listing(e, 'loops') and ed.source(e) write them"
        )
    letters = _julia_letters(flat, known.letters)
    inputs: list[str] = []
    values: list[str] = []
    for factor, labels in flat.slots:
        inputs.append("".join(letters[x] for x in labels))
        values.append(_result(factor, known))
    sizes = dict(flat.given)
    sizes.update(zip(flat.output, flat.axis_sizes, strict=True))
    for label, letter in letters.items():
        if label not in carried(flat):
            inputs.append(letter)
            values.append(f"ones({bare(known.size(sizes[label]))})")
    number = coefficient(flat)
    if not inputs:
        return f"fill({number!r})"
    output = "".join(letters[x] for x in flat.output)
    call = f'ein"{",".join(inputs)}->{output}"({", ".join(values)})'
    # Julia's imaginary unit is im.
    front = "" if number == 1 else f"{number!r} .* ".replace("j", "im")
    return front + call


def _julia_letters(flat: Einsum, letters: Lettering) -> dict[Label, str]:
    """A letter for each label: its own name, if that is one letter.

    Raises LimitError for more labels than letters.
    """
    names = letters.shortened(letters.naming(flat, flat.axes)).labels
    if any([len(name) > 1 for name in names.values()]):
        raise LimitError(
            f"{len(names)} labels are more than the {len(LETTERS)} letters of one einsum"
        )
    return names


LISTINGS = {
    "loops": ListingLanguage(
        "loops",
        "py",
        "total += A[i, j] * B[j, k]",
        reserved=frozenset({*LOOPS_WORDS.split(), *HELPERS.texts}),
        size=_loops_size,
        notation=PYTHON_SIZES,
        write=_write_loops,
        source=_loops_source,
    ),
    "julia": ListingLanguage(
        "Julia",
        "jl",
        'ein"ij,jk->ik"(A, B)',
        reserved=frozenset(JULIA_WORDS.split()),
        size=_julia_size,
        notation=JULIA_SIZES,
        write=_write_julia,
        source=_julia_source,
    ),
}
