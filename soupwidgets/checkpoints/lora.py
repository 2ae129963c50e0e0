"""LoRA adapters as PEFT saves them: a folder with settings, and with low-rank factors for some modules."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from soupwidgets.checkpoints.adapter_config import CONFIG_NAME, AdapterConfig, read_config
from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.file import CheckpointFile
from soupwidgets.checkpoints.safetensors_files import TensorInfo
from soupwidgets.text import one_line

_WEIGHTS = ("adapter_model.safetensors", "adapter_model.safetensors.index.json", "adapter_model.bin")
_FACTORS = {
    "lora_A": "A", "lora_B": "B", "lora_embedding_A": "A", "lora_embedding_B": "B", "lora_magnitude_vector": "m",
}  # fmt: skip
# Modules times patterns; opening a real adapter takes some ten thousand comparisons.
_MAX_COMPARISONS = 1 << 22
_ADVICE = "Merge it in PEFT (model.merge_and_unload()), save that, and open the merged model instead"


@dataclass(frozen=True)
class Change:
    """What an adapter does to one tensor of its base: replaces it, adds a product, or both.

    Parameters
    ----------
    full
        Name, in the adapter's file, of the tensor that replaces the base's.
    factors
        Names of A, of B, and for DoRA of the magnitudes.
    scale
        The factor of B A.
    outputs_last
        Whether the tensor's rows are inputs (embeddings, and weights stored as ``[inputs, outputs]``).
    """

    full: str | None = None
    factors: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    outputs_last: bool = False


def adapter_folder(path: Path) -> Path | None:
    """The folder of the adapter that a path stands for: the folder itself, or the settings or weights in it.

    Returns
    -------
    Path or None
        None when it is no adapter's.
    """
    folder = path.parent if path.name in (CONFIG_NAME, *_WEIGHTS) else path
    return folder if (folder / CONFIG_NAME).is_file() else None


class Adapter:
    """A LoRA adapter on its own, without the base that it changes.

    Parameters
    ----------
    folder
        With ``adapter_config.json``, and ``adapter_model.safetensors`` or ``.bin``. Only settings, names and
        shapes are read.

    Attributes
    ----------
    config
        Its settings.
    file
        Its weights.
    name
        The folder's name.

    Raises
    ------
    CheckpointError
        When a file is missing, damaged or hostile, or the adapter is of a kind that is not a low-rank change.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        self.config_path = self.path / CONFIG_NAME
        self.name = self.path.resolve().name
        try:
            self.config: AdapterConfig = read_config(self.config_path)
        except OSError as error:
            raise CheckpointError(self.config_path, f"cannot be read ({error})") from error
        except ValueError as error:
            raise CheckpointError(self.config_path, str(error)) from error
        found = [self.path / name for name in _WEIGHTS if (self.path / name).is_file()]
        if not found:
            raise CheckpointError(self.path, f"an adapter without weights: it needs {_WEIGHTS[0]} or {_WEIGHTS[2]}")
        self.file = CheckpointFile(found[0])
        # Names in the file, by module and by A, B and m.
        self._modules: dict[str, dict[str, str]] = {}
        self._full: dict[str, str] = {}
        self._sort_names()
        patterns = len(self.config.rank_pattern or ()) + len(self.config.alpha_pattern or ())
        if len(self._modules) * patterns > _MAX_COMPARISONS:
            many = f"{patterns:,} patterns are too many for {len(self._modules):,} modules"
            raise CheckpointError(self.config_path, many)
        for module in self._modules:
            self._check_factors(module)

    def __repr__(self) -> str:
        return f"Adapter({str(self.path)!r}, {self.summary})"

    @property
    def summary(self) -> str:
        """In words: kind, rank, scale, and how many tensors it changes.

        Where they differ, the most frequent rank and scale come first.
        """
        ranks = _listed(Counter(self.config.rank(module) for module in self._modules))
        scales = _listed(Counter(self.config.scale(module) for module in self._modules))
        kind = "DoRA" if self.config.use_dora else "LoRA"
        words = f"{kind} adapter, rank {ranks}, scale {scales}, changes {len(self._modules)} tensors"
        base = self.config.base_model_name_or_path
        return (
            words
            + (f" and replaces {len(self._full)}" if self._full else "")
            + (f" of {one_line(base[:100])}" if base else "")
        )

    @property
    def numbers(self) -> tuple[int, int]:
        """How many tensors it changes by products, and how many it replaces."""
        return len(self._modules), len(self._full)

    def changes(self, base: CheckpointFile) -> dict[str, Change]:
        """What it does to each tensor of a base.

        Parameters
        ----------
        base
            The checkpoint that it was trained on.

        Raises
        ------
        CheckpointError
            When a tensor is not in the base, or its shape does not fit.
        """
        changes = {name: self._replacement(name, raw, base) for name, raw in self._full.items()}
        for module, factors in self._modules.items():
            name = f"{module}.weight" if module else "weight"
            if name not in base.tensors:
                raise self._error(
                    f"it changes {name[:200]}, which {base.path} lacks (that has {_first(base)}). Is it the base that "
                    f"this adapter was trained on{self._trained_on()}? If its names differ, save the base from the "
                    "same class of model: model.save_pretrained(...)"
                )
            full = changes[name].full if name in changes else None
            outputs_last = self._outputs_last(module)
            self._check_shapes(module, name, base, outputs_last)
            changes[name] = Change(full, factors, self.config.scale(module), outputs_last)
        return changes

    def _replacement(self, name: str, raw: str, base: CheckpointFile) -> Change:
        mine, theirs = self.file.tensors[raw], base.tensors.get(name)
        if theirs is None and not set(name.split(".")) & set(self.config.modules_to_save or ()):
            raise self._error(
                f"it has the tensor {name[:200]}, which {base.path} lacks and modules_to_save does not name. "
                f"Is it the base that this adapter was trained on{self._trained_on()}?"
            )
        if theirs is not None and theirs.shape != mine.shape:
            raise self._error(
                f"it replaces {name} by a tensor of shape {mine.shape}; in {base.path} it has {theirs.shape}: "
                "give the base the same classes or vocabulary first, or merge. " + _ADVICE
            )
        if not mine.dtype.is_floating_point or (theirs is not None and not theirs.dtype.is_floating_point):
            raise self._error(f"it replaces {name}, which is not of floating-point numbers. {_ADVICE}")
        return Change(raw)

    def _check_shapes(self, module: str, name: str, base: CheckpointFile, outputs_last: bool) -> None:
        info = base.tensors[name]
        a, b = self._info(module, "A").shape, self._info(module, "B").shape
        rows, *columns = info.shape
        if outputs_last:
            fits = len(columns) == 1 and a[1:] == (rows,) and b[:1] == tuple(columns) and len(b) == 2
        else:
            fits = bool(columns) and a[1:] == tuple(columns) and b[:1] == (rows,) and len(a) == len(b)
        if not fits:
            raise self._error(
                f"its factors of {name} have the shapes {a} and {b}, which do not fit {info.shape} in {base.path}"
            )
        if not info.dtype.is_floating_point:
            raise self._error(f"{name} in {base.path} is {info.dtype}: use the base that is not quantised")
        if "m" in self._modules[module]:
            magnitudes = self._info(module, "m").shape
            outputs = columns[0] if outputs_last else rows
            if math.prod(magnitudes) != outputs or outputs not in magnitudes:
                raise self._error(f"the magnitudes of {name} have the shape {magnitudes}, its outputs are {outputs}")

    def _check_factors(self, module: str) -> None:
        """Check what can be checked without the base."""
        found = self._modules[module]
        wanted = {"A", "B", "m"} if self.config.use_dora else {"A", "B"}
        if found.keys() != wanted:
            raise self._error(
                f"module {module[:200]!r} has {_words(found)}, expected are {_words(wanted)}"
                + (" (use_dora is not set)" if "m" in found and not self.config.use_dora else "")
            )
        a, b, rank = self._info(module, "A").shape, self._info(module, "B").shape, self.config.rank(module)
        if len(a) < 2 or len(b) < 2 or a[0] != rank or b[1] != rank or set(b[2:]) - {1}:
            raise self._error(
                f"module {module[:200]!r} has factors of the shapes {a} and {b}, which are not those of rank {rank}"
            )
        if not all(self._info(module, kind).dtype.is_floating_point for kind in found):
            raise self._error(f"module {module[:200]!r} has factors that are not floating-point numbers")

    def _outputs_last(self, module: str) -> bool:
        embedding = "lora_embedding_A" in self._modules[module]["A"].split(".")
        return embedding or (self.config.fan_in_fan_out and len(self._info(module, "A").shape) == 2)

    def _sort_names(self) -> None:
        adapters: set[str] = set()
        for raw in self.file.tensors:
            parts = raw.removeprefix("base_model.model.").split(".")
            if "original_module" in parts:
                continue
            place = next((i for i, part in enumerate(parts) if part in _FACTORS), None)
            if place is not None:
                own = [part for part in parts[place + 1 :] if part != "weight"]
                adapters.update(own)
                if len(own) > 1 or "bias" in own:
                    raise self._error(f"the tensor {raw[:200]!r} is none that LoRA has. {_ADVICE}")
                module = ".".join(parts[:place])
                if "base_layer" in parts[:place]:
                    # torch.nn.MultiheadAttention: https://github.com/huggingface/peft/pull/3774
                    raise self._error(
                        f"the tensor {raw[:200]!r} is one of PyTorch's own attention, to whose output projection "
                        "PEFT adds the change twice, or once, depending on its version. Merge it with the version that "
                        "it was trained with (model.merge_and_unload()), and open the merged model instead"
                    )
                self._put(self._modules.setdefault(module, {}), _FACTORS[parts[place]], raw)
            elif any(re.match(r"lora_|vera_|hada_|lokr_|trainable_tokens|ia3_|oft_", part) for part in parts):
                raise self._error(f"the tensor {raw[:200]!r} is none that LoRA has. {_ADVICE}")
            else:
                self._put(self._full, ".".join(_without_wrappers(parts)), raw)
        if len(adapters) > 1:
            raise self._error(f"it holds several adapters: {', '.join(sorted(one_line(a[:50]) for a in adapters)[:6])}")
        if not self._modules:
            raise self._error("it has no LoRA factors (tensors named lora_A and lora_B)")

    def _put(self, names: dict[str, str], key: str, raw: str) -> None:
        if key in names:
            raise self._error(f"the tensors {names[key][:200]!r} and {raw[:200]!r} stand for the same")
        names[key] = raw

    def _info(self, module: str, kind: str) -> TensorInfo:
        return self.file.tensors[self._modules[module][kind]]

    def _trained_on(self) -> str:
        base = self.config.base_model_name_or_path
        return f" ({one_line(base[:100])})" if base else ""

    def _error(self, reason: str) -> CheckpointError:
        return CheckpointError(self.file.path, one_line(reason))


def _without_wrappers(parts: list[str]) -> Iterator[str]:
    """The parts of a name without ``base_layer``, and without ``modules_to_save`` and the adapter's name after it."""
    skipped = -1
    for i, part in enumerate(parts):
        if part == "modules_to_save":
            skipped = i + 1
        elif part != "base_layer" and i != skipped:
            yield part


def _listed(counts: Counter[int] | Counter[float]) -> str:
    shown = [f"{value:g}" for value, _ in counts.most_common(4)]
    return ", ".join(shown) + (", ..." if len(counts) > len(shown) else "")


def _words(kinds: Mapping[str, str] | set[str]) -> str:
    return ", ".join({"A": "A", "B": "B", "m": "magnitudes"}[kind] for kind in sorted(kinds)) or "nothing"


def _first(base: CheckpointFile) -> str:
    return next((one_line(name[:100]) for name in base.tensors), "no tensor")
