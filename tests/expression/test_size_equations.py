"""Equations between sizes that are polynomials: what is solved, and what contradictions say."""

import random
import re

import pytest

import einderiv as ed
from einderiv.expression import Sizes, spoken
from einderiv.expression.size_algebra import (
    floor_quotient,
    linear_terms,
    measured,
    minus,
    negated,
    parted,
    plus,
    times,
)
from einderiv.expression.sizes import how_to_give

X, Y, W = ("x", 0), ("y", 0), ("w", 0)
WINDOW = plus(X, negated(W), 1)
HALF = floor_quotient(plus(X, 1), 2)


def read(equations, numbers=()):
    sizes = Sizes()
    for a, b in equations:
        assert sizes.equal(a, b)
    for size, number in numbers:
        sizes.fix(size, number, f"the array of {spoken(size)[-1]}")
    return sizes.settled()


SOLVED = [
    # equations                                  known              asked                    number
    ([(Y, WINDOW)],                              [(X, 10), (W, 3)], Y,                       8),
    ([(Y, WINDOW)],                              [(Y, 8), (W, 3)],  X,                       10),
    ([(Y, WINDOW)],                              [(Y, 8), (X, 10)], W,                       3),
    ([(WINDOW, Y)],                              [(Y, 8), (X, 10)], W,                       3),
    ([(Y, WINDOW)],                              [(Y, 8)],          minus(X, W),             7),
    ([(Y, WINDOW)],                              [(Y, 8)],          times(3, plus(X, 5, negated(W))), 36),
    ([(Y, WINDOW)],                              [(X, 10)],         plus(Y, W),              11),
    ([(Y, WINDOW)],                              [(X, 10)],         Y,                       None),
    ([(WINDOW, 6)],                              [(W, 3)],          X,                       8),
    ([(6, WINDOW)],                              [],                WINDOW,                  6),
    ([(Y, times(2, X))],                         [(Y, 8)],          X,                       4),
    ([(Y, times(2, X))],                         [(X, 4)],          Y,                       8),
    ([(Y, times(2, X))],                         [(X, 0)],          Y,                       0),
    ([(Y, times(X, W))],                         [(Y, 8), (W, 2)],  X,                       4),
    ([(Y, times(X, W))],                         [(X, 4), (W, 2)],  Y,                       8),
    ([(Y, times(X, W))],                         [(Y, 8)],          times(3, W, X),          24),
    ([(Y, times(X, W))],                         [(Y, 0), (W, 0)],  X,                       None),
    ([(Y, times(X, W, "n"))],                    [(Y, 24), (W, 2)], times(X, "n"),           12),
    ([(times(X, W), times("n", "m"))],           [(X, 4), (W, 3)],  times("m", "n"),         12),
    ([(times(X, W), times("n", "m")), (Y, times(X, W))], [(Y, 12)], times("m", "n"),         12),
    ([(times(X, W), times("n", "m")), (Y, times(X, W))], [(Y, 12), ("n", 4)], "m",           3),
    ([(times("n", "m"), times("k", "l")), (times(X, W), times("n", "m"))], [(X, 4), (W, 3)], times("k", "l"), 12),
    ([(times(2, X), times(6, Y, W))],            [(X, 6), (W, 2)],  Y,                       1),
    ([(Y, HALF)],                                [(X, 7)],          Y,                       4),
    ([(Y, HALF)],                                [(Y, 4)],          X,                       None),
    ([(Y, HALF)],                                [(Y, 4)],          HALF,                    4),
    ([(WINDOW, "n"), (Y, plus("n", W, -1))],     [(X, 6)],          Y,                       6),
    ([("n", plus("m", 1)), ("m", plus("k", 1)), ("k", X)], [("n", 6)], X,                    4),
    ([("k", X), ("m", plus("k", 1)), ("n", plus("m", 1))], [(X, 6)], "n",                    8),
    ([(Y, times("n", "n")), ("n", plus(X, 1))],  [(X, 2)],          Y,                       9),
]  # fmt: skip


@pytest.mark.parametrize(("equations", "numbers", "asked", "want"), SOLVED)
@pytest.mark.parametrize("numbers_first", [False, True])
def test_solved(equations, numbers, asked, want, numbers_first):
    if numbers_first:
        sizes = read((), numbers)
        for a, b in equations:
            assert sizes.equal(a, b)
        sizes.settled()
    else:
        sizes = read(equations, numbers)
    assert sizes.known_measure(asked) == want
    assert sizes.said(asked) == (spoken(asked) if want is None else str(want))


SAME = [
    # equations                             two sizes that are one then
    ([(Y, WINDOW)],                         plus(Y, W),                 plus(X, 1)),
    ([(Y, WINDOW)],                         times(Y, Y),                times(WINDOW, WINDOW)),
    ([(Y, WINDOW), (X, "n")],               plus(Y, W, -1),             "n"),
    ([(Y, HALF), (X, "n")],                 times(2, Y),                times(2, floor_quotient(plus("n", 1), 2))),
    ([(times(2, X), times(2, Y))],          X,                          Y),
    ([("n", times("a", "b")), ("a", "c")],  times("c", "b"),            "n"),
    ([("n", plus("m", 1)), ("m", plus("k", 1))], minus("n", 2),         "k"),
]  # fmt: skip


@pytest.mark.parametrize(("equations", "a", "b"), SAME)
def test_equal_without_numbers(equations, a, b):
    assert Sizes().find(a) != Sizes().find(b)
    sizes = read(equations)
    assert sizes.find(a) == sizes.find(b)
    assert sizes.equal(a, b)
    assert sizes.equations == {}, "nothing is left to be said"
    assert not sizes.equal(a, plus(b, 1))
    assert sizes.find(a) == sizes.find(b), "a contradiction changes nothing"


@pytest.mark.parametrize("seed", range(150))
def test_what_is_solved_is_so(seed):
    """Equations that some numbers satisfy: whatever is found is one of these numbers."""
    rng = random.Random(seed)
    hidden = {size: rng.randint(1, 6) for size in ("k", "m", "n", X, Y, W)}
    names = list(hidden)

    def some():
        size = rng.choice(names)
        for _ in range(rng.randrange(3)):
            other = rng.choice([*names, 2, 3])
            size = rng.choice([plus, minus, times])(size, other)
        if rng.random() < 0.2:
            size = floor_quotient(size, rng.choice([2, 3, *names]))
        return size

    sizes = Sizes()
    asked = list(names)
    for _ in range(rng.randint(1, 6)):
        a, b = some(), some()
        a, b = (x if measured(x, hidden.get) >= 0 else negated(x) for x in (a, b))
        off = measured(a, hidden.get) - measured(b, hidden.get)
        if off > 0:
            b = plus(b, off)
        else:
            a = plus(a, -off)
        assert sizes.equal(a, b)
        asked += [a, b, plus(a, b)]
        if rng.random() < 0.5:
            name = rng.choice(names)
            sizes.fix(name, hidden[name], "an array")
        sizes.settled()
        for size in asked:
            assert sizes.known_number(size) in (None, measured(size, hidden.get))
            form = sizes.find(size)
            assert measured(form, hidden.get) == measured(size, hidden.get)
            assert sizes.find(form) == form
        for one, other in zip(asked[6::3], asked[7::3], strict=True):
            assert sizes.known_number(one) == sizes.known_number(other)
    for name, number in hidden.items():
        sizes.fix(name, number, "an array")
    sizes.settled()
    assert sizes.equations == {}
    assert all([sizes.known_number(size) == measured(size, hidden.get) for size in asked])


CONTRADICTIONS = [
    # equations                    known                      message
    ([(Y, WINDOW)],                [(Y, 8), (W, 3), (X, 11)],
     "axis 0 of y, which is axis 0 of x - axis 0 of w + 1, is 9 (axis 0 of w is 3 by the array of w, "
     "axis 0 of x is 11 by the array of x), but 8 by the array of y"),
    ([(Y, WINDOW)],                [(X, 11), (W, 3), (Y, 8)],
     "axis 0 of y has size 9 (axis 0 of w is 3 by the array of w, axis 0 of x is 11 by the array of x), "
     "but 8 by the array of y"),
    ([(Y, WINDOW)],                [(X, 2), (W, 5)],
     "axis 0 of y, which is axis 0 of x - axis 0 of w + 1, comes out as -2 (axis 0 of w is 5 by the "
     "array of w, axis 0 of x is 2 by the array of x)"),
    ([(Y, WINDOW)],                [(X, 2), (Y, 5)],
     "axis 0 of w comes out as -2: axis 0 of y, which is axis 0 of x - axis 0 of w + 1, is 5 by the "
     "array of y (axis 0 of x is 2 by the array of x)"),
    ([(WINDOW, 6)],                [(X, 2)],
     "axis 0 of w comes out as -3: axis 0 of x - axis 0 of w + 1 is 6 by an axis of size 6 (axis 0 of "
     "x is 2 by the array of x)"),
    ([(Y, times(2, X))],           [(Y, 7)],      "an axis of size 7 cannot be split by 2: there is a rest"),
    ([(Y, times(W, X))],           [(Y, 7), (W, 3)], "an axis of size 7 cannot be split by 3: there is a rest"),
    ([(Y, times(W, X))],           [(Y, 7), (W, 2), (X, 3)], "an axis of size 7 cannot be split into axes of sizes 2, 3"),
    ([(Y, times(W, X))],           [(Y, 8), (W, 3), (X, 3)], "an axis of size 8 cannot be split "),
    ([(Y, times(W, X))],           [(W, 2), (X, 3), (Y, 7)],
     "axis 0 of y has size 6 (axis 0 of w is 2 by the array of w, axis 0 of x is 3 by the array of x), "
     "but 7 by the array of y"),
    ([(Y, plus(times(2, X), 1))],  [(Y, 8)],
     "2 times axis 0 of x comes out as 7, which leaves a rest: axis 0 of y, which is 2 * axis 0 of x + "
     "1, is 8 by the array of y"),
    ([(plus(times(2, X), 1), times(W, Y))], [(Y, 2), (W, 4)],
     "2 times axis 0 of x comes out as 7, which leaves a rest: "),
    ([(Y, HALF)],                  [(Y, 7), (X, 5)],
     "axis 0 of y, which is (axis 0 of x + 1) // 2, is 3 (axis 0 of x is 5 by the array of x), but 7 by "
     "the array of y"),
    ([(Y, WINDOW)],                [(W, 3), (Y, 8), (X, 10), (X, 11)], "axis 0 of x has size 10 by"),
    ([(times(X, W), times(Y, "n"))], [(X, 2), (W, 3), (Y, 4)],
     "an axis of size 6 cannot be split by 4: there is a rest"),
    ([(times(X, W), plus(Y, 3))],  [(X, 2), (W, 1)],
     "axis 0 of y, which is axis 0 of w * axis 0 of x - 3, comes out as -1 (axis 0 of w is 1 by"),
]  # fmt: skip


@pytest.mark.parametrize(("equations", "numbers", "message"), CONTRADICTIONS)
def test_contradictions(equations, numbers, message):
    with pytest.raises(ed.ShapeError, match=re.escape(message)):
        read(equations, numbers)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (plus(X, 1), X),
        (times(2, X), plus(times(2, Y), 1)),
        (HALF, plus(HALF, 3)),
        (minus(X, X), 1),
        (5, plus(6, minus(X, X))),
    ],
)
def test_sizes_that_differ_whatever_they_measure(a, b):
    assert Sizes().equal(a, b) is False
    assert Sizes().equal(b, a) is False


def test_a_product_that_is_known_is_known_once():
    sizes = read([(Y, times(X, W))], [(Y, 12)])
    message = "the merged axes axis 0 of w and axis 0 of x has size 12, but 13 by another"
    with pytest.raises(ed.ShapeError, match=message):
        sizes.fix(times(X, W), 13, "another")


def test_a_size_beyond_any():
    sizes = read((), [(X, 2**40), (W, 2**30)])
    assert sizes.known_measure(times(W, W)) == 2**60
    with pytest.raises(ed.LimitError, match=r"makes one of 2\*\*70 or more, but sizes are below"):
        sizes.measure(times(X, W))


def test_long_chains_of_equations():
    """Each size is one more than that before it; the numbers are known at one of the ends."""
    count = 2000
    for end in (0, count):
        sizes = Sizes()
        for k in range(count):
            assert sizes.equal((f"x{k + 1}", 0), plus((f"x{k}", 0), 1))
        sizes.fix((f"x{end}", 0), end + 1, "an array")
        sizes.settled()
        assert sizes.known_measure((f"x{count - end}", 0)) == count - end + 1


SPOKEN = [
    (WINDOW,                       "axis 0 of x - axis 0 of w + 1"),
    (HALF,                         "(axis 0 of x + 1) // 2"),
    (times(X, W),                  "the merged axes axis 0 of w and axis 0 of x"),
    (times(X, X),                  "the merged axes axis 0 of x"),
    (times(2, X),                  "2 * axis 0 of x"),
    (times("n", minus("m", 1)),    "axis m * axis n - axis n"),
    (times(*"abcdef"),             "the merged axes axis a and axis b and axis c and axis d and 2 more"),
    (plus(*"abcdefghijklmnop", 1), "a sum of 17 products of axis a, axis b, axis c, axis d, …"),
]  # fmt: skip


@pytest.mark.parametrize(("size", "words"), SPOKEN)
def test_spoken(size, words):
    assert spoken(size) == words


UNKNOWN = [
    (WINDOW,          [],        "the size of axis 0 of x - axis 0 of w + 1 is not known: give w and x, or sizes={label: number}"),
    (WINDOW,          [(X, 3)],  "the size of axis 0 of x - axis 0 of w + 1 is not known: give w, or sizes={label: number}"),
    (plus("n", "m"),  [],        "the size of axis m + axis n is not known: give sizes={'m': …, 'n': …}"),
    (times("n", X),   [],        "the merged axes axis n and axis 0 of x is not known: give x, or sizes={label: number} and give sizes={'n': …}"),
]  # fmt: skip


@pytest.mark.parametrize(("size", "numbers", "message"), UNKNOWN)
def test_unknown(size, numbers, message):
    with pytest.raises(ed.ShapeError, match=re.escape(message)):
        read((), numbers).measure(size)


def test_how_to_give_names_each_tensor_once():
    assert how_to_give(("x", 0), ("x", 1)) == "give x, or sizes={label: number}"


@pytest.mark.parametrize("seed", range(30))
def test_parts_of_a_size(seed):
    rng = random.Random(seed)
    names = ["n", "m", X]
    terms = [times(rng.randint(-6, 6), *rng.choices(names, k=rng.randrange(3))) for _ in range(4)]
    size = plus(*terms)
    factor, rest, constant = parted(size)
    assert plus(times(factor, rest), constant) == size
    assert rest == 0 or parted(rest) == (1, rest, 0)
    for name, number in linear_terms(size).items():
        others = minus(size, times(number, name))
        assert measured(others, {own: 1 for own in names if own != name}.get) is not None
