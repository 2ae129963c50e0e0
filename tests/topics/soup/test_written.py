"""The mixer's methods that write a file: TIES, DARE, Fisher, and whatever is registered besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, Recipe
from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.methods import all_methods, method, soup_method
from soupwidgets.panel.view import View
from soupwidgets.widgets import SoupMixer
from tests.topics.soup.test_panel import control, press, words


@pytest.fixture
def mixer(tiny_evaluator: Evaluator, tmp_path: Path) -> Iterator[SoupMixer]:
    made = SoupMixer(tiny_evaluator)
    (tmp_path / "soups").mkdir()
    made.file = str(tmp_path / "soups" / "mine.safetensors")
    yield made
    made.close()


def test_every_method_has_a_button(mixer: SoupMixer) -> None:
    groups: dict[str, set[str]] = {}
    for one in mixer.controls:
        if one["kind"] == "button" and one["name"] != "save":
            groups.setdefault(one["group"], set()).add(one["name"])
    methods = [(method.name.replace("-", "_"), method.writes_file) for method in all_methods()]
    files = groups.pop("Written to a file")
    assert files == {name for name, writes in methods if writes} >= {"ties", "fisher"}
    assert set().union(*groups.values()) == {"best_single", *(name for name, writes in methods if not writes)}
    # Those that look at images, and those that need an order, which a pool seldom is.
    assert groups["Chosen by validation"] >= {"best_single", "greedy", "learned_by_layer", "adamerging"}
    assert groups["Order matters"] == {"ema", "lawa", "slerp", "swa", "swad"}
    assert groups["From weights"] >= {"uniform", "stock", "wise_ft"}


@pytest.mark.parametrize("method", ["ties", "dare", "fisher"])
def test_the_file_has_the_methods_numbers_and_the_methods_accuracies(
    method: str, mixer: SoupMixer, tiny_evaluator: Evaluator, tmp_path: Path
) -> None:
    state = mixer.do(method)
    path = tmp_path / "soups" / f"{method}.safetensors"
    assert state["coefficients"] == {"ft-a": 0.0, "ft-b": 0.0, "zero-shot": 0.0, method: 1.0}
    expected = tmp_path / "expected.safetensors"
    if method == "fisher":
        sw.fisher_soup(tiny_evaluator, expected, progress=False)
    else:
        getattr(sw, method)(tiny_evaluator.pool, expected, progress=False)
    found, wanted = dict(CheckpointFile(path).read()), dict(CheckpointFile(expected).read())
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    other = Evaluator(Pool.open([expected]), tiny_evaluator.suite, device="cpu", store=tiny_evaluator.store)
    view = mixer.ask(**state)
    # Another file of the same numbers has the same hash: it is not measured twice.
    images = other.forward_images
    scores = other.evaluate("expected").scores
    assert other.forward_images == images
    assert f"{scores['wave'].correct} of 200" in words(view, "splits")
    assert f", in {path}): exact" in view.words
    assert any(f"of 2 ingredients, written to {path}" in note for note in view.notes)


def test_the_merged_model_is_one_more_to_mix_with(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    mixer.wait(background=True)
    press(mixer, "ties")
    assert mixer.error == ""
    assert mixer.recipe == Recipe({"ties": 1})
    rows = {row["name"]: row for row in control(mixer, "coefficients")["rows"]}
    assert rows["ties"]["role"] == "TIES"
    assert rows["ties"]["id"] == 100 * mixer.evaluation.accuracy["test"]
    mixer.chosen = ["ties", "ft-a"]
    press(mixer, "uniform")
    assert mixer.recipe == Recipe({"ties": 0.5, "ft-a": 0.5})
    assert mixer.evaluation.exact
    assert mixer.ev.pool.names == [*tiny_evaluator.pool.names, "ties"]
    assert "ties" not in tiny_evaluator.pool
    pool, recipe = [line for line in mixer.view["code"].splitlines() if line.startswith(("pool", "recipe"))]
    assert pool.endswith(f".including({str(mixer._pot.written['ties'].path)!r})")
    assert recipe == "recipe = sw.methods.method_named('uniform').make(pool, ['ft-a', 'ties']).recipe"


def test_a_second_press_writes_nothing_and_nothing_is_overwritten(mixer: SoupMixer) -> None:
    folder = Path(mixer.file).parent
    (folder / "ties.safetensors").write_bytes(b"of somebody else")
    for _ in range(2):
        assert mixer.do("ties")["coefficients"]["ties-2"] == 1
    assert sorted(path.name for path in folder.iterdir()) == ["ties-2.safetensors", "ties.safetensors"]
    assert (folder / "ties.safetensors").read_bytes() == b"of somebody else"
    # Of other ingredients it is another model.
    assert mixer.do("ties", chosen=["ft-b"])["coefficients"] == {
        "ft-a": 0, "ft-b": 0, "zero-shot": 0, "ties-2": 0, "ties-3": 1,
    }  # fmt: skip


def test_where_it_goes_is_said_before_it_is_there(mixer: SoupMixer) -> None:
    path = Path(mixer.file).with_name("dare.safetensors")
    steps = mixer.act("dare", mixer.state)
    view = next(steps)
    assert isinstance(view, View)
    assert (view.words, view.done, view.exact) == (f"DARE of 2 ingredients goes to {path}", 0, False)
    assert not path.exists()
    # Who stops it now keeps the soup that was there; what was written is an ingredient all the same.
    next(steps)
    steps.close()
    assert path.exists()
    assert "dare" in [row["name"] for row in mixer.ask().controls["coefficients"]["rows"]]
    assert mixer.recipe == sw.uniform_soup(mixer.ev.pool, ["ft-a", "ft-b"])


def test_a_method_that_writes_in_steps_can_be_stopped(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    def steps(pool: Pool, path: Path, ingredients: Sequence[str]) -> Iterator[tuple[int, int, Path | None]]:
        yield 1, 2, None
        sw.save_mixture(pool, sw.uniform_soup(pool, ingredients), path, progress=False)
        yield 2, 2, path

    def stepwise(pool: Pool, path: Path, ingredients: Sequence[str] | None = None) -> Path:
        "The plain average, in a file."
        return path

    soup_method("stepwise", "Stepwise", paper="nobody's", steps=steps)(stepwise)
    try:
        mixer = SoupMixer(tiny_evaluator)
    finally:
        method.forget("stepwise")
    mixer.file = str(tmp_path / "mine.pt")
    acting = mixer.act("stepwise", mixer.state)
    assert [(view.done, view.total) for view in (next(acting), next(acting))] == [(0, 1), (1, 2)]
    acting.close()
    assert list(tmp_path.glob("*.safetensors")) == []
    assert mixer.do("stepwise")["coefficients"]["stepwise"] == 1
    same = mixer.ev.evaluate("stepwise").scores
    assert same == mixer.ev.evaluate(sw.uniform_soup(tiny_evaluator.pool)).scores
    mixer.close()


def test_a_folder_that_is_none_is_said(mixer: SoupMixer, tmp_path: Path) -> None:
    (tmp_path / "nowhere").write_text("a file")
    mixer.file = str(tmp_path / "nowhere" / "mine.safetensors")
    press(mixer, "ties")
    assert "nowhere" in mixer.error
    assert "ties" not in mixer.ev.pool
    assert mixer.running == ""
