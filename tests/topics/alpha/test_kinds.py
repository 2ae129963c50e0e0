"""Kinds of mistakes along alpha, and scores of the worst by which alpha may be chosen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as reference

import soupwidgets as sw
from soupwidgets import Evaluator, PoolError, alpha_sweep
from soupwidgets.evaluation import right_answers
from soupwidgets.suites.slices import SliceSplit
from soupwidgets.topics.mistakes.taxonomy import Mistake
from soupwidgets.widgets import AlphaExplorer
from tests.command import run
from tests.fixtures import ZOO


def judged_by(ev: Evaluator, *, every: int = 2) -> list[Mistake]:
    """Every second mistake of the zero-shot model, of two kinds in turn, and one of them judged twice."""
    test = ev.suite.id_test
    said = ev.evaluate("zero-shot", "test").split_logits("test").argmax(axis=1)
    wrong = np.flatnonzero(said != test.labels)[::every]
    kinds = [("fine-grained", "minor"), ("spurious correlation", "major")]
    found = [Mistake(str(row), int(said[row]), *kinds[i % 2]) for i, row in enumerate(wrong)]
    return [*found, Mistake(found[0].image, found[0].prediction, "non-prototypical", "minor")]


def test_kinds_by_hand(small_evaluator: Evaluator) -> None:
    ev, test = small_evaluator, small_evaluator.suite.id_test
    sweep, judged = alpha_sweep(ev, "ft-03", alphas=3, progress=False), judged_by(small_evaluator)
    curves = {one.name: one for one in sw.alpha.mistake_kinds(sweep.evaluations, ev.suite, judged)}
    assert {*list(curves)[:2]} == {"fine-grained", "spurious correlation"}
    assert list(curves)[2:] == ["disputed", "not judged"]
    twice = judged[-1].image
    for place, alpha in enumerate(sweep.alphas):
        said = sweep[alpha].split_logits("test").argmax(axis=1)
        wrong = {row for row in range(len(test)) if said[row] != test.labels[row]}
        of = {(int(one.image), one.prediction): one.category if one.image != twice else "disputed" for one in judged}
        for name, curve in curves.items():
            expected = sum(of.get((row, int(said[row])), "not judged") == name for row in wrong)
            assert curve.counts[place] == expected
        assert sum(int(curve.counts[place]) for curve in curves.values()) == len(wrong)
    assert curves["disputed"].counts[0] == 1
    # They hold for all at once, and so none is shorter than one by itself.
    for curve in curves.values():
        for count, (low, high) in zip(curve.counts, curve.interval, strict=True):
            alone = reference.binomtest(int(count), len(test)).proportion_ci(method="exact")
            assert low <= len(test) * alone.low + 1e-9
            assert high >= len(test) * alone.high - 1e-9
    severities = sw.alpha.mistake_kinds(sweep.evaluations, ev.suite, judged, by="severity")
    # Both judgements of the one image say how bad it is.
    assert {one.name for one in severities} == {"minor", "major", "not judged"}


def test_names_of_images_and_of_kinds(small_evaluator: Evaluator) -> None:
    """A kind that is called as ours is another one; what is on no image of the split is said."""
    ev = small_evaluator
    first = judged_by(ev)[0]
    measured = {0.0: ev.evaluate("zero-shot", "test")}
    odd = [Mistake(first.image, first.prediction, "not judged")]
    names = [one.name for one in sw.alpha.mistake_kinds(measured, ev.suite, odd)]
    assert names == ["'not judged'", "not judged"]
    for image in ("9" * 5000, "-1", "400", "n01440764.jpg", ""):
        with pytest.raises(ValueError, match="none of 1 judged mistakes is on an image of 'test'"):
            sw.alpha.mistake_kinds(measured, ev.suite, [Mistake(image, 1, "fine-grained")])


def test_what_a_review_accepts_is_no_mistake(small_evaluator: Evaluator) -> None:
    ev, judged = small_evaluator, judged_by(small_evaluator)
    labels = ev.suite.id_test.labels
    sets = {row: [int(label)] for row, label in enumerate(labels)}
    accepted, skipped = int(judged[2].image), int(judged[3].image)
    sets[accepted].append(judged[2].prediction)
    del sets[skipped]
    after = ev.with_suite(ev.suite.with_label_sets({"test": sets}))
    measured = {0.0: after.evaluate("zero-shot", "test")}
    total = sum(int(one.counts[0]) for one in sw.alpha.mistake_kinds(measured, after.suite, judged))
    before = {0.0: ev.evaluate("zero-shot", "test")}
    assert total == sum(int(one.counts[0]) for one in sw.alpha.mistake_kinds(before, ev.suite, judged)) - 2


def test_the_worst_slice_of_validation_images_chooses(small_evaluator: Evaluator) -> None:
    suite = small_evaluator.suite
    val = suite.validation
    sliced = suite.with_slices([
        SliceSplit("first", val, range(150)), SliceSplit("middle", val, range(100, 300)),
        SliceSplit("of the test", suite.id_test, range(10)),
    ])  # fmt: skip
    sweep = alpha_sweep(small_evaluator, "ft-03", alphas=5, progress=False)
    scores = sw.alpha.worst_scores(sweep.evaluations, sliced, by="slice")
    for alpha, score in scores.items():
        right = right_answers(sweep[alpha], val)
        assert score.value == min(right[:150].mean(), right[100:300].mean())
        # Two comparisons: the upper limit is that of 97.5%.
        limits = [
            reference.binomtest(int(part.sum()), len(part)).proportion_ci(level, method="exact")
            for part in (right[:150], right[100:300])
            for level in (0.95, 0.975)
        ]
        assert score.low == pytest.approx(min(limits[0].low, limits[2].low))
        assert score.high == pytest.approx(min(limits[1].high, limits[3].high))
    best = max(scores, key=lambda alpha: (scores[alpha].value, -alpha))
    assert sweep.best_alpha(scores) == best
    error = (scores[best].high - scores[best].low) / (2 * 1.959964)
    near = min(alpha for alpha in scores if scores[alpha].value >= scores[best].value - error)
    assert sweep.most_robust_alpha(scores) == near
    with pytest.raises(ValueError, match="no slice to compare"):
        sw.alpha.worst_scores(sweep.evaluations, suite, by="slice")


def test_the_explorer_shows_slices_and_kinds(small_evaluator: Evaluator) -> None:
    suite = small_evaluator.suite
    slices = [SliceSplit("first", suite.id_test, range(150)), SliceSplit("rest", suite.id_test, range(150, 400))]
    ev = small_evaluator.with_suite(suite.with_slices(slices))
    plain = AlphaExplorer(small_evaluator, "ft-03", alphas=3)
    looks = {c["name"]: [o[0] for o in c.get("options", [])] for c in plain.controls}["look"]
    assert looks == ["splits", "classes", "mistakes"]
    plain.close()
    explorer = AlphaExplorer(ev, "ft-03", alphas=3, judged={"test": judged_by(ev)})
    explorer.wait(background=True)
    view = explorer.ask(look="slices", alpha=0.5)
    half = ev.evaluate(sw.wise_ft(ev.pool, "ft-03", 0.5))
    rows = {row[0]: row for row in view.tables[0].rows}
    assert rows["rest"][3] == f"{half.accuracy['rest']:.1%}"
    assert "Accuracy of 2 slices along alpha" in view.figures["classes"].text
    # A slice that is chosen is one of its parent's.
    assert "Accuracy of 2 slices" in explorer.ask(look="slices", alpha=0.5, shift="first").figures["classes"].text
    assert explorer.ask(look="slices", shift="blur", alpha=0.5).notes
    view = explorer.ask(look="kinds", alpha=0.5)
    curves = sw.alpha.mistake_kinds(explorer.sweep.evaluations, ev.suite, judged_by(ev))
    assert [row[2] for row in view.tables[0].rows] == [int(one.counts[1]) for one in curves]
    assert view.figures["kinds"].trace("kind-0")["y"] == curves[0].counts.tolist()
    assert "severities" in view.figures
    assert explorer.ask(look="kinds", shift="blur", alpha=0.5).notes == ["No mistake on 'blur' was judged."]
    explorer.close()
    with pytest.raises(ValueError, match="judged on 'tset'"):
        AlphaExplorer(ev, "ft-03", judged={"tset": judged_by(ev)})


def test_the_commands(small_evaluator: Evaluator, small_folder: Path, tmp_path: Path) -> None:
    import pandas as pd

    judged = judged_by(small_evaluator)
    pd.DataFrame(map(vars, judged)).to_csv(tmp_path / "judged.csv", index=False)
    read = sw.alpha.read_judged(tmp_path / "judged.csv")
    assert [(o.image, o.prediction, o.category) for o in read] == [(o.image, o.prediction, o.category) for o in judged]
    options = ["--pool", str(ZOO), "--suite", str(small_folder), "--store", str(small_evaluator.store.place)]
    more = ["--fine-tuned", "ft-03", "--alphas", "3", "--judged", str(tmp_path / "judged.csv"), "--worst", "class"]
    done = run("sweep", *options, *more, "--json", "-")
    told = json.loads(done.stdout)
    sweep = alpha_sweep(small_evaluator, "ft-03", alphas=3, progress=False)
    curves = sw.alpha.mistake_kinds(sweep.evaluations, small_evaluator.suite, judged)
    assert [one["counts"] for one in told["category"]["kinds"]] == [one.counts.tolist() for one in curves]
    scores = sw.alpha.worst_scores(sweep.evaluations, small_evaluator.suite)
    assert told["by_worst"]["most_robust"] == sweep.most_robust_alpha(scores)
    soup = tmp_path / "soup.safetensors"
    small_evaluator.save(sw.Recipe({"ft-00": 0.5, "ft-03": 0.5}), soup, progress=False)
    by_file = json.loads(run("regressions", *options, "--after", str(soup), "--json", "-").stdout)
    by_name = run("regressions", *options, "--after", "ft-00", "--after", "ft-03", "--json", "-")
    told = json.loads(by_name.stdout)
    assert {one["name"]: one["after"] for one in told["changes"]} == {
        one["name"]: one["after"] for one in by_file["changes"]
    }
    ends = [small_evaluator.evaluate(r, "test") for r in ("zero-shot", sw.Recipe({"ft-00": 0.5, "ft-03": 0.5}))]
    losing = sw.alpha.regressions(sw.alpha.group_changes(*ends, small_evaluator.suite))
    assert told["regressions"] == [one.name for one in losing]
    assert by_name.returncode == (1 if losing else 0)
    wrong = run("regressions", *options, "--after", "ft-O3")
    assert wrong.returncode
    assert "Did you mean ft-13 or ft-03?" in wrong.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,kind\n1,2\n", "no column 'prediction'"),
        ("image,prediction\n", "it has no row"),
        ("image,prediction\n1,dog\n", "line 2: 'dog' is not the number of a class"),
        ("image,prediction\n1,99999999999\n", "line 2"),
        ("", "no column 'image'"),
    ],
)
def test_tables_that_are_none(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "judged.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        sw.alpha.read_judged(path)


def test_a_name_that_is_nobodys(small_evaluator: Evaluator) -> None:
    from soupwidgets.topics.alpha.report import regressions_report

    with pytest.raises(PoolError, match="neither a checkpoint of the pool nor a file"):
        regressions_report(small_evaluator, ["soup.safetensors"])
