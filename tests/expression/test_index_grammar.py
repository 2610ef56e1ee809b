"""Index expressions in einsum strings: what is read, what is printed, and where a wrong one is at fault."""

import random
import re

import pytest
from work import Calls

import einderiv as ed
from einderiv.errors import EinderivError, ParseError, ShapeError, limits
from einderiv.expression.index_grammar import AxisExpression, labels_of
from einderiv.expression.subscripts import Notation, Term, arrays_of, expand, read


def label(name):
    return AxisExpression(0, ((name, 1),))


e, k = label("e"), label("k")
STRUCTURES = [
    # text              what it is
    ("i+k",             AxisExpression(0, (("i", 1), ("k", 1)))),
    ("k+i",             AxisExpression(0, (("k", 1), ("i", 1)))),
    ("2i+1",            AxisExpression(1, (("i", 2),))),
    ("1+2i",            AxisExpression(1, (("i", 2),))),
    ("2*i+1",           AxisExpression(1, (("i", 2),))),
    ("2 i + 1",         AxisExpression(1, (("i", 2),))),
    ("-i+3",            AxisExpression(3, (("i", -1),))),
    ("3-i",             AxisExpression(3, (("i", -1),))),
    ("i-k-1-2",         AxisExpression(-3, (("i", 1), ("k", -1)))),
    ("007i",            AxisExpression(0, (("i", 7),))),
    ("i+i",             AxisExpression(0, (("i", 2),))),
    ("3i-i-2i",         AxisExpression()),
    ("i-i+k",           AxisExpression(0, (("k", 1),))),
    ("0i+k+1",          AxisExpression(1, (("k", 1),))),
    ("0",               AxisExpression()),
    ("-0",              AxisExpression()),
    ("12",              AxisExpression(12)),
    ("i+0",             AxisExpression(0, (("i", 1),))),
    ("999999999999999999i", AxisExpression(0, (("i", 10**18 - 1),))),
    ("n-1-i",           AxisExpression(-1, (("n", 1), ("i", -1)))),
    ("r[e]",            AxisExpression(0, (), (("r", (e,), 1),))),
    ("r[ e , k ]",      AxisExpression(0, (), (("r", (e, k), 1),))),
    ("2r[2e-1,0]-k+1",  AxisExpression(1, (("k", -1),), (("r", (AxisExpression(-1, (("e", 2),)), AxisExpression()), 2),))),
    ("r[e]+0",          AxisExpression(0, (), (("r", (e,), 1),), plus_0=True)),
    ("i+r[e]-i",        AxisExpression(0, (), (("r", (e,), 1),), plus_0=True)),
    ("r[e]+r[e]",       AxisExpression(0, (), (("r", (e,), 2),))),
    ("r[e]-r[e]+k+1",   AxisExpression(1, (("k", 1),))),
    ("r[e]+r[k]",       AxisExpression(0, (), (("r", (e,), 1), ("r", (k,), 1)))),
    ("r+r[r]",          AxisExpression(0, (("r", 1),), (("r", (label("r"),), 1),))),
    ("irows[e]",        AxisExpression(0, (), (("irows", (e,), 1),))),
    ("i+rows[e]",       AxisExpression(0, (("i", 1),), (("rows", (e,), 1),))),
    ("time+2lag",       AxisExpression(0, (("time", 1), ("lag", 2)))),
    ("x_1+k2",          AxisExpression(0, (("x_1", 1), ("k2", 1)))),
    ("\u03b1+\u00e9",   AxisExpression(0, (("\u03b1", 1), ("\u00e9", 1)))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "axis"), STRUCTURES)
def test_a_sum_with_and_without_brackets(text, axis):
    alone = read(f"{text}->")
    assert alone == Notation(
        f"{text}->", (Term((axis,), (0,), 0),), Term((), (), len(text) + 2), indexed=True
    )
    assert read(f" ( {text} )->").inputs == (Term((axis,), (1,), 0),)
    assert read(f"->{text}").output == Term((axis,), (2,), 2)
    assert hash(axis) == hash(alone.inputs[0].labels[0])
    again = read(f"{axis}->").inputs[0].labels
    assert again == (axis,)


SHOWN = [
    ("k+i",            "k+i"),
    ("1 + 2*i",        "2i+1"),
    ("3-i",            "-i+3"),
    ("i-i",            "0"),
    ("i+0",            "i+0"),      # (i) would be an axis of the size that the label i has
    ("-1+r[e+1]",      "r[e+1]-1"),
    ("0+r[e]",         "r[e]+0"),   # (r[e]) would be a place of the axis
    ("1-2r[ e, 2*k ]", "-2r[e,2k]+1"),
    ("k-r[0]+i",       "k+i-r[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_shown(text, shown):
    (axis,) = read(f"{text}->").inputs[0].labels
    assert str(axis) == axis.text == shown


def spelt(term):
    return [axis if isinstance(axis, str) else f"({axis})" for axis in term.labels]


READ = [
    # text                                    inputs                                            output
    ("n(i+k)c,kcd->nid",                      [["n", "(i+k)", "c"], ["k", "c", "d"]],           ["n", "i", "d"]),
    ("(2i+1)->i",                             [["(2i+1)"]],                                     ["i"]),
    ("batch (time+lag) -> batch time lag",    [["batch", "(time+lag)"]],                        ["batch", "time", "lag"]),
    ("(h w) c -> h w c",                      [["(h w)", "c"]],                                 ["h", "w", "c"]),
    ("(r[e])k,(c[e])k->e",                    [["(r[e])", "k"], ["(c[e])", "k"]],               ["e"]),
    ("i+k,k->i",                              [["(i+k)"], ["k"]],                               ["i"]),
    ("k->i(i+k)",                             [["k"]],                                          ["i", "(i+k)"]),
    ("i,k->i+k",                              [["i"], ["k"]],                                   ["(i+k)"]),
    ("i->-k",                                 [["i"]],                                          ["(-k)"]),
    ("(i-j),j->i",                            [["(i-j)"], ["j"]],                               ["i"]),
    ("r[e,k],s[e]->(r[k,e])s",                [["(r[e,k])"], ["(s[e])"]],                       ["(r[k,e])", "s"]),
    ("...(i+k),k->...i",                      [["...", "(i+k)"], ["k"]],                        ["...", "i"]),
    ("(i)j,(j)->(i)",                         [["i", "j"], ["j"]],                              ["i"]),
    ("(0)k->k",                               [["(0)", "k"]],                                   ["k"]),
    ("->(0)(1)",                              [[]],                                             ["(0)", "(1)"]),
    # letters or words
    ("(hw)c->hwc",                            [["(h w)", "c"]],                                 ["h", "w", "c"]),
    ("(h w)c->hwc",                           [["(h w)", "c"]],                                 ["h", "w", "c"]),
    ("(h w)(h w)->hw",                        [["(h w)", "(h w)"]],                             ["h", "w"]),
    ("(hw) c -> hw c",                        [["hw", "c"]],                                    ["hw", "c"]),
    ("(hh ww) c -> hh ww c",                  [["(hh ww)", "c"]],                               ["hh", "ww", "c"]),
    ("ij + k,k->ij",                          [["(ij+k)"], ["k"]],                              ["ij"]),
    ("2ij->ij",                               [["(2ij)"]],                                      ["ij"]),
    ("(2 ij)->ij",                            [["(2ij)"]],                                      ["ij"]),
    ("i + k,jk->ijk",                         [["(i+k)"], ["j", "k"]],                          ["i", "j", "k"]),
    ("2 i + 1,jk->ijk",                       [["(2i+1)"], ["j", "k"]],                         ["i", "j", "k"]),
    ("n( i + k )c,kc->ni",                    [["n", "(i+k)", "c"], ["k", "c"]],                ["n", "i"]),
    ("n (i+k) c,k c->n i",                    [["n", "(i+k)", "c"], ["k", "c"]],                ["n", "i"]),
    ("(i+rows[e])k,ek->ik",                   [["(i+rows[e])", "k"], ["e", "k"]],               ["i", "k"]),
    ("(2rows[e])k,ek->k",                     [["(2rows[e])", "k"], ["e", "k"]],                ["k"]),
    ("(rows[time+1]) k -> time",              [["(rows[time+1])", "k"]],                        ["time"]),
    ("ij,j->i k",                             [["i", "j"], ["j"]],                              ["i", "k"]),  # as ever
    ("ij,(j)->i k",                           [["ij"], ["j"]],                                  ["i", "k"]),
    ("batch... ->2",                          [["b", "a", "t", "c", "h", "..."]],               ["(2)"]),
    ("a1(k1+1) b -> a1",                      [["a1", "(k1+1)", "b"]],                          ["a1"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "inputs", "output"), READ)
def test_read(text, inputs, output):
    notation = read(text)
    assert [spelt(term) for term in notation.inputs] == inputs
    assert spelt(notation.output) == output
    assert notation.indexed == any("(" in axis for term in (*inputs, output) for axis in term)
    for term in (*notation.inputs, notation.output):
        for axis, position in zip(term.labels, term.positions, strict=True):
            if isinstance(axis, str):
                assert text.startswith(axis, position)
            else:
                first = next(iter(text[position:].strip()))
                assert first == "(" or len(term.labels) == 1


WRONG = [
    # text               position  message
    ("0.5i->i",          1,  "a fraction: an index is a sum of whole numbers"),
    ("(.5i)->i",         1,  "a fraction"),
    ("(2.)->i",          2,  "an ellipsis is three dots"),
    ("i*k->ik",          1,  "a product of labels"),
    ("n*i+j->ij",        1,  "a size cannot be written in a string: ed.flip"),
    ("(r[e]*k)->ek",     5,  "a product of labels"),
    ("i*2->i",           1,  "a number stands before what it multiplies, '2\\*i'"),
    ("2*3i->i",          2,  "a product of numbers"),
    ("2**i->i",          2,  "nothing to multiply before '\\*'"),
    ("*i->i",            0,  "nothing to multiply before '\\*'"),
    ("2*->i",            1,  "nothing behind '\\*'"),
    ("((i+k))->i",       1,  "a bracket in a bracket"),
    ("r[(e)]->e",        2,  "a bracket in a bracket"),
    ("r[s[e]]->e",       3,  "an index array in an index array"),
    ("2(i+k)->i",        1,  "brackets in a sum: multiply out, '2i\\+2k' for '2\\(i\\+k\\)'"),
    ("2*(i+k)->i",       2,  "brackets in a sum: multiply out"),
    ("n(i+k)+1->i",      1,  "brackets in a sum: multiply out"),
    ("()->",             0,  "empty brackets: an axis of one entry is written '\\(0\\)'"),
    ("i,( )->",          2,  "empty brackets"),
    ("r[]->",            2,  "an axis of an index array without a place"),
    ("r[e,]->",          4,  "an axis of an index array without a place"),
    ("[i]->i",           0,  "the name of an index array stands right before its '\\['"),
    ("(2[i])->i",        2,  "the name of an index array stands right before its '\\['"),
    ("r [e]->e",         2,  "the name of an index array stands right before its '\\['"),
    ("r[e][k]->e",       4,  "the name of an index array stands right before its '\\['"),
    ("if[e]->e",         0,  "'if' cannot name an index array"),
    ("i\u03b1[e]->e",    0,  "cannot name an index array"),
    ("r[ij]->ij",        2,  "'ij' are labels side by side: commas part the axes"),
    ("r[e]+r[e,k]->ek",  5,  "index array r has 2 axes here, but 1 before"),
    ("(r[e,k]),e->r[e]", 12, "index array r has 1 axis here, but 2 before"),
    ("(i+k->i",          0,  "this '\\(' is never closed"),
    ("i->(i",            3,  "this '\\(' is never closed"),
    ("(r[e->e",          2,  "this '\\[' is never closed"),
    ("i+k)->i",          3,  "'\\)' closes nothing"),
    ("(r[e)->e",         4,  "'\\)' does not close '\\['"),
    ("(i]->e",           2,  "'\\]' does not close '\\('"),
    ("(i,k)->ik",        2,  "a comma between round brackets: a flattening is written '\\(h w\\)'"),
    ("i->(i),j",         6,  "a comma in the output"),
    ("--i->i",           1,  "two signs in a row"),
    ("i+-k->i",          2,  "two signs in a row"),
    ("i->i++k",          5,  "two signs in a row"),
    ("+i->i",            0,  "a sum begins with a label, a number or '-'"),
    ("(+i)->i",          1,  "a sum begins with a label, a number or '-'"),
    ("i+->i",            1,  "nothing behind '\\+'"),
    ("i-->i",            1,  "nothing behind '-'"),
    ("(i-),i->i",        2,  "nothing behind '-'"),
    ("r[-]->i",          2,  "nothing behind '-'"),
    ("i2+k->i",          None, ""),                                     # the word i2
    ("i2->i",            1,  "'2' is no letter"),
    ("(i2)->i",          2,  "'2' is no letter"),
    ("(i 2)->i",         3,  "no sign before '2': an index is a sum such as '2i\\+k-1'\n"),
    ("2 3->",            2,  "no sign before '3'"),
    ("r[e]k->ek",        4,  "no sign before 'k'.*; beside other labels it stands in round brackets"),
    ("(i k+1)->ik",      3,  "no sign before 'k'"),
    ("(h w r[e])->",     3,  "no sign before 'w'"),
    ("i j+k->",          2,  "no sign before 'j'"),
    ("...i+k->",         0,  "an ellipsis in an index expression: it stands beside, as in '...\\(i\\+k\\)'"),
    ("i+k...->",         3,  "an ellipsis in an index expression"),
    ("(...)->",          1,  "an ellipsis in an index expression"),
    ("(i)......->",      6,  "a second ellipsis"),
    (f"{10**18}i->i",    0,  "a number of 19 digits: the most are 18"),
    (f"({'9' * 5000})->", 1, "a number of 5000 digits: the most are 18"),
    ("i+k",              1,  "an index expression without an output: write '->'.*; a formula is read by ed.parse"),
    ("(i)",              0,  "an index expression without an output"),
    ("ab,r[e]",          4,  "an index expression without an output"),
    ("i->j->k+1",        4,  "a second arrow"),
    ("(i->j)->k",        0,  "this '\\(' is never closed"),
    ("a b (c+d)...e->",  9,  "an ellipsis among words stands between blanks"),
    ("f(x, y)",          3,  "a comma between round brackets.*; a formula is read by ed.parse"),
    ("sum(X@w)",         5,  "'@' is no label.*; a formula is read by ed.parse"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "position", "message"), WRONG)
def test_refused_at_the_character_at_fault(text, position, message):
    if position is None:
        assert read(text).indexed
        return
    with pytest.raises(ParseError, match=message) as info:
        read(text)
    assert info.value.position == position
    shown, caret = str(info.value).split("\n")[-2:]
    assert shown[caret.index("^")] == text[position]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("i+k->", ("i", "k")),
        ("2k-i+k+1->", ("k", "i")),
        ("(h w)->", ("h", "w")),
        ("(h h)->", ("h",)),
        ("r[e+k,j]+i-r[i,e]->", ("i", "e", "k", "j")),
        ("(i)->", ("i",)),
        ("0i->", ()),
    ],
)
def test_labels_of(text, labels):
    (axis,) = read(text).inputs[0].labels
    assert labels_of(axis) == labels


@pytest.mark.parametrize(
    ("text", "arrays"),
    [
        ("ij->", {}),
        ("i+k->i", {}),
        ("(rows[e])k,(i+c[e,k])->eki", {"rows": 1, "c": 2}),
        ("v->r[v]", {"r": 1}),
        ("s[e]+r[k],r[e]->", {"s": 1, "r": 1}),
        ("0r[e]->", {}),  # nothing reads it
    ],
)
def test_arrays_of(text, arrays):
    assert arrays_of(read(text)) == arrays
    assert list(arrays_of(read(text))) == list(arrays)


def test_expressions_are_one_axis_to_an_ellipsis():
    i_k = AxisExpression(0, (("i", 1), ("k", 1)))
    inputs, output = expand(read("...(i+k),...k->(i+k)...i"), [3, 2])
    assert inputs == [("...0", "...1", i_k), ("...1", "k")]
    assert output == (i_k, "...0", "...1", "i")


@pytest.mark.parametrize(
    ("text", "ranks", "message"),
    [
        (
            "ij+k,k->ij",
            [2, 1],
            "operand 0 has 2 axes, but 1 axis here; 'ij' is a word here, did you mean 'i(j+k)'?",
        ),
        (
            "i,ijk-1->i",
            [1, 3],
            "operand 1 has 3 axes, but 1 axis here; 'ijk' is a word here, did you mean 'ij(k-1)'?",
        ),
        ("2ij+k,k->ij", [2, 1], "operand 0 has 2 axes, but 1 axis here\n"),
        ("time+lag->", [2], "operand 0 has 2 axes, but 1 axis here\n"),
        ("i+k,k->i", [2, 1], "operand 0 has 2 axes, but 1 axis here\n"),
        ("i,k(i+k)->i", [1, 1], "operand 1 has 1 axis, but 2 axes here\n"),
        ("...(i+k)j->i", [1], "operand 0 has 1 axis, but 2 labels beside the ellipsis\n"),
    ],
)
def test_numbers_of_axes(text, ranks, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        expand(read(text), ranks)


def test_an_output_is_never_implied():
    notation = read("i+k,k->i")._replace(output=None)
    with pytest.raises(ParseError, match="an index expression without an output"):
        expand(notation, [1, 1])


def made_sum(rng, labels, names, depth=1):
    """A random expression, and a text that may say it."""
    terms, arrays, text, constant = {}, {}, "", 0
    for p in range(rng.randint(1, 4)):
        number = rng.choice((1, 1, 1, 2, 3, 10))
        sign = rng.choice((1, 1, -1))
        text += "-" if sign < 0 else "+" if p else ""
        shape = rng.randrange(4 if depth else 3)
        times = (
            ""
            if number == 1
            else rng.choice((f"{number}", f"{number}*", f"{number} * ", f"0{number}"))
        )
        if shape == 0:
            constant += sign * number
            text += str(number)
        elif shape < 3:
            name = rng.choice(labels)
            terms[name] = terms.get(name, 0) + sign * number
            text += times + name
        else:
            name = rng.choice(list(names))
            inside = [made_sum(rng, labels, names, 0) for _ in range(names[name])]
            key = name, tuple([axis for axis, _ in inside])
            arrays[key] = arrays.get(key, 0) + sign * number
            text += f"{times}{name}[{','.join([t for _, t in inside])}]"
        text += rng.choice(("", "", " "))
    kept = tuple([row for row in terms.items() if row[1]])
    reads = tuple([(*key, number) for key, number in arrays.items() if number])
    found = AxisExpression(constant, kept, reads)
    return found._replace(plus_0=p > 0 and found.array is not None), text


@pytest.mark.parametrize("in_words", [False, True])
def test_what_is_printed_is_read_again(in_words):
    rng = random.Random(20 + in_words)
    labels = ["time", "x_1", "i", "h2", "\u03bb\u03c3"] if in_words else list("hijk\u03b1\u00f8")
    names = {"r": 1, "rows": 2, "c": 3}
    gap = " " if in_words else ""
    for _ in range(3000):
        terms, texts = [], []
        for _ in range(rng.randint(2, 4)):
            axes, pieces = [], []
            for _ in range(rng.randint(1, 3)):
                shape = rng.randrange(3)
                if shape == 0:
                    axis = piece = rng.choice(labels)
                elif shape == 1:
                    axis = AxisExpression(flattened=tuple(rng.choices(labels, k=rng.randint(2, 4))))
                    piece = f"({axis})"
                else:
                    axis, piece = made_sum(rng, labels, names)
                    if in_words and piece in labels:  # (time) is the label
                        axis = piece
                    if piece.strip() in labels:
                        axis = piece.strip()
                    piece = f"({piece})"
                axes.append(axis)
                pieces.append(piece)
            terms.append(tuple(axes))
            texts.append(gap.join(pieces))
        text = f"{','.join(texts[:-1])}->{texts[-1]}"
        if in_words:  # two words in an operand
            text = f"time x_1,{text}"
            terms = [("time", "x_1"), *terms]
        notation = read(text)
        found = [term.labels for term in (*notation.inputs, notation.output)]
        assert found == terms, text
        written = [
            gap.join([a if isinstance(a, str) else f"({a})" for a in term]) for term in terms
        ]
        again = read(f"{','.join(written[:-1])}->{written[-1]}")
        assert [term.labels for term in (*again.inputs, again.output)] == terms, written


SEEDS = [row[0] for row in (*READ, *WRONG) if len(row[0]) < 100] + [
    f"{text}->" for text, _ in STRUCTURES
]
PIECES = (
    *"ijk012+-*()[], .",
    "->",
    "...",
    "r[e]",
    "(i+k)",
    "time",
    "\u03b1",
    "\u00b2",
    "\0",
    "(" * 50,
    "9" * 50,
)


def mutated(rng):
    text = rng.choice(SEEDS)
    for _ in range(rng.choice((1, 1, 2, 3))):
        a, b = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        match rng.randrange(4):
            case 0:
                text = text[:a] + rng.choice(PIECES) + text[a:]
            case 1:
                text = text[:a] + text[a + 1 :]
            case 2:
                text = text[:a] + rng.choice(PIECES) + text[a + 1 :]
            case 3:
                other = rng.choice(SEEDS)
                text = text[:a] + other[: rng.randint(0, len(other))] + text[b:]
    return text


def answer(text):
    """What is read, or the error."""
    try:
        return read(text), None
    except EinderivError as error:
        return None, error


def test_mutated_strings_are_read_or_refused():
    rng = random.Random(17)
    found = 0
    for _ in range(20_000):
        text = mutated(rng)
        notation, error = answer(text)
        if notation is None:
            assert 0 <= error.position < len(text), (text, error)
            continue
        found += notation.indexed
        terms = notation.inputs if notation.output is None else (*notation.inputs, notation.output)
        for term in terms:
            for axis in term.labels:
                if not isinstance(axis, str):
                    words = any(len(word) > 1 for word in labels_of(axis))
                    assert read(f"({axis})->{'a b' * words}").inputs[0].labels == (axis,), text
    assert found > 2000


LONG = {
    "a sum": "i+k" * 30_000 + "->",
    "a sum of one": "i+" * 45_000 + "i->",
    "brackets that open": "(" * 90_000,
    "index arrays that open": "r[" * 45_000,
    "brackets": "(i+k)" * 18_000 + "->",
    "axes of an index array": "r[" + "e," * 45_000 + "e]->",
    "index arrays": "r[e]+" * 18_000 + "i->",
    "operands": "i+k," * 22_000 + "->",
    "a flattening": "(" + "h " * 45_000 + "w)->",
    "a number": "9" * 90_000 + "->",
    "signs": "-" * 90_000 + "->",
    "dots": "." * 90_000 + "->",
    "words": "time+" * 18_000 + "lag->",
    "blanks": "i" + " " * 90_000 + "+k->",
}


@pytest.mark.parametrize("name", LONG)
def test_long_strings_take_steps_in_proportion(name):
    with Calls() as calls:
        notation, error = answer(LONG[name])
        shown = str(error) if notation is None else str(notation.inputs[0].labels[0])
    assert len(shown) < limits.characters if notation else len(shown) < 500
    assert calls.count < 4 * 10**6


MANY = {
    "one place": ("(i+1)", "i"),
    "one place, written": ("(i+1)", "(i+1)"),
    "two places": ("(i+1)(i+2)", "i"),
    "one window": ("(i+k)k", "i"),
    "windows": ("(2i+1)", "i"),
    "an index array": ("(r[i])", "i"),
}


def built(slot, output, count):
    with Calls() as calls:
        ed.einsum(",".join([slot] * count) + "->" + output)
    return calls.count


@pytest.mark.parametrize("name", MANY)
def test_many_operands_cost_what_each_costs(name):
    slot, output = MANY[name]
    few, many = built(slot, output, 100), built(slot, output, 400)
    assert many < 6 * few


def test_the_message_of_a_long_one_is_short():
    with pytest.raises(ShapeError, match="give sizes=") as info:
        ed.einsum(LONG["a flattening"])
    assert len(str(info.value)) < 500
