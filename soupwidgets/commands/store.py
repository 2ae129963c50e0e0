"""``soupwidgets store``: what is in the store of measurements, is it whole, and what can go."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soupwidgets.commands.options import JsonOption, StoreOption, show, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soupwidgets.store import Finding

app = typer.Typer(no_args_is_help=True, help="The store: every measurement that was ever made.")
_SHOWN = 20


@app.command("info")
def info(store: StoreOption = None, json_file: JsonOption = None) -> None:
    """Where the store is, how much is in it, and from when to when it was filled."""
    from soupwidgets.store import existing_store
    from soupwidgets.store import info as store_info

    found = store_info(existing_store(store))
    write_json(json_file, asdict(found))
    if json_file == "-":
        return
    show(found.place)
    show(f"{found.measurements:,} measurements ({found.with_logits:,} with logits) of {found.recipes:,} recipes")
    show(f"{_megabytes(found.bytes)} on the disk")
    if found.oldest is not None and found.newest is not None:
        show(f"made from {found.oldest} to {found.newest}")


@app.command("check")
def check(store: StoreOption = None, json_file: JsonOption = None) -> None:
    """Compare every measurement with its array of logits; reads all of them once. Ends with 1 where any is damaged."""
    from soupwidgets.store import check as store_check
    from soupwidgets.store import existing_store

    findings = store_check(existing_store(store))
    write_json(json_file, {"findings": [asdict(finding) for finding in findings]})
    if json_file != "-":
        _report(findings)
        show("`soupwidgets store prune` removes them" if findings else "every measurement is whole")
    if findings:
        raise typer.Exit(1)


@app.command("prune")
def prune(
    store: StoreOption = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Also measurements that were made more than so many days ago.")
    ] = None,
    larger_than: Annotated[
        float | None, typer.Option(min=0, help="Also measurements whose logits take more than so many megabytes.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; otherwise only say what would be done.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Remove what is damaged or belongs to nothing, and what is older or larger than you say."""
    from soupwidgets.store import beyond, existing_store, remove
    from soupwidgets.store import check as store_check

    opened = existing_store(store)
    findings = store_check(opened)
    known = {finding.key for finding in findings if finding.key}
    findings += [finding for finding in beyond(opened, older_than, larger_than) if finding.key not in known]
    freed = remove(opened, findings) if yes else 0
    content: dict[str, Any] = {"done": yes, "bytes_freed": freed, "findings": [asdict(f) for f in findings]}
    write_json(json_file, content)
    if json_file == "-":
        return
    _report(findings)
    if not findings:
        show("nothing to remove")
    elif yes:
        show(f"removed; {_megabytes(freed)} are free again")
    else:
        show(f"nothing was removed yet: say --yes to do it (up to {_megabytes(sum(f.bytes for f in findings))})")


def _report(findings: Sequence[Finding]) -> None:
    for finding in findings[:_SHOWN]:
        show(f"{finding.what}: {finding.path or finding.key} ({_megabytes(finding.bytes)})")
    if len(findings) > _SHOWN:
        show(f"... and {len(findings) - _SHOWN} more")
    for what, count in Counter(finding.what for finding in findings).items():
        show(f"{count:,} x {what}")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
