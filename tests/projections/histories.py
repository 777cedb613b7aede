"""Legal histories: what several workspaces may have done, in any order, as the log would hold it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from hypothesis import strategies as st

from domain import identifiers as ids
from domain.account import AccountRegistered, ApiTokenIssued, ApiTokenRevoked, Scope, SessionEnded, SessionStarted
from domain.deployment import (
    CommitResolved,
    DeploymentCancelled,
    DeploymentFailed,
    DeploymentLeased,
    DeploymentQueued,
    DeploymentSucceeded,
    Outcome,
    Recipe,
    StepFinished,
    StepStarted,
)
from domain.environment import (
    ActivationFailed,
    ActivationStarted,
    EnvironmentRolledBack,
    InstancesMoved,
    ReleaseActivated,
    Upstream,
)
from domain.fact import Fact
from domain.history import Actor, Context, Recorded
from domain.lines import LogClosed
from domain.project import (
    BuildConfig,
    BuildConfigured,
    EnvironmentAdded,
    EnvironmentPlan,
    EnvironmentRelabelled,
    ProjectArchived,
    ProjectCreated,
    ProjectDescribed,
    ProjectRenamed,
    ProjectRestored,
    ProjectRootMoved,
    ProjectType,
    RuntimeConfig,
    RuntimeConfigured,
)
from domain.release import ReleaseCut, SecretPin
from domain.repository import RepositoryConnected, RepositoryDisconnected
from domain.secret import SecretRemoved, SecretRotated, SecretScope, SecretSet
from domain.steps import StepKind
from domain.workspace import MemberJoined, Role, WorkspaceCreated
from tests.projections.lives import LIVES

COMMIT = "c0ffee" + 34 * "0"
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class History:
    """The facts of several workspaces, each recorded at its place."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []
        self._versions: dict[str, int] = {}
        self.lives = count()

    def record(
        self, tenant: ids.TenantId, category: str, identity: str, *facts: Fact, by: str = "insider@example.com"
    ) -> None:
        """Append facts to one stream."""
        name = ids.stream(category, identity)
        for fact in facts:
            position = len(self.facts) + 1
            self._versions[name] = self._versions.get(name, 0) + 1
            context = Context(
                tenant_id=tenant,
                actor=Actor(kind="account", account_id=ids.AccountId("insider"), name=by, address="127.0.0.1"),
                correlation_id=ids.RequestId(f"request {position}"),
                causation_id=ids.CausationId(f"cause {position}"),
                at=BEGINNING + timedelta(milliseconds=137 * position),
            )
            self.facts.append(
                Recorded(position=position, stream=name, version=self._versions[name], fact=fact, context=context)
            )


class Workspace:
    """One workspace's life; every method is a thing that may happen next, whatever happened before."""

    def __init__(self, history: History, name: str, random: Random) -> None:
        self.tenant = ids.TenantId(f"tenant {name}")
        self.account = ids.AccountId(f"account {name}")
        self.connection = ids.ConnectionId(f"connection {name}")
        self.project = ids.ProjectId(f"project {name}")
        self.environments = [ids.EnvironmentId(f"production {name}"), ids.EnvironmentId(f"staging {name}")]
        self.labels = {environment: environment.replace(" ", "-") for environment in self.environments}
        self.secrets: dict[ids.SecretId, int] = {}
        self.releases: dict[ids.ReleaseId, ids.EnvironmentId] = {}
        self.active: dict[ids.EnvironmentId, ids.ReleaseId] = {}
        self.activations = dict.fromkeys(self.environments, 0)
        self.numbers = 0
        self.archived = False
        self.name = name
        self._history = history
        self._random = random
        self._begin()

    def next(self) -> None:
        """Anything that may happen."""
        self._random.choice(self._moves())()

    def _moves(self) -> list[Callable[[], None]]:
        about = [self.sign_in, self.token, self.secret, self.come_and_go, self.edit]
        return [self.deploy, self.deploy, self.roll_back, self.move, *about]

    def _record(self, category: str, identity: str, *facts: Fact) -> None:
        self._history.record(self.tenant, category, identity, *facts, by=f"{self.name}@example.com")

    def _begin(self) -> None:
        registered = AccountRegistered(
            account_id=self.account,
            email=f"{self.name}@Example.com",
            workspace_id=self.tenant,
            workspace_name=f"{self.name}'s workspace",
        )
        self._record("account", self.account, registered)
        created = WorkspaceCreated(tenant_id=self.tenant, name=f"{self.name}'s workspace")
        joined = MemberJoined(tenant_id=self.tenant, account_id=self.account, role=Role.OWNER)
        self._record("workspace", self.tenant, created, joined)
        self.connect()
        self._record("project", self.project, self._created(), *self._added())

    def _created(self) -> ProjectCreated:
        return ProjectCreated(
            project_id=self.project,
            name=f"Shop of {self.name}",
            slug=f"shop-of-{self.name}",
            type=ProjectType.NODE,
            connection_id=self.connection,
            root_directory="",
            production_branch="main",
            build=BuildConfig(),
            runtime=RuntimeConfig(),
        )

    def _added(self) -> Iterator[EnvironmentAdded]:
        for environment, branch in zip(self.environments, ("main", "next"), strict=True):
            plan = EnvironmentPlan(
                environment_id=environment,
                name=environment.split()[0],
                branch=branch,
                label=self.labels[environment],
            )
            yield EnvironmentAdded(project_id=self.project, environment=plan)

    def connect(self) -> None:
        connected = RepositoryConnected(
            connection_id=self.connection,
            name="shop",
            url="https://git:hidden@example.com/shop.git",
            credential=ids.SecretId(f"credential {self.name}"),
        )
        self._record("repository", self.connection, connected)

    def disconnect(self) -> None:
        self._record("repository", self.connection, RepositoryDisconnected(connection_id=self.connection, name="shop"))

    def deploy(self) -> None:
        """One deployment, to whatever end."""
        self.numbers += 1
        deployment = ids.DeploymentId(f"deployment {self.name} {self.numbers}")
        environment = self._random.choice(self.environments)
        queued = DeploymentQueued(
            deployment_id=deployment,
            number=self.numbers,
            project_id=self.project,
            environment_id=environment,
            branch="main",
            recipe=Recipe(
                type=ProjectType.NODE,
                connection_id=self.connection,
                root_directory="",
                build=BuildConfig(),
                runtime=RuntimeConfig(),
            ),
            note=self._random.choice([None, "by the way", "a \x00 and a \\u0000"]),
        )
        self._record("deployment", deployment, queued)
        leases = self._random.choice([0, 1, 2])
        for token in range(1, leases + 1):
            self._build(deployment, token)
        if not leases or self._random.random() < 0.2:
            self._record("deployment", deployment, DeploymentCancelled(deployment_id=deployment, reason="enough"))
        elif self._random.random() < 0.3:
            failed = DeploymentFailed(deployment_id=deployment, error="npm says no", step=StepKind.BUILD, exit_code=1)
            self._record("deployment", deployment, failed)
        else:
            self._go_live(deployment, environment, leases)
        closed = LogClosed(log_id=ids.build_log(deployment), last_seq=self._random.randrange(100), sha256="5e" * 32)
        self._record("log", ids.build_log(deployment), closed)

    def _build(self, deployment: ids.DeploymentId, token: int) -> None:
        leased = DeploymentLeased(deployment_id=deployment, executor_id=ids.ExecutorId("one"), fencing_token=token)
        resolved = CommitResolved(
            deployment_id=deployment, commit=COMMIT, message="Sell coffee\n\nNow.", author="Insider"
        )
        self._record("deployment", deployment, leased, resolved)
        for step in (StepKind.INSTALL, StepKind.BUILD):
            started = StepStarted(deployment_id=deployment, step=step, fencing_token=token)
            finished = StepFinished(
                deployment_id=deployment, step=step, outcome=Outcome.OK, duration_ms=1234, fencing_token=token
            )
            self._record("deployment", deployment, started, finished)

    def _go_live(self, deployment: ids.DeploymentId, environment: ids.EnvironmentId, token: int) -> None:
        release = ids.ReleaseId(f"release {self.name} {self.numbers}")
        cut = ReleaseCut(
            release_id=release,
            deployment_id=deployment,
            deployment_number=self.numbers,
            project_id=self.project,
            environment_id=environment,
            branch="main",
            commit=COMMIT,
            commit_message="Sell coffee",
            artifact="a" * 64,
            artifact_bytes=1_234_567,
            runtime=RuntimeConfig(spa_fallback=True),
            start_command=self._random.choice([None, "node ."]),
            secrets=tuple(SecretPin(secret_id=key, name="KEY", version=of) for key, of in self.secrets.items()),
        )
        self._record("release", release, cut)
        self.releases[release] = environment
        self.activations[environment] += 1
        began = ActivationStarted(
            environment_id=environment,
            activation=self.activations[environment],
            release_id=release,
            deployment_id=deployment,
            deployment_number=self.numbers,
            fencing_token=token,
        )
        self._record("environment", environment, began)
        if self._activate(environment, release):
            ended: Fact = DeploymentSucceeded(deployment_id=deployment, release_id=release)
        else:
            ended = DeploymentFailed(deployment_id=deployment, error="It did not answer.", step=StepKind.ACTIVATE)
        self._record("deployment", deployment, ended)

    def _activate(self, environment: ids.EnvironmentId, release: ids.ReleaseId) -> bool:
        healthy = self._random.random() < 0.8
        if healthy:
            fact: Fact = ReleaseActivated(
                environment_id=environment,
                activation=self.activations[environment],
                release_id=release,
                former_release_id=self.active.get(environment),
                upstreams=(Upstream(host="127.0.0.1", port=3000 + self.numbers),),
            )
            self.active[environment] = release
        else:
            fact = ActivationFailed(
                environment_id=environment,
                activation=self.activations[environment],
                release_id=release,
                error="It did not answer.",
            )
        self._record("environment", environment, fact)
        return healthy

    def roll_back(self) -> None:
        """An earlier release of an environment, if it has one that is not active."""
        targets = [release for release, where in self.releases.items() if self.active.get(where) != release]
        if not targets:
            return
        release = self._random.choice(targets)
        environment = self.releases[release]
        self.activations[environment] += 1
        rolled_back = EnvironmentRolledBack(
            environment_id=environment,
            activation=self.activations[environment],
            release_id=release,
            former_release_id=self.active.get(environment),
            reason="The new one is slow.",
        )
        self._record("environment", environment, rolled_back)
        self._activate(environment, release)

    def move(self) -> None:
        """Instances elsewhere, or another label."""
        environment = self._random.choice(self.environments)
        if environment in self.active:
            moved = InstancesMoved(
                environment_id=environment,
                release_id=self.active[environment],
                upstreams=(Upstream(host="127.0.0.2", port=4000), Upstream(host="127.0.0.3", port=4000)),
            )
            self._record("environment", environment, moved)
        label = f"{self.labels[environment]}-x"[-40:]
        relabelled = EnvironmentRelabelled(
            project_id=self.project, environment_id=environment, label=label, former=self.labels[environment]
        )
        self.labels[environment] = label
        self._record("project", self.project, relabelled)

    def sign_in(self) -> None:
        """A session, which may end."""
        session = ids.SessionId(f"session {len(self._history.facts)}")
        started = SessionStarted(
            account_id=self.account, session_id=session, digest=f"d1ge57 {session}", expires_at=BEGINNING
        )
        self._record("account", self.account, started)
        if self._random.random() < 0.5:
            self._record("account", self.account, SessionEnded(account_id=self.account, session_id=session))

    def token(self) -> None:
        """A token, which may be revoked."""
        token = ids.ApiTokenId(f"token {len(self._history.facts)}")
        issued = ApiTokenIssued(
            account_id=self.account,
            token_id=token,
            tenant_id=self.tenant,
            name="ci",
            digest=f"d1ge57 {token}",
            scope=Scope.DEPLOY,
            expires_at=self._random.choice([None, BEGINNING]),
        )
        self._record("account", self.account, issued)
        if self._random.random() < 0.5:
            revoked = ApiTokenRevoked(account_id=self.account, token_id=token, name="ci")
            self._record("account", self.account, revoked)

    def secret(self) -> None:
        """A secret is set, rotated or removed."""
        if self.secrets and self._random.random() < 0.6:
            secret = self._random.choice(list(self.secrets))
            if self._random.random() < 0.3:
                del self.secrets[secret]
                return self._record("secret", secret, SecretRemoved(secret_id=secret, name="KEY"))
            self.secrets[secret] += 1
            rotated = SecretRotated(
                secret_id=secret, name="KEY", version=self.secrets[secret], fingerprint=f"f1n6e2 {self.secrets[secret]}"
            )
            return self._record("secret", secret, rotated)
        scope = self._random.choice(list(SecretScope))
        secret = ids.SecretId(f"secret {len(self._history.facts)}")
        self.secrets[secret] = 1
        return self._record(
            "secret",
            secret,
            SecretSet(
                secret_id=secret,
                name="KEY",
                scope=scope,
                fingerprint="f1n6e2 1",
                project_id=None if scope is SecretScope.WORKSPACE else self.project,
                environment_id=self.environments[0] if scope is SecretScope.ENVIRONMENT else None,
            ),
        )

    def come_and_go(self) -> None:
        """Something comes and goes."""
        kind, life = [*LIVES.items()][next(self._history.lives) % len(LIVES)]
        name = f"{kind} {len(self._history.facts)}"
        self._record(kind.partition("/")[0], name, *life(name, self.project))

    def edit(self) -> None:
        """Something of the project or of its repository is changed."""
        changes: list[Fact] = [
            ProjectRenamed(project_id=self.project, name=f"Store of {self.name}"),
            ProjectDescribed(project_id=self.project, description="It sells coffee."),
            ProjectRootMoved(project_id=self.project, root_directory="apps/shop"),
            BuildConfigured(project_id=self.project, build=BuildConfig(build_command="npm run build")),
            RuntimeConfigured(project_id=self.project, runtime=RuntimeConfig(instances=2)),
            ProjectRestored(project_id=self.project) if self.archived else ProjectArchived(project_id=self.project),
        ]
        change = self._random.choice(changes)
        self.archived ^= isinstance(change, ProjectArchived | ProjectRestored)
        self._record("project", self.project, change)
        if self._random.random() < 0.2:
            self.disconnect()
            self.connect()


def history(seed: int, *, moves: int = 30, workspaces: int = 2) -> list[Recorded]:
    """A history of several workspaces; ``seed`` says which."""
    told, random = History(), Random(seed)  # noqa: S311 - a story, not a secret
    lives = [Workspace(told, chr(ord("a") + place), random) for place in range(workspaces)]
    for _ in range(moves):
        random.choice(lives).next()
    return told.facts


def histories(most_moves: int = 30) -> st.SearchStrategy[list[Recorded]]:
    """Any legal history."""
    return st.builds(lambda seed, moves: history(seed, moves=moves), st.integers(0, 2**32), st.integers(0, most_moves))
