"""Products with relations in stages: the same values, no outer product where sums of windows do, and
what is zero meets nothing infinite.
"""

from functools import reduce

import index_programs
import numpy as np
import pytest
from lengths import length

import einderiv as ed
from einderiv.planning import tuning

rng = np.random.default_rng(5)
VECTORS = dict.fromkeys("abcdef", (30,))
SIX = ed.einsum("a,b,c,d,e,f->(a+b+c+d+e+f)", *VECTORS)
KERNELS = {f"w{k}": (3,) for k in range(12)}


def whole(shapes):
    return {name: rng.integers(-2, 3, shape) for name, shape in shapes.items()}


def chain():
    e = ed.tensor("x", "i")
    for letter, name in zip("abcdefghjklm", KERNELS):
        e = ed.einsum("i,k->i+k", e, ed.tensor(name, letter))
    return e


def convolved(arrays):
    return reduce(np.convolve, arrays)


def by_first(arrays):
    """The Jacobian of a chain of convolutions by its first array."""
    first, *others = arrays
    kernel = convolved(others)
    columns = [np.convolve(unit, kernel) for unit in np.eye(len(first), dtype=int)]
    return np.array(columns).T


def spread(x):
    """With a zero between two entries."""
    return np.insert(x, range(1, len(x)), 0)


def gathered(U, M, r):
    return U[r] @ M


CHAIN = {"x": (1000,), **KERNELS}
POOL = ed.einsum("i+k->i", ed.einsum("i+k->i", "x", sizes={"k": 20}), sizes={"k": 20})
POOLED = ed.einsum("ij,j->i", ed.derive(POOL, "x"), "v")
X, W, V = "X", "W", "V"
CONVOLVED = ed.einsum("n(h+y)(w+x)c,yxcf->nhwf", X, W)
TWICE = ed.einsum("n(h+y)(w+x)f,yxfg->nhwg", CONVOLVED, V)
IMAGES = {"X": (2, 12, 12, 3), "W": (3, 3, 3, 4), "V": (3, 3, 4, 2)}
R = np.array([2, 0, 2, 3, 1, 2] * 20)


def images(X, W):
    windows = np.lib.stride_tricks.sliding_window_view(X, W.shape[:2], axis=(1, 2))
    return np.einsum("nhwcyx,yxcf->nhwf", windows, W)


def kernel_gradient(X, W, V, u):
    units = np.eye(W.size, dtype=int).reshape(-1, *W.shape)
    return np.array([(u * images(images(X, unit), V)).sum() for unit in units]).reshape(W.shape)


# name, expression, shapes, NumPy, flops that it takes at most
ROWS = [
    ("two vectors",        ed.einsum("i,k->i+k", "a", "b"), {"a": (2000,), "b": (9,)}, lambda a, b: np.convolve(a, b), 40_000),
    ("six vectors",        SIX,                            VECTORS, lambda **v: convolved(v.values()),              60_000),
    ("by the first",       ed.derive(SIX, "a"),            VECTORS, lambda **v: by_first(v.values()),               60_000),
    ("by the last",        ed.derive(SIX, "f"),            VECTORS, lambda **v: by_first([*v.values()][::-1]),      60_000),
    ("chain",              chain(),                        CHAIN,   lambda **v: convolved(v.values()),              80_000),
    ("chain by x",         ed.derive(chain(), "x"),        CHAIN,   lambda **v: by_first(v.values()),               20_000),
    ("chain by a kernel",  ed.derive(chain(), "w5"),       CHAIN,   lambda w5, **v: by_first([w5, *v.values()]),    80_000),
    ("sum of all",         ed.einsum("a,b,c,a+b+c->", "a", "b", "c", "y"), {"a": (40,), "b": (40,), "c": (40,), "y": (118,)}, lambda a, b, c, y: convolved([a, b, c]) @ y, 20_000),
    ("strides",            ed.einsum("a,b,c->2a+b+2c", *"abc"), dict.fromkeys("abc", (200,)), lambda a, b, c: convolved([spread(a), b, spread(c)]), 700_000),
    ("images by a kernel", ed.vjp(TWICE, "W", ed.tensor("u", (2, 8, 8, 2))), {**IMAGES, "u": (2, 8, 8, 2)}, kernel_gradient, 200_000),
    ("rows of a product",  ed.einsum("(r[e])k,kl->el", "U", "M", r=R), {"U": (4, 9), "M": (9, 8)}, lambda U, M: gathered(U, M, R), 1000),
    ("sums of windows",    POOLED,                         {"x": (300,), "v": (300,)}, lambda x, v: np.convolve(np.convolve(v, np.ones(20, int), "valid"), np.ones(20, int), "valid"), 12_000),
    ("sums of sums",       ed.derive(ed.cumsum(ed.cumsum(ed.tensor("x", (50,)))), "x"), {"x": (50,)}, lambda x: np.tril(np.subtract.outer(np.arange(1, 51), np.arange(50))), 10_000),
]  # fmt: skip


@pytest.mark.parametrize(
    ("e", "shapes", "function", "flops"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_stages(e, shapes, function, flops, monkeypatch):
    monkeypatch.setattr(tuning, "worth_seconds", 0.0)
    values = whole(shapes)
    got = ed.evaluate(e, values)
    assert got.dtype.kind == "i"
    assert got.tolist() == function(**values).tolist()
    plan = ed.plan(e, shapes)
    assert plan.flops <= flops
    # no outer product: what is read with zeros around it is as long as what comes of it
    assert plan.largest <= 2 * max([got.size, *(array.size for array in values.values())])


@pytest.mark.parametrize("seed", range(length(30, 1000)))
@pytest.mark.parametrize("aspect", ["value", "products", "second_derivatives", "selected"])
def test_random_programs_in_stages(aspect, seed, monkeypatch):
    """Also where stages take longer."""
    monkeypatch.setattr(tuning, "staged_gain", 1e6)
    index_programs.run(index_programs.drawn(seed), aspect)


# what stands where no point is may be NaN: name, einsum, shapes, where nothing is read of the last
GAPS = [
    ("in steps of two", "a,b,2a+2b->(2a+2b)",      [(3,), (2,), (7,)],       (1, 3, 5)),
    ("beyond the end",  "a,b,(a+b)->(a+b)",        [(3,), (2,), (6,)],       (4, 5)),
    ("of an array",     "e,ek,(r[e])k->(r[e])k",   [(3,), (3, 2), (4, 2)],   (1, 3)),
    ("in three",        "a,b,c,a+2b+4c->a+2b+4c",  [(2,), (1,), (2,), (6,)], (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("gain", [1, 1e6])
@pytest.mark.parametrize(
    ("text", "shapes", "unread"), [row[1:] for row in GAPS], ids=[row[0] for row in GAPS]
)
def test_nothing_is_multiplied_where_there_is_no_point(text, shapes, unread, gain, monkeypatch):
    monkeypatch.setattr(tuning, "staged_gain", gain)
    *arrays, last = [np.arange(1.0, 1 + np.prod(shape)).reshape(shape) for shape in shapes]
    sizes = {text.split("->")[1]: len(last)} if "r[" not in text else {}
    options = {"sizes": sizes} if sizes else {"r": np.array([0, 2, 0])}
    want = ed.evaluate(ed.einsum(text, *arrays, last, **options))
    assert not want[list(unread)].any()
    last[list(unread)] = np.nan
    assert ed.evaluate(ed.einsum(text, *arrays, last, **options)).tolist() == want.tolist()
