"""A derivative of one's own, timed: all answers are compared, what cannot take part is said, and lines fit."""

import re
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import einderiv as ed
from einderiv import cli
from einderiv.checking import own_timing as own
from einderiv.checking import time_derivative
from einderiv.checking import timed_contraction as contraction
from einderiv.checking.rounds import Rounds, WrongAnswer
from einderiv.cli import main

ONCE = Rounds(rounds=1, least=0)


def chain(y, wrt, order=1):
    found = [y]
    for _ in range(order):
        found.append(ed.derive(found[-1], wrt))
    return found


def timed(text, wrt, order=1, sizes=None, against=("opt_einsum",)):
    y = ed.parse(text, kinds="guess") if "->" not in text or "'" in text else ed.einsum(text)
    derived = partial(chain, y, wrt, order)
    return time_derivative(derived, sizes=sizes, against=against, rounds=ONCE)


EINSUMS = [  # a text, by what, the order; opt_einsum finds the same with identity matrices
    ("is,st,tj->ij",       0,   1),
    ("is,st,tj->ij",       1,   1),
    ("ii->i",              0,   1),
    ("ij->",               "A", 1),
    ("i,i->",              1,   1),
    ("x.T @ A @ x",        "x", 1),
    ("x.T @ A @ x",        "x", 2),
    ("sum((T-U@V.T)**2)",  "U", 1),
    ("sum((T-U@V.T)**2)",  "U", 2),
    ("i+k,k->i",           0,   1),
    ("i+k,k->i",           1,   1),
    ("ij->(i j)",          0,   1),
    ("x**3 - 2*x",         "x", 2),
    ("trace(X.T@A@X)",     "X", 1),
    ("2*x",                "x", 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "order"), EINSUMS)
def test_opt_einsum_with_identity_matrices_agrees(text, wrt, order):
    found = timed(text, wrt, order)
    assert found.left_out == {}
    assert found.entries["opt_einsum"].off < 1e-12
    assert found.entries["einderiv"].median > 0
    assert max(map(len, str(found).splitlines())) <= 80


@pytest.mark.parametrize(
    ("text", "wrt", "why"),
    [
        ("sin(x)", "x", "the derivative has the function cos, and einsums have none"),
        ("X: ij; y: k; sum(X)", "X", None),
        ("logdet(X)", "X", "function inv"),
    ],
)
def test_what_opt_einsum_cannot_do_is_said(text, wrt, why):
    found = timed(text, wrt)
    assert (why is None) == ("opt_einsum" not in found.left_out)
    if why:
        assert why in found.left_out["opt_einsum"]
        assert "left out: opt_einsum: the derivative has" in str(found)


def test_a_zero_derivative():
    found = timed("ij->i", 0, sizes={"i": 2, "j": 3})
    assert found.left_out == {}
    second = time_derivative(partial(chain, ed.einsum("ij->i"), "A", 2), rounds=ONCE)
    assert second.left_out["opt_einsum"] == "the derivative is zero"


def test_sizes_are_those_that_are_given_or_said_to_be_assumed():
    given = timed("is,st,tj->ij", 0, sizes={"i": 2, "s": 3, "t": 4, "j": 5})
    assert "A 2×3, B 3×4, C 4×5; sizes i = 2, s = 3, t = 4, j = 5" in str(given)
    assert "a result of shape 2×5×2×3: 480 B, its cores 120 B" in str(given)
    assumed = str(timed("is,st,tj->ij", 0))
    assert "A 32×32, B 32×32, C 32×32; no sizes are given, so these are assumed" in " ".join(
        assumed.split()
    )
    # of a result of many axes, smaller ones
    assert "A 8×8" in str(timed("ij,kl->ijkl", 0))


def test_a_result_that_is_too_large_is_compared_at_small_sizes_and_its_cores_are_timed():
    with ed.limits.override(dense_bytes=10**5):
        found = timed("is,st,tj->ij", 0, sizes=dict.fromkeys("istj", 20))
    assert list(found.entries) == ["einderiv, cores"]
    said = " ".join(str(found).split())
    assert "The dense result is above ed.limits.dense_bytes, 100 kB" in said
    assert "the answers of einderiv, einderiv, cores, opt_einsum agree" in said


@pytest.mark.parametrize(
    ("name", "bound", "why"),
    [
        ("ITEM_BYTES", 10**12, "an array on the way takes"),
        ("MOST_OPERATIONS", 10, r"it takes \de\+\d\d operations"),
    ],
)
def test_a_way_that_is_too_large_or_too_long_is_left_out(monkeypatch, name, bound, why):
    monkeypatch.setattr(contraction, name, bound)
    found = timed("ij,jk->ik", 0)
    assert re.match(why, found.left_out["opt_einsum"])


def test_a_wrong_answer_is_an_error_and_nothing_is_timed(monkeypatch, capsys):
    def wrong(J, shape):
        return lambda arrays: lambda: np.ones(shape)

    monkeypatch.setattr(own, "with_identities", wrong)
    monkeypatch.setattr(own, "interleaved", None)
    with pytest.raises(WrongAnswer, match=r"nothing is timed: opt_einsum is .* off einderiv"):
        timed("is,st,tj->ij", 0)
    monkeypatch.setenv(cli.MEASURES, "1")
    words = ["bench", "ij,jk->ik", "--wrt", "0", "--against", "opt_einsum"]
    assert main(words) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "einderiv: the answers differ, and nothing is timed" in captured.err


def test_a_library_that_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(own, "find_spec", lambda name: None if name == "jax" else name)
    found = timed("ij->i", 0, against=("jax", "opt_einsum"))
    assert found.left_out == {"jax": "not installed: pip install 'einderiv[jax]'"}
    assert "left out: jax: not installed" in str(found)


def test_a_library_that_fails_is_said_and_ours_that_fails_is_raised(monkeypatch):
    pytest.importorskip("torch")

    def broken(*_):
        raise MemoryError("too large")

    monkeypatch.setattr(own, "_model", lambda *_: broken)
    found = timed("ij->i", 0, against=("torch",))
    assert found.left_out["torch.jacrev"] == "MemoryError: too large"
    monkeypatch.setattr(own, "hosted", lambda *_: broken)
    with pytest.raises(MemoryError, match="too large"):
        timed("ij->i", 0, against=("torch",))


RIVALS = [  # an expression, by what, the order
    (ed.einsum("is,st,tj->ij"), 0, 1),
    (ed.einsum("i,ij,j->", "x", "A", "x"), 0, 1),
    (ed.einsum("i,ij,j->", "x", "A", "x"), "x", 3),
    (ed.parse("y: n; X: nd; w: d; sum(log(1 + exp(-y * (X @ w))))"), "w", 2),
    (ed.einsum("ij,j->i", ed.tanh(ed.tensor("A", "ij")), "x"), 0, 1),
    (ed.einsum("(r[e])k,k->e", "U", "v"), "v", 1),
]


@pytest.mark.parametrize(("y", "wrt", "order"), RIVALS, ids=str)
@pytest.mark.parametrize("library", ["torch", "jax"])
@pytest.mark.filterwarnings("ignore")  # those of the libraries are theirs
def test_rivals_agree(y, wrt, order, library):
    pytest.importorskip(library)
    if library == "jax":
        import jax

        before = jax.config.jax_enable_x64
        jax.config.update("jax_enable_x64", True)
    derived = partial(chain, y, wrt, order)
    try:
        found = time_derivative(derived, against=(library,), rounds=ONCE)
    finally:
        if library == "jax":
            jax.config.update("jax_enable_x64", before)
    assert found.left_out == {}
    theirs = [name for name in found.entries if name.startswith(f"{library}.")]
    assert theirs
    assert f"einderiv.{library}" in found.entries
    for name in theirs:
        assert found.entries[name].off < 1e-8


BAD = [
    (["ij->i", "--wrt", "0", "--against", "julia"], "knows no library 'julia'; there is jax, torch"),
    (["ij->i", "--wrt", "Q"],                       "no tensor here is called 'Q'"),
    (["ij->i", "--wrt", "0", "--sizes", "k=3"],     "no axis or label"),
    (["ij->i"],                                     "required: --wrt"),
    (["ij->i", "--wrt", "0", "--threads", "0"],     "a number from 1, not 0"),
    (["ij->i", "--wrt", "0", "--rounds", "1", "--rounds", "2"], "--rounds is given twice"),
    (["i->ij", "--wrt", "0"],                       "'j' is in no operand; give its size, --sizes j="),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input(capsys, monkeypatch, words, message):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    try:
        code = main(["bench", *words])
    except SystemExit as e:  # argparse
        code = e.code
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert message in captured.err


def test_the_command_starts_a_process_with_its_number_of_threads():
    words = [
        "bench",
        "ij,jk->ik",
        "--names",
        "X,W",
        "--wrt",
        "X",
        "--wrt",
        "W",
        "--sizes",
        "i=3,j=4,k=5",
        "--rounds",
        "1",
    ]
    command = [sys.executable, "-m", "einderiv", *words, "--against", "opt_einsum"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'The derivative of einsum("ij,jk->ik", X, W) with respect to X, timed' in done.stdout
    assert "with respect to W, timed" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_kinds_are_said_and_texts_of_any_language_are_read(capsys, monkeypatch):
    monkeypatch.setenv(cli.MEASURES, "1")
    words = ["bench", "x'*A*x", "--wrt", "x", "--order", "2", "--against", "opt_einsum"]
    assert main([*words, "--rounds", "1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Read as x: vector, A: matrix (guessed), as on matrixcalculus.org")
    assert "The derivative of order 2 of" in said
