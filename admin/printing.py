"""Paper: the page of what waits to be printed, batches with their pieces, numbers of certified mail.

Here: what these pages show and the one call of each into ``billing/printing``. Not here: what a batch is made
of, how letters look (billing/edges/print_batches.py), who may (security.py).
"""

import wtforms
from flask import current_app, flash, g, redirect, request, url_for
from flask_admin import expose
from peewee import JOIN, fn

from admin import labels
from admin.actions import Action, day_of, fill_today, text_field
from admin.base import StaffView
from admin.fields import ChoiceInput, DateInput, Filled
from billing import certified, printing, words
from billing.edges.answers import pdf_answer
from billing.edges.print_batches import Press, what_of
from billing.errors import BillingError
from models import Contract, Customer, Invoice, Notice, PrintBatch, PrintPiece

LATEST = 10  # batches that are mailed, on the page of the queue
MOST_PIECES = 400
MOST_DIGITS = 60  # of a number as it is typed or scanned


# --- What waits ----------------------------------------------------------------------------------


class PrintQueue:
    """Mixed into the home view: ``/staff/print-queue``."""

    @expose("/print-queue")
    def print_queue(self):
        """What waits for paper, the batches that are under way, the last ones."""
        kinds = dict(Notice.kind.choices)
        counted = printing.waiting().select(Notice.kind, fn.COUNT(Notice.id)).group_by(Notice.kind).order_by()
        waiting = [(kinds[kind], count) for kind, count in counted.tuples()]
        mailed = PrintBatch.state.in_((PrintBatch.MAILED, PrintBatch.EMPTY))
        batches = PrintBatch.select().order_by(PrintBatch.id.desc())
        return self.render(
            "admin/print_queue.html",
            waiting=sorted(waiting),
            count=sum(count for _, count in waiting),
            most=printing.MOST,
            open_batches=list(batches.where(~mailed)),
            mailed=list(batches.where(mailed).limit(LATEST)),
            badge=_state,
        )

    @expose("/print-queue", methods=("POST",))
    def make_batch(self):
        """Order a batch. A few letters are drawn at once, more by the worker."""
        try:
            batch = printing.order(by=g.by, now=g.now)
            if printing.waiting().count() <= printing.FEW:
                app = current_app._get_current_object()
                batch = printing.make(batch, press=Press(app), clock=app.clock)
        except BillingError as refusal:
            flash(str(refusal), "error")
            return redirect(url_for("staff.print_queue"), 303)
        flash(_ordered_words(batch), "success")
        return redirect(url_for("staff_print_batch.details_view", id=batch.id), 303)


def _ordered_words(batch):
    if batch.state == PrintBatch.ORDERED:
        return f"{batch} is being made. It is here in a minute or two; you need not wait."
    return f"{batch} is made: {printing.in_words(batch)}."


def _state(batch):
    tones = {"ordered": "wait", "made": "open", "printed": "open", "mailed": "good", "empty": "plain"}
    return labels.badge(dict(PrintBatch.state.choices)[batch.state].lower(), tones[batch.state])


# --- Batches -------------------------------------------------------------------------------------


class MailedForm(wtforms.Form):
    """When it was brought to the post."""

    mailed_on = DateInput("Mailed on", [Filled()])


def _mailed(batch, form):
    told = printing.mark_mailed(batch, mailed_on=form.mailed_on.data, **day_of())
    return " ".join([f"{batch} is mailed: {printing.in_words(batch)}.", *told])


BATCH = (
    Action(
        "printed",
        "Printed",
        lambda batch, form: printing.mark_printed(batch, by=g.by, now=g.now) and None,
        lead="The sheets lie before you. Nothing counts as sent before the batch is mailed.",
        done="{row} is printed.",
        fits=lambda batch: batch.state == PrintBatch.MADE,
        effect=printing.in_words,
        bulk=False,
        tone="main",
    ),
    Action(
        "mailed",
        "Mailed",
        _mailed,
        form=MailedForm,
        lead="Every letter in it counts as sent on that day. Certified mail needs its numbers first.",
        fits=lambda batch: batch.state == PrintBatch.PRINTED,
        effect=printing.in_words,
        fill=fill_today("mailed_on"),
        bulk=False,
        tone="main",
    ),
)


class PrintBatchView(StaffView):
    """Letters that are printed and mailed together."""

    plural = "Print batches"
    lead = "One file each, in the order of envelopes. A letter counts as sent when its batch is mailed."
    column_list = ("id", "state", "pieces", "pages", "sheets", "ordered_at", "printed_at", "mailed_on")
    column_labels = {
        "id": "Batch", "ordered_at": "Ordered", "printed_at": "Printed", "mailed_on": "Mailed",
        "claimed_at": "Drawing began", "made_at": "Made", "mailed_at": "Mailing noted",
        "trouble": "What kept it from being made",
    }  # fmt: skip
    column_filters_by = ("state", "ordered_at", "mailed_on")
    search_by = ()
    actions = BATCH
    details_page = "admin/print_batch.html"
    unlisted = ("contents", "files")

    def show_state(self, row):
        return _state(row)

    def show_ordered_by(self, row):
        return labels.person(row.ordered_by)

    def show_printed_by(self, row):
        return labels.person(row.printed_by)

    def show_mailed_by(self, row):
        return labels.person(row.mailed_by)

    def more_links(self, row):
        links = [("What waits", url_for("staff.print_queue"))]
        if row.files.where(row.files.model.pdf.is_null(False)).exists():
            links.insert(0, ("Open the PDF", url_for(".file_view", id=row.id)))
        return links

    def pieces(self, batch):
        """(its pieces in order, those that were left or taken out), with their notices and customers."""
        query = (
            PrintPiece.select(PrintPiece, Notice, Customer, Invoice, Contract)
            .join(Notice)
            .join(Customer)
            .join_from(Notice, Invoice, JOIN.LEFT_OUTER)
            .join_from(Notice, Contract, JOIN.LEFT_OUTER)
            .where(PrintPiece.batch == batch)
            .order_by(PrintPiece.place, PrintPiece.id)
            .limit(MOST_PIECES)
        )
        pieces = list(query)
        return [one for one in pieces if not one.out_at], [one for one in pieces if one.out_at]

    def may_number(self, batch):
        """True while numbers can be typed."""
        return batch.state in (PrintBatch.MADE, PrintBatch.PRINTED)

    what = staticmethod(what_of)
    digits = staticmethod(certified.shown)
    person = staticmethod(labels.person)

    @expose("/<int:id>/file")
    def file_view(self, id):
        """The file, the same each time."""
        batch = self.get_one(id)
        try:
            return pdf_answer(printing.file_of(batch), str(batch))
        except BillingError as refusal:
            flash(str(refusal), "error")
            return redirect(url_for(".details_view", id=id), 303)

    @expose("/<int:id>/numbers", methods=("POST",))
    def numbers_view(self, id):
        """Keep the numbers that were typed or scanned; a wrong one stays beside what is wrong with it."""
        batch, typed = self.get_one(id), {}
        for name, value in request.form.items():
            piece_id = name.removeprefix("number-")
            if piece_id != name and piece_id.isdecimal():
                typed[int(piece_id)] = value[:MOST_DIGITS]
        noted, g.refused = printing.give_numbers(batch, typed, by=g.by, now=g.now)
        if noted:
            flash(f"{words.plural(noted, 'number')} noted.", "success")
        if not g.refused:
            return redirect(url_for(".details_view", id=id), 303)
        g.typed = typed
        return self.details_view(id), 422

    def number_of(self, piece):
        """(what stands in its field, what is wrong with it)."""
        wrong = g.get("refused", {}).get(piece.id, "")
        return (g.typed[piece.id] if wrong else self.digits(piece.notice.certified_number)), wrong


# --- Pieces --------------------------------------------------------------------------------------


class OutForm(wtforms.Form):
    """Why, and what becomes of the letter."""

    reason = text_field("Reason", 120, hint="Such as: the printer tore it.")
    again = ChoiceInput("Then", choices=[("y", "Print it with the next batch"), ("", "Do not send it")])


def _take_out(piece, form):
    again = form.again.data == "y"
    printing.take_out(piece, reason=form.reason.data, again=again, by=g.by, now=g.now)
    what = "It waits for the next batch." if again else "It is not sent."
    return f"Piece {piece.place} is out of the batch: pull it from the stack. {what}"


PIECE = (
    Action(
        "take_out",
        "Take out",
        _take_out,
        form=OutForm,
        lead="The file stays as it is: pull these sheets from the stack by hand.",
        fits=lambda piece: (
            piece.out_at is None and piece.batch.state in (PrintBatch.MADE, PrintBatch.PRINTED)
        ),
        effect=lambda piece: f"{what_of(piece.notice)}, {words.plural(piece.pages or 0, 'page')}",
        bulk=False,
    ),
)


class PrintPieceView(StaffView):
    """Envelopes of batches, and what was left or taken out of them."""

    plural = "Pieces of batches"
    column_list = ("batch", "place", "notice", "pages", "certified", "out_reason")
    column_labels = {"out_at": "Taken out", "out_by": "Taken out by", "out_reason": "Why it is out"}
    column_filters_by = ("batch", "certified", "out_at")
    search_by = ()
    actions = PIECE

    def customer_of(self, row):
        return row.notice.customer


class PrintFileView(StaffView):
    """The files of batches: that they exist, never what is in them."""

    plural = "Files of batches"
    column_list = ("batch", "forgotten_at")
    column_labels = {"forgotten_at": "Thrown away"}
    column_filters_by = ("batch", "forgotten_at")
    search_by = ()
