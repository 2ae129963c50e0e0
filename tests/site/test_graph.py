"""The network as a graph whose weights are inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.models import Custom, Images
from soupwidgets.site import SiteError, write_engine
from soupwidgets.site.graph import model_graph, tensor_names
from soupwidgets.site.proof import require_same_logits
from tests.fixtures import ROOT, WriteCheckpoint

PIXELS = Images(0.286, 0.353, channels=1)

MakeEvaluator = Callable[[type[nn.Module]], Evaluator]


@pytest.fixture
def made(write_checkpoint: WriteCheckpoint, small_suite: Suite, tmp_path: Path) -> MakeEvaluator:
    """An evaluator of two random checkpoints of any network."""

    def make(build: type[nn.Module]) -> Evaluator:
        for seed, name in enumerate(("a", "b")):
            torch.manual_seed(seed)
            path = write_checkpoint(name, build().state_dict())
        pool = Pool.open(path.parent)
        return Evaluator(pool, small_suite, device="cpu", store=Store(tmp_path / "store"), model=Custom(build, PIXELS))

    return make


class Flat(nn.Module):
    """Two layers of which one is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.unused = nn.Linear(784, 10), nn.Linear(3, 3)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layer(images.flatten(1))
        return logits


class WithTables(Flat):
    """Looks things up in a table that is in no checkpoint, and in one that is in each."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("reversed", torch.arange(10).flip(0), persistent=False)
        self.register_buffer("shuffled", torch.randperm(10))

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:, self.get_buffer("reversed")][:, self.get_buffer("shuffled")]


class Attending(Flat):
    """Attention that torch computes by one operation of its own, where it may."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(28, 2, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        tokens = images[:, 0]
        return super().forward(self.attention(tokens, tokens, tokens, need_weights=False)[0])


class Deciding(Flat):
    """Decides by what is in the batch, of which a trace shows one side."""

    def forward(self, images: Tensor) -> Tensor:
        logits = super().forward(images)
        return logits if len(images) < 3 else -logits


class NoOperation(Flat):
    """Computes something for which ONNX has no operation."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(torch.special.i0e(images))


def test_weights_are_inputs_and_no_two_become_one(tiny_evaluator: Evaluator) -> None:
    names = tiny_evaluator.pool.names
    graph = model_graph(tiny_evaluator, tiny_evaluator.suite.splits["val"], names)
    # Several tensors of a fresh transformer are equal: biases are zero, gains one.
    assert sorted(tensor_names(graph)) == sorted(tiny_evaluator.pool.tensors)
    assert list(graph.graph.initializer) == []
    images = next(one for one in graph.graph.input if one.name == "images")
    assert [d.dim_param or d.dim_value for d in images.type.tensor_type.shape.dim] == ["n", 28, 28]
    shapes = {one.name: tuple(d.dim_value for d in one.type.tensor_type.shape.dim) for one in graph.graph.input}
    assert all(shapes[name] == info.shape for name, info in tiny_evaluator.pool.tensors.items())


def test_the_graph_gives_the_evaluators_logits_of_a_mixture(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    split = ev.suite.splits["val"]
    recipe = Recipe({"zero-shot": 0.3, "ft-a": 0.9, "ft-b": -0.2})
    graph = model_graph(ev, split, ev.pool.names)
    weights = ev.matrix.new_buffer()
    ev.matrix.mix(recipe, weights)
    tensors = {name: view.numpy() for name, view in ev.matrix.layout.views(weights).items()}
    (found,) = ReferenceEvaluator(graph).run(None, {**tensors, "images": np.array(split.examples["images"][:30])})
    wanted = ev.in_float32().evaluate(recipe, "val").logits["val"][:30]
    assert np.allclose(found, wanted, atol=1e-4)


def test_a_tensor_that_no_pass_uses_is_no_input(made: MakeEvaluator) -> None:
    ev = made(Flat)
    graph = model_graph(ev, ev.suite.splits["val"], ["a", "b"])
    assert tensor_names(graph) == ["layer.weight", "layer.bias"]


def test_attention_is_written_as_its_products(made: MakeEvaluator) -> None:
    ev = made(Attending)
    split = ev.suite.splits["val"]
    graph = model_graph(ev, split, ["a", "b"])
    assert "attention.in_proj_weight" in tensor_names(graph)
    require_same_logits(graph, ev, split, "a")
    assert torch.backends.mha.get_fastpath_enabled()


def test_tables_are_in_the_graph_if_all_checkpoints_have_the_same(made: MakeEvaluator, tmp_path: Path) -> None:
    ev = made(WithTables)
    split = ev.suite.splits["val"]
    graph = model_graph(ev, split, ["a"])
    assert tensor_names(graph) == ["layer.weight", "layer.bias"]
    assert [one.name for one in graph.graph.initializer] == ["shuffled"]
    require_same_logits(graph, ev, split, "a")
    with pytest.raises(SiteError, match="shuffled: whole numbers that differ"):
        write_engine(ev, tmp_path / "engine")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (NoOperation, "special_i0e.*a page of recorded answers"),
        (Deciding, "decides by what is in a batch.*a page of recorded answers"),
    ],
)
def test_a_network_that_is_no_graph_is_refused_before_anything_is_written(
    made: MakeEvaluator, tmp_path: Path, build: type[nn.Module], said: str
) -> None:
    with pytest.raises(SiteError, match=said):
        write_engine(made(build), tmp_path / "engine")
    assert not (tmp_path / "engine").exists()


def test_statistics_that_are_measured_again_are_refused_and_averaged_ones_are_inputs(
    small_suite: Suite, tmp_path: Path
) -> None:
    pool = Pool.open(ROOT / "data" / "zoo" / "resnet")
    ev = Evaluator(pool, small_suite, device="cpu", store=Store(tmp_path / "store"))
    with pytest.raises(SiteError, match=r'with_batch_norm\("average"\)'):
        write_engine(ev, tmp_path / "engine")
    assert not (tmp_path / "engine").exists()
    averaged = ev.with_batch_norm("average")
    graph = model_graph(averaged, small_suite.splits["val"], pool.names)
    assert "bn1.running_mean" in tensor_names(graph)
    assert not any(name.endswith("num_batches_tracked") for name in tensor_names(graph))
