"""Bad input, one row per mistake: which error comes, what its message names and where its caret points.

Words are regular expressions, separated by blanks; each must be found in the message, one of at most two
letters or digits as a whole word.
"""

import re
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from lengths import length
from work import Calls

import einderiv as ed
from einderiv.errors import NoFormError, NoLettersError

einsum, tensor = ed.einsum, ed.tensor
PARSE, SHAPE, LIMIT, BACK = ed.ParseError, ed.ShapeError, ed.LimitError, ed.BackendError
# BAD: where either is right
ANY, TYPE, BAD = (ed.EinderivError, TypeError, (ed.EinderivError, TypeError))
OWN = (PARSE, SHAPE, LIMIT, BACK, ANY, TYPE, NoFormError, NoLettersError)
X, Y, P = np.ones((4, 5)), np.ones((5, 3)), np.ones((3, 2))
at = dict(X=X, Y=Y, P=P)


def seed():
    return einsum("is,st,tj->ij", "X", "Y", "P")


def zero():
    return ed.derive(seed(), tensor("Z", "pq"))  # no array fixes the sizes p and q


def evaluate(**changed):
    return ed.evaluate(seed(), at | changed)


def derive(wrt, **options):
    return ed.derive(seed(), wrt, **options)


def joined(subscripts, *shapes):
    return einsum(subscripts, *map(np.ones, shapes))


def nested(leaf, depth=10**5):
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def refused(kind, words, call):
    """The error of `call`: of exactly one of our classes, with a message that a person can read."""
    with pytest.raises(kind) as info:
        call()
    text = str(info.value)
    assert type(info.value) in OWN, type(info.value)
    assert text.strip() and len(text) <= 400 and text.count("\n") <= 2, text[:600]
    assert all(line.isprintable() for line in text.split("\n")), ascii(text)
    assert "KeyError" not in text and "please report" not in text, text
    patterns = (rf"\b{w}\b" if len(w) < 3 and w.isalnum() else w for w in words.split())
    missing = [w for w in patterns if not re.search(w, text)]
    assert not missing, f"nothing like {missing} in: {text}"
    return info.value


def over(names, rows):
    return pytest.mark.parametrize(names, [row[1:] for row in rows], ids=[row[0] for row in rows])


# ---- strings: what was typed, the position of the offending character (or those that are as good), words
LETTERS = [
    ("two arrows",            "ij->i->j",                             5,       "->"),
    ("two arrows at the end", "ij,jk->ik->",                          9,       "->"),
    ("unknown output label",  "ij,jk->iq",                            8,       "q"),
    ("position with blanks",  "ij , jk -> iq",                        12,      "q"),
    ("comma in the output",   "ij,jk->i,k",                           8,       "','|comma"),
    ("digit",                 "i1,jk->ik",                            1,       "1"),
    ("underscore",            "i_,jk->ik",                            1,       "_"),
    ("semicolon",             "ij;jk->ik",                            2,       ";"),
    ("null character",        "i\0j->ij",                             1,       "0000|x00"),
    ("one dot",               "i.j->j",                               1,       r"\."),
    ("two dots",              "i..,j->ij",                            1,       r"\."),
    ("four dots",             "....j->j",                             (0, 3),  r"\."),
    ("two ellipses",          "...i...->i",                           4,       r"\.\.\."),
    ("stray bracket",         "ij)jk->ik",                            2,       r"\)"),
    ("arrow without head",    "ij,jk-ik",                             5,       "-"),
    ("arrow without shaft",   "ij>i",                                 2,       ">"),
    ("arrow with a blank",    "ij,jk- >ik",                           7,       ">"),
    ("long arrow",            "ij-->i",                               2,       "-"),
    ("double head",           "ij->>i",                               4,       ">"),
    ("dash at the end",       "ij->i-",                               5,       "-"),
    ("unknown output word",   "batch in, in out -> batch uot",        26,      "uot"),
    ("word with a digit",     "batch 2in, in out -> batch out",       6,       "2in|2"),
    ("word, semicolon",       "batch x;y, in out -> batch out",       (6, 7),  ";"),
    ("word that calls",       "batch __import__('os'), a -> batch a", (6, 17), "'"),
    ("word of HTML",          "batch <script>, a b -> batch a",       6,       "<"),
    ("words, two arrows",     "batch in -> in -> batch",              15,      "->"),
]  # fmt: skip
AXES = [
    ("axis digit",            "i1",                                   1,       "1"),
    ("axis comma",            "i,j",                                  1,       "','|comma"),
    ("axis keyword",          "batch class",                          6,       "class keyword"),
    ("axis semicolon",        "batch x;y",                            (6, 7),  ";"),
]  # fmt: skip
FOREIGN = [  # the first character that is not ASCII is the offending one, and is named by its number
    "i\u212b,\u212bk->ik", "i\u1f00,\u1f00k->ik", "ij,jk->i\u03d1",  # Angstrom sign, Greek with an accent, as a sign
    "i\u0430,ak->ik", "\uff49j->j", "ie\u0301,jk->ik",               # Cyrillic a, full-width i, accent
    "i\u200bj,jk->ik", "\u202eij,jk->ik", "i\ud800,jk->ik",          # zero width, right to left, surrogate
    "i\u00a0j,jk->ik", "ij,\u2028jk->ik", "i\x85j->ij",              # no-break, line separator, next line
    "i\U0001f600->i", "batch \u00b5m, a -> a",                       # emoji, a micro sign in a word
]  # fmt: skip
FOREIGN_NAMES = ["i\u00c5", "i\u03b4", "batch \u03bcm"]  # labels of einsum, but no names


def points_at(error, text, positions):
    assert type(error.position) is int and error.position in positions, (error.position, positions)
    lines = str(error).split("\n")
    row = next((k for k, line in enumerate(lines) if k and line.lstrip(" ").startswith("^")), None)
    assert row, f"no caret: {error}"
    column, shown, char = lines[row].index("^"), lines[row - 1], text[error.position]
    assert shown[:column].endswith(text[: error.position]), str(error)
    assert not " " < char < "\x7f" or shown[column] == char, str(error)


@over("text, position, words", LETTERS)
def test_string_error_has_a_caret(text, position, words):
    for call in (einsum, lambda s: ed.derive(s, 0)):
        points_at(refused(PARSE, words, lambda: call(text)), text, np.atleast_1d(position))


@over("text, position, words", AXES)
def test_axis_string_error_has_a_caret(text, position, words):
    points_at(refused(PARSE, words, lambda: tensor("X", text)), text, np.atleast_1d(position))


@pytest.mark.parametrize("text", [*FOREIGN, *FOREIGN_NAMES])
def test_foreign_character_is_named(text):
    position = next(k for k, char in enumerate(text) if not char.isascii())
    word = rf"U\+{ord(text[position]):04X}"
    if text not in FOREIGN_NAMES:
        points_at(refused(PARSE, word, lambda: einsum(text)), text, [position])
    axes = text[: position + 1].replace(",", "").replace("->", "")
    points_at(refused(PARSE, word, lambda: tensor("X", axes)), axes, [len(axes) - 1])


@pytest.mark.parametrize(
    "name",
    [
        "class",
        "x;y",
        "__import__('os')",
        "<script>",
        "",
        " ",
        "X\n",
        "2x",
        "a b",
        "a.b",
        "a-b",
        "$x",
        "%s",
        "\\input{x}",
        "{0}",
        "\u0445",
        "X\u200b",
        "\ud800",
        "e\u0301",
    ],
)
def test_tensor_name_is_an_identifier(name):
    for call in (lambda: tensor(name, "i"), lambda: einsum("i->i", name)):
        refused(ANY, "class" if name == "class" else "", call)


@pytest.mark.parametrize(
    ("text", "arrays", "want"),
    [
        ("->", [7], 7),
        (",->", [7, 2], 14),
        ("ij,jk", [X, Y], X @ Y),
        (" ij ,\tjk\n-> ik ", [X, Y], X @ Y),
        ("a __b, __b _c -> a _c", [X, Y], X @ Y),
        ("Batch IN, IN print -> Batch print", [X, Y], X @ Y),
    ],
)
def test_unusual_strings_that_are_right(text, arrays, want):
    assert np.array_equal(ed.evaluate(einsum(text, *arrays)), want)


# ---- building and deriving
NO_STRING = [
    ("empty string",         PARSE, "",               lambda: einsum("")),
    ("empty, derived",       PARSE, "",               lambda: ed.derive("", 0)),
    ("bytes",                TYPE,  "bytes str",      lambda: einsum(b"ij->i", "A")),
    ("None",                 TYPE,  "None",           lambda: einsum(None)),
    ("a list",               TYPE,  "list",           lambda: einsum(["ij->i"], "A")),
    ("name is a number",     TYPE,  "name",           lambda: tensor(3, "i")),
    ("axis word keyword",    ANY,   "class",          lambda: tensor("X", ("class", 3))),
    ("axis word no name",    ANY,   "x;y",            lambda: tensor("X", ("x;y",))),
    ("axis size negative",   ANY,   "-1",             lambda: tensor("X", ("batch", -1))),
    ("axis size float",      TYPE,  "2.5|float",      lambda: tensor("X", ("batch", 2.5))),
]  # fmt: skip
OPERANDS = [
    ("too few operands",     ANY,   "2 1",            lambda: einsum("ij,jk->ik", "A")),
    ("too many operands",    ANY,   "2 3",            lambda: einsum("ij,jk->ik", "A", "B", "C")),
    ("operand None",         TYPE,  "None",           lambda: einsum("i,i->", "A", None)),
    ("rank, tensor",         SHAPE, "ijk 3 2",        lambda: einsum("ijk->i", tensor("X", "ab"))),
    ("rank, array",          SHAPE, "ijk 3 2",        lambda: einsum("ijk->i", np.ones((2, 7)))),
    ("rank, interleaved",    SHAPE, "1 2",            lambda: einsum(X, [0])),
    ("interleaved output",   ANY,   "5",              lambda: einsum(X, [0, 1], Y, [1, 2], [0, 5])),
    ("one name, two ranks",  ANY,   "A 2 1",          lambda: einsum("ij,j->i", "A", "A")),
    ("ranks, two einsums",   ANY,   "A 2 1",          lambda: einsum("i->", "A") * einsum("ij->", "A")),
    ("two sizes",            SHAPE, "j 3 4 0 1",      lambda: joined("ij,jk->ik", (2, 3), (4, 5))),
    ("two sizes, far apart", SHAPE, "6 7 0 2",        lambda: joined("ij,jk,ki->", (6, 3), (3, 5), (5, 7))),
    ("two sizes, declared",  SHAPE, "3 4",            lambda: tensor("A", (3,)) @ tensor("B", (4,))),
    ("two sizes, one name",  SHAPE, "3 4",            lambda: tensor("A", (3,)) * tensor("A", (4,))),
    ("size-1 broadcasting",  SHAPE, "j 1 3 [bB]roadcast", lambda: joined("ij,jk->ik", (2, 1), (3, 4))),
    ("ii of (2,3)",          SHAPE, "i 2 3",          lambda: joined("ii", (2, 3))),
    ("ii->i of (1,3)",       SHAPE, "i 1 3",          lambda: joined("ii->i", (1, 3))),
    ("sizes= contradicts",   ANY,   "i 2 9",          lambda: einsum("i->i", np.ones(2), sizes={"i": 9})),
    ("sizes= unknown label", ANY,   "q",              lambda: einsum("i->i", "v", sizes={"q": 3})),
    ("sizes= negative",      ANY,   "-3 j",           lambda: einsum("i->ij", "v", sizes={"j": -3})),
    ("sizes= float",         TYPE,  "2.5|float",      lambda: einsum("i->ij", "v", sizes={"j": 2.5})),
]  # fmt: skip
ARITHMETIC = [
    ("adding two ranks",     SHAPE, "i j None",           lambda: tensor("X", "ij") + tensor("v", "i")),
    ("adding two sizes",     SHAPE, "2 3",            lambda: tensor("A", (2,)) + tensor("B", (3,))),
    ("adding size 0",        SHAPE, "0 3",            lambda: tensor("A", (0,)) + tensor("B", (3,))),
    ("matmul sizes",         SHAPE, "3 4",            lambda: tensor("A", (2, 3)) @ tensor("B", (4, 5))),
    ("power of a negative",   TYPE,  r"\*\*|power|number", lambda: (-2) ** tensor("X", "ij")),
    ("sum over no axis",     ANY,   "5",              lambda: ed.sum(tensor("X", "ij"), axis=5)),
    ("trace of (2,3)",       SHAPE, "2 3",            lambda: ed.trace(tensor("A", (2, 3)))),
    ("subscripts of a sum",  ANY,   "terms",          lambda: (seed() + tensor("Z", "ij")).subscripts),
]  # fmt: skip
DERIVING = [
    ("wrt too large",        ANY,   "3",              lambda: derive(3)),
    ("wrt too negative",     ANY,   "-4",             lambda: derive(-4)),
    ("wrt bool",             TYPE,  "True|bool",      lambda: derive(True)),
    ("wrt float",            TYPE,  "1.5|float",      lambda: derive(1.5)),
    ("wrt None",             TYPE,  "None",           lambda: derive(None)),
    ("wrt array",            TYPE,  "array",          lambda: derive(X)),
    ("wrt twice",            ANY,   "X",              lambda: derive(["X", "X"])),
    ("wrt misspelt",         ANY,   "wieght weight",  lambda: ed.derive(einsum("i->", "weight"), "wieght")),
    ("wrt unknown",          ANY,   "Q",              lambda: derive("Q")),
    ("wrt unknown, dict",    ANY,   "Q",              lambda: derive({"a": "X", "b": "Q"})),
    ("wrt position, a sum",  ANY,   "",               lambda: ed.derive(seed() + tensor("Z", "ij"), 0)),
    ("wrt nested deeply",    BAD,   "",               lambda: derive(nested("X"))),
    ("indices too few",      ANY,   "2",              lambda: derive("X", indices="a")),
    ("indices repeated",     ANY,   "aa|'a'",         lambda: derive("X", indices="aa")),
    ("indices clash",        ANY,   "i",              lambda: derive("X", indices="ib")),
    ("indices no letters",   ANY,   "1",              lambda: derive("X", indices="a1")),
    ("indices a number",     TYPE,  "indices|int",    lambda: derive("X", indices=5)),
    ("grad of a matrix",     TYPE,  "scalar derive|jacobian", lambda: ed.grad(seed(), "X")),
    ("grad of (1,)",         TYPE,  "scalar",         lambda: ed.grad(tensor("A", (1,)), "A")),
    ("hessian of a matrix",  TYPE,  "scalar",         lambda: ed.hessian(seed(), "X")),
    ("hvp of a matrix",      TYPE,  "scalar",         lambda: ed.hvp(seed(), "X", X)),
    ("tangent, wrong rank",  SHAPE, "",               lambda: ed.jvp(seed(), "X", np.ones(3))),
    ("tangent, wrong size",  SHAPE, "3 4",            lambda: ed.jvp(tensor("A", (3,)), "A", np.ones(4))),
]  # fmt: skip


@over("kind, words, call", NO_STRING + OPERANDS + ARITHMETIC + DERIVING)
def test_building_and_deriving(kind, words, call):
    refused(kind, words, call)


@pytest.mark.parametrize(
    "use",
    [
        bool,
        iter,
        list,
        float,
        int,
        complex,
        np.asarray,
        lambda e: 0 in e,
    ],
)
def test_an_expression_is_not_an_array(use):
    for e in (seed(), ed.sum(seed())):
        refused(TYPE, "evaluate|einsum", lambda: use(e))


def test_what_is_no_index_of_an_expression():
    for e in (seed(), ed.sum(seed())):
        refused(TYPE, "integers slices arrays str", lambda: e["i"])
    refused(SHAPE, "indices 0 1", lambda: ed.sum(seed())[0])


# ---- evaluating
UV = tensor("U", "n") * tensor("V", "n")
EVALUATING = [
    ("missing",              ANY,   "P",              lambda: ed.evaluate(seed(), X=X, Y=Y)),
    ("missing, compiled",    ANY,   "P",              lambda: ed.compile(seed())(X=X, Y=Y)),
    ("surplus",              ANY,   "Q",              lambda: ed.evaluate(seed(), **at, Q=X)),
    ("surplus, compiled",    ANY,   "Q",              lambda: ed.compile(seed())(**at, Q=X)),
    ("surplus beside a mapping", ANY, "Q",            lambda: ed.evaluate(seed(), at, Q=X)),
    ("by position",          TYPE,  "by name|mapping", lambda: ed.evaluate(seed(), X)),
    ("by position, compiled", TYPE, "by name|mapping", lambda: ed.compile(seed())(X)),
    ("a list for a mapping", TYPE,  "",               lambda: ed.evaluate(seed(), [X, Y, P])),
    ("no expression",        TYPE,  "None",           lambda: ed.evaluate(None)),
    ("array is None",        TYPE,  r"\bP\b|None",    lambda: evaluate(P=None)),
    ("ragged list",          BAD,   "[Rr]agged|homogen|length", lambda: evaluate(X=[[1, 2], [3]])),
    ("deeply nested list",   BAD,   "X",              lambda: evaluate(X=nested(1.0))),
    ("rank of an array",     SHAPE, "X 2 1",          lambda: evaluate(X=np.ones(7))),
    ("label of two sizes",   SHAPE, "s 5 6 X|0 Y|1",  lambda: evaluate(Y=np.ones((6, 3)))),
    ("size-1 broadcasting",  SHAPE, "s 1 5 [bB]roadcast", lambda: evaluate(X=np.ones((4, 1)))),
    ("axis declared shared", SHAPE, "n 2 4",          lambda: ed.evaluate(UV, U=np.ones(2), V=np.ones(4))),
    ("declared size",        SHAPE, "3 4",            lambda: ed.evaluate(tensor("A", (3,)), A=np.ones(4))),
    ("size unknown",         ANY,   r"\bp\b|\bZ\b",   lambda: ed.evaluate(zero(), at)),
    ("sizes= contradicts",   ANY,   "i 4 9",          lambda: ed.evaluate(seed(), at, sizes={"i": 9})),
    ("sizes= unknown",       ANY,   "zz",             lambda: ed.evaluate(seed(), at, sizes={"zz": 9})),
    ("sizes= negative",      ANY,   "-2 p",           lambda: ed.evaluate(zero(), at, sizes=dict(p=-2, q=3))),
    ("not a derivative",     TYPE,  "",               lambda: ed.evaluate(seed(), at, dense=False).matvec(X)),
    ("backend os",           BACK,  "os numpy",       lambda: ed.compile(seed(), backend="os")),
    ("backend imported",     BACK,  "this numpy",     lambda: ed.compile(seed(), backend="this")),
    ("backend path",         BACK,  r"\.\./x numpy",  lambda: ed.compile(seed(), backend="../x")),
    ("optimize",             ANY,   "typo auto|greedy", lambda: ed.compile(seed(), optimize="typo")),
]  # fmt: skip


@over("kind, words, call", EVALUATING)
def test_evaluating(kind, words, call):
    refused(kind, words, call)
    assert "this" not in sys.modules  # a backend is chosen from a list, never imported by its name


@over(
    "words, make",
    [
        ("masked", "[mM]ask", lambda: np.ma.masked_array([1.0, 2.0], [0, 1])),
        ("strings", "str|dtype|text", lambda: np.array(["a", "b"])),
        ("dates", "date", lambda: np.array(["2020-01-01", "2020-01-02"], "M8[D]")),
        ("records", "dtype|field", lambda: np.zeros(2, [("a", int), ("b", float)])),
        ("objects", "object", lambda: np.array([None, "a"], dtype=object)),
        # optional: Booleans may get a meaning
        ("booleans", "bool", lambda: np.array([True, True])),
    ],
)
def test_arrays_that_cannot_be_used(words, make):
    refused(BAD, words, lambda: ed.evaluate(einsum("i->", make())))
    refused(BAD, words, lambda: ed.evaluate(einsum("i->", "v"), v=make()))
    refused(BAD, words, lambda: ed.compile(ed.grad(einsum("i,i->", "v", "v"), "v"))(v=make()))


def test_two_array_libraries():
    torch = pytest.importorskip("torch")
    refused(BACK, "torch numpy", lambda: evaluate(X=torch.ones(4, 5)))
    refused(
        BACK,
        "torch numpy",
        lambda: ed.compile(einsum("i->", "v"), backend="numpy")(v=torch.ones(3)),
    )


# ---- integers: exact or refused, never wrapped; small and half-precise types stay what they are
BIG, I8 = 2**40 + 1, np.int8


@over(
    "make, a, want",
    [
        ("product of three", lambda A: einsum("i,i,i->i", A, A, A), np.array([BIG]), BIG**3),
        ("power", lambda A: A**3, np.array([BIG]), BIG**3),
        (
            "derivative",
            lambda A: ed.grad(einsum("i,i,i->", A, A, A), A),
            np.array([BIG]),
            3 * BIG**2,
        ),
        ("int64 plus", lambda A: A + A, np.array([2**62]), 2**63),
        ("int8 sum", ed.sum, np.full(200, 100, I8), 20000),
        ("int8 dot", lambda A: einsum("i,i->", A, A), np.full(3, 100, I8), 30000),
        ("int8 times number", lambda A: 3 * A, np.array([100], I8), 300),
        ("int8 negated", lambda A: -A, np.array([-128], I8), 128),
        ("uint8 minus", lambda A: A - 2 * A, np.ones(1, np.uint8), -1),
    ],
)
def test_integers_are_exact_or_refused(make, a, want):
    e = make(tensor("A", "i"))
    try:
        got = np.asarray(ed.evaluate(e, A=a))
    except ed.EinderivError:
        refused(ANY, "overflow|int|exact", lambda: ed.evaluate(e, A=a))
    else:
        assert got.dtype.kind in "iuO" and int(got.ravel()[0]) == want


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64", "int8", "uint16"])
def test_small_types_stay(dtype):
    got = ed.evaluate(seed(), {name: a.astype(dtype) for name, a in at.items()})
    assert got.dtype == dtype and (got == 15).all()


# ---- too much: refused at once, nothing allocated; the limit is named and can be changed
N3000 = dict.fromkeys("XYP", np.broadcast_to(1.0, (3000, 3000)))


@over(
    "kind, words, call",
    [
        ("characters", LIMIT, "limits", lambda: einsum("ij," * 3_333_333 + "ij->")),
        ("foreign characters", LIMIT, "limits", lambda: einsum("\u202e" * 10**7)),
        ("characters of a name", ANY, "", lambda: tensor("a" * 10**7, "i")),
        ("characters of axes", ANY, "", lambda: tensor("X", "\u212b" * 10**7)),
        ("characters of wrt", ANY, "", lambda: derive("X" * 10**7)),
        ("operands", LIMIT, r"30\D?000 limits", lambda: einsum(",".join("a" * 30_000) + "->a")),
        (
            "operands, numbered",
            LIMIT,
            r"30\D?000 limits",
            lambda: einsum(*[np.ones(1), [0]] * 30_000, [0]),
        ),
        ("dense Jacobian", LIMIT, "dense=False limits", lambda: ed.evaluate(derive("Y"), N3000)),
    ],
)
def test_too_much_is_refused_after_a_few_steps(kind, words, call):
    with Calls() as calls:
        refused(kind, words, call)
    # of 10 million characters none is looked at; 30,000 operands are, but not in pairs
    assert calls.count < 10**6


def test_a_limit_is_overridden_and_restored(monkeypatch):
    name = re.search(
        r"limits\.(\w+)", str(refused(LIMIT, r"limits\.\w+", lambda: einsum("ij," * 10**6)))
    )[1]
    before, patch = getattr(ed.limits, name), monkeypatch.setattr
    within = (
        ed.limits(**{name: 5}) if callable(ed.limits) else nullcontext(patch(ed.limits, name, 5))
    )
    with pytest.raises(ZeroDivisionError), within:
        refused(LIMIT, rf"\b5\b limits\.{name}", lambda: einsum("ij,jk->ik"))
        raise ZeroDivisionError
    monkeypatch.undo()
    assert (
        getattr(ed.limits, name) == before == 10**5
        and einsum("ij,jk->ik").subscripts == "ij,jk->ik"
    )


# ---- depth: nested operations beyond Python's own stack limit of 1000, which stays untouched
STEPS = length(1499, 9999)  # in the long run as many as the limits allow where nobody changes them
ONE, TWO = {"X": np.ones((1, 1))}, {"X": np.ones((2, 2)), "B": np.eye(2)}
deep = over("step, given, value, slope", [
    ("sum",       lambda e, A, B: e + A,                      ONE,                      STEPS + 1, STEPS + 1),
    ("mean",      lambda e, A, B: (e + A) / 2,                ONE,                      1,         1),
    ("transpose", lambda e, A, B: e.T,                        ONE,                      1,         1),
    ("tanh",      lambda e, A, B: ed.tanh(e),                 {"X": np.zeros((1, 1))},  0,         1),
    ("matmul",    lambda e, A, B: B @ e,                      TWO,                      1,         1),
    ("right",     lambda e, A, B: e @ B,                      TWO,                      1,         1),
    ("einsum",    lambda e, A, B: einsum("ij,jk->ik", B, e),  TWO,                      1,         1),
])  # fmt: skip


def at_most():
    return ed.limits.override(terms=STEPS + 1, operands=STEPS + 1)


def grown(step):
    A, B = tensor("X", "ij"), tensor("B", "ij")
    e = A
    for _ in range(STEPS):
        e = step(e, A, B)
    return e


@deep
def test_deep_expressions_are_built_and_printed(step, given, value, slope):
    stack = sys.getrecursionlimit()
    with at_most():
        e = grown(step)
        assert (
            str(e) and repr(e) and isinstance(hash(e), int) and (e == grown(step)) in (True, False)
        )
    assert sys.getrecursionlimit() == stack


@pytest.mark.slow
@deep
def test_deep_expressions_are_derived_and_evaluated(step, given, value, slope):
    stack = sys.getrecursionlimit()
    with at_most():
        e = grown(step)
        g = ed.grad(ed.sum(e), "X")
        assert (
            str(g)
            and np.allclose(ed.evaluate(e, given), value)
            and np.allclose(ed.evaluate(g, given), slope)
        )
    assert sys.getrecursionlimit() == stack
