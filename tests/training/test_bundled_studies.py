"""The bundled studies were trained on the bundled images, with the bundled architecture."""

from __future__ import annotations

import json

import pytest

from soupwidgets import Pool, Suite
from tests.fixtures import ROOT

STUDIES = ["augmentations", "augmentation-variants", "augmentations-longer", "label-noise", "trainings"]


@pytest.mark.parametrize("name", STUDIES)
def test_their_provenance_is_what_lies_here(name: str, pool: Pool, suite: Suite) -> None:
    made = json.loads((ROOT / "data" / "studies" / f"{name}.json").read_text())["provenance"]
    assert suite.training is not None
    assert made["suite"] == suite.name
    assert made["training images"] == suite.training.content_hash
    assert made["validation images"] == suite.validation.content_hash
    assert made["architecture"] == pool.checkpoints["zero-shot"].card.architecture
    assert made["hyperparameters"]["images"] == 1000
