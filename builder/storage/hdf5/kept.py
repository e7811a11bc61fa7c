"""What others have put into a file, in a form in which it can be written again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kept:
    """Messages of object headers, as bytes.

    Parameters
    ----------
    links : dict of str to list of bytes
        Links to what is not ours, by the path of the group; the root's is the empty text.
    attributes : dict of str to list of bytes
        Attributes that are not ours, by the path of the object.
    """

    links: dict[str, list[bytes]] = field(default_factory=dict)
    attributes: dict[str, list[bytes]] = field(default_factory=dict)
