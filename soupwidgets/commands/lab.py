"""``soupwidgets lab``: JupyterLab with a first notebook."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.options import show

_FIRST = "soupwidgets.ipynb"
_CELLS = [
    "import soupwidgets as sw\n\npool, suite = sw.demo()  # or sw.Pool.open(...), sw.Suite.of(...)\n"
    "ev = sw.Evaluator(pool, suite)",
    'sw.widgets.AlphaExplorer(ev, "ft-03")',
    "sw.widgets.SoupMixer(ev)",
]


def lab(
    folder: Annotated[
        Path, typer.Argument(help=f"Where to work; {_FIRST} is written there unless it is there already.")
    ] = Path(),
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8888,
) -> None:
    """Open JupyterLab with a notebook to begin with: bundled models and images, a slider, a soup."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ModuleNotFoundError("JupyterLab is not installed: pip install 'soupwidgets[lab]'", name="jupyterlab")
    folder.mkdir(parents=True, exist_ok=True)
    notebook = folder / _FIRST
    if not notebook.exists():
        notebook.write_text(json.dumps(_notebook(), indent=1) + "\n")
        show(f"written: {notebook}")
    command = [
        sys.executable, "-m", "jupyterlab", str(folder.resolve()), f"--port={port}",
        f"--LabApp.default_url=/lab/tree/{_FIRST}", *([] if browser else ["--no-browser"]),
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Jupyter asks for it; in containers everybody is root.
        command.append("--allow-root")
    # In its place, so that Ctrl-C is JupyterLab's.
    os.execv(sys.executable, command)


def _notebook() -> dict[str, object]:
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Drag alpha, mix a soup\n\nShift+Enter."},
        *(
            {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "source": source, "outputs": [],
             "execution_count": None}
            for number, source in enumerate(_CELLS)
        ),
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
