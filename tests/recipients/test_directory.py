"""Who a caller means."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from notifier.models import Suppression
from notifier.recipients.directory import Address, find
from notifier.recipients.phones import normalised, phone_hash
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


@pytest.mark.parametrize("until", [-1, 1])
def test_a_refusal_that_has_expired_is_none(recipient, until):
    template = builders.make_template(recipient.account)
    ends = builders.now() + timedelta(hours=until)
    Suppression.objects.create(
        recipient=recipient, template=template, since=builders.now(), until=ends
    )
    known = find(recipient.account_id, template.pk, Address(openid=recipient.openid))
    assert known.refuses_template == (until > 0)


def test_by_unionid_within_the_account(recipient):
    type(recipient).objects.update(unionid="uUNION")
    assert find(recipient.account_id, 1, Address(unionid="uUNION")).pk == recipient.pk
    assert find(builders.make_account().pk, 1, Address(unionid="uUNION")) is None
    type(recipient).objects.update(unionid="")
    assert find(recipient.account_id, 1, Address(unionid="")) is None


@pytest.mark.parametrize("written", ["13800000001", "+86 138-0000-0001", "0086 13800000001"])
def test_by_phone_however_it_is_written(recipient, written):
    type(recipient).objects.update(phone_hash=phone_hash("13800000001"))
    assert find(recipient.account_id, 1, Address(phone=written)).pk == recipient.pk
    assert find(recipient.account_id, 1, Address(phone="13800000002")) is None
    assert find(recipient.account_id, 1, Address(phone="nonsense")) is None


def test_a_phone_is_found_after_a_new_encryption_key_and_not_without_the_old(recipient, settings):
    type(recipient).objects.update(phone_hash=phone_hash("13800000001"))
    old, new = settings.FIELD_ENCRYPTION_KEYS, Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *old]
    assert find(recipient.account_id, 1, Address(phone="13800000001")).pk == recipient.pk
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert find(recipient.account_id, 1, Address(phone="13800000001")) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("138 0000 0001", "13800000001"),
        ("+852 5123 4567", "+85251234567"),
        ("0085251234567", "+85251234567"),
        ("12800000001", None),
        ("051288888888", None),
        ("", None),
    ],
)
def test_numbers_are_written_in_one_way(written, number):
    assert normalised(written) == number
