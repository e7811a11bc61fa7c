"""Why a dataset cannot be exported, as exceptions whose message is one clear line."""

from __future__ import annotations


class ExportError(Exception):
    """What the format cannot hold; its text names it, what was expected and what was found."""


class MissingPackageError(ExportError):
    """A format needs a package that is not installed.

    Parameters
    ----------
    package : str
        Name that people know it by.
    extra : str
        The extra of `crafter-dataset` that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package}: expected it to be installed, found it missing; "
            f"pip install 'crafter-dataset[{extra}]'"
        )
