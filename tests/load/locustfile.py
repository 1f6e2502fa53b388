"""The callers, as Locust has them. Each user asks again as soon as it is answered, so that the
number of users is the number of requests at once.

What they need is in the environment: LOAD_KEY and LOAD_TEMPLATE. Nothing of Hongyan is imported:
this runs in an environment of its own.
"""

import os
import uuid
from itertools import count

from locust import FastHttpUser, task

ROWS = 100
"""Of a batch."""
PEOPLE = 1000
DATA = {
    "order_no": "20261124001",
    "product": "云南白茶 500 克",
    "at": "2026-11-24 10:30",
    "price": "¥128.00",
    "note": "请在三日内确认收货",
}
_numbers = count()


def row(**more):
    person = f"oBENCH{next(_numbers) % PEOPLE:022d}"
    return {"template": os.environ["LOAD_TEMPLATE"], "to": {"openid": person}, "data": DATA} | more


class Caller(FastHttpUser):
    abstract = True
    connection_timeout = network_timeout = 30.0

    def ask(self, path, body):
        headers = {
            "Authorization": f"Bearer {os.environ['LOAD_KEY']}",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        self.client.post(f"/api/v1{path}", json=body, headers=headers, name=path)


class Single(Caller):
    @task
    def send(self):
        self.ask("/messages", row())


class Urgent(Caller):
    @task
    def send(self):
        self.ask("/messages", row(priority="urgent"))


class Batch(Caller):
    @task
    def send(self):
        self.ask("/messages/batch", {"messages": [row() for _ in range(ROWS)]})
