"""Sizes as polynomials: sums, products and quotients of sizes in normal form, and what is certain
of them.

An axis of a window has the size ``n - w + 1``, two axes merged into one have ``n m``, every second
entry of an axis is ``(n + 1) // 2``. Sizes that are equal as polynomials are one value:

>>> n, w = ("x", 0), ("w", 0)
>>> windows = plus(n, negated(w), 1)
>>> plus(windows, w, -1) == n
True
>>> times(plus(n, 1), minus(n, 1)) == minus(times(n, n), 1)
True
>>> floor_quotient(plus(times(4, n), 6), 4) == plus(n, 1)
True

A floor is an atom like a name. What is known of it are two facts, ``0 <= p - q f <= q - 1``. The
least of several sizes is an atom too; the largest is ``a + b - min(a, b)``. A proof about a least
size is one about each of those that it may be:

>>> rows = least(n, minus(w, 1))
>>> is_nonnegative(minus(n, rows)), is_nonnegative(minus(rows, w))
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from math import comb, gcd, prod
from typing import NamedTuple
from weakref import WeakValueDictionary

from ..errors import LimitError, ShapeError
from .labels import Atom, Composite, Floor, Least, Monomial, Polynomial, Size, Variable

Terms = dict[Monomial, int]

MOST_TERMS = 2_000  # products that a size is the sum of
MOST_PRODUCTS = 100_000  # of two terms, in one product of sizes
MOST_BITS = 4_096  # of a coefficient, and of what a size measures: enough for any algebra
MOST_STEPS = 300  # of a division by a sum
# of a proof; beyond them the answer is "not proved"
MOST_EXPANDED = 2_000  # terms of one product in which every size is 1 and a rest
MOST_TRIED = 200  # differences with facts
MOST_FACTS = 5  # that are taken away one after the other
MOST_FLOORS = 8  # about which facts are known
MOST_LEAST = 4  # of least sizes: each is any of its parts

_POLYNOMIALS: WeakValueDictionary[tuple[tuple[Monomial, int], ...], Polynomial]
_POLYNOMIALS = WeakValueDictionary()
_FLOORS: WeakValueDictionary[tuple[Size, Size], Floor] = WeakValueDictionary()
_LEAST: WeakValueDictionary[tuple[Size, ...], Least] = WeakValueDictionary()


def plus(*sizes: Size) -> Size:
    """The sum of `sizes`.

    >>> plus("n", 2, "m", -2) == plus("m", "n"), plus("n", 0), plus()
    (True, 'n', 0)

    Raises LimitError for a sum of more than 2,000 products.
    """
    total: Terms = {}
    for size in sizes:
        for monomial, coefficient in _terms(size):
            total[monomial] = total.get(monomial, 0) + coefficient
    return _size(total)


def negated(size: Size) -> Size:
    """``-size``.

    >>> plus("n", negated("n"))
    0
    """
    if isinstance(size, int):
        return -size
    terms = tuple([(monomial, -coefficient) for monomial, coefficient in _terms(size)])
    if len(terms) == 1:
        return _size(dict(terms))
    return _interned(terms)  # in the same order


def minus(a: Size, b: Size) -> Size:
    """``a - b``.

    >>> minus(plus("n", 1), "n")
    1
    """
    return plus(a, negated(b))


def times(*sizes: Size) -> Size:
    """The product of `sizes`.

    >>> times("n", 2, "m") == times(2, times("m", "n")), times("n", 0), times()
    (True, 0, 1)

    Raises LimitError for a sum of more than 2,000 products, and for a coefficient of more than
    4,096 bits.
    """
    number = 1
    exponents: dict[Atom, int] = {}
    sums: list[Polynomial] = []
    for size in sizes:
        if isinstance(size, int):
            number = _small(number * size)
        elif not isinstance(size, Polynomial):
            exponents[size] = exponents.get(size, 0) + 1
        elif len(size.terms) > 1:
            sums.append(size)
        else:
            ((monomial, coefficient),) = size.terms
            number = _small(number * coefficient)
            for atom, exponent in monomial:
                exponents[atom] = exponents.get(atom, 0) + exponent
    product = {_monomial(exponents): number}
    for factor in sums:
        product = _multiplied(product, dict(factor.terms))
    return _size(product)


def power(size: Size, exponent: int) -> Size:
    """``size ** exponent``; the exponent may be as long as it likes.

    >>> power("n", 2) == times("n", "n"), power(2, 3), power("n", 0)
    (True, 8, 1)

    Raises what :func:`times` raises.
    """
    return _size(_power(size, exponent)) if exponent else 1


def exact_quotient(dividend: Size, divisor: Size) -> Size | None:
    """``dividend / divisor`` where that is a polynomial with whole coefficients, else None.

    >>> exact_quotient(times("n", "m"), "m"), exact_quotient("n", 2), exact_quotient(6, 3)
    ('n', None, 2)
    >>> exact_quotient(minus(times("n", "n"), 1), minus("n", 1)) == plus("n", 1)
    True

    It is None too where a division by a sum is very long.
    """
    if divisor == 1 or dividend == 0:
        return None if divisor == 0 else dividend
    if isinstance(divisor, int) and isinstance(dividend, int):
        return dividend // divisor if divisor and dividend % divisor == 0 else None
    by = _terms(divisor)
    if not by:
        return None
    if len(by) == 1:
        quotient, rest = _divided(_terms(dividend), *by[0])
        return None if rest else _size(quotient)
    return _divided_by_sum(dict(_terms(dividend)), by)


def floor_quotient(dividend: Size, divisor: Size) -> Size:
    """``dividend // divisor``: a number or a polynomial where one is found, else with a
    :class:`Floor` in it.

    >>> floor_quotient(7, 2), floor_quotient(times(2, "n"), 2), floor_quotient(times("n", "m"), "m")
    (3, 'n', 'n')
    >>> every_second = floor_quotient(plus("n", 1), 2)
    >>> every_second == plus(floor_quotient(minus("n", 1), 2), 1)
    True
    >>> floor_quotient(plus(every_second, 1), 2) == floor_quotient(plus("n", 3), 4)
    True

    Raises ShapeError for a divisor that is a number below 1. One that comes out below 1 later is an
    error then.
    """
    _check_divisor(divisor)
    exact = exact_quotient(dividend, divisor)
    if exact is not None:
        return exact
    dividend, divisor = _shortened(dividend, divisor)
    whole, rest = _whole_part(dividend, divisor)
    if isinstance(rest, int) and isinstance(divisor, int):
        return plus(whole, rest // divisor)
    if rest == 0:
        return whole
    inner = _inner_floor(rest) if isinstance(divisor, int) else None
    if inner is None:
        return plus(whole, _lone(_floor(rest, divisor)))
    # ((p // a) + r) // q = (p + a r) // (a q), for numbers a and q
    others = minus(rest, _lone(inner))
    joined = plus(inner.dividend, times(inner.divisor, others))
    return plus(whole, floor_quotient(joined, times(inner.divisor, divisor)))


def least(*sizes: Size) -> Size:
    """``min(*sizes)``: one of them where it is certain, for names and axes that measure 0 or more,
    that it is the least.

    >>> least(3, 5), least("n", plus("n", "m")), least("n", 0)
    (3, 'n', 0)
    >>> least(plus("n", 2), plus("m", 3)) == plus(least("n", plus("m", 1)), 2)
    True
    >>> least("n", least("m", "n")) == least("m", "n")
    True

    Raises TypeError without sizes.
    """
    if not sizes:
        raise TypeError("the least of no sizes")
    flat: dict[Size, None] = {}
    for size in sizes:
        inner = _lone_least(size)
        flat.update(dict.fromkeys((size,) if inner is None else inner.parts))
    kept: list[Size] = []
    for size in flat:
        if any([_never_below(size, other) for other in kept]):
            continue
        kept = [other for other in kept if not _never_below(other, size)]
        kept.append(size)
    if len(kept) == 1:
        return kept[0]
    shared, rests = _without_shared_terms(kept)
    numbers = [number for rest in rests for _, number in _terms(rest)]
    common = gcd(*numbers)
    if common > 1:
        rests = [_quotient(rest, common) for rest in rests]
    rests.sort(key=_order_of_size)
    return plus(shared, times(common, _lone(_least(tuple(rests)))))


def largest(a: Size, b: Size) -> Size:
    """``max(a, b)``.

    >>> largest("n", plus("n", 1)) == plus("n", 1), largest(2, 3)
    (True, 3)
    """
    return minus(plus(a, b), least(a, b))


def atoms(size: Size) -> tuple[Atom, ...]:
    """The names, axes, floors and least sizes that a polynomial is in, each once; what is inside of
    those is not among them.

    >>> atoms(plus(times("n", ("x", 0)), "n", 1)), atoms("n"), atoms(3)
    (('n', ('x', 0)), ('n',), ())
    """
    if isinstance(size, int):
        return ()
    if not isinstance(size, Polynomial):
        return (size,)
    found: dict[Atom, None] = {}
    for monomial, _ in size.terms:
        found.update(dict.fromkeys([atom for atom, _ in monomial]))
    return tuple(found)


def variables(size: Size) -> tuple[Variable, ...]:
    """The names and axes in a size, also those inside of floors, each once.

    >>> variables(plus(floor_quotient("n", 2), ("x", 0)))
    ('n', ('x', 0))
    """
    if isinstance(size, int):
        return ()
    if not isinstance(size, Polynomial):
        return (size,)
    found: dict[Variable, None] = {}
    parts = [part for one in composites(size) for part in one.parts]
    for part in (*parts, size):
        for atom in atoms(part):
            if not isinstance(atom, Composite):
                found[atom] = None
    return tuple(found)


def composites(*sizes: Size) -> tuple[Composite, ...]:
    """All floors and least sizes in `sizes`, at every depth and each once: those inside of others
    before them.
    """
    found: dict[Composite, None] = {}
    stack: list[tuple[Composite, bool]] = []
    for size in reversed(sizes):
        stack += [(one, False) for one in reversed(_own_composites(size))]
    while stack:
        one, ready = stack.pop()
        if ready:
            found[one] = None
        elif one not in found:
            stack.append((one, True))
            for part in reversed(one.parts):
                stack += [(inner, False) for inner in reversed(_own_composites(part))]
    return tuple(found)


def remade(one: Composite, parts: Sequence[Size]) -> Size:
    """The same of other sizes: their quotient, or the least of them.

    >>> (half,) = atoms(floor_quotient("n", 2))
    >>> remade(half, [7, 2])
    3
    """
    if isinstance(one, Least):
        return least(*parts)
    dividend, divisor = parts
    return floor_quotient(dividend, divisor)


def inside(size: Size) -> tuple[Polynomial, ...]:
    """The polynomials in a size: in its floors and least sizes, and last itself."""
    parts = [part for one in composites(size) for part in one.parts]
    return tuple([part for part in (*parts, size) if isinstance(part, Polynomial)])


def factors(size: Size) -> list[Size]:
    """The numbers, names and axes that a size is the product of, one as often as it occurs, but ten
    times at most; none of a sum, and where there is a floor or a least size.

    >>> factors(times("n", 2, "m", "n")), factors("n"), factors(plus("n", 1))
    ([2, 'm', 'n', 'n'], ['n'], [])
    """
    terms = _terms(size)
    if len(terms) != 1 or composites(size):
        return []
    ((monomial, number),) = terms
    found: list[Size] = [] if number == 1 and monomial else [number]
    for own, exponent in monomial:
        if not isinstance(own, Composite):
            found += [own] * min(exponent, 10)
    return found


def products(size: Size) -> list[tuple[int, list[Size]]]:
    """The products that a size is the sum of: the number in front, and the sizes, one as often as
    it occurs.

    >>> products(minus(times("n", "n"), 1))
    [(1, ['n', 'n']), (-1, [])]
    """
    found: list[tuple[int, list[Size]]] = []
    for monomial, number in _terms(size):
        sizes: list[Size] = []
        for atom, exponent in monomial:
            sizes += [_size({((atom, 1),): 1})] * exponent
        found.append((number, sizes))
    return found


def linear_terms(size: Size) -> dict[Variable, int]:
    """The names and axes that are in a term of their own and nowhere else, not in a floor either,
    with their coefficients: an equation can be solved for each of them.

    >>> linear_terms(plus(times(2, "n"), negated("m"), "k", times("k", "l"), 1))
    {'m': -1, 'n': 2}
    """
    terms = _terms(size)
    nested = [own for one in composites(size) for own in variables(_lone(one))]
    count: dict[Atom, int] = dict.fromkeys(nested, 2)
    for monomial, _ in terms:
        for atom, exponent in monomial:
            count[atom] = count.get(atom, 0) + (1 if len(monomial) == exponent == 1 else 2)
    found: dict[Variable, int] = {}
    for monomial, number in terms:
        for atom, _ in monomial:
            if count[atom] == 1 and not isinstance(atom, Composite):
                found[atom] = number
    return found


def parted(size: Size) -> tuple[int, Size, int]:
    """``size = factor · rest + constant``, where the coefficients of the rest have nothing in
    common and the first of them is positive.

    >>> factor, rest, constant = parted(plus(times(-2, "n"), times(4, "m"), 3))
    >>> factor, rest == minus(times(2, "m"), "n"), constant
    (2, True, 3)
    >>> parted(5), parted(times(-3, "n"))
    ((1, 0, 5), (-3, 'n', 0))
    """
    terms = [(monomial, number) for monomial, number in _terms(size) if monomial]
    constant = sum([number for monomial, number in _terms(size) if not monomial])
    if not terms:
        return 1, 0, constant
    factor = gcd(*[number for _, number in terms])
    if terms[0][1] < 0:
        factor = -factor
    rest = _size({monomial: number // factor for monomial, number in terms})
    return factor, rest, constant


def replaced(size: Size, swap: Callable[[Variable], Size]) -> Size:
    """`size` with other sizes in the place of its names and axes, inside of floors too.

    >>> replaced(plus(times("n", "n"), "m"), {"n": 3, "m": "k"}.get) == plus(9, "k")
    True

    Raises what :func:`times` and :func:`floor_quotient` raise.
    """
    if isinstance(size, int):
        return size
    if not isinstance(size, Polynomial):
        return swap(size)
    found: dict[Atom, Size] = {}
    for one in composites(size):
        found[one] = remade(one, [_with_atoms(part, found, swap) for part in one.parts])
    return _with_atoms(size, found, swap)


def measured(size: Size, measure: Callable[[Variable], int | None]) -> int | None:
    """What a size measures, of what its names and axes do; None where one of them is None.

    >>> measured(plus(floor_quotient("n", 2), 1), {"n": 7}.get), measured("m", {"n": 7}.get)
    (4, None)

    It may be below 0. Raises LimitError for a number of more than 4,096 bits, and ShapeError where
    a divisor is below 1.
    """
    if isinstance(size, int):
        return size
    if not isinstance(size, Polynomial):
        return measure(size)
    found: dict[Atom, int | None] = {}
    for one in composites(size):
        numbers = [_sum_of_measures(part, found, measure) for part in one.parts]
        found[one] = _measured_composite(one, numbers)
    return _sum_of_measures(size, found, measure)


def with_measures(size: Size, measure: Callable[[Variable], int | None]) -> Size:
    """`size` with the numbers that names and axes measure, where `measure` knows them.

    >>> with_measures(times("n", "m"), {"n": 3}.get) == times(3, "m")
    True
    """

    def number(variable: Variable) -> Size:
        known = measure(variable)
        return variable if known is None else known

    return size if isinstance(size, int) else replaced(size, number)


def is_nonnegative(size: Size, facts: Sequence[Size] = ()) -> bool:
    """Is ``size >= 0`` for certain, if every name and axis measures 1 or more, and each of `facts`
    0 or more? A yes is sure; it may miss.

    >>> is_nonnegative(minus(times("n", "m"), "n")), is_nonnegative(minus("n", "m"))
    (True, False)
    >>> is_nonnegative(minus("n", 1), [minus("n", "m")])
    True
    >>> inside = minus("n", times(2, floor_quotient("n", 2)))
    >>> is_nonnegative(inside), is_nonnegative(minus(1, inside)), is_nonnegative(minus(0, inside))
    (True, True, False)

    With ``n = 1 + n'`` for each size, a polynomial without a negative coefficient is enough, also
    after multiples of facts have been taken away.
    """
    if isinstance(size, int):
        return size >= 0
    if not isinstance(size, Polynomial):
        return True
    if not composites(size):
        growing = [coefficient > 0 for monomial, coefficient in size.terms if monomial]
        least = sum([coefficient for _, coefficient in size.terms])  # where all sizes are 1
        if all(growing) and least >= 0:
            return True
        if not facts and all(growing):
            return False
        if not facts and not any(growing):  # below any number for large sizes
            return False
    return _holds(size, tuple(facts), MOST_LEAST)


def sign(size: Size, facts: Sequence[Size] = ()) -> int | None:
    """1, -1 or 0 where `size` is above, below or equal to 0 for certain, if every name and axis
    measures 1 or more, and each of `facts` 0 or more; else None.

    >>> sign("n"), sign(negated("n")), sign(0), sign(minus("n", 1))
    (1, -1, 0, None)
    """
    if isinstance(size, int):
        return (size > 0) - (size < 0)
    if is_nonnegative(minus(size, 1), facts):
        return 1
    return -1 if is_nonnegative(minus(-1, size), facts) else None


class Notation(NamedTuple):
    """How a language writes products, powers, floors and least of sizes."""

    times: str
    power: str
    floor: str  # of a dividend and a divisor
    called: bool = False  # is the floor a call, whose arguments need no brackets?
    least: str = "min({})"
    comma: str = ", "


PYTHON_SIZES = Notation(" * ", "{}**{}", "{} // {}")
SHORT_SIZES = Notation("*", "{}**{}", "{}//{}")
JULIA_SIZES = Notation(" * ", "{}^{}", "fld({}, {})", called=True)


def written(size: Size, spell: Callable[[Variable], str], notation: Notation = PYTHON_SIZES) -> str:
    """A size as text; `spell` says how its names and axes are written.

    >>> n, w = ("x", 0), ("w", 0)
    >>> spell = lambda axis: f"{axis[0]}.shape[{axis[1]}]"
    >>> written(plus(floor_quotient(minus(n, w), 2), 1), spell)
    '(x.shape[0] - w.shape[0]) // 2 + 1'
    >>> written(times(3, n, minus(n, w), n), spell, SHORT_SIZES)
    '3*x.shape[0]**3 - 3*w.shape[0]*x.shape[0]*x.shape[0]'
    """
    if isinstance(size, int):
        return str(size)
    if not isinstance(size, Polynomial):
        return spell(size)
    found: dict[Atom, str] = {}
    for one in composites(size):
        texts = [_joined(part, found, spell, notation) for part in one.parts]
        if isinstance(one, Least):
            found[one] = notation.least.format(notation.comma.join(texts))
            continue
        if not notation.called:
            pairs = zip(one.parts, texts, strict=True)
            texts = [_bracketed(part, text) for part, text in pairs]
        found[one] = notation.floor.format(*texts)
    return _joined(size, found, spell, notation)


def size_text(
    size: Size,
    spell: Callable[[Variable], str],
    *,
    times: str = "*",
    minus: str = "-",
    power: str = "{}**{}",
    floor: str = "{}//{}",
    least: str = "min({})",
) -> str:
    """A size as it stands in a formula, without blanks.

    >>> size_text(minus(times(2, "n", "m"), 1), str, times="·", minus="−")
    '2·m·n−1'
    """
    text = written(size, spell, Notation(times, power, floor, least=least, comma=","))
    return text.replace(" - ", minus).replace(" + ", "+").replace("-", minus)


def as_factor(size: Size, text: str) -> str:
    """The text of a size where it is multiplied with others: a sum and a floor need brackets."""
    if not isinstance(size, Polynomial):
        return text
    ((monomial, number), *others) = size.terms
    lone_floor = number == 1 and len(monomial) == 1 and isinstance(monomial[0][0], Floor)
    return f"({text})" if others or number < 0 or lone_floor else text


# The names that other packages know: there a sum and a product are those of expressions.
sum_of_sizes = plus
difference_of_sizes = minus
product_of_sizes = times
sign_of_size = sign
power_of_size = power
least_size = least
spelled_size = written


# --------------------------------------------------------------------------------------------------
# normal form


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, Polynomial):
        return size.terms
    if isinstance(size, int):
        return (((), size),) if size else ()
    return ((((size, 1),), 1),)


def _size(terms: Mapping[Monomial, int]) -> Size:
    """The size that is the sum of `terms`, in normal form."""
    kept = [(monomial, number) for monomial, number in terms.items() if number]
    if not kept:
        return 0
    if len(kept) == 1:
        ((monomial, number),) = kept
        if not monomial:
            return _small(number)
        ((atom, exponent), *others) = monomial
        if number == exponent == 1 and not others and not isinstance(atom, Composite):
            return atom
    if len(kept) > MOST_TERMS:
        raise _too_many_terms()
    for _, number in kept:
        if number.bit_length() > MOST_BITS:
            raise too_large(number.bit_length() - 1)
    if len(kept) > 1:
        kept.sort(key=_rank)
    return _interned(tuple(kept))


def _interned(terms: tuple[tuple[Monomial, int], ...]) -> Polynomial:
    """The one polynomial of terms in order."""
    known = _POLYNOMIALS.get(terms)
    if known is None:
        known = _POLYNOMIALS[terms] = Polynomial(terms)
    return known


def _rank(term: tuple[Monomial, int]) -> tuple[int, list[tuple[tuple[int, str, int], int]]]:
    """Sorts terms: the highest degree first, then by the atoms. Products keep this order, so that
    sums can be divided by sums.
    """
    monomial, _ = term
    degree = sum([exponent for _, exponent in monomial])
    return -degree, [(_order(atom), -exponent) for atom, exponent in monomial]


def _order(atom: Atom) -> tuple[int, str, int]:
    if isinstance(atom, str):
        return 0, atom, 0
    if isinstance(atom, Composite):
        return 2, atom.order, 0
    return 1, *atom


def _lone(one: Composite) -> Size:
    return _size({((one, 1),): 1})


def _floor(dividend: Size, divisor: Size) -> Floor:
    known = _FLOORS.get((dividend, divisor))
    if known is None:
        order = _digest(dividend, divisor)
        known = _FLOORS[dividend, divisor] = Floor(dividend, divisor, order)
    return known


def _digest(*parts: Size) -> str:
    """Words that are short, for what is made of other sizes, however deep."""
    words = [
        (number, [(_order(atom), exponent) for atom, exponent in monomial])
        for part in parts
        for monomial, number in (*_terms(part), ((), 0))
    ]
    return blake2b(repr(words).encode(errors="replace"), digest_size=16).hexdigest()


def _own_composites(size: Size) -> list[Composite]:
    """The floors and least sizes of a polynomial, without those inside of them."""
    if not isinstance(size, Polynomial):
        return []
    return [atom for atom in atoms(size) if isinstance(atom, Composite)]


# --------------------------------------------------------------------------------------------------
# least sizes


def _least(parts: tuple[Size, ...]) -> Least:
    known = _LEAST.get(parts)
    if known is None:
        known = _LEAST[parts] = Least(parts, _digest(0, *parts))  # no digest of a floor
    return known


def _lone_least(size: Size) -> Least | None:
    """The least size that `size` is, if it is one and nothing more."""
    if not isinstance(size, Polynomial) or len(size.terms) > 1:
        return None
    ((monomial, number),) = size.terms
    if number != 1 or len(monomial) != 1 or monomial[0][1] != 1:
        return None
    atom = monomial[0][0]
    return atom if isinstance(atom, Least) else None


def _never_below(size: Size, other: Size) -> bool:
    """Is ``size >= other`` for all names and axes that measure 0 or more? Floors may be less."""
    for monomial, number in _terms(minus(size, other)):
        if number < 0 or any([isinstance(atom, Composite) for atom, _ in monomial]):
            return False
    return True


def _without_shared_terms(sizes: Sequence[Size]) -> tuple[Size, list[Size]]:
    """What all of `sizes` have in common, and the rests: 2, and n and m + 1, of n + 2 and m + 3."""
    first, *others = [dict(_terms(size)) for size in sizes]
    shared: Terms = {}
    for monomial, number in first.items():
        numbers = [number, *[terms.get(monomial, 0) for terms in others]]
        if min(numbers) > 0:
            shared[monomial] = min(numbers)
        elif max(numbers) < 0:
            shared[monomial] = max(numbers)
    common = _size(shared)
    return common, [minus(size, common) for size in sizes]


def _quotient(size: Size, number: int) -> Size:
    """``size / number``, where all coefficients are multiples of it."""
    return _size({monomial: own // number for monomial, own in _terms(size)})


def _order_of_size(size: Size) -> tuple[bool, str]:
    """Sorts the parts of a least size, numbers last."""
    words = [(number, [(_order(a), k) for a, k in monomial]) for monomial, number in _terms(size)]
    return isinstance(size, int), repr(words)


# --------------------------------------------------------------------------------------------------
# products and powers


def _product(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    exponents = dict(a)
    for atom, exponent in b:
        exponents[atom] = exponents.get(atom, 0) + exponent
    return _monomial(exponents)


def _monomial(exponents: Mapping[Atom, int]) -> Monomial:
    kept = [(atom, exponent) for atom, exponent in exponents.items() if exponent]
    if len(kept) > 1:
        kept.sort(key=lambda factor: _order(factor[0]))
    return tuple(kept)


def _multiplied(a: Terms, b: Terms) -> Terms:
    if len(a) * len(b) > MOST_PRODUCTS:
        raise _too_many_terms()
    product: Terms = {}
    for first, x in a.items():
        for second, y in b.items():
            if x.bit_length() + y.bit_length() > MOST_BITS:
                raise too_large(x.bit_length() + y.bit_length() - 2)
            monomial = _product(first, second)
            product[monomial] = product.get(monomial, 0) + x * y
    return product


def _power(size: Size, exponent: int) -> Terms:
    """``size ** exponent``, for exponents of any length."""
    if isinstance(size, int):
        power = _number_to_the(size, exponent)
        return {(): power} if power else {}
    terms = _terms(size)
    if len(terms) == 1:
        ((monomial, number),) = terms
        raised = tuple([(atom, own * exponent) for atom, own in monomial])
        return {raised: _number_to_the(number, exponent)}
    result: Terms = {(): 1}
    square = dict(terms)
    while exponent:
        if exponent & 1:
            result = _multiplied(result, square)
        exponent >>= 1
        if exponent:
            square = _multiplied(square, square)
    return result


def _number_to_the(base: int, exponent: int) -> int:
    """``base ** exponent``; it is counted before it is formed."""
    bits = (abs(base).bit_length() - 1) * exponent
    if abs(base) > 1 and bits > MOST_BITS:
        raise too_large(bits)
    if abs(base) <= 1 and exponent > 1:
        return abs(base) if exponent % 2 == 0 else base
    return int(base**exponent)


def _small(number: int) -> int:
    if number.bit_length() > MOST_BITS:
        raise too_large(number.bit_length() - 1)
    return number


def too_large(bits: int) -> LimitError:
    """The error for a size of 2**bits or more."""
    shown = bits if bits.bit_length() < 200 else f"2**{bits.bit_length() - 1}"
    return LimitError(
        f"a product of sizes makes one of 2**{shown} or more, but sizes are below 2**63"
    )


def _too_many_terms() -> LimitError:
    return LimitError(
        f"a size is a sum of more than {MOST_TERMS} products of other sizes: declare sizes as "
        "numbers"
    )


def _with_atoms(size: Size, found: Mapping[Atom, Size], swap: Callable[[Variable], Size]) -> Size:
    if isinstance(size, int):
        return size
    total: Terms = {}
    for monomial, number in _terms(size):
        product: Terms = {(): number}
        for atom, exponent in monomial:
            other = found[atom] if isinstance(atom, Composite) else swap(atom)
            product = _multiplied(product, _power(other, exponent))
        for made, coefficient in product.items():
            total[made] = total.get(made, 0) + coefficient
    return _size(total)


def _sum_of_measures(
    size: Size, found: dict[Atom, int | None], measure: Callable[[Variable], int | None]
) -> int | None:
    if isinstance(size, int):
        return size
    total = 0
    for monomial, number in _terms(size):
        factors: list[tuple[int, int]] = []
        for atom, exponent in monomial:
            if atom not in found and not isinstance(atom, Composite):
                found[atom] = measure(atom)
            own = found[atom]
            if own is None:
                return None
            factors.append((own, exponent))
        if all([own for own, _ in factors]):  # with a 0 the rest may be beyond any number
            total += _measured_product(number, factors)
    return total


def _measured_composite(one: Composite, numbers: Sequence[int | None]) -> int | None:
    """The quotient of numbers, or the least of them; None where one is not known."""
    known = [number for number in numbers if number is not None]
    if isinstance(one, Least):
        return min(known) if len(known) == len(numbers) else None
    dividend, divisor = numbers
    if divisor is not None:
        _check_divisor(divisor)
    return None if dividend is None or divisor is None else dividend // divisor


def _measured_product(number: int, factors: Sequence[tuple[int, int]]) -> int:
    product = number
    bits = sum([(abs(own).bit_length() - 1) * exponent for own, exponent in factors])
    if bits > MOST_BITS:
        raise too_large(bits)
    for own, exponent in factors:
        product *= _number_to_the(own, exponent)
    return product


# --------------------------------------------------------------------------------------------------
# quotients


def _ratio(a: Monomial, b: Monomial) -> Monomial | None:
    """``a / b``, where that is a product."""
    exponents = dict(a)
    for atom, exponent in b:
        left = exponents.get(atom, 0) - exponent
        if left < 0:
            return None
        exponents[atom] = left
    return _monomial(exponents)


def _divided(
    terms: Iterable[tuple[Monomial, int]], by: Monomial, number: int
) -> tuple[Terms, Terms]:
    """The terms that ``number * by`` divides, divided by it, and the others."""
    quotient: Terms = {}
    rest: Terms = {}
    for monomial, coefficient in terms:
        ratio = _ratio(monomial, by) if coefficient % number == 0 else None
        if ratio is None:
            rest[monomial] = coefficient
        else:
            quotient[ratio] = coefficient // number
    return quotient, rest


def _divided_by_sum(rest: Terms, by: Sequence[tuple[Monomial, int]]) -> Size | None:
    """Division by the leading term, until nothing or something else is left."""
    leading, number = by[0]
    quotient: Terms = {}
    for _ in range(MOST_STEPS):
        if not rest:
            return _size(quotient)
        first = min(rest.items(), key=_rank)
        ratio = _ratio(first[0], leading)
        if ratio is None or first[1] % number:
            return None
        times_by = first[1] // number
        quotient[ratio] = times_by
        for monomial, coefficient in by:
            place = _product(ratio, monomial)
            left = rest.get(place, 0) - times_by * coefficient
            if left:
                rest[place] = left
            else:
                del rest[place]
    return None


def _check_divisor(divisor: Size) -> None:
    if isinstance(divisor, int) and divisor < 1:
        raise ShapeError(f"a size is divided by {divisor}, but only sizes above 0 divide")


def _shortened(dividend: Size, divisor: Size) -> tuple[Size, Size]:
    """Both without the number that they have in common: ``(2 n + 1) // 4`` is ``n // 2``."""
    if isinstance(divisor, int):
        # a constant may be any number: (g p + c) // (g q) = (p + c // g) // q
        numbers = [number for monomial, number in _terms(dividend) if monomial]
    else:
        numbers = [number for _, number in _terms(dividend)]
    common = gcd(*numbers, *[number for _, number in _terms(divisor)])
    if common == 1:
        return dividend, divisor
    shorter = {monomial: number // common for monomial, number in _terms(dividend)}
    return _size(shorter), _size({key: number // common for key, number in _terms(divisor)})


def _whole_part(dividend: Size, divisor: Size) -> tuple[Size, Size]:
    """``p = q · whole + rest`` with a rest that is short: the constant in it is 0 <= c < q."""
    if not isinstance(divisor, int):
        by = _terms(divisor)
        if len(by) > 1:
            return 0, dividend
        whole, rest = _divided(_terms(dividend), *by[0])
        return _size(whole), _size(rest)
    whole, rest = {}, {}
    for monomial, number in _terms(dividend):
        if monomial and number < 0:  # -w // 3 stays as it is written
            whole[monomial], rest[monomial] = -(-number // divisor), -(-number % divisor)
        else:
            whole[monomial], rest[monomial] = divmod(number, divisor)
    return _size(whole), _size(rest)


def _inner_floor(size: Size) -> Floor | None:
    """A floor that is a term of its own, and divides by a number."""
    for monomial, number in _terms(size):
        if number != 1 or len(monomial) != 1:
            continue
        ((atom, exponent),) = monomial
        if exponent == 1 and isinstance(atom, Floor) and isinstance(atom.divisor, int):
            return atom
    return None


# --------------------------------------------------------------------------------------------------
# proofs


def _holds(size: Size, facts: tuple[Size, ...], cases: int) -> bool:
    """Is ``size >= 0``? A least size is one of its parts, which is no larger than the others: so
    there is a proof for each of them.
    """
    found = [one for one in composites(size, *facts) if isinstance(one, Least)]
    if not found:
        return _Proof(size, facts).holds(size)
    if not cases:
        return False
    case = found[-1]  # no other one holds it
    for part in case.parts:
        known = [minus(other, part) for other in case.parts if other != part]
        own = _with_part(size, case, part)
        told = [_with_part(fact, case, part) for fact in facts]
        if not _holds(own, (*told, *known), cases - 1):
            return False
    return True


def _with_part(size: Size, case: Least, part: Size) -> Size:
    """`size` with one of its parts in the place of a least size, inside of floors too."""
    found: dict[Atom, Size] = {}
    for one in composites(size):
        parts = [_with_atoms(inner, found, _itself) for inner in one.parts]
        found[one] = part if one is case or one == case else remade(one, parts)
    return _with_atoms(size, found, _itself)


def _itself(own: Variable) -> Size:
    return own


class _Proof:
    """What is known of the floors in a size and in some facts, and the search with them."""

    def __init__(self, size: Size, facts: Sequence[Size]) -> None:
        self.shifted: set[Composite] = set()  # floors that are 1 or more
        self.signed: set[Composite] = set()  # floors that are 0 or more
        self.known = list(facts)
        self.facts: list[Terms] = []  # with n = 1 + n'
        self._expand_facts()
        for floor in composites(size, *facts)[:MOST_FLOORS]:
            assert isinstance(floor, Floor)  # there is a case for each part of a least size
            self._learn(floor)

    def holds(self, size: Size) -> bool:
        """Is it 0 or more?"""
        expanded = self._expanded(_without_common_factor(size), below=True)
        if expanded is None:
            return False
        self.tried = 0
        return self._found(expanded, MOST_FACTS)

    def _learn(self, floor: Floor) -> None:
        """0 <= p - q f <= q - 1, if q >= 1; and f >= 0 if p >= 0, f >= 1 if p >= q."""
        dividend, divisor = floor.dividend, floor.divisor
        if not self.holds(minus(divisor, 1)):
            return
        if self.holds(minus(dividend, divisor)):
            self.shifted.add(floor)
        elif self.holds(dividend):
            self.signed.add(floor)
        rest = minus(dividend, times(divisor, _lone(floor)))
        self.known += [rest, minus(minus(divisor, 1), rest)]
        self._expand_facts()

    def _expand_facts(self) -> None:
        expanded = [self._expanded(fact) for fact in self.known]
        self.facts = [fact for fact in expanded if fact]

    def _expanded(self, size: Size, below: bool = False) -> Terms | None:
        """`size` with ``1 + n'`` for each size ``n``, or something below that; None where it is too
        long.
        """
        total: Terms = {}
        for monomial, number in _terms(size):
            product = self._expanded_product(monomial)
            if product is None and below and number > 0 and self._is_signed(monomial):
                product = self._bound(monomial)
            if product is None:
                return None
            for made, count in product.items():
                left = total.get(made, 0) + number * count
                if left:
                    total[made] = left
                else:
                    del total[made]
        return total

    def _expanded_product(self, monomial: Monomial) -> Terms | None:
        counts = [exponent + 1 for atom, exponent in monomial if self._is_shifted(atom)]
        if sum([count.bit_length() - 1 for count in counts]) > MOST_EXPANDED.bit_length():
            return None
        if prod(counts) > MOST_EXPANDED:
            return None
        product: Terms = {(): 1}
        for atom, exponent in monomial:
            powers: Terms = {((atom, exponent),): 1}
            if self._is_shifted(atom):
                powers = {((atom, k),) if k else (): comb(exponent, k) for k in range(exponent + 1)}
            product = _multiplied(product, powers)
        return product

    def _bound(self, monomial: Monomial) -> Terms:
        """``(1 + n')**e · … >= 1 + e n' + …``, for exponents that are too high."""
        others = tuple([pair for pair in monomial if not self._is_shifted(pair[0])])
        bound: Terms = {others: 1}
        for atom, exponent in monomial:
            if self._is_shifted(atom):
                bound[_product(others, ((atom, 1),))] = exponent
        return bound

    def _is_shifted(self, atom: Atom) -> bool:
        return not isinstance(atom, Composite) or atom in self.shifted

    def _is_signed(self, monomial: Monomial) -> bool:
        """Is a product of what is left of each size 0 or more?"""
        for atom, exponent in monomial:
            is_size = not isinstance(atom, Composite)
            known = is_size or atom in self.shifted or atom in self.signed
            if not known and exponent % 2:
                return False
        return True

    def _found(self, rest: Terms, left: int) -> bool:
        """Is `rest` a sum of nothing negative and multiples of facts?"""
        bad = None
        for monomial, number in rest.items():
            if number < 0 or not self._is_signed(monomial):
                bad = monomial
                break
        if bad is None:
            return True
        if not left:
            return False
        for difference in self._differences(rest, bad):
            self.tried += 1
            if self.tried > MOST_TRIED:
                return False
            if self._found(difference, left - 1):
                return True
        return False

    def _differences(self, rest: Terms, bad: Monomial) -> Iterator[Terms]:
        """Multiples of `rest` minus multiples of facts, in which the product `bad` is no more."""
        number = rest[bad]
        for fact in self.facts:
            for monomial, coefficient in fact.items():
                if (coefficient > 0) != (number > 0):
                    continue
                ratio = _ratio(bad, monomial)
                if ratio is None or not self._is_signed(ratio):
                    continue
                common = gcd(number, coefficient)
                of_rest, of_fact = abs(coefficient) // common, abs(number) // common
                difference = {key: of_rest * value for key, value in rest.items()}
                for key, value in fact.items():
                    place = _product(ratio, key)
                    difference[place] = difference.get(place, 0) - of_fact * value
                yield {key: value for key, value in difference.items() if value}


def _without_common_factor(size: Size) -> Size:
    """`size` without the names and axes that all its terms have: they are 1 or more."""
    terms = _terms(size)
    if not terms:
        return size
    common: dict[Atom, int] = {
        atom: exponent for atom, exponent in terms[0][0] if not isinstance(atom, Composite)
    }
    for monomial, _ in terms[1:]:
        own = dict(monomial)
        common = {
            atom: min(exponent, own[atom]) for atom, exponent in common.items() if atom in own
        }
    if not common:
        return size
    quotient, _ = _divided(terms, _monomial(common), 1)
    return _size(quotient)


# --------------------------------------------------------------------------------------------------
# text


def _joined(
    size: Size,
    found: Mapping[Atom, str],
    spell: Callable[[Variable], str],
    notation: Notation,
) -> str:
    """The terms of a size, those that are added first."""
    if isinstance(size, int):
        return str(size)
    terms = sorted(_terms(size), key=lambda term: (not term[0], term[1] < 0))
    if terms[0][1] < 0 or not terms[0][0]:
        terms.sort(key=lambda term: term[1] < 0)
    text = ""
    for monomial, number in terms:
        first = not text
        own = _spelled_product(monomial, number, first, found, spell, notation)
        if first:
            text = f"-{own}" if number < 0 else own
        else:
            text += f" - {own}" if number < 0 else f" + {own}"
    return text


def _spelled_product(
    monomial: Monomial,
    number: int,
    first: bool,
    found: Mapping[Atom, str],
    spell: Callable[[Variable], str],
    notation: Notation,
) -> str:
    words = [] if abs(number) == 1 and monomial else [str(abs(number))]
    # -n // 2 would be (-n) // 2
    alone = not words and len(monomial) == 1 and not (first and number < 0)
    for atom, exponent in monomial:
        word = spell(atom) if not isinstance(atom, Composite) else found[atom]
        if isinstance(atom, Floor) and (not alone or exponent > 1):
            word = f"({word})"
        if exponent > 2:
            words.append(notation.power.format(word, exponent))
        else:
            words += [word] * exponent
    return notation.times.join(words)


def _bracketed(size: Size, text: str) -> str:
    """The text as a part of a quotient."""
    return f"({text})" if isinstance(size, Polynomial) else text
