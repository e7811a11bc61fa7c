"""Types of what kernels take, where neither Python nor NumPy has one."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

World: TypeAlias = Any
"""A record of the type `engine.fast.world.world_dtype`: the whole state of one environment.

Kernels read and write its fields as attributes, such as `world.daylight`.
"""

Scene: TypeAlias = Any
"""What pictures are drawn from beside the tiles: a `World`, or a record of `scenes.SCENE_DTYPE`."""

Worlds: TypeAlias = NDArray[np.void]
"""An array of such records, shape (lanes,)."""
