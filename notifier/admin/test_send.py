"""Send a test: choose a template and a test recipient, fill in the variables, follow the message.
To nobody else: what is typed here for a try must not reach a customer."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from notifier.admin.choosing import chosen_template, sendable_templates
from notifier.audit.record import record, recording
from notifier.audit.values import name_of
from notifier.intake.accept import Origin, SendRequest, accept
from notifier.intake.errors import Rejected
from notifier.models import (
    Action,
    Message,
    Priority,
    Recipient,
    RecipientState,
    masked_openid,
)
from notifier.recipients.directory import Address
from templates_app.compiled import published
from templates_app.models import MessageTemplate

PREFIX = "data-"


class TestSendForm(forms.Form):
    """One input for each variable of the template's published version."""

    recipient = forms.ModelChoiceField(
        Recipient.objects.none(),
        label=_("Test recipient"),
        empty_label=_("Choose somebody"),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, template: MessageTemplate, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.template = template
        people: Any = self.fields["recipient"]
        people.queryset = test_recipients(template.account_id)
        people.label_from_instance = _named
        if len(only := list(people.queryset[:2])) == 1:
            people.initial = only[0]
        self.compiled = published(template.published_id)
        for name in self.compiled.variables:
            self.fields[PREFIX + name] = forms.CharField(
                label=name, required=False, widget=UnfoldAdminTextInputWidget
            )

    def request(self) -> SendRequest:
        given = self.cleaned_data
        address = Address(openid=given["recipient"].openid)
        data = {
            name.removeprefix(PREFIX): value
            for name, value in given.items()
            if name.startswith(PREFIX)
        }
        return SendRequest(self.template.code, address, data, Priority.URGENT)

    def add_faults(self, rejected: Rejected) -> None:
        """Each fault beside the input that it is about; one of a field that several variables
        make is named by the field."""
        labels = {field.key: field.label or field.key for field in self.compiled.spec.fields}
        for fault in rejected.faults:
            key = fault.pointer.removeprefix("/data/")
            name = "recipient" if fault.pointer == "/to" else PREFIX + key
            text = gettext(fault.message)
            text = text % fault.params if fault.params else text
            if name in self.fields:
                self.add_error(name, text)
            else:
                self.add_error(None, f"{labels[key]}: {text}" if key in labels else text)


def test_recipients(account_id: int) -> QuerySet[Recipient]:
    marked = Recipient.objects.filter(account_id=account_id, is_test=True)
    return marked.exclude(state=RecipientState.ERASED).order_by("name", "pk")


def _named(recipient: Recipient) -> str:
    """Two may have the same name; who gets nothing is told before one tries."""
    parts = [str(recipient), recipient.user_id or masked_openid(recipient.openid)]
    if recipient.state != RecipientState.FOLLOWING:
        parts.append(recipient.get_state_display())
    return " · ".join(dict.fromkeys(parts))


def test_send(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("notifier.add_message"):
        raise PermissionDenied
    template = chosen_template(request)
    form = None
    if template is not None:
        form = TestSendForm(template, request.POST or None)
        if request.method == "POST" and form.is_valid() and (message := _send(request, form)):
            return _on_to(request, message)
    context = {
        **admin.site.each_context(request),
        "title": _("Send a test"),
        "templates": sendable_templates(request),
        "template": template,
        "form": form,
        "has_people": template is not None and test_recipients(template.account_id).exists(),
        "may_mark": request.user.has_perm("notifier.change_recipient"),
    }
    return render(request, "notifier/test_send.html", context)


def _send(request: HttpRequest, form: TestSendForm) -> Message | None:
    try:
        with recording():
            accepted = accept(form.request(), _origin(request))
            _record(accepted.message)
    except Rejected as rejected:
        form.add_faults(rejected)
        return None
    log = admin.site.get_model_admin(Message).log_addition
    log(request, accepted.message, [{"added": {}}])
    return accepted.message


def _origin(request: HttpRequest) -> Origin:
    return Origin(requested_by=request.user.get_username(), is_test=True)


def _record(message: Message) -> None:
    record(
        Action.TEST_SEND,
        object_type=message._meta.label_lower,
        object_id=message.id.hex,
        object_name=str(message.version.template),
        after={"recipient": name_of(message.recipient)},
    )


def _on_to(request: HttpRequest, message: Message) -> HttpResponse:
    """The message's page, for those who may see it."""
    if request.user.has_perm("notifier.view_message"):
        messages.success(request, gettext("Accepted. Reload this page to follow it."))
        return redirect("admin:notifier_message_change", message.pk)
    messages.success(request, gettext("Accepted"))
    return redirect(request.get_full_path())
