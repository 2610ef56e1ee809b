"""Sums are transparent: what is read of a sum never costs more than the same of its terms."""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Sizes, tensors_of
from einderiv.planning import Ops, costs, seconds
from einderiv.rewriting import planned
from einderiv.rewriting.rewrites import REWRITES
from tests.lengths import length

t = ed.tensor
A, B, C, D = (t(name, "ij") for name in "ABCD")
u, v, x = t("u", "i"), t("v", "i"), t("x", "i")
N = 600
SQUARE = N * N


def products(*names):
    """A sum of matrices and of products of two of them, "AB" and "C"."""
    terms = []
    for name in names:
        first, *second = name
        terms.append(t(first, "ij") @ t(second[0], "ij") if second else t(first, "ij"))
    return sum(terms[1:], start=terms[0])


def residual_hessian(layers):
    """Of u · h, where h is a residual net."""
    return ed.hessian(u @ residual_net(layers), x)


def hessian(names):
    """Of Σ exp(A x) + Σ sin(B x) + …: Aᵀ diag(exp(A x)) A − Bᵀ diag(sin(B x)) B + …"""
    functions = (ed.exp, ed.sin, ed.tanh)
    parts = [ed.sum(f(t(name, "oi") @ x)) for f, name in zip(functions, names, strict=False)]
    return ed.hessian(sum(parts[1:], start=parts[0]), x)


def residual_net(layers):
    """h + U tanh(V h), layer by layer."""
    h = x
    for k in range(layers):
        h = h + t(f"U{k}", "ij") @ ed.tanh(t(f"V{k}", "ij") @ h)
    return h


def divergence(layers):
    return ed.trace(ed.derive(residual_net(layers), x))


def laplacian(layers):
    return ed.trace(ed.hessian(u @ residual_net(layers), x))


def diagonal(M):
    return ed.einsum("ii->i", M)


def quadratic(M):
    return ed.einsum("a,ab,b->", u, M, v)


@dataclass
class Row:
    """An expression of n × n matrices, and the flops of a program by hand: passes over a matrix
    (n²), and products of two (2 n³).
    """

    make: object
    passes: float
    matrix_products: int = 0

    @property
    def flops(self):
        return self.passes * SQUARE + self.matrix_products * 2 * N**3


#: what is read of a sum; a matrix with a vector takes two passes, as does the trace of a product
BY_HAND = {
    "trace of matrices":       Row(lambda: ed.trace(A - 2 * B), 6 / N),
    "diagonal of matrices":    Row(lambda: diagonal(3 * A - 2 * B.T), 6 / N),
    "a number times one":      Row(lambda: diagonal(3 * A.T + A), 2 / N),
    "trace of products":       Row(lambda: ed.trace(products("AB", "CD")), 4),
    "trace of three":          Row(lambda: ed.trace(products("AB", "CD", "AD")), 6),
    "diagonal of products":    Row(lambda: diagonal(products("AB", "CD")), 4),
    "product with a vector":   Row(lambda: products("AB", "C") @ v, 6),
    "vector from the left":    Row(lambda: u @ products("AB", "C", "DA"), 10),
    "quadratic form":          Row(lambda: quadratic(products("AB", "C")), 6),
    "entries of two":          Row(lambda: ed.sum(products("AB", "CD")), 8),
    "sums of sums":            Row(lambda: (A + products("AB", "CD") @ B) @ v, 12),
    "sum under two products":  Row(lambda: A @ (products("AB", "CD") @ v), 10),
    "vector after a product":  Row(lambda: (A @ products("AB", "C")) @ v, 8),
    "vector before a product": Row(lambda: u @ (products("AB", "C") @ D), 8),
    "product after a sum":     Row(lambda: (products("AB", "C") @ D) @ v, 8),
    "two sums":                Row(lambda: (products("AB", "C") @ products("CD", "A")) @ v, 12),
    "under an outer product":  Row(lambda: ed.trace(ed.outer(u, v) @ products("AB", "C")), 6),
    "times an outer product":  Row(lambda: ed.sum(products("AB", "C") * ed.outer(u, v)), 6),
    "rows that are weighed":   Row(lambda: (ed.diag(u) @ products("AB", "C")) @ v, 6),
    "trace of a Hessian, 2":   Row(lambda: ed.trace(hessian("AB")), 8),
    "trace of a Hessian, 3":   Row(lambda: ed.trace(hessian("ABC")), 12),
    "diagonal of a Hessian":   Row(lambda: diagonal(hessian("AB")), 10),
    "form of a Hessian, 2":    Row(lambda: quadratic(hessian("AB")), 12),
    "form of a Hessian, 3":    Row(lambda: quadratic(hessian("ABC")), 18),
    "Hessian times a vector":  Row(lambda: hessian("ABC") @ v, 18),
    "divergence of one layer": Row(lambda: divergence(1), 5),
    "of two layers":           Row(lambda: divergence(2), 12, 2),
    "of three layers":         Row(lambda: divergence(3), 18, 4),
    "of four layers":          Row(lambda: divergence(4), 24, 6),
    "Laplacian of one layer":  Row(lambda: laplacian(1), 6),
    "of a net of two layers":  Row(lambda: laplacian(2), 16, 2),
    "of a net of three":       Row(lambda: laplacian(3), 27, 4),
    "of a net of four":        Row(lambda: laplacian(4), 38, 6),
    "net times a vector, 2":   Row(lambda: ed.derive(residual_net(2), x) @ v, 13),
    "net times a vector, 4":   Row(lambda: ed.derive(residual_net(4), x) @ v, 28),
    "vector times a net, 3":   Row(lambda: u @ ed.derive(residual_net(3), x), 24),
    "Hessian of a net, by v":  Row(lambda: residual_hessian(3) @ v, 40),
    "form of a Hessian, net":  Row(lambda: quadratic(residual_hessian(3)), 40),
}  # fmt: skip


def shapes_of(e, n):
    f = ed.compile(e)
    return {name: (n,) if name in "uvx" else (n, n) for name in f.inputs}


@pytest.mark.parametrize("name", BY_HAND)
def test_sums_cost_what_they_cost_by_hand(name):
    e = BY_HAND[name].make()
    found = ed.compile(e).plan(shapes_of(e, N))
    assert found.flops <= 1.15 * BY_HAND[name].flops, found
    assert ed.plan(e, shapes_of(e, N)).flops <= 1.15 * BY_HAND[name].flops  # also for one call


@pytest.mark.parametrize("name", [name for name in BY_HAND if "Hessian" not in name])
def test_values_stay_what_they_are(name):
    """Against the value of what is written."""
    e, rng = BY_HAND[name].make(), np.random.default_rng(0)
    arrays = {k: rng.integers(-2, 3, shape) / 8 for k, shape in shapes_of(e, 40).items()}
    written = ed.compile(e, distribute=False)(arrays)
    np.testing.assert_allclose(ed.compile(e)(arrays), written, rtol=1e-10, atol=1e-11)


def random_sum(rng):
    """What is read of a random sum, and the same of its terms."""

    def factor():
        M = t(rng.choice("ABCDEF"), "ij")
        return M.T if rng.random() < 0.3 else M

    def product(depth):
        found = factor()
        for _ in range(rng.randrange(3)):
            nested = depth < 2 and rng.random() < 0.2
            found = found @ (total(depth + 1) if nested else factor())
        return found

    def total(depth=0):
        terms = [rng.choice((1, -2, 3)) * product(depth) for _ in range(rng.randrange(2, 4))]
        return sum(terms[1:], start=terms[0])

    reads = (
        ed.trace,
        diagonal,
        ed.sum,
        lambda M: M @ v,
        lambda M: u @ M,
        quadratic,
        lambda M: ed.trace(M @ A),
    )
    read = rng.choice(reads)
    terms = [rng.choice((1, -2, 3)) * product(0) for _ in range(rng.randrange(2, 4))]
    return read(sum(terms[1:], start=terms[0])), [read(term) for term in terms]


class Cost(NamedTuple):
    """What the planner minimises, the estimated time of a plan; and what of it is adding matrices
    and multiplying them with numbers.
    """

    seconds: float
    adding: float


def cost(e, shapes, without=()):
    sizes = Sizes({name: shapes[name] for name in tensors_of(e)}).read([e])
    program, _ = planned((e,), sizes, sizes.measure, dense=True, optimize="auto", without=without)
    adding = [k for k, step in program.live_steps() if step.op in (Ops.ADD, Ops.SCALE)]
    return Cost(seconds(program, program.live()), seconds(program, adding))


def check_random_sums(seeds):
    for seed in seeds:
        rng = Random(seed)
        whole, terms = random_sum(rng)
        n = rng.choice((60, 200, 600))
        shapes = dict.fromkeys("ABCDEF", (n, n)) | dict.fromkeys("uv", (n,))
        found = cost(whole, shapes)
        # A sum without products may be formed, so that what adding takes is left out; apart, what
        # is read of the terms is still to be added, vectors at most.
        adding = costs.step + 3 * 8 * n * costs.byte
        apart = sum(cost(term, shapes).seconds + adding for term in terms)
        assert found.seconds - found.adding <= apart, (seed, str(whole))
        written = cost(whole, shapes, without=[row.name for row in REWRITES])
        assert found.seconds <= written.seconds * (1 + 1e-12), (seed, str(whole))


def test_random_sums_cost_no_more_than_their_terms():
    check_random_sums(range(60))


@pytest.mark.slow
def test_many_random_sums_cost_no_more_than_their_terms():
    check_random_sums(range(60, length(260, 2060)))


#: dtypes, and whether a product is distributed over a sum unless that is said
DIGITS = {
    "float32": False,
    "complex64": False,
    "float64": True,
    "complex128": True,
    "int64": True,
}


@pytest.mark.parametrize("dtype", DIGITS)
def test_digits_decide_unless_the_caller_does(dtype):
    e = products("AB", "C") @ v
    arrays = {k: np.ones(shape, dtype) for k, shape in shapes_of(e, 90).items()}
    for distribute, apart in ((None, DIGITS[dtype]), (True, True), (False, False)):
        f = ed.compile(e, distribute=distribute)
        f(arrays)
        flops = sum(step.flops for _, step in f._last.program.live_steps())
        assert (flops < 90**3) == apart


@pytest.mark.parametrize("name", ["trace of products", "diagonal of products"])
def test_diagonals_of_sums_lose_no_digits_and_are_read_of_the_terms(name):
    e = BY_HAND[name].make()
    f = ed.compile(e, distribute=False)
    assert f.plan(shapes_of(e, N)).flops <= 1.15 * BY_HAND[name].flops
    rng = np.random.default_rng(0)
    arrays = {k: rng.integers(-9, 10, shape) for k, shape in shapes_of(e, 30).items()}
    total = arrays["A"] @ arrays["B"] + arrays["C"] @ arrays["D"]
    wanted = np.trace(total) if e.ndim == 0 else np.diagonal(total)
    assert np.array_equal(f(arrays), wanted)


def test_a_float32_gradient_keeps_the_digits_of_what_is_written():
    """T − U Vᵀ is a thousandth of T: in U (Vᵀ V) − T V nothing would be left of it."""
    rng = np.random.default_rng(0)
    u, v = (rng.normal(size=(n, 5)).astype("f4") for n in (500, 400))
    noise = 1e-3 * rng.normal(size=(500, 400))
    arrays = {"U": u, "V": v, "T": (u @ v.T + noise).astype("f4")}
    U, V, T = t("U", "ik"), t("V", "jk"), t("T", "ij")
    gradient = ed.grad(ed.norm_squared(U @ V.T - T), U)
    wide = {name: array.astype("f8") for name, array in arrays.items()}
    exact = 2 * (wide["U"] @ wide["V"].T - wide["T"]) @ wide["V"]
    plain = 2 * (u @ v.T - arrays["T"]) @ v
    found = ed.evaluate(gradient, arrays)
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() < 4 * np.abs(plain - exact).max()
