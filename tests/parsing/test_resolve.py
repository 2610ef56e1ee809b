"""How many axes the tensors of a text have, where nobody says so."""

import pytest
from refusals import refused_behind

import einderiv as ed
from einderiv.expression import tensors_of

INFERRED = [  # the axes of undeclared tensors, from where they stand
    ("sum((T - einsum('nk,mk->nm', U, V))**2)",     {"T": 2, "U": 2, "V": 2}),
    ("trace(A + B)",                                {"A": 2, "B": 2}),
    ("logdet(A) + sum(inv(B))",                     {"A": 2, "B": 2}),
    ("v: i\nexp(v - tanh(-u))",                     {"v": 1, "u": 1}),
    ("M: ij\nM - N.T",                              {"M": 2, "N": 2}),
    ("M: ij\n(M > N) * (N - P**2)",                 {"M": 2, "N": 2, "P": 2}),
    ("M: ij\nmaximum(M, N)",                        {"M": 2, "N": 2}),
    ("M: ij\nu, v: i\nM - (u - w) @ v",             {"M": 2, "u": 1, "v": 1, "w": 1}),
    ("M: ij\nM - softmax(N, axis=0)",               {"M": 2, "N": 2}),
    ("U, V: ik\nT - U @ V.T",                       {"U": 2, "V": 2, "T": 2}),
    ("a = b + c\nd = c - f\neinsum('i,i->', f, d) * sum(a)", {"b": 1, "c": 1, "f": 1}),
    ("einsum('ijk->', T) + sum(T - exp(T2))",       {"T": 3, "T2": 3}),
    ("s:\ns + einsum('->', q)",                     {"s": 0, "q": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ranks"), INFERRED, ids=[row[0] for row in INFERRED])
def test_axes_are_inferred(text, ranks):
    known = {name: tensor.ndim for name, tensor in tensors_of(ed.parse(text)).items()}
    assert {name: n for name, n in known.items() if name in ranks} == ranks


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("X", "X"),
        ("sum(X)", "X"),
        ("sum(X @ w)", "X"),
        ("X: ij\nX * y", "y"),
        ("X: ij\nX @ y", "y"),
        ("s:\ns + y", "y"),
        ("sum(softmax(z))", "z"),
        ("exp(q)", "q"),
        ("q.T", "q"),
        ("q**2", "q"),
    ],
)
def test_axes_that_nothing_says_are_asked_for(text, name):
    with pytest.raises(
        ed.ParseError, match=rf"how many axes has '{name}'\? Write them .*'{name}: ij'"
    ) as info:
        ed.parse(text)
    assert info.value.position == text.rindex(name)


def test_a_name_near_a_declared_one_is_suggested():
    with pytest.raises(ed.ParseError, match=r"how many axes has 'wieght'.*did you mean 'weight'"):
        ed.parse("weight: ij\nsum(wieght)")


CONFLICTS = [  # the text, where the use is that does not fit the ones before
    ("einsum('ij->', X) + einsum('ijk->', X)",       "ijk",  "operand 0 .X. has 2 axes, but 3 labels"),
    ("einsum('i,ij->j', X, X)",                      "ij->", "operand 1 .X. has 1 axis, but 2 labels"),
    ("trace(X) + einsum('i->', X)",                  "i->",  "operand 0 .X. has 2 axes, but 1 label"),
    ("X: ij\neinsum('ijk->', X)",                    "ijk",  "operand 0 .X. has 2 axes, but 3 labels"),
    ("X: ijk\nlogdet(X - X) + trace(X)",             "trace", "trace needs 2 axes, but X has 3"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "message"), CONFLICTS, ids=[row[0] for row in CONFLICTS])
def test_uses_that_contradict_each_other(text, at, message):
    refused_behind("", text, at, message)


def test_tensors_of_the_caller():
    X, inner = ed.tensor("X", "ij"), ed.tanh(ed.tensor("V", "jk"))
    assert ed.parse("X @ V", tensors={"X": X, "V": inner}) == X @ inner
    assert ed.parse("sum(M)", tensors={"M": ("a", 3)}).ndim == 0
    assert ed.parse("M - N", tensors={"M": "ij"}).ndim == 2


@pytest.mark.parametrize(
    ("tensors", "kind", "message"),
    [
        ({"X": 3}, TypeError, "axes must be a string or a sequence"),
        ({"X": "i1"}, ed.ParseError, "ASCII identifier"),
        ({"exp": "i"}, ed.EinderivError, "'exp', which is a function"),
        ({3: "i"}, TypeError, "name of a tensor must be a string"),
        ("X", TypeError, "must be a mapping"),
        ({"X": "ij"}, ed.ParseError, "'X' is declared twice"),
    ],
)
def test_tensors_that_cannot_be_used(tensors, kind, message):
    with pytest.raises(kind, match=message):
        ed.parse("X: ij\nX", tensors=tensors)
