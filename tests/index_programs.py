"""Random programs of einsums with index expressions, judged with `==` by an enumeration of points.

    python -m tests.index_programs --seed 1 --count 1000 [--aspect value]

The judge knows one law: an einsum is a sum over the points of a box. A point at which a slot reads outside its
axis is not in the sum, and what is written outside is dropped. It reads the notation with a reader of its own, and
its numbers carry their exact first and second derivatives; it shares nothing with the package.

>>> values = {"x": np.array([1, 2, 4, 8]), "w": np.array([1, 10])}
>>> judged("i+k,k->i", [values["x"], values["w"]]).tolist()
[21, 42, 84]
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

import einderiv as ed
from einderiv.expression.size_algebra import measured

POINTS, NUMBERS = 250, 120  # at most, of the box of an einsum, and of its result
MOST_PRINTED = 30_000  # points of what is printed, for powers of sums are products of many


# -------------------------------------------------------------------------------------------- the notation


class Axis(NamedTuple):
    """constant + Σ coefficient·label + Σ coefficient·array[axes], or a flattening of labels."""

    constant: int = 0
    terms: tuple[tuple[str, int], ...] = ()
    arrays: tuple[tuple[str, tuple[Axis, ...], int], ...] = ()
    flat: tuple[str, ...] = ()
    plus_0: bool = False  # written as a sum, i+0 or r[e]+0: it is as long as it is given

    @property
    def bare(self):
        """The label, where there is nothing but one."""
        alone = len(self.terms) == 1 and self.terms[0][1] == 1 and not self.constant
        alone = alone and not self.arrays and not self.flat and not self.plus_0
        return self.terms[0][0] if alone else None

    @property
    def array(self):
        """The name of the index array, where there is nothing but one."""
        alone = len(self.arrays) == 1 and self.arrays[0][2] == 1 and not self.constant
        return self.arrays[0][0] if alone and not self.terms and not self.plus_0 else None

    @property
    def labels(self):
        inner = [x for _, axes, _ in self.arrays for a in axes for x in a.labels]
        return tuple(dict.fromkeys([*(x for x, _ in self.terms), *self.flat, *inner]))


#: what makes a text a sum; the digit of a word such as col2 does not
SUM = re.compile(r"[-+*\[]|(?<!\w)\d")


def label(name):
    return Axis(terms=((name, 1),))


def read(text):
    """The slots and the output of a string: tuples of axes."""
    left, arrow, right = text.partition("->")
    assert arrow, f"no arrow in {text!r}"
    words = in_words(text)
    return [_slot(part, words) for part in _parts(left)], _slot(right, words)


def in_words(text):
    """Whether a string is read in words: two in a slot, or a longer name in a sum."""
    left, _, right = text.partition("->")
    slots = [*_parts(left), right] if re.search(r"[(\[]", text) else _parts(left)
    for slot in slots:
        rest = re.sub(r"\([^()]*\)", "", _without_square(slot))
        rest = re.sub(r"\s*([-+*])\s*", r"\1", rest)
        if len(rest.split()) > 1:
            return True
    name = r"[^\W\d_]\w+(?![\w\[])"
    sums = rf"[-+*\d]\s*{name}|(?<!\w){name}\s*[-+*]"
    return any(re.search(sums, part) for part in (left, right))


def _without_square(text):
    while "[" in text:
        text = re.sub(r"\[[^\[\]]*\]", "", text, count=1)
    return text


def _parts(text):
    """The text parted at the commas outside square brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "[") - (c == "]")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def _slot(text, words):
    text = text.strip()
    if "(" not in text and SUM.search(text):
        return (_sum(text),)
    axes = []
    while text := text.strip():
        if text[0] == "(":
            end = text.index(")")
            axes.append(_bracket(text[1:end], words))
            text = text[end + 1 :]
        else:
            name = re.match(r"\w+" if words else r"\w", text)[0]
            axes.append(label(name))
            text = text[len(name) :]
    return tuple(axes)


def _bracket(text, words):
    if SUM.search(text):
        return _sum(text)
    labels = text.split() if words else [c for c in text if not c.isspace()]
    return label(labels[0]) if len(labels) == 1 else Axis(flat=tuple(labels))


def _sum(text):
    axis, rest = _terms(re.findall(r"\d+|\w+|\S", text))
    assert not rest, f"{rest} after the sum {text!r}"
    return axis._replace(plus_0=text.replace(" ", "").endswith("+0"))


def _terms(tokens):
    """A sum from the front of `tokens`, and the tokens after it."""
    constant, terms, arrays = 0, Counter(), []
    while tokens and tokens[0] not in ",]":
        sign = -1 if tokens[0] == "-" else 1
        tokens = tokens[1:] if tokens[0] in "+-" else tokens
        number = 1
        if alone := tokens[0].isdigit():
            number, tokens = int(tokens[0]), tokens[1:]
            if tokens and tokens[0] == "*":
                tokens = tokens[1:]
        if alone and (not tokens or tokens[0] in "+-,]"):
            constant += sign * number
            continue
        name, tokens = tokens[0], tokens[1:]
        if tokens and tokens[0] == "[":
            axes, tokens = _arguments(tokens[1:])
            arrays.append((name, axes, sign * number))
        else:
            terms[name] += sign * number
    return Axis(constant, tuple(terms.items()), tuple(arrays)), tokens


def _arguments(tokens):
    axes = []
    while True:
        axis, tokens = _terms(tokens)
        axes.append(axis)
        end, tokens = tokens[0], tokens[1:]
        if end == "]":
            return tuple(axes), tokens


# --------------------------------------------------------------------------------------------------- sizes


def largest(axis, domains, arrays, sizes=()):
    """The largest place over the box; each term at its best corner. `sizes` may say how many values
    an index array has.
    """
    if axis.flat:
        return prod(domains[x] for x in axis.flat) - 1
    found = axis.constant
    for x, k in axis.terms:
        found += k * (domains[x] - 1) if k > 0 else 0
    for name, _, k in axis.arrays:
        most = sizes[name] - 1 if name in sizes else int(np.max(arrays[name], initial=0))
        found += k * most if k > 0 else 0
    return found


def settled(slots, shapes, arrays, sizes, output=()):
    """The sizes of all labels: of bare axes, given ones, flattenings, and the largest reads inside."""
    reads = [pair for axes, shape in zip(slots, shapes) for pair in zip(axes, shape)]
    every = [axis for axis, _ in reads] + list(output)
    for axis in every:
        for name, axes, _ in axis.arrays:
            reads += zip(axes, np.shape(arrays[name]))
    domains = {}
    for axis, n in reads:
        if axis.bare:
            _know(domains, axis.bare, n)
    for x, n in sizes.items():
        if x not in arrays and re.fullmatch(r"[^\W\d]\w*", x):
            _know(domains, x, n)
    values = {**pointed(slots, shapes), **{r: n for r, n in sizes.items() if r in arrays}}
    _open_up(domains, reads, {x for axis in every for x in axis.labels}, arrays, values)
    for axis, n in reads:
        if axis.flat and prod(domains[x] for x in axis.flat) != n:
            raise ValueError(f"{axis.flat} is not {n}")
    return domains


def _open_up(domains, reads, labels, arrays, values):
    """Sizes for the labels that have none yet: the largest for which every read is inside. `values`
    says how many some index arrays have.
    """
    while unknown := labels - set(domains):
        found = {}
        for axis, n in reads:
            for x, m in _opened(axis, n, domains, arrays, values):
                _know(found, x, m)
        if not found:
            raise ValueError(f"the sizes of {sorted(unknown)} are open")
        domains.update(found)


def _know(domains, x, n):
    if domains.setdefault(x, n) != n:
        raise ValueError(f"{x} is {domains[x]} and {n}")


def _opened(axis, n, domains, arrays, values):
    """The size that one read gives to its one label without a size."""
    unknown = [x for x in axis.labels if x not in domains]
    if len(unknown) != 1:
        return []
    (x,) = unknown
    if axis.flat:
        rest = prod(domains[y] for y in axis.flat if y != x)
        if rest == 0 or n % rest or axis.flat.count(x) > 1:
            raise ValueError(f"{n} is no multiple of {rest}")
        return [(x, n // rest)]
    step = dict(axis.terms).get(x)
    if step is None:
        return []  # it is read inside an index array
    known = [(y, k) for y, k in axis.terms if y != x]
    low = axis.constant + sum(k * (domains[y] - 1) for y, k in known if k < 0)
    for r, _, k in axis.arrays:
        if k < 0 and np.size(arrays[r]):
            low += k * (values[r] - 1 if r in values else int(np.max(arrays[r])))
    if step < 0 or low < 0 or any(domains[y] == 0 for y, _ in known):
        raise ValueError(f"no largest range of {x} starts at 0")
    top = largest(axis._replace(terms=tuple(known)), domains, arrays, values)
    if top > n - 1:
        raise ValueError(f"the range of {x} is empty")
    return [(x, (n - 1 - top) // step + 1)]


def normal(axis):
    """The same axis with its terms in order."""
    return axis._replace(terms=tuple(sorted(axis.terms)), arrays=tuple(sorted(axis.arrays)))


def output_shape(output, domains, arrays, sizes, points_into):
    """The sizes of the output's axes; `points_into`: the sizes of the axes that index arrays point into."""
    keys = {
        normal(_sum(k.strip("()"))): n
        for k, n in sizes.items()
        if not re.fullmatch(r"[^\W\d]\w*", k)
    }
    shape = []
    for axis in output:
        if axis.bare:
            shape.append(domains[axis.bare])
        elif axis.array:
            shape.append(sizes.get(axis.array, points_into.get(axis.array)))
        elif (n := keys.get(normal(axis))) is not None:
            shape.append(n)
        else:
            shape.append(max(0, 1 + largest(axis, domains, arrays, sizes)))
    return tuple(shape)


# ------------------------------------------------------------------------------------ the value of an einsum


class Outside(IndexError):
    """An index array that stands alone on an axis and is no place of it."""


def place(axis, at, domains, arrays):
    """Where an axis is read at one point; None where an index array is read outside itself."""
    if axis.flat:
        found = 0
        for x in axis.flat:
            found = found * domains[x] + at[x]
        return found
    found = axis.constant + sum(k * at[x] for x, k in axis.terms)
    for name, axes, k in axis.arrays:
        inner = [place(a, at, domains, arrays) for a in axes]
        shape = np.shape(arrays[name])
        if not all(p is not None and 0 <= p < n for p, n in zip(inner, shape)):
            return None
        found += k * int(arrays[name][tuple(inner)])
    return found


def places(axes, shape, at, domains, arrays):
    """The places of all axes of a tensor, None where one is outside."""
    found = []
    for axis, n in zip(axes, shape):
        p = place(axis, at, domains, arrays)
        if p is None:
            return None
        if not 0 <= p < n:
            if axis.array:
                raise Outside(f"{axis.array} holds {p}, the axis has {n}")
            return None
        found.append(p)
    return tuple(found)


def points(slots, shapes, output, shape, domains, arrays):
    """For each point of the sum: where each slot is read, and where the output is written."""
    names = list(domains)
    for numbers in product(*(range(domains[x]) for x in names)):
        at = dict(zip(names, numbers))
        reads = []
        for axes, sizes in zip(slots, shapes):
            where = places(axes, sizes, at, domains, arrays)
            if where is None:
                break
            reads.append(where)
        else:
            target = places(output, shape, at, domains, arrays)
            if target is not None:
                yield reads, target


def judged(text, operands, sizes=None, **arrays):
    """What an einsum string is for these arrays: an array of Python numbers."""
    slots, output = read(text)
    operands = [np.asarray(a, object) for a in operands]
    arrays = {name: np.asarray(a) for name, a in arrays.items()}
    shapes = [a.shape for a in operands]
    domains = settled(slots, shapes, arrays, sizes or {}, output)
    into = pointed(slots, shapes)
    # An index array that stands alone on an axis has as many values as that has places.
    shape = output_shape(output, domains, arrays, {**into, **(sizes or {})}, into)
    assert None not in shape, f"no size for an output axis of {text}"
    found = np.zeros(shape, object)
    for reads, target in points(slots, shapes, output, shape, domains, arrays):
        number = 1
        for array, where in zip(operands, reads):
            number = number * array[where]
        found[target] += number
    return found


def pointed(slots, shapes):
    """The sizes of the axes on which an index array stands alone."""
    pairs = [pair for axes, shape in zip(slots, shapes) for pair in zip(axes, shape)]
    return {axis.array: n for axis, n in pairs if axis.array}


# ------------------------------------------------------------------------- numbers with their derivatives


class Jet:
    """A whole number with its exact first and second derivatives by all entries of all tensors."""

    __slots__ = ("first", "number", "second")

    def __init__(self, number, first=None, second=None):
        self.number, self.first, self.second = number, first or {}, second or {}

    def __add__(self, other):
        if not isinstance(other, Jet):
            return Jet(self.number + other, self.first, self.second)
        found = Jet(self.number + other.number, dict(self.first), dict(self.second))
        for mine, theirs in ((found.first, other.first), (found.second, other.second)):
            for key, number in theirs.items():
                mine[key] = mine.get(key, 0) + number
        return found

    __radd__ = __add__

    def __mul__(self, other):
        if not isinstance(other, Jet):
            other = Jet(other)
        a, b = self, other
        first, second = Counter(), Counter()
        for one, two in ((a, b), (b, a)):
            if one.number:
                for key, number in two.first.items():
                    first[key] += one.number * number
                for key, number in two.second.items():
                    second[key] += one.number * number
            for p, number in one.first.items():
                for q, factor in two.first.items():
                    second[p, q] += number * factor
        return Jet(a.number * b.number, first, second)

    __rmul__ = __mul__


# ------------------------------------------------------------------------------------------------ programs


@dataclass(frozen=True, eq=False)
class Leaf:
    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Einsum:
    """An einsum with index expressions; `sizes` is what has to be given, `domains` what all labels have."""

    slots: tuple[tuple[Axis, ...], ...]
    output: tuple[Axis, ...]
    operands: tuple[object, ...]
    domains: dict[str, int]
    sizes: dict[str, int]
    shape: tuple[int, ...]
    text: str


@dataclass(frozen=True, eq=False)
class Added:
    """Σ coefficient · node."""

    terms: tuple[tuple[int, object], ...]

    @property
    def shape(self):
        return self.terms[0][1].shape


@dataclass(frozen=True, eq=False)
class Power:
    node: object
    exponent: int

    @property
    def shape(self):
        return self.node.shape


@dataclass(frozen=True, eq=False)
class Program:
    """A node with all that it is built and evaluated with. `ways`: how each index array is given."""

    node: object
    arrays: dict[str, np.ndarray]
    ways: dict[str, str]
    declared: bool  # whether tensors are declared with their sizes
    seed: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def values(self):
        rng = random.Random(self.seed)
        found = {}
        for name, shape in sorted(self.shapes.items()):
            numbers = [rng.choice((-2, -1, 1, 2, 3, 4)) for _ in range(prod(shape))]
            found[name] = np.array(numbers, np.int64).reshape(shape)
        return found

    @property
    def given(self):
        """The index arrays that are given at evaluation."""
        return {r: a for r, a in self.arrays.items() if self.ways[r] == "input"}

    def __str__(self):
        lines = [
            f"{n} = np.array({a.tolist()}, int).reshape{a.shape}" for n, a in self.values.items()
        ]
        lines += [
            f"{n} = np.array({a.tolist()}, int).reshape{a.shape}  # {self.ways[n]}"
            for n, a in self.arrays.items()
        ]
        return "\n".join([*lines, shown(self.node)])


def shown(node):
    """A program as text that can nearly be typed."""
    match node:
        case Leaf():
            return node.name
        case Added():
            return "(" + " + ".join(f"{k}*{shown(n)}" for k, n in node.terms) + ")"
        case Power():
            return f"{shown(node.node)}**{node.exponent}"
        case Einsum():
            inner = ", ".join([repr(node.text), *map(shown, node.operands)])
            return f"einsum({inner}, sizes={node.sizes})"
    raise AssertionError(node)


def nodes(node):
    """All nodes of a program, each once, operands first."""
    found, seen = [], set()

    def visit(n):
        if id(n) in seen:
            return
        seen.add(id(n))
        for child in children(n):
            visit(child)
        found.append(n)

    visit(node)
    return found


def children(node):
    match node:
        case Einsum():
            return node.operands
        case Added():
            return tuple(n for _, n in node.terms)
        case Power():
            return (node.node,)
    return ()


def computed(node, values, arrays):
    """The value of a program; `values`: for each tensor an array of numbers, or of jets."""
    found = {}
    for n in nodes(node):
        match n:
            case Leaf():
                found[id(n)] = values[n.name]
            case Added():
                terms = [(k, found[id(t)]) for k, t in n.terms]
                found[id(n)] = _each(n.shape, lambda at, ts=terms: sum(k * a[at] for k, a in ts))
            case Power():
                base = found[id(n.node)]
                found[id(n)] = _each(
                    n.shape, lambda at, a=base, e=n.exponent: prod(a[at] for _ in range(e))
                )
            case Einsum():
                found[id(n)] = _einsum(n, [found[id(o)] for o in n.operands], arrays)
    return found[id(node)]


def _each(shape, entry):
    found = np.zeros(shape, object)
    for at in np.ndindex(*shape):
        found[at] = entry(at)
    return found


def _einsum(node, operands, arrays):
    found = np.zeros(node.shape, object)
    shapes = [o.shape for o in node.operands]
    every = points(node.slots, shapes, node.output, node.shape, node.domains, arrays)
    for reads, target in every:
        number = 1
        for array, where in zip(operands, reads):
            number = number * array[where]
        found[target] = found[target] + number
    return found


class Judged(NamedTuple):
    """A value with its first and second derivatives by every tensor and every pair."""

    value: np.ndarray
    first: dict[str, np.ndarray]
    second: dict[tuple[str, str], np.ndarray]


def derivatives(program, values=None):
    """The exact value and derivatives of a program."""
    values = program.values if values is None else values
    seeded = {}
    for name, array in values.items():
        seeded[name] = _each(array.shape, lambda at, n=name, a=array: Jet(int(a[at]), {(n, at): 1}))
    jets = computed(program.node, seeded, program.arrays)
    shape, shapes = np.shape(jets), program.shapes
    value = np.zeros(shape, object)
    first = {n: np.zeros(shape + s, object) for n, s in shapes.items()}
    second = {
        (n, m): np.zeros(shape + shapes[n] + shapes[m], object) for n, m in product(shapes, shapes)
    }
    for at in np.ndindex(*shape):
        jet = jets[at] if isinstance(jets[at], Jet) else Jet(jets[at])
        value[at] = jet.number
        for (n, p), number in jet.first.items():
            first[n][at + p] = number
        for ((n, p), (m, q)), number in jet.second.items():
            second[n, m][at + p + q] = number
    return Judged(value, first, second)


# ------------------------------------------------------------------------------------------ random programs

LABELS = "ijklmnpq"
WORDS = dict(zip(LABELS, ("row", "col", "lag", "time", "chan", "batch", "pix", "q")))
ARRAYS = ("r", "s", "rows", "cols", "ids", "t")


def spelled(axis, words=False, rng=None):
    """An axis as it is typed, without its round brackets."""
    name = WORDS.__getitem__ if words else str
    if axis.flat:
        return (" " if words else "").join(name(x) for x in axis.flat)
    parts = [(k, name(x)) for x, k in axis.terms]
    for r, axes, k in axis.arrays:
        parts.append((k, f"{r}[{','.join(spelled(a, words) for a in axes)}]"))
    if axis.constant or not parts:
        parts.append((axis.constant, ""))
    if rng:
        rng.shuffle(parts)
    text = ""
    for k, what in parts:
        sign = "-" if k < 0 else "+" if text else ""
        number = "" if abs(k) == 1 and what else str(abs(k))
        times = "*" if number and what and rng and rng.random() < 0.3 else ""
        blank = " " if text and rng and rng.random() < 0.2 else ""
        text += blank + sign + blank + number + times + what
    return text


def typed(slots, output, words=False, rng=None):
    """The einsum string, and the texts of the output's axes."""
    texts = [[_in_brackets(a, words, rng) for a in axes] for axes in (*slots, output)]
    blank = " " if words else ""
    joined = [blank.join(t for t, _ in axes) for axes in texts]
    for k, axes in enumerate(texts):
        # a slot that is one sum needs no brackets
        if len(axes) == 1 and re.search(r"[-+\d\[]", axes[0][1]) and rng and rng.random() < 0.6:
            joined[k] = axes[0][1]
    return ",".join(joined[:-1]) + "->" + joined[-1], [t for _, t in texts[-1]]


def _in_brackets(axis, words, rng):
    inner = spelled(axis, words, rng)
    if axis.bare and not (rng and rng.random() < 0.05):
        return inner, inner
    return f"({inner})", inner


class Drawing:
    """One program in the making."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seed = seed
        self.leaves, self.arrays, self.into = {}, {}, {}

    def leaf(self, rank):
        known = [x for x in self.leaves.values() if len(x.shape) == rank]
        if known and (self.rng.random() < 0.3 or len(self.leaves) == 3):
            return self.rng.choice(known)
        if len(self.leaves) == 3:
            return self.rng.choice(list(self.leaves.values()))
        sizes = (0,) if self.rng.random() < 0.04 else (1, 2, 2, 3, 3, 4, 5)
        limit = {0: 5, 1: 5, 2: 4, 3: 2}[rank]
        shape = tuple(min(self.rng.choice(sizes), limit) for _ in range(rank))
        name = "xyz"[len(self.leaves)]
        self.leaves[name] = Leaf(name, shape)
        return self.leaves[name]

    def program(self, depth):
        node = self.einsum([self.leaf(self.rng.choice((1, 1, 2, 2, 3)))])
        for _ in range(depth - 1):
            node = self.grown(node)
        ways = {r: self.rng.choice(("keyword", "mapping", "input")) for r in self.arrays}
        shapes, arrays = _inputs_of(node, self.arrays)
        declared = self.rng.random() < 0.5
        if any(map(_by_numbers, nodes(node))):
            declared = True
            ways = {r: "mapping" if way == "input" else way for r, way in ways.items()}
        return Program(node, arrays, ways, declared, self.seed, shapes)

    def grown(self, node):
        rng = self.rng
        kind = rng.random()
        if kind < 0.12:
            return Power(node, rng.choice((2, 2, 3)))
        if kind < 0.35 and isinstance(node, Einsum):
            return self.added(node)
        operands = [node]
        if rng.random() < 0.3:
            operands.insert(rng.randint(0, 1), node if rng.random() < 0.3 else self.leaf(1))
        return self.einsum(operands)

    def added(self, node):
        """The node and another einsum of its shape."""
        rng = self.rng
        fixed = self.einsum(list(node.operands), shape=node.shape)
        second = fixed if fixed.shape == node.shape else node
        return Added(((rng.choice((1, 1, -1, 2)), node), (rng.choice((1, -1, 3)), second)))

    def einsum(self, operands, shape=None):
        rng = self.rng
        if shape is None:
            while rng.random() < 0.35 and len(operands) < 3:
                operands.insert(rng.randint(0, len(operands)), self.leaf(rng.choice((0, 1, 1, 2))))
        for _ in range(300):
            before = (dict(self.arrays), dict(self.into))
            node = Draw(self, operands).einsum(shape)
            if node is not None:
                return node
            self.arrays, self.into = before
        slots = tuple(tuple(label(x) for x in LABELS[: len(o.shape)]) for o in operands[:1])
        domains = dict(zip(LABELS, operands[0].shape))
        text = typed(slots, slots[0])[0]
        return Einsum(slots, slots[0], (operands[0],), domains, {}, operands[0].shape, text)


def names_of_arrays(axis):
    return [
        r for r, axes, _ in axis.arrays for r in (r, *(n for a in axes for n in names_of_arrays(a)))
    ]


class Draw:
    """One einsum in the making."""

    def __init__(self, drawing, operands):
        self.drawing, self.rng = drawing, drawing.rng
        self.operands, self.domains = tuple(operands), {}
        self.into = {}  # the sizes of the axes that arrays point into, in this einsum

    def fresh(self, n):
        rest = [x for x in LABELS if x not in self.domains]
        if not rest:
            return self.rng.choice(LABELS)
        self.domains[rest[0]] = n
        return rest[0]

    def of_size(self, n):
        """A label of size n, an old one or a new one."""
        known = [x for x, m in self.domains.items() if m == n]
        return self.rng.choice(known) if known and self.rng.random() < 0.6 else self.fresh(n)

    def some(self):
        """Any label."""
        if self.domains and self.rng.random() < 0.6:
            return self.rng.choice(list(self.domains))
        return self.fresh(self.rng.choice((1, 2, 2, 3, 3, 4) if self.rng.random() < 0.97 else (0,)))

    def read(self, n):
        """An index expression for an axis of size n."""
        kinds = (
            self.bare,
            self.affine,
            self.open,
            self.constant,
            self.gathered,
            self.moved,
            self.flat,
        )
        kind = self.rng.choices(kinds, (45, 22, 10, 3, 8, 5, 7))[0]
        return kind(n)

    def bare(self, n):
        return label(self.of_size(n))

    def affine(self, n):
        rng = self.rng
        labels = dict.fromkeys(self.some() for _ in range(rng.choice((1, 1, 2, 2, 3))))
        terms = tuple((x, rng.choice((1, 1, 1, 2, 3, -1, -2))) for x in labels)
        constant = rng.choice((0, 0, 1, -1, rng.randint(-2, max(n, 1))))
        return Axis(constant, terms)

    def open(self, n):
        """s·i + t·k + c with the largest range for i in which all reads are inside."""
        rng = self.rng
        step, constant = rng.choice((1, 1, 2)), rng.choice((0, 0, 1))
        known = [x for x, m in self.domains.items() if m >= 1]
        other = [(rng.choice(known), rng.choice((1, 1, 2)))] if known and rng.random() < 0.7 else []
        top = constant + sum(k * (self.domains[x] - 1) for x, k in other)
        if top > n - 1:
            return self.affine(n)
        x = self.fresh((n - 1 - top) // step + 1)
        if x in dict(other):
            return self.affine(n)
        return Axis(constant, ((x, step), *other))

    def constant(self, n):
        return Axis(self.rng.choice((0, self.rng.randint(0, max(n, 1)))))

    def gathered(self, n, of_output=False):
        """An array that points into an axis of size n, alone."""
        rng, drawing = self.rng, self.drawing
        known = [r for r, m in self.into.items() if m == n]
        if known and rng.random() < 0.5:
            r = rng.choice(known)
        else:
            r = self.new_array(n)
            if r is None:
                return self.bare(n)
            self.into[r] = n
        axes = tuple(self.argument(m) for m in drawing.arrays[r].shape)
        return Axis(arrays=((r, axes, 1),))

    def new_array(self, below):
        drawing = self.drawing
        rest = [r for r in ARRAYS if r not in drawing.arrays]
        if not rest:
            return None
        shape = self.rng.choice(((1,), (2,), (3,), (3,), (4,), (2, 2), (0,)))
        if below == 0:
            shape = (0,)
        numbers = [self.rng.randrange(below) for _ in range(prod(shape))]
        drawing.arrays[rest[0]] = np.array(numbers, np.int64).reshape(shape)
        return rest[0]

    def argument(self, m):
        if self.rng.random() < 0.85:
            return label(self.of_size(m))
        return Axis(self.rng.choice((1, -1, 0)), ((self.some(), 1),))

    def moved(self, n):
        """An array in a sum: only the sum is tested."""
        r = self.new_array(max(n, 1) + self.rng.randint(0, 1))
        if r is None:
            return self.affine(n)
        axes = tuple(self.argument(m) for m in self.drawing.arrays[r].shape)
        terms = ((self.some(), self.rng.choice((1, 1, -1))),) if self.rng.random() < 0.7 else ()
        constant = self.rng.choice((0, 1, -1)) if terms else self.rng.choice((1, -1))
        return Axis(constant, terms, ((r, axes, self.rng.choice((1, 1, 1, -1, 2))),))

    def flat(self, n):
        ways = [h for h in range(1, n + 1) if n % h == 0]
        if not ways:
            return self.bare(n)
        h = self.rng.choice(ways)
        labels = (self.of_size(h), self.of_size(n // h))
        return Axis(flat=labels) if labels[0] != labels[1] else self.bare(n)

    def write(self):
        """An axis of the output."""
        rng, known = self.rng, list(self.domains)
        kind = rng.random()
        if known and kind < 0.55:
            return label(rng.choice(known))
        if known and kind < 0.8:
            terms = dict.fromkeys(rng.choice(known) for _ in range(rng.choice((1, 2, 2))))
            return Axis(
                rng.choice((0, 0, 0, 1, 2, -1)),
                tuple((x, rng.choice((1, 1, 1, 2, -1, -2, 3))) for x in terms),
            )
        if len(known) > 1 and kind < 0.87:
            return Axis(flat=tuple(rng.sample(known, 2)))
        if kind < 0.95:
            return self.gathered(rng.choice((1, 2, 3, 4)))
        if kind < 0.98:
            return label(self.fresh(rng.choice((1, 2, 3))))  # it broadcasts
        return Axis(rng.choice((0, 1, 2)))

    def einsum(self, shape):
        rng = self.rng
        slots = tuple(tuple(self.read(n) for n in o.shape) for o in self.operands)
        if shape is None:
            output = tuple(self.write() for _ in range(rng.choice((0, 1, 1, 2, 2, 3))))
        else:
            output = tuple(self.fitting(n) for n in shape)
            if None in output:
                return None
        shapes = [o.shape for o in self.operands]
        used = {x for axes in (*slots, output) for a in axes for x in a.labels}
        domains = {x: n for x, n in self.domains.items() if x in used}
        if not used <= set(domains) or not self.consistent(slots, shapes, output, domains):
            return None
        out, sizes = self.given(slots, shapes, output, domains, shape)
        if out is None:
            return None
        return self.finished(slots, shapes, output, domains, out, sizes)

    def fitting(self, n):
        """An axis of the output of a size that is asked for."""
        known = [x for x, m in self.domains.items() if m == n]
        if known and self.rng.random() < 0.6:
            return label(self.rng.choice(known))
        if self.domains and self.rng.random() < 0.8:
            x = self.rng.choice(list(self.domains))
            return Axis(self.rng.choice((0, 1, -1)), ((x, self.rng.choice((1, 1, -1, 2))),))
        return label(self.fresh(n))

    def consistent(self, slots, shapes, output, domains):
        """Whether bare labels and arrays have the sizes of their axes."""
        try:
            settled(slots, shapes, self.drawing.arrays, domains, output)
        except ValueError:
            return False
        found = {}
        for axes, sizes in zip(slots, shapes):
            for axis, n in zip(axes, sizes):
                if axis.array and found.setdefault(axis.array, n) != n:
                    return False
        return all(self.into.get(r, n) == n for r, n in found.items())

    def given(self, slots, shapes, output, domains, wanted):
        """The shape of the output, and the sizes that have to be given for it."""
        arrays, rng = self.drawing.arrays, self.rng
        into = pointed(slots, shapes)
        sizes, shape = {}, []
        for k, axis in enumerate(output):
            if axis.bare:
                shape.append(domains[axis.bare])
                continue
            if axis.flat:
                shape.append(prod(domains[x] for x in axis.flat))
                continue
            if axis.array:
                shape.append(self.into[axis.array])
                if axis.array not in into:
                    sizes[axis.array] = self.into[axis.array]
                continue
            # the largest place of an empty box is a matter of definition: there the size is given
            plain = not axis.arrays and all(domains[x] for x in axis.labels)
            n = max(0, 1 + largest(axis, domains, arrays))
            again = [m for a, m in zip(output, shape) if a == axis]
            if wanted is not None:
                n = wanted[k]
                if again and again[0] != n:
                    return None, None
            elif again:
                n = again[0]
            elif not plain or n > 8 or rng.random() < 0.4:
                n = min(max(0, n + rng.randint(-1, 2)), 8)
            shape.append(n)
            if not plain or n != max(0, 1 + largest(axis, domains, arrays)):
                sizes[axis] = n
        return tuple(shape), sizes

    def finished(self, slots, shapes, output, domains, shape, sizes):
        rng, arrays = self.rng, self.drawing.arrays
        if prod(max(n, 1) for n in domains.values()) > POINTS:
            return None
        if prod(max(n, 1) for n in shape) > NUMBERS or len(shape) > 3:
            return None
        bare = {a.bare for axes in slots for a in axes}
        labels = {x: n for x, n in domains.items() if x not in bare}
        for x in list(labels):  # left away where the string says them
            rest = {y: n for y, n in labels.items() if y != x}
            if (
                _domains_or_none(slots, shapes, arrays, rest, output) == domains
                and rng.random() < 0.8
            ):
                labels = rest
        words = rng.random() < 0.25
        text, keys = typed(slots, output, words, rng)
        if in_words(text) != words:
            words = False
            text, keys = typed(slots, output)
        if in_words(text) != words:
            return None
        named = {(WORDS[x] if words else x): n for x, n in labels.items()}
        for axis, key in zip(output, keys):
            if axis in sizes:
                named[key.replace("*", "")] = sizes[axis]  # as `compact` prints it, blanks apart
        named |= {r: n for r, n in sizes.items() if isinstance(r, str)}
        return Einsum(slots, output, self.operands, domains, named, shape, text)


def _domains_or_none(slots, shapes, arrays, sizes, output):
    try:
        return settled(slots, shapes, arrays, sizes, output)
    except ValueError:
        return None


@cache
def drawn(seed):
    """A program that is small enough; the same for the same seed. Half of them are one einsum."""
    for attempt in range(1000):
        drawing = Drawing(seed * 1000 + attempt)
        depth = drawing.rng.choice((1, 1, 1, 2, 2, 3))
        program = drawing.program(depth)
        numbers = sum(prod(s) for s in program.shapes.values())
        size = prod(max(n, 1) for n in program.node.shape)
        if numbers > 40 or size * max(numbers, 1) > 1500:
            continue
        # one in eight may be zero or empty
        if seed % 8 == 0 or computed(program.node, objects(program.values), program.arrays).any():
            return program
    raise AssertionError(seed)


# ---------------------------------------------------------------------------------------------- the judged


def expression(program, rename=None):
    """The program as the package builds it; `rename` maps the letters of labels."""
    found, rng = {}, random.Random(program.seed)
    for n in nodes(program.node):
        found[id(n)] = _built(n, [found[id(c)] for c in children(n)], program, rng, rename)
    node = found[id(program.node)]
    return tensor(program, node) if isinstance(node, str) else node


def tensor(program, name):
    shape = program.shapes[name]
    if program.declared:
        return ed.tensor(name, shape)
    return ed.tensor(name, tuple(f"{name}_{'abcd'[k]}" for k in range(len(shape))))


def _built(node, inner, program, rng, rename):
    match node:
        case Leaf():
            by_name = not program.declared and rng.random() < 0.5
            return node.name if by_name else tensor(program, node.name)
        case Added():
            parts = [k * _whole(program, e) for (k, _), e in zip(node.terms, inner)]
            found = parts[0]
            for part in parts[1:]:
                found = found + part
            return found
        case Power():
            return _whole(program, inner[0]) ** node.exponent
    named = {r for axes in (*node.slots, node.output) for a in axes for r in names_of_arrays(a)}
    keywords = {r: program.arrays[r] for r in named if program.ways[r] == "keyword"}
    mapping = {r: program.arrays[r] for r in named if program.ways[r] == "mapping"}
    options = {"sizes": dict(node.sizes)} if node.sizes else {}
    if mapping:
        options["index"] = mapping
    text = node.text
    if rename and not in_words(text):
        text = renamed(text, rename)
        if node.sizes:
            options["sizes"] = {renamed(k, rename): n for k, n in node.sizes.items()}
    return ed.einsum(text, *inner, **options, **keywords)


def _whole(program, e):
    return tensor(program, e) if isinstance(e, str) else e


def renamed(text, rename):
    """The string with other letters for its labels; names of index arrays stay."""
    names = "|".join(ARRAYS)
    return re.sub(
        rf"((?:{names})(?=\[)|^(?:{names})$)|([^\W\d_])",
        lambda m: m[1] or rename.get(m[2], m[2]),
        text,
    )


def given(program, values=None, **more):
    return {**(values or program.values), **program.given, **more}


def same(got, want, what):
    """Whole numbers of one shape, equal in every entry."""
    got, want = np.asarray(got), np.asarray(want, object)
    kind = got.dtype.kind in "iu"
    if got.shape != want.shape or not kind or got.tolist() != want.tolist():
        raise AssertionError(
            f"{what}: {got.dtype} {got.shape} {got.tolist()} is not {want.shape} {want.tolist()}"
        )


def whole_array(shape, seed):
    rng = random.Random(seed)
    numbers = [rng.choice((-3, -2, -1, 1, 2, 3)) for _ in range(prod(shape))]
    return np.array(numbers, np.int64).reshape(shape)


def value(program):
    """The number."""
    e = expression(program)
    want = computed(program.node, objects(program.values), program.arrays)
    same(ed.evaluate(e, given(program)), want, "evaluate")
    same(ed.compile(e)(given(program)), want, "compile")


def objects(values):
    return {n: np.asarray(a, object) for n, a in values.items()}


def first_derivatives(program):
    """derive by every tensor, dense."""
    e, judge = expression(program), derivatives(program)
    for name, want in judge.first.items():
        same(ed.evaluate(ed.derive(e, name), given(program)), want, f"derive by {name}")


def products(program):
    """jvp and vjp by every tensor; the vector is an array, or a name."""
    e, judge = expression(program), derivatives(program)
    shape = judge.value.shape
    for name, J in judge.first.items():
        axes = list(range(J.ndim))
        rows, columns = axes[: len(shape)], axes[len(shape) :]
        v, u = whole_array(program.shapes[name], 1), whole_array(shape, 2)
        Jv = np.einsum(J, axes, np.array(v, object), columns, rows)
        uJ = np.einsum(np.array(u, object), rows, J, axes, columns)
        same(ed.evaluate(ed.jvp(e, name, v), given(program)), Jv, f"jvp by {name}")
        same(ed.evaluate(ed.vjp(e, name, u), given(program)), uJ, f"vjp by {name}")
        held = given(program, vector=v), given(program, vector=u)
        same(ed.evaluate(ed.jvp(e, name, "vector"), held[0]), Jv, f"jvp by {name}, named")
        same(ed.evaluate(ed.vjp(e, name, "vector"), held[1]), uJ, f"vjp by {name}, named")


def gauss_newton(program):
    """JᵀJ as an einsum of the derivative with itself."""
    e, judge = expression(program), derivatives(program)
    n = judge.value.ndim
    for name, J in judge.first.items():
        k = J.ndim - n
        rows, left, right = "abcd"[:n], "uvw"[:k], "xyz"[:k]
        text = f"{rows}{left},{rows}{right}->{left}{right}"
        want = np.einsum(text, J, J)
        D = ed.derive(e, name)
        same(ed.evaluate(ed.einsum(text, D, D), given(program)), want, f"{text} by {name}")


def second_derivatives(program):
    """derive twice, by every pair of tensors."""
    e, judge = expression(program), derivatives(program)
    for (one, two), want in judge.second.items():
        if want.size > 3000:
            continue
        found = ed.derive(ed.derive(e, one), two)
        same(ed.evaluate(found, given(program)), want, f"derive by {one}, then {two}")


def backwards(program):
    """grad and hvp of a weighted sum of the entries."""
    e, judge = expression(program), derivatives(program)
    letters = "abcd"[: judge.value.ndim]
    u = whole_array(judge.value.shape, 3)
    scalar = ed.einsum(f"{letters},{letters}->", u, e)
    weights = np.array(u, object)
    for name, J in judge.first.items():
        axes = list(range(J.ndim))
        want = np.einsum(weights, axes[: u.ndim], J, axes, axes[u.ndim :])
        same(ed.evaluate(ed.grad(scalar, name), given(program)), want, f"grad by {name}")
        v = whole_array(program.shapes[name], 4)
        H = judge.second[name, name]
        axes = list(range(H.ndim))
        kept, summed = axes[u.ndim : J.ndim], axes[J.ndim :]
        want = np.einsum(weights, axes[: u.ndim], H, axes, np.array(v, object), summed, kept)
        same(ed.evaluate(ed.hvp(scalar, name, v), given(program)), want, f"hvp by {name}")


def structured(program):
    """Structured derivatives: dense, times a vector on both sides, term by term."""
    e, judge = expression(program), derivatives(program)
    shape = judge.value.shape
    kept = ed.evaluate(e, given(program), dense=False)
    same(kept.dense(), judge.value, "structured value")
    for name, J in judge.first.items():
        S = ed.evaluate(ed.derive(e, name), given(program), dense=False)
        assert S.shape == J.shape, (S.shape, J.shape)
        same(S.dense(), J, f"structured by {name}")
        axes = list(range(J.ndim))
        rows, columns = axes[: len(shape)], axes[len(shape) :]
        v, u = whole_array(program.shapes[name], 1), whole_array(shape, 2)
        Jv = np.einsum(J, axes, np.array(v, object), columns, rows)
        uJ = np.einsum(np.array(u, object), rows, J, axes, columns)
        same(S @ v, Jv, f"structured by {name} @ v")
        same(S.rmatvec(u), uJ, f"structured by {name}, rmatvec")


def sparse(program):
    """to_sparse holds exactly the non-zeros; the numbers are positive, so that nothing cancels."""
    e = expression(program)
    positive = {n: abs(a) for n, a in program.values.items()}
    tame = all(k > 0 for n in nodes(program.node) if isinstance(n, Added) for k, _ in n.terms)
    judge = derivatives(program, positive)
    for name, J in judge.first.items():
        if J.ndim == 0:  # a scalar has no sparse form
            continue
        S = ed.evaluate(ed.derive(e, name), given(program, positive), dense=False).to_sparse()
        assert S.shape == J.shape, (S.shape, J.shape)
        whole = np.zeros(J.shape, object)
        held = list(zip(*(c.tolist() for c in S.coords)))
        for at, number in zip(held, S.data.tolist()):
            whole[at] += number
        assert (whole == J).all(), f"to_sparse by {name}: {whole.tolist()} is not {J.tolist()}"
        assert len(set(held)) == len(held), f"to_sparse by {name} holds an entry twice"
        if tame:
            nonzeros = int(np.count_nonzero(J))
            assert S.nnz == nonzeros, f"to_sparse by {name}: {S.nnz} for {nonzeros} non-zeros"


def terms_of(e):
    """The products whose sum an expression is."""
    return tuple(getattr(e, "terms", None) or (e,))


def printed(program):
    """The expressions whose strings are read again: the value and the derivatives."""
    e, judge = expression(program), derivatives(program)
    yield "value", e, judge.value
    for name, want in judge.first.items():
        yield f"derivative by {name}", ed.derive(e, name), want


def written_operands(term, text):
    """The operands for `compact`: what is left without deltas, behind vectors of ones for other relations."""
    rest = [o for o in term.operands if not isinstance(o, ed.Delta)]
    slots, _ = read(text)
    # a string without an operand has one empty slot
    missing = 0 if not rest and slots == [()] else len(slots) - len(rest)
    return [ed.Delta("b")] * missing + rest


def arrays_in(text, program):
    return {r: a for r, a in program.arrays.items() if re.search(rf"(?<![A-Za-z_]){r}\s*\[", text)}


def two_sizes(axes, shape):
    """Whether one index expression stands on axes of two sizes, which one key of `sizes` can not say."""
    pairs = {(normal(a), n) for a, n in zip(axes, shape) if not a.bare}
    return len({a for a, _ in pairs}) < len(pairs)


def compact(program):
    """What `compact` prints, read again with `sizes`, is the same tensor."""
    for what, e, want in printed(program):
        total = np.zeros(want.shape, object)
        for term in terms_of(e):
            text = term.compact
            if two_sizes(read(text)[1], want.shape):
                return
            operands = written_operands(term, text)
            options = {"index": found} if (found := arrays_in(text, program)) else {}
            if text == "->" and not operands:  # a number, which no string can be without operands
                total = total + term.coefficient
                continue
            again = ed.einsum(text, *operands, sizes=term.sizes, **options)
            numbers = ed.evaluate(again, given(program))
            assert numbers.shape == want.shape, (
                f"{what}: {text} has {numbers.shape}, not {want.shape}"
            )
            total = total + term.coefficient * np.array(numbers, object)
        same_objects(total, want, f"{what}: {[t.compact for t in terms_of(e)]}")


def same_objects(got, want, what):
    assert np.shape(got) == want.shape, f"{what}: {np.shape(got)} is not {want.shape}"
    assert (got == want).all(), f"{what}: {np.asarray(got).tolist()} is not {want.tolist()}"


def compact_as_judged(program):
    """What `compact` prints is the same tensor for the reader of the judge."""
    program = replace(program, declared=True)
    for what, e, want in printed(program):
        total = np.zeros(want.shape, object)
        for term in terms_of(e):
            text = term.compact
            sizes = {key: _number(n, program) for key, n in term.sizes.items()}
            if two_sizes(read(text)[1], want.shape):
                return
            operands = written_operands(term, text)
            slots, output = read(text)
            numbers = []
            arrays = arrays_in(text, program)
            known = _known(sizes, slots, output, operands, program, arrays)
            for axes, operand in zip(slots, operands):
                if isinstance(operand, ed.Delta):  # ones wherever the relation may be
                    keys = {normal(_sum(k)): n for k, n in sizes.items() if " " not in k}
                    name = label(axes[0].array) if axes[0].array else axes[0]
                    n = keys.get(normal(name))
                    if n is None:
                        n = max(1 + largest(axes[0], known, arrays, sizes), 0)
                    numbers.append(np.ones(n, object))
                else:
                    numbers.append(np.asarray(ed.evaluate(operand, given(program)), object))
            sizes = known  # a vector of ones as long as it is read says nothing of them
            domains = settled(slots, [a.shape for a in numbers], arrays, sizes, output)
            if prod(domains.values()) > MOST_PRINTED:
                return
            found = judged(text, numbers, sizes, **arrays)
            assert found.shape == want.shape, f"{what}: {text} has {found.shape}, not {want.shape}"
            total = total + term.coefficient * found
        same_objects(total, want, f"{what}: {[t.compact for t in terms_of(e)]}")


def _known(sizes, slots, output, operands, program, arrays):
    """Sizes of labels by the operands that have sizes of their own, and those that are given."""
    own = [k for k, operand in enumerate(operands) if not isinstance(operand, ed.Delta)]
    shapes = [np.shape(ed.evaluate(operands[k], given(program))) for k in own]
    reads = [slots[k] for k in own]
    # What a relation reads is no axis, but index arrays inside it are read at places of theirs.
    others = [axis for k, axes in enumerate(slots) if k not in own for axis in axes]
    known = dict(sizes)
    for name, places_, _ in [a for axes in (*slots, output) for axis in axes for a in axis.arrays]:
        shape = arrays[name].shape
        known |= {a.bare: n for a, n in zip(places_, shape) if a.bare}
    return known | settled(reads, shapes, arrays, known, (*output, *others))


def subscripts(program):
    """`subscripts` is legal for np.einsum with the deltas as arrays, and for ed.einsum with the operands."""
    program = replace(program, declared=True)
    for what, e, want in printed(program):
        total, again = np.zeros(want.shape, object), np.zeros(want.shape, object)
        for term in terms_of(e):
            text, operands = term.subscripts, term.operands
            left, _, output = text.partition("->")
            slots = left.split(",")
            assert re.fullmatch(r"[\w,]*->\w*", text), text
            letters = dict(zip(output, want.shape))
            known = {}
            for k, operand in enumerate(operands):
                if isinstance(operand, ed.Delta):
                    letters |= zip(slots[k], [_number(n, program) for n in operand.sizes])
                else:
                    known[k] = np.asarray(ed.evaluate(operand, given(program)), object)
                    letters |= dict(zip(slots[k], known[k].shape))
            arrays = [
                known[k] if k in known else zeros_and_ones(o, slots[k], letters, program)
                for k, o in enumerate(operands)
            ]
            if text == "->" and not operands:  # a number, which no string can be without operands
                total, again = total + term.coefficient, again + term.coefficient
                continue
            if prod(letters.values()) > MOST_PRINTED:
                return
            number = np.einsum(text, *arrays) if arrays else np.array(1, object)
            total = total + term.coefficient * number
            found = ed.evaluate(ed.einsum(text, *operands), given(program))
            again = again + term.coefficient * np.array(found, object)
        same_objects(total, want, f"{what}: np.einsum of {[t.subscripts for t in terms_of(e)]}")
        same_objects(again, want, f"{what}: ed.einsum of {[t.subscripts for t in terms_of(e)]}")


def _number(size, program):
    """What a size of an expression measures."""
    every = {**program.values, **program.arrays}

    def number(variable):
        name, axis = variable
        if axis == -1:  # how many values an index array has
            return 1 + int(np.max(every[name], initial=0))
        return every[name].shape[axis]

    return measured(size, number)


def zeros_and_ones(delta, slot, sizes, program):
    """A delta as an array: ones where its equation holds."""
    text = re.search(r'"(.*)"', str(delta))[1]
    if ".shape" in text:  # a size as a coefficient, which the judge does not read
        return np.array(ed.evaluate(ed.einsum(f"{slot}->{slot}", delta), given(program)), object)
    shape = tuple(sizes[x] for x in slot)
    found = np.zeros(shape, object)
    left, equals, right = text.partition("=")
    for at in np.ndindex(*shape):
        letters = dict(zip(slot, at))
        if equals:
            sides = [place(_sum(side), letters, sizes, program.arrays) for side in (left, right)]
            found[at] = int(None not in sides and sides[0] == sides[1])
        else:
            found[at] = int(len(set(at)) <= 1)
    return found


def formula(program):
    """The formula, typed again, is the same tensor, where no size had to be given."""
    if any(isinstance(n, Einsum) and n.sizes for n in nodes(program.node)):
        return
    if not isinstance(program.node, Einsum) or not all(a.bare for a in program.node.output):
        return
    output = {a.bare for a in program.node.output}
    # a left side without brackets is no index notation, one with a label twice is no definition
    if not output or len(output) < len(program.node.output):
        return
    program = replace(program, declared=True)
    e = expression(program)
    text = ed.formula(e, name="result")
    if text.endswith("= 0"):  # which says no sizes
        return
    want = computed(program.node, objects(program.values), program.arrays)
    arrays = {r: a for r, a in program.arrays.items() if f"{r}[" in text}
    # one that is held beside another of its name, which is given
    arrays |= {f"{r}_": a for r, a in program.arrays.items() if f"{r}_[" in text}
    try:
        again = ed.parse(text)
        found = ed.evaluate(again, {**program.values, **arrays})
        if found.shape == want.shape:
            same(found, want, text)
            return
    except (ed.ShapeError, ed.ParseError) as error:
        if not re.search("left open|leaves the size", str(error)):
            raise
    # sizes that no text says
    labels = re.match(r"result\[(.*?)\]", text)[1].split(",")
    again = ed.parse(text, sizes=dict(zip(labels, want.shape)))
    same(ed.evaluate(again, {**program.values, **arrays}), want, text)


def other_letters(program):
    """An expression is equal to itself with other letters."""
    rename = dict(zip(LABELS, "qponmlkj"[: len(LABELS)]))
    e, other = expression(program), expression(program, rename)
    assert e == other, f"{e} and {other}"
    assert hash(e) == hash(other)
    for name in program.shapes:
        assert ed.derive(e, name) == ed.derive(other, name), name


def unread(program):
    """NaN in entries that no point of a slot reads does not leak, nor into derivatives."""
    node = program.node
    if not isinstance(node, Einsum) or not all(isinstance(o, Leaf) for o in node.operands):
        return
    floats = {n: a.astype(float) for n, a in program.values.items()}
    want = derivatives(program)
    reads = {n: set() for n in program.shapes}
    for axes, leaf in zip(node.slots, node.operands):
        for at in _box(node.domains):
            where = places(axes, leaf.shape, at, node.domains, program.arrays)
            if where is not None:
                reads[leaf.name].add(where)
    for name, array in floats.items():
        for at in np.ndindex(*array.shape):
            if at not in reads[name]:
                array[at] = np.nan
    e = expression(program)
    loose = len(node.operands) > 1  # zeros around a window may meet what another factor has
    _equal_floats(ed.evaluate(e, given(program, floats)), want.value, "value", loose)
    for name, J in want.first.items():
        got = ed.evaluate(ed.derive(e, name), given(program, floats))
        _equal_floats(got, J, f"derivative by {name}", loose)


def _box(domains):
    for numbers in product(*(range(n) for n in domains.values())):
        yield dict(zip(domains, numbers))


def _equal_floats(got, want, what, loose):
    got, want = np.asarray(got, float), np.asarray(want, float)
    assert got.shape == want.shape, f"{what}: {got.shape} is not {want.shape}"
    ok = np.all((got == want) | (np.isnan(got) & (np.isnan(want) | loose)))
    assert ok, f"{what}: {got.tolist()} is not {want.tolist()}"


def selected(program):
    """NaN is where a point reads one, and nowhere else: reads outside select, they do not multiply.

    A zero around a window, or of what is masked, may meet the NaN of another factor: of a product
    such entries may be NaN too.
    """
    chain = [n for n in nodes(program.node) if not isinstance(n, Leaf)]
    single = all(isinstance(n, Einsum) and len(n.operands) == 1 for n in chain)
    node = program.node
    leaves = isinstance(node, Einsum) and all(isinstance(o, Leaf) for o in node.operands)
    if not single and not leaves:
        return
    rng = random.Random(program.seed)
    floats = {n: a.astype(float) for n, a in program.values.items()}
    for array in floats.values():
        for at in np.ndindex(*array.shape):
            if rng.random() < 0.3:
                array[at] = np.nan
    want = np.asarray(computed(node, floats, program.arrays), float)
    got = np.asarray(ed.evaluate(expression(program), given(program, floats)), float)
    assert got.shape == want.shape
    loose = len(node.operands) > 1
    wrong = ~((got == want) | (np.isnan(got) & (np.isnan(want) | loose)))
    assert not wrong.any(), f"{got.tolist()} is not {want.tolist()}"


ASPECTS = {
    f.__name__: f
    for f in (
        value,
        first_derivatives,
        products,
        gauss_newton,
        second_derivatives,
        backwards,
        structured,
        sparse,
        compact,
        compact_as_judged,
        subscripts,
        formula,
        other_letters,
        unread,
        selected,
    )
}


# ---------------------------------------------------------------------------------------------- other backends


def asked(program):
    """The value, the derivative by every tensor and its product with a cotangent, and what the judge says."""
    e, judge = expression(program), derivatives(program)
    found, want = [e], [judge.value]
    u = whole_array(judge.value.shape, 2)
    for name, J in judge.first.items():
        axes = list(range(J.ndim))
        uJ = np.einsum(np.array(u, object), axes[: u.ndim], J, axes, axes[u.ndim :])
        found += [ed.derive(e, name), ed.vjp(e, name, "vector")]
        want += [J, uJ]
    return found, want, u


def by_torch(found, arrays):
    """Whole numbers, or floats; called again by `raw`, which looks at nothing."""
    import torch

    made = {n: torch.tensor(a) for n, a in arrays.items()}
    f = ed.compile(found, backend="torch")
    got = f(made)
    again = f.raw(*[made[n] for n in f.inputs])
    for one, two in zip(got, again):
        assert one.tolist() == two.tolist(), "raw"
    return got


def by_jax(found, arrays):
    """Under `jit`, where index arrays are traced."""
    import jax

    f = ed.compile(found, backend="jax")
    with jax.enable_x64(True):
        return [np.asarray(a) for a in jax.jit(lambda given: f(given))(arrays)]


def by_cupy(found, arrays):
    """By NumPy under that name: the text, not the kernels."""
    from backend_checks import as_cupy, cupy_modules

    modules = cupy_modules()
    sys.modules.update(modules)
    try:
        return ed.compile(found, backend="cupy")({n: as_cupy(a) for n, a in arrays.items()})
    finally:
        for name in modules:
            del sys.modules[name]


def by_dask(found, arrays):
    """In blocks of a few entries; index arrays are arrays of NumPy."""
    import dask
    import dask.array as da

    made = {}
    for n, a in arrays.items():
        is_index = a.dtype.kind in "iu"
        made[n] = a if is_index else da.from_array(a, chunks=tuple(max(1, k // 2) for k in a.shape))
    results = ed.compile(found, backend="dask")(made)
    return dask.compute(*results, scheduler="sync")


#: how expressions are computed, and whether whole numbers are: Dask refuses them, and JAX traced ones
BACKENDS = {
    "torch": (by_torch, True),
    "jax": (by_jax, False),
    "cupy": (by_cupy, True),
    "dask": (by_dask, False),
}


def on_backend(program, backend):
    """The numbers of another library: whole ones, or floats that are whole."""
    compute, takes_whole = BACKENDS[backend]
    found, want, u = asked(program)
    whole = takes_whole and program.seed % 2 == 0
    dtype = np.int64 if whole else np.float64
    values = {n: np.asarray(a, dtype) for n, a in program.values.items()}
    tensors = {n for e in found for n in ed.expression.tensors_of(e)}
    every = {**given(program, values), "vector": u.astype(dtype)}
    arrays = {n: np.asarray(a) for n, a in every.items() if n in tensors}
    results = compute(found, arrays)
    assert len(results) == len(want)
    for k, (got, numbers) in enumerate(zip(results, want)):
        got, numbers = np.asarray(got), np.asarray(numbers, object)
        assert got.dtype == dtype, (k, got.dtype)
        assert got.shape == numbers.shape, (k, got.shape, numbers.shape)
        assert got.tolist() == numbers.astype(dtype).tolist(), (
            f"{k}: {got.tolist()} is not {numbers.tolist()}"
        )


# ------------------------------------------------------------------------------------------------ a long run


def run(program, aspect):
    """One aspect of one program. Whole numbers that might not fit into int64 may be refused."""
    try:
        if aspect in BACKENDS:
            on_backend(program, aspect)
        else:
            ASPECTS[aspect](program)
    except ed.EinderivError as error:
        if "int64" not in str(error) or "integers may reach" not in str(error):
            raise


def trouble(program, aspect):
    """What is wrong with a program, in words; None where all is right."""
    try:
        run(program, aspect)
    except Exception as e:  # whatever it is, it is to be shrunk and shown
        if type(e).__name__ == "NoFormError" and "which no string can" in str(e):
            return None  # refused: no string says coefficients that are sizes
        where = traceback.extract_tb(e.__traceback__)[-1]
        return (
            f"{type(e).__name__} at {where.filename.split('/')[-1]}:{where.lineno}: {str(e)[:500]}"
        )
    return None


def smaller(program):
    """Programs with a node, an operand, an axis, a term or a given size less."""
    for n in nodes(program.node):
        if n is not program.node and not isinstance(n, Leaf):
            yield _with_node(program, n)
    for n in nodes(program.node):
        if isinstance(n, Einsum):
            for other in _smaller_einsums(n, program.arrays):
                if found := _swapped(program.node, n, other):
                    yield _with_node(program, found)


def _by_numbers(node):
    """Does the range of a label follow only where sizes are numbers, as that of j in j-i does, and
    that of k in k-r[i] only where r is held?
    """
    if not isinstance(node, Einsum):
        return False
    reads = [axis for axes in node.slots for axis in axes]
    known = {axis.bare for axis in reads}.union(node.sizes)
    open_ = [a for a in reads if any(x not in known and WORDS[x] not in known for x in a.labels)]
    return any(k < 0 for axis in open_ for _, *_, k in (*axis.terms, *axis.arrays))


def _inputs_of(node, arrays):
    """The shapes of the leaves under a node, and those of some named arrays that it looks at."""
    shapes = {n.name: n.shape for n in nodes(node) if isinstance(n, Leaf)}
    used = {
        r
        for n in nodes(node)
        if isinstance(n, Einsum)
        for axes in (*n.slots, n.output)
        for a in axes
        for r in names_of_arrays(a)
    }
    return shapes, {r: a for r, a in arrays.items() if r in used}


def _with_node(program, node):
    shapes, arrays = _inputs_of(node, program.arrays)
    return replace(program, node=node, shapes=shapes, arrays=arrays)


def _swapped(node, old, new):
    """The program with another node in the place of one; None where its shape does not fit."""
    if node is old:
        return new
    found = [_swapped(c, old, new) for c in children(node)]
    if None in found or any(f.shape != c.shape for f, c in zip(found, children(node))):
        return None
    match node:
        case Einsum():
            return replace(node, operands=tuple(found))
        case Added():
            return Added(tuple((k, f) for (k, _), f in zip(node.terms, found)))
        case Power():
            return Power(found[0], node.exponent)
    return node


def _smaller_einsums(node, arrays):
    for k, operand in enumerate(node.operands):
        slots, rest = (
            node.slots[:k] + node.slots[k + 1 :],
            node.operands[:k] + node.operands[k + 1 :],
        )
        yield _again(node, arrays, slots, rest, node.output, node.shape)
        if not isinstance(operand, Leaf):
            taken = {n.name for n in nodes(node) if isinstance(n, Leaf)}
            leaf = Leaf(next(x for x in "xyzabcd" if x not in taken), operand.shape)
            operands = node.operands[:k] + (leaf,) + node.operands[k + 1 :]
            yield _again(node, arrays, node.slots, operands, node.output, node.shape)
            continue
        for j in range(len(operand.shape)):
            if node.operands.count(operand) > 1:
                break
            leaf = Leaf(operand.name, operand.shape[:j] + operand.shape[j + 1 :])
            axes = node.slots[k][:j] + node.slots[k][j + 1 :]
            slots = node.slots[:k] + (axes,) + node.slots[k + 1 :]
            operands = node.operands[:k] + (leaf,) + node.operands[k + 1 :]
            yield _again(node, arrays, slots, operands, node.output, node.shape)
    for k in range(len(node.output)):
        output = node.output[:k] + node.output[k + 1 :]
        shape = node.shape[:k] + node.shape[k + 1 :]
        yield _again(node, arrays, node.slots, node.operands, output, shape)
    for x, n in node.domains.items():
        bare = any(a.bare == x for axes in node.slots for a in axes)
        if n > 1 and not bare:
            domains = {**node.domains, x: n - 1}
            yield _again(node, arrays, node.slots, node.operands, node.output, node.shape, domains)


def _again(node, arrays, slots, operands, output, shape, domains=None):
    """The einsum of these parts, with all sizes given that are not those of bare axes."""
    used = {x for axes in (*slots, output) for a in axes for x in a.labels}
    domains = {x: n for x, n in (domains or node.domains).items() if x in used}
    bare = {a.bare for axes in slots for a in axes}
    sizes = {x: n for x, n in domains.items() if x not in bare}
    text, keys = typed(slots, output)
    into = pointed(slots, [o.shape for o in operands])
    for axis, key, n in zip(output, keys, shape):
        if axis.array and axis.array not in into:
            sizes[axis.array] = n
        elif not axis.bare and not axis.array and not axis.flat:
            sizes[key] = n
    shape = tuple(
        domains[a.bare] if a.bare else prod(domains[x] for x in a.flat) if a.flat else n
        for a, n in zip(output, shape)
    )
    return Einsum(tuple(slots), output, tuple(operands), domains, sizes, shape, text)


def sound(program):
    """Whether a smaller program is one that could have been drawn."""
    for n in nodes(program.node):
        if isinstance(n, Einsum):
            if not n.operands:
                return False
            shapes = [o.shape for o in n.operands]
            if in_words(n.text) and not any(x in n.text for x in WORDS.values()):
                return False
            if _domains_or_none(n.slots, shapes, program.arrays, n.domains, n.output) != n.domains:
                return False
    try:
        derivatives(program)
    except (Outside, KeyError, IndexError):
        return False
    return True


def shrunk(program, aspect):
    """The smallest program that can be reached and is still wrong."""
    for other in smaller(program):
        if sound(other) and trouble(other, aspect):
            return shrunk(other, aspect)
    return program


def main():
    parser = argparse.ArgumentParser(description="random programs with index expressions")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--aspect", choices=[*ASPECTS, *BACKENDS, "all"], default="all")
    parser.add_argument("--show", type=int, default=5, help="how many kinds are shown, shrunk")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))  # for the stand-in of CuPy
    chosen = list(ASPECTS) if options.aspect == "all" else [options.aspect]
    wrong = 0
    for aspect in chosen:
        kinds = Counter()
        for seed in range(options.seed, options.seed + options.count):
            found = trouble(drawn(seed), aspect)
            if found is None:
                continue
            wrong += 1
            kind = re.sub(r"\d+", "n", found)[:70]
            kinds[kind] += 1
            if kinds[kind] == 1 and len(kinds) <= options.show:
                least = shrunk(drawn(seed), aspect)
                print(f"--- {aspect}, seed {seed}", least, trouble(least, aspect), sep="\n")
        print(f"{aspect}: {sum(kinds.values())} of {options.count} wrong")
        for kind, count in kinds.most_common(options.show):
            print(f"  {count} {kind}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
