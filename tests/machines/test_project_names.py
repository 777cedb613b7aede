"""Two tenants who want the same names at the same time: never two holders, and a name given back is free."""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterable
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from commands import project, repository, secret
from commands.account import RegisterAccount
from commands.command import Command
from commands.creating import add_environment, create_project
from commands.handling import Handler
from commands.place import ChangeEnvironment
from commands.project import AddEnvironment, CreateProject
from commands.repository import ConnectRepository, DisconnectRepository
from commands.secret import RemoveSecret, SetSecret
from domain.account import AccountRegistered
from domain.history import Context
from domain.identifiers import AccountId, ConnectionId, EnvironmentId, ProjectId, SecretId, TenantId, stream
from domain.project import Project, ProjectType
from domain.rejection import Rejection
from domain.repository import Repository
from domain.secret import Secret, SecretScope
from tests.commands.memory import MemoryLog, caused_by

TENANTS = st.sampled_from(["acme", "globex"])
PROJECTS = [ProjectId(f"project {n}") for n in range(4)]
ENVIRONMENTS = [EnvironmentId(f"e-00000{n}") for n in range(4)]
CONNECTIONS = [ConnectionId(f"connection {n}") for n in range(4)]
SECRETS = [SecretId(f"secret {n}") for n in range(4)]
LABELS = st.sampled_from(["shop", "shop-next", "cafe"])
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        CreateProject,
        project_id=st.sampled_from(PROJECTS),
        environment_id=st.sampled_from(ENVIRONMENTS),
        name=st.sampled_from(["Shop", "shop!", "Café"]),
        type=st.just(ProjectType.STATIC),
        connection_id=st.sampled_from(CONNECTIONS),
    ),
    st.builds(
        AddEnvironment,
        project_id=st.sampled_from(PROJECTS),
        environment_id=st.sampled_from(ENVIRONMENTS),
        name=st.sampled_from(["next", "test"]),
        branch=st.just("main"),
        label=st.none() | LABELS,
    ),
    st.builds(
        ChangeEnvironment,
        project_id=st.sampled_from(PROJECTS),
        environment_id=st.sampled_from(ENVIRONMENTS),
        label=LABELS,
    ),
    st.builds(
        ConnectRepository,
        connection_id=st.sampled_from(CONNECTIONS),
        name=st.sampled_from(["shop", "cafe"]),
        url=st.just("https://example.com/shop.git"),
    ),
    st.builds(DisconnectRepository, connection_id=st.sampled_from(CONNECTIONS)),
    st.builds(
        SetSecret,
        secret_id=st.sampled_from(SECRETS),
        name=st.sampled_from(["KEY", "URL"]),
        scope=st.just(SecretScope.PROJECT),
        fingerprint=st.just("f"),
        project_id=st.sampled_from(PROJECTS[:2]),
    ),
    st.builds(RemoveSecret, secret_id=st.sampled_from(SECRETS)),
    st.builds(
        RegisterAccount,
        account_id=st.sampled_from([AccountId("insider"), AccountId("outsider")]),
        email=st.sampled_from(["insider@example.com", "Insider@Example.com"]),
        workspace_id=st.just(TenantId("acme")),
        workspace_name=st.just("Acme"),
    ),
)


class Names(RuleBasedStateMachine):
    """A log that two tenants write to. What they hold is worked out from the facts alone."""

    def __init__(self) -> None:
        super().__init__()
        self.log = MemoryLog()
        self.handler = Handler(self.log)
        self.causations = count(1)
        for tenant, connection in (("acme", CONNECTIONS[0]), ("globex", CONNECTIONS[1])):
            connect = ConnectRepository(connection_id=connection, name="main", url="https://example.com/main.git")
            asyncio.run(self.ask(connect, tenant))

    async def ask(self, command: Command, tenant: str) -> None:
        """Handle a command of a tenant; a refusal adds nothing."""
        context = caused_by(f"request {next(self.causations)}", tenant)
        before = len(self.log.recorded)
        try:
            await self.handle(command, context)
        except Rejection:
            assert not [r for r in self.log.recorded[before:] if r.context == context]

    async def handle(self, command: Command, context: Context) -> None:
        match command:
            case CreateProject():
                await create_project(self.handler, context, command)
            case AddEnvironment():
                await add_environment(self.handler, context, command)
            case _:
                await self.handler.handle(command, context)

    @rule(command=COMMANDS, tenant=TENANTS)
    def one_asks(self, command: Command, tenant: str) -> None:
        asyncio.run(self.ask(command, tenant))

    @rule(slower=COMMANDS, faster=COMMANDS, tenant=TENANTS, other=TENANTS)
    def two_ask_at_once(self, slower: Command, faster: Command, tenant: str, other: str) -> None:
        """The faster one comes between the slower one's reading and its append."""
        self.log.interruptions = [lambda: self.ask(faster, other)]
        asyncio.run(self.ask(slower, tenant))
        self.log.interruptions = []

    def states(self, decider: Any, identities: Iterable[str]) -> list[tuple[str, Any]]:
        """The state of each thing that has a past, with its tenant."""
        histories = [asyncio.run(self.log.read(stream(decider.category, identity))) for identity in identities]
        return [
            (history[0].context.tenant_id, decider.fold(recorded.fact for recorded in history))
            for history in histories
            if history
        ]

    def held(self) -> list[Hashable]:
        """Every name that a thing has now."""
        projects: list[tuple[str, Project]] = self.states(project.DECIDER, PROJECTS)
        connections: list[tuple[str, Repository]] = self.states(repository.DECIDER, CONNECTIONS)
        secrets: list[tuple[str, Secret]] = self.states(secret.DECIDER, SECRETS)
        return [
            *(("slug", tenant, state.slug) for tenant, state in projects),
            *(("label", plan.label) for _, state in projects for plan in state.environments.values()),
            *(("connection", tenant, state.name) for tenant, state in connections if state.connected),
            *(
                ("secret", tenant, state.set.project_id, state.set.name)
                for tenant, state in secrets
                if state.set and not state.removed
            ),
            *(
                ("e-mail", recorded.fact.email.casefold())
                for recorded in self.log.recorded
                if isinstance(recorded.fact, AccountRegistered)
            ),
        ]

    @invariant()
    def no_name_has_two_holders(self) -> None:
        assert [name for name, holders in Counter(self.held()).items() if holders > 1] == []

    @invariant()
    def what_nobody_has_is_free(self) -> None:
        assert len(self.log.holders) == len(self.held())

    @invariant()
    def a_thing_belongs_to_the_tenant_that_made_it(self) -> None:
        tenants = {(r.stream, r.context.tenant_id) for r in self.log.recorded if not r.stream.startswith("account-")}
        assert len(tenants) == len({name for name, _ in tenants})


TestNames = Names.TestCase
TestNames.settings = settings(stateful_step_count=30)
