"""``python -m soupwidgets``: the command line."""

from soupwidgets.cli import main

if __name__ == "__main__":
    main()
