"""The folder of a page that measures: what is in it, and what is refused."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soupwidgets import Evaluator
from soupwidgets.evaluation.run import SAMPLES
from soupwidgets.pool import PoolError
from soupwidgets.site import SiteError, inlined, write_engine
from soupwidgets.site.folder import LIBRARY


def files(manifest: Any) -> list[dict[str, Any]]:
    """Every file that a manifest names."""
    if isinstance(manifest, dict):
        own = [manifest] if "sha256" in manifest else []
        return own + [file for value in manifest.values() for file in files(value)]
    return [file for value in manifest for file in files(value)] if isinstance(manifest, list) else []


@pytest.fixture
def engine(tiny_evaluator: Evaluator, tmp_path: Path) -> Path:
    write_engine(tiny_evaluator, tmp_path / "engine", splits=["val", "noise"], examples=350)
    return tmp_path / "engine"


def test_the_manifest_tells_sizes_and_hashes_of_all_files(engine: Path) -> None:
    manifest = json.loads((engine / "manifest.json").read_text())
    told = files(manifest)
    for file in told:
        packed = (engine / file["file"]).read_bytes()
        content = gzip.decompress(packed) if file["file"].endswith(".gz") else packed
        assert (len(packed), len(content)) == (file["packed"], file["size"])
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    others = {"manifest.json", "engine.js", "LICENSE-fzstd.txt", "LICENSE-onnxruntime.txt"}
    assert {path.name for path in engine.iterdir()} == others | {file["file"] for file in told}


def test_images_come_in_the_evaluators_order_its_coarse_sample_first(engine: Path, tiny_evaluator: Evaluator) -> None:
    manifest = json.loads((engine / "manifest.json").read_text())
    val, noise = manifest["splits"]
    assert [(p["start"], p["stop"]) for p in val["pieces"]] == [(0, SAMPLES[0]), SAMPLES, (SAMPLES[1], 350)]
    assert (val["examples"], val["of"], noise["examples"], noise["of"]) == (350, 400, 200, 200)
    split = tiny_evaluator.suite.splits["val"]
    pixels = b"".join(gzip.decompress((engine / piece["file"]).read_bytes()) for piece in val["pieces"])
    places, labels = np.frombuffer(gzip.decompress((engine / val["places"]["file"]).read_bytes()), "<i4").reshape(2, -1)
    order = tiny_evaluator.reader(split).order[:350]
    assert places.tolist() == order.tolist()
    assert labels.tolist() == split.labels[order].tolist()
    assert pixels == split.examples["images"][order].tobytes()


def test_the_same_export_gives_the_same_bytes(engine: Path, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    write_engine(tiny_evaluator, tmp_path / "again", splits=["val", "noise"], examples=350)
    for path in engine.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_all_that_the_page_loads_can_be_within_it(engine: Path) -> None:
    found = inlined(engine)
    manifest = json.loads(base64.b64decode(found.pop("manifest.json")))
    assert set(found) == {file["file"] for file in files(manifest)}
    assert list(manifest["library"]) == ["wasm"]
    assert all(base64.b64decode(content) == (engine / name).read_bytes() for name, content in found.items())


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"checkpoints": ["ft-z"]}, PoolError, "ft-z"),
        ({"splits": ["fog"]}, KeyError, "fog"),
        ({"examples": 0}, SiteError, "at least one"),
        ({"checkpoints": []}, SiteError, "at least one"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_written(
    tiny_evaluator: Evaluator, tmp_path: Path, asked: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        write_engine(tiny_evaluator, tmp_path / "engine", **asked)
    assert not (tmp_path / "engine").exists()


def test_the_library_is_what_its_hashes_say() -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=LIBRARY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    listed = {line.split()[1] for line in (LIBRARY / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in LIBRARY.iterdir()} - {"SHA256SUMS", "README.md"}
