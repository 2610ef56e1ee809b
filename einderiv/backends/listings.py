"""Two more ways to write an expression down as code: nested loops, to learn from, and Julia with
OMEinsum.

They are read off the nodes, one value for each product, sum or function, in the order in which the
author wrote them: no plan is made, nothing is fast, and NumPy is not needed to write them. The
loops run on their own; Julia's source follows OMEinsum's notation ``ein"ij,jk->ik"(A, B)``, and is
not run by anything here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import BackendError, LimitError
from ..expression import (
    LETTERS,
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Size,
    Sizes,
    Tensor,
    axis_names,
    children,
    coefficient,
    is_product,
    is_zero,
    walk,
    wrapped,
)
from ..functions import same_axes, shown_parameters
from ..printing import label_names, single_product
from .comments import Names, head

LISTINGS = ("loops", "julia")
MOST_VALUES = 200  # values that a listing has at most
_JULIA = """baremodule begin break catch const continue do else elseif end export false finally
for function global if import let local macro module quote return struct true try using while ein"""
RESERVED_WORDS = {
    "julia": frozenset(_JULIA.split()),
    "loops": frozenset(("np", "range", "compute", "shape", "zeros")),
}


@dataclass
class Listing:
    """The lines of one listing, the names of its values, and where sizes are found."""

    sizes: Sizes
    style: str
    names: dict[int, str] = field(default_factory=dict)
    inputs: dict[str, Expr] = field(default_factory=dict)
    free: dict[Size, str] = field(default_factory=dict)  # sizes that no argument has
    lines: list[str] = field(default_factory=list)
    # names with what they are, in Julia
    values: list[tuple[str, str]] = field(default_factory=list)
    matrices: bool = False  # are functions of matrices called?

    def name(self, e: Expr) -> str:
        """The variable of a value; tensors keep their names where the language lets them."""
        return self.names[id(e)]

    def size(self, size: Size) -> str:
        """A size as text: a number, the size of an argument, or an argument of its own."""
        number = self.sizes.known_measure(size)
        if number is not None:
            return str(number)
        found = self.sizes.find(size)
        for name, tensor in self.inputs.items():
            for p, own in enumerate(tensor.sizes):
                if not isinstance(own, int) and self.sizes.find(own) == found:
                    return (
                        f"size({name}, {p + 1})" if self.style == "julia" else f"{name}.shape[{p}]"
                    )
        if is_product(size):
            return " * ".join(map(self.size, size[1:]))
        return self.free.setdefault(found, f"n{len(self.free)}")


def listing(e: Expr, style: str) -> str:
    """The source of `e`: ``style`` is ``"loops"`` or ``"julia"``.

    >>> import einderiv as ed
    >>> print(listing(ed.einsum("ij,jk->ik"), "julia").splitlines()[-2])
        return ein"ij,jk->ik"(A, B)
    >>> print(listing(ed.einsum("ij,j->i"), "loops"))  # doctest: +ELLIPSIS
    import numpy as np
    ...
            for j in range(A.shape[1]):
                total += A[i, j] * B[j]
    ...

    Raises BackendError for functions that the style has no form for, LimitError for more than 200
    values.
    """
    if not isinstance(e, Expr):
        raise TypeError(f"a listing is of one expression, not of {type(e).__name__}")
    known = Listing(Sizes({}).read([e]), style)
    order = [node for node in walk([e], _below) if not isinstance(node, Constant) or node.sizes]
    if len(order) > MOST_VALUES:
        raise LimitError(
            f"a listing of {len(order)} values shows nothing: at most {MOST_VALUES} are written "
            "down"
        )
    for node in order:
        if isinstance(node, Tensor):
            name = node.name + "_" * (node.name in RESERVED_WORDS[style])
            known.names[id(node)] = name
            known.inputs[name] = node
    held = [node for node in order if isinstance(node, Constant)]
    for k, node in enumerate(held):
        known.names[id(node)] = f"array{k}"
        known.inputs[f"array{k}"] = node
    write = _julia if style == "julia" else _loops
    for node in order:
        if id(node) not in known.names:
            known.names[id(node)] = f"t{sum(name.startswith('t') for name in known.names.values())}"
            while known.names[id(node)] in known.inputs:
                known.names[id(node)] += "_"
            write(node, known)
    return _finished(e, known)


def _below(node: Expr) -> tuple[Expr, ...]:
    """What a value is computed from: the factors of a product with the products in it multiplied
    out.
    """
    return (
        ()
        if is_zero(node)
        else single_product(node).factors
        if isinstance(node, Einsum)
        else children(node)
    )


def _finished(e: Expr, known: Listing) -> str:
    result = known.names.get(id(e)) or repr(e.value)  # type: ignore[attr-defined]  # a number alone
    if known.style == "julia":
        values = list(known.values)
        if values and values[-1][0] == result:
            result = values.pop()[1]
        body = [*(f"{name} = {value}" for name, value in values), f"return {result}"]
        free = f"; {', '.join(known.free.values())}" if known.free else ""
        using = "using LinearAlgebra\n" * known.matrices
        first = f"function compute({', '.join(known.inputs)}{free})"
        body = [*_shapes(e, known), *body]
        return (
            "\n".join([f"using OMEinsum\n{using}", first, *("    " + line for line in body), "end"])
            + "\n"
        )
    keywords = ["*", *known.free.values()] if known.free else []
    first = f"def compute({', '.join([*known.inputs, *keywords])}):"
    taken = [f"{name} = np.asarray({name})" for name in known.inputs]
    body = [*_shapes(e, known), *taken, *known.lines, f"return {result}"]
    text = [
        "import numpy as np\n\n",
        first,
        *("    " + line for text in body for line in text.split("\n")),
    ]
    return "\n".join(text) + "\n"


def _shapes(e: Expr, known: Listing) -> list[str]:
    """The remark that tells the shapes of the arguments and of the result."""
    names = Names((e,), known.sizes, {*known.names.values(), *known.free.values()})
    names.known.update(known.free)
    return head(
        {name: names.shape(t.sizes) for name, t in known.inputs.items()}, [names.shape(e.sizes)]
    )


# ---- nested loops
def _loops(node: Expr, known: Listing) -> None:
    axes = _safe(axis_names(node), known)
    at = f"[{', '.join(axes)}]" if axes else "[()]"
    shape = f"({', '.join(known.size(s) for s in node.sizes)}{',' * (len(axes) == 1)})"
    name = known.name(node)
    make = [
        f"{name} = np.zeros({shape}, "
        f"np.result_type({', '.join([*known.inputs, *_lifted(node)]) or 'float'}))"
    ]
    if is_zero(node):
        known.lines += make
        return
    if isinstance(node, Einsum):
        known.lines.append("\n".join([*make, *_nested(node, known)]))
        return
    if isinstance(node, Add):
        terms = [f"{_entry(a, known, axes)}" for a in node.addends]
        inner = f"{name}{at} = {' + '.join(terms)}"
    else:
        assert isinstance(node, Apply)
        if node.core or node.function.shape is not same_axes or node.function.needs:
            raise BackendError(
                f"the function {node.function.name} has no form in loops: ed.source(e) writes it"
            )
        values = [_entry(a, known, axes if a.ndim else ()) for a in node.arguments]
        text = node.function.spell["numpy"].format(
            *values, *shown_parameters(node), core="-1", depth=0, all=", ".join(values)
        )
        if not re.match(r"np\.|\(|1 / |[\w.\[\]]+ ", text) or re.match(r"(?!np\.)[a-z_]+\(", text):
            raise BackendError(
                f"the function {node.function.name} has no form in loops: ed.source(e) writes it"
            )
        inner = f"{name}{at} = {text}"
    ranges = [(x, known.size(s)) for x, s in zip(axes, node.sizes, strict=True)]
    known.lines.append("\n".join([*make, *_within(ranges, [inner])]))


def _lifted(node: Expr) -> list[str]:
    """Numbers that lift the dtype of the inputs: of a function to floats."""
    numbers = [n.coefficient for n in walk([node]) if isinstance(n, Einsum)]
    return ["1.0"] * any(isinstance(n, Apply) for n in walk([node])) + [
        repr(c) for c in numbers if type(c) is not int
    ]


def _entry(e: Expr, known: Listing, axes: Sequence[str]) -> str:
    if isinstance(e, Constant) and not e.sizes:
        return repr(e.value)
    return f"{known.name(e)}[{', '.join(axes)}]" if axes else f"{known.name(e)}[()]"


def _nested(node: Einsum, known: Listing) -> list[str]:
    """Loops over the labels of the result around loops over those that are summed."""
    flat = single_product(node)
    indices = axis_names(node)
    names = label_names(flat, indices, frozenset())
    names = dict(zip(names, _safe(names.values(), known), strict=True))
    sizes = {x: s for f, ls in flat.slots for x, s in zip(ls, f.sizes, strict=True)}
    sizes = {**dict(flat.given), **dict(zip(flat.output, flat.sizes, strict=True)), **sizes}
    outer, summed = list(dict.fromkeys(flat.output)), [x for x in names if x not in flat.output]
    factors = [_entry(f, known, [names[x] for x in ls]) for f, ls in flat.slots]
    number = coefficient(flat)
    term = " * ".join(factors) or "1"
    at = f"[{', '.join(names[x] for x in flat.output)}]" if flat.output else "[()]"
    front = "" if number == 1 else f"{number!r} * "
    if not summed:
        inner = [f"{known.name(node)}{at} = {front}{term}"]
    else:
        loops = _within([(names[x], known.size(sizes[x])) for x in summed], [f"total += {term}"])
        inner = ["total = 0", *loops, f"{known.name(node)}{at} = {front}total"]
    return _within([(names[x], known.size(sizes[x])) for x in outer], inner)


def _safe(labels: Iterable[str], known: Listing) -> tuple[str, ...]:
    """Labels as variables: not those of values or of the language, and all different."""
    taken, found = {*known.names.values(), *RESERVED_WORDS["loops"], "total"}, list(labels)
    for k in range(len(found)):
        while found[k] in taken or found[k] in found[:k]:
            found[k] += "_"
    return tuple(found)


def _within(ranges: Sequence[tuple[str, str]], inner: Sequence[str]) -> list[str]:
    lines = [f"{'    ' * k}for {name} in range({size}):" for k, (name, size) in enumerate(ranges)]
    return [*lines, *("    " * len(ranges) + line for line in inner)]


# ---- Julia
def _julia(node: Expr, known: Listing) -> None:
    known.values.append((known.name(node), _julia_value(node, known)))


def _julia_value(node: Expr, known: Listing) -> str:
    if is_zero(node):
        return f"zeros({', '.join(known.size(s) for s in node.sizes)})"
    if isinstance(node, Einsum):
        return _ein(node, known)
    if isinstance(node, Add):
        return " .+ ".join(_value(a, known) for a in node.addends)
    assert isinstance(node, Apply)
    row = node.function
    template: str | None = row.spell.get("julia")
    of_matrix = row.core == 2  # of Julia's LinearAlgebra, which knows no stacks of matrices
    if template is None or (of_matrix and node.arguments[0].ndim != 2):
        raise BackendError(
            f"the function {row.name} has no form in Julia here: write it out with others"
        )
    known.matrices |= of_matrix
    return template.format(*(_value(a, known) for a in node.arguments), *shown_parameters(node))


def _value(e: Expr, known: Listing) -> str:
    return repr(e.value) if isinstance(e, Constant) and not e.sizes else known.name(e)


def _ein(node: Einsum, known: Listing) -> str:
    """One call of OMEinsum; what no operand carries has a vector of ones."""
    flat = single_product(wrapped(node))
    order = dict.fromkeys((*flat.output, *(x for ls in flat.inputs for x in ls), *dict(flat.given)))
    if len(order) > len(LETTERS):
        raise LimitError(
            f"{len(order)} labels are more than the {len(LETTERS)} letters of one einsum"
        )
    found = label_names(flat, axis_names(node), frozenset())
    taken = {n for n in found.values() if len(n) == 1}
    free = iter(x for x in LETTERS if x not in taken)
    letters = {x: n if len(n) == 1 else next(free) for x, n in found.items()}
    given = {**dict(flat.given), **dict(zip(flat.output, flat.sizes, strict=True))}
    carried = {x for ls in flat.inputs for x in ls}
    ones = [x for x in letters if x not in carried]
    inputs = ["".join(letters[x] for x in ls) for ls in flat.inputs] + [letters[x] for x in ones]
    values = [_value(f, known) for f in flat.factors] + [
        f"ones({known.size(given[x])})" for x in ones
    ]
    number = coefficient(flat)
    front = "" if number == 1 else f"{number!r} .* ".replace("j", "im")
    if not inputs:
        return f"fill({number!r})"
    output = "".join(letters[x] for x in flat.output)
    return f'{front}ein"{",".join(inputs)}->{output}"({", ".join(values)})'
