"""`compile`, and expressions some of whose tensors keep their arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..backends import BACKENDS, chosen
from ..errors import BackendError, EinderivError
from ..expression import Constant, bound, check_known, library, mapped
from ..rewriting import OFTEN
from .evaluation import Compiled
from .out import check_options


def compile(e: Any, /, *, backend: str | None = None, dense: bool = True, optimize: Any = "auto",
            memory_limit: int | str | None = None, distribute: bool = True, constants: Sequence[str] = (),
            mesh: Any = None) -> Compiled:  # fmt: skip
    """A callable ``f(X=x, …)`` for an expression, or for a tuple, list or dict of them computed together.

    >>> import einderiv as ed
    >>> f = compile(ed.einsum("ij,j->i", "A", "x"))
    >>> f(A=[[1.0, 2.0]], x=[1.0, 1.0]), f.inputs
    (array([3.]), ('A', 'x'))

    With `memory_limit`, bytes or text such as ``"2GiB"``, the arrays on the way and the results stay below it together:
    where they would not, the work is done in slices along an axis, with a progress bar if it takes long and tqdm is
    there.

    `constants` names tensors whose arrays are given with the first call, and kept: what depends on them alone is
    computed once, a factorisation too. Giving another array plans anew; changing one in place is not noticed. They may
    be arrays of torch or JAX, but neither traced nor ones that want a gradient.

    A product with a sum may be distributed over it, ``(U Vᵀ - T) V → U (Vᵀ V) - T V``, where that saves forming
    ``U Vᵀ``. Where the sum cancels, that costs digits; ``distribute=False`` computes what is written.

    With a `mesh` of JAX (``jax.make_mesh((8,), ("devices",))``) every value is divided among its devices, along an axis
    that the result keeps and not along one that is summed; ``f.source(shapes)`` shows how. Under ``jax.jit`` it is one
    program for all.

    Raises BackendError for a backend that is not on the list, EinderivError for an unknown path search.
    """
    if constants:
        return Constants(e, constants, backend=backend, dense=dense, optimize=optimize, memory_limit=memory_limit,
                         distribute=distribute, worth=OFTEN, mesh=mesh)  # fmt: skip
    return Compiled(e, backend=backend, dense=dense, optimize=optimize, memory_limit=memory_limit,
                    distribute=distribute, worth=OFTEN, mesh=mesh)  # fmt: skip


class Constants(Compiled):
    """A compiled expression some of whose tensors keep their arrays from call to call."""

    def __init__(self, tree: Any, constants: Sequence[str], **options: Any) -> None:
        super().__init__(tree, **options)
        if isinstance(constants, str) or not all(isinstance(name, str) for name in constants):
            raise TypeError("constants must be a list of names of tensors")
        check_known(constants, self.tensors)
        self.inputs = tuple(name for name in self.inputs if name not in constants)
        self._options = options
        # Replaced as one: neither a thread nor an interrupt may leave new arrays with an old expression.
        self._held: tuple[dict[str, Any], Compiled] = dict.fromkeys(constants), Compiled(tree, **options)

    def __call__(self, arrays: Mapping[str, Any] | None = None, /, *, sizes: Mapping[str, int] | None = None,
                 out: Any = None, zeroed: bool = False, **named: Any) -> Any:  # fmt: skip
        """The value; constants may be left out from the second call on."""
        check_options({"sizes": sizes, "out": out, "zeroed": zeroed}, self.tensors, arrays)
        given = {**(arrays or {}), **named}
        new = {name: given.pop(name) for name in self._held[0] if name in given}
        return self._with(new)(given, sizes=sizes, out=out, zeroed=zeroed)

    def _with(self, new: Mapping[str, Any]) -> Compiled:
        """The expression that holds the constants: those kept, but for `new` ones."""
        arrays, inner = self._held
        missing = [name for name, array in {**arrays, **new}.items() if array is None]
        if not missing and all(array is arrays[name] for name, array in new.items()):
            return inner
        arrays = {**arrays, **new}
        if missing:
            raise EinderivError(f"no array for the constant {', '.join(missing)}: give it with the first call")
        backend, constants = kept(arrays, self._options["backend"])
        tree = mapped(lambda e: bound(e, constants), self.tree)
        inner = Compiled(tree, folded=True, **{**self._options, "backend": backend})
        self._held = arrays, inner
        return inner

    def raw(self, *arrays: Any) -> Any:
        """The value for arrays in the order of `inputs`, as the last checked call had them; no checks."""
        return self._held[1].raw(*arrays)


def kept(arrays: Mapping[str, Any], backend: str | None) -> tuple[str | None, Mapping[str, Any]]:
    """The backend that constants decide, and what an expression holds of them: values that nobody differentiates by."""
    found = chosen(arrays, backend)
    if found == "numpy":
        return backend, arrays
    those = BACKENDS[found].library
    given, _ = those.given({name: array for name, array in arrays.items() if library(array) == found})
    for name, array in given.items():
        if getattr(array, "requires_grad", False) or those.looked_at(array) is None:
            raise BackendError(f"the constant {name} is kept from call to call, so it can neither be traced nor get a "
                               "gradient: give its values alone")  # fmt: skip
    return found, {**arrays, **{name: Constant(array, tuple(array.shape)) for name, array in given.items()}}
