"""Set and forget: saved methods, the permission to charge them, and the charging itself.

In the order of the story: ``methods`` (what is saved), ``consent`` (the words agreed to), ``autopay`` (the
permission and its plan), ``telling`` (never without notice), ``upcoming`` (what pages say of the plan),
``credit`` (what is on account pays first), ``due`` and ``charging`` (the daily step, with its ``desks``),
``tally`` (what became of each due invoice), ``tries`` and ``retries`` (after a decline), ``setbacks`` (what a
customer then reads). How money moves once stands in ``billing.payments``.
"""
