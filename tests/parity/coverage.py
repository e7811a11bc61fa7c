"""What a run of the parity suite has reached, as seen in stock Crafter."""

from __future__ import annotations

import collections

import numpy as np
from crafter import constants, objects

from crafter_dataset.engine.pictures import SEEN_OBJECTS, tile_names

SPAWNING = {"cow": objects.Cow, "zombie": objects.Zombie, "skeleton": objects.Skeleton}

TILES = tile_names(tuple(constants.materials))

SHOWN = (
    *(f"shown {name}" for name in ("nothing", *constants.materials, *SEEN_OBJECTS)),
    "night", "sleep", "sleep at night", "day after a night",
)  # fmt: skip
"""What has to do with pictures."""

WANTED = (
    *SHOWN,
    *(f"action {name}" for name in constants.actions),
    *(f"achievement {name}" for name in constants.achievements),
    *(f"item {name}" for name in constants.items),
    *(f"material {name}" for name in constants.materials),
    *(f"object {name}" for name in ("Cow", "Zombie", "Skeleton", "Arrow", "Plant")),
    *(f"{what} {name}" for what in ("spawn", "despawn") for name in SPAWNING),
    *(f"edge {name}" for name in ("left", "right", "up", "down")),
    "arrow turns table into path", "arrow turns furnace into path", "arrow over water",
    "ripe plant", "plant eaten by a creature", "damage while asleep",
    "death", "death in lava", "time limit", "10,000 steps",
)  # fmt: skip


class Coverage(collections.Counter):
    """Counts what was reached, step by step."""

    def watch(self, game):
        """Begin to watch a stock game."""
        self._alive = self._objects(game)
        self._see(game)

    def step(self, game, action, before):
        """Count what one step did; `before` is from `state` just before it."""
        player, world = game.player, game.world
        self[f"action {constants.actions[action]}"] += 1
        alive = self._objects(game)
        balanced = game.env._step % 10 == 0
        for name, cls in SPAWNING.items():
            if balanced:
                self[f"spawn {name}"] += len({o for o in alive - self._alive if type(o) is cls})
                self[f"despawn {name}"] += len(
                    {o for o in self._alive - alive if type(o) is cls and o.health > 0}
                )
        for lost in self._alive - alive:
            if type(lost) is objects.Plant:
                beside = [world[lost.pos + way][1] for way in lost.all_dirs]
                self["plant eaten by a creature"] += any(
                    isinstance(obj, tuple(SPAWNING.values())) for obj in beside
                )
            if type(lost) is objects.Arrow:
                x, y = lost.pos + lost.facing
                was = before["materials"].get((x, y))
                if was in ("table", "furnace") and world[x, y][0] == "path":
                    self[f"arrow turns {was} into path"] += 1
        self._alive = alive
        if before["sleeping"] and player.health < before["health"] - 2:
            self["damage while asleep"] += 1
        if game.ended:
            dead = player.health <= 0
            self["death" if dead else "time limit"] += 1
            self["death in lava"] += dead and world[player.pos][0] == "lava"
            self["10,000 steps"] += not dead and game.env._step == 10_000
        self._see(game)

    @staticmethod
    def state(game):
        """Note what `step` compares with."""
        world, player = game.world, game.player
        ahead = [tuple(o.pos + o.facing) for o in world.objects if type(o) is objects.Arrow]
        return {
            "sleeping": player.sleeping,
            "health": player.health,
            "materials": {pos: world[pos][0] for pos in ahead},
        }

    def missing(self, wanted=WANTED):
        """List what was never reached, of all that is wanted or of some of it."""
        return [name for name in wanted if not self[name]]

    def _objects(self, game):
        return {o for o in game.world.objects if o is not game.player}

    def _see(self, game):
        player, world = game.player, game.world
        for obj in world.objects:
            if obj is not player:
                self[f"object {type(obj).__name__}"] += 1
                self["ripe plant"] += type(obj) is objects.Plant and obj.ripe
                self["arrow over water"] += (
                    type(obj) is objects.Arrow and world[obj.pos][0] == "water"
                )
        for name, count in player.achievements.items():
            self[f"achievement {name}"] += count > 0
        for name, count in player.inventory.items():
            self[f"item {name}"] += count > 0
        x, y = player.pos
        right, down = world.area[0] - 1, world.area[1] - 1
        for name, at in (
            ("left", x == 0),
            ("right", x == right),
            ("up", y == 0),
            ("down", y == down),
        ):
            self[f"edge {name}"] += at
        for dx in range(-4, 5):
            for dy in range(-3, 4):
                material = world[x + dx, y + dy][0]
                if material:
                    self[f"material {material}"] += 1
        for tile in np.unique(game.tiles):
            self[f"shown {TILES[tile].partition(' on ')[0]}"] += 1
        night = world.daylight < 0.5
        self["day after a night"] += not night and game.env._step > 200
        self["night"] += night
        self["sleep"] += player.sleeping
        self["sleep at night"] += night and player.sleeping
