"""What reads the texts. A target says if it got past the parser; only EinderivError and TypeError may stop it."""

import contextlib
import io
import math
import os
import pickle
import random
import re
import signal
import tempfile
import warnings
import zlib

import numpy as np

import einderiv as ed
from einderiv.cli import main
from einderiv.expression import read
from einderiv.expression.index_grammar import labels_of
from einderiv.page.answers import derivative
from einderiv.parsing import einsum_string

SECONDS = 5  # of CPU, for one execution
LARGEST_OUTPUT = 2 * 10**6  # characters of what an execution shows
BOUNDS = {
    "characters": 2000,
    "operands": 200,
    "terms": 300,
    "order": 6,
    "dense_bytes": 2**22,
    "parts": 1500,
}


class OutOfTime(BaseException):
    """An execution that takes too long."""


class Different(AssertionError):
    """A way back that leads elsewhere."""


def einsum(text):
    e = ed.einsum(text)
    for k in range(min(2, len(e.operands))):
        str(ed.derive(e, k).inserted)
    return True


def subscripts(source):
    """Read, print the index expressions, read again."""
    notation = read(source)
    for term in notation.inputs:
        for axis in term.labels:
            if isinstance(axis, str):
                continue
            words = any(len(word) > 1 for word in labels_of(axis))
            again = read(f"({axis})->{'a b' if words else ''}")
            if again.inputs[0].labels != (axis,):
                raise Different(f"{again.inputs[0].labels} is not {axis!r}")
    return True


def text(source):
    return str(ed.parse(source)) != ""


def foreign(source):
    return str(ed.parse(source, language="einsum")) != ""


def matlab(source):
    return str(ed.parse(source, language="matlab")) != ""


def page(source):
    rng = chance(source)
    found = derivative(
        {
            "text": source,
            "sizes": source[-12:] if rng.random() < 0.2 else "",
            "wrt": rng.choice(("", "x", "A", source[:1], "0")),
        }
    )
    return bool(found.get("terms"))


def chance(source):
    """A generator that the text decides, so that a finding repeats itself."""
    return random.Random(zlib.crc32(source.encode("utf-8", "surrogatepass")))


def value(e, arrays):
    with np.errstate(all="ignore"):
        return np.asarray(ed.evaluate(e, {n: arrays[n] for n in ed.compile(e).tensors}))


def roundtrip(source):
    """Derive, print, read again, evaluate: the same numbers."""
    rng = chance(source)
    e = _read(source)
    ranks = ed.compile(e).tensors
    n = rng.randint(1, 3)
    if not ranks or max(ranks.values()) > 4:
        return True
    arrays = {
        name: np.array([rng.choice((0.5, 1, 1.25, 2, -0.75)) for _ in range(n**r)]).reshape(
            (n,) * r
        )
        for name, r in ranks.items()
    }
    J = ed.derive(e, rng.choice(sorted(ranks)))
    for show in (ed.formula, ed.latex, str, repr, lambda x: ed.formula(x, style="matrix")):
        with contextlib.suppress(ed.EinderivError):
            show(J)
    for one in (e, J):
        want = value(one, arrays)
        held = ed.evaluate(one, {k: arrays[k] for k in ranks}, dense=False)
        close(held.dense(), want, "structured")
        for term in one.terms[:3]:
            with contextlib.suppress(ed.EinderivError):  # sums and functions have none
                again = rebuilt(term, n)
                if again is not None:
                    close(value(again, arrays), value(term, arrays), "compact")
        back = reread(str(one))
        if back is not None and back.ndim == one.ndim:
            # A number stands for its copies along all axes.
            close(value(back, arrays), want, "str")
    return True


def rebuilt(term, n):
    """The product that its compact string and its operands say, the size of each label given."""
    operands = [x for x in term.operands if not isinstance(x, ed.Delta)]
    if not operands or "." in term.compact:
        return None
    if any(mark in term.compact for mark in "(+["):
        return None if len(operands) < len(term.operands) else _with_sizes(term, operands)
    out = term.compact.split("->")[1]
    labels = set(out.split() if " " in term.compact else out)
    return ed.einsum(term.compact, *operands, sizes=dict.fromkeys(labels, n)) * term.coefficient


def _with_sizes(term, operands):
    """The product that a string with index expressions says."""
    return ed.einsum(term.compact, *operands, sizes=term.sizes) * term.coefficient


def reread(shown):
    """The expression that was printed, where the language has a word for all of it."""
    if "…" in shown or "ones" in shown:  # what is cut short, and what stands for a size
        return None
    try:
        return ed.parse(shown)
    except ed.EinderivError:
        return None


def close(got, want, what):
    if np.shape(got) != np.shape(want) or not np.allclose(
        got, want, rtol=1e-6, atol=1e-9, equal_nan=True
    ):
        if not (np.isfinite(got).all() and np.isfinite(want).all()):
            return  # how far an overflow spreads depends on the order
        raise Different(f"{what}: {got} is not {want}")


def command(source):
    rng = chance(source)
    names = ["0", "x", "A", "", *re.findall(r"[A-Za-z_]\w*", source)]
    wrt = "0" if rng.random() < 0.5 else rng.choice(names)
    words = [
        "derive",
        source,
        "--wrt",
        wrt,
        "--format",
        rng.choice(("text", "latex", "json", "python", "svg", "html", "pdf")),
    ]
    if rng.random() < 0.3:
        words += ["--sizes", rng.choice(("i=2,j=3", "i=-1", "i", source[:9]))]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as e:  # of argparse
            code = e.code
    assert code in (0, 1, 2), code
    assert "Traceback" not in err.getvalue()
    assert not os.listdir(), "a file was written"
    return code == 0


def _read(source):
    is_string = "->" in source and einsum_string(source) is not None
    return ed.einsum(source) if is_string else ed.parse(source)


def _bounded(shown):
    """What is shown is no longer than a page or a screen can hold."""
    if len(shown) > LARGEST_OUTPUT:
        raise Different(f"an output of {len(shown)} characters")
    return True


def explained(source):
    e = _read(source)
    return _bounded(str(ed.explain(e, chance(source).choice(sorted(ed.compile(e).tensors) or [0]))))


def drawn(source):
    e = _read(source)
    _bounded(str(ed.diagram(e)))
    wrt = chance(source).choice(sorted(ed.compile(e).tensors) or [0])
    return _bounded(str(ed.diagram(ed.derive(e, wrt))))


def stripped(source):
    e = _read(source)
    return _bounded(str(ed.strip(e, chance(source).choice(sorted(ed.compile(e).tensors) or [0]))))


def planned(source):
    e = _read(source)
    wrt = chance(source).choice(sorted(ed.compile(e).tensors) or [0])
    _bounded(str(ed.plan(e)))
    return _bounded(
        str(
            ed.plan(ed.derive(e, wrt), dict.fromkeys(e.axes[:1] if e.axes and e.axes[0] else (), 3))
        )
    )


def stored(source):
    e = _read(source)
    again = pickle.loads(pickle.dumps(e))
    if again != e or str(again) != str(e):
        raise Different(f"{again} is not {e}")
    return True


TARGETS = {  # by its name: what takes a text, and the families of seeds
    "subscripts": (subscripts, ("einsum",)),
    "einsum": (einsum, ("einsum",)),
    "text": (text, ("text",)),
    "foreign": (foreign, ("foreign", "text")),
    "matlab": (matlab, ("matlab",)),
    "page": (page, ("einsum", "text", "matlab")),
    "roundtrip": (roundtrip, ("einsum", "text")),
    "command": (command, ("einsum", "text")),
    "explain": (explained, ("einsum", "text")),
    "diagram": (drawn, ("einsum", "text")),
    "strip": (stripped, ("einsum", "text")),
    "plan": (planned, ("einsum", "text")),
    "stored": (stored, ("einsum", "text")),
}


def late(*_):
    raise OutOfTime


def executed(name, source):
    """Whether the text got past the parser; raises for whatever is a finding."""
    target, _ = TARGETS[name]
    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with ed.limits.override(**BOUNDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(target(source))
    except (ed.EinderivError, TypeError) as e:
        if len(str(e)) > 1000:
            raise Different(f"a message of {len(str(e))} characters") from e
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextlib.contextmanager
def empty_folder():
    """Where nothing may be written."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def trouble(name, source):
    """What is wrong with a text, or nothing."""
    try:
        executed(name, source)
    except (Exception, OutOfTime) as e:
        return f"{type(e).__name__}: {str(e)[:300]}"
    return ""


def least(name, source):
    """The shortest text, by pieces left out, that is still a finding."""
    size = max(1, len(source) // 2)
    while size:
        for k in range(0, len(source), size):
            shorter = source[:k] + source[k + size :]
            if trouble(name, shorter):
                source = shorter
                break
        else:
            size = 0 if size == 1 else math.ceil(size / 2)
    return source
