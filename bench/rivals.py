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
    found: dict[str, Way] = {}
    if kind in ("grad", "vjp"):
        found["torch.autograd"] = _torch_tape(model, wrt, vectors)
    for form in FORMS[kind]:
        found[f"jax.{form}"] = _jax(form, model, wrt, vectors)
        found[f"torch.{form}"] = _torch(form, model, wrt, vectors)
    if kind in ("grad", "jacobian", "hessian"):
        found[f"autograd.{kind}"] = _autograd(kind, model, wrt)
    return {
        name: way for name, way in found.items() if not engines or name.partition(".")[0] in engines
    }


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


def _transformed(
    ad: Any, form: str, f: Callable[..., Any], wrt: Any, vectors: tuple[int, ...]
) -> Callable[..., Any]:
    """The derivative by `ad`, which is ``jax`` or ``torch.func``: their transformations have the
    same names.
    """
    plain: dict[str, Callable[[], Callable[..., Any]]] = {
        "value": lambda: f,
        "grad": lambda: ad.grad(f, wrt),
        "jacrev": lambda: ad.jacrev(f, wrt),
        "jacfwd": lambda: ad.jacfwd(f, wrt),
        "hessian": lambda: ad.hessian(f, wrt),
        "revrev": lambda: ad.jacrev(ad.jacrev(f, wrt), wrt),
        "cross": lambda: ad.jacfwd(ad.grad(f, wrt[0]), wrt[1]),
    }
    if form in plain:
        return plain[form]()
    if isinstance(wrt, int):
        run = _along(ad, form, f, (wrt,), vectors)
        return run if form == "jvp" else lambda *arrays: run(*arrays)[0]
    return _along(ad, form, f, wrt, vectors)


def _along(
    ad: Any, form: str, f: Callable[..., Any], wrt: tuple[int, ...], vectors: tuple[int, ...]
) -> Callable[..., Any]:
    """Products with vectors; a scalar function for "hvp"."""
    everything = tuple(range(len(wrt)))

    def run(*arrays: Any) -> Any:
        kept = list(arrays[: min(vectors)])
        at, along = tuple(kept[p] for p in wrt), tuple(arrays[p] for p in vectors)

        def inner(*varied: Any) -> Any:
            full = list(kept)
            for p, x in zip(wrt, varied, strict=True):
                full[p] = x
            return f(*full)

        if form == "vjp":
            return ad.vjp(inner, *at)[1](along[0])
        if form == "jvp":
            return ad.jvp(inner, at, along)[1]
        if form == "hvp":
            return ad.jvp(ad.grad(inner, everything), at, along)[1]
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

        quick, operands = jax.jit(f), [jax.device_put(a) for a in arrays.values()]
        ready: Callable[[Any], Any] = jax.block_until_ready
        return lambda: ready(quick(*operands))

    return prepare


def hosted(engine: str, ours: Callable[[], Any]) -> Way:
    """Our expression computed by JAX or torch: under ``jit``, or as it is."""

    def prepare(arrays: Arrays) -> Call:
        f, names = ed.compile(ours(), backend=engine), tuple(arrays)
        if engine == "jax":
            return jitted(lambda *operands: f(dict(zip(names, operands, strict=True))))(arrays)
        return partial(f, **dict(zip(names, tensors(arrays), strict=True)))

    return prepare


def _torch(form: str, model: Model, wrt: Any, vectors: tuple[int, ...]) -> Way:
    def prepare(arrays: Arrays) -> Call:
        import torch

        def value(*operands: Any) -> Any:
            return model(torch, *operands)

        run, operands = _transformed(torch.func, form, value, wrt, vectors), tensors(arrays)
        return lambda: run(*operands)

    return prepare


def _torch_tape(model: Model, wrt: Any, vectors: tuple[int, ...]) -> Way:
    """PyTorch's own way: leaves that require gradients, and ``torch.autograd.grad``."""
    places = (wrt,) if isinstance(wrt, int) else wrt

    def prepare(arrays: Arrays) -> Call:
        import torch

        operands = tensors(arrays)
        kept, weights = (
            operands[: min(vectors, default=len(operands))],
            [operands[p] for p in vectors],
        )

        def run() -> Any:
            full = list(kept)
            for p in places:
                full[p] = full[p].detach().requires_grad_()
            found = torch.autograd.grad(model(torch, *full), [full[p] for p in places], *weights)
            return found[0] if isinstance(wrt, int) else found

        return run

    return prepare


def tensors(arrays: Arrays) -> list[Any]:
    """The arrays as tensors of PyTorch that share their memory."""
    import torch

    return [torch.from_numpy(np.ascontiguousarray(a)) for a in arrays.values()]


def _autograd(kind: str, model: Model, wrt: Any) -> Way:
    def prepare(arrays: Arrays) -> Call:
        import autograd

        def value(*operands: Any) -> Any:
            return model(autograd.numpy, *operands)

        run, operands = getattr(autograd, kind)(value, wrt), tuple(arrays.values())
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
        calls = [plan(text, [_operand(x, arrays) for x in operands]) for text, *operands in terms]
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
    return arrays[x] if isinstance(x, str) else np.eye(x, dtype=next(iter(arrays.values())).dtype)


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
    e = xp.exp(x - _highest(xp, x))
    return e / xp.sum(e, -1)[..., None]


def _highest(xp: Any, x: Any) -> Any:
    """The largest entry along the last axis, which stays."""
    return (xp.amax(x, -1) if xp.__name__ == "torch" else xp.max(x, -1))[..., None]


def relu(xp: Any, x: Any) -> Any:
    """The positive part."""
    return xp.relu(x) if xp.__name__ == "torch" else xp.maximum(x, 0)
