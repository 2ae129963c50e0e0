"""What no percent is, is said in the metric's own words and unit: a regression by RMSE and by R2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite, diversity, landscape
from soupwidgets.figures.shown import plain_text
from soupwidgets.topics.landscape.alignment import BEFORE, BOTH
from soupwidgets.topics.landscape.report import barriers_report, line_report, plane_report

X = np.random.default_rng(0).standard_normal((48, 4)).astype(np.float32)
W = np.array([1.0, -2.0, 0.5, 1.5], dtype=np.float32)
PERCENT = ("%", "percent", "points", "error,", "Error ", "error ", "ccuracy", "nats")


@pytest.fixture(params=["rmse", "r2"])
def ev(request: pytest.FixtureRequest, tmp_path: Path) -> Evaluator:
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    for name in ("a", "b", "c"):
        torch.manual_seed(ord(name))
        drawn = {key: torch.randn(tensor.shape) for key, tensor in network.state_dict().items()}
        torch.save(drawn, tmp_path / f"{name}.pt")
    half = {"val": (X[:24], (X @ W)[:24]), "test": (X[24:], (X @ W)[24:])}
    suite = Suite.of("numbers", half, task="regression", metric=request.param)
    return Evaluator(Pool.open(tmp_path), suite, model=network, store=Store(tmp_path / "store"))


def test_reports(ev: Evaluator) -> None:
    metric = ev.suite.validation.scoring.metric
    words = {"rmse": "root mean squared error", "r2": "R2"}[metric]
    line = landscape.line(ev, "a", "b", steps=3, beyond=0, progress=False)
    values = [score.accuracy for score in line.scores.values()]
    report = line_report(line)
    _none_of(PERCENT if metric == "r2" else PERCENT[:4], report.text.replace(words, ""))
    first = report.text.splitlines()[1].split()
    limits = line.scores[0.0].interval
    assert [float(one) for one in first[1:4]] == pytest.approx([values[0], *limits], abs=1e-3)
    assert first[0] == "0.0"
    assert f"{words} low" in report.text
    assert f"Barrier of {words} {line.barrier:.3g} [" in report.text
    assert report.content["metric"] == metric
    matrix = landscape.barrier_matrix(ev, points=3, progress=False)
    said = barriers_report(matrix).text
    _none_of(PERCENT[:3], said)
    worst, side = {"rmse": ("highest", "above"), "r2": ("lowest", "below")}[metric]
    assert f"Barriers of {words} on val: the {worst} {words} on the straight line, {side} the mean {words}" in said
    assert f"{matrix.heights[0, 1]:.2f}"[:-1] in said
    found = landscape.plane(ev, ["a", "b", "c"], grid=3, progress=False)
    said = plane_report(found, landscape.marks(ev, found.plane, {"a": Recipe({"a": 1})})).text
    _none_of(PERCENT[:3], said)
    assert f"{ev.evaluate('a', 'val')['val'].accuracy:.3f}" in said.splitlines()[-1]


def test_figures(ev: Evaluator) -> None:
    metric = ev.suite.validation.scoring.metric
    name = {"rmse": "Root mean squared error", "r2": "R2"}[metric]
    profile = landscape.block_profile(ev, "a", "b", alphas=(0, 1), progress=False)
    drawn = landscape.figures.block_profile(profile)
    one, other = (ev.evaluate(which, "val")["val"].accuracy for which in ("a", "b"))
    np.testing.assert_allclose(np.asarray(drawn.data[0]["z"])[:, 0], one, rtol=1e-5)
    assert drawn.data[0]["colorbar"]["title"]["text"].startswith(
        name[0].lower() + name[1:] if metric == "rmse" else name
    )
    _none_of(("%", "error, "), drawn.layout.meta["text"] + drawn.data[0]["hovertemplate"].replace("%{", ""))
    plane = landscape.plane(ev, ["a", "b", "c"], grid=4, progress=False)
    part = replace(plane, seen=np.where(np.eye(*plane.seen.shape), 0, plane.seen))
    drawn, (heights, errors) = landscape.figures.contour(part, "error"), part.heights("error")
    sign = 1 if metric == "rmse" else -1
    assert drawn.data[0]["text"][0][0] == f"predicted {sign * heights[0, 0]:.3g} \u00b1 {errors[0, 0]:.2g}"
    assert drawn.data[0]["text"][0][1] == f"measured {sign * plane.error[0, 1]:.3g}"
    whole = landscape.block_profile(ev, "a", "b", mode="after", alphas=(0, 1), progress=False)
    np.testing.assert_allclose(np.asarray(landscape.figures.block_profile(whole).data[0]["z"])[0, 1], other, rtol=1e-5)
    matrix = landscape.barrier_matrix(ev, points=3, progress=False)
    drawn = landscape.figures.barrier_matrix(matrix)
    assert np.asarray(drawn.data[0]["z"], dtype=float)[0, 1] == pytest.approx(matrix.heights[0, 1])
    _none_of(PERCENT[:3], drawn.layout.meta["text"] + drawn.data[0]["colorbar"]["title"]["text"])
    line = landscape.line(ev, "a", "b", steps=3, beyond=0, progress=False)
    drawn = landscape.figures.alignment({BEFORE: line, BOTH: line})
    assert drawn.layout.yaxis.title.text == f"{name} on val"
    assert drawn.layout.yaxis2.title.text == "Half the squared error"
    (values,) = (trace.y for trace in drawn.data if trace.uid == f"accuracy-{BEFORE}")
    assert list(values) == pytest.approx([score.accuracy for score in line.scores.values()])
    _none_of(("%", "points", "ccuracy", "nats"), drawn.layout.meta["text"] + plain_text(drawn.layout.title.text))


def test_an_ensemble_grows_in_the_metrics_direction(ev: Evaluator) -> None:
    members = diversity.members(ev, progress=False)
    steps = diversity.greedy_ensemble(members[0], members[1:], ev.suite)
    metric = ev.suite.validation.scoring.metric
    values = [(-1 if metric == "rmse" else 1) * step.evaluation.accuracy["val"] for step in steps]
    assert len(steps) > 1
    assert values == sorted(values)
    drawn = diversity.figures.helpers(steps, "val", "test")
    name = {"rmse": "Root mean squared error", "r2": "R2"}[metric]
    assert drawn.layout.yaxis.title.text == f"{name} (95% intervals)"
    assert list(drawn.data[0].y) == pytest.approx([step.evaluation.accuracy["val"] for step in steps])
    (alone,) = (trace for trace in drawn.data if trace.uid == "alone")
    assert list(alone.y) == pytest.approx([step.alone for step in steps])
    _none_of(("%", "ccuracy"), drawn.layout.meta["text"])


def _none_of(words: tuple[str, ...], text: str) -> None:
    assert [word for word in words if word in text] == []
