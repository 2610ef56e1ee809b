"""The strings of an expression."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Delta
from einderiv.printing import as_text

SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")
x, A = ed.tensor("x", "n"), ed.tensor("A", "nn")

DERIVATIVES = [
    # einsum           by  subscripts          inserted              compact
    ("is,st,tj->ij",   0, "ia,bt,tj->ijab",   "ia,sb,st,tj->ijab",  "bt,tj->ijib"),
    ("is,st,tj->ij",   1, "ia,bj->ijab",      "sa,tb,is,tj->ijab",  "ia,bj->ijab"),
    ("is,st,tj->ij",   2, "jb,is,sa->ijab",   "ta,jb,is,st->ijab",  "is,sa->ijaj"),
    ("ab,bc->ac",      0, "ad,ec->acde",      "ad,be,bc->acde",     "ec->acae"),
    ("ii->i",          0, "ia,ib->iab",       "ia,ib->iab",         "->iii"),
    ("ij->",           0, "a,b->ab",          "ia,jb->ab",          "->ab"),
    ("ii->",           0, "ab->ab",           "ia,ib->ab",          "->aa"),
    ("ij->i",          0, "ia,b->iab",        "ia,jb->iab",         "->iib"),
    ("i,j->ij",        0, "ia,j->ija",        "ia,j->ija",          "j->iji"),
    (",ij->ij",        0, "ij->ij",           "ij->ij",             "ij->ij"),
    ("i->ii",          0, "ia,ib->iab",       "ia,ib->iab",         "->iii"),
    ("ij,jk->ik",     -1, "kb,ia->ikab",      "ja,kb,ij->ikab",     "ia->ikak"),
    ("->",             0, "->",               "->",                 "->"),
]  # fmt: skip


@pytest.mark.parametrize(("eq", "k", "subscripts", "inserted", "compact"), DERIVATIVES)
def test_strings_of_a_derivative(eq, k, subscripts, inserted, compact):
    J = ed.derive(eq, k)
    assert (J.subscripts, J.inserted, J.compact) == (subscripts, inserted, compact)


def test_operands_are_deltas_first_then_written_order():
    J = ed.derive(SEED, "P")
    assert (str(J.operands), J.coefficient) == ('(Delta("jb"), X, Y)', 1)
    assert ed.derive(ed.einsum("i,i->", x, x), x).coefficient == 2


def test_second_derivative_keeps_the_first_ones_deltas():
    K = ed.derive(ed.derive(SEED, "X"), "Y")
    assert (K.subscripts, K.inserted, K.compact) == (
        "ia,bc,dj->ijabcd",
        "ia,bc,td,tj->ijabcd",
        "dj->ijibbd",
    )


def test_inserted_of_each_term():
    J = ed.derive(ed.einsum("i,ij,j->", x, A, x), x)
    assert [(t.subscripts, t.inserted) for t in J.terms] == [
        ("aj,j->a", "ia,ij,j->a"),
        ("i,ia->a", "ja,i,ij->a"),
    ]


def test_inserted_needs_a_derivative():
    with pytest.raises(ed.EinderivError, match="not a derivative"):
        _ = SEED.inserted


def test_words_are_shortened_and_single_letters_stay():
    e = ed.einsum("batch i, i out -> batch out", "x", "w")
    assert e.subscripts == "bi,io->bo"
    J = ed.derive(e, "w")  # whose new axes take a and b
    assert (J.subscripts, J.operands[0]) == ("ob,Ba->Boab", Delta("ob"))


def test_beyond_52_labels_there_is_the_interleaved_form():
    n = 60
    arguments = [v for k in range(n) for v in (f"M{k}", [k, k + 1])]
    tensors = [ed.tensor(a, (None, None)) if isinstance(a, str) else a for a in arguments]
    e = ed.einsum(*tensors, [0, n])
    with pytest.raises(ed.LimitError, match=r"52 letters.*interleaved"):
        _ = e.subscripts
    found = e.interleaved
    assert found[1::2][:n] == [[k, k + 1] for k in range(n)]
    assert found[-1] == [0, n]
    J = ed.derive(e, "M30")
    values = {f"M{k}": np.array([[1, 1], [0, 1]]) for k in range(n)}
    # The product of n matrices [[1, 1], [0, 1]] is [[1, n], [0, 1]]; 30 stand before M30 and 29 behind.
    left, right = np.array([[1, 30], [0, 1]]), np.array([[1, 29], [0, 1]])
    assert (ed.evaluate(J, values) == np.einsum("ia,bj->ijab", left, right)).all()
    assert len(str(e)) < 400


SHOWN = [
    (lambda: ed.tensor("X", "ij"),                    "X"),
    (lambda: 2 * A,                                   "2 * A"),
    (lambda: -A,                                      "-A"),
    (lambda: A - A,                                   "zeros[n,a]"),
    (lambda: A.T,                                     'einsum("an->na", A)'),
    (lambda: x + ed.exp(x),                           "x + exp(x)"),
    (lambda: x - 3 * ed.exp(x),                       "x - 3 * exp(x)"),
    (lambda: ed.diag(x),                   'einsum("n->nn", x)'),
    (lambda: ed.einsum("ij,j->i", np.ones((2, 3)), "v"), 'einsum("ij,j->i", array0, v)'),
    (lambda: ed.einsum("a b, b c -> a c", "U", "V"),  'einsum("ab,bc->ac", U, V)'),
    (lambda: ed.einsum("row b, b c -> row c", "U", "V"), 'einsum("row b, b c -> row c", U, V)'),
    (lambda: x**5,                                    "power(x, 5)"),
    (lambda: ed.tanh(ed.tanh(ed.tanh(ed.tanh(ed.tanh(x))))), "tanh(tanh(tanh(tanh(…))))"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "shown"), SHOWN)
def test_str_is_short_and_readable(make, shown):
    assert as_text(make()) == str(make()) == repr(make()) == shown


def test_flattening_obeys_the_limit():
    e = ed.tensor("A", "ii")
    for _ in range(20):
        e = e @ e
    with pytest.raises(ed.LimitError, match=r"1048576 operands.*ed\.limits\.operands"):
        _ = e.subscripts
    assert len(str(e)) < 500
