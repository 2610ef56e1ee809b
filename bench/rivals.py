"""The rivals: JAX, PyTorch, autograd, opt_einsum and NumPy's einsum, each imported only where it is
used.

A model is written once, as a function of the namespace (``jax.numpy``, ``torch`` or
``autograd.numpy``) and the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import einderiv as ed

from .problems import Arrays, Call, Way

Model = Callable[..., Any]
#: the forms of each kind, the one that is usually best first
FORMS = {
    "value": ("value",),
    "grad": ("grad",),
    "jacobian": ("jacrev", "jacfwd"),
    "hessian": ("hessian", "revrev"),
    "cross": ("cross",),
    "vjp": ("vjp",),
    "jvp": ("jvp",),
    "hvp": ("hvp",),
    "gauss_newton": ("gauss_newton",),
}


def einsum_model(text: str) -> Model:
    """An einsum string as a model."""
    return lambda xp, *arrays: xp.einsum(text, *arrays)


def derivatives(
    kind: str,
    model: Model,
    wrt: int | tuple[int, ...] = 0,
    *,
    engines: Sequence[str] = (),
    vectors: tuple[int, ...] = (),
) -> dict[str, Way]:
    """The ways of JAX, PyTorch and autograd to a derivative of ``model(xp, *arrays)``.

    `kind` is "value", "grad", "jacobian", "hessian", "cross", "vjp", "jvp", "hvp" or
    "gauss_newton"; `wrt` are positions among the arrays, `vectors` those of tangents or cotangents,
    which the model does not get.
    """
    ways: dict[str, Way] = {}
    if kind in ("grad", "vjp"):
        ways["torch.autograd"] = _torch_tape(model, wrt, vectors)
    for form in FORMS[kind]:
        ways[f"jax.{form}"] = _jax(form, model, wrt, vectors)
        ways[f"torch.{form}"] = _torch(form, model, wrt, vectors)
    if kind in ("grad", "jacobian", "hessian"):
        ways[f"autograd.{kind}"] = _autograd(kind, model, wrt)
    if not engines:
        return ways
    return {name: way for name, way in ways.items() if name.partition(".")[0] in engines}


def _transformed(
    ad: Any, form: str, f: Callable[..., Any], wrt: Any, vectors: tuple[int, ...]
) -> Any:
    """The derivative by `ad`, which is ``jax`` or ``torch.func``: their transformations have the
    same names.
    """
    match form:
        case "value":
            return f
        case "grad" | "jacrev" | "jacfwd" | "hessian":
            return getattr(ad, form)(f, wrt)
        case "revrev":
            return ad.jacrev(ad.jacrev(f, wrt), wrt)
        case "cross":
            return ad.jacfwd(ad.grad(f, wrt[0]), wrt[1])
    if not isinstance(wrt, int):
        return _along(ad, form, f, wrt, vectors)
    run = _along(ad, form, f, (wrt,), vectors)
    return run if form == "jvp" else lambda *arrays: run(*arrays)[0]


def _along(
    ad: Any, form: str, f: Callable[..., Any], wrt: tuple[int, ...], vectors: tuple[int, ...]
) -> Callable[..., Any]:
    """Products with vectors; a scalar function for "hvp"."""
    every = tuple(range(len(wrt)))

    def run(*arrays: Any) -> Any:
        operands = arrays[: min(vectors)]
        at = tuple(operands[position] for position in wrt)
        along = tuple(arrays[position] for position in vectors)

        def inner(*varied: Any) -> Any:
            """The function of what is varied alone."""
            full = list(operands)
            for position, x in zip(wrt, varied, strict=True):
                full[position] = x
            return f(*full)

        match form:
            case "vjp":  # vᵀJ
                return ad.vjp(inner, *at)[1](along[0])
            case "jvp":  # Jv
                return ad.jvp(inner, at, along)[1]
            case "hvp":  # the gradient's Jv
                return ad.jvp(ad.grad(inner, every), at, along)[1]
            case _:  # Gauss-Newton: 2 JᵀJv
                return ad.vjp(inner, *at)[1](2 * ad.jvp(inner, at, along)[1])

    return run


def _jax(form: str, model: Model, wrt: Any, vectors: tuple[int, ...]) -> Way:
    def prepare(arrays: Arrays) -> Call:
        import jax

        def value(*operands: Any) -> Any:
            return model(jax.numpy, *operands)

        return jitted(_transformed(jax, form, value, wrt, vectors))(arrays)

    return prepare


def jitted(f: Callable[..., Any]) -> Way:
    """A function of JAX arrays, compiled by JAX. The arrays are on the device before the time is
    taken.
    """

    def prepare(arrays: Arrays) -> Call:
        import jax

        compiled = jax.jit(f)
        operands = [jax.device_put(array) for array in arrays.values()]
        ready: Callable[[Any], Any] = jax.block_until_ready
        return lambda: ready(compiled(*operands))

    return prepare


def hosted(engine: str, ours: Callable[[], Any]) -> Way:
    """Our expression computed by JAX or torch: under ``jit``, or as it is."""

    def prepare(arrays: Arrays) -> Call:
        f = ed.compile(ours(), backend=engine)
        names = tuple(arrays)
        if engine == "jax":
            return jitted(lambda *operands: f(dict(zip(names, operands, strict=True))))(arrays)
        return partial(f, **dict(zip(names, tensors(arrays), strict=True)))

    return prepare


def _torch(form: str, model: Model, wrt: Any, vectors: tuple[int, ...]) -> Way:
    def prepare(arrays: Arrays) -> Call:
        import torch

        def value(*operands: Any) -> Any:
            return model(torch, *operands)

        run = _transformed(torch.func, form, value, wrt, vectors)
        operands = tensors(arrays)
        return lambda: run(*operands)

    return prepare


def _torch_tape(model: Model, wrt: Any, vectors: tuple[int, ...]) -> Way:
    """PyTorch's own way: leaves that require gradients, and ``torch.autograd.grad``."""
    positions = (wrt,) if isinstance(wrt, int) else wrt

    def prepare(arrays: Arrays) -> Call:
        import torch

        given = tensors(arrays)
        operands = given[: min(vectors, default=len(given))]
        cotangents = [given[position] for position in vectors]

        def run() -> Any:
            full = list(operands)
            for position in positions:
                full[position] = full[position].detach().requires_grad_()
            leaves = [full[position] for position in positions]
            gradients = torch.autograd.grad(model(torch, *full), leaves, *cotangents)
            return gradients[0] if isinstance(wrt, int) else gradients

        return run

    return prepare


def tensors(arrays: Arrays) -> list[Any]:
    """The arrays as tensors of PyTorch that share their memory."""
    import torch

    return [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays.values()]


def _autograd(kind: str, model: Model, wrt: Any) -> Way:
    def prepare(arrays: Arrays) -> Call:
        import autograd

        def value(*operands: Any) -> Any:
            return model(autograd.numpy, *operands)

        run = getattr(autograd, kind)(value, wrt)
        operands = tuple(arrays.values())
        return lambda: run(*operands)

    return prepare


Term = tuple[Any, ...]


def contracted(*terms: Term, scale: float = 1) -> dict[str, Way]:
    """A sum of einsums by opt_einsum, cotengra and NumPy, planned before: the way without delta
    elimination.

    A term is a string and its operands: names of arrays, or a number for an identity matrix of that
    size.
    """
    return {
        "opt_einsum": _planned(terms, scale, _by_opt_einsum),
        "cotengra": _planned(terms, scale, _by_cotengra),
        "numpy.einsum": _planned(terms, scale, _by_numpy),
    }


def _planned(terms: Sequence[Term], scale: float, plan: Callable[[str, list[Any]], Call]) -> Way:
    def prepare(arrays: Arrays) -> Call:
        calls = []
        for text, *operands in terms:
            calls.append(plan(text, [_operand(x, arrays) for x in operands]))
        if len(calls) == 1 and scale == 1:
            return calls[0]

        def run() -> Any:
            total = calls[0]()
            for call in calls[1:]:
                total = total + call()
            return total if scale == 1 else scale * total

        return run

    return prepare


def _operand(x: str | int, arrays: Arrays) -> Any:
    if isinstance(x, str):
        return arrays[x]
    any_array = next(iter(arrays.values()))
    return np.eye(x, dtype=any_array.dtype)


def _by_opt_einsum(text: str, operands: list[Any]) -> Call:
    import opt_einsum

    run = opt_einsum.contract_expression(text, *(a.shape for a in operands))
    return lambda: run(*operands)


def _by_cotengra(text: str, operands: list[Any]) -> Call:
    import cotengra

    run = cotengra.einsum_expression(text, *(a.shape for a in operands), optimize="greedy")
    return lambda: run(*operands)


def _by_numpy(text: str, operands: list[Any]) -> Call:
    path = np.einsum_path(text, *operands, optimize="greedy")[0]
    return lambda: np.einsum(text, *operands, optimize=path)


def logsumexp(xp: Any, x: Any) -> Any:
    """The logarithm of the sum of exponentials along the last axis, in terms that all three
    namespaces have.
    """
    top = _highest(xp, x)
    return xp.log(xp.sum(xp.exp(x - top), -1)) + top[..., 0]


def softmax(xp: Any, x: Any) -> Any:
    """Softmax along the last axis."""
    powers = xp.exp(x - _highest(xp, x))
    return powers / xp.sum(powers, -1)[..., None]


def _highest(xp: Any, x: Any) -> Any:
    """The largest entry along the last axis, which stays."""
    highest = xp.amax(x, -1) if xp.__name__ == "torch" else xp.max(x, -1)
    return highest[..., None]


def relu(xp: Any, x: Any) -> Any:
    """The positive part."""
    return xp.relu(x) if xp.__name__ == "torch" else xp.maximum(x, 0)
