"""What the page shows in numbers: plan, cost, code, a numeric check. All of it needs NumPy,
which is imported late.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ..backends import BACKENDS, LISTINGS
from ..errors import EinderivError, limits
from ..expression import Expr
from ..reports import ITEM_BYTES, core_entries, plan, source
from .answers import asked, trouble
from .questions import Subject, given, subject

TRIES = 6  # of the check: a logarithm of a determinant has a value for every other matrix only


def cost(request: Mapping[str, Any]) -> dict[str, Any]:
    """The plan, and what it costs against forming everything; a size that is not given counts as
    32.

    >>> found = cost({"text": "is,st,tj->ij", "wrt": "A", "sizes": "i=10, s=10, t=10, j=10"})
    >>> found["dense_bytes"], found["core_bytes"], found["shape"]
    (80000, 800, [10, 10, 10, 10])

    Raises what ``ed.plan`` raises.
    """
    q, problem = asked(request)
    found = subject(q)
    J = found.result
    try:
        labels, tensor_shapes = given(q, found.tensors)
        sizes: dict[str, Any] = {**labels, **tensor_shapes}
        table = plan(J, sizes)
    except EinderivError as e:
        problem = problem or {**trouble(e, request), "field": "sizes"}
        table, sizes = plan(J), {}
    shape = table.outputs[0]
    return {
        "problem": problem,
        "assumed": not sizes,
        "text": str(table),
        "notes": table.notes,
        "steps": [row._asdict() for row in table.steps],
        "flops": table.flops,
        "seconds": table.seconds,
        "largest_bytes": table.largest * ITEM_BYTES,
        "shape": list(shape),
        "dense_bytes": prod(shape) * ITEM_BYTES,
        "core_bytes": core_entries(J, sizes) * ITEM_BYTES,
        "delta_flops": table.dense_flops,
        "delta_bytes": table.dense_largest * ITEM_BYTES,
    }


def code(request: Mapping[str, Any]) -> dict[str, Any]:
    """Source for every backend that the derivative can be written for."""
    q, _ = asked(request)
    J = subject(q).result
    # The listings follow. Dask's blocks are made by the helpers of a source, which is long.
    rows = [row for row in BACKENDS.values() if not row.library.lazy]
    shown = [_written(J, row.name, row.title, "py") for row in rows]
    shown += [_written(J, name, row.label, row.suffix) for name, row in LISTINGS.items()]
    return {"backends": shown}


def _written(J: Expr, name: str, label: str, suffix: str) -> dict[str, Any]:
    text, why = None, None
    try:
        text = source(J, name)
    except EinderivError as e:
        why = str(e)
    file = f"derivative_{name}.{suffix}"
    return {"name": name, "label": label, "file": file, "code": text, "why": why}


def verdict(request: Mapping[str, Any]) -> dict[str, Any]:
    """Is the derivative right? Compared with another, on numbers drawn at random.

    >>> verdict({"text": "is,st,tj->ij", "wrt": "A"})["right"]
    True

    Raises what ``ed.check`` raises.
    """
    from ..checking import check

    q, problem = asked(request)
    found = subject(q)
    labels, shapes = given(q, found.tensors)
    for seed in range(TRIES):
        report: Any = check(_last(found), found.wrt, _drawn(shapes, seed), sizes=labels, seed=seed)
        if report.judged:
            return {"right": report.ok, "text": str(report), "problem": problem}
    why = "not compared: at random numbers this has no real value, or none that is finite"
    return {"right": None, "text": why, "problem": problem}


def _drawn(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Any]:
    """Arrays of the shapes that are given; the others are drawn by the check itself."""
    import numpy as np

    limits.check("dense_bytes", ITEM_BYTES * sum(map(prod, shapes.values())), "give smaller sizes")
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(0.3, 1.3, shape) for name, shape in shapes.items()}


def _last(found: Subject) -> Expr:
    """What was derived last."""
    return found.chain[-2]
