"""Expressions as data, and back: what pickle takes of them. Rows of nodes, with a version.

A node is a row that names its parts by their places among the rows before it, so that what is
shared stays shared and nothing is its own part. A function is its name in the table, which is
looked up and never imported. Held arrays stand beside the rows.

Data may come from anybody: each field is looked at, and what no expression has is an error. Names
become parts of sources, so they are names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import EinderivError, limits
from ..expression import (
    GONE,
    MOST_BITS,
    Add,
    Apply,
    Composite,
    Constant,
    Einsum,
    Expr,
    Label,
    Least,
    Number,
    Polynomial,
    Record,
    Relation,
    Relations,
    Roots,
    Size,
    Sizes,
    Slot,
    Tensor,
    Written,
    composites,
    floor_quotient,
    is_array,
    is_hot,
    is_name,
    known_to,
    least_size,
    leaves,
    mapped,
    number,
    one_hot_of,
    power_of_size,
    product_of_sizes,
    put,
    relation,
    sum_of_sizes,
    title_of,
    usable,
    walk,
)
from .indexing import ONE_HOT
from .structure import check_places
from .table import FUNCTIONS

VERSION = 3  # of the rows; it changes with their fields
READ = (2, VERSION)  # versions that are read: in version 2 no part had a title
STRUCTURES = (None, "symmetric", "diagonal", "lower", "orthogonal", "hermitian", "index")

NUMBER_OF_VALUES = -1  # in the place of an axis

Row = tuple[Any, ...]
#: what an expression is in a file: a version, rows, held arrays, and the tree of places of roots
Data = tuple[int, tuple[Row, ...], tuple[Any, ...], Any]


def tree_data(tree: Any) -> Data:
    """An expression, or a tuple, list or dict of them, as data.

    >>> import einderiv as ed
    >>> tree_data(ed.tensor("x", "i"))
    (3, (('tensor', 'x', ('i',), None, False, (('x', 0),), None),), (), 0)
    """
    roots: list[Expr] = leaves(tree)
    writer = _Writer()
    for node in walk(roots, known_to):
        writer.add(node)
    places = iter([writer.places[id(root)] for root in roots])
    return VERSION, tuple(writer.rows), tuple(writer.arrays), mapped(lambda _: next(places), tree)


def tree_of(data: Any) -> Any:
    """The tree that was made data.

    >>> import einderiv as ed
    >>> x = ed.tensor("x", "i")
    >>> tree_of(tree_data([ed.exp(x), x])) == [ed.exp(x), x]
    True

    Raises EinderivError for what is no data of expressions of this version, and for a function that
    is not in the table.
    """
    if not isinstance(data, tuple) or len(data) != 4:
        raise EinderivError("this is no stored expression: it has other parts")
    version, rows, arrays, tree = data
    if version not in READ or isinstance(version, bool):
        raise EinderivError(
            f"this expression was stored in version {str(version)[:20]!r} of the form, and here "
            f"version {VERSION} is read: store it again with this release"
        )
    reader = _Reader(arrays)
    place = 0
    try:
        for row in _tuple(rows):
            reader.read(row)
            place += 1
        found = mapped(reader.at, tree)
        _check_sizes(leaves(found))
    except EinderivError:
        raise
    except Exception as error:  # rows that were changed may be wrong in any way
        said = (str(error).splitlines() or [""])[0][:100]
        raise EinderivError(
            f"row {place} of a stored expression holds none: {type(error).__name__}: {said}"
        ) from None
    return found


def _check_sizes(roots: Sequence[Expr]) -> None:
    """Raise where sizes that are known contradict each other."""
    for root in roots:
        if not isinstance(root, Expr):
            raise EinderivError(f"a stored expression is of type {type(root).__name__}")
        Sizes().read([root])


class _Writer:
    """Rows of nodes and of sizes that are polynomials, each after its parts."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.arrays: list[Any] = []
        self.places: dict[int, int] = {}  # of nodes among the nodes, by their ids
        # places of sizes among those that have rows
        self.polynomials: dict[Polynomial | Composite, int] = {}

    def add(self, node: Expr) -> None:
        """The row of a node, behind those of its sizes and before that of its title."""
        row = self._row(node)
        self.rows.append(row)
        self.places[id(node)] = len(self.places)
        title = title_of(node)
        if title is not None:
            self.rows.append(("title", self.places[id(node)], title))

    def _size(self, size: Size) -> Any:
        """A size: a polynomial is ``("*", place)``."""
        if not isinstance(size, Polynomial):
            return size
        for one in composites(size):  # those inside of others before them
            if one not in self.polynomials:
                kind = "least" if isinstance(one, Least) else "floor"
                self.rows.append((kind, *[self._sum(part) for part in one.parts]))
                self.polynomials[one] = len(self.polynomials)
        return self._sum(size)

    def _sum(self, size: Size) -> Any:
        """A size whose floors and least sizes have rows."""
        if not isinstance(size, Polynomial):
            return size
        if size not in self.polynomials:
            terms = []
            for monomial, coefficient in size.terms:
                factors = [(self._atom(atom), exponent) for atom, exponent in monomial]
                terms.append((coefficient, tuple(factors)))
            self.rows.append(("sum", tuple(terms)))
            self.polynomials[size] = len(self.polynomials)
        return "*", self.polynomials[size]

    def _atom(self, atom: Any) -> Any:
        return ("*", self.polynomials[atom]) if isinstance(atom, Composite) else atom

    def _parameter(self, value: Any) -> Any:
        """A number, a size, or a size and the name of its axis."""
        if isinstance(value, tuple) and not isinstance(value[1], int):
            size, name = value
            return "axis", self._size(size), name
        return self._size(value)

    def _row(self, node: Expr) -> Row:
        match node:
            case Tensor():
                declared = node.declared, node.structure, node.complex
                sizes = tuple(map(self._size, node.axis_sizes))
                return ("tensor", node.name, *declared, sizes, node.place)
            case Constant():
                return ("constant", *self._value(node.value), node.axis_sizes, node.name, node.axes)
            case Einsum():
                data = self._product(node)
                written = None if node.written is None else self._product(node.written)
                return ("einsum", *data, node.axes, self._made_from(node), written)
            case Add():
                return ("add", self._all(node.addends), node.axes, self._made_from(node))
            case Apply():
                arguments = self._all(node.arguments)
                parameters = tuple(map(self._parameter, node.parameters))
                return ("apply", node.function.name, arguments, node.core, parameters)
        raise TypeError(f"an expression has no node of type {type(node).__name__}")

    def _all(self, nodes: Sequence[Expr]) -> tuple[int, ...]:
        return tuple([self.places[id(node)] for node in nodes])

    def _value(self, value: Any) -> tuple[str, Any]:
        """A number, or the place of an array."""
        if not is_array(value):
            return "number", value
        self.arrays.append(value)
        return "array", len(self.arrays) - 1

    def _product(self, e: Einsum | Written) -> Row:
        slots = tuple([(self.places[id(operand)], labels) for operand, labels in e.slots])
        given = tuple([(label, self._size(size)) for label, size in e.given])
        relations = tuple(map(self._relation, e.relations))
        return e.coefficient, slots, e.output, given, tuple(e.letters.items()), relations

    def _relation(self, one: Relation) -> Row:
        terms = tuple([(label, self._size(times)) for label, times in one.terms])
        return self._size(one.constant), terms

    def _made_from(self, node: Expr) -> Row:
        record = node.record
        if record is None:
            return self._all(node.origins), None
        of = self.places[id(record.of)]
        return self._all(node.origins), (of, record.wrt, record.count, record.position)


class _Reader:
    """Nodes of rows. A helper that finds what no expression has raises, in few words."""

    def __init__(self, arrays: Any) -> None:
        self.arrays = _tuple(arrays)
        self.nodes: list[Expr] = []
        self.polynomials: list[Size] = []

    def at(self, place: Any) -> Expr:
        """The node of a row before this one: no index array, which only stands in products."""
        node = self.nodes[_count(place)]
        if is_hot(node) or (isinstance(node, Tensor) and node.structure == "index"):
            raise ValueError("an index array stands where a tensor should")
        return node

    def factor(self, place: Any) -> Expr:
        """The node of a row before this one: an operand of a product."""
        node = self.nodes[_count(place)]
        return node if is_hot(node) else self.at(place)

    def read(self, row: Any) -> None:
        """Add the node, or the size, that a row says, or give a node its title."""
        kind, *fields = _tuple(row)
        if kind == "floor":
            dividend, divisor = fields
            self.polynomials.append(floor_quotient(self._size(dividend), self._size(divisor)))
            return
        if kind == "least":
            self.polynomials.append(least_size(*[self._size(field) for field in fields]))
            return
        if kind == "sum":
            (terms,) = fields
            self.polynomials.append(sum_of_sizes(*[self._term(term) for term in _tuple(terms)]))
            return
        if kind == "title":
            self._title(*fields)
            return
        made: dict[str, Callable[..., Expr]] = {
            "tensor": self._tensor,
            "constant": self._constant,
            "einsum": self._einsum,
            "add": self._add,
            "apply": self._apply,
        }
        if kind not in made:
            raise EinderivError(f"no node of a stored expression is called {str(kind)[:40]!r}")
        self.nodes.append(made[kind](*fields))

    def _title(self, place: Any, title: Any) -> None:
        """What the node of a row before this one is called in formulas."""
        node = self.nodes[_count(place)]
        if isinstance(node, (Tensor, Constant)) or title_of(node) is not None:
            raise ValueError("a title for what has a name")
        if not isinstance(title, str) or not is_name(title):
            raise ValueError(f"a name, not {str(title)[:40]!r}")
        put(node, "title", title)  # the node is made here, and nobody else has it

    def _tensor(
        self,
        name: Any,
        declared: Any,
        structure: Any,
        imaginary: Any,
        sizes: Any,
        place: Any,
    ) -> Expr:
        declared = tuple([_declared(one) for one in _tuple(declared)])
        limits.check("axes", len(declared))
        is_matrix = structure not in (None, "index")
        if structure not in STRUCTURES or (is_matrix and len(declared) < 2):
            raise ValueError(f"no structure is called {str(structure)[:40]!r}")
        parameter = None if place is None else _count(place)
        tensor = Tensor(_name(name), declared, structure, bool(imaginary), parameter)
        own = self._sizes(sizes)
        if len(own) != tensor.ndim:
            raise ValueError("as many sizes as axes")
        put(tensor, "axis_sizes", own)  # that of a stand-in are those of something else
        return tensor

    def _constant(self, kind: Any, value: Any, shape: Any, name: Any, axes: Any) -> Expr:
        if kind == "number":
            return Constant(_number(value))
        array = self.arrays[_count(value)]
        if not is_array(array):
            raise TypeError("no array")
        held = usable(array, "a held array")
        if held.shape != _tuple(shape):
            raise ValueError(f"an array of shape {held.shape} for one of shape {shape}")
        return Constant(
            held, held.shape, None if name is None else _name(name), _axes(axes, held.ndim)
        )

    def _einsum(self, *fields: Any) -> Expr:
        *product, axes, (origins, record), written = fields
        coefficient, slots, output, given, letters, relations = self._product(product)
        return Einsum(
            coefficient,
            tuple([operand for operand, _ in slots]),
            tuple([labels for _, labels in slots]),
            output,
            given,
            axes=_axes(axes, len(output)),
            letters=letters,
            origins=self._origins(origins),
            record=self._record(record),
            written=None if written is None else Written(*self._product(written)),
            relations=relations,
        )

    def _product(self, fields: Any) -> tuple[Number, tuple[Slot, ...], Any, Any, Any, Relations]:
        coefficient, slots, output, given, letters, relations = fields
        read: list[Slot] = []
        for place, labels in _tuple(slots):
            operand = self.factor(place)
            if len(_labels(labels)) != operand.ndim:
                raise ValueError("as many labels as axes")
            read.append((operand, labels))
        sized = tuple([(_count(label), self._size(size)) for label, size in _tuple(given)])
        known = {label for _, labels in read for label in labels} | {label for label, _ in sized}
        if not known.issuperset(_labels(output)):
            raise ValueError("a label of the output has no size")
        between = tuple(map(self._relation, _tuple(relations)))
        if not known.issuperset([label for one in between for label, _ in one.terms]):
            raise ValueError("a label of a relation has no size")
        limits.check("axes", len(output))
        named = {_count(label): _word(letter) for label, letter in _tuple(letters)}
        return _number(coefficient), tuple(read), output, sized, named, between

    def _relation(self, fields: Any) -> Relation:
        constant, terms = _tuple(fields)
        coefficients: dict[Label, Size] = {}
        for label, times in _tuple(terms):
            coefficients[_count(label)] = self._coefficient(times)
        if len(coefficients) < len(terms) or 0 in coefficients.values():
            raise ValueError("a relation has each label once, and no coefficient is 0")
        return relation(self._coefficient(constant), coefficients)

    def _coefficient(self, value: Any) -> Size:
        """A size, or a whole number of any sign."""
        return _whole(value) if isinstance(value, int) else self._size(value)

    def _add(self, addends: Any, axes: Any, made_from: Any) -> Expr:
        origins, record = made_from
        terms = self._all(addends)
        if len({term.ndim for term in terms}) != 1:
            raise ValueError("terms with different axes")
        names = _axes(axes, terms[0].ndim)
        return Add(terms, axes=names, origins=self._origins(origins), record=self._record(record))

    def _apply(self, name: Any, arguments: Any, core: Any, parameters: Any) -> Expr:
        if name == ONE_HOT.name:
            return self._one_hot(arguments, core, parameters)
        row = FUNCTIONS.get(name) if isinstance(name, str) else None
        if row is None:
            raise EinderivError(
                f"a stored expression has the function {str(name)[:40]!r}, which is not in the "
                "table here: call ed.function for it first, if it is one of yours"
            )
        inside = self._all(arguments)
        core = _count(core)
        for argument in inside:
            if argument.ndim < core:
                raise ValueError(f"{row.name} takes {core} axes of an argument")
        if row.core not in (-1, core) or (row.derivatives and len(row.derivatives) != len(inside)):
            raise ValueError(f"{row.name} takes other arguments")
        return Apply(row, inside, core, tuple(map(self._parameter, _tuple(parameters))))

    def _one_hot(self, arguments: Any, core: Any, parameters: Any) -> Expr:
        """An index array as a factor."""
        (place,) = _tuple(arguments)
        (size,) = _tuple(parameters)
        array = self.nodes[_count(place)]
        declared = isinstance(array, Tensor) and array.structure == "index"
        is_held = isinstance(array, Constant) and is_array(array.value)
        is_computed = isinstance(array, Apply) and array.function.places
        if not (declared or is_held or is_computed):
            raise ValueError("an index array is a tensor of whole numbers, or an array")
        if isinstance(array, Constant):
            check_places(array.name or "that is held", array.value)
        if _count(core):
            raise ValueError("an index array has no axes of its own")
        return one_hot_of(array, self._size(size))

    def _record(self, fields: Any) -> Record | None:
        if fields is None:
            return None
        of, wrt, count, position = fields
        if not isinstance(wrt, str) or not wrt.isprintable():
            raise ValueError("no name of what it is derived by")
        return Record(self.at(of), wrt, _count(count), None if position is None else int(position))

    def _sizes(self, values: Any) -> tuple[Size, ...]:
        return tuple(map(self._size, _tuple(values)))

    def _size(self, value: Any) -> Size:
        """A size: a number, a name, ``("X", 0)``, ``("r", -1)`` for the number of values of an
        index array, or ``("*", place)`` for a polynomial.
        """
        if isinstance(value, int):
            return _count(value)
        if isinstance(value, str):
            return _name(value)
        first, axis = _tuple(value)
        if first == "*":
            return self.polynomials[_count(axis)]
        return _name(first), axis if axis == NUMBER_OF_VALUES else _count(axis)

    def _term(self, term: Any) -> Size:
        """A product of sizes with its coefficient."""
        coefficient, factors = _tuple(term)
        powers = [
            power_of_size(self._size(atom), _positive(exponent))
            for atom, exponent in _tuple(factors)
        ]
        return product_of_sizes(_whole(coefficient), *powers)

    def _parameter(self, value: Any) -> Any:
        """What a function takes besides its arguments: a number, a size, an axis, or nothing."""
        if type(value) in (bool, int, float, complex):
            return value
        if isinstance(value, tuple) and value[:1] == ("axis",):
            _, size, name = value
            return self._size(size), _word(name)
        return None if value is None else self._size(value)

    def _origins(self, places: Any) -> Roots:
        """What a node was made from: index arrays too."""
        return tuple([self.nodes[_count(place)] for place in _tuple(places)])

    def _all(self, places: Any) -> Roots:
        return tuple([self.at(place) for place in _tuple(places)])


def _tuple(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise TypeError(f"a tuple, not {type(value).__name__}")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError(f"a whole number, not {str(value)[:40]}")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value.bit_length() > MOST_BITS:
        raise ValueError(f"a whole number, not {str(value)[:40]}")
    return value


def _positive(value: Any) -> int:
    if _whole(value) < 1:
        raise ValueError(f"an exponent above 0, not {value}")
    return _whole(value)


def _number(value: Any) -> Number:
    plain = number(value)
    if plain is None or type(value) not in (bool, int, float, complex):
        raise TypeError(f"a number, not {type(value).__name__}")
    return plain


def _name(value: Any) -> str:
    """The name of a tensor: a user's, or that of a stand-in, x′ or conj(x), which no source has."""
    if not isinstance(value, str):
        raise ValueError(f"a name, not {str(value)[:40]!r}")
    own = value[len("conj(") : -1] if value.startswith("conj(") and value.endswith(")") else value
    if not is_name(own.rstrip(GONE)):
        raise ValueError(f"a name, not {str(value)[:40]!r}")
    return value


def _word(value: Any) -> str | None:
    """The letter of a label or the name of an axis, or none."""
    if value is None or (isinstance(value, str) and value.rstrip(GONE).isidentifier()):
        return value
    raise ValueError(f"the name of an axis, not {str(value)[:40]!r}")


def _declared(value: Any) -> str | int | None:
    return _count(value) if isinstance(value, int) else _word(value)


def _labels(values: Any) -> tuple[int, ...]:
    return tuple(map(_count, _tuple(values)))


def _axes(values: Any, count: int) -> tuple[str | None, ...]:
    names = tuple(map(_word, _tuple(values)))
    if len(names) != count:
        raise ValueError("as many names as axes")
    return names
