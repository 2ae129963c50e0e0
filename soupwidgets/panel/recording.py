"""A panel as one self-contained page: the same front end, with recorded answers."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soupwidgets.checkpoints import atomic_path
from soupwidgets.panel.controls import Button, Choice, Control, Handle, Slider, Toggle
from soupwidgets.panel.front_end import STATIC, front_end, plotly_javascript, style

if TYPE_CHECKING:
    from soupwidgets.panel.panel import Panel

# A page of so many answers takes some seconds to open and some minutes to record.
MOST = 1000
# Texts and lists longer than this are written once, however many answers hold them.
_LONG = 120


def write_page(panel: Panel, path: str | Path, fixed: Mapping[str, Any]) -> Path:
    """Write a page with an answer for every state that its controls can have.

    Parameters
    ----------
    panel
        Whose answers they are.
    path
        The file to write; replaced as a whole if it is there.
    fixed
        Controls that keep a value, and are not drawn.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    ValueError
        When there are too many answers.
    """
    content = recorded_content(panel, fixed)
    parts = {
        "title": escape(panel.title),
        "language": escape(panel.language),
        "style": style(),
        "front_end": front_end().replace("export default { render };", ""),
        "page": "\n".join((STATIC / f"{name}.js").read_text("utf-8") for name in panel._page_scripts),
        "content": in_script(content),
        "plotly": base64.b64encode(gzip.compress(plotly_javascript().encode(), mtime=0)).decode(),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(filled_in(STATIC / "page.html", parts), "utf-8")
    return Path(path)


def filled_in(template: Path, parts: Mapping[str, str]) -> str:
    """A template with a part in each of its places, ``{{name}}``."""
    # One pass: what is filled in is never searched for places to fill.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template.read_text("utf-8"))


def in_script(content: Any) -> str:
    """Plain data as JSON that can stand in a script element: only "<" could end that early."""
    return json.dumps(content, allow_nan=False).replace("<", "\\u003c")


def recorded_content(
    panel: Panel,
    fixed: Mapping[str, Any],
    *,
    varied: Mapping[str, list[Any]] | None = None,
    edited: Callable[[dict[str, Any]], dict[str, Any]] = lambda view: view,
) -> dict[str, Any]:
    """What a page without a kernel has to know: controls, and an answer for every state that these can have.

    Parameters
    ----------
    panel
        Whose answers they are.
    fixed
        Controls that keep a value, and are not drawn.
    varied
        The values to record by control; those of `Panel.recorded` when None.
    edited
        What to make of each view.

    Returns
    -------
    dict
        ``title``, ``controls``, ``state``; ``varied``, the recorded values by control; ``answers``, a view for each
        combination of them (by the JSON of its values); ``shared``, what several views have; and ``language`` and
        ``phrases``, those of the panel.

    Raises
    ------
    ValueError
        When there are too many answers.
    """
    state = {**panel.state, **fixed}
    grids = {
        name: grid
        for name, control in panel._controls.items()
        if name not in fixed and isinstance(control, Slider | Choice | Toggle) and (grid := control.grid())
    }
    grids = panel.recorded(grids) if varied is None else dict(varied)
    count = math.prod(len(grid) for grid in grids.values())
    if count > MOST:
        sizes = ", ".join(f"{name} ({len(grid)})" for name, grid in grids.items())
        raise ValueError(
            f"a page of every state would hold {count:,} answers, and {MOST:,} are the most: give some controls a "
            f"fixed value, as in to_html(path, {next(iter(grids))}=...). They are {sizes}"
        )
    # Checked together: a panel may let one control follow another.
    states = {
        json.dumps(list(values)): {
            **panel.state,
            **panel._checked({**fixed, **dict(zip(grids, values, strict=True))}),
        }
        for values in itertools.product(*grids.values())
    }
    _fill_in(panel, states.values())
    shared: dict[str, Any] = {}
    answers = {key: _shared(edited(panel._json(panel.ask(**here), here)), shared) for key, here in states.items()}
    # What the answers change about controls is theirs; the rest is as it is now.
    controls = [
        control.to_json() | _offered(control, None if isinstance(control, Button) else grids.get(name))
        for name, control in panel._controls.items()
    ]
    return {
        "title": panel.title, "controls": controls, "state": state, "varied": grids, "answers": answers,
        "shared": shared, "language": panel.language, "phrases": panel.phrases,
    }  # fmt: skip


def _offered(control: Control, grid: list[Any] | None) -> dict[str, Any]:
    """What a page changes about a control: it offers what is recorded, and is not drawn where nothing is."""
    if grid is None:
        return {"hidden": True}
    if isinstance(control, Choice):
        return {"options": [list(pair) for pair in control.pairs if pair[0] in grid]}
    if isinstance(control, Slider) and len(grid) > 1:
        # A key goes to the next recorded place, and not to one from which it falls back.
        return {"low": grid[0], "high": grid[-1], "step": (grid[-1] - grid[0]) / (len(grid) - 1)}
    return {"positions": grid} if isinstance(control, Handle) else {}


def _fill_in(panel: Panel, states: Iterable[dict[str, Any]]) -> None:
    """Do all that the panel does meanwhile: every answer then knows what the last one knows."""
    done: list[Any] = []
    for state in states:
        key = panel.fill_key(state)
        if key not in done:
            done.append(key)
            for _ in panel._fills(state):
                pass


def _shared(value: Any, shared: dict[str, Any]) -> Any:
    """Replace what is long by ``{"$": key}``, and keep it once under its key."""
    if isinstance(value, dict):
        value = {key: _shared(one, shared) for key, one in value.items()}
    elif isinstance(value, list):
        value = [_shared(one, shared) for one in value]
    if not isinstance(value, dict | list | str):
        return value
    text = json.dumps(value, allow_nan=False)
    if len(text) < _LONG:
        return value
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    shared.setdefault(key, value)
    return {"$": key}
