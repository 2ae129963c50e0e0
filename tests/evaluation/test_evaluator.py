from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from torch.utils.data import DataLoader, TensorDataset

from soupwidgets import Evaluation, Evaluator, Pool, PoolError, Recipe, Store, Suite, wise_ft
from soupwidgets.suites import Split
from tests.fixtures import SMALL, SMALL_SHIFT, TINY, ZOO, WriteCheckpoint


def plain_logits(recipe: Recipe, split: Split) -> torch.Tensor:
    """The simple version: open_clip's own CLIP, one dictionary of weights, one DataLoader."""
    pool = Pool.open(ZOO)
    architecture = pool.architecture_card
    assert architecture is not None
    clip = CLIP(
        architecture["embed_dim"],
        architecture["vision_cfg"],
        {"context_length": 2, "vocab_size": 2, "width": 64, "heads": 1, "layers": 1},
    ).eval()
    tensors = {name: dict(pool.checkpoints[name].read()) for name in recipe}
    mixed = {
        key: sum((c * tensors[name][key].double() for name, c in recipe.items()), torch.zeros(()).double()).float()
        for key in next(iter(tensors.values()))
    }
    head = mixed.pop("head.weight")
    clip.visual.load_state_dict({key.removeprefix("visual."): value for key, value in mixed.items()})
    images = (torch.from_numpy(np.array(split.images)).float() / 255 - 0.286) / 0.353
    loader = DataLoader(TensorDataset(images[:, None].repeat(1, 3, 1, 1)), batch_size=200)
    with torch.no_grad():
        return torch.cat([clip.encode_image(batch, normalize=True) @ head.T for (batch,) in loader])


@pytest.mark.parametrize("split_name", ["val", "wave"])
def test_logits_are_those_of_open_clip(small_evaluator: Evaluator, split_name: str) -> None:
    recipe = wise_ft(small_evaluator.pool, "ft-07", 0.4)
    split = small_evaluator.suite.splits[split_name]
    evaluation = small_evaluator.evaluate(recipe, [split_name])
    expected = plain_logits(recipe, split)
    got = torch.from_numpy(evaluation.logits[split_name])
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-4)
    labels = torch.from_numpy(split.labels)
    assert evaluation.scores[split_name].correct == int((got.argmax(1) == labels).sum())
    assert evaluation.loss[split_name] == pytest.approx(float(F.cross_entropy(got, labels)), rel=1e-6)
    assert evaluation.accuracy[split_name] == pytest.approx(
        float((expected.argmax(1) == labels).float().mean()), abs=2 / len(split)
    )


def test_the_same_question_is_not_computed_twice(tiny_evaluator: Evaluator, tiny_pool: Pool) -> None:
    recipe = Recipe({"zero-shot": 0.5, "ft-a": 0.5})
    first = tiny_evaluator.evaluate(recipe, ["rotate", "noise"])
    assert tiny_evaluator.forward_images == 2 * SMALL_SHIFT
    again = tiny_evaluator.evaluate(recipe, ["noise"])
    other = Evaluator(tiny_pool, tiny_evaluator.suite, device="cpu", store=tiny_evaluator.store)
    third = other.evaluate(recipe, ["rotate", "noise"])
    assert tiny_evaluator.forward_images == 2 * SMALL_SHIFT
    assert other.forward_images == 0
    assert again.scores["noise"] == first.scores["noise"] == third.scores["noise"]
    assert np.array_equal(third.logits["rotate"], first.logits["rotate"])


def test_partial_results_grow_to_the_exact_one(tiny_evaluator: Evaluator) -> None:
    steps = list(tiny_evaluator.stream(Recipe({"ft-a": 1}), ["rotate", "blur"]))
    assert [score.seen for score in steps[0].scores.values()] == [64, 64]
    assert not steps[0].exact
    assert steps[-1].exact
    seen = [sum(score.seen for score in step.scores.values()) for step in steps]
    assert seen == sorted(set(seen))
    assert seen[-1] == 2 * SMALL_SHIFT
    for step in steps:
        for name, (low, high) in step.interval.items():
            assert low <= step.accuracy[name] <= high


def test_coarse_samples_are_fair(evaluator: Evaluator) -> None:
    """The first images seen are a random sample: every class appears among the first 320."""
    split = evaluator.suite.splits["test"]
    order = evaluator.reader(split).order
    assert len(set(split.labels[order[:320]])) == 10
    assert sorted(order) == list(range(len(split)))


def test_cancelling_keeps_what_is_complete(tiny_evaluator: Evaluator) -> None:
    recipe = Recipe({"ft-b": 1})
    stream = tiny_evaluator.stream(recipe, ["rotate", "val"])
    for evaluation in stream:
        if evaluation.scores["rotate"].exact:
            break
    stream.close()
    assert tiny_evaluator.stored(recipe, ["rotate"]) is not None
    assert tiny_evaluator.stored(recipe, ["val"]) is None
    before = tiny_evaluator.forward_images
    tiny_evaluator.evaluate(recipe, ["rotate", "val"])
    assert tiny_evaluator.forward_images == before + SMALL


def test_interleaved_streams_do_not_mix_their_weights(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    recipes = [Recipe({"ft-a": 1}), Recipe({"ft-b": 1})]
    streams = [tiny_evaluator.stream(recipe, ["rotate"]) for recipe in recipes]
    last: list[Evaluation | None] = [None, None]
    running = True
    while running:
        running = False
        for i, stream in enumerate(streams):
            if (evaluation := next(stream, None)) is not None:
                last[i], running = evaluation, True
    alone = Evaluator(tiny_evaluator.pool, tiny_evaluator.suite, device="cpu", store=Store(tmp_path / "other"))
    for recipe, evaluation in zip(recipes, last, strict=True):
        assert evaluation is not None
        assert np.array_equal(evaluation.logits["rotate"], alone.evaluate(recipe, ["rotate"]).logits["rotate"])


def test_threads_share_an_evaluator(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    recipes = [Recipe({"zero-shot": 1 - a, "ft-a": a}) for a in (0, 0.25, 0.5, 1)]
    found: dict[Recipe, np.ndarray] = {}

    def work(recipe: Recipe) -> None:
        found[recipe] = tiny_evaluator.evaluate(recipe, ["blur"]).logits["blur"]

    threads = [threading.Thread(target=work, args=(recipe,)) for recipe in recipes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = Evaluator(tiny_evaluator.pool, tiny_evaluator.suite, device="cpu", store=Store(tmp_path / "other"))
    for recipe in recipes:
        assert np.array_equal(found[recipe], alone.evaluate(recipe, ["blur"]).logits["blur"])


def test_whoever_asks_for_the_same_joins_in(tiny_evaluator: Evaluator) -> None:
    recipe = Recipe({"ft-a": 1})
    found: list[Evaluation] = []
    threads = [threading.Thread(target=lambda: found.append(tiny_evaluator.evaluate(recipe))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tiny_evaluator.forward_images == 2 * SMALL + 8 * SMALL_SHIFT
    assert len(found) == 3
    assert all(evaluation.exact for evaluation in found)
    assert found[0].scores == found[1].scores == found[2].scores


def test_a_stream_that_is_overtaken_before_its_end_is_exact(tiny_evaluator: Evaluator) -> None:
    recipe = Recipe({"ft-a": 1})
    stream = tiny_evaluator.stream(recipe, ["val"])
    partial = [next(stream) for _ in range(2)][-1]
    assert not partial.exact
    assert tiny_evaluator.evaluate(recipe, ["val"]).exact
    assert list(stream)[-1].exact


def test_a_stream_left_alone_goes_on_where_others_have_got(tiny_evaluator: Evaluator) -> None:
    recipe = Recipe({"ft-b": 1})
    stream = tiny_evaluator.stream(recipe, ["blur", "wave"])
    assert next(stream).scores["wave"].seen == 64
    done = tiny_evaluator.evaluate(recipe, ["blur", "wave"])
    assert tiny_evaluator.forward_images == 2 * SMALL_SHIFT
    assert list(stream)[-1].scores == done.scores
    assert tiny_evaluator.forward_images == 2 * SMALL_SHIFT


def test_a_diverged_model_is_wrong_everywhere(write_checkpoint: WriteCheckpoint, suite: Suite, tmp_path: Path) -> None:
    tensors = TINY.build().state_dict()
    tensors["head.weight"] = torch.full_like(tensors["head.weight"], float("nan"))
    path = write_checkpoint("nan", tensors, architecture=TINY.to_json())
    store = Store(tmp_path / "store")
    for _ in range(2):  # the second time from the store
        score = (
            Evaluator(Pool.open([path]), suite, device="cpu", store=store)
            .evaluate(Recipe({"nan": 1}), ["blur"])
            .scores["blur"]
        )
        assert score.correct == 0
        assert np.isnan(score.loss)


def test_clear_errors(tiny_evaluator: Evaluator, write_checkpoint: WriteCheckpoint, suite: Suite) -> None:
    with pytest.raises(PoolError, match="nobody"):
        tiny_evaluator.evaluate(Recipe({"nobody": 1}))
    with pytest.raises(KeyError, match="no split 'fog'"):
        tiny_evaluator.evaluate(Recipe({"ft-a": 1}), ["fog"])
    with pytest.raises(ValueError, match="empty"):
        tiny_evaluator.evaluate(Recipe({}), ["val"])
    unknown = Pool.open([write_checkpoint("plain", {"w": torch.zeros(1)})])
    with pytest.raises(PoolError, match="architecture"):
        Evaluator(unknown, suite, store=tiny_evaluator.store)
    misfit = Pool.open([write_checkpoint("misfit", {"w": torch.zeros(1)}, architecture=TINY.to_json())])
    with pytest.raises(PoolError, match="but the model does not"):
        Evaluator(misfit, suite, store=tiny_evaluator.store).evaluate(Recipe({"misfit": 1}), ["val"])
    three = {**TINY.to_json(), "classes": 3}
    few = Pool.open([write_checkpoint("few", {"w": torch.zeros(1)}, architecture=three)])
    with pytest.raises(PoolError, match="3 classes"):
        Evaluator(few, suite, store=tiny_evaluator.store)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_is_the_same_code(tiny_pool: Pool, tiny_evaluator: Evaluator, suite: Suite, tmp_path: Path) -> None:
    recipe = Recipe({"zero-shot": 0.3, "ft-a": 0.7})
    cuda = Evaluator(tiny_pool, suite, device="cuda", store=Store(tmp_path / "cuda"))
    expected = tiny_evaluator.evaluate(recipe, ["rotate"]).logits["rotate"]
    assert cuda.evaluate(recipe, ["rotate"]).logits["rotate"] == pytest.approx(expected, abs=1e-2)


def test_asking_for_cuda_without_a_device(tiny_pool: Pool, suite: Suite, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(ValueError, match=r"^device cuda: PyTorch finds no CUDA device here; use cpu, or auto$"):
        Evaluator(tiny_pool, suite, device="cuda", store=Store(tmp_path / "store"))


def test_a_device_that_there_is_not(tiny_pool: Pool, small_suite: Suite, tmp_path: Path) -> None:
    for name in ("gpu", "CUDA", "cuda:x", "mps", "meta"):
        with pytest.raises(ValueError, match=rf"^device {name}: choose auto, cpu or cuda \(cuda:1 for the second\)$"):
            Evaluator(tiny_pool, small_suite, device=name, store=Store(tmp_path / "store"))


def test_two_splits_with_the_same_images_are_one_measurement(tiny_pool: Pool, suite: Suite, tmp_path: Path) -> None:
    noise = suite.splits["noise"]
    twin = Split("twin", "id_test", noise.source)
    both = Suite("twins", suite.classes, {"val": suite.splits["val"], "noise": noise, "twin": twin})
    ev = Evaluator(tiny_pool, both, device="cpu", store=Store(tmp_path / "store"))
    evaluation = ev.evaluate(Recipe({"ft-a": 1}), ["noise", "twin"])
    assert evaluation.scores["noise"].correct == evaluation.scores["twin"].correct
    assert (evaluation.scores["noise"].role, evaluation.scores["twin"].role) == ("shift", "id_test")
    assert ev.forward_images == len(noise)
    assert len(ev.measured(["noise", "twin"])) == 1


def test_the_first_answer_is_one_pass_for_all_splits(tiny_evaluator: Evaluator) -> None:
    tiny_evaluator.warm_up("ft-b")
    passes = []
    handle = tiny_evaluator.computation.network.module.register_forward_hook(
        lambda _m, given, _o: passes.append(len(given[0]))
    )
    try:
        first = next(tiny_evaluator.stream("ft-a"))
    finally:
        handle.remove()
    # As many splits as fit into a batch go together.
    assert passes == [384, 256]
    assert {name: score.seen for name, score in first.scores.items()} == dict.fromkeys(tiny_evaluator.suite.splits, 64)


def test_a_split_that_is_named_twice_is_measured_once(tiny_evaluator: Evaluator) -> None:
    before = tiny_evaluator.forward_images
    assert list(tiny_evaluator.evaluate("ft-a", ["noise", "noise"])) == ["noise"]
    assert tiny_evaluator.forward_images - before == len(tiny_evaluator.suite["noise"])
