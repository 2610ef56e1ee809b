"""Index formulas, in Unicode, ASCII and LaTeX: ``∂y[i,j]/∂X[a,b] = δ[i,a] Σ_t Y[b,t] P[t,j]``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain
from keyword import iskeyword

from ..errors import EinderivError, limits, near
from ..expression import (
    PRIME,
    Add,
    Apply,
    ArrayNames,
    Constant,
    Einsum,
    Expr,
    Label,
    Lettering,
    Number,
    Size,
    Sizes,
    Tensor,
    Variable,
    as_factor,
    bare,
    bottom_up,
    check_name,
    coefficient,
    dressed,
    flatten,
    is_hot,
    is_zero,
    size_text,
    tensors_of,
    truth,
    walk,
    with_measures,
    wrapped,
)
from ..functions import same_axes, shown_parameters
from ..simplifying import as_power, counted_size, named_parts, operands_of, simplify
from .formulas_shown import with_formulas
from .index_reading import (
    IndexSpelling,
    IndexText,
    NamedReading,
    Told,
    called_axis,
    named_reading,
)
from .line_breaks import broken, checked_width
from .matrix_forms import SUPERSCRIPTS, Form, exponent_text, in_latex, in_unicode
from .matrix_notation import matrix_form
from .powers_shown import PoweredFactor, Quotient, exponent_shown, quotient
from .shown_together import shown_letters
from .strings import LabelNames
from .symmetric_sums import named_sums

STYLE_NAMES = ("index", "matrix", "auto")
MOST_MATRIX_AXES = 2  # of what is written in matrix notation without being asked
OPENING, CLOSING = r"\left(", r"\right)"
GREEK = {  # letters with a command in LaTeX; the others look like Latin ones
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "varsigma", "τ": "tau", "υ": "upsilon",
    "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
GREEK_NAMES = {*GREEK.values(), "epsilon", "vartheta", "varphi", "varrho"}
GREEK_LIKE_LATIN = {"Alpha", "Beta", "Epsilon", "Zeta", "Eta", "Iota", "Kappa", "Mu", "Nu", "Rho"}
#: a stem, and its subscript: digits at the end, or what follows an underscore
NAME_PARTS = re.compile(r"([A-Za-z]+)(?:_?(\d+)|_([A-Za-z0-9]+))?")
TOO_MANY_PARTS = "print a part of the expression, or str() of it"
LINE = 80  # characters: longer formulas have a line for each of their parts
MOST_WHOLE = 2**53  # floats up to here that are whole numbers are written as such
Signed = tuple[bool, str]  # has a text a minus in front, and the rest of it


class FormulaStyle:
    """How the parts of a formula are spelt; this one in Unicode."""

    delta, partial, minus, plus, one, vec = "δ", "∂", "−", "+", "1", "vec({})"
    at_most, times = "≤", "·"
    width = LINE  # beyond it the equations of parts have lines of their own
    prime = PRIME  # behind the name of a further axis of a kind

    def __init__(self, letters: Lettering | None = None) -> None:
        """`letters` are those of an expression that what is printed is a part of."""
        self.letters = letters
        self.parts = 0  # printed so far: what is shared is printed once for each use
        self.take(())

    def take(self, roots: Sequence[Expr]) -> None:
        """Names for the arrays and the sizes of what is printed."""
        self.arrays = ArrayNames(roots)
        self.roots = roots
        self.known: Sizes | None = None
        self.related: bool | None = None
        self.broadcasts = False
        self.size_names: dict[Variable, str] = {}
        self.words: dict[Variable, str] = {}  # the names of axes, that indices may have too

    def sizes(self) -> Sizes:
        """What is known of sizes; only index expressions ask for it."""
        if self.known is None:
            self.known = Sizes().read(self.roots)
            labels = _label_names(self.roots)
            for root in self.roots:
                tensors = tensors_of(root)
                for name, tensor in tensors.items():
                    for axis, declared in enumerate(tensor.declared):
                        own = f"{name}.shape[{axis}]"
                        if isinstance(declared, str) and declared not in tensors:
                            self.words.setdefault((name, axis), declared)
                        if isinstance(declared, str):
                            own = declared if declared not in labels else own
                            self.size_names.setdefault(declared, own)
                        self.size_names.setdefault((name, axis), own)
        return self.known

    def has_places(self) -> bool:
        """Are there index expressions in what is printed? Else every read is of a whole axis."""
        self._look()
        return bool(self.related)

    def has_open_labels(self) -> bool:
        """Are there labels that no axis shows: of index expressions, or of what only broadcasts?"""
        self._look()
        return bool(self.related or self.broadcasts)

    def _look(self) -> None:
        if self.related is None:
            products = [node for node in walk(self.roots) if isinstance(node, Einsum)]
            self.related = any([node.relations for node in products])
            self.broadcasts = any([node.given for node in products])

    def naming(self) -> Lettering:
        """The letters of all that is printed: of the first expression, if nothing else is said."""
        if self.letters is None:
            self.letters = shown_letters(self.roots[0])
        return self.letters

    def range(self, name: str, size: Size) -> str:
        """The range of a label, ``k < 3``."""
        return f"{self.label(name)} < {self.size(size)}"

    def label(self, name: str) -> str:
        """An index."""
        return name

    def size_factor(self, size: Size) -> str:
        """A size beside others, by the name of its axis: there an index is no number."""
        self.sizes()  # which name them
        return as_factor(size, self._sized(size, self._word))

    def _word(self, variable: Variable) -> str:
        return self.words.get(variable) or self._size_name(variable)

    def size(self, size: Size) -> str:
        """A size as text: a number, the name of an axis, or ``x.shape[0]``."""
        return self._sized(size, self._size_name)

    def _sized(self, size: Size, name: Callable[[Variable], str]) -> str:
        return size_text(size, name, times=self.times, minus=self.minus)

    def _size_name(self, variable: Variable) -> str:
        if variable in self.size_names:
            return self.size_names[variable]
        return called_axis(variable)

    def array_entry(self, array: Expr, indices: Sequence[str]) -> str:
        """An entry of an index array."""
        return self.indexed(self.array_name(array), indices)

    def array_name(self, array: Expr) -> str:
        """What an index array is called."""
        if isinstance(array, Constant):
            return self.arrays.of(array.value) or "array"
        return str(array)

    def spelling(self) -> IndexSpelling:
        """How index expressions are spelt."""
        return IndexSpelling(self.minus, self.label, self.array_entry, self.size, self.times)

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        return f"{name}[{','.join(indices)}]" if indices else name

    def name(self, name: str) -> str:
        return name

    def sum(self, labels: Sequence[str], body: str, ranges: Sequence[str] = ()) -> str:
        below = ",".join(labels)
        if ranges:
            below += f": {', '.join(ranges)}"
        if len(labels) > 1 or ranges:
            below = f"{{{below}}}"
        return f"Σ_{below} {body}"

    def fraction(self, above: str, below: str) -> str:
        """A derivative."""
        return f"{above}/{below}"

    def quotient(self, above: str, below: Sequence[str]) -> str:
        """One thing divided by others."""
        divisor = " ".join(below)
        if len(below) > 1:
            divisor = self.group(divisor)
        gap = " " if " " in above or len(divisor) > 1 else ""
        return f"{above}{gap}/{gap}{divisor}"

    def power(self, base: str, exponent: float) -> str:
        """A base, one thing, to a power."""
        if exponent == 0.5:
            return self.root(base)
        if exponent == int(exponent):
            return base + self.superscript(int(exponent))
        return f"{base}^{exponent_shown(exponent)}"

    def superscript(self, exponent: int) -> str:
        return str(exponent).translate(SUPERSCRIPTS)

    def root(self, base: str) -> str:
        """The square root; brackets of the base are those of the function."""
        inside = base if base.startswith("(") and base.endswith(")") else f"({base})"
        return f"sqrt{inside}"

    def order(self, n: int) -> str:
        exponent = str(n).translate(SUPERSCRIPTS) if n > 1 else ""
        return self.partial + exponent

    def function(
        self,
        node: Apply,
        arguments: Sequence[str],
        core: Sequence[str],
        ranges: Sequence[str] = (),
    ) -> str:
        name: str = node.function.name
        below = ",".join(map(self.label, core))
        if ranges:
            name += f"_{{{below}: {', '.join(ranges)}}}"
        elif core:
            name += f"_{below}"
        return f"{name}({', '.join([*arguments, *shown_parameters(node)])})"

    def entry(self, body: str, indices: Sequence[str]) -> str:
        return f"{body}[{','.join(indices)}]"

    def group(self, body: str) -> str:
        return f"({body})"

    def condition(self, text: str) -> str:
        """1 where it holds, else 0."""
        return f"[{text}]"

    def matrix(self, form: Form) -> str:
        """A form in matrix notation."""
        return in_unicode(form)

    def equation(self, left: str, right: str) -> str:
        return f"{left} = {right}"

    def equations(self, texts: Sequence[str]) -> str:
        """An equation, and those of its parts."""
        whole, *parts = texts
        if not parts:
            return whole
        shown = f"{whole} where {', '.join(parts)}"
        if len(shown) <= self.width:
            return shown
        return "\n    ".join([f"{whole} where", *parts])

    def number(self, value: Number) -> str:
        if isinstance(value, complex):
            return f"({value})"
        is_whole = isinstance(value, float) and value.is_integer() and abs(value) < MOST_WHOLE
        return repr(int(value) if is_whole else value)


def _label_names(roots: Sequence[Expr]) -> set[str | None]:
    """Names that labels have in a formula, so that no size is called so."""
    found: set[str | None] = set()
    for root in roots:
        found.update(root.axes)
        for node in walk([root]):
            if isinstance(node, (Einsum, Add)):
                found.update(node.axes)
            if isinstance(node, Einsum):
                found.update(node.letters.values())
            if isinstance(node, Apply) and node.core:
                found.update(node.arguments[0].axes)
    return found


class AsciiStyle(FormulaStyle):
    """ASCII for terminals that know nothing else."""

    delta, partial, minus = "delta", "d", "-"
    at_most, times = "<=", "*"
    prime = "'"

    def label(self, name: str) -> str:
        return name.replace(PRIME, self.prime)

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        return super().indexed(name, [index.replace(PRIME, self.prime) for index in indices])

    def entry(self, body: str, indices: Sequence[str]) -> str:
        return super().entry(body, [index.replace(PRIME, self.prime) for index in indices])

    def sum(self, labels: Sequence[str], body: str, ranges: Sequence[str] = ()) -> str:
        below = ",".join(map(self.label, labels))
        if ranges:
            below += f": {', '.join(ranges)}"
        return f"sum_{{{below}}} {body}"

    def superscript(self, exponent: int) -> str:
        return f"^{exponent}"

    def order(self, n: int) -> str:
        return f"d^{n}" if n > 1 else "d"


class LatexStyle(FormulaStyle):
    """LaTeX for math mode; names are identifiers, so underscores and letters beyond ASCII are all
    that needs a spelling.
    """

    delta, partial, minus, vec = r"\delta", r"\partial ", "-", r"\operatorname{{vec}}({})"
    at_most, times = r"\le", r"\,"

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        if not indices:
            return self.name(name)
        comma = " " if name == self.delta else ""
        if any(len(index) > 1 for index in indices):
            comma = ","
        marked = [index if isinstance(index, IndexText) else self.label(index) for index in indices]
        below = comma.join(marked).strip()
        return f"{self.name(name)}_{{{below}}}"

    def name(self, name: str) -> str:
        return name if name.startswith("\\") else latex_name(name)

    def label(self, name: str) -> str:
        """An index: the page marks them."""
        return self.name(name)

    def _sized(self, size: Size, name: Callable[[Variable], str]) -> str:
        return size_text(
            size,
            lambda variable: self.name(name(variable)),
            times=self.times,
            power="{}^{{{}}}",
            floor=r"\lfloor{}/{}\rfloor",
            least=r"\min({})",
        )

    def sum(self, labels: Sequence[str], body: str, ranges: Sequence[str] = ()) -> str:
        below = ",".join(map(self.label, labels))
        if ranges:
            below += rf":\, {', '.join(ranges)}"
        return rf"\sum_{{{below}}} {body}"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def quotient(self, above: str, below: Sequence[str]) -> str:
        divisor = " ".join(map(_ungrouped, below)) if len(below) == 1 else " ".join(below)
        return self.fraction(above, divisor)

    def power(self, base: str, exponent: float) -> str:
        if exponent == 0.5:
            return rf"\sqrt{{{_ungrouped(base)}}}"
        return rf"{base}^{{{exponent_text(exponent)}}}"

    def order(self, n: int) -> str:
        return rf"\partial^{{{n}}} " if n > 1 else self.partial

    def function(
        self,
        node: Apply,
        arguments: Sequence[str],
        core: Sequence[str],
        ranges: Sequence[str] = (),
    ) -> str:
        template: str = node.function.latex
        if core and template.startswith("{0}"):  # a power of what is no single letter
            template = OPENING + "{0}" + CLOSING + template.removeprefix("{0}")
        parts = [*arguments, *shown_parameters(node)]
        places = [f"{{{k}}}" for k in range(len(parts))]
        unsaid = [place for place in places if place not in template]
        if unsaid and template.endswith(CLOSING):
            # In the same brackets: directions, and which entries are left out.
            template = ", ".join([template.removesuffix(CLOSING), *unsaid]) + CLOSING
        if core:
            below = ",".join(map(self.label, core))
            if ranges:
                below += rf":\, {', '.join(ranges)}"
            below = f"_{{{below}}}"
            # Braces are doubled, for `format` is to leave them.
            template = _with_core(template, below.replace("{", "{{").replace("}", "}}"))
        return template.format(*parts)

    def matrix(self, form: Form) -> str:
        return in_latex(form, self.name)

    def entry(self, body: str, indices: Sequence[str]) -> str:
        return self.indexed(rf"\left[{body}\right]", indices)

    def group(self, body: str) -> str:
        return rf"\left({body}\right)"

    def equations(self, texts: Sequence[str]) -> str:
        whole, *parts = texts
        if not parts:
            return whole
        return rf"{whole} \quad\text{{where}}\quad " + r",\quad ".join(parts)


def _ungrouped(body: str) -> str:
    """A text without brackets around all of it."""
    opening, closing = LatexStyle().group(" ").split(" ")
    inside = body.removeprefix(opening).removesuffix(closing)
    is_grouped = body == opening + inside + closing
    if not is_grouped or opening in inside or closing in inside:
        return body
    return inside


def latex_name(name: str) -> str:
    r"""A name as people write it: Greek letters by name, digits and what follows an underscore as a
    subscript.

    >>> [latex_name(name) for name in ("Sigma", "lambda_", "W1", "x_0", "sigma_max", "key′")]
    ['\\Sigma', '\\lambda', '{W_{1}}', '{x_{0}}', '{\\sigma_{\\mathrm{max}}}', "\\mathrm{key}'"]
    """
    word = name.rstrip(PRIME)
    if word != name:
        return latex_name(word) + "'" * (len(name) - len(word))
    if iskeyword(name.removesuffix("_")):  # lambda_, for which Python has no other name
        name = name.removesuffix("_")
    found = NAME_PARTS.fullmatch(name)
    if found is None:
        return _latex_word(name)
    stem, digits, below = found.groups()
    if len(stem) > 1 and stem not in GREEK_NAMES and stem not in GREEK_LIKE_LATIN:
        return _latex_word(name)  # a word: its underscores are letters of it
    subscript = digits or (_latex_word(below) if below else "")
    shown = _latex_word(stem)
    return f"{{{shown}_{{{subscript}}}}}" if subscript else shown


def _latex_word(word: str) -> str:
    """A name without a subscript."""
    if word in GREEK_NAMES:
        return f"\\{word}"
    if word in GREEK_LIKE_LATIN:
        return rf"\mathrm{{{word[0]}}}"
    spelt = "".join([_latex_letter(c) for c in word])
    is_one = len(word) == 1 or word.isdigit()
    return spelt if is_one else rf"\mathrm{{{spelt}}}"


def _latex_letter(c: str) -> str:
    r"""A letter, digit or underscore of a name.

    >>> [_latex_letter(c) for c in ("a", "_", "\u03bb", "\u03a9", "\u00e9")]
    ['a', '\\_', '{\\lambda}', '{\\Omega}', '\\text{é}']
    """
    if c.isascii():
        return c.replace("_", r"\_")
    if c in GREEK:
        return rf"{{\{GREEK[c]}}}"
    return rf"\text{{{c}}}"


def _with_core(template: str, below: str) -> str:
    """The template of a function with the names of its core axes."""
    if not template.startswith(OPENING):  # behind its name: softmax_i(…)
        return template.replace(OPENING, below + OPENING, 1)
    # a matrix by its entries: (Σ_k X_bk Y_kc)_{b,c}, to some power
    before, argument, after = template.partition("{0}")
    return before + argument + after.replace(CLOSING, CLOSING + below, 1)


def formula(
    e: Expr,
    name: str = "y",
    *,
    ascii: bool = False,
    style: str = "index",
    width: int | None = None,
) -> str:
    """The formula of `e`, with what it is the derivative of on the left.

    With ``style="matrix"`` in matrix notation: a vector is a column, ``∘`` is entry by entry, and
    what has four axes is the matrix between vecs, which stack columns, as in the books: of A X B by
    X it is Bᵀ ⊗ A. (Stacking rows, as NumPy's ``reshape`` does, it would be A ⊗ Bᵀ.) What has no
    such form is written with indices. With ``style="auto"`` that is done for at most two axes, and
    all else has indices. Lines longer than `width` are broken, at + and − first.

    >>> import einderiv as ed
    >>> ed.formula(ed.derive(ed.einsum("is,st,tj->ij", "X", "Y", "P"), "X"))
    '∂y[i,j]/∂X[a,b] = δ[i,a] Σ_t Y[b,t] P[t,j]'
    >>> ed.formula(ed.derive("ij,j->i", 1), name="f", ascii=True)
    'df[i]/dB[a] = A[i,a]'
    >>> loss = ed.parse("sum((T - einsum('nk,mk->nm', U, V))**2)")
    >>> ed.formula(ed.grad(loss, "U"), style="matrix")
    '∂y/∂U = −2 (T − U Vᵀ) V'
    >>> ed.formula(ed.derive("ij,jk,kl->il", 1), style="matrix")
    '∂vec(y)/∂vec(B) = Cᵀ ⊗ A'
    >>> y = ed.parse("sum(exp(A @ x)) + sum(log(B @ x)) + x @ C @ x", kinds="guess")
    >>> print(ed.formula(y, style="auto", width=32))
    y = 1ᵀ (exp(A x) + log(B x))
        + xᵀ C x

    Raises LimitError for nesting beyond ``limits.depth``, EinderivError for another style or a
    width below 20.
    """
    _check_style(style)
    width = checked_width(width)
    ascii = truth(ascii, "ascii")
    if style == "matrix" and ascii:
        raise EinderivError(
            "matrix notation has no ASCII form: leave out ascii=True, or style='matrix'"
        )
    if style == "auto" and ascii:
        style = "index"
    spelt = AsciiStyle() if ascii else FormulaStyle()
    spelt.width = width or LINE
    return broken(_in_style(e, name, spelt, style), width)


def latex(e: Expr, name: str = "y", *, style: str = "index") -> str:
    r"""The formula of `e` in LaTeX, for math mode; with ``style="matrix"`` as :func:`formula` says.

    >>> import einderiv as ed
    >>> print(ed.latex(ed.derive(ed.einsum("ij,j->i", "A", "x"), "x")))
    \frac{\partial y_{i}}{\partial x_{a}} = A_{ia}
    >>> print(ed.latex(ed.derive(ed.einsum("ij,j->i", "A", "x"), "x"), style="matrix"))
    \frac{\partial y}{\partial x} = A

    Raises LimitError for nesting beyond ``limits.depth``, EinderivError for another style.
    """
    _check_style(style)
    return _in_style(e, name, LatexStyle(), style)


def latex_document(e: Expr, style: str = "index") -> str:
    """The formula of `e` as a document that LaTeX compiles; it needs amsmath."""
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{amsmath,amssymb}",
            r"\begin{document}",
            r"\[",
            latex(e, style=style),
            r"\]",
            r"\end{document}",
        ]
    )


def _check_style(style: str) -> None:
    if style not in STYLE_NAMES:
        raise EinderivError(
            f"no style is called {str(style)[:40]!r}; {near(str(style), STYLE_NAMES)}"
        )


def _in_style(e: Expr, name: str, spelt: FormulaStyle, style: str) -> str:
    """The equation in matrix notation if that is asked for and there is one, or with indices; and
    those of its parts.
    """
    if not isinstance(e, Expr):
        raise TypeError(
            f"only expressions have a formula, not {type(e).__name__}; ed.einsum makes one of a "
            "string"
        )
    check_name(name, "the left-hand side")
    whole, parts = named_parts(_textbook_form(e), taken={name, *_letters(e)})
    is_small = style == "auto" and e.ndim <= MOST_MATRIX_AXES
    if style == "matrix" or is_small:
        shown = _matrix_equations(e, whole, parts, name, spelt)
        if shown is not None:
            return spelt.equations(shown)
    return spelt.equations(_index_equations(e, whole, parts, name, spelt))


def _textbook_form(e: Expr) -> Expr:
    """What is printed for `e`; of more operands than a formula may hold nothing is looked at."""
    limits.check("parts", operands_of(e), TOO_MANY_PARTS)
    return with_formulas(simplify(e))


def _letters(e: Expr) -> set[str]:
    """The names of indices, which no part is called."""
    return {name for name in _label_names([e]) if name is not None} | shown_letters(e).shown


def matrix_equation(e: Expr, name: str, style: FormulaStyle) -> str | None:
    """The equation in matrix notation, or None where there is none."""
    if not isinstance(e, Expr) or e.nodes > limits.parts:
        return None
    check_name(name, "the left-hand side")
    whole, parts = named_parts(_textbook_form(e), taken={name})
    equations = _matrix_equations(e, whole, parts, name, style)
    return None if equations is None else style.equations(equations)


def equations_in(e: Expr, name: str, style: FormulaStyle) -> str:
    """The equation of `e` with indices, and those of its parts, as a style spells them."""
    return _in_style(e, name, style, "index")


def equations_of(e: Expr, name: str, style: FormulaStyle | None = None) -> tuple[str, str | None]:
    """The equation of `e` with indices, and in matrix notation where it has one; simplified, in
    one line each, and no part of it has a name. In Unicode, or as a style spells them.
    """
    return _both(e, _textbook_form(e), (), name, style or FormulaStyle())


def formulas(e: Expr, name: str, style: FormulaStyle | None = None) -> tuple[str, str | None]:
    """The two formulas of `e`: with indices, and in matrix notation where it has one; in Unicode,
    or as a style spells them.
    """
    whole, parts = named_parts(_textbook_form(e), taken={name, *_letters(e)})
    return _both(e, whole, parts, name, style or FormulaStyle())


def _both(
    e: Expr, whole: Expr, parts: Sequence[tuple[Tensor, Expr]], name: str, style: FormulaStyle
) -> tuple[str, str | None]:
    shown = style.equations(_index_equations(e, whole, parts, name, style))
    (nodes,) = bottom_up([whole], lambda _, below: 1 + sum(below))
    if nodes > limits.parts:
        return shown, None
    matrices = _matrix_equations(e, whole, parts, name, style)
    return shown, None if matrices is None else style.equations(matrices)


def _index_equations(
    e: Expr,
    whole: Expr,
    parts: Sequence[tuple[Tensor, Expr]],
    name: str,
    style: FormulaStyle,
) -> list[str]:
    """The equations of the whole and of its parts, with indices."""
    # Said before the first of them is printed, which may take long.
    limits.check(
        "parts", sum(map(operands_of, [whole, *[part for _, part in parts]])), TOO_MANY_PARTS
    )
    letters = style.letters = shown_letters(e)
    letters.reserve([tensor.name for tensor, _ in parts])
    axes = letters.axes_of(e)
    equations = [style.equation(left_side(e, name, style, axes), right_side(whole, axes, style))]
    for tensor, part in parts:
        axes = letters.axes_of(part)
        left = style.indexed(tensor.name, axes)
        equations.append(style.equation(left, right_side(part, axes, style)))
    return equations


def _matrix_equations(
    e: Expr,
    whole: Expr,
    parts: Sequence[tuple[Tensor, Expr]],
    name: str,
    style: FormulaStyle,
) -> list[str] | None:
    """The equations of the whole and of its parts; None where the whole has no matrix form. A part
    that has none is said with indices.
    """
    pair = style.vec if e.ndim == 4 else "{}"
    equations = []
    taken = {name, *tensors_of(e), *[tensor.name for tensor, _ in parts]}
    sums: list[tuple[str, Form]] = []
    for left, right in [(None, whole), *parts]:
        form = matrix_form(right)
        if form is None and left is not None and left.ndim <= MOST_MATRIX_AXES:
            indices = shown_letters(right).axes_of(right)
            text = right_side(right, indices, style)
            equations.append(style.equation(style.indexed(left.name, indices), text))
            continue
        if form is None:
            return None
        form, own_sums = named_sums(form, taken)
        taken.update([own for own, _ in own_sums])
        sums += own_sums
        side = left_side(e, name, style, (), pair) if left is None else style.name(left.name)
        equations.append(style.equation(side, style.matrix(form)))
    for own, total in sums:
        equations.append(style.equation(style.name(own), style.matrix(total)))
    return equations


def left_side(e: Expr, name: str, style: FormulaStyle, names: LabelNames, pair: str = "{}") -> str:
    """``∂y[i,j]/∂X[a,b]`` for a derivative, ``y[i,j]`` for anything else; what has two axes as
    `pair` says.
    """
    below = ""
    order = 0
    stop = e.ndim
    while e.record is not None:
        record = e.record
        stop -= record.count
        order += 1
        is_name = record.position is None or record.wrt.isidentifier()
        wrt = record.wrt if is_name else f"A{record.position}"
        shown = style.indexed(wrt, names[stop : stop + record.count])
        if record.count == 2:
            shown = pair.format(shown)
        below = style.partial + shown + below
        e = record.of
    base = style.indexed(name, names[:stop])
    if not order:
        return base
    if e.ndim == 2:
        base = pair.format(base)
    return style.fraction(style.order(order) + base, below)


def right_side(
    e: Expr,
    indices: LabelNames,
    style: FormulaStyle,
    used: frozenset[str] = frozenset(),
    depth: int = 0,
) -> str:
    """The right-hand side of `e` at `indices`."""
    if not depth:
        e = with_formulas(e)
        style.take([e])
    negative, shown = _signed_side(e, indices, style, used, depth)
    return style.minus + shown if negative else shown


def _signed_side(
    e: Expr, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> Signed:
    limits.check("depth", depth, TOO_MANY_PARTS)
    style.parts += 1
    limits.check("parts", style.parts, TOO_MANY_PARTS)
    match e:
        case Tensor():
            return False, style.indexed(e.name, indices)
        case Constant():
            if e.axis_sizes:
                return False, style.indexed(style.arrays.of(e.value) or "array", indices)
            return False, style.number(e.value)
        case Apply() if is_hot(e):
            entry = style.array_entry(e.arguments[0], indices[:-1])
            return False, style.indexed(style.delta, (indices[-1], IndexText(entry)))
        case Apply() if _is_quotient(e):
            return _product(wrapped(e), indices, style, used | set(indices), depth)
        case Apply():
            return False, _applied(e, indices, style, used | set(indices), depth)
        case Add():
            return _sum(e, indices, style, used, depth)
        case Einsum():
            if is_zero(e):
                return False, style.number(0)
            return _product(e, indices, style, used | set(indices), depth)
    raise TypeError(type(e).__name__)


def _sum(
    e: Add, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> Signed:
    signed = [_signed_side(term, indices, style, used, depth + 1) for term in e.addends]
    (first_negative, first), *others = signed
    parts = [first]
    for negative, shown in others:
        parts += [style.minus if negative else style.plus, shown]
    return first_negative, " ".join(parts)


def _product(
    e: Einsum, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> Signed:
    """``2 δ[i,a] Σ_t Y[b,t] P[t,j]``: the number, the deltas, what is summed over, the factors."""
    # Each factor is a part at least, and names for their labels take longer than to count them.
    limits.check("parts", style.parts + e.count, TOO_MANY_PARTS)
    flat = flatten(e)
    if flat.parts is not None:
        return _related_product(flat, indices, style, used, depth)
    names: dict[Label, str] = {}
    deltas = []
    for label, index in zip(flat.output, indices, strict=True):
        first = names.setdefault(label, index)
        if first != index:
            deltas.append(style.indexed(style.delta, (first, index)))

    # Labels that no axis has are summed over, under the author's names where those are free.
    given = dict(flat.given)
    inside = dict.fromkeys(chain(*flat.inputs))
    summed = [label for label in inside if label not in names]
    told: list[tuple[Label, Size]] = []
    if summed and style.has_open_labels():
        told = [(label, n) for label, n in _not_told(flat, style) if label in summed]
    for label, size in told:
        if size == 1:  # one place is 0, and no sum
            names[label] = style.spelling().written(0, {})
            summed.remove(label)
    taken = set(used)
    names |= style.naming().inner(flat, summed, taken)
    numbers: list[PoweredFactor] = []  # sizes, and what is divided by for all that is summed
    factors: list[PoweredFactor] = []
    for factor, labels in flat.slots:
        at = tuple(names[label] for label in labels)
        one = _powered(factor, at, style, frozenset(taken), depth)
        is_in_front = summed and one.exponent < 0 and not set(labels) & set(summed)
        (numbers if is_in_front else factors).append(one)
    number = coefficient(flat)
    for label in bare(flat):
        # what nothing else shows: how often the same is added
        size = given[label]
        if isinstance(size, int):
            number *= size
        else:
            numbers.append(PoweredFactor(style.size_factor(size), 1))
    if not summed:
        parts = quotient([*numbers, *factors], style.power)
        return _with_number(number, deltas, parts, style)
    body = _over(quotient(factors, style.power), style)
    ranges = [style.range(names[label], n) for label, n in told if label in summed]
    total = style.sum([names[label] for label in summed], body or style.one, ranges)
    return _with_number(number, deltas, quotient(numbers, style.power), style, total)


def _not_told(flat: Einsum, style: FormulaStyle) -> list[tuple[Label, Size]]:
    """The labels of a product whose range does not follow from what is read, with their sizes."""
    known = style.sizes()
    domains: dict[Label, Size] = {}
    for factor, labels in flat.slots:
        for label, size in zip(labels, factor.axis_sizes, strict=True):
            domains[label] = with_measures(size, known.known_measure)
    told = Told(domains, known)
    for factor, labels in flat.slots:
        for axis, label in enumerate(labels):
            # what is read of whole axes needs to be seen once
            if label not in told.shown or style.has_places():
                told.inside(factor, axis, label, domains[label])
    clear = told.clear()
    return [(label, size) for label, size in domains.items() if label not in clear]


def _core_ranges(e: Apply, core: LabelNames, style: FormulaStyle) -> list[str]:
    """The ranges of the own axes of a function that do not follow from its arguments."""
    if not style.has_open_labels():
        return []
    known = style.sizes()
    first = e.arguments[0]
    batch = first.ndim - e.core
    domains: dict[Label, Size] = {}
    for k, size in enumerate(first.axis_sizes[batch:]):
        domains[k] = with_measures(size, known.known_measure)
    told = Told(domains, known)
    for argument in e.arguments:
        for k in range(e.core):
            told.inside(argument, batch + k, k, domains[k])
    clear = told.clear()
    return [style.range(core[k], size) for k, size in domains.items() if k not in clear]


def _powered(
    e: Expr, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> PoweredFactor:
    """A factor as a power of something: 1/x is one, and so is its root."""
    base, exponent = _power_of(e)
    if exponent == 1:
        return PoweredFactor(_factor(e, indices, style, used, depth), 1)
    size = counted_size(base)
    if size is not None:
        return PoweredFactor(style.size_factor(size), exponent)
    text = right_side(base, indices, style, used, depth + 1)
    is_one_thing = isinstance(base, (Tensor, Apply)) and _power_of(base)[1] == 1
    return PoweredFactor(text if is_one_thing else style.group(text), exponent)


def _power_of(e: Expr) -> tuple[Expr, float]:
    """What `e` is a power of, and which; 1/x that is 0 at 0 is written as 1/x."""
    if isinstance(e, Apply) and e.function.name == "pseudo_reciprocal":
        return e.arguments[0], -1
    return as_power(e)


def _is_quotient(e: Apply) -> bool:
    """Is a function written as a power or a quotient?"""
    return e.function.name != "sqrt" and _power_of(e)[1] != 1


def _over(parts: Quotient, style: FormulaStyle) -> str:
    """One text of what stands above the line and below it."""
    above = " ".join(parts.above)
    if not parts.below:
        return above
    return style.quotient(above or style.one, parts.below)


def _with_number(
    number: Number, in_front: Sequence[str], parts: Quotient, style: FormulaStyle, total: str = ""
) -> Signed:
    """The number, what stands in front, what is divided by, and a sum."""
    negative = _is_negative(number)
    size = abs(number) if negative else number
    above = [] if size == 1 else [style.number(size)]
    if total:
        # 2/n δ[i,a] Σ_n …
        shown = [_over(Quotient([*above, *parts.above], parts.below), style), *in_front, total]
        return negative, " ".join(filter(None, shown))
    # A product of nothing is 1.
    above += [*in_front, *parts.above]
    return negative, _over(Quotient(above, parts.below), style) or style.one


def _related_product(
    flat: Einsum, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> Signed:
    """A product with relations: ``δ[a,r[e]] [j ≤ i] Σ_k w[k] x[i+k]``."""
    taken = set(used)
    is_alone = not any(isinstance(node, (Add, Apply)) for node in walk(style.roots))
    found = named_reading(flat, indices, style.sizes(), taken, style.naming(), is_alone=is_alone)
    if found is None:
        return False, style.number(0)
    outside, inside, below = _conditions(found, style)
    for factor, labels in flat.slots:
        if not is_hot(factor):
            at = tuple(style.spelling().place(found.at[label], found.names) for label in labels)
            inside.append(_factor(factor, at, style, frozenset(taken), depth))
    if found.summed:
        summed = [found.names[label] for label in found.summed]
        body = style.sum(summed, " ".join(inside) or style.one, below)
        return _with_number(coefficient(flat), outside, Quotient([], []), style, body)
    return _with_number(coefficient(flat), outside, Quotient(inside, []), style)


def _conditions(found: NamedReading, style: FormulaStyle) -> tuple[list[str], list[str], list[str]]:
    """Deltas and conditions: those before the sum, those of what is summed, and its ranges."""
    spelling, names = style.spelling(), found.names
    outside = [style.indexed(style.delta, tie) for tie in found.ties]
    inside: list[str] = []
    below: list[str] = []
    for a, b in found.deltas:
        pair = (spelling.place(a, names), spelling.place(b, names))
        is_inside = found.is_summed(a) or found.is_summed(b)
        (inside if is_inside else outside).append(style.indexed(style.delta, pair))
    for place in found.equations:
        shown = style.condition(spelling.equation(place, names))
        (inside if found.is_summed(place) else outside).append(shown)
    for one in found.ranges:
        shown = spelling.range(one, names, style.at_most)
        if found.is_summed(one.place):
            below.append(shown)
        else:
            outside.append(style.condition(shown))
    return outside, inside, below


def _is_negative(value: Number) -> bool:
    return not isinstance(value, complex) and value < 0


def _factor(
    e: Expr, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> str:
    """A factor, a sum in brackets."""
    shown = right_side(e, indices, style, used, depth + 1)
    return style.group(shown) if isinstance(e, Add) else shown


def _applied(
    e: Apply, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> str:
    first = e.arguments[0]
    batch = first.ndim - e.core
    own = indices[batch:]
    if _keeps_indices(e, indices):  # exp(A[i,j]), softmax_i(u[i])
        arguments = [right_side(a, indices, style, used | set(own), depth + 1) for a in e.arguments]
        return style.function(e, arguments, own)

    tensors = [a for a in e.arguments if isinstance(a, Tensor)]
    if not batch and len(tensors) == len(e.arguments):  # inv(A)
        text = style.function(e, [style.name(tensor.name) for tensor in tensors], ())
    else:  # inv_b,c(A[b,c] + B[b,c])
        core = style.naming().core_of(first, e.core, {*used, *indices})
        at = indices[:batch] + core
        arguments = [right_side(a, at, style, used | set(core), depth + 1) for a in e.arguments]
        text = style.function(e, arguments, core, _core_ranges(e, core, style))
    return style.entry(text, own) if own else text


def _keeps_indices(e: Apply, indices: LabelNames) -> bool:
    """Has a function the same indices inside as outside? Not where one would be bound that says
    something already: A[i,i].
    """
    if e.function.shape is not same_axes:
        return False
    if any(isinstance(index, IndexText) for index in indices[len(indices) - e.core :]):
        return False
    return e.core == 0 or (e.core == 1 and indices.count(indices[-1]) == 1)


def unicode_right_side(e: Expr, names: LabelNames, style: FormulaStyle | None = None) -> str:
    """The right-hand side alone, in Unicode by default."""
    return right_side(dressed(e, axes=names), names, style or FormulaStyle())
