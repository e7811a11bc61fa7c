"""Files that systems leave in people's folders, which are nobody's data."""

from __future__ import annotations

import re

_STRAY = re.compile(
    r"\.DS_Store|\._.*|__MACOSX|Thumbs\.db|desktop\.ini|\.nfs[0-9a-f]+|\.directory", re.I
)


def is_stray(name: str) -> bool:
    """Tell whether a name is that of a file that systems leave wherever somebody has looked.

    Parameters
    ----------
    name : str
        Name of a file or folder, without what it lies in.
    """
    return _STRAY.fullmatch(name) is not None
