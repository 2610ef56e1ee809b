"""Parts that an expression has in several places: where a name makes it shorter, or every one."""

import pytest

import einderiv as ed
from einderiv.simplifying.parts import named_parts

TEXTS = [  # a text, how many parts have a name, and how many with `every`
    ("x: i\nexp(x)",                          0, 0),
    ("x: i\nsum(1 / x) * (1 / x)",            0, 1),
    ("x: i\nsum(exp(x)) * exp(x)",            0, 1),
    ("x: i\ny: i\ntanh(x + y) * (x + y) * (x + y)", 0, 1),
    ("x: i\ny: i\nz: i\nexp(x + y + z) * tanh(x + y + z) * sin(x + y + z)", 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "some", "every"), TEXTS)
def test_how_many_parts_have_a_name(text, some, every):
    e = ed.parse(text)
    assert len(named_parts(e).parts) == some
    whole, parts = named_parts(e, every=True)
    assert len(parts) == every
    back = {tensor.name: part for tensor, part in parts}
    for _ in parts:
        whole = ed.substitute(whole, {n: p for n, p in back.items() if n in str(whole)})
    assert whole == e
