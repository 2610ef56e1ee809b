"""Expressions, compiled functions and structured results in processes that were started anew: equal, with the same answers."""

import multiprocessing
import pickle

import numpy as np
import pytest

import einderiv as ed

A = np.arange(6.0).reshape(2, 3)
x = ed.tensor("x", "i")
y = ed.einsum("ij,i->j", ed.constant(A, name="K"), x) * 2
f = ed.compile([y, ed.sum(y * y)], constants=["x"])
H = ed.evaluate(ed.hessian(ed.sum(x**3), x), x=[1.0, 2], dense=False)
traced = ed.compile(ed.trace_function(lambda b, a: a @ b, "i", "ji"))


def seen(e, function, result, by_parameters):
    """What another process says of them, and what it sends back."""
    first, second = function(x=[1.0, 2.0])
    values = [ed.evaluate(e, x=[1.0, 2.0]), first, second, result.dense(), result @ [1.0, 1.0]]
    return [np.asarray(v).tolist() for v in values], str(e), by_parameters.inputs, e


def same(told):
    here, text, inputs, e = seen(y, f, H, traced)
    assert told[:3] == (here, text, inputs)
    assert told[3] == e == y
    assert inputs == ("b", "a")


def test_spawned():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        same(pool.apply(seen, (y, f, H, traced)))


def test_joblib(tmp_path):
    joblib = pytest.importorskip("joblib")
    job = joblib.delayed(seen)(y, f, H, traced)
    same(joblib.Parallel(n_jobs=2)([job, job])[1])
    joblib.dump([y, f, H], tmp_path / "stored")
    e, function, result = joblib.load(tmp_path / "stored")
    assert e == y
    assert result.dense().tolist() == H.dense().tolist()
    assert np.array_equal(function(x=[1.0, 2.0])[0], ed.evaluate(e, x=[1.0, 2.0]))
    assert joblib.hash(pickle.loads(pickle.dumps(y))) == joblib.hash(y)


def test_dask():
    dask = pytest.importorskip("dask")
    job = dask.delayed(seen)(y, f, H, traced)
    same(dask.compute(job, scheduler="processes", num_workers=1)[0])
    again = pickle.loads(pickle.dumps(y))
    assert dask.base.tokenize(again) == dask.base.tokenize(y)
