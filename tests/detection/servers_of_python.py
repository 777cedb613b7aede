"""Servers in Python."""

from tests.detection.cases import package, pages, python

UVICORN = "--host 127.0.0.1 --port $PORT"
GUNICORN = "gunicorn --bind 127.0.0.1:$PORT"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FACTORY = "from flask import Flask\n\ndef create_app():\n    return Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"

CASES = [
    python("Flask", {"requirements.txt": "Flask==3.0\n", "app.py": FLASK}, "flask", f"flask --app app run {UVICORN}"),
    python(
        "Flask with gunicorn",
        {"requirements.txt": "flask\ngunicorn\n", "wsgi.py": FLASK},
        "flask",
        f"{GUNICORN} wsgi:app",
    ),
    python(
        "Flask that is made by a function",
        {"pyproject.toml": '[project]\ndependencies = ["flask", "gunicorn"]', "flaskr/__init__.py": FACTORY},
        "flask",
        f"{GUNICORN} flaskr:'create_app()'",
        install="uv pip install --requirement pyproject.toml",
    ),
    python(
        "FastAPI",
        {"requirements.txt": "fastapi\nuvicorn[standard]\n", "main.py": FASTAPI},
        "fastapi",
        f"uvicorn main:app {UVICORN}",
        install="uv pip install --requirement requirements.txt",
    ),
    python(
        "FastAPI with what is standard",
        {
            "pyproject.toml": '[project]\ndependencies = ["fastapi[standard]>=0.110"]',
            "app/main.py": FASTAPI,
            "uv.lock": "",
        },
        "fastapi",
        f"uvicorn app.main:app {UVICORN}",
        install="uv sync --frozen --no-dev",
    ),
    python(
        "FastAPI in src, with poetry",
        {
            "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = "*"\nuvicorn = "*"',
            "poetry.lock": "",
            "src/shop/__init__.py": "",
            "src/shop/main.py": FASTAPI,
        },
        "fastapi",
        f"uvicorn shop.main:app --app-dir src {UVICORN}",
    ),
    python(
        "FastAPI without a server",
        {"requirements.txt": "fastapi\n", "main.py": FASTAPI},
        "fastapi",
        None,
        confidence=0.6,
    ),
    python(
        "Django",
        {
            "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')",
            "shop/wsgi.py": "",
            "shop/asgi.py": "",
            "requirements.txt": "Django>=5\ngunicorn\n",
        },
        "django",
        f"{GUNICORN} shop.wsgi:application",
    ),
    python(
        "Django as it was made",
        {"manage.py": "", "shop/wsgi.py": ""},
        "django",
        "python manage.py runserver --noreload 127.0.0.1:$PORT",
    ),
    python(
        "Django with pages that Vite builds",
        {"manage.py": "", "shop/wsgi.py": "", "requirements.txt": "django", "package.json": package("vite")},
        "django",
        "python manage.py runserver --noreload 127.0.0.1:$PORT",
    ),
    python(
        "Starlette",
        {"requirements.txt": "starlette\nuvicorn", "asgi.py": "app = Starlette(routes=[])\n"},
        "starlette",
        f"uvicorn asgi:app {UVICORN}",
    ),
    python(
        "Litestar",
        {
            "Pipfile": '[packages]\nlitestar = {extras = ["standard"]}\nuvicorn = "*"',
            "app.py": "app = Litestar([index])\n",
        },
        "litestar",
        f"uvicorn app:app {UVICORN}",
    ),
    python(
        "Litestar with granian",
        {"requirements.txt": "litestar\ngranian", "app.py": "app: Litestar = Litestar([index])\n"},
        "litestar",
        f"granian --interface asgi {UVICORN} app:app",
    ),
    python(
        "Streamlit",
        {"requirements.txt": "streamlit\npandas", "streamlit_app.py": "import streamlit as st\n", "pages/1.py": ""},
        "streamlit",
        "streamlit run streamlit_app.py --server.headless true --server.address 127.0.0.1 --server.port $PORT",
    ),
    python(
        "Quart",
        {"requirements.txt": "quart", "app.py": "app = Quart(__name__)\n"},
        "quart",
        "hypercorn --bind 127.0.0.1:$PORT app:app",
    ),
    python("Dash", {"requirements.txt": "dash", "app.py": "app = Dash(__name__)\n"}, "dash", "python app.py"),
    python(
        "a program",
        {"requirements.txt": "aiohttp", "server.py": "web.run_app(app)"},
        None,
        "python server.py",
        confidence=0.5,
    ),
    python(
        "a Procfile",
        {"requirements.txt": "flask\ngunicorn", "Procfile": "web: gunicorn shop:app --log-file -\n"},
        "flask",
        "gunicorn shop:app --log-file -",
    ),
    python(
        "FastAPI that a function makes for the module",
        {
            "pyproject.toml": '[tool.poetry.dependencies]\nfastapi = "*"\nuvicorn = "*"',
            "app/main.py": "def get_application() -> FastAPI:\n    return FastAPI()\n\napp = get_application()\n",
        },
        "fastapi",
        f"uvicorn app.main:app {UVICORN}",
    ),
    python(
        "Litestar whose manage.py is not Django's",
        {
            "pyproject.toml": '[project]\ndependencies = ["litestar", "litestar-granian"]',
            "manage.py": '"""As it is usual in Django."""\n',
            "src/py/shop/__init__.py": "",
            "src/py/shop/asgi.py": "def create_app() -> Litestar:\n    return Litestar([])\n",
        },
        "litestar",
        f"granian --interface asgi --working-dir src/py {UVICORN} shop.asgi:create_app --factory",
    ),
    pages("pages beside a program", {"index.html": "", "build.py": ""}, None, ""),
]
