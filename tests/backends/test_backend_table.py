"""The table of backends: every row is whole, and only what is on it can be asked for."""

import dataclasses
import sys

import pytest

import einderiv as ed
from einderiv.backends import BACKENDS, JAX, NUMPY
from einderiv.expression.arrays import LIBRARIES
from einderiv.functions.table import FUNCTIONS
from einderiv.rewriting.passes import PASSES

X = ed.tensor("X", "ij")


def test_every_library_whose_arrays_are_known_has_a_row():
    assert set(BACKENDS) == set(LIBRARIES.values())


#: functions that a library has no words for
MISSING = {"torch": ("sqrtm", "logm"), "jax": ("logm",), "cupy": ("sqrtm", "logm")}


@pytest.mark.parametrize("name", BACKENDS)
def test_rows_are_whole(name):
    row = BACKENDS[name]
    assert row.name == row.library.name == name
    compile(row.header, name, "exec")
    known = [f for f in FUNCTIONS.values() if not f.added and f.name not in MISSING.get(name, ())]
    assert all(isinstance(row.row(f), str) for f in known)
    for missing in MISSING.get(name, ()):
        with pytest.raises(ed.BackendError, match=f"{missing} has no spelling for {name}"):
            row.row(FUNCTIONS[missing])
    assert set(row.passes) <= {p.name for p in PASSES}
    assert row.library is BACKENDS[name].library


def test_a_backend_may_bring_a_column_of_its_own_or_take_anothers():
    exp, log = FUNCTIONS["exp"], FUNCTIONS["log"]
    own = dataclasses.replace(
        BACKENDS["jax"], column={"exp": "mine.exp({0})"}, modules={"mine": "import mine"}
    )
    assert (own.row(exp), own.needs(exp)) == ("mine.exp({0})", "import mine")
    assert own.row(log) == "jnp.log({0})"
    assert dataclasses.replace(own, takes="torch").row(log) == "torch.log({0})"


def test_a_name_that_is_not_on_the_table():
    with pytest.raises(ed.BackendError, match=r"no backend is called 'nunpy'.*numpy"):
        ed.compile(ed.tensor("x"), backend="nunpy")


def test_a_library_that_is_missing(monkeypatch):
    for backend in ("torch", "jax", "cupy"):
        for name in [n for n in sys.modules if n.partition(".")[0] == backend]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, backend, None)
        with pytest.raises(
            ed.BackendError, match=rf"needs {backend}: pip install 'einderiv\[{backend}\]'"
        ):
            ed.compile(X, backend=backend)(X=[[1.0]])
        if backend != "cupy":
            with pytest.raises(ed.BackendError, match=f"needs {backend}"):
                getattr(ed, f"to_{backend}")(X)


@pytest.mark.parametrize(
    ("base", "name", "match"),
    [
        (
            JAX,
            "tiling for the memory limit",
            "makes loops over blocks, and sources of jax do not write",
        ),
        (JAX, "batching of products", "makes the op 'stack', for which jax has no spelling"),
        (NUMPY, "addmm", "makes the op 'addmm', for which numpy has no spelling"),
        (NUMPY, "sharding", "makes the op 'shard', for which numpy has no spelling"),
    ],
)
def test_a_backend_that_cannot_do_what_its_passes_make_is_refused(base, name, match):
    with pytest.raises(ed.BackendError, match=match):
        dataclasses.replace(base, passes=(*base.passes, name))


def test_a_pass_that_is_not_there():
    with pytest.raises(ed.EinderivError, match="no pass is called 'tilling'"):
        dataclasses.replace(NUMPY, passes=("tilling",))
