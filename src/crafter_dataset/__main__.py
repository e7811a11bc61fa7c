"""Run a command as `python -m crafter_dataset VERB`; without a verb, `build-dataset`."""

from __future__ import annotations

import importlib
import sys

VERBS = ("build", "validate", "inspect", "convert", "merge", "split", "view", "plot")


def main() -> None:
    """Run the command that the first argument names."""
    verb = sys.argv.pop(1) if sys.argv[1:2] and sys.argv[1] in VERBS else "build"
    importlib.import_module(f"crafter_dataset.commands.{verb}").main()


if __name__ == "__main__":
    main()
