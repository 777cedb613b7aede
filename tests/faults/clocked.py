"""Run as a plane's launcher: ``python -m tests.faults.clocked CLOCKS PYTHON -m services up …``.

It is ``shipbook up …``, but the clock of each of its processes stands where its file in the directory CLOCKS says.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from adapters.settings import Settings
from services import cli, plane, up
from services.programs import Program
from tests.faults.clocks import Clocks


def main(directory: str, *arguments: str) -> None:
    """Never returns."""
    clocks = Clocks(Path(directory))

    def programs(settings: Settings) -> list[Program]:
        return [
            replace(one, environ={**one.environ, **clocks.environ(one.name)}) if one.name in plane.OWN else one
            for one in plane.programs(settings)
        ]

    def become(settings: Settings) -> NoReturn:
        os.environ |= settings.environ()
        sys.exit(up.main(settings))

    up.programs, up.become = programs, become  # type: ignore[assignment]  # the same, but for the clocks
    sys.argv[1:] = arguments
    cli.main()


if __name__ == "__main__":
    main(sys.argv[1], *sys.argv[5:])
