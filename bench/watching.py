"""A client that asks for one page again and again on a connection that it keeps, and remembers every answer."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from time import perf_counter, sleep

EVERY_SECONDS = 0.002
SETTLED = 100
"""So many answers one after another show that a switch is complete."""


@dataclass(frozen=True)
class Answer:
    """``sent`` and ``came`` are moments of ``perf_counter``; ``status`` is 0 where the connection broke."""

    sent: float
    came: float
    status: int
    text: str


class Watch:
    """What ``host`` shows, at the edge ``address``, some hundred times a second."""

    def __init__(self, address: str, host: str) -> None:
        self.answers: list[Answer] = []
        self._address = address
        self._host = f"{host}:{address.rpartition(':')[2]}"
        self._stop = Event()

    @property
    def failed(self) -> int:
        """How many answers were not 200."""
        return sum(answer.status != 200 for answer in self.answers)

    def switched(self, wanted: str, since: float, seconds: float = 60) -> Answer:
        """Wait until every answer holds ``wanted``; the first answer to a request after which that is so."""
        deadline = perf_counter() + seconds
        while True:
            seen = [answer for answer in self.answers if answer.sent >= since]
            right = [wanted in answer.text for answer in seen]
            if len(right) > SETTLED and all(right[-SETTLED:]):
                wrong = [place for place, good in enumerate(right) if not good]
                return seen[wrong[-1] + 1 if wrong else 0]
            assert perf_counter() < deadline, f"{self._host} does not show {wanted!r}"
            sleep(0.02)

    def run(self) -> None:
        """Ask until ``stop``."""
        asking = http.client.HTTPConnection(self._address, timeout=10)
        while not self._stop.is_set():
            sent = perf_counter()
            status, text = 0, ""
            try:
                asking.request("GET", "/", headers={"Host": self._host})
                got = asking.getresponse()
                status, text = got.status, got.read().decode(errors="replace")
            except (OSError, http.client.HTTPException):
                asking.close()
            self.answers.append(Answer(sent, perf_counter(), status, text))
            sleep(max(0.0, sent + EVERY_SECONDS - perf_counter()))
        asking.close()

    def stop(self) -> None:
        """End ``run``."""
        self._stop.set()


@contextmanager
def watching(address: str, host: str) -> Iterator[Watch]:
    """A watch for the length of the block."""
    watch = Watch(address, host)
    thread = Thread(target=watch.run, name="watch")
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()
