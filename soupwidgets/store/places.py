"""Where a store is: in a folder, or on a server."""

from __future__ import annotations

import re

SERVER = re.compile(r"^postgres(ql)?(\+psycopg)?:/+")


def is_server(where: object) -> bool:
    """Whether this is the URL of a PostgreSQL database.

    Examples
    --------
    >>> is_server("postgresql://somebody@host/soups"), is_server("postgresql"), is_server("store")
    (True, False, False)
    """
    return SERVER.match(str(where)) is not None
