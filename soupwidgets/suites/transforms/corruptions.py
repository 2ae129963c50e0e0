"""Image corruptions as pure functions of images and parameters.

Every function takes images as a float tensor ``[n, height, width]`` or
``[n, channels, height, width]`` with values in 0..1 and one parameter per image,
and returns a tensor of the same shape with values in 0..1; colours are treated
alike. Random parameters are drawn by the caller, so the
same inputs always give the same pixels. Pre-training draws its styles and the
suites draw their distribution shifts from these same functions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from soupwidgets.suites.transforms.transform import transform


def _pixel_grid(images: Tensor) -> tuple[Tensor, Tensor]:
    """Pixel centres in -1..1 (x to the right, y downwards), each ``[height, width]``."""
    height, width = images.shape[-2:]
    y = (torch.arange(height, dtype=images.dtype) + 0.5) * (2 / height) - 1
    x = (torch.arange(width, dtype=images.dtype) + 0.5) * (2 / width) - 1
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return grid_x, grid_y


def _sample(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear look-up of ``images`` at positions ``x, y`` of every pixel, black outside."""
    size = images.shape[-2:]
    grid = torch.stack([x.expand(images.shape), y.expand(images.shape)], dim=-1).reshape(-1, *size, 2)
    found = F.grid_sample(images.reshape(-1, 1, *size), grid, padding_mode="zeros", align_corners=False)
    return found.reshape(images.shape)


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images.dtype).reshape(-1, *(1,) * (images.ndim - 1))


@transform("rotate")
def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Rotate each image about its centre by ``degrees`` (counter-clockwise on screen)."""
    angle = _per_image(degrees, images) * (math.pi / 180)
    x, y = _pixel_grid(images)
    return _sample(images, x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos())


@transform("scale")
def scale(images: Tensor, factor: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Shrink each image to ``factor`` of its size and move it (in half widths)."""
    x, y = _pixel_grid(images)
    factor = _per_image(factor, images)
    return _sample(images, (x - _per_image(right, images)) / factor, (y - _per_image(down, images)) / factor)


@transform("wave")
def wave(images: Tensor, amplitude: Tensor, period: Tensor, phase: Tensor) -> Tensor:
    """Shift each row sideways by a sine: ``amplitude`` and ``period`` in half widths, ``phase`` in radians."""
    x, y = _pixel_grid(images)
    bend = _per_image(amplitude, images) * torch.sin(
        2 * math.pi * y / _per_image(period, images) + _per_image(phase, images)
    )
    return _sample(images, x + bend, y)


@transform("blur")
def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with standard deviation ``sigma`` in pixels, borders reflected."""
    radius = max(1, math.ceil(3 * float(sigma.max())))
    radius = min(radius, min(images.shape[-2:]) - 1)
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma.to(images.dtype).reshape(-1, 1)) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    planes = images.reshape(1, -1, *images.shape[-2:])
    n = planes.shape[1]
    kernel = kernel.repeat_interleave(n // len(images), dim=0)
    padded = F.pad(planes, (radius, radius, radius, radius), mode="reflect")
    rows = F.conv2d(padded, kernel[:, None, None, :], groups=n)
    return F.conv2d(rows, kernel[:, None, :, None], groups=n).reshape(images.shape)


@transform("noise")
def noise(images: Tensor, strength: Tensor, standard_normal: Tensor) -> Tensor:
    """Add ``strength`` times the given standard normal values, clipped to 0..1."""
    return (images + _per_image(strength, images) * standard_normal).clamp(0, 1)


@transform("invert")
def invert(images: Tensor) -> Tensor:
    """Swap black and white."""
    return 1 - images


@transform("contrast")
def contrast(images: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Multiply by ``gain`` and add ``offset``, clipped to 0..1."""
    return (images * _per_image(gain, images) + _per_image(offset, images)).clamp(0, 1)


@transform("sketch")
def sketch(images: Tensor) -> Tensor:
    """Edges only: the length of the Sobel gradient, scaled to the brightest edge of each image."""
    smooth = torch.tensor([1.0, 2.0, 1.0], dtype=images.dtype)
    slope = torch.tensor([-1.0, 0.0, 1.0], dtype=images.dtype)
    kernels = torch.stack([smooth[:, None] * slope, slope[:, None] * smooth])[:, None]
    padded = F.pad(images.reshape(-1, 1, *images.shape[-2:]), (1, 1, 1, 1), mode="replicate")
    edges = F.conv2d(padded, kernels).square().sum(dim=1).sqrt().reshape(images.shape)
    return edges / _per_image(edges.flatten(1).amax(dim=1).clamp_min(1e-6), images)


@transform("stripes")
def stripes(images: Tensor, strength: Tensor, period: Tensor, degrees: Tensor, phase: Tensor) -> Tensor:
    """Overlay bright and dark bars: a square wave of ``period`` half widths at an angle of ``degrees``."""
    x, y = _pixel_grid(images)
    angle = _per_image(degrees, images) * (math.pi / 180)
    along = x * angle.cos() + y * angle.sin()
    bars = torch.sign(torch.sin(2 * math.pi * along / _per_image(period, images) + _per_image(phase, images)))
    return (images + _per_image(strength, images) * bars).clamp(0, 1)


def on_background(images: Tensor, background: Tensor) -> Tensor:
    """Lay each image over ``background`` (``[n, height, width]``), the image's brightness as its opacity."""
    opacity = (images * 4).clamp(0, 1)
    return opacity * images + (1 - opacity) * background
