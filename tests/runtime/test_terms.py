"""Factors that share no label: what is held, and what comes out when they are multiplied."""

import numpy as np
import pytest
from oracle import assert_same, loop_einsum

import einderiv as ed
from einderiv.expression import tensors_of
from einderiv.planning import Term
from einderiv.runtime.terms import core, core_labels, product, total, value

t, es = ed.tensor, ed.einsum
r = np.random.default_rng(7)
TERMS = [
    # labels of the factors, of all axes, of the core
    (((0, 1),),           (0, 1),          (0, 1)),
    (((1, 0),),           (0, 1),          (0, 1)),
    (((0,), (1,)),        (0, 1),          (0, 1)),
    (((1,), (0,)),        (0, 1),          (0, 1)),
    (((0, 2), (1,)),      (2, 1, 0, 1),    (0, 2, 1)),
    (((0,),),             (0, 0),          (0,)),
    (((0,), (1,)),        (0, 1, 2),       (0, 1)),
    (((),),               (0, 1, 0, 1),    ()),
    (((0,), (1,), (2,)),  (2, 0, 1),       (2, 0, 1)),
]  # fmt: skip
SIZES = (2, 3, 4)


def computed(e):
    return value(e, int)


@pytest.mark.parametrize(("factors", "output", "labels"), TERMS)
def test_terms(factors, output, labels):
    shape = tuple(SIZES[x] for x in output)
    term = Term(tuple((r.integers(-5, 6, [SIZES[x] for x in ls]), ls) for ls in factors), output)
    letters = "ijk"
    spelt = ",".join("".join(letters[x] for x in ls) for ls in factors)
    arrays = [a for a, _ in term.factors]
    assert core_labels(term) == labels
    assert_same(
        core(term, computed),
        loop_einsum(f"{spelt}->{''.join(letters[x] for x in labels)}", *arrays),
    )
    sizes = {letters[x]: SIZES[x] for x in output}
    want = loop_einsum(f"{spelt}->{''.join(letters[x] for x in output)}", *arrays, sizes=sizes)
    assert_same(value(product(term, shape), int), want)
    assert_same(value(total([product(term, shape)] * 3, shape), int), 3 * want)


def test_a_sum_of_none_is_zero():
    assert_same(value(total([], (2, 3)), np.float32), np.zeros((2, 3), np.float32))


def test_a_factor_alone_is_the_core_itself():
    array = np.ones((2, 3))
    assert core(Term(((array, (0, 1)),), (0, 1, 0)), computed) is array


# ---- which products are held apart
A, B, X = t("A", "ij"), t("B", "kl"), t("X", "jk")
HELD = [
    (lambda: ed.derive(es("is,st,tj->ij", "Z", "X", "Y"), "X"),             "ia,bj->ijab",     16 + 15),
    (lambda: ed.derive(es("is,st,tj->ij", "Z", "X", "Y"), "Z"),             "bj->ijib",        20),
    (lambda: ed.hessian(ed.norm_squared(es("ij,jk,kl->il", "Z", "X", "Y")), "X"),
                                                                            "ec,fd->cdef",     16 + 9),
    (lambda: ed.derive(es("a,b,ij->aibj", "u", "v", "X"), "X"),             "a,b->aibjij",     2 + 7),
    (lambda: ed.outer(t("u", "a"), t("v", "b")),                            "a,b->ab",         2 + 7),
    (lambda: 3 * ed.outer(t("u", "a"), t("v", "b")),                        "a,b->ab",         2 + 7),
    (lambda: es("a,b,c,c->ab", "u", "v", "w", "w"),                         "a,b->ab",         2 + 7),
    (lambda: es("a,b,c->abc", "u", "v", "w"),                               "a,b,c->abc",      2 + 7 + 6),
    (lambda: es("a,ab,b->ab", "u", "Q", "v"),                               "ab->ab",          14),
    (lambda: es("ab,c->ac", "Q", "w"),                                      "a,c->ac",         2 + 6),
    (lambda: es("a,b,cd->", "u", "v", "Q"),                                 "->",              1),
    (lambda: es("a,b,c->b", "u", "v", "w"),                                 "b->b",            7),
    (lambda: es("a,c->aca", "u", "w"),                                      "a,c->aca",        2 + 6),
    (lambda: es("a,o->ao", "u", "one"),                                     "ao->ao",          2),
    (lambda: ed.outer(ed.exp(t("u", "a")), es("ab,b->a", "Q", "v")),        "a,c->ac",         2 + 2),
]  # fmt: skip
SHAPES = dict(X=(4, 3), Y=(3, 5), P=(5, 4), Z=(4, 4), u=(2,), v=(7,), w=(6,), Q=(2, 7), one=(1,))


@pytest.mark.parametrize(("make", "embedding", "entries"), HELD, ids=[row[1] for row in HELD])
def test_what_is_held(make, embedding, entries):
    e = make()
    at = {n: r.integers(-3, 4, SHAPES[n]) for n in tensors_of(e)}
    s = ed.evaluate(e, at, dense=False)
    assert s.factors[0][1] == embedding
    assert s.nbytes == s.dtype.itemsize * entries
    assert_same(s.dense(), ed.evaluate(e, at))
    (multiplied, joined), (apart, _) = s.terms[0], s.factors[0]
    assert multiplied.size == np.prod([a.size for a in apart], dtype=int)
    assert joined.count(",") == 0


def test_the_coefficient_is_in_one_factor():
    u, v = r.integers(1, 4, 2), r.integers(1, 4, 5)
    s = ed.evaluate(3 * ed.outer(t("u", "a"), t("v", "b")), u=u, v=v, dense=False)
    (small, large), _ = s.factors[0]
    assert_same(small, 3 * u)
    assert_same(large, v)


def test_one_array_in_several_terms_counts_once():
    s = ed.evaluate(ed.derive(ed.softmax(t("x", "n")), "x"), x=np.arange(100.0), dense=False)
    assert [e for _, e in s.factors] == ["n->nn", "n,a->na"]
    assert s.nbytes == 8 * 200  # p, and -p: 80 kB dense


def test_a_large_outer_product_is_never_formed():
    n = 10**6
    s = ed.evaluate(
        ed.outer(t("u", "i"), t("v", "j")), u=np.ones(n), v=np.arange(float(n)), dense=False
    )
    assert s.nbytes == 16 * n
    assert "i,j" not in repr(s)
    for call in (s.dense, lambda: s.terms, s.to_sparse):
        with pytest.raises(ed.LimitError, match="TB"):
            call()


def test_products_and_diagonals_use_the_factors():
    n = 10**5
    own = np.random.default_rng(1)
    u, v = own.normal(size=n), own.normal(size=n)
    s = ed.evaluate(
        ed.hessian(es("i,i,j,j->", "x", "u", "x", "v"), "x"), x=np.ones(n), u=u, v=v, dense=False
    )
    assert s.nbytes <= 4 * 8 * n  # 160 GB dense
    np.testing.assert_allclose(s.matvec(v), u * (v @ v) + v * (u @ v), rtol=1e-9)
    np.testing.assert_allclose(s.diagonal(), 2 * u * v, rtol=1e-12)
    np.testing.assert_allclose(s.trace(), 2 * (u @ v), rtol=1e-9)


def test_small_integers_multiply_out_exactly_or_not_at_all():
    u, v = np.array([100, 1], np.int8), np.array([3, 1], np.int8)
    s = ed.evaluate(ed.outer(t("u", "i"), t("v", "j")), u=u, v=v, dense=False)
    for call in (s.dense, lambda: s.terms, s.to_sparse):
        with pytest.raises(ed.EinderivError, match=r"300.*int8"):
            call()
