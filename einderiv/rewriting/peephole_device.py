"""Numbers where torch and JAX pay nothing for them, once the sizes are known.

The planner puts a number where the array is smallest. There it is a kernel of its own. XLA makes
one kernel of all that is elementwise, and in that a number more is free; torch's kernels for sums
take numbers along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..planning import Ops, Program, Step, contraction, sums
from .peephole_numpy import combine
from .target import Target

# whole numbers from here on do not fit the default integers of JAX: they are made as arrays
BEYOND_INT32 = 2**31

Uses = Counter[int]  # how often each value is used; what nothing needs is not counted


def free_numbers(program: Program, _: Target) -> Program:
    """``(c x) y + …`` as ``c (x y) + …``: the sum takes the number along."""
    return _rewritten(program, _freed)


def combine_numbers(program: Program, _: Target) -> Program:
    """``c x + y`` as one step."""
    return _rewritten(program, _combined)


def absorb_numbers(program: Program, _: Target) -> Program:
    """``c (x y)`` as ``(c x) y``, where `x` is computed elementwise."""
    return _rewritten(program, _absorbed)


def fuse_addmm(program: Program, _: Target) -> Program:
    """``β x + α a b``, of matrices, as one step."""
    return _rewritten(program, _added)


def _rewritten(program: Program, change: Callable[[Program, int, Uses], None]) -> Program:
    """The program after `change` has looked at every step that something needs."""
    uses = Counter(program.outputs)
    for _, step in program.live_steps():
        uses.update(step.inputs)
    rewritten = program.copy()
    for k in range(len(program.steps)):
        if uses[k]:
            change(rewritten, k, uses)
    if rewritten.steps == program.steps:
        return program
    rewritten.sort()
    return rewritten


def _is_scale(step: Step) -> bool:
    """Is it a product with a number that all backends take as it is?"""
    return step.op is Ops.SCALE and not step.spec[1] and abs(step.spec[0]) < BEYOND_INT32


def _freed(program: Program, k: int, uses: Uses) -> None:
    """``(c x) y + …`` as ``c (x y) + …``: the sum takes the number along."""
    total = program.steps[k]
    if total.op is not Ops.ADD and total.op is not Ops.WRITE:
        return
    for v in total.inputs:
        product = program.steps[v]
        if uses[v] != 1 or not sums(product):
            continue
        for p, x in enumerate(product.inputs):
            scale = program.steps[x]
            if _is_scale(scale):
                inputs = (*product.inputs[:p], *scale.inputs, *product.inputs[p + 1 :])
                without = program.append(product._replace(inputs=inputs))
                program.steps[v] = program.made(
                    Ops.SCALE, (without,), scale.spec, product.sizes, scale.flops
                )
                break


def _combined(program: Program, k: int, _: Uses) -> None:
    combination = combine(program, k, program.steps[k])
    if combination is None:
        return
    numbers, constant = combination.spec
    if all(abs(number) < BEYOND_INT32 for number in (*numbers, constant)):
        program.steps[k] = combination


def _absorbed(program: Program, k: int, uses: Uses) -> None:
    """``c (x y)`` as ``(c x) y``, where `x` is computed elementwise, and nothing else uses
    either.
    """
    scale = program.steps[k]
    if not _is_scale(scale):
        return
    product = program.steps[scale.inputs[0]]
    if uses[scale.inputs[0]] != 1 or not sums(product):
        return
    for p, x in enumerate(product.inputs):
        operand = program.steps[x]
        # XLA makes it in the same kernel as a product with a number.
        fused = operand.elementwise and operand.op is not Ops.SCALE
        if uses[x] == 1 and fused:
            scaled = program.append(
                program.made(Ops.SCALE, (x,), scale.spec, operand.sizes, scale.flops)
            )
            inputs = (*product.inputs[:p], scaled, *product.inputs[p + 1 :])
            program.steps[k] = product._replace(inputs=inputs)
            return


def _added(program: Program, k: int, uses: Uses) -> None:
    """A product of matrices and what is added to it in one step."""
    total = program.steps[k]
    if len(total.inputs) != 2 or len(total.sizes) != 2:
        return
    if total.op is Ops.ADD:
        numbers, constant = (1, 1), 0
    elif total.op is Ops.COMBINE:
        numbers, constant = total.spec
    else:
        return
    if constant:
        return
    for own, other in ((0, 1), (1, 0)):
        v = total.inputs[own]
        product = program.steps[v]
        if uses[v] == 1 and sums(product) and _of_matrices(product):
            inputs = (total.inputs[other], *product.inputs)
            beta, alpha = numbers[other], numbers[own]
            spec = (*product.spec, beta, alpha)
            flops = total.flops + product.flops
            program.steps[k] = program.made(Ops.ADDMM, inputs, spec, total.sizes, flops)
            return


def _of_matrices(product: Step) -> bool:
    """``ij,jk->ik``, and its transposes."""
    matrices = all(len(labels) == len(set(labels)) == 2 for labels in product.spec)
    batch, *_ = contraction(*product.spec)
    return matrices and not batch
