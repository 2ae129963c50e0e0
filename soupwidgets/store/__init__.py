"""The store: measurements remembered by content."""

from soupwidgets.store.store import Measurement, Store, StoreError, measurement_key

__all__ = ["Measurement", "Store", "StoreError", "measurement_key"]
