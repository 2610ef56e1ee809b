"""What users give, looked at once: numbers, operands, names, natural numbers, bytes."""

from __future__ import annotations

from numbers import Number as AnyNumber
from typing import Any

from ..errors import EinderivError, ParseError, ShapeError, limits
from .arrays import is_array, usable
from .dims import dims_of, indexes_of
from .nodes import Constant, Expr, Number, filled, put
from .string_parts import is_name
from .symbolic_sizes import SymbolicSize

LARGEST = 1023  # bits of a whole number: larger ones are beyond every float
UNITS = {
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}

Operand = Expr | Number


def number(value: object) -> Number | None:
    """`value` as a Python number, or None. A NumPy scalar counts as a number: it does not decide
    the dtype.
    """
    if isinstance(value, (int, float, complex)) and not is_array(value):
        if isinstance(value, int) and value.bit_length() > LARGEST:
            raise EinderivError(
                f"a number of {value.bit_length()} bits is beyond what floats hold, 2**{LARGEST}"
            )
        return value
    if is_array(value) and getattr(value, "shape", None) == () and isinstance(value, AnyNumber):
        return _item(value)
    return value if isinstance(value, (int, float, complex)) else None


def _item(value: Any) -> Number:
    """The Python number of a NumPy scalar."""
    item = value.item()
    if not isinstance(item, (int, float, complex)):
        raise TypeError(f"a number of dtype {value.dtype} cannot be held by an expression")
    return item


def operand(value: object, what: str = "an operand") -> Operand:
    """An expression or a number; arrays and nested lists become constants."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, SymbolicSize):
        return value.expression()
    if isinstance(value, bool):
        raise TypeError(
            f"{what} is the bool {value}: == compares whole expressions, ed.equal(x, y) entries"
        )
    if (plain := number(value)) is not None:
        return plain
    if isinstance(value, str):
        raise TypeError(f"{what} is the string {value[:30]!r}: ed.tensor makes a tensor of a name")
    return held(value, what)


def held(value: object, what: str, name: str | None = None) -> Constant:
    """An array that an expression holds, under the names of its axes if it has some."""
    array = usable(value, what)
    dims = dims_of(value) or ()
    axes = tuple([dim if is_name(dim) else None for dim in dims])
    constant = Constant(array, array.shape, name, axes)
    labels = indexes_of(value)
    if any(index is not None for index in labels):
        put(constant, "labels", labels)
    return constant


def as_expression(value: object, what: str = "the argument") -> Expr:
    """Like :func:`operand`, but a number becomes an expression too."""
    found = operand(value, what)
    return found if isinstance(found, Expr) else filled(found, (), ())


def check_name(name: object, what: str, text: str | None = None) -> None:
    """Raise unless `name` is fit for a tensor or an axis."""
    if not isinstance(name, str):
        raise TypeError(f"the name of {what} must be a string, not {type(name).__name__}")
    limits.check("characters", len(name))
    if is_name(name):
        return
    text = name if text is None else text
    at = text.find(name) if name else 0
    # The first character that no name may have; where each of them may be, the first of all.
    odd = 0
    for p, character in enumerate(name):
        if not is_name(f"a{character}_"):
            odd = p
            break
    code = "" if name.isascii() else f" (U+{ord(name[odd]):04X})"
    raise ParseError(
        f"the name of {what} must be an ASCII identifier and no Python keyword, not "
        f"{name[:30]!a}{code}",
        text or " ",
        max(at, 0) + odd,
    )


def natural(value: Any, what: str) -> int:
    """`value` as an integer that is not negative: a size, a count, a number of bytes.

    Raises TypeError for anything but a whole number, ShapeError for one that no size can be.
    """
    plain = number(value)
    if isinstance(plain, bool) or not isinstance(plain, int):
        raise TypeError(f"{what} must be a whole number, not {value!r}")
    if plain >= 2**63:
        raise ShapeError(
            f"{what} is 2**{plain.bit_length() - 1} or more, but sizes are below 2**63"
        )
    if plain < 0:
        raise ShapeError(f"{what} is {plain}, but sizes are not negative")
    return plain


def parsed_bytes(limit: int | str, what: str = "memory_limit") -> int:
    """A number of bytes, or text with a unit: ``"2GiB"``, ``"500 MB"``."""
    if not isinstance(limit, str):
        return natural(limit, what)
    text = limit.strip().lower()
    units = [unit for unit in UNITS if text.endswith(unit)]
    unit = units[0] if units else ""
    digits = text.removesuffix(unit).strip()
    is_decimal = digits.isascii() and digits.replace(".", "", 1).isdigit()
    if not is_decimal or len(digits) > 20:
        raise EinderivError(
            f"{what} is a number of bytes or text such as '2GiB', not {limit[:40]!r}; "
            f"the units are {', '.join(UNITS)}"
        )
    return int(float(digits) * UNITS.get(unit, 1))


def truth(value: Any, what: str) -> bool:
    """An option that is True or False; NumPy's are those of Python.

    Raises TypeError for anything else: a word such as ``"none"`` or ``"no"`` would count as true.
    """
    if value is True or value is False:
        return value
    if type(value).__name__ in ("bool", "bool_") and type(value).__module__ == "numpy":
        return bool(value)
    raise TypeError(f"{what} is True or False, not {str(value)[:40]!r}")
