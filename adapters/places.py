"""Where everything of a plane lies, below its data directory."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

_SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket (``sun_path`` of unix(7), less its closing NUL)."""

_SOCKET_NAME_BYTES = 40
"""Room for the longest name of a socket in ``Places.sockets_dir``."""


def say(description: str, example: object) -> Meta:
    """What a setting is, and an example: where a value is refused, both are told."""
    return Meta(description=description, examples=[example])


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The data directory and what is in it; the part of the settings that says where."""

    data_dir: Annotated[Path, say("the directory that holds everything", "/var/lib/shipbook")] = Path(".shipbook")

    @property
    def lock_file(self) -> Path:
        """Held exclusively by whoever supervises this data directory."""
        return self.data_dir / "lock"

    @property
    def credentials_file(self) -> Path:
        """The first administrator's credentials, mode 0600."""
        return self.data_dir / "credentials.json"

    @property
    def master_key_file(self) -> Path:
        """The vault's master keys, mode 0600, where no other source is set."""
        return self.data_dir / "master.key"

    @property
    def postgres_dir(self) -> Path:
        """The embedded PostgreSQL cluster."""
        return self.data_dir / "postgres"

    @property
    def nats_dir(self) -> Path:
        """The embedded NATS server: its configuration, port, password and streams."""
        return self.data_dir / "nats"

    @property
    def caddy_dir(self) -> Path:
        """The embedded Caddy: its configuration and certificates."""
        return self.data_dir / "caddy"

    @property
    def storage_dir(self) -> Path:
        """Where Caddy keeps its certificates and its account with the certificate authority."""
        return self.caddy_dir / "storage"

    @property
    def certificates_log(self) -> Path:
        """What Caddy tells about certificates, a line of JSON each."""
        return self.logs_dir / "certificates.log"

    @property
    def sites_dir(self) -> Path:
        """What the edge serves, by host (``adapters.edge.sites``)."""
        return self.data_dir / "sites"

    @property
    def artifacts_dir(self) -> Path:
        """Immutable artifacts by digest."""
        return self.data_dir / "artifacts"

    @property
    def builds_dir(self) -> Path:
        """One directory for each build that runs."""
        return self.data_dir / "builds"

    @property
    def caches_dir(self) -> Path:
        """One directory a project, kept between builds."""
        return self.data_dir / "caches"

    @property
    def toolchains_dir(self) -> Path:
        """Versions of Node.js and other tools, shared by all builds and applications."""
        return self.data_dir / "toolchains"

    @property
    def applications_dir(self) -> Path:
        """One directory for each instance of an application."""
        return self.data_dir / "applications"

    @property
    def logs_dir(self) -> Path:
        """What each supervised process wrote, and the edge's access log; all of them rotate."""
        return self.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        """The state of each supervised process, as long as they run."""
        return self.data_dir / "run"

    @property
    def sockets_dir(self) -> Path:
        """Unix sockets: inside ``data_dir``, or in a short directory in ``/tmp`` when that path is too long for one."""
        inside = self.run_dir / "sockets"
        if len(os.fsencode(inside)) + 1 + _SOCKET_NAME_BYTES <= _SOCKET_PATH_BYTES:
            return inside
        digest = sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        # Not $TMPDIR: every process of ours must find the same place. ``private_directory`` checks whose it is.
        return Path("/tmp") / f"shipbook-{os.geteuid()}-{digest}"  # noqa: S108 - made 0700 and its owner checked

    @property
    def instances_socket(self) -> Path:
        """Where ``shipbook edge`` tells Caddy the instances of a host (``adapters.edge.responder``)."""
        return self.sockets_dir / "instances.sock"

    @property
    def addresses_socket(self) -> Path:
        """Where Caddy is told the addresses of instances, for as long as it runs."""
        return self.sockets_dir / "addresses.sock"
