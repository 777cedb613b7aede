"""Importing many secrets at once: each is looked at before any is kept, and what is there already is left alone.

An import that was broken off is repeated whole: what it had done then is unchanged.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from commands import secret
from commands.checks import check
from commands.handling import Caused, Handler
from commands.ports import Request, SecretValue, Vault
from commands.sealing import require_place, rotate_secret, set_secret
from commands.secret import wrong_name, wrong_value
from domain.fact import Value
from domain.history import Context
from domain.identifiers import EnvironmentId, ProjectId, SecretId
from domain.secret import SecretRotated, SecretScope

MOST_NAMES = 200
AT_ONCE = 10
"""So many are kept side by side, and share commits."""


class Variable(Value):
    """A line of a file that says what a variable is to be; no ``name`` where it does not."""

    line: int
    name: str | None = None
    value: SecretValue = SecretValue("")


class Outcome(StrEnum):
    """What becomes of a variable."""

    CREATED = "created"
    ROTATED = "rotated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Planned(Value):
    """A variable, and what becomes of it: which secret and version, or why it is refused."""

    variable: Variable
    outcome: Outcome
    secret_id: SecretId | None = None
    version: int | None = None
    reason: str | None = None
    done: bool = False
    """The same request did it before."""


class Destination(Value):
    """Where the secrets belong: the workspace, a project, or its environment."""

    project_id: ProjectId | None = None
    environment_id: EnvironmentId | None = None

    @property
    def scope(self) -> SecretScope:
        """Where they are seen."""
        if self.environment_id is not None:
            return SecretScope.ENVIRONMENT
        return SecretScope.WORKSPACE if self.project_id is None else SecretScope.PROJECT


async def plan(
    handler: Handler,
    vault: Vault,
    context: Context,
    destination: Destination,
    variables: Sequence[Variable],
    known: Mapping[str, SecretId],
    request: Request | None,
) -> list[Planned]:
    """What becomes of each variable. ``known`` are the destination's secrets by name. Raises ``NotFound``."""
    if destination.project_id is None:
        wrong = None if destination.environment_id is None else "is needed besides environmentId"
        check([("projectId", wrong)])
    else:
        await require_place(handler, context, destination.project_id, destination.environment_id)
    refused = {one.line: reason for one, reason in _refusals(variables)}
    return [
        Planned(variable=one, outcome=Outcome.REFUSED, reason=refused[one.line])
        if one.line in refused
        else await _planned(handler, vault, context, one, known.get(one.name or ""), request)
        for one in variables
    ]


def require_sound(planned: Sequence[Planned]) -> None:
    """Refuse the import if any of its variables is."""
    check((f"content:{one.variable.line}", one.reason) for one in planned)


async def carry_out(
    handler: Handler,
    vault: Vault,
    context: Context,
    destination: Destination,
    planned: Sequence[Planned],
    new: Callable[[str], SecretId],
    request: Request | None,
) -> Caused:
    """Keep what is to be kept, of which there is something. The request counts as done with the last of it."""
    *earlier, last = planned
    for start in range(0, len(earlier), AT_ONCE):
        few = [_keep(handler, vault, context, destination, one, new, None) for one in earlier[start : start + AT_ONCE]]
        for kept in await asyncio.gather(*few, return_exceptions=True):
            if isinstance(kept, BaseException):
                raise kept
    return await _keep(handler, vault, context, destination, last, new, request)


async def _keep(
    handler: Handler,
    vault: Vault,
    context: Context,
    destination: Destination,
    planned: Planned,
    new: Callable[[str], SecretId],
    request: Request | None,
) -> Caused:
    name, value = planned.variable.name or "", planned.variable.value
    if planned.secret_id is not None:
        return await rotate_secret(handler, vault, context, secret_id=planned.secret_id, value=value, request=request)
    return await set_secret(
        handler,
        vault,
        context,
        secret_id=new(name),
        name=name,
        value=value,
        scope=destination.scope,
        project_id=destination.project_id,
        environment_id=destination.environment_id,
        request=request,
    )


def to_do(planned: Sequence[Planned]) -> list[Planned]:
    """What is to be kept and was not before."""
    return [one for one in planned if one.outcome in {Outcome.CREATED, Outcome.ROTATED} and not one.done]


def _refusals(variables: Sequence[Variable]) -> list[tuple[Variable, str]]:
    first: dict[str, int] = {}
    found = []
    for one in variables:
        before = first.setdefault(one.name, one.line) if one.name else one.line
        if one.name is None:
            found.append((one, "is not NAME=value"))
        elif before != one.line:
            found.append((one, f"sets {one.name} again, which line {before} does"))
        elif reason := wrong_name(one.name) or wrong_value(one.value.reveal):
            found.append((one, reason))
    return found


async def _planned(
    handler: Handler,
    vault: Vault,
    context: Context,
    variable: Variable,
    secret_id: SecretId | None,
    request: Request | None,
) -> Planned:
    if secret_id is None:
        return Planned(variable=variable, outcome=Outcome.CREATED, version=1)
    if request and (caused := await handler.replay(secret.DECIDER, secret_id, context, request)):
        rotated = [one.fact for one in caused.facts if isinstance(one.fact, SecretRotated)]
        outcome, version = (Outcome.ROTATED, rotated[0].version) if rotated else (Outcome.CREATED, 1)
        return Planned(variable=variable, outcome=outcome, secret_id=secret_id, version=version, done=True)
    state = await handler.state(secret.DECIDER, secret_id, context.tenant_id)
    if state.removed:
        return Planned(variable=variable, outcome=Outcome.CREATED, version=1)
    same = await vault.fingerprint(context.tenant_id, variable.value) == state.fingerprint
    outcome = Outcome.UNCHANGED if same else Outcome.ROTATED
    return Planned(variable=variable, outcome=outcome, secret_id=secret_id, version=state.version + (not same))
