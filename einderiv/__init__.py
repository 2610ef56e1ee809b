"""einderiv: einsum in, derivative einsum out.

An expression is written as einsums; its derivative by any operand is another einsum, which can be read, differentiated
again, contracted with anything, and evaluated without forming the zeros of its deltas. Start with `einsum`, `derive`,
`explain` and `evaluate`. Importing this package imports neither NumPy nor opt_einsum; evaluating does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .calculus import derive, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .compositions import diag, logsumexp, mean, norm, norm_squared, outer, softmax, sum, trace
from .construction import einsum, tensor
from .errors import BackendError, EinderivError, LimitError, ParseError, ShapeError, limits
from .evaluation import compile, evaluate, plan, source
from .explanation import explain
from .expression import Expr
from .functions import abs_ as abs
from .functions import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cbrt,
    cos,
    cosh,
    exp,
    expm1,
    heaviside,
    hypot,
    log,
    log1p,
    log2,
    log10,
    log_sigmoid,
    maximum,
    minimum,
    reciprocal,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softplus,
    sqrt,
    square,
    tan,
    tanh,
)
from .methods import install
from .show.formulas import formula, latex
from .show.text import Delta
from .substitution import substitute

if TYPE_CHECKING:
    from .checking import check
    from .structured import Structured

__version__ = "0.1.0"

__all__ = [
    "BackendError", "Delta", "EinderivError", "Expr", "LimitError", "ParseError", "ShapeError", "Structured",
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "check", "compile",
    "cos", "cosh", "derive", "diag", "einsum", "evaluate", "exp", "explain", "expm1", "formula", "grad",
    "heaviside", "hessian", "hvp", "hypot", "jacobian", "jvp", "latex", "limits", "log", "log10", "log1p",
    "log2", "log_sigmoid", "logsumexp", "maximum", "mean", "minimum", "norm", "norm_squared", "outer", "plan",
    "reciprocal", "relu", "sigmoid", "sign", "sin", "sinh", "softmax", "softplus", "source", "sqrt",
    "square", "substitute", "sum", "tan", "tanh", "tensor", "trace", "value_and_grad", "vjp",
]  # fmt: skip

install()

#: public names whose modules need NumPy; they are imported when they are first asked for
_LATER = {"check": ".checking", "Structured": ".structured"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
