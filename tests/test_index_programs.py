"""Random programs with index expressions, an aspect at a time, and that their judge is right.

`pytest tests/test_index_programs.py -k "test_aspect and value-"` runs one aspect, `-k value-17` one program of it.
`python -m tests.index_programs --aspect value --seed 17 --count 1` shows what fails, shrunk.
"""

from dataclasses import replace

import index_programs as programs
import numpy as np
import pytest
from lengths import length

SEEDS = range(length(40, 400))
MORE = range(40, length(340, 30_000))
rng = np.random.default_rng(7)


def whole(*shape):
    return rng.integers(-4, 5, shape)


# ------------------------------------------------------------------------------------------- the package


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("aspect", programs.ASPECTS)
def test_aspect(aspect, seed):
    program = programs.drawn(seed)
    try:
        programs.run(program, aspect)
    except Exception as error:
        error.add_note(str(program))
        raise


# fmt: off
ONCE_WRONG = [
    # a drawn program, what was wrong of it, and why
    (9978,  "compact",           "the size of a label is that of an index array of another term"),
    (12296, "unread",            "a label without values is summed over nan"),
    (12296, "selected",          "and over a number that is not read"),
    (16264, "products",          "the diagonal of a mask is a negative number"),
    (24394, "formula",           "a label alone on an axis that is longer"),
    (30129, "sparse",            "a label of one value is left over in a core"),
    (40727, "compact",           "a label in a relation that follows for each of its values"),
    (41119, "subscripts",        "an axis of the output in such a relation"),
    (44254, "compact_as_judged", "a letter that is also an index array"),
    (45670, "subscripts",        "the constant of a relation is negative"),
    (46394, "compact",           "a part of a flattening that nothing reads"),
]
# fmt: on


@pytest.mark.parametrize(("seed", "aspect", "why"), ONCE_WRONG)
def test_what_was_wrong_once(seed, aspect, why):
    assert programs.trouble(programs.drawn(seed), aspect) is None, why


# fmt: off
READ_AGAIN = [
    # what it is about                    string                     shapes            sizes                     index arrays        compact
    ("an array in a sum",                 "(k+r[j])->",              [(4,)],           {"j": 3, "k": 1},         {"r": [1, 0, 4]},   "(r[j]+0)->"),
    ("which is written",                  "(r[j]+0)->j",             [(4,)],           {},                       {"r": [1, 0, 4]},   "(r[j]+0)->j"),
    ("in the output",                     "j->(r[j]+0)",             [(3,)],           {"r[j]+0": 2},            {"r": [1, 0, 4]},   "j->(r[j]+0)"),
    ("one place of it is read",           "-i+r[i]->-i",             [(3,)],           {},                       {"r": [1, 3, 2]},   "(r[0]+0)->a"),
    ("both in a sum and alone",           "(r[j]),(r[j]+k)->",       [(3,), (2,)],     {"k": 1},                 {"r": [1, 0, 2]},   "(r[j]),(r[j]+0)->"),
    ("two reads allow different ranges",  "(j+r[k]+1),(j+1)->",      [(3,), (2,)],     {"j": 2},                 {"r": [0, 0]},      "(j+r[k]+1),(j+1)->"),
    ("on two axes of an operand",         "(2i+1)(3i+j+3)->",        [(4, 4)],         {"i": 2, "j": 1},         {},                 "(2i+1)(3i+3)->"),
    ("and in an index array",             "(i+1),(-k-r[i+1]+1)->",   [(4,), (5,)],     {"i": 3, "k": 1},         {"r": [4, 2, 0]},   "(i+1),(-r[i+1]+1)->"),
    ("an equation and an axis are alike", "(3i)(j+3i)->(j+i)j",      [(2, 1)],         {"i": 3, "j": 2},         {},                 "(-j),jb->(j+0)j"),
    ("a range is read from behind",       "(i-j)i,(-j+1)->j",        [(2, 3), (2,)],   {"j": 2},                 {},                 "(i-j)i,(-j+1)->j"),
    ("the relations have no point",       "->(2i+1)(i-1)",           [()],             {"i": 2, "2i+1": 2, "i-1": 4}, {},            "(a-1),(b+1),->ab"),
    ("a place of one array twice",        "(i)j,(r[k])->(r[k])jk",   [(3, 2), (4,)],   {},                       {"r": [0, 1, 2]},   "ij,(r[k])->(r[k])jk"),
    ("one label on axes of two sizes",    "i(3i+2j),j->i",           [(4, 2), (2,)],   {},                       {},                 "(-j)(-j),j->(-j)"),
    ("on an axis and in an array",        "(r[i])(3j+i)->i",         [(2, 4)],         {"j": 1},                 {"r": [1, 0, 0]},   "(r[i])(i+0)->i"),
]
# fmt: on


def program_of(text, shapes, sizes, arrays, *, way, declared):
    slots, output = programs.read(text)
    arrays = {name: np.array(a) for name, a in arrays.items()}
    domains = programs.settled(slots, shapes, arrays, sizes, output)
    into = programs.pointed(slots, shapes)
    shape = programs.output_shape(output, domains, arrays, sizes, into)
    named = dict(zip("xyz", shapes))
    leaves = tuple([programs.Leaf(name, own) for name, own in named.items()])
    node = programs.Einsum(tuple(slots), output, leaves, domains, sizes, shape, text)
    ways = dict.fromkeys(arrays, way)
    return programs.Program(node, arrays, ways, declared, 3, named)


@pytest.mark.parametrize("way", ["mapping", "input"])
@pytest.mark.parametrize("row", READ_AGAIN, ids=[row[0] for row in READ_AGAIN])
def test_what_is_printed_is_read_again(row, way):
    _, text, shapes, sizes, arrays, compact = row
    for declared in (True, False):
        program = program_of(text, shapes, sizes, arrays, way=way, declared=declared)
        for aspect in ("value", "compact", "compact_as_judged", "subscripts", "formula"):
            programs.run(program, aspect)
    program = program_of(text, shapes, sizes, arrays, way="mapping", declared=True)
    assert programs.expression(program).compact == compact


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("aspect", programs.ASPECTS)
def test_more_of_aspect(aspect):
    wrong = []
    for seed in MORE:
        if found := programs.trouble(programs.drawn(seed), aspect):
            wrong.append((seed, found))
        assert len(wrong) < 20, wrong
    assert not wrong


# ---------------------------------------------------------------------------- the judge against NumPy

x, w, A, B = whole(7), whole(3), whole(4, 5), whole(3, 2)
r, c, v = np.array([2, 0, 2, 3]), np.array([1, 4, 1, 0]), whole(4)
window = np.lib.stride_tricks.sliding_window_view(x, 3)


def added_at(n, places, numbers):
    found = np.zeros((n, *numbers.shape[1:]), int)
    np.add.at(found, places, numbers)
    return found


BY_NUMPY = [
    ("slice",            "i+1->i",           (x,),    {},                  x[1:]),
    ("step",             "2i->i",            (x,),    {},                  x[::2]),
    ("odd step",         "2*i+1->i",         (x,),    {},                  x[1::2]),
    ("reversal",         "6-i->i",           (x,),    {"i": 7},            x[::-1]),
    ("a row",            "(2)j->j",          (A,),    {},                  A[2]),
    ("pad",              "i-2->i",           (x,),    {"i": 11},           np.pad(x, 2)),
    ("correlate",        "i+k,k->i",         (x, w),  {},                  np.correlate(x, w)),
    ("same",             "i+k-1,k->i",       (x, w),  {"i": 7},            np.correlate(x, w, "same")),
    ("full",             "i-k,k->i",         (x, w),  {"i": 9},            np.convolve(x, w)),
    ("polynomials",      "i,k->i+k",         (x, w),  {},                  np.convolve(x, w)),
    ("written short",    "i,k->i+k",         (x, w),  {"i+k": 4},          np.convolve(x, w)[:4]),
    ("windows",          "i+k->ik",          (x,),    {"k": 3},            window),
    ("words",            "time+lag->time lag", (x,),  {"lag": 3},          window),
    ("dilated",          "i+2k,k->i",        (x, w),  {},                  np.correlate(x, [w[0], 0, w[1], 0, w[2]])),
    ("tril",             "(i-j),ij->ij",     (np.ones(9, int), A), {},     np.tril(A)),
    ("cumulative sum",   "(i-j),j->i",       (np.ones(7, int), x), {"i": 7}, np.cumsum(x)),
    ("flatten",          "ij->(ij)",         (A,),    {},                  A.reshape(-1)),
    ("flatten by sizes", "ij->5i+j",         (A,),    {},                  A.reshape(-1)),
    ("unflatten",        "(h w)->h w",       (A.reshape(-1),), {"h": 4},   A),
    ("Kronecker",        "ij,kl->(ik)(jl)",  (A, B),  {},                  np.kron(A, B)),
    ("gather",           "(r[e])j->ej",      (A,),    {},                  A[r]),
    ("moved gather",     "(r[e]-1)j->ej",    (A,),    {},                  np.vstack([0 * A[:1], A])[r]),
    ("part of an array", "(r[e+2])j->ej",    (A,),    {},                  A[r[2:]]),
    ("gather twice",     "(r[e])(c[e])->e",  (A,),    {},                  A[r, c]),
    ("scatter",          "e->r[e]",          (v,),    {"r": 4},            added_at(4, r, v)),
    ("coordinates",      "e,(c[e])->(r[e])", (v, w.repeat(2)), {"r": 4},   added_at(4, r, v * w.repeat(2)[c])),
    ("diagonal",         "i->ii",            (x,),    {},                  np.diag(x)),
    ("band",             "i->i(i+1)",        (x,),    {"i+1": 7},          np.diag(x[:6], 1)),
    ("broadcast",        "i->ij",            (w,),    {"j": 2},            np.outer(w, [1, 1])),
    ("repeat",           "i->(ij)",          (w,),    {"j": 2},            np.repeat(w, 2)),
    ("tile",             "i->(ji)",          (w,),    {"j": 2},            np.tile(w, 2)),
    ("nothing to read",  "i+k,k->i",         (x[:0], w), {"i": 2},         np.zeros(2, int)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "operands", "sizes", "want"),
    [row[1:] for row in BY_NUMPY],
    ids=[r[0] for r in BY_NUMPY],
)
def test_the_judge_against_numpy(text, operands, sizes, want):
    arrays = {name: a for name, a in (("r", r), ("c", c)) if f"{name}[" in text}
    found = programs.judged(text, operands, sizes, **arrays)
    assert found.tolist() == want.tolist()


def test_an_array_that_is_no_place_is_found():
    with pytest.raises(programs.Outside, match="r holds 3, the axis has 3"):
        programs.judged("(r[e])k->ek", [B], r=r)


@pytest.mark.parametrize(
    ("text", "sizes", "words"),
    [
        ("i-k,k->i", {}, "no largest range of i"),
        ("i+j->ij", {}, "are open"),
        ("i+k,k->i", {"k": 4}, "k is 3 and 4"),
        ("(i j)->i j", {"i": 4}, "7 is no multiple of 4"),
        ("i+7->i", {}, "the range of i is empty"),
    ],
)
def test_sizes_that_are_not_known(text, sizes, words):
    with pytest.raises(ValueError, match=words):
        programs.judged(text, [x, w][: text.count(",") + 1], sizes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n(i+k)c,kcd->nid", False),
        ("batch (time+lag) -> batch time lag", True),
        ("time+lag->i", True),
        ("(h w) c -> h w c", True),
        ("(h w)c,c->hw", False),
        ("(rows[e])k,k->e", False),
        ("rows [e] - 1 -> e", False),
        ("i + 2 * k, k -> i", False),
        ("ij+k->i", True),
        ("(2col)->i", True),
    ],
)
def test_words_or_letters(text, words):
    assert programs.in_words(text) == words


# ---------------------------------------------------------------- the judge against itself, another way


@pytest.mark.parametrize("seeds", [range(length(300, 5000))])
def test_programs_are_read_as_they_were_drawn(seeds):
    for seed in seeds:
        program = programs.drawn(seed)
        for node in programs.nodes(program.node):
            if not isinstance(node, programs.Einsum):
                continue
            values = {n: np.ones(s, int) for n, s in program.shapes.items()}
            operands = [programs.computed(o, values, program.arrays) for o in node.operands]
            once = programs.replace(node, operands=tuple(map(leaf, range(9), operands)))
            numbered = {f"n{k}": a for k, a in enumerate(operands)}
            want = programs.computed(once, numbered, program.arrays)
            found = programs.judged(node.text, operands, node.sizes, **program.arrays)
            assert found.shape == node.shape, f"{program}\n{node.text}"
            assert found.tolist() == want.tolist(), f"{program}\n{node.text}"


def leaf(k, array):
    return programs.Leaf(f"n{k}", array.shape)


@pytest.mark.parametrize("seeds", [range(length(60, 1000))])
def test_derivatives_are_exact_differences(seeds):
    """Of the cubic p(t) along a direction, 6 p'(0) is -p(2) + 6 p(1) - 3 p(0) - 2 p(-1), and so on upwards."""
    checked = 0
    for seed in seeds:
        program = programs.drawn(seed)
        judge = programs.derivatives(program)
        for name, array in program.values.items():
            if degree(program.node, name) > 3:
                continue
            checked += 1
            for at in list(np.ndindex(*array.shape))[:4]:
                p = {t: moved(program, name, at, t) for t in (-1, 0, 1, 2)}
                slope = -p[2] + 6 * p[1] - 3 * p[0] - 2 * p[-1]
                assert np.all(slope == 6 * judge.first[name][(..., *at)]), f"{program}"
                bend = p[1] - 2 * p[0] + p[-1]
                assert np.all(bend == judge.second[name, name][(..., *at, *at)]), f"{program}"
    assert checked > len(seeds) // 2


def degree(node, name):
    """The degree in one tensor."""
    if isinstance(node, programs.Leaf):
        return int(node.name == name)
    inner = [degree(n, name) for n in programs.children(node)]
    if isinstance(node, programs.Power):
        return inner[0] * node.exponent
    return sum(inner) if isinstance(node, programs.Einsum) else max(inner)


def moved(program, name, at, step):
    values = programs.objects(program.values)
    values[name][at] += step
    return programs.computed(program.node, values, program.arrays)


@pytest.mark.parametrize("seeds", [range(length(100, 2000))])
def test_second_derivatives_are_first_derivatives_of_first(seeds):
    """Where a program is of degree one in each tensor, a step in one changes the slopes by the other."""
    checked = 0
    for seed in seeds:
        program = programs.drawn(seed)
        names = list(program.shapes)
        if any(degree(program.node, n) != 1 for n in names) or len(names) < 2:
            continue
        checked += 1
        one, two = names[:2]
        judge = programs.derivatives(program)
        for at in list(np.ndindex(*program.shapes[two]))[:3]:
            values = program.values
            values[two][at] += 1
            change = programs.derivatives(program, values).first[one] - judge.first[one]
            assert np.all(change == judge.second[one, two][(..., *at)]), f"{program}"
    assert checked > len(seeds) // 20


def test_what_is_drawn():
    """The draws hold what they are meant to hold."""
    count = {}
    for seed in range(300):
        program = programs.drawn(seed)
        for node in programs.nodes(program.node):
            if isinstance(node, programs.Einsum):
                axes = [a for slot in node.slots for a in slot]
                bare = {a.bare for a in axes}
                tally = {
                    "affine": any(a.terms and not a.bare for a in axes),
                    "two labels": any(len(a.terms) > 1 for a in axes),
                    "negative": any(k < 0 for a in axes for _, k in a.terms),
                    "array": any(a.array for a in axes),
                    "array in a sum": any(a.arrays and not a.array for a in axes),
                    "array of two axes": any(len(q[1]) > 1 for a in axes for q in a.arrays),
                    "written sum": any(a.terms and not a.bare for a in node.output),
                    "written array": any(a.array for a in node.output),
                    "flat": any(a.flat for a in axes),
                    "written flat": any(a.flat for a in node.output),
                    "open": any(
                        a.terms and any(x not in bare and x not in node.sizes for x in a.labels)
                        for a in axes
                    ),
                    "words": programs.in_words(node.text),
                    "repeated": len({a.bare for a in node.output}) < len(node.output),
                    "constant": any(not a.labels and not a.arrays for a in axes),
                    "an empty axis": 0 in node.domains.values(),
                    "given sum": any(set(k) & set("+-") for k in node.sizes),
                    "tensor twice": len({id(o) for o in node.operands}) < len(node.operands),
                }
                for what, is_so in tally.items():
                    count[what] = count.get(what, 0) + is_so
        for way in program.ways.values():
            count[way] = count.get(way, 0) + 1
    assert min(count.values()) >= 4, count


# -------------------------------------------------- planted mistakes, with programs of bare labels alone


def plain_seed():
    for seed in range(500):
        program = programs.drawn(seed)
        node = program.node
        plain = isinstance(node, programs.Einsum) and len(node.operands) > 1
        axes = [a for slot in (*node.slots, node.output) for a in slot] if plain else []
        leaves = plain and all(isinstance(o, programs.Leaf) for o in node.operands)
        if leaves and node.shape and all(a.bare for a in axes) and degree(node, "x") == 1:
            return seed
    raise AssertionError


@pytest.mark.parametrize(
    "aspect", ["value", "first_derivatives", "products", "structured", "sparse"]
)
def test_a_planted_mistake_is_found(monkeypatch, aspect):
    program = programs.drawn(plain_seed())
    assert programs.trouble(program, aspect) is None
    right = programs._einsum

    def wrong(node, operands, arrays):
        found = right(node, operands, arrays)
        found[(0,) * found.ndim] = (
            found[(0,) * found.ndim] * 2 + operands[0][(0,) * operands[0].ndim]
        )
        return found

    monkeypatch.setattr(programs, "_einsum", wrong)
    assert "AssertionError" in programs.trouble(program, aspect)


def test_a_program_is_shrunk(monkeypatch):
    """To one operand, if that is all that is wrong."""
    monkeypatch.setitem(programs.ASPECTS, "value", refuses_arrays)
    seed = next(
        s for s in range(500) if programs.drawn(s).arrays and programs.sound(programs.drawn(s))
    )
    least = programs.shrunk(programs.drawn(seed), "value")
    assert isinstance(least.node, programs.Einsum)
    assert len(programs.nodes(least.node)) <= 2
    assert least.arrays


def refuses_arrays(program):
    assert not any(
        a.arrays
        for n in programs.nodes(program.node)
        if isinstance(n, programs.Einsum)
        for axes in (*n.slots, n.output)
        for a in axes
    )


def test_equal_programs_are_drawn_from_equal_seeds():
    programs.drawn.cache_clear()
    once = str(programs.drawn(11))
    programs.drawn.cache_clear()
    assert str(programs.drawn(11)) == once
    assert (
        replace(programs.drawn(11)).values["x"].tolist() == programs.drawn(11).values["x"].tolist()
    )


# --------------------------------------- a stand-in for the package, so that each aspect can be seen to fail


class StandIn:
    """What the aspects call, for one einsum of tensors, each once; by the judge itself."""

    Delta = type("Delta", (str,), {})
    EinderivError = programs.ed.EinderivError

    def __init__(self, program, mistake=""):
        self.program, self.mistake = program, mistake
        self.node = program.node

    def term(self, by=None):
        """The einsum or its derivative, as what would be printed of it."""
        node = self.node
        k = next((k for k, o in enumerate(node.operands) if o.name == by), None)
        slots = [axes for j, axes in enumerate(node.slots) if j != k]
        output = node.output + (node.slots[k] if by else ())
        shape = node.shape + (node.operands[k].shape if by else ())
        text, keys = programs.typed(slots, output)
        sizes = dict(node.domains)
        for axis, key, n in zip(output, keys, shape):
            if axis.array:
                sizes[axis.array] = n
            elif not axis.bare and not axis.flat:
                sizes[key] = n + (self.mistake == "sizes")
        operands = tuple(o.name for o in node.operands if o.name != by)
        return Term(text, sizes, operands, 2 if self.mistake == "coefficient" else 1)

    def einsum(self, text, *operands, sizes=None, index=None):
        return Term(text, sizes or {}, operands, 1)

    def derive(self, e, name):
        return self.term(name)

    def evaluate(self, e, values, sizes=None):
        if isinstance(e, str):
            return values[e]
        numbers = [values[o] for o in e.operands]
        if self.mistake == "multiplied":  # what is not read meets a zero all the same
            numbers = [a + 0 * np.sum(a) for a in numbers]
        arrays = programs.arrays_in(e.compact, self.program)
        found = programs.judged(e.compact, numbers, e.sizes, **arrays)
        floats = any(np.asarray(a).dtype.kind == "f" for a in numbers)
        return found.astype(float if floats else np.int64)


class Term:
    def __init__(self, compact, sizes, operands, coefficient):
        self.compact, self.sizes, self.operands = compact, sizes, operands
        self.coefficient, self.terms = coefficient, (self,)


def single_einsums(count):
    for seed in range(count):
        program = programs.drawn(seed)
        node = program.node
        if not isinstance(node, programs.Einsum) or programs.in_words(node.text):
            continue
        names = [getattr(o, "name", None) for o in node.operands]
        if None in names or len(set(names)) < len(names):
            continue
        axes = [a for slot in (*node.slots, node.output) for a in slot]
        sizes = [n for o in node.operands for n in o.shape] + list(node.shape)
        if not programs.two_sizes(axes, sizes):
            yield program


@pytest.mark.parametrize("aspect", ["compact", "compact_as_judged", "unread", "selected"])
@pytest.mark.parametrize("mistake", ["", "coefficient", "sizes", "multiplied"])
def test_aspects_of_a_stand_in(monkeypatch, aspect, mistake):
    """Right without a mistake; with one, the aspects that are there for it see it."""
    seen = 0
    every = list(single_einsums(length(150, 1000)))
    for program in every:
        stand_in = StandIn(program, mistake)
        monkeypatch.setattr(programs, "ed", stand_in)
        monkeypatch.setattr(programs, "expression", lambda p, s=stand_in: s.term())
        wrong = programs.trouble(program, aspect)
        assert wrong is None or mistake, f"{wrong}\n{program}"
        seen += wrong is not None
    meant = {"coefficient": "compact", "sizes": "compact", "multiplied": "unread selected"}
    if any(aspect.startswith(a) for a in meant.get(mistake, "").split()):
        assert seen > len(every) // 20, (seen, len(every))
    assert len(every) > 40
