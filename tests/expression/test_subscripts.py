"""Strings to labels: letters and words, ellipses, implicit outputs as NumPy has them, unused letters."""

import re
from itertools import chain, count

import numpy as np
import pytest

from einderiv.errors import LimitError, ParseError, ShapeError, limits
from einderiv.expression import ELLIPSIS, LETTERS, fresh_names, is_name, read
from einderiv.expression.subscripts import Notation, Term, expand

D = ELLIPSIS


def labels_of(notation):
    output = notation.output
    return [t.labels for t in notation.inputs], None if output is None else output.labels


READ = [
    # text                      inputs                              output
    ("",                       [()],                              None),
    ("->",                     [()],                              ()),
    (",",                      [(), ()],                          None),
    (",,->",                   [(), (), ()],                      ()),
    ("i",                      [("i",)],                          None),
    ("ii->",                   [("i", "i")],                      ()),
    ("->ii",                   [()],                              ("i", "i")),
    ("i->ij",                  [("i",)],                          ("i", "j")),
    ("iJ,Jk->ik",              [("i", "J"), ("J", "k")],          ("i", "k")),
    (" ij , jk\t-> ik\n",      [("i", "j"), ("j", "k")],          ("i", "k")),
    ("...",                    [(D,)],                            None),
    ("i...j->...",             [("i", D, "j")],                   (D,)),
    ("...i,i... -> i ...",     [(D, "i"), ("i", D)],              ("i", D)),
    ("a b,c->a",               [("a", "b"), ("c",)],              ("a",)),
    ("batch in,in out->batch", [("batch", "in"), ("in", "out")],  ("batch",)),
    ("ij,j k->k",              [("ij",), ("j", "k")],             ("k",)),   # words: `ij` is one of them
    ("i,j->a b",               [("i",), ("j",)],                  ("a", "b")),
    ("a b... ,c",              None,                              "stands between blanks"),
    ("h w ... -> ... h",       [("h", "w", D)],                   (D, "h")),
    ("_a x_1->x_1",            [("_a", "x_1")],                   ("x_1",)),
    ("\u03b1\u03b2,\u03b2\u00e9->\u03b1\u00e9",               [("\u03b1", "\u03b2"), ("\u03b2", "\u00e9")],          ("\u03b1", "\u00e9")),
    ("\u0131\u0142->",              [("\u0131", "\u0142")],                    ()),
    ("\u03bb\u03bb x->x",           [("\u03bb\u03bb", "x")],                   ("x",)),
    ("if for->if",             [("if", "for")],                   ("if",)),  # labels, not names: bind nothing
]  # fmt: skip


@pytest.mark.parametrize(("text", "inputs", "output"), READ)
def test_read(text, inputs, output):
    if inputs is None:
        with pytest.raises(ParseError, match=output):
            read(text)
        return
    notation = read(text)
    assert labels_of(notation) == (inputs, output)
    assert notation.text == text
    assert not notation.numbered


@pytest.mark.parametrize("text", [row[0] for row in READ if row[1] is not None])
def test_positions_point_at_the_labels(text):
    notation = read(text)
    for term in (*notation.inputs, *([notation.output] if notation.output else [])):
        assert len(term.labels) == len(term.positions)
        for label, position in zip(term.labels, term.positions, strict=True):
            assert text.startswith(label, position)
    starts = [0] + [p + 1 for p, c in enumerate(text.partition("->")[0]) if c == ","]
    assert [t.start for t in notation.inputs] == starts


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("i->j->k", 4, "a second arrow"),
        ("i>j", 1, "a stray '>'"),
        ("i->j,k", 4, "a comma in the output"),
        ("i.j", 1, "an ellipsis is three dots"),
        ("i..", 1, "an ellipsis is three dots"),
        ("...i...", 4, "a second ellipsis"),
        ("i1,j", 1, "'1' is no letter"),
        ("a 1b,c->a", 2, "no sign before '1'"),
        ("a b ... ...", 8, "a second ellipsis"),
        ("i\u017f", 1, r"U\+017F \(LATIN SMALL LETTER LONG S\) is no label, did you mean 's'\?"),
        ("i\u00b5", 1, r"U\+00B5 \(MICRO SIGN\) is no label, did you mean '\u03bc'\?"),
        ("e\u0301", 1, r"U\+0301 .*the interleaved form einsum\(X, \[0, 1\], …\) takes numbers"),
        ("i\u0430", 1, r"U\+0430 \(CYRILLIC SMALL LETTER A\) is no label: labels are ASCII, Greek"),
        ("i\u00d7k", 1, r"U\+00D7 \(MULTIPLICATION SIGN\)"),
        ("i\u00b2", 1, r"U\+00B2 \(SUPERSCRIPT TWO\)"),
        ("i\u03e3", 1, r"U\+03E3 \(COPTIC SMALL LETTER SHEI\)"),
        ("i\u1f00", 1, r"U\+1F00 \(GREEK SMALL LETTER ALPHA WITH PSILI\)"),
        ("i\ud800", 1, r"U\+D800 \(unnamed\)"),
    ],
)
def test_refused_at_the_first_character_at_fault(text, position, message):
    with pytest.raises(ParseError, match=message) as info:
        read(text)
    assert info.value.position == position


@pytest.mark.parametrize("text", [None, 3, b"ij", ["ij"]])
def test_only_strings_are_read(text):
    with pytest.raises(TypeError, match=rf"must be a string such as .*, not {type(text).__name__}"):
        read(text)


def test_length_is_limited():
    with limits.override(characters=5):
        assert labels_of(read("ij->i")) == ([("i", "j")], ("i",))
        with pytest.raises(LimitError, match="6 characters are over the limit of 5"):
            read("ij->ij")


EXPAND = [
    # text                   ranks          inputs                                        output
    ("->",               [0],          [()],                                      ()),
    ("ij,jk",            [None, None], [("i", "j"), ("j", "k")],                  ("i", "k")),
    ("ij,jk",            [2, None],    [("i", "j"), ("j", "k")],                  ("i", "k")),
    ("...",              [0],          [()],                                      ()),
    ("...",              [2],          [("...0", "...1")],                        ("...0", "...1")),
    ("...i,i",           [3, 1],       [("...0", "...1", "i"), ("i",)],           ("...0", "...1")),
    ("...,...->...",     [1, 3],       [("...2",), ("...0", "...1", "...2")],     ("...0", "...1", "...2")),
    ("i...,...j->j...i", [2, 3],       [("i", "...1"), ("...0", "...1", "j")],    ("j", "...0", "...1", "i")),
    ("...i,i->i",        [1, 1],       [("i",), ("i",)],                          ("i",)),
    ("i->i...",          [1],          [("i",)],                                  ("i",)),
    ("ba",               [2],          [("b", "a")],                              ("a", "b")),
    ("bA",               [2],          [("b", "A")],                              ("A", "b")),
    ("z y,y x w",        [2, 3],       [("z", "y"), ("y", "x", "w")],             ("w", "x", "z")),
    ("iij",              [3],          [("i", "i", "j")],                         ("j",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ranks", "inputs", "output"), EXPAND)
def test_expand(text, ranks, inputs, output):
    assert expand(read(text), ranks) == (inputs, output)


@pytest.mark.parametrize(
    ("text", "ranks"),
    [
        ("", [0]),
        (",", [0, 0]),
        ("i", [1]),
        ("ba", [2]),
        ("bA,Ac", [2, 2]),
        ("iij", [3]),
        ("ii", [2]),
        ("i,i", [1, 1]),
        ("ij,jk,kl", [2, 2, 2]),
        ("...", [3]),
        ("...i,i...", [3, 2]),
        ("b...a", [3]),
        ("...,...", [1, 2]),
        ("j...,...i", [2, 4]),
        ("i...i", [3]),
        ("zyx", [3]),
        ("aZ", [2]),
        ("a...,b", [1, 1]),
        ("ij->ji", [2]),
        ("...ij,...jk->...ik", [3, 4]),
        ("i...->...i", [3]),
    ],
)
def test_outputs_are_those_of_numpy(text, ranks):
    inputs, output = expand(read(text), ranks)
    number = dict(zip(dict.fromkeys(chain(*inputs)), count(2)))  # each a size of its own, none 1
    arrays = [np.ones([number[x] for x in labels]) for labels in inputs]
    assert np.einsum(text, *arrays).shape == tuple(number[x] for x in output)


@pytest.mark.parametrize(
    ("text", "ranks", "kind", "message", "position"),
    [
        ("i,j", [1], ParseError, "2 operands in the string, but 1 operand given", 2),
        ("i,j", [1, 1, 1], ParseError, "2 operands in the string, but 3 operands given", 2),
        ("i,jk", [1, 1], ShapeError, "operand 1 has 1 axis, but 2 labels here", 2),
        ("i,", [1, 2], ShapeError, "operand 1 has 2 axes, but 0 labels here", 2),
        ("ij...", [1], ShapeError, "operand 0 has 1 axis, but 2 labels beside the ell", 0),
        ("i,j...", [1, None], ParseError, "'...' needs a known number of axes for operand 1", 3),
    ],
)
def test_expand_refuses(text, ranks, kind, message, position):
    with pytest.raises(kind, match=re.escape(message)) as info:
        expand(read(text), ranks)
    assert info.value.position == position


@pytest.mark.parametrize(
    ("word", "fit"),
    [
        ("X", True),
        ("x_1", True),
        ("_", True),
        ("batch", True),
        ("match", True),
        ("X" * 1000, True),
        ("", False),
        ("1x", False),
        ("a b", False),
        ("a-b", False),
        ("class", False),
        ("None", False),
        ("é", False),
        ("X\n", False),
        ("a.b", False),
        ("\u0430", False),
    ],
)
def test_is_name(word, fit):
    assert is_name(word) is fit


A1 = [f"{c}1" for c in LETTERS]


@pytest.mark.parametrize(
    ("number", "used", "names"),
    [
        (0, set(), []),
        (2, set(), ["a", "b"]),
        (3, {"a", "c"}, ["b", "d", "e"]),
        (1, set(LETTERS[:26]), ["A"]),
        (2, set(LETTERS) - {"q"}, ["q", "a1"]),
        (2, {*LETTERS, "a1"}, ["b1", "c1"]),
        (54, set(), [*LETTERS, "a1", "b1"]),
        (2, {*LETTERS, *A1}, ["a2", "b2"]),
    ],
)
def test_fresh_names(number, used, names):
    assert fresh_names(number, used) == names
    assert not used.intersection(names)


def test_a_notation_of_lists_says_so():
    notation = Notation("", (Term(("a",), (0,), 0),), None, numbered=True)
    assert expand(notation, [1]) == ([("a",)], ("a",))


@pytest.mark.parametrize(
    "text", ["sum((X@w-y)**2)", "X @ w", "a-b", "x = y; x", "exp(x)", "x/y", "x: i", "2*x", "x^2"]
)
def test_a_formula_is_sent_to_parse(text):
    with pytest.raises(ParseError, match=r"ed\.parse\(text\)"):
        read(text)
