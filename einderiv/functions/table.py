"""The table of functions: what a row says, and how a row is used. The rows stand in the modules
above.

A row has one derivative for each argument. It takes the applied node and answers a tuple of terms,
each over the batch axes, the core axes of the result and the core axes of the argument. The
derivative of ``f(u)`` is the sum over those terms of the einsum of the term with the derivative of
``u``; keeping terms apart keeps structure: ``softmax`` is a diagonal minus an outer product, and
the diagonal is never formed. Where the derivative is a linear map whose entries nobody wants to see
(a reshape, the matrix exponential), the row maps tangents and cotangents instead.

At kinks the convention of JAX and PyTorch holds, and the row says so. A function that is constant
between its jumps has no terms; nothing else answers zero.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from ..errors import EinderivError, ShapeError, counted
from ..expression import (
    Apply,
    Expr,
    Number,
    Size,
    as_expression,
    checked,
    is_name,
    number,
    operand,
    stretched,
    truth,
)

Terms = tuple[Expr, ...]
Rule = Callable[[Apply], Terms]
Bounds = tuple[int, ...]  # of the absolute values of the arguments
BEYOND = 64  # bits that no integer of a library has, with the sign
Sides = tuple[int, ...]  # the sizes of the core axes of the first argument
Axis = tuple[Size, str | None]  # the size of an axis and its name
#: of a tangent or cotangent, for the argument of that position
LinearMap = Callable[[Apply, int, Expr], Expr]
Call = TypeVar("Call", bound=Callable[..., Any])
Columns = ParamSpec("Columns")


def _leaves_integers(_: Bounds, __: tuple[Number, ...], ___: Sides) -> None:
    """A function of integers that are none any more."""
    return


def _no_polynomial(_: tuple[Number, ...]) -> None:
    """A function that is no polynomial of its argument."""
    return


def linear(_: tuple[Number, ...]) -> int:
    """The degree of a linear function."""
    return 1


def largest(bounds: Bounds, _: tuple[Number, ...], __: Sides) -> int:
    """The function of whole numbers is one of them, or smaller."""
    return max(bounds)


def power_bound(bound: int, power: int) -> int:
    """``bound ** power``, or a number beyond every integer of a library where it is one."""
    if bound > 1 and power > BEYOND:
        return 1 << BEYOND
    return int(bound**power)


def same_axes(arguments: tuple[Expr, ...], core: int, _: tuple[Any, ...]) -> tuple[Axis, ...]:
    """The result has the core axes of the argument."""
    first = arguments[0]
    batch = first.ndim - core
    return tuple(zip(first.axis_sizes[batch:], first.axes[batch:], strict=True))


def no_axes(_: tuple[Expr, ...], __: int, ___: tuple[Any, ...]) -> tuple[Axis, ...]:
    """The result has no core axes."""
    return ()


@dataclass(frozen=True, eq=False)
class Function:
    """One row: all that is known of a function."""

    name: str
    law: str  # f(x) in plain text
    derivatives: tuple[Rule, ...]  # by each argument
    derived: str  # f'(x) in plain text
    # where that is written: a book, a paper, a rule, or "definition"
    source: str = field(default="", kw_only=True)
    #: its code in each backend, and in Julia where it has one; with {0} … for the arguments, then
    #: the parameters. NumPy's is also Dask's, and with CuPy's name CuPy's
    spell: dict[str, str]
    latex: str  # with {0} for the argument
    #: the formula that `check` compares with, written without a look at `spell`: it takes NumPy,
    #: the arrays, the parameters, and, where `core` is -1, the core axes as `axes`; complex arrays
    #: too where the function is analytic. None for a function whose spelling is its definition
    plain: Callable[..., Any] | None = None
    domain: tuple[float, float] = (-2.0, 2.0)  # where tests draw their arguments
    kink: str = ""  # the convention where the derivative does not exist
    core: int = 0  # how many core axes it has; -1 for any number of them
    shape: Callable[[tuple[Expr, ...], int, tuple[Any, ...]], tuple[Axis, ...]] = (
        same_axes  # core axes of the result
    )
    square: bool = False  # its two core axes have one size
    apart: bool = False  # each of its arguments has core axes of other sizes
    factored: bool = False  # computed from factors of its matrix, which are made once for all uses
    inverse: bool = False  # its product with an array is the solution of a system
    degree: Callable[[tuple[Number, ...]], int | None] = _no_polynomial  # in its argument
    needs: str = ""  # what a source must import for it
    of_moduli: bool = False  # is it meant of the moduli of complex numbers? then they are declared
    # libraries that compute it of real numbers only, though it is analytic
    real_in: frozenset[str] = frozenset()
    # libraries that compute it of floats only, though whole numbers would stay whole
    floats_in: frozenset[str] = frozenset()
    analytic: bool = True  # has a complex extension with the same derivative
    integer: Callable[[Bounds, tuple[Number, ...], Sides], int | None] = (
        _leaves_integers  # a bound of |f| by |x|, or None
    )
    forward: LinearMap | None = None  # of a tangent with the core axes last, instead of derivatives
    backward: LinearMap | None = None  # of a cotangent
    rebuild: Callable[[Apply, Terms], Expr] | None = None  # of other arguments, if not by `Apply`
    vanishes: int | None = None  # zero for a batch where one of its arguments from this one on is
    #: its square, where that is smooth and the function is not: |x|² is x²
    squared: Callable[[Apply], Expr] | None = None
    #: the formula that it is a careful way to compute, and that is printed in its place
    shown: Callable[[Apply], Expr] | None = None
    #: its sum with something, where that is smooth and neither is: max(x, 0) + log(1 + e^(-|x|))
    smooth_sum: Callable[[Apply, Expr], Expr | None] | None = None
    sums_to_one: bool = False  # over its core axes
    positive: bool = False  # greater than 0 for all real arguments that are finite
    inverts: bool = False  # 1/x: its product with x is 1 where x is known to be positive
    pole: bool = False  # infinite at an argument that is finite
    chooses: bool = False  # the slope of a choice: 0 for what another argument has won over
    masks: bool = False  # `where`, and the conditions that are the slopes of its arguments
    selects: bool = False  # an index array as a factor, which is never formed
    places: bool = (
        False  # whole numbers that say places of an axis: an index array that is computed
    )
    #: what it is of some arguments without itself: log of exp; None for all others
    reduced: Callable[[Expr], Expr | None] | None = None
    keeps_symmetry: bool = False  # a symmetric matrix of a symmetric one
    # by a user, with `ed.function`: it may answer its argument itself, and may look at more than
    # one block
    added: bool = False
    # a user's spelling that may give its argument back, or a view of it
    may_answer_argument: bool = False


FUNCTIONS: dict[str, Function] = {}


#: the public functions, by the names that users write
NAMED: dict[str, Callable[..., Any]] = {}


def enter(rows: Sequence[Function]) -> None:
    """Put rows into the table."""
    for row in rows:
        assert row.name not in FUNCTIONS, "one row for each function"
        FUNCTIONS[row.name] = row


def public(call: Call) -> Call:
    """A function that users may name in texts, and by way of NumPy: ``abs_`` is called ``abs``."""
    name = call.__name__.rstrip("_")
    assert name not in NAMED, "one function for each name"
    NAMED[name] = call
    return call


def apply(
    name: str, e: Expr | tuple[Expr, ...], core: int = 0, parameters: tuple[Any, ...] = ()
) -> Apply:
    """``f(e)`` with the last `core` axes of every argument as core axes."""
    return Apply(FUNCTIONS[name], e if isinstance(e, tuple) else (e,), core, parameters)


def stays_integer(node: Apply) -> bool:
    """Is the function of integers an integer again?"""
    row: Function = node.function
    ones = (1,) * len(node.arguments)
    return row.integer(ones, node.parameters, (1,) * node.core) is not None


def batch_axes(row: Function, core: int, ranks: Sequence[int], rank: int) -> tuple[int, list[int]]:
    """How many axes the result runs along block by block, and how many each argument: a block of
    these gives that block of the result. A number beside an array has none.
    """
    batch = ranks[0] - core if core else rank
    if row.factored:
        batch = 0
    return batch, [batch if own == batch + core else 0 for own in ranks]


def shown_parameters(e: Apply) -> list[str]:
    """The numbers that a function takes besides its arguments; sizes are not shown."""
    numbers = [p for p in e.parameters if isinstance(p, (int, float, complex))]
    if e.function.core:
        # There a 0 goes without saying: ``tril(A)``, and ``prod(x)`` without entries left out.
        numbers = [p for p in numbers if p != 0]
    return [str(p) for p in numbers]


def argument(node: Apply) -> Expr:
    """The one argument."""
    return node.arguments[0]


def no_slope(_: Apply) -> Terms:
    """The derivative of what is constant between its jumps."""
    return ()


def labels_of(node: Apply) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Labels for the terms of a derivative: of the batch axes, the result's core axes, the
    argument's core axes.
    """
    n = argument(node).ndim - node.core
    m = node.ndim
    batch = tuple(range(n))
    result = tuple(range(n, m))
    core = tuple(range(m, m + node.core))
    return batch, result, core


def one_name(name: str, arguments: int = 1, **others: str | None) -> dict[str, str]:
    """The spelling of what NumPy, PyTorch, JAX and Julia call by one name; `others` are spelt in
    full, and None is one that lacks it.

    >>> one_name("arcsin", julia="asin.({0})")
    {'numpy': 'np.arcsin({0})', 'torch': 'torch.arcsin({0})', 'jax': 'jnp.arcsin({0})', 'julia': \
'asin.({0})'}
    """
    holes = ", ".join(f"{{{k}}}" for k in range(arguments))
    texts = {
        "numpy": f"np.{name}({holes})",
        "torch": f"torch.{name}({holes})",
        "jax": f"jnp.{name}({holes})",
        "julia": f"{name}.({holes})",
        **others,
    }
    return {language: text for language, text in texts.items() if text is not None}


def of_one(row: Function) -> Callable[[object], Expr]:
    """Enter a row with one argument and no core axes; what applies it."""
    enter([row])
    name = row.name

    def function(e: object, /) -> Expr:
        found = as_expression(e)
        reduced = row.reduced(found) if row.reduced else None
        return apply(name, found) if reduced is None else reduced

    function.__name__ = function.__qualname__ = name
    law = f"``{name}(x)``: {row.law}, elementwise; the result has the axes of the argument."
    function.__doc__ = f"""{law}

    The derivative is ``{row.derived}``.{_at_kink(row)}

    >>> import einderiv as ed
    >>> str(ed.{name}(ed.tensor("x", "i")))
    '{name}(x)'

    Raises TypeError for what is no expression, number or array.
    """
    return function


def _at_kink(row: Function) -> str:
    """The convention at a kink, as the end of a sentence in a docstring."""
    return f" At the kink: {row.kink}." if row.kink else ""


def together(*values: object) -> tuple[Expr, ...]:
    """Arguments of one elementwise function, which broadcast as NumPy's do."""
    operands = [operand(v) for v in values]
    if not any(isinstance(v, Expr) for v in operands):
        operands[0] = as_expression(operands[0])
    return stretched(*operands)


def of_two(row: Function) -> Callable[[object, object], Expr]:
    """Enter a row with two arguments; what applies it."""
    enter([row])
    name = row.name

    def function(a: object, b: object, /) -> Expr:
        return checked(apply(name, together(a, b)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""``{name}(x, y)``: {row.law}, elementwise, broadcasting as NumPy does.

    The derivatives are ``{row.derived}``.{_at_kink(row)}

    >>> import einderiv as ed
    >>> str(ed.{name}(ed.tensor("x", "i"), ed.tensor("y", "i")))
    '{name}(x, y)'

    Raises ShapeError if the axes do not fit.
    """
    return function


def _entered(
    made_of: Callable[[Function], Call], row: Callable[Columns, Function]
) -> Callable[Columns, Call]:
    """What takes the columns of a row, and answers the public function of the row."""

    def entered(*columns: Columns.args, **more: Columns.kwargs) -> Call:
        return public(made_of(row(*columns, **more)))

    return entered


#: a public function of one argument, and one of two, from the columns of their rows
elementwise = _entered(of_one, Function)
elementwise_of_two = _entered(of_two, Function)


def function(
    name: str,
    numpy: str,
    *derivatives: Callable[..., object] | None,
    latex: str | None = None,
    law: str = "",
    imports: str = "",
    domain: tuple[float, float] = (-2.0, 2.0),
    kink: str = "",
    analytic: bool = False,
    torch: str | None = None,
    jax: str | None = None,
) -> Callable[..., Expr]:
    r"""Add an elementwise function of your own to the table, and return it.

    `numpy` spells it, with ``{0}`` for the first argument, `torch` and `jax` for their arrays;
    these know ``torch``, and ``jax``, ``jnp``, ``lax``, ``nn`` and ``special``. There is one
    derivative for each argument: it takes the arguments as expressions and answers an expression,
    or is None where the function is constant between its jumps.

    >>> import einderiv as ed
    >>> lorentz = ed.function("lorentz", "1 / (1 + {0} * {0})", lambda x: -2 * x / (1 + x * x) ** 2)
    >>> x = ed.tensor("x", "i")
    >>> ed.evaluate(ed.grad(ed.sum(lorentz(x)), x), x=[0.0, 1.0])
    array([-0. , -0.5])
    >>> ed.check(ed.sum(lorentz(x)), x, x=[0.3, 0.8]).ok
    True

    Use it with trusted text only: `numpy` and `imports` become part of the generated source.
    `analytic` says that complex arguments are as good. A function is a name for good: a second one
    of that name is an error.

    Raises EinderivError for a name that is taken, and for a spelling that leaves an argument out.
    """
    analytic = truth(analytic, "analytic")
    low_and_high = [number(end) for end in domain] if isinstance(domain, (tuple, list)) else []
    if len(low_and_high) != 2 or not all(isinstance(end, (int, float)) for end in low_and_high):
        raise TypeError(f"domain is a pair of numbers, (low, high), not {str(domain)[:40]!r}")
    spell = {"numpy": numpy}
    if torch is not None:
        spell["torch"] = torch
    if jax is not None:
        spell["jax"] = jax
    for text in spell.values():
        _check_row(name, text, latex or "", derivatives)
    arithmetic = all(_is_arithmetic(text, len(derivatives)) for text in spell.values())
    holes = ", ".join(f"{{{k}}}" for k in range(len(derivatives)))
    shown = latex or rf"\operatorname{{{{{name}}}}}\left({holes}\right)"
    row = Function(
        name,
        law=law or name,
        derivatives=tuple(map(_rule, derivatives)),
        derived="as given",
        source="given with ed.function",
        spell={backend: f"({text})" for backend, text in spell.items()},
        latex=shown,
        domain=domain,
        kink=kink,
        needs=imports,
        analytic=analytic,
        added=True,
        may_answer_argument=not arithmetic,
    )

    def applied(*arguments: object) -> Expr:
        if len(arguments) != len(derivatives):
            raise TypeError(
                f"{name} takes {counted(len(derivatives), 'argument')}, not {len(arguments)}"
            )
        return checked(apply(name, together(*arguments)))

    applied.__name__ = applied.__qualname__ = name
    applied.__doc__ = f"``{name}``: {law or 'a function added by the user'}, elementwise."
    ADDED[name] = applied
    enter([row])  # last: what is interrupted before can be done again
    return applied


def _is_arithmetic(text: str, count: int) -> bool:
    """Is a spelling a sum, a product or the like, which are new arrays?"""
    body = ast.parse(text.format(*["x"] * count), mode="eval").body
    return isinstance(body, (ast.BinOp, ast.UnaryOp))


def _check_row(name: str, numpy: str, latex: str, derivatives: Sequence[object]) -> None:
    """Raise unless a user's row can be used: a free name, derivatives, and templates with a hole
    for each argument.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a function is a string, not {type(name).__name__}")
    if not is_name(name):
        raise EinderivError(
            f"the name of a function must be an ASCII identifier and no keyword, not {name!r}"
        )
    if name in FUNCTIONS:
        raise EinderivError(f"there is a function {name!r} already: choose another name")
    if not derivatives or not all(d is None or callable(d) for d in derivatives):
        raise TypeError(
            f"{name} needs a derivative for each argument, or None where it is constant between "
            "jumps"
        )
    count = len(derivatives)
    for k in range(count):
        if f"{{{k}}}" not in numpy:
            raise EinderivError(
                f"the spelling {numpy!r} of {name} leaves argument {k} out: write {{{k}}}"
            )
    for what, text in (("LaTeX", latex), ("spelling", numpy)):
        try:
            shown = text.format(*["x"] * count)
        except (IndexError, KeyError, ValueError):
            raise EinderivError(
                f"the {what} {text!r} of {name} has braces that are none of its "
                f"{counted(count, 'argument')}: write {{{{ and }}}} for those"
            ) from None
    try:
        ast.parse(shown, mode="eval")
    except SyntaxError as error:
        raise EinderivError(
            f"the spelling {numpy!r} of {name} is no Python expression: {error.msg}"
        ) from None


#: the functions that users have added
ADDED: dict[str, Callable[..., Expr]] = {}


def _rule(derivative: Callable[..., object] | None) -> Rule:
    """A user's derivative as a rule of a row."""
    if derivative is None:
        return no_slope

    def rule(node: Apply) -> Terms:
        first = argument(node)
        slope = operand(derivative(*node.arguments), "the derivative")
        if isinstance(slope, Expr) and slope.ndim not in (0, first.ndim):
            raise ShapeError(
                f"the derivative of {node.function.name} has {slope.ndim} axes, its argument "
                f"{first.ndim}"
            )
        return (stretched(slope, first)[0],)

    return rule
