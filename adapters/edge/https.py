"""HTTPS at the edge: the part of Caddy's configuration that gets certificates, which is constant as well.

Caddy asks the certificate authority at a host's first visit, and before that asks whether the host may have a
certificate. It asks itself: ``ask_routes`` answer from the files of ``adapters.edge.marks``, so that neither a start
nor a renewal waits for a process of ours. Reference: https://caddyserver.com/docs/json/apps/tls/.
"""

from ipaddress import ip_address
from typing import Any

from adapters.settings import Address, Settings

ALLOWED = "allowed"
"""The marks of hosts that may have a certificate, in ``settings.sites_dir``."""
SECURED = "secured"
"""The marks of those that have one: plain requests for them are redirected."""

SERVING: dict[str, Any] = {"tls_connection_policies": [{}], "protocols": ["h1", "h2"]}
"""What a server that speaks TLS has beside routes."""

LOGGERS = ("tls.obtain", "tls.renew")
"""The parts of Caddy that say whether they got a certificate."""

_ASKING = "/.shipbook/certificate"
_ASKED = "{http.request.uri.query.domain}"
_HOST = r"^((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$"


def app(settings: Settings) -> dict[str, Any]:
    """Caddy's app ``tls``; nothing where HTTPS is off."""
    if settings.edge_tls is None:
        return {}
    issuer: dict[str, Any] = {
        "module": "acme",
        "ca": settings.acme_directory,
        "challenges": {
            # The servers above answer the challenges. These ports are in use then, and Caddy does without its own.
            "http": {"alternate_port": settings.edge.port},
            "tls-alpn": {"alternate_port": settings.edge_tls.port},
        },
    }
    if settings.acme_email:
        issuer["email"] = settings.acme_email
    if settings.acme_ca_root:
        issuer["trusted_roots_pem_files"] = [str(settings.acme_ca_root)]
    permission = {"module": "http", "endpoint": f"http://{itself(settings.edge)}{_ASKING}"}
    return {
        "tls": {
            "automation": {
                "policies": [{"issuers": [issuer], "on_demand": True}],
                "on_demand": {"permission": permission},
            }
        }
    }


def ask_routes(settings: Settings) -> list[dict[str, Any]]:
    """Say 200 to Caddy itself where a host, or a wildcard one label above it, is marked as allowed, and else 403."""
    if settings.edge_tls is None:
        return []
    own = itself(settings.edge)
    allowed = f"{settings.sites_dir}/{ALLOWED}"
    exact = {"vars_regexp": {_ASKED: {"name": "asked", "pattern": _HOST}}}
    above = {"vars_regexp": {_ASKED: {"name": "above", "pattern": r"^[a-z0-9-]+\.([a-z0-9.-]+)$"}}}
    asked = [
        {"match": [exact], "handle": [_where(allowed, "/{http.regexp.asked.1}", _status(200))]},
        {"match": [above], "handle": [_where(allowed, "/_.{http.regexp.above.1}", _status(200))]},
        {"handle": [_status(403)]},
    ]
    ours = {"host": [own.host], "path": [_ASKING]}
    return [{"match": [ours], "handle": [{"handler": "subroute", "routes": asked}]}]


def redirects(settings: Settings, host: str) -> list[dict[str, Any]]:
    """Send a plain request for a host that has a certificate to the same address over HTTPS."""
    if settings.edge_tls is None:
        return []
    port = "" if settings.edge_tls.port == 443 else f":{settings.edge_tls.port}"
    location = {"Location": [f"https://{host}{port}{{http.request.uri}}"]}
    answer = {"handler": "static_response", "status_code": 308, "headers": location}
    return [{"handle": [_where(f"{settings.sites_dir}/{SECURED}", f"/{host}", answer)]}]


def logs(settings: Settings) -> dict[str, Any]:
    """Why Caddy could not get a certificate, to a file of its own that rotates."""
    if settings.edge_tls is None:
        return {}
    writer = {"output": "file", "filename": str(settings.certificates_log), "roll_size_mb": 4, "roll_keep": 2}
    return {
        "certificates": {
            "level": "ERROR",
            "include": list(LOGGERS),
            "writer": writer | {"roll_gzip": False},
            "encoder": {"format": "json"},
        }
    }


def itself(address: Address) -> Address:
    """Where this machine reaches its own listener."""
    try:
        place = ip_address(address.host)
    except ValueError:
        return address
    if not place.is_unspecified:
        return address
    return Address("127.0.0.1" if place.version == 4 else "::1", address.port)


def _where(root: str, file: str, handler: dict[str, Any]) -> dict[str, Any]:
    """Handle only where there is a file."""
    found = {"match": [{"file": {"root": root, "try_files": [file]}}], "handle": [handler]}
    return {"handler": "subroute", "routes": [found]}


def _status(status: int) -> dict[str, Any]:
    return {"handler": "static_response", "status_code": status}
