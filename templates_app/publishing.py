"""Publishing a draft: the one step that makes a version what services send."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from templates_app import sendable
from templates_app.card import in_words
from templates_app.compiled import spec_of
from templates_app.models import MessageTemplate, TemplateVersion
from templates_app.rendering import PatternError, compile_template


def publish(version: TemplateVersion, by: str) -> None:
    """Makes `version` the one its template sends; nobody can change it afterwards.

    Raises ValidationError when it has no fields, a wrong pattern, or is published already.
    """
    if not version.fields.exists():
        raise ValidationError(_("The version has no fields. Paste WeChat's content and save it."))
    try:
        compile_template(spec_of(version))
    except PatternError as error:
        raise ValidationError(in_words(error)) from None
    with transaction.atomic():
        now = timezone.now()
        draft = TemplateVersion.objects.filter(pk=version.pk, published_at__isnull=True)
        if not draft.update(published_at=now, published_by=by):
            raise ValidationError(_("This version is published already."))
        MessageTemplate.objects.filter(pk=version.template_id).update(published=version.pk)
    sendable.memory.forget()
    version.published_at, version.published_by = now, by
