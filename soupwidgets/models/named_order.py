"""The order of a network's tensors, inferred from their names for known families of networks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class _Family:
    """Regular expressions for the prefixes of names within a tower, up to a dot or the end.

    The groups of ``block`` are numbers that increase with depth; an absent group sorts before all others.
    """

    block: str
    before: str
    after: str


_FAMILIES = {
    "open_clip's vision transformers": _Family(
        r"transformer\.resblocks\.(\d+)",
        r"class_embedding|positional_embedding|conv1|ln_pre|patchnorm_pre_ln|input_patchnorm",
        r"ln_post|proj|attn_pool|attn_pool_contrastive",
    ),
    "ResNets of CLIP, torchvision and timm": _Family(
        r"layer(\d+)\.(\d+)", r"conv[123](?:\.\d+)?|bn[123]", r"attnpool|fc|head"
    ),
    "timm's vision transformers": _Family(
        r"blocks\.(\d+)(?!\.\d)",
        r"cls_token|reg_token|dist_token|mask_token|pos_embed|stem|norm_pre"
        r"|patch_embed(?!.*\.(?:stages|blocks)\.)",
        r"norm|fc_norm|attn_pool|head|head_dist",
    ),
    "timm's EfficientNets": _Family(r"blocks\.(\d+)\.(\d+)", r"conv_stem|bn1", r"conv_head|bn2|classifier"),
    # If the first stage has a downsampling too, it is at the end of stages, and this family does not apply.
    "timm's ConvNeXts": _Family(
        r"stages\.(\d+)\.(?:blocks\.(\d+)|(?<!stages\.0\.)downsample)", r"stem", r"norm_pre|head"
    ),
    "timm's Swin transformers": _Family(
        r"layers\.(\d+)\.(?:blocks\.(\d+)|(?<!layers\.0\.)downsample)", r"patch_embed|absolute_pos_embed", r"norm|head"
    ),
    "torchvision's vision transformers": _Family(
        r"encoder\.layers\.encoder_layer_(\d+)", r"class_token|conv_proj|encoder\.pos_embedding", r"encoder\.ln|heads"
    ),
    "BERT and networks built like it": _Family(
        r"encoder\.layer\.(\d+)", r"embeddings|rel_embeddings", r"pooler|layernorm|classifier|cls|lm_head|qa_outputs"
    ),
    "DistilBERT": _Family(
        r"transformer\.layer\.(\d+)", r"embeddings", r"pre_classifier|classifier|vocab_transform|qa_outputs"
    ),
    "image towers of transformers' CLIP and SigLIP": _Family(
        r"encoder\.layers\.(\d+)(?!\.blocks)", r"embeddings|pre_layrnorm", r"post_layernorm|head|classifier"
    ),
    "GPT-2": _Family(r"h\.(\d+)", r"wte|wpe", r"ln_f|lm_head"),
    "Llama and networks built like it": _Family(
        r"layers\.(\d+)(?!\.(?:blocks|downsample|\d))", r"embed_tokens", r"norm|lm_head"
    ),
}
# Tensors outside the tower with the blocks, which are applied to its output.
_HEADS = re.compile(
    r"(?:visual\.)?head|classification_head|classifier|pre_classifier|heads|fc|lm_head|cls|qa_outputs|score"
    r"|visual_projection|vocab_transform|vocab_layer_norm|vocab_projector"
)


def named_order(tensors: Sequence[str]) -> list[str]:
    """The tensors in the order of the network.

    Parameters
    ----------
    tensors
        Names in any order, all of one network of a known family, possibly nested (``module.visual.``).

    Returns
    -------
    list[str]
        Sorted by block; within a block in the given order.

    Raises
    ------
    ValueError
        When a name has no place in any family, or there are no blocks, or several towers of blocks.

    Examples
    --------
    >>> named_order(["fc.weight", "layer1.1.conv1.weight", "layer1.0.conv1.weight", "conv1.weight"])
    ['conv1.weight', 'layer1.0.conv1.weight', 'layer1.1.conv1.weight', 'fc.weight']
    """
    unknown: dict[str, list[str]] = {}
    for title, family in _FAMILIES.items():
        block = re.compile(rf"^(?P<tower>(?:[A-Za-z_]\w*\.)*?){family.block}(?:\.|$)")
        found = {name: match for name in tensors if (match := block.match(name))}
        towers = sorted({match["tower"] for match in found.values()})
        if len(towers) > 1:
            raise ValueError(
                f"the tensors belong to {len(towers)} towers of blocks, which run in parallel or one after the "
                f"other ({', '.join(repr(tower + '...') for tower in towers[:4])}): there is no one depth to scale by"
            )
        if not towers:
            continue
        places = {name: _place(name, found.get(name), towers[0], family) for name in tensors}
        unknown[title] = [name for name, place in places.items() if place is None]
        if not unknown[title]:
            return sorted(tensors, key=lambda name: places[name] or ())
    if not unknown:
        raise ValueError(
            f"the tensors' names show no blocks of layers (first: {', '.join(map(repr, tensors[:3]))}), "
            "so there is no depth to scale by"
        )
    title = min(unknown, key=lambda one: len(unknown[one]))
    strange = unknown[title]
    more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
    raise ValueError(
        f"where in the network are {', '.join(map(repr, strange[:3]))}{more}? The other names are those of {title}, "
        "these are not, and a wrong depth would scale them wrongly. Give the checkpoints a card that states their "
        "architecture: the order is then found by running it"
    )


def _place(name: str, block: re.Match[str] | None, tower: str, family: _Family) -> tuple[int, ...] | None:
    if block is not None:
        return 1, *(-1 if number is None else int(number) for number in block.groups()[1:])
    if not name.startswith(tower):
        return (2,) if _begins(_HEADS.pattern, name) else None
    inside = name.removeprefix(tower)
    if _begins(family.before, inside):
        return (0,)
    return (2,) if _begins(family.after, inside) or _begins(_HEADS.pattern, inside) else None


def _begins(pattern: str, name: str) -> bool:
    return re.match(rf"(?:{pattern})(?:\.|$|_weight$|_bias$)", name) is not None
