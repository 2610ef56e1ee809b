"""From expressions to those of their derivatives: the rules, and `derive`, `grad` and their kin."""

from .curvature import fisher, ggn
from .product_tree import forks
from .rules import BRANCHED, opened, pullback, pushforward, stand_in
from .transforms import derive, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .wrt import Wrt, paired, resolved, with_named_part

__all__ = [
    "BRANCHED",
    "Wrt",
    "derive",
    "fisher",
    "forks",
    "ggn",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "opened",
    "paired",
    "pullback",
    "pushforward",
    "resolved",
    "stand_in",
    "value_and_grad",
    "vjp",
    "with_named_part",
]
