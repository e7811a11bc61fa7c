"""Why a dataset cannot be written."""

from __future__ import annotations


class BuildError(Exception):
    """A build cannot start or go on; what is committed stays readable.

    Parameters
    ----------
    message : str
        One line for the user.
    details : str
        A traceback, where the cause is the user's code.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details
