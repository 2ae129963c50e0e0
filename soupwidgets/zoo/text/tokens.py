"""The tokenizer of the text zoo: byte-pair encoding of its own, with 2,000 pieces, which tells letter case apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VOCABULARY = 2000
LENGTH = 32
# Padding must be 0: it tells where the attention mask ends.
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_TEXTS = 5000
PADDING, MASK = SPECIAL.index("[PAD]"), SPECIAL.index("[MASK]")


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Learn `VOCABULARY` pieces from texts.

    Returns
    -------
    tokenizers.Tokenizer
        Splits at spaces and punctuation, adds ``[CLS]`` and ``[SEP]``, and cuts at `LENGTH` tokens. Characters that
        the texts hold fewer than some twenty times are ``[UNK]``.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=64))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL), limit_alphabet=110, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(name, SPECIAL.index(name)) for name in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    tokenizer.enable_truncation(LENGTH)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.uint16]:
    """Token ids ``[n, LENGTH]``, padded with 0 at the end."""
    ids = np.zeros((len(texts), LENGTH), dtype=np.uint16)
    # The library keeps much more of each text than its ids.
    for start in range(0, len(texts), _TEXTS):
        for row, encoding in enumerate(tokenizer.encode_batch(list(texts[start : start + _TEXTS])), start):
            ids[row, : len(encoding.ids)] = encoding.ids
    return ids


def cut(tokenizer: Tokenizer, texts: Sequence[str]) -> list[str]:
    """The part of each text that its first `LENGTH` tokens cover: what the model sees of it."""
    return [
        text[: max((end for _, end in encoding.offsets), default=0)]
        for text, encoding in zip(texts, tokenizer.encode_batch(list(texts)), strict=True)
    ]
