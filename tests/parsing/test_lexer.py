"""Characters, tokens, lines and declarations; and texts of a size that nobody means."""

import numpy as np
import pytest
from lengths import length
from refusals import refused, refused_behind

import einderiv as ed

X, x = ed.tensor("X", "ij"), ed.tensor("x", "i")

# the text behind "X: ij" and an end of line, the character at fault, words of the message
REFUSED = [
    ("a walrus",              "(y := X)",                    ":=",       "own|line"),
    ("an annotation",         "y: int = 3",                  "=",        "ASCII identifier"),
    ("dunder",                "X.__class__",                 "__class__", "underscores"),
    ("dunder of T",           "X.T.__init__",                "__init__", "underscores"),
    ("dunder of a number",    "(1).__class__",               "__class__", "underscores"),
    ("a subclass walk",       "().__class__.__bases__[0]",   "__class__", "underscores"),
    ("builtins",              "__builtins__",                "__builtins__", "underscores"),
    ("import by call",        "__import__('os')",            "__import__", "underscores"),
    ("a number and a name",   "2X",                          "X",        "runs into a name"),
    ("digits with a mark",    "1_000*X",                     "_",        "runs into a name"),
    ("a hexadecimal number",  "0x10*X",                      "x10",      "runs into a name"),
    ("a remainder",           "X % 2",                       "%",        "remainder"),
    ("a caret",               "X ^ 2",                       "^",        r"written \*\*"),
    ("a bar",                 "X | X",                       "|",        "nothing here"),
    ("400 digits",            "1" * 400,                     "1",        "400 characters"),
    ("10^5 digits",           "9" * 90_000,                  "9",        "90000 characters"),
    ("unbalanced",            "(X",                          "(",        "never closed"),
    ("unbalanced, closing",   "X)",                          ")",        "closes nothing"),
    ("one quotation mark",    "einsum('ij->, X)",            "'ij",      "no partner"),
    ("a semicolon inside",    "sum(X; X)",                   ";",        "still open"),
    ("two last lines",        "X + 1\nX",                    "X + 1",    "every line but the last"),
    ("no last line",          "R = X",                       "X",        "the last line is the expression"),
    ("nothing assigned",      "R =\nX",                      "=",        "nothing is assigned"),
    ("a declared keyword",    "in: ij\nX",                   "in",       "keyword"),
    ("a digit as an axis",    "W: i1\nX",                    "1",        "ASCII identifier"),
    ("a keyword as an axis",  "W: batch class\nX",           "class",    "keyword"),
    ("brackets in axes",      "W: i[3]\nX",                  "[",        "ASCII identifier"),
    ("an unknown structure",  "W: ij, symetric\nX",          "symetric", "did you mean 'symmetric'"),
    ("53 axes",               "W: " + "a" * 53 + "\nX",      None,       "53 axes are over the limit"),
    ("a null byte",           "X\0",                         "\0",       r"U\+0000"),
    ("a Greek name",          "λ*X",                         "λ",        r"U\+03BB \(GREEK SMALL LETTER LAMDA\)"),
    ("a typographic minus",   "X − X",                       "−",        r"U\+2212 \(MINUS SIGN\)"),
    ("a look-alike",          "\u0425 + X",                  "\u0425",   r"U\+0425"),
    ("a no-break space",      "X +\u00a0X",                  "\u00a0",   r"U\+00A0"),
    ("a zero-width space",    "X +\u200bX",                  "\u200b",   r"U\+200B"),
    ("a line separator",      "X\u2028X",                    "\u2028",   r"U\+2028"),
    ("a surrogate",           "X + \ud800",                  "\ud800",   r"U\+D800"),
    ("a full-width name",     "ｅｘｐ(X)",                    "ｅ",       r"U\+FF45"),
]  # fmt: skip
N = length(5000, 10**5)  # characters: in the long run as many as are allowed
H, K, F = N // 2 - 1, N * 49 // 100, N // 5 - 1
LARGE = [  # far too much: refused after a few steps for each character
    ("nested parentheses",   "(" * N,                                 100,   "more than 100 parentheses"),
    ("nested, closed",       "(" * H + "X" + ")" * H,                 100,   "more than 100 parentheses"),
    ("nested calls",         "exp(" * F + "X" + ")" * F,              403,   "more than 100 parentheses"),
    ("minuses",              "-" * (N - 1) + "X",                     100,   "more than 100 signs or powers"),
    ("plus and minus",       "+-" * K + "X",                          100,   "more than 100 signs or powers"),
    ("powers",               "2**" * (N // 3 - 1) + "2",              301,   "more than 100 signs or powers"),
    ("signed powers",        "2**-" * (N // 4 - 1) + "2",             201,   "more than 100 signs or powers"),
    ("a long sum",           "X" + "+X" * K,                          1999,  "chain of more than 1000 operators"),
    ("a long product",       "X" + "*X" * K,                          1999,  "chain of more than 1000 operators"),
    ("transposes",           "X" + ".T" * K,                          1999,  "chain of more than 1000 operators"),
    ("sums in sums",         ("X+" * 90 + "(") * 20 + "X" + ")" * 20, 3631,  "chain of more than 1000 operators"),
    ("quotation marks",      "'" * (N - 1),                           N - 2, "no partner"),
    ("opened brackets",      "[" * N,                                 0,     "einsum"),
    ("ten times the limit",  "X+" * 500_000,                          None,  "limits.characters"),
    ("many names",           " ".join("X" for _ in range(K)),         2,     "operator is missing"),
    ("many arguments",       "exp(" + "1," * K + ")",                 0,     "too many"),
    ("many axes",            "X: i\nsum(X, axis=(" + "0," * K + "))", 17,    f"{K} axes are over the limit of 52"),
    ("a long name",          "a" * N,                                 0,     "how many axes"),
    ("many dots",            "." * N,                                 999,   "chain of more than 1000 operators"),
    ("commas",               "," * N,                                 0,     "operand is missing"),
    ("names before a colon", "a," * K + ":",                          2 * K, "own line|beginning"),
    ("blank lines",          "\n" * N,                                N - 1, "no expression"),
    ("comments",             "#" * N,                                 N - 1, "no expression"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_with_a_caret(text, at, message):
    refused_behind("X: ij\n", text, at, message)


@pytest.mark.parametrize(
    ("text", "position", "message"), [row[1:] for row in LARGE], ids=[row[0] for row in LARGE]
)
def test_large_texts_are_refused_in_a_few_steps(text, position, message):
    refused(text, position, message)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (None, TypeError, "parse takes a text"),
        (b"X", TypeError, "not bytes"),
        (7, TypeError, "not int"),
        ("", ed.ParseError, "no expression"),
        ("  \t\r\n", ed.ParseError, "no expression"),
        ("# nothing", ed.ParseError, "no expression"),
        ("X: ij", ed.ParseError, "no expression"),
    ],
)
def test_no_text(text, kind, message):
    with pytest.raises(kind, match=message):
        ed.parse(text)


def test_declarations():
    e = ed.parse("X: sample feature\nS: nn, symmetric\ns:\nz: , complex\nX*s + 0*abs(z)*trace(S)")
    assert e.axes == ("sample", "feature")
    assert ed.parse("S: nn, symmetric\nS - S.T").axes == ("n", "n")
    assert ed.evaluate(
        ed.parse("S: nn, symmetric\nS - S.T"), S=np.array([[1, 2], [2, 3]])
    ).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ed.EinderivError, match="symmetric"):
        ed.evaluate(ed.parse("S: nn, symmetric\nS @ S"), S=np.array([[1.0, 2], [0, 3]]))
    assert ed.parse("X: is\nY: it\nX.T @ Y").axes == ("s", "t")
    # a word there is a word here
    assert ed.parse("w: feature\nX: sample feature\nX @ w").axes == ("sample",)
    assert ed.parse("w: feature\nw").ndim == 7
    with pytest.raises(ed.ShapeError, match="declared as i = 2, but has size 3"):
        ed.evaluate(ed.parse("X: is\nY: it\nX.T @ Y"), X=np.ones((2, 2)), Y=np.ones((3, 2)))


def test_limits_are_those_of_the_package():
    deep = "(" * 150 + "1" + ")" * 150
    with pytest.raises(ed.ParseError, match=r"limits\.depth"):
        ed.parse(deep)
    with ed.limits.override(depth=190):
        assert ed.parse(deep) == ed.parse("1")
    with ed.limits.override(depth=10**6), pytest.raises(ed.ParseError, match="too many nested"):
        ed.parse("(" * 500 + "1" + ")" * 500)
    with ed.limits.override(characters=10), pytest.raises(ed.LimitError, match="11 characters"):
        ed.parse("1" * 11)


def test_as_deep_as_is_allowed():
    assert ed.parse("x: i\n" + "exp(" * 100 + "x" + ")" * 100).ndim == 1
    assert ed.parse("x: i\n" + "-" * 100 + "x") == x
    assert ed.parse("x: i\n" + "x+" * 900 + "x") == 901 * x
    steps = "".join(f"a{k + 1} = sin(a{k})\n" for k in range(3000))
    assert ed.parse(f"x: i\na0 = x\n{steps}a3000").ndim == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ";"])
def test_ends_of_lines(end):
    assert ed.parse(end.join(["X: ij", "", "R = X.T", "\tsum(R)", ""])) == ed.sum(X)
