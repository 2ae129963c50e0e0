"""The front end of all panels: one module of JavaScript that needs nothing but anywidget's contract."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static" / "panel"
_PARTS = (
    "keys", "dom", "theme", "plotly", "figure", "controls", "coefficients", "handle", "review_card", "upload", "opened",
    "parts", "tools", "resting", "panel",
)  # fmt: skip


def front_end() -> str:
    """The module; its default export has ``render``."""
    parts = "\n".join((STATIC / f"{part}.js").read_text("utf-8") for part in _PARTS)
    return f"{parts}\nexport default {{ render }};\n"


def style() -> str:
    """The style sheet."""
    return "\n".join((STATIC / f"{name}.css").read_text("utf-8") for name in ("panel", "review_card"))


def plotly_javascript() -> str:
    """The plotly.js that comes with the plotly package."""
    import plotly

    return (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text("utf-8")
