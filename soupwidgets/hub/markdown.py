"""Names from files in Markdown, where they are words and nothing else."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from soupwidgets.text import one_line

# What is markup within a line, ends a cell of a table, or makes a link or a mention of a word.
_MARKUP = re.compile(r"[\\`*_\[\]|~#:$@!]|(?<=www)\.", re.I)


def words(text: str) -> str:
    r"""A text of somebody else's within a line or a cell.

    Examples
    --------
    >>> print(words("a_b|<b>[x](http://y)\n"))
    a\_b\|&lt;b&gt;\[x\](http\://y)\\n
    """
    return _MARKUP.sub(lambda found: f"\\{found[0]}", html.escape(one_line(text), quote=False))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def python(*lines: str) -> str:
    """A block of Python."""
    return "\n".join(["```python", *lines, "```"])
