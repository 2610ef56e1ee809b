"""How names are read where a text leaves it open: the first things that people type."""

import pytest
from first_attempts import FIRST, M, S, V

import einderiv as ed
from einderiv.expression import tensors_of
from einderiv.parsing import einsum_string

MORE = [  # a text, and how each name is read
    ("x'*A*x + b'*x + c",              {"x": V, "A": M, "b": V, "c": S}),
    ("sigmoid(w @ x + b)",             {"w": V, "x": V, "b": S}),
    ("sum(x)/n",                       {"x": V, "n": S}),
    ("sum(x.^p)",                      {"x": V, "p": S}),
    ("sum((x - mu)**2)",               {"x": V, "mu": V}),
    ("x^3",                            {"x": S}),
    ("X^2",                            {"X": M}),
    ("X @ beta",                       {"X": M, "beta": V}),
    ("logdet(A - lam*inv(B))",         {"A": M, "lam": S, "B": M}),
    ("softmax(Q @ K.T, axis=1) @ V",   {"Q": M, "K": M, "V": M}),
    ("h = tanh(W @ x)\nsum(h * y)",    {"W": M, "x": V, "y": V}),
    ("einsum('ijk->i', T) - b",        {"T": "3 axes", "b": V}),
    ("#('ij,jk->ik', A, X) @ x",       {"A": M, "X": M, "x": V}),
    ("#('ij,j->i', A, x) + b",         {"A": M, "x": V, "b": V}),
    ("A*x",                            {"A": M, "x": V}),
    ("x: i\nA*x",                      {"A": M}),
    ("x: ij\nx @ y",                   {"y": V}),
    ("M: ij\nu: i\nM - (u - w) @ v",   {"w": V, "v": V}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kinds", "language", "wrt"), FIRST, ids=[row[0] for row in FIRST])
def test_first_attempts(text, kinds, language, wrt):
    e = ed.parse(text, language="auto", kinds="guess")
    assert dict(e.kinds) == kinds
    assert e.kinds.language == language
    rank = tensors_of(e)[wrt].ndim
    assert ed.derive(e, wrt).ndim == e.ndim + rank


@pytest.mark.parametrize(("text", "kinds"), MORE, ids=[row[0] for row in MORE])
def test_kinds(text, kinds):
    assert dict(ed.parse(text, language="auto", kinds="guess").kinds) == kinds


def test_the_language_of_a_caller_is_kept():
    assert ed.parse("A*x", language="matlab", kinds="guess").ndim == 1
    with pytest.raises(ed.ShapeError, match=r"axis i of x would meet axis j of A"):
        ed.parse("A: ijk; x: ij; A*x", language="einderiv", kinds="guess")
    assert dict(ed.parse("A*x", kinds="guess").kinds) == {"A": M, "x": S}


def test_what_is_said_of_a_reading():
    kinds = ed.parse("sum(inv(K) @ y)", kinds="guess").kinds
    assert str(kinds) == repr(kinds) == "K: matrix; y: vector (guessed)"
    assert (kinds["y"], kinds.ranks["y"], kinds.guessed) == (V, 1, ("y",))
    assert [str(other) for other in kinds.others] == ["K: matrix; y: matrix (guessed)"]
    assert str(ed.parse("logdet(X)", kinds="guess").kinds) == "X: matrix"


def test_a_declaration_corrects_a_guess():
    text = "sum((A @ x - b)**2)"
    assert ed.parse(text, kinds="guess") == ed.parse(f"A: ij; x: j; b: i\n{text}")
    again = ed.parse(f"x: ij\n{text}", kinds="guess")
    assert dict(again.kinds) == {"A": M, "b": V}, "b broadcasts"
    assert ed.parse(text, kinds="guess", tensors={"x": "ij", "A": "ki", "b": "j"}) == again


def test_declaring_all_of_it_changes_no_language():
    """A*x is a product of a matrix and a vector, whether that is guessed or declared."""
    want = ed.einsum("ij,j->i", "A", "x")
    for text in ("A*x", "x: j; A*x", "A: ij; x: j; A*x"):
        assert ed.parse(text, language="auto", kinds="guess") == want
    # where Python's product fits, it is meant
    X = ed.parse("X, Y: ij; X*Y", language="auto", kinds="guess")
    assert ed.einsum("ij,ij->ij", "X", "Y") == X
    # and where nothing is guessed
    assert ed.parse("A: ij; x: j; A*x", language="auto") == ed.einsum("ij,j->ij", "A", "x")


def test_only_what_is_open_is_guessed():
    for e in (ed.parse("A: ij; sum(A)", kinds="guess"), ed.tensor("x", "i"), ed.parse("logdet(X)")):
        assert dict(e.kinds) == {}
        assert str(e.kinds) == ""
    x = ed.tensor("x", "i")
    assert dict(ed.parse("x", kinds="guess").kinds) == {"x": V}
    assert dict(x.kinds) == {}, "the remark is one about the text"


def test_a_reading_keeps_names_and_values():
    e = ed.parse("h = tanh(W @ x)\nh", kinds="guess")
    assert dict(e.kinds) == {"W": M, "x": V}
    assert e == ed.parse("W: ij; x: j; h = tanh(W @ x)\nh")


REFUSED = [  # a text that no reading fits, and why
    ("x: i\nx @ trace(A)",        "@ needs|has no axes|scalar"),
    ("A: ij; B: ijk\nA + B + c",  "axis i of A would meet axis j of B"),
    ("ij jk -> ik",               r"a comma is missing here[^\n]*ij,jk->ik"),
    ("einsum('ij jk -> ik', A)",  r"a comma is missing here[^\n]*ij,jk->ik"),
    ("A @",                       "operand is missing"),
    ("",                          "there is no expression|empty"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_no_reading_fits(text, message):
    with pytest.raises((ed.ParseError, ed.ShapeError), match=message):
        ed.parse(text, language="auto", kinds="guess")


def test_a_missing_comma_is_shown_where_it_is_missing():
    with pytest.raises(ed.ParseError, match="a comma is missing here") as info:
        ed.einsum("ij jk -> ik")
    assert info.value.position == 2
    assert ed.einsum("ij jk -> ik", "X", sizes={"ik": 3}).ndim == 1, "a size says what is meant"


@pytest.mark.parametrize("text", ["ij jk -> im", "batch in, in out -> batchin", "ij jk -> q"])
def test_where_no_comma_is_missing(text):
    with pytest.raises(ed.ParseError, match="is in no operand; give its size"):
        ed.einsum(text)


def test_the_library_stays_strict():
    with pytest.raises(ed.ParseError, match="how many axes has 'A'"):
        ed.parse("A @ x")
    with pytest.raises(ed.ParseError, match="how many axes has 'A'"):
        ed.parse("A @ x", language="auto")
    with pytest.raises(ed.EinderivError, match="kinds is 'strict' or 'guess', not 'wild'"):
        ed.parse("A @ x", kinds="wild")


def test_many_names_take_little_work():
    """Readings are tried until one fits, and a few more are remembered: never all of them."""
    names = [f"v{k}" for k in range(40)]
    e = ed.parse(f"sum({' + '.join(names)}) + sum(A @ x)", kinds="guess")
    assert set(e.kinds.values()) == {M, V}
    assert len(e.kinds.others) <= 4


def test_many_names_that_depart_from_the_usual():
    text = " + ".join(f"sigmoid(w{k} @ x{k} + b{k})" for k in range(30))
    kinds = ed.parse(text, kinds="guess").kinds
    assert {kind for name, kind in kinds.items() if name[0] == "b"} == {S}
    assert {kind for name, kind in kinds.items() if name[0] != "b"} == {V}


def test_a_misfit_behind_many_names_is_found():
    """The names that meet in it are weighed first, and the error is about them."""
    before = " + ".join(f"v{k} * w{k}" for k in range(40))
    with pytest.raises(ed.ShapeError, match="@ needs two operands with axes") as info:
        ed.parse(f"{before} + (t @ u) @ sum(q)", kinds="guess")
    assert info.value.position == len(before) + len(" + (t @ u) ")


def test_more_names_than_are_guessed_are_asked_for():
    names = " + ".join(f"v{k}" for k in range(201))
    with pytest.raises(ed.ParseError, match="how many axes has 'v0'"):
        ed.parse(names, kinds="guess")


def test_an_arrow_of_one_sign():
    assert einsum_string("ij,jk→ik") == "ij,jk->ik"
    assert einsum_string("A @ B") is None
    assert ed.parse("ij,jk→ik", language="auto") == ed.einsum("ij,jk->ik")
