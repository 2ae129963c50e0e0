"""Small networks of the families that alignment knows, and of some that it must refuse."""

from __future__ import annotations

from collections.abc import Mapping

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vgg import VGG, make_layers

from soupwidgets.checkpoints import TensorInfo


def infos(tensors: Mapping[str, Tensor]) -> dict[str, TensorInfo]:
    return {name: TensorInfo(tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}


def vgg(batch_norm: bool) -> nn.Module:
    """torchvision's own forward pass, with fewer units."""
    network = VGG(make_layers([8, "M", 12, 12, "M"], batch_norm=batch_norm), num_classes=10)
    network.classifier = nn.Sequential(nn.Linear(12 * 49, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 10))
    return network


class Lenet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 9, 5)
        self.fc1, self.fc = nn.Linear(9 * 25, 11), nn.Linear(11, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x).relu(), 2)
        x = F.max_pool2d(self.conv2(x).tanh(), 2)
        return self.fc(self.fc1(x.flatten(1)).relu())


class CifarBlock(nn.Module):
    """As CIFAR versions of ResNets write it: ``shortcut`` in place of ``downsample``."""

    def __init__(self, planes: int, out: int, *, convolved: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(planes, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        self.wider = out - planes
        if convolved:
            self.shortcut = nn.Sequential(nn.Conv2d(planes, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        x = self.shortcut(x)
        if x.shape[1] < y.shape[1]:
            x = F.pad(x, (0, 0, 0, 0, self.wider // 2, self.wider // 2))
        return F.relu(x + y)


class CifarResnet(nn.Module):
    """Kuangliu's names; with ``padded`` shortcuts as in the paper's option A."""

    def __init__(self, *, padded: bool = False) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(CifarBlock(8, 8, convolved=False))
        self.layer2 = nn.Sequential(CifarBlock(8, 12, convolved=not padded), CifarBlock(12, 12, convolved=False))
        self.linear = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        return self.linear(x.mean((2, 3)))


class PreActivated(nn.Module):
    """Batch normalisation before the convolutions, under the names of a plain ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.layer1 = nn.Sequential(CifarBlock(8, 8, convolved=False))
        self.linear = nn.Linear(8, 10)


def with_group_norm() -> nn.Module:
    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10, norm_layer=lambda width: nn.GroupNorm(2, width))


def sequence(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


KNOWN = {
    "MLP": lambda: sequence(
        nn.Flatten(), nn.Linear(3 * 32 * 32, 16), nn.ReLU(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 10)
    ),
    "MLP with batch normalisation": lambda: sequence(
        nn.Flatten(), nn.BatchNorm1d(3072), nn.Linear(3072, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10)
    ),
    "flattened before batch normalisation": lambda: sequence(
        nn.Conv2d(3, 5, 8, stride=8), nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(80), nn.Linear(80, 7), nn.ReLU(),
        nn.Linear(7, 10),
    ),
    "conv1, conv2, fc1, fc": Lenet,
    "VGG": lambda: vgg(False),
    "VGG with batch normalisation": lambda: vgg(True),
    "basic blocks": lambda: ResNet(BasicBlock, [2, 1, 1, 1], num_classes=10),
    "bottlenecks": lambda: ResNet(Bottleneck, [2, 1, 1, 1], num_classes=10),
    "timm, deep stem, pooled shortcuts": lambda: timm.create_model("test_resnet", num_classes=10),
    "CIFAR names": CifarResnet,
}  # fmt: skip

# As little as their names need: on the meta device nothing is allocated.
REFUSED = {
    "attention": ("vit_tiny_patch16_224", "attention"),
    "grouped convolution": ("resnext50_32x4d", "grouped convolution"),
    "squeeze and excitation": ("seresnet50", "no plain residual block"),
    "mobilenet": ("mobilenetv2_100", "modules are named"),
    "densenet": ("densenet121", "modules are named"),
    "convnext": ("convnext_atto", "normalisation without running statistics"),
}


def with_statistics(network: nn.Module, seed: int = 0) -> nn.Module:
    """Evaluation mode, with batch normalisation that does something: random statistics and weights."""
    random = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.copy_(0.2 * torch.randn(tensor.shape, generator=random))
            for tensor in (module.running_var, module.weight.data):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=random))
    return network.eval()
