"""The judge is judged: by `np.einsum` where that can say it, by hand where it cannot.

It changes only where `oracle.py` does: a tenth of the tables in the gate, all of them in the long run.
"""

import itertools
from fractions import Fraction

import numpy as np
import oracle
import pytest
import tables
from hypothesis import given, settings
from lengths import tenth
from strategies import einsums, small_einsums

CASES = pytest.mark.parametrize("case", tenth(tables.CASES), ids=lambda case: repr(case.subscripts))
SMALL_CASES = pytest.mark.parametrize(
    "case",
    tenth(case for case in tables.SECOND_ORDER_CASES if len(case.shapes) > 1),
    ids=lambda case: repr(case.subscripts),
)


def by_numpy(subscripts, arrays, sizes=None):
    """`np.einsum`, taught repeated and broadcast output labels by explicit identity matrices and ones."""
    inputs, output = oracle.parse(subscripts, [np.ndim(a) for a in arrays])
    sizes = oracle.label_sizes(inputs, [np.shape(a) for a in arrays], sizes)
    number = {label: i for i, label in enumerate(sizes)}
    pairs = [(array, [number[label] for label in labels]) for labels, array in zip(inputs, arrays)]
    axes = []
    for label in output:
        axis = number[label]
        if axis in axes:
            # A later occurrence gets an axis of its own, tied to the first by an identity.
            fresh = len(number) + len(axes)
            pairs.append((np.eye(sizes[label], dtype=int), [axis, fresh]))
            axis = fresh
        elif not any(axis in known for _, known in pairs):
            pairs.append((np.ones(sizes[label], dtype=int), [axis]))
        axes.append(axis)
    return np.einsum(*(part for pair in pairs for part in pair), axes)


def units(x):
    """`(index, unit tensor)` for every entry of `x`."""
    for at in np.ndindex(*x.shape):
        unit = np.zeros_like(x)
        unit[at] = 1
        yield at, unit


def by_numpy_derivative(subscripts, arrays, k, sizes=None):
    """An einsum is linear in slot `k`, so its derivative there is its value at the unit tensors."""
    x, out = arrays[k], by_numpy(subscripts, arrays, sizes)
    result = np.zeros(out.shape + x.shape, dtype=int)
    for at, unit in units(x):
        result[(..., *at)] = by_numpy(subscripts, [*arrays[:k], unit, *arrays[k + 1 :]], sizes)
    return result


def slope_at_zero(f, degree):
    """f'(0) of an integer polynomial from its values at 0, 1, ..., degree (Newton's series, exact)."""
    differences = [np.asarray(f(t), dtype=object) for t in range(degree + 1)]
    slope = differences[0] * Fraction(0)
    for order in range(1, degree + 1):
        differences = [b - a for a, b in itertools.pairwise(differences)]
        slope = slope + differences[0] * Fraction((-1) ** (order - 1), order)
    return np.asarray(slope).astype(int)


def slope_by_name(f, values, name, degree):
    """Derivative of `f(values)`, a polynomial in the tensor `name`, at every unit tensor. Knows no slots."""
    x = values[name]
    result = np.zeros(np.shape(f(values)) + x.shape, dtype=int)
    for at, unit in units(x):
        result[(..., *at)] = slope_at_zero(
            lambda t, unit=unit: f({**values, name: x + t * unit}), degree
        )
    return result


@CASES
def test_value(case):
    arrays = tables.integers_for(case.shapes)
    got = oracle.loop_einsum(case.subscripts, *arrays, sizes=case.sizes)
    oracle.assert_same(got, by_numpy(case.subscripts, arrays, case.sizes))


def numpy_can_say(case):
    """No label twice in the output and none that is in no input; those need the detour of `by_numpy`."""
    output = case.subscripts.partition("->")[2].replace("...", "").replace(" ", "")
    return not case.sizes and len(set(output)) == len(output)


@pytest.mark.parametrize(
    "case",
    tenth(case for case in tables.CASES if numpy_can_say(case)),
    ids=lambda case: repr(case.subscripts),
)
def test_reading_of_the_string(case):
    """`by_numpy` shares the parser of the oracle; here NumPy reads the string itself."""
    arrays = tables.integers_for(case.shapes)
    oracle.assert_same(
        oracle.loop_einsum(case.subscripts, *arrays), np.einsum(case.subscripts, *arrays)
    )


@CASES
def test_derivative(case):
    arrays = tables.integers_for(case.shapes)
    for k in range(len(arrays)):
        got = oracle.exact_derivative(case.subscripts, arrays, k, case.sizes)
        oracle.assert_same(
            got, by_numpy_derivative(case.subscripts, arrays, k, case.sizes), f"slot {k}"
        )


# Equal shapes get one name, so a tensor stands in up to three slots.
REPEATED = (
    "i,i->",
    "i,i->i",
    "i,i,i->i",
    "i,i->ii",
    "ij,ij->",
    "ij,ji->",
    "ij,jk->ik",
    "ij,jk,kl->il",
    "i,ij,j->",
    "ii,i,i->",
    "ij,jj->ij",
    ",,->",
    "i,,->i",
    "ij,k,k->jk",
)


@pytest.mark.parametrize("subscripts", REPEATED)
def test_by_name(subscripts):
    """Against a judge that knows nothing of slots: it differentiates a polynomial along every unit tensor."""
    shapes = [(2,) * len(term) for term in subscripts.partition("->")[0].split(",")]
    distinct = sorted(set(shapes))
    names = tuple("ABC"[distinct.index(shape)] for shape in shapes)
    values = dict(zip(names, tables.integers_for(shapes)))

    def value(values):
        return oracle.loop_einsum(subscripts, *(values[n] for n in names))

    for name in set(names):

        def first(values, name=name):
            return oracle.exact_by_name(subscripts, names, values, name)

        oracle.assert_same(first(values), slope_by_name(value, values, name, len(names)), name)
        for then in set(names):
            got = oracle.exact_second(subscripts, names, values, name, then)
            oracle.assert_same(
                got, slope_by_name(first, values, then, len(names)), f"{name}, {then}"
            )


@SMALL_CASES
def test_second(case):
    """By the first slot it is the value at unit tensors; of that, the first derivative, tested above."""
    arrays = tables.integers_for(case.shapes)
    values = dict(zip(case.names, arrays))
    got = oracle.exact_second(case.subscripts, case.names, values, "A", case.names[-1], case.sizes)
    for at, unit in units(arrays[0]):
        fixed = [unit, *arrays[1:]]
        want = oracle.exact_derivative(case.subscripts, fixed, len(arrays) - 1, case.sizes)
        middle = (slice(None),) * (got.ndim - arrays[0].ndim - arrays[-1].ndim)
        oracle.assert_same(got[(*middle, *at)], want, f"entry {at} of A")


def test_second_by_one_slot_is_zero():
    values = {"A": np.array([[1, 2], [3, 4]])}
    oracle.assert_same(oracle.exact_second("ij->i", "A", values, "A", "A"), np.zeros((2,) * 5, int))


@settings(deadline=None, max_examples=60)
@given(einsums())
def test_random(case):
    want = by_numpy(case.subscripts, case.arrays)
    oracle.assert_same(oracle.loop_einsum(case.subscripts, *case.arrays), want, case.subscripts)


@settings(deadline=None, max_examples=40)
@given(small_einsums())
def test_random_derivative(case):
    for k in range(len(case.names)):
        got = oracle.exact_derivative(case.subscripts, case.arrays, k)
        want = by_numpy_derivative(case.subscripts, case.arrays, k)
        oracle.assert_same(got, want, f"{case.subscripts}, slot {k}")


def test_by_hand():
    v, m = np.array([2, 3]), np.array([[1, 2], [3, 4]])
    oracle.assert_same(oracle.loop_einsum("i->ii", v), [[2, 0], [0, 3]])
    oracle.assert_same(oracle.loop_einsum("i->ij", v, sizes={"j": 3}), [[2] * 3, [3] * 3])
    oracle.assert_same(oracle.loop_einsum("->ii", sizes={"i": 2}), [[1, 0], [0, 1]])
    oracle.assert_same(oracle.loop_einsum("ii", m), 5)
    oracle.assert_same(oracle.loop_einsum("", 7), 7)
    oracle.assert_same(oracle.exact_derivative("ii->", [m], 0), [[1, 0], [0, 1]])
    oracle.assert_same(oracle.exact_by_name("i,i->", "AA", {"A": v}, "A"), 2 * v)
    oracle.assert_same(oracle.exact_second("i,ij,j->", "xAx", {"x": v, "A": m}, "x", "x"), m + m.T)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i8", "f4", "f8", "c8", object])
def test_dtypes(dtype):
    """Integers never wrap, objects stay exact, the rest keeps its dtype."""
    a = np.array([[1, 0], [1, 1]]).astype(dtype)
    got = oracle.loop_einsum("ij,jk->ik", a, a)
    assert got.dtype == (np.int64 if np.dtype(dtype).kind in "bui" else np.dtype(dtype))
    assert (got == [[1, 0], [2, 1]]).all()
    assert (oracle.exact_derivative("ij->", [a], 0) == 1).all()


def test_python_integers_are_exact():
    huge = np.array([2**70, 1], dtype=object)
    assert oracle.loop_einsum("i,i->", huge, huge)[()] == 2**140 + 1


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk->ik", ((2, 1), (3, 4)), "sizes 1 and 3"),
        ("ij->i", ((2,),), "does not fit"),
        ("i->i", ((2, 2),), "does not fit"),
        ("i,j", ((2,),), "2 terms for 1"),
        ("i->ij", ((2,),), "no size"),
        ("...,...", ((2,), (1,)), "sizes 2 and 1"),
    ],
)
def test_errors(subscripts, shapes, message):
    with pytest.raises(ValueError, match=message):
        oracle.loop_einsum(subscripts, *tables.integers_for(shapes))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.array([1, 2, 4]), "should be"),
        (np.array([[1, 2, 3]]), "shape"),
        (np.array([1.0, 2.0, 3.0]), "dtype"),
        (np.array([1, 2]), "shape"),
    ],
)
def test_a_wrong_result_is_caught(wrong, message):
    with pytest.raises(AssertionError, match=message):
        oracle.assert_same(wrong, np.array([1, 2, 3]))


class Delta(str):
    """Stands for the operand of that type name which printed derivatives have."""


class Printed:
    """An expression as far as `run_printed` looks at one: terms before those of `operands` are deltas."""

    def __init__(self, subscripts, operands, coefficient=1):
        deltas = subscripts.count(",") + 1 - len(operands) if subscripts != "->" else 0
        self.subscripts, self.coefficient = subscripts, coefficient
        self.operands = (*map(Delta, subscripts.split(",")[:deltas]), *operands)


PRINTED = (
    # einsum          names   slot  printed             operands
    ("is,st,tj->ij",  "XYP",  0,    "ia,bt,tj->ijab",   "YP"),
    ("is,st,tj->ij",  "XYP",  1,    "ia,bj->ijab",      "XP"),
    ("ii->i",         "A",    0,    "ia,ib->iab",       ""),
    ("ij->",          "A",    0,    "a,b->ab",          ""),
    ("ij->ij",        "A",    0,    "ia,jb->ijab",      ""),
    ("i->ii",         "A",    0,    "ij,ia->ija",       ""),
    ("->",            "A",    0,    "->",               ""),
    (",i->i",         "AB",   0,    "i->i",             "B"),
)  # fmt: skip


@pytest.mark.parametrize(("subscripts", "names", "slot", "printed", "operands"), PRINTED)
def test_printed(subscripts, names, slot, printed, operands):
    sizes = {"i": 2, "s": 3, "t": 2, "j": 3}
    shapes = [tuple(sizes[c] for c in term) for term in subscripts.partition("->")[0].split(",")]
    values = dict(zip(names, tables.integers_for(shapes)))
    want = oracle.exact_derivative(subscripts, [values[n] for n in names], slot)
    oracle.assert_same(oracle.run_printed(Printed(printed, operands), values, want.shape), want)
    doubled = Printed(printed, operands, coefficient=2)
    oracle.assert_same(oracle.run_printed(doubled, values, want.shape), 2 * want)


@pytest.mark.parametrize("printed", ["bt,ia,tj->ijab", "ib,at,tj->ijab"])
def test_a_wrong_printed_string_is_caught(printed):
    """Planted: the deltas in the wrong place, or the new axes the wrong way round."""
    values = dict(zip("XYP", tables.integers_for([(3, 2), (2, 2), (2, 2)])))
    want = oracle.exact_derivative("is,st,tj->ij", [values[n] for n in "XYP"], 0)
    with pytest.raises((AssertionError, ValueError)):
        oracle.assert_same(oracle.run_printed(Printed(printed, "YP"), values, want.shape), want)


def test_shapes_are_small_and_not_all_equal():
    for case in tables.CASES:
        labels = set(case.subscripts) - set(" ,->")
        if len(labels) > 1 and "." not in labels and case.sizes is None:
            assert len({size for shape in case.shapes for size in shape}) > 1, case
        assert all(size in (1, 2, 3) for shape in case.shapes for size in shape), case
