"""Kind ways out, and what late payment may cost: credits, write-offs and late fees, each with its limits.

In the order of kindness: ``goodwill`` (a gift, by role), ``service_credits`` (days that did not work, which
the program proposes by itself), ``write_offs`` (what is not asked for any more), ``given_up`` (bad debt whose
late payment came back), ``fees`` (reading: what a
late payment costs and may cost) and ``late_fees`` (announcing, charging, waiving). The credit itself is made
by ``billing/invoices.py``; a second person decides in ``billing/approvals.py``.
"""
