"""JAX's primitives of linear algebra: products, factors, systems of equations, Fourier
transforms.
"""

from __future__ import annotations

from typing import Any

from .. import functions
from ..expression import Expr, add
from .jax_axes import numbers
from .jax_table import Step, Value, expression, product, reads


@reads("dot_general", "jnp.einsum('ij,ik->jk', x, x)")
def _contracted(step: Step, x: Value, y: Value) -> Expr:
    (summed_x, summed_y), (batch_x, batch_y) = step.params["dimension_numbers"]
    a, b = expression(x), expression(y)
    of_a: list[int] = list(range(a.ndim))
    of_b: list[int] = list(range(a.ndim, a.ndim + b.ndim))
    pairs = zip(
        (*numbers(summed_x), *numbers(batch_x)),
        (*numbers(summed_y), *numbers(batch_y)),
        strict=True,
    )
    for p, q in pairs:
        of_b[q] = of_a[p]
    batch = [of_a[p] for p in numbers(batch_x)]
    tied = {of_a[p] for p in numbers(summed_x)} | set(batch)
    output = [*batch, *[x for x in (*of_a, *of_b) if x not in tied]]
    return product([(a, of_a), (b, of_b)], output, step.shape)


# ---- factors and systems
@reads("cholesky", "jnp.linalg.cholesky(x @ x.T + jnp.eye(3))")
def _cholesky(_: Step, x: Value) -> Expr:
    return functions.cholesky(expression(x))


@reads(
    "triangular_solve",
    "jax.scipy.linalg.solve_triangular(x[:, :3] + 2 * jnp.eye(3), x, lower=True)",
)
def _triangular_solve(step: Step, a: Value, b: Value) -> Expr:
    import numpy as np

    matrix, right = expression(a), expression(b)
    lower = bool(step.params["lower"])
    if step.params["unit_diagonal"]:
        part = functions.tril(matrix, -1) if lower else functions.triu(matrix, 1)
        eye = expression(np.eye(step.shape_of(0)[-1]))
        shape = step.shape_of(0)
        rank = len(shape)
        one = product([(eye, (rank - 2, rank - 1))], range(rank), shape)
        triangle = add(part, one)
    else:
        triangle = functions.tril(matrix) if lower else functions.triu(matrix)
    if step.params["conjugate_a"]:
        triangle = functions.conj(triangle)
    inverse = functions.inv(triangle)
    rank = inverse.ndim
    lead = tuple(range(rank - 2))
    i, j, k = rank, rank + 1, rank + 2
    own = (j, i) if step.params["transpose_a"] else (i, j)
    if step.params["left_side"]:  # A⁻¹ B
        slots = [(inverse, (*lead, *own)), (right, (*lead, j, k))]
        return product(slots, (*lead, i, k), step.shape)
    # B A⁻¹
    slots = [(right, (*lead, k, i)), (inverse, (*lead, *own))]
    return product(slots, (*lead, k, j), step.shape)


@reads(
    "custom_linear_solve",
    "jnp.linalg.solve(x[:, :3] + 2 * jnp.eye(3), x)",
    calls=True,
    says="whose map is the product with a matrix",
)
def _linear_solve(step: Step, *values: Value) -> list[Value]:
    lengths = step.params["const_lengths"]
    jaxprs = step.params["jaxprs"]
    count = len(step.outputs)
    if count != 1:
        raise step.refused("it solves for several arrays at once: solve for one")
    right = expression(values[-1])
    constants = list(values[: lengths.matvec])
    matrix, axis = _matrix_of(step, jaxprs.matvec, constants)
    # Σ_j A[i, j] x[…, j, …] = b[…, i, …]
    inverse = functions.inv(matrix)
    rank, lead = right.ndim, inverse.ndim - 2
    of_b = list(range(rank))
    of_b[axis] = rank
    slots = [(inverse, (*range(lead), axis, rank)), (right, of_b)]
    return [product(slots, range(rank), step.shape)]


def _matrix_of(step: Step, matvec: Any, constants: list[Value]) -> tuple[Expr, int]:
    """The matrix whose product a linear map is, and the axis of what is mapped along which it is.
    The axes before the last two of a stack of them are the first of what is mapped.
    """
    way_round = "its map is more than one product with a matrix: solve with jnp.linalg.solve"
    jaxpr = matvec.jaxpr
    (variable,) = jaxpr.invars[len(constants) :]
    known = dict(zip(jaxpr.invars, constants, strict=False))
    order = list(range(len(variable.aval.shape)))  # of the output: which of its axes stands where
    found: tuple[Value, int, list[int]] | None = None
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name == "dot_general" and found is None:
            found = _product_with(step, equation, variable, known, way_round)
            order = found[2]
        elif name == "transpose" and found is not None:
            order = [order[p] for p in equation.params["permutation"]]
        elif name not in ("reduce_sum", "squeeze"):
            raise step.refused(way_round)
    if found is None or order != list(range(len(order))):
        raise step.refused(way_round)
    return expression(found[0]), found[1]


def _product_with(
    step: Step, equation: Any, variable: Any, known: dict[Any, Value], way_round: str
) -> tuple[Value, int, list[int]]:
    """The matrix of a product, the axis along which it is, and for each axis of the product that of
    the variable it takes the place of.
    """
    (summed, batch) = equation.params["dimension_numbers"]
    first, second = equation.invars
    is_second = second is variable
    other = first if is_second else second
    if other not in known or len(summed[0]) != 1:
        raise step.refused(way_round)
    (own,) = numbers(summed[1] if is_second else summed[0])
    (row,) = numbers(summed[0] if is_second else summed[1])
    own_batch = numbers(batch[1] if is_second else batch[0])
    other_batch = numbers(batch[0] if is_second else batch[1])
    rank = len(other.aval.shape)
    is_plain = own_batch == other_batch == tuple(range(rank - 2)) and row in (rank - 2, rank - 1)
    if not is_plain:
        raise step.refused(way_round)
    matrix = expression(known[other])
    if row == rank - 2:
        matrix = functions.swapaxes(matrix, -1, -2)
    free = [p for p in range(len(variable.aval.shape)) if p != own and p not in own_batch]
    order = [*own_batch, own, *free] if is_second else [*own_batch, *free, own]
    return matrix, own, order


@reads("fft", "jnp.fft.fft(x).real + jnp.fft.fft(x).imag")
def _fourier(step: Step, x: Value) -> Expr:
    kind = str(step.params["fft_type"]).rpartition(".")[2].upper()
    lengths = numbers(step.params["fft_lengths"])
    names = {"0": "FFT", "1": "IFFT", "2": "RFFT", "3": "IRFFT"}
    kind = names.get(kind, kind)
    axes = range(-len(lengths), 0)
    calls = {
        "FFT": functions.fftn,
        "IFFT": functions.ifftn,
        "RFFT": functions.rfftn,
        "IRFFT": functions.irfftn,
    }
    return calls[kind](expression(x), lengths, axes)
