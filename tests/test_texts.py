"""Texts: what fits in one, when one may leave, who agreed, and what STOP, START, HELP and all else bring."""

import re
from datetime import datetime, timedelta

import pytest

from billing import consents, notices, outbox, preferences, text_answers
from billing.edges import texts as edge
from billing.editions import samples
from billing.notices import timing
from billing.outbox import judging
from billing.preferences import offers
from billing.texts import counting, hours
from billing.wording import defaults, tongues, writing
from models import Company, Consent, Contact, Customer, Inbound, Notice, Preference, Site, Ticket
from tests.at_once import together
from tests.factories import BY, NOW, make_customer, make_invoice, payer

NUMBER = "+15125550123"
SECRET = "a-secret-for-texts"


@pytest.fixture
def ann(db):
    """Ann, who agreed to texts."""
    customer = make_customer("Ann Archer")
    Contact.update(phone="(512) 555-0123").execute()
    agree(payer(customer))
    return payer(customer)


def agree(contact):
    words = consents.text_words(contact, Company.get()).text
    return consents.give_text(contact, wording=words, source=Consent.PAGE, by=BY, now=NOW)


def come(body, *, sender="512-555-0123", id="1", now=NOW):
    received = text_answers.Received(source_id=f"text:{id}", sender=sender, body=body, received_at=now)
    return text_answers.take(received, now=now)


def queued(contact, kind=Notice.REMINDER, **about):
    notices.queue(
        kind, key=f"{kind}:text", customer=contact.customer, contact=contact, channel=Notice.TEXT,
        address=NUMBER, why="why", now=NOW, **about,
    )  # fmt: skip
    return Notice.get(Notice.key == f"{kind}:text")


# --- The words that mean something ---------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ["STOP", "stop", " Stop. ", "STOPALL", "stop all", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE",
     "OPT OUT", "opt-out", "optout", "Please stop texting me", "STOP STOP STOP", "stop!!!",
     "Stop sending these messages please", "ALTO", "Parar por favor", "baja", "cancelar los mensajes"],
)  # fmt: skip
def test_stop_is_understood_however_it_is_said(body):
    assert text_answers.meaning(body) == Inbound.STOP


@pytest.mark.parametrize(("body", "means"), [("START", "start"), ("unstop", "start"), ("Yes!", "start"),
                                             ("HELP", "help"), ("info?", "help"), ("¡Ayuda!", "help"),
                                             ("Sí", "start"), ("iniciar", "start")])  # fmt: skip
def test_start_and_help_are_understood(body, means):
    assert text_answers.meaning(body) == means


@pytest.mark.parametrize(
    "body",
    ["", "?", "Stop by on Monday", "Please cancel my contract", "yes, it is right", "When does it end?",
     "help me", "no", "停止", "x" * 100_000, "I want to start a new service", "nonstop"],
)  # fmt: skip
def test_everything_else_is_for_a_person(body):
    assert text_answers.meaning(body) == ""


def test_stop_ends_all_texts_to_a_number_at_once_and_is_confirmed_once(ann, app):
    reminder = queued(ann, invoice=make_invoice(ann.customer))

    row = come("STOP")
    come("stop", id="2")

    assert (row.kind, row.state, row.contact) == (Inbound.STOP, Inbound.HANDLED, ann)
    assert preferences.facts(ann).number == ""
    consent = Consent.get()
    assert (consent.withdrawn_at, consent.withdrawn_how) == (NOW, "STOP by text")
    [answer] = Notice.select().where(Notice.kind == Notice.TEXT_REPLY)
    assert (answer.channel, answer.address, answer.state) == (Notice.TEXT, NUMBER, Notice.QUEUED)
    assert answer.words.startswith("Lantern Security: You will get no more texts.")
    assert "no consent" in objection(reminder)
    assert objection(answer) == ""


def test_who_left_gets_no_more_texts(ann):
    reminder = queued(ann, invoice=make_invoice(ann.customer))
    assert objection(reminder) == ""

    ann.left_on = NOW.date()
    ann.save()

    assert objection(Notice.get_by_id(reminder.id)) == "This person is no longer a contact."


def objection(notice):
    return judging.objection(notice, today=NOW.date(), now=NOW)


def test_the_one_answer_to_stop_is_no_violation(ann):
    come("STOP")
    Notice.update(state=Notice.SENDING).execute()
    Notice.update(state=Notice.SENT, sent_at=NOW, claimed_at=NOW).execute()

    assert preferences.violations(since=None).found == []


def test_stop_counts_for_everybody_with_the_number(ann):
    bert = Contact.create(
        customer=make_customer("Bert").id, name="Bert", email="b@x.example", phone="5125550123"
    )
    agree(bert)

    come("STOP")

    assert preferences.facts(ann).number == preferences.facts(bert).number == ""
    assert Notice.select().where(Notice.kind == Notice.TEXT_REPLY).count() == 1


def test_stop_from_somebody_unknown_is_kept_and_not_answered(db):
    row = come("STOP", sender="+1 512 555 0199")

    assert (row.kind, row.state) == (Inbound.STOP, Inbound.HANDLED)
    assert not Notice.select().exists()


def test_start_brings_them_back_with_a_new_consent(ann):
    come("STOP")
    row = come("START", id="2", now=NOW + timedelta(days=1))

    assert preferences.facts(ann).number == NUMBER
    newest = Consent.select().order_by(Consent.id.desc()).get()
    assert (newest.source, newest.proof) == (Consent.TEXT, f"text {row.id}: START")


def test_start_from_a_number_that_two_people_share_waits_for_a_person(db):
    for name in ("Ann", "Bert"):
        Contact.create(customer=make_customer(name).id, name=name, phone="512 555 0123")

    assert come("START").state == Inbound.WAITING
    assert not Consent.select().exists()


def test_start_from_the_only_person_with_a_number_is_a_consent(db):
    make_customer("Ann")
    Contact.update(phone="512.555.0123").execute()

    come("YES")

    assert preferences.facts(Contact.get()).number == NUMBER


def test_help_is_answered_with_who_we_are(ann):
    come("HELP")

    said = Notice.get().words
    assert "Lantern Security" in said and "(512) 555-0100" in said and "STOP" in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("ALTO", "Lantern Security: Ya no recibirá mensajes. Responda START para volver a recibirlos."),
        (
            "START",
            "Lantern Security: Recibirá mensajes sobre su cuenta. Responda AYUDA para ayuda, ALTO",
        ),
        ("ayuda", "Lantern Security: llame al (512) 555-0100 o escriba a"),
    ],
)
def test_who_reads_spanish_is_answered_in_spanish(ann, body, said):
    Customer.update(language="es").execute()
    come(body)

    assert Notice.get().words.startswith(counting.plain(said))


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_answer_of_ours_is_longer_than_one_text(ann, language):
    Company.update(name="The Honest and Reliable Security Company of Central Texas").execute()
    Customer.update(language=language).execute()
    for id, body in enumerate(("HELP", "STOP", "START")):
        come(body, id=str(id))

    for notice in Notice.select():
        assert counting.segments(notice.words) == 1, notice.words


# --- Everything else that people answer ----------------------------------------------------------


def test_an_answer_to_a_text_is_a_ticket_about_its_invoice(ann):
    invoice = make_invoice(ann.customer)
    reminder = queued(ann, invoice=invoice)
    Notice.update(state=Notice.SENDING).execute()
    Notice.update(state=Notice.SENT, sent_at=NOW).execute()

    row = come("I paid that last week")
    come("By check", id="2")

    ticket = Ticket.get()
    assert (row.notice, row.ticket, ticket.invoice, ticket.contact) == (reminder, ticket, invoice, ann)
    assert [message.body for message in ticket.messages] == ["I paid that last week", "By check"]


def test_a_text_out_of_the_blue_is_a_ticket_of_whose_number_it_is(ann):
    assert come("My alarm beeps").state == Inbound.HANDLED
    assert (Ticket.get().contact, Ticket.get().subject) == (ann, "A text")


@pytest.mark.parametrize(
    "sender", ["+1 512 555 0199", "12345", "", "+44 20 7946 0958", "ANN", "'; DROP TABLE"]
)
def test_a_text_of_somebody_unknown_waits_for_a_person(db, sender):
    row = come("Hello?", sender=sender)

    assert (row.state, row.result) == (Inbound.WAITING, "We know nobody with this number.")


def test_a_number_of_two_accounts_waits_for_a_person(ann):
    Contact.create(customer=make_customer("Bert").id, name="Bert", phone="5125550123")
    Consent.delete()

    assert come("Hello").result == "Several accounts have this number."


def test_a_text_that_is_delivered_again_changes_nothing(ann):
    assert come("Hello") == come("Hello")
    assert Inbound.select().count() == Ticket.select().count() == 1


def test_four_deliveries_at_once_are_one(ann):
    rows = together(4, lambda n: come("STOP").id)

    assert len(set(rows)) == 1
    assert Notice.select().where(Notice.kind == Notice.TEXT_REPLY).count() == 1


def test_a_machine_that_texts_all_day_is_only_kept_but_stop_always_counts(ann):
    for id in range(25):
        come(f"Auto-reply {id}", id=str(id))
    come("STOP", id="stop")

    assert Ticket.get().messages.count() == 20
    assert preferences.facts(ann).number == ""


def test_an_invoice_goes_by_text_to_whom_chose_it(ann):
    preferences.choose(
        ann, {(Preference.INVOICE, Preference.TEXT): preferences.ALWAYS}, by=BY, via="page", now=NOW
    )
    notices.queue_invoices([make_invoice(ann.customer).id], now=NOW)

    sent = {notice.channel: notice.address for notice in Notice.select()}
    assert sent == {"mail": "ann@example.com", "text": NUMBER}


# --- When ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "now", "leaves"),
    [
        ("TX", datetime(2026, 12, 1, 18), datetime(2026, 12, 1, 18)),
        ("NY", datetime(2026, 12, 2, 0, 59), datetime(2026, 12, 2, 0, 59)),  # 7:59 pm
        ("NY", datetime(2026, 12, 2, 1, 0), datetime(2026, 12, 2, 13, 0)),  # 8 pm: next morning
        ("NY", datetime(2026, 12, 1, 12, 59), datetime(2026, 12, 1, 13, 0)),  # 7:59 am
        ("NY", datetime(2026, 7, 1, 11, 59), datetime(2026, 7, 1, 12, 0)),  # in summer an hour earlier
        ("CA", datetime(2026, 12, 1, 15, 0), datetime(2026, 12, 1, 16, 0)),
        ("HI", datetime(2026, 12, 1, 17, 0), datetime(2026, 12, 1, 18, 0)),
        ("AZ", datetime(2026, 7, 1, 14, 0), datetime(2026, 7, 1, 15, 0)),  # no summer time
        ("FL", datetime(2026, 12, 2, 1, 30), datetime(2026, 12, 2, 14, 0)),  # two zones: awake in both
        ("NY", datetime(2026, 3, 8, 6, 30), datetime(2026, 3, 8, 12, 0)),  # the night of the change
    ],
)
def test_texts_leave_by_day_where_the_recipient_is(db, state, now, leaves):
    customer = make_customer(state=state)

    assert hours.leaves_at(customer, now, company_zone="America/Chicago") == leaves


def test_the_site_says_where_somebody_is_before_the_address_does(db):
    customer = make_customer(state="NY")
    Site.create(customer=customer, name="Cabin", time_zone="Pacific/Honolulu")

    assert [zone.key for zone in hours.zones_of(customer)] == ["Pacific/Honolulu"]


def test_a_zone_that_is_none_and_a_state_that_is_none_leave_the_companys(db):
    customer = make_customer(state="ZZ")
    Site.create(customer=customer, name="Home", time_zone="Moon/Base")

    at = hours.leaves_at(customer, datetime(2026, 12, 1, 8), company_zone="America/Chicago")
    assert at == datetime(2026, 12, 1, 14)


def test_every_state_has_a_zone():
    states = set(
        "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC "
        "ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR".split()
    )
    assert states <= set(hours.OF_STATE)


def test_the_sender_waits_for_the_morning_but_answers_at_night(ann):
    night = datetime(2026, 12, 2, 5, 0)  # 11 pm
    reminder = queued(ann, Notice.RECEIPT)
    come("HELP", now=night)
    answer = Notice.get(Notice.kind == Notice.TEXT_REPLY)

    assert timing.not_before(reminder, night) == datetime(2026, 12, 2, 15, 0)  # 8 am in El Paso
    assert timing.not_before(answer, night) == night


# --- What fits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 0),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("Español: ¿qué?", 1),
        ("“" * 70, 1),
        ("“" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments_are_counted_as_they_are_paid(text, parts):
    assert counting.segments(text) == parts


def test_every_kind_that_may_be_texted_has_its_words():
    texted = {event for event, ways in offers.OFFERED.items() if Notice.TEXT in ways}
    kinds = {kind for kind, event in preferences.EVENT_OF.items() if event in texted} | {Notice.TEXT_REPLY}

    for kind in kinds:
        assert kind in defaults.kinds("text")


def test_a_reminder_by_text_is_one_segment_with_a_link_of_ours(ann, app):
    invoice = make_invoice(ann.customer, cents=1_234_567)
    app.config["BASE_URL"] = "https://pay.lantern.example"
    for kind in (Notice.INVOICE, Notice.REMINDER, Notice.OVERDUE):
        letter = app.compose(queued(ann, kind, invoice=invoice), NOW)

        assert counting.segments(letter.text) == 1, letter.text
        [link] = re.findall(r"https?://\S+", letter.text)
        assert link.startswith("https://pay.lantern.example/i/")
        assert "…" in letter.kept_text and link not in letter.kept_text
        assert (letter.subject, letter.html) == ("", "")


@pytest.mark.parametrize("language", tongues.TONGUES)
@pytest.mark.parametrize("kind", [Notice.DISPUTE_RECEIVED, Notice.DISPUTE_DECIDED])
def test_what_becomes_of_a_dispute_fits_in_one_text(kind, language):
    words = defaults.of(kind, "text", language)
    for context in samples.contexts(kind).values():
        _, said, _ = writing.written_by(words, kind, "text", context, tongues.TONGUES[language])

        assert counting.segments(counting.plain(said)) == 1, said


@pytest.mark.parametrize(
    ("kind", "language", "words"),
    [
        (Notice.DISPUTE_RECEIVED, "es", "Siguen por pagar $"),
        (Notice.PLAN_MISSED, "es", "o muévalo a mas tardar el "),
        (Notice.LATE_FEE, "en", "Pay or ask: https://"),
        (Notice.LATE_FEE, "es", "Pague o pregunte: https://"),
    ],
)
def test_a_text_is_short_and_still_says_what_can_be_done(kind, language, words):
    text, tongue = defaults.of(kind, "text", language), tongues.TONGUES[language]
    said = [writing.written_by(text, kind, "text", one, tongue)[1] for one in samples.contexts(kind).values()]

    assert any(words in one for one in said), said


# --- The edge ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "permanent", "in_doubt"),
    [
        ("Failed to send Twilio notification to +1: Bad Request, error=400.", True, False),
        ("Failed to send: Unauthorized, error=401.", False, False),
        ("Failed to send: Too many, error=429.", False, False),
        ("Failed to send: Down, error=503.", False, True),
        ("Socket Exception: NewConnectionError(Connection refused)", False, False),
        ("Socket Exception: Read timed out.", False, True),
        ("", False, True),
    ],
)
def test_what_the_provider_did_is_read_from_what_the_library_says(log, permanent, in_doubt):
    trouble = edge._trouble(log)

    assert (trouble.permanent, trouble.in_doubt, trouble.unreachable) == (permanent, in_doubt, False)


def test_without_a_provider_a_text_fails_and_says_why(app, ann):
    with pytest.raises(outbox.MailNotSent, match="PORCHLIGHT_TEXT_URL is empty"):
        edge.Texter(app).send(queued(ann), None)


# --- The door ------------------------------------------------------------------------------------


@pytest.fixture
def door(app, ann):
    app.config["TEXT_SECRET"] = SECRET
    yield app.test_client()
    app.config["TEXT_SECRET"] = ""


@pytest.mark.parametrize(
    "told",
    [
        {"data": {"From": "+15125550123", "To": "+1512", "Body": "STOP", "MessageSid": "SM1"}},
        {"data": {"msisdn": "15125550123", "to": "1512", "text": "STOP", "messageId": "1"}},
        {"json": {"from": "5125550123", "text": "STOP", "id": 7}},
        {"json": {"data": {"payload": {"from": {"phone_number": "+15125550123"}, "text": "STOP", "id": "x",
                                       "to": [{"phone_number": "+1"}]}}}},
        {"json": [{"to": "+1", "message": {"from": "+15125550123", "text": "STOP", "id": "b"}}]},
    ],
)  # fmt: skip
def test_every_providers_way_of_telling_is_understood(door, ann, told):
    assert door.post(f"/webhooks/texts/{SECRET}", **told).status_code == 204
    assert door.post(f"/webhooks/texts/{SECRET}", **told).status_code == 204

    assert preferences.facts(ann).number == "" and Inbound.select().count() == 1


def test_the_secret_may_stand_in_a_header(door):
    told = {"from": "5125550123", "text": "HELP"}
    answer = door.post("/webhooks/texts", json=told, headers={"X-Porchlight-Secret": SECRET})

    assert answer.status_code == 204 and Inbound.get().kind == Inbound.HELP


@pytest.mark.parametrize("path", ["/webhooks/texts", "/webhooks/texts/wrong", "/webhooks/texts/é"])
def test_without_the_secret_there_is_no_door(door, path):
    assert door.post(path, data={"From": "+15125550123", "Body": "STOP"}).status_code == 404
    assert not Inbound.select().exists()


def test_where_no_secret_is_set_there_is_no_door_at_all(app, ann):
    assert app.test_client().post("/webhooks/texts/", data={"From": "1", "Body": "x"}).status_code == 404
    assert app.test_client().post("/webhooks/texts", data={"From": "1"}).status_code == 404


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({}, 400),
        ({"data": "not json", "content_type": "application/json"}, 400),
        ({"json": [1, 2]}, 400),
        ({"json": {"from": {"a": 1}, "text": ["x"]}}, 400),
        ({"data": {"From": "x" * 10_000, "Body": "\x00\ud83d" .encode("utf-8", "replace")}}, 204),
        ({"data": {"From": "+15125550123", "Body": "x" * 60_000}}, 204),
        ({"data": {"From": "+15125550123", "Body": "x" * 100_000}}, 413),
    ],
)  # fmt: skip
def test_nonsense_at_the_door_breaks_nothing(door, told, status):
    assert door.post(f"/webhooks/texts/{SECRET}", **told).status_code == status


def test_a_get_at_the_door_does_nothing(door):
    assert door.get(f"/webhooks/texts/{SECRET}").status_code == 405
