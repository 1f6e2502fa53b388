"""A template of an account that nothing is known of yet, and what can go on with it."""

from collections.abc import Callable
from typing import Any

import pytest

from notifier.anomalies.watch import look
from notifier.models import State
from templates_app.models import MessageTemplate
from tests import builders
from tests.anomalies.measuring import ALL, AT, WIDTH, happened, remember


@pytest.fixture
def template(db: None) -> MessageTemplate:
    return builders.make_template()


@pytest.fixture
def remembered(template: MessageTemplate) -> None:
    """It has a past."""
    remember(template.account_id, template.pk)


@pytest.fixture
def go_on() -> Callable[..., None]:
    """A window for each of `failures`: template -> how many of its hundred failed. It goes on after
    the last."""
    count = 0

    def go_on(*failures: dict[Any, int]) -> None:
        nonlocal count
        for failed in failures:
            at = AT + count * WIDTH
            for template, bad in failed.items():
                if bad < ALL:
                    happened(template, ALL - bad, at)
                if bad:
                    happened(template, bad, at, State.FAILED, errcode=40037)
            count += 1
            look(at + 1.1 * WIDTH)

    return go_on


@pytest.fixture
def passes(go_on: Callable[..., None], template: Any) -> Callable[..., None]:
    """As `go_on`, of the one template: a window for each number."""
    return lambda *failed: go_on(*({template: bad} for bad in failed))


@pytest.fixture
def mails(settings: Any) -> None:
    settings.ANOMALY_EMAILS = ["night@example.com", "li@example.com"]
    settings.HAS_MAIL_SERVER = True
