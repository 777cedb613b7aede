"""Repositories of several parts, and those that nothing can be made of."""

from tests.detection.cases import node, one_page, package, pages, unknown
from tests.detection.servers_of_python import FLASK

VITE = package("vite", "react", scripts={"build": "vite build"})
NEXT = package("next", scripts={"build": "next build", "start": "next start"})
LIBRARY = package("typescript", scripts={"build": "tsc"}, main="dist/index.js")

CASES = [
    one_page(
        "an npm workspace with one application",
        {
            "package.json": package(workspaces=["apps/*", "packages/*"], private=True),
            "package-lock.json": "{}",
            "apps/web/package.json": VITE,
            "apps/web/index.html": "",
            "packages/ui/package.json": LIBRARY,
        },
        "vite",
        "dist",
        root="apps/web",
        install="npm ci",
        candidates=[],
    ),
    node(
        "a pnpm workspace with two applications",
        {
            "package.json": package("turbo", packageManager="pnpm@9.0.0", scripts={"build": "turbo run build"}),
            "pnpm-workspace.yaml": 'packages:\n  - "apps/*"\n  # more\n  - packages/**\n  - "!**/test"\n',
            "pnpm-lock.yaml": "lockfileVersion: '9.0'",
            "turbo.json": "{}",
            "apps/docs/package.json": NEXT,
            "apps/web/package.json": NEXT,
            "packages/ui/package.json": LIBRARY,
        },
        "nextjs",
        "next start",
        root="apps/web",
        build="turbo run build",
        candidates=["apps/docs"],
        confidence=0.5,
    ),
    one_page(
        "a backend and a frontend",
        {
            "backend/requirements.txt": "flask",
            "backend/app.py": FLASK,
            "frontend/package.json": VITE,
            "frontend/index.html": "",
        },
        "vite",
        "dist",
        root="frontend",
        candidates=["backend"],
        confidence=0.5,
    ),
    node(
        "a Dockerfile beside a server",
        {"Dockerfile": "FROM node", "package.json": package("express", scripts={"start": "node a.js"})},
        "express",
        "node a.js",
        evidence=("Dockerfile", "describes a container; builds go by the other files"),
    ),
    pages(
        "an application in a folder",
        {"README.md": "", "site/public/index.html": "", "site/index.html": ""},
        None,
        "site",
    ),
    unknown(
        "a Dockerfile alone",
        {"Dockerfile": "FROM scratch"},
        evidence=("Dockerfile", "describes a container; builds go by the other files"),
    ),
    unknown("Go", {"go.mod": "module x", "main.go": ""}, evidence=("go.mod", "belongs to Go, which is not built here")),
    unknown("a Python library", {"pyproject.toml": '[project]\ndependencies = ["idna"]', "src/x/__init__.py": ""}),
    one_page(
        "a workspace whose top has Vite for its tests",
        {
            "package.json": package("vite", "vitest", workspaces=["shop"], scripts={"build": "yarn --cwd shop build"}),
            "shop/package.json": VITE,
            "shop/index.html": "",
        },
        "vite",
        "dist",
        root="shop",
    ),
    unknown(
        "a library that Vite builds",
        {
            "package.json": package("vite", "react", scripts={"build": "vite build"}),
            "vite.config.ts": "build: { lib: {} }",
        },
    ),
    unknown("a library", {"package.json": LIBRARY, "src/index.ts": ""}),
    unknown("nothing", {"README.md": "", "LICENSE": ""}, evidence=None, confidence=0.0),
]
