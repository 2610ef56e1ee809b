"""How NumPy spells a sum of products of two arrays: a table of forms, `FORMS`.

The labels of a contraction are sorted by role once: *batch* labels are in both operands and in the
result, *summed* ones in both operands only, the others in the first or in the second operand alone.
Then the first form that applies spells it, and a plan prints the name of that form as the kernel::

    bik,bkj->bij    batch b, summed k, first i, second j    "batched gemm"    x @ y

Which form is fast depends on where entries lie in memory. Arrays are in C order: neighbours along
the last axis lie side by side, those along the first axis farthest apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from ..expression import Label, Labels, Size
from ..planning import Step, contraction, middle, rearranged, tuning, turned
from .source_text import (
    Spell,
    aligned,
    by_label,
    einsum_text,
    shape,
    size_product,
    transposed,
)


class Contraction(NamedTuple):
    """A sum of products of `x` and `y`, which are texts, with the labels by role."""

    x: str
    y: str
    x_labels: Labels
    y_labels: Labels
    out: Labels
    batch: Labels  # in both operands and in the result
    summed: Labels  # in both operands, not in the result
    first: Labels  # in `x` alone
    second: Labels  # in `y` alone
    # The size of a label as text. A source binds every size that was asked for, so a form asks for
    # no others than it depends on.
    size: Callable[[Label], str]

    @classmethod
    def of(cls, step: Step, inputs: Sequence[str], size: Spell) -> Contraction:
        """The contraction that a step is, on operands with the names `inputs`."""
        x, y = inputs
        x_labels, y_labels, out = step.spec
        batch, summed, first, second = contraction(x_labels, y_labels, out)
        sizes = by_label(step, size)
        return cls(x, y, x_labels, y_labels, out, batch, summed, first, second, sizes)

    @property
    def keeps_both(self) -> bool:
        """Has each operand a label of its own, as in a product of matrices?"""
        return bool(self.first and self.second)

    @property
    def keeps_neither(self) -> bool:
        """Has no operand a label of its own, as in a product of vectors?"""
        return not self.first and not self.second

    def sizes(self, labels: Labels) -> list[str]:
        """The sizes of several labels."""
        return [self.size(label) for label in labels]

    def swapped(self) -> Contraction:
        """The same sum with `y` as the first operand."""
        return self._replace(
            x=self.y,
            y=self.x,
            x_labels=self.y_labels,
            y_labels=self.x_labels,
            first=self.second,
            second=self.first,
        )


class Form(NamedTuple):
    """A row of `FORMS`."""

    kernel: str  # as a plan calls it
    example: str  # the pattern, as a string of einsum
    applies: Callable[[Contraction], object]  # asked only where no row above applies
    spell: Callable[[Contraction], str]


def form_of(c: Contraction) -> Form:
    """The form that a contraction takes: the first that applies."""
    return next(form for form in FORMS if form.applies(c))


def kernel_of(step: Step, measure: Callable[[Size], int]) -> str:
    """The name of the form that a step takes."""

    def size(s: Size) -> str:
        return str(measure(s))

    return form_of(Contraction.of(step, ("x", "y"), size)).kernel


def _multiply(c: Contraction) -> str:
    # i,j->ij    one product for each entry of the result
    return f"{_broadcasting(c, c.x, c.x_labels)} * {_broadcasting(c, c.y, c.y_labels)}"


def _broadcasting(c: Contraction, x: str, labels: Labels) -> str:
    """`x` as a view that broadcasts. It is copied in the order of the result first, if it is read
    many times.
    """
    order = tuple(label for label in c.out if label in labels)
    own = size_product(c.sizes(labels))
    result = size_product(c.sizes(c.out))
    if order == labels or not own.isdigit() or not result.isdigit():
        return aligned(x, labels, c.out)
    if not rearranged(int(own), int(result)):
        return aligned(x, labels, c.out)
    return aligned(f"np.ascontiguousarray({transposed(x, labels, order)})", order, c.out)


def _is_stack(c: Contraction) -> bool:
    """Are the summed axes in the middle of `x`, with an axis behind them that is long enough for
    products of its own?
    """
    if c.batch:
        return False
    axes = middle(c.x_labels, c.y_labels)
    if axes is None:
        return False
    _, _, behind = axes
    return _is_long(c.size(behind[-1]), tuning.long_axis)


def _stack(c: Contraction) -> str:
    # bkj,ik->bij    2 b i k j flops: `y @ x`, a product with each matrix of the stack `x`; no copy
    axes = middle(c.x_labels, c.y_labels)
    assert axes is not None
    before, summed, behind = axes
    stack = c.x
    if len(summed) > 1 or len(behind) > 1:
        merged = [size_product(c.sizes(summed)), size_product(c.sizes(behind))]
        stack = f"{stack}.reshape({shape([*c.sizes(before), *merged])})"
    text = f"{_as_matrix(c, c.y, c.y_labels, c.second, summed)} @ {stack}"
    made = before + c.second + behind
    if len(c.second) > 1 or len(behind) > 1:
        text = f"({text}).reshape({shape(c.sizes(made))})"
    elif made != c.out:
        text = f"({text})"
    return transposed(text, made, c.out)


def _swapped(c: Contraction) -> str:
    # ik,bkj->bij
    return _stack(c.swapped())


def _sums_slow_axis(c: Contraction) -> bool:
    """Do the entries that are multiplied and added lie far apart, and those of the results side by
    side?
    """
    if not c.batch or not c.keeps_neither:
        return False
    return c.summed[0] not in (c.x_labels[-1], c.y_labels[-1])


def _weighs_rows(c: Contraction) -> bool:
    """Does the larger operand end in a batch axis, and are its rows long?"""
    if not c.batch or c.keeps_both or c.keeps_neither:
        return False
    last = c.x_labels[-1] if c.first else c.y_labels[-1]
    return last in c.batch and _is_long(c.size(last), tuning.long_row)


def _one_pass(c: Contraction) -> str:
    # nd,nd->d    2 n d flops in one pass over the memory in its order: rows times rows, added up
    return f'np.einsum("{einsum_text((c.x_labels, c.y_labels), c.out)}", {c.x}, {c.y})'


def _is_row_by_row(c: Contraction) -> bool:
    """Are all axes batch axes but one, which is summed?"""
    return bool(c.batch) and c.keeps_neither and len(c.summed) == 1


def _vecdot(c: Contraction) -> str:
    # nd,nd->n    2 n d flops, a product of vectors for each entry of the result
    rows = c.batch + c.summed
    x = transposed(c.x, c.x_labels, rows)
    y = transposed(c.y, c.y_labels, rows)
    return transposed(_vecdot_call(x, y), c.batch, c.out)


def _has_few_rows(c: Contraction) -> bool:
    """Is one axis summed, and has the result a batch and few entries?"""
    if not c.batch or len(c.summed) != 1 or c.keeps_both:
        return False
    return _are_few(c.sizes(c.out))


def _vecdots(c: Contraction) -> str:
    # nkd,nd->nk    2 n k d flops, a product of vectors for each entry of the result
    rows = c.out + c.summed
    return _vecdot_call(aligned(c.x, c.x_labels, rows), aligned(c.y, c.y_labels, rows))


def _vecdot_call(x: str, y: str) -> str:
    # `vecdot` conjugates its first argument; `conj` of real numbers is free.
    return f"np.vecdot({x}.conj(), {y})"


def _has_few_results(c: Contraction) -> bool:
    """Is one axis summed, and has an operand several axes of its own, but few results?"""
    if c.batch or len(c.summed) != 1 or max(len(c.first), len(c.second)) < 2:
        return False
    return _are_few(c.sizes(c.out))


def _dots(c: Contraction) -> str:
    # ijk,k->ij    2 i j k flops, a product of vectors for each entry: slow, but `dot` takes any
    # number of axes, without a copy and without a reshape
    c = _in_order_of_result(c)
    made = c.first + c.second
    x = transposed(c.x, c.x_labels, c.first + c.summed)
    y = transposed(c.y, c.y_labels, c.second[:-1] + c.summed + c.second[-1:])
    return transposed(f"{x}.dot({y})", made, c.out)


def _matmul(c: Contraction) -> str:
    # bik,bkj->bij    2 b i k j flops, a product of matrices for each index of the batch
    x = _as_stack(c, c.x, c.x_labels, c.first, c.summed)
    y = _as_stack(c, c.y, c.y_labels, c.summed, c.second)
    text = f"{x} @ {y}"
    made = c.batch + c.first + c.second
    if len(c.first) != 1 or len(c.second) != 1:
        text = f"({text}).reshape({shape(c.sizes(made))})"
    elif made != c.out:
        text = f"({text})"
    return transposed(text, made, c.out)


def _dot(c: Contraction) -> str:
    # ik,kj->ij    2 i k j flops, one call of BLAS
    c = _in_order_of_result(c)
    x = _as_matrix(c, c.x, c.x_labels, c.first, c.summed)
    y = _as_matrix(c, c.y, c.y_labels, c.summed, c.second)
    # On one or two axes `dot` is the same as `@` for a quarter of the overhead.
    text = f"{x}.dot({y})"
    made = c.first + c.second
    if len(c.first) > 1 or len(c.second) > 1:
        text = f"{text}.reshape({shape(c.sizes(made))})"
    return transposed(text, made, c.out)


def _in_order_of_result(c: Contraction) -> Contraction:
    """The operands swapped, where that puts the axes of the product in the order of the result."""
    # ki = (ik)ᵀ: y'x' for x y
    return c.swapped() if turned(c.batch, c.first, c.second, c.out) else c


def _as_matrix(c: Contraction, x: str, labels: Labels, rows: Labels, columns: Labels) -> str:
    """`x` as a matrix; a vector where there are no rows or no columns."""
    x = transposed(x, labels, rows + columns)
    groups = [group for group in (rows, columns) if group]
    if all(len(group) == 1 for group in groups):
        return x
    merged = [size_product(c.sizes(group)) for group in groups]
    return f"{x}.reshape({shape(merged)})"


def _as_stack(c: Contraction, x: str, labels: Labels, rows: Labels, columns: Labels) -> str:
    """`x` as a stack of matrices, one for each index of the batch."""
    x = transposed(x, labels, c.batch + rows + columns)
    if len(rows) == len(columns) == 1:
        return x
    merged = [size_product(c.sizes(rows)), size_product(c.sizes(columns))]
    return f"{x}.reshape({shape([*c.sizes(c.batch), *merged])})"


def _are_few(sizes: Sequence[str]) -> bool:
    """Are entries so few that a product of vectors for each is faster than one of matrices?"""
    return all(size.isdigit() for size in sizes) and prod(map(int, sizes)) <= tuning.few_results


def _is_long(size: str, least: int) -> bool:
    """Has an axis `least` entries, as far as one knows?"""
    return not size.isdigit() or int(size) >= least


FORMS = (
    # kernel             example          applies, where no row above does               spelt
    Form("outer",        "i,j->ij",       lambda c: not c.summed and c.keeps_both,       _multiply),
    Form("multiply",     "ij,i->ij",      lambda c: not c.summed,                        _multiply),
    Form("stacked gemm", "bkj,ik->bij",   lambda c: _is_stack(c) and c.second,           _stack),
    Form("stacked gemv", "bkj,k->bj",     _is_stack,                                     _stack),
    Form("stacked gemm", "ik,bkj->bij",   lambda c: _is_stack(c.swapped()) and c.first,  _swapped),
    Form("stacked gemv", "k,bkj->bj",     lambda c: _is_stack(c.swapped()),              _swapped),
    Form("weighted sum", "nd,nd->d",      _sums_slow_axis,                               _one_pass),
    Form("weighted sum", "nkd,nd->kd",    _weighs_rows,                                  _one_pass),
    Form("row dot",      "nd,nd->n",      _is_row_by_row,                                _vecdot),
    Form("row dot",      "pqd,pd->pq",    _has_few_rows,                                 _vecdots),
    Form("dot",          "pqk,k->pq",     _has_few_results,                              _dots),
    Form("batched gemm", "bik,bkj->bij",  lambda c: c.batch and c.keeps_both,            _matmul),
    Form("row dot",      "nde,ned->n",    lambda c: c.batch and c.keeps_neither,         _matmul),
    Form("batched gemv", "bik,bk->bi",    lambda c: c.batch,                             _matmul),
    Form("gemm",         "ik,kj->ij",     lambda c: c.keeps_both,                        _dot),
    Form("dot",          "ij,ij->",       lambda c: c.keeps_neither,                     _dot),
    Form("gemv",         "ij,j->i",       lambda c: True,                                _dot),
)  # fmt: skip
