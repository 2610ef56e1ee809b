"""Requests to answers: every example, every kind; errors as data, and nothing else."""

import json

import pytest
from work import Calls

import einderiv as ed
from conftest import GALLERY
from einderiv.page import engine
from einderiv.page.engine import KINDS, answer

IDS = [row["title"] + ": " + row["text"] for row in GALLERY]


@pytest.mark.parametrize("row", GALLERY, ids=IDS)
def test_the_gallery(row):
    found = answer({**row, "kind": "derivative"})
    assert (found["ok"], found["problem"], found["wrt"]) == (True, None, row["wrt"])
    assert found["result"]["latex"]
    assert json.loads(json.dumps(found)) == found
    assert [len(step["lines"]) > 0 for step in found["steps"]] == [True] * len(found["steps"])


@pytest.mark.parametrize("row", GALLERY, ids=IDS)
def test_an_answer_is_there_as_one_types(row):
    request = {**row, "kind": "derivative"}
    first = answer(request)  # loads and remembers what later ones find
    with Calls() as calls:
        again = answer(request)
    assert {**again, "ms": 0} == {**first, "ms": 0}
    assert calls.count < 250_000  # 50 ms where it was written; the longest makes 45,000


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cost", "code", "check"])
@pytest.mark.parametrize("row", GALLERY, ids=IDS)
def test_figures_of_the_gallery(row, kind):
    found = answer({**row, "kind": kind})
    assert found["ok"], found
    assert json.loads(json.dumps(found)) == found
    assert kind != "check" or found["right"]
    assert kind != "code" or found["backends"][0]["code"]


TROUBLE = [
    # request,                                           field,     position, message
    (dict(text="ij,j->k"),                               "text",    6,    "output label 'k'"),
    (dict(text="sum(einsum('ij,jk->ik->', A, B))"),      "text",    21,   "a second arrow"),
    (dict(text="  x = ("),                               "text",    6,    "never closed"),
    (dict(text=""),                                      "text",    None, "type an einsum"),
    (dict(text="i->", language="x" * 1000),              "language", None, "no language"),
    (dict(text="<img src=x onerror=alert(1)>"),          "text",    0,    "operand is missing"),
    (dict(text="ij\u202e->i"),                           "text",    2,    "U+202E"),
    (dict(text="X: ij\nsum(X) + ${Y}"),                  "text",    15,   "'$' cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "field", "position", "message"), TROUBLE)
def test_trouble(request_, field, position, message):
    error = answer({"kind": "derivative", **request_})["error"]
    assert (error["field"], error["position"]) == (field, position)
    assert message in error["message"]
    assert "^" not in error["message"].split("\n")[-1]


def test_sizes_that_cannot_be_used_leave_the_derivative():
    for sizes, position in (("q=3", None), ("i=3, !", 5), ("A=3x3x3", None)):
        found = answer({"kind": "derivative", "text": "ij,j->i", "sizes": sizes})
        assert found["ok"]
        assert (found["problem"]["field"], found["problem"]["position"]) == ("sizes", position)
    assert (
        answer({"kind": "cost", "text": "ij,j->i", "sizes": "q=3"})["problem"]["field"] == "sizes"
    )


def test_a_bug_of_ours_is_a_line(monkeypatch):
    def broken(request):
        raise KeyError("secret")

    monkeypatch.setitem(KINDS, "derivative", (broken, False))
    error = answer({"kind": "derivative", "text": "i->"})["error"]
    assert error["message"] == "a bug in einderiv (KeyError): please report it"


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(engine, "NEEDS", ("no_such_module",))
    assert "needs no_such_module" in answer({"kind": "cost", "text": "i->"})["error"]["message"]
    assert answer({"kind": "derivative", "text": "i->"})["ok"]


def test_limits_are_back_afterwards():
    before = ed.limits.operands
    answer({"kind": "derivative", "text": ",".join("a" * 300) + "->"})
    assert ed.limits.operands == before
