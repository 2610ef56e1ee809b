"""Numbers where torch and JAX pay nothing for them, once the sizes are known. A rewrite of a
program before spelling.

==========  ====================  ====================  ============================================
kind        inputs                spec                  what it computes
==========  ====================  ====================  ============================================
combine     arrays of one shape   numbers, a constant   their sum, each times its number
addmm       an array, two         their labels, those   ``β x + α a b``: one kernel of torch instead
                                                        of four
            matrices              of the result, β, α
==========  ====================  ====================  ============================================

The planner puts a number where the array is smallest. There it is a kernel of its own. XLA makes
one kernel of all that is elementwise, and in that a number more is free; torch's kernels for sums
take numbers along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from ..planning import Program, Step, contraction
from .peephole_numpy import combined

# whole numbers from here on do not fit the default integers of JAX: they are made as arrays
BEYOND_INT32 = 2**31

Rewrite = Callable[[Program, int, Counter[int]], None]


def fused(program: Program, rewrite: Rewrite) -> None:
    """Rewrite every step that something needs, in a program of floats whose sizes are numbers."""
    uses = _uses(program)
    for k in range(len(program.steps)):
        if uses[k]:
            rewrite(program, k, uses)
    program.sort()


def _uses(program: Program) -> Counter[int]:
    """How often each value is used; what nothing needs is not counted."""
    return Counter(
        [*program.outputs, *(v for k in program.live() for v in program.steps[k].inputs)]
    )


def _scale(step: Step) -> bool:
    """Is it a product with a number that all backends take as it is?"""
    return step.kind == "scale" and not step.spec[1] and abs(step.spec[0]) < BEYOND_INT32


def _summing(step: Step) -> bool:
    """Is it a product of two arrays that sums?"""
    return step.kind == "contract2" and bool(contraction(*step.spec)[1])


def _freed(program: Program, k: int, uses: Counter[int]) -> None:
    """``(c x) y + …`` as ``c (x y) + …``: the sum takes the number along."""
    if program.steps[k].kind not in ("add", "write"):
        return
    for v in program.steps[k].inputs:
        product = program.steps[v]
        place = next((p for p, x in enumerate(product.inputs) if _scale(program.steps[x])), None)
        if uses[v] == 1 and place is not None and _summing(product):
            scale = program.steps[product.inputs[place]]
            inputs = (*product.inputs[:place], *scale.inputs, *product.inputs[place + 1 :])
            program.steps.append(product._replace(inputs=inputs))
            program.steps[v] = scale._replace(
                inputs=(len(program.steps) - 1,), sizes=product.sizes, operand_sizes=product.sizes
            )


def _combined(program: Program, k: int, _: Counter[int]) -> None:
    found = combined(program, k)
    if found is not None and all(
        abs(number) < BEYOND_INT32 for number in (*found.spec[0], found.spec[1])
    ):
        program.steps[k] = found


def _absorbed(program: Program, k: int, uses: Counter[int]) -> None:
    """``c (x y)`` as ``(c x) y``, where `x` is computed elementwise, and nothing else uses
    either.
    """
    scale = program.steps[k]
    if (
        not _scale(scale)
        or uses[scale.inputs[0]] != 1
        or not _summing(program.steps[scale.inputs[0]])
    ):
        return
    product = program.steps[scale.inputs[0]]
    place = next(
        (
            p
            for p, x in enumerate(product.inputs)
            if uses[x] == 1 and _elementwise(program.steps[x])
        ),
        None,
    )
    if place is not None:
        x = product.inputs[place]
        sizes = program.steps[x].sizes
        program.steps.append(scale._replace(inputs=(x,), sizes=sizes, operand_sizes=sizes))
        made = len(program.steps) - 1
        inputs = (*product.inputs[:place], made, *product.inputs[place + 1 :])
        program.steps[k] = product._replace(inputs=inputs)


def _elementwise(step: Step) -> bool:
    """Does XLA make it in the same kernel as a product with a number?"""
    if step.kind == "apply":
        return bool(step.spec[1] == 0)
    return step.kind in ("add", "combine") or (step.kind == "contract2" and not _summing(step))


def _added(program: Program, k: int, uses: Counter[int]) -> None:
    """A product of matrices and what is added to it in one step."""
    step = program.steps[k]
    if step.kind not in ("add", "combine") or len(step.inputs) != 2 or len(step.sizes) != 2:
        return
    numbers, constant = step.spec if step.kind == "combine" else ((1, 1), 0)
    for v, other, alpha, beta in zip(
        step.inputs, step.inputs[::-1], numbers, numbers[::-1], strict=True
    ):
        product = program.steps[v]
        if not constant and uses[v] == 1 and _summing(product) and _matrices(product):
            inputs = (other, *product.inputs)
            before = tuple(size for x in inputs for size in program.steps[x].sizes)
            program.steps[k] = Step(
                "addmm",
                inputs,
                (*product.spec, beta, alpha),
                step.sizes,
                step.flops + product.flops,
                before,
            )
            return


def _matrices(step: Step) -> bool:
    return (
        all(len(labels) == 2 == len(set(labels)) for labels in step.spec)
        and not contraction(*step.spec)[0]
    )


#: by the names by which a backend asks for them
FUSIONS: dict[str, Callable[[Program], None]] = {
    "numbers out of products": partial(fused, rewrite=_freed),
    "numbers into sums": partial(fused, rewrite=_combined),
    "numbers into operands": partial(fused, rewrite=_absorbed),
    "addmm": partial(fused, rewrite=_added),
}
