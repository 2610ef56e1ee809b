"""The adapter that runs autograd's tests: what is right passes, a planted mistake is wrong, what is refused has a
reason.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy")

SUITE = '''
import autograd.numpy as np
from autograd import grad, jacobian
from autograd.scipy import special
from autograd.test_util import check_grads, combo_check


class Wrong:
    """NumPy's answer is another than the one that is read."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * x if self.calls == 1 else x * x * x


def test_right():
    combo_check(np.multiply, (0, 1))([2.0, np.ones(3)], [np.arange(3.0)])
    check_grads(special.erf)(0.3)
    check_grads(lambda a: np.exp(a[0]) * a[1])((0.5, np.ones(2)))
    check_grads(lambda z: np.exp(z) * np.conj(z))(0.3 + 1j)
    assert grad(lambda x: grad(lambda y: x * y**3)(x))(2.0) == 36
    assert jacobian(lambda x: x**2)(np.ones(2)).tolist() == [[2, 0], [0, 2]]


def test_wrong():
    check_grads(Wrong())(3.0)


def test_refused():
    check_grads(np.frexp)(3.0)
'''


def test_each_outcome(tmp_path):
    (tmp_path / "test_numpy.py").write_text(SUITE)
    here = Path(__file__).parents[1]
    command = [sys.executable, "-m", "bench.autograd_suites", str(tmp_path), "--only", "test_numpy"]
    page = tmp_path / "page.md"
    # The options of the run that this test is in are not for the tests that it starts.
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        [*command, "-v", "--page", str(page)], cwd=here, capture_output=True, text=True, env=own
    )
    assert done.returncode == 1, done.stderr
    assert "WRONG   test_wrong: the value differs by" in done.stdout
    assert "refused test_refused: TypeError: np.frexp" in done.stdout
    assert "| `test_numpy.py` | functions of NumPy | 3 | 1 | 1 | 0 | 1 | 7 | 5 |" in done.stdout
    assert "| `test_numpy` | `test_refused` | TypeError: np.frexp" in page.read_text()
