"""Logins, and the groups that say what they may do. The roles are groups that the code keeps."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from notifier.access import second_factor
from notifier.access.roles import ROLES
from notifier.admin import permissions
from notifier.models import Authenticator
from templates_app.access import NEVER_LIMITED, limit
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.limited import LimitedAdmin
from templates_app.models import AccountAccess, OfficialAccount

for model in (User, Group, StaticDevice):  # it shows its codes
    admin.site.unregister(model)


def in_words(group: Group) -> str:
    """A role by its name in the reader's language, and what it may do."""
    if role := ROLES.get(group.name):
        return f"{gettext(role.title)}: {gettext(role.may)}"
    return group.name


class PersonForm(UserChangeForm):
    accounts = forms.ModelMultipleChoiceField(
        OfficialAccount.objects.defer("app_secret").order_by("name"),
        label=_("Accounts"),
        required=False,
        help_text=_(
            "None chosen: all accounts. Who has some sees and changes only what belongs to them, "
            "and sees no users, API clients, queues and audit trail. Superusers and administrators "
            "are never limited."
        ),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = OfficialAccount.objects.filter(accountaccess__user=self.instance.pk)
        self.initial["accounts"] = list(own.values_list("pk", flat=True))
        # Of the password it says that it is kept, and not by which algorithm and salt.
        if "password" in self.fields:
            self.fields["password"].widget.template_name = "notifier/password.html"


@admin.register(User)
class UserAdmin(DjangoUserAdmin, LimitedAdmin):  # type: ignore[type-arg]
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        *("username", "roles", "limited_to", "is_active", "has_second_factor", "last_login"),
    )
    list_filter = ("is_active", "groups")
    readonly_fields = ("limited_to",)
    filter_horizontal = ()
    actions_detail = ("remove_second_factor",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        devices = Authenticator.objects.filter(user=OuterRef("pk"), confirmed=True)
        accounts = Prefetch("account_access__accounts", OfficialAccount.objects.only("name"))
        users = super().get_queryset(request).prefetch_related("groups", accounts)
        return users.annotate(with_factor=Exists(devices))

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        names = [_title(group.name) for group in user.groups.all()]
        return ", ".join([gettext("Superuser")] * user.is_superuser + names) or "–"

    @admin.display(description=_("accounts"))
    def limited_to(self, user: User) -> str:
        if user.is_superuser or NEVER_LIMITED in [group.name for group in user.groups.all()]:
            return gettext("all")
        access: AccountAccess | None = getattr(user, "account_access", None)
        if access is None:
            return gettext("all")
        return ", ".join(str(account) for account in access.accounts.all()) or "–"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The accounts stand beside the groups."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        name = "accounts" if self.has_change_permission(request, obj) else "limited_to"
        return [
            (title, part | {"fields": _with(name, "groups", part["fields"])})
            for title, part in fieldsets
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "accounts" in form.changed_data:
            limit(form.instance, form.cleaned_data["accounts"])

    @display(description=_("second factor"), boolean=True)
    def has_second_factor(self, user: Any) -> bool:
        return bool(user.with_factor)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "groups" and field:
            field.label_from_instance = in_words
        return _as_boxes(db_field, field)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The login itself: that its second factor and its memberships go with it is no news."""
        _all, _counts, needed, kept = super().get_deleted_objects(objs, request)
        return [str(one) for one in objs], {capfirst(_("users")): len(objs)}, needed, kept

    @action(
        description=_("Remove second factor"),
        url_path="remove-second-factor",
        icon="phonelink_erase",
        permissions=["remove_second_factor"],
        dialog=confirm(
            _("Remove the second factor?"),
            _(
                "The next login needs only the password, until another one is set up. Make sure "
                "that it is really this person who asks."
            ),
        ),
    )
    def remove_second_factor(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        user = found(self, request, object_id)
        if second_factor.remove(user):
            self.message_user(request, gettext("The second factor is removed."), messages.SUCCESS)
        return leave_dialog("admin:auth_user_change", object_id)

    def has_remove_second_factor_permission(
        self, request: HttpRequest, object_id: Any = None
    ) -> bool:
        """Shown where there is one."""
        able = request.user.has_perm("auth.change_user")
        user = User.objects.filter(pk=object_id).first() if able and object_id else None
        return able and (object_id is None or (user is not None and second_factor.has_one(user)))


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, LimitedAdmin):
    list_display = ("shown", "may")
    filter_horizontal = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Of a role the permissions are a text, as all that can only be read."""
        is_kept = obj is not None and not self.has_change_permission(request, obj)
        return ("shown", "may", "permissions_held") if is_kept else ("name", "permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("shown", "may", "permissions_held")

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return _as_boxes(db_field, field)

    @admin.display(description=_("permissions"))
    def permissions_held(self, group: Group) -> str:
        held = permissions.meant(group.permissions.all())
        return "\n".join(permissions.in_words(one) for one in held) or "–"

    @admin.display(description=_("name"), ordering="name")
    def shown(self, group: Group) -> str:
        return _title(group.name)

    @admin.display(description=_("what it may do"))
    def may(self, group: Group) -> str:
        role = ROLES.get(group.name)
        return gettext(role.may) if role else gettext("a group of your own")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Roles are kept by the code (notifier/access/roles.py): a change would not last."""
        is_role = obj is not None and obj.name in ROLES
        return not is_role and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_role = obj is not None and obj.name in ROLES
        return not is_role and super().has_delete_permission(request, obj)


def _as_boxes(db_field: Any, field: Any) -> Any:
    """A box for each, and all of them to be seen: Django's pair of lists needs a wide window."""
    if field:
        field.widget = UnfoldAdminCheckboxSelectMultipleWidget(choices=field.choices)
        field.help_text = ""  # Django's tells of keys to hold down
    if db_field.name in ("permissions", "user_permissions") and field:
        field.label_from_instance = permissions.in_words
        field.queryset = permissions.meant(field.queryset)
    return field


def _title(name: str) -> str:
    role = ROLES.get(name)
    return gettext(role.title) if role else name


def _with(name: str, beside: str, fields: Any) -> list[Any]:
    return [one for field in fields for one in ((field, name) if field == beside else (field,))]
