"""An account's sessions and tokens: each begins once, ends at most once, and never comes back uncalled."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from commands.account import DECIDER, AccountCommand, EndSession, RevokeApiToken
from domain.account import (
    AccountRegistered,
    ApiTokenIssued,
    ApiTokenRevoked,
    Event,
    SessionEnded,
    SessionStarted,
)
from domain.identifiers import ApiTokenId, SessionId
from domain.rejection import Rejection
from tests.commands.test_account import INSIDER, ISSUE, REGISTER, START

NAMES = st.sampled_from(["1", "2", "3"])


class AccountLife(RuleBasedStateMachine):
    """One account with a few sessions and tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Event] = []

    def ask(self, command: AccountCommand) -> None:
        """Record what follows from a command, if anything does; asked again at once, nothing more does."""
        try:
            self.facts += DECIDER.decide(command, DECIDER.fold(self.facts))
            again = DECIDER.decide(command, DECIDER.fold(self.facts))
        except Rejection:
            return
        assert not again

    @rule()
    def register(self) -> None:
        self.ask(REGISTER)

    @rule(name=NAMES)
    def start(self, name: str) -> None:
        self.ask(replace(START, session_id=SessionId(name)))

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        self.ask(EndSession(account_id=INSIDER, session_id=SessionId(name)))

    @rule(name=NAMES)
    def issue(self, name: str) -> None:
        self.ask(replace(ISSUE, token_id=ApiTokenId(name)))

    @rule(name=NAMES)
    def revoke(self, name: str) -> None:
        self.ask(RevokeApiToken(account_id=INSIDER, token_id=ApiTokenId(name)))

    @invariant()
    def it_is_registered_once_and_first(self) -> None:
        assert [type(fact) is AccountRegistered for fact in self.facts] == [n == 0 for n in range(len(self.facts))]

    @invariant()
    def what_began_and_did_not_end_is_live_and_nothing_else(self) -> None:
        sessions: set[str] = set()
        tokens: set[str] = set()
        for fact in self.facts:
            match fact:
                case SessionStarted():
                    assert fact.session_id not in sessions
                    sessions.add(fact.session_id)
                case SessionEnded():
                    sessions.remove(fact.session_id)
                case ApiTokenIssued():
                    assert fact.token_id not in tokens
                    tokens.add(fact.token_id)
                case ApiTokenRevoked():
                    tokens.remove(fact.token_id)
        state = DECIDER.fold(self.facts)
        assert (set(state.sessions), set(state.tokens)) == (sessions, tokens)


TestAccountLife = AccountLife.TestCase
