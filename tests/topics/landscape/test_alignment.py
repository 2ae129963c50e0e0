"""What alignment changes, measured on a line and drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.evaluation import Recalibration, SplitScore
from soupwidgets.figures.shown import plain_text
from soupwidgets.models import Architecture
from soupwidgets.topics.landscape.line import LandscapeLine
from tests.fixtures import WriteCheckpoint
from tests.methods.alignment.networks import with_statistics

_CARD = {"timm_model_name": "test_resnet", "timm_model_pretrained": False, "timm_proj": "linear", "image_size": 28}
RESNET = Architecture(8, _CARD, 10, 0.286, 0.353)


def line(*correct: int, second: str = "b", images: int = 1000, batch_norm: str = "") -> LandscapeLine:
    ts = np.linspace(0, 1, len(correct)).tolist()
    scores = {
        t: SplitScore("validation", images, images, c, 2 - c / images, loss_sd=0.7)
        for t, c in zip(ts, correct, strict=True)
    }
    return LandscapeLine("a", second, "val", scores, {t: Recipe({"a": 1 - t, second: t}) for t in ts}, batch_norm)


BEFORE, AFTER = line(900, 300, 880), line(900, 850, 880, second="b-aligned")
BOTH = {"as trained": BEFORE, "aligned": AFTER}
ALL = {**BOTH, "aligned, statistics recomputed": line(902, 880, 881, batch_norm="Recomputed.")}


def test_lines_are_those_of_the_three_checkpoints(
    write_checkpoint: WriteCheckpoint, small_suite: Suite, tmp_path: Path
) -> None:
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        tensors = dict(with_statistics(RESNET.build(), seed).state_dict())
        path = write_checkpoint(name, tensors, architecture=RESNET.to_json())
    pool = Pool.open(path.parent)
    aligned = sw.align(pool, "b", to="a", path=tmp_path / "b-aligned.safetensors", progress=False)
    store = Store(tmp_path / "store")
    ev = Evaluator(pool.including(aligned.path), small_suite, device="cpu", store=store, batch_norm=Recalibration(64))
    lines = sw.landscape.alignment_lines(ev, "a", "b", aligned="b-aligned", steps=3, progress=False)
    assert list(lines) == [*BOTH, "as trained, statistics recomputed", "aligned, statistics recomputed"]
    before, after, own, again = lines.values()
    assert (before.second, after.second, own.second, again.second) == ("b", "b-aligned", "b", "b-aligned")
    assert own.losses[1.0] == before.losses[1.0]
    assert own.losses[0.5] != before.losses[0.5]
    # The permuted network computes the same.
    assert after.scores[1.0].correct == before.scores[1.0].correct
    assert after.losses[1.0] == pytest.approx(before.losses[1.0], abs=1e-5)
    assert after.losses[0.5] != pytest.approx(before.losses[0.5], abs=1e-5)
    assert "averaged" in after.batch_norm
    assert "64 training examples" in again.batch_norm
    direct = sw.landscape.line(ev.with_batch_norm("average"), "a", "b-aligned", steps=3, beyond=0, progress=False)
    assert direct.errors == after.errors
    short = sw.landscape.alignment_lines(ev, "a", "b", steps=3, progress=False)
    assert list(short) == ["as trained", "as trained, statistics recomputed"]


def test_the_figure_has_the_lines_numbers_and_their_intervals() -> None:
    drawn = sw.landscape.figures.alignment.plain(ALL)
    assert drawn.trace("accuracy-as trained")["y"] == pytest.approx([90, 30, 88])
    assert drawn.trace("loss-aligned")["y"] == pytest.approx([1.1, 1.15, 1.12])
    assert drawn.trace("loss-aligned")["yaxis"] == "y2"
    low, high = BEFORE.scores[0.5].interval
    band = drawn.trace("band-accuracy-as trained")["y"]
    assert (band[1], band[-2]) == pytest.approx((100 * high, 100 * low))
    figure = drawn.to_figure()
    assert len({trace.uid for trace in figure.data}) == len(figure.data) == 12
    # Crossing lines with long names have a legend, and each name is in it once.
    assert [trace.name for trace in figure.data if trace.showlegend] == list(ALL)
    assert figure.layout.showlegend


def test_the_title_says_what_one_sees_and_no_more() -> None:
    def title(before: LandscapeLine, after: LandscapeLine) -> str:
        figure = sw.landscape.figures.alignment({"as trained": before, "aligned": after})
        return plain_text(figure.layout.title.text)

    assert title(BEFORE, AFTER) == "Alignment lowers the error barrier from 59.0 to 4.0 points"
    assert title(AFTER, BEFORE).startswith("Alignment raises the error barrier from")
    near = line(900, 848, 880)
    assert title(near, AFTER) == "No clear change of the error barrier by alignment: 4.2 and 4.0 points"
    unknown = LandscapeLine("a", "b", "val", {0.5: BEFORE.scores[0.5]}, BEFORE.recipes)
    assert title(unknown, AFTER) == "Accuracy and loss between a and b, as trained and aligned"
    own = sw.landscape.figures.alignment({"as trained": BEFORE, "as trained, statistics recomputed": AFTER})
    assert plain_text(own.layout.title.text).startswith("Recomputing statistics lowers the error barrier from")
    empty = LandscapeLine("<a>", "b", "val", {}, BEFORE.recipes)
    assert "between <a> and b" in title(empty, empty)


def test_the_figure_in_words() -> None:
    words = sw.figures.text_alternative(sw.landscape.figures.alignment(ALL))
    assert "as trained: accuracy 90.0% at a, 88.0% at b, lowest 30.0% at alpha 0.5" in words
    assert "error barrier 59.00 points [" in words
    assert words.endswith("Recomputed.")
    with pytest.raises(ValueError, match="a line 'as trained' and another are needed, got as trained"):
        sw.landscape.figures.alignment({"as trained": BEFORE})
