"""The tree of a text to an expression: which function, how many axes, and where a mistake stands.

A name that is nowhere declared gets its number of axes from where it stands: an operand of an
einsum, a partner of ``+``, ``-`` or a comparison, a matrix for ``trace`` or ``inv``. What is known
runs through the tree until nothing new is learnt; what stays open is an error that says what to
write. Nothing here descends by recursion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import EinderivError, LimitError, ParseError, ShapeError, near
from ..expression import (
    ELLIPSIS,
    Expr,
    Tensor,
    check_commas,
    only_in_output,
    read,
    tensor,
    titled,
)
from ..functions import MATRIX, SAME_AXES, VOCABULARY, is_elementwise
from .lexer import Declaration, Source
from .syntax import KEEPING, OPERATORS, PARTNERS, Node, check_free

#: what a tensor may be declared to be
STRUCTURES = ("symmetric", "diagonal", "lower", "orthogonal", "hermitian", "complex")


def declarations(
    text: Source, declared: Sequence[Declaration], tensors: Mapping[str, object] | None
) -> dict[str, Expr]:
    """The tensors that a text and its caller declare."""
    known = _given_tensors(tensors)
    # "sample feature" makes both of them words, so that "feature" alone is one axis elsewhere, and
    # not seven.
    words: set[str] = set()
    for declaration in declared:
        axes_words = declaration.axes.split()
        if len(axes_words) > 1:
            words.update(axes_words)
    for name, at, axes, axes_at, structure in declared:
        if name in known:
            raise text.wrong(f"{name!r} is declared twice", at)
        check_free(text, name, at)
        for word in structure:
            if word.text not in STRUCTURES:
                raise text.wrong(
                    f"behind the axes stands what the tensor is, not {word.text[:30]!r}; "
                    f"{near(word.text, STRUCTURES)}",
                    word.at,
                )
        flags = {word.text: True for word in structure}
        try:
            known[name] = tensor(name, (axes,) if axes in words else axes, **flags)
        except EinderivError as e:
            position = getattr(e, "position", None) or 0
            raise text.wrong(e.reason, axes_at + position) from None
    return known


def _given_tensors(tensors: Mapping[str, object] | None) -> dict[str, Expr]:
    """The tensors that the caller declares, by their axes or as expressions."""
    if tensors is not None and not isinstance(tensors, Mapping):
        raise TypeError(
            "tensors must be a mapping of names to axes or expressions, not "
            f"{type(tensors).__name__}"
        )
    known: dict[str, Expr] = {}
    for name, value in (tensors or {}).items():
        if name in VOCABULARY:
            raise EinderivError(f"tensors names {name!r}, which is a function: choose another name")
        known[name] = value if isinstance(value, Expr) else tensor(name, value)  # type: ignore[arg-type]
    return known


class Builder:
    """Builds the expressions of a text.

    `given` says how many axes a name has without a declaration, `default` how many where nothing is
    learnt of it.
    """

    def __init__(
        self,
        text: Source,
        roots: Sequence[Node],
        known: dict[str, Expr],
        given: Callable[[str], int | None],
        default: Callable[[str], int | None],
        assigned: Mapping[str, Node] | None = None,
        infers: bool = True,
    ) -> None:
        """`assigned` are the names of a text: formulas call its values by them. Without `infers`
        nothing is learnt from where a name stands.
        """
        self.infers = infers
        self.text = text
        self.titles = {node: name for name, node in (assigned or {}).items()}
        self.known = known
        self.given = given
        self.default = default
        self.order = _postorder(roots)
        self.parents: dict[Node, list[Node]] = {node: [] for node in self.order}
        self.names: dict[str, list[Node]] = {}  # that are nowhere declared
        for node in self.order:
            for part in node.parts:
                self.parents[part].append(node)
        self.waiting = {node: len(node.parts) for node in self.order}
        self.ranks: dict[Node, int] = {}  # how many axes it must have
        self.built: dict[Node, Any] = {}
        self.learnt: deque[Node] = deque()  # whose number of axes is news, in the order of the text
        self.ready: list[Node] = []  # whose parts are built

    def build_known(self) -> None:
        """Build what can be built of what is known and learnt."""
        for node in self.order:
            self._start(node)
        self._run()

    def names_in_order(self) -> list[str]:
        """The names that are nowhere declared, in the order of the text."""
        firsts = [(nodes[0].at, name) for name, nodes in self.names.items()]
        return [name for _, name in sorted(firsts)]

    def unknown(self) -> list[str]:
        """The names whose number of axes is not known, in the order of the text."""
        return [name for name in self.names_in_order() if self.names[name][0] not in self.built]

    def learnt_ranks(self) -> dict[str, int]:
        """The numbers of axes of the names that are nowhere declared, where they were learnt."""
        learnt: dict[str, int] = {}
        for name in self.names_in_order():
            made = self.built.get(self.names[name][0])
            if made is not None:
                learnt[name] = made.ndim
        return learnt

    def build(self) -> None:
        """Build every node, or say what is missing."""
        self.build_known()
        for name in self.unknown():
            first = self.names[name][0]
            if first in self.built:
                continue
            rank = self.default(name)
            if rank is None:
                raise self.asked(name)
            self._expect(first, rank)
            self._run()

    def _start(self, node: Node) -> None:
        """What is known of a node before anything is built."""
        match node.kind:
            case "name" if node.value in self.known:
                self._finish(node, self.known[node.value])
            case "name":
                self.names.setdefault(node.value, []).append(node)
                if (rank := self.given(node.value)) is not None:
                    self._expect(node, rank)
            case "made":
                self._expect_of_parts(node)
                if not node.parts:
                    self.ready.append(node)
            case _:
                self._finish(node, node.value)

    def _expect_of_parts(self, node: Node) -> None:
        """What the function itself says about its arguments."""
        if node.value == "einsum":
            self._check_output(node.parts[0])
            operands = node.parts[1 : len(node.parts) - len(node.keywords)]
            for part, term in zip(operands, read(node.parts[0].value).inputs, strict=True):
                if ELLIPSIS not in term.labels:
                    self._expect(part, len(term.labels))
        elif node.value in MATRIX:
            self._expect(node.parts[0], 2)

    def _check_output(self, subscripts: Node) -> None:
        """A label that only the output has needs a size, and a text has no place for one."""
        notation = read(subscripts.value)
        for label, position in only_in_output(notation):
            try:
                check_commas(notation, label)
            except ParseError as e:
                raise self.text.wrong(e.reason, subscripts.at + (e.position or 0)) from None
            raise self.text.wrong(
                f"output label {label!r} is in no operand, and a text gives no sizes; "
                "add an operand that has it",
                subscripts.at + position,
            )

    def _run(self) -> None:
        """Build what can be built, and spread what is learnt by it, until nothing is left."""
        while self.ready or self.learnt:
            if self.ready:
                node = self.ready.pop()
                self._finish(node, self._made(node))
            else:
                self._spread(self.learnt.popleft())

    def _expect(self, node: Node, rank: int) -> None:
        """`node` must have `rank` axes: news, unless that has been said."""
        if self.infers and node not in self.ranks and node.kind in ("name", "made"):
            self.ranks[node] = rank
            self.learnt.append(node)

    def _finish(self, node: Node, value: Any) -> None:
        """`node` is built; whatever has waited for it alone is ready."""
        if node in self.titles and isinstance(value, Expr):
            value = titled(value, self.titles[node])
        self.built[node] = value
        if (rank := getattr(value, "ndim", None)) is not None:
            self._expect(node, rank)
        for parent in self.parents[node]:
            self.waiting[parent] -= 1
            if not self.waiting[parent]:
                self.ready.append(parent)

    def _spread(self, node: Node) -> None:
        """What is known of one node says something about those beside, above and below it."""
        rank = self.ranks[node]
        # beside: a name means one tensor wherever it stands
        if node not in self.built and node.kind == "name":
            made = Tensor(node.value, (None,) * rank)
            for same in self.names[node.value]:
                self._finish(same, made)
        # below
        elif node not in self.built:
            for part in _alike(node):
                self._expect(part, rank)
        # above: a scalar may be the partner of anything, so it says nothing of its partners
        for parent in self.parents[node]:
            alike = _alike(parent)
            if node in alike and (rank or len(alike) == 1):
                for other in (parent, *alike):
                    self._expect(other, rank)

    def asked(self, name: str) -> ParseError:
        """The error that asks how many axes a name has."""
        at = self.names[name][0].at
        close = near(name, self.known)
        hint = f"; or {close}" if close.startswith("did you mean") else ""
        name = name[:40]
        return self.text.wrong(
            f"how many axes has {name!r}? Write them on a line before: '{name}: ij' for a matrix, "
            f"'{name}:' for a scalar{hint}",
            at,
        )

    def _made(self, node: Node) -> Any:
        return self.make(node, [self.built[part] for part in node.parts])

    def make(self, node: Node, values: Sequence[Any]) -> Any:
        """What the function of a node makes of its parts; errors point into the text."""
        assert node.make is not None
        count = len(values) - len(node.keywords)
        options = dict(zip(node.keywords, values[count:], strict=True))
        try:
            value = node.make(*values[:count], **options)
            if not isinstance(value, (Expr, int, float, complex)) and not hasattr(value, "ndim"):
                raise TypeError(
                    f"{node.value} gives {type(value).__name__}, which is no expression"
                )
            return value
        except LimitError:
            raise
        except (EinderivError, TypeError) as e:
            message = str(e).split("\n")[0][:300]
            kind = ShapeError if isinstance(e, ShapeError) else ParseError
            raise kind(message, str(self.text), _place(e, node)) from None


def _place(e: Exception, node: Node) -> int:
    """Where an error of building `node` stands: inside the subscripts of an einsum, if it says."""
    position: int | None = getattr(e, "position", None)
    if node.value != "einsum" or position is None:
        return node.at
    subscripts = node.parts[0]
    about_subscripts = getattr(e, "text", None) == subscripts.value
    return subscripts.at + position if about_subscripts else node.at


def _alike(node: Node) -> tuple[Node, ...]:
    """The parts that have as many axes as the node itself."""
    if node.kind != "made":
        return ()
    # A + B, exp(A), maximum(A, B)
    entry_by_entry = node.value not in OPERATORS and is_elementwise(node.value)
    if entry_by_entry or node.value in PARTNERS:
        return node.parts
    # -A, A**2, softmax(A, 0)
    if node.value in KEEPING or node.value in SAME_AXES:
        return node.parts[:1]
    return ()


def _postorder(roots: Sequence[Node]) -> list[Node]:
    """Every node once, parts before what is made of them."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((part, False) for part in reversed(node.parts))
    return order
