"""What a row of the table of JAX's primitives is, and what its reader is given.

A value of a jaxpr is an array that is known, an expression, or something that has no form, which is
an error where it is used. So what JAX computes beside the result, such as the factors of a matrix
that only its own derivatives need, does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..errors import BackendError
from ..expression import Einsum, Expr, Label, Size, assemble, checked, filled, held
from .imported import no_form

Shape = tuple[int, ...]


class Missing:
    """A value that has no form. `error` is what using it raises."""

    def __init__(self, error: BackendError) -> None:
        self.error = error


Value = Any  # a NumPy array, an Expr or Missing: NumPy is not loaded with this module
Reader = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """How one primitive is read."""

    name: str
    reader: Reader
    example: str  # of JAX, of x
    shape: Shape  # of x in the example
    calls: bool  # does it hold jaxprs, and take known arrays too?
    says: str  # what is to be known of it
    also: tuple[str, ...]  # its names in other versions of JAX, and what is read in the same way


ROWS: list[Row] = []
BY_NAME: dict[str, Row] = {}


def reads(
    name: str,
    example: str,
    shape: Shape = (3, 4),
    *,
    calls: bool = False,
    says: str = "",
    also: tuple[str, ...] = (),
) -> Callable[[Reader], Reader]:
    """Enter a reader: it takes a :class:`Step` and the values of the inputs, and answers the value
    of the output, or a list of several.
    """

    def enter(reader: Reader) -> Reader:
        row = Row(name, reader, example, shape, calls, says, also)
        ROWS.append(row)
        for one in (name, *also):
            assert one not in BY_NAME, "each primitive has one row"
            BY_NAME[one] = row
        return reader

    return enter


class Made(NamedTuple):
    """By which primitive of which values a value was made."""

    name: str
    inputs: Sequence[Value]
    params: dict[str, Any]
    shape: Shape
    shape_before: Shape  # of the first of these values


class Reads(Protocol):
    """What a reader may ask of the reading that it is part of."""

    own_rules: list[Step]  # calls of functions with derivatives of their own

    def made(self, value: Value) -> Made | None:
        """How a value that is not known was made; None of an input."""

    def of(self, jaxpr: Any, constants: Sequence[Any], values: Sequence[Value]) -> list[Value]:
        """The results of a jaxpr for values of its inputs."""

    def of_closed(self, closed: Any, values: Sequence[Value]) -> list[Value]:
        """The results of a jaxpr with its constants."""


class Step:
    """An equation of a jaxpr: one call of a primitive."""

    def __init__(self, equation: Any, reading: Reads, outer: Step | None = None) -> None:
        """`outer` is the call that holds the jaxpr."""
        self.name: str = equation.primitive.name
        self.primitive = equation.primitive
        self.params: dict[str, Any] = equation.params
        self.inputs = [variable.aval for variable in equation.invars]
        self.outputs = [variable.aval for variable in equation.outvars]
        self.reading = reading
        self.outer = outer
        self._source = equation.source_info

    @property
    def shape(self) -> Shape:
        """Of the first output."""
        return tuple([int(n) for n in self.outputs[0].shape])

    @property
    def kind(self) -> str:
        """Of the dtype of the first output: ``"f"``, ``"c"``, ``"i"``, ``"u"`` or ``"b"``."""
        return kind_of(self.outputs[0].dtype)

    def shape_of(self, k: int) -> Shape:
        """Of an input."""
        return tuple([int(n) for n in self.inputs[k].shape])

    def line(self) -> str:
        """Where in the user's code it was made. Inside a function of JAX's own, whose jaxpr may be
        that of an earlier call, it is where that is called.
        """
        told: Step = self
        outer = self.outer
        while outer is not None:
            if outer.calls_jax or not told.own_line():
                told = outer
            outer = outer.outer
        return told.own_line() or "a line that this version of JAX does not tell"

    def own_line(self) -> str:
        """Its line, without a look at the calls around it; empty where JAX does not tell."""
        try:
            from jax._src import source_info_util

            return str(source_info_util.summarize(self._source)).lstrip(":")
        except Exception:  # no public function says so, and that one may move
            return ""

    @property
    def calls_jax(self) -> bool:
        """Is it the call of a function of JAX's own?"""
        return is_of_jax(self.params.get("jaxpr", self.params.get("call_jaxpr")))

    def refused(self, way_round: str) -> BackendError:
        """The error that it has no expression, with a way round."""
        return no_form(f"the primitive {self.name} of JAX", self.line(), way_round)


def kind_of(dtype: Any) -> str:
    """The kind of a dtype as NumPy has them; the short floats that NumPy does not have are
    floats.
    """
    import numpy as np

    kind = str(getattr(dtype, "kind", "O"))
    if kind == "V" and np.dtype(dtype).name.startswith(("bfloat", "float")):
        return "f"
    return kind


def is_of_jax(closed: Any) -> bool:
    """Is a jaxpr that of one of JAX's own functions, and no user's?"""
    information = getattr(getattr(closed, "jaxpr", closed), "debug_info", None)
    place = str(getattr(information, "func_src_info", "") or "").replace("\\", "/")
    return "/jax/" in place or "jax/_src" in place


# ---- values
def is_known(value: Value) -> bool:
    """An array?"""
    return not isinstance(value, (Expr, Missing))


def expression(value: Value) -> Expr:
    """A value as an expression: of an array that is one number throughout, of an identity matrix
    and of what is repeated along axes, no array is held.
    """
    if isinstance(value, Missing):
        raise value.error
    if isinstance(value, Expr):
        return value
    import numpy as np

    array = np.asarray(value)
    if kind_of(array.dtype) == "b" or array.dtype.kind == "V":
        array = array.astype(np.float64)  # a mask is 0 and 1; NumPy has no shorter floats
    names = (None,) * array.ndim
    number = uniform(array)
    if number is not None:
        return filled(number, array.shape, names)
    if array.ndim == 2 and array.shape[0] == array.shape[1]:
        front = array[0, 0]
        if front != 0 and np.array_equal(array, front * np.eye(len(array), dtype=array.dtype)):
            # ->ii
            return Einsum(front.item(), (), (), (0, 0), ((0, array.shape[0]),), axes=names)
    repeated = [
        p
        for p, (n, s) in enumerate(zip(array.shape, array.strides, strict=True))
        if s == 0 and n > 1
    ]
    core = array[tuple([0 if p in repeated else slice(None) for p in range(array.ndim)])]
    kept = tuple([p for p in range(array.ndim) if p not in repeated])
    return product([(held(core, "an array of the function"), kept)], range(array.ndim), array.shape)


def uniform(value: Value) -> int | float | complex | None:
    """The number that a known array holds at every entry; None if there is no such."""
    import numpy as np

    if not is_known(value):
        return None
    array = np.asarray(value)
    if not array.size:
        return None
    first = array[(0,) * array.ndim]
    is_one_entry = all([n == 1 or s == 0 for n, s in zip(array.shape, array.strides, strict=True)])
    if not is_one_entry and not (array == first).all():
        return None
    number = first.item()
    return int(number) if isinstance(number, bool) else number


def operand(value: Value) -> Any:
    """A number where the value is one throughout, else an expression."""
    number = uniform(value)
    return expression(value) if number is None else number


def whole(value: Value) -> int | None:
    """The whole number that a known scalar is."""
    number = uniform(value)
    return number if isinstance(number, int) else None


# ---- einsums
def product(
    slots: Sequence[tuple[Expr, Sequence[Label]]],
    output: Sequence[Label],
    shape: Sequence[Size],
) -> Expr:
    """One einsum by labels, its output of a known shape. A label that only the output has
    broadcasts.
    """
    written = tuple(output)
    given = tuple(dict(zip(written, shape, strict=True)).items())
    return checked(
        assemble(
            1,
            [(e, tuple(labels)) for e, labels in slots],
            written,
            axes=(None,) * len(written),
            given=given,
        )
    )


def spread(e: Expr, places: Sequence[int], shape: Shape) -> Expr:
    """`e` with its axes at `places` of a larger shape; along the others it is repeated."""
    return product([(e, places)], range(len(shape)), shape)
