from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe, Store
from soupwidgets.evaluation import prefix as prefix_module
from soupwidgets.evaluation.precision import Precision
from soupwidgets.evaluation.prefix import Chain, Prefix, chain_of
from soupwidgets.models import Custom
from soupwidgets.models.depth import block_of
from soupwidgets.topics.landscape.blocks import interpolate_blocks

Fresh = Callable[..., Evaluator]
BLOCKS = [f"visual.transformer.resblocks.{number}" for number in range(3)]


def skipped(ev: Evaluator) -> int:
    prefix = ev.computation._prefixes.get(False)
    return prefix.skipped if prefix else 0


def moved(pool: Pool, block: str, alpha: float) -> Recipe:
    return interpolate_blocks(pool, "zero-shot", "ft-03", alphas={block: alpha})


@pytest.fixture
def fresh(small_evaluator: Evaluator, tmp_path: Path) -> Fresh:
    """Make evaluators with nothing in memory and nothing in the store."""
    numbers = itertools.count()

    def make(precision: Precision = "float32") -> Evaluator:
        store = Store(tmp_path / f"store-{next(numbers)}")
        return Evaluator(small_evaluator.pool, small_evaluator.suite, device="cpu", store=store, precision=precision)

    return make


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_skipped_blocks_change_no_measurement(fresh: Fresh, precision: Precision) -> None:
    skipping = fresh(precision=precision)
    # A processor without products of bfloat16 takes ten times as long for them.
    splits = ["test", "val"] if precision == "float32" else ["val"]
    recipes = [moved(skipping.pool, block, alpha) for block in [*BLOCKS, "head"] for alpha in (0.25, 0.5, 0.75)]
    # A recipe of another kind in between makes what was kept useless, and must not be mixed up with it.
    recipes.insert(7, Recipe({"ft-01": 1}))
    for recipe in recipes:
        # A pass that nobody followed to its end leaves activations of some images only.
        next(skipping.stream(recipe, splits))
        found = skipping.evaluate(recipe, splits)
        # Nothing can be skipped for a first recipe.
        true = fresh(precision=precision).evaluate(recipe, splits)
        for name in splits:
            assert found[name].correct == true[name].correct
            close = 1e-5 if precision == "float32" else 0.1
            np.testing.assert_allclose(found.split_logits(name), true.split_logits(name), rtol=0, atol=close)
    prefix = skipping.computation._prefixes[precision == "bfloat16"]
    assert prefix is not None
    assert prefix.skipped > 1500 * len(splits)


def test_as_many_blocks_are_skipped_as_two_recipes_in_a_row_share(fresh: Fresh) -> None:
    ev = fresh()
    seen = []
    for block in (BLOCKS[2], "head"):
        for alpha in (0.2, 0.4, 0.6):
            before = skipped(ev)
            ev.evaluate(moved(ev.pool, block, alpha), "test")
            seen.append((skipped(ev) - before) // len(ev.suite.splits["test"]))
    # Nobody could know at the first of a row; the second keeps what the third begins with. The head's first recipe
    # begins where the last block began, and so does its second, which keeps that block's output for the third.
    assert seen == [0, 0, 2, 2, 2, 3]


def test_plain_recipes_keep_nothing(fresh: Fresh) -> None:
    ev = fresh()
    for alpha in (0.1, 0.2, 0.3):
        ev.evaluate(sw.wise_ft(ev.pool, "ft-03", alpha), "val")
    assert ev.computation._prefixes == {}


def test_recipes_share_blocks_up_to_the_first_that_differs() -> None:
    chain = Chain(("a", "b"), (("stem", "a.weight"), ("a.weight", "b.weight", "stem")))
    one = Recipe({"x": 1.0}, {"b.weight": {"y": 1.0}})
    assert chain.common(one, one) == 2
    assert chain.common(one, Recipe({"x": 1.0}, {"b.weight": {"y": 0.5}})) == 1
    assert chain.common(one, Recipe({"x": 1.0}, {"stem": {"y": 1.0}})) == 0
    assert chain.common(one, Recipe({"x": 1.0, "y": 2.0}, {})) == 0


def test_little_memory_is_not_exceeded(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    ev = fresh()
    # 17 tokens of 96 numbers: those of one split of 400 images fit, a second split's do not.
    monkeypatch.setattr(prefix_module, "_MOST_BYTES", 3_000_000)
    for alpha in (0.2, 0.4, 0.6):
        ev.evaluate(moved(ev.pool, BLOCKS[1], alpha), ["test", "val"])
    prefix = ev.computation._prefixes[False]
    assert prefix is not None
    held = [kept.nbytes for level in prefix._levels.values() for _, kept in level.splits.values()]
    assert held == [400 * 17 * 96 * 4]
    assert skipped(ev) == 400


class Remembering(nn.Module):
    """Its last block sees the output of the first."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(3))
        self.head = nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        first = self.layers[0](inputs)
        found: Tensor = self.head(self.layers[2](self.layers[1](first) + first))
        return found


class OneAfterTheOther(Remembering):
    def forward(self, inputs: Tensor) -> Tensor:
        for block in self.layers:
            inputs = block(inputs)
        found: Tensor = self.head(inputs)
        return found


@pytest.mark.parametrize(("network", "known"), [(OneAfterTheOther, True), (Remembering, False)])
def test_only_a_chain_of_blocks_is_used(network: type[nn.Module], known: bool) -> None:
    torch.manual_seed(0)
    built, inputs = network().eval(), torch.randn(2, 4)
    found = chain_of(Custom(network), built, inputs, form={"inputs": ((4,), "float32")})
    assert (found is not None) is known
    if found is not None:
        assert found.blocks == ("layers.0", "layers.1", "layers.2")
        assert found.before[0] == ("layers.0.0.bias", "layers.0.0.weight")


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "convnext_atto"])
def test_networks_of_timm(name: str) -> None:
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=5).eval()
    description = sw.models.timm(name, classes=5)
    images = torch.randn(4, 3, *(description.inputs.size or (64, 64)))
    chain = chain_of(description, network, images[:2])
    if chain is None:
        # A network whose stages have something between them is computed as a whole.
        assert name == "convnext_atto"
        return
    assert set(chain.blocks) <= {block_of(n) for n, _ in network.named_parameters()}
    prefix, rows = Prefix(network, chain), np.arange(4)
    with torch.inference_mode():
        whole = network(images)
        for share in (1.0, 0.5, 0.25):
            prefix.move_to(Recipe({"a": 1.0}, {max(set(chain.before[-1]) - set(chain.before[-2])): {"a": share}}))
            torch.testing.assert_close(prefix(images, "val", rows, 4), whole, rtol=1e-4, atol=1e-4)
    assert prefix.skipped == 4 * (len(chain.blocks) - 1)
