"""What outgrows one machine's memory: results block by block, streamed, on a cluster."""

from .streaming import stream

__all__ = ["stream"]
