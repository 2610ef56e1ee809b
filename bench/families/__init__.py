"""All families, in their order."""

from __future__ import annotations

from ..problems import Family
from . import p1_seed, p2_logistic, p3_factorisation, p4_network, p5_cp

FAMILIES: dict[str, Family] = {f.key: f for f in (
    p1_seed.FAMILY, p2_logistic.FAMILY, p3_factorisation.FAMILY, p4_network.FAMILY, p5_cp.FAMILY)}
