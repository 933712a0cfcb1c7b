"""A local stand-in for the payment gateway: an own process, spoken to over real HTTP.

It knows nothing of Porchlight: no tables, rules, pages or settings of ours are imported here, so it can be
wrong only in its own way. Start it with ``python -m billing.edges.sandbox --help``.

store          what it remembers (one SQLite file) and its clock
wire           XML in and out: the schema's order, names and lengths; answers with a byte order mark
verdicts       what the banks would say to a charge
processor      the life of a transaction from charge to settlement
profiles       customers and the cards and bank accounts that they keep
disputes       what comes back after settlement: returns, chargebacks, notices of change
updater        what the card networks change of cards that are kept
api, calls     the XML API: who calls, and the calls by what they are about
hosted         the payment page that a customer sees
profile_pages  the pages on which customers keep cards and bank accounts
typed          what is typed into both
webhooks       signed notifications, their delivery, and the REST API that manages them
faults         every way in which an answer can be lost, late or wrong
control…       a page for people and a JSON API for tests that settle, hold, break and move the clock
history        the past in bulk
server         puts these together and listens
"""
