"""The table of a plan."""

import re

import numpy as np
import pytest

import einderiv as ed
from einderiv.planning import Index, Ops, Program
from einderiv.reports.plan_table import Plan


def test_a_chain_is_planned_by_its_sizes():
    e = ed.einsum("ij,jk,k->i", "A", "B", "x")
    p = ed.plan(e, {"i": 10, "j": 20, "k": 30})
    assert [row[1] for row in p.steps] == ["jk,k->j", "ij,j->i"]  # vectors first
    assert p.flops == 2 * (20 * 30 + 10 * 20)
    assert (p.largest, p.bytes) == (20, 80)
    assert "total 1.6e+03 flops" in str(p)


def test_shapes_may_be_given_and_deltas_are_free():
    p = ed.plan(ed.derive("is,st,tj->ij", 0), {"A": (4, 5), "B": (5, 3), "C": (3, 1)})
    assert [row[0] for row in p.steps] == ["contract", "write"]
    assert p.steps[0][2] == 2 * 5 * 3
    assert p.outputs == [(4, 1, 4, 5)]


#: one step each: subscripts, and the kernel for axes of 32 entries
KERNELS = [
    ("ij,jk->ik",     "gemm"),
    ("ij,j->i",       "gemv"),
    ("bij,bjk->bik",  "batched gemm"),
    ("bij,bj->bi",    "batched gemv"),
    ("bi,bi->b",      "row dot"),
    ("i,i->",         "dot"),
    ("i,j->ij",       "outer"),
    ("ij,ij->ij",     "multiply"),
    ("bkj,ik->bij",   "stacked gemm"),  # a product for each matrix of the stack, not one of all
    ("bkj,k->bj",     "stacked gemv"),
    ("nd,nd->d",      "weighted sum"),  # over the axis that runs slowly: no product of rows
    ("nkd,nd->kd",    "weighted sum"),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "kernel"), KERNELS, ids=[row[0] for row in KERNELS])
def test_the_kernel_of_a_product(subscripts, kernel):
    (step,) = ed.plan(ed.einsum(subscripts, "x", "y")).steps
    assert step.kernel == kernel


def test_the_kernel_is_the_form_of_the_source():
    e = ed.einsum("bij,bj->bi", "x", "y")
    for rows, kernel, call in ((16, "row dot", "np.vecdot("), (17, "batched gemv", " @ ")):
        f, shapes = ed.compile(e), {"x": (2, rows, 5), "y": (2, 5)}
        assert [step.kernel for step in f.plan(shapes).steps] == [kernel]
        f(x=np.ones(shapes["x"]), y=np.ones(shapes["y"]))
        assert call in f._last.emitted.source


def test_kernels_and_shares_of_time():
    p = ed.plan([ed.tensor("X", "ij") @ ed.tensor("Y", "jk"), ed.inv(ed.tensor("A", "ij"))])
    assert [row.kernel for row in p.steps] == ["gemm", "lu", "elementwise"]
    assert abs(sum(row.seconds for row in p.steps) / p.seconds - 1) < 1e-12
    assert str(p).splitlines()[0].split() == [
        "step",
        "einsum",
        "of",
        "kernel",
        "flops",
        "bytes",
        "time",
    ]


def test_what_identity_matrices_would_cost():
    n = 10
    p = ed.plan(ed.derive("is,st,tj->ij", 0), {"A": (n, n), "B": (n, n), "C": (n, n)})
    # Y P, then its outer product with the identity matrix
    assert (p.dense_flops, p.dense_largest) == (2 * n**3 + n**4, n**4)
    assert "with identity matrices for the deltas: 1.2e+04 flops" in str(p)
    assert ed.plan(ed.einsum("ij,jk->ik")).dense_flops == 0
    # ones, no matrices
    assert ed.plan(ed.derive(ed.mean(ed.tensor("x", "i")), "x"), {"x": (4,)}).dense_flops == 0


def test_what_relations_cost_beside_identity_matrices():
    # B[n,c,i+e...]: the axis b of the derivative occurs in a relation only
    J = ed.derive(ed.einsum("n(ik)ck,->n"), 0)
    p = ed.plan(J, {"A": (3, 4, 5, 2)})
    assert "with identity matrices for the deltas" in str(p)
    # delta[b,i,e] as a table, then beside it the identity matrix of n and ones
    assert p.dense_largest == 3 * 3 * 4 * 5 * 2


def test_rewrites_are_reported():
    U, V, T = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("T", "nm")
    p = ed.plan(ed.grad(ed.sum((U @ V.T - T) ** 2), U), {"n": 1000, "m": 1000, "k": 10})
    assert p.notes[0].startswith("distribute: 0.")
    assert p.notes[-1] == "then for NumPy: numpy peepholes"
    assert str(p).endswith("of the time before\nthen for NumPy: numpy peepholes")


WINDOW = Index(-1, ((0, 2), (1, 1)))
ROWS = Index(0, (), ((1, (0,), 1),))


@pytest.mark.parametrize(
    ("op", "spec", "shapes", "shape", "shown"),
    [
        (Ops.READ,  (WINDOW, Index(0, ((2, 1),))),       [(9, 4)],       (4, 3, 4), "(2a+b-1)c->abc  x0  padded view"),
        (Ops.READ,  (ROWS, Index(0, ((1, 1),))),         [(9, 4), (5,)], (5, 4),    "(r1[a])b->ab  x0, x1  take"),
        (Ops.READ,  (Index(3, ()),),                     [(9,)],         (),        "(3)->   x0  view"),
        (Ops.READ,  (Index(-2, ((0, 1),)),),             [(3,)],         (9,),      "(a-2)->a  x0  read"),
        (Ops.PLACE, ((ROWS, Index(0, ((1, -1),))), False), [(5, 4), (5,)], (9, 4),  "ab->(r1[a])(-b)  x0, x1  scatter"),
        (Ops.MASK,  ((Index(0, ((0, 1), (1, -1))), 9),), [(5, 4)],       (5, 4),    "ab where 0<=a-b<9  x0  where"),
        (Ops.RUNNING_SUM, (0, False),                    [(5, 4)],       (5, 4),    "running sum          x0  cumsum"),
    ],
)  # fmt: skip
def test_index_expressions(op, spec, shapes, shape, shown):
    program = Program(int)
    inputs = [program.add(Ops.INPUT, (), (f"x{k}",), sizes) for k, sizes in enumerate(shapes)]
    program.outputs = [program.add(op, tuple(inputs), spec, shape)]
    assert shown in str(Plan(program, 8))


CONVOLUTION = ed.einsum("n(h+y)(w+x)c,yxcf->nhwf", "X", "K")


def test_a_view_takes_no_memory():
    """A window of a large array is none; one with zeros around it is these; a product copies it."""
    p = ed.plan(ed.einsum("i+k->ik", "x", sizes={"k": 50}), {"x": (1000,)})
    assert [(row.kernel, row.entries) for row in p.steps] == [("view", 0)]
    assert p.largest == 0
    p = ed.plan(ed.einsum("i-k->ik", "x", sizes={"k": 50, "i": 1049}), {"x": (1000,)})
    assert [(row.kernel, row.entries) for row in p.steps] == [("padded view", 1000 + 2 * 49)]


@pytest.mark.parametrize(
    ("e", "shapes", "said"),
    [
        (CONVOLUTION,                    {"X": (16, 32, 32, 8), "K": (3, 3, 8, 16)}, "degijk,gjkf->deif: 2.1e+06"),
        (CONVOLUTION,                    {"X": (1, 9, 9, 8), "K": (3, 3, 8, 16)},    "degijk,gjkf->deif: 2.82e+04"),
        (ed.einsum("i+k,k->i", *"xw"),   {"x": (10**5,), "w": (9,)},                 None),  # added up by einsum
        (ed.einsum("ij,jk->ik", *"AB"),  {"A": (300, 300), "B": (300, 300)},         None),
    ],
    ids=["in blocks", "small", "for each entry", "no window"],
)  # fmt: skip
def test_windows_that_products_copy(e, shapes, said):
    for plan in (ed.plan(e, shapes), ed.compile(e).plan(shapes)):
        notes = [line for line in plan.lines() if "window is copied" in line]
        assert notes == ([f"a window is copied for {said} bytes at once"] if said else [])


LETTERS = [
    # an expression, what it is derived by, sizes              the einsums of the steps      of what
    ("is,st,tj->ij", 0, {"i": 3, "s": 4, "t": 5, "j": 6},       ["bt,tj->bj", "bj->ijib"],    ["B, C", "t1"]),
    ("ij,jk->ik", None, {},                                     ["ij,jk->ik"],                ["A, B"]),
    ("batch in, in out -> batch out", None, {},                 ["bi,io->bo"],                ["A, B"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "sizes", "einsums", "operands"), LETTERS)
def test_steps_have_the_letters_of_the_strings(text, wrt, sizes, einsums, operands):
    e = ed.einsum(text, *"ABC"[: text.count(",") + 1])
    p = ed.plan(e if wrt is None else ed.derive(e, wrt), sizes)
    assert [row.einsum for row in p.steps] == einsums
    assert [row.operands for row in p.steps] == operands


def test_letters_and_operands_of_attention():
    """A letter is one axis in all steps; words are as in the strings, k for the key."""
    y = ed.parse("Q: query feature\nK: key feature\nV: key value\nsoftmax(Q @ K.T, axis=1) @ V")
    p = ed.plan(y)
    assert [(row.what, row.einsum, row.operands) for row in p.steps] == [
        ("contract", "qf,kf->qk", "Q, K"),
        ("softmax", "", "t1"),
        ("contract", "qk,kv->qv", "t2, V"),
    ]
    gradient = ed.plan(ed.grad(ed.sum(y * y), "K"))
    sizes = {"q": "query", "f": "feature", "k": "key", "v": "value"}
    for row in gradient.steps:
        own = {letter for letter in row.einsum if letter.isalpha()}
        assert own <= {*sizes, "a", "b"}, row.einsum


def test_operands_that_are_held_or_many():
    K = ed.constant(np.ones((2, 2)), name="K")
    p = ed.plan(ed.einsum("ij,j->i", K, "x"))
    assert p.steps[0].operands == "K, x"
    several = ed.plan(sum(ed.exp(ed.tensor(f"number{k}", "i")) for k in range(9)))
    assert re.search(r" t1, t2, t3, [t\d, ]*…", str(several))
    assert several.steps[-1].operands == ", ".join(f"t{k}" for k in range(1, 10))
