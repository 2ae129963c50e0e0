"""``soupwidgets store``: what the store of measurements holds, whether it is intact, and what can be removed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soupwidgets.commands.options import JsonOption, StoreOption, show, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soupwidgets.store import Finding

app = typer.Typer(no_args_is_help=True, help="The store, which keeps every measurement ever made.")
_SHOWN = 20


@app.command("info")
def info(store: StoreOption = None, json_file: JsonOption = None) -> None:
    """Show where the store is, how much it holds, and when the measurements were made."""
    from soupwidgets.store import existing_store
    from soupwidgets.store import info as store_info

    found = store_info(existing_store(store))
    write_json(json_file, asdict(found))
    if json_file == "-":
        return
    show(found.place)
    show(f"{found.measurements:,} measurements ({found.with_logits:,} with logits) of {found.recipes:,} recipes")
    show(f"{_megabytes(found.bytes)} on disk")
    if found.oldest is not None and found.newest is not None:
        show(f"made between {found.oldest} and {found.newest}")


@app.command("check")
def check(store: StoreOption = None, json_file: JsonOption = None) -> None:
    """Compare every measurement with its array of logits, reading each once. The exit code is 1 if any is damaged."""
    from soupwidgets.store import check as store_check
    from soupwidgets.store import existing_store

    findings = store_check(existing_store(store))
    write_json(json_file, {"findings": [asdict(finding) for finding in findings]})
    if json_file != "-":
        _report(findings)
        show("`soupwidgets store prune` removes them" if findings else "every measurement is intact")
    if findings:
        raise typer.Exit(1)


@app.command("prune")
def prune(
    store: StoreOption = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Also remove measurements older than this many days.")
    ] = None,
    larger_than: Annotated[
        float | None,
        typer.Option(min=0, help="Also remove measurements whose logits take more than this many megabytes."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Really remove; otherwise only show what would be removed.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Remove what is damaged or orphaned, and on request what is too old or too large."""
    from soupwidgets.store import beyond, existing_store, remove
    from soupwidgets.store import check as store_check

    opened = existing_store(store)
    findings = store_check(opened)
    known = {finding.key for finding in findings if finding.key}
    findings += [
        finding for finding in beyond(opened, days=older_than, megabytes=larger_than) if finding.key not in known
    ]
    freed = remove(opened, findings) if yes else 0
    content: dict[str, Any] = {"done": yes, "bytes_freed": freed, "findings": [asdict(f) for f in findings]}
    write_json(json_file, content)
    if json_file == "-":
        return
    _report(findings)
    if not findings:
        show("nothing to remove")
    elif yes:
        show(f"removed; {_megabytes(freed)} freed")
    else:
        show(f"nothing was removed yet: add --yes to do it (frees up to {_megabytes(sum(f.bytes for f in findings))})")


def _report(findings: Sequence[Finding]) -> None:
    for finding in findings[:_SHOWN]:
        show(f"{finding.what}: {finding.path or finding.key} ({_megabytes(finding.bytes)})")
    if len(findings) > _SHOWN:
        show(f"... and {len(findings) - _SHOWN} more")
    for what, count in Counter(finding.what for finding in findings).items():
        show(f"{count:,} x {what}")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
