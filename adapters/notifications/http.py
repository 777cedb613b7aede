"""Posting a message to an address that a customer gave: one request, one answer, both bounded.

The host's name is resolved once and each address is checked (``adapters.network``); the connection goes to a checked
one, while TLS and the ``Host`` header go by the name. Redirects are answers like any other.
"""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

import httptools

from adapters.network import AddressRefused, is_private, literal, reachable, require_public
from domain.fact import Value

ANSWER_SECONDS = 15.0
"""So long a receiver may take from the look-up of its name to its answer."""
CONNECT_SECONDS = 5.0
LONGEST_URL = 2048
LARGEST_HEAD = 64 * 1024
"""Bytes until an answer's head must have ended."""
EXCERPT = 1000
"""So many bytes of an answer's body are read."""


class Endpoint(Value):
    """An address that may be posted to, in its parts; ``target`` is path and query."""

    tls: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What stands in the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The address without its query, in which secrets are sometimes written."""
        return f"http{'s' if self.tls else ''}://{self.authority}{self.target.partition('?')[0]}"


class Answer(Value):
    """What a receiver answered; ``excerpt`` is the beginning of the body."""

    status: int
    excerpt: str
    retry_after: float | None = None


class NoAnswer(Exception):
    """There was none; the message says why, in words that hold no secret."""


def endpoint(url: str, *, allow_private: bool) -> Endpoint:
    """The parts of an address, checked as far as it goes without asking the network. Raises ``AddressRefused``."""
    if not 1 <= len(url) <= LONGEST_URL or not url.isascii() or any(ord(one) < 33 or ord(one) == 127 for one in url):
        raise AddressRefused(f"An address has 1 to {LONGEST_URL} printable ASCII characters and no spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("This is no address. Use one such as https://example.com/hooks.") from None
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None or port == 0:
        raise AddressRefused("Use an address such as https://example.com/hooks, without a user or password in it.")
    tls = parts.scheme == "https"
    if not tls and not allow_private:
        raise AddressRefused("Messages are not sent over unencrypted http. Use https.")
    if address := literal(host):
        require_public(host, address, allow_private=allow_private)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(tls=tls, host=host, port=port or (443 if tls else 80), target=target)


async def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Answer:
    """Post ``body``, and what was answered. Raises ``NoAnswer`` and ``AddressRefused``."""
    place = endpoint(url, allow_private=allow_private)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            addresses = await reachable(place.host, place.port, allow_private=allow_private)
            if not place.tls and not all(map(is_private, addresses)):
                raise AddressRefused("Messages leave private networks by https alone.")
            reader, writer = await _connected(place, addresses)
            try:
                writer.write(_request(place, body, headers))
                return await _answered(reader)
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise NoAnswer(f"It gave no answer within {ANSWER_SECONDS:g} s.") from None
    except ssl.SSLCertVerificationError as problem:
        raise NoAnswer(f"Its certificate cannot be trusted: {problem.verify_message}.") from None
    except (OSError, httptools.HttpParserError) as problem:
        raise NoAnswer(f"It broke the connection off, or speaks no HTTP ({type(problem).__name__}).") from None


async def _connected(place: Endpoint, addresses: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of the addresses that takes one."""
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(
                    address,
                    place.port,
                    ssl=tls_context() if place.tls else None,
                    server_hostname=place.host if place.tls else None,
                )
        except ssl.SSLError:
            raise
        except (OSError, TimeoutError):
            continue
    raise NoAnswer(f"{place.authority} takes no connection.")


@cache
def tls_context() -> ssl.SSLContext:
    """How servers are verified: by the machine's certificate authorities."""
    return ssl.create_default_context()


def _request(place: Endpoint, body: bytes, headers: Mapping[str, str]) -> bytes:
    fields = {
        "Host": place.authority,
        "User-Agent": "Shipbook/1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {place.target} HTTP/1.1\r\n{head}\r\n".encode() + body


async def _answered(reader: asyncio.StreamReader) -> Answer:
    """The answer, as soon as enough of it is there."""
    heard = _Heard()
    while not heard.enough():
        piece = await reader.read(16 * 1024)
        if not piece:
            break
        heard.feed(piece)
    return heard.answer()


class _Heard:
    """What of the answer has come so far; a parser tells it. Interim answers (1xx) are passed over."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._read = 0
        self._began = False
        self._ended = False
        self._fields: dict[bytes, bytes] = {}
        self._body = b""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the connection."""
        self._read += len(piece)
        self._parser.feed_data(piece)
        if self._ended and self._parser.get_status_code() < 200:
            self._began = self._ended = False

    def enough(self) -> bool:
        """Whether there is no need to read on."""
        too_long = not self._began and self._read > LARGEST_HEAD
        return self._ended or len(self._body) >= EXCERPT or too_long

    def answer(self) -> Answer:
        """What was heard. Raises ``NoAnswer``."""
        if not self._began:
            raise NoAnswer("It ended the connection without an answer, or its head is too long.")
        after = self._fields.get(b"retry-after", b"")
        return Answer(
            status=self._parser.get_status_code(),
            excerpt=self._body.decode(errors="replace").replace("\x00", "\ufffd").strip(),
            retry_after=float(after) if after.isdigit() and len(after) < 9 else None,
        )

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._began = True

    def on_body(self, piece: bytes) -> None:
        self._body = (self._body + piece)[:EXCERPT]

    def on_message_complete(self) -> None:
        self._ended = True
