"""The einsum strings of a traced function, one a line."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.reports.einsum_listing import MOST_LISTED, WIDTH, einsum_lines

ROWS = [
    # a function, its axes                                lines
    (lambda x, W: np.tanh(x @ W), ("nd", "dh"),           ["e1 = nd,dh->nh   of x, W"]),
    (lambda x, W, v: np.tanh(x @ W) @ v, ("nd", "dh", "h"),
                                                          ["e1 = nd,dh->nh   of x, W", "e2 = nh,h->n   of tanh(e1), v"]),
    (lambda x: 2 * np.sum(x * np.exp(x)), ("i",),         ["e1 = i,i->i   of x, exp(x)", "e2 = 2 · i->   of e1"]),
    (lambda e1, W: np.exp(e1 @ W), ("nd", "dh"),          ["einsum1 = nd,dh->nh   of e1, W"]),
    (lambda x: np.exp(x), ("i",),                         []),
    (lambda x: np.trace(x), ("ii",),                      ["e1 = ii->   of x"]),
    (lambda x, y: np.exp(np.sin(x + y) @ y), ("i", "i"),  ["e1 = i,i->   of sin(x + y), y"]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "axes", "lines"), ROWS)
def test_lines(function, axes, lines):
    assert einsum_lines(ed.trace_function(function, *axes)) == lines


def test_the_strings_are_the_function():
    """Each line is evaluated by NumPy, in order: the last is the function."""

    def f(x, W, v):
        return np.tanh(x @ W) @ v

    arrays = {
        name: np.arange(12.0).reshape(shape) / 12 for name, shape in [("x", (3, 4)), ("W", (4, 3))]
    }
    arrays["v"] = np.arange(3.0)
    names = {**arrays, "tanh": np.tanh}
    for line in einsum_lines(ed.trace_function(f, "nd", "dh", "h")):
        name, _, rest = line.partition(" = ")
        string, _, operands = rest.partition("   of ")
        names[name] = np.einsum(string, *eval(f"[{operands}]", {}, names))
    assert np.allclose(names["e2"], f(**arrays))


def test_explanations_of_traced_functions_have_them():
    y = ed.trace_function(lambda x, W, v: np.sum(np.tanh(x @ W) @ v), "nd", "dh", "h")
    lines = str(ed.explain(y, "W")).splitlines()
    at = lines.index("The einsums of the function")
    assert lines[at + 1] == "    e1 = nd,dh->nh   of x, W"
    typed = ed.parse("x: nd\nW: dh\nv: h\nsum(tanh(x @ W) @ v)")
    assert "The einsums of the function" not in str(ed.explain(typed, "W"))


def test_long_models_are_cut():
    def net(x, W):
        for _ in range(100):
            x = np.tanh(W @ x)
        return x

    lines = einsum_lines(ed.trace_function(net, "i", "ii"))
    assert len(lines) == MOST_LISTED + 1
    assert lines[MOST_LISTED // 2] == "… 40 more …"
    assert lines[-1].startswith("e100 = ")
    many = einsum_lines(
        ed.trace_function(
            lambda *tensors: np.einsum("i" + ",i" * 29 + "->", *[np.exp(t) for t in tensors]),
            *["i"] * 30,
        )
    )
    assert all(len(line) <= WIDTH for line in many)


def test_index_expressions_are_compact():
    y = ed.trace_function(lambda x: np.exp(x[1:] - x[:-1]), "i")
    assert all(" = " in line for line in einsum_lines(y))
    words = ed.trace_function(lambda x, W: np.exp(x @ W), "sample feature", "feature hidden")
    assert einsum_lines(words) == ["e1 = sf,fh->sh   of x, W"]
