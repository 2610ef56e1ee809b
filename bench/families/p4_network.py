"""P4: ten layers with ReLU and softmax cross-entropy; the gradient and the Hessian by the first
layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import einderiv as ed
from einderiv.checking.rivals import Arrays, derivatives

from ..problems import Case, Problem, family, normal, sized
from ..rivals import logsumexp, relu

LAYERS = 10
SIZES = sized(3, 8, 32, 64)
WEIGHTS = [f"W{k}" for k in range(LAYERS)]
SLOW = {"autograd.hessian": "seconds for each call"}


def data(n: int, batch: int | None = None) -> Arrays:
    """Square layers, an input or a batch of them, and one-hot labels."""
    weights = normal(**dict.fromkeys(WEIGHTS, (n, n)))
    scaled = {name: W * np.sqrt(2 / n) for name, W in weights.items()}
    shape = (n,) if batch is None else (batch, n)
    labels = np.zeros(shape)
    labels[..., 1] = 1
    return {**scaled, **normal(1, x=shape), "y": labels}


def loss() -> ed.Expr:
    """The loss of one sample."""
    h = ed.einsum("oi,i->o", "W0", "x")
    for name in WEIGHTS[1:]:
        h = ed.einsum("oi,i->o", name, ed.relu(h))
    return ed.logsumexp(h, 0) - ed.einsum("o,o->", "y", h)


def batch_loss() -> ed.Expr:
    """The sum of the losses of a batch."""
    h = ed.einsum("bi,oi->bo", "x", "W0")
    for name in WEIGHTS[1:]:
        h = ed.einsum("bi,oi->bo", ed.relu(h), name)
    return ed.sum(ed.logsumexp(h, 1)) - ed.einsum("bo,bo->", "y", h)


def model(xp: Any, *arrays: Any) -> Any:
    """The loss for rivals, of one sample or of a batch."""
    *weights, x, y = arrays
    h = x @ weights[0].T
    for W in weights[1:]:
        h = relu(xp, h) @ W.T
    return xp.sum(logsumexp(xp, h)) - xp.sum(y * h)


def forward(weights: Any, x: Any) -> tuple[Any, list[Any]]:
    """The probabilities, and which units are on in each hidden layer."""
    on = []
    h = x @ weights[0].T
    for W in weights[1:]:
        on.append(h > 0)
        h = (h * on[-1]) @ W.T
    powers = np.exp(h - h.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True), on


def gradient_by_hand(*arrays: Any) -> Any:
    """Back through the layers, then an outer product."""
    *weights, x, y = arrays
    p, on = forward(weights, x)
    g = p - y
    for W, mask in zip(weights[:0:-1], on[::-1], strict=True):
        g = (g @ W) * mask
    return np.multiply.outer(g, x) if x.ndim == 1 else g.T @ x


def core_by_hand(*arrays: Any) -> Any:
    """G = Aᵀ(diag p − ppᵀ)A, where A is the last layer by the first: a symmetric product less a
    rank one.
    """
    *weights, x, _ = arrays
    p, on = forward(weights, x)
    A = weights[-1] * on[-1]
    for W, mask in zip(weights[-2:0:-1], on[-2::-1], strict=True):
        A = (A @ W) * mask
    scaled = A * np.sqrt(p)[:, None]
    mean = p @ A
    return scaled.T @ scaled - np.multiply.outer(mean, mean)


def hessian_by_hand(*arrays: Any) -> Any:
    """G[o,p] x[i] x[j] on the axes [o, i, p, j]."""
    x = arrays[-2]
    core = core_by_hand(*arrays)
    outer = np.multiply.outer(x, x)
    return np.multiply(core[:, None, :, None], outer[None, :, None, :])


def batch_hessian_by_hand(*arrays: Any) -> Any:
    """Σ_b G_b[o,p] x_b[i] x_b[j]: one product of matrices with the batch summed."""
    *weights, x, _ = arrays
    p, on = forward(weights, x)
    batch, n = x.shape
    A = weights[-1] * on[-1][:, None, :]
    for W, mask in zip(weights[-2:0:-1], on[-2::-1], strict=True):
        A = (A.reshape(-1, n) @ W).reshape(batch, n, n) * mask[:, None, :]
    scaled = A * np.sqrt(p)[:, :, None]
    mean = np.matmul(p[:, None, :], A)
    G = np.matmul(scaled.transpose(0, 2, 1), scaled) - mean.transpose(0, 2, 1) * mean
    outer = x[:, :, None] * x[:, None, :]
    H = G.reshape(batch, -1).T @ outer.reshape(batch, -1)
    return np.ascontiguousarray(H.reshape(n, n, n, n).transpose(0, 2, 1, 3))


def core_of(result: Any, x: Any) -> Any:
    """G out of G ⊗ xxᵀ: the first and the third axis where x is largest, divided by its square."""
    largest = int(np.abs(x).argmax())
    unit = np.zeros((len(x), len(x)), x.dtype)
    rows = []
    for output in range(len(x)):
        unit[:] = 0
        unit[output, largest] = 1
        rows.append(result.matvec(unit)[:, largest] / x[largest] ** 2)
    return np.array(rows).T


FAMILY = family(
    "P4",
    "ten layers, ReLU, softmax cross-entropy",
    Case(
        "gradient by the first layer",
        SIZES,
        lambda n: Problem(
            arrays=data(n),
            ours=lambda: ed.grad(loss(), "W0"),
            hand=gradient_by_hand,
            rivals=derivatives("grad", model),
        ),
    ),
    Case(
        "gradient, batch of 50",
        SIZES,
        lambda n: Problem(
            arrays=data(n, 50),
            ours=lambda: ed.grad(batch_loss(), "W0"),
            hand=gradient_by_hand,
            rivals=derivatives("grad", model),
        ),
    ),
    # Dense: n⁴ entries.
    Case(
        "Hessian by the first layer",
        SIZES,
        lambda n: Problem(
            arrays=data(n),
            ours=lambda: ed.hessian(loss(), "W0"),
            hand=hessian_by_hand,
            rivals=derivatives("hessian", model),
            skipped=SLOW if n > 10 else {},
        ),
    ),
    # The same without the outer product with the input: G, and x.
    Case(
        "Hessian, structured",
        SIZES,
        lambda n: Problem(
            arrays=data(n),
            ours=lambda: ed.hessian(loss(), "W0"),
            hand=core_by_hand,
            kind="structured",
            answer=lambda result: core_of(result, data(n)["x"]),
            full=hessian_by_hand,
        ),
    ),
    Case(
        "Hessian, batch of 50",
        sized(3, 6, 16, 32),
        lambda n: Problem(
            arrays=data(n, 50),
            ours=lambda: ed.hessian(batch_loss(), "W0"),
            hand=batch_hessian_by_hand,
            rivals=derivatives("hessian", model),
            skipped=SLOW,
        ),
    ),
)
