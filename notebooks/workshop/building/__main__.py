"""Build every session, or those whose sources are named: ``python -m notebooks.workshop.building [SOURCE.md ...]``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import nbformat

from notebooks.workshop.building import documents, notebooks
from notebooks.workshop.building.source import WORKSHOP, Source, all_sources, read_source

DOCUMENTS = WORKSHOP.parents[1] / "docs" / "workshop"


def build(source: Source, store: Path) -> None:
    """Write all that is made of a source."""
    folder = WORKSHOP / source.language
    for made in (folder / "learner", folder / "solved", DOCUMENTS):
        made.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebooks.learner(source), folder / "learner" / f"{source.stem}.ipynb")
    solved = notebooks.solved(source)
    predict = notebooks.executed(solved, folder / "solved", store)
    nbformat.write(solved, folder / "solved" / f"{source.stem}.ipynb")
    parts = documents.parts(source, solved)
    data = json.dumps(notebooks.page_data(source, predict, parts), ensure_ascii=False, indent=1)
    (folder / f"{source.stem}.json").write_text(f"{data}\n", "utf-8")
    (DOCUMENTS / f"{source.name}.md").write_text(documents.page(source, parts), "utf-8")
    (DOCUMENTS / f"{source.name}-notes.md").write_text(documents.notes(source), "utf-8")


if __name__ == "__main__":
    chosen = [read_source(Path(path).resolve()) for path in sys.argv[1:]] or all_sources()
    with tempfile.TemporaryDirectory() as store:
        for source in chosen:
            print(source.stem, source.language, flush=True)
            build(source, Path(store))
