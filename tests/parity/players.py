"""Players that see all of a stock game, written to reach what chance does not.

Each is made with a stock game and a Generator, and gives the next action. They
know the whole state, so that they can be simple.
"""

from __future__ import annotations

import collections

import numpy as np
from crafter import constants, objects

ACTIONS = {name: index for index, name in enumerate(constants.actions)}
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
TOOLS = {
    "tree": None, "water": None, "grass": None, "stone": "wood_pickaxe", "coal": "wood_pickaxe",
    "iron": "stone_pickaxe", "diamond": "iron_pickaxe",
}  # fmt: skip
"""What can be collected, and with what."""


class Player:
    """What all have in common: looking around and finding ways."""

    def __init__(self, game, rng):
        self.game, self.rng = game, rng

    def __call__(self):
        return ACTIONS[self.act()]

    @property
    def pos(self):
        return tuple(int(v) for v in self.game.player.pos)

    def has(self, name, amount=1):
        return self.game.player.inventory[name] >= amount

    def ahead(self):
        x, y = self.pos
        dx, dy = self.game.player.facing
        return (x + dx, y + dy), *self.game.world[x + dx, y + dy]

    def move(self, dx, dy):
        return "move_" + next(name for name, step in STEPS.items() if step == (dx, dy))

    def random_move(self):
        return "move_" + ("left", "right", "up", "down")[self.rng.integers(4)]

    def can_dig(self, material):
        tool = TOOLS.get(material, "none")
        return material in ("tree", "stone", "coal", "iron", "diamond") and (
            tool is None or self.has(tool)
        )

    def toward(self, is_goal, most=2000):
        """Face the nearest cell that is a goal; None when facing it, False if there is none.

        The way leads over free ground, and through what can be dug.
        """
        _, material, obj = self.ahead()
        if is_goal(material, obj):
            return None
        world, start = self.game.world, self.pos
        came, queue = {start: None}, collections.deque([start])
        while queue and len(came) < most:
            x, y = queue.popleft()
            for dx, dy in STEPS.values():
                cell = x + dx, y + dy
                material, obj = world[cell]
                if cell in came or material is None:
                    continue
                if is_goal(material, obj):
                    came[cell] = (x, y)
                    while came[cell] != start:
                        cell = came[cell]
                    return self.step_to(cell)
                if obj is None and (material in constants.walkable or self.can_dig(material)):
                    came[cell] = (x, y)
                    queue.append(cell)
        return False

    def step_to(self, cell):
        """Go to a cell beside the player, or dig what is there."""
        dx, dy = cell[0] - self.pos[0], cell[1] - self.pos[1]
        target, material, obj = self.ahead()
        if target == cell and obj is None and material not in constants.walkable:
            return "do"
        return self.move(dx, dy)

    def get(self, material):
        """Collect from the nearest cell of a material."""
        way = self.toward(lambda m, o: m == material and o is None)
        return "do" if way is None else way or self.random_move()

    def hunt(self, *classes):
        """Hit the nearest creature of some classes."""
        way = self.toward(lambda m, o: type(o) in classes)
        return "do" if way is None else way or self.random_move()


class Achiever(Player):
    """Goes for every achievement, from the first wood to the diamond."""

    def act(self):
        player = self.game.player
        if player.sleeping:
            return "noop"
        enemy = self._enemy_beside()
        if enemy:
            return enemy
        if player.inventory["drink"] < 4:
            return self.get("water")
        if player.inventory["food"] < 4:
            return self.hunt(objects.Cow)
        if player.inventory["energy"] < 3 or (
            self.game.world.daylight < 0.3 and player.inventory["energy"] < 7
        ):
            return "sleep"
        done = player.achievements
        if not done["collect_sapling"] or (self.has("sapling") and not done["place_plant"]):
            if self.has("sapling"):
                return self._place("plant", "grass")
            return self.get("grass")
        if not done["eat_cow"]:
            return self.hunt(objects.Cow)
        if not done["collect_drink"]:
            return self.get("water")
        tools = ["wood_pickaxe", "wood_sword", "stone_pickaxe", "stone_sword"]
        missing = [tool for tool in tools if not self.has(tool)]
        if missing:
            return self._make(missing[0])
        if not done["place_stone"]:
            return (
                self._place("stone", "grass", "path", "sand")
                if self.has("stone")
                else self.get("stone")
            )
        if not self.has("iron_pickaxe") or not self.has("iron_sword"):
            both = [tool for tool in ("iron_pickaxe", "iron_sword") if not self.has(tool)]
            return self._make(both[0])
        if not done["collect_diamond"]:
            return self.get("diamond")
        if not done["defeat_skeleton"]:
            return self.hunt(objects.Skeleton)
        return self.hunt(objects.Zombie)

    def _enemy_beside(self):
        x, y = self.pos
        for dx, dy in STEPS.values():
            obj = self.game.world[x + dx, y + dy][1]
            if isinstance(obj, (objects.Zombie, objects.Skeleton)):
                return "do" if self.ahead()[0] == (x + dx, y + dy) else self.move(dx, dy)
        return None

    def _place(self, what, *where):
        _, material, obj = self.ahead()
        if material in where and obj is None:
            return f"place_{what}"
        return self.random_move()

    def _make(self, tool):
        needs = collections.Counter(constants.make[tool]["uses"])
        nearby, _ = self.game.world.nearby(self.game.player.pos, 1)
        for station in constants.make[tool]["nearby"]:
            if station not in nearby:
                uses = constants.place[station]["uses"]
                for item, amount in uses.items():
                    if not self.has(item, amount + (item == "wood") * 2):
                        return self._gather(item)
                for item, amount in needs.items():
                    if not self.has(item, amount + uses.get(item, 0)):
                        return self._gather(item)
                if station == "furnace" and "table" not in nearby:
                    return (
                        self._place("table", "grass", "sand", "path")
                        if self.has("wood", 3)
                        else self._gather("wood")
                    )
                return self._place(station, *constants.place[station]["where"])
        for item, amount in needs.items():
            if not self.has(item, amount):
                return self._gather(item)
        return f"make_{tool}"

    def _gather(self, item):
        return self.get({"wood": "tree"}.get(item, item))


class Walker(Player):
    """Goes straight in one direction, through and over everything, then on along the edge."""

    def __init__(self, game, rng, direction="left"):
        super().__init__(game, rng)
        self.direction = direction

    def act(self):
        _, material, obj = self.ahead()
        step = STEPS[self.direction]
        if tuple(self.game.player.facing) != step or material is None:
            return f"move_{self.direction}" if self.rng.random() < 0.7 else self.random_action()
        if obj is not None or self.can_dig(material):
            return "do"
        if material in ("water", "lava") and self.has("stone"):
            return "place_stone"
        return f"move_{self.direction}"

    def random_action(self):
        return constants.actions[self.rng.integers(len(constants.actions))]


class Sleeper(Player):
    """Sleeps whenever it can."""

    def act(self):
        return "sleep" if self.rng.random() < 0.9 else self.random_move()


class Fighter(Player):
    """Hunts whatever moves, and sleeps a little, so as to be hit asleep."""

    def act(self):
        if self.rng.random() < 0.05:
            return "sleep"
        return self.hunt(objects.Zombie, objects.Skeleton, objects.Cow)


class Seeker(Player):
    """Goes to the nearest cell of a material and into it."""

    def __init__(self, game, rng, material="lava"):
        super().__init__(game, rng)
        self.material = material

    def act(self):
        way = self.toward(lambda m, o: m == self.material)
        if way is None:
            return self.move(*self.game.player.facing)
        return way or self.random_move()


class Settler(Player):
    """Lives on its plants and on the water beside it, in the place that `enclose` makes."""

    def act(self):
        player = self.game.player
        x, y = self.pos
        if player.sleeping:
            return "noop"
        for dx, dy in STEPS.values():
            cell = x + dx, y + dy
            material, obj = self.game.world[cell]
            ripe = isinstance(obj, objects.Plant) and obj.ripe and player.inventory["food"] < 6
            if ripe or (material == "water" and player.inventory["drink"] < 6):
                return "do" if self.ahead()[0] == cell else self.move(dx, dy)
        if player.inventory["energy"] < 4:
            return "sleep"
        return "noop"


class Waiter(Player):
    """Does nothing."""

    def act(self):
        return "noop"


class Planned(Player):
    """Plays back the plan of one of the package's own policies."""

    def __init__(self, game, rng, policy="heuristic"):
        from crafter_dataset.builder.policies import load_factory

        super().__init__(game, rng)
        blocks = load_factory(policy)(1).plan(rng)
        self._actions = (int(action) for block in blocks for action in block)

    def __call__(self):
        return next(self._actions)


def enclose(both):
    """Make a place of stone with water on one side of the player and plants on three."""
    x, y = (int(v) for v in both.stock.player.pos)
    for i in range(x - 3, x + 4):
        for j in range(y - 3, y + 4):
            both.clear(i, j)
            both.set_material(i, j, "stone")
    both.set_material(x, y, "grass")
    both.set_material(x - 1, y, "water")
    for i, j in ((x + 1, y), (x, y - 1), (x, y + 1)):
        both.set_material(i, j, "grass")
        both.add("plant", i, j)


def shooting_range(both, target):
    """Put a skeleton at one end of a corridor, and what it shoots at before the player."""
    x, y = (int(v) for v in both.stock.player.pos)
    for i in range(x - 7, x + 3):
        for j in range(y - 2, y + 3):
            both.clear(i, j)
            both.set_material(i, j, "stone")
    both.set_material(x, y, "path")
    both.set_material(x - 1, y, target)
    for i, name in ((2, "path"), (3, "water"), (4, "path")):
        both.set_material(x - i, y, name)
    both.add("skeleton", x - 4, y)


def workshop(both):
    """Return what iron tools are made of, and put a diamond and a skeleton near."""
    x, y = (int(v) for v in both.stock.player.pos)
    for i in range(x - 6, x + 4):
        for j in range(y - 3, y + 4):
            both.clear(i, j)
            both.set_material(i, j, "grass" if i > x - 4 else "path")
    both.set_material(x + 2, y, "diamond")
    both.add("skeleton", x - 6, y)
    both.add("cow", x + 2, y + 2)
    for name in ("wood_pickaxe", "stone_pickaxe", "wood_sword", "stone_sword"):
        both.set_item(name, 1)
    for name, amount in (("wood", 9), ("stone", 9), ("coal", 2), ("iron", 2)):
        both.set_item(name, amount)


def meadow_of_plants(both):
    """Plant a row of saplings among cows, which eat them."""
    x, y = (int(v) for v in both.stock.player.pos)
    for i in range(x - 4, x + 5):
        for j in (y - 3, y - 2, y - 1):
            both.clear(i, j)
            both.set_material(i, j, "grass")
        both.add("plant", i, y - 2)
        if i % 2:
            both.add("cow", i, y - 3)


def equip(both):
    """Return tools to go through everything."""
    for name in ("wood_pickaxe", "stone_pickaxe", "iron_pickaxe"):
        both.set_item(name, 1)
    both.set_item("stone", 9)


def nightfall(both):
    """Begin in the evening."""
    both.set_step(150)


def weary(both):
    """Begin tired, in the evening, with a zombie near."""
    both.set_step(170)
    both.set_item("energy", 2)
    x, y = (int(v) for v in both.stock.player.pos)
    both.clear(x + 2, y)
    both.set_material(x + 2, y, "grass")
    both.add("zombie", x + 2, y)


def rng_of(seed):
    """Random numbers of a player."""
    return np.random.default_rng(seed)
