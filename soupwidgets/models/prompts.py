"""Prompts: templates filled in with a class's name."""

from __future__ import annotations

_VOWELS = "aeiou"


def fill(template: str, name: str) -> str:
    """Put a class's name into a template.

    Parameters
    ----------
    template
        ``{}`` stands for the name, ``{an}`` for the name with its article.
    name
        For example ``"airport"``.

    Raises
    ------
    ValueError
        When the template has no placeholder for a name.

    Examples
    --------
    >>> fill("aerial photo of {an}.", "airport")
    'aerial photo of an airport.'
    """
    if "{}" not in template and "{an}" not in template:
        raise ValueError(f"the template {template!r} has no {{}} where the class's name goes")
    article = "an" if name[:1].lower() in _VOWELS else "a"
    # Replaced, not formatted: a template may come from an untrusted file.
    return template.replace("{an}", f"{article} {name}").replace("{}", name)
