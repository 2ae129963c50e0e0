"""Several labels, numbers, and a class for every pixel: measured, selected, swept and kept like one label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soupwidgets import Evaluator, Metric, Pool, Store, Suite, alpha_sweep, fisher_soup, greedy_soup, learned_soup
from soupwidgets.evaluation.answers import compared, right_answers
from soupwidgets.methods import method_named
from soupwidgets.methods.task_vectors import scaled_arithmetic
from soupwidgets.stats import METRICS
from soupwidgets.suites import SuiteError
from soupwidgets.topics.soup.report import make_soup, to_text

N = 90
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 6)).astype(np.float32)
W = RNG.standard_normal((6, 3)).astype(np.float32)
TARGETS: dict[str, Any] = {
    "multi-label": (X @ W > 0).astype(np.int64),
    "regression": (X @ W).astype(np.float32),
    "single-label": (X @ W).argmax(axis=1),
}
TASKS = list(TARGETS)


def split(task: str, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    return X[rows], TARGETS[task][rows]


def suite_of(task: str, **options: Any) -> Suite:
    parts = {"val": slice(0, 30), "test": slice(30, 60), "far": slice(60, 90)}
    classes = [] if task == "regression" else ["a", "b", "c"]
    return Suite.of(
        "numbers", {name: split(task, rows) for name, rows in parts.items()}, task=task, classes=classes, **options
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("linear")
    generator = torch.Generator().manual_seed(0)
    for number, noise in enumerate((2.0, 0.6, 0.5, 0.4)):
        network = nn.Linear(6, 3)
        weight = torch.from_numpy(W.T) + noise * torch.randn(3, 6, generator=generator)
        torch.save({"weight": weight, "bias": torch.zeros(3)}, made / f"m{number}.pt")
        assert set(network.state_dict()) == {"weight", "bias"}
    return made


def evaluator(folder: Path, task: str, tmp_path: Path, **options: Any) -> Evaluator:
    pool = Pool.open(folder, zero_shot="m0")
    return Evaluator(pool, suite_of(task, **options), model=nn.Linear(6, 3), store=Store(tmp_path / "store"))


def outputs(folder: Path, name: str, rows: slice) -> Tensor:
    state = torch.load(folder / f"{name}.pt")
    return F.linear(torch.from_numpy(X[rows]), state["weight"], state["bias"])


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_those_of_the_outputs(task: str, folder: Path, tmp_path: Path) -> None:
    ev = evaluator(folder, task, tmp_path)
    score = ev.evaluate("m1", "test")["test"]
    found = outputs(folder, "m1", slice(30, 60))
    truth = torch.from_numpy(TARGETS[task][30:60])
    losses = {
        "single-label": lambda: F.cross_entropy(found, truth),
        "multi-label": lambda: F.binary_cross_entropy_with_logits(found, truth.float()),
        "regression": lambda: F.mse_loss(found, truth) / 2,
    }
    assert score.loss == pytest.approx(float(losses[task]()), rel=1e-5)
    metric = {"single-label": "accuracy", "multi-label": "average_precision", "regression": "r2"}[task]
    given = found.argmax(dim=1) if task == "single-label" else found
    assert score.metric == metric
    assert score.accuracy == pytest.approx(METRICS[metric].measure(given.numpy(), truth.numpy()).value, rel=1e-5)
    low, high = score.interval
    assert low < score.accuracy < high
    # From the store, and from a store that has lost its arrays.
    again = evaluator(folder, task, tmp_path)
    assert again.stored("m1", "test") == ev.evaluate("m1", "test")
    assert again.forward_images == 0
    torch.testing.assert_close(torch.from_numpy(again.evaluate("m1", "test").logits["test"]), found)


@pytest.mark.parametrize("task", TASKS)
def test_methods_work_for_every_task(task: str, folder: Path, tmp_path: Path) -> None:
    ev = evaluator(folder, task, tmp_path)
    greedy = greedy_soup(ev, progress=False)
    alone = [ev.evaluate(name, "val")["val"].accuracy for name in ev.pool.fine_tuned]
    assert ev.evaluate(greedy.recipe, "val")["val"].accuracy >= max(alone)
    learned = learned_soup(ev, epochs=2, progress=False)
    assert sum(learned.recipe.values()) == pytest.approx(1)
    sweep = alpha_sweep(ev, "m3", alphas=3, progress=False)
    # Nearer to the weights that made the targets is better, whatever is measured.
    assert sweep.best_alpha() > 0
    fisher = fisher_soup(ev, tmp_path / "fisher.pt", ["m1", "m2"], images=8, progress=False)
    assert fisher.is_file()


def test_the_fisher_information_of_a_regression_is_that_of_its_normal_distribution(
    folder: Path, tmp_path: Path
) -> None:
    from soupwidgets.methods.fisher import fisher_information

    ev = evaluator(folder, "regression", tmp_path)
    found = fisher_information(ev, "m1", images=30)
    # d log p / d bias is the noise itself, whose variance is one; of the weight it is the noise times x.
    assert float(found["bias"].mean()) == pytest.approx(1, abs=0.35)
    wanted = torch.from_numpy(X[:30]).square().mean(dim=0)
    assert float((found["weight"].mean(dim=0) / wanted).mean()) == pytest.approx(1, abs=0.4)


def test_less_is_better_where_the_metric_says_so(folder: Path, tmp_path: Path) -> None:
    ev = evaluator(folder, "regression", tmp_path, metric="rmse")
    errors = {name: ev.evaluate(name, "val")["val"].accuracy for name in ev.pool.fine_tuned}
    greedy = greedy_soup(ev, progress=False)
    assert ev.evaluate(greedy.recipe, "val")["val"].accuracy <= min(errors.values())
    best = min(errors, key=lambda name: errors[name])
    assert best in greedy.recipe
    sweep = alpha_sweep(ev, "m3", alphas=3, progress=False)
    by_alpha = {e.recipe.get("m3", 0.0): e["val"].accuracy for e in sweep.evaluations.values()}
    assert sweep.best_alpha() == min(by_alpha, key=lambda alpha: by_alpha[alpha])


def test_a_function_of_ones_own_decides(folder: Path, tmp_path: Path) -> None:
    worst = Metric("worst_error", lambda y, t: float(np.abs(y - t).max()), "largest error", higher_is_better=False)
    try:
        ev = evaluator(folder, "regression", tmp_path, metric=worst)
        found = ev.evaluate("m2", "test")["test"]
        error = np.abs(outputs(folder, "m2", slice(30, 60)).numpy() - TARGETS["regression"][30:60]).max()
        assert found.accuracy == pytest.approx(float(error), rel=1e-5)
        other = evaluator(folder, "regression", tmp_path)
        assert other.key(ev.evaluate("m2", "test").recipe, other.suite["test"]) != ev.key(
            ev.evaluate("m2", "test").recipe, ev.suite["test"]
        )
    finally:
        METRICS.pop("worst_error")


def test_reprs_and_records_are_in_the_words_of_the_metric(folder: Path, tmp_path: Path) -> None:
    ev = evaluator(folder, "regression", tmp_path, metric="rmse")
    found = ev.evaluate("m1")
    error = found["val"].accuracy
    assert [record["correct"] for record in found.to_records()] == [None, None, None]
    assert found.to_frame()["correct"].isna().all()
    assert "<th>score [95%]</th>" in found._repr_html_()
    assert f"rmse {error:.4g}" in repr(found)
    greedy = greedy_soup(ev, progress=False)
    assert f"validation root mean squared error {greedy.steps[-1].accuracy:.4g})" in repr(greedy)
    assert "%" not in repr(greedy)
    assert "best alpha by validation root mean squared error" in repr(alpha_sweep(ev, "m1", alphas=3, progress=False))
    scaled = scaled_arithmetic(ev, ["m1", "m2"])
    assert f"validation root mean squared error {scaled.scores[scaled.scale]:.4g})" in repr(scaled)
    assert scaled.scores[scaled.scale] == min(scaled.scores.values())
    learned = learned_soup(ev, epochs=1, progress=False)
    assert learned.epochs[0].accuracy is None
    several = evaluator(folder, "multi-label", tmp_path, metric="exact_match").evaluate("m1", "test")
    (record,) = several.to_records()
    assert record["correct"] == round(30 * several["test"].accuracy)


def test_reports_are_in_the_words_of_the_metric(folder: Path, tmp_path: Path) -> None:
    ev = evaluator(folder, "regression", tmp_path, metric="rmse")
    report = make_soup(method_named("greedy"), ev.pool, ev, tmp_path / "soup.safetensors")
    text = to_text(report)
    assert "%" not in text.replace("% of the plain", "")
    scores = ", ".join(f"{name} {score['accuracy']:.4g}" for name, score in report["splits"].items())
    assert f"Root mean squared error: {scores}" in text
    learned = to_text(make_soup(method_named("learned"), ev.pool, ev, tmp_path / "learned.safetensors"))
    assert "accuracy" not in learned


def test_two_models_are_compared_by_the_metric(folder: Path, tmp_path: Path) -> None:
    for task, metric in (("regression", "rmse"), ("multi-label", "exact_match"), ("single-label", "macro_f1")):
        ev = evaluator(folder, task, tmp_path, metric=metric)
        first, second = ev.evaluate("m0"), ev.evaluate("m3")
        found = compared(first, second, ev.suite["test"])
        assert found.difference == pytest.approx(second["test"].accuracy - first["test"].accuracy, abs=1e-6)
        assert found.interval[0] <= found.difference <= found.interval[1]
    several = evaluator(folder, "multi-label", tmp_path)
    truth = TARGETS["multi-label"][30:60]
    right = right_answers(several.evaluate("m1", "test"), several.suite["test"])
    wanted = ((outputs(folder, "m1", slice(30, 60)).numpy() > 0) == truth).all(axis=1)
    np.testing.assert_array_equal(right, wanted)
    numbers = evaluator(folder, "regression", tmp_path)
    why = "'test' has numbers to predict, of which none is right or wrong; compare models by their R2"
    with pytest.raises(ValueError, match=why):
        right_answers(numbers.evaluate("m1", "test"), numbers.suite["test"])


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"out": self.conv(images)}


def test_a_class_for_every_pixel(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    images = rng.standard_normal((20, 3, 5, 5)).astype(np.float32)
    for name in "ab":
        torch.save(Dense().state_dict(), tmp_path / f"{name}.pt")
    network = Dense()
    network.load_state_dict(torch.load(tmp_path / "a.pt"))
    with torch.no_grad():
        labels = network(torch.from_numpy(images))["out"].argmax(dim=1).numpy()
    labels[:, 0, 0] = 255
    data = {"val": (images[:8], labels[:8]), "test": (images[8:], labels[8:])}
    suite = Suite.of("pixels", data, task="segmentation", classes=list("abcd"))
    ev = Evaluator(Pool.open(tmp_path, zero_shot="b"), suite, model=Dense, store=Store(tmp_path / "store"))
    right = ev.evaluate("a")
    assert right.accuracy == {"val": 1.0, "test": 1.0}
    assert right["test"].metric == "mean_iou"
    assert [record["correct"] for record in right.to_records()] == [None, None]
    with pytest.raises(ValueError, match="outputs for every pixel of 'test' are not kept"):
        right_answers(right, suite["test"])
    assert not right.logits
    sweep = alpha_sweep(ev, "a", alphas=3, progress=False)
    assert sweep.best_alpha() == 1.0
    assert ev.stored("a") == right
    assert ev.forward_images == 3 * 20


def test_what_labels_cannot_be_is_said() -> None:
    x, y = X[:4], np.array([0, 1, 2, 1])
    for data, task, words in (
        ((x, y.astype(float)), "single-label", "expected integer labels with 1 axes"),
        ((x, y), "multi-label", "expected 0 and 1 with 2 axes"),
        ((x, np.full((4, 3), 2)), "multi-label", "labels of a multi-label task are 0 or 1"),
        ((x, np.array([0, 1, np.nan, 2])), "regression", "a number to predict is not finite"),
        ((x[:3], y), "single-label", "has 4 labels, but {'inputs': 3}"),
        ((x[:0], y[:0]), "single-label", "no examples|0 labels"),
        ("nothing", "single-label", "a pair of arrays"),
    ):
        with pytest.raises(SuiteError, match=words):
            Suite.of("bad", {"val": data, "test": data}, task=task)
    with pytest.raises(SuiteError, match="needs exactly one split with the role 'id_test'"):
        Suite.of("bad", {"val": (x, y)})
    with pytest.raises(SuiteError, match=r"has labels 0\.\.2, but the suite names 2 classes"):
        Suite.of("bad", {"val": (x, y), "test": (x, y)}, classes=["a", "b"])
