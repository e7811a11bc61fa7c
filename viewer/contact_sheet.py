"""One picture of an episode: frames spread over it, in a grid.

`python -m viewer.contact_sheet data.zarr --episode 12 --out sheet.png`
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click
import numpy as np
from numpy.typing import NDArray

from loader.dataset import open_dataset
from loader.episode import Episode
from schemas.commandline import run


def contact_sheet(
    episode: Episode, columns: int = 6, rows: int = 2, scale: int = 2, gap: int = 4
) -> NDArray[np.uint8]:
    """Draw frames of an episode, from the first to the last, row by row.

    Parameters
    ----------
    episode : Episode
        The episode; only the frames shown are read.
    columns, rows : int
        Size of the grid. Cells stay white if the episode is shorter.
    scale : int
        Pixels of the picture for one of a frame, nearest neighbour.
    gap : int
        White pixels between frames.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8
    """
    field = episode["frames"]
    count = min(columns * rows, len(field))
    height, width = field.shape[1] * scale, field.shape[2] * scale
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for cell, step in enumerate(np.linspace(0, len(field) - 1, count).astype(int)):
        top = cell // columns * (height + gap)
        left = cell % columns * (width + gap)
        frame = field[step].repeat(scale, 0).repeat(scale, 1)
        sheet[top : top + height, left : left + width] = frame
    return sheet


@click.command("contact-sheet", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--episode", type=click.IntRange(0), default=0, show_default=True)
@click.option("--columns", type=click.IntRange(1), default=6, show_default=True)
@click.option("--rows", type=click.IntRange(1), default=2, show_default=True)
@click.option("--scale", type=click.IntRange(1), default=2, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Picture to write.")
def command(path: Path, episode: int, columns: int, rows: int, scale: int, out: Path) -> None:
    """Write a picture of one episode of the dataset at PATH."""
    from PIL import Image

    dataset = open_dataset(path)
    if episode >= len(dataset):
        raise click.UsageError(
            f"--episode: expected 0 to {len(dataset) - 1} in {path}, found {episode}"
        )
    Image.fromarray(contact_sheet(dataset[episode], columns, rows, scale)).save(out)


def main() -> NoReturn:
    """Run the command."""
    run(command)


if __name__ == "__main__":
    main()
