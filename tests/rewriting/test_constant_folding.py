"""What held arrays decide is computed once, at the edge of what tensors decide."""

import einderiv as ed
from einderiv.expression import solved
from einderiv.rewriting import Target
from einderiv.rewriting.constant_folding import fold_constants
from einderiv.runtime.execution import Execution


def kinds(e, **shapes):
    execution = Execution([e], solved([e], shapes), {})
    program, asked = execution.program, []

    def run(part):
        asked.extend(part.steps[k].op.name for k in part.outputs)
        return execution._values(part)

    target = Target(passes=(), kind="f", itemsize=8, constants=run)
    folded = fold_constants(program, target)
    assert (folded is program) is (not asked)
    return asked, [folded.steps[k].op.name for k in folded.outputs], folded


def test_only_the_edge_is_asked_for():
    x, C = (
        ed.tensor("x", "i"),
        ed.einsum("ij,jk->ik", [[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.0]]),
    )
    asked, _, program = kinds(ed.exp(ed.sin(C)) @ x, x=(2,))
    assert asked == ["apply"]  # not the product, not the sine
    assert program.held[-1].shape == (2, 2)


def test_a_result_without_tensors_is_held():
    asked, outputs, _ = kinds(ed.sum(ed.exp([1.0, 2.0])))
    assert (asked, outputs) == (["contract"], ["input"])  # a sum is a product with ones


def test_nothing_to_do():
    assert kinds(ed.exp(ed.tensor("x", "i")), x=(3,))[0] == []
    assert kinds(ed.tensor("x", "i") * [1.0, 2.0, 3.0], x=(3,))[0] == []  # held, and used as it is
