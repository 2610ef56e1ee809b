"""The random einsums of `exactness.py`: a few here, more in the slow tests, and that a wrong number is found."""

from dataclasses import replace

import exactness
import numpy as np
import pytest
from lengths import length

pytest.importorskip("zarr", reason="zarr is an extra")


PARTS = [range(100), pytest.param(range(100, length(900, 3000)), marks=pytest.mark.slow)]


@pytest.mark.parametrize("part", PARTS, ids=["few", "more"])
@pytest.mark.timeout(900)
def test_random_einsums(part):
    wrong = [(c, w) for c in map(exactness.drawn, part) if (w := exactness.trouble(c))]
    assert not wrong


def test_the_judge_by_hand():
    """`ij,j->i` by its second operand is the first; of `i,i->` twice by one tensor, two identities."""
    case = exactness.Case(("ij", "j"), ("A", "B"), "i", {"i": 2, "j": 3}, ("B",), 1)
    assert exactness.judged(case, case.values()).tolist() == case.values()["A"].tolist()
    twice = exactness.Case(("i", "i"), ("A", "A"), "", {"i": 3}, ("A", "A"), 1)
    assert exactness.judged(twice, twice.values()).tolist() == (2 * np.eye(3, dtype=int)).tolist()


def test_a_planted_mistake_is_found_and_shrunk(monkeypatch):
    judged = exactness.judged
    monkeypatch.setattr(
        exactness, "judged", lambda c, v: np.asarray(judged(c, v) + bool(c.wrt), object)
    )
    case = exactness.Case(("ij", "jk"), ("A", "B"), "ik", {"i": 2, "j": 3, "k": 2}, ("A",), 1)
    assert "dense" in exactness.trouble(case)
    least = exactness.shrunk(case, exactness.trouble)
    assert least == replace(case, terms=("",), names=("A",), output="", sizes={})


def test_a_run_is_taken_up(tmp_path):
    whole = exactness.long_run(3, 6, tmp_path / "a", "numpy", 1)
    exactness.long_run(3, 4, tmp_path / "b", "numpy", 1)
    again = exactness.long_run(3, 6, tmp_path / "b", "numpy", 1)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    with pytest.raises(SystemExit, match="seed 3"):
        exactness.long_run(4, 6, tmp_path / "b", "numpy", 1)
