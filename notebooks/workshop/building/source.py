"""The source of a session: MyST Markdown that jupytext reads, with what is said about the session at its head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import yaml

from notebooks.workshop.building.exercise import Exercise, exercise_of

WORKSHOP = Path(__file__).parents[1]
SOURCES = WORKSHOP / "sources"


@dataclass(frozen=True)
class Source:
    """One session in one language.

    Parameters
    ----------
    path
        Its file, ``sources/<language>/<number>_<name>.md``.
    session
        ``title``, ``questions``, ``objectives``, ``schedule`` (minutes and what) and ``keypoints``.
    cells
        Cells of a notebook in order; those with the tag ``exercise`` are exercises.
    words
        What all sessions of the language say, by its key.
    """

    path: Path
    session: dict[str, Any]
    cells: list[Any]
    words: dict[str, str]

    @property
    def language(self) -> str:
        """Its folder."""
        return self.path.parent.name

    @property
    def stem(self) -> str:
        """The name of its notebooks."""
        return self.path.stem

    @property
    def name(self) -> str:
        """The name of its pages; of languages other than English with that before it."""
        name = self.stem.split("_", 1)[1]
        return name if self.language == "en" else f"{self.language}-{name}"

    @property
    def exercises(self) -> list[Exercise]:
        """In order."""
        return [exercise_of(cell) for cell in self.cells if "exercise" in tags(cell)]


def tags(cell: Any) -> list[str]:
    """What a cell is for."""
    return list(cell.metadata.get("tags", []))


def read_source(path: Path) -> Source:
    """Read one source."""
    notebook = jupytext.read(path)
    words = yaml.safe_load((path.parent / "words.yml").read_text("utf-8"))
    return Source(path, dict(notebook.metadata["session"]), list(notebook.cells), words)


def all_sources() -> list[Source]:
    """Every session in every language."""
    return [read_source(path) for path in sorted(SOURCES.glob("*/[0-9]_*.md"))]
