"""Threads, forked and spawned processes, interrupts, and memory: answers stay those of one thread."""

import ctypes
import gc
import multiprocessing
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from lengths import length

import einderiv as ed
from einderiv.expression import leaves

A, B, x, S = ed.tensor("A", "ij"), ed.tensor("B", "jk"), ed.tensor("x", "j"), ed.tensor("S", "ii")
PRODUCT = A @ B
MIXED = {  # what is derived anew, and by what; all of it exact on integers
    "product":    (lambda: A @ B, "A"),
    "quadratic":  (lambda: ed.einsum("i,ij,j->", "x", "S", "x"), "x"),
    "powers":     (lambda: ed.sum((A @ x) ** 3), "x"),
    "twice":      (lambda: ed.einsum("ij,kj->ik", A, A), "A"),
    "in strings": (lambda: ed.einsum("is,st,tj->ij", "X", "Y", "P"), "Y"),
    "trace":      (lambda: ed.trace(S @ S @ S), "S"),
}  # fmt: skip
SHARED = {name: ed.derive(make(), wrt) for name, (make, wrt) in MIXED.items()}
AXES = {"A": "ij", "B": "jk", "x": "j", "S": "jj", "X": "is", "Y": "st", "P": "tj"}


def arrays(f, n):
    """Whole numbers for the tensors of `f`, of sizes that go with `n`."""
    sizes = {"i": 2 + n % 3, "j": 2 + n % 4, "k": 3, "s": 2, "t": 1 + n % 3}
    r = np.random.default_rng(n)
    return {name: r.integers(-4, 5, [sizes[c] for c in AXES[name]]) for name in f.tensors}


def step(k, shared, constant):
    """One of the mixed derivations and evaluations, by its number: lists of numbers."""
    name = list(MIXED)[k % len(MIXED)]
    make, wrt = MIXED[name]
    e, f, kind = SHARED[name], shared[name], k // len(MIXED) % 5
    at = arrays(f, k % 12)
    if kind == 0:
        value = ed.evaluate(ed.derive(make(), wrt), at)
    elif kind == 1:
        value = ed.evaluate(e, at)
    elif kind == 2:
        value = ed.evaluate(e, at, dense=False).dense()
    elif kind == 3:
        first = f(at)
        value = [f(at, out=np.full_like(first, 7)), f(at, out=first, zeroed=True)]
    else:
        a = np.full((2, 3), k % 7)
        value = [f(at), constant(A=a, x=np.arange(3))]
    return [v.tolist() for v in leaves(value)]


def made():
    return {name: ed.compile(e) for name, e in SHARED.items()}, ed.compile(A @ x, constants=["A"])


def together(count, work):
    """`work` in `count` threads that switch as often as they can; what they raised."""
    raised, start, before = [], threading.Barrier(count), sys.getswitchinterval()

    def run(k):
        try:
            start.wait(timeout=30)
            work(k)
        except BaseException as error:  # must reach the main thread
            raised.append(error)

    threads = [threading.Thread(target=run, args=(k,), daemon=True) for k in range(count)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=800)
    finally:
        sys.setswitchinterval(before)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return raised


SLOW = [pytest.mark.slow, pytest.mark.timeout(900)]
COUNTS = [60, pytest.param(length(1000, 10**4), marks=SLOW)]


@pytest.mark.parametrize("count", COUNTS)
def test_eight_threads_answer_as_one(count):
    period = 12 * 5 * len(MIXED) * 7
    want = {k: step(k, *made()) for k in random.Random(0).sample(range(period), min(count, 300))}
    shared, wrong = made(), []

    def work(thread):
        for k in random.Random(thread).choices(list(want), k=count):
            if step(k, *shared) != want[k]:
                wrong.append((thread, k))

    assert together(8, work) == []
    assert wrong == []


@pytest.mark.threads
def test_constants_of_one_call_are_its_own():
    """Threads that change the constants of one callable: every answer is of the array that was given."""
    f, wrong = ed.compile(A @ x, constants=["A"]), []

    def work(k):
        a = np.full((2, 3), k)
        wrong.extend(k for _ in range(40) if f(A=a, x=np.ones(3, int)).tolist() != [3 * k, 3 * k])

    assert together(8, work) == []
    assert wrong == []


@pytest.mark.threads
def test_dense_and_structured_at_once():
    """Both are kept with the expression; neither is lost while the other is put there."""
    for _ in range(20):
        J = ed.derive(A @ B, "A")
        at = {"B": np.ones((2, 2), int), "A": np.ones((2, 2), int)}
        assert together(8, lambda k, J=J, at=at: ed.evaluate(J, at, dense=k % 2 == 0)) == []


# ---- processes
def answers():
    shared, constant = made()
    return [step(k, shared, constant) for k in range(60)]


def told(queue, given):
    """In a child: what was inherited (fork) or is made anew (spawn), and the arrays that were sent."""
    queue.put((answers(), ed.evaluate(ed.derive("ij,j->i", "A"), B=given, sizes={"i": 2}).tolist()))


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
# JAX warns of forks, where another test has loaded it.
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_children_answer_as_the_parent(kind):
    want, given = answers(), np.arange(3)
    context = multiprocessing.get_context(kind)
    queue = context.Queue()
    child = context.Process(target=told, args=(queue, given))
    child.start()
    found = queue.get(timeout=60)
    child.join(timeout=60)
    assert child.exitcode == 0
    assert found == (want, ed.evaluate(ed.derive("ij,j->i", "A"), B=given, sizes={"i": 2}).tolist())


FORKING = """
import os, sys, threading, time
sys.path.insert(0, {tests!r})
from test_threads import made, step
sys.setswitchinterval(1e-6)
shared, want = made(), [step(k, *made()) for k in range(60)]
stop = threading.Event()
def work(seed):
    k = seed
    while not stop.is_set():
        assert step(k % 60, *shared) == want[k % 60]
        k += 7
threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(4)]
for t in threads: t.start()
for _ in range({forks}):
    time.sleep(0.003)
    if (pid := os.fork()) == 0:
        os._exit(0 if [step(k, *shared) for k in range(60)] == want else 3)
    until = time.monotonic() + 60  # of a machine that does other things too
    while (done := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until:
            os.kill(pid, 9)
            sys.exit("a child hangs")
        time.sleep(0.001)
    assert done[1] == 0, done
stop.set()
for t in threads: t.join(30)
print("none hangs")
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("forks", [length(12, 200)])
def test_forks_while_threads_derive(forks):
    """The package holds no locks that a child could inherit held."""
    text = FORKING.format(tests=str(Path(__file__).parent), forks=forks)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text],
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "none hangs"), done.stderr


# ---- interrupts
INTERRUPTED = """
import random, signal, sys
sys.path.insert(0, {tests!r})
from test_threads import made, step
import einderiv as ed
r, shared, count = random.Random({seed}), made(), 0
want = {{k: step(k, *made()) for k in range(0, 2000, 13)}}
keys, before = list(want), repr(ed.limits)
def bound_to_fail():
    with ed.limits.override(order=3, operands=50):
        step(r.choice(keys), *shared)
while count < {count}:
    try:
        signal.setitimer(signal.ITIMER_REAL, r.uniform(1e-5, 4e-3), 1)  # again: one may be lost in a finalizer
        while True:
            bound_to_fail() if r.random() < 0.2 else step(r.choice(keys), *shared)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        count += 1
    if count % 20 == 0:
        k = r.choice(keys)
        assert step(k, *shared) == want[k], k
wrong = [k for k in keys if step(k, *shared) != want[k]]
print(count, wrong, repr(ed.limits) == before)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [length(1000, 10**4)])
def test_interrupts_leave_right_answers(count):
    text = INTERRUPTED.format(tests=str(Path(__file__).parent), seed=0, count=count)
    text = "import signal\nsignal.signal(signal.SIGALRM, signal.default_int_handler)\n" + text
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=800, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, f"{count} [] True"), done.stderr[-2000:]


# ---- memory
def distinct(k):
    """Number `k` of as many expressions as one likes: other names, sizes and numbers, derived, compiled, evaluated."""
    n = 1 + k % 5
    e = ed.einsum("ij,j->i", f"A{k}", f"x{k}") * (k + 1)
    J = ed.derive(e, f"A{k}")
    at = {f"x{k}": np.ones(n, int), f"A{k}": np.ones((2 + k % 7, n), int)}
    assert ed.compile(J)(at)[0, 0, 0] == k + 1
    assert ed.evaluate(e, at)[0] == n * (k + 1)


def resident():
    """Bytes of this process, once what the allocator can give back is given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def watched(count):
    """The bytes of this process after each quarter of `count` expressions."""
    for k in range(1500):  # fills the caches that are bounded
        distinct(k)
    seen = [resident()]
    for k in range(count):
        distinct(1500 + k)
        if (k + 1) % (count // 4) == 0:
            seen.append(resident())
    print(*seen)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [length(6000, 10**5)])
def test_memory_stays_flat(count):
    """In a process of its own: what other tests have left here would be looked through, and given back, meanwhile."""
    done = subprocess.run(
        [sys.executable, "-c", f"import test_threads; test_threads.watched({count})"],
        check=False,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = list(map(int, done.stdout.split()))
    assert seen[-1] - seen[1] < 3 * 2**20, seen
