"""``from_jax``: a function of JAX as an expression, from the jaxpr that JAX makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autodiff import vjp
from ..backends import JAX
from ..errors import BackendError
from ..expression import Expr, added
from ..functions import parameter_names
from ..runtime import evaluate
from . import (  # noqa: F401  (their rows)
    jax_axes,
    jax_calls,
    jax_elementwise,
    jax_indexing,
    jax_linear_algebra,
    jax_spectral,
    jax_windows,
)
from .imported import (
    CLOSE,
    CLOSE_IN_SINGLE,
    Input,
    Path,
    difference,
    is_shape,
    key_of,
    knowing,
    names_of,
)
from .imported import verify as compare
from .jax_table import expression, kind_of
from .jaxprs import Reading


def from_jax(f: Callable[..., Any], /, *args: Any, verify: bool = True, **named: Any) -> Any:
    """``from_jax(f, *args)``: the expression that `f`, a function of JAX, computes.

    Arguments are arrays, of which only the shape counts, or shapes, tuples of whole numbers, also
    inside lists, tuples, dicts and what is registered as a pytree; whole numbers, texts and
    functions are handed on as they are. A tensor has the name of its parameter, joined by ``_``
    with the keys to it: ``params["W1"]`` is ``params_W1``. :func:`arrays` gives the arrays by these
    names. What `f` returns comes back in its structure.

    >>> import einderiv as ed
    >>> import jax.numpy as jnp  # doctest: +SKIP
    >>> def loss(params, x):  # doctest: +SKIP
    ...     return jnp.sum(jnp.tanh(x @ params["W"]) ** 2)
    >>> print(ed.from_jax(loss, {"W": (3, 2)}, (5, 3)))  # doctest: +SKIP
    einsum("ij,ij->", tanh(x @ params_W), tanh(x @ params_W))

    `f` is traced in double precision. Loops are unrolled. Whole numbers that index are index
    arrays, given at evaluation. The result is compared with `f` on random numbers, unless `verify`
    is False; a function that has a derivative of its own (``jax.custom_jvp``) must then have the
    derivative of what it computes.

    Raises BackendError where JAX is not installed; for a primitive that has no expression, with its
    name and the line of `f`; where the result is not what `f` computes.
    """
    if not callable(f):
        raise TypeError(f"from_jax takes a function of JAX, not {type(f).__name__}")
    JAX.library.imported()
    given = _Arguments(f, args, named)
    closed, shape_of_results = _traced(f, given)
    reading = Reading()
    tensors = [one.tensor() for one in given.inputs]
    _check_effects(closed, given.name)
    results: list[Expr] = []
    for value in reading.of_closed(closed, tensors):
        results.append(knowing(expression(value), tensors))
    if verify:
        _verify(given, closed, reading, results)
    import jax

    return jax.tree_util.tree_unflatten(shape_of_results, results)


class _Arguments:
    """The arguments of a function: which of them are inputs, and how it is called with those."""

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], named: dict[str, Any]) -> None:
        import jax

        self.name = getattr(f, "__name__", "the function")
        self._count = len(args)
        parameters = parameter_names(f, len(args))
        trees = dict(zip(parameters, args, strict=True)) | named
        self._keywords = list(named)
        self._leaves: list[list[Any]] = []
        self._trees: list[Any] = []
        self.inputs: list[Input] = []
        paths: list[Path] = []
        places: list[tuple[int, int]] = []
        for t, (parameter, tree) in enumerate(trees.items()):
            flat, structure = jax.tree_util.tree_flatten_with_path(tree, is_leaf=is_shape)
            self._trees.append(structure)
            self._leaves.append([leaf for _, leaf in flat])
            for k, (steps, leaf) in enumerate(flat):
                if _is_input(leaf, parameter):
                    paths.append((parameter, *[key_of(step) for step in steps]))
                    places.append((t, k))
        names = names_of(paths)
        self._places = places
        for name, (t, k) in zip(names, places, strict=True):
            self.inputs.append(_input(name, self._leaves[t][k]))

    def called(self, f: Callable[..., Any], arrays: Sequence[Any]) -> Any:
        """`f` of arrays in the order of the inputs."""
        import jax

        leaves = [list(own) for own in self._leaves]
        for (t, k), array in zip(self._places, arrays, strict=True):
            leaves[t][k] = array
        trees = [jax.tree_util.tree_unflatten(s, own) for s, own in zip(self._trees, leaves)]
        keywords = dict(zip(self._keywords, trees[self._count :], strict=True))
        return f(*trees[: self._count], **keywords)


def _is_input(leaf: Any, parameter: str) -> bool:
    """Is a leaf an array, or the shape of one, and nothing that is handed on?"""
    if is_shape(leaf) or isinstance(leaf, (float, complex)):
        return True
    if isinstance(leaf, (int, str, bytes)) or callable(leaf) or not hasattr(leaf, "shape"):
        return False
    if str(leaf.dtype).startswith("key<"):
        raise BackendError(
            f"{parameter} holds a random key: draw the numbers outside, and give them as arguments"
        )
    return True


def _input(name: str, leaf: Any) -> Input:
    if is_shape(leaf):
        return Input(name, tuple([int(n) for n in leaf]), "f")
    if isinstance(leaf, (float, complex)):
        return Input(name, (), "c" if isinstance(leaf, complex) else "f", leaf)
    kind = kind_of(leaf.dtype)
    if kind not in "fciub":
        raise TypeError(f"{name} is an array of {leaf.dtype}: give numbers")
    shape = tuple([int(n) for n in leaf.shape])
    is_array = type(leaf).__name__ != "ShapeDtypeStruct"
    return Input(name, shape, kind, leaf if is_array else None)


#: in which dtype an input is traced
DTYPES = {"f": "float64", "c": "complex128", "i": "int64", "u": "uint32", "b": "bool"}


def _traced(f: Callable[..., Any], given: _Arguments) -> tuple[Any, Any]:
    """The jaxpr of `f` in double precision, and the structure of what it returns."""
    import jax

    structs = []
    for one in given.inputs:
        dtype = DTYPES[one.kind]
        if one.kind in "iu" and one.array is not None:
            dtype = str(one.array.dtype)
        made: Any = jax.ShapeDtypeStruct
        structs.append(made(one.shape, dtype))
    try:
        with jax.enable_x64(True):
            closed, shapes = jax.make_jaxpr(
                lambda *arrays: given.called(f, arrays), return_shape=True
            )(*structs)
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        reason = str(error).partition("\n")[0]
        raise BackendError(
            f"JAX cannot trace {given.name}, for a shape or a branch depends on values: {reason}"
        ) from error
    return closed, jax.tree_util.tree_structure(shapes)


def _check_effects(closed: Any, name: str) -> None:
    if closed.effects:
        kinds = ", ".join(sorted({type(effect).__name__ for effect in closed.effects}))
        raise BackendError(
            f"{name} has effects besides its result ({kinds}): take prints and callbacks out"
        )


def _verify(given: _Arguments, closed: Any, reading: Reading, results: Sequence[Expr]) -> None:
    import jax
    import numpy as np

    def original(arrays: dict[str, Any]) -> list[Any]:
        with jax.enable_x64(True):
            dtypes = [aval.dtype for aval in closed.in_avals]
            values = [
                np.asarray(arrays[one.name]).astype(dtype)
                for one, dtype in zip(given.inputs, dtypes, strict=True)
            ]
            return [
                np.asarray(x) for x in jax.core.eval_jaxpr(closed.jaxpr, closed.consts, *values)
            ]

    tolerance = CLOSE_IN_SINGLE if reading.in_single else CLOSE
    arrays = compare(list(results), given.inputs, original, name=given.name, tolerance=tolerance)
    if reading.own_rules:
        _verify_rules(given, closed, reading, results, arrays)


def _verify_rules(
    given: _Arguments,
    closed: Any,
    reading: Reading,
    results: Sequence[Expr],
    arrays: dict[str, Any],
) -> None:
    """Compare the derivative of a function in which others have their own with that of what was
    read, times random cotangents.
    """
    import jax
    import numpy as np

    rng = np.random.default_rng(0)
    varied = [one for one in given.inputs if one.kind in "fc" and 0 not in one.shape]
    with jax.enable_x64(True):
        fixed = {
            one.name: np.asarray(arrays[one.name]).astype(aval.dtype)
            for one, aval in zip(given.inputs, closed.in_avals, strict=True)
        }

        def of_varied(*values: Any) -> list[Any]:
            own = fixed | dict(zip([one.name for one in varied], values, strict=True))
            inputs = [own[one.name] for one in given.inputs]
            found = jax.core.eval_jaxpr(closed.jaxpr, closed.consts, *inputs)
            return [x for x in found if kind_of(x.dtype) in "fc"]

        values, pulled = jax.vjp(of_varied, *[fixed[one.name] for one in varied])
        weights = [rng.standard_normal(x.shape).astype(x.dtype) for x in values]
        wanted = pulled(weights)
    kinds = [kind_of(aval.dtype) for aval in closed.out_avals]
    smooth = [e for e, kind in zip(results, kinds, strict=True) if kind in "fc"]
    for one, theirs in zip(varied, wanted, strict=True):
        parts = [vjp(e, one.tensor(), w) for e, w in zip(smooth, weights, strict=True)]
        ours = np.asarray(evaluate(added(parts), fixed)) if parts else np.zeros(one.shape)
        apart = difference(ours, np.asarray(theirs), CLOSE_IN_SINGLE)
        if apart:
            lines = ", ".join(dict.fromkeys([step.line() for step in reading.own_rules]))
            raise BackendError(
                f"{given.name} calls functions with derivatives of their own, at {lines}, which "
                f"are not those of what they compute (by {one.name} they differ by {apart}): an "
                "expression has the derivative of what it computes; read it with verify=False if "
                "that is wanted"
            )
