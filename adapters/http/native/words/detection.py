"""What detection found."""

from adapters.detection.suggestion import Suggestion
from adapters.http.native.wire.detection import CandidateOut, Detection, EvidenceOut


def detection(found: Suggestion, commit: str) -> Detection:
    """A suggestion, under the document's keys and the long ones."""
    return Detection(
        type=found.type,
        runs_server=found.runs_server,
        install=found.install_command,
        install_command=found.install_command,
        build=found.build_command,
        build_command=found.build_command,
        start=found.start_command,
        start_command=found.start_command,
        output=found.output_directory,
        output_directory=found.output_directory,
        root_directory=found.root_directory,
        framework=found.framework,
        package_manager=found.package_manager,
        node_version=found.node_version,
        evidence=[EvidenceOut(file=one.file, reason=one.reason) for one in found.evidence],
        confidence=found.confidence,
        candidates=[
            CandidateOut(root_directory=one.root_directory, type=one.type, framework=one.framework)
            for one in found.candidates
        ],
        commit=commit,
    )
