"""Print batches: what waits for paper as one file in the order of envelopes, printed, brought to the post.

A batch is ordered by a click or by the daily job, and made by a worker: each letter is judged once more in
the transaction in which it comes into the batch, so nobody pays meanwhile; what became untrue is left out
with the reason. The database lets a letter be in one batch only. Whoever dies on the way leaves an order that
somebody else makes anew. Not here: how letters look (edges), what a letter proves (renewals/proving.py).
"""

import hashlib
import logging
from contextlib import suppress
from datetime import timedelta

from peewee import IntegrityError, fn

from billing import certified, events, ledger, masking, outbox, renewals, words
from billing.collections import gate
from billing.errors import BillingError, StaleState
from billing.outbox import holding, judging
from billing.states import move
from models import Notice, PrintBatch, PrintFile, PrintPiece, RenewalNotice, db

log = logging.getLogger(__name__)

MOST = 250  # pieces of one batch: what is drawn lies in memory until it is bound
FEW = 5  # so many are drawn while somebody waits for the page
LATER_ONE = "A later letter about it waits too, and says it: this one had not been printed in time."
CLAIM_LIFE = timedelta(minutes=15)
KEEP = timedelta(days=30)  # after mailing: then the file is thrown away, its pay links are secrets
# Envelopes by thickness, in sheets: up to which number, and in words.
CLASSES = (
    (1, "1 sheet"), (2, "2 sheets"), (3, "3 sheets"), (6, "4 to 6 sheets"),
    (10**6, "7 sheets or more, flat"),
)  # fmt: skip


# --- Ordering ------------------------------------------------------------------------------------


def waiting():
    """A query of the notices that wait for paper and are in no batch, oldest first."""
    return outbox.print_queue().where(~fn.EXISTS(_standing_piece()))


def _standing_piece():
    return PrintPiece.select(PrintPiece.id).where(
        (PrintPiece.notice == Notice.id) & PrintPiece.out_at.is_null()
    )


def order(*, by, now):
    """Order a batch of what waits; returns the PrintBatch, the one that is being made if there is one.

    Raises BillingError when nothing waits.
    """
    if not waiting().exists() and not being_made().exists():
        raise BillingError("Nothing waits to be printed.")
    try:
        with db.atomic():
            batch = PrintBatch.create(ordered_by=by, ordered_at=now)
            events.record("print_batch.ordered", batch, by=by, now=now)
            return batch
    except IntegrityError:
        return being_made().get()


def being_made():
    """A query of the batch that is ordered and not made yet."""
    return PrintBatch.select().where(PrintBatch.state == PrintBatch.ORDERED)


def is_in_batch(notice):
    """True for a letter that goes out with a batch, and so not by itself."""
    return PrintPiece.select().where((PrintPiece.notice == notice) & PrintPiece.out_at.is_null()).exists()


# --- Making --------------------------------------------------------------------------------------


def make_ordered(*, press, clock):
    """Make the batch that is ordered, if there is one and nobody makes it. Returns it, or None."""
    batch = being_made().first()
    return make(batch, press=press, clock=clock) if batch else None


def make(batch, *, press, clock):
    """Judge, draw and bind what waits. Returns the batch as it is then.

    press -- ``compose(notice, today, now)`` gives a letter's values inside a transaction; ``draw(letter)``
             something with ``pages``; ``bind(batch, drawn, left_out)`` the bytes of the file
    """
    if not _claim(batch, clock.now()):
        return PrintBatch.get_by_id(batch.id)
    drawn = []
    for notice_id in _candidates(batch):
        made = _one(batch, notice_id, press, clock)
        if made:
            drawn.append(made)
    drawn.sort(key=_envelope)
    try:
        return _keep(batch, drawn, press, clock.now())
    except StaleState:  # somebody else took so long over it as well, and was faster
        return PrintBatch.get_by_id(batch.id)
    except Exception as error:
        PrintBatch.update(trouble=str(error)[:255]).where(PrintBatch.id == batch.id).execute()
        raise


def _claim(batch, now):
    """Compare-and-swap: one worker draws; from one that died it is taken over."""
    free = PrintBatch.claimed_at.is_null() | (PrintBatch.claimed_at < now - CLAIM_LIFE)
    mine = (PrintBatch.id == batch.id) & (PrintBatch.state == PrintBatch.ORDERED)
    return PrintBatch.update(claimed_at=now).where(mine & free).execute()


def _candidates(batch):
    """The notices of an earlier try that died, then what waits; as ids, so that each comes once."""
    before = [id for (id,) in _standing(batch).select(PrintPiece.notice).tuples()]
    fresh = [id for (id,) in waiting().select(Notice.id).limit(max(MOST - len(before), 0)).tuples()]
    return [*before, *fresh]


def _standing(batch):
    return PrintPiece.select().where((PrintPiece.batch == batch) & PrintPiece.out_at.is_null())


def _one(batch, notice_id, press, clock):
    """(piece, letter, what was drawn) of one notice; None when it is left out."""
    try:
        piece, letter = _take_in(batch, notice_id, press, clock)
        return (piece, letter, press.draw(letter)) if letter else None
    except BillingError as refusal:
        _leave_out(batch, notice_id, str(refusal), clock.now())
    except Exception as error:  # one bad letter must not keep the others
        log.exception("notice %s", notice_id)
        _leave_out(batch, notice_id, f"It could not be drawn: {error}", clock.now())
    return None


def _take_in(batch, notice_id, press, clock):
    """Into the batch with a letter, in one transaction in which nobody moves this customer's money.

    Returns (piece, letter); no letter when it is not to be printed after all, and the notice says why.
    """
    now, today = clock.now(), clock.today()
    with ledger.locked(Notice.get_by_id(notice_id).customer_id):
        notice = Notice.get_by_id(notice_id)
        piece = _standing(batch).where(PrintPiece.notice == notice).first()
        if piece is None:
            piece = PrintPiece.create(batch=batch, notice=notice, certified=is_certified(notice))
        if notice.state != Notice.PRINT:
            _put_out(piece, notice.reason or "It is no longer to be printed.", "", now)
            return piece, None
        if objection := judging.objection(notice, today=today, now=now) or _said_by_a_later_one(notice):
            move(notice, Notice.SKIPPED, reason=objection)
            _put_out(piece, objection, "", now)
            return piece, None
        if against := gate.check(notice, today=today, now=now):
            holding.hold(notice, against, now=now)
            _put_out(piece, gate.sentence(against), "", now)
            return piece, None
        return piece, press.compose(notice, today, now)


def _said_by_a_later_one(notice):
    """Why a letter of a step is not sent with the one of the next step in the same post; "" otherwise."""
    if notice.kind not in (Notice.REMINDER, Notice.OVERDUE) or notice.invoice_id is None:
        return ""
    later = outbox.print_queue().where(
        (Notice.kind == notice.kind)
        & (Notice.invoice == notice.invoice_id)
        & (Notice.customer == notice.customer_id)
        & (Notice.id > notice.id)
    )
    if notice.contact_id:
        later = later.where(Notice.contact == notice.contact_id)
    return LATER_ONE if later.exists() else ""


def is_certified(notice):
    """True when a law wants this letter as certified mail."""
    rows = RenewalNotice.select().where(
        (RenewalNotice.notice == notice) & (RenewalNotice.medium == RenewalNotice.CERTIFIED)
    )
    return rows.exists()


def _leave_out(batch, notice_id, reason, now):
    """What cannot be printed waits on, and the batch says why it is without it."""
    with db.atomic():
        piece = _standing(batch).where(PrintPiece.notice == notice_id).first()
        piece = piece or PrintPiece.create(batch=batch, notice=notice_id)
        _put_out(piece, reason, "", now)


def _put_out(piece, reason, by, now):
    piece.out_at, piece.out_by, piece.out_reason = now, by, reason[:255]
    piece.place = piece.first_page = None if not by else piece.place
    piece.save()


def _envelope(made):
    """Certified mail last; then by thickness, ZIP and name."""
    piece, letter, drawn = made
    sheets = (len(drawn.pages) + 1) // 2
    return piece.certified, class_of(sheets), letter.zip, letter.to.casefold(), piece.notice_id


def class_of(sheets):
    """The place in CLASSES of an envelope with so many sheets."""
    return next(at for at, (most, _) in enumerate(CLASSES) if sheets <= most)


def _keep(batch, drawn, press, now):
    """Number the pieces, bind the file and keep both, in one transaction. Raises StaleState."""
    if not drawn:
        return move(batch, PrintBatch.EMPTY, made_at=now)
    for place, (piece, _, done) in enumerate(drawn, 1):
        piece.place, piece.pages = place, len(done.pages)
    left_out = list(batch.contents.where(PrintPiece.out_at.is_null(False)).order_by(PrintPiece.id))
    content, first_pages = press.bind(batch, drawn, left_out, now)
    with db.atomic():
        move(
            batch, PrintBatch.MADE, made_at=now, trouble="", sha256=hashlib.sha256(content).hexdigest(),
            pieces=len(drawn), pages=sum(piece.pages for piece, _, _ in drawn),
            sheets=sum(piece.sheets for piece, _, _ in drawn),
        )  # fmt: skip
        PrintFile.create(batch=batch, pdf=content)
        for (piece, letter, _), first_page in zip(drawn, first_pages, strict=True):
            PrintPiece.update(place=piece.place, pages=piece.pages, first_page=first_page).where(
                PrintPiece.id == piece.id
            ).execute()
            _keep_words(piece, letter)
    return batch


def _keep_words(piece, letter):
    """The exact words of a letter stand with its notice; those that prove something never change."""
    notice = piece.notice
    Notice.update(pages=piece.pages).where(Notice.id == notice.id).execute()
    if notice.kind in judging.OF_CONTRACTS:
        renewals.keep_text(notice, subject=letter.subject, text=letter.text)
        return
    Notice.update(subject=letter.subject[:255], body_text=letter.text, address=letter.address[:255]).where(
        (Notice.id == notice.id) & (Notice.state == Notice.PRINT)
    ).execute()


def file_of(batch):
    """The bytes of a batch, the same each time. Raises BillingError when there are none (any more)."""
    row = batch.files.first()
    if row is None:
        raise BillingError("This batch is not made yet. Come back in a minute.")
    if row.pdf is None:
        raise BillingError("The file was thrown away a month after mailing: the pay links in it are secrets.")
    return bytes(row.pdf)


def forget(*, now):
    """Throw away the files of batches that were mailed a month ago. Returns how many."""
    old = PrintBatch.select(PrintBatch.id).where(PrintBatch.mailed_at < now - KEEP)
    gone = PrintFile.update(pdf=None, forgotten_at=now).where(
        PrintFile.batch.in_(old) & PrintFile.pdf.is_null(False)
    )
    return gone.execute()


# --- Printing, mailing, taking out ---------------------------------------------------------------


def pieces(batch):
    """The pieces of a batch in its order; those that were left or taken out come last."""
    return batch.contents.order_by(PrintPiece.out_at.is_null(False), PrintPiece.place, PrintPiece.id)


def mark_printed(batch, *, by, now):
    """Note that the file came out of the printer. Returns the batch."""
    if batch.state != PrintBatch.MADE:
        raise BillingError(f"{batch} is not waiting to be printed.")
    with db.atomic():
        move(batch, PrintBatch.PRINTED, printed_by=by, printed_at=now)
        events.record("print_batch.printed", batch, by=by, now=now)
    return batch


def give_numbers(batch, typed, *, by, now):
    """Note the numbers of a whole batch. Returns (how many were noted, {piece id: why its number was not}).

    typed -- {piece id: as typed}; an empty one takes a number back. Two that were confused may change places.
    """
    noted, refused = 0, {}
    changed = [
        piece
        for piece in _standing(batch).where(PrintPiece.certified).order_by(PrintPiece.place)
        if piece.id in typed and _differs(piece, typed[piece.id])
    ]
    with db.atomic():
        before = {piece.id: piece.notice.certified_number for piece in changed}
        for piece in changed:
            _take_back(piece, by, now)
        for piece in (one for one in changed if typed[one.id].strip()):
            try:
                give_number(piece, typed[piece.id], by=by, now=now)
                noted += 1
            except BillingError as refusal:
                refused[piece.id] = str(refusal)
        for piece in (one for one in changed if one.id in refused and before[one.id]):
            _put_back(piece, before[piece.id], by, now)
    return noted, refused


def _differs(piece, typed):
    return "".join(typed.split()) != piece.notice.certified_number


def _take_back(piece, by, now):
    if piece.notice.certified_number and piece.batch.state != PrintBatch.MAILED:
        Notice.update(certified_number="").where(Notice.id == piece.notice_id).execute()
        events.record("print_piece.numbered", piece, by=by, now=now, after={"certified_number": ""})


def _put_back(piece, number, by, now):
    """The number that stood there, unless another piece has it by now."""
    with suppress(BillingError):
        give_number(piece, number, by=by, now=now)


def give_number(piece, number, *, by, now):
    """Note the number of certified mail of a piece, typed or scanned. Returns it without spaces."""
    digits = certified.for_letter(piece.notice, number)
    if not piece.certified or piece.out_at:
        raise BillingError("This piece does not go as certified mail.")
    if piece.batch.state == PrintBatch.MAILED:
        raise BillingError("It is mailed: its number stays as it is.")
    with db.atomic():
        Notice.update(certified_number=digits).where(Notice.id == piece.notice_id).execute()
        events.record("print_piece.numbered", piece, by=by, now=now, after={"certified_number": digits})
    return digits


def take_out(piece, *, reason, again, by, now):
    """Take a piece out of its batch. It waits for the next one (``again``), or is not sent at all.

    Raises BillingError for what was mailed, and for a letter that the law wants and nobody would send.
    """
    if piece.out_at or piece.batch.state not in (PrintBatch.MADE, PrintBatch.PRINTED):
        raise BillingError("It can be taken out once the batch is made, and until it is mailed.")
    reason = masking.reason(reason, "Say why it is taken out.")
    notice = Notice.get_by_id(piece.notice_id)
    if notice.legal and not again:
        raise BillingError("The law wants this letter: put it into the next batch.")
    with db.atomic():
        _put_out(piece, reason, by, now)
        Notice.update(certified_number="").where(Notice.id == notice.id).execute()
        if notice.state == Notice.PRINT and not again:
            move(notice, Notice.SKIPPED, reason=reason[:255])
        events.record("print_piece.taken_out", piece, by=by, now=now, reason=reason, after={"again": again})
    return piece


def without_number(batch):
    """Certified pieces of a batch that have no number yet, in its order."""
    return (
        _standing(batch)
        .join(Notice)
        .where(PrintPiece.certified & (Notice.certified_number == "") & (Notice.state == Notice.PRINT))
        .order_by(PrintPiece.place)
    )


def mark_mailed(batch, *, mailed_on, by, today, now):
    """The batch was brought to the post on ``mailed_on``: every letter in it counts as sent.

    Returns sentences about notices that count no more, because their window was closed on that day. Raises
    BillingError while a certified piece has no number.
    """
    _check_mailing(batch, mailed_on, today)
    told = []
    with db.atomic():
        _check_gate(batch, today, now)
        move(batch, PrintBatch.MAILED, mailed_on=mailed_on, mailed_by=by, mailed_at=now)
        for piece in _standing(batch).order_by(PrintPiece.place):
            notice = Notice.get_by_id(piece.notice_id)
            if notice.state == Notice.PRINT and (sentence := _mailed(notice, mailed_on, by, today, now)):
                told.append(f"Piece {piece.place}: {sentence}")
        events.record("print_batch.mailed", batch, by=by, now=now, after={"mailed_on": mailed_on})
    return told


def _check_mailing(batch, mailed_on, today):
    if batch.state != PrintBatch.PRINTED:
        raise BillingError(f"{batch} is not printed yet: note that first.")
    missing = [str(piece.place) for piece in without_number(batch)]
    if missing:
        raise BillingError(
            f"Certified mail counts by its number. Missing for {words.plural(len(missing), 'piece')}: "
            f"{', '.join(missing)}. Type them, or take these pieces out."
        )
    if mailed_on > today:
        raise BillingError("That day has not come yet.")
    if mailed_on < batch.made_at.date() - timedelta(days=1):  # UTC is ahead of us
        raise BillingError("That is before the batch was made.")


def _check_gate(batch, today, now):
    """Nothing that presses is brought to the post while its customer waits for us."""
    query = Notice.select(Notice, PrintPiece.place).join(PrintPiece).where(
        (PrintPiece.batch == batch) & PrintPiece.out_at.is_null() & (Notice.state == Notice.PRINT)
    )  # fmt: skip
    letters = list(query.order_by(PrintPiece.place))
    shut = gate.shut(letters, today=today, now=now)
    if found := [one for one in letters if one.id in shut]:
        told = [f"piece {one.printpiece.place} ({gate.sentence(shut[one.id])})" for one in found]
        raise BillingError(f"Take out of the envelopes first, and wait with it: {words.joined(told)}")


def _mailed(notice, mailed_on, by, today, now):
    """A letter is sent; one of a contract's end is proven by it. Returns why it is not, or nothing."""
    row = notice.renewal_notices.order_by(RenewalNotice.id).first()
    sentence = ""
    if row:
        number = notice.certified_number
        try:
            with db.atomic():
                renewals.mark_mailed(
                    row, mailed_on=mailed_on, certified_number=number, by=by, today=today, now=now
                )
            return ""
        except BillingError as refusal:
            sentence = str(refusal)
    outbox.mark_printed(notice, mailed_on=mailed_on, today=today, now=now)
    return sentence


def in_words(batch):
    """How many of what, in a few words."""
    size = f"{words.plural(batch.pieces, 'piece')}, {words.plural(batch.sheets, 'sheet')}"
    return size if batch.pieces else "nothing"


def daily(company, *, by, now):
    """What the daily job does about paper: throw old files away, order a batch where the company wants it.

    Returns the PrintBatch, which a worker makes, or None.
    """
    forget(now=now)
    return order(by=by, now=now) if company.daily_batch and waiting().exists() else None
