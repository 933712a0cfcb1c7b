"""Several invoices that one message told of, paid by one button, without a password.

The link opens the invoices of that message and nothing else, as they stand now. Opening it changes nothing.
"""

from flask import abort, flash, g, redirect, render_template, url_for

from billing import demands, links
from billing.errors import BillingError
from billing.outbox import joining
from billing.payments import claiming
from models import Link
from portal import payments, serious, speaking
from portal.door import TOKEN, bp
from portal.forms import PayForm, new_key


def _follow(token):
    """(link, [(invoice, due on, cents)] of what its message tells of). 404 for a link of one invoice."""
    link = links.follow(token, Link.PAY, now=g.now)
    if link.notice is None:
        abort(404)
    g.by = f"customer:{link.contact.email}" if link.contact else f"pay link {link.id}"
    speaking.to(link.customer if link.contact else None)
    others = [one.invoice for one in joining.said_with(link.notice, today=g.today)]
    invoices = [link.invoice, *others]
    asked = demands.of_invoices(invoices)
    rows = [
        (one, demands.first_on(asked[one.id]), demands.asked_cents(asked[one.id], g.today))
        for one in invoices
    ]
    return link, sorted((row for row in rows if row[2]), key=lambda row: (row[1], row[0].id))


@bp.get(f"/i/{TOKEN}/together")
def pay_together(token):
    """What the message told of, with its sum and one button."""
    link, rows = _follow(token)
    if len(rows) < 2:
        return redirect(url_for("portal.pay_link", token=token), 303)
    return render_template(
        "portal/together.html",
        customer=link.customer,
        rows=rows,
        serious=serious.of_customer(link.customer),
        total_cents=sum(cents for _, _, cents in rows),
        key=new_key(),
        token=token,
    )


@bp.post(f"/i/{TOKEN}/together")
def pay_all_of_it(token):
    """Start paying the whole sum that the button named."""
    here = url_for("portal.pay_together", token=token)
    link, rows = _follow(token)
    form = PayForm()
    parts = [(invoice, cents) for invoice, _, cents in rows]
    try:
        claiming.check_sum(parts, form.cents if form.validate() else None)
        return payments.begin(link.customer, parts, key=form.key.data, back=here, contact=link.contact)
    except BillingError as refusal:
        flash(str(refusal), "error")
        return redirect(here, 303)
