"""The pages of the workshop in a browser: predict, show, and answers with their hints; no Python, and no server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebooks.workshop.building.source import all_sources
from soupwidgets import Evaluator
from soupwidgets.pages.workshop import read_sessions, write_workshop
from soupwidgets.topics.prediction import Comparison, Measured, Question
from soupwidgets.topics.prediction.comparison import summary
from soupwidgets.widgets import Predict
from tests.browser.accessibility import faint_words, violations
from tests.browser.jupyter import ARTEFACTS, fresh_page
from tests.fixtures import ROOT
from tests.test_workshop import said_of

ENGLISH = ROOT / "notebooks" / "workshop" / "en"
SESSIONS = read_sessions(ENGLISH)


@pytest.fixture(scope="module")
def site(small_evaluator: Evaluator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workshop")
    write_workshop(folder, [ENGLISH], small_evaluator, baselines=ROOT / "data" / "baselines" / "fashion.csv")
    return folder


@pytest.fixture
def tab(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    errors: list[str] = []
    with fresh_page(browser) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_viewport_size({"width": 1300, "height": 850})
        yield page
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(ARTEFACTS / f"{request.node.name}.png"), full_page=True)
    assert errors == []


def traces(page: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        """() => [...document.querySelectorAll(".js-plotly-plot")].map((plot) =>
            Object.fromEntries(plot.data.map(({ uid, x }) => [uid, x])))"""
    )
    return found


def test_words_may_have_signs_of_markup(tab: Any, tmp_path: Path) -> None:
    panel = Predict("Signs", [Question("low", "alpha < 0.5 & up", lambda: (60.0, 50.0, 70.0))])
    path = panel.to_html(tmp_path / "signs.html")
    panel.close()
    tab.goto(path.as_uri())
    tab.locator(".js-plotly-plot .main-svg").first.wait_for()
    box = tab.get_by_role("textbox", name="alpha < 0.5 & up")
    box.fill("40")
    box.press("Enter")
    tab.get_by_role("button", name="Show what was measured").click()
    tab.get_by_role("cell", name="measured 20.0 points higher").wait_for()
    assert traces(tab)[0]["predicted"] == [40]


@pytest.mark.parametrize("session", SESSIONS, ids=lambda one: one.page)
def test_a_prediction_is_drawn_beside_what_was_measured(tab: Any, site: Path, session: Any) -> None:
    asked = session.predict.questions
    tab.goto(f"file://{site}/{session.page}-predict.html")
    tab.locator(".js-plotly-plot .main-svg").first.wait_for()
    before = tab.locator("body").inner_text()
    # Nothing of what was measured is shown, nor moved, before it is asked for.
    assert "predicted" not in before.lower().split()
    assert all("measured" not in drawn and drawn["apart"] == [None] for drawn in traces(tab))
    said = {}
    for number, one in enumerate(asked):
        said[one.name] = round(one.low + (one.high - one.low) * (number + 1) / (len(asked) + 2), 2)
        box = tab.get_by_role("textbox", name=one.words)
        box.fill(str(said[one.name]))
        box.press("Enter")
    tab.get_by_role("button", name="Show what was measured").click()
    tab.locator(".soupwidgets-view table").wait_for()
    found = [
        Comparison(
            Question(one.name, one.words, lambda: (0, 0, 0), one.unit, digits=one.digits), said[one.name],
            Measured(*one.measured),
        )
        for one in asked
    ]  # fmt: skip
    # Every word and number is Python's.
    assert tab.locator(".soupwidgets-status [role=status]").inner_text() == summary(found)
    words = " ".join(one.text_content() for one in tab.locator(".soupwidgets-figure details p").all())
    assert sorted(words) == sorted(" ".join(one.words for one in found))
    rows = [[cell.text_content() for cell in row.locator("th, td").all()] for row in tab.locator("tbody tr").all()]
    assert rows == [
        [one.question.words, one.question.show(one.predicted), one.question.show(one.measured.value),
         one.say("limits"), one.say(f"cell {one.side}")] for one in found
    ]  # fmt: skip
    drawn = traces(tab)
    assert sorted(x for plot in drawn for x in plot["predicted"]) == pytest.approx(sorted(said.values()))
    assert sorted(x for plot in drawn for x in plot["measured"]) == pytest.approx(
        sorted(one.measured[0] for one in asked)
    )
    # The predictions stand; predicting again hides what was measured.
    assert tab.locator(".soupwidgets-slider:visible").count() == 0
    tab.get_by_role("button", name="Predict again").click()
    tab.get_by_role("button", name="Show what was measured").wait_for()
    assert all("measured" not in plot for plot in traces(tab))
    tab.get_by_role("button", name="Show what was measured").click()


@pytest.mark.parametrize("session", SESSIONS, ids=lambda one: one.page)
def test_a_page_says_of_every_answer_what_the_notebook_says(tab: Any, site: Path, session: Any) -> None:
    source = next(one for one in all_sources() if one.name == session.page)
    tab.goto(f"file://{site}/{session.page}-exercises.html")
    for exercise in (one for one in source.exercises if one.answer is not None):
        form = tab.locator(f"form[data-name={exercise.name}]")
        answers = [*exercise.answers, *(hint.get("when", hint.get("low")) for hint in exercise.hints)]
        numbers = not isinstance(answers[0], str)
        for answer in [*answers, *([-987654] if numbers else ["nothing of the kind"])]:
            form.get_by_role("textbox").fill(str(answer).replace(".", ",") if numbers else f" {answer.upper()} ")
            form.get_by_role("button").click()
            expected = said_of(exercise, source, answer) or source.words["right"]
            assert form.locator("output").inner_text() == expected, (exercise.name, answer)
        if numbers:
            form.get_by_role("textbox").fill("many")
            form.get_by_role("button").click()
            assert form.locator("output").inner_text() == source.words["number"]
        form.get_by_role("textbox").fill("")
        form.get_by_role("button").click()
        assert form.locator("output").inner_text() == source.words["nothing"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["session-alpha", "alpha-exercises", "alpha-predict", "frontier"])
def test_pages_can_be_read_by_everyone(tab: Any, site: Path, name: str, scheme: str) -> None:
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": 390, "height": 844})
    # What is in a frame is another page.
    tab.route(re.compile(r"/(alpha|soup|landscape)\.html$"), lambda route: route.fulfill(body="<p>elsewhere</p>"))
    tab.goto(f"file://{site}/{name}.html")
    if not name.startswith(("session", "alpha-exercises")):
        tab.locator(".soupwidgets-figure .main-svg").first.wait_for()
        tab.wait_for_timeout(700)
    assert faint_words(tab, "body", at_least=10) == []
    assert violations(tab, "body") == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
