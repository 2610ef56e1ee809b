"""Expressions that between them have every row of the table and every kind of step, with arrays to evaluate them at.

What a backend computes of them is compared with NumPy.
"""

import numpy as np

import einderiv as ed
from einderiv.functions.table import ADDED, FUNCTIONS, apply

X, Y, T, A, B = (
    ed.tensor(n, axes)
    for n, axes in (("X", "ij"), ("Y", "ij"), ("T", "ijk"), ("A", "mp"), ("B", "ncd"))
)
S, b, x, s = ed.tensor("S", "qq"), ed.tensor("b", "mr"), ed.tensor("x", "h"), ed.tensor("s")
SHAPES = dict(
    X=(2, 3), Y=(2, 3), T=(2, 3, 4), A=(3, 3), B=(2, 3, 3), S=(3, 3), b=(3, 2), x=(3,), s=()
)
PARAMETERS = {
    "power": (2.5,),
    "pow_slope": (1, 1),
    "leaky_relu": (0.2,),
    "elu": (0.7,),
    "polygamma": (2,),
    "bessel_i": (2,),
    "spherical_bessel": (1,),
}


def arrays(e, seed=0, domain=(0.3, 1.3), dtype=float):
    """Arrays for the tensors that `e` needs; square matrices are far from singular."""
    names, rng = ed.compile(e).inputs, np.random.default_rng(seed)
    found = {n: np.asarray(rng.uniform(*domain, SHAPES[n])) for n in SHAPES}
    return {n: (found[n] + 2 * np.eye(3) if n in "ABS" else found[n]).astype(dtype) for n in names}


ELEMENTWISE = {
    name: (
        lambda name=name, row=row: apply(
            name, (X, Y, X * Y)[: len(row.derivatives)], 0, PARAMETERS.get(name, ())
        )
    )
    for name, row in FUNCTIONS.items()
    if not row.core and name not in ADDED and name != "modulus"
}
OTHERS = {
    "where, a number":   lambda: ed.where(ed.greater(X, 1), 0.5, Y),
    "maximum, a number": lambda: ed.maximum(X, 0.8),
    "clip":              lambda: ed.clip(X, 0.5, 1),
    "gelu, tanh":        lambda: ed.gelu(X, approximate=True),
    "power, negative":   lambda: X**-3,
    "power, whole":      lambda: apply("power", X, 0, (4,)),
    "softmax":           lambda: ed.softmax(T),
    "softmax, 0":        lambda: ed.softmax(T, 0),
    "softmax, two":      lambda: ed.softmax(T, (0, 2)),
    "log_softmax":       lambda: ed.log_softmax(T, (0, 2)),
    "logsumexp":         lambda: ed.logsumexp(T),
    "logsumexp, 1":      lambda: ed.logsumexp(T, 1),
    "cross_entropy":     lambda: ed.cross_entropy(X, Y),
    "layer_norm":        lambda: ed.layer_norm(X),
    "max":               lambda: ed.max(T, (0, 2)),
    "max, all":          lambda: ed.max(X),
    "min":               lambda: ed.min(X, 0),
    "max, ties":         lambda: ed.max(ed.outer(X, [1.0, 1.0]), (1, 2)),
    "prod":              lambda: ed.prod(X, 0),
    "prod, all":         lambda: ed.prod(X),
    "var":               lambda: ed.var(X, 0),
    "norm":              lambda: ed.norm(T, axis=1),
    "mean":              lambda: ed.mean(T, 1),
    "inv":               lambda: ed.inv(A),
    "inv, stacks":       lambda: ed.inv(B),
    "det":               lambda: ed.det(A),
    "det, stacks":       lambda: ed.det(B),
    "logdet":            lambda: ed.logdet(A),
    "logdet, stacks":    lambda: ed.logdet(B),
    "slogdet":           lambda: ed.slogdet(A)[0] * ed.trace(A),
    "adj":               lambda: ed.adj(A),
    "adj, stacks":       lambda: ed.adj(B),
    "pinv":              lambda: ed.pinv(X),
    "matrix_power":      lambda: ed.matrix_power(A, 4),
    "matrix_power, -2":  lambda: ed.matrix_power(B, -2),
    "cholesky":          lambda: ed.cholesky(A @ A.T),
    "tril":              lambda: ed.tril(ed.exp(A), -1),
    "triu":              lambda: ed.triu(ed.exp(B)),
    "expm":              lambda: ed.expm(A),
    "expm, stacks":      lambda: ed.expm(B),
    "vec":               lambda: ed.vec(ed.sin(X)),
    "unvec":             lambda: ed.unvec(ed.vec(X) * 2, X) * X,
    "kron":              lambda: ed.kron(X, Y),
    "solve":             lambda: ed.solve(A, b),
    "solve, a vector":   lambda: ed.solve(S, x),
    "solve, transposed": lambda: b.T @ ed.inv(A),
    "solve, stacks":     lambda: ed.einsum("nij,njk->nik", ed.inv(B), B),
    "solve, one right":  lambda: ed.einsum("nij,jk->nik", ed.inv(B), b),
    "solve, flipped":    lambda: ed.einsum("nij,nil->njl", ed.inv(B), B),
    "solve, vectors":    lambda: ed.einsum("nij,nj->ni", ed.inv(B), X),
    "solve, many":       lambda: ed.einsum("ij,nkj->nik", ed.inv(A), B),
    "inverse, entries":  lambda: ed.sum(ed.inv(A) * A),
    "modulus":           lambda: ed.norm(x),
    "a tensor":          lambda: X,
    "a transpose":       lambda: T.T,
    "a chain":           lambda: X @ A @ X.T,
    "all axes at once":  lambda: ed.einsum("ijk,ijk->", T, T),
    "batches":           lambda: ed.einsum("nij,njk->kni", B, B),
    "rows":              lambda: ed.einsum("ij,ij->i", X, Y),
    "two summed":        lambda: ed.einsum("ijk,ljk->il", T, T),
    "outer":             lambda: ed.einsum("ij,kl->lijk", X, Y),
    "trace":             lambda: ed.trace(A),
    "diagonal":          lambda: ed.diag(A),
    "diag":              lambda: ed.diag(x),
    "embedded twice":    lambda: ed.einsum("ij->ijij", X),
    "three times":       lambda: ed.einsum("i->iii", x),
    "overlapping":       lambda: ed.diag(x) + ed.einsum("i,j->ij", x, x) + ed.einsum("i->ij", x, sizes={"j": 3}) * 1,
    "broadcast":         lambda: ed.einsum("i->jik", x, sizes={"j": 2, "k": 4}),
    "a size":            lambda: ed.einsum("ij->i", ed.einsum("i->ij", x, sizes={"j": 5})),
    "numbers":           lambda: -2 * X + 0.5 - 1e-3 * X * X,
    "a large number":    lambda: 3 * 10**12 * X,
    "a scalar":          lambda: s * s + 1,
    "held":              lambda: ed.einsum("ij,j->i", X, np.array([1.0, 2.0, 3.0])),
    "residual":          lambda: ed.sum(x + A @ ed.tanh(x + A @ ed.tanh(x))),
}  # fmt: skip
SAMPLES = {**ELEMENTWISE, **OTHERS}
#: the arrays that samples hold, as their sources take them
HELD = {"held": {"array0": np.array([1.0, 2.0, 3.0])}, "max, ties": {"array0": np.ones(2)}}


def domain(name):
    """Where a sample is evaluated: where its function is smooth."""
    if name not in ELEMENTWISE:
        return (0.3, 1.3)
    low, high = FUNCTIONS[name].domain
    return (low + 0.05, high) if low >= 0 else (0.15, high)


def questions(name):
    """The sample, its Jacobians, and a gradient and a Hessian run backwards, each with arrays."""
    e = SAMPLES[name]()
    given = arrays(e, domain=domain(name))
    loss = ed.sum(ed.sin(e))
    for what in (
        e,
        *(ed.derive(e, n) for n in given),
        ed.value_and_grad(loss, list(given)),
        *(ed.hessian(loss, n) for n in list(given)[:1]),
    ):
        yield what, given


def flat(tree):
    return [a for part in tree for a in flat(part)] if isinstance(tree, (list, tuple)) else [tree]
