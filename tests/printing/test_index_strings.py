"""Strings of einsums with relations: what is printed is read again, and says the same to NumPy."""

import sys
from pathlib import Path

import numpy as np
import pytest

import einderiv as ed
from einderiv.errors import NoFormError
from einderiv.expression import axis_names, dressed
from einderiv.printing.shown_together import named_as_in
from einderiv.printing.strings import insertions, printed_operands, printed_subscripts

sys.path.insert(0, str(Path(__file__).parents[1]))
import index_programs as programs
from lengths import length

x, w = ed.tensor("x", (10,)), ed.tensor("w", (3,))
U, V = ed.tensor("U", (5, 2)), ed.tensor("V", (6, 2))
A = ed.tensor("A", (2, 5))
ONES = ed.Delta("b")
ROWS = {"r": [0, 4, 2], "c": [5, 1, 0]}


def convolution():
    return ed.einsum("i+k,k->i", x, w)


def gathered():
    return ed.einsum("(r[e])k,(c[e])k->e", U, V, **ROWS)


def flattened():
    return ed.einsum("hw->(h w)", A)


def split():
    return ed.einsum("(h w)->hw", x, sizes={"h": 2})


def summed():
    return ed.einsum("(i-j),j->i", ONES, x, sizes={"i": 10})


def products_of_jacobians():
    J = ed.derive(gathered(), "U")
    return ed.einsum("eak,ebl->akbl", J, J)


def words():
    return ed.einsum("time+lag,lag->time", x, w)


# fmt: off
TABLE = [
    # expression                              subscripts        deltas                   compact                    sizes
    (convolution,                             "aik,a,k->i",     ["a=i+k"],               "(i+k),k->i",              {}),
    (lambda: ed.derive(convolution(), "x"),   "aik,k->ia",      ["a=i+k"],               "k->i(i+k)",               {"i": 8}),
    (lambda: ed.derive(convolution(), "w"),   "bia,b->ia",      ["b=i+a"],               "(i+a)->ia",               {"i": 8}),
    (lambda: ed.vjp(convolution(), "x", "u"), "aik,i,k->a",     ["a=i+k"],               "i,k->(i+k)",              {"i+k": 10}),
    (gathered,                                "ae,be,ak,bk->e", ["a=r[e]", "b=c[e]"],    "(r[e])k,(c[e])k->e",      {}),
    (lambda: ed.derive(gathered(), "U"),      "ae,de,db->eab",  ["a=r[e]", "d=c[e]"],    "(c[e])b->e(r[e])b",       {"r": 5}),
    (products_of_jacobians,                   "ab,ae,de,dk,dl->akbl", ["ab", "a=r[e]", "d=c[e]"],
                                                                         "(c[e])k,(c[e])l->(r[e])k(r[e])l",         {"r": 5}),
    (flattened,                               "ahw,hw->a",      ["a=5h+w"],              "hw->(h w)",               {}),
    (lambda: ed.derive(flattened(), "A"),     "abc->abc",       ["a=5b+c"],              "->(b c)bc",               {"b": 2, "c": 5}),
    (split,                                   "ahw,a->hw",      ["a=5h+w"],              "(h w)->hw",               {"h": 2}),
    (summed,                                  "aij,j->i",       ["a=i-j"],               "(i-j),j->i",              {"i": 10}),
    (lambda: ed.derive(summed(), "x"),        "bia->ia",        ["b=i-a"],               "(i-a)->ia",               {"i": 10, "a": 10}),
    (lambda: ed.einsum("(2j-3i)->ij", ONES, sizes={"i": 3, "j": 4, "2j-3i": 1}),
                                              "ji->ij",         ["2j=3i"],               "(2j-3i)->ij",             {"i": 3, "j": 4, "2j-3i": 1}),
    (lambda: ed.einsum("i+1->i", x),          "ai,a->i",        ["a=i+1"],               "(i+1)->i",                {}),
    (lambda: ed.einsum("(i+0)->i", x, sizes={"i": 9}), "ai,a->i", ["a=i"],               "(i+0)->i",                {"i": 9}),
    (lambda: ed.einsum("9-i->i", x, sizes={"i": 10}), "ai,a->i", ["a=-i+9"],             "(-i+9)->i",               {"i": 10}),
    (lambda: ed.einsum("r[e]+k,k->e", x, w, r=[0, 4]), "ake,a,k->e", ["a=k+r[e]"],       "(k+r[e]),k->e",           {}),
    (lambda: ed.einsum("r[e+1]->e", x, r=[0, 4, 2]), "ae,a->e",    ["a=r[e+1]"],            "(r[e+1])->e",             {}),
    (words,                                   "atl,a,l->t",     ["a=t+l"],               "(time+lag), lag -> time", {}),
]
# fmt: on


@pytest.mark.parametrize(("make", "subscripts", "deltas", "compact", "sizes"), TABLE)
def test_strings(make, subscripts, deltas, compact, sizes):
    e = make()
    assert e.subscripts == subscripts
    assert [o.labels for o in e.operands if isinstance(o, ed.Delta)] == deltas
    assert (e.compact, e.sizes) == (compact, sizes)
    check(e)


def test_inserted():
    J = ed.derive("i+k,k->i", 0)
    assert (J.inserted, J.subscripts, J.compact) == ("ba,bik,k->ia", "aik,k->ia", "k->i(i+k)")
    assert str(J.operands) == '(Delta("a=i+k"), B)'
    assert ed.derive("i+k,k->i", 1).inserted == "ka,bik,b->ia"
    assert ed.derive("(r[e])k->ek", 0).inserted == "ca,kb,ce->ekab"


def test_labels_are_not_called_as_index_arrays():
    """A key of the sizes that is the name of an index array says how many values that has."""
    once = ed.einsum("d[l]-m->", ed.tensor("y", (2,)), d=[2, 2, 0], sizes={"m": 2})
    e = ed.einsum(",->", once, once)
    assert (e.compact, e.sizes) == ("(d[l]-m),(d[e]-g)->", {"m": 2, "g": 2})
    check(e, {"d": [2, 2, 0]})


def test_a_flattening_in_an_index_array_is_a_sum():
    inner = ed.einsum("ik->(ik)", ed.tensor("z", (2, 2)))
    e = ed.einsum("(s[i]),i->", ed.tensor("y", (3,)), inner, s=[2, 0, 0, 1])
    assert (e.compact, e.sizes) == ("(s[2i+k]),ik->", {})
    check(e, {"s": [2, 0, 0, 1]})
    open_size = ed.einsum("(s[i]),i->", "y", ed.einsum("ik->(ik)", "z"), s=[2, 0, 0, 1])
    with pytest.raises(ed.EinderivError, match=r"holds the size z.shape\[1\], which no string"):
        open_size.compact  # noqa: B018
    assert ed.einsum(open_size.subscripts, *open_size.operands) == open_size


def check(e, arrays=()):
    """All forms of a product, read again, are equal to it."""
    number = e.coefficient
    assert number * ed.einsum(e.subscripts, *e.operands) == e, e.operands
    assert number * ed.einsum(*e.interleaved) == e
    rest = programs.written_operands(e, e.compact)
    index = {name: a for name, a in {**ROWS, **dict(arrays)}.items() if f"{name}[" in e.compact}
    again = ed.einsum(e.compact, *rest, sizes=e.sizes, index=held(e, index))
    assert number * again == e, (e.compact, e.sizes)


def held(e, index):
    """The arrays that an expression holds: those of another object would be other arrays."""
    found = {}
    for node in ed.expression.walk([e]):
        if isinstance(node, ed.expression.Constant) and node.name in index:
            found[node.name] = node.value
    return found


# ---- random programs

FORMS = ("subscripts", "interleaved", "compact")
MISSED = 0.06  # of what is read again `==` may miss: sizes are symbolic, one program has many terms


def terms_of(program):
    """The products of an expression, of its first and of its second derivatives."""
    e = programs.expression(program)
    roots = [("value", e)]
    for first in program.shapes:
        J = ed.derive(e, first)
        roots.append((first, J))
        roots += [(f"{first}, {second}", ed.derive(J, second)) for second in program.shapes]
    for what, root in roots:
        for term in programs.terms_of(root):
            if term.coefficient != 0 and term.operands:
                yield what, term


def read_again(term, form, program):
    """What a form of a product says."""
    if form == "subscripts":
        return ed.einsum(term.subscripts, *term.operands)
    if form == "interleaved":
        return ed.einsum(*term.interleaved)
    text = term.compact
    operands = programs.written_operands(term, text)
    arrays = programs.arrays_in(text, program)
    index = {name: array for name, array in arrays.items() if program.ways[name] != "input"}
    return ed.einsum(text, *operands, sizes=term.sizes, index=index)


@pytest.mark.parametrize("form", FORMS)
def test_read_again(form):
    """In value always, and nearly always by ``==``."""
    seen = missed = 0
    for seed in range(length(100, 2000)):
        program = programs.drawn(seed)
        for what, term in terms_of(program):
            try:
                again = term.coefficient * read_again(term, form, program)
            except NoFormError as error:
                refused = str(error)
                assert form == "compact" and "holds the size" in refused, f"{seed}, {what}"
                continue
            seen += 1
            missed += again != term
            got = ed.evaluate(again, programs.given(program))
            want = ed.evaluate(term, programs.given(program))
            assert np.array_equal(got, want), f"{seed}, {what}: {getattr(term, form)}"
    assert seen > 300
    assert missed <= MISSED * seen, f"{missed} of {seen}"


def test_what_was_inserted_is_the_derivative():
    """The string with its deltas is the same numbers."""
    seen = 0
    for seed in range(length(200, 2000)):
        program = programs.replace(programs.drawn(seed), declared=True)
        e = programs.expression(program)
        for name in program.shapes:
            J = ed.derive(e, name)
            if len(J.terms) > 1 or J.coefficient == 0:
                continue
            try:
                text = J.inserted
            except NoFormError:  # by the derivative of a function
                continue
            candidates = insertions(J.record, J.axes[J.ndim - J.record.count :])
            candidates = [dressed(one, axes=axis_names(J)) for one in candidates]
            with named_as_in([J]):  # under the letters of the derivative
                candidate = next(one for one in candidates if printed_subscripts(one) == text)
                operands = [as_typed(o) for o in printed_operands(candidate)]
            want = ed.evaluate(J, programs.given(program))
            sizes = dict(zip(text.partition("->")[2], want.shape))
            again = candidate.coefficient * ed.einsum(text, *operands, sizes=sizes)
            assert np.array_equal(ed.evaluate(again, programs.given(program)), want), (seed, text)
            seen += 1
    assert seen > 100


def as_typed(operand):
    """A delta by its labels alone; relations know the sizes of axes that are no axes of the result."""
    is_delta = isinstance(operand, ed.Delta) and "=" not in operand.labels and operand.ndim == 2
    return ed.Delta(operand.labels) if is_delta else operand


# ---- deltas


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a=i+k", ("a", "i", "k")),
        ("2j=3i", ("j", "i")),
        ("b=r[e]", ("b", "e")),
        ("p=2k-r[e+1,f]+3", ("p", "k", "e", "f")),
        ("time = start + lag", ("time", "start", "lag")),
        ("i=0", ("i",)),
    ],
)
def test_axes_of_a_relation(text, names):
    delta = ed.Delta(text)
    assert (delta.ndim, delta.names, str(delta)) == (len(names), names, f'Delta("{text}")')


# fmt: off
ARRAYS = [
    ("aik->aik",  "a=i+k",    {"a": 3, "i": 2, "k": 3},  lambda a, i, k: a == i + k),
    ("pqr->rqp",  "a=i-2k+1", {"p": 3, "q": 4, "r": 3},  lambda a, i, k: a == i - 2 * k + 1),
    ("ji->ji",    "2j=3i",    {"i": 4, "j": 5},          lambda j, i: 2 * j == 3 * i),
    ("be->be",    "b=r[e]",   {"b": 5},                  lambda b, e: b == np.array([0, 4, 2])[e]),
    ("bke->bke",  "b=k+r[e]", {"b": 5, "k": 2},          lambda b, k, e: b == k + np.array([0, 4, 2])[e]),
    ("i->i",      "i=1",      {"i": 3},                  lambda i: i == 1),
]
# fmt: on


@pytest.mark.parametrize(("labels", "text", "sizes", "law"), ARRAYS)
def test_a_relation_of_ones_own_is_zeros_and_ones(labels, text, sizes, law):
    arrays = {"r": [0, 4, 2]} if "[" in text else {}
    got = ed.evaluate(ed.einsum(labels, ed.Delta(text), sizes=sizes, **arrays))
    left, _, right = labels.partition("->")
    sizes = {"e": 3, **sizes}
    shape = [sizes[x] for x in left]
    want = np.fromfunction(law, shape, dtype=int).astype(int)
    assert np.array_equal(got, np.einsum(f"{left}->{right}", want))


def test_a_delta_that_is_met_twice():
    J = ed.derive(convolution(), "x")
    (delta, _) = J.operands
    assert delta.sizes == (10, 8, 3)
    assert ed.einsum("aik,k->ia", ed.Delta("a=i+k"), w, sizes={"i": 8, "a": 10}) == J
    assert ed.einsum("pqr,r->qp", delta, w) == J
    assert ed.einsum(delta, [0, 1, 2], w, [2], [1, 0]) == J


# fmt: off
REFUSED = [
    (lambda: ed.Delta("a=i*k"),                                   ed.ParseError,    "product of labels"),
    (lambda: ed.Delta("a="),                                      ed.ParseError,    "a side of an equation"),
    (lambda: ed.Delta("a=i,k"),                                   ed.ParseError,    "a side of an equation"),
    (lambda: ed.Delta("3=4"),                                     ed.EinderivError, "at least one axis"),
    (lambda: ed.einsum("aik,k->ia", ed.Delta("a=i+k"), w),        ed.ShapeError,    "give it in sizes="),
    (lambda: ed.einsum("ai,k->ia", ed.Delta("a=i+k"), w),         ed.ShapeError,    "has 3 axes, but 2 labels"),
    (lambda: ed.einsum("aef->aef", ed.Delta("a=r[e]-c[f]"), sizes={"a": 2}, **ROWS),
                                                                  ed.ShapeError,    "how many values r has"),
    (lambda: (convolution() + ed.einsum("i+1->i", x, sizes={"i": 8})).sizes, NoFormError, r"\.terms"),
    (lambda: ed.einsum("i->i", x, sizes={"i": 2.5}),              TypeError,        "whole number"),
    (lambda: ed.einsum("->i", sizes={"i": ("x", "y")}),           TypeError,        "whole number"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "match"), REFUSED)
def test_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


# ---- sizes


def test_symbolic_sizes_know_their_tensors():
    """The derivative by x has no x, but its sizes speak of it."""
    J = ed.derive("i+k,k->i", 0)
    again = ed.einsum(J.compact, "B", sizes=J.sizes)
    assert again == J
    values = {"A": np.arange(6), "B": np.arange(3)}
    assert np.array_equal(ed.evaluate(again, values), ed.evaluate(J, values))
    assert again.sizes == J.sizes


def test_sizes_of_what_has_no_relations():
    assert ed.einsum("i->ij", "v", sizes={"j": 3}).sizes == {"j": 3}
    assert ed.einsum("ij,jk->ik").sizes == {}
    J = ed.derive("is,st,tj->ij", 0)
    assert ed.einsum(J.compact, "B", "C", sizes=J.sizes) == J
    v = ed.tensor("v", "n")
    S = ed.derive(ed.sum(v), v)
    assert S.sizes == {S.compact[2:]: ("v", 0)}
    assert ed.einsum(S.compact, sizes=S.sizes) == S


def test_a_size_in_an_index_has_no_string():
    y = ed.einsum("hw->(h w)", "A")
    cut = ed.einsum("(h w)->hw", y, sizes={"w": 2})
    assert cut.subscripts
    with pytest.raises(NoFormError, match=r"the size .*A.shape\[1\].*\.operands say it"):
        _ = ed.einsum("i,i->i", y, ed.einsum("(h w)->(h w)", "x", sizes={"w": 2})).compact


def test_sizes_by_labels_at_evaluation():
    J = ed.derive("i+k,k->i", 0)
    assert ed.evaluate(J, B=[1, 2, 3], sizes={"i": 4}).shape == (4, 6)
    assert ed.evaluate(J, B=[1, 2, 3], sizes={"a": 6}).shape == (4, 6)


def test_str():
    assert str(convolution()) == 'einsum("(i+k),k->i", x, w)'
    assert str(ed.derive(convolution(), "x")) == 'einsum("k->i(i+k)", w)'
    assert str(summed()) == 'einsum("(i-j),j->i", ones, x)'
    assert str(2 * gathered()) == '2 * einsum("(r[e])k,(c[e])k->e", U, V)'
    assert str(ed.tanh(words())) == 'tanh(einsum("(time+lag), lag -> time", x, w))'
    split_by_name = ed.einsum("(h w)->hw", "A", sizes={"h": 2})
    assert str(split_by_name) == 'einsum("(h w)->hw", A)'


def test_sizes_of_a_string_by_labels():
    """Texts of the command line and of `check` have sizes by labels, of open ones too."""
    assert ed.check("i-k,k->i", 0, sizes={"i": 9, "k": 2, "a": 5}).ok
    explained = str(ed.explain("i-k,k->i", 0, sizes={"i": 4, "k": 2, "a": 3}))
    assert 'einsum    aik,k->ia   of Delta("a=i-k"), B' in explained
