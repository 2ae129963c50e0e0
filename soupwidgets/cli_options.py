"""What commands have in common: where the numbers go."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

JsonOption = Annotated[
    str | None, typer.Option("--json", help="Write the numbers as JSON to this file; '-' is standard output.")
]


def write_json(target: str | None, content: Any) -> None:
    """Write numbers where ``--json`` says; nowhere when it was not given."""
    if target is None:
        return
    text = json.dumps(content, indent=1) + "\n"
    if target == "-":
        print(text, end="")
    else:
        from soupwidgets.checkpoints import atomic_path

        with atomic_path(target) as path:
            path.write_text(text)
