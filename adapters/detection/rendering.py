"""Frameworks that make pages or a server, as they are set: which of the two, where the pages are, what starts it."""

import re
from collections.abc import Callable

import msgspec

from adapters.detection.packages import Package
from adapters.detection.suggestion import Evidence
from adapters.detection.tree import Tree

NITRO = "node .output/server/index.mjs"
ELSEWHERE = r"(vercel|netlify|cloudflare(-workers)?|aws|deno|firebase|azure\S*)"
"""Vendors whose servers start nowhere else."""


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """What comes out of a build: a server with ``start``, or else pages in ``output``."""

    start: str | None = None
    output: str | None = None
    spa: bool = False
    """One page, whose paths the browser resolves."""
    evidence: tuple[Evidence, ...] = ()
    sure: bool = True
    environment: dict[str, str] = {}
    """For the build."""


def rendering(slug: str, tree: Tree, about: Package) -> Rendering | None:
    """What the framework makes of the folder; None for one that always makes the same."""
    rule = RULES.get(slug)
    return rule(tree, about) if rule else None


def _next(tree: Tree, _: Package) -> Rendering:
    path, text = _configuration(tree, "next.config")
    if re.search(r"""output\s*:\s*['"]export['"]""", text):
        place = re.search(r"""distDir\s*:\s*['"](?:\./)?([\w./-]+)['"]""", text)
        return Rendering(output=place[1] if place else "out", evidence=(Evidence(path, "sets output to 'export'"),))
    return Rendering(start="next start")


def _nuxt(tree: Tree, about: Package) -> Rendering:
    path, text = _configuration(tree, "nuxt.config")
    if _major(about, "nuxt") == 2:
        static = re.search(r"""target\s*:\s*['"]static['"]""", text)
        return Rendering(output="dist", evidence=(Evidence(path, "sets target to 'static'"),)) if static else _NUXT_2
    if "generate" in about.scripts.get("build", ""):
        return Rendering(output=".output/public", evidence=(Evidence("package.json", "builds with 'generate'"),))
    return _nitro_preset(path, text, "dist") or Rendering(start=NITRO)


def _astro(tree: Tree, about: Package) -> Rendering:
    path, text = _configuration(tree, "astro.config")
    place = re.search(r"""outDir\s*:\s*['"](?:\./)?([\w./-]+?)/?['"]""", text)
    output = place[1] if place else "dist"
    elsewhere = re.search(rf"@astrojs/{ELSEWHERE}", text)
    if "@astrojs/node" in about.dependencies and "@astrojs/node" in text:
        return Rendering(start=f"node {output}/server/entry.mjs", evidence=(Evidence(path, "uses @astrojs/node"),))
    if elsewhere and re.search(r"""output\s*:\s*['"](server|hybrid)['"]""", text):
        return _foreign(path, elsewhere[0], "@astrojs/node", start=f"node {output}/server/entry.mjs")
    return Rendering(output=output)


def _sveltekit(tree: Tree, about: Package) -> Rendering:
    adapter = next((name for name in about.dependencies if name.startswith("@sveltejs/adapter-")), "")
    evidence = Evidence("package.json", f"depends on {adapter}") if adapter else Evidence("package.json", "no adapter")
    if adapter == "@sveltejs/adapter-static":
        settings = "".join(_configuration(tree, name)[1] for name in ("svelte.config", "vite.config"))
        place = re.search(r"""pages\s*:\s*['"](?:\./)?([\w./-]+?)/?['"]""", settings)
        return Rendering(
            output=place[1] if place else "build", spa="fallback:" in settings.replace(" ", ""), evidence=(evidence,)
        )
    if adapter == "@sveltejs/adapter-auto":
        reason = "lets the place where it is built choose the adapter: here adapter-node"
        return Rendering(
            start="node build", environment=ADAPTER_AUTO, evidence=(evidence, Evidence("package.json", reason))
        )
    if adapter and adapter != "@sveltejs/adapter-node":
        return _foreign("package.json", adapter, "@sveltejs/adapter-node", start="node build")
    return Rendering(start="node build", evidence=(evidence,))


def _react_router(tree: Tree, _: Package) -> Rendering:
    for name in ("react-router.config", "vite.config"):
        path, text = _configuration(tree, name)
        if re.search(r"\bssr\s*:\s*false\b", text):
            return Rendering(output="build/client", spa=True, evidence=(Evidence(path, "sets ssr to false"),))
    return Rendering(start="react-router-serve build/server/index.js")


def _remix(tree: Tree, _: Package) -> Rendering:
    vite = tree.has("vite.config.ts", "vite.config.js", "vite.config.mjs")
    if vite and re.search(r"\bssr\s*:\s*false\b", tree.text(vite) or ""):
        return Rendering(output="build/client", spa=True, evidence=(Evidence(vite, "sets ssr to false"),))
    return Rendering(start=f"remix-serve build/{'server/' if vite else ''}index.js")


def _with_nitro(*configurations: str) -> Callable[[Tree, Package], Rendering]:
    def rule(tree: Tree, _: Package) -> Rendering:
        for name in configurations:
            path, text = _configuration(tree, name)
            if found := _nitro_preset(path, text, ".output/public"):
                return found
        return Rendering(start=NITRO)

    return rule


def _qwik(tree: Tree, _: Package) -> Rendering:
    adapter = next(iter(tree.matching("adapters/*/vite.config.*")), "")
    if adapter.startswith(("adapters/static/", "adapters/ssg/")):
        return Rendering(output="dist", evidence=(Evidence(adapter, "makes pages"),))
    kind = adapter.split("/")[1].removesuffix("-server") if adapter else "express"
    if kind in {"express", "fastify", "node"}:
        start = f"node server/entry.{'node-server' if kind == 'node' else kind}"
        said = (
            Evidence(adapter, "makes a server") if adapter else Evidence("package.json", "no adapter: qwik add express")
        )
        return Rendering(start=start, evidence=(said,), sure=bool(adapter))
    return _foreign(adapter, kind, "express", start="node server/entry.express")


def _angular(tree: Tree, about: Package) -> Rendering:
    place, browser, path = _angular_output(tree)
    if "@angular/ssr" in about.dependencies or "@nguniversal/express-engine" in about.dependencies:
        if '"outputMode": "static"' not in (tree.text(path) or ""):
            file = "server.mjs" if "@angular/ssr" in about.dependencies else "main.js"
            return Rendering(
                start=f"node {place}/server/{file}", evidence=(Evidence("package.json", "renders on a server"),)
            )
        return Rendering(output=browser)
    return Rendering(output=browser, spa=True)


def _angular_output(tree: Tree) -> tuple[str, str, str]:
    """The output, where its pages are, and the file that says so."""
    path = "angular.json"
    text = tree.text(path) or ""
    named = re.search(r'"projects"\s*:\s*\{\s*"([^"]+)"', text)
    said = re.search(r'"outputPath"\s*:\s*(?:\{\s*"base"\s*:\s*)?"([^"]+)"', text)
    place = said[1].rstrip("/") if said else f"dist/{named[1]}" if named else "dist"
    application = re.search(r'"builder"\s*:\s*"@angular[-/]\w+(?:-\w+)*:(application)"', text)
    return place, f"{place}/browser" if application or not said else place, path


def _foreign(path: str, what: str, instead: str, start: str) -> Rendering:
    reason = f"uses {what}, whose servers start at that vendor alone: take {instead}"
    return Rendering(start=start, evidence=(Evidence(path, reason),), sure=False)


def _nitro_preset(path: str, text: str, output: str) -> Rendering | None:
    preset = re.search(r"""preset\s*:\s*['"]([\w-]+)['"]""", text)
    if preset is None or preset[1] in {"node", "node-server", "node_server"}:
        return None
    if preset[1] in {"static", "github-pages", "github_pages"}:
        return Rendering(output=".output/public", evidence=(Evidence(path, f"sets the preset to '{preset[1]}'"),))
    return _foreign(path, f"the preset {preset[1]}", "node-server", start=NITRO) if output else None


def _configuration(tree: Tree, name: str) -> tuple[str, str]:
    """Path and text of a framework's configuration; without comments of whole lines."""
    path = tree.has(*(f"{name}.{ending}" for ending in ("js", "ts", "mjs", "mts", "cjs", "cts"))) or ""
    return path, re.sub(r"^[ \t]*(//|\*|/\*).*$", "", tree.text(path) or "", flags=re.MULTILINE)


def _major(about: Package, name: str) -> int:
    found = re.search(r"\d+", about.dependencies.get(name, ""))
    return int(found[0]) if found else 0


_NUXT_2 = Rendering(start="nuxt start")
ADAPTER_AUTO = {"GCP_BUILDPACKS": "shipbook"}
"""By this variable SvelteKit's adapter-auto knows a place that starts the server of adapter-node."""
RULES: dict[str, Callable[[Tree, Package], Rendering]] = {
    "nextjs": _next,
    "nuxtjs": _nuxt,
    "astro": _astro,
    "sveltekit": _sveltekit,
    "react-router": _react_router,
    "remix": _remix,
    "angular": _angular,
    "solidstart": _with_nitro("app.config"),
    "tanstack-start": _with_nitro("vite.config", "app.config"),
    "nitro": _with_nitro("nitro.config", "vite.config"),
    "qwik": _qwik,
    "waku": lambda _, __: Rendering(start="waku start"),
    "blitzjs": lambda _, __: Rendering(start="blitz start"),
    "redwoodjs": lambda _, __: Rendering(start="yarn rw serve"),
    "mastra": lambda _, __: Rendering(start="node .mastra/output/index.mjs"),
    "nestjs": lambda _, __: Rendering(start="node dist/main"),
}
