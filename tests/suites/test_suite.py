from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soupwidgets import Suite, SuiteError
from soupwidgets.suites import Shift
from soupwidgets.suites.arrays import map_array
from soupwidgets.zoo.raw import DEFAULT_FOLDER, read_raw
from tests.fixtures import SUITE


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(SUITE, tmp_path / "suite")
    return tmp_path / "suite"


def edit(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "suite.json").read_text())
    for path, value in changes.items():
        *keys, last = path.split("__")
        place = manifest
        for key in keys:
            place = place[int(key) if key.isdigit() else key]
        place[last] = value
    (folder / "suite.json").write_text(json.dumps(manifest))


def test_bundled_suite(suite: Suite) -> None:
    assert len(suite.validation) == 5000
    assert len(suite.id_test) == 10_000
    assert [len(shift) for shift in suite.shifts] == [1250] * 8
    assert len(suite.classes) == 10
    assert np.bincount(suite.id_test.labels).tolist() == [1000] * 10


def test_every_test_image_is_in_one_shift(suite: Suite) -> None:
    rows = [row for shift in suite.shifts for row in shift.source.rows or ()]
    assert sorted(rows) == list(range(10_000))


def test_pixels_are_those_the_manifest_was_written_for(suite: Suite) -> None:
    manifest = json.loads((SUITE / "suite.json").read_text())
    stated = {entry["name"]: entry["sha256"] for entry in manifest["splits"]}
    assert suite.training is not None
    found = {name: split.content_hash for name, split in {**suite.splits, "train": suite.training}.items()}
    assert found == stated


def test_shift_changes_pixels_and_keeps_labels(suite: Suite) -> None:
    for shift in suite.shifts:
        clean = suite.id_test.images[np.array(shift.source.rows)]
        assert shift.images.shape == clean.shape
        assert shift.images.dtype == np.uint8
        assert (shift.images != clean).mean() > 0.1
        assert np.array_equal(shift.labels, suite.id_test.labels[np.array(shift.source.rows)])
    invert = suite.splits["invert"]
    assert np.array_equal(invert.images, 255 - suite.id_test.images[np.array(invert.source.rows)])


@pytest.mark.skipif(not DEFAULT_FOLDER.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_images_are_the_published_ones(suite: Suite) -> None:
    raw = read_raw()
    assert np.array_equal(suite.id_test.images, raw.test.images)
    assert np.array_equal(suite.validation.images, raw.validation.images)
    assert len(raw.pretraining.labels) == 30_000
    assert len(raw.fine_tuning.labels) == 25_000


def test_validation_is_memory_mapped(suite: Suite) -> None:
    assert isinstance(suite.validation.images, np.memmap)


def test_a_file_is_mapped_once_until_another_takes_its_place(tmp_path: Path) -> None:
    path, other = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(path, np.arange(6))
    first = map_array(path)
    assert map_array(path) is first
    np.save(other, np.arange(6) + 10)
    other.replace(path)
    assert map_array(path).tolist() == [10, 11, 12, 13, 14, 15]
    assert first.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_damaged_array_is_found(copy: Path) -> None:
    images = np.load(copy / "val.images.npy")
    images[17, 3, 3] ^= 1
    np.save(copy / "val.images.npy", images)
    with pytest.raises(SuiteError, match=r"val\.images\.npy: content differs"):
        _ = Suite.open(copy).validation.content_hash


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"splits__0__images": "../secret.npy"}, "not the name of a file in this folder"),
        ({"splits__0__labels": "/etc/passwd"}, "not the name of a file in this folder"),
        ({"splits__0__role": "king"}, "not a role"),
        ({"splits__0__role": "shift"}, "exactly one split with the role 'validation'"),
        ({"classes": ["a", "b"]}, "labels 0..9"),
        ({"splits__0__labels": "test.labels.npy"}, "5000 images but 10000 labels"),
        ({"splits__2__shift__corruption": "fog"}, "no corruption named 'fog'"),
        ({"splits__2__shift__uniform": {}}, "takes the parameters"),
        ({"splits__0__images": "gone.npy"}, "cannot be read"),
    ],
)
def test_bad_manifests(copy: Path, changes: dict[str, Any], message: str) -> None:
    edit(copy, **changes)
    with pytest.raises(SuiteError, match=message):
        Suite.open(copy)


def test_not_a_suite_at_all(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="is missing"):
        Suite.open(tmp_path)
    (tmp_path / "suite.json").write_text("{")
    with pytest.raises(SuiteError, match="not a readable JSON file"):
        Suite.open(tmp_path)
    (tmp_path / "suite.json").write_text("{}")
    with pytest.raises(SuiteError, match="malformed"):
        Suite.open(tmp_path)


def test_pickled_arrays_are_not_opened(copy: Path) -> None:
    np.save(copy / "val.labels.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(SuiteError, match=r"val\.labels\.npy: cannot be read as a plain"):
        Suite.open(copy)


def test_shift_round_trip() -> None:
    shift = Shift("rotate", seed=3, uniform={"degrees": (15, 40)}, either_sign=("degrees",))
    assert Shift.from_json(json.loads(json.dumps(shift.to_json()))) == shift
    with pytest.raises(ValueError, match="not a definition"):
        Shift.from_json({"corruption": "invert"})
