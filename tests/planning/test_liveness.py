"""When memory is needed for the last time: of views, of what is given out, of what a loop reads in every block."""

from functools import partial

import pytest

from einderiv.functions import FUNCTIONS
from einderiv.planning import Liveness, Program, base, owner
from einderiv.planning.ops import OPS

N = 5


def program(*rows):
    """Steps by kind and inputs; the last is the output."""
    made = Program(int)
    for k, (kind, *inputs) in enumerate(rows):
        made.add(OPS[kind], tuple(inputs), (FUNCTIONS["exp"], k), (N,))
    made.outputs = [len(rows) - 1]
    return made


CASES = {  # steps, which of them run in blocks, what ends with each step
    "a chain":             ([("input",), ("apply", 0), ("apply", 1)], (), [[], [0], [1]]),
    "read twice":          ([("input",), ("apply", 0), ("add", 1, 0)], (), [[], [], [1, 0]]),
    "a view":              ([("input",), ("apply", 0), ("view", 1), ("apply", 1), ("add", 2, 3)], (),
                            [[], [0], [], [], [1, 3]]),
    "a view of a view":    ([("input",), ("apply", 0), ("view", 1), ("take", 2), ("apply", 3)], (),
                            [[], [0], [], [], [1]]),
    "a view is given out": ([("input",), ("apply", 0), ("view", 1)], (), [[], [0], []]),
    "nobody reads it":     ([("input",), ("apply", 0), ("scale", 0)], (), [[], [1], [0]]),
    "factors":             ([("input",), ("apply", 0), ("factor", 1), ("solve", 2, 0)], (), [[], [], [1], [2, 0]]),
    "in a loop":           ([("input",), ("apply", 0), ("apply", 0), ("add", 1, 2)], {2, 3}, [[], [], [], [2]]),
    "a view in a loop":    ([("input",), ("apply", 0), ("view", 1), ("scale", 2), ("apply", 3)], {2, 3, 4},
                            [[], [0], [], [], [3]]),
    "after a loop":        ([("input",), ("apply", 0), ("apply", 1), ("add", 1, 2)], {2}, [[], [0], [], [1, 2]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_ends_with_each_step(name):
    rows, inside, want = CASES[name]
    made = program(*rows)
    steps = list(enumerate(made.steps))
    liveness = Liveness(steps, made.outputs, inside=inside, owned=partial(owner, made))
    assert [liveness.ended(k, step) for k, step in steps] == want


def test_factors_may_be_the_matrix_itself():
    made = program(("input",), ("apply", 0), ("factor", 1), ("view", 2))
    assert [owner(made, k) for k in range(4)] == [0, 1, 2, 2]
    assert [base(made, k) for k in range(4)] == [0, 1, 1, 1]


def test_without_owners_every_value_is_its_own():
    made = program(("input",), ("apply", 0), ("view", 1), ("apply", 2))
    steps = list(enumerate(made.steps))
    liveness = Liveness(steps)
    assert [liveness.ended(k, step) for k, step in steps] == [[], [0], [1], [2, 3]]
