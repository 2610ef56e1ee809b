"""Functions and modules of torch as expressions: `from_torch`.

The graph of ATen operations is read node by node: each operation is a row of a table, which says
what einsum it is. What no input reaches is computed by torch itself, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..backends import TORCH
from ..errors import BackendError
from ..expression import Expr
from .imported import no_form
from .torch_checking import check
from .torch_operations import OPERATIONS, WAYS_ROUND
from .torch_tracing import (
    Arguments,
    attribute_of,
    evaluating,
    exported,
    is_writing,
    kind_of,
    line_of,
    made,
    operator_name,
    unchanged,
)
from .torch_values import Call, expression_of

#: operators that do the same as another, at once or in place of it
SAME = {"detach": "alias", "detach_": "alias", "_reshape_alias": "view"}


def from_torch(f: Any, /, *args: Any, verify: bool = True, **named: Any) -> Any:
    """A function or module of torch as an expression of its inputs, from arrays or shapes of its
    arguments.

    Inputs are tensors named by the parameters of the function, joined by ``_`` with the way inside
    lists, tuples and dicts; the parameters and buffers of a module follow by their dotted names,
    ``0.weight`` as ``p0_weight``. A tuple of whole numbers is a shape; arrays give shapes alone;
    numbers, strings and None are handed on. What comes out has the structure that `f` gives. A
    module is read in evaluation mode: dropout passes on, batches are normalised by the running
    statistics. The values are compared with those of `f` on random numbers, unless `verify` is
    False.

    >>> import einderiv as ed
    >>> import torch  # doctest: +SKIP
    >>> e = ed.from_torch(lambda W, x: torch.tanh(W @ x), (2, 3), (3,))  # doctest: +SKIP
    >>> print(e)  # doctest: +SKIP
    tanh(einsum("ab,b->a", W, x))

    Raises BackendError for an operation that has no form, with its line, for what is no function of
    its inputs, and where torch is not installed; EinderivError for two inputs of one name.
    """
    TORCH.library.imported()
    import torch

    if not callable(f):
        raise TypeError(f"from_torch takes a function or a module of torch, not {type(f).__name__}")
    f = getattr(f, "_orig_mod", getattr(f, "_torchdynamo_orig_callable", f))  # not compiled
    if isinstance(f, torch.jit.ScriptModule | torch.jit.ScriptFunction):
        raise BackendError("scripts of torch are not read: give what the script was made of")
    is_module = isinstance(f, torch.nn.Module)
    given = Arguments(f.forward if is_module else f, args, named, *kind_of(f, args, named))
    with evaluating(f) if is_module else unchanged():
        traced = exported(f, given) if is_module else made(f, given)
        reading = _Reading(traced.graph_module)
        values = reading.of(traced.placeholders)
        if traced.results is not None:
            values = [values[k] for k in traced.results]
        flat = [_result(value) for value in values]
        if verify:
            check(f, given, traced, flat, in_single=reading.single)
        elif traced.stops.line:
            raise no_form(
                "detach",
                traced.stops.line,
                "whether it keeps anything from the gradient is only known by comparing, with "
                "verify=True",
            )
    from torch.utils import _pytree

    return _pytree.tree_unflatten(flat, traced.structure)


def _result(value: Any) -> Any:
    if isinstance(value, Missing):
        raise value.error()
    if value is None or isinstance(value, (bool, int, float, str, Expr)):
        return value
    return expression_of(value)


# ---- reading
class Missing(NamedTuple):
    """A result of an operation that is no formula, as the place of the largest entry."""

    name: str
    line: str

    def error(self) -> BackendError:
        way = "only its first result is a formula; the places of entries are none"
        return no_form(f"aten.{self.name}", self.line, way)


class _Reading:
    """A graph that is read node by node."""

    def __init__(self, graph_module: Any) -> None:
        self.graph_module = graph_module
        #: whether numbers are taken to single precision or less on the way
        self.single = False

    def of(self, placeholders: Sequence[Any]) -> list[Any]:
        """The values that the graph gives for those of its placeholders."""
        self.graph_module.graph.eliminate_dead_code()
        return list(self._walked(self.graph_module, placeholders))

    def _walked(self, graph_module: Any, placeholders: Sequence[Any]) -> Any:
        import torch

        values: dict[Any, Any] = {}
        waiting = iter(placeholders)
        last = _last_uses(graph_module.graph)
        for node in graph_module.graph.nodes:
            if node.op == "placeholder":
                values[node] = next(waiting)
                continue
            if node.op == "get_attr":
                values[node] = attribute_of(graph_module, node.target)
                continue
            args = torch.fx.node.map_arg(node.args, values.__getitem__)
            if node.op == "output":
                return args[0]
            named = torch.fx.node.map_arg(node.kwargs, values.__getitem__)
            values[node] = self._called(node, args, dict(named))
            for gone in last.get(node, ()):
                del values[gone]
        raise BackendError("the graph gives nothing")

    def _called(self, node: Any, args: Any, named: dict[str, Any]) -> Any:
        import torch

        if not isinstance(node.target, torch._ops.OpOverload):
            return self._python(node, args, named)
        name = operator_name(node.target)
        name = SAME.get(name, name)
        if name == "_linalg_check_errors":  # evaluating raises by itself
            return None
        for missing in _leaves((args, named), Missing):
            raise missing.error()
        line = line_of(node)
        if torch.Tag.nondeterministic_seeded in node.target.tags and name not in OPERATIONS:
            raise no_form(
                name, line, "it is random: draw outside of the function, and give what was drawn"
            )
        if is_writing(node):
            way = "an expression has no side effects: write to a clone, and return it"
            raise no_form("writing to what is given", line, way)
        if not _leaves((args, named), Expr):
            with torch.no_grad():
                return node.target(*args, **named)
        if name == "_to_copy" and str(node.meta["val"].dtype) in _NARROW:
            self.single = True
        row = OPERATIONS.get(name)
        if row is None:
            way = WAYS_ROUND.get(name, "write it with operations that have one, see ed.from_torch")
            raise no_form(f"aten.{name}", line, way)
        for option in _WHERE_IT_IS:
            named.pop(option, None)
        call = Call(f"aten.{name}", line, node.meta.get("val"), args, _dtype(node))
        return row.read(call, *args, **named)

    def _python(self, node: Any, args: Any, named: dict[str, Any]) -> Any:
        """What is no operator of torch: parts of results, and blocks that are run as they are."""
        import operator

        if node.target is operator.getitem:
            found = args[0][args[1]]
            return (
                Missing(operator_name(node.args[0].target), line_of(node))
                if found is None
                else found
            )
        name = getattr(node.target, "__name__", str(node.target))
        if name == "with_effects" and operator_name(args[1]) == "_linalg_check_errors":
            return (None,)
        if name in ("wrap_with_set_grad_enabled", "wrap_with_autocast"):
            body = next(p for p, arg in enumerate(args) if hasattr(arg, "graph"))
            return self._walked(args[body], args[body + 1 :])
        if not _leaves((args, named), Expr):
            return node.target(*args, **named)
        raise no_form(name, line_of(node), "write it without control flow that torch keeps")


_NARROW = ("torch.float32", "torch.float16", "torch.bfloat16")
_WHERE_IT_IS = ("layout", "device", "pin_memory", "memory_format", "non_blocking")


def _last_uses(graph: Any) -> dict[Any, list[Any]]:
    """For each node, those that nothing behind it takes: they are let go."""
    seen: set[Any] = set()
    last: dict[Any, list[Any]] = {}
    for node in reversed(graph.nodes):
        for source in node.all_input_nodes:
            if source not in seen:
                seen.add(source)
                last.setdefault(node, []).append(source)
    return last


def _dtype(node: Any) -> Any:
    """Of the first argument."""
    for source in node.all_input_nodes:
        meta = source.meta.get("val")
        if hasattr(meta, "dtype"):
            return meta.dtype
    return None


def _leaves(tree: Any, kind: type) -> list[Any]:
    """What is of a kind in lists, tuples and dicts."""
    found = []
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, kind):
            found.append(part)
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, (list, tuple)):
            waiting += part
    return found
