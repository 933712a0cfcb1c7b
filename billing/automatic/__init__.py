"""Set and forget: saved methods, and the permission to charge them.

In the order of the story: ``methods`` (what is saved), ``consent`` (the words agreed to), ``autopay`` (the
permission and its plan), ``following`` (the plan after disputes, promises and plans), ``telling`` and
``texting`` (never without notice), ``upcoming`` (what pages say of the plan), ``tries`` and ``retries``
(after a decline), ``setbacks`` (what a customer then reads). The daily step that charges is
``billing.charging``; how money moves once stands in ``billing.payments``.
"""
