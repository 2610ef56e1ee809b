"""What readers of functions of other libraries share: names of inputs, and the check of what was
read.

A reader makes a tensor for each array that a function takes. Its name is that of the parameter,
joined by ``_`` with the way to the array inside lists, tuples and dicts: ``params["W1"]`` is
``params_W1``.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

from ..errors import BackendError, EinderivError, limits
from ..expression import Expr, Tensor, dressed, is_array, is_name, leaves, numbered, tensors_of
from ..runtime import Compiled

Path = tuple[object, ...]  # keys, places and names of attributes, from the parameter inwards
Arrays = dict[str, Any]

#: what the values may differ by, relative to the largest of them
CLOSE = 1e-8
#: the same for a function that computes in single precision or less, whatever it is given
CLOSE_IN_SINGLE = 1e-3
#: a change in the last digits of an argument, and how much further rounding may move a result
LAST_DIGITS = 2.0**-50
TIMES = 1000
#: sets of random numbers that are tried until the function is finite there
DRAWS = 4


class Input(NamedTuple):
    """An array that a function takes."""

    name: str
    shape: tuple[int, ...]
    kind: str  # of its dtype as NumPy has them: "f", "c", "i", "u" or "b"
    array: Any = None  # what was given, where that was an array

    def tensor(self) -> Tensor:
        """It as a tensor. The tensors are told apart by the order in which this is called."""
        return numbered(Tensor(self.name, self.shape, None, self.kind == "c"))


# ---- names
def is_shape(value: object) -> bool:
    """A tuple of whole numbers? It stands for an array of that shape.

    >>> is_shape((5, 3)), is_shape(()), is_shape([5, 3]), is_shape((1.0,))
    (True, True, False, False)
    """
    if type(value) is not tuple:
        return False
    return all([isinstance(n, Integral) and not isinstance(n, bool) and int(n) >= 0 for n in value])


def inside(tree: object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The leaves of lists, tuples and dicts, each with the way to it. A shape is a leaf.

    >>> list(inside({"W": (2, 3), "b": [1.5]}))
    [(('W',), (2, 3)), (('b', 0), 1.5)]
    """
    limits.check("depth", len(path), "a flat dict will do")
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from inside(value, (*path, key))
    elif isinstance(tree, (list, tuple)) and not is_shape(tree):
        fields = getattr(tree, "_fields", range(len(tree)))  # of a named tuple
        for key, value in zip(fields, tree, strict=True):
            yield from inside(value, (*path, key))
    elif tree is not None:
        yield path, tree


def name_of(path: Path) -> str:
    """The name of the array at a path, an identifier.

    >>> name_of(("params", "W1")), name_of(("layers", 0, "bias")), name_of(("0.weight",))
    ('params_W1', 'layers_0_bias', 'p0_weight')
    """
    words = "_".join([str(key) for key in path])
    name = re.sub(r"[^A-Za-z0-9_]", "_", words)
    if not name or name[0].isdigit():
        name = f"p{name}"
    if keyword.iskeyword(name):
        name = f"{name}_"
    if not is_name(name):
        raise EinderivError(f"no name can be made of {words!r}: use letters and digits as keys")
    return name


def names_of(paths: Sequence[Path]) -> list[str]:
    """A name for each path. Raises EinderivError where two have the same."""
    met: dict[str, Path] = {}
    for path in paths:
        name = name_of(path)
        if name in met:
            raise EinderivError(
                f"two arrays would be called {name}: {_way(met[name])} and {_way(path)}; rename "
                "one of the keys"
            )
        met[name] = path
    return list(met)


def _way(path: Path) -> str:
    """``params['W1']``"""
    first, *rest = path
    return str(first) + "".join([f"[{key!r}]" for key in rest])


def arrays(tree: object = None, /, **named: object) -> Arrays:
    """The arrays of a pytree or a module by the names that ``from_jax`` and ``from_torch`` give
    them.

    Of lists, tuples and dicts, keys and places are joined by ``_``; of a torch module, parameters
    and buffers go by their dotted names with ``_`` for the dots. Keywords are the arguments of a
    function.

    >>> import einderiv as ed
    >>> params = {"W": [[1.0, 2.0]], "b": 3.0}
    >>> sorted(ed.arrays(params=params, x=1.0))
    ['params_W_0_0', 'params_W_0_1', 'params_b', 'x']

    Raises EinderivError where two arrays have one name, TypeError for what holds no arrays.
    """
    found: list[tuple[Path, Any]] = []
    if hasattr(tree, "named_parameters") and hasattr(tree, "named_buffers"):
        found += _of_module(tree)
    elif tree is not None:
        found += _of_tree(tree)
    for parameter, value in named.items():
        if hasattr(value, "named_parameters") and hasattr(value, "named_buffers"):
            found += [((parameter, *path), array) for path, array in _of_module(value)]
        else:
            found += [((parameter, *path), array) for path, array in _of_tree(value)]
    names = names_of([path for path, _ in found])
    return dict(zip(names, [value for _, value in found], strict=True))


def _of_module(module: Any) -> list[tuple[Path, Any]]:
    """The parameters and buffers of a torch module, without their history."""
    both = [*module.named_parameters(), *module.named_buffers()]
    return [((name,), array.detach()) for name, array in both]


def _of_tree(tree: Any) -> list[tuple[Path, Any]]:
    found: list[tuple[Path, Any]] = []
    for path, leaf in inside(tree):
        if is_array(leaf) or isinstance(leaf, (int, float, complex)):
            found.append((path, leaf))
            continue
        parts = _registered(leaf)
        if parts is None:
            raise TypeError(
                f"there are no arrays in {_way(path) if path else 'what was given'}, of type "
                f"{type(leaf).__name__}: give lists, tuples and dicts of arrays, or a module"
            )
        found += [((*path, *way), part) for way, part in parts]
    return found


def _registered(tree: Any) -> list[tuple[Path, Any]] | None:
    """The leaves of an object that is registered with JAX as a pytree; None of any other."""
    import sys

    if "jax" not in sys.modules:  # nobody can have registered it
        return None
    import jax

    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    if len(flat) == 1 and flat[0][1] is tree:
        return None
    return [(tuple([key_of(step) for step in path]), leaf) for path, leaf in flat]


def key_of(step: Any) -> object:
    """What a step of a path of JAX is: a key, a place, or the name of an attribute."""
    for attribute in ("key", "idx", "name"):
        if hasattr(step, attribute):
            return getattr(step, attribute)
    return str(step)


# ---- results
def knowing(e: Expr, tensors: Sequence[Tensor]) -> Expr:
    """`e`, which knows all inputs of the function, so that its derivative by one that it does not
    depend on is zero.
    """
    known = tensors_of(e)
    unknown = tuple([tensor for tensor in tensors if tensor.name not in known])
    return dressed(e, origins=unknown) if unknown else e


# ---- errors
def no_form(primitive: str, line: str, way_round: str) -> BackendError:
    """The error for an operation of another library that is no expression."""
    return BackendError(f"no expression for {primitive}, at {line}: {way_round}")


# ---- the check
def verify(
    read: Any,
    inputs: Sequence[Input],
    original: Callable[[Arrays], Sequence[Any]],
    *,
    name: str,
    tolerance: float = CLOSE,
) -> Arrays:
    """Compare what was read, a tree of expressions, with the function itself, on random numbers.

    `original` takes arrays by name and answers those of its results in order. Where arrays were
    given and the function is finite nowhere else, they are taken. The answer is the arrays at which
    both were compared.

    Raises BackendError where the values differ, or are finite nowhere.
    """
    import numpy as np

    expressions = leaves(read)
    # As it was written: nothing is multiplied out, for numbers that are looked at once.
    compiled = Compiled(tuple(expressions), distribute=False)
    for arrays in _draws(inputs):
        wanted = [np.asarray(value) for value in original(arrays)]
        if all([np.isfinite(value).all() for value in wanted]):
            break
    else:
        raise BackendError(
            f"{name} could not be checked, for it is not finite on random numbers: give arrays "
            "where it is, or read it with verify=False"
        )
    with np.errstate(all="ignore"):  # what is not chosen may be outside of its domain
        found = [np.asarray(value) for value in compiled(arrays)]
    for k, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        which = name if len(found) == 1 else f"result {k} of {name}"
        if ours.shape != theirs.shape:
            raise BackendError(
                f"{which} was read with the shape {ours.shape}, but has {theirs.shape}: this is a "
                "bug in einderiv, please report it"
            )
        apart = difference(ours, theirs, tolerance)
        if apart and not _trembles(original, arrays, k, float(np.abs(ours - theirs).max())):
            raise BackendError(
                f"{which} was read wrongly: its values differ by {apart} on random numbers; "
                "verify=False reads it all the same. Please report it"
            )
    return arrays


def _trembles(
    original: Callable[[Arrays], Sequence[Any]], arrays: Arrays, k: int, apart: float
) -> bool:
    """Does a result of the function itself move as far where its arguments change in their last
    digits? So does a deep network whose weights are large.
    """
    import numpy as np

    moved: Arrays = {}
    for name, array in arrays.items():
        floats = np.asarray(array).dtype.kind in "fc"
        moved[name] = array * (1 + LAST_DIGITS) if floats else array
    here, there = np.asarray(original(arrays)[k]), np.asarray(original(moved)[k])
    return apart <= TIMES * float(np.abs(there - here).max())


def difference(ours: Any, theirs: Any, tolerance: float) -> str:
    """How far two arrays of one shape are apart, in words; nothing where they are close."""
    import numpy as np

    if not theirs.size:
        return ""
    scale = max(float(np.abs(theirs).max()), tolerance)
    apart = float(np.abs(ours - theirs).max())
    return "" if apart <= tolerance * scale else f"{apart:.2g} of {scale:.2g}"


def _draws(inputs: Sequence[Input]) -> Iterator[Arrays]:
    """Arrays to check at: normal numbers; positive ones, and positive definite matrices; what was
    given.
    """
    import numpy as np

    for draw in range(DRAWS - 1):
        rng = np.random.default_rng(draw)
        yield {one.name: _random(one, rng, positive=draw > 0) for one in inputs}
    if all([one.array is not None for one in inputs]):
        yield {one.name: np.asarray(one.array) for one in inputs}


def _random(one: Input, rng: Any, *, positive: bool) -> Any:
    import numpy as np

    if one.kind in "iu":  # places: only what was given is known to be inside
        return np.zeros(one.shape, np.int64) if one.array is None else np.asarray(one.array)
    if one.kind == "b":
        return rng.random(one.shape) < 0.5
    if not positive:
        drawn = rng.standard_normal(one.shape)
        if len(one.shape) > 1:  # as weights are drawn: products stay of the order of 1
            drawn = drawn / np.sqrt(max(one.shape[-2:]) or 1)
    elif len(one.shape) >= 2 and one.shape[-1] == one.shape[-2]:
        root = rng.uniform(-0.3, 0.3, one.shape)
        drawn = root @ np.swapaxes(root, -1, -2) + np.eye(one.shape[-1])
    else:
        drawn = rng.uniform(0.2, 0.9, one.shape)
    if one.kind == "c":
        drawn = drawn + 1j * rng.standard_normal(one.shape)
    return drawn
