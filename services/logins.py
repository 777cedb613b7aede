"""Where the command line finds the plane and the token to speak with, and where it keeps them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import msgspec

from services.exits import CommandFailed, Unreachable, WrongUsage

API_URL = "SHIPBOOK_API_URL"
TOKEN = "SHIPBOOK_TOKEN"  # noqa: S105 - a variable's name
CLIENT_VARIABLES = (API_URL, TOKEN)
"""Variables that belong to the client, and are no settings of the plane."""

DEFAULT_API_URL = "http://127.0.0.1:8080"


class Login(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Which plane, and with which token. ``credentials.json`` has the same keys and more."""

    api_url: str = ""
    token: str = ""
    email: str = ""

    def __repr__(self) -> str:
        return f"Login(api_url={self.api_url!r}, token=[redacted], email={self.email!r})"


def login_file(environ: Mapping[str, str]) -> Path | None:
    """Where a login is stored (XDG Base Directory Specification), None for somebody without a home."""
    home, own = Path(environ.get("HOME", "")), Path(environ.get("XDG_CONFIG_HOME", ""))
    configuration = own if own.is_absolute() else home / ".config"
    return configuration / "shipbook" / "login.json" if configuration.is_absolute() else None


def resolved(api_url: str | None, token: str | None, data_dir: Path | None, environ: Mapping[str, str]) -> Login:
    """The login to use: options, then variables, then the stored login, then the plane's own ``credentials.json``.

    A ``data_dir`` that was named is an option. A kept token goes nowhere but to the plane that it is for.
    Raises Unreachable when there is no token, WrongUsage for a bad URL.
    """
    environ = environ if data_dir is None else {}
    url, secret = api_url or environ.get(API_URL), token or environ.get(TOKEN)
    wanted = checked_url(url) if url else None
    kept = next((login for login in _kept(data_dir, environ) if wanted in {None, login.api_url}), None)
    if secret:
        return Login(api_url=wanted or (kept.api_url if kept else DEFAULT_API_URL), token=secret)
    if kept is None:
        raise Unreachable(
            f"There is no token for {wanted or 'any plane'}. Run `shipbook login --api-url "
            f"{wanted or DEFAULT_API_URL}`, set {TOKEN}, or stand in the directory where `shipbook up` runs."
        )
    return kept


def known_url(api_url: str | None, data_dir: Path | None, environ: Mapping[str, str]) -> str:
    """The plane to log in to: option, variable, the last login's, or the usual one. Raises WrongUsage."""
    kept = next((login.api_url for login in _kept(data_dir, environ)), DEFAULT_API_URL)
    return checked_url(api_url or environ.get(API_URL) or kept)


def checked_url(url: str) -> str:
    """``url`` without a slash at its end, or WrongUsage."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise WrongUsage(f"'{url}' is not the URL of a plane; expected one such as {DEFAULT_API_URL}.")
    return url.rstrip("/")


def store(login: Login, environ: Mapping[str, str]) -> Path:
    """Keep ``login``, readable by its owner alone; returns where."""
    file = login_file(environ)
    if file is None:
        raise WrongUsage(f"There is no home directory to keep a login in. Set HOME or XDG_CONFIG_HOME, or use {TOKEN}.")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        growing = file.with_name(f".{file.name}.{token_hex(4)}")
        descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(login))
        growing.replace(file)
    except OSError as problem:
        raise CommandFailed(f"The login cannot be kept in {file}: {problem.strerror}.") from problem
    return file


def forget(environ: Mapping[str, str]) -> None:
    """Remove the stored login, if there is one."""
    file = login_file(environ)
    if file is not None:
        file.unlink(missing_ok=True)


def _kept(data_dir: Path | None, environ: Mapping[str, str]) -> Iterator[Login]:
    local = Path(data_dir or environ.get("SHIPBOOK_DATA_DIR") or ".shipbook") / "credentials.json"
    for file in (local,) if data_dir else (login_file(environ), local):
        if file is not None and (found := _read(file)):
            yield found


def _read(file: Path) -> Login | None:
    try:
        login = msgspec.json.decode(file.read_bytes(), type=Login)
        return msgspec.structs.replace(login, api_url=checked_url(login.api_url)) if login.token else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as problem:
        raise WrongUsage(f"{file} cannot be read: {problem}. Mend or remove it, and log in again.") from problem
