"""What the figures say: the table, the cases that are lost, the targets, and how two runs
compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from .engine import HAND, HOSTED, OURS, RAW
from .reasons import reason

Record = dict[str, Any]
#: what the ratio to the hand-written form may be
LIMITS = {"tiny": 1.5, "small": 1.5, "medium": 1.15, "large": 1.15}
NOISE = 1.05  # a rival is faster if it is so by more than this


def shown(seconds: float) -> str:
    """A time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def stored(count: float | None) -> str:
    """A number of bytes with its unit."""
    if count is None:
        return "–"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"


def median(record: Record, name: str) -> float | None:
    """The median of a contestant, if it took part."""
    found = record["contestants"].get(name)
    return None if found is None else float(found["median"])


def best_rival(record: Record) -> str | None:
    """The fastest of the others: not ours, not the hand-written form, not what is only shown."""
    left_out = {OURS, RAW, HAND, *HOSTED, *record["shown_only"]}
    names = [n for n in record["contestants"] if n not in left_out]
    return min(names, key=lambda n: float(record["contestants"][n]["median"]), default=None)


def to_hand(record: Record, name: str = OURS) -> float | None:
    """Our time over that of the hand-written form, or over the aim."""
    found = record["contestants"].get(name)
    if found is None:
        return None
    if record["aim"] is not None:
        return float(found["median"]) / float(record["aim"])
    return None if found["ratio"] is None else float(found["ratio"])


def to_best(record: Record) -> float | None:
    """Our time over that of the best rival."""
    best, own = best_rival(record), median(record, OURS)
    return (
        None if best is None or own is None else own / float(record["contestants"][best]["median"])
    )


def limit(record: Record) -> float:
    """What the ratio to the hand-written form may be; an aim is met or not."""
    return 1.0 if record["aim"] is not None else LIMITS[record["size"]]


def badness(record: Record) -> float:
    """By what factor a limit is missed; above 1 the case is lost."""
    hand, best = to_hand(record), to_best(record)
    return max(0.0 if hand is None else hand / limit(record), 0.0 if best is None else best / NOISE)


def lost(records: Iterable[Record]) -> list[Record]:
    """The cases that are lost, the worst first."""
    return sorted((r for r in records if badness(r) > 1), key=badness, reverse=True)


def label(record: Record) -> str:
    """Family and case."""
    return f"{record['family']} {record['case']}"


def ratio(number: float | None) -> str:
    """A ratio for a table."""
    if number is None:
        return "–"
    return f"{number:.2f}" if number < 9.995 else f"{number:.0f}"


HEAD = (
    "case",
    "size",
    "dtype",
    "hand",
    "einderiv",
    "/hand",
    "raw/hand",
    "best rival",
    "/rival",
    "peak/hand",
)


def row(record: Record) -> tuple[str, ...]:
    """One line of the table. An aim stands where the hand-written form would."""
    best, peaks = (
        best_rival(record),
        [record["contestants"].get(n, {}).get("peak") for n in (OURS, HAND)],
    )
    base = record["aim"] if record["aim"] is not None else median(record, HAND)
    own = median(record, OURS)
    weight = peaks[0] / peaks[1] if peaks[0] and peaks[1] else None
    times = ("–" if base is None else shown(base), shown(own or 0))
    ratios = (
        ratio(to_hand(record)),
        ratio(to_hand(record, RAW)),
        best or "–",
        ratio(to_best(record)),
        ratio(weight),
    )
    return (label(record), record["size"], record["dtype"], *times, *ratios)


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = HEAD) -> str:
    """Columns for a terminal: the text ones to the left."""
    widths = [max(len(r[k]) for r in (head, *rows)) for k in range(len(head))]
    left = {
        k
        for k, name in enumerate(head)
        if name in ("case", "size", "dtype", "best rival", "why", "constant")
    }
    lines = []
    for r in (head, *rows):
        cells = enumerate(zip(r, widths, strict=True))
        lines.append(
            "  ".join(c.ljust(w) if k in left else c.rjust(w) for k, (c, w) in cells).rstrip()
        )
    return "\n".join(lines)


def geometric(numbers: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def targets(records: Sequence[Record]) -> list[tuple[str, str, float, bool]]:
    """The targets that are no matter of one case: what, the target, what was found, whether it
    is met.
    """
    found = []
    nine = [r for r in records if r["family"] == "P9" and "opt_einsum" in r["contestants"]]
    for size, name, least in (("small", OURS, 5.5), ("small", RAW, 8.0), ("large", OURS, 1.8)):
        gains = [
            r["contestants"]["opt_einsum"]["median"] / r["contestants"][name]["median"]
            for r in nine
            if r["size"] == size
        ]
        if gains:
            mean = geometric(gains)
            found.append(
                (
                    f"P9, {len(gains)} contractions, {size}: gain of {name} over opt_einsum, "
                    "geometric mean",
                    f"≥ {least}",
                    mean,
                    mean >= least,
                )
            )
    for r in records:
        forward = median(r, "einderiv.forward")
        if forward and r["numbers"][0] == 60:
            for name, how in ((OURS, ""), ("einderiv.out", ", into given arrays")):
                if time := median(r, name):
                    share = time / forward
                    found.append(
                        (
                            f"{label(r)}, {r['size']}{how}: over the value alone",
                            "≤ 3.5",
                            share,
                            share <= 3.5,
                        )
                    )
    return found + hosted(records)


def hosted(records: Sequence[Record]) -> list[tuple[str, str, float, bool]]:
    """Our sources computed by a library, against the best that this library makes of the same
    problem itself.
    """
    found = []
    for name, engine in HOSTED.items():
        shares = {
            f"{label(r)}, {r['size']}": share
            for r in records
            if (share := _over_own(r, name, engine))
        }
        if shares:
            worst, mean = max(shares, key=shares.__getitem__), geometric([*shares.values()])
            found.append(
                (
                    f"{len(shares)} derivatives, {name} over {engine} itself, geometric mean",
                    "≤ 1",
                    mean,
                    mean <= 1,
                )
            )
            found.append(
                (
                    f"the worst of these, {worst}",
                    f"≤ {NOISE}",
                    shares[worst],
                    shares[worst] <= NOISE,
                )
            )
    return found


def _over_own(record: Record, name: str, engine: str) -> float | None:
    times = {n: float(c["median"]) for n, c in record["contestants"].items()}
    theirs = [t for n, t in times.items() if n.startswith(f"{engine}.")]
    return times[name] / min(theirs) if name in times and theirs else None


def compared(new: Sequence[Record], old: Sequence[Record], threshold: float) -> tuple[str, bool]:
    """How our ratios to the hand-written forms have changed, and whether one is worse by more
    than `threshold`.
    """
    before = {_key(r): r for r in old}
    rows, worse = [], False
    for r in new:
        known = before.get(_key(r))
        now, then = to_hand(r), to_hand(known) if known else None
        if now is None or then is None:
            continue
        change, bad = now / then, now / then > 1 + threshold
        worse |= bad
        rows.append(
            (
                label(r),
                r["size"],
                r["dtype"],
                ratio(then),
                ratio(now),
                f"{change:.2f}",
                "WORSE" if bad else "",
            )
        )
    rows.sort(key=lambda cells: -float(cells[5]))
    return table(rows, ("case", "size", "dtype", "was", "is", "change", "why")), worse


def _key(record: Record) -> tuple[str, ...]:
    return record["family"], record["case"], record["size"], record["dtype"]


def explained(record: Record) -> str:
    """Why a lost case is lost, as far as it is known."""
    return reason(record["family"], record["case"], record["size"])
