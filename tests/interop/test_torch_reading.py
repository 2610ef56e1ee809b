"""How functions and modules of torch are read: names, structures, modes, and what is refused."""

import warnings

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import walk

torch = pytest.importorskip("torch")
nn = torch.nn
F = nn.functional


# ---- arguments and results
class Pair(nn.Module):
    """Two layers with one weight."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3, bias=False)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def of_all(*xs, scale=1.0):
    return xs[0] @ xs[1] * scale


# fmt: off
INPUTS = [
    (lambda W, x: W @ x,                        [(2, 3), (3,)],                        ("W", "x")),
    (lambda x, W: W @ x,                        [(3,), (2, 3)],                        ("x", "W")),
    (lambda p, x: p["W"] @ x + p["b"],          [{"W": (2, 3), "b": (2,)}, (3,)],      ("p_W", "p_b", "x")),
    (lambda p: p[0] @ p[1][0],                  [[(2, 3), [(3,)]]],                    ("p_0", "p_1_0")),
    (lambda x, n, word: x**n,                   [(3,), 3, "same"],                     ("x",)),
    (lambda x: x.exp(),                         [()],                                  ("x",)),
    (lambda a: a @ a.T,                         [(0, 3)],                              ("a",)),
    (of_all,                                    [(2, 3), (3,)],                        ("xs0", "xs1")),
    (nn.Linear(3, 2),                           [(4, 3)],                              ("input", "weight", "bias")),
    (nn.Sequential(nn.Linear(3, 2), nn.ReLU()), [(4, 3)],                              ("input", "p0_weight", "p0_bias")),
    (Pair(),                                    [(4, 3)],                              ("x", "first_weight", "second_bias")),
]
# fmt: on


@pytest.mark.parametrize(("f", "given", "names"), INPUTS)
def test_inputs_are_named_in_the_order_of_parameters(f, given, names):
    assert ed.compile(ed.from_torch(f, *given)).inputs == names


def test_keywords_are_arguments():
    e = ed.from_torch(lambda x, *, y, scale: x * y * scale, (3,), y=(3,), scale=2.0)
    assert e == 2.0 * ed.parse("x: i\ny: i\nx * y")


def test_results_have_the_structure_of_the_function():
    found = ed.from_torch(lambda x: {"sum": x.sum(), "rest": (2 * x, [3, None])}, (2,))
    x = ed.tensor("x", (2,))
    assert found == {"sum": ed.sum(x), "rest": (2 * x, [3, None])}


def test_arrays_give_shapes_and_are_not_held():
    e = ed.from_torch(lambda x, y: x * y, torch.ones(2), np.ones(2))
    assert ed.evaluate(e, x=[2, 3], y=[5, 7]).tolist() == [10, 21]


def test_whole_numbers_are_index_arrays():
    e = ed.from_torch(lambda x, i: x[i] * (i != 0), torch.ones(4), torch.tensor([[0, 1]]))
    assert ed.evaluate(e, x=[2, 3, 5, 7], i=[[3, 0]]).tolist() == [[7, 0]]


def test_truth_values_are_masks():
    e = ed.from_torch(lambda x, m: torch.where(m, x, 0.0), (2,), torch.tensor([True, False]))
    assert ed.evaluate(e, x=[2.0, 3.0], m=[False, True]).tolist() == [0, 3]


def test_labels_and_logits_may_be_flattened():
    def loss(z, t):
        return F.cross_entropy(z.reshape(-1, 5), t.reshape(-1), label_smoothing=0.1)

    z, t = torch.randn(2, 3, 5).double(), torch.tensor([[0, 1, 2], [4, 4, 0]])
    e = ed.from_torch(loss, z, t)
    np.testing.assert_allclose(ed.evaluate(e, z=z, t=t), loss(z, t), rtol=1e-12)


def test_a_module_is_called_with_parameters_of_its_own():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh()).double()

    def loss(params, x):
        return torch.func.functional_call(net, params, (x,)).sum()

    params = dict(net.named_parameters())
    e = ed.from_torch(loss, params, (4, 2))
    x = torch.randn(4, 2).double()
    given = ed.arrays(params=params, x=x)
    found = ed.evaluate(e, {name: array.detach() for name, array in given.items()})
    np.testing.assert_allclose(found, loss(params, x).detach(), rtol=1e-12)


def test_gradients_inside_are_read():
    inner = torch.func.grad(lambda w, x: torch.tanh(w * x).sum())
    e = ed.from_torch(inner, (3,), (3,))
    w, x = np.array([0.1, 0.2, 0.3]), np.array([1.0, -1.0, 2.0])
    np.testing.assert_allclose(ed.evaluate(e, w=w, x=x), x / np.cosh(w * x) ** 2, rtol=1e-12)


def test_what_is_made_inside_may_be_written():
    def table(x):
        rows = torch.zeros(2, 2)
        rows[0] = x
        rows[:, 1] *= 3
        return rows

    e = ed.from_torch(table, (2,))
    assert ed.evaluate(e, x=[5.0, 7.0]).tolist() == [[5, 21], [0, 0]]


def test_single_precision_is_read_too():
    net = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))
    e = ed.from_torch(net, (4, 2))
    x = torch.randn(4, 2)
    given = {**ed.arrays(net), "input": x}
    found = ed.evaluate(e, given)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, net(x).detach(), atol=1e-5)


# ---- modes
def test_a_module_is_read_in_evaluation_mode():
    net = nn.Sequential(nn.Linear(2, 3), nn.Dropout(), nn.BatchNorm1d(3)).double()
    match = "in evaluation mode, though Dropout and BatchNorm1d in it would act in training"
    with pytest.warns(UserWarning, match=match):
        e = ed.from_torch(net, (4, 2))
    assert all([part.training for part in net.modules()])
    x = torch.randn(4, 2).double()
    given = {**ed.arrays(net), "input": x}
    np.testing.assert_allclose(ed.evaluate(e, given), net.eval()(x).detach(), rtol=1e-12)


def test_nothing_is_said_where_the_mode_makes_no_difference():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ed.from_torch(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Dropout().eval()), (4, 2))


def test_the_row_of_padding_is_said():
    net = nn.Embedding(4, 2, padding_idx=0)
    with pytest.warns(UserWarning, match="has its row 0 too, which torch leaves out"):
        ed.from_torch(net, torch.tensor([1, 2]))


# ---- work
def test_what_is_read_grows_as_the_network():
    counts = []
    for layers in (5, 10, 20):
        net = nn.Sequential(*[nn.Linear(2, 2) for _ in range(layers)])
        e = ed.from_torch(net, (1, 2), verify=False)
        counts.append(len(list(walk((e,)))))
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


# ---- refusals
class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x * 2


class Kept(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        with torch.no_grad():
            target = torch.tanh(self.layer(x))
        return target + self.layer(x)


def ordered(x):
    y = x.sin()
    return y.sort().values


def branching(x):
    if x.sum() > 0:
        return x
    return -x


HELD = torch.ones(3)
# fmt: off
REFUSALS = [
    (ordered,                                        [(3,)],        r"aten\.sort, at line \d+ of test_torch_reading\.py, 'return y\.sort\(\)\.values': sort outside"),
    (lambda x: x.argmax() * x,                       [(3,)],        "aten.argmax.*jumps: take its value"),
    (lambda x: x.max(0).indices,                     [(3,)],        "aten.max.*places of entries are none"),
    (lambda x: x * torch.rand(3),                    [(3,)],        "rand.*it is random: draw outside"),
    (lambda x: F.dropout(x),                         [(3,)],        "it is random: draw outside"),
    (branching,                                      [(3,)],        r"cannot trace branching, at line \d+ of .*'if x.sum\(\) > 0:'.*may not decide on branches"),
    (lambda x: x * float(x.sum()),                   [(3,)],        "may not decide on branches, lengths"),
    (lambda x: x[x > 0],                             [(3,)],        "aten.index.*computed from an input"),
    (lambda x, i: x[i + 1], [torch.ones(3), torch.tensor([0])],     "computed from an input: make them an argument"),
    (lambda x: x.add_(1),                            [(3,)],        "no side effects: write to a clone"),
    (lambda x: x * HELD.mul_(1.0),                   [(3,)],        "writing to what is given.*no side effects"),
    (lambda x: (x.detach() * x).sum(),               [(3,)],        "detach.*keeps the gradient by x from a part"),
    (lambda x: (x.data * x).sum(),                   [(3,)],        "detach.*keeps the gradient by x from a part"),
    (lambda x: torch.fft.fft(x).abs(),               [(3,)],        "complex numbers are not read"),
    (lambda x: x * 2,                                [torch.ones(2, dtype=torch.complex128)], "x is complex: give the real"),
    (lambda x: x.floor(),                            [(3,)],        "aten.floor.*it jumps"),
    (lambda x: x // 2,                               [(3,)],        "aten.div.*divide without rounding_mode"),
    (lambda x: x.long() * x,                         [(3,)],        "whole numbers jumps"),
    (lambda x, y: x**y,                              [(3,), (3,)],  r"write torch.exp\(y \* torch.log\(x\)\)"),
    (lambda x: torch.linalg.eigvalsh(x),             [(3, 3)],      "aten._linalg_eigh.*inv, det, cholesky"),
    (lambda x, y: x @ y,                             [(3,), (4,)],  "cannot trace .*arguments must fit"),
    (Counting(),                                     [(3,)],        "writes to calls: an expression has no side effects"),
    (Kept(),                                         [(3,)],        r"detach, at line \d+ of .*no_grad.*keeps the gradient by x"),
]
# fmt: on


@pytest.mark.parametrize(("f", "given", "match"), REFUSALS)
def test_what_cannot_be_read_says_why_and_what_to_do(f, given, match):
    with pytest.raises(ed.BackendError, match=match):
        ed.from_torch(f, *given)


def test_what_may_keep_a_gradient_is_compared():
    # of the value at which it is kept nothing is left
    e = ed.from_torch(lambda x: (0 * x.detach() + x).sum(), (3,))
    assert ed.evaluate(ed.grad(e, "x"), x=np.ones(3)).tolist() == [1, 1, 1]
    with pytest.raises(ed.BackendError, match="only known by comparing, with verify=True"):
        ed.from_torch(lambda x: (0 * x.detach() + x).sum(), (3,), verify=False)


def test_two_inputs_of_one_name_are_refused():
    with pytest.raises(ed.EinderivError, match="two arrays would be called a_b"):
        ed.from_torch(lambda a, a_b: a["b"] * a_b, {"b": (3,)}, (3,))


@pytest.mark.parametrize(
    ("f", "given", "match"),
    [
        (3, [(3,)], "takes a function or a module of torch, not int"),
        (lambda x: x, [{1, 2}], "x is of type set: give arrays, shapes, numbers"),
    ],
)
def test_wrong_types_are_refused(f, given, match):
    with pytest.raises(TypeError, match=match):
        ed.from_torch(f, *given)


def test_a_wrong_reading_is_noticed(monkeypatch):
    from einderiv.interop.torch_operations import OPERATIONS

    row = OPERATIONS["sin"]
    monkeypatch.setitem(OPERATIONS, "sin", row._replace(read=lambda call, x: x))
    with pytest.raises(ed.BackendError, match="was read wrongly: its values differ"):
        ed.from_torch(lambda x: x.sin(), torch.ones(3).double())
