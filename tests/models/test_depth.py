"""Depth by the order of execution, against forward hooks on real models with random weights."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

from soupwidgets import Evaluator, Pool, Store, Suite, lines, models
from soupwidgets.models import Architecture
from soupwidgets.models.depth import block_of, layer_depth, network_order
from soupwidgets.models.execution import execution_order
from soupwidgets.topics.landscape.blocks import blocks_of
from tests.fixtures import WriteCheckpoint


def tower(**vision: object) -> Architecture:
    return Architecture(8, {"head_width": 8, **vision}, classes=10, mean=0.5, std=0.5)


def timm_tower(name: str, size: int, embed_dim: int = 8, **vision: object) -> Architecture:
    own = {"timm_model_name": name, "timm_model_pretrained": False, "image_size": size, **vision}
    return Architecture(embed_dim, own, classes=10, mean=0.5, std=0.5)


TOWERS = {
    "ViT": (tower(image_size=16, patch_size=8, width=16, layers=11), 11),
    "RN50": (tower(image_size=64, layers=[3, 4, 6, 3], width=8), 16),
    "SigLIP": (timm_tower("vit_tiny_patch16_224", 224, 192, timm_pool="map", timm_proj="none"), 12),
    "ConvNeXt": (timm_tower("convnext_atto", 32, timm_pool="", timm_proj="linear"), 12),
    "Swin": (timm_tower("swin_tiny_patch4_window7_224", 224, timm_pool="", timm_proj="linear"), 12),
    "FastViT, whose names are in no table": (timm_tower("fastvit_t8", 64, timm_pool="avg", timm_proj="linear"), 10),
}
OTHERS: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "torchvision ResNet-18": (lambda: torchvision.models.resnet18(), 8, 64),
    "torchvision ViT": (
        lambda: torchvision.models.VisionTransformer(16, 8, 11, 2, 16, 32, num_classes=10), 11, 16,
    ),
    "timm ViT": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=32, depth=11), 11, 32),
    "timm ResNet": (lambda: timm.create_model("resnet26d"), 8, 64),
    "timm ConvNeXt": (lambda: timm.create_model("convnext_atto"), 12, 32),
    "timm EfficientNet": (lambda: timm.create_model("efficientnet_lite0"), 16, 32),
}  # fmt: skip


def hooked_depth(model: nn.Module, size: int) -> dict[str, int]:
    """The oracle: blocks are numbered as they begin to run, other modules belong to the block that begins next."""
    state = model.state_dict()
    events: list[str] = []
    for name, module in model.named_modules():
        module.register_forward_pre_hook(lambda _, __, name=name: events.append(name))
    with torch.no_grad():
        model.eval()(torch.zeros(2, 3, size, size))
    blocks = list(dict.fromkeys(b for name in state if (b := block_of(name)) != name))
    started = [event for event in dict.fromkeys(events) if event in blocks]
    assert sorted(started) == sorted(blocks)
    found = {}
    for tensor in state:
        block = block_of(tensor)
        if block in started:
            found[tensor] = started.index(block)
            continue
        module = tensor.rpartition(".")[0]
        # A module that is not called, or that calls others, may use its own tensors at any time.
        if module not in events or next(model.get_submodule(module).children(), None) is not None:
            continue
        later = [event for event in events[events.index(module) + 1 :] if event in blocks]
        found[tensor] = started.index(later[0]) if later else len(started) - 1
    return found


@pytest.mark.parametrize("kind", TOWERS)
def test_depth_is_that_of_execution(kind: str) -> None:
    architecture, blocks = TOWERS[kind]
    torch.manual_seed(0)
    tensors = sorted(architecture.build("meta").state_dict())
    depth = layer_depth(network_order(tensors, architecture))
    assert set(depth) == set(tensors)
    assert max(depth.values()) == blocks - 1
    oracle = hooked_depth(architecture.build(), architecture.image_size[0])
    assert len(oracle) > 0.8 * len(tensors)
    assert {name: depth[name] for name in oracle} == oracle
    assert {depth[name] for name in tensors if name.startswith("head.")} == {blocks - 1}
    # By names alone it is the same, or refused.
    try:
        by_name = layer_depth(network_order(tensors))
    except ValueError:
        assert kind.startswith("FastViT")
    else:
        assert by_name == depth


@pytest.mark.parametrize("kind", OTHERS)
def test_depth_by_names_is_that_of_execution(kind: str) -> None:
    make, blocks, size = OTHERS[kind]
    torch.manual_seed(0)
    model = make()
    tensors = sorted(model.state_dict())
    depth = layer_depth(network_order(tensors))
    assert set(depth) == set(tensors)
    assert max(depth.values()) == blocks - 1
    oracle = hooked_depth(model, size)
    assert len(oracle) > 0.8 * len(tensors)
    assert {name: depth[name] for name in oracle} == oracle
    # Inside of a wrapper, as training saves it, nothing changes.
    wrapped = layer_depth(network_order([f"module.{name}" for name in tensors]))
    assert wrapped == {f"module.{name}": layer for name, layer in depth.items()}


def test_the_tensors_that_went_wrong_before() -> None:
    siglip = layer_depth(execution_order(TOWERS["SigLIP"][0]))
    assert siglip["visual.trunk.patch_embed.proj.weight"] == 0
    assert siglip["visual.trunk.attn_pool.latent"] == siglip["visual.trunk.attn_pool.q.weight"] == 11
    resnet = layer_depth(execution_order(TOWERS["RN50"][0]))
    assert (resnet["visual.conv1.weight"], resnet["visual.bn3.running_mean"]) == (0, 0)
    assert resnet["visual.layer2.0.downsample.0.weight"] == 3
    assert resnet["visual.attnpool.positional_embedding"] == resnet["visual.attnpool.c_proj.weight"] == 15
    assert resnet["visual.bn1.num_batches_tracked"] == 0


BERT = [
    "bert.embeddings.word_embeddings.weight",
    "bert.embeddings.LayerNorm.bias",
    *(f"bert.encoder.layer.{n}.attention.self.query.weight" for n in range(12)),
    *(f"bert.encoder.layer.{n}.output.LayerNorm.bias" for n in range(12)),
    "bert.pooler.dense.weight",
    "classifier.weight",
]
GPT2 = ["transformer.wte.weight", *(f"transformer.h.{n}.mlp.c_proj.weight" for n in range(12)),
        "transformer.ln_f.weight", "lm_head.weight"]  # fmt: skip
LLAMA = ["model.embed_tokens.weight", *(f"model.layers.{n}.self_attn.q_proj.weight" for n in range(12)),
         "model.norm.weight", "lm_head.weight"]  # fmt: skip


@pytest.mark.parametrize("names", [BERT, GPT2, LLAMA])
def test_transformers_names(names: list[str]) -> None:
    depth = layer_depth(network_order(sorted(names)))
    for name in names:
        numbers = [int(part) for part in name.split(".") if part.isdigit()]
        assert depth[name] == (numbers[0] if numbers else 0 if "emb" in name or "wte" in name else 11)


SMALL_BERT = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2,
              "intermediate_size": 8, "num_labels": 2}  # fmt: skip


class Backwards(nn.Module):
    """Its layers are used in another order than that of their names."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 2), nn.Linear(3, 4), nn.Linear(5, 3)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.first(self.second(self.third(rows).relu()).relu())
        return logits


def test_a_described_network_is_run_to_find_its_order() -> None:
    vit = models.timm("vit_tiny_patch16_224", 3, img_size=32, depth=3)
    transformers = pytest.importorskip("transformers")
    bert = models.transformers(transformers.BertConfig(**SMALL_BERT))
    for model, first, last in (
        (vit, "patch_embed.proj.weight", "head.bias"),
        (bert, "bert.embeddings.word_embeddings.weight", "classifier.bias"),
    ):
        tensors = sorted(model.build("meta").state_dict())
        order = network_order(tensors, model)
        assert order == execution_order(model)
        assert (order[0], order[-1]) == (first, last)
        depth = layer_depth(order)
        assert depth == layer_depth(network_order(tensors))
        assert (depth[first], depth[last]) == (0, 2)


def test_a_network_that_takes_arrays_is_run_on_the_form_of_the_suite() -> None:
    model = models.Custom(Backwards)
    tensors = sorted(model.build().state_dict())
    wanted = [f"{layer}.{kind}" for layer in ("third", "second", "first") for kind in ("weight", "bias")]
    assert network_order(tensors, model, form={"inputs": ((5,), "float32")}) == wanted
    # Without it names decide, and here they say nothing.
    with pytest.raises(ValueError, match="no blocks of layers"):
        network_order(tensors, model)
    rows = np.random.default_rng(0).random((6, 5), dtype=np.float32)
    suite = Suite.of("rows", {"val": (rows, np.arange(6) % 2), "test": (rows, np.arange(6) % 2)})
    with tempfile.TemporaryDirectory() as folder:
        torch.save(Backwards().state_dict(), f"{folder}/one.pt")
        ev = Evaluator(Pool.open(folder), suite, model=Backwards, store=Store(Path(folder) / "store"))
        assert list(blocks_of(ev)) == ["third", "second", "first"]


def test_what_is_not_known_is_refused_by_name(write_checkpoint: WriteCheckpoint) -> None:
    with pytest.raises(ValueError, match=r"where in the network are 'bert.adapter.weight'\? .* BERT"):
        network_order([*BERT, "bert.adapter.weight"])
    with pytest.raises(ValueError, match=r"no blocks of layers \(first: 'a', 'b'\)"):
        network_order(["a", "b"])
    text = [f"transformer.resblocks.{n}.w" for n in range(3)]
    with pytest.raises(ValueError, match="2 towers of blocks"):
        network_order([*text, *(f"visual.{name}" for name in text)])
    # Stages of the original Swin end with what those of timm begin with.
    with pytest.raises(ValueError, match="downsample"):
        network_order(
            ["patch_embed.proj.weight", "layers.0.blocks.0.w", "layers.0.downsample.w", "layers.1.blocks.0.w"]
        )
    state = {"layers.0.weight": torch.zeros(2), "layers.1.weight": torch.zeros(2), "mystery": torch.zeros(2)}
    write_checkpoint("zero-shot", state, role="zero_shot")
    pool = Pool.open(write_checkpoint("a", state).parent)
    with pytest.raises(ValueError, match="'mystery'"):
        lines(pool, "a")


def test_lines_of_a_pool_with_a_card_follows_its_execution(write_checkpoint: WriteCheckpoint) -> None:
    architecture = TOWERS["SigLIP"][0]
    state = architecture.build().state_dict()
    write_checkpoint("zero-shot", state, role="zero_shot", architecture=architecture.to_json())
    pool = Pool.open(write_checkpoint("a", state, architecture=architecture.to_json()).parent)
    recipe = lines(pool, "a")
    assert recipe.at("visual.trunk.patch_embed.proj.weight") == {"zero-shot": 1}
    assert recipe.at("visual.trunk.attn_pool.latent") == recipe.at("head.weight") == {"a": 1}
    assert recipe.at("visual.trunk.blocks.4.norm1.bias") == pytest.approx({"a": 4 / 11, "zero-shot": 7 / 11})


def test_a_network_that_cannot_be_run_is_told_by_its_names() -> None:
    architecture, blocks = TOWERS["ViT"]
    tensors = sorted(architecture.build("meta").state_dict())
    broken = tower(image_size=16, patch_size=8, width=16, layers="many")
    assert layer_depth(network_order(tensors, broken)) == layer_depth(network_order(tensors, architecture))
    # A card of another network is not believed.
    other = TOWERS["RN50"][0]
    assert max(layer_depth(network_order(tensors, other)).values()) == blocks - 1
