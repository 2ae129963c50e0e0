"""What a description is made of, and two ways to spoil a text."""

from __future__ import annotations

import re

import numpy as np

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def sentences(long: str) -> list[str]:
    r"""The sentences of a long description; a list item or a paragraph without a full stop is one as well.

    Examples
    --------
    >>> sentences("It plays Ogg\nfiles. MP3 too.\n.\nFeatures:\n* fast\n* small")
    ['It plays Ogg files.', 'MP3 too.', 'Features:', 'fast', 'small']
    """
    blocks = re.split(r"\n\.(?:\n|$)|\n(?=[*+-] )", "\n" + long)
    plain = (" ".join(re.sub(r"^[*+-] ", "", block.strip()).split()) for block in blocks)
    return [one for block in plain if block for one in re.split(r"(?<=[.!?]) (?=[A-Z])", block) if one]


def _neighbours() -> dict[str, str]:
    """The keys beside each letter on a QWERTY keyboard: in its row, and those it touches in the rows next to it."""
    beside: dict[str, str] = {}
    for r, row in enumerate(_ROWS):
        for c, letter in enumerate(row):
            # Each row is shifted to the right by about half a key.
            places = [(r, c - 1), (r, c + 1), (r - 1, c), (r - 1, c + 1), (r + 1, c - 1), (r + 1, c)]
            beside[letter] = "".join(_ROWS[i][j] for i, j in places if 0 <= i < 3 and 0 <= j < len(_ROWS[i]))
    return beside


NEIGHBOURS = _neighbours()


def mistype(text: str, rng: np.random.Generator, share: float) -> str:
    """Spoil some letters of a text, as hasty typing on a QWERTY keyboard does.

    Parameters
    ----------
    text
        The text; only its letters a to z are touched.
    rng
        Source of all randomness.
    share
        Probability (0..1) that a letter is spoiled: equally often replaced by a neighbour on the keyboard, left out,
        doubled, or swapped with the letter after it.

    Examples
    --------
    >>> mistype("window manager", np.random.default_rng(2), 0.15)
    'winow mmanager'
    """
    letters = list(text)
    result: list[str] = []
    place = 0
    while place < len(letters):
        letter = letters[place]
        place += 1
        if letter.lower() not in NEIGHBOURS or rng.random() >= share:
            result.append(letter)
            continue
        kind = rng.integers(4)
        if kind == 0:
            key = str(rng.choice(list(NEIGHBOURS[letter.lower()])))
            result.append(key.upper() if letter.isupper() else key)
        elif kind == 2:
            result += [letter, letter]
        elif kind == 3 and place < len(letters) and letters[place].isalpha():
            result += [letters[place], letter]
            place += 1
        elif kind == 3:
            result.append(letter)
    return "".join(result)
