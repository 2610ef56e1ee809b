"""Letters: the author's wherever possible, else the first unused ones."""

import pytest

import einderiv as ed
from einderiv.expression import Einsum, Tensor, filled, flatten, identity, naming, new_axes
from einderiv.expression.names import used_names

es, t = ed.einsum, ed.tensor
X, W = t("X", "is"), t("W", "batch feature")
V = Tensor("V", (None, None))


def named(text, **options):
    found = naming(flatten(es(text)), **options)
    return found.axes, [found.labels[label] for label in sorted(found.labels)]


NAMED = [
    # as written               output axes            labels in written order
    ("is,st,tj->ij",     ("i", "j"),            ["i", "s", "t", "j"]),
    ("->",               (),                    []),
    ("ij->",             (),                    ["i", "j"]),
    ("zy->yz",           ("y", "z"),            ["z", "y"]),
    ("i->ii",            ("i", "a"),            ["i"]),          # a later occurrence: the first unused letter
    ("a->aa",            ("a", "b"),            ["a"]),
    ("a->aaa",           ("a", "b", "c"),       ["a"]),
    ("ab->abab",         ("a", "b", "c", "d"),  ["a", "b"]),
    ("i,b->iib",         ("i", "a", "b"),       ["i", "b"]),
    ("Ab->bA",           ("b", "A"),            ["A", "b"]),
    ("batch in->batch",  ("batch",),            ["batch", "in"]),
    ("batch in->in in",  ("in", "in′"),         ["batch", "in"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "subscripts"),
    [
        ("αβ,βγ->αγ", "ac,cb->ab"),
        ("éi,iλ->λ", "bi,ia->a"),
        ("_ a, a -> _", "ba,a->b"),
        ("λσ time, time -> λσ", "at,t->a"),
    ],
)
def test_subscripts_have_ascii_letters(text, subscripts):
    e = es(text)
    assert e.subscripts == subscripts
    assert str(e) == f'einsum("{text}", A, B)'


@pytest.mark.parametrize(("text", "axes", "labels"), NAMED)
def test_the_letters_of_the_author(text, axes, labels):
    assert named(text) == (axes, labels)
    assert named(text) == named(text), "naming is deterministic"


@pytest.mark.parametrize(
    ("text", "axes", "labels"),
    [
        ("batch in->batch", ("b",), ["b", "i"]),  # the first letter of a word
        ("batch b->batch", ("B",), ["B", "b"]),  # `b` was written: it stays
        ("batch b B->batch", ("a",), ["a", "b", "B"]),
        ("batch b->b batch", ("b", "B"), ["B", "b"]),
        ("key value, key kind -> kind", ("k",), ["K", "v", "k"]),
        ("batch in->in in", ("i", "I"), ["b", "i"]),
        ("λ i->λ", ("a",), ["a", "i"]),
    ],
)
def test_shortened_to_letters(text, axes, labels):
    assert named(text, short=True) == (axes, labels)


@pytest.mark.parametrize(
    ("e", "axes"),
    [
        (identity(X.axis_sizes, X.axes, ("a", "b")), ("i", "s", "a", "b")),
        (identity((2,), (None,), (None,)), ("a", "b")),
        (filled(1, (2, 3), (None, "a")), ("b", "a")),
        (Einsum(1, (V,), ((0, 1),), (1, 0), axes=(None, None)), ("a", "b")),
        # two axes never share a name
        (Einsum(1, (V,), ((0, 1),), (1, 0), axes=("x", "x")), ("x", "a")),
        (Einsum(1, (V,), ((0, 1),), (0,), axes=("x",), letters={0: "p", 1: "x"}), ("x",)),
    ],
)
def test_axes_without_a_letter(e, axes):
    found = naming(e)
    assert found.axes == axes
    assert len(set(found.axes)) == len(found.axes)
    assert len(set(found.labels.values())) == len(found.labels)
    assert set(found.labels) == {label for ls in (*e.inputs, e.output) for label in ls}


@pytest.mark.parametrize(
    ("make", "subscripts"),
    [
        # a class of tied labels goes by its first label in the output, else by the first in written order
        (lambda: es("ij,jk->ik", es("p->pp", "v"), "A"), "i,ik->ik"),
        (lambda: es("ij,jk->k", es("p->pp", "v"), "A"), "i,ik->k"),
        (lambda: es("ij,jk->jk", es("p->pp", "v"), "A"), "j,jk->jk"),
        (lambda: es("ij,ij->i", es("p,q->pq", "u", "v"), "A"), "i,j,ij->i"),
        # an inner letter that clashes with an outer one yields
        (lambda: es("ij,j->i", "W2", es("ij,j->i", "W1", "x")), "ij,ja,a->i"),
        (lambda: es("a,a->", es("ab->a", "A"), es("ab->a", "A")), "ab,ac->"),
        (lambda: t("A", "ij") @ t("B", "ij"), "ia,aj->ij"),
        (lambda: es("nm,mk->nk", W, "B"), "nm,mk->nk"),
    ],
)
def test_names_of_plugged_einsums(make, subscripts):
    assert make().subscripts == subscripts


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(("labels", "legal"), [(51, True), (52, True), (53, False)])
def test_52_labels_have_letters(labels, legal):
    e = es(*(x for k in range(labels) for x in (t("v", [None]), [k])), [])
    names = list(naming(e).labels.values())
    assert len(set(names)) == labels
    assert set(LETTERS[: min(labels, 52)]) <= set(naming(e, short=True).labels.values())
    if legal:
        assert e.subscripts == ",".join(LETTERS[:labels]) + "->"
    else:
        with pytest.raises(ed.LimitError, match="53 labels are more than the 52 letters"):
            _ = e.subscripts


@pytest.mark.parametrize(
    ("e", "used"),
    [
        (X, {"i", "s"}),
        (t("s"), set()),
        (es("is,st->it", X, "Y"), {"i", "s", "t"}),
        (es("pq->p", X), {"i", "s", "p", "q"}),
        (ed.exp(X) + W * 1, {"i", "s", "batch", "feature"}),
        (es("i->ii", "v"), {"i", "a"}),  # `a` would be printed
        (es("ij,j->i", es("i->ii", "v"), "x"), {"i", "j"}),  # `j` has vanished, and stays taken
    ],
)
def test_used_names(e, used):
    assert used_names(e) == used


@pytest.mark.parametrize(
    ("e", "number", "names"),
    [
        (es("is,st,tj->ij", X, "Y", "P"), 2, ("a", "b")),
        (es("ab,bc->ac", "A", "B"), 2, ("d", "e")),
        (es("i->ii", "v"), 1, ("b",)),
        (t("s"), 0, ()),
        (t("s"), 3, ("a", "b", "c")),
        (t("T", "abcdefghijklmnopqrstuvwxyz"), 2, ("A", "B")),
        (t("T", LETTERS), 2, ("a1", "b1")),
        (W, 1, ("a",)),
    ],
)
def test_new_axes(e, number, names):
    assert new_axes(e, number) == names


@pytest.mark.parametrize(
    ("e", "subscripts"),
    [
        (ed.derive(es("is,st,tj->ij", "X", "Y", "P"), "X"), "ia,bt,tj->ijab"),
        (ed.derive(es("is,st,tj->ij", "X", "Y", "P"), "Y"), "ia,bj->ijab"),
        (ed.derive(es("ab,bc->ac", "A", "B"), "A"), "ad,ec->acde"),
        (ed.derive(es("ij,j->i", "A", "x"), "A"), "ia,b->iab"),
        (ed.derive(ed.derive(es("ia,b->ab", "A", "x"), "x"), "A"), "bc,d,ae->abcde"),
        (ed.derive("is,st,tj->ij", 0, indices="pq"), "ip,qt,tj->ijpq"),
    ],
)
def test_derivatives_take_the_first_unused_letters(e, subscripts):
    assert e.subscripts == subscripts
