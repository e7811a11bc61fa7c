"""Run a command as `python -m crafter_dataset VERB`; with options alone, `build-dataset`."""

from __future__ import annotations

import importlib
import sys

from crafter_dataset.commands.saying import open_streams, say

VERBS = ("build", "validate", "inspect", "convert", "merge", "split", "view", "plot")

_USAGE = f"""\
Usage: python -m crafter_dataset [{"|".join(VERBS)}] ...

Runs VERB-dataset, which --help after the verb explains; without a verb, build-dataset."""


def main() -> None:
    """Run the command that the first argument names."""
    open_streams()
    first = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if first in ("-h", "--help"):
        say(_USAGE)
        return
    if first in VERBS:
        del sys.argv[1]
    elif not first.startswith("-"):
        say(f"crafter_dataset: error: expected one of {', '.join(VERBS)}, found {first}", err=True)
        sys.exit(2)
    verb = first if first in VERBS else "build"
    importlib.import_module(f"crafter_dataset.commands.{verb}").main()


if __name__ == "__main__":
    main()
