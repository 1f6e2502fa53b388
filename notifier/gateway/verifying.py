"""Asks a service's callback what WeChat asks when it is set up."""

import time

from notifier.gateway.envelope import HEADERS, verification
from notifier.gateway.outbound import Unreached, get
from notifier.gateway.pushes import callback_of
from notifier.models import Gateway


def answer_of(gateway: Gateway) -> str:
    """Empty: it answered with the echostr, as it must. Else what it did instead: a name of
    `notifier/webhooks/problems.py`, or in English."""
    address, echo = verification(callback_of(gateway), int(time.time()))
    try:
        status, text = get(address, HEADERS)
    except Unreached as error:
        return error.problem
    if status != 200:
        return f"HTTP {status}"
    return "" if text.strip() == echo else "another text than the echostr"
