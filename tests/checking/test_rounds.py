"""How calls are timed, and how answers are compared."""

import numpy as np
import pytest

from einderiv.checking.rounds import Rounds, WrongAnswer, interleaved, relative_error
from einderiv.checking.timing_tables import legend, table


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        (np.zeros(0), np.zeros(0), 0),
        ("ab", "ab", 0),
        ("ab", "ac", np.inf),
        ((np.ones(2), np.ones(3)), [np.ones(2), 2 * np.ones(3)], 0.5),
    ],
)
def test_errors_are_relative(a, b, want):
    a, b = (np.array(x) if isinstance(x, list) and isinstance(x[0], float) else x for x in (a, b))
    assert relative_error(a, b) == want


@pytest.mark.parametrize("position", [0, 1, 2])
def test_what_is_no_number_is_seen_wherever_it_stands(position):
    answer = [np.ones(2) for _ in range(3)]
    answer[position] = np.full(2, np.nan)
    assert np.isnan(relative_error(answer, [np.ones(2)] * 3))


def test_shapes_and_counts_must_agree():
    with pytest.raises(WrongAnswer, match=r"shape \(2,\) instead of \(1, 2\)"):
        relative_error(np.ones(2), np.ones((1, 2)))
    with pytest.raises(WrongAnswer, match="3 arrays were expected"):
        relative_error([np.ones(2)] * 2, [np.ones(2)] * 3)


def test_all_run_in_every_round_and_the_order_changes():
    seen = []
    calls = {name: (lambda name=name: seen.append(name)) for name in "abc"}
    times = interleaved(calls, Rounds(rounds=8, least=0))
    # two calls each come before them
    rounds = [tuple(seen[k : k + 3]) for k in range(6, len(seen), 3)]
    assert len(rounds) == 8
    assert all(sorted(r) == ["a", "b", "c"] for r in rounds)
    assert len(set(rounds)) > 1
    assert all(len(t) == 8 for t in times.values())


def test_a_table_is_as_wide_as_it_may_be():
    rows = [("P1 " + "word " * 12, "1 ms", "2.5"), ("short", "10 µs", "–")]
    found = table(("case", "time", "ratio"), rows, ("case",), width=40).splitlines()
    assert max(map(len, found)) <= 40
    assert found[0].split() == ["case", "time", "ratio"]
    assert found[-1].split() == ["short", "10", "µs", "–"]
    assert " ".join(" ".join(found[1:-1]).split()).count("word") == 12
    assert len(table(("case", "time", "ratio"), rows, ("case",)).splitlines()) == 3


def test_a_legend_has_a_line_or_two_for_each():
    found = legend({"a": "x " * 30, "longer": "y"}, 40).splitlines()
    assert found[-1] == "longer  y"
    assert found[1].startswith("        x")
    assert max(map(len, found)) <= 40
