from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.coverage import images_for, simulated
from benchmarks.coverage_cases import path_cases
from benchmarks.gpu import copy_rate, evaluator_rows, mixing_row, product_rate
from benchmarks.greedy import floor
from benchmarks.landscape import landscape_rows, vmap_row
from benchmarks.merges import MERGES, _compared, _config
from benchmarks.rates import flops_an_image
from benchmarks.scaling import Job, Rates, counted, table
from benchmarks.small import small_rows
from benchmarks.spectrum import path_row
from benchmarks.table import RESULTS, Row, markdown, read, remember
from benchmarks.wide_pool import wide_row
from benchmarks.writers import writer_rows
from soupwidgets import Evaluator, GreedySoup, Recipe
from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.methods.greedy import GreedyStep
from tests.fixtures import ROOT, TINY, ZOO


def test_the_work_of_a_forward_pass_is_that_of_its_products() -> None:
    """By hand: patches; in the block queries, keys and values, attention, its projection and the MLP; two heads."""
    width, patch, size, tokens = 16, 7, 28, 17
    block = 2 * tokens * width * (3 * width + width + 8 * width) + 2 * 2 * tokens**2 * width
    ends = 2 * (tokens - 1) * patch**2 * 3 * width + 2 * width * 8 + 2 * 8 * 10
    assert flops_an_image(TINY.build(), torch.zeros(2, 3, size, size)) == block + ends


def test_the_cuda_rows_run_on_any_device() -> None:
    device = torch.device("cpu")
    copy = copy_rate(device, size=1000)
    assert mixing_row(device, copy, pool=3, size=1000).ratio > 0
    assert mixing_row(device, copy, pool=2, recipes=5, size=1000).name == "mixing 5 recipes of 2 ViT-B/32 in bfloat16"
    rows = evaluator_rows(device, TINY, product_rate(device, side=64), images=200, alphas=3, shifts=2, grid=3)
    # A sweep, or a plane, that skipped work would be faster than its own forward passes.
    assert rows[1].ratio > 0.5
    assert rows[-1].ratio > 0.5
    assert [row.name for row in rows] == [
        "forward passes of the model, float32",
        "3-alpha sweep over 5 splits of up to 200 images",
        "the same sweep",
        "slider: a new alpha on 40 images",
        "3 x 3 plane on 40 images",
    ]


def test_the_cards_benchmark_needs_little() -> None:
    """A machine with a card has torch and open_clip; what else is needed must be small enough to bring along."""
    told = "import sys, benchmarks.gpu\nprint(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    large = {"pandas", "scipy", "pyarrow", "plotly", "ipywidgets", "anywidget", "matplotlib", "typer", "ray"}
    loaded = {*done.stdout.split()}
    assert {"torch", "soupwidgets"} <= loaded
    assert not loaded & large


@pytest.mark.slow
def test_the_landscape_rows_compare_the_same_numbers(tmp_path: Path) -> None:
    rows = landscape_rows(tmp_path, grid=3, split="rotate")
    assert [row.name for row in rows[:2]] == ["3 x 2 plane on 1,250 images"] * 2
    assert all(row.ratio > 0.5 for row in rows[:3])
    assert rows[3].ratio < 1
    assert rows[4].ratio > 1
    assert vmap_row(torch.device("cpu"), images=16).ratio > 0


def test_the_row_of_paths_runs(tmp_path: Path) -> None:
    row = path_row(tmp_path, pairs=10, samples=8, repeats=3)
    assert row.name == "spectra along 20 paths, 160 images"
    assert row.ratio > 0.5


def test_the_row_of_a_wide_pool_runs(tmp_path: Path) -> None:
    row = wide_row(tmp_path, models=3, alphas=3, repeats=1)
    assert row.name == "a frontier of 49 stored measurements, with intervals"
    assert row.ratio > 0


def test_results_of_two_libraries_are_compared_number_by_number(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine.safetensors", tmp_path / "other.safetensors"
    for gap, words in (
        (0.0, "identical"),
        (4e-7, "within 1e-6"),
        (0.5, "25.00% of the numbers differ, by up to 0.5: it rounds"),
    ):
        write_checkpoint(mine, {"w": torch.tensor([0.0, 0.25, 0.5, 1.0])}, {})
        write_checkpoint(other, {"w": torch.tensor([gap, 0.25, 0.5, 1.0])}, {})
        assert _compared(mine, other, "it rounds") == words
    write_checkpoint(other, {"w": torch.zeros(4), "b": torch.zeros(4)}, {})
    with pytest.raises(AssertionError, match="only mergekit wrote b"):
        _compared(mine, other, "")


def test_both_sides_of_a_merge_have_the_same_settings() -> None:
    """By hand: what mergekit is told of TIES."""
    (ties,) = (merge for merge in MERGES if merge.name == "TIES")
    config = json.loads(_config(Path("pool"), ties))
    assert config["base_model"] == "pool/zero-shot.safetensors"
    assert [model["parameters"] for model in config["models"]] == 4 * [{"weight": 1.0, "density": 0.2}]
    assert "density=0.2" in ties.ours


def test_a_machine_has_a_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.table.RESULTS", tmp_path)
    for ratio, device in ((2.0, "one"), (3.0, "other"), (4.0, "one")):
        remember([Row("mixing", "1 s", "the loop: 2 s", ratio, ">= 1", True)], device, "mixing")
    assert "mixing: ratio 2 on " in (said := capsys.readouterr().out)
    assert said.count("ratio") == 1
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [(line["device"], line["ratio"]) for line in lines] == [("one", 2.0), ("other", 3.0), ("one", 4.0)]


@pytest.mark.parametrize(
    ("goal", "before", "now", "worse"),
    [
        (">= 1", 4.0, 3.5, True), (">= 1", 4.0, 3.8, False), (">= 1", 4.0, 9.0, False),
        ("<= 1.15 times", 1.0, 1.2, True), ("<= 1.15 times", 1.2, 1.0, False), ("none differs", 0.0, 1.0, False),
        ("95th percentile <= 150 ms", 0.5, 0.7, True), ("95th percentile <= 150 ms", 0.7, 0.5, False),
    ],
)  # fmt: skip
def test_a_loss_is_seen(
    goal: str, before: float, now: float, worse: bool,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("benchmarks.table.RESULTS", tmp_path)
    for ratio in (before, now):
        remember([Row("a sweep", "1 s", f"products: {ratio} s", ratio, goal, True)], "one", "sweep")
    assert ("WORSE" in capsys.readouterr().out) == worse


def test_the_fewest_images_of_a_greedy_soup_by_hand() -> None:
    """Of 10: the first is known; one is taken; one misses 8 of 10 and takes 3 wrong images to be sure of it."""
    steps = (
        GreedyStep("a", 0.7, 0.0, True, 10, 10), GreedyStep("b", 0.8, 0.7, True, 10, 10),
        GreedyStep("c", 0.4, 0.8, False, 10, 10),
    )  # fmt: skip
    assert floor(GreedySoup(Recipe({"a": 0.5, "b": 0.5}), steps)) == 13


def test_the_cost_of_a_job_is_counted() -> None:
    """By hand: ViT-B/32 has 49 patches and a class token, 12 layers of width 768."""
    numbers, flops = counted("ViT-B-32")
    tokens, width = 50, 768
    layer = 2 * tokens * 12 * width**2 + 2 * 2 * tokens**2 * width
    patches, ends = 2 * 49 * 3 * 32 * 32 * width, 2 * (width * 512 + 512 * 1000)
    assert flops == pytest.approx(12 * layer + patches + ends, rel=1e-3)
    assert numbers == pytest.approx(12 * 12 * width**2 + 3 * 32 * 32 * width + width * 512 + 512 * 1000, rel=0.01)
    (row,) = table(Rates(1e10, 1e12, 10.0), (Job("one", "ViT-B-32", 2, 1, 1000),)).splitlines()[2:]
    assert row.startswith(f"| one | {8 * numbers / 1e6:.3g} MB | ")
    assert row.endswith("| not run |")


@pytest.mark.slow
def test_the_rows_of_a_small_machine_run(small_folder: Path, tmp_path: Path) -> None:
    """Starts a kernel of Jupyter, and waits until an explorer of few images has measured all of its alphas."""
    cells = [
        "import soupwidgets as sw\n"
        f"ev = sw.Evaluator(sw.Pool.open({str(ZOO)!r}), sw.Suite.open({str(small_folder)!r}))",
        "explorer = sw.widgets.AlphaExplorer(ev, 'ft-03', alphas=3)\nexplorer",
    ]
    notebook = tmp_path / "small.ipynb"
    notebook.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [cell]} for cell in cells]}))
    rows = small_rows(repeats=1, notebook=notebook)
    assert [row.name for row in rows][1:] == [
        "the first picture of notebook 01, nothing stored", "the same beside two busy processes",
        "its kernel, all alphas measured",
    ]  # fmt: skip
    # A kernel without what it needs, or one that shows nothing, would be faster and smaller.
    assert rows[3].ratio > 0.9


@pytest.mark.slow
def test_the_rows_of_writers_run() -> None:
    """Processes that import torch, and a server."""
    (row,) = writer_rows(writers=(2,), seconds=0.5)
    assert row.name.startswith("2 processes filing")
    assert "PostgreSQL" in row.ours


def test_the_documents_show_what_was_measured() -> None:
    scaling = (ROOT / "docs" / "scaling.md").read_text()
    assert (RESULTS / "scaling.md").read_text().strip() in scaling
    assert read("writers")[0] in scaling
    assert markdown(read("writers")[1]) in scaling
    shown = (ROOT / "docs" / "how-fast-it-is.md").read_text()
    device, rows = read("cpu")
    assert device in shown
    assert markdown(rows) in shown
    assert (RESULTS / "gpu.json").exists() != ("not run" in shown)


def test_images_for_an_interval_lie_between_two_looks() -> None:
    looks = np.array([32, 64, 128])
    assert images_for(0.005, looks, np.array([0.02, 0.01, 0.0025]), 400) == pytest.approx(np.sqrt(64 * 128))
    assert images_for(0.005, looks, np.array([0.004, 0.003, 0.002]), 400) == 32
    assert images_for(0.005, looks, np.array([0.04, 0.03, 0.02]), 400) == 400


def test_coverage_is_replayed_from_stored_logits(small_evaluator: Evaluator) -> None:
    cases = list(path_cases("zero-shot", "ft-03", [0.45]))
    assert [len(case.known) for case in cases] == [11, 3, 2]
    split = small_evaluator.suite.splits["test"]
    near, _, ends = (simulated(case, small_evaluator, split, draws=20) for case in cases)
    before = small_evaluator.forward_images
    assert simulated(cases[0], small_evaluator, split, draws=20).needed == near.needed
    assert small_evaluator.forward_images == before
    assert near.disagree <= 0.01 < ends.disagree
    assert (near.reach < ends.reach).all()
    assert near.plain == ends.plain < len(split)
    assert near.held.min() >= 18
    assert ends.held.min() >= 15


def test_the_document_shows_the_coverage_that_was_measured() -> None:
    _, rows = read("coverage")
    assert markdown(rows) in (ROOT / "docs" / "coarse-answers.md").read_text()
