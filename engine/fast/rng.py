"""`numpy.random.RandomState`, draw for draw.

MT19937 as in M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8
(1998); numbers are made of its words as in NumPy's legacy distributions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.intrinsics import use_wide_vectors
from crafter_dataset.engine.compiled.jit import inlined, kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.scenes import UNKNOWN_WORDS, WORDS

_SHIFT = 397
_UPPER, _LOWER = np.uint32(0x80000000), np.uint32(0x7FFFFFFF)
# numba widens every result of 32 bits to 64, which halves the speed: so each is cast back.
_u32, _u64 = np.uint32, np.uint64
_MATRIX, _NOTHING = np.uint32(0x9908B0DF), np.uint32(0)


@kernel
def seed_words(world: World, seed: int) -> None:
    """Seed as `RandomState(seed)` does; mirrors `init_genrand`.

    Parameters
    ----------
    world : World
        State of the environment; its random numbers are overwritten.
    seed : int
        The seed, 0 to 2**32 - 1.
    """
    state = world.random_state
    word = np.uint32(seed)
    state[0] = word
    for i in range(1, WORDS):
        word = _u32(word ^ _u32(word >> np.uint32(30)))
        word = _u32(_u32(np.uint32(1812433253) * word) + np.uint32(i))
        state[i] = word
    world.random_used = WORDS
    world.random_twists = 0


@kernel
def _twist(high: np.uint32, low: np.uint32, shifted: np.uint32) -> np.uint32:
    """Return the next word of the state; mirrors the loops of `mt19937_gen`."""
    word = _u32(_u32(high & _UPPER) | _u32(low & _LOWER))
    odd = _u32(_NOTHING - _u32(low & np.uint32(1)))
    return _u32(_u32(shifted ^ _u32(word >> np.uint32(1))) ^ _u32(odd & _MATRIX))


@kernel
def _twist_all(world: World) -> None:
    """Make the next 624 words of the state; mirrors `mt19937_gen`.

    The loops are split where they would read what they have just written, so that they are
    vectorised.
    """
    use_wide_vectors()
    state = world.random_state
    for i in range(WORDS - _SHIFT):
        state[i] = _twist(state[i], state[i + 1], state[i + _SHIFT])
    for i in range(WORDS - _SHIFT, WORDS - 1):
        state[i] = _twist(state[i], state[i + 1], state[i + _SHIFT - WORDS])
    state[WORDS - 1] = _twist(state[WORDS - 1], state[0], state[_SHIFT - 1])
    world.random_twists += 1


@kernel
def _temper_all(world: World) -> None:
    """Make the words to draw of those of the state, all at once; mirrors `mt19937_next`."""
    use_wide_vectors()
    state, words = world.random_state, world.random_words
    for i in range(WORDS):
        word = state[i]
        word = _u32(word ^ _u32(word >> np.uint32(11)))
        word = _u32(word ^ _u32(_u32(word << np.uint32(7)) & np.uint32(0x9D2C5680)))
        word = _u32(word ^ _u32(_u32(word << np.uint32(15)) & np.uint32(0xEFC60000)))
        words[i] = _u32(word ^ _u32(word >> np.uint32(18)))


@kernel
def refill(world: World) -> None:
    """Make the next 624 words; mirrors `mt19937_gen` and the tempering of `mt19937_next`.

    Parameters
    ----------
    world : World
        State of the environment; its random numbers are changed.
    """
    _twist_all(world)
    _temper_all(world)
    world.random_used = 0


@kernel
def _next_word(world: World) -> np.uint32:
    """Take the next word; mirrors `mt19937_next`."""
    if world.random_used == WORDS:
        refill(world)
    word = world.random_words[world.random_used]
    world.random_used += 1
    return word


@kernel
def to_unit(first: np.uint32, second: np.uint32) -> float:
    """Return a number in [0, 1), made of 53 bits of two words; mirrors `mt19937_next_double`.

    Parameters
    ----------
    first, second : uint32
        Two words, in the order in which they were drawn.
    """
    # As int32, which they fit into, they can be converted as vectors.
    high = np.int32(first >> np.uint32(5))
    low = np.int32(second >> np.uint32(6))
    return (np.float64(high) * 67108864.0 + np.float64(low)) / 9007199254740992.0


@inlined
def uniform(world: World) -> float:
    """Draw a number from [0, 1); mirrors `RandomState.uniform()`.

    Parameters
    ----------
    world : World
        State of the environment; only its random numbers change.
    """
    used = _u64(world.random_used)
    if used > _u64(WORDS - 2):
        return _uniform_of_next_words(world)
    world.random_used = used + _u64(2)
    return to_unit(world.random_words[used], world.random_words[used + _u64(1)])


@kernel
def _uniform_of_next_words(world: World) -> float:
    """Draw a number from [0, 1), refilling the words where needed."""
    first = _next_word(world)
    return to_unit(first, _next_word(world))


@kernel
def randint(world: World, count: int) -> int:
    """Draw an integer from 0 to count - 1; mirrors `RandomState.randint(0, count)`.

    It masks words and rejects those that are too large; a count of 1 takes no word.

    Parameters
    ----------
    world : World
        State of the environment; only its random numbers change.
    count : int
        Number of integers to choose from, 1 to 2**32.
    """
    highest = np.uint32(count - 1)
    if highest == 0:
        return 0
    mask = highest
    mask |= mask >> np.uint32(1)
    mask |= mask >> np.uint32(2)
    mask |= mask >> np.uint32(4)
    mask |= mask >> np.uint32(8)
    mask |= mask >> np.uint32(16)
    word = _next_word(world) & mask
    while word > highest:
        word = _next_word(world) & mask
    return np.int64(word)


@kernel
def take_words(world: World, words: NDArray[np.uint32], count: int) -> None:
    """Write the next words of the generator into an array.

    Parameters
    ----------
    world : World
        State of the environment; only its random numbers change.
    words : ndarray, shape (count or more,), uint32
        Overwritten.
    count : int
        How many words to take.
    """
    taken = 0
    while taken < count:
        if world.random_used == WORDS:
            refill(world)
        start = world.random_used
        run = min(count - taken, WORDS - start)
        to, origin = np.uint64(taken), np.uint64(start)
        for i in range(np.uint64(run)):  # unsigned, since otherwise it is not vectorised
            words[to + i] = world.random_words[origin + i]
        world.random_used = start + run
        taken += run


@kernel
def words_drawn(world: World) -> int:
    """Return how many words were taken since the generator was seeded, or `UNKNOWN_WORDS`.

    Parameters
    ----------
    world : World
        State of the environment; only read.
    """
    if world.random_twists < 0:
        return np.int64(UNKNOWN_WORDS)
    return np.int64(world.random_twists) * WORDS + np.int64(world.random_used) - WORDS


@kernel
def skip_words(world: World, count: int) -> None:
    """Leave out the next words of the generator; what is left out is not tempered.

    Parameters
    ----------
    world : World
        State of the environment; only its random numbers change, as by `take_words`.
    count : int
        How many words to leave out.
    """
    used = np.int64(world.random_used) + count
    refills = (used - 1) // WORDS if used > WORDS else 0
    for _ in range(refills):
        _twist_all(world)
    if refills:
        _temper_all(world)
    world.random_used = used - refills * WORDS


@kernel
def take_state(world: World, state: NDArray[np.uint32]) -> None:
    """Write the generator's state into an array.

    Parameters
    ----------
    world : World
        State of the environment; only read.
    state : ndarray, shape (624,), uint32
        Overwritten.
    """
    for i in range(WORDS):
        state[i] = world.random_state[i]


@kernel
def go_on_from(world: World, state: NDArray[np.uint32], words: int) -> None:
    """Set the generator to a state.

    Parameters
    ----------
    world : World
        State of the environment; its random numbers are overwritten.
    state : ndarray, shape (624,), uint32
        What `take_state` has written.
    words : int
        Words that had been taken since the generator was seeded, 1 or more.
    """
    for i in range(WORDS):
        world.random_state[i] = state[i]
    world.random_twists = (words - 1) // WORDS + 1
    world.random_used = words - (world.random_twists - 1) * WORDS
    _temper_all(world)
