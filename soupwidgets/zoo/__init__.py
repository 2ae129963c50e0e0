"""The miniature zoo: how the bundled suite and pools are built, and what they show."""
