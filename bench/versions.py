"""Two versions of the package in one process, interleaved: does a change make anything slower?

::

    git worktree add ../before v0.1.0
    python -m bench.versions ../before         # this checkout against the other
    python -m bench.versions ../before --same  # the other against itself: the noise alone

Each version is copied under a name of its own, with the benchmarks of this checkout on top, so that
both do the same problems. For every case it times three things: *derive*, building the expression
and its derivative; *first*, planning and the first call; *call*, a call that is planned already. A
round does all of them in both versions, in alternating order. Printed is the ratio of the medians,
this over the other, by family: geometric mean and worst case. With ``--plans`` it says where the
plans of the two versions have different kernels.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parents[1]
PHASES = ("derive", "first", "call")
#: seconds: a call is repeated until a round of it takes this long
LEAST = 2e-3
#: how often one call may be repeated in a round
MOST = 2000


class Version:
    """A checkout, importable as ``einderiv_<tag>`` and ``bench_<tag>``."""

    def __init__(self, tag: str, package: Path, folder: Path) -> None:
        self.tag = tag
        copied(package / "einderiv", folder / f"einderiv_{tag}", tag)
        copied(HERE / "bench", folder / f"bench_{tag}", tag)
        self.library: ModuleType = importlib.import_module(f"einderiv_{tag}")
        self.families: dict[str, Any] = importlib.import_module(f"bench_{tag}.families").FAMILIES

    def problem(self, family: str, name: str, size: str) -> Any:
        """The problem of a case at a size."""
        case = next(case for case in self.families[family].cases if case.name == name)
        return case.at(size)


def copied(source: Path, target: Path, tag: str) -> None:
    """A package under another name: its absolute imports of ours are renamed, relative ones need
    nothing.
    """
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "static", "alone"))
    for path in target.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        renamed = re.sub(
            r"^(\s*(?:import|from) )(einderiv|bench)\b", rf"\1\2_{tag}", text, flags=re.M
        )
        path.write_text(renamed, encoding="utf-8")


def timed(call: Callable[[], Any], times: int = 1) -> float:
    """Seconds of one of `times` calls."""
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


class Contest:
    """One case at one size in both versions."""

    def __init__(
        self, versions: tuple[Version, Version], family: str, name: str, size: str
    ) -> None:
        self.versions = versions
        self.problems = [version.problem(family, name, size) for version in versions]
        self.calls = [self._planned(k)[0] for k in range(2)]
        slowest = max(timed(call) for call in self.calls)
        self.times = max(1, min(MOST, int(LEAST / max(slowest, 1e-9))))
        self.seconds: dict[str, tuple[list[float], list[float]]] = {
            phase: ([], []) for phase in PHASES
        }

    def _planned(self, k: int) -> tuple[Callable[[], Any], float, float]:
        """A call that is planned, and the seconds of deriving and of planning with the first
        call.
        """
        problem, library = self.problems[k], self.versions[k].library
        if problem.kind == "call":  # deriving, or a program of its own: it is itself what is timed
            return problem.ours, math.nan, math.nan
        start = time.perf_counter()
        expression = problem.ours()
        derived = time.perf_counter()
        compiled = library.compile(expression, dense=problem.kind == "dense")
        compiled(**problem.arrays)
        first = time.perf_counter()
        return lambda: compiled(**problem.arrays), derived - start, first - derived

    def round(self, number: int) -> None:
        """Everything once in both versions; who begins changes from round to round."""
        order = (0, 1) if number % 2 else (1, 0)
        for k in order:
            _, derive, first = self._planned(k)
            self.seconds["derive"][k].append(derive)
            self.seconds["first"][k].append(first)
        for k in reversed(order):
            self.seconds["call"][k].append(timed(self.calls[k], self.times))

    def ratio(self, phase: str) -> float:
        """This version over the other: the ratio of the medians."""
        this, other = self.seconds[phase]
        return statistics.median(this) / statistics.median(other)

    def kernels(self) -> list[list[str]]:
        """The kernels of both plans, in order."""
        found = []
        for problem, version in zip(self.problems, self.versions, strict=True):
            expression = problem.ours()
            tree = expression if isinstance(expression, (list, tuple, dict)) else [expression]
            compiled = version.library.compile(tree, dense=problem.kind == "dense")
            plan = compiled.plan(**{name: array.shape for name, array in problem.arrays.items()})
            found.append([step.kernel for step in plan.steps])
        return found


def cases(
    version: Version, families: list[str], sizes: list[str]
) -> Iterator[tuple[str, str, str]]:
    """The cases at the sizes that they have."""
    for key in families or version.families:
        family = version.families[key]
        for case in family.cases if family.possible else ():
            for size in sizes:
                if size in case.sizes:
                    yield key, case.name, size


def compared(
    versions: tuple[Version, Version], todo: list[tuple[str, str, str]], rounds: int
) -> list[dict[str, Any]]:
    """The ratios of all cases."""
    found = []
    for family, name, size in todo:
        contest = Contest(versions, family, name, size)
        gc.collect()
        for number in range(rounds):
            contest.round(number)
        ratios = {phase: contest.ratio(phase) for phase in PHASES}
        found.append({"family": family, "case": name, "size": size, **ratios})
    return found


def by_family(records: list[dict[str, Any]]) -> list[str]:
    """A line for each family: geometric mean and worst case of each phase."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        groups[record["family"]].append(record)
    lines = [f"{'family':8}{'cases':>6}" + "".join(f"{phase:>9}{'worst':>7}" for phase in PHASES)]
    for family, members in groups.items():
        line = f"{family:8}{len(members):6}"
        for phase in PHASES:
            ratios = [record[phase] for record in members if not math.isnan(record[phase])]
            if ratios:
                line += f"{statistics.geometric_mean(ratios):9.3f}{max(ratios):7.2f}"
            else:
                line += f"{'-':>9}{'-':>7}"
        lines.append(line)
    return lines


def import_times(folders: list[Path], rounds: int = 15) -> list[float]:
    """Milliseconds of ``import einderiv`` in a fresh process, medians, interleaved."""
    code = "import time; s = time.perf_counter(); import einderiv; print(time.perf_counter() - s)"
    found: list[list[float]] = [[] for _ in folders]
    for _ in range(rounds):
        for seconds, folder in zip(found, folders, strict=True):
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
            )
            seconds.append(float(done.stdout))
    return [1e3 * statistics.median(seconds) for seconds in found]


def main() -> int:
    """Compare, print, and write the ratios as JSON if asked."""
    what = "this checkout against another"
    options = argparse.ArgumentParser(prog="python -m bench.versions", description=what)
    options.add_argument("other", type=Path, help="the folder of the other checkout")
    options.add_argument("--same", action="store_true", help="the other against itself")
    options.add_argument("--family", action="append", default=[], help="P1 … P16; all by default")
    options.add_argument("--size", default="small,medium", help="with commas")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument(
        "--plans", action="store_true", help="compare the kernels of the plans, time nothing"
    )
    options.add_argument("--save", type=Path, help="write the ratios to this file")
    given = options.parse_args()
    checkout = given.other if given.same else HERE
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        this = Version("this", checkout, Path(folder))
        other = Version("other", given.other, Path(folder))
        todo = list(cases(other, given.family, given.size.split(",")))
        if given.plans:
            return differences((this, other), todo)
        records = compared((this, other), todo, given.rounds)
        print(*by_family(records), sep="\n")
        ours, theirs = import_times([checkout, given.other])
        print(f"import einderiv: {ours:.1f} ms, the other {theirs:.1f} ms")
        if given.save:
            given.save.write_text(json.dumps(records, indent=1))
    return 0


def differences(versions: tuple[Version, Version], todo: list[tuple[str, str, str]]) -> int:
    """Print where the plans have other kernels; how many."""
    found = 0
    for family, name, size in todo:
        contest = Contest(versions, family, name, size)
        if contest.problems[0].kind == "call":
            continue
        this, other = contest.kernels()
        if this != other:
            found += 1
            print(
                f"{family} {name} {size}\n  this:  {', '.join(this)}\n  other: {', '.join(other)}"
            )
    print(f"{found} of {len(todo)} plans differ")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
