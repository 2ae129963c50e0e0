from __future__ import annotations

import pytest

from soupwidgets import Evaluator, PoolError
from soupwidgets.figures import text_alternative
from soupwidgets.topics.diagnosis import diagnose, figures
from soupwidgets.widgets import DiagnosisExplorer

NAMES = ["zero-shot", "ft-00", "ft-03", "bad-lr", "other-seed"]


def test_the_verdict_and_its_evidence(small_evaluator: Evaluator) -> None:
    panel = DiagnosisExplorer(small_evaluator, NAMES)
    view = panel.ask()
    found = diagnose(small_evaluator, panel.models, progress=False)
    assert view.words == found.sentence
    findings, everybody = view.tables
    assert [row[0] for row in findings.rows] == ["other-seed", "bad-lr"]
    assert {row[0] for row in everybody.rows} == set(NAMES)
    assert view.done == view.total
    panel.close()


def test_leaving_out_the_accused_makes_a_healthy_pool(small_evaluator: Evaluator) -> None:
    panel = DiagnosisExplorer(small_evaluator, NAMES)
    view = panel.ask(models=NAMES[:3])
    assert view.words.startswith("These 3 models can be souped")
    assert view.tables[0].rows == []
    assert panel.ask(models=NAMES[:1]).words == "Choose at least two models."
    panel.close()


def test_the_code_gives_the_same(small_evaluator: Evaluator, capsys: pytest.CaptureFixture[str]) -> None:
    panel = DiagnosisExplorer(small_evaluator, NAMES[:3])
    code = panel.code({"models": NAMES[:3]})
    assert "sw.diagnose(ev, ['zero-shot', 'ft-00', 'ft-03'])" in code
    panel.close()


def test_who_is_not_there(small_evaluator: Evaluator) -> None:
    with pytest.raises(PoolError, match="ft-99"):
        DiagnosisExplorer(small_evaluator, ["zero-shot", "ft-99"])
    with pytest.raises(ValueError, match="at least two"):
        DiagnosisExplorer(small_evaluator, ["zero-shot"])


def test_figures_say_what_they_show(small_evaluator: Evaluator) -> None:
    found = diagnose(small_evaluator, NAMES, progress=False)
    drawn = figures.members(found)
    said = text_alternative(drawn)
    assert "other-seed lies at" in said
    assert "bad-lr lies at" in said
    by_uid = {trace.uid: trace for trace in drawn.data}
    assert list(by_uid["accused"].hovertext) == ["bad-lr", "other-seed"]
    assert by_uid["zero-shot"].x[0] == 0
    drawn = figures.barriers(found)
    heights = dict(zip(drawn.data[0].y, drawn.data[0].x, strict=True))
    assert heights["other-seed"] == pytest.approx(100 * found.barriers["other-seed"])
    assert max(heights, key=lambda name: heights[name]) in text_alternative(drawn)
