"""Which library an array is of, and which arrays can be used."""

import sys

import numpy as np
import pytest

import einderiv as ed
from einderiv.errors import BackendError, EinderivError
from einderiv.expression import is_array, library, usable


class Sub(np.ndarray):
    pass


class Duck:
    shape, dtype = (2,), np.dtype(float)


class Offers:
    """No array, but it can become one."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0], dtype)


class Impostor:
    """A class is known by its module's first word, all of it."""

    shape, dtype = (2,), "float"


Impostor.__module__ = "torchlike.tensor"
A = np.arange(6.0).reshape(2, 3)
IS = [
    # value                     array   library
    (A,                         True,   "numpy"),
    (np.zeros(()),              True,   "numpy"),
    (np.float32(3),             True,   "numpy"),
    (np.zeros(0).view(Sub),     True,   "numpy"),
    (np.ma.masked_array([1]),   True,   "numpy"),
    (Duck(),                    True,   None),
    (Impostor(),                True,   None),
    (Offers(),                  False,  None),
    ([1, 2],                    False,  None),
    (3,                         False,  None),
    ("X",                       False,  None),
    (None,                      False,  None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "array", "name"), IS, ids=[type(row[0]).__name__ for row in IS])
def test_library(value, array, name):
    assert is_array(value) is array
    assert library(value) == name


@pytest.mark.parametrize("kind", ["torch", "jax"])
def test_other_libraries_are_known_and_refused(kind):
    pytest.importorskip(kind)
    array = sys.modules[kind].numpy.ones(2) if kind == "jax" else sys.modules[kind].ones(2)
    assert is_array(array)
    assert library(array) == kind
    with pytest.raises(
        BackendError, match=rf"^operand 3 is an array of {kind}; .*with numpy\.asarray"
    ):
        usable(array, "operand 3")


@pytest.mark.parametrize(
    "array",
    [
        A,
        A.T,
        A[::-1, ::2],
        np.zeros(()),
        np.zeros((0, 3)),
        np.broadcast_to(1.0, (3, 3)),
        np.zeros(1).view(Sub),
        *(np.zeros(2, kind) for kind in "?bBhHiIlLqQefdgFDG"),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_numpy_arrays_stay_as_they_are(array):
    found = usable(array, "X")
    assert np.shares_memory(found, array) == bool(array.size), "held, not copied"
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    if type(array) is np.ndarray:
        assert found is array


def test_read_only_arrays_are_used_and_stay_read_only():
    array = np.arange(3)
    array.flags.writeable = False
    assert usable(array, "X") is array
    assert not array.flags.writeable


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ([1, 2], np.array([1, 2])),
        (((1.0,), (2.0,)), np.array([[1.0], [2.0]])),
        ([], np.zeros(0)),
        ([[], []], np.zeros((2, 0))),
        (3, np.array(3)),
        (2.5, np.array(2.5)),
        (1j, np.array(1j)),
        (True, np.array(True)),
        (Offers(), np.array([1.0, 2.0])),
        (np.float32(3), np.array(3, np.float32)),
    ],
)
def test_what_becomes_an_array(value, want):
    found = usable(value, "X")
    assert isinstance(found, np.ndarray)
    assert (found.shape, found.dtype) == (want.shape, want.dtype)
    assert np.array_equal(found, want)


def nested(depth):
    value = 1.0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (None, TypeError, "must be an array, a number or .*, not None"),
        ({"a": 1}, TypeError, "must be an array, .* not dict"),
        (object(), TypeError, "must be an array, .* not object"),
        ([1, None], TypeError, "has dtype object"),
        (["a"], TypeError, "has dtype <U1, which cannot be computed with"),
        (np.array(["a"]), TypeError, "has dtype <U1"),
        (np.array([b"a"]), TypeError, r"has dtype \|S1"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, r"has dtype datetime64\[D\]"),
        (np.array([1], "m8[s]"), TypeError, r"has dtype timedelta64\[s\]"),
        (np.zeros(1, [("a", int)]), TypeError, "has dtype "),
        (np.array([1, "a"], object), TypeError, "has dtype object"),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), TypeError, r"is a masked array.*\.filled\(0\)"),
        (np.ma.masked_array([1.0, 2.0]), TypeError, "is a masked array"),
        ([[1, 2], [3]], EinderivError, "is no array: .*inhomogeneous"),
        (nested(100), EinderivError, "is no array: "),
    ],
)
def test_what_cannot_be_used(value, kind, message):
    with pytest.raises(kind, match=rf"^operand 7 {message}") as info:
        usable(value, "operand 7")
    assert "\n" not in str(info.value)
    assert len(str(info.value)) < 250


class Refuses:
    """An array of another library that is no NumPy array, and says so in its own words."""

    shape, dtype, ndim = (2, 3), np.dtype(float), 2

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


class Table:
    """What has rows and columns, becomes an array, and has no one dtype."""

    shape = (2, 3)

    def __array__(self, dtype=None, copy=None):
        return np.arange(6.0).reshape(2, 3)

    def __iter__(self):
        return iter("abc")


X = ed.tensor("X", "ij")


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError, KeyError, AttributeError])
@pytest.mark.parametrize(
    "use",
    [
        lambda value: ed.evaluate(ed.sum(X), X=value),
        lambda value: ed.einsum("ij->", value),
        lambda value: X + value,
        lambda value: ed.substitute(ed.sum(X), X=value),
        lambda value: ed.compile(ed.sum(X), constants=["X"])(X=value),
        lambda value: ed.check(ed.sum(X), X, X=value),
        lambda value: ed.minimize(ed.sum(X * X), X, value),
    ],
)
def test_an_error_of_another_library_is_one_of_ours(use, error):
    with pytest.raises(TypeError, match=r"type Refuses, which NumPy makes no array of: .*dense"):
        use(Refuses(error("cannot be made dense")))


@pytest.mark.parametrize(
    ("e", "value"),
    [
        (X - Table(), -15),
        (Table() - X, 15),
        (X + Table(), 15),
        (Table() * (X + 1), 15),
        (X @ Table().__array__().T, 0),
    ],
)
def test_a_table_is_an_operand_of_operators(e, value):
    assert ed.evaluate(ed.sum(e), X=np.zeros((2, 3))) == value


def test_pandas_leaves_an_operator_to_expressions():
    assert X.__pandas_priority__ > 4000  # that of its tables


def test_what_an_expression_lacks_is_an_error_of_ours_too():
    for name in ("dims", "values"):
        assert not hasattr(X, name)
        with pytest.raises(EinderivError, match=f"no attribute '{name}'"):
            getattr(X, name)


@pytest.mark.parametrize("kind", ["csr_array", "coo_array", "csr_matrix"])
def test_sparse_arrays_are_named_and_refused(kind):
    """Held ones: those of a call are operands."""
    sparse = pytest.importorskip("scipy.sparse")
    S, w = getattr(sparse, kind)(np.eye(2)), ed.tensor("w", "j")
    calls = (
        lambda: ed.einsum("ij,j->i", S, w),
        lambda: ed.tensor("A", "ij") - S,
        lambda: S - ed.tensor("A", "ij"),
        lambda: ed.constant(S),
    )
    for call in calls:
        with pytest.raises(TypeError, match=rf"not {kind}: give it dense, with .toarray"):
            call()


def test_tables_of_pandas():
    pandas = pytest.importorskip("pandas")
    M = np.arange(6.0).reshape(2, 3)
    table, A = pandas.DataFrame(M, columns=list("abc")), ed.tensor("A", "ij")
    for e, want in (
        (A - table, 1 - M),
        (table - A, M - 1),
        (A @ table.T, np.ones((2, 3)) @ M.T),
        (ed.einsum("ij->", table), 15),
        (table["a"] * ed.tensor("v", "i"), [0, 3]),
    ):
        given = {"A": np.ones((2, 3)), "v": np.ones(2)}
        assert np.array_equal(ed.evaluate(e, given), want)
    assert ed.evaluate(ed.sum(A), A=table) == 15
    with pytest.raises(TypeError, match="dtype object"):
        ed.evaluate(ed.sum(A), A=table.astype(str).astype(object))
