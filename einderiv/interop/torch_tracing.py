"""Graphs of ATen operations of functions and modules of torch, and what their placeholders are.

``make_fx`` takes the graph of a function, ``torch.export`` that of a module. What torch would
decompose though it has a row in the table of operations is kept.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..errors import BackendError, EinderivError
from ..expression import is_array
from ..functions import parameter_names
from .imported import Input, Path, is_shape, name_of, names_of
from .torch_operations import OPERATIONS


# ---- arguments
class Arguments:
    """The arguments of a call, with a tensor of torch for each array or shape."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        named: Mapping[str, Any],
        dtype: Any,
        device: Any,
    ) -> None:
        self.dtype = dtype
        self.device = device
        self.tensors: list[Any] = []
        self.paths: list[Path] = []
        self.given: list[Any] = []  # what stood there
        names = parameter_names(f, len(args))
        self.args = tuple(
            [self._of(value, (name,)) for name, value in zip(names, args, strict=True)]
        )
        self.named = {name: self._of(value, (name,)) for name, value in named.items()}

    def _of(self, value: Any, path: Path) -> Any:
        import torch

        if is_shape(value):
            return self._tensor(
                torch.zeros(value, dtype=self.dtype, device=self.device), path, None
            )
        if isinstance(value, torch.Tensor):
            return self._tensor(value.detach().clone(), path, value.detach().cpu())
        if isinstance(value, Mapping):
            return {key: self._of(part, (*path, key)) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            fields = getattr(value, "_fields", range(len(value)))
            parts = [self._of(p, (*path, k)) for k, p in zip(fields, value, strict=True)]
            if hasattr(value, "_fields"):
                return type(value)(*parts)
            return parts if isinstance(value, list) else tuple(parts)
        if is_array(value):
            import numpy as np

            return self._tensor(torch.from_numpy(np.array(value)).to(self.device), path, value)
        if value is None or isinstance(value, (bool, int, float, complex, str, torch.dtype)):
            return value
        raise TypeError(
            f"{name_of(path)} is of type {type(value).__name__}: give arrays, shapes, numbers, or "
            "lists, tuples and dicts of them"
        )

    def _tensor(self, tensor: Any, path: Path, given: Any) -> Any:
        if tensor.is_complex():
            raise BackendError(
                f"{name_of(path)} is complex: give the real and the imaginary part, as real numbers"
            )
        self.tensors.append(tensor)
        self.paths.append(path)
        self.given.append(given)
        return tensor

    def filled(self, tensors: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of other tensors."""
        from torch.utils import _pytree

        other = {id(old): new for old, new in zip(self.tensors, tensors, strict=True)}
        args, named = _pytree.tree_map(lambda x: other.get(id(x), x), (self.args, self.named))
        return args, named


def kind_of(f: Any, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, Any]:
    """The dtype and the device that shapes are read with: those of the floats of a module, or of
    the other arguments.
    """
    import torch
    from torch.utils import _pytree

    found = list(f.parameters()) + list(f.buffers()) if isinstance(f, torch.nn.Module) else []
    found += [x for x in _pytree.tree_leaves((args, dict(named))) if hasattr(x, "dtype")]
    for one in found:
        tensor = one if isinstance(one, torch.Tensor) else torch.as_tensor(one)
        if tensor.dtype.is_floating_point:
            return tensor.dtype, tensor.device
    return torch.get_default_dtype(), torch.get_default_device()


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """A module in evaluation mode, for a while."""
    training = [part for part in module.modules() if part.training]
    acting = [type(part).__name__ for part in training if _acts_in_training(part)]
    if acting:
        warnings.warn(
            f"the module is read in evaluation mode, though {' and '.join(dict.fromkeys(acting))} "
            "in it would act in training: dropout passes on, batches are normalised by the running "
            "statistics; module.eval() says the same",
            UserWarning,
            stacklevel=4,
        )
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _acts_in_training(part: Any) -> bool:
    """Does a module compute something else while it is trained?"""
    from torch import nn

    random = (nn.modules.dropout._DropoutNd, nn.RReLU)
    if isinstance(part, random):
        return True
    if isinstance(part, nn.modules.batchnorm._NormBase):
        return bool(part.track_running_stats)
    return float(getattr(part, "dropout", 0.0) or 0.0) > 0 if _has_rate(part) else False


def _has_rate(part: Any) -> bool:
    """A module with a probability of dropout of its own, as attention and recurrent layers have."""
    return isinstance(getattr(part, "dropout", None), float)


@contextmanager
def unchanged() -> Iterator[None]:
    yield


# ---- graphs
class Traced(NamedTuple):
    """A graph of ATen operations, and what its placeholders are."""

    graph_module: Any
    placeholders: list[Any]  # expressions, or what is handed on
    inputs: list[Input]
    names: list[str]  # of the arguments, then those of a module by the names that it has for them
    own: dict[str, str]  # of parameters and buffers: their names in the module
    structure: Any
    results: list[int] | None  # which of the outputs are meant, if not all
    stops: Any  # whose `line` is that at which a gradient may be stopped


def _input(name: str, tensor: Any, given: Any) -> Input:
    kind = "f" if tensor.dtype.is_floating_point else "i"
    if str(tensor.dtype) == "torch.bool":
        kind = "b"
    return Input(name, tuple(tensor.shape), kind, given)


def made(f: Any, given: Arguments) -> Traced:
    """The graph of a function."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.utils import _pytree

    structures: list[Any] = []
    traceable = _as_forward(f)

    def flat(*tensors: Any) -> list[Any]:
        args, named = given.filled(tensors)
        with stops:
            values, structure = _pytree.tree_flatten(traceable(*args, **named))
        structures.append(structure)
        return values

    stops = _stops()

    tracer = make_fx(
        torch.func.functionalize(flat, remove="mutations"),
        decomposition_table=_decompositions(),
        tracing_mode="fake",
        _allow_non_fake_inputs=True,
        record_stack_traces=True,
    )
    with _as_ours(f):
        graph_module = tracer(*given.tensors)
        if any(map(is_writing, graph_module.graph.nodes)):
            graph_module = _without_writing(graph_module, given.tensors)
    names = names_of(given.paths)
    inputs = list(map(_input, names, given.tensors, given.given))
    expressions = [one.tensor() for one in inputs]
    return Traced(graph_module, list(expressions), inputs, names, {}, structures[-1], None, stops)


def _without_writing(graph_module: Any, tensors: Sequence[Any]) -> Any:
    """A graph of which torch's own decompositions have written into views: traced once more, the
    lines kept.
    """
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.traceback import preserve_node_meta

    again = torch.fx.Interpreter(graph_module).run
    pure = torch.func.functionalize(again, remove="mutations")
    with preserve_node_meta():
        return make_fx(pure, tracing_mode="fake", _allow_non_fake_inputs=True)(*tensors)


def _stops() -> Any:
    """A mode in which functions of torch are looked at: `line` is where a gradient is stopped, if
    it is.
    """
    import torch

    data = vars(torch._C.TensorBase)["data"].__get__

    class Stops(torch.overrides.TorchFunctionMode):
        line = ""

        def __torch_function__(
            self, function: Any, kinds: Any, args: Any = (), named: Any = None
        ) -> Any:
            name = getattr(function, "__name__", "")
            is_off = name == "_set_grad_enabled" and args[0] is False
            is_data = function == data
            if is_off or is_data or name in ("detach", "detach_"):
                frames = traceback.extract_stack()
                own = own_line([(f.filename, f.lineno, f.line or "") for f in frames])
                self.line = self.line or own or "a line of torch"
            return function(*args, **(named or {}))

    return Stops()


@contextmanager
def _watched(module: Any, stops: Any) -> Iterator[None]:
    """A module whose calls run in a mode."""

    def entered(*_: Any) -> None:
        stops.__enter__()

    def left(*_: Any) -> None:
        stops.__exit__(None, None, None)

    handles = [
        module.register_forward_pre_hook(entered),
        module.register_forward_hook(left, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _as_forward(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function by the name ``forward``: torch keeps the lines of functions of that name
    alone.
    """
    if not isinstance(f, types.FunctionType):
        return f
    code = f.__code__.replace(co_name="forward")
    same = types.FunctionType(code, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    same.__kwdefaults__ = f.__kwdefaults__
    return same


def exported(module: Any, given: Arguments) -> Traced:
    """The graph of a module, with its parameters and buffers as inputs behind its arguments."""
    import torch
    from torch.utils import _pytree

    stops = _stops()
    with _as_ours(module), warnings.catch_warnings(), _watched(module, stops):
        warnings.simplefilter("ignore")  # of torch, about itself
        program = torch.export.export(module, given.args, given.named or None, strict=False)
        table = torch.export.default_decompositions()
        for kept in _kept():
            if kept in table:
                del table[kept]
        program = program.run_decompositions(table)
    # A tensor that occurs twice is there once, under its first name.
    state = dict([*module.named_parameters(), *module.named_buffers()])
    values = [tensor.detach().cpu() for tensor in state.values()]
    names = names_of([*given.paths, *[(name,) for name in state]])
    whole = [*given.tensors, *state.values()]
    inputs = list(map(_input, names, whole, [*given.given, *values]))
    expressions = dict(zip(map(id, whole), [one.tensor() for one in inputs], strict=True))
    leaves = iter(_pytree.tree_leaves((given.args, given.named)))
    kinds = torch.export.graph_signature.InputKind
    placeholders: list[Any] = []
    for spec in program.graph_signature.input_specs:
        if spec.kind is kinds.USER_INPUT:
            leaf = next(leaves)
            placeholders.append(expressions.get(id(leaf), leaf))
        elif spec.kind in (kinds.PARAMETER, kinds.BUFFER):
            placeholders.append(expressions[id(attribute_of(module, spec.target))])
        elif spec.kind is kinds.TOKEN:  # the order of checks
            placeholders.append(None)
        else:  # a tensor that the module holds, or makes
            placeholders.append(program.constants[spec.target])
    own = dict(zip(names[len(given.paths) :], state, strict=True))
    structure = program.call_spec.out_spec
    results = _results(program)
    return Traced(program.graph_module, placeholders, inputs, names, own, structure, results, stops)


def _results(program: Any) -> list[int]:
    """Which outputs of a graph are those of the module."""
    import torch

    kinds = torch.export.graph_signature.OutputKind
    found = []
    for k, spec in enumerate(program.graph_signature.output_specs):
        if spec.kind is kinds.USER_OUTPUT:
            found.append(k)
        elif spec.kind is not kinds.TOKEN:
            raise BackendError(
                f"the module writes to {spec.target}: an expression has no side effects; return "
                "the new value"
            )
    return found


def attribute_of(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module


@functools.cache
def _kept() -> frozenset[Any]:
    """The operators with a row that torch would decompose."""
    from torch._decomp import core_aten_decompositions

    return frozenset([op for op in core_aten_decompositions() if operator_name(op) in OPERATIONS])


@functools.cache
def _decompositions() -> dict[Any, Any]:
    from torch._decomp import core_aten_decompositions

    table = core_aten_decompositions()
    return {op: table[op] for op in table if op not in _kept()}


@contextmanager
def _as_ours(f: Any) -> Iterator[None]:
    """What torch raises while it looks at `f`, as an error that says so."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    was_off, log.disabled = log.disabled, True  # what it says is in the error
    try:
        yield
    except EinderivError:
        raise
    except Exception as error:
        name = getattr(f, "__name__", type(f).__name__)
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        frames = traceback.extract_tb(error.__traceback__)
        where = own_line([(f.filename, f.lineno, f.line or "") for f in frames])
        place = f", at {where}" if where else ""
        raise BackendError(
            f"torch cannot trace {name}{place}: {first}; values may not decide on branches, "
            "lengths or shapes, and arguments must fit"
        ) from error
    finally:
        log.disabled = was_off


# ---- nodes
def is_writing(node: Any) -> bool:
    """Does an operator write into what it takes?"""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def operator_name(target: Any) -> str:
    """An operator without its overload."""
    return str(target.overloadpacket.__name__) if hasattr(target, "overloadpacket") else str(target)


_FRAME = re.compile(
    r'File "(?P<file>[^"]+)", line (?P<line>\d+), in [^\n]*(?:\n {4,}(?P<code>[^\n]*))?'
)


def line_of(node: Any) -> str:
    """Where in the user's code a node is from."""
    text = node.meta.get("stack_trace") or ""
    frames = [(m["file"], int(m["line"]), m["code"] or "") for m in _FRAME.finditer(text)]
    own = own_line(frames)
    if own:
        return own
    stack = node.meta.get("nn_module_stack") or {}
    names = [name for name, _ in stack.values() if name]
    return f"module {names[-1]}" if names else "an unknown line"


def own_line(frames: Sequence[tuple[str, int | None, str]]) -> str:
    """The innermost line that is neither torch's nor ours."""
    import torch

    others = (os.path.dirname(torch.__file__), os.path.dirname(os.path.dirname(__file__)))
    library = os.path.dirname(os.__file__)
    for file, line, code in reversed(frames):
        is_standard = file.startswith(library) and "site-packages" not in file
        made = file.startswith(("<eval_with_key>", "<frozen", "<string>"))
        if not is_standard and not made and not file.startswith(others):
            shown = code.strip()
            shown = f"{shown[:60]}…" if len(shown) > 61 else shown
            place = f"line {line} of {os.path.basename(file)}"
            return f"{place}, {shown!r}" if shown else place
    return ""
