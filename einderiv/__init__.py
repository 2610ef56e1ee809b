"""einderiv: einsum in, derivative einsum out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .calculus import derive, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .compositions import diag, logsumexp, mean, norm, norm_squared, outer, softmax, sum, trace  # noqa: A004
from .construction import einsum, tensor
from .errors import BackendError, EinderivError, LimitError, ParseError, ShapeError, limits
from .evaluation import compile, evaluate, plan, source  # noqa: A004
from .explanation import explain
from .functions import abs_ as abs  # noqa: A004
from .functions import cos, exp, heaviside, log, reciprocal, relu, sigmoid, sign, sin, sqrt, square, tanh
from .methods import install
from .show.formulas import formula, latex
from .show.text import Delta

if TYPE_CHECKING:
    from .checking import check
    from .structured import Structured

__version__ = "0.1.0"

install()

#: public names whose modules need NumPy; they are imported when they are first asked for
_LATER = {"check": ".checking", "Structured": ".structured"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        found = getattr(import_module(_LATER[name], __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
