"""Tensors and einsums from whatever is at hand, against NumPy and explicit loops, with integers."""

import unicodedata

import numpy as np
import opt_einsum
import pytest
from oracle import assert_same, loop_einsum

import einderiv as ed
from einderiv.expression.construct import default_names

t, es, ev = ed.tensor, ed.einsum, ed.evaluate
X = np.array([[1, -2, 3], [4, 5, -6]])
Y = np.array([[2, 1], [-1, 3], [4, -2]])
v = np.array([3, -1])


# ---- tensors
@pytest.mark.parametrize(
    ("axes", "names", "sizes"),
    [
        ("", (), ()),
        ((), (), ()),
        ("is", ("i", "s"), (("X", 0), ("X", 1))),
        ("nn", ("n", "n"), (("X", 0), ("X", 0))),
        ("batch feature", ("batch", "feature"), (("X", 0), ("X", 1))),
        (" batch\t", ("batch",), (("X", 0),)),
        (("batch", 3), ("batch", None), (("X", 0), 3)),
        (["batch"], ("batch",), (("X", 0),)),
        ((None, 0), (None, None), (("X", 0), 0)),
        ((np.int64(3),), (None,), (3,)),
    ],
)
def test_tensor(axes, names, sizes):
    X = t("X", axes)
    assert (X.axes, X.axis_sizes, X.ndim, str(X)) == (names, sizes, len(names), "X")


@pytest.mark.parametrize(
    ("name", "axes", "kind", "message"),
    [
        ("2x", "i", ed.ParseError, "the name of a tensor must be an ASCII identifier"),
        ("class", "i", ed.ParseError, "no Python keyword, not 'class'"),
        ("", "i", ed.ParseError, "the name of a tensor must be"),
        ("\u0445", "i", ed.ParseError, r"U\+0445"),
        (3, "i", TypeError, "the name of a tensor must be a string, not int"),
        ("X", "i,j", ed.ParseError, "the name of an axis must be"),
        ("X", ("a b",), ed.ParseError, "the name of an axis must be"),
        ("X", (-1,), ed.ShapeError, "the size of an axis of X is -1"),
        ("X", (2.5,), TypeError, "the size of an axis of X must be a whole number, not 2.5"),
        ("X", (True,), TypeError, "must be a whole number, not True"),
        ("X", "a" * 53, ed.LimitError, r"53 axes are over the limit of 52"),
    ],
)
def test_tensor_refuses(name, axes, kind, message):
    with pytest.raises(kind, match=message):
        t(name, axes)


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (0, []),
        (1, ["A"]),
        (3, ["A", "B", "C"]),
        (28, [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A1", "B1"]),
    ],
)
def test_default_names(number, names):
    assert default_names(number) == names


# ---- operands of every kind
OPERANDS = [
    # subscripts    operands                                   arrays given                want
    ("ij,jk->ik",   (t("X", "ij"), t("Y", "jk")),              {"X": X, "Y": Y},           X @ Y),
    ("ij,jk->ik",   ("X", "Y"),                                {"X": X, "Y": Y},           X @ Y),
    ("ij,jk->ik",   (),                                        {"A": X, "B": Y},           X @ Y),
    ("ij,jk->ik",   (X, Y),                                    {},                         X @ Y),
    ("ij,jk->ik",   (X.tolist(), "Y"),                         {"Y": Y},                   X @ Y),
    ("ij,jk->ik",   (X, t("Y", "kj").T),                       {"Y": Y.T},                 X @ Y),
    ("ij->j",       (es("ik,kj->ij", X, Y),),                  {},                         (X @ Y).sum(0)),
    ("ij->ij",      (t("X", "ij") + t("Z", "ij"),),            {"X": X, "Z": X},           2 * X),
    (",ij->ij",     (3, "X"),                                  {"X": X},                   3 * X),
    (",ij,->ij",    (3, X, -2),                                {},                         -6 * X),
    (",ij->ij",     (True, X),                                 {},                         X),
    (",ij->ij",     ("s", X),                                  {"s": 3},                   3 * X),
    (",ij->ij",     (np.array(3), X),                          {},                         3 * X),
    (",ij->ij",     (0, X),                                    {},                         0 * X),
    ("i,i->",       ("v", "v"),                                {"v": v},                   10),
    ("i,ij->j",     ("v", "v_"),                               {"v": v, "v_": X},          v @ X),
    ("...j,jk->...k", (X, Y),                                  {},                         X @ Y),
    ("ij->",        (np.ones((0, 3), int),),                   {},                         0),
    ("ij,jk->ik",   (np.ones((2, 0), int), np.ones((0, 2), int)), {},                      np.zeros((2, 2))),
    ("i,i->i",      (np.ones((1,), int), [4]),                 {},                         [4]),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "operands", "given", "want"), OPERANDS)
def test_operands(subscripts, operands, given, want):
    assert_same(ev(es(subscripts, *operands), given), np.asarray(want, int), subscripts)


@pytest.mark.parametrize(
    ("subscripts", "numbers", "want"),
    [
        (",", (2, 3), 6),
        ("->", (7,), 7),
        (",,", (2, 0.5, 1j), 1j),
        ("", (0,), 0),
        (",", (2**53 + 1, 1), 2**53 + 1),
    ],
)
def test_numbers_alone(subscripts, numbers, want):
    got = ev(es(subscripts, *numbers))
    assert got.shape == ()
    assert got.item() == want


def test_arrays_are_held_and_never_written_to():
    held, before = X.copy(), X.copy()
    held.flags.writeable = False
    e = es("ij->ij", held)
    assert e.factors[0].value is held
    for f in (e, 2 * e, ed.derive(es("ij,ij->i", e, e), 0), e + e):
        ev(f)
    assert np.array_equal(held, before)
    assert ev(e) is not held
    assert not np.shares_memory(ev(e), held), "a result may be written to"


@pytest.mark.parametrize(
    ("operands", "kind", "message"),
    [
        (("A", None), TypeError, "operand 1 must be an array, a number or nested lists, not None"),
        (("A", "2x"), ed.ParseError, "the name of operand 1 must be an ASCII identifier"),
        (("A", np.array(["a"])), TypeError, "operand 1 has dtype <U1"),
        (("A", [[1], [1, 2]]), ed.EinderivError, "operand 1 is no array"),
        (("A",), ed.ParseError, "2 operands in the string, but 1 operand given"),
        (("A", 3), ed.ShapeError, "operand 1 .* has 0 axes, but 1 label"),
        (("A", X), ed.ShapeError, "operand 1 .* has 2 axes, but 1 label"),
        (
            ([1, 2], [1, 2, 3]),
            ed.ShapeError,
            "label 'i' has size 2 in operand 0 .* but 3 in operand 1",
        ),
        (([1], [1, 2]), ed.ShapeError, "size 1 does not broadcast"),
    ],
)
def test_operands_refused(operands, kind, message):
    with pytest.raises(kind, match=message):
        es("i,i->i", *operands)


def test_one_name_is_one_tensor():
    with pytest.raises(
        ed.ShapeError, match="A stands for a tensor with 2 axes and one with 1 axis"
    ):
        es("ij,j->i", "A", "A")
    layer = es("ij,j->i", "W2", es("ij,j->i", "W1", "x"))  # letters bind nothing between einsums
    W1, W2, x = np.arange(6).reshape(3, 2), np.arange(12).reshape(4, 3), np.array([2, -1])
    assert_same(ev(layer, W1=W1, W2=W2, x=x), W2 @ W1 @ x)


# ---- repeated, new and implicit output labels
@pytest.mark.parametrize(
    ("subscripts", "shapes", "sizes"),
    [
        ("i->ii", [(2,)], {}),
        ("i->iii", [(2,)], {}),
        ("ij->ijij", [(2, 3)], {}),
        ("ij,jk->iik", [(2, 3), (3, 2)], {}),
        ("ii->ii", [(3, 3)], {}),
        ("i->ii", [(0,)], {}),
        ("i->ii", [(1,)], {}),
        ("i->ij", [(2,)], {"j": 3}),
        ("i->jij", [(2,)], {"j": 3}),
        ("i->jk", [(2,)], {"j": 3, "k": 1}),
        ("i->ij", [(2,)], {"j": 0}),
        ("i->ij", [(2,)], {"j": np.int64(2)}),
        ("->ii", [], {"i": 3}),
        ("->i", [()], {"i": 2}),
    ],
)
def test_outputs_against_loops(subscripts, shapes, sizes):
    arrays = [np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape) for shape in shapes]
    want = loop_einsum(subscripts, *arrays, sizes=sizes)
    got = ev(es(subscripts, *arrays, sizes=sizes))
    assert got.shape == want.shape
    assert np.array_equal(got, want)


def test_only_the_first_of_a_repeated_label_has_its_letter():
    assert es("ij->ijij", "A").axes == ("i", "j", None, None)


def test_size_by_the_name_of_a_declared_axis():
    e = es("i->ij", "v", sizes={"j": "n"}) + es("i,j->ij", "v", t("w", "n"))
    assert_same(ev(e, v=v, w=np.array([1, 2, 3])), v[:, None] * np.array([2, 3, 4]))


@pytest.mark.parametrize(
    ("subscripts", "sizes", "kind", "message"),
    [
        (
            "i->ij",
            {},
            ed.ParseError,
            r"output label 'j' is in no operand; give its size to einsum, sizes=\{'j'",
        ),
        ("i->ij", {"j": -1}, ed.ShapeError, "the size of 'j' is -1"),
        ("i->ij", {"j": 2.0}, TypeError, "the size of 'j' must be a whole number, not 2.0"),
        ("i->ij", {"j": True}, TypeError, "the size of 'j' must be a whole number, not True"),
        ("i->ij", {"j": "2"}, ed.ParseError, "the name of an axis must be"),
        ("i->ij", {"j": 2, "k": 1}, ed.ParseError, "sizes names 'k', which is no label here"),
        ("i->i", {"i": 3}, ed.ShapeError, "label 'i' has size 2, but was given size 3"),
    ],
)
def test_sizes_refused(subscripts, sizes, kind, message):
    with pytest.raises(kind, match=message):
        es(subscripts, v, sizes=sizes)


@pytest.mark.parametrize(
    "subscripts",
    [
        "",
        ",",
        "i",
        "ba",
        "ii",
        "ij,jk",
        "ij,ji",
        "iij",
        "bA",
        "zyx,x",
        "i,i",
        "...",
        "...ji",
        "b...a",
        "i...i",
    ],
)
def test_implicit_output_is_that_of_numpy(subscripts):
    size = dict(zip("ijkabAxyz", (2, 3, 4, 2, 3, 4, 2, 3, 4)))
    arrays = [
        np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape)
        for shape in (
            [n for c in term.replace("...", ".") for n in ((2, 1) if c == "." else (size[c],))]
            for term in subscripts.split(",")
        )
    ]
    assert_same(ev(es(subscripts, *arrays)), np.einsum(subscripts, *arrays))


def test_a_forgotten_string_is_no_scalar():
    with pytest.raises(ed.ParseError, match="empty subscripts: a scalar is written '->'"):
        es("")


# ---- NumPy's interleaved form
INTERLEAVED = [
    (X, [0, 1], Y, [1, 2], [0, 2]),
    (X, [0, 1], Y, [1, 2]),
    (X, [5, 3]),
    (X, [30, 3]),                     # sorted as numbers: 3 before 30, though letter 30 sorts before letter 3
    (X, [..., 30, 3]),                # ... beside an ellipsis too
    (X, (0, 1), (1, 0)),
    (X, [..., 1], Y, [1, 0], [..., 0]),
    (X, [..., 1], Y, [1, 2]),
    (np.int64(3), [], v, [0]),
    (X, [np.int64(0), np.int64(1)], [np.int64(1)]),
]  # fmt: skip


@pytest.mark.parametrize("arguments", INTERLEAVED)
def test_interleaved_as_numpy(arguments):
    assert_same(ev(es(*arguments)), np.einsum(*arguments))


@pytest.mark.parametrize("first", [0, 50, 52, 1000])
def test_interleaved_beyond_the_letters(first):
    a, b, c = first, first + 1, first + 2
    assert_same(ev(es(X, [a, b], Y, [b, c], [c, a])), (X @ Y).T)
    assert_same(ev(es(X, [b, a])), X.T)  # implicit


def test_interleaved_more_than_52_labels():
    shears = [np.array([[1.0, k % 3], [0, 1]]) for k in range(60)]
    chain = es(*(x for k, m in enumerate(shears) for x in (m, [k, k + 1])), [0, 60])
    assert_same(ev(chain), np.array([[1.0, 60.0], [0.0, 1.0]]))  # shears add up
    with pytest.raises(
        ed.LimitError, match=r"61 labels are more than the 52 letters; \.interleaved"
    ):
        _ = chain.subscripts
    lists = chain.interleaved[1::2] + chain.interleaved[-1:]
    assert len({k for labels in lists for k in labels}) == 61


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((X, [0]), ed.ShapeError, "operand 0 .* has 2 axes, but 1 label here"),
        ((X, [0, 1], [0, 2]), ed.ParseError, "output label 2 is in no operand"),
        ((X, [0, -1]), ed.ShapeError, "the labels of operand 0 is -1"),
        ((X, [0, 1.5]), TypeError, "the labels of operand 0 must be a whole number, not 1.5"),
        ((X, "ij"), TypeError, "subscripts must come first"),
        ((X, Y), TypeError, "subscripts must come first"),
        (("X", "ij->i"), ed.EinderivError, "operand"),
        ((X,), TypeError, "subscripts must be a string such as"),
    ],
)
def test_interleaved_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        es(*arguments)


def test_interleaved_with_names():
    assert es("A", [0, 1], "B", [1, 2], [0, 2]) == es("ij,jk->ik", "A", "B")
    assert es(X, [0, 1], "v", [1], [0]) == es("ij,j->i", X, "v")
    assert_same(ev(es("i", [1, 2])), np.array([1, 2]))  # one operand: a string and its array


A23, B34 = np.arange(6).reshape(2, 3), np.arange(12).reshape(3, 4)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ((["x", "t"], ["t", "k"], ["x", "k"]),                             "x t, t k -> x k"),
        ((["x", "time"], ["time", "k"], ["k", "x"]),                       "x time, time k -> k x"),
        ((["x", ("t", 1)], [("t", 1), frozenset([2])], ["x", frozenset([2])]), "x a, a b -> x b"),
        ((["a", 0], [0, "b"], ["a", "b"]),                                 "a c, c b -> a b"),
        ((["not a name", "t"], ["t", 7], ["not a name", 7]),               "a t, t b -> a b"),
        ((["x", "t", ...], [..., "t", "k"], ["x", ..., "k"]),               "x t, t k -> x k"),
        ((["x", "t"], ["t", "k"]),                                         "x t, t k -> k x"),
    ],
)  # fmt: skip
def test_interleaved_labels_are_any_keys(labels, text):
    """As in opt_einsum, which sorts the labels of an output that is not written."""
    first, second, *output = labels
    e = ed.einsum(A23, first, B34, second, *output)
    assert e == ed.einsum(text, A23, B34)
    assert ed.evaluate(e).tolist() in ((A23 @ B34).tolist(), (A23 @ B34).T.tolist())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (([("t", 1), 0], [0, "k"]),      "the order of the output is not known.*give the output labels"),
        ((["x", [1]], [[1], "k"], ["x"]), r"labels of operand 0 must be whole numbers, words or other keys, not \[1\]"),
        ((["x", (1, [2])], ["k", "l"], ["x"]), r"must have a hash, and \(1, \[2\]\) has none"),
        ((["x", True], [True, "k"], ["x"]), "labels of operand 0 must be whole numbers, words or other keys, not True"),
        ((["x", -1], [-1, "k"], ["x"]),   "labels of operand 0 is -1|labels of operand 0 must"),
    ],
)  # fmt: skip
def test_keys_that_are_no_labels(labels, message):
    first, second, *output = labels
    with pytest.raises((TypeError, ed.EinderivError), match=message):
        ed.einsum(A23, first, B34, second, *output)


def test_letters_of_opt_einsum():
    """Its letters behind the 52 are U+00C0 and on: taken up to U+024F where they are letters, else refused."""
    symbols = [opt_einsum.get_symbol(k) for k in range(52, 200)]
    taken = 0
    for symbol in symbols:
        text = f"a{symbol},{symbol}b->ab"
        if unicodedata.is_normalized("NFKC", symbol) and symbol.isalpha():
            assert ed.einsum(text, A23, B34) == ed.einsum("ax,xb->ab", A23, B34)
            taken += 1
        else:
            with pytest.raises(ed.ParseError, match=rf"U\+{ord(symbol):04X}"):
                ed.einsum(text, A23, B34)
    assert taken > 130
