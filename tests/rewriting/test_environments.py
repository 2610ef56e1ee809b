"""Value and all gradients along one path: three times the value, and the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from boxes import box

import einderiv as ed


def network(*dims: int) -> tuple[ed.Expr, dict[str, tuple[int, ...]]]:
    """A box of tensors, each two neighbours of which share an axis of size 2."""
    shapes, arguments = {}, []
    for n, labels in enumerate(box(*dims)):
        shapes[f"A{n}"] = (2,) * len(labels)
        arguments += [f"A{n}", labels]
    return ed.einsum(*arguments, []), shapes


LOSSES = {
    "itself": lambda y: y,
    "squared": lambda y: (y - 3) ** 2,
    "a function": lambda y: ed.log(y**2 + 1),
    "a sum": lambda y: 2 * y + ed.sum(ed.tensor("A0", (None,) * 3) ** 2),
}


@pytest.mark.parametrize(
    ("dims", "loss"),
    [((3, 4, 4), "itself"), ((2, 3, 3), "itself"), *(((3, 3, 3), loss) for loss in LOSSES)],
)
def test_gradients_are_cheap(dims, loss):
    y, shapes = network(*dims)
    e = LOSSES[loss](y)
    value = ed.compile(e).plan(**shapes).flops
    together = ed.compile(ed.value_and_grad(e, list(shapes))).plan(**shapes).flops
    assert together <= 3.3 * value


@pytest.mark.parametrize("count", [1, 2, 27])
def test_values_and_gradients_are_exact(count):
    """With whole numbers: each gradient is the difference of two values."""
    y, shapes = network(3, 3, 3)
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(-1, 2, shape) for name, shape in shapes.items()}
    names = list(shapes)[:count]
    value, gradients = ed.evaluate(ed.value_and_grad(y, names), arrays)
    at = ed.compile(y)
    assert value == at(arrays)
    for name, gradient in zip(names, gradients, strict=True):
        for place in np.ndindex(gradient.shape):
            stepped = arrays[name].copy()
            stepped[place] += 1
            assert gradient[place] == at({**arrays, name: stepped}) - value


@pytest.mark.parametrize("how", ["substituted", "a part", "scaled"])
def test_what_a_gradient_has_become_is_not_derived_again(how):
    """A record says what an expression was the derivative of; other expressions may have it."""
    y, shapes = network(3, 3, 3)
    loss = y + ed.sum(ed.tensor("A0", (None,) * 3) ** 2) if how == "a part" else y
    gradient, *others = ed.grad(loss, list(shapes))
    expected = gradient
    if how == "substituted":
        expected = ed.substitute(gradient, A1=2 * ed.tensor("A1", (None,) * 4))
        factor = 2
    elif how == "a part":
        expected = max(gradient.terms, key=lambda term: getattr(term, "count", 0))
        factor = 1
    else:
        expected = 5 * gradient
        factor = 5
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(-1, 2, shape) for name, shape in shapes.items()}
    plain = ed.evaluate(ed.grad(y, "A0"), arrays)
    found, *_ = ed.evaluate([expected, loss, *others], arrays)
    assert (found == factor * plain).all()
