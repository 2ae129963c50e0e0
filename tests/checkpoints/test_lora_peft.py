"""Adapters as checkpoints, against what PEFT merges."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from soupwidgets import Pool, Recipe, save_mixture
from soupwidgets.checkpoints import CheckpointError
from soupwidgets.mixing import PoolMatrix, mix_streamed
from tests.fixtures import TINY

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

LAYERS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 40}


def bert() -> nn.Module:
    config = transformers.BertConfig(vocab_size=50, max_position_embeddings=16, num_labels=3, **LAYERS)
    return transformers.AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-any-return]


def vit() -> nn.Module:
    config = transformers.ViTConfig(image_size=16, patch_size=4, num_labels=3, **LAYERS)
    return transformers.AutoModelForImageClassification.from_config(config)  # type: ignore[no-any-return]


def gpt2() -> nn.Module:
    config = transformers.GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=2, pad_token_id=0)
    return transformers.AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-any-return]


def clip() -> nn.Module:
    """Attention with one tensor for queries, keys and values."""
    return open_clip.model.CLIP(
        8, TINY.vision_cfg, {"context_length": 8, "vocab_size": 40, "width": 32, "heads": 2, "layers": 1}
    )


QV = ["query", "value"]
KINDS: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "plain": (bert, {"target_modules": QV, "r": 4, "lora_alpha": 6}),
    "rank-stabilised": (bert, {"target_modules": ["key", "dense"], "use_rslora": True, "lora_alpha": 3}),
    "patterns": (
        bert,
        {
            "target_modules": [*QV, "dense"],
            "rank_pattern": {"query": 2, "^bert.encoder.layer.1.attention.self.value": 3, "0.attention.self.value": 5},
            "alpha_pattern": {"layer.1.attention.self.query": 32, r"attention\.output\.dense": 1, "dense": 4},
        },
    ),
    "the head in full": (bert, {"target_modules": QV, "task_type": "SEQ_CLS"}),
    "inputs by outputs": (gpt2, {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True}),
    "all biases": (bert, {"target_modules": QV, "bias": "all"}),
    "biases of the layers": (bert, {"target_modules": QV, "bias": "lora_only"}),
    "embeddings": (bert, {"target_modules": ["word_embeddings", "query"]}),
    "convolution": (vit, {"target_modules": ["projection"], "r": 3}),
    "norms of their own": (bert, {"target_modules": [*QV, "dense"], "use_dora": True}),
    "norms, inputs by outputs": (gpt2, {"target_modules": ["c_attn"], "use_dora": True, "fan_in_fan_out": True}),
    "norms of embeddings": (bert, {"target_modules": ["word_embeddings"], "use_dora": True}),
    "norms of a convolution": (vit, {"target_modules": ["projection"], "use_dora": True}),
    "all linear layers": (bert, {"target_modules": "all-linear", "init_lora_weights": "gaussian"}),
    "layers of a tower": (clip, {"target_modules": ["c_fc", "c_proj"], "modules_to_save": ["ln_post"]}),
}  # fmt: skip


def train(folder: Path, make: Callable[[], nn.Module], settings: Mapping[str, Any], seed: int) -> dict[str, Tensor]:
    """Save the base (of seed 0) and an adapter with random weights; give PEFT's merged weights."""
    torch.manual_seed(0)
    model = make()
    base = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(base, folder / "base.safetensors")
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = peft.get_peft_model(model, peft.LoraConfig(**settings))
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.data += 0.3 * torch.randn_like(parameter)
        adapted.save_pretrained(str(folder / f"adapter-{seed}"))
        merged = adapted.merge_and_unload()
    after: dict[str, Tensor] = {name: tensor.clone() for name, tensor in merged.state_dict().items()}
    assert after.keys() == base.keys()
    assert any(not torch.equal(after[name], base[name]) for name in base)
    return after


def mixtures(pool: Pool, recipe: Recipe) -> dict[str, dict[str, Tensor]]:
    """The mixture in every way that there is: resident, streamed, and the plain sum of merged models."""
    matrix = PoolMatrix(pool, torch.device("cpu"))
    out = matrix.new_buffer()
    matrix.mix(recipe, out)
    many = matrix.new_buffer(2)
    matrix.mix_many([Recipe({"base": 1}), recipe], many)
    states = {name: dict(pool[name].read()) for name in recipe}
    return {
        "resident": matrix.layout.views(out) | matrix.whole_tensors(recipe),
        "many": matrix.layout.views(many[1]) | matrix.whole_tensors(recipe),
        "streamed": dict(mix_streamed(pool, recipe)),
        "merged": {
            key: sum(c * states[name][key].double() for name, c in recipe.items())  # type: ignore[misc]
            if pool.tensors[key].dtype.is_floating_point
            else states["base"][key]
            for key in pool.tensors
        },
    }


def close(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name].double(), tensor.double(), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_what_peft_merges(tmp_path: Path, kind: str) -> None:
    make, settings = KINDS[kind]
    expected = {f"adapter-{seed}": train(tmp_path, make, settings, seed) for seed in (1, 2)}
    expected["base"] = load_file(tmp_path / "base.safetensors")
    pool = Pool.open(tmp_path)
    assert pool.names == ["base", "adapter-1", "adapter-2"]
    assert pool.zero_shot == "base"
    assert pool.fine_tuned == ["adapter-1", "adapter-2"]
    for name, state in expected.items():
        close(dict(pool[name].read()), state)
        # Weight 1 is the merged model, whatever else has weight 0.
        for mixed in mixtures(pool, Recipe({"base": 0, "adapter-1": 0, "adapter-2": 0, name: 1})).values():
            close(mixed, state)
    recipe = Recipe({"base": 0.4, "adapter-1": 0.9, "adapter-2": -0.3})
    exact = {
        key: sum(c * expected[name][key].double() for name, c in recipe.items())
        if tensor.is_floating_point()
        else tensor
        for key, tensor in expected["base"].items()
    }
    for mixed in mixtures(pool, recipe).values():
        close(mixed, exact)  # type: ignore[arg-type]
    written = save_mixture(pool, recipe, tmp_path / "soup.safetensors", progress=False)
    close(load_file(written), exact)  # type: ignore[arg-type]


def test_weights_of_half_precision_are_added_in_full(tmp_path: Path) -> None:
    train(tmp_path, lambda: bert().half(), {"target_modules": QV, "r": 2}, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pool = Pool.open(tmp_path)
    base, adapter = (
        load_file(tmp_path / "base.safetensors"),
        load_file(tmp_path / "adapter-1/adapter_model.safetensors"),
    )
    name = "bert.encoder.layer.1.attention.self.query"
    a, b = (adapter[f"base_model.model.{name}.lora_{kind}.weight"].double() for kind in "AB")
    expected = base[f"{name}.weight"].double() + 4 * b @ a
    for mixed in mixtures(pool, Recipe({"adapter-1": 1})).values():
        torch.testing.assert_close(mixed[f"{name}.weight"].double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (lambda: peft.LoraConfig(target_modules=QV, lora_bias=True), "'lora_bias'"),
        (lambda: peft.LoraConfig(target_modules=QV, init_lora_weights="pissa"), "init_lora_weights='pissa'"),
        (lambda: peft.LoraConfig(target_modules=QV, init_lora_weights="olora"), "init_lora_weights='olora'"),
        (lambda: peft.LoraConfig(target_modules=QV, layer_replication=[(0, 2), (0, 2)]), "'layer_replication'"),
        (lambda: peft.LoraConfig(target_modules=["query"], trainable_token_indices=[1]), "'trainable_token_indices'"),
        (lambda: peft.LoraConfig(target_modules=QV, rank_pattern={".*query": 2}), "a regular expression"),
        (lambda: peft.IA3Config(target_modules=QV, feedforward_modules=[]), "type 'IA3'"),
        (lambda: peft.LoHaConfig(target_modules=QV), "type 'LOHA'"),
        (lambda: peft.AdaLoraConfig(target_modules=QV, total_step=10), "type 'ADALORA'"),
    ],
)
def test_other_adapters_are_refused_by_name(tmp_path: Path, settings: Callable[[], Any], told: str) -> None:
    model = bert()
    save_file(model.state_dict(), tmp_path / "base.safetensors")
    settings().save_pretrained(str(tmp_path / "adapter"))
    with pytest.raises(CheckpointError, match=told) as refused:
        Pool.open(tmp_path)
    assert "adapter_config.json" in str(refused.value)
    assert "merge_and_unload" in str(refused.value)


def test_attention_that_peft_merges_twice_is_refused(tmp_path: Path) -> None:
    train(tmp_path, clip, {"target_modules": ["attn"]}, 1)
    with pytest.raises(CheckpointError, match=r"out_proj.*twice, or once, depending on its version"):
        Pool.open(tmp_path)
