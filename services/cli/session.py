"""One run of a command: as whom it talks to which plane, and where it shows what it found."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

from adapters.http.native.wire.accounts import Me
from domain.identifiers import TenantId
from services import logins
from services.client import Client
from services.console import Console
from services.exits import Unreachable

T = TypeVar("T")

PAGE = 200
"""The largest page that the API gives."""


class Listing(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    """A page of a list, as the API answers it."""

    items: list[T]
    next_cursor: str | None = None


class Session:
    """What a command works with. The plane is asked for nothing before a command needs it."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        api_url: str | None = None,
        token: str | None = None,
        data_dir: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.console = Console(as_json=as_json)
        self.api_url = api_url
        self.token = token
        self.data_dir = data_dir
        self.environ = environ
        self._owned = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._owned.close()

    @cached_property
    def client(self) -> Client:
        """The client of the plane that the options, the environment or a stored login name."""
        return self.client_of(logins.resolved(self.api_url, self.token, self.data_dir, self.environ))

    def client_of(self, login: logins.Login) -> Client:
        """A client for another login, closed with the session."""
        return self._owned.enter_context(Client(login))

    @cached_property
    def me(self) -> Me:
        """Who we are."""
        return self.client.get("/auth/me", Me)

    @property
    def tenant_id(self) -> TenantId:
        """The workspace that we work in: the first of ours."""
        if not self.me.memberships:
            raise Unreachable(f"{self.me.email} belongs to no workspace any more. Ask for an invitation.")
        return self.me.memberships[0].tenant_id

    def path(self, *parts: str) -> str:
        """The path of something in our workspace."""
        return "/".join(("/tenants", self.tenant_id, *parts))

    def get(self, kind: type[T], *parts: str, **query: object) -> T:
        """Something in our workspace."""
        return self.client.get(self.path(*parts), kind, **query)

    def listed(self, kind: type[T], *parts: str, most: int | None = None, **query: object) -> list[T]:
        """A list in our workspace: all of it, or its first ``most``."""
        return list(islice(self.each(kind, *parts, at_once=min(most or PAGE, PAGE), **query), most))

    def each(self, kind: type[T], *parts: str, at_once: int = PAGE, **query: object) -> Iterator[T]:
        """The items of a list in our workspace; pages are asked for as they are needed."""
        answer = Listing[kind]  # type: ignore[valid-type]  # msgspec takes the parameter at run time
        page = self.get(answer, *parts, limit=at_once, **query)
        yield from page.items
        while page.next_cursor:
            page = self.get(answer, *parts, limit=at_once, cursor=page.next_cursor, **query)
            yield from page.items
