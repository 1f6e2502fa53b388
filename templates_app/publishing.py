"""From a draft to what services send: draft -> in review -> published, by two people."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from templates_app import sendable
from templates_app.card import in_words
from templates_app.compiled import spec_of
from templates_app.models import MessageTemplate, TemplateVersion
from templates_app.rendering import PatternError, compile_template


def note_author(version: TemplateVersion, name: str) -> None:
    """Who has changed a draft is one of its authors, and what was reviewed is so no more."""
    if name not in version.authors:
        version.authors = [*version.authors, name]
    version.review_asked_at, version.review_asked_by = None, ""
    version.save(update_fields=["authors", "review_asked_at", "review_asked_by"])


def ask_for_review(version: TemplateVersion, by: str) -> None:
    """Raises ValidationError for what could not be published anyhow."""
    _check(version)
    version.review_asked_at, version.review_asked_by = timezone.now(), by
    version.save(update_fields=["review_asked_at", "review_asked_by"])


def publish(version: TemplateVersion, by: str) -> None:
    """Makes `version` the one its template sends; nobody can change it afterwards.

    Raises ValidationError when it has no fields, a wrong pattern, was not given for review, is
    published already, or when `by` is one of its authors.
    """
    _check(version)
    if settings.TEMPLATE_REVIEW:
        if by in version.authors:
            raise ValidationError(_("You changed this version. Somebody else must approve it."))
        if not version.is_in_review:
            raise ValidationError(_("Nobody has asked for its review yet."))
    with transaction.atomic():
        now = timezone.now()
        draft = TemplateVersion.objects.filter(pk=version.pk, published_at__isnull=True)
        if settings.TEMPLATE_REVIEW:  # still as it was reviewed
            draft = draft.filter(review_asked_at=version.review_asked_at)
        if not draft.update(published_at=now, published_by=by):
            raise ValidationError(_("This version was published or changed meanwhile."))
        MessageTemplate.objects.filter(pk=version.template_id).update(published=version.pk)
    sendable.memory.forget()
    version.published_at, version.published_by = now, by


def publish_again(version: TemplateVersion) -> None:
    """Services send an earlier version again. It was approved when it was published first."""
    if not version.is_published:
        raise ValidationError(_("This version was never published."))
    MessageTemplate.objects.filter(pk=version.template_id).update(published=version.pk)
    sendable.memory.forget()


def _check(version: TemplateVersion) -> None:
    if not version.fields.exists():
        raise ValidationError(_("The version has no fields. Paste WeChat's content and save it."))
    try:
        compile_template(spec_of(version))
    except PatternError as error:
        raise ValidationError(in_words(error)) from None
