"""ImageNet-M as a split: the same number wherever a metric is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from timm.data import ImageNetInfo

import soupwidgets as sw
from soupwidgets import Evaluator, Suite
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.suites import write_slice
from soupwidgets.topics.mistakes.major_split import major_split
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels, slice_score
from tests.command import run
from tests.topics.mistakes.test_released import PUBLISHED

_FOUR = [f"ILSVRC2012_val_{i:08}.JPEG" for i in (7, 2, 9, 4)]


def review(suite: Suite, rows: range) -> MultiLabels:
    labels = suite.id_test.labels
    images = {
        row: ImageLabels(frozenset({int(labels[row]), row % 10}), frozenset({(row + 3) % 10}), problematic=row == 3)
        for row in range(40)
    }
    return MultiLabels("test", images, tuple(rows))


def test_the_number_of_the_slice_on_every_axis(tiny_evaluator: Evaluator) -> None:
    suite = tiny_evaluator.suite
    multi = review(suite, range(0, 30, 3))
    ev = tiny_evaluator.with_suite(suite.with_slices([major_split(multi, suite.id_test, name="imagenet-m")]))
    sweep = sw.alpha_sweep(ev, "ft-a", alphas=3, progress=False)
    for alpha in sweep.alphas:
        said = sweep[alpha].split_logits("test").argmax(axis=1)
        wanted = slice_score(said, multi)
        score = sweep[alpha]["imagenet-m"]
        assert (score.metric, score.accuracy, score.total) == ("multi_label_top1", wanted.accuracy, 10)
        assert score.interval == pytest.approx(wanted.interval)
        assert wanted.interval == pytest.approx(tuple(stats.binomtest(wanted.right, 10).proportion_ci(method="exact")))
    assert "imagenet-m" in ev.suite.axes
    assert ood_name("imagenet-m", sweep[1.0]) == "imagenet-m (multi-label)"
    drawn = sw.alpha.figures.curves.plain(sweep, shift="imagenet-m")
    assert any("imagenet-m (multi-label)" in str(trace.get("name")) for trace in drawn.data)
    explorer = sw.widgets.AlphaExplorer(ev)
    assert "imagenet-m" in json.dumps(explorer.ask(shift="imagenet-m").to_json())


def test_what_is_no_slice_is_said(small_suite: Suite) -> None:
    test = small_suite.id_test
    for multi, why in (
        (review(small_suite, range(0)), "no image of 'test' is in the slice"),
        (review(small_suite, range(39, 42)), r"no reviewed labels for images \[40, 41\]"),
    ):
        with pytest.raises(ValueError, match=why):
            major_split(multi, test)
    with pytest.raises(ValueError, match="labels of 'test', not of 'val'"):
        major_split(review(small_suite, range(3)), small_suite.validation)


def human(names: list[str]) -> dict[str, object]:
    """In the form of human_accuracy_v3.0.0.json."""
    annotations = {names[0]: {"correct": ["n01440764"], "wrong": ["n01443537"]}, names[1]: {"unclear": ["n01484850"]}}
    return {
        "initial_annots": {**annotations, "imagenetv2/1.jpeg": {"correct": ["n01440764"]}},
        "problematic_images": {names[0]: ["occluded"]},
        "imagenet_m": [names[1], names[0], "elsewhere.JPEG"],
    }


def imagenet_like(
    tmp_path: Path,
    *,
    validation: bool = True,
    names: Sequence[str] = _FOUR,
    labels: Sequence[int] = (0, 1, 2, 999),
) -> tuple[Path, list[str]]:
    x, classes = np.zeros((len(names), 3), dtype=np.float32), [f"class {i}" for i in range(1000)]
    made = Suite.of("imagenet", {"val": (x, range(len(names))), "test": (x, labels)}, classes=classes)
    folder = made.save(tmp_path / "suite")
    manifest = json.loads((folder / "suite.json").read_text())
    manifest["splits"][1]["names"] = "names.json"
    manifest["splits"] = manifest["splits"] if validation else manifest["splits"][1:]
    (folder / "names.json").write_text(json.dumps(list(names)))
    (folder / "suite.json").write_text(json.dumps(manifest))
    return folder, list(names)


@pytest.mark.parametrize("validation", [True, False])
def test_from_the_released_files_to_a_score(tmp_path: Path, validation: bool) -> None:
    folder, names = imagenet_like(tmp_path, validation=validation)
    labels, out = tmp_path / "human.json", tmp_path / "imagenet-m.json"
    labels.write_text(json.dumps(human(names)))
    given = [str(labels), "--suite", str(folder)]
    done = run("mistakes", "split", *given, "--out", str(out), "--name", "imagenet-m")
    assert done.returncode == 0, done.stderr
    assert "2 images of test, scored by the share with an accepted label" in done.stdout
    suite = Suite.open(folder, slices=[out], choosing=validation)
    assert suite["imagenet-m"].rows.tolist() == [0, 1]  # type: ignore[attr-defined]
    assert suite["imagenet-m"].label_sets.sets == ((0,), (2,))  # type: ignore[union-attr]
    assert write_slice(tmp_path / "again.json", suite["imagenet-m"]).read_text() == out.read_text()  # type: ignore[arg-type]
    # Logits in the order of ImageNet's numbers, as they were released.
    logits = np.zeros((50_000, 1000), dtype=np.float16)
    for number, said in ((7, 0), (2, 5), (9, 2), (4, 2)):
        logits[number - 1, said] = 1
    with open(tmp_path / "soup.npz", "wb") as file:
        np.save(file, logits)
    released = ["--imagenet-logits", f"soup={tmp_path / 'soup.npz'}"]
    scored = run("mistakes", "score", *given, *released, "--json", str(tmp_path / "told.json"))
    assert scored.returncode == 0, scored.stderr
    (told,) = json.loads((tmp_path / "told.json").read_text())["models"]
    # Of the slice one of two is accepted; the problematic image counts there, and not in the accuracy.
    assert (told["major"]["right"], told["major"]["images"]) == (1, 2)
    assert told["problematic"] == 1
    assert ("The suite has no validation split" in scored.stdout) == (not validation)
    wrong = run("mistakes", "score", *given, "--imagenet-logits", "soup")
    assert "--imagenet-logits soup: expected NAME=FILE" in wrong.stderr


@pytest.mark.parametrize(("model", "right"), [("vit3b", 0), ("greedysoups", 19)])
def test_the_released_logits_on_imagenet_m(model: str, right: int, tmp_path: Path) -> None:
    """The authors' notebook says it: none, because these are mistakes of the ViT-3B, and 19 for the greedy soup."""
    labels, logits = PUBLISHED / "human_accuracy_v3.0.0.json", PUBLISHED / f"{model}.npz"
    for path in (labels, logits):
        if not path.exists():
            pytest.skip(f"the released {path.name} is not beside this repository")
    content = json.loads(labels.read_text())
    names, synsets = content["imagenet_m"], ImageNetInfo().label_names()
    # An image's own label is accepted as well where nobody reviewed it: here it is one of those that are anyway.
    said = [content["initial_annots"][name] for name in names]
    own = [synsets.index([*one.get("correct", []), *one.get("unclear", [])][0]) for one in said]
    folder, _ = imagenet_like(tmp_path, validation=False, names=names, labels=own)
    done = run("mistakes", "score", str(labels), "--suite", str(folder), "--imagenet-logits", f"m={logits}",
               "--json", str(tmp_path / "told.json"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    (told,) = json.loads((tmp_path / "told.json").read_text())["models"]
    # Section 5 of arXiv 2205.04596 counts 68 images.
    assert (told["major"]["right"], told["major"]["images"]) == (right, 68)


def test_a_review_needs_no_validation_split(small_suite: Suite) -> None:
    test = small_suite.id_test
    suite = Suite("alone", small_suite.classes, {"test": test})
    logits = np.random.default_rng(0).normal(size=(len(test), 10)).astype(np.float32)
    one = sw.diversity.Member("m", ("test",), {"test": logits}.__getitem__)
    reviewer = sw.widgets.MistakeReviewer([one], suite)
    assert reviewer.ask().tables
    reviewer.close()


def test_without_a_validation_split_nothing_is_chosen(tmp_path: Path) -> None:
    folder, _ = imagenet_like(tmp_path, validation=False)
    with pytest.raises(sw.SuiteError, match="needs exactly one split with the role 'validation', has 0"):
        Suite.open(folder)
    suite = Suite.open(folder, choosing=False)
    assert (suite.task, suite.outputs, suite.reference.name) == ("single-label", 1000, "test")
    logits = np.random.default_rng(0).normal(size=(4, 1000)).astype(np.float32)
    one = sw.diversity.Member("m", ("test",), {"test": logits}.__getitem__)
    assert one.temperature(suite) == 1
    queue = sw.mistakes.hardest([one], suite, "test")
    assert set(queue.rows) == set(np.flatnonzero(logits.argmax(axis=1) != suite.id_test.labels))
    with pytest.raises(sw.SuiteError, match="nothing else may choose anything"):
        _ = suite.validation
