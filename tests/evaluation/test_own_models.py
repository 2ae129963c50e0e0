"""The whole way with networks of other libraries and tasks: selected, learned, weighed, swept, kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.methods.fisher import fisher_information

N = 48
RNG = np.random.default_rng(0)


class Case:
    """A network, its description, examples with labels, and the loss of a network on some of them by plain torch."""

    def __init__(
        self, make: Callable[[], nn.Module], model: Any, examples: dict[str, np.ndarray], labels: np.ndarray,
        inputs: Callable[[slice], dict[str, Tensor]],
    ) -> None:  # fmt: skip
        self.make, self.model, self.examples, self.labels, self._inputs = make, model, examples, labels, inputs
        self.task = "multi-label" if labels.ndim == 2 else "single-label"

    def suite(self) -> Suite:
        parts = {"val": slice(0, N // 2), "test": slice(N // 2, N)}
        data = {
            name: ({k: x[rows] for k, x in self.examples.items()}, self.labels[rows]) for name, rows in parts.items()
        }
        return Suite.of("mine", data, task=self.task, classes=["a", "b", "c"])

    def outputs(self, network: nn.Module, rows: slice) -> Tensor:
        given = self._inputs(rows)
        found = network(**given) if "input_ids" in given else network(*given.values())
        logits: Tensor = getattr(found, "logits", found)
        return logits

    def loss(self, network: nn.Module, rows: slice) -> Tensor:
        logits, labels = self.outputs(network, rows), torch.from_numpy(self.labels[rows])
        if self.task == "multi-label":
            return F.binary_cross_entropy_with_logits(logits, labels.float())
        return F.cross_entropy(logits, labels)


def pictures(name: str, options: dict[str, Any]) -> Case:
    labels = np.arange(N) % 3
    pixels = RNG.integers(0, 100, (N, 32, 32, 3), dtype=np.uint8) + (50 * labels).astype(np.uint8)[:, None, None, None]
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    if name.startswith("vit"):
        mean = std = (0.5, 0.5, 0.5)

    def inputs(rows: slice) -> dict[str, Tensor]:
        scaled = torch.from_numpy(pixels[rows]).permute(0, 3, 1, 2).float() / 255
        return {"images": (scaled - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)}

    def make() -> nn.Module:
        network: nn.Module = timm.create_model(name, num_classes=3, **options)
        return network

    return Case(make, sw.models.timm(name, 3, **options), {"images": pixels}, labels, inputs)


def texts() -> Case:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=3, max_position_embeddings=12, attn_implementation="eager",
    )  # fmt: skip
    labels = np.arange(N) % 3
    ids = RNG.integers(4, 20, (N, 9))
    ids[:, 2] = labels + 1
    ids[::2, 6:] = 0

    def inputs(rows: slice) -> dict[str, Tensor]:
        given = torch.from_numpy(ids[rows])
        return {"input_ids": given, "attention_mask": (given != 0).long()}

    def make() -> nn.Module:
        network: nn.Module = transformers.BertForSequenceClassification(config)
        return network

    return Case(make, sw.models.transformers(config), {"input_ids": ids.astype(np.uint16)}, labels, inputs)


def vectors() -> Case:
    x = RNG.standard_normal((N, 5)).astype(np.float32)
    labels = (x[:, :3] + 0.3 * RNG.standard_normal((N, 3)) > 0).astype(np.int64)
    return Case(
        lambda: nn.Linear(5, 3), nn.Linear(5, 3), {"x": x}, labels, lambda rows: {"x": torch.from_numpy(x[rows])}
    )


SHORT: dict[str, Any] = {"img_size": 32, "patch_size": 16, "embed_dim": 16, "depth": 1, "num_heads": 2}
NARROW: dict[str, Any] = {"channels": [8, 8, 8, 8], "layers": [1, 1, 1, 1]}
CASES: dict[str, Callable[[], Case]] = {
    "timm's ViT": lambda: pictures("vit_tiny_patch16_224", SHORT),
    "timm's ResNet": lambda: pictures("resnet18", NARROW),
    "a BERT": texts,
    "several labels": vectors,
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


@pytest.fixture(scope="module")
def folder(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A start, and three that were trained from it for some steps on the validation half."""
    made = tmp_path_factory.mktemp("own")
    torch.manual_seed(0)
    start = case.make().eval()
    torch.save(start.state_dict(), made / "start.pt")
    for number, rate in enumerate((0.02, 0.01, 0.003)):
        network = case.make().eval()
        network.load_state_dict(start.state_dict())
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
        for _ in range(12):
            optimizer.zero_grad()
            case.loss(network, slice(0, N // 2)).backward()
            optimizer.step()
        torch.save(network.state_dict(), made / f"m{number}.pt")
    return made


@pytest.fixture
def ev(case: Case, folder: Path, tmp_path: Path) -> Evaluator:
    pool = Pool.open(folder, zero_shot="start")
    store = Store(tmp_path / "store")
    return Evaluator(pool, case.suite(), device="cpu", model=case.model, store=store, batch_norm="average")


def network_of(case: Case, folder: Path, recipe: dict[str, float]) -> nn.Module:
    states = {name: torch.load(folder / f"{name}.pt") for name in recipe}
    first = next(iter(states.values()))
    network = case.make().eval()
    network.load_state_dict({
        key: sum(c * states[name][key] for name, c in recipe.items()) if x.is_floating_point() else x
        for key, x in first.items()
    })  # fmt: skip
    return network


# Few steps make poor ingredients: what is said about their soups is right.
@pytest.mark.filterwarnings("ignore::soupwidgets.SoupWarning")
def test_soups_are_selected_and_learned(case: Case, folder: Path, ev: Evaluator) -> None:
    alone = {name: ev.evaluate(name, "val")["val"] for name in ev.pool.fine_tuned}
    for name, score in alone.items():
        with torch.no_grad():
            wanted = float(case.loss(network_of(case, folder, {name: 1.0}), slice(0, N // 2)))
        assert score.loss == pytest.approx(wanted, rel=1e-4)
    greedy = sw.greedy_soup(ev, progress=False)
    assert ev.evaluate(greedy.recipe, "val")["val"].accuracy >= max(score.accuracy for score in alone.values())
    learned = sw.learned_soup(ev, epochs=3, learning_rate=0.3, batch=N, progress=False)
    assert sum(learned.recipe.values()) == pytest.approx(1)
    # The first step is taken at the uniform soup; descent on the whole split goes down from there.
    with torch.no_grad():
        uniform = float(case.loss(network_of(case, folder, dict(sw.uniform_soup(ev.pool))), slice(0, N // 2)))
    assert learned.epochs[0].loss == pytest.approx(uniform, rel=1e-4)
    assert learned.epochs[-1].loss < learned.epochs[0].loss


def test_the_fisher_soup_is_the_average_by_information(case: Case, folder: Path, ev: Evaluator, tmp_path: Path) -> None:
    path = sw.fisher_soup(ev, tmp_path / "fisher.pt", ["m0", "m1"], images=8, progress=False)
    found = torch.load(path)
    states = [torch.load(folder / f"{name}.pt") for name in ("m0", "m1")]
    information = [fisher_information(ev, name, images=8) for name in ("m0", "m1")]
    name = max(information[0], key=lambda n: float(information[0][n].sum()))
    # What the engine adds where nothing is known is far below these.
    sure = sum(one[name] for one in information) > 1e-2 * float(max(one[name].max() for one in information))
    wanted = sum(f[name] * s[name] for f, s in zip(information, states, strict=True)) / sum(
        f[name] for f in information
    )
    torch.testing.assert_close(found[name][sure], wanted[sure], rtol=1e-3, atol=1e-4)
    assert not torch.allclose(found[name], (states[0][name] + states[1][name]) / 2, atol=1e-4)


def test_the_barrier_is_that_of_the_networks_between(case: Case, folder: Path, ev: Evaluator) -> None:
    line = sw.landscape.barrier(ev, "start", "m0", alphas=3, split="test")
    with torch.no_grad():
        for t in (0.0, 0.5, 1.0):
            network = network_of(case, folder, {"start": 1 - t, "m0": t})
            wanted = float(case.loss(network, slice(N // 2, N)))
            assert line.losses[t] == pytest.approx(wanted, rel=1e-4)
    errors = line.errors
    assert line.barrier == pytest.approx(max(errors.values()) - (errors[0.0] + errors[1.0]) / 2)


def test_sharpness_is_that_of_autograds_hessian(case: Case, folder: Path, ev: Evaluator) -> None:
    found = sw.landscape.sharpness(ev, "m1", images=N // 2, iterations=4)
    network = network_of(case, folder, {"m1": 1.0})
    parameters = dict(network.named_parameters())
    # Attention in its plain form is the one with second derivatives.
    with sdpa_kernel(SDPBackend.MATH):
        loss = case.loss(network, slice(0, N // 2))
    first = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
    generator = torch.Generator().manual_seed(0)
    vector = [torch.randn(p.shape, generator=generator) for p in parameters.values()]
    for value in found.history:
        length = torch.stack([v.square().sum() for v in vector]).sum().sqrt()
        vector = [v / length for v in vector]
        # Of linear layers the gradient does not depend on every weight.
        product = torch.autograd.grad(
            first, list(parameters.values()), grad_outputs=vector, retain_graph=True, materialize_grads=True
        )
        wanted = torch.stack([(v * p).sum() for v, p in zip(vector, product, strict=True)]).sum()
        assert value == pytest.approx(float(wanted), rel=2e-2)
        vector = list(product)


def test_what_is_kept_is_what_was_measured(case: Case, ev: Evaluator, tmp_path: Path) -> None:
    soup = sw.uniform_soup(ev.pool)
    wanted = ev.evaluate(soup)
    path = ev.save(soup, tmp_path / "soup.safetensors", progress=False)
    # A library's network is known from the card; one's own module has to be given.
    given = {"model": case.model} if isinstance(case.model, nn.Module) else {}
    again = Evaluator(Pool.open([path]), ev.suite, device="cpu", store=Store(tmp_path / "again"), **given)
    assert again.evaluate("soup").accuracy == wanted.accuracy
    np.testing.assert_allclose(again.evaluate("soup").logits["test"], wanted.logits["test"], rtol=1e-5, atol=1e-6)


def test_the_rows_of_overhead_count_the_same(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from benchmarks.own_models import GOAL, bounds, own_model_rows

    # The evaluator's batches: two small ones first.
    assert bounds(700) == [(0, 64), (64, 320), (320, 700)]
    assert bounds(750) == [(0, 64), (64, 320), (320, 704), (704, 750)]
    assert bounds(256) == [(0, 64), (64, 256)]
    assert bounds(64) == [(0, 64)]
    rows = own_model_rows(tmp_path, images=3, side=32, texts=70, length=6, repeats=1)
    assert [row.name for row in rows] == [
        "torchvision's ResNet-18, 3 images of 32 pixels", "a BERT of 4 layers of 256, 70 texts of 6 tokens"
    ]  # fmt: skip
    assert all(row.ratio > 0 and row.met == (row.ratio <= GOAL) for row in rows)
