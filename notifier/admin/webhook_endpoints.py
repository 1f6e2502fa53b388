"""Where services are told of events: each address, its secret, how it is doing."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
)

from notifier.admin.webhook_words import STATES, doing, state_of
from notifier.audit.record import record
from notifier.models import Action, EventType, Outcome, WebhookDelivery, WebhookEndpoint
from notifier.webhooks.guard import fault_of
from notifier.webhooks.problems import in_words
from notifier.webhooks.relay import ping
from notifier.webhooks.replay import MISSED, Range, replay_range
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.pages import PageAdmin

CHANGE = "admin:notifier_webhookendpoint_change"
COUNTED = 10_000
CHOSEN = [(value, label) for value, label in EventType.choices if value != EventType.PING]


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    types = forms.MultipleChoiceField(
        label=_("Events"),
        choices=CHOSEN,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("None chosen: all of them."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("client", "url", "description", "types", "is_active")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if fault := fault_of(url, settings.WEBHOOK_ALLOWED_NETWORKS):
            raise forms.ValidationError(in_words(fault))
        return url


class RangeForm(BaseDialogForm):
    since = forms.DateTimeField(label=_("From"), widget=forms.DateTimeInput)
    until = forms.DateTimeField(label=_("Until"), widget=forms.DateTimeInput)
    which = forms.ChoiceField(
        label=_("Which"),
        choices=[
            (MISSED, _("what it has not taken")),
            (Outcome.FAILED.value, _("only what was given up")),
            ("all", _("everything, also what it has taken")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    type = forms.ChoiceField(
        label=_("Event"),
        choices=[("", _("all that it wants")), *CHOSEN],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.localtime()
        for name, moment in (("since", now - timedelta(days=1)), ("until", now)):
            field: Any = self.fields[name]
            field.widget = forms.DateTimeInput(
                format="%Y-%m-%dT%H:%M",
                attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)},
            )
            field.initial = moment + timedelta(minutes=name == "until")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", gettext("The end lies before the beginning."))
        return cleaned


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(PageAdmin):
    form = EndpointForm
    list_display = ("client", "where", "description", "shown_state", "failing")
    list_display_links = ("client", "where")
    list_filter = ("is_active",)
    list_select_related = ("client",)
    search_fields = ("client__name", "url", "description")
    empty_text = _("No service is told of events yet. Add its address; or it reads GET /events.")
    change_form_template = "notifier/webhook_endpoint.html"
    fields = ("client", "url", "description", "types", "is_active")
    actions_detail = ("send_ping", "new_secret", "send_again")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("client",) if obj else ()

    @display(description=_("state"), label=STATES)
    def shown_state(self, endpoint: WebhookEndpoint) -> tuple[str, str]:
        return state_of(endpoint)

    @admin.display(description=_("webhook address"))
    def where(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.host

    @admin.display(description=_("failing since"))
    def failing(self, endpoint: WebhookEndpoint) -> Any:
        return endpoint.failing_since or "–"

    def page_context(self, request: HttpRequest, row: WebhookEndpoint) -> dict[str, Any]:
        waiting = WebhookDelivery.objects.filter(endpoint=row, due_at__isnull=False)
        return {
            "endpoint": row,
            "state": state_of(row),
            "colour": STATES[state_of(row)[0]] or "warning",
            "doing": doing(row),
            "waiting": waiting[:COUNTED].count(),
            "is_overlapping": len(row.secrets_at(timezone.now())) > 1,
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A change stores only what was changed: another may rotate the secret meanwhile, and the
        machine counts failures."""
        if not change:
            secret = obj.new_secret(timezone.now())
            obj.save(force_insert=True)
            self._show(request, secret)
            return
        names = [name for name in form.changed_data if name != "is_active"]
        if "is_active" in form.changed_data:
            obj.switch(obj.is_active)
            names += WebhookEndpoint.SWITCHED
        obj.save(update_fields=names)

    def _show(self, request: HttpRequest, secret: str) -> None:
        text = gettext("The secret, shown only now. Copy it to the service's secrets:")
        shown = format_html("{} <code>{}</code>", text, secret)
        self.message_user(request, shown, messages.SUCCESS)

    @action(
        description=_("Send a test event"),
        url_path="ping",
        icon="send",
        permissions=["endpoint"],
        dialog=confirm(
            _("Send a test event?"), _("Of the type “ping”; the webhook log shows what came of it.")
        ),
    )
    def send_ping(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        delivery = ping(found(self, request, object_id))
        return leave_dialog("admin:notifier_webhookdelivery_change", delivery.pk)

    @action(
        description=_("New secret"),
        url_path="new-secret",
        icon="key",
        permissions=["endpoint"],
        dialog=confirm(
            _("Make a new secret?"),
            _("It is shown once. The one before signs along for 24 hours, then it is forgotten."),
        ),
    )
    def new_secret(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        endpoint = found(self, request, object_id)
        secret = endpoint.new_secret(timezone.now())
        endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])
        self.log_change(request, endpoint, [{"changed": {"fields": ["secret"]}}])
        self._show(request, secret)
        return leave_dialog(CHANGE, object_id)

    @action(
        description=_("Send again"),
        url_path="send-again",
        icon="replay",
        permissions=["replay"],
        dialog=ActionDialog(
            title=_("Send events again"),
            description=_("Each under the id that it had: a service that has it can tell."),
            form_class=RangeForm,
            form_submit_text=_("Send again"),
        ),
    )
    def send_again(self, request: HttpRequest, form: RangeForm, object_id: str) -> HttpResponse:
        endpoint = found(self, request, object_id)
        given = form.cleaned_data
        types = (given["type"],) if given["type"] else ()
        count, rest = replay_range(
            endpoint, Range(given["since"], given["until"], types, given["which"])
        )
        with transaction.atomic():
            record(
                Action.REPLAY,
                object_type=WebhookEndpoint._meta.label_lower,
                object_id=endpoint.pk,
                object_name=str(endpoint),
                after={"rows": count, "type": given["type"], "which": given["which"]}
                | {name: given[name].isoformat() for name in ("since", "until")},
            )
        text = gettext("Events that are sent again: %(count)d.") % {"count": count}
        self.message_user(request, text, messages.SUCCESS)
        if rest:
            when = formats.date_format(timezone.localtime(rest), "m-d H:i:s")
            text = gettext("There are more: send again those since %(when)s.") % {"when": when}
            self.message_user(request, text, messages.WARNING)
        return leave_dialog(CHANGE, object_id)

    def has_endpoint_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("notifier.change_webhookendpoint")

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(
            ["notifier.replay_webhookdelivery", "notifier.view_webhookendpoint"]
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its deliveries go with it, perhaps thousands: they are not listed one by one."""
        return [str(one) for one in objs], {}, set(), []
