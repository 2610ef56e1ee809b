"""Requests of the page, field by field; the language of a text by its signs."""

import pytest

import einderiv as ed
from einderiv.page.questions import (
    CHARACTERS,
    FieldError,
    Question,
    given,
    question,
    sizes,
    subject,
)
from einderiv.parsing import language_of

LANGUAGES = [
    ("is,st,tj->ij",                        "string"),
    ("batch feature, feature -> batch",     "string"),
    ("A - B",                               "einderiv"),
    ("sum((A @ x - b)**2)",                 "einderiv"),
    ("einsum('ij,j->i', w1, L0)",           "einderiv"),
    ("#(ij,j->i; A, x)",                    "einsum"),
    ("||X||^2",                             "einsum"),
    ("sum((X @ w - y)^2)",                  "einsum"),
    ("x'*A*x",                              "matlab"),
    ("(A*x)'*y",                            "matlab"),
    ("x.*y",                                "matlab"),
    ("tr(A)",                               "matlab"),
    ("a^b",                                 "matlab"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), LANGUAGES)
def test_language(text, want):
    assert language_of(text) == want


REFUSED = [
    (dict(text=3),                          "text is a text, not int",            "text"),
    (dict(text="x", language="perl"),       "no language is called 'perl'",       "language"),
    (dict(text="x", order=0),               "from 1 to 4",                        "order"),
    (dict(text="x", order=True),            "from 1 to 4",                        "order"),
    (dict(text="x", wrt=["A"]),             "wrt is a text, not list",            "wrt"),
    (dict(text="x", sizes="i=4, j"),        "sizes are written i=4",              "sizes"),
    (dict(text="x", sizes="i=-4"),          "sizes are written i=4",              "sizes"),
    (dict(text="x", sizes="i=4,i=5"),       "i has two sizes, 4 and 5",           "sizes"),
    (dict(text="x", sizes="i=1234567890"),  "at most 9 digits",                   "sizes"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "match", "field"), REFUSED)
def test_refused(request_, match, field):
    with pytest.raises(FieldError, match=match) as found:
        question(request_)
    assert found.value.field == field


def test_positions_and_lengths():
    with pytest.raises(FieldError, match="sizes are written") as found:
        sizes("i=4, j")
    assert found.value.position == 5
    with pytest.raises(ed.LimitError, match=f"more than the {CHARACTERS} of this page"):
        question({"text": "x" * (CHARACTERS + 1)})


def test_sizes_of_labels_and_shapes_of_tensors():
    q = Question("ij,j->i", sizes=sizes("i=2, B=3, A=2x3"))
    assert given(q, {"A": 2, "B": 1}) == ({"i": 2}, {"B": (3,), "A": (2, 3)})
    with pytest.raises(FieldError, match="A has 2 axes, but its shape here 2x3x4"):
        given(Question("", sizes=sizes("A=2x3x4")), {"A": 2})
    with pytest.raises(FieldError, match="no tensor called 'Q' here"):
        given(Question("", sizes=sizes("Q=2x3")), {"A": 2})


def test_subjects():
    found = subject(Question("x: i\nA: ij\nx @ A @ x", wrt="x", order=2))
    assert (found.language, found.tensors, found.wrt, len(found.chain)) == (
        "einderiv",
        {"x": 1, "A": 2},
        "x",
        3,
    )
    assert found.result == ed.hessian(ed.parse("x: i\nA: ij\nx @ A @ x"), "x")
    assert subject(Question("ij,j->i", wrt="Q")).wrt == "A"  # a name that is gone while one types
    # only einsum strings have arrows
    assert subject(Question("ij,j->i", language="matlab")).language == "string"
    with pytest.raises(ed.ParseError, match="type an einsum"):
        subject(Question("  "))
    with pytest.raises(ed.EinderivError, match="no tensor in this"):
        subject(Question("1 + 1"))
