"""Whatever the user's own files are called, they stand in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

RAISING = "raise RuntimeError('this is not for others')\n"
POLICY = """
import numpy as np
import schemas  # the user's own


class Mine:
    def __init__(self, num_envs):
        self.rngs = [None] * num_envs

    def reset(self, lane, rng):
        self.rngs[lane] = rng

    def act(self, frames, infos):
        return np.array([0 if rng is None else rng.integers(*schemas.ACTIONS) for rng in self.rngs])
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of the user's, with every name that this package has inside."""
    for name in ("loader", "builder", "engine", "commands"):
        (tmp_path / f"{name}.py").write_text(RAISING)
    for name in ("schemas", "viewer", "envs", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(RAISING)
    return tmp_path


def run(folder, *words, code=0, **environment):
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=300,
        env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "not for others" not in done.stderr
    return done.stdout


def script(folder, text):
    (folder / "train.py").write_text(textwrap.dedent(text))
    return run(folder, sys.executable, "train.py")


def test_a_build_from_python_with_a_policy_of_that_folder(folder):
    """Which imports its own `schemas`, here and in two workers."""
    (folder / "schemas" / "__init__.py").write_text("ACTIONS = 1, 5\n")
    (folder / "mine.py").write_text(POLICY)
    said = script(
        folder,
        """
        import crafter_dataset
        from mine import Mine

        dataset = crafter_dataset.build(
            "data.zarr", episodes=4, length=20, area=24, policy=Mine, workers=2
        )
        print({a for e in dataset for a in e["actions"][:-1].tolist()})
        """,
    )
    assert said == "{1, 2, 3, 4}\n"
    run(folder, "build-dataset", "--out", "data.zarr", "--resume", "--episodes", "6",
        "--policy", "mine:Mine", "--workers", "2", "--quiet")  # fmt: skip


def test_a_script_needs_no_guard_unless_its_policy_is_in_it(folder):
    """The policy's module is imported by workers; the guard is for what it does beside that."""
    text = POLICY.replace("import schemas  # the user's own", "class schemas: ACTIONS = 1, 5")
    text += textwrap.dedent(
        """
        import crafter_dataset

        if {guarded}:
            dataset = crafter_dataset.build(
                "data.zarr", episodes=3, length=20, area=24, policy=Mine, workers=2
            )
            print(dataset.metadata.policy.name, len(dataset))
        """
    )
    (folder / "train.py").write_text(text.format(guarded="__name__ == '__main__'"))
    assert run(folder, sys.executable, "train.py") == "train:Mine 3\n"
    (folder / "train.py").write_text(text.format(guarded="True").replace("data.zarr", "b.zarr"))
    done = subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert "put what the script does under: if __name__ == '__main__':" in done.stderr


BUILD = """
import crafter_dataset

dataset = crafter_dataset.build("d.zarr", episodes=3, length=20, area=24, workers=2)
print(len(dataset), flush=True)
"""


@pytest.mark.parametrize(("words", "given"), [
    (["-c", BUILD], None), (["-"], BUILD), (["-i", "-q"], BUILD), (["-m", "train"], None),
    (["my-script.py"], None),
], ids=["-c", "stdin", "interactive", "-m", "script"])  # fmt: skip
def test_a_build_needs_no_guard_wherever_it_is_typed(folder, words, given):
    for name in ("train.py", "my-script.py"):
        (folder / name).write_text(BUILD)
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, input=given, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
    assert "memory" not in done.stderr


def test_a_build_from_a_process_of_multiprocessings(folder):
    said = script(
        folder,
        """
        import multiprocessing

        import crafter_dataset

        def work(path):
            built = crafter_dataset.build(path, episodes=3, length=20, area=24, workers=2)
            return len(built)

        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(1) as pool:
                    print(pool.apply(work, [method]))
        """,
    )
    assert said == "3\n3\n"


@pytest.mark.parametrize(("words", "given", "said"), [
    (["-c"], None, "which only this session knows; put it into a file of its own"),
    (["-"], True, "which only this session knows; put it into a file of its own"),
    (["my-script.py"], None, "which only this session knows; put it into a file of its own"),
    (["train.py"], None, "put what the script does under: if __name__ == '__main__':"),
    (["-m", "train"], None, "put what the script does under: if __name__ == '__main__':"),
])  # fmt: skip
def test_a_policy_beside_the_build_is_refused_in_a_line_that_says_what_to_do(
    folder, words, given, said
):
    text = POLICY.replace("import schemas  # the user's own", "class schemas: ACTIONS = 1, 5")
    text += BUILD.replace("workers=2", "workers=2, policy=Mine")
    for name in ("train.py", "my-script.py"):
        (folder / name).write_text(text)
    words = [*words, text] if words == ["-c"] else words
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, input=text if given else None,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert "memory" not in done.stderr
    assert not (folder / "d.zarr").exists()


def test_every_command(folder, small_path):
    data = str(small_path)
    run(folder, "build-dataset", "--out", "d", "--episodes", "2", "--length", "9", "--area", "24",
        "--workers", "2", "--quiet")  # fmt: skip
    run(folder, "validate-dataset", "d", "--deep", "--replay", "2")
    run(folder, "inspect-dataset", data)
    run(folder, "convert-dataset", data, "d.h5", "--episodes", "0", "--quiet")
    run(folder, "split-dataset", data, "a.zarr", "b.zarr", "--quiet")
    run(folder, "merge-dataset", "a.zarr", "b.zarr", "c.zarr", "--quiet")
    run(folder, "view-dataset", data, "--screenshot", "a.png", "--export", "a.gif")
    run(folder, "plot-dataset", data, "--out", "plots")


@pytest.mark.parametrize(
    "words",
    [["--out", "m", "--episodes", "1", "--length", "9", "--area", "24", "--workers", "1"],
     ["build", "--help"], ["view", "--help"], ["validate", "--version"]],
)  # fmt: skip
def test_as_a_module(folder, words):
    run(folder, sys.executable, "-m", "crafter_dataset", *words)


@pytest.mark.parametrize(("words", "code", "said"), [
    ([], 0, "[build|validate|inspect|convert|merge|split|view|plot]"), (["--help"], 0, "VERB"),
    (["inspct", "d"], 2, "error: expected one of build, validate, "),
])  # fmt: skip
def test_as_a_module_it_says_what_there_is(tmp_path, words, code, said):
    done = subprocess.run(
        [sys.executable, "-m", "crafter_dataset", *words],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_training_with_spawned_workers(folder, dataset_path):
    pytest.importorskip("torch")
    said = script(
        folder,
        f"""
        from crafter_dataset import WindowLoader, Windows, normalize, open_dataset

        if __name__ == "__main__":
            windows = Windows(open_dataset({str(dataset_path)!r}), 8)
            loader = WindowLoader(
                windows, 16, num_workers=2, multiprocessing_context="spawn", drop_last=True
            )
            print(len(loader) == sum(1 for batch in loader) > 0)
        """,
    )
    assert said == "True\n"


def test_environments(folder):
    said = script(
        folder,
        """
        import gymnasium
        import crafter_dataset

        env = gymnasium.make(crafter_dataset.ENV_ID)
        print(env.reset(seed=1)[0].shape)
        """,
    )
    assert said == "(64, 64, 3)\n"
