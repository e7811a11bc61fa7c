"""What functions of a compiled policy are made of, see `crafter_dataset.CompiledPolicy`.

They take the state of a world, a record that is only read. Its fields are, for a world of
`width` x `height` cells, where the cell (x, y) has the index `x * height + y`:

- `width`, `height`, `step` (actions taken so far), `length` (the time limit; 0 for none),
  `daylight` (0 is night), `sleeping`, and what the player has: `inventory[FOOD]` and the like,
  `achievements[i]`, as the dataset's fields of these names have them.
- `materials[cell]`: ids in the dataset's order of names, such as `TREE`.
- `object_at[cell]`: the row of the object in a cell, 0 for none. Rows run from 1, the player's
  (`PLAYER_ROW`), up to but not including `objects`; `kind[row]` is `COW` and the like, 0 once it
  is gone. `x[row]`, `y[row]`, `facing_x[row]`, `facing_y[row]`, `health[row]`, and `timer[row]`:
  a zombie's cooldown, a skeleton's reload, for how long a plant has grown (ripe beyond `RIPE`).

Indices are not checked, here or in any compiled code: `material_at` and `object_at` may be asked
for cells off the map, the arrays themselves may not.
"""

from __future__ import annotations

from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.generator import below, next_word, uniform
from crafter_dataset.engine.fast.rules import (
    ARROW,
    COAL,
    COW,
    DIAMOND,
    DRINK,
    ENERGY,
    FOOD,
    FURNACE,
    GRASS,
    HEALTH,
    IRON,
    LAVA,
    PATH,
    PLANT,
    RIPE,
    SAND,
    SKELETON,
    STONE,
    TABLE,
    TREE,
    WATER,
    ZOMBIE,
)
from crafter_dataset.engine.fast.world import PLAYER_ROW, material_at, nearby, object_at
from crafter_dataset.engine.spec import ACTIONS

(
    NOOP,
    MOVE_LEFT,
    MOVE_RIGHT,
    MOVE_UP,
    MOVE_DOWN,
    DO,
    SLEEP,
    PLACE_STONE,
    PLACE_TABLE,
    PLACE_FURNACE,
    PLACE_PLANT,
    MAKE_WOOD_PICKAXE,
    MAKE_STONE_PICKAXE,
    MAKE_IRON_PICKAXE,
    MAKE_WOOD_SWORD,
    MAKE_STONE_SWORD,
    MAKE_IRON_SWORD,
) = range(len(ACTIONS))

__all__ = [
    "ARROW",
    "COAL",
    "COW",
    "DIAMOND",
    "DO",
    "DRINK",
    "ENERGY",
    "FOOD",
    "FURNACE",
    "GRASS",
    "HEALTH",
    "IRON",
    "LAVA",
    "MAKE_IRON_PICKAXE",
    "MAKE_IRON_SWORD",
    "MAKE_STONE_PICKAXE",
    "MAKE_STONE_SWORD",
    "MAKE_WOOD_PICKAXE",
    "MAKE_WOOD_SWORD",
    "MOVE_DOWN",
    "MOVE_LEFT",
    "MOVE_RIGHT",
    "MOVE_UP",
    "NOOP",
    "PATH",
    "PLACE_FURNACE",
    "PLACE_PLANT",
    "PLACE_STONE",
    "PLACE_TABLE",
    "PLANT",
    "PLAYER_ROW",
    "RIPE",
    "SAND",
    "SKELETON",
    "SLEEP",
    "STONE",
    "TABLE",
    "TREE",
    "WATER",
    "ZOMBIE",
    "below",
    "kernel",
    "material_at",
    "nearby",
    "next_word",
    "object_at",
    "uniform",
]
