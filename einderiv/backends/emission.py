"""A program as Python source: one straight-line function, locals only, readable and runnable on
its own.

There are three sources of a program, each a function of its own here:

``emit_readable``   to read: every value has a name of its own, and comments tell the shapes
``emit``            to run: what nobody reads any more is written over or dropped
``emit_into``       to run with ``out=``: the results are written into arrays of the caller

The last two differ from the first only where a backend writes into arrays, as NumPy's sources do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..expression import (
    Apply,
    ArrayNames,
    Einsum,
    Expr,
    Number,
    Size,
    Sizes,
    Tensor,
    everything,
    walk,
)
from ..functions import stays_integer
from ..planning import BLOCK, Loop, Numbered, Ops, Program, Step, owner, tuning
from .base import Backend
from .comments import Names, head, remarked
from .numpy_index_spelling import assembled_in, cleared_lines, part_line, part_text
from .numpy_inplace import Buffers, cleared_in, in_place, into, made_in_place, out_of
from .source_text import Spell, shape


@dataclass(frozen=True)
class Emitted:
    """Source text; the tensors and the held arrays that its function takes, in order."""

    source: str
    inputs: tuple[str, ...]  # names of tensors; "#0" is the first held array
    free: tuple[Size, ...]  # sizes that no input gives: keyword arguments of the function

    def function(
        self, backend: Backend, given: Mapping[str, Any] | None = None
    ) -> Callable[..., Any]:
        """The function itself; `given` stands for what the source binds. The source is ours: names
        were checked when tensors were made.
        """
        scope: dict[str, Any] = {}
        try:
            exec(compile(self.source, f"<einderiv {backend.name}>", "exec"), scope)
        except ImportError as error:
            missing = error.name
            hint = ": pip install 'einderiv[scipy]'" if "scipy" in str(missing) else ""
            raise ImportError(f"this expression needs {missing} to be evaluated{hint}") from None
        scope.update(given or {})
        function: Callable[..., Any] = scope["compute"]
        return backend.called(function, self.source.count("\n"))


LEAST = "float32"  # ones of it lift the dtype of nothing that is computed with here
RESERVED = frozenset({"dtype", "compute", "float", "complex"})
WORD = r"(?<![\w.])[A-Za-z_]\w*"  # a name that is not an attribute of another


def emit_readable(
    program: Program,
    roots: tuple[Expr, ...],
    sizes: Sizes,
    backend: Backend,
    *,
    order: tuple[str, ...],
    many: bool = False,
) -> Emitted:
    """A source to read: a function of the tensors `order`, then of the held arrays.

    Sizes need not be known: they are read from the shapes of the arguments, and the dtype and the
    device come from these too. With `many` it returns a tuple.
    """
    scope = _Scope(program, roots, sizes, backend, order)
    return _commented(scope, many=many, dtype=None, device=None)


def emit(
    program: Program,
    roots: tuple[Expr, ...],
    sizes: Sizes,
    backend: Backend,
    *,
    order: tuple[str, ...],
    dtype: str,
    device: str | None = None,
    many: bool = False,
) -> Emitted:
    """A source to run: the same function for known sizes, one dtype and one device.

    Where the backend writes into arrays, values are written over and dropped when nothing reads
    them any more, and the loop of the program goes over blocks of an axis.
    """
    scope = _Scope(program, roots, sizes, backend, order)
    if not backend.writes:
        return _commented(scope, many=many, dtype=dtype, device=device)
    buffers = Buffers(program, scope.steps, program.loop)
    lines = Writer(scope, buffers).run(scope.steps, program.loop)
    lines.append(_return_line(scope, many=many))
    return _bare(scope, lines, dtype, device)


def emit_into(
    program: Program,
    roots: tuple[Expr, ...],
    sizes: Sizes,
    backend: Backend,
    *,
    order: tuple[str, ...],
    dtype: str,
    zeroed: bool,
) -> Emitted:
    """A source to run with ``out=``: the last arguments are arrays that the results are written
    into, and it returns nothing.

    `zeroed` says whether these hold zeros already wherever a result always has one. The backend
    must be one that writes into arrays.
    """
    scope = _Scope(program, roots, sizes, backend, order)
    outs = [scope.names.fresh("out") for _ in program.outputs]
    buffers = Buffers(program, scope.steps, program.loop)
    made_in = out_of(program, scope.steps, program.loop, buffers, outs)
    lines = Writer(scope, buffers, made_in, zeroed=zeroed).run(scope.steps, program.loop)
    for k, out in zip(program.outputs, outs, strict=True):
        if scope.variables[k] != out:
            lines.append(f"{out}[...] = {scope.variables[k]}")
    return _bare(scope, lines or ["pass"], dtype, None, outs)


class _Scope:
    """The steps of a program that its outputs need, and the names of everything in its source."""

    def __init__(
        self,
        program: Program,
        roots: tuple[Expr, ...],
        sizes: Sizes,
        backend: Backend,
        order: tuple[str, ...],
    ) -> None:
        self.program, self.roots, self.backend = program, roots, backend
        self.steps: Numbered = program.live_steps()
        held = [f"#{k}" for k in range(len(program.held))]
        self.inputs = (*order, *held)
        words = _words(self.steps, backend)
        self.arguments = _arguments(self.inputs, words, _held_names(program, roots))
        self.names = Names(roots, sizes, {*self.arguments.values(), *RESERVED, *words})
        self.variables: dict[int, str] = {}  # the names of the values so far
        for k, step in self.steps:
            if step.op is Ops.INPUT:
                self.variables[k] = self.arguments[step.spec[0]]
            if step.op is Ops.ONES:
                self.variables[k] = self.names.fresh("ones")

    def shape(self, sizes: Iterable[Size]) -> str:
        """A shape as an argument."""
        return shape([self.names.size(size) for size in sizes])

    def ones(self, dtype: str) -> list[str]:
        """Lines that make the arrays of ones."""
        lines = []
        for k, step in self.steps:
            if step.op is Ops.ONES:
                made = f"{self.backend.module}.ones({self.shape(step.sizes)}, {dtype!r})"
                lines.append(f"{self.variables[k]} = {made}")
        return lines

    def signature(self, outs: Iterable[str], free: Iterable[Size]) -> str:
        """The first line of the function; `free` sizes are keyword arguments."""
        parameters = [*self.arguments.values(), *outs]
        keywords = [self.names.size(size) for size in free]
        if keywords:
            parameters += ["*", *keywords]
        return f"def compute({', '.join(parameters)}):"

    def setup(self, lines: list[str], dtype: str | None, device: str | None) -> list[str]:
        """Lines that bind the words of the backend which `lines` use, such as ``dtype``."""
        arrays = self.program.index_arrays  # whose dtype says nothing of the result's
        arguments = [text for name, text in self.arguments.items() if name not in arrays]
        arguments += _kinds(self.roots)
        used: set[str] = set()
        for line in lines:
            used.update(re.findall(r"(?<![\w.])\w+(?!\w|=)", line))  # no names of keywords
        bound = self.backend.setup(arguments, dtype, device)
        return [line for word, line in bound.items() if word in used]


def _commented(scope: _Scope, *, many: bool, dtype: str | None, device: str | None) -> Emitted:
    """A source whose function binds all that it needs itself, with comments that tell shapes."""
    lines = Writer(scope).run(scope.steps)
    lines.append(_return_line(scope, many=many))
    bound, free = _bindings(scope)
    signature = scope.signature((), free)
    setup = scope.setup(lines, dtype, device)
    constants = scope.ones(dtype or LEAST)
    body = [*bound, *setup, *lines]
    # Names of sizes that only comments need are given last.
    names, variables = scope.names, scope.variables
    given = {scope.arguments[name]: names.shape(s) for name, s in _input_sizes(scope).items()}
    made = {variables[k]: names.shape(s.sizes) for k, s in scope.steps if s.op is not Ops.INPUT}
    results = [names.shape(scope.program.steps[k].sizes) for k in scope.program.outputs]
    function = [signature, *head(given, results), *remarked(body, made)]
    return Emitted(_module(scope, lines, constants, function), scope.inputs, free)


def _bare(
    scope: _Scope, lines: list[str], dtype: str, device: str | None, outs: Iterable[str] = ()
) -> Emitted:
    """A source without comments. What no argument decides is decided once, when it is loaded."""
    bound, free = _bindings(scope)
    signature = scope.signature(outs, free)
    setup = scope.setup(lines, dtype, device)
    constants = [*setup, *scope.ones(dtype)]
    function = [signature, *bound, *lines]
    return Emitted(_module(scope, lines, constants, function), scope.inputs, free)


def _module(scope: _Scope, lines: list[str], constants: list[str], function: list[str]) -> str:
    """A whole source: imports, constants, the helpers that `lines` call, and its function."""
    helpers = scope.backend.helpers
    called = helpers.used(lines)
    parts = [_header(scope, called)]
    if constants:
        parts.append("\n".join(constants))
    parts += [helpers.texts[name].rstrip() for name in called]
    parts.append("\n    ".join(function))
    return "\n\n\n".join(parts) + "\n"


def _header(scope: _Scope, called: list[str]) -> str:
    """What a source imports, for itself, for rows of the functions table and for its helpers."""
    backend = scope.backend
    of_rows = [backend.needs(step.spec[0]) for _, step in scope.steps if step.op is Ops.APPLY]
    imports = backend.helpers.imports
    of_helpers = [imports[name] for name in called if name in imports]
    found: dict[str, None] = {}
    for text in (backend.header, *filter(None, of_rows), *of_helpers):
        lines = text.splitlines()
        plain = all(line.startswith(("import ", "from ")) for line in lines)
        found |= dict.fromkeys(lines if plain else [text])  # what is tried stays together
    return "\n".join(found)


def _words(steps: Numbered, backend: Backend) -> set[str]:
    """The names that a source uses itself, those in the spellings of rows too: those of users
    may use any.
    """
    rows = {step.spec[0].name: step.spec[0] for _, step in steps if step.op is Ops.APPLY}
    words = _reserved(backend)
    for row in rows.values():
        spelling = re.sub(r"{\w+}", "", backend.row(row))
        words.update(re.findall(WORD, spelling), re.findall(WORD, backend.needs(row)))
    return words


def _reserved(backend: Backend) -> set[str]:
    """The names that a source of this backend may use itself."""
    imports = "\n".join((backend.header, *backend.helpers.imports.values())).splitlines()
    bound = {line.split()[-1] for line in imports if "import " in line}
    return {*RESERVED, *backend.setup((), None, None), *backend.helpers.texts, *bound}


def _held_names(program: Program, roots: tuple[Expr, ...]) -> dict[str, str]:
    """The names that the formula has for held arrays, by input; none for what was computed."""
    if not program.held:
        return {}
    names = ArrayNames(roots)
    found = {}
    for k, array in enumerate(program.held):
        name = names.of(array)
        if name is not None:
            found[f"#{k}"] = name
    return found


def _arguments(inputs: tuple[str, ...], words: set[str], held: Mapping[str, str]) -> dict[str, str]:
    """The argument for each input: tensors go by their names, unless the source needs that name
    itself, and held arrays as formulas show them.
    """
    arguments: dict[str, str] = {}
    taken = {*words, *inputs}
    for name in inputs:
        argument = held.get(name, f"array{name[1:]}") if name.startswith("#") else name
        while argument in words or (argument in taken and argument != name):
            argument += "_"
        arguments[name] = argument
        taken.add(argument)
    return arguments


def _return_line(scope: _Scope, *, many: bool) -> str:
    """The line that returns the outputs, as a tuple if they are `many`."""
    values = _returned(scope)
    comma = "," if many and len(values) == 1 else ""
    return f"return {', '.join(values) or '()'}{comma}"


def _returned(scope: _Scope) -> list[str]:
    """The outputs, which alias nothing: inputs, views of them, diagonals, what a function of a
    user answers, and what is given out twice are copied.
    """
    program = scope.program
    values: list[str] = []
    given_out: set[int] = set()
    for k in program.outputs:
        root = owner(program, k)
        root_step = program.steps[root]
        is_given = root_step.op is Ops.INPUT or _may_be_argument(root_step)
        # It would hold all of its matrix.
        is_diagonal = program.entries(k) < program.entries(root)
        if is_given or is_diagonal or root in given_out:
            values.append(scope.backend.fresh.format(scope.variables[k]))
        elif root_step.op is Ops.READ:
            values.append(scope.backend.owned.format(scope.variables[k]))
        else:
            values.append(scope.variables[k])
        given_out.add(root)
    return values


def _may_be_argument(step: Step) -> bool:
    """Is it a function that may answer its argument? (Factors are given out as they are.)"""
    return step.op is Ops.APPLY and step.memory.shows


def _input_sizes(scope: _Scope) -> dict[str, tuple[Size, ...]]:
    """The sizes of the inputs: of tensors, then of held arrays."""
    sizes: dict[str, tuple[Size, ...]] = {}
    for node in walk(scope.roots, everything):
        if isinstance(node, Tensor):
            sizes[node.name] = node.axis_sizes
    for step in scope.program.steps:
        if step.op is Ops.INPUT:
            sizes[step.spec[0]] = step.sizes
    return {name: sizes[name] for name in scope.inputs if name in sizes}


def _kinds(roots: tuple[Expr, ...]) -> list[str]:
    """Numbers that lift the dtype of a result: fractions, functions that leave the integers,
    complex numbers.
    """
    numbers: list[Number] = []
    leaves_integers = False
    for node in walk(roots):
        if isinstance(node, Einsum):
            numbers.append(node.coefficient)
        if isinstance(node, Apply):
            numbers += node.parameters
            leaves_integers = leaves_integers or not stays_integer(node)
    kinds = []
    if leaves_integers or any(isinstance(number, float) for number in numbers):
        kinds.append("1.0")
    if any(isinstance(number, complex) for number in numbers):
        kinds.append("1j")
    return kinds


def _bindings(scope: _Scope) -> tuple[list[str], tuple[Size, ...]]:
    """Lines that read the sizes that are used from the shapes of the inputs, and the sizes that
    no input has.
    """
    names = scope.names
    lines: list[str] = []
    unbound = dict(names.known)
    for _, step in scope.steps:
        if step.op is not Ops.INPUT:
            continue
        for axis, size in enumerate(step.sizes):
            if isinstance(size, int):
                continue
            name = unbound.pop(names.sizes.find(size), None)
            if name is not None:
                lines.append(f"{name} = {scope.arguments[step.spec[0]]}.shape[{axis}]")
    return lines, tuple(unbound)


class Writer:
    """Writes steps as lines, and gives their values names.

    Without `buffers` every value gets a name of its own. `made_in` are the arrays of ``out=`` that
    values are made in; with `zeroed` these are known to hold zeros wherever a result always has
    one.
    """

    def __init__(
        self,
        scope: _Scope,
        buffers: Buffers | None = None,
        made_in: Mapping[int, str] = MappingProxyType({}),
        *,
        zeroed: bool = False,
    ) -> None:
        self.program, self.backend, self.variables = scope.program, scope.backend, scope.variables
        self.size, self.fresh = scope.names.size, scope.names.fresh
        self.buffers, self.made_in, self.zeroed = buffers, made_in, zeroed
        self.lines: list[str] = []
        self.made = 0
        #: values that are made as a part of another, and the arrays that are there for that
        self.placed: dict[int, tuple[int, int]] = {}
        self.opened: set[int] = set()

    def run(self, steps: Numbered, loop: Loop | None = None) -> list[str]:
        """The lines of a program, with its loop if there is one."""
        if self.buffers:
            self.placed = made_in_place(self.program, steps, loop, self.buffers)
        if loop is None:
            self.write(steps)
            return self.lines
        before, inside, after = loop.ordered(steps)
        self.write(before)
        self.loop(loop, inside)
        self.write(after)
        return self.lines

    def write(self, steps: Numbered) -> None:
        """The steps one after the other."""
        for k, step in steps:
            if not step.op.before:
                operands = [self.variables[value] for value in step.inputs]
                self._step(k, step, operands, self.size)

    def _step(self, k: int, step: Step, operands: list[str], size: Spell) -> None:
        """One step on operands of these names: written over one of them, into an array of
        ``out=``, or under a new name.
        """
        buffers = self.buffers
        names = dict(zip(step.inputs, operands, strict=True))
        reused = in_place(buffers, k, step, names, size) if buffers else None
        if reused:
            value, lines = reused
            self.variables[k] = names[value]
            self.lines += lines
        elif k in self.opened:
            self.lines += self._parts_left(k, step, operands)
        elif k in self.placed:
            out = self._place_of(k)
            self.variables[k] = out
            self.lines += into(step, operands, size, out, zeroed=False)
        elif k in self.made_in and size is self.size:  # no block of the array
            out = self.made_in[k]
            zeroed = self.zeroed and k in self.program.outputs
            self.variables[k] = out
            self.lines += into(step, operands, size, out, zeroed=zeroed)
        else:
            name = self.variables[k] = self.fresh(f"t{self.made}")
            self.made += 1
            *lines, expression = self.backend.spell(step, operands, size)
            if lines:
                self.lines += [line.replace("{out}", name) for line in lines]
            else:
                self.lines.append(f"{name} = {expression}")
        if buffers:
            kept = reused[0] if reused else None
            dropped = [v for v in buffers.dropped(k, step) if v != kept]
            if dropped:
                self.lines.append(f"del {', '.join(self.variables[v] for v in dropped)}")

    def _place_of(self, value: int) -> str:
        """A name for the part of an array that is put together where a value is made."""
        k, number = self.placed[value]
        step = self.program.steps[k]
        whole = self._opened(k, step)
        name = self.fresh(f"t{self.made}")
        self.made += 1
        spans = step.spec[0][number].spans
        self.lines.append(f"{name} = {whole}{part_text(spans, step, self.size)}")
        return name

    def _opened(self, k: int, step: Step) -> str:
        """The name of an array that is put together, which is there from now on."""
        if k in self.opened:
            return self.variables[k]
        self.opened.add(k)
        if k in self.made_in or k in self.placed:
            zeroed = k in self.made_in and self.zeroed and k in self.program.outputs
            name = self.made_in[k] if k in self.made_in else self._place_of(k)
            lines = cleared_in(step, self.size, zeroed=zeroed)
        else:
            name = self.fresh(f"t{self.made}")
            self.made += 1
            lines = [assembled_in(step, self.size), *cleared_lines(step, self.size, whole=False)]
        self.lines += [line.replace("{out}", name) for line in lines]
        self.variables[k] = name
        return name

    def _parts_left(self, k: int, step: Step, operands: list[str]) -> list[str]:
        """Lines for the parts of an array that are not made in their places."""
        made = {number for array, number in self.placed.values() if array == k}
        lines: list[str] = []
        for number, x in enumerate(operands):
            if number not in made:
                line = part_line(x, step, number, self.size)
                lines.append(line.replace("{out}", self.variables[k]))
        return lines

    def loop(self, loop: Loop, steps: Numbered) -> None:
        """The steps inside a loop; what they put together has its name when the loop is over.

        ::

            whole = np.empty((1000, 3), dtype)
            total = np.zeros((), dtype)
            for start in range(0, 1000, 64):
                block = slice(start, start + 64)
                rows = min(64, 1000 - start)
                t0 = np.exp(x[block])
                whole[block] = t0
                ...
                total += t1
        """
        together = self._put_together(loop, steps)
        start, block, rows = self.fresh("start"), self.fresh("block"), self.fresh("rows")
        starts = f"range(0, {loop.count}, {loop.rows})"
        if loop.reports:
            starts = f"progress({starts})"
        self.lines.append(f"for {start} in {starts}:")
        is_ragged = loop.count % loop.rows != 0  # is the last block shorter?
        length = rows if is_ragged else str(loop.rows)

        def size(s: Size) -> str:
            return length if s == BLOCK else self.size(s)

        outer = self.lines
        self.lines = [f"{block} = slice({start}, {start} + {loop.rows})"]
        for k, step in steps:
            self._step(k, loop.cut(k, step), self._blocks(loop, k, step, block), size)
            value = self.variables[k]
            if k in loop.whole:
                self.lines.append(f"{at(together[k], loop.axis[k], block)} = {value}")
            if k in loop.partial:
                self.lines.append(f"{together[k]} += {value}")
                if self.program.entries(k) >= tuning.reused_entries:
                    # Or it would be there beside that of the next block.
                    self.lines.append(f"del {value}")
        if any(rows in line for line in self.lines):
            self.lines.insert(0, f"{rows} = min({loop.rows}, {loop.count} - {start})")
        self.lines = [*outer, *(f"    {line}" for line in self.lines)]
        self.variables.update(together)

    def _put_together(self, loop: Loop, steps: Numbered) -> dict[int, str]:
        """The arrays that blocks are put into, or added up in: an array of ``out=``, or one that is
        made before the loop.
        """
        together: dict[int, str] = {}
        cleared: list[str] = []
        made: list[str] = []
        for k, _ in steps:
            is_total = k in loop.partial
            if not is_total and k not in loop.whole:
                continue
            if k in self.made_in:
                together[k] = name = self.made_in[k]
                if is_total:
                    cleared.append(f"{name}[...] = 0")
                continue
            together[k] = name = self.fresh("total" if is_total else "whole")
            kind = "zeros" if is_total else "empty"
            full = shape([self.size(s) for s in self.program.steps[k].sizes])
            made.append(f"{name} = {self.backend.module}.{kind}({full}, dtype)")
        self.lines += [*cleared, *made]
        return together

    def _blocks(self, loop: Loop, k: int, step: Step, block: str) -> list[str]:
        """The operands of a step inside the loop: what comes from outside is cut."""
        cuts = loop.cuts.get(k, {})
        operands = []
        for place, value in enumerate(step.inputs):
            name = self.variables[value]
            operands.append(at(name, cuts[place], block) if place in cuts else name)
        return operands


def at(name: str, axis: int, block: str) -> str:
    """A block of an array along an axis."""
    return f"{name}[{':, ' * axis}{block}]"
