"""Models of JAX, read: the value, the gradients by all parameters and a Hessian product beside JAX's."""

import inspect

import numpy as np
import pytest

import einderiv as ed

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

# The arguments of each model are drawn by their shapes: inputs of the model, a pytree.
MASK = np.tril(np.ones((5, 5), bool))
IDS = np.array([[0, 3, 1], [4, 4, 2]])
ROWS, COLUMNS = np.array([0, 1, 1, 3, 2]), np.array([2, 0, 1, 1, 2])


def mlp(params, x, y):
    for W, b in params[:-1]:
        x = jnp.tanh(x @ W + b)
    W, b = params[-1]
    return jnp.mean((x @ W + b - y) ** 2)


def logistic(w, X, y):
    return jnp.mean(jax.nn.softplus(X @ w) - y * (X @ w))


def classifier(params, x):
    logits = jax.nn.gelu(x @ params["W1"] + params["b1"]) @ params["W2"]
    return -jnp.mean(jax.nn.log_softmax(logits)[np.arange(4), np.array([0, 2, 1, 2])])


def convolution(params, x):
    dims = ("NCHW", "OIHW", "NCHW")
    h = lax.conv_general_dilated(x, params["k1"], (1, 1), "SAME", dimension_numbers=dims)
    h = jax.nn.silu(h + params["b"][:, None, None])
    h = lax.conv_general_dilated(h, params["k2"], (2, 2), "VALID", dimension_numbers=dims)
    return jnp.sum(h.mean((2, 3)) ** 2)


def pooled(params, x):
    h = lax.conv_general_dilated(x, params["k"], (1, 1), "VALID")
    h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    h = lax.reduce_window(jnp.tanh(h), 0.0, lax.add, (1, 1, 2, 2), (1, 1, 1, 1), "SAME") / 4
    return jnp.sum(h.reshape(2, -1) @ params["W"])


def layer_norm(x, g, b):
    mean = x.mean(-1, keepdims=True)
    var = jnp.var(x, axis=-1, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * g + b


def normed(params, x):
    return jnp.sum(jnp.sin(layer_norm(x, params["g"], params["b"])))


def attention(params, x):
    q, k, v = (x @ params[name] for name in "qkv")
    scores = jnp.where(MASK, q @ k.T / jnp.sqrt(q.shape[-1]), -jnp.inf)
    return jnp.sum(jnp.tanh(jax.nn.softmax(scores, axis=-1) @ v))


def transformer(params, x):
    h = layer_norm(x, params["g1"], params["b1"])
    heads = {name: jnp.einsum("td,dhk->htk", h, params[name]) for name in "qkv"}
    scores = jnp.einsum("htk,hsk->hts", heads["q"], heads["k"]) / 2
    mixed = jnp.einsum("hts,hsk->htk", jax.nn.softmax(scores), heads["v"])
    x = x + jnp.einsum("htk,hkd->td", mixed, params["o"])
    h = layer_norm(x, params["g2"], params["b2"])
    return jnp.mean((x + jax.nn.gelu(h @ params["W1"]) @ params["W2"]) ** 2)


def gru(params, xs):
    def cell(h, x):
        z = jax.nn.sigmoid(x @ params["Wz"] + h @ params["Uz"])
        r = jax.nn.sigmoid(x @ params["Wr"] + h @ params["Ur"])
        n = jnp.tanh(x @ params["Wn"] + (r * h) @ params["Un"])
        return (1 - z) * n + z * h, h

    last, all_ = lax.scan(cell, jnp.zeros(3), xs)
    return jnp.sum(last**2) + jnp.sum(all_)


def lstm(params, xs):
    def cell(state, x):
        h, c = state
        i, f, g, o = jnp.split(x @ params["W"] + h @ params["U"] + params["b"], 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    _, hs = lax.scan(cell, (jnp.zeros(2), jnp.zeros(2)), xs)
    return jnp.sum(hs**2)


def embedding(params, y):
    vectors = params["E"][IDS].mean(1)
    logits = vectors @ params["W"]
    return jnp.sum(jax.scipy.special.logsumexp(logits, axis=1) - jnp.sum(logits * y, 1))


def gaussian_process(params, X, y):
    scaled = X / params["length"]
    distances = jnp.sum((scaled[:, None] - scaled[None]) ** 2, -1)
    K = jnp.exp(params["front"] - distances / 2) + 0.5 * jnp.eye(4)
    L = jnp.linalg.cholesky(K)
    alpha = jax.scipy.linalg.cho_solve((L, True), y)
    return y @ alpha / 2 + jnp.sum(jnp.log(jnp.diag(L)))


def kalman(params, ys):
    F, H = params["F"], params["H"]

    def step(state, y):
        m, P = state
        m, P = F @ m, F @ P @ F.T + jnp.eye(2)
        S = H @ P @ H.T + jnp.eye(1)
        K = jnp.linalg.solve(S, H @ P).T
        r = y - H @ m
        loss = r @ jnp.linalg.solve(S, r) + jnp.linalg.slogdet(S)[1]
        return (m + K @ r, P - K @ S @ K.T), loss

    return jnp.sum(lax.scan(step, (jnp.zeros(2), jnp.eye(2)), ys)[1])


def stencil(k, u):
    def step(_, u):
        inner = u[1:-1, 1:-1]
        around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        return u.at[1:-1, 1:-1].set(inner + k * (around - 4 * inner) - inner**3 / 10)

    return jnp.sum(lax.fori_loop(0, 3, step, u) ** 2)


def factorisation(U, V, t):
    residuals = jnp.sum(U[ROWS] * V[COLUMNS], 1) - t
    return jnp.sum(residuals**2) + 0.1 * jnp.sum(U**2)


def flow(params, x):
    log_det = 0.0
    for layer in params:
        a, b = x[:, :2], x[:, 2:]
        scale = jnp.tanh(a @ layer["s"])
        x = jnp.concatenate([b * jnp.exp(scale) + a @ layer["t"], a], axis=1)
        log_det = log_det + scale.sum(1)
    return -jnp.mean(jax.scipy.stats.norm.logpdf(x).sum(1) + log_det)


def radial(params, X, y):
    squares = jnp.sum((X[:, None] - params["c"]) ** 2, -1)
    return jnp.mean((jnp.exp(-jax.nn.softplus(params["w"]) * squares) @ params["a"] - y) ** 2)


def ode(theta, x):
    def field(x):
        return jnp.stack([x[1], -theta[0] * jnp.sin(x[0]) - theta[1] * x[1]])

    def step(_, x):
        half = x + 0.05 * field(x)
        return x + 0.1 * field(half)

    return jnp.sum(lax.fori_loop(0, 6, step, x) ** 2)


def autoencoder(params, x, noise):
    h = jnp.tanh(x @ params["enc"])
    mean, log_var = h @ params["mean"], h @ params["var"]
    z = mean + jnp.exp(log_var / 2) * noise
    logits = jnp.tanh(z @ params["dec"]) @ params["out"]
    reconstruction = jnp.sum(jnp.logaddexp(logits, 0.0) - jax.nn.sigmoid(x) * logits)
    return reconstruction - jnp.sum(1 + log_var - mean**2 - jnp.exp(log_var)) / 2


def physics(params, x):
    def u(t):
        return jnp.sum(jnp.tanh(t * params["W"] + params["b"]) * params["a"])

    residual = jax.vmap(lambda t: jax.grad(jax.grad(u))(t) + u(t))
    return jnp.mean(residual(x) ** 2)


def graph(params, X, A):
    degrees = A.sum(1, keepdims=True)
    h = jax.nn.leaky_relu((A / degrees) @ X @ params["W1"] - 0.1)
    return jnp.sum(jax.nn.log_softmax(A @ h @ params["W2"])[:, 0])


def whiten(x):
    centred = x - x.mean(0)
    covariance = centred.T @ centred / 5 + jnp.eye(3)
    return jnp.sum(
        jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(covariance), centred.T, lower=True)
        ** 3
    )


def spectrum(x, w):
    return jnp.sum(jnp.abs(jnp.fft.rfft(x * w)) ** 2) + jnp.sum(jnp.cumsum(x) * w)


MODELS = [
    (mlp, [[((3, 4), (4,)), ((4, 4), (4,)), ((4, 2), (2,))], (5, 3), (5, 2)]),
    (logistic, [(3,), (6, 3), (6,)]),
    (classifier, [{"W1": (3, 4), "b1": (4,), "W2": (4, 3)}, (4, 3)]),
    (convolution, [{"k1": (3, 2, 3, 3), "b": (3,), "k2": (2, 3, 2, 2)}, (2, 2, 5, 5)]),
    (pooled, [{"k": (2, 1, 2, 2), "W": (8, 2)}, (2, 1, 5, 5)]),
    (normed, [{"g": (4,), "b": (4,)}, (3, 4)]),
    (attention, [{"q": (3, 2), "k": (3, 2), "v": (3, 2)}, (5, 3)]),
    (transformer, [{"g1": (4,), "b1": (4,), "g2": (4,), "b2": (4,), "q": (4, 2, 2), "k": (4, 2, 2),
                    "v": (4, 2, 2), "o": (2, 2, 4), "W1": (4, 5), "W2": (5, 4)}, (3, 4)]),
    (gru, [{n: (2, 3) if n[0] == "W" else (3, 3) for n in ("Wz", "Wr", "Wn", "Uz", "Ur", "Un")}, (3, 2)]),
    (lstm, [{"W": (3, 8), "U": (2, 8), "b": (8,)}, (3, 3)]),
    (embedding, [{"E": (5, 3), "W": (3, 2)}, (2, 2)]),
    (gaussian_process, [{"length": (2,), "front": ()}, (4, 2), (4,)]),
    (kalman, [{"F": (2, 2), "H": (1, 2)}, (3, 1)]),
    (stencil, [(), (5, 5)]),
    (factorisation, [(4, 2), (3, 2), (5,)]),
    (flow, [[{"s": (2, 2), "t": (2, 2)}] * 2, (3, 4)]),
    (radial, [{"c": (3, 2), "w": (3,), "a": (3,)}, (5, 2), (5,)]),
    (ode, [(2,), (2,)]),
    (autoencoder, [{"enc": (3, 4), "mean": (4, 2), "var": (4, 2), "dec": (2, 4), "out": (4, 3)}, (5, 3), (5, 2)]),
    (physics, [{"W": (4,), "b": (4,), "a": (4,)}, (3,)]),
    (graph, [{"W1": (3, 4), "W2": (4, 2)}, (4, 3), (4, 4)]),
    (whiten, [(5, 3)]),
    (spectrum, [(6,), (6,)]),
]  # fmt: skip
#: models whose derivatives take seconds
SLOW = {
    transformer,
    gru,
    lstm,
    kalman,
    convolution,
    autoencoder,
    classifier,
    gaussian_process,
    stencil,
    flow,
    graph,
    ode,
    radial,
    whiten,
}


def drawn(shapes, seed):
    rng = np.random.default_rng(seed)
    leaf = ed.interop.imported.is_shape
    return jax.tree_util.tree_map(
        lambda shape: jnp.asarray(rng.uniform(0.1, 0.9, shape)), shapes, is_leaf=leaf
    )


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        pytest.param(f, shapes, id=f.__name__, marks=[pytest.mark.slow] if f in SLOW else [])
        for f, shapes in MODELS
    ],
)
def test_a_model(f, shapes):
    with jax.enable_x64(True):
        loss = ed.from_jax(f, *shapes)
        args = drawn(shapes, 0)
        names = list(inspect.signature(f).parameters)
        given = ed.arrays(**dict(zip(names, args, strict=True)))
        arrays = {name: np.asarray(array) for name, array in given.items()}
        close(ed.evaluate(loss, arrays), f(*args))
        # the gradients by all that it takes
        variables = list(arrays)
        gradients = ed.grad(loss, {name: name for name in variables})
        wanted = jax.grad(f, argnums=tuple(range(len(args))))(*args)
        theirs = ed.arrays(**dict(zip(names, wanted, strict=True)))
        found = ed.compile(gradients)(arrays)
        for name in variables:
            close(found[name], theirs[name])
        # the product of the Hessian by the first of them with a direction
        first = variables[0]
        direction = np.random.default_rng(1).standard_normal(arrays[first].shape)
        product = ed.hvp(loss, first, direction)

        flat, tree = jax.tree_util.tree_flatten(args)
        order = [x is given[first] for x in flat]

        def of_first(value):
            own = [value if here else x for here, x in zip(order, flat, strict=True)]
            return f(*jax.tree_util.tree_unflatten(tree, own))

        slope = jax.jvp(jax.grad(of_first), (flat[order.index(True)],), (jnp.asarray(direction),))[
            1
        ]
        close(ed.evaluate(product, arrays), slope)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8)


def test_a_hessian_has_its_structure():
    def chain(x):
        return jnp.sum(jnp.exp(x[1:] - x[:-1])) + jnp.sum(x**4)

    x = np.linspace(0, 1, 50)
    H = ed.evaluate(ed.hessian(ed.from_jax(chain, (50,)), "x"), x=x, dense=False)
    assert "banded" in H.method()
    assert H.nbytes < H.dense().nbytes / 10
    with jax.enable_x64(True):
        close(H.dense(), jax.hessian(chain)(x))


def test_the_hessian_of_a_factorisation_is_one_block_a_row():
    def fit(U, V, T):
        return jnp.sum((T - U @ V.T) ** 2)

    H = ed.hessian(ed.from_jax(fit, (5, 2), (4, 2), (5, 4)), "U")
    output = H.compact.partition("->")[2]
    assert [output.index(label) for label in output] == [0, 1, 0, 3]
