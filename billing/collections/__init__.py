"""Evidence before pressure: why something is unpaid, and what may be done about it.

``rules`` are pure: what is asked of the evidence, in which order, and in which words. ``evidence`` reads, for
many customers at once, with ``rows`` and the readers of one kind of fact; ``habits`` says how somebody
usually pays; ``verdicts`` judges and keeps; ``stances`` keeps what customers told us of why they do not pay;
``desk`` is what staff look at. ``gate`` says what may not leave while somebody waits for us: ``obstacles``
finds what shuts it, ``overrides`` lets something pass all the same.
"""
