"""Letters for labels: the author's wherever possible, else the first unused ones. Naming is
deterministic, and one place chooses the letters of an expression: :func:`lettering_of`.

A class of tied labels goes by its first label in the output, else by the first in written order. A
later occurrence of a repeated output label has a name of its own, which only the deltas show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple
from weakref import ref

from ..errors import EinderivError
from .canonical import FLATTENED
from .embedding import labels_in
from .labels import Label, Size
from .nodes import Add, Einsum, Expr, Tensor, is_hot, put, title_of, walk, wrapped
from .sizes import Sizes
from .subscripts import LETTERS, fresh_names
from .traverse import names_of_index_arrays, tensors_of
from .unify import bare, flatten

PRIME = "′"  # behind a word that stands for a further axis of its kind: key′
MOST_PRIMES = 3
SOLVED = 2000  # nodes: the sizes of a larger expression are told apart as they are written
_LETTERS = frozenset(LETTERS)


class Naming(NamedTuple):
    """A name for every output axis, and one for every label."""

    axes: tuple[str, ...]
    labels: dict[Label, str]


class Lettering:
    """The letters of an expression, wherever it is shown: in formulas and strings, pictures and
    code.

    A label is called as its author called it. One that nobody called anything, or whose name is
    taken where it stands, is called by its size: as the axis that its author declared, a word with
    a prime if that is taken too, and else by a letter that nothing else in the expression has, no
    tensor either, and that its size keeps. So a letter is one axis in all terms.

    Strings have one letter for a label. A word is shortened to its first letter, or to another that
    nothing in the expression has.
    """

    def __init__(self, written: Iterable[str], names: Iterable[str], kinds: AxisKinds) -> None:
        self.names = {*names}  # of tensors and parts: no index is ever called as one of them
        self.reserved = {*written, *self.names}  # no fresh letter is one of these
        self.kinds = kinds
        self.axes: tuple[str, ...] = ()  # of the expression
        self.shown: set[str] = set()  # names of axes and labels of its terms
        self.by_size: dict[Size, list[str]] = {}  # fresh letters
        self.not_sorted: list[tuple[Size, str]] = []  # those whose sizes were not looked at yet
        self.short: dict[str, str] = {}  # the letters of words

    def again(self) -> Lettering:
        """The same letters, to which others may be added."""
        copy = Lettering(self.reserved, self.names, self.kinds)
        copy.axes, copy.shown = self.axes, self.shown
        copy.by_size = {size: [*letters] for size, letters in self.by_size.items()}
        copy.not_sorted = [*self.not_sorted]
        copy.short = dict(self.short)
        return copy

    def naming(self, flat: Einsum, axes: Sequence[str | None]) -> Naming:
        """The names of the axes and the labels of a flat product whose axes are called `axes`."""
        # The axes of the output come first, then the other labels as they are written.
        wanted: list[tuple[Label, str | None]] = list(zip(flat.output, axes, strict=True))
        seen = set(flat.output)
        for label in _inside(flat):
            if label not in seen:
                seen.add(label)
                wanted.append((label, flat.letters.get(label)))
        kept: list[str | None] = []
        taken: set[str] = set()
        for _, name in wanted:
            if name is None or name in taken:
                kept.append(None)
            else:
                kept.append(name)
                taken.add(name)
        names = self._filled(flat, wanted, kept, taken)
        labels: dict[Label, str] = {}
        for (label, _), name in zip(wanted, names, strict=True):
            labels.setdefault(label, name)
        return Naming(tuple(names[: flat.ndim]), labels)

    def axes_of(self, e: Expr) -> tuple[str, ...]:
        """The names of the axes of a part of the expression."""
        return _own_axes(e) or self.naming(short_product(e), e.axes).axes

    def core_of(self, e: Expr, count: int, taken: set[str]) -> tuple[str, ...]:
        """Names for the last axes of `e`, its own where they are free. What is taken grows by
        them.
        """
        names: list[str] = []
        for size, own in zip(e.axis_sizes[e.ndim - count :], e.axes[e.ndim - count :], strict=True):
            name = self.fresh(size, taken) if own is None or own in taken else own
            names.append(name)
            taken.add(name)
        return tuple(names)

    def reserve(self, names: Iterable[str]) -> None:
        """Call no index as one of these."""
        self.names.update(names)
        self.reserved.update(names)

    def _filled(
        self,
        flat: Einsum,
        wanted: list[tuple[Label, str | None]],
        kept: list[str | None],
        taken: set[str],
    ) -> list[str]:
        """The names that are kept, and fresh ones for the others."""
        size_of = label_sizes(flat) if None in kept else {}
        names: list[str] = []
        for (label, _), name in zip(wanted, kept, strict=True):
            names.append(self.fresh(size_of[label], taken) if name is None else name)
            taken.add(names[-1])
        return names

    def inner(self, flat: Einsum, labels: Iterable[Label], taken: set[str]) -> dict[Label, str]:
        """Names for labels that are bound where some names are taken already; these grow by
        them.
        """
        labels = tuple(labels)
        written = {name for label in labels if (name := flat.letters.get(label))}
        size_of: dict[Label, Size] = {}
        names: dict[Label, str] = {}
        for label in labels:
            own = flat.letters.get(label)
            if own is None or own in taken:
                size_of = size_of or label_sizes(flat)
                names[label] = self.fresh(size_of[label], taken | written)
            else:
                names[label] = own
            taken.add(names[label])
        return names

    def fresh(self, size: Size, taken: set[str]) -> str:
        """A name for an axis of that size that is none of those that are taken."""
        # Where no axis has a name, and all letters so far are taken, no size needs to be known.
        is_first = not self.kinds.have_words and not self.by_size
        if is_first and all([letter in taken for _, letter in self.not_sorted]):
            return self._new(size, taken)
        size, word = self.kinds.of(size)
        if word is not None:
            primes = MOST_PRIMES if len(word) > 1 else 0
            for count in range(primes + 1):
                if word + count * PRIME not in taken:
                    return word + count * PRIME
        self._sort()
        for letter in self.by_size.get(size, ()):
            if letter not in taken:
                return letter
        return self._new(size, taken)

    def _new(self, size: Size, taken: set[str]) -> str:
        unused = self._unused(taken)
        if unused is None:  # more axes than letters: those that are free here, then a1, b1, …
            return fresh_names(1, taken | self.names)[0]
        self.not_sorted.append((size, unused))
        self.reserved.add(unused)
        return unused

    def _sort(self) -> None:
        for size, letter in self.not_sorted:
            self.by_size.setdefault(self.kinds.of(size)[0], []).append(letter)
        self.not_sorted = []

    def _unused(self, taken: set[str]) -> str | None:
        given = taken.union(self.reserved, self.short.values())
        for letter in LETTERS:
            if letter not in given:
                return letter
        return None

    def shortened(self, names: Naming) -> Naming:
        """The same in ASCII letters, as far as these suffice."""
        own = {*names.axes, *names.labels.values()}
        letters: dict[str, str] = {}
        for name in (*names.axes, *names.labels.values()):
            if name in _LETTERS or name in letters:
                continue
            letters[name] = self._letter_of(name, own.union(letters.values()))
        axes = tuple([letters.get(name, name) for name in names.axes])
        return Naming(axes, {label: letters.get(x, x) for label, x in names.labels.items()})

    def _letter_of(self, word: str, taken: set[str]) -> str:
        """The letter of a word, among names that are taken in the same string."""
        known = self.short.get(word)
        if known is not None and known not in taken:
            return known
        given = {*taken, *self.reserved, *self.shown, *self.short.values()}
        wanted: list[str] = [word[0], word[0].swapcase(), *LETTERS]
        for letter in wanted:
            if letter in _LETTERS and letter not in given:
                if known is None:
                    self.short[word] = letter
                return letter
        return fresh_names(1, taken)[0]


class AxisKinds:
    """Which sizes of an expression are one, and what axes of these sizes are called: looked at when
    a label needs a name for the first time.
    """

    def __init__(self, e: Expr, before: AxisKinds | None, have_words: bool) -> None:
        self.e = ref(e)  # which has its letters, and them these
        self.have_words = have_words  # have axes or labels names that others may share?
        self.before = before  # of what it was derived from
        self.sizes: Sizes | None = None
        self.words: dict[Size, str] | None = None

    def of(self, size: Size) -> tuple[Size, str | None]:
        """What a size goes by, and what axes of that size are called."""
        words = self._words() if self.words is None else self.words
        size = self._found(size)
        return size, words.get(size)

    def _found(self, size: Size) -> Size:
        return size if self.sizes is None else self.sizes.find(size)

    def _words(self) -> dict[Size, str]:
        e = self.e()
        words: dict[Size, str] = {}
        if e is None:
            return words
        if e.nodes <= SOLVED:
            try:
                self.sizes = Sizes().read([e])
            except EinderivError:  # they contradict each other, which evaluating it will say
                self.sizes = None
        tensors = tensors_of(e)
        for node in (*walk([e]), *tensors.values()):
            for size, name in _sizes_with_names(node):
                name = name.rstrip(PRIME)
                if name not in tensors:
                    words.setdefault(self._found(size), name)
        if self.before is not None:
            before = self.before._words() if self.before.words is None else self.before.words
            for size, word in before.items():
                words.setdefault(self._found(size), word)
        self.words = words
        return words


def lettering_of(e: Expr) -> Lettering:
    """The letters of `e`, as they were chosen when they were first asked for; those of a term of a
    sum are the sum's.
    """
    known = getattr(e, "lettering", None)
    chosen = known if isinstance(known, Lettering) else _lettering(_whole(e))
    if known is None:
        put(e, "lettering", chosen)
    return chosen.again()


def _whole(e: Expr) -> Expr:
    """The sum that `e` is a term of, if it is known, else itself."""
    if not e.origins or isinstance(e, Add):
        return e
    first = e.origins[0]
    is_its_sum = isinstance(first, Add) and first.record is e.record and first.ndim == e.ndim
    return first if is_its_sum else e


def _lettering(e: Expr) -> Lettering:
    before = None if e.record is None else lettering_of(e.record.of)
    written = written_names(walk([e]))
    tensors = tensors_of(e)
    have_words = any([len(name) > 1 for name in written])
    have_words = have_words or any([any(tensor.axes) for tensor in tensors.values()])
    have_words = have_words or (before is not None and before.kinds.have_words)
    kinds = AxisKinds(e, None if before is None else before.kinds, have_words)
    titles = {title for node in walk([e]) if (title := title_of(node)) is not None}
    # Beside an index array r a letter r would be two things: `sizes` has one key for both.
    operands = titles.union(tensors, names_of_index_arrays(e))
    letters = Lettering(written, operands, kinds)
    if before is not None:
        letters.reserved |= before.reserved
        for size, own in before.by_size.items():
            letters.not_sorted += [(size, letter) for letter in own]
        letters.not_sorted += before.not_sorted

    products = [short_product(term) for term in (e.addends if isinstance(e, Add) else (e,))]
    letters.axes = letters.naming(products[0], e.axes).axes
    namings = [letters.naming(product, letters.axes) for product in products]
    letters.shown |= written
    for product, names in zip(products, namings, strict=True):
        composite = _composite(product)
        letters.shown.update(names.axes)
        letters.shown.update([name for x, name in names.labels.items() if x not in composite])
    if before is not None:
        letters.shown |= before.shown
        for word, letter in before.short.items():
            if letter not in written and letter not in letters.axes:
                letters.short[word] = letter
    for names in namings:
        letters.shortened(names)
    return letters


def _sizes_with_names(node: Expr) -> Iterator[tuple[Size, str]]:
    """The sizes of axes that are declared, and of labels that are words."""
    if isinstance(node, Tensor):
        for size, name in zip(node.axis_sizes, node.declared, strict=True):
            if isinstance(name, str):
                yield size, name
    elif isinstance(node, Einsum):
        words = {label: name for label, name in node.letters.items() if name and len(name) > 1}
        if words:
            for label, size in label_sizes(node).items():
                if label in words:
                    yield size, words[label]


def _inside(e: Einsum) -> Iterable[Label]:
    """The labels of operands, of relations, and those that are only summed."""
    related = sorted(labels_in(e.relations)) if e.relations else ()
    return chain(*e.inputs, related, bare(e))


def label_sizes(e: Einsum) -> dict[Label, Size]:
    """The size of each label of one einsum."""
    sizes: dict[Label, Size] = dict(e.given)
    for factor, labels in e.slots:
        sizes.update(zip(labels, factor.axis_sizes, strict=True))
    return sizes


def naming(flat: Einsum, *, short: bool = False, of: Expr | None = None) -> Naming:
    """Names for a flat einsum, a term of `of`; `short` shortens words to ASCII letters, and letters
    that are none.

    Single letters keep their place first, so that shortening a word never takes a letter that
    somebody wrote.
    """
    letters = lettering_of(flat if of is None else of)
    names = letters.naming(flat, flat.axes)
    return letters.shortened(names) if short else names


def short_product(e: Expr) -> Einsum:
    """`e` as one product for naming: flat, unless it is so large that nobody reads its letters."""
    product = wrapped(e)
    return flatten(product) if product.count <= FLATTENED else product


def axis_names(e: Expr) -> tuple[str, ...]:
    """The names of the axes as they are printed."""
    return _own_axes(e) or lettering_of(e).axes


def _own_axes(e: Expr) -> tuple[str, ...]:
    """The names of the axes as their author gave them; none where one is missing or occurs
    twice.
    """
    own = [name for name in e.axes if name is not None]
    return tuple(own) if len(own) == len(set(own)) == e.ndim else ()


def written_names(nodes: Iterable[Expr]) -> set[str]:
    """The names that authors gave to axes and labels, of labels that have vanished too."""
    names: set[str] = set()
    for node in nodes:
        names.update([name for name in node.axes if name])
        if isinstance(node, Einsum):
            names.update([name for name in node.letters.values() if name])
    return names


def used_names(e: Expr) -> set[str]:
    """Every name that printing `e` may show, of labels that have vanished too."""
    return {*lettering_of(e).shown}


def _composite(flat: Einsum) -> set[Label]:
    """Labels that nobody wrote, of axes that hold an index expression."""
    if flat.parts is None:
        return set()
    values = [labels[-1] for factor, labels in flat.slots if is_hot(factor)]
    related = labels_in(flat.relations).union(values)
    return {label for label in related if flat.letters.get(label) is None}


def new_axes(e: Expr, count: int) -> tuple[str, ...]:
    """Names for new axes: the first letters that `e` does not use, as names of tensors neither."""
    return tuple(fresh_names(count, used_names(e).union(tensors_of(e))))
