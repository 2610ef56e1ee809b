"""What is asked of every backend: the same numbers as NumPy, and sources that run alone."""

import ast
import types

import numpy as np
from samples import flat, questions

import einderiv as ed

t, es = ed.tensor, ed.einsum
X, XY = t("X", "ij"), t("X", "ij") @ t("Y", "jk")
#: of X and Y, whose dtype and device the results keep
KEPT = {
    "product":    lambda: es("ij,jk->ik", "X", "Y"),
    "derivative": lambda: ed.derive(es("ij,jk->ik", "X", "Y"), "X"),
    "vanished":   lambda: ed.derive(es("ij,jk->", "X", "Y"), "X"),
    "numbers":    lambda: 0.5 * es("ij,jk->ik", "X", "Y") + 1.5,
    "exp":        lambda: ed.exp(es("ij,jk->ik", "X", "Y")),
    "embedded":   lambda: ed.diag(ed.sum(es("ij,jk->ik", "X", "Y"), 1)),
}  # fmt: skip
#: what torch and JAX have kernels of their own for
FUSED = {
    "added":      lambda: t("C", "ik") - 2 * XY,
    "embedded":   lambda: ed.derive(XY, X),
    "weighted":   lambda: es("ij,jk->ij", X, "Y") * X,
    "a Hessian":  lambda: ed.hessian(ed.sum((t("C", "ik") - XY) ** 2), X),
}  # fmt: skip
GIVEN = {"X": (2, 3), "Y": (3, 4), "C": (2, 4)}


def assert_as_numpy(name, convert, back=np.asarray):
    """Value, Jacobians, gradient and Hessian of a sample, in double precision."""
    for what, given in questions(name):
        got = ed.evaluate(what, {n: convert(a) for n, a in given.items()})
        assert_equal(list(map(back, flat(got))), flat(ed.evaluate(what, given)))


def assert_as_numpy_together(name, compiled):
    """The same in one program: `compiled` makes one of a function of the arrays."""
    asked = list(questions(name))
    _, given = asked[0]
    got = compiled(lambda given: [ed.evaluate(what, given) for what, _ in asked])(given)
    for one, (what, _) in zip(got, asked, strict=True):
        assert_equal(list(map(np.asarray, flat(one))), flat(ed.evaluate(what, given)))


def assert_equal(got, want):
    for g, w in zip(got, want, strict=True):
        assert (g.shape, g.dtype) == (w.shape, w.dtype)
        np.testing.assert_allclose(g, w, rtol=0, atol=1e-9 * max(1, np.abs(w).max(initial=0)))


def run_source(e, backend, given):
    """The source in a namespace of its own; nothing of ours is imported."""
    source = ed.source(e, backend)
    roots = {
        n.names[0].name.split(".")[0] if isinstance(n, ast.Import) else n.module.split(".")[0]
        for n in ast.walk(ast.parse(source))
        if isinstance(n, (ast.Import, ast.ImportFrom))
    }
    assert roots <= {backend, "itertools", "math", "cupyx"}
    scope = {"__name__": "alone"}
    exec(compile(source, "<source>", "exec"), scope)
    return scope["compute"](*given.values())


def fused(make, one):
    """A compiled expression as a function of X alone, and X."""
    f = ed.compile(make())
    given = {
        n: one(np.random.default_rng(k).normal(size=GIVEN[n])) for k, n in enumerate(f.tensors)
    }
    return (lambda x: f({**given, "X": x})), given["X"]


# ---- there is no device here: NumPy under CuPy's name, without what that lacks
class ndarray(np.ndarray):
    __module__ = "cupy"

    def get(self):
        return np.asarray(self)


def as_cupy(a):
    return np.asarray(a).view(ndarray)


def cupy_modules():
    """The modules that sources for CuPy import, by their names."""
    import scipy.linalg
    import scipy.special

    lacking = ("errstate", "vecdot")
    cupy = types.SimpleNamespace(
        **{k: v for k, v in vars(np).items() if k not in lacking and not k.startswith("__")}
    )
    cupy.ndarray, cupy.asarray = ndarray, as_cupy
    linalg = types.SimpleNamespace(
        **{n: getattr(scipy.linalg, n) for n in ("lu_factor", "lu_solve", "expm")}
    )
    inner = types.SimpleNamespace(special=scipy.special, linalg=linalg)
    return {
        "cupy": cupy,
        "cupyx": types.SimpleNamespace(scipy=inner),
        "cupyx.scipy": inner,
        "cupyx.scipy.linalg": linalg,
    }
