"""The steps of the tour: each method and path of document 002, in its order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LIVE_SECONDS = 60.0


@dataclass(frozen=True)
class Step:
    """A command of curl, typed in a shell that knows the names kept so far.

    ``keeps`` names parts of the answer (``items.0.id``) for later steps. Where ``holds`` is given, the command is
    repeated until it does.
    """

    title: str
    command: str
    status: int = 200
    chapter: str = ""
    keeps: Mapping[str, str] = field(default_factory=dict)
    holds: Callable[[Any], bool] | None = None
    until_seconds: float = 0.0


def server() -> dict[str, str]:
    """A repository with a server that needs nothing but Python."""
    return {
        "app.py": (
            "import os\nfrom http.server import BaseHTTPRequestHandler, HTTPServer\n\n\n"
            "class Shop(BaseHTTPRequestHandler):\n    def do_GET(self):\n"
            '        print("asked for", self.path, flush=True)\n'
            '        self.send_response(200 if self.path == "/" else 404)\n        self.end_headers()\n'
            '        self.wfile.write(b"coffee\\n")\n\n\n'
            'HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()\n'
        ),
        "requirements.txt": "",
    }


def _get(title: str, path: str, **options: Any) -> Step:
    return Step(title, f'curl -H "Authorization: Bearer $TOKEN" "$API{path}"', **options)


def _send(method: str, title: str, path: str, body: str = "", status: int = 200, **options: Any) -> Step:
    data = f" --json '{body}'" if body else ""
    return Step(title, f'curl -X {method} -H "Authorization: Bearer $TOKEN" "$API{path}"{data}', status, **options)


def _filled(body: str, **names: str) -> str:
    """JSON in single quotes, with the shell's names let in."""
    for name in names.values():
        body = body.replace(f"<{name}>", f"'\"${name}\"'")
    return body


T, P, E = (
    "/tenants/$TENANT",
    "/tenants/$TENANT/projects/$PROJECT",
    "/tenants/$TENANT/projects/$PROJECT/environments/$ENVIRONMENT",
)
TOKEN = '-H "Authorization: Bearer $TOKEN"'
IDS = {name: name for name in ("CONNECTION", "PROJECT", "ENVIRONMENT", "RELEASE", "REPOSITORY", "EMAIL", "PASSWORD")}


def _ended(status: str) -> Callable[[Any], bool]:
    return lambda answer: answer["status"] == status


SESSION = '-b $JAR -H "Origin: $API"'
"""A cookie is good for this origin's own pages alone."""

ACCOUNT = [
    Step(
        "Sign up. The cookie of a session is kept; tokens are made in one.",
        'curl -c $JAR "$API/auth/register" --json \''
        + _filled('{"email": "<EMAIL>", "password": "<PASSWORD>"}', **IDS)
        + "'",
        201,
        chapter="Resolve your ids first",
    ),
    Step(
        "Make a token, which is shown this once.",
        f'curl {SESSION} "$API/account/api-tokens" --json \'{{"name": "my first"}}\'',
        201,
        keeps={"TOKEN": "token"},
    ),
    _get("Who am I, and in which workspace?", "/auth/me", keeps={"TENANT": "memberships.0.tenantId"}),
    _send(
        "POST",
        "Connect a repository.",
        T + "/repository-connections",
        _filled('{"name": "shop", "url": "<REPOSITORY>"}', **IDS),
        201,
        keeps={"CONNECTION": "id"},
    ),
]

PROJECTS = [
    _send(
        "POST",
        "Ask what the repository is.",
        T + "/projects/detect",
        _filled('{"repositoryConnectionId": "<CONNECTION>", "branch": "main"}', **IDS),
        chapter="Projects & configuration",
    ),
    _send(
        "POST",
        "Make a project of it.",
        T + "/projects",
        _filled(
            '{"name": "Shop", "type": "python", "repositoryConnectionId": "<CONNECTION>",'
            ' "config": {"startCommand": "python app.py"}}',
            **IDS,
        ),
        201,
        keeps={"PROJECT": "id", "ENVIRONMENT": "environments.0.id"},
    ),
    _get("List projects.", T + "/projects?search=shop&status=active&page=1"),
    _get("Look at one.", P),
    _send("PATCH", "Describe it.", P, '{"description": "It sells coffee."}'),
    _send("PATCH", "Say how it is built.", P + "/build-config", '{"build": null, "nodeVersion": "22"}'),
    _send(
        "PATCH",
        "Say how it runs.",
        P + "/runtime-config",
        '{"healthCheckPath": "/", "instances": 1, "limits": {"memoryMb": 256, "cpus": 0.5}}',
    ),
]

DEPLOYMENTS = [
    _send(
        "POST",
        "Trigger a deploy.",
        E + "/deployments",
        '{"branch": "main", "note": "the first one"}',
        201,
        chapter="Deployments",
        keeps={"DEPLOYMENT": "id"},
    ),
    Step(
        "Follow its build log and status, live.",
        f'curl -N -H "Authorization: Bearer $TOKEN" "$API{T}/deployments/$DEPLOYMENT/stream"',
        holds=lambda told: '"type":"done"' in told,
    ),
    _get("List deployments.", P + "/deployments?environmentId=$ENVIRONMENT&status=succeeded&page=1"),
    _get("Look at one.", T + "/deployments/$DEPLOYMENT", keeps={"RELEASE": "release.id"}, holds=_ended("succeeded")),
    _get("Read the build log from a line on.", T + "/deployments/$DEPLOYMENT/logs?after=2"),
    _send("POST", "Trigger another.", E + "/deployments", "{}", 201, keeps={"SECOND": "id"}),
    _send("POST", "Cancel it.", T + "/deployments/$SECOND/cancel", '{"reason": "too early"}', 201),
    _send("POST", "Retry it.", T + "/deployments/$SECOND/retry", "", 201, keeps={"THIRD": "id"}),
    _get(
        "See it succeed.",
        T + "/deployments/$THIRD",
        holds=_ended("succeeded"),
        until_seconds=LIVE_SECONDS,
    ),
    _send(
        "POST",
        "Roll back to the first release.",
        T + "/rollback",
        _filled('{"releaseId": "<RELEASE>", "reason": "the prices were wrong"}', **IDS),
        201,
    ),
]

RUNTIME = [
    _get(
        "List releases: what is not active can be rolled back to.",
        P + "/releases?environmentId=$ENVIRONMENT",
        chapter="Releases, runtime & logs",
    ),
    _get(
        "See what is live.",
        E + "/runtime",
        holds=lambda answer: answer["activation"] is None,
        until_seconds=LIVE_SECONDS,
        keeps={"URL": "urls.0"},
    ),
    Step("Ask the application for something that it does not have.", 'curl "$URL/tea"', 404),
    _get(
        "Read what the server printed.",
        T + "/releases/$RELEASE/runtime-logs?after=0",
        holds=lambda answer: any("/tea" in line["text"] for line in answer["items"]),
        until_seconds=10,
    ),
    Step(
        "Follow it, live, for two seconds.",
        f'curl --max-time 2 -N {TOKEN} "$API{T}/releases/$RELEASE/runtime-logs/stream?after=0"',
        holds=lambda told: "/tea" in told,
    ),
    _get(
        "Read the access log.",
        E + "/access-logs?after=0",
        holds=lambda answer: any(line["path"] == "/tea" for line in answer["items"]),
        until_seconds=10,
    ),
    Step(
        "Follow it, live, for two seconds.",
        f'curl --max-time 2 -N -H "Authorization: Bearer $TOKEN" "$API{E}/access-logs/stream?after=0"',
        holds=lambda told: "/tea" in told,
    ),
]

SECRETS = [
    _send(
        "POST",
        "Keep a secret for an environment.",
        T + "/secrets",
        _filled(
            '{"name": "STRIPE_KEY", "value": "hidden", "projectId": "<PROJECT>", "environmentId": "<ENVIRONMENT>"}',
            **IDS,
        ),
        201,
        chapter="Secrets, databases, domains & tokens",
        keeps={"SECRET": "id"},
    ),
    _get("List secrets, masked.", T + "/secrets"),
    _send("PATCH", "Give it another value.", T + "/secrets/$SECRET", '{"value": "better hidden"}'),
    _send("DELETE", "Remove it.", T + "/secrets/$SECRET?reason=unused", "", 204),
]

DATABASES = [
    _send(
        "POST",
        "Make a database.",
        T + "/databases",
        '{"name": "shop", "engine": "postgres", "isolation": "shared"}',
        201,
        keeps={"DATABASE": "id"},
    ),
    _get("List databases.", T + "/databases"),
    _get("See it run.", T + "/databases/$DATABASE", holds=_ended("running"), until_seconds=LIVE_SECONDS),
    _send(
        "POST",
        "Attach it to the environment.",
        T + "/databases/$DATABASE/attach",
        _filled('{"environmentId": "<ENVIRONMENT>"}', **IDS),
        200,
    ),
    _send("POST", "Back it up.", T + "/databases/$DATABASE/backups", '{"note": "before"}', 201, keeps={"BACKUP": "id"}),
    _get(
        "See the backup done.",
        T + "/databases/$DATABASE/backups/$BACKUP",
        holds=_ended("done"),
        until_seconds=LIVE_SECONDS,
    ),
    _get("List backups.", T + "/databases/$DATABASE/backups"),
    _send("DELETE", "Delete the backup.", T + "/databases/$DATABASE/backups/$BACKUP", "", 204),
    _send("POST", "Stop the database.", T + "/databases/$DATABASE/stop", "", 202),
    _send("POST", "Start it.", T + "/databases/$DATABASE/start", "", 202),
    _send(
        "POST",
        "Detach it.",
        T + "/databases/$DATABASE/detach",
        _filled('{"environmentId": "<ENVIRONMENT>"}', **IDS),
        200,
    ),
    _send("DELETE", "Delete it, by its name.", T + "/databases/$DATABASE?confirm=shop", "", 202),
]

DOMAINS = [
    _send(
        "POST",
        "Add a domain: the answer says which DNS records to set.",
        P + "/domains",
        '{"hostname": "www.coffee.example"}',
        201,
        keeps={"DOMAIN": "id"},
    ),
    _get("List domains.", P + "/domains"),
    _send(
        "POST", "Verify it: it is not set yet, and the answer says what was seen.", P + "/domains/$DOMAIN/verify", ""
    ),
    _send("DELETE", "Remove it.", P + "/domains/$DOMAIN", "", 204),
]

TOKENS = [
    Step(
        "Sign in again: tokens are managed in a session.",
        'curl -c $JAR "$API/auth/login" --json \''
        + _filled('{"email": "<EMAIL>", "password": "<PASSWORD>"}', **IDS)
        + "'",
    ),
    Step(
        "Make a token that may deploy, and nothing else.",
        f'curl {SESSION} "$API/account/api-tokens" --json \'{{"name": "CI", "scope": "deploy"}}\'',
        201,
        keeps={"ANOTHER": "id"},
    ),
    Step("List tokens.", 'curl -b $JAR "$API/account/api-tokens"'),
    Step("Revoke it.", f'curl -X DELETE {SESSION} "$API/account/api-tokens/$ANOTHER"', 204),
]

ERRORS = [
    _get(
        "What is not there is 404.",
        T + "/deployments/01a2016c-0404-7fcd-9139-beaeb4d2b2ff",
        status=404,
        chapter="Errors",
    ),
    _send("POST", "What makes no sense is 400, field by field.", T + "/projects", '{"name": ""}', 400),
    Step("Whoever is not known is 401.", f'curl "$API{T}/projects"', 401),
    _send("POST", "A token cannot make tokens.", "/account/api-tokens", '{"name": "more"}', 403),
]

STEPS = [*ACCOUNT, *PROJECTS, *DEPLOYMENTS, *RUNTIME, *SECRETS, *DATABASES, *DOMAINS, *TOKENS, *ERRORS]
