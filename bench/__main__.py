"""The benchmarks' own command line; ``einderiv bench`` calls it in a process with the right
number of threads.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from einderiv.checking.machine import environment, limit_torch, pin
from einderiv.checking.timing_tables import ratio, table

from .machine import described

MARK = "EINDERIV_BENCH_THREADS"  # set in the process that measures
SCHEMA = 1


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    what = "measure einderiv against hand-written NumPy and against others"
    options = argparse.ArgumentParser(prog="einderiv bench", description=what)
    options.add_argument(
        "--quick",
        action="store_true",
        help="small and medium sizes, few rounds, one form of each rival",
    )
    options.add_argument(
        "--family",
        action="append",
        help="P1 … P16, several with commas; by default all",
        metavar="KEY",
    )
    options.add_argument("--case", help="only cases whose name contains this")
    options.add_argument("--one", action="store_true", help="only the first case of each family")
    options.add_argument("--size", help="tiny, small, medium, large, several with commas")
    options.add_argument(
        "--dtype", default="float64", help="float64, float32, or both with a comma"
    )
    options.add_argument(
        "--against",
        help="jax, torch, autograd, opt_einsum, cotengra, numpy, several with commas; all that "
        "are installed by default; none for none",
    )
    options.add_argument("--threads", type=int, default=1, help="of every library")
    options.add_argument("--rounds", type=int, help="how many")
    options.add_argument("--seed", type=int, default=0, help="of the order within a round")
    options.add_argument("--save", type=Path, help="write the results to this file, as JSON")
    options.add_argument(
        "--calibrate",
        action="store_true",
        help="measure the constants of the planner's estimate instead; "
        "--save writes what ed.costs.load reads",
    )
    options.add_argument("--load", type=Path, help="measure nothing, take the results of this file")
    options.add_argument(
        "--pages", type=Path, help="write results.md and pictures to this folder", metavar="FOLDER"
    )
    options.add_argument(
        "--compare",
        type=Path,
        help="an older file of results: exit 1 if a ratio is worse",
        metavar="FILE",
    )
    options.add_argument(
        "--threshold", type=float, default=0.15, help="what --compare lets pass; 0.15 is 15 %%"
    )
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    arguments = parser().parse_args(words)
    try:
        _checked(arguments)
        if arguments.load is None and os.environ.get(MARK) != str(arguments.threads):
            return _again(arguments.threads, sys.argv[1:] if words is None else words)
        return _run(arguments)
    except (ValueError, OSError) as e:
        print(f"einderiv bench: {e}", file=sys.stderr)
        return 2


def _again(threads: int, words: Sequence[str]) -> int:
    """The same in a process whose libraries are imported with their number of threads set."""
    folders = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]
    path = os.pathsep.join(filter(None, folders))
    variables = {**os.environ, **environment(threads), MARK: str(threads), "PYTHONPATH": path}
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, check=False, env=variables).returncode


def _checked(arguments: argparse.Namespace) -> None:
    """Refuse what is not known, before anything is measured; paths are made absolute."""
    from .engine import ENGINES
    from .families import FAMILIES
    from .problems import SIZES

    arguments.family = split(",".join(arguments.family or ()))
    if not arguments.family:
        arguments.family = [key for key, family in FAMILIES.items() if family.possible]
    arguments.sizes = split(arguments.size)
    if not arguments.sizes:
        arguments.sizes = ["small", "medium"] if arguments.quick else ["small", "medium", "large"]
    _known("family", arguments.family, FAMILIES)
    _known("size", arguments.sizes, SIZES)
    _known("dtype", split(arguments.dtype), ("float64", "float32"))
    _known("engine", split(arguments.against), (*ENGINES, "none"))
    for key in arguments.family:
        family = FAMILIES[key]
        if not family.possible:
            raise ValueError(
                f"{family.key} needs {family.needs}: pip install 'einderiv[{family.needs}]'"
            )
    if arguments.threads < 1:
        raise ValueError(f"--threads must be 1 or more, not {arguments.threads}")
    for path in (arguments.load, arguments.compare):
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {str(path)!r}")


def _known(what: str, given: Sequence[str], known: Collection[str]) -> None:
    for word in given:
        if word not in known:
            raise ValueError(f"there is no {what} {word!r}; there is {', '.join(known)}")


def split(text: str | None) -> list[str]:
    """Words between commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _calibrated(arguments: argparse.Namespace) -> int:
    from . import calibration

    pin(arguments.threads)
    found = calibration.measured()
    head = ("constant", "shipped", "here", "ratio")
    print(table(head, calibration.table(found), ("constant",)))
    _save(found, arguments.save)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from . import report

    if arguments.calibrate:
        return _calibrated(arguments)

    run = _loaded(arguments.load) if arguments.load else _measured(arguments)
    records = run["results"]
    print(report.results(records))
    for what, target, found, met in report.targets(records):
        missed = "" if met else ", MISSED"
        line = f"{what}: {ratio(found)}, target {target}{missed}"
        print(textwrap.fill(line, report.WIDTH, subsequent_indent="    "))
    behind = report.lost(records)
    slower = "slower than the target or than the best rival"
    print(f"\n{len(behind)} of {len(records)} are lost: {slower}")
    if behind:
        print(report.results(behind))
    print(f"\n{report.meaning()}")
    _save(run, arguments.save)
    if arguments.pages:
        from .pages import write

        write(run, arguments.pages)
    return _comparison(arguments, records) if arguments.compare else 0


def _comparison(arguments: argparse.Namespace, records: list[dict[str, Any]]) -> int:
    from . import report

    older = _loaded(arguments.compare)["results"]
    text, worse = report.compared(records, older, arguments.threshold)
    print(f"\nAgainst {arguments.compare.name}\n{text}")
    return 1 if worse else 0


def _loaded(path: Path) -> dict[str, Any]:
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if run["schema"] != SCHEMA:
            raise ValueError(f"{str(path)!r} has schema {run['schema']}, not {SCHEMA}")
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(f"{str(path)!r} holds no results of einderiv bench") from None
    return run


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for, with a progress bar."""
    from . import engine

    processors = pin(arguments.threads)
    limit_torch(arguments.threads)
    engine.settle(split(arguments.against))
    todo = list(_todo(arguments))
    if not todo:
        raise ValueError("no case is left to measure")
    settings = {
        "quick": arguments.quick,
        "rounds": todo[0][2].rounds,
        "seed": arguments.seed,
        "pinned_to": len(processors),
    }
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "date": datetime.date.today().isoformat(),
        **described(arguments.threads),
        "settings": settings,
        "results": [],
    }
    with _progress(len(todo)) as bar:
        for case, size, setting in todo:
            bar.set_description(f"{case.label}, {size}"[:48].ljust(48))
            found["results"].append(engine.run(case, size, setting))
            _save(found, arguments.save)  # what was measured stays, whatever comes
            bar.update()
    if "P11" in arguments.family and not arguments.case:
        from . import growth

        operands = growth.OPERANDS[:4] if arguments.quick else growth.OPERANDS
        found["growth"] = growth.measured(operands)
    return found


def _save(found: dict[str, Any], path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _todo(arguments: argparse.Namespace) -> Iterator[tuple[Any, str, Any]]:
    """The cases, sizes and settings."""
    from .engine import Settings
    from .families import FAMILIES

    against = tuple(split(arguments.against))
    for dtype in split(arguments.dtype):
        settings = Settings(
            rounds=arguments.rounds or (5 if arguments.quick else 15),
            seed=arguments.seed,
            least=1e-3 if arguments.quick else 1e-2,
            against=against,
            dtype=dtype,
            first_forms=arguments.quick,
            slow=0.02 if arguments.quick else 0.5,
            few=1 if arguments.quick else 3,
            memory="own" if arguments.quick else "all",
        )
        for key in arguments.family:
            cases = FAMILIES[key].cases
            for case in cases[:1] if arguments.one else cases:
                if (arguments.case or "").lower() not in case.label.lower():
                    continue
                for size in arguments.sizes:
                    if size in case.sizes:
                        yield case, size, settings


def _progress(total: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return _Silent()
    return tqdm(total=total, leave=False, disable=None)


class _Silent:
    """Instead of a bar, where tqdm is not installed."""

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def set_description(self, _: str) -> None:
        """Nothing is shown."""

    def update(self) -> None:
        """Nothing is shown."""


if __name__ == "__main__":
    sys.exit(main())
