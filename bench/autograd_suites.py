"""autograd's own tests, with `einderiv` in the place of autograd.

::

    git clone https://github.com/HIPS/autograd ../autograd
    python -m bench.autograd_suites ../autograd/tests                        # the table, printed
    python -m bench.autograd_suites ../autograd/tests --page docs/benchmarks/autograd.md
    python -m bench.autograd_suites ../autograd/tests --only test_linalg -v  # each refusal

The tests are read where they lie; nothing of them is copied. ``autograd.numpy`` is NumPy itself and
``autograd.scipy`` is SciPy, so a function under test is NumPy code, which ``ed.trace_function``
reads. ``check_grads`` compares, at the arrays of the test, the value with the function's own, the
first derivatives with central differences of the function, and the second with central differences
of the first, along random directions. A complex argument is declared complex, and its conjugate is
a variable of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import einderiv as ed

#: the suites that are about functions of arrays, and what each is about
SUITES = {
    "test_numpy": "functions of NumPy",
    "test_systematic": "every function of NumPy, all kinds of arguments",
    "test_linalg": "`np.linalg`",
    "test_scipy": "`scipy.special`, `scipy.stats`, `scipy.linalg`, `scipy.signal`",
    "test_fft": "`np.fft`",
    "test_binary_ops": "operators of two arrays",
    "test_scalar_ops": "functions of one number",
    "test_complex": "parts of complex numbers",
    "test_jacobian": "Jacobians",
}
#: tests of what is another convention here
CONVENTIONS = {
    f"test_eigvalh_{triangle}{kind}": "`eigh` is of the symmetric part, as JAX has it; here the "
    "matrix is not symmetric, and NumPy reads one triangle"
    for triangle in ("lower", "upper")
    for kind in ("", "_broadcasting")
}
#: of numbers that are compared, and the step of the differences
TOLERANCE = 1e-5
STEP = 1e-5

PARTS_OF_SCIPY = ("special", "stats", "linalg", "signal", "integrate", "misc")


class WrongAnswer(AssertionError):
    """A value or a derivative differs from what it is compared with."""


class Refused(Exception):
    """`einderiv` said that it cannot read or derive something."""


@dataclass
class Checks:
    """How many functions of one suite were compared, and what became of them."""

    passed: int = 0
    made: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


CHECKS = Checks()
COUNT = itertools.count()


# ---- what the tests import


def check_grads(f: Callable[..., Any], argnum: Any = 0, modes: Any = None, order: int = 2) -> Any:
    """autograd's ``check_grads(f, argnum)(*args)``, judged as above."""
    places = tuple(argnum) if isinstance(argnum, (tuple, list)) else (argnum,)

    def checked(*args: Any, **options: Any) -> None:
        CHECKS.made += 1
        try:
            _judge(f, args, options, places, order)
        except (Refused, WrongAnswer) as error:
            CHECKS.reasons[_first_line(error)] += 1
            raise
        CHECKS.passed += 1

    return checked


def combo_check(f: Callable[..., Any], *how: Any, **settings: Any) -> Any:
    """autograd's ``combo_check``: all combinations of arguments; the first failure is raised when
    all have been tried.
    """

    def checked(*lists: Any, **named: Any) -> None:
        pairs = [[(name, value) for value in values] for name, values in named.items()]
        failures = []
        for args in itertools.product(*lists):
            for options in itertools.product(*pairs):
                try:
                    check_grads(f, *how, **settings)(*args, **dict(options))
                except (Refused, WrongAnswer) as error:
                    failures.append(error)
        # a wrong answer is worse than none
        failures.sort(key=lambda error: isinstance(error, Refused))
        if failures:
            raise failures[0]

    return checked


def check_equivalent(x: Any, y: Any) -> None:
    """Both are the same numbers."""
    _compare(x, y, "two values")


def grad(f: Callable[..., Any], argnum: Any = 0) -> Any:
    """autograd's ``grad``: of arrays numbers, of expressions an expression."""
    # of one entry, however many axes it has
    return _derivative_of(f, argnum, lambda y, x: ed.grad(ed.sum(y) if y.ndim else y, x))


def jacobian(f: Callable[..., Any], argnum: Any = 0) -> Any:
    """autograd's ``jacobian``."""
    return _derivative_of(f, argnum, ed.jacobian)


def elementwise_grad(f: Callable[..., Any], argnum: Any = 0) -> Any:
    """autograd's ``elementwise_grad``: of the sum of all entries."""
    return _derivative_of(f, argnum, lambda y, x: ed.grad(ed.sum(y), x))


def value_and_grad(f: Callable[..., Any], argnum: Any = 0) -> Any:
    """autograd's ``value_and_grad``."""

    def both(*args: Any, **options: Any) -> tuple[Any, Any]:
        return f(*args, **options), grad(f, argnum)(*args, **options)

    return both


def _derivative_of(f: Callable[..., Any], argnum: Any, derive: Callable[..., Any]) -> Any:
    places = argnum if isinstance(argnum, (tuple, list)) else (argnum,)

    def derivative(*args: Any, **options: Any) -> Any:
        with _refusals():
            (y,), tensors, arrays = _read(f, args, options, places)
            found = []
            for tensor in tensors:
                answer = derive(y, tensor)
                inside = {t.name: a for t, a in zip(tensors, arrays, strict=True)}
                if any(isinstance(array, ed.Expr) for array in arrays):
                    found.append(ed.substitute(answer, inside))
                else:
                    found.append(ed.evaluate(answer, inside))
        return tuple(found) if isinstance(argnum, (tuple, list)) else found[0]

    return derivative


# ---- reading and judging


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """An error of ours, or of NumPy about an expression, is a refusal; any other is a bug."""
    try:
        yield
    except (Refused, WrongAnswer):
        raise
    except Exception as error:
        raise Refused(f"{type(error).__name__}: {_first_line(error)}") from error


def _read(f: Callable[..., Any], args: Any, options: Any, places: Sequence[int]) -> Any:
    """What `f` computes of tensors at those places, the tensors, and their arrays."""
    arrays = [array for place in places for array in _parts(args[place])]
    tensors = [_tensor(array) for array in arrays]

    def of_tensors(*values: Any) -> list[Any]:
        return [_expression(part) for part in _parts(f(*_with(args, places, values), **options))]

    return ed.trace_function(of_tensors, *tensors), tensors, arrays


def _with(args: Any, places: Sequence[int], values: Sequence[Any]) -> list[Any]:
    """The arguments, with other arrays at those places, some of which hold a list of arrays."""
    complete, left = list(args), list(values)
    for place in places:
        if isinstance(args[place], (list, tuple)):
            complete[place] = type(args[place])([left.pop(0) for _ in args[place]])
        else:
            complete[place] = left.pop(0)
    return complete


def _tensor(array: Any) -> Any:
    name = f"x{next(COUNT)}"  # a derivative within a function has tensors of its own
    if isinstance(array, ed.Expr):
        return ed.tensor(name, [f"{name}_{k}" for k in range(array.ndim)])
    return ed.tensor(name, np.shape(array), complex=np.iscomplexobj(array))


def _expression(part: Any) -> Any:
    """What does not depend on the tensors is a constant."""
    return part if isinstance(part, ed.Expr) else ed.constant(part)


def _judge(
    f: Callable[..., Any], args: Any, options: Any, places: Sequence[int], order: int
) -> None:
    with _refusals():
        results, tensors, arrays = _read(f, args, options, places)
    numbers = [
        np.array(array, dtype=complex if np.iscomplexobj(array) else float) for array in arrays
    ]
    given = {tensor.name: array for tensor, array in zip(tensors, numbers, strict=True)}

    def original(values: dict[str, Any]) -> list[Any]:
        numbers = [values[tensor.name][()] for tensor in tensors]
        return _parts(f(*_with(args, places, numbers), **options))

    expected = original(given)
    random = np.random.default_rng(7)
    for k, y in enumerate(results):
        _judge_one(y, lambda at, k=k: original(at)[k], expected[k], tensors, given, order, random)


def _judge_one(
    y: Any, f: Any, expected: Any, tensors: Any, given: Any, order: int, random: Any
) -> None:
    """One result: value, first derivatives, second derivatives of a random sum of its entries."""
    with _refusals():
        value = ed.evaluate(y, given)
    if np.shape(value) != np.shape(expected):
        raise WrongAnswer(f"the shape is {np.shape(value)}, not {np.shape(expected)}")
    _compare(value, expected, "the value")
    weights = np.asarray(random.normal(size=np.shape(value)))
    with _refusals():
        total = ed.sum(y * weights) if y.ndim else y * weights
        firsts = [(t, *_by_both(total, t)) for t in tensors]
    for t, by_it, by_conjugate in firsts:
        direction = _direction(given[t.name], random)
        along = _along(by_it, by_conjugate, given, direction)
        differences = _central(lambda at: np.sum(weights * f(at)), given, t.name, direction)
        _compare(along, differences, "a first derivative")
    if order < 2:
        return
    for _, by_it, by_conjugate in firsts:
        for first in (by_it, by_conjugate):
            if first is not None:
                _judge_second(first, tensors, given, random)


def _judge_second(first: Any, tensors: Any, given: Any, random: Any) -> None:
    for t in tensors:
        with _refusals():
            by_it, by_conjugate = _by_both(first, t)
        direction = _direction(given[t.name], random)
        along = _along(by_it, by_conjugate, given, direction)
        differences = _central(lambda at: ed.evaluate(first, at), given, t.name, direction)
        _compare(along, differences, "a second derivative")


def _by_both(y: Any, t: Any) -> tuple[Any, Any]:
    """The derivatives by a tensor and, where it is complex, by its conjugate."""
    return ed.derive(y, t), ed.derive(y, ed.conj(t)) if t.complex else None


def _along(by_it: Any, by_conjugate: Any, given: Any, direction: Any) -> Any:
    with _refusals():
        along = np.tensordot(ed.evaluate(by_it, given), direction, direction.ndim)
        if by_conjugate is not None:
            turned = ed.evaluate(by_conjugate, given)
            along = along + np.tensordot(turned, direction.conj(), direction.ndim)
    return along


def _direction(array: Any, random: Any) -> Any:
    direction = random.normal(size=array.shape)
    if np.iscomplexobj(array):
        direction = direction + 1j * random.normal(size=array.shape)
    return direction


def _central(f: Any, given: Any, name: str, direction: Any) -> Any:
    ahead = {**given, name: given[name] + STEP * direction}
    behind = {**given, name: given[name] - STEP * direction}
    with _refusals():
        return (f(ahead) - f(behind)) / (2 * STEP)


def _compare(found: Any, expected: Any, what: str) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    # a term of one cancels in a difference: what is small beside the entries may be rounding
    scale = 1 + np.max(np.abs(expected), initial=0)
    if not np.all(np.abs(found - expected) <= TOLERANCE * scale):
        far = np.max(np.abs(found - expected), initial=0)
        raise WrongAnswer(f"{what} differs by {far:.2g}")


def _parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0]


# ---- modules in the place of autograd's


def stand_ins() -> dict[str, ModuleType]:
    """What is imported by the names of autograd's modules."""
    autograd = ModuleType("autograd")
    utilities = ModuleType("autograd.test_util")
    for f in (check_grads, combo_check, check_equivalent):
        setattr(utilities, f.__name__, f)
    for f in (grad, jacobian, elementwise_grad, value_and_grad):
        setattr(autograd, f.__name__, f)
    autograd.tuple, autograd.list, autograd.dict = tuple, list, dict  # type: ignore[attr-defined]
    autograd.numpy, autograd.test_util = np, utilities  # type: ignore[attr-defined]
    modules = {"autograd": autograd, "autograd.numpy": np, "autograd.test_util": utilities}
    for part in ("linalg", "fft", "random"):
        modules[f"autograd.numpy.{part}"] = importlib.import_module(f"numpy.{part}")
    modules["autograd.scipy"] = autograd.scipy = importlib.import_module("scipy")  # type: ignore[attr-defined]
    for part in PARTS_OF_SCIPY:
        with contextlib.suppress(ImportError):
            modules[f"autograd.scipy.{part}"] = importlib.import_module(f"scipy.{part}")
    normal = importlib.import_module("scipy.stats").multivariate_normal
    modules["autograd.scipy.stats.multivariate_normal"] = normal  # not a module, and need not be
    return modules


# ---- running


@dataclass
class Suite:
    """What became of the tests of one file."""

    passed: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    otherwise: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    checks: Checks = field(default_factory=Checks)


class Watch:
    """A plugin of pytest that sorts the results."""

    def __init__(self) -> None:
        self.suites: dict[str, Suite] = {}

    def pytest_runtest_setup(self, item: Any) -> None:
        global CHECKS
        CHECKS = self._suite(item.nodeid).checks

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        outcome = yield
        report = outcome.get_result()  # type: ignore[attr-defined]
        if report.when != "call" and report.passed:
            return
        suite, name = self._suite(item.nodeid), item.nodeid.partition("::")[2]
        if report.skipped:
            suite.skipped.append(name)
        elif report.passed:
            suite.passed.append(name)
        elif name in CONVENTIONS:
            suite.otherwise[name] = CONVENTIONS[name]
        else:
            error = call.excinfo.value
            # an AttributeError is about what only autograd has
            about_autograd = call.when == "call" and not isinstance(error, AssertionError)
            kind = suite.refused if about_autograd else suite.wrong
            said = "" if isinstance(error, (Refused, WrongAnswer)) else f"{type(error).__name__}: "
            kind[name] = said + _first_line(error)

    def _suite(self, node: str) -> Suite:
        return self.suites.setdefault(Path(node.partition("::")[0]).stem, Suite())


def run(folder: Path, names: Sequence[str]) -> dict[str, Suite]:
    """The suites of those names, run in this process."""
    sys.modules.update(stand_ins())
    sys.path.insert(0, str(folder))
    vars(np).setdefault("row_stack", np.vstack)  # an old name, which the tests still use
    watch = Watch()
    files = [str(folder / f"{name}.py") for name in names]
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist"]
    here = [
        "--rootdir",
        str(folder),
        "--confcutdir",
        str(folder),
        "-c",
        "/dev/null",
        "-o",
        "addopts=",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.main([*quiet, *here, *files], plugins=[watch])
    return watch.suites


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 if an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.autograd_suites", description=__doc__)
    parser.add_argument("tests", type=Path, help="the folder of autograd's tests")
    parser.add_argument("--only", action="append", help="one suite, by its name", metavar="NAME")
    parser.add_argument("--page", type=Path, help="write the table to this file")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each test that fails")
    options = parser.parse_args(arguments)
    suites = run(options.tests, options.only or list(SUITES))
    if options.verbose:
        for suite in suites.values():
            for name, reason in {**suite.refused, **suite.wrong}.items():
                print(f"{'WRONG  ' if name in suite.wrong else 'refused'} {name}: {reason}")
    print("\n".join(table(suites)))
    if options.page:
        options.page.write_text("\n".join(page(suites)) + "\n")
    return int(any([suite.wrong for suite in suites.values()]))


def table(suites: dict[str, Suite]) -> Iterator[str]:
    """A line for each suite."""
    columns = ("suite", "about", "tests", "pass", "refused", "other convention", "wrong")
    yield f"| {' | '.join([*columns, 'functions compared', 'equal'])} |"
    yield f"|{'---|' * (len(columns) + 2)}"
    for name, suite in suites.items():
        kinds = (suite.passed, suite.refused, suite.otherwise, suite.wrong)
        lengths = [len(kind) for kind in kinds]
        counts = (sum(lengths), *lengths)
        cells = " | ".join([str(n) for n in (*counts, suite.checks.made, suite.checks.passed)])
        yield f"| `{name}.py` | {SUITES[name]} | {cells} |"


def page(suites: dict[str, Suite]) -> Iterator[str]:
    """The page of the documentation."""
    yield "# autograd's own tests"
    yield ""
    yield (
        "The tests of [autograd](https://github.com/HIPS/autograd) for functions of arrays, run "
        "with `ed.trace_function` and `ed.derive` in the place of autograd by "
        "`python -m bench.autograd_suites PATH --page PAGE`, which wrote this page. "
        "Values are compared with the function's own, first and second derivatives with central "
        "differences. A test passes if all functions that it compares are equal."
    )
    yield ""
    yield from table(suites)
    yield ""
    yield "## What is refused, and why"
    yield ""
    yield "| suite | test | reason |"
    yield "|---|---|---|"
    for name, suite in suites.items():
        for test, reason in {**suite.refused, **suite.otherwise, **suite.wrong}.items():
            said = reason.replace("|", "\\|").replace("<", "&lt;")
            yield f"| `{name}` | `{test}` | {said} |"


if __name__ == "__main__":
    sys.exit(main())
