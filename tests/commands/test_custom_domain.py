"""A custom domain: claimed, proven, lost, given up, certified, removed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from commands.custom_domain import (
    DECIDER,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LOST_PATIENCE,
    PENDING_PATIENCE,
    AddCustomDomain,
    ChangeCustomDomain,
    RecordCheck,
    RemoveCustomDomain,
    ReportCertificate,
    pause,
)
from commands.pointing import Target
from domain.custom_domain import (
    CertificateFailed,
    CertificateIssued,
    CertificateRequested,
    CustomDomainAdded,
    CustomDomainChecked,
    CustomDomainMoved,
    CustomDomainRedirected,
    CustomDomainRemoved,
    CustomDomainUnrouted,
    CustomDomainVerified,
    Event,
    Redirect,
    Seen,
    VerificationAbandoned,
    VerificationLost,
    VerificationResumed,
    challenge,
)
from domain.identifiers import CustomDomainId, EnvironmentId, ProjectId, TenantId
from domain.rejection import Invalid, NotFound
from domain.reservations import CUSTOM_DOMAIN, GiveBackAll, Take, reservations
from tests.commands.specification import specification

given = specification(DECIDER)

ID, TENANT, LIVE = CustomDomainId("domain"), TenantId("acme"), EnvironmentId("environment")
HOST, ENVIRONMENT_HOST, ADDRESS = "www.example.com", "shop.apps.example.org", "192.0.2.7"
TOKEN = challenge(TENANT, HOST)
ADD = AddCustomDomain(
    domain_id=ID,
    tenant_id=TENANT,
    project_id=ProjectId("project"),
    environment_id=LIVE,
    hostname=HOST,
    apps_domain="apps.example.org",
)
ADDED = CustomDomainAdded(
    domain_id=ID, project_id=ProjectId("project"), environment_id=LIVE, hostname=HOST, challenge=TOKEN
)
REMOVED = CustomDomainRemoved(domain_id=ID, hostname=HOST)
VERIFIED = CustomDomainVerified(domain_id=ID, hostname=HOST)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GRACE = timedelta(hours=72)
ASKED = Seen(name_servers=("ns.example.com",))
RIGHT = replace(ASKED, txt=("other", TOKEN), addresses=(ADDRESS,))
NOTHING, UNREGISTERED = ASKED, Seen()
MUTE = Seen(failure="nobody answered.")


def check(seen: Seen, at: datetime = AT, **fields: Any) -> RecordCheck:
    target = Target(host=ENVIRONMENT_HOST, addresses=(ADDRESS, "2001:db8::7"))
    return RecordCheck(domain_id=ID, seen=seen, target=target, at=at, grace=GRACE, **fields)


def follows(past: tuple[Event, ...], command: RecordCheck) -> tuple[CustomDomainChecked, tuple[Event, ...]]:
    """What a look adds: the attempt, and what follows from it."""
    facts = DECIDER.decide(command, DECIDER.fold(past))
    attempts = [fact for fact in facts if isinstance(fact, CustomDomainChecked)]
    return attempts[0], tuple(fact for fact in facts if fact is not attempts[0])


class TestAdding:
    def test_claims_the_name_with_a_challenge_of_the_workspace_alone(self) -> None:
        given().when(ADD).then(ADDED)
        assert challenge(TenantId("other"), HOST) != TOKEN != challenge(TENANT, "example.com")

    def test_takes_the_name_in_the_whole_installation_until_it_is_given_back(self) -> None:
        assert reservations(ADDED, TENANT) == [Take(scope=CUSTOM_DOMAIN, name=HOST)]
        wildcard = replace(ADDED, hostname="*.example.com")
        assert reservations(wildcard, TENANT) == [Take(scope=CUSTOM_DOMAIN, name="*.example.com")]
        given_up = VerificationAbandoned(domain_id=ID, hostname=HOST, problem="")
        assert [reservations(fact, TENANT) for fact in (REMOVED, given_up)] == [[GiveBackAll()]] * 2

    def test_twice_adds_it_once(self) -> None:
        given(ADDED).when(ADD).then_nothing()
        given(ADDED, REMOVED).when(ADD).then_nothing()

    @pytest.mark.parametrize("hostname", ["example.com", "*.example.com", "a.b.c.example.com", "xn--bcher-kva.example"])
    def test_a_host_name_is_taken(self, hostname: str) -> None:
        token = challenge(TENANT, hostname)
        given().when(replace(ADD, hostname=hostname)).then(replace(ADDED, hostname=hostname, challenge=token))

    @pytest.mark.parametrize(
        "hostname",
        [
            "",
            "example",
            "*.com",
            "*.*.example.com",
            "www.*.example.com",
            "*example.com",
            "localhost",
            "shop.localhost",
            "*.localhost",
            "192.0.2.1",
            "192.0.2.0x1",
            "1.2",
            "::1",
            "apps.example.org",
            "shop.apps.example.org",
            "*.apps.example.org",
            "WWW.example.com",
            "www.example.com.",
            "a_b.example.com",
            "-a.example.com",
            "bücher.example",
            "a" * 64 + ".example.com",
            ".".join(["a" * 57] * 4) + ".example.com",
        ],
    )
    def test_any_other_name_is_refused(self, hostname: str) -> None:
        given().when(replace(ADD, hostname=hostname)).then_refused(Invalid, field="hostname")

    @pytest.mark.parametrize(
        "redirect",
        [
            Redirect(to=HOST),
            Redirect(to="*.example.com"),
            Redirect(to="example.com/path"),
            Redirect(to=""),
            Redirect(to="example.com", status=302),
        ],
    )
    def test_a_redirect_that_leads_nowhere_is_refused(self, redirect: Redirect) -> None:
        given().when(replace(ADD, redirect=redirect)).then_refused(Invalid, field="redirectTo")
        given(ADDED).when(ChangeCustomDomain(domain_id=ID, redirect=redirect)).then_refused(Invalid, field="redirectTo")


class TestChanging:
    def test_moves_the_domain_and_redirects_it(self) -> None:
        other, apex = EnvironmentId("staging"), Redirect(to="example.com", status=301)
        given(ADDED).when(ChangeCustomDomain(domain_id=ID, environment_id=other, redirect=apex)).then(
            CustomDomainMoved(domain_id=ID, hostname=HOST, environment_id=other, former=LIVE),
            CustomDomainRedirected(domain_id=ID, hostname=HOST, redirect=apex),
        )

    def test_to_what_it_is_changes_nothing(self) -> None:
        given(ADDED).when(ChangeCustomDomain(domain_id=ID, environment_id=LIVE, redirect=None)).then_nothing()

    def test_what_is_not_there_is_refused(self) -> None:
        commands = [ChangeCustomDomain(domain_id=ID), RemoveCustomDomain(domain_id=ID), check(RIGHT)]
        for past in ((), (ADDED, REMOVED)):
            for command in commands:
                given(*past).when(command).then_refused(NotFound)


class TestLooking:
    @pytest.mark.parametrize(
        ("seen", "pointing"),
        [
            (RIGHT, True),
            (replace(ASKED, txt=(TOKEN,)), False),
            (replace(ASKED, txt=(TOKEN,), cname=ENVIRONMENT_HOST), True),
            (replace(ASKED, txt=(TOKEN,), addresses=(ADDRESS, "192.0.2.99")), False),
            (replace(ASKED, txt=(TOKEN,), cname="cdn.example.net", addresses=(ADDRESS,)), True),
        ],
    )
    def test_verifies_by_the_challenge_wherever_the_name_leads(self, seen: Seen, pointing: bool) -> None:
        attempt, outcome = follows((ADDED,), check(seen))
        assert (attempt.proven, attempt.pointing, attempt.problem is None) == (True, pointing, pointing)
        assert outcome == (VERIFIED,)

    @pytest.mark.parametrize(
        "seen",
        [
            NOTHING,
            UNREGISTERED,
            replace(ASKED, txt=(challenge(TenantId("other"), HOST),)),
            replace(ASKED, txt=(TOKEN.upper(),)),
            replace(ASKED, addresses=(ADDRESS,)),
            replace(ASKED, cname="other.apps.example.org", addresses=(ADDRESS,)),
            replace(ASKED, cname=ENVIRONMENT_HOST),
            replace(ASKED, txt=(TOKEN,), failure="it timed out."),
            MUTE,
        ],
    )
    def test_verifies_by_nothing_else_and_says_what_is_wrong(self, seen: Seen) -> None:
        attempt, outcome = follows((ADDED,), check(seen))
        assert (attempt.proven, outcome) == (False, ())
        assert attempt.problem

    def test_counts_and_keeps_what_was_seen(self) -> None:
        first, _ = follows((ADDED,), check(NOTHING))
        second, _ = follows((ADDED, first), check(MUTE))
        assert [(one.attempt, one.seen) for one in (first, second)] == [(1, NOTHING), (2, MUTE)]

    def test_a_verified_domain_is_looked_for_daily(self) -> None:
        attempt, outcome = follows((ADDED, VERIFIED), check(RIGHT))
        assert (attempt.next_check_at - AT, outcome) == (timedelta(days=1), ())

    @drawn(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
    def test_pauses_grow_from_a_minute_to_hours(self, lacking: timedelta) -> None:
        assert FIRST_PAUSE <= pause(lacking) <= LONGEST_PAUSE
        assert pause(lacking) <= pause(lacking + timedelta(hours=1))

    def test_a_proof_that_does_not_come_is_given_up_after_days(self) -> None:
        looks = list(_looks((ADDED,), NOTHING))
        assert isinstance(looks[-1], VerificationAbandoned)
        attempts = [fact for fact in looks if isinstance(fact, CustomDomainChecked)]
        assert attempts[-1].next_check_at - AT >= PENDING_PATIENCE
        assert 20 < len(attempts) < 60

    def test_a_person_may_ask_for_what_was_given_up(self) -> None:
        past = (ADDED, VerificationAbandoned(domain_id=ID, hostname=HOST, problem="no"))
        resumed = VerificationResumed(domain_id=ID, hostname=HOST)
        attempt, outcome = follows(past, check(RIGHT, asked=True))
        assert (attempt.proven, outcome) == (True, (resumed, VERIFIED))
        assert reservations(resumed, TENANT) == [Take(scope=CUSTOM_DOMAIN, name=HOST)]
        given(*past).when(check(RIGHT)).then_nothing()


class TestLosing:
    LOST = VerificationLost(domain_id=ID, hostname=HOST, problem="it is gone", unroute_at=AT + GRACE)

    def test_a_loss_is_noted_and_a_grace_begins(self) -> None:
        attempt, outcome = follows((ADDED, VERIFIED), check(NOTHING))
        assert outcome == (replace(self.LOST, problem=attempt.problem or ""),)

    def test_silence_is_no_loss(self) -> None:
        attempt, outcome = follows((ADDED, VERIFIED), check(MUTE))
        assert (attempt.problem, outcome) == ("Its name servers could not be asked: nobody answered.", ())
        late = check(MUTE, AT + 2 * GRACE)
        assert follows((ADDED, VERIFIED, self.LOST), late)[1] == ()

    def test_after_the_grace_it_is_unrouted_and_not_before(self) -> None:
        past = (ADDED, VERIFIED, self.LOST)
        just_before, _ = follows(past, check(NOTHING, AT + GRACE - timedelta(seconds=1)))
        assert just_before.next_check_at == AT + GRACE
        attempt, outcome = follows(past, check(NOTHING, AT + GRACE))
        assert outcome == (CustomDomainUnrouted(domain_id=ID, hostname=HOST, problem=attempt.problem or ""),)

    @pytest.mark.parametrize("unrouted", [False, True])
    def test_what_comes_back_is_routed_again(self, unrouted: bool) -> None:
        gone = CustomDomainUnrouted(domain_id=ID, hostname=HOST, problem="it is gone")
        past = (ADDED, VERIFIED, self.LOST, *([gone] if unrouted else []))
        assert follows(past, check(RIGHT))[1] == (replace(VERIFIED, regained=True),)

    def test_what_never_comes_back_is_given_up(self) -> None:
        facts = list(_looks((ADDED, VERIFIED), NOTHING))
        kinds = [type(fact) for fact in facts if not isinstance(fact, CustomDomainChecked)]
        assert kinds == [VerificationLost, CustomDomainUnrouted, VerificationAbandoned]
        attempts = [fact for fact in facts if isinstance(fact, CustomDomainChecked)]
        assert attempts[-1].next_check_at - AT >= GRACE + LOST_PATIENCE


class TestCertificates:
    REQUESTED = CertificateRequested(domain_id=ID, hostname=HOST)
    ISSUED = CertificateIssued(domain_id=ID, hostname=HOST, not_after=AT, issuer="R11")
    FAILED = CertificateFailed(domain_id=ID, hostname=HOST, problem="refused")

    def test_news_are_kept_once(self) -> None:
        for news in (self.REQUESTED, self.ISSUED, self.FAILED):
            given(ADDED).when(ReportCertificate(domain_id=ID, news=news)).then(news)
            given(ADDED, news).when(ReportCertificate(domain_id=ID, news=news)).then_nothing()

    def test_asking_again_is_no_news(self) -> None:
        given(ADDED, self.FAILED).when(ReportCertificate(domain_id=ID, news=self.REQUESTED)).then_nothing()
        given(ADDED, self.FAILED).when(ReportCertificate(domain_id=ID, news=self.ISSUED)).then(self.ISSUED)


def test_a_removed_domain_is_gone() -> None:
    given(ADDED, VERIFIED).when(RemoveCustomDomain(domain_id=ID)).then(REMOVED)


def _looks(past: tuple[Event, ...], seen: Seen) -> Any:
    """All facts, where each look finds the same at the moment that the one before it set."""
    at = AT
    while True:
        facts = DECIDER.decide(check(seen, at), DECIDER.fold(past))
        if not facts:
            return
        yield from facts
        past = (*past, *facts)
        at = max(fact.next_check_at for fact in facts if isinstance(fact, CustomDomainChecked))


LOOKS = st.lists(
    st.tuples(
        st.sampled_from([RIGHT, NOTHING, MUTE, replace(ASKED, txt=(TOKEN,))]),
        st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=9)),
        st.booleans(),
    ),
    max_size=12,
)


@drawn(LOOKS)
def test_whatever_is_seen_only_what_was_proven_is_routed_and_a_loss_has_its_grace(
    looks: list[tuple[Seen, timedelta, bool]],
) -> None:
    past: tuple[Event, ...] = (ADDED,)
    at, routed, lost_at, attempt = AT, False, None, 0
    for seen, later, asked in looks:
        at += later
        facts = tuple(DECIDER.decide(check(seen, at, asked=asked), DECIDER.fold(past)))
        for fact in facts:
            match fact:
                case CustomDomainChecked():
                    attempt += 1
                    assert fact.attempt == attempt
                    assert fact.next_check_at > at
                case CustomDomainVerified():
                    assert seen in {RIGHT, replace(ASKED, txt=(TOKEN,))}
                    routed, lost_at = True, None
                case VerificationLost():
                    assert (routed, seen) == (True, NOTHING)
                    lost_at = at
                case CustomDomainUnrouted():
                    assert lost_at is not None
                    assert (seen, at >= lost_at + GRACE) == (NOTHING, True)
                    routed = False
                case VerificationAbandoned():
                    assert not routed
                case _:
                    assert isinstance(fact, VerificationResumed)
        past = (*past, *facts)
