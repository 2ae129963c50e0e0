"""Several processes on one store: one measures, the others wait, watch, and take over.

The processes are real ones, each of which imports torch: on a busy machine a test takes some ten seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.evaluation import stream_score
from soupwidgets.store import claims

RECIPE = Recipe({"ft-a": 1})
SPLITS = ["val", "test"]


@pytest.fixture
def ev(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    return Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "small-store"))


def images(ev: Evaluator, names: list[str]) -> int:
    return sum(len(ev.suite.splits[name]) for name in names)


FOUR = """
import json, os, sys
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.evaluation import score
from soupwidgets.store import claims
# On a busy machine a process may pause between two splits for longer than others would wait.
claims.PAUSED_PATIENCE = 1e9
pool, suite, store, out = sys.argv[1:]
children = []
for n in range(4):
    if not (pid := os.fork()):
        ev = Evaluator(Pool.open(pool), Suite.open(suite), device="cpu", store=Store(store))
        found = ev.evaluate(Recipe({"ft-a": 1}))
        numbers = score(ev, Recipe({"ft-b": 1}), ev.suite.validation)
        sums = {name: float(logits.sum()) for name, logits in found.logits.items()}
        with open(f"{out}/{n}.json", "w") as file:
            json.dump([ev.forward_images, found.to_records(), sums, numbers.correct], file)
        os._exit(0)
    children.append(pid)
sys.exit(sum(os.waitpid(pid, 0)[1] for pid in children))
"""


@pytest.mark.slow
def test_four_processes_on_a_new_store_compute_everything_once(
    tiny_pool: Pool, small_folder: Path, small_suite: Suite, tmp_path: Path
) -> None:
    folder = tiny_pool.checkpoints["ft-a"].path.parent
    arguments = [str(folder), str(small_folder), str(tmp_path / "new"), str(tmp_path)]
    subprocess.run([sys.executable, "-c", FOUR, *arguments], check=True)
    found = [json.loads((tmp_path / f"{n}.json").read_text()) for n in range(4)]
    once = sum(map(len, small_suite.splits.values())) + len(small_suite.validation)
    assert sum(forward for forward, *_ in found) == once
    assert all(rest == found[0][1:] for _, *rest in found)
    assert list((tmp_path / "new" / "claims").iterdir()) == []


HOLDER = """
import sys
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
pool, suite, store = sys.argv[1:]
ev = Evaluator(Pool.open(pool), Suite.open(suite), device="cpu", store=Store(store))
stream = ev.stream(Recipe({"ft-a": 1}), ["val", "test"])
for line in sys.stdin:
    if line.strip() == "next":
        found = next(stream)
    elif line.strip() == "close":
        stream.close()
    else:
        *_, found = stream
    print(ev.forward_images, *(score.seen for score in found.scores.values()), flush=True)
"""

Ask = Callable[[str], list[int]]


@pytest.fixture
def holder(ev: Evaluator, small_folder: Path) -> Iterator[tuple[subprocess.Popen[str], Ask]]:
    """Another process that measures `RECIPE`, step by step as it is asked to."""
    pool = ev.pool.checkpoints["ft-a"].path.parent
    arguments = [sys.executable, "-c", HOLDER, str(pool), str(small_folder), str(ev.store.folder)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, said = process.stdin, process.stdout

        def ask(words: str) -> list[int]:
            given.write(words + "\n")
            given.flush()
            return [int(word) for word in said.readline().split()]

        yield process, ask
        process.kill()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "PAUSED_PATIENCE", 1e9)
    monkeypatch.setattr(claims, "WORKING_PATIENCE", 1e9)


@pytest.mark.usefixtures("patient")
def test_a_holder_is_watched_and_when_it_is_killed_another_goes_on(
    ev: Evaluator, holder: tuple[subprocess.Popen[str], Ask]
) -> None:
    process, ask = holder
    assert ask("next") == [128, 64, 64]
    stream = ev.stream(RECIPE, SPLITS)
    assert [score.seen for score in next(stream).scores.values()] == [64, 64]
    assert ask("next") == [384, 320, 64]
    # It goes on saying how it stands, so it can be stopped at any time.
    watched = [next(stream), next(stream), next(stream)]
    assert [score.seen for score in watched[-1].scores.values()] == [320, 64]
    assert ev.forward_images == 0
    process.kill()
    *_, last = stream
    assert last.exact
    assert ev.forward_images == images(ev, SPLITS)


@pytest.mark.usefixtures("patient")
def test_a_stream_that_is_closed_hands_over_and_what_it_filed_is_taken(
    ev: Evaluator, holder: tuple[subprocess.Popen[str], Ask]
) -> None:
    _, ask = holder
    # To the end of val, and not of blur.
    while (said := ask("next"))[1] < len(ev.suite.validation):
        pass
    stream, numbers = ev.stream(RECIPE, SPLITS), stream_score(ev, RECIPE, ev.suite.splits["test"])
    assert [score.seen for score in next(stream).scores.values()] == said[1:]
    assert next(numbers).seen == said[2]
    stream.close()
    assert ask("close")[0] == said[0]
    *_, last = numbers
    assert last.exact
    assert ev.forward_images == len(ev.suite.splits["test"])
    assert ev.evaluate(RECIPE, ["val"]).exact
    assert ev.forward_images == len(ev.suite.splits["test"])


def test_a_stream_that_is_left_alone_is_taken_over_and_takes_what_was_filed(
    ev: Evaluator, holder: tuple[subprocess.Popen[str], Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ask = holder
    before = ask("next")
    monkeypatch.setattr(claims, "PAUSED_PATIENCE", 0.2)
    assert ev.evaluate(RECIPE, SPLITS).exact
    assert ev.forward_images == images(ev, SPLITS)
    assert ask("finish") == [before[0], len(ev.suite.validation), len(ev.suite.splits["test"])]


@pytest.mark.usefixtures("patient")
def test_two_evaluators_of_one_process_share_and_never_wait_for_themselves(ev: Evaluator) -> None:
    other = Evaluator(ev.pool, ev.suite, device="cpu", store=Store(ev.store.folder))
    stream = ev.stream(RECIPE, ["val"])
    assert next(stream).scores["val"].seen == 64
    # The same thread: whoever has it cannot go on meanwhile.
    done = other.evaluate(RECIPE, ["val"])
    assert other.forward_images == len(ev.suite.validation)
    *_, last = stream
    assert last.scores == done.scores
    assert ev.forward_images == 64
    # Other threads: one of them measures.
    threads = [
        threading.Thread(target=one.evaluate, args=(Recipe({"ft-b": 1}), SPLITS)) for one in (ev, ev, other, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = 64 + len(ev.suite.validation) + images(ev, SPLITS)
    assert ev.forward_images + other.forward_images == expected


def test_an_error_in_the_middle_leaves_no_claim(ev: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = ev.stream(RECIPE, ["val"])
    next(stream)
    assert len(list((ev.store.folder / "claims").iterdir())) == 1
    monkeypatch.setattr(ev.matrix, "mix", None)
    ev.computation.network.mixed = None
    with pytest.raises(TypeError) as kept:
        next(stream)
    assert list((ev.store.folder / "claims").iterdir()) == []
    del kept


@pytest.mark.parametrize(
    "words",
    [b"", b"{", b'{"seen": 0}', b"[" * 400, b'{"seen":900000,"correct":1,"loss":null,"loss_sd":null,"figure":null}'],
)
@pytest.mark.usefixtures("patient")
def test_what_a_strange_holder_says_is_not_believed(ev: Evaluator, words: bytes) -> None:
    claim = Store(ev.store.folder).claims.take(ev.key(RECIPE, ev.suite.validation))
    assert claim is not None
    claim.say(working=True, words=words)
    threading.Timer(0.3, claim.release).start()
    steps = list(ev.stream(RECIPE, ["val"]))
    assert steps[-1].exact
    assert steps[0].scores["val"].seen == 64


@pytest.mark.usefixtures("patient")
def test_where_files_cannot_be_locked_everybody_measures(ev: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = ev.stream(RECIPE, ["val"])
    next(stream)
    monkeypatch.setattr(claims, "fcntl", None)
    found: list[np.ndarray] = []
    other = Evaluator(ev.pool, ev.suite, device="cpu", store=Store(ev.store.folder))
    thread = threading.Thread(target=lambda: found.append(other.evaluate(RECIPE, ["val"]).logits["val"]))
    thread.start()
    thread.join()
    *_, last = stream
    assert np.array_equal(last.logits["val"], found[0])
