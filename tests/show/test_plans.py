"""The table of a plan."""

import einderiv as ed


def test_a_chain_is_planned_by_its_sizes():
    e = ed.einsum("ij,jk,k->i", "A", "B", "x")
    p = ed.plan(e, {"i": 10, "j": 20, "k": 30})
    assert [row[1] for row in p.steps] == ["ab,b->a", "ab,b->a"]  # vectors first
    assert p.flops == 2 * (20 * 30 + 10 * 20)
    assert (p.largest, p.bytes) == (20, 80)
    assert "total 1.6e+03 flops" in str(p)


def test_shapes_may_be_given_and_deltas_are_free():
    p = ed.plan(ed.derive("is,st,tj->ij", 0), {"A": (4, 5), "B": (5, 3), "C": (3, 1)})
    assert [row[0] for row in p.steps] == ["contract", "write"]
    assert p.steps[0][2] == 2 * 5 * 3
    assert p.outputs == [(4, 1, 4, 5)]
