"""The little language of the miniature CLIP: class names, style words, templates, vocabulary.

Pre-training captions are wrong in a controlled way. Real captions from the web
confuse classes that look alike; here `SWAP_SHARE` of the captions of a shirt
say T-shirt and so on. The result is a zero-shot model that is robust (it has
seen many styles) but can be improved by fine-tuning, as CLIP can on ImageNet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

CLASSES = (
    "T-shirt", "trousers", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip

NAMES: tuple[tuple[str, str, str], ...] = (
    ("tshirt", "tee", "top"),
    ("trousers", "pants", "slacks"),
    ("pullover", "sweater", "jumper"),
    ("dress", "gown", "frock"),
    ("coat", "jacket", "overcoat"),
    ("sandal", "slide", "mule"),
    ("shirt", "blouse", "buttonup"),
    ("sneaker", "trainer", "plimsoll"),
    ("bag", "handbag", "purse"),
    ("boot", "bootie", "ankleboot"),
)

GROUPS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("garment", (0, 2, 4, 6)),
    ("clothing", (1, 3)),
    ("footwear", (5, 7, 9)),
    ("accessory", (8,)),
)

STYLES: dict[str, tuple[str, str]] = {
    "clean": ("plain", "clean"),
    "invert": ("inverted", "negative"),
    "rotate": ("rotated", "tilted"),
    "blur": ("blurry", "soft"),
    "noise": ("noisy", "grainy"),
    "contrast": ("faded", "pale"),
    "sketch": ("sketched", "outlined"),
    "scale": ("small", "distant"),
    "background": ("patterned", "textured"),
}

TEMPLATES = (
    "a photo of a {style} {name}",
    "a {style} picture of a {name}",
    "an image of one {style} {name}",
    "this is a {style} {name}",
    "{style} {name}",
)

SWAPS = {0: 6, 6: 0, 2: 4, 4: 2, 7: 9, 9: 7}
SWAP_SHARE = 0.42
GENERIC_SHARE = 0.15
WRONG_SHARE = 0.05
STYLE_WORD_SHARE = 0.5

CONTEXT_LENGTH = 12
_PAD, _START = 0, 1


def _words() -> list[str]:
    words = {word for template in TEMPLATES for word in template.split() if "{" not in word}
    words.update(name for names in NAMES for name in names)
    words.update(word for pair in STYLES.values() for word in pair)
    words.update(generic for generic, _ in GROUPS)
    return sorted(words)


_ID = {word: i for i, word in enumerate(_words(), start=_START + 1)}
# open_clip takes the sentence's feature at its largest token id, so the end token must be the largest.
_END = _START + 1 + len(_ID)
VOCABULARY_SIZE = _END + 1


def tokenize(texts: Sequence[str]) -> Tensor:
    """Turn sentences into token ids ``[n, CONTEXT_LENGTH]``; an unknown word raises `KeyError`."""
    tokens = torch.full((len(texts), CONTEXT_LENGTH), _PAD, dtype=torch.long)
    for row, text in enumerate(texts):
        ids = [_START, *(_ID[word] for word in text.split()), _END]
        tokens[row, : len(ids)] = torch.tensor(ids)
    return tokens


def fill(template: str, name: str, style: str = "") -> str:
    """Fill a template; an empty style leaves no gap."""
    return " ".join(template.format(style=style, name=name).split())


def prompts(label: int) -> list[str]:
    """All prompts of a class for the zero-shot head: every template with every name, no style."""
    return [fill(template, name) for template in TEMPLATES for name in NAMES[label]]


def caption(label: int, style: str, rng: np.random.Generator) -> str:
    """Draw one pre-training caption for an image of class ``label`` shown in ``style``."""
    generic, group = next(entry for entry in GROUPS if label in entry[1])
    named = SWAPS[label] if label in SWAPS and rng.random() < SWAP_SHARE else label
    if rng.random() < WRONG_SHARE:
        named = int(rng.choice(group))
    name = generic if rng.random() < GENERIC_SHARE else str(rng.choice(NAMES[named]))
    word = str(rng.choice(STYLES[style])) if rng.random() < STYLE_WORD_SHARE else ""
    return fill(str(rng.choice(TEMPLATES)), name, word)
