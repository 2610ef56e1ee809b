"""Mutated texts against everything that reads texts: ``python -m tests.fuzz --seed 1 --count 1000000``.

Seeded: the same seed and count execute the same texts. With atheris (extra `fuzz`) a target is driven by coverage:
``python -m tests.fuzz --atheris TARGET -max_total_time=120``. Findings belong into `corpus.json`: the tests replay it.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from tempfile import gettempdir

from .mutations import mutated
from .targets import TARGETS, OutOfTime, empty_folder, executed, least, trouble

CORPUS = json.loads(Path(__file__).with_name("corpus.json").read_text(encoding="utf-8"))
MOST = 20  # findings


def run(seed, count, names, shares=None):
    """Findings, and for each target: executions, those past the parser, the slowest in seconds and its text."""
    rng, findings = random.Random(seed), []
    told = {name: [0, 0, 0.0, ""] for name in names}
    with empty_folder():
        for k in range(count):
            name = names[k % len(names)]
            text = mutated(rng, rng.choice(TARGETS[name][1]), CORPUS[name])
            row, start = told[name], time.perf_counter()
            try:
                row[1] += executed(name, text)
            except (Exception, OutOfTime):
                shortest = least(name, text)
                findings.append((name, shortest, trouble(name, shortest)))
                print(name, ascii(shortest), ascii(findings[-1][2]), sep="\n    ", flush=True)
            took = time.perf_counter() - start
            row[0] += 1
            if took > row[2]:
                row[2:] = took, text
            if len(findings) >= MOST:
                break
    return findings, told


def by_coverage(name, options):
    import atheris

    with empty_folder():
        atheris.instrument_all()
        found = f"-artifact_prefix={gettempdir()}/"  # the last one given counts
        given = [sys.argv[0], found, *options]
        atheris.Setup(given, lambda data: executed(name, data.decode("utf-8", "replace")[:1500]))
        atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser(description="mutated texts against what reads texts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--atheris", choices=TARGETS)
    given, options = parser.parse_known_args()
    if given.atheris:
        by_coverage(given.atheris, options)
    start = time.perf_counter()
    findings, told = run(given.seed, given.count, given.target or list(TARGETS))
    for name, (count, passed, slowest, text) in told.items():
        print(
            f"{name:10} {count:8} executions, {passed / max(count, 1):4.0%} past the parser; "
            f"the slowest took {slowest:.2f} s: {text[:80]!r}"
        )
    total = sum(row[0] for row in told.values())
    print(
        f"seed {given.seed}: {total} executions in {time.perf_counter() - start:.0f} s, {len(findings)} findings"
    )
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
