from __future__ import annotations

import json
from pathlib import Path

import open_clip
import pytest
import torch
import torch.nn.functional as F

from soupwidgets import Architecture, CheckpointFile, Evaluator, Pool, PoolError, Recipe, Store, Suite, as_classifier
from soupwidgets.checkpoints import CheckpointError
from soupwidgets.mixing import save_mixture
from soupwidgets.models import prompt_head
from tests.fixtures import TINY

VISION = TINY.vision_cfg
TEXT = {"context_length": 12, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1}
BIASED = Architecture(8, VISION, 10, TINY.mean, TINY.std, head_bias=True)


def clip(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    state: dict[str, torch.Tensor] = open_clip.model.CLIP(8, VISION, TEXT).state_dict()
    return state


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The same kind of model as three projects save it."""
    torch.manual_seed(9)
    head, bias = torch.randn(10, 8), torch.randn(10)
    towers = {i: clip(i) for i in range(3)}
    visual = {i: {k: v for k, v in t.items() if k.startswith("visual.")} for i, t in towers.items()}
    torch.save(towers[0], tmp_path / "open_clip.pt")
    torch.save(
        {**{f"model.{k}": v for k, v in visual[1].items()}, "classification_head.weight": head,
         "classification_head.bias": bias},
        tmp_path / "soups.pt",
    )  # fmt: skip
    torch.save(
        {**{f"image_encoder.model.{k}": v for k, v in towers[2].items()}, "classification_head.weight": head + 1,
         "classification_head.bias": bias},
        tmp_path / "wise.pt",
    )  # fmt: skip
    return {name: tmp_path / f"{name}.pt" for name in ("open_clip", "soups", "wise")}


def test_three_projects_one_pool(files: dict[str, Path], suite: Suite, tmp_path: Path) -> None:
    zero = as_classifier(CheckpointFile(files["open_clip"]), head=files["soups"])
    names = [*sorted(k for k in clip(0) if k.startswith("visual."))]
    assert list(zero.tensors) == ["head.bias", "head.weight", *names]
    read = dict(zero.read())
    assert list(read) == list(zero.tensors)
    assert all(torch.equal(read[name], clip(0)[name]) for name in names)
    assert torch.equal(read["head.weight"], torch.load(files["soups"])["classification_head.weight"])

    pool = Pool({
        "zero": zero,
        "soups": as_classifier(CheckpointFile(files["soups"])),
        "wise": as_classifier(CheckpointFile(files["wise"])),
    })  # fmt: skip
    with pytest.raises(PoolError, match="from_open_clip"):
        Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"))
    ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"), model=BIASED)
    recipe = Recipe({"zero": 0.3, "soups": 0.5, "wise": 0.2})
    logits = ev.evaluate(recipe, ["val"]).logits["val"]
    model = BIASED.build()
    states = {name: dict(file.read()) for name, file in pool.checkpoints.items()}
    model.load_state_dict({k: sum(c * states[n][k] for n, c in recipe.items()) for k in zero.tensors})
    images, _ = ev.batch(suite.validation, torch.arange(64).numpy())
    torch.testing.assert_close(torch.from_numpy(logits[:64]), model(images).detach(), rtol=1e-4, atol=1e-5)
    # And it leaves as a file under the new names.
    path = save_mixture(pool, recipe, tmp_path / "out.safetensors", progress=False)
    assert list(CheckpointFile(path).tensors) == list(zero.tensors)


def test_a_whole_pool_is_prepared_and_told_its_ancestor(files: dict[str, Path]) -> None:
    pool = Pool.open([files["soups"], files["wise"]], zero_shot="soups", prepare=as_classifier)
    assert pool.zero_shot == "soups"
    assert pool.fine_tuned == ["wise"]
    with pytest.raises(PoolError, match="'nobody'"):
        Pool.open([files["soups"]], zero_shot="nobody", prepare=as_classifier)


def test_heads(files: dict[str, Path]) -> None:
    plain = CheckpointFile(files["open_clip"])
    with pytest.raises(CheckpointError, match=r"no classification head\. Give one: head=prompt_head"):
        as_classifier(plain)
    with pytest.raises(CheckpointError, match="no classification head to copy"):
        as_classifier(CheckpointFile(files["soups"]), head=plain)
    assert not [name for name in as_classifier(plain, head="none").tensors if "head" in name]
    given = torch.randn(7, 8)
    read = dict(as_classifier(plain, head=given, head_bias=True).read())
    assert torch.equal(read["head.weight"], given)
    assert torch.equal(read["head.bias"], torch.zeros(7))
    kept = as_classifier(CheckpointFile(files["wise"]), keep_text=True)
    assert {"token_embedding.weight", "logit_scale", "head.weight"} <= kept.tensors.keys()
    assert dict(kept.read())["text_projection"].equal(clip(2)["text_projection"])


def test_what_is_read_decides_the_content_hash(files: dict[str, Path]) -> None:
    plain = CheckpointFile(files["open_clip"])
    one, same = (as_classifier(plain, head=torch.ones(3, 8)) for _ in range(2))
    other = as_classifier(plain, head=torch.zeros(3, 8))
    assert one.content_hash == same.content_hash
    assert len({plain.content_hash, one.content_hash, other.content_hash}) == 3
    again = as_classifier(CheckpointFile(files["open_clip"]), head=torch.ones(3, 8))
    assert again.content_hash == one.content_hash
    assert plain.content_hash == CheckpointFile(files["open_clip"]).content_hash


def test_no_tower_or_several(tmp_path: Path) -> None:
    for state in ({"weight": torch.ones(1)}, {"a.visual.x": torch.ones(1), "b.visual.x": torch.ones(1)}):
        torch.save(state, tmp_path / "x.pt")
        with pytest.raises(CheckpointError, match=r"one image tower named 'visual', found (none|several: a\.visual)"):
            as_classifier(CheckpointFile(tmp_path / "x.pt"), head="none")


def test_a_head_of_prompts_is_the_papers(tmp_path: Path) -> None:
    config = {"embed_dim": 8, "vision_cfg": VISION, "text_cfg": TEXT}
    (tmp_path / "tiny-clip.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(4)
    model = open_clip.create_model("tiny-clip").eval()
    torch.save(model.state_dict(), tmp_path / "m.pt")
    templates = ["a photo of a {}.", "a drawing of a {}."]
    head = prompt_head(
        CheckpointFile(tmp_path / "m.pt"), "tiny-clip", class_names=["coat", "shirt", "bag"], templates=templates
    )
    tokenizer = open_clip.get_tokenizer("tiny-clip")
    with torch.no_grad():
        for row, name in zip(head, ["coat", "shirt", "bag"], strict=True):
            embeddings = [F.normalize(model.encode_text(tokenizer([t.format(name)]))[0], dim=0) for t in templates]
            expected = F.normalize(sum(embeddings) / 2, dim=0) * model.logit_scale.exp()
            torch.testing.assert_close(row, expected)
    assert as_classifier(CheckpointFile(tmp_path / "m.pt"), head=head).tensors["head.weight"].shape == (3, 8)
    with pytest.raises(ValueError, match="is not a ViT-S-32-alt"):
        prompt_head(CheckpointFile(tmp_path / "m.pt"), "ViT-S-32-alt", class_names=["coat"], templates=templates)


def test_normalisation_by_channel(files: dict[str, Path], suite: Suite, tmp_path: Path) -> None:
    pool = Pool.open([files["soups"]], prepare=as_classifier)
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
    architecture = Architecture(8, VISION, 10, mean, std, head_bias=True)
    ev = Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"), model=architecture)
    images, _ = ev.batch(suite.validation, torch.arange(3).numpy())
    grey = torch.from_numpy(suite.validation.images[:3].copy()).double() / 255
    for channel in range(3):
        expected = (grey - mean[channel]) / std[channel]
        torch.testing.assert_close(images[:, channel].double(), expected, rtol=1e-5, atol=1e-6)
    assert (
        Architecture.from_json(json.loads(json.dumps(architecture.to_json()))).fingerprint == architecture.fingerprint
    )


def test_an_architecture_by_open_clips_name() -> None:
    architecture = Architecture.from_open_clip("ViT-B-32-quickgelu", 1000, head_bias=True)
    assert architecture.quick_gelu
    model = architecture.build("meta")
    assert tuple(model.head.weight.shape) == (1000, 512)
    assert model.head.bias is not None
    assert architecture.mean == list(open_clip.OPENAI_DATASET_MEAN)
    with pytest.raises(ValueError, match="no model 'ViT-Z'"):
        Architecture.from_open_clip("ViT-Z", 10)
    # Towers that timm builds come without its own download, and SigLIP asks for its own normalisation.
    convnext = Architecture.from_open_clip("convnext_tiny", 10)
    assert convnext.vision_cfg["timm_model_pretrained"] is False
    assert Architecture.from_open_clip("ViT-B-16-SigLIP", 10).mean == [0.5, 0.5, 0.5]
    assert Architecture.from_open_clip("ViT-B-32", 10, pretrained="openai").quick_gelu
