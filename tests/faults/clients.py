"""Clients that write down what they were told: each request under a name of its own, and its answer."""

from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from time import monotonic, sleep
from typing import Any

import httpx

from tests.system.planes import Plane

PATIENCE_SECONDS = 60.0
"""So long a client repeats a request under the same name before the test fails."""

_COME_BACK = {HTTPStatus.CONFLICT: "in_flight", HTTPStatus.SERVICE_UNAVAILABLE: None}
"""Answers that ask for a repetition, each with the code that it must have, if any."""


@dataclass(frozen=True)
class Told:
    """A request that was answered with success: what the plane now owes the client."""

    key: str
    method: str
    path: str
    sent: dict[str, Any]
    answer: dict[str, Any]
    position: int
    """The plane said that the log holds what was done, up to here."""


@dataclass
class Client:
    """Sends commands, each with an ``Idempotency-Key``, again and again until it is answered."""

    plane: Plane
    name: str
    asked: list[str] = field(default_factory=list)
    """The name of every request, whether it was answered or not."""
    told: list[Told] = field(default_factory=list)
    turned_away: Counter[str] = field(default_factory=Counter)
    """Why it had to come back, and how often."""

    def __post_init__(self) -> None:
        self._numbers = count(1)
        api = self.plane.credentials
        self._http = httpx.Client(
            base_url=f"http://{self.plane.http}/tenants/{api['tenantId']}",
            headers={"Authorization": f"Bearer {api['token']}"},
            timeout=20,
        )

    def send(self, method: str, path: str, mark: str, body: dict[str, Any] | None = None) -> Told:
        """A command; the field ``mark`` of its body holds its name, so that the log tells which facts it caused."""
        key = f"{self.name}-{next(self._numbers)}"
        self.asked.append(key)
        sent = {**(body or {}), mark: key}
        answer = self._answered(method, path, key, sent)
        position = int(answer.headers["X-Shipbook-Position"])
        told = Told(key, method, path, sent, answer.json(), position)
        self.told.append(told)
        return told

    def repeat(self, told: Told) -> httpx.Response:
        """The same request under the same name once more."""
        return self._answered(told.method, told.path, told.key, told.sent)

    def look(self, path: str, **parameters: Any) -> dict[str, Any]:
        """What the plane shows; a part that restarts is waited for."""
        return dict(self._answered("GET", path, "", None, parameters).json())

    def close(self) -> None:
        """Send nothing more."""
        self._http.close()

    def _answered(
        self, method: str, path: str, key: str, body: dict[str, Any] | None, parameters: dict[str, Any] | None = None
    ) -> httpx.Response:
        headers, deadline = ({"Idempotency-Key": key} if key else {}), monotonic() + PATIENCE_SECONDS
        while monotonic() < deadline:
            try:
                answer = self._http.request(method, path, json=body, headers=headers, params=parameters)
            except httpx.TransportError as problem:
                self.turned_away[type(problem).__name__] += 1
            else:
                if answer.is_success:
                    return answer
                self._require_invitation(answer)
            sleep(0.05)
        raise AssertionError(f"{method} {path} ({key}) was not answered: {dict(self.turned_away)}")

    def _require_invitation(self, answer: httpx.Response) -> None:
        """Whoever is turned away must be told when to come back."""
        said = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
        assert answer.status_code in _COME_BACK, said
        assert answer.headers["Retry-After"].isdecimal(), said
        code = answer.json()["code"]
        assert _COME_BACK[HTTPStatus(answer.status_code)] in {None, code}, said
        self.turned_away[code] += 1
