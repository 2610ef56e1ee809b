"""Complex numbers: conjugates, real and imaginary parts, moduli; a complex tensor and its conjugate
are two variables.

An einsum is holomorphic, and nothing is conjugated unless it is written. Of a tensor Z declared
complex, ``conj(Z)`` counts as a variable of its own (Wirtinger): ``derive(y, Z)`` is ∂y/∂Z with
``conj(Z)`` fixed, ``derive(y, conj(Z))`` the other one. So ``conj`` moves down to the tensors, and
parts and moduli are written with it.

Source: Kreutz-Delgado, "The complex gradient operator and the CR-calculus", arXiv 0906.4835.
"""

from __future__ import annotations

from ..errors import EinderivError
from ..expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Tensor,
    add,
    added,
    as_expression,
    bottom_up,
    filled,
    multiply,
    times,
    viewed,
    with_slots,
)
from . import elementwise
from .elementwise import squared
from .table import Function, Terms, apply, argument, enter, largest, one_name, public


def _conj(node: Apply) -> Terms:
    # Of a real tensor the conjugate is the tensor; of a complex one it is another variable.
    inner = argument(node)
    return () if inner.complex else (filled(1, inner.axis_sizes, inner.axes),)


def _pseudo_reciprocal(node: Apply) -> Terms:
    # ∂(1/u)/∂u = −1/u²
    return (times(squared(node), -1),)


def _modulus(node: Apply) -> Terms:
    # ∂|u|/∂u = ū / (2 |u|), and 0 at 0
    return (times(multiply(node.arguments[1], apply("pseudo_reciprocal", node)), 0.5),)


def _modulus_conj(node: Apply) -> Terms:
    # ∂|u|/∂ū = u / (2 |u|), and 0 at 0
    return (times(multiply(node.arguments[0], apply("pseudo_reciprocal", node)), 0.5),)


def _again(_: Apply, parts: tuple[Expr, ...]) -> Expr:
    """The conjugate of something else: it moves down to the tensors again."""
    return conj(parts[0])


_ROWS = (
    Function(
        "conj",
        law="the conjugate",
        derivatives=(_conj,),
        derived="1 of a real tensor; of a complex one it is a variable of its own",
        source="Kreutz-Delgado, The Complex Gradient Operator and the CR-Calculus (2009), "
        "arXiv:0906.4835",
        spell=one_name("conjugate", torch="torch.conj_physical({0})", julia="conj.({0})"),
        latex=r"\overline{{{0}}}",
        plain=lambda np, x: np.conjugate(x),
        integer=largest,
        rebuild=_again,
    ),
    Function(
        "pseudo_reciprocal",
        law="1/x, and 0 at 0",
        derivatives=(_pseudo_reciprocal,),
        derived="-1/x^2, and 0 at 0",
        source="NIST DLMF, 4.7(ii); at 0 by definition",
        spell={
            "numpy": "np.divide(1, {0}, out=np.zeros_like({0}), where={0} != 0)",
            "torch": "torch.where({0} == 0, 0, 1 / torch.where({0} == 0, 1, {0}))",
            "jax": "jnp.where({0} == 0, 0, 1 / jnp.where({0} == 0, 1, {0}))",
            "cupy": "cp.where({0} == 0, 0, 1 / cp.where({0} == 0, 1, {0}))",
        },
        latex=r"\left({0}\right)^{{+}}",
        plain=lambda np, x: np.where(x == 0, 0, 1 / np.where(x == 0, 1, x)),
        kink="0 at 0",
    ),
    Function(
        "modulus",
        law="|u| of u and its conjugate",
        derivatives=(_modulus, _modulus_conj),
        derived="conj(u)/(2 |u|), u/(2 |u|)",
        source="the chain rule with |u|^2 = u conj(u)",
        spell={
            "numpy": "np.abs({0}).astype({0}.dtype)",
            "torch": "torch.abs({0}).to({0}.dtype)",
            "jax": "jnp.abs({0}).astype({0}.dtype)",
        },
        latex=r"\left|{0}\right|",
        plain=lambda np, u, v: np.sqrt(u * v),
        kink="0 at 0",
        squared=lambda node: multiply(*node.arguments),
    ),
)

enter(_ROWS)


def is_conjugate(e: Expr) -> bool:
    """Is `e` the conjugate of a complex tensor: a variable?"""
    return (
        isinstance(e, Apply)
        and e.function.name == "conj"
        and argument(e).complex
        and isinstance(argument(e), Tensor)
    )


def variable(e: Expr) -> str | None:
    """The name of a variable: of a tensor, or ``conj(Z)``; None for anything else."""
    if isinstance(e, Tensor):
        return e.name
    if isinstance(e, Apply) and is_conjugate(e):
        inner = argument(e)
        return f"conj({inner.name})" if isinstance(inner, Tensor) else None
    return None


@public
def conj(e: object, /) -> Expr:
    """``conj(e)``: the complex conjugate, of a tensor that is declared complex a variable of its
    own.

    Of a tensor that is not, it is the tensor itself: then complex arrays are refused.

    >>> import einderiv as ed
    >>> Z = ed.tensor("Z", "ij", complex=True)
    >>> print(ed.conj(Z @ Z.T))
    einsum("ij,aj->ia", conj(Z), conj(Z))
    >>> print(ed.derive(ed.sum(Z * ed.conj(Z)), ed.conj(Z)))
    Z

    Raises EinderivError for a function that a user has added.
    """
    return bottom_up([as_expression(e)], _conjugate)[0]


def _conjugate(node: Expr, below: tuple[Expr, ...]) -> Expr:
    match node:
        case Tensor() if node.structure == "hermitian":
            *batch, i, j = range(node.ndim)
            return viewed(node, (*batch, i, j), (*batch, j, i))
        case Tensor():
            return apply("conj", node)
        case Constant():
            if isinstance(node.value, (int, float, complex)):
                return Constant(node.value.conjugate())
            return apply("conj", node) if node.complex else node
        case Add():
            return added(below)
        case Einsum():
            slots = tuple(zip(below, node.inputs, strict=True))
            number = node.coefficient.conjugate()
            return with_slots(node, slots, coefficient=number, origins=node.origins)
        case Apply():
            return _conjugate_of_function(node, below)
    raise TypeError(type(node).__name__)


def _conjugate_of_function(node: Apply, below: tuple[Expr, ...]) -> Expr:
    row = node.function
    if row.name == "conj":
        return argument(node)
    if row.name == "modulus" or not row.analytic:
        return node  # real
    if row.added:
        raise EinderivError(f"the conjugate of {row.name}, a function that was added, is not known")
    # f(z̄) is the conjugate of f(z) for all that is real on the real line (Schwarz).
    parameters = tuple(p.conjugate() if isinstance(p, complex) else p for p in node.parameters)
    return Apply(row, below, node.core, parameters)


@public
def real(e: object, /) -> Expr:
    """``real(e)``: the real part, ``(e + conj(e)) / 2``.

    Of what is not declared complex it is ``conj(e)``, which refuses complex arrays.

    >>> import einderiv as ed
    >>> z = ed.tensor("z", complex=True)
    >>> ed.evaluate(ed.real(z * z), z=1 + 2j).real
    array(-3.)
    """
    found = as_expression(e)
    if not found.complex:
        return conj(found)  # a half would make floats of whole numbers
    return times(add(found, conj(found)), 0.5)


@public
def imag(e: object, /) -> Expr:
    """``imag(e)``: the imaginary part, ``(e - conj(e)) / 2i``.

    >>> import einderiv as ed
    >>> z = ed.tensor("z", complex=True)
    >>> ed.evaluate(ed.imag(z * z), z=1 + 2j).real
    array(4.)
    """
    found = as_expression(e)
    difference = add(found, times(conj(found), -1))
    return times(difference, -0.5j)


@public
def abs_(e: object, /) -> Expr:
    """``abs(e)``: the absolute value, elementwise; of a real one the derivative is ``sign(e)``, at
    0 it is 0.

    Of what is declared complex it is the modulus, with ``conj(e) / (2 |e|)`` as its derivative by
    `e`.

    >>> import einderiv as ed
    >>> print(ed.abs(ed.tensor("x", "i")))
    abs(x)
    >>> print(ed.abs(ed.tensor("z", "i", complex=True)))
    modulus(z, conj(z))
    """
    found = as_expression(e)
    if not found.complex:
        return elementwise.abs_(found)
    return apply("modulus", (found, conj(found)))
