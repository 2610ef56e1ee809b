"""The table of a plan for a cluster, and its verdict."""

import pytest

import einderiv as ed
from einderiv.reports.plan_cluster import spoken_time

SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")


def planned(e, n, **options):
    return ed.plan(e, {name: (n, n) for name in ed.compile(e).tensors}, **options)


def test_small_work_is_faster_on_one_machine():
    p = planned(SEED, 100, workers=4, memory="1GiB")
    assert "one machine is faster" in str(p)
    assert p.alone < p.duration
    assert p.fits


def test_large_work_is_faster_on_many():
    p = planned(SEED, 20_000, workers=64, memory="64GiB")
    assert "the cluster is faster" in str(p)
    assert p.duration < p.alone


def test_what_does_not_fit_on_one_machine():
    p = planned(SEED, 100_000, workers=100, memory="16GiB")
    assert "not on one machine: it would need " in str(p)
    assert not p.fits
    assert p.peak < p.memory


def test_a_dense_result_that_fits_nowhere():
    p = planned(ed.derive(SEED, "X"), 10_000, workers=4, memory="16GiB")
    assert "a worker needs more than it has" in str(p)
    assert p.peak > p.memory


def test_the_rows_add_up():
    p = planned(SEED, 10_000, workers=8, memory="8GiB")
    assert p.tasks == p.reading + sum(load.tasks for load in p.loads)
    assert p.sent == sum(load.sent for load in p.loads)
    lines = str(p).splitlines()
    assert lines[0].split() == ["step", "einsum", "of", "blocks", "tasks", "sent", "time"]
    assert len(lines) == 1 + len(p.steps) + 2 + len(p.notes)
    assert (
        f"8 workers of 8.59 GB: {p.tasks} tasks, {p.reading} of them read operands"
        in lines[1 + len(p.steps)]
    )


def test_costs_decide():
    with ed.costs.override(task=1e-9, sent=1e-15):
        assert "the cluster is faster" in str(planned(SEED, 2000, workers=64))
    with ed.costs.override(task=10.0):
        assert "one machine is faster" in str(planned(SEED, 2000, workers=64))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.2e-3, "3.2 ms"),
        (5e-7, "0.5 µs"),
        (0.999, "999 ms"),
        (59, "59 s"),
        (90, "1.5 min"),
        (7200, "2 h"),
        (0, "0 µs"),
    ],
)
def test_times(seconds, text):
    assert spoken_time(seconds) == text
