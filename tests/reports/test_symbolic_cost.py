"""What a plan costs, as a polynomial in the sizes that nobody gave."""

import re

import pytest

import einderiv as ed

X, w = ed.tensor("X", "nd"), ed.tensor("w", "d")
ROWS = [
    # an expression                                        its operations
    (ed.einsum("ij,jk->ik", "A", "B"),                     "2 i j k"),
    (ed.einsum("ij,jk->ik", ed.tensor("A", (2, None)), "B"), "2 2 j k"),
    (ed.einsum("i,i->", "x", "y"),                         "2 i"),
    (X @ w,                                                "2 n d"),
    (ed.grad(ed.sum((X @ w) ** 2), w),                     "4 n d + d"),
    (ed.derive("is,st,tj->ij", 0),                         "2 s t j + s j"),
    (ed.einsum("is,st,tj->ij"),                            "2 i s t + 2 t j i"),
]  # fmt: skip


def said(e, sizes=None):
    found = re.search(r"in sizes: (.*) flops", str(ed.plan(e, sizes)))
    return found and found.group(1)


@pytest.mark.parametrize(("e", "operations"), ROWS)
def test_operations(e, operations):
    assert sorted(said(e).split(" + ")) == sorted(operations.split(" + "))


def test_where_all_sizes_are_given_the_numbers_say_all():
    assert said(X @ w, {"n": 3, "d": 4}) is None
