"""The same number of threads for every library."""

from __future__ import annotations

import os

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


def limit_torch(threads: int) -> None:
    """PyTorch keeps its own number of threads."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(threads)
