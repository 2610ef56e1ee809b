"""Blocks made by a cluster: from pieces of the cores, cut in any way, the same as from whole cores."""

import tracemalloc

import numpy as np
import pytest

import einderiv as ed
from einderiv.backends import client_of_cluster
from einderiv.large.cluster import _joined, _pieces, hashed

da = pytest.importorskip("dask.array", reason="dask is an extra")
distributed = pytest.importorskip("distributed", reason="dask is an extra")
pytest.importorskip("zarr", reason="zarr is an extra")

rng = np.random.default_rng(1)
WHOLE = rng.integers(-9, 10, (7, 6))


@pytest.mark.parametrize("chunks", [(7, 6), (2, 3), (3, 4), (1, 1)])
@pytest.mark.parametrize(
    "wanted", [((0, 7), (0, 6)), ((1, 4), (2, 3)), ((6, 7), (0, 6)), ((2, 6), (3, 6))]
)
def test_parts_are_joined(chunks, wanted):
    lazy = da.from_array(WHOLE, chunks=chunks)
    found = list(_pieces(lazy, wanted))
    pieces = [lazy.blocks[at].compute() for at, _ in found]
    sizes = [b - a for a, b in wanted]
    joined = _joined(sizes, [where for _, where in found], iter(pieces))
    assert joined.tolist() == WHOLE[tuple(slice(a, b) for a, b in wanted)].tolist()


def test_a_number_is_one_piece():
    lazy = da.from_array(np.array(3.0))
    assert list(_pieces(lazy, ())) == [((), ())]
    assert _joined((), [()], iter([np.array(3.0)])) == 3


def test_digests_tell_pieces_apart():
    a = np.arange(6.0)
    texts = {hashed(x) for x in (a, a.reshape(2, 3), a.astype("f4"), a + 1, a[::-1])}
    assert len(texts) == 5 and hashed(a[::2]) == hashed(a[::2].copy())


CASES = {
    "by operand":    lambda: ed.derive(ed.einsum("ij,jk->ik", "A", "B"), "A"),
    "two terms":     lambda: ed.hessian(ed.einsum("ij,ij,jk->", "A", "A", "B") + ed.einsum("ij,il->", "A", "A"), "A"),
    "factors apart": lambda: ed.derive(ed.einsum("ij,kl,j->ikl", "A", "B", "x"), "x"),
    "a number":      lambda: ed.einsum("ij->", "A"),
    "dense":         lambda: ed.einsum("ij,jk->ik", "A", "B"),
    "slices":        lambda: ed.derive(T["A"][1:, ::-1] ** 2, "A"),
    "differences":   lambda: ed.hessian(ed.sum(np.tanh(T["x"][1:] - T["x"][:-1]) ** 2 * 3), "x"),
    "a halo":        lambda: ed.derive(ed.einsum("(i+k),k->i", "y", "x"), "y"),
    "a halo, by w":  lambda: ed.derive(ed.einsum("(i+k),k->i", "y", "x"), "x"),
    "strides":       lambda: ed.derive(ed.einsum("(2i+1),i->i", "y", "x") ** 2, "y"),
    "a padded one":  lambda: ed.derive(ed.pad(T["y"] ** 2, 2, mode="reflect"), "y"),
    "rolled":        lambda: ed.derive(ed.roll(T["B"] ** 2, 2, 1), "B"),
    "reshaped":      lambda: ed.derive(T["B"].reshape(-1) ** 2, "B"),
    "written":       lambda: ed.einsum("i->i(2i)", "x"),
    "an index array": lambda: ed.derive(ed.einsum("(r[e]),e->e", "y", "z", index={"r": np.array([4, 0, 4, 8])}) ** 2, "y"),
    "sorted":        lambda: ed.derive(ed.sort(T["y"]) ** 2, "y"),
}  # fmt: skip
T = {
    name: ed.tensor(name, axes) for name, axes in {"A": "ij", "B": "jk", "x": "i", "y": "i"}.items()
}
AT = {
    "A": rng.integers(-3, 4, (4, 3)).astype(float),
    "B": rng.integers(-3, 4, (3, 5)).astype(float),
    "x": rng.integers(-3, 4, 3).astype(float),
    "y": rng.permutation(9).astype(float),
    "z": rng.integers(1, 4, 4).astype(float),
}


@pytest.fixture(scope="module")
def client():
    """Two workers in this process: the tests that kill some are in test_distributed."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_streams_of_a_cluster(name, tmp_path, client):
    assert client_of_cluster() is client
    e = CASES[name]()
    given = {n: AT[n] for n in ed.compile(e).tensors}
    lazy = {n: da.from_array(a, chunks=2) for n, a in given.items()}
    found = ed.stream(e, lazy, to=tmp_path / "J.zarr", memory_limit=1500, progress=False)
    want = ed.evaluate(e, given)
    assert (found.shape, found.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(
        np.asarray(found[...]), want, rtol=0 if name != "differences" else 1e-12, atol=0
    )
    again = ed.stream(e, lazy, to=tmp_path / "J.zarr", memory_limit=1500, progress=False)
    assert np.asarray(again[...]).tolist() == np.asarray(found[...]).tolist()
    other = {n: 2 * a + 1 for n, a in lazy.items()}
    with pytest.raises(ed.EinderivError, match="holds another result"):
        ed.stream(e, other, to=tmp_path / "J.zarr", memory_limit=1500, progress=False)


def test_no_cluster_is_no_error(monkeypatch):
    monkeypatch.delitem(__import__("sys").modules, "distributed")
    assert client_of_cluster() is None


def test_digests_do_not_copy():
    whole = np.arange(1200 * 1000.0).reshape(1200, 1000)
    tracemalloc.start()
    found = hashed(whole), hashed(whole[::-1])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A copy is 9.6 MB; what threads of loaded libraries take in the meantime is counted too, so not a few kilobytes.
    assert most < whole.nbytes / 5
    assert found[0] == hashed(np.asfortranarray(whole))
    assert found[1] == hashed(whole[::-1].copy())
    assert len({*found, hashed(whole.T), hashed(whole.ravel()), hashed(whole.view(np.int64))}) == 5


@pytest.mark.parametrize(
    "array",
    [np.array(3.0), np.zeros((0, 3)), np.ones((3, 4, 5)).T, np.array([True]), np.ones(3) * 1j],
)
def test_digests_of_odd_arrays(array):
    assert hashed(array) == hashed(array.copy(order="C"))
    assert hashed(array) != hashed(array[None])
