"""The functions behind the commands, as Python calls them."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import crafter_dataset
from crafter_dataset.loader.table import EpisodeTable
from crafter_dataset.schemas.progress import Progress
from tests.policies_for_tests import Random

QUICK = {"length": 30, "area": (24, 20), "workers": 0}


@pytest.fixture
def data(tmp_path):
    return crafter_dataset.build(tmp_path / "data.zarr", episodes=6, **QUICK)


def test_a_build_gives_the_dataset_that_the_command_builds(tmp_path, command):
    dataset = crafter_dataset.build(tmp_path / "a", frames=100, seed=3, **QUICK)
    done = command("build-dataset", "--out", "b", "--frames", 100, "--seed", 3, "--length", 30,
                   "--area", "24x20", "--quiet")  # fmt: skip
    assert done.returncode == 0, done.stderr
    same = crafter_dataset.open_dataset(tmp_path / "b")
    assert dataset.metadata.digest == same.metadata.digest
    assert (dataset.frames, dataset.metadata.status) == (100, "complete")


def test_numbers_stand_for_squares(tmp_path):
    options = QUICK | {"area": 24}
    dataset = crafter_dataset.build(tmp_path / "a", episodes=1, size=48, view=7, **options)
    env = dataset.metadata.env
    assert (env.size, env.view, env.area) == ((48, 48), (7, 7), (24, 24))
    for name, wrong in (("size", "64x64"), ("area", (1, 2, 3)), ("view", 1.5)):
        with pytest.raises(ValueError, match=f"{name}: expected a whole number or two, found"):
            crafter_dataset.build(tmp_path / "b", episodes=1, **{name: wrong})


def test_to_go_on_takes_the_datasets_own_settings(tmp_path):
    crafter_dataset.build(tmp_path / "a", episodes=2, seed=5, policy="noop", **QUICK)
    dataset = crafter_dataset.build(tmp_path / "a", episodes=3, resume=True, workers=0)
    assert (dataset.metadata.seed, dataset.metadata.policy.name, len(dataset)) == (5, "noop", 3)
    with pytest.raises(crafter_dataset.SettingsError, match=r"seed: expected 5 as in .*, found 0"):
        crafter_dataset.build(tmp_path / "a", episodes=4, seed=0, resume=True, workers=0)


def test_without_a_number_it_goes_on_to_what_it_was_to_become(tmp_path):
    path, asked = tmp_path / "a", []

    def enough():
        asked.append(0)
        return len(asked) > 2

    part = crafter_dataset.build(path, episodes=40, should_stop=enough, commit_seconds=0, **QUICK)
    assert part.metadata.status == "building"
    assert 0 < len(part) < 40
    whole = crafter_dataset.build(path, resume=True, workers=0)
    straight = crafter_dataset.build(tmp_path / "b", episodes=40, **QUICK)
    assert whole.metadata.digest == straight.metadata.digest


ERRORS = [
    ({}, ["exists already; go on with it by resume=True, or replace it by overwrite=True"],
     ["--resume", "--overwrite"]),
    ({"frames": 1, "episodes": 1}, ["frames, episodes: expected at most one, found both"],
     ["--frames, --episodes:"]),
    ({"resume": True, "overwrite": True}, ["resume, overwrite: expected"],
     ["--resume, --overwrite"]),
    ({"chunk_frames": 0, "overwrite": True}, ["chunk_frames: expected 1 to 16384, found 0"],
     ["--chunk-frames"]),
    ({"codec": "zip", "overwrite": True}, ["codec: expected zstd"], ["--codec: expected zstd"]),
    ({"policy": "heuristik", "overwrite": True}, ["policy: expected heuristic"], ["--policy:"]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "python", "shell"), ERRORS)
def test_errors_speak_python_here_and_options_there(data, command, arguments, python, shell):
    with pytest.raises(crafter_dataset.CrafterDatasetError) as caught:
        crafter_dataset.build(data.path, **arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert "--" not in text
    for part in python:
        assert part in text
    assert str(pickle.loads(pickle.dumps(caught.value))) == text
    words = [
        word
        for name, value in arguments.items()
        for word in (["--" + name.replace("_", "-")] + ([] if value is True else [value]))
    ]
    done = command("build-dataset", "--out", data.path, *words)
    assert done.returncode == (1 if not arguments else 2)
    assert len(done.stderr.splitlines()) == 1
    assert "=True" not in done.stderr
    for part in shell:
        assert part in done.stderr


def test_the_errors_are_one_family():
    errors = [
        thing
        for name in crafter_dataset.__all__
        if isinstance(thing := getattr(crafter_dataset, name), type)
        and issubclass(thing, Exception)
    ]
    assert len(errors) >= 15
    assert all(issubclass(error, crafter_dataset.CrafterDatasetError) for error in errors)


def test_progress_is_told_to_a_callable(tmp_path):
    seen = []
    crafter_dataset.build(tmp_path / "a", episodes=5, progress=seen.append, **QUICK)
    assert all(isinstance(progress, Progress) for progress in seen)
    assert (seen[-1].done, seen[-1].total, seen[-1].fraction) == (5, 5, 1.0)
    told = []
    crafter_dataset.validate(tmp_path / "a", deep=True, replay=2, progress=told.append)
    crafter_dataset.convert(tmp_path / "a", tmp_path / "a.h5", progress=told.append)
    crafter_dataset.convert(tmp_path / "a", tmp_path / "npz", to="npz", progress=told.append)
    crafter_dataset.merge([tmp_path / "a"], tmp_path / "b", progress=told.append)
    crafter_dataset.split(tmp_path / "a", [tmp_path / "c", tmp_path / "d"], progress=told.append)
    crafter_dataset.plot(tmp_path / "a", tmp_path / "plots", progress=told.append)
    crafter_dataset.view(tmp_path / "a", export=tmp_path / "a.gif", progress=told.append)
    assert len(told) >= 8


def test_progress_is_shown_if_wanted(tmp_path, capsys):
    crafter_dataset.build(tmp_path / "a", episodes=2, **QUICK)
    crafter_dataset.build(tmp_path / "b", episodes=2, progress=False, **QUICK)
    assert capsys.readouterr() == ("", "")
    crafter_dataset.build(tmp_path / "c", episodes=2, progress=True, **QUICK)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2 episodes" in err


def test_ctrl_c_keeps_what_is_whole_and_says_how_to_go_on(tmp_path):
    code = f"""
    import os, signal, crafter_dataset
    sent = []

    def stop(progress):
        if progress.frames > 2000 and not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    try:
        crafter_dataset.build({str(tmp_path / "a")!r}, frames=10**8, workers=1, progress=stop)
    except KeyboardInterrupt as error:
        print(error)
        raise SystemExit(7)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 7, done.stderr
    assert "; go on with resume=True" in done.stdout
    dataset = crafter_dataset.open_dataset(tmp_path / "a")
    assert dataset.metadata.status == "building"
    assert dataset.frames > 2000


def test_handlers_of_signals_are_as_they_were(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    crafter_dataset.build(tmp_path / "a", episodes=1, **QUICK)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_build_in_a_thread(tmp_path):
    built = []
    thread = threading.Thread(
        target=lambda: built.append(crafter_dataset.build(tmp_path / "a", episodes=2, **QUICK))
    )
    thread.start()
    thread.join()
    assert len(built[0]) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_policy_may_be_its_class(tmp_path, workers):
    options = {"episodes": 3, "policy_args": {"highest": 3}, "length": 30, "area": 24}
    dataset = crafter_dataset.build(tmp_path / "a", policy=Random, workers=workers, **options)
    assert dataset.metadata.policy.name == "tests.policies_for_tests:Random"
    assert max(e["actions"][:].max() for e in dataset) == 3


def local_policies():
    class Local(Random):
        pass

    return [
        (Local, "which only its surroundings know; define it at the top of a module"),
        (lambda num_envs: Random(num_envs), "define it at the top of a module"),
        (Random(1), "define a function that returns it, at the top of a module"),
        (7, "expected a name, or a function or class that worker processes can import, found 7"),
    ]


@pytest.mark.parametrize(("policy", "message"), local_policies())
def test_a_policy_that_workers_cannot_import_is_refused_with_how_it_could(
    tmp_path, policy, message
):
    with pytest.raises(crafter_dataset.PolicyError, match=message):
        crafter_dataset.build(tmp_path / "a", episodes=1, policy=policy)
    assert not (tmp_path / "a").exists()


def test_a_policy_of_a_session_is_refused_with_how_it_could(tmp_path):
    code = """
    import crafter_dataset

    def mine(num_envs):
        return None

    crafter_dataset.build("a", episodes=1, policy=mine)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, cwd=tmp_path
    )
    assert "put it into a file of its own, such as my_policy.py" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("thing", [
    "data", "data[0]", "data[1:3]", "data.episodes", "data.summary()", "data[0]['frames']",
    "crafter_dataset.Windows(data, 4)", "crafter_dataset.validate(data.path)", "data.metadata.env",
    "crafter_dataset.UniformSampler(crafter_dataset.Windows(data, 4))", "data.metadata",
    "crafter_dataset.EpisodeSampler(crafter_dataset.Windows(data, 4), rank=1, world_size=2)",
])  # fmt: skip
def test_what_is_printed_fits_three_lines(data, thing):
    shown = repr(eval(thing, {"data": data, "crafter_dataset": crafter_dataset}))
    assert len(shown.splitlines()) <= 3
    assert max(map(len, shown.splitlines())) < 240


def test_a_loader_is_shown_in_three_lines(data):
    pytest.importorskip("torch")
    loader = crafter_dataset.WindowLoader(crafter_dataset.Windows(data, 4), 2)
    assert repr(loader).splitlines()[0] == "<WindowLoader of 2 windows a batch, 0 workers:"
    assert len(repr(loader).splitlines()) == 3
    with pytest.raises(ValueError, match=r"shuffle: expected none, since the order is the sampler"):
        crafter_dataset.WindowLoader(loader.order.windows, 2, shuffle=True)


WRONG_NUMBERS = [
    ("seed", 7.0), ("seed", True), ("chunk_frames", 8.5), ("length", "9"), ("num_envs", 2.0),
    ("trajectories_per_world", 1.5), ("workers", 1.0), ("frames", 1e5), ("size", (64.0, 64)),
    ("area", 24.5), ("view", (9, None)), ("commit_seconds", "1"), ("codec", 3), ("fields", 3),
    ("policy_args", [1]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG_NUMBERS)
def test_what_is_of_another_type_replaces_nothing(data, name, value):
    arguments = {**QUICK, "overwrite": True, name: value}
    with pytest.raises(crafter_dataset.ArgumentError, match=f"^{name}: expected .*, found"):
        crafter_dataset.build(data.path, **arguments)
    again = crafter_dataset.open_dataset(data.path)
    assert again.metadata.digest == data.metadata.digest


def test_numbers_of_numpy_are_numbers(tmp_path, data):
    numbers = {name: np.int64(QUICK[name]) for name in ("length", "workers")}
    dataset = crafter_dataset.build(
        tmp_path / "a", episodes=np.int32(6), seed=np.uint8(0), area=np.array([24, 20]), **numbers
    )
    assert dataset.metadata.digest == data.metadata.digest


@pytest.mark.parametrize(("call", "error", "text"), [
    ("convert(data, 'x.zarr', chunk_frames=2.5)", ValueError, "chunk_frames: expected a whole"),
    ("validate(data.path, replay=1.5)", ValueError, "replay: expected a whole number, 0 or more"),
    ("Windows('data.zarr', 4)", TypeError, "dataset: expected a Dataset"),
    ("CrafterVectorEnv(0)", ValueError, "num_envs: expected 1 or more, found 0"),
    ("CrafterEnv(area=(3, 2.5))", ValueError, "area: expected a whole number or two"),
    ("open_dataset(data.path).split([0.5, 0.5])", ValueError, "fractions: expected numbers"),
    ("open_dataset(data.path).split(0.5, seed=-1)", ValueError, "seed: expected 0 or more"),
    ("open_dataset(data.path).filter('lenth > 3')", ValueError, "filter: expected one of id, len"),
    ("open_dataset(data.path).filter('return = 1')", ValueError, "comparisons [(]==, !=,"),
    ("UniformSampler(Windows(data, 4), samples=0.5)", ValueError, "samples: expected a whole"),
])  # fmt: skip
def test_errors_name_what_was_expected(data, tmp_path, monkeypatch, call, error, text):
    monkeypatch.chdir(tmp_path)
    names = {name: getattr(crafter_dataset, name) for name in crafter_dataset.__all__}
    with pytest.raises(error, match=text):
        eval(call, {"data": data, **names})


def test_codecs_that_are_not_given_are_the_datasets_own(tmp_path):
    crafter_dataset.build(tmp_path / "a", episodes=2, codec="zstd:6", **QUICK)
    dataset = crafter_dataset.build(tmp_path / "a", episodes=3, codec=None, resume=True, workers=0)
    assert dataset.metadata.codec == "zstd:6"


def test_datasets_stand_for_their_paths(data, tmp_path):
    assert crafter_dataset.validate(data, deep=True)
    crafter_dataset.view([data], screenshot=tmp_path / "a.png")
    crafter_dataset.view(data, screenshot=tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_a_table_gives_cannot_change_what_filters_find(data):
    table = data.episodes
    reached = table[data.metadata.achievements[0]]
    before = reached.copy()
    reached[:] = ~reached
    table["returns"][:] = -1
    assert (table[data.metadata.achievements[0]] == before).all()
    assert (table["returns"] >= 0).all()
    with pytest.raises(ValueError, match="read-only"):
        table[:]["returns"] = -1
    own = np.array(table)
    own["lengths"] = 0
    assert table["length"].all()
    assert table[["length", "return"]].dtype.names == ("lengths", "returns")
    with pytest.raises(IndexError, match="episodes: expected an index from -6 to 5, found 99"):
        table[99]


def test_a_part_does_not_claim_the_digest_of_the_whole(data):
    assert data.metadata.digest[:8] in repr(data)
    assert "digest" not in repr(data[:2])


def test_a_dataset_in_a_notebook_is_a_table(data):
    shown = data._repr_html_()
    assert shown.startswith("<table>")
    for word in ("6 episodes", "heuristic", "frames, actions", data.metadata.digest):
        assert word in shown
    hostile = crafter_dataset.build(data.path.parent / "<b>x", episodes=1, **QUICK)
    assert "<b>" not in hostile._repr_html_()


def test_summaries_and_tables_in_a_notebook_are_tables(data):
    summary = data.summary()
    shown = summary._repr_html_()
    assert shown.startswith("<table>")
    for word in ("6</td>", "Crafter score", "time_limit", "collect_wood", "bytes a frame"):
        assert word in shown
    shown = data.episodes._repr_html_()
    for name in ("id", "length", "return", "end", "world_seed"):
        assert f"<th>{name}</th>" in shown
    assert shown.count("<tr>") == 7
    assert f"<td>{data.episodes['world_seed'][3]}</td>" in shown
    assert data[:0].episodes._repr_html_().count("<tr>") == 1
    assert data[:0].summary()._repr_html_().startswith("<table>")


def test_a_long_table_is_shown_in_part(data):
    records = np.tile(data.episodes.records, 5)
    records["episode_ids"] = np.arange(30)
    table = EpisodeTable(records, ("a", "<b>", "c", "d"), (), lambda: 1 / 0, "a.zarr")
    shown = table._repr_html_()
    assert "<caption>30 episodes</caption>" in shown
    assert shown.count("<tr>") == 1 + 10 + 1
    assert "<td>4</td>" in shown
    assert "<td>25</td>" in shown
    assert "<b>" not in shown


def test_a_table_for_pandas(data):
    pandas = pytest.importorskip("pandas")
    frame = data.filter("id > 0").to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["id"].tolist() == [1, 2, 3, 4, 5]
    assert set(frame["end"]) <= {"terminated", "time_limit"}
    assert (
        frame["achievements"].tolist()
        == frame[list(data.metadata.achievements)].sum(axis=1).tolist()
    )


def test_without_pandas_it_says_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(crafter_dataset.MissingPackageError, match=r"crafter-dataset\[pandas\]"):
        data.to_pandas()


def test_names_that_there_are_not_are_answered_with_those_that_there_are(data):
    with pytest.raises(KeyError) as caught:
        data[0]["framse"]
    assert str(caught.value).startswith("field: expected one of frames, actions, ")
    with pytest.raises(KeyError, match=r"column: expected one of id, length, .*found 'lengthy'"):
        data.episodes["lengthy"]
    with pytest.raises(IndexError, match="expected an index from -6 to 5, found 9"):
        data[9]


def test_filter_takes_texts_masks_and_functions(data):
    by_text = data.filter("length > 20 and end == 'time_limit'")
    table = data.episodes
    mask = (table["length"] > 20) & (table["end"] == "time_limit")
    by_function = data.filter(lambda t: (t["length"] > 20) & (t["end"] == "time_limit"))
    for part in (by_text, data.filter(mask), by_function, data.filter(mask.tolist())):
        assert [episode.id for episode in part] == np.flatnonzero(mask).tolist()
    assert [episode.id for episode in data.select([4, 1])] == [1, 4]
    with pytest.raises(ValueError, match="episodes: expected some of the episodes 0 to 5, found 9"):
        data.select([1, 9])


def test_lengths_are_frames(data):
    for episode in data:
        assert len(episode) == episode.length == len(episode["frames"])
        assert set(episode) == set(data.fields)


def test_a_report_is_true_if_the_dataset_is_valid(data):
    report = crafter_dataset.validate(data.path, deep=True, replay=2)
    assert report
    assert (report.violations, len(report.replayed)) == ((), 2)
    file = next(data.path.glob("actions/c*"))
    damaged = bytearray(file.read_bytes())
    damaged[20] ^= 255
    file.write_bytes(damaged)
    seen = []
    report = crafter_dataset.validate(data.path, deep=True, on_violation=seen.append)
    assert not report
    assert tuple(seen) == report.violations
    assert any("actions" in violation.path for violation in seen)


def test_parts_are_split_merged_and_converted(data, tmp_path):
    train, test = crafter_dataset.split(
        data, [tmp_path / "train.zarr", tmp_path / "test.zarr"], fractions=[0.5], seed=2
    )
    assert len(train) + len(test) == 6
    both = crafter_dataset.merge([train, tmp_path / "test.zarr"], tmp_path / "both.h5")
    assert len(both) == 6
    long = crafter_dataset.convert(data.filter("id < 2"), tmp_path / "some.zarr")
    assert [episode.id for episode in long] == [0, 1]
    folder = crafter_dataset.convert(data, tmp_path / "npz", to="npz", episodes="1,3")
    assert len(list(folder.glob("*.npz"))) == 2


def test_what_is_merged_is_not_said_to_be_of_its_first_part(tmp_path, command):
    for seed, policy in ((3, "noop"), (4, "random")):
        crafter_dataset.build(tmp_path / policy, episodes=2, seed=seed, policy=policy, **QUICK)
    both = crafter_dataset.merge([tmp_path / "noop", tmp_path / "random"], tmp_path / "both.zarr")
    assert "2 sources, 64x64" in repr(both)
    assert "2 sources, codec" in repr(both.metadata)
    assert "noop" not in repr(both.metadata) + repr(both)
    shown = command("inspect-dataset", both.path).stdout
    assert [line.split(maxsplit=2)[1:] for line in shown.splitlines() if "source " in line] == [
        ["0", "seed 3, noop"], ["1", "seed 4, random"],
    ]  # fmt: skip
    for name, said in (("policy", "mixed, see below"), ("seed", "of several sources, see below")):
        [line] = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert line.split(maxsplit=1)[1].startswith(said)
    metadata = json.loads(command("inspect-dataset", both.path, "--json").stdout)["metadata"]
    assert metadata["policy"] is metadata["seed"] is None
    assert [source["seed"] for source in metadata["sources"]] == [3, 4]


def test_notes_of_a_conversion_are_warnings_of_the_callers_line(tmp_path):
    asked = []
    crafter_dataset.build(
        tmp_path / "a", episodes=90, should_stop=lambda: asked.append(0) or len(asked) > 2, **QUICK
    )
    text = "is not complete; what is taken is the .* episodes"
    with pytest.warns(UserWarning, match=text) as caught:
        crafter_dataset.convert(tmp_path / "a", tmp_path / "b.zarr", episodes=[0])
    assert [warning.filename for warning in caught] == [__file__]
    notes = []
    crafter_dataset.convert(tmp_path / "a", tmp_path / "c.zarr", episodes="0", on_note=notes.append)
    assert notes == [str(warning.message) for warning in caught]


def test_pictures_without_a_screen(data, tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    made = []
    damaged = crafter_dataset.view(
        data.path, episode=1, screenshot=tmp_path / "a.png", export=tmp_path / "a.gif",
        on_file=made.append,
    )  # fmt: skip
    assert damaged == ()
    assert made == [tmp_path / "a.png", tmp_path / "a.gif"]
    with contextlib.suppress(KeyError):
        os.environ.pop("WAYLAND_DISPLAY")
    with pytest.raises(crafter_dataset.DisplayError, match="screenshot='FILE'"):
        crafter_dataset.view(data.path)
