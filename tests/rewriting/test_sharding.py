"""Values divided among devices: along axes that results keep, and so that no device ever sends another anything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import einderiv as ed
from einderiv.backends import check_mesh
from einderiv.reports.inspection import _unsized
from einderiv.rewriting.sharding import divided

LOSS = "T: ijk\nA: ir\nB: jr\nC: kr\nsum((T - einsum('ir,jr,kr->ijk', A, B, C))**2)"
LOGISTIC = "X: i j\nw: j\ny: i\nsum(softplus(X @ w)) - sum(y * (X @ w))"
CP = {"T": (32,) * 3, "A": (32, 8), "B": (32, 8), "C": (32, 8)}
DATA = {"X": (64, 16), "w": (16,), "y": (64,)}
MATRICES = {"A": (64, 32), "B": (32, 16), "C": (16, 8), "S": (16, 16)}
CHAIN = ed.einsum("is,st,tj->ij", "A", "B", "C")
CASES = {
    # expression, shapes, the axis of the result that is divided, inputs that are divided
    "chain":        (CHAIN,                                          MATRICES,  0,  {"A": 0}),
    "Jacobian":     (ed.derive(CHAIN, "A"),                          MATRICES,  3,  {"B": 0}),
    "by middle":    (ed.derive(CHAIN, "B"),                          MATRICES,  0,  {"A": 0}),
    "CP":           (ed.grad(ed.parse(LOSS), "A"),                   CP,        0,  {"T": 0, "A": 0}),
    "gradient":     (ed.grad(ed.parse(LOGISTIC), "w"),               DATA,      0,  {}),
    "Hessian":      (ed.hessian(ed.parse(LOGISTIC), "w"),            DATA,      1,  {}),
    "softmax":      (ed.softmax(ed.tensor("X", "ij"), 1),            DATA,      0,  {"X": 0}),
    "elementwise":  (ed.exp(ed.tensor("X", "ij")) + 1,               DATA,      0,  {"X": 0}),
    "transposed":   (ed.einsum("ij->ji", "X"),                       DATA,      0,  {"X": 1}),
    "diagonal":     (ed.einsum("ii->i", "S"),                        MATRICES,  0,  {}),
    "solve":        (ed.einsum("ij,jk->ik", ed.inv(ed.tensor("S", "ij")), "C"), MATRICES, 0, {}),
    "scalar":       (ed.einsum("ij,ij->", "X", "X"),                 DATA,      None, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_axes_that_results_keep(name):
    e, shapes, axis, inputs = CASES[name]
    known = ed.compile(e).tensors
    program = _unsized(e, {n: s for n, s in shapes.items() if n in known}).program
    axes = divided(program, 8)
    assert axes[program.outputs[0]] == axis
    named = {
        program.steps[k].spec[0]: p for k, p in axes.items() if program.steps[k].op.name == "input"
    }
    assert {n: p for n, p in named.items() if p is not None} == inputs


def test_what_does_not_divide_is_refused():
    program = _unsized(CHAIN, {"A": (63, 32), "B": (32, 16), "C": (16, 7)}).program
    with pytest.raises(
        ed.EinderivError, match=r"no axis of a result of shape \(63, 7\) divides among 8 devices"
    ):
        divided(program, 8)
    assert divided(program, 7)[program.outputs[0]] is not None


@pytest.mark.parametrize(
    ("mesh", "backend", "error", "match"),
    [
        (8, "jax", TypeError, "mesh is a jax.sharding.Mesh, not int"),
        (object(), None, ed.EinderivError, "say backend='jax' too"),
        (object(), "torch", ed.EinderivError, "say backend='jax' too"),
    ],
)
def test_what_is_no_mesh(mesh, backend, error, match):
    with pytest.raises(error, match=match):
        check_mesh(mesh, backend)


def test_whole_numbers_on_a_mesh_are_exact_or_refused():
    jax = pytest.importorskip("jax")
    mesh = jax.make_mesh((1,), ("devices",))
    f = ed.compile(ed.einsum("ij,j,j->i", "A", "b", "b"), backend="jax", mesh=mesh)
    assert f(A=[[1, 2], [3, 4]], b=[5, 6]).tolist() == [97, 219]
    with pytest.raises(ed.EinderivError, match=r"integers may reach 2\*\*9. here, beyond int"):
        f(A=[[2**30, 2**30]], b=[2**30, 2**30])


def on_eight_devices():
    """What the compiled programs send, in a process that believes it has eight devices."""
    import re

    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    sends = re.compile(
        r"\b(all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)(?:-start)?\("
    )
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("rows", "columns"))
    rng = np.random.default_rng(0)
    found = {}
    for name, (e, shapes, _, _) in CASES.items():
        f = ed.compile(e, backend="jax", mesh=mesh)
        arrays = {n: jnp.asarray(rng.normal(size=shapes[n])) for n in f.tensors}
        want = ed.evaluate(e, {n: np.asarray(a) for n, a in arrays.items()})
        compiled = jax.jit(f).lower(arrays).compile()
        got = compiled(arrays)
        scope = {}
        exec(f.source({n: a.shape for n, a in arrays.items()}), scope)
        again = scope["compute"](*(arrays[n] for n in f.inputs))
        found[name] = {
            "sent": sends.findall(compiled.as_text()),
            "whole": got.size,
            "part": got.addressable_shards[0].data.size,
            "close": bool(np.allclose(got, want, rtol=1e-12, atol=1e-12)),
            "eager": bool(np.allclose(f(arrays), want)),
            "source": bool(np.allclose(again, want)),
        }
    # Along the axis that is summed, the parts of both operands have to be added: the counting sees it.
    flat = Mesh(np.array(jax.devices()), ("devices",))
    x, y = (
        jax.device_put(jnp.ones((64, 64)), NamedSharding(flat, PartitionSpec(*spec)))
        for spec in ((None, "devices"), ("devices", None))
    )
    found["summed"] = {"sent": sends.findall(jax.jit(jnp.matmul).lower(x, y).compile().as_text())}
    print(json.dumps(found))


@pytest.fixture(scope="module")
def eight():
    pytest.importorskip("jax")
    env = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(
            [str(Path(ed.__file__).parents[1]), str(Path(__file__).parent)]
        ),
    }
    code = "from test_sharding import on_eight_devices; on_eight_devices()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_sent(eight, name):
    found, axis = eight[name], CASES[name][2]
    assert found["sent"] == []
    assert found["close"]
    assert found["eager"]
    assert found["source"]
    assert found["part"] == found["whole"] // (1 if axis is None else 8)


def test_along_a_summed_axis_something_would_be_sent(eight):
    assert "all-reduce" in eight["summed"]["sent"]
