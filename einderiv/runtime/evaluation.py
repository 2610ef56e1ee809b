"""Numbers: `evaluate` an expression, or `compile` it once for many calls; plans are kept by shapes and dtypes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..backends import BACKENDS, NUMPY, check_backend, check_dense, emit, looked_at, taken
from ..errors import EinderivError, limits
from ..expression import Expr, check_known, leaves, mapped, parsed_bytes, put, shapes_of, solved, tensors_in, whole
from ..functions import check_structures, structures
from ..planning import check_optimizer
from ..printing import text
from ..reports import Plan, emitted
from ..rewriting import check_mesh
from .out import check_dense_numpy, check_options, received

PLANS = 64  # sets of shapes and dtypes that one compiled expression remembers


def evaluate(e: Any, arrays: Mapping[str, Any] | None = None, /, *, sizes: Mapping[str, int] | None = None,
             out: Any = None, zeroed: bool = False, dense: bool = True, memory_limit: int | str | None = None,
             **named: Any) -> Any:  # fmt: skip
    """``evaluate(e, X=x, …).shape`` is the shape of `e`: its value, a dense array.

    Arrays come by name or as a mapping; any tensor that `e` has met may be given. `sizes` gives what no array fixes,
    by axis names of ``ed.tensor`` or labels of the outermost einsum. With ``dense=False`` the result is a `Structured`.
    `e` may be a tuple, list or dict of expressions. The dtype is NumPy's ``result_type`` of all arrays; integers are
    exact or refused. A dense array over `memory_limit` bytes (a quarter of the memory) is refused.

    `out`, an array of the shape and dtype of the result or a tree of them, is written into and given back; None in a
    tree asks for a fresh array. With `zeroed` you promise that it holds zeros wherever the result always has one, as it
    does after a call of the same expression: then only the cores of a derivative are written. A tensor called `out`,
    `zeroed` or `sizes` is given in a mapping.

    >>> import einderiv as ed
    >>> evaluate(ed.einsum("ij,j->i", "A", "x"), A=[[1, 2], [3, 4]], x=[1, 1])
    array([3, 7])

    Raises EinderivError for unknown or missing names, ShapeError for sizes that contradict each other, LimitError
    for memory, TypeError for arrays that cannot be used.
    """
    if memory_limit is None and isinstance(e, Expr):
        # Planned once for each set of shapes, and forgotten with the expression.
        known: dict[bool, Compiled] = e.compiled or {}
        if dense not in known:
            known = {**known, dense: Compiled(e, dense=dense)}
            put(e, "compiled", known)  # another thread may put one without `dense` now
        return known[dense](arrays, sizes=sizes, out=out, zeroed=zeroed, **named)
    compiled = Compiled(e, dense=dense, memory_limit=memory_limit)
    return compiled(arrays, sizes=sizes, out=out, zeroed=zeroed, **named)


class Compiled:
    """A compiled expression. Planned once for each set of shapes and dtypes; the plans are dropped oldest first."""

    def __init__(self, tree: Any, *, backend: str | None = None, dense: bool = True, optimize: Any = "auto",
                 memory_limit: int | str | None = None, distribute: bool = True, folded: bool = False,
                 worth: float | None = None, mesh: Any = None) -> None:  # fmt: skip
        check_backend(backend)
        if mesh is not None:
            check_mesh(mesh, backend)
        check_dense(backend, dense)
        check_optimizer(optimize)
        limit = None if memory_limit is None else parsed_bytes(memory_limit)
        self.tree, self.dense, self.optimize, self.memory_limit = tree, dense, optimize, limit
        self.distribute, self.folded, self.worth = distribute, folded, worth
        self.backend, self.mesh = backend, mesh
        self.roots: list[Expr] = leaves(tree)
        for root in self.roots:
            if not isinstance(root, Expr):
                raise TypeError(f"only expressions can be evaluated, not {type(root).__name__}; "
                                "ed.einsum makes one of a string")  # fmt: skip
        self.tensors = tensors_in(self.roots)
        from ..expression import needed

        self.inputs = needed(self.roots)
        self.structures = structures(self.roots)
        # No lock: each step on the dict is one operation. A lock that a thread holds stays held in a forked process.
        self._plans: dict[Any, Any] = {}
        self._last: Any = None
        self._single = isinstance(tree, Expr)

    def __call__(self, arrays: Mapping[str, Any] | None = None, /, *, sizes: Mapping[str, int] | None = None,
                 out: Any = None, zeroed: bool = False, **named: Any) -> Any:  # fmt: skip
        """The value, or a tree of values, of the same structure as the expressions.

        With `out` it is written into these arrays; `zeroed` is a promise, as in :func:`evaluate`. If a call fails, they
        may be written in part.

        >>> import einderiv as ed, numpy as np
        >>> f, J = Compiled(ed.derive("ij,j->i", "A", indices="ab")), np.empty((2, 2, 3))
        >>> f(B=[1.0, 2.0, 3.0], sizes={"i": 2}, out=J) is J, J[0, 0]
        (True, array([1., 2., 3.]))
        """
        return self._long_way(arrays, {"sizes": sizes, "out": out, "zeroed": zeroed}, named)

    def _long_way(self, arrays: Mapping[str, Any] | None, options: Mapping[str, Any], named: Mapping[str, Any]) -> Any:
        """Everything checked, and planned where it has not been."""
        sizes, out, zeroed = options.get("sizes"), options.get("out"), options.get("zeroed", False)
        check_options(options, self.tensors, arrays)
        backend, device, given = self._given(arrays, named)
        missing = [name for name in self.inputs if name not in given]
        if missing:
            raise EinderivError(f"no array for {', '.join(missing)}; the expression needs {', '.join(self.inputs)}")
        if sizes is not None and not isinstance(sizes, Mapping):
            raise TypeError(f"sizes come as a mapping, {{label: number}}, not as {type(sizes).__name__}")
        fixed = tuple(sorted((str(k), whole(n, f"the size of {k!r}")) for k, n in (sizes or {}).items()))
        check_structures(self.structures, looked_at(given, backend, self.structures))
        key = (backend, device, tuple((n, a.shape, a.dtype) for n, a in sorted(given.items())), fixed,
               limits.dense_bytes)  # fmt: skip
        execution = self._plans.get(key)
        if execution is None:
            execution = self._planned({n: a.shape for n, a in given.items()}, dict(fixed),
                                      {n: a.dtype for n, a in given.items()}, backend, device)  # fmt: skip
            self._plans[key] = execution
            for old in list(self._plans)[:-PLANS]:
                self._plans.pop(old, None)
        if out is None:
            results = execution.run(given)
        else:
            check_dense_numpy(backend, self.dense)
            outs = received(self.tree, out, execution.shapes, execution.dtype)
            results = execution.run_into(given, outs, zeroed=zeroed)
        if execution is not self._last:
            self._remember(execution, backend)
        elif type(self) is Compiled and not self.structures and not fixed:
            self._quicken(execution, given)
        return self._tree(execution, results)

    def _remember(self, execution: Any, backend: str) -> None:
        """What `raw` repeats from now on. Wherever this is interrupted, `raw` is of the last that was remembered."""
        self.__dict__.pop("raw", None)
        self._last = execution
        self.__class__ = Compiled
        if self._single and self.dense and not execution.program.held and backend == "numpy":
            self.raw = execution.function  # type: ignore[method-assign]  # nothing stands between
            if self._last is not execution:  # another thread's call came between
                self.__dict__.pop("raw", None)

    def _quicken(self, execution: Any, given: Mapping[str, Any]) -> None:
        """From the second call of one kind on, a call is one function, emitted for it: the class gets it, for Python
        looks for a call there."""
        from .fast_call import quick

        build = None if self.dense else builder(self.roots, execution)
        call = quick(execution, Compiled._long_way, self.memory_limit, given, build, single=self._single)
        if call is not None:
            self.__class__ = type("Compiled", (Compiled,), {"__call__": call, "__doc__": Compiled.__doc__})

    def raw(self, *arrays: Any) -> Any:
        """The value for arrays in the order of `inputs`, of the shapes and dtypes of the last checked call; no checks.

        Raises EinderivError before the first checked call.
        """
        last = self._last
        if last is None:
            raise EinderivError("raw repeats a checked call: call f(**arrays) once with the same shapes and dtypes")
        results = last.function(*map(last.fit, arrays), *last.held)
        results = (results,) if len(last.program.outputs) == 1 else results
        return self._tree(last, [results[place] for place in last.places])

    def source(self, shapes: Mapping[str, Any] | None = None, /, **named: Any) -> str:
        """The Python source for tensors of given shapes (tuples or arrays)."""
        given = shapes_of({**(shapes or {}), **named})
        if self.backend not in (None, "numpy"):
            check_known(given, self.tensors)
            if self.mesh is not None:
                source: str = self._planned(given, {}, {}, self.backend).emitted.source
                return source
            return emitted(self.tree, BACKENDS[self.backend], given, self.optimize).source
        execution = self._planned(given, {}, {})
        return emit(execution.program, execution.roots, execution.sizes, BACKENDS["numpy"],
                    order=execution.inputs, many=not isinstance(self.tree, Expr)).source  # fmt: skip

    def plan(self, shapes: Mapping[str, Any] | None = None, /, **named: Any) -> Plan:
        """The steps and their costs for tensors of given shapes (tuples or arrays)."""
        execution = self._planned(shapes_of({**(shapes or {}), **named}), {}, {})
        return Plan(execution.program, execution.compute.itemsize, self.roots)

    def _planned(self, shapes: Mapping[str, tuple[int, ...]], fixed: Mapping[str, int], dtypes: Mapping[str, Any],
                 backend: str = "numpy", device: Any = None) -> Any:  # fmt: skip
        from .execution import Execution

        check_known(shapes, self.tensors)
        sizes = solved(self.roots, shapes, fixed)
        options = {"dense": self.dense, "optimize": self.optimize, "memory_limit": self.memory_limit,
                   "distribute": self.distribute, "worth": self.worth, "folded": self.folded,
                   "mesh": self.mesh}  # fmt: skip
        return Execution(self.roots, sizes, dtypes, backend=BACKENDS[backend], device=device, **options)

    def _given(self, arrays: Mapping[str, Any] | None, named: Mapping[str, Any]) -> tuple[str, Any, dict[str, Any]]:
        """The backend, the device, and the arrays as it has them: `backend` decides, or else the arrays do."""
        if arrays is not None and not isinstance(arrays, Mapping):
            raise TypeError(f"arrays come by name, X=x, or as a mapping, not as {type(arrays).__name__}")
        both = {**(arrays or {}), **named}
        check_known(both, self.tensors)
        return taken(both, self.backend, self.dense)

    def _tree(self, execution: Any, results: Any) -> Any:
        if not self.dense:
            results = builder(self.roots, execution)(results)
        return self._shaped(results)

    def _shaped(self, results: Any) -> Any:
        """Results in the structure of the expressions."""
        values = iter(results)
        return mapped(lambda _: next(values), self.tree)

    def __repr__(self) -> str:
        return f"Compiled({', '.join(map(text, self.roots))}; inputs {', '.join(self.inputs)})"


def builder(roots: list[Expr], execution: Any) -> Callable[[Any], list[Any]]:
    """What makes structured tensors of the results of an execution."""
    from .structured import Structured
    from .terms import Term

    rows = [(tuple((tuple(labels for _, labels in t.factors), t.output) for t in terms), shape,
             None if root.record is None else root.ndim - root.record.count, root)
            for root, terms, shape in zip(roots, execution.terms, execution.shapes, strict=True)]  # fmt: skip
    kind: Any = Structured
    what = execution.dtype
    if execution.library is not NUMPY.library:
        from .structured_device import Hosted

        kind, what = Hosted, execution

    def build(results: Any) -> list[Any]:
        values = iter(results)
        return [
            kind([Term(tuple([(next(values), labels) for labels in own]), output) for own, output in terms],
                 shape, what, root, split)
            for terms, shape, split, root in rows
        ]  # fmt: skip

    return build
