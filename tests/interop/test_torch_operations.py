"""Every operation of torch that is read, by the example of its row: value and gradient against
torch.
"""

import numpy as np
import pytest

import einderiv as ed
from einderiv.interop.torch_operations import OPERATIONS, WAYS_ROUND

torch = pytest.importorskip("torch")

NAMES = {"torch": torch, "F": torch.nn.functional, "aten": torch.ops.aten}


def drawn(row):
    """Doubles of the shapes of an example."""
    rng = np.random.default_rng(3)
    arrays = {}
    for name, shape in row.shapes.items():
        if isinstance(shape, str):  # "SPD 3"
            n = int(shape.split()[1])
            root = rng.standard_normal((n, n))
            arrays[name] = torch.tensor(root @ root.T + n * np.eye(n))
        else:
            arrays[name] = torch.tensor(rng.standard_normal(shape))
    return arrays


def written(row):
    """The function of an example."""
    return eval(f"lambda {', '.join(row.shapes)}: {row.example}", NAMES)


@pytest.mark.filterwarnings("ignore:torch.* is deprecated")
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_read(name, monkeypatch):
    row = OPERATIONS[name]
    met = []

    def noticed(call, *args, **named):
        met.append(call.name)
        return row.read(call, *args, **named)

    monkeypatch.setitem(OPERATIONS, name, row._replace(read=noticed))
    arrays = drawn(row)
    f = written(row)
    e = ed.from_torch(f, *arrays.values(), verify=False)  # it is compared below
    assert f"aten.{name}" in met

    leaves = [array.clone().requires_grad_() for array in arrays.values()]
    value = f(*leaves)
    found = ed.evaluate(e, arrays)
    np.testing.assert_allclose(found, value.detach(), atol=1e-10, rtol=1e-10)

    cotangent = torch.randn(value.shape, dtype=torch.float64)
    loss = (value * cotangent).sum()
    wanted = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    weighted = e * ed.constant(cotangent.numpy()) if e.ndim else e * float(cotangent)
    gradients = ed.compile(ed.grad(ed.sum(weighted), list(arrays)))(arrays)
    for ours, theirs in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9, rtol=1e-9)


def test_what_is_read_has_no_other_way():
    assert not OPERATIONS.keys() & WAYS_ROUND.keys()
