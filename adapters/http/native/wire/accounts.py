"""Accounts and tokens."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from adapters.http.native.wire.shapes import In, Out, said
from domain.account import Scope
from domain.identifiers import (
    AccountId,
    ApiTokenId,
    ProjectId,
    SessionId,
    TenantId,
)
from domain.workspace import Role

Email = Annotated[str, said("An e-mail address.", "insider@example.com")]
Password = Annotated[str, said("8 to 1024 characters.", "correct horse battery staple")]


class Registration(In):
    """Join, with a workspace of one's own."""

    email: Email
    password: Password
    workspace_name: Annotated[str | None, said("The workspace's name; else made of the address.", "Corner shop")] = None
    invitation_token: Annotated[str | None, said("An invitation's token: join its workspace as well.", "shinv_…")] = (
        None
    )


class Login(In):
    """Sign in."""

    email: Email
    password: Password


class PasswordChange(In):
    """Take another password."""

    current_password: Password
    new_password: Password


class SessionOut(Out):
    """A browser or a command line that is signed in."""

    id: SessionId
    current: Annotated[bool, said("Whether it is the caller's own.")]
    address: Annotated[str | None, said("Where it began.", "192.0.2.1")]
    user_agent: str | None
    started_at: datetime
    expires_at: datetime
    last_used_at: Annotated[datetime | None, said("To the minute.")]
    last_used_from: str | None


class MembershipOut(Out):
    """A workspace of the account."""

    tenant_id: TenantId
    name: str
    role: Role


class Me(Out):
    """Who the caller is. ``memberships[0].tenantId`` is the workspace to begin with."""

    id: AccountId
    email: str
    scope: Annotated[Scope, said("What the caller may do: a session may do all that its account may.")]
    authenticated_by: Literal["session", "token"]
    memberships: list[MembershipOut]


class TokenCreation(In):
    """Make a personal access token."""

    name: Annotated[str, said("What it is for.", "CI")]
    scope: Annotated[Scope, said("read: look; deploy: also trigger, cancel, retry, roll back; admin: all")] = (
        Scope.ADMIN
    )
    tenant_id: Annotated[TenantId | None, said("The workspace that it reaches; else the first of the account.")] = None
    expires_at: Annotated[datetime, Meta(tz=True, description="When it stops working; else never.")] | None = None
    project_ids: (
        Annotated[
            list[ProjectId], Meta(min_length=1, max_length=50, description="All that it reaches; else everything.")
        ]
        | None
    ) = None


class TokenOut(Out):
    """A personal access token, without its secret."""

    id: ApiTokenId
    tenant_id: TenantId
    name: str
    scope: Scope
    project_ids: Annotated[list[ProjectId] | None, said("All that it reaches; null for the whole workspace.")]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, said("To the minute.")]
    last_used_from: str | None


class NewToken(TokenOut):
    """A token that was just made; ``token`` is shown this once, and null when the request is repeated."""

    token: Annotated[str | None, said("The token itself. Keep it: it is not shown again.", "shpat_…")]
