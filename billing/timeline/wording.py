"""What an event of the audit is called where people read it: in the timeline and in a row's history.

Names that read well by themselves ("contract.paused": Contract paused) have no entry here.
"""

from billing import words

NAMES = {
    "approval.asked": "A second person was asked",
    "approval.approved": "A second person agreed",
    "approval.refused": "A second person said no",
    "approval.withdrawn": "The request for a second person was taken back",
    "chargeback.letter": "The bank's letter about a chargeback was noted",
    "company.live": "Messages to customers switched on",
    "company.mute": "Messages to customers switched off",
    "contact.reached": "The address of a contact was put right",
    "credit.recovered": "Money came for what had been written off",
    "credit.taken_back": "A write-off was taken back",
    "customer.language": "Another language chosen",
    "customer.pay_wish": "Wish how to pay changed",
    "feed.silent": "A source fell silent",
    "gate.passed": "Let pass although something stood open",
    "handover.asked": "A hand-over to an agency was asked for",
    "handover.canceled": "The hand-over was not made",
    "handover.made": "The account went to an agency",
    "handover.taken_back": "The account came back from the agency",
    "hold.begun": "A pause began",
    "hold.lifted": "A pause ended",
    "hold.messages_held": "Messages were put on hold",
    "hold.messages_released": "Messages may leave again",
    "invoice.sent_again": "An invoice was sent again",
    "late_fee.avoided": "A late fee was avoided",
    "late_fee.charged": "A late fee was charged",
    "late_fee.planned": "A late fee was planned",
    "late_fee.waived": "A late fee was waived",
    "notice.begun": "A personal mail was begun",
    "notice.discarded": "A message was discarded",
    "notice.held": "A message was held back",
    "notice.released": "A message that was held back may leave",
    "notice.signed": "A personal mail was signed",
    "service_credit.given": "Credit for a fault given",
    "service_credit.proposed": "Credit for a fault proposed",
    "service_credit.refused": "Credit for a fault refused",
    "stance.ended": "What they told us is over",
    "stance.noted": "They told us why they do not pay",
    "suspension.asked": "A suspension was asked for",
    "suspension.began": "Monitoring rests",
    "suspension.canceled": "The suspension was stopped",
    "suspension.checked": "The checklist for lives was answered",
    "suspension.lifted": "Monitoring works again",
    "suspension.recall": "A printed letter is to be taken back",
    "suspension.recalled": "The printed letter was taken back",
    "suspension.station_told": "The monitoring station was told",
    "suspension.warned": "The suspension was announced",
    "ticket.took_over": "Another ticket became a part of it",
}


def of(what):
    """The words for the name of an event.

    >>> of("suspension.began"), of("contract.paused")
    ('Monitoring rests', 'Contract paused')
    """
    return NAMES.get(what) or words.sentence(what.replace(".", " ").replace("_", " ")).rstrip(".")
