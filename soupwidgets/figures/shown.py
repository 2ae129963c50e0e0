r"""Escaping of a figure's texts, in one place: plotly shows each text exactly as it was given.

plotly interprets a few tags (including links), entities and ``%{...}`` in titles, names, labels and hover texts, and
names come from untrusted files. So figures are drawn with plain texts, and everything is escaped here, once, wherever
it appears. A line break is ``\\n``, bold text is made by `bold`; only templates may contain tags, written in this
package.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go

_BOLD, _END = "\x02", "\x03"
_BOLD_PART = re.compile(f"{_BOLD}([^{_BOLD}{_END}]*){_END}")
# The fields that a template may show; anything else that looks like one is part of a name.
_TEMPLATE_PART = re.compile(
    r"(</?(?:b|extra)>|<br>|%\{(?:x|y|z|text|hovertext|meta|marker\.color|customdata\[\d+\])(?::[^{}<>&]*)?\})"
)
_TEMPLATES = ("hovertemplate", "texttemplate")


class ShownFigure(go.Figure):  # type: ignore[misc]
    """A figure whose mode bar, when it is shown on its own, only offers saving and resetting."""

    @property
    def config(self) -> dict[str, Any]:
        """Plotly's configuration: the buttons, and the file name of saved pictures."""
        solid = any(trace.type in ("surface", "scatter3d") for trace in self.data)
        buttons = ["toImage", "resetCameraDefault3d" if solid else "resetScale2d"]
        # If marks can be selected with the lasso, both drag modes are offered.
        buttons += ["lasso2d", "zoom2d"] if self.layout.dragmode == "lasso" else []
        return {
            "displaylogo": False,
            "displayModeBar": "hover",
            "showSendToCloud": False,
            # A name with dollar signs is a name, not a formula.
            "typesetMath": False,
            "modeBarButtons": [buttons],
            "toImageButtonOptions": {"format": "svg", "filename": "soupwidgets"},
        }

    def show(self, *args: Any, **kwargs: Any) -> None:
        """Show the figure, as in plotly."""
        super().show(*args, **self._configured(kwargs))

    def to_html(self, *args: Any, **kwargs: Any) -> Any:
        """The figure's HTML, as in plotly."""
        # plotly also accepts the configuration as a positional argument.
        return super().to_html(*args, **(kwargs if args else self._configured(kwargs)))

    def write_html(self, *args: Any, **kwargs: Any) -> None:
        """Write the figure's HTML, as in plotly."""
        super().write_html(*args, **(kwargs if len(args) > 1 else self._configured(kwargs)))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, validate: bool = True, **kwargs: Any) -> Any:
        return super()._repr_mimebundle_(include, exclude, validate, **self._configured(kwargs))

    def _ipython_display_(self) -> None:
        import plotly.io as pio

        if pio.renderers.render_on_display and pio.renderers.default:
            self.show()
        else:
            print(repr(self))

    def _configured(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**kwargs, "config": {**self.config, **(kwargs.get("config") or {})}}


def bold(text: str) -> str:
    """Mark a text to be shown in bold."""
    return f"{_BOLD}{re.sub(f'[{_BOLD}{_END}]', '', text)}{_END}"


def shown_text(text: str) -> str:
    """What plotly must be given to show this text, whatever it contains.

    Examples
    --------
    >>> shown_text("<a href='x'>&amp;</a> %{meta.text}")
    "&lt;a href='x'&gt;&amp;amp;&lt;/a&gt; &#37;{meta.text}"
    """
    # plotly has no entity for quotes, and needs none.
    safe = escape(text, quote=False).replace("%{", "&#37;{").replace("\n", "<br>")
    return _BOLD_PART.sub(r"<b>\1</b>", safe).replace(_BOLD, "").replace(_END, "")


def plain_text(shown: str) -> str:
    """The inverse of `shown_text`: the text that a reader sees.

    Examples
    --------
    >>> plain_text(shown_text("a <b> & 5%{x}"))
    'a <b> & 5%{x}'
    """
    return unescape(re.sub("</?b>", "", shown.replace("<br>", " ")))


def shown_template(template: str) -> str:
    """The same for a template: tags and fields written in this package stay."""
    parts = _TEMPLATE_PART.split(template)
    return "".join(part if i % 2 else shown_text(part) for i, part in enumerate(parts))


def shown_trace(trace: dict[str, Any]) -> dict[str, Any]:
    """The entries of a trace, or of a patch for one, that must change; ``customdata`` stays, as it is never shown.

    Raises
    ------
    ValueError
        When a template shows names from ``customdata``, which is for clicks: they belong in ``hovertext``.
    """
    for key in _TEMPLATES:
        if "%{customdata" in str(trace.get(key) or "") and _has_text(trace.get("customdata")):
            raise ValueError(f"the {key} of trace {trace.get('uid')!r} shows names from customdata: use hovertext")
    return {key: shown for key, value in trace.items() if (shown := _shown(key, value)) is not value}


def shown_layout(layout: dict[str, Any]) -> dict[str, Any]:
    """The entries of a layout that must change; ``meta`` stays, as it is shown as plain text."""
    return {
        key: shown
        for key, value in layout.items()
        if key not in ("meta", "template") and (shown := _shown(key, value)) is not value
    }


def _shown(key: str, value: Any) -> Any:
    """The value with every text in it escaped; the value itself if there is none."""
    if key in ("customdata", "uid"):
        return value
    if isinstance(value, str):
        shown = shown_template(value) if key in _TEMPLATES else shown_text(value)
        return value if shown == value else shown
    if isinstance(value, dict):
        found = {k: _shown(k, v) for k, v in value.items()}
        return value if all(found[k] is v for k, v in value.items()) else found
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind not in "OU" else _shown(key, value.tolist())
    if isinstance(value, list | tuple):
        items = [_shown(key, v) if isinstance(v, str | dict | list | tuple | np.ndarray) else v for v in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    return value


def _has_text(value: Any) -> bool:
    if isinstance(value, list | tuple | np.ndarray):
        return any(_has_text(one) for one in value)
    return isinstance(value, str)
