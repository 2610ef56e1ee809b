"""Square tensors taken apart: which axes are tied, which connect, and what the blocks hold."""

from math import prod

import numpy as np
import pytest
from oracle import assert_same

from einderiv.planning import Term
from einderiv.runtime.dense_blocks import hermitian
from einderiv.runtime.kinds import KINDS
from einderiv.runtime.kronecker import groups
from einderiv.runtime.terms import product, value

SIZES = {0: 2, 1: 3, 2: 2, 3: 4, 9: 2, 8: 3, 7: 2}
r = np.random.default_rng(5)


def made(*specs):
    """Terms of labels: ``((factors), output)``, with random whole numbers."""
    return [
        Term(tuple((r.integers(-4, 5, [SIZES[x] for x in ls]), ls) for ls in factors), output)
        for factors, output in specs
    ]


CASES = [
    # name                    factors and output of each term              tied and free axes, kind of each group
    ("identity",              [(((),), (0, 1, 0, 1))],                      [((), (), "number")]),
    ("numbers in a sum",      [(((),), (0, 1, 0, 1)), (((),), (0, 1, 0, 1))], [((), (), "number")]),
    ("diagonal",              [(((0, 1),), (0, 1, 0, 1))],                  [((0, 1), (), "diagonal")]),
    ("half a diagonal",       [(((1,),), (0, 1, 0, 1))],                    [((1,), (), "diagonal")]),
    ("two diagonals",         [(((0,), (1,)), (0, 1, 0, 1))],
                                                                [((0,), (), "diagonal"), ((1,), (), "diagonal")]),
    ("a block",               [(((1, 8),), (0, 1, 0, 8))],                  [((), (1,), "block")]),
    ("a block, first axis",   [(((0, 9),), (0, 1, 9, 1))],                  [((), (0,), "block")]),
    ("blocks",                [(((0, 1, 8),), (0, 1, 0, 8))],               [((0,), (1,), "blocks")]),
    ("blocks, sum",           [(((0, 1, 8),), (0, 1, 0, 8)), (((1, 8),), (0, 1, 0, 8))], [((0,), (1,), "blocks")]),
    ("block and number",      [(((1, 8),), (0, 1, 0, 8)), (((),), (0, 1, 0, 1))], [((), (1,), "block")]),
    ("Kronecker",             [(((0, 9), (1, 8)), (0, 1, 9, 8))],           [((), (0,), "block"), ((), (1,), "block")]),
    ("Kronecker, crossed",    [(((0, 8), (1, 9)), (0, 1, 9, 8))],           [((), (0, 1), "block")]),
    ("Kronecker and tied",    [(((0, 9), (1, 8)), (0, 3, 1, 9, 3, 8))],
                                                                [((), (0,), "block"), ((), (2,), "block")]),
    ("Kronecker of blocks",   [(((3, 0, 9), (1, 8)), (0, 3, 1, 9, 3, 8))],
                                                                [((1,), (0,), "blocks"), ((), (2,), "block")]),
    ("sum of Kroneckers",     [(((0, 9), (1, 8)), (0, 1, 9, 8))] * 2,       [((), (0, 1), "block")]),
    ("outer product",         [(((0,), (9,)), (0, 9))],                     [((), (0,), "block")]),
    ("numbers and matrices",  [(((), (0, 9)), (0, 9))],                     [((), (0,), "block")]),
    ("one of two terms tied", [(((0,),), (0, 0)), (((0, 9),), (0, 9))],     [((), (0,), "block")]),
    ("a corner",              [(((),), (0, 0, 0, 0))],                      [((), (0, 1), "block")]),
    ("transposition",         [(((),), (0, 2, 2, 0))],                      [((), (0, 1), "block")]),
    ("ones",                  [(((),), (0, 9))],                            [((), (0,), "block")]),
    ("ones and a diagonal",   [(((),), (0, 1, 9, 1))],                      [((), (0,), "block")]),
    ("a scalar",              [(((),), ())],                                [((), (), "number")]),
    ("nothing",               [],                                           [((), (), "number")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("specs", "want"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
@pytest.mark.parametrize("kronecker", [True, False])
def test_groups(specs, want, kronecker):
    terms = made(*specs)
    k = len(terms[0].output) // 2 if terms else 1
    shape = tuple(SIZES[x] for x in terms[0].output[:k]) if terms else (2,)
    found = groups(terms, shape, kronecker=kronecker)
    if kronecker:
        assert [(g.tied, g.free, g.kind) for g in found] == want
    assert kronecker or len(found) == 1
    assert all(g.kind in KINDS for g in found)
    # The tensor is the identity on what no group has, times the groups by Kronecker.
    full = (
        sum(value(product(t, shape * 2), int) for t in terms) if terms else np.zeros(shape * 2, int)
    )
    rebuilt = np.ones((), int)
    rest = [p for p in range(k) if not any(p in g.tied + g.free for g in found)]
    for p in rest:
        rebuilt = np.multiply.outer(rebuilt, np.eye(shape[p], dtype=int))
    order = [(p, k + p) for p in rest]
    for g in found:
        blocks = (
            g.blocks(np.int64).reshape(*g.stack, g.order, g.order) if g.free else g.blocks(np.int64)
        )
        dense = np.zeros((prod(g.stack), g.order, prod(g.stack), g.order), int)
        for i, block in enumerate(np.reshape(blocks, (-1, g.order, g.order))):
            dense[i, :, i, :] = block
        rebuilt = np.multiply.outer(rebuilt, dense.reshape((*g.stack, *g.inner) * 2))
        order += [(*g.tied, *g.free, *(k + p for p in (*g.tied, *g.free)))]
    places = [p for part in order for p in part]
    assert_same(rebuilt.transpose(np.argsort(places)) if places else rebuilt, full)


@pytest.mark.parametrize(
    ("blocks", "largest", "want"),
    [
        ([[1.0, 2], [2, 1]], 2, True),
        ([[1.0, 2], [2 + 1e-12, 1]], 2, True),
        ([[1.0, 2], [2 + 1e-3, 1]], 2, False),
        ([[1e-30, 2e-30], [3e-30, 1e-30]], 3e-30, False),
        ([[1e-30, 2e-30], [3e-30, 1e-30]], 1e-10, True),
        ([[0, 1e-17], [-2e-17, 0]], 0.5, True),
        ([[0, 1e-9], [-2e-9, 0]], 0.5, False),
        ([[1.0, 2j], [-2j, 1]], 2, True),
        ([[1.0, 2j], [2j, 1]], 2, False),
        ([[1j]], 1, False),
        ([[0.0]], 0, True),
        (np.zeros((0, 0)), 0, True),
        ([[[1.0]], [[2.0]]], 2, True),
    ],
)
def test_hermitian(blocks, largest, want):
    assert hermitian(np.asarray(blocks), lambda: largest) is want


def test_the_largest_entries_of_all_terms():
    """Two terms that cancel are as large as they are each."""
    A = np.array([[3.0, -4], [1j, 0]])
    (group,) = groups([Term(((A, (0, 9)),), (0, 9)), Term(((-A, (0, 9)),), (0, 9))], (2,))
    assert not group.blocks(complex).any()
    assert group.largest() == 8
