"""Networks of timm, torchvision, transformers and of one's own: their logits are those of the network itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, models
from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.evaluation.gradients import coefficient_gradient
from soupwidgets.methods.fisher import fisher_information
from soupwidgets.models import Arrays, Custom, Images, Model, model_from_json
from soupwidgets.models.depth import layer_depth, network_order
from soupwidgets.pool import PoolError

transformers = pytest.importorskip("transformers")

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3
NARROW: dict[str, Any] = {"channels": [8, 8, 16, 16], "stem_width": 8}
SHORT: dict[str, Any] = {"img_size": 32, "patch_size": 16, "embed_dim": 16, "depth": 2, "num_heads": 2}
TEXT = transformers.BertConfig(
    vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, num_labels=3
)
PICTURE = transformers.ViTConfig(
    image_size=32, patch_size=16, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
    num_labels=3,
)  # fmt: skip
TOKENS = RNG.integers(1, 40, (12, 9)).astype(np.uint16)
TOKENS[:6, 5:] = 0


def normalised(mean: list[float], std: list[float]) -> Tensor:
    pixels = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255
    shape = (-1, 1, 1)
    return (pixels - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)


IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Two(nn.Module):
    """Takes two arrays by name."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(2, 3)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.first(left) - self.second(right)


class Sum(Two):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.first(left) + self.second(right)


PAIRS = {"left": RNG.random((12, 4), dtype=np.float32), "right": RNG.random((12, 2), dtype=np.float32)}
# The network as its own library makes it, the description, the examples, and the library's own forward pass.
CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any], Any, Callable[[Any], Tensor]]] = {
    "timm's ResNet": (
        lambda: timm.create_model("resnet10t", num_classes=3, **NARROW),
        lambda: models.timm("resnet10t", 3, **NARROW),
        PIXELS,
        lambda network: network(normalised(*IMAGENET)),
    ),
    "timm's ViT": (
        lambda: timm.create_model("vit_tiny_patch16_224", num_classes=3, **SHORT),
        lambda: models.timm("vit_tiny_patch16_224", 3, **SHORT),
        PIXELS,
        lambda network: network(normalised([0.5] * 3, [0.5] * 3)),
    ),
    "torchvision's SqueezeNet": (
        lambda: torchvision.models.squeezenet1_1(num_classes=3),
        lambda: models.torchvision("squeezenet1_1", 3),
        PIXELS,
        lambda network: network(normalised(*IMAGENET)),
    ),
    "a text model of transformers": (
        lambda: transformers.BertForSequenceClassification(TEXT),
        lambda: models.transformers(TEXT),
        {"input_ids": TOKENS},
        lambda network: network(
            torch.from_numpy(TOKENS.astype(np.int64)), torch.from_numpy((TOKENS != 0).astype(np.int64))
        ).logits,
    ),
    "an image model of transformers": (
        lambda: transformers.ViTForImageClassification(PICTURE),
        lambda: models.transformers(transformers.ViTForImageClassification(PICTURE)),
        PIXELS,
        lambda network: network(normalised([0.5] * 3, [0.5] * 3)).logits,
    ),
    "a module": (Two, Two, PAIRS, lambda network: network(**{n: torch.from_numpy(x) for n, x in PAIRS.items()})),
    "a function": (
        Two, lambda: lambda: Two(), PAIRS, lambda network: network(**{n: torch.from_numpy(x) for n, x in PAIRS.items()})
    ),
}  # fmt: skip


def suite_of(examples: Any) -> Suite:
    return Suite.of("mine", {"val": (examples, LABELS), "test": (examples, LABELS)}, classes=["a", "b", "c"])


@pytest.mark.parametrize("case", CASES)
def test_logits_are_those_of_the_network_itself(case: str, tmp_path: Path) -> None:
    make, describe, examples, forward = CASES[case]
    torch.manual_seed(0)
    networks = {name: make().eval() for name in ("first", "second")}
    for name, network in networks.items():
        torch.save(network.state_dict(), tmp_path / f"{name}.pt")
    given = describe()
    pool, store = Pool.open(tmp_path), Store(tmp_path / "store")
    ev = Evaluator(pool, suite_of(examples), model=given, store=store, batch_norm="average")
    with torch.no_grad():
        for name, network in networks.items():
            found = torch.from_numpy(ev.evaluate(name).logits["test"])
            torch.testing.assert_close(found, forward(network), atol=2e-6, rtol=1e-5)
        half = make().eval()
        states = [network.state_dict() for network in networks.values()]
        half.load_state_dict({
            n: (0.5 * states[0][n] + 0.5 * states[1][n] if x.is_floating_point() else x) for n, x in states[0].items()
        })  # fmt: skip
        mixed = ev.evaluate({"first": 0.5, "second": 0.5}).logits["test"]
        torch.testing.assert_close(torch.from_numpy(mixed), forward(half), atol=2e-6, rtol=1e-5)
    # What was saved says what it belongs to, unless that is code of somebody's own.
    soup = ev.save("first", tmp_path / "soup.safetensors", progress=False)
    if isinstance(ev.architecture, Custom):
        with pytest.raises(PoolError, match="code of its own"):
            Evaluator(Pool.open([soup]), suite_of(examples))
    else:
        again = Evaluator(Pool.open([soup]), suite_of(examples), store=Store(tmp_path / "other"))
        assert again.architecture.fingerprint == ev.architecture.fingerprint
        np.testing.assert_array_equal(again.evaluate("soup").logits["val"], ev.evaluate("first").logits["val"])


def test_saved_models_have_the_names_of_files(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = transformers.ViTForImageClassification(PICTURE).eval()
    network.save_pretrained(tmp_path / "saved")
    torch.save(network.state_dict(), tmp_path / "state.pt")
    saved = Pool.open([tmp_path / "saved" / "model.safetensors"])
    # This is what the test is about: if transformers stops renaming, it can go.
    assert set(saved.tensors) != set(network.state_dict())
    model = models.transformers(tmp_path / "saved")
    with torch.no_grad():
        wanted = network(normalised([0.5] * 3, [0.5] * 3)).logits
    slopes: list[Any] = []
    for pool, name in ((saved, "model"), (Pool.open([tmp_path / "state.pt"]), "state")):
        ev = Evaluator(pool, suite_of(PIXELS), model=model, store=Store(tmp_path / f"store-{name}"))
        found = torch.from_numpy(ev.evaluate(name).logits["val"])
        torch.testing.assert_close(found, wanted, atol=2e-6, rtol=1e-5)
        order = network_order(list(pool.tensors), model)
        assert set(order) == set(pool.tensors)
        assert max(layer_depth(order).values()) == 1
        assert layer_depth(order)["classifier.bias"] == 1
        found = coefficient_gradient(ev, Recipe({name: 1}), [name], ev.suite.validation, np.arange(8))
        slopes.append(np.sort(found.by_tensor, axis=0))
        assert set(fisher_information(ev, name, images=4)) == set(pool.tensors)
    # A gradient that is looked for under another name would be none.
    np.testing.assert_allclose(*slopes, atol=1e-6)
    assert np.count_nonzero(slopes[0]) > 15
    # What is written is a saved model again.
    soup = Evaluator(saved, suite_of(PIXELS), model=model, store=Store(tmp_path / "store")).save(
        "model", tmp_path / "soup.safetensors", progress=False
    )
    assert set(Pool.open([soup]).tensors) == set(saved.tensors)


def test_networks_with_the_same_tensors_do_not_share_results(tmp_path: Path) -> None:
    torch.save(Two().state_dict(), tmp_path / "one.pt")
    pool, store = Pool.open(tmp_path), Store(tmp_path / "store")
    minus, plus = (Evaluator(pool, suite_of(PAIRS), model=kind, store=store) for kind in (Two, Sum))
    assert minus.architecture.fingerprint != plus.architecture.fingerprint
    assert not np.array_equal(minus.evaluate("one").logits["val"], plus.evaluate("one").logits["val"])
    # Neither do two that differ in a setting, in a number of a list, or in what goes in.
    kinds: list[Model] = [
        Custom(lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.1))),
        Custom(lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.2))),
        Custom(lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh())),
        Custom(lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh()), Images(0.5, 0.5)),
        Custom(lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh()), Images(0.5, 0.25)),
        models.timm("resnet10t", 3),
        models.timm("resnet10t", 3, **NARROW),
        models.timm("resnet10t", 3, std=[1, 1, 1]),
    ]
    assert len({kind.fingerprint for kind in kinds}) == len(kinds)


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    torch.save(Two().state_dict(), tmp_path / "one.pt")
    pool = Pool.open(tmp_path)
    with pytest.raises(PoolError, match=r"nothing says how the model wants them normalised: give inputs=sw\.Images"):
        Evaluator(pool, suite_of(PIXELS), model=Two)
    with pytest.raises(PoolError, match="the model takes images, these are left, right"):
        Evaluator(pool, suite_of(PAIRS), model=models.timm("resnet10t", 3))
    with pytest.raises(PoolError, match="takes images of 224 x 224 pixels, these are 32 x 32"):
        Evaluator(pool, suite_of(PIXELS), model=models.timm("vit_tiny_patch16_224", 3))
    with pytest.raises(PoolError, match="distinguish 4 classes, but the suite 'mine' has 3"):
        Evaluator(pool, suite_of(PIXELS), model=models.timm("resnet10t", 4))
    with pytest.raises(PoolError, match=r"a model is a description .*, not int"):
        Evaluator(pool, suite_of(PAIRS), model=3)
    with pytest.raises(PoolError, match=r"model=\.\.\."):
        Evaluator(pool, suite_of(PAIRS))
    ev = Evaluator(pool, suite_of(PAIRS), model=nn.Linear(4, 3), store=Store(tmp_path / "store"))
    with pytest.raises(PoolError, match=r"the checkpoints have first\.bias, but the model does not"):
        ev.evaluate("one")


def of(source: str, name: str, classes: int = 3, **more: Any) -> dict[str, Any]:
    return {"source": source, "name": name, "classes": classes, **more}


def bert(**config: Any) -> dict[str, Any]:
    return {"source": "transformers", "head": "sequence-classification", "config": {"model_type": "bert", **config}}


HOSTILE = {
    "another source": (of("pickle", "os:system"), "not a source of networks"),
    "code of somebody's": (of("custom", "os:system"), "code of its own"),
    "a hub": (of("timm", "hf-hub:somebody/evil"), "timm has no model"),
    "a folder": (of("timm", "local-dir:models/x"), "timm has no model"),
    "a file": (of("timm", "resnet10t", options={"checkpoint_path": "x"}), "load weights"),
    "a download": (of("timm", "resnet10t", options={"pretrained": True}), "load weights"),
    "torchvision's weights": (of("torchvision", "resnet18", options={"weights": "DEFAULT"}), "load weights"),
    "another backbone's": (of("torchvision", "fcn_resnet50", options={"weights_backbone": "DEFAULT"}), "load weights"),
    "no such type": (bert(model_type="evil"), "no model of type"),
    "no such head": ({**bert(), "head": "causal"}, "not a classifier"),
    "a million layers": (bert(num_hidden_layers=10**6), "which no network has"),
    "a monster": (of("torchvision", "resnet18", 10**12), "which no network has"),
    "an option too many": (of("timm", "resnet10t", name2=3), ""),
    "nested without end": (of("timm", "resnet10t", options={"a": [[[[[[[[]]]]]]]]}), "nested too deeply"),
    "nothing": ({"source": "timm"}, "not an architecture card"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_cards_of_others_build_nothing_but_networks(case: str, tmp_path: Path) -> None:
    card, words = HOSTILE[case]
    if words:
        with pytest.raises(ValueError, match=words):
            model_from_json(card).build("meta")
    metadata = {"soupwidgets": json.dumps({"architecture": card})}
    write_checkpoint(tmp_path / "x.safetensors", {"w": torch.zeros(1)}, metadata)
    with pytest.raises(PoolError):
        Evaluator(Pool.open(tmp_path), suite_of(PIXELS), store=Store(tmp_path / "store")).evaluate("x")


def test_a_folder_of_transformers_runs_none_of_its_code(tmp_path: Path) -> None:
    transformers.BertForSequenceClassification(TEXT).save_pretrained(tmp_path)
    config = (tmp_path / "config.json").read_text()
    evil = config.replace("{", '{"auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"},', 1)
    (tmp_path / "config.json").write_text(evil)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    model = models.transformers(tmp_path)
    model.build("meta")
    assert model.fingerprint == models.transformers(TEXT).fingerprint
    assert not (tmp_path / "ran").exists()
    ev = Evaluator(Pool.open([tmp_path / "model.safetensors"]), suite_of({"input_ids": TOKENS}), model=model,
                   store=Store(tmp_path / "store"))  # fmt: skip
    assert ev.evaluate("model").exact


def test_a_function_is_named_on_the_command_line_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "named_networks.py").write_text("from torch import nn\ndef build():\n    return nn.Linear(4, 3)\n")
    monkeypatch.chdir(tmp_path)
    assert isinstance(models.named_factory("named_networks:build")(), nn.Linear)
    assert isinstance(models.named_factory(f"{tmp_path}/named_networks.py:build")(), nn.Linear)
    for text, words in {
        "build": "name a module and its function",
        "no_such_module:build": "No module named",
        "named_networks:make": "has no function 'make'; it has build",
        "none.py:build": "there is no such file",
    }.items():
        with pytest.raises(ValueError, match=words):
            models.named_factory(text)
    assert Custom(models.named_factory("named_networks:build"), Arrays()).name == "named_networks:build"
