"""Run `build-dataset` as `python -m crafter_dataset`."""

from crafter_dataset.commands.build import main

if __name__ == "__main__":
    main()
