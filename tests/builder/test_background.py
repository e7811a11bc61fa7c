"""Files that are written in a thread: in order, all of them, and no error is lost."""

from __future__ import annotations

import threading
import time

import pytest

from crafter_dataset.builder.storage import background
from crafter_dataset.builder.storage.background import BackgroundFiles


@pytest.fixture
def files():
    files = BackgroundFiles()
    yield files
    files.close()


def test_the_last_content_given_is_what_a_file_has(files, tmp_path):
    for number in range(50):
        assert files.replace(tmp_path / f"{number % 3}", [b"a", str(number).encode()]) > 1
    files.wait()
    assert [(tmp_path / name).read_text() for name in "012"] == ["a48", "a49", "a47"]
    assert len(list(tmp_path.iterdir())) == 3


def test_an_error_is_raised_by_each_later_call_and_nothing_is_written_any_more(files, tmp_path):
    files.replace(tmp_path / "missing" / "file", [b"a"])
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match="missing/file"):
            files.wait()
    with pytest.raises(FileNotFoundError):
        files.replace(tmp_path / "later", [b"a"])
    files.close()
    assert list(tmp_path.iterdir()) == []


def test_no_more_waits_than_may(files, tmp_path, monkeypatch):
    """With the disk standing still, whoever gives too much waits, too."""
    moving = threading.Event()
    write = background.replace_file
    monkeypatch.setattr(background, "MOST_WAITING", 10)
    monkeypatch.setattr(
        background, "replace_file", lambda path, parts: moving.wait() and write(path, parts)
    )
    given: list[int] = []

    def give() -> None:
        for number in range(4):
            files.replace(tmp_path / f"{number}", [b"12345"])
            given.append(number)

    giver = threading.Thread(target=give, daemon=True)
    giver.start()
    giver.join(0.5)
    assert given == [0, 1]
    moving.set()
    giver.join()
    files.wait()
    assert given == [0, 1, 2, 3]
    assert len(list(tmp_path.iterdir())) == 4


def test_closing_forgets_what_is_not_yet_begun(files, tmp_path, monkeypatch):
    begun = threading.Event()
    write = background.replace_file

    def write_while_closing(path, parts):
        begun.set()
        while not files._failed:
            time.sleep(0.01)
        return write(path, parts)

    monkeypatch.setattr(background, "replace_file", write_while_closing)
    for number in range(3):
        files.replace(tmp_path / f"{number}", [b"a"])
    begun.wait()
    files.close()
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
