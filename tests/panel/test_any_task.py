"""Every panel with models and tasks of any kind: it works in the metric's own unit, or says in a sentence why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from soupwidgets import Evaluator, Pool, Store, Suite, diversity, widgets
from soupwidgets.panel.view import Picture, Strip, View
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import ArraySplit
from soupwidgets.topics.augmentation.study import AugmentationStudy
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore

N = 24
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N * 3, 6)).astype(np.float32)
W = RNG.standard_normal((6, 3)).astype(np.float32)
PARTS = {"val": slice(0, N), "test": slice(N, 2 * N), "far": slice(2 * N, 3 * N)}
TARGETS: dict[str, Any] = {
    "single-label": (X @ W).argmax(axis=1),
    "multi-label": (X @ W > 0).astype(np.int64),
    "regression": (X @ W).astype(np.float32),
}
# Whose metric is a share, and is shown in percent.
SHARES = {"texts": True, "vectors": True, "multi-label": True, "r2": False, "rmse": False, "segmentation": True}
TASKS = list(SHARES)
LONG = "<b>long</b> " + "word " * 60


def dense() -> nn.Module:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            return {"out": self.conv(images)}

    return Dense()


def bert() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    return transformers.BertForSequenceClassification(  # type: ignore[no-any-return]
        transformers.BertConfig(
            vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
            max_position_embeddings=8, num_labels=3,
        )
    )  # fmt: skip


def suite_of(task: str) -> Suite:
    rng = np.random.default_rng(1)
    if task == "texts":
        tokens = rng.integers(1, 20, (3 * N, 5))
        splits: dict[str, Any] = {
            name: ArraySplit(
                name, {"input_ids": tokens[rows]}, TARGETS["single-label"][rows], texts=[LONG, *["a text"] * (N - 1)]
            )
            for name, rows in PARTS.items()
        }
        return Suite.of("reviews", splits, classes=["a", "b", "c"])
    if task == "segmentation":
        images = rng.standard_normal((3 * N, 3, 4, 4)).astype(np.float32)
        found = images.argmax(axis=1)
        return Suite.of(
            "pixels", {k: (images[r], found[r]) for k, r in PARTS.items()}, task="segmentation", classes=["a", "b", "c"]
        )
    kind: Any = {"vectors": "single-label", "r2": "regression", "rmse": "regression"}.get(task, task)
    data = {name: (X[rows], TARGETS[kind][rows]) for name, rows in PARTS.items()}
    classes = [] if kind == "regression" else ["a", "b", "c"]
    return Suite.of("numbers", data, task=kind, classes=classes, metric="rmse" if task == "rmse" else None)


MAKERS: dict[str, Callable[[], nn.Module]] = {"texts": bert, "segmentation": dense}


@pytest.fixture(scope="module", params=TASKS)
def ev(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    task, folder = request.param, tmp_path_factory.mktemp(request.param)
    make = MAKERS.get(task, lambda: nn.Linear(6, 3))
    torch.manual_seed(0)
    network = make()
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    # Nearer and nearer to the weights that the targets were made with, where these are known.
    for number, noise in enumerate((2.0, 0.6, 0.5)):
        if task not in MAKERS:
            state = {"weight": torch.from_numpy(W.T) + noise * torch.randn(3, 6), "bias": torch.zeros(3)}
        else:
            noisy = {
                n: t + 0.3 * number * torch.randn(t.shape) if t.is_floating_point() else t for n, t in start.items()
            }
            state = noisy
        torch.save(state, folder / f"m{number}.pt")
    pool = Pool.open(folder, zero_shot="m0")
    made = Evaluator(pool, suite_of(task), model=make, store=Store(folder / "store"))
    made.task_name = task  # type: ignore[attr-defined]
    return made


def task_of(ev: Evaluator) -> str:
    return str(ev.task_name)  # type: ignore[attr-defined]


def said(view: View) -> str:
    """Every word and number that somebody may read, without hover templates' own signs and levels of confidence."""
    json_text = json.dumps(view.to_json(), ensure_ascii=False)
    # What is only the syntax of templates, the level of intervals, and lengths and shares of style.
    return re.sub(r"%\{[^}]*\}(?!%)|9[05](%| percent)", "", json_text)


def checked(ev: Evaluator, view: View) -> View:
    words = said(view)
    assert not re.search(r"nan\b", words, re.IGNORECASE), re.findall(r".{60}nan\b.{20}", words, re.IGNORECASE)[:3]
    if not SHARES[task_of(ev)]:
        assert "%" not in words, re.findall(r".{60}%.{20}", words)[:5]
        assert not re.search(r"\baccurac", words, re.IGNORECASE), re.findall(r".{60}ccurac.{20}", words)[:3]
        assert not re.search(r"\bpoints\b(?! on|,)", words), re.findall(r".{60}points.{20}", words)[:3]
    if task_of(ev) != "images":
        assert "images" not in words, re.findall(r".{60}images.{20}", words)[:5]
    return view


def test_alpha(ev: Evaluator) -> None:
    panel = widgets.AlphaExplorer(ev, alphas=3)
    for _ in panel.fill(panel.state):
        pass
    view = checked(ev, panel.ask(alpha=0.5))
    checked(ev, panel.ask(alpha=0.25, shift="far"))
    assert set(view.figures) == {"frontier", "curves", "splits"}
    units = {
        "texts": "Accuracy, %", "vectors": "Accuracy, %", "multi-label": "Average precision, %", "r2": "R2",
        "rmse": "Root mean squared error", "segmentation": "Mean IoU, %",
    }  # fmt: skip
    axis = view.figures["curves"].layout["yaxis"]["title"]["text"]
    assert axis.startswith(units[task_of(ev)] + " (bands")
    # The curve is the metric itself, or in percent.
    score = ev.evaluate(ev.pool.zero_shot, "test")["test"].accuracy
    curve = view.figures["curves"].trace("curve-id")["y"][0]
    assert curve == pytest.approx(100 * score if SHARES[task_of(ev)] else score)
    looks = [value for value, _ in panel._controls["look"].pairs]
    one_label = task_of(ev) in ("texts", "vectors")
    assert looks == (["splits", "classes", "mistakes"] if one_label else ["splits"])
    assert bool(view.strips) == one_label
    if one_label:
        assert "classes" in checked(ev, panel.ask(look="classes")).figures
        assert "confusion" in checked(ev, panel.ask(look="mistakes", alpha=0.5)).figures
        large = checked(ev, panel.ask(image=0))
        assert "image" in large.figures
        assert large.strips[0].large
        assert large.strips[0].pictures[0].text == (LONG if task_of(ev) == "texts" else "number 0")


def test_a_text_stands_where_a_picture_would() -> None:
    one = Picture(None, "text 0", text=LONG)
    small, large = (Strip("texts", [one], large=large) for large in (False, True))
    shown = [View(strips=[strip]).to_json()["strips"][0]["pictures"][0] for strip in (small, large)]
    assert shown[0]["text"] == LONG[:200].rstrip() + "\u2026"
    assert shown[0]["whole"] == LONG
    assert shown[1]["text"] == LONG
    assert shown[0]["image"] is None


def test_soup(ev: Evaluator, tmp_path: Path) -> None:
    panel = widgets.SoupMixer(ev)
    for _ in panel.fill(panel.state):
        pass
    view = checked(ev, panel.ask())
    assert set(view.figures) == {"frontier", "splits"}
    headings = [column["label"] for column in panel._controls["coefficients"].columns[:3]]
    assert headings[0] == ("validation %" if SHARES[task_of(ev)] else "validation")
    # Of these networks only that of texts has blocks of layers, and it has one; entropy needs one label.
    lacking = {n for n in panel._pot.methods if panel._controls[n].lacks}  # type: ignore[attr-defined]
    expected = {"lines", "wise_ft_by_group", "adamerging"}
    assert lacking == expected - {"texts": {"wise_ft_by_group", "adamerging"}, "vectors": {"adamerging"}}.get(
        task_of(ev), set()
    )
    for name in [n for n in panel._pot.methods if n not in lacking]:
        after = panel.do(name, file=str(tmp_path / "soup.safetensors"))
        made = checked(ev, panel.ask(**after))
        assert ("trace" in made.figures) == (name == "greedy")
    # The best single model is the one with the best score, whatever its direction.
    (best,) = panel._pot.contents(panel.do("best_single"))[0]
    alone = {name: ev.evaluate(name, "val")["val"] for name in ev.pool.fine_tuned}
    assert best == max(alone, key=lambda name: alone[name].merit)
    fisher = panel._controls["fisher"]
    assert bool(fisher.lacks) == (task_of(ev) == "segmentation")  # type: ignore[attr-defined]
    if fisher.lacks:  # type: ignore[attr-defined]
        with pytest.raises(ValueError, match="fisher cannot be used here"):
            panel.do("fisher", file=str(tmp_path / "soup.safetensors"))


def test_frontier(ev: Evaluator) -> None:
    panel = widgets.FrontierExplorer(ev)
    for _ in panel.fill(panel.state):
        pass
    view = checked(ev, panel.ask(chosen=["m0", "m1"]))
    marks = [trace for trace in view.figures["frontier"].data if trace["uid"] == "zero-shot"]
    score = ev.evaluate("m0", "test")["test"].accuracy
    assert marks[0]["x"][0] == pytest.approx(100 * score if SHARES[task_of(ev)] else score)
    # No scale of shares, no line of accuracies, and nobody's published accuracies for another number.
    absent = {name for name in ("scale", "line", "upload") if panel._controls[name].hidden}
    assert absent == (set() if SHARES[task_of(ev)] else {"scale", "line", "upload"})
    # Whoever is best on both axes is beaten by nobody, whatever the direction.
    measured = {m.name: m.evaluation for m in panel.frontier.models}
    best = max(measured, key=lambda name: measured[name]["test"].merit)
    assert panel.frontier.pareto()[-1] == best
    if SHARES[task_of(ev)]:
        checked(ev, panel.ask(scale="logit", line="chosen", chosen=["m0", "m1"]))


def test_without_a_shift_there_is_no_frontier(tmp_path: Path) -> None:
    torch.save(nn.Linear(6, 3).state_dict(), tmp_path / "a.pt")
    torch.save(nn.Linear(6, 3).state_dict(), tmp_path / "b.pt")
    data = {name: (X[PARTS[name]], TARGETS["single-label"][PARTS[name]]) for name in ("val", "test")}
    ev = Evaluator(
        Pool.open(tmp_path, zero_shot="a"), Suite.of("two", data), model=nn.Linear(6, 3), store=Store(tmp_path / "s")
    )
    with pytest.raises(ValueError, match=r"^FrontierExplorer draws .* 'two' has no distribution shift"):
        widgets.FrontierExplorer(ev)
    assert set(widgets.AlphaExplorer(ev, alphas=3).ask().figures) == {"curves", "splits"}
    assert set(widgets.SoupMixer(ev).ask().figures) == {"splits"}


def test_landscape(ev: Evaluator) -> None:
    panel = widgets.LandscapeExplorer(ev, grid=3)
    loss = checked(ev, panel.ask(target=[0.5, 0.2]))
    words = {
        "multi-label": "Binary cross-entropy, nats", "r2": "Half the squared error", "rmse": "Half the squared error",
        "segmentation": "Cross-entropy of a pixel, nats",
    }  # fmt: skip
    bar = loss.figures["plane"].data[0]["colorbar"]["title"]["text"]
    assert str(bar).startswith(words.get(task_of(ev), "Cross-entropy, nats"))
    for look in ("contours", "surface", "all splits"):
        view = checked(ev, panel.ask(quantity="error", look=look, target=[0.5, 0.2]))
        if look == "contours":
            drawn = view.figures["plane"].data[0]
    # The corner at the origin has the metric itself, an error, or what is missing to 1.
    score = ev.evaluate("m0", "val")["val"].accuracy
    assert panel.landscape is not None
    at = int(np.abs(panel.landscape.y).argmin()), int(np.abs(panel.landscape.x).argmin())
    marked = [t for t in view.figures["splits"].data if t["uid"] == "marks-0"]
    assert marked
    line = panel._walk.lines[next(iter(panel._walk.lines))]
    wanted = {"r2": -score, "rmse": score}.get(task_of(ev), 1 - score)
    assert line.errors[0.0] == pytest.approx(wanted)
    inside = [line.errors[t] for t in line.errors]
    assert line.barrier == pytest.approx(max(inside) - (inside[0] + inside[-1]) / 2)
    assert drawn["reversescale"] == (task_of(ev) == "r2")
    assert np.isfinite(np.asarray(panel.landscape.error)[at])


def test_diversity(ev: Evaluator) -> None:
    task = task_of(ev)
    if task == "segmentation":
        with pytest.raises(ValueError, match=r"by their logits, and of a segmentation task, .* none are kept$"):
            diversity.members(ev, progress=False)
        return
    members = diversity.members(ev, progress=False)
    if task in ("r2", "rmse"):
        with pytest.raises(ValueError, match=r"^DiversityExplorer compares .*; the suite 'numbers' has .* predict$"):
            widgets.DiversityExplorer(members, ev.suite)
        return
    panel = widgets.DiversityExplorer(members, ev.suite, ev=ev)
    view = checked(ev, panel.ask())
    assert {"matrix", "divergence"} <= set(view.figures)
    assert ("confidences" in view.figures) == (task != "multi-label")
    right = []
    for name in ("m0", "m1"):
        logits = ev.evaluate(name, "test").split_logits("test")
        labels = ev.suite.id_test.labels
        right.append((logits.argmax(axis=1) == labels) if labels.ndim == 1 else ((logits > 0) == labels).all(axis=1))
    pair = diversity.pair(members[0], members[1], ev.suite, "test")
    assert pair.error_inconsistency == pytest.approx((right[0] != right[1]).mean())
    assert len(view.strips[0].pictures) == (right[0] != right[1]).sum()
    list(panel.act("soup", panel.state))
    checked(ev, panel.ask(**panel.do("grow")))


def test_mistakes(ev: Evaluator, tmp_path: Path) -> None:
    task = task_of(ev)
    if task == "segmentation":
        # It has no logits, and so no members, to begin with.
        return
    members = diversity.members(ev, progress=False)
    if task != "texts":
        with pytest.raises(ValueError, match=r"^MistakeReviewer asks .* texts .*; the suite .* has arrays of numbers"):
            widgets.MistakeReviewer(members, ev.suite)
        return
    session = ReviewSession.create(ReviewStore(tmp_path / "reviews.sqlite"), ev.suite, "texts")
    panel = widgets.MistakeReviewer(members, ev.suite, session=session)
    view = panel.ask()
    assert "texts in the queue" in view.words
    item = view.card["did"]["item"]
    assert item["image"] is None
    assert item["text"] in (LONG, "a text")
    assert item["alt"].startswith("text ")


def test_images_only(ev: Evaluator) -> None:
    kind = "texts" if task_of(ev) == "texts" else "arrays of numbers"
    with pytest.raises(ValueError, match=rf"^SpectrumExplorer draws paths between images .*; the suite .* has {kind}"):
        widgets.SpectrumExplorer(ev)
    study = AugmentationStudy((), Estimate(0.5, 0.4, 0.6), (), (), 1, {})
    with pytest.raises(ValueError, match=rf"^AugmentationExplorer shows .* images .*; the suite .* has {kind}"):
        widgets.AugmentationExplorer(study, ev.suite)


def test_diagnosis(ev: Evaluator) -> None:
    panel = widgets.DiagnosisExplorer(ev)
    view = checked(ev, panel.ask())
    # Which pairs can be mixed is told by right answers.
    assert set(view.figures) == {"members", "barriers"} | ({"pairs"} if task_of(ev) in ("texts", "vectors") else set())
    assert [row[0] for row in view.tables[1].rows] == panel.models
    score = ev.evaluate("m1", [ev.suite.validation.name])[ev.suite.validation.name].accuracy
    drawn = [y for uid in ("zero-shot", "sound", "accused") for y in view.figures["members"].trace(uid)["y"]]
    assert pytest.approx(100 * score if SHARES[task_of(ev)] else score) in drawn
    panel.close()


def test_pareto(ev: Evaluator) -> None:
    if task_of(ev) == "segmentation":
        with pytest.raises(ValueError, match="outputs of pixels are not kept"):
            widgets.ParetoExplorer(ev)
        return
    panel = widgets.ParetoExplorer(ev, ["m1", "m2"])
    view = checked(ev, panel.ask(preference=0.3))
    assert panel.recipe is not None
    score = ev.evaluate(panel.recipe, ["val"])["val"]
    # The validation split is looked at whole, so its values are the evaluator's.
    assert score.accuracy == pytest.approx(
        _numbers(view.tables[0].rows[0][1]) / (100 if SHARES[task_of(ev)] else 1), rel=0.01
    )
    panel.close()


def _numbers(cell: Any) -> float:
    return float(str(cell).rstrip("%"))


def test_every_explorer_is_asked() -> None:
    asked = {
        "AlphaExplorer", "SoupMixer", "FrontierExplorer", "LandscapeExplorer", "DiversityExplorer", "MistakeReviewer",
        "SpectrumExplorer", "AugmentationExplorer", "DiagnosisExplorer", "ParetoExplorer",
    }  # fmt: skip
    # A prediction is of whatever its questions measure.
    asked.add("Predict")
    assert asked == {one.__name__ for one in widgets.all_explorers() if one.__module__.startswith("soupwidgets.")}


def test_a_page(ev: Evaluator, tmp_path: Path) -> None:
    for panel in (widgets.AlphaExplorer(ev, alphas=3), widgets.FrontierExplorer(ev)):
        page = panel.to_html(tmp_path / "page.html").read_text("utf-8")
        assert "<b>long" not in page
        assert "nan%" not in page.lower().replace("nan%{", "")
