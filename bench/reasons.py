"""Why a case is lost, where it is known. A key is the case, or the case and the size; the page looks here."""

from __future__ import annotations

HOLDER = "the object that holds the cores, and says what they are, takes half a microsecond"
STEP = (
    "three checked calls and what solving asks first: are the numbers finite, do the shapes fit, is there a block; "
    "about 60 µs whatever the size"
)

REASONS: dict[str, str] = {
    "P9 diagonal": "by hand it is a view, which takes 90 ns; ours is an array of its own, no view of what was given",
    "P1 Jacobian by X, structured": HOLDER,
    "P3 Hessian, structured": HOLDER,
    "P7 ‖AX‖², Hessian, structured": HOLDER,
    "P4 Hessian, structured": HOLDER + "; and by hand the mean is taken from the Jacobian that is there, ours goes "
    "through the layers once more, as vectors",
    "P3 Newton step": STEP,
    "P3 masked Newton step": STEP,
    "P10 Hessian of pairwise distances": "by hand it is used that distances are symmetric and that moving all points "
    "changes nothing: one product instead of two, and the blocks on the diagonal from the sums of the others",
    "P10 diag(JᵀJ)": "by hand the squares of two factors are multiplied, (s²)(A²), which is one product of a matrix "
    "and a vector; ours multiplies before it squares",
    "P1 JVP of all three": "(dX Y + X dY) P by hand is one product less; taking P out saves less than the estimate "
    "asks for at these sizes",
    "P8 gradients of a product": "0.3 µs of checks, and both results in a list",
}


def reason(family: str, case: str, size: str) -> str:
    """What is known about a lost case."""
    label = f"{family} {case}"
    return REASONS.get(f"{label}, {size}") or REASONS.get(label) or "not explained yet"
