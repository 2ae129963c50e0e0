"""The store: measurements, filed by content."""

from soupwidgets.store.claims import Claim, Claims
from soupwidgets.store.errors import StoreError, StoreWarning
from soupwidgets.store.key import measurement_key
from soupwidgets.store.rows import Measurement
from soupwidgets.store.store import Store
from soupwidgets.store.upkeep import Finding, StoreInfo, beyond, check, existing_store, info, remove

__all__ = [
    "Claim",
    "Claims",
    "Finding",
    "Measurement",
    "Store",
    "StoreError",
    "StoreInfo",
    "StoreWarning",
    "beyond",
    "check",
    "existing_store",
    "info",
    "measurement_key",
    "remove",
]
