from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, alpha_sweep, wise_ft
from soupwidgets.evaluation.numbers import known_scores, score, stream_score
from soupwidgets.evaluation.precision import _chosen
from soupwidgets.evaluation.speeds import Speeds, Way
from soupwidgets.models.products import FUSED_TYPES
from soupwidgets.suites import ArraySplit
from tests.command import run
from tests.fixtures import ROOT, SUITE, ZOO


@pytest.mark.slow
def test_every_prediction_of_the_zoos_sweep_is_that_of_float32(
    pool: Pool, suite: Suite, small_suite: Suite, zoo_store: Store, tmp_path: Path
) -> None:
    """Takes 15 s: three recipes on all 25,000 images, of which one is far outside of the path, in both precisions.

    Processors without products of bfloat16 need minutes for that, and are never given it by "auto": they see the first
    images of each split.
    """
    if torch.bfloat16 not in FUSED_TYPES:
        suite = small_suite
    exact = Evaluator(pool, suite, device="cpu", store=zoo_store, precision="float32")
    for alpha in (0.0, 0.5, 1.6):
        recipe = wise_ft(pool, "ft-03", alpha=alpha)
        expected = exact.evaluate(recipe)
        fresh = Evaluator(pool, suite, device="cpu", store=Store(tmp_path), precision="bfloat16")
        found = fresh.evaluate(recipe)
        assert {score.precision for score in found.scores.values()} == {"bfloat16"}
        # Of few images the 128 that the audit learns from are many.
        most = 1.3 if suite is not small_suite else 2
        assert fresh.forward_images < most * sum(len(split) for split in suite.splits.values())
        for name, split in suite.splits.items():
            ours, theirs = found.split_logits(name), expected.split_logits(name)
            assert np.array_equal(ours.argmax(axis=1), theirs.argmax(axis=1)), name
            assert not np.array_equal(ours, theirs)
            assert found[name].correct == int((theirs.argmax(axis=1) == split.labels).sum())
            assert found[name].loss == pytest.approx(expected[name].loss, rel=0.005)


@pytest.mark.parametrize("kind", ["resnet", "text"])
def test_other_networks_too(kind: str, tmp_path: Path) -> None:
    folder = {"resnet": SUITE, "text": ROOT / "data" / "suites" / "text"}[kind]
    pool, suite = Pool.open(ROOT / "data" / "zoo" / kind), Suite.open(folder)
    split = suite.validation
    some = {"val": slice(600), "test": slice(600, 1000)}
    splits = {
        name: ArraySplit(name, {kind: array[rows] for kind, array in split.examples.items()}, split.labels[rows])
        for name, rows in some.items()
    }
    few = Suite.of("few", splits, classes=suite.classes)
    names = pool.fine_tuned[:2]
    recipe = Recipe(dict.fromkeys(names, 0.5))
    settings = {"device": "cpu", "batch_norm": "average"}
    exact = Evaluator(pool, few, store=Store(tmp_path / "a"), precision="float32", **settings).evaluate(recipe)
    found = Evaluator(pool, few, store=Store(tmp_path / "b"), precision="bfloat16", **settings).evaluate(recipe)
    assert np.array_equal(found.split_logits("val").argmax(axis=1), exact.split_logits("val").argmax(axis=1))
    assert not np.array_equal(found.split_logits("val"), exact.split_logits("val"))


def test_float32_in_the_store_answers_and_bfloat16_is_told(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    store = Store(tmp_path)
    half = Evaluator(tiny_pool, small_suite, device="cpu", store=store, precision="bfloat16")
    exact = Evaluator(tiny_pool, small_suite, device="cpu", store=store, precision="float32")
    rough = half.evaluate("ft-a", ["val"])
    assert "Computed in bfloat16" in repr(rough)
    assert "Computed in bfloat16" in rough._repr_html_()
    # What was computed in bfloat16 is no answer to somebody who wants float32.
    assert exact.stored("ft-a", ["val"]) is None
    assert half.stored("ft-a", ["val"]) == rough
    assert [one.recipe for one in half.measured(["val"])] == [Recipe({"ft-a": 1})]
    assert exact.measured(["val"]) == []
    sure = exact.evaluate("ft-a", ["val"])
    assert sure["val"].precision == "float32"
    assert "bfloat16" not in repr(sure)
    images = half.forward_images
    assert half.evaluate("ft-a", ["val"])["val"].precision == "float32"
    assert [one["val"].precision for one in half.measured(["val"])] == ["float32"]
    assert half.forward_images == images


def test_coarse_scores_come_first_and_the_last_one_is_audited(
    tiny_pool: Pool, small_suite: Suite, tmp_path: Path
) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="bfloat16")
    seen = [evaluation["val"].seen for evaluation in ev.stream("ft-b", ["val"])]
    assert seen == [64, 320, 400]
    assert ev.evaluate("ft-b", ["val"]).logits["val"].shape == (400, 10)


def test_lost_logits_are_measured_again(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="bfloat16")
    found = ev.evaluate("ft-a", ["val"])
    before = found.split_logits("val")
    for file in tmp_path.rglob("*.npy"):
        file.unlink()
    with pytest.warns(UserWarning, match="lost|missing|no such|cannot"):
        again = found.split_logits("val")
    assert np.array_equal(again.argmax(axis=1), before.argmax(axis=1))


def test_what_depends_on_more_than_classes_is_float32(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    ev = Evaluator(tiny_pool, small_suite.scored_by("auroc"), device="cpu", store=Store(tmp_path), precision="bfloat16")
    assert ev.evaluate("ft-a", ["val"])["val"].precision == "float32"
    ev = Evaluator(
        tiny_pool, small_suite.scored_by("macro_f1"), device="cpu", store=Store(tmp_path), precision="bfloat16"
    )
    assert ev.evaluate("ft-a", ["val"])["val"].precision == "bfloat16"


def test_auto_takes_what_is_clearly_faster() -> None:
    exact, half = Way("float32", False), Way("bfloat16", False)
    assert _chosen(Speeds([(exact, 1.0), (half, 0.7)]), "auto") == "bfloat16"
    assert _chosen(Speeds([(exact, 1.0), (half, 0.9)]), "auto") == "float32"
    assert _chosen(Speeds([(exact, 1.0)]), "auto") == "float32"
    assert _chosen(Speeds([(exact, 1.0), (half, 2.0)]), "bfloat16") == "bfloat16"
    with pytest.raises(ValueError, match="cannot be computed in bfloat16; use 'float32'"):
        _chosen(Speeds([(exact, 1.0)]), "bfloat16")


class OnlyFloat32(torch.nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dtype != torch.float32:
            raise RuntimeError("expected float32")
        return super().forward(inputs)


def test_a_network_that_bfloat16_breaks_is_computed_in_float32(tmp_path: Path) -> None:
    def build() -> torch.nn.Module:
        return torch.nn.Sequential(OnlyFloat32(4, 8), torch.nn.Linear(8, 3))

    torch.save(build().state_dict(), tmp_path / "one.pt")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 4)).astype(np.float32), rng.integers(0, 3, 90)
    suite = Suite.of("points", {"val": (x[:50], y[:50]), "test": (x[50:], y[50:])})
    pool = Pool.open([tmp_path / "one.pt"])
    ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"), model=build, precision="auto")
    # The tests set SOUPWIDGETS_PRECISION; this is what "auto" means without it.
    ev._wanted_precision = "auto"
    assert ev.precision == "float32"
    assert ev.evaluate("one", "val")["val"].precision == "float32"
    ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"), model=build, precision="bfloat16")
    with pytest.raises(ValueError, match=r"precision='bfloat16'.*use 'float32'"):
        ev.evaluate({"one": 0.5})


def test_precisions_have_names(
    tiny_pool: Pool, small_suite: Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="precision='half': choose auto, float32, bfloat16"):
        Evaluator(tiny_pool, small_suite, precision="half")  # type: ignore[arg-type]
    monkeypatch.setenv("SOUPWIDGETS_PRECISION", "bfloat16")
    ev = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path))
    assert ev.precision == "bfloat16"
    assert ev.with_pool(tiny_pool).precision == "bfloat16"
    monkeypatch.setenv("SOUPWIDGETS_PRECISION", "float8")
    with pytest.raises(ValueError, match="SOUPWIDGETS_PRECISION=float8: choose"):
        Evaluator(tiny_pool, small_suite)


def test_the_command_line_says_it_too(small_folder: Path, tmp_path: Path) -> None:
    options = ["--pool", str(ZOO), "--suite", str(small_folder), "--fine-tuned", "ft-03", "--alphas", "2"]
    done = run("sweep", *options, "--store", str(tmp_path / "store"), "--precision", "bfloat16")
    assert done.returncode == 0, done.stderr
    ev = Evaluator(Pool.open(ZOO), Suite.open(small_folder), store=Store(tmp_path / "store"), precision="bfloat16")
    sweep = alpha_sweep(ev, "ft-03", alphas=2, progress=False)
    assert ev.forward_images == 0
    assert {score.precision for one in sweep.evaluations.values() for score in one.scores.values()} == {"bfloat16"}


def test_points_of_a_landscape_too(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    split, recipe = small_suite.validation, Recipe({"ft-a": 0.5, "ft-b": 0.5})
    half = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="bfloat16")
    seen = [found.seen for found in stream_score(half, recipe, split)]
    assert seen == [384, 400]
    (kept,) = known_scores(half, [recipe], split)
    assert kept is not None
    assert (kept.precision, kept.load_logits) == ("bfloat16", None)
    exact = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path), precision="float32")
    assert known_scores(exact, [recipe], split) == [None]
    expected = score(exact, recipe, split)
    assert (kept.correct, kept.loss) == (expected.correct, pytest.approx(expected.loss, rel=0.01))
    assert score(half, recipe, split, images=100).precision == "float32"
