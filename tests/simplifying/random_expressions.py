"""Random expressions of every kind of function, and arrays that may be negative, zero, whole, or of no entries.

Vectors go along i, matrices along i and i, so that all of them fit each other at every size.
"""

import einderiv as ed

E = ed.tensor
s = E("s", "")
x, y = E("x", "i"), E("y", "i")
K, Q = E("K", "ii"), E("Q", "ii")
S, R = E("S", "ii", symmetric=True), E("R", "ii", symmetric=True)
POWERS = (2, 3, -1, -2, 2.0, 0.5, 1.5, -0.5, -1.5)


def number(rng, depth):
    """A number."""
    if depth <= 0:
        return rng.choice((s, x @ y, ed.sum(x), ed.trace(K)))
    u, M = vector(rng, depth - 1), matrix(rng, depth - 1)
    return rng.choice(
        (
            lambda: ed.sum(u),
            lambda: ed.mean(u),
            lambda: u @ S @ u,
            lambda: u @ vector(rng, depth - 1),
            lambda: ed.trace(M),
            lambda: ed.sum(M),
            lambda: ed.det(M),
            lambda: ed.logdet(M),
            lambda: ed.logsumexp(u, 0),
            lambda: ed.log(1 + ed.exp(ed.mean(u))),
            lambda: ed.norm(u),
            lambda: ed.norm(u) ** 2,
            lambda: ed.max(u),
            lambda: number(rng, depth - 1) ** rng.choice(POWERS),
            lambda: number(rng, depth - 1) / number(rng, depth - 1),
            lambda: number(rng, depth - 1) - rng.choice((1, 2, 0.5)) * number(rng, depth - 1),
            lambda: number(rng, depth - 1) * number(rng, depth - 1),
        )
    )()


def vector(rng, depth):
    """A vector along i."""
    if depth <= 0:
        return rng.choice((x, y, x, y, ed.diag(K)))
    u = vector(rng, depth - 1)
    return rng.choice(
        (
            lambda: ed.exp(rng.choice((1, -1, -0.5)) * u),
            lambda: ed.tanh(u),
            lambda: ed.sigmoid(u),
            lambda: ed.softmax(u, axis=0),
            lambda: ed.log_softmax(u, axis=0),
            lambda: ed.sqrt(u),
            lambda: ed.sqrt(u**2),
            lambda: ed.abs(u),
            lambda: ed.log(1 + ed.exp(-u)),
            lambda: u ** rng.choice(POWERS),
            lambda: u / vector(rng, depth - 1),
            lambda: u - ed.mean(u),
            lambda: u / ed.norm(u),
            lambda: ed.layer_norm(u, "i"),
            lambda: ed.relu(u),
            lambda: ed.where(ed.greater(u, 0), vector(rng, depth - 1), u),
            lambda: ed.maximum(u, vector(rng, depth - 1)),
            lambda: ed.flip(u),
            lambda: ed.cumsum(u),
            lambda: ed.roll(u, rng.choice((1, -1))),
            lambda: u * vector(rng, depth - 1),
            lambda: u + rng.choice((1, -1, -2, 0.5)) * vector(rng, depth - 1),
            lambda: number(rng, depth - 1) * u,
            lambda: u + number(rng, depth - 1),
            lambda: matrix(rng, depth - 1) @ u,
            lambda: ed.diag(matrix(rng, depth - 1)),
            lambda: ed.sum(matrix(rng, depth - 1), axis=rng.choice((0, 1))),
            lambda: ed.solve(matrix(rng, depth - 1), u),
        )
    )()


def matrix(rng, depth):
    """A matrix along i and i."""
    if depth <= 0:
        return rng.choice((K, Q, S, R, K.T))
    M = matrix(rng, depth - 1)
    return rng.choice(
        (
            lambda: M @ M.T,
            lambda: ed.inv(M),
            lambda: ed.inv(M.T @ M),
            lambda: ed.inv(M) @ M @ matrix(rng, depth - 1),
            lambda: ed.adj(M),
            lambda: ed.adj(M) / ed.det(M),
            lambda: M.T,
            lambda: M + rng.choice((1, -1, -2)) * matrix(rng, depth - 1).T,
            lambda: M @ matrix(rng, depth - 1),
            lambda: M * matrix(rng, depth - 1),
            lambda: M / (1 + M * M),
            lambda: ed.softmax(M, axis=rng.choice((0, 1))),
            lambda: ed.tanh(M),
            lambda: ed.diag(vector(rng, depth - 1)),
            lambda: ed.outer(vector(rng, depth - 1), vector(rng, depth - 1)),
            lambda: number(rng, depth - 1) * M,
            lambda: M - ed.mean(M, axis=0),
            lambda: ed.matrix_power(M, rng.choice((2, 3))),
            lambda: M[::-1],
        )
    )()


def whole_matrix(rng, depth):
    """A matrix of whole numbers where its tensors are."""
    if depth <= 0:
        return rng.choice((K, S, Q, R))
    M, N = whole_matrix(rng, depth - 1), whole_matrix(rng, depth - 1)
    u, v = whole_vector(rng, depth - 1), whole_vector(rng, depth - 1)
    return rng.choice(
        (
            lambda: M @ N,
            lambda: M + N,
            lambda: M * N,
            lambda: M.T,
            lambda: M - 2 * N.T,
            lambda: 3 * M,
            lambda: M @ N @ M.T,
            lambda: ed.outer(u, v),
            lambda: ed.diag(u),
            lambda: ed.trace(M) * N,
            lambda: M[::-1],
            lambda: ed.einsum("ij,j->ij", M, u),
            lambda: ed.matrix_power(M, 2),
        )
    )()


def whole_vector(rng, depth):
    if depth <= 0:
        return rng.choice((x, y))
    u, v = whole_vector(rng, depth - 1), whole_vector(rng, depth - 1)
    return rng.choice(
        (
            lambda: u + v,
            lambda: u * v,
            lambda: u - 3 * v,
            lambda: u**2,
            lambda: whole_matrix(rng, depth - 1) @ u,
            lambda: (u @ v) * u,
            lambda: u + ed.sum(v),
            lambda: ed.diag(whole_matrix(rng, depth - 1)),
            lambda: ed.flip(u),
            lambda: ed.cumsum(u),
            lambda: ed.maximum(u, v),
            lambda: ed.where(ed.greater(u, v), u, 0 * v),
            lambda: ed.relu(u),
            lambda: s * u,
        )
    )()


def derived(e, rng):
    """`e`, its derivative, or one of that."""
    names = sorted(ed.compile(e).tensors)
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        if e.ndim > 2 or not names:
            break
        e = ed.derive(e, rng.choice(names))
    return e


def random_expression(rng):
    kind = rng.choice((number, number, number, vector, matrix))
    return derived(kind(rng, rng.choice((1, 2, 2, 3))), rng)


def whole_expression(rng):
    e = rng.choice((whole_matrix, whole_vector))(rng, rng.choice((1, 2, 2, 3)))
    if rng.random() < 0.3:
        e = ed.trace(e) if e.ndim == 2 else ed.sum(e)
    return derived(e, rng)


def arrays_for(names, rng, *, whole):
    """Arrays of one size for all axes: of either sign, positive, with zeros, or of zeros."""
    n = int(rng.choice((0, 1, 2, 3, 3, 3)))
    kind = rng.choice(("signed", "signed", "signed", "positive", "zeros", "zero"))
    found = {}
    for name, rank in names.items():
        shape = (n,) * rank
        if whole:
            a = rng.integers(-3, 4, shape)
        else:
            a = rng.uniform(-1.5, 1.5, shape)
        if kind == "positive":
            a = abs(a) + (1 if whole else 0.3)
        if kind == "zeros":
            a = a * rng.integers(0, 2, shape)
        if kind == "zero":
            a = a * 0
        if name in ("S", "R"):
            a = a + a.T
        found[name] = a
    return found
