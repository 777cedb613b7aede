"""What is known of certificates: from Caddy's storage and its log, and which hosts are marked."""

import msgspec
import pytest

from adapters.edge.certificates import Certificate, Complaints, Storage
from adapters.edge.marks import Marks
from adapters.edge.sites import HostInvalid
from tests.adapters.edge.storing import BEGAN, DAY, stored


def test_the_certificate_that_is_good_for_longest_is_found(tmp_path):
    storage = Storage(tmp_path)
    assert storage.of("a.example.com") is None
    assert storage.hosts() == set()

    stored(tmp_path, "a.example.com", issuer="former", until=BEGAN + DAY, directory="other")
    assert storage.of("a.example.com").issuer == "former"
    stored(tmp_path, "a.example.com")

    assert storage.of("a.example.com") == Certificate(BEGAN, BEGAN + 90 * DAY, "R11")
    assert storage.of("b.example.com") is None
    assert storage.hosts() == {"a.example.com"}


def test_a_renewed_certificate_is_seen_and_a_broken_one_is_none(tmp_path):
    storage = Storage(tmp_path)
    stored(tmp_path, "a.example.com", until=BEGAN + DAY)
    assert storage.of("a.example.com").not_after == BEGAN + DAY
    stored(tmp_path, "a.example.com", until=BEGAN + 2 * DAY)
    assert storage.of("a.example.com").not_after == BEGAN + 2 * DAY
    (tmp_path / "certificates" / "authority" / "a.example.com" / "a.example.com.crt").write_text("broken")
    assert storage.of("a.example.com") is None


def test_a_certificate_is_renewed_in_the_last_third_of_its_life():
    certificate = Certificate(BEGAN, BEGAN + 90 * DAY, "R11")
    assert [certificate.wants_renewal(BEGAN + days * DAY) for days in (0, 59, 60, 91)] == [False, False, True, True]
    assert [certificate.is_good(BEGAN + days * DAY) for days in (-1, 0, 89, 90)] == [False, True, True, False]


def complaint(host, error):
    return msgspec.json.encode({"level": "error", "msg": "no", "identifier": host, "error": error}) + b"\n"


def test_each_complaint_is_heard_once_and_whatever_stood_there_before_is_not(tmp_path):
    log = tmp_path / "certificates.log"
    log.write_bytes(complaint("old.example.com", "old"))
    complaints = Complaints(log)
    assert complaints.heard() == {}

    with log.open("ab") as file:
        file.write(complaint("a.example.com", "first") + b"no json\n{}\n" + complaint("a.example.com", "second"))
        file.write(complaint("b.example.com", "half")[:-5])
    assert complaints.heard() == {"a.example.com": "second"}
    with log.open("ab") as file:
        file.write(complaint("b.example.com", "half")[-5:])

    assert complaints.heard() == {"b.example.com": "half"}
    assert complaints.heard() == {}


def test_a_log_that_began_anew_is_read_from_its_beginning(tmp_path):
    log = tmp_path / "certificates.log"
    complaints = Complaints(log)
    log.write_bytes(complaint("a.example.com", "one"))
    assert complaints.heard() == {"a.example.com": "one"}
    log.rename(tmp_path / "rolled.log")
    log.write_bytes(complaint("b.example.com", "two"))
    assert complaints.heard() == {"b.example.com": "two"}


def test_the_same_complaint_is_the_same_whatever_its_token(tmp_path):
    log = tmp_path / "certificates.log"
    complaints, heard = Complaints(log), []
    for token in ("_5grYSVo4", "x-9"):
        log.write_bytes(complaint("a.example.com", f'Get "http://a/.well-known/acme-challenge/{token}": refused' * 20))
        heard += complaints.heard().values()
        log.unlink()
        assert complaints.heard() == {}
    assert heard[0] == heard[1]
    assert len(heard[0]) == 500


def test_marks_are_exactly_those_that_are_kept_whoever_made_them(tmp_path):
    Marks(tmp_path / "marks").keep({"a.example.com", "*.example.com"})
    assert {file.name for file in (tmp_path / "marks").iterdir()} == {"a.example.com", "_.example.com"}
    Marks(tmp_path / "marks").keep({"a.example.com", "b.example.com"})
    assert {file.name for file in (tmp_path / "marks").iterdir()} == {"a.example.com", "b.example.com"}
    with pytest.raises(HostInvalid):
        Marks(tmp_path / "marks").keep({"../outside"})
