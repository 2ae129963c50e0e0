"""Fixtures for all tests, and for the examples in docstrings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.checkpoints import CARD_KEY
from soupwidgets.models import Architecture
from tests.postgresql import postgresql  # noqa: F401 - a fixture for all

ROOT = Path(__file__).parents[1]
ZOO = ROOT / "data" / "zoo" / "fashion"
SUITE = ROOT / "data" / "suites" / "fashion"

TINY = Architecture(
    embed_dim=8,
    vision_cfg={"image_size": 28, "patch_size": 7, "width": 16, "layers": 1, "head_width": 8},
    classes=10,
    mean=0.286,
    std=0.353,
)

# Images a split and images a shift of the small suite.
SMALL, SMALL_SHIFT = 400, 200

# The first goes along alpha with the zero-shot model.
SITE_MODELS = ["zero-shot", "ft-03", "ft-00"]

WriteCheckpoint = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    """Tests neither read nor fill the user's cache and store.

    Parallel workers, notebooks and browsers share those of the run, and so do runs that are given the same folder:
    what one of them has measured of the zoo is measured.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        given = os.environ.get("SOUPWIDGETS_TESTS")
        folder = Path(given or tempfile.mkdtemp(prefix="soupwidgets-tests-"))
        os.environ["SOUPWIDGETS_TESTS"] = str(folder)
        os.environ["SOUPWIDGETS_CACHE"] = str(folder / "cache")
        os.environ["SOUPWIDGETS_STORE"] = str(folder / "store")
        # What is fastest differs between processors, and stored outputs of notebooks have the digits of float32.
        os.environ["SOUPWIDGETS_PRECISION"] = "float32"
        if not given:
            config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture
def write_checkpoint(tmp_path: Path) -> WriteCheckpoint:
    """Write tensors with a card to ``<name>.safetensors``."""

    def write(name: str, tensors: dict[str, torch.Tensor], **card: object) -> Path:
        folder = tmp_path / "pool"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.safetensors"
        save_file(tensors, path, metadata={CARD_KEY: json.dumps({"name": name, **card})})
        return path

    return write


@pytest.fixture
def tiny_pool(write_checkpoint: WriteCheckpoint) -> Pool:
    """A zero-shot model and two siblings with random weights."""
    torch.manual_seed(0)
    base = TINY.build().state_dict()
    card = {"architecture": TINY.to_json()}
    write_checkpoint("zero-shot", base, role="zero_shot", **card)
    for name in ("ft-a", "ft-b"):
        moved = {k: v + 0.1 * torch.randn_like(v) for k, v in base.items()}
        path = write_checkpoint(name, moved, role="fine_tuned", **card)
    return Pool.open(path.parent)


@pytest.fixture(scope="session")
def suite() -> Suite:
    """The bundled suite."""
    return Suite.open(SUITE)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `small_suite`."""
    folder = tmp_path_factory.mktemp("small-suite")
    manifest = json.loads((SUITE / "suite.json").read_text())
    for name in ("val", "test", "train"):
        for kind in ("images", "labels"):
            np.save(folder / f"{name}.{kind}.npy", np.load(SUITE / f"{name}.{kind}.npy")[:SMALL])
    for number, entry in enumerate(manifest["splits"]):
        entry.pop("sha256")
        if "rows" in entry:
            # Alternately the two halves of a permutation of the test images.
            start = SMALL_SHIFT * (number % 2)
            entry["rows"] = {"seed": 0, "of": SMALL, "start": start, "stop": start + SMALL_SHIFT}
    (folder / "suite.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="session")
def small_suite(small_folder: Path) -> Suite:
    """The bundled suite with its first 400 images a split and 200 a shift: for tests of behaviour, not of the zoo.

    Every split needs more than one batch, so what happens between batches can be tested.
    """
    return Suite.open(small_folder)


@pytest.fixture(scope="session")
def pool() -> Pool:
    """The bundled pool."""
    return Pool.open(ZOO)


@pytest.fixture(scope="session")
def zoo_store() -> Store:
    """One store for the whole run of tests: parallel workers measure the zoo once between them."""
    return Store(Path(os.environ["SOUPWIDGETS_TESTS"]) / "store")


@pytest.fixture(scope="session")
def evaluator(pool: Pool, suite: Suite, zoo_store: Store) -> Evaluator:
    """The bundled pool on the bundled suite; for what the zoo is said to show."""
    return Evaluator(pool, suite, device="cpu", store=zoo_store)


@pytest.fixture(scope="session")
def small_evaluator(pool: Pool, small_suite: Suite, zoo_store: Store) -> Evaluator:
    """The bundled pool on the small suite: real models, a tenth of the images."""
    return Evaluator(pool, small_suite, device="cpu", store=zoo_store)


@pytest.fixture(scope="session")
def exported_evaluator(small_suite: Suite, zoo_store: Store) -> Evaluator:
    """Three models of the zoo on the images of `exported_site`: 90 of each of four splits."""
    from soupwidgets.pages.examples import exported_suite

    pool = Pool.open([ZOO / f"{name}.safetensors" for name in SITE_MODELS])
    ev = Evaluator(pool, small_suite, device="cpu", store=zoo_store, precision="float32")
    return ev.with_suite(exported_suite(ev, ["rotate", "noise"], 90))


@pytest.fixture(scope="session")
def exported_site(exported_evaluator: Evaluator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site of these models and images."""
    from soupwidgets.pages import export_site

    folder = tmp_path_factory.mktemp("exported") / "site"
    return export_site(folder, exported_evaluator, fine_tuned=SITE_MODELS[1:], progress=False).folder


@pytest.fixture(scope="session")
def docs_site() -> Path:
    """The folder of the documentation's site; what was built and has not changed is not built again."""
    pytest.importorskip("sphinx")
    done = subprocess.run([sys.executable, "docs"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "docs"


@pytest.fixture
def tiny_evaluator(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> Evaluator:
    """Three random models on the small suite, with an empty store."""
    return Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "store"))
