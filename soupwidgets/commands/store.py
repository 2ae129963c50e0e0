"""``soupwidgets store``: what the store of measurements holds, whether it is intact, and what can be removed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from soupwidgets.commands.options import StoreOption
from soupwidgets.commands.reports import Report, reporting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soupwidgets.store import Finding

app = typer.Typer(no_args_is_help=True, help="The store, which keeps every measurement ever made.")
_SHOWN = 20


@app.command("info")
@reporting
def info(store: StoreOption = None) -> Report:
    """Show where the store is, how much it holds, and when the measurements were made."""
    from soupwidgets.store import existing_store
    from soupwidgets.store import info as store_info

    found = store_info(existing_store(store))
    lines = [
        found.place,
        f"{found.measurements:,} measurements ({found.with_logits:,} with logits) of {found.recipes:,} recipes",
        f"{_megabytes(found.bytes)} on disk",
    ]
    if found.oldest is not None and found.newest is not None:
        lines.append(f"made between {found.oldest} and {found.newest}")
    return Report(found, "\n".join(lines))


@app.command("check")
@reporting
def check(store: StoreOption = None) -> Report:
    """Compare every measurement with its array of logits, reading each once. The exit code is 1 if any is damaged."""
    from soupwidgets.store import check as store_check
    from soupwidgets.store import existing_store

    findings = store_check(existing_store(store))
    told = "`soupwidgets store prune` removes them" if findings else "every measurement is intact"
    return Report({"findings": findings}, "\n".join([*_lines(findings), told]), 1 if findings else 0)


@app.command("prune")
@reporting
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
) -> Report:
    """Remove what is damaged or orphaned, and on request what is too old or too large."""
    from soupwidgets.store import beyond, existing_store, remove
    from soupwidgets.store import check as store_check

    opened = existing_store(store)
    findings = store_check(opened)
    known = {finding.key for finding in findings if finding.key}
    findings += [one for one in beyond(opened, days=older_than, megabytes=larger_than) if one.key not in known]
    freed = remove(opened, findings) if yes else 0
    if not findings:
        told = "nothing to remove"
    elif yes:
        told = f"removed; {_megabytes(freed)} freed"
    else:
        most = _megabytes(sum(f.bytes for f in findings))
        told = f"nothing was removed yet: add --yes to do it (frees up to {most})"
    content = {"done": yes, "bytes_freed": freed, "findings": findings}
    return Report(content, "\n".join([*_lines(findings), told]))


def _lines(findings: Sequence[Finding]) -> list[str]:
    lines = [f"{one.what}: {one.path or one.key} ({_megabytes(one.bytes)})" for one in findings[:_SHOWN]]
    lines += [f"... and {len(findings) - _SHOWN} more"] if len(findings) > _SHOWN else []
    return lines + [f"{count:,} x {what}" for what, count in Counter(one.what for one in findings).items()]


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
