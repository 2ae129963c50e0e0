"""The list of timm's networks is that of the timm at hand, and finds each of them among all others."""

from __future__ import annotations

import json

import pytest
import timm

from soupwidgets.checkpoints import TensorInfo
from soupwidgets.models import guess
from soupwidgets.models.guess_timm import INDEX, timm_candidates
from soupwidgets.models.placing import built_on
from tests.models.timm_index import entry

LIST = json.loads(INDEX.read_text("utf-8"))


def test_the_list_is_of_this_timm_and_small() -> None:
    assert timm.__version__ == LIST["timm"], "make timm-index"
    assert INDEX.stat().st_size < 300_000
    listed = [name for networks in LIST["networks"].values() for names in networks.values() for name in names]
    assert len(listed) == len(set(listed)) > 1300
    assert set(listed) <= set(timm.list_models())


# One of each kind: several last layers, some that are no linear layer, positions, windows, and names like others'.
NAMES = {
    "regnety_002": 7, "efficientnet_b0": 7, "mobilenetv3_small_100": 7, "xcit_nano_12_p16_224": 7, "resnet26d": 7,
    "deit_tiny_distilled_patch16_224": 7, "swin_tiny_patch4_window7_224": 7, "mixer_s32_224": 7, "levit_128s": 7,
    "eva02_tiny_patch14_336": 7, "vit_small_patch8_224": 7, "convnext_atto": 7, "edgenext_xx_small": 7,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_found_by_its_tensors(name: str) -> None:
    last, signature = entry(name)  # type: ignore[misc]
    assert name in LIST["networks"][last][signature]
    network = built_on("meta", lambda: timm.create_model(name, num_classes=NAMES[name]))
    infos = {key: TensorInfo(tuple(tensor.shape), tensor.dtype) for key, tensor in network.state_dict().items()}
    assert f"sw.models.timm({name!r}, classes=7)" in [one.code for one in guess(infos)]
    # No more than a handful are built to be compared.
    assert len(list(timm_candidates({key: info.shape for key, info in infos.items()}))) <= 4


def test_patches_of_an_unusual_size_are_an_option_of_the_usual() -> None:
    network = built_on("meta", lambda: timm.create_model("vit_small_patch16_224", img_size=60, patch_size=12))
    infos = {key: TensorInfo(tuple(tensor.shape), tensor.dtype) for key, tensor in network.state_dict().items()}
    found = guess(infos)
    assert [one.code for one in found] == [
        f"sw.models.timm('{name}_small_patch16_224', classes=1000, img_size=60, patch_size=12)"
        for name in ("deit", "vit")
    ]
