from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from soupwidgets import Suite, SuiteError
from soupwidgets.suites import Preprocess, SplitSource, add_shift, build_suite
from soupwidgets.suites import decode as decoding
from soupwidgets.suites.readers.imagenet import wordnet_ids
from tests.suites import trees

SMALL = Preprocess(size=24)


@pytest.fixture
def sources(tmp_path: Path) -> list[SplitSource]:
    root = trees.imagenet(tmp_path / "imagenet")
    trees.by_folder(tmp_path / "imagenet-r", [wordnet_ids("imagenet_r")[i] for i in (0, 5, 199)])
    trees.by_folder(tmp_path / "objectnet-1.0" / "images", ["chair", "wok"], ending=".png")
    return [
        SplitSource("validation", "imagenet", root),
        SplitSource("id_test", "imagenet", root),
        SplitSource("train", "imagenet", root),
        SplitSource("shift", "imagenet-r", tmp_path / "imagenet-r"),
        SplitSource("shift", "objectnet", tmp_path),
    ]


@pytest.mark.parametrize("resize", ["shortest", "longest", "squash"])
def test_pixels_are_those_of_open_clip(sources: list[SplitSource], tmp_path: Path, resize: str) -> None:
    suite = build_suite(
        tmp_path / "suite", sources, name=None, preprocess=Preprocess(24, resize), workers=1, progress=False
    ).suite
    own = open_clip.image_transform(24, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), resize_mode=resize)
    files = sorted((tmp_path / "imagenet" / "val").rglob("*.JPEG"))
    expected = torch.stack([own(Image.open(file).convert("RGB")) for file in files])
    assert torch.equal(torch.from_numpy(np.array(suite.id_test.images)).permute(0, 3, 1, 2) / 255, expected)
    # ObjectNet's images lose two pixels at each side before anything else.
    files = sorted((tmp_path / "objectnet-1.0").rglob("*.png"))
    cut = [Image.open(file).convert("RGB").crop((2, 2, 38, 30)) for file in files]
    expected = torch.stack([own(image) for image in cut])
    found = torch.from_numpy(np.array(suite.splits["objectnet"].images)).permute(0, 3, 1, 2) / 255
    assert torch.equal(found, expected)


@pytest.mark.slow
def test_a_built_suite_has_roles_classes_and_maps(
    sources: list[SplitSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two processes for the splits of fifteen images; a process takes seconds to start.
    monkeypatch.setattr(decoding, "_IMAGES_PER_WORKER", 7)
    monkeypatch.setattr(decoding, "_CHUNK", 4)
    built = build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=2, progress=False)
    suite = built.suite
    assert list(suite.splits) == ["val", "test", "imagenet-r", "objectnet"]
    assert suite.training is not None
    assert (len(suite.training), len(suite.validation), len(suite.id_test)) == (5, 15, 15)
    files = sorted((tmp_path / "imagenet" / "val").rglob("*.JPEG"))
    assert suite.id_test.file_names == tuple(file.name for file in files)
    assert len(suite.classes) == 1000
    assert len(suite.templates) == 80
    assert len(suite.class_names("imagenet-r")) == 200
    assert suite.class_names("objectnet")[suite.splits["objectnet"].labels[0]] == "chair"
    assert suite.id_test.image_size == (24, 24)
    assert not (tmp_path / "suite" / ".building").exists()
    assert any("995 of 1000 classes" in problem for problem in built.problems["test"])
    hashes = {name: split.content_hash for name, split in suite.splits.items()}
    # The map is a part of what a measurement is filed under.
    manifest = json.loads((tmp_path / "suite" / "suite.json").read_text())
    manifest["splits"][3]["class_map"] = manifest["splits"][3]["class_map"][::-1]
    manifest["splits"] = [e for e in manifest["splits"] if e["role"] != "train"]
    (tmp_path / "suite" / "suite.json").write_text(json.dumps(manifest))
    assert Suite.open(tmp_path / "suite").splits["objectnet"].content_hash == hashes["objectnet"]


def test_damaged_images_are_named_and_left_out(sources: list[SplitSource], tmp_path: Path) -> None:
    broken = tmp_path / "imagenet" / "val" / wordnet_ids()[7] / f"{wordnet_ids()[7]}_1.JPEG"
    whole = build_suite(tmp_path / "whole", sources, preprocess=SMALL, workers=1, progress=False).suite
    broken.write_bytes(broken.read_bytes()[:200])
    built = build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False)
    assert [problem for problem in built.problems["test"] if str(broken) in problem]
    kept = [row for row in range(15) if row != 4]
    assert np.array_equal(built.suite.id_test.images, whole.id_test.images[kept])
    assert built.suite.id_test.labels.tolist() == whole.id_test.labels[kept].tolist()
    for path in (tmp_path / "imagenet" / "val").rglob("*.JPEG"):
        path.write_bytes(b"no image")
    with pytest.raises(SuiteError, match="no image could be read"):
        build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False)


def test_a_stopped_build_goes_on(sources: list[SplitSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_CHUNK", 4)
    decoded: list[int] = []
    original = decoding._decode_chunk

    def counting(items, start, *rest):
        if len(decoded) == 5:
            raise KeyboardInterrupt
        decoded.append(start)
        return original(items, start, *rest)

    monkeypatch.setattr(decoding, "_decode_chunk", counting)
    with pytest.raises(KeyboardInterrupt):
        build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False)
    assert decoded == [0, 4, 8, 12, 0]
    again: list[int] = []
    monkeypatch.setattr(
        decoding, "_decode_chunk", lambda items, start, *rest: again.append(start) or original(items, start, *rest)
    )
    suite = build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False).suite
    # Validation and the first part of the test come from what was stopped.
    assert again[:3] == [0, 4, 8]
    monkeypatch.undo()
    fresh = build_suite(tmp_path / "fresh", sources, preprocess=SMALL, workers=1, progress=False).suite
    for name, split in fresh.splits.items():
        assert split.content_hash == suite.splits[name].content_hash


def test_what_did_not_change_is_not_decoded_again(
    sources: list[SplitSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False)
    decoded: list[str] = []
    original = decoding.decode
    monkeypatch.setattr("soupwidgets.suites.build.decode", lambda *a: decoded.append(a[3]) or original(*a))
    build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False)
    assert decoded == []
    trees.write_image(tmp_path / "imagenet-r" / wordnet_ids("imagenet_r")[9] / "new.jpg", 77)
    suite = build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False).suite
    assert decoded == ["imagenet-r"]
    assert len(suite.splits["imagenet-r"]) == 7


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    for name, classes in (("id", ["cat", "dog", "owl"]), ("fog", ["owl", "cat"]), ("odd", ["cat", "yak"])):
        trees.by_folder(tmp_path / name, classes)
    both = [SplitSource("id_test", "folder", tmp_path / "id"), SplitSource("validation", "folder", tmp_path / "fog")]
    built = build_suite(
        tmp_path / "suite", [*both, SplitSource("shift", "folder", tmp_path / "fog", "fog")],
        preprocess=SMALL, workers=1, progress=False,
    )  # fmt: skip
    suite = built.suite
    assert suite.validation.labels.tolist() == [0, 0, 2, 2]  # said in the test's classes
    assert any("1 of the test's 3 classes have no image" in p for p in built.problems["val"])
    fog = suite.splits["fog"]
    assert fog.labels.tolist() == [0, 0, 1, 1]  # its own two classes,
    assert fog.scoring.class_map is not None
    assert fog.scoring.class_map.columns == ((0,), (2,))  # each one of the test's
    with pytest.raises(SuiteError, match="'yak' is not among the 3 classes"):
        build_suite(tmp_path / "x", [*both, SplitSource("shift", "folder", tmp_path / "odd")], progress=False)
    with pytest.raises(SuiteError, match="exactly one validation split"):
        build_suite(tmp_path / "x", [*both, both[1]], progress=False)
    with pytest.raises(SuiteError, match="exactly one id_test split"):
        build_suite(tmp_path / "x", both[1:], progress=False)
    alone = build_suite(tmp_path / "alone", both[:1], preprocess=SMALL, workers=1, progress=False).suite
    assert (list(alone), alone.reference.role) == (["test"], "id_test")
    with pytest.raises(SuiteError, match="two splits are named 'folder'"):
        build_suite(tmp_path / "x", [*both, *[SplitSource("shift", "folder", tmp_path / "fog")] * 2], progress=False)
    with pytest.raises(SuiteError, match="cannot be a split's name"):
        SplitSource("shift", "folder", tmp_path, "../up")


def test_a_shift_of_ones_own(sources: list[SplitSource], tmp_path: Path) -> None:
    build_suite(tmp_path / "suite", sources, preprocess=SMALL, workers=1, progress=False)
    jitter = v2.ColorJitter(brightness=0.5, hue=0.3)
    suite = add_shift(tmp_path / "suite", "jitter", jitter, seed=3, progress=False)
    split = suite.splits["jitter"]
    assert split.role == "shift"
    assert split.labels.tolist() == suite.id_test.labels.tolist()
    torch.manual_seed(3 + 2)
    expected = jitter(torch.from_numpy(np.array(suite.id_test.images[2])).permute(2, 0, 1))
    assert np.array_equal(split.images[2], expected.permute(1, 2, 0).numpy())
    assert (split.images != suite.id_test.images).mean() > 0.5
    mirrored = add_shift(tmp_path / "suite", "mirror", v2.RandomHorizontalFlip(1), of="objectnet", progress=False)
    assert mirrored.splits["mirror"].scoring.class_map is not None
    with pytest.raises(SuiteError, match="taken"):
        add_shift(tmp_path / "suite", "jitter", jitter)
    # A manifest with such a name could never be opened again.
    with pytest.raises(SuiteError, match="cannot be the new split's name"):
        add_shift(tmp_path / "suite", "jit\x1bter", jitter)
    with pytest.raises(SuiteError, match="changed the shape"):
        add_shift(tmp_path / "suite", "crop", v2.CenterCrop(8), progress=False)
    assert not list((tmp_path / "suite").glob("crop*"))


def test_a_part_of_imagenet(sources: list[SplitSource], tmp_path: Path) -> None:
    """Five of its classes; of the shifts' classes those stay that one of the five means."""
    with pytest.raises(SuiteError, match="no image of 'imagenet-r' is of a class that the test has"):
        build_suite(tmp_path / "suite", sources, preprocess=SMALL, only_present=True, workers=1, progress=False)
    left = [source for source in sources if source.kind != "imagenet-r"]
    suite = build_suite(tmp_path / "suite", left, preprocess=SMALL, only_present=True, workers=1, progress=False).suite
    present = (0, 7, 423, 559, 999)
    assert suite.classes == tuple(open_clip.IMAGENET_CLASSNAMES[c] for c in present)
    assert suite.id_test.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    assert suite.training is not None
    assert set(suite.training.labels) == set(range(5))
    chairs = suite.splits["objectnet"]
    assert chairs.scoring.class_map is not None
    assert (suite.class_names("objectnet"), chairs.scoring.class_map.columns) == (
        ("chair", "toilet paper roll"),
        ((2, 3), (4,)),
    )
    assert chairs.labels.tolist() == [0, 0]  # the wok is left out, and no toilet paper was photographed
