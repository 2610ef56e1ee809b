"""Bad index expressions, one row a mistake: which error comes, what its message names, where its caret points.

Words are regular expressions, separated by blanks; each must be found in the message, numbers as whole numbers.
"""

import re
import tracemalloc

import numpy as np
import pytest
from lengths import length

import einderiv as ed

PARSE, SHAPE, LIMIT, OURS = ed.ParseError, ed.ShapeError, ed.LimitError, ed.EinderivError
ANY = (OURS, TypeError)  # a wrong type is a TypeError
x, w, U, V = np.arange(4), np.arange(3), np.ones((4, 2), int), np.ones((5, 2), int)
BIG = 2**62
S = 2**58  # of 18 digits: 64 such steps are 2**64


def refused(kind, words, call):
    """The error of `call`: one of ours with a message that a person can read."""
    with pytest.raises(kind, match=r"\w") as info:
        call()
    said(info.value, words)
    return info.value


def said(error, words=""):
    """The message of one of our errors is short, and names what it has to."""
    text = str(error)
    assert type(error).__module__.startswith("einderiv") or type(error) is TypeError, type(error)
    assert text.strip(), "no message"
    assert len(text) <= 500, text[:600]
    assert all(line.isprintable() for line in text.split("\n")), ascii(text)
    assert "KeyError" not in text, text
    assert "please report" not in text, text
    patterns = [
        rf"(?<![\d.]){w}(?![\d])" if re.fullmatch(r"-?\d+", w) else w for w in words.split()
    ]
    missing = [w for w in patterns if not re.search(w, text)]
    assert not missing, f"nothing like {missing} in: {text}"


def over(names, rows):
    values = [row[1] if isinstance(names, str) else row[1:] for row in rows]
    return pytest.mark.parametrize(names, values, ids=[row[0] for row in rows])


# ------------------------------------------------------------------------------------------ strings
# what was typed, positions of the caret that are as good, words
STRINGS = [
    ("fraction",             "0.5i->i",           (0, 1, 2),    ""),
    ("fraction in a sum",    "i+1.5k,k->i",       (2, 3, 4),    ""),
    ("division",             "i/2->i",            (0, 1, 2),    "/"),
    ("product of labels",    "i*k->ik",           (0, 1, 2),    r"\*|product"),
    ("with a number",        "2i*k->ik",          (1, 2, 3),    ""),
    ("product in brackets",  "(i*k)j->ij",        (1, 2, 3),    ""),
    ("product with array",   "i*r[e]->ie",        (0, 1, 2),    ""),
    ("product of numbers",   "2*3i->i",           (0, 1, 2),    ""),
    ("two numbers",          "2 3i->i",           (0, 2),       ""),
    ("power",                "i**2->i",           (0, 1, 2, 3), ""),
    ("sum in a product",     "2(i+k)->ik",        (0, 1),       ""),
    ("and in brackets",      "(2(i+k))->ik",      (0, 1, 2),    ""),
    ("nested brackets",      "((i+k))->ik",       (0, 1),       ""),
    ("nothing closes it",    "(i+k,k->i",         (0, 4),       ""),
    ("nothing opens it",     "i+k),k->i",         (3,),         ""),
    ("array not closed",     "r[e->e",            (1, 3, 4),    ""),
    ("array closed twice",   "r[e]]->e",          (4,),         ""),
    ("brackets crossed",     "(r[e)]->e",         (0, 2, 4, 5), ""),
    ("empty brackets",       "()i->i",            (0, 1),       ""),
    ("array of nothing",     "r[]->",             (1, 2),       ""),
    ("nothing between",      "r[e,]->e",          (3, 4),       ""),
    ("nothing before",       "[e]->e",            (0,),         ""),
    ("ends with plus",       "i+->i",             (1, 2),       ""),
    ("ends in brackets",     "(i+)k->ik",         (2, 3),       ""),
    ("two signs",            "i+-k->ik",          (1, 2),       ""),
    ("two minus",            "i--k->ik",          (1, 2),       ""),
    ("number behind",        "i2->i",             (0, 1),       ""),
    ("label after an array", "r[e]k->ek",         (4,),         ""),
    ("comma in brackets",    "(i,k)->ik",         (0, 2),       ""),
    ("comma in the output",  "i,k->(i,k)",        (5, 7),       ""),
    ("colon",                "(1:)->i",           (2,),         ":"),
    ("modulo",               "i%2->i",            (1,),         "%"),
    ("equation",             "i=k->i",            (1,),         "="),
    ("braces",               "{i+k}->ik",         (0,),         ""),
    ("two arrows",           "i+k->i->k",         (6, 7),       "->"),
    ("comparison",           "(i<k)->ik",         (2,),         "<"),
    ("infinite",             "∞i->i",             (0,),         "221E|∞"),
]  # fmt: skip


@over(("text", "positions", "words"), STRINGS)
def test_strings(text, positions, words):
    error = refused(
        PARSE, words, lambda: ed.einsum(text, *(["x"] * 2)[: text.split("->")[0].count(",") + 1])
    )
    assert error.position in positions, (error.position, str(error))
    lines = str(error).split("\n")
    assert lines[-1].strip() == "^", str(error)
    under = lines[-2][lines[-1].index("^") :]
    assert under[:1] in (text[error.position : error.position + 1], "?"), str(error)


NO_OUTPUT = ["i+k,k", "2i", "r[e]", "(h w)", "(i+k)c,kcd"]


@pytest.mark.parametrize("text", NO_OUTPUT)
def test_no_implicit_output(text):
    refused(PARSE, "output|->", lambda: ed.einsum(text, *"xy"[: text.count(",") + 1]))


def test_letters_that_become_words():
    """`ij+k` is read as the words `ij` and `k`; the error says how two labels are written."""
    refused(OURS, r"i\(j\+k\)", lambda: ed.einsum("ij+k,k->ij", U, w[:2]))


# ------------------------------------------------------------------------------------- index arrays
A = np.arange(24).reshape(4, 6)
ARRAYS = [
    # what, string, operands, index arrays and sizes, words
    ("out of range",       "(r[e])k->ek",    (U,),   {"r": [0, 7, 1]},              "r 7 4 1"),
    ("just out of range",  "(r[e])k->ek",    (U,),   {"r": [0, 1, 2, 3, 4]},        "r 4"),
    ("negative",           "(r[e])k->ek",    (U,),   {"r": [0, 3, -1]},             "r -1 2"),
    ("very negative",      "r[e]->e",        (x,),   {"r": [-(2**63)]},             f"r -{2**63} 0"),
    ("very large",         "r[e]->e",        (x,),   {"r": np.array([2**64 - 1], np.uint64)}, f"r {2**64 - 1}"),
    ("in two axes",        "(r[e,f])k->efk", (U,),   {"r": [[0, 1], [9, 2]]},       r"r 9 1,\s*0"),
    ("second array",       "(r[e])(s[e])->e", (A,),  {"r": [0, 1], "s": [0, 6]},    "s 6 1"),
    ("negative in a sum",  "(r[e]+2)->e",    (x,),   {"r": [0, -1]},                "r -1 1"),
    ("negative, written",  "e->r[e]",        (w,),   {"r": [0, 1, -2], "sizes": {"r": 4}}, "r -2 2"),
    ("outside, written",   "e->r[e]",        (w,),   {"r": [0, 4, 1], "sizes": {"r": 4}},  "r 4 1"),
    ("into no place",      "r[e]->e",        (x[:0],), {"r": [0]},                  "r 0"),
    ("booleans",           "r[e]->e",        (x,),   {"r": np.array([True, False])}, "r bool"),
    ("a list of booleans", "r[e]->e",        (x,),   {"r": [True, False]},          "r bool"),
    ("floats",             "r[e]->e",        (x,),   {"r": np.array([0.0, 1.5])},   "r float"),
    ("whole floats",       "r[e]->e",        (x,),   {"r": np.array([0.0, 1.0])},   "r float"),
    ("complex",            "r[e]->e",        (x,),   {"r": np.array([1j])},         "r complex"),
    ("strings",            "r[e]->e",        (x,),   {"r": np.array(["0"])},        "r"),
    ("objects",            "r[e]->e",        (x,),   {"r": np.array([0, 1], object)}, "r object"),
    ("dates",              "r[e]->e",        (x,),   {"r": np.array(["2020"], "M8[D]")}, "r datetime"),
    ("ragged",             "(r[e,f])->ef",   (x,),   {"r": [[0], [1, 2]]},          "r"),
    ("masked",             "r[e]->e",        (x,),   {"r": np.ma.masked_array([0, 1], [False, True])}, "r mask"),
    ("a number of axes",   "(r[e])k->ek",    (U,),   {"r": [[0, 1]]},               "r 1 2 ax"),
    ("too few axes",       "(r[e,f])k->efk", (U,),   {"r": [0, 1]},                 "r 1 2 ax"),
    ("another length",     "(r[e])k,e->ek",  (U, w), {"r": [0, 1]},                 "e 2 3"),
    ("two arrays",         "(r[e])(s[e])->e", (A,),  {"r": [0, 1], "s": [0]},       "e 2 1"),
    ("a keyword too many", "r[e]->e",        (x,),   {"r": [0], "q": [1]},          "q"),
    ("a label as array",   "i,i->i",         (x, x), {"i": [0, 1, 2, 3]},           "i"),
]  # fmt: skip


@over(("text", "operands", "options", "words"), ARRAYS)
def test_index_arrays_that_are_held(text, operands, options, words):
    refused(ANY, words, lambda: ed.evaluate(ed.einsum(text, *operands, **options)))


@over(("text", "operands", "options", "words"), ARRAYS)
def test_index_arrays_in_a_mapping(text, operands, options, words):
    sizes = {"sizes": options["sizes"]} if "sizes" in options else {}
    arrays = {k: v for k, v in options.items() if k != "sizes"}
    refused(ANY, words, lambda: ed.evaluate(ed.einsum(text, *operands, index=arrays, **sizes)))


GIVEN_LATER = [row for row in ARRAYS if row[0] != "a label as array"]


@over(("text", "operands", "options", "words"), GIVEN_LATER)
def test_index_arrays_given_at_evaluation(text, operands, options, words):
    sizes = {"sizes": options["sizes"]} if "sizes" in options else {}
    arrays = {k: v for k, v in options.items() if k != "sizes"}
    names = "xy"[: len(operands)]
    e = ed.einsum(text, *names, **sizes)
    values = dict(zip(names, operands))
    refused(ANY, words, lambda: ed.evaluate(e, **values, **arrays))
    refused(ANY, words, lambda: ed.compile(e)(**values, **arrays))


@over(
    ("text", "operands", "options", "words"),
    [r for r in ARRAYS if r[0] in ("out of range", "negative")],
)
@pytest.mark.parametrize("form", ["derivative", "structured", "vjp"])
def test_derivatives_check_them_too(text, operands, options, words, form):
    e = ed.einsum(text, "U")
    J = ed.derive(e, "U") if form != "vjp" else ed.vjp(e, "U", "u")
    given = {"U": U, "r": options["r"]}
    given |= {"u": np.ones((3, 2), int)} if form == "vjp" else {}
    refused(ANY, words, lambda: ed.evaluate(J, given, dense=form != "structured"))


def test_the_position_in_a_long_array():
    r = np.zeros(10**6, np.int64)
    r[123456] = 17
    refused(OURS, "r 17 123456 4", lambda: ed.evaluate(ed.einsum("r[e]->e", x, r=r)))


def test_a_second_call_is_checked_as_the_first():
    f = ed.compile(ed.einsum("r[e]->e", "x"))
    assert f(x=x, r=[0, 3]).tolist() == [0, 3]
    refused(OURS, "r 4 1", lambda: f(x=x, r=[0, 4]))
    refused(ANY, "r float", lambda: f(x=x, r=[0.0, 1.0]))
    assert f(x=x, r=[3, 0]).tolist() == [3, 0]


def test_a_missing_index_array_is_named():
    e = ed.einsum("(r[e])k->ek", "U")
    refused(OURS, "r", lambda: ed.evaluate(e, U=U))


BY = [
    ("derive",   lambda e: ed.derive(e, "r")),
    ("jacobian", lambda e: ed.jacobian(e, "r")),
    ("grad",     lambda e: ed.grad(ed.sum(e), "r")),
    ("jvp",      lambda e: ed.jvp(e, "r", "t")),
    ("vjp",      lambda e: ed.vjp(e, "r", "t")),
    ("hessian",  lambda e: ed.hessian(ed.sum(e), "r")),
    ("second",   lambda e: ed.derive(ed.derive(e, "U"), "r")),
    ("a list",   lambda e: ed.derive(e, ["U", "r"])),
]  # fmt: skip


@over("derive", BY)
@pytest.mark.parametrize("held", [True, False], ids=["held", "input"])
def test_deriving_by_an_index_array(derive, held):
    e = ed.einsum("(r[e])k->ek", "U", **({"r": [0, 1, 1]} if held else {}))
    with pytest.raises(TypeError, match=r"\br\b"):
        derive(e)


# -------------------------------------------------------------------------------------------- sizes
SIZES = [
    # what, string, operands, sizes, words
    ("empty range",         "i+k,k->i",       (x[:2], w),     {},                   "i sizes 2 3"),
    ("beyond the axis",     "i+9->i",         (x,),           {},                   "i sizes 4 9"),
    ("two open labels",     "i+j->ij",        (x,),           {},                   "i|j sizes"),
    ("falling",             "3-i->i",         (x,),           {},                   "i sizes"),
    ("falling below zero",  "i-k,k->i",       (x, w),         {},                   "i sizes"),
    ("a size as a label",   "n-1-i->i",       (x,),           {},                   "n|i sizes"),
    ("only written",        "i->i+j",         (x,),           {},                   "j sizes"),
    ("reads that differ",   "i+k,k,i+l,l->i", (np.arange(7), w, np.arange(9), w[:2]), {}, "i 5 8"),
    ("negative",            "i+k->ik",        (x,),           {"k": -1},            "k -1"),
    ("negative, written",   "i,k->i+k",       (x, w),         {"i+k": -2},          "-2"),
    ("a fraction",          "i+k->ik",        (x,),           {"k": 2.5},           r"k 2\.5|float"),
    ("a boolean",           "i+k->ik",        (x,),           {"k": True},          "k True|bool"),
    ("None",                "i+k->ik",        (x,),           {"k": None},          "k None"),
    ("against an axis",     "i+k,k->i",       (x, w),         {"k": 2},             "k 2 3"),
    ("bare on two axes",    "ik,(i)->k",      (U, w),         {},                   "i 4 3"),
    ("bare and given",      "i,i+k->k",       (x, x),         {"i": 9, "k": 2},     "i 9 4"),
    ("into an axis",        "(r[e])k->ek",    (U,),           {"r": 9},             "r 9 4"),
    ("does not divide",     "(hw)->hw",       (np.arange(6),), {"h": 4},            "6 4"),
    ("two that do not fit", "(hw)->hw",       (np.arange(6),), {"h": 2, "w": 2},    "6 2|4"),
    ("divided by zero",     "(hw)->hw",       (np.arange(6),), {"h": 0},            "h|w 0"),
    ("open flattening",     "(hw)->hw",       (np.arange(6),), {},                  "h|w sizes"),
    ("flat against bare",   "(hw),h->w",      (np.arange(6), x), {},                "6 4"),
    ("unknown key",         "i+k,k->i",       (x, w),         {"z": 3},             "z"),
    ("unknown sum",         "i,k->i+k",       (x, w),         {"i+z": 3},           "z"),
    ("another sum",         "i,k->i+k",       (x, w),         {"i+2k": 3},          r"i\+2k"),
    ("no output label",     "i+k,k->j",       (x, w),         {},                   "j"),
    ("number of axes",      "(i+k)j,k->ij",   (x, w),         {},                   "1 2"),
]  # fmt: skip
# with names, what is not known before the arrays come is said then
KNOWN_AT_ONCE = {"negative", "negative, written", "a fraction", "a boolean", "None"}


def fit(text):
    return {"r": [0, 1]} if "r[" in text else {}


@over(("text", "operands", "sizes", "words"), SIZES)
def test_sizes_of_held_arrays(text, operands, sizes, words):
    refused(ANY, words, lambda: ed.einsum(text, *operands, sizes=sizes, **fit(text)))


# of arrays that come later a range may be empty, as axes may
@over(("text", "operands", "sizes", "words"), [row for row in SIZES if row[0] != "empty range"])
def test_sizes_of_named_tensors(text, operands, sizes, words):
    names = "xyzu"[: len(operands)]

    def call():
        e = ed.einsum(text, *names, sizes=sizes, **fit(text))
        return ed.evaluate(e, dict(zip(names, operands)))

    refused(ANY, words, call)


@over(("text", "operands", "sizes", "words"), [row for row in SIZES if row[0] in KNOWN_AT_ONCE])
def test_what_is_known_at_once_is_said_at_once(text, operands, sizes, words):
    refused(ANY, words, lambda: ed.einsum(text, *"xyz"[: len(operands)], sizes=sizes))


def test_a_compiled_call_says_sizes_that_do_not_fit():
    f = ed.compile(ed.einsum("i+k,k->i", "x", "w"))
    assert f(x=x, w=w[:2]).shape == (3,)
    refused(OURS, "i sizes", lambda: f(x=x[:1], w=w))
    assert f(x=x[:2], w=w[:2]).shape == (1,)


# ------------------------------------------------------------------------- large numbers: right, or refused
LARGE = [
    # what, string, operands, arrays and sizes, what is right
    ("64 steps are a round", f"{S}i->i",            (x + 1,), {"sizes": {"i": 70}},          [1] + [0] * 69),
    ("two half rounds",     f"{S}i+{S}k->ik",       (x + 1,), {"sizes": {"i": 33, "k": 33}}, np.eye(1, 33 * 33, dtype=int).reshape(33, 33)),
    ("a round of writes",   f"i->{S}i",             (np.ones(65, int),), {"sizes": {f"{S}i": 3}}, [1, 0, 0]),
    ("back from far away",  f"{S}i-{S}k->ik",       (x + 1,), {"sizes": {"i": 2, "k": 2}},   [[1, 0], [0, 1]]),
    ("a large step",        f"{BIG}i->i",           (x + 1,), {"sizes": {"i": 5}},           [1, 0, 0, 0, 0]),
    ("a step that wraps",   f"{4 * BIG}i->i",       (x + 1,), {"sizes": {"i": 3}},           [1, 0, 0]),
    ("a sum that wraps",    f"{2 * BIG}i+{2 * BIG}k->ik", (x + 1,), {"sizes": {"i": 2, "k": 2}}, [[1, 0], [0, 0]]),
    ("two that cancel",     f"{BIG}i-{BIG}k->ik",   (x + 1,), {"sizes": {"i": 2, "k": 2}},   [[1, 0], [0, 1]]),
    ("a large constant",    f"i+{4 * BIG}->i",      (x + 1,), {"sizes": {"i": 2}},           [0, 0]),
    ("a negative one",      f"i-{4 * BIG}->i",      (x + 1,), {"sizes": {"i": 2}},           [0, 0]),
    ("a large array",       "(r[e]+1)->e",          (x + 1,), {"r": [2**63 - 1, 0]},         [0, 2]),
    ("times four",          "(4r[e])->e",           (x + 1,), {"r": [BIG, 0]},               [0, 1]),
    ("array and label",     f"(2r[e]+{2 * BIG}k)->ek", (x + 1,), {"r": [BIG, 0], "sizes": {"k": 2}}, [[0, 0], [1, 0]]),
    ("short numbers",       "(2r[e])->e",           (x + 1,), {"r": np.array([128, 1], np.uint8)}, [0, 3]),
    ("written far away",    f"i->{BIG}i",           (x + 1,), {"sizes": {f"{BIG}i": 3}},     [1, 0, 0]),
    ("written and wrapped", f"i->{4 * BIG}i",       (x + 1,), {"sizes": {f"{4 * BIG}i": 2}}, [1, 0]),
]  # fmt: skip


def right_or_refused(call, want, kinds):
    """An error of these kinds with a message, or exactly the right answer."""
    try:
        got = call()
    except kinds as error:
        said(error)
        return
    except PARSE as error:  # a number may be too long to be read
        said(error, "digits")
        return
    if want is not None:
        np.testing.assert_array_equal(got, want)


@over(("text", "operands", "options", "want"), LARGE)
@pytest.mark.parametrize("way", ["held", "named", "derivative"])
def test_positions_never_wrap(text, operands, options, want, way):
    def call():
        if way == "held":
            return ed.evaluate(ed.einsum(text, *operands, **options))
        e = ed.einsum(text, "x", **options)
        got = ed.evaluate(e if way == "named" else ed.derive(e, "x"), x=operands[0])
        return got @ operands[0] if way == "derivative" else got

    right_or_refused(call, want, (SHAPE, LIMIT))


TOO_LARGE = [
    ("18 digits",             f"i->{S}i",                (x,), {}),
    ("a sum over int64",      f"i,k->{S}i+{S}k",         (np.ones(40, int), np.ones(40, int)), {}),
    ("a result too long",     f"i->{BIG}i",              (x,), {}),
    ("longer than int64",     f"i->{4 * BIG}i",          (x,), {}),
    ("much padding",          "i->(i+1)",                (x,), {"sizes": {"i+1": 10**15}}),
    ("a far read",            "i+k->ik",                 (x,), {"sizes": {"i": 10**9, "k": 10**9}}),
    ("a size over int64",     "i+k->ik",                 (x,), {"sizes": {"i": 10**30, "k": 2}}),
    ("a broadcast",           "i->(ij)",                 (x,), {"sizes": {"j": 10**14}}),
]  # fmt: skip


@over(("text", "operands", "options"), TOO_LARGE)
@pytest.mark.parametrize("held", [True, False], ids=["held", "named"])
def test_nothing_is_allocated(text, operands, options, held):
    names = "xy"[: len(operands)]

    def call():
        e = ed.einsum(text, *(operands if held else names), **options)
        return ed.evaluate(e, {} if held else dict(zip(names, operands)))

    tracemalloc.start()
    try:
        error = refused((SHAPE, LIMIT, PARSE), "", call)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()
    # a string is refused for a number that is too long to be read alone
    assert not isinstance(error, PARSE) or "digits" in str(error)


@pytest.mark.parametrize("digits", [5000, 10**5 - 10])
def test_more_digits_than_python_reads(digits):
    refused(OURS, "", lambda: ed.einsum("9" * digits + "i->i", x, sizes={"i": 2}))


@pytest.mark.parametrize("terms", [length(3000, 30_000)])
def test_long_sums(terms):
    """Many terms are added up, or refused by a limit that is named."""
    text = "i" + "+i-i" * terms + "->i"
    right_or_refused(lambda: ed.evaluate(ed.einsum(text, x, sizes={"i": 4})), x, LIMIT)


def test_nested_arrays_to_any_depth():
    text = "r[" * 2000 + "e" + "]" * 2000 + "->e"
    right_or_refused(lambda: ed.einsum(text, x, r=[0, 1]), None, OURS)


def test_one_array_held_by_many_nodes():
    """An index array is held, not copied, however many nodes read it; nor is it hashed again for each."""
    n = length(10**5, 10**6)
    r = np.arange(n)[::-1].copy()
    tracemalloc.start()
    try:
        e = ed.tensor("x", (n,))
        for k in range(length(60, 2000)):
            e = ed.einsum("r[e],->e", e, float(k % 3 + 1), r=r)
        J = ed.derive(e, "x")
        assert J.ndim == 2
        assert tracemalloc.get_traced_memory()[1] < 20 * r.nbytes
    finally:
        tracemalloc.stop()


def test_a_held_array_is_never_written_to():
    r = np.array([2, 0, 1])
    e = ed.einsum("r[e]->e", "x", r=r)
    ed.evaluate(ed.derive(e, "x"), x=x)
    assert r.tolist() == [2, 0, 1]
    assert r.flags.writeable
