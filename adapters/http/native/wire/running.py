"""What runs in an environment, and what may be asked of it."""

from datetime import datetime
from typing import Annotated, Literal

from adapters.http.native.wire.deployments import ReleaseOut
from adapters.http.native.wire.projects import RuntimeConfigOut, RuntimePatch
from adapters.http.native.wire.shapes import In, Out, Reason, said
from domain.custom_domain import DomainStatus
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId, ReleaseId


class RuntimeConfigPatch(RuntimePatch):
    """Changes of the runtime configuration; what is left out stays."""

    apply: Annotated[
        bool, said("Restart what runs with it at once, without a build; else it holds from the next deployment on.")
    ] = True


class Because(In):
    """Why something is asked for."""

    reason: Reason | None = None


class InstanceOut(Out):
    """One instance that runs, or shall. What is measured is so when ``measuredAt``, some seconds ago at the most;
    where it is null, the instance was not looked at yet."""

    number: Annotated[int, said("Counted from 0 among those that were started together.")]
    release_id: ReleaseId
    serving: Annotated[bool, said("Whether requests go to it: it belongs to what is active.")]
    state: Annotated[
        Literal["starting", "running", "restarting", "stopped", "lost"],
        said("A restarting one ended, and is started again; a lost one was killed with its keeper, and is as well."),
    ]
    host: str
    port: int
    started_at: datetime | None
    restarts: Annotated[int, said("How often it ended and was started again.")]
    exit_code: Annotated[int | None, said("Of the last run that ended.")]
    cpus: Annotated[float | None, said("Processors in use.", "0.25")]
    memory_bytes: Annotated[int | None, said("Memory in use, without what it could give back.")]
    measured_at: datetime | None


class RouteOut(Out):
    """How requests to a host are answered."""

    host: str
    url: str
    target: Literal["static", "instances", "stopped"]
    release_id: ReleaseId


class RuntimeDomainOut(Out):
    """A custom domain of the environment; ``live``: requests for it are answered."""

    id: CustomDomainId
    hostname: str
    url: str
    status: DomainStatus
    live: bool
    redirect_to: str | None
    certificate: Literal["none", "requested", "issued", "failed", "per-host"]


class ActivationOut(Out):
    """A release that is being made live, or started anew with ``runtimeConfig``."""

    number: int
    kind: Literal["deploy", "rollback", "restart", "start"]
    release_id: ReleaseId
    runtime_config: Annotated[RuntimeConfigOut | None, said("Null where the release's own holds.")]


class RuntimeOut(Out):
    """What is live in an environment, and what is becoming so. ``lastError`` says why the newest activation failed;
    whatever served before goes on then."""

    environment_id: EnvironmentId
    project_id: ProjectId
    name: str
    status: Literal["empty", "activating", "live", "stopped"]
    urls: list[str]
    active_release: ReleaseOut | None
    runtime_config: Annotated[RuntimeConfigOut | None, said("What the active release runs with.")]
    instances: list[InstanceOut]
    routes: list[RouteOut]
    domains: list[RuntimeDomainOut]
    activation: ActivationOut | None
    activations: Annotated[int, said("How many there were; the number of the newest.")]
    stopped_at: datetime | None
    last_error: str | None
