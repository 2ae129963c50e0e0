"""A checkpoint stays the one that was opened: what was replaced meanwhile is neither measured nor mixed."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from soupwidgets import CheckpointError, Evaluator, Pool, PoolError, Recipe, Store
from soupwidgets.checkpoints import CARD_KEY, CheckpointFile, as_classifier, safetensors_files, stamps
from soupwidgets.mixing import PoolMatrix, mix_streamed
from soupwidgets.suites import Suite


def over(path: Path, other: Path) -> None:
    """In place: the same file with other bytes."""
    path.write_bytes(other.read_bytes())


def instead(path: Path, other: Path) -> None:
    """Another file takes its name."""
    shutil.copy(other, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)


def with_its_time(path: Path, other: Path) -> None:
    """As ``cp -p`` of a file with the same time of modification."""
    before = path.stat()
    over(path, other)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


REPLACE = pytest.mark.parametrize("replace", [over, instead, with_its_time])


@pytest.fixture
def other(tiny_pool: Pool, tmp_path: Path) -> Path:
    """A file as large as that of ft-a, with other weights."""
    path = tiny_pool.checkpoints["ft-a"].path
    metadata = {CARD_KEY: tiny_pool.checkpoints["ft-a"].metadata[CARD_KEY]}
    save_file({name: 2 * tensor for name, tensor in load_file(path).items()}, tmp_path / "other", metadata)
    assert (tmp_path / "other").stat().st_size == path.stat().st_size
    return tmp_path / "other"


@pytest.fixture(params=["written long ago", "written just now"])
def age(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "written long ago":
        monkeypatch.setattr(stamps, "_SETTLED_NS", -1)
    return str(request.param)


def changed(name: str = "ft-a.safetensors", when: str = "since it was opened") -> str:
    return re.escape(f"{name}: the file was replaced or changed {when}") + ".*Open it again"


@REPLACE
def test_between_open_and_evaluate(
    tiny_pool: Pool, other: Path, small_suite: Suite, tmp_path: Path, age: str, replace: Callable[[Path, Path], None]
) -> None:
    for known in (False, True):
        pool = Pool.open(tiny_pool.checkpoints["ft-a"].path.parent)
        path = pool.checkpoints["ft-a"].path
        if known:
            _ = pool.checkpoints["ft-a"].content_hash
        kept = path.read_bytes()
        replace(path, other)
        ev = Evaluator(pool, small_suite, device="cpu", store=Store(tmp_path / "store"))
        with pytest.raises((CheckpointError, PoolError), match=changed()):
            ev.evaluate(Recipe({"ft-a": 1}), ["val"])
        again = Evaluator(Pool.open(path.parent), small_suite, device="cpu", store=Store(tmp_path / f"store-{known}"))
        assert again.evaluate(Recipe({"ft-a": 1}), ["val"]).exact
        path.write_bytes(kept)


@REPLACE
def test_between_evaluate_and_save(
    tiny_pool: Pool, other: Path, small_suite: Suite, tmp_path: Path, age: str, replace: Callable[[Path, Path], None]
) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"))
    recipe = Recipe({"ft-a": 0.5, "zero-shot": 0.5})
    before = ev.evaluate(recipe, ["val"])
    replace(tiny_pool.checkpoints["ft-a"].path, other)
    with pytest.raises(CheckpointError, match=changed()):
        ev.save(recipe, tmp_path / "soup.safetensors", progress=False)
    assert not list(tmp_path.glob("*soup*"))
    with pytest.raises(CheckpointError, match=changed()):
        dict(mix_streamed(tiny_pool, recipe))
    # What lies in memory are still the weights that were measured.
    assert ev.evaluate(recipe, ["val"]).scores == before.scores


@REPLACE
def test_others_are_measured_beside_one_that_was_replaced(
    tiny_pool: Pool, other: Path, small_suite: Suite, tmp_path: Path, replace: Callable[[Path, Path], None]
) -> None:
    """Also where it is the first of the pool."""
    untouched = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "before"))
    expected = untouched.evaluate("ft-b", "val")["val"].correct
    pool = Pool.open(other.parent / "pool")
    assert pool.names[0] == "ft-a"
    replace(pool.checkpoints["ft-a"].path, other)
    ev = Evaluator(pool, small_suite, device="cpu", store=Store(tmp_path / "after"))
    assert ev.evaluate("ft-b", "val")["val"].correct == expected
    for recipe in ("ft-a", {"ft-a": 0.5, "ft-b": 0.5}):
        with pytest.raises(CheckpointError, match=changed()):
            ev.evaluate(recipe, "val")


@REPLACE
def test_a_row_is_what_was_hashed(
    tiny_pool: Pool, other: Path, age: str, replace: Callable[[Path, Path], None]
) -> None:
    matrix = PoolMatrix(tiny_pool, torch.device("cpu"))
    _ = tiny_pool.content_key(Recipe({"ft-a": 1, "ft-b": 1}))
    replace(tiny_pool.checkpoints["ft-a"].path, other)
    matrix.row("ft-b")
    for _ in range(2):
        with pytest.raises(CheckpointError, match=changed()):
            matrix.row("ft-a")


def test_a_row_gives_the_hash_of_what_was_read(tiny_pool: Pool, other: Path, age: str) -> None:
    expected = CheckpointFile(tiny_pool.checkpoints["ft-a"].path).content_hash
    matrix = PoolMatrix(tiny_pool, torch.device("cpu"))
    row = matrix.row("ft-a").clone()
    over(tiny_pool.checkpoints["ft-a"].path, other)
    assert tiny_pool.checkpoints["ft-a"].content_hash == expected
    assert torch.equal(matrix.row("ft-a"), row)


def test_the_cache_of_another_process_is_no_proof(
    tiny_pool: Pool, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that keeps no time of change: the stamp says nothing, and the weights are other ones."""
    path = tiny_pool.checkpoints["ft-a"].path
    monkeypatch.setattr(stamps, "_SETTLED_NS", -1)
    monkeypatch.setattr(stamps, "stamp_of", lambda status: (1, status.st_size, 0, 0))
    monkeypatch.setattr(safetensors_files, "stamp_of", stamps.stamp_of)
    first = CheckpointFile(path).content_hash
    over(path, other)
    file = CheckpointFile(path)
    assert file.content_hash == first  # as remembered
    with pytest.raises(CheckpointError, match=changed()):
        dict(file.read())


def test_a_file_is_compared_with_its_hash_once(tiny_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "_SETTLED_NS", -1)
    file = tiny_pool.checkpoints["ft-a"]
    first = dict(file.read())
    hashed: list[object] = []
    monkeypatch.setattr("soupwidgets.checkpoints.file.json.dumps", lambda value: hashed.append(value) or "")
    second = dict(file.read())
    assert hashed == []
    assert all(torch.equal(first[name], second[name]) for name in first)
    os.utime(file.path)
    with pytest.raises(CheckpointError):  # it was hashed again, with another result because of the patch
        dict(file.read())
    assert hashed


def test_a_touched_file_is_still_the_same(tiny_pool: Pool, age: str) -> None:
    file = tiny_pool.checkpoints["ft-a"]
    expected = file.content_hash
    os.utime(file.path, ns=(1, 1))
    assert len(dict(file.read())) == len(file.tensors)
    assert file.content_hash == expected == CheckpointFile(file.path).content_hash


def test_changed_while_it_is_read(tiny_pool: Pool, other: Path, age: str) -> None:
    file = tiny_pool.checkpoints["ft-a"]
    stream = file.read()
    next(stream)
    over(file.path, other)
    with pytest.raises(CheckpointError, match=changed(when="while it was read")):
        list(stream)


def test_under_other_names(tmp_path: Path, age: str) -> None:
    state = {"model.visual.proj": torch.rand(4, 4), "classification_head.weight": torch.rand(3, 4)}
    torch.save(state, tmp_path / "ft-a.pt")
    torch.save({name: tensor + 1 for name, tensor in state.items()}, tmp_path / "other.pt")
    file = as_classifier(CheckpointFile(tmp_path / "ft-a.pt"), head_bias=True)
    _ = file.content_hash
    assert len(dict(file.read())) == 3
    over(tmp_path / "ft-a.pt", tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=changed("ft-a.pt")):
        dict(file.read())


def test_one_of_several_files(tiny_pool: Pool, tmp_path: Path, age: str) -> None:
    (tmp_path / "parts").mkdir()
    for name in "ab":
        save_file({name: torch.rand(100)}, tmp_path / "parts" / f"{name}.safetensors")
    index = tmp_path / "parts" / "m.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}')
    file = CheckpointFile(index)
    _ = file.content_hash
    save_file({"b": torch.rand(100)}, tmp_path / "parts" / "b.safetensors")
    with pytest.raises(CheckpointError, match=changed("m.safetensors.index.json")):
        dict(file.read())


CUT = """
import os, sys
from soupwidgets.checkpoints import CheckpointError, CheckpointFile
for path in sys.argv[1:]:
    file = CheckpointFile(path)
    if "after" in path:
        os.truncate(path, os.path.getsize(path) // 2)
    try:
        for i, (name, tensor) in enumerate(file.read()):
            if i == 0 and "while" in path:
                os.truncate(path, 4096)
            tensor.double().sum()
    except CheckpointError as error:
        print(os.path.basename(path), error.reason, flush=True)
"""


@pytest.mark.slow
def test_a_file_that_is_cut_short_does_not_end_the_process(tmp_path: Path) -> None:
    """A process that looks at mapped memory which is no longer there is ended by the system.

    It is one of its own here, which takes seconds to load PyTorch.
    """
    state = {f"{name}.weight": torch.rand(200_000) for name in "abcd"}
    paths = [tmp_path / f"{when}-{kind}" for when in ("after", "while") for kind in ("zip", "old", "module", "safe")]
    for path in paths:
        if path.name.endswith("safe"):
            save_file(state, path)
        elif path.name.endswith("module"):
            path.write_bytes(pickle.dumps(torch.nn.Sequential(*(torch.nn.Linear(500, 500) for _ in range(4)))))
        else:
            torch.save(state, path, _use_new_zipfile_serialization=path.name.endswith("zip"))
    done = subprocess.run([sys.executable, "-c", CUT, *map(str, paths)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [line.split()[0] for line in said] == [path.name for path in paths]
    assert all("changed since it was opened" in line or "the file ends before it should" in line for line in said)
