"""One process that shows all explorers to a room of people (``soupwidgets serve``)."""
