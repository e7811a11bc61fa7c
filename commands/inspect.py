"""The command `inspect-dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from crafter_dataset.commands.ending import dataset_command, echo_json, run
from crafter_dataset.commands.options import Place
from crafter_dataset.commands.saying import say
from crafter_dataset.schemas.wording import format_bytes

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset


@dataset_command("inspect-dataset")
@click.argument("path", metavar="PATH", type=Place())
@click.option(
    "--arrays", "with_arrays", is_flag=True, help="Show the arrays and their sizes as well."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(path: Path, with_arrays: bool, as_json: bool) -> int:
    """Show what is in the dataset at PATH: statistics, settings, achievements, arrays."""
    from crafter_dataset.commands.printing import print_summary
    from crafter_dataset.loader.dataset import open_dataset
    from crafter_dataset.loader.report import summary_json

    dataset = open_dataset(path)
    arrays = _arrays(dataset)
    if as_json:
        echo_json(summary_json(dataset) | {"arrays": arrays})
        return 0
    print_summary(dataset, settings=True)
    if not with_arrays:
        return 0
    say("arrays")
    for name, about in arrays.items():
        shape = "x".join(map(str, about["shape"]))
        say(
            f"  {name:<22} {about['dtype']:<8} {shape:<20} "
            f"{about['chunk_rows']:>6} rows a chunk  {format_bytes(about['stored_bytes']):>9}"
        )
    return 0


def _arrays(dataset: Dataset) -> dict[str, dict[str, Any]]:
    arrays = {}
    for field in dataset.metadata.present_fields():
        about = dataset.container.describe(field.path)
        if about is not None:
            arrays[field.path] = {
                "dtype": str(about.dtype),
                "shape": list(about.shape),
                "chunk_rows": about.chunk_rows,
                "file_rows": about.file_rows,
                "stored_bytes": dataset.container.stored_bytes(field.path),
            }
    return arrays


def main() -> NoReturn:
    """Run `inspect-dataset`."""
    run(command)
