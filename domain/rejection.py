"""Why a command is refused. A rejection is the customer's to mend; anything else that is raised is ours."""

from collections.abc import Sequence

from domain.fact import Value


class Detail(Value):
    """One field that is wrong: where it stands in the request, and what is wrong with it."""

    field: str
    message: str


class Rejection(Exception):
    """A rule refuses the command. ``code`` is stable for programs; the message is for people."""

    code = "rejected"

    def __init__(self, message: str, *, code: str | None = None, details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = tuple(details)


class NotFound(Rejection):
    """There is no such thing, or the caller may not know that there is."""

    code = "not_found"


class Conflict(Rejection):
    """It cannot be done in the present state of the thing."""

    code = "conflict"


class NameTaken(Conflict):
    """Another thing holds the name (see ``domain.reservations``)."""

    code = "name_taken"

    def __init__(self, scope: str, name: str) -> None:
        kind = scope.split("/", 1)[0]
        super().__init__(f"The {kind} '{name}' is already taken. Choose another one.")
        self.scope = scope
        self.name = name


class StaleLease(Conflict):
    """A later lease outranks the one that reports."""

    code = "stale_lease"


class StaleVersion(Conflict):
    """The thing has changed since the caller read it (``If-Match``)."""

    code = "stale_version"


class QuotaExceeded(Rejection):
    """The workspace has used up what it may use. ``retry_after`` is in seconds, None where waiting does not help.

    ``limit``: how much of it there is, where that is counted.
    """

    code = "quota_exceeded"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: int | None = None, limit: int | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
        self.limit = limit


class Forbidden(Rejection):
    """The caller is known, and may not do this."""

    code = "forbidden"


class Unauthenticated(Rejection):
    """The caller is not known."""

    code = "unauthenticated"


class Invalid(Rejection):
    """The request does not make sense, whatever the state."""

    code = "invalid"
