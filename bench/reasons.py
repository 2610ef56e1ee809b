"""Why a case is lost, where it is known. A key is the case, or the case and the size; the page
looks here.
"""

from __future__ import annotations

HOLDER = "the object that holds the cores, and says what they are, takes half a microsecond"
STEP = (
    "three checked calls and what solving asks first: are the numbers finite, do the shapes fit, "
    "is there a block; "
    "and what it asks last: does the solution meet the system. About 25 µs whatever the size"
)
WIDE = "XLA's products of matrices use AVX-512; what NumPy's OpenBLAS does here comes to between half and all of that"
CALLS = "XLA runs its graph in one call; ours is a call of NumPy for each step, of half a microsecond each"
CHECKS = "half a microsecond of checks and of finding the plan; without them (`raw`) it is no slower than by hand"
FRESH = "torch keeps memory that it has touched; a fresh array of NumPy comes from the system page by page"
FUSED = "XLA makes one loop of what is several passes over the memory here"

REASONS: dict[str, str] = {
    "P9 diagonal": "by hand it is a view, which takes 90 ns; ours is an array of its own, no view of what was given",
    "P1 Jacobian by X, structured": HOLDER,
    "P3 Hessian, structured": HOLDER,
    "P7 ‖AX‖², Hessian, structured": HOLDER,
    "P4 Hessian, structured": HOLDER
    + "; and by hand the mean is taken from the Jacobian that is there, ours goes "
    "through the layers once more, as vectors",
    "P3 Newton step": STEP,
    "P3 masked Newton step": STEP,
    "P10 Hessian of pairwise distances": "a gigabyte of fresh memory, which takes longer than what is written into it",
    "P1 JVP of all three": "(dX Y + X dY) P by hand is one product less; taking P out saves less than the estimate "
    "asks for at these sizes",
    "P1 Jacobian by Y": "as many bytes are written as by the einsum with identity matrices, whose products are free",
    "P8 gradients of a product": "0.3 µs of checks, and both results in a list",
    "P11 train, all cores": "the aim is that of a machine twice as fast; the growth is that of n log n",
    "P7 attention by V": "0.1 ms of fresh memory more or less decides at this size; the steps are those by hand",
    "P7 attention by K": "0.1 ms of fresh memory more or less decides at this size; the steps are those by hand",
    "P4 Hessian, batch of 50": "by hand the mean is taken on the way; ours adds up in another step",
    "P9 batch of tiny products": "NumPy has no kernel for many tiny matrices: its matmul takes 60 ns for each",
    "P9 quadratic forms": FUSED,
    "P9 sums of rows": FUSED,
    "P9 four-index transformation": "the same products on the same path; what differs is the order of axes between two",
    "P3 masked gradient": FUSED,
    "P4 gradient, batch of 50": FUSED + "; " + WIDE,
    "P6 all gradients of an overlap": WIDE,
    **dict.fromkeys(
        (
            "P9 matmul",
            "P9 batch of products",
            "P9 batch in the middle",
            "P9 Tucker to tensor",
            "P9 MTTKRP, first",
            "P9 MTTKRP, middle",
            "P9 CP to tensor",
        ),
        WIDE,
    ),
    **dict.fromkeys(
        (f"P12 {what}" for what in ("three matrices", "CP gradient")),
        "making a graph and handing out its tasks takes some milliseconds, whatever the size",
    ),
    **dict.fromkeys(("P9 outer product", "P9 Khatri-Rao"), FRESH),
    **dict.fromkeys(("P9 elementwise product", "P9 row by row", "P9 trace", "P2 gradient"), CHECKS),
    **dict.fromkeys(
        (
            f"P5 {what}, order {d}, small"
            for d in (3, 4, 5)
            for what in ("all gradients", "Gauss-Newton product", "Hessian product")
        ),
        CALLS,
    ),
    **dict.fromkeys(
        ("P4 gradient by the first layer", "P6 all gradients of a train", "P8 Hessian of (xᵀAx)²"),
        CALLS,
    ),
}


def reason(family: str, case: str, size: str) -> str:
    """What is known about a lost case."""
    label = f"{family} {case}"
    return REASONS.get(f"{label}, {size}") or REASONS.get(label) or "not explained yet"
