"""The processes that train: a sweep hands out packs, and hears events.

One worker per core with one thread each beats one process with all threads (`make bench`). Workers are fresh processes
that inherit nothing but the memory of the data; a thread per worker puts the events that it tells into one queue.
"""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from bnexp.data.datasets import Data
from bnexp.errors import UserError
from bnexp.store.store import Store
from bnexp.sweeps.protocol import (
    Assignment,
    Event,
    Extras,
    Kind,
    Measurement,
    Order,
    Setting,
    Train,
    decode_event,
    encode,
)
from bnexp.sweeps.shared_memory import attach, nameless_file, share

PATIENCE: Final = 5.0
"""Seconds that a stopped worker has to write what it is writing."""


@dataclass(eq=False)
class _Worker:
    """A process, its device once it is ready, and the pack that it trains."""

    process: "subprocess.Popen[str]"
    device: str | None = None
    assignment: Assignment | None = None

    def send(self, message: Setting | Order) -> None:
        """Send it a message; if it has died, its end is heard later."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(encode(message))
            self.process.stdin.flush()

    def stop(self) -> None:
        """End it: at once if it has nothing to do, else when it has written what it is writing."""
        if self.assignment:
            self.process.terminate()
        else:
            self.process.kill()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def describe_end(self) -> str:
        """Return how its process ended, as the end of a sentence."""
        code = self.process.wait()
        if code == -9:
            return "its process was killed (signal 9; the system does that when memory is short)"
        return f"its process ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"


@dataclass(eq=False)
class ProcessPool:
    """The `Workers` of a sweep as processes: they train packs of so many `data_sets` into `store`.

    On leaving, workers that still train are stopped: their packs are lost, what is stored is whole. An interrupt while
    they stop kills them.
    """

    store: Store
    device: str
    extras: Extras
    data_sets: int
    _log: int = -1
    _descriptors: list[int] = field(default_factory=list)
    _setting: Setting | None = None
    _workers: list[_Worker] = field(default_factory=list)
    _events: "queue.SimpleQueue[tuple[_Worker, Event | None]]" = field(default_factory=queue.SimpleQueue)

    def __enter__(self) -> Self:
        self._log, *self._descriptors = (nameless_file() for _ in range(1 + self.data_sets))
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
            with os.fdopen(self._log, encoding="utf-8", errors="replace") as log:
                log.seek(0)
                if text := log.read():
                    self.store.log(text)

    def resize(self, count: int) -> None:
        """Let there be `count` processes; those that start load torch while this one does something else."""
        for worker in self._workers[count:]:
            worker.stop()
            worker.process.wait()
        del self._workers[count:]
        while len(self._workers) < count:
            self._start_worker()

    def share(self, loaded: Iterable[Data]) -> list[Data]:
        """Copy the data sets into memory that all workers read, and return them as they lie there."""
        shared = tuple(share(data, descriptor) for data, descriptor in zip(loaded, self._descriptors, strict=True))
        self._setting = Setting(str(self.store.path), self.device, self.extras, shared)
        for worker in self._workers:
            worker.send(self._setting)
        return list(map(attach, shared))

    def describe(self) -> str:
        """Return the device of the workers, which the first that is ready tells."""
        while not (devices := [worker.device for worker in self._workers if worker.device]):
            self._next_event()
        return devices[0]

    def wait(self) -> None:
        """Wait until all workers are ready."""
        while not all(worker.device for worker in self._workers):
            self._next_event()

    def measure(self, order: Measurement) -> list[dict[str, float]]:
        """Let all workers measure the same at the same time, and return the answer of each."""
        self.wait()
        for worker in self._workers:
            worker.send(order)
        answers: list[dict[str, float]] = []
        while len(answers) < len(self._workers):
            worker, event = self._next_event()
            if event is None:
                raise UserError(
                    f"a worker ended while it measured how fast packs are trained: {worker.describe_end()}; "
                    f"{self.store.log_path} says why"
                )
            answers += [event.numbers] if event.kind is Kind.measured else []
        return answers

    def train(self, queue: deque[Assignment]) -> Iterator[tuple[Assignment, Event]]:
        """Train what is in `queue`, which may grow meanwhile, and yield every event with its pack.

        A worker that dies while it trains gives the event `failed`, and another one takes its place. A warning comes
        with whatever its worker is training.
        """
        while queue or any(worker.assignment for worker in self._workers):
            for worker in self._workers:
                if worker.device and not worker.assignment and queue:
                    worker.assignment = queue.popleft()
                    worker.send(Train(worker.assignment))
            worker, event = self._next_event()
            assignment = worker.assignment
            if event is None:
                event = Event(Kind.failed, worker.describe_end())
                if queue or assignment:
                    self._start_worker()
            if assignment is None:
                continue
            if event.kind in (Kind.stored, Kind.failed):
                worker.assignment = None
            yield assignment, event

    def _start_worker(self) -> None:
        """Start a worker, in a session of its own: Ctrl-C is for the sweep, which then decides."""
        places = [str(Path(__file__).parent.parent.parent), os.environ.get("PYTHONPATH")]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bnexp.sweeps.worker"],  # -P: the user's folder may hold a random.py
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            pass_fds=self._descriptors,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))},
            start_new_session=True,
        )
        worker = _Worker(process)
        self._workers.append(worker)
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(worker, process.stdout), daemon=True).start()
        if self._setting:
            worker.send(self._setting)

    def _listen(self, worker: _Worker, lines: IO[str]) -> None:
        """Put the events of `worker` into the queue, and None at its end."""
        with lines:
            for line in lines:
                if line.endswith("\n"):  # else it was killed while it told
                    self._events.put((worker, decode_event(line)))
        self._events.put((worker, None))

    def _next_event(self) -> tuple[_Worker, Event | None]:
        """Wait for the next event, or None for the end of a worker; raise `UserError` if nothing more can be done."""
        worker, event = self._events.get()
        while worker not in self._workers:  # it was one too many
            worker, event = self._events.get()
        if event is None:
            self._workers.remove(worker)
            with contextlib.suppress(subprocess.TimeoutExpired):  # how it ended by itself is the reason that is told
                worker.process.wait(PATIENCE)
            worker.stop()
            if worker.device is None:
                raise UserError(f"a worker could not start: {worker.describe_end()}; {self.store.log_path} says why")
        elif event.kind is Kind.refused:
            raise UserError(event.text)
        elif event.kind is Kind.ready:
            worker.device = event.text
        return worker, event
