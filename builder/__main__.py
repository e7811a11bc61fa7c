"""Run `build-dataset` as `python -m builder`."""

from builder.commands.build import main

if __name__ == "__main__":
    main()
