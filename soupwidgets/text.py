"""Making untrusted text safe for terminals and spreadsheets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


# Characters that start a formula in spreadsheets, including the full-width forms that some of them accept.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_HIDING = ("\t", "\n")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def printable(text: str) -> str:
    r"""Escape the control characters of a text, so that nothing from a file controls the terminal.

    Parameters
    ----------
    text
        One line or several; the line breaks ``\n`` are kept.

    Examples
    --------
    >>> print(printable("red \x1b[31m\nbell \x07"))
    red \x1b[31m
    bell \x07
    """
    return "\n".join(map(one_line, text.split("\n")))


def one_line(text: str) -> str:
    r"""Escape an untrusted name to a single line: it cannot control the terminal or fake a line of output.

    Parameters
    ----------
    text
        The name; line breaks and marks that change the writing direction are escaped too.

    Examples
    --------
    >>> print(one_line("ft-03\nall is well\u202e"))
    ft-03\nall is well\u202e
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def plain_cell(value: str) -> str:
    r"""Escape a text for spreadsheets: an apostrophe is put before anything that could be a formula.

    Parameters
    ----------
    value
        The text of one cell.

    Returns
    -------
    str
        The text itself, or with an apostrophe before it, which marks a cell as text. Every line break
        becomes ``\n``, which CSV quotes, and NUL characters are removed.

    Notes
    -----
    OWASP, 'CSV Injection': cells that begin with ``= + - @``, a tab or a line break, also after leading spaces.

    Examples
    --------
    >>> plain_cell("=1+1"), plain_cell("a = b")
    ("'=1+1", 'a = b')
    """
    # Python's writer does not quote a bare carriage return, which would start a new row.
    value = value.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return f"'{value}" if value.startswith(_HIDING) or value.lstrip().startswith(_FORMULA) else value


def safe_csv(frame: pd.DataFrame) -> str:
    """A table as CSV without its index; texts and headings are escaped by `plain_cell`, numbers are unchanged.

    Parameters
    ----------
    frame
        The table.

    Examples
    --------
    >>> import pandas as pd
    >>> print(safe_csv(pd.DataFrame({"model": ["@a", "b"], "change": [-0.5, 1.0]})))
    model,change
    '@a,-0.5
    b,1.0
    """
    import pandas as pd

    plain = frame.copy()
    for place in range(plain.shape[1]):
        if not pd.api.types.is_numeric_dtype(plain.dtypes.iloc[place]):
            cells = [plain_cell(cell) if isinstance(cell, str) else cell for cell in plain.iloc[:, place]]
            plain.isetitem(place, pd.array(cells, dtype=object))
    plain.columns = pd.Index([plain_cell(name) if isinstance(name, str) else name for name in plain.columns])
    text: str = plain.to_csv(index=False)
    return text


def require_characters(text: str, content: Any) -> None:
    r"""Raise `ValueError` when JSON holds half a character: ``"\ud800"``, which no table and no file can hold.

    Parameters
    ----------
    text
        The JSON.
    content
        What it says.

    Examples
    --------
    >>> require_characters('"\\ud83d\\ude00"', "\U0001f600")
    """
    # Only an escape can make one, and few files have any.
    if _SURROGATE.search(text):
        try:
            json.dumps(content, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"it holds half a character ({error.reason})") from error
