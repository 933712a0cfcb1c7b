"""What each kind of message may name: facts and pieces from its documents, in the reader's language.

``of(kind, context, tongue)`` gives every name of that kind, always all of them, so that a text can ask for
any. ``MEANINGS`` is what the editor shows beside the text. One module for each subject: ``invoices``,
``agreed`` (promises and plans), ``money`` (that came, went back or did not come), ``automatic``, ``account``,
``contracts``; what they share is in ``parts``. Not here: links and rows (billing/edges/letters.py makes the
context), what stands in the texts (templates/mail, templates/text, Template rows).
"""

from billing.wording.facts import account, agreed, automatic, contracts, invoices, money
from billing.wording.facts.meanings import MEANINGS
from models import Notice

__all__ = ["KINDS", "MEANINGS", "of"]


def of(kind, context, tongue):
    """{name: fact or piece} of one message.

    context -- what ``letters`` or ``editions.samples`` give: company, contact, links, the kind's documents
    """
    company, links = context["company"], context["links"]
    contact = context.get("contact")
    facts = {
        "company": company.name,
        "phone": company.phone,
        "phone_hours": tongue.say(company.phone_hours),
        "email": company.email,
        "or_call": tongue.say(f" or call {company.phone}") if company.phone else "",
        "first_name": _called(contact),
        "sign_in_link": links.get("sign_in_page_url", ""),
    }
    return facts | _FACTS[kind](context, links, tongue)


def _called(contact):
    """As a person is spoken to: at home by the first name, a business by its whole name."""
    name = contact.name.strip() if contact else ""
    return name.split()[0] if name and contact.customer.kind == "residential" else name


_FACTS = {
    Notice.INVOICE: invoices.invoice,
    Notice.REMINDER: agreed.reminder,
    Notice.PROMISE: agreed.promise,
    Notice.PLAN_AGREED: agreed.plan,
    Notice.PLAN_MISSED: agreed.plan,
    Notice.PLAN_ENDED: agreed.plan,
    Notice.FRESH_LINK: invoices.invoice,
    Notice.OVERDUE: invoices.overdue,
    Notice.CHECK_IN: invoices.check_in,
    Notice.RECEIPT: money.receipt,
    Notice.PAYMENT_PROBLEM: money.problem,
    Notice.REFUND: money.refund,
    Notice.CREDIT_GIVEN: money.credit_given,
    Notice.INVOICE_CANCELED: money.canceled,
    Notice.LATE_FEE: money.late_fee,
    Notice.SUSPENSION_WARNING: money.suspension,
    Notice.SUSPENDED: money.suspension,
    Notice.REINSTATED: money.suspension,
    Notice.HANDED_OVER: money.handed_over,
    Notice.CHARGE_DECLINED: money.setback,
    Notice.METHOD_PROBLEM: money.setback,
    Notice.ABOVE_CAP: money.above_cap,
    Notice.AUTOPAY_ON: automatic.agreement,
    Notice.AUTOPAY_OFF: automatic.agreement,
    Notice.UPCOMING_CHARGE: automatic.charge,
    Notice.CHARGE_POSTPONED: automatic.charge,
    Notice.METHOD_EXPIRING: automatic.method,
    Notice.METHOD_CHANGED: automatic.method,
    Notice.SIGN_IN: account.sign_in,
    Notice.CONSENT_CONFIRM: account.consent,
    Notice.DIGEST: account.digest,
    Notice.TICKET_REPLY: account.ticket,
    Notice.TICKET_CLOSED: account.ticket,
    Notice.TICKET_RECEIVED: account.ticket_received,
    Notice.DISPUTE_RECEIVED: account.dispute,
    Notice.DISPUTE_DECIDED: account.dispute,
    Notice.CONTACT_CHANGED: account.nothing_more,
    Notice.TEXT_REPLY: account.text_reply,
    Notice.RENEWAL: contracts.renewal,
    Notice.YEARLY_REMINDER: contracts.renewal,
    Notice.CONTRACT_ANSWERED: contracts.told,
    Notice.CONTRACT_ENDED: contracts.told,
    Notice.PRICE_CHANGE: contracts.told,
}
KINDS = tuple(_FACTS)
