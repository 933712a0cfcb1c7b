"""Refusals that a person can act on. Their text is a sentence for that person; anything else is a bug."""


class BillingError(Exception):
    """A refusal, worded for whoever asked. Caught once per door and shown as it is."""


class StaleState(BillingError):
    """Somebody else moved the row first: a fact of life, not a bug."""


class PaymentInProgress(BillingError):
    """Another attempt to pay the same invoice is not concluded yet."""


class GatewayUnavailable(BillingError):
    """The payment processor gave no usable answer to a question that moves no money.

    operator -- for who runs the machine, whom the sentence for a customer would not help: what failed, and
                what to look at
    """

    def __init__(self, sentence, *, operator=""):
        super().__init__(sentence)
        self.operator = operator or sentence


def for_operator(trouble):
    """A refusal as a command, a log or the report of a day tells it."""
    return trouble.operator if isinstance(trouble, GatewayUnavailable) else str(trouble)
