"""What this machine has for soupwidgets, and how to mend what it lacks."""

from soupwidgets.doctor.checks import Finding, examine

__all__ = ["Finding", "examine"]
