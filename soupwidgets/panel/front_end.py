"""The front end of all panels: one module of JavaScript that needs nothing but anywidget's contract."""

from __future__ import annotations

import json
import re
from pathlib import Path

from soupwidgets.translation import gettext as _

STATIC = Path(__file__).parent / "static" / "panel"
_PARTS = (
    "keys", "dom", "words", "theme", "plotly", "figure", "controls", "coefficients", "handle", "review_card", "upload",
    "opened", "parts", "tools", "resting", "panel",
)  # fmt: skip
# The scripts say a phrase by this function, and write it out there.
_PHRASE = re.compile(r'(?<![\w.])_\(\s*("(?:[^"\\]|\\.)*")')


def front_end() -> str:
    """The module; its default export has ``render``."""
    parts = "\n".join((STATIC / f"{part}.js").read_text("utf-8") for part in _PARTS)
    return f"{parts}\nexport default {{ render }};\n"


def phrases(script: str) -> dict[str, str]:
    """What a script says, in the current language: its phrases that are translated, by what they are in English."""
    written = [json.loads(one) for one in _PHRASE.findall(script)]
    return {one: said for one in written if (said := _(one)) != one}


def style() -> str:
    """The style sheet."""
    return "\n".join((STATIC / f"{name}.css").read_text("utf-8") for name in ("panel", "review_card"))


def plotly_javascript() -> str:
    """The plotly.js that comes with the plotly package."""
    import plotly

    return (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text("utf-8")
