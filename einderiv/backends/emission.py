"""A program as Python source: one straight-line function, locals only, readable and runnable on
its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..expression import Apply, Einsum, Expr, Size, Sizes, Tensor, everything, walk
from ..functions import stays_integer
from ..planning import BLOCK, Loop, Numbered, Ops, Program, Step, owner
from .base import Backend
from .comments import Names, head, remarked
from .numpy_inplace import LARGE, Buffers, in_place, into, out_of
from .source_text import shape

Fresh = Callable[[str], str]  # a name that nothing has yet


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
        except ImportError as e:
            hint = ": pip install 'einderiv[scipy]'" if "scipy" in str(e.name) else ""
            raise ImportError(f"this expression needs {e.name} to be evaluated{hint}") from None
        scope.update(given or {})
        function: Callable[..., Any] = scope["compute"]
        return function


LEAST = "float32"  # ones of it lift the dtype of nothing that is computed with here
RESERVED = frozenset({"dtype", "compute", "float", "complex"})


def reserved(backend: Backend) -> set[str]:
    """The names that a source of this backend may use itself."""
    imports = "\n".join((backend.header, *backend.helpers.imports.values())).splitlines()
    bound = {line.split()[-1] for line in imports if "import " in line}
    return {*RESERVED, *backend.setup((), None, None), *backend.helpers.texts, *bound}


def emit(
    program: Program,
    roots: tuple[Expr, ...],
    sizes: Sizes,
    backend: Backend,
    *,
    order: tuple[str, ...],
    dtype: str | None = None,
    device: str | None = None,
    many: bool = False,
    loop: Loop | None = None,
    zeroed: bool | None = None,
) -> Emitted:
    """The source of a program: a function of the tensors `order`, then of the held arrays.

    With `many` it returns a tuple. Without `dtype` the inputs decide it, and so with the device. A
    `loop` goes over blocks of an axis. With `zeroed`, True or False, the last arguments are arrays
    that the results are written into, and it says whether there are zeros already where a result
    always has one.
    """
    steps = program.live_steps()
    inputs = (*order, *(f"#{k}" for k in range(len(program.held))))
    words = _words(steps, backend)
    arguments = _arguments(inputs, words)
    names = Names(roots, sizes, {*arguments.values(), *RESERVED, *words})
    variables = {k: arguments[step.spec[0]] for k, step in steps if step.op is Ops.INPUT}
    variables |= {k: names.fresh("ones") for k, step in steps if step.op is Ops.ONES}
    # Where the sizes are not known, or the source is to be read, every value has a name of its own.
    buffers = (
        Buffers(program, steps, loop) if dtype is not None and backend.name == "numpy" else None
    )
    outs = [] if zeroed is None else [names.fresh("out") for _ in program.outputs]
    places = out_of(program, steps, loop, buffers, outs) if buffers and outs else {}
    writer = Writer(
        program, backend, variables, names.size, names.fresh, buffers, places, zeroed=zeroed is True
    )
    lines = writer.run(steps, loop)
    if outs:
        lines += [
            f"{out}[...] = {variables[k]}"
            for k, out in zip(program.outputs, outs, strict=True)
            if variables[k] != out
        ] or ["pass"] * (not lines)
    else:
        lines.append(_last(program, variables, backend, many=many))
    bound, free = _bindings(steps, arguments, names)
    parameters = [*arguments.values(), *outs]
    if free:
        parameters += ["*", *map(names.size, free)]
    first = f"def compute({', '.join(parameters)}):"
    setup = _setup(backend.setup([*arguments.values(), *_kinds(roots)], dtype, device), lines)
    constants = [
        f"{variables[k]} = np.ones({shape([names.size(s) for s in step.sizes])}, "
        f"{dtype or LEAST!r})"
        for k, step in steps
        if step.op is Ops.ONES
    ]
    if buffers:  # what no argument decides is decided once
        constants, setup = [*setup, *constants], []
    body = [*bound, *setup, *lines]
    if buffers is None and not outs:
        # A source to be read; names that only remarks need are given last.
        given = {
            arguments[name]: names.shape(s) for name, s in _given(program, roots, inputs).items()
        }
        told = {
            variables[k]: names.shape(step.sizes) for k, step in steps if step.op is not Ops.INPUT
        }
        body = [
            *head(given, [names.shape(program.steps[k].sizes) for k in program.outputs]),
            *remarked(body, told),
        ]
    return Emitted(
        _module(backend, steps, lines, constants, "\n    ".join([first, *body])), inputs, free
    )


def _module(
    backend: Backend,
    steps: list[tuple[int, Step]],
    lines: list[str],
    constants: list[str],
    body: str,
) -> str:
    """A whole source: imports, constants, the helpers that it uses, and its function."""
    helpers = backend.helpers.used(lines)
    texts = [backend.helpers.texts[name].rstrip() for name in helpers]
    parts = [
        _header(backend, steps, helpers),
        *["\n".join(constants)] * bool(constants),
        *texts,
        body,
    ]
    return "\n\n\n".join(parts) + "\n"


def _header(backend: Backend, steps: list[tuple[int, Step]], helpers: list[str]) -> str:
    """What a source imports."""
    rows = [backend.needs(step.spec[0]) for _, step in steps if step.op is Ops.APPLY]
    own = (backend.helpers.imports[h] for h in helpers if h in backend.helpers.imports)
    return "\n".join(dict.fromkeys([backend.header, *filter(None, rows), *own]))


def _words(steps: list[tuple[int, Step]], backend: Backend) -> set[str]:
    """The names that a source uses itself, those in the spellings of rows too: those of users
    may use any.
    """
    rows = {step.spec[0].name: step.spec[0] for _, step in steps if step.op is Ops.APPLY}
    texts = [text for row in rows.values() for text in (backend.needs(row), backend.row(row))]
    spelt = re.sub(r"{\w+}", "", " ".join(texts))
    return {*reserved(backend), *re.findall(r"(?<![\w.])[A-Za-z_]\w*", spelt)}


def _arguments(inputs: tuple[str, ...], words: set[str]) -> dict[str, str]:
    """The argument for each input: tensors go by their names, unless the source needs that name
    itself.
    """
    found: dict[str, str] = {}
    taken = {*words, *inputs}
    for name in inputs:
        own = f"array{name[1:]}" if name.startswith("#") else name
        while own in taken and (own != name or own in words):
            own += "_"
        found[name] = own
        taken.add(own)
    return found


def _last(program: Program, variables: Mapping[int, str], backend: Backend, *, many: bool) -> str:
    """The line that returns."""
    returned = ", ".join(_returned(program, variables, backend.fresh)) or "()"
    return f"return {returned}{',' if many and len(program.outputs) == 1 else ''}"


def _returned(program: Program, variables: Mapping[int, str], fresh: str) -> list[str]:
    """Outputs; inputs, views of them, diagonals and what is given out twice are copied, for
    results alias nothing.
    """
    roots = [owner(program, k) for k in program.outputs]
    return [
        fresh.format(variables[k])
        if program.steps[root].op is Ops.INPUT
        or root in roots[:place]
        or len(program.steps[k].sizes)
        < len(program.steps[root].sizes)  # a diagonal would hold all of its matrix
        else variables[k]
        for place, (k, root) in enumerate(zip(program.outputs, roots, strict=True))
    ]


def _given(
    program: Program, roots: tuple[Expr, ...], inputs: tuple[str, ...]
) -> dict[str, tuple[Size, ...]]:
    """The sizes of the inputs: of tensors, then of held arrays."""
    found = {node.name: node.sizes for node in walk(roots, everything) if isinstance(node, Tensor)}
    found.update({step.spec[0]: step.sizes for step in program.steps if step.op is Ops.INPUT})
    return {name: found[name] for name in inputs if name in found}


def _kinds(roots: tuple[Expr, ...]) -> list[str]:
    """Numbers that lift the dtype of a result: fractions, functions that leave the integers,
    complex numbers.
    """
    nodes = list(walk(roots))
    numbers = [n.coefficient for n in nodes if isinstance(n, Einsum)]
    numbers += [p for n in nodes if isinstance(n, Apply) for p in n.parameters]
    real = any(isinstance(n, Apply) and not stays_integer(n) for n in nodes)
    lifted = real or any(isinstance(x, float) for x in numbers)
    return ["1.0"] * lifted + ["1j"] * any(isinstance(x, complex) for x in numbers)


def _setup(setup: Mapping[str, str], lines: list[str]) -> list[str]:
    """Lines that bind the words which the others use."""
    used = {word for line in lines for word in re.findall(r"(?<![\w.])\w+(?!\w|=)", line)}
    return [line for word, line in setup.items() if word in used]


def _bindings(
    steps: list[tuple[int, Step]], arguments: Mapping[str, str], names: Names
) -> tuple[list[str], tuple[Size, ...]]:
    """Lines that read the sizes that are used from the shapes of the inputs, and the sizes that
    no input has.
    """
    lines: list[str] = []
    open_sizes = dict(names.known)
    for _, step in steps:
        if step.op is not Ops.INPUT:
            continue
        found = [
            names.known.get(names.sizes.find(s)) if not isinstance(s, int) else None
            for s in step.sizes
        ]
        for p, (size, name) in enumerate(zip(step.sizes, found, strict=True)):
            if name is not None and open_sizes.pop(names.sizes.find(size), None) is not None:
                lines.append(f"{name} = {arguments[step.spec[0]]}.shape[{p}]")
    return lines, tuple(open_sizes)


class Writer:
    """Writes steps as lines; `variables` are the names of the values so far.

    `made_in` are the arrays of ``out=`` that values are made in. With `zeroed` these are known to
    hold zeros wherever a result always has one.
    """

    def __init__(
        self,
        program: Program,
        backend: Backend,
        variables: dict[int, str],
        size: Callable[[Size], str],
        fresh: Fresh,
        buffers: Buffers | None,
        made_in: Mapping[int, str],
        *,
        zeroed: bool,
    ) -> None:
        self.program, self.backend, self.size, self.fresh = program, backend, size, fresh
        self.variables, self.buffers, self.made_in, self.zeroed = (
            variables,
            buffers,
            made_in,
            zeroed,
        )
        self.lines: list[str] = []
        self.made = 0

    def run(self, steps: Numbered, loop: Loop | None) -> list[str]:
        """The lines of a program, with its loop if there is one."""
        before, inside, after = loop.ordered(steps) if loop else (steps, [], [])
        self.write(before)
        if loop:
            self.loop(loop, inside)
        self.write(after)
        return self.lines

    def write(self, steps: Numbered) -> None:
        """The steps one after the other."""
        for k, step in steps:
            if not step.op.before:
                self._step(k, step, [self.variables[v] for v in step.inputs], self.size)

    def _step(self, k: int, step: Step, inputs: list[str], size: Callable[[Size], str]) -> None:
        """One step on the named operands: written over one of them, or under a new name."""
        buffers, names = self.buffers, dict(zip(step.inputs, inputs, strict=True))
        reused = in_place(buffers, k, step, names, size) if buffers else None
        if reused:
            self.variables[k] = names[reused[0]]
            self.lines += reused[1]
        elif k in self.made_in and size is self.size:
            self.variables[k] = name = self.made_in[k]
            self.lines += into(
                step, inputs, size, name, zeroed=self.zeroed and k in self.program.outputs
            )
        else:
            self.variables[k] = self.fresh(f"t{self.made}")
            self.made += 1
            *before, value = self.backend.spell(step, inputs, size)
            name = self.variables[k]
            self.lines += [line.replace("{out}", name) for line in before] or [f"{name} = {value}"]
        dropped = buffers.dropped(k, step) if buffers else []
        gone = [self.variables[v] for v in dropped if not reused or v != reused[0]]
        self.lines += [f"del {', '.join(gone)}"] * bool(gone)

    def loop(self, loop: Loop, steps: Numbered) -> None:
        """The steps inside a loop; what they put together has its name when the loop is over."""
        together = [k for k, _ in steps if k in loop.whole or k in loop.partial]
        found = {
            k: self.made_in.get(k) or self.fresh("total" if k in loop.partial else "whole")
            for k in together
        }
        self.lines += [
            f"{found[k]}[...] = 0" for k in together if k in self.made_in and k in loop.partial
        ]
        for k in (k for k in together if k not in self.made_in):
            kind = "zeros" if k in loop.partial else "empty"
            full = shape([self.size(s) for s in self.program.steps[k].sizes])
            self.lines.append(f"{found[k]} = np.{kind}({full}, dtype)")
        start, block, rows = self.fresh("start"), self.fresh("block"), self.fresh("rows")
        blocks = f"range(0, {loop.count}, {loop.rows})"
        self.lines.append(f"for {start} in {f'progress({blocks})' if loop.reports else blocks}:")
        outer, self.lines = self.lines, [f"{block} = slice({start}, {start} + {loop.rows})"]
        ragged = loop.count % loop.rows != 0

        def size(s: Size) -> str:
            return (rows if ragged else str(loop.rows)) if s == BLOCK else self.size(s)

        for k, step in steps:
            cuts = loop.cuts.get(k, {})
            inputs = [
                at(self.variables[v], cuts[p], block) if p in cuts else self.variables[v]
                for p, v in enumerate(step.inputs)
            ]
            self._step(k, loop.cut(k, step), inputs, size)
            if k in loop.whole:
                self.lines.append(f"{at(found[k], loop.axis[k], block)} = {self.variables[k]}")
            if k in loop.partial:
                self.lines.append(f"{found[k]} += {self.variables[k]}")
                if self.program.entries(k) >= LARGE:
                    # Or it would be there beside that of the next block.
                    self.lines.append(f"del {self.variables[k]}")
        if any(rows in line for line in self.lines):
            self.lines.insert(0, f"{rows} = min({loop.rows}, {loop.count} - {start})")
        self.lines = [*outer, *(f"    {line}" for line in self.lines)]
        self.variables.update(found)


def at(name: str, axis: int, block: str) -> str:
    """A block of an array along an axis."""
    return f"{name}[{':, ' * axis}{block}]"
