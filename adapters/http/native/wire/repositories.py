"""Connections to repositories."""

from datetime import datetime
from typing import Annotated

from adapters.http.native.wire.shapes import In, Out, said
from domain.identifiers import (
    ConnectionId,
)


class CredentialIn(In):
    """What a private repository is read with: a user and a token for https, or a key for ssh. Kept sealed."""

    username: Annotated[str, said("The user for https.", "git")] = "git"
    token: Annotated[str, said("The token or password for https.")] = ""
    private_key: Annotated[str, said("An unencrypted private key for ssh, in OpenSSH's form.")] = ""


class ConnectionCreation(In):
    """Connect a git repository."""

    url: Annotated[str, said("https, ssh, or a local path if allowed.", "https://github.com/example/shop")]
    name: Annotated[str | None, said("Unique in the workspace; else made of the URL.", "shop")] = None
    credential: CredentialIn | None = None


class ConnectionOut(Out):
    """A connected repository; its credential is never shown."""

    id: ConnectionId
    name: str
    url: str
    has_credential: bool
    created_at: datetime
