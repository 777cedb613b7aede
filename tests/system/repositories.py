"""Real repositories of each kind, made in a moment: what customers would push."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

AUTHOR = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")


def git(directory: Path, *words: str) -> str:
    """Run git there; what it printed."""
    done = subprocess.run(
        ["git", *AUTHOR, *words], cwd=directory, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


def repository(directory: Path, files: Mapping[str, str]) -> Path:
    """A repository whose first commit holds ``files``."""
    directory.mkdir(parents=True)
    git(directory, "init", "--quiet", "--initial-branch", "main")
    commit(directory, files, "First version")
    return directory


def commit(directory: Path, files: Mapping[str, str], message: str) -> str:
    """Write ``files`` and commit everything; the commit's id."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", message)
    return git(directory, "rev-parse", "HEAD")


def page(text: str) -> str:
    """A small page that shows ``text``."""
    return f"<!doctype html><title>{text}</title><h1>{text}</h1>\n"


def static(text: str = "one") -> dict[str, str]:
    """A page without a build."""
    return {"index.html": page(text), "about.html": page(f"about {text}")}


def built(script: str) -> dict[str, str]:
    """A static site whose ``npm run build`` runs ``script``, with nothing to install."""
    return {"package.json": json.dumps({"name": "site", "private": True, "scripts": {"build": script}})}


def flask(text: str = "one") -> dict[str, str]:
    """A Flask server from PyPI."""
    return {
        "requirements.txt": "flask==3.1.2\n",
        "app.py": (
            "import os, sys\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n"
            f'@app.get("/")\ndef index():\n    return "flask {text}\\n"\n\n\n'
            '@app.get("/print/<text>")\ndef say(text):\n'
            '    print(text, file=sys.stderr, flush=True)\n    return "said\\n"\n\n\n'
            '@app.get("/secret")\ndef secret():\n    return str(len(os.environ.get("API_KEY", "")))\n\n\n'
            '@app.get("/crash")\ndef crash():\n    os._exit(3)\n'
        ),
    }


def express(text: str = "one") -> dict[str, str]:
    """An Express server from npm."""
    return {
        "package.json": json.dumps(
            {
                "name": "server",
                "private": True,
                "scripts": {"start": "node server.js"},
                "dependencies": {"express": "5.1.0"},
            }
        ),
        "server.js": (
            'const app = require("express")();\n'
            f'app.get("/", (_, answer) => answer.send("express {text}\\n"));\n'
            'app.listen(process.env.PORT, "127.0.0.1", () => console.log("listening on", process.env.PORT));\n'
        ),
    }


def react(text: str = "one") -> dict[str, str]:
    """A React page that Vite builds."""
    return {
        "package.json": json.dumps(
            {
                "name": "page",
                "private": True,
                "type": "module",
                "scripts": {"build": "vite build"},
                "dependencies": {"react": "19.2.0", "react-dom": "19.2.0"},
                "devDependencies": {"vite": "7.1.12", "@vitejs/plugin-react": "5.1.0"},
            }
        ),
        "vite.config.js": (
            'import react from "@vitejs/plugin-react";\nimport { defineConfig } from "vite";\n'
            "export default defineConfig({ plugins: [react()] });\n"
        ),
        "index.html": (
            '<!doctype html><title>React</title><div id="root"></div><script type="module" src="/main.jsx"></script>\n'
        ),
        "main.jsx": (
            'import { createRoot } from "react-dom/client";\n'
            f'createRoot(document.getElementById("root")).render(<h1>react {text}</h1>);\n'
        ),
    }
