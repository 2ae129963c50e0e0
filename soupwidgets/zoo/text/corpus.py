"""The texts of pre-training: what is said about every package that is not held out, in three styles."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soupwidgets.zoo.text.packages import Package
from soupwidgets.zoo.text.sentences import mistype, sentences
from soupwidgets.zoo.text.splits import TYPING_ERRORS, Example, family, plain_words
from soupwidgets.zoo.text.tokens import encode

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Boilerplate: "This package contains the header files" says nothing about a package.
_MOST_FAMILIES = 3
_SHORTEST = 10
_SEED = 0


@dataclass(frozen=True)
class Family:
    """What is said about the packages of one family: phrases, and sentences of the long descriptions."""

    short: tuple[str, ...]
    long: tuple[str, ...]


def corpus(release: Iterable[Package], splits: Mapping[str, Sequence[Example]]) -> list[Family]:
    """All families that are in neither validation nor test, those in no class as well.

    Parameters
    ----------
    release
        All packages of the release.
    splits
        The result of `soupwidgets.zoo.text.splits.divide`.

    Returns
    -------
    list[Family]
        By name. A text that is held out, or that more than three families have, is left out.
    """
    held_out = [one for name in ("val", "test") for one in splits[name]]
    known = {family(one.package.source) for one in held_out}
    seen = {plain_words(one.text) for one in held_out}
    short: dict[str, set[str]] = defaultdict(set)
    long: dict[str, set[str]] = defaultdict(set)
    for package in release:
        name = family(package.source)
        if name not in known:
            short[name].add(package.short)
            long[name].update(sentences(package.long))
    count = Counter(text for name in short for text in short[name] | long[name])

    def kept(texts: set[str]) -> tuple[str, ...]:
        useful = (text for text in texts if len(text) >= _SHORTEST and count[text] <= _MOST_FAMILIES)
        return tuple(sorted(text for text in useful if plain_words(text) not in seen))

    families = (Family(kept(short[name]), kept(long[name])) for name in sorted(short))
    return [one for one in families if one.short and one.long]


@dataclass(frozen=True)
class Corpus:
    """The encoded texts of pre-training.

    Parameters
    ----------
    ids
        Token ids ``[styles, n, length]`` (uint16): as written, with typing errors, in capitals.
    bounds
        For each family the first phrase, the first sentence, and the end: rows of ``ids``, ``[families, 3]``.
    """

    ids: NDArray[np.uint16]
    bounds: NDArray[np.int64]


def encode_corpus(tokenizer: Tokenizer, families: Sequence[Family]) -> Corpus:
    """Encode all texts in the three styles."""
    texts = [text for one in families for text in (*one.short, *one.long)]
    rng = np.random.default_rng(_SEED)
    styles = [texts, [mistype(text, rng, TYPING_ERRORS) for text in texts], [text.upper() for text in texts]]
    lengths = np.array([[len(one.short), len(one.long)] for one in families])
    ends = lengths.sum(1).cumsum()
    starts = ends - lengths.sum(1)
    bounds = np.stack([starts, starts + lengths[:, 0], ends], axis=1)
    return Corpus(np.stack([encode(tokenizer, style) for style in styles]), bounds)
