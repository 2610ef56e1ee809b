"""Sizes as polynomials: every answer is compared with whole numbers."""

import itertools
import random
import re
from functools import reduce

import pytest

import einderiv as ed
from einderiv.expression.labels import Floor, Polynomial
from einderiv.expression.size_algebra import (
    atoms,
    composites,
    exact_quotient,
    floor_quotient,
    is_nonnegative,
    largest,
    least,
    measured,
    minus,
    negated,
    plus,
    replaced,
    sign,
    times,
    variables,
    written,
)

X = ("x", 0)
W = ("w", 1)
NAMES = ("n", X, W)
SEEDS = range(60)


def grid(low, high):
    """Numbers for all names, from `low` to `high`."""
    for numbers in itertools.product(range(low, high + 1), repeat=len(NAMES)):
        yield dict(zip(NAMES, numbers, strict=True))


def formula(rng, depth, floors=True):
    """A formula of sizes as nested tuples: ("+", a, b), ("/", a, 3), "n", 5; "<" is the least."""
    if depth == 0:
        return rng.choice([*NAMES, *NAMES, rng.randint(-3, 4)])
    sign = rng.choice("++-**/<" if floors else "++-**")
    a = formula(rng, rng.randrange(depth), floors)
    if sign == "/":
        return "/", a, rng.choice([2, 2, 3, 4, "n", W])
    return sign, a, formula(rng, rng.randrange(depth), floors)


def operands(f):
    """The two parts of a sum, difference, product, quotient or least; None for a name or a number."""
    return f[1:] if isinstance(f, tuple) and f[0] in "+-*/<" else None


def size_of(f):
    if operands(f) is None:
        return f
    a, b = map(size_of, operands(f))
    return {"+": plus, "-": minus, "*": times, "/": floor_quotient, "<": least}[f[0]](a, b)


def number_of(f, at):
    if operands(f) is None:
        return at.get(f, f)
    a, b = (number_of(part, at) for part in operands(f))
    if f[0] == "<":
        return min(a, b)
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a // b}[f[0]]()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_size_measures_what_its_formula_does(seed):
    rng = random.Random(seed)
    for _ in range(20):
        f = formula(rng, 4)
        size = size_of(f)
        for at in grid(1, 3):
            assert measured(size, at.get) == number_of(f, at), (f, at)


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_polynomials_are_one_value(seed):
    """Of degree 8 at most in each name, so nine numbers tell them apart."""
    rng = random.Random(seed)
    a, b = (size_of(formula(rng, 3, floors=False)) for _ in range(2))
    for other in (b, plus(a, minus(b, b)), minus(times(a, plus(b, 1)), times(b, a))):
        line = [{"n": k, X: k * 11, W: k * 101} for k in range(-9, 10)]
        alike = all([measured(a, at.get) == measured(other, at.get) for at in line])
        assert alike == (a == other), (a, other)
        assert hash(a) == hash(other) or a != other


LAWS = {
    "a + b = b + a":             lambda a, b, c: (plus(a, b), plus(b, a)),
    "(a + b) + c = a + (b + c)": lambda a, b, c: (plus(plus(a, b), c), plus(a, plus(b, c))),
    "a b = b a":                 lambda a, b, c: (times(a, b), times(b, a)),
    "(a b) c = a (b c)":         lambda a, b, c: (times(times(a, b), c), times(a, times(b, c))),
    "a (b + c) = a b + a c":     lambda a, b, c: (times(a, plus(b, c)), plus(times(a, b), times(a, c))),
    "a - a = 0":                 lambda a, b, c: (minus(a, a), 0),
    "a - b = a + (-1) b":        lambda a, b, c: (minus(a, b), plus(a, times(-1, b))),
    "-(-a) = a":                 lambda a, b, c: (negated(negated(a)), a),
    "a 1 = a + 0":               lambda a, b, c: (times(a, 1), plus(a, 0)),
    "(a + 6 b) // 6":            lambda a, b, c: (floor_quotient(plus(a, times(6, b)), 6), plus(floor_quotient(a, 6), b)),
    "(a // 2) // 3 = a // 6":    lambda a, b, c: (floor_quotient(floor_quotient(a, 2), 3), floor_quotient(a, 6)),
    "(5 a) // 10 = a // 2":      lambda a, b, c: (floor_quotient(times(5, a), 10), floor_quotient(a, 2)),
}  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("seed", range(10))
def test_laws(law, seed):
    rng = random.Random(seed)
    # with floors, the last three hold for numbers only: (a + b) // 6 is written in two ways
    plain = "//" not in law or seed < 2
    a, b, c = (size_of(formula(rng, 2, floors="//" not in law)) for _ in range(3))
    left, right = LAWS[law](a, b, c)
    if plain:
        assert left == right
    for at in grid(1, 3):
        assert measured(left, at.get) == measured(right, at.get)


ALIKE = [
    # one way to write a size              another                                   as text
    (plus("n", 0),                         "n",                                      "n"),
    (times("n", 0),                        0,                                        "0"),
    (minus(plus(X, "n"), X),               "n",                                      "n"),
    (plus(minus(X, W), 1),                 minus(plus(1, X), W),                     "x0 - w1 + 1"),
    (times(X, plus(W, 2)),                 plus(times(W, X), X, X),                  "w1 * x0 + 2 * x0"),
    (minus(1, "n"),                        negated(minus("n", 1)),                   "1 - n"),
    (negated(times(2, "n")),               times(-2, "n"),                           "-2 * n"),
    (times("n", "n", "n", W),              times(W, *["n"] * 3),                     "n**3 * w1"),
    (floor_quotient(minus("n", 1), 2),     minus(floor_quotient(plus("n", 1), 2), 1), "(n + 1) // 2 - 1"),
    (plus(floor_quotient(minus(X, W), 3), 1), floor_quotient(plus(minus(X, W), 3), 3), "(x0 - w1) // 3 + 1"),
    (floor_quotient(plus(times(2, "n"), 1), 4), floor_quotient("n", 2),              "n // 2"),
    (floor_quotient(plus(times(2, "n"), 1), 2), "n",                                 "n"),
    (floor_quotient(plus(times("n", W), X), "n"), plus(W, floor_quotient(X, "n")),   "w1 + x0 // n"),
    (negated(floor_quotient("n", 2)),      minus(0, floor_quotient("n", 2)),         "-(n // 2)"),
    (times(3, floor_quotient("n", 2)),     plus(*[floor_quotient("n", 2)] * 3),      "3 * (n // 2)"),
    (floor_quotient(floor_quotient("n", 2), X), floor_quotient(floor_quotient("n", 2), X), "(n // 2) // x0"),
    (least("n", X),                        least(X, "n"),                            "min(n, x0)"),
    (least(plus("n", 2), plus(X, 3)),      plus(least("n", plus(X, 1)), 2),          "min(n, x0 + 1) + 2"),
    (least(times(2, "n"), times(4, X)),    times(2, least("n", times(2, X))),        "2 * min(n, 2 * x0)"),
    (least("n", plus("n", X)),             "n",                                      "n"),
    (least("n", least(X, "n"), 7),         least(least("n", 7), X),                  "min(n, x0, 7)"),
    (largest("n", X),                      minus(plus(X, "n"), least(X, "n")),       "n + x0 - min(n, x0)"),
    (floor_quotient(least("n", X), 2),     floor_quotient(least(X, "n"), 2),         "(min(n, x0)) // 2"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "text"), ALIKE)
def test_normal_form(one, other, text):
    assert one == other
    assert type(one) is type(other)
    spell = {"n": "n", X: "x0", W: "w1"}.get
    assert written(one, spell) == text
    for at in grid(1, 4):
        words = {"n": at["n"], "x0": at[X], "w1": at[W]}
        assert eval(text, words) == measured(one, at.get)


@pytest.mark.parametrize("name", ["n", X])
def test_a_least_size_is_right_for_empty_axes_too(name):
    assert measured(least(1, name), {name: 0}.get) == 0
    assert least(0, name) == 0
    with pytest.raises(TypeError, match="the least of no sizes"):
        least()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_written_is_python(seed):
    rng = random.Random(seed)
    for _ in range(20):
        size = size_of(formula(rng, 4))
        text = written(size, {"n": "n", X: "x0", W: "w1"}.get)
        for at in ({"n": 2, X: 3, W: 1}, {"n": 1, X: 5, W: 4}, {"n": 7, X: 1, W: 2}):
            words = {"n": at["n"], "x0": at[X], "w1": at[W]}
            assert eval(text, words) == measured(size, at.get)


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_quotients(seed):
    rng = random.Random(seed)
    for _ in range(10):
        a, b = (size_of(formula(rng, 3)) for _ in range(2))
        if b == 0:
            assert exact_quotient(a, b) is None
            continue
        assert exact_quotient(times(a, b), b) == a
        quotient = exact_quotient(a, b)
        if quotient is not None:
            assert times(quotient, b) == a
        elif isinstance(b, int):
            # then some coefficient is no multiple: of no polynomial with whole coefficients
            assert any([number % b for _, number in plus(a, times(b, "other")).terms])


INEXACT = [
    ("n", 2), ("n", X), (plus("n", 1), "n"), (1, "n"), (7, 2), (times(2, "n"), times(4, "n")),
    (plus(times("n", "n"), 1), plus("n", 1)), ("n", plus("n", 1)), ("n", 0), (0, 0), (5, 0),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), INEXACT)
def test_no_exact_quotient(a, b):
    assert exact_quotient(a, b) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_is_proved_is_ever_wrong(seed):
    rng = random.Random(seed)
    proved = 0
    for _ in range(60):
        facts = [size_of(formula(rng, 2)) for _ in range(rng.randrange(3))]
        size = size_of(formula(rng, 3))
        if rng.random() < 0.5 and facts:  # so that the facts matter
            size = plus(size, *facts)
        yes = is_nonnegative(size, facts)
        what = sign(size, facts)
        proved += yes
        for at in grid(1, 4):
            if any([measured(fact, at.get) < 0 for fact in facts]):
                continue
            number = measured(size, at.get)
            assert not yes or number >= 0, (size, facts, at)
            assert what is None or what == (number > 0) - (number < 0), (size, facts, at)
    assert proved > 5, "a test of proofs has some"


f2 = floor_quotient(minus(X, W), 2)
second = floor_quotient(plus("n", 1), 2)
any_sign = floor_quotient(minus("n", X), 2)
digits = [f"d{k}" for k in range(40)]


def flat(names):
    """The largest place in axes that are merged: sum of (n_k - 1) times all that follow."""
    spans = [times(minus(n, 1), *names[k + 1 :]) for k, n in enumerate(names)]
    return plus(*spans)


PROVED = {
    "a size":                      (X,                                            [], True),
    "n - 1":                       (minus("n", 1),                                [], True),
    "n - 2":                       (minus("n", 2),                                [], False),
    "n m - n":                     (minus(times("n", X), "n"),                    [], True),
    "n m - n - m + 1":             (plus(times("n", X), negated("n"), negated(X), 1), [], True),
    "windows stay inside":         (minus(minus("n", 1), minus(plus(minus("n", W), W), 1)), [minus("n", W)], True),
    "n - w, one window at least":  (minus("n", W),                                [minus("n", W)], True),
    "n - w, nothing known":        (minus("n", W),                                [], False),
    "3 n - 3 w":                   (times(3, minus("n", W)),                      [minus("n", W)], True),
    "(n - w) m":                   (times(minus("n", W), X),                      [minus("n", W)], True),
    "strided windows inside":      (minus(minus(X, W), times(2, f2)),             [f2], True),
    "strided, one more":           (minus(minus(X, W), plus(times(2, f2), 1)),    [f2], False),
    "the rest is below 2":         (minus(plus(times(2, f2), 1), minus(X, W)),    [f2], True),
    "n - 2 (n // 2)":              (minus("n", times(2, floor_quotient("n", 2))), [], True),
    "(n + 1) // 2 >= 1":           (minus(second, 1),                             [], True),
    "(n + 1) // 2 <= n":           (minus("n", second),                           [], True),
    "n // 2 >= 1":                 (minus(floor_quotient("n", 2), 1),             [], False),
    "(n - 3) // 2":                (floor_quotient(minus("n", 3), 2),             [], False),
    "(n // 2) m <= n m":           (minus(times("n", X), times(X, floor_quotient("n", 2))), [], True),
    "n // x, a size divides":      (minus("n", times(X, floor_quotient("n", X))), [], True),
    "a floor below 0, cubed":      (times(any_sign, any_sign, any_sign),          [], False),
    "a floor below 0, squared":    (times(any_sign, any_sign),                    [], True),
    "min(n, m) <= n":              (minus("n", least("n", X)),                    [], True),
    "min(n, m) >= 1":              (minus(least("n", X), 1),                      [], True),
    "min(n, m) >= 2":              (minus(least("n", X), 2),                      [], False),
    "n >= 5 and m >= 5":           (minus(least("n", X), 5),                      [minus("n", 5), minus(X, 5)], True),
    "min(n, m) >= 5, so m >= 5":   (minus(X, 5),                                  [minus(least("n", X), 5)], True),
    "m <= min(n, m)":              (minus(least("n", X), X),                      [], False),
    "and if m <= n":               (minus(least("n", X), X),                      [minus("n", X)], True),
    "n m >= min(n, m)":            (minus(times("n", X), least("n", X)),          [], True),
    "a diagonal inside":           (minus(minus(X, 2), minus(least("n", minus(X, 1)), 1)), [], True),
    "max(n, m) >= m":              (minus(largest("n", X), X),                    [], True),
    "two facts":                   (minus("n", 5),  [minus("n", X), minus(X, W), minus(W, 5)], True),
    "forty merged axes":           (minus(minus(times(*digits), 1), flat(digits)), [], True),
    "and one place more":          (minus(minus(times(*digits), 2), flat(digits)), [], False),
    "forty, without the first":    (minus(times(*digits), times(*digits[1:])),    [], True),
}  # fmt: skip


@pytest.mark.parametrize("name", PROVED)
def test_proofs(name):
    size, facts, want = PROVED[name]
    assert is_nonnegative(size, facts) is want


@pytest.mark.parametrize("seed", SEEDS)
def test_replaced_is_measured_in_two_steps(seed):
    rng = random.Random(seed)
    for _ in range(10):
        size = size_of(formula(rng, 4))
        others = {name: size_of(formula(rng, 2, floors=False)) for name in NAMES}
        for name in ("n", W):  # which divide
            others[name] = plus(times(others[name], others[name]), 1)
        made = replaced(size, others.get)
        for at in grid(1, 2):
            inner = {name: measured(other, at.get) for name, other in others.items()}
            assert measured(made, at.get) == measured(size, inner.get)


def test_what_a_size_is_made_of():
    inner = floor_quotient(X, W)
    size = plus(times("n", inner), times("m", inner), 3)
    assert set(atoms(size)) == {"n", "m", *atoms(inner)}
    assert set(variables(size)) == {"n", "m", X, W}
    (floor,) = composites(size)
    assert (floor.dividend, floor.divisor) == (X, W)
    assert measured(size, {"n": 1, "m": 2, X: 7}.get) is None
    nested = floor_quotient(plus(times(3, inner), "n"), 2)
    outer, inside = composites(nested)[::-1]
    assert (floor, 3) not in composites(nested)
    assert inside == floor
    assert isinstance(outer, Floor)


def test_exponents_beyond_any_number():
    size = plus("n", 0)
    for _ in range(60):
        size = times(size, size)
    huge = times(size, X)
    assert isinstance(huge, Polynomial)
    assert len(huge.terms) == 1
    assert exact_quotient(huge, size) == X
    assert exact_quotient(minus(size, 1), minus("n", 1)) is None, "too long to say"
    assert is_nonnegative(minus(huge, X))
    assert is_nonnegative(minus(huge, 1))
    assert is_nonnegative(minus(plus(size, 2), plus("n", X, negated(X))))
    assert not is_nonnegative(minus(X, size))
    assert not is_nonnegative(plus(huge, times(-2, X), 1)), "1 - X for n = 1"
    assert measured(huge, {"n": 1, X: 5}.get) == 5
    assert measured(huge, {"n": 0, X: 5}.get) == 0
    assert measured(plus(huge, 1), {"n": -1, X: 5}.get) == 6
    assert replaced(huge, {"n": 1, X: W}.get) == W
    assert written(huge, str) == f"n**{2**60} * ('x', 0)"
    with pytest.raises(ed.LimitError, match=r"makes one of 2\*\*11529\d+ or more, but sizes are"):
        measured(huge, {"n": 2, X: 5}.get)
    with pytest.raises(ed.LimitError, match="a sum of more than 2000 products of other sizes"):
        replaced(huge, {"n": plus("n", 1, W), X: X}.get)


def test_numbers_beyond_any_size():
    size = 3
    with pytest.raises(ed.LimitError, match=r"makes one of 2\*\*\d+ or more, but sizes are below"):
        for _ in range(60):
            size = times(size, size)
    assert size < 2**4096


def test_long_sums_are_refused():
    with pytest.raises(ed.LimitError, match="a sum of more than 2000 products of other sizes"):
        plus(*[f"n{k}" for k in range(2001)])
    assert len(plus(*[f"n{k}" for k in range(2000)]).terms) == 2000
    with pytest.raises(ed.LimitError, match="a sum of more than 2000 products of other sizes"):
        reduce(times, [plus("a", "b", "c", f"n{k}") for k in range(9)])


def test_deep_floors():
    size, number = "n", 0
    for k in range(3000):
        size = floor_quotient(plus(times(2, size), W, k % 5), 3)
        number = (2 * number + 5 + k % 5) // 3
    assert len(composites(size)) == 3000
    assert variables(size) == ("n", W)
    assert measured(size, {"n": 0, W: 5}.get) == number
    assert measured(replaced(size, {"n": "m", W: 5}.get), {"m": 0}.get) == number
    assert not is_nonnegative(minus(size, "n"))


@pytest.mark.parametrize("divisor", [0, -1, -2])
def test_divisors_below_one(divisor):
    message = f"a size is divided by {divisor}, but only sizes above 0 divide"
    with pytest.raises(ed.ShapeError, match=re.escape(message)):
        floor_quotient("n", divisor)
    with pytest.raises(ed.ShapeError, match=re.escape(message)):
        measured(floor_quotient("n", X), {"n": 3, X: divisor}.get)
