"""Importing secrets: an import that was broken off goes on where it was, and does nothing twice."""

from collections.abc import Sequence

from commands.importing import Destination, Outcome, Planned, Variable, carry_out, plan, to_do
from commands.ports import Request, SecretValue
from domain.history import Context
from domain.identifiers import SecretId, derived
from domain.secret import SecretRotated, SecretSet
from tests.commands.plane import Plane, tell

FILE = [Variable(line=line, name=name, value=SecretValue(f"value of {name}")) for line, name in enumerate("ABC", 1)]


class Import:
    """One request to import the file into the workspace."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.context: Context = plane.next()
        self.request = Request(causation_id=self.context.causation_id, fingerprint="the same")

    async def plan(self, variables: Sequence[Variable] = FILE) -> list[Planned]:
        set_before = [fact for fact in self.plane.facts() if isinstance(fact, SecretSet)]
        known = {fact.name: fact.secret_id for fact in set_before}
        ours = (self.plane.handler, self.plane.vault, self.context)
        return await plan(*ours, Destination(), variables, known, self.request)

    async def carry_out(self, planned: Sequence[Planned], request: Request | None) -> None:
        def new(name: str) -> SecretId:
            return SecretId(derived(self.context.causation_id, name))

        ours = (self.plane.handler, self.plane.vault, self.context)
        await carry_out(*ours, Destination(), planned, new, request)


def test_the_same_request_goes_on_where_it_was_broken_off_and_answers_as_if_it_never_had_been() -> None:
    async def story() -> None:
        plane = Plane()
        imported = Import(plane)
        await imported.carry_out((await imported.plan())[:2], None)  # and then it was killed

        again = await imported.plan()
        await imported.carry_out(to_do(again), imported.request)

        assert [one.outcome for one in again] == [Outcome.CREATED] * 3
        assert [one.variable.name for one in to_do(again)] == ["C"]
        assert len(plane.facts()) == 3
        assert to_do(await imported.plan()) == []

    tell(story())


def test_another_request_leaves_alone_what_was_done_and_does_the_rest() -> None:
    async def story() -> None:
        plane = Plane()
        first = Import(plane)
        await first.carry_out((await first.plan())[:2], None)
        changed = [FILE[0], Variable(line=2, name="B", value=SecretValue("another")), FILE[2]]

        second = Import(plane)
        planned = await second.plan(changed)
        await second.carry_out(to_do(planned), second.request)

        assert [one.outcome for one in planned] == [Outcome.UNCHANGED, Outcome.ROTATED, Outcome.CREATED]
        assert [type(fact) for fact in plane.facts()] == [SecretSet, SecretSet, SecretRotated, SecretSet]
        assert plane.log.requests[second.context.causation_id] == second.request

    tell(story())
