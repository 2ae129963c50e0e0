"""Networks of transformers under the names that their files have, which differ from those in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from torch import nn


def under_names(network: nn.Module, names: Collection[str]) -> nn.Module:
    """The network, whose state dict has the names of a file if transformers saves it under these.

    transformers renames tensors when it loads and saves (a ViT's ``vit.encoder.layer.0.attention.attention.query``
    is ``vit.layers.0.attention.q_proj`` in memory), so files of ``save_pretrained`` and those of ``torch.save`` differ.

    Parameters
    ----------
    network
        Any; only those of transformers are ever changed, in place.
    names
        Those of the checkpoints' tensors.

    Returns
    -------
    nn.Module
        The same object. Its ``state_dict`` and ``load_state_dict`` use the checkpoints' names if these are exactly what
        renaming gives; else it is unchanged.
    """
    wanted = set(names)
    if not type(network).__module__.startswith("transformers.") or set(network.state_dict()) == wanted:
        return network
    for saved in _renamings(network):
        if len(set(saved.values())) == len(saved) and set(saved.values()) == wanted:
            network._saved_names = saved  # type: ignore[assignment]
            # torch gives these two no types.
            hooked: Any = network
            hooked.register_state_dict_post_hook(partial(_said, saved))
            hooked.register_load_state_dict_pre_hook(partial(_heard, saved))
            break
    return network


def saved_names(network: nn.Module) -> Mapping[str, str]:
    """The name in the checkpoints by the name in memory, where `under_names` has made them differ; else empty."""
    return getattr(network, "_saved_names", {})


def _renamings(network: nn.Module) -> Iterator[Mapping[str, str]]:
    """The name in a file by the name in memory, as transformers saves now, and as it did long ago."""
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping
        from transformers.core_model_loading import WeightRenaming, apply_renamings
    except ImportError:
        return
    for legacy in (False, True):
        conversions: Any = get_model_conversion_mapping(network, add_legacy=legacy)[::-1]
        # Those that split or join tensors are no names: such a network keeps its own.
        renamings = [one.reverse_transform() for one in conversions if isinstance(one, WeightRenaming)]
        yield {name: apply_renamings(name, renamings) for name in network.state_dict()}


def _said(saved: Mapping[str, str], _network: nn.Module, state: dict[str, Any], prefix: str, _metadata: Any) -> None:
    for name in [name for name in state if name.removeprefix(prefix) in saved]:
        state[prefix + saved[name.removeprefix(prefix)]] = state.pop(name)


def _heard(saved: Mapping[str, str], _network: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for name, in_file in saved.items():
        if prefix + in_file in state:
            state[prefix + name] = state.pop(prefix + in_file)
