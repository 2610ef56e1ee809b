"""The three layouts."""

import pytest

import einderiv as ed
from einderiv.page.shapes import axis_sizes, layouts

ROWS = [
    # einsum,        by, sizes,                          tensor,          rows, columns
    ("is,st,tj->ij",  0, dict(i=4, s=5, t=3, j=2),       [4, 2, 4, 5],    8,    20),
    ("i,i->",         0, dict(i=3),                      [3],             1,    3),
    ("i->ii",         0, dict(i=3),                      [3, 3, 3],       9,    3),
]  # fmt: skip


@pytest.mark.parametrize(("text", "by", "sizes", "tensor", "rows", "columns"), ROWS)
def test_layouts(text, by, sizes, tensor, rows, columns):
    found = layouts(ed.derive(text, by), sizes)
    assert [row["numbers"] for row in found] == [tensor, [rows, columns], [columns, rows]]


def test_sizes_that_are_not_known():
    J = ed.derive("ij,j->i", 0)
    assert axis_sizes(J, {"i": 2}) == [2, 2, None]
    assert axis_sizes(J, {}, {"A": (2, 3)}) == [2, 2, 3]
    with pytest.raises(ed.EinderivError, match="no axis or label"):
        layouts(J, {"q": 2})
