"""Caddy's configuration, which never changes while it runs: a reload would cut idle connections.

What is served changes beneath it. For each host ``adapters.edge.sites`` keeps a link to a directory that says what
the host is: a static release or a service. A service's instances are SRV records of ``adapters.edge.responder``.
Reference: the JSON structure in Caddy's documentation, https://caddyserver.com/docs/json/.
"""

from pathlib import Path
from typing import Any

from adapters.edge import https
from adapters.settings import Address, Settings

HOST = r"^((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.?$"
"""A host name (RFC 1123) in lower case; nothing else ever becomes part of a path or of a DNS question."""

_HOST = "{http.regexp.host.1}"
ACCESS_LOG = "access.log"
"""In ``settings.logs_dir``. Beside it lie ``ROLLED`` files at the most, of ``ROLL_MB`` each, which it was before."""
ROLL_MB, ROLLED = 16, 16

WILDCARD = "_."
"""What a wildcard's directory begins with: no host name does, and ``*`` would be a pattern to Caddy."""

_PARENT = "{http.regexp.parent.1}"
_RELEASE = "{http.regexp.release.1}"
_PATH = "{http.request.uri.path}"
_ROOT = "{http.vars.root}"
_FOUND = "{http.matchers.file.relative}"

_HASHED = (
    "^/(?:_next/static|_astro|_app/immutable|_nuxt)/"
    r"|^/static/(?:js|css|media)/[^/]+\.[0-9a-f]{8}\.[^/]+$"
    r"|^/assets/(?:.*/)?[^/]+-(?:"
    # Eight characters of base64url with a capital among them, as Vite names its files; "-features.css" is no hash.
    + "|".join(f"[a-z0-9_-]{{{n}}}[A-Z][A-Za-z0-9_-]{{{7 - n}}}" for n in range(8))
    + r")\.[a-z0-9]+$"
)
"""Paths whose name changes with their content, by the conventions of Next, Astro, SvelteKit, Nuxt, CRA and Vite."""

_STOPPED = "Stopped", "This application is stopped. Whoever it belongs to can start it again."

_TRY_SECONDS = 5
"""How long a request that no instance has received waits for one."""


def configuration(settings: Settings) -> dict[str, Any]:
    """The whole configuration: listen at ``settings.edge``, ask the DNS responders for services.

    With ``settings.edge_tls`` the same hosts are served there as well, with certificates (``adapters.edge.https``).
    """
    edge = _server(settings.edge, [*https.redirects(settings, _HOST), *_host_routes(settings)])
    edge["routes"] = [*https.ask_routes(settings), *edge["routes"]]
    servers = {"edge": edge}
    if settings.edge_tls:
        servers["tls"] = _server(settings.edge_tls, _host_routes(settings)) | https.SERVING
    return {
        "admin": {"listen": f"unix/{settings.sockets_dir}/caddy.sock|0600", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(settings.storage_dir)},
        "logging": {"logs": _logs(settings)},
        "apps": {"http": {"grace_period": "5s", "servers": servers}, **https.app(settings)},
    }


def _server(address: Address, host_routes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "listen": [str(address)],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "read_header_timeout": "10s",
        "idle_timeout": "2m",
        "max_header_bytes": 1 << 16,
        "logs": {"default_logger_name": "access"},
        "routes": [
            {
                "match": [{"vars_regexp": {"{http.request.host}": {"name": "host", "pattern": HOST}}}],
                "handle": [_subroute(*host_routes)],
            },
            {"handle": [_page("No application", "There is no application at this address.", 404)]},
        ],
        "errors": {"routes": _error_routes()},
    }


def _host_routes(settings: Settings) -> list[dict[str, Any]]:
    """What the host itself shows, or else a wildcard one label above it."""
    wildcard = {"vars_regexp": {_HOST: {"name": "parent", "pattern": r"^[^.]+\.(.+)$"}}}
    below = _subroute(*_entry_routes(settings, f"{WILDCARD}{_PARENT}"))
    return [*_entry_routes(settings, _HOST), {"match": [wildcard], "handle": [below]}]


def _entry_routes(settings: Settings, entry: str) -> list[dict[str, Any]]:
    """A release by its name, a service, a redirect, or else whatever is public.

    Reading a name follows the host's link twice: if the link changes in between, the last routes, which read no name,
    serve the request, so that none is lost.
    """
    hosts = f"{settings.sites_dir}/hosts"
    named = _subroute(
        {"match": [_named("release", "([^/,]+),[^/]*$")], "handle": []},
        {"handle": _static(f"{settings.sites_dir}/releases/{_RELEASE}")},
    )
    service, stopped = (_subroute({"handle": [last]}) for last in (_proxy(settings), _page(*_STOPPED, 503)))
    sent_on = _subroute(
        {
            "match": [{"vars_regexp": {_FOUND: {"name": "to", "pattern": "/(30[18]),(https?),([^/,]+)$"}}}],
            "handle": [
                {
                    "handler": "static_response",
                    "status_code": "{http.regexp.to.1}",
                    "headers": {"Location": ["{http.regexp.to.2}://{http.regexp.to.3}{http.request.uri}"]},
                }
            ],
        }
    )
    return [
        {"match": [_file(hosts, f"/{entry}/release/*")], "handle": [_owned(named)]},
        {"match": [_file(hosts, f"/{entry}/service/*")], "handle": [_owned(service)]},
        {"match": [_file(hosts, f"/{entry}/stopped/*")], "handle": [_owned(stopped)]},
        {"match": [_file(hosts, f"/{entry}/redirect/*")], "handle": [sent_on]},
        {"match": [_file(hosts, f"/{entry}/public/")], "handle": _static(f"{hosts}/{entry}")},
        {"match": [_file(hosts, f"/{entry}/service/")], "handle": [service]},
        {"match": [_file(hosts, f"/{entry}/stopped/")], "handle": [stopped]},
    ]


def _owned(handled: dict[str, Any]) -> dict[str, Any]:
    """Let the access log tell whose request it was, as the file that was found is called."""
    fields = {
        "environment": "{http.regexp.owner.1}",
        "release": "{http.regexp.owner.2}",
        "user_agent": "{http.request.header.User-Agent}",
    }
    said = [{"handler": "log_append", "key": key, "value": value} for key, value in fields.items()]
    return _subroute({"match": [_named("owner", "([^/,]*),([^/,]*)$")], "handle": [*said, handled]})


def _named(name: str, pattern: str) -> dict[str, Any]:
    """Take apart how the file is called that was found."""
    return {"vars_regexp": {_FOUND: {"name": name, "pattern": pattern}}}


def _static(site: str) -> list[dict[str, Any]]:
    """Serve the files of ``site``, a directory of ``adapters.edge.sites``."""
    hidden = {"path_regexp": {"pattern": r"/\."}, "not": [{"path": ["/.well-known/*"]}]}
    bare = {"path_regexp": {"pattern": "[^/]$"}}
    reading = {"method": ["GET", "HEAD"]}
    files = _subroute(
        {"match": [hidden], "handle": [_error(404)]},
        {"match": [bare | _file(_ROOT, _PATH)], "handle": [_files()]},
        {"match": [bare | _file(_ROOT, f"{_PATH}.html")], "handle": [_files(_FOUND)]},
        # Relative links in a directory's page need the closing slash: the file server redirects.
        {"match": [bare | _file(_ROOT, f"{_PATH}/index.html")], "handle": [{"handler": "file_server"}]},
        {"match": [_file(_ROOT, f"{_PATH}/index.html")], "handle": [_files(_FOUND)]},
        {"match": [reading | _file(site, "/fallback")], "handle": [_files("/index.html")]},
        {"handle": [_error(404)]},
    )
    return [{"handler": "vars", "root": f"{site}/public"}, files]


def _files(rewritten: str | None = None) -> dict[str, Any]:
    """Serve the file of the path, or of ``rewritten``.

    A release is its own validator: file times and sizes, of which Caddy makes its own, may stay the same while the
    content changes.
    """
    release = {"vars_regexp": {_RELEASE: {"pattern": "."}}}
    tagged = {"set": {"ETag": [f'"{_RELEASE}"']}}
    forgotten = {"delete": ["If-Modified-Since", "If-Unmodified-Since"]}
    said = {"set": {"Cache-Control": ["public, max-age=0, must-revalidate"]}}
    hashed = {"set": {"Cache-Control": ["public, max-age=31536000, immutable"]}}
    dated = {"header_regexp": {"If-Range": {"pattern": '^[^"]'}}}
    return _subroute(
        {"handle": [{"handler": "headers", "request": forgotten, "response": said}]},
        {"match": [release], "handle": [{"handler": "headers", "response": tagged}]},
        {"handle": [{"handler": "headers", "response": {"deferred": True, "delete": ["Last-Modified"]}}]},
        {"match": [dated], "handle": [{"handler": "headers", "request": {"delete": ["Range", "If-Range"]}}]},
        {"match": [{"path_regexp": {"pattern": _HASHED}}], "handle": [{"handler": "headers", "response": hashed}]},
        {"handle": [{"handler": "encode", "encodings": {"zstd": {}, "gzip": {}}, "prefer": ["zstd", "gzip"]}]},
        *([{"handle": [{"handler": "rewrite", "uri": rewritten}]}] if rewritten else []),
        {"handle": [{"handler": "file_server", "canonical_uris": False}]},
    )


def _proxy(settings: Settings) -> dict[str, Any]:
    """Pass the request to an instance of the host's service.

    Its name is asked of the edge, whose death Caddy survives with the last answer: ``grace_period`` is the pause
    before the next question after a failed one, so a long one would hold on to a replaced instance. The address is
    asked for each connection to an instance, and no answer is kept, so of somebody who lives as long as Caddy does.
    Connections idle for a second are closed, so that none is left when a replaced instance ends, and before an
    application's server closes them itself.
    """
    return {
        "handler": "reverse_proxy",
        "dynamic_upstreams": {
            "source": "srv",
            "name": f"{_HOST}.",
            "refresh": "50ms",
            "grace_period": "150ms",
            "resolver": _resolver(settings.instances_socket),
            "dial_network": "tcp4",
        },
        "transport": {
            "protocol": "http",
            "resolver": _resolver(settings.addresses_socket),
            "dial_timeout": "2s",
            "keep_alive": {"idle_timeout": "1s", "max_idle_conns_per_host": 256},
        },
        "load_balancing": {
            "selection_policy": {"policy": "random"},
            "try_duration": f"{_TRY_SECONDS}s",
            "try_interval": "50ms",
            "retry_match": [{"not": [{"path": ["*"]}]}],  # what an instance has received is never sent again
        },
    }


def _resolver(socket: Path) -> dict[str, Any]:
    return {"addresses": [f"unix/{socket}"]}


def _error_routes() -> list[dict[str, Any]]:
    """A release's own 404.html, else a small page."""
    missing = {"vars_regexp": {"{http.error.status_code}": {"pattern": "^404$"}, _ROOT: {"pattern": "/"}}}
    own = [{"handler": "rewrite", "uri": "/404.html"}, {"handler": "file_server", "status_code": "404"}]
    down = {"vars_regexp": {"{http.error.status_code}": {"pattern": "^50[234]$"}}}
    conditions = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Range", "If-Range"]
    plain = {
        "handler": "headers",
        "request": {"delete": conditions},
        "response": {"deferred": True, "delete": ["ETag", "Last-Modified"], "set": {"Cache-Control": ["no-store"]}},
    }
    return [
        {"handle": [plain]},
        {"match": [missing | _file(_ROOT, "/404.html")], "handle": own},
        {"match": [missing], "handle": [_page("Not found", "There is no such page here.")]},
        {"match": [down], "handle": [_page("No answer", "The application does not answer. Try again in a moment.")]},
        {"handle": [_page("Refused", "The request cannot be answered.")]},
    ]


def _logs(settings: Settings) -> dict[str, Any]:
    """Caddy's own log to its standard error; one JSON line a request to a file that rotates, without what is secret.

    Of what was sent no header (cookies, credentials) and no query string, of the answer no header.
    """
    rolling = {"roll_size_mb": ROLL_MB, "roll_keep": ROLLED, "roll_gzip": False}
    writer = {"output": "file", "filename": str(settings.logs_dir / ACCESS_LOG), **rolling}
    fields = {
        "request>headers": {"filter": "delete"},
        "resp_headers": {"filter": "delete"},
        "request>uri": {"filter": "regexp", "regexp": r"\?.*", "value": "?"},
    }
    return https.logs(settings) | {
        "default": {"level": "WARN", "encoder": {"format": "json"}, "exclude": ["http.log.access", *https.LOGGERS]},
        "access": {
            "include": ["http.log.access"],
            "writer": writer,
            "encoder": {"format": "filter", "wrap": {"format": "json"}, "fields": fields},
        },
    }


def _file(root: str, *paths: str) -> dict[str, Any]:
    return {"file": {"root": root, "try_files": list(paths)}}


def _subroute(*routes: dict[str, Any]) -> dict[str, Any]:
    return {"handler": "subroute", "routes": list(routes)}


def _error(status: int) -> dict[str, Any]:
    return {"handler": "error", "status_code": status}


def _page(title: str, sentence: str, status: int | str = "{http.error.status_code}") -> dict[str, Any]:
    style = "font: 1.1rem/1.5 system-ui, sans-serif; margin: 20vh auto; max-width: 32rem; padding: 0 1rem"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {"Content-Type": ["text/html; charset=utf-8"], "Cache-Control": ["no-store"]},
        "body": f'{head}<body style="{style}"><h1>{title}</h1><p>{sentence}</p></body></html>\n',
    }
