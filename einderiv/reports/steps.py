"""The derivation of sums and functions: the parts of an expression by name, from the inside out,
and for each the rule that derives it.

>>> import einderiv as ed
>>> x, A = ed.tensor("x", "j"), ed.tensor("A", "ij")
>>> y = ed.exp(A @ x)
>>> for part in Parts(y, x, "y").parts:
...     print(part.name, "=", part.local, "reads", *part.reads)
z = einsum("ij,j->i", A, x) reads x
y = exp(z) reads z

A change of a part is written with a d: dz is the change of z. So the part of a product that changes
is seen, and local derivatives have a matrix form where Jacobians of matrices have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import NamedTuple

from ..autodiff import derive, jvp
from ..errors import LimitError, counted
from ..expression import (
    Add,
    Apply,
    Einsum,
    Expr,
    Forms,
    Tensor,
    axis_names,
    children,
    dressed,
    fresh_names,
    is_hot,
    is_zero,
    put,
    rebuilt,
    tensors_of,
    terms,
    title_of,
    used_names,
    walk,
    with_slots,
    wrapped,
)
from ..functions import Function, variable
from ..printing import (
    FormulaStyle,
    broken,
    compact_subscripts,
    equations_of,
    operand_texts,
    right_side,
    with_formulas,
    wrapped_words,
)
from ..simplifying import name_of_part, simplify

WIDTH = 76  # columns of a line, behind which INDENT of an explanation stands
BESIDE = 3  # blanks between a formula with indices and the one in matrix notation
MOST_SLOPES = 4  # of one step: derivatives, and factors that change
MOST_LINES = 40  # of one formula
MOST_WHOLE = 12  # steps; of more those that repeat others are left out
MOST_SHOWN = 20  # steps; of more the middle ones are left out
LEAST_REPEATED = 3  # equal groups of steps, of which then only the first is shown
LONGEST_GROUP = 16  # steps
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
Group = tuple[str, Lines]  # a title, and lines


class Part(NamedTuple):
    """A part of the expression: what it is of those that it reads, each a tensor by its name."""

    name: str
    tensor: Tensor  # that stands for it in others
    local: Expr
    reads: tuple[str, ...]  # of the parts that vary, and of what is derived by


class Left(NamedTuple):
    """Parts that are not shown, and why."""

    parts: tuple[Part, ...]
    why: str


class Parts:
    """The parts of `y` that vary with `wrt`, from the inside out; the last is `y` itself."""

    def __init__(self, y: Expr, wrt: Expr, name: str) -> None:
        self.y = y
        self.wrt_name = variable(wrt) or ""
        self.tensors: dict[str, Expr] = {self.wrt_name: wrt}
        self.parts: list[Part] = []
        self.constants: list[tuple[Tensor, Expr]] = []
        self.taken = {name, *tensors_of(y), *used_names(y)}
        for node in walk([y], _below):
            self.taken.update(used_names(node) if isinstance(node, Einsum) else ())
        self.forms = Forms()
        self.by_form: dict[int, Tensor] = {}
        self._read(y, name)

    def _read(self, y: Expr, name: str) -> None:
        stands: dict[int, Expr] = {}  # by the nodes that vary
        for node in walk([y], _below):
            if variable(node) is not None:
                if variable(node) == self.wrt_name:
                    stands[id(node)] = node
                continue
            below = _below(node)
            if not any(id(part) in stands for part in below):
                continue
            if node is not y and _is_alias(node):
                stands[id(node)] = stands[id(below[0])]
                continue
            form = self.forms.of(node)
            if node is not y and form in self.by_form:
                stands[id(node)] = self.by_form[form]
                continue
            parts = []
            for part in below:
                varies = id(part) in stands
                parts.append(stands[id(part)] if varies else self._constant(part))
            local = rebuilt(node, tuple(parts))
            # The names of sizes are those that the tensors of the whole say.
            local = dressed(local, axes=node.axes, origins=(y,)) if _has_origins(local) else local
            own = name if node is y else self._name(node)
            varying = [stands[id(part)] for part in below if id(part) in stands]
            reads = tuple(dict.fromkeys([variable(part) or "" for part in varying]))
            tensor = _standing_for(node, own)
            self.parts.append(Part(own, tensor, local, reads))
            self.tensors[own] = tensor
            if node is not y:
                self.by_form[form] = tensor
            stands[id(node)] = tensor

    def _name(self, node: Expr) -> str:
        title = title_of(node)
        if title is None or title in self.taken:
            return name_of_part(node, self.taken)
        self.taken.add(title)
        return title

    def _constant(self, node: Expr) -> Expr:
        """A part that does not vary: by a name, if it is long."""
        if not _is_long(node):
            return node
        form = self.forms.of(node)
        if form not in self.by_form:
            tensor = _standing_for(node, self._name(node))
            self.by_form[form] = tensor
            self.constants.append((tensor, node))
        return self.by_form[form]

    def with_names(self, e: Expr) -> Expr:
        """`e` with the names of parts in the place of parts."""
        found: dict[int, Expr] = {}
        for node in walk([e], self._unnamed):
            named = self._named(node)
            below = tuple([found[id(part)] for part in self._unnamed(node)])
            again = rebuilt(node, below) if named is None else named
            found[id(node)] = again
        return dressed(found[id(e)], axes=e.axes, origins=(self.y,), record=e.record)

    def _named(self, node: Expr) -> Tensor | None:
        if not children(node) or is_hot(node):
            return None
        return self.by_form.get(self.forms.of(node))

    def _unnamed(self, node: Expr) -> tuple[Expr, ...]:
        return () if self._named(node) is not None else children(node)

    def shown(self) -> list[Part | Left]:
        """The parts without those that repeat others, and no more than can be read."""
        found = _without_repeats(self.parts, self.wrt_name)
        if len(found) <= MOST_SHOWN:
            return found
        half = MOST_SHOWN // 2
        left: list[Part] = []
        for one in found[half:-half]:
            left += [one] if isinstance(one, Part) else one.parts
        return [*found[:half], Left(tuple(left), "too many to be shown"), *found[-half:]]


def _below(node: Expr) -> tuple[Expr, ...]:
    """The parts of a node; a conjugate is a variable."""
    return () if variable(node) is not None else children(node)


def _has_origins(e: Expr) -> bool:
    return isinstance(e, (Einsum, Add))


def _is_long(e: Expr) -> bool:
    """Is `e` worth a name? Not a tensor, a multiple of one or an array of indices, nor a size."""
    if not children(e) or is_hot(e) or variable(e) is not None:
        return False
    is_multiple = isinstance(e, Einsum) and len(e.factors) == 1 and not children(e.factors[0])
    return not is_multiple and any(isinstance(part, Tensor) for part in walk([e]))


def _is_alias(e: Expr) -> bool:
    """Is `e` its one factor as it is?"""
    if not isinstance(e, Einsum) or len(e.factors) != 1 or e.parts is not None:
        return False
    (labels,) = e.inputs
    is_plain = e.coefficient == 1 and len(set(labels)) == len(labels)
    return is_plain and e.output == labels


def _standing_for(e: Expr, name: str) -> Tensor:
    tensor = Tensor(name, e.axes)
    put(tensor, "axis_sizes", e.axis_sizes)
    return tensor


# ---- what repeats
def _without_repeats(parts: Sequence[Part], wrt_name: str) -> list[Part | Left]:
    """Of groups of steps that follow each other and are alike, the first: the layers of a net."""
    place = {part.name: k for k, part in enumerate(parts)}
    outlines = [_outline(part, k, place, wrt_name) for k, part in enumerate(parts)]
    if len(parts) <= MOST_WHOLE:
        return [*parts]
    found: list[Part | Left] = []
    k = 0
    while k < len(parts):
        length, times = _group(outlines, k)
        if times < LEAST_REPEATED:
            found.append(parts[k])
            k += 1
            continue
        found += parts[k : k + length]
        end = k + length * times
        like = counted(length, "step")
        found.append(Left(tuple(parts[k + length : end]), f"like the {like} before, each time"))
        k = end
    return found


def _group(outlines: Sequence[object], start: int) -> tuple[int, int]:
    """The length of the shortest group of steps that repeats from a place on, and how often."""
    for length in range(1, LONGEST_GROUP + 1):
        first = outlines[start : start + length]
        end = start + length
        while outlines[end : end + length] == first:
            end += length
        times = (end - start) // length
        if times >= LEAST_REPEATED:
            return length, times
    return 1, 1


def _outline(part: Part, k: int, place: dict[str, int], wrt_name: str) -> object:
    """What a step is like: its rule, and how far before it the parts stand that it reads."""
    local = part.local
    own: object = type(local).__name__
    if isinstance(local, Add):  # what is summed up over layers becomes longer with each
        return own
    if isinstance(local, Apply):
        own = (local.function.name, local.core, local.parameters)
    if isinstance(local, Einsum):
        names: dict[int, int] = {}
        for label in chain(*local.inputs, local.output):
            names.setdefault(label, len(names))
        labels = [tuple(map(names.__getitem__, one)) for one in (*local.inputs, local.output)]
        own = (local.coefficient, *labels)
    distances = [0 if name == wrt_name else k - place[name] for name in part.reads]
    return (own, len(children(local)), tuple(distances))


# ---- what is said
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
            groups.append((_left_out(one), []))
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
    rows: list[tuple[str, str | None]] = []
    for tensor, constant in found.constants[:MOST_SHOWN]:
        rows.append(_equations(constant, tensor.name))
    for one in shown:
        rows.append((_left_out(one), None) if isinstance(one, Left) else _equations(*one[2::-2]))
    lines = beside(rows)
    if found.constants:
        names = [tensor.name for tensor, _ in found.constants]
        said = f"Not varying with {found.wrt_name}: {', '.join(names[:MOST_SHOWN])}"
        if len(names) > MOST_SHOWN:
            said += f" and {len(names) - MOST_SHOWN} more"
        lines += wrapped_words(f"{said}.", WIDTH)
    return lines


def _step(found: Parts, part: Part) -> Group:
    """The rule for one part, its change, and its derivatives by what it reads."""
    rule, law, source = _rule(found, part)
    lines = _said(law, source)
    if isinstance(part.local, Einsum):
        lines += _string(part.local)
    changes = islice(_changes(found, part), MOST_SLOPES)
    rows = [_equations(change, f"d{part.name}") for change in changes]
    for name in part.reads[:MOST_SLOPES]:
        slope = derive(part.local, found.tensors[name])
        rows.append(_equations(_by_its_own_name(slope, part), part.name))
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
    return broken(f"einsum: {number}{compact_subscripts(local)} of {operands}", WIDTH)


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
    relu'(x) = heaviside(x), with relu'(0) = 0
    >>> print(rule_of(FUNCTIONS["inv"]))
    d inv(A) = -inv(A) dA inv(A)
    """
    arguments = {2: "x, y", 3: "c, x, y"}.get(len(row.derivatives), "x")
    said = f"{row.name}'({arguments}) = {row.derived}"
    if "dA" in row.derived:
        said = f"d {row.name}(A) = {row.derived}"
    return f"{said}, with {row.kink}" if row.kink else said


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


def _change(e: Expr) -> Tensor:
    return _standing_for(e, f"d{variable(e)}")


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


def _equations(e: Expr, name: str) -> tuple[str, str | None]:
    try:
        return equations_of(e, name)
    except LimitError as error:
        return f"{name}: {error}", None


def beside(rows: Sequence[tuple[str, str | None]]) -> Lines:
    """Formulas with indices, and beside or below each the one in matrix notation.

    >>> print(*beside([("z[i] = Σ_j A[i,j] x[j]", "z = A x"), ("y[i] = z[i]²", None)]), sep="\\n")
    z[i] = Σ_j A[i,j] x[j]   z = A x
    y[i] = z[i]²
    """
    pairs = [(index, matrix) for index, matrix in rows if matrix not in (None, index)]
    left = max([len(index) for index, _ in pairs], default=0) + BESIDE
    right = max([len(matrix or "") for _, matrix in pairs], default=0)
    fits = left + right <= WIDTH
    lines: Lines = []
    for index, matrix in rows:
        if matrix is None or matrix == index:
            lines += formula_lines(index)
        elif fits:
            lines.append(f"{index:<{left}}{matrix}")
        else:
            lines += [*formula_lines(index), *formula_lines(matrix)]
    return lines


def formula_lines(text: str) -> Lines:
    """The lines of a formula; the first of them, if there are too many."""
    lines = broken(text, WIDTH)
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"… {len(lines) - MOST_LINES} more lines: see ed.formula"]


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
                lines += broken(_recurrence(found, one), WIDTH)
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
        slope = derive(part.local, found.tensors[below])
        slope = simplify(_by_its_own_name(slope, part))
        factors.append(_factor(slope, above_and_below, style, used))
        slopes.append((slope, above_and_below))
    ends = f"∂{style.indexed(path[0], at[path[0]])}/∂{style.indexed(path[-1], at[path[-1]])}"
    front = style.sum(summed, "") if summed else ""
    lines = broken(f"{ends} = {front}{' '.join(symbols)}", WIDTH)
    kept = [text for text in factors if text != style.one]
    if "0" in factors:
        return [*lines, "  = 0"]
    lines += broken(f"  = {front}{' '.join(kept) or style.one}", WIDTH)
    return lines + _fates(slopes, summed)


def _factor(slope: Expr, indices: Sequence[str], style: FormulaStyle, used: frozenset[str]) -> str:
    text = right_side(slope, tuple(indices), style, used)
    is_one_thing = not isinstance(slope, Add) and not any(sign in text for sign in "−Σ/")
    return text if is_one_thing else style.group(text)


def _indices(found: Parts, path: Sequence[str], J: Expr) -> dict[str, tuple[str, ...]]:
    """Indices for each part of a path, its own where those are free."""
    names = axis_names(J)
    count = J.record.count if J.record else 0
    at = {path[0]: names[: J.ndim - count], path[-1]: names[J.ndim - count :]}
    used = {*names, *found.taken}
    for name in path[1:-1]:
        own = axis_names(found.tensors[name])
        indices = []
        for index in own:
            is_free = index not in names and all(index not in one for one in at.values())
            free = index if is_free and index not in indices else fresh_names(1, used)[0]
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
