"""One HTML file with all plots and the summary in it, to send to a colleague."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em;
       color: #1c1e21; }
h1 { margin-bottom: 0; } h2 { margin-top: 2em; }
table { border-collapse: collapse; } td { padding: 2px 16px 2px 0; vertical-align: top; }
td:first-child { color: #667; } img { max-width: 100%; } .about { color: #667; }
"""


class Picture(NamedTuple):
    """A plot on the page.

    Parameters
    ----------
    title, about : str
        Heading, and what it shows.
    png : bytes
        The picture, as a PNG file.
    """

    title: str
    about: str
    png: bytes


def page(title: str, facts: Iterable[tuple[str, str]], pictures: Iterable[Picture]) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        Name of the dataset.
    facts : iterable of tuple of str
        The summary, a name and a value per line.
    pictures : iterable of Picture
        The plots, in order.

    Returns
    -------
    str
        HTML that needs no other file. All text is escaped: a dataset's names
        may hold anything.
    """
    facts = [(_writable(name), _writable(value)) for name, value in facts]
    title = _writable(title)
    rows = "\n".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in facts)
    plots = "\n".join(
        f"<h2>{escape(p.title)}</h2>\n<p class='about'>{escape(p.about)}</p>\n"
        f"<img alt='{escape(p.title, quote=True)}' "
        f"src='data:image/png;base64,{b64encode(p.png).decode()}'>"
        for p in pictures
    )
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<p class='about'>A dataset of Crafter trajectories.</p>\n"
        f"<table>\n{rows}\n</table>\n{plots}\n</body>\n</html>\n"
    )


def _writable(text: str) -> str:
    """Replace what UTF-8 cannot hold, as a file's name may."""
    return text.encode("utf-8", "replace").decode()
