"""Compiled policies that tests build with."""

from __future__ import annotations

from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.builder.policies.expert.choose import _noise
from crafter_dataset.builder.policies.expert.memory import memory_dtype
from crafter_dataset.engine.kernels import DO, MOVE_LEFT, below, kernel, next_word, uniform

STICKS = 3


@kernel
def choose_at_random(world, memory, random):
    return below(random, 17)


def drawing(num_envs):
    return CompiledPolicy(choose_at_random)


@kernel
def choose_sticky(world, memory, random):
    """Go on for a while, as long as a field says that was set by a parameter."""
    if memory.left == 0:
        memory.action = DO if uniform(random) < 0.4 else MOVE_LEFT + below(random, 4)
        memory.left = memory.most
    memory.left -= 1
    return memory.action


def sticky(num_envs, most=STICKS):
    fields = [("action", "i4"), ("left", "i4"), ("most", "i4")]
    return CompiledPolicy(choose_sticky, memory=fields, start={"most": most})


@kernel
def mix(hashed, value):
    return (hashed ^ (value & 0xFFFF)) * 1_000_003 % 2_147_483_647


@kernel
def choose_by_everything(world, memory, random):
    """Take an action that follows from all that policies may look at."""
    hashed = mix(memory.hashed, world.step)
    for cell in range(world.width * world.height):
        hashed = mix(hashed, world.materials[cell] * 4096 + world.object_at[cell])
    for row in range(1, world.objects):
        if world.kind[row]:
            hashed = mix(hashed, world.kind[row])
            hashed = mix(hashed, world.x[row] * 256 + world.y[row])
            hashed = mix(hashed, world.facing_x[row] * 3 + world.facing_y[row])
            hashed = mix(hashed, world.timer[row])
            if row > 1:
                hashed = mix(hashed, world.health[row])
    for item in range(16):
        hashed = mix(hashed, world.inventory[item])
    for achievement in range(22):
        hashed = mix(hashed, world.achievements[achievement])
    hashed = mix(hashed, int(world.daylight * 1_000_000))
    memory.hashed = mix(hashed, world.sleeping)
    if memory.hashed % 4 == 0:
        return DO
    return memory.hashed % 17


def everything(num_envs):
    return CompiledPolicy(choose_by_everything, memory=[("hashed", "i8")])


@kernel
def choose_noise(world, memory, random):
    """Wait, but for the expert's random steps."""
    return DO if _noise(memory, random) >= 0 else 0


def noisy(num_envs, noise=0.5):
    return CompiledPolicy(choose_noise, memory_dtype, {"noise": noise})


@kernel
def choose_wrong(world, memory, random):
    return 99 if world.step == 7 else 0


def wrong(num_envs):
    return CompiledPolicy(choose_wrong)


@kernel
def choose_what_is_not_compiled(world, memory, random):
    return int(str(next_word(random)))


def not_compiled(num_envs):
    return CompiledPolicy(choose_what_is_not_compiled)


@kernel
def choose_now_and_then(world, memory, random):
    if world.step % 2:
        return DO


def without_result(num_envs):
    return CompiledPolicy(choose_now_and_then)


@kernel
def choose_nothing(world, memory, random):
    memory.action = DO


def without_any_result(num_envs):
    return CompiledPolicy(choose_nothing, memory=[("action", "i4")])


def without_names(num_envs):
    return CompiledPolicy(choose_at_random, memory="i4")


def with_objects(num_envs):
    return CompiledPolicy(choose_at_random, memory=[("any", "O")])


def with_another_field(num_envs):
    return CompiledPolicy(choose_at_random, memory=[("left", "i4")], start={"right": 1})


def with_another_value(num_envs):
    return CompiledPolicy(choose_at_random, memory=[("left", "i4")], start={"left": "many"})


def by_name(num_envs):
    return CompiledPolicy(f"{__name__}:choose_at_random")


def by_no_name(num_envs):
    return CompiledPolicy("choose_at_random")
