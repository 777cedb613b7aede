"""Sending a message by a mail server that a customer named (RFC 5321), over a connection to a checked address."""

import asyncio
import socket
import ssl
from email.message import EmailMessage

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from adapters.network import reachable
from adapters.notifications.http import CONNECT_SECONDS, NoAnswer, tls_context
from commands.ports import SecretValue
from domain.fact import Value
from domain.notification import EmailTarget, Tls

MAIL_SECONDS = 30.0
"""So long a mail server may take for the whole conversation."""


class Reply(Value):
    """What the server said at last: its code, and its text. ``permanent``: this message will never be taken."""

    code: int
    text: str
    permanent: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the server has taken the message over."""
        return 200 <= self.code < 300


async def send(
    target: EmailTarget, password: SecretValue | None, message: EmailMessage, *, allow_private: bool
) -> Reply:
    """Hand the message over, and what the server said. Raises ``NoAnswer`` and ``AddressRefused``."""
    try:
        async with asyncio.timeout(MAIL_SECONDS):
            return await _handed_over(target, password, message, await _connected(target, allow_private=allow_private))
    except TimeoutError:
        raise NoAnswer(f"The mail server did not finish within {MAIL_SECONDS:g} s.") from None
    except ssl.SSLCertVerificationError as problem:
        raise NoAnswer(f"The mail server's certificate cannot be trusted: {problem.verify_message}.") from None
    except OSError as problem:
        raise NoAnswer(f"The mail server broke the connection off ({type(problem).__name__}).") from None


async def _handed_over(
    target: EmailTarget, password: SecretValue | None, message: EmailMessage, sock: socket.socket
) -> Reply:
    client = SMTP(
        hostname=target.host,
        sock=sock,
        use_tls=target.tls is Tls.IMPLICIT,
        start_tls=target.tls is Tls.STARTTLS,
        tls_context=tls_context() if target.tls is not Tls.NONE else None,
        local_hostname="shipbook.invalid",
        timeout=MAIL_SECONDS,
    )
    try:
        await client.connect()  # from here on the client owns the socket, and closes it
        if target.user is not None and password is not None:
            await client.login(target.user, password.reveal)
        _, said = await client.send_message(message, sender=target.sender, recipients=list(target.recipients))
        return Reply(code=250, text=" ".join(said.split()))
    except SMTPAuthenticationError as refused:
        return _reply(refused.code, refused.message)
    except SMTPRecipientsRefused as refused:
        worst = max(refused.recipients, key=lambda one: one.code)
        return _reply(worst.code, worst.message, permanent=all(one.code >= 500 for one in refused.recipients))
    except SMTPResponseException as refused:
        return _reply(refused.code, refused.message, permanent=refused.code >= 500)
    except SMTPException as problem:
        raise NoAnswer(_cause(problem)) from None
    finally:
        transport = client.transport
        client.close()
        if transport is not None:
            transport.abort()  # type: ignore[attr-defined]  # of streams each has it; close waits for a farewell


def _cause(problem: SMTPException) -> str:
    cause = problem.__cause__ or problem.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The mail server's certificate cannot be trusted: {cause.verify_message}."
    return f"The mail server could not be spoken with: {str(problem)[:200]}"


def _reply(code: int, text: str, *, permanent: bool = False) -> Reply:
    return Reply(code=code, text=" ".join(text.split()), permanent=permanent)


async def _connected(target: EmailTarget, *, allow_private: bool) -> socket.socket:
    """A connection to the first of the host's addresses that takes one."""
    loop = asyncio.get_running_loop()
    for address in await reachable(target.host, target.port, allow_private=allow_private):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.sock_connect(sock, (address, target.port))
        except (OSError, TimeoutError):
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise NoAnswer(f"{target.host}:{target.port} takes no connection.")
