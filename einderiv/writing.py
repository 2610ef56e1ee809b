"""The lines of a source, step by step, with the loop over blocks if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .base import Backend
from .blocking import BLOCK, Loop, Numbered
from .buffers import LARGE, Lives, in_place
from .destinations import into
from .expression import Size
from .source_text import shape
from .steps import Program, Step

Fresh = Callable[[str], str]  # a name that nothing has yet


class Writer:
    """Writes steps as lines; `variables` are the names of the values so far, `homes` those of arrays that are there.

    With `zeroed` these are known to hold zeros wherever a result always has one.
    """

    def __init__(self, program: Program, backend: Backend, variables: dict[int, str], size: Callable[[Size], str],
                 fresh: Fresh, lives: Lives | None, homes: Mapping[int, str], *, zeroed: bool) -> None:  # fmt: skip
        self.program, self.backend, self.size, self.fresh, self.lives = program, backend, size, fresh, lives
        self.variables, self.homes, self.zeroed = variables, homes, zeroed
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
            if step.kind not in ("input", "ones"):
                self._step(k, step, [self.variables[v] for v in step.inputs], self.size)

    def _step(self, k: int, step: Step, inputs: list[str], size: Callable[[Size], str]) -> None:
        """One step on the named operands: written over one of them, or under a new name."""
        lives, names = self.lives, dict(zip(step.inputs, inputs, strict=True))
        reused = in_place(lives, k, step, names, size) if lives else None
        if reused:
            self.variables[k] = names[reused[0]]
            self.lines += reused[1]
        elif k in self.homes and size is self.size:
            self.variables[k] = name = self.homes[k]
            self.lines += into(step, inputs, size, name, zeroed=self.zeroed and k in self.program.outputs)
        else:
            self.variables[k] = self.fresh(f"t{self.made}")
            self.made += 1
            *before, value = self.backend.spell(step, inputs, size)
            name = self.variables[k]
            self.lines += [line.replace("{out}", name) for line in before] or [f"{name} = {value}"]
        gone = [self.variables[v] for v in lives.dropped(k, step) if not reused or v != reused[0]] if lives else []
        self.lines += [f"del {', '.join(gone)}"] * bool(gone)

    def loop(self, loop: Loop, steps: Numbered) -> None:
        """The steps inside a loop; what they put together has its name when the loop is over."""
        together = [k for k, _ in steps if k in loop.whole or k in loop.partial]
        found = {k: self.homes.get(k) or self.fresh("total" if k in loop.partial else "whole") for k in together}
        self.lines += [f"{found[k]}[...] = 0" for k in together if k in self.homes and k in loop.partial]
        for k in (k for k in together if k not in self.homes):
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
            inputs = [at(self.variables[v], cuts[p], block) if p in cuts else self.variables[v]
                      for p, v in enumerate(step.inputs)]  # fmt: skip
            self._step(k, loop.cut(k, step), inputs, size)
            if k in loop.whole:
                self.lines.append(f"{at(found[k], loop.axis[k], block)} = {self.variables[k]}")
            if k in loop.partial:
                self.lines.append(f"{found[k]} += {self.variables[k]}")
                if self.program.entries(k) >= LARGE:  # or it would be there beside that of the next block
                    self.lines.append(f"del {self.variables[k]}")
        if any(rows in line for line in self.lines):
            self.lines.insert(0, f"{rows} = min({loop.rows}, {loop.count} - {start})")
        self.lines = [*outer, *(f"    {line}" for line in self.lines)]
        self.variables.update(found)


def at(name: str, axis: int, block: str) -> str:
    """A block of an array along an axis."""
    return f"{name}[{':, ' * axis}{block}]"
