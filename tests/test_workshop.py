"""The workshop: what is committed is what its sources build, and every check says what it should (`nbval` runs it)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebooks.workshop.building import documents, notebooks
from notebooks.workshop.building.__main__ import DOCUMENTS
from notebooks.workshop.building.exercise import Exercise
from notebooks.workshop.building.source import SOURCES, WORKSHOP, Source, all_sources, tags
from soupwidgets.translation import gettext, speaking

ALL = all_sources()
every_session = pytest.mark.parametrize("source", ALL, ids=lambda source: f"{source.language}-{source.stem}")
EXERCISES = [(source, one) for source in ALL for one in source.exercises]
every_exercise = pytest.mark.parametrize(
    ("source", "exercise"), EXERCISES, ids=[f"{source.language}-{source.stem}-{one.name}" for source, one in EXERCISES]
)


def committed(source: Source, kind: str) -> Any:
    return nbformat.read(WORKSHOP / source.language / kind / f"{source.stem}.ipynb", 4)


def data(source: Source) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WORKSHOP / source.language / f"{source.stem}.json").read_text("utf-8"))
    return found


def parts(notebook: Any) -> list[tuple[Any, ...]]:
    return [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]


@every_session
def test_what_is_committed_is_what_the_source_builds(source: Source) -> None:
    """Outputs are compared by nbval; the page shows those of the solved notebook."""
    solved = committed(source, "solved")
    made = documents.parts(source, solved)
    assert parts(committed(source, "learner")) == parts(notebooks.learner(source)), "run `make workshop`"
    assert parts(solved) == parts(notebooks.solved(source)), "run `make workshop`"
    assert data(source) == json.loads(json.dumps(notebooks.page_data(source, data(source)["predict"], made)))
    assert (DOCUMENTS / f"{source.name}.md").read_text("utf-8") == documents.page(source, made)
    assert (DOCUMENTS / f"{source.name}-notes.md").read_text("utf-8") == documents.notes(source)


@every_session
def test_a_page_has_the_measurements_of_the_solved_notebook(source: Source) -> None:
    printed = [
        one["text"] for cell in committed(source, "solved").cells if cell.cell_type == "code" for one in cell.outputs
        if one["output_type"] == "stream"
    ]  # fmt: skip
    for question in data(source)["predict"]["questions"]:
        row = next(line for text in printed for line in text.split("\n") if line.startswith(f"{question['words']} | "))
        assert f"| {question['measured'][0]:.{question['digits']}f}" in row
        low, high = question["measured"][1:]
        assert low <= question["measured"][0] <= high


@every_session
def test_a_session_takes_45_minutes_and_has_all_parts(source: Source) -> None:
    assert sum(minutes for minutes, _ in source.session["schedule"]) == 45
    assert all(len(source.session[part]) >= 2 for part in ("questions", "objectives", "keypoints"))
    assert 3 <= len(source.exercises) <= 5
    assert sum("predict" in tags(cell) for cell in source.cells) == 1
    (notes,) = [cell.source for cell in source.cells if "instructor" in tags(cell)]
    assert notes.count("\n## ") + notes.startswith("## ") == 1, "+++ ends the instructor's notes"
    first = next(cell for cell in source.cells if cell.cell_type == "markdown")
    assert first.source.startswith("## "), "each begins with a prediction"


@every_session
def test_a_learner_is_given_no_answer(source: Source) -> None:
    shown = "\n".join(
        cell.source for cell in committed(source, "learner").cells
        if not cell.metadata.get("jupyter", {}).get("source_hidden")
    )  # fmt: skip
    assert not any(cell.get("outputs") for cell in committed(source, "learner").cells)
    for one in source.exercises:
        assert f"{one.name} = ...  # " in shown
        assert one.solution.strip() not in shown
        assert one.explained.strip() not in shown


@every_session
def test_in_the_solved_notebook_every_answer_is_right(source: Source) -> None:
    said = [
        one["text"] for cell in committed(source, "solved").cells
        if cell.metadata.get("jupyter", {}).get("source_hidden") for one in cell.outputs
    ]  # fmt: skip
    with speaking(source.language):
        right = gettext("{name}: right.")
    assert said == [f"\u2713 {right.format(name=one.name)}\n" for one in source.exercises]


def said_of(exercise: Exercise, source: Source, answer: Any) -> str | None:
    """What the check says; None when it accepts the answer."""
    code = f"from numbers import Real\nfrom pytest import approx\n{exercise.check(source.words)}"
    space: dict[str, Any] = {exercise.name: answer, "check": lambda test: test()}
    try:
        exec(code, space)
    except AssertionError as hint:
        return str(hint)
    return None


@every_exercise
def test_every_right_answer_is_accepted_and_every_hint_is_said(source: Source, exercise: Exercise) -> None:
    assert said_of(exercise, source, ...) == source.words["nothing"]
    if exercise.answer is None:
        return
    for answer in exercise.answers:
        assert said_of(exercise, source, answer) is None
        if isinstance(answer, str):
            assert said_of(exercise, source, f" {answer.upper()} ") is None
        else:
            assert said_of(exercise, source, answer + 0.9 * exercise.tolerance) is None
            assert said_of(exercise, source, "a word") == source.words["number"]
    for hint in exercise.hints:
        typical = [hint["when"]] if "when" in hint else [hint["low"], hint["high"], (hint["low"] + hint["high"]) / 2]
        assert {said_of(exercise, source, one) for one in typical} == {hint["say"]}
    far = "nothing of the kind" if isinstance(exercise.answers[0], str) else -987654.0
    assert said_of(exercise, source, far) == exercise.otherwise


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*/words.yml")), ids=lambda path: path.parent.name)
def test_a_translation_has_the_same_words_and_the_same_numbers(path: Path) -> None:
    languages = {source.language for source in ALL}
    assert path.parent.name in languages
    originals = {source.stem: source for source in ALL if source.language == "en"}
    for source in (one for one in ALL if one.language == path.parent.name):
        original = originals[source.stem]
        assert source.words.keys() == original.words.keys()
        assert [tags(cell) for cell in source.cells] == [tags(cell) for cell in original.cells]
        assert [minutes for minutes, _ in source.session["schedule"]] == [m for m, _ in original.session["schedule"]]
        for one, other in zip(source.exercises, original.exercises, strict=True):
            assert (one.name, one.tolerance) == (other.name, other.tolerance)
            assert isinstance(one.answer, str) or one.answer == other.answer
            assert [h.get("when", h.get("low")) for h in one.hints] == [
                h.get("when", h.get("low")) for h in other.hints
            ]
