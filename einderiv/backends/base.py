"""What a backend is: one object that knows how a library's arrays behave and how sources for it are
written.

A file with the name of the library holds one; `table` is the list of them. Nothing here imports a
library before it is asked for: sources are written without any.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import BackendError
from ..functions import Function
from ..planning import Op, Program, Step
from ..rewriting import pass_called
from .source_text import Spell

#: the passes of every library whose arrays are in memory
BASE_PASSES = ("constant folding", "memory check")


class Kind(NamedTuple):
    """A dtype of any library as far as planning asks: ``float32``, ``f``, 4."""

    name: str
    kind: str
    itemsize: int


class Library(ABC):
    """How the arrays of one library behave. It holds no arrays, and serves all executions."""

    name: str
    module: str  # what is imported
    # dtypes that are computed in others, by name
    widened: Mapping[str, str] = MappingProxyType({})
    # where whole numbers fit that a dtype does not hold, as a message says it
    wider: str = "a wider dtype"
    # that {0} is an array of the library, where it was, in a quick call; empty: there is none
    test: str = ""
    # what its RuntimeErrors say of a singular matrix, and of a number that its dtype does not hold
    says_singular: str | None = None
    says_overflow: str | None = None
    # may arrays change in place, and be mixed in one operation? then nothing is copied
    as_they_are: bool = False
    # are arrays blocks that are never in memory together, and computed later?
    lazy: bool = False
    # do sources raise for negative places in index arrays, whose values they look at?
    sources_look: bool = True
    structured: bool = True  # are there results that keep their structure?

    @property
    def xp(self) -> Any:
        """The library itself."""
        return self.imported()

    def imported(self) -> Any:
        """The library itself, or an error that says how to get it."""
        try:
            return import_module(self.module)
        except ImportError:
            hint = f"pip install 'einderiv[{self.name}]'"
            raise BackendError(f"backend {self.name!r} needs {self.name}: {hint}") from None

    @abstractmethod
    def given(self, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Arrays of the library, on one device, and that device; NumPy arrays and lists are
        converted.
        """

    @abstractmethod
    def looked_at(self, array: Any) -> Any:
        """The array for NumPy, or None while it is traced and has no values."""

    @abstractmethod
    def promoted(self, dtypes: Sequence[Any], numbers: Sequence[Any]) -> Any:
        """The dtype of arrays together, lifted by Python numbers; without any, the default whole
        number.
        """

    @abstractmethod
    def kind(self, dtype: Any) -> Any:
        """A dtype of the library as planning sees it: a `Kind`, or what has the same attributes."""

    @abstractmethod
    def held_dtype(self, array: Any) -> Any:
        """The dtype that a held array, of NumPy or of the library, gets."""

    @abstractmethod
    def as_array(self, value: Any) -> Any:
        """What a source returned, as an array."""

    @abstractmethod
    def converted(self, array: Any, dtype: Any) -> Any:
        """An array in a dtype."""

    @abstractmethod
    def moved(self, array: Any, dtype: Any, device: Any) -> Any:
        """A held array as one of the library, in a dtype, on a device."""

    def pointing(self, array: Any, name: str, device: Any) -> Any:
        """An index array on the device, in its own dtype."""
        return array

    @abstractmethod
    def conjugated(self, array: Any) -> Any:
        """The complex conjugate of an array."""

    @abstractmethod
    def array_type(self) -> Any:
        """The type of arrays that are not traced."""

    def words(self, dtype: Any, device: Any) -> dict[str, Any]:
        """What `test` compares with, the dtype of a quick call, and how a scalar becomes an
        array again.
        """
        return {
            "_array": self.array_type(),
            "_wrap": self.as_array,
            "_dtype": dtype,
            "_device": device,
        }

    def followed(self, array: Any) -> bool:
        """Does the library follow what is done with an array, to differentiate by it?"""
        return False

    def constants(self, run: Callable[[], list[Any]]) -> list[Any]:
        """What a function of held arrays gives, as it can be kept."""
        return run()


@dataclass(frozen=True)
class Helpers:
    """The helpers of a backend: their texts, and what they import."""

    texts: Mapping[str, str]
    imports: Mapping[str, str]

    def used(self, lines: Iterable[str]) -> list[str]:
        """The helpers that the lines of a source call, those first that others call."""
        called: set[str] = set()
        new = self._called("\n".join(lines))
        while new:
            called |= new
            texts = "\n".join(self.texts[name] for name in new)
            new = self._called(texts) - called
        return [name for name in self.texts if name in called]

    def _called(self, text: str) -> set[str]:
        return set(self.texts) & set(re.findall(r"\b(\w+)\(", text))


@dataclass(frozen=True, kw_only=True, eq=False)
class Backend(ABC):
    """All that is known of one library: its arrays, how steps and rows are spelt, what is
    rewritten.
    """

    name: str
    library: Library
    helpers: Helpers
    header: str  # what a source imports
    module: str  # as a source calls what makes arrays
    dtypes: str  # as a source calls what has the dtypes
    # the dtype of what a source makes itself, where neither arguments nor a dtype are given
    no_dtype: str
    fresh: str = "{0}.copy()"  # an array {0} that shares memory with nothing
    # an array {0} that was read of another: it may be a view of that, and overlap itself
    owned: str = "{0}"
    takes: str = ""  # whose spelling of functions is taken, with what it imports
    # functions that it spells itself, by name; of all others the rows know
    column: Mapping[str, str] = field(default_factory=dict)
    # what its own spellings import, by words that stand before a dot
    modules: Mapping[str, str] = field(default_factory=dict)
    writes: bool = False  # may a source write into arrays, its own and those of ``out=``?
    passes: tuple[str, ...] = BASE_PASSES  # over programs, by their names
    # what stands for names that a source binds
    bindings: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""  # as people call the library

    def __post_init__(self) -> None:
        """Raise unless the backend can do what its passes make of programs."""
        for name in self.passes:
            row = pass_called(name)
            if row.loops and not self.writes:
                raise BackendError(
                    f"the pass {name!r} makes loops over blocks, and sources of {self.name} do not "
                    "write into arrays: leave the pass out, or say writes=True"
                )
            for op in row.makes:
                if not (op.before or op.spell or op in self.ops):
                    raise BackendError(
                        f"the pass {name!r} makes the op {op.name!r}, for which {self.name} has no "
                        "spelling: leave the pass out, or spell the op"
                    )

    @property
    @abstractmethod
    def ops(self) -> Collection[Op]:
        """The ops that it has words of its own for."""

    @abstractmethod
    def spell(self, step: Step, inputs: Sequence[str], size: Spell) -> list[str]:
        """Lines for one step; the last is the expression of its value, and ``{out}`` stands for
        its name.
        """

    def row(self, row: Function) -> str:
        """The spelling of a row: in a column of the backend's own, or what the row says."""
        text = self.column.get(row.name, row.spell.get(self.takes or self.name))
        if text is None:
            raise BackendError(
                f"the function {row.name} has no spelling for {self.name}: give "
                f"ed.function({row.name!r}, …, {self.name}=…) one, or use NumPy"
            )
        return text

    def needs(self, row: Function) -> str:
        """What a source imports for a row."""
        if self.takes:
            return row.needs
        words = re.findall(r"\b\w+(?=\.)", self.row(row))
        return "\n".join(
            dict.fromkeys(self.modules[word] for word in words if word in self.modules)
        )

    def setup(
        self, arguments: Sequence[str], dtype: str | None, device: str | None
    ) -> dict[str, str]:
        """Lines that bind words, by the word: the dtype of what a source makes itself.

        It is given, or that of the arguments together.
        """
        if dtype is not None:
            text = f'{self.dtypes}.dtype("{dtype}")'
        elif arguments:
            text = f"{self.dtypes}.result_type({', '.join(arguments)})"
        else:
            text = self.no_dtype
        return {"dtype": f"dtype = {text}"}

    def called(self, function: Callable[..., Any], lines: int) -> Callable[..., Any]:
        """The function of a source of so many lines, as it is called."""
        return function

    def fitted(
        self, program: Program, itemsize: int, memory_limit: int | None, mesh: Any
    ) -> Backend:
        """The backend with what one program decides."""
        return self
