"""What is asked of every backend: the same numbers as NumPy, and sources that run alone."""

import ast

import numpy as np
from samples import flat, questions

import einderiv as ed


def assert_as_numpy(name, convert, back=np.asarray):
    """Value, Jacobians, gradient and Hessian of a sample, in double precision."""
    for what, given in questions(name):
        want = flat(ed.evaluate(what, given))
        got = flat(ed.evaluate(what, {n: convert(a) for n, a in given.items()}))
        for g, w in zip(map(back, got), want, strict=True):
            assert (g.shape, g.dtype) == (w.shape, w.dtype)
            np.testing.assert_allclose(g, w, rtol=0, atol=1e-9 * max(1, np.abs(w).max(initial=0)))


def run_source(e, backend, given):
    """The source in a namespace of its own; nothing of ours is imported."""
    source = ed.source(e, backend)
    roots = {n.names[0].name.split(".")[0] if isinstance(n, ast.Import) else n.module.split(".")[0]
             for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.Import, ast.ImportFrom))}  # fmt: skip
    assert roots <= {backend, "itertools", "math", "cupyx"}
    scope = {"__name__": "alone"}
    exec(compile(source, "<source>", "exec"), scope)
    return scope["compute"](*given.values())
