"""Pictures: well formed, nothing overlaps, every label and operand is there, no text becomes markup."""

import string
import xml.etree.ElementTree as ET
from itertools import combinations

import numpy as np
import pytest

import einderiv as ed
from einderiv.errors import LimitError
from einderiv.printing import (
    Picture,
    Rectangle,
    coordinate,
    derivation_strip,
    escaped,
    layout,
    markup,
    network_diagram,
    text_box,
)
from einderiv.printing.network import tensor_network
from einderiv.printing.network_diagram import (
    _room_of_bows,
    drawn_expression,
    drawn_with_parts,
    leg_sides,
)

L = string.ascii_letters
x, X, W = ed.tensor("x", "n"), ed.tensor("X", "ni"), ed.tensor("W", "io")
Q, K, V = ed.tensor("Q", "qd"), ed.tensor("K", "kd"), ed.tensor("V", "kv")
SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")
CP = ed.einsum("ir,jr,kr->ijk", "A", "B", "C")
TUCKER = ed.einsum("abc,ia,jb,kc->ijk", "G", "A", "B", "C")
TRAIN = ed.einsum("ia,ajb,bkc,cl->ijkl", "G1", "G2", "G3", "G4")
RING = ed.einsum("aib,bjc,ckd,dla->ijkl", "G1", "G2", "G3", "G4")
LOSS = ed.parse("sum((T - einsum('nk,mk->nm', U, V))**2)")
WEIGHTS = ed.softmax(ed.einsum("qd,kd->qk", Q, K), 1)
CASES = {
    "seed": SEED,
    "by the first": ed.derive(SEED, "X"),
    "by the middle": ed.derive(SEED, "Y"),
    "trace": ed.einsum("ij,jk,ki->", "A", "X", "B"),
    "diagonal": ed.derive("ii->i", 0),
    "ones": ed.derive("ij->", 0),
    "itself": ed.einsum("ii->", "A"),
    "two edges": ed.einsum("ij,ij->", "A", "B"),
    "quadratic form": ed.hessian(ed.einsum("i,ij,j->", x, "A", x), x),
    "outer": ed.einsum("i,j,k->kji", "a", "b", "c"),
    "softmax": ed.derive(ed.softmax(x, 0), x),
    "layer": ed.derive(ed.tanh(X @ W), W),
    "CP": CP,
    "CP by A": ed.derive(CP, "A"),
    "Tucker": TUCKER,
    "Tucker by G": ed.derive(TUCKER, "G"),
    "train": TRAIN,
    "train by G2": ed.derive(TRAIN, "G2"),
    "ring": RING,
    "ring by G3": ed.derive(RING, "G3"),
    "loss": LOSS,
    "gradient": ed.grad(LOSS, "U"),
    "Hessian": ed.hessian(LOSS, "U"),
    "attention": ed.derive(ed.einsum("qk,kv->qv", WEIGHTS, V), V),
    "inverse": ed.grad(ed.logdet(ed.tensor("S", "ij")), "S"),
    "zero": ed.derive(ed.einsum("ij->i", "A"), ed.tensor("q", "j")),
    "a number and a scalar": ed.sqrt(1 + ed.tensor("s", "")) * ed.tensor("s", ""),
    "number": ed.einsum("i->i", "v") * 0 + 3,
    "scalar": ed.einsum("i,i->", "v", "w") * -2.5,
    "array": ed.einsum("ij,j->i", np.ones((2, 3)), "v"),
    "words": ed.einsum("batch in, in out -> batch out", "X", "W"),
    "chain of 30": ed.einsum(",".join(L[k] + L[k + 1] for k in range(30)) + "->" + L[0] + L[30]),
    "train of 15": ed.einsum(
        L[0]
        + L[26]
        + ","
        + "".join(L[k - 1] + L[k + 26] + L[k] + "," for k in range(1, 14))
        + L[13]
        + L[40]
        + "->"
        + L[26:41]
    ),
    "star": ed.einsum("ia,ja,ka,la->ijkl", "A", "B", "C", "D"),
}


def parsed(picture):
    return ET.fromstring(str(picture))


@pytest.mark.parametrize("name", CASES)
def test_texts_do_not_overlap_and_are_inside(name):
    e = CASES[name]
    found = drawn_with_parts(e, {})
    picture = ed.diagram(e)
    left, top, wide, high = map(float, parsed(picture).get("viewBox").split())
    view = Rectangle(left, top, left + wide, top + high)
    for text, box in found.texts:
        assert box.left >= view.left - 0.2
        assert box.right <= view.right + 0.2
        assert box.top >= view.top - 0.2
        assert box.bottom <= view.bottom + 0.2, text
    for (a, p), (b, q) in combinations(found.texts, 2):
        assert not p.touches(q, -1.5), (a, b)


@pytest.mark.parametrize("name", CASES)
def test_what_is_read_aloud(name):
    root = parsed(ed.diagram(CASES[name]))
    assert root.get("role") == "img"
    assert root.find("{*}title").text == root.get("aria-label") == str(CASES[name])
    assert "prefers" in root.find("{*}style").text or "color-scheme" in root.find("{*}style").text


def counted(e):
    root = parsed(ed.diagram(e))
    rings = [g for g in root.findall(".//{*}g") if [c.get("r") for c in g] == ["2.6"]]
    labels = [
        g.get("data-label")
        for g in root.findall(".//{*}g")
        if g.get("class") == "label" and g not in rings
    ]
    operands = [
        g.get("data-operand") for g in root.findall(".//{*}g") if g.get("class") == "operand"
    ]
    dots = [c for c in root.findall(".//{*}circle") if c.get("r") == "4"]
    return sorted(labels), sorted(map(str, operands)), len(dots)


COUNTS = [  # an expression, its labels (one for each line), its operands, its copy tensors
    (SEED, "ijst", "PXY", 0),
    (ed.derive(SEED, "X"), "ibjt"[0] + "bjt", "PY", 0),
    (ed.derive("ii->i", 0), "iii", "", 1),
    (ed.derive("ij->", 0), "aabb", "", 0),
    (ed.einsum("ii->", "A"), "ii", "A", 1),
    (CP, "ijkrrr", "ABC", 1),
]


@pytest.mark.parametrize(("e", "labels", "operands", "dots"), COUNTS, ids=str)
def test_every_label_is_a_line_and_every_operand_a_node(e, labels, operands, dots):
    assert counted(e) == (sorted(labels), sorted(operands), dots)


@pytest.mark.parametrize(("text", "first"), [("ij->ij", "i"), ("ij->ji", "i"), ("ji->ij", "j")])
def test_a_ring_marks_the_first_axis(text, first):
    root = parsed(ed.diagram(ed.einsum(text, "A")))
    (found,) = [
        g
        for g in root.findall(".//{*}g")
        if g.find("{*}circle") is not None and g.get("class") == "label"
    ]
    assert found.get("data-label") == first


def test_sizes_are_shown_where_a_pointer_rests():
    titles = [
        t.text for t in parsed(ed.diagram("ij,jk->ik", sizes={"j": 7})).findall(".//{*}title")
    ]
    assert "j: 7" in titles
    assert "A[i, j: 7]" in titles


def test_the_same_every_time_and_without_ids():
    first, second = (str(ed.diagram(ed.derive(RING, "G3"))) for _ in range(2))
    assert first == second
    assert " id=" not in first


HOSTILE = ["<img src=x onerror=alert(1)>", "]]>", '"><script>', "a\u202eb", "\x00", "&amp;"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_becomes_markup(text):
    svg = markup("g", escaped(text), data_label=text)
    assert "<img" not in svg
    assert "<script" not in svg
    assert "\u202e" not in svg or "data-label" in svg
    assert "\u202e" not in escaped(text)
    picture = Picture(drawn_expression(SEED, ("i", "j"), leg_sides(SEED), {}), text, text)
    assert len(list(parsed(picture).findall(".//{*}script"))) == 0 if text != "\x00" else True


def test_what_is_too_large():
    many = ed.einsum(",".join("ij" for _ in range(61)) + "->ij", *[f"A{k}" for k in range(61)])
    with pytest.raises(LimitError, match="shows nothing"):
        ed.diagram(many)


@pytest.mark.parametrize("wrong", [3, None, [SEED]])
def test_what_cannot_be_drawn(wrong):
    with pytest.raises(TypeError, match="draws an expression"):
        ed.diagram(wrong)


def test_files(tmp_path):
    picture = ed.diagram(SEED)
    picture.save(tmp_path / "J.svg")
    assert (tmp_path / "J.svg").read_text() == str(picture) + "\n"
    assert [p.name for p in tmp_path.iterdir()] == ["J.svg"]
    with pytest.raises(ed.EinderivError, match=r"written as \.svg, not as \.png"):
        picture.save(tmp_path / "J.png")
    with pytest.raises(ed.EinderivError, match="without an ending"):
        picture.save(tmp_path / "J")


def test_notebooks():
    bundle = ed.diagram(SEED)._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"].startswith("Picture(")


@pytest.mark.parametrize(
    ("value", "want"), [(0.0, "0"), (-0.01, "0"), (1.04, "1"), (-2.5, "-2.5"), (100.0, "100")]
)
def test_coordinates(value, want):
    assert coordinate(value) == want


def test_boxes():
    a = text_box("abc", 0, 0)
    assert a.touches(a.moved(1, 1))
    assert not a.touches(a.moved(100, 0))


def test_components_with_bows_stand_apart():
    net = tensor_network(ed.einsum("ab,ba,cd,dc->"), (), frozenset())
    boxes = [_room_of_bows(net, group) for group in net.components()]
    assert boxes == [14.0, 14.0]


def squared(step, times):
    """A text of assignments, each of which has the one before twice."""
    e = ed.tensor("x", "i")
    for _ in range(times):
        e = step(e)
    return e


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ed.diagram(ed.derive(squared(lambda e: ed.sin(e) * e, 10), "x")),
        lambda: ed.strip(squared(lambda e: ed.sin(e) * e, 10), "x"),
    ],
)
def test_what_is_too_much_is_refused_before_anything_is_drawn(draw, monkeypatch):
    """Operands in frames count, so that a short text cannot ask for hours of work."""
    monkeypatch.setattr(network_diagram, "drawn_expression", lambda *_: pytest.fail("drawn"))
    monkeypatch.setattr(derivation_strip, "drawn_expression", lambda *_: pytest.fail("drawn"))
    with pytest.raises(ed.LimitError, match="shows nothing"):
        draw()


def test_operands_in_frames_count(monkeypatch):
    e = ed.exp(ed.einsum("i,i->i", "x", "y")) * ed.tensor("z", "i")
    assert network_diagram._drawn_operands(e, 0) == 4
    monkeypatch.setattr(network_diagram, "MOST", 3)
    with pytest.raises(ed.LimitError, match="a picture of 4 operands, those in frames too"):
        ed.diagram(e)


def test_a_crowded_picture_is_placed_in_fewer_rounds(monkeypatch):
    rounds = []
    apart = layout.moved_apart
    monkeypatch.setattr(layout, "moved_apart", lambda *given: rounds.append(1) or apart(*given))
    ed.diagram(",".join(["ab"] * 58) + "->")
    assert len(rounds) < 60


@pytest.mark.parametrize(
    ("e", "texts"),
    [
        (ed.derive("i+k,k->i", 0), ["= i+k"]),
        (ed.einsum("(r[e])k,(c[e])k->e", "U", "V"), ["= r[e]", "= c[e]"]),
        (ed.einsum("ij->(i j)", "A"), ["= A.shape[1]·i+j"]),
        (
            ed.einsum("(2j-3i)->ij", ed.einsum("->q", sizes={"q": 1}), sizes={"i": 5, "j": 7}),
            ["2j = 3i"],
        ),
    ],
)
def test_relations_are_nodes_with_their_text(e, texts):
    picture = str(ed.diagram(e))
    for text in texts:
        assert text in picture
    assert picture.count('class="index"') >= len(texts)
