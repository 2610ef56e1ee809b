"""Deltas as operands: what is printed can be written again, and a delta of one's own takes the size that it meets."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Delta

X, v = ed.tensor("X", "ij"), ed.tensor("v", "i")
SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")
PRODUCTS = {
    "seed": ed.derive(SEED, "X"),
    "by the middle": ed.derive(SEED, "Y"),
    "by itself": ed.derive(X, X),
    "ones": ed.derive("ij->", 0),
    "trace": ed.derive("ii->", 0),
    "diagonal": ed.derive("ii->i", 0),
    "a number in front": ed.hessian(ed.einsum("i,i->", v, v), v),
    "broadcast": ed.einsum("i->ij", v, sizes={"j": 3}),
    "an identity's trace": ed.einsum("aa->", ed.derive(v, v)),
    "words": ed.derive("batch in, in out -> batch out", 0),
    "no delta": ed.derive("ij,j->i", 1),
    "second": ed.derive(ed.derive(ed.einsum("i,i,i->i", "u", "v", "w"), "u"), "v"),
    "a size that is declared": ed.derive(ed.tensor("W", ("n", 3)), "W"),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_what_is_printed_can_be_written(name):
    J = PRODUCTS[name]
    again = J.coefficient * ed.einsum(J.subscripts, *J.operands)
    assert again == J
    assert again.subscripts == J.subscripts
    assert str(again.operands) == str(J.operands)
    assert J.coefficient * ed.einsum(*J.interleaved) == J


def test_evaluated_and_derived():
    J = PRODUCTS["seed"]
    again = ed.einsum(J.subscripts, *J.operands)
    at = {"X": np.ones((2, 3)), "Y": np.arange(12).reshape(3, 4), "P": np.arange(20).reshape(4, 5)}
    assert np.array_equal(ed.evaluate(again, at), ed.evaluate(J, at))
    second = ed.evaluate(ed.derive(J, "Y"), at)
    assert np.array_equal(ed.evaluate(ed.derive(again, "Y"), at), second)
    assert np.array_equal(ed.evaluate(ed.derive(again, 1), at), second)  # position 0 is the delta
    assert ed.derive(again, 0).ndim == 6


def test_a_delta_of_ones_own():
    assert ed.einsum("ia,aj->ij", Delta("ia"), X) == X
    assert ed.einsum("ij,jk->ijk", "A", ed.Delta("jk")) == ed.einsum("ij->ijj", "A")
    assert ed.einsum("ijk,i->jk", Delta("ijk"), v) == ed.diag(v)
    assert ed.einsum("j,ij->i", Delta("j"), X) == ed.sum(X, 1)
    assert ed.evaluate(ed.einsum("ab->ab", Delta("ab"), sizes={"b": 2})).tolist() == [
        [1, 0],
        [0, 1],
    ]
    assert ed.evaluate(ed.einsum("k,i->i", Delta("k"), v, sizes={"k": 5}), v=[1, 2]).tolist() == [
        5,
        10,
    ]
    chain = ed.einsum("ab,bc,cd->ad", Delta("ab"), Delta("bc"), Delta("cd"), sizes={"d": 2})
    assert ed.evaluate(chain).tolist() == [[1, 0], [0, 1]]
    assert ed.einsum(Delta("ia"), [0, 1], X, [1, 2], [0, 2]) == X


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: ed.einsum("ab->ab", Delta("ab")),
            ed.ShapeError,
            r'the size of Delta\("ab"\): .*give it in sizes=',
        ),
        (lambda: Delta(""), ed.EinderivError, "at least one axis"),
        (lambda: Delta(3), TypeError, "a string, not int"),
        (lambda: ed.einsum(Delta("ab"), [0, 1], [0, 1]), ed.ShapeError, "give it in sizes="),
        (lambda: ed.einsum("abc,c->ab", Delta("ab"), v), ed.EinderivError, r"operand 0.*2 axes"),
        (
            lambda: ed.einsum("ab,b->a", Delta("ab"), v, sizes={"a": 2, "b": 3}),
            ed.ShapeError,
            "2.*3|3.*2",
        ),
        (
            lambda: ed.einsum("ab,b->a", Delta("ab"), v, sizes={"a": -1}),
            ed.ShapeError,
            "not negative",
        ),
    ],
)
def test_what_cannot_be(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_many_deltas():
    """A size goes from the last to the first, in time proportional to their number."""
    n = 3000
    parts = [part for k in range(n) for part in (Delta("ab"), [k, k + 1])]
    assert ed.einsum(*parts, "v", [n], [0]).ndim == 1


def test_equal_by_labels():
    assert Delta("ia") == PRODUCTS["seed"].operands[0] != Delta("ai")
    assert len({Delta("ia"), Delta("ia"), Delta("a")}) == 2
    assert (Delta("ia").ndim, Delta("a").ndim, Delta("batch in").ndim) == (2, 1, 2)
