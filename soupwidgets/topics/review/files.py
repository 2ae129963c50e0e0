"""Sessions as files, to merge without a server; and exports, which first list what they contain."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import atomic_path
from soupwidgets.json_files import read_json_object
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.mistakes.multi_labels import ImageLabels, MultiLabels
from soupwidgets.topics.review.crossing import small_cells
from soupwidgets.topics.review.label_set import Rule, distributions, label_set
from soupwidgets.topics.review.records import Record, ReviewError, ReviewWarning, State, is_id
from soupwidgets.topics.review.statement import credits, data_statement, statements
from soupwidgets.topics.review.views import View, check_records, view

_MOST_BYTES = 1 << 26
SESSION_FORMAT, LABELS_FORMAT = "soupwidgets review session 1", "soupwidgets reviewed labels 1"


def write_session(path: str | Path, session: str, state: State) -> Path:
    """Write everything in a copy, including judgements that are not shared, for others in the group.

    For every split with judgements or samples it begins with a data statement (`data_statement`), for whoever finds
    the file later, and with what `small_cells` says of the group's slices, which is a warning as well. Reading and
    merging pass both over.

    Warns
    -----
    ReviewWarning
        When a slice, or what some have in common, has so few images that they may be recognised.
    """
    if few := small_cells(list(view(state).shown_slices().values())):
        warnings.warn("\n".join([f"{path} holds slices with few images:", *few]), ReviewWarning, stacklevel=2)
    return write_copy(path, session, state)


def write_copy(path: str | Path, session: str, state: State) -> Path:
    """As `write_session`, where its warning was told already."""
    known = view(state)
    content = {
        "format": SESSION_FORMAT,
        "session": session,
        "statements": statements(known),
        "small cells": small_cells(list(known.shown_slices().values())),
        "records": [
            {"id": r.id, "kind": r.kind, "author": r.author, "version": r.version, "body": dict(r.body)}
            for _, r in sorted(state.records.items())
        ],
        "gone": sorted(state.gone),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    return Path(path)


def read_session(path: str | Path) -> tuple[str, State]:
    """Read a session file: its id and its content.

    Raises
    ------
    ReviewError
        When it is not a session file, or a record is malformed.
    """
    content = _content(path, SESSION_FORMAT)
    try:
        session = content["session"]
        records = [Record(r["id"], r["kind"], r["author"], r["body"], r["version"]) for r in content["records"]]
        lost = list(content["gone"])
        if not is_id(session) or not all(is_id(r.id) for r in records):
            raise ReviewError("an id is invalid")
        for record in records:
            record.check()
        state = State.of(records, lost)
        check_records(state)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ReviewError(f"{path}: malformed ({error!r:.200})") from error
    except ReviewError as error:
        raise ReviewError(f"{path}: {error}") from error
    return session, state


@dataclass(frozen=True)
class Export:
    """What an export would write, for everybody to read beforehand.

    Parameters
    ----------
    content
        The content, as plain values.
    summary
        What is in it and what is not, as sentences.
    """

    content: Mapping[str, Any]
    summary: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Export({' '.join(self.summary[:2])} \u2026)"

    def write(self, path: str | Path) -> Path:
        """Write it as JSON."""
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(self.content, indent=1) + "\n")
        return Path(path)


def export_labels(known: View, split: Split, *, rule: Rule = "all views") -> Export:
    """Labels of a split after review, from shared judgements, for publication.

    It is without notes, authors of categories, answers to the group's fields, and reviewers' ids. Those are named who
    chose that (`ReviewSession.rename`), and nobody else. It carries a data statement (`data_statement`).

    Parameters
    ----------
    rule
        How labels are settled; the distributions are in the export as well.
    """
    settled = label_set(known, split.name, rule, shared=True)
    counted = distributions(known, split.name, shared=True)
    here = [(author, j) for (author, _), j in known.filed.items() if j.image.split == split.name]
    shared = [(author, j) for author, j in here if j.shared]
    people = sorted({author for author, _ in shared})
    named, statement = credits(known, people), data_statement(known, split.name)
    images = {}
    for row, labels in settled.images.items():
        one = counted[row]
        images[str(row)] = {
            "name": split.file_names[row] if split.file_names else None,
            "correct": sorted(labels.correct), "unclear": sorted(labels.unclear), "wrong": sorted(labels.wrong),
            "problematic": labels.problematic, "reviewers": one.reviewers,
            "said": {kind: {str(c): n for c, n in sorted(getattr(one, kind).items())}
                     for kind in ("correct", "unclear", "wrong")},
            "said problematic": one.problematic,
            "categories": {known.categories[i].name: n for i, n in one.categories.items() if i in known.categories},
            "severities": {known.severities[i].name: n for i, n in one.severities.items() if i in known.severities},
        }  # fmt: skip
    content = {
        "format": LABELS_FORMAT, "split": split.name, "sha256": split.content_hash, "rule": rule,
        "reviewers": len(people), "credits": named, "statement": statement,
        "images": images, "major": list(settled.major),
    }  # fmt: skip
    alone = sum(one["reviewers"] == 1 for one in images.values())
    told = f"Images with one reviewer alone: {alone:,}. Whoever knows who that was knows what they said."
    few = [told] if alone else []
    summary = (
        f"{len(shared):,} judgements of {len(images):,} images of {split.name!r} by {len(people)} reviewers.",
        f"{len(here) - len(shared):,} judgements are not in it: their reviewers do not share them.",
        "For each image how many reviewers said what, without who said it.",
        *few,
        f"Names: {', '.join(named) or 'none'}.",
        "No notes, no codes, no answers to the group's own fields.",
        "The group's agreement as it reads now, and this statement:",
        *statement["sentences"],
    )
    return Export(content, summary)


def read_labels(path: str | Path, suite: Suite) -> MultiLabels:
    """Read an export of `export_labels`.

    Raises
    ------
    ReviewError
        When it is not such a file, or was made for other images.
    """
    content = _content(path, LABELS_FORMAT)
    try:
        split = suite.splits[str(content["split"])]
        if content["sha256"] != split.content_hash:
            raise ReviewError(f"made for images or labels of {split.name!r} that differ from the suite's")
        classes = len(suite.class_names(split.name))
        images = {
            _below(row, len(split)): ImageLabels(
                frozenset(_below(c, classes) for c in one["correct"]),
                frozenset(_below(c, classes) for c in one["unclear"]),
                frozenset(_below(c, classes) for c in one["wrong"]),
                one["problematic"] is True,
            )
            for row, one in content["images"].items()
        }
        major = tuple(sorted(_below(row, len(split)) for row in content["major"]))
    except ReviewError as error:
        raise ReviewError(f"{path}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ReviewError(f"{path}: malformed ({error!r:.200})") from error
    return MultiLabels(split.name, images, major)


def _below(value: object, end: int) -> int:
    number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else -1
    if not 0 <= number < end:
        raise ValueError(f"{value!r:.50} is not within 0..{end - 1}")
    return number


def _content(path: str | Path, format: str) -> dict[str, Any]:
    path = Path(path)
    try:
        # In Python, a file of many small values takes about twenty times its size in memory.
        if path.exists() and not (path.is_file() and path.stat().st_size <= _MOST_BYTES):
            raise ValueError(f"{path}: not a file of at most {_MOST_BYTES >> 20} MiB")
        return read_json_object(path, format)
    except (OSError, ValueError) as error:
        raise ReviewError(str(error)) from error
