"""Trees of products: the forks, and cotangents along them against those written out."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.autodiff import forks
from einderiv.autodiff import rules as derivation
from einderiv.expression import walk

FORKS = [  # terms, kept, the pairs
    ([(0, 1), (1, 2)], (0, 2), [(0, 1)]),
    ([(0, 1), (1, 2), (2, 3), (3, 4)], (0, 4), [(0, 1), (2, 3), (4, 5)]),
    ([(0,), (1,), (2,), (3,)], (), [(0, 1), (2, 3), (4, 5)]),
    ([(), (), ()], (), [(0, 1), (2, 3)]),
    ([(0, 0), (1,), (0, 1)], (), [(0, 2), (1, 3)]),
    ([(0, 1)], (0,), []),
]


@pytest.mark.parametrize(("terms", "kept", "pairs"), FORKS)
def test_forks(terms, kept, pairs):
    assert [(i, j) for i, j, _ in forks(terms, kept)] == pairs


def test_a_fork_keeps_what_is_needed_elsewhere():
    assert [open_ for *_, open_ in forks([(0, 1), (1, 2), (1, 3)], {3})] == [{1}, {3}]


@pytest.mark.parametrize("seed", range(40))
def test_cotangents_along_a_tree_are_those_written_out(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    sizes = {
        label: int(rng.integers(0 if seed % 9 == 8 else 1, 4))
        for label in range(int(rng.integers(2, 7)))
    }
    slots, arrays = [], {}
    for k in range(int(rng.integers(3, 9))):
        labels = [int(x) for x in rng.choice(list(sizes), int(rng.integers(0, 4)))]
        arrays[f"M{k}"] = rng.integers(-3, 4, [sizes[x] for x in labels])
        slots += [f"M{k}", labels]
    y = 3 * ed.einsum(*slots, [])
    y = y * y if seed % 2 else y  # every factor twice
    wanted = ed.compile(ed.grad(y, list(arrays)))(arrays)
    monkeypatch.setattr(derivation, "BRANCHED", 1)
    for found, want in zip(ed.compile(ed.grad(y, list(arrays)))(arrays), wanted, strict=True):
        assert found.tolist() == want.tolist()
    g = ed.grad(y, "M0")
    for v in ("vjp", "jvp"):  # and once more, of something with axes
        assert (
            ed.evaluate(getattr(ed, v)(g, "M0", arrays["M0"]), arrays).shape == arrays["M0"].shape
        )


def test_the_gradients_of_a_long_product_are_small_together():
    n = 200
    y = ed.einsum(*(x for k in range(n) for x in (f"M{k}", [k, k + 1])), [0, n])
    found = ed.grad(ed.sum(y * y), [f"M{k}" for k in range(n)])
    assert sum(len(getattr(node, "factors", ())) for node in walk(found)) < 10 * n
