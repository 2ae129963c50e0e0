"""The engine on networks with batch normalisation, beside counts that timm and torch made alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.evaluation import Recalibration
from soupwidgets.methods.fisher import fisher_information
from tests.fixtures import ROOT, SUITE

FOLDER = ROOT / "data" / "zoo" / "resnet"
THREE = ["ft-00", "ft-01", "ft-03"]


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool.open(FOLDER)


@pytest.fixture
def few(pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    """The zoo on 400 images a split; statistics of 128."""
    store = Store(tmp_path / "store")
    return Evaluator(pool, small_suite, device="cpu", store=store, batch_norm=Recalibration(images=128))


def counts(name: str, statistics: str) -> Any:
    models = json.loads((FOLDER / "measured.json").read_text())["models"]
    (found,) = [one for one in models if (one["name"], one["statistics"]) == (name, statistics)]
    return found


@pytest.mark.parametrize("name", ["ft-00", "scratch-a", "uniform soup"])
def test_right_answers_are_as_many_as_timm_and_torch_counted(
    name: str, pool: Pool, suite: Suite, tmp_path: Path
) -> None:
    ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"), batch_norm="average")
    stated = counts(name, "averaged")
    recipe = sw.uniform_soup(pool) if name == "uniform soup" else Recipe({name: 1})
    assert dict(recipe) == pytest.approx(stated["recipe"])
    found = ev.evaluate(recipe, "val")["val"]
    assert found.total == 5000
    # A sum of six is rounded in another order, which may turn an image on the edge between two classes.
    assert abs(found.correct - stated["correct"]["val"]) <= (1 if len(recipe) > 1 else 0)


def pixels(split: str, rows: Any) -> Tensor:
    images = torch.from_numpy(np.load(SUITE / f"{split}.images.npy")[rows]).float()
    return (images / 255 - 0.286)[:, None] / 0.353


def midpoint(*names: str) -> nn.Module:
    options = {"in_chans": 1, "layers": [1, 1, 1, 1], "channels": [16, 32, 64, 128]}
    network: nn.Module = timm.create_model("resnet18", num_classes=10, **options)
    files = [load_file(FOLDER / f"{name}.safetensors") for name in names]
    network.load_state_dict(
        {
            key: torch.stack([file[key].float() for file in files]).mean(0) if "num" not in key else tensor
            for key, tensor in files[0].items()
        }
    )
    return network


def test_recomputed_statistics_and_logits_are_those_of_torchs_own_update(
    pool: Pool, suite: Suite, tmp_path: Path
) -> None:
    once = Recalibration(images=300, seed=3)
    ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"), batch_norm=once)
    reference = midpoint("scratch-a", "scratch-b")
    # Seeded rows of the 2,000 training images, in batches of 128; the last one is shorter and weighs the same.
    rows = np.random.default_rng(3).permutation(2000)[:300]
    update_bn([pixels("train", rows[i : i + 128]) for i in (0, 128, 256)], reference)
    reference.eval()
    middle = Recipe({"scratch-a": 0.5, "scratch-b": 0.5})
    with ev.model(middle) as model, torch.no_grad():
        buffers = dict(reference.named_buffers())
        for name, tensor in model.named_buffers():
            if "running" in name:
                torch.testing.assert_close(tensor, buffers[name], rtol=1e-4, atol=1e-5)
        first = np.arange(200)
        found = model(ev.batch(suite["val"], first)[0])
        torch.testing.assert_close(found, reference(pixels("val", first)), rtol=1e-3, atol=1e-3)
    # So many that the difference between both treatments cannot be missed.
    averaged = midpoint("scratch-a", "scratch-b").eval()
    with torch.no_grad():
        assert (averaged(pixels("val", first)) - found).abs().max() > 1


# Six siblings on 400 images: greedy keeps one of them, and says so.
@pytest.mark.filterwarnings("ignore::soupwidgets.SoupWarning")
def test_soups_are_selected_learned_and_kept(few: Evaluator, tmp_path: Path) -> None:
    greedy = sw.greedy_soup(few, progress=False)
    alone = {name: few.evaluate(name, "val")["val"].accuracy for name in few.pool.fine_tuned}
    soup = few.evaluate(greedy.recipe, "val")["val"]
    assert soup.accuracy >= max(alone.values())
    learned = sw.learned_soup(few, THREE, epochs=1, batch=100, progress=False)
    assert set(learned.recipe) == set(THREE)
    assert sum(learned.recipe.values()) == pytest.approx(1)
    # Statistics that were recomputed are part of what is kept: no one else has to measure them.
    uniform = sw.uniform_soup(few.pool)
    wanted = few.evaluate(uniform, ["val", "test"])
    path = few.save(uniform, tmp_path / "soup.safetensors", progress=False)
    again = Evaluator(Pool.open([path]), few.suite, device="cpu", store=Store(tmp_path / "again"))
    assert [again.evaluate("soup", ["val", "test"])[s].correct for s in ("val", "test")] == [
        wanted[s].correct for s in ("val", "test")
    ]
    np.testing.assert_array_equal(again.evaluate("soup", "val").logits["val"], wanted.logits["val"])


def test_the_fisher_soup_weighs_by_what_each_knows(few: Evaluator, tmp_path: Path) -> None:
    path = sw.fisher_soup(few, tmp_path / "fisher.safetensors", THREE[:2], images=32, progress=False)
    found = load_file(path)["fc.weight"]
    weights = [fisher_information(few, name, images=32)["fc.weight"].double() for name in THREE[:2]]
    ends = [load_file(FOLDER / f"{name}.safetensors")["fc.weight"].double() for name in THREE[:2]]
    low, high = torch.minimum(*ends), torch.maximum(*ends)
    assert bool(((found >= low - 1e-3) & (found <= high + 1e-3)).all())
    # Where one of both knows a hundred times as much, its weight is taken.
    surer = weights[0] > 100 * weights[1]
    assert int(surer.sum()) > 10
    assert float((found - ends[0])[surer].abs().mean()) < 0.1 * float((found - ends[1])[surer].abs().mean())
    wider = Evaluator(few.pool.including(path), few.suite, device="cpu", store=few.store)
    # Averaged statistics: what somebody gets who loads the file.
    assert wider.evaluate("fisher", "val")["val"].accuracy > 0.8


def test_the_barrier_lies_between_strangers_and_not_between_siblings(few: Evaluator) -> None:
    lines = sw.landscape.barrier_matrix(
        few, ["ft-00", "ft-01", "scratch-a", "scratch-b"], points=3, progress=False
    ).lines
    assert abs(lines["ft-00", "ft-01"].barrier) < 0.02
    assert lines["scratch-a", "scratch-b"].barrier > 0.5
    assert "recomputed" in lines["scratch-a", "scratch-b"].batch_norm
    middle = few.evaluate({"scratch-a": 0.5, "scratch-b": 0.5}, "val")["val"]
    assert lines["scratch-a", "scratch-b"].errors[0.5] == 1 - middle.accuracy


def test_sharpness_is_that_of_the_hessian_of_the_plain_network(few: Evaluator) -> None:
    found = sw.landscape.sharpness(few, "ft-00", images=64, iterations=3)
    assert len(found.history) == 3
    # By autograd twice, on the same images: the same Rayleigh quotients.
    network = midpoint("ft-00").eval()
    rows = few.reader(few.suite["val"]).order[:64]
    labels = torch.from_numpy(np.load(SUITE / "val.labels.npy")[rows].astype(np.int64))
    parameters = list(network.parameters())
    loss = nn.functional.cross_entropy(network(pixels("val", rows)), labels)
    first = torch.autograd.grad(loss, parameters, create_graph=True)
    with few.model("ft-00") as model:
        names = [name for name, _ in model.named_parameters()]
    assert names == [name for name, _ in network.named_parameters()]
    generator = torch.Generator().manual_seed(0)
    vector = [torch.randn(p.shape, generator=generator) for p in parameters]
    for wanted in found.history:
        length = torch.sqrt(sum((v**2).sum() for v in vector))
        vector = [v / length for v in vector]
        product = torch.autograd.grad(first, parameters, grad_outputs=vector, retain_graph=True)
        assert wanted == pytest.approx(
            float(sum((v * p).sum() for v, p in zip(vector, product, strict=True))), rel=1e-2
        )
        vector = list(product)
