"""Celery's application: one task per message, requests inside."""

import os

from celery import Celery

from tests.benchmarks.rivals.job import requests_send

app = Celery("rival", broker=f"redis+socket://{os.environ['RIVAL_REDIS']}", task_ignore_result=True)
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_hijack_root_logger = False


@app.task
def send(openid: str) -> None:
    requests_send(openid)
