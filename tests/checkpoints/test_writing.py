from __future__ import annotations

import errno
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from soupwidgets import CheckpointError, Pool, Recipe, save_mixture
from soupwidgets.checkpoints import TensorInfo, atomic_path, write_checkpoint, write_stream
from soupwidgets.methods import ties


def test_failure_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "x.txt"
    with atomic_path(target) as path:
        path.write_text("old")

    def fail_half_way() -> None:
        with atomic_path(target) as path:
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["x.txt"]


def test_through_a_link_and_with_the_permissions_that_were_there(tmp_path: Path) -> None:
    real, link, dangling = tmp_path / "real.txt", tmp_path / "link.txt", tmp_path / "dangling.txt"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    dangling.symlink_to(tmp_path / "made.txt")
    for path in (link, dangling):
        with atomic_path(path) as temporary:
            temporary.write_text("new")
        assert path.is_symlink()
    assert real.read_text() == (tmp_path / "made.txt").read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def write(path: Path) -> None:
    write_stream(path, {"w": TensorInfo((10_000,), torch.float32)}, values=[("w", torch.ones(10_000))], card={})


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_devices_pipes_and_folders_stay(tmp_path: Path, ending: str) -> None:
    pipe, folder, null = tmp_path / f"pipe{ending}", tmp_path / f"folder{ending}", tmp_path / f"null{ending}"
    os.mkfifo(pipe)
    folder.mkdir()
    null.symlink_to("/dev/null")
    for path, words in (
        (pipe, "a device or pipe"),
        (null, "a device or pipe"),
        (folder, "there is a folder of that name already"),
    ):
        before = path.stat().st_mode
        for attempt in (write, lambda path: write_checkpoint(path, {"w": torch.ones(2)}, {})):
            with pytest.raises(CheckpointError, match=f"{path.name}: cannot be written .*{words}"):
                attempt(path)
        assert path.stat().st_mode == before
    assert {path.name for path in tmp_path.iterdir()} == {pipe.name, folder.name, null.name}


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_a_full_disk_is_a_sentence_and_leaves_the_old_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"soup{ending}"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match=r"soup.*: cannot be written \(File too large\)"):
            write(path)
        with pytest.raises(CheckpointError, match=r"soup.*: cannot be written \(File too large\)"):
            write_checkpoint(path, {"w": torch.ones(10_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_write_that_failed_meanwhile_is_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says once that the disk lost something: here to the flush while the rest is made."""
    path = tmp_path / "soup.safetensors"
    path.write_text("old")
    told = threading.Event()

    def fails_once(descriptor: int) -> None:
        if not told.is_set():
            told.set()
            raise OSError(errno.EIO, "Input/output error")

    def values() -> Iterator[tuple[str, torch.Tensor]]:
        assert told.wait(timeout=20)
        yield "w", torch.ones(3)

    monkeypatch.setattr(os, "fsync", fails_once)
    with pytest.raises(CheckpointError, match=r"soup.*: cannot be written \(Input/output error\)"):
        write_stream(path, {"w": TensorInfo((3,), torch.float32)}, values=values(), card={})
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(CheckpointError, match="cannot be written"):
        write(tmp_path / "file" / "soup.safetensors")


def test_a_soup_replaces_a_file_only_when_it_is_told_to(tiny_pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "soup.safetensors"
    recipe = Recipe({"ft-a": 1})
    save_mixture(tiny_pool, recipe, path, progress=False)
    content = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"soup\.safetensors: there is a file already; overwrite=True"):
        save_mixture(tiny_pool, Recipe({"ft-b": 1}), path, progress=False)
    with pytest.raises(CheckpointError, match="overwrite=True"):
        ties(tiny_pool, path, progress=False)
    assert path.read_bytes() == content
    save_mixture(tiny_pool, Recipe({"ft-b": 1}), path, progress=False, overwrite=True)
    assert path.read_bytes() != content
    ties(tiny_pool, path, progress=False, overwrite=True)
