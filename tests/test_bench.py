"""The benchmarks: every hand-written form agrees with the package, and what the harness says about figures is right."""

import dataclasses
import json
import math
import subprocess
import sys
import timeit
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from lengths import length

from bench import engine, growth, networks, pages, report
from bench.__main__ import main
from bench.families import FAMILIES, p14_networks
from bench.problems import SIZES, Problem, normal

ROOT = Path(__file__).parents[1]
#: one of each family, and all
FIRST = [family.cases[0] for family in FAMILIES.values() if family.possible]
CASES = [c for family in FAMILIES.values() for c in family.cases if family.possible]
pytestmark = pytest.mark.slow
ALONE = engine.Settings(rounds=1, least=0, against=("none",), memory="none")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_our_answer_is_the_hand_written_one(case):
    right = engine.checked(case, "tiny", ALONE)
    assert set(right.contestants) <= {"hand", "einderiv", "einderiv.raw", "einderiv.forward"}
    errors = [error for name, error in right.errors.items() if name not in right.problem.also]
    if case.family == "P11":  # no arrays: what is derived is looked at when the problem is made
        assert errors == [None]
    else:
        assert len(errors) >= 2
        assert max(errors) < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [c for c in CASES if c.family in ("P1", "P3", "P5", "P9")], ids=lambda c: c.label
)
def test_in_float32(case):
    right = engine.checked(case, "tiny", dataclasses.replace(ALONE, dtype="float32"))
    assert "einderiv" in right.errors


def test_families_and_sizes_are_complete():
    assert list(FAMILIES) == [f"P{k}" for k in range(1, 17)]
    assert len(FAMILIES["P9"].cases) == 29
    assert len({c.label for c in CASES}) == len(CASES)
    for case in CASES:
        assert {"tiny", "small"} <= set(case.sizes) <= set(SIZES)


@pytest.fixture
def double():
    """JAX in float64, as the harness asks by the environment."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.slow
@pytest.mark.usefixtures("double")
@pytest.mark.filterwarnings("ignore")  # those of the rivals are theirs
@pytest.mark.parametrize("case", length(FIRST, CASES), ids=lambda c: c.label)
def test_rivals_agree(case):
    right = engine.checked(case, "tiny", dataclasses.replace(ALONE, against=()))
    assert not [why for why in right.skipped.values() if why.startswith("failed")]


def test_a_wrong_answer_is_caught_before_anything_is_timed(monkeypatch):
    case = FAMILIES["P1"].cases[0]

    def wrong(*numbers):
        return dataclasses.replace(
            case.make(*numbers), hand=lambda X, Y, P: 2 * case.make(*numbers).hand(X, Y, P)
        )

    monkeypatch.setattr(engine, "interleaved", None)
    with pytest.raises(
        engine.WrongAnswer,
        match=r"P1 Jacobian by X tiny einderiv: relative error 5\.0e-01 is above",
    ):
        engine.run(dataclasses.replace(case, make=wrong), "tiny", ALONE)


def test_a_rival_that_fails_is_shown_and_one_that_is_wrong_is_not():
    case = FAMILIES["P9"].cases[0]

    def broken(arrays):
        raise MemoryError("too large")

    def rivalled(way):
        return dataclasses.replace(
            case, make=lambda k: dataclasses.replace(case.make(k), rivals={"numpy.x": way})
        )

    record = engine.run(rivalled(broken), "tiny", dataclasses.replace(ALONE, against=()))
    assert record["skipped"] == {"numpy.x": "failed: MemoryError: too large"}
    with pytest.raises(engine.WrongAnswer, match=r"P9 matmul tiny numpy\.x"):
        engine.run(
            rivalled(lambda arrays: lambda: arrays["A"]),
            "tiny",
            dataclasses.replace(ALONE, against=()),
        )


def test_a_rival_that_is_skipped_takes_no_part():
    case = FAMILIES["P9"].cases[0]

    def skipping(large):
        return dataclasses.replace(case.make(large), skipped={"numpy.einsum": "too slow"})

    settings = dataclasses.replace(ALONE, against=("numpy",))
    right = engine.checked(dataclasses.replace(case, make=skipping), "tiny", settings)
    assert "numpy.einsum" in engine.checked(case, "tiny", settings).contestants
    assert "numpy.einsum" not in right.contestants
    assert right.skipped == {"numpy.einsum": "too slow"}
    with pytest.raises(ValueError, match=r"numpy\.x cannot be skipped: there is no such rival"):
        dataclasses.replace(case.at("tiny"), skipped={"numpy.x": "too slow"})


def test_the_peak_of_numpy_counts_the_result():
    assert 8e6 <= engine.peak("hand", lambda: np.ones(10**6)) < 9e6


def contestant(median, ratio=None, peak=None):
    return {"median": median, "ratio": ratio, "peak": peak}


def record(own=1.0, family="P1", case="case", size="large", rivals=(), **more):
    times = {"hand": 1.0, "einderiv": own, **dict(rivals)}
    return {
        "family": family,
        "case": case,
        "size": size,
        "numbers": [60],
        "dtype": "float64",
        "kind": "dense",
        "aim": None,
        "contestants": {n: contestant(t, t) for n, t in times.items()},
        "shown_only": [],
        "skipped": {},
        **more,
    }


@pytest.mark.parametrize(
    ("r", "want"),
    [
        (record(1.1), False),
        (record(1.2), True),
        (record(1.4, size="small"), False),
        (record(1.6, size="small"), True),
        (record(1.0, rivals=[("jax.grad", 0.9)]), True),
        (record(1.0, rivals=[("jax.grad", 0.97)]), False),
        (record(1.0, rivals=[("torch", 0.5)], shown_only=["torch"]), False),
        (record(0.3, aim=0.2), True),
        (record(0.3, aim=0.4), False),
    ],
)
def test_which_cases_are_lost(r, want):
    assert bool(report.lost([r])) is want


def test_the_table_fits_and_its_columns_are_explained():
    rivals = [("jax.gauss_newton", 123.456e-6), ("einderiv.raw", 123.456e-6)]
    rows = [
        record(1.2345e-3, case.family, case.name, "medium", rivals, dtype="float64")
        for case in CASES
    ]
    shown = report.results(rows).splitlines()
    assert max(map(len, shown)) <= 100
    said = report.meaning().splitlines()
    assert max(map(len, said)) <= 100
    for name in shown[0].replace("best rival", "best_rival").split():
        assert any(line.startswith(name.replace("_", " ")) for line in said), name


def test_lost_cases_come_worst_first_with_their_reason(monkeypatch):
    rows = [record(1.3, case="a"), record(9.0, case="b"), record(2.0, case="c")]
    assert [r["case"] for r in report.lost(rows)] == ["b", "c", "a"]
    monkeypatch.setattr(
        "bench.reasons.REASONS",
        {"P1 b": "always", "P1 c, large": "here", "P1 a, small": "elsewhere"},
    )
    assert [report.explained(r) for r in rows] == ["not explained yet", "always", "here"]


def test_targets():
    nine = [
        record(own, "P9", size="small", rivals=[("opt_einsum", 8.0), ("einderiv.raw", 0.5)])
        for own in (1.0, 2.0)
    ]
    (_, _, gain, met), (_, _, raw, _) = report.targets(nine)
    assert (round(gain, 6), met, round(raw, 6)) == (round(32**0.5, 6), True, 16)
    assert report.targets([record(4.0, "P6", rivals=[("einderiv.forward", 1.0)])])[0][2:] == (
        4.0,
        False,
    )


def test_targets_on_other_libraries():
    own = [("jax.hessian", 4.0), ("jax.revrev", 2.0)]
    rows = [record(case=c, rivals=[*own, ("einderiv.jax", t)]) for c, t in (("a", 1.0), ("b", 4.0))]
    (mean, worst), alone = report.targets(rows), record(rivals=[("einderiv.torch", 1.0)])
    assert mean == ("2 derivatives, einderiv.jax over jax itself, geometric mean", "≤ 1", 1.0, True)
    assert worst == ("the worst of these, P1 b, large", "≤ 1.05", 2.0, False)
    assert report.targets([alone]) == []
    assert report.best_rival(rows[0]) == "jax.revrev"


def test_ours_takes_part_where_a_library_does(double):
    case, f = next(c for c in CASES if c.label == "P3 gradient"), dataclasses.replace
    found = engine.run(case, "tiny", f(ALONE, against=("jax",)))["contestants"]
    assert set(found) == {"hand", "einderiv", "einderiv.raw", "einderiv.jax", "jax.grad"}
    assert found["einderiv.jax"]["error"] < 1e-12


def test_ours_that_fails_is_no_result(double, monkeypatch):
    case = next(c for c in CASES if c.label == "P3 gradient")

    def broken(arrays):
        raise ValueError("of ours")

    monkeypatch.setattr(engine, "hosted", lambda *_: broken)
    with pytest.raises(ValueError, match="of ours"):
        engine.run(case, "tiny", dataclasses.replace(ALONE, against=("jax",)))


@pytest.mark.parametrize(
    ("was", "now", "worse"), [(1.0, 1.1, False), (1.0, 1.2, True), (2.0, 1.0, False)]
)
def test_comparison(was, now, worse):
    text, found = report.compared([record(now)], [record(was)], 0.15)
    assert found is worse
    assert ("WORSE" in text) is worse


def run(tmp_path, *words):
    command = [sys.executable, "-m", "einderiv", "bench", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)


def test_the_command_line_measures_saves_compares_and_writes_the_page(tmp_path):
    done = run(
        ROOT, "--quick", "--family", "P8", "--against", "none", "--save", str(tmp_path / "r.json")
    )
    assert done.returncode == 0, done.stderr
    assert "P8 gradients of a product" in done.stdout
    saved = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (saved["schema"], len(saved["results"]), saved["threads"]["asked"]) == (1, 3, 1)
    for r in saved["results"]:
        r["contestants"]["einderiv"]["ratio"] /= 100
    (tmp_path / "old.json").write_text(json.dumps(saved), encoding="utf-8")
    words = ["--load", str(tmp_path / "r.json"), "--compare"]
    assert main([*words, str(tmp_path / "r.json")]) == 0
    assert main([*words, str(tmp_path / "old.json")]) == 1


def test_the_page(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        record(
            9.0,
            case="a|b",
            size=s,
            numbers=[n],
            rivals=[("jax.grad", 2.0)],
            skipped={"torch.grad": "2 GB"},
        )
        for s, n in (("small", 3), ("medium", 9), ("large", 60))
    ]
    machine = {"processor": "p", "processors": 2, "memory": 10**9, "system": "s", "python": "3"}
    pages.write(
        {
            "machine": machine,
            "versions": {"numpy": "2"},
            "threads": {"asked": 1},
            "date": "2026-01-01",
            "settings": {"quick": False, "rounds": 15},
            "results": rows,
            "growth": {
                "one": {
                    "derive": [(10, 1e-3), (100, 2.3e-3), (1000, 3e-2)],
                    "plan": [(10, 1e-3), (100, 2e-3), (1000, 5e-1)],
                }
            },
        },
        tmp_path,
    )
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| P1 a\\|b | large | float64 | 9.00 | jax.grad | 4.50 | not explained yet |" in text
    assert "torch.grad left out, 2 GB" in text
    assert "| one | derive | 1 ms | 2.3 ms | 30 ms | 0.87 |" in text
    names = ["growth.png", "ratios_P1.png", "results.md", "scaling_P1.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_growth_is_measured_against_n_log_n():
    def exact(n):
        return 1e-6 * n * math.log(n)

    assert growth.growth([(n, exact(n)) for n in growth.OPERANDS]) == pytest.approx(1)
    assert growth.growth([(n, exact(n) * n) for n in growth.OPERANDS]) == pytest.approx(10)
    found = growth.measured([10, 12])
    assert list(found) == list(growth.CURVES)
    assert all(
        n in (10, 12) and 0 < t < 10
        for curves in found.values()
        for c in curves.values()
        for n, t in c
    )


BAD = [
    (["--family", "P99"],       "there is no family 'P99'; there is P1, P2"),
    (["--size", "huge"],        "there is no size 'huge'"),
    (["--dtype", "int8"],       "there is no dtype 'int8'"),
    (["--against", "julia"],    "there is no engine 'julia'"),
    (["--load", "none.json"],   "there is no file 'none.json'"),
    (["--threads", "0"],        "--threads must be 1 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input(capsys, words, message):
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_family_without_its_package(capsys, monkeypatch):
    monkeypatch.setitem(
        FAMILIES, "P12", dataclasses.replace(FAMILIES["P12"], needs="no_such_package")
    )
    assert main(["--family", "P12"]) == 2
    assert "P12 needs no_such_package: pip install" in capsys.readouterr().err


@pytest.mark.slow
def test_what_tasks_and_bytes_cost_between_processes(monkeypatch):
    pytest.importorskip("distributed")
    from bench import calibration

    monkeypatch.setattr(calibration, "TASKS", 20)
    monkeypatch.setattr(calibration, "STREAM", 10_000)
    found = calibration.cluster()
    assert set(found) == {"task", "sent"}
    assert all(0 < value < 1 for value in found.values())


@pytest.mark.parametrize("content", ["{}", "[1]", "no", '{"schema": 7}'])
def test_files_that_hold_no_results(capsys, tmp_path, content):
    (tmp_path / "r.json").write_text(content, encoding="utf-8")
    assert main(["--load", str(tmp_path / "r.json")]) == 2
    assert "r.json" in capsys.readouterr().err


def test_names_of_arrays_that_a_hand_written_form_takes():
    problem = Problem(normal(A=(2,), B=(3,)), lambda: None, lambda B: B)
    assert engine.bound(problem.hand, problem.arrays)().shape == (3,)
    assert len(engine.bound(lambda *arrays: arrays, problem.arrays)()) == 2


@pytest.mark.slow
def test_calibration_measures_every_constant(monkeypatch, tmp_path, capsys):
    from bench import __main__, calibration
    from einderiv.planning import costs
    from einderiv.planning.cost import Costs

    for name, value in {
        "ROUNDS": 1,
        "MATRIX": 20,
        "STREAM": 1000,
        "BLOCK": 5000,
        "BLOCKS": [1 << 12, 1 << 13],
    }.items():
        monkeypatch.setattr(calibration, name, value)
    monkeypatch.setattr(calibration, "cluster", lambda: {"task": 2e-3, "sent": 1e-9})
    # else 0.2 s and more for each
    monkeypatch.setattr(timeit.Timer, "autorange", lambda timer: (1, timer.timeit(1)))
    monkeypatch.setenv(__main__.MARK, "1")
    assert __main__.main(["--calibrate", "--save", str(tmp_path / "costs.json")]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name, _ in Costs())
    with costs.override():
        costs.load(tmp_path / "costs.json")
        assert dict(costs) != dict(Costs())


def test_networks_have_every_axis_twice():
    p14 = p14_networks
    for edges, count, widths in (
        (p14.trains(5), 10, {2, 3}),
        (p14.mera(8, 2), 1 + 2 * (8 + 4 + 1), {2, 3, 4}),
        (p14.regular(10), 10, {3}),
        (p14.grid(2, 3, 2, size=2), 12, {3, 4}),
    ):
        network, sizes = p14.labelled(edges)
        assert len(network) == count
        assert set(map(len, network)) == widths
        assert sorted(x for term in network for x in term) == sorted([*range(len(sizes))] * 2)


def test_the_table_of_networks():
    """A column of today beside each of before; what was not searched for longer is left empty."""
    plans = {"value": {"flops": 2e6, "largest": 2.0**20, "seconds": 0.1}}
    plans["gradients"] = {"flops": 6e6, "largest": 2.0**21, "seconds": 0.5}
    before = {key: {what: 10 * x for what, x in plan.items()} for key, plan in plans.items()}
    found = {"after": {"grid": plans}, "before": {"grid": before}}
    found["longer"] = {"grid": {"opt_einsum": 3e6, "ours": 1e6}}
    (row,) = networks.rows(found)
    assert dict(zip(networks.head()[:6], row[:6], strict=True)) == {
        "network": "grid", "value": "2e+06", "before": "2e+07",
        "RandomGreedy, 1 s": "3e+06", "ours, 4 s": "1e+06", "cotengra, 4 s": "",
    }  # fmt: skip
    assert row[6:] == ("3.0", "3.0", "2 MiB", "20 MiB", "0.5 s", "5 s")


def test_a_network_is_planned_and_nothing_is_computed(monkeypatch, tmp_path):
    few = {"grid": partial(p14_networks.grid, 2, 2, 2, size=2)}
    monkeypatch.setattr(networks, "NETWORKS", few)
    monkeypatch.setattr(networks, "SECONDS", 0.05)
    file = tmp_path / "results.json"
    file.write_text("{}")
    for part in ("after", "longer"):
        assert networks.main([part, str(file)]) == 0
    found = json.loads(file.read_text())["networks"]
    assert (
        found["after"]["grid"]["gradients"]["flops"]
        <= 3.3 * found["after"]["grid"]["value"]["flops"]
    )
    assert found["longer"]["grid"]["ours"] > 0
