"""What the faults showed, in the summary of a run: seeds to run again, and how soon everything served."""

import pytest


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded with ``record_property``; it comes from the processes of xdist as well."""
    reports = [one for found in ("passed", "failed") for one in terminalreporter.getreports(found)]
    for report in reports:
        if "tests/faults/" in report.nodeid and report.user_properties:
            terminalreporter.section(report.nodeid.rpartition("::")[2], sep="-")
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{name}: {value}")
