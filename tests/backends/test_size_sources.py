"""Sizes that are sums, products and quotients of others, in sources: what is written is what they measure."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends.source_text import bare
from einderiv.expression import filled
from einderiv.expression.size_algebra import floor_quotient, minus, plus, times

x, w = ed.tensor("x", "n"), ed.tensor("w", "k")
N, K = ("x", 0), ("w", 0)
WINDOW = plus(minus(N, K), 1)
HALF = floor_quotient(plus(N, 1), 2)

SIZES = [
    # size                                        in NumPy            in loops                                   in Julia
    (WINDOW,                                      "n - k + 1",        "x.shape[0] - w.shape[0] + 1",             "size(x, 1) - size(w, 1) + 1"),
    (HALF,                                        "(n + 1)//2",       "(x.shape[0] + 1) // 2",                   "fld(size(x, 1) + 1, 2)"),
    (plus(floor_quotient(minus(N, K), 2), 1),     "(n - k)//2 + 1",   "(x.shape[0] - w.shape[0]) // 2 + 1",      "fld(size(x, 1) - size(w, 1), 2) + 1"),
    (floor_quotient(times(N, K), times(2, K, K)), "(k*n)//(2*k*k)",   "(w.shape[0] * x.shape[0]) // (2 * w.shape[0] * w.shape[0])", "fld(size(w, 1) * size(x, 1), 2 * size(w, 1) * size(w, 1))"),
    (times(2, HALF, N),                           "2*n*((n + 1)//2)", "2 * x.shape[0] * ((x.shape[0] + 1) // 2)", "2 * size(x, 1) * (fld(size(x, 1) + 1, 2))"),
    (times(N, N, N, N),                           "n**4",             "x.shape[0]**4",                           "size(x, 1)^4"),
    (minus(7, K),                                 "7 - k",            "7 - w.shape[0]",                          "7 - size(w, 1)"),
    (times(N, K),                                 "k*n",              "w.shape[0] * x.shape[0]",                 "size(w, 1) * size(x, 1)"),
    (minus(WINDOW, minus(N, K)),                  "1",                "1",                                       "1"),
]  # fmt: skip
ARRAYS = {"x": np.arange(1.0, 6.0), "w": np.array([2.0, 1.0])}
MEASURES = {"n": 5, "k": 2}


def expressions(size):
    """Axes of that size, with another; and a number that is multiplied by it."""
    both = ed.einsum("i,k->", x, w)
    axes = filled(3, (size, WINDOW), ("a", "b"))
    return ed.einsum(",ab->ab", both, axes), ed.einsum("ab->", axes) * both


@pytest.mark.parametrize(("size", "text", "loops", "julia"), SIZES)
def test_sources_run(size, text, loops, julia):
    of_axes, of_number = expressions(size)
    rows = eval(text, MEASURES)
    value = 3 * 15 * 3
    for backend in ("numpy", "loops"):
        for e, want in ((of_axes, np.full((rows, 4), value)), (of_number, value * rows * 4)):
            source = ed.source(e, backend)
            scope = {}
            exec(source, scope)
            assert np.array_equal(scope["compute"](**ARRAYS), want), source
            assert np.array_equal(ed.evaluate(e, ARRAYS), want)


@pytest.mark.parametrize(("size", "text", "loops", "julia"), SIZES)
def test_how_sizes_are_written(size, text, loops, julia):
    e, _ = expressions(size)
    assert f"np.empty(({text}, n - k + 1)" in ed.source(e)
    assert f"-> ({text}, n - k + 1)" in ed.source(e)
    assert f"in range({loops}):" in ed.source(e, "loops")
    assert f"ones({julia})" in ed.source(e, "julia")


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize(("size", "text", "loops", "julia"), SIZES)
def test_other_libraries(backend, size, text, loops, julia):
    pytest.importorskip(backend)
    for e in expressions(size):
        found = ed.compile(e, backend=backend)(**ARRAYS)
        assert np.array_equal(np.asarray(found), ed.evaluate(e, ARRAYS))
        scope = {}
        exec(ed.source(e, backend), scope)
        arrays = {
            name: ed.compile(ed.tensor(name, "i") * 1, backend=backend)({name: a})
            for name, a in ARRAYS.items()
        }
        assert np.array_equal(np.asarray(scope["compute"](**arrays)), ed.evaluate(e, ARRAYS))


def test_sizes_that_nothing_says_become_arguments():
    source = ed.source(ed.sum(x) * filled(1, (plus(times(2, "m"), N, -1),), ("a",)))
    assert "def compute(x, *, m):" in source
    scope = {}
    exec(source, scope)
    assert scope["compute"](ARRAYS["x"], m=4).tolist() == [15] * 12


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("(a)", "a"),
        ("(a)*(b)", "(a)*(b)"),
        ("((a))", "(a)"),
        ("(a)//2", "(a)//2"),
        ("a + (b)", "a + (b)"),
        ("", ""),
    ],
)
def test_bare(text, want):
    assert bare(text) == want
