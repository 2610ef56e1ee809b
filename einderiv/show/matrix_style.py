"""Expressions in the notation of the books: `Aᵀ (A X B + C) Bᵀ`.

A product is a network: factors are nodes, labels are edges. Where every summed label joins two factors, the network is
chains. A chain between the two axes of the result is a product of matrices, one that ends in vectors at both ends is a
number, a closed one is a trace. Several chains at one axis are products entry by entry, or `diag`.

What has four axes is written as a matrix, the first two axes for its rows and the last two for its columns. `vec`
stacks columns, as in Magnus and Neudecker, *Matrix Differential Calculus* (2019), chapter 2: the first axis of a pair
runs fastest, so two chains, A from rows to rows and C from columns to columns, are `C ⊗ A`, or `(C ⊗ A) K` where they
cross, with the commutation matrix K, `K vec(X) = vec(Xᵀ)`. A factor with four axes is such a matrix between vecs.
For all else the answer is None.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..canonical import same
from ..deltas import Delta
from ..expression import Add, Apply, Constant, Einsum, Expr, Tensor, is_zero
from .brackets import SUPERSCRIPTS, added, as_row, bare, bracketed, divided, entrywise, transposed, whole

CALLS = {"logdet": "ln |det {}|", "det": "det({})", "adj": "adj({})", "minors": "minors({})"}

Chain = tuple[str, str, list[str]]  # the output label where it begins, the one where it ends or "", and its pieces


class Factor(NamedTuple):
    text: str
    labels: str
    flipped: str  # the text of the transposed


class NoMatrices(Exception):
    """The expression has no form in matrix notation."""


def matrix_style(e: Expr) -> str | None:
    """`e` in matrix notation, or None where there is none."""
    try:
        text = written(e)
    except NoMatrices:
        return None
    return bare(text)


def written(e: Expr, order: tuple[int, ...] | None = None) -> str:
    """As `matrix_style`; raises NoMatrices. Products and sums also with their axes in another order."""
    if isinstance(e, (Tensor, Constant, Apply)):
        return atom(e)
    if is_zero(e):
        return "0"
    return added([product(part, order) for part in e.terms])


def factor(e: object, labels: str) -> Factor:
    """An operand: of sums ``A + B`` is better than ``(Aᵀ + Bᵀ)ᵀ``."""
    text = atom(e)
    turned = [f"({written(e, (1, 0))})"] if isinstance(e, Add) and e.ndim == 2 else []
    return Factor(text, labels, min([transposed(text), *turned], key=len))


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
            return vector(e) if e.ndim == 1 else kronecker(e)
        case Apply():
            return applied(e)
        case Add():
            return f"({written(e)})"
    raise NoMatrices


# ---- functions
def applied(e: Apply) -> str:
    """A function of a matrix, a vector or a number."""
    name, first = e.function.name, e.arguments[0]
    if name == "expm" and len(e.arguments) == 2 and e.ndim == 2:
        return f"L({', '.join(map(written, e.arguments))})"
    if first.ndim > 2 or len(e.arguments) != 1 or e.ndim > (4 if (name, e.parameters) == ("minors", (2,)) else 2):
        raise NoMatrices
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
    term: Any = e.terms[0]
    parts: Any = term.operands if len(e.terms) == 1 else ()
    if e.ndim or len(parts) != 2 or not all(isinstance(p, Expr) for p in parts) or not same(*parts):
        return ""
    if term.coefficient != 1:
        return ""
    first, second = term.subscripts.removesuffix("->").split(",")
    return written(parts[0]) if first == second else ""


def vector(e: Apply) -> str:
    """The rows of a matrix one by one: ``vec`` of its transposed; of ``u vᵀ``, ``u ⊗ v``, the ``kron`` of vectors."""
    inner = e.arguments[0]
    parts = [_two_vectors(part) for part in inner.terms]
    if all(parts):
        return f"({added(parts)})"
    return f"vec({written(inner, (1, 0)) if isinstance(inner, (Einsum, Add)) else transposed(atom(inner))})"


def _two_vectors(term: Any) -> str:
    names, _, output = term.subscripts.partition("->")
    if (sorted(names.split(",")), len(term.operands), term.coefficient) != (sorted(output), 2, 1):
        return ""
    found = dict(zip(names.split(","), map(atom, term.operands), strict=True))
    return " ⊗ ".join(found[label] for label in output)


def kronecker(e: Apply) -> str:
    """``kron`` merges axes k and m of a product with four axes, and then i and j; of (i, k), the rows, k is fastest."""
    view = e.arguments[0].terms[0]
    inner = view.operands[0] if len(view.operands) == 1 else None
    if not (e.core == 2 and isinstance(inner, Apply) and inner.function.name == "vec" and inner.core == 2):
        raise NoMatrices
    labels, _, order = view.subscripts.partition("->")
    if inner.ndim != 3 or order != labels[2] + labels[:2]:
        raise NoMatrices
    parts = [product(part, (k, i, m, j)) for part, (j, m, i, k) in _addends(inner.arguments[0])]
    return f"({added(parts)})"


def _addends(e: Expr) -> list[tuple[Any, list[int]]]:
    """The terms of a sum of products behind a change of axes, and which axis of theirs each axis of `e` is."""
    first = e.terms[0]
    whole = first.operands[0] if len(e.terms) == len(first.operands) == 1 else None
    if not isinstance(whole, Add):
        return [(part, list(range(e.ndim))) for part in e.terms]
    before, _, after = first.subscripts.partition("->")
    return [(part, [before.index(x) for x in after]) for part in whole.terms]


# ---- products
def product(term: Any, order: tuple[int, ...] | None = None) -> str:
    """One product of factors, with its axes in another order if `order` is given."""
    names, _, output = term.subscripts.partition("->")
    output = "".join(output[p] for p in order) if order else output
    slots: list[Any] = list(zip(term.operands, names.split(","), strict=True)) if term.operands else []
    if len(output) not in (0, 1, 2, 4):
        raise NoMatrices
    slots = without_identities(slots, output)
    below = [f for f, _ in slots if isinstance(f, Apply) and f.function.name == "reciprocal" and not f.ndim]
    above = [factor(f, labels) for f, labels in slots if not any(f is b for b in below)]
    body = by_pairs(above, output) or Network(above, output).text()
    size = re.sub(r"\(-0(-.*)\)", r"\1", repr(term.coefficient))  # of -2j it is "(-0-2j)"
    minus, size = size.startswith("-"), size.removeprefix("-")
    front = " ".join(part for part in ("" if size == "1" and body else size, body) if part)
    return "−" * minus + front + divided([written(b.arguments[0]) for b in below])


def without_identities(slots: list[Any], output: str) -> list[Any]:
    """The factors with ``unvec`` of an identity matrix, which is ``I ⊗ I``, as labels tied to one another."""
    tied = [pair for e, labels in slots for pair in _identities(e, labels)]
    slots = [(e, labels) for e, labels in slots if not _identities(e, labels)]
    while tied:
        first, second = sorted(tied.pop(), key=lambda label: label in output)
        if first in output:
            slots.append((Delta("ab"), first + second))
        slots = [(e, labels if first in output else labels.replace(first, second)) for e, labels in slots]
        tied = [(a.replace(first, second), b.replace(first, second)) for a, b in tied]
    return slots


def _identities(e: Any, labels: str) -> list[tuple[str, str]]:
    """The labels that an identity matrix ties, of which ``unvec`` has split the second axis and then the first."""
    outer = _split(e) if len(labels) == 4 and e.axes[:2] == e.axes[2:] else None
    inner = _split(outer.operands[0]) if outer is not None else None
    if outer is None or inner is None or [type(o) for o in inner.operands] != [Delta]:
        return []
    before, _, after = outer.subscripts.partition("->")
    return [(labels[0], labels[2]), (labels[1], labels[3])] if after == before[1:] + before[0] else []


def _split(e: Any) -> Any:
    """The product that ``unvec`` splits an axis of, if `e` is that."""
    inner = e.arguments[0] if isinstance(e, Apply) and e.function.name == "unvec" else None
    return inner.terms[0] if isinstance(inner, Einsum) else None


def by_pairs(factors: list[Factor], output: str) -> str:
    """A product around one factor of four axes, ``vec(A)ᵀ S vec(B)``; nothing where there is none."""
    center = next((f for f in factors if len(f.labels) == 4), None)
    if center is None:
        return ""
    if len(set(center.labels)) < 4:  # a diagonal of it has no name
        raise NoMatrices
    rows, columns = center.labels[:2], center.labels[2:]
    sides, numbers = {rows: "", columns: ""}, []
    for other in (f for f in factors if f is not center):
        pair = next((p for p in sides if not sides[p] and other.labels in (p, p[::-1])), "")
        text = other.text if other.labels == pair else other.flipped
        if pair:
            sides[pair] = f"vec({bare(text)})"
        else:
            numbers.append(other)
    row, column = sides.values()
    forms = {"": f"{row}ᵀ {center.text} {column}", rows: f"unvec({center.text} {column})",
             columns: f"unvec({center.flipped} {row})"}  # fmt: skip
    if output != "".join(p for p in sides if not sides[p]) or output not in forms or any(f.labels for f in numbers):
        raise NoMatrices
    return " ".join([*(f.text for f in numbers), forms[output]])


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
        text, labels, flipped = self.factors[k]
        if len(labels) == 1:
            return text, ""
        if len(labels) != 2 or labels[0] == labels[1]:
            raise NoMatrices
        return (text, labels[1]) if labels[0] == label else (flipped, labels[0])

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
        text, labels, _ = self.factors[k]
        if len(labels) == 2 and labels[0] == labels[1]:
            self.left.remove(k)
            return [f"diag({bare(text)})"], ""
        text, label = self.through(k, label)
        pieces = [text]
        while label and label not in self.output:
            label = self.onward(label, pieces)
        return pieces, label

    def number(self) -> str:
        """A number: a factor without axes, a chain between two vectors, or a trace."""
        k = min(self.left, key=lambda j: (len(self.factors[j].labels), j))
        text, labels, _ = self.factors[k]
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
        return f"tr({bare(' '.join(pieces))})"

    def text(self) -> str:
        """The whole product."""
        chains = []
        for label in self.output:
            for k in self.at(label):
                pieces, end = self.chain(k, label)
                if end == label:
                    raise NoMatrices
                chains.append((label, end, pieces))
        numbers = []
        while self.left:
            numbers.append(self.number())
        body = self.matrix_of_pairs(chains) if len(self.output) == 4 else self.body(chains)
        body = f"({body})" if numbers and "⊗" in body else body
        one = len(numbers) == 1 and not body
        shown = [n if one or " " not in n or n.startswith("tr(") or whole(n) else f"({n})" for n in numbers]
        return " ".join([*shown, body] if body else shown)

    def matrix_of_pairs(self, chains: list[Chain]) -> str:
        """The matrix with the first two axes of the result as rows, and the others as columns."""
        where = [(self.output.index(start), self.output.find(end or "?")) for start, end, _ in chains]
        both = [pieces for _, _, pieces in chains]
        if where == [(0, 2), (1, 3)]:
            return entrywise(both[::-1], "⊗")
        if where == [(0, 3), (1, 2)]:
            return f"({entrywise(both[::-1], '⊗')}) K"
        if where == [(0, 1), (2, 3)]:
            return "vec({}) vec({})ᵀ".format(*map(" ".join, both))
        raise NoMatrices

    def body(self, chains: list[Chain]) -> str:
        """The matrix or vector that the chains make."""
        if not self.output:
            return ""
        between = [pieces for _, end, pieces in chains if end]
        row, column = ([pieces for start, end, pieces in chains if start == label and not end]
                       for label in (self.output[0], self.output[-1]))  # fmt: skip
        if len(self.output) == 1:
            return entrywise(row)
        if not between:  # ∘ binds less than a product
            return f"({entrywise(row)}) {as_row(column)}" if len(row) > 1 else f"{entrywise(row)} {as_row(column)}"
        middle = entrywise(between)
        if middle == "I":
            return f"diag({entrywise(row + column)})" if row + column else middle
        front, back = (f"diag({entrywise(v)})" if v else "" for v in (row, column))
        middle = f"({middle})" if len(between) > 1 and (front or back) else middle
        return " ".join(part for part in (front, middle, back) if part)
