"""What the README and the documentation show, works: every block of code is run.

README's and the site's first page begin in an empty folder, the other pages with the `data.zarr`
that these make. Builds are made smaller, a window is not opened, and nothing is installed.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import crafter_dataset
from crafter_dataset.builder.settings import BuildSettings, Target
from tests.building import build
from tests.docs.calls import COMMANDS, FIRST_NUMBERS, Call, SmallerBuilds, calls, smaller
from tests.docs.pages import PAGES, README, ROOT, Block, blocks, command_lines

NOT_RUN = {"pip", "mkdocs", "pytest", "python", "ruff", "mypy", "lint-imports", "pre-commit", "."}
"""What these install or check is what CI installs and checks."""

PACKAGE_OF = {"minari": "minari", "lerobot": "lerobot", "mp4": "av", "diamond": "torch"}
"""Formats that need a package that may be missing."""

FIRST_PAGES = (README, ROOT / "docs" / "index.md")
"""Pages that begin with nothing, and make the `data.zarr` that all others read."""

REFERENCE = [p for p in PAGES if p.parent.name == "api" and p.name != "index.md"]

FRAMES = 1800
"""Frames of a build that does not say how many."""


@pytest.fixture(scope="session")
def pages_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build what the first pages make, `data.zarr`."""
    path = tmp_path_factory.mktemp("pages") / "data.zarr"
    build(path, BuildSettings(), Target(frames=FRAMES), workers=0)
    return path


def made_smaller(words: list[str]) -> list[str]:
    """Let a build take a second."""
    words = list(words)
    for name in FIRST_NUMBERS:
        if f"--{name}" in words:
            place = words.index(f"--{name}") + 1
            words[place] = str(smaller(name, int(words[place])))
            return words
    goes_on = "--resume" in words and Path(words[words.index("--out") + 1]).exists()
    return words if goes_on or "--config" in words else [*words, "--frames", str(FRAMES)]


def run_line(words: list[str]) -> None:
    """Run a command of a page, as its reader would who goes through it from the top."""
    name, *rest = words
    if name in NOT_RUN:
        return
    assert name in COMMANDS, f"{name}: a page may show the project's own commands"
    if name == "view-dataset" and not {"--screenshot", "--export"} & set(rest):
        COMMANDS[name].make_context(name, rest)
        return
    for format, package in PACKAGE_OF.items():
        if (format in words or any(w.endswith(f".{format}") for w in rest)) and (
            importlib.util.find_spec(package) is None
        ):
            COMMANDS[name].make_context(name, rest)
            return
    if name == "build-dataset":
        words = made_smaller(words)
    status = COMMANDS[name].main(words[1:], prog_name=name, standalone_mode=False)
    assert not status, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_runs(page, pages_data, tmp_path, monkeypatch):
    if any(re.search(r"torch|iris|WindowLoader", block.text) for block in blocks(page)):
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    if page not in FIRST_PAGES:
        shutil.copytree(pages_data, tmp_path / "data.zarr")
    before = set(sys.modules)
    names: dict[str, object] = {}
    try:
        for block in blocks(page):
            run_block(block, page, names, tmp_path)
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(str(tmp_path)):
                del sys.modules[name]


def run_block(block: Block, page: Path, names: dict[str, object], folder: Path) -> None:
    if block.title:
        (folder / block.title).write_text(block.text)
    match block.language:
        case "python":
            code = SmallerBuilds().visit(ast.parse("\n" * (block.line - 1) + block.text))
            exec(compile(code, str(page), "exec"), names)
        case "bash":
            for words in command_lines(block):
                run_line(words)
        case "toml":
            tomllib.loads(block.text)
        case other:
            assert other in ("bibtex",), f"{page}:{block.line}: nobody runs {other}"


def test_there_are_blocks_that_run():
    count = {"python": 0, "bash": 0}
    for page in PAGES:
        for block in blocks(page):
            count[block.language] = count.get(block.language, 0) + 1
    assert count["python"] >= 25
    assert count["bash"] >= 15


def test_pages_can_be_gone_through_in_one_folder():
    """What two pages write has two names, unless the second reads or replaces what is there."""
    writer: dict[str, Path] = {}
    files: dict[str, str] = {}
    for page in PAGES:
        for block in blocks(page):
            if block.title:
                assert files.setdefault(block.title, block.text) == block.text, page
            for call in calls(block):
                for path in call.writes:
                    first = writer.setdefault(path, page)
                    assert first == page or call.may_find_it_there, (
                        f"{page}:{call.line}: {first} writes {path} as well"
                    )
    assert writer["data.zarr"] == README
    assert len(writer) > 40


def pairs() -> Iterator[tuple[Path, Block, Block]]:
    """Yield the blocks that say the same as a command and from Python, which follow each other."""
    for page in PAGES:
        text = page.read_text().splitlines()
        found = list(blocks(page))
        for block, following in pairwise(found):
            before = [text[one.line - 4] if one.line > 3 else "" for one in (block, following)]
            if before[0].startswith("As a command") and before[1] == "From Python:":
                yield page, block, following


def test_builds_are_the_same_as_a_command_and_from_python():
    compared = 0
    for page, command, python in pairs():
        one, other = (
            [call.settings for call in calls(block) if call.function == "build"]
            for block in (command, python)
        )
        assert one == other, f"{page}:{command.line}"
        compared += len(one)
    assert compared >= 9
    assert len(list(pairs())) >= 10


def test_what_a_block_writes_is_found():
    bash = "view-dataset a.zarr --export b.gif\nsplit-dataset a c d && merge-dataset c d e\n"
    python = "crafter_dataset.split('a', ['b', 'c'], overwrite=True)\ndataset.split(0.9)\n"
    found = [*calls(Block("bash", "", bash, 1)), *calls(Block("python", "", python, 1))]
    assert [call.writes for call in found] == [["b.gif"], ["c", "d"], ["e"], ["b", "c"]]
    assert [call.may_find_it_there for call in found] == [False, False, False, True]
    assert Call("build", {"path": "a", "resume": True}, 1).may_find_it_there


def test_pages_need_no_extension_to_be_read():
    for page in PAGES:
        assert "\n=== " not in page.read_text(), f"{page}: tabs are not shown in a repository"


def test_the_readme_is_short():
    assert len(README.read_text().split()) <= 1300


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if target.startswith("http"):
            continue
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
            assert anchor in slugs, target


def test_the_reference_has_every_public_name_once():
    named = [name for page in REFERENCE for name in references(page)]
    if importlib.util.find_spec("torch"):
        assert sorted(named) == crafter_dataset.__all__
    assert len(set(named)) == len(named)
    assert set(named) >= set(crafter_dataset.__all__)


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.stem)
def test_the_reference_begins_with_a_table_of_its_names(page):
    """Each with the first sentence of its docstring."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page.read_text(), flags=re.MULTILINE)
    assert [name for name, _ in rows] == references(page)
    for name, about in rows:
        if name in crafter_dataset.__all__:
            assert about == first_sentence(name), f"{page}: {name}"


def references(page: Path) -> list[str]:
    """List the names whose documentation the site shows on a page."""
    return re.findall(r"^::: crafter_dataset\.(\w+)$", page.read_text(), flags=re.MULTILINE)


def first_sentence(name: str) -> str:
    """Return how the docstring of a public name begins; a constant's stands below it."""
    thing = getattr(crafter_dataset, name)
    text = inspect.getdoc(thing) or ""
    if isinstance(thing, str):
        source = (ROOT / "envs" / "registration.py").read_text()
        text = re.search(rf'^{name} = .*\n"""(.*?)"""', source, re.MULTILINE | re.DOTALL)[1]
    return re.match(r".*?\.(?=\s|$)", " ".join(text.split()))[0]


def test_every_page_is_in_the_sites_contents():
    listed = re.findall(r"^ +- .*: ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(
        str(page.relative_to(ROOT / "docs")) for page in PAGES if page != README
    )


def test_examples_are_named_in_the_readme():
    for path in (ROOT / "examples").glob("*.py"):
        assert path.name in README.read_text()
