"""Logging in, with a password or a token, and forgetting it again."""

import getpass
import socket
import sys
from datetime import UTC, datetime, timedelta

import msgspec

from adapters.http.native.wire import accounts
from services import logins
from services.cli.session import Session
from services.client import Client
from services.exits import Exit, WrongUsage

TOKEN_DAYS = 90
LONGEST_INPUT = 1 << 16
"""Characters; the API refuses longer passwords and secrets."""


def login(session: Session, email: str | None, *, with_token: bool) -> int:
    """Log in and keep the login. A password is used once, for a token that expires; it is not kept itself."""
    url = logins.known_url(session.api_url, session.data_dir, session.environ)
    token = hidden("Token: ") if with_token else session.token
    if not token:
        email = email or _asked("E-mail address: ")
        token = _token_for(session.client_of(logins.Login(api_url=url)), email, hidden("Password: "))
    entered = logins.Login(api_url=url, token=token)
    me = session.client_of(entered).get("/auth/me", accounts.Me)
    file = logins.store(msgspec.structs.replace(entered, email=me.email), session.environ)
    session.console.document({"apiUrl": url, "email": me.email, "file": str(file)})
    session.console.say(f"You are {me.email} at {url}. The login is kept in {file}.")
    return Exit.OK


def _token_for(client: Client, email: str, password: str) -> str:
    """A token made in a session that ends at once."""
    client.send("POST", "/auth/login", accounts.Login(email=email, password=password))
    creation = accounts.TokenCreation(
        name=f"shipbook on {socket.gethostname()}"[:100], expires_at=datetime.now(UTC) + timedelta(days=TOKEN_DAYS)
    )
    token = client.post("/account/api-tokens", creation, accounts.NewToken).token
    client.send("POST", "/auth/logout")
    if token is None:
        raise WrongUsage("The plane made a token, but its answer was lost. Log in again.")
    return token


def logout(session: Session) -> int:
    """Forget the stored login."""
    logins.forget(session.environ)
    session.console.say(
        "The login is forgotten here. Its token works until it expires, at most "
        f"{TOKEN_DAYS} days after it was made, or until it is revoked."
    )
    return Exit.OK


def hidden(prompt: str) -> str:
    """A secret: typed unseen at a terminal, else the whole standard input less one line break at its end."""
    typed = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read(LONGEST_INPUT + 1)
    value = typed.removesuffix("\n").removesuffix("\r")
    if not value:
        raise WrongUsage("Nothing was entered. Type the value, or send it to standard input.")
    if len(value) > LONGEST_INPUT:
        raise WrongUsage(f"That is too long: at most {LONGEST_INPUT} characters.")
    return value


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise WrongUsage("Say who you are with --email; the password is then read from standard input.")
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
