"""The responder answers what Caddy asks, and survives what anybody sends."""

import asyncio
import socket

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.edge.responder import Responder, Upstream
from services.ports import kept_port


def asked(responder, name, kind="SRV", limit=65535, **changes):
    query = dns.message.make_query(name, kind, **changes)
    answer = dns.message.from_wire(responder.answer(query.to_wire(), limit))
    assert answer.id == query.id
    assert answer.question == query.question
    return answer


def records(answer):
    return {str(record) for rrset in answer.answer for record in rrset}


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


def test_a_datagram_names_as_many_instances_as_it_holds_and_not_always_the_same(responder):
    responder.show("app.localhost", [Upstream(f"10.0.{n // 200}.{n % 200}", 9000 + n) for n in range(500)])
    answers = [asked(responder, "app.localhost.", limit=1232) for _ in range(3)]
    assert all(10 < len(records(answer)) < 500 and not answer.flags & dns.flags.TC for answer in answers)
    assert records(answers[0]) != records(answers[1])
    assert len(records(asked(responder, "app.localhost."))) == 500


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
    answer = responder.answer(bytes(wire[: data.draw(st.integers(0, len(wire)))]), 1232)
    assert answer is None or len(answer) <= 1232


def test_it_never_answers_an_answer(responder):
    reply = dns.message.make_response(dns.message.make_query("app.localhost.", "SRV"))
    assert responder.answer(reply.to_wire()) is None
    assert responder.answer(reply.to_wire()[:14]) is None


def test_it_serves_datagrams_and_streams_and_survives_garbage_on_both(tmp_path):
    async def scenario():
        port = kept_port(tmp_path / "port")
        async with Responder() as responder:
            await responder.start(port)
            responder.show("app.localhost", [Upstream("127.0.0.1", 9001)])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rough:
                for garbage in (b"", b"\0", b"\xff" * 40, bytes(2000)):
                    rough.sendto(garbage, ("127.0.0.1", port))
            for garbage in (b"", b"\0", b"\0\x05abc", b"\xff" * 70000):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(garbage)
                writer.close()
            query = dns.message.make_query("app.localhost.", "SRV")
            return [
                records(await ask(query, "127.0.0.1", port=port, timeout=5))
                for ask in (dns.asyncquery.udp, dns.asyncquery.tcp)
            ]

    assert asyncio.run(scenario()) == [{"0 0 9001 localhost."}] * 2


def test_idle_streams_do_not_keep_others_out(tmp_path):
    async def scenario():
        port = kept_port(tmp_path / "port")
        async with Responder() as responder:
            await responder.start(port)
            responder.show("app.localhost", [Upstream("127.0.0.1", 9001)])
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
            query = dns.message.make_query("app.localhost.", "SRV")
            answer = records(await dns.asyncquery.udp(query, "127.0.0.1", port=port, timeout=5))
            for _, writer in idle:
                writer.close()
            return answer

    assert asyncio.run(scenario()) == {"0 0 9001 localhost."}
