"""Functions that are a careful way to compute a formula are printed as the formula: readers see
``x exp(-x²)``, where the code keeps x from being infinite.

>>> import einderiv as ed
>>> x = ed.tensor("x", "i")
>>> print(ed.formula(ed.derive(ed.arctan(x), x)))
∂y[i]/∂x[a] = δ[i,a] / (1 + x[i]²)
"""

from __future__ import annotations

from ..expression import Apply, Expr, bottom_up, rebuilt, walk


def with_formulas(e: Expr) -> Expr:
    """`e` with the formulas that its functions are; itself, if there are none."""
    if not any(map(_has_formula, walk([e]))):
        return e
    (found,) = bottom_up([e], _formula)
    return found


def _has_formula(node: Expr) -> bool:
    return isinstance(node, Apply) and node.function.shown is not None


def _formula(node: Expr, parts: tuple[Expr, ...]) -> Expr:
    same_node = rebuilt(node, parts)
    if isinstance(same_node, Apply) and same_node.function.shown is not None:
        shown: Expr = same_node.function.shown(same_node)
        return shown
    return same_node
