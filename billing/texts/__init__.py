"""Text messages: what may be said in one, and when one may leave.

``counting``: characters and segments. ``hours``: the quiet hours at the recipient's place. What people answer
is read in ``billing.text_answers``; how a text is sent stands in the edge of the same name; whether a contact
wants texts, in ``billing.preferences``; their consent, in ``billing.consents``.
"""
