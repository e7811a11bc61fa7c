"""Numbers as people read them."""

from __future__ import annotations


def format_bytes(count: float) -> str:
    """Format a number of bytes with a decimal prefix.

    Parameters
    ----------
    count : float
        Number of bytes, 0 or more.
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1000
    return f"{count:.1f} TB"


def format_time(seconds: float) -> str:
    """Format a duration as m:ss or h:mm:ss.

    Parameters
    ----------
    seconds : float
        The duration in seconds; less than 0 counts as 0.
    """
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def counted(count: int, noun: str) -> str:
    """Format a number of things: `1 episode`, `1,000 episodes`.

    Parameters
    ----------
    count : int
        How many.
    noun : str
        What one of them is called.
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def extent(episodes: int, frames: int) -> str:
    """Format how much there is: `2 episodes, 1,000 frames`.

    Parameters
    ----------
    episodes, frames : int
        How many.
    """
    return f"{counted(episodes, 'episode')}, {counted(frames, 'frame')}"


def short_repr(value: object) -> str:
    """Return the `repr` of a value for a message, cut after 60 characters.

    Parameters
    ----------
    value : object
        Any value.
    """
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def one_line(error: BaseException) -> str:
    """Return an error's text without line breaks, or the name of its class if it has none.

    Parameters
    ----------
    error : BaseException
        The error.
    """
    return " ".join(str(error).split()) or type(error).__name__
