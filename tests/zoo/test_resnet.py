from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from soupwidgets import Pool
from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.zoo import resnet
from soupwidgets.zoo.captions import SWAP_SHARE
from soupwidgets.zoo.raw import LabelledImages, RawData
from soupwidgets.zoo.resnet import ARCHITECTURE, build_resnet, new_resnet, normalise, resnet_models, swapped
from soupwidgets.zoo.resnet_measured import BN_IMAGES, FIRST, MEASURED, mixture, recipes, recomputed
from tests.fixtures import ROOT, SUITE

FOLDER = ROOT / "data" / "zoo" / "resnet"


@pytest.fixture(scope="module")
def measured() -> Any:
    return json.loads((FOLDER / MEASURED).read_text())


def row(measured: Any, name: str, statistics: str) -> Any:
    (found,) = [one for one in measured["models"] if (one["name"], one["statistics"]) == (name, statistics)]
    return found


def random_images(n: int) -> LabelledImages:
    rng = np.random.default_rng(0)
    return LabelledImages(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, 10, n, dtype=np.uint8))


def test_the_shipped_files_are_those_of_the_plan_and_small() -> None:
    files = sorted(FOLDER.glob("*.safetensors"))
    assert [file.stem for file in files] == sorted(one.name for one in resnet_models())
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 6e6
    weights = sum(parameter.numel() for parameter in new_resnet().parameters())
    assert weights == 319_594
    for file in files:
        tensors = load_file(file)
        assert {name: tensor.shape for name, tensor in tensors.items()} == {
            name: tensor.shape for name, tensor in new_resnet().state_dict().items()
        }
        assert all(torch.isfinite(tensor).all() for tensor in tensors.values())


def test_cards_are_complete_and_plain_json() -> None:
    assert json.loads(json.dumps(ARCHITECTURE)) == ARCHITECTURE
    for one in resnet_models():
        card = CheckpointFile(FOLDER / f"{one.name}.safetensors").card
        assert (card.name, card.role, card.note) == (one.name, one.role, one.note)
        assert card.architecture == ARCHITECTURE
        assert dict(card.hyperparameters) == asdict(one.config)
        assert card.training["data set"] == one.data
        assert card.training.get("ancestor") == (None if one.role == "landmark" else "start")


def test_the_folder_opens_as_a_pool() -> None:
    pool = Pool.open(FOLDER)
    assert pool.zero_shot == "start"
    assert pool.fine_tuned == [f"ft-{i:02}" for i in range(6)]
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer4.0.downsample.1.weight", "fc.bias"} <= (
        set(pool.tensors)
    )


def test_timm_alone_has_as_many_of_the_first_images_right_as_was_measured(measured: Any) -> None:
    images = torch.from_numpy(np.array(np.load(SUITE / "test.images.npy")[:FIRST])).float()
    labels = torch.from_numpy(np.load(SUITE / "test.labels.npy")[:FIRST].astype(np.int64))
    inputs = (images / 255 - 0.286)[:, None] / 0.353
    options = {"in_chans": 1, "layers": [1, 1, 1, 1], "channels": [16, 32, 64, 128]}
    network = timm.create_model("resnet18", num_classes=10, **options).eval()
    assert measured["first"] == {"split": "test", "images": FIRST}
    for name, recipe in recipes().items():
        files = {one: load_file(FOLDER / f"{one}.safetensors") for one in recipe}
        summed = {
            key: torch.stack([recipe[one] * files[one][key].double() for one in recipe]).sum(0)
            for key in network.state_dict()
        }
        network.load_state_dict(summed)
        with torch.inference_mode():
            right = int((network(inputs).argmax(1) == labels).sum())
        stated = row(measured, name, "averaged")
        assert stated["recipe"] == recipe
        # The sum is rounded otherwise here, which may turn an image on the edge between two classes.
        assert abs(right - stated["correct_of_first"]) <= (0 if len(recipe) == 1 else 1), name


def test_measured_counts_fit_their_splits(measured: Any) -> None:
    assert measured["images"]["val"] == 5000
    assert measured["images"]["test"] == 10_000
    assert len(measured["images"]) == 10
    # The start and the four mixtures twice: with averaged and with recomputed statistics.
    assert len(measured["models"]) == len(recipes()) + 5
    for one in measured["models"]:
        assert list(one["correct"]) == list(measured["images"])
        assert all(0 < count < measured["images"][split] for split, count in one["correct"].items())
    for path in measured["paths"]:
        ends = [row(measured, path[end], "averaged")["correct"]["val"] for end in ("from", "to")]
        assert [path["correct"]["averaged"][0], path["correct"]["averaged"][-1]] == ends
        half = path["correct"]["recomputed"][path["alphas"].index(0.5)]
        named = f"midpoint of {path['from']} and {path['to']}"
        assert half == row(measured, named, "recomputed")["correct"]["val"]


def test_statistics_are_the_mean_of_those_of_the_batches() -> None:
    images = random_images(96).images
    network = mixture(FOLDER, {"start": 0.5, "ft-00": 0.5})
    before = network.get_buffer("bn1.running_mean").clone()
    fresh = recomputed(network, images, 32)
    with torch.no_grad():
        convolved = [
            network.get_submodule("conv1")(normalise(torch.from_numpy(images[start : start + 32]).float() / 255))
            for start in (0, 32, 64)
        ]
    mean = torch.stack([x.mean((0, 2, 3)) for x in convolved]).mean(0)
    variance = torch.stack([x.var((0, 2, 3), unbiased=True) for x in convolved]).mean(0)
    torch.testing.assert_close(fresh.get_buffer("bn1.running_mean"), mean)
    torch.testing.assert_close(fresh.get_buffer("bn1.running_var"), variance)
    assert torch.equal(network.get_buffer("bn1.running_mean"), before)
    assert torch.equal(fresh.get_parameter("fc.weight"), network.get_parameter("fc.weight"))


def test_between_independent_networks_statistics_must_be_recomputed(measured: Any) -> None:
    """What the data card says, on 500 images of validation; arXiv 2211.08403 and 1803.05407."""
    images = np.load(SUITE / "val.images.npy")[:500]
    labels = torch.from_numpy(np.load(SUITE / "val.labels.npy")[:500].astype(np.int64))
    training = np.load(SUITE / "train.images.npy")[:BN_IMAGES]
    inputs = normalise(torch.from_numpy(np.array(images)).float() / 255)

    def accuracy(network: torch.nn.Module) -> float:
        with torch.inference_mode():
            return float((network(inputs).argmax(1) == labels).float().mean())

    middle = mixture(FOLDER, {"scratch-a": 0.5, "scratch-b": 0.5})
    fifth = mixture(FOLDER, {"scratch-a": 0.8, "scratch-b": 0.2})
    ends = [accuracy(mixture(FOLDER, {name: 1.0})) for name in ("scratch-a", "scratch-b")]
    assert min(ends) > 0.85
    assert accuracy(fifth) < 0.5
    assert accuracy(recomputed(fifth, training)) > 0.8
    assert accuracy(recomputed(middle, training)) < min(ends) - 0.5


def test_wrong_labels_are_as_many_as_stated_and_look_alike() -> None:
    labels = np.repeat(np.arange(10, dtype=np.uint8), 3000)
    given = swapped(labels)
    assert set(zip(labels[labels != given], given[labels != given], strict=True)) == {
        (0, 6), (6, 0), (2, 4), (4, 2), (7, 9), (9, 7),
    }  # fmt: skip
    assert (labels != given).sum() / 18_000 == pytest.approx(SWAP_SHARE, abs=0.02)
    assert np.array_equal(swapped(labels), given)


def test_a_pool_is_trained_once_and_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = random_images(64)
    monkeypatch.setattr(resnet, "read_raw", lambda _: RawData(few, few, few, few))
    plan = {one.name: one for one in resnet_models()}
    models = [
        replace(plan[name], config=replace(plan[name].config, images=64, epochs=1, batch_size=32))
        for name in ("start", "ft-05", "scratch-a")
    ]

    def built(name: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in build_resnet(tmp_path / name, models=models).iterdir()}

    first = built("one")
    assert set(first) == {"start.safetensors", "ft-05.safetensors", "scratch-a.safetensors"}
    assert built("two") == first
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "one").iterdir()}
    assert built("one") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "one").iterdir()} == times
    assert Pool.open(tmp_path / "one").fine_tuned == ["ft-05"]
    start, tuned = (load_file(tmp_path / "one" / f"{name}.safetensors") for name in ("start", "ft-05"))
    moved = max(float((start[key].float() - tuned[key].float()).abs().max()) for key in start if "weight" in key)
    # Two steps of AdamW at 1e-3: close to the start, and not at it.
    assert 0 < moved < 0.01
