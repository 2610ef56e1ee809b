"""What a result depends on: processor, memory, versions, threads."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

PACKAGES = (
    "einderiv",
    "numpy",
    "opt_einsum",
    "cotengra",
    "scipy",
    "jax",
    "jaxlib",
    "torch",
    "autograd",
)
POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def environment(threads: int) -> dict[str, str]:
    """The variables that give every library the same number of threads; they count before the
    first import.
    """
    single = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    flags = {"XLA_FLAGS": single} if threads == 1 else {}
    return {
        **dict.fromkeys(POOLS, str(threads)),
        **flags,
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
    }


def pin(threads: int) -> list[int]:
    """Keep this process on as many processors as it has threads, for XLA counts processors;
    which they are.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    if threads < len(allowed):
        os.sched_setaffinity(0, allowed[-threads:])
    return sorted(os.sched_getaffinity(0))


def described(threads: int) -> dict[str, Any]:
    """The machine, the versions, the threads that were found."""
    return {
        "machine": {
            "processor": _processor(),
            "processors": os.cpu_count(),
            "memory": _memory(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "versions": versions(),
        "threads": {"asked": threads, **_pools()},
    }


def versions() -> dict[str, str]:
    """The packages that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "einderiv" not in found:
        import einderiv

        found["einderiv"] = einderiv.__version__
    return found


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    """Bytes of memory, where the system says so."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _pools() -> dict[str, Any]:
    """What the libraries themselves report."""
    try:
        import threadpoolctl
    except ImportError:
        return {}
    import numpy  # noqa: F401  # its pool is one of those that are listed

    pools = set()
    for pool in threadpoolctl.threadpool_info():
        name = f"{pool['internal_api']} {pool.get('version') or ''}".rstrip()
        pools.add(f"{name}: {pool['num_threads']}")
    return {"pools": sorted(pools)}


def limit_torch(threads: int) -> None:
    """PyTorch keeps its own number of threads."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(threads)
