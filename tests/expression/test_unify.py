"""Deltas are eliminated by unifying labels: structure moves into its consumer, contraction stays put."""

import math

import numpy as np
import pytest
from oracle import assert_same, loop_einsum

import einderiv as ed
from einderiv.errors import limits
from einderiv.expression import (
    Einsum,
    Tensor,
    assemble,
    bare,
    carried,
    flatten,
    fresh_labels,
    with_slots,
    written_slots,
)
from einderiv.expression.unify import core

es, ev = ed.einsum, ed.evaluate
RANKS = {"s": 0, "u": 1, "v": 1, "A": 2, "B": 2, "T": 3}


def arrays_of(n):
    """All axes the same size, so that every nest fits; no symmetry, so that a swapped label shows."""
    rng = np.random.default_rng(3)
    return {name: rng.integers(1, 9, (n,) * rank) for name, rank in RANKS.items()}


def built(nest, n):
    if isinstance(nest, str):
        return Tensor(nest, (None,) * RANKS[nest])
    text, *parts = nest
    made = [built(part, n) for part in parts]
    known = set(text.partition("->")[0])
    return es(text, *made, sizes={x: n for x in text.partition("->")[2] if x not in known})


def looped(nest, n, arrays):
    """The nest evaluated from the inside out, by explicit loops."""
    if isinstance(nest, str):
        return arrays[nest]
    text, *parts = nest
    return loop_einsum(
        text,
        *(looped(part, n, arrays) for part in parts),
        sizes=dict.fromkeys("abcijk", n) if parts else dict.fromkeys(set(text) - set("->"), n),
    )


ABSORBED = [
    # nest                                                       what is left       factors
    (("ij,j->i", ("i->ii", "v"), "u"),                  "i,i->i",          ("v", "u")),
    (("ij,jk->ik", ("ji->ij", "A"), "B"),               "ji,jk->ik",       ("A", "B")),
    (("ii->i", ("i->ii", "v")),                         "i->i",            ("v",)),
    (("ij->", ("i->ii", "v")),                          "i->",             ("v",)),
    (("ij,ij->ij", ("i->ii", "v"), "A"),                "i,ii->ii",        ("v", "A")),   # the delta survives
    (("ijk,k->ij", ("i->iii", "v"), "u"),               "i,i->ii",         ("v", "u")),
    (("ijk,jk->i", ("i->iii", "v"), "A"),               "i,ii->i",         ("v", "A")),
    (("ab,bc->ac", ("->ii",), "A"),                     "ac->ac",          ("A",)),       # identity matrix
    (("ij,ij->", ("->ii",), ("->ii",)),                 "i->",             ()),           # its trace: a size
    (("ii->", ("->ii",)),                               "i->",             ()),
    (("ij->i", ("i->ij", "v")),                         "j,i->i",          ("v",)),       # size times v
    (("ijk->", ("i->iik", "v")),                        "k,i->",           ("v",)),
    (("ij,j->i", ("i->ij", "v"), "u"),                  "i,j->i",          ("v", "u")),
    (("ij,jk->ik", ("ij->ij", ("ji->ij", "A")), "B"),   "ji,jk->ik",       ("A", "B")),
    (("ij,jk->ik", ("ii->ii", "A"), "B"),               "ii,ik->ik",       ("A", "B")),
    (("i,i->i", ("ii->i", "A"), ("ii->i", "B")),        "ii,ii->i",        ("A", "B")),
    (("iij->j", ("ab->aab", "A")),                      "ij->j",           ("A",)),
    ((",i->i", ("->", "s"), "v"),                       ",i->i",           ("s", "v")),
    (("ij,i->", ("->ij",), "v"),                        "j,i->",           ("v",)),
]  # fmt: skip


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(("nest", "left", "factors"), ABSORBED)
def test_structure_is_absorbed(nest, left, factors, n):
    e = built(nest, n)
    assert e.compact == left
    assert tuple(f.name for f in e.factors) == factors
    arrays = arrays_of(n)
    got = ev(e, {name: arrays[name] for name in factors})
    assert np.array_equal(got, looped(nest, n, arrays))
    assert got.shape == (n,) * e.ndim


STAYS = [
    # outer, its operands; the contraction is the first       labels of the outer slots     coefficient
    (("ij,jk->ik", ("ij,jk->ik", "A", "B"), "A"),       ((0, 1), (1, 2)),             1),
    (("ij,j->i", ("i,j->ij", "u", "v"), "v"),           ((0, 1), (1,)),               1),
    (("ii->i", ("ij,jk->ik", "A", "B")),                ((0, 0),),                    1),
    (("i,i->i", ("ij->i", "A"), "v"),                   ((0,), (0,)),                 1),
    (("ijk,k->ij", ("i,j->iij", "u", "v"), "v"),        ((0, 2), (2,)),               1),   # its core stays
    (("ij,j->i", ("ij,j,->ij", "A", "v", 5), "u"),      ((0, 1), (1,)),               5),   # its number moves
]  # fmt: skip


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(("nest", "labels", "coefficient"), STAYS)
def test_contraction_stays_put(nest, labels, coefficient, n):
    text, inner, *rest = nest
    first = es(inner[0], *(p if isinstance(p, int) else built(p, n) for p in inner[1:]))
    e = es(text, first, *(built(p, n) for p in rest))
    kept = e.factors[0]
    assert isinstance(kept, Einsum)
    assert kept.plain
    assert (kept is first) == first.plain
    assert (e.inputs, e.coefficient) == (labels, coefficient)
    assert written_slots(e)[0][0] is first, "as it was written"
    arrays = arrays_of(n)
    numbers = [np.asarray(p) if isinstance(p, int) else arrays[p] for p in inner[1:]]
    value = loop_einsum(text, loop_einsum(inner[0], *numbers), *(arrays[p] for p in rest))
    used = {p for p in (*inner[1:], *rest) if isinstance(p, str)}
    assert_same(ev(e, {name: arrays[name] for name in used}), value)


FACTS = [  # derivatives: what unification leaves of the identity map
    ("is,st,tj->ij", 0, "bt,tj->ijib"),
    ("is,st,tj->ij", 1, "ia,bj->ijab"),
    ("is,st,tj->ij", 2, "is,sa->ijaj"),
    ("ii->i",        0, "->iii"),
    ("ii->",         0, "->aa"),
    ("ij->",         0, "->ab"),
    ("ij->ji",       0, "->jiij"),
    ("iij,jk->ik",   0, "ck->ikiic"),
    ("ijj->i",       0, "->iibb"),
    ("i,ij,j->",     1, "a,b->ab"),
    (",",            0, "->"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "k", "compact"), FACTS)
def test_proven_facts(text, k, compact):
    assert ed.derive(text, k).compact == compact


# ---- core
@pytest.mark.parametrize(
    ("text", "sizes", "within", "labels"),
    [
        ("bt,tj->ijib", {"i": 2}, "bt,tj->{}", "bj"),
        ("i->ii", {}, "i->{}", "i"),
        ("ij->ijij", {}, "ij->{}", "ij"),
        ("ij->j", {}, "ij->{}", "j"),
        ("ij->", {}, "ij->{}", ""),
        ("->ii", {"i": 3}, "->{}", ""),
        ("i->ij", {"j": 4}, "i->{}", "i"),
        (",ab->a", {}, ",ab->{}", "a"),
    ],
)
def test_core_and_embedding(text, sizes, within, labels):
    e = es(text, sizes=sizes)
    inner, inside = core(e)
    letters = {label: e.letters[label] for label in inside}
    assert sorted(letters.values()) == sorted(labels)
    assert inner.subscripts == within.format("".join(letters.values()))
    assert len(set(inner.output)) == inner.ndim, "distinct output labels"
    assert set(inner.output) <= carried(inner)
    assert inner.coefficient == 1
    assert core(e)[0] is inner, "split once"
    # The embedding puts the core back: einsum of the core alone is the whole.
    shapes = (
        [
            tuple({"i": 2, "j": 3, "b": 4, "t": 2, "a": 3}[x] for x in term)
            for term in text.partition("->")[0].split(",")
        ]
        if e.factors
        else []
    )
    arrays = [np.arange(1, 1 + math.prod(shape)).reshape(shape) for shape in shapes]
    value = loop_einsum(inner.subscripts, *arrays) if arrays else np.asarray(1)
    embedding = f"{''.join(letters.values())}->{text.partition('->')[2]}"
    assert np.array_equal(
        loop_einsum(embedding, value, sizes=sizes), loop_einsum(text, *arrays, sizes=sizes)
    )


def test_core_leaves_the_coefficient_outside():
    e = 6 * es("i,i->ii", "u", "v")
    assert e.coefficient == 6
    assert core(e)[0] == es("i,i->i", "u", "v")


# ---- flatten
def test_flatten_is_one_product():
    n = 3
    inner = es("ij,jk->ik", "A", "B")
    second, third = es("ij,i->ij", "A", "u"), es("ij,j->i", inner, "v")
    e = 2 * es("ij,kj,i->jk", es("ij,jk->ik", inner, inner), second, third)
    flat = flatten(e)
    assert not any(isinstance(f, Einsum) for f in flat.factors)
    assert [f.name for f in flat.factors] == ["A", "B", "A", "B", "A", "u", "A", "B", "v"]
    assert (flat.coefficient, e.count, flat.count) == (2, 9, 9)
    assert flat == e
    a = arrays_of(n)
    operands = [a[f.name] for f in flat.factors]
    assert_same(
        flat.coefficient * np.einsum(flat.subscripts, *operands), ev(e, {k: a[k] for k in "ABuv"})
    )
    assert_same(ev(flat, {k: a[k] for k in "ABuv"}), ev(e, {k: a[k] for k in "ABuv"}))


@pytest.mark.parametrize(
    "e",
    [
        es("ij,jk->ik"),
        es("i->ii"),
        es("->ii", sizes={"i": 3}),
        2 * ed.exp(es("ij->")),
    ],
)
def test_flatten_of_the_flat_is_itself(e):
    assert isinstance(e, Einsum)
    assert flatten(e) is e


def test_flatten_of_nested_squarings_and_its_limit():
    e = es("ij->ij", "A")
    for _ in range(10):
        e = es("ij,jk->ik", e, e)
    assert e.count == 1024
    assert len(flatten(e).factors) == 1024
    with limits.override(operands=1023):
        with pytest.raises(
            ed.LimitError, match=r"1024 operands are over the limit of 1023 .*flattening"
        ):
            flatten(e)
        assert len(flatten(e, 1024).factors) == 1024, (
            "its callers may have asked for the number before"
        )
    with limits.override(operands=1024):
        assert len(flatten(e).factors) == 1024


# ---- labels
def test_a_class_goes_by_the_label_that_was_written_first():
    e = assemble(
        1, [(es("i->ii", "v"), (5, 3)), (Tensor("u", (None,)), (5,))], (5, 3), axes=(None, None)
    )
    assert (e.inputs, e.output) == (((3,), (3,)), (3, 3))


def test_what_was_written_is_remembered_where_it_has_dissolved():
    D, A = es("i->ii", "v"), Tensor("A", (None, None))
    e = es("ij,jk->ik", D, A)
    assert written_slots(e)[0][0] is D
    assert written_slots(e)[1][0] is A
    assert e.factors[0] is not D
    assert es("ij,jk->ik", A, A).written is None, "nothing has dissolved"


@pytest.mark.parametrize("zero", [0, 0.0])
def test_a_zero_has_no_factors_but_its_shape_and_its_past(zero):
    e = es(",ij,jk->ik", zero, "A", "B")
    assert (e.coefficient, e.factors, e.ndim) == (0, (), 2)
    assert np.array_equal(ev(e, A=np.ones((2, 3)), B=np.ones((3, 4))), np.zeros((2, 4)))


def test_bare_labels_count_and_carried_ones_do_not():
    e = es("ij->i", es("i->ij", "v", sizes={"j": 5}))
    assert len(bare(e)) == 1
    assert not set(bare(e)) & carried(e)
    assert_same(ev(e, v=np.array([2, -3])), np.array([10, -15]))
    assert bare(es("ij->i", "A")) == ()


def test_fresh_labels_are_fresh():
    found = [label for k in (0, 1, 5) for label in fresh_labels(k)]
    assert len(set(found)) == len(found) == 6


def test_other_slots_keep_what_is_not_given():
    A, B, D = (Tensor(name, (None, None)) for name in "ABD")
    e = Einsum(
        3,
        (A, B),
        ((0, 1), (1, 2)),
        (0, 2),
        ((4, 5),),
        axes=("i", "k"),
        letters={0: "i", 1: "j", 2: "k"},
    )
    same = with_slots(e, e.slots)
    assert (same.coefficient, same.slots, same.output, same.given) == (3, e.slots, (0, 2), e.given)
    assert (same.axes, same.letters, same.origins) == (e.axes, e.letters, ())
    other = with_slots(
        e,
        [(A, (0, 1)), (D, (1, 3))],
        (0, 3),
        axes=("i", None),
        coefficient=1,
        given=(),
        origins=(B,),
    )
    assert (other.coefficient, other.factors, other.output, other.given) == (1, (A, D), (0, 3), ())
    assert (other.axes, other.letters, other.origins) == (("i", None), e.letters, (B,))
    nested = with_slots(same, [(e, (0, 1)), (D, (1, 2))], inline=(e,))
    assert (nested.coefficient, nested.factors) == (9, (A, B, D))
    assert with_slots(e, [(A, (0, 1)), (1 * D, (1, 2))]).factors == (A, D), (
        "structure dissolves, as in assemble"
    )
