"""``python -m tests.architecture.refresh_routes`` writes again what is made of the routes: golden files, and a page."""

from typing import Any, cast

import msgspec
from litestar.routes import HTTPRoute

from adapters.http.application import create_app
from adapters.http.openapi import document
from tests.architecture import access
from tests.architecture.repository import ROOT

ROUTES = ROOT / "tests" / "golden" / "routes.txt"
OPENAPI = ROOT / "tests" / "golden" / "openapi.json"


def listed() -> list[str]:
    """Every route of the application, as ``METHOD /path``."""
    app = create_app(cast("Any", None))
    return sorted(
        f"{method} {route.path_format}"
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS"
    )


def described() -> str:
    """The API's description, as it is committed."""
    return msgspec.json.format(msgspec.json.encode(document(), order="sorted"), indent=1).decode() + "\n"


def main() -> None:
    """Write all of them."""
    ROUTES.write_text("\n".join(listed()) + "\n")
    OPENAPI.write_text(described())
    access.TABLE.write_text(access.table())
    access.PAGE.write_text(access.page())


if __name__ == "__main__":
    main()
