"""What is read of nested sums: every form of the program has the value of what is written."""

from random import Random

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Sizes, swapped
from einderiv.rewriting.kept_sums import with_sums_kept
from einderiv.rewriting.readings import readings
from tests.lengths import length

t = ed.tensor
u, v, x = t("u", "i"), t("v", "i"), t("x", "i")


def matrix(name):
    return t(name, "ii")


#: layers of a net, of the state h, what one layer adds to it g, and its input x
LAYERS = (
    lambda h, g: h + g,
    lambda h, g: g,
    lambda h, g: 2 * h - g,
    lambda h, g: h * g,
    lambda h, g: h + g + x,
    # with relations
    lambda h, g: h + ed.roll(g, 1),
    lambda h, g: h[::-1] - ed.cumsum(g),
    lambda h, g: ed.pad(h[1:], (0, 1)) + ed.tril(matrix("E")) @ g,
)
#: functions of whole numbers, so that values are exact
FUNCTIONS = (lambda z: z**2, lambda z: z, lambda z: z**2 + z)
#: what is read of a matrix
READS = {
    "trace": ed.trace,
    "diagonal": lambda M: ed.einsum("ii->i", M),
    "times v": lambda M: M @ v,
    "u times": lambda M: u @ M,
    "form": lambda M: ed.einsum("a,ab,b->", u, M, v),
    "with a matrix": lambda M: ed.trace(M @ matrix("B")),
    "both sides": lambda M: M @ v + M.T @ u,
    "squares": lambda M: ed.einsum("ab,ab->", M, M),
    "sum": ed.sum,
    "twice": lambda M: ed.trace(M) * (M @ v),
    "rows": lambda M: ed.einsum("ab,a->a", M, u),
    "scaled": lambda M: ed.einsum("ab,a,b->ab", M, u, v),
    "of a reshape": lambda M: M.reshape(-1),
    "of a slice": lambda M: M[1:, ::-1] @ v,
    "on a diagonal": lambda M: ed.einsum("ab,bb->a", M, matrix("A")),
}


def random_net(rng):
    h = x
    for _ in range(rng.randrange(1, 3)):
        inner, outer = matrix(rng.choice("EFGH")), matrix(rng.choice("ABCD"))
        h = rng.choice(LAYERS)(h, outer @ rng.choice(FUNCTIONS)(inner @ h))
    return h


def check(read, seed):
    rng, numbers = Random(seed), np.random.default_rng(seed)
    h = random_net(rng)
    y = rng.choice((u @ h, ed.sum(h**2), h @ matrix("A") @ h))
    e = READS[read](rng.choice((ed.hessian(y, x), ed.derive(h, x))))
    arrays = {}
    for name in ed.expression.tensors_of(e):
        shape = (4,) if name in "uvx" else (4, 4)
        arrays[name] = numbers.integers(-1, 2, shape)
    # Forms for large sizes, values of small ones.
    sizes = Sizes({name: (600,) * a.ndim for name, a in arrays.items()}).read([e])

    for rewrite in (readings, with_sums_kept):
        for swaps in rewrite((e,), sizes):
            (form,) = swapped((e,), swaps)
            want, found = ed.compile([e, form], distribute=False)(arrays)
            assert np.array_equal(found, want), (rewrite.__name__, str(e))


@pytest.mark.parametrize("read", READS)
def test_every_form_has_the_value_of_what_is_written(read):
    check(read, 100 + len(read))


@pytest.mark.slow
@pytest.mark.parametrize("read", READS)
def test_every_form_of_many_nets_has_the_value_of_what_is_written(read):
    for seed in range(length(2, 60)):
        check(read, seed)


def test_a_stale_record_is_not_taken_at_its_word():
    """A derivative that was substituted into is no more the derivative that its record names."""
    A, B = matrix("A"), matrix("B")
    h = x + A @ x**2
    J = ed.derive(h + B @ h**2, x)
    e = ed.substitute(J, x=2 * v) @ u
    arrays = {"A": np.arange(9).reshape(3, 3), "B": np.eye(3, dtype=int), "u": np.arange(3)}
    arrays["v"] = np.array([1, -1, 2])
    a, point = arrays["A"], 2 * arrays["v"]
    first = np.eye(3, dtype=int) + a @ np.diag(2 * point)
    inner = point + a @ point**2
    want = (np.eye(3, dtype=int) + arrays["B"] @ np.diag(2 * inner)) @ first @ arrays["u"]
    assert np.array_equal(ed.evaluate(e, arrays), want)


def test_a_product_that_is_repeated_along_axes_is_not_taken_for_the_product():
    at = {"x": np.array([2.0, 2, 0]), "y": np.array([1.0, 0, 0])}
    z = t("x", "n") + t("y", "n")
    e = ed.std(z - ed.mean(z))
    slope = ed.derive(e, "x")
    found = ed.compile([e, slope, ed.derive(slope, "x"), ed.derive(slope, "y")])(at)
    want = ed.hessian(ed.std(t("z", "n")), "z")  # the mean is taken away
    for second in found[2:]:
        np.testing.assert_allclose(
            second, ed.evaluate(want, z=at["x"] + at["y"]), rtol=1e-12, atol=1e-12
        )
