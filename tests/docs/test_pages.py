"""What the README and the documentation show, works: every block of code is run.

Builds are made smaller, a window is not opened, and nothing is installed.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

import crafter_dataset
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.commands.build import command as build_command
from crafter_dataset.commands.convert import command as convert_command
from crafter_dataset.commands.inspect import command as inspect_command
from crafter_dataset.commands.merge import command as merge_command
from crafter_dataset.commands.plot import command as plot_command
from crafter_dataset.commands.split import command as split_command
from crafter_dataset.commands.validate import command as validate_command
from crafter_dataset.commands.view import command as view_command
from tests.building import build
from tests.docs.pages import PAGES, README, ROOT, Block, blocks, command_lines

COMMANDS = {
    c.name: c
    for c in (
        build_command,
        validate_command,
        inspect_command,
        view_command,
        plot_command,
        convert_command,
        merge_command,
        split_command,
    )
}
NOT_RUN = {"pip", "mkdocs", "pytest", "python", "ruff", "mypy", "lint-imports", "pre-commit", "."}
"""What these install or check is what CI installs and checks."""

PACKAGE_OF = {"minari": "minari", "lerobot": "lerobot", "mp4": "av", "diamond": "torch"}
"""Formats that need a package that may be missing."""


@pytest.fixture(scope="session")
def pages_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build what pages call `data.zarr`."""
    path = tmp_path_factory.mktemp("pages") / "data.zarr"
    build(path, BuildSettings(seed=5), Target(frames=2500), workers=0)
    return path


def made_smaller(words: list[str]) -> list[str]:
    """Let a build take a second."""
    words = list(words)
    for option, scale, least in (("--frames", 500, 1000), ("--episodes", 100, 2)):
        if option in words:
            place = words.index(option) + 1
            words[place] = str(max(int(words[place]) // scale, least))
            return words
    return words if "--resume" in words or "--config" in words else [*words, "--frames", "2500"]


def run_line(words: list[str], folder: Path) -> None:
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
        out = folder / rest[rest.index("--out") + 1]
        if out.is_dir() and "--resume" not in rest:
            shutil.rmtree(out)
        out.unlink(missing_ok=True) if out.is_file() else None
        words = made_smaller(words)
    status = COMMANDS[name].main(words[1:], prog_name=name, standalone_mode=False)
    assert not status, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_runs(page, pages_data, tmp_path, monkeypatch):
    if any(re.search(r"torch|iris|WindowLoader", block.text) for block in blocks(page)):
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
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
            code = "\n" * (block.line - 1) + block.text
            exec(compile(code, str(page), "exec"), names)
        case "bash":
            for words in command_lines(block):
                run_line(words, folder)
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
    text = "\n".join(page.read_text() for page in (ROOT / "docs" / "api").glob("*.md"))
    named = re.findall(r"^::: crafter_dataset\.(\w+)$", text, flags=re.MULTILINE)
    assert sorted(named) == crafter_dataset.__all__


def test_every_page_is_in_the_sites_contents():
    listed = re.findall(r"^ +- .*: ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(
        str(page.relative_to(ROOT / "docs")) for page in PAGES if page != README
    )


def test_examples_are_named_in_the_readme():
    for path in (ROOT / "examples").glob("*.py"):
        assert path.name in README.read_text()
