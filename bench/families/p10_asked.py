"""P10: what users ask other libraries for in their issue trackers."""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed

from ..problems import Arrays, Call, Case, Family, Problem, Way, normal, sized
from ..rivals import Model, contracted, jitted

A, x = ed.tensor("A", "ij"), ed.tensor("x", "j")
W, X, Y = ed.tensor("W", "oi"), ed.tensor("X", "bi"), ed.tensor("Y", "bo")
R = ed.tensor("R", "nd")
LAYERS = sized((4, 3), (10, 10), (300, 300), (1000, 1000))
#: jax/787: 2483 points in space, a Hessian of 222 MB in float32, for which 551 GB were asked
POINTS = sized((4, 3), (10, 3), (100, 3), (2483, 3))


def layer(xp: Any, A: Any, x: Any) -> Any:
    """tanh(Ax)."""
    return xp.tanh(A @ x)


def by_x(then: Any, model: Model, wrt: int) -> dict[str, Way]:
    """The way that the issues start from: the whole Jacobian, then what is wanted of it."""

    def of_jax(arrays: Arrays) -> Call:
        import jax

        J = jax.jacrev(lambda *operands: model(jax.numpy, *operands), wrt)
        return jitted(lambda *operands: then(jax.numpy, J(*operands)))(arrays)

    def of_torch(arrays: Arrays) -> Call:
        import torch

        operands = [torch.from_numpy(a) for a in arrays.values()]
        J = torch.func.jacrev(lambda *given: model(torch, *given), wrt)
        return lambda: then(torch, J(*operands))

    return {"jax.jacrev": of_jax, "torch.jacrev": of_torch}


def diagonal_of_gram(i: int, j: int) -> Problem:
    """diag(JᵀJ) of tanh(Ax): jax/19711, jax/20600."""

    def hand(A: Any, x: Any) -> Any:
        slope = 1 - np.tanh(A @ x) ** 2
        return (slope * slope) @ (A * A)

    def ours() -> ed.Expr:
        J = ed.derive(ed.tanh(A @ x), x)
        return ed.einsum("ij,ij->j", J, J)

    return Problem(
        normal(A=(i, j), x=(j,)), ours, hand, by_x(lambda xp, J: xp.sum(J * J, 0), layer, 1)
    )


def diagonal_of_jacobian(n: int, _: int) -> Problem:
    """The diagonal of the Jacobian of tanh(Ax): pytorch/87559."""

    def hand(A: Any, x: Any) -> Any:
        return (1 - np.tanh(A @ x) ** 2) * A.diagonal()

    return Problem(
        normal(A=(n, n), x=(n,)),
        lambda: ed.diag(ed.derive(ed.tanh(A @ x), x)),
        hand,
        by_x(lambda xp, J: xp.diagonal(J), layer, 1),
    )


def sample_norms(b: int, o: int, i: int) -> Problem:
    """The squared norm of the gradient of each sample, for differential privacy: jax, pytorch,
    opacus.
    """

    def losses(xp: Any, W: Any, X: Any, Y: Any) -> Any:
        return xp.sum((X @ W.T - Y) ** 2, 1)

    def hand(W: Any, X: Any, Y: Any) -> Any:
        residual = X @ W.T - Y
        return 4 * np.vecdot(residual, residual) * np.vecdot(X, X)

    def ours() -> ed.Expr:
        residual = X @ W.T - Y
        J = ed.derive(ed.einsum("bo,bo->b", residual, residual), W)
        return ed.einsum("boi,boi->b", J, J)

    rivals = {
        "jax.vmap": each_sample("jax"),
        "torch.vmap": each_sample("torch"),
        **by_x(lambda xp, J: xp.sum(xp.sum(J * J, -1), -1), losses, 0),
    }
    return Problem(normal(W=(o, i), X=(b, i), Y=(b, o)), ours, hand, rivals)


def each_sample(engine: str) -> Way:
    """The expert's way of JAX and PyTorch: the gradient of one sample, over the batch."""

    def loss(W: Any, x: Any, y: Any) -> Any:
        return ((W @ x - y) ** 2).sum()

    def of_jax(arrays: Arrays) -> Call:
        import jax

        g = jax.vmap(jax.grad(loss), (None, 0, 0))
        return jitted(lambda W, X, Y: (g(W, X, Y) ** 2).sum((1, 2)))(arrays)

    def of_torch(arrays: Arrays) -> Call:
        import torch

        g = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))
        W, X, Y = (torch.from_numpy(a) for a in arrays.values())
        return lambda: (g(W, X, Y) ** 2).sum((1, 2))

    return of_jax if engine == "jax" else of_torch


def sum_of_einsums(n: int) -> Problem:
    """Four chains that differ in one factor: opt_einsum/179."""
    text = "ab,bc,cd->ad"

    def hand(L: Any, M0: Any, M1: Any, M2: Any, M3: Any, N: Any) -> Any:
        return L @ (M0 + M1 + M2 + M3) @ N

    def ours() -> ed.Expr:
        total: ed.Expr = ed.einsum(text, "L", "M0", "N")
        for k in range(1, 4):
            total = total + ed.einsum(text, "L", f"M{k}", "N")
        return total

    arrays = normal(L=(n, n), **{f"M{k}": (n, n) for k in range(4)}, N=(n, n))
    return Problem(arrays, ours, hand, contracted(*((text, "L", f"M{k}", "N") for k in range(4))))


def marginals(n: int) -> Problem:
    """All six marginals of a chain of five factors: opt_einsum's page on sharing, 5.82 s → 1.55
    s for n = 1000.
    """
    text, factors = "ab,bc,cd,de,ef", [f"F{k}" for k in range(5)]

    def hand(*F: Any) -> list[Any]:
        forward, backward = [np.ones(n, F[0].dtype)], [np.ones(n, F[0].dtype)]
        for k in range(5):
            forward.append(forward[-1] @ F[k])
            backward.append(F[4 - k] @ backward[-1])
        return [forward[k] * backward[5 - k] for k in range(6)]

    def shared(arrays: Arrays) -> Call:
        import opt_einsum

        def run() -> list[Any]:
            with opt_einsum.shared_intermediates():
                return [opt_einsum.contract(f"{text}->{c}", *arrays.values()) for c in "abcdef"]

        return run

    def one_by_one(arrays: Arrays) -> Call:
        import opt_einsum

        runs = [opt_einsum.contract_expression(f"{text}->{c}", *[(n, n)] * 5) for c in "abcdef"]
        return lambda: [run(*arrays.values()) for run in runs]

    arrays = {name: np.abs(a) / n for name, a in normal(**dict.fromkeys(factors, (n, n))).items()}
    return Problem(
        arrays,
        lambda: [ed.einsum(f"{text}->{c}", *factors) for c in "abcdef"],
        hand,
        {"opt_einsum.shared": shared, "opt_einsum": one_by_one},
    )


def energy(xp: Any, R: Any) -> Any:
    """Σ_{i,j} exp(−|r_i − r_j|²): a smooth energy of pairwise distances."""
    d = R[:, None, :] - R
    return xp.sum(xp.exp(-xp.sum(d * d, -1)))


def ours_of_pairs() -> Any:
    """The Hessian of the energy."""
    d = ed.einsum("id->ijd", R, sizes={"j": "n"}) - ed.einsum("jd->ijd", R, sizes={"i": "n"})
    return ed.hessian(ed.sum(ed.exp(-ed.einsum("ijd,ijd->ij", d, d))), R)


def pairs(n: int, dimension: int) -> Problem:
    """The Hessian of an energy of pairwise distances: jax/787."""

    def hand(R: Any) -> Any:
        d = R[:, None, :] - R
        e = np.exp(-np.vecdot(d, d))
        out: Any = np.multiply(
            (-8 * e)[:, None, :, None] * d.transpose(0, 2, 1)[..., None], d[:, None, :, :]
        )
        for a in range(dimension):
            out[:, a, :, a] += 4 * e
        view = np.einsum("iaib->iab", out)
        view[...] = 0
        view -= out.sum(2)
        return out

    def of(engine: str) -> Way:
        def prepare(arrays: Arrays) -> Call:
            if engine == "jax":
                import jax

                return jitted(jax.hessian(lambda R: energy(jax.numpy, R)))(arrays)
            import torch

            points, H = (
                torch.from_numpy(arrays["R"]),
                torch.func.hessian(lambda R: energy(torch, R)),
            )
            return lambda: H(points)

        return prepare

    rivals = {"jax.hessian": of("jax"), "torch.hessian": of("torch")}
    small = n <= 100
    return Problem(
        normal(R=(n, dimension)),
        ours_of_pairs,
        hand,
        rivals if small else {},
        skipped={} if small else dict.fromkeys(rivals, "551 GB and more"),
    )


FAMILY = Family(
    "P10",
    "asked for in issues of other libraries",
    (
        Case("P10", "diag(JᵀJ)", diagonal_of_gram, LAYERS),
        Case(
            "P10",
            "diagonal of a Jacobian",
            diagonal_of_jacobian,
            sized((3, 3), (10, 10), (300, 300), (1000, 1000)),
        ),
        Case(
            "P10",
            "norms of gradients by sample",
            sample_norms,
            sized((3, 2, 4), (10, 5, 5), (64, 50, 50), (512, 200, 200)),
        ),
        Case("P10", "sum of einsums", sum_of_einsums, sized(3, 8, 100, 500)),
        Case("P10", "marginals of a chain", marginals, sized(3, 10, 200, 1000)),
        Case("P10", "Hessian of pairwise distances", pairs, POINTS),
    ),
)
