"""Pools and suites in object storage, against a real S3-compatible server, and what it may not do to the cache."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from soupwidgets import CheckpointError, Evaluator, Pool, Store, Suite, SuiteError
from soupwidgets.checkpoints import remote
from soupwidgets.checkpoints.remote import fetch, fetch_matching, is_url, record_of
from soupwidgets.scale.luggage import pack
from soupwidgets.scale.worker import Worker

SETTINGS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    logging.getLogger("werkzeug").disabled = True
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    before = dict(os.environ)
    os.environ |= {**SETTINGS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    yield
    os.environ.clear()
    os.environ |= before
    running.stop()


@pytest.fixture
def bucket(server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket ``zoo``, and an empty cache."""
    monkeypatch.setenv("SOUPWIDGETS_CACHE", str(tmp_path / "cache"))
    files = fsspec.filesystem("s3")
    files.invalidate_cache()
    if files.exists("zoo"):
        files.rm("zoo", recursive=True)
    files.mkdir("zoo")
    return files


@pytest.fixture
def copies(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was copied, in the order of copying."""
    made: list[str] = []
    honest = remote._copied

    def noted(files: Any, path: str, *rest: Any) -> Any:
        made.append(path)
        return honest(files, path, *rest)

    monkeypatch.setattr(remote, "_copied", noted)
    return made


def everything(names: Any) -> list[str]:
    return list(names)


def test_a_pool_and_a_suite_are_opened_from_s3_and_copied_once(
    bucket: Any, copies: list[str], tiny_pool: Pool, small_folder: Path, tmp_path: Path
) -> None:
    bucket.put(str(tiny_pool["ft-a"].path.parent) + "/", "zoo/pool/", recursive=True)
    bucket.put(f"{small_folder}/", "zoo/suite/", recursive=True)
    bucket.pipe("zoo/pool/notes.txt", b"not a weight file")
    for _ in range(2):
        pool, suite = Pool.open("s3://zoo/pool/"), Suite.open("s3://zoo/suite")
        assert pool.names == tiny_pool.names
        assert pool["ft-a"].content_hash == tiny_pool["ft-a"].content_hash
        assert suite.validation.content_hash == Suite.open(small_folder).validation.content_hash
        assert pool.opened == "sw.Pool.open('s3://zoo/pool/')"
        assert suite.opened == "sw.Suite.open('s3://zoo/suite')"
        assert len(copies) == len(set(copies)) == 3 + len(list(small_folder.iterdir()))
    assert Pool.open("s3://zoo/pool/ft-*.safetensors").names == ["ft-a", "ft-b"]
    assert Pool.open(["s3://zoo/pool/ft-b.safetensors"]).names == ["ft-b"]
    assert all(path.is_relative_to(tmp_path / "cache") for path in (pool["ft-a"].path, suite.validation.source.images))


def test_what_changes_on_the_other_side_is_copied_again_and_what_goes_goes(bucket: Any, copies: list[str]) -> None:
    bucket.pipe({"zoo/a/one": b"1", "zoo/a/two": b"22", "zoo/a/sub/three": b"333", "zoo/a/sub/sub/four": b"4"})
    folder = fetch("s3://zoo/a", everything)
    assert sorted(copies) == ["zoo/a/one", "zoo/a/sub/three", "zoo/a/two"]
    copies.clear()
    # The same length, so that size alone would not tell.
    bucket.pipe("zoo/a/two", b"33")
    bucket.rm("zoo/a/one")
    assert fetch("s3://zoo/a", everything) == folder
    assert copies == ["zoo/a/two"]
    assert (folder / "two").read_bytes() == b"33"
    assert not (folder / "one").exists()
    assert (folder / "sub" / "three").read_bytes() == b"333"


def test_a_copy_that_was_damaged_is_replaced_and_one_that_was_touched_is_not(bucket: Any, copies: list[str]) -> None:
    bucket.pipe({"zoo/a/one": b"12345", "zoo/a/two": b"67890"})
    folder = fetch("s3://zoo/a", everything)
    copies.clear()
    (folder / "one").write_bytes(b"1234!")
    (folder / "two").touch()
    fetch("s3://zoo/a", everything)
    assert copies == ["zoo/a/one"]
    assert (folder / "one").read_bytes() == b"12345"
    # A link in the place of a copy is not followed.
    outside = folder.parent / "outside"
    outside.write_bytes(b"67890")
    (folder / "two").unlink()
    (folder / "two").symlink_to(outside)
    with pytest.raises(CheckpointError, match="is a link"):
        fetch("s3://zoo/a", everything)
    assert outside.read_bytes() == b"67890"


def test_half_a_file_is_never_used(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.pipe({"zoo/a/one": b"1" * 1000, "zoo/a/two": b"2" * 1000})
    honest = bucket.get_file

    def broken(remote_path: str, local: str) -> None:
        honest(remote_path, local)
        if remote_path.endswith("two"):
            Path(local).write_bytes(b"2" * 500)

    monkeypatch.setattr(bucket, "get_file", broken)
    with pytest.raises(CheckpointError, match=r"^s3://zoo/a: two came with 500 of 1,000 bytes"):
        fetch("s3://zoo/a", everything)
    (folder,) = (Path(os.environ["SOUPWIDGETS_CACHE"]) / "remote").glob("*/a")
    assert [path.name for path in folder.iterdir()] == ["one"]
    monkeypatch.undo()
    monkeypatch.setenv("SOUPWIDGETS_CACHE", str(folder.parents[2]))
    assert (fetch("s3://zoo/a", everything) / "two").read_bytes() == b"2" * 1000


def test_a_file_that_is_replaced_while_it_is_copied_is_not_used(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.pipe("zoo/a/one", b"before")
    honest = bucket.get_file

    def late(remote_path: str, local: str) -> None:
        honest(remote_path, local)
        bucket.pipe("zoo/a/one", b"behind")

    monkeypatch.setattr(bucket, "get_file", late)
    with pytest.raises(CheckpointError, match="one was replaced while it was copied; try again"):
        fetch("s3://zoo/a", everything)


@pytest.mark.parametrize(
    "name", ["../out", "sub/..", ".source.json", "..\\out", "a" * 256, "new\nline", "nul\0", "", "a//b"]
)
def test_a_hostile_name_does_not_get_into_the_cache(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUPWIDGETS_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    memory.pipe("/hostile/fine", b"1")
    info = {"name": f"/hostile/{name}", "size": 3, "type": "file", "created": 1.0}
    listing = {"/hostile/fine": memory.info("/hostile/fine"), f"/hostile/{name}": info}
    monkeypatch.setattr(type(memory), "find", lambda *_arguments, **_options: listing)
    monkeypatch.setattr(type(memory), "get_file", lambda *_a, **_o: pytest.fail("it was asked for"))
    with pytest.raises(CheckpointError, match="is not the name of a file; rename it there"):
        fetch("memory://hostile", everything)
    assert not (tmp_path / "cache").exists()


def test_keys_that_point_out_of_their_folder_are_refused(bucket: Any, tiny_pool: Pool, tmp_path: Path) -> None:
    weights = tiny_pool["ft-a"].path.read_bytes()
    bucket.pipe({"zoo/a/ft-a.safetensors": weights, "zoo/a/..\\x.safetensors": weights, "zoo/x.safetensors": weights})
    with pytest.raises(CheckpointError, match=r"'\.\.\\\\x.safetensors' there is not the name of a file"):
        Pool.open("s3://zoo/a")
    bucket.rm("zoo/a/..\\x.safetensors")
    bucket.pipe({"zoo/a/../adapter_config.json": b"{}", "zoo/a/../adapter_model.safetensors": weights})
    with pytest.raises(CheckpointError, match=r"'\.\./adapter_\w+\.\w+' there is not the name of a file"):
        Pool.open("s3://zoo/a")
    assert not (tmp_path / "cache").exists()


def test_errors_say_what_to_do(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match=r"^s3://zoo/nothing: there is no such folder, or nothing is in it"):
        Pool.open("s3://zoo/nothing")
    with pytest.raises(SuiteError, match=r"^s3://zoo/nothing: there is no such folder"):
        Suite.open("s3://zoo/nothing")
    bucket.pipe("zoo/a/one", b"1")
    with pytest.raises(CheckpointError, match="there is no such file"):
        fetch_matching("s3://zoo/a/two")
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(CheckpointError, match=r"^gs://bucket/zoo: cannot be opened .*pip install 'gcsfs'"):
        Pool.open("gs://bucket/zoo")


def test_local_and_memory_folders_are_remote_ones_too(
    tiny_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUPWIDGETS_CACHE", str(tmp_path / "cache"))
    folder = tiny_pool["ft-a"].path.parent
    fsspec.filesystem("memory").put(f"{folder}/", "/weights/", recursive=True)
    for url in (f"file://{folder}", "memory://weights", Path("memory://weights")):
        assert is_url(url)
        pool = Pool.open(url)
        assert {n: pool[n].content_hash for n in pool} == {n: tiny_pool[n].content_hash for n in tiny_pool}
        assert pool["ft-a"].path.is_relative_to(tmp_path / "cache")


def test_a_worker_without_the_copies_fetches_its_own(
    bucket: Any, copies: list[str], tiny_pool: Pool, small_folder: Path, tmp_path: Path
) -> None:
    bucket.put(str(tiny_pool["ft-a"].path.parent) + "/", "zoo/pool/", recursive=True)
    bucket.put(f"{small_folder}/", "zoo/suite/", recursive=True)
    ev = Evaluator(
        Pool.open("s3://zoo/pool"), Suite.open("s3://zoo/suite"), device="cpu", store=Store(tmp_path / "store")
    )
    packed = pack(ev.pool, ev.suite, {"device": "cpu", "model": ev.architecture})
    here = ev.evaluate("ft-a", "val")["val"]
    (tmp_path / "cache" / "remote").rename(tmp_path / "of-the-driver")
    copies.clear()
    worker = Worker(lambda: packed, "box", 1, lambda: False)
    *_, (found, _, _) = worker.measure(
        '{"coefficients": {"ft-a": 1}}', "val", ev.key("ft-a", ev.suite["val"]), True, None
    )
    assert found == here
    assert len(copies) == 3 + len(list(small_folder.iterdir()))
    assert record_of(ev.pool["ft-a"].path.parent).url == "s3://zoo/pool"  # type: ignore[union-attr]
