"""A local stand-in for the payment gateway: an own process, spoken to over real HTTP.

It knows nothing of Porchlight: no tables, rules, pages or settings of ours are imported here, so it can be
wrong only in its own way. Start it with ``python -m billing.edges.sandbox --help``.

store       what it remembers (one SQLite file) and its clock
wire        XML in and out: the schema's order, names and lengths; answers with a byte order mark
processor   what the banks would say; the life of a transaction from charge to settlement
api         the calls of the XML API
hosted      the payment page that a customer sees
webhooks    signed notifications, their delivery, and the REST API that manages them
faults      every way in which an answer can be lost, late or wrong
control     a page for people and a JSON API for tests that settle, hold, break and move the clock
server      puts these together and listens
"""
