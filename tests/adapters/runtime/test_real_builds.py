"""Real repositories become running applications, with packages from the real registries."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.artifacts import Artifacts
from adapters.runtime import building
from adapters.runtime.instance import InstanceSpec
from adapters.runtime.limits import Limits
from adapters.runtime.process import ProcessRuntime
from adapters.runtime.running import run
from adapters.runtime.sandbox import Sandbox, capabilities, hand_over
from adapters.runtime.toolchains import Needs, ToolchainMissing, Toolchains, name
from domain.project import BuildConfig, ProjectType, RuntimeConfig
from tests.adapters.runtime.conftest import Output
from tests.adapters.runtime.contract import get

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("real builds")]
EXPRESS = """
const server = require('express')();
server.get('/', (question, answer) => answer.send(`node ${process.version} says ${process.env.WORD}`));
server.listen(process.env.PORT, process.env.HOST);
"""
PINNED = (
    "sha512.76e2379760a4328ec4415815bcd6628dee727af3779aaa4c914e3944156c4299"
    "921a89f976381ee107d41f12cfa4b66681ca9c718f0668fa0831ed4c6d8ba56c"
)
"""What corepack writes of pnpm 9.15.0."""
REPOSITORIES = {
    "flask": (
        ProjectType.PYTHON,
        {
            "requirements.txt": "flask\n",
            "app.py": "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
            "@app.get('/')\ndef page():\n    return f\"flask says {os.environ['WORD']}\"\n",
        },
        "flask says hello",
    ),
    "pyproject": (
        ProjectType.PYTHON,
        {
            "pyproject.toml": "[project]\nname = 'site'\nversion = '1'\ndependencies = ['starlette', 'uvicorn']\n",
            "main.py": "import os\nfrom starlette.applications import Starlette\n"
            "from starlette.responses import PlainTextResponse\nfrom starlette.routing import Route\n"
            "app = Starlette(routes=[Route('/', lambda _: PlainTextResponse('starlette ' + os.environ['WORD']))])\n",
        },
        "starlette hello",
    ),
    "express": (
        ProjectType.NODE,
        {"package.json": json.dumps({"dependencies": {"express": "^4"}}), "index.js": EXPRESS},
        "says hello",
    ),
    "express with pnpm on Node 22": (
        ProjectType.NODE,
        {
            "package.json": json.dumps({"packageManager": f"pnpm@9.15.0+{PINNED}", "dependencies": {"express": "^4"}}),
            ".nvmrc": "22.20",
            "index.js": EXPRESS,
        },
        "node v22.20.0 says hello",
    ),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tools and caches for all tests of this module."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
async def runtime(place: Path) -> AsyncIterator[ProcessRuntime]:
    runtime = ProcessRuntime(place / "instances")
    yield runtime
    for instance in await runtime.instances():
        await runtime.remove(instance.instance_id)


@pytest.mark.parametrize("repository", REPOSITORIES)
async def test_a_server_is_built_published_and_answers(
    repository: str, kept: Path, place: Path, runtime: ProcessRuntime, output: Output
) -> None:
    kind, files, answer = REPOSITORIES[repository]
    checkout = write(place / "checkout", files)
    plan = building.plan(kind, BuildConfig(), checkout)
    tools = await Toolchains(kept / "tools").provide(plan.needs, output)
    assert plan.install is not None
    hand_over(checkout, capabilities())
    box = Sandbox(workspace=checkout, scratch=place / "scratch", cache=kept / "cache", toolchains=tools)
    command, box = building.walled(plan.install, plan, box)
    done = await run(command, box, Limits(wall_seconds=100), output)
    assert done.succeeded, output.text

    found = building.find_output(kind, plan, checkout)
    artifacts = Artifacts(place / "artifacts", capabilities().owner)
    artifact = await artifacts.publish(found.directory, found.exclude, foreign_links=True)
    spec = InstanceSpec(
        instance_id=uuid4().hex,  # the control groups that are named so are the machine's
        release_id="r",
        tenant_id="t",
        environment_id="e",
        artifact=artifacts.path(artifact.digest),
        start_command=building.find_start(kind, plan, RuntimeConfig(), checkout),
        environment={"WORD": "hello"},
        toolchains=await Toolchains(kept / "tools").recall(tuple(map(name, tools)), output),
        programs=plan.programs,
        directory=plan.directory,
    )
    instance = await runtime.start(spec)
    health = await runtime.healthy(instance, timeout=30)
    assert health.well, (health.reason, runtime.spool(spec.instance_id).tail())
    assert answer in await get(instance)
    assert await artifacts.verify(artifact.digest)


async def test_a_react_site_is_built_by_vite(kept: Path, place: Path, output: Output) -> None:
    checkout = write(
        place / "checkout",
        {
            "package.json": json.dumps(
                {
                    "type": "module",
                    "scripts": {"build": "vite build"},
                    "dependencies": {"react": "^18", "react-dom": "^18"},
                    "devDependencies": {"vite": "^5"},
                }
            ),
            "index.html": '<div id="root"></div><script type="module" src="/main.jsx"></script>',
            "main.jsx": "import React from 'react';\nimport { createRoot } from 'react-dom/client';\n"
            "createRoot(document.getElementById('root')).render(React.createElement('h1', null, 'built by vite'));\n",
        },
    )
    plan = building.plan(ProjectType.REACT, BuildConfig(), checkout)
    tools = await Toolchains(kept / "tools").provide(plan.needs, output)
    hand_over(checkout, capabilities())
    box = Sandbox(workspace=checkout, scratch=place / "scratch", cache=kept / "cache", toolchains=tools)
    for step in (plan.install, plan.build):
        assert step is not None
        command, walled = building.walled(step, plan, box)
        assert (await run(command, walled, Limits(wall_seconds=100), output)).succeeded, output.text
    found = building.find_output(ProjectType.REACT, plan, checkout)
    assert found.directory == checkout / "dist"
    assert any("built by vite" in path.read_text() for path in found.directory.glob("assets/*.js"))


async def test_a_version_that_does_not_exist_is_refused_in_a_sentence(kept: Path, output: Output) -> None:
    plan = building.BuildPlan(needs=Needs(node="3.14.15"))
    with pytest.raises(ToolchainMissing, match=r"no Node\.js 3\.14\.15"):
        await Toolchains(kept / "tools").provide(plan.needs, output)


@pytest.mark.parametrize(("digest", "sentence"), [("sha512.beef", "is not the one"), ("crc32.0", "not known here")])
async def test_a_package_manager_that_is_not_the_pinned_one_is_refused(
    digest: str, sentence: str, kept: Path, output: Output
) -> None:
    needs = Needs(node="", manager="pnpm", manager_version="9.15.0", manager_digest=digest)
    with pytest.raises(ToolchainMissing, match=sentence):
        await Toolchains(kept / "tools").provide(needs, output)


def write(place: Path, files: dict[str, str]) -> Path:
    place.mkdir(mode=0o755)
    for file, content in files.items():
        (place / file).write_text(content)
    return place
