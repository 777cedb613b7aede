"""The responder answers what Caddy asks, and survives what anybody sends."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.edge.lookup import Lookup
from adapters.edge.responder import Responder, Upstream
from tests.adapters.edge.running import close


def asked(responder, name, kind="SRV", **changes):
    query = dns.message.make_query(name, kind, **changes)
    answer = dns.message.from_wire(responder.answer(query.to_wire()))
    assert answer.id == query.id
    assert answer.question == query.question
    return answer


def records(answer):
    return {str(record) for rrset in answer.answer for record in rrset}


@pytest.fixture
def socket_path():
    """Short enough for a socket, wherever the tests' own directories are."""
    with TemporaryDirectory(prefix="shipbook-") as directory:
        yield Path(directory) / "socket"


@pytest.fixture
def responder():
    responder = Responder()
    responder.show("app.localhost", [Upstream("127.0.0.1", 9001), Upstream("10.0.0.7", 9002)])
    return responder


def test_each_instance_is_a_record_that_nobody_may_keep(responder):
    answer = asked(responder, "app.localhost.")
    assert records(answer) == {"0 0 9001 localhost.", "0 0 9002 10-0-0-7.instance."}
    assert {rrset.ttl for rrset in answer.answer} == {0}
    assert answer.flags & dns.flags.AA


def test_names_are_the_same_in_capitals(responder):
    assert records(asked(responder, "APP.LocalHost.")) == records(asked(responder, "app.localhost."))


def test_the_targets_have_their_addresses(responder):
    assert records(asked(responder, "10-0-0-7.instance.", "A")) == {"10.0.0.7"}
    assert records(asked(responder, "localhost.", "A")) == {"127.0.0.1"}


@pytest.mark.parametrize("name", ["other.localhost.", ".", "10-0-0.instance.", "300-0-0-1.instance.", "10-0-0-7.x."])
def test_what_is_unknown_does_not_exist(responder, name):
    assert asked(responder, name).rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("kind", ["AAAA", "TXT", "ANY", "SOA"])
def test_another_kind_of_question_about_a_known_host_has_an_empty_answer(responder, kind):
    answer = asked(responder, "app.localhost.", kind)
    assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])


def test_another_class_has_an_empty_answer(responder):
    assert asked(responder, "app.localhost.", rdclass="CH").answer == []


def test_a_change_is_answered_at_once(responder):
    before = asked(responder, "app.localhost.")
    responder.show("app.localhost", [Upstream("127.0.0.1", 9003)])
    after = asked(responder, "app.localhost.")
    responder.forget("app.localhost")
    assert records(before) != records(after) == {"0 0 9003 localhost."}
    assert asked(responder, "app.localhost.").rcode() == dns.rcode.NXDOMAIN
    assert responder.hosts() == set()


def test_an_answer_names_as_many_instances_as_who_asks_can_take_and_not_always_the_same(responder):
    responder.show("app.localhost", [Upstream(f"10.0.{n // 200}.{n % 200}", 9000 + n) for n in range(500)])
    answers = [asked(responder, "app.localhost.", payload=1232) for _ in range(3)]
    assert all(10 < len(records(answer)) < 500 and not answer.flags & dns.flags.TC for answer in answers)
    assert records(answers[0]) != records(answers[1])
    assert len(records(asked(responder, "app.localhost.", payload=65535))) == 500
    assert 0 < len(records(asked(responder, "app.localhost."))) < len(records(answers[0]))


def test_an_instance_has_an_ipv4_address():
    for wrong in ("::1", "example.com", "", "127.1"):
        with pytest.raises(ValueError, match=r"\S"):
            Upstream(wrong, 80)


@given(st.binary(max_size=600))
def test_no_bytes_at_all_make_it_fail(data):
    answer = Responder().answer(data)
    assert answer is None or (answer[:2] == data[:2] and answer[2] & 0x80)


@given(st.data())
def test_no_change_of_a_true_question_makes_it_fail(data):
    responder = Responder()
    responder.show("app.localhost", [Upstream("127.0.0.1", 9001)])
    wire = bytearray(dns.message.make_query("app.localhost.", "SRV", use_edns=True).to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    answer = responder.answer(bytes(wire[: data.draw(st.integers(0, len(wire)))]))
    assert answer is None or len(answer) <= 1232


def test_it_never_answers_an_answer(responder):
    reply = dns.message.make_response(dns.message.make_query("app.localhost.", "SRV"))
    assert responder.answer(reply.to_wire()) is None
    assert responder.answer(reply.to_wire()[:14]) is None


def test_two_questions_at_once_are_refused(responder):
    query = dns.message.make_query("app.localhost.", "SRV")
    query.question *= 2000
    answer = dns.message.from_wire(responder.answer(query.to_wire()))
    assert (answer.id, answer.rcode()) == (query.id, dns.rcode.FORMERR)


async def exchange(path, question):
    """What a connection answers to some bytes until it is closed."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        writer.write(question)
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        await close(writer)


def serving(scenario, path):
    """Run ``scenario`` beside a responder at ``path`` that knows one host."""

    async def run():
        async with Responder() as responder:
            await responder.start(path)
            responder.show("app.localhost", [Upstream("127.0.0.1", 9001)])
            return await scenario()

    return asyncio.run(run())


QUESTION = dns.message.make_query("app.localhost.", "SRV").to_wire()


def test_a_connection_carries_one_question_and_one_answer_and_garbage_disturbs_nobody(socket_path):
    async def scenario():
        for garbage in (b"\0", b"\xff" * 40, bytes(2000), b"\xff" * 70000):
            await exchange(socket_path, garbage)
        return await exchange(socket_path, QUESTION)

    answer = dns.message.from_wire(serving(scenario, socket_path))
    assert records(answer) == {"0 0 9001 localhost."}


def test_many_who_ask_at_once_are_all_answered(socket_path):
    async def scenario():
        return await asyncio.gather(*(exchange(socket_path, QUESTION) for _ in range(300)))

    assert all(records(dns.message.from_wire(answer)) for answer in serving(scenario, socket_path))


def test_who_asks_nothing_keeps_nobody_out_and_is_soon_sent_away(socket_path):
    async def scenario():
        idle = [await asyncio.open_unix_connection(str(socket_path)) for _ in range(100)]
        answer = await exchange(socket_path, QUESTION)
        async with asyncio.timeout(5):
            for reader, writer in idle:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
                await close(writer)
        return answer

    assert records(dns.message.from_wire(serving(scenario, socket_path))) == {"0 0 9001 localhost."}


def test_only_its_owner_may_ask(socket_path):
    async def scenario():
        return socket_path.stat().st_mode & 0o777

    assert serving(scenario, socket_path) == 0o600
    assert not socket_path.exists()


def test_a_dead_process_s_socket_is_taken_over_and_a_living_one_s_is_not(socket_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))

    async def second():
        with pytest.raises(OSError, match="in use"):
            await Responder().start(socket_path)
        return await exchange(socket_path, QUESTION)

    assert serving(second, socket_path)


def test_a_look_up_names_every_instance_and_says_when_nobody_answers(socket_path):
    upstreams = [Upstream(f"10.0.{n // 200}.{n % 200}", 9000 + n) for n in range(1000)]

    async def scenario():
        lookup = Lookup(socket_path)
        found = [await lookup.upstreams("app.localhost")]
        async with Responder() as responder:
            await responder.start(socket_path)
            found.append(await lookup.upstreams("app.localhost"))
            responder.show("app.localhost", upstreams)
            found.append(await lookup.upstreams("app.localhost"))
        return [*found, await lookup.upstreams("app.localhost")]

    before, unknown, known, after = asyncio.run(scenario())
    assert (before, unknown, after) == (None, frozenset(), None)
    assert {port for _, port in known} == {upstream.port for upstream in upstreams}


def test_a_look_up_waits_a_second_for_an_edge_that_hangs(socket_path):
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(socket_path))
        hanging.listen()
        began = monotonic()
        assert asyncio.run(Lookup(socket_path).upstreams("app.localhost")) is None
        assert monotonic() - began < 3
