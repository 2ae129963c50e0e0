"""What installed packages add to the command line: methods, transforms and readers of their own."""

from __future__ import annotations

from importlib.metadata import entry_points

from soupwidgets.commands.boundary import say


def import_extensions() -> None:
    """Import the modules that installed packages name as entry points ``soupwidgets``; their decorators do the rest.

    What was installed is trusted; nothing that is read (a checkpoint, a suite, a store) can name a module here. A
    module that fails is named on standard error, and the command goes on without it.
    """
    for point in entry_points(group="soupwidgets"):
        try:
            point.load()
        except Exception as error:
            whose = point.dist.name if point.dist else "an installed package"
            say(f"{point.value} of {whose} cannot be imported, and is left out ({type(error).__name__}: {error})")
