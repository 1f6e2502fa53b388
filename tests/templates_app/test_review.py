"""Two people: who wrote a version does not publish it."""

import pytest
from django.core.exceptions import ValidationError

from templates_app.publishing import ask_for_review, note_author, publish, publish_again
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(settings):
    version = builders.make_version(builders.make_template())
    settings.TEMPLATE_REVIEW = True
    note_author(version, "ann")
    return version


def refused(call, words):
    with pytest.raises(ValidationError, match=words):
        call()


def test_an_author_cannot_approve_their_own_change(draft):
    ask_for_review(draft, "ann")
    refused(lambda: publish(draft, "ann"), "Somebody else must approve it")
    publish(draft, "bob")
    draft.template.refresh_from_db()
    assert (draft.template.published, draft.published_by) == (draft, "bob")


def test_nobody_publishes_what_was_not_given_for_review(draft):
    refused(lambda: publish(draft, "bob"), "Nobody has asked for its review")


def test_a_change_takes_the_request_back(draft):
    ask_for_review(draft, "ann")
    note_author(draft, "bob")
    refused(lambda: publish(draft, "cid"), "Nobody has asked")
    ask_for_review(draft, "bob")
    refused(lambda: publish(draft, "bob"), "Somebody else")
    refused(lambda: publish(draft, "ann"), "Somebody else")
    publish(draft, "cid")


def test_what_was_changed_after_the_reviewer_looked_is_not_published(draft):
    ask_for_review(draft, "ann")
    seen = type(draft).objects.get(pk=draft.pk)
    note_author(draft, "ann")
    ask_for_review(draft, "ann")
    refused(lambda: publish(seen, "bob"), "changed meanwhile")


def test_an_earlier_version_is_published_again(draft):
    first = draft.template.published
    ask_for_review(draft, "ann")
    publish(draft, "bob")
    publish_again(first)
    draft.template.refresh_from_db()
    assert draft.template.published == first


def test_a_draft_cannot_be_published_again(draft):
    refused(lambda: publish_again(draft), "never published")


def test_where_one_person_is_enough_nobody_else_is_asked(draft, settings):
    settings.TEMPLATE_REVIEW = False
    publish(draft, "ann")
    assert draft.is_published
