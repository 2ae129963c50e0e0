"""What a panel answers: figures, tables, pictures and words, as plain data."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from soupwidgets.figures.drawing import Drawing
from soupwidgets.translation import gettext as _

Cell = str | float | None
Tone = Literal["good", "bad", "neutral"]
# So many characters of a text stand in a row; all of them where the pointer rests, and where it is shown large.
_LONGEST = 200
# plotly searches the page for the uid of a trace, so names of others' files must not get into one.
_UID = re.compile(r"[A-Za-z][\w-]*( [A-Za-z][\w-]*)*")


@dataclass(frozen=True)
class Table:
    """A table of texts and numbers, which can be saved as a CSV file.

    Parameters
    ----------
    title
        What it shows; its caption, and the name of the file.
    columns
        Headings. The first column names the rows.
    rows
        One sequence of cells for each row; None where nothing is known.
    note
        A sentence below the table.
    drawn
        Whether it is drawn, or only offered to be saved.
    saved_columns
        Headings in a saved file, which are the same in every language; those that are shown when empty.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    drawn: bool = True
    saved_columns: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Convert it to what the front end draws."""
        told: dict[str, Any] = plain(vars(self))
        saved = told.pop("saved_columns")
        return told | ({"saved_columns": saved} if saved and saved != told["columns"] else {})


@dataclass(frozen=True, eq=False)
class Picture:
    """An image, or a text in place of one, with what is said of it.

    Parameters
    ----------
    image
        ``[height, width]`` or ``[height, width, 3]``, uint8; None where there is none.
    alt
        What it is, for those who do not see it.
    label, said, verdict
        Its label; what a model says; a few words on that.
    mark, tone
        A sign before the verdict, and how it is coloured.
    key
        The value that a click gives to the control that the strip sets.
    text
        What the example says, where it is a text.
    """

    image: NDArray[np.uint8] | None
    alt: str
    label: str = ""
    said: str = ""
    verdict: str = ""
    mark: str = ""
    tone: Tone = "neutral"
    key: str | int | None = None
    text: str = ""

    def to_json(self, large: bool = False) -> dict[str, Any]:
        """Convert it to what the front end draws: a long text is cut unless it is shown ``large``."""
        cut = len(self.text) > _LONGEST and not large
        shown = f"{self.text[:_LONGEST].rstrip()}\u2026" if cut else self.text
        image = None if self.image is None else png_uri(self.image)
        return {**vars(self), "image": image, "text": shown, "whole": self.text if cut else ""}


@dataclass(frozen=True)
class Strip:
    """Pictures in a row.

    Parameters
    ----------
    title
        What they are.
    pictures
        From left to right.
    empty
        A sentence for when there are none.
    sets
        Name of the control that a click on a picture sets to its key.
    large
        Whether the pictures are shown large.
    """

    title: str
    pictures: Sequence[Picture]
    empty: str = ""
    sets: str | None = None
    large: bool = False


@dataclass(frozen=True)
class View:
    """An answer of a panel; everything in it is shown as text, whatever it holds.

    Parameters
    ----------
    figures
        By name; the first one leads.
    tables, strips
        Below the figures.
    words
        One line on what is shown, which screen readers announce.
    done, total
        How much of the work behind it is done; a progress bar is shown until all is.
    notes
        Advice and warnings, one sentence each.
    clicks, lassos
        Figure to the control that a click on a mark sets to the first of its ``customdata``, and that a lasso sets to
        the list of these. Of several controls a click sets each to its own of the ``customdata``.
    controls
        Control to what changes about it: ``label``, ``options``, ``high``, ``hidden`` and the like.
    card
        Data for a control that draws itself, by its name.
    """

    figures: Mapping[str, go.Figure | Drawing] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    strips: Sequence[Strip] = ()
    words: str = ""
    done: int = 1
    total: int = 1
    notes: Sequence[str] = ()
    clicks: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    lassos: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether all the work behind it is done."""
        return self.done >= self.total

    def to_json(self) -> dict[str, Any]:
        """Convert it to what the front end draws.

        Raises
        ------
        ValueError
            When a trace has no uid, or one that is not a plain word.
        """
        return {
            "figures": [self._figure(name, figure) for name, figure in self.figures.items()],
            "tables": [table.to_json() for table in self.tables],
            "strips": [
                {
                    "title": strip.title,
                    "empty": strip.empty,
                    "sets": strip.sets,
                    "large": strip.large,
                    "pictures": [one.to_json(strip.large) for one in strip.pictures],
                }
                for strip in self.strips
            ],
            "words": self.words,
            "done": int(self.done),
            "total": int(self.total),
            "notes": list(self.notes),
            "controls": plain(self.controls),
            "card": plain(self.card),
        }

    def _figure(self, name: str, figure: go.Figure | Drawing) -> dict[str, Any]:
        drawn = vars(figure) if isinstance(figure, Drawing) else figure.to_plotly_json()
        for trace in drawn["data"]:
            if not _UID.fullmatch(str(trace.get("uid", ""))):
                raise ValueError(f"{trace.get('uid')!r} cannot be the uid of a trace: use a plain word")
        # The template is plotly's own look, which the front end replaces.
        layout = {key: value for key, value in drawn["layout"].items() if key not in ("template", "meta")}
        words = drawn["layout"].get("meta", {}).get("text", "")
        found = {"name": name, "data": plain(drawn["data"]), "layout": plain(layout), "words": words}
        found |= {"sets": plain(self.clicks.get(name)), "chooses": self.lassos.get(name)}
        # The name is data; what it is called where it is offered to be saved is not.
        return found | ({"label": label} if (label := _(name)) != name else {})


def plain(value: Any) -> Any:
    """Convert to what JSON knows: lists for arrays and tuples, None for numbers that are not finite.

    Examples
    --------
    >>> plain({"a": np.array([1.0, np.nan]), "b": (1, 2)})
    {'a': [1.0, None], 'b': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """An image ``[height, width]`` or ``[height, width, 3]`` as a ``data:`` address."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
