"""What was read from torch, compared with torch: values always, gradients where something may keep
them from a part.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from .. import functions
from ..autodiff import grad
from ..errors import BackendError
from ..expression import Expr, add, held, multiply, tensors_of, times
from ..runtime import Compiled
from .imported import CLOSE, CLOSE_IN_SINGLE, Arrays, difference, no_form
from .imported import verify as compare
from .torch_tracing import Arguments, Traced
from .torch_values import sizes_of


class _Original:
    """`f` itself, as a function of arrays by the names of the inputs."""

    def __init__(self, f: Any, given: Arguments, traced: Traced, kept: Sequence[int]) -> None:
        self.f = f
        self.given = given
        self.traced = traced
        self.kept = kept  # the results that are expressions
        #: whether it is given doubles, whatever it was read with
        self.wide = True

    def __call__(self, arrays: Arrays) -> list[Any]:
        """Its results, as arrays of NumPy; nan where it refuses the arrays, as a matrix that is not
        positive definite.
        """
        import numpy as np
        import torch

        try:
            with torch.no_grad():
                results = self._results(self._tensors(arrays))
        except RuntimeError:
            return [np.asarray(np.nan) for _ in self.kept]
        return [result.cpu().numpy() for result in results]

    def gradients(self, arrays: Arrays, cotangents: Sequence[Any]) -> dict[str, Any]:
        """Of Σ result · cotangent, by every input of floats, as torch has it."""
        import torch

        tensors = self._tensors(arrays)
        names = [one.name for one in self.traced.inputs if one.kind == "f"]
        leaves = [tensors[name].requires_grad_() for name in names]
        results = self._results(tensors)
        total = torch.zeros((), dtype=torch.float64, device=self.given.device)
        for result, cotangent in zip(results, cotangents, strict=True):
            total = total + (result * torch.as_tensor(cotangent).to(result.device)).sum()
        found: Sequence[Any] = [None] * len(names)
        if total.requires_grad:
            found = torch.autograd.grad(total, leaves, allow_unused=True)
        filled = {}
        for name, leaf, gradient in zip(names, leaves, found, strict=True):
            known = torch.zeros_like(leaf) if gradient is None else gradient
            filled[name] = known.detach().cpu().numpy()
        return filled

    def _tensors(self, arrays: Arrays) -> dict[str, Any]:
        import torch

        dtypes = dict(
            zip(self.traced.names, [tensor.dtype for tensor in self.given.tensors], strict=False)
        )
        tensors = {}
        for one in self.traced.inputs:
            tensor = torch.as_tensor(arrays[one.name]).to(self.given.device, copy=True)
            if one.kind == "f":
                tensor = tensor.to(torch.float64 if self.wide else self.given.dtype)
            elif one.name in dtypes:
                tensor = tensor.to(dtypes[one.name])
            tensors[one.name] = tensor
        return tensors

    def _results(self, tensors: dict[str, Any]) -> list[Any]:
        import torch
        from torch.utils import _pytree

        count = len(self.given.paths)
        args, named = self.given.filled([tensors[name] for name in self.traced.names[:count]])
        own = {theirs: tensors[ours] for ours, theirs in self.traced.own.items()}
        if own:
            result = torch.func.functional_call(self.f, own, args, named)
        else:
            result = self.f(*args, **named)
        leaves = _pytree.tree_leaves(result)
        return [leaves[k] for k in self.kept]


def check(
    f: Any, given: Arguments, traced: Traced, flat: Sequence[Any], *, in_single: bool
) -> None:
    """Compare with `f` itself; also the gradient, where something may keep it from there."""
    import torch

    kept = [k for k, value in enumerate(flat) if isinstance(value, Expr)]
    if not kept:
        return
    name = getattr(f, "__name__", type(f).__name__)
    expressions = [flat[k] for k in kept]
    original = _Original(f, given, traced, kept)
    single = given.dtype != torch.float64 or in_single
    tolerance = CLOSE
    try:
        arrays = compare(expressions, traced.inputs, original, name=name, tolerance=CLOSE)
    except BackendError:
        if not single:
            raise
        # `f` holds numbers in single precision, which meet no doubles, or takes others to it
        original.wide = False
        tolerance = CLOSE_IN_SINGLE
        arrays = compare(expressions, traced.inputs, original, name=name, tolerance=tolerance)
    if traced.stops.line:
        _check_gradient(original, expressions, arrays, traced.stops.line, tolerance)


def _check_gradient(
    original: _Original, expressions: Sequence[Expr], arrays: Arrays, line: str, tolerance: float
) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    cotangents = [rng.standard_normal(sizes_of(e)) for e in expressions]
    wanted = original.gradients(arrays, cotangents)
    names = [name for name in wanted if any([name in tensors_of(e) for e in expressions])]
    products = []
    for e, cotangent in zip(expressions, cotangents, strict=True):
        weighted = (
            multiply(e, held(cotangent, "a cotangent")) if e.ndim else times(e, float(cotangent))
        )
        products.append(functions.sum(weighted))
    total = functools.reduce(add, products)
    found = Compiled(grad(total, names))(arrays)
    for name, ours in zip(names, found, strict=True):
        if difference(np.asarray(ours), wanted[name], tolerance):
            raise no_form(
                "detach",
                line,
                f"it keeps the gradient by {name} from a part, which a formula does not: make what "
                "is kept constant an argument of the function",
            )
