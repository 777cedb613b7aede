"""``python -m services.role NAME``: one of our processes as the supervisor starts it, without a command line."""

import os
import sys
from importlib import import_module

from adapters.settings import Settings, SettingsInvalid
from services.exits import Exit
from services.logins import CLIENT_VARIABLES
from services.programs import CannotStart


def main(name: str) -> int:
    """Serve until stopped, with the settings of the environment; the exit status. At the first start the API comes with
    an administrator."""
    try:
        settings = Settings.load({}, os.environ, others=CLIENT_VARIABLES)
        if name == "api" and not settings.credentials_file.exists():
            import_module("services.bootstrap").bootstrap(settings)
        return int(import_module(f"services.{name}").main(settings))
    except (SettingsInvalid, CannotStart) as problem:
        print(f"shipbook: {problem}", file=sys.stderr)
        return Exit.WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
