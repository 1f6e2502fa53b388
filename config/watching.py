"""What is seen: metrics (`notifier/observability/`), traces (`notifier/tracing/`), what is unusual
and who hears of it (`notifier/anomalies/`)."""

from config import env

METRICS_TOKEN = env.text("METRICS_TOKEN")
"""Who sends it as a bearer token may read /metrics; outside the demo there is none without it."""
TRACES_PER_SECOND = env.integer("TRACES_PER_SECOND", 5)
"""New ones of a process, where traces are on (`notifier/tracing/allowance.py`); 0: no bound."""
ANOMALY_WINDOW_SECONDS = env.integer("ANOMALY_WINDOW_SECONDS", 300, maximum=3600)
"""How long a window is that is measured and judged; 0: none is. After a change it learns anew."""
ANOMALY_EMAILS = env.names("ANOMALY_EMAILS")
"""Who is told by e-mail; it needs EMAIL_URL."""
HONGYAN_URL = env.text("HONGYAN_URL").rstrip("/")
"""Its own address, without /admin/, for the links of e-mails; without it they have none."""
