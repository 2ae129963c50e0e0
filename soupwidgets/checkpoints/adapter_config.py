"""The settings of a LoRA adapter, as PEFT writes them to ``adapter_config.json``; nothing in them is run or opened."""

from __future__ import annotations

import math
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import msgspec

CONFIG_NAME = "adapter_config.json"
_MAX_BYTES = 1 << 22
_MAX_NAME = 1000
# Patterns are regular expressions. Those of names and dots are matched as PEFT does; none that could take for ever.
_PLAIN_PATTERN = re.compile(r"\^?(?:[\w\-.]|\\[.d])+")
# Where the factors start from. The others also change the base model's weights, or how the factors act.
_PLAIN_STARTS = (True, False, "gaussian", "eva", "orthogonal")
# Settings of training alone, of where the adapter comes from, and of options that another setting switches on.
_NO_EFFECT = {
    "arrow_config", "auto_mapping", "base_model_name_or_path", "eva_config", "exclude_modules", "inference_mode",
    "layers_pattern", "layers_to_transform", "lora_dropout", "megatron_core", "peft_version", "qalora_group_size",
    "revision", "runtime_config", "target_modules", "task_type",
}  # fmt: skip
_OFF = (b"null", b"false", b"{}", b"[]", b'""')
_MERGE = "Merge it in PEFT (model.merge_and_unload().save_pretrained(...)) and open the merged model instead"

_Rank = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
_Alpha = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
_Name = Annotated[str, msgspec.Meta(max_length=_MAX_NAME)]
# A few for every layer.
_MAX_PATTERNS = 4096
_Ranks = Annotated[dict[_Name, _Rank], msgspec.Meta(max_length=_MAX_PATTERNS)]
_Alphas = Annotated[dict[_Name, _Alpha], msgspec.Meta(max_length=_MAX_PATTERNS)]


class AdapterConfig(msgspec.Struct, frozen=True):
    """The settings that decide what an adapter adds to its base.

    Parameters
    ----------
    r, lora_alpha, use_rslora
        Rank and scale: `scale`.
    rank_pattern, alpha_pattern
        Other ranks and alphas of the modules whose names end with, or match, these.
    fan_in_fan_out
        Whether linear weights are stored as ``[inputs, outputs]``.
    use_dora
        Whether the weights' norms were trained on their own.
    bias, modules_to_save
        What else was trained, and is stored in full.
    base_model_name_or_path
        What its author calls the base model; for messages only.
    init_lora_weights
        What training started from.
    """

    peft_type: _Name
    r: _Rank = 8
    lora_alpha: _Alpha = 8
    use_rslora: bool = False
    use_dora: bool = False
    fan_in_fan_out: bool = False
    bias: _Name = "none"
    rank_pattern: _Ranks | None = None
    alpha_pattern: _Alphas | None = None
    modules_to_save: list[_Name] | None = None
    init_lora_weights: bool | _Name = True
    base_model_name_or_path: str | None = None

    def rank(self, module: str) -> int:
        """The rank of a module's factors."""
        return int(_matching(self.rank_pattern, module, self.r))

    def scale(self, module: str) -> float:
        """The factor of a module's product: alpha / r, or alpha / sqrt(r) when rank-stabilised.

        Notes
        -----
        arXiv 2106.09685, section 4.1; arXiv 2312.03732.

        Examples
        --------
        >>> AdapterConfig("LORA", r=16, lora_alpha=8).scale("encoder.query")
        0.5
        >>> AdapterConfig("LORA", r=16, lora_alpha=8, use_rslora=True).scale("encoder.query")
        2.0
        >>> AdapterConfig("LORA", r=16, rank_pattern={"query": 4}, alpha_pattern={"query": 2}).scale("encoder.query")
        0.5
        """
        alpha, rank = _matching(self.alpha_pattern, module, self.lora_alpha), self.rank(module)
        return float(alpha / math.sqrt(rank) if self.use_rslora else alpha / rank)


def read_config(path: Path) -> AdapterConfig:
    """Read and check the settings of an adapter.

    Parameters
    ----------
    path
        The file ``adapter_config.json``.

    Raises
    ------
    ValueError
        When it is not readable, not of LoRA, or has a setting that changes the model in a way that is not known here.
    """
    text = _read(path)
    try:
        settings = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        peft_type = msgspec.json.decode(settings.get("peft_type", b'""'), type=str)
        if peft_type != "LORA":
            raise ValueError(f"an adapter of the type {peft_type[:50]!r}; only LORA adapters can be mixed. {_MERGE}")
        config = msgspec.json.decode(text, type=AdapterConfig)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"not the settings of an adapter ({error})") from error
    known = {*AdapterConfig.__struct_fields__, *_NO_EFFECT}
    for name, value in settings.items():
        if name not in known and bytes(value) not in _OFF:
            raise ValueError(f"it uses {name[:100]!r}, which cannot be mixed. {_MERGE}")
    if config.init_lora_weights not in _PLAIN_STARTS:
        raise ValueError(
            f"it was started with init_lora_weights={config.init_lora_weights!r}, which may change the base model's "
            "weights too. Save it with PEFT's path_initial_model_for_weight_conversion, or merge it: " + _MERGE
        )
    for name in (*(config.rank_pattern or ()), *(config.alpha_pattern or ())):
        if not _PLAIN_PATTERN.fullmatch(name):
            raise ValueError(f"its pattern {name[:100]!r} is a regular expression; only names are read. {_MERGE}")
    if config.bias not in ("none", "all", "lora_only"):
        raise ValueError(f"it has bias={config.bias[:50]!r}; known are none, all, lora_only")
    return config


def _matching(pattern: dict[str, int] | dict[str, float] | None, module: str, default: float) -> float:
    for name, value in (pattern or {}).items():
        if _compiled(name).match(module):
            return value
    return default


@lru_cache(1 << 13)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(.*\.)?({pattern})$")


def _read(path: Path) -> bytes:
    # Somebody's folder may hold a pipe, which waits for ever.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("a folder, pipe or device; a file is expected")
    with open(path, "rb") as file:
        text = file.read(_MAX_BYTES + 1)
    if len(text) > _MAX_BYTES:
        raise ValueError(f"larger than {_MAX_BYTES:,} bytes, which is the most that is read of an adapter's settings")
    return text
