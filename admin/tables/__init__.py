"""What a table's screen needs beyond what the generator reads from the model: a module for each area.

Declarations only; ``form_columns`` is a whitelist: nothing that a rule owns (a state, a balance, a number)
can be typed anywhere. Their order in the menu stands in ``admin/views.py``; an area with pages or acts of its
own (tickets, calls, plans, renewals ...) has its module in ``admin/``.
"""
