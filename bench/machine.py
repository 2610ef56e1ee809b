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
