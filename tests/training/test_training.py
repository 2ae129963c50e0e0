from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from soupwidgets import CheckpointFile, Evaluator, Pool, Recipe, Store, Suite, alpha_sweep, open_clip_classifier
from soupwidgets.suites import Preprocess, SplitSource, build_suite
from soupwidgets.training import Hyperparameters, TrainingError, draw_hyperparameters, fine_tune, random_search
from soupwidgets.zoo.raw import DEFAULT_FOLDER, read_raw
from tests.command import run
from tests.fixtures import SUITE, ZOO
from tests.suites import trees

pytestmark = pytest.mark.skipif(not DEFAULT_FOLDER.is_dir(), reason=f"the raw images are not in {DEFAULT_FOLDER}")
QUICK = Hyperparameters(seed=0, learning_rate=5e-4, epochs=2, weight_decay=0.01, batch_size=64, crop=1.0)


@pytest.fixture(scope="module")
def with_training(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """The bundled suite with 2,000 training images."""
    folder = tmp_path_factory.mktemp("suite")
    shutil.copytree(SUITE, folder, dirs_exist_ok=True)
    data = read_raw().fine_tuning
    np.save(folder / "train.images.npy", data.images[:2000])
    np.save(folder / "train.labels.npy", data.labels[:2000])
    manifest = json.loads((folder / "suite.json").read_text())
    entry = {"name": "train", "role": "train", "images": "train.images.npy", "labels": "train.labels.npy"}
    manifest["splits"] = [split for split in manifest["splits"] if split["name"] != "train"] + [entry]
    (folder / "suite.json").write_text(json.dumps(manifest))
    return Suite.open(folder)


@pytest.fixture(scope="module")
def zero_shot() -> CheckpointFile:
    return CheckpointFile(ZOO / "zero-shot.safetensors")


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return dict(CheckpointFile(path).read())


def test_the_random_search_draws_from_the_papers_ranges() -> None:
    draws = [draw_hyperparameters(seed) for seed in range(300)]
    assert all(1e-6 <= d.learning_rate <= 1e-4 and 10**-4 <= d.weight_decay <= 10**-0.2 for d in draws)
    assert {d.epochs for d in draws} == set(range(4, 17))
    assert 0.4 < np.mean([d.mixup == 0 for d in draws]) < 0.6
    assert 0.4 < np.mean([d.label_smoothing == 0 for d in draws]) < 0.6
    assert 0.25 < np.mean([d.randaugment_operations > 0 for d in draws]) < 0.42
    middle = np.median([math.log10(d.learning_rate) for d in draws])
    assert middle == pytest.approx(-5, abs=0.2)  # log-uniform
    for wrong in ({"mode": "all"}, {"epochs": 0}, {"crop": 0}, {"label_smoothing": 1.0}, {"learning_rate": 0.0}):
        with pytest.raises(ValueError):
            replace(QUICK, **wrong)


def test_fine_tuning_learns_and_is_recorded(zero_shot: CheckpointFile, with_training: Suite, tmp_path: Path) -> None:
    path = fine_tune(zero_shot, with_training, settings=QUICK, target=tmp_path / "ft.safetensors")
    pool = Pool.open([ZOO / "zero-shot.safetensors", path])
    assert (pool.zero_shot, pool.fine_tuned) == ("zero-shot", ["ft"])
    assert pool.hyperparameters("ft")["learning_rate"] == 5e-4
    ev = Evaluator(pool, with_training, device="cpu", store=Store(tmp_path / "store"))
    before, after = (ev.evaluate(Recipe({name: 1}), ["val"]).accuracy["val"] for name in ("zero-shot", "ft"))
    assert after > before + 0.02
    # The same seed gives the same weights, another one does not.
    short = replace(QUICK, epochs=1, images=128)
    hashes = [
        CheckpointFile(
            fine_tune(
                zero_shot, with_training, settings=replace(short, seed=seed), target=tmp_path / f"{i}.safetensors"
            )
        ).content_hash
        for i, seed in enumerate((0, 0, 1))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_killed_run_goes_on_as_if_nothing_had_been(
    zero_shot: CheckpointFile, with_training: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(QUICK, mixup=0.3, crop=0.8, images=512, randaugment_operations=1, randaugment_magnitude=5)
    whole = fine_tune(zero_shot, with_training, settings=settings, target=tmp_path / "whole.safetensors")
    from soupwidgets.training import finetune, loop

    original = loop.train
    monkeypatch.setattr(finetune, "train", lambda *a, **k: original(*a, **{**k, "save_every": 3}))

    class Killed(Exception):  # noqa: N818
        pass

    def kill(_what: str, done: int, _steps: int, _loss: float) -> None:
        if done == 11:
            raise Killed

    state = tmp_path / "state.pt"
    with pytest.raises(Killed):
        fine_tune(
            zero_shot, with_training, settings=settings, target=tmp_path / "cut.safetensors", progress=kill, state=state
        )
    assert state.exists()
    steps: list[int] = []
    fine_tune(
        zero_shot, with_training, settings=settings, target=tmp_path / "cut.safetensors", state=state,
        progress=lambda _w, done, _s, _l: steps.append(done),
    )  # fmt: skip
    assert steps[0] == 10  # the last saved step was the ninth
    assert CheckpointFile(tmp_path / "cut.safetensors").content_hash == CheckpointFile(whole).content_hash
    assert not state.exists()


@pytest.mark.slow
def test_linear_probe_and_lp_ft(zero_shot: CheckpointFile, with_training: Suite, tmp_path: Path) -> None:
    probe = fine_tune(
        zero_shot, with_training, settings=replace(QUICK, mode="linear-probe"), target=tmp_path / "lp.safetensors"
    )
    start = dict(zero_shot.read())
    moved = [name for name, tensor in tensors(probe).items() if not torch.equal(tensor, start[name].float())]
    assert moved == ["head.weight"]
    both = fine_tune(
        zero_shot,
        with_training,
        settings=replace(QUICK, mode="lp-ft", images=256),
        target=tmp_path / "lpft.safetensors",
    )
    assert all(not torch.equal(t, start[n].float()) for n, t in tensors(both).items())
    # Interpolating a probe moves the head alone, and is WiSE-FT like any other.
    pool = Pool.open([ZOO / "zero-shot.safetensors", probe])
    ev = Evaluator(pool, with_training, device="cpu", store=Store(tmp_path / "store"))
    sweep = alpha_sweep(ev, "lp", alphas=3, splits=["val", "test"], progress=False)
    assert sweep[1.0].accuracy["val"] > sweep[0.0].accuracy["val"] + 0.02


def test_one_step_of_the_probe_by_hand() -> None:
    # The head's gradient of one step, by hand: AdamW's first step moves every weight by the learning rate.
    from soupwidgets.training.loop import train

    head = torch.nn.Linear(3, 2, bias=False)
    torch.nn.init.zeros_(head.weight)
    features = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    settings = Hyperparameters(seed=0, learning_rate=0.1, epochs=1, weight_decay=0.0, batch_size=2, crop=1.0)
    train(
        head,
        head.parameters(),
        labels=torch.tensor([0, 1]),
        classes=2,
        settings=settings,
        show=lambda rows, _: features[torch.from_numpy(rows)],
        normalise=lambda x: x,
        progress=lambda *_: None,
    )
    # dL/dw_0 = mean((p - y) x) = (-.5 x_1 + .5 x_2) / 2: negative, positive, negative; class 1 the other way round.
    assert torch.allclose(head.weight, 0.1 * torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]]), atol=1e-6)


def test_what_cannot_be_trained_is_said(
    zero_shot: CheckpointFile, with_training: Suite, suite: Suite, tmp_path: Path
) -> None:
    target = tmp_path / "x.safetensors"
    with pytest.raises(TrainingError, match="no training images: build it with --train"):
        fine_tune(zero_shot, Suite("measured only", suite.classes, suite.splits), settings=QUICK, target=target)
    with pytest.raises(TrainingError, match="distinguishes 3 classes"):
        fine_tune(
            open_clip_classifier("ViT-S-32-alt", head=torch.zeros(3, 256)), with_training, settings=QUICK, target=target
        )
    with pytest.raises(TrainingError, match="build the suite again with --size 224"):
        fine_tune(
            open_clip_classifier("ViT-S-32-alt", head=torch.zeros(10, 256)),
            with_training,
            settings=QUICK,
            target=target,
        )
    with pytest.raises(ValueError, match="do not fill one batch"):
        fine_tune(zero_shot, with_training, settings=replace(QUICK, images=32), target=target)
    with pytest.raises(ValueError, match="lower the learning rate"):
        fine_tune(zero_shot, with_training, settings=replace(QUICK, learning_rate=1e9, weight_decay=1e5), target=target)
    assert not target.exists()


def test_a_search_makes_a_pool_and_goes_on(zero_shot: CheckpointFile, with_training: Suite, tmp_path: Path) -> None:
    fixed = {"learning_rate": 3e-4, "epochs": 1, "batch_size": 64, "images": 256}
    random_search(zero_shot, with_training, folder=tmp_path / "pool", runs=1, fixed=fixed, progress=False)
    kept = (tmp_path / "pool" / "ft-00.safetensors").stat().st_mtime_ns
    paths = random_search(zero_shot, with_training, folder=tmp_path / "pool", runs=2, fixed=fixed, progress=False)
    assert [path.stem for path in paths] == ["zero-shot", "ft-00", "ft-01"]
    assert paths[1].stat().st_mtime_ns == kept
    pool = Pool.open(tmp_path / "pool")
    assert (pool.zero_shot, pool.fine_tuned) == ("zero-shot", ["ft-00", "ft-01"])
    assert pool.hyperparameters("ft-00")["weight_decay"] != pool.hyperparameters("ft-01")["weight_decay"]


def test_an_open_clip_model_on_images_of_ones_own_by_the_command_line(tmp_path: Path) -> None:
    """The way from a folder of JPEG files to a soup, with a real architecture."""
    for part in ("train", "val", "test"):
        trees.by_folder(tmp_path / "pets" / part, ["cat", "dog"], per_folder=3)
    sources = [SplitSource(role, "folder", tmp_path / "pets") for role in ("train", "validation", "id_test")]
    build_suite(
        tmp_path / "suite",
        sources,
        name=None,
        preprocess=Preprocess.for_model("ViT-S-32-alt"),
        workers=1,
        progress=False,
    )
    done = run(
        "finetune", "--model", "ViT-S-32-alt", "--suite", str(tmp_path / "suite"), "--out", str(tmp_path / "pool"),
        "--runs", "2", "--epochs", "1", "--batch-size", "3", "--device", "cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    ev = Evaluator(
        Pool.open(tmp_path / "pool"), Suite.open(tmp_path / "suite"), device="cpu", store=Store(tmp_path / "store")
    )
    sweep = alpha_sweep(ev, "ft-01", alphas=3, progress=False)
    assert sweep[0.5].exact
    wrong = run("finetune", "--suite", str(tmp_path / "suite"), "--out", str(tmp_path / "x"))
    assert "either an open_clip model" in wrong.stderr
