"""How much a workspace may use."""

from domain.fact import Value


class Place(Value):
    """One of so many places that a workspace has for a kind of thing: only one thing may hold it.

    ``scope`` names the kind, and the day where each day has places of its own; ``number`` counts from 1.
    """

    scope: str
    number: int


class Limits(Value):
    """A workspace's limits; None where the installation's own holds. 0 forbids the thing."""

    deployments_per_day: int | None = None
    """How many may be asked for from one midnight in UTC to the next."""
    builds_at_once: int | None = None
    projects: int | None = None
    secrets: int | None = None
    log_mb_per_day: int | None = None
    """Megabytes of lines that its builds and applications may print in a day of UTC."""
    requests_per_minute: int | None = None
    """In each process of the API, by each of its callers."""

    def over(self, usual: "Limits") -> "Limits":
        """These limits, and where they say nothing the usual ones."""
        own = {name: getattr(self, name) for name in self.__struct_fields__}
        return Limits(**{name: getattr(usual, name) if one is None else one for name, one in own.items()})
