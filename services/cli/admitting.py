"""Members, invitations and limits of the workspace."""

from adapters.http.native.wire.workspaces import (
    InvitationCreation,
    InvitationOut,
    LimitsOut,
    MemberOut,
    MemberPatch,
    NewInvitation,
    WorkspaceOut,
)
from domain.workspace import Role
from services.cli.bounding import show_limits
from services.cli.proving import entered, two_secrets
from services.cli.session import Session
from services.console import age
from services.exits import Exit, WrongUsage

ROLES = [role.value for role in Role if role is not Role.MEMBER]


def members(session: Session) -> int:
    """Who may work in the workspace, and who is invited."""
    found = session.listed(MemberOut, "members")
    invited = session.listed(InvitationOut, "invitations")
    session.console.document({"members": found, "invitations": invited})
    rows = [(one.email, one.role, age(one.joined_at), "member") for one in found]
    rows += [(one.email, one.role, age(one.created_at), "expired" if one.expired else "invited") for one in invited]
    session.console.table(("E-MAIL", "ROLE", "SINCE", "STATUS"), rows, empty="There is nobody.")
    return Exit.OK


def invite(session: Session, email: str, role: str, days: int) -> int:
    """Invite somebody, and show the token this once."""
    wanted = InvitationCreation(email=email, role=_role(role), expires_in_days=days)
    made = session.client.post(session.path("invitations"), wanted, NewInvitation)
    session.console.document(made)
    session.console.say(f"{email} is invited as {role} until {made.expires_at:%Y-%m-%d}. Give them this token:")
    session.console.say(made.token or "(shown already)")
    session.console.note("They accept it with: shipbook members accept")
    return Exit.OK


def withdraw(session: Session, email: str) -> int:
    """Withdraw the invitations of an address."""
    found = [one for one in session.each(InvitationOut, "invitations") if one.email.casefold() == email.casefold()]
    if not found:
        raise WrongUsage(f"{email} is not invited. `shipbook members list` shows who is.")
    for one in found:
        session.client.delete(session.path("invitations", one.id))
    session.console.document({"withdrawn": [one.id for one in found]})
    session.console.say(f"{email} is invited no more.")
    return Exit.OK


def give_role(session: Session, email: str, role: str, reason: str | None) -> int:
    """Give a member another role."""
    found = _member(session, email)
    changed = session.client.patch(
        session.path("members", found.account_id), MemberPatch(role=_role(role), reason=reason), MemberOut
    )
    session.console.document(changed)
    session.console.say(f"{changed.email} is {changed.role}.")
    return Exit.OK


def remove(session: Session, email: str, reason: str | None) -> int:
    """Remove a member."""
    found = _member(session, email)
    session.client.delete(session.path("members", found.account_id), reason=reason)
    session.console.document({"removed": found.email, "id": found.account_id})
    session.console.say(f"{found.email} is removed. Their tokens for this workspace work no more.")
    return Exit.OK


def accept(session: Session) -> int:
    """Accept an invitation."""
    token, password = two_secrets("Invitation: ", f"Password of {session.me.email}: ")
    with entered(session, password) as client:
        joined = client.post("/invitations/accept", {"token": token}, WorkspaceOut)
    session.console.document(joined)
    session.console.say(f"You are {joined.role} of {joined.name} ({joined.id}).")
    return Exit.OK


def limits(session: Session) -> int:
    """What the workspace may use, and what it uses."""
    show_limits(session.console, session.get(LimitsOut, "limits"))
    return Exit.OK


def _role(role: str) -> Role:
    if role not in ROLES:
        raise WrongUsage(f"'{role}' is no role; expected {', '.join(ROLES)}.")
    return Role(role)


def _member(session: Session, email: str) -> MemberOut:
    found = [one for one in session.each(MemberOut, "members") if one.email.casefold() == email.casefold()]
    if not found:
        raise WrongUsage(f"{email} is no member. `shipbook members list` shows who is.")
    return found[0]
