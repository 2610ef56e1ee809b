"""Formulas in MathML, which browsers and notebooks typeset by themselves, without a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..expression import Apply, Expr, Number, Size, Variable, as_factor
from ..functions import shown_parameters
from .index_notation import FormulaStyle, equations_in, equations_of, formulas
from .index_reading import IndexSpelling, IndexText
from .matrix_forms import Form, exponent_text
from .matrix_mathml import in_mathml
from .svg import escaped


def mathml(e: Expr, name: str = "y") -> str:
    """The formula of `e` as a block of MathML.

    >>> import einderiv as ed
    >>> print(mathml(ed.tensor("x", "i")))
    <math display="block"><mrow><msub><mi>y</mi><mrow><mi>i</mi></mrow></msub><mo>=</mo>\
<msub><mi>x</mi><mrow><mi>i</mi></mrow></msub></mrow></math>

    Raises LimitError for what no formula can hold.
    """
    return _block(equations_in(e, name, MathMLStyle()))


def mathml_of_both(e: Expr, name: str, *, named: bool) -> tuple[str, str | None]:
    """The formula of `e` with indices, and in matrix notation where it has one, a block each; with
    names for what occurs several times, if that is asked for.

    Raises LimitError for what no formula can hold.
    """
    both = formulas if named else equations_of
    with_indices, matrices = both(e, name, MathMLStyle())
    return _block(with_indices), None if matrices is None else _block(matrices)


def _block(equation: str) -> str:
    return f'<math display="block">{equation}</math>'


class MathMLStyle(FormulaStyle):
    """Each part is an element; what stands side by side stands in a row."""

    vec = "<mrow><mi>vec</mi><mo>(</mo>{}<mo>)</mo></mrow>"
    partial, minus, plus, one = "<mo>∂</mo>", "<mo>−</mo>", "<mo>+</mo>", "<mn>1</mn>"

    def name(self, name: str) -> str:
        return f"<mi>{escaped(name)}</mi>"

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        base = self.name(name)
        return f"<msub>{base}{_listed(indices)}</msub>" if indices else base

    def matrix(self, form: Form) -> str:
        return in_mathml(form)

    def entry(self, body: str, indices: Sequence[str]) -> str:
        return f"<msub><mrow><mo>[</mo>{body}<mo>]</mo></mrow>{_listed(indices)}</msub>"

    def array_entry(self, array: Expr, indices: Sequence[str]) -> str:
        """Within an index, where all is text."""
        return FormulaStyle.indexed(self, self.array_name(array), indices)

    def spelling(self) -> IndexSpelling:
        """Index expressions are text."""
        minus = FormulaStyle.minus
        return IndexSpelling(minus, self.label, self.array_entry, self.size, self.times)

    def size_factor(self, size: Size) -> str:
        self.sizes()  # which name them
        return f"<mi>{escaped(as_factor(size, self._sized(size, self._word)))}</mi>"

    def _sized(self, size: Size, name: Callable[[Variable], str]) -> str:
        return super()._sized(size, name).replace(self.minus, FormulaStyle.minus)

    def sum(self, labels: Sequence[str], body: str, ranges: Sequence[str] = ()) -> str:
        below = _bound(labels, ranges)
        return f"<munder><mo>∑</mo>{below}</munder>{body}"

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"

    def quotient(self, above: str, below: Sequence[str]) -> str:
        return self.fraction(above, " ".join(below))

    def power(self, base: str, exponent: float) -> str:
        if exponent == 0.5:
            return f"<msqrt>{base}</msqrt>"
        return f"<msup><mrow>{base}</mrow><mn>{exponent_text(exponent)}</mn></msup>"

    def order(self, n: int) -> str:
        return f"<msup>{self.partial}<mn>{n}</mn></msup>" if n > 1 else self.partial

    def function(
        self,
        node: Apply,
        arguments: Sequence[str],
        core: Sequence[str],
        ranges: Sequence[str] = (),
    ) -> str:
        called = self.name(node.function.name)
        if core:
            called = f"<msub>{called}{_bound(core, ranges)}</msub>"
        numbers = [f"<mn>{escaped(number)}</mn>" for number in shown_parameters(node)]
        inside = "<mo>,</mo>".join([*arguments, *numbers])
        return f"<mrow>{called}<mo>(</mo>{inside}<mo>)</mo></mrow>"

    def group(self, body: str) -> str:
        return f"<mrow><mo>(</mo>{body}<mo>)</mo></mrow>"

    def condition(self, text: str) -> str:
        return f"<mtext>[{escaped(text)}]</mtext>"

    def number(self, value: Number) -> str:
        return f"<mn>{super().number(value)}</mn>"

    def equation(self, left: str, right: str) -> str:
        return f"<mrow>{left}<mo>=</mo>{right}</mrow>"

    def equations(self, texts: Sequence[str]) -> str:
        whole, *parts = texts
        if not parts:
            return whole
        rows = [whole, "<mtext>where</mtext>", *parts]
        cells = "".join([f"<mtr><mtd>{row}</mtd></mtr>" for row in rows])
        return f'<mtable columnalign="left">{cells}</mtable>'


def _bound(labels: Sequence[str], ranges: Sequence[str]) -> str:
    """Labels that are bound below a sign, and their ranges."""
    below = _listed(labels)
    if not ranges:
        return below
    return f"<mrow>{below}<mtext>: {escaped(', '.join(ranges))}</mtext></mrow>"


def _listed(indices: Sequence[str]) -> str:
    """Indices side by side, with commas where one is longer than a letter."""
    is_long = any(len(index) > 1 for index in indices)
    elements = []
    for index in indices:
        tag = "mtext" if isinstance(index, IndexText) else "mi"
        elements.append(f"<{tag}>{escaped(index)}</{tag}>")
    return f"<mrow>{('<mo>,</mo>' if is_long else '').join(elements)}</mrow>"
