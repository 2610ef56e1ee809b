"""Modules of torch that are read: value, gradients by all parameters, and a product with the
Hessian, against torch itself.
"""

import functools
import inspect

import numpy as np
import pytest

import einderiv as ed

torch = pytest.importorskip("torch")
nn = torch.nn
F = torch.nn.functional


class Attention(nn.Module):
    """Queries against keys, with a mask of what is later."""

    def __init__(self, width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None], is_causal=True)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, words, labels):
        return F.cross_entropy(self.out(self.words(words).mean(1)), labels)


class Process(nn.Module):
    """The negative log-likelihood of a Gaussian process."""

    def __init__(self):
        super().__init__()
        self.log_length = nn.Parameter(torch.zeros(()))
        self.log_noise = nn.Parameter(torch.tensor(-1.0))

    def forward(self, x, y):
        distances = ((x[:, None] - x[None]) ** 2).sum(-1)
        K = torch.exp(-distances / 2 * torch.exp(-2 * self.log_length))
        K = K + torch.exp(self.log_noise) * torch.eye(len(x), dtype=x.dtype)
        L = torch.linalg.cholesky(K)
        z = torch.linalg.solve_triangular(L, y[:, None], upper=False)
        return 0.5 * (z**2).sum() + torch.log(torch.diagonal(L)).sum()


class Factorisation(nn.Module):
    """What is observed of a matrix, by factors."""

    def __init__(self, rows, columns):
        super().__init__()
        self.U = nn.Parameter(torch.randn(5, 2))
        self.V = nn.Parameter(torch.randn(4, 2))
        self.register_buffer("rows", torch.tensor(rows))
        self.register_buffer("columns", torch.tensor(columns))

    def forward(self, values):
        return ((self.U[self.rows] * self.V[self.columns]).sum(-1) - values) ** 2


class Last(nn.Module):
    """The last value of a recurrent net."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)[0][:, -1]


def perceptron():
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.GELU(), nn.Linear(4, 2))


def convolutions():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.SiLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(2, 2, 3, stride=2),
        nn.Flatten(),
        nn.Linear(2, 3),
    )


def batch_norms():
    layers = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(8, 3))


def group_norms():
    return nn.Sequential(nn.Conv1d(2, 4, 2), nn.GroupNorm(2, 4), nn.ELU(), nn.InstanceNorm1d(4))


def autoencoder():
    down = [nn.Conv2d(1, 2, 3, stride=2), nn.Tanh()]
    return nn.Sequential(*down, nn.ConvTranspose2d(2, 1, 3, stride=2, output_padding=1))


def transformer():
    return nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, activation="gelu")


def whole(*values):
    return torch.tensor(values)


# fmt: off
MODULES = [
    ("perceptron", perceptron, [(2, 3)]),
    ("convolutions", convolutions, [(2, 1, 6, 6)]),
    ("transformer", transformer, [(1, 3, 4)]),
    ("gru", lambda: Last(nn.GRU(2, 3, batch_first=True)), [(2, 3, 2)]),
    ("lstm", lambda: Last(nn.LSTM(2, 3, batch_first=True)), [(2, 3, 2)]),
    ("classifier", Classifier, [whole([0, 6], [2, 2], [1, 5]), whole(2, 0, 1)]),
    ("gaussian process", Process, [(4, 2), (4,)]),
    ("factorisation", lambda: Factorisation([0, 4, 4, 2], [3, 0, 1, 1]), [(4,)]),
    ("batch norms", batch_norms, [(2, 1, 6, 6)]),
    ("group norms", group_norms, [(2, 2, 5)]),
    ("autoencoder", autoencoder, [(1, 1, 6, 6)]),
    ("attention", lambda: Attention(4), [(1, 3, 4)]),
]
# fmt: on


SLOW = ("convolutions", "transformer", "gru", "lstm", "batch norms")
NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name, _, _ in MODULES
]


def scalar(value):
    """A loss that is not linear in the value."""
    return value if not value.ndim else (value * value).sum()


@functools.cache
def built(name):
    """A module in double precision with random numbers in it, and its arguments."""
    (make, given) = next((make, given) for own, make, given in MODULES if own == name)
    torch.manual_seed(5)
    module = make().double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.add_(torch.rand_like(buffer))
    arguments = [torch.randn(g).double() if isinstance(g, tuple) else g for g in given]
    return module, arguments


@pytest.mark.parametrize("name", NAMES)
def test_modules_are_read(name):
    module, arguments = built(name)
    e = ed.from_torch(module, *arguments)
    inputs = list(inspect.signature(module.forward).parameters)
    given = {**ed.arrays(module), **dict(zip(inputs, arguments, strict=False))}
    given = {name: np.asarray(array) for name, array in given.items()}

    names = [key.replace(".", "_") for key, _ in module.named_parameters()]
    names = [f"p{key}" if key[0].isdigit() else key for key in names]
    parameters = list(module.parameters())
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        # the other kernels of attention have no second derivative
        value = module(*arguments)
    np.testing.assert_allclose(ed.evaluate(e, given), value.detach(), atol=1e-10, rtol=1e-10)

    loss = e if not e.ndim else ed.norm_squared(e)
    wanted = torch.autograd.grad(scalar(value), parameters, create_graph=True)
    found = ed.compile(ed.grad(loss, names))(given)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), atol=1e-8, rtol=1e-8)

    # H v of all parameters together
    vectors = [torch.randn_like(p) for p in parameters]
    inner = sum((g * v).sum() for g, v in zip(wanted, vectors, strict=True))
    wanted = torch.autograd.grad(inner, parameters)
    pushed = [ed.jvp(loss, name, v.numpy()) for name, v in zip(names, vectors, strict=True)]
    products = ed.grad(functools.reduce(lambda a, b: a + b, pushed), names)
    for ours, theirs in zip(ed.compile(products)(given), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-8, rtol=1e-8)
