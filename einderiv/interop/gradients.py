"""Generated derivatives as the gradients of torch and JAX: `to_torch`, `to_jax`.

The product of the Jacobian with a cotangent is an expression like any other, so it has a generated
derivative too: the gradient of the gradient is derived when it is asked for, and so on.

The conventions are those of the libraries. For f of z with ∂f/∂z and ∂f/∂z̄ and a cotangent g,
torch wants ``conj(conj(g) ∂f/∂z) + conj(g) ∂f/∂z̄``, JAX ``g ∂f/∂z + conj(g ∂f/∂z̄)``.

Source: the chapters "Autograd mechanics" of torch and "The Autodiff Cookbook" of JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from ..autodiff import grad, jvp, vjp
from ..backends import JAX, TORCH
from ..errors import BackendError
from ..expression import (
    Expr,
    Tensor,
    add,
    by_dims,
    check_known,
    declared,
    fresh_names,
    leaves,
    mapped,
    tensors_of,
)
from ..functions import conj
from ..printing import as_text
from ..reports import emitted
from ..runtime import OPTIONS, Compiled

Arrays = dict[str, Any]


class Joint:
    """Expressions that are computed together, and what their derivatives give for cotangents."""

    def __init__(self, tree: Any, wrt: Any, backend: str) -> None:
        self.tree = tree
        self.backend = backend
        self.compiled = Compiled(tree, backend=backend)
        self.roots = self.compiled.roots
        self.known: dict[str, Tensor] = {}
        for root in self.roots:
            self.known.update(tensors_of(root))
        self.inputs = self.compiled.inputs
        self.wrt = frozenset(self.known if wrt is None else _names(wrt, self.known))
        #: for every expression the name of its cotangent
        self.cotangents = tuple(fresh_names(len(self.roots), set(self.known)))
        self._pulled: dict[tuple[str, ...], Joint] = {}
        self._pushed: dict[tuple[str, ...], Joint] = {}

    def ordered(self, arrays: Sequence[Any], named: Mapping[str, Any]) -> Arrays:
        """The arrays of a call by name: by position in the order of `inputs`, or by keyword."""
        if len(arrays) > len(self.inputs):
            raise TypeError(
                f"there are {len(self.inputs)} inputs, {', '.join(self.inputs)}, but {len(arrays)} "
                "arrays"
            )
        by_position = dict(zip(self.inputs, arrays, strict=False))
        for name in named:
            if name in by_position:
                raise TypeError(f"{name} is given by position and by keyword")
        # arrays with named axes go by the names
        return by_dims({**by_position, **named}, lambda: declared(self.roots))

    def values(self, arrays: Arrays) -> Any:
        """The tree of values."""
        given = {name: array for name, array in arrays.items() if name in self.known}
        if not given.keys().isdisjoint(OPTIONS):  # a tensor called `out`
            return self.compiled(given)
        return self.compiled(**given)

    def pulled(self, names: tuple[str, ...]) -> Joint:
        """The derivatives by `names` times cotangents: of a complex tensor two, the second by its
        conjugate.
        """
        if names not in self._pulled:
            parts: dict[str, tuple[Expr, ...]] = {}
            for name in names:
                tensor = self.known[name]
                parts[name] = (self._by(tensor),)
                if tensor.complex:
                    parts[name] += (self._by(conj(tensor)),)
            self._pulled[names] = Joint(parts, None, self.backend)
        return self._pulled[names]

    def pushed(self, names: tuple[str, ...]) -> Joint:
        """The derivatives by `names` times tangents: for every expression the sum of them."""
        if names not in self._pushed:
            tangents = dict(zip(names, self.tangents(names), strict=True))
            parts = []
            for root in self.roots:
                met = tensors_of(root)
                products = [jvp(root, self.known[n], t) for n, t in tangents.items() if n in met]
                parts.append(reduce(add, products))
            self._pushed[names] = Joint(tuple(parts), None, self.backend)
        return self._pushed[names]

    def tangents(self, names: tuple[str, ...]) -> list[str]:
        """The names of the tangents of inputs."""
        return fresh_names(len(names), set(self.known))

    def _by(self, variable: Expr) -> Expr:
        """Σ of the cotangents of all expressions times their derivatives by a tensor or its
        conjugate.
        """
        (name,) = tensors_of(variable)
        products = []
        for root, cotangent in zip(self.roots, self.cotangents, strict=True):
            if name in tensors_of(root):
                products.append(vjp(root, variable, cotangent))
        total: Expr = reduce(add, products)
        return total


def _names(wrt: Any, known: Mapping[str, Tensor]) -> list[str]:
    names = []
    for leaf in leaves(wrt):
        if not isinstance(leaf, (str, Tensor)):
            raise TypeError(f"wrt holds tensors or their names, not {type(leaf).__name__}")
        name = leaf if isinstance(leaf, str) else leaf.name
        check_known([name], known)
        names.append(name)
    return names


class Differentiable:
    """A function of arrays, by position in the order of `inputs` or by keyword, with a generated
    gradient.
    """

    def __init__(self, joint: Joint, apply: Callable[[Arrays], Any]) -> None:
        self._joint = joint
        self._apply = apply
        #: the names of the tensors that it needs
        self.inputs = joint.inputs
        self.__name__ = "einderiv_function"

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """The value, or a tree of values, of the structure of the expressions."""
        return self._apply(self._joint.ordered(arrays, named))

    def __repr__(self) -> str:
        texts = ", ".join(map(as_text, self._joint.roots))
        return f"Differentiable({texts}; inputs {', '.join(self.inputs)})"


def to_torch(e: Any, wrt: Any = None) -> Differentiable:
    """A function of tensors whose ``backward`` runs the generated derivative instead of torch's
    own.

    `e` is an expression or a tuple, list or dict of them; `wrt` the tensors that get a gradient, by
    default all that require one. Every order is there: ``create_graph=True`` derives once more. It
    works under ``torch.func`` and ``torch.compile``.

    >>> import einderiv as ed
    >>> f = ed.to_torch(ed.einsum("ij,j->i", "A", "x"))  # doctest: +SKIP
    >>> f(A, x).sum().backward()  # doctest: +SKIP

    Raises BackendError where torch is not installed, EinderivError for an unknown name in `wrt`.
    """
    TORCH.library.imported()
    return _torch(Joint(e, wrt, "torch"))


def _torch(joint: Joint) -> Differentiable:
    import torch

    functions: dict[Any, Any] = {}
    straight = _straight(joint)
    scalar = isinstance(joint.tree, Expr) and not joint.tree.ndim

    def apply(arrays: Arrays) -> Any:
        if straight is not None and torch.compiler.is_compiling():
            values = iter(straight(*[arrays[name] for name in joint.inputs]))
            return mapped(lambda _: next(values), joint.tree)
        if not all(isinstance(a, torch.Tensor) for a in arrays.values()):
            arrays, _ = TORCH.library.given(arrays)
        tracked = [name for name, array in arrays.items() if array.requires_grad]
        wanted = tuple([name for name in tracked if name in joint.wrt])
        if not wanted or not torch.is_grad_enabled():
            return joint.values({**arrays, **{name: arrays[name].detach() for name in tracked}})
        loss = scalar and not any(map(torch.is_complex, arrays.values()))
        key = (tuple(arrays), wanted, loss)
        if key not in functions:
            functions[key] = _function(joint, *key)
        values = iter(functions[key].apply(*arrays.values()))
        return mapped(lambda _: next(values), joint.tree)

    return Differentiable(joint, apply)


def _function(joint: Joint, names: tuple[str, ...], wanted: tuple[str, ...], loss: bool) -> Any:
    """The autograd function of arrays of these names, in this order. Of a loss, the gradient by
    `wanted` is computed with the value, for they share their work, and kept.
    """
    import torch

    pulled: list[Differentiable] = []
    both = Joint((joint.tree, grad(joint.tree, list(wanted))), (), "torch") if loss else joint

    class Generated(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
        generate_vmap_rule = True

        @staticmethod
        def forward(*arrays: Any) -> Any:
            found = leaves(both.values(dict(zip(names, arrays, strict=True))))
            # PyTorch refuses an input that is an output too: the conjugate of a real one is itself.
            given = set(map(id, arrays))
            return tuple([value.clone() if id(value) in given else value for value in found])

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            kept = output[1:] if loss else ()
            ctx.mark_non_differentiable(*kept)
            ctx.set_materialize_grads(not loss)  # a loss that is not used is never asked
            ctx.save_for_backward(*inputs, *kept)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            arrays = dict(zip(names, ctx.saved_tensors, strict=False))
            if any(map(torch.is_complex, arrays.values())):
                raise BackendError(
                    "forward mode of torch is for real tensors here: use torch.func.jacrev"
                )
            moved = {n: t for n, t in zip(names, tangents, strict=True) if t is not None}
            varied = tuple([name for name in moved if name in joint.wrt])
            pushed = _torch(joint.pushed(varied))
            given = dict(zip(joint.tangents(varied), [moved[n] for n in varied], strict=True))
            # A gradient that is kept is given to nobody, so it has no tangent.
            without = (None,) * len(wanted) if loss else ()
            return (*pushed(**arrays, **given), *without)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            arrays = dict(zip(names, ctx.saved_tensors, strict=False))
            if cotangents[0] is None:
                return (None,) * len(names)
            gradients = dict.fromkeys(arrays)  # of what is not wanted there is none
            if loss and not torch.is_grad_enabled() and not cotangents[0].is_complex():
                kept = ctx.saved_tensors[len(names) :]
                # g ∂f/∂x of a real loss, without one more pass
                for name, gradient in zip(wanted, kept, strict=True):
                    gradients[name] = (cotangents[0] * gradient).to(arrays[name].dtype)
                return tuple(gradients.values())
            # Made once it is asked for: the derivative of a derivative is such a function too.
            if not pulled:
                pulled.append(_torch(joint.pulled(wanted)))
            given = {}
            for name, cotangent in zip(joint.cotangents, cotangents, strict=False):
                given[name] = torch.conj_physical(cotangent)
            for name, parts in pulled[0](**arrays, **given).items():
                gradients[name] = _combined(torch.conj_physical, parts, arrays[name])
            return tuple(gradients.values())

    return Generated


def _combined(conjugate: Callable[[Any], Any], parts: Sequence[Any], x: Any) -> Any:
    """The cotangent of `x`: real for a real `x`, and in its dtype."""
    # conj(conj(g) ∂f/∂x) + conj(g) ∂f/∂x̄
    gradient = conjugate(parts[0])
    if len(parts) > 1:
        gradient = gradient + parts[1]
    if gradient.is_complex() and not x.is_complex():
        gradient = gradient.real
    return gradient.to(x.dtype)


def _straight(joint: Joint) -> Callable[..., Any] | None:
    """The same for ``torch.compile``, which follows plain functions and no planning: sources for
    arrays of any shape.

    None for what needs more than its inputs, held arrays or sizes; then a call before, not
    compiled, makes the plan.
    """
    import torch

    names = tuple([name for name in joint.inputs if name in joint.wrt])
    inner = joint.pulled(names)
    there = emitted(leaves(joint.tree), TORCH, {})
    back = emitted(leaves(inner.tree), TORCH, {})
    if there.free or back.free:
        return None
    known = (*joint.inputs, *joint.cotangents)
    if not {*there.inputs, *back.inputs} <= {*known}:
        return None
    if any(tensor.complex for tensor in joint.known.values()):
        return None
    value = there.function(TORCH)
    pulled = back.function(TORCH)
    places = [known.index(name) for name in back.inputs]
    wanted = [name in names for name in joint.inputs]

    class Compiling(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
        @staticmethod
        def forward(ctx: Any, *arrays: Any) -> Any:
            ctx.save_for_backward(*arrays)
            return value(*arrays)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            given = (*ctx.saved_tensors, *cotangents)
            gradients = iter(pulled(*[given[place] for place in places]))
            fitted = []
            for array, is_wanted in zip(ctx.saved_tensors, wanted):
                fitted.append(next(gradients).to(array.dtype) if is_wanted else None)
            return tuple(fitted)

    return Compiling.apply  # type: ignore[no-any-return, unused-ignore]


def to_jax(e: Any, wrt: Any = None) -> Differentiable:
    """A function of arrays whose reverse-mode gradient is the generated derivative: a
    ``jax.custom_vjp``.

    `e` is an expression or a tuple, list or dict of them; `wrt` the tensors that get a gradient, by
    default all that it is made of; the gradient by the others is zero. Every order is there in
    reverse mode; forward mode (``jvp``, ``jacfwd``, ``hessian``) is that of ``ed.compile(e,
    backend="jax")``.

    >>> import einderiv as ed
    >>> f = ed.to_jax(ed.einsum("i,i->", "x", "x"))  # doctest: +SKIP
    >>> jax.grad(f)(x)  # doctest: +SKIP

    Raises BackendError where JAX is not installed, EinderivError for an unknown name in `wrt`.
    """
    JAX.library.imported()
    return _jax(Joint(e, wrt, "jax"))


def _jax(joint: Joint) -> Differentiable:
    functions: dict[tuple[str, ...], Any] = {}

    def apply(arrays: Arrays) -> Any:
        given, _ = JAX.library.given(arrays)
        names = tuple(given)
        if names not in functions:
            functions[names] = _custom(joint, names)
        return functions[names](*given.values())

    return Differentiable(joint, apply)


def _custom(joint: Joint, names: tuple[str, ...]) -> Any:
    """The function of arrays of these names, in this order, with its gradient."""
    import jax
    import jax.numpy as jnp

    inner: dict[tuple[str, ...], Differentiable] = {}

    def value(*arrays: Any) -> Any:
        return joint.values(dict(zip(names, arrays, strict=True)))

    def forward(*arrays: Any) -> Any:
        return function(*arrays), arrays

    def backward(arrays: Any, cotangents: Any) -> Any:
        given = dict(zip(names, arrays, strict=True))
        inexact = [n for n, array in given.items() if jnp.issubdtype(array.dtype, jnp.inexact)]
        wanted = tuple([name for name in inexact if name in joint.wrt])
        if wanted not in inner:
            inner[wanted] = _jax(joint.pulled(wanted))
        named = dict(zip(joint.cotangents, _along(joint.tree, cotangents), strict=True))
        gradients = dict.fromkeys(names)  # of what is not wanted there is none
        for name, parts in inner[wanted](**given, **named).items():
            gradients[name] = fitted(parts, given[name])
        return tuple(gradients.values())

    def fitted(parts: Sequence[Any], x: Any) -> Any:
        # g ∂f/∂x + conj(g ∂f/∂x̄)
        gradient = parts[0]
        if len(parts) > 1:
            gradient = gradient + jnp.conjugate(parts[1])
        if not jnp.iscomplexobj(x):
            gradient = gradient.real
        return gradient.astype(x.dtype)

    function = jax.custom_vjp(value)
    function.defvjp(forward, backward)
    return function


def _along(tree: Any, values: Any) -> list[Any]:
    """The leaves of `values` in the order of `tree`: JAX sorts the keys of dicts."""
    if isinstance(tree, dict):
        keys = list(tree)
    elif isinstance(tree, (list, tuple)):
        keys = list(range(len(tree)))
    else:
        return [values]
    ordered = []
    for key in keys:
        ordered += _along(tree[key], values[key])
    return ordered
