"""Dask's scheduler with two processes: the same numbers, also where one of them is killed on the way."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import einderiv as ed

distributed = pytest.importorskip("distributed", reason="dask is an extra")
da = pytest.importorskip("dask.array", reason="dask is an extra")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
n = 48


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found


def problem():
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(-3, 4, (n, n)).astype(float) for name in "XYP"}
    J = ed.derive(ed.einsum("is,st,tj->ij", "X", "Y", "P"), "X")
    f = ed.compile(J, backend="dask", memory_limit=2**21)
    return J, arrays, f({name: da.from_array(a, chunks=12) for name, a in arrays.items()})


def test_two_processes(client):
    J, arrays, lazy = problem()
    assert lazy.npartitions > 100
    assert (client.compute(lazy, sync=True) == ed.evaluate(J, arrays)).all()


def test_a_worker_that_is_killed_loses_nothing(client):
    J, arrays, lazy = problem()
    slowed = lazy.map_blocks(lambda block: time.sleep(0.01) or block, dtype=lazy.dtype)
    pids = list(client.run(os.getpid).values())
    killer = threading.Timer(0.5, os.kill, (pids[0], signal.SIGKILL))
    killer.start()
    found = client.compute(slowed, sync=True)
    killer.join()
    assert (found == ed.evaluate(J, arrays)).all()
    client.wait_for_workers(2, timeout=60)
    assert pids[0] not in client.run(os.getpid).values()


def test_structured_cores_stay_small(client):
    J, arrays, _ = problem()
    f = ed.compile(J, backend="dask", dense=False)
    found = f({name: da.from_array(a, chunks=12) for name, a in arrays.items()})
    ((core, where),) = found.terms
    assert (core.nbytes, where) == (8 * n * n, "bj->ijib")
    assert np.array_equal(client.compute(core, sync=True), arrays["Y"] @ arrays["P"])
