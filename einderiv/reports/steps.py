"""The derivation of sums and functions as lines: the parts of the expression by name, the rule for
each with its source, and their product.

>>> import einderiv as ed
>>> x = ed.tensor("x", "j")
>>> y = ed.exp(x)
>>> for title, lines in steps(y, x, ed.derive(y, x), "y"):
...     print(title, *lines, sep="\\n    ")
y: chain rule, exp
    exp'(x) = exp(x)
    source: NIST DLMF, 4.7(ii)
    dy[j] = y[j] dx[j]          dy = y ∘ dx
    ∂y[j]/∂x[a] = δ[j,a] y[j]   ∂y/∂x = diag(y)

A change is written with a d: dz is the change of z. So the part of a product that changes is seen,
and there is a matrix form where the derivative of a matrix by a matrix has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from ..autodiff import derive, jvp
from ..errors import LimitError, NoFormError, NoLettersError, counted
from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Forms,
    Tensor,
    children,
    dressed,
    is_zero,
    rebuilt,
    terms,
    walk,
    with_slots,
    wrapped,
)
from ..functions import Function, variable
from ..printing import (
    FormulaStyle,
    broken_lines,
    compact_subscripts,
    equations_of,
    formulas,
    mathml_of_both,
    operand_texts,
    right_side,
    shown_letters,
    with_formulas,
    wrapped_words,
)
from ..simplifying import simplify
from .named_steps import MOST_SHOWN, Left, Part, Parts, standing_for

WIDTH = 76  # columns of a line, behind which INDENT of an explanation stands
BESIDE = 3  # blanks between a formula with indices and the one in matrix notation
MOST_SLOPES = 4  # of one step: derivatives, and factors that change
MOST_LINES = 12  # of one formula
MOST_OF_A_STRING = 6  # lines
CUT_OFF = "…"  # begins the line that says how many more there are
MOST_PATHS, LONGEST_PATH = 3, 6  # that are multiplied out

COOKBOOK = "Petersen and Pedersen, The Matrix Cookbook (2012)"
SUM_RULE = ("sum rule", "d(a + b) = da + db, term by term", f"{COOKBOOK}, eq. 35")
FACTOR_RULE = ("constant factor rule", "d(c a) = c da, under sums too", f"{COOKBOOK}, eq. 34")
PRODUCT_RULE = (
    "product rule",
    "d(a b) = da b + a db, one factor at a time",
    f"{COOKBOOK}, eq. 37",
)

Lines = list[str]


class FormulaLine(str):
    """A line of a formula. The first of its lines has what notebooks show for all of them."""

    typeset: Callable[[], list[str]] | None = None  # blocks of MathML


class Row(NamedTuple):
    """A formula with indices, the one in matrix notation, and what notebooks show for both."""

    with_indices: str
    matrix: str | None = None
    typeset: Callable[[], list[str]] | None = None


Group = tuple[str, Lines]  # a title, and lines


def steps(y: Expr, wrt: Expr, J: Expr, name: str) -> list[Group]:
    """Titles and lines: the parts, the rule for each, and their product."""
    found = Parts(y, wrt, name)
    if not found.parts:
        return _of_a_constant(y, name)
    shown = found.shown()
    groups: list[Group] = []
    if len(found.parts) > 1 or found.constants:
        groups.append(("Give the parts names, from the inside out", _definitions(found, shown)))
    for one in shown:
        if isinstance(one, Left):
            groups.append(("Steps left out", [_left_out(one)]))
        else:
            groups.append(_step(found, one))
    if len(found.parts) > 1:
        groups.append(("Multiply them: the chain rule", _product(found, shown, J, name)))
    return groups


def _of_a_constant(y: Expr, name: str) -> list[Group]:
    """Nothing varies; of a function, which may be the conjugate of a tensor, its rule is said."""
    if not isinstance(y, Apply):
        return []
    row: Function = y.function
    return [(f"{name}: chain rule, {row.name}", _said(rule_of(row), row.source))]


def _said(law: str, source: str) -> Lines:
    """A rule, and its source."""
    return [*wrapped_words(law, WIDTH), *wrapped_words(f"source: {source}", WIDTH)]


def _left_out(left: Left) -> str:
    names = [part.name for part in left.parts]
    which = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    return f"{which}: {left.why}; {counted(len(names), 'step')} left out"


def _definitions(found: Parts, shown: Sequence[Part | Left]) -> Lines:
    rows: list[Row] = []
    for tensor, constant in found.constants[:MOST_SHOWN]:
        rows.append(_equations(constant, tensor.name))
    for one in shown:
        if isinstance(one, Left):
            rows.append(Row(_left_out(one)))
        else:
            rows.append(_equations(one.local, one.name))
    lines = beside(rows)
    if found.constants:
        names = [tensor.name for tensor, _ in found.constants]
        said = f"Not varying with {found.wrt_name}: {', '.join(names[:MOST_SHOWN])}"
        if len(names) > MOST_SHOWN:
            said += f" and {len(names) - MOST_SHOWN} more"
        lines += wrapped_words(f"{said}.", WIDTH)
    wrt, first = found.wrt_name, found.parts[0].name
    said = (
        f"A change is written with a d: where {wrt} changes by d{wrt}, {first} changes by d{first}."
    )
    return lines + wrapped_words(said, WIDTH)


def _step(found: Parts, part: Part) -> Group:
    """The rule for one part, its change, and its derivatives by what it reads."""
    rule, law, source = _rule(found, part)
    lines = _said(law, source)
    if isinstance(part.local, Einsum):
        lines += _string(part.local)
    changes = islice(_changes(found, part), MOST_SLOPES)
    rows = [_equations(change, f"d{part.name}") for change in changes]
    for name in part.reads[:MOST_SLOPES]:
        rows.append(_equations(_slope(found, part, name), part.name))
    lines += beside(rows)
    others = part.reads[MOST_SLOPES:]
    if others:
        lines += wrapped_words(f"and so by {', '.join(others[:MOST_SHOWN])}", WIDTH)
    if len(others) > MOST_SHOWN:
        lines[-1] += " …"
    return f"{part.name}: {rule}", lines


def _string(local: Einsum) -> Lines:
    """The einsum string of a product."""
    operands = ", ".join(operand_texts(local))
    number = "" if local.coefficient == 1 else f"{local.coefficient} · "
    string = told(compact_subscripts, local)
    return formula_lines(f"einsum: {number}{string} of {operands}", MOST_OF_A_STRING)


def told(string: Callable[[Expr], str], term: Expr) -> str:
    """A string of a product, or why it has none: not all sizes stand in strings, and there are 52
    letters.
    """
    try:
        return string(term)
    except (NoFormError, NoLettersError) as error:
        return str(error)


def _rule(found: Parts, part: Part) -> tuple[str, str, str]:
    """The name of a rule, what it says, and where that is written."""
    local = part.local
    if isinstance(local, Apply):
        row: Function = local.function
        return f"chain rule, {row.name}", rule_of(row), row.source
    if isinstance(local, Add):
        return SUM_RULE
    assert isinstance(local, Einsum)
    return FACTOR_RULE if len(_places(found, part)) == 1 else PRODUCT_RULE


def rule_of(row: Function) -> str:
    """The derivative of a function in plain text.

    >>> from einderiv.functions.table import FUNCTIONS
    >>> print(rule_of(FUNCTIONS["relu"]))
    relu'(x) = heaviside(x); relu'(0) = 0
    >>> print(rule_of(FUNCTIONS["inv"]))
    d inv(A) = -inv(A) dA inv(A)
    """
    arguments = {2: "x, y", 3: "c, x, y"}.get(len(row.derivatives), "x")
    said = f"{row.name}'({arguments}) = {row.derived}"
    if "dA" in row.derived:
        said = f"d {row.name}(A) = {row.derived}"
    return f"{said}; {row.kink}" if row.kink else said


def _places(found: Parts, part: Part) -> list[int]:
    """The factors of a product that vary."""
    assert isinstance(part.local, Einsum)
    names = [variable(factor) for factor in part.local.factors]
    return [k for k, name in enumerate(names) if name in part.reads]


def _changes(found: Parts, part: Part) -> Iterator[Expr]:
    """The change of a part; of a product one for each factor, where that alone changes."""
    local = part.local
    if isinstance(local, Einsum):
        slots = local.slots
        for k in _places(found, part):
            factor, labels = slots[k]
            changed = (*slots[:k], (_change(factor), labels), *slots[k + 1 :])
            yield with_slots(local, changed, origins=local.origins)
        return
    read = [found.tensors[name] for name in part.reads]
    yield _by_its_own_name(jvp(local, read, [_change(one) for one in read]), part)


def _slope(found: Parts, part: Part, below: str) -> Expr:
    """The derivative of a part by one that it reads."""
    known = found.slopes.get((part.name, below))
    if known is None:
        slope = derive(part.local, found.tensors[below])
        known = found.slopes[part.name, below] = _by_its_own_name(slope, part)
    return known


def _change(e: Expr) -> Tensor:
    return standing_for(e, f"d{variable(e)}")


def _by_its_own_name(e: Expr, part: Part) -> Expr:
    """`e` with the name of a part in the place of the function that it is: exp′ is exp."""
    if not isinstance(part.local, Apply) or is_zero(e):
        return e
    named = _with_tensor(e, part)
    # 1 − tanh(x)², in which the function may stand again
    named = _with_tensor(with_formulas(named), part)
    return dressed(named, axes=e.axes, origins=(e,), record=e.record)


def _with_tensor(e: Expr, part: Part) -> Expr:
    """`e` with the tensor of a part in the place of the function that it is."""
    forms = Forms()
    own = forms.of(part.local)
    found: dict[int, Expr] = {}
    for node in walk([e]):
        is_own = isinstance(node, Apply) and forms.of(node) == own
        below = tuple([found[id(child)] for child in children(node)])
        found[id(node)] = part.tensor if is_own else rebuilt(node, below)
    return found[id(e)]


def _equations(e: Expr, name: str) -> Row:
    return row_of(e, name, named=False)


def row_of(e: Expr, name: str, *, named: bool) -> Row:
    """The formulas of `e`, with names for what occurs several times, if that is asked for."""
    try:
        index, matrix = formulas(e, name) if named else equations_of(e, name)
    except LimitError as error:
        return Row(f"{name}: {error}")
    return Row(index, matrix, lambda: _blocks(e, name, named=named))


def _blocks(e: Expr, name: str, *, named: bool) -> list[str]:
    try:
        blocks = mathml_of_both(e, name, named=named)
    except LimitError:
        return []
    # y = x² of numbers is one formula in both
    return list(dict.fromkeys([block for block in blocks if block is not None]))


def beside(rows: Sequence[Row], most: int = MOST_LINES) -> Lines:
    """Formulas with indices, and beside or below each the one in matrix notation; no formula has
    more than `most` lines.

    >>> rows = [Row("z[i] = Σ_j A[i,j] x[j]", "z = A x"), Row("y[i] = z[i]²")]
    >>> print(*beside(rows), sep="\\n")
    z[i] = Σ_j A[i,j] x[j]   z = A x
    y[i] = z[i]²
    """
    pairs = [(index, matrix) for index, matrix, _ in rows if matrix and matrix != index]
    fitting = [index for index, matrix in pairs if _fits(index, matrix)]
    left = max(map(len, fitting), default=0)
    lines: Lines = []
    for row in rows:
        index, matrix, typeset = row
        if not matrix or matrix == index:
            own = formula_lines(index, most)
        elif not _fits(index, matrix):
            own = [*formula_lines(index, most), *formula_lines(matrix, most)]
        elif left + BESIDE + len(matrix) <= WIDTH:
            own = [f"{index:<{left}}{' ' * BESIDE}{matrix}"]
        else:
            own = [f"{index}{' ' * BESIDE}{matrix}"]
        lines += own if typeset is None else marked_lines(own, typeset)
    return lines


def marked_lines(lines: Lines, typeset: Callable[[], list[str]]) -> Lines:
    """The lines of a formula, in whose place notebooks show blocks; one that is cut off for its
    length stays so.
    """
    if any(line.startswith(CUT_OFF) for line in lines):
        return lines
    marked = [FormulaLine(line) for line in lines]
    marked[0].typeset = typeset
    return [*marked]


def _fits(index: str, matrix: str) -> bool:
    """Do two formulas stand in one line?"""
    return "\n" not in index + matrix and len(index) + BESIDE + len(matrix) <= WIDTH


def formula_lines(text: str, most: int) -> Lines:
    """The lines of a formula; the first of them, if there are too many."""
    lines = broken_lines(text, WIDTH)
    if len(lines) <= most:
        return lines
    return [*lines[:most], f"{CUT_OFF} and {counted(len(lines) - most, 'more line')}"]


# ---- the product
def _product(found: Parts, shown: Sequence[Part | Left], J: Expr, name: str) -> Lines:
    """The derivatives of the parts multiplied along the paths from the whole to what is derived
    by, and what that is.
    """
    paths = _paths(found)
    lines: Lines = []
    if paths is None:
        for one in shown:
            if isinstance(one, Part):
                lines += formula_lines(_recurrence(found, one), MOST_OF_A_STRING)
            else:
                lines.append(_left_out(one))
    else:
        for k, path in enumerate(paths, 1):
            if len(paths) > 1:
                lines.append(f"path {k} of {len(paths)}, {' ← '.join([*path])}:")
            lines += _along(found, path, J)
    if is_zero(J):
        return lines
    return lines + beside([_equations(found.with_names(with_formulas(J)), name)])


def _paths(found: Parts) -> list[list[str]] | None:
    """The names along each path; None where there are too many, or they are too long."""
    reads = {part.name: part.reads for part in found.parts}
    paths: list[list[str]] = []
    pending = [[found.parts[-1].name]]
    while pending:
        path = pending.pop()
        if path[-1] == found.wrt_name:
            paths.append(path)
            continue
        if len(path) > LONGEST_PATH:
            return None
        pending += [[*path, name] for name in reversed(reads[path[-1]])]
        if len(paths) + len(pending) > MOST_PATHS:
            return None
    return paths


def _recurrence(found: Parts, part: Part) -> str:
    """``∂h/∂x = ∂h/∂z ∂z/∂x + ∂h/∂x``, the last one of `h` as a function of `x` and `z`."""
    wrt = found.wrt_name
    addends = []
    for name in part.reads:
        own = f"∂{part.name}/∂{name}"
        addends.append(own if name == wrt else f"{own} ∂{name}/∂{wrt}")
    left = f"∂{part.name}/∂{wrt}"
    said = " + ".join(addends)
    return f"{left}, as above" if said == left else f"{left} = {said}"


def _along(found: Parts, path: Sequence[str], J: Expr) -> Lines:
    """The product along one path: of symbols, with the derivatives put in, and what becomes of the
    deltas.
    """
    style = FormulaStyle()
    at = _indices(found, path, J)
    summed = [index for name in path[1:-1] for index in at[name]]
    used = frozenset([index for indices in at.values() for index in indices])
    by_name = {part.name: part for part in found.parts}
    symbols: list[str] = []
    factors: list[str] = []
    slopes: list[tuple[Expr, Sequence[str]]] = []
    for name, below in pairwise(path):
        part = by_name[name]
        above_and_below = (*at[name], *at[below])
        left, right = style.indexed(name, at[name]), style.indexed(below, at[below])
        symbols.append(style.fraction(style.partial + left, style.partial + right))
        slope = simplify(_slope(found, part, below))
        factors.append(_factor(slope, above_and_below, style, used))
        slopes.append((slope, above_and_below))
    ends = f"∂{style.indexed(path[0], at[path[0]])}/∂{style.indexed(path[-1], at[path[-1]])}"
    front = style.sum(summed, "") if summed else ""
    lines = broken_lines(f"{ends} = {front}{' '.join(symbols)}", WIDTH)
    kept = [text for text in factors if text != style.one]
    if "0" in factors:
        return [*lines, "  = 0"]
    lines += broken_lines(f"  = {front}{' '.join(kept) or style.one}", WIDTH)
    return lines + _fates(slopes, summed)


def _factor(slope: Expr, indices: Sequence[str], style: FormulaStyle, used: frozenset[str]) -> str:
    text = right_side(slope, tuple(indices), style, used)
    is_one_thing = not isinstance(slope, Add) and not any(sign in text for sign in "−Σ/")
    return text if is_one_thing else style.group(text)


def _indices(found: Parts, path: Sequence[str], J: Expr) -> dict[str, tuple[str, ...]]:
    """Indices for each part of a path, its own where those are free."""
    names = shown_letters(J).axes_of(J)
    count = J.record.count if J.record else 0
    at = {path[0]: names[: J.ndim - count], path[-1]: names[J.ndim - count :]}
    used = {*names, *found.taken}
    letters = shown_letters(J)
    for name in path[1:-1]:
        tensor = found.tensors[name]
        indices: list[str] = []
        for index, size in zip(letters.axes_of(tensor), tensor.axis_sizes, strict=True):
            is_free = index not in names and all(index not in one for one in at.values())
            is_free = is_free and index not in indices
            free = index if is_free else letters.fresh(size, used)
            used.add(free)
            indices.append(free)
        at[name] = tuple(indices)
    return at


def _ties(slope: Expr, indices: Sequence[str]) -> list[tuple[tuple[str, str], bool]]:
    """The pairs of indices between which a derivative has a delta, and whether all its terms have
    that one; first those that all have.
    """
    addends = [term for term in terms(slope) if not is_zero(term)]
    times: Counter[tuple[str, str]] = Counter()
    for term in addends:
        first: dict[int, str] = {}
        for label, index in zip(wrapped(term).output, indices, strict=True):
            if label in first:
                times[first[label], index] += 1
            first.setdefault(label, index)
    in_order = sorted(times, key=lambda pair: times[pair] < len(addends))
    return [(pair, times[pair] == len(addends)) for pair in in_order]


def _fates(slopes: Sequence[tuple[Expr, Sequence[str]]], summed: Sequence[str]) -> Lines:
    """What becomes of the deltas of a product, one after the other: an index that is gone is
    another in those that follow.
    """
    lines: Lines = []
    now: dict[str, str] = {}
    for slope, indices in slopes:
        for pair, is_in_all in _ties(slope, indices):
            first, second = [now.get(index, index) for index in pair]
            delta = f"δ[{first},{second}]"
            kept, gone = (second, first) if second not in summed else (first, second)
            if first == second:
                lines.append(f"{delta} is 1")
            elif gone not in summed:
                lines.append(f"{delta} stays: {first} and {second} are both axes of the result")
            elif not is_in_all:
                lines.append(f"{delta} goes in its term: {gone} is summed and becomes {kept}")
            else:
                lines.append(f"{delta} goes: {gone} is summed, so {gone} becomes {kept}")
                now = {old: kept if new == gone else new for old, new in now.items()}
                now[gone] = kept
    return lines
