"""The same problems under pytest-benchmark: ``pytest bench --benchmark-only``, one group for each
case and size.

Sizes are small; ``BENCH_SIZES=medium,large`` asks for others. ``--benchmark-json`` writes what it
measured.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from .engine import Settings, cast, check, prepared
from .families import FAMILIES
from .problems import Case

pytest.importorskip("pytest_benchmark")
os.environ["JAX_ENABLE_X64"] = "1"  # before the first import of jax
SIZES = os.environ.get("BENCH_SIZES", "small").split(",")
CASES = [
    pytest.param(case, size, id=f"{case.label}, {size}")
    for family in FAMILIES.values()
    if family.possible
    for case in family.cases
    for size in SIZES
    if size in case.sizes
]
pytestmark = pytest.mark.filterwarnings("ignore")  # those of the rivals are theirs
CONTESTANTS = (
    "hand",
    "einderiv",
    "einderiv.raw",
    "jax",
    "torch",
    "autograd",
    "opt_einsum",
    "numpy",
)


@pytest.mark.parametrize("contestant", CONTESTANTS)
@pytest.mark.parametrize(("case", "size"), CASES)
def test_case(benchmark: Any, case: Case, size: str, contestant: str) -> None:
    """One contestant, after its answer was compared with ours and with the hand-written form."""
    settings = Settings(against=(contestant,), first_forms=True)
    problem = case.at(size)
    arrays = cast(problem.arrays, settings.dtype)
    found, skipped = prepared(problem, arrays, settings)
    chosen = [name for name in found if name == contestant or name.startswith(f"{contestant}.")]
    if contestant == "einderiv":
        chosen = ["einderiv"]
    if not chosen:
        pytest.skip(f"{contestant} takes no part {skipped or ''}")
    check(case, size, problem, arrays, found, settings.dtype)
    benchmark.group = f"{case.label}, {size}"
    benchmark(found[chosen[0]].call)
