"""Installment plans: what is open, paid in parts on days that were agreed. A plan moves no money.

In the order of the story: ``shape`` (days and amounts, pure), ``policy`` (what customers may agree to by
themselves), ``agreement`` (its words), ``agreeing`` (propose, sign, accept, answer), ``standing`` (how it
stands), ``keeping`` (the daily look: kept, missed, put right, broken), ``telling`` (its messages).
"""
