"""The operator's settings: from options and ``SHIPBOOK_*`` variables, checked before anything starts."""

import os
import stat
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from adapters.places import Places, say
from domain.limits import Limits

PREFIX = "SHIPBOOK_"

_EMAIL = r"^$|^[^@\s]+@[^@\s]+$"


class SettingsInvalid(Exception):
    """A setting cannot be used; the message says which, what was given, and how to mend it."""


class Address(msgspec.Struct, frozen=True):
    """Where a server listens: a host name or IP address, and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``127.0.0.1:8080`` or ``[::1]:8080``; raises ValueError."""
        host, separator, port = text.rpartition(":")
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not (separator and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("expected host:port with a port from 1 to 65535")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Url = Annotated[str, Meta(pattern="^$|^[a-z]+://.+")]


Bound = Annotated[int, Meta(ge=0, le=1_000_000)]
"""A limit of a workspace."""


class Settings(Places, frozen=True, kw_only=True):
    """Everything an operator may set. An empty URL means: the embedded server of ``data_dir``."""

    http: Annotated[Address, say("where the API and the dashboard listen", "127.0.0.1:8080")] = Address(
        "127.0.0.1", 8080
    )
    edge: Annotated[Address, say("where the applications are served", "127.0.0.1:8000")] = Address("127.0.0.1", 8000)
    apps_domain: Annotated[
        str,
        Meta(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", max_length=180),
        say("the domain under which applications get their host names", "apps.example.com"),
    ] = "localhost"
    edge_tls: Annotated[
        Address | None, say("where the applications are served over HTTPS, with certificates of ACME", "0.0.0.0:443")
    ] = None
    acme_directory: Annotated[
        Url, say("the directory of the certificate authority (RFC 8555)", "https://acme.example.com/directory")
    ] = "https://acme-v02.api.letsencrypt.org/directory"
    acme_ca_root: Annotated[
        Path | None, say("a file with the root certificate of the ACME server, where it is a private one", "/ca.pem")
    ] = None
    acme_email: Annotated[
        str, Meta(pattern=_EMAIL), say("whom the certificate authority may write to", "ops@example.com")
    ] = ""
    public_addresses: Annotated[
        str,
        Meta(pattern=r"^[0-9a-fA-F.:]*(, *[0-9a-fA-F.:]+)*$"),
        say("the IP addresses at which customers' domains find the edge", "192.0.2.1, 2001:db8::1"),
    ] = ""
    dns_resolver: Annotated[
        Address | None,
        say("a resolver to ask instead of the machine's; name servers are then asked at its port", "127.0.0.1:5353"),
    ] = None
    domain_grace_seconds: Annotated[
        int,
        Meta(ge=0, le=31_536_000),
        say("how long a custom domain that lost its verification is served on", 259_200),
    ] = 259_200
    master_key: Annotated[
        str, say("the vault's master keys in base64 instead of in a file; several with commas, the newest first", "…")
    ] = ""
    master_key_command: Annotated[
        str,
        say("a command that prints the vault's master keys, as SHIPBOOK_MASTER_KEY holds them", "/bin/cat /run/key"),
    ] = ""
    admin_email: Annotated[str, Meta(pattern=_EMAIL), say("the first administrator's address", "ops@example.com")] = ""
    database_url: Annotated[
        Url, say("a PostgreSQL server, version 15 or newer", "postgresql://user:password@host/database")
    ] = ""
    nats_url: Annotated[
        Url, say("a NATS server with JetStream, version 2.9 or newer", "nats://user:password@host:4222")
    ] = ""
    registration: Annotated[Literal["open", "invite-only", "closed"], say("who may make an account", "invite-only")] = (
        "open"
    )
    limit_workspaces: Annotated[
        int, Meta(ge=0, le=1000), say("how many workspaces an account may make besides its first", 10)
    ] = 10
    limit_deployments_per_day: Annotated[
        Bound | None, say("how many deployments a workspace may ask for in a day; empty for any number", 500)
    ] = None
    limit_builds_at_once: Annotated[
        int, Meta(ge=0, le=1000), say("how many deployments of a workspace run at once", 4)
    ] = 20
    limit_projects: Annotated[
        Bound | None, say("how many projects a workspace may have; empty for any number", 100)
    ] = 1000
    limit_secrets: Annotated[Bound | None, say("how many secrets a workspace may have; empty for any number", 1000)] = (
        10_000
    )
    limit_log_mb_per_day: Annotated[
        Bound | None,
        say("how many MB a workspace's programs may print in a day; empty for any number", 1024),
    ] = None
    limit_requests_per_minute: Annotated[
        Bound | None, say("how often a caller may ask in a minute; empty for any number", 1200)
    ] = None
    allow_local_repositories: Annotated[bool, say("whether paths of this machine may be deployed", "true")] = False
    allow_private_networks: Annotated[
        bool, say("whether repositories, receivers and servers of customers may lie at private addresses", "true")
    ] = False
    build_timeout_seconds: Annotated[int, Meta(ge=1, le=86_400), say("how long a build may take", 1800)] = 1800
    build_memory_mb: Annotated[int, Meta(ge=64), say("the memory of one build, in MB", 4096)] = 4096
    build_cpu_seconds: Annotated[int, Meta(ge=1), say("the CPU time of one process of a build", 3600)] = 3600
    build_output_mb: Annotated[int, Meta(ge=1), say("the longest log of a build, in MB", 256)] = 256
    build_cache_mb: Annotated[
        int, Meta(ge=0), say("what a project's cache of packages may hold between its builds, in MB", 2048)
    ] = 2048
    build_caches_mb: Annotated[
        int, Meta(ge=0), say("what all projects' caches may hold together on one executor, in MB", 20_480)
    ] = 20_480
    clone_timeout_seconds: Annotated[
        int, Meta(ge=1, le=86_400), say("how long fetching a repository may take", 300)
    ] = 300
    clone_max_mb: Annotated[int, Meta(ge=1), say("the largest repository, in MB", 2048)] = 2048
    builds_at_once: Annotated[int, Meta(ge=1, le=256), say("how many builds one executor runs side by side", 2)] = 2
    drain_seconds: Annotated[
        int, Meta(ge=0, le=3600), say("how long a replaced instance may finish its requests", 30)
    ] = 30
    warm_seconds: Annotated[
        int,
        Meta(ge=0, le=86_400),
        say("how long a replaced release's instances run on, so that a rollback finds them; 0 ends them at once", 300),
    ] = 300
    releases_kept: Annotated[
        int, Meta(ge=1, le=1000), say("how many releases of an environment stay where its workspace does not say", 20)
    ] = 20
    log_retention_days: Annotated[
        int, Meta(ge=0, le=36_500), say("how many days the lines of logs are kept; 0 keeps them for ever", 30)
    ] = 30
    log_format: Annotated[Literal["text", "json"], say("how our own processes write their logs", "json")] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], say("the least severe message that is logged", "info")
    ] = "info"

    metrics: Annotated[
        Address | None,
        say("where a process that runs apart shows its metrics over TCP, to whoever can reach it", "127.0.0.1:9464"),
    ] = None

    @classmethod
    def load(
        cls, options: Mapping[str, object], environ: Mapping[str, str], *, others: Collection[str] = ()
    ) -> "Settings":
        """The settings from ``options`` (by field name; None means not given) and ``environ``; options win.

        ``others`` are the ``SHIPBOOK_*`` variables that belong to somebody else. Raises SettingsInvalid.
        """
        _refuse_unknown(environ, others)
        values = {}
        for field, kind in _FIELDS.items():
            if options.get(field) is not None:
                values[field] = _read(f"--{field.replace('_', '-')}", kind, str(options[field]))
            elif variable(field) in environ:
                values[field] = _read(variable(field), kind, environ[variable(field)])
        settings = cls(**values)
        _require_consistent(settings)
        root = settings.acme_ca_root and settings.acme_ca_root.expanduser().absolute()
        return msgspec.structs.replace(settings, data_dir=settings.data_dir.expanduser().absolute(), acme_ca_root=root)

    def __repr__(self) -> str:
        """Without the URLs, which may hold passwords, and without keys."""
        shown = {
            name: getattr(self, name)
            for name in self.__struct_fields__
            if not name.endswith("_url") and not name.startswith("master_key")
        }
        return f"Settings({', '.join(f'{name}={_written(value)}' for name, value in shown.items())})"

    def environ(self) -> dict[str, str]:
        """The variables from which another process of ours loads the same settings."""
        return {variable(field): _written(getattr(self, field)) for field in self.__struct_fields__}

    @property
    def addresses(self) -> tuple[str, ...]:
        """The installation's public IP addresses, in their shortest form. Raises ValueError."""
        return tuple(str(ip_address(text.strip())) for text in self.public_addresses.split(",") if text.strip())

    @property
    def limits(self) -> Limits:
        """How much a workspace may use that has no limits of its own."""
        return Limits(**{name: getattr(self, f"limit_{name}") for name in Limits.__struct_fields__})


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def _require_consistent(settings: Settings) -> None:
    """Raises SettingsInvalid where settings that are each right do not go together."""
    if settings.http == settings.edge:
        raise SettingsInvalid(f"--http and --edge are both {settings.edge}. Give each a port of its own.")
    if settings.edge_tls in {settings.http, settings.edge}:
        raise SettingsInvalid(f"--edge-tls is {settings.edge_tls} like another address. Give it a port of its own.")
    if settings.master_key and settings.master_key_command:
        raise SettingsInvalid("SHIPBOOK_MASTER_KEY and SHIPBOOK_MASTER_KEY_COMMAND are both set. Unset one of them.")
    try:
        settings.addresses  # noqa: B018 - asked for what it raises
        if settings.dns_resolver:
            ip_address(settings.dns_resolver.host)
    except ValueError as problem:
        raise SettingsInvalid(f"SHIPBOOK_PUBLIC_ADDRESSES and SHIPBOOK_DNS_RESOLVER take IPs: {problem}.") from problem


def private_directory(path: Path) -> Path:
    """Make ``path`` a directory that only we can enter (0700), and return it.

    Raises SettingsInvalid where it is a link, somebody else's, holds files that others may see, or cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(path)
        probe = path / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise SettingsInvalid(f"{path} cannot be written: {problem.strerror}. {_ANOTHER_DIRECTORY}") from problem
    return path


def _check_private(path: Path) -> None:
    """Somebody's ``--data-dir /tmp`` must not take /tmp away from everybody else: only an empty directory is closed."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SettingsInvalid(f"{path} belongs to another user or is a link. Remove it. {_ANOTHER_DIRECTORY}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        if any(path.iterdir()):
            raise SettingsInvalid(f"{path} is open to other users. Run `chmod 700 {path}`. {_ANOTHER_DIRECTORY}")
        path.chmod(0o700)


_ANOTHER_DIRECTORY = "Or choose another directory with --data-dir."

_FIELDS: dict[str, Any] = {
    name: kind
    for name, kind in get_type_hints(Settings, include_extras=True).items()
    if name in Settings.__struct_fields__
}


def _refuse_unknown(environ: Mapping[str, str], others: Collection[str]) -> None:
    known = {variable(field) for field in _FIELDS} | set(others)
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name.removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known], n=1)
            hint = f"Did you mean {PREFIX}{near[0]}?" if near else f"The known ones are {', '.join(sorted(known))}."
            raise SettingsInvalid(f"{name} is no setting of Shipbook. {hint} Correct it or unset it.")


def _read(origin: str, kind: Any, text: str) -> Any:
    """One value from its text, or SettingsInvalid naming ``origin``."""
    plain, *notes = get_args(kind)
    try:
        return _parsed(plain, kind, text.strip())
    except ValueError:
        [says] = [note for note in notes if note.examples]
        shown = "has a value that" if origin.lower().endswith("url") else f"is {text!r}, which"
        raise SettingsInvalid(
            f"{origin} {shown} cannot be used{_expected(plain, notes)}. It is {says.description}; "
            f"for example {origin}={says.examples[0]}."
        ) from None


def _parsed(plain: Any, kind: Any, text: str) -> Any:
    if plain is Path:
        if not text or "\0" in text:
            raise ValueError(text)
        return Path(text)
    if plain is Address:
        return Address.parse(text)
    if plain == Address | None:
        return Address.parse(text) if text else None
    if plain == Path | None:
        return Path(text) if text else None
    if plain == Bound | None and not text:
        return None
    return msgspec.convert(text.lower() if plain is bool else text, kind, strict=False)


def _expected(plain: Any, notes: list[Meta]) -> str:
    if plain is bool:
        return ": expected true or false"
    if plain is int:
        [bounds] = [note for note in notes if note.ge is not None]
        return f": expected a whole number, at least {bounds.ge}" + (f", at most {bounds.le}" if bounds.le else "")
    if get_origin(plain) is Literal:
        return f": expected {' or '.join(get_args(plain))}"
    return ""


def _written(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
