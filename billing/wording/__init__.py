"""What our messages say: one text for each kind, channel and language, that staff may change.

Read in this order: ``facts`` (what a text may name), ``pieces`` (what the layout draws), ``rendering`` (from
text and facts to blocks), ``drawing`` (blocks as HTML and plain text), ``tongues``, ``spanish``,
``spanish_pages`` (languages), ``finished`` (whole pages in one), ``writing`` (one message), ``defaults`` (the
files). Not here: which text is in force, and what it must say (``billing.editions``).

Nothing is imported here: the languages are read by rules too that the rest of this package stands on.
"""
