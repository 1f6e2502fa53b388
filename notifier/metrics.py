"""What is counted, for Prometheus. Labels are few: an account's number, a priority, a kind, a
state; never a person or a text of WeChat's.

With PROMETHEUS_MULTIPROC_DIR all processes of this machine count into one folder, and any web
process shows their sum.
"""

from prometheus_client import Counter, Gauge, Histogram

accepted = Counter("hongyan_accepted", "Messages accepted", ["account", "priority"])
attempts = Counter("hongyan_attempts", "Calls of template/send by outcome", ["account", "kind"])
settled = Counter("hongyan_settled", "Messages by the state an attempt left", ["account", "state"])
send_seconds = Histogram(
    "hongyan_send_seconds",
    "From the call to WeChat's answer",
    ["account"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8),
)
claim_size = Histogram("hongyan_claim_size", "Rows of a claim", buckets=(1, 5, 20, 50, 100, 200))
recovered = Counter("hongyan_lease_recoveries", "Rows whose worker died, taken over")
receipts = Counter("hongyan_receipts", "WeChat's receipts by what they did", ["outcome"])
webhook_attempts = Counter(
    "hongyan_webhook_attempts", "Posts of events to services by outcome", ["outcome"]
)
webhook_waiting = Gauge(
    "hongyan_webhook_waiting",
    "Events that wait for an endpoint; of the fifty with the most",
    ["endpoint"],
    multiprocess_mode="mostrecent",
)
