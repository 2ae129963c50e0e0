"""Mixtures measured in a page, without a kernel, are those of the evaluator."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.site import inlined, write_engine
from soupwidgets.suites import ClassMap
from tests.browser.jupyter import fresh_page, running_browser
from tests.browser.site import measure, open_engine, served
from tests.fixtures import ROOT, TINY, WriteCheckpoint

CHECKPOINTS = ["zero-shot", "ft-00", "ft-03", "ft-07", "ft-11", "bad-lr"]
# Logits of the zoo are about 20; what a different order of sums changes is a thousandth of this.
NEAR_TIE = 1e-4


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    errors: list[str] = []
    with fresh_page(browser) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert errors == []


@pytest.fixture
def folder(tiny_evaluator: Evaluator, tmp_path: Path) -> Path:
    write_engine(tiny_evaluator, tmp_path / "engine", splits=["val", "noise"], examples=None)
    return tmp_path / "engine"


def recipes() -> list[Recipe]:
    """WiSE-FT within the edge and beyond it, soups, and task arithmetic."""
    draw = np.random.default_rng(0)
    lines = [Recipe({"zero-shot": 1 - a, "ft-03": a}) for a in (-0.3, 0, 0.1, 1 / 3, 0.5, 0.85, 1, 1.4)]
    shares = draw.dirichlet(np.ones(len(CHECKPOINTS)), 8)
    soups = [Recipe(dict(zip(CHECKPOINTS, share, strict=True))) for share in shares]
    tasks = [Recipe({"zero-shot": 1 - sum(c), "ft-00": c[0], "bad-lr": c[1]}) for c in draw.normal(0, 0.7, (4, 2))]
    return lines + soups + tasks


def assert_same(found: dict[str, Any], ev: Evaluator, recipe: Recipe, split: str) -> None:
    """A page's answer is the evaluator's, image by image; only near ties may fall otherwise."""
    evaluation = ev.evaluate(recipe, split)
    logits: NDArray[np.float32] = evaluation.logits[split][found["places"]]
    here = np.array(found["logits"], dtype=np.float32).reshape(logits.shape)
    assert np.abs(here - logits).max() < NEAR_TIE / 2
    other = np.flatnonzero(np.array(found["predictions"]) != logits.argmax(1))
    second, first = np.sort(logits[other], axis=1)[:, -2:].T
    assert (first - second < NEAR_TIE).all()
    assert found["labels"] == ev.suite.splits[split].labels[found["places"]].tolist()
    assert found["correct"] == sum(p == y for p, y in zip(found["predictions"], found["labels"], strict=True))
    if found["examples"] == found["of"] and not len(other):
        assert found["correct"] == evaluation[split].correct


@pytest.mark.slow
def test_twenty_recipes_have_the_evaluators_predictions_on_every_image(
    tab: Any, small_evaluator: Evaluator, tmp_path: Path
) -> None:
    """Slow: twenty models see 800 images in the page, and again here."""
    ev = small_evaluator.in_float32()
    sizes = {"test": 400, "rotate": 200, "noise": 200}
    write_engine(ev, tmp_path, checkpoints=CHECKPOINTS, splits=list(sizes), examples=None)
    with served(tmp_path) as address:
        open_engine(tab, address)
        for recipe in recipes():
            found = measure(tab, dict(recipe))
            assert found["exact"]
            assert {name: one["examples"] for name, one in found["splits"].items()} == sizes
            for name in sizes:
                assert_same(found["splits"][name], ev, recipe, name)


def test_the_first_answer_is_of_the_evaluators_coarse_sample(tab: Any, folder: Path, tiny_evaluator: Evaluator) -> None:
    recipe = Recipe({"zero-shot": 0.4, "ft-a": 0.6})
    with served(folder) as address:
        open_engine(tab, address)
        coarse, exact = tab.evaluate(
            """async (recipe) => {
                const seen = [];
                seen.push(await engine.measure(recipe, { onCoarse: (answer) => seen.push(answer) }));
                return seen.map(plain);
            }""",
            dict(recipe),
        )
    assert (coarse["exact"], exact["exact"]) == (False, True)
    for name, split in tiny_evaluator.suite.splits.items():
        if name not in ("val", "noise"):
            continue
        order = tiny_evaluator.reader(split).order.tolist()
        assert coarse["splits"][name]["places"] == order[:64]
        assert exact["splits"][name]["places"] == order
        assert_same(coarse["splits"][name], tiny_evaluator, recipe, name)
        assert_same(exact["splits"][name], tiny_evaluator, recipe, name)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same(tab: Any, folder: Path, tiny_evaluator: Evaluator, workers: int) -> None:
    recipe = Recipe({"ft-a": 1.3, "ft-b": -0.3}, by_tensor={"head.weight": {"zero-shot": 1}})
    with served(folder) as address:
        open_engine(tab, address, workers=workers)
        found = measure(tab, json.loads(recipe.to_json()), splits=["noise"])
    assert list(found["splits"]) == ["noise"]
    assert_same(found["splits"]["noise"], tiny_evaluator, recipe, "noise")


def test_the_newest_recipe_wins_and_a_signal_stops(tab: Any, folder: Path, tiny_evaluator: Evaluator) -> None:
    with served(folder) as address:
        open_engine(tab, address)
        ended, last, stopped, after = tab.evaluate(
            """async () => {
                const name = (error) => error.name;
                const first = engine.measure({ "ft-a": 1 }).catch(name);
                const second = engine.measure({ "ft-b": 1 });
                const stop = new AbortController();
                const results = [await first, plain(await second)];
                const third = engine.measure({ "zero-shot": 1 }, { signal: stop.signal, onCoarse: () => stop.abort() });
                results.push(await third.catch(name));
                results.push(plain(await engine.measure({ "ft-a": 1 })));
                return results;
            }"""
        )
    assert (ended, stopped) == ("AbortError", "AbortError")
    assert_same(last["splits"]["val"], tiny_evaluator, Recipe({"ft-b": 1}), "val")
    assert_same(after["splits"]["val"], tiny_evaluator, Recipe({"ft-a": 1}), "val")


def test_a_tensor_that_is_stored_once_is_mixed_like_the_others(
    tab: Any, write_checkpoint: WriteCheckpoint, small_suite: Suite, tmp_path: Path
) -> None:
    """The head is the same in both models, and the coefficients sum to 1.5."""
    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        tensors = TINY.build().state_dict()
        path = write_checkpoint(name, {**tensors, "head.weight": torch.arange(80.0).view(10, 8) / 80})
    ev = Evaluator(Pool.open(path.parent), small_suite, model=TINY, device="cpu", store=Store(tmp_path / "store"))
    manifest = write_engine(ev, tmp_path / "engine", splits=["noise"])
    assert {tensor["name"]: tensor["rows"] for tensor in manifest["tensors"]}["head.weight"] == 1
    recipe = Recipe({"a": 0.7, "b": 0.8})
    with served(tmp_path / "engine") as address:
        open_engine(tab, address)
        assert_same(measure(tab, dict(recipe))["splits"]["noise"], ev.in_float32(), recipe, "noise")


def test_a_resnet_has_averaged_statistics(tab: Any, small_suite: Suite, zoo_store: Store, tmp_path: Path) -> None:
    pool = Pool.open(ROOT / "data" / "zoo" / "resnet")
    ev = Evaluator(pool, small_suite, device="cpu", store=zoo_store, batch_norm="average", precision="float32")
    write_engine(ev, tmp_path, splits=["noise"])
    recipe = Recipe({"ft-00": 0.5, "ft-01": 0.5})
    with served(tmp_path) as address:
        open_engine(tab, address)
        assert_same(measure(tab, dict(recipe))["splits"]["noise"], ev, recipe, "noise")


def test_a_class_that_several_outputs_mean_has_the_largest_of_them(
    tab: Any, folder: Path, tiny_evaluator: Evaluator
) -> None:
    columns = [[7, 0], [3], [9, 1, 2]]
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["splits"][0]["columns"] = columns
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with served(folder) as address:
        open_engine(tab, address)
        found = measure(tab, {"ft-a": 1}, splits=["val"])["splits"]["val"]
    logits = tiny_evaluator.evaluate("ft-a", "val").logits["val"][found["places"]]
    named = logits[:, [c for group in columns for c in group]]
    assert found["predictions"] == ClassMap(columns).scores(named).argmax(1).tolist()


def test_a_page_from_a_disk_has_all_within(tab: Any, folder: Path, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    files = json.dumps(inlined(folder))
    module = (folder / "engine.js").read_text()
    script = f"{module}\nwindow.engine = await openEngine({files});"
    page = tmp_path / "alone.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><script type="module">{script}</script>')
    tab.goto(page.as_uri())
    tab.wait_for_function("window.engine")
    found = tab.evaluate("async () => (await engine.measure({ 'ft-a': 1 })).splits.val.correct")
    assert found == tiny_evaluator.evaluate("ft-a", "val")["val"].correct


@pytest.mark.parametrize(
    ("recipe", "options", "said"),
    [
        ({"ft-z": 1}, {}, "not in this site: ft-z; it has"),
        ({"ft-a": None}, {}, "not a finite number"),
        ({"ft-a": 0}, {}, "no coefficient but zero"),
        ({"ft-a": 1}, {"splits": ["fog"]}, "no split fog; there are val, noise"),
    ],
)
def test_what_cannot_be_measured_is_said(tab: Any, folder: Path, recipe: Any, options: Any, said: str) -> None:
    with served(folder) as address:
        open_engine(tab, address)
        with pytest.raises(Exception, match=said):
            measure(tab, recipe, **options)
        assert measure(tab, {"ft-a": 1}, splits=["noise"])["exact"]


def test_a_file_that_was_unpacked_on_the_way_is_taken_and_a_damaged_one_is_named(tab: Any, folder: Path) -> None:
    weights = folder / "weights.bin.gz"
    content = gzip.decompress(weights.read_bytes())
    weights.write_bytes(content)
    with served(folder) as address:
        open_engine(tab, address)
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(Exception, match=r"weights\.bin\.gz is damaged, or of another export"):
            open_engine(tab, address)
        weights.unlink()
        with pytest.raises(Exception, match=r"weights\.bin\.gz: the server answers 404"):
            open_engine(tab, address)


@pytest.mark.slow
def test_webgpu_gives_the_same(tiny_evaluator: Evaluator, tmp_path: Path, browser: Any) -> None:
    """Slow: a processor plays the graphics processor."""
    write_engine(tiny_evaluator, tmp_path, splits=["noise"], examples=64)
    # One browser at a time may be driven; the other one's driver is used.
    flags = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
    with (
        running_browser(*flags, driver=browser.browser_type) as other,
        fresh_page(other) as page,
        served(tmp_path) as at,
    ):
        page.goto(f"{at}/manifest.json")
        if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("this Chromium has no software adapter for WebGPU")
        open_engine(page, at, backend="webgpu")
        found = measure(page, {"zero-shot": 0.5, "ft-a": 0.5})["splits"]["noise"]
    assert_same(found, tiny_evaluator, Recipe({"zero-shot": 0.5, "ft-a": 0.5}), "noise")


def test_without_webgpu_it_says_what_to_do(tab: Any, folder: Path) -> None:
    with served(folder) as address, pytest.raises(Exception, match='no WebGPU here: use the backend "wasm"'):
        open_engine(tab, address, backend="webgpu")
