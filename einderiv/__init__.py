"""einderiv: einsum in, derivative einsum out.

An expression is written as einsums; its derivative by any operand is another einsum, which can be read, differentiated
again, contracted with anything, and evaluated without forming the zeros of its deltas. Start with `einsum`, `derive`,
`explain` and `evaluate`. Importing this package imports neither NumPy nor opt_einsum; evaluating does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .autodiff import derive, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .errors import BackendError, EinderivError, LimitError, ParseError, ShapeError, limits
from .expression import Delta, Expr, einsum, substitute, tensor
from .functions import (
    abs_ as abs,
)
from .functions import (
    adj,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cbrt,
    cholesky,
    clip,
    conj,
    cos,
    cosh,
    cross_entropy,
    det,
    diag,
    digamma,
    dot,
    elu,
    equal,
    erf,
    erfc,
    exp,
    expm,
    expm1,
    function,
    gammaln,
    gelu,
    greater,
    greater_equal,
    heaviside,
    hypot,
    imag,
    inv,
    kron,
    layer_norm,
    leaky_relu,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    log_sigmoid,
    log_softmax,
    logdet,
    logsumexp,
    matrix_power,
    max,
    maximum,
    mean,
    min,
    minimum,
    norm,
    norm_squared,
    not_equal,
    outer,
    pinv,
    polygamma,
    power,
    prod,
    project,
    real,
    reciprocal,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    sinh,
    slogdet,
    softmax,
    softplus,
    solve,
    sqrt,
    square,
    std,
    sum,
    tan,
    tanh,
    trace,
    trace_function,
    tril,
    triu,
    unvec,
    var,
    vec,
    where,
)
from .operators import install
from .parsing import parse
from .printing import diagram, formula, latex, sparsity, strip

if TYPE_CHECKING:
    from .backends import SingularMatrixError
    from .checking import check
    from .fitting import minimize, scipy_functions
    from .interop import to_jax, to_torch
    from .large import stream
    from .planning import costs
    from .reports import explain, load_plan, plan, source
    from .runtime import Structured, compile, evaluate

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

#: public names from planning upwards, by their package; it is imported when one of them is first asked for
_LATER = {
    "SingularMatrixError": "backends",
    "Structured": "runtime",
    "check": "checking",
    "compile": "runtime",
    "costs": "planning",
    "evaluate": "runtime",
    "explain": "reports",
    "load_plan": "reports",
    "minimize": "fitting",
    "plan": "reports",
    "scipy_functions": "fitting",
    "source": "reports",
    "stream": "large",
    "to_jax": "interop",
    "to_torch": "interop",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = value  # the next look finds it at once
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
