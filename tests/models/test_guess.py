"""Models found by names and shapes: only what fits exactly, and only where that leaves no doubt."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

from soupwidgets import Evaluator, Pool, Store, Suite, models
from soupwidgets.checkpoints import TensorInfo
from soupwidgets.models import Architecture, Model, guess, the_one
from soupwidgets.models.guess import assumed
from soupwidgets.models.placing import built_on
from soupwidgets.panel.python import script
from soupwidgets.pool import PoolError, SoupWarning
from tests.command import run

transformers = pytest.importorskip("transformers")
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
SUITE = Suite.of(
    "mine", {"val": (PIXELS, np.arange(6) % 3), "test": (PIXELS, np.arange(6) % 3)}, classes=["a", "b", "c"]
)


def shapes_of(network: nn.Module) -> dict[str, TensorInfo]:
    return {name: TensorInfo(tuple(t.shape), t.dtype) for name, t in network.state_dict().items()}


def bert(**more: Any) -> dict[str, Any]:
    return {"num_hidden_layers": 2, "intermediate_size": 24, "num_labels": 5, "vocab_size": 50, **more}


# The network that is made, and the Python that must be found first, if one is used without a doubt.
FOUND: dict[str, tuple[Any, str]] = {
    "ResNet-18": (lambda: torchvision.models.resnet18(num_classes=7), "sw.models.torchvision('resnet18', classes=7)"),
    "timm's ResNet-18": (
        lambda: timm.create_model("resnet18", num_classes=7), "sw.models.torchvision('resnet18', classes=7)"
    ),
    "ResNeXt-50": (
        lambda: torchvision.models.resnext50_32x4d(num_classes=7), "sw.models.torchvision('resnext50_32x4d', classes=7)"
    ),
    "a ViT for images of 64 pixels": (
        lambda: torchvision.models.vit_b_32(num_classes=7, image_size=64),
        "sw.models.torchvision('vit_b_32', classes=7, image_size=(64, 64))",
    ),
    "VGG": (lambda: torchvision.models.vgg11_bn(num_classes=7), "sw.models.torchvision('vgg11_bn', classes=7)"),
    "RegNet": (
        lambda: torchvision.models.regnet_y_400mf(num_classes=7), "sw.models.torchvision('regnet_y_400mf', classes=7)"
    ),
    "timm's ConvNeXt": (
        lambda: timm.create_model("convnext_atto", num_classes=7), "sw.models.timm('convnext_atto', classes=7)"
    ),
    "timm's ViT of 32 pixels": (
        lambda: timm.create_model("vit_small_patch32_224", num_classes=7, img_size=64),
        "sw.models.timm('vit_small_patch32_224', classes=7, img_size=64)",
    ),
    "CLIP": (
        lambda: Architecture.from_open_clip("RN50", 7, head_bias=True).build("meta"),
        "sw.Architecture.from_open_clip('RN50', classes=7, head_bias=True, pretrained='openai')",
    ),
    "BERT": (
        lambda: transformers.BertForSequenceClassification(
            transformers.BertConfig(**bert(hidden_size=128, num_attention_heads=2))
        ), "",
    ),
    "RoBERTa": (
        lambda: transformers.RobertaForSequenceClassification(
            transformers.RobertaConfig(
                **bert(hidden_size=128, num_attention_heads=2), layer_norm_eps=1e-5, type_vocab_size=1
            )
        ), "",
    ),
    "DistilBERT": (
        lambda: transformers.DistilBertForSequenceClassification(
            transformers.DistilBertConfig(vocab_size=50, dim=128, n_layers=2, n_heads=2, hidden_dim=24, num_labels=5)
        ), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOUND)
def test_a_network_is_found_by_its_tensors(kind: str) -> None:
    make, code = FOUND[kind]
    network = built_on("meta", make)
    one = the_one(guess(shapes_of(network)))
    assert one is not None
    assert code in ("", one.code)
    # The code makes the same model.
    again: Model = eval(one.code, {"sw": __import__("soupwidgets")})
    assert again.fingerprint == one.fingerprint
    # One tensor more, less, or of another shape, and nothing fits.
    some = shapes_of(network)
    name = next(iter(some))
    assert guess({**some, "one.more": TensorInfo((1,), torch.float32)}) == []
    assert guess({key: info for key, info in some.items() if key != name}) == []
    assert guess({**some, name: TensorInfo((*some[name].shape, 1), torch.float32)}) == []


def test_a_guessed_text_model_gives_the_outputs_of_the_real_one() -> None:
    make, _ = FOUND["RoBERTa"]
    network = make().eval()
    model = the_one(guess(shapes_of(network))).build()
    model.load_state_dict(network.state_dict())
    tokens = torch.randint(2, 50, (3, 7))
    with torch.no_grad():
        torch.testing.assert_close(model({"input_ids": tokens}), network(tokens).logits)


def test_several_that_compute_different_numbers_are_listed_and_none_is_used(tmp_path: Path) -> None:
    network = timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=64)
    torch.save(network.state_dict(), tmp_path / "one.pt")
    with pytest.raises(PoolError, match="models that give different outputs") as caught:
        Evaluator(Pool.open(tmp_path), SUITE, store=Store(tmp_path / "store"))
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert lines == [
        f"Evaluator(pool, suite, model=sw.models.timm('{name}', classes=3, img_size=64))"
        for name in ("deit_tiny_patch16_224", "vit_tiny_patch16_224")
    ]
    # Each of them is accepted, and they differ.
    store = Store(tmp_path / "store")
    pool = Pool.open(tmp_path)
    some = [
        Evaluator(pool, SUITE, model=models.timm(name, 3, img_size=64), store=store).evaluate("one").logits["val"]
        for name in ("deit_tiny_patch16_224", "vit_tiny_patch16_224")
    ]
    assert not np.allclose(*some)


def test_the_found_model_is_used_with_a_note_and_in_the_python_of_panels(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = torchvision.models.squeezenet1_1(num_classes=3).eval()
    torch.save(network.state_dict(), tmp_path / "one.pt")
    with pytest.warns(SoupWarning, match="which is used with images normalised with mean 0.485") as caught:
        ev = Evaluator(Pool.open(tmp_path), SUITE, store=Store(tmp_path / "store"))
    code = "sw.models.torchvision('squeezenet1_1', classes=3)"
    assert f"Evaluator(pool, suite, model={code})" in str(caught[0].message)
    assert caught[0].filename == __file__
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        wanted = network(((torch.from_numpy(PIXELS) / 255 - mean) / std).permute(0, 3, 1, 2))
    found = torch.from_numpy(ev.evaluate("one").logits["val"])
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=1e-4)
    assert f"model = {code}\nev = sw.Evaluator(pool, suite, model=model)\n" in script(ev)
    # What a card says needs no words.
    soup = ev.save("one", tmp_path / "soup.safetensors", progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = Evaluator(Pool.open([soup]), SUITE, store=Store(tmp_path / "store"))
    assert "ev = sw.Evaluator(pool, suite)\n" in script(again)
    # A module of one's own cannot be written as Python.
    own = Evaluator(Pool.open([soup]), SUITE, store=ev.store, model=network, inputs=models.Images(0.5, 0.5))
    assert "model = ...  # your own: SqueezeNet\n" in script(own)
    told = run("inspect", str(tmp_path / "one.pt"))
    assert told.returncode == 0
    assert "architecture: torchvision's squeezenet1_1\n" in told.stdout
    assert f"    Evaluator(..., model={code})\n" in told.stdout


def test_the_normalisation_is_that_of_the_published_weights() -> None:
    # Of all networks of torchvision that classify images, what its own weights say.
    for name in torchvision.models.list_models(module=torchvision.models):
        stated = torchvision.models.get_model_weights(name).DEFAULT.transforms()  # type: ignore[attr-defined]
        inputs = models.torchvision(name, 3).inputs
        assert (list(inputs.mean), list(inputs.std)) == (stated.mean, stated.std)
    found = the_one(guess(shapes_of(built_on("meta", lambda: torchvision.models.efficientnet_v2_l(num_classes=3)))))
    assert found is not None
    assert found.code == "sw.models.torchvision('efficientnet_v2_l', classes=3)"
    assert found.inputs.mean == [0.5, 0.5, 0.5]
    half = "images normalised with mean 0.5, 0.5, 0.5 and standard deviation 0.5, 0.5, 0.5"
    assert assumed(found) == f"{half}, as for the weights published under this name"
    assert assumed(models.torchvision("resnet18", 3)).endswith("standard deviation 0.229, 0.224, 0.225")


def test_a_configuration_beside_the_weights_decides(tmp_path: Path) -> None:
    config = transformers.BertConfig(**bert(hidden_size=32, num_attention_heads=4))
    network = transformers.BertForSequenceClassification(config)
    assert guess(shapes_of(network)) == []
    network.save_pretrained(tmp_path)
    (found,) = guess(shapes_of(network), tmp_path)
    assert found.fingerprint == models.transformers(config).fingerprint
    assert found.code == f"sw.models.transformers({str(tmp_path)!r})"
    vit = shapes_of(timm.create_model("vit_tiny_patch16_224", num_classes=3))
    said = {
        "architecture": "vit_tiny_patch16_224",
        "num_classes": 3,
        "pretrained_cfg": {"mean": [0.1] * 3, "std": [1] * 3},
    }
    (tmp_path / "config.json").write_text(json.dumps(said))
    (found,) = guess(vit, tmp_path)
    assert found.inputs.mean == [0.1] * 3
    # What it says must fit, and be a network of timm.
    assert guess(shapes_of(network), tmp_path) == []
    for evil in ("hf-hub:somebody/evil", "local-dir:/tmp"):
        (tmp_path / "config.json").write_text(json.dumps({**said, "architecture": evil}))
        assert len(guess(vit, tmp_path)) == 2


def test_shapes_that_no_network_has_find_nothing() -> None:
    def infos(**shapes: tuple[int, ...]) -> dict[str, TensorInfo]:
        return {name.replace("__", "."): TensorInfo(shape, torch.float32) for name, shape in shapes.items()}

    for tensors in [
        {},
        infos(visual__conv1__weight=(), head__weight=()),
        infos(visual__conv1__weight=(1, 2, 3, 4), visual__positional_embedding=(0, 0), head__weight=(3, 4)),
        infos(bert__embeddings__word_embeddings__weight=(3,)),
        infos(vit__embeddings__patch_embeddings__projection__weight=(192, 3, 0, 0), classifier__weight=(2,)),
        infos(
            patch_embed__proj__weight=(192,), pos_embed=(1, 2), head__weight=(10**9, 4), blocks__0__attn__qkv__weight=()
        ),
        infos(conv1__weight=(), fc__weight=(3, 4), layer1__0__conv1__weight=()),
        infos(encoder__pos_embedding=(), heads__head__weight=(10**12, 768), conv_proj__weight=()),
    ]:
        assert guess(tensors) == []
