"""What disks, people and other programs do to a store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soupwidgets.store import Measurement, Store, StoreError, StoreWarning

LOGITS = np.arange(20, dtype=np.float32).reshape(10, 2)
ONE = Measurement('{"coefficients": {}}', "val", 10, 7, 0.25)


def header(shape: str, dtype: str = "<f4") -> bytes:
    words = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    words += b" " * (117 - len(words)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(words).to_bytes(2, "little") + words


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "half a header": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"0"),
    "one bit": flip,
    "zeros of the same size": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "gone": lambda path: path.unlink(),
    "its folder gone": lambda path: shutil.rmtree(path.parent.parent),
    "huge shape": lambda path: path.write_bytes(header("(999999999999, 9)") + bytes(80)),
    "negative shape": lambda path: path.write_bytes(header("(-10, -2)") + bytes(80)),
    "objects": lambda path: path.write_bytes(header("(10, 2)", "|O") + bytes(80)),
    "nested header": lambda path: path.write_bytes(header("(" * 90) + bytes(80)),
    "not a header": lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 198),
    "a pipe": pipe,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("read_first", [True, False], ids=["read", "put"])
def test_a_damaged_array_is_replaced(tmp_path: Path, damage: Callable[[Path], object], read_first: bool) -> None:
    store = Store(tmp_path)
    store.put("k", ONE, LOGITS)
    store.put("same logits", ONE, LOGITS)
    damage(next(tmp_path.glob("logits/*/*.npy")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        if read_first:
            # Either it is not there, or it says so when it is read, once.
            if "k" in store.get(["k"]):
                with pytest.raises(StoreError, match="evaluate the recipe again"):
                    store.logits("k")
            assert store.get(["k"]) == {}
        store.put("k", ONE, LOGITS)
        assert store.get(["k"]) == {"k": ONE}
    assert np.array_equal(store.logits("k"), LOGITS)


def test_a_lost_array_is_said_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for i in range(3):
        store.put(f"k{i}", ONE, LOGITS + i)
    shutil.rmtree(tmp_path / "logits")
    with pytest.warns(StoreWarning, match=r"missing or truncated \(and 2 more\); .* measured again") as said:
        assert store.get(["k0", "k1", "k2"]) == {}
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.get(["k0", "k1", "k2"]) == {}
        assert len(store.get(["k0"], with_logits=False)) == 1


BAD_ROWS = {
    "total of text": ("total", "many"),
    "no image": ("total", 0),
    "more right than images": ("correct", 11),
    "negative": ("correct", -1),
    "loss of text": ("loss", "low"),
    "loss of bytes": ("loss", b"\xff\x00"),
    "split of bytes": ("split", b"\xff"),
    "figure no JSON": ("figure", "{"),
    "figure of another kind": ("figure", "[1, 2]"),
    "figure too deep": ("figure", "[" * 9000),
    "figure too long": ("figure", '{"a": "' + "x" * 20_000 + '"}'),
    "recipe too long": ("recipe", "x" * 16_000_001),
    "digest that leaves the folder": ("logits_sha256", "../../../etc/passwd"),
    "digest with a line": ("logits_sha256", "0" * 64 + "\n"),
    "bytes of text": ("logits_bytes", "x"),
    "spread below zero": ("loss_sd", -1.0),
    "date of bytes": ("made_at", b"\x00"),
}


@pytest.mark.parametrize(("column", "value"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
@pytest.mark.parametrize("logits", [LOGITS, None], ids=["logits", "numbers"])
def test_a_row_that_cannot_be_read_spoils_no_other(
    tmp_path: Path, column: str, value: object, logits: np.ndarray | None
) -> None:
    store = Store(tmp_path)
    store.put("good", ONE, LOGITS)
    store.put("bad", ONE, logits)
    with sqlite3.connect(tmp_path / "measurements.sqlite") as database:
        database.execute(f"UPDATE measurements SET {column} = ? WHERE key = 'bad'", (value,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        assert store.get(["good", "bad"], with_logits=False) == {"good": ONE}
        with pytest.raises(KeyError):
            store.logits("bad")
    store.recipes(["val"])
    # It is measured again, and is in nobody's way.
    store.put("bad", ONE, logits)
    assert store.get(["good", "bad"], with_logits=False) == {"good": ONE, "bad": ONE}


def test_text_that_is_none_spoils_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("good", ONE, LOGITS)
    store.put("bad", ONE, LOGITS)
    with sqlite3.connect(tmp_path / "measurements.sqlite") as database:
        database.execute("UPDATE measurements SET recipe = CAST(x'ff7b' AS TEXT) WHERE key = 'bad'")
    assert store.get(["good"]) == {"good": ONE}
    assert ONE.recipe in store.recipes(["val"])
    assert len(store.get(["good", "bad"])) == 2


def test_a_table_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "measurements.sqlite") as database:
        database.execute("CREATE TABLE measurements (a INTEGER)")
    with pytest.raises(StoreError, match=r"no store can be opened here \(no such column"):
        Store(tmp_path)


def test_a_store_that_is_deleted_in_use_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = Store(folder)
    store.put("k", ONE, LOGITS)
    shutil.rmtree(folder)
    with pytest.warns(StoreWarning, match="deleted while it was in use: it was created again"):
        assert store.get(["k"]) == {}
    store.put("k", ONE, LOGITS)
    shutil.rmtree(folder)
    with pytest.warns(StoreWarning, match="deleted"):
        store.put("l", ONE, LOGITS)
    # On the disk, not in a file that has no name any more.
    assert Store(folder).get(["k", "l"]) == {"l": ONE}


def test_what_is_written_while_the_store_is_deleted_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    store = Store(folder)
    plain = store._put
    times: list[int] = []

    def delete_afterwards(*arguments: object) -> None:
        plain(*arguments)  # type: ignore[arg-type]
        if not times:
            shutil.rmtree(folder)
        times.append(1)

    monkeypatch.setattr(store, "_put", delete_afterwards)
    with pytest.warns(StoreWarning, match="deleted"):
        store.put("k", ONE, LOGITS)
    assert len(times) == 2
    assert Store(folder).get(["k"]) == {"k": ONE}


def test_a_store_that_is_replaced_in_use_is_read(tmp_path: Path) -> None:
    Store(tmp_path / "other").put("theirs", ONE, LOGITS)
    store = Store(tmp_path / "store")
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "other").rename(tmp_path / "store")
    with pytest.warns(StoreWarning, match="replaced by another"):
        assert store.get(["theirs"]) == {"theirs": ONE}


def test_a_folder_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "logits").write_text("")
    with pytest.raises(StoreError, match=r"the store failed \(.*SOUPWIDGETS_STORE to a writable folder\."):
        store.put("k", ONE, LOGITS)
    store.put("k", ONE, None)
    store._engine.dispose()  # or else SQLite answers from memory
    (tmp_path / "measurements.sqlite").write_bytes(b"no database" * 1000)
    for act in (
        lambda: store.get(["k"]),
        lambda: len(store),
        lambda: store.recipes(["val"]),
        lambda: store.logits("k"),
    ):
        with pytest.raises(StoreError, match="the store failed"):
            act()
    assert "cannot be read" in repr(store)


FULL = """
import resource, sys, numpy as np
from soupwidgets.store import Measurement, Store, StoreError
store = Store(sys.argv[1])
one = Measurement("{}", "val", 10, 7, 0.25)
store.put("before", one, np.zeros((10, 2), np.float32))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    store.put("k", Measurement("{" + " " * 100_000 + "}", "val", 10, 7, 0.25), np.ones((10, 100), np.float32))
except StoreError as error:
    print(error)
assert store.get(["before", "k"]) == {"before": one}
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1000, 60_000], ids=["array", "database"])
def test_a_disk_without_room_is_one_sentence(tmp_path: Path, limit: int) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path), str(limit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Free some disk space" in done.stdout
    assert done.stdout.count("\n") == 1
    assert not list(tmp_path.glob("logits/*/.*"))
