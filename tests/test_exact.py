"""Every derivative of every einsum of the tables equals the exact one: integers, `==`, shape and dtype too.

The judge is `oracle`, which knows loops and differences and nothing of einderiv.
"""

import numpy as np
import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st
from lengths import length
from oracle import (
    assert_same,
    exact_by_name,
    exact_derivative,
    exact_second,
    loop_einsum,
    run_printed,
)
from strategies import einsums, small_einsums

import einderiv as ed

# Beyond this many operands a second derivative in all its orders is no test of the plain run.
MANY_OPERANDS = 3


def name_of(case):
    """Test ids: strings may be blank or empty, and a string with an ellipsis comes with several shapes."""
    return f"'{case.subscripts}'" + (f" {case.shapes}" if "..." in case.subscripts else "")


def over(cases):
    return pytest.mark.parametrize("case", cases, ids=name_of)


def over_slots(cases):
    pairs = [(case, k) for case in cases for k in range(len(case.shapes))]
    return pytest.mark.parametrize(
        ("case", "k"), pairs, ids=[f"{name_of(case)} slot {k}" for case, k in pairs]
    )


def slow_if_many_operands(cases):
    return [
        pytest.param(case, marks=[pytest.mark.slow] if len(case.shapes) > MANY_OPERANDS else [])
        for case in cases
    ]


def repeats(case):
    """The same case with one name for all slots of one shape."""
    distinct = list(dict.fromkeys(case.shapes))
    return tuple("ABCDEFGHIJ"[distinct.index(shape)] for shape in case.shapes)


REPEATING_CASES = [
    case for case in tables.SECOND_ORDER_CASES if len(set(case.shapes)) < len(case.shapes)
]
PAIRED_CASES = [case for case in tables.SECOND_ORDER_CASES if len(case.shapes) > 1]
HELD_CASES = [
    case for case in tables.CASES if "..." in case.subscripts or case.subscripts in tables.SPECIAL
]


def says_all(case):
    """A string alone does not say how many axes an ellipsis has, nor whether "->" has an operand."""
    return case.sizes is None and "..." not in case.subscripts and case.subscripts.strip(" ->")


def build(case, names=None):
    """The einsum of named tensors. Only with an ellipsis the tensors' axes must be declared: the letters are
    missing. No two axes get the same word, so nothing is said about sizes."""
    names = names or case.names
    operands = list(names)
    if "..." in case.subscripts:
        operands = [
            ed.tensor(name, tuple(f"{name}{axis}" for axis in range(len(shape))))
            for name, shape in zip(names, case.shapes)
        ]
    return ed.einsum(case.subscripts, *operands, **({"sizes": case.sizes} if case.sizes else {}))


def values_of(case, names=None):
    return dict(zip(names or case.names, tables.integers_for(case.shapes)))


def rebuilt(structured):
    """The sum of the embedded cores of a `Structured`, by loops."""
    total = 0
    for core, embedding in structured.terms:
        output = embedding.partition("->")[2]
        assert len(output) == len(structured.shape), (embedding, structured.shape)
        total = total + loop_einsum(embedding, core, sizes=dict(zip(output, structured.shape)))
    return total


def check_structured(expr, values, want, what=""):
    structured = ed.evaluate(expr, values, dense=False)
    assert tuple(structured.shape) == want.shape, what
    assert structured.dtype.kind == want.dtype.kind, what
    assert_same(structured.dense(), want, f"{what}, structured")
    if structured.terms:
        assert_same(rebuilt(structured), want, f"{what}, terms of structured")
    else:
        assert not want.any(), f"{what}: no terms, yet not zero"


def check_printed(expr, values, want, what=""):
    """The printed einsum, run by NumPy; of a sum, those of its terms."""
    try:
        assert expr.subscripts, what
        terms = [expr]
    except ed.EinderivError:
        terms = expr.terms
        assert len(terms) > 1, f"{what}: neither one product nor a sum of several"
    got = sum(run_printed(term, values, want.shape) for term in terms)
    assert_same(got, want, f"{what}, printed {[term.subscripts for term in terms]}")


def check(expr, values, want, what=""):
    assert_same(ed.evaluate(expr, values), want, f"{what}, dense")
    check_structured(expr, values, want, what)


# ---------------------------------------------------------------------------------------------------- tables


@over(tables.CASES)
def test_value(case):
    values = values_of(case)
    check(
        build(case), values, loop_einsum(case.subscripts, *values.values(), sizes=case.sizes), case
    )


@over_slots(tables.CASES)
def test_slot(case, k):
    """Dense, structured and printed; and asked for by a negative position, a name, or of the string alone."""
    values, expression = values_of(case), build(case)
    want = exact_derivative(case.subscripts, list(values.values()), k, case.sizes)
    derivative = ed.derive(expression, k)
    check(derivative, values, want)
    assert_same(
        run_printed(derivative, values, want.shape), want, f"printed {derivative.subscripts}"
    )
    assert ed.derive(expression, k - len(case.names)) == derivative
    assert ed.derive(expression, case.names[k]) == derivative
    if says_all(case):
        assert ed.derive(case.subscripts, k) == derivative


@over_slots(HELD_CASES)
def test_arrays_as_operands(case, k):
    """With arrays in the slots there is nothing left to give."""
    arrays = tables.integers_for(case.shapes)
    expression = ed.einsum(case.subscripts, *arrays)
    check(expression, {}, loop_einsum(case.subscripts, *arrays))
    check(ed.derive(expression, k), {}, exact_derivative(case.subscripts, arrays, k))


@over(REPEATING_CASES)
def test_repeated_tensor(case):
    """By name it is the sum over the slots; by position that slot alone."""
    names = repeats(case)
    values = values_of(case, names)
    expression = build(case, names)
    for name in dict.fromkeys(names):
        want = exact_by_name(case.subscripts, names, values, name, case.sizes)
        derivative = ed.derive(expression, name)
        check(derivative, values, want, f"by {name}")
        check_printed(derivative, values, want, f"by {name}")
    want = exact_derivative(case.subscripts, [values[name] for name in names], 0, case.sizes)
    check(ed.derive(expression, 0), values, want, "slot 0")


@over(slow_if_many_operands(PAIRED_CASES))
def test_second_order(case):
    """The first and the last tensor, in both orders; and twice by the same one, which is zero."""
    values, expression = values_of(case), build(case)
    first, last = case.names[0], case.names[-1]
    for one, two in ((first, last), (last, first), (first, first)):
        want = exact_second(case.subscripts, case.names, values, one, two, case.sizes)
        check(ed.derive(ed.derive(expression, one), two), values, want, f"by {one}, then {two}")


@over(slow_if_many_operands(REPEATING_CASES))
def test_second_order_repeated_tensor(case):
    names = repeats(case)
    values, expression = values_of(case, names), build(case, names)
    name = max(names, key=names.count)
    for other in dict.fromkeys(names):
        want = exact_second(case.subscripts, names, values, name, other, case.sizes)
        check(
            ed.derive(ed.derive(expression, name), other), values, want, f"by {name}, then {other}"
        )


# ---------------------------------------------------------------------------------------------------- random


def expression_of(case):
    return ed.einsum(case.subscripts, *case.names)


@settings(deadline=None, max_examples=length(40, 80))
@given(einsums())
def test_random_value(case):
    check(expression_of(case), case.values, loop_einsum(case.subscripts, *case.arrays))


@settings(deadline=None, max_examples=length(50, 100))
@given(einsums(), st.data())
def test_random_slot(case, data):
    k = data.draw(st.integers(0, len(case.names) - 1), label="slot")
    want = exact_derivative(case.subscripts, case.arrays, k)
    derivative = ed.derive(expression_of(case), k)
    check(derivative, case.values, want)
    assert_same(run_printed(derivative, case.values, want.shape), want, derivative.subscripts)


@settings(deadline=None, max_examples=length(50, 100))
@given(einsums(), st.data())
def test_random_name(case, data):
    name = data.draw(st.sampled_from(case.names), label="name")
    want = exact_by_name(case.subscripts, case.names, case.values, name)
    derivative = ed.derive(expression_of(case), name)
    check(derivative, case.values, want)
    check_printed(derivative, case.values, want)


@settings(deadline=None, max_examples=length(40, 80))
@given(small_einsums(), st.data())
def test_random_second_order(case, data):
    one, two = (data.draw(st.sampled_from(case.names), label="name") for _ in range(2))
    want = exact_second(case.subscripts, case.names, case.values, one, two)
    check(ed.derive(ed.derive(expression_of(case), one), two), case.values, want)


def test_what_leaves_int64_on_the_way_and_comes_to_nothing_says_nothing():
    """0 times anything: the sum over an empty axis fits, whatever the numbers before it come to."""
    big, e = np.array(2**40), ed.einsum(",,k->", "A", "A", "B")
    for _ in range(3):  # the quick way too
        assert int(ed.evaluate(e, A=big, B=np.zeros(0, np.int64))) == 0
        assert int(ed.evaluate(e, A=big, B=np.zeros(3, np.int64))) == 0
