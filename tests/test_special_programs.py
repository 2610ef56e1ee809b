"""Random programs, judged to second order where it is hard: at ties, zeros, equal rows, infinities, and along axes of
one entry and of none. PyTorch is the judge; where its answer is nan, or another, the limit by mpmath is.
"""

import warnings

import numpy as np
import pytest
from formulas import ELSEWHERE
from lengths import length

import einderiv as ed
from einderiv.functions import FUNCTIONS

pytest.importorskip("torch")
pytest.importorskip("mpmath")

from special_programs import TABLES, Limits, functions_of, ours, point, program, shown, theirs

pytestmark = pytest.mark.slow

BLOCK = 50  # programs a test
RTOL, ATOL = 1e-7, 1e-9
ASKED = ("value", "gradient", "second derivative", "mixed second derivative")
#: relative: a step along which all ties and zeros stay, by which an answer that is well defined hardly changes
NUDGE = 2e-15


def equal(a, b):
    return np.isclose(a, b, RTOL, ATOL, equal_nan=True)


def limit(limits, which, place):
    """The limit of an entry of one of the four arrays, or None."""
    if which < 2:
        return limits.slope(*place) if which else limits.value()
    i, j = place
    return limits.second(i, j if which == 2 else limits.n + j)


#: beyond, rounding decides which of almost equal entries is the largest
LARGE = 1e12
#: functions with a kink, by which a program may be smooth where they are not
KINKS = {"abs", "|x|²", "pairs", "norm₁", "norm", "norm²", "std", "hypot", "arctan2", "x·norm"}


def is_right(found, want, nudged, value, known):
    """Is an entry PyTorch's, or else the limit? `known` says what that is, and None where there is none: at a kink,
    at a pole, beyond the range of floats.
    """
    if equal(found, want) or (np.isnan(want) and np.isnan(found)):
        return True
    if np.isfinite(want) and (abs(want) > LARGE or not equal(want, nudged)):
        return True  # rounding decides
    right = known()
    if right is None:
        # without a limit a huge number is rounding times the slope of a pole
        return not (np.isfinite(want) and np.isfinite(value)) or abs(found) > LARGE
    return bool(equal(found, right))


def allowed(tree, x, y, found, want):
    """May a program have neither PyTorch's number nor the limit, for a reason that docs/conventions.md gives?"""
    functions = functions_of(tree)
    # the slope at a kink is 0 for good, where PyTorch's is nan: norm(x * x)
    if np.isnan(want) and np.isfinite(found) and functions & KINKS:
        return True
    # 0 · f is 0, be f infinite
    if "0x" in functions and np.isfinite(found):
        return True
    both = np.concatenate([x, y])
    # entries that are infinite together share, and have a limit on some ways only
    if np.isnan(want) and np.isinf(both).sum() > 1:
        return True
    # what underflows on the way
    if np.isnan(want) and np.isfinite(found) and both.min() < -700:
        return True
    # what is infinite, times the slope 0 of a kink; what overflows on the way
    return bool(np.abs(both).max() > 2 and not np.isfinite(found))


def judged(seed):
    """What differs in one program, as text or None; and how many derivatives PyTorch knew."""
    tree = program(seed)
    x, y = point(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow is what is asked for
        warnings.filterwarnings("ignore", ".*degrees of freedom")  # PyTorch's, of nothing
        try:
            want = theirs(tree, x, y)
        except (IndexError, RuntimeError):
            return None, 0  # max and min of nothing
        if np.isnan(want[0]):
            return None, 0
        nudged = theirs(tree, x * (1 + NUDGE), y * (1 + NUDGE))
        got = ours(tree, x, y)
    limits = Limits(tree, x, y)
    count = 0
    for which, what in enumerate(ASKED):
        found, right = got[which], want[which]
        if found.shape != right.shape:
            return f"{seed}: the {what} has the shape {found.shape}, not {right.shape}", count
        for place in np.ndindex(found.shape):

            def known(which=which, place=place):
                return limit(limits, which, place)

            entry, torch_entry = found[place], right[place]
            if which > 1 and np.isnan(got[1][place[0]]) and np.isnan(want[1][place[0]]):
                continue  # where there is no slope there is none of it
            judge = is_right(entry, torch_entry, nudged[which][place], want[0], known)
            if not judge and not allowed(tree, x, y, entry, torch_entry):
                text = f"{seed}: {what} of {shown(tree)} at x = {x}, y = {y}, entry {place}"
                return (
                    f"{text} is {entry}, in PyTorch {torch_entry}, the limit {known()}",
                    count,
                )
            count += which > 0 and bool(np.isfinite(right[place]))
    return None, count


@pytest.mark.parametrize("block", range(length(3, 400)))
def test_random_programs_at_special_points(block):
    differences = []
    known = 0
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        difference, count = judged(seed)
        known += count
        if difference:
            differences.append(difference)
    assert not differences, "\n".join(differences)
    assert known > 5 * BLOCK  # it is derivatives that are judged


@pytest.mark.parametrize("seed", range(length(12, 200)))
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends(seed, backend):
    """The same numbers, nan and infinite ones too."""
    if backend == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    tree = program(seed)
    x, y = point(seed)
    if not len(x):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numpy, other = ours(tree, x, y), ours(tree, x, y, backend)
    for a, b in zip(numpy, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_every_row_with_a_kink_or_a_pole_is_in_the_programs():
    """Rows that no program reaches are named here, with where they are judged."""
    x, y = ed.tensor("x", "n"), ed.tensor("y", "n")
    reached = set()
    for table, rows in TABLES.items():
        for ours_of, *_ in rows.values():
            e = ours_of(x, y) if table == "binary" else ours_of(x)
            reached |= _rows([e, ed.derive(e, x)])
    # of complex numbers and matrices: test_complex.py, test_linalg_rules.py; a twin of what is reached
    apart = {"modulus", "det_sign", "pinv", "equal", "digamma", "polygamma"}
    apart.add("pseudo_reciprocal")  # of moduli
    # steps, powers and x log y: test_elementwise.py, test_special_points.py
    apart |= {"floor", "ceil", "trunc", "rint", "xlogy", "pow", "pow_slope"}
    # the poles of gamma and the jumps of remainders: test_elementwise.py
    apart |= {"gamma", "remainder"}
    # places, norms and spectra: test_sorting.py, test_numerics.py, test_spectral.py
    apart |= {row for row in ELSEWHERE if FUNCTIONS[row].kink}
    special = {name for name, row in FUNCTIONS.items() if (row.kink or row.pole) and not row.added}
    assert special - reached == apart


def _rows(expressions):
    return {
        e.function.name
        for e in ed.expression.walk(expressions)
        if isinstance(e, ed.expression.Apply)
    }
