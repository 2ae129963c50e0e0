"""What the authors of arXiv 2205.04596 released besides reviews, in exactly their formats."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Suite
from tests.fixtures import ROOT

PUBLISHED = ROOT.parent / "shared" / "published"
# The beginning of each file, as it was released.
WNIDS = """[
  [
    "n04525305",
    "n04554684",
    1
  ],
  [
    "n01871265",
    "n02504013",
    1
  ],
  [
    "n02091467",
    "n02110185",
    3
  ]
]"""
SYNSETS = '[["vending machine", "washer", 1], ["crane", "crane", 2], ["crane", "hook", 1], ["crane", "hook", 1]]'
X = np.zeros((4, 3), dtype=np.float32)


def write(path: Path, text: object) -> Path:
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def test_confusions_by_wordnet_id_and_by_word(tmp_path: Path) -> None:
    found = sw.mistakes.read_class_confusions(write(tmp_path / "w.json", WNIDS))
    assert [(one.first, one.second, one.count) for one in found][:2] == [
        ("n02091467", "n02110185", 3), ("n04525305", "n04554684", 1),
    ]  # fmt: skip
    # By number: Norwegian elkhound and Siberian husky, vending machine and washer, tusker and Indian elephant.
    named = sw.mistakes.read_class_confusions(tmp_path / "w.json", classes=[str(i) for i in range(1000)])
    assert [(one.first, one.second) for one in named] == [("174", "250"), ("886", "897"), ("101", "385")]
    # Two classes are called crane, and a word may be confused with itself.
    words = sw.mistakes.read_class_confusions(write(tmp_path / "s.json", SYNSETS))
    assert Counter({(one.first, one.second): one.count for one in words}) == {
        ("vending machine", "washer"): 1, ("crane", "crane"): 2, ("crane", "hook"): 1,
    }  # fmt: skip
    assert len(words) == 4


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, "malformed"),
        ([["a", "b"]], "malformed"),
        ([["a", "b", 0]], "malformed"),
        ([["a", "b", True]], "malformed"),
        ([["a", 7, 1]], "malformed"),
        ([["n04525305", "n04525305", 1]], "are one class"),
        ([["n04525305", "n04554684", 1], ["n04554684", "n04525305", 1]], "are there twice"),
        ("[", "not a readable JSON"),
    ],
)
def test_other_files_are_told_apart(tmp_path: Path, content: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sw.mistakes.read_class_confusions(write(tmp_path / "c.json", content))


def test_classes_that_are_not_imagenets(tmp_path: Path) -> None:
    path = write(tmp_path / "s.json", '[["crane", "hook", 1]]')
    with pytest.raises(ValueError, match="'crane' is not the WordNet id"):
        sw.mistakes.read_class_confusions(path, classes=[str(i) for i in range(1000)])
    with pytest.raises(ValueError, match="2 names of classes were given, ImageNet has 1000"):
        sw.mistakes.read_class_confusions(path, classes=["a", "b"])


def named_suite(tmp_path: Path, names: list[str]) -> Suite:
    suite = Suite.of("part", {"val": (X, [0, 1, 2, 0]), "test": (X, [0, 1, 2, 0])}, classes=["a", "b", "c"])
    folder = suite.save(tmp_path / "suite")
    manifest = json.loads((folder / "suite.json").read_text())
    manifest["splits"][1]["names"] = "names.json"
    write(folder / "names.json", names)
    write(folder / "suite.json", manifest)
    return Suite.open(folder)


def test_logits_are_found_by_the_numbers_of_the_images(tmp_path: Path) -> None:
    # As in a folder of classes: not in the order of the numbers, and not all of them.
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in (50_000, 3, 1, 41_000)]
    suite = named_suite(tmp_path, names)
    logits = np.arange(150_000, dtype=np.float64).reshape(50_000, 3)
    # The release calls bare arrays .npz.
    with open(tmp_path / "vit3b.npz", "wb") as file:
        np.save(file, logits)
    found = sw.mistakes.read_imagenet_logits(tmp_path / "vit3b.npz", suite, split="test")
    assert found.dtype == np.float32
    assert np.array_equal(found, logits[[49_999, 2, 0, 40_999]])
    with pytest.raises(ValueError, match="the suite does not know what the images of 'val' are called"):
        sw.mistakes.read_imagenet_logits(tmp_path / "vit3b.npz", suite, split="val")
    with pytest.raises(KeyError, match="no split 'x'"):
        sw.mistakes.read_imagenet_logits(tmp_path / "vit3b.npz", suite, split="x")
    np.save(tmp_path / "few.npy", logits[:100])
    with pytest.raises(ValueError, match=r"expected logits of shape \(50000, 3\)"):
        sw.mistakes.read_imagenet_logits(tmp_path / "few.npy", suite, split="test")
    np.savez(tmp_path / "archive.npz", logits=logits[:2])
    with pytest.raises(ValueError, match=r"cannot be read as a plain \.npy array"):
        sw.mistakes.read_imagenet_logits(tmp_path / "archive.npz", suite, split="test")


@pytest.mark.parametrize("name", ["ILSVRC2012_val_00050001.JPEG", "ILSVRC2012_val_00000000.JPEG", "n0_1.JPEG"])
def test_images_that_are_not_imagenets(tmp_path: Path, name: str) -> None:
    suite = named_suite(tmp_path, [name, *(f"ILSVRC2012_val_{i:08}.JPEG" for i in (1, 2, 3))])
    np.save(tmp_path / "l.npy", np.zeros((50_000, 3), dtype=np.float32))
    with pytest.raises(ValueError, match=f"{name!r} of 'test' is no validation image of ImageNet"):
        sw.mistakes.read_imagenet_logits(tmp_path / "l.npy", suite, split="test")


@pytest.mark.parametrize("name", ["class_confusion_wnids.json", "class_confusion_synsets.json"])
def test_the_released_confusions(name: str) -> None:
    path = PUBLISHED / name
    if not path.exists():
        pytest.skip(f"the released {name} is not beside this repository")
    found = sw.mistakes.read_class_confusions(path)
    assert all(one.count >= 1 for one in found)
    assert len(found) > 400
