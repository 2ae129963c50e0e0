"""What makes a function a soup method, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import soupwidgets as sw
from soupwidgets import Evaluator, GreedySoup, Pool, PoolError, Recipe, greedy_soup, learned_soup, methods
from soupwidgets.methods import all_methods, method_named, soup_method
from soupwidgets.methods.method import forget
from tests.command import run


@pytest.fixture
def own() -> Iterator[Callable[..., Any]]:
    """Offers a function as the method ``own``, until the test ends."""
    yield soup_method("own", "Own", paper="nobody's")
    if "own" in {method.name for method in all_methods()}:
        forget("own")


def test_what_a_method_needs_is_read_from_its_parameters() -> None:
    told = {m.name: (m.needs_images, m.uses_images, m.writes_file, m.ordered) for m in all_methods()}
    assert told["uniform"] == (False, False, False, False)
    assert told["arithmetic"] == (False, True, False, False)
    assert told["greedy"] == (True, True, False, False)
    assert told["fisher"] == (True, True, True, False)
    assert told["ties"] == (False, False, True, False)
    assert [name for name, needs in told.items() if needs[3]] == ["ema", "lawa", "slerp", "swa", "swad"]
    assert list(method_named("ties").options) == ["density", "scale"]
    assert list(method_named("learned").options) == ["epochs", "learning_rate", "batch", "seed", "held_out", "patience"]
    assert method_named("ema").explained("decay") == "0..1; what is kept of the average at every step."
    assert all(m.summary.endswith(".") and all(map(m.explained, m.options)) for m in all_methods())


def test_a_method_made_by_name_is_the_function(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    ev, names = tiny_evaluator, ["ft-b", "ft-a"]
    greedy = method_named("greedy").make(ev.pool, names, ev=ev, strict=True)
    assert greedy.result == greedy_soup(ev, names, strict=True, progress=False)
    assert greedy.trace == greedy.result.to_json()
    by_layer = method_named("learned-by-layer").make(ev.pool, names, ev=ev, epochs=1)
    assert by_layer.recipe == learned_soup(ev, names, by="layer", epochs=1, progress=False).recipe
    ties = method_named("ties").make(ev.pool, names, path=tmp_path / "ties.pt", density=0.5)
    assert (ties.recipe, ties.trace, ties.result) == (None, {}, tmp_path / "ties.pt")
    ema = method_named("ema").make(ev.pool, names, decay=0.25)
    assert (ema.recipe, ema.trace) == (Recipe({"ft-b": 0.25, "ft-a": 0.75}), {})
    assert (
        methods.wise_ft(ev.pool, names, 0.5) == methods.wise_ft(ev.pool) == method_named("wise-ft").make(ev.pool).recipe
    )
    with pytest.raises(PoolError, match="nobody"):
        methods.wise_ft(ev.pool, "nobody")


def test_step_by_step_a_method_ends_with_the_same_soup(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    ev = tiny_evaluator
    *_, last = method_named("greedy").stream(ev.pool, ev=ev)
    assert last[:2] == (2, 2)
    assert isinstance(last[2].result, GreedySoup)
    assert last[2].recipe == greedy_soup(ev, progress=False).recipe
    *_, (done, total, made) = method_named("learned").stream(ev.pool, ev=ev, epochs=1)
    assert done == total
    assert made.recipe == learned_soup(ev, epochs=1, progress=False).recipe
    ((done, total, made),) = method_named("uniform").stream(ev.pool)
    assert (done, total, made.recipe) == (1, 1, sw.uniform_soup(ev.pool))


def test_what_is_missing_is_said(tiny_pool: Pool) -> None:
    with pytest.raises(ValueError, match="greedy looks at validation images: name a suite with --suite"):
        method_named("greedy").make(tiny_pool)
    with pytest.raises(ValueError, match="ties writes a file"):
        method_named("ties").make(tiny_pool)
    with pytest.raises(ValueError, match=r"ema has no option 'decya'; it takes decay\. Did you mean decay\?"):
        method_named("ema").make(tiny_pool, decya=0.5)
    with pytest.raises(ValueError, match=r"no method 'gredy'; known are arithmetic, .* Did you mean greedy\?"):
        method_named("gredy")


def test_what_is_no_method_is_refused(own: Callable[..., Any], tiny_pool: Pool) -> None:
    for function, why in [
        (lambda models: models, "its first parameter is to be called pool, or ev"),
        (lambda pool: pool, "it takes no ingredients"),
        (lambda pool, *, ingredients=None: pool, "it takes no ingredients"),
        (lambda pool, ingredients: pool, "ingredients must have a default"),
        (lambda pool, ingredients=None, *, t: pool, "t must have a default"),
    ]:
        with pytest.raises(ValueError, match=why):
            own(function)
    with pytest.raises(ValueError, match="'Own one' cannot be a method's name"):
        soup_method("Own one", "Own", paper="")(methods.uniform_soup)
    with pytest.raises(ValueError, match=r"there is a method 'ties' already, in soupwidgets\.methods"):
        soup_method("ties", "TIES", paper="")(methods.uniform_soup)

    for coefficient in (1.0, 2.0):
        # A cell of a notebook that runs twice.
        @own
        def own_soup(pool: Pool, ingredients: Any = None, by: float = coefficient) -> Recipe:
            return Recipe({"ft-a": by})

    assert method_named("own").make(tiny_pool).recipe == Recipe({"ft-a": 2})
    assert sw.own_soup is methods.own_soup is own_soup  # type: ignore[attr-defined]


def test_each_command_has_the_options_of_its_method(tiny_pool: Pool, tmp_path: Path) -> None:
    words = ["--pool", str(tiny_pool.checkpoints["ft-a"].path.parent), "--out", str(tmp_path / "soup.pt")]
    told = run("soup", "greedy", "--density", "0.5", *words)
    assert (told.returncode, "--density" in told.stderr) == (2, True)
    assert "Did you mean greedy?" in run("soup", "gredy", *words).stderr
    shown = run("soup", "greedy", "--help").stdout
    assert "--tie-order" in shown
    assert "2203.05482" in shown
    assert run("soup", "lawa", "--last", "1", *words, "--json", str(tmp_path / "out.json")).returncode == 0
    assert '"ft-b": 1.0' in (tmp_path / "out.json").read_text()
