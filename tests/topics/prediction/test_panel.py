"""The panel of predictions: nothing is measured before it is asked for, and then both are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import soupwidgets as sw
from soupwidgets.topics.prediction import Measured, Question
from soupwidgets.topics.prediction.comparison import SENTENCES
from soupwidgets.widgets import Predict


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def panel(calls: list[str]) -> Iterator[Predict]:
    def measure(name: str, *found: float) -> Callable[[], tuple[float, float, float]]:
        def measured() -> tuple[float, float, float]:
            calls.append(name)
            return found  # type: ignore[return-value]

        return measured

    questions = [
        Question("half", "Accuracy at alpha 0.5", measure("half", 81.9, 81.1, 82.6)),
        Question(
            "loss", "Loss at alpha 0.5", measure("loss", 0.53, 0.51, 0.55), unit="nats", high=3, step=0.1, digits=2
        ),
    ]
    made = Predict("Half way", questions)
    yield made
    made.close()


def test_nothing_is_measured_before_it_is_asked_for(panel: Predict, calls: list[str]) -> None:
    panel.half = 70
    panel.wait(background=True)
    assert calls == []
    assert panel.comparisons == []
    assert panel.view["tables"] == []
    assert "0.53" not in json.dumps(panel.view)
    hidden = {control["name"]: control["hidden"] for control in panel.controls}
    assert hidden == {"half": False, "loss": False, "revealed": True, "show": False, "again": True}


def test_the_button_shows_both_and_holds_the_predictions(panel: Predict, calls: list[str]) -> None:
    panel.state = {"half": 70, "loss": 0.52}
    panel.show += 1
    panel.wait()
    assert panel.error == ""
    assert panel.revealed
    assert calls == ["half", "loss"]
    assert [one.side for one in panel.comparisons] == ["below", "within"]
    assert panel.comparisons[0].measured == Measured(81.9, 81.1, 82.6)
    (table,) = panel.view["tables"]
    assert table["rows"] == [
        ["Accuracy at alpha 0.5", "70.0%", "81.9%", "81.1% to 82.6%", "measured 11.9 points higher"],
        ["Loss at alpha 0.5", "0.52 nats", "0.53 nats", "0.51 nats to 0.55 nats", "within the interval"],
    ]
    hidden = {control["name"]: control["hidden"] for control in panel.controls}
    assert hidden == {"half": True, "loss": True, "revealed": True, "show": True, "again": False}
    # One figure for each unit.
    assert [len(figure["data"]) >= 3 for figure in panel.view["figures"]] == [True, True]
    panel.again += 1
    panel.wait()
    assert not panel.revealed
    assert panel.view["tables"] == []
    panel.show += 1
    panel.wait()
    assert calls == ["half", "loss"], "each is measured once"


def test_in_german_a_page_is_told_german_sentences(calls: list[str]) -> None:
    with sw.language("de"):
        made = Predict("Auf halbem Weg", [Question("half", "Genauigkeit bei alpha 0.5", lambda: (81.9, 81.1, 82.6))])
    view = made._json(made.ask(half=70, revealed=True), made.state)
    made.close()
    said = "Genauigkeit bei alpha 0.5: Sie sagten 70.0%, gemessen wurden 81.9% (81.1% bis 82.6%): 11.9 Punkte mehr."
    assert view["figures"][0]["words"] == said
    told = view["card"]["prediction"]
    places = {"words": "Genauigkeit bei alpha 0.5", "predicted": "70.0%", "measured": "81.9%", "apart": "11.9 Punkte"}
    assert told["sentences"]["below"].format(low="81.1%", high="82.6%", **places) == said
    assert told["questions"][0]["unit_apart"] == "Punkte"
    (table,) = view["tables"]
    assert table["columns"][1:3] == ["vorhergesagt", "gemessen"]
    assert table["saved_columns"] == ["", "predicted", "measured", "95% interval", "how far off"]
    english = {*SENTENCES.values()} - {"{low} to {high}"}
    assert not english & {*told["sentences"].values()}


def unshared(value: Any, shared: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        whole = {key: unshared(one, shared) for key, one in value.items()}
        return unshared(shared[value["$"]], shared) if "$" in value else whole
    return [unshared(one, shared) for one in value] if isinstance(value, list) else value


def test_what_cannot_be_told_apart_is_refused() -> None:
    one = Question("half", "Accuracy", lambda: (0, 0, 0))
    with pytest.raises(ValueError, match="nothing to predict"):
        Predict("Nothing", [])
    with pytest.raises(ValueError, match="two questions have the name 'half'"):
        Predict("Twice", [one, one])
    with pytest.raises(ValueError, match="two questions have the words 'Accuracy'"):
        Predict("Twice", [one, Question("other", "Accuracy", lambda: (0, 0, 0))])


def test_a_page_has_both_answers_and_is_safe(panel: Predict, tmp_path: Path) -> None:
    evil = Predict("</script><b>x", [Question("a", "</script><img src=x onerror=1>", lambda: (1.0, 0.5, 1.5))])
    page = evil.to_html(tmp_path / "evil.html").read_text("utf-8")
    evil.close()
    assert "<img src=x" not in page
    assert "</script><b>" not in page
    page = panel.to_html(tmp_path / "page.html").read_text("utf-8")
    found = re.search(r'id="content">(.*?)</script>', page)
    assert found
    content = json.loads(found[1])
    assert content["varied"] == {"revealed": [False, True]}
    before = unshared(content["answers"]["[false]"], content["shared"])
    after = unshared(content["answers"]["[true]"], content["shared"])
    assert before["tables"] == []
    assert "0.53" not in json.dumps(before)
    assert after["tables"][0]["rows"] == panel.ask(revealed=True).to_json()["tables"][0]["rows"]


@pytest.mark.parametrize("name", ["state", "revealed", "show", "questions", "not a name"])
def test_a_question_is_not_called_what_the_panel_has_itself(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be called"):
        Predict("x", [Question(name, "Accuracy", lambda: (0, 0, 0))])
