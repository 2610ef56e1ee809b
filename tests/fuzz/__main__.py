"""The parsers on mutated texts: only EinderivError and TypeError may come out. Seeded: `python -m tests.fuzz`.

With atheris the same targets are driven by coverage: `python -m tests.fuzz --atheris TARGET [libFuzzer options]`.
"""

import argparse
import random
import sys
import time

import einderiv as ed
from einderiv.page.answers import derivative

SEEDS = ("is,st,tj->ij", "...ij,jk->...ik", "batch feature,feature out->batch out", "i->ii", "sum((T - U @ V.T)**2)",
         "X: i j\nw: j\np = sigmoid(X @ w)\nsum(log(p))", "einsum('ij,j->i', A, x)", "#(ij,j->i; A, x)",
         "x'*A*x + norm2(x)^2", "tr(A*X)", "exp(-x .* x)", "softmax(X, axis=1)")  # fmt: skip
PIECES = tuple(",.->()[]{}'\"#@*^+-/:;= \n\tijkXYAx019_|&~\\$%é→\u200b\0") + (
    "->",
    "...",
    "**",
    "1e999",
    "sum(",
    ".T",
    "lambda",
)

TARGETS = {
    "einsum": lambda text: ed.derive(text, 0),
    "einderiv": lambda text: ed.parse(text),
    "foreign_einsum": lambda text: ed.parse(text, language="einsum"),
    "matlab": lambda text: ed.parse(text, language="matlab"),
    "page": lambda text: derivative({"text": text, "sizes": text[-12:], "wrt": text[:1]}),
}


def execute(name, text):
    try:
        TARGETS[name](text)
    except (ed.EinderivError, TypeError):
        return


def mutated(rng):
    text = rng.choice(SEEDS)
    for _ in range(rng.randint(1, 6)):
        a, b = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        piece = rng.choice(("", rng.choice(PIECES), rng.choice(PIECES) * rng.randint(1, 40), rng.choice(SEEDS)[:b]))
        text = text[:a] + piece + text[b if rng.random() < 0.4 else a :]
    return text[:2000]


def main():
    if sys.argv[1:2] == ["--atheris"]:
        import atheris

        name = sys.argv[2]
        atheris.instrument_all()
        atheris.Setup([sys.argv[0], *sys.argv[3:]], lambda data: execute(name, data.decode("utf-8", "replace")))
        atheris.Fuzz()
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    rng, end, count, slowest = random.Random(given.seed), time.monotonic() + given.seconds, 0, (0.0, "")
    while time.monotonic() < end:
        name, text, start = rng.choice(list(TARGETS)), mutated(rng), time.perf_counter()
        try:
            execute(name, text)
        except Exception as e:
            raise AssertionError(f"{name} {text!r}: {type(e).__name__}") from e
        slowest = max(slowest, (time.perf_counter() - start, f"{name} {text!r}"))
        count += 1
    print(f"{count} executions, seed {given.seed}; the slowest took {slowest[0]:.2f} s: {slowest[1][:300]}")


if __name__ == "__main__":
    main()
