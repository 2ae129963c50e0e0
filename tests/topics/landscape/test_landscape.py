from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, PoolError, Recipe, Store, Suite, uniform_soup
from soupwidgets.evaluation import Recalibration, score, stream_score
from soupwidgets.methods import random_neighbour
from soupwidgets.models import Architecture
from soupwidgets.topics.landscape.plane import grid_axes, lattice_levels
from tests.fixtures import SMALL


@pytest.fixture
def four(tiny_pool: Pool, tmp_path: Path) -> Pool:
    """The tiny pool with one more random model, off the plane of the others."""
    path = random_neighbour(tiny_pool, "ft-a", tmp_path / "beside.safetensors", seed=3, progress=False)
    return tiny_pool.including(path)


def flat(pool: Pool, name: str) -> np.ndarray:
    return np.concatenate([t.double().numpy().ravel() for _, t in pool.checkpoints[name].read()])


def mixed(pool: Pool, recipe: Recipe) -> np.ndarray:
    return sum(c * flat(pool, name) for name, c in recipe.items())


def test_distances_and_angles_are_those_of_the_flat_weights(four: Pool) -> None:
    geometry = sw.landscape.weight_geometry(four)
    assert geometry.origin == "zero-shot"
    vectors = [flat(four, name) for name in four.names]
    expected = [[np.linalg.norm(a - b) for b in vectors] for a in vectors]
    np.testing.assert_allclose(geometry.distances(), expected, rtol=1e-6, atol=1e-6)
    i, j, o = four.names.index("ft-a"), four.names.index("ft-b"), four.names.index("zero-shot")
    a, b = vectors[i] - vectors[o], vectors[j] - vectors[o]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert geometry.angles()[i, j] == pytest.approx(np.degrees(np.arccos(cosine)))
    assert np.isnan(geometry.angles()[o, i])
    soup = uniform_soup(four, ["ft-a", "ft-b"])
    apart = np.linalg.norm(mixed(four, soup) - vectors[o])
    assert geometry.distance(soup, Recipe({"zero-shot": 1})) == pytest.approx(apart)
    layered = Recipe({"zero-shot": 1}, {"head.weight": {"ft-a": 1}})
    heads = [dict(four.checkpoints[n].read())["head.weight"].double() for n in ("ft-a", "zero-shot")]
    assert geometry.distance(layered, Recipe({"zero-shot": 1})) == pytest.approx(float((heads[0] - heads[1]).norm()))


def test_axes_are_orthonormal_and_corners_are_the_checkpoints_exactly(four: Pool) -> None:
    plane = sw.landscape.plane_through(four, ("zero-shot", "ft-a", "ft-b"))
    axes = [
        sum(c * flat(four, n) for n, c in zip(plane.geometry.names, axis, strict=True)) for axis in (plane.u, plane.v)
    ]
    products = [[a @ b for b in axes] for a in axes]
    np.testing.assert_allclose(products, np.eye(2), atol=1e-5)
    for name in ("zero-shot", "ft-a", "ft-b"):
        place = plane.place(name)
        assert place.off == 0
        assert plane.at(place.x, place.y) == Recipe({name: 1})
    assert plane.place("zero-shot") == sw.landscape.Place(0, 0, 0)
    assert plane.place("ft-a").y == pytest.approx(0, abs=1e-9)
    assert plane.place("ft-b").y > 0
    beside = plane.place("beside")
    foot = mixed(four, plane.at(beside.x, beside.y))
    assert beside.off == pytest.approx(np.linalg.norm(flat(four, "beside") - foot), rel=1e-5)
    soup = plane.place(uniform_soup(four, ["ft-a", "ft-b"]))
    assert soup.off == 0
    assert soup.x == pytest.approx((plane.place("ft-a").x + plane.place("ft-b").x) / 2)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (("zero-shot", "ft-a"), "three models, got 2"),
        (("zero-shot", "ft-a", "ft-a"), "three different models"),
        (("zero-shot", "ft-a", "nobody"), "nobody"),
        (("zero-shot", "ft-a", Recipe({"zero-shot": 0.5, "ft-a": 0.5})), "lie on one line"),
        (("zero-shot", "ft-a", Recipe({"zero-shot": 0.5, "ft-b": 0.7})), "do not sum to 1"),
        (("zero-shot", "ft-a", Recipe({"ft-b": 1}, {"head.weight": {"ft-a": 1}})), "for some tensors"),
    ],
)
def test_what_spans_no_plane(tiny_pool: Pool, models: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sw.landscape.plane_through(tiny_pool, models)


def test_identical_checkpoints_have_no_direction(tiny_pool: Pool, tmp_path: Path, write_checkpoint) -> None:
    twin = write_checkpoint("twin", dict(tiny_pool.checkpoints["ft-a"].read()))
    with pytest.raises(ValueError, match="ft-a and twin have identical weights"):
        sw.landscape.plane_through(tiny_pool.including(twin), ("zero-shot", "ft-a", "twin"))


def test_grid_points_lie_where_they_are_said_to(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    plane = sw.landscape.plane_through(ev.pool, ("zero-shot", "ft-a", "ft-b"))
    a, b = plane.place("ft-a"), plane.place("ft-b")
    # A lattice that has corners of the plane among its points: a shifted row or column would show.
    found = sw.landscape.plane(ev, plane, grid=3, limits=((0, 2 * a.x), (0, 2 * b.y)), progress=False)
    assert found.exact
    where = ev.suite.validation
    for name, row, column in (("zero-shot", 0, 0), ("ft-a", 0, 1)):
        alone = score(ev, Recipe({name: 1}), where)
        assert found.recipe(row, column) == Recipe({name: 1})
        assert (found.loss[row, column], found.error[row, column]) == (alone.loss, 1 - alone.accuracy)
    for row in range(len(found.y)):
        for column in range(len(found.x)):
            point = plane.place(found.recipe(row, column))
            assert (point.x, point.y) == pytest.approx((found.x[column], found.y[row]), abs=1e-6)
            plain = ev.evaluate(found.recipe(row, column), [where.name])
            assert found.error[row, column] == 1 - plain.accuracy[where.name]
            assert found.loss[row, column] == pytest.approx(plain.loss[where.name], rel=1e-6)


def test_a_landscape_comes_coarse_first_and_goes_on_where_it_was_stopped(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    plane = sw.landscape.plane_through(ev.pool, ("zero-shot", "ft-a", "ft-b"))
    states = []
    for state in sw.landscape.stream_plane(ev, plane, 5):
        states.append(state)
        if (state.seen == state.total).sum() == 3:
            break
    assert (states[0].seen > 0).sum() == 0
    with pytest.raises(ValueError, match="no point"):
        states[0].heights("loss")
    first = states[1]
    assert (first.seen > 0).sum() == 1
    assert (first.heights("loss")[0] == first.loss[first.known]).all()
    # Every point has a rough value before any has its exact one; the corners are the first of both.
    exact = [i for i, s in enumerate(states) if (s.seen == s.total).any()]
    assert (states[exact[0] - 1].seen > 0).all()
    assert states[4].seen[[0, 0, -1, -1], [0, -1, 0, -1]].min() > 0
    before = ev.forward_images
    again = next(sw.landscape.stream_plane(ev, plane, 5))
    assert (again.seen == again.total).sum() == 3
    assert ev.forward_images == before
    whole = sw.landscape.plane(ev, plane, grid=5, progress=False)
    assert whole.exact
    done = states[-1].seen == states[-1].total
    assert (whole.loss[done] == states[-1].loss[done]).all()


def test_rough_values_are_those_of_the_first_images(tiny_evaluator: Evaluator) -> None:
    ev, recipe = tiny_evaluator, Recipe({"ft-a": 0.5, "ft-b": 0.5})
    split = ev.suite.validation
    rough = score(ev, recipe, split, images=64)
    assert (rough.seen, rough.exact) == (64, False)
    rows = ev.reader(split).order[:64]
    logits = torch.from_numpy(ev.evaluate(recipe, ["val"]).logits["val"][rows]).double()
    labels = torch.from_numpy(split.labels[rows])
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    assert rough.loss == pytest.approx(float(losses.mean()), rel=1e-6)
    assert rough.loss_sd == pytest.approx(float(losses.std()), rel=1e-5)
    low, high = rough.loss_interval
    assert (high - low) / 2 == pytest.approx(1.959964 * float(losses.std()) / 8, rel=1e-5)


def test_numbers_alone_take_no_room_and_do_not_pass_for_logits(tiny_evaluator: Evaluator) -> None:
    ev, recipe = tiny_evaluator, Recipe({"ft-a": 0.25, "ft-b": 0.75})
    first = score(ev, recipe, ev.suite.validation)
    assert first.exact
    assert first.load_logits is None
    assert not list((ev.store.folder / "logits").rglob("*.npy"))
    assert ev.stored(recipe, ["val"]) is None
    assert not ev.measured(["val"])
    whole = ev.evaluate(recipe, ["val"])
    assert whole.logits["val"].shape == (SMALL, 10)
    assert whole.accuracy["val"] == first.accuracy
    # Numbers that come later do not take the logits away.
    ev.store.put(
        ev.key(recipe, ev.suite.validation), ev.store.get([ev.key(recipe, ev.suite.validation)]).popitem()[1], None
    )
    assert ev.stored(recipe, ["val"]) is not None
    before = ev.forward_images
    # The same images in batches of other sizes: rounding differs in the tenth digit.
    assert list(stream_score(ev, recipe, ev.suite.validation))[-1].loss == pytest.approx(first.loss, rel=1e-8)
    assert ev.forward_images == before


def test_the_training_split_can_be_measured_but_is_in_no_evaluation(tiny_evaluator: Evaluator) -> None:
    line = sw.landscape.line(tiny_evaluator, "ft-a", "ft-b", steps=2, split="train", beyond=0, progress=False)
    assert line.scores[0.0].total == SMALL
    assert line.scores[0.0].role == "train"
    assert "train" not in tiny_evaluator.evaluate(Recipe({"ft-a": 1})).scores
    with pytest.raises(KeyError, match="no split 'nowhere'"):
        sw.landscape.line(tiny_evaluator, "ft-a", "ft-b", steps=2, split="nowhere", progress=False)


def test_line_passes_both_ends_and_barriers_follow_their_definitions(tiny_evaluator: Evaluator) -> None:
    line = sw.landscape.line(tiny_evaluator, "ft-a", "ft-b", steps=5, beyond=0.5, progress=False)
    assert list(line.scores) == [-0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]
    assert line.recipes[1.5] == Recipe({"ft-a": -0.5, "ft-b": 1.5})
    errors = line.errors
    inside = {t: e for t, e in errors.items() if 0 <= t <= 1}
    assert line.barrier == max(inside.values()) - (errors[0] + errors[1]) / 2
    assert line.rise == pytest.approx(max(e - ((1 - t) * errors[0] + t * errors[1]) for t, e in inside.items()))
    frame = line.to_frame().set_index("t")
    _, high = line.scores[0.5].interval
    assert frame.loc[0.5, "error low"] == 1 - high
    assert frame.loc[0.5, "loss low"] < frame.loc[0.5, "loss"] < frame.loc[0.5, "loss high"]
    with pytest.raises(ValueError, match="two different models"):
        sw.landscape.line(tiny_evaluator, "ft-a", Recipe({"ft-a": 1}), progress=False)
    with pytest.raises(ValueError, match="needs at least its two ends"):
        sw.landscape.line(tiny_evaluator, "ft-a", "ft-b", steps=1, progress=False)


def test_barrier_interval_worked_by_hand() -> None:
    from soupwidgets.evaluation import SplitScore

    def made(*correct: int) -> sw.landscape.LandscapeLine:
        ts = [i / (len(correct) - 1) for i in range(len(correct))]
        scores = {t: SplitScore("validation", 100, 100, c, 0.0) for t, c in zip(ts, correct, strict=True)}
        return sw.landscape.LandscapeLine("a", "b", "val", scores, dict.fromkeys(ts, Recipe({"a": 1})))

    line = made(80, 50, 60)
    assert line.barrier == pytest.approx(0.5 - 0.3)
    margin = 1.959964 * np.sqrt((0.25 + (0.16 + 0.24) / 4) / 100)
    assert line.barrier_interval == pytest.approx((0.2 - margin, 0.2 + margin))
    assert line.rise == pytest.approx(0.5 - 0.3)
    # The highest is an end: (0.4 - 0.2) / 2 is Frankle's barrier, and there is no rise above the line.
    even = made(80, 70, 60)
    assert even.barrier == pytest.approx(0.1)
    assert even.rise == pytest.approx(0)
    margin = 1.959964 * np.sqrt((0.16 + 0.24) / 4 / 100)
    assert even.barrier_interval == pytest.approx((0.1 - margin, 0.1 + margin))


def test_siblings_have_no_barrier_and_another_pre_training_has_one(small_evaluator: Evaluator) -> None:
    """On 400 images, where one image more is a quarter of a point; notebook 06 says it of all."""
    evaluator, names = small_evaluator, ["ft-03", "ft-08", "other-seed", "zero-shot"]
    states = list(sw.landscape.stream_barriers(evaluator, names, points=5))
    matrix = states[-1]
    assert matrix.exact
    heights = matrix.heights
    assert (heights == heights.T).all()
    assert abs(heights[0, 1]) < 0.01
    assert heights[0, 2] > 0.3
    assert matrix.rises[0, 2] > 0.3
    assert len(matrix.lines["ft-03", "other-seed"].scores) == 5
    assert len(matrix.lines["ft-03", "ft-08"].scores) == 3
    line = sw.landscape.barrier(evaluator, "ft-03", "other-seed", alphas=5)
    assert heights[0, 2] == line.barrier
    # The first drawable state is rough: a few images of each point.
    first = next(s for s in states if not np.isnan(s.heights).any())
    assert not first.exact
    with pytest.raises(ValueError, match="at least two"):
        sw.landscape.barrier_matrix(evaluator, ["ft-03"])
    with pytest.raises(ValueError, match="odd number"):
        sw.landscape.barrier_matrix(evaluator, names, points=4)


def test_principal_components_of_a_run(four: Pool) -> None:
    run = ["zero-shot", "ft-a", "ft-b", "beside"]
    plane = sw.landscape.trajectory_plane(four, run)
    ways = np.array([flat(four, name) - flat(four, "beside") for name in run[:-1]])
    _, singular, axes = np.linalg.svd(ways, full_matrices=False)
    share = singular**2 / (singular**2).sum()
    assert plane.explained == pytest.approx(tuple(share[:2]), rel=1e-4)
    for name, way in zip(run, ways, strict=False):
        place = plane.place(name)
        assert (abs(place.x), abs(place.y)) == pytest.approx(tuple(abs(axes[:2] @ way)), rel=1e-3, abs=1e-4)
    assert plane.place("beside") == sw.landscape.Place(0, 0, 0)
    with pytest.raises(ValueError, match="at least three"):
        sw.landscape.trajectory_plane(four, run[:2])


def test_a_random_step_is_filter_normalised_and_seeded(tiny_pool: Pool, tmp_path: Path) -> None:
    paths = [
        random_neighbour(tiny_pool, "ft-a", tmp_path / f"{n}.safetensors", seed=s, progress=False)
        for n, s in (("one", 0), ("same", 0), ("other", 1))
    ]
    pool = tiny_pool.including(*paths)
    assert pool.fine_tuned == ["ft-a", "ft-b"]
    assert pool.checkpoints["one"].content_hash == pool.checkpoints["same"].content_hash
    assert pool.checkpoints["one"].content_hash != pool.checkpoints["other"].content_hash
    at, there = (dict(pool.checkpoints[name].read()) for name in ("ft-a", "one"))
    for name, tensor in at.items():
        step = there[name].double() - tensor.double()
        if tensor.ndim < 2:
            assert not step.any()
        else:
            rows, like = step.flatten(1).norm(dim=1), tensor.double().flatten(1).norm(dim=1)
            torch.testing.assert_close(rows, like, rtol=1e-4, atol=1e-5)
    plain = random_neighbour(tiny_pool, "ft-a", tmp_path / "p.safetensors", filter_normalised=False, progress=False)
    gaussian = dict(tiny_pool.including(plain).checkpoints["p"].read())
    norm = at["visual.ln_post.weight"].norm()
    torch.testing.assert_close((gaussian["visual.ln_post.weight"] - at["visual.ln_post.weight"]).norm(), norm)


def test_blocks_move_alone_and_together(tiny_evaluator: Evaluator) -> None:
    ev = tiny_evaluator
    alone = sw.landscape.block_profile(ev, "zero-shot", "ft-a", alphas=(0, 1), progress=False)
    after = sw.landscape.block_profile(ev, "zero-shot", "ft-a", mode="after", alphas=(0, 1), progress=False)
    where = ev.suite.validation
    start, end = (score(ev, Recipe({n: 1}), where).loss for n in ("zero-shot", "ft-a"))
    assert (alone.loss[:, 0] == start).all()
    assert after.loss[0, 1] == end  # the first block with all after it is the whole model
    head = Recipe({"zero-shot": 1}, {"head.weight": {"ft-a": 1}})
    assert alone.blocks[-2:] == ("visual.proj", "head")  # the projection comes after the layers, though listed first
    assert "visual.ln_pre" in alone.blocks
    assert alone.loss[-1, 1] == after.loss[-1, 1] == score(ev, head, where).loss
    layered = sw.landscape.interpolate_blocks(
        ev.pool, "zero-shot", "ft-a", alphas={"visual.transformer.resblocks.0": 0.25}, otherwise=1
    )
    assert layered.at("visual.transformer.resblocks.0.ln_1.weight") == {"zero-shot": 0.75, "ft-a": 0.25}
    assert layered.at("head.weight") == {"ft-a": 1}
    tower = {"visual": 1.0, "visual.transformer.resblocks.0.ln_1": 0.5}
    nested = sw.landscape.interpolate_blocks(ev.pool, "zero-shot", "ft-a", alphas=tower)
    assert nested.at("visual.proj") == {"ft-a": 1}
    assert nested.at("visual.transformer.resblocks.0.ln_1.bias") == {"zero-shot": 0.5, "ft-a": 0.5}
    assert nested.at("head.weight") == {"zero-shot": 1}
    with pytest.raises(ValueError, match="no block, layer or tensor 'tail'"):
        sw.landscape.interpolate_blocks(ev.pool, "zero-shot", "ft-a", alphas={"tail": 1})


@pytest.mark.parametrize("grid", [2, 3, 9, 24, 25])
def test_levels_begin_with_the_corners(grid: int) -> None:
    levels = lattice_levels(grid, grid)
    assert (levels[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
    assert (levels == 0).sum() == 4
    assert levels.max() <= np.ceil(np.log2(grid)) + 1


@pytest.mark.parametrize(
    ("limits", "grid", "message"), [(((0, 1), (0, 1)), 1, "grid of 1"), (((0, 0), (0, 1)), 5, "enclose")]
)
def test_grids_that_show_nothing(limits: tuple, grid: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grid_axes(limits, grid)


def test_models_of_other_shapes_are_refused(tiny_pool: Pool, write_checkpoint) -> None:
    tensors = {n: t if t.ndim < 2 else t[:1] for n, t in tiny_pool.checkpoints["ft-a"].read()}
    with pytest.raises(PoolError, match="cannot be mixed"):
        tiny_pool.including(write_checkpoint("small", tensors))


def test_a_broken_rim_is_said_to_be_broken(tiny_pool: Pool, suite: Suite, tmp_path: Path, write_checkpoint) -> None:
    # MOVE

    # Far along this direction activations overflow float32: the loss there is no number.
    wild = {n: t * 1e20 if t.ndim > 1 else t for n, t in tiny_pool.checkpoints["ft-a"].read()}
    ev = Evaluator(
        tiny_pool.including(write_checkpoint("wild", wild)), suite, device="cpu", store=Store(tmp_path / "store")
    )
    plane = sw.landscape.plane_through(ev.pool, ("zero-shot", "ft-a", "wild"))
    found = sw.landscape.plane(ev, plane, grid=3, progress=False)
    assert not np.isfinite(found.loss).all()
    figure = sw.landscape.figures.contour(found)
    assert np.isfinite(np.array(figure.data[0].z)).all()
    assert "in the last colour" in figure.data[0].colorbar.title.text
    assert "no finite loss" in sw.figures.text_alternative(figure)


def test_batch_normalisation_is_measured_anew_at_every_point_or_not(
    suite: Suite, tmp_path: Path, write_checkpoint
) -> None:
    architecture = Architecture(
        embed_dim=8,
        vision_cfg={"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 8},
        classes=10,
        mean=0.286,
        std=0.353,
    )
    small = _padded(suite, tmp_path / "padded")
    torch.manual_seed(1)
    for name in ("a", "b"):
        model: nn.Module = architecture.build()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        path = write_checkpoint(name, model.state_dict(), architecture=architecture.to_json())
    ev = Evaluator(Pool.open(path.parent), small, device="cpu", store=Store(tmp_path / "store"))
    assert not any(t.endswith("running_var") for t in sw.landscape.weight_geometry(ev.pool).tensors)
    recomputed = ev.with_batch_norm(Recalibration(images=64))
    plain, anew = (
        sw.landscape.line(one, "a", "b", steps=3, beyond=0, progress=False)
        for one in (ev.with_batch_norm("average"), recomputed)
    )
    assert "averaged statistics" in sw.figures.text_alternative(sw.landscape.figures.line(plain))
    said = sw.figures.text_alternative(sw.landscape.figures.line(anew))
    assert "recomputed from 64 validation examples" in said
    assert plain.losses != anew.losses
    # The ends are checkpoints, which keep their own.
    assert [plain.losses[t] for t in (0, 1)] == [anew.losses[t] for t in (0, 1)]
    out = recomputed.save({"a": 0.5, "b": 0.5}, tmp_path / "bn.safetensors", progress=False)
    alone = Evaluator(Pool.open([out]), small, device="cpu", store=Store(tmp_path / "other"))
    assert anew.losses[0.5] == pytest.approx(alone.evaluate(Recipe({"bn": 1})).loss["val"], rel=1e-5)
    # Both stay in the store, each under its own key.
    before = recomputed.forward_images
    assert sw.landscape.line(recomputed, "a", "b", steps=3, beyond=0, progress=False).losses == anew.losses
    assert recomputed.forward_images == before


def _padded(suite: Suite, folder: Path) -> Suite:
    """Two hundred of the suite's images, with a border that makes them 32 pixels wide."""
    import json

    folder.mkdir()
    entries = []
    for split in (suite.validation, suite.id_test):
        np.save(folder / f"{split.name}.images.npy", np.pad(split.images[:200], ((0, 0), (2, 2), (2, 2))))
        np.save(folder / f"{split.name}.labels.npy", split.labels[:200])
        entries.append(
            {
                "name": split.name,
                "role": split.role,
                "images": f"{split.name}.images.npy",
                "labels": f"{split.name}.labels.npy",
            }
        )
    (folder / "suite.json").write_text(
        json.dumps({"name": "padded", "classes": list(suite.classes), "splits": entries})
    )
    return Suite.open(folder)
