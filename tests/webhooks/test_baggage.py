"""What a caller put into its baggage goes to its own endpoints alone."""

import pytest
from django.utils import timezone

from notifier.intake.accept import Origin
from notifier.webhooks.taking import take
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_baggage_of_one_service_is_not_told_to_another():
    mine, other = builders.make_client(), builders.make_client()
    template = builders.make_template()
    message = builders.set_message(
        builders.make_message(template, origin=Origin(client=mine)),
        traceparent=f"00-{'a' * 32}-{'b' * 16}-01",
        baggage="tenant=shop",
    )
    told = []
    for client in (mine, other):
        endpoint = builders.make_endpoint(client)
        builders.make_delivery(endpoint, message)
        told.append(take(endpoint, 1, timezone.now()).parcels[0].trace)
    assert [one.baggage for one in told] == ["tenant=shop", ""]
    assert {one.trace_id for one in told} == {"a" * 32}
