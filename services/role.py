"""``python -m services.role NAME``: one of our processes, without the weight of the command line."""

import os
import sys
from importlib import import_module

from adapters.settings import Settings, SettingsInvalid
from services.exits import Exit
from services.logins import CLIENT_VARIABLES
from services.programs import CannotStart

UNUSED = ("rich", "pydantic")
"""What structlog and litestar load wherever it is installed, though no process of ours uses it: 3 and 6 MB each."""


def main(name: str) -> int:
    """Serve until stopped, with the settings of the environment; the exit status. At the first start the API comes with
    an administrator."""
    sys.modules.update(dict.fromkeys(UNUSED))  # type: ignore[arg-type]  # None: not to be had (Language Reference, 5.3.1)
    try:
        settings = Settings.load({}, os.environ, others=CLIENT_VARIABLES)
        if name == "api" and not settings.credentials_file.exists():
            import_module("services.bootstrap").bootstrap(settings)
        return int(import_module(f"services.{name}").main(settings))
    except (SettingsInvalid, CannotStart) as problem:
        print(f"shipbook: {problem}", file=sys.stderr)
        return Exit.WRONG_USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
