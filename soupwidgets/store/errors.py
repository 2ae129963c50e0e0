"""What can go wrong with a store."""

from __future__ import annotations


class StoreError(RuntimeError):
    """The store cannot be opened, read or written; the message says where it is and what to do."""


class StoreWarning(UserWarning):
    """Something in the store was lost, is damaged or could not be saved; numbers on screen are still correct."""
