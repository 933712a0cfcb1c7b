"""Text messages: what may be said in one, when one may leave, and what an incoming one means.

``counting``: characters and segments. ``hours``: the quiet hours at the recipient's place. ``answering``:
STOP, START, HELP and everything else that people answer. How a text is sent stands in the edge of the same
name; whether a contact wants texts, in ``billing.preferences``; their consent, in ``billing.consents``.
"""
