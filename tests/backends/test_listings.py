"""Loops that run on their own; Julia's source, read by a small reader of OMEinsum's notation."""

import keyword
import re

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends import LISTINGS, listing
from einderiv.cli import main

SHAPES = {
    "A": (3, 4),
    "B": (4, 2),
    "C": (2, 3),
    "S": (4, 4),
    "x": (4,),
    "y": (3,),
    "T": (3, 4, 2),
    "i": (3,),
    "j": (3, 4),
    "end": (4,),
    "sigmoid": (4,),
}
AT = {name: np.random.default_rng(0).integers(-3, 4, shape) for name, shape in SHAPES.items()}
x = ed.tensor("x", "j")
PRODUCTS = {
    "chain":      lambda: ed.einsum("ij,jk,kl->il", "A", "B", "C"),
    "by first":   lambda: ed.derive(ed.einsum("ij,jk,kl->il", "A", "B", "C"), "A"),
    "by middle":  lambda: ed.derive(ed.einsum("ij,jk,kl->il", "A", "B", "C"), "B"),
    "by itself":  lambda: ed.derive(ed.tensor("A", "ij"), "A"),
    "diagonal":   lambda: ed.einsum("ii->i", "S"),
    "its derivative": lambda: ed.derive(ed.einsum("ii->i", "S"), "S"),
    "diag":       lambda: ed.einsum("i->ii", "x"),
    "sum":        lambda: ed.einsum("ijk->j", "T"),
    "scalar":     lambda: ed.einsum("ij,ij->", "A", "A"),
    "scaled":     lambda: -3 * ed.einsum("ij,j->i", "A", "x"),
    "two terms":  lambda: ed.hessian(ed.einsum("i,ij,j->", "x", "S", "x"), "x"),
    "named as a label": lambda: ed.einsum("i,ij->j", "i", "A"),
    "names and labels": lambda: ed.einsum("i i_, i->i_", "A", "i"),
    "named as a word of Julia": lambda: ed.einsum("j,ij->i", "end", "A"),
    "array":      lambda: ed.einsum("ij,j->i", "A", AT["x"]),
    "zero":       lambda: ed.derive(ed.einsum("ij->i", "A"), x),
    "a number":   lambda: ed.einsum("ij->", "A") * 0 + 2,
}  # fmt: skip
FUNCTIONS = {
    "a label": lambda: ed.sin(ed.tensor("j", "ij")) * 2 + ed.tensor("j", "ij"),
    "tanh":    lambda: ed.derive(ed.tanh(ed.einsum("ij,j->i", "A", "x")), "x"),
    "exp":     lambda: ed.exp(ed.tensor("x", "j")) * 2 - 1,
    "power":   lambda: ed.tensor("x", "j") ** 3,
    "maximum": lambda: ed.maximum(ed.tensor("x", "j"), 0),
    "sigmoid": lambda: ed.sigmoid(ed.tensor("sigmoid", "j")) + ed.tensor("x", "j"),
    "two helpers": lambda: ed.sigmoid(ed.softplus(ed.tensor("x", "j"))),
}  # fmt: skip


def arguments(source, opening):
    inside = re.search(opening + r"\((.*?)\)", source).group(1)
    names, _, free = inside.replace("*, ", ";").partition(";")
    return [n.strip() for n in names.split(",") if n.strip()], [
        n.strip() for n in free.split(",") if n.strip()
    ]


def given(e, names):
    held = [AT["x"]]
    return [
        held[int(n.removeprefix("array"))] if n.startswith("array") else AT[n.rstrip("_")]
        for n in names
    ]


@pytest.mark.parametrize("language", LISTINGS)
def test_the_example_of_every_language(language, capsys):
    row = LISTINGS[language]
    e = ed.einsum("ij,jk->ik")
    assert row.example in ed.source(e, language)

    words = ["--wrt", "C", "--format", "python", "--backend", language]
    assert main(["derive", "ij,jk,->ik", *words]) == 0  # a number times the product
    assert row.example in capsys.readouterr().out

    for word in row.reserved - set(keyword.kwlist):  # no tensor can be called as one of Python's
        x = ed.tensor(word, "p")
        assert f"compute({word}_" in ed.source(ed.einsum("p->", x), language)


@pytest.mark.parametrize("name", [*PRODUCTS, *FUNCTIONS])
def test_loops_run_on_their_own(name):
    e = {**PRODUCTS, **FUNCTIONS}[name]()
    source = ed.source(e, "loops")
    assert "einderiv" not in source
    scope = {}
    exec(source, scope)
    names, free = arguments(source, "def compute")
    want = ed.evaluate(e, {n: AT[n] for n in ed.compile(e).tensors})
    sizes = [3, 4] if name == "by itself" else np.shape(want)
    got = scope["compute"](*[a.tolist() for a in given(e, names)], **dict(zip(free, sizes)))
    np.testing.assert_array_equal(got, want) if name in PRODUCTS else np.testing.assert_allclose(
        got, want, rtol=1e-14
    )


EIN = re.compile(r'(?:(\S+) \.\* )?ein"([\w,]*)->(\w*)"\((.*)\)$')


def read(source, values):
    """The value of a source that has products and sums only."""

    def value(text):
        if (found := re.fullmatch(r"ones\((?:size\((\w+), (\d+)\)|(\w+))\)", text)) is not None:
            name, axis, free = found.groups()
            return np.ones(values[name].shape[int(axis) - 1] if name else values[free], int)
        return values[text]

    def computed(text):
        if (found := EIN.match(text)) is not None:
            number, inputs, out, operands = found.groups()
            parts = [value(p) for p in re.split(r", (?![^(]*\))", operands)]
            distinct = "".join(dict.fromkeys(out))
            core = np.einsum(f"{inputs}->{distinct}", *parts)
            sizes = dict(zip(distinct, core.shape))
            full = np.zeros([sizes[c] for c in out], core.dtype)
            (np.einsum(f"{out}->{distinct}", full) if out else full)[...] = core
            return full * int(number or 1)
        if text.startswith("zeros("):
            return 0
        if text.startswith("fill("):
            return int(text[5:-1])
        return sum(values[t] for t in text.split(" .+ "))

    for line in source.splitlines():
        if (found := re.match(r"    (t\d+) = (.*)", line)) is not None:
            values[found.group(1)] = computed(found.group(2))
        elif line.startswith("    return "):
            text = line.removeprefix("    return ")
            return values[text] if text in values else computed(text)
    raise AssertionError(source)


@pytest.mark.parametrize("name", PRODUCTS)
def test_julia_says_the_same(name):
    e = PRODUCTS[name]()
    source = ed.source(e, "julia")
    assert source.startswith("using OMEinsum\n")
    assert source.endswith("end\n")
    names, free = arguments(source, "function compute")
    assert "end" not in names
    want = ed.evaluate(e, {n: AT[n] for n in ed.compile(e).tensors})
    values = dict(zip(names, given(e, names)))
    values.update(zip(free, [3, 4] if name == "by itself" else np.shape(want)))
    assert np.array_equal(read(source, values) + 0 * np.asarray(want), want)


JULIA = [
    (lambda: ed.tanh(x), "tanh.(x)"),
    (lambda: ed.sigmoid(x), "1 ./ (1 .+ exp.(.-x))"),
    (lambda: x**1.5, "x .^ 1.5"),
    (lambda: ed.softmax(x, 0), "exp.(x .- maximum(x, dims=ndims(x)))"),
    (lambda: ed.logdet(ed.tensor("S", "ij")), "fill(logabsdet(S)[1])"),
    (lambda: ed.maximum(x, x * x), "max.(x, t0)"),
]


@pytest.mark.parametrize(("make", "text"), JULIA, ids=[text for _, text in JULIA])
def test_functions_in_julia(make, text):
    assert text in ed.source(make(), "julia")


@pytest.mark.parametrize(
    ("e", "style", "error", "match"),
    [
        (ed.erf(x), "julia", ed.BackendError, "erf has no form in Julia"),
        (ed.softmax(x, 0), "loops", ed.BackendError, "softmax has no form in loops"),
        ([x], "loops", TypeError, "of one expression"),
    ],
)
def test_what_has_no_form(e, style, error, match):
    with pytest.raises(error, match=match):
        ed.source(e, style)


def test_too_long():
    e = x
    for _ in range(201):
        e = ed.tanh(e)
    with pytest.raises(ed.LimitError, match="shows nothing"):
        listing(e, "loops")


LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("output", ["", LETTERS[:3], LETTERS])
def test_loops_that_python_compiles(output):
    def nested(count):
        return listing(ed.einsum(f"{LETTERS[:count]}->{output[:count]}"), "loops")

    compile(nested(20), "loops", "exec")
    with pytest.raises(ed.LimitError, match=r"21 loops in one another.*20"):
        nested(21)
    with pytest.raises(ed.LimitError, match="21 loops in one another"):
        listing(ed.exp(ed.tensor("X", LETTERS[:21])), "loops")


u, w = ed.tensor("u", (6,)), ed.tensor("w", (3,))
ROWS, COLUMNS = np.array([2, 0, 2]), np.array([1, 3, 3])
WINDOW = ed.einsum("i+k,k->i", u, w)
INDEXED = {  # lines of the loops
    "window": (WINDOW, "t0[i] += u[i + k] * w[k]"),
    "window by u": (ed.derive(WINDOW, u, indices="a"), "if 0 <= a - i < 3:"),
    "window by w": (ed.derive(WINDOW, w, indices="a"), "t0[i, a] = u[i + a]"),
    "reversal": (ed.einsum("5-i->i", u, sizes={"i": 6}), "t0[i] = u[5 - i]"),
    "slice by u": (ed.derive(ed.einsum("2i+1->i", u), u, indices="a"), "t0[i, 2 * i + 1] = 1"),
    "padding": (ed.einsum("i-2->i", u, sizes={"i": 10}), "if 0 <= i - 2 < 6:"),
    "gather": (ed.einsum("(r[e])->e", u, r=ROWS), "t0[e] = u[r[e]]"),
    "part of an array": (ed.einsum("(r[e+1])->e", u, r=ROWS), "t0[e] = u[r[e + 1]]"),
    "segments": (ed.einsum("e->(r[e])", w, r=ROWS, sizes={"r": 4}), "t0[r[e]] += w[e]"),
    "sparse": (
        ed.einsum("e,(c[e])->(r[e])", w, u, r=ROWS, c=COLUMNS, sizes={"r": 4}),
        "t0[r[e]] += w[e] * u[c[e]]",
    ),
    "cumulative": (
        ed.einsum("(i-j),j->i", ed.einsum("->i", sizes={"i": 6}), u, sizes={"i": 6}),
        "if j <= i:",
    ),
    "equation": (
        ed.einsum("(2j-3i),i->ij", ed.einsum("->q", sizes={"q": 1}), w, sizes={"j": 5}),
        "if 2 * j == 3 * i:",
    ),
}


@pytest.mark.parametrize("name", INDEXED)
def test_loops_with_index_expressions(name):
    e, line = INDEXED[name]
    text = listing(e, "loops")
    assert line in text
    arrays = {"u": np.arange(1, 7), "w": np.array([2, 3, 5]), "r": ROWS, "c": COLUMNS}
    scope = {}
    exec(text, scope)
    taken = scope["compute"].__code__.co_varnames[: scope["compute"].__code__.co_argcount]
    found = scope["compute"](*[arrays[name] for name in taken])
    given = {name: arrays[name] for name in "uw" if name in ed.compile(e).tensors}
    assert np.array_equal(found, ed.evaluate(e, given))
    with pytest.raises(ed.BackendError, match="OMEinsum has no index expressions"):
        listing(e, "julia")
