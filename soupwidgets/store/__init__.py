"""The store: measurements remembered by content."""

from soupwidgets.store.claims import Claim, Claims
from soupwidgets.store.errors import StoreError, StoreWarning
from soupwidgets.store.key import measurement_key
from soupwidgets.store.rows import Measurement
from soupwidgets.store.store import Store

__all__ = ["Claim", "Claims", "Measurement", "Store", "StoreError", "StoreWarning", "measurement_key"]
