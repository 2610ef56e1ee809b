"""The table of special points in docs/conventions.md: ours as it says, and PyTorch's where that is finite."""

import re
from pathlib import Path

import numpy as np
import pytest

import einderiv as ed

PAGE = Path(__file__).parents[2] / "docs" / "conventions.md"
torch = pytest.importorskip("torch")
F = torch.nn.functional

#: PyTorch's function for each row of the table, of x (and y, which is held)
PEERS = {
    "abs(x)": lambda x, y: x.abs(),
    "abs(x)**2": lambda x, y: x * x,
    "relu(x)": lambda x, y: torch.relu(x),
    "leaky_relu(x, 0.1)": lambda x, y: F.leaky_relu(x, 0.1),
    "elu(x)": lambda x, y: F.elu(x),
    "maximum(x, y)": torch.maximum,
    "minimum(x, y)": torch.minimum,
    "logaddexp(x, y)": torch.logaddexp,
    "hypot(x, y)": lambda x, y: torch.linalg.vector_norm(torch.stack([x, y])),
    "arctan2(x, y)": torch.atan2,
    "sqrt(x)": lambda x, y: x.sqrt(),
    "softplus(x)": lambda x, y: F.softplus(x, threshold=1000),
    "sigmoid(x)": lambda x, y: torch.sigmoid(x),
    "log(sigmoid(x))": lambda x, y: F.logsigmoid(x),
    "tanh(x)": lambda x, y: torch.tanh(x),
    "silu(x)": lambda x, y: F.silu(x),
    "where(x, log(x), 0)": lambda x, y: torch.where(x != 0, torch.where(x != 0, x, 1).log(), 0),
    "norm(x)": lambda x, y: torch.linalg.vector_norm(x),
    "norm(x)**2": lambda x, y: (x * x).sum(),
    "std(x)": lambda x, y: x.std(correction=0),
    "abs(x)**3": lambda x, y: x.abs() ** 3,
    "sign(x)": lambda x, y: torch.sign(x),
    "heaviside(x)": lambda x, y: (x > 0) + 0 * x,
    "cbrt(x)": lambda x, y: x.sign() * x.abs() ** (1 / 3),
    "reciprocal(x)": lambda x, y: x.reciprocal(),
    "power(x, 1.5)": lambda x, y: x**1.5,
    "power(x, -2)": lambda x, y: x**-2,
    "log(x)": lambda x, y: x.log(),
    "log1p(x)": lambda x, y: x.log1p(),
    "arcsin(x)": lambda x, y: x.arcsin(),
    "arccos(x)": lambda x, y: x.arccos(),
    "arccosh(x)": lambda x, y: x.arccosh(),
    "arctanh(x)": lambda x, y: x.arctanh(),
    "exp(x)": lambda x, y: x.exp(),
    "gelu(x)": lambda x, y: F.gelu(x),
    "erf(x)": lambda x, y: torch.erf(x),
    "arctan(x)": lambda x, y: x.arctan(),
    "arcsinh(x)": lambda x, y: x.arcsinh(),
    "x * tanh(softplus(x))": lambda x, y: F.mish(x),
    "sqrt(relu(x))": lambda x, y: torch.relu(x).sqrt(),
    "log(maximum(x, y))": lambda x, y: torch.maximum(x, y).log(),
    "exp(x) / exp(x)": lambda x, y: x.exp() / x.exp(),
    "log(exp(x))": lambda x, y: x.exp().log(),
    "where(x, 1 / x, 0)": lambda x, y: torch.where(x != 0, 1 / torch.where(x != 0, x, 1), 0),
    "norm(x, 1)": lambda x, y: torch.linalg.vector_norm(x, 1),
    "norm(x * x)": lambda x, y: torch.linalg.vector_norm(x * x),
    "var(x)": lambda x, y: x.var(correction=0),
    "max(x)": lambda x, y: x.amax(0),
    "min(x)": lambda x, y: x.amin(0),
    "prod(x)": lambda x, y: x.prod(),
    "logsumexp(x)": lambda x, y: x.logsumexp(0),
    "log(sum(exp(x)))": lambda x, y: x.logsumexp(0),
}
ROW = re.compile(r"\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|")


def rows():
    section = PAGE.read_text().partition("## Special points")[2].partition("\n## ")[0]
    return [tuple(cell.strip() for cell in found) for found in ROW.findall(section)]


def point(text):
    """``x = 0, y = 0`` or ``x = (1, 1)`` as arrays."""
    found = dict(re.findall(r"(\w) = (\([^)]*\)|[-\w.]+)", text))
    numbers = {n: [float(v) for v in t.strip("()").split(",")] for n, t in found.items()}
    return {n: np.array(v if "(" in found[n] else v[0]) for n, v in numbers.items()}


def entry(text):
    return float({"∞": "inf", "−∞": "-inf"}.get(text, text.replace("−", "-")))


def ours(text, at):
    """Value, slope and second slope by x; of a vector by its first entry."""
    axes = "i" if at["x"].ndim else ""
    given = {n: v for n, v in at.items() if n in text}
    e = ed.parse(f"x: {axes}\ny:\n{text}" if "y" in given else f"x: {axes}\n{text}")
    found = [ed.evaluate(d, given) for d in (e, ed.grad(e, "x"), ed.hessian(e, "x"))]
    return [float(np.ravel(v)[0]) for v in found]


def peers(text, at):
    x = torch.tensor(at["x"], requires_grad=True)
    y = torch.tensor(at.get("y", np.array(0.0)))
    value = PEERS[text](x, y)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    found = [value.item(), slope.flatten()[0].item()]
    if not slope.requires_grad:
        return [*found, 0.0]
    second = torch.autograd.grad(slope.flatten()[0], x, allow_unused=True)[0]
    return [*found, 0.0 if second is None else second.flatten()[0].item()]


def test_every_row_has_a_peer():
    assert {text for text, *_ in rows()} == set(PEERS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", rows(), ids=[f"{r[0]} at {r[1]}" for r in rows()])
def test_special_points(row):
    text, where, *cells, why = row
    at = point(where)
    wanted = [entry(cell) for cell in cells]
    np.testing.assert_allclose(ours(text, at), wanted, rtol=1e-3, atol=0)
    theirs = peers(text, at)
    differs = [
        not np.isclose(a, b, rtol=1e-3, atol=0) for a, b in zip(wanted, theirs) if np.isfinite(b)
    ]
    assert any(differs) == why.startswith("PyTorch"), theirs
