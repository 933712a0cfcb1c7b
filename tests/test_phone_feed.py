"""Calls that other systems tell us of: signed requests, lists of calls, and the heartbeat of the phone."""

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from billing import calls, feeds
from billing.edges import phone
from billing.errors import BillingError
from models import Call, Contact, Event, Feed
from tests.factories import BY, NOW, fresh, payer

DATA = Path(__file__).parent / "data"
URL = "/webhooks/phone"
OLD, NEW = "old-secret-" + "o" * 32, "new-secret-" + "n" * 32
CALL = {"event": "call", "id": "77", "direction": "in", "outcome": "missed", "number": "+1 512 555 0100",
        "started_at": "2026-12-01T10:00:00-06:00"}  # fmt: skip


# --- Signed requests -----------------------------------------------------------------------------


@pytest.fixture
def door(app, alice):
    """A function that posts what the phone system tells, rightly signed unless told otherwise."""
    app.phone = phone.Line(f"{OLD},{NEW}")
    Contact.update(phone="512-555-0100").where(Contact.id == payer(alice).id).execute()
    client = app.test_client()

    def send(told=CALL, *, secret=NEW, at=None, body=None, header=None):
        body = json.dumps(told).encode() if body is None else body
        header = header or phone.Line(secret).signature(body, at=at or time.time())
        return client.post(URL, data=body, headers={"X-Porchlight-Signature": header})

    return send


def test_a_signed_call_is_matched_and_waits(door, alice):
    answer = door()

    assert (answer.status_code, answer.json) == (200, {"new": 1})
    call = Call.get()
    assert (call.customer, call.state, call.started_at.hour, call.source) == (alice, "to_call", 16, "phone")


def test_while_the_secret_is_renewed_both_count(door):
    assert [door(secret=one).status_code for one in (OLD, NEW)] == [200, 200]
    assert door(secret="somebody-else" * 4).status_code == 401


def test_the_same_request_again_is_one_call(door):
    assert [door().json["new"], door().json["new"], door({**CALL, "note": "other"}).json["new"]] == [1, 0, 0]
    assert Call.select().count() == 1


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24])
def test_a_request_of_another_moment_is_refused_however_well_it_is_signed(door, minutes):
    assert door(at=time.time() + 60 * minutes).status_code == 401
    assert not Call.select().exists() and not Feed.select().exists()


@pytest.mark.parametrize(
    "header",
    ["x", "t=1", "v1=00", "t=,v1=", "t=abc,v1=00", "t=1,t=2,v1=00", "t=" + "9" * 40 + ",v1=0", "t=é,v1=ü"],
)
def test_a_header_that_is_no_signature_is_refused(door, header):
    assert door(header=header).status_code == 401


def test_a_body_that_was_changed_on_the_way_is_refused(door):
    header = phone.Line(NEW).signature(json.dumps(CALL).encode(), at=time.time())

    assert door({**CALL, "outcome": "answered"}, header=header).status_code == 401


def test_ten_megabytes_are_turned_away(door):
    assert door(body=b"x" * 10_000_000).status_code == 413
    assert not Call.select().exists()


def test_without_a_secret_there_is_no_door(app, door):
    app.phone = phone.Line("")

    assert door().status_code == 404


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ([], "Send an object"), ({"calls": []}, "Send an object"), ({"calls": [1]}, "Send an object"),
        ({"calls": [CALL] * 101}, "At most 100"), ({**CALL, "id": ""}, "id of 1"),
        ({**CALL, "id": "x" * 121}, "id of 1"),
        ({**CALL, "started_at": "2026-12-01T10:00:00"}, "with its offset"),
        ({**CALL, "started_at": "soon"}, "with its offset"),
        ({**CALL, "started_at": None}, "with its offset"),
        ({**CALL, "started_at": "2027-12-01T10:00:00Z"}, "has not come yet"),
        ({**CALL, "started_at": "0001-01-01T00:00:00+14:00"}, "with its offset"),
        ({**CALL, "outcome": "boom"}, "no outcome"), ({**CALL, "direction": ""}, "no direction"),
        ({**CALL, "seconds": "long"}, "whole number"), ({**CALL, "seconds": -5}, "0 seconds"),
        ({**CALL, "waits": "perhaps"}, "true, false"), ({**CALL, "note": "x" * 10_001}, "longer than"),
        ({**CALL, "note": {"a": 1}}, "neither text"), ({**CALL, "callerid": "1"}, "no field callerid"),
        ({**CALL, "event": "ring"}, "call or beat"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_a_sentence_and_nothing_is_kept(door, told, sentence):
    answer = door(told)

    assert answer.status_code == 400 and sentence in answer.text
    assert not Call.select().exists() and not Feed.select().exists()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b'{"id": NaN', b"null", b"7"])
def test_what_is_no_json_object_is_refused(door, body):
    assert door(body=body).status_code == 400


def test_of_several_calls_all_are_kept_or_none(door):
    bad = {**CALL, "id": "2", "outcome": "boom"}
    assert door({"calls": [CALL, bad]}).status_code == 400
    assert not Call.select().exists()

    assert door({"calls": [CALL, {**CALL, "id": "2", "note": "a\x00b\ud800"}]}).json == {"new": 2}


def test_a_heartbeat_makes_the_silence_of_the_phone_count(door):
    door()
    assert (Feed.get().name, Feed.get().watched) == ("phone", False)  # a call promises no next one

    assert door({"event": "beat"}).json == {"new": 0}

    feed = Feed.get()
    assert feed.watched and feeds.silent(feed.beat_at) == []
    assert feeds.silent(feed.beat_at + timedelta(hours=25)) == [feed]
    assert Event.select().where(Event.what == "feed.watched").count() == 1
    door({"event": "beat"})
    assert Event.select().where(Event.what == "feed.watched").count() == 1


def test_an_owner_decides_whether_silence_counts(db):
    feeds.beat(feeds.PHONE, now=NOW)
    feed = feeds.set_watch(Feed.get(), watched=False, limit_minutes=60, by=BY, now=NOW)
    assert feeds.silent(NOW + timedelta(days=9)) == []

    feeds.beat(feeds.PHONE, now=NOW)  # a later call does not undo what the owner chose
    assert not fresh(feed).watched
    with pytest.raises(BillingError, match="7 days"):
        feeds.set_watch(feed, watched=True, limit_minutes=10**6, by=BY, now=NOW)


# --- Lists of calls ------------------------------------------------------------------------------


def mapping(text=None):
    content = (DATA / "calls.toml").read_bytes() if text is None else text.encode()
    return calls.read_mapping(content, time_zone="America/Chicago")


def read(content=None, **options):
    content = (DATA / "calls.csv").read_bytes() if content is None else content
    return calls.check(content, "calls.csv", mapping(**options), now=NOW)


def rows(*lines):
    header = (DATA / "calls.csv").read_text().splitlines()[0]
    return "\n".join([header, *lines]).encode()


def test_a_list_of_calls_is_read_matched_and_kept_once(alice):
    Contact.update(phone="512-555-0100").where(Contact.id == payer(alice).id).execute()
    result = read()
    assert (len(result.calls), result.left_out, result.refused) == (3, 1, [])

    made = calls.commit(result, by=BY, now=NOW)

    assert [(call.customer, call.outcome, call.waits) for call in made] == [
        (alice, "answered", True), (None, "missed", True), (None, "voicemail", True)
    ]  # fmt: skip
    first = made[0]
    assert (first.started_at.isoformat(), first.seconds) == ("2026-11-30T23:45:00", 80)
    assert first.by == "answering service: Dana" and "4111 1111" not in first.note
    assert (Feed.get().name, Feed.get().watched, Feed.get().beat_at) == ("phone", False, NOW)

    again = read()
    assert (again.calls, again.repeated) == ([], 3)
    assert calls.commit(again, by=BY, now=NOW) == [] and Call.select().count() == 3


def test_without_ids_a_row_is_known_by_what_it_says(db):
    text = (DATA / "calls.toml").read_text().replace('id = "{Ref}"', "")
    calls.commit(read(text=text), by=BY, now=NOW)

    assert (read(text=text).calls, read(text=text).repeated) == ([], 3)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A-9,Call,11/31/2026,5:45 PM,5125550100,,Ans,1:20,,", "is no moment such as"),
        ("A-9,Call,12/09/2026,5:45 PM,5125550100,,Ans,1:20,,", "has not come yet"),
        ("A-9,Call,11/30/2026,5:45 PM,5125550100,,Boom,1:20,,", "is not one of: Ans, Lost"),
        ("A-9,Call,11/30/2026,5:45 PM,5125550100,,Ans,long,,", "is no duration"),
        ("A-9,Call,11/30/2026,5:45 PM,5125550100,,Ans,99:99:99,,", "to a day"),
        ("A-9,Ring,11/30/2026,5:45 PM,5125550100,,Ans,1:20,,", "is not one of: Call, Test"),
        ("A-9,Call,,,5125550100,,Ans,1:20,,", "started_at is empty"),
        ("A-9,Call,11/30/2026", "has 3 fields"),
        ("A-9,Call,11/30/2026,5:45 PM,5125550100,,Ans,1:20,," + "x" * 10_001, "longer than"),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_nothing_is_written(db, line, reason):
    good = "A-1,Call,11/30/2026,5:45 PM,5125550100,,Ans,1:20,,"
    result = read(rows(good, line))

    assert [refusal.line for refusal in result.refused] == [3] and reason in result.refused[0].reason
    with pytest.raises(BillingError, match="Nothing was written"):
        calls.commit(result, by=BY, now=NOW)
    assert not Call.select().exists() and not Feed.select().exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", "not TOML"), ("x = 1", "not a section"), ("", "source"), ('source = "staff"', "source"),
        ('source = "a"', "started_at is missing"), ('source = "a"\nzone = "Mars"', "no time zone"),
        ('source = "a"\n[file]\ntimes = "%H"', "file.times"),
        ('source = "a"\n[call]\nbogus = "x"', "call.bogus"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_is_refused_with_its_key(text, sentence):
    with pytest.raises(BillingError, match=sentence):
        mapping(text)


def test_a_file_without_a_column_is_refused(db):
    with pytest.raises(BillingError, match="no column"):
        read(b"Ref,Type\nA,Call\n")


def test_the_command_says_what_it_would_do_and_does_it(app, alice):
    run = app.test_cli_runner().invoke
    told = ["import-calls", str(DATA / "calls.csv"), "--map", str(DATA / "calls.toml")]

    dry = run(args=told)
    assert dry.exit_code == 0 and "3 new calls" in dry.output and "Nothing was written" in dry.output
    assert not Call.select().exists()

    done = run(args=[*told, "--commit"])
    assert done.exit_code == 0 and "Kept 3 calls; 3 of them wait" in done.output
