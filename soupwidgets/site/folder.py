"""The folder from which a page mixes and measures: engine, network, weights and images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import atomic_path
from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import Recipe
from soupwidgets.site.checks import require_measurable
from soupwidgets.site.content import copy, write_packed
from soupwidgets.site.errors import SiteError
from soupwidgets.site.examples import write_examples
from soupwidgets.site.graph import model_graph, tensor_names
from soupwidgets.site.proof import require_same_logits
from soupwidgets.site.weights import packed_weights

ENGINE = Path(__file__).parent / "static" / "engine"
LIBRARY = ENGINE / "library"
MANIFEST = "manifest.json"
_FORMAT = 1
# The module and the program of each way to compute.
_BACKENDS = {
    "wasm": ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.zst"),
    "webgpu": ("ort.jspi.bundle.min.mjs", "ort-wasm-simd-threaded.jspi.wasm.zst"),
}


def write_engine(
    ev: Evaluator,
    folder: str | Path,
    *,
    checkpoints: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    examples: int | None = 500,
) -> dict[str, Any]:
    """Write what a page needs to measure any mixture of some checkpoints: ``engine.js`` and what it loads.

    Parameters
    ----------
    folder
        Files in it are replaced; a plain web server is enough to serve it.
    checkpoints
        Whose mixtures; all of the pool when None.
    splits
        On which; all of the suite when None.
    examples
        How many of each split at most, a random sample; all when None.

    Returns
    -------
    dict
        The manifest, which is ``manifest.json`` in the folder: sizes and hashes of all files, and what is in them.

    Raises
    ------
    PoolError, KeyError
        When there is no such checkpoint or split.
    SiteError
        When the model or a split cannot be measured in a page; nothing is written then.
    """
    folder = Path(folder)
    names = list(ev.pool.names if checkpoints is None else checkpoints)
    ev.pool.require(Recipe(dict.fromkeys(names, 1.0)))
    chosen = [ev.suite.splits[name] for name in (ev.suite.splits if splits is None else splits)]
    if not names or not chosen or (examples is not None and examples < 1):
        raise SiteError("a page measures at least one checkpoint on one example of one split")
    require_measurable(ev, chosen)
    graph = model_graph(ev, chosen[0], names)
    require_same_logits(graph, ev, chosen[0], names[0])
    block, tensors = packed_weights(ev.matrix, names, tensor_names(graph))

    manifest = {
        "format": _FORMAT,
        "suite": ev.suite.name,
        "classes": list(ev.suite.classes),
        "checkpoints": names,
        "tensors": tensors,
        "model": write_packed(folder, "model.onnx", graph.SerializeToString()).to_json(),
        "weights": write_packed(folder, "weights.bin", block).to_json(),
        "splits": [
            write_examples(folder, f"split-{number}", split, ev.architecture, examples)
            for number, split in enumerate(chosen)
        ],
        "worker": write_packed(folder, "worker.js", _joined(LIBRARY / "fzstd.js", ENGINE / "worker.js")).to_json(),
        "library": {name: _copied(folder, *files) for name, files in _BACKENDS.items()},
    }
    (folder / "engine.js").write_bytes(_joined(*(ENGINE / f"{part}.js" for part in ("files", "crew", "engine"))))
    for licence in LIBRARY.glob("LICENSE-*"):
        shutil.copyfile(licence, folder / licence.name)
    # Last: who finds it finds all the others.
    with atomic_path(folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest), "utf-8")
    return manifest


def write_fewer(
    ev: Evaluator, folder: Path, manifest: dict[str, Any], checkpoints: Sequence[str], name: str
) -> dict[str, Any]:
    """Write the weights of some of an engine's checkpoints again, for a page that mixes no others.

    Parameters
    ----------
    folder, manifest
        What `write_engine` wrote, and returned.
    checkpoints
        Some of its.
    name
        Of the further manifest, ``<name>.json``; all but the weights it shares with the first.

    Returns
    -------
    dict
        That manifest.
    """
    block, tensors = packed_weights(ev.matrix, checkpoints, [tensor["name"] for tensor in manifest["tensors"]])
    weights = write_packed(folder, f"{name}-weights.bin", block).to_json()
    fewer = {**manifest, "checkpoints": list(checkpoints), "tensors": tensors, "weights": weights}
    with atomic_path(folder / f"{name}.json") as path:
        path.write_text(json.dumps(fewer), "utf-8")
    return fewer


def _joined(*scripts: Path) -> bytes:
    return b"\n".join(script.read_bytes() for script in scripts)


def _copied(folder: Path, module: str, program: str) -> dict[str, Any]:
    return {
        "module": write_packed(folder, module, (LIBRARY / module).read_bytes()).to_json(),
        "program": copy(folder, LIBRARY / program).to_json(),
    }
