"""What the figures say: the table, the cases that are lost, the targets, and how two runs
compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from einderiv.checking.timing_tables import legend, ratio, shown, table

from .engine import HAND, HOSTED, OURS, RAW
from .reasons import reason

Record = dict[str, Any]
#: what the ratio to the hand-written form may be
LIMITS = {"tiny": 1.5, "small": 1.5, "medium": 1.15, "large": 1.15}
NOISE = 1.05  # a rival is faster if it is so by more than this
WIDTH = 100  # columns of what is printed
#: the columns of text in a table
LEFT = ("case", "size", "dtype", "best rival", "why")
Target = tuple[str, str, float, bool]  # what, the target, what was found, whether it is met


def median(record: Record, name: str) -> float | None:
    """The median of a contestant, if it took part."""
    contestant = record["contestants"].get(name)
    return None if contestant is None else float(contestant["median"])


def best_rival(record: Record) -> str | None:
    """The fastest of the others: not ours, not the hand-written form, not what is only shown."""
    left_out = {OURS, RAW, HAND, *HOSTED, *record["shown_only"]}
    contestants = record["contestants"]
    rivals = [name for name in contestants if name not in left_out]
    return min(rivals, key=lambda name: float(contestants[name]["median"]), default=None)


def to_hand(record: Record, name: str = OURS) -> float | None:
    """Our time over that of the hand-written form, or over the aim."""
    contestant = record["contestants"].get(name)
    if contestant is None:
        return None
    if record["aim"] is not None:
        return float(contestant["median"]) / float(record["aim"])
    return None if contestant["ratio"] is None else float(contestant["ratio"])


def to_best(record: Record) -> float | None:
    """Our time over that of the best rival."""
    rival = best_rival(record)
    own = median(record, OURS)
    if rival is None or own is None:
        return None
    return own / float(record["contestants"][rival]["median"])


def limit(record: Record) -> float:
    """What the ratio to the hand-written form may be; an aim is met or not."""
    return 1.0 if record["aim"] is not None else LIMITS[record["size"]]


def badness(record: Record) -> float:
    """By what factor a limit is missed; above 1 the case is lost."""
    factors = [0.0]
    hand = to_hand(record)
    if hand is not None:
        factors.append(hand / limit(record))
    best = to_best(record)
    if best is not None:
        factors.append(best / NOISE)
    return max(factors)


def lost(records: Iterable[Record]) -> list[Record]:
    """The cases that are lost, the worst first."""
    behind = [record for record in records if badness(record) > 1]
    return sorted(behind, key=badness, reverse=True)


def by_family(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records of each family."""
    families: dict[str, list[Record]] = {}
    for record in records:
        families.setdefault(record["family"], []).append(record)
    return families


def label(record: Record) -> str:
    """Family and case."""
    return f"{record['family']} {record['case']}"


#: the columns of results, and what stands in them
HEAD = {
    "case": "the family of problems and one of them; bench/families/ has each as code",
    "size": "of its arrays, as its family says; --size chooses",
    "dtype": "of its arrays",
    "hand": "median time of a call of NumPy as a specialist writes it; of P11, of which there is "
    "none, the time that is aimed at",
    "einderiv": "median time of a call of ours",
    "/hand": "our time over the one by hand: the target is 1.5 for small arrays, else 1.15",
    "raw": "the same of f.raw, which checks nothing of its arrays",
    "best rival": "the fastest of the other libraries",
    "/rival": f"our time over that of the best rival: below {NOISE} it is not slower",
    "peak": "the memory that a call of ours needs at most, over that of the one by hand",
}


def row(record: Record) -> tuple[str, ...]:
    """One line of the table. An aim stands where the hand-written form would."""
    base = record["aim"] if record["aim"] is not None else median(record, HAND)
    own_peak, hand_peak = _peak(record, OURS), _peak(record, HAND)
    return (
        label(record),
        record["size"],
        record["dtype"],
        "–" if base is None else shown(base),
        shown(median(record, OURS) or 0),
        ratio(to_hand(record)),
        ratio(to_hand(record, RAW)),
        best_rival(record) or "–",
        ratio(to_best(record)),
        ratio(own_peak / hand_peak if own_peak and hand_peak else None),
    )


def results(records: Sequence[Record]) -> str:
    """The table of results."""
    return table(tuple(HEAD), list(map(row, records)), LEFT, WIDTH)


def meaning() -> str:
    """What stands in the columns of the table."""
    return legend(HEAD, WIDTH)


def _peak(record: Record, name: str) -> int | None:
    peak: int | None = record["contestants"].get(name, {}).get("peak")
    return peak


def geometric(numbers: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def targets(records: Sequence[Record]) -> list[Target]:
    """The targets that are no matter of one case."""
    return [*_contractions(records), *_all_gradients(records), *hosted(records)]


def _contractions(records: Sequence[Record]) -> list[Target]:
    """P9: the gain over opt_einsum, on average."""
    found = []
    nine = [r for r in records if r["family"] == "P9" and "opt_einsum" in r["contestants"]]
    for size, name, least in (("small", OURS, 5.5), ("small", RAW, 8.0), ("large", OURS, 1.8)):
        gains = []
        for record in nine:
            if record["size"] == size:
                times = record["contestants"]
                gains.append(times["opt_einsum"]["median"] / times[name]["median"])
        if gains:
            what = f"P9, {len(gains)} contractions, {size}: gain of {name} over opt_einsum"
            mean = geometric(gains)
            found.append((f"{what}, geometric mean", f"≥ {least}", mean, mean >= least))
    return found


def _all_gradients(records: Sequence[Record]) -> list[Target]:
    """60 cores: the time of all gradients over that of the value alone."""
    found = []
    for record in records:
        forward = median(record, "einderiv.forward")
        if not forward or record["numbers"][0] != 60:
            continue
        for name, how in ((OURS, ""), ("einderiv.out", ", into given arrays")):
            time = median(record, name)
            if time:
                what = f"{label(record)}, {record['size']}{how}: over the value alone"
                found.append((what, "≤ 3.5", time / forward, time / forward <= 3.5))
    return found


def hosted(records: Sequence[Record]) -> list[Target]:
    """Our sources computed by a library, against the best that this library makes of the same
    problem itself.
    """
    found = []
    for name, engine in HOSTED.items():
        shares = {}
        for record in records:
            share = _over_own(record, name, engine)
            if share:
                shares[f"{label(record)}, {record['size']}"] = share
        if shares:
            what = f"{len(shares)} derivatives, {name} over {engine} itself, geometric mean"
            mean = geometric([*shares.values()])
            found.append((what, "≤ 1", mean, mean <= 1))
            worst = max(shares, key=shares.__getitem__)
            highest = shares[worst]
            found.append((f"the worst of these, {worst}", f"≤ {NOISE}", highest, highest <= NOISE))
    return found


def _over_own(record: Record, name: str, engine: str) -> float | None:
    contestants = record["contestants"]
    theirs = [
        float(contestant["median"])
        for other, contestant in contestants.items()
        if other.startswith(f"{engine}.")
    ]
    if name not in contestants or not theirs:
        return None
    return float(contestants[name]["median"]) / min(theirs)


def compared(new: Sequence[Record], old: Sequence[Record], threshold: float) -> tuple[str, bool]:
    """How our ratios to the hand-written forms have changed, and whether one is worse by more
    than `threshold`.
    """
    before = {_key(record): record for record in old}
    rows = []
    worse = False
    for record in new:
        known = before.get(_key(record))
        now = to_hand(record)
        then = to_hand(known) if known else None
        if now is None or then is None:
            continue
        change = now / then
        bad = change > 1 + threshold
        worse |= bad
        cells = (ratio(then), ratio(now), f"{change:.2f}", "WORSE" if bad else "")
        rows.append((label(record), record["size"], record["dtype"], *cells))
    rows.sort(key=lambda cells: -float(cells[5]))
    return table(("case", "size", "dtype", "was", "is", "change", "why"), rows, LEFT, WIDTH), worse


def _key(record: Record) -> tuple[str, ...]:
    return record["family"], record["case"], record["size"], record["dtype"]


def explained(record: Record) -> str:
    """Why a lost case is lost, as far as it is known."""
    return reason(record["family"], record["case"], record["size"])
