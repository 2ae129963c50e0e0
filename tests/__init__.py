"""Importing the package first settles how threads wait, before a plugin or a test loads torch."""

import soupwidgets  # noqa: F401
