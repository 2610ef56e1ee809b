"""Size equations: what makes sizes equal, where numbers come from, and what contradictions say."""

import re

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Sizes, called, checked, spoken
from einderiv.expression.sizes import SMALL

t, es, ev = ed.tensor, ed.einsum, ed.evaluate
A, B, v = t("A", "ij"), t("B", "jk"), t("v", "j")


def ones(*shape):
    return np.ones(shape, int)


SOLVED = [
    # expression                          shapes given              size asked   number
    (A @ B,                               {"A": (2, 3)},            ("B", 0),    3),
    (A @ B,                               {"A": (2, 3)},            "j",         3),
    (A @ B,                               {"A": (2, 3)},            ("B", 1),    None),
    (A @ B,                               {"B": (3, 0)},            ("A", 1),    3),
    (A @ B,                               {"B": (3, 0)},            "k",         0),
    (es("ij,jk->ik", "P", "Q"),           {"P": (2, 3)},            ("Q", 0),    3),    # contracted
    (es("ij,jk->ik", "P", "Q"),           {"P": (2, 3)},            "j",         None),  # letters are local
    (es("ij->ij", "P") + es("ij->ji", "Q"), {"P": (2, 3)},          ("Q", 0),    3),    # added
    (ed.exp(es("i->i", "p")) * t("q", "n"), {"p": (4,)},            ("q", 0),    4),
    (es("ii->", "P"),                     {},                       ("P", 0),    None),
    (t("P", "nn") * 1,                    {"P": (2, 2)},            "n",         2),
    (es("i->", t("p", (5,))),             {},                       5,           5),
    (es("i,i->", t("p", (5,)), "q"),      {},                       ("q", 0),    5),    # an int declares
    (es("i,i->", ones(6), "q"),           {},                       ("q", 0),    6),    # an array held
    (es("i->ij", "p", sizes={"j": "n"}),  {},                       "n",         None),
    (es("i,j->ij", "p", t("q", "n")) + es("i->ij", "p", sizes={"j": "n"}), {"q": (7,)}, "n", 7),
    (0 * es("i,i->i", "p", "q"),          {"p": (3,)},              ("q", 0),    3),    # a zero remembers
    (A - A,                               {"A": (2, 3)},            "j",         3),
    (ed.derive(es("ij,j->i", "P", "q"), "P"), {"q": (4,)},          ("P", 1),    4),
    (ed.softmax(es("i->i", "p")) + es("i->i", "q"), {"q": (4,)},    ("p", 0),    4),
]  # fmt: skip


@pytest.mark.parametrize(("e", "shapes", "size", "number"), SOLVED)
def test_solved(e, shapes, size, number):
    assert Sizes(shapes).read([e]).known_measure(size) == number


UNKNOWN = ("A", 0), ("B", 1), ("C", 0), "n", "m"


@pytest.mark.parametrize(
    "equations",
    [
        [("n", "m"), ("m", ("A", 0)), (("A", 0), ("B", 1)), (("B", 1), ("C", 0))],
        [(("C", 0), ("B", 1)), ("n", "m"), (("A", 0), "m"), (("B", 1), "n")],
        [("n", x) for x in UNKNOWN] + [(x, "n") for x in UNKNOWN],
    ],
)
@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("where", UNKNOWN)
def test_one_number_settles_a_class(equations, early, where):
    sizes = Sizes()
    if early:
        sizes.fix(where, 4, "the array")
    assert all(sizes.equal(a, b) for a, b in equations)
    if not early:
        assert [sizes.known_measure(x) for x in UNKNOWN] == [None] * len(UNKNOWN)
        sizes.fix(where, 4, "the array")
    assert [sizes.known_measure(x) for x in UNKNOWN] == [4] * len(UNKNOWN)
    assert sizes.equal("n", 4)
    assert not sizes.equal(5, "n")
    with pytest.raises(ed.ShapeError, match=r"has size 4 by the array, but 5 by another$"):
        sizes.fix(where, 5, "another")


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (3, 3, True),
        (3, 4, False),
        (0, 0, True),
        (0, 1, False),
        (1, 3, False),
    ],
)
def test_numbers_are_equal_or_not(a, b, equal):
    assert Sizes().equal(a, b) is equal
    sizes = Sizes()
    sizes.fix("n", a, "one")
    assert sizes.equal("n", b) is equal
    assert sizes.known_measure("n") == a, "a contradiction changes nothing"


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (("X", 0), "axis 0 of X"),
        ("batch", "axis batch"),
        (3, "axis 3"),
    ],
)
def test_spoken(size, words):
    assert spoken(size) == words


@pytest.mark.parametrize(
    ("e", "name"),
    [
        (A, "A"),
        (A + B.T * 1, "a sum of A"),
        (A @ B, "an einsum of A, B"),
        (ed.exp(A), "exp(…)"),
        (es("i->", ones(3)).factors[0], "an array of shape (3,)"),
    ],
)
def test_called(e, name):
    assert called(e) == name


W = t("W", "n")
BUILT = [  # known when it is built: refused there
    (lambda: es("ij,jk->ik", ones(2, 3), ones(4, 5)), "size 3 in operand 0 (an array of shape (2, 3)) but 4"),
    (lambda: es("ij,jk->ik", ones(2, 1), ones(3, 4)), "size 1 does not broadcast"),
    (lambda: es("i,ij,j,j->", ones(2), ones(2, 4), ones(3), ones(4)),
     "3 in operand 2 (an array of shape (3,)); it is also in operand 3; size 1"),
    (lambda: es("ii->", ones(2, 3)),                  "label 'i' has size 2 in operand 0 (an array of"),
    (lambda: t("P", (2,)) + t("Q", (3,)),             "axis 0 has size 2 in P but 3 in Q, in a sum"),
    (lambda: t("P", (2,)) * t("P", (3,)),             "2"),
    (lambda: t("P", "nn") + ones(2, 3),               "2"),
    (lambda: (W + ones(2)) * (W * ones(3)),           "2"),
    (lambda: es("i->i", t("P", (2,)), sizes={"i": 5}), "label 'i' has size 2, but was given size 5"),
    (lambda: es("i,ij->", "A", "A"),                  "A stands for a tensor with 1 axis and one with 2"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BUILT)
def test_contradictions_when_built(make, message):
    with pytest.raises(ed.ShapeError, match=re.escape(message)) as info:
        make()
    if message == "2":
        assert "3" in str(info.value), "both sizes are named"


GIVEN = [  # known when it is evaluated
    (A @ B,              {"A": ones(2, 3), "B": ones(4, 5)}, "3", "4"),
    (A + A,              {"A": ones(2)},                     "A has 2 axes", r"shape (2,)"),
    (W * t("V", "n"),    {"W": ones(2), "V": ones(4)},       "2", "4"),
    (t("P", "nn") * 1,   {"P": ones(2, 3)},                  "2", "3"),
    (t("P", (3,)) * 1,   {"P": ones(4)},                     "3", "4"),
    (es("i,i->", "p", "q"), {"p": ones(1), "q": ones(5)},    "1", "5"),
    (es("i,i->", "p", ones(3)), {"p": ones(0)},              "0", "3"),
    (t("p", [None]) + t("q", [None]), {"p": ones(2), "q": ones(3)}, "2", "3"),
    (A - A,              {"A": ones(2)},                     "A has 2 axes", "1"),
    (ed.exp(W) + t("V", "n"), {"W": ones(2), "V": ones(4)},  "2", "4"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "arrays", "one", "other"), GIVEN)
def test_contradictions_when_evaluated(e, arrays, one, other):
    with pytest.raises(ed.ShapeError, match=re.escape(one)) as info:
        ev(e, arrays)
    assert other in str(info.value), "both sides are named"
    assert any(name in str(info.value) for name in arrays), "and where they come from"


def test_two_users_tensors_of_one_name_never_meet():
    mine, yours = t("A", "ij") @ t("x", "j"), t("A", (7,)) * 2
    assert ev(mine, A=ones(2, 3), x=ones(3)).tolist() == [3, 3]
    assert ev(yours, A=ones(7)).tolist() == [2] * 7
    assert ev(mine, A=ones(4, 5), x=ones(5)).tolist() == [5] * 4
    other = t("Z", "ij")  # `i` and `j` of Z are not those of `mine`
    assert ev(other * 1, Z=ones(9, 8)).shape == (9, 8)
    with pytest.raises(
        ed.ShapeError, match="A stands for a tensor with 2 axes and one with 1 axis"
    ):
        es("i,j->ij", mine, yours)


@pytest.mark.parametrize(
    ("arrays", "sizes", "shape"),
    [
        ({"W": ones(3)}, {}, (3, 3)),
        ({}, {"n": 4}, (4, 4)),
        ({}, {"n": 0}, (0, 0)),
        ({"W": ones(3)}, {"n": 3}, (3, 3)),
        ({}, {"a": 4}, (4, 4)),  # by the label of the derivative
    ],
)
def test_a_size_no_array_fixes_may_be_given(arrays, sizes, shape):
    assert np.array_equal(ev(ed.derive(W, W, indices="a"), arrays, sizes=sizes), np.eye(shape[0]))


@pytest.mark.parametrize(
    ("sizes", "kind", "message"),
    [
        ({}, ed.ShapeError, "the size of axis n is not known|axis 0 of W"),
        ({"zz": 3}, ed.EinderivError, "sizes names 'zz', which is no axis or label here"),
        ({"n": -1}, ed.ShapeError, "the size of 'n' is -1"),
        ({"n": 2.0}, TypeError, "the size of 'n' must be a whole number"),
        ({"n": 2, "a": 3}, ed.ShapeError, "2.*3|3.*2"),
    ],
)
def test_sizes_given_are_checked(sizes, kind, message):
    with pytest.raises(kind, match=message):
        ev(ed.derive(W, W, indices="a"), sizes=sizes)


def test_large_expressions_are_checked_later():
    e = es("i->i", "p")
    for _ in range(SMALL + 1):
        e = ed.tanh(e)
    bad = e * es("i,i->i", e, es("i->i", t("p", (2,)) + t("q", (2,)))) + t("r", (3,))
    assert checked(bad) is bad
    with pytest.raises(ed.ShapeError, match=r"size (2|3).*(2|3)"):
        ev(bad, p=ones(2), q=ones(2), r=ones(3))


@pytest.mark.parametrize("steps", [6, 12, 16, 60])
@pytest.mark.parametrize(
    "use",
    [
        lambda e: ed.evaluate(e, x=np.ones((2, 2))),
        lambda e: ed.evaluate(ed.trace(e), x=np.ones((2, 2))),
        lambda e: ed.plan(e, {"x": (2, 2)}),
        lambda e: ed.compile(e).source(x=(2, 2)),
    ],
)
def test_merged_axes_beyond_any_size(steps, use):
    e = ed.tensor("x", "ij")
    for _ in range(steps):
        e = ed.kron(e, e)
    with pytest.raises(ed.LimitError, match=r"makes one of 2\*\*\d+ or more, but sizes are below"):
        use(e)


@pytest.mark.parametrize("steps", [16, 60])
def test_many_axes_merged_are_few_sizes(steps):
    """2**60 axes in one: whatever looks at the size looks at sixty."""
    e = ed.tensor("x", "ij")
    for _ in range(steps):
        e = ed.kron(e, e)
    assert ev(e, x=ones(1, 1)).tolist() == [[1]]
    again = ed.kron(e.T, e.T).T
    assert again.axis_sizes == ed.kron(e, e).axis_sizes
    with pytest.raises(ed.ShapeError, match="merged axes axis 0 of x is not known: give x"):
        ed.evaluate(0 * ed.diag(ed.einsum("ij->i", e)), {})
    with pytest.raises(ed.LimitError, match="more than 1e308 entries"):
        ed.source(e)
