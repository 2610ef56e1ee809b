"""More functions of entries: rounding, entropies, ``sinc``, Bessel functions.

For each its row and the call, one below the other.
"""

from __future__ import annotations

import math
from typing import Any

from ..expression import (
    Apply,
    Expr,
    add,
    as_expression,
    dressed,
    filled,
    multiply,
    number,
    times,
)
from .elementwise import SPECIAL, erfc, exp, log, log1p, logaddexp
from .table import (
    Function,
    Terms,
    apply,
    argument,
    elementwise,
    elementwise_of_two,
    enter,
    largest,
    no_slope,
    one_name,
    public,
)

#: they compute these of floats only
ROUNDED_AS_FLOATS = frozenset({"torch", "jax", "cupy"})


def _scipy_special() -> Any:
    from scipy import special

    return special


# ---- rounding: constant between its jumps
floor = elementwise(
    "floor",
    law="the largest whole number that is not above x",
    derivatives=(no_slope,),
    derived="0",
    source="definition, constant between its jumps",
    spell=one_name("floor"),
    latex=r"\left\lfloor {0} \right\rfloor",
    plain=lambda np, x: x // 1,
    kink="its derivative is 0 at the jumps too",
    analytic=False,
    integer=largest,
    floats_in=ROUNDED_AS_FLOATS,
)

ceil = elementwise(
    "ceil",
    law="the smallest whole number that is not below x",
    derivatives=(no_slope,),
    derived="0",
    source="definition, constant between its jumps",
    spell=one_name("ceil"),
    latex=r"\left\lceil {0} \right\rceil",
    plain=lambda np, x: -(-x // 1),
    kink="its derivative is 0 at the jumps too",
    analytic=False,
    integer=largest,
    floats_in=ROUNDED_AS_FLOATS,
)

trunc = elementwise(
    "trunc",
    law="x without what stands behind the point",
    derivatives=(no_slope,),
    derived="0",
    source="definition, constant between its jumps",
    spell=one_name("trunc"),
    latex=r"\operatorname{{trunc}}\left({0}\right)",
    plain=lambda np, x: np.sign(x) * (np.abs(x) // 1),
    kink="its derivative is 0 at the jumps too",
    analytic=False,
    integer=largest,
    floats_in=ROUNDED_AS_FLOATS,
)

rint = elementwise(
    "rint",
    law="the nearest whole number, the even one of two",
    derivatives=(no_slope,),
    derived="0",
    source="definition, constant between its jumps",
    spell=one_name("rint", torch="torch.round({0})", julia="round.({0})"),
    latex=r"\operatorname{{round}}\left({0}\right)",
    plain=lambda np, x: np.round(x),
    kink="its derivative is 0 at the jumps too",
    analytic=False,
    integer=largest,
    floats_in=ROUNDED_AS_FLOATS,
)


@public
def round_(x: object, decimals: object = 0, /) -> Expr:
    """``round(x, decimals)``: to so many decimals, halves to the even digit, as in NumPy. It is
    constant between its jumps, so its slope is 0.

    >>> import einderiv as ed
    >>> ed.evaluate(ed.round(ed.tensor("x", "i"), 1), x=[0.26, 1.5])
    array([0.3, 1.5])

    Raises TypeError unless `decimals` is a whole number.
    """
    digits = number(decimals)
    if isinstance(digits, bool) or not isinstance(digits, int):
        raise TypeError(f"decimals must be a whole number, not {decimals!r}")
    found = as_expression(x)
    if digits == 0:
        return rint(found)
    if digits < 0:
        scale = 10**-digits
        return times(rint(times(found, 1 / scale)), scale)
    scale = 10**digits
    return times(rint(times(found, scale)), 1 / scale)


# ---- exponentials and logarithms
def _exp2(node: Apply) -> Terms:
    return (times(node, math.log(2)),)


exp2 = elementwise(
    "exp2",
    law="2^x",
    derivatives=(_exp2,),
    derived="log(2) 2^x",
    source="NIST DLMF, 4.7(ii)",
    spell=one_name("exp2"),
    latex=r"2^{{{0}}}",
    positive=True,
    plain=lambda np, x: np.exp(x * math.log(2)),
    real_in=frozenset({"torch"}),
)


@public
def logaddexp2(a: object, b: object, /) -> Expr:
    """``logaddexp2(x, y)``: ``log2(2**x + 2**y)``, computed without overflow.

    >>> import einderiv as ed
    >>> round(float(ed.evaluate(ed.logaddexp2(ed.tensor("x"), 2000.0), x=2000.0)), 9)
    2001.0

    Raises ShapeError if the axes do not fit.
    """
    factor = math.log(2)
    left, right = (times(as_expression(x), factor) for x in (a, b))
    return times(logaddexp(left, right), 1 / factor)


def _xlogy_first(node: Apply) -> Terms:
    _, y = node.arguments
    return (log(y),)


def _xlogy_second(node: Apply) -> Terms:
    # x/y, and 0 where x is 0
    x, y = node.arguments
    return (apply("masked_product", (apply("reciprocal", y), x)),)


xlogy = elementwise_of_two(
    "xlogy",
    law="x log y, 0 where x is 0",
    derivatives=(_xlogy_first, _xlogy_second),
    derived="log(y), x/y",
    source="the product rule",
    spell={
        "numpy": "special.xlogy({0}, {1})",
        "torch": "torch.xlogy({0}, {1})",
        "jax": "special.xlogy({0}, {1})",
    },
    latex=r"\left({0}\right) \log\left({1}\right)",
    plain=lambda np, x, y: np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y))),
    domain=(0.2, 3.0),
    kink="its derivative by y is 0 where x is 0",
    needs=SPECIAL,
    analytic=False,
)


def _entr(node: Apply) -> Terms:
    return (add(times(log(argument(node)), -1), -1),)


entr = elementwise(
    "entr",
    law="-x log x, 0 at 0, -infinity below",
    derivatives=(_entr,),
    derived="-log(x) - 1",
    source="Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.5",
    spell={
        "numpy": "special.entr({0})",
        "torch": "torch.special.entr({0})",
        "jax": "special.entr({0})",
    },
    latex=r"\operatorname{{entr}}\left({0}\right)",
    plain=lambda np, x: np.where(x > 0, -x * np.log(np.where(x > 0, x, 1)), 0),
    domain=(0.2, 3.0),
    needs=SPECIAL,
    analytic=False,
)


@public
def rel_entr(x: object, y: object, /) -> Expr:
    """``rel_entr(x, y)``: ``x log(x / y)``, 0 where x is 0; its sum is the Kullback–Leibler
    divergence of distributions.

    >>> import einderiv as ed
    >>> x, y = ed.tensor("x", "i"), ed.tensor("y", "i")
    >>> ed.evaluate(ed.rel_entr(x, y), x=[0.0, 2.0], y=[1.0, 2.0])
    array([0., 0.])

    Raises ShapeError if the axes do not fit.
    """
    return add(xlogy(x, x), times(xlogy(x, y), -1))


@public
def logit(x: object, /) -> Expr:
    """``logit(x)``: ``log(x / (1 - x))``, the inverse of the sigmoid.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.logit(ed.tensor("x")), x=0.5))
    0.0

    Raises TypeError for what is no expression, number or array.
    """
    found = as_expression(x)
    return add(log(found), times(log1p(times(found, -1)), -1))


@public
def ndtr(x: object, /) -> Expr:
    """``ndtr(x)``: the distribution function of the standard normal, ``erfc(-x / sqrt(2)) / 2``.

    >>> import einderiv as ed
    >>> float(ed.evaluate(ed.ndtr(ed.tensor("x")), x=0.0))
    0.5

    Source: NIST DLMF, 7.2(i). Raises TypeError for what is no expression, number or array.
    """
    return times(erfc(times(as_expression(x), -(0.5**0.5))), 0.5)


def _log_ndtr(node: Apply) -> Terms:
    # φ(x)/Φ(x), whose parts are both 0 far to the left; of their logarithms nothing is lost
    x = argument(node)
    logarithm = add(times(multiply(x, x), -0.5), times(node, -1))
    return (times(exp(logarithm), (2 * math.pi) ** -0.5),)


log_ndtr = elementwise(
    "log_ndtr",
    law="the logarithm of the distribution function of the standard normal",
    derivatives=(_log_ndtr,),
    derived="exp(-x^2/2 - log_ndtr(x))/sqrt(2 pi)",
    source="NIST DLMF, 7.2(i), and the chain rule",
    spell={
        "numpy": "special.log_ndtr({0})",
        "torch": "torch.special.log_ndtr({0})",
        "jax": "special.log_ndtr({0})",
    },
    latex=r"\log \Phi\left({0}\right)",
    plain=lambda np, x: _scipy_special().log_ndtr(x),
    needs=SPECIAL,
    analytic=False,
)


def _gamma(node: Apply) -> Terms:
    return (multiply(node, apply("digamma", argument(node))),)


gamma = elementwise(
    "gamma",
    law="Gamma(x)",
    derivatives=(_gamma,),
    derived="Gamma(x) digamma(x)",
    source="NIST DLMF, 5.2(i)",
    spell={
        "numpy": "special.gamma({0})",
        # below 0 Gamma changes its sign at each whole number
        "torch": "torch.exp(torch.lgamma({0})) * torch.where(({0} > 0) | "
        "(torch.floor({0}) % 2 == 0), 1.0, -1.0)",
        "jax": "special.gamma({0})",
    },
    latex=r"\Gamma\left({0}\right)",
    pole=True,
    plain=lambda np, x: _scipy_special().gamma(x),
    domain=(0.5, 4.0),
    needs=SPECIAL,
    analytic=False,
)


# ---- what a division leaves
def _remainder_first(node: Apply) -> Terms:
    return (dressed(filled(1, node.axis_sizes, node.axes), origins=(node,)),)


def _remainder_second(node: Apply) -> Terms:
    # x − y ⌊x/y⌋, and the floor is constant between its jumps
    x, y = node.arguments
    return (times(apply("floor", multiply(x, apply("reciprocal", y))), -1),)


remainder = elementwise_of_two(
    "remainder",
    law="x - y floor(x/y), which has the sign of y",
    derivatives=(_remainder_first, _remainder_second),
    derived="1, -floor(x/y)",
    source="definition, between the jumps of floor",
    spell=one_name("remainder", 2, julia="mod.({0}, {1})"),
    latex=r"{0} \bmod {1}",
    plain=lambda np, x, y: x - y * np.floor(x / y),
    domain=(0.2, 3.0),
    kink="at the jumps the derivative is that to the right",
    analytic=False,
)


# ---- sinc, and the spherical Bessel functions that its derivatives are
def _sinc(node: Apply) -> Terms:
    # sinc x = j₀(π x), and j₀′ = −j₁
    inside = times(argument(node), math.pi)
    return (times(apply("spherical_bessel", inside, 0, (1,)), -math.pi),)


def _sinc_plain(np: Any, x: Any) -> Any:
    safe = np.where(x == 0, 1, x)
    return np.where(x == 0, 1, np.sin(math.pi * safe) / (math.pi * safe))


sinc = elementwise(
    "sinc",
    law="sin(pi x)/(pi x), 1 at 0",
    derivatives=(_sinc,),
    derived="-pi spherical_bessel(1, pi x)",
    source="NIST DLMF, 10.51(i)",
    spell=one_name("sinc", julia=None),
    latex=r"\operatorname{{sinc}}\left({0}\right)",
    plain=_sinc_plain,
    analytic=False,
)


def _spherical_bessel(node: Apply) -> Terms:
    # (2n + 1) jₙ′ = n jₙ₋₁ − (n + 1) jₙ₊₁
    (n,) = node.parameters
    x = argument(node)
    above = times(apply("spherical_bessel", x, 0, (n + 1,)), -(n + 1) / (2 * n + 1))
    if n == 0:
        return (above,)
    return (add(times(apply("spherical_bessel", x, 0, (n - 1,)), n / (2 * n + 1)), above),)


enter(
    [
        Function(
            "spherical_bessel",
            law="the spherical Bessel function j_n",
            derivatives=(_spherical_bessel,),
            derived="(n j_(n-1)(x) - (n + 1) j_(n+1)(x))/(2n + 1)",
            source="NIST DLMF, 10.51(i)",
            spell={
                "numpy": "spherical_bessel({1}, {0})",
                "torch": "spherical_bessel({1}, {0})",
                "jax": "spherical_bessel({1}, {0})",
            },
            latex=r"\mathrm{{j}}_{{{1}}}\left({0}\right)",
            plain=lambda np, x, n: _scipy_special().spherical_jn(n, x),
            analytic=False,
        )
    ]
)


# ---- modified Bessel functions
def _i0(node: Apply) -> Terms:
    return (apply("i1", argument(node)),)


i0 = elementwise(
    "i0",
    law="the modified Bessel function I_0",
    derivatives=(_i0,),
    derived="i1(x)",
    source="NIST DLMF, 10.29(i)",
    spell={
        "numpy": "special.i0({0})",
        "torch": "torch.special.i0({0})",
        "jax": "special.i0({0})",
    },
    latex=r"I_0\left({0}\right)",
    plain=lambda np, x: _scipy_special().iv(0, x),
    needs=SPECIAL,
    analytic=False,
)


def _i1(node: Apply) -> Terms:
    # 2 I₁′ = I₀ + I₂
    x = argument(node)
    return (times(add(apply("i0", x), apply("bessel_i", x, 0, (2,))), 0.5),)


i1 = elementwise(
    "i1",
    law="the modified Bessel function I_1",
    derivatives=(_i1,),
    derived="(i0(x) + bessel_i(2, x))/2",
    source="NIST DLMF, 10.29(i)",
    spell={
        "numpy": "special.i1({0})",
        "torch": "torch.special.i1({0})",
        "jax": "special.i1({0})",
    },
    latex=r"I_1\left({0}\right)",
    plain=lambda np, x: _scipy_special().iv(1, x),
    needs=SPECIAL,
    analytic=False,
)


def _bessel_i(node: Apply) -> Terms:
    (n,) = node.parameters
    x = argument(node)
    below = apply("i1", x) if n == 2 else apply("bessel_i", x, 0, (n - 1,))
    return (times(add(below, apply("bessel_i", x, 0, (n + 1,))), 0.5),)


enter(
    [
        Function(
            "bessel_i",
            law="the modified Bessel function I_n",
            derivatives=(_bessel_i,),
            derived="(bessel_i(n - 1, x) + bessel_i(n + 1, x))/2",
            source="NIST DLMF, 10.29(i)",
            spell={
                "numpy": "special.iv({1}, {0})",
                "torch": "bessel_i({1}, {0})",
                "jax": "bessel_i({1}, {0})",
            },
            latex=r"I_{{{1}}}\left({0}\right)",
            plain=lambda np, x, n: _scipy_special().iv(n, x),
            needs=SPECIAL,
            analytic=False,
        )
    ]
)
