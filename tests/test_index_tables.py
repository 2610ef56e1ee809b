"""What array code does linearly, row by row as an einsum with index expressions, against NumPy.

A row's function of NumPy is linear in each operand, so it says the derivatives too: the function of unit tensors.
"""

import re
from itertools import product

import index_programs
import numpy as np
import pytest

import einderiv as ed

rng = np.random.default_rng(3)


def whole(*shape):
    return rng.integers(1, 6, shape) * rng.choice((-1, 1), shape)


def over(names, rows):
    """A row is its name, then a value for each of the names; for one name, the value itself."""
    values = [row[1] if isinstance(names, str) else row[1:] for row in rows]
    return pytest.mark.parametrize(names, values, ids=[row[0] for row in rows])


def correlated(x, w):
    """The valid correlation; entry by entry, since `np.correlate` swaps what is shorter."""
    n = len(x) - len(w) + 1
    return np.array([sum(x[i + k] * w[k] for k in range(len(w))) for i in range(n)], x.dtype)


def strided(x, w, stride, dilation):
    n = (len(x) - 1 - dilation * (len(w) - 1)) // stride + 1
    steps = range(len(w))
    return np.array([sum(x[stride * i + dilation * k] * w[k] for k in steps) for i in range(n)])


def conv2d(x, w):
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[:2], axis=(0, 1))
    return np.einsum("ijcpq,pqcd->ijd", windows, w)


def added_at(n, places, numbers):
    found = np.zeros((n, *np.shape(numbers)[1:]), int)
    np.add.at(found, places, numbers)
    return found


def windows(x, n):
    return np.lib.stride_tricks.sliding_window_view(x, n)


def toeplitz(t, x, n):
    return np.array([[t[i - k + len(x) - 1] for k in range(len(x))] for i in range(n)]) @ x


def places(a):
    """Whole numbers that arrays of places are."""
    return np.array(a, np.int64)


R, C, S = places([2, 0, 2, 3, 1, 2]), places([1, 4, 1, 0, 3, 3]), places([[0, 2], [3, 1]])
SCATTERED = places([4, 0, 4, 2])

# -------------------------------------------------------------------------------- what it is as an einsum
# name, string, shapes of the operands, options, NumPy
ROWS = [
    # slices
    ("from one",           "i+1->i",              [(7,)],         {},                       lambda x: x[1:]),
    ("up to the last",     "i->(i+1)",            [(7,)],         {},                       lambda x: np.r_[0, x]),
    ("but the last",       "i+k->i",              [(7,)],         {"k": 1, "i": 6},         lambda x: x[:-1]),
    ("step",               "2i->i",               [(7,)],         {},                       lambda x: x[::2]),
    ("odd step",           "(2i+1)->i",           [(7,)],         {},                       lambda x: x[1::2]),
    ("step of three",      "3*i+2->i",            [(8,)],         {},                       lambda x: x[2::3]),
    ("reversal",           "6-i->i",              [(7,)],         {"i": 7},                 lambda x: x[::-1]),
    ("reversal in steps",  "6-2i->i",             [(7,)],         {"i": 4},                 lambda x: x[::-2]),
    ("one entry",          "3->",                 [(7,)],         {},                       lambda x: x[3]),
    ("one row",            "(2)j->j",             [(4, 5)],       {},                       lambda A: A[2]),
    ("slice of columns",   "i(j+2)->ij",          [(4, 5)],       {},                       lambda A: A[:, 2:]),
    ("a diagonal",         "i(i+1)->i",           [(4, 5)],       {},                       lambda A: np.diagonal(A, 1)),
    ("antidiagonal",       "i(3-i)->i",           [(4, 4)],       {},                       lambda A: np.diagonal(A[:, ::-1])),
    # convolutions
    ("valid",              "i+k,k->i",            [(7,), (3,)],   {},                       correlated),
    ("longer by one",      "i+k,k->i",            [(7,), (3,)],   {"i": 6},                 lambda x, w: correlated(np.r_[x, 0], w)),
    ("same",               "i+k-1,k->i",          [(7,), (3,)],   {"i": 7},                 lambda x, w: correlated(np.r_[0, x, 0], w)),
    ("full correlation",   "i+k-2,k->i",          [(7,), (3,)],   {"i": 9},                 lambda x, w: correlated(np.r_[0, 0, x, 0, 0], w)),
    ("full convolution",   "i-k,k->i",            [(7,), (3,)],   {"i": 9},                 np.convolve),
    ("valid convolution",  "i-k+2,k->i",          [(7,), (3,)],   {"i": 5},                 lambda x, w: np.convolve(x, w, "valid")),
    ("polynomials",        "i,k->i+k",            [(4,), (3,)],   {},                       np.convolve),
    ("first coefficients", "i,k->i+k",            [(4,), (3,)],   {"i+k": 4},               lambda a, b: np.convolve(a, b)[:4]),
    ("more coefficients",  "i,k->(i+k)",          [(4,), (3,)],   {"i+k": 8},               lambda a, b: np.r_[np.convolve(a, b), 0, 0]),
    ("three polynomials",  "i,j,k->i+j+k",        [(2,), (3,), (2,)], {},                   lambda a, b, c: np.convolve(np.convolve(a, b), c)),
    ("stride",             "2i+k,k->i",           [(8,), (3,)],   {},                       lambda x, w: strided(x, w, 2, 1)),
    ("dilation",           "i+2k,k->i",           [(8,), (3,)],   {},                       lambda x, w: strided(x, w, 1, 2)),
    ("both",               "2i+3k,k->i",          [(9,), (2,)],   {},                       lambda x, w: strided(x, w, 2, 3)),
    ("two dimensions",     "(i+p)(j+q)c,pqcd->ijd", [(5, 4, 2), (2, 2, 2, 3)], {},          conv2d),
    ("a batch",            "n(i+k)c,kcd->nid",    [(2, 5, 2), (2, 2, 3)], {},               lambda x, w: np.stack([conv2d(a[None], w[None])[0] for a in x])),
    ("transposed",         "i,k->2i+k",           [(4,), (3,)],   {},                       lambda u, w: sum(np.pad(u[i] * w, (2 * i, 6 - 2 * i)) for i in range(4))),
    ("stencil",            "i+k,k->i",            [(7,), (3,)],   {},                       correlated),
    # windows
    ("windows",            "i+k->ik",             [(7,)],         {"k": 3},                 lambda x: windows(x, 3)),
    ("windows in words",   "batch (time+lag) -> batch time lag", [(2, 5)], {"lag": 3},      lambda x: np.stack([windows(a, 3) for a in x])),
    ("sum pooling",        "i+k->i",              [(7,)],         {"k": 3},                 lambda x: windows(x, 3).sum(1)),
    ("pooling in blocks",  "3i+k->i",             [(9,)],         {"k": 3},                 lambda x: x.reshape(3, 3).sum(1)),
    ("Hankel",             "i+k,k->i",            [(8,), (4,)],   {},                       lambda h, x: windows(h, 4) @ x),
    ("Toeplitz",           "i-k+3,k->i",          [(7,), (4,)],   {"i": 4},                 lambda t, x: toeplitz(t, x, 4)),
    # index arrays
    ("gather",             "(r[e])k->ek",         [(4, 2)],       {"r": R},                 lambda U: U[R]),
    ("gather columns",     "k(r[e])->ke",         [(2, 4)],       {"r": R},                 lambda U: U[:, R]),
    ("gather a vector",    "r[e]->e",             [(4,)],         {"r": R},                 lambda x: x[R]),
    ("gather by a table",  "(s[e,f])k->efk",      [(4, 2)],       {"s": S},                 lambda U: U[S]),
    ("gather entries",     "(r[e])(c[e])->e",     [(4, 5)],       {"r": R, "c": C},         lambda A: A[R, C]),
    ("gather a submatrix", "(r[e])(c[f])->ef",    [(4, 5)],       {"r": R, "c": C},         lambda A: A[np.ix_(R, C)]),
    ("windows from there", "(r[e]+k)->ek",        [(7,)],         {"r": R, "k": 3},         lambda x: x[R[:, None] + np.arange(3)]),
    ("from there on",      "(r[e]+k)->ek",        [(4,)],         {"r": R, "k": 3},         lambda x: np.r_[x, 0, 0][R[:, None] + np.arange(3)]),
    ("gather every other", "(r[2e])k->ek",        [(4, 2)],       {"r": R},                 lambda U: U[R[::2]]),
    ("one more place",     "(r[e+1])k->ek",       [(4, 2)],       {"r": R, "e": 6},         lambda U: np.vstack([U[R[1:]], 0 * U[:1]])),
    ("count",              "->r[e]",              [],             {"r": R},                 lambda: np.bincount(R, minlength=4)),
    ("scatter",            "e->r[e]",             [(4,)],         {"r": SCATTERED},         lambda v: added_at(6, SCATTERED, v)),
    ("scatter rows",       "ek->(r[e])k",         [(4, 2)],       {"r": SCATTERED},         lambda v: added_at(6, SCATTERED, v)),
    ("coordinates",        "e,(c[e])->(r[e])",    [(6,), (5,)],   {"r": R, "c": C},         lambda v, x: added_at(6, R, v * x[C])),
    ("sampled product",    "(r[e])k,(c[e])k->e",  [(4, 2), (5, 2)], {"r": R, "c": C},       lambda U, V: (U @ V.T)[R, C]),
    ("scatter a block",    "ek->(r[e]+k)",        [(4, 2)],       {"r": SCATTERED, "r[e]+k": 6}, lambda v: added_at(6, (SCATTERED[:, None] + [0, 1]).reshape(-1), v.reshape(-1))),
    # shapes
    ("flatten",            "ij->(ij)",            [(3, 4)],       {},                       lambda A: A.reshape(-1)),
    ("flatten in words",   "h w c -> (h w) c",    [(3, 4, 2)],    {},                       lambda A: A.reshape(12, 2)),
    ("flatten by columns", "ij->(ji)",            [(3, 4)],       {},                       lambda A: A.T.reshape(-1)),
    ("flatten by numbers", "ij->4i+j",            [(3, 4)],       {},                       lambda A: A.reshape(-1)),
    ("flatten three",      "ijk->(ijk)",          [(2, 3, 2)],    {},                       lambda A: A.reshape(-1)),
    ("unflatten",          "(h w) c -> h w c",    [(6, 2)],       {"h": 2},                 lambda A: A.reshape(2, 3, 2)),
    ("unflatten letters",  "(hw)c->hwc",          [(6, 2)],       {"w": 3},                 lambda A: A.reshape(2, 3, 2)),
    ("regrouped",          "(ij)k->i(jk)",        [(6, 2)],       {"i": 2},                 lambda A: A.reshape(2, 6)),
    ("patches",            "(ha)(wb)->hw(ab)",    [(4, 6)],       {"a": 2, "b": 3},         lambda A: A.reshape(2, 2, 2, 3).swapaxes(1, 2).reshape(2, 2, 6)),
    ("blocks summed",      "(ia)->i",             [(6,)],         {"a": 2},                 lambda x: x.reshape(3, 2).sum(1)),
    ("Kronecker",          "ij,kl->(ik)(jl)",     [(2, 3), (3, 2)], {},                     np.kron),
    ("Kronecker vectors",  "i,k->(ik)",           [(3,), (2,)],   {},                       np.kron),
    ("repeat",             "i->(ij)",             [(4,)],         {"j": 3},                 lambda x: np.repeat(x, 3)),
    ("tile",               "i->(ji)",             [(4,)],         {"j": 3},                 lambda x: np.tile(x, 3)),
    ("upsample",           "ij->(ia)(jb)",        [(2, 3)],       {"a": 2, "b": 2},         lambda A: np.kron(A, np.ones((2, 2), int))),
    ("spread",             "i->2i",               [(4,)],         {},                       lambda x: np.insert(x, [1, 2, 3], 0)),
    # embeddings
    ("on a diagonal",      "i->ii",               [(4,)],         {},                       np.diag),
    ("beside a diagonal",  "i->i(i+1)",           [(4,)],         {},                       lambda x: np.diag(x, 1)[:4]),
    ("pad",                "i->i+2",              [(4,)],         {"i+2": 8},               lambda x: np.pad(x, 2)),
    ("pad by reading",     "i-2->i",              [(4,)],         {"i": 8},                 lambda x: np.pad(x, 2)),
    ("pad in front",       "i->i+2",              [(4,)],         {},                       lambda x: np.pad(x, (2, 0))),
    ("crop by writing",    "i->i-2",              [(6,)],         {},                       lambda x: x[2:]),
    ("a row of a matrix",  "j->(1)j",             [(4,)],         {},                       lambda x: np.vstack([0 * x, x])),
    ("block diagonal",     "bij->(bi)(bj)",       [(2, 2, 3)],    {},                       lambda A: np.kron([[1, 0], [0, 0]], A[0]) + np.kron([[0, 0], [0, 1]], A[1])),
    ("Toeplitz matrix",    "d->(i)(i+d)",         [(3,)],         {"i": 4},                 lambda t: sum(t[d] * np.eye(4, 6, d, dtype=int) for d in range(3))),
    # sizes of zero
    ("no kernel",          "i+k,k->i",            [(4,), (0,)],   {"i": 3},                 lambda x, w: 0 * x[:3] + 0 * w.sum()),
    ("nothing to read",    "i+k,k->i",            [(0,), (2,)],   {"i": 3},                 lambda x, w: np.zeros(3, int) + 0 * (x.sum() + w.sum())),
    ("no places",          "(r[e])k->ek",         [(4, 2)],       {"r": places([])},        lambda U: U[:0]),
    ("no rows",            "ij->(ij)",            [(0, 4)],       {},                       lambda A: A.reshape(-1)),
    ("no columns",         "(ij)->ij",            [(0,)],         {"i": 3},                 lambda A: A.reshape(3, 0)),
]  # fmt: skip
# what sizes the axes have that arrays point into, where only the output says it
POINTED = {"count": 4, "scatter": 6, "scatter rows": 6, "coordinates": 6}
EVERY = [(row[0], (row[0], *row[1:])) for row in ROWS]


def parts(row):
    """The operands' names, numbers, sizes and index arrays of a row."""
    name, text, shapes, options, function = row
    arrays = {k: v for k, v in options.items() if isinstance(v, np.ndarray)}
    sizes = {k: v for k, v in options.items() if k not in arrays}
    if name in POINTED:
        sizes["r"] = POINTED[name]
    seeded = np.random.default_rng(len(name))
    signs = {f"x{k}": seeded.choice((-3, -2, -1, 1, 2, 3), s) for k, s in enumerate(shapes)}
    return text, {n: np.asarray(a, np.int64) for n, a in signs.items()}, sizes, arrays, function


def einsum(text, operands, sizes, arrays):
    operands = tuple(operands) or (1,)  # a string without an operand is one of a number
    return ed.einsum(text, *operands, **({"sizes": sizes} if sizes else {}), **arrays)


def equal(got, want):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{got.shape} is not {want.shape}"
    assert got.dtype.kind in "iu", got.dtype
    assert got.tolist() == want.tolist()


def by_units(function, values, k):
    """The derivative of a multilinear function by one operand, the new axes last."""
    columns = []
    for at in np.ndindex(*values[k].shape):
        unit = np.zeros(values[k].shape, np.int64)
        unit[at] = 1
        columns.append(np.asarray(function(*values[:k], unit, *values[k + 1 :])))
    shape = np.shape(function(*values)) + values[k].shape
    return np.moveaxis(np.array(columns), 0, -1).reshape(shape) if columns else np.zeros(shape, int)


@over("row", EVERY)
def test_the_judge(row):
    text, values, sizes, arrays, function = parts(row)
    found = index_programs.judged(text, list(values.values()), sizes, **arrays)
    assert found.tolist() == np.asarray(function(*values.values())).tolist()


@over("row", EVERY)
def test_value_of_named_tensors(row):
    text, values, sizes, arrays, function = parts(row)
    e = einsum(text, tuple(values), sizes, arrays)
    equal(ed.evaluate(e, values), function(*values.values()))


@over("row", EVERY)
def test_value_of_held_arrays(row):
    text, values, sizes, arrays, function = parts(row)
    e = einsum(text, values.values(), sizes, arrays)
    equal(ed.evaluate(e), function(*values.values()))


@over("row", [row for row in EVERY if any(isinstance(o, np.ndarray) for o in row[1][3].values())])
def test_index_arrays_given_at_evaluation(row):
    text, values, sizes, arrays, function = parts(row)
    e = einsum(text, tuple(values), sizes, {})
    equal(ed.evaluate(e, {**values, **arrays}), function(*values.values()))
    operands = tuple(values) or (1,)
    mapped = ed.einsum(text, *operands, index=arrays, **({"sizes": sizes} if sizes else {}))
    equal(ed.evaluate(mapped, values), function(*values.values()))


def derived(row, positive=False):
    """For each operand: the derivative, the arrays for it, and what it is by units."""
    text, values, sizes, arrays, function = parts(row)
    values = {n: abs(a) for n, a in values.items()} if positive else values
    e = einsum(text, tuple(values), sizes, arrays)
    for k, name in enumerate(values):
        want = by_units(function, list(values.values()), k)
        yield e, name, ed.derive(e, name), values, want, function(*values.values())


@over("row", EVERY)
def test_derivatives(row):
    for _, _, J, values, want, _ in derived(row):
        equal(ed.evaluate(J, values), want)


@over("row", EVERY)
def test_products_with_derivatives(row):
    for e, name, _, values, want, y in derived(row):
        u = np.arange(1, np.size(y) + 1).reshape(np.shape(y))
        equal(ed.evaluate(ed.vjp(e, name, u), values), np.tensordot(u, want, u.ndim))
        v = values[name][..., ::-1] if values[name].ndim else values[name]
        equal(ed.evaluate(ed.jvp(e, name, v), values), np.tensordot(want, v, v.ndim))


@over("row", EVERY)
def test_structured_derivatives(row):
    for _, _, J, values, want, y in derived(row):
        S = ed.evaluate(J, values, dense=False)
        equal(S.dense(), want)
        u = np.arange(1, np.size(y) + 1).reshape(np.shape(y))
        equal(S.rmatvec(u), np.tensordot(u, want, u.ndim))


@over("row", EVERY)
def test_sparse_derivatives(row):
    """Exactly the non-zeros are held; the numbers are positive, so that nothing cancels."""
    for _, _, J, values, want, _ in derived(row, positive=True):
        if want.ndim:
            held = ed.evaluate(J, values, dense=False).to_sparse()
            assert held.shape == want.shape
            assert held.nnz == np.count_nonzero(want)
            equal(held.toarray(), want)


# ------------------------------------------------------------------------------------------ sums of einsums
FIRST = {"k": 1}  # i + k with one k: a domain of its own for i
# name, terms (factor, string, tensor, sizes), NumPy; a and b are vectors of 3 and 4, A and B matrices of 2 and 3
SUMS = [
    ("difference",        [(1, "i+1->i", "b", {}), (-1, "i+k->i", "b", {"i": 3} | FIRST)],   lambda v: np.diff(v["b"])),
    ("second difference", [(1, "i+2->i", "b", {}), (-2, "i+1->i", "b", {"i": 2}), (1, "i+k->i", "b", {"i": 2} | FIRST)], lambda v: np.diff(v["b"], 2)),
    ("central, padded",   [(1, "i+1->i", "b", {"i": 4}), (-1, "i-1->i", "b", {"i": 4})],     lambda v: np.convolve(v["b"], [1, 0, -1], "same")),
    ("concatenate",       [(1, "i->i+k", "a", {"i+k": 7} | FIRST), (1, "i->i+3", "b", {})],  lambda v: np.r_[v["a"], v["b"]]),
    ("with itself",       [(1, "i+k->i", "a", {"i": 6} | FIRST), (1, "i-3->i", "a", {"i": 6})], lambda v: np.r_[v["a"], v["a"]]),
    ("stack",             [(1, "i->(j+k)i", "a", {"j": 1, "j+k": 2} | FIRST), (2, "i->(1)i", "a", {})], lambda v: np.stack([v["a"], 2 * v["a"]])),
    ("block matrix",      [(1, "ij->(i+k)(j+k)", "A", {"i+k": 4, "j+k": 6} | FIRST), (3, "ij->(i+2)(j+3)", "B", {})], lambda v: np.block([[v["A"], 0 * v["A"]], [0 * v["A"], 3 * v["B"]]])),
    ("side by side",      [(1, "ij->i(j+k)", "A", {"j+k": 6} | FIRST), (1, "ij->i(j+3)", "B", {})], lambda v: np.hstack([v["A"], v["B"]])),
    ("roll",              [(1, "i-1->i", "b", {"i": 4}), (1, "i+3->i", "b", {"i": 4})],      lambda v: np.roll(v["b"], 1)),
    ("roll back",         [(1, "(i+2)j->ij", "A", {"i": 2}), (1, "(i-1)j->ij", "A", {"i": 2}), (1, "(i+1)j->ij", "A", {"i": 2})], lambda v: np.roll(v["A"], 1, 0)),
    ("overlapping",       [(1, "i->i+k", "b", {"i+k": 5} | FIRST), (2, "i->i+1", "b", {})],  lambda v: np.convolve(v["b"], [1, 2])),
]  # fmt: skip
SHAPES = {"a": (3,), "b": (4,), "A": (2, 3), "B": (2, 3)}


@over("row", [(row[0], row) for row in SUMS])
@pytest.mark.parametrize("aspect", ["dense", "structured", "sparse"])
def test_sums(row, aspect):
    _, terms, function = row
    e = added(terms)
    values = {n: whole(*s) for n, s in SHAPES.items()}
    equal(ed.evaluate(e, values), function(values))
    for name in {name for _, _, name, _ in terms}:
        units = []
        for at in np.ndindex(*SHAPES[name]):
            unit = {n: np.zeros(s, np.int64) for n, s in SHAPES.items()}
            unit[name][at] = 1
            units.append(function(unit))
        want = np.moveaxis(np.array(units), 0, -1).reshape(units[0].shape + SHAPES[name])
        J = ed.derive(e, name)
        if aspect == "dense":
            equal(ed.evaluate(J, values), want)
            continue
        S = ed.evaluate(J, values, dense=False)
        equal(S.dense(), want)
        if aspect == "sparse":
            assert S.to_sparse().nnz == np.count_nonzero(want)


def added(terms):
    parts = [k * ed.einsum(text, name, **({"sizes": s} if s else {})) for k, text, name, s in terms]
    e = parts[0]
    for part in parts[1:]:
        e = e + part
    return e


# ---------------------------------------------------------------------------------- masks, which only select
# a relation that sits on no axis is read off a vector of ones; name, einsum, NumPy's function of A or x
ONES = ed.Delta("b")
MASKS = [
    ("cumulative sum",    "(i-j),j->i",             {"i": 5},           "x", np.cumsum),
    ("strict sum",        "(i-j-1),j->i",           {"i": 5},           "x", lambda x: np.cumsum(np.r_[0, x[:-1]])),
    ("sum from behind",   "(j-i),j->i",             {"i": 5},           "x", lambda x: np.cumsum(x[::-1])[::-1]),
    ("sums of rows",      "(i-j),jk->ik",           {"i": 4},           "A", lambda A: np.cumsum(A, 0)),
    ("tril",              "(i-j),ij->ij",           {},                 "A", np.tril),
    ("triu",              "(j-i),ij->ij",           {},                 "A", np.triu),
    ("tril of -1",        "(i-j-1),ij->ij",         {},                 "A", lambda A: np.tril(A, -1)),
    ("triu of 2",         "(j-i-2),ij->ij",         {},                 "A", lambda A: np.triu(A, 2)),
    ("band",              "(i-j+1),(j-i+1),ij->ij", {},                 "A", lambda A: np.triu(np.tril(A, 1), -1)),
]  # fmt: skip
VECTOR, MATRIX = np.array([3.0, -1, 2, 5, 4]), np.arange(1.0, 21).reshape(4, 5)


def masked(text, sizes, name):
    masks = [ONES] * text.count(",")
    return ed.einsum(text, *masks, name, **({"sizes": sizes} if sizes else {}))


@over(("text", "sizes", "name", "function"), MASKS)
def test_masks(text, sizes, name, function):
    value = {"x": VECTOR, "A": MATRIX}[name].astype(np.int64)
    e = masked(text, sizes, name)
    equal(ed.evaluate(e, {name: value}), function(value))
    equal(ed.evaluate(ed.derive(e, name), {name: value}), by_units(function, [value], 0))


@over(("text", "sizes", "name", "function"), MASKS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_mask_never_multiplies(text, sizes, name, function, bad):
    """Each entry in turn is NaN or infinite: it is where the sum as written has it, and nowhere else."""
    e = ed.compile(masked(text, sizes, name))
    whole_array = {"x": VECTOR, "A": MATRIX}[name]
    # where an entry goes, by its derivative; where it does not go, everything stays
    units = by_units(function, [whole_array.astype(np.int64)], 0)
    for at in np.ndindex(*whole_array.shape):
        array = whole_array.copy()
        array[at] = bad
        got = e({name: array})
        reached = units[(..., *at)] != 0
        clean = function(np.where(np.isfinite(array), array, 0))
        assert (np.isfinite(got) == ~reached).all(), (at, got)
        assert (got[~reached] == clean[~reached]).all(), (at, got)


@pytest.mark.parametrize(("name", "function"), [("tril", np.tril), ("triu", np.triu)])
def test_triangles_by_their_names(name, function):
    e = getattr(ed, name)(ed.tensor("A", (4, 5)))
    equal(ed.evaluate(e, A=MATRIX.astype(int)), function(MATRIX.astype(int)))
    array = MATRIX.copy()
    array[0, 4] = array[3, 0] = np.nan
    got = ed.evaluate(e, A=array)
    assert np.isnan(got).sum() == 1
    assert np.isnan(got[(3, 0) if name == "tril" else (0, 4)])


@pytest.mark.parametrize(
    ("build", "function"),
    [
        (lambda A, B: ed.kron(A, B), np.kron),
        (lambda A, B: ed.vec(A @ B), lambda A, B: (A @ B).reshape(-1)),
        (lambda A, B: ed.vec(A @ B, order="F"), lambda A, B: (A @ B).T.reshape(-1)),
        (lambda A, B: ed.kron(A, ed.tril(B)), lambda A, B: np.kron(A, np.tril(B))),
        (lambda A, B: ed.tril(A) @ ed.triu(B), lambda A, B: np.tril(A) @ np.triu(B)),
    ],
    ids=["kron", "vec", "vec by columns", "kron of tril", "triangles"],
)
def test_names_that_build_einsums(build, function):
    A, B = ed.tensor("A", (3, 3)), ed.tensor("B", (3, 3))
    values = {"A": whole(3, 3), "B": whole(3, 3)}
    e = build(A, B)
    equal(ed.evaluate(e, values), function(*values.values()))
    for k, name in enumerate("AB"):
        want = by_units(function, list(values.values()), k)
        equal(ed.evaluate(ed.derive(e, name), values), want)


# --------------------------------------------------------------------------------- selecting, other kinds
nan = np.nan
SELECTING = [
    # name, einsum, operands, options, what comes out
    ("slice",            "i+1->i",       [[nan, 1, 2]],              {},                          [1, 2]),
    ("step",             "2i->i",        [[1, nan, 2, nan]],         {},                          [1, 2]),
    ("row",              "(1)j->j",      [[[nan, nan], [1, 2]]],     {},                          [1, 2]),
    ("pad",              "i-1->i",       [[nan, 1]],                 {"i": 4},                    [0, nan, 1, 0]),
    ("pad by writing",   "i->i+1",       [[nan, 1]],                 {"i+1": 4},                  [0, nan, 1, 0]),
    ("pooling",          "i+k->i",       [[1, 2, nan, 4, 5]],        {"k": 2},                    [3, nan, nan, 9]),
    ("running windows",  "i+k->i",       [[1, 2, nan, 4, 5]],        {"k": 2, "i": 6},            [3, nan, nan, 9, 5, 0]),
    ("valid",            "i+k,k->i",     [[1, 2, 3, nan], [1, 1]],   {"i": 2},                    [3, 5]),
    ("gather",           "r[e]->e",      [[1, nan, 3]],              {"r": places([2, 0])},       [3, 1]),
    ("gather part",      "r[e+1]->e",    [[nan, 2, 3]],              {"r": places([0, 2, 1])},    [3, 2]),
    ("scatter",          "e->r[e]",      [[1, nan, 3, 4]],           {"r": places([0, 1, 2, 0]), "n": 4}, [5, nan, 3, 0]),
    ("written outside",  "i->i-1",       [[nan, 1, 2]],              {},                          [1, 2]),
    ("by a place",       "(r[e]+k)->ek", [[1, nan, 3]],              {"r": places([2, 1]), "k": 2}, [[3, 0], [nan, 3]]),
    ("diagonal",         "ii->i",        [[[1, nan], [nan, 2]]],     {},                          [1, 2]),
    ("flatten",          "ij->(ij)",     [[[1, nan], [3, 2]]],       {},                          [1, nan, 3, 2]),
    ("infinite",         "i+k->i",       [[np.inf, 2, -np.inf, 4]],  {"k": 1, "i": 6},            [np.inf, 2, -np.inf, 4, 0, 0]),
]  # fmt: skip


@over(("text", "operands", "options", "want"), SELECTING)
@pytest.mark.parametrize("held", [True, False], ids=["held", "named"])
def test_reads_and_writes_select(text, operands, options, want, held):
    arrays = {k: v for k, v in options.items() if isinstance(v, np.ndarray)}
    sizes = {("r" if k == "n" else k): v for k, v in options.items() if k not in arrays}
    values = {f"x{k}": np.array(a, float) for k, a in enumerate(operands)}
    e = einsum(text, values.values() if held else tuple(values), sizes, arrays)
    got = ed.evaluate(e, {} if held else values)
    np.testing.assert_array_equal(got, np.array(want, float))


@pytest.mark.parametrize(
    "terms",
    [
        [(1, "i->i+k", "a", {"i+k": 7} | FIRST), (1, "i->i+3", "b", {})],
        [(1, "i->i+k", "a", {"i+k": 7} | FIRST), (1, "i-3->i", "b", {"i": 7})],
    ],
)
def test_what_is_written_once_keeps_its_bits(terms):
    """A concatenation keeps NaN where it was, and nothing else; an embedding alone keeps the sign of zero."""
    a, b = np.array([-0.0, nan, 2]), np.array([-0.0, np.inf, -1, nan])
    got = ed.evaluate(added(terms), {"a": a, "b": b})
    np.testing.assert_array_equal(got, np.concatenate([a, b]))
    alone = ed.evaluate(ed.einsum("i->i+2", "a"), {"a": a})
    assert np.signbit(alone).tolist() == [False, False, True, False, False]
    assert np.signbit(ed.evaluate(ed.einsum("i+1->i", "b"), {"b": -b}))[-1] == np.signbit(-b[-1])
    view = ed.evaluate(ed.einsum("2i->i", "a"), {"a": a})
    assert np.signbit(view).tolist() == [True, False]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_places_of_short_numbers_do_not_wrap(dtype):
    """In uint8 200 + 100 is 44; in int8 100 + 100 is -56."""
    big = 100 if dtype is np.int8 else 200
    r = np.array([big, 5], dtype)
    x = np.arange(400)
    e = ed.einsum("(r[e]+100)->e", "x", r=r)
    equal(ed.evaluate(e, x=x), x[[big + 100, 105]])
    twice = ed.einsum("(2r[e])->e", "x", r=r)
    equal(ed.evaluate(twice, x=x[:300]), [2 * big if 2 * big < 300 else 0, 10])
    equal(ed.evaluate(ed.einsum("(r[e]+100)->e", "x"), x=x, r=r), x[[big + 100, 105]])


# -------------------------------------------------------------------------------- the table of derivatives
x, w, a = (np.array(v) for v in ([3, -1, 4, 1, -5, 9, 2], [2, 7, -1], [5, 3, 2, -4, 6]))
U, V = np.arange(8).reshape(4, 2) - 3, np.arange(10).reshape(5, 2) * 2 - 7
FACTORS = {"r": R, "c": C}


def shape_of(text):
    """A string up to the letters of its labels and the order of terms in a sum."""
    slots, output = index_programs.read(text)
    letters = {}
    for axes in (*slots, output):
        for axis in axes:
            for label in axis.labels:
                letters.setdefault(label, len(letters))
    return [tuple(_lettered(axis, letters) for axis in axes) for axes in (*slots, output)]


def _lettered(axis, letters):
    terms = tuple(sorted((letters[x], k) for x, k in axis.terms))
    arrays = [(r, tuple(_lettered(b, letters) for b in axes), k) for r, axes, k in axis.arrays]
    return axis.constant, terms, tuple(sorted(arrays)), tuple(letters[x] for x in axis.flat)


# einsum, names, options, by: compact, formula, Jᵀu, JᵀJ; None where the table is silent
DERIVATIVES = [
    ("kernel read", "i+k,k->i", "xw", {}, "x",
     "k->i(i+k)", r"w[a-i]", "i,k->(i+k)", "k,l->(i+k)(i+l)"),
    ("by the kernel", "i+k,k->i", "xw", {}, "w",
     "i+k->ik", r"x[i+a]|x[a+i]", "i,(i+k)->k", "(i+k),(i+l)->kl"),
    ("slice", "i+1->i", "x", {}, "x",
     "->i(i+1)", r"δ[a,i+1]|δ[i+1,a]|δ[i,a-1]|δ[a-1,i]", "i->i+1", "->(i+1)(i+1)"),
    ("factorisation by U", "(r[e])k,(c[e])k->e", "UV", FACTORS, "U",
     "(c[e])k->e(r[e])k", r"δ[a,r[e]]V[c[e],b]|δ[r[e],a]V[c[e],b]", "e,(c[e])k->(r[e])k",
     "(c[e])k,(c[e])l->(r[e])k(r[e])l"),
    ("factorisation by V", "(r[e])k,(c[e])k->e", "UV", FACTORS, "V",
     "(r[e])k->e(c[e])k", r"δ[a,c[e]]U[r[e],b]|δ[c[e],a]U[r[e],b]", "e,(r[e])k->(c[e])k",
     "(r[e])k,(r[e])l->(c[e])k(c[e])l"),
]  # fmt: skip
HELD = {"x": x, "w": w, "U": U, "V": V}


def jacobian(text, names, options, by, values):
    """By units, from the judge's value."""
    operands = [values[n] for n in names]
    sizes = {k: v for k, v in options.items() if not isinstance(v, np.ndarray)}
    arrays = {k: v for k, v in options.items() if k not in sizes}

    def function(*given):
        return index_programs.judged(text, given, sizes, **arrays)

    return np.array(by_units(function, operands, names.index(by)), np.int64)


DERIVED = ("text", "names", "options", "by", "compact", "formula", "pulled", "squared")


@over(DERIVED, DERIVATIVES)
def test_compact(text, names, options, by, compact, formula, pulled, squared):
    J = ed.derive(ed.einsum(text, *names, **options), by)
    assert shape_of(J.compact) == shape_of(compact), J.compact


@over(DERIVED, DERIVATIVES)
def test_formula(text, names, options, by, compact, formula, pulled, squared):
    J = ed.derive(ed.einsum(text, *names, **options), by)
    found = ed.formula(J).replace("−", "-").replace(" ", "")
    assert any(found.endswith("=" + choice) for choice in formula.split("|")), found
    assert found.startswith("∂y[")


@over(DERIVED, DERIVATIVES)
def test_vector_times_jacobian(text, names, options, by, compact, formula, pulled, squared):
    pull = ed.vjp(ed.einsum(text, *names, **options), by, "u")
    assert shape_of(pull.compact) == shape_of(pulled), pull.compact
    J = jacobian(text, names, options, by, HELD)
    u = np.arange(1, len(J) + 1)
    sized = ed.vjp(
        ed.einsum(text, *(ed.tensor(n, HELD[n].shape) for n in names), **options), by, "u"
    )
    equal(ed.evaluate(sized, {**HELD, "u": u}), np.tensordot(u, J, 1))


@over(DERIVED, DERIVATIVES)
def test_square_of_a_jacobian(text, names, options, by, compact, formula, pulled, squared):
    J = ed.derive(ed.einsum(text, *(ed.tensor(n, HELD[n].shape) for n in names), **options), by)
    string = "oa,ob->ab" if J.ndim == 2 else "oab,ocd->abcd"
    found = ed.einsum(string, J, J)
    assert shape_of(found.compact) == shape_of(squared), found.compact
    numbers = jacobian(text, names, options, by, HELD)
    want = np.tensordot(numbers, numbers, ((0,), (0,)))
    equal(ed.evaluate(found, HELD), want)
    S = ed.evaluate(found, HELD, dense=False)
    equal(S.dense(), want)
    again = ed.einsum(found.compact, *operands_of(found), sizes=found.sizes, **arrays_of(options))
    equal(ed.evaluate(again, HELD), want)


def operands_of(e):
    return [o for o in e.operands if not isinstance(o, ed.Delta)]


def arrays_of(options):
    return {k: v for k, v in options.items() if isinstance(v, np.ndarray)}


def test_jacobian_of_a_cumulative_sum():
    y = ed.einsum("(i-j),j->i", ONES, ed.tensor("x", (7,)), sizes={"i": 7})
    J = ed.derive(y, "x")
    assert shape_of(J.compact) == shape_of("(i-j)->ij"), J.compact
    equal(ed.evaluate(J, x=x), np.tril(np.ones((7, 7), int)))
    pull = ed.vjp(y, "x", "u")
    equal(ed.evaluate(pull, x=x, u=x), np.cumsum(x[::-1])[::-1])
    nan_at_five = np.where(np.arange(7) == 5, nan, x)
    got = ed.evaluate(pull, x=x, u=nan_at_five)
    assert np.isnan(got).tolist() == [True] * 6 + [False]


def test_strings_of_the_contract():
    y = ed.einsum("i+k,k->i", "x", "w")
    J = ed.derive(y, "x")
    assert J.inserted == "ba,bik,k->ia"
    assert J.subscripts == "aik,k->ia"
    assert str(J.operands[0]).replace(" ", "") in ('Delta("a=i+k")', 'Delta("a=k+i")')
    assert [str(o) for o in J.operands[1:]] == ["w"]
    assert J.compact == "k->i(i+k)"
    sized = ed.derive(ed.einsum("i+k,k->i", ed.tensor("x", (7,)), ed.tensor("w", (3,))), "x")
    again = ed.einsum(sized.compact, "w", sizes=sized.sizes)
    equal(ed.evaluate(again, w=w), ed.evaluate(sized, x=x, w=w))
    gathered = ed.derive(ed.einsum("(r[e])k->ek", "U", r=R), "U")
    assert any(re.fullmatch(r'Delta\("\w=r\[\w\]"\)', str(o)) for o in gathered.operands)


def test_how_a_derivation_is_explained():
    y = ed.einsum("i+k,k->i", "x", "w")
    text = str(ed.explain(y, "x")).replace("−", "-")
    assert "a = i + k" in text
    assert "k = a - i" in text
    assert re.search(r"zero unless 0 ≤ a - i", text)
    assert "ba,bik,k->ia" in text
    declared = ed.einsum("i+k,k->i", "x", ed.tensor("w", (3,)))
    with_sizes = str(ed.explain(declared, "x")).replace("−", "-")
    assert "zero unless 0 ≤ a - i < 3" in with_sizes


def test_latex():
    J = ed.derive(ed.einsum("i+k,k->i", "x", "w"), "x")
    assert re.search(r"w_\{a\s*-\s*i\}", ed.latex(J)), ed.latex(J)


# ------------------------------------------------------------------------------ what structure is worth


def test_a_derivative_holds_the_numbers_of_the_kernel():
    n = 2000
    y = ed.einsum("i+k,k->i", "x", "w")
    S = ed.evaluate(ed.derive(y, "x"), x=np.ones(n), w=w.astype(float), dense=False)
    assert S.shape == (n - 2, n)
    assert S.nbytes <= 8 * 3 * 4  # and some index numbers, never n
    assert S.to_sparse().nnz == 3 * (n - 2)


def test_blocks_of_a_factorisation_are_held_as_blocks():
    """JᵀJ is block diagonal: what is held does not grow with the square of the rows."""
    n, m, k, e = 300, 200, 3, 1000
    seeded = np.random.default_rng(5)
    r, c = seeded.integers(0, n, e), seeded.integers(0, m, e)
    values = {"U": seeded.integers(1, 4, (n, k)), "V": seeded.integers(1, 4, (m, k))}
    y = ed.einsum("(r[e])k,(c[e])k->e", "U", "V", r=r, c=c)
    J = ed.derive(y, "U")
    G = ed.evaluate(ed.einsum("eab,ecd->abcd", J, J), values, dense=False)
    assert G.shape == (n, k, n, k)
    assert G.nbytes < 8 * 20 * (e * k * k + n * k * k)
    blocks = np.zeros((n, k, k), int)
    np.add.at(blocks, r, values["V"][c][:, :, None] * values["V"][c][:, None, :])
    assert (np.einsum("iaib->iab", G.dense()) == blocks).all()
    assert G.to_sparse().nnz == len(np.unique(r)) * k * k


def test_a_hessian_of_neighbours_is_tridiagonal():
    n = 40
    x = ed.tensor("x", (n,))
    step = ed.einsum("i+1->i", x) - ed.einsum("i+k->i", x, sizes={"k": 1, "i": n - 1})
    H = ed.hessian(ed.sum(step**2), x)
    S = ed.evaluate(H, x=np.arange(n), dense=False)
    D = np.diff(np.eye(n, dtype=int), axis=0)
    equal(S.dense(), 2 * D.T @ D)
    assert S.to_sparse().nnz == 3 * n - 2


def test_no_box_of_a_transposed_convolution_is_formed():
    """`u[i] w[k] -> i+k`: the outer product would have 6·10⁹ numbers."""
    n, k = 200_000, 30_000
    y = ed.einsum("i,k->i+k", "u", "w")
    u, w = np.zeros(n), np.zeros(k)
    u[[5, n - 1]], w[[0, 7, k - 1]] = 1, (2, 3, 4)
    f = ed.compile(y, memory_limit=8 * (n + k) * 8)
    got = f(u=u, w=w)
    assert np.flatnonzero(np.abs(got) > 1e-9).tolist() == [5, 12, k + 4, n - 1, n + 6, n + k - 2]


# ---------------------------------------------------------------------------------------- the notation
SAME = [
    # two strings that mean one einsum, names, options
    ("order of a sum",     "i+k,k->i",            "k+i,k->i",              "xw", {}),
    ("letters",            "i+k,k->i",            "p+q,q->p",              "xw", {}),
    ("brackets",           "i+k,k->i",            "(i+k),k->i",            "xw", {}),
    ("blanks",             "i+k,k->i",            " i + k , k -> i ",      "xw", {}),
    ("words",              "i+k,k->i",            "time+lag, lag -> time", "xw", {}),
    ("a times sign",       "2i+k,k->i",           "2*i + 1*k,k->i",        "xw", {}),
    ("a label alone",      "ik,k->i",             "(i)(k),(k)->(i)",       "Uw", {}),
    ("numbers collected",  "i+3,k->ik",           "1+i+2,k->ik",           "xw", {}),
    ("a label twice",      "2i,k->ik",            "i+i,k->ik",             "xw", {}),
    ("array in brackets",  "r[e]->e",             "(r[e])->e",             "x",  {"r": R}),
    ("a letter like it",   "(r[e])k->ek",         "(r[r])k->rk",           "U",  {"r": R}),
    ("letters flattened",  "(hw)c,c->hwc",        "(h w)c,c->hwc",         "xw", {"sizes": {"h": 2}}),
    ("minus",              "i-k,k->i",            "-k+i,k->i",             "xw", {"sizes": {"i": 4}}),
]  # fmt: skip


@over(("one", "two", "names", "options"), SAME)
def test_strings_that_mean_the_same(one, two, names, options):
    sizes = dict(options.get("sizes", {}))
    first = ed.einsum(one, *names, **options)
    other = (
        {"sizes": {("p" if "p" in two and k == "i" else k): n for k, n in sizes.items()}}
        if sizes
        else {}
    )
    second = ed.einsum(two, *names, **{**options, **other})
    assert first == second
    assert hash(first) == hash(second)


DIFFERENT = [
    ("another place",     "i+1->i",   "i+2->i",   {}),
    ("another step",      "2i->i",    "3i->i",    {}),
    ("another direction", "i-k->ik",  "i+k->ik",  {"sizes": {"i": 4, "k": 2}}),
    ("a window and none", "i+k->ik",  "i->ik",    {"sizes": {"k": 2}}),
    ("read and written",  "i+1->i",   "i->i+1",   {}),
    ("sizes",             "i+k->ik",  "i+k->ik",  None),
]  # fmt: skip


@over(("one", "two", "options"), DIFFERENT)
def test_strings_that_do_not_mean_the_same(one, two, options):
    first, second = ({"sizes": {"k": k}} for k in (2, 3)) if options is None else (options, options)
    assert ed.einsum(one, "x", **first) != ed.einsum(two, "x", **second)


@pytest.mark.parametrize("key", ["2i+k", "2*i+k", " 2i + k", "k+2i", "(2i+k)"])
def test_a_size_is_given_by_the_sum_in_any_spelling(key):
    values = {"a": np.array([1, 2]), "b": np.array([3, 4])}
    for text in ("i,k->2i+k", "i,k->(2*i + k)", "i,k->(k+2i)"):
        e = ed.einsum(text, "a", "b", sizes={key: 6})
        equal(ed.evaluate(e, values), [3, 4, 6, 8, 0, 0])


def test_a_name_before_a_bracket_takes_all_its_letters():
    e = ed.einsum("(irows[e])->e", "x", irows=R)
    equal(ed.evaluate(e, x=x), x[R])
    e = ed.einsum("(i+rows[e])->ie", "x", rows=R, sizes={"i": 2})
    equal(ed.evaluate(e, x=x), x[R[None, :] + [[0], [1]]])


def test_arrays_named_like_options_come_in_a_mapping():
    e = ed.einsum("sizes[e]->e", "x", index={"sizes": R})
    equal(ed.evaluate(e, x=x), x[R])
    assert ed.derive(e, "x").ndim == 2


def test_commas_in_an_array_part_no_operands():
    e = ed.einsum("(s[e,f])k,k->ef", "U", "w", s=S)
    values = {"U": np.arange(12).reshape(4, 3), "w": w}
    equal(ed.evaluate(e, values), values["U"][S] @ w)


def test_an_array_is_no_label():
    """`row[e]` reads the array row, also where row is a label."""
    A = np.arange(8).reshape(2, 4)
    e = ed.einsum("x row, (row[e]) k -> x row k", "A", "U", row=R[:3])
    equal(ed.evaluate(e, A=A, U=U), np.einsum("xr,ek->xrk", A, U[R[:3]]))


# text of index notation, the same as an einsum, names, options
NOTATION = [
    ("convolution",   "y[i] = x[i+k]*w[k]",           "i+k,k->i",           "xw", {}),
    ("slice",         "y[i] = x[i+1]",                "i+1->i",             "x",  {}),
    ("step",          "y[i] = x[2i+1]",               "2i+1->i",            "x",  {}),
    ("polynomials",   "y[i+k] = x[i]*w[k]",           "i,k->i+k",           "xw", {}),
    ("side by side",  "y[i] = x[i+k] w[k]",           "i+k,k->i",           "xw", {}),
    ("a sum sign",    "y[i] = Σ_k x[i+k] w[k]",       "i+k,k->i",           "xw", {}),
    ("factorisation", "y[e] = U[r[e],k] V[c[e],k]",   "(r[e])k,(c[e])k->e", "UV", FACTORS),
    ("matrix",        "y[i,k] = U[i,j] V[k,j]",       "ij,kj->ik",          "UV", {}),
]  # fmt: skip


@over(("text", "string", "names", "arrays"), NOTATION)
def test_index_notation_is_read(text, string, names, arrays):
    parsed, e = ed.parse(text), ed.einsum(string, *names, **arrays)
    values = {n: HELD[n] for n in names}
    equal(ed.evaluate(parsed, {**values, **arrays}), ed.evaluate(e, values))
    for name in names:
        want = ed.evaluate(ed.derive(e, name), values)
        equal(ed.evaluate(ed.derive(parsed, name), {**values, **arrays}), want)


@over(DERIVED, DERIVATIVES[:2])
def test_a_printed_derivative_is_read_again(
    text, names, options, by, compact, formula, pulled, squared
):
    """With the sizes of the result, which a formula does not say."""
    J = ed.derive(ed.einsum(text, *(ed.tensor(n, HELD[n].shape) for n in names), **options), by)
    want = jacobian(text, names, options, by, HELD)
    sizes = {"i": want.shape[0], "a": want.shape[1]}
    again = ed.parse(ed.formula(J), sizes=sizes)
    equal(ed.evaluate(again, {n: HELD[n] for n in names}), want)


def test_every_pair_of_rows_in_a_chain():
    """A row after a row: the derivative of the chain is the product of derivatives."""
    chains = [r for r in ROWS if len(r[2]) == 1 and len(r[2][0]) == 1 and not arrays_of(r[3])]
    for first, second in list(product(chains, chains))[::5]:
        _, text, shapes, sizes, function = first
        inner = ed.einsum(text, ed.tensor("x", shapes[0]), **({"sizes": sizes} if sizes else {}))
        value = np.arange(1, shapes[0][0] + 1)
        if function(value).shape != second[2][0]:
            continue
        outer = einsum(second[1], (inner,), second[3], {})
        equal(ed.evaluate(outer, x=value), second[4](function(value)))
        want = by_units(lambda a, f=function, g=second[4]: g(f(a)), [value], 0)
        equal(ed.evaluate(ed.derive(outer, "x"), x=value), want)
