"""The page of a session for those without Python, and the instructor's notes, in MyST Markdown."""

from __future__ import annotations

from typing import Any

import yaml

from notebooks.workshop.building.exercise import Exercise, exercise_of
from notebooks.workshop.building.notebooks import asked, key_points, overview
from notebooks.workshop.building.source import Source, tags


def parts(source: Source, solved: Any) -> list[dict[str, Any]]:
    """What the page of a session consists of: the same text with live pages in place of cells.

    Each part is ``markdown``, ``printed`` (what a cell of the solved notebook printed), ``folded`` with a ``summary``,
    or ``live``, the name of a page, with its ``title`` and ``height`` in pixels.
    """
    words = source.words
    found: list[dict[str, Any]] = [{"markdown": overview(source)}]
    number = 0
    for cell in source.cells:
        kinds = tags(cell)
        if "instructor" in kinds or "notebook" in kinds or "solved" in kinds:
            continue
        if "exercise" in kinds:
            exercise, number = exercise_of(cell), number + 1
            found.append({"markdown": asked(exercise, number, words)})
            if exercise.shown:
                found.append({"printed": _printed(solved, exercise.solved_code)})
            found.append({"folded": exercise.explained.rstrip(), "summary": f"{words['solution']}: {exercise.title}"})
        elif "predict" in kinds:
            found.append({"live": f"{source.name}-predict", "title": words["predict page"], "height": 800})
        elif "live" in kinds:
            found.append(dict(yaml.safe_load(cell.source)))
        elif cell.cell_type == "markdown":
            found.append({"markdown": cell.source})
        elif "shown" in kinds:
            found += [*_pictures(solved, cell.source), {"printed": _printed(solved, cell.source)}]
    if any(one.to_json() for one in source.exercises):
        found.append({"markdown": f"## {words['exercises']}\n\n{words['check here']}"})
        found.append({"live": f"{source.name}-exercises", "title": words["exercises"], "height": 900})
    return [*found, {"markdown": key_points(source)}]


def page(source: Source, made: list[dict[str, Any]]) -> str:
    """The parts as MyST Markdown."""
    return "\n\n".join([_head(source), *map(_myst, made)]) + "\n"


def _myst(part: dict[str, Any]) -> str:
    if "live" in part:
        return f"```{{live}} {part['live']}\n:height: {part['height']}\n\n{part['title']}\n```"
    if "printed" in part:
        return f"```text\n{part['printed']}\n```"
    if "folded" in part:
        return f"<details>\n<summary>{part['summary']}</summary>\n\n{part['folded']}\n\n</details>"
    return str(part["markdown"])


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


def _pictures(solved: Any, code: str) -> list[dict[str, Any]]:
    """What a cell drew, within the text: a page has no files beside it."""
    cell = next(one for one in solved.cells if one.source == code)
    drawn = [one for one in cell.outputs if "image/png" in one.get("data", {})]
    return [
        {"markdown": f"![{one.metadata['image/png']['alt']}](data:image/png;base64,{_joined(one)})"} for one in drawn
    ]


def _joined(output: Any) -> str:
    return "".join(output.data["image/png"].split())


def _printed(solved: Any, code: str) -> str:
    cell = next(one for one in solved.cells if one.source == code)
    return "".join(one["text"] for one in cell.outputs if one["output_type"] == "stream").rstrip()
