"""The terms of a sum, however it is nested."""

import pytest

import einderiv as ed
from einderiv.expression import terms


def test_terms_open_nested_sums_and_merge():
    a, b = ed.tensor("a", "i"), ed.tensor("b", "i")
    assert [str(t) for t in terms(a + b + a)] == ["2 * a", "b"]
    assert terms(a + b - (b + a))[0].coefficient == 0
    assert terms(a) == a.terms == (a,)


def test_too_many_terms_are_refused():
    e = ed.tensor("a", "i") + ed.tensor("b", "i") + ed.tensor("c", "i")
    with ed.limits.override(terms=2), pytest.raises(ed.LimitError, match=r"ed\.limits\.terms"):
        terms(e)
