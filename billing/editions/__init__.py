"""The texts that are in force: drafted by staff, checked before they speak, and what each message says.

Read in this order: ``samples`` (finished documents of every case), ``checking`` (what a text must say in each
of them), ``versions`` (drafts, what is in force, what to fall back on), ``composing`` (one message by what is
in force), ``on_paper`` (the same words as a letter). How a text becomes words, blocks and pages, in which
language, stands in ``billing.wording``, and asks nothing of this.
"""
