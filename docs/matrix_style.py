"""Expressions in the notation of the books, `Aᵀ (A X B + C) Bᵀ`, for the generated page of the Matrix Cookbook.

A product is a network: factors are nodes, labels are edges. Where every summed label joins two factors, the network is
chains. A chain between the two axes of the result is a product of matrices, one that ends in vectors at both ends is a
number, a closed one is a trace. Several chains at one axis are products entry by entry, or `diag`. All else is no
matrix notation, and the answer is None.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from einderiv import Delta
from einderiv.canonical import same
from einderiv.expression import Add, Apply, Constant, Expr, Tensor, is_zero

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
CALLS = {"logdet": "ln |det {}|", "det": "det({})", "adj": "adj({})"}


class Factor(NamedTuple):
    text: str
    labels: str


class NoMatrices(Exception):
    """The expression has no form in matrix notation."""


def matrix_style(e: Expr) -> str | None:
    """`e` in matrix notation, or None where there is none."""
    try:
        text = written(e)
    except NoMatrices:
        return None
    return text[1:-1] if whole(text) else text


def written(e: Expr) -> str:
    """As `matrix_style`; raises NoMatrices."""
    if isinstance(e, (Tensor, Constant, Apply)):
        return atom(e)
    if is_zero(e):
        return "0"
    return added([product(part) for part in e.terms])


def added(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        text += " − " + part.removeprefix("−") if part.startswith("−") else " + " + part
    return text


def atom(e: object) -> str:
    """An operand, in brackets where it needs them."""
    match e:
        case Delta():
            return "I" if len(e.labels) == 2 else "1"
        case Tensor():
            return e.name
        case Constant() if not e.sizes:
            return repr(e.value)
        case Apply(function=row) if row.name == "vec":
            return kronecker(e)
        case Apply():
            return applied(e)
        case Add():
            return f"({written(e)})"
    raise NoMatrices


# ---- functions
def applied(e: Apply) -> str:
    """A function of a matrix, a vector or a number."""
    if e.ndim > 2 or e.arguments[0].ndim > 2 or len(e.arguments) != 1:
        raise NoMatrices
    name, first = e.function.name, e.arguments[0]
    inner = written(first)
    if name in ("inv", "pinv", "matrix_power"):
        power = {"inv": "⁻¹", "pinv": "⁺"}.get(name) or str(e.parameters[0]).translate(SUPERSCRIPTS)
        return bracketed(inner) + power
    if name == "sqrt":
        return f"‖{length(first)}‖" if length(first) else f"√({inner})"
    if name in CALLS:
        return CALLS[name].format(inner)
    if e.core or e.parameters:
        raise NoMatrices
    return f"{name}({inner})"


def length(e: Expr) -> str:
    """What `e` is the sum of the squares of, or nothing."""
    parts: Any = e.terms[0].operands if len(e.terms) == 1 else ()
    if e.ndim or len(parts) != 2 or not all(isinstance(p, Expr) for p in parts) or not same(*parts):
        return ""
    first, second = e.terms[0].subscripts.removesuffix("->").split(",")
    return written(parts[0]) if first == second else ""


def kronecker(e: Apply) -> str:
    """``kron`` merges two axes, and then the other two: the matrices are those of the four axes j, l, i, k below."""
    view = e.arguments[0].terms[0]
    inner = view.operands[0] if len(view.operands) == 1 else None
    if not (e.core == 2 and isinstance(inner, Apply) and inner.function.name == "vec" and inner.core == 2):
        raise NoMatrices
    labels, _, order = view.subscripts.partition("->")
    if inner.ndim != 3 or order != labels[2] + labels[:2]:
        raise NoMatrices
    return f"({added([_two_matrices(part, order) for part, order in _addends(inner.arguments[0])])})"


def _addends(e: Expr) -> list[tuple[Any, list[int]]]:
    """The terms of a sum of products behind a change of axes, and which axis of theirs each axis of `e` is."""
    first = e.terms[0]
    whole = first.operands[0] if len(e.terms) == len(first.operands) == 1 else None
    if not isinstance(whole, Add):
        return [(part, list(range(e.ndim))) for part in e.terms]
    before, _, after = first.subscripts.partition("->")
    return [(part, [before.index(x) for x in after]) for part in whole.terms]


def _two_matrices(term: Any, order: list[int]) -> str:
    names, _, output = term.subscripts.partition("->")
    j, m, i, k = (output[p] for p in order)
    factors: list[Any] = list(zip(term.operands, names.split(","), strict=True))
    found = [[(atom(e), labels) for e, labels in factors if set(labels) == side] for side in ({i, j}, {k, m})]
    if len(factors) != 2 or [len(side) for side in found] != [1, 1] or term.coefficient != 1:
        raise NoMatrices
    return " ⊗ ".join(text if labels[0] == row else transposed(text)
                      for [(text, labels)], row in zip(found, (i, k), strict=True))  # fmt: skip


# ---- brackets and transposition
def bracketed(text: str) -> str:
    """`text`, in brackets unless it is one symbol."""
    return text if text.isidentifier() or whole(text) else f"({text})"


def whole(text: str) -> bool:
    """Is all of `text` in one pair of brackets?"""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return character == ")" and place == len(text) - 1
    return False


def transposed(text: str) -> str:
    if text == "I":
        return text
    if text.endswith("⁻ᵀ"):
        return text.removesuffix("⁻ᵀ") + "⁻¹"
    if text.endswith("ᵀ"):
        inner = text.removesuffix("ᵀ")
        return inner[1:-1] if whole(inner) and inner[-2] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺" else inner
    if text.endswith("⁻¹"):
        return text.removesuffix("⁻¹") + "⁻ᵀ"
    return (f"({text})" if text[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺" else text) + "ᵀ"


# ---- products
def product(term: Any) -> str:
    """One product of factors."""
    names, _, output = term.subscripts.partition("->")
    slots: list[Any] = list(zip(term.operands, names.split(","), strict=True)) if term.operands else []
    if len(output) > 2:
        raise NoMatrices
    below = [f for f, _ in slots if isinstance(f, Apply) and f.function.name == "reciprocal" and not f.ndim]
    above = [Factor(atom(f), labels) for f, labels in slots if not any(f is b for b in below)]
    body = Network(above, output).text()
    value = term.coefficient
    minus = not isinstance(value, complex) and value < 0
    size = repr(-value if minus else value)
    front = " ".join(part for part in ("" if size == "1" and body else size, body) if part)
    return "−" * minus + front + divided([written(b.arguments[0]) for b in below])


def divided(parts: list[str]) -> str:
    """`` / (…)``, equal parts as powers."""
    if not parts:
        return ""
    shown = []
    for text in dict.fromkeys(parts):
        power = str(parts.count(text)).translate(SUPERSCRIPTS) if parts.count(text) > 1 else ""
        shown.append((text if text.startswith("‖") else bracketed(text)) + power)
    return " / " + (shown[0] if len(shown) == 1 else f"({' '.join(shown)})")


class Network:
    """The chains of a product."""

    def __init__(self, factors: list[Factor], output: str) -> None:
        self.factors, self.output = factors, output
        self.left = list(range(len(factors)))

    def at(self, label: str) -> list[int]:
        """The factors that are left and have `label`."""
        return [k for k in self.left if label in self.factors[k].labels]

    def through(self, k: int, label: str) -> tuple[str, str]:
        """Factor `k` as it is met at `label`, and the label behind it."""
        self.left.remove(k)
        text, labels = self.factors[k]
        if len(labels) == 1:
            return text, ""
        if len(labels) != 2 or labels[0] == labels[1]:
            raise NoMatrices
        return (text, labels[1]) if labels[0] == label else (transposed(text), labels[0])

    def onward(self, label: str, pieces: list[str]) -> str:
        """One step from a summed label: vectors there end the chain, or stand as ``diag`` before what goes on."""
        vectors = [k for k in self.at(label) if len(self.factors[k].labels) == 1]
        matrices = [k for k in self.at(label) if k not in vectors]
        met = [[self.through(k, label)[0]] for k in vectors]
        if len(matrices) > 1:
            raise NoMatrices
        if not matrices:
            pieces.append(entrywise(met) if len(met) == 1 else f"({entrywise(met)})" if met else "1")
            return ""
        if met:
            pieces.append(f"diag({entrywise(met)})")
        text, label = self.through(matrices[0], label)
        pieces.append(text)
        return label

    def chain(self, k: int, label: str) -> tuple[list[str], str]:
        """The pieces from `label` on, factor `k` first, and the output label where they end, if any."""
        text, labels = self.factors[k]
        if len(labels) == 2 and labels[0] == labels[1]:
            self.left.remove(k)
            return [f"diag({text})"], ""
        text, label = self.through(k, label)
        pieces = [text]
        while label and label not in self.output:
            label = self.onward(label, pieces)
        return pieces, label

    def number(self) -> str:
        """A number: a factor without axes, a chain between two vectors, or a trace."""
        k = min(self.left, key=lambda j: (len(self.factors[j].labels), j))
        text, labels = self.factors[k]
        lonely = [x for x in labels if labels.count(x) == 1 and self.at(x) == [k]]
        if len(labels) == 1 or lonely:
            pieces = ["1ᵀ"] if len(labels) == 2 else [transposed(text)]
            label = lonely[0] if len(labels) == 2 else labels
            if len(labels) == 1:
                self.left.remove(k)
            while label:
                label = self.onward(label, pieces)
            return " ".join(pieces)
        self.left.remove(k)
        if not labels:
            return text
        if len(labels) > 2:
            raise NoMatrices
        pieces, label = [text], labels[1]
        while label != labels[0]:
            label = self.onward(label, pieces)
            if not label:
                raise NoMatrices
        if self.at(label):
            raise NoMatrices
        return f"tr({' '.join(pieces)})"

    def text(self) -> str:
        """The whole product."""
        between: list[list[str]] = []
        ends: dict[str, list[list[str]]] = {label: [] for label in self.output}
        for label in self.output:
            for k in self.at(label):
                pieces, end = self.chain(k, label)
                if end == label:
                    raise NoMatrices
                (between if end else ends[label]).append(pieces)
        numbers = []
        while self.left:
            numbers.append(self.number())
        body = self.body(between, ends)
        bare = len(numbers) == 1 and not body
        shown = [n if bare or " " not in n or n.startswith("tr(") or whole(n) else f"({n})" for n in numbers]
        return " ".join([*shown, body] if body else shown)

    def body(self, between: list[list[str]], ends: dict[str, list[list[str]]]) -> str:
        """The matrix or vector that the chains make."""
        if not self.output:
            return ""
        row, column = ends[self.output[0]], ends[self.output[-1]]
        if len(self.output) == 1:
            return entrywise(row)
        if not between:
            return f"{entrywise(row)} {as_row(column)}"
        middle = entrywise(between)
        if middle == "I":
            return f"diag({entrywise(row + column)})" if row + column else middle
        front, back = (f"diag({entrywise(v)})" if v else "" for v in (row, column))
        middle = f"({middle})" if len(between) > 1 and (front or back) else middle
        return " ".join(part for part in (front, middle, back) if part)


def entrywise(chains: list[list[str]]) -> str:
    """Chains multiplied entry by entry."""
    shown = [" ".join(pieces) for pieces in chains]
    return shown[0] if len(shown) == 1 else " ∘ ".join(f"({text})" if " " in text and not whole(text) else text
                                                       for text in shown)  # fmt: skip


def as_row(chains: list[list[str]]) -> str:
    """A column as a row."""
    if len(chains) == 1:
        return " ".join(transposed(piece) for piece in reversed(chains[0]))
    return f"({entrywise(chains)})ᵀ"
