"""Minimising a loss: SciPy's optimizers, handed what they ask for, or Newton's method on the
structured Hessian.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import EinderivError, near
from ..expression import Expr, number, truth
from ..runtime import scipy_part
from .newton import checked_options, newton
from .objective import Functions, others

#: unknowns: BFGS, whose steps cost the square of their number, is the default for at most so many.
#: A factorisation with 640 unknowns took it 46 s, where L-BFGS-B took 0.2 s
FEW = 100
LONG = 2.0  # seconds after which a run is long enough for a progress bar
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

    >>> import einderiv as ed, numpy as np
    >>> T, U, V = ed.tensor("T", "nm"), ed.tensor("U", "nk"), ed.tensor("V", "mk")
    >>> loss = ed.norm_squared(T - ed.einsum("nk,mk->nm", U, V))
    >>> data = dict(T=np.outer([1, 2, 3], [1, 1]), V=np.ones((2, 1)))
    >>> found = ed.minimize(loss, U, np.zeros((3, 1)), data, method="newton")
    >>> found.x.ravel(), found.nit
    (array([1., 2., 3.]), 1)

    The answer is SciPy's ``OptimizeResult``. Raises EinderivError for an unknown method or name,
    for a `start` or bounds without the declared structure, for a tensor that is declared
    orthogonal, and where Newton's method finds that the loss falls without end; TypeError for a
    loss that is no scalar, and for an index array as `wrt`; ImportError without SciPy.
    """
    optimize = scipy_part("optimize")
    if progress is not None:
        progress = truth(progress, "progress")
    functions = Functions(loss, wrt, others(loss, wrt, arrays, named), {}, start)
    x0 = functions.pack(start)
    chosen = _method(method, functions.size, bounds is not None)
    if options is not None and not isinstance(options, Mapping):
        raise TypeError(f"options is a mapping by names, not {type(options).__name__}")
    chosen_options = {} if options is None else dict(options)
    _check_tolerance(tol)
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
        with _watched(functions.fun_and_jac, progress) as both:
            ending = newton(functions, both, x0, **checked_options(chosen_options))
        result = optimize.OptimizeResult(ending)
    else:
        takes = METHODS[chosen]
        # With jac=True SciPy takes value and gradient from one call; hess and hessp are calls of
        # their own.
        extra = {name: getattr(functions, name) for name in takes if name != "jac"}
        with _watched(functions.fun_and_jac if takes else functions.fun, progress) as fun:
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


def _check_tolerance(tol: Any) -> None:
    if tol is None:
        return
    value = number(tol)
    if value is None or isinstance(value, complex):
        raise TypeError(f"tol is a number, not {type(tol).__name__}")
    if not value >= 0:
        raise EinderivError(f"tol is a number that is not negative, not {value!r}")


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


def _method(method: Any, size: int, bounded: bool) -> str:
    """The name of a method as SciPy spells it."""
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
    return spelt[method.lower()]


# ---- how far it has come
@contextmanager
def _watched(f: Callable[[Any], Any], progress: bool | None) -> Iterator[Callable[[Any], Any]]:
    """`f` with a progress bar that counts its evaluations: at once, never, or in a terminal
    after a while.
    """
    tqdm = _tqdm(progress)
    if tqdm is None:
        yield f
        return
    begun = time.monotonic()
    count = 0
    bar = None

    def watched(x: Any) -> Any:
        nonlocal count, bar
        value = f(x)
        count += 1
        if bar is None and (progress or time.monotonic() - begun > LONG):
            bar = tqdm(initial=count - 1, desc="minimize", unit=" evaluations")
        if bar is not None:
            loss = value[0] if isinstance(value, tuple) else value  # with its gradient, or alone
            bar.set_postfix_str(f"loss {loss:.6g}", refresh=False)
            bar.update()
        return value

    try:
        yield watched
    finally:
        if bar is not None:
            bar.close()


def _tqdm(progress: bool | None) -> Any:
    """tqdm, if a bar may be wanted."""
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        if progress:
            raise ImportError(
                "a progress bar needs tqdm: pip install 'einderiv[progress]'"
            ) from None
        return None
    return tqdm
