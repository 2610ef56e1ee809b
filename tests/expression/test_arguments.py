"""What users give, looked at: numbers, operands, names, whole numbers, bytes."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import (
    Constant,
    as_expression,
    check_name,
    natural,
    number,
    operand,
    parsed_bytes,
)

X = ed.tensor("X", "ij")


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (3, 3),
        (2.5, 2.5),
        (1j, 1j),
        (True, True),
        (np.int8(3), 3),
        (np.float32(0.5), 0.5),
        (np.complex64(1j), 1j),
        (np.array(3), None),
        ([1], None),
        ("3", None),
        (None, None),
        (X, None),
    ],
)
def test_number(value, want):
    assert number(value) == want
    assert type(number(value)) in (bool, int, float, complex, type(None)), (
        "NumPy's would decide dtypes"
    )


def test_operand():
    assert operand(X) is X
    assert operand(3) == 3
    array = np.ones(2)
    held = operand(array)
    assert isinstance(held, Constant)
    assert held.value is array
    assert as_expression(3).ndim == 0
    with pytest.raises(TypeError, match=r"the argument is the string 'X': ed\.tensor makes"):
        as_expression("X")


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (True, TypeError, "the size must be a whole number, not True"),
        (2.0, TypeError, "the size must be a whole number, not 2.0"),
        (-1, ed.ShapeError, "the size is -1, but sizes are not negative"),
        (2**63, ed.ShapeError, r"the size is 2\*\*63 or more"),
    ],
)
def test_natural_numbers(value, kind, message):
    assert natural(np.int64(3), "the size") == 3
    with pytest.raises(kind, match=message):
        natural(value, "the size")


def test_names():
    check_name("batch", "an axis")
    with pytest.raises(TypeError, match="the name of an axis must be a string, not int"):
        check_name(3, "an axis")
    with pytest.raises(ed.ParseError, match="the name of an axis must be an ASCII identifier"):
        check_name("a-b", "an axis")


BYTES = [("2GiB", 2**31), (" 500 MB", 5 * 10**8), ("1.5kib", 1536), (7, 7), ("12", 12)]


@pytest.mark.parametrize(("text", "want"), BYTES)
def test_bytes(text, want):
    assert parsed_bytes(text) == want


@pytest.mark.parametrize("text", ["", "GiB", "2 elephants", "1e9", "-3MB", "٣MB", "9" * 100])
def test_no_bytes(text):
    with pytest.raises(ed.EinderivError, match="memory_limit is a number of bytes"):
        parsed_bytes(text)
