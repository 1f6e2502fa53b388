"""Who a caller means."""

import pytest

from notifier.models import Suppression
from notifier.recipients.directory import Address, find
from tests import builders


@pytest.fixture
def recipient(db):
    return builders.make_recipient(builders.make_account(), user_id="u-1")


def test_by_openid_or_by_the_services_own_id(recipient):
    for address in (Address(openid=recipient.openid), Address(user="u-1")):
        known = find(recipient.account_id, 1, address)
        assert (known.pk, known.openid) == (recipient.pk, recipient.openid)


def test_another_accounts_people_are_not_found(recipient):
    other = builders.make_account()
    assert find(other.pk, 1, Address(openid=recipient.openid)) is None


def test_an_empty_user_id_finds_nobody(recipient):
    type(recipient).objects.update(user_id="")
    assert find(recipient.account_id, 1, Address(user="")) is None


def test_a_refused_template_is_known_with_the_person(recipient):
    template, other = (builders.make_template(recipient.account) for _ in range(2))
    Suppression.objects.create(recipient=recipient, template=template, since=builders.now())
    address = Address(openid=recipient.openid)
    assert find(recipient.account_id, template.pk, address).refuses_template
    assert not find(recipient.account_id, other.pk, address).refuses_template
