"""Texts in the syntax of Python: what they mean, what is refused and where, and that nothing is ever evaluated."""

import builtins
import warnings
from ast import PyCF_ONLY_AST

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from refusals import refused_behind

import einderiv as ed
from einderiv.parsing import ALIASES, LANGUAGES

t = ed.tensor
X, Y, A, B, x, w, s = (
    t("X", "ij"),
    t("Y", "ij"),
    t("A", "nn"),
    t("B", "nn"),
    t("x", "i"),
    t("w", "j"),
    t("s"),
)
HEAD = "X, Y: ij\nA, B: nn\nx: i\nw: j\ns:\n"

MEANT = [
    ("X",                                   X),
    ("(X)",                                 X),
    ("X + Y - 2",                           X + Y - 2),
    ("-X*Y/s",                              -X * Y / s),
    ("- - X",                               X),
    ("+X",                                  X),
    ("1 - X",                               1 - X),
    ("X / 4",                               X / 4),
    ("2**-1 * X",                           X / 2),
    ("-2**2 * X",                           -4 * X),
    ("2**3**2 * x",                         512 * x),
    ("X - Y - X",                           -Y),
    ("X**2",                                X**2),
    ("X**-1",                               X**-1),
    ("X**0.5",                              ed.sqrt(X)),
    ("X @ w",                               X @ w),
    ("X.T @ x",                             X.T @ x),
    ("(X @ w).T",                           X @ w),
    ("A @ B.T @ A",                         A @ B.T @ A),
    ("x > 0",                               ed.greater(x, 0)),
    ("x <= 2*x",                            ed.less_equal(x, 2 * x)),
    ("(x >= 1) + (x < 1)",                  ed.greater_equal(x, 1) + ed.less(x, 1)),
    ("(x == 1) * (x != 2)",                 ed.equal(x, 1) * ed.not_equal(x, 2)),
    ("exp(X)",                              ed.exp(X)),
    ("np.exp(X)",                           ed.exp(X)),
    ("jnp.exp(X) + torch.exp(X)",           2 * ed.exp(X)),
    ("jax.nn.softmax(X, axis=0)",           ed.softmax(X, 0)),
    ("scipy.special.expit(X)",              ed.sigmoid(X)),
    ("ed.relu(X)",                          ed.relu(X)),
    ("tr(A) + trace(A)",                    2 * ed.trace(A)),
    ("sum(X)",                              ed.sum(X)),
    ("sum(X, 0)",                           ed.sum(X, 0)),
    ("sum(X, axis=-1)",                     ed.sum(X, 1)),
    ("sum(X, axis='j')",                    ed.sum(X, 1)),
    ("sum(X, axis=('j', 0))",               ed.sum(X)),
    ("sum(X, axis=None)",                   ed.sum(X)),
    ("sum(X, dim=1)",                       ed.sum(X, 1)),
    ("np.sum(X, axis=0, )",                 ed.sum(X, 0)),
    ("mean(X, 'i')",                        ed.mean(X, 0)),
    ("norm(X, ord='fro')",                  ed.norm(X)),
    ("np.linalg.norm(x, 1)",                ed.norm(x, 1)),
    ("norm(x, ord=np.inf)",                 ed.norm(x, np.inf)),
    ("norm(X)**2",                          ed.norm_squared(X)),
    ("np.linalg.inv(A) @ x2",               ed.inv(A) @ t("x2", "i")),
    ("det(A) + logdet(A)",                  ed.det(A) + ed.logdet(A)),
    ("matrix_power(A, 3)",                  ed.matrix_power(A, 3)),
    ("clip(X, 0, 1)",                       ed.clip(X, 0, 1)),
    ("clip(X, None, 1)",                    ed.clip(X, None, 1)),
    ("where(X > 0, X, 0)",                  ed.where(ed.greater(X, 0), X, 0)),
    ("maximum(X, Y)",                       ed.maximum(X, Y)),
    ("gelu(X, approximate=True)",           ed.gelu(X, approximate=True)),
    ("einsum('ij,j->i', X, w)",             X @ w),
    ('einsum("i->ii", x)',                  ed.diag(x)),
    ("einsum('row col, col -> row', X, w)", X @ w),
    ("einsum('...j,j', X, w)",              X @ w),
    ("np.einsum('ij->', X, optimize=True)", ed.sum(X)),
    ("einsum(',ij->ij', 3, X)",             3 * X),
    ("np.outer(x, w)",                      ed.outer(x, w)),
    ("np.pi * s",                           np.pi * s),
    ("math.e + s",                          np.e + s),
    ("1e2*s + .5 + 1.",                     100.0 * s + 1.5),
    ("2j*s",                                2j * s),
    ("exp(1)*s",                            ed.exp(1) * s),
    ("7",                                   ed.einsum("->", 7)),
    ("R = X - Y\nsum(R*R)",                 ed.sum((X - Y) * (X - Y))),
    ("a = 2\nb = a**a\nb*X",                4 * X),
    ("R = X; R.T",                          X.T),
    ("sum(  # all\n  X\n)  # done\n\n",     ed.sum(X)),
    ("\t X +\tY",                           X + Y),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), MEANT, ids=[row[0] for row in MEANT])
def test_meaning(text, want):
    assert ed.parse(HEAD + text, tensors={"x2": "i"}) == want


def test_values():
    rng = np.random.default_rng(0)
    T, U, V, M = (
        rng.normal(size=(4, 5)),
        rng.normal(size=(4, 2)),
        rng.normal(size=(5, 2)),
        rng.normal(size=(4, 5)),
    )
    text = """
        T, M: nm
        R = M * (T - einsum('nk,mk->nm', U, V))      # what is missed
        sum(R**2) + 0.5 * norm(U)**2 + mean(exp(-V)) / (1 + max(T, axis='m') @ ones)
    """
    want = (
        ((M * (T - U @ V.T)) ** 2).sum()
        + 0.5 * (U**2).sum()
        + np.exp(-V).mean() / (1 + T.max(1) @ np.ones(4))
    )
    got = ed.evaluate(ed.parse(text, tensors={"ones": "n"}), T=T, M=M, U=U, V=V, ones=np.ones(4))
    assert np.isclose(got, want, rtol=1e-14)


# ---- what is refused
# the text behind "X: ij" and an end of line, the character at fault, words of the message
REFUSED = [
    ("an entry",              "X[0]",                        "[",        "einsum"),
    ("a slice",               "X[:, 0]",                     "[",        "einsum"),
    ("a list",                "sum([X])",                    "[",        "einsum"),
    ("a comprehension",       "sum(x for x in X)",           "for",      "keyword"),
    ("a list comprehension",  "[x for x in X]",              "[",        "einsum"),
    ("a set",                 "{X}",                         "{",        "parentheses"),
    ("a lambda",              "lambda: X",                   "lambda",   "keyword"),
    ("a called lambda",       "(lambda: 0)()",               "lambda",   "keyword"),
    ("an f-string",           "f'{X}'",                      "f'",       "plain strings"),
    ("a raw string",          "einsum(r'ij->', X)",          "r'",       "plain strings"),
    ("two strings",           "einsum('ij' '->', X)",        "'ij'",     "plain strings"),
    ("bytes",                 "b'x'",                        "b'",       "plain strings"),
    ("an escape",             "einsum('ij\\x2d>', X)",       "\\",       "escapes"),
    ("not printable",         "einsum('i\ud800->', X)",        "\ud800", r"U\+D800 .* plain ASCII"),
    ("not ASCII",             "einsum('éj->', X)*234",       "é",        r"U\+00E9 .* plain ASCII"),
    ("not ASCII, unused",     "'éé'-8+4",                    "é",        r"U\+00E9 .* plain ASCII"),
    ("a conditional",         "X if X else X",               "if",       "keyword"),
    ("and",                   "X and X",                     "and",      "keyword"),
    ("not",                   "not X",                       "not",      "keyword"),
    ("is",                    "X is X",                      "is",       "keyword"),
    ("await",                 "await X",                     "await",    "keyword"),
    ("yield",                 "(yield X)",                   "yield",    "keyword"),
    ("import",                "import os",                   "import",   "keyword"),
    ("def",                   "def f(): pass",               "def",      "keyword"),
    ("two targets",           "a = b = X",                   "b",        "no expression"),
    ("an augmented one",      "X += 1",                      "X",        "no expression"),
    ("starred",               "sum(*X)",                     "*",        "star"),
    ("two stars",             "sum(**X)",                    "**",       "two stars"),
    ("a decorator",           "@X",                          "@",        "operand is missing"),
    ("an attribute",          "X.shape",                     "shape",    r"no attribute but \.T"),
    ("a method",              "X.sum()",                     "sum",      r"write sum\(X\)"),
    ("a method of a call",    "exp(X).sum()",                "sum",      r"no attribute but \.T"),
    ("a function, np",        "np.exp",                      "exp",      r"no attribute but \.T"),
    ("a called number",       "2(X)",                        "2",        "a product is written"),
    ("a called call",         "exp(X)(X)",                   "exp",      "only functions are called"),
    ("two names",             "X  Y",                        "Y",        "operator is missing before 'Y'"),
    ("nothing behind",        "X *",                         "*",        "operand is missing behind"),
    ("nothing before",        "* X",                         "*",        "operand is missing before"),
    ("two operators",         "X * / X",                     "/",        "cannot be read"),
    ("floor division",        "X // 2",                      "//",       "is not read"),
    ("a chained comparison",  "0 < X < 1",                   "< X",      "not here"),
    ("an ellipsis",           "... + X",                     "...",      "operand is missing before"),
    ("a pair",                "X, X",                        "X",        "whole numbers"),
    ("True",                  "True",                        "True",     "no expression"),
    ("a tuple of tensors",    "sum(X, axis=(0, X))",         "X))",      "whole numbers"),
    ("a keyword as a name",   "class = X\nX",                "class",    "keyword"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_with_a_caret(text, at, message):
    refused_behind("X: ij\n", text, at, message)


@pytest.mark.parametrize(
    ("language", "kind", "message"),
    [
        ("fortran", ed.EinderivError, "no language is called 'fortran'"),
        ("matlabb", ed.EinderivError, "did you mean 'matlab'"),
        (3, TypeError, "must be a name"),
        (None, TypeError, "must be a name"),
    ],
)
def test_unknown_languages(language, kind, message):
    with pytest.raises(kind, match=message):
        ed.parse("X", language=language)


def test_nothing_is_evaluated(monkeypatch):
    def forbidden(*args, **options):
        raise AssertionError("evaluated")

    def only_trees(source, filename, mode, flags=0, *rest, **options):
        assert flags & PyCF_ONLY_AST
        return compiled(source, filename, mode, flags, *rest, **options)

    compiled = builtins.compile
    ed.parse("X: ij\nexp(X)")  # what is imported on first use, is
    for name in ("eval", "exec", "open", "input", "breakpoint"):
        monkeypatch.setattr(builtins, name, forbidden)
    monkeypatch.setattr(builtins, "compile", only_trees)
    for text, want in MEANT:
        assert ed.parse(HEAD + text, tensors={"x2": "i"}) == want
    for _, text, _, _ in REFUSED:
        with pytest.raises(ed.EinderivError):
            ed.parse("X: ij\n" + text)


WORDS = [
    "X",
    "Y",
    "x",
    "w",
    "s",
    "q",
    "exp",
    "sum",
    "trace",
    "inv",
    "einsum",
    "'ij,j->i'",
    "'ij'",
    "np",
    ".",
    "T",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "**",
    "@",
    "<",
    "==",
    "=",
    "axis=0",
    "axis='j'",
    "2",
    "0.5",
    "9",
    "1j",
    " ",
    "\n",
    ";",
    "X: ij",
    "#",
    "lambda",
    "[",
    "None",
    "__",
    "f'",
    "é",
    "\0",
    "\\",
    "'",
    "^",
    "#(",
    "|",
    "||",
    ".*",
    "vector(1)",
]


@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from(WORDS), max_size=16).map("".join),
        st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    ),
    st.sampled_from([*LANGUAGES, *ALIASES]),
)
@example("X: ij\nX.T.T", "einderiv")
@example("||X||^2", "einsum")
@example("x'*x", "matlab")
def test_whatever_comes_only_our_errors_come_out(text, language):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            e = ed.parse(text, language=language, tensors={"x": "i", "w": "j", "s": ()})
        except ed.EinderivError as error:
            position = getattr(error, "position", None)
            assert position is None or 0 <= position <= len(text)
        else:
            assert isinstance(e, ed.Expr) and isinstance(str(e), str)
