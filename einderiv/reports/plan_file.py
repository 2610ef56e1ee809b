"""Plans from files: JSON with a version, read with distrust. Nothing in one is run, only shown."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import EinderivError
from .plan_table import PLAN_SCHEMA, Plan, PlanRow

FILE_CHARACTERS = 10**7  # characters of a file
FILE_STEPS = 10**5  # steps
TEXT_CHARACTERS = 10**5  # characters of a text
MOST_AXES = 64  # axes of a result


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """The plan that ``plan.save(path)`` wrote: its table and its picture. Nothing in the file is
    executed.

    >>> import einderiv as ed, tempfile
    >>> p = ed.plan(ed.einsum("ij,jk,k->i"), {"i": 10, "j": 20, "k": 30})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     p.save(folder + "/plan.json")
    ...     str(load_plan(folder + "/plan.json")) == str(p)
    True

    Raises EinderivError for a file that cannot be read, is of another version, or holds anything
    but a plan.
    """
    what = f"{os.fspath(path)[:100]!r}"
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(FILE_CHARACTERS + 1)
        if len(text) > FILE_CHARACTERS:
            raise EinderivError(
                f"{what} is longer than {FILE_CHARACTERS} characters: it is no plan"
            )
        data = json.loads(text, parse_constant=_no_number)
    except (OSError, RecursionError) as e:
        raise EinderivError(f"the plan in {what} cannot be read: {str(e)[:100]}") from None
    except EinderivError:
        raise
    except ValueError as e:  # also bytes that are no UTF-8, and numbers of too many digits
        raise EinderivError(f"{what} is no JSON: {str(e)[:100]}") from None
    try:
        return _plan(data)
    except _Wrong as e:
        raise EinderivError(f"{what} holds no plan of version {PLAN_SCHEMA}: {e}") from None


class _Wrong(Exception):
    """What is not as it must be."""


def _plan(data: Any) -> Plan:
    if not isinstance(data, dict) or "einderiv_plan" not in data:
        raise _Wrong("no object with einderiv_plan")
    if data["einderiv_plan"] != PLAN_SCHEMA or isinstance(data["einderiv_plan"], bool):
        raise _Wrong(f"its version is {str(data['einderiv_plan'])[:20]!r}")
    plan = Plan.__new__(Plan)
    plan.itemsize = _count(_of(data, "itemsize"))
    plan.steps = [_row(row) for row in _list(_of(data, "rows"), FILE_STEPS)]
    shapes = _list(_of(data, "shapes"), FILE_STEPS)
    plan.outputs = [tuple(_list(shape, MOST_AXES, _count)) for shape in shapes]
    plan.notes = _list(_of(data, "notes"), FILE_STEPS, _words)
    flops, largest = _pair(_of(data, "dense"))
    plan.dense_flops, plan.dense_largest = _real(flops), _count(largest)
    plan._tree = _tree(data, len(plan.steps))
    plan.flops = sum(row.flops for row in plan.steps)
    plan.seconds = sum(row.seconds for row in plan.steps)
    plan.largest = max((row.entries for row in plan.steps), default=0)
    return plan


def _tree(data: Mapping[str, Any], count: int) -> Any:
    """Inputs, steps and results; every step needs only what stands before it."""
    names: dict[int, str] = {}
    for pair in _list(_of(data, "names"), FILE_STEPS, _pair):
        k, name = pair
        names[_count(k)] = _words(name)
    known = set(names)
    steps: list[tuple[int, tuple[int, ...]]] = []
    for pair in _list(_of(data, "tree"), FILE_STEPS, _pair):
        k, needs = _count(pair[0]), tuple(_list(pair[1], FILE_STEPS, _count))
        if k in known or not known.issuperset(needs):
            raise _Wrong(f"step {k} is there twice, or needs what is not")
        known.add(k)
        steps.append((k, needs))
    results = _list(_of(data, "results"), FILE_STEPS, _count)
    if len(steps) != count or not known.issuperset(results):
        raise _Wrong("its steps and results do not belong together")
    return names, steps, results


def _row(found: Any) -> PlanRow:
    if not isinstance(found, list) or len(found) != len(PlanRow._fields):
        raise _Wrong(f"a row has {len(PlanRow._fields)} columns")
    what, einsum, flops, entries, kernel, seconds, operands = found
    return PlanRow(
        what=_words(what),
        einsum=_words(einsum),
        flops=_real(flops),
        entries=_count(entries),
        kernel=_words(kernel),
        seconds=_real(seconds),
        operands=_words(operands),
    )


def _of(data: Mapping[str, Any], name: str) -> Any:
    if name not in data:
        raise _Wrong(f"it has no {name}")
    return data[name]


def _pair(found: Any) -> tuple[Any, Any]:
    if not isinstance(found, list) or len(found) != 2:
        _bad(found, "a pair")
    first, second = found
    return first, second


def _list(found: Any, most: int, each: Callable[[Any], Any] = lambda x: x) -> list[Any]:
    if not isinstance(found, list) or len(found) > most:
        _bad(found, f"a list of at most {most}")
    return [each(x) for x in found]


def _count(found: Any) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**200:
        _bad(found, "a whole number")
    number: int = found
    return number


def _real(found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found < 1e300:
        _bad(found, "a number")
    number: float = found
    return number if math.isfinite(number) else _bad(found, "a number")


def _words(found: Any) -> str:
    if not isinstance(found, str) or len(found) > TEXT_CHARACTERS or not found.isprintable():
        _bad(found, "a line of text")
    words: str = found
    return words


def _bad(found: Any, wanted: str) -> Any:
    raise _Wrong(f"{str(found)[:40]!r} is not {wanted}")


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
