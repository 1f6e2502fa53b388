"""What a batch of answers says about the account."""

import pytest

from notifier.dispatch.gate import Report
from notifier.dispatch.reports import report_of
from notifier.dispatch.send import Attempt
from notifier.wechat.errors import Kind, lookup

CLAIMED = None


def one(kind, errcode=None, began=5.0):
    return Attempt(CLAIMED, kind, errcode=errcode, detail="words", began=began)  # type: ignore[arg-type]


def refused(errcode):
    return one(lookup(errcode).kind, errcode)


@pytest.mark.parametrize("errcode", [43004, 47003, 40037, 12345])
def test_a_judgement_of_one_message_shows_that_the_account_works(errcode):
    assert report_of([refused(errcode)]) == Report(succeeded_from=5.0)


def test_only_a_message_that_was_taken_says_that_the_quota_is_not_used_up():
    attempts = [one(Kind.OK, 0, began=3.0), refused(43004)]
    assert report_of(attempts) == Report(succeeded_from=5.0, sent_from=3.0)


@pytest.mark.parametrize(
    ("attempts", "failures"),
    [
        ([one(Kind.AMBIGUOUS)] * 3, 3),
        ([one(Kind.RETRY)] * 2, 2),  # no connection
        ([refused(-1)], 1),
        ([refused(43117)], 0),
        ([refused(45011)], 0),
        ([one(Kind.AMBIGUOUS)] * 4 + [one(Kind.OK, 0), one(Kind.AMBIGUOUS)], 1),
        ([one(Kind.AMBIGUOUS)] * 4 + [one(Kind.OK, 0)], 0),
        ([one(None)], 0),
    ],
)
def test_system_failures_are_counted_since_the_last_success(attempts, failures):
    assert report_of(attempts).failures == failures


@pytest.mark.parametrize("errcode", [40164, 48001, 50002])
def test_a_broken_account_is_named_with_wechats_words(errcode):
    assert report_of([refused(errcode), one(Kind.OK, 0)]).cause == f"errcode {errcode}: words"


@pytest.mark.parametrize(("count", "is_slow"), [(4, False), (5, True)])
def test_a_burst_of_system_busy_says_that_wechat_gets_too_much(count, is_slow):
    assert report_of([one(Kind.OK, 0), *[refused(-1)] * count]).is_slow is is_slow


def test_slowness_a_full_minute_and_a_quota_are_told():
    report = report_of([refused(45011), refused(45009)])
    assert (report.is_slow, report.minute_is_full, report.quota_is_used_up) == (True, True, True)
