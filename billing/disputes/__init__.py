"""Disputes: a customer says what is wrong with an invoice, pays the rest, and has our answer in 30 days.

In the order of the story: ``asking`` (opened, withdrawn), ``deciding`` (upheld, rejected, a second person),
``settling`` (the invoice was paid or canceled meanwhile), ``finding`` (queues and clocks). What is due
meanwhile stands in ``billing.demands``, which everybody asks; the words in the mails, in ``documents``.
"""
