"""Sizes and shapes that a caller gives: by axis names, by labels, also of what was derived."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Sizes, check_known, fix, shapes_of, tensors_in

X, w = ed.tensor("X", ("row", "column")), ed.tensor("w", ("column",))


def test_shapes_of_arrays_and_tuples():
    assert shapes_of({"A": np.zeros((2, 3)), "B": (4, np.int64(5)), "c": ()}) == {
        "A": (2, 3),
        "B": (4, 5),
        "c": (),
    }
    with pytest.raises(TypeError, match=r"an axis of A must be a whole number, not 2\.5"):
        shapes_of({"A": (2.5,)})


@pytest.mark.parametrize(
    ("e", "given", "shape"),
    [
        (X @ w, {"row": 3}, (3,)),
        (ed.einsum("ij->ji", "A"), {"i": 2, "j": 5}, (5, 2)),
        # labels of what was derived
        (ed.derive(ed.einsum("ij->", "A"), "A"), {"i": 2, "j": 5}, (2, 5)),
        (ed.einsum("i,j->ij", "x", "y"), {"i": 0, "j": 1}, (0, 1)),
        # further inside
        (ed.parse("tanh(einsum('nk,mk->nm', U, V))"), {"n": 2, "m": 3, "k": 4}, (2, 3)),
        (
            ed.derive(ed.parse("sum(exp(einsum('nk,mk->nm', U, V)))"), "U"),
            {"n": 2, "m": 3, "k": 4},
            (2, 4),
        ),
    ],
)
def test_sizes_by_name(e, given, shape):
    sizes = Sizes({}).read([e])
    fix(sizes, [e], given)
    assert tuple(map(sizes.known_measure, e.axis_sizes)) == shape


def test_what_is_not_there_is_named():
    e = X @ w
    with pytest.raises(ed.EinderivError, match=r"'rows'.*did you mean 'row'"):
        fix(Sizes({}).read([e]), [e], {"rows": 3})
    with pytest.raises(ed.EinderivError, match="no tensor here is called 'W'; did you mean 'w'"):
        check_known({"W": 1}, tensors_in([e]))


def test_a_label_that_is_written_for_two_axes():
    e = ed.parse("sum(exp(einsum('ij,j->i', A, x))) + sum(exp(einsum('ij,j->i', B, y)))")
    with pytest.raises(
        ed.EinderivError, match=r"'i', .* for 2 different axes here, axis 0 of A and axis 0 of B"
    ):
        fix(Sizes({}).read([e]), [e], {"i": 3})
    both = ed.parse("sum(exp(einsum('ij,j->i', A, x)) * exp(einsum('ij,j->i', B, y)))")
    sizes = Sizes({}).read([both])
    fix(sizes, [both], {"i": 3})  # one size
    assert sizes.known_measure(("B", 0)) == 3
