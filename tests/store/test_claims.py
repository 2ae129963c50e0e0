"""One holder at a time, and nobody waits for one that is dead or asleep."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from soupwidgets.store import Claims, Store, claims


def in_another_thread(folder: Path, key: str) -> bool:
    """Whether another set of claims, as that of another process, gets it."""
    got: list[bool] = []
    thread = threading.Thread(target=lambda: got.append(Claims(folder).take(key) is not None))
    thread.start()
    thread.join()
    return got[0]


def test_one_has_it_until_it_is_released(tmp_path: Path) -> None:
    claim = Claims(tmp_path).take("k")
    assert claim is not None
    claim.say(working=True, words=b"half")
    assert claim.held
    assert not in_another_thread(tmp_path, "k")
    assert in_another_thread(tmp_path, "other")
    assert Claims(tmp_path).look("k") == b"half"
    claim.release()
    assert not claim.held
    assert list(tmp_path.iterdir()) == []
    assert Claims(tmp_path).look("k") == b""
    assert in_another_thread(tmp_path, "k")


def test_a_claim_that_nobody_has_any_more_is_released(tmp_path: Path) -> None:
    claim = Claims(tmp_path).take("k")
    assert claim is not None
    claim.say(working=True)
    assert not in_another_thread(tmp_path, "k")
    del claim
    gc.collect()
    assert in_another_thread(tmp_path, "k")


@pytest.mark.parametrize("working", [True, False])
def test_a_holder_that_does_not_move_loses_it_and_one_that_does_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, working: bool
) -> None:
    holder, other = Claims(tmp_path).take("k"), Claims(tmp_path)
    assert holder is not None

    def take() -> claims.Claim | None:
        got: list[claims.Claim | None] = []
        thread = threading.Thread(target=lambda: got.append(other.take("k")))
        thread.start()
        thread.join()
        return got[0]

    monkeypatch.setattr(claims, "PAUSED_PATIENCE", 1e9 if working else 0.0)
    monkeypatch.setattr(claims, "WORKING_PATIENCE", 0.0 if working else 1e9)
    for _ in range(3):
        # The same words again are a sign of life.
        time.sleep(0.01)
        holder.say(working=working, words=b"words")
        assert take() is None
    time.sleep(0.01)
    taken = take()
    assert taken is not None
    assert not holder.held
    assert taken.held
    # What the old holder says and does is of no consequence.
    holder.say(working=True, words=b"old")
    holder.release()
    assert taken.held
    assert other.look("k") == b""


def test_a_thread_never_waits_for_itself(tmp_path: Path) -> None:
    holder = Claims(tmp_path).take("k")
    assert holder is not None
    holder.say(working=False, words=b"left alone")
    taken = Claims(tmp_path).take("k")
    assert taken is not None
    assert not holder.held


def test_where_there_are_no_locks_everybody_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    unwritable, without = Claims(tmp_path / "file"), Claims(tmp_path)
    first = unwritable.take("k")
    assert first is not None
    assert first.held
    first.say(working=True, words=b"nobody hears it")
    assert unwritable.look("k") == b""
    first.release()
    monkeypatch.setattr(claims, "fcntl", None)
    both = without.take("k"), without.take("k")
    assert all(claim is not None and claim.held for claim in both)


HAMMER = """
import os, random, sys, time
from pathlib import Path
from soupwidgets.store.claims import Claims
claims, counter = Claims(Path(sys.argv[1]) / "claims"), Path(sys.argv[1]) / "counter"
children = []
for n in range(4):
    if not (pid := os.fork()):
        done = 0
        while done < 50:
            claim = claims.take("k")
            if claim is not None:
                value = int(counter.read_text())
                time.sleep(random.random() / 2000)
                counter.write_text(str(value + 1))
                claim.release()
                done += 1
        os._exit(0)
    children.append(pid)
sys.exit(sum(os.waitpid(pid, 0)[1] for pid in children))
"""


def test_four_processes_never_have_it_at_once(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    subprocess.run([sys.executable, "-c", HAMMER, str(tmp_path)], check=True)
    assert (tmp_path / "counter").read_text() == "200"
    assert list((tmp_path / "claims").iterdir()) == []


def test_what_the_dead_left_behind_is_cleared(tmp_path: Path) -> None:
    code = (
        "import os, sys; from soupwidgets.store import Store; c = Store(sys.argv[1]).claims.take('dead'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    store = Store(tmp_path)
    alive = store.claims.take("alive")
    assert sorted(os.listdir(tmp_path / "claims")) == ["alive", "dead"]
    assert store.claims.clear() == 1
    assert os.listdir(tmp_path / "claims") == ["alive"]
    assert alive is not None
    assert alive.held
