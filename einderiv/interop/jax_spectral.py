"""JAX's primitives of spectra: eigenvalues, singular values, orthogonal factors."""

from __future__ import annotations

from .. import functions
from ..expression import Expr
from .jax_table import Missing, Step, Value, expression, reads


@reads(
    "eigh",
    "jnp.sum(jnp.linalg.eigh(x @ x.T + jnp.diag(jnp.arange(3.0)))[1][0] ** 2 * jnp.arange(3.0))",
    says="all eigenvalues, in ascending order",
)
def _eigh(step: Step, x: Value) -> list[Expr]:
    if step.params.get("subset_by_index") is not None:
        raise step.refused("a part of the eigenvalues is asked for: take all, and slice them")
    values, vectors = functions.eigh(expression(x))
    return [vectors, values]


@reads("svd", "jnp.linalg.svd(x, full_matrices=False)[1]", says="the reduced factors")
def _svd(step: Step, x: Value) -> list[Value]:
    rows, columns = step.shape_of(0)[-2:]
    if step.params.get("subset_by_index") is not None:
        raise step.refused("a part of the singular values is asked for: take all, and slice them")
    e = expression(x)
    if not step.params["compute_uv"]:
        return [functions.svdvals(e)]
    if step.params["full_matrices"] and rows != columns:
        # The singular values are there, and the factors are refused where they are used.
        error = step.refused("full factors have no derivative: svd(x, full_matrices=False)")
        return [functions.svdvals(e), Missing(error), Missing(error)]
    factors = functions.svd(e)
    assert isinstance(factors, tuple), "with both factors"
    u, s, vt = factors
    return [s, u, vt]


@reads("qr", "jnp.linalg.qr(x.T)[1]", says="the reduced factors of a tall matrix")
def _qr(step: Step, x: Value) -> list[Expr]:
    rows, columns = step.shape_of(0)[-2:]
    if step.params.get("pivoting") or rows < columns:
        raise step.refused("it is no reduced factorisation of a tall matrix: take that of x.T")
    if step.params["full_matrices"] and rows != columns:
        raise step.refused("full factors have no derivative: jnp.linalg.qr(x)")
    q, r = functions.qr(expression(x))
    return [q, r]
