"""Monitoring that rests because it is not paid: rare, slow, decided by two people, undone by any payment.

In the order of the story: somebody asks (never before an invoice is ninety days late), answers the checklist
where lives may depend on it, a second person agrees to the warning; it goes out by letter and by mail (or is
said on the phone) with the day from which signals are not answered; on that day the same is asked again, of
two people. Every step asks the gate. A payment, however it comes, ends it at once; ``steps.lift`` undoes it
in one click. The database insists on all of it (migrations/0027).

``standing`` reads, ``steps`` acts. Not here: the words (templates/mail), the fire authority (authorities.py),
what an agency gets (handovers.py).
"""
