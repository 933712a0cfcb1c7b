"""The calls of the XML API, by what they are about; ``api`` checks who calls and writes the answer.

transactions  charge, authorize, capture, refund, void, review
pages         the tokens of the payment page and of the profile pages
profiles      customer profiles and their methods
updates       what the Account Updater did to these
questions     details, lists, batches
"""
