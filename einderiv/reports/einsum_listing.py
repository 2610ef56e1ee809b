"""The einsum strings that an expression is made of, each product as it was written, on one line.

>>> import einderiv as ed, numpy as np
>>> e = ed.trace_function(lambda x, W, v: np.tanh(x @ W) @ v, "nd", "dh", "h")
>>> print(*einsum_lines(e), sep="\\n")
e1 = nd,dh->nh   of x, W
e2 = nh,h->n   of tanh(e1), v
"""

from __future__ import annotations

from ..expression import Add, Apply, Constant, Einsum, Expr, Tensor, is_zero, tensors_of, walk
from ..functions import shown_parameters
from ..printing import Letters, compact_subscripts, shown_letters, shown_names
from .steps import told

MOST_LISTED = 60  # einsums
MOST_OPERANDS = 12  # of one line
WIDTH = 76  # columns
DEEPEST = 4  # functions in one another, before the rest is left out


def is_traced(e: Expr) -> bool:
    """Was it a function of NumPy, JAX or torch? The parameters of such a function have places."""
    return any([tensor.place is not None for tensor in tensors_of(e).values()])


def einsum_lines(e: Expr) -> list[str]:
    """A line for each product in `e`, from the inside out; later ones call earlier ones e1, e2."""
    called: dict[int, str] = {}
    taken = tensors_of(e)
    letter = (
        "e" if not any([name[:1] == "e" and name[1:].isdigit() for name in taken]) else "einsum"
    )
    lines: list[str] = []
    for node in walk([e]):
        if isinstance(node, Einsum) and node.factors and not is_zero(node):
            lines.append(f"{letter}{len(lines) + 1} = {_line(node, called)}")
            called[id(node)] = f"{letter}{len(lines)}"
    cut = [line if len(line) <= WIDTH else line[: WIDTH - 1] + "…" for line in lines]
    if len(cut) > MOST_LISTED:
        more = len(cut) - MOST_LISTED
        cut = [*cut[: MOST_LISTED // 2], f"… {more} more …", *cut[-MOST_LISTED // 2 :]]
    return cut


def _line(node: Einsum, called: dict[int, str]) -> str:
    number = "" if node.coefficient == 1 else f"{node.coefficient} · "
    operands = [_text(factor, called, 0) for factor in node.factors[:MOST_OPERANDS]]
    if len(node.factors) > MOST_OPERANDS:
        operands.append("…")
    return f"{number}{_string(node)}   of {', '.join(operands)}"


def _string(node: Einsum) -> str:
    """The string of one product alone, under letters of the whole; what is in it stays nested."""
    if node.parts is not None:  # index expressions
        return told(compact_subscripts, node)
    letters = shown_letters(node)
    names = letters.shortened(letters.naming(node, node.axes)).labels
    inputs = [tuple([names[label] for label in labels]) for labels in node.inputs]
    output = tuple([names[label] for label in node.output])
    has_words = any([len(name) > 1 for name in names.values()])
    return Letters(inputs, output, words=has_words).text()


def _text(e: Expr, called: dict[int, str], depth: int) -> str:
    """An operand, in which products go by their names."""
    if id(e) in called:
        return called[id(e)]
    if depth > DEEPEST:
        return "…"
    match e:
        case Tensor():
            return e.name
        case Constant():
            return shown_names(e).arrays.of(e.value) or f"{e.value}"
        case Add():
            return " + ".join([_text(term, called, depth + 1) for term in e.addends])
        case Apply():
            arguments = [_text(argument, called, depth + 1) for argument in e.arguments]
            parameters = map(str, shown_parameters(e))
            return f"{e.function.name}({', '.join([*arguments, *parameters])})"
    return f"{e}"
