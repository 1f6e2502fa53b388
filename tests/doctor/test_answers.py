"""Does WeChat take the messages? From the log's last calls."""

from datetime import timedelta

import pytest

from notifier.doctor.results import Result, Verdict
from tests.conftest import Platform
from tests.doctor import faults
from tests.doctor.conftest import seen


def answers(healthy: Platform, later: timedelta = timedelta()) -> Result:
    return next(one.result for one in seen(healthy.account, later).checks if one.name == "answers")


def send(healthy: Platform, count: int, errcode: int) -> None:
    healthy.simulator.control("POST", "/faults", {"errcode": errcode})
    faults.send(healthy, count)
    healthy.simulator.control("DELETE", "/faults")


def test_what_it_took_is_told(healthy: Platform) -> None:
    send(healthy, 1, 43004)
    faults.send(healthy, 9)
    found = answers(healthy)
    assert found.verdict is Verdict.OK
    assert "took 9 of the last 10 messages" in found.finding


@pytest.mark.parametrize("errcode", [47003, 43004, 40037, 99999])
def test_a_first_message_that_is_refused_is_a_word_of_warning(
    healthy: Platform, errcode: int
) -> None:
    send(healthy, 1, errcode)
    found = answers(healthy)
    assert found.verdict is Verdict.WARN
    assert str(errcode) in found.finding
    assert found.fix


def test_so_are_four_of_five(healthy: Platform) -> None:
    send(healthy, 4, 47003)
    faults.send(healthy, 1)
    assert answers(healthy).verdict is Verdict.WARN


def test_a_template_that_is_not_held_yet_turns_it_red(healthy: Platform) -> None:
    send(healthy, 9, 43116)
    assert answers(healthy).verdict is Verdict.BAD


@pytest.mark.parametrize("errcode", [-1, 45009])
def test_what_is_no_matter_of_content_has_another_tick(healthy: Platform, errcode: int) -> None:
    send(healthy, 30, errcode)
    found = answers(healthy)
    assert found.verdict is Verdict.SKIPPED
    assert "took 0 of the last" in found.finding


def test_where_nothing_was_sent_lately_nothing_is_said_of_messages(healthy: Platform) -> None:
    send(healthy, 30, 47003)
    found = answers(healthy, timedelta(minutes=61))
    assert found.verdict is Verdict.OK
    assert "No answer of the last hour" in found.finding
