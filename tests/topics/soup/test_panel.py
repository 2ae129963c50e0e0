from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

from soupwidgets import (
    Evaluator,
    Pool,
    PoolError,
    Recipe,
    SoupWarning,
    greedy_soup,
    logit_ensemble,
    model_stock,
    uniform_soup,
)
from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.widgets import SoupMixer


@pytest.fixture
def mixer(tiny_evaluator: Evaluator) -> Iterator[SoupMixer]:
    made = SoupMixer(tiny_evaluator)
    made.wait(background=True)
    yield made
    made.close()


def test_begins_with_the_uniform_soup_and_its_ensemble(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    recipe = uniform_soup(tiny_evaluator.pool)
    expected = tiny_evaluator.evaluate(recipe)
    assert mixer.recipe == recipe
    assert mixer.evaluation is not None
    assert mixer.evaluation.scores == expected.scores
    assert mixer.view.ensemble is not None
    assert mixer.view.ensemble.accuracy == logit_ensemble(tiny_evaluator, recipe).accuracy
    assert "soup of 2: exact, 2,400 of 2,400 images" in mixer.view.status.value
    assert f"{expected.scores['wave'].correct} of 200" in mixer.view.splits.text
    assert "The ensemble of the same members" in mixer.view.frontier.text
    assert "every ingredient is measured" in mixer.view.fill_status.value
    rows = {row["name"]: row for row in mixer.table.rows}
    for name, row in rows.items():
        alone = tiny_evaluator.evaluate(Recipe({name: 1}))
        assert row["id"] == 100 * alone.accuracy["test"]
        assert row["ood"] == 100 * alone.shift_accuracy
    assert rows["zero-shot"]["role"] == "zero-shot"


def test_the_table_moves_the_soup(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    mixer.table.dragging = True
    mixer.table.coefficients = {"ft-a": 0.9, "ft-b": 0.1, "zero-shot": 0.0}
    mixer.wait()
    recipe = Recipe({"ft-a": 0.9, "ft-b": 0.1})
    assert mixer.evaluation is not None
    assert mixer.evaluation.scores == tiny_evaluator.evaluate(recipe).scores
    assert mixer.view.ensemble is None  # not while the thumb moves
    mixer.table.dragging = False
    mixer.wait()
    assert mixer.view.ensemble is not None
    assert mixer.view.ensemble.recipe == recipe
    mixer.table.coefficients = {"ft-a": 0.0, "ft-b": 0.0, "zero-shot": 0.0}
    mixer.wait()
    assert "the soup is empty" in mixer.view.status.value
    assert mixer.evaluation is None


def test_greedy_is_the_greedy_soup_and_can_be_replayed(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    mixer.make("Greedy")
    mixer.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        expected = greedy_soup(tiny_evaluator, progress=False)
    assert mixer.greedy is not None
    assert mixer.greedy.recipe == expected.recipe == mixer.recipe
    assert mixer.step.value == mixer.step.max == 2
    assert "Step 2 of 2" in mixer.view.verdict.value
    mixer.step.value = 1.0
    mixer.wait()
    assert mixer.recipe == Recipe({expected.steps[0].candidate: 1})
    assert "Step 1 of 2" in mixer.view.verdict.value
    assert "nothing is mixed" in mixer.view.advice.value
    mixer.view.trace.clicked = {"uid": "left", "customdata": [2, expected.steps[1].candidate], "at": 1}
    mixer.wait()
    assert mixer.step.value == 2
    assert mixer.recipe == expected.recipe


def test_a_method_by_tensor_shows_its_mean_and_ends_at_the_first_touch(
    mixer: SoupMixer, tiny_evaluator: Evaluator
) -> None:
    mixer.make("Model Stock")
    mixer.wait()
    recipe = model_stock(tiny_evaluator.pool)
    assert mixer.recipe == recipe
    assert mixer.evaluation is not None
    assert mixer.evaluation.scores == tiny_evaluator.evaluate(recipe).scores
    assert "coefficients by tensor" in mixer.view.status.value
    assert mixer.view.ensemble is None
    mixer.table.coefficients = {"ft-a": 0.25, "ft-b": 0.75, "zero-shot": 0}
    mixer.wait()
    assert mixer.recipe == Recipe({"ft-a": 0.25, "ft-b": 0.75})


def test_the_other_buttons(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    mixer.make("Best single")
    mixer.wait()
    best = max(["ft-a", "ft-b"], key=lambda name: tiny_evaluator.evaluate(Recipe({name: 1})).accuracy["val"])
    assert mixer.recipe == Recipe({best: 1})
    mixer.buttons["Learned"].click()
    mixer.wait()
    assert sum(mixer.recipe.values()) == pytest.approx(1)
    assert 0 < mixer.recipe["ft-a"] < 1
    mixer.buttons["Learned by layer"].click()
    mixer.wait()
    assert mixer.recipe.by_tensor
    mixer.buttons["WiSE-FT"].click()
    mixer.wait()
    assert mixer.recipe == Recipe({"zero-shot": 0.5, "ft-a": 0.25, "ft-b": 0.25})
    mixer.buttons["Uniform"].click()
    mixer.wait()
    assert mixer.recipe == uniform_soup(tiny_evaluator.pool)
    mixer.buttons["LiNeS"].click()
    mixer.wait()
    assert "no two layers" in mixer.alert.value  # the tiny network has one block


def test_a_soup_with_what_has_no_row(tiny_evaluator: Evaluator) -> None:
    mixer = SoupMixer(tiny_evaluator, ["ft-a", "ft-b"])
    mixer.make("WiSE-FT")
    mixer.wait()
    recipe = Recipe({"zero-shot": 0.5, "ft-a": 0.25, "ft-b": 0.25})
    assert mixer.recipe == recipe
    assert mixer.evaluation is not None
    assert mixer.evaluation.scores == tiny_evaluator.evaluate(recipe).scores
    mixer.close()


def test_the_lasso_filters_rows_and_chooses_what_methods_mix(mixer: SoupMixer) -> None:
    mixer.view.frontier.selected = {"points": [["ft-b"], ["zero-shot"], ["nobody"], "x", []], "at": 1}
    assert mixer.table.selection == ["ft-b", "zero-shot"]
    mixer.make("Uniform")
    mixer.wait()
    assert mixer.recipe == Recipe({"ft-b": 0.5, "zero-shot": 0.5})
    assert "is the zero-shot model" in mixer.view.advice.value
    mixer.view.frontier.clicked = {"uid": "ingredients", "customdata": ["ft-a"], "at": 2}
    assert mixer.candidates == ["ft-a"]
    mixer.view.frontier.selected = {"points": [], "at": 3}
    assert mixer.candidates == ["ft-a", "ft-b"]


def test_saves_what_is_shown_and_nothing_is_overwritten(mixer: SoupMixer, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    mixer.file_name.value = str(path)
    mixer.save_button.click()
    mixer.wait()
    assert f"saved as {path}" in mixer.saved.value
    assert CheckpointFile(path).card.name == "mine"
    content = path.read_bytes()
    mixer.recipe = Recipe({"ft-a": 1})
    mixer.save_button.click()
    mixer.wait()
    assert "is there already" in mixer.saved.value
    assert path.read_bytes() == content
    mixer.file_name.value = str(tmp_path / "mine.txt")
    mixer.save_button.click()
    mixer.wait()
    assert "must end with" in mixer.alert.value


def test_another_shift(mixer: SoupMixer) -> None:
    mixer.shift_choice.value = "wave"
    assert "OOD (wave)" in mixer.view.frontier.text


def test_unknown_names(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="no row for 'nobody'"):
        mixer.recipe = Recipe({"nobody": 1})
    with pytest.raises(PoolError, match="nobody"):
        SoupMixer(tiny_evaluator, ["nobody"])
    with pytest.raises(ValueError, match="at least one"):
        SoupMixer(tiny_evaluator, [])
    with pytest.raises(KeyError):
        mixer.make("Magic")


def test_the_page(mixer: SoupMixer, tmp_path: Path, tiny_evaluator: Evaluator) -> None:
    mixer.make("Greedy")
    page = mixer.to_html(tmp_path / "soup.html").read_text()
    assert "a greedy soup of 2 candidates" in page
    assert "http" not in page.split('<script type="application/json"')[0].replace(
        "https://arxiv.org/abs/2203.05482", ""
    )
    state = json.loads(page.split('id="state">')[1].split("</script>")[0])
    assert [frame["value"] for frame in state["frames"]] == ["step 1", "step 2"]
    assert "Step 2 of 2" in state["frames"][1]["below"]


def test_names_from_others_are_text(tiny_pool: Pool, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    path = tiny_evaluator.save(Recipe({"ft-a": 1}), tmp_path / "plain.safetensors", progress=False)
    pool = Pool({**tiny_pool.checkpoints, evil: CheckpointFile(path)})
    ev = Evaluator(pool, tiny_evaluator.suite, "cpu", tiny_evaluator.store)
    mixer = SoupMixer(ev, ["ft-b", evil])
    mixer.recipe = Recipe({evil: 1})
    mixer.wait(background=True)
    assert "<img" not in mixer.view.advice.value
    assert "&lt;img" in mixer.view.advice.value
    page = mixer.to_html(tmp_path / "soup.html").read_text()
    assert "<img" not in page
    mixer.close()


def test_closing_frees_everything(tiny_evaluator: Evaluator) -> None:
    before = len(ipywidgets.widgets.widget._instances)
    made = SoupMixer(tiny_evaluator)
    made.wait()
    made.close()
    assert len(ipywidgets.widgets.widget._instances) == before
