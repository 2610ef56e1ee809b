"""Pictures of plans: every value and use is there, and no line runs behind a node."""

import re
import xml.etree.ElementTree as ET

import pytest

import einderiv as ed
from einderiv.reports.plan_picture import MOST_STEPS, drawn_plan

X = ed.tensor("X", "ij")
WEIGHTS = ed.softmax(ed.einsum("qd,kd->qk", "Q", "K"), 1) @ ed.tensor("V", "kv")
NETWORK = ed.einsum("ia,ajb,bkc,cl,ijkl->", "G1", "G2", "G3", "G4", "T")
PLANS = {
    "chain": (
        ed.einsum("ab,bc,cd,de,ef,fg,gh->ah"),
        {"ABCDEFG"[k]: (9 + k, 10 + k) for k in range(7)},
    ),
    "attention": (
        ed.grad(ed.sum(WEIGHTS * WEIGHTS), "Q"),
        {"Q": (30, 8), "K": (40, 8), "V": (40, 9)},
    ),
    "Hessian": (ed.hessian(ed.logdet(X @ X.T), X), {"X": (5, 8)}),
    "gradients": (
        [ed.grad(NETWORK, f"G{k}") for k in (1, 2, 3, 4)],
        {"G1": (5, 3), "G2": (3, 5, 3), "G3": (3, 5, 3), "G4": (3, 5), "T": (5, 5, 5, 5)},
    ),
    "one step": (ed.einsum("ij,jk->ik"), {"A": (2, 3), "B": (3, 4)}),
    "nothing to do": (X, {"X": (2, 3)}),
}


def along(path):
    """Points of a cubic curve or a line."""
    at = [*map(float, re.findall(r"-?\d+(?:\.\d+)?", path))]
    points = [*zip(at[::2], at[1::2], strict=True)]
    a, d = points[0], points[-1]
    b, c = points[1:3] if "C" in path else (a, d)
    for k in range(101):
        t, u = k / 100, 1 - k / 100
        yield tuple(
            u**3 * a[x] + 3 * u * u * t * b[x] + 3 * u * t * t * c[x] + t**3 * d[x] for x in (0, 1)
        )


@pytest.mark.parametrize("name", PLANS)
def test_no_line_runs_behind_a_node(name):
    e, shapes = PLANS[name]
    root = ET.fromstring(ed.compile(e).plan(**shapes).picture().svg())
    boxes = [
        [float(rect.get(key)) for key in ("x", "y", "width", "height")]
        for rect in root.findall(".//{*}rect")
    ]
    assert boxes
    for path in root.findall(".//{*}path"):
        for x, y in along(path.get("d")):
            assert not any(
                left + 0.5 < x < left + wide - 0.5 and top + 0.5 < y < top + high - 0.5
                for left, top, wide, high in boxes
            ), path.get("d")


def test_a_value_that_is_used_late_passes_the_rows_between():
    steps = [
        (2, (0,), "a", "copy", 0.5),
        (3, (2,), "b", "copy", 0.3),
        (4, (3, 0, 1), "c", "gemm", 0.2),
    ]
    svg = drawn_plan({0: "A", 1: "B"}, steps, [4]).svg()
    rect = 'data-operand="{}"[^>]*><rect[^>]* y="([-0-9.]+)"'
    heights = {name: float(re.search(rect.format(name), svg)[1]) for name in "AB"}
    assert heights["A"] < heights["B"]  # B stands just above its only use
    # five uses; A passes two rows, straight, with a curve to each
    assert svg.count("<path") == 5 + 2 + 2


def test_too_many_steps():
    steps = [(k + 1, (k,), "ab->ba", "copy", 0.0) for k in range(MOST_STEPS + 1)]
    with pytest.raises(ed.LimitError, match="shows nothing: at most 120"):
        drawn_plan({0: "A"}, steps, [MOST_STEPS + 1])
