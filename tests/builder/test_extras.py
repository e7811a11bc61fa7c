"""Fields that policies add: stored as they were stated, kept by all that is done with datasets."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

import crafter_dataset
from crafter_dataset.builder.errors import BuildError, PolicyError, SettingsError
from crafter_dataset.builder.policies import describe_policy
from crafter_dataset.builder.policies.declared import declared_extras
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.loader.report import html, settings_lines
from crafter_dataset.schemas import find_violations
from crafter_dataset.schemas.extras import EXTRA_DTYPES, ExtraSpec
from crafter_dataset.schemas.metadata import PolicySpec
from tests.building import build
from tests.conftest import SMALL_WORLD
from tests.containers.test_contract import assert_same

MODULE = "tests.policies_for_tests"
SETTINGS = BuildSettings(seed=8, policy=f"{MODULE}:Stating", chunk_frames=16, **SMALL_WORLD)
TARGET = Target(frames=300)
NAMES = ("log_prob", "logits", "sure", "where")


@pytest.fixture(scope="module")
def stated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stated") / "data.zarr"
    build(path, SETTINGS, TARGET, workers=0, num_envs=1)
    return path


def violations(path: Path) -> list[str]:
    return [str(each) for each in find_violations(open_container(path), deep=True)]


def check_rows(dataset) -> None:
    """Check that every row holds what the policy stated there."""
    for episode in dataset:
        rows = episode.load()
        actions = rows["actions"][:-1]
        np.testing.assert_array_equal(
            rows["log_prob"][:-1], -np.log1p(actions.astype(np.float32)), strict=True
        )
        np.testing.assert_array_equal(rows["where"][:-1], rows["positions"][:-1])
        np.testing.assert_array_equal(rows["sure"][:-1], actions > 8, strict=True)
        chosen = rows["logits"][np.arange(len(actions)), actions]
        np.testing.assert_array_equal(chosen, rows["inventory"][:-1].sum(1))
        assert np.isneginf(rows["logits"][:-1]).sum() == 16 * len(actions)
        for name in NAMES:
            assert not rows[name][-1].any()


def test_what_is_stated_is_stored(stated):
    assert violations(stated) == []
    dataset = open_dataset(stated)
    assert dataset.metadata.version == "1.2"
    assert dataset.fields[-4:] == NAMES
    assert dataset.metadata.extras[1] == ExtraSpec("logits", "float16", (17,))
    check_rows(dataset)
    field = dataset[0]["logits"]
    assert (field.dtype, field.shape[1:]) == (np.float16, (17,))
    array = zarr.open_group(stated, mode="r")["logits"]
    assert array.metadata.dimension_names == ("frame", "logits_0")
    np.testing.assert_array_equal(array[: len(field)], field[:])


@pytest.mark.parametrize(
    ("workers", "num_envs", "engine", "suffix"),
    [(0, 4, "fast", ".h5"), (2, 3, "fast", ".zarr"), (0, 2, "crafter", ".zarr")],
)
def test_one_digest_however_it_is_run(stated, tmp_path, workers, num_envs, engine, suffix):
    path = tmp_path / f"d{suffix}"
    done = build(path, SETTINGS, TARGET, workers=workers, num_envs=num_envs, engine=engine)
    assert done.metadata.digest == open_dataset(stated).metadata.digest
    assert violations(path) == []
    check_rows(open_dataset(path))


def test_going_on(stated, tmp_path):
    path = tmp_path / "d.h5"
    for frames in (40, 41, 300):
        settings = replace(SETTINGS, codec="gzip:1")
        build(path, settings, Target(frames=frames), workers=0, num_envs=2, resume=True)
        assert violations(path) == []
        check_rows(open_dataset(path))
    assert open_dataset(path).metadata.digest == open_dataset(stated).metadata.digest


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_copies_keep_them(stated, tmp_path, suffix):
    digest = open_dataset(stated).metadata.digest
    whole = crafter_dataset.convert(stated, tmp_path / f"w{suffix}", chunk_frames=5)
    assert whole.metadata.digest == digest
    first = crafter_dataset.convert(whole, tmp_path / f"a{suffix}", episodes="0:2")
    rest = crafter_dataset.convert(whole, tmp_path / f"b{suffix}", episodes="2:")
    for part in (first, rest):
        assert violations(part.path) == []
        check_rows(part)
    merged = crafter_dataset.merge([first, rest], tmp_path / "m.zarr", codec="zstd:1")
    assert merged.metadata.digest == digest
    parts = crafter_dataset.split(
        stated, [tmp_path / f"c{suffix}", tmp_path / f"d{suffix}"], fractions=[0.5]
    )
    for part in parts:
        check_rows(part)


def test_zip_files_have_them(stated, tmp_path):
    shutil.make_archive(str(tmp_path / "d"), "zip", stated)
    check_rows(open_dataset(tmp_path / "d.zip")[:2])


def test_merging_with_and_without(stated, tmp_path):
    build(tmp_path / "n", replace(SETTINGS, policy="noop"), Target(episodes=1), workers=0)
    with pytest.raises(crafter_dataset.CrafterDatasetError, match=r"^extras: expected") as caught:
        crafter_dataset.merge([stated, tmp_path / "n"], tmp_path / "m.zarr")
    assert "\n" not in str(caught.value)


def test_hdf5_holds_plain_numbers(stated, tmp_path):
    crafter_dataset.convert(stated, tmp_path / "d.h5", codec="gzip:3")
    dataset = open_dataset(stated)
    with h5py.File(tmp_path / "d.h5") as file:
        for name in NAMES:
            length = len(dataset[0])
            assert file[name].dtype == dataset[0][name].dtype
            np.testing.assert_array_equal(file[name][:length], dataset[0][name][:])


def test_every_type_in_both_containers(tmp_path):
    settings = replace(SETTINGS, policy=f"{MODULE}:EveryType")
    for suffix, codec in ((".zarr", "zstd:1"), (".h5", "gzip:1"), (".hdf5", "blosc-lz4:1")):
        path = tmp_path / f"d{suffix}"
        build(path, replace(settings, codec=codec), Target(episodes=2), workers=0)
        assert violations(path) == []
        for episode in open_dataset(path):
            counts = episode["inventory"][:-1, :6].reshape(-1, 2, 3)
            for dtype in EXTRA_DTYPES:
                values = episode[f"of_{dtype}"][:]
                np.testing.assert_array_equal(values[:-1], counts.astype(dtype), strict=True)
                assert not values[-1].any()
    assert_same(tmp_path / "d.h5", tmp_path / "d.zarr")


def test_windows_have_them_as_they_have_actions(stated):
    dataset = open_dataset(stated)
    for next_frame in (False, True):
        windows = crafter_dataset.Windows(
            dataset, 8, fields=["frames", "actions", *NAMES], next_frame=next_frame
        )
        batch = windows.read([0, 7])
        assert batch["frames"].shape[1] == 8 + next_frame
        assert batch["logits"].shape == (2, 8, 17)
        assert batch["where"].dtype == np.int32
        np.testing.assert_array_equal(
            batch["log_prob"], -np.log1p(batch["actions"].astype(np.float32))
        )
    pytest.importorskip("torch")
    loader = crafter_dataset.WindowLoader(
        crafter_dataset.Windows(dataset, 8, fields=["frames", *NAMES]), batch_size=2
    )
    found = next(iter(loader))
    assert found.others["logits"].shape == (2, 8, 17)


def test_they_are_shown(stated, command):
    dataset = open_dataset(stated)
    text = dict(settings_lines(dataset))["extras"]
    assert text == "log_prob float32, logits float16 17, sure bool, where int32 2"
    assert "logits" in html(dataset)
    done = command("inspect-dataset", stated, "--arrays")
    assert "log_prob float32, logits float16 17" in done.stdout
    assert any(line.split()[:2] == ["logits", "float16"] for line in done.stdout.splitlines())
    found = json.loads(command("inspect-dataset", stated, "--json").stdout)
    assert found["metadata"]["extras"][0] == {"name": "log_prob", "dtype": "float32", "shape": []}
    assert crafter_dataset.validate(stated, deep=True, replay=1)


def test_damage_is_found(stated, tmp_path):
    path = tmp_path / "d.zarr"
    crafter_dataset.convert(stated, path)
    group = zarr.open_group(path, mode="r+")
    last = int(open_dataset(path).episodes["lengths"][0]) - 1
    group["log_prob"][last] = 3
    found = violations(path)
    assert any(
        text.startswith(f"log_prob[{last}] (episode 0): expected 0 on the") for text in found
    )
    assert any(text.startswith("episodes/digests[0]") for text in found)


def test_a_mixture_has_the_extras_of_all_its_policies(tmp_path):
    members = {f"{MODULE}:Stating": 0.4, f"{MODULE}:Misstating": 0.3, "random": 0.3}
    settings = replace(SETTINGS, policy="mix", policy_args=members)
    digests = set()
    for workers, num_envs in ((0, 1), (1, 3)):
        path = tmp_path / f"{workers}.zarr"
        done = build(path, settings, Target(episodes=10), workers=workers, num_envs=num_envs)
        digests.add(done.metadata.digest)
    assert len(digests) == 1
    assert violations(path) == []
    dataset = open_dataset(path)
    assert [extra.name for extra in dataset.metadata.extras] == [
        "log_prob", "logits", "mean", "sure", "value", "where",
    ]  # fmt: skip
    check_rows(dataset.filter(f"policy == '{MODULE}:Stating'"))
    for episode in dataset.filter("policy == 'random'"):
        assert not any(episode[extra.name][:].any() for extra in dataset.metadata.extras)
    for episode in dataset.filter(f"policy == '{MODULE}:Misstating'"):
        assert (episode["mean"][:-1] == 1).all()
        assert not episode["logits"][:].any()


def test_a_dataset_with_extras_is_replaced_and_nothing_else(stated, tmp_path):
    path = tmp_path / "d.zarr"
    crafter_dataset.convert(stated, path)
    (path / "logits" / "mine.txt").write_text("mine")
    with pytest.raises(BuildError, match=r"found logits/mine\.txt"):
        crafter_dataset.convert(stated, path, overwrite=True)
    (path / "logits" / "mine.txt").unlink()
    done = crafter_dataset.convert(stated, path, overwrite=True, codec="zstd:2")
    assert done.metadata.codec == "zstd:2"
    build(path, replace(SETTINGS, policy="noop"), Target(frames=9), workers=0, overwrite=True)
    assert not (path / "logits").exists()
    (path / "logits").mkdir()  # now it is somebody's
    with pytest.raises(BuildError, match="found logits"):
        build(path, SETTINGS, Target(frames=9), workers=0, overwrite=True)


def test_a_file_with_extras_is_replaced_and_nothing_else(stated, tmp_path):
    path = tmp_path / "d.h5"
    crafter_dataset.convert(stated, path)
    crafter_dataset.convert(stated, path, overwrite=True)
    build(path, SETTINGS, Target(frames=9), workers=0, overwrite=True)
    assert "logits" in open_dataset(path).fields
    with h5py.File(path, "r+") as file:
        file["mine"] = np.zeros(3)
    with pytest.raises(BuildError, match="found mine; move"):
        build(path, SETTINGS, Target(frames=9), workers=0, overwrite=True)


FAULTS = [
    ("Misstating", {"fault": "type"}, r"'value' of shape \(2,\) of float32, found .* of float64"),
    ("Misstating", {"fault": "shape"}, r"'mean' of shape \(2, 3\) of .*, found shape \(2, 2\)"),
    ("Misstating", {"fault": "missing"}, "expected the extras mean, value, found value in episode"),
    ("Misstating", {"fault": "more"}, "expected the extras mean, value, found mean, value, worth"),
    ("Misstating", {"fault": "none at all"}, "expected a pair of actions and extras, as the"),
    ("Misstating", {"fault": "another"}, "expected its factory to declare the extras that"),
    ("Undeclared", {}, "declares no extras, found log_prob, logits, sure, where beside them"),
    ("made_by_function", {}, r"found none; set extras on the factory, too"),
    ("planned_extras", {}, "expected an act of its own, which returns the extras that it declares"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "message"), FAULTS)
def test_policies_that_do_not_state_what_they_declare(tmp_path, name, arguments, message):
    settings = replace(SETTINGS, policy=f"{MODULE}:{name}", policy_args=arguments)
    with pytest.raises(BuildError, match=f"policy '{MODULE}:{name}': .*{message}") as caught:
        build(tmp_path / "d", settings, Target(episodes=3), workers=0, num_envs=2)
    assert "\n" not in str(caught.value)


WRONG = [
    ({"frames": ["float32", []]}, "a name that is free .* found 'frames', which is taken"),
    ({"policies": ["float32", []]}, "found 'policies', which is taken"),
    ({"Log prob": ["float32", []]}, "a name of a small letter, .* found 'Log prob'"),
    ({"../x": ["float32", []]}, "found '../x'"),
    ({"x": ["object", []]}, "a type of bool, int8, .* for 'x' .* found 'object'"),
    ({"x": ["<U3", []]}, "a type of bool"),
    ({"x": ["complex64", []]}, "a type of bool"),
    ({"x": ["float32", [-1]]}, r"a shape such as \(\) or \(17,\) for 'x' .* found \(-1,\)"),
    ({"x": ["float32", 17]}, "a shape such as .* found 17"),
    ({"x": ["float32", [1025]]}, r"at most 4096 bytes a row .* found \(1025,\) of float32"),
    ({"x": "float32"}, r"a type and a shape for 'x' .* found 'float32'"),
    (["x"], r"expected extras of .* by name, such as .* found \['x'\]"),
    ({f"x{i}": ["float32", []] for i in range(33)}, "at most 32 extras, found 33"),
]  # fmt: skip


@pytest.mark.parametrize(("extras", "message"), WRONG)
def test_what_cannot_be_declared(extras, message):
    settings = BuildSettings(policy=f"{MODULE}:declares", policy_args={"extras": extras})
    with pytest.raises(PolicyError, match=message) as caught:
        settings.metadata()
    assert "\n" not in str(caught.value)


def test_declarations():
    assert declared_extras(PolicySpec("heuristic", {})) == ()
    mix = describe_policy(
        "mix", {f"{MODULE}:declares": {"weight": 0.5, "extras": {"value": ["int8", []]}},
                f"{MODULE}:Misstating": 0.5},
    )  # fmt: skip
    with pytest.raises(PolicyError, match=r"'value' of one type .* float32 \(\) and int8 \(\)"):
        declared_extras(mix)


def test_other_extras_are_not_gone_on_with(tmp_path):
    def settings(dtype):
        arguments = {"extras": {"value": [dtype, []]}}
        return replace(SETTINGS, policy=f"{MODULE}:declares", policy_args=arguments)

    metadata = settings("float32").metadata()
    assert metadata.extras == (ExtraSpec("value", "float32", ()),)
    from crafter_dataset.builder.settings import check_resumable

    stored = replace(metadata, extras=(ExtraSpec("value", "float64", ()),))
    with pytest.raises(SettingsError, match="policy: expected the extras of the policy as in d"):
        check_resumable(stored, settings("float32"), ["policy", "policy_args"], "d")


def test_metadata_that_describes_no_extras_is_refused(stated, tmp_path):
    path = tmp_path / "d.zarr"
    crafter_dataset.convert(stated, path)
    plain = (path / "zarr.json").read_text()
    for change in ({"name": "frames"}, {"dtype": "O"}, {"shape": [2**40]}, {"shape": "x"},
                   {"name": "logits"}, {"name": "../../x"}, {"shape": [1.5]}):  # fmt: skip
        document = json.loads(plain)
        document["attributes"]["crafter_dataset"]["extras"][0] |= change
        (path / "zarr.json").write_text(json.dumps(document))
        with pytest.raises(crafter_dataset.MetadataError, match=r"extras: expected a list of up"):
            open_dataset(path)
