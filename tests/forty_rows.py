"""Forty bad inputs and faults: what must happen, in processes with little time and memory.

The rows of a group run in one process of their own, for starting one takes longer than the rows. Each has SECONDS of CPU
and MEMORY above what the process had after its imports. A row wants a value, or an error: its class, and words that are
regular expressions, each found in the message; a word of one or two letters or digits is a whole word.
"""

import json
import math
import re
import resource
import signal
import sys
import time
import warnings
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import einderiv as ed

SECONDS = 10  # of CPU; the longest takes half of one
# Address space, not what is resident: an array that is allocated and never touched counts too, so what Linux would
# only overcommit is found. The largest array that a row means to have is below 1 MB; the equation of row 9 has 10 MB.
MEMORY = 200 * 2**20
ROOT = Path(__file__).resolve().parents[1]

einsum, tensor, evaluate, derive = ed.einsum, ed.tensor, ed.evaluate, ed.derive
PARSE, SHAPE, LIMIT, BACK, ANY, TYPE = (
    ed.ParseError,
    ed.ShapeError,
    ed.LimitError,
    ed.BackendError,
    ed.EinderivError,
    TypeError,
)
OWN = {PARSE, SHAPE, LIMIT, BACK, ANY, TYPE}


def ones(*shape, dtype=float):
    return np.ones(shape, dtype)


def wide(*shape):
    """An array of any shape in eight bytes."""
    return np.broadcast_to(1.0, shape)


def product():
    return einsum("ij,jk->ik")


def clique(n):
    """An einsum of `n` operands of size-1 axes, each two of which share a label."""
    edges = {edge: k for k, edge in enumerate(combinations(range(n), 2))}
    return einsum(
        *[x for v in range(n) for x in (f"T{v}", [k for edge, k in edges.items() if v in edge])], []
    )


def ring(n):
    """The trace of the `n`th power of x."""
    return einsum(*[part for k in range(n) for part in ("x", [k, (k + 1) % n])], [])


def searched(n, optimize):
    return ed.compile(clique(n), optimize=optimize)(
        {f"T{v}": ones(*[1] * (n - 1)) for v in range(n)}
    )


def derived(e, times):
    for _ in range(times):
        e = derive(e, "x")
    return e


def warned(call, words):
    """The value of `call`, which must warn in these words."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        value = call()
    assert any(re.search(words, str(w.message)) for w in found), [str(w.message) for w in found]
    return value


def loaded(backend, module):
    """Is a module imported by naming it as a backend?"""
    with pytest.raises(BACK, match=re.escape(backend)):
        ed.compile(product(), backend=backend)
    return module in sys.modules


def mutated():
    """A plan holds no arrays: what a caller changes afterwards changes nothing that was computed."""
    f, a = ed.compile(product()), ones(2, 2)
    first = [f(A=a, B=a) for _ in range(3)]
    a[...] = 3
    return [float(r[0, 0]) for r in (*first, f(A=a, B=a))]


def into_operand():
    """``out=`` may be an operand itself."""
    a = np.arange(9.0).reshape(3, 3)
    want = a @ a
    evaluate(einsum("ij,jk->ik", "A", "A"), A=a, out=a)
    return np.array_equal(a, want)


def read_only():
    a = np.arange(4.0).reshape(2, 2)
    a.flags.writeable = False
    r = evaluate(einsum("ij->ji"), A=a)
    return np.array_equal(r, a.T), r.flags.writeable, np.shares_memory(r, a)


def torch_and_numpy():
    import torch

    return evaluate(product(), A=torch.ones(2, 2), B=ones(2, 2))


def torch_and_jax():
    import jax.numpy as jnp
    import torch

    return evaluate(product(), A=torch.ones(2, 2), B=jnp.ones((2, 2)))


def torch_dtypes():
    import torch

    return str(
        evaluate(product(), A=torch.ones(2, 2), B=torch.ones(2, 2, dtype=torch.float64)).dtype
    )


def torch_devices():
    import torch

    return evaluate(product(), A=torch.ones(2, 2), B=torch.ones(2, 2, device="meta"))


def jax_without_x64():
    import jax

    jax.config.update("jax_enable_x64", False)
    return str(ed.compile(einsum("i->"), backend="jax")(A=np.ones(3, np.float32)).dtype)


J, V = derive(einsum("ij,jk->ik"), "A"), einsum("i,i->")
DIAGONAL = np.diag([1, 2])
NAN = np.array([[math.nan, 1], [2, 3]])
# fmt: off
STRINGS = [
    ("1 two arrows",            lambda: einsum("ij,jk->ik->"),                    PARSE, "second arrow"),
    ("2 no arrow",              lambda: product().subscripts + einsum("ba").subscripts, "ij,jk->ikba->ab"),
    ("3 empty",                 lambda: einsum(""),                               PARSE, "empty '->'"),
    ("3 scalar",                lambda: int(evaluate(einsum("->", 7))),           7),
    ("3 two scalars",           lambda: int(evaluate(einsum(",->", 7, 2))),       14),
    ("3 comma",                 lambda: int(evaluate(einsum(",", 7, 2))),         14),
    ("4 ASCII blanks",          lambda: einsum(" ij,\tjk\n->ik").subscripts,      "ij,jk->ik"),
    ("4 no-break space",        lambda: einsum("ij,\xa0jk->ik"),                  PARSE, r"U\+00A0"),
    ("5 Angstrom sign",         lambda: einsum("\u212b,\u00c5->"),                PARSE, r"U\+212B"),
    ("5 its twin",              lambda: einsum("i\u212b->"),                      PARSE, r"U\+212B"),
    ("5 accent",                lambda: einsum("e\u0301->"),                      PARSE, r"U\+0301"),
    ("5 Cyrillic",              lambda: einsum("\u0430a->"),                      PARSE, r"U\+0430"),
    ("6 zero width",            lambda: einsum("i\u200bj->ij"),                   PARSE, r"U\+200B"),
    ("6 right to left",         lambda: einsum("i\u202ej->ij"),                   PARSE, r"U\+202E"),
    ("6 surrogate",             lambda: einsum("i\ud800->i"),                     PARSE, r"U\+D800"),
    ("7 digit",                 lambda: einsum("i1->i"),                          PARSE, "'1' letter"),
    ("7 underscore",            lambda: einsum("i_->i"),                          PARSE, "'_' letter"),
    ("8 bytes",                 lambda: einsum(b"ij->ij"),                        TYPE,  "string bytes"),
    ("8 None",                  lambda: einsum(None),                             TYPE,  "string None"),
    ("8 list",                  lambda: einsum(["ij->ij"], "A"),                  TYPE,  "string list"),
    ("9 ten million letters",   lambda: einsum("ij," * 3_333_333),                LIMIT, r"9999999 100000 limits\.characters"),
    ("10 repeated output",      lambda: evaluate(einsum("i->ii", "v"), v=[1, 2]), DIAGONAL),
    ("11 unknown output",       lambda: einsum("ij->ik"),                         PARSE, "'k' sizes="),
    ("12 two dots",             lambda: einsum("..j->j"),                         PARSE, "three dots"),
    ("12 two ellipses",         lambda: einsum("......->"),                       PARSE, "second ellipsis"),
    ("12 axes not known",       lambda: derive(einsum("...i->...i"), 0),          PARSE, r"\.\.\. operand 0"),
    ("12 axes known",           lambda: derive(einsum("...i->...", tensor("A", "ab")), 0).ndim, 3),
]
SIZES = [
    ("13 operands and terms",   lambda: einsum("ij,jk->ik", ones(2, 3)),          ANY,   "2 1 operand"),
    ("14 rank",                 lambda: einsum("ijk->i", ones(2, 3)),             SHAPE, r"operand.0 ijk \(2,.3\) 3"),
    ("14 rank, by name",        lambda: evaluate(einsum("ijk->i"), A=ones(2, 3)), SHAPE, r"A 3 2 \(2,.3\)"),
    ("15 sizes",                lambda: einsum("ij,jk,lj->i", ones(2, 3), ones(2, 4), ones(5, 3)),
                                                                                  SHAPE, "'j' 3 2 operand.0 operand.1 operand.2"),
    ("16 size 1",               lambda: einsum("ij,jk->ik", ones(2, 1), ones(3, 4)), SHAPE, "'j' 1 3 broadcast"),
    ("16 size 1, by name",      lambda: evaluate(product(), A=ones(2, 1), B=ones(3, 4)), SHAPE, "'j' 1 3 A B broadcast"),
    ("17 trace",                lambda: einsum("ii->", ones(2, 3)),               SHAPE, "'i' 2 3"),
    ("17 diagonal",             lambda: evaluate(einsum("ii->i"), A=ones(1, 3)),  SHAPE, "'i' 1 3"),
    ("18 no entries",           lambda: evaluate(product(), A=ones(2, 0), B=ones(0, 4)), np.zeros((2, 4))),
    ("18 their Jacobian",       lambda: evaluate(J, A=ones(2, 0), B=ones(0, 4)).shape, (2, 4, 2, 0)),
    ("18 their plan",           lambda: "total 0 flops" in str(ed.plan(product(), {"A": (2, 0), "B": (0, 4)})), True),
    ("19 negative",             lambda: ed.plan(product(), {"A": (2, -1)}),       SHAPE, "A -1"),
    ("19 float",                lambda: ed.plan(product(), {"A": (2, 2.5)}),      TYPE,  r"A 2\.5"),
    ("19 bool",                 lambda: ed.plan(product(), {"A": (2, True)}),     TYPE,  "A True"),
    ("19 above 2**63",          lambda: ed.plan(product(), {"A": (2, 10**30)}),   SHAPE, r"A 2\*\*99 2\*\*63"),
    ("19 large in a plan",      lambda: "1.6e+16" in str(ed.plan(product(), {"A": (2, 10**15), "B": (10**15, 4)})), True),
    ("19 large in a call",      lambda: evaluate(einsum("i->ij", "v", sizes={"j": 10**12}), v=[1.0]), LIMIT, "TB dense_bytes"),
    ("20 position",             lambda: derive(product(), 2),                     ANY,   "2 0 1 range"),
    ("20 bool",                 lambda: derive(product(), True),                  TYPE,  "bool"),
    ("20 twice",                lambda: derive(product(), (0, 0)),                ANY,   "operand.0 twice"),
    ("20 none",                 lambda: derive(product(), ()),                    ()),
    ("21 unknown name",         lambda: derive(einsum("ij->i", "weights"), "weigths"), ANY, "'weigths' 'weights'"),
    ("22 grad of a matrix",     lambda: ed.grad(product(), "A"),                  TYPE,  "scalar derive|jacobian 2"),
    ("23 one slot",             lambda: evaluate(derive(einsum("i,i->", "A", "A"), 0), A=[1, 2]), np.array([1, 2])),
    ("23 one name",             lambda: evaluate(derive(einsum("i,i->", "A", "A"), "A"), A=[1, 2]), np.array([2, 4])),
]
NUMBERS = [
    ("24 int8",                 lambda: evaluate(V, A=np.full(3, 100, "i1"), B=np.full(3, 100, "i1")), ANY, "30000 int8 int64"),
    ("24 int64",                lambda: evaluate(V, A=[2**62], B=[4]),            ANY,   r"2\*\*65 2\*\*63"),
    ("24 object",               lambda: evaluate(V, A=np.array([Fraction(1, 3)]), B=[3]), TYPE, "A object"),
    ("25 bool",                 lambda: evaluate(V, A=[True], B=[False]),         TYPE,  "bool int64"),
    ("26 float16",              lambda: warned(lambda: float(evaluate(V, A=np.full(3, 300, "f2"), B=np.full(3, 300, "f2"))),
                                               "overflow"),                       math.inf),
    ("26 NaN in the cores",     lambda: len(evaluate(J, A=ones(2, 2), B=NAN, dense=False).terms), 1),
    ("26 NaN in its blocks",    lambda: int(np.isnan(evaluate(J, A=ones(2, 2), B=NAN)).sum()), 2),
    ("26 zeros stay",           lambda: evaluate(J, A=ones(2, 2), B=NAN)[0, :, 1], np.zeros((2, 2))),
    ("26 denormal",             lambda: evaluate(einsum("i->i"), A=[5e-324]),     np.array([5e-324])),
    ("27 masked",               lambda: evaluate(V, A=np.ma.array([1, 2], mask=[0, 1]), B=[1, 2]), TYPE, "A masked filled"),
    ("27 lists",                lambda: evaluate(einsum("ij->ji"), A=[[1, 2]]),   np.array([[1], [2]])),
    ("27 ragged",               lambda: evaluate(einsum("ij->ji"), A=[[1, 2], [3]]), ANY, "A inhomogeneous"),
    ("27 matrix",               lambda: type(evaluate(einsum("ij->ji"), A=warned(lambda: np.matrix([[1, 2]]), "matrix"))), np.ndarray),
    ("28 text",                 lambda: evaluate(V, A=np.array(["a"]), B=[1]),    TYPE,  "A <U1"),
    ("28 date",                 lambda: evaluate(V, A=np.array(["2020-01-01"], "M8[D]"), B=[1]), TYPE, "A datetime64"),
    ("28 structured",           lambda: evaluate(V, A=np.zeros(1, [("a", float)]), B=[1]), TYPE, "A 'a'"),
    ("31 holomorphic",          lambda: evaluate(derive(ed.exp(tensor("z", "")), "z"), z=0j), np.array(1 + 0j)),
    ("31 not holomorphic",      lambda: evaluate(derive(ed.abs(tensor("z", "")), "z"), z=1j), ANY, "abs|sign holomorphic"),
]
SEARCHES = [
    ("32 os",                   lambda: loaded("os.path2", "os.path2"),           False),
    ("32 this",                 lambda: loaded("this", "this"),                   False),
    ("32 path",                 lambda: loaded("../x", "../x"),                   False),
    ("33 search",               lambda: ed.compile(product(), optimize="typo"),   ANY,   "'typo' greedy"),
    ("33 path",                 lambda: ed.compile(product(), optimize=[(0, 5)]), TYPE,  "optimize list"),
    ("33 own path",             lambda: searched(3, lambda *a, **k: [(0, 5)]),    ANY,   r"\(0,.5\) 3"),
    ("34 30 000 operands",      lambda: einsum(",".join("a" * 30_000) + "->a"),   LIMIT, r"30000 10000 limits\.operands"),
    ("34 dp, clique of 12",     lambda: searched(12, "dp"),                       LIMIT, r"dp 12 limits\.orders auto"),
    ("34 auto-hq, clique of 12", lambda: searched(12, "auto-hq"),                 LIMIT, r"auto-hq 12 limits\.orders auto"),
    ("34 optimal of 10",        lambda: searched(10, "optimal"),                  LIMIT, r"optimal 10 limits\.orders auto"),
    ("34 auto, clique of 12",   lambda: float(searched(12, "auto")),              1.0),
    ("35 65 axes",              lambda: evaluate(einsum(*[x for v in range(65) for x in (ones(1), [v])], list(range(65)))),
                                                                                  LIMIT, r"65 52 limits\.axes"),
    ("35 65 labels",            lambda: float(evaluate(einsum(*[x for v in range(65) for x in (ones(1), [v])], []))), 1.0),
    ("36 terabytes",            lambda: evaluate(J, A=wide(600, 600), B=wide(600, 600)), LIMIT, r"600 TB dense=False dense_bytes"),
    ("37 Hessian of 1000",      lambda: ed.hessian(ring(1000), "x"),              LIMIT, r"limits\.terms 10000"),
    ("37 order",                lambda: derived(ed.sum(ed.exp(tensor("x", "i"))), 65), LIMIT, r"65 64 limits\.order"),
]
NAMES = [
    ("38 call",                 lambda: tensor('__import__("os")', "i"),          PARSE, "identifier import"),
    ("38 semicolon",            lambda: tensor("x;y", "i"),                       PARSE, "identifier x;y"),
    ("38 keyword",              lambda: tensor("class", "i"),                     PARSE, "keyword class"),
    ("38 HTML",                 lambda: tensor("<script>", "i"),                  PARSE, "identifier <script>"),
    ("38 TeX",                  lambda: tensor("\\input{}", "i"),                 PARSE, "identifier input"),
    ("38 dollar",               lambda: tensor("$", "i"),                         PARSE, r"identifier \$"),
    ("38 percent",              lambda: tensor("%", "i"),                         PARSE, "identifier %"),
    ("38 printed escaped",      lambda: r"A_{x}" in ed.latex(derive(einsum("i->i", "A_x"), "A_x")), True),
    ("39 identity is a copy",   lambda: read_only(),                              (True, True, False)),
    ("39 out= an operand",      lambda: into_operand(),                           True),
    ("39 changed afterwards",   lambda: mutated(),                                [2.0, 2.0, 2.0, 18.0]),
]
LIBRARIES = [
    ("29 torch, NumPy",         lambda: torch_and_numpy(),                        BACK,  "A torch B numpy"),
    ("29 torch, JAX",           lambda: torch_and_jax(),                          BACK,  "A torch B jax"),
    ("29 two devices",          lambda: torch_devices(),                          BACK,  "A B cpu meta"),
    ("29 two dtypes",           lambda: torch_dtypes(),                           "torch.float64"),
    ("30 JAX without x64",      lambda: jax_without_x64(),                        "float32"),
]
# fmt: on
GROUPS = {
    "strings": STRINGS,
    "sizes": SIZES,
    "numbers": NUMBERS,
    "searches": SEARCHES,
    "names": NAMES,
    "libraries": LIBRARIES,
}


class OutOfTime(BaseException):
    """A row took more than its seconds."""


def judged(call, want):
    """What is wrong with a row; nothing if it did as it must."""
    if len(want) == 1:
        found = call()
        same = (
            np.array_equal(found, want[0]) if isinstance(want[0], np.ndarray) else found == want[0]
        )
        return "" if same else f"it gave {found!r:.200}, not {want[0]!r:.200}"
    kind, words = want
    try:
        found = call()
    except kind as e:
        return blamed(e, words)
    return f"it gave {found!r:.200}, not {kind.__name__}"


def blamed(error, words):
    text = str(error)
    patterns = [rf"(?<!\w){w}(?!\w)" if len(w) < 3 and w.isalnum() else w for w in words.split()]
    missing = [w for w in patterns if not re.search(w, text)]
    if type(error) not in OWN or missing:
        return f"{type(error).__name__}, no {missing} in: {text[:400]}"
    if len(text) > 400 or text.count("\n") > 2:  # one line, and two that show where
        return f"a message of {len(text)} characters: {text[:400]}"
    return ""


def limited():
    """Little memory above what is taken now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)


def timed(*_):
    raise OutOfTime


def prepared(group):
    """What the rows import, and the threads that the libraries start, before there are limits."""
    evaluate(J, A=ones(1, 2), B=ones(2, 1), dense=False).dense()
    ed.compile(clique(3), optimize="greedy")({f"T{v}": ones(1, 1) for v in range(3)})
    if group == "libraries":
        import jax.numpy as jnp
        import torch

        evaluate(V, A=jnp.ones(2), B=jnp.ones(2))
        evaluate(V, A=torch.ones(2), B=torch.ones(2))


def run(group):
    """The rows of a group, in a process of its own: a line of JSON for each."""
    prepared(group)
    signal.signal(signal.SIGPROF, timed)
    limited()
    for row, call, *want in GROUPS[group]:
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            wrong = judged(call, want)
        except BaseException as e:
            wrong = f"{type(e).__name__}: {str(e)[:400]}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps([row, wrong, time.process_time() - start]), flush=True)


def run_command(words):
    from einderiv.cli import main

    limited()
    return main(words)


if __name__ == "__main__":
    if sys.argv[1] == "cli":
        sys.exit(run_command(sys.argv[2:]))
    run(sys.argv[1])
