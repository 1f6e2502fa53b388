"""How long each class of data is kept, in days (`notifier/retention/sweep.py`)."""

from config import env

MESSAGE_KEEP_DAYS = env.integer("MESSAGE_KEEP_DAYS", 365)
"""0: for ever; the same of pushes. Their hourly counts stay. A campaign is counted from its
messages, for three days after its end still: they are kept longer. Who was in its audience goes
after as many days."""
if 0 < MESSAGE_KEEP_DAYS < 7:
    raise env.Misconfigured("MESSAGE_KEEP_DAYS must be 0 or a whole number of at least 7.")
PUSH_KEEP_DAYS = env.integer("PUSH_KEEP_DAYS", 90)
EVENT_KEEP_DAYS = env.integer("EVENT_KEEP_DAYS", 7, minimum=1)
"""With their webhooks."""
IMPORT_KEEP_DAYS = env.integer("IMPORT_KEEP_DAYS", 7, minimum=1)
ANOMALY_KEEP_DAYS = env.integer("ANOMALY_KEEP_DAYS", 70, minimum=15)
"""Anomalies that ended, and the measures that the next are judged by: of eight weeks (57 days)."""
