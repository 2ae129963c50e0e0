"""The same files within a page, which is opened from a disk and may fetch nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soupwidgets.site.folder import MANIFEST


def inlined(folder: str | Path) -> dict[str, str]:
    """Every file that ``openEngine`` loads, in base64 by its name, to be given to it instead of an address.

    Files for WebGPU are left out: pages from a disk compute with WebAssembly.

    Parameters
    ----------
    folder
        What `soupwidgets.site.write_engine` wrote.
    """
    folder = Path(folder)
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    del manifest["library"]["webgpu"]
    found = {name: (folder / name).read_bytes() for name in _files(manifest)}
    found[MANIFEST] = json.dumps(manifest).encode()
    return {name: base64.b64encode(content).decode() for name, content in found.items()}


def _files(manifest: Any) -> Iterator[str]:
    inner = manifest.values() if isinstance(manifest, dict) else manifest if isinstance(manifest, list) else ()
    if isinstance(manifest, dict) and "sha256" in manifest:
        yield manifest["file"]
    for value in inner:
        yield from _files(value)
