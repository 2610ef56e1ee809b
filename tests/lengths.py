"""How long the slow tests run: as long as the gate has time for, or with EINDERIV_LONG=1 as the guarantees say."""

import os


def length(gate, full):
    return full if os.environ.get("EINDERIV_LONG") else gate
