"""What a customer is shown, as plain values: page, PDF and mail print these and can never disagree.

A document is a frozen dataclass of words, dates and cents, read from rows once. Templates only lay it
out: every sum, every sentence and every decision of what to say stands here. Nothing here writes a row,
knows a request or draws anything.

``invoice_documents`` puts an invoice together from ``itemizing`` (lines and taxes), ``standing`` (where it
stands now) or ``as_issued`` (where it stood then), ``applied`` (payments and credits), ``reading`` (what else
it tells of) and ``sentences``; its values are in ``printed``. ``receipt_documents`` and
``statement_documents`` are of a payment and of an account, ``autopay_documents`` of charges to come, the
agreement and saved methods. The company at the top is in ``billing.letterheads``, and what invoices and ways
to pay are called in ``billing.naming``. Documents of one use case (a plan, a refund) stand beside it.
"""
