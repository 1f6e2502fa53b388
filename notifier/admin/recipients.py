"""Recipients: found by whole ids; personal data is masked until somebody who may reveals it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from notifier.admin.erase import erase_recipient
from notifier.admin.export import export
from notifier.admin.followers import followers
from notifier.admin.personal import is_revealed, revealed
from notifier.admin.test_recipients import mark_test, unmark_test
from notifier.models import (
    Recipient,
    RecipientGroup,
    RecipientState,
    Suppression,
    masked_email,
    masked_name,
    masked_openid,
    masked_phone,
)
from notifier.recipients.attributes import in_words
from notifier.recipients.directory import people_of
from notifier.recipients.phones import normalised, phone_hash, phone_hashes
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.limited import LimitedAdmin

COLOURS: dict[str, str] = {
    RecipientState.FOLLOWING.value: "success",
    RecipientState.UNFOLLOWED.value: "warning",
    RecipientState.REFUSED.value: "danger",
    RecipientState.BLACKLISTED.value: "danger",
    RecipientState.ERASED.value: "",
}
CHANGE = "admin:notifier_recipient_change"
IN_FULL = ("openid", "user_id", "name", "email", "phone", "unionid")
MASKED = ("masked", "user_id", "name_masked", "email_masked", "phone_shown", "unionid_masked")
ATTRIBUTES = ("attributes_open", "attributes_masked")
KNOWN = ("tags_given", "followed_at", "state_since")


class SuppressionInline(TabularInline):
    """Templates the person refuses; deleting one lets it be sent again."""

    model = Suppression
    fields = ("template", "errcode", "since", "until")
    readonly_fields = fields
    extra = 0
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RecipientForm(forms.ModelForm):  # type: ignore[type-arg]
    """A phone number goes in and never comes out: its hash is kept, and 138****0000."""

    phone = forms.CharField(
        label=_("Phone"), required=False, max_length=30, widget=UnfoldAdminTextInputWidget
    )

    groups = forms.ModelMultipleChoiceField(
        RecipientGroup.objects.none(),
        label=_("Groups"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "phone" in self.fields and self.instance.phone_shown:
            self.fields["phone"].help_text = gettext(
                "Stored: %(phone)s. Empty keeps it; - removes it."
            ) % {"phone": self.instance.phone_shown}
        if "groups" in self.fields and self.instance.pk:
            own = RecipientGroup.objects.filter(account=self.instance.account_id)
            self.fields["groups"].queryset = own  # type: ignore[attr-defined]
            self.fields["groups"].help_text = "" if own.exists() else gettext("There are none yet.")

    def clean_phone(self) -> str:
        given = str(self.cleaned_data["phone"]).strip()
        if given in ("", "-"):
            return given
        number = normalised(given)
        if number is None:
            raise ValidationError(
                _("It is no phone number; those outside China begin with + and the country.")
            )
        return number

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        number = cleaned.get("phone") or ""
        account = self.instance.account_id or getattr(cleaned.get("account"), "pk", None)
        if number == "-":
            self.instance.phone_hash = self.instance.phone_shown = ""
        elif number:
            others = Recipient.objects.filter(account_id=account).exclude(pk=self.instance.pk)
            if others.filter(phone_hash__in=phone_hashes(number)).exists():
                self.add_error("phone", _("It belongs to another recipient of the account."))
            self.instance.phone_hash = phone_hash(number)
            self.instance.phone_shown = masked_phone(number)
        return cleaned


@admin.register(Recipient)
class RecipientAdmin(LimitedAdmin):
    form = RecipientForm
    list_display = ("name_or_id", "user_id", "masked", "account", "shown_state", "state_since")
    list_display_links = ("name_or_id",)
    list_filter = ("state", "account", "groups", "is_test")
    list_select_related = ("account",)
    search_fields = ("openid__exact", "user_id__exact")
    search_help_text = _("OpenID, your user id, phone or UnionID, whole")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = InfinitePaginator
    empty_text = _(
        "Nobody yet. Import a file, or read the followers from WeChat with “Follower sync”."
    )
    ordering = ("-id",)
    inlines = (SuppressionInline,)
    actions = (mark_test, unmark_test)
    actions_list = ("import_file", "export_file", "sync")
    actions_detail = ("reveal", "erase")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("export-csv/", wrap(export), name="recipients-export"),
            path("followers/", wrap(followers), name="followers"),
            path("<int:pk>/erase-data/", wrap(erase_recipient), name="recipient-erase"),
            *super().get_urls(),
        ]

    def get_fields(self, request: HttpRequest, obj: Recipient | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("account", *IN_FULL, "is_test", "state")
        is_open = self._is_open(request, obj)
        personal = (*IN_FULL, "attributes_open") if is_open else (*MASKED, "attributes_masked")
        return ("account", *personal, "groups", "is_test", "state", *KNOWN)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Recipient | None = None
    ) -> tuple[str, ...]:
        masked = (name for name in MASKED if name != "user_id")
        return ("account", "openid", *masked, *ATTRIBUTES, *KNOWN) if obj else ()

    def _is_open(self, request: HttpRequest, recipient: Recipient) -> bool:
        """A form that was opened in full is saved in full, however long it stood open."""
        if request.method == "POST" and "email" in request.POST:
            return request.user.has_perm("notifier.reveal_recipient")
        return is_revealed(request, recipient)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=people_of(term)) if term else queryset), False

    @action(
        description=_("Import"), url_path="import-file", icon="upload", permissions=["import_file"]
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:notifier_recipientimport_add")

    def has_import_file_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifier.add_recipientimport")

    @action(description=_("Export"), url_path="export", icon="download", permissions=["export"])
    def export_file(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:recipients-export")

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifier.export_recipient")

    @action(description=_("Follower sync"), url_path="sync", icon="sync", permissions=["sync"])
    def sync(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:followers")

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifier.view_followersync")

    @action(
        description=_("Reveal"),
        url_path="reveal",
        icon="visibility",
        permissions=["reveal"],
        dialog=confirm(
            _("Show the personal data?"),
            _("For five minutes, to you alone. It is recorded that you looked."),
        ),
    )
    def reveal(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        recipient = found(self, request, object_id)
        revealed(request, recipient)
        return leave_dialog(CHANGE, recipient.pk)

    def has_reveal_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(["notifier.reveal_recipient", "notifier.view_recipient"])

    @action(description=_("Erase"), url_path="erase", icon="person_remove", permissions=["erase"])
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:recipient-erase", object_id)

    def has_erase_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(["notifier.erase_recipient", "notifier.view_recipient"])

    @admin.display(description=_("name"))
    def name_or_id(self, recipient: Recipient) -> str:
        if not recipient.is_test:
            return str(recipient)
        mark = gettext("test")
        return format_html('{} <span class="hy-mark">{}</span>', str(recipient), mark)

    @admin.display(description="OpenID")
    def masked(self, recipient: Recipient) -> str:
        return masked_openid(recipient.openid)

    @admin.display(description=_("name"))
    def name_masked(self, recipient: Recipient) -> str:
        return masked_name(recipient.name) or "–"

    @admin.display(description=_("e-mail"))
    def email_masked(self, recipient: Recipient) -> str:
        return masked_email(recipient.email) or "–"

    @admin.display(description="UnionID")
    def unionid_masked(self, recipient: Recipient) -> str:
        return masked_openid(recipient.unionid) if recipient.unionid else "–"

    @admin.display(description=_("attributes"))
    def attributes_open(self, recipient: Recipient) -> str:
        return in_words(recipient.attributes) or "–"

    @admin.display(description=_("attributes"))
    def attributes_masked(self, recipient: Recipient) -> str:
        return in_words(recipient.attributes, in_full=False) or "–"

    @admin.display(description=_("WeChat tags"))
    def tags_given(self, recipient: Recipient) -> str:
        return ", ".join(tag.name for tag in recipient.tags.all()) or "–"

    @display(description=_("state"), label=COLOURS)
    def shown_state(self, recipient: Recipient) -> tuple[str, str]:
        return recipient.state, recipient.get_state_display()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Messages refer to them: a person's data is erased instead."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, Recipient) and obj.state == RecipientState.ERASED:
            return False
        return super().has_change_permission(request, obj)
