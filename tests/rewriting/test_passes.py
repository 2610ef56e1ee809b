"""Every row of the tables of passes and of rewrites, by its example: it does something, and values stay."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import LETTERS, Sizes, needed, solved, swapped
from einderiv.rewriting import Target, optimized, passes, planned
from einderiv.rewriting.passes import PASSES, Pass
from einderiv.rewriting.rewrites import REWRITES
from einderiv.runtime import execution

rng = np.random.default_rng(0)


def parsed(text, shapes):
    """An expression of tensors whose axes have names of their own."""
    letters = iter(LETTERS)
    lines = []
    for name, shape in shapes.items():
        axes = "".join(next(letters) for _ in shape)
        lines.append(f"{name}: {axes}")
    return ed.parse("\n".join([*lines, text]))


@pytest.mark.parametrize("row", PASSES, ids=lambda row: row.name)
def test_a_pass_does_something_for_its_example(row):
    example = row.example
    arrays = {name: rng.normal(size=shape) for name, shape in example.shapes.items()}
    e = parsed(example.text, example.shapes)
    held = {name: arrays[name] for name in example.held}
    e = ed.substitute(e, held) if held else e
    shapes = {name: example.shapes[name] for name in needed([e])}
    run = execution.Execution([e], solved([e], shapes), dict.fromkeys(shapes, np.dtype(float)))
    sizes = solved([e], shapes)
    program, _ = planned([e], sizes, sizes.measure, dense=True, optimize="auto")
    target = Target(
        passes=(row.name,),
        kind="f",
        itemsize=8,
        memory_limit=example.memory_limit,
        constants=run._values if held else None,
        devices=example.devices,
    )
    assert row.applies(target)
    before = list(program.steps), list(program.outputs), list(program.held)
    if row.name == "memory check":
        with pytest.raises(ed.LimitError, match="intermediate array of shape"):
            optimized(program, target)
        return
    after = optimized(program, target)
    assert after.passes == [row.name]
    assert (program.steps, program.outputs, program.held) == before, "the old one stays as it was"
    again = optimized(program, Target(passes=(), kind="f", itemsize=8))
    assert again.passes == []


def test_a_pass_runs_only_where_it_is_right():
    by_name = {row.name: row for row in PASSES}

    def target(kind="f", **options):
        return Target(passes=tuple(by_name), kind=kind, itemsize=8, **options)

    assert by_name["numpy peepholes"].applies(target())
    assert not by_name["numpy peepholes"].applies(target("c"))
    assert not by_name["numpy peepholes"].applies(target("i"))
    assert not by_name["constant folding"].applies(target())
    assert not by_name["sharding"].applies(target())
    assert by_name["sharding"].applies(target(devices=2))
    assert not by_name["memory check"].applies(target(memory_limit=10))
    assert by_name["memory check"].applies(target())
    assert not by_name["batching of products"].applies(target(memory_limit=10))


def test_passes_run_in_the_order_of_the_table(monkeypatch):
    ran = []

    def row(name):
        def run(program, _):
            ran.append(name)
            return program if name == "b" else program.copy()

        return Pass(name, "", run, PASSES[0].example)

    monkeypatch.setattr(passes, "PASSES", tuple(map(row, "abc")))
    e = ed.einsum("ij,j->i")
    sizes = solved([e], {"A": (2, 3), "B": (3,)})
    program, _ = planned([e], sizes, sizes.measure, dense=True, optimize="auto")
    after = optimized(program, Target(passes=("c", "b", "a"), kind="f", itemsize=8))
    assert ran == ["a", "b", "c"]
    assert after.passes == ["a", "c"]


def roots_of(example):
    """The expression of an example, or its derivatives."""
    e = parsed(example.text, example.shapes)
    if not example.derivatives:
        return (e,)
    return tuple(ed.derive(e, list(example.shapes)))


@pytest.mark.parametrize("row", REWRITES, ids=lambda row: row.name)
def test_a_rewrite_proposes_something_for_its_example(row):
    roots = roots_of(row.example)
    shapes = row.example.shapes
    sizes = Sizes(shapes).read(roots)
    arrays = {name: rng.integers(-2, 3, shape) for name, shape in shapes.items()}
    want = [ed.evaluate(root, {n: arrays[n] for n in needed([root])}) for root in roots]
    proposals = list(row.places(roots, sizes))
    assert proposals
    for swaps in proposals:
        changed = swapped(roots, swaps)
        assert any(a is not b for a, b in zip(changed, roots))
        for root, value in zip(changed, want):
            got = ed.evaluate(root, {n: arrays[n] for n in needed([root])})
            assert (got == value).all()


def test_a_rewrite_that_pays_is_noted():
    noted = set()
    for row in REWRITES:
        f = ed.compile(list(roots_of(row.example)))
        noted |= {note.partition(":")[0] for note in f.plan(row.example.shapes).notes}
    assert {"distribute", "inline", "twins"} <= noted
