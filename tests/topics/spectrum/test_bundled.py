"""The bundled spectra are those of the bundled pool on the bundled images, along paths that anybody can draw again."""

from __future__ import annotations

import json

import pytest

from soupwidgets import Pool, Suite
from soupwidgets.topics.spectrum.report import SENSITIVITY_FORMAT, SPECTRA_FORMAT, drawn_paths
from tests.fixtures import ROOT


@pytest.mark.parametrize(
    ("file", "format"), [("frequencies", SPECTRA_FORMAT), ("frequency-sensitivity", SENSITIVITY_FORMAT)]
)
def test_their_provenance_is_what_lies_here(file: str, format: str, pool: Pool, suite: Suite) -> None:
    content = json.loads((ROOT / "data" / "studies" / f"{file}.json").read_text())
    made = content["provenance"]
    assert content["format"] == format
    assert made["images"] == {name: split.content_hash for name, split in suite.splits.items()}
    assert made["checkpoints"] == {name: pool.checkpoints[name].content_hash for name in made["checkpoints"]}
    assert len(made["checkpoints"]) == len(content["models"])
    paths = drawn_paths(suite, suite.id_test, shifts=[], pairs=200, samples=32, seed=0)
    drawn = [(one.description, len(one), one.split.content_hash) for one in paths]
    assert [(one["where"], one["number"], one["sha256"]) for one in made["paths"]] == drawn
