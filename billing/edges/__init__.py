"""Everything that touches the outside: the gateway, mail, paper, clocks. An edge decides nothing.

It turns what the outside said into the values of ``billing.outcomes`` and leaves the judgment to the rules.
"""
