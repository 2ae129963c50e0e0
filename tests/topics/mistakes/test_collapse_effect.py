from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from soupwidgets import Suite
from soupwidgets.suites import CollapsedClasses
from soupwidgets.topics.mistakes.collapse_effect import collapse_effect, collapsed_labels
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels
from tests.command import run

CLASSES = ["bathtub", "tub", "cup"]
GIVEN = CollapsedClasses({"bathtub": ["tub"]}, source="us")


def test_by_hand() -> None:
    labels, said = np.array([0, 0, 0, 1, 2, 2]), np.array([1, 1, 2, 0, 2, -1])
    found = collapse_effect(said, labels, GIVEN, CLASSES)
    assert (found.before, found.after, found.removed, found.images) == (5, 3, 2, 6)
    assert found.pairs == (("bathtub", "tub", 2),)
    assert (found.test.only_first, found.test.only_second, found.test.difference) == (0, 2, 2 / 6)


def test_reviewed_labels_are_collapsed_too() -> None:
    images = {
        0: ImageLabels(frozenset({2}), frozenset({0}), wrong=frozenset({1})),
        1: ImageLabels(frozenset({0}), wrong=frozenset({2})),
        3: ImageLabels(frozenset({0}), problematic=True),
    }
    multi = MultiLabels("test", images, (1,))
    made = collapsed_labels(multi, GIVEN, CLASSES)
    assert made.images[0] == ImageLabels(frozenset({2}), frozenset({0, 1}))
    assert made.images[1] == ImageLabels(frozenset({0, 1}), wrong=frozenset({2}))
    assert made.major == (1,)
    labels, said = np.array([2, 0, 2, 0]), np.array([1, 2, 2, 1])
    found = collapse_effect(said, labels, GIVEN, CLASSES, multi=multi)
    # Image 2 was not reviewed, image 3 is problematic.
    assert (found.before, found.after, found.images) == (2, 1, 2)
    assert found.pairs == (("cup", "tub", 1),)
    assert (found.perhaps_before, found.perhaps_after) == (0, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    x = np.zeros((6, 3), dtype=np.float32)
    suite = Suite.of("mine", {"val": (x, np.arange(6) % 3), "test": (x, [0, 0, 0, 1, 2, 2])}, classes=CLASSES)
    return suite.save(tmp_path / "suite")


def test_the_command(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.eye(3, dtype=np.float32)[[1, 1, 2, 0, 2, 2]])
    own = {"format": "soupwidgets collapsed classes 1", "source": "us", "collapsed": [
        {"label": "bathtub", "also": ["tub"]}
    ]}  # fmt: skip
    (tmp_path / "classes.json").write_text(json.dumps(own))
    given = ["--suite", str(folder), "--logits", f"m:test={tmp_path / 'l.npy'}"]
    done = run("mistakes", "collapse", *given, "--classes", str(tmp_path / "classes.json"))
    assert done.returncode == 0, done.stderr
    assert "m: bathtub called tub (2)" in done.stdout
    assert "Collapsed by: us" in done.stdout
    told = run("mistakes", "collapse", *given, "--classes", str(tmp_path / "classes.json"), "--json", "-").stdout
    assert json.loads(told)["models"][0]["removed"] == 2
    # Classes that are not ImageNet's are not those of its list.
    failed = run("mistakes", "collapse", *given)
    assert failed.returncode != 0
    assert "of the 3 classes is called 'n02110185'" in failed.stderr
