"""The attributes of an expression that are not data: operators, printed forms, and what must not
work silently.

They are implemented by the floors above the nodes, and installed here, in one visible place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from . import expression, functions, parsing, printing
from .errors import NoFormError
from .expression import Add, Expr, SymbolicSize, is_array, operand, same, shape_of, total_weight
from .functions import VOCABULARY

Binary = Callable[[Any, Any], Expr]


def _binary(f: Binary, *, swapped: bool = False) -> Callable[[Expr, object], Any]:
    """`f` as a method; what is no operand is left to the other side, which Python asks next."""

    @wraps(f)
    def method(self: Expr, other: object) -> Any:
        kinds = (Expr, SymbolicSize, int, float, complex, list, tuple)
        known = isinstance(other, kinds) or is_array(other)
        if not known and not hasattr(other, "__array__"):  # a table of pandas has no one dtype
            return NotImplemented
        value = operand(other)
        return f(value, self) if swapped else f(self, value)

    return method


def _equal(self: Expr, other: object) -> Any:
    if not isinstance(other, Expr):
        return NotImplemented
    return same(self, other, by_value=True)


def _hash(self: Expr) -> int:
    # Equal expressions have equal weights.
    return hash((self.ndim, total_weight(self)))


def _stored(self: Expr) -> tuple[Any, ...]:
    # What pickle keeps: data, and who reads it. Fingerprints differ between processes, so they are
    # made anew.
    return functions.tree_of, (functions.tree_data(self),)


def _itself(self: Expr, *_: object) -> Expr:
    return self  # immutable, so a copy is the thing itself


def _no_truth(self: Expr) -> NoReturn:
    raise TypeError(
        "an expression is neither true nor false; compare with ==, or evaluate it first: "
        "ed.evaluate(e, …). A choice by its values is ed.where(c, x, y), the larger of two "
        "ed.maximum(x, y)"
    )


def _length(self: Expr) -> int:
    if not self.ndim:
        raise TypeError("len() of an expression without axes")
    (length, *_) = shape_of(self)
    if not isinstance(length, int):
        raise TypeError(
            "len() takes a size that is known, and this is not: e.shape[0] stands for it"
        )
    return length


def _size(self: Expr) -> int | SymbolicSize:
    # The number of entries.
    total: int | SymbolicSize = 1
    for size in shape_of(self):
        total = total * size
    return total


def _no_assignment(self: Expr, key: object, value: object) -> NoReturn:
    raise TypeError(
        "expressions are immutable: entries cannot be assigned to. " + _instead_of_assignment(key)
    )


def _no_deletion(self: Expr, key: object) -> NoReturn:
    raise TypeError(
        "expressions are immutable: entries cannot be deleted; e[places] of those that stay, or "
        "ed.concatenate([e[:k], e[k + 1:]]) is another one"
    )


def _instead_of_assignment(key: object) -> str:
    """The line that makes another expression, where the places say one."""
    if isinstance(key, int) and not isinstance(key, bool):
        key = slice(key, key + 1 if key != -1 else None)
        written, value = f"e[{key.start}] = v", "[v]"
    elif isinstance(key, slice) and key.step in (None, 1):
        ends = ["" if end is None else str(end) for end in (key.start, key.stop)]
        written, value = f"e[{':'.join(ends)}] = v", "v"
    else:
        return (
            "For e[mask] = v write e = ed.where(mask, v, e); ed.concatenate and ed.pad put parts "
            "side by side"
        )
    before = [] if key.start in (None, 0) else [f"e[:{key.start}]"]
    behind = [] if key.stop is None else [f"e[{key.stop}:]"]
    if not before and not behind:
        return f"For {written} write e = v"
    parts = ", ".join([*before, value, *behind])
    return f"For {written} write e = ed.concatenate([{parts}])"


def _no_attribute(self: Expr, name: str) -> Any:
    # Asked only for what is not there. NumPy, copy and pickle ask for names with underscores.
    installed = ATTRIBUTES.get(name)
    if isinstance(installed, property) and installed.fget is not None:
        return installed.fget(self)  # which has no such form, and says why once more
    hint = f": ed.{name}(e) is there" if name in VOCABULARY else ""
    if name == "dtype":  # what other libraries ask of an operand
        hint = ", which its arrays decide: write e + array, not array + e, where a library asks"
    message = f"expressions have no attribute {name!r}{hint}"
    if name.startswith("_"):  # asked for by others, not by a user
        raise AttributeError(message)
    raise NoFormError(message)


def _no_member(self: Expr, value: object) -> NoReturn:
    raise TypeError(
        "an expression has no entries to look through; evaluate it first: ed.evaluate(e, …)"
    )


def _no_iteration(self: Expr) -> NoReturn:
    raise TypeError(
        "an expression cannot be iterated over: write e[0], e[1], … for its entries, a, b = e[0], "
        "e[1], and ed.stack([f(e[k]) for k in range(n)]) for what a loop makes of each; or "
        "evaluate it first: ed.evaluate(e, …)"
    )


def _no_array(self: Expr, *args: object, **kwargs: object) -> NoReturn:
    raise TypeError("an expression is not an array; evaluate it with ed.evaluate(e, …)")


def _no_coefficient(self: Expr) -> Any:
    if isinstance(self, Add):
        raise NoFormError(
            f"this is a sum of {len(self.addends)} products, not one; read each of them in .terms"
        )
    return 1


def _reshape(self: Expr, *shape: Any, order: str = "C") -> Expr:
    # e.reshape(2, 3), e.reshape((2, 3))
    one = len(shape) == 1 and isinstance(shape[0], (tuple, list))
    return functions.reshape(self, shape[0] if one else shape, order)


def _transpose(self: Expr, *axes: Any) -> Expr:
    one = len(axes) == 1 and isinstance(axes[0], (tuple, list))
    order = axes[0] if one else axes
    if not axes or order is None or order == (None,):
        return expression.transposed(self)
    return functions.permuted(self, expression.axes_of(self, tuple(order)))


def _clip(self: Expr, min: object = None, max: object = None) -> Expr:
    return functions.clip(self, min, max)


def _matrix_transposed(self: Expr) -> Expr:
    # The last two axes change places, whatever stands before them.
    return functions.swapaxes(self, -1, -2)


def _size_ufunc(self: SymbolicSize, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    # A size is a number to NumPy: np.sqrt(n), array * n.
    plain = [one.expression() if isinstance(one, SymbolicSize) else one for one in inputs]
    return functions.array_ufunc(self.expression(), ufunc, method, *plain, **options)


def _array_of(self: Expr, *args: object, **kwargs: object) -> NoReturn:
    raise TypeError(
        "an expression is not an array, and cannot be written into one; evaluate it with "
        "ed.evaluate(e, …). For np.array([[a, b], [c, d]]) of expressions write "
        "ed.stack([[a, b], [c, d]]), for a[1:] = e ed.concatenate([a[:1], e]), for a[mask] = e "
        "ed.where(mask, e, a), for table @ e of pandas table.to_numpy() @ e"
    )


REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std")
ATTRIBUTES: dict[str, object] = {
    "__add__": _binary(expression.add),
    "__radd__": _binary(expression.add, swapped=True),
    "__sub__": _binary(functions.subtracted),
    "__rsub__": _binary(functions.subtracted, swapped=True),
    "__mul__": _binary(expression.multiply),
    "__rmul__": _binary(expression.multiply, swapped=True),
    "__truediv__": _binary(functions.divided),
    "__rtruediv__": _binary(functions.divided, swapped=True),
    "__matmul__": _binary(expression.matmul),
    "__rmatmul__": _binary(expression.matmul, swapped=True),
    "__mod__": _binary(functions.remainder),
    "__rmod__": _binary(functions.remainder, swapped=True),
    "__floordiv__": _binary(functions.floor_divided),
    "__rfloordiv__": _binary(functions.floor_divided, swapped=True),
    "__pow__": functions.powered,
    "__rpow__": _binary(functions.powered, swapped=True),
    "__abs__": functions.abs_,
    "__getattr__": _no_attribute,
    "__gt__": _binary(functions.greater),
    "__ge__": _binary(functions.greater_equal),
    "__lt__": _binary(functions.less),
    "__le__": _binary(functions.less_equal),
    "__neg__": functions.negated,
    "__pos__": _itself,
    "__and__": _binary(functions.both),
    "__rand__": _binary(functions.both, swapped=True),
    "__or__": _binary(functions.either),
    "__ror__": _binary(functions.either, swapped=True),
    "__xor__": _binary(functions.one_of),
    "__rxor__": _binary(functions.one_of, swapped=True),
    "__invert__": functions.opposite,
    "__eq__": _equal,
    "__hash__": _hash,
    "__bool__": _no_truth,
    "__getitem__": functions.entries,
    "__delitem__": _no_deletion,
    "__setitem__": _no_assignment,
    "__len__": _length,
    "__iter__": _no_iteration,
    "__contains__": _no_member,
    "__array__": _array_of,
    # NumPy asks these, also for ``ndarray * expression``: it never makes an object array of an
    # expression.
    "__array_ufunc__": functions.array_ufunc,
    "__array_function__": functions.array_function,
    "__float__": _no_array,
    "__complex__": _no_array,
    "__int__": _no_array,
    "__reduce__": _stored,
    "__copy__": _itself,
    "__deepcopy__": _itself,
    "__str__": printing.as_text,
    "__repr__": printing.as_text,
    "_repr_mimebundle_": printing.expression_bundle,
    "shape": property(shape_of),
    "size": property(_size),
    "reshape": _reshape,
    "ravel": functions.ravel,
    "flatten": functions.ravel,
    "transpose": _transpose,
    "swapaxes": functions.swapaxes,
    "squeeze": functions.squeeze,
    "copy": _itself,
    "trace": functions.trace_at,
    "diagonal": functions.diagonal,
    "cumsum": functions.cumsum,
    **{name: functions.method_of(name) for name in REDUCTIONS},
    "astype": functions.astype,
    "dot": functions.dot,
    "conj": functions.conj,
    "clip": _clip,
    "take": functions.take,
    "repeat": functions.repeat,
    "T": property(expression.transposed),
    "mT": property(_matrix_transposed),
    "terms": property(expression.terms),
    "subscripts": property(printing.printed_subscripts),
    "operands": property(printing.printed_operands),
    "inserted": property(printing.inserted_subscripts),
    "compact": property(printing.compact_subscripts),
    "sizes": property(printing.printed_sizes),
    "interleaved": property(printing.interleaved_operands),
    "coefficient": property(_no_coefficient),
    "kinds": property(parsing.kinds_of),
}


def install() -> None:
    """Give expressions their attributes."""
    for name, value in ATTRIBUTES.items():
        setattr(Expr, name, value)
    SymbolicSize.__array_ufunc__ = _size_ufunc  # type: ignore[attr-defined]
