"""What of a caller's headers is taken for its trace."""

import pytest

from notifier.tracing import NONE, Context
from notifier.tracing.context import arriving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "given",
    [
        *("", "x", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01"),
        *(f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more", f"01-{TRACE}-{SPAN}-01more"),
    ],
)
def test_a_traceparent_that_is_none_is_dropped(given):
    assert arriving({"HTTP_TRACEPARENT": given}) == NONE
    assert arriving({"HTTP_TRACEPARENT": given, "HTTP_BAGGAGE": "a=b"}) == Context("", "a=b")


@pytest.mark.parametrize("more", ["", "-more"])
def test_of_a_later_version_what_is_known_is_taken(more):
    told = arriving({"HTTP_TRACEPARENT": f"01-{TRACE}-{SPAN}-01{more}"})
    assert told.traceparent == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f"a=1,b={'x' * 506}", f"a=1,b={'x' * 506}"),
        (f"a=1;p=2 , b={'x' * 506}", "a=1;p=2"),
        (f"a=1,b={'x' * 506},c=3", f"a=1,b={'x' * 506}"),
        (f"b={'x' * 511},a=1", ""),
        ("a=1,b=\n", ""),
    ],
    ids=["512", "513 and more", "whole", "the first is too long", "no text"],
)
def test_of_long_baggage_the_first_members_travel(given, kept):
    told = arriving({"HTTP_TRACEPARENT": f"00-{TRACE}-{SPAN}-01", "HTTP_BAGGAGE": given})
    assert told.baggage == kept
