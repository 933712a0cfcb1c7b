"""When autopay tries a method again after a decline or a return, and when never again."""


def after_decline(payment, *, today, now):
    """Decide what follows from the decline of a saved method, in the transaction that concludes it."""


def after_return(payment, *, today, now):
    """Decide what follows from a returned bank debit, in the transaction that books it."""
