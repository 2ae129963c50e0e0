from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from soupwidgets import CheckpointFile, Evaluator, Pool, Recipe, SoupWarning, Store, learned_soup, uniform_soup
from soupwidgets.evaluation.gradients import coefficient_gradient
from soupwidgets.methods import learned_steps
from soupwidgets.methods.held_out import divide
from tests.command import run


def test_the_gradient_is_that_of_the_loss(tiny_evaluator: Evaluator) -> None:
    """Against autograd in float64 through plain mixing and open_clip's own forward pass."""
    ev, names = tiny_evaluator, ["ft-a", "ft-b"]
    split, rows = ev.suite.validation, np.arange(64)
    recipe = Recipe({"ft-a": 0.3, "ft-b": 0.7})
    found = coefficient_gradient(ev, recipe, names, split, rows, beta=1.3)

    own = {name: {k: v.double() for k, v in ev.pool.checkpoints[name].read()} for name in names}
    tensors = sorted(own["ft-a"])
    coefficients = torch.tensor([[0.3, 0.7]] * len(tensors), dtype=torch.float64, requires_grad=True)
    beta = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    model = ev.architecture.build().double()
    mixed = {t: sum(coefficients[i, j] * own[n][t] for j, n in enumerate(names)) for i, t in enumerate(tensors)}
    images, labels = ev.batch(split, rows)
    logits = torch.func.functional_call(model, mixed, (images.double(),))
    loss = F.cross_entropy(beta * logits, labels)
    by_tensor, by_beta = torch.autograd.grad(loss, [coefficients, beta])
    assert found.loss == pytest.approx(loss.item(), rel=1e-5)
    assert found.beta == pytest.approx(by_beta.item(), rel=1e-3, abs=1e-6)
    torch.testing.assert_close(torch.from_numpy(found.by_tensor), by_tensor, rtol=1e-3, atol=1e-6)
    assert found.correct == int((logits.argmax(1) == labels).sum())


@pytest.mark.slow
@pytest.mark.parametrize("by", ["model", "layer"])
def test_a_bad_ingredient_is_turned_down(evaluator: Evaluator, by: Literal["model", "layer"]) -> None:
    names = [*evaluator.pool.fine_tuned, "bad-lr"]
    soup = learned_soup(evaluator, names, by=by, epochs=2, progress=False)
    assert soup.recipe["bad-lr"] < 0.02 < min(soup.recipe[name] for name in names[:-1])
    assert sum(soup.recipe.values()) == pytest.approx(1, abs=1e-9)
    assert bool(soup.recipe.by_tensor) == (by == "layer")
    for own in soup.recipe.by_tensor.values():
        assert sum(own.values()) == pytest.approx(1, abs=1e-9)
        assert all(value > 0 for value in own.values())
    first, last = soup.epochs
    assert last.loss < first.loss
    assert last.beta == soup.beta != 1
    assert last.coefficients == pytest.approx(dict(soup.recipe), abs=1e-9)
    start = evaluator.evaluate(uniform_soup(evaluator.pool, names), ["val"])
    assert evaluator.evaluate(soup.recipe, ["val"]).accuracy["val"] > start.accuracy["val"] + 0.2


def test_a_descent_that_stays_behind_a_barrier_is_pointed_out(small_evaluator: Evaluator) -> None:
    with pytest.warns(SoupWarning, match=r"worse validation accuracy \(.*%\) than 'ft-03' alone \(.*%\)"):
        learned_soup(small_evaluator, ["ft-03", "bad-lr"], epochs=1, progress=False)


def test_only_validation_is_looked_at_and_the_seed_decides(tiny_evaluator: Evaluator) -> None:
    reader = tiny_evaluator.reader
    asked = []
    tiny_evaluator.reader = lambda split: asked.append(split.role) or reader(split)  # type: ignore[method-assign]
    soups = [learned_soup(tiny_evaluator, epochs=1, seed=seed, progress=False) for seed in (0, 0, 1)]
    assert set(asked) == {"validation"}
    assert soups[0].recipe == soups[1].recipe != soups[2].recipe


def test_one_backward_pass_needs_the_memory_of_one_model(small_evaluator: Evaluator) -> None:
    names = small_evaluator.pool.fine_tuned
    recipe = Recipe({name: 1 / len(names) for name in names})
    rows = np.arange(1)  # few activations: what is left is the model's own
    coefficient_gradient(small_evaluator, recipe, names, small_evaluator.suite.validation, rows)
    with torch.profiler.profile(profile_memory=True) as profile:
        coefficient_gradient(small_evaluator, recipe, names, small_evaluator.suite.validation, rows)
    live = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    one_model = 4 * small_evaluator.matrix.layout.size
    assert 0 < peak < 4 * one_model


def test_other_ways_are_refused(tiny_evaluator: Evaluator) -> None:
    with pytest.raises(ValueError, match="by 'model' or by 'layer'"):
        learned_soup(tiny_evaluator, by="tensor")  # type: ignore[arg-type]


def plain_descent(ev: Evaluator, names: list[str], rows_of: np.ndarray, epochs: int, batch: int, rate: float) -> list:
    """The descent as short as it can be written: coefficients and beta after every epoch."""
    free = torch.zeros(1, len(names), dtype=torch.float64, requires_grad=True)
    beta = torch.ones((), dtype=torch.float64, requires_grad=True)
    optimiser, rng, found = torch.optim.AdamW([free, beta], lr=rate, weight_decay=0.0), np.random.default_rng(0), []
    for _ in range(epochs):
        order = rows_of[rng.permutation(len(rows_of))]
        for start in range(0, len(order), batch):
            soup = free.softmax(dim=1)
            recipe = Recipe(dict(zip(names, soup[0].tolist(), strict=True)))
            step = coefficient_gradient(
                ev, recipe, names, ev.suite.validation, order[start : start + batch], beta.item()
            )
            optimiser.zero_grad()
            torch.autograd.backward(soup, torch.from_numpy(step.by_tensor).sum(dim=0, keepdim=True))
            beta.grad = torch.tensor(step.beta, dtype=torch.float64)
            optimiser.step()
        found.append((Recipe(dict(zip(names, free.softmax(dim=1)[0].tolist(), strict=True))), beta.item()))
    return found


def test_without_held_out_images_it_is_the_plain_descent(tiny_evaluator: Evaluator) -> None:
    soup = learned_soup(tiny_evaluator, epochs=2, batch=150, learning_rate=0.1, progress=False)
    everything = np.arange(len(tiny_evaluator.suite.validation))
    expected = plain_descent(tiny_evaluator, ["ft-a", "ft-b"], everything, 2, 150, 0.1)
    assert (soup.recipe, soup.beta) == expected[-1]
    assert (soup.held_out, soup.curve, soup.taken, soup.words) == (None, (), None, "")
    assert set(soup.to_json()) == {"metric", "beta", "epochs"}
    assert set(soup.to_json()["epochs"][0]) == {"loss", "accuracy", "beta", "coefficients"}
    assert list(soup.curve_to_frame().columns) == ["epoch", "loss", "accuracy", "logit scale"]


def test_images_are_divided_by_class(small_evaluator: Evaluator) -> None:
    split = small_evaluator.suite.validation
    moving, judging = divide(split, 0.25, 0)
    assert len(judging) == 100
    assert sorted([*moving, *judging]) == list(range(len(split)))
    for label in np.unique(split.labels):
        of_class = np.sum(split.labels == label)
        assert abs(np.sum(split.labels[judging] == label) - of_class / 4) <= 1
    assert np.array_equal(divide(split, 0.25, 0)[1], judging)
    assert not np.array_equal(divide(split, 0.25, 1)[1], judging)
    assert len(divide(split, 0, 0)[1]) == 0
    for share in (-0.1, 1.0, 0.001, float("nan")):
        with pytest.raises(ValueError, match="share of the 400 validation images that judge"):
            divide(split, share, 0)


@pytest.fixture
def steep(tiny_evaluator: Evaluator) -> dict[str, Any]:
    """Options with which the held-out loss falls at first, and then rises."""
    return {"held_out": 0.25, "patience": 2, "epochs": 12, "learning_rate": 0.6, "batch": 75, "progress": False}


def test_held_out_images_judge_the_others_choose_and_the_best_epoch_is_taken(
    tiny_evaluator: Evaluator, steep: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from soupwidgets.methods import descent

    ev, split, seen = tiny_evaluator, tiny_evaluator.suite.validation, []
    original = descent.coefficient_gradient
    monkeypatch.setattr(descent, "coefficient_gradient", lambda *a: seen.extend(a[4]) or original(*a))
    soup = learned_soup(ev, **steep)
    moving, judging = divide(split, 0.25, 0)
    assert set(seen) == set(moving)
    # Stopped early, two epochs after the best one, whose soup it is; as the plain descent on the same images has it.
    assert 0 < soup.taken == len(soup.epochs) - 2 < 10
    path = plain_descent(ev, ["ft-a", "ft-b"], moving, len(soup.epochs), 75, 0.6)
    assert (soup.recipe, soup.beta) == path[soup.taken - 1]
    # What is said of the held-out images, computed from logits of the evaluator.
    for (recipe, beta), judged in zip([(uniform_soup(ev.pool), 1.0), *path], soup.curve, strict=True):
        logits = ev.evaluate(recipe, "val").split_logits("val")[judging].astype(np.float64)
        own = F.cross_entropy(
            torch.from_numpy(beta * logits), torch.from_numpy(split.labels[judging]), reduction="none"
        )
        margin = 1.959964 * own.std().item() / 10
        assert judged.loss == pytest.approx(own.mean().item(), rel=1e-5)
        assert judged.interval == pytest.approx((judged.loss - margin, judged.loss + margin), rel=1e-4)
        assert judged.accuracy == np.mean(logits.argmax(1) == split.labels[judging])
    assert soup.taken == int(np.argmin([judged.loss for judged in soup.curve]))
    frame = soup.curve_to_frame()
    assert frame["epoch"].tolist() == list(range(len(soup.epochs) + 1))
    assert frame.loc[frame["taken"], "epoch"].tolist() == [soup.taken]
    assert frame["held-out loss"].min() == soup.curve[soup.taken].loss
    told = json.loads(json.dumps(soup.to_json()))
    assert told["taken"] == soup.taken
    assert told["held_out"]["images"] == 100
    assert told["epochs"][0]["judged"]["loss"] == soup.curve[1].loss
    assert f"epoch {soup.taken} of {len(soup.epochs)} is taken" in told["taken_because"]
    assert f"epoch {soup.taken} taken" in repr(soup)


def test_where_no_epoch_is_better_the_uniform_soup_is_taken(tiny_evaluator: Evaluator) -> None:
    soup = learned_soup(tiny_evaluator, held_out=0.5, patience=1, learning_rate=50.0, progress=False)
    assert (soup.taken, len(soup.epochs), soup.recipe, soup.beta) == (0, 1, uniform_soup(tiny_evaluator.pool), 1.0)
    assert "the uniform soup, before any epoch, is taken" in soup.words


class Killed(Exception):  # noqa: N818
    pass


def killed(ev: Evaluator, monkeypatch: pytest.MonkeyPatch, at: int, options: dict[str, Any]) -> None:
    """Learn, and die in the step after ``at``."""
    from soupwidgets.methods import descent

    original, steps = descent.coefficient_gradient, []

    def dying(*arguments: Any) -> Any:
        if len(steps) == at:
            raise Killed
        steps.append(1)
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(descent, "coefficient_gradient", dying)
        with pytest.raises(Killed):
            learned_soup(ev, **options)


@pytest.mark.filterwarnings("ignore:the learned soup has worse")
@pytest.mark.parametrize(("by", "held_out"), [("model", 0.25), ("layer", 0.25), ("layer", 0.0)])
def test_a_killed_descent_goes_on_as_if_nothing_had_been(
    tiny_evaluator: Evaluator, steep: dict[str, Any], by: str, held_out: float,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    options = {**steep, "by": by, "held_out": held_out, "epochs": 4, "learning_rate": 0.1}
    whole = learned_soup(tiny_evaluator.with_store(Store(tmp_path / "another")), **options)
    folder = tiny_evaluator.store.folder / "unfinished"
    per_epoch = 4 if held_out else 6
    # After an epoch, in the middle of the next one, and after that one.
    for more in (per_epoch, 2, per_epoch - 2):
        killed(tiny_evaluator, monkeypatch, more, options)
        assert len(list(folder.iterdir())) == 1
    # Somebody who asks for something else begins at the start.
    first = next(learned_steps(tiny_evaluator, **{k: v for k, v in options.items() if k != "progress"} | {"seed": 1}))
    assert first[0] == 1
    steps = list(learned_steps(tiny_evaluator, **{k: v for k, v in options.items() if k != "progress"}))
    assert steps[0][0] == 2 * per_epoch
    assert steps[-1][2] == whole
    assert whole.recipe.by_tensor == steps[-1][2].recipe.by_tensor
    assert bool(whole.recipe.by_tensor) == (by == "layer")
    assert len(list(folder.iterdir())) == 1  # that of the other seed


@pytest.mark.filterwarnings("ignore:the learned soup has worse")
def test_a_damaged_state_is_told_and_costs_no_more_than_the_work(
    tiny_evaluator: Evaluator, steep: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steep |= {"epochs": 1, "batch": 200}
    whole = learned_soup(tiny_evaluator.with_store(Store(tmp_path / "another")), **steep)
    folder = tiny_evaluator.store.folder / "unfinished"
    killed(tiny_evaluator, monkeypatch, 1, steep)
    (state,) = folder.iterdir()
    content = torch.load(state, weights_only=True)
    for damaged in (b"", state.read_bytes()[:-100], b"cos\nsystem\n(S'true'\ntR."):
        state.write_bytes(damaged)
        with pytest.warns(SoupWarning, match="cannot be read as the state of an interrupted run"):
            assert learned_soup(tiny_evaluator, **steep) == whole
    for spoiled in ({}, {**content, "free": torch.zeros(3, 3)}, {**content, "plain": "[]"}):
        torch.save(spoiled, state)
        with pytest.warns(SoupWarning, match="it begins anew"):
            assert learned_soup(tiny_evaluator, **steep) == whole
    # Where nothing can be kept, the work is done all the same.
    folder.rmdir()
    folder.write_text("in the way")
    with pytest.warns(SoupWarning, match="cannot be written"):
        assert learned_soup(tiny_evaluator, **steep) == whole


def test_numbers_that_are_no_descent_are_refused(tiny_evaluator: Evaluator) -> None:
    for wrong in ({"epochs": 0}, {"batch": 0}, {"patience": 0}):
        with pytest.raises(ValueError, match="each must be at least 1"):
            learned_soup(tiny_evaluator, progress=False, **wrong)


def test_the_command_goes_on_after_a_kill(
    tiny_pool: Pool, small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soupwidgets.methods import descent

    folder = tiny_pool.checkpoints["ft-a"].path.parent
    common = ["soup", "learned", "--pool", str(folder), "--suite", str(small_folder), "--device", "cpu"]
    common += ["--held-out", "0.25", "--patience", "1", "--epochs", "2", "--batch", "100", "--learning-rate", "0.1"]
    original, steps = descent.coefficient_gradient, []

    def counted(*arguments: Any) -> Any:
        if len(steps) == 4:
            raise KeyboardInterrupt
        steps.append(1)
        return original(*arguments)

    store = ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "cut.safetensors")]
    with monkeypatch.context() as patch:
        patch.setattr(descent, "coefficient_gradient", counted)
        assert run(*common, *store).returncode != 0
    assert not (tmp_path / "cut.safetensors").exists()
    done = run(*common, *store, "--json", str(tmp_path / "cut.json"))
    assert done.returncode == 0, done.stderr
    assert "validation images, which moved no coefficient" in done.stdout
    whole = ["--store", str(tmp_path / "another"), "--out", str(tmp_path / "whole.safetensors")]
    assert run(*common, *whole, "--json", str(tmp_path / "whole.json")).returncode == 0
    cut, uncut = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("cut", "whole"))
    assert {**cut, "file": ""} == {**uncut, "file": ""}
    files = [CheckpointFile(tmp_path / f"{name}.safetensors").content_hash for name in ("cut", "whole")]
    assert files[0] == files[1]
