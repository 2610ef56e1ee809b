"""``e.shape``, ``e.size`` and ``len(e)``: numbers where sizes are known, else sizes to compute with."""

import math

import numpy as np
import pytest

import einderiv as ed

X = ed.tensor("X", "ij")
n, m = X.shape
AT = np.arange(12.0).reshape(3, 4)

SIZES = {  # a size that is computed, and the same of numbers
    "sum": (n + m, 7),
    "with numbers": (2 * n - 1 + m * 3, 17),
    "difference": (m - n, 1),
    "from a number": (10 - n, 7),
    "product": (n * m, 12),
    "power": (n**2, 9),
    "quotient": (m // n, 1),
    "quotient of a number": (10 // n, 3),
    "by a number": ((m + 1) // 2, 2),
    "rest": (m % n, 1),
    "numpy's number": (n + np.int64(2), 5),
    "positive": (+n, 3),
}
NUMBERS = {  # an expression of sizes, and its value
    "half": (n / 2, 1.5),
    "share": (1 / m, 0.25),
    "ratio": (n / m, 0.75),
    "scaled": (0.5 * n, 1.5),
    "shifted": (n + 0.5, 3.5),
    "less": (0.5 - n, -2.5),
    "root": (n**0.5, math.sqrt(3)),
    "two to the": (2.0**n, 8.0),
    "mean": (ed.sum(X) / n, 22.0),
    "from the left": (n * ed.sum(X), 198.0),
    "in a sum": (ed.sum(X) + m, 70.0),
    "less than": (n - ed.sum(X), -63.0),
    "negative": (ed.sum(X) * (n - 5), -132.0),
    "quotient": (ed.sum(X) * (m // 3), 66.0),
    "numpy's function": (np.sqrt(n), math.sqrt(3)),
    "ours": (ed.log(n * m), math.log(12)),
    "an array": (np.array([1.0, 2.0]) * n, [3.0, 6.0]),
    "minus": (-n / 1.0, -3.0),
}


def test_shapes_of_known_sizes_are_numbers():
    assert ed.tensor("Y", (2, 3)).shape == (2, 3) and ed.tensor("s").shape == ()
    assert ed.tensor("Y", (2, 3)).size == 6 and ed.tensor("s").size == 1
    assert len(ed.tensor("Y", (2, 3))) == 2
    assert type(ed.tensor("Y", (2, 3)).shape[0]) is int


def test_a_size_is_known_where_it_follows():
    y = ed.tensor("y", "i")
    assert (y + np.ones(4)).shape == (4,) and ed.einsum("ij,j->i", np.ones((5, 2)), "v").shape == (
        5,
    )
    assert n - n == 0 and type(n - n) is int and (n + m) - m == n


@pytest.mark.parametrize(("size", "want"), SIZES.values(), ids=SIZES)
def test_sizes_are_taken(size, want):
    assert ed.evaluate(ed.ones((size,)), X=AT).shape == (want,)


@pytest.mark.parametrize(("e", "want"), NUMBERS.values(), ids=NUMBERS)
def test_sizes_are_numbers(e, want):
    assert isinstance(e, ed.Expr)
    np.testing.assert_allclose(ed.evaluate(e, X=AT), want, rtol=1e-14)


def test_derivatives_know_what_a_size_is_of():
    J = ed.derive(ed.sum(X) / n, X)
    assert (ed.evaluate(J, X=AT) == np.full((3, 4), 1 / 3)).all()


def test_strings_and_equality():
    assert str(2 * n - 1) == "2 * X.shape[0] - 1" and repr(n // 2) == "X.shape[0] // 2"
    assert n == X.shape[0] and n != m and n != 3 and hash(n) == hash(X.shape[0])
    assert X.size == n * m


def test_einsum_takes_them():
    e = ed.einsum("i->ij", "v", sizes={"j": n + 1})
    assert ed.evaluate(e, v=[1, 2], X=AT).shape == (2, 4)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda: len(X), r"e\.shape\[0\]"),
        (lambda: len(ed.tensor("s")), r"without axes"),
        (lambda: range(n), r"the size X\.shape\[0\] is not known until arrays are given"),
        (lambda: int(n), r"not known until arrays are given"),
        (lambda: bool(n), r"not known until arrays are given"),
        (lambda: n // 1.5, r"unsupported operand"),
        (lambda: n < 3, r"< 3 is not known until arrays are given"),
    ],
)
def test_refused(f, said):
    with pytest.raises(TypeError, match=said):
        f()
