from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import soupwidgets as sw
from soupwidgets import Store, Suite
from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.zoo.diverse import build_diverse, diverse_models
from soupwidgets.zoo.raw import DEFAULT_FOLDER
from tests.fixtures import ROOT

ZOO = ROOT / "data" / "zoo"


def test_the_shipped_models_are_those_of_the_plan() -> None:
    shipped = {path.stem: CheckpointFile(path) for path in sorted((ZOO / "fashion-diverse").glob("*.safetensors"))}
    assert sorted(shipped) == sorted(one.name for one in diverse_models())
    for one in diverse_models():
        card = shipped[one.name].card
        assert dict(card.hyperparameters) == asdict(one.config)
        assert card.training["data set"] == one.data
        assert card.architecture == one.architecture.to_json()


def test_a_model_is_trained_once_and_the_same_again(tmp_path: Path) -> None:
    if not DEFAULT_FOLDER.exists():
        pytest.skip("no raw images on this machine (Debian: apt-get install dataset-fashion-mnist)")
    models = [
        replace(one, config=replace(one.config, images=128, epochs=1))
        for one in diverse_models()
        if one.name in ("resnet-a", "vit-styles")
    ]

    def built(name: str) -> dict[str, str]:
        folder = build_diverse(tmp_path / name, models=models)
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}

    first = built("one")
    assert set(first) == {"resnet-a.safetensors", "vit-styles.safetensors"}
    assert built("two") == first
    times = [p.stat().st_mtime_ns for p in sorted((tmp_path / "one").iterdir())]
    assert built("one") == first
    assert [p.stat().st_mtime_ns for p in sorted((tmp_path / "one").iterdir())] == times


@pytest.mark.slow
def test_models_that_were_trained_more_differently_err_more_differently(suite: Suite, zoo_store: Store) -> None:
    """arXiv 2110.12899, figures 2 and 3, on models of similar accuracy.

    Slow: twelve models on all 15,000 images of validation and test, which the significance needs.
    """
    files = [ZOO / f"fashion/{name}.safetensors" for name in ("ft-00", "ft-03", "ft-08", "other-seed")]
    models = sw.diversity.open_members(
        [*files, ZOO / "fashion-b/ft-05.safetensors", ZOO / "fashion-diverse"],
        suite, splits=["test"], store=zoo_store, progress=False,
    )  # fmt: skip
    accuracies = [one.right(suite.id_test).mean() for one in models]
    assert 0.79 < min(accuracies) < max(accuracies) < 0.88
    trend = sw.diversity.divergence_trend(sw.diversity.matrix(models, suite, progress=False))
    assert trend.levels == ("siblings", "reinit", "hyper-parameters", "architecture", "data set")
    means = [trend.inconsistency[level] for level in trend.levels]
    gains = [trend.gain[level] for level in trend.levels]
    assert means == sorted(means)
    assert gains == sorted(gains)
    assert trend.p_value < 0.01
    assert trend.gain_p_value < 0.01
