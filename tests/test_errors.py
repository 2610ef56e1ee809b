"""Messages: where the caret stands, what a hint says, and limits that come back whatever happens."""

import re
from random import Random
from string import ascii_letters

import pytest

import einderiv as ed
from einderiv.errors import WINDOW, _pointed, counted, limits, near, our_bug

LONG = "".join(Random(0).choices(ascii_letters, k=301))  # no window of it occurs twice
FAMILY = (ed.ParseError, ed.ShapeError, ed.LimitError, ed.BackendError)


@pytest.mark.parametrize("kind", FAMILY)
def test_all_errors_are_one_family(kind):
    assert issubclass(kind, ed.EinderivError)
    assert issubclass(kind, ValueError)
    assert not issubclass(kind, TypeError)


# ---- carets
SHORT = [
    # text        position  shown          column
    ("i->i->i",   4,        "i->i->i",     4),
    ("q",         0,        "q",           0),
    ("ij",        2,        "ij",          2),    # just behind the end: something is missing there
    ("i\tj",      2,        "i j",         2),    # a tab is one column wide
    ("i\nj",      2,        "i j",         2),    # ... and a line break does not start a new line
    ("i\x00j",    1,        "i?j",         1),
    ("i\u200bj",  2,        "i?j",         2),    # zero width
    ("漢j",       1,        "?j",          1),    # two columns wide
    ("e\u0301j",  2,        "e?j",         2),    # combining
]  # fmt: skip


@pytest.mark.parametrize(("text", "position", "shown", "column"), SHORT)
@pytest.mark.parametrize("kind", [ed.ParseError, ed.ShapeError])
def test_caret_under_the_character(kind, text, position, shown, column):
    error = kind("what is wrong", text, position)
    assert str(error).split("\n") == ["what is wrong", "    " + shown, "    " + " " * column + "^"]
    assert (error.text, error.position) == (text, position)


@pytest.mark.parametrize("arguments", [(), ("",), ("", 0), ("i->j",), ("i->j", None)])
def test_no_caret_without_a_place(arguments):
    assert str(ed.ParseError("what is wrong", *arguments)) == "what is wrong"


@pytest.mark.parametrize("length", [1, 31, 63, 64, 65, 66, 95, 96, 97, 128, 301])
def test_window_of_a_long_string(length):
    text = LONG[:length]
    for position in range(length):
        shown, caret = _pointed(text, position).split("\n")
        column = caret.index("^")
        assert caret == " " * column + "^"
        assert shown[column] == text[position]
        window = shown.removeprefix("    ").strip("…")
        start = text.find(window)
        assert start >= 0, "the window is a piece of the text"
        assert len(window) <= WINDOW
        assert shown.startswith("    …") == (start > 0), (
            "dots on the left say that something is cut off"
        )
        assert shown.endswith("…") == (start + len(window) < length)
        assert column - len("    ") - (start > 0) == position - start


@pytest.mark.parametrize("position", [0, 40, 79_999])
def test_window_of_a_real_string(position):
    text = "i" * position + ";" + "i" * (79_999 - position)
    with pytest.raises(ed.ParseError, match=r"';' is no label") as info:
        ed.einsum(text)
    assert info.value.position == position
    assert len(str(info.value)) < 300
    shown, caret = str(info.value).split("\n")[1:]
    assert shown[caret.index("^")] == ";"


# ---- words
@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "axis", "0 axes"),
        (1, "axis", "1 axis"),
        (2, "axis", "2 axes"),
        (1, "operand", "1 operand"),
        (3, "operand", "3 operands"),
        (1, "array of", "1 array of"),
        (2, "array of", "2 arrays of"),
    ],
)
def test_counted(number, noun, text):
    assert counted(number, noun) == text


MANY = [f"name{k}" for k in range(13)]


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("wieght", ["bias", "weight"], "did you mean 'weight'?"),
        ("WEIGHT", ["bias", "weight"], "did you mean 'weight'?"),
        ("weight", ["bias", "WEIGHT"], "did you mean 'WEIGHT'?"),
        ("zzz", ["X", "Y"], "known: X, Y"),
        ("", ["X"], "known: X"),
        ("X", [], "there are none"),
        ("zzz", iter("XY"), "known: X, Y"),
        ("zzz", MANY[:12], "known: " + ", ".join(MANY[:12])),
        ("zzz", MANY, "known: " + ", ".join(MANY[:12]) + ", …"),
        ("a" * 10**6, ["X"], "known: X"),
    ],
)
def test_near(word, known, hint):
    assert near(word, known) == hint


def test_our_bug_is_no_error_of_the_user():
    with pytest.raises(
        AssertionError, match=r"^odd state: this is a bug .*please report it$"
    ) as info:
        our_bug("odd state")
    assert not isinstance(info.value, ed.EinderivError)


# ---- limits
NAMES = (
    "characters",
    "operands",
    "terms",
    "axes",
    "order",
    "dense_bytes",
    "canonical_steps",
    "depth",
    "parts",
    "orders",
    "tasks",
)


def values():
    return {name: getattr(limits, name) for name in NAMES}


BEFORE = values()


@pytest.fixture(autouse=True)
def _untouched():
    yield
    assert values() == BEFORE, "a test left a limit changed"


@pytest.mark.parametrize("name", NAMES)
def test_check_is_exact_at_the_limit(name):
    with limits.override(**{name: 7}):
        for fine in (0, 6, 7):
            limits.check(name, fine)
        over = rf"^8 {name.replace('_', ' ')} are over the limit of 7 \(ed\.limits\.{name}\)$"
        with pytest.raises(ed.LimitError, match=over):
            limits.check(name, 8)
        with pytest.raises(ed.LimitError, match=rf"\(ed\.limits\.{name}\); do this$"):
            limits.check(name, 8, "do this")


def test_words_of_any_length_are_shown_in_short():
    label = "x" * 5000
    with pytest.raises(ed.ParseError, match="x…x") as found:
        ed.einsum(f"a b->{label}")
    assert len(str(found.value)) < 400
    assert str(ed.EinderivError("a" * 99)) == "a" * 99


def test_the_contract_names_these_limits():
    assert (limits.characters, limits.operands, limits.terms, limits.axes) == (
        10**5,
        10**4,
        10**4,
        52,
    )
    assert ed.limits is limits
    assert dict(limits) == values()
    assert limits.dense_bytes >= 1
    assert repr(limits) == f"Limits({', '.join(f'{k}={v}' for k, v in values().items())})"


def test_override_yields_and_nests():
    with limits.override(operands=5, terms=6) as inside:
        assert inside is limits
        assert (limits.operands, limits.terms, limits.axes) == (5, 6, BEFORE["axes"])
        with limits.override(operands=3):
            assert (limits.operands, limits.terms) == (3, 6)
        assert (limits.operands, limits.terms) == (5, 6)
    assert values() == BEFORE


def test_override_restores_what_was_set_inside():
    with limits.override():
        limits.operands = 2
        assert limits.operands == 2
    assert values() == BEFORE


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt, ed.LimitError])
def test_override_restores_after_an_exception(kind):
    with pytest.raises(kind, match=r"^inside 3$"), limits.override(characters=3):
        raise kind(f"inside {limits.characters}")
    assert values() == BEFORE
    assert ed.einsum("ij,jk->ik").subscripts == "ij,jk->ik"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"operands": 5, "operand": 5}, "no limit is called 'operand'; did you mean 'operands'?"),
        ({"operands": 5, "zzz": 5}, "no limit is called 'zzz'; known: characters, operands"),
        ({"operands": 5, "terms": 0}, "limit 'terms' must be a positive whole number, not 0"),
        ({"operands": 5, "terms": -1}, "limit 'terms' must be a positive whole number, not -1"),
        ({"operands": 5, "terms": 1.5}, "limit 'terms' must be a positive whole number, not 1.5"),
        ({"operands": 5, "terms": True}, "limit 'terms' must be a positive whole number, not True"),
        ({"operands": 5, "terms": "5"}, "limit 'terms' must be a positive whole number, not '5'"),
        ({"operands": 5, "terms": None}, "limit 'terms' must be a positive whole number, not None"),
    ],
)
def test_override_refuses_and_leaves_all_as_it_was(changed, message):
    with pytest.raises(ed.EinderivError, match=re.escape(message)), limits.override(**changed):
        pytest.fail("the block must not run")
    assert values() == BEFORE


def test_setting_a_limit_refuses_the_same():
    with pytest.raises(ed.EinderivError, match=r"no limit is called 'axs'; did you mean 'axes'\?"):
        limits.axs = 5
    with pytest.raises(
        ed.EinderivError, match=r"limit 'axes' must be a positive whole number, not 0"
    ):
        limits.axes = 0


X = ed.tensor("X", "ij")
AT_WORK = [  # limit, the largest value that refuses, the call
    ("characters", 4, lambda: ed.einsum("ij->i")),
    ("operands",   2, lambda: ed.einsum("i,i,i->i")),
    ("axes",       2, lambda: ed.einsum("i,j,k->ijk")),
    ("axes",       1, lambda: ed.tensor("X", "ij")),
    ("terms",      2, lambda: (X + ed.exp(X) + ed.tanh(X)).terms),
]  # fmt: skip


@pytest.mark.parametrize(("name", "refusing", "call"), AT_WORK)
def test_limits_at_work(name, refusing, call):
    with (
        limits.override(**{name: refusing}),
        pytest.raises(ed.LimitError, match=rf"ed\.limits\.{name}"),
    ):
        call()
    with limits.override(**{name: refusing + 1}):
        assert call() is not None
