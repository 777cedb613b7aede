"""The scripts of a package.json: which of them build, which serve, and which only help whoever develops."""

import re

from adapters.detection.packages import Package
from adapters.detection.tree import Tree

WATCHING = re.compile(
    r"\b("
    r"nodemon|ts-node-dev|tsx watch|--watch|nest start|nx (run \S+:)?serve|gulp( watch| serve| dev)"
    r"|next dev|nuxt(?! (start|build|generate|preview))|nuxi dev|vite(?! build)|astro (dev|preview)"
    r"|react-scripts start|craco start|gatsby (develop|serve)|ng s(erve)?|vue-cli-service serve|ember s(erve)?"
    r"|expo start|webpack serve|webpack-dev-server|parcel(?! build)|rsbuild dev|farm start|(umi|max|qwik) dev"
    r"|remix (vite:)?dev|react-router dev|docusaurus (start|serve)|(vitepress|vuepress) dev"
    r"|eleventy [^&|]{0,200}--serve|hexo s(erver)?|hugo server|storybook dev|start-storybook|browser-sync|live-server"
    r"|lite-server|electron|wrangler (pages )?dev"
    r")\b"
)
"""A server for whoever develops: it builds anew at each change, and is not made to be met by users."""
PROGRAM_WATCHED = re.compile(r"\b(nodemon|ts-node-dev|tsx watch|node --watch|nest start|nx (run \S+:)?serve)\b")
"""A program of the project's own that is started anew at each change."""
OWN = re.compile(
    r"(^|&&\s*|;\s*)(\w+=\S+\s+|cross-env\s+|dotenv\s+(-\S+\s+)*--\s+)*(node|tsx|ts-node|pm2(-runtime)?)\s"
)
"""A program of the project's own."""
PRODUCTION = ("start:prod", "start:production", "start-prod", "prod", "production", "serve:prod")
MAINS = ("server", "index", "app", "main", "src/server", "src/index", "src/app", "src/main")
ENDINGS = (".js", ".mjs", ".cjs")
LISTENS = re.compile(r"\blisten\(|createServer\(|\bserve\(")
ANOTHER = re.compile(r"(?:npm|pnpm|yarn)(?: run)? ([\w:-]+)")
WEB = re.compile(r"^web:\s*(.+)$", re.MULTILINE)


def web_process(tree: Tree) -> str | None:
    """What a Procfile starts for the web."""
    found = WEB.search(tree.text("Procfile") or "")
    return found[1].strip() if found else None


def is_watching(script: str) -> bool:
    """Whether a script serves whoever develops."""
    return WATCHING.search(script) is not None


def resolved(about: Package, name: str) -> str:
    """A script's text; where it only runs another one, that one's."""
    text = about.scripts[name]
    other = ANOTHER.fullmatch(text)
    return about.scripts.get(other[1], text) if other else text


def run(about: Package, name: str, manager: str) -> str:
    """What starts a script.

    It is run by itself where it can be, without the package manager, which would cost memory and time in every
    instance and stand between the application and its signals.
    """
    around = {f"pre{name}", f"post{name}"} & about.scripts.keys()
    return f"{manager} run {name}" if around else resolved(about, name)


def production(about: Package) -> str | None:
    """The script that starts the built server."""
    usual = about.scripts.get("start")
    if usual and not is_watching(usual):
        return "start"
    served = [name for name in about.scripts if name.startswith("serve:ssr")]
    return next((name for name in (*PRODUCTION, *served) if name in about.scripts), None)


def building(about: Package, command: str | None) -> str | None:
    """The script that builds: ``build``, or the one that runs the framework's own command."""
    if "build" in about.scripts:
        return "build"
    words = (command or "").removeprefix("npx ").split()[:2]
    plain = re.escape(" ".join(words).replace("@11ty/", ""))
    fitting = [name for name, text in about.scripts.items() if plain and re.search(rf"\b{plain}\b", text)]
    return next((name for name in fitting if not is_watching(about.scripts[name])), None)


def main_file(tree: Tree, about: Package, *, will_build: bool = False) -> str | None:
    """The file that is the program: that which package.json names, or one with a usual name."""
    main = (about.said("main") or "").removeprefix("./")
    for name in (main, f"{main}.js", f"{main}/index.js") if main else ():
        if tree.has(name):
            return name
    found = tree.has(*(name + ending for name in MAINS for ending in ENDINGS))
    if found or not (will_build and main.startswith(("dist/", "build/", "lib/", "out/"))):
        return found
    return main


def listens(tree: Tree, path: str | None) -> bool:
    """Whether a file serves."""
    return LISTENS.search(tree.text(path) or "") is not None if path else False
