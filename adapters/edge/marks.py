"""Hosts of which something is true, as empty files that Caddy looks for (``adapters.edge.https``)."""

from pathlib import Path

from adapters.edge.sites import entry_of, host_of


class Marks:
    """The files in one directory. One owner at a time: the edge."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._marked = {host_of(entry.name) for entry in directory.iterdir()}

    def keep(self, hosts: set[str]) -> None:
        """Mark these hosts and wildcards, and no others. Raises OSError, and HostInvalid; it may be repeated."""
        for host in hosts - self._marked:
            (self._directory / entry_of(host)).touch()
            self._marked.add(host)
        for host in self._marked - hosts:
            (self._directory / entry_of(host)).unlink(missing_ok=True)
            self._marked.remove(host)
