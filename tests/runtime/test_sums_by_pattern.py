"""Sums of structured terms of every pattern, against LAPACK on the dense matrix."""

import numpy as np
import pytest

import einderiv as ed

pytest.importorskip("scipy")
es = ed.einsum

# name: the embedding of a term with rows a, b and columns c, d (tied ones named alike), and the axes
# of its factors
TERMS = {
    "identity":   ("->abab", ()),
    "diagonal":   ("ab->abab", ("ab",)),
    "of rows":    ("a->abab", ("a",)),
    "left":       ("ac->abcb", ("ac",)),
    "right":      ("bd->abad", ("bd",)),
    "kronecker":  ("ac,bd->abcd", ("ac", "bd")),
    "blocks":     ("abd->abad", ("abd",)),
    "outer":      ("ab,cd->abcd", ("ab", "cd")),
    "row outers": ("ab,ad->abad", ("ab", "ad")),
    "of vectors": ("a,b,c,d->abcd", ("a", "b", "c", "d")),
    "full":       ("abcd->abcd", ("abcd",)),
}  # fmt: skip
# sums, and a word of how they are solved
SUMS = [
    (("identity", "kronecker"), "sum of Kronecker products"),
    (("kronecker", "kronecker"), "sum of Kronecker products"),
    (("left", "right"), "sum of Kronecker products"),
    (("left", "right", "identity"), "sum of Kronecker products"),
    (("left", "kronecker"), "sum of Kronecker products"),
    (("of rows", "kronecker"), "sum of Kronecker products"),
    (("identity", "outer"), "Woodbury"),
    (("diagonal", "outer"), "Woodbury"),
    (("diagonal", "outer", "outer"), "Woodbury"),
    (("diagonal", "row outers"), "Woodbury"),
    (("identity", "row outers"), "Woodbury"),
    (("blocks", "outer"), "Woodbury"),
    (("right", "outer"), "Woodbury"),
    (("diagonal", "of vectors"), "Woodbury"),
    (("diagonal", "identity", "of rows"), "division"),
    (("blocks", "diagonal"), "blocks of"),
    (("left",), "factorisation"),
    (("kronecker",), "Kronecker product"),
    (("full", "diagonal"), "dense"),
    (("left", "blocks"), "dense"),
]  # fmt: skip


def mirrored(letters):
    """The axes of the same factor in the transposed tensor."""
    return letters.translate(str.maketrans("abcd", "cdab"))


def drawn(r, name, sizes, *, symmetric, kind=float):
    """A random term as a structured tensor."""
    spec, factors = TERMS[name]
    arrays = []
    for axes in factors:
        array = r.normal(size=[sizes[x] for x in axes]).astype(kind)
        if kind is complex:
            array = array + 1j * r.normal(size=array.shape)
        if symmetric and name in ("left", "right", "kronecker"):
            array = array @ array.conj().T
        arrays.append(array)
    if symmetric and name in ("identity", "diagonal", "of rows"):
        arrays = [np.abs(array) + 0.5 for array in arrays]
    if symmetric and name in ("outer", "row outers"):
        arrays[1] = arrays[0].conj()
    if symmetric and name == "of vectors":
        arrays[2:] = [array.conj() for array in arrays[:2]]
    if symmetric and name == "blocks":
        arrays[0] = arrays[0] @ arrays[0].conj().swapaxes(-1, -2)
    if symmetric and name == "full":
        n = sizes["a"] * sizes["b"]
        matrix = arrays[0].reshape(n, n)
        arrays[0] = (matrix @ matrix.conj().T).reshape(arrays[0].shape)
    given = dict(zip("PQRS", arrays, strict=False))
    e = es(spec, *[ed.tensor(name, axes) for name, axes in zip("PQRS", factors, strict=False)],
           sizes={x: sizes[x] for x in "ab"})  # fmt: skip
    return ed.evaluate(e, given, dense=False)


def total(r, names, sizes, **options):
    S = drawn(r, names[0], sizes, **options)
    for name in names[1:]:
        S = S + drawn(r, name, sizes, **options)
    return S


def close(got, want, condition):
    scale = np.abs(want).max(initial=1e-300)
    assert np.shape(got) == np.shape(want)
    assert np.abs(got - want).max(initial=0) <= 1e-9 * max(condition, 1) ** 1 * scale


@pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "any"])
@pytest.mark.parametrize(("names", "method"), SUMS, ids=[" + ".join(row[0]) for row in SUMS])
def test_random_sums(names, method, symmetric):
    r = np.random.default_rng(len(method) + 7 * symmetric)
    for trial in range(12):
        n, m = r.integers(1, 6, 2)
        kind = complex if trial % 4 == 3 else float
        sizes = {"a": int(n), "b": int(m), "c": int(n), "d": int(m)}
        S = total(r, names, sizes, symmetric=symmetric, kind=kind)
        matrix = S.dense().reshape(n * m, n * m)
        if n > 2 and m > 3:
            assert method in S.method(), S.method()
            assert method == "dense" or "dense" not in S.method()
        condition = np.linalg.cond(matrix)
        if condition > 1e12:
            continue
        b = r.normal(size=(n, m, 2))
        x = np.linalg.solve(matrix, b.reshape(n * m, 2)).reshape(b.shape)
        close(S.solve(b), x, condition)
        close(S.solve(b[..., 0]), x[..., 0], condition)
        assert abs(S.logdet() - np.linalg.slogdet(matrix)[1]) <= 1e-9 * condition
        close(S.inv_diagonal().ravel(), np.diag(np.linalg.inv(matrix)), condition)
        close(S.diagonal().ravel() if S.split else np.diag(matrix), np.diag(matrix), 1)
        close(S.trace(), np.trace(matrix), n * m)
        if not symmetric:
            continue
        close(S.eigvalsh(), np.linalg.eigvalsh(matrix), condition)
        L = S.cholesky()
        lower = L.dense().reshape(n * m, n * m)
        close(lower, np.linalg.cholesky(matrix), condition)
        assert not np.triu(lower, 1).any()
        close(L @ L.solve(b[..., 0]), b[..., 0], condition)
