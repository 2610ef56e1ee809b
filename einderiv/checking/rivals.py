"""The ways of JAX, PyTorch and autograd to a derivative, each imported only where it is used.

A model is written once, as a function of the namespace (``jax.numpy``, ``torch`` or
``autograd.numpy``) and the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..runtime import compile
from .rounds import Call

Arrays = dict[str, Any]
#: a way to do it, from the arrays to a call without arguments; what it imports, it imports when it
#: is made
Way = Callable[[Arrays], Call]
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

    `kind` is "value", "grad", "jacobian", "hessian", "cross", "vjp", "jvp", "hvp", "gauss_newton"
    or "order3", "order4", …; `wrt` are positions among the arrays, `vectors` those of tangents or
    cotangents, which the model does not get.
    """
    ways: dict[str, Way] = {}
    if kind in ("grad", "vjp"):
        ways["torch.autograd"] = _torch_tape(model, wrt, vectors)
    for form in FORMS.get(kind, (kind,)):
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
        case str() if form.startswith("order"):  # forward over reverse
            run = ad.jacrev(f, wrt)
            for _ in range(int(form.removeprefix("order")) - 1):
                run = ad.jacfwd(run, wrt)
            return run
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
        f = compile(ours(), backend=engine)
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
