from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

from soupwidgets import CheckpointError, Evaluator, Pool, Recipe, Store, Suite, open_clip_classifier, wise_ft
from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.models import Architecture, zero_shot
from soupwidgets.suites import Preprocess, Split
from soupwidgets.suites.split import Source
from tests.suites.trees import picture

CLASSES = ("coat", "umbrella", "bag")
TEMPLATES = ("a photo of a {}.", "a drawing of {an}.")


def made_up_tokens(texts: list[str]) -> torch.Tensor:
    """SigLIP's own tokenizer is a download; its towers do not mind which tokens come."""
    rows = [np.frombuffer(hashlib.sha256(text.encode()).digest() * 2, dtype=np.uint8) for text in texts]
    return torch.from_numpy(np.stack(rows).astype(np.int64))


def small_suite(folder: Path, preprocess: Preprocess, n: int = 3) -> Suite:
    pixels = preprocess.transform()
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", np.stack([pixels(picture(i, (300, 260))) for i in range(n)]))
    np.save(folder / "labels.npy", np.arange(n) % len(CLASSES))
    source = Source(folder / "images.npy", folder / "labels.npy")
    return Suite("small", CLASSES, {r: Split(r, r, source) for r in ("validation", "id_test")}, TEMPLATES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ViT-B-32", "RN50", "convnext_tiny", "ViT-B-16-SigLIP"])
def test_logits_are_open_clips_own(name: str, tmp_path: Path) -> None:
    tokens = made_up_tokens if "SigLIP" in name else open_clip.get_tokenizer(name)
    preprocess = Preprocess.for_model(name)
    suite = small_suite(tmp_path, preprocess)
    file = open_clip_classifier(
        name, class_names=CLASSES, templates=TEMPLATES, tokenizer=tokens if "SigLIP" in name else None
    )
    ev = Evaluator(Pool.open([file]), suite, device="cpu", store=Store(tmp_path / "store"))
    found = ev.evaluate(Recipe({"zero-shot": 1}), ["id_test"]).logits["id_test"]

    # open_clip alone: its model, its preprocessing, its prompts.
    torch.manual_seed(0)
    model = open_clip.create_model(name).eval()
    tags = open_clip.list_pretrained_tags_by_model(name)
    stated = open_clip.get_pretrained_cfg(name, tags[0]) if tags else {}
    transform = open_clip.image_transform(
        224, is_train=False, **{k: stated.get(k) for k in ("mean", "std", "resize_mode", "interpolation")}
    )
    images = torch.stack([transform(picture(i, (300, 260))) for i in range(3)])
    with torch.inference_mode():
        columns = open_clip.build_zero_shot_classifier(
            model,
            tokens,
            CLASSES,
            [lambda c: f"a photo of a {c}.", lambda c: f"a drawing of {'an' if c[0] == 'u' else 'a'} {c}."],
        )
        expected = model.logit_scale.exp() * model.encode_image(images, normalize=True) @ columns
        if model.logit_bias is not None:
            expected = expected + model.logit_bias
    assert np.abs(found - expected.numpy()).max() <= 1e-5 * np.abs(expected.numpy()).max()
    assert file.card.architecture is not None
    assert bool(file.card.architecture.get("head_bias")) == (model.logit_bias is not None)


def test_heads_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []
    original = zero_shot.zero_shot_head

    def head(file: CheckpointFile, model: str, **given: Any) -> dict[str, torch.Tensor]:
        made.append(tuple(given["class_names"]))
        return original(file, model, **given)

    monkeypatch.setattr(zero_shot, "zero_shot_head", head)
    first = open_clip_classifier("ViT-S-32-alt", class_names=["hat", "cap"], templates=TEMPLATES)
    again = open_clip_classifier("ViT-S-32-alt", class_names=["hat", "cap"], templates=TEMPLATES)
    assert first.content_hash == again.content_hash
    assert len(made) == 1
    other = open_clip_classifier("ViT-S-32-alt", class_names=["cap", "hat"], templates=TEMPLATES)
    assert len(made) == 2
    assert other.content_hash != first.content_hash


def test_a_head_of_ones_own_and_a_mixture(tmp_path: Path) -> None:
    suite = small_suite(tmp_path, Preprocess.for_model("ViT-S-32-alt"))
    rng = torch.Generator().manual_seed(0)
    head = torch.randn(3, 256, generator=rng)
    start = open_clip_classifier("ViT-S-32-alt", head=head)
    moved = {n: t + 0.01 * torch.randn(t.shape, generator=rng) for n, t in start.read()}
    write_checkpoint(tmp_path / "tuned.safetensors", moved, {"name": "tuned"})
    pool = Pool.open([start, tmp_path / "tuned.safetensors"])
    assert (pool.zero_shot, pool.fine_tuned) == ("zero-shot", ["tuned"])
    ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"))
    halfway = ev.evaluate(wise_ft(pool, "tuned", 0.5), ["id_test"]).logits["id_test"]
    model = Architecture.from_open_clip("ViT-S-32-alt", 3).build()
    model.load_state_dict({n: (t + moved[n]) / 2 for n, t in start.read()})
    with torch.inference_mode():
        images, _ = ev.batch(suite.id_test, np.arange(3))
        expected = model(images).numpy()
    assert np.allclose(halfway, expected, atol=1e-4)
    # A head may also come from another checkpoint.
    assert open_clip_classifier("ViT-S-32-alt", head=tmp_path / "tuned.safetensors").tensors["head.weight"].shape == (
        3,
        256,
    )


def test_one_of_several_sets_of_weights(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        sets = {name: open_clip.create_model("ViT-S-32-alt").state_dict() for name in ("student", "teacher")}
    torch.save(sets, tmp_path / "both.pt")
    with pytest.raises(CheckpointError, match=r"2 sets of weights: .*part='student' \(--part student\)"):
        open_clip_classifier("ViT-S-32-alt", tmp_path / "both.pt", class_names=CLASSES)
    for name, state in sets.items():
        torch.save(state, tmp_path / f"{name}.pt")
        found = dict(open_clip_classifier("ViT-S-32-alt", tmp_path / "both.pt", class_names=CLASSES, part=name).read())
        alone = dict(open_clip_classifier("ViT-S-32-alt", tmp_path / f"{name}.pt", class_names=CLASSES).read())
        assert found.keys() == alone.keys()
        assert all(torch.equal(tensor, alone[key]) for key, tensor in found.items())


def test_what_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give class_names, or a head"):
        open_clip_classifier("ViT-B-32")
    with pytest.raises(ValueError, match="open_clip has no model 'ViT-Z'"):
        open_clip_classifier("ViT-Z", class_names=["a"])
    with pytest.raises(ValueError, match="the head takes 5 features, but ViT-S-32-alt gives 256"):
        open_clip_classifier("ViT-S-32-alt", head=torch.zeros(2, 5))
    with pytest.raises(ValueError, match="where the class's name goes"):
        open_clip_classifier("ViT-S-32-alt", class_names=["a"], templates=["a photo"])
    write_checkpoint(tmp_path / "half.safetensors", {"visual.proj": torch.zeros(2, 2)}, {})
    with pytest.raises(ValueError, match="is not a ViT-S-32-alt"):
        open_clip_classifier("ViT-S-32-alt", tmp_path / "half.safetensors", class_names=["a"])


def test_openais_archives_keep_sizes_among_the_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = dict(open_clip.create_model("ViT-S-32-alt").state_dict())
    sizes = {
        "input_resolution": torch.tensor(224),
        "context_length": torch.tensor(77),
        "vocab_size": torch.tensor(49408),
    }
    torch.save({**state, **sizes}, tmp_path / "openai.pt")
    file = open_clip_classifier("ViT-S-32-alt", tmp_path / "openai.pt", class_names=CLASSES)
    plain = open_clip_classifier("ViT-S-32-alt", class_names=CLASSES)
    heads = [dict(f.read())["head.weight"] for f in (file, plain)]
    assert torch.equal(*heads)
