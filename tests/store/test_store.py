from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Store, StoreError
from soupwidgets.store import Measurement, measurement_key

LOGITS = np.arange(20, dtype=np.float32).reshape(10, 2)


def measurement(correct: int = 7) -> Measurement:
    return Measurement('{"coefficients": {}}', "val", 10, correct, 0.25)


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    Store(tmp_path).put("k", measurement(), LOGITS)
    store = Store(tmp_path)
    assert store.get(["k", "absent"]) == {"k": measurement()}
    assert np.array_equal(store.logits("k"), LOGITS)
    assert len(store) == 1
    with pytest.raises(KeyError):
        store.logits("absent")


def test_many_keys_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for i in range(3):
        store.put(f"k{i}", measurement(i), LOGITS)
    assert len(store.get(f"k{i}" for i in range(2000))) == 3


def test_a_newer_measurement_replaces_the_old(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("k", measurement(1), LOGITS)
    store.put("k", measurement(2), LOGITS + 1)
    assert store.get(["k"])["k"].correct == 2
    assert np.array_equal(store.logits("k"), LOGITS + 1)


def test_a_loss_that_is_no_number_survives(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("k", Measurement("{}", "val", 10, 0, float("nan")), LOGITS)
    assert np.isnan(store.get(["k"])["k"].loss)


def test_keys_see_every_part() -> None:
    base = measurement_key([("h", 0.5)], "arch", split_hash="split")
    assert base == measurement_key([("h", 0.5)], "arch", split_hash="split")
    others = [
        measurement_key([("h", 0.5000001)], "arch", split_hash="split"),
        measurement_key([("g", 0.5)], "arch", split_hash="split"),
        measurement_key([("h", 0.5)], "other", split_hash="split"),
        measurement_key([("h", 0.5)], "arch", split_hash="other"),
        measurement_key([("h", 0.5)], "arch", split_hash="split", precision="bfloat16"),
        measurement_key([("h", 0.5)], "arch", split_hash="split", by_tensor={"w": [("h", 0.25)]}),
    ]
    assert len({base, *others}) == 1 + len(others)


def test_lost_and_shortened_files_are_measured_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("k", measurement(), LOGITS)
    file = next(tmp_path.glob("logits/*/*.npy"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert store.get(["k"]) == {}
    file.unlink()
    assert store.get(["k"]) == {}
    store.put("k", measurement(), LOGITS)
    assert np.array_equal(store.logits("k"), LOGITS)


def test_a_flipped_bit_is_found_and_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("k", measurement(), LOGITS)
    file = next(tmp_path.glob("logits/*/*.npy"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match="evaluate the recipe again"):
        store.logits("k")
    assert store.get(["k"]) == {}


def test_a_folder_that_is_none_and_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="SOUPWIDGETS_STORE"):
        Store(tmp_path / "file" / "store")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "measurements.sqlite").write_text("this is no database" * 100)
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path / "s")


def test_default_store_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUPWIDGETS_STORE", str(tmp_path / "mine"))
    assert Store.default().folder == tmp_path / "mine"


def test_threads_write_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: store.put(f"k{i}", measurement(i % 10), LOGITS + i), range(80)))
    assert len(store.get(f"k{i}" for i in range(80))) == 80


WRITER = """
import sys, itertools, numpy as np
from soupwidgets.store import Measurement, Store
store, me = Store(sys.argv[1]), sys.argv[2]
limit = int(sys.argv[3])
for i in itertools.count() if limit == 0 else range(limit):
    logits = np.full((50, 10), i, np.float32)
    store.put(f"{me}-{i}", Measurement("{}", me, 50, i % 50, float(i)), logits)
    print(i, flush=True)
"""


def _writer(folder: Path, name: str, limit: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), name, str(limit)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_processes_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, f"w{n}", 40) for n in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    store = Store(tmp_path)
    keys = [f"w{n}-{i}" for n in range(4) for i in range(40)]
    assert len(store.get(keys)) == 160
    assert all((store.logits(f"w{n}-{i}") == i).all() for n in range(4) for i in (0, 39))


@pytest.mark.slow
def test_survives_kill_at_any_moment(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    said: dict[str, int] = {}
    for n in range(5):
        writer = _writer(tmp_path, f"w{n}", 0)
        assert writer.stdout is not None
        writer.stdout.readline()  # it writes by now
        time.sleep(float(rng.uniform(0.05, 0.4)))
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        writer.wait()
        said[f"w{n}"] = max((int(line) for line in rest[:-1] if line), default=0)
        store = Store(tmp_path)
        # All that the dead process said it had stored is there and whole, and the store still takes more.
        keys = [f"w{n}-{i}" for i in range(said[f"w{n}"] + 1)]
        assert len(store.get(keys)) == len(keys)
        for key in keys:
            assert (store.logits(key) == int(key.split("-")[1])).all()
        store.put(f"after-{n}", measurement(), LOGITS)
    assert len(Store(tmp_path).get(f"after-{n}" for n in range(5))) == 5
