"""The page of a session for those without Python, and the instructor's notes, in MyST Markdown."""

from __future__ import annotations

from typing import Any

from notebooks.workshop.building.exercise import Exercise, exercise_of
from notebooks.workshop.building.notebooks import key_points, overview
from notebooks.workshop.building.source import Source, tags


def page(source: Source, solved: Any) -> str:
    """The same text with live pages in place of cells, and what the cells of a solved notebook printed."""
    words = source.words
    parts = [_head(source), overview(source)]
    number = 0
    for cell in source.cells:
        kinds = tags(cell)
        if "instructor" in kinds or "notebook" in kinds or "solved" in kinds:
            continue
        if "exercise" in kinds:
            exercise = exercise_of(cell)
            number += 1
            parts.append(f"### {words['exercise']}: {exercise.title}\n\n{exercise.ask}")
            if exercise.shown:
                parts.append(_as_text(_printed(solved, exercise.solved_code)))
            parts.append(_folded(f"{words['solution']}: {exercise.title}", exercise.explained))
        elif "predict" in kinds:
            parts.append(_live(f"{source.name}-predict", words["predict page"], 800))
        elif cell.cell_type == "markdown":
            parts.append(cell.source)
        elif "shown" in kinds:
            parts.append(_as_text(_printed(solved, cell.source)))
    if any(one.to_json() for one in source.exercises):
        parts.append(f"## {words['exercises']}\n\n{words['check here']}")
        parts.append(_live(f"{source.name}-exercises", words["exercises"], 900))
    return "\n\n".join([*parts, key_points(source)]) + "\n"


def notes(source: Source) -> str:
    """What the instructor has beside the session: timings, what to say, what usually goes wrong, and the answers."""
    words, session = source.words, source.session
    parts = [_head(source), f"# {words['notes']}: {session['title']}", f"## {words['timings']}"]
    clock, rows = 0, [f"| {words['from minute']} | {words['minutes']} | {words['what']} |", "|---|---|---|"]
    for minutes, what in session["schedule"]:
        rows.append(f"| {clock} | {minutes} | {what} |")
        clock += minutes
    parts.append("\n".join(rows))
    parts += [cell.source for cell in source.cells if "instructor" in tags(cell)]
    parts.append(f"## {words['answers']}")
    parts += [_answer(exercise, words) for exercise in source.exercises]
    return "\n\n".join(parts) + "\n"


def _answer(exercise: Exercise, words: dict[str, str]) -> str:
    lines = [f"### {exercise.title}", exercise.explained]
    if exercise.answer is not None:
        right = ", ".join(str(one) for one in exercise.answers)
        lines.append(f"{words['answer']}: **{right}**. {words['usual']}:")
        lines.append("\n".join([f"- {_of(one)}: {one['say']}" for one in exercise.hints] + [f"- {exercise.otherwise}"]))
    return "\n\n".join(lines)


def _of(hint: dict[str, Any]) -> str:
    return str(hint["when"]) if "when" in hint else f"{hint['low']} \u2013 {hint['high']}"


def _head(source: Source) -> str:
    where = f"notebooks/workshop/sources/{source.language}/{source.path.name}"
    return f"<!-- Built from {where} by `make workshop`: change it there. -->"


def _live(name: str, title: str, height: int) -> str:
    return f"```{{live}} {name}\n:height: {height}\n\n{title}\n```"


def _as_text(printed: str) -> str:
    return f"```text\n{printed}\n```"


def _folded(summary: str, text: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{text.rstrip()}\n\n</details>"


def _printed(solved: Any, code: str) -> str:
    cell = next(one for one in solved.cells if one.source == code)
    return "".join(one["text"] for one in cell.outputs if one["output_type"] == "stream").rstrip()
