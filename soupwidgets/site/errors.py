"""The error raised for what cannot become a page that measures."""


class SiteError(ValueError):
    """A model, a split or a way of measuring cannot be had in a page; the message says what to do instead."""
