"""Fine-tuning with captions, on a CLIP of two small towers that open_clip builds by a name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F

from soupwidgets import CheckpointFile, Evaluator, Pool, Store, Suite, open_clip_classifier
from soupwidgets.checkpoints import CARD_KEY, write_checkpoint
from soupwidgets.models.heads import zero_shot_head
from soupwidgets.training import Hyperparameters, TrainingError, fine_tune, random_search
from soupwidgets.training.flyp import Flyp
from tests.command import run
from tests.fixtures import ZOO

NAME = "two-small-towers"
CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 28, "patch_size": 7, "width": 32, "layers": 1, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
QUICK = Hyperparameters(
    seed=0, learning_rate=3e-3, epochs=1, weight_decay=0.1, batch_size=40, crop=1.0, flip=0.0, mode="flyp", images=120
)


def with_templates(suite: Suite, *templates: str) -> Suite:
    assert suite.training is not None
    return Suite(suite.name, suite.classes, {**suite.splits, "train": suite.training}, templates)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """open_clip has the small model."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, NAME, CONFIG)


@pytest.fixture(scope="module")
def captioned(small_suite: Suite) -> Suite:
    """The small suite with two prompts a class."""
    return with_templates(small_suite, "a photo of a {}.", "this is {an}.")


@pytest.fixture
def towers(tmp_path: Path) -> Path:
    """A CLIP checkpoint with random weights and both towers."""
    torch.manual_seed(0)
    model = open_clip.create_model(NAME, pretrained=None, load_weights=False)
    return written(tmp_path / "clip.safetensors", model.state_dict())


@pytest.fixture
def start(towers: Path, captioned: Suite) -> CheckpointFile:
    return open_clip_classifier(NAME, towers, class_names=captioned.classes, templates=captioned.templates)


def written(path: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    write_checkpoint(path, {name: tensor.clone() for name, tensor in tensors.items()}, {})
    return path


def clip_of(path: Path) -> Any:
    model = open_clip.create_model(NAME, pretrained=None, load_weights=False)
    model.load_state_dict(dict(CheckpointFile(path).read()))
    return model


def test_the_loss_by_hand(start: CheckpointFile, captioned: Suite) -> None:
    flyp = Flyp(start, captioned, NAME, "cpu")
    images, classes = torch.rand(3, 3, 28, 28), [4, 7, 4]
    loss, right = flyp.loss(images, F.one_hot(torch.tensor(classes), 10).float(), np.random.default_rng(1))
    drawn = np.random.default_rng(1).integers(2, size=3)
    assert set(drawn) == {0, 1}
    prompts = [("a photo of a {}.", "this is {an}.")[i] for i in drawn]
    names = [captioned.classes[label] for label in classes]
    texts = [
        prompt.replace("{an}", f"{'an' if name[0] in 'aeiou' else 'a'} {name}").replace("{}", name)
        for prompt, name in zip(prompts, names, strict=True)
    ]
    model = clip_of(start.path)
    with torch.no_grad():
        pictures, captions = model.encode_image(images), model.encode_text(open_clip.get_tokenizer(NAME)(texts))
        scale = float(model.logit_scale.exp())
    pictures, captions = (x.double().numpy() / np.linalg.norm(x.double().numpy(), axis=1, keepdims=True)
                          for x in (pictures, captions))  # fmt: skip
    logits = scale * pictures @ captions.T
    by_image, by_caption = (-np.log(np.exp(np.diag(one)) / np.exp(one).sum(axis=1)) for one in (logits, logits.T))
    assert float(loss.detach()) == pytest.approx((by_image.mean() + by_caption.mean()) / 2, rel=1e-5)
    assert right == sum(classes[column] == label for column, label in zip(logits.argmax(1), classes, strict=True))


def test_three_steps_are_those_of_a_plain_loop(start: CheckpointFile, captioned: Suite, tmp_path: Path) -> None:
    """Against open_clip's model and loss and torch's AdamW; then the head is that of the moved text tower."""
    from soupwidgets.training import cosine_schedule

    path = fine_tune(start, captioned, settings=QUICK, target=tmp_path / "ft.safetensors", clip=NAME)
    model, split = clip_of(start.path).train(), captioned.training
    tokenizer, loss_of = open_clip.get_tokenizer(NAME), open_clip.loss.ClipLoss()
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.1)
    rng = np.random.default_rng([0, 2, 0])
    order = rng.permutation(120)
    for step in range(3):
        rows = order[step * 40 : step * 40 + 40]
        rng.random(40), rng.integers(2**62)  # flips, and the seed of an augmentation
        pixels = torch.from_numpy(split.images[rows]).float()[:, None] / 255
        mean, std = (
            torch.tensor(x).view(-1, 1, 1) for x in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
        )
        prompts = [("a photo of a {}.", "this is {an}.")[i] for i in rng.integers(2, size=40)]
        names = [captioned.classes[label] for label in split.labels[rows]]
        texts = [p.replace("{an}", f"{'an' if n[0] in 'aeiou' else 'a'} {n}").replace("{}", n)
                 for p, n in zip(prompts, names, strict=True)]  # fmt: skip
        optimiser.param_groups[0]["lr"] = 3e-3 * cosine_schedule(step, 3, 1)
        pictures = model.encode_image((pixels - mean) / std, normalize=True)
        loss = loss_of(pictures, model.encode_text(tokenizer(texts), normalize=True), model.logit_scale.exp())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found, plain = dict(CheckpointFile(path).read()), model.eval().state_dict()
    for name, tensor in found.items():
        if name != "head.weight":
            torch.testing.assert_close(tensor, plain[name], rtol=1e-4, atol=1e-5)
            assert not torch.equal(tensor, dict(start.read())[name])
    moved = written(tmp_path / "moved.safetensors", plain)
    head = zero_shot_head(
        CheckpointFile(moved), NAME, class_names=captioned.classes, templates=captioned.templates
    )["weight"]  # fmt: skip
    torch.testing.assert_close(found["head.weight"], head, rtol=1e-3, atol=1e-3)
    before = zero_shot_head(
        CheckpointFile(start.path), NAME, class_names=captioned.classes, templates=captioned.templates
    )
    assert not torch.allclose(head, before["weight"], rtol=0.01)


def test_a_text_tower_that_knows_nothing_learns_to_name_what_the_image_tower_sees(
    captioned: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = dict(CheckpointFile(ZOO / "zero-shot.safetensors").read())
    vision = {"image_size": 28, "patch_size": 7, "width": 96, "layers": 3, "head_width": 32}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, NAME, {**CONFIG, "embed_dim": 64, "vision_cfg": vision})
    torch.manual_seed(0)
    random = open_clip.create_model(NAME, pretrained=None, load_weights=False).state_dict()
    kept = {name: tensor.float() for name, tensor in trained.items() if name.startswith("visual.")}
    file = written(tmp_path / "half.safetensors", {**random, **kept})
    start = open_clip_classifier(NAME, file, class_names=captioned.classes, templates=captioned.templates)
    settings = replace(QUICK, epochs=4, images=400, batch_size=20)
    snapshots = tmp_path / "snapshots"
    path = fine_tune(
        start, captioned, settings=settings, target=tmp_path / "ft.safetensors", clip=NAME, watch=400,
        snapshots=snapshots,
    )  # fmt: skip
    pool = Pool.open([start, path])
    assert (pool.zero_shot, pool.fine_tuned) == ("zero-shot", ["ft"])
    card = CheckpointFile(path).metadata[CARD_KEY]
    assert '"mode": "flyp"' in card
    assert "this is a bag." in card
    history = json.loads(card)["history"]
    assert history[-1]["loss"] < history[0]["loss"] - 0.2
    # Chance is a tenth: what is measured, at every epoch, is the head of the text tower as it is then.
    ev = Evaluator(pool, captioned, device="cpu", store=Store(tmp_path / "store"))
    before, after = (ev.evaluate(name, "val").accuracy["val"] for name in ("zero-shot", "ft"))
    assert after > before + 0.2
    assert history[-1]["validation accuracy"] == pytest.approx(after)
    last = dict(CheckpointFile(snapshots / "ft-epoch-04.safetensors").read())
    assert all(torch.equal(tensor, last[name]) for name, tensor in CheckpointFile(path).read())


def test_a_killed_run_goes_on_as_if_nothing_had_been(
    start: CheckpointFile, captioned: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soupwidgets.training import finetune, loop

    settings = replace(QUICK, epochs=2, flip=0.5)
    whole = fine_tune(start, captioned, settings=settings, target=tmp_path / "whole.safetensors", clip=NAME)
    original = loop.train
    monkeypatch.setattr(finetune, "train", lambda *a, **k: original(*a, **{**k, "save_every": 2}))

    class Killed(Exception):  # noqa: N818
        pass

    def kill(_what: str, done: int, _steps: int, _loss: float) -> None:
        if done == 5:
            raise Killed

    given = {"settings": settings, "target": tmp_path / "cut.safetensors", "clip": NAME, "state": tmp_path / "state.pt"}
    with pytest.raises(Killed):
        fine_tune(start, captioned, progress=kill, **given)
    steps: list[int] = []
    fine_tune(start, captioned, progress=lambda _w, done, _s, _l: steps.append(done), **given)
    assert steps == [5, 6]
    assert CheckpointFile(tmp_path / "cut.safetensors").content_hash == CheckpointFile(whole).content_hash
    # Other prompts are another run.
    with pytest.raises(Killed):
        fine_tune(start, captioned, progress=kill, **given)
    with pytest.raises(TrainingError, match="prompts"):
        fine_tune(start, with_templates(captioned, "a {}."), **given)


def test_what_has_no_captions_is_said_in_a_sentence(
    start: CheckpointFile, captioned: Suite, small_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "x.safetensors"
    zoo = CheckpointFile(ZOO / "zero-shot.safetensors")
    with pytest.raises(TrainingError, match="has no text tower, and mode 'flyp' trains with captions"):
        fine_tune(zoo, captioned, settings=QUICK, target=target, clip=NAME)
    with pytest.raises(TrainingError, match="has no text tower"):
        random_search(zoo, captioned, folder=tmp_path / "pool", runs=1, fixed={"mode": "flyp"}, clip=NAME)
    assert not (tmp_path / "pool").exists()
    with pytest.raises(TrainingError, match="say which of open_clip's models the start is"):
        fine_tune(start, captioned, settings=QUICK, target=target)
    with pytest.raises(TrainingError, match="open_clip has no model 'nobody'"):
        fine_tune(start, captioned, settings=QUICK, target=target, clip="nobody")
    with pytest.raises(TrainingError, match="is not a ViT-S-32-alt"):
        fine_tune(start, captioned, settings=QUICK, target=target, clip="ViT-S-32-alt")
    with pytest.raises(TrainingError, match="no noise, no teacher, no mixup, no fresh weights"):
        fine_tune(start, captioned, settings=QUICK, target=target, clip=NAME, fresh=True)
    for wrong in ({"mixup": 0.1}, {"label_smoothing": 0.1}):
        with pytest.raises(ValueError, match="no mixup, no label smoothing"):
            replace(QUICK, **wrong)
    tensors = {**dict(CheckpointFile(start.path).read()), "logit_bias": torch.zeros(())}
    sigmoid = written(tmp_path / "sigmoid.safetensors", tensors)
    biased = open_clip_classifier(NAME, sigmoid, head=torch.zeros(10, 16))
    with pytest.raises(TrainingError, match="pre-trained with a sigmoid loss"):
        fine_tune(biased, captioned, settings=QUICK, target=target, clip=NAME)
    told = run(
        "finetune", "--mode", "flyp", "--zero-shot", str(ZOO / "zero-shot.safetensors"), "--suite", str(small_folder),
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert "a classifier file does not have" in told.stderr
    assert not target.exists()


@pytest.fixture
def searched(towers: Path, small_folder: Path, tmp_path: Path) -> list[str]:
    return [
        "finetune", "--mode", "flyp", "--model", NAME, "--pretrained", str(towers), "--suite", str(small_folder),
        "--out", str(tmp_path / "pool"), "--epochs", "1", "--batch-size", "40", "--images", "80", "--device", "cpu",
        "--runs", "3",
    ]  # fmt: skip


def test_the_command_makes_a_pool_of_it(searched: list[str], tmp_path: Path) -> None:
    done = run(*searched)
    assert done.returncode == 0, done.stderr
    pool = Pool.open(tmp_path / "pool")
    assert (pool.zero_shot, pool.fine_tuned) == ("zero-shot", ["ft-00", "ft-01", "ft-02"])
    drawn = [pool.hyperparameters(name) for name in pool.fine_tuned]
    assert {(one["mode"], one["mixup"], one["label_smoothing"]) for one in drawn} == {("flyp", 0.0, 0.0)}
    assert len({one["learning_rate"] for one in drawn}) == 3
    again = run(*searched)
    assert again.stdout == done.stdout
