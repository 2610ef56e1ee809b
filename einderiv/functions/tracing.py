"""A NumPy function read by calling it once with expressions: ``ed.trace_function``.

What NumPy asks its operands for, they answer themselves. ``np.array([a, b])`` and ``np.zeros(n)``
ask nobody: while a function is read, its name of the module NumPy stands for one whose functions
that make arrays know expressions and sizes.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..expression import Expr, SymbolicSize, Tensor, number, numbered, tensor
from . import arrays
from .arrays import holds_expressions
from .fourier import fftfreq, rfftfreq
from .numpy_api import check_arguments, numpy_call, numpy_function, numpy_names
from .scipy_api import SCIPY, SCIPY_OBJECTS

#: libraries whose own functions are left as they are
_LEFT = frozenset(("numpy", "scipy", "einderiv", "jax", "torch", "pandas", "matplotlib"))


def trace_function(f: Callable[..., Any], /, *tensors: object, **named: object) -> Any:
    """``trace_function(f, X="is")``: the expression that `f`, written for NumPy arrays, computes.

    `f` is called once, with expressions: those given, and for a string or tuple of axes the tensor
    of the parameter's name, ``"nd"`` with sizes that are open, ``(5, 3)`` with known ones. Numbers
    and arrays are handed on. Lists, tuples and dicts of expressions come back as they are.
    ``np.array([a, b])`` of expressions and ``np.zeros(X.shape)`` are read, in `f` and in functions
    of Python that it calls. What depends on numbers in `f` (``if``, indexing, loops over entries)
    is a TypeError that says what to do.

    >>> import einderiv as ed
    >>> import numpy as np
    >>> def loss(X, w, y):
    ...     return np.sum((X @ w - y) ** 2)
    >>> written = ed.parse("X: nd\\nsum((X @ w - y)**2)", tensors={"w": "d", "y": "n"})
    >>> ed.trace_function(loss, "nd", "d", "n") == written
    True

    Raises TypeError if `f` gives something else than expressions.
    """
    if not callable(f):
        raise TypeError(f"trace_function takes a function, not {type(f).__name__}")
    names = parameter_names(f, len(tensors))
    args = [_traced(value, name) for name, value in zip(names, tensors, strict=True)]
    keywords = {name: _traced(value, name) for name, value in named.items()}
    try:
        result = _Reader().read(f)(*args, **keywords)
    except ValueError as error:
        # NumPy tries float(e), and says that e is a sequence.
        if isinstance(error.__cause__, TypeError) and "setting an array element" in str(error):
            raise TypeError(
                "an expression cannot be written into an array: for a[k] = e write "
                "ed.concatenate([a[:k], [e], a[k + 1:]]), or ed.stack([…]) of all entries"
            ) from error
        raise
    _check_expressions(result, getattr(f, "__name__", "the function"))
    return result


def parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of the parameters that take so many positional arguments; of ``*xs`` they are xs0,
    xs1, …

    >>> parameter_names(lambda a, *xs: None, 3)
    ['a', 'xs0', 'xs1']
    """
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # a function written in C may have none to show
        parameters = []
    names = []
    rest = "x"
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            rest = parameter.name
    names += [f"{rest}{k}" for k in range(count - len(names))]
    return names[:count]


def _traced(value: Any, name: str) -> object:
    """The tensor of a parameter, for axes; anything else as it is, a tensor with its place."""
    if isinstance(value, (str, tuple)):
        value = tensor(name, value)
    return numbered(value) if isinstance(value, Tensor) else value


def _check_expressions(result: object, name: str) -> None:
    stack = [result]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, (list, tuple)):
            stack.extend(part)
        elif not isinstance(part, Expr):
            raise TypeError(
                f"{name} gave {type(part).__name__}, but must give an expression, or a list, tuple "
                "or dict of them"
            )


# ---- functions of NumPy that make arrays


#: functions of NumPy whose argument is a list or a shape
_OF_LISTS = frozenset(
    ("concatenate", "stack", "hstack", "vstack", "dstack", "column_stack", "block", "select")
    + ("einsum", "broadcast_to", "reshape", "split", "tile", "pad", "transpose")
)


def _array(object: object, *_: object, **__: object) -> Expr:
    if isinstance(object, SymbolicSize):
        return object.expression()
    return arrays.expression_of(object)


def _zeros(shape: object, *_: object, **__: object) -> Expr:
    return arrays.zeros(shape)


def _ones(shape: object, *_: object, **__: object) -> Expr:
    return arrays.ones(shape)


def _full(shape: object, fill_value: object, **__: object) -> Expr:
    if isinstance(fill_value, Expr) or number(fill_value) is None:
        return arrays.broadcast_to(fill_value, shape)
    return arrays.ones(shape) * fill_value


def _eye(N: object, M: object = None, k: object = 0, **__: object) -> Expr:
    return arrays.eye(N, M, k)


def _stacked(name: str) -> Callable[..., Any]:
    """NumPy's own would go through its argument, which may be one expression."""

    def stacked(*args: Any, **options: Any) -> Any:
        return numpy_call(name, args, options, f"np.{name}")

    return stacked


def _arange(*bounds: object, **options: object) -> Expr:
    options.pop("dtype", None)
    named = [options.pop(name) for name in ("start", "stop", "step") if name in options]
    return arrays.arange(*bounds, *named, **options)


def _of_list(name: str) -> Callable[..., Any]:
    """A function of one array, which may be a list of expressions."""

    def function(a: object, *args: Any, **options: Any) -> Any:
        return numpy_call(name, (arrays.expression_of(a), *args), options, f"np.{name}")

    return function


#: what makes arrays, of expressions or with sizes that are not known
_MAKERS: dict[str, Callable[..., Any]] = {
    "array": _array,
    "asarray": _array,
    "asanyarray": _array,
    "ascontiguousarray": _array,
    "asfarray": _array,
    "zeros": _zeros,
    "empty": _zeros,
    "ones": _ones,
    "full": _full,
    "eye": _eye,
    "identity": _eye,
    "arange": _arange,
    "linspace": lambda *args, **options: numpy_function("linspace")(*args, **options),  # type: ignore[misc]
    **{name: _stacked(name) for name in ("vstack", "hstack", "dstack", "column_stack")},
    **{name: _of_list(name) for name in ("sum", "mean", "prod", "max", "min", "var", "std")},
}


class _Joined:
    """``np.r_`` and ``np.c_``."""

    def __init__(self, original: Any, join: Callable[[list[Any]], Any]) -> None:
        self.original = original
        self.join = join

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not holds_expressions(parts) or any([isinstance(part, str) for part in parts]):
            return self.original[key]
        known = [self.original[part] if isinstance(part, slice) else part for part in parts]
        return self.join(known)


def _in_a_row(parts: list[Any]) -> Any:
    as_vector = numpy_function("atleast_1d")
    assert as_vector is not None
    return arrays.concatenate([as_vector(arrays.expression_of(part)) for part in parts])


class _Listed:
    """A function of NumPy whose arguments may be lists of expressions, which stand for arrays."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self.original = original

    def __call__(self, *args: Any, **options: Any) -> Any:
        stacked: list[Any] = []
        for value in args:
            is_list = isinstance(value, (list, tuple)) and holds_expressions(value)
            stacked.append(arrays.expression_of(value) if is_list else value)
        return self.original(*stacked, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


def _maker(own: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function, or ours where an argument is none of NumPy's."""

    @functools.wraps(original)
    def made(*args: Any, **options: Any) -> Any:
        if holds_expressions([*args, *options.values()]):
            return own(*args, **options)
        return original(*args, **options)

    return made


class _StandIn:
    """A module or an object, but for some of its attributes."""

    def __init__(self, original: Any, made: dict[str, Any]) -> None:
        self._original = original
        self._made = made

    def __getattr__(self, name: str) -> Any:
        made = self._made.get(name)
        return getattr(self._original, name) if made is None else made

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._original(*args, **options)


class _Numpy:
    """The module NumPy, but for the functions that make arrays."""

    def __init__(self, numpy: ModuleType) -> None:
        self._numpy = numpy
        self._made: dict[str, Any] = {}
        for name, own in _MAKERS.items():
            if hasattr(numpy, name):
                self._made[name] = _maker(own, getattr(numpy, name))
        frequencies = {
            "fftfreq": _maker(fftfreq, numpy.fft.fftfreq),
            "rfftfreq": _maker(rfftfreq, numpy.fft.rfftfreq),
        }
        self._made["fft"] = _StandIn(numpy.fft, frequencies)
        for name in numpy_names():
            original = getattr(numpy, name, None)
            if name not in _OF_LISTS and name not in self._made and original is not None:
                self._made[name] = _Listed(original)
        matrices = numpy.linalg
        listed = {
            name.removeprefix("linalg."): _Listed(getattr(matrices, name.removeprefix("linalg.")))
            for name in numpy_names()
            if name.startswith("linalg.") and name != "linalg.multi_dot"
        }
        self._made["linalg"] = _StandIn(matrices, listed)
        self._made["r_"] = _Joined(numpy.r_, _in_a_row)
        self._made["c_"] = _Joined(numpy.c_, numpy_function("column_stack"))  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        made = self._made.get(name)
        return getattr(self._numpy, name) if made is None else made


def _where_expressions(f: Callable[..., Any], original: Any, shown: str) -> Callable[..., Any]:
    """The library's function, or ours where an argument is an expression."""

    @functools.wraps(original)
    def made(*args: Any, **options: Any) -> Any:
        if not holds_expressions([*args, *options.values()]):
            return original(*args, **options)
        check_arguments(f, shown, args, options)
        return f(*args, **options)

    return made


def _of_scipy() -> dict[int, Any]:
    """What stands for the modules of SciPy that are loaded and for what is in them, by identity."""
    swaps: dict[int, Any] = {}
    stand_ins: dict[str, Any] = {}
    for module_name in (*SCIPY, *SCIPY_OBJECTS):
        module = sys.modules.get(module_name)
        if module is None:
            continue
        made: dict[str, Any] = {}
        for name, f in SCIPY.get(module_name, {}).items():
            original = getattr(module, name)
            made[name] = _where_expressions(f, original, f"{module_name}.{name}")
            swaps[id(original)] = made[name]
        for name, methods in SCIPY_OBJECTS.get(module_name, {}).items():
            thing = getattr(module, name)
            shown = f"{module_name}.{name}"
            own = {
                method: _where_expressions(f, getattr(thing, method), f"{shown}.{method}")
                for method, f in methods.items()
            }
            made[name] = swaps[id(thing)] = _StandIn(thing, own)
        stand_ins[module_name.rpartition(".")[2]] = _StandIn(module, made)
        swaps[id(module)] = stand_ins[module_name.rpartition(".")[2]]
    if "scipy" in sys.modules:
        swaps[id(sys.modules["scipy"])] = _StandIn(sys.modules["scipy"], stand_ins)
    return swaps


class _Reader:
    """Functions of Python with this module in the place of NumPy: copies of them, and of what they
    call, which run the same code.
    """

    def __init__(self) -> None:
        self.numpy = sys.modules.get("numpy")
        self.swaps: dict[int, Any] = {}
        if self.numpy is not None:
            module = _Numpy(self.numpy)
            self.swaps = {id(getattr(self.numpy, n)): f for n, f in module._made.items()}
            self.swaps[id(self.numpy)] = module
            self.swaps.update(_of_scipy())
        self.functions: dict[int, FunctionType] = {}
        self.globals: dict[int, dict[str, Any]] = {}

    def read(self, f: Any) -> Any:
        """What is called in the place of `f`."""
        if isinstance(f, (_StandIn, _Listed, _Numpy)):  # it was read before
            return f
        if id(f) in self.swaps:
            return self.swaps[id(f)]
        if self.numpy is None:
            return f
        if isinstance(f, MethodType) and id(f.__self__) in self.swaps:
            return getattr(self.swaps[id(f.__self__)], f.__name__)
        if isinstance(f, MethodType) and isinstance(f.__func__, FunctionType):
            return MethodType(self.read(f.__func__), f.__self__)
        own_call = getattr(type(f), "__call__", None)  # noqa: B004
        if isinstance(own_call, FunctionType) and not isinstance(f, type):
            return MethodType(self.read(own_call), f)
        if isinstance(f, functools.partial):
            return functools.partial(self.read(f.func), *f.args, **f.keywords)
        if isinstance(f, FunctionType):
            module = f.__module__ or ""  # None where the names around it have no __name__
            if module.partition(".")[0] not in _LEFT:
                return self._copy(f)
        return f

    def _copy(self, f: FunctionType) -> FunctionType:
        if id(f) in self.functions:
            return self.functions[id(f)]
        own = self.globals.setdefault(id(f.__globals__), dict(f.__globals__))
        cells = tuple([CellType() for _ in f.__closure__ or ()])
        copy = FunctionType(f.__code__, own, f.__name__, f.__defaults__, cells or None)
        copy.__kwdefaults__ = f.__kwdefaults__
        copy.__dict__.update(f.__dict__)
        self.functions[id(f)] = copy
        for name in _names(f.__code__):
            if name in f.__globals__ and own[name] is f.__globals__[name]:
                own[name] = self.read(own[name])
        for cell, old in zip(cells, f.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self.read(old.cell_contents)
            except ValueError:  # it holds nothing yet
                continue
        return copy


def _names(code: CodeType) -> set[str]:
    """The global names in code, and in the functions that are written in it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names
