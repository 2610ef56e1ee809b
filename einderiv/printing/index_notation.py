"""Index formulas, in Unicode, ASCII and LaTeX: ``∂y[i,j]/∂X[a,b] = δ[i,a] Σ_t Y[b,t] P[t,j]``."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import EinderivError, limits, near
from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Label,
    Number,
    Tensor,
    axis_names,
    bare,
    check_name,
    coefficient,
    dressed,
    flatten,
    fresh_names,
    is_zero,
    naming,
)
from ..functions import same_axes, shown_parameters
from .matrix_forms import SUPERSCRIPTS, in_latex, in_unicode
from .matrix_notation import matrix_form
from .strings import LabelNames

STYLE_NAMES = ("index", "matrix")


OPENING, CLOSING = r"\left(", r"\right)"


class FormulaStyle:
    """How the parts of a formula are spelt; this one in Unicode."""

    delta, partial, minus, one, vec = "δ", "∂", "−", "1", "vec({})"

    def __init__(self) -> None:
        self.parts = 0  # printed so far: what is shared is printed once for each use

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        return f"{name}[{','.join(indices)}]" if indices else name

    def name(self, name: str) -> str:
        return name

    def sum(self, labels: Sequence[str], body: str) -> str:
        sign = f"Σ_{labels[0]}" if len(labels) == 1 else f"Σ_{{{','.join(labels)}}}"
        return f"{sign} {body}"

    def fraction(self, above: str, below: str) -> str:
        return f"{above}/{below}"

    def order(self, n: int) -> str:
        return self.partial + (str(n).translate(SUPERSCRIPTS) if n > 1 else "")

    def function(self, node: Apply, arguments: Sequence[str], core: Sequence[str]) -> str:
        at = f"_{','.join(core)}" if core else ""
        return f"{node.function.name}{at}({', '.join([*arguments, *shown_parameters(node)])})"

    def entry(self, body: str, indices: Sequence[str]) -> str:
        return f"{body}[{','.join(indices)}]"

    def group(self, body: str) -> str:
        return f"({body})"

    def number(self, value: Number) -> str:
        return f"({value})" if isinstance(value, complex) else repr(value)


class AsciiStyle(FormulaStyle):
    """ASCII for terminals that know nothing else."""

    delta, partial, minus = "delta", "d", "-"

    def sum(self, labels: Sequence[str], body: str) -> str:
        return f"sum_{{{','.join(labels)}}} {body}"

    def order(self, n: int) -> str:
        return f"d^{n}" if n > 1 else "d"


class LatexStyle(FormulaStyle):
    """LaTeX for math mode; names are ASCII identifiers, so only their underscores need escaping."""

    delta, partial, minus, vec = r"\delta", r"\partial ", "-", r"\operatorname{{vec}}({})"

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        comma = "," if any(len(i) > 1 for i in indices) else " " if name == self.delta else ""
        return (
            f"{self.name(name)}_{{{comma.join(map(self.label, indices)).strip()}}}"
            if indices
            else self.name(name)
        )

    def name(self, name: str) -> str:
        plain = name.startswith("\\") or len(name) == 1
        return name if plain else rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"

    def label(self, name: str) -> str:
        """An index: the page marks them."""
        return self.name(name)

    def sum(self, labels: Sequence[str], body: str) -> str:
        return rf"\sum_{{{','.join(map(self.label, labels))}}} {body}"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def order(self, n: int) -> str:
        return rf"\partial^{{{n}}} " if n > 1 else self.partial

    def function(self, node: Apply, arguments: Sequence[str], core: Sequence[str]) -> str:
        template: str = node.function.latex
        if core and template.startswith("{0}"):  # a power of what is no single letter
            template = OPENING + "{0}" + CLOSING + template[3:]
        parts = [*arguments, *shown_parameters(node)]
        places = [f"{{{k}}}" for k in range(len(parts))]
        unsaid = [place for place in places if place not in template]
        if unsaid and template.endswith(CLOSING):
            # In the same brackets: directions, and which entries are left out.
            template = ", ".join([template.removesuffix(CLOSING), *unsaid]) + CLOSING
        if core:
            at = f"_{{{','.join(map(self.label, core))}}}"
            template = _with_core(template, at.replace("{", "{{").replace("}", "}}"))
        return template.format(*parts)

    def entry(self, body: str, indices: Sequence[str]) -> str:
        return self.indexed(rf"\left[{body}\right]", indices)

    def group(self, body: str) -> str:
        return rf"\left({body}\right)"


def _with_core(template: str, at: str) -> str:
    """The template of a function with the names of its core axes."""
    if not template.startswith(OPENING):  # behind its name: softmax_i(…)
        return template.replace(OPENING, at + OPENING, 1)
    # a matrix by its entries: (Σ_k X_bk Y_kc)_{b,c}, to some power
    before, argument, after = template.partition("{0}")
    return before + argument + after.replace(CLOSING, CLOSING + at, 1)


def formula(e: Expr, name: str = "y", *, ascii: bool = False, style: str = "index") -> str:
    """The formula of `e`, with what it is the derivative of on the left.

    With ``style="matrix"`` in matrix notation: a vector is a column, ``∘`` is entry by entry, and
    what has four axes is the matrix between vecs, which stack columns, as in the books: of A X B by
    X it is Bᵀ ⊗ A. (Stacking rows, as NumPy's ``reshape`` does, it would be A ⊗ Bᵀ.) What has no
    such form is written with indices.

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

    Raises LimitError for nesting beyond ``limits.depth``, EinderivError for another style.
    """
    _check_style(style)
    if style == "matrix" and ascii:
        raise EinderivError(
            "matrix notation has no ASCII form: leave out ascii=True, or style='matrix'"
        )
    spelt = AsciiStyle() if ascii else FormulaStyle()
    return (matrix_equation(e, name, spelt) if style == "matrix" else None) or _equation(
        e, name, spelt
    )


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
    return (matrix_equation(e, name, LatexStyle()) if style == "matrix" else None) or _equation(
        e, name, LatexStyle()
    )


def latex_document(e: Expr) -> str:
    """The formula of `e` as a document that LaTeX compiles; it needs amsmath."""
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{amsmath,amssymb}",
            r"\begin{document}",
            r"\[",
            latex(e),
            r"\]",
            r"\end{document}",
        ]
    )


def _check_style(style: str) -> None:
    if style not in STYLE_NAMES:
        raise EinderivError(
            f"no style is called {str(style)[:40]!r}; {near(str(style), STYLE_NAMES)}"
        )


def matrix_equation(e: Expr, name: str, style: FormulaStyle) -> str | None:
    """The equation in matrix notation, or None where there is none."""
    if not isinstance(e, Expr) or e.nodes > limits.parts:
        return None
    check_name(name, "the left-hand side")
    form = matrix_form(e)
    if form is None:
        return None
    pair = style.vec if e.ndim == 4 else "{}"
    shown = in_latex(form, style.name) if isinstance(style, LatexStyle) else in_unicode(form)
    return f"{left_side(e, name, style, (), pair)} = {shown}"


def _equation(e: Expr, name: str, style: FormulaStyle) -> str:
    if not isinstance(e, Expr):
        raise TypeError(
            f"only expressions have a formula, not {type(e).__name__}; ed.einsum makes one of a "
            "string"
        )
    check_name(name, "the left-hand side")
    names = axis_names(e)
    return f"{left_side(e, name, style, names)} = {right_side(e, names, style)}"


def left_side(e: Expr, name: str, style: FormulaStyle, names: LabelNames, pair: str = "{}") -> str:
    """``∂y[i,j]/∂X[a,b]`` for a derivative, ``y[i,j]`` for anything else; what has two axes as
    `pair` says.
    """
    below = ""
    order = 0
    stop = e.ndim
    while e.record is not None:
        stop, order = stop - e.record.count, order + 1
        wrt = e.record.wrt if e.record.wrt.isidentifier() else f"A{e.record.position}"
        shown = style.indexed(wrt, names[stop : stop + e.record.count])
        below = style.partial + (pair.format(shown) if e.record.count == 2 else shown) + below
        e = e.record.of
    base = style.indexed(name, names[:stop])
    base = pair.format(base) if order and e.ndim == 2 else base
    return style.fraction(style.order(order) + base, below) if order else base


def right_side(
    e: Expr,
    indices: LabelNames,
    style: FormulaStyle,
    used: frozenset[str] = frozenset(),
    depth: int = 0,
) -> str:
    """The right-hand side of `e` at `indices`."""
    negative, shown = _signed_side(e, indices, style, used, depth)
    return style.minus + shown if negative else shown


Signed = tuple[bool, str]  # has a text a minus in front, and the rest of it


def _signed_side(
    e: Expr, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> Signed:
    limits.check("depth", depth, "print a part of the expression, or str() of it")
    style.parts += 1
    limits.check("parts", style.parts, "print a part of the expression, or str() of it")
    match e:
        case Tensor():
            return False, style.indexed(e.name, indices)
        case Constant():
            return False, style.indexed("array", indices) if e.sizes else style.number(e.value)
        case Apply():
            return False, _applied(e, indices, style, used | set(indices), depth)
        case Add():
            return _sum(e, indices, style, used, depth)
        case Einsum():
            return (
                (False, "0")
                if is_zero(e)
                else _product(e, indices, style, used | set(indices), depth)
            )
    raise TypeError(type(e).__name__)


def _sum(
    e: Add, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> Signed:
    terms = [_signed_side(term, indices, style, used, depth + 1) for term in e.addends]
    minus, first = terms[0]
    parts = [first]
    for negative, shown in terms[1:]:
        parts += [style.minus if negative else "+", shown]
    return minus, " ".join(parts)


def _product(
    e: Einsum, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> Signed:
    flat = flatten(e)
    names: dict[Label, str] = {}
    deltas = []
    for label, index in zip(flat.output, indices, strict=True):
        if names.setdefault(label, index) != index:
            deltas.append(style.indexed(style.delta, (names[label], index)))
    summed = [
        x for x in dict.fromkeys(x for ls in flat.inputs for x in ls) if x not in names
    ] + list(bare(flat))
    wanted = naming(flat).labels
    taken = set(used)
    for label in summed:
        want = wanted[label]
        names[label] = (
            want if want not in taken else fresh_names(1, taken | set(wanted.values()))[0]
        )
        taken.add(names[label])
    factors = [
        _factor(f, tuple(names[x] for x in ls), style, frozenset(taken), depth)
        for f, ls in flat.slots
    ]
    value = coefficient(flat)
    rest = " ".join(factors) or (style.one if summed or not deltas else "")
    if summed:
        rest = style.sum([names[x] for x in summed], rest)
    size = abs(value) if _negative(value) else value
    front = [] if size == 1 else [style.number(size)]
    if front and rest == style.one and not summed:
        rest = ""
    return _negative(value), " ".join(part for part in (*front, *deltas, rest) if part)


def _negative(value: Number) -> bool:
    return not isinstance(value, complex) and value < 0


def _factor(
    e: Expr, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> str:
    shown = right_side(e, indices, style, used, depth + 1)
    return style.group(shown) if isinstance(e, Add) else shown


def _applied(
    e: Apply, indices: LabelNames, style: FormulaStyle, used: frozenset[str], depth: int
) -> str:
    first = e.arguments[0]
    batch = first.ndim - e.core
    kept = indices[batch:]
    # A function of vectors has its own index, softmax_i(u[i]), unless that says something already:
    # A[i,i].
    entrywise = e.function.shape is same_axes and (
        not e.core or (e.core == 1 and indices.count(indices[-1]) == 1)
    )
    core = kept if entrywise else tuple(fresh_names(e.core, used | set(axis_names(first)[:batch])))
    if not entrywise and not batch and all(isinstance(a, Tensor) for a in e.arguments):
        text = style.function(
            e, [style.name(a.name) for a in e.arguments if isinstance(a, Tensor)], ()
        )
    else:
        inner = [
            right_side(a, indices[:batch] + core, style, used | set(core), depth + 1)
            for a in e.arguments
        ]
        text = style.function(e, inner, core)
    return text if entrywise or not kept else style.entry(text, kept)


def unicode_right_side(e: Expr, names: LabelNames, style: FormulaStyle | None = None) -> str:
    """The right-hand side alone, in Unicode by default."""
    return right_side(dressed(e, axes=names), names, style or FormulaStyle())
