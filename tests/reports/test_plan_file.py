"""Plans as files: the same again, and nothing else is taken for one."""

import json

import pytest

import einderiv as ed

X, W = ed.tensor("X", "ij"), ed.tensor("W", "jk")
PLANS = {
    "one step": lambda: ed.plan(ed.einsum("ij,jk->ik"), {"A": (2, 3), "B": (3, 4)}),
    "derivative": lambda: ed.plan(
        ed.derive("is,st,tj->ij", 0), {"A": (4, 5), "B": (5, 3), "C": (3, 1)}
    ),
    "functions": lambda: ed.plan(ed.hessian(ed.sum(ed.tanh(X @ W)), W)),
    "several": lambda: ed.plan([X @ W, ed.sum(X)]),
    "no step": lambda: ed.plan(X),
    "a number": lambda: ed.plan(ed.einsum("->", 7)),
}


@pytest.mark.parametrize("name", PLANS)
def test_the_same_again(tmp_path, name):
    p = PLANS[name]()
    p.save(tmp_path / "p.json")
    found = ed.load_plan(tmp_path / "p.json")
    assert str(found) == str(p)
    assert found.picture().svg() == p.picture().svg()
    assert (found.steps, found.outputs, found.flops, found.bytes) == (
        p.steps,
        p.outputs,
        p.flops,
        p.bytes,
    )
    assert json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["einderiv_plan"] == 2


def changed(**parts):
    return lambda data: json.dumps({**data, **parts})


def step(k, value):
    return lambda data: json.dumps(
        {**data, "rows": [[value if c == k else x for c, x in enumerate(data["rows"][0])]]}
    )


HOSTILE = [
    (lambda data: "",                                             "no JSON"),
    (lambda data: "[1]",                                          "no object with einderiv_plan"),
    (lambda data: "{}",                                           "no object with einderiv_plan"),
    (lambda data: "[" * 10**6,                                    "cannot be read|no JSON"),
    (lambda data: " " * (10**7 + 1),                              "longer than 10000000 characters"),
    (lambda data: json.dumps(data).replace("[2, 4]", "[2, NaN]"), "NaN is no number"),
    (lambda data: json.dumps(data)[:-9],                          "no JSON"),
    (lambda data: "9" * 10**5,                                    "no JSON|no object"),
    (changed(einderiv_plan=1),                                    "its version is '1'"),
    (changed(einderiv_plan=True),                                 "its version is 'True'"),
    (changed(itemsize=-8),                                        "'-8' is not a whole number"),
    (changed(itemsize="8"),                                       "'8' is not a whole number"),
    (changed(notes=["a\x1b[2J"]),                                 "is not a line of text"),
    (changed(notes=["a\nb"]),                                     "is not a line of text"),
    (changed(notes="abc"),                                        "is not a list"),
    (changed(rows=[]),                                            "do not belong together"),
    (changed(rows=[[1]]),                                         "a row has 7 columns"),
    (changed(tree=[[2, [5]]]),                                    "step 2 is there twice, or needs what is not"),
    (changed(tree=[[2, [2]]]),                                    "step 2 is there twice, or needs what is not"),
    (changed(tree=[[0, []]]),                                     "step 0 is there twice, or needs what is not"),
    (changed(results=[99]),                                       "do not belong together"),
    (changed(shapes=[[1] * 65]),                                  "a list of at most 64"),
    (changed(dense=[1]),                                          "is not a pair"),
    (changed(names={"a": 1}),                                     "is not a list"),
    (step(0, None),                                               "'None' is not a line of text"),
    (step(2, -1.0),                                               "'-1.0' is not a number"),
    (step(2, 1e308),                                              "is not a number"),
    (step(3, 1.5),                                                "'1.5' is not a whole number"),
    (step(3, 10**80),                                             "is not a whole number"),
    (step(5, False),                                              "'False' is not a number"),
    (lambda data: json.dumps({k: v for k, v in data.items() if k != "shapes"}), "it has no shapes"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "match"), HOSTILE)
def test_what_is_no_plan(tmp_path, make, match):
    path = tmp_path / "p.json"
    PLANS["one step"]().save(path)
    path.write_text(make(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    with pytest.raises(ed.EinderivError, match=match) as found:
        ed.load_plan(path)
    assert len(str(found.value)) < 400
    assert "p.json" in str(found.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ed.EinderivError, match="cannot be read"):
        ed.load_plan(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ed.EinderivError, match="no JSON"):
        ed.load_plan(tmp_path / "b.json")


def test_texts_are_escaped_where_they_are_drawn(tmp_path):
    path = tmp_path / "p.json"
    PLANS["one step"]().save(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["names"][0][1] = "<script>alert(1)</script>"
    data["rows"][0][1] = "<img src=x onerror=alert(1)>"
    path.write_text(json.dumps(data), encoding="utf-8")
    shown = ed.load_plan(path)._repr_mimebundle_()["text/html"]
    assert "<script" not in shown
    assert "<img" not in shown


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "p.json"
    path.write_text("old", encoding="utf-8")
    p = PLANS["one step"]()
    p.notes.append("\ud800")  # which cannot be written
    with pytest.raises(UnicodeEncodeError, match="surrogates"):
        p.save(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_plan_for_a_cluster_is_not_saved(tmp_path):
    with pytest.raises(ed.EinderivError, match="without workers="):
        ed.plan(X @ W, workers=2).save(tmp_path / "p.json")
    assert not list(tmp_path.iterdir())
