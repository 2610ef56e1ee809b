"""All families, in their order."""

from __future__ import annotations

from ..problems import Family
from . import (
    p1_seed,
    p2_logistic,
    p3_factorisation,
    p4_network,
    p5_cp,
    p6_trains,
    p7_cookbook,
    p8_latency,
    p9_contractions,
    p10_asked,
    p11_derivation,
    p12_blocks,
    p13_sums,
    p14_networks,
    p15_indices,
    p16_models,
)

MODULES = (
    p1_seed,
    p2_logistic,
    p3_factorisation,
    p4_network,
    p5_cp,
    p6_trains,
    p7_cookbook,
    p8_latency,
    p9_contractions,
    p10_asked,
    p11_derivation,
    p12_blocks,
    p13_sums,
    p14_networks,
    p15_indices,
    p16_models,
)
FAMILIES: dict[str, Family] = {module.FAMILY.key: module.FAMILY for module in MODULES}
