"""Layers, losses, index keys and writes of torch at odd settings: value against torch."""

import numpy as np
import pytest

import einderiv as ed

torch = pytest.importorskip("torch")
nn = torch.nn
F = nn.functional
T = torch.tensor


def written(change):
    """A function that changes a copy of its argument."""

    def f(x):
        y = x.clone()
        change(y, x)
        return y

    return f


def put(key, value):
    """``y[key] = value(x)``"""

    def change(y, x):
        y[key] = value(x)

    return written(change)


ALL = slice(None)
# fmt: off
KEYS = [
    T([0, 3]),
    (ALL, T([0, -1])),
    (T([0, 1]), T([1, 2])),
    (T([0, 1]), ALL, T([1, 2])),
    (T([[0], [1]]), T([1, 2])),
    (..., T([1, 2])),
    (0, T([1, 2])),
    (None, T([1, 2])),
    (T([1, 2]), None),
    T([True, False, True, True]),
    (T([1, 2]), slice(1, 4)),
    (slice(1, 3), T([[1, 2], [0, 0]])),
    T(2),
    (T([2]), T([1, 3])),
    (slice(None, None, 2), -1),
    (..., slice(None, None, 3)),
    T([[True, False, True, False, True]] * 4),
]
WRITES = [
    put(0, lambda x: x[1]),
    put((ALL, slice(1, 3)), lambda x: 2 * x[:, 2:4]),
    put(T([0, 2]), lambda x: x[T([1, 3])]),
    put((ALL, ALL, T([0, 2])), lambda _: 7.0),
    put(slice(None, None, 2), lambda x: x[1::2]),
    put((0, T([1, 2]), T([1, 2])), lambda x: x[3, 0, :2]),
    put((T([0, 1]), ALL, T([1, 2])), lambda x: x[2, :, :2].T),
    put(T([True, False, True, True]), lambda x: x[:3]),
    written(lambda y, x: y.diagonal(0, 1, 2).mul_(2)),
    written(lambda y, x: y[..., -1].add_(x[..., 0])),
    written(lambda y, x: y.masked_fill_(T([True, False, True, False, False, True]), 0.0)),
    written(lambda y, x: y.index_put_((T([0, 0]),), x[:2], accumulate=True)),
]
IMAGES = [
    lambda x: F.max_pool2d(x, (3, 2), (1, 2), 1),
    lambda x: F.max_pool2d(x, 3, 2, 1, dilation=2),
    lambda x: F.max_pool2d(x, 2, 3, ceil_mode=True),
    lambda x: F.avg_pool2d(x, 3, 2, 1),
    lambda x: F.avg_pool2d(x, 2, 3, ceil_mode=True),
    lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=True),
    lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    lambda x: F.lp_pool2d(x, 2, 2),
    lambda x: F.adaptive_avg_pool2d(x, (5, 1)),
    lambda x: F.adaptive_avg_pool2d(x, (8, 9)),
    lambda x: F.adaptive_max_pool2d(x, (2, 4)),
    lambda x: F.interpolate(x, size=(3, 9)),
    lambda x: F.interpolate(x, size=(9, 4), mode="bilinear"),
    lambda x: F.interpolate(x, size=(9, 4), mode="bicubic"),
    lambda x: F.interpolate(x, scale_factor=1.3),
    lambda x: F.interpolate(x, scale_factor=(1.3, 0.7), mode="bilinear"),
    lambda x: F.interpolate(x, scale_factor=(1.3, 0.7), mode="bicubic", align_corners=True),
    lambda x: F.interpolate(x, scale_factor=1.3, mode="nearest-exact"),
    lambda x: F.pad(x, (1, 2, 0, 1), "reflect"),
    lambda x: F.pad(x, (1, 2, 0, 1), "replicate"),
    lambda x: F.pad(x, (1, 2, 0, 1), "circular"),
    lambda x: F.pad(x, (-1, 2), value=-torch.inf),
    lambda x: F.pixel_shuffle(x, 2),
    lambda x: F.unfold(x, 2),
    lambda x: F.local_response_norm(x, 3),
    lambda x: F.conv2d(x, x[:, :, :3, :3], padding="same"),
    lambda x: F.conv2d(x, x[:, :2, :3, :3], groups=2, stride=2, dilation=(1, 2)),
    lambda x: F.conv_transpose2d(x, x.mT[:1, :, :3, :3].mT.reshape(4, 1, 3, 3), stride=3, padding=1, output_padding=2),
    lambda x: F.conv_transpose2d(x, x.reshape(4, 2, 7, 6), groups=2, dilation=2),
    lambda x: F.glu(x, 1) + F.hardswish(x[:, :2]) + F.softshrink(x[:, 2:]),
    lambda x: torch.einsum("ncij,ndij->cd", x, x),
    lambda x: torch.cdist(x[0], x[1]) + torch.tensordot(x[0], x[1], ([0, 1], [0, 1])).sum(),
]
LOSSES = [
    lambda z, t: F.cross_entropy(z, t),
    lambda z, t: F.cross_entropy(z, t, reduction="none"),
    lambda z, t: F.cross_entropy(z, t, weight=T([1.0, 2.0, 0.5, 3.0]).double()),
    lambda z, t: F.cross_entropy(z, t, label_smoothing=0.2),
    lambda z, t: F.nll_loss(z.log_softmax(1), t, reduction="sum"),
    lambda z, t: F.multi_margin_loss(z, t),
    lambda z, t: F.kl_div(z.log_softmax(1), F.one_hot(t, 4).double(), reduction="batchmean"),
    lambda z, t: F.binary_cross_entropy_with_logits(z, F.one_hot(t, 4).double(), pos_weight=T(2.0)),
    lambda z, t: F.poisson_nll_loss(z[:, 0], t),
    lambda z, t: z.gather(1, t[:, None]).squeeze(1),
    lambda z, t: torch.zeros(4, 4).double().index_add(0, t, z),
    lambda z, t: (z * (t != 0)[:, None]).sum() / (t != 0).sum(),
]
#: at zeros, ties and far out the second derivatives are those of torch, too
SMOOTH = {
    "softplus":  F.softplus,
    "logsigmoid": F.logsigmoid,
    "gelu":      F.gelu,
    "silu":      F.silu,
    "elu":       F.elu,
    "relu":      torch.relu,
    "softsign":  F.softsign,
    "tanh":      torch.tanh,
    "softmax":   lambda x: x.softmax(0) ** 2,
    "logsumexp": lambda x: x.logsumexp(0),
    "logcumsumexp": lambda x: x.logcumsumexp(0),
    "huber":     lambda x: F.huber_loss(x, torch.zeros_like(x)),
    "bce":       lambda x: F.binary_cross_entropy_with_logits(x, torch.ones_like(x)),
    "norm":      lambda x: x.norm(),
    "layer_norm": lambda x: F.layer_norm(x, (3,)) ** 2,
    "rms_norm":  lambda x: F.rms_norm(x, (3,)),
    "std":       lambda x: x.std(),
}
# fmt: on


def compared(f, **arrays):
    tensors = {name: torch.as_tensor(array) for name, array in arrays.items()}
    e = ed.from_torch(f, *tensors.values(), verify=False)
    found = ed.evaluate(e, arrays)
    np.testing.assert_allclose(found, f(*tensors.values()), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("key", KEYS)
def test_keys(key):
    compared(lambda x: x[key], x=np.random.default_rng(0).standard_normal((4, 5, 6)))


@pytest.mark.parametrize("f", WRITES)
def test_writes_into_copies(f):
    compared(f, x=np.random.default_rng(0).standard_normal((4, 5, 6)))


@pytest.mark.parametrize("f", IMAGES)
def test_images(f):
    compared(f, x=np.random.default_rng(0).standard_normal((2, 4, 7, 6)))


@pytest.mark.parametrize("f", LOSSES)
def test_losses_of_class_numbers(f):
    compared(f, z=np.random.default_rng(0).standard_normal((3, 4)), t=np.array([2, 0, 2]))


@pytest.mark.parametrize("point", [[0.0, 0.0, 1.0], [-800.0, 0.0, 800.0]])
@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivatives_at_zeros_and_ties(name, point):
    def f(x):
        return SMOOTH[name](x).sum()

    x = T(point, dtype=torch.float64, requires_grad=True)
    e = ed.from_torch(f, x, verify=False)
    given = {"x": np.array(point)}
    (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
    np.testing.assert_allclose(ed.evaluate(ed.grad(e, "x"), given), gradient.detach(), atol=1e-9)
    rows = [torch.zeros(3)] * 3
    if gradient.requires_grad:
        rows = [torch.autograd.grad(one, x, retain_graph=True)[0] for one in gradient]
    found = ed.evaluate(ed.hessian(e, "x"), given)
    np.testing.assert_allclose(found, torch.stack(rows), atol=1e-9)
