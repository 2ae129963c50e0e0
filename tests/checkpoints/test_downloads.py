"""Published names, against a real HTTP server that breaks off, lies and goes away."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from soupwidgets.checkpoints import CheckpointError, CheckpointFile, locate
from soupwidgets.checkpoints.downloads import download

CONTENT = save({"w": torch.arange(200_000, dtype=torch.float32)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "c" * 40


class Server(ThreadingHTTPServer):
    """Gives files by path; can stop in the middle of one, and counts the bytes that it gave."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.break_after: int | None = None
        self.sent = 0
        self.ranges: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        content = self.server.files.get(self.path)
        if content is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if wanted := self.headers.get("Range"):
            self.server.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", f'"{self.server.etags.get(self.path, SHA256)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if body:
            part = content[start:]
            if self.server.break_after is not None:
                part, self.server.break_after = part[: self.server.break_after], None
            self.server.sent += len(part)
            self.wfile.write(part)
            self.wfile.flush()
            if len(part) < len(content) - start:
                self.connection.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_a_download_goes_on_where_it_was_broken_off(server: Server, tmp_path: Path) -> None:
    url = f"{server.address}/weights-{SHA256[:8]}.safetensors"
    server.files[f"/weights-{SHA256[:8]}.safetensors"] = CONTENT
    server.break_after = 300_000
    with pytest.raises(
        CheckpointError, match=r"not in the cache and cannot be downloaded .*HF_HOME, SOUPWIDGETS_CACHE"
    ):
        download(url, SHA256, folder=tmp_path)
    path = download(url, SHA256, folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=300000-"]
    assert server.sent == len(CONTENT)
    # What is there is not asked for again, also without a network.
    server.files.clear()
    assert download(url, SHA256, folder=tmp_path) == path


def test_a_part_that_was_whole_is_finished(server: Server, tmp_path: Path) -> None:
    server.files["/w.bin"] = CONTENT
    url = f"{server.address}/w.bin"
    path = download(url, "", folder=tmp_path)
    path.rename(path.with_name("w.bin.part"))
    assert download(url, SHA256, folder=tmp_path).read_bytes() == CONTENT
    assert server.sent == len(CONTENT)


def test_other_content_is_removed(server: Server, tmp_path: Path) -> None:
    server.files["/w.bin"] = b"something else"
    with pytest.raises(CheckpointError, match=rf"but {SHA256[:16]}\.\.\. was published; it was removed"):
        download(f"{server.address}/w.bin", SHA256, folder=tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def hub(server: Server, monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return server.address


def test_a_hub_repository_by_name(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    endpoint = hub(server, monkeypatch, tmp_path)
    # The first file that open_clip's repositories may have is not there, the second is.
    server.files["/someone/clip/resolve/main/open_clip_pytorch_model.bin"] = CONTENT
    path = locate("hf-hub:someone/clip", endpoint)
    assert path.read_bytes() == CONTENT
    server.files["/someone/clip/resolve/main/other.safetensors"] = CONTENT
    named = locate("hf-hub:someone/clip/other.safetensors", endpoint)
    assert CheckpointFile(named).tensors["w"].shape == (200_000,)
    with pytest.raises(CheckpointError, match=r"someone/clip has none of nothing\.bin; append '/' and the file's name"):
        locate("hf-hub:someone/clip/nothing.bin", endpoint)


def test_what_the_hub_gave_is_checked(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    endpoint = hub(server, monkeypatch, tmp_path)
    place = "/someone/clip/resolve/main/open_clip_model.safetensors"
    server.files[place], server.etags[place] = CONTENT, "0" * 64
    with pytest.raises(CheckpointError, match="was published; it was removed"):
        locate("hf-hub:someone/clip", endpoint)


def test_without_a_network_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Server() as gone:
        endpoint = hub(gone, monkeypatch, tmp_path)
    # The library tries again, and waits longer every time.
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with pytest.raises(
        CheckpointError, match=r"hf-hub:someone/clip: .*not in the cache.*without one, download it elsewhere"
    ):
        locate("hf-hub:someone/clip", endpoint)


def test_an_open_clip_tag(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    endpoint = hub(server, monkeypatch, tmp_path)
    server.files["/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/main/open_clip_model.safetensors"] = CONTENT
    assert locate("ViT-B-32/laion2b_s34b_b79k", endpoint).read_bytes() == CONTENT
    with pytest.raises(CheckpointError, match=r"no weights 'nonsense' of ViT-B-32; it has .*openai"):
        locate("ViT-B-32/nonsense", endpoint)


def test_paths_stay_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("runs/a.pt") == Path("runs/a.pt")
    assert locate("no-model/tag") == Path("no-model/tag")
    os.makedirs("ViT-B-32")
    Path("ViT-B-32/openai").write_bytes(b"x")
    assert locate("ViT-B-32/openai") == Path("ViT-B-32/openai")  # a file that is there is always meant itself
