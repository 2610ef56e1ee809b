"""Arrays are taken in the order in which the tensors were written, wherever order counts."""

import numpy as np
import pytest

import einderiv as ed

Z, Y, X, w, y = (
    ed.tensor(*t) for t in (("Z", "nk"), ("Y", "nk"), ("X", "nd"), ("w", "d"), ("y", "n"))
)
loss = ed.sum(ed.tanh(X @ w) * y)
traced = ed.trace_function(lambda w, X, y: np.sum((y - X @ w) ** 2), "d", "nd", "n")
given = ed.trace_function(lambda w, X: X @ w, w, X)

ORDER = [
    (ed.cross_entropy(Z, Y, "k"),                     ("Z", "Y")),
    (ed.mean(ed.cross_entropy(Z, Y)),                 ("Z", "Y")),
    (ed.grad(ed.mean(ed.cross_entropy(Z, Y)), Z),     ("Z", "Y")),
    (ed.grad(ed.norm_squared(y - X @ w), w),          ("y", "X", "w")),
    (ed.grad(loss, X),                                ("X", "w", "y")),
    (ed.hvp(loss, w, "v"),                            ("X", "w", "y", "v")),
    (ed.vjp(X @ w, w, "u"),                           ("X", "u")),
    (ed.jvp(X @ w, w, "v"),                           ("X", "v")),
    (ed.hessian(loss, w),                             ("X", "w", "y")),
    (ed.solve(ed.tensor("B", "ij"), ed.tensor("A", "j")), ("B", "A")),
    (Z / Y,                                           ("Z", "Y")),
    (ed.where(Z > 0, Y, Z),                           ("Z", "Y")),
    (ed.substitute(Z * Y, Z=ed.tensor("Q", "nk")),    ("Q", "Y")),
    (traced,                                          ("w", "X", "y")),
    (ed.grad(traced, "w"),                            ("w", "X", "y")),
    (ed.grad(traced + ed.sum(ed.tensor("A", "i")), "X"), ("w", "X", "y")),
    (given,                                           ("w", "X")),
    ([ed.sum(y * y), traced],                         ("w", "X", "y")),
    (ed.sum(ed.tensor("A", "i")) + traced,            ("A", "w", "X", "y")),
]  # fmt: skip


@pytest.mark.parametrize(("e", "order"), ORDER)
def test_inputs(e, order):
    assert ed.compile(e).inputs == order


def test_positional_calls_follow_the_parameters():
    at = {"w": np.array([1.0, 2.0]), "X": np.eye(2), "y": np.array([3.0, 5.0])}
    f = ed.compile(traced)
    assert f(at) == 13
    assert f.raw(*at.values()) == 13
    scope = {}
    exec(ed.source(traced), scope)
    (function,) = [v for k, v in scope.items() if callable(v) and k != "np"]
    assert function(*at.values()) == 13
