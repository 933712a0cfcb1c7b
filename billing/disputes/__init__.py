"""Disputes: a customer says what is wrong with an invoice, pays the rest, and has our answer in 30 days.

In the order of the story: ``asking`` (opened, withdrawn), ``deciding`` (upheld, rejected, a second person),
``finding`` (queues and clocks). What closes one because its invoice was paid or canceled meanwhile stands in
``billing.undisputed``; what is due meanwhile in ``billing.demands``, which everybody asks; the words in the
mails in ``telling``.
"""
