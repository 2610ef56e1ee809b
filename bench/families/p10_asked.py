"""P10: what users ask other libraries for in their issue trackers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, Model, Way, jitted, tensors
from einderiv.checking.rounds import Call

from ..problems import Case, Problem, family, normal, sized
from ..rivals import contracted

A, x = ed.tensor("A", "ij"), ed.tensor("x", "j")
W, X, Y = ed.tensor("W", "oi"), ed.tensor("X", "bi"), ed.tensor("Y", "bo")
R = ed.tensor("R", "nd")
CHAIN = "ab,bc,cd,de,ef"
FACTORS = [f"F{k}" for k in range(5)]
TERMS = [f"M{k}" for k in range(4)]


def by_jacobian(then: Callable[[Any, Any], Any], model: Model, wrt: int) -> dict[str, Way]:
    """The way that the issues start from: the whole Jacobian, then what is wanted of it."""

    def of_jax(arrays: Arrays) -> Call:
        import jax

        J = jax.jacrev(lambda *operands: model(jax.numpy, *operands), wrt)
        return jitted(lambda *operands: then(jax.numpy, J(*operands)))(arrays)

    def of_torch(arrays: Arrays) -> Call:
        import torch

        operands = tensors(arrays)
        J = torch.func.jacrev(lambda *given: model(torch, *given), wrt)
        return lambda: then(torch, J(*operands))

    return {"jax.jacrev": of_jax, "torch.jacrev": of_torch}


def layer(xp: Any, A: Any, x: Any) -> Any:
    """tanh(Ax)."""
    return xp.tanh(A @ x)


def slope(A: Any, x: Any) -> Any:
    """tanh'(Ax), with which the rows of A are scaled in the Jacobian."""
    return 1 - np.tanh(A @ x) ** 2


def gram_diagonal() -> ed.Expr:
    """diag(JᵀJ) of tanh(Ax)."""
    J = ed.derive(ed.tanh(A @ x), x)
    return ed.einsum("ij,ij->j", J, J)


def gram_diagonal_by_hand(A: Any, x: Any) -> Any:
    """Σ_i s[i]² A[i,j]², with s the slope."""
    s = slope(A, x)
    return (s * s) @ (A * A)


def sample_norms() -> ed.Expr:
    """The squared norm of the gradient of ‖WX_b − Y_b‖² by W, for each sample b."""
    residual = X @ W.T - Y
    J = ed.derive(ed.einsum("bo,bo->b", residual, residual), W)
    return ed.einsum("boi,boi->b", J, J)


def sample_losses(xp: Any, W: Any, X: Any, Y: Any) -> Any:
    """The losses of all samples for rivals."""
    return xp.sum((X @ W.T - Y) ** 2, 1)


def sample_loss(W: Any, x: Any, y: Any) -> Any:
    """The loss of one sample for rivals."""
    return ((W @ x - y) ** 2).sum()


def sample_norms_by_hand(W: Any, X: Any, Y: Any) -> Any:
    """A gradient is an outer product, 2 r xᵀ, so its squared norm is 4 |r|² |x|²."""
    residual = X @ W.T - Y
    return 4 * np.vecdot(residual, residual) * np.vecdot(X, X)


def each_sample_by_jax(arrays: Arrays) -> Call:
    """The expert's way: the gradient of one sample, over the batch."""
    import jax

    gradients = jax.vmap(jax.grad(sample_loss), (None, 0, 0))
    return jitted(lambda W, X, Y: (gradients(W, X, Y) ** 2).sum((1, 2)))(arrays)


def each_sample_by_torch(arrays: Arrays) -> Call:
    """The same of PyTorch."""
    import torch

    gradients = torch.func.vmap(torch.func.grad(sample_loss), (None, 0, 0))
    operands = tensors(arrays)
    return lambda: (gradients(*operands) ** 2).sum((1, 2))


def sum_of_einsums() -> ed.Expr:
    """Four chains that differ in one factor."""
    total: ed.Expr = ed.einsum("ab,bc,cd->ad", "L", TERMS[0], "N")
    for name in TERMS[1:]:
        total = total + ed.einsum("ab,bc,cd->ad", "L", name, "N")
    return total


def chances(n: int) -> Arrays:
    """Five square matrices of positive numbers."""
    arrays = normal(**dict.fromkeys(FACTORS, (n, n)))
    return {name: np.abs(array) / n for name, array in arrays.items()}


def marginals_by_hand(*F: Any) -> list[Any]:
    """Two sweeps of vectors, one from each end; a marginal is the product of the two that meet."""
    ones = np.ones(len(F[0]), F[0].dtype)
    forward, backward = [ones], [ones]
    for k in range(5):
        forward.append(forward[-1] @ F[k])
        backward.append(F[4 - k] @ backward[-1])
    return [forward[k] * backward[5 - k] for k in range(6)]


def marginals_shared(arrays: Arrays) -> Call:
    """opt_einsum's own way: what two contractions have in common is computed once."""
    import opt_einsum

    def run() -> list[Any]:
        with opt_einsum.shared_intermediates():
            return [opt_einsum.contract(f"{CHAIN}->{out}", *arrays.values()) for out in "abcdef"]

    return run


def marginals_one_by_one(arrays: Arrays) -> Call:
    """Each on a path that is found beforehand."""
    import opt_einsum

    shapes = [a.shape for a in arrays.values()]
    runs = [opt_einsum.contract_expression(f"{CHAIN}->{out}", *shapes) for out in "abcdef"]
    return lambda: [run(*arrays.values()) for run in runs]


def pairs_hessian() -> Any:
    """The Hessian of Σ_{i,j} exp(−|r_i − r_j|²), a smooth energy of pairwise distances."""
    d = ed.einsum("id->ijd", R, sizes={"j": "n"}) - ed.einsum("jd->ijd", R, sizes={"i": "n"})
    return ed.hessian(ed.sum(ed.exp(-ed.einsum("ijd,ijd->ij", d, d))), R)


def energy(xp: Any, R: Any) -> Any:
    """The energy for rivals."""
    d = R[:, None, :] - R
    return xp.sum(xp.exp(-xp.sum(d * d, -1)))


def pairs_by_hand(R: Any) -> Any:
    """−8 e[i,j] d[i,j,a] d[i,j,b] + 4 e[i,j] δ[a,b] on the axes [i, a, j, b] where i and j differ;
    where they are equal, minus the sum of these over j.
    """
    d = R[:, None, :] - R
    e = np.exp(-np.vecdot(d, d))
    left = (-8 * e)[:, None, :, None] * d.transpose(0, 2, 1)[..., None]
    hessian = np.multiply(left, d[:, None, :, :])
    for axis in range(R.shape[1]):
        hessian[:, axis, :, axis] += 4 * e
    diagonal = np.einsum("iaib->iab", hessian)
    diagonal[...] = 0
    diagonal -= hessian.sum(2)
    return hessian


def pairs_by_jax(arrays: Arrays) -> Call:
    """Forward over reverse."""
    import jax

    return jitted(jax.hessian(lambda R: energy(jax.numpy, R)))(arrays)


def pairs_by_torch(arrays: Arrays) -> Call:
    """The same of PyTorch."""
    import torch

    (points,) = tensors(arrays)
    hessian = torch.func.hessian(lambda R: energy(torch, R))
    return lambda: hessian(points)


PAIRS = {"jax.hessian": pairs_by_jax, "torch.hessian": pairs_by_torch}
FAMILY = family(
    "P10",
    "asked for in issues of other libraries",
    # jax/19711, jax/20600
    Case(
        "diag(JᵀJ)",
        sized((4, 3), (10, 10), (300, 300), (1000, 1000)),
        lambda i, j: Problem(
            arrays=normal(A=(i, j), x=(j,)),
            ours=gram_diagonal,
            hand=gram_diagonal_by_hand,
            rivals=by_jacobian(lambda xp, J: xp.sum(J * J, 0), layer, 1),
        ),
    ),
    # pytorch/87559
    Case(
        "diagonal of a Jacobian",
        sized((3, 3), (10, 10), (300, 300), (1000, 1000)),
        lambda n, _: Problem(
            arrays=normal(A=(n, n), x=(n,)),
            ours=lambda: ed.diag(ed.derive(ed.tanh(A @ x), x)),
            hand=lambda A, x: slope(A, x) * A.diagonal(),
            rivals=by_jacobian(lambda xp, J: xp.diagonal(J), layer, 1),
        ),
    ),
    # For differential privacy: jax, pytorch, opacus.
    Case(
        "norms of gradients by sample",
        sized((3, 2, 4), (10, 5, 5), (64, 50, 50), (512, 200, 200)),
        lambda b, o, i: Problem(
            arrays=normal(W=(o, i), X=(b, i), Y=(b, o)),
            ours=sample_norms,
            hand=sample_norms_by_hand,
            rivals={
                "jax.vmap": each_sample_by_jax,
                "torch.vmap": each_sample_by_torch,
                **by_jacobian(lambda xp, J: xp.sum(xp.sum(J * J, -1), -1), sample_losses, 0),
            },
        ),
    ),
    # opt_einsum/179
    Case(
        "sum of einsums",
        sized(3, 8, 100, 500),
        lambda n: Problem(
            arrays=normal(L=(n, n), **dict.fromkeys(TERMS, (n, n)), N=(n, n)),
            ours=sum_of_einsums,
            hand=lambda L, M0, M1, M2, M3, N: L @ (M0 + M1 + M2 + M3) @ N,
            rivals=contracted(*(("ab,bc,cd->ad", "L", name, "N") for name in TERMS)),
        ),
    ),
    # All six of five factors: opt_einsum's page on sharing, 5.82 s → 1.55 s for n = 1000.
    Case(
        "marginals of a chain",
        sized(3, 10, 200, 1000),
        lambda n: Problem(
            arrays=chances(n),
            ours=lambda: [ed.einsum(f"{CHAIN}->{out}", *FACTORS) for out in "abcdef"],
            hand=marginals_by_hand,
            rivals={"opt_einsum.shared": marginals_shared, "opt_einsum": marginals_one_by_one},
        ),
    ),
    # jax/787: 2483 points in space, a Hessian of 222 MB in float32, for which 551 GB were asked
    Case(
        "Hessian of pairwise distances",
        sized((4, 3), (10, 3), (100, 3), (2483, 3)),
        lambda n, dimension: Problem(
            arrays=normal(R=(n, dimension)),
            ours=pairs_hessian,
            hand=pairs_by_hand,
            rivals=PAIRS,
            skipped=dict.fromkeys(PAIRS, "551 GB and more") if n > 100 else {},
        ),
    ),
)
