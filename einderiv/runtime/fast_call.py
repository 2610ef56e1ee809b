"""The quick way through a call that has been planned: one comparison for each array, then the
source itself.

A compiled expression is mostly called again and again with the same shapes and dtypes. For that a
wrapper is emitted that takes the arrays by keyword, compares what must be the same, and calls the
source. Whatever is not exactly as before goes the long way, which says what is wrong, or plans
anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..errors import limits
from .execution import Execution
from .out import OPTIONS

ABSENT = object()  # the default of an array that was not given


def quick(
    execution: Execution,
    long_way: Callable[..., Any],
    memory_limit: int | None,
    given: Mapping[str, Any],
    build: Callable[[Any], list[Any]] | None,
    known: Collection[str],
    *,
    single: bool,
) -> Callable[..., Any] | None:
    """A ``__call__`` for the shapes and dtypes of `execution`, or None where a call needs more than
    comparisons.

    `long_way` takes the object, the mapping, the options and the keywords of a call. `given` are
    the arrays of this call: those that the source does not take only fix sizes, and are compared
    too. `build` makes structured tensors of the results. A mapping may hold more than the tensors
    that are `known`.
    """
    if not execution.library.test or not _plain(execution):
        return None
    inputs = execution.inputs
    only_sizes = [name for name in given if name not in inputs]
    names = [*inputs, *only_sizes]
    scope: dict[str, Any] = {
        "_compute": execution.function,
        "_long": long_way,
        "_limits": limits,
        "_absent": ABSENT,
        "_bytes": limits.dense_bytes,
        "_held": tuple(execution.held),
        "_execution": execution,
        "_build": build,
        "_options": OPTIONS,
        "_keys": set(names),
        "_known": frozenset(known),
        "_mapping": dict,
        **execution.words,
    }
    # Names of tensors are names of arguments, so they must be none that the text uses.
    taken = {"type", "isinstance", *OPTIONS, *scope}
    if not inputs or any(name in taken or name.startswith("_") for name in names):
        return None
    if any(given[name].dtype != scope["_dtype"] for name in names):
        return None
    shapes = [tuple(given[name].shape) for name in names]
    tests = []
    for name, shape in zip(names, shapes, strict=True):
        of_library = execution.library.test.format(name)
        tests.append(f"{of_library} and {name}.dtype is _dtype and {name}.shape == {shape}")
    if memory_limit is None:
        tests.append("_limits.dense_bytes == _bytes")
    source = _source(execution, names, tests, single=single)
    exec(compile(source, "<einderiv call>", "exec"), scope)
    call: Callable[..., Any] = scope["call"]
    return call


def _source(execution: Execution, names: list[str], tests: list[str], *, single: bool) -> str:
    """The text of ``call``, up to what it returns of the results ``_r`` of the source."""
    one = len(execution.program.outputs) == 1
    items = ["_r" if one else f"_r[{place}]" for place in execution.places]
    if execution.terms:
        factors = "".join([f"_wrap({item}), " for item in items])
        tensors = f"_build(({factors}))"
        result = f"{tensors}[0]" if single else f"_self._shaped({tensors})"
        return _lines(execution, names, tests, result)
    values = []
    for item, shape in zip(items, execution.shapes, strict=True):
        # NumPy gives a scalar for an array without axes.
        values.append(item if shape else f"_wrap({item})")
    result = values[0] if single else f"_self._tree(_execution, ({', '.join(values)},))"
    return _lines(execution, names, tests, result)


def _lines(execution: Execution, names: list[str], tests: list[str], result: str) -> str:
    keywords = "".join([f"{name}=_absent, " for name in names])
    pairs = ", ".join([f"({name!r}, {name})" for name in names])
    absent = " and ".join([f"{name} is _absent" for name in names])
    from_mapping = ", ".join([f"{name}=_arrays[{name!r}]" for name in names])
    operands = [*execution.inputs]
    if execution.program.held:
        operands.append("*_held")
    return "\n".join(
        [
            f"def call(_self, _arrays=None, /, *, {keywords}**_others):",
            f"    if _arrays is None and not _others and {' and '.join(tests)}:",
            "        try:",
            f"            _r = _compute({', '.join(operands)})",
            "        except Exception:  # the long way says it better",
            "            pass",
            "        else:",
            f"            return {result}",
            f"    if type(_arrays) is _mapping and not _others and {absent}:",
            "        if _arrays.keys() == _keys or _arrays.keys() & _known == _keys:",
            f"            return _self({from_mapping})",
            f"    _others.update((_n, _v) for _n, _v in ({pairs},) if _v is not _absent)",
            "    _chosen = {_n: _others.pop(_n) for _n in _options if _n in _others}",
            "    return _long(_self, _arrays, _chosen, _others)",
        ]
    )


def _plain(execution: Execution) -> bool:
    """Are the arrays taken, and the results given out, as they are?"""
    converted = execution.dtype != execution.compute
    exact = execution.compute.kind not in "fc"  # whole numbers are bounded in each call
    return execution.plain and not converted and not exact
