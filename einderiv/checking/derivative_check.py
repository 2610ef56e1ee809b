"""Is a derivative right? It is compared with differences of the function itself, evaluated by other
code.

The function is evaluated node by node with NumPy's plain loops, without the planner, the emitter or
any rule of derivation. An einsum is linear in each slot, so along a line a polynomial expression is
a polynomial of known degree, and with whole numbers its derivative follows exactly from its values
at 0, 1, …: no step size, no tolerance. Elsewhere a complex step (Squire, Trapp, "Using complex
variables to estimate derivatives of real functions", SIAM Review 1998) or central differences
serve. Large derivatives are compared along random directions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from ..autodiff import derive, stand_in, with_named_part
from ..backends import Array
from ..errors import EinderivError, ShapeError, limits
from ..expression import (
    VALUES,
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Polynomial,
    Sizes,
    Tensor,
    bare,
    bottom_up,
    by_dims,
    check_known,
    declared,
    fix,
    given_by_name,
    in_numbers,
    is_hot,
    leaves,
    natural,
    numbers_of,
    sized_einsum,
    solved,
    spoken,
    tensors_of,
    usable,
    valued,
    walk,
    written_slots,
)
from ..functions import stays_integer, with_structure
from ..printing import MimeBundle, mime_bundle, preformatted
from ..runtime import computed, evaluate
from .reference import plain_value

ENTRIES = 20_000  # of a derivative that is compared entry by entry
DIRECTIONS = 3
# degree of a polynomial that is compared in whole numbers: of higher ones they are thousands of
# digits
HIGHEST = 32
# entries of all tensors: larger ones are drawn as fractions, for Python's integers are slow
WHOLE = 10_000
# of axes whose sizes nothing says; the next ones where a window would be longer than its axis, or
# an axis could not be parted
LENGTHS = ((3, 4, 5), (5, 4, 3), (5, 3, 2), (12, 4, 3), (6, 2, 3), (24, 6, 2))
DRAWS = 8  # of other arrays, where the function has no value at those that were drawn
# Slopes to the left, to the right, and over half the step: where they differ by this share of the
# largest there is a kink or a jump. Rounding makes them differ by about 1e-9, curvature by 1e-6.
KINK = 1e-4
STEP = 1e-20  # of the complex step: no difference is taken, so it may be this small


ORDINALS = {1: "", 2: "second ", 3: "third "}


class Report:
    """What a check found; ``print`` shows it, ``ok`` is the verdict, `error` the largest deviation.

    Without `judged` there is no verdict, and ``ok`` is false: the differences themselves are NaN or
    infinite there, or, with a number of `kinks`, the slopes to the left and right differ.
    """

    def __init__(
        self,
        wrt: str,
        method: str,
        compared: int,
        error: float,
        tolerance: float,
        *,
        judged: bool = True,
        kinks: int = 0,
        order: int = 1,
    ) -> None:
        self.wrt = wrt
        self.method = method
        self.compared = compared
        self.error = error
        self.tolerance = tolerance
        self.judged = judged
        self.kinks = kinks
        self.order = order

    @property
    def ok(self) -> bool:
        """Is the largest deviation within the tolerance?"""
        return self.judged and bool(self.error <= self.tolerance)  # NaN is not

    def __str__(self) -> str:
        derivative = f"the {ORDINALS.get(self.order, f'{self.order}th ')}derivative by {self.wrt}"
        if self.kinks:
            return (
                f"not judged: a kink: {derivative}, of which {self.kinks} of {self.compared} "
                "values have other slopes to the left than to the right here, and follow a "
                "convention; the others agree"
            )
        if not self.judged:
            return (
                f"not judged: {derivative}, for {self.method} are not all finite; "
                "give arrays where the function is defined and smooth"
            )
        verdict = "ok" if self.ok else "WRONG"
        bound = "exactly" if self.tolerance == 0 else f"to {self.tolerance:g} of the largest"
        deviation = "" if self.ok and self.tolerance == 0 else f"; largest deviation {self.error:g}"
        what = f"{derivative}, {self.compared} values by {self.method}"
        return f"{verdict}: {what}, {bound}{deviation}"

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        return mime_bundle(str(self), preformatted([str(self)]))


class Reports:
    """The reports for several tensors; ``ok`` if all are."""

    def __init__(self, reports: list[Report]) -> None:
        self.reports = reports

    @property
    def ok(self) -> bool:
        """Are all of them right?"""
        return all(report.ok for report in self.reports)

    def __str__(self) -> str:
        return "\n".join(map(str, self.reports))

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        return mime_bundle(str(self), preformatted(map(str, self.reports)))


def check(
    y: Expr | str,
    wrt: Any,
    arrays: Mapping[str, Any] | None = None,
    /,
    *,
    order: int = 1,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    **named: Any,
) -> Report | Reports:
    """Compare ``derive(y, wrt)`` with an independent derivative; ``report.ok`` is the verdict.

    Arrays that are not given are drawn at random, again where the function has no finite
    differences. Whole numbers are compared exactly where `y` is a polynomial. With ``order=2`` the
    derivative of the derivative is compared too, with differences of the first, and so on.

    At a kink, where slopes to the left and to the right differ, no derivative is right or wrong:
    values that deviate there are not judged.

    >>> print(check("is,st,tj->ij", 0))
    ok: the derivative by A, 135 values by exact differences of whole numbers, exactly
    >>> from einderiv import relu, sum, tensor
    >>> x = tensor("x", "i")
    >>> print(check(sum(x * x * x), x, order=2, x=[1, 2]))
    ok: the derivative by x, 2 values by exact differences of whole numbers, exactly
    ok: the second derivative by x, 4 values by exact differences of whole numbers, exactly
    >>> check(sum(relu(x)), x, x=[0.0, 1.0]).kinks
    1

    Raises what ``derive`` and ``evaluate`` raise.
    """
    y = sized_einsum(y, sizes) if isinstance(y, str) else y
    known = list(tensors_of(y)) if isinstance(y, Expr) else []
    known += [leaf.name for leaf in leaves(wrt) if isinstance(leaf, Tensor)]
    by_name = {**given_by_name(known, arrays, {}), **named}
    both = by_dims(by_name, lambda: declared([y]))
    given = {name: usable(array, name) for name, array in both.items()}
    seed = natural(seed, "seed")
    order = natural(order, "order")
    if not order:
        raise EinderivError("order is 0, but what is compared is a derivative: 1, 2, …")
    with np.errstate(invalid="ignore", divide="ignore"):  # the report says it
        reports = []
        for leaf in leaves(wrt):
            own, target, arrays_of = _part_as_tensor(y, leaf, given)
            reports += _orders(own, target, order, arrays_of, sizes or {}, seed)
    several = order > 1 or isinstance(wrt, (list, tuple, dict))
    return Reports(reports) if several else reports[0]


def _part_as_tensor(
    y: Expr, leaf: Any, given: dict[str, Array]
) -> tuple[Expr, Any, dict[str, Array]]:
    """Where `leaf` is a part of `y`, that with a tensor in its place, whose numbers are those of
    the part if its arrays are given.
    """
    found = with_named_part(y, leaf)
    if found is None:
        return y, leaf, given
    opened, tensor = found
    inside = tensors_of(leaf)
    if inside.keys() <= given.keys():
        value = evaluate(leaf, {name: given[name] for name in inside})
        given = {**given, tensor.name: value}
    known = tensors_of(opened)
    return opened, tensor.name, {name: array for name, array in given.items() if name in known}


def _orders(
    y: Expr, wrt: Any, order: int, given: dict[str, Array], sizes: Mapping[str, int], seed: int
) -> list[Report]:
    """The derivative of `y`, the derivative of that, and so on: each against differences of the
    one before, which has been judged.
    """
    reports = [_drawn(y, wrt, given, sizes, seed)]
    if order > 1 and isinstance(wrt, int):
        wrt = _named_slot(y, wrt)
    for k in range(2, order + 1):
        y = derive(y, wrt)
        report = _drawn(y, wrt, given, sizes, seed)
        report.order = k
        reports.append(report)
    return reports


def _named_slot(y: Expr, position: int) -> Tensor:
    """The tensor at a position, where it is the only one of its name: a derivative has other
    positions.
    """
    slots = written_slots(y) if isinstance(y, Einsum) else ()
    tensor = slots[position][0]
    occurrences = sum(isinstance(node, Tensor) and node is tensor for node, _ in slots)
    inside = [name for node, _ in slots if node is not tensor for name in tensors_of(node)]
    if not isinstance(tensor, Tensor) or occurrences > 1 or tensor.name in inside:
        raise EinderivError(
            f"an order beyond 1 takes tensors or names: operand {position} is not the one tensor "
            "of its name, and a derivative has other positions"
        )
    return tensor


def _drawn(
    y: Expr, wrt: Any, given: dict[str, Array], sizes: Mapping[str, int], seed: int
) -> Report:
    """One derivative, at other arrays where nothing can be said at the first ones."""
    report = _checked(y, wrt, given, sizes, seed)
    anything_drawn = bool(tensors_of(y).keys() - given.keys())
    draws = DRAWS if anything_drawn else 1
    for draw in range(1, draws):
        if report.judged:
            break
        report = _checked(y, wrt, given, sizes, seed + draw)
    return report


def _checked(
    y: Expr,
    wrt: Any,
    given: dict[str, Array],
    sizes: Mapping[str, int],
    seed: int,
    whole_numbers: bool = True,
) -> Report:
    """One derivative; with numbers drawn as fractions where whole ones are too large or too
    slow.
    """
    J = derive(y, wrt)
    record = J.record
    assert record is not None
    power = 1 if record.position is not None else degree_in(y, record.wrt)
    if power is not None and power > HIGHEST:
        whole_numbers = False
    values, measured = _values(
        y, J, given, sizes, np.random.default_rng(seed), whole_numbers=whole_numbers
    )
    # The function of one array, `tensor`, at `x`: y of a tensor, or of one operand alone.
    if record.position is None:
        base = y
        tensor = tensors_of(J)[record.wrt.removeprefix("conj(").removesuffix(")")]
        x = values[tensor.name]
    else:
        assert isinstance(y, Einsum)
        base, tensor = stand_in(y, record.position)
        x = naive(written_slots(y)[record.position][0], values, measured)
    degree = degree_in(base, tensor.name)
    low_degree = degree is not None and degree <= HIGHEST
    arrays = [*values.values(), *_held(y)]
    exact = low_degree and all(a.dtype.kind in "iu" for a in arrays) and _whole(y)
    widened = _wide if exact else _double
    wide = _changed(values, widened, J)

    def function(point: Array) -> Array:
        # Arithmetic on an array of no axes gives a number.
        point = np.asarray(point, object if exact else None)
        return naive(base, {**wide, tensor.name: point}, measured)

    if tensor.complex and not exact:
        slope, method = _wirtinger(function, widened(x), conjugate=record.wrt != tensor.name)
    else:
        slope, method = _slopes(function, widened(x), degree if exact else None, _analytic(base))
    rng = np.random.default_rng(seed + 1)
    try:
        spread = None if exact else _spread(function, widened(x), both_parts=tensor.complex)
        return _compared(J, record.wrt, values, slope, method, rng, spread)
    except EinderivError:  # whole numbers that were drawn may be too large: fractions are not
        if not whole_numbers or all(name in given for name in values):
            raise
        return _checked(y, wrt, given, sizes, seed, whole_numbers=False)


def _compared(
    J: Expr,
    wrt: str,
    values: dict[str, Array],
    slope: Callable[[Array], Array],
    method: str,
    rng: np.random.Generator,
    spread: Callable[[Array], Array] | None,
) -> Report:
    """Entry by entry, or along directions where the derivative is large. `spread` says how much
    slopes beside the point differ; there is none where whole numbers are compared.
    """
    record = J.record
    assert record is not None
    exact = spread is None
    if not exact:
        values = _changed(values, _double, J)
    derivative = evaluate(J, values, dense=False)
    shape = derivative.shape[derivative.split :]
    if prod(derivative.shape) <= ENTRIES:
        ours = derivative.dense()
        # J[…, at] is the slope along the unit vector of `at`.
        vectors = [_unit(shape, at) for at in np.ndindex(*shape)]
        columns = [slope(v) for v in vectors]
        theirs = np.stack(columns, axis=-1).reshape(ours.shape) if columns else ours
    else:
        method += f", along {DIRECTIONS} directions"
        directions = [rng.integers(-2, 3, size=shape) for _ in range(DIRECTIONS)]
        vectors = directions if exact else [v.astype(float) for v in directions]
        ours = np.stack([derivative.matvec(v) for v in vectors])
        theirs = np.stack([slope(v) for v in directions])
    judged = exact or bool(np.isfinite(theirs).all())
    error = _deviation(ours, theirs, exact)
    rounding = 1e-5 if "central" in method else 1e-8
    tolerance = 0 if exact else rounding
    kinks = 0
    if spread is not None and judged and not error <= tolerance:
        axis = -1 if prod(derivative.shape) <= ENTRIES else 0
        differs = np.stack([spread(v) for v in vectors], axis=axis).reshape(ours.shape)
        bent = ~(differs <= KINK * max(1.0, float(np.abs(theirs).max())))
        if _deviation(ours[~bent], theirs[~bent], exact=False) <= tolerance:
            kinks = int(bent.sum())
    return Report(
        wrt, method, ours.size, error, tolerance, judged=judged and not kinks, kinks=kinks
    )


def _deviation(ours: Array, theirs: Array, exact: bool) -> float:
    """The largest difference: of whole numbers as it is, else by the largest number."""
    if not ours.size:
        return 0.0
    if exact:
        pairs = zip(ours.ravel(), theirs.ravel(), strict=True)
        return float(max(abs(int(a) - int(b)) for a, b in pairs))
    difference = np.abs(ours - np.asarray(theirs, ours.dtype)).max()
    return float(difference / max(1.0, float(np.abs(theirs).max())))


def _unit(shape: tuple[int, ...], at: tuple[int, ...]) -> Array:
    unit = np.zeros(shape, np.int64)
    unit[at] = 1
    return unit


def _changed(
    values: Mapping[str, Array], widened: Callable[[Array], Array], e: Expr
) -> dict[str, Array]:
    """Arrays in another dtype; index arrays stay what they are."""
    index = {name for name, tensor in tensors_of(e).items() if tensor.structure == "index"}
    return {name: a if name in index else widened(a) for name, a in values.items()}


def _wide(a: Array) -> Array:
    """Python integers for whole numbers, so that nothing can overflow; double precision for the
    rest.
    """
    return a.astype(object) if a.dtype.kind in "iu" else _double(a)


def _double(a: Array) -> Array:
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def _slopes(
    f: Callable[[Array], Array], x: Array, degree: int | None, analytic: bool
) -> tuple[Callable[[Array], Array], str]:
    """The derivative of `f` at `x` along a direction, and the name of the method."""
    if degree is not None:
        weights = _weights(degree)

        def exact(v: Array) -> Array:
            # p'(0) = Σ w_t p(t) with p(t) = f(x + t v)
            v = v.astype(object)
            total = 0 * f(x)
            for t, weight in enumerate(weights):
                if weight:
                    total = total + weight * f(x + t * v)
            return np.asarray(total)

        return exact, "exact differences of whole numbers"
    largest = float(np.abs(x).max(initial=0))
    # A value that is not real, the logarithm of a negative number, has no slope that its imaginary
    # part could show.
    if analytic and x.dtype.kind == "f" and not np.imag(f(x + 0j)).any():
        step = STEP * max(largest or 1.0, 1e-250)
        # f(x + i h v) = f(x) + i h f'(x) v + O(h²)
        return (lambda v: np.imag(f(x + 1j * step * v)) / step), "a complex step"
    h = 1e-6 * max(1.0, largest)

    def central(v: Array) -> Array:
        return (f(x + h * v) - f(x - h * v)) / (2 * h)

    return central, "central differences"


def _spread(f: Callable[[Array], Array], x: Array, *, both_parts: bool) -> Callable[[Array], Array]:
    """How much the slopes of `f` at `x` differ between the left, the right, and half the step."""
    h = 1e-6 * max(1.0, float(np.abs(x).max(initial=0)))
    here = f(x)

    def along(v: Array) -> Array:
        slopes = [(f(x + t * v) - here) / t for t in (h, h / 2, -h, -h / 2)]
        return np.asarray(np.max([np.abs(slope - slopes[0]) for slope in slopes], axis=0))

    if not both_parts:
        return along
    return lambda v: np.maximum(along(v), along(1j * v))


def _wirtinger(
    f: Callable[[Array], Array], x: Array, *, conjugate: bool
) -> tuple[Callable[[Array], Array], str]:
    """``∂f/∂z = (∂f/∂x − i ∂f/∂y) / 2`` with ``z = x + i y``, and with ``+ i`` by the conjugate."""
    along, _ = _slopes(f, x, None, analytic=False)
    sign = 1j if conjugate else -1j
    return (lambda v: (along(v) + sign * along(1j * v)) / 2), "central differences"


def _weights(degree: int) -> list[Fraction]:
    """Weights w with p'(0) = Σ w_t p(t), t = 0 … degree, exact for polynomials of that degree
    (Lagrange).
    """
    nodes = range(1, degree + 1)
    # w_0 = - Σ 1/m
    weights = [-sum((Fraction(1, m) for m in nodes), start=Fraction(0))]
    for t in nodes:
        # w_t = 1/t · Π (0 - m) / (t - m), over the other nodes m
        others = [m for m in nodes if m != t]
        basis = Fraction(prod(-m for m in others), prod(t - m for m in others))
        weights.append(basis / t)
    return weights


def degree_in(y: Expr, name: str) -> int | None:
    """The degree of `y` as a polynomial in the entries of a tensor, or None if it is none."""

    def degree(node: Expr, parts: tuple[int | None, ...]) -> int | None:
        match node:
            case Tensor():  # x has degree 1, all else 0
                return int(node.name == name)
            case Constant():
                return 0
            case Einsum():  # degree(x · x²) = 1 + 2
                return _combined(parts, sum)
            case Add():  # degree(x + x²) = max(1, 2)
                return _combined(parts, max)
            case Apply():
                return _applied_degree(node, parts)
        raise TypeError(type(node).__name__)

    return bottom_up([y], degree)[0]


def _combined(degrees: Sequence[int | None], combine: Callable[[list[int]], int]) -> int | None:
    """The degree of a sum or a product, if all its parts are polynomials."""
    known = [degree for degree in degrees if degree is not None]
    if len(known) < len(degrees):
        return None
    return combine(known or [0])


def _applied_degree(node: Apply, degrees: tuple[int | None, ...]) -> int | None:
    """The degree of a function: of constants it is one, of a polynomial if it is a power."""
    if all(degree == 0 for degree in degrees):
        return 0
    power = node.function.degree(node.parameters)
    inner = degrees[0]
    # degree((x³)²) = 2 · 3
    return None if power is None or inner is None else power * inner


def _analytic(y: Expr) -> bool:
    """May a complex step be taken: is the function real on real arrays, and holomorphic?"""
    if y.complex:
        return False
    functions = [node.function for node in walk([y]) if isinstance(node, Apply)]
    return all(function.analytic or function.selects for function in functions)


def _whole(y: Expr) -> bool:
    """Do whole numbers stay whole: no fraction in front, no function that leaves them?"""
    for node in walk([y]):
        if isinstance(node, Einsum) and not isinstance(node.coefficient, int):
            return False
        if isinstance(node, Apply) and not stays_integer(node):
            return False
    return True


def _held(y: Expr) -> list[Array]:
    return [np.asarray(node.value) for node in walk([y]) if isinstance(node, Constant)]


def random_arrays(
    y: Expr,
    J: Expr,
    sizes: Mapping[str, int],
    lengths: Sequence[tuple[int, ...]] = LENGTHS,
    seed: int = 0,
) -> dict[str, Array]:
    """An array for each tensor of an expression `y` and of its derivative `J`: fractions from 0.3
    to 1.3, with the structure that is declared, index arrays that point into their axes.
    """
    rng = np.random.default_rng(seed)
    values, _ = _values(y, J, {}, sizes, rng, whole_numbers=False, lengths=lengths)
    return values


def _values(
    y: Expr,
    J: Expr,
    given: dict[str, Array],
    sizes: Mapping[str, int],
    rng: np.random.Generator,
    *,
    whole_numbers: bool,
    lengths: Sequence[tuple[int, ...]] = LENGTHS,
) -> tuple[dict[str, Array], Sizes]:
    """All arrays, those that are not given drawn at random, and the sizes; `lengths` are those of
    axes whose sizes nothing says.
    """
    known = tensors_of(J)
    check_known(given, known)
    measured = _measured(y, J, given, sizes, lengths)
    shapes = {}
    for name, tensor in known.items():
        shapes[name] = [measured.known_measure(size) or 0 for size in tensor.axis_sizes]
    entries = sum(map(prod, shapes.values()))
    limits.check("dense_bytes", 8 * entries, "give smaller sizes")
    given_whole = all(array.dtype.kind in "iu" for array in given.values())
    # A drawn orthogonal matrix holds fractions.
    fractions = any(tensor.structure == "orthogonal" for tensor in known.values())
    may_be_whole = whole_numbers and given_whole and not fractions
    exact = may_be_whole and entries <= WHOLE and _whole(y)
    values = dict(given)
    for name, tensor in known.items():
        if name in values:
            continue
        shape = shapes[name]
        if tensor.structure == "index":
            count = max(_places(J, name, measured), 1)
            values[name] = rng.integers(0, count, shape)
            values[name].flat[-1:] = count - 1  # the largest says how many values there are
            continue
        drawn = np.asarray(rng.integers(-4, 5, shape) if exact else rng.uniform(0.3, 1.3, shape))
        if tensor.complex and not exact:
            drawn = drawn + 1j * rng.uniform(0.3, 1.3, shape)
        values[name] = with_structure(drawn, tensor.structure)
    return values, measured


def _measured(
    y: Expr,
    J: Expr,
    given: Mapping[str, Array],
    sizes: Mapping[str, int],
    choices: Sequence[tuple[int, ...]],
) -> Sizes:
    """All sizes: those that nothing says are the first of the `choices` with which all axes have
    a size.
    """
    fixed = {}
    for label, length in sizes.items():
        fixed[str(label)] = natural(length, f"the size of {label!r}")
    for name in valued([J]):
        if name in given:
            fixed[VALUES + name] = 1 + int(given[name].max(initial=0))
    for lengths in choices:
        measured = solved([J], {name: a.shape for name, a in given.items()})
        fix(measured, [y], fixed)
        try:
            return _chosen(y, J, measured, lengths, fixed)
        except ShapeError:  # a window longer than its axis, or an axis that cannot be parted
            if lengths is choices[-1]:
                raise
    raise AssertionError("the last lengths return or raise")


def _chosen(
    y: Expr, J: Expr, measured: Sizes, lengths: Sequence[int], fixed: Mapping[str, int]
) -> Sizes:
    """All sizes, where those that nothing says are `lengths`, one after the other and from the
    start again.

    Raises ShapeError where an axis has none then.
    """
    tensors = tensors_of(J)
    for node in walk([J]):  # held index arrays point into axes that are long enough
        if is_hot(node) and isinstance(node.arguments[0], Constant):
            size, held = node.axis_sizes[-1], node.arguments[0].value
            if measured.known_measure(size) is None and held.size:
                measured.fix(size, max(int(held.max()) + 1, lengths[0]), "check")
    unknown = [size for tensor in tensors.values() for size in tensor.axis_sizes]
    unknown += [(name, -1) for name in valued([J])]
    chosen = 0
    for size in unknown:
        if measured.known_measure(size) is None:
            measured.fix(size, lengths[chosen % len(lengths)], "check")
            chosen += 1
    shapes: dict[str, tuple[int, ...]] = {}
    for name, tensor in tensors.items():
        shapes[name] = tuple([measured.known_measure(size) or 0 for size in tensor.axis_sizes])
    fixed = dict(fixed)
    for name in valued([J]):
        fixed[VALUES + name] = measured.known_measure((name, -1)) or 0
    found = solved([J], shapes)
    fix(found, [y], fixed)
    for node in walk([J]):
        for size in node.axis_sizes:
            if isinstance(size, Polynomial) and found.known_measure(size) == 0:
                raise ShapeError(f"{spoken(size)} has no entries: there is nothing to compare")
    return found


def _places(e: Expr, name: str, sizes: Sizes) -> int:
    """How many places an index array points into: what it holds is less."""
    least: list[int] = []
    for node in walk([e]):
        if is_hot(node):
            array = node.arguments[0]
            if isinstance(array, Tensor) and array.name == name:
                least.append(sizes.known_measure(node.axis_sizes[-1]) or 0)
    return min(least, default=0)


def naive(e: Expr, arrays: Mapping[str, Array], sizes: Sizes) -> Array:
    """The value of `e` by NumPy's plain loops, node by node."""

    def value(node: Expr, parts: tuple[Array, ...]) -> Array:
        match node:
            case Tensor():
                return arrays[node.name]
            case Constant():
                return np.asarray(node.value)
            case Add():
                return np.asarray(sum(parts[1:]) + parts[0])
            case Apply() if node.function.selects:
                return parts[0]  # the index array itself
            case Apply():
                formed = [_formed(a, part, sizes) for a, part in zip(node.arguments, parts)]
                return _applied(node, formed, sizes)
            case Einsum():
                return _looped(node, list(parts), sizes)
        raise TypeError(type(node).__name__)

    return bottom_up([e], value)[0]


def _formed(e: Expr, value: Array, sizes: Sizes) -> Array:
    """An index array with zeros and ones, as a function takes it; anything else as it is."""
    if not is_hot(e):
        return value
    count = sizes.known_measure(e.axis_sizes[-1]) or 0
    return np.asarray(value[..., None] == np.arange(count)).astype(int)


def _applied(node: Apply, arguments: list[Array], sizes: Sizes) -> Array:
    """A function by its plain formula; one that a user has added by its own spelling, which is
    its definition.
    """
    if node.function.plain is not None:
        result = tuple(sizes.known_measure(s) or 0 for s in node.axis_sizes)
        return plain_value(node, arguments).reshape(result)
    values = {f"x{k}": array for k, array in enumerate(arguments)}
    tensors = tuple([Tensor(name, (None,) * array.ndim) for name, array in values.items()])
    return computed(Apply(node.function, tensors, node.core, node.parameters), values)


def _looped(node: Einsum, factors: list[Array], sizes: Sizes) -> Array:
    """One einsum: the core by ``np.einsum`` without a path, then every entry put in its place."""
    if node.parts is not None:
        return _selected(node, factors, sizes)
    size_of = {label: sizes.known_measure(size) or 0 for label, size in node.given}
    for factor, labels in zip(factors, node.inputs, strict=True):
        size_of.update(zip(labels, factor.shape, strict=True))
    number_of = {label: k for k, label in enumerate(size_of)}  # np.einsum takes numbers as labels
    inputs = []
    for labels in node.inputs:
        inputs.append([number_of[label] for label in labels])
    carried = set().union(*node.inputs)
    distinct = list(dict.fromkeys(node.output))
    core = [number_of[label] for label in distinct if label in carried]
    value = _product(factors, inputs, core) if factors else np.asarray(1)
    # A label that no factor and no axis has sums the same value n times.
    value = value * node.coefficient * prod(size_of[label] for label in bare(node))
    # Constant along the axes that no factor has.
    shaped = value.reshape([size_of[x] if x in carried else 1 for x in distinct])
    spread = np.broadcast_to(shaped, [size_of[x] for x in distinct])
    # On the diagonals of labels that occur twice; zero beside them.
    out = np.zeros([size_of[x] for x in node.output], spread.dtype)
    index_of = dict(zip(distinct, np.indices(spread.shape), strict=True))
    out[tuple([index_of[x] for x in node.output])] = spread
    return out


def _selected(node: Einsum, factors: list[Array], sizes: Sizes) -> Array:
    """An einsum with relations or index arrays: of all points of the box those at which all of
    them hold, and the products of what the factors hold there.
    """
    size_of = {label: sizes.known_measure(size) or 0 for label, size in node.given}
    for factor, labels in node.slots:
        measures = [sizes.known_measure(size) or 0 for size in factor.axis_sizes]
        size_of.update(zip(labels, measures, strict=True))
    relations = list(in_numbers(node.relations, sizes.known_measure))
    arrays: list[tuple[Array, tuple[int, ...]]] = []
    for (factor, labels), array in zip(node.slots, factors, strict=True):
        if is_hot(factor):
            arrays.append((np.asarray(array), labels))
    points: dict[int, Array] = {}  # of each label its values, one for each point
    count = 1
    for label, size in size_of.items():
        limits.check("dense_bytes", 8 * count * size * len(size_of), "give smaller sizes")
        points = {x: np.repeat(values, size) for x, values in points.items()}
        points[label] = np.tile(np.arange(size), count)
        holds = np.ones(count * size, bool)
        for one in relations:
            constant, terms = numbers_of(one)
            if any(x == label for x, _ in terms) and all(x in points for x, _ in terms):
                holds &= sum([k * points[x] for x, k in terms], start=constant) == 0
        for array, (*places, value) in arrays:
            if label in (*places, value) and all(x in points for x in (*places, value)):
                holds &= array[tuple([points[x] for x in places])] == points[value]
        points = {x: values[holds] for x, values in points.items()}
        count = int(holds.sum())
    constants = [one for one in relations if not one.terms]
    number = node.coefficient if not any(one.constant for one in constants) else 0
    values = np.full(count, number)
    for (factor, labels), array in zip(node.slots, factors, strict=True):
        if not is_hot(factor):
            values = values * array[tuple([points[x] for x in labels])]
    place = np.zeros(count, int)  # in the flattened result
    for label in node.output:
        place = place * size_of[label] + points[label]
    shape = [size_of[label] for label in node.output]
    flat = np.zeros(prod(shape), values.dtype)
    np.add.at(flat, place, values)
    return flat.reshape(shape)


def _product(factors: list[Array], inputs: list[list[int]], output: list[int]) -> Array:
    """Factor by factor from the left; a label goes as soon as no later factor has it."""
    value = np.asarray(factors[0])
    labels = inputs[0]
    for k in range(1, len(factors)):
        later = set(output).union(*inputs[k + 1 :])
        kept = [label for label in dict.fromkeys(labels + inputs[k]) if label in later]
        # Objects know no fast product; for floats two operands are one.
        fast = value.dtype != object
        value = np.asarray(np.einsum(value, labels, factors[k], inputs[k], kept, optimize=fast))
        labels = kept
    return np.asarray(np.einsum(value, labels, output))
