"""einderiv: einsum in, derivative einsum out.

An expression is written as einsums; its derivative by any operand is another einsum, which can be read, differentiated
again, contracted with anything, and evaluated without forming the zeros of its deltas. Start with `einsum`, `derive`,
`explain` and `evaluate`. Importing this package imports neither NumPy nor opt_einsum; evaluating does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .calculus import derive, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .compilation import compile
from .complexes import abs_ as abs
from .complexes import conj, imag, real
from .compositions import (
    cross_entropy,
    diag,
    dot,
    layer_norm,
    mean,
    norm,
    norm_squared,
    outer,
    std,
    sum,
    trace,
    var,
)
from .construction import einsum, tensor
from .cost import costs
from .declared import project
from .deltas import Delta
from .elementwise import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cbrt,
    clip,
    cos,
    cosh,
    digamma,
    elu,
    equal,
    erf,
    erfc,
    exp,
    expm1,
    gammaln,
    gelu,
    greater,
    greater_equal,
    heaviside,
    hypot,
    leaky_relu,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    log_sigmoid,
    maximum,
    minimum,
    not_equal,
    polygamma,
    power,
    reciprocal,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    sinh,
    softplus,
    sqrt,
    square,
    tan,
    tanh,
    where,
)
from .errors import BackendError, EinderivError, LimitError, ParseError, ShapeError, limits
from .evaluation import evaluate
from .explanation import explain
from .expression import Expr
from .functions import function
from .matrices import (
    adj,
    cholesky,
    det,
    expm,
    inv,
    kron,
    logdet,
    matrix_power,
    pinv,
    slogdet,
    solve,
    tril,
    triu,
    unvec,
    vec,
)
from .methods import install
from .outlook import plan, source
from .parsing import parse
from .protocols import trace_function
from .reductions import log_softmax, logsumexp, max, min, prod, softmax
from .show.diagrams import diagram
from .show.formulas import formula, latex
from .show.patterns import sparsity
from .show.saved_plans import load_plan
from .show.strips import strip
from .substitution import substitute

if TYPE_CHECKING:
    from .checking import check
    from .dtypes import SingularMatrixError
    from .gradients import to_jax, to_torch
    from .minimization import minimize
    from .objective import scipy_functions
    from .streaming import stream
    from .structured import Structured

__version__ = "0.1.0"

__all__ = [
    "BackendError", "Delta", "EinderivError", "Expr", "LimitError", "ParseError", "ShapeError", "SingularMatrixError",
    "Structured",
    "abs", "adj", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "check",
    "cholesky", "clip", "compile", "conj", "cos", "cosh", "costs", "cross_entropy", "derive", "det", "diag", "diagram",
    "digamma", "dot", "einsum", "elu", "equal", "erf", "erfc", "evaluate", "exp", "explain", "expm", "expm1",
    "formula", "function", "gammaln", "gelu", "grad", "greater", "greater_equal", "heaviside", "hessian", "hvp",
    "hypot", "imag", "inv", "jacobian", "jvp", "kron", "latex", "layer_norm", "leaky_relu", "less", "less_equal",
    "limits", "load_plan", "log", "log10", "log1p", "log2", "log_sigmoid", "log_softmax", "logdet", "logsumexp",
    "matrix_power", "max", "maximum", "mean", "min", "minimize", "minimum", "norm", "norm_squared", "not_equal",
    "outer", "parse", "pinv", "plan", "polygamma", "power", "prod", "project", "real", "reciprocal", "relu",
    "scipy_functions", "sigmoid", "sign", "silu", "sin", "sinh", "slogdet", "softmax", "softplus", "solve", "source",
    "sparsity", "sqrt", "square", "std", "stream", "strip", "substitute", "sum", "tan", "tanh", "tensor", "to_jax",
    "to_torch", "trace", "trace_function", "tril", "triu", "unvec", "value_and_grad", "var", "vec", "vjp", "where",
]  # fmt: skip

install()

#: public names whose modules need NumPy; they are imported when they are first asked for
_LATER = {"SingularMatrixError": ".dtypes", "Structured": ".structured", "check": ".checking",
          "minimize": ".minimization", "scipy_functions": ".objective", "stream": ".streaming", "to_jax": ".gradients",
          "to_torch": ".gradients"}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
