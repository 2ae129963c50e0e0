"""Screenshots in a row as one moving picture."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

_COLOURS = 128
_STEP, _REST = 350, 1200  # milliseconds


def write_film(path: Path, shots: list[bytes]) -> Path:
    """Write screenshots as a GIF that goes forth and back again and rests at both ends."""
    frames = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    width, height = frames[0].size
    # One palette for all: what does not move then stays the same, and takes no bytes again.
    sheet = Image.new("RGB", (width, 3 * height))
    for row, frame in enumerate((frames[0], frames[len(frames) // 2], frames[-1])):
        sheet.paste(frame, (0, row * height))
    # The most frequent colours as they are: a palette of averages makes white grey and a green star blue.
    counted = sorted(sheet.getcolors(sheet.width * sheet.height), reverse=True)
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for _, colour in counted[:_COLOURS] for channel in colour])
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    there_and_back = [*frames, *frames[-2:0:-1]]
    times = [_REST if frame in (frames[0], frames[-1]) else _STEP for frame in there_and_back]
    path.parent.mkdir(parents=True, exist_ok=True)
    there_and_back[0].save(path, save_all=True, append_images=there_and_back[1:], duration=times, loop=0)
    return path
