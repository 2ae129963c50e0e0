"""Each fault is planted: the doctor names it and says what to do; without one it finds nothing."""

from __future__ import annotations

import importlib.util
import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from soupwidgets import Evaluator
from soupwidgets.doctor import Finding, checks, examine
from soupwidgets.miniature import demo
from tests.command import run


def of(name: str, tmp_path: Path) -> Finding:
    (found,) = [one for one in examine(tmp_path / "store") if one.what == name]
    return found


DATA = checks._data


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tests look at the data, and so do those of the command; the others need not."""
    monkeypatch.setattr(checks, "_data", lambda: iter(()))


def test_a_healthy_machine(tmp_path: Path) -> None:
    found = list(examine(tmp_path / "store"))
    assert [one.what for one in found if one.verdict == "bad"] == []
    assert {"Python", "torch", "threads", "GPU", "store", "extras", "port 8888", "browser"} <= {
        one.what for one in found
    }
    assert all(one.mend for one in found if one.verdict == "warning")


def test_bundled_models_measure_what_they_are_known_for() -> None:
    (found,) = DATA()
    assert found.verdict == "good", found
    # The same count by plain torch.
    pool, suite = demo()
    network = Evaluator(pool, suite, device="cpu").architecture.build()
    network.load_state_dict({name: tensor.float() for name, tensor in pool.checkpoints[pool.zero_shot].read()})
    pixels = torch.from_numpy(suite.validation.examples["images"].astype("float32")) / 255
    card = pool.architecture_card
    assert card is not None
    images = ((pixels - card["mean"]) / card["std"])[:, None].expand(-1, 3, -1, -1)
    with torch.no_grad():
        right = (network.eval()(images).argmax(1).numpy() == suite.validation.labels).sum()
    assert right == checks._RIGHT


def test_a_changed_model_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_RIGHT", 900)
    (found,) = DATA()
    assert found.verdict == "bad"
    assert "900 are expected" in found.found


def test_fewer_threads_than_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_usable_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = of("threads", tmp_path)
    assert found.verdict == "warning"
    assert "8" in found.mend


def test_more_threads_than_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    assert "OMP_NUM_THREADS" in of("threads", tmp_path).mend


def test_a_card_that_torch_cannot_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: a card'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = of("GPU", tmp_path)
    assert found.verdict == "warning"
    assert "there is one" in found.found


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _place: SimpleNamespace(free=10 << 20))
    found = of("disk (store)", tmp_path)
    assert found.verdict == "bad"
    assert "SOUPWIDGETS_STORE" in found.mend


def test_a_folder_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refuse)
    assert "nothing can be written" in of("disk (cache)", tmp_path).found


def test_a_broken_store(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "measurements.sqlite").write_bytes(b"no database" * 100)
    assert of("store", tmp_path).verdict == "bad"


def test_missing_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    gone = {"anywidget", "ray"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in gone else real(name))
    assert of("notebooks", tmp_path).mend == "pip install 'soupwidgets[lab]'"
    assert "not: cluster" in of("extras", tmp_path).found


def test_a_port_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(checks, "_PORTS", {port: "somebody"})
        assert of(f"port {port}", tmp_path).verdict == "warning"


def test_a_check_that_fails_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise RuntimeError("torn")

    monkeypatch.setattr(checks, "_torch", broken)
    assert of("torch", tmp_path).found == "RuntimeError: torn"
    assert of("browser", tmp_path)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_data", DATA)
    done = run("doctor", "--store", str(tmp_path / "store"), "--json", str(tmp_path / "found.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok    torch: " in done.stdout
    assert {one["what"] for one in json.loads((tmp_path / "found.json").read_text())} >= {"data", "browser"}
