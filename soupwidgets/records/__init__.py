"""What experiment trackers wrote down about training runs, read without the trackers."""

from soupwidgets.records.opening import read_records
from soupwidgets.records.record import Record, Value

__all__ = ["Record", "Value", "read_records"]
