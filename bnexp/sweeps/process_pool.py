"""The processes that train: a sweep hands out packs, and hears events.

One worker per core with one thread each beats one process with all threads (`make bench`). Workers are fresh processes
that inherit nothing but the memory of the data; a thread per worker reads what it says into one queue.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from bnexp.choices import Probes
from bnexp.data.datasets import Data
from bnexp.errors import UserError
from bnexp.store.store import Store
from bnexp.sweeps.protocol import Assignment, Event, Kind, event
from bnexp.sweeps.shared_memory import attach, nameless_file, share

PATIENCE: Final = 5.0
"""Seconds that a stopped worker has to write what it is writing."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(eq=False)
class _Worker:
    """A process, whether it has its setting, its device once it is ready, and the pack that it trains."""

    process: "subprocess.Popen[str]"
    has_setting: bool = False
    busy: Assignment | None = None
    device: str | None = None

    def told(self, order: dict[str, Any]) -> None:
        """Send it a line of JSON; if it has died, its end is heard later."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def stop(self) -> None:
        """End it: at once if it has nothing to do, else when it has written what it is writing."""
        if self.busy:
            self.process.terminate()
        else:
            self.process.kill()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


@dataclass(eq=False)
class ProcessPool:
    """Workers that train packs of `sets` data sets into `store`; use it as a context.

    On leaving, workers that are still busy are stopped: their packs are lost, what is stored is whole. An interrupt
    while they stop kills them.
    """

    store: Store
    device: str
    weights: bool
    sets: int
    probes: Probes = Probes.none
    _words: int = -1
    _descriptors: list[int] = field(default_factory=list)
    _data: list[dict[str, Any]] = field(default_factory=list)
    _workers: list[_Worker] = field(default_factory=list)
    _heard: "queue.SimpleQueue[tuple[_Worker, Event | None]]" = field(default_factory=queue.SimpleQueue)

    def __enter__(self) -> "ProcessPool":
        self._words, *self._descriptors = (nameless_file() for _ in range(1 + self.sets))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()
        until = time.monotonic() + PATIENCE
        try:
            while any(worker.process.poll() is None for worker in self._workers) and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.wait()
            for descriptor in self._descriptors:
                os.close(descriptor)
            with os.fdopen(self._words, errors="replace") as words:
                words.seek(0)
                if said := words.read():
                    self.store.log(said)

    def share(self, data: Data) -> Data:
        """Copy `data` into memory that all workers read, and return it as it lies there."""
        self._data.append(share(data, self._descriptors[len(self._data)]))
        return attach(self._data[-1])

    def launch(self, workers: int) -> None:
        """Let so many processes start, without waiting for them: they load torch while this one does something else."""
        while len(self._workers) < workers:
            self._start_one()

    def start(self, workers: int) -> str:
        """Have so many workers, at least one, and return their device, which the first that is ready says.

        Called when all data is shared, and before any pack is handed out.
        """
        for worker in self._workers[workers:]:
            worker.stop()
            worker.process.wait()
        del self._workers[workers:]
        self.launch(workers)
        for worker in self._workers:
            self._set(worker)
        while not (devices := [worker.device for worker in self._workers if worker.device]):
            self._hear()
        return devices[0]

    def wait(self) -> None:
        """Wait until all workers are ready."""
        while not all(worker.device for worker in self._workers):
            self._hear()

    def ask(self, order: dict[str, Any]) -> list[dict[str, float]]:
        """Give all workers the same order to measure something, at the same time, and return their answers."""
        self.wait()
        for worker in self._workers:
            worker.told(order)
        answers: list[dict[str, float]] = []
        while len(answers) < len(self._workers):
            worker, said = self._hear()
            if said is None:
                raise UserError(f"a worker must measure; got {_death(worker)}: {self.store.log_path} says why")
            answers += [said.numbers] if said.kind is Kind.measured else []
        return answers

    def train(self, todo: deque[Assignment]) -> Iterator[tuple[Assignment, Event]]:
        """Train what is in `todo`, which may grow meanwhile, and yield every event with its pack.

        A worker that dies while it trains gives the event `failed`, and another one takes its place. A warning comes
        with whatever its worker is training.
        """
        while todo or any(worker.busy for worker in self._workers):
            for worker in self._workers:
                if worker.device and not worker.busy and todo:
                    worker.busy = todo.popleft()
                    worker.told({"do": "train", "assignment": worker.busy.plain()})
            worker, said = self._hear()
            given = worker.busy
            if said is None:
                said = Event(Kind.failed, _death(worker))
                if todo or given:
                    self._set(self._start_one())
            if given is None:
                continue
            if said.kind in (Kind.stored, Kind.failed):
                worker.busy = None
            yield given, said

    def _start_one(self) -> _Worker:
        """Start a worker, in a session of its own: Ctrl-C is for the sweep, which then decides."""
        places = [str(Path(__file__).parent.parent.parent), os.environ.get("PYTHONPATH")]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bnexp.sweeps.worker"],  # -P: the user's folder may hold a random.py
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            pass_fds=self._descriptors,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))},
            start_new_session=True,
        )
        worker = _Worker(process)
        self._workers.append(worker)
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(worker, process.stdout), daemon=True).start()
        return worker

    def _set(self, worker: _Worker) -> None:
        """Tell `worker`, once, where it trains what."""
        if not worker.has_setting:
            worker.has_setting = True
            setting = {
                "store": str(self.store.path),
                "device": self.device,
                "weights": self.weights,
                "probes": self.probes,
                "data": self._data,
            }
            worker.told(setting)

    def _listen(self, worker: _Worker, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                if line.endswith("\n"):  # else it was killed while it spoke
                    self._heard.put((worker, event(line)))
        self._heard.put((worker, None))

    def _hear(self) -> tuple[_Worker, Event | None]:
        """Wait for the next event, or None for the end of a worker; raise `UserError` if nothing more can be done."""
        worker, said = self._heard.get()
        while worker not in self._workers:  # it was one too many
            worker, said = self._heard.get()
        if said is None:
            self._workers.remove(worker)
            with contextlib.suppress(subprocess.TimeoutExpired):  # how it ended by itself is the reason that is told
                worker.process.wait(PATIENCE)
            worker.stop()
            if worker.device is None:
                raise UserError(f"a worker must start; got {_death(worker)}: {self.store.log_path} says why")
        elif said.kind is Kind.refused:
            raise UserError(said.text)
        elif said.kind is Kind.ready:
            worker.device = said.text
        return worker, said


def _death(worker: _Worker) -> str:
    code = worker.process.wait()
    if code == -9:
        return "its process was killed (signal 9; the system does that when memory is short)"
    return f"its process ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"
