"""The page of a visitor, as a marimo app: every explorer is a tab."""

import marimo

app = marimo.App(width="full", app_title="soupwidgets")


@app.cell
def _() -> tuple[object, object]:
    import marimo as mo

    from soupwidgets.serving.page import Door
    from soupwidgets.serving.server import room

    door = Door(room())
    # Runs the next cell again and again, but only while it is on the page: while the room is full.
    again = mo.ui.refresh(default_interval="5s")
    return again, door


@app.cell
def _(again: object, door: object) -> None:
    door.shown(again)  # type: ignore[attr-defined]
    return


if __name__ == "__main__":
    app.run()
