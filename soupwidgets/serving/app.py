"""The page of a visitor, as a marimo app: every explorer is a tab."""

import marimo

app = marimo.App(width="full", app_title="soupwidgets")


@app.cell
def _() -> None:
    from soupwidgets.serving.page import tabs
    from soupwidgets.serving.server import room

    # Dropped with this page's names when its session ends: then the explorers are closed.
    visit = room().enter()
    tabs(visit, room().most)
    return


if __name__ == "__main__":
    app.run()
