"""``soupwidgets suite``: build a suite of data sets on disk, and check one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from soupwidgets.commands.inputs import known_suite
from soupwidgets.commands.places import output_folder
from soupwidgets.commands.reports import Report, reporting

if TYPE_CHECKING:
    from soupwidgets.suites import SplitSource, Suite
    from soupwidgets.suites.split import Role

app = typer.Typer(no_args_is_help=True, help="Suites: a task's validation split, test and distribution shifts.")


class _Build(TyperCommand):
    """Its help names the kinds that there are when it is asked for."""

    # The class of the context is click's own in one version of typer, and a copy of it in another.
    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        from soupwidgets.suites import READERS

        self.epilog = f"KIND is one of {', '.join(sorted(READERS))}."
        super().format_help(ctx, formatter)


@app.command("build", cls=_Build)
@reporting
def build(
    out: Annotated[Path, typer.Option(help="Folder for the suite.", callback=output_folder)],
    id_test: Annotated[str, typer.Option("--id", help="KIND=PATH of the in-distribution test.")],
    val: Annotated[
        str | None,
        typer.Option(help="KIND=PATH of the held-out images used for all selection. Without them only mistakes work."),
    ] = None,
    shift: Annotated[
        list[str] | None, typer.Option(help="KIND=PATH or NAME:KIND=PATH of a distribution shift; repeatable.")
    ] = None,
    train: Annotated[str | None, typer.Option(help="KIND=PATH of training images, for fine-tuning.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the suite; the kind of the in-distribution test if not given.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Resize and crop images as this open_clip model expects.")] = None,
    size: Annotated[
        int | None, typer.Option(help="Side of the images in pixels; that of --model, or 224, if not given.")
    ] = None,
    only_present: Annotated[bool, typer.Option(help="Leave out classes that have no image in the test.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of decoding processes; one per processor if not given.")
    ] = None,
) -> Report:
    """Decode data sets once, check them, and store the images that models are shown. Interrupted builds resume."""
    from dataclasses import replace

    from soupwidgets.suites import Preprocess, build_suite

    sources = [_source("id_test", id_test), *([_source("validation", val)] if val else [])]
    sources += [_source("shift", text) for text in shift or []]
    sources += [_source("train", train)] if train else []
    preprocess = Preprocess.for_model(model) if model else Preprocess()
    if size is not None:
        preprocess = replace(preprocess, size=size)
    built = build_suite(
        out,
        sources,
        name=name,
        preprocess=preprocess,
        only_present=only_present,
        workers=workers,
        progress=sys.stderr.isatty(),
    )
    return _report(built.suite, built.problems)


@app.command("check")
@reporting
def check(folder: Annotated[Path, typer.Argument(help="Folder of a suite.", callback=known_suite)]) -> Report:
    """Show what is in a suite, and check that it is unchanged since it was built. Reads every pixel once."""
    import json

    from soupwidgets.suites import Suite
    from soupwidgets.suites.opening import MANIFEST

    suite = Suite.open(folder, choosing=False)
    for split in [*suite.splits.values(), *([suite.training] if suite.training else [])]:
        # Raises if the files are not those of the manifest.
        _ = split.content_hash
    stated = {str(e["name"]): e.get("problems", []) for e in json.loads((folder / MANIFEST).read_text())["splits"]}
    return _report(suite, stated)


def _source(role: Role, text: str) -> SplitSource:
    from soupwidgets.suites import SplitSource, SuiteError

    what, equals, path = text.partition("=")
    if not equals or not path:
        raise SuiteError(f"{text!r}: KIND=PATH is expected, for example imagenet-v2=data/imagenetv2")
    name, colon, kind = what.rpartition(":")
    return SplitSource(role, kind, Path(path).expanduser(), name if colon else None)


def _report(suite: Suite, problems: Any) -> Report:
    from soupwidgets.suites.split import form_words
    from soupwidgets.suites.task import classes_that_occur
    from soupwidgets.text import one_line

    splits = [*suite.splits.values(), *([suite.training] if suite.training else [])]
    rows: list[dict[str, Any]] = [
        {
            "split": split.name,
            "role": split.role,
            "task": split.scoring.task,
            "images": len(split),
            "size": list(split.image_size) if "images" in split.form else None,
            "examples": form_words(split.form),
            "classes": len(split.scoring.classes) or len(suite.classes),
            "classes_with_images": classes_that_occur(split.labels, split.scoring.task),
            "metric": split.scoring.metric,
            "problems": list(problems.get(split.name, [])),
        }
        for split in splits
    ]
    lines = []
    for row in rows:
        pixels = row["size"] is not None
        what = f"images of {row['size'][0]} x {row['size'][1]} pixels" if pixels else f"examples ({row['examples']})"
        classes = f"{row['classes_with_images']} of {row['classes']} classes"
        labels = "numbers to predict" if row["task"] == "regression" else classes
        lines.append(f"{row['split']}: {row['role']}, {row['images']:,} {what}, {labels}, scored by {row['metric']}")
        lines += [f"  note: {one_line(problem)}" for problem in row["problems"]]
    return Report({"suite": suite.name, "classes": len(suite.classes), "splits": rows}, "\n".join(lines))
