from __future__ import annotations

from dataclasses import replace

import open_clip
import pytest
import torch
from open_clip.model import CLIP
from torch import nn

from soupwidgets.models import Architecture, ImageClassifier, streamline, use_fused_products
from soupwidgets.models.products import FUSED_TYPES
from soupwidgets.models.tower import Tower, plain_tower
from tests.fixtures import TINY


@pytest.mark.parametrize(
    "name", ["ViT-B-32", "ViT-B-32-quickgelu", "ViT-S-16-alt", "EVA02-B-16", "RN50", "coca_ViT-B-32"]
)
def test_streamlined_towers_give_open_clips_features(name: str) -> None:
    torch.manual_seed(0)
    visual = open_clip.create_model(name).visual.eval()
    size = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
    images = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        expected = visual(images)
        changed = streamline(visual)
        got = visual(images)
    for one, two in zip(expected, got, strict=True) if isinstance(expected, tuple) else [(expected, got)]:
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)
    assert changed == (name in {"ViT-B-32", "ViT-B-32-quickgelu", "ViT-S-16-alt", "coca_ViT-B-32"})


@pytest.mark.parametrize("name", ["ViT-B-32", "ViT-B-32-quickgelu", "ViT-S-16-alt", "ViT-H-14", "ViT-bigG-14"])
def test_a_plain_tower_is_open_clips(name: str) -> None:
    """With its head widths and ratios, cut to two layers: names, shapes, features."""
    known = Architecture.from_open_clip(name, 10)
    one = replace(known, vision_cfg={**known.vision_cfg, "layers": 2})
    torch.manual_seed(0)
    theirs, ours = one.build(), one.fast()
    assert isinstance(ours.visual, Tower)
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, *one.image_size)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "other", [{"pool_type": "avg"}, {"layers": [3, 4, 6, 3]}, {"layers": 2.5}, {"width": "96"}, {"patch_size": 0}]
)
def test_open_clip_builds_what_is_not_plain(other: dict[str, object]) -> None:
    plain = {"width": 96, "layers": 2, "head_width": 32, "patch_size": 7, "image_size": [28, 35], "mlp_ratio": 3}
    tower = plain_tower(8, plain, quick_gelu=True)
    assert tower is not None
    assert tower.positional_embedding.shape == (21, 96)
    assert plain_tower(8, {**plain, **other}) is None


def test_grey_images_as_one_channel_or_three() -> None:
    torch.manual_seed(0)
    visual = TINY.build().visual
    grey = torch.randn(3, 1, 28, 28).expand(-1, 3, -1, -1)
    with torch.inference_mode():
        expected = visual(grey)
        assert streamline(visual)
        torch.testing.assert_close(visual(grey), expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(visual(grey.contiguous()), expected, rtol=1e-5, atol=1e-6)


def test_parameters_keep_their_names() -> None:
    model = TINY.build()
    before = list(model.state_dict())
    assert streamline(model.visual)
    assert list(model.state_dict()) == before


def test_logits_are_cosines_times_the_head() -> None:
    tower = nn.Sequential(nn.Flatten(), nn.Identity())
    model = ImageClassifier(tower, embed_dim=2, classes=2)
    model.head.weight.data = torch.tensor([[10.0, 0.0], [0.0, 5.0]])
    assert model(torch.tensor([[3.0, 4.0]])).tolist() == [pytest.approx([6.0, 4.0])]


def test_architecture_round_trip_and_meta_build() -> None:
    assert Architecture.from_json(TINY.to_json()) == TINY
    assert Architecture.from_json(TINY.to_json()).fingerprint == TINY.fingerprint
    meta = TINY.build("meta")
    real = CLIP(8, TINY.vision_cfg, {"context_length": 2, "vocab_size": 2, "width": 64, "heads": 1, "layers": 1})
    shapes = {name.removeprefix("visual."): t.shape for name, t in meta.state_dict().items() if name != "head.weight"}
    assert shapes == {name: t.shape for name, t in real.visual.state_dict().items()}
    assert all(t.is_meta for t in meta.state_dict().values())
    with pytest.raises(ValueError, match="not an architecture card"):
        Architecture.from_json({"width": 3})


@pytest.mark.parametrize("name", ["ViT-B-32", "ViT-B-32-quickgelu"])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 1e-5), (torch.bfloat16, 0.06)])
def test_fused_products_are_the_same_but_for_rounding(name: str, dtype: torch.dtype, rounding: float) -> None:
    if dtype not in FUSED_TYPES:
        pytest.skip("this processor has no products of bfloat16")
    torch.manual_seed(0)
    visual = open_clip.create_model(name).visual.eval().to(dtype)
    streamline(visual)
    images = torch.randn(2, 3, 224, 224).to(dtype)
    with torch.inference_mode():
        expected = visual(images)
        assert use_fused_products(visual, True)
        got = visual(images)
    assert got.dtype == dtype
    assert float((got - expected).abs().max() / expected.abs().max()) < rounding
    assert not torch.equal(got, expected)


def test_layer_scale_and_gradients_with_fused_products() -> None:
    torch.manual_seed(0)
    scaled = replace(TINY, vision_cfg={**TINY.vision_cfg, "layers": 2, "ls_init_value": 0.3})
    images = torch.randn(3, 3, 28, 28)
    stock, fast = scaled.build(), scaled.fast()
    fast.load_state_dict(stock.state_dict())
    use_fused_products(fast, True)
    with torch.inference_mode():
        torch.testing.assert_close(fast(images), stock(images), rtol=1e-4, atol=1e-5)
    stock(images).sum().backward()
    fast(images).sum().backward()
    for (where, one), two in zip(stock.named_parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, rtol=1e-3, atol=1e-5, msg=where)


def test_networks_without_a_choice_of_products_say_so() -> None:
    assert not use_fused_products(nn.Linear(2, 2), True)
