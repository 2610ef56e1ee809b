"""Names of sizes in sources, and the comments that tell shapes."""

import re

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends.comments import WIDTH, head, remarked

LSE = "X: ij\nW: jk\nsum(log(sum(exp(X@W), axis=1)))"
SHOWN = [
    # expression                            backend  line that must be there
    (ed.derive("is,st,tj->ij", 0),         "numpy", "# B (s, t), C (t, j) -> (i, j, i, s)"),
    (ed.derive("is,st,tj->ij", 0),         "numpy", "t0 = B.dot(C)  # (s, j)"),
    (ed.derive("is,st,tj->ij", 0),         "loops", "# B (s, t), C (t, j) -> (n0, j, n0, s)"),
    (ed.derive("is,st,tj->ij", 0),         "julia", "# B (s, t), C (t, j) -> (n0, j, n0, s)"),
    (ed.derive("is,st,tj->ij", 0),         "torch", "# B (s, t), C (t, j) -> (i, j, i, s)"),
    (ed.parse(LSE.replace("log", "sqrt")), "jax",   "t2 = t1.sum(axis=1)  # (i,)"),
    (ed.grad(ed.parse(LSE), "W"),          "numpy", "# X (i, j), W (j, k) -> (j, k)"),
    (ed.einsum("->"),                      "numpy", "# A () -> ()"),
    ((ed.einsum("ij,j->i"), ed.einsum("ij->")), "numpy", "# A (i, j), B (j,) -> (i,), ()"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "backend", "line"), SHOWN)
def test_sources_tell_shapes(e, backend, line):
    assert line in [x.strip() for x in ed.source(e, backend).splitlines()]


RUN = [ed.derive("is,st,tj->ij", 0), ed.grad(ed.parse(LSE), "W"), ed.hessian(ed.parse(LSE), "W")]


@pytest.mark.parametrize("e", RUN)
def test_remarks_are_true(e):
    # Each value's shape, read off its comment, is the shape that it has while the source runs.
    source = ed.source(e)
    sizes = {"i": 2, "j": 3, "k": 4, "s": 5, "t": 6}
    told = re.search(r"# (.*) ->", source)[1]
    pairs = re.findall(r"(\w+) \((.*?)\)", told)
    shapes = {name: tuple(sizes[x] for x in re.findall(r"\w+", axes)) for name, axes in pairs}
    lines = [
        re.sub(r"^    (\w+) = (.*?)  # (\(.*\))$", r"    \1 = \2; check(\1, \3)", x)
        for x in source.splitlines()
    ]
    seen = []
    scope = {"check": lambda value, shape: seen.append((np.shape(value), shape))}
    exec(
        "\n".join(lines).replace("def compute", "s, t, i, j, k = 5, 6, 2, 3, 4\ndef compute"), scope
    )
    free = re.search(r"\*, (\w+)\)", source)
    scope["compute"](
        **{n: np.ones(s) for n, s in shapes.items()}, **({free[1]: sizes[free[1]]} if free else {})
    )
    assert seen and all(got == want for got, want in seen)


def test_numbers_where_sizes_are_known():
    assert "# A (2, 3), B (3,) -> (2,)" in ed.compile(ed.einsum("ij,j->i")).source(A=(2, 3), B=(3,))


def test_long_heads_are_wrapped():
    lines = head({f"A{k}": "(i, j, k)" for k in range(40)}, ["()"])
    assert (
        len(lines) > 1
        and max(map(len, lines)) <= WIDTH + 2
        and all(line.startswith("# ") for line in lines)
    )
    assert head({}, ["()"]) == ["# -> ()"]


def test_only_assignments_have_a_remark():
    assert remarked(["a = b", "a[0] = b", "return a"], {"a": "(i,)"}) == [
        "a = b  # (i,)",
        "a[0] = b",
        "return a",
    ]
