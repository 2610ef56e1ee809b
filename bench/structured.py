"""The Jacobian of three matrices by the first, kept structured, against the two lines that a specialist writes.

OMP_NUM_THREADS=1 python bench/structured.py
"""

from __future__ import annotations

import numpy as np
from timing import medians, shown

import einderiv as ed


def main() -> None:
    """Print the table."""
    J = ed.derive(ed.einsum("is,st,tj->ij", "X", "Y", "P"), "X")
    structured, dense = ed.compile(J, dense=False), ed.compile(J)
    print(f"{'n':>5}{'held':>12}{'dense':>12}{'by hand':>12}{'structured':>12}{'ratio':>7}{'dense':>10}")
    for n in (8, 16, 32, 64, 128):
        rng = np.random.default_rng(0)
        x, y, p = (rng.normal(size=(n, n)) for _ in range(3))

        def hand(y: np.ndarray = y, p: np.ndarray = p) -> np.ndarray:
            core = y @ p
            return np.ascontiguousarray(core.T)

        at = {"X": x, "Y": y, "P": p}
        contenders = {"hand": hand, "structured": lambda at=at: structured(at)}
        if n <= 64:
            contenders["dense"] = lambda at=at: dense(at)
        times = medians(contenders)
        s = structured(at)
        assert np.allclose(s.matvec(x), np.einsum("ib,bj->ij", x, y @ p))
        ratio = times["structured"] / times["hand"]
        full = shown(times["dense"]) if n <= 64 else "-"
        print(
            f"{n:5}{s.nbytes:12}{8 * n**4:12}{shown(times['hand']):>12}{shown(times['structured']):>12}"
            f"{ratio:7.2f}{full:>10}"
        )


if __name__ == "__main__":
    main()
