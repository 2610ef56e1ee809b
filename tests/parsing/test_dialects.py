"""The table of languages; those of diff.einsum.org and matrixcalculus.org: their own examples, derived; what is refused,
and where.
"""

import numpy as np
import pytest
from lengths import length
from refusals import refused, refused_behind

import einderiv as ed
from einderiv.parsing import ALIASES, LANGUAGES, language_of

t = ed.tensor
N = length(5000, 10**5)  # characters: in the long run as many as are allowed
SIZES = dict(a=2, b=3, c=4, i=3, j=2, k=2, n=5, x=2, y=3, z=2)


@pytest.mark.parametrize("row", LANGUAGES.values(), ids=LANGUAGES)
def test_the_example_of_a_row(row):
    text, printed = row.example
    for name in (row.name, row.name.upper(), *row.aliases):
        assert str(ed.parse(text, language=name)) == printed
    assert language_of(text) == row.name


def test_every_name_means_one_language():
    names = [name for row in LANGUAGES.values() for name in (row.name, *row.aliases)]
    assert len(set(names)) == len(names) == len(LANGUAGES) + len(ALIASES)


# The examples on the page of diff.einsum.org: title, text, what it is derived by, axes of the tensors, and the same
# with a module of NumPy's interface.
DIFF = [
    ("minimal", "X", "X", dict(X="ab"), lambda np, X: X),
    (
        "diagonal broadcast",
        "#(',,i->ii', s, s, d)",
        "s",
        dict(s="", d="i"),
        lambda np, s, d: s * s * np.diag(d),
    ),
    (
        "least squares",
        "sum((#('ij,i->j',X, w)-y)^2)",
        "w",
        dict(X="ij", w="i", y="j"),
        lambda np, X, w, y: ((w @ X - y) ** 2).sum(),
    ),
    ("logtrace", "log(trace(X))", "X", dict(X="aa"), lambda np, X: np.log(np.trace(X))),
    ("exptrace", "exp(trace(X))", "X", dict(X="aa"), lambda np, X: np.exp(np.trace(X))),
    (
        "tr(X'BX)",
        "trace(#('ia,ij,jb->ab',X, B, X))",
        "X",
        dict(X="ia", B="ii"),
        lambda np, X, B: np.trace(X.T @ B @ X),
    ),
    (
        "UV decomposition",
        "sum((A-#('ij,kj->ik',U, V))^2)",
        "V",
        dict(A="ik", U="ij", V="kj"),
        lambda np, A, U, V: ((A - U @ V.T) ** 2).sum(),
    ),
    (
        "Tucker",
        "sum((X - #('ijk,ia,jb,kc->abc', K, A, B, C))^2)",
        "A",
        dict(X="abc", K="ijk", A="ia", B="jb", C="kc"),
        lambda np, X, K, A, B, C: ((X - np.einsum("ijk,ia,jb,kc->abc", K, A, B, C)) ** 2).sum(),
    ),
    (
        "rank 1",
        "||(X - #('i,j,k->ijk',u, v, w))||^2",
        "u",
        dict(X="ijk", u="i", v="j", w="k"),
        lambda np, X, u, v, w: ((X - np.einsum("i,j,k->ijk", u, v, w)) ** 2).sum(),
    ),
    ("log-sum-exp", "log(sum(exp(X)))", "X", dict(X="ab"), lambda np, X: np.log(np.exp(X).sum())),
    ("logdet", "log(det(X))", "X", dict(X="aa"), lambda np, X: np.log(np.linalg.det(X))),
    (
        "restricted domain",
        "#('ab,bc,cd,da->',X, B, X, B)",
        "X",
        dict(X="ab", B="ba"),
        lambda np, X, B: np.trace(X @ B @ X @ B),
    ),
    # On the page the next one has a parenthesis too many; there and here it is refused.
    (
        "Tucker, semicolon",
        "norm(T - #(ijk,ai,bj,ck->abc; C, u, v, w))^2",
        "u",
        dict(T="abc", C="ijk", u="ai", v="bj", w="ck"),
        lambda np, T, C, u, v, w: ((T - np.einsum("ijk,ai,bj,ck->abc", C, u, v, w)) ** 2).sum(),
    ),
    (
        "ring network",
        "theta=#(zax,xby,ycz->abc; th0, th1, th2) \nsum((#(nabc,abc->n; X, theta)-y)^2)",
        "th0",
        dict(th0="zax", th1="xby", th2="ycz", X="nabc", y="n"),
        lambda np, th0, th1, th2, X, y: (
            (np.einsum("nabc,zax,xby,ycz->n", X, th0, th1, th2) - y) ** 2
        ).sum(),
    ),
    (
        "wheel network",
        "theta=#(ijk,zaix,xbjy,yckz->abc; C, th0, th1, th2) \nsum((#(nabc,abc->n; X, theta)-y)^2)",
        "th0",
        dict(C="ijk", th0="zaix", th1="xbjy", th2="yckz", X="nabc", y="n"),
        lambda np, C, th0, th1, th2, X, y: (
            (np.einsum("nabc,ijk,zaix,xbjy,yckz->n", X, C, th0, th1, th2) - y) ** 2
        ).sum(),
    ),
]

# The examples in the documentation of matrixcalculus.org, and its operators one by one.
MATRIX = [
    ("0.5*x'*A*x",                            "x", dict(x="a", A="aa"),          lambda np, x, A: 0.5 * x @ A @ x),
    ("A*exp(x)",                              "x", dict(A="ba", x="a"),          lambda np, A, x: A @ np.exp(x)),
    ("(y.*v)'*x",                             "y", dict(y="a", v="a", x="a"),    lambda np, y, v, x: (y * v) @ x),
    ("a^b",                                   "a", dict(a="", b=""),             lambda np, a, b: a**b),
    ("a^b",                                   "b", dict(a="", b=""),             lambda np, a, b: a**b),
    ("norm1(A*x-y)",                          "x", dict(A="ba", x="a", y="b"),
     lambda np, A, x, y: abs(A @ x - y).sum()),
    ("norm2(A*x-y)^2",                        "x", dict(A="ba", x="a", y="b"),
     lambda np, A, x, y: ((A @ x - y)**2).sum()),
    ("norm2(A*x-y)",                          "x", dict(A="ba", x="a", y="b"),
     lambda np, A, x, y: ((A @ x - y)**2).sum()**.5),
    ("sum(log(exp(-y.*(X*w)) + vector(1)))",  "w", dict(y="n", X="na", w="a"),
     lambda np, y, X, w: np.log(np.exp(-y * (X @ w)) + 1).sum()),
    ("tr(A*X'*B*X*C)",                        "X", dict(A="ab", X="nb", B="nn", C="ba"),
     lambda np, A, X, B, C: np.trace(A @ X.T @ B @ X @ C)),
    ("log(det(inv(X)))",                      "X", dict(X="aa"),
     lambda np, X: -np.log(np.linalg.det(X))),
    ("logdet(X)",                             "X", dict(X="aa"),
     lambda np, X: np.log(np.linalg.det(X))),
    ("x*y'",                                  "x", dict(x="a", y="b"),           lambda np, x, y: np.outer(x, y)),
    ("x'*A",                                  "x", dict(x="a", A="ab"),          lambda np, x, A: x @ A),
    ("exp(x')*y",                             "x", dict(x="a", y="a"),           lambda np, x, y: np.exp(x) @ y),
    ("x'*x*A*y",                              "x", dict(x="a", A="ab", y="b"),   lambda np, x, A, y: x @ x * (A @ y)),
    ("A'*A + c*eye",                          "A", dict(A="ba", c=""),
     lambda np, A, c: A.T @ A + c * np.eye(2)),
    ("inv(A'*A + c*eye)*A'*y",                "y", dict(A="ba", c="", y="b"),
     lambda np, A, c, y: np.linalg.inv(A.T @ A + c * np.eye(2)) @ A.T @ y),
    ("A^-1",                                  "A", dict(A="aa"),                 lambda np, A: np.linalg.inv(A)),
    ("A^3*x",                                 "A", dict(A="aa", x="a"),          lambda np, A, x: A @ A @ A @ x),
    ("x.^2",                                  "x", dict(x="a"),                  lambda np, x: x**2),
    ("x.^y",                                  "x", dict(x="a", y="a"),           lambda np, x, y: x**y),
    ("2^a + 2.^x",                            "x", dict(a="", x="a"),            lambda np, a, x: 2**a + 2**x),
    ("x./y/a",                                "y", dict(x="a", y="a", a=""),     lambda np, x, y, a: x / y / a),
    ("-x'*y",                                 "x", dict(x="a", y="a"),           lambda np, x, y: -x @ y),
    ("diag(x)*A",                             "x", dict(x="a", A="ab"),          lambda np, x, A: np.diag(x) @ A),
    ("vector(1)'*A*vector(2)",                "A", dict(A="ab"),                 lambda np, A: 2 * A.sum()),
    ("sum(A.*matrix(3))",                     "A", dict(A="ab"),                 lambda np, A: 3 * A.sum()),
    ("sum(sin(x)+cos(x)+tanh(x))",            "x", dict(x="a"),
     lambda np, x: (np.sin(x) + np.cos(x) + np.tanh(x)).sum()),
    ("sum(abs(x).*sign(y)) + sum(relu(x))",   "x", dict(x="a", y="a"),
     lambda np, x, y: (abs(x) * np.sign(y)).sum() + np.maximum(x, 0).sum()),
    ("det(A)*tr(A)",                          "A", dict(A="aa"),
     lambda np, A: np.linalg.det(A) * np.trace(A)),
]  # fmt: skip
EXAMPLES = [("einsum", *row[1:]) for row in DIFF] + [("matlab", *row) for row in MATRIX]
every = pytest.mark.parametrize(
    ("language", "text", "wrt", "axes", "plain"),
    EXAMPLES,
    ids=[f"{row[0]}: {row[1]}, {row[2]}" for row in EXAMPLES],
)


def arrays(axes):
    """Positive numbers, and well-conditioned square matrices."""
    rng = np.random.default_rng(1)
    made = {name: rng.uniform(0.5, 1.5, [SIZES[c] for c in word]) for name, word in axes.items()}
    return {
        name: a + 3 * np.eye(len(a)) if len(set(axes[name])) < a.ndim == 2 else a
        for name, a in made.items()
    }


@every
def test_values(language, text, wrt, axes, plain):
    e, given = ed.parse(text, language=language), arrays(axes)
    np.testing.assert_allclose(ed.evaluate(e, given), plain(np, **given), rtol=1e-12)


@every
def test_derivatives_are_those_of_jax(language, text, wrt, axes, plain):
    jax = pytest.importorskip("jax")
    import judge

    given = arrays(axes)
    _, want = judge.orders(lambda a: plain(jax.numpy, **given | {wrt: a}), given[wrt], 1)
    got = ed.evaluate(ed.derive(ed.parse(text, language=language), wrt), given)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)


@every
def test_derivatives_pass_the_check(language, text, wrt, axes, plain):
    assert ed.check(ed.parse(text, language=language), wrt, arrays(axes)).ok


EQUAL = [  # texts of diff.einsum.org that are the same expressions
    ("A@B",                              "einsum('ij,jk->ik', A, B)"),
    ("A: ijk\nB: kl\nA@B",               "A: ijk\nB: kl\neinsum('ijk,kl->ijl', A, B)"),
    ("u, v: i\nu@v",                     "u, v: i\neinsum('i,i->', u, v)"),
    ("A@@B",                             "einsum('ij,kl->ijkl', A, B)"),
    ("u: i\nA@@u",                       "A: jk\nu: i\neinsum('jk,i->jki', A, u)"),
    ("A*B/2 - -A",                       "A, B: ij\nA*B/2 + A"),
    ("-A^2",                             "A: ij\n-(A**2)"),
    ("2^3^2*A",                          "A: ij\n512*A"),
    ("|A|",                              "A: ij\nabs(A)"),
    ("|A-|B||",                          "A, B: ij\nabs(A - abs(B))"),
    ("||A||*A",                          "A: ij\nnorm(A)*A"),
    ("asin(A)+acos(A)+atan(A)",          "A: ij\narcsin(A) + arccos(A) + arctan(A)"),
    ("tr(A)",                            "trace(A)"),
    ("#(ij->ji;A)",                      "A: ij\nA.T"),
    ("#('ijk,ia,jb,kc\n->abc', K, A, B, C)", "einsum('ijk,ia,jb,kc->abc', K, A, B, C)"),
    ("B = A + A B*B",                    "A: ij\n4*A*A"),
    ("B = A C = B B*C // no ends",       "A: ij\nA*A"),
    ("// nothing\nB = #('ij->ji', A)\n\nB - B", "A: ij\nA.T - A.T"),
    ("inv(A) + adj(A)",                  "inv(A) + adj(A)"),
    ("A",                                "A: ij\nA"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "same"), EQUAL, ids=[row[0] for row in EQUAL])
def test_texts_of_the_first_language(text, same):
    assert ed.parse(text, language="diff.einsum.org") == ed.parse(same)


def test_matrixcalculus_knows_by_the_letter():
    e = ed.parse("a*x'*A*h + g", language="matrixcalculus.org")
    assert e == ed.parse("a, g:\nx, h: i\nA: ij\na * (x @ A @ h) + g")
    assert ed.parse("T: i\nw: ij\nT'*w*T", language="matrixcalculus") == ed.parse(
        "T: i\nw: ij\nT @ w @ T"
    )
    assert ed.parse("x'", language="matlab") == ed.tensor("x", "i")  # a row has one axis here too


def test_the_square_of_a_norm_has_a_derivative_at_zero():
    g = ed.grad(ed.parse("norm2(A*x)^2", language="matlab"), "x")
    assert ed.evaluate(g, A=np.ones((2, 2)), x=np.zeros(2)).tolist() == [0, 0]


WRONG_EINSUM = [
    ("the page's own slip",     "norm(T - #(ijk,ai,bj,ck->abc; C, u, v, w))^2)",  ")\n",  "closes nothing"),
    ("no operator",             "A B",               "B",     "operator is missing"),
    ("three statements, one",   "B = A A C = 1",     "C",     "operator is missing before"),
    ("nothing behind",          "A +",               "+",     "operand is missing behind"),
    ("nothing before",          "* A",               "*",     "operand is missing before"),
    ("an open bar",             "|A + B",            "|",     "bar is never closed"),
    ("a bar that closes late",  "(|A)|",             ")|",    "operator is missing before"),
    ("a closing bar",           "A|",                "|",     "operator is missing before"),
    ("bars that touch",         "||A| - 2|",         "| -",   "where bars touch"),
    ("a comment in Python",     "# nothing\nA",      "#",     "an einsum is written"),
    ("an open header",          "#(ij->ji)",         "#",     "an einsum is written"),
    ("no such function",        "foo(A)",            "foo",   "no function 'foo'"),
    ("a function as a value",   "exp + A",           "exp",   "is a function"),
    ("operands, too few",       "#('ij,jk->ik', A)", "#",     "2 operands in the subscripts, but 1"),
    ("subscripts",              "#('ij->k', A)",     "k'",    "output label 'k'"),
    ("subscripts, unquoted",    "#(ij->k; A)",       "k;",    "output label 'k'"),
    ("a comma",                 "A, B",              ",",     "between the arguments"),
    ("a comma in parentheses",  "(A, B)",            ",",     "between the arguments"),
    ("no argument",             "sum()",             "sum",   "missing"),
    ("an empty parenthesis",    "A + ()",            ")",     "operand is missing before"),
    ("an entry",                "A[0]",              "[",     "einsum says it"),
    ("an attribute",            "A.T",               ".",     "dot"),
    ("dunder",                  "A + __import__",    "__import__", "underscores"),
    ("a keyword",               "lambda + A",        "lambda", "keyword"),
    ("a vector as exponent",    "A: ij\nu: i\nA^u",  "^",     "only scalars broadcast"),
    ("a huge power",            "9^9^9^9*A",         "^9^9*A", "more than floats hold"),
    ("axes",                    "A: ij\nu: i\nA+u",  "+",     "only scalars broadcast"),
]  # fmt: skip
WRONG_MATLAB = [
    ("two columns",             "x*y",               "*",     "a column \\* a column has no meaning"),
    ("two rows",                "x'*y'",             "*",     "a row \\* a row has no meaning"),
    ("a matrix and a row",      "A*x'",              "*",     "a matrix \\* a row"),
    ("a column and a matrix",   "x*A",               "*",     "a column \\* a matrix"),
    ("a row and a column",      "x + y'",            "+",     "a row meets a column"),
    ("entries of both",         "x.*y'",             ".*",    "a row meets a column"),
    ("a matrix and a column",   "A + x",             "+",     "only scalars broadcast"),
    ("division by a matrix",    "A/B",               "/",     r"write \./ for entries"),
    ("power of a vector",       "x^2",               "^",     r"write \.\^ for powers of entries"),
    ("a matrix in the air",     "2^A",               "^",     "a scalar \\^ a matrix"),
    ("half a power",            "A^0.5",             "^",     "whole number"),
    ("a negative base",         "(-2)^a",            "^",     "positive number to the left"),
    ("three axes",              "T: ijk\nT'",        "'",     "transposes vectors and matrices"),
    ("three axes, a product",   "T: ijk\nT*x",       "*x",    "3 axes \\* a column"),
    ("trace of a vector",       "tr(x)",             "tr",    "trace needs 2 axes"),
    ("a vector of nothing",     "vector()",          "vector", "takes one argument, not 0"),
    ("a norm of two",           "norm1(x, y)",       "norm1", "takes one argument, not 2"),
    ("vector as a value",       "vector*x",          "vector", "is a function"),
    ("an identity of three",    "eye(3)",            "eye",   "no function 'eye'"),
    ("no operator",             "x'y",               "y",     "a product is written"),
    ("a quoted string",         "'x'",               "'",     "operand is missing before"),
    ("Python's power",          "A**2",              "*2",    "operand is missing before"),
    ("Python's comment",        "# A\nA",            "#",     "cannot be read"),
    ("an entry",                "A(1)",              "A",     "no function 'A'"),
    ("a column of numbers",     "[1; 2]*x",          "[",     "einsum says it"),
    ("left division",           "A\\x",              "\\",    "cannot be read"),
    ("a huge power",            "(9^9)^(9^9)*x",     "^(",    "more than floats hold"),
    ("an axis",                 "sum(A, x)",         "sum",   "an axis is an int or a name"),
    ("dunder",                  "x.__class__",       ".",     "dot"),
]  # fmt: skip
WRONG = [("einsum", *row) for row in WRONG_EINSUM] + [("matlab", *row) for row in WRONG_MATLAB]


@pytest.mark.parametrize(
    ("language", "text", "at", "message"),
    [(row[0], *row[2:]) for row in WRONG],
    ids=[f"{row[0]}: {row[1]}" for row in WRONG],
)
def test_refused_with_a_caret(language, text, at, message):
    refused_behind("", text, at, message, language=language)


@pytest.mark.parametrize("language", ["einsum", "matlab"])
@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("(" * (N - 1), 100, "more than 100 parentheses"),
        ("exp(" * (N // 5), 403, "more than 100 parentheses"),
        ("-" * (N - 1) + "x", 100, "more than 100 signs"),
        ("2" + "^2" * (N // 2 - 1), 201, "more than 100 signs or powers"),
        ("x" + "+x" * (N // 2 - 1), 1999, "chain of more than 1000"),
        ("9" * (N - 1), 0, "more than floats"),
        ("x" * 10**6, None, "limits.characters"),
    ],
)
def test_large_texts_are_refused_in_a_few_steps(language, text, at, message):
    refused(text, at, message, language=language)


def test_carriages_of_bars_and_quotes_end():
    with pytest.raises(ed.ParseError, match="chain of more than 1000"):
        ed.parse("|" * (N - 1), language="einsum")
    with pytest.raises(ed.ParseError, match="chain of more than 1000"):
        ed.parse("x" + "'" * (N - 1), language="matlab")
    assert ed.parse("x" + "'" * 900, language="matlab") == ed.tensor("x", "i")
