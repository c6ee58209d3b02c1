"""The query log, off unless the operator asks for it: what people asked, masked, for so many days.

It lies in the journal, beside the votes; `python -m evaluation gaps` reads it there. See retention.py for when it goes.
"""

from server.personal import Hidden

DAYS = 30  # that texts are kept unless the operator says otherwise

NOTHING_KEPT = Hidden("", {})  # of a query, where there is no log
