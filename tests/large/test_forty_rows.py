"""Forty bad inputs and faults, each in a process with little time and memory: what `forty_rows` must say."""

import json
import os
import re
import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from forty_rows import GROUPS, SECONDS

ROOT = Path(__file__).resolve().parents[2]
ROWS = str(ROOT / "tests" / "forty_rows.py")


def alone(*words, **options):
    """Python with these words, one thread for each library, and warnings as errors."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.run(
        [sys.executable, *words], env=env, timeout=100, check=False, cwd=ROOT, **options
    )


@pytest.fixture(scope="module")
def ran():
    done = {}

    def of(group):
        if group not in done:
            found = alone("-W", "error", ROWS, group, capture_output=True, text=True)
            done[group] = (
                {
                    row: (wrong, took)
                    for row, wrong, took in map(json.loads, found.stdout.splitlines())
                },
                found,
            )
        return done[group]

    return of


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "row"),
    [pytest.param(group, row, id=row) for group, rows in GROUPS.items() for row, *_ in rows],
)
def test_row(ran, group, row):
    if group == "libraries" and not (find_spec("torch") and find_spec("jax")):
        pytest.skip("torch and jax are not there")
    rows, found = ran(group)
    assert row in rows, found.stderr[-2000:]
    wrong, took = rows[row]
    assert not wrong and took < SECONDS, (wrong, took)


def test_all_rows_are_there():
    numbers = {int(row.split()[0]) for rows in GROUPS.values() for row, *_ in rows}
    assert numbers == set(range(1, 40))  # the fortieth are the faults below, threads, and plans


# ---- the fortieth row: what surrounds the command line
DERIVE = ("derive", "is,st,tj->ij", "--wrt", "0")


def command(*words, **options):
    """The command line in a process of its own, with little memory."""
    return alone("-W", "error", ROWS, "cli", *words, stderr=subprocess.PIPE, **options)


@pytest.mark.slow
def test_a_closed_pipe_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        found = command(*DERIVE, stdout=writer)
    finally:
        os.close(writer)
    assert (found.returncode, found.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk here")
def test_a_full_disk_behind_the_output():
    with open("/dev/full", "wb") as full:
        found = command(*DERIVE, stdout=full)
    assert found.returncode == 2
    assert re.fullmatch(
        rb"einderiv: .*cannot be written: .*No space left on device\n", found.stderr
    )


@pytest.mark.slow
# JAX warns of forks, where it is loaded; the child only execs.
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    """Whoever reads the file sees the old one, whole; nothing else is left in the folder."""
    target = tmp_path / "J.svg"
    target.write_text("old")
    words = [*DERIVE, "--format", "svg", "--output", str(target)]
    found = command(
        *words,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (99, 99)),
    )
    assert found.returncode == 2
    assert re.fullmatch(
        rb"einderiv: the file '.*J.svg' cannot be written: File too large\n", found.stderr
    )
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
    assert command(*words, stdout=subprocess.PIPE).returncode == 0
    assert target.read_text().startswith("<svg")


ABSENT = """
import sys
sys.modules[{0!r}] = None
import einderiv as ed
try:
    {1}
except (ed.EinderivError, ImportError) as e:
    print(type(e).__name__, e)
"""


@pytest.mark.parametrize(
    ("package", "call", "extra"),
    [
        ("torch", "ed.compile(ed.einsum('i->'), backend='torch')(A=[1.0])", "torch"),
        ("jax.numpy", "ed.compile(ed.einsum('i->'), backend='jax')(A=[1.0])", "jax"),
        ("cupy", "ed.compile(ed.einsum('i->'), backend='cupy')(A=[1.0])", "cupy"),
        ("dask", "ed.compile(ed.einsum('i->'), backend='dask')(A=[1.0])", "dask"),
        (
            "zarr",
            "ed.stream(ed.einsum('i->i'), {'A': [1.0]}, to='J.zarr', memory_limit='1MB')",
            "dask",
        ),
        (
            "scipy.sparse",
            "ed.evaluate(ed.derive('i->i', 0), sizes={'i': 2}, dense=False).to_sparse()",
            "scipy",
        ),
        ("uvicorn", "from einderiv.page.server import serve; serve()", "web"),
    ],
)
def test_a_missing_package_is_named(package, call, extra):
    found = alone("-c", ABSENT.format(package, call), capture_output=True, text=True)
    assert f"einderiv[{extra}]" in found.stdout and "pip install" in found.stdout, (
        found.stdout,
        found.stderr,
    )
    assert found.stdout.count("\n") <= 2
