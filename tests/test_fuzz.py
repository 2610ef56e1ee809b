"""Fuzzing, in short: texts that once were findings, some new ones for each target, and that a finding is found."""

import random

import pytest
from fuzz import __main__ as fuzz
from fuzz import targets
from fuzz.mutations import LONGEST, SEEDS, mutated
from lengths import length

#: the gate runs some thousands as well: python -m tests.fuzz
COUNTS = [
    150,
    *length([], [pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]),
]
OLD = [(name, text) for name, texts in fuzz.CORPUS.items() for text in texts]


@pytest.mark.parametrize(("name", "text"), OLD)
def test_what_once_went_wrong(name, text):
    with targets.empty_folder():
        assert targets.trouble(name, text) == ""


@pytest.mark.parametrize("name", targets.TARGETS)
@pytest.mark.parametrize("count", COUNTS)
def test_mutated_texts(name, count):
    findings, told = fuzz.run(7, count, [name])
    assert findings == []
    executions, passed, *_ = told[name]
    assert executions == count
    assert passed > count / 10  # most of what is executed would else be the parser's first line


def test_the_same_seed_makes_the_same_texts():
    for family in SEEDS:
        first, again = (
            [mutated(r, family) for _ in range(50)] for r in (random.Random(1), random.Random(1))
        )
        assert first == again
        assert max(map(len, first)) <= LONGEST


def test_a_finding_is_found_and_shortened(monkeypatch):
    def planted(text):
        return len(text) / ("q" not in text) > 0

    monkeypatch.setitem(targets.TARGETS, "text", (planted, ("text",)))
    assert targets.trouble("text", "abqc") == "ZeroDivisionError: division by zero"
    assert targets.least("text", "abc q def") == "q"


def test_what_takes_too_long_is_a_finding(monkeypatch):
    def endless(text):
        while True:
            len(text)

    monkeypatch.setitem(targets.TARGETS, "text", (endless, ("text",)))
    monkeypatch.setattr(targets, "SECONDS", 0.05)
    assert targets.trouble("text", "a").startswith("OutOfTime")
