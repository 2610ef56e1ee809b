"""Minimising a loss: SciPy's optimizers, handed what they ask for, or Newton's method on the
structured Hessian.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import EinderivError, near
from ..expression import Expr, truth
from ..runtime import scipy_part
from .constraints import CONSTRAINED, Constraints, listed
from .newton import checked_options, newton
from .objective import Functions, others
from .progress import check_tolerance, watched

#: unknowns: BFGS, whose steps cost the square of their number, is the default for at most so many.
#: A factorisation with 640 unknowns took it 46 s, where L-BFGS-B took 0.2 s
FEW = 100
NEWTON = "newton"

#: what SciPy's methods take besides the function
METHODS: dict[str, tuple[str, ...]] = {
    "Nelder-Mead": (), "Powell": (), "COBYLA": (), "COBYQA": (),
    "CG": ("jac",), "BFGS": ("jac",), "L-BFGS-B": ("jac",), "TNC": ("jac",), "SLSQP": ("jac",),
    "Newton-CG": ("jac", "hessp"), "trust-ncg": ("jac", "hessp"), "trust-krylov": ("jac", "hessp"),
    "trust-constr": ("jac", "hessp"), "dogleg": ("jac", "hess"), "trust-exact": ("jac", "hess"),
}  # fmt: skip


def minimize(
    loss: Expr | str,
    wrt: Any,
    start: Any,
    arrays: Mapping[str, Any] | None = None,
    /,
    *,
    method: str | None = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    bounds: Any = None,
    equal: Any = None,
    below: Any = None,
    progress: bool | None = None,
    **named: Any,
) -> Any:
    """A minimum of `loss` over `wrt`, from `start`; ``result.x`` has the structure and the shapes
    of `start`.

    `wrt` is a tensor or its name, or a list, tuple or dict of those, and `start` has arrays in the
    same structure. The arrays of all other tensors are given by name, or as a mapping. `method` is
    one of ``scipy.optimize.minimize`` (BFGS by default; L-BFGS-B for more than 100 unknowns, or
    with `bounds`), which then gets
    value and gradient from one compiled function, and ``hessp`` or ``hess`` if it takes them; or
    ``"newton"``, damped Newton steps by ``Structured.solve``. `tol`, `options` and `bounds` (by
    entries of the flat vector) are SciPy's; for ``"newton"`` the options are `maxiter` (100) and
    `gtol` (1e-8), the largest entry of the gradient at the end. The unknowns are float64, whatever
    the dtype of `start`. A tensor that is declared symmetric, diagonal or lower stays so, by every
    method; the vectors in the answer (`jac`) and the bounds still have all its entries:
    `scipy_functions`. With `progress` a bar counts evaluations of the loss; by default it does so
    in a terminal, after two seconds.

    `equal` and `below` are constraints, an expression or a list of those: of `equal` every entry is
    0 at the minimum, of `below` none is above 0. Their Jacobians are derived; the methods that take
    them are SLSQP (by default up to 100 unknowns) and trust-constr.

    >>> import einderiv as ed, numpy as np
    >>> T, U, V = ed.tensor("T", "nm"), ed.tensor("U", "nk"), ed.tensor("V", "mk")
    >>> loss = ed.norm_squared(T - ed.einsum("nk,mk->nm", U, V))
    >>> data = dict(T=np.outer([1, 2, 3], [1, 1]), V=np.ones((2, 1)))
    >>> found = ed.minimize(loss, U, np.zeros((3, 1)), data, method="newton")
    >>> found.x.ravel(), found.nit
    (array([1., 2., 3.]), 1)

    >>> x = ed.tensor("x", "n")
    >>> found = ed.minimize(ed.norm_squared(x), x, np.ones(2), equal=ed.sum(x) - 1)
    >>> found.x.round(6)
    array([0.5, 0.5])

    The answer is SciPy's ``OptimizeResult``. Raises EinderivError for an unknown method or name,
    for a `start` or bounds without the declared structure, for a tensor that is declared
    orthogonal, and where Newton's method finds that the loss falls without end; TypeError for a
    loss that is no scalar, and for an index array as `wrt`; ImportError without SciPy.
    """
    optimize = scipy_part("optimize")
    if progress is not None:
        progress = truth(progress, "progress")
    constraints = Constraints(listed(equal, "equal"), listed(below, "below"))
    loss = constraints.known_to(loss)
    given = others(loss, wrt, arrays, named)
    functions = Functions(loss, wrt, given, {}, start)
    x0 = functions.pack(start)
    chosen = _method(method, functions.size, bounds is not None, bool(constraints))
    if options is not None and not isinstance(options, Mapping):
        raise TypeError(f"options is a mapping by names, not {type(options).__name__}")
    chosen_options = {} if options is None else dict(options)
    if tol is not None:
        check_tolerance(tol, "tol")
    if bounds is not None and functions.structures:
        functions.check_bounds(bounds)
    _check_pairs(bounds, optimize.Bounds)
    if not functions.size:
        return optimize.OptimizeResult(
            x=functions.unpack(x0),
            fun=functions.fun(x0),
            nit=0,
            nfev=1,
            success=True,
            status=0,
            message="there are no unknowns",
        )
    if chosen == NEWTON:
        if tol is not None:
            chosen_options.setdefault("gtol", tol)
        with watched(functions.fun_and_jac, progress, "minimize", "loss") as both:
            ending = newton(functions, both, x0, **checked_options(chosen_options))
        result = optimize.OptimizeResult(ending)
    else:
        takes = METHODS[chosen]
        # With jac=True SciPy takes value and gradient from one call; hess and hessp are calls of
        # their own.
        extra = {name: getattr(functions, name) for name in takes if name != "jac"}
        if constraints:
            extra["constraints"] = constraints.for_scipy(chosen, functions.loss, wrt, given, start)
        with watched(
            functions.fun_and_jac if takes else functions.fun, progress, "minimize", "loss"
        ) as fun:
            result = optimize.minimize(
                fun,
                x0,
                method=chosen,
                jac=True if takes else None,
                tol=tol,
                bounds=bounds,
                options=chosen_options,
                **extra,
            )
    result.x = functions.unpack(result.x)
    return result


def _check_pairs(bounds: Any, of_scipy: type) -> None:
    """Raise unless bounds are SciPy's, or a sequence of pairs."""
    if bounds is None or isinstance(bounds, of_scipy):
        return
    is_sequence = hasattr(bounds, "__len__") and not isinstance(bounds, (str, bytes, Mapping))
    if not is_sequence or any(getattr(pair, "__len__", int)() != 2 for pair in bounds):
        raise TypeError(
            "bounds is a sequence of pairs (low, high), one for each unknown, or a Bounds of "
            f"SciPy, not {str(bounds)[:40]!r}"
        )


def _method(method: Any, size: int, bounded: bool, constrained: bool) -> str:
    """The name of a method as SciPy spells it."""
    if method is None and constrained:
        return CONSTRAINED[size > FEW]
    if method is None:
        return "L-BFGS-B" if bounded or size > FEW else "BFGS"
    if not isinstance(method, str):
        raise TypeError(f"method must be the name of one, not {type(method).__name__}")
    spelt = {name.lower(): name for name in (NEWTON, *METHODS)}
    if method.lower() not in spelt:
        raise EinderivError(
            f"no method is called {method[:40]!r}; {near(method, (NEWTON, *METHODS))}"
        )
    if method.lower() == NEWTON and bounded:
        raise EinderivError(
            "method 'newton' takes no bounds; L-BFGS-B, TNC, SLSQP and trust-constr do"
        )
    chosen = spelt[method.lower()]
    if constrained and chosen not in CONSTRAINED:
        raise EinderivError(
            f"method {chosen!r} takes no constraints; {' and '.join(CONSTRAINED)} do"
        )
    return chosen
