"""The personal mail: one person reads what is known of a customer, writes to them, and grants what helps.

``evidence`` gathers what they asked, what we did and what is open, each from a record that exists;
``writing`` makes the first words of it, in the customer's language; ``ways`` says what the sender may grant,
and grants it; ``drafts`` is the use case: begin, read, sign, discard. Always one mail by one named person:
there is no way to send two at once.
"""
