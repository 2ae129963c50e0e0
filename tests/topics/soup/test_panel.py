from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from soupwidgets import (
    Evaluator,
    Pool,
    PoolError,
    Recipe,
    SoupWarning,
    Store,
    greedy_soup,
    learned_soup,
    logit_ensemble,
    model_stock,
    uniform_soup,
)
from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.panel.view import View
from soupwidgets.widgets import SoupMixer
from tests.fixtures import ROOT


@pytest.fixture
def mixer(tiny_evaluator: Evaluator) -> Iterator[SoupMixer]:
    made = SoupMixer(tiny_evaluator)
    yield made
    made.close()


def words(view: View, figure: str) -> str:
    return view.figures[figure].layout.meta["text"]


def control(mixer: SoupMixer, name: str) -> dict[str, Any]:
    (found,) = [one for one in mixer.controls if one["name"] == name]
    return found


def press(mixer: SoupMixer, button: str) -> None:
    """Do what a click does."""
    setattr(mixer, button, getattr(mixer, button) + 1)
    mixer.wait()


def test_begins_with_the_uniform_soup_and_its_ensemble(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    mixer.wait(background=True)
    recipe = uniform_soup(tiny_evaluator.pool)
    expected = tiny_evaluator.evaluate(recipe)
    assert mixer.recipe == recipe
    assert mixer.evaluation.scores == expected.scores
    assert mixer.ensemble.accuracy == logit_ensemble(tiny_evaluator, recipe).accuracy
    view = mixer.shown
    assert view.words == "soup of 2 (Uniform, from 2 ingredients): exact, 2,400 of 2,400 images"
    assert view.exact
    assert view.card == {"coefficients": {"ft-a": 0.5, "ft-b": 0.5, "zero-shot": 0.0}}
    assert f"{expected.scores['wave'].correct} of 200" in words(view, "splits")
    assert "The ensemble of the same members" in words(view, "frontier")
    assert list(view.figures) == ["frontier", "splits"]
    assert mixer.filled == {"words": "every ingredient is measured", "done": 3, "total": 3}
    rows = {row["name"]: row for row in control(mixer, "coefficients")["rows"]}
    for name, row in rows.items():
        alone = tiny_evaluator.evaluate(Recipe({name: 1}))
        assert row["id"] == 100 * alone.accuracy["test"]
        assert row["ood"] == 100 * alone.shift_accuracy
    assert rows["zero-shot"]["role"] == "zero-shot"


def test_the_table_moves_the_soup_and_makes_it_one_by_hand(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    mixer.wait()
    mixer.coefficients = {"ft-a": 0.9, "ft-b": 0.1, "zero-shot": 0.0}
    mixer.wait()
    recipe = Recipe({"ft-a": 0.9, "ft-b": 0.1})
    assert mixer.recipe == recipe
    assert mixer.evaluation.scores == tiny_evaluator.evaluate(recipe).scores
    assert mixer.ensemble.recipe == recipe
    assert mixer.shown.words.startswith("soup of 2 (by hand): exact")
    mixer.coefficients = {"ft-a": 0.0, "ft-b": 0.0, "zero-shot": 0.0}
    mixer.wait()
    assert "the soup is empty" in mixer.shown.words
    assert mixer.evaluation is None


def test_coarse_comes_before_exact_before_the_ensemble(mixer: SoupMixer) -> None:
    state = {**mixer.state, "coefficients": {"ft-a": 0.8, "ft-b": 0.2}}
    views = [view for view in mixer.answer(state) if view is not None]
    assert "coarse so far" in views[0].words
    assert not views[0].exact
    with_ensemble = ["ensemble" in words(view, "frontier") for view in views]
    assert with_ensemble == sorted(with_ensemble)
    first_exact = next(i for i, view in enumerate(views) if view.exact)
    assert not with_ensemble[first_exact]
    assert with_ensemble[-1]


def test_greedy_is_the_greedy_soup_and_can_be_replayed(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    mixer.wait(background=True)
    press(mixer, "greedy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SoupWarning)
        expected = greedy_soup(tiny_evaluator, progress=False)
    assert mixer.trace.recipe == expected.recipe == mixer.recipe
    slider = control(mixer, "step")
    assert (mixer.step, slider["high"], slider["hidden"]) == (2, 2, False)
    assert slider["high_label"] == f"greedy soup of {len(expected.ingredients)}"
    assert mixer.shown.notes[0].startswith("Step 2 of 2")
    assert "(Greedy, from 2 ingredients)" in mixer.shown.words
    assert mixer.shown.clicks == {"trace": "step"}
    mixer.step = 1
    mixer.wait()
    assert mixer.recipe == Recipe({expected.steps[0].candidate: 1})
    assert mixer.shown.card["coefficients"][expected.steps[0].candidate] == 1
    assert mixer.shown.notes[0].startswith("Step 1 of 2")
    assert any("nothing is mixed" in note for note in mixer.shown.notes)
    assert mixer.ask(step=2).figures["trace"].data[-1].x == (2,)


def test_the_steps_belong_to_the_greedy_soup_alone(mixer: SoupMixer) -> None:
    press(mixer, "greedy")
    assert "trace" in mixer.shown.figures
    for change in ({"method": "uniform"}, {"coefficients": {"ft-a": 1.0}}):
        view = mixer.ask(**change)
        assert "trace" not in view.figures
        assert view.controls["step"] == {"hidden": True, "high": 3}
        assert not any(note.startswith("Step") for note in view.notes)
    press(mixer, "uniform")
    assert control(mixer, "step")["hidden"]
    assert mixer.trace is None
    # A greedy soup of other candidates has as many steps as these.
    after = mixer.do("greedy", chosen=["zero-shot", "ft-a", "ft-b"])
    assert (after["step"], after["of"]) == (3, ["ft-a", "ft-b", "zero-shot"])
    mixer.state = after
    mixer.wait()
    assert "from 3 ingredients" in mixer.shown.words


def test_a_method_says_how_far_it_is_beside_the_soup_before(mixer: SoupMixer) -> None:
    mixer.wait(background=True)
    *views, after = [step for step in mixer.act("greedy", mixer.state) if step is not None]
    assert after == {"method": "greedy", "of": ["ft-a", "ft-b"], "coefficients": {}, "given": "", "step": 2}
    assert "Greedy: 1 of 2 candidates tried" in [view.words for view in views]
    assert [view.done for view in views if "tried" in view.words] == [1, 2, 2]
    assert all(list(view.figures)[:2] == ["frontier", "splits"] for view in views)
    steps = [view for view in mixer.act("learned", mixer.state) if isinstance(view, View)]
    assert "Learned: step 1 of" in steps[1].words
    moved = [view.card["coefficients"]["ft-a"] for view in steps]
    assert len(set(moved)) > 2  # the table follows
    assert [set(view.figures) >= {"learned", "curve"} for view in steps][-3:] == [True, True, True]
    mixer.learned += 1
    assert mixer.running == "learned"
    mixer._on_message(mixer, {"kind": "stop"}, [])
    mixer.wait()
    assert mixer.running == ""
    assert mixer.method == "uniform"


def test_a_learned_soup_that_was_stopped_goes_on_and_shows_how_it_came_about(
    mixer: SoupMixer, tiny_evaluator: Evaluator, tmp_path: Path
) -> None:
    mixer.wait(background=True)
    begun = mixer.act("learned", mixer.state)
    while "step 3 of" not in (next(begun) or mixer.shown).words:
        pass
    begun.close()  # what the stop button does
    views = [view.words for view in mixer.act("learned", mixer.state) if isinstance(view, View)]
    assert [words.partition(" of")[0] for words in views[1:4]] == [f"Learned: step {i}" for i in (3, 4, 5)]
    press(mixer, "learned")
    elsewhere = tiny_evaluator.with_store(Store(tmp_path / "another"))
    assert mixer.recipe == learned_soup(elsewhere, progress=False).recipe
    assert "epoch 5: loss" in words(mixer.shown, "learned")
    assert "Epoch 5: loss" in words(mixer.shown, "curve")
    press(mixer, "uniform")
    assert not {"learned", "curve"} & set(mixer.shown.figures)


def test_a_method_by_tensor_shows_its_mean_and_ends_at_the_first_touch(
    mixer: SoupMixer, tiny_evaluator: Evaluator
) -> None:
    press(mixer, "stock")
    recipe = model_stock(tiny_evaluator.pool)
    assert mixer.recipe == recipe
    assert mixer.evaluation.scores == tiny_evaluator.evaluate(recipe).scores
    assert "Model Stock" in mixer.shown.words
    assert "coefficients by tensor" in mixer.shown.words
    assert mixer.shown.card["coefficients"]["ft-a"] == recipe["ft-a"]
    assert mixer.ensemble is None
    mixer.coefficients = {"ft-a": 0.25, "ft-b": 0.75, "zero-shot": 0}
    mixer.wait()
    assert mixer.recipe == Recipe({"ft-a": 0.25, "ft-b": 0.75})
    # What somebody computed elsewhere can be looked at as well.
    mixer.recipe = recipe
    mixer.wait()
    assert mixer.recipe == recipe
    assert "(given; coefficients by tensor" in mixer.shown.words


def test_the_other_buttons(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    press(mixer, "best_single")
    best = max(["ft-a", "ft-b"], key=lambda name: tiny_evaluator.evaluate(Recipe({name: 1})).accuracy["val"])
    assert mixer.recipe == Recipe({best: 1})
    press(mixer, "learned")
    assert sum(mixer.recipe.values()) == pytest.approx(1)
    assert 0 < mixer.recipe["ft-a"] < 1
    press(mixer, "learned_by_layer")
    assert mixer.recipe.by_tensor
    press(mixer, "wise_ft")
    assert mixer.recipe == Recipe({"zero-shot": 0.5, "ft-a": 0.25, "ft-b": 0.25})
    press(mixer, "uniform")
    assert mixer.recipe == uniform_soup(tiny_evaluator.pool)
    press(mixer, "lines")
    assert "no two layers" in mixer.error  # the tiny network has one block
    assert mixer.running == ""
    assert mixer.recipe == uniform_soup(tiny_evaluator.pool)


def test_a_soup_with_what_has_no_row(tiny_evaluator: Evaluator) -> None:
    mixer = SoupMixer(tiny_evaluator, ["ft-a", "ft-b"])
    press(mixer, "wise_ft")
    recipe = Recipe({"zero-shot": 0.5, "ft-a": 0.25, "ft-b": 0.25})
    assert mixer.recipe == recipe
    assert mixer.evaluation.scores == tiny_evaluator.evaluate(recipe).scores
    mixer.close()


def test_the_lasso_filters_rows_and_chooses_what_methods_mix(mixer: SoupMixer) -> None:
    view = mixer.ask()
    assert view.lassos == {"frontier": "chosen"}
    assert control(mixer, "coefficients")["filter"] == "chosen"
    mixer.chosen = ["zero-shot", "ft-b", "nobody"]
    assert mixer.chosen == ["ft-b", "zero-shot"]
    press(mixer, "uniform")
    assert mixer.recipe == Recipe({"ft-b": 0.5, "zero-shot": 0.5})
    assert any("is the zero-shot model" in note for note in mixer.shown.notes)
    # What is chosen later changes nothing about a soup that is there.
    mixer.chosen = []
    mixer.wait()
    assert mixer.recipe == Recipe({"ft-b": 0.5, "zero-shot": 0.5})
    assert mixer.do("uniform")["of"] == ["ft-a", "ft-b"]


def test_saves_what_is_shown_and_nothing_is_overwritten(mixer: SoupMixer, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    mixer.file = str(path)
    press(mixer, "save")
    assert f"saved as {path}" in mixer.shown.notes
    assert CheckpointFile(path).card.name == "mine"
    content = path.read_bytes()
    mixer.recipe = Recipe({"ft-a": 1})
    mixer.wait()
    assert f"saved as {path}" not in mixer.shown.notes  # that was another soup
    press(mixer, "save")
    assert "is there already" in mixer.error
    assert path.read_bytes() == content
    mixer.file = str(tmp_path / "mine.txt")
    press(mixer, "save")
    assert "must end with" in mixer.error


def test_another_shift(mixer: SoupMixer) -> None:
    assert "OOD (wave)" in words(mixer.ask(shift="wave"), "frontier")


def test_unknown_names(mixer: SoupMixer, tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="no row for 'nobody'"):
        mixer.recipe = Recipe({"nobody": 1})
    with pytest.raises(PoolError, match="nobody"):
        SoupMixer(tiny_evaluator, ["nobody"])
    with pytest.raises(ValueError, match="at least one"):
        SoupMixer(tiny_evaluator, [])
    with pytest.raises(KeyError):
        mixer.do("magic")
    with pytest.raises(ValueError, match="Did you mean greedy"):
        mixer.ask(method="gredy")


def test_the_page_replays_greedy_whatever_is_on_screen(mixer: SoupMixer, tmp_path: Path) -> None:
    page = mixer.to_html(tmp_path / "soup.html").read_text()
    assert mixer.method == "uniform"
    content = json.loads(page.split('id="content">')[1].split("</script>")[0])
    assert content["varied"] == {"step": [1, 2], "shift": [None, *mixer.ev.suite.axes]}
    assert "Step 2 of 2" in page
    fixed = mixer.to_html(tmp_path / "fixed.html", shift="wave").read_text()
    content = json.loads(fixed.split('id="content">')[1].split("</script>")[0])
    assert content["varied"] == {"step": [1, 2]}


def test_names_from_others_are_text(tiny_pool: Pool, tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    path = tiny_evaluator.save(Recipe({"ft-a": 1}), tmp_path / "plain.safetensors", progress=False)
    pool = Pool({**tiny_pool.checkpoints, evil: CheckpointFile(path)})
    ev = Evaluator(pool, tiny_evaluator.suite, device="cpu", store=tiny_evaluator.store)
    mixer = SoupMixer(ev, ["ft-b", evil])
    mixer.recipe = Recipe({evil: 1})
    mixer.wait(background=True)
    assert any(evil in note for note in mixer.shown.notes)  # which the front end shows as text
    assert "<img" not in mixer.to_html(tmp_path / "soup.html").read_text()
    mixer.close()


def test_closing_frees_everything(tiny_evaluator: Evaluator) -> None:
    before = len(ipywidgets.widgets.widget._instances)
    made = SoupMixer(tiny_evaluator)
    made.wait()
    made.close()
    assert len(ipywidgets.widgets.widget._instances) == before


def test_every_soup_has_its_python(mixer: SoupMixer) -> None:
    greedy = mixer.do("greedy")
    assert "sw.greedy_soup(ev, ['ft-a', 'ft-b']).after(1)" in mixer.code({**greedy, "step": 1})
    assert "recipe = sw.Recipe({'ft-a': 1.0})" in mixer.code({**greedy, "coefficients": {"ft-a": 1.0}})


@pytest.mark.slow
def test_the_python_of_every_method_runs_as_it_stands(small_evaluator: Evaluator) -> None:
    """Slow: it opens pool and suite in another process."""
    mixer = SoupMixer(small_evaluator, ["zero-shot", "ft-00", "ft-03"])
    recipes, lines = [], []
    for name in mixer._pot.methods:
        if name in ("learned", "learned_by_layer"):
            continue
        # Between two models, or from early to late: the choice is a state like any other.
        state = mixer.do(name, chosen=["ft-00", "ft-03"])
        *head, recipe, _ = mixer.code(state).splitlines()
        recipes.append(mixer._pot.contents(state)[0])
        lines.append(f"{recipe}\nprint(recipe.hash)")
    code = "\n".join([*head, *lines])
    store = {**os.environ, "SOUPWIDGETS_STORE": str(small_evaluator.store.folder)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=store)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [recipe.hash for recipe in recipes]
