"""Policies that are compiled: what they see, how they are played, and what they are kept by."""

from __future__ import annotations

import importlib
import itertools
import re
import sys

import numpy as np
import pytest

from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine.compiled.behind import code_behind, code_in
from crafter_dataset.engine.seeding import policy_generator
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.conftest import SMALL_WORLD

MODULE = "tests.compiled_policies"


def settings(name: str, **changes) -> BuildSettings:
    return BuildSettings(policy=f"{MODULE}:{name}", **(SMALL_WORLD | changes))


def built(tmp_path, name, frames=300, **options):
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr"
    build(path, settings(name, **options.pop("settings", {})), Target(frames=frames), **options)
    return open_dataset(path)


def test_random_numbers_are_those_of_the_episodes_generator(tmp_path):
    dataset = built(tmp_path, "drawing", workers=0, settings={"seed": 3})
    assert len(dataset) > 1
    for number, episode in enumerate(dataset):
        rng = policy_generator(3, number)
        expected = [int(rng.random() * 17) for _ in range(len(episode) - 1)]
        assert episode["actions"][:-1].tolist() == expected


def test_memory_is_new_in_each_episode(tmp_path):
    dataset = built(
        tmp_path, "sticky", workers=0, settings={"length": 40, "policy_args": {"most": 7}}
    )
    for episode in dataset:
        actions = episode["actions"][:-1].tolist()
        runs = [actions[at : at + 7] for at in range(0, len(actions), 7)]
        assert all(len(set(run)) == 1 for run in runs)


@pytest.mark.parametrize("name", ["everything", "sticky"])
def test_one_digest_whatever_plays_it(tmp_path, name):
    """The policy's actions follow from all that it sees: a state that differs is found."""
    changes = {"area": (32, 32), "length": 700}
    ways = [("fast", 0), ("fast", 2), ("crafter", 0)]
    found = {
        built(
            tmp_path, name, 1500, settings=changes, engine=engine, workers=workers
        ).metadata.digest
        for engine, workers in ways
    }
    assert len(found) == 1


def test_cut_at_any_frame(tmp_path):
    whole = built(tmp_path, "sticky", 200, workers=0)
    for frames, engine in itertools.product((1, 2, 150), ("fast", "crafter")):
        part = built(tmp_path, "sticky", frames, workers=0, engine=engine)
        assert part.frames == frames
        np.testing.assert_array_equal(
            part[-1]["actions"][:-1], whole[len(part) - 1]["actions"][: len(part[-1]) - 1]
        )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", r"expected actions from 0 to 16, found 99 in episode 0"),
        ("not_compiled", r"not_compiled' cannot be compiled: .*compiled_policies.py:\d+: \w+"),
        ("without_result", r"compiled: expected a number to be returned in every case, found none"),
        ("without_any_result", r"expected a number to be returned in every case, found none"),
        ("without_names", r"memory: expected fields with names, found int32"),
        ("with_objects", r"memory: expected numbers, found"),
        ("with_another_field", r"start\['right'\]: expected one of left, found none"),
        ("with_another_value", r"start\['left'\]: expected int32, found 'many'"),
        ("by_no_name", r"choose: expected a function or package.module:function, found 'choose"),
    ],
)
@pytest.mark.parametrize("engine", ["fast", "crafter"])
def test_policies_that_are_wrong(tmp_path, name, message, engine):
    with pytest.raises(BuildError, match=message) as caught:
        built(tmp_path, name, workers=0, engine=engine)
    assert "\n" not in str(caught.value)


MISTAKES = """
from crafter_dataset import CompiledPolicy
from crafter_dataset.engine.kernels import *

@kernel
def far(w, memory):
    {far}
    return 1

@kernel
def choose(world, memory, {random}):
    step = world.step
    {choose}
    return DO if step % 2 else far(world, memory)

def make(num_envs):
    return CompiledPolicy(choose, memory=[("left", "i4")])
"""


@pytest.mark.parametrize(
    ("parts", "line", "message"),
    [
        ({"far": "memory.lefts = 3"}, 7, "a field of memory, such as left, found lefts"),
        ({"far": "y = w.inventories[2]"}, 7, "a field of w, such as inventory, found inventories"),
        (
            {"choose": "world.step = 4"},
            13,
            r"the world to be read alone, found world.step = \.",
        ),
        ({"far": "w.inventory[2] += 1"}, 7, r"to be read alone, found w.inventory\[2\] = "),
        ({"far": "bag = w.inventory; bag[0] = 9"}, 7, r"to be read alone, found bag\[0\] = "),
        ({"far": "v = w; v.inventory[0], b = 9, 3"}, 7, r"alone, found v.inventory\[0\] = "),
        ({"choose": "y, v = 3, world; v.step -= 1"}, 13, "alone, found v.step = "),
        ({"choose": "for world.step in range(3): pass"}, 13, "alone, found world.step = "),
        ({"choose": "y = ITEM_WOODS"}, 13, "a name that is known, such as ITEM_WOOD, found ITEM_W"),
        ({"choose": "y = world.inventory[STONE]"}, 13, "that inventory has, such as ITEM_STONE, f"),
        ({"random": "random, more"}, 10, r"\(world, memory, random\), found \(world, .*, more\)"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, monkeypatch, parts, line, message):
    name = "mistaken_" + re.sub(r"\W", "", message)
    file = tmp_path / f"{name}.py"
    file.write_text(
        MISTAKES.format(**({"far": "pass", "choose": "pass", "random": "random"} | parts))
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        BuildError, match=f"^policy '.*': {file}:{line}, in .*: expected .*{message}"
    ):
        build(tmp_path / "d", BuildSettings(policy=f"{name}:make", **SMALL_WORLD),
              Target(frames=9), workers=0)  # fmt: skip
    assert not (tmp_path / "d").exists()


def test_a_function_by_its_name(tmp_path):
    one, other = (built(tmp_path, name, workers=0) for name in ("drawing", "by_name"))
    np.testing.assert_array_equal(one[0]["actions"][:], other[0]["actions"][:])


HELPERS = "from crafter_dataset.engine.kernels import kernel\n@kernel\ndef far(x): return x + {}\n"
CHOOSE = """
import numpy as np
import {helpers}
from crafter_dataset.engine.kernels import below, kernel
MOST = {most}
TABLE = np.arange({most})

@kernel
def choose(world, memory, random):
    return {helpers}.far(below(random, MOST)) + TABLE[0]
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write and import two modules, and return what the function of one follows from."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    numbers = itertools.count()

    def write(folder="a", most=5, far=0, note=""):
        place = tmp_path / f"{folder}{next(numbers)}"
        place.mkdir()
        (place / "helpers_of_it.py").write_text(HELPERS.format(far))
        (place / "choice_of_it.py").write_text(
            CHOOSE.format(helpers="helpers_of_it", most=most) + note
        )
        with monkeypatch.context() as context:
            context.syspath_prepend(str(place))
            for name in ("helpers_of_it", "choice_of_it"):
                sys.modules.pop(name, None)
            module = importlib.import_module("choice_of_it")
            return code_behind("choose", module.choose), module

    yield write
    for name in ("helpers_of_it", "choice_of_it"):
        sys.modules.pop(name, None)


def test_compiled_code_follows_from_content_alone(written):
    first, _ = written()
    elsewhere, _ = written(folder="b")
    assert first.fingerprint() == elsewhere.fingerprint()
    others = [written(most=6)[0], written(far=1)[0], written(note="# said anew\n")[0]]
    assert len({code.fingerprint() for code in [first, *others]}) == 4


PACKAGE = {
    "pkg_of_it/__init__.py": "",
    "pkg_of_it/numbers.py": """
import enum
N = 3
OTHER = 41
class E(enum.Enum):
    A = 4
    Z = 51
    T = 61, 62
class C:
    B = 5
""",
    "pkg_of_it/tables.py": """
import collections
import enum
import numpy as np
from pkg_of_it.inner.helping import far, near
LARGE = np.zeros(5000)
LARGE[2500] = 11
PAIR = 1, (LARGE, np.array([0.1234567890120]))
class Silent(enum.IntEnum):
    A = 21
    def __repr__(self):
        return "A"
ONE = Silent.A
CELLS = collections.namedtuple("Cells", "x y")(31, 32)
WAYS = (far,)
""",
    "pkg_of_it/inner/__init__.py": "",
    "pkg_of_it/inner/helping.py": HELPERS.format(6) + "@kernel\ndef near(x): return x\n",
    "deep_choice_of_it.py": """
import pkg_of_it.numbers
import pkg_of_it.inner.helping
import pkg_of_it.tables
from pkg_of_it.numbers import C, E
from pkg_of_it.tables import CELLS, ONE, PAIR, WAYS

def choose(world, memory, random):
    return pkg_of_it.inner.helping.far(pkg_of_it.numbers.N + E.A.value + C.B) + other() + named()

def other():
    members = ONE + E["Z"].value + E.T.value[1]
    return members + PAIR[1][0][2500] + PAIR[1][1][0] + CELLS.x + WAYS[0](1)

def named():
    return getattr(pkg_of_it.numbers, "OTHER")
""",
}


@pytest.mark.parametrize("change", [
    None, ("N = 3", "N = 9"), ("A = 4", "A = 9"), ("B = 5", "B = 9"), ("x + 6", "x + 9"),
    ("] = 11", "] = 12"), ("0.1234567890120", "0.1234567890121"), ("A = 21", "A = 22"),
    ('"x y"', '"y x"'), ("(far,)", "(near,)"), ("R = 41", "R = 42"), ("Z = 51", "Z = 52"),
    ("61, 62", "61, 63"),
    ("far, near", "near as far, far as near"),
])  # fmt: skip
def test_what_is_found_through_packages_classes_and_tuples_counts(tmp_path, monkeypatch, change):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def fingerprint(folder, change):
        for file, text in PACKAGE.items():
            path = tmp_path / folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(*change) if change else text)
        with monkeypatch.context() as context:
            context.syspath_prepend(str(tmp_path / folder))
            for name in [name for name in sys.modules if "_of_it" in name]:
                del sys.modules[name]
            module = importlib.import_module("deep_choice_of_it")
            return code_behind("choose", module.choose).fingerprint()

    assert (fingerprint("a", None) == fingerprint("b", change)) == (change is None)


def test_values_that_a_module_was_given_later_count(written):
    code, module = written()
    module.MOST = 4
    changed = code_behind("choose", module.choose)
    module.TABLE = module.TABLE + 1
    assert len({each.fingerprint() for each in (code, changed)}) == 2
    assert code_behind("choose", module.choose).fingerprint() != changed.fingerprint()


def test_functions_of_this_package_count_with_all_that_they_import(written):
    code, _ = written()
    assert "crafter_dataset.engine.fast.generator" in code.modules
    own = code_in("uniform", "crafter_dataset.engine.fast.generator")
    assert own.modules == ("crafter_dataset.engine.fast.generator",)
