"""The back office of paper: what waits, a batch and its file, numbers of certified mail, pieces taken out."""

from datetime import date, datetime

import pytest

from billing import printing
from billing.edges.commands import run_day, work_once
from billing.edges.post import Post
from models import Event, Notice, PrintBatch, PrintPiece, RenewalNotice
from tests import factories
from tests.office import enter, text_of
from tests.test_printing import NUMBER, by_law, letter, press  # noqa: F401

NOW = datetime(2026, 12, 1, 18, 0)


@pytest.fixture
def olga(app, db):
    return enter(app)


def made(desk):
    desk.post("/staff/print-queue", follow_redirects=True)
    return PrintBatch.select().order_by(PrintBatch.id.desc()).first()


def test_a_few_letters_become_a_batch_at_once(olga):
    letter("Ann")
    assert "1 letter waits" in text_of(olga.get("/staff/print-queue"))

    page = text_of(olga.post("/staff/print-queue", follow_redirects=True))

    assert "Batch 1 is made: 1 piece, 1 sheet." in page and "Pieces, in the order of the file" in page
    assert "Nothing waits to be printed." in text_of(olga.get("/staff/print-queue"))


def test_a_letter_is_drawn_on_the_connection_of_the_request_around_it(olga, db):
    letter("Ann"), letter("Bob")
    db.close()  # as in a web process: each request opens its own

    page = text_of(olga.post("/staff/print-queue", follow_redirects=True))

    assert "Batch 1 is made: 2 pieces, 2 sheets." in page
    assert db.is_closed()
    db.connect()


def test_many_are_left_to_the_worker(olga, monkeypatch):
    monkeypatch.setattr(printing, "FEW", 1)
    letter("Ann"), letter("Bob")

    page = text_of(olga.post("/staff/print-queue", follow_redirects=True))

    assert "Batch 1 is being made." in page and PrintBatch.get().state == PrintBatch.ORDERED


def test_the_worker_makes_what_was_ordered(olga, app, clock):
    letter("Ann")
    printing.order(by="staff:olga", now=NOW)
    work_once(app, Post(app))

    assert PrintBatch.get().state == PrintBatch.MADE


def test_the_daily_job_makes_what_it_ordered(app, company):
    letter("Ann")
    company.daily_batch = True
    company.save()
    run_day(app, app.clock.today(), only="send", tell=lambda line: None)

    assert (PrintBatch.get().state, PrintBatch.get().ordered_by) == (PrintBatch.MADE, "daily job")


def test_with_nothing_to_print_the_page_says_so(olga):
    page = text_of(olga.post("/staff/print-queue", follow_redirects=True))
    assert "Nothing waits to be printed." in page and not PrintBatch.select().exists()


def test_the_file_is_a_pdf_and_nobody_may_keep_it(olga):
    letter("Ann")
    answer = olga.get(f"/staff/print-batch/{made(olga).id}/file")
    assert answer.mimetype == "application/pdf" and answer.headers["Cache-Control"] == "no-store"


def test_who_only_reads_sees_no_file_and_makes_no_batch(olga, app):
    letter("Ann")
    batch = made(olga)
    rita = enter(app, "read_only")
    assert rita.get(f"/staff/print-batch/{batch.id}").status_code == 200
    assert rita.get(f"/staff/print-batch/{batch.id}/file").status_code == 403
    assert rita.post("/staff/print-queue").status_code == 403
    assert rita.post(f"/staff/print-batch/{batch.id}/numbers").status_code == 403


def test_printed_and_mailed_with_who_and_when(olga):
    notice = letter("Ann")
    batch = made(olga)

    olga.act("print-batch", "printed", batch)
    page = text_of(olga.act("print-batch", "mailed", batch, mailed_on="2026-12-01"))

    batch = factories.fresh(batch)
    assert "Batch 1 is mailed: 1 piece, 1 sheet." in page
    assert (batch.printed_by, batch.mailed_on) == ("staff:owner@lantern.example", date(2026, 12, 1))
    assert factories.fresh(notice).state == Notice.SENT
    assert [event.what for event in Event.select().order_by(Event.id)][-2:] == [
        "print_batch.printed", "print_batch.mailed",
    ]  # fmt: skip


def test_a_piece_is_taken_out_by_its_page(olga):
    letter("Ann")
    batch = made(olga)
    piece = PrintPiece.get()

    page = text_of(olga.act("print-piece", "take_out", piece, reason="Torn", again="y"))

    assert "Piece 1 is out of the batch: pull it from the stack. It waits for the next batch." in page
    assert "Torn" in text_of(olga.get(f"/staff/print-batch/{batch.id}"))


def test_a_letter_in_a_batch_is_not_marked_by_itself(olga):
    notice = letter("Ann")
    made(olga)
    page = text_of(olga.get(f"/staff/notice/{notice.id}"))
    assert "Mark as printed" not in page

    olga.act("notice", "mark_printed", notice)
    assert factories.fresh(notice).state == Notice.PRINT


def test_a_letter_can_still_be_printed_by_itself(olga):
    notice = letter("Ann", kind=Notice.OVERDUE, due=date(2026, 11, 1), issued=date(2026, 10, 1))
    answer = olga.act("notice", "print", notice)
    assert answer.mimetype == "application/pdf"


def test_numbers_are_typed_on_the_page_and_wrong_ones_are_said(by_law, app):  # noqa: F811
    desk = enter(app)
    batch, row, _, _ = by_law
    piece = row.notice.print_pieces.get()
    here = f"/staff/print-batch/{batch.id}/numbers"
    assert "Type its number" in text_of(desk.get(f"/staff/print-batch/{batch.id}")).replace("type", "Type")

    page = text_of(desk.post(here, follow_redirects=True, **{f"number-{piece.id}": NUMBER[:-1] + "8"}))
    assert "its last digit does not fit the others" in page
    field = desk.post(here, **{f"number-{piece.id}": NUMBER[:-1] + "8"})
    assert field.status_code == 422
    assert f'value="{NUMBER[:-1]}8"' in field.text and 'aria-invalid="true"' in field.text
    page = text_of(desk.post(here, follow_redirects=True, **{f"number-{piece.id}": NUMBER}))

    assert "1 number noted." in page and factories.fresh(row.notice).certified_number == NUMBER
    assert RenewalNotice.get_by_id(row.id).state == "queued"  # not before it is mailed
