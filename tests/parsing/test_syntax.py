"""Which functions may be called, and with what; numbers that are folded; names."""

import pytest
from refusals import refused_behind

import einderiv as ed
from einderiv.functions import table as functions

# the text behind "X: ij" and an end of line, the character at fault, words of the message
REFUSED = [
    ("eval",                  "eval('X')",                   "eval",     "no function 'eval'"),
    ("exec",                  "exec('X')",                   "exec",     "no function 'exec'"),
    ("open",                  "open('/etc/passwd')",         "open",     "no function 'open'"),
    ("getattr",               "getattr(X, 'T')",             "getattr",  "no function"),
    ("another module",        "os.system('ls')",             "system",   "'os' is no module"),
    ("a module of a module",  "np.random.exp(X)",            "exp",      "'np.random' is no module"),
    ("numpy's files",         "np.load('x')",                "load",     "no function 'load'"),
    ("a misspelt function",   "sofmax(X)",                   "sofmax",   "did you mean 'softmax'"),
    ("a misspelt np one",     "np.einsu('ij', X)",           "einsu",    "did you mean 'einsum'"),
    ("a function as a value", "exp",                         "exp",      r"call it, exp\(…\)"),
    ("assigned function",     "sum = X\nsum",                "sum",      "is a function"),
    ("a called tensor",       "X(3)",                        "X",        "no function 'X'"),
    ("a pair in a sum",       "X + (1, 2)",                  "(1",       "stands only where"),
    ("text in a sum",         "X + 'a'",                     "'a'",      "no quotes"),
    ("text as a tensor",      "einsum('ij->', 'X')",         "'X'",      "no quotes"),
    ("text for a function",   "exp('X')",                    "'X'",      "no quotes"),
    ("None in a sum",         "X + None",                    "None",     "stands only where"),
    ("an unknown keyword",    "sum(X, keepdim=True)",        "keepdim",  "sum takes e, axis, keepdims"),
    ("a keyword twice",       "sum(X, axis=0, axis=1)",      "axis=0",   "given twice"),
    ("too many arguments",    "exp(X, X)",                   "exp",      "too many"),
    ("too few arguments",     "sum()",                       "sum",      "missing"),
    ("a tensor for an axis",  "sum(X, axis=X)",              "sum",      "an axis is an int or a name"),
    ("no such axis",          "sum(X, axis=5)",              "sum",      "out of range"),
    ("no axis of that name",  "sum(X, axis='q')",            "sum",      "the axes are i, j"),
    ("subscripts: a label",   "einsum('ij->q', X)",          "q",        "output label 'q'"),
    ("subscripts: two arrows", "einsum('ij->i->', X)",       "->'",      "second arrow"),
    ("subscripts: too long",  "einsum('ijk->i', X)",         "ijk",      "2 axes, but 3 labels"),
    ("subscripts: operands",  "einsum('ij,jk->ik', X)",      "einsum",   "2 operands in the subscripts, but 1"),
    ("subscripts: a name",    "einsum(X)",                   "einsum",   "subscripts in quotes"),
    ("no operands",           "einsum('ij->i')",             "einsum",   "1 operand in the subscripts, but 0"),
    ("axes that do not fit",  "v: i\nX + v",                "+",        "axis i of v would meet axis j of X"),
    ("division by zero",      "X/0",                         "/",        "division by the number 0"),
    ("zero divided by zero",  "0/0*X",                       "/",        "division by the number 0"),
    ("a huge power",          "9**9**9**9",                  "**9**9\n", "more than floats hold"),
    ("a huge power, grouped", "(9**9)**(9**9)*X",            "**(",      "more than floats hold"),
    ("a huge product",        "10**300*10**300*X",           "*10**300*X", "more than floats hold"),
    ("a huge float",          "1e308*10.0*X",                "*10",      "more than floats hold"),
    ("infinite",              "1e999*X",                     "1e999",    "more than floats hold"),
    ("assigned twice",        "R = X\nR = X\nR",             "R = X\nR\n", "assigned twice"),
    ("an assigned tensor",    "X = 3\nX",                    "X = 3",    "declared as a tensor"),
    ("assigned after use",    "R = S + X\nS = X\nR",         "S = X",    "used before"),
    ("declared twice",        "X: ij\nX",                    "X: ij\nX", "declared twice"),
    ("a declared function",   "exp: ij\nX",                  "exp",      "is a function"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_with_a_caret(text, at, message):
    refused_behind("X: ij\n", text, at, message)


def test_functions_that_users_add_are_known(monkeypatch):
    monkeypatch.setattr(functions, "FUNCTIONS", dict(functions.FUNCTIONS))
    monkeypatch.setattr(functions, "ADDED", dict(functions.ADDED))
    X = ed.tensor("X", "ij")
    cubed = ed.function("cubed_in_texts", "{0} ** 3", lambda u: 3 * u * u)
    assert ed.parse("X: ij\nsum(cubed_in_texts(X))") == ed.sum(cubed(X))
    # works entry by entry, so Q has the axes of X
    assert ed.parse("X: ij\nX - cubed_in_texts(Q)").ndim == 2
