"""The page in a real browser. Where node, playwright-core or Chromium is missing, the reason is said."""

import numpy as np
import pytest

from conftest import GALLERY, SHOWN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_a_visit(drive, address, tmp_path):
    found = drive("walk.mjs", address)
    assert found["download"] == "derivative_numpy.py"
    file = tmp_path / found["download"]
    file.write_text(found["code"], encoding="utf-8")
    names: dict = {}
    exec(compile(found["code"], str(file), "exec"), names)  # our own output, as a user runs it
    rng = np.random.default_rng(0)
    B, C = rng.integers(-4, 5, (5, 3)), rng.integers(-4, 5, (3, 2))
    got = names["compute"](B, C, i=4)
    np.testing.assert_array_equal(got, np.einsum("ia,bt,tj->ijab", np.eye(4), B, C))


def test_pictures_of_six_examples(drive, address, tmp_path):
    made = drive("shots.mjs", address, examples=SHOWN, out=tmp_path)
    assert len(made) == len(SHOWN) * 4


def test_hostile_text_is_text(drive, address):
    assert drive("hostile.mjs", address) > 10


def test_the_server_answers_every_keystroke(drive, address):
    """How much it computes for an answer, `test_engine` bounds."""
    found = drive("quick.mjs", address, examples=GALLERY)
    assert found["complaints"] == []
    assert len(found["times"]) == len(GALLERY)
    assert all(len(ms) == 3 and min(ms) > 0 for ms in found["times"].values())
