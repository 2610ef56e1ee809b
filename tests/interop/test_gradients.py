"""Generated derivatives as the gradients of torch and JAX: right, of every order, under their transformations."""

import numpy as np
import pytest
from samples import SAMPLES, arrays, domain

import einderiv as ed

t, es = ed.tensor, ed.einsum
X, W, y, Z = t("X", "ij"), t("W", "jk"), t("y", "i"), t("Z", "i", complex=True)
LOSS = ed.mean(ed.sum((ed.tanh(X @ W) - 0.5) ** 2, 1))
MADE = {
    "a loss":         lambda: LOSS,
    "a layer":        lambda: ed.softmax(X @ W),
    "a tree":         lambda: {"y": X @ W, "a": (LOSS, [ed.sum(W)])},
    "held":           lambda: es("ij,j->i", X, np.arange(3.0)),
    "solve":          lambda: ed.solve(X @ X.T + 3 * np.eye(2), y),
}  # fmt: skip
COMPLEX = {
    "holomorphic":    lambda: ed.exp(t("z", "i")) * 1j + t("z", "i") ** 2,
    "a scalar":       lambda: es("i,i->", "z", "z") * (1 + 2j),
    "of both":        lambda: ed.sum(ed.abs(Z) ** 2 * Z) + ed.sum(ed.conj(Z) * ed.exp(Z)),
    "elementwise":    lambda: ed.conj(Z) * Z * Z,
}  # fmt: skip
SHAPES = dict(X=(2, 3), W=(3, 2), y=(2,))


def drawn(f, make):
    rng = np.random.default_rng(1)
    return [make(rng.uniform(0.2, 1, SHAPES[name])) for name in f.inputs]


# ---- torch
@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def leaf(torch):
    return lambda a: torch.tensor(a, requires_grad=True)


def flat(tree):
    tree = tree.values() if isinstance(tree, dict) else tree
    return (tree,) if hasattr(tree, "dtype") else tuple(a for part in tree for a in flat(part))


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_gradcheck(torch, make):
    f = ed.to_torch(make())
    at = drawn(f, leaf(torch))
    assert torch.autograd.gradcheck(lambda *a: flat(f(*a)), at)
    assert torch.autograd.gradgradcheck(lambda *a: flat(f(*a)), at)


@pytest.mark.parametrize("make", COMPLEX.values(), ids=COMPLEX)
def test_gradcheck_complex(torch, make):
    f, rng = ed.to_torch(make()), np.random.default_rng(0)
    z = torch.tensor(rng.normal(size=3) + 1j * rng.normal(size=3), requires_grad=True)
    assert torch.autograd.gradcheck(f, (z,))
    assert torch.autograd.gradgradcheck(f, (z,))


def test_a_real_input_has_a_real_gradient(torch):
    f = ed.to_torch(es("i,i->", "r", "r") * 1j + 0.5)
    assert torch.autograd.gradcheck(f, (torch.rand(3, dtype=torch.float64, requires_grad=True),))


@pytest.mark.parametrize("name", list(SAMPLES)[::4])
def test_gradients_of_samples(torch, name):
    e = SAMPLES[name]()
    f, given = ed.to_torch(e), arrays(e, domain=domain(name))
    at = {n: torch.tensor(a, requires_grad=True) for n, a in given.items()}
    out = f(**at)
    weights = torch.rand_like(out)
    plain = (ed.evaluate(e, at) * weights).sum()
    theirs = [None] * len(at)  # of what is constant between its jumps
    if plain.requires_grad:
        theirs = torch.autograd.grad(plain, list(at.values()), allow_unused=True)
    ours = torch.autograd.grad((out * weights).sum(), list(at.values()))
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b)


def test_only_what_is_asked_for_gets_a_gradient(torch):
    f = ed.to_torch(LOSS, wrt=["W"])
    x, w = drawn(f, leaf(torch))
    f(x, w).backward()
    assert x.grad is None
    torch.testing.assert_close(w.grad, ed.evaluate(ed.grad(LOSS, W), X=x, W=w).detach())
    assert not ed.to_torch(LOSS, wrt=())(x, w).requires_grad
    with torch.no_grad():
        assert not f(x, w).requires_grad
    assert not f(x.detach(), w.detach()).requires_grad


def test_a_training_loop(torch):
    f, (x, w) = ed.to_torch(LOSS), drawn(ed.to_torch(LOSS), leaf(torch))
    optimizer, losses = torch.optim.SGD([w], lr=0.5), []
    for _ in range(20):
        optimizer.zero_grad()
        loss = f(x.detach(), w)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]


def test_mixed_dtypes_get_gradients_of_their_own(torch):
    x, w = (
        torch.rand(2, 3, requires_grad=True),
        torch.rand(3, 2, dtype=torch.float64, requires_grad=True),
    )
    for e in (LOSS, X @ W):
        out = ed.to_torch(e)(x, w)
        assert out.dtype == torch.float64
        a, b = torch.autograd.grad(out.sum(), (x, w))
        assert (a.dtype, b.dtype) == (torch.float32, torch.float64)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func.jvp calls it
def test_transformations_of_torch(torch):
    f = ed.to_torch(LOSS)
    x, w = (a.detach() for a in drawn(f, leaf(torch)))
    plain = lambda w: ((torch.tanh(x @ w) - 0.5) ** 2).sum(1).mean()  # noqa: E731
    torch.testing.assert_close(
        torch.func.vmap(lambda w: f(x, w))(torch.stack([w, w])), plain(w).expand(2)
    )
    torch.testing.assert_close(
        torch.func.vmap(torch.func.grad(lambda w: f(x, w)))(w[None])[0], torch.func.grad(plain)(w)
    )
    torch.testing.assert_close(
        torch.func.jacrev(torch.func.jacrev(lambda w: f(x, w)))(w), torch.func.hessian(plain)(w)
    )
    torch.testing.assert_close(
        torch.func.jvp(lambda w: f(x, w), (w,), (w,)), torch.func.jvp(plain, (w,), (w,))
    )


REFUSED = [
    (lambda f: f(1, 2, 3),                                TypeError,          "there are 2 inputs, X, W, but 3 arrays"),
    (lambda f: f(np.ones((2, 3)), X=1),                   TypeError,          "X is given by position and by keyword"),
    (lambda f: f(np.ones((2, 3))),                        ed.EinderivError,   "no array for W"),
    (lambda f: ed.to_torch(LOSS, wrt="V"),                ed.EinderivError,   "no tensor here is called 'V'"),
    (lambda f: ed.to_torch(LOSS, wrt=0),                  TypeError,          "tensors or their names, not int"),
    (lambda f: ed.to_torch("ij->"),                       TypeError,          "only expressions can be evaluated"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_torch_refuses(torch, call, kind, message):
    with pytest.raises(kind, match=message):
        call(ed.to_torch(LOSS))


# ---- JAX
@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    import judge  # noqa: F401  # in double precision

    return jax


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_gradients_of_jax(jax, make):
    from jax.test_util import check_grads

    f = ed.to_jax(make())
    check_grads(f, drawn(f, jax.numpy.asarray), 2, modes=["rev"])
    assert ed.to_jax(make()).inputs == f.inputs


@pytest.mark.parametrize("name", ["of both", "a scalar"])
def test_conventions_of_jax(jax, name):
    jnp = jax.numpy
    plain = {
        "of both": lambda z: jnp.sum(jnp.abs(z) ** 2 * z) + jnp.sum(jnp.conj(z) * jnp.exp(z)),
        "a scalar": lambda z: (z * z).sum() * (1 + 2j),
    }[name]
    z = jnp.asarray(
        np.random.default_rng(3).normal(size=(2, 3))
        @ np.array([[1, 1j, 2], [0, 1, 1j], [1j, 0, 1]])
    )[0]
    (ours,), (theirs,) = (jax.vjp(f, z)[1](1 + 2j) for f in (ed.to_jax(COMPLEX[name]()), plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_transformations_of_jax(jax):
    import judge

    jnp, f = jax.numpy, ed.to_jax(LOSS)
    x, w = drawn(f, jnp.asarray)
    plain = lambda w: jnp.mean(jnp.sum((jnp.tanh(x @ w) - 0.5) ** 2, 1))  # noqa: E731
    want, want_second = judge.together([jax.grad(plain), jax.hessian(plain)], w)
    np.testing.assert_allclose(jax.jit(jax.grad(f, 1))(x, w), want, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(jax.grad(f, 1), (None, 0))(x, w[None])[0], want, rtol=1e-12)
    second = jax.jit(jax.jacrev(jax.jacrev(f, 1), 1))(x, w)
    np.testing.assert_allclose(second, want_second, rtol=1e-11, atol=1e-14)
    assert not jax.grad(ed.to_jax(LOSS, "W"))(x, w).any()
    whole = ed.to_jax(es("ij,jk->", X, W))
    assert jax.grad(whole, 1)(jnp.ones((2, 3), int), w).shape == w.shape
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda w: f(x, w), (w,), (w,))


def _loss_of_torch(A, x):
    import torch

    return torch.sin(A @ x).pow(2).sum() + (A * A).sum()


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("by", [0, 1, (0, 1)])
def test_forward_mode_over_reverse_mode(by):
    """``torch.func.hessian`` is the Jacobian, forward, of the Jacobian, backward."""
    torch = pytest.importorskip("torch")
    A, x = ed.tensor("A", "ij"), ed.tensor("x", "j")
    f = ed.to_torch(ed.sum(ed.sin(A @ x) ** 2) + ed.sum(A * A))
    at = (
        torch.linspace(0, 1, 6, dtype=torch.float64).reshape(3, 2),
        torch.tensor([0.5, -2.0]).double(),
    )
    found = torch.func.hessian(f, argnums=by)(*at)
    torch.testing.assert_close(found, torch.func.hessian(_loss_of_torch, argnums=by)(*at))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_forward_mode_of_several_results():
    torch = pytest.importorskip("torch")
    x = ed.tensor("x", "i")
    at = torch.tensor([1.0, 2.0], dtype=torch.float64)
    twice, total = torch.func.jacfwd(torch.func.jacrev(ed.to_torch([x**3, ed.sum(x**2)])))(at)
    assert twice[0, 0].tolist() == [6, 0]
    assert total.tolist() == [[2, 0], [0, 2]]
