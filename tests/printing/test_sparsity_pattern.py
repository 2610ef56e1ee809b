"""Patterns of zeros: those of the dense array, cell by cell; large ones without an array."""

import random
import re
import xml.etree.ElementTree as ET
from itertools import product
from math import prod

import numpy as np
import pytest
from work import Calls

import einderiv as ed
from einderiv.printing import sparsity
from einderiv.printing.sparsity_pattern import _cells

A, B, x = ed.tensor("A", (4, 5)), ed.tensor("B", (5, 3)), ed.tensor("x", (5,))
CASES = {
    "by the first": ed.derive(A @ B, A),
    "by the second": ed.derive(A @ B, B),
    "itself": ed.derive(A, A),
    "a transpose": ed.derive(A.T, A),
    "vector": ed.derive(A @ x, A),
    "full": ed.derive(A @ x, x),
    "diagonal": ed.derive(ed.einsum("ii->i", ed.tensor("S", (6, 6))), "S"),
    "elementwise": ed.derive(ed.tanh(A), A),
    "rows": ed.derive(ed.softmax(A, 1), A),
    "zero": ed.derive(A @ x, ed.tensor("q", (2,))),
}


u, v = ed.tensor("u", (7,)), ed.tensor("v", (3,))
WINDOW = ed.einsum("i+k,k->i", u, v)
GATHERED = ed.einsum(
    "(r[e])k,(c[e])k->e", A, ed.tensor("F", (3, 5)), r=[0, 3, 1, 0], c=[2, 0, 1, 1]
)
RELATED = {
    "window by x": ed.derive(WINDOW, u),
    "window by w": ed.derive(WINDOW, v),
    "slice": ed.derive(ed.einsum("2i+1->i", u), u),
    "shifted": ed.derive(ed.einsum("(i-1)->i", u, sizes={"i": 9}), u),
    "cumulative": ed.derive(ed.einsum("(i-j),j->i", np.ones(7, int), u, sizes={"i": 7}), u),
    "gathered": ed.derive(GATHERED, A),
    "flattened": ed.derive(ed.einsum("ij->(i j)", A), A),
    "segments": ed.derive(ed.einsum("e->(r[e])", v, r=[1, 0, 1], sizes={"r": 2}), v),
    "entry by entry": ed.derive(ed.tanh(WINDOW), u),
    "second": ed.hessian(ed.einsum("i,i->", WINDOW, WINDOW), u),
}


@pytest.mark.parametrize("name", RELATED)
def test_the_pattern_of_relations_is_that_of_the_dense_array(name):
    J = RELATED[name]
    arrays = {"u": (7,), "v": (3,), "A": (4, 5), "F": (3, 5)}
    given = {n: np.random.default_rng(0).random(s) + 0.5 for n, s in arrays.items()}
    dense = np.asarray(
        ed.evaluate(J, {n: a for n, a in given.items() if n in ed.compile(J).tensors})
    )
    rows = J.ndim - J.record.count
    flat = dense.reshape(int(np.prod(dense.shape[:rows])), -1)
    picture = sparsity(J)
    assert (cells(picture, flat.shape) == (flat != 0)).all()
    if name != "second":
        assert f"{np.count_nonzero(flat)} of {flat.size}" in picture.alt


def test_what_a_pattern_of_relations_does_not_know():
    J = ed.derive(ed.einsum("(r[e])->e", u), u)
    with pytest.raises(ed.EinderivError, match="index array r points is not known"):
        sparsity(J, {"e": 4})
    J = ed.derive(ed.einsum("i+k,k->i", "x", "w"), "x")
    with pytest.raises(ed.LimitError, match="smaller sizes"):
        sparsity(J, {"x": (10**6,), "w": (3,)})
    assert "5 by 7, 15 of 35" in sparsity(J, {"x": (7,), "w": (3,)}).alt


def cells(picture, shape):
    root = ET.fromstring(str(picture))
    path = root.findall("{*}path")[0].get("d")
    side = 320.0 / max(shape)
    found = np.zeros(shape, bool)
    for left, top, wide in re.findall(r"M(\S+) (\S+)h(\S+)v", path):
        row, column, count = (round(float(v) / side) for v in (top, left, wide))
        found[row, column : column + count] = True
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_pattern_is_that_of_the_dense_array(name):
    J = CASES[name]
    f = ed.compile(J)
    dense = f(
        {
            n: np.random.default_rng(0).random(s) + 0.5
            for n, s in {"A": (4, 5), "B": (5, 3), "x": (5,), "S": (6, 6), "q": (2,)}.items()
            if n in f.tensors
        }
    )
    rows = J.ndim - J.record.count
    flat = dense.reshape(int(np.prod(dense.shape[:rows])), -1)
    picture = sparsity(J, {})
    assert (cells(picture, flat.shape) >= (flat != 0)).all()
    if name != "rows":
        assert (cells(picture, flat.shape) == (flat != 0)).all()
        assert f"{np.count_nonzero(flat)} of {flat.size}" in picture.alt


def test_a_large_one_costs_nothing():
    with Calls() as calls:
        picture = sparsity(ed.derive("ij,jk->ik", 0), {"i": 10**6, "k": 10**6, "b": 10**6})
    assert calls.count < 10**6  # not even one for each of its rows
    assert f"{10**12} by {10**12}" in picture.alt
    assert len(str(picture)) < 10**5


def test_terms_may_overlap():
    H = ed.hessian(ed.einsum("i,ij,j->", x, ed.tensor("S", (5, 5)), x), x)
    assert "at most" in sparsity(H, {}).alt


@pytest.mark.parametrize(
    ("J", "sizes", "error", "match"),
    [
        (A @ B, {}, TypeError, "no derivative"),
        ("ij->i", {}, TypeError, "draws a derivative"),
        (ed.derive("ij,j->i", 0), {"i": 3}, ed.ShapeError, "size of axis b is not known"),
        (ed.derive("ij,j->i", 0), {"i": 3, "q": 4}, ed.EinderivError, "no axis is called 'q'"),
        (ed.derive(A @ B, A), {"A": (4, 6)}, ed.ShapeError, "6"),
        (ed.derive("ij,j->i", 0), {"i": -3, "b": 2}, ed.ShapeError, "-3"),
        (ed.derive("ij,j->i", 0), {"i": 2.5, "b": 2}, TypeError, "size of 'i'"),
        (ed.derive("ij,j->i", 0), {"i": "3", "b": 2}, TypeError, "size of 'i'"),
    ],
)
def test_errors(J, sizes, error, match):
    with pytest.raises(error, match=match):
        sparsity(J, sizes)


def test_split():
    assert "4 by 3" in sparsity(A @ B, {}, split=1).alt


def entry_by_entry(output, shape, rows, down, across):
    sizes, found = dict(zip(output, shape)), set()
    for values in product(*(range(n) for n in sizes.values())):
        at = dict(zip(sizes, values))
        places = [0, 0]
        for p, label in enumerate(output):
            places[p >= rows] = places[p >= rows] * sizes[label] + at[label]
        found.add(
            (places[0] * down // prod(shape[:rows]), places[1] * across // prod(shape[rows:]))
        )
    return found


@pytest.mark.parametrize("seed", range(300))
def test_cells_that_hold_many_entries(seed):
    rng = random.Random(seed)
    sizes = {x: rng.choice([1, 2, 3, 5, 7, 11, 40]) for x in "abcd"[: rng.randint(1, 4)]}
    output = [rng.choice(list(sizes)) for _ in range(rng.randint(2, 5))]
    shape, rows = [sizes[x] for x in output], rng.randint(0, len(output))
    down = min(prod(shape[:rows]), rng.choice([96, 5, 13]))
    across = min(prod(shape[rows:]), rng.choice([96, 5, 13]))
    assert _cells(output, shape, rows, down, across) == entry_by_entry(
        output, shape, rows, down, across
    )


def test_an_identity_of_many_ranges():
    J = ed.derive(ed.tanh(ed.tensor("A", "ij")), "A")
    assert np.array_equal(cells(sparsity(J, {"i": 35, "j": 1}), (35, 35)), np.eye(35, dtype=bool))


@pytest.mark.parametrize(
    ("e", "alt"),
    [
        (ed.einsum("is,st,tj->ij"), "16 by 16, 64 of 256"),
        (ed.vec(ed.tensor("A", "ij")), "16 by 16, 16 of 256"),
        (ed.einsum("ij,jk->ik", A, "B"), "16 by 20, 80 of 320"),
    ],
)
def test_sizes_may_be_left(e, alt):
    assert sparsity(ed.derive(e, "A")).alt.startswith(alt)
