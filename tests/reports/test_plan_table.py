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


def test_kernels_and_shares_of_time():
    X, Y = ed.tensor("X", "ij"), ed.tensor("Y", "jk")
    p = ed.plan(
        [
            X @ Y,
            X @ ed.tensor("v", "j"),
            ed.einsum("bij,bjk->bik", "P", "Q"),
            ed.einsum("bi,bi->b", "s", "t"),
            ed.einsum("i,i->", "q", "r"),
            ed.outer(ed.tensor("q", "a"), ed.tensor("v", "j")),
            X * X,
            ed.inv(ed.tensor("A", "ij")),
        ]
    )
    assert [row.kernel for row in p.steps] == [
        "gemm",
        "gemv",
        "batched gemm",
        "row dot",
        "dot",
        "outer",
        "multiply",
        "lu",
        "elementwise",
    ]
    assert abs(sum(row.seconds for row in p.steps) / p.seconds - 1) < 1e-12
    assert str(p).splitlines()[0].split() == ["step", "einsum", "kernel", "flops", "bytes", "time"]


def test_what_identity_matrices_would_cost():
    n = 10
    p = ed.plan(ed.derive("is,st,tj->ij", 0), {"A": (n, n), "B": (n, n), "C": (n, n)})
    # Y P, then its outer product with the identity matrix
    assert (p.dense_flops, p.dense_largest) == (2 * n**3 + n**4, n**4)
    assert "with identity matrices for the deltas: 1.2e+04 flops" in str(p)
    assert ed.plan(ed.einsum("ij,jk->ik")).dense_flops == 0
    # ones, no matrices
    assert ed.plan(ed.derive(ed.mean(ed.tensor("x", "i")), "x"), {"x": (4,)}).dense_flops == 0


def test_rewrites_are_reported():
    U, V, T = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("T", "nm")
    p = ed.plan(ed.grad(ed.sum((U @ V.T - T) ** 2), U), {"n": 1000, "m": 1000, "k": 10})
    assert p.notes[0].startswith("distribute: 0.")
    assert p.notes[-1] == "passes: numpy peepholes"
    assert str(p).endswith("of the time before\npasses: numpy peepholes")
