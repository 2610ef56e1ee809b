"""Operations of ``jax.lax``, ``jax.numpy.linalg``, ``jax.scipy``, read by ``ed.from_jax`` and
judged by JAX's own derivatives.

::

    python -m bench.jax_operations                             # the table, printed
    python -m bench.jax_operations --page docs/jax_operations.md

The operations are those that JAX's own tests of derivatives go through (``lax_autodiff_test.py``
and ``linalg_test.py``), each written here as a function of an array x at random points. The value,
the gradient of a weighted sum and the gradient of that along a direction are compared to 1e-7 of
the largest entry.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import einderiv as ed

TOLERANCE = 1e-7

Shape = tuple[int, ...]
#: x is drawn between these
UNIT, WIDE, ABOVE = (0.2, 0.8), (-2.0, 2.0), (1.2, 3.0)


@dataclass(frozen=True)
class Operation:
    """An operation as a function of x."""

    text: str
    between: tuple[float, float] = UNIT
    shape: Shape = (3, 4)


def _entries(between: tuple[float, float], *names: str) -> list[Operation]:
    return [Operation(f"lax.{name}(x)", between) for name in names]


def _matrices(*texts: str, shape: Shape = (3, 3)) -> list[Operation]:
    return [Operation(text, UNIT, shape) for text in texts]


#: positive definite, and regular
_DEFINITE, _REGULAR = "(x @ x.T + jnp.eye(3))", "(x + 2 * jnp.eye(3))"

OPERATIONS: dict[str, list[Operation]] = {
    "Functions of entries": [
        *_entries(WIDE, "neg", "floor", "ceil", "round", "sign", "exp", "exp2", "expm1", "square"),
        *_entries(WIDE, "sin", "cos", "sinh", "cosh", "tanh", "atan", "asinh", "erf", "erfc"),
        *_entries(WIDE, "logistic", "abs", "bessel_i0e", "bessel_i1e"),
        *_entries(UNIT, "log", "log1p", "sqrt", "rsqrt", "cbrt", "tan", "asin", "acos", "atanh"),
        *_entries(UNIT, "erf_inv", "reciprocal"),
        *_entries(ABOVE, "acosh", "lgamma", "digamma"),
        Operation("lax.is_finite(x) * x"),
        Operation("lax.real(lax.complex(x, x) ** 2)"),
        Operation("lax.imag(lax.complex(x, x) ** 2)"),
        Operation("lax.conj(lax.complex(x, x)).imag"),
        Operation("lax.abs(lax.complex(x, 2 * x))"),
        Operation("lax.integer_pow(x, 3)"),
        Operation("lax.reduce_precision(x, 11, 52)"),
        Operation("lax.nextafter(x, x)"),
        Operation("lax.convert_element_type(x, complex).real"),
    ],
    "Functions of two arrays": [
        Operation("lax.add(x, 2 * x)"),
        Operation("lax.sub(x, x * x)"),
        Operation("lax.mul(x, x)"),
        Operation("lax.div(x, 1 + x)"),
        Operation("lax.pow(x, 1 + x)"),
        Operation("lax.rem(5 * x, x + 0.1)"),
        Operation("lax.max(x, 1 - x)"),
        Operation("lax.min(x, 1 - x)"),
        Operation("lax.atan2(x, 1 + x)"),
        Operation("lax.igamma(1.5, x)"),
        Operation("lax.igammac(1.5, x)"),
        Operation("lax.igamma(x, 1.5)"),
        Operation("lax.betainc(1.5, 2.5, x)"),
        Operation("lax.zeta(2.0 + x, 1.5)"),
        Operation("lax.polygamma(1.0, x)"),
        Operation("lax.clamp(0.3, x, 0.6)"),
        Operation("lax.select(x > 0.5, x, x * x)"),
    ],
    "Products": [
        Operation("lax.dot(x, x.T)"),
        Operation("lax.dot_general(x, x, (((1,), (1,)), ((0,), (0,))))"),
        Operation("lax.batch_matmul(x, x.mT)", UNIT, (2, 3, 4)),
        Operation("lax.conv(x[None, None], x[None, None, :2, :2], (1, 1), 'SAME')"),
        Operation(
            "lax.conv_general_dilated(x[None, None], x[None, None, :2, :2], (2, 1), "
            "((1, 0), (2, 1)), (1, 2), (1, 1))"
        ),
        Operation(
            "lax.conv_transpose(x[None, None], x[None, None, :2, :2], (2, 2), 'SAME', "
            "dimension_numbers=('NCHW', 'OIHW', 'NCHW'))"
        ),
    ],
    "Shapes and places": [
        Operation("lax.broadcast(x, (2,))"),
        Operation("lax.broadcast_in_dim(x, (3, 2, 4), (0, 2))"),
        Operation("lax.reshape(x, (2, 6))"),
        Operation("lax.squeeze(x[None], (0,))"),
        Operation("lax.transpose(x, (1, 0))"),
        Operation("lax.rev(x, (0, 1))"),
        Operation("lax.pad(x, 0.5, ((1, 2, 1), (-1, 0, 0)))"),
        Operation("lax.concatenate([x, x * x], 1)"),
        Operation("lax.slice(x, (0, 1), (3, 4), (2, 1))"),
        Operation("lax.dynamic_slice(x, (1, 2), (2, 2))"),
        Operation("lax.dynamic_update_slice(x, x[:1, :2] * 3, (1, 1))"),
        Operation("lax.dynamic_slice(x, (jnp.argmax(x[:, 0]), 0), (1, 4))"),
        Operation("lax.index_take(x, (np.array([0, 2, 0]),), (0,))"),
        Operation("x[np.array([0, 2]), np.array([1, 1])]"),
        Operation("x.at[np.array([0, 2, 0])].add(x)"),
        Operation("x.at[np.array([0, 2])].set(x[:2] ** 2)"),
        Operation("x.at[np.array([0, 2])].multiply(x[:2])"),
        Operation("x.at[np.array([0, 2])].max(x[1:])"),
        Operation("x.at[np.array([0, 2])].min(x[1:])"),
        Operation("x.at[np.array([0, 2])].apply(jnp.sin)"),
        Operation("x * lax.iota(float, 4)"),
    ],
    "Reductions, windows, order": [
        Operation("jnp.sum(x, 0)"),
        Operation("jnp.prod(x, 1)"),
        Operation("jnp.max(x, 1)"),
        Operation("jnp.min(x, 0)"),
        Operation("lax.reduce(x, 0.0, lax.add, (0,))"),
        Operation("lax.reduce(x, -jnp.inf, lax.max, (0,))"),
        Operation("lax.reduce(x, 1.0, lax.mul, (1,))"),
        Operation("lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 1), 'VALID')"),
        Operation("lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (1, 2), 'SAME')"),
        Operation("lax.reduce_window(x, jnp.inf, lax.min, (2, 2), (1, 1), 'VALID')"),
        Operation("lax.reduce_window(x, 1.0, lax.mul, (2, 2), (1, 1), 'VALID')"),
        Operation("lax.cumsum(x, 0)"),
        Operation("lax.cumprod(x, 1)"),
        Operation("lax.cummax(x, 1)"),
        Operation("lax.cummin(x, 1)"),
        Operation("lax.cumlogsumexp(x, 1)"),
        Operation("lax.sort(x, dimension=1)"),
        Operation("lax.sort((x, x * x), dimension=1, num_keys=1)[1]"),
        Operation("lax.sort((x, x * x), dimension=1, num_keys=2)[1]"),
        Operation("lax.top_k(x, 2)[0]"),
        Operation("lax.associative_scan(lax.mul, x)"),
    ],
    "Calls and loops": [
        Operation("lax.cond(jnp.sum(x) > 3, jnp.sin, jnp.cos, x)"),
        Operation("lax.switch(1, [jnp.sin, jnp.cos], x)"),
        Operation("lax.scan(lambda c, r: (c * r, c), x[0], x)[1]"),
        Operation("lax.fori_loop(0, 3, lambda i, c: c * jnp.sin(c), x)"),
        Operation("lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0, x))[1]"),
        Operation("lax.map(jnp.sum, x)"),
        Operation("jax.checkpoint(jnp.sin)(x)"),
        Operation(
            "lax.custom_root(lambda y: y**3 - x, x, lambda f, y: x ** (1 / 3), "
            "lambda g, y: y / g(jnp.ones_like(y)))"
        ),
        Operation("lax.custom_linear_solve(lambda v: 2 * v, x, lambda f, v: v / 2)"),
        Operation("lax.stop_gradient(x) * x"),
    ],
    "jax.numpy.linalg": [
        *_matrices(
            f"jnp.linalg.cholesky({_DEFINITE})",
            f"jnp.linalg.det({_REGULAR})",
            f"jnp.linalg.slogdet({_REGULAR})[1]",
            f"jnp.linalg.inv({_REGULAR})",
            f"jnp.linalg.solve({_REGULAR}, x)",
            "jnp.linalg.eigvalsh(x + x.T)",
            "jnp.linalg.eigh(x + x.T)[1] ** 2",
            "jnp.linalg.eigvals(x).real",
            "jnp.linalg.svdvals(x)",
            "jnp.abs(jnp.linalg.svd(x)[0])",
            "jnp.linalg.qr(x)[1] ** 2",
            "jnp.linalg.norm(x)",
            "jnp.linalg.norm(x, 'nuc')",
            "jnp.linalg.norm(x, 2)",
            "jnp.linalg.norm(x, 1)",
            "jnp.linalg.norm(x, jnp.inf)",
            "jnp.linalg.norm(x, axis=1)",
            "jnp.linalg.norm(x, 3, axis=1)",
            "jnp.linalg.cond(x)",
            "jnp.linalg.matrix_power(x, 3)",
            "jnp.linalg.multi_dot([x, x.T, x])",
            "jnp.linalg.cross(x, x * x)",
            "jnp.linalg.outer(x[0], x[1])",
            "jnp.linalg.trace(x)",
            f"jnp.linalg.tensorsolve({_REGULAR}, x[0])",
            f"jnp.linalg.tensorinv({_REGULAR}, ind=1)",
        ),
        *_matrices("jnp.linalg.pinv(x)", "jnp.linalg.lstsq(x, x[:, 0])[0]", shape=(4, 2)),
    ],
    "jax.scipy": _matrices(
        f"jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor({_DEFINITE}), x)",
        f"jax.scipy.linalg.solve_triangular({_REGULAR}, x, lower=True)",
        f"lax.linalg.triangular_solve({_REGULAR}, x, left_side=False, transpose_a=True)",
        f"jax.scipy.linalg.lu({_REGULAR})[2]",
        f"jax.scipy.linalg.lu_solve(jax.scipy.linalg.lu_factor({_REGULAR}), x)",
        "jax.scipy.linalg.expm(x)",
        f"jax.scipy.linalg.sqrtm({_DEFINITE}).real",
        "jax.scipy.linalg.block_diag(x, x * x)",
        "jax.scipy.linalg.toeplitz(x[0])",
        "jax.scipy.linalg.polar(x)[0]",
        "lax.linalg.schur(x)[0]",
        "lax.linalg.hessenberg(x)[0]",
        "lax.linalg.tridiagonal_solve(x[0], 3 + x[1], x[2], x)",
        "jax.scipy.special.logsumexp(x, 1)",
        "jax.scipy.special.xlogy(x, x)",
        "jax.scipy.special.ndtri(x)",
        "jax.scipy.special.betaln(x, x + 1)",
        "jax.scipy.special.gamma(x)",
        "jax.scipy.special.log_ndtr(x)",
        "jax.scipy.stats.norm.logcdf(x)",
        "jax.scipy.stats.t.logpdf(x, 3.0)",
        "jax.scipy.stats.multivariate_normal.logpdf(x[0], x[1], jnp.eye(3) + 0.1)",
        "jax.scipy.signal.convolve(x, x, mode='same')",
        "jnp.fft.fft(x).real",
        "jnp.fft.irfft(jnp.fft.rfft(x))",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of an operation: the primitives that it consists of, the orders that are right,
    and what is to be said.
    """

    primitives: str
    orders: str
    said: str
    wrong: bool = False


def judged(operation: Operation) -> Verdict:
    """Value, first and second derivative beside JAX's."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    random = np.random.default_rng(5)
    names = {"jax": jax, "jnp": jnp, "lax": lax, "np": np}
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f = eval(f"lambda x: {operation.text}", names)
        x = jnp.asarray(random.uniform(*operation.between, operation.shape))
        own = "`, `".join(_primitives(jax, jax.make_jaxpr(f)(x).jaxpr))
        try:
            e = ed.from_jax(f, operation.shape, verify=False)
        except ed.EinderivError as error:
            return Verdict(own, "refused", str(error).splitlines()[0])
        tensor = ed.tensor("x", operation.shape)
        value = f(x)
        weights = random.uniform(1, 2, value.shape)
        direction = random.uniform(1, 2, x.shape)

        def theirs(at: Any) -> Any:
            return jnp.sum(weights * f(at))

        def along(at: Any) -> Any:
            return jax.jvp(theirs, (at,), (direction,))[1]

        total = ed.sum(e * weights) if e.ndim else e * weights
        levels: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
            (lambda: e, lambda: value),
            (lambda: ed.grad(total, tensor), lambda: jax.grad(theirs)(x)),
            (
                lambda: ed.grad(ed.jvp(total, tensor, direction), tensor),
                lambda: jax.grad(along)(x),
            ),
        ]
        right: list[str] = []
        for order, (ours, wanted) in enumerate(levels):
            outcome = _compared(ours, wanted, x)
            if outcome == "unknown":
                return Verdict(own, ", ".join(right), f"JAX has no derivative of order {order}")
            if outcome:
                said = f"order {order}: {outcome}"
                return Verdict(own, ", ".join(right), said, wrong=outcome.startswith("differs"))
            right.append(str(order))
    return Verdict(own, ", ".join(right), "")


def _compared(ours: Callable[[], Any], wanted: Callable[[], Any], x: Any) -> str:
    """Nothing where both are equal, else what is to be said."""
    try:
        expected = np.asarray(wanted())
    except Exception:  # JAX has as many kinds of errors as rules that are missing
        return "unknown"
    try:
        found = ed.evaluate(ours(), {"x": np.asarray(x)})
    except ed.EinderivError as error:
        return str(error).splitlines()[0]
    scale = np.abs(expected).max(initial=1)
    if not np.isfinite(expected).all():
        return "unknown"
    far = np.abs(found - expected).max(initial=0)
    return "" if far <= TOLERANCE * scale else f"differs by {far:.1e}"


def _primitives(jax: Any, jaxpr: Any) -> list[str]:
    """The names of all primitives, in order of appearance, those inside of calls too."""
    found: dict[str, None] = {}
    waiting = [jaxpr]
    while waiting:
        for equation in waiting.pop(0).eqns:
            found[equation.primitive.name] = None
            leaves = jax.tree_util.tree_leaves(
                list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns")
            )
            inner = [getattr(leaf, "jaxpr", leaf) for leaf in leaves]
            waiting += [leaf for leaf in inner if hasattr(leaf, "eqns")]
    return list(found)


HEAD = """# Operations of JAX, judged by JAX

The operations that JAX's own tests of derivatives go through, `lax_autodiff_test.py` and
`linalg_test.py`, read by [`ed.from_jax`](howto_jax.md) and compared with JAX at random points:
value, gradient, and the gradient along a direction. *Orders* are those that are equal to 1e-7.
`python -m bench.jax_operations --page docs/jax_operations.md` writes this page;
[what each primitive is read as](jax_primitives.md)."""


def page(verdicts: dict[str, list[tuple[Operation, Verdict]]]) -> Iterator[str]:
    """The page, line by line."""
    yield from HEAD.splitlines()
    everything = [verdict for rows in verdicts.values() for _, verdict in rows]
    refused = sum(verdict.orders == "refused" for verdict in everything)
    wrong = sum(verdict.wrong for verdict in everything)
    right = sum(not verdict.said for verdict in everything)
    yield ""
    yield (
        f"Of {len(everything)} operations {right} are right to order 2, {refused} are refused, "
        f"{wrong} are wrong; of the rest the table says how far they go."
    )
    for title, rows in verdicts.items():
        yield from ("", f"## {title}", "")
        yield "| operation | primitives | orders | |"
        yield "|---|---|---|---|"
        for operation, verdict in rows:
            text, said = (part.replace("|", "\\|") for part in (operation.text, verdict.said))
            yield f"| `{text}` | `{verdict.primitives}` | {verdict.orders} | {said} |"


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 if a derivative is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.jax_operations", description=__doc__)
    parser.add_argument("--page", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    verdicts = {
        title: [(operation, judged(operation)) for operation in rows]
        for title, rows in OPERATIONS.items()
    }
    lines = list(page(verdicts))
    if options.page:
        options.page.write_text("\n".join(lines) + "\n")
    else:
        print("\n".join(lines))
    return int(any([verdict.wrong for rows in verdicts.values() for _, verdict in rows]))


if __name__ == "__main__":
    sys.exit(main())
