"""A plotly figure made live by one small widget."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any, ClassVar, Literal

import anywidget
import plotly.graph_objects as go
import traitlets
from ipywidgets import widget_serialization

from soupwidgets.figures.patch import Patch
from soupwidgets.figures.shown import plain_text

_UID = re.compile(r"[A-Za-z][\w-]*( [A-Za-z][\w-]*)*")
STATIC = Path(__file__).parent / "static"


def with_keys(*names: str) -> str:
    """Front-end files in one, together with what all inputs need."""
    return joined("keys.js", *names)


def joined(*names: str) -> str:
    """Front-end files in one."""
    return "".join((STATIC / name).read_text("utf-8") for name in names)


def plotly_javascript() -> str:
    """The plotly.js that comes with the plotly package."""
    import plotly

    return (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text("utf-8")


class PlotlyLibrary(anywidget.AnyWidget):
    """plotly.js as a widget without a view: one per kernel, shared by all figures.

    Its bytes go to the page once; figures that come later find the library there.
    """

    _esm = "export default {}"
    source = traitlets.Bytes().tag(sync=True)

    _shared: ClassVar[PlotlyLibrary | None] = None
    _users: ClassVar[int] = 0

    @classmethod
    def acquire(cls) -> PlotlyLibrary:
        """The shared library, made by the first figure."""
        if cls._shared is None:
            cls._shared = cls(source=gzip.compress(plotly_javascript().encode(), compresslevel=6, mtime=0))
        cls._users += 1
        return cls._shared

    @classmethod
    def release(cls) -> None:
        """A figure was closed; the last one takes the library along."""
        cls._users -= 1
        if cls._users == 0 and cls._shared is not None:
            cls._shared.layout.close()
            cls._shared.close()
            cls._shared = None


class LiveFigure(anywidget.AnyWidget):
    """Shows a figure, moves parts of it by patches, and reports clicks and selections.

    Parameters
    ----------
    figure
        What to show. Its text alternative is taken from ``layout.meta``.

    Attributes
    ----------
    clicked
        The last point clicked: ``uid`` of its trace and its ``customdata``.
    selected
        The points inside of the last lasso or box: a list ``points`` of ``customdata``; empty when it was undone.
        Only figures whose ``dragmode`` is a lasso have one.
    """

    _esm = with_keys("live_figure.js", "live_widget.js")
    _css = STATIC / "live_figure.css"
    library = traitlets.Instance(PlotlyLibrary).tag(sync=True, **widget_serialization)
    figure = traitlets.Dict().tag(sync=True)
    patch = traitlets.Dict().tag(sync=True)
    clicked = traitlets.Dict().tag(sync=True)
    selected = traitlets.Dict().tag(sync=True)
    exported = traitlets.Dict().tag(sync=True)

    def __init__(self, figure: go.Figure | None = None) -> None:
        super().__init__(library=PlotlyLibrary.acquire())
        self.layout.width = "100%"
        self._exports = 0
        if figure is not None:
            self.show(figure)

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        title = plain_text(self.figure.get("layout", {}).get("title", {}).get("text", "figure"))
        return f"<{title}: run this cell to see it>"

    def show(self, figure: go.Figure) -> None:
        """Replace the figure; earlier patches go with the old one.

        Raises
        ------
        ValueError
            When a trace has a ``uid`` that is no name of ours: plotly searches the page for it.
        """
        for trace in figure.data:
            if trace.uid is not None and not _UID.fullmatch(trace.uid):
                raise ValueError(f"{trace.uid!r} cannot be the uid of a trace: number it, and leave names to its name")
        with self.hold_sync():
            self.patch = {}
            self.figure = figure.to_plotly_json()

    def move(self, patch: Patch) -> None:
        """Apply a patch. It replaces the patch before, so it must name everything that moves."""
        self.patch = patch

    def download(self, kind: Literal["svg", "png", "csv"], name: str, text: str = "") -> None:
        """Hand the reader a file: the figure as a picture, or a table.

        Parameters
        ----------
        kind
            What the file is.
        name
            Its name without the ending.
        text
            The content of a ``csv``.
        """
        self._exports += 1
        self.exported = {"kind": kind, "name": name, "text": text, "number": self._exports}

    @property
    def text(self) -> str:
        """What the figure says at present, in words."""
        layout: dict[str, Any] = {**self.figure.get("layout", {}), **self.patch.get("layout", {})}
        return str(layout.get("meta", {}).get("text", ""))

    def close(self) -> None:
        """Close the figure; the last one frees the library."""
        if self.comm is not None:
            PlotlyLibrary.release()
        super().close()
