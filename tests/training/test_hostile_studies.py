"""Damaged and hostile files of studies and of reviews end in one kind of error, whatever is in them."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics.augmentation.study import read_augmentation_study
from soupwidgets.topics.augmentation.variants import read_variant_study
from soupwidgets.topics.review.files import export_labels, read_labels, read_session
from soupwidgets.topics.review.files import write_session as write
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
from soupwidgets.topics.spectrum.label_noise import read_label_noise_study
from soupwidgets.topics.spectrum.training_result import read_training_study
from tests.figures.test_shown import augmentation_variants
from tests.fixtures import ROOT
from tests.topics.spectrum.test_training_study import BY_HAND

STUDIES = ROOT / "data" / "studies"
VALUES: list[Any] = [
    None, True, -1, 0, 10**400, 1 << 63, 1e308, float("inf"), float("nan"), "", "x" * 3000, "\ud800", "\0", [], {},
    [[]], {"a": {}}, [None], "1" * 5000, {"": 1}, [1, 2, 3], "9" * 32,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, one in inner for found in places(one, (*path, key)))]


def spoiled(content: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    content = copy.deepcopy(content)
    *way, last = rng.choice(places(content))
    at: Any = content
    for key in way:
        at = at[key]
    if rng.random() < 0.2 and isinstance(at, dict):
        del at[last]
    else:
        at[last] = rng.choice(VALUES)
    return content


@pytest.fixture(scope="module")
def readers(small_suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Callable[..., Any]]]:
    folder = tmp_path_factory.mktemp("files")
    session = ReviewSession.create(ReviewStore(folder / "r.sqlite"), small_suite, "x")
    session.rename("Robin")
    session.judge(Judgement(Image("test", 1), correct=frozenset({1}), shared=True))
    session.take_back_record(session.fell_short("x"))
    return {
        "session": (write(folder / "s.json", session.id, session.state), read_session),
        "labels": (export_labels(session.view, small_suite.id_test).write(folder / "l.json"),
                   lambda path: read_labels(path, small_suite)),
        "augmentations": (STUDIES / "augmentations.json", read_augmentation_study),
        "variants": (augmentation_variants().write(folder / "v.json"), read_variant_study),
        "label noise": (STUDIES / "label-noise.json", read_label_noise_study),
        "trainings": (BY_HAND.write(folder / "t.json"), read_training_study),
    }  # fmt: skip


KINDS = ["session", "labels", "augmentations", "variants", "label noise", "trainings"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_of_error(kind: str, readers: dict[str, tuple[Path, Callable[..., Any]]], tmp_path: Path) -> None:
    source, read = readers[kind]
    content = json.loads(source.read_text())
    if "results" in content:
        content["results"] = content["results"][:2]
    rng = random.Random(kind)
    path = tmp_path / "x.json"
    said = []
    for _ in range(400):
        path.write_text(json.dumps(spoiled(content, rng)))
        try:
            found = read(path)
            if hasattr(found, "to_frame"):
                found.to_frame()
        except ValueError as error:
            said.append(str(error))
    assert all(text.startswith(f"{path}: ") and len(text) < 8000 for text in said)
    assert len(said) > 50


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_such_file(kind: str, readers: dict[str, tuple[Path, Callable[..., Any]]], tmp_path: Path) -> None:
    _, read = readers[kind]
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(1 << 27)
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    for path in (large, pipe, tmp_path):
        with pytest.raises(ValueError, match="not a file of at most"):
            read(path)
    with pytest.raises(ValueError, match=r"none.json"):
        read(tmp_path / "none.json")
