"""Blocks of structured tensors: each is what is cut out of the whole, and what is left out is zero."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.large.blocks import block, inside, places, ranges_of

rng = np.random.default_rng(3)
AT = {
    "A": rng.integers(-3, 4, (4, 3)),
    "B": rng.integers(-3, 4, (3, 5)),
    "x": rng.integers(-3, 4, 3),
}
CASES = {
    "one diagonal":    lambda: ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "A"),
    "two diagonals":   lambda: ed.derive(ed.tensor("A", "ij"), "A"),
    "two terms":       lambda: ed.hessian(ed.einsum("ij,ij,jk->", "A", "A", "B") + ed.einsum("ij,il->", "A", "A"), "A"),
    "factors apart":   lambda: ed.derive(ed.einsum("ij,kl,j->ikl", "A", "B", "x"), "x"),
    "three of a kind": lambda: ed.einsum("j->jjj", "x"),
    "nothing":         lambda: ed.derive(ed.einsum("ij->i", "A"), ed.tensor("x", "j")),
    "a number":        lambda: ed.einsum("ij->", "A"),
}  # fmt: skip
DIAGONAL = ("one diagonal", "two diagonals", "three of a kind")  # blocks off it are left out


@pytest.mark.parametrize("length", [1, 2, 3, 10])
@pytest.mark.parametrize("name", CASES)
def test_blocks_make_the_whole(name, length):
    e = CASES[name]()
    f = ed.compile(e, dense=False)
    tensor = f({n: AT[n] for n in f.tensors}, sizes={"j": 3} if name == "nothing" else None)
    want = tensor.dense()
    chunks = [min(length, max(n, 1)) for n in tensor.shape]
    left_out = 0
    for place in places(tensor.shape, chunks):
        ranges = ranges_of(place, tensor.shape, chunks)
        found = block(tensor._terms, tensor.dtype, ranges)
        part = want[tuple(slice(a, b) for a, b in ranges)]
        if found is None:
            left_out += 1
            assert not part.any()
        else:
            assert found.tolist() == part.tolist()
    assert left_out or length > 2 or name not in DIAGONAL


def test_empty_axes_have_no_blocks():
    assert list(places((0, 3), (1, 2))) == []


@pytest.mark.parametrize(
    ("output", "ranges", "want"),
    [
        ((0, 1), ((0, 2), (3, 4)), {0: (0, 2), 1: (3, 4)}),
        ((0, 0), ((0, 2), (1, 4)), {0: (1, 2)}),
        ((0, 0), ((0, 2), (2, 4)), None),
        ((), (), {}),
    ],
)
def test_inside(output, ranges, want):
    assert inside(output, ranges) == want
