"""Steps without writing into arrays: each is one expression, equal to what `np.einsum` says. NumPy runs JAX's text."""

import itertools

import numpy as np
import pytest
from oracle import assert_same
from test_numpy import CONTRACTIONS, SIZE, VIEWS, WRITES, array, text

import einderiv as ed
from einderiv.backends import JAX, TORCH
from einderiv.backends.functional import WIDE
from einderiv.planning import Step
from einderiv.planning.ops import OPS
from einderiv.rewriting import BEYOND_INT32


def run(kind, spec, arrays, out=(), operands=()):
    sizes = tuple(tuple(SIZE[x] for x in labels) for labels in operands)
    step = Step(OPS[kind], (), spec, tuple(SIZE[x] for x in out), 0, sizes)
    (line,) = JAX.spell(step, [f"v{k}" for k in range(len(arrays))], str)
    return eval(
        line, {"jnp": np, "dtype": np.dtype(np.int64), **{f"v{k}": a for k, a in enumerate(arrays)}}
    )


@pytest.mark.parametrize("part", range(4))
def test_contractions(part):
    rows = CONTRACTIONS[part::4]
    for a, b, out in rows:
        x, y = array(a, 1), array(b, 2)
        got = run("contract", (a, b, out), [x, y], out, (a, b))
        assert_same(got, np.einsum(f"{text(a, b)}->{text(out)}", x, y), text(a, b, out))


@pytest.mark.parametrize(("labels", "out"), VIEWS, ids=[text(*v) for v in VIEWS])
def test_views(labels, out):
    x = array(labels)
    assert_same(run("view", (labels, out), [x], out), np.einsum(f"{text(labels)}->{text(out)}", x))


@pytest.mark.parametrize("terms", WRITES, ids=str)
def test_terms_are_put_in_their_places(terms):
    shape = tuple(SIZE[x] for x in terms[0][1]) if terms else (2, 3)
    arrays = [array(labels) for labels, _ in terms]
    want = np.zeros(shape, np.int64)
    for a, (labels, output) in zip(arrays, terms):
        for at in itertools.product(*(range(SIZE[x]) for x in dict.fromkeys(output))):
            value = dict(zip(dict.fromkeys(output), at))
            want[tuple(value[x] for x in output)] += a[tuple(value[x] for x in labels)]
    out = terms[0][1] if terms else (0, 1)
    got = run("write", tuple(terms), arrays, out)
    assert_same(np.asarray(got), want)


def test_infinities_stay_on_their_diagonal():
    got = run("write", (((0,), (0, 0)),), [np.array([np.inf, np.nan])], (0, 0))
    np.testing.assert_array_equal(got, [[np.inf, 0], [0, np.nan]])


SPELT = [
    # kind, spec, what torch says, what JAX says
    ("contract", ((0, 1), (1, 2), (0, 2)),       "v0 @ v1",                 "v0 @ v1"),
    ("contract", ((0, 1), (1, 2), (2, 0)),       "v1.T @ v0.T",             "v1.T @ v0.T"),
    ("contract", ((0,), (0,), ()),               "v0 @ v1",                 "v0 @ v1"),
    ("contract", ((1, 0), (1,), (0,)),           "v1 @ v0",                 "v1 @ v0"),
    ("contract", ((1,), (0, 1), (0,)),           "v1 @ v0",                 "v1 @ v0"),
    ("contract", ((1,), (1, 0), (0,)),           "v0 @ v1",                 "v0 @ v1"),
    ("contract", ((0,), (1,), (0, 1)),           "v0[:, None] * v1",        "v0[:, None] * v1"),
    ("contract", ((0, 1), (0, 1), (0,)),         'torch.einsum("ab,ab->a", v0, v1)', 'jnp.einsum("ab,ab->a", v0, v1)'),
    ("view",      ((0, 1, 2), (2, 0, 1)),         "v0.permute(2, 0, 1)",     "v0.transpose(2, 0, 1)"),
    ("view",      ((0, 0), (0,)),                 'torch.einsum("aa->a", v0)', 'jnp.einsum("aa->a", v0)'),
    ("sum",       ((0, 1, 2), (1,)),              "v0.sum(dim=(0, 2))",      "v0.sum(axis=(0, 2))"),
    ("scale",     (-2, ()),                       "(-2) * v0",               "(-2) * v0"),
    ("scale",     (BEYOND_INT32, ()),   "torch.full((), 2147483648, dtype=dtype, device=device) * v0",
                               "jnp.full((), 2147483648, dtype=dtype) * v0"),
    ("number",    (WIDE,),     "torch.full((), 9.223372036854776e+18, dtype=dtype, device=device)",
                               "jnp.full((), 9.223372036854776e+18, dtype=dtype)"),
    ("add",       (),                             "v0 + v1",                 "v0 + v1"),
    ("contract", ((0, 1), (0, 2, 1), (2, 1)),    "(v1 * v0[:, None, :]).sum(dim=0)",
                                                  "(v1 * v0[:, None, :]).sum(axis=0)"),
    ("contract", ((0, 1, 2), (0, 2), (2, 1)),    "(v0 * v1[:, None, :]).sum(dim=0).T",
                                                  "(v0 * v1[:, None, :]).sum(axis=0).T"),
    ("combine",   ((1, -2), 3),                   "3 + v0 - 2 * v1",         "3 + v0 - 2 * v1"),
    ("write",     (((0,), (0, 0)),),              "torch.diag_embed(v0, 0, 0, 1)",
                                                  "jnp.where(jnp.eye(3, dtype=bool), v0[:, None], 0)"),
    ("write",     (((0,), (0, 1)),),              "v0[:, None].expand((2, 3)).clone()",
                                                  "jnp.broadcast_to(v0[:, None], (2, 3))"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "spec", "torch", "jax"), SPELT, ids=[f"{row[0]} {row[3]}" for row in SPELT]
)
def test_what_is_written(kind, spec, torch, jax):
    step = Step(OPS[kind], (), spec, (2, 3), 0)
    inputs = ["v0", "v1"] if kind in ("contract", "add", "combine") else ["v0"]
    assert TORCH.spell(step, inputs, str) == [torch]
    assert JAX.spell(step, inputs, str) == [jax]


def test_terms_of_one_diagonal_share_their_mask():
    step = Step(OPS["write"], (), (((0,), (0, 0)), ((0,), (0, 0))), (2, 2), 0)
    assert JAX.spell(step, ["v0", "v1"], str) == [
        "jnp.where(jnp.eye(2, dtype=bool), v0[:, None] + v1[:, None], 0)"
    ]


def test_unknown_steps_raise():
    with pytest.raises(AssertionError, match="no spelling for gram"):
        JAX.spell(Step(OPS["gram"], (), (), (), 0), [], str)


def test_a_users_function_needs_a_spelling():
    only = ed.function("only_numpy", "np.exp({0})", lambda x: ed.exp(x))
    with pytest.raises(ed.BackendError, match=r"only_numpy has no spelling for torch.*torch=…"):
        ed.source(only(ed.tensor("x", "i")), "torch")
    both = ed.function(
        "both", "np.exp({0})", lambda x: ed.exp(x), torch="torch.exp({0})", jax="lax.exp({0})"
    )
    assert "t0 = (torch.exp(x))" in ed.source(both(ed.tensor("x", "i")), "torch")
    assert "from jax import lax" in ed.source(both(ed.tensor("x", "i")), "jax")
    with pytest.raises(ed.EinderivError, match="leaves argument 0 out"):
        ed.function("third", "{0}", lambda x: 1, jax="1")
