"""What may be permuted: the function stays, and what is not understood is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from torch import nn

from soupwidgets.checkpoints import TensorInfo
from soupwidgets.methods.alignment import find_groups
from soupwidgets.methods.alignment.groups import Groups, Place
from soupwidgets.models import Architecture
from tests.fixtures import TINY
from tests.methods.alignment import networks


@pytest.mark.parametrize("name", networks.KNOWN)
def test_any_permutation_leaves_the_function_as_it_was(name: str) -> None:
    torch.manual_seed(0)
    network = networks.with_statistics(networks.KNOWN[name]()).double()
    tensors = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    groups = find_groups(networks.infos(tensors))
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        before = network(images)
        assert before.std() > 1e-3
        for group, size in groups.sizes.items():
            # One group at a time, so that none is right only because of another.
            permutation = {group: torch.arange(size).roll(1)}
            network.load_state_dict({k: groups.permuted(k, v, permutation) for k, v in tensors.items()})
            torch.testing.assert_close(network(images), before, rtol=1e-9, atol=1e-9)
            # And one that forgets a tensor would be noticed.
            forgotten, _ = next(groups.tensors_of(group))
            network.load_state_dict({**network.state_dict(), forgotten: tensors[forgotten]})
            assert (network(images) - before).abs().max() > 1e-6


def test_the_groups_of_a_small_network_by_hand() -> None:
    shapes = {
        "features.0.weight": (2, 3, 3, 3), "features.0.bias": (2,), "features.1.weight": (2,), "features.1.bias": (2,),
        "features.1.running_mean": (2,), "features.1.running_var": (2,), "features.1.num_batches_tracked": (),
        "features.4.weight": (4, 2, 3, 3), "classifier.0.weight": (5, 8), "classifier.0.bias": (5,),
        "classifier.3.weight": (10, 5), "classifier.3.bias": (10,),
    }  # fmt: skip
    groups = find_groups({name: TensorInfo(shape, torch.float32) for name, shape in shapes.items()})
    assert groups.sizes == {"features.0": 2, "features.4": 4, "classifier.0": 5}
    assert groups.places["features.1.running_var"] == {"features.0": Place(0)}
    assert groups.places["features.1.num_batches_tracked"] == {}
    assert groups.places["features.4.weight"] == {"features.0": Place(1), "features.4": Place(0)}
    # Two numbers of every map: channel 0 is columns 0 and 1.
    assert groups.places["classifier.0.weight"] == {"features.4": Place(1, 2), "classifier.0": Place(0)}
    assert groups.places["classifier.3.weight"] == {"classifier.0": Place(1)}
    columns = torch.arange(8.0).expand(5, 8)
    moved = groups.permuted("classifier.0.weight", columns, {"features.4": torch.tensor([2, 0, 1, 3])})
    assert moved[0].tolist() == [4, 5, 0, 1, 2, 3, 6, 7]


def test_a_residual_stream_is_one_group() -> None:
    groups = find_groups(networks.infos(networks.CifarResnet().state_dict()))
    assert groups.sizes == {
        "stem": 8, "layer1.0.conv1": 8, "layer2.0": 12, "layer2.0.conv1": 12, "layer2.1.conv1": 12
    }  # fmt: skip
    assert groups.places["layer1.0.conv2.weight"] == {"layer1.0.conv1": Place(1), "stem": Place(0)}
    assert groups.places["layer2.0.shortcut.0.weight"] == {"stem": Place(1), "layer2.0": Place(0)}
    assert groups.places["layer2.1.bn2.running_mean"] == {"layer2.0": Place(0)}
    assert groups.places["linear.weight"] == {"layer2.0": Place(1)}
    assert groups.places["linear.bias"] == {}


def test_a_tower_of_timms_in_open_clip_with_its_head() -> None:
    card = {"timm_model_name": "test_resnet", "timm_model_pretrained": False, "timm_proj": "linear", "image_size": 28}
    torch.manual_seed(0)
    model = networks.with_statistics(Architecture(8, card, 10, 0.286, 0.353).build()).double()
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    groups = find_groups(networks.infos(tensors))
    assert groups.places["visual.head.proj.weight"] == {"visual.trunk.layer4.0": Place(1)}
    assert groups.places["head.weight"] == {}
    images = torch.randn(2, 3, 28, 28, dtype=torch.float64)
    permutations = {group: torch.randperm(size) for group, size in groups.sizes.items()}
    with torch.no_grad():
        before = model(images)
        model.load_state_dict({name: groups.permuted(name, t, permutations) for name, t in tensors.items()})
        torch.testing.assert_close(model(images), before, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("build", "streams", "inner"),
    [
        (torchvision.models.resnet18, 4, 8),
        (torchvision.models.resnet50, 5, 2 * 16),
        (torchvision.models.wide_resnet50_2, 5, 2 * 16),
        (torchvision.models.vgg16, 0, 13 + 2),
        (torchvision.models.vgg11_bn, 0, 8 + 2),
        (torchvision.models.alexnet, 0, 5 + 2),
        (lambda: timm.create_model("vgg11"), 0, 8 + 2),
        (lambda: timm.create_model("resnet26d"), 5, 2 + 2 * 8),
    ],
)
def test_published_networks_have_a_group_for_each_stream_and_inner_layer(
    build: Callable[[], nn.Module], streams: int, inner: int
) -> None:
    with torch.device("meta"):
        groups = find_groups(networks.infos(build().state_dict()))
    assert len(groups.sizes) == streams + inner


@pytest.mark.parametrize("name", networks.REFUSED)
def test_networks_of_other_kinds_are_refused(name: str) -> None:
    model, why = networks.REFUSED[name]
    with torch.device("meta"):
        tensors = networks.infos(timm.create_model(model).state_dict())
    with pytest.raises(ValueError, match="weight matching does not understand this network") as told:
        find_groups(tensors)
    assert why in str(told.value)


OWN = {
    "padded shortcut": (lambda: networks.CifarResnet(padded=True), "padded channels cannot be reordered"),
    "pre-activated": (networks.PreActivated, "pre-activated"),
    "group normalisation": (networks.with_group_norm, "normalisation without running statistics"),
    "layer normalisation": (
        lambda: networks.sequence(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2)), "without running statistics",
    ),
    "grouped": (lambda: networks.sequence(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=4)), "grouped convolution"),
    "learned slopes": (lambda: networks.sequence(nn.Linear(4, 6), nn.PReLU(6), nn.Linear(6, 2)), "neither a linear"),
    "recurrent": (lambda: networks.sequence(nn.GRU(4, 6)), "weight_hh_l0"),
    "shapes of no sequence": (lambda: networks.sequence(nn.Linear(4, 6), nn.Linear(12, 2)), "12 entries where 6"),
    "ends otherwise": (lambda: networks.sequence(nn.Linear(4, 6), nn.BatchNorm1d(6)), "does not end with"),
    "nothing hidden": (lambda: networks.sequence(nn.Linear(4, 6)), "no hidden layer"),
    "CLIP": (TINY.build, "attention"),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN)
def test_what_names_hide_but_shapes_show_is_refused(name: str) -> None:
    build, why = OWN[name]
    with pytest.raises(ValueError, match="weight matching does not understand this network") as told:
        find_groups(networks.infos(build().state_dict()))
    assert why in str(told.value)


@pytest.mark.parametrize(
    ("places", "why"),
    [
        ({"a.weight": {"a": Place(0)}}, "'b.weight' is in the network or in its description"),
        ({"a.weight": {"a": Place(1)}, "b.weight": {"a": Place(1)}}, "does not fit the 4 units"),
        ({"a.weight": {"a": Place(0)}, "b.weight": {}}, "only written or only read"),
        ({"a.weight": {"a": Place(0), "b": Place(0)}, "b.weight": {"a": Place(1)}}, "two groups lie along one axis"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(places: dict[str, dict[str, Place]], why: str) -> None:
    groups = Groups("by hand", {"a": 4}, places)
    with pytest.raises(ValueError, match=why):
        groups.check({"a.weight": (4, 3), "b.weight": (2, 4)})
