"""Money that goes back: ``refunds`` that we send, ``returns`` and disputes that banks and customers make.

``money_back`` has the words a payer reads about either, ``evidence`` what answers a dispute.
"""
