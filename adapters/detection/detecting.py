"""What a folder of a repository is: the languages are asked, and the one that is surest answers."""

from collections.abc import Iterator

from msgspec.structs import replace

from adapters.detection import frameworks, node, python, workspaces
from adapters.detection.node import Node
from adapters.detection.packages import PACKAGE, Package
from adapters.detection.python import Python
from adapters.detection.suggestion import Candidate, Evidence, Suggestion
from adapters.detection.tree import BuildRefused, Tree, joined
from domain.project import ProjectType

INDEX = "index.html"
STATIC_ROOTS = ("", "public", "dist", "site", "www", "docs")
"""Where pages lie that nobody builds."""
CONTAINERS = ("Dockerfile", "Containerfile", "compose.yaml", "docker-compose.yml", "docker-compose.yaml")
OTHERS = {
    "go.mod": "Go",
    "Cargo.toml": "Rust",
    "Gemfile": "Ruby",
    "composer.json": "PHP",
    "pom.xml": "Java",
    "build.gradle": "Java",
    "build.gradle.kts": "Kotlin",
    "mix.exs": "Elixir",
    "deno.json": "Deno",
}
SURE, LIKELY = 0.8, 0.5
MARKS = ("package.json", "requirements.txt", "pyproject.toml", "manage.py", "Pipfile")
"""A folder with one of these may be an application."""
ASIDE = {"examples", "example", "tests", "test", "fixtures", "templates", "views", "playground", "benchmarks"}
MOST_FOLDERS = 60
USUAL_FOLDERS = ("web", "app", "site", "www", "frontend", "client", "website", "server", "api", "backend")
MANUAL = {"hugo", "jekyll", "zola", "middleman"}
"""Generators that are no packages of npm: each needs a program of its own name."""


def detect(tree: Tree, folder: str = "") -> Suggestion:
    """What the folder holds; where it shows nothing itself, what the folders below hold.

    Raises:
        BuildRefused: A file that decides cannot be read.
    """
    found = _here(tree, folder)
    if found.type is not None and found.confidence >= LIKELY:
        return found
    below = sorted(_below(tree, folder), key=_rank)
    if not below or (found.type is not None and found.confidence >= below[0].confidence):
        return found
    first, *others = below
    several = Evidence(first.root_directory, "is one of several applications of the repository")
    return replace(
        first,
        evidence=(*first.evidence, *found.evidence, *([several] if others else [])),
        confidence=LIKELY if others else first.confidence,
        candidates=tuple(
            Candidate(root_directory=one.root_directory, type=one.type, framework=one.framework)
            for one in others
            if one.type
        ),
    )


def _here(tree: Tree, folder: str) -> Suggestion:
    """What the folder itself is."""
    here = tree.below(folder)
    in_node, in_python = node.look(tree, folder), python.look(here)
    candidates = [
        _of_node(in_node) if in_node else None,
        _of_python(in_python) if in_python and (in_python.framework or in_python.start) else None,
        _of_pages(here),
    ]
    best = _surest([one for one in candidates if one])
    found = best or Suggestion()
    return replace(found, root_directory=folder, evidence=tuple(_placed([*found.evidence, *_beside(here)], folder)))


def _surest(found: list[Suggestion]) -> Suggestion | None:
    """The surest; of equally sure ones the first, but a Python server comes before the pages that it may serve."""
    servers = [one for one in found if one.type is ProjectType.PYTHON and one.confidence >= SURE]
    rendered = [one for one in found if one.type is ProjectType.NODE and one.confidence >= SURE]
    if servers and not rendered:
        return servers[0]
    return max(found, key=lambda one: one.confidence, default=None)


def _of_node(found: Node) -> Suggestion | None:
    if not (found.serves or found.output or found.framework or found.spa):
        return None
    kind = ProjectType.NODE if found.serves else ProjectType.REACT if found.spa else ProjectType.STATIC
    lock = found.manager.evidence
    return Suggestion(
        type=kind,
        runs_server=found.serves,
        install_command=found.manager.install,
        build_command=found.build,
        start_command=found.start,
        output_directory=found.output,
        framework=found.framework,
        package_manager=found.manager.name,
        node_version=found.version[0] if found.version else None,
        evidence=(*found.evidence, _from_top(lock), *([_from_top(found.version[1])] if found.version else [])),
        confidence=found.confidence,
    )


def _of_python(found: Python) -> Suggestion:
    missing = [Evidence(found.source, found.missing)] if found.missing else []
    return Suggestion(
        type=ProjectType.PYTHON,
        runs_server=True,
        install_command=found.install,
        start_command=found.start,
        framework=found.framework,
        evidence=(*found.evidence, *missing),
        confidence=found.confidence,
    )


def _of_pages(here: Tree) -> Suggestion | None:
    """Pages that nobody builds."""
    for root in STATIC_ROOTS:
        if here.has(joined(root, INDEX)):
            evidence = Evidence(joined(root, INDEX), "is a page")
            sure = 0.9 if root == "" and not here.has(PACKAGE) else 0.4 if root == "docs" else 0.6
            return Suggestion(type=ProjectType.STATIC, output_directory=root, evidence=(evidence,), confidence=sure)
    generated = frameworks.recognised(here, Package())
    if generated and generated[0].slug in MANUAL:
        framework, evidence_found = generated
        reason = f"needs the program {framework.slug}, which builds here do not have"
        needs = Evidence(evidence_found[0].file, reason)
        return Suggestion(
            type=ProjectType.STATIC,
            build_command=framework.build,
            output_directory=framework.output or "public",
            framework=framework.slug,
            evidence=(*evidence_found, needs),
            confidence=0.4,
        )
    page = next(iter(here.matching("*.html")), None)
    if page is None:
        return None
    evidence = Evidence(page, f"is a page, but there is no {INDEX}")
    return Suggestion(type=ProjectType.STATIC, output_directory="", evidence=(evidence,), confidence=0.4)


def _beside(here: Tree) -> Iterator[Evidence]:
    """What else the folder shows."""
    container = here.has(*CONTAINERS)
    if container:
        yield Evidence(container, "describes a container; builds go by the other files")
    for file, language in OTHERS.items():
        if here.has(file):
            yield Evidence(file, f"belongs to {language}, which is not built here")


def _below(tree: Tree, folder: str) -> Iterator[Suggestion]:
    """The applications in the folders below: those of a workspace, else those that have one of the usual files."""
    for place in _folders(tree, folder)[:MOST_FOLDERS]:
        try:
            found = _here(tree, place)
        except BuildRefused:
            continue
        if found.type and found.confidence >= LIKELY:
            yield found


def _folders(tree: Tree, folder: str) -> list[str]:
    """Those of a workspace, and those nearest to the top that hold a project of their own."""
    here = tree.below(folder)
    members = workspaces.members(here)
    patterns = [f"*/{mark}" for mark in (*MARKS, INDEX)] + ([] if members else [f"*/*/{mark}" for mark in MARKS])
    found = [*members, *(path.rpartition("/")[0] for pattern in patterns for path in here.matching(pattern))]
    return [joined(folder, place) for place in dict.fromkeys(found) if not ASIDE & set(place.split("/"))]


def _rank(found: Suggestion) -> tuple[float, int, str]:
    name = found.root_directory.rpartition("/")[2]
    usual = USUAL_FOLDERS.index(name) if name in USUAL_FOLDERS else len(USUAL_FOLDERS)
    return -found.confidence, usual + len(USUAL_FOLDERS) * ("docs" in name), found.root_directory


def _from_top(evidence: Evidence) -> Evidence:
    """Evidence whose path begins at the top of the repository, marked so."""
    return evidence._replace(file=f"/{evidence.file}")


def _placed(evidence: list[Evidence], folder: str) -> Iterator[Evidence]:
    """All paths from the top of the repository."""
    for one in evidence:
        at_top = one.file.startswith("/")
        yield one._replace(file=one.file[1:] if at_top else joined(folder, one.file))
