"""Dask's scheduler with two processes: the same numbers, also where one of them is killed on the way."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from itertools import product

import numpy as np
import pytest
from lengths import length

import einderiv as ed

zarr = pytest.importorskip("zarr", reason="zarr is an extra")
distributed = pytest.importorskip("distributed", reason="dask is an extra")
da = pytest.importorskip("dask.array", reason="dask is an extra")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
n = length(24, 48)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found


def problem():
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(-3, 4, (n, n)).astype(float) for name in "XYP"}
    J = ed.derive(ed.einsum("is,st,tj->ij", "X", "Y", "P"), "X")
    f = ed.compile(J, backend="dask", memory_limit=length(2**20, 2**21))
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


# ---- a Jacobian of a hundred times the memory: structured over Dask, streamed to Zarr
MOST = length(4, 24)  # mebibytes
LIMIT = f"{MOST}MiB"
# the Jacobian of a product by its first matrix has 88^4 entries: 0.48 GB, 114 times the limit
SIDE = length(88, 160)
CHUNK = length(22, 40)
TEXT = "is,st,tj->ij"


def large(chunks=CHUNK):
    """The derivative, its arrays, and the same as arrays of Dask."""
    rng = np.random.default_rng(7)
    arrays = {name: rng.integers(-4, 5, (SIDE, SIDE)).astype(float) for name in "ABC"}
    return (
        ed.derive(TEXT, 0),
        arrays,
        {name: da.from_array(a, chunks=chunks) for name, a in arrays.items()},
    )


def equal_in_every_block(found, e, arrays):
    """Every block against the result on one machine, which is held structured; what is not on disk is zero in both."""
    ((core, where),) = ed.evaluate(e, arrays, dense=False).terms
    assert (where, found.shape) == ("bj->ijib", (SIDE,) * 4)
    assert found.size * found.dtype.itemsize >= 100 * MOST * 2**20
    stored = 0
    for place in product(
        *(range(-(-n // c)) for n, c in zip(found.shape, found.chunks, strict=True))
    ):
        at = tuple(slice(k * c, (k + 1) * c) for k, c in zip(place, found.chunks, strict=True))
        rows, columns = (np.arange(SIDE)[s] for s in (at[0], at[2]))
        met = rows[:, None] == columns
        if met.any():
            want = np.einsum("ia,bj->ijab", met, core[at[3], at[1]])
            assert np.array_equal(found[at], want)
            stored += 1
    assert stored == found.nchunks_initialized  # not one more
    return stored


def test_streamed_from_a_cluster_with_a_worker_killed(client, tmp_path):
    e, arrays, lazy = large()
    path = tmp_path / "J.zarr"
    pids = list(client.run(os.getpid).values())
    killed = []

    def kill():
        while (
            not (journal := path.with_name("J.zarr.journal")).exists()
            or len(journal.read_text().splitlines()) < 5
        ):
            time.sleep(0.005)
        os.kill(pids[0], signal.SIGKILL)
        killed.append(len(journal.read_text().splitlines()))

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = ed.stream(e, lazy, to=path, memory_limit=LIMIT)
    killer.join(10)
    blocks = equal_in_every_block(found, e, arrays)
    assert killed and killed[0] < blocks  # it was in the middle
    client.wait_for_workers(2, timeout=60)
    assert pids[0] not in client.run(os.getpid).values()


STREAMING = f"""
import sys
import dask.array as da, distributed, numpy as np
import einderiv as ed

if __name__ == "__main__":
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0) as cluster:
        with distributed.Client(cluster):
            rng, shape = np.random.default_rng(7), ({SIDE}, {SIDE})
            arrays = dict((name, rng.integers(-4, 5, shape).astype(float)) for name in "ABC")
            lazy = dict((name, da.from_array(a, chunks={CHUNK})) for name, a in arrays.items())
            ed.stream(ed.derive("is,st,tj->ij", 0), lazy, to=sys.argv[1], memory_limit="{LIMIT}", progress=False)
"""


@pytest.mark.timeout(400)  # a busy machine takes its time to start the workers
def test_the_streaming_process_is_killed_and_taken_up_again(tmp_path):
    e, arrays, _ = large()
    script, path = tmp_path / "streaming.py", tmp_path / "J.zarr"
    script.write_text(STREAMING)
    journal = path.with_name("J.zarr.journal")
    noted = [0]
    for _ in range(2):
        process = subprocess.Popen([sys.executable, str(script), str(path)], start_new_session=True)
        until = time.monotonic() + 150
        while time.monotonic() < until and (
            not journal.exists() or len(journal.read_text().split()) < noted[-1] + 40
        ):
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)  # the scheduler and the workers with it
        process.wait()
        noted.append(len(journal.read_text().splitlines()))
    assert noted[0] < noted[1] < noted[2]
    subprocess.run([sys.executable, str(script), str(path)], check=True, timeout=100)
    assert noted[2] < equal_in_every_block(zarr.open_array(str(path), mode="r"), e, arrays)
    assert not journal.exists()


def test_what_one_machine_makes_of_the_same(tmp_path):
    # without a cluster the cores are computed here, within the limit
    e, arrays, lazy = large()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = ed.stream(e, lazy, to=tmp_path / "J.zarr", memory_limit=LIMIT)
    # kB, of half a GB or 5.2 GB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 2**10
    equal_in_every_block(found, e, arrays)


def test_a_failure_on_a_worker_is_raised_here(client, tmp_path, monkeypatch):
    from einderiv.large import cluster as clusters

    e, _, lazy = large()
    monkeypatch.setattr(clusters, "write_block", _fails)
    with pytest.raises(OSError, match="no room"):
        ed.stream(e, lazy, to=tmp_path / "J.zarr", memory_limit=LIMIT)


def _fails(*_):
    raise OSError("no room")
