"""The mail catcher: takes all mail and texts of the demo and the tests, and shows instead of delivers.

An own process: SMTP on loopback, and one web page that lists what came, newest first. ``store`` keeps the
mails in a SQLite file that survives a restart, ``smtp`` takes them (and can be told to misbehave), ``pages``
shows them to people and, as JSON, to tests. Nothing here knows an invoice.
"""
