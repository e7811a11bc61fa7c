"""DataLoaders over every container and every way of starting processes: all of them end well.

A segmentation fault as a worker ends shows in its exit code alone, and now and
then in an error of the training process.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.containers.places import FOR_PROCESSES, folder_of, put
from tests.synthetic import write_dataset

PROGRAM = """
import gc, json, multiprocessing, sys
import torch.utils.data.dataloader as dataloader
from crafter_dataset import WindowLoader, Windows, open_dataset

processes = []

class Watched(dataloader._MultiProcessingDataLoaderIter):
    def __init__(self, loader):
        super().__init__(loader)
        processes.extend(self._workers)

if __name__ == "__main__":
    method, *places = sys.argv[1:]
    dataloader._MultiProcessingDataLoaderIter = Watched
    if method == "forkserver":
        multiprocessing.set_forkserver_preload(["crafter_dataset.loader.torch"])
    found = {}
    for number, place in enumerate(places):
        windows = Windows(open_dataset(place), 4)
        windows.read([0])  # its files are open, and threads run
        loader = WindowLoader(
            windows, 8, num_workers=1, multiprocessing_context=method,
            persistent_workers=number % 2 == 0, pin_memory=False,
        )
        counts = [sum(map(len, loader)) for epoch in range(2 - number % 2)]
        begun = iter(loader)  # and one that is left in its middle
        next(begun)
        del begun, loader
        gc.collect()
        for process in processes:
            process.join(20)
        wrong = [code for code in (p.exitcode for p in processes) if code != 0]
        found[place] = set(counts) == {len(windows)}, len(processes), wrong
        processes.clear()
    print(json.dumps(found))
"""

READING = """
import sys, threading
from crafter_dataset import open_dataset

began = [threading.Event() for place in sys.argv[1:]]

def read(place, begun):
    dataset = open_dataset(place)
    while True:
        dataset[0]["frames"][0]
        begun.set()

for place, begun in zip(sys.argv[1:], began):
    threading.Thread(target=read, args=(place, begun), daemon=True).start()
for begun in began:
    assert begun.wait(20)
print("end")
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    data = folder_of(folder, write_dataset, [9, 30, 4])
    return [str(put(place, data, folder)) for place in FOR_PROCESSES]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_end_well_whatever_they_have_open(places, method, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "train.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "train.py"), method, *places],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fault" not in done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # A persistent worker serves both epochs and the third that is begun.
    expected = {place: [True, 1 + number % 2, []] for number, place in enumerate(places)}
    assert found == expected, done.stderr


@pytest.mark.parametrize("number", range(len(FOR_PROCESSES)), ids=FOR_PROCESSES)
def test_a_program_ends_while_a_daemon_thread_still_reads(places, number):
    """Three times in one: whether the thread is within a native library just then is chance."""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", READING, places[number]],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr


def test_a_program_ends_with_everything_open(places):
    """The dataset is a global name of the program, which nobody closes."""
    code = (
        "import sys, crafter_dataset\n"
        "kept = [crafter_dataset.open_dataset(place) for place in sys.argv[1:]]\n"
        "kept += [dataset[0] for dataset in kept] + [dataset[0]['frames'][:] for dataset in kept]\n"
        "print('end')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *places], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
