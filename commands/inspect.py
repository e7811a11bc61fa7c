"""The command `inspect-dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click

from crafter_dataset.commands.ending import echo_json, format_bytes, run


@click.command("inspect-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(path: Path, as_json: bool) -> int:
    """Show what is in the dataset at PATH: settings, arrays, statistics."""
    from crafter_dataset.commands.report import print_summary, settings_lines, summary_json
    from crafter_dataset.loader.dataset import open_dataset

    dataset = open_dataset(path)
    arrays = _arrays(dataset)
    if as_json:
        echo_json(summary_json(dataset) | {"arrays": arrays})
        return 0
    print_summary(dataset)
    click.echo("settings")
    for name, text in settings_lines(dataset):
        click.echo(f"  {name:<22} {text}")
    click.echo("arrays")
    for path_, info in arrays.items():
        shape = "x".join(map(str, info["shape"]))
        click.echo(
            f"  {path_:<22} {info['dtype']:<8} {shape:<20} "
            f"{info['chunk_rows']:>6} rows a chunk  {format_bytes(info['stored_bytes']):>9}"
        )
    return 0


def _arrays(dataset: Any) -> dict[str, dict[str, Any]]:

    arrays = {}
    for field in dataset.metadata.present_fields():
        info = dataset.container.describe(field.path)
        if info is not None:
            arrays[field.path] = {
                "dtype": str(info.dtype),
                "shape": list(info.shape),
                "chunk_rows": info.chunk_rows,
                "file_rows": info.file_rows,
                "stored_bytes": dataset.container.stored_bytes(field.path),
            }
    return arrays


def main() -> NoReturn:
    """Run `inspect-dataset`."""
    run(command)
