"""Numbers: `evaluate` an expression, or `compile` it once for many calls; plans are kept by
shapes and dtypes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..backends import (
    BACKENDS,
    NUMPY,
    check_backend,
    check_dense,
    check_mesh,
    chosen,
    emit_readable,
    looked_at,
    taken,
)
from ..errors import BackendError, EinderivError, limits
from ..expression import (
    VALUES,
    Constant,
    Expr,
    bound,
    by_dims,
    check_known,
    declared,
    followed,
    given_by_name,
    is_sparse,
    leaves,
    library,
    mapped,
    natural,
    needed,
    parsed_bytes,
    put,
    same_tree,
    shapes_of,
    shaping,
    solved,
    tensors_in,
    truth,
    valued,
    walk,
)
from ..functions import check_structures, structures, tree_data, tree_of
from ..planning import check_optimizer, tuning
from ..printing import as_text
from ..reports import Plan, emitted
from .out import check_dense_numpy, check_options, received
from .own_arrays import foreign, labelled, standard_of

#: the options of a compiled expression that go with it to another process
STORED = ("backend", "dense", "optimize", "memory_limit", "distribute", "folded", "worth")
MANY = 2**29  # values of an index array that is traced: more than any that it holds
PLANS = 64  # sets of shapes and dtypes that one compiled expression remembers
TREES = 8  # trees of expressions that their first expression remembers


def evaluate(
    e: Any,
    arrays: Mapping[str, Any] | None = None,
    /,
    *,
    sizes: Mapping[str, int] | None = None,
    out: Any = None,
    zeroed: bool = False,
    dense: bool = True,
    memory_limit: int | str | None = None,
    **named: Any,
) -> Any:
    """``evaluate(e, X=x, …).shape`` is the shape of `e`: its value, a dense array.

    Arrays come by name or as a mapping; any tensor that `e` has met may be given. `sizes` gives
    what no array fixes, by axis names of ``ed.tensor`` or labels of the outermost einsum. With
    ``dense=False`` the result is a `Structured`. Sparse arrays of SciPy may be given too: what has
    their pattern stays sparse, and zeros that are not stored are never multiplied. `e` may be a
    tuple, list or dict of expressions.
    The dtype is NumPy's ``result_type`` of all arrays; integers are exact or refused. A dense array
    over `memory_limit` bytes (a quarter of the memory) is refused.

    `out`, an array of the shape and dtype of the result or a tree of them, is written into and
    given back; None in a tree asks for a fresh array. With `zeroed` you promise that it holds zeros
    wherever the result always has one, as it does after a call of the same expression: then only
    the cores of a derivative are written. A tensor called `out`, `zeroed` or `sizes` is given in a
    mapping.

    >>> import einderiv as ed
    >>> evaluate(ed.einsum("ij,j->i", "A", "x"), A=[[1, 2], [3, 4]], x=[1, 1])
    array([3, 7])

    Raises EinderivError for unknown or missing names, ShapeError for sizes that contradict each
    other, LimitError for memory, TypeError for arrays that cannot be used.
    """
    dense = truth(dense, "dense")
    if memory_limit is None and not isinstance(e, Expr):
        kept_tree = _kept_tree(e, dense)
        if kept_tree is not None:
            return kept_tree(arrays, sizes=sizes, out=out, zeroed=zeroed, **named)
    if memory_limit is None and isinstance(e, Expr):
        # Planned once for each set of shapes, and forgotten with the expression.
        known: dict[Any, Any] = e.compiled or {}
        if dense not in known:
            known = {**known, dense: Compiled(e, dense=dense)}
            put(e, "compiled", known)  # another thread may put one without `dense` now
        return known[dense](arrays, sizes=sizes, out=out, zeroed=zeroed, **named)
    compiled = Compiled(e, dense=dense, memory_limit=memory_limit)
    return compiled(arrays, sizes=sizes, out=out, zeroed=zeroed, **named)


def _kept_tree(tree: Any, dense: bool) -> Compiled | None:
    """What evaluates a tree of expressions, kept with the first of them; None if there is none."""
    first = next(iter(leaves(tree)), None)
    if not isinstance(first, Expr):
        return None
    known: dict[Any, Any] = first.compiled or {}
    trees: tuple[Compiled, ...] = known.get(("trees", dense), ())
    for compiled in trees:
        if same_tree(compiled.tree, tree):
            return compiled
    # A copy, for the caller may change the list.
    compiled = Compiled(mapped(lambda e: e, tree), dense=dense)
    put(first, "compiled", {**known, ("trees", dense): (*trees[1 - TREES :], compiled)})
    return compiled


def compile(
    e: Any,
    /,
    *,
    backend: str | None = None,
    dense: bool = True,
    optimize: Any = "auto",
    memory_limit: int | str | None = None,
    distribute: bool | None = None,
    constants: Sequence[str] = (),
    mesh: Any = None,
) -> Compiled | Constants:
    """A callable ``f(X=x, …)`` for an expression, or for a tuple, list or dict of them computed
    together.

    >>> import einderiv as ed
    >>> f = compile(ed.einsum("ij,j->i", "A", "x"))
    >>> f(A=[[1.0, 2.0]], x=[1.0, 1.0]), f.inputs
    (array([3.]), ('A', 'x'))

    With `memory_limit`, bytes or text such as ``"2GiB"``, the arrays on the way and the results
    stay below it together: where they would not, the work is done in slices along an axis, with a
    progress bar if it takes long and tqdm is there.

    `constants` names tensors whose arrays are given with the first call, and kept: what depends on
    them alone is computed once, a factorisation too. Giving another array plans anew; changing one
    in place is not noticed. They may be arrays of torch or JAX, but neither traced nor ones that
    want a gradient.

    A product with a sum may be distributed over it, ``(U Vᵀ - T) V → U (Vᵀ V) - T V``, where that
    saves forming ``U Vᵀ``. Where the sum cancels, that costs digits, so it is done in double
    precision and on whole numbers, and not below. ``distribute=True`` does it there too, and
    ``distribute=False`` computes what is written in any precision.

    `optimize` says how orders of multiplication are found: ``"auto"``, a name that opt_einsum knows
    (``"dynamic-programming"``), a number of seconds that the search may take, or a callable like
    opt_einsum's PathOptimizer, which those of cotengra are. ``"auto"`` counts its work, so that
    plans are reproducible; with seconds they are not.

    With a `mesh` of JAX (``jax.make_mesh((8,), ("devices",))``) every value is divided among its
    devices, along an axis that the result keeps and not along one that is summed;
    ``f.source(shapes)`` shows how. Under ``jax.jit`` it is one program for all.

    Raises BackendError for a backend that is not on the list, EinderivError for an unknown path
    search.
    """
    options = {
        "backend": backend,
        "dense": dense,
        "optimize": optimize,
        "memory_limit": memory_limit,
        "distribute": distribute,
        "worth": tuning.often_seconds,
        "mesh": mesh,
    }
    if constants:
        return Constants(e, constants, options)
    return Compiled(e, **options)


class Call(NamedTuple):
    """What a call gives: the backend, its device, the arrays as it has them, and sizes by their
    names.
    """

    backend: str
    device: Any
    arrays: dict[str, Any]
    sizes: tuple[tuple[str, int], ...]
    #: what results become: arrays of the library, and with the names, of those that were given
    standard: Any = None
    labels: Any = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the arrays."""
        return {name: array.shape for name, array in self.arrays.items()}

    @property
    def dtypes(self) -> dict[str, Any]:
        """Their dtypes."""
        return {name: array.dtype for name, array in self.arrays.items()}


class Compiled:
    """A compiled expression. Planned once for each set of shapes and dtypes; the plans are
    dropped oldest first.
    """

    def __init__(
        self,
        tree: Any,
        *,
        backend: str | None = None,
        dense: bool = True,
        optimize: Any = "auto",
        memory_limit: int | str | None = None,
        distribute: bool | None = None,
        folded: bool = False,
        worth: float | None = None,
        mesh: Any = None,
    ) -> None:
        check_backend(backend)
        dense = truth(dense, "dense")
        if distribute is not None:
            distribute = truth(distribute, "distribute")
        if mesh is not None:
            check_mesh(mesh, backend)
        check_dense(backend, dense)
        check_optimizer(optimize)
        self.tree = tree
        self.backend = backend
        self.dense = dense
        self.optimize = optimize
        self.memory_limit = None if memory_limit is None else parsed_bytes(memory_limit)
        self.distribute = distribute
        self.folded = folded
        self.worth = worth
        self.mesh = mesh
        self.roots: list[Expr] = leaves(tree)
        for root in self.roots:
            if not isinstance(root, Expr):
                raise TypeError(
                    f"only expressions can be evaluated, not {type(root).__name__}; "
                    "ed.einsum makes one of a string"
                )
        self.tensors = tensors_in(self.roots)
        self.inputs = needed(self.roots)
        self.structures = structures(self.roots)
        self.constants: Mapping[str, Any] = {}  # arrays that were bound: they count as given
        if any(isinstance(node, Constant) and node.labels for node in walk(self.roots)):
            followed(self.roots, {})  # raises where held arrays do not go together
        self._valued = valued(self.roots)  # index arrays whose largest values are sizes
        # No lock: each step on the dict is one operation. A lock that a thread holds stays held in
        # a forked process.
        self._plans: dict[Any, Any] = {}
        self._last: Any = None
        # Shapes of sparse arrays whose entries these are expressions of: no plan forms them dense.
        self._sparse: Mapping[str, tuple[int, ...]] = {}
        self._single = isinstance(tree, Expr)

    def __call__(
        self,
        arrays: Mapping[str, Any] | None = None,
        /,
        *,
        sizes: Mapping[str, int] | None = None,
        out: Any = None,
        zeroed: bool = False,
        **named: Any,
    ) -> Any:
        """The value, or a tree of values, of the same structure as the expressions.

        With `out` it is written into these arrays; `zeroed` is a promise, as in :func:`evaluate`.
        If a call fails, they may be written in part.

        >>> import einderiv as ed, numpy as np
        >>> f, J = Compiled(ed.derive("ij,j->i", "A", indices="ab")), np.empty((2, 2, 3))
        >>> f(B=[1.0, 2.0, 3.0], sizes={"i": 2}, out=J) is J, J[0, 0]
        (True, array([1., 2., 3.]))
        """
        return self._long_way(arrays, {"sizes": sizes, "out": out, "zeroed": zeroed}, named)

    def _long_way(
        self, arrays: Mapping[str, Any] | None, options: Mapping[str, Any], named: Mapping[str, Any]
    ) -> Any:
        """Everything checked, and planned where it has not been."""
        given = given_by_name(self.tensors, arrays, named)
        if any(map(is_sparse, given.values())):
            self._check_needed(given, arrays)
            return self._shaped(self._of_sparse(given, options))
        call = self.checked(arrays, options, named)
        backend, device, given, fixed = call[:4]
        kinds = tuple([(name, a.shape, a.dtype) for name, a in sorted(given.items())])
        key = (backend, device, kinds, fixed, limits.dense_bytes)
        # The limit on memory is in the key: a lower one refuses what was planned under a higher.
        execution = self._plans.get(key)
        if execution is None:
            execution = self._planned(call.shapes, dict(fixed), call.dtypes, backend, device)
            self._plans[key] = execution
            for old in list(self._plans)[:-PLANS]:
                self._plans.pop(old, None)
        axes = call.labels.fitted(self.roots) if call.labels is not None else ()
        fresh = options.get("out") is None
        if fresh:
            results = execution.run(given)
        else:
            check_dense_numpy(backend, self.dense)
            outs = received(self.tree, options["out"], execution.shapes, execution.dtype)
            results = execution.run_into(given, outs, zeroed=options.get("zeroed", False))
        if execution is not self._last:
            self._remember(execution)
        elif not self.structures and not fixed and type(self) is Compiled:
            self._quicken(execution, given)
        if fresh and self.dense and self.backend in (None, NUMPY.name):
            results = _own(call, results, self.roots, axes)
        return self._tree(execution, results)

    def _of_sparse(self, given: Mapping[str, Any], options: Mapping[str, Any]) -> list[Any]:
        """The results of a call that gives sparse arrays, planned once for each set of them."""
        from .sparse_operands import SparseCall

        sparse = ", ".join([name for name, a in given.items() if is_sparse(a)])
        others = {name: a for name, a in given.items() if not is_sparse(a)}
        backend = chosen(others, self.backend)
        if BACKENDS[backend] is not NUMPY:
            raise BackendError(
                f"{sparse} is sparse, an array of SciPy, with which NumPy computes, not {backend}: "
                "give it dense, with .toarray()"
            )
        shapes = {name: a.shape for name, a in sorted(given.items()) if is_sparse(a)}
        key = ("sparse", tuple(shapes.items()))
        call = self._plans.get(key)
        if call is None:
            of_sparse = {name: getattr(self, name) for name in STORED}

            def planned(parts: list[Expr]) -> Compiled:
                inner = Compiled(parts, **of_sparse)
                inner._sparse = shapes
                return inner

            call = SparseCall(self.roots, shapes, self._declared(), planned, dense=self.dense)
            self._plans[key] = call
        found: list[Any] = call(given, options)
        return found

    def checked(
        self, arrays: Mapping[str, Any] | None, options: Mapping[str, Any], named: Mapping[str, Any]
    ) -> Call:
        """What a call gives, once it is known that it can be used."""
        check_options(options, self.tensors, arrays)
        backend, device, given, standard, labels = self._given(arrays, named)
        self._check_needed(given, arrays)
        sizes = options.get("sizes")
        if sizes is not None and not isinstance(sizes, Mapping):
            raise TypeError(
                f"sizes come as a mapping, {{label: number}}, not as {type(sizes).__name__}"
            )
        fixed = []
        for label, size in (sizes or {}).items():
            fixed.append((str(label), natural(size, f"the size of {label!r}")))
        check_structures(self.structures, looked_at(given, backend, self.structures))
        for name in self._valued:
            fixed.append((VALUES + name, self._values_of(name, given[name], backend)))
        return Call(backend, device, given, tuple(sorted(fixed)), standard, labels)

    def _check_needed(self, given: Mapping[str, Any], arrays: Mapping[str, Any] | None) -> None:
        """Raise where an array is missing."""
        missing = [name for name in self.inputs if name not in given]
        if missing:
            others = [name for name in arrays or () if name not in self.tensors]
            hint = f"; {others[0]!r}, which is given, is no tensor here" if others else ""
            raise EinderivError(
                f"no array for {', '.join(missing)}; the expression needs {', '.join(self.inputs)}"
                f"{hint}"
            )

    def _values_of(self, name: str, array: Any, backend: str) -> int:
        """How many values an index array has: 1 + the largest. One that is traced may have any,
        as long as no array is made for them.
        """
        if library(array) not in (None, NUMPY.name):
            array = BACKENDS[backend].library.looked_at(array)
        if array is not None:
            return 1 + int(array.max()) if array.size else 1
        if name in shaping(self.roots):
            raise BackendError(
                f"an axis is as long as the largest value of {name} says, and {name} has no values "
                "here, for it is traced or not computed yet: give the size, sizes={label: number}, "
                "or the values"
            )
        return MANY

    def _remember(self, execution: Any) -> None:
        """What `raw` repeats from now on. Wherever this is interrupted, `raw` is of the last
        that was remembered.
        """
        self._drop_shortcuts()
        self._last = execution
        one_array = self._single and self.dense
        if one_array and execution.backend is NUMPY and not execution.program.held:
            self._shorten_raw(execution.function)
            if self._last is not execution:  # another thread's call came between
                self._drop_shortcuts()

    def _quicken(self, execution: Any, given: Mapping[str, Any]) -> None:
        """From the second call of one kind on, a call is one function, emitted for it."""
        from .fast_call import quick

        build = None if self.dense else builder(self.roots, execution)
        call = quick(
            execution,
            Compiled._long_way,
            self.memory_limit,
            given,
            build,
            self.tensors,
            single=self._single,
        )
        if call is not None:
            self._shorten_call(call)

    # ---- shortcuts: between a repeated call and its source stands nothing
    #
    # A function that is emitted for one object is put where Python looks first: that of a call
    # into a class of the object's own, for a call is looked up in the class, and that of `raw` into
    # the object itself, in front of the method. Fields that fixed methods read would be plainer.
    # Measured for 2x2 matrices (Python 3.11, medians of 1500 interleaved batches): a call takes
    # 0.91 µs, and 1.17 to 1.27 µs by a field, since the keywords are packed and unpacked once more;
    # `raw` takes 0.41 µs, and 0.49 µs by a field. The product alone, ``A @ B``, takes 0.69 µs.
    def _shorten_call(self, call: Callable[..., Any]) -> None:
        names = {"__call__": call, "__doc__": Compiled.__doc__}
        self.__class__ = type("Compiled", (Compiled,), names)

    def _shorten_raw(self, function: Callable[..., Any]) -> None:
        self.__dict__["raw"] = function

    def _drop_shortcuts(self) -> None:
        self.__class__ = Compiled
        self.__dict__.pop("raw", None)

    def raw(self, *arrays: Any) -> Any:
        """The value for arrays in the order of `inputs`, of the shapes and dtypes of the last
        checked call; no checks.

        Raises EinderivError before the first checked call.
        """
        last = self._last
        if last is None:
            raise EinderivError(
                "raw repeats a checked call: call f(**arrays) once with the same shapes and dtypes"
            )
        results = last.function(*map(last.fit, last.inputs, arrays), *last.held)
        if len(last.program.outputs) == 1:
            results = (results,)
        return self._tree(last, [results[place] for place in last.places])

    def source(self, shapes: Mapping[str, Any] | None = None, /, **named: Any) -> str:
        """The Python source for tensors of given shapes (tuples or arrays)."""
        given = shapes_of(given_by_name(self.tensors, shapes, named))
        if self.backend not in (None, "numpy"):
            if self.mesh is not None:
                source: str = self._planned(given, {}, {}, self.backend).emitted.source
                return source
            return emitted(self.tree, BACKENDS[self.backend], given, self.optimize).source
        execution = self._planned(given, {}, {})
        return emit_readable(
            execution.program,
            execution.roots,
            execution.sizes,
            BACKENDS["numpy"],
            order=execution.inputs,
            many=not isinstance(self.tree, Expr),
        ).source

    def plan(self, shapes: Mapping[str, Any] | None = None, /, **named: Any) -> Plan:
        """The steps and their costs for tensors of given shapes (tuples or arrays), of float64."""
        import numpy as np

        floats = dict.fromkeys(self.inputs, np.dtype(float))
        given = shapes_of(given_by_name(self.tensors, shapes, named))
        execution = self._planned(given, {}, floats)
        return Plan(execution.program, execution.compute.itemsize, self.roots)

    def _planned(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        fixed: Mapping[str, int],
        dtypes: Mapping[str, Any],
        backend: str = "numpy",
        device: Any = None,
    ) -> Any:
        from .execution import Execution

        sizes = solved(self.roots, shapes, fixed)
        options = {
            "dense": self.dense,
            "optimize": self.optimize,
            "memory_limit": self.memory_limit,
            "distribute": self.distribute,
            "worth": self.worth,
            "folded": self.folded,
            "mesh": self.mesh,
        }
        execution = Execution(
            self.roots, sizes, dtypes, backend=BACKENDS[backend], device=device, **options
        )
        if self._sparse:
            from .sparse_operands import check_program

            check_program(execution, shapes, self._sparse, dense=self.dense)
        return execution

    def _given(
        self, arrays: Mapping[str, Any] | None, named: Mapping[str, Any]
    ) -> tuple[str, Any, dict[str, Any], Any, Any]:
        """The backend, the device, and the arrays as it has them: `backend` decides, or else the
        arrays do. Then what the results become.
        """
        given = given_by_name(self.tensors, arrays, named)
        turned = by_dims(given, self._declared)
        # with constants, which tell as much of the results as what is given now
        labels = labelled({**self.constants, **given}, self._declared)
        standard = standard_of({**self.constants, **turned}, self.backend)
        return *taken(turned, self.backend, self.dense), standard, labels

    def _declared(self) -> dict[str, Expr]:
        return declared(self.roots)

    def _tree(self, execution: Any, results: Any) -> Any:
        if not self.dense:
            results = builder(self.roots, execution)(results)
        return self._shaped(results)

    def _shaped(self, results: Any) -> Any:
        """Results in the structure of the expressions."""
        values = iter(results)
        return mapped(lambda _: next(values), self.tree)

    def __reduce__(self) -> tuple[Any, ...]:
        # Plans are made again where they are needed; `raw` repeats a call that is still to come.
        options = {name: getattr(self, name) for name in STORED}
        if self.mesh is not None:
            raise TypeError("a mesh of devices belongs to one process: compile anew in the other")
        return compiled_of, (tree_data(self.tree), options)

    def __repr__(self) -> str:
        return shown(self.roots, self.inputs)


def _own(call: Call, results: list[Any], roots: Sequence[Expr], axes: Sequence[Any]) -> list[Any]:
    """Results in the kind of the arrays that were given."""
    if call.standard is not None:
        results = [call.standard.own(result) for result in results]
    if call.labels is not None and call.labels.arrays:
        results = list(map(call.labels.own, results, roots, axes))
    return results


def compiled_of(data: Any, options: Any) -> Compiled:
    """What ``pickle`` makes a compiled expression of. Raises EinderivError for what is none."""
    if not isinstance(options, dict) or set(options) != set(STORED):
        raise EinderivError("this is no stored compiled expression: its options are others")
    return Compiled(tree_of(data), **options)


def constants_of(data: Any, names: Any, options: Any, arrays: Any) -> Constants:
    """What ``pickle`` makes a compiled expression with constants of."""
    if not isinstance(options, dict) or not set(options) <= {*STORED, "mesh"}:
        raise EinderivError("this is no stored compiled expression: its options are others")
    held = Constants(tree_of(data), names, options)
    if arrays is not None:
        held.keep(arrays)
    return held


def shown(roots: Sequence[Expr], inputs: Sequence[str]) -> str:
    """What a compiled expression prints of itself."""
    texts = ", ".join(map(as_text, roots))
    return f"Compiled({texts}; inputs {', '.join(inputs)})"


class Constants:
    """A compiled expression some of whose tensors keep their arrays from call to call."""

    def __init__(self, tree: Any, constants: Sequence[str], options: Mapping[str, Any]) -> None:
        self._free = Compiled(tree, **options)  # what holds nothing yet
        is_sequence = isinstance(constants, Iterable) and not isinstance(constants, (str, bytes))
        if not is_sequence or not all(isinstance(name, str) for name in constants):
            raise TypeError(
                f"constants must be a list of names of tensors, not {str(constants)[:40]!r}"
            )
        check_known(constants, self._free.tensors)
        self.tree = tree
        self.tensors = self._free.tensors
        self.inputs = tuple(name for name in self._free.inputs if name not in constants)
        self._options = options
        # Replaced as one: neither a thread nor an interrupt may leave new arrays with an old
        # expression.
        self._held: tuple[dict[str, Any], Compiled] = dict.fromkeys(constants), self._free

    def __call__(
        self,
        arrays: Mapping[str, Any] | None = None,
        /,
        *,
        sizes: Mapping[str, int] | None = None,
        out: Any = None,
        zeroed: bool = False,
        **named: Any,
    ) -> Any:
        """The value; constants may be left out from the second call on."""
        check_options({"sizes": sizes, "out": out, "zeroed": zeroed}, self.tensors, arrays)
        given = given_by_name(self.tensors, arrays, named)
        new = {name: given.pop(name) for name in self._held[0] if name in given}
        return self._with(new)(given, sizes=sizes, out=out, zeroed=zeroed)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._options.get("mesh") is not None:
            raise TypeError("a mesh of devices belongs to one process: compile anew in the other")
        held = self._held[0]
        arrays = None if any(array is None for array in held.values()) else held
        return constants_of, (tree_data(self.tree), list(held), self._options, arrays)

    def keep(self, arrays: Mapping[str, Any]) -> None:
        """Hold the arrays of constants, as a first call does."""
        self._with({name: arrays[name] for name in self._held[0]})

    def _with(self, new: Mapping[str, Any]) -> Compiled:
        """The expression that holds the constants: those kept, but for `new` ones."""
        before, inner = self._held
        arrays = {**before, **new}
        missing = [name for name, array in arrays.items() if array is None]
        unchanged = all(array is before[name] for name, array in new.items())
        if unchanged and not missing:
            return inner
        if missing:
            raise EinderivError(
                f"no array for the constant {', '.join(missing)}: give it with the first call"
            )
        by_dims(arrays, self._free._declared)  # raises for other names
        backend, constants = kept(arrays, self._options["backend"])
        tree = mapped(lambda e: bound(e, constants), self.tree)
        inner = Compiled(tree, folded=True, **{**self._options, "backend": backend})
        inner.constants = {name: array for name, array in arrays.items() if foreign(array)}
        self._held = arrays, inner
        return inner

    def raw(self, *arrays: Any) -> Any:
        """The value for arrays in the order of `inputs`, as the last checked call had them; no
        checks.
        """
        return self._held[1].raw(*arrays)

    def source(self, shapes: Mapping[str, Any] | None = None, /, **named: Any) -> str:
        """The Python source for tensors of given shapes (tuples or arrays), which takes the
        constants too.
        """
        return self._free.source(shapes, **named)

    def plan(self, shapes: Mapping[str, Any] | None = None, /, **named: Any) -> Plan:
        """The steps and their costs for tensors of given shapes (tuples or arrays), those of the
        constants too.
        """
        return self._free.plan(shapes, **named)

    def __repr__(self) -> str:
        return shown(self._free.roots, self.inputs)


def kept(arrays: Mapping[str, Any], backend: str | None) -> tuple[str | None, Mapping[str, Any]]:
    """The backend that constants decide, and what an expression holds of them: values that
    nobody differentiates by.
    """
    decided = chosen(arrays, backend)
    if BACKENDS[decided] is NUMPY:  # its arrays have values, and nothing follows them
        return backend, arrays
    its_library = BACKENDS[decided].library
    own = {name: array for name, array in arrays.items() if library(array) == decided}
    given, _ = its_library.given(own)
    constants = dict(arrays)
    for name, array in given.items():
        if its_library.followed(array) or its_library.looked_at(array) is None:
            raise BackendError(
                f"the constant {name} is kept from call to call, so it can neither be traced nor "
                "get a gradient: give its values alone"
            )
        constants[name] = Constant(array, tuple(array.shape))
    return decided, constants


def builder(roots: list[Expr], execution: Any) -> Callable[[Any], list[Any]]:
    """What makes structured tensors of the results of an execution."""
    from .structured import Structured
    from .terms import held_terms

    dtype, backend, device = execution.dtypes[0], execution.backend, execution.device
    rows = []
    for root, terms, shape in zip(roots, execution.terms, execution.shapes, strict=True):
        # The axes of a derivative are those of the output, then those of the input.
        split = None if root.record is None else root.ndim - root.record.count
        rows.append((root, split, shape, terms))

    def build(results: Any) -> list[Any]:
        arrays = iter(results)
        tensors: list[Any] = []
        for root, split, shape, places in rows:
            held = held_terms(places, arrays)
            tensors.append(Structured(held, shape, dtype, root, split, backend, device))
        return tensors

    return build
