"""Functions of JAX as expressions: how arguments are named and given, what is read how, what is refused."""

import functools

import numpy as np
import pytest

import einderiv as ed

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

X = np.arange(1.0, 13.0).reshape(3, 4) / 8
IDS = np.array([2, 0, 2])


@pytest.fixture(autouse=True)
def _in_double():
    with jax.enable_x64(True):
        yield


# ---- arguments
def linear(params, x):
    return x @ params["W1"] + params["layers"][0]


def test_inputs_are_named_by_parameters_and_keys():
    e = ed.from_jax(linear, {"W1": (4, 2), "layers": [(2,)]}, (3, 4))
    params = {"W1": np.ones((4, 2)), "layers": [np.ones(2)]}
    f = ed.compile(e)
    assert f.inputs == ("params_W1", "params_layers_0", "x")
    assert np.array_equal(f(ed.arrays(params=params, x=X)), X @ np.ones((4, 2)) + 1)


def test_inputs_are_in_the_order_of_the_parameters():
    e = ed.from_jax(lambda b, a: a - jnp.sin(b), (3,), (3,))
    assert ed.compile(e).inputs == ("b", "a")


@pytest.mark.parametrize(
    ("f", "args", "named", "inputs"),
    [
        (lambda x: x + 1, (X,), {}, ("x",)),
        (lambda x, n: x * n, ((3,), 2), {}, ("x",)),
        (lambda x, power: x**power, ((3,),), {"power": 3}, ("x",)),
        (lambda *xs: xs[0] * xs[1], ((3,), (3,)), {}, ("xs0", "xs1")),
        (functools.partial(lambda a, b: a * b, b=2.0), ((3,),), {}, ("a",)),
        (lambda x, c: x * c, ((3,), 2.5), {}, ("x", "c")),
        (lambda x, f: f(x), ((3,), jnp.sin), {}, ("x",)),
        (lambda x, empty=None: x + 1, ((3,), None), {}, ("x",)),
        (lambda s: s * s, ((),), {}, ("s",)),
        (jnp.sin, ((2,),), {}, ("x",)),
    ],
)
def test_what_is_an_input(f, args, named, inputs):
    assert ed.compile(ed.from_jax(f, *args, **named)).inputs == inputs


def test_what_a_function_does_not_depend_on_is_known():
    e = ed.from_jax(lambda x, params: jnp.sum(x**2), (3,), {"unused": (2, 2)})
    gradient = ed.grad(e, ["x", "params_unused"])
    found = ed.compile(gradient)(x=[1.0, 2.0, 3.0])
    assert [g.tolist() for g in found] == [[2, 4, 6], [[0, 0], [0, 0]]]


def test_arrays_are_not_held():
    e = ed.from_jax(lambda x: x * 2, X)
    assert ed.evaluate(e, x=np.ones((3, 4))).tolist() == (2 * np.ones((3, 4))).tolist()


def test_what_is_closed_over_is_held():
    e = ed.from_jax(lambda x: x @ jnp.asarray(X), (3,))
    assert np.array_equal(ed.evaluate(e, x=np.ones(3)), X.sum(0))


def test_results_have_their_structure():
    read = ed.from_jax(lambda x: {"a": (x, [x * x]), "b": jnp.zeros(2)}, (3,))
    assert list(read) == ["a", "b"]
    assert ed.evaluate(read["a"][1][0], x=[1.0, 2.0, 3.0]).tolist() == [1, 4, 9]
    assert ed.evaluate(read["b"]).tolist() == [0, 0]


def test_registered_pytrees_are_taken_apart():
    @jax.tree_util.register_dataclass
    @__import__("dataclasses").dataclass
    class Layer:
        W: object
        b: object

    e = ed.from_jax(lambda layer, x: x @ layer.W + layer.b, Layer((4, 2), (2,)), (3, 4))
    given = ed.arrays(layer=Layer(np.ones((4, 2)), np.ones(2)), x=X)
    assert list(given) == ["layer_W", "layer_b", "x"]
    assert np.array_equal(ed.evaluate(e, given), X @ np.ones((4, 2)) + 1)


def test_what_is_shared_stays_shared():
    def deep(x):
        for _ in range(60):
            x = x * x + x  # 2^60 terms, if it were not
        return x

    e = ed.from_jax(deep, (2,), verify=False)
    assert len(list(ed.expression.walk([e]))) < 400


def residual(params, x):
    for W, b, V in params:
        x = x + jnp.tanh(x @ W + b) @ V
    return jnp.mean(jax.nn.logsumexp(x, axis=1))


def test_a_deep_network_has_as_many_nodes_as_it_has_layers():
    counts = []
    for depth in (10, 20, 40):
        shapes = [((4, 5), (5,), (5, 4))] * depth
        e = ed.from_jax(residual, shapes, (3, 4), verify=False)
        counts.append(len(list(ed.expression.walk([e]))))
    assert counts[1] - counts[0] == (counts[2] - counts[1]) / 2 <= 10 * 10


# ---- what is read how
@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: jax.nn.softmax(x), "softmax"),
        (lambda x: jax.nn.softmax(x, axis=0).sum(1), "softmax"),
        (lambda x: jax.nn.log_softmax(x), "log_softmax"),
        (lambda x: jax.scipy.special.logsumexp(x, axis=1), "logsumexp"),
        (lambda x: jax.scipy.special.logsumexp(x, axis=1, keepdims=True), "logsumexp"),
        (lambda x: jax.nn.relu(x), "relu"),
        (lambda x: jnp.logaddexp(x, 0.0), "logaddexp"),
    ],
)
def test_patterns_are_seen(f, text):
    e = ed.from_jax(f, (3, 4))
    assert text in {part.function.name for part in met(e)}


def met(e):
    """The functions that an expression applies."""
    return [part for part in ed.expression.walk([e]) if hasattr(part, "function")]


def test_a_shift_that_is_not_the_same_along_the_axis_is_no_softmax():
    def odd(x):
        power = jnp.exp(x - lax.stop_gradient(x / 2))
        return power / power.sum(1, keepdims=True)

    e = ed.from_jax(odd, (3, 4))
    assert "softmax" not in {part.function.name for part in met(e)}
    both(odd, e, X)


def both(f, e, *args):
    """The value and a derivative by the first argument, beside JAX's."""
    names = list(__import__("inspect").signature(f).parameters)
    given = dict(zip(names, args, strict=True))
    args = [jnp.asarray(a) for a in args]
    np.testing.assert_allclose(ed.evaluate(e, given), f(*args), rtol=1e-9, atol=1e-9)
    value, pulled = jax.vjp(f, *args)
    weights = np.random.default_rng(0).uniform(1, 2, value.shape)
    slope = ed.vjp(e, names[0], weights)
    np.testing.assert_allclose(ed.evaluate(slope, given), pulled(weights)[0], rtol=1e-9, atol=1e-9)


V = X[0]
IMAGE = np.random.default_rng(3).uniform(0.1, 0.9, (2, 4, 6, 5))
KERNEL = np.random.default_rng(4).uniform(0.1, 0.9, (6, 2, 3, 2))


def conv(x, k, **options):
    strides = options.pop("strides", (1, 1))
    padding = options.pop("padding", "VALID")
    return lax.conv_general_dilated(x, k, strides, padding, **options)


KINDS = {
    "negative steps": (lambda x: x[::-1, ::-2] * x[:, :2], X),
    "an integer and a slice": (lambda x: x[1, 1:] + x[-1, :-1], X),
    "indices in pairs": (lambda x: x[np.array([0, 2]), np.array([1, -1])], X),
    "indices and a slice": (lambda x: x[np.array([[0, 2], [1, 1]])], X),
    "indices behind": (lambda x: x[:, np.array([3, 0])], X),
    "an even run": (lambda x: x[np.array([0, 1, 2]), np.array([0, 1, 2])], X),
    "a mask that is known": (lambda x: x[np.array([True, False, True])], X),
    "take_along_axis": (lambda x: jnp.take_along_axis(x, np.array([[0], [1], [3]]), 1), X),
    "the largest entries": (lambda x: jnp.take_along_axis(x, jnp.argmax(x, 1)[:, None], 1), X),
    "sorted by argsort": (lambda x: x[jnp.argsort(x)] * jnp.arange(4.0), V),
    "add at": (lambda x: jnp.zeros(5).at[np.array([0, 3, 3, 1])].add(x), V),
    "padded segments": (lambda x: jax.ops.segment_sum(x, np.array([1, 0, 9]), 2), X),
    "dropped pairs": (lambda x: x.at[np.array([0, 7]), np.array([1, 1])].add(x[:2, 0], mode="drop"), X),
    "set a row": (lambda x: x.at[1].set(0.0), X),
    "set a block": (lambda x: x.at[1:, ::2].multiply(3.0), X),
    "segment sums": (lambda x: jax.ops.segment_sum(x, np.array([0, 1, 0]), 2), X),
    "one hot": (lambda x: jax.nn.one_hot(np.array([2, 0, 1]), 3) @ x, X),
    "roll": (lambda x: jnp.roll(x, 2, axis=1), X),
    "reflected": (lambda x: jnp.pad(x, 1, mode="reflect"), X),
    "gradient": (lambda x: jnp.gradient(x, axis=1), X),
    "convolve": (lambda x: jnp.convolve(x, jnp.array([1.0, 2.0])), V),
    "interpolated": (lambda x: jnp.interp(np.array([0.2, 0.9]), np.array([0.0, 0.5, 1.0, 2.0]), x), V),
    "median": (lambda x: jnp.median(x), V),
    "variance": (lambda x: jnp.std(x, axis=0, ddof=1), X),
    "norm": (lambda x: jnp.linalg.norm(x, axis=1), X),
    "trace": (lambda x: jnp.trace(x[:, :3] @ x[:, :3]), X),
    "kron": (lambda x: jnp.kron(x[:2, :2], x), X),
    "triangle": (lambda x: jnp.tril(x, 1) + jnp.triu(x, -1), X),
    "diagonal": (lambda x: jnp.diag(x[0]) + jnp.diag(jnp.diagonal(x[:, :3]).sum() * jnp.ones(4)), X),
    "inverse": (lambda x: jnp.linalg.inv(x[:, :3] @ x[:, :3].T + jnp.eye(3)), X),
    "systems": (lambda x: jnp.linalg.solve(2 * jnp.eye(4) + jnp.stack([x.T @ x] * 2), jnp.ones((2, 4, 1))), X),
    "determinant": (lambda x: jnp.linalg.det(jnp.eye(4) + x.T @ x), X),
    "power of a matrix": (lambda x: jnp.linalg.matrix_power(x[:, :3], 3), X),
    "vmap": (lambda x: jax.vmap(lambda r: jnp.outer(r, r) @ r)(x), X),
    "vmap of a gather": (lambda x: jax.vmap(lambda r, k: r[k])(x, np.array([1, 0, 3])), X),
    "grad inside": (lambda x: jax.grad(lambda y: jnp.sum(jnp.sin(y) ** 3))(x), X),
    "grad of softmax inside": (lambda x: jax.grad(lambda y: jax.nn.softmax(y)[0])(x), V),
    "hessian inside": (lambda x: jax.hessian(lambda y: jnp.prod(jnp.cos(y)))(x), V),
    "jvp inside": (lambda x: jax.jvp(jnp.tanh, (x,), (x * x,))[1], X),
    "scan backwards": (lambda x: lax.scan(lambda c, r: (c * r + 1, c), x[0], x, reverse=True)[1], X),
    "a nested loop": (lambda x: lax.fori_loop(0, 2, lambda i, c: lax.fori_loop(0, 2, lambda k, d: d * x + k, c) / (1 + i), x), V),
    "map": (lambda x: lax.map(lambda r: r / r.sum(), x), X),
    "switch": (lambda x: lax.switch(jnp.argmax(x), [jnp.sin, jnp.cos, jnp.exp, jnp.tanh], x), V),
    "associative scan": (lambda x: lax.associative_scan(jnp.multiply, x, axis=1), X),
    "complex": (lambda x: jnp.abs(jnp.exp(1j * x) + x) ** 2, V),
    "irfft": (lambda x: jnp.fft.irfft(jnp.fft.rfft(x) * jnp.array([1.0, 2.0, 1j])), V),
    "fft of two axes": (lambda x: jnp.abs(jnp.fft.fft2(x)) ** 2, X),
    "stride and padding": (lambda x: conv(x, KERNEL[:, [0, 1, 0, 1]], strides=(2, 1), padding=((1, 2), (0, 1))), IMAGE),
    "groups": (lambda x: conv(x, KERNEL, feature_group_count=2), IMAGE),
    "dilated": (lambda x: conv(x, KERNEL[:, [0, 1, 0, 1]], rhs_dilation=(2, 2)), IMAGE),
    "transposed": (lambda x: conv(x, KERNEL[:, [0, 1, 0, 1]], lhs_dilation=(2, 3), padding=((2, 0), (1, 1))), IMAGE),
    "by the kernel": (lambda k: conv(jnp.asarray(IMAGE), k, feature_group_count=2, strides=(2, 2)), KERNEL),
    "channels last": (lambda x: conv(x, KERNEL[:, :, :2, 0], strides=(1,), dimension_numbers=("NHC", "OIH", "NHC")), IMAGE[:, 0, :, :2]),
    "average pool": (lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 1, 3, 2), (1, 1, 2, 2), "SAME"), IMAGE),
    "batch groups": (lambda k: jax.grad(lambda j: jnp.sum(conv(jnp.asarray(IMAGE), j, feature_group_count=2) ** 2))(k), KERNEL),
    "bits": (lambda x: jnp.copysign(x, x - 0.6), V),
    "exponential of a matrix": (lambda x: jax.scipy.linalg.expm(x[:, :3]), X),
    "a table of values": (lambda x: jnp.interp(x, np.arange(3.0), np.array([1.0, 2.0, 5.0])), V),
    "known powers": (lambda x: jnp.vander(x), V),
    "nothing": (lambda x: x.sum(0), X[:0]),
    "empty": (lambda x: x[:0].sum(0) + x[1], X),
    "one row": (lambda x: jax.nn.softmax(x[:1], axis=0) * x[:1], X),
}  # fmt: skip


@pytest.mark.parametrize(("f", "x"), KINDS.values(), ids=KINDS)
def test_kinds(f, x):
    both(f, ed.from_jax(f, x.shape), x)


# ---- whole numbers as arguments
@pytest.mark.parametrize(
    ("f", "x", "ids"),
    [
        (lambda x, ids: x[ids] ** 2, X, IDS),
        (lambda x, ids: x[:, ids], X, IDS),
        (lambda x, ids: x[ids, ids + 0], X, IDS),
        (lambda x, ids: jnp.zeros((4, 4)).at[ids].add(x), X, IDS),
        (lambda x, ids: jax.vmap(lambda r, k: r[k])(x, ids), X, IDS),
        (lambda x, ids: x[ids[None].T], X, IDS),
        (lambda x, ids: jax.nn.one_hot(ids, 3) @ x, X, IDS),
        (lambda x, ids: jnp.take(x, ids, axis=0), X, IDS),
        (lambda x, ids: x * ids[:, None], X, IDS),
        (lambda x, ids: x[ids - 1], X, IDS),
    ],
)
def test_index_arrays_are_arguments(f, x, ids):
    both(f, ed.from_jax(f, x.shape, ids), x, ids)


def test_an_index_array_is_checked_where_it_is_given():
    e = ed.from_jax(lambda x, ids: x[ids], X, IDS)
    with pytest.raises(ed.EinderivError, match="ids"):
        ed.evaluate(e, x=X, ids=np.array([0, 3, 1]))


# ---- refusals
def printed(x):
    jax.debug.print("{}", x[0])
    return x


def called(x):
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct((4,), "float64"), x)


@jax.custom_jvp
def straight(x):
    return x * jnp.sign(x)


straight.defjvp(lambda x, t: (straight(*x), 3 * t[0]))


def straight_through(x):
    return straight(x)


REFUSED = [
    (lambda x: lax.while_loop(lambda c: c[0] < 5, lambda c: c * 2, x), r"primitive while of JAX, at .*: when the loop ends depends on values"),
    (printed, "printed has effects besides its result"),
    (called, r"primitive pure_callback of JAX, at .*test_jax_reading\.py:\d+.*call it outside"),
    (lambda x: x + jax.random.normal(jax.random.key(0), (4,)), r"random_\w+ of JAX, at .*: random numbers are drawn outside"),
    (lambda x: x * lax.fori_loop(0, 40, lambda i, c: c * 3, jnp.int32(1)), r"is no int32, and JAX would wrap it around"),
    (lambda x: jax.jit(jnp.sin, donate_argnums=0)(x), "gives its arguments away: take donate_argnums away"),
    (lambda x: x[x > 0.5], "JAX cannot trace <lambda>, for a shape or a branch depends on values"),
    (lambda x: x if x[0] > 0 else -x, "for a shape or a branch depends on values"),
    (lambda x: lax.dynamic_slice(x, (jnp.argmax(x),), (2,)), "a slice starts where is not known"),
    (lambda x: jax.scipy.linalg.lu(jnp.outer(x, x))[2], r"primitive lu of JAX, at .*test_jax_reading\.py:\d+.*: take jnp"),
    (lambda x: x.at[jnp.argmax(x)].set(0.0), "it writes at places that are not known"),
    (lambda x: x.at[np.array([0, 2])].apply(jnp.sin), r"it applies a function at places: write x\.at\[i\]\.set"),
    (lambda x: x.at[np.array([1, 1])].set(x[:2]), "it writes twice to one place"),
    (lambda x: lax.reduce_precision(x, 5, 10), "it drops digits, by steps that have no slope"),
    (straight_through, r"derivatives of their own, at .*test_jax_reading\.py.*by x they differ"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "message"), REFUSED)
def test_refused(f, message):
    with pytest.raises(ed.BackendError, match=message):
        ed.from_jax(f, (4,))


def test_a_derivative_of_its_own_is_left_out_if_that_is_wanted():
    e = ed.from_jax(straight_through, (2,), verify=False)
    assert ed.evaluate(ed.grad(ed.sum(e), "x"), x=[2.0, -2.0]).tolist() == [1, -1]


def test_a_key_is_no_argument():
    with pytest.raises(ed.BackendError, match="key holds a random key: draw the numbers outside"):
        ed.from_jax(lambda key: jax.random.normal(key, (3,)), jax.random.key(0))


def test_a_loop_that_is_too_long_is_refused():
    with pytest.raises(
        ed.LimitError, match=r"more than 50000 equations .*a loop of 100000 turns, at"
    ):
        ed.from_jax(lambda x: lax.fori_loop(0, 100_000, lambda _, c: c * x, x), (2,))


def test_only_functions_are_read():
    with pytest.raises(TypeError, match="takes a function of JAX, not Tensor"):
        ed.from_jax(ed.tensor("x"))


def test_a_planted_wrong_reader_is_found(monkeypatch):
    import dataclasses

    from einderiv.interop import jax_table

    row = jax_table.BY_NAME["sin"]
    wrong = dataclasses.replace(row, reader=jax_table.BY_NAME["cos"].reader)
    monkeypatch.setitem(jax_table.BY_NAME, "sin", wrong)
    with pytest.raises(ed.BackendError, match="sin was read wrongly: its values differ by"):
        ed.from_jax(jnp.sin, (3,))


def test_there_and_back():
    def loss(params, x):
        return jnp.sum(jnp.tanh(x @ params["W"]) ** 2)

    e = ed.from_jax(loss, {"W": (4, 2)}, (3, 4))
    W = jnp.asarray(X.T[:, :2])
    f = ed.to_jax(e)
    np.testing.assert_allclose(jax.grad(f)(W, X), jax.grad(loss)({"W": W}, X)["W"], rtol=1e-9)


# ---- special points: the slopes are those of JAX
ZEROS = np.array([-1.0, 0.0, 6.0, 6.0])


@pytest.mark.parametrize(
    "f",
    [
        jax.nn.relu,
        jnp.sign,
        jax.nn.softplus,
        jax.nn.leaky_relu,
        jax.nn.elu,
        jax.nn.selu,
        jax.nn.relu6,
        jax.nn.hard_tanh,
        jax.nn.silu,
        lambda x: jnp.max(x),
        jnp.sinc,
        lambda x: jnp.maximum(x, 0.0),
        lambda x: jnp.maximum(x, x[::-1]),
        lambda x: jnp.clip(x, 0.0, 1.0),
        lambda x: jnp.logaddexp(x, -x),
        lambda x: jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), 0.0),
        lambda x: jax.nn.softmax(jnp.where(x > 0, x, -jnp.inf)),
        lambda x: jax.scipy.special.logsumexp(jnp.where(x > 0, x, -jnp.inf)),
        lambda x: jnp.prod(x),
        lambda x: jnp.cumprod(x),
        lambda x: jnp.sort(x),
        lambda x: x**3 * jnp.floor(x),
        lambda x: jax.scipy.special.xlogy(jnp.abs(x), 1 + x**2),
    ],
)
def test_special_points(f):
    x = ZEROS
    e = ed.from_jax(f, (4,))
    np.testing.assert_allclose(ed.evaluate(e, x=x), f(x), rtol=1e-12, atol=1e-12)
    found = ed.evaluate(ed.grad(ed.sum(e), "x"), x=x)
    wanted = jax.grad(lambda y: jnp.sum(f(y)))(jnp.asarray(x))
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
