"""The rules: the same answer whoever asks, a customer, a member of staff or the daily job.

Nothing here knows a request, a template or a network: rules receive rows, cents, dates and a gateway,
and return rows or raise ``BillingError``. What touches the outside lives in ``billing.edges``.
"""
