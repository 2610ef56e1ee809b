"""Arrays of libraries that have no backend: those of the Array API standard become NumPy's.

Nothing is imported here but NumPy; an array is asked for its namespace.
"""

from __future__ import annotations

from typing import Any

from ..errors import BackendError

HOST = 1  # DLPack's number for the memory of the host


def root_of(kind: type) -> str:
    """What the module of a type begins with."""
    return kind.__module__.partition(".")[0]


def name_of(namespace: Any) -> str:
    """What a message calls the library of a namespace."""
    return str(getattr(namespace, "__name__", type(namespace).__name__)).partition(".")[0]


def as_numpy(array: Any, what: str) -> Any:
    """An array of the standard as NumPy has it, without a copy where its memory is the host's.

    Raises BackendError for memory that NumPy cannot read, TypeError for a dtype that it has not.
    """
    import numpy as np

    library, device = name_of(array.__array_namespace__()), getattr(array, "device", None)
    where = getattr(array, "__dlpack_device__", None)
    if where is not None and int(where()[0]) != HOST:
        raise BackendError(
            f"{what} is an array of {library} on the device {device}, whose memory NumPy cannot "
            "read: move it first, with .to_device"
        )
    try:
        return np.asarray(array) if where is None else np.from_dlpack(array)
    except MemoryError:
        raise
    except Exception as e:  # the protocol of another library may raise anything
        said = (str(e).splitlines() or [type(e).__name__])[0][:120]
        raise TypeError(
            f"{what} is an array of {library} with dtype {getattr(array, 'dtype', None)}, which "
            f"NumPy makes no array of: {said}"
        ) from None
