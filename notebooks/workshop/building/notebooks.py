"""The notebooks of a session: the learner's, with empty answers, and the solved one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from notebooks.workshop.building.exercise import Exercise, exercise_of
from notebooks.workshop.building.source import Source, tags

IGNORED = "nbval-ignore-output"
# Cells for a page or for the instructor are in no notebook.
_ELSEWHERE = {"page", "live", "instructor"}
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_REVEAL = """\
predict.revealed = True
predict.wait()
for row in predict.shown.tables[0].rows:
    print(*row, sep=" | ")"""
_TELL = """\
import json
_known = predict.measure()
print(json.dumps({"title": predict.title, "questions": [
    {**{k: v for k, v in vars(q).items() if k != "measure"}, "measured": list(_known[q.name])}
    for q in predict.questions]}))"""


def learner(source: Source) -> Any:
    """The notebook that a learner is given."""
    return _notebook(source, _learners_cells(source))


def solved(source: Source) -> Any:
    """The same with answers, and without outputs."""
    return _notebook(source, _solved_cells(source))


def executed(notebook: Any, folder: Path, store: Path) -> dict[str, Any]:
    """Run a solved notebook where it will lie, keep its outputs in it, and return what was predicted and measured."""
    tell = nbformat.v4.new_code_cell(_TELL)
    notebook.cells.append(tell)
    environment = {**os.environ, "SOUPWIDGETS_STORE": str(store), "SOUPWIDGETS_PRECISION": "float32"}
    client = NotebookClient(notebook, timeout=600, record_timing=False, store_widget_state=False, coalesce_streams=True)
    client.create_kernel_manager()
    client.resources = {"metadata": {"path": str(folder)}}
    client.execute(env=environment)
    notebook.cells.pop()
    for cell in notebook.cells:
        if IGNORED in tags(cell):
            cell.outputs = []
    told: dict[str, Any] = json.loads(next(one["text"] for one in tell.outputs if one["output_type"] == "stream"))
    return told


def page_data(source: Source, predict: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """All that the pages of a session on a static site need."""
    exercises = [told for one in source.exercises if (told := one.to_json()) is not None]
    keys = ("exercise", "exercises", "yours", "check", "right", "nothing", "number", "alone", "workshop", "lead")
    words = {key: source.words[key] for key in keys}
    session = {"format": "soupwidgets-workshop-1", "language": source.language, "page": source.name}
    return {**session, "title": source.session["title"], "words": words, "predict": predict, "exercises": exercises,
            "parts": parts}  # fmt: skip


def overview(source: Source, *, title: bool = True) -> str:
    """The head of a session: its questions, objectives and timings."""
    session, words = source.session, source.words
    rows = [f"| {minutes} min | {what} |" for minutes, what in session["schedule"]]
    parts = [
        *([f"# {session['title']}"] if title else []),
        f"## {words['questions']}", _listed(session["questions"]),
        f"## {words['objectives']}", words["afterwards"], _listed(session["objectives"]),
        f"## {words['timings']}", "\n".join([f"| {words['minutes']} | {words['what']} |", "|---|---|", *rows]),
    ]  # fmt: skip
    return "\n\n".join(parts)


def asked(exercise: Exercise, number: int, words: dict[str, str]) -> str:
    """What an exercise asks, under its heading."""
    return f"### {words['exercise']} {number}: {exercise.title}\n\n{exercise.ask.rstrip()}"


def key_points(source: Source) -> str:
    """The end of a session."""
    return f"## {source.words['keypoints']}\n\n{_listed(source.session['keypoints'])}"


def _listed(items: Iterable[str]) -> str:
    return "\n".join(f"- {one}" for one in items)


def _notebook(source: Source, cells: Iterable[Any]) -> Any:
    whole = [_text(overview(source)), *cells, _text(key_points(source))]
    for number, cell in enumerate(whole):
        cell.id = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=whole, metadata=_METADATA)


def _learners_cells(source: Source) -> Iterable[Any]:
    number = 0
    for cell in _cells(source):
        if "exercise" not in tags(cell):
            if "solved" not in tags(cell):
                yield _copied(cell)
            continue
        exercise, number = exercise_of(cell), number + 1
        yield _text(asked(exercise, number, source.words))
        yield nbformat.v4.new_code_cell(exercise.learners_code(source.words))
        yield _check(exercise.check(source.words))


def _solved_cells(source: Source) -> Iterable[Any]:
    number = 0
    for cell in _cells(source):
        if "exercise" in tags(cell):
            exercise, number = exercise_of(cell), number + 1
            yield _text(asked(exercise, number, source.words))
            yield nbformat.v4.new_code_cell(exercise.solved_code)
            yield _check(exercise.check(source.words))
            yield _text(f"**{source.words['solution']}.** {exercise.explained}")
            continue
        yield _copied(cell)
        if "predict" in tags(cell):
            yield nbformat.v4.new_code_cell(_REVEAL)


def _cells(source: Source) -> list[Any]:
    return [cell for cell in source.cells if not _ELSEWHERE & set(tags(cell))]


def _copied(cell: Any) -> Any:
    if cell.cell_type == "markdown":
        return _text(cell.source)
    kept = {"tags": [IGNORED]} if IGNORED in tags(cell) else {}
    return nbformat.v4.new_code_cell(cell.source, metadata=kept)


def _check(code: str) -> Any:
    # Who wants to see how an answer is checked can open it; it has the answer.
    return nbformat.v4.new_code_cell(code, metadata={"jupyter": {"source_hidden": True}})


def _text(source: str) -> Any:
    return nbformat.v4.new_markdown_cell(source)
