"""Print batches: order of envelopes, judged again, each letter once, numbers of certified mail, the post."""

import hashlib
import re
import subprocess
from datetime import date, datetime, time, timedelta

import pytest
from peewee import IntegrityError

from billing import certified, message_proofs, notices, outbox, payments, printing
from billing.edges.print_batches import Press
from billing.editions import on_paper, samples
from billing.errors import BillingError
from billing.renewals import day, rules
from billing.wording import tongues
from models import Call, Invoice, Link, Notice, PrintBatch, PrintFile, PrintPiece, RenewalNotice
from tests import factories
from tests.test_renewals import agree

NOW = datetime(2026, 12, 1, 18, 0)
TODAY = date(2026, 12, 1)


@pytest.fixture
def press(app):
    return Press(app)


def letter(name, *, zip="78704", kind=Notice.INVOICE, cents=4250, **about):
    """A letter about an invoice that waits for paper."""
    customer = factories.make_customer(name, email="", zip=zip)
    invoice = factories.make_invoice(customer, cents=cents, **about)
    notices.queue(
        kind, key=f"{kind}:{invoice.id}:paper", channel=Notice.PAPER, customer=customer, invoice=invoice,
        why="You get invoices for this account.", now=NOW,
    )  # fmt: skip
    Notice.update(state=Notice.PRINT).where(Notice.invoice == invoice).execute()
    return Notice.get(Notice.invoice == invoice)


def batch_of(press, clock):
    return printing.make(printing.order(by="staff:olga", now=NOW), press=press, clock=clock)


def names(batch):
    return [piece.notice.customer.name for piece in printing.pieces(batch) if not piece.out_at]


def pages_of(content):
    """The text of each page of a PDF."""
    run = subprocess.run(["pdftotext", "-layout", "-", "-"], input=content, capture_output=True, check=True)
    return run.stdout.decode().split("\f")[:-1]


def test_the_pieces_lie_in_the_order_of_envelopes(press, clock, db):
    for name, zip in (("Zoe", "10001"), ("Ann", "90210"), ("Bob", "10001")):
        letter(name, zip=zip)

    batch = batch_of(press, clock)

    assert names(batch) == ["Bob", "Zoe", "Ann"]
    assert (batch.state, batch.pieces, batch.pages, batch.sheets) == (PrintBatch.MADE, 3, 3, 3)


def test_every_piece_begins_on_the_front_of_a_sheet_under_a_cover_with_counts(press, clock, db):
    for name in ("Ann", "Bob"):
        letter(name)

    batch = batch_of(press, clock)

    content = printing.file_of(batch)
    pages = pages_of(content)
    assert len(pages) == 6  # cover, back, Ann, back, Bob, back
    assert "2 pieces · 2 pages · 2 sheets" in pages[0]
    assert [piece.first_page for piece in printing.pieces(batch)] == [3, 5]
    assert "Ann" in pages[2] and "Bob" in pages[4] and not pages[1].strip() and not pages[3].strip()
    assert "page 1 of 1" in pages[2] and "page 1 of 1" in pages[4]
    assert content == printing.file_of(batch) and batch.sha256 == hashlib.sha256(content).hexdigest()


# --- Judged again --------------------------------------------------------------------------------


def test_what_was_canceled_meanwhile_is_left_out_with_the_reason(press, clock, db):
    letter("Ann")
    canceled = letter("Bob")
    Invoice.update(state=Invoice.VOID, open_cents=0, voided_on=TODAY).where(
        Invoice.id == canceled.invoice_id
    ).execute()

    batch = batch_of(press, clock)

    assert names(batch) == ["Ann"]
    assert factories.fresh(canceled).state == Notice.SKIPPED
    assert "The invoice was canceled." in pages_of(printing.file_of(batch))[0]


def test_nobody_is_reminded_on_paper_of_what_they_paid(press, clock, db):
    reminded = letter("Ann", kind=Notice.REMINDER, due=TODAY + timedelta(days=3), issued=date(2026, 11, 1))
    payments.record(
        reminded.customer, amount_cents=4250, kind="check", received_on=TODAY, by="tests", key="k",
        today=TODAY, now=NOW, check_number="77",
    )  # fmt: skip

    batch = batch_of(press, clock)

    assert (batch.state, batch.pieces) == (PrintBatch.EMPTY, 0)
    assert factories.fresh(reminded).reason == "The invoice is paid."


def test_of_two_steps_that_nobody_printed_in_time_only_the_later_one_is_posted(press, clock, late_letter):
    """Two late letters about one invoice once lay in one batch."""
    first = late_letter
    Notice.update(state=Notice.PRINT, step=15).where(Notice.id == first.id).execute()
    notices.queue(
        Notice.OVERDUE, key="the next step", channel=Notice.PAPER, customer=first.customer,
        invoice=first.invoice, why=first.why, now=NOW,
    )  # fmt: skip
    Notice.update(state=Notice.PRINT, step=30).where(Notice.key == "the next step").execute()

    batch = batch_of(press, clock)

    told = {piece.notice.step: piece.out_reason for piece in printing.pieces(batch)}
    assert told == {15: printing.LATER_ONE, 30: ""}
    assert Notice.get_by_id(first.id).state == Notice.SKIPPED


def test_one_letter_that_cannot_be_drawn_does_not_keep_the_others(press, clock, db):
    letter("Ann")
    strange = letter("Bob", kind=Notice.CONTACT_CHANGED)
    Notice.update(kind=Notice.PRICE_CHANGE).where(Notice.id == strange.id).execute()

    batch = batch_of(press, clock)

    assert names(batch) == ["Ann"]
    piece = strange.print_pieces.get()
    assert piece.out_reason and factories.fresh(strange).state == Notice.PRINT  # it waits on


# --- Each letter once ----------------------------------------------------------------------------


def test_two_clicks_are_one_order(db):
    letter("Ann")
    assert printing.order(by="a", now=NOW) == printing.order(by="b", now=NOW)


def test_with_nothing_to_print_there_is_no_batch(db):
    with pytest.raises(BillingError, match="Nothing waits"):
        printing.order(by="a", now=NOW)


def test_the_next_batch_has_only_what_came_since(press, clock, db):
    letter("Ann")
    batch_of(press, clock)
    letter("Bob")

    assert names(batch_of(press, clock)) == ["Bob"]


def test_the_database_lets_a_letter_be_in_one_batch_only(db):
    notice = letter("Ann")
    first = printing.order(by="a", now=NOW)
    PrintPiece.create(batch=first, notice=notice)
    other = PrintBatch.create(ordered_by="a", ordered_at=NOW, state=PrintBatch.MADE)

    with pytest.raises(IntegrityError), db.atomic():
        PrintPiece.create(batch=other, notice=notice)


def test_who_died_while_drawing_leaves_an_order_that_is_made_anew(press, clock, db):
    letter("Ann"), letter("Bob")

    class Dies(Press):
        def bind(self, *about):
            raise KeyboardInterrupt

    batch = printing.order(by="a", now=NOW)
    with pytest.raises(KeyboardInterrupt):
        printing.make(batch, press=Dies(press.app), clock=clock)
    assert printing.make(batch, press=press, clock=clock).state == PrintBatch.ORDERED  # somebody has it
    PrintBatch.update(claimed_at=NOW - timedelta(hours=1)).execute()

    batch = printing.make(batch, press=press, clock=clock)

    assert names(batch) == ["Ann", "Bob"] and batch.contents.count() == 2


def test_of_two_that_draw_the_same_batch_one_file_counts(press, clock, db):
    letter("Ann")
    batch = printing.order(by="a", now=NOW)

    class Slow(Press):
        def bind(self, *about):
            PrintBatch.update(claimed_at=NOW - timedelta(hours=1)).execute()
            if not PrintFile.select().exists():
                printing.make(factories.fresh(batch), press=press, clock=clock)
            return super().bind(*about)

    made = printing.make(batch, press=Slow(press.app), clock=clock)

    assert made.state == PrintBatch.MADE and PrintFile.select().count() == 1
    assert hashlib.sha256(printing.file_of(made)).hexdigest() == made.sha256


def test_the_daily_job_orders_a_batch_where_the_company_wants_it(db, company):
    letter("Ann")
    assert printing.daily(company, by="daily job", now=NOW) is None
    company.daily_batch = True
    assert printing.daily(company, by="daily job", now=NOW).state == PrintBatch.ORDERED


# --- Out of the batch, printed, mailed -----------------------------------------------------------


def test_a_piece_is_taken_out_for_the_next_batch_or_for_good(press, clock, db):
    ann, bob = letter("Ann"), letter("Bob")
    batch = batch_of(press, clock)
    told = {"by": "staff:olga", "now": NOW}

    printing.take_out(ann.print_pieces.get(), reason="Jammed", again=True, **told)
    printing.take_out(bob.print_pieces.get(), reason="Moved, 4111 1111 1111 1111", again=False, **told)

    assert names(batch) == []
    bob, why = factories.fresh(bob), "Moved, •••• 1111 (card number removed)"
    assert (bob.state, bob.reason, bob.print_pieces.get().out_reason) == (Notice.SKIPPED, why, why)
    assert names(batch_of(press, clock)) == ["Ann"]
    with pytest.raises(BillingError, match="once the batch is made"):
        printing.take_out(bob.print_pieces.get(), reason="Again", again=True, **told)


def test_letters_are_sent_when_the_batch_is_at_the_post(press, clock, db):
    ann = letter("Ann")
    batch = batch_of(press, clock)
    told = {"by": "staff:olga", "now": NOW}
    with pytest.raises(BillingError, match="not printed yet"):
        printing.mark_mailed(batch, mailed_on=TODAY, today=TODAY, **told)

    printing.mark_printed(batch, **told)
    assert factories.fresh(ann).state == Notice.PRINT
    printing.mark_mailed(batch, mailed_on=TODAY, today=TODAY, **told)

    ann, batch = factories.fresh(ann), factories.fresh(batch)
    assert (ann.state, ann.pages, batch.mailed_by) == (Notice.SENT, 1, "staff:olga")
    assert "Invoice" in ann.subject and "$42.50" in ann.body_text
    assert ann.address == "Ann, 7 Oak Street, Austin, TX 78704"


@pytest.fixture
def late_letter(db):
    """A letter to Ann about an invoice that is long past due."""
    return letter("Ann", kind=Notice.OVERDUE, due=TODAY - timedelta(days=30))


def _she_calls(notice):
    return Call.create(
        customer=notice.customer, direction=Call.IN, outcome=Call.MISSED, started_at=NOW, state=Call.TO_CALL,
        waits=True, by="phone", source="pbx", source_id="1", logged_at=NOW,
    )  # fmt: skip


def test_a_late_letter_comes_into_no_batch_while_its_customer_waits_for_us(press, clock, late_letter):
    _she_calls(late_letter)

    batch = batch_of(press, clock)

    assert (factories.fresh(late_letter).state, names(batch)) == (Notice.HELD, [])
    assert "nobody answered" in batch.contents.get().out_reason


def test_a_late_letter_is_not_posted_while_its_customer_waits_for_us(press, clock, late_letter):
    letter("Bob")
    batch, told = batch_of(press, clock), {"by": "staff:olga", "now": NOW}
    printing.mark_printed(batch, **told)
    _she_calls(late_letter)

    with pytest.raises(BillingError, match="Take out of the envelopes first.*nobody answered"):
        printing.mark_mailed(batch, mailed_on=TODAY, today=TODAY, **told)
    printing.take_out(late_letter.print_pieces.get(), reason="She called", again=True, **told)
    printing.mark_mailed(batch, mailed_on=TODAY, today=TODAY, **told)

    assert factories.fresh(late_letter).state == Notice.PRINT
    assert Notice.select().where(Notice.state == Notice.SENT).count() == 1


def test_a_late_letter_by_itself_is_not_posted_either(late_letter):
    _she_calls(late_letter)

    with pytest.raises(BillingError, match="Do not post it, and wait with it: They called"):
        outbox.mark_printed(factories.fresh(late_letter), today=TODAY, now=NOW)


def test_a_letter_left_on_the_day_on_which_it_was_mailed_however_late_that_is_noted(press, clock, db):
    notice = letter("Ann")
    batch, later = batch_of(press, clock), NOW + timedelta(days=3)
    told = {"by": "staff:olga", "now": later}
    printing.mark_printed(batch, **told)

    mailed_on = TODAY + timedelta(days=1)
    printing.mark_mailed(batch, mailed_on=mailed_on, today=TODAY + timedelta(days=3), **told)

    assert factories.fresh(notice).sent_at == datetime.combine(mailed_on, time(18))  # noon in Texas


def test_proof_from_between_the_mailing_of_a_batch_and_the_word_of_it_is_not_called_changed(press, clock, db):
    notice = letter("Ann")
    batch, made_at = batch_of(press, clock), NOW + timedelta(days=2)
    told = {"by": "staff:olga", "now": NOW + timedelta(days=3)}
    printing.mark_printed(batch, **told)
    parts = message_proofs.of_notice(factories.fresh(notice), now=made_at).fingerprints

    day_after, today = TODAY + timedelta(days=1), TODAY + timedelta(days=3)
    printing.mark_mailed(batch, mailed_on=day_after, today=today, **told)

    assert factories.fresh(notice).sent_at < made_at
    found = message_proofs.compare("notice", notice.id, parts, made_at=made_at)
    assert {one.title: one.standing for one in found}["That it left, and what came of it"] == "later"
    assert "other" not in {one.standing for one in found}


def test_the_links_on_paper_work_and_their_secrets_are_not_kept(press, clock, db):
    ann = letter("Ann")
    batch = batch_of(press, clock)

    assert Link.select().where((Link.purpose == Link.PAY) & (Link.invoice == ann.invoice)).count() == 1
    assert "/i/…" in factories.fresh(ann).body_text
    PrintBatch.update(mailed_at=NOW - timedelta(days=31)).execute()
    assert printing.forget(now=NOW) == 1
    with pytest.raises(BillingError, match="thrown away"):
        printing.file_of(batch)


# --- Certified mail ------------------------------------------------------------------------------

NUMBER = "71123456789123456787"


@pytest.fixture
def by_law(press, clock, db, company):
    """A contract in New York, whose notice goes as certified mail, in a batch with an invoice."""
    return batch_of_law(press, clock, "en")


def batch_of_law(press, clock, language):
    rules.load_product(by="tests", now=NOW)
    reader = factories.make_customer("Nora York", email="", state="NY", zip="10001", language=language)
    contract = agree(reader, "NY")
    day.run(date(2027, 1, 1), now=datetime(2027, 1, 1, 18), trouble=[])
    certified_rows = contract.renewal_notices.where(RenewalNotice.medium == RenewalNotice.CERTIFIED)
    sent_on = certified_rows.get().plan_on
    at = datetime(sent_on.year, sent_on.month, sent_on.day, 18)
    day.run(sent_on, now=at, trouble=[])
    row = certified_rows.get()
    Notice.update(state=Notice.PRINT).where(Notice.id == row.notice_id).execute()
    letter("Ann")
    clock.set(sent_on)
    batch = printing.make(printing.order(by="staff:olga", now=at), press=press, clock=clock)
    return batch, row, sent_on, {"by": "staff:olga", "now": at}


def test_certified_mail_lies_last_and_counts_once_it_has_its_number(by_law):
    batch, row, on, told = by_law
    assert names(batch) == ["Ann", "Nora York"]
    assert "Certified mail" in pages_of(printing.file_of(batch))[0]
    piece = row.notice.print_pieces.get()
    printing.mark_printed(batch, **told)
    with pytest.raises(BillingError, match="Missing for 1 piece: 2"):
        printing.mark_mailed(batch, mailed_on=on, today=on, **told)

    printing.give_number(piece, "7112 3456 7891 2345 6787", **told)
    assert printing.mark_mailed(batch, mailed_on=on, today=on, **told) == []

    row = factories.fresh(row)
    assert (row.state, row.certified_number, row.sent_on) == ("proven", NUMBER, on)
    assert row.notice.state == Notice.SENT and row.text_sha256


def test_who_reads_spanish_finds_the_translation_behind_the_english_that_counts(press, clock, company):
    """Both are printed, and both stand in the text that is kept with its hash."""
    batch, row, _, _ = batch_of_law(press, clock, "es")
    piece = row.notice.print_pieces.get()
    pages = pages_of(printing.file_of(batch))[piece.first_page - 1 :]

    assert piece.pages == 2
    assert "will renew automatically" in pages[0] and "En español: después" in pages[0]
    assert "Esta es una traducción" in pages[1] and "se renovará automáticamente" in " ".join(
        pages[1].split()
    )
    kept = " ".join(factories.fresh(row.notice).body_text.split())
    for said in ("will renew automatically", "se renovará automáticamente", "Esta es una traducción"):
        assert said in kept
    text = factories.fresh(row.notice).body_text
    assert factories.fresh(row).text_sha256 == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("language, said, never", [
    ("en", "Please keep this letter: it is your copy", ("attached", "or write to us or")),
    ("es", "Por favor guarde esta carta: es su copia", ("adjunto", "o escríbanos o")),
])  # fmt: skip
def test_the_letter_of_a_plan_is_its_own_copy_and_says_once_where_to_write(db, language, said, never):
    context = next(iter(samples.contexts(Notice.PLAN_AGREED).values()))
    words = str(on_paper.written(Notice.PLAN_AGREED, context, tongues.TONGUES[language], now=NOW).blocks)

    assert said in words
    assert not [one for one in never if one in words]


def test_a_letter_that_the_law_wants_is_not_dropped(by_law):
    batch, row, _, told = by_law
    piece = row.notice.print_pieces.get()
    with pytest.raises(BillingError, match="The law wants this letter"):
        printing.take_out(piece, reason="Too late", again=False, **told)
    printing.take_out(piece, reason="Jammed", again=True, **told)
    assert printing.waiting().count() == 1


def test_a_number_stands_on_one_letter_only(by_law):
    batch, row, _, told = by_law
    Notice.update(certified_number=NUMBER).where(Notice.id != row.notice_id).execute()
    with pytest.raises(BillingError, match="on another letter already: that to Ann"):
        printing.give_number(row.notice.print_pieces.get(), NUMBER, **told)


OTHER = "9407100000000000000009"


@pytest.fixture
def two_certified(by_law):
    """The batch, its certified piece and a second one, as if the law wanted that too."""
    batch, row, _, told = by_law
    other = batch.contents.where(PrintPiece.notice != row.notice_id).get()
    PrintPiece.update(certified=True).where(PrintPiece.id == other.id).execute()
    return batch, row.notice.print_pieces.get(), other, told


def numbers(*pieces):
    return [factories.fresh(piece.notice).certified_number for piece in pieces]


def test_numbers_that_were_confused_change_places_and_one_is_taken_back(two_certified):
    batch, one, other, told = two_certified
    assert printing.give_numbers(batch, {one.id: OTHER, other.id: NUMBER}, **told) == (2, {})

    assert printing.give_numbers(batch, {one.id: NUMBER, other.id: OTHER}, **told) == (2, {})
    assert numbers(one, other) == [NUMBER, OTHER]

    assert printing.give_numbers(batch, {one.id: "", other.id: certified.shown(OTHER)}, **told) == (0, {})
    assert numbers(one, other) == ["", OTHER]


def test_of_numbers_typed_together_the_right_ones_are_kept(two_certified):
    batch, one, other, told = two_certified
    printing.give_numbers(batch, {one.id: NUMBER}, **told)

    noted, refused = printing.give_numbers(batch, {one.id: NUMBER[:-1] + "8", other.id: OTHER}, **told)
    assert (noted, list(refused)) == (1, [one.id])
    assert "does not fit the others" in refused[one.id]
    assert numbers(one, other) == [NUMBER, OTHER]  # what stood there stands

    noted, refused = printing.give_numbers(batch, {one.id: OTHER}, **told)
    assert noted == 0 and "on another letter already" in refused[one.id]
    assert numbers(one, other) == [NUMBER, OTHER]


@pytest.mark.parametrize(
    "typed, digits",
    [
        ("7112 3456 7891 2345 6787", "71123456789123456787"),
        ("7016-0910-0001-0831-0009", "70160910000108310009"),
        ("9400 1112 0620 6406 2607 87", "9400111206206406260787"),
        ("420100019400111206206406260787", "9400111206206406260787"),
        ("42010001123494\x1d00111206206406260787", "9400111206206406260787"),
    ],
)
def test_a_number_is_typed_or_scanned(typed, digits):
    assert certified.checked(typed) == digits


@pytest.mark.parametrize(
    "typed", ["", "7112", "71123456789123456788", "71123456789123456778", "RA123456785US"]
)
def test_a_wrong_number_is_refused(typed):
    with pytest.raises(BillingError):
        certified.checked(typed)


# --- The words of a letter -----------------------------------------------------------------------


def said(notice, press):
    made = press.draw(press.compose(factories.fresh(notice), TODAY, NOW))
    return " ".join(" ".join(pages_of(made.write_pdf())).split())


def test_a_late_letter_says_what_the_mail_says_with_a_slip_and_a_code(press, db):
    late = letter("Ann", kind=Notice.OVERDUE, due=date(2026, 11, 10), issued=date(2026, 11, 1))

    words = said(late, press)

    assert "Invoice 10001" in words and "$42.50" in words and "Something wrong, or not now?" in words
    assert "If it does not fit right now, write to us or call (512) 555-0100" in words
    assert "reply to this email" not in words
    assert "Amount enclosed" in words and "to pay" in words and "Still open" in words


def test_a_letter_is_in_the_language_of_its_reader(press, db):
    late = letter("Ana", kind=Notice.OVERDUE, due=date(2026, 11, 10), issued=date(2026, 11, 1))
    late.customer.language = "es"
    late.customer.save()

    words = said(late, press)

    assert "Aún pendiente" in words and "responda a este correo" not in words and "escríbanos" in words


NEVER_ON_PAPER = {Notice.SIGN_IN, Notice.CONSENT_CONFIRM, Notice.TEXT_REPLY, Notice.CONTACT_CHANGED}


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_mail_can_be_a_letter_that_does_not_speak_of_mail(db, language):
    tongue = tongues.TONGUES[language]
    for kind in set(samples.CASES) - NEVER_ON_PAPER:
        for case, context in samples.contexts(kind).items():
            said = on_paper.written(kind, context, tongue, now=NOW)
            words = f"{said.subject} {said.blocks}"
            assert said.title and said.blocks, (kind, case)
            assert not re.search(r"(?i)(this|reply to this) mail|este correo", words), (kind, case)
            assert "/i/Zk3vQ0m1" not in words, (kind, case)  # nobody types a secret


def test_the_slip_of_what_is_late_does_not_name_its_day_as_one_to_come(press, clock, late_letter):
    batch_of(press, clock)

    words_of_it = " ".join("".join(pages_of(printing.file_of(PrintBatch.get()))).split())
    assert re.search(r"was due \w+ \d+, \d{4}", words_of_it), words_of_it
    assert not re.search(r"\bby \w+ \d+, \d{4}", words_of_it)
