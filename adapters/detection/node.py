"""A folder with a package.json: what it is, and how it is installed, built and started."""

import re

import msgspec

from adapters.detection import managers, scripts, workspaces
from adapters.detection.frameworks import Framework, recognised
from adapters.detection.managers import Installer
from adapters.detection.packages import PACKAGE, Package, package
from adapters.detection.rendering import Rendering, rendering
from adapters.detection.suggestion import Evidence
from adapters.detection.tree import Tree, joined

SERVERS = {
    "@nestjs/core": "nestjs",
    "express": "express",
    "fastify": "fastify",
    "koa": "koa",
    "hono": "hono",
    "@hapi/hapi": "hapi",
    "polka": "polka",
    "restify": "restify",
    "h3": "h3",
    "@adonisjs/core": "adonisjs",
    "@feathersjs/feathers": "feathers",
    "sails": "sails",
    "@strapi/strapi": "strapi",
    "@loopback/rest": "loopback",
    "@apollo/server": "apollo",
    "apollo-server": "apollo",
    "graphql-yoga": "graphql-yoga",
    "socket.io": "socket.io",
    "ws": "ws",
    "json-server": "json-server",
}
"""Packages that serve, and what a project with one is called; the more telling first."""
BACKENDS = {*SERVERS.values(), "elysia", "node"}
DOUBTFUL = {"expo", "storybook"}
"""Frameworks whose pages are beside what the project is for."""
ONE_PAGE = {
    *("vite", "create-react-app", "vue", "svelte", "angular", "preact", "ember", "ionic-angular", "ionic-react"),
    *("umijs", "parcel", "polymer", "stencil", "dojo", "brunch", "sanity", "slidev", "expo"),
}
"""Frameworks that make one page, whose paths the browser resolves."""
PREVIEWS = ("browser-sync", "live-server", "lite-server", "webpack-dev-server")
"""Packages that show pages to whoever makes them."""
INTERFACES = ("react", "vue", "svelte", "preact", "solid-js", "lit", "@angular/core", "webpack", "rollup", "esbuild")
OUTPUTS = {
    "vite": ("vite.config", r"""outDir\s*:\s*['"](?:\./)?([\w./-]+?)/?['"]"""),
    "vue": ("vue.config", r"""outputDir\s*:\s*['"](?:\./)?([\w./-]+?)/?['"]"""),
    "eleventy": ("eleventy.config|.eleventy", r"""output\s*:\s*['"](?:\./)?([\w./-]+?)/?['"]"""),
    "gridsome": ("gridsome.config", r"""outputDir\s*:\s*['"](?:\./)?([\w./-]+?)/?['"]"""),
}
"""The configuration that may put pages elsewhere, and the words by which it does."""
LIBRARY = re.compile(r"\blib\s*:\s*\{")
ROOT = re.compile(r"\broot\s*[:=]")
TURBO = "turbo run build"


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder with packages is."""

    home: str
    """Where it is installed: the folder, or that of its workspace."""
    manager: Installer
    version: tuple[str, Evidence] | None
    """The Node.js that is asked for."""
    framework: str | None = None
    serves: bool = False
    spa: bool = False
    build: str | None = None
    start: str | None = None
    output: str | None = None
    environment: dict[str, str] = {}
    evidence: tuple[Evidence, ...] = ()
    confidence: float = 0.0


def look(tree: Tree, folder: str = "", asked: str | None = None) -> Node | None:
    """What the folder is; None without a package.json. ``asked``: the package manager that the configuration names.

    Raises:
        BuildRefused: A package.json is not one, or ``asked`` is not known.
    """
    about = package(tree, folder)
    if about is None:
        return None
    here = tree.below(folder)
    home = workspaces.home(tree, folder, tuple(managers.LOCKS))
    manager = managers.manager(tree, home, asked)
    found = recognised(here, about)
    framework = found[0] if found else _named_by_its_server(here, about)
    node = Node(
        home=home,
        manager=manager,
        version=managers.node(tree, folder, home),
        framework=framework.slug if framework else None,
        evidence=tuple(found[1]) if found else (),
        build=_build(tree, about, framework, folder, home, manager.name),
    )
    made = rendering(framework.slug, here, about) if framework else None
    return _rendered(node, made, here, about) if made else _plain(node, framework, here, about)


def _rendered(node: Node, made: Rendering, here: Tree, about: Package) -> Node:
    """A framework that makes pages or a server."""
    return msgspec.structs.replace(
        node,
        serves=made.output is None,
        spa=made.spa,
        start=start(here, about, node.manager.name, made.start) if made.output is None else None,
        output=made.output,
        environment=made.environment,
        evidence=(*node.evidence, *made.evidence),
        confidence=0.95 if made.sure else 0.4,
    )


def _plain(node: Node, framework: Framework | None, here: Tree, about: Package) -> Node:
    """A framework that always makes pages or always serves; or none at all."""
    served = _served(node, here, about)
    if served:
        command = start(here, about, node.manager.name, None, will_build=node.build is not None)
        sure = node.framework in BACKENDS or scripts.web_process(here)
        watching = command is not None and scripts.is_watching(command)
        return msgspec.structs.replace(
            node,
            serves=True,
            start=command,
            evidence=tuple(dict.fromkeys((*node.evidence, *served))),
            confidence=0.4 if command is None else 0.9 if sure and not watching else 0.7,
        )
    if framework and framework.slug == "vite" and _is_library(here, about):
        return msgspec.structs.replace(node, framework=None)
    if framework:
        doubtful = framework.slug in DOUBTFUL or (framework.slug == "vite" and not _has_page(here))
        return msgspec.structs.replace(
            node,
            spa=framework.slug in ONE_PAGE,
            output=_output(framework, here, about),
            confidence=0.3 if node.build is None else 0.45 if doubtful else 0.95,
        )
    interface = next((name for name in INTERFACES if name in about.dependencies), None)
    if node.build and interface:
        evidence = Evidence(PACKAGE, f"has a script that builds, and depends on {interface}")
        return msgspec.structs.replace(node, spa=True, evidence=(evidence,), confidence=0.45)
    return node


def _served(node: Node, here: Tree, about: Package) -> list[Evidence]:
    """By what it shows that the project serves with a program of its own; empty where it does not."""
    if scripts.web_process(here):
        return [Evidence("Procfile", "starts a web process")]
    library = next((name for name in SERVERS if name in about.dependencies), None)
    usual = scripts.production(about)
    if node.framework in BACKENDS:
        said = [Evidence(PACKAGE, f"depends on {library}")] if library else []
        return said or list(node.evidence) or [Evidence(PACKAGE, f"names a server of {node.framework}")]
    if node.framework:
        own = usual and scripts.OWN.search(scripts.resolved(about, usual))
        return [Evidence(PACKAGE, f"depends on {library}, and starts a program of its own")] if library and own else []
    if usual and (library or not about.dependencies.keys() & set(PREVIEWS)):
        return [Evidence(PACKAGE, f"has the script '{usual}'")]
    main = scripts.main_file(here, about)
    return [Evidence(main, "listens")] if main and scripts.listens(here, main) else []


def _is_library(here: Tree, about: Package) -> bool:
    """Whether Vite builds something to be imported, or is there for the tests of a whole workspace."""
    whole = "workspaces" in about.about or here.has(workspaces.PNPM) is not None
    return LIBRARY.search(_configuration(here, "vite.config")) is not None or (whole and not _has_page(here))


def _has_page(here: Tree) -> bool:
    """Whether there is the page with which Vite begins."""
    return here.has("index.html") is not None or ROOT.search(_configuration(here, "vite.config")) is not None


def _named_by_its_server(tree: Tree, about: Package) -> Framework | None:
    """A server's framework that no rule recognised by the files, where something says that it is started."""
    library = next((name for name in SERVERS if name in about.dependencies), None)
    started = scripts.production(about) or scripts.listens(tree, scripts.main_file(tree, about))
    watched = any(scripts.PROGRAM_WATCHED.search(text) for text in about.scripts.values())
    return Framework(SERVERS[library], library) if library and (started or watched) else None


def start(here: Tree, about: Package, manager: str, usual: str | None, *, will_build: bool = False) -> str | None:
    """The command that starts the server; None where nothing says it.

    The Procfile's; a script's; the framework's ``usual`` one; the main file; at last a script for whoever develops.
    """
    if procfile := scripts.web_process(here):
        return procfile
    if script := scripts.production(about):
        return scripts.run(about, script, manager)
    if usual:
        return usual
    if main := scripts.main_file(here, about, will_build=will_build):
        return f"node {_quoted(main)}"
    return scripts.run(about, "start", manager) if "start" in about.scripts else None


def _build(tree: Tree, about: Package, framework: Framework | None, folder: str, home: str, manager: str) -> str | None:
    script = scripts.building(about, framework.build if framework else None)
    if script and folder != home and tree.has(joined(home, "turbo.json")):
        whole = package(tree, home) or Package()
        if "turbo" in whole.dependencies:
            return TURBO if script == "build" else f"turbo run {script}"
    if script:
        return f"{manager} run {script}"
    return framework.build if framework else None


def _output(framework: Framework, here: Tree, about: Package) -> str | None:
    if framework.slug in {"vitepress", "vuepress"}:
        return _beside_its_sources(framework, about)
    name, pattern = OUTPUTS.get(framework.slug, ("", ""))
    said = re.search(pattern, _configuration(here, *name.split("|"))) if name else None
    told = re.search(r"--out(?:-?[dD]ir|put)?[= ](?:\./)?([\w./-]+)", _script(about, framework))
    found = (told or said or [None, framework.output])[1]
    return found.rstrip("/") if found and not found.startswith(("..", "/")) else framework.output


def _beside_its_sources(framework: Framework, about: Package) -> str:
    """``docs`` of ``vitepress build docs``; the pages are in a hidden folder in there."""
    said = re.search(rf"{framework.slug} build(?: (?!-)(\S+))?", _script(about, framework))
    folder = said[1] if said else f"{framework.build}".rpartition(" ")[2]
    return joined((folder or "").removeprefix("./").strip("/."), f".{framework.slug}", "dist")


def _script(about: Package, framework: Framework) -> str:
    return about.scripts.get(scripts.building(about, framework.build) or "", "")


def _configuration(here: Tree, *names: str) -> str:
    endings = ("js", "ts", "mjs", "mts", "cjs", "cts")
    path = here.has(*names, *(f"{name}.{ending}" for name in names for ending in endings))
    return here.text(path) or "" if path else ""


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "'\\''") + "'"
