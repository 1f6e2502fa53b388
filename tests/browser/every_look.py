"""Every page of the admin, and each state that it can be in: its name, its address, and what is
done on it before one looks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import reverse

from notifier.models import Campaign, CampaignState
from tests.admin.browsing import address
from tests.browser.campaigns import CAMPAIGNS
from tests.browser.lived_in import LivedIn
from tests.browser.looking import Viewer
from tests.browser.month import RUNS, STATES
from tests.browser.profiles import profiles

Prepare = Callable[[Viewer], None]


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    address: str
    prepare: Prepare | None = None
    status: int = 200


LISTS = {
    "log": "notifier_message",
    "campaigns": "notifier_campaign",
    "templates": "templates_app_messagetemplate",
    "versions": "templates_app_templateversion",
    "listed": "templates_app_listedtemplate",
    "recipients": "notifier_recipient",
    "segments": "notifier_segment",
    "groups": "notifier_recipientgroup",
    "suppressions": "notifier_suppression",
    "imports": "notifier_recipientimport",
    "accounts": "templates_app_officialaccount",
    "clients": "notifier_apiclient",
    "keys": "notifier_apikey",
    "endpoints": "notifier_webhookendpoint",
    "webhooks": "notifier_webhookdelivery",
    "gateways": "notifier_gateway",
    "schedules": "notifier_schedule",
    "anomalies": "notifier_anomaly",
    "silences": "notifier_silence",
    "users": "auth_user",
    "roles": "auth_group",
    "audit": "notifier_auditentry",
}
ROWS = {
    "template": ("templates", "template"),
    "template-long": ("templates", "held"),
    "template-drifted": ("templates", "drifted"),
    "template-gone": ("templates", "gone"),
    "template-empty": ("templates", "empty"),
    "version-draft": ("versions", "draft"),
    "version-review": ("versions", "review"),
    "listed": ("listed", "listed"),
    "person": ("recipients", "person"),
    "person-erased": ("recipients", "erased"),
    "segment": ("segments", "segment"),
    "group": ("groups", "group"),
    "suppression": ("suppressions", "suppression"),
    "account": ("accounts", "stopped"),
    "client": ("clients", "service"),
    "key": ("keys", "key"),
    "endpoint": ("endpoints", "endpoint"),
    "endpoint-fails": ("endpoints", "endpoint_fails"),
    "endpoint-off": ("endpoints", "endpoint_off"),
    "delivery": ("webhooks", "delivery"),
    "delivery-failed": ("webhooks", "delivery_failed"),
    "delivery-waits": ("webhooks", "delivery_waits"),
    "delivery-new": ("webhooks", "delivery_new"),
    "gateway": ("gateways", "gateway"),
    "schedule": ("schedules", "schedule"),
    "anomaly": ("anomalies", "unusual"),
    "anomaly-many": ("anomalies", "unusual_many"),
    "anomaly-silenced": ("anomalies", "unusual_silenced"),
    "anomaly-ended": ("anomalies", "unusual_ended"),
    "anomaly-left": ("anomalies", "unusual_left"),
    "anomaly-part": ("anomalies", "unusual_part"),
    "anomaly-quota": ("anomalies", "unusual_quota"),
    "anomaly-queue": ("anomalies", "unusual_queue"),
    "silence": ("silences", "silence"),
    "user": ("users", "user"),
    "role": ("roles", "role"),
    "group-of-users": ("roles", "own"),
    "audit-entry": ("audit", "change"),
    **{f"campaign-{state}": ("campaigns", f"campaign_{state}") for state in CAMPAIGNS},
    **{f"message-{state}": ("log", state) for state in STATES},
    **{f"import-{state}": ("imports", f"import_{state}") for state in RUNS},
}
MADE = (
    "campaigns",
    "templates",
    "versions",
    "recipients",
    "segments",
    "groups",
    "imports",
    "accounts",
)
MADE += ("clients", "endpoints", "gateways", "silences", "users", "roles")
SEARCHED = (
    "log",
    "campaigns",
    "templates",
    "listed",
    "recipients",
    "segments",
    "suppressions",
    "webhooks",
    "endpoints",
    "audit",
)
DELETED = {
    "delete-draft": ("versions", "draft"),
    "delete-group": ("groups", "group"),
    "delete-user": ("users", "user"),
    "delete-endpoint": ("endpoints", "endpoint"),
    "delete-suppression": ("suppressions", "suppression"),
    "delete-silence": ("silences", "silence"),
}


def looks(world: LivedIn) -> Iterator[Look]:
    for name, model in LISTS.items():
        yield Look(f"list-{name}", address(model, "changelist"))
    for name in SEARCHED:
        yield Look(f"nothing-{name}", f"{address(LISTS[name], 'changelist')}?q=nobody")
    for name in MADE:
        yield Look(f"add-{name}", address(LISTS[name], "add"))
    yield Look("add-refused", address(LISTS["accounts"], "add"), press('[name="_save"]'))
    for name, (where, row) in ROWS.items():
        yield Look(name, address(LISTS[where], "change", getattr(world, row).pk))
    for name, (where, row) in DELETED.items():
        yield Look(name, address(LISTS[where], "delete", getattr(world, row).pk))
    published = world.template.published_id
    yield Look("version-published", address(LISTS["versions"], "change", published))
    yield Look("compare", address(LISTS["versions"], "compare", world.draft.pk))
    yield Look("history", address(LISTS["templates"], "history", world.template.pk))
    yield Look("history-empty", address(LISTS["accounts"], "history", world.account.pk))
    yield from _beside(world)
    yield from _with_a_click(world)


def _beside(world: LivedIn) -> Iterator[Look]:
    """Pages that are no model's. Not django-rq's pages of single jobs, which are for engineers:
    they are in English, and need inline scripts that our headers refuse."""
    test = reverse("admin:message-test-send")
    yield Look("overview", reverse("admin:index"))
    yield Look("sending", reverse("admin:sending"))
    doctor = reverse("admin:account-doctor", args=[world.stopped.pk])
    yield Look("doctor", doctor)
    yield Look("doctor-examined", doctor, press("form[method=post] .hy-button"))
    yield Look("errcodes", reverse("admin:errcodes"))
    yield Look("errcodes-nothing", f"{reverse('admin:errcodes')}?q=nobody")
    yield Look("errcode", reverse("admin:errcode", args=[43101]))
    yield Look("errcode-unknown", reverse("admin:errcode", args=[999999]))
    campaign = f"{reverse('admin:notifier_campaign_add')}?template={world.template.pk}"
    yield Look("campaign-form", campaign)
    yield Look("campaign-refused", campaign, press('[name="_check"]'))
    draft = world.campaign_draft.pk
    yield Look("campaign-overtaken", address(LISTS["campaigns"], "change", draft), overtaken(draft))
    asking = {
        "launch": "checked",
        "approve": "submitted",
        "resume": "paused",
        "cancel": "running",
    }
    for button, state in asking.items():
        row = getattr(world, f"campaign_{state}")
        yield Look(f"campaign-ask-{button}", reverse("admin:campaign-do", args=[row.pk, button]))
    yield Look("test-send", test)
    yield Look("test-send-chosen", f"{test}?template={world.template.pk}")
    yield Look("export", reverse("admin:recipients-export"))
    yield Look("followers", reverse("admin:followers"))
    yield Look("erase", reverse("admin:recipient-erase", args=[world.person.pk]))
    yield Look("password", reverse("admin:password_change"))
    yield Look("password-done", reverse("admin:password_change_done"))
    yield Look("password-of-user", f"/admin/auth/user/{world.user.pk}/password/")
    yield Look("second-factor", reverse("second-factor"))
    yield Look("app", "/admin/notifier/")
    yield Look("queues", reverse("django_rq:home"))
    runs = profiles()
    yield Look("profiles", reverse("profiles"))
    for name, run in runs.items():
        yield Look(f"profile-{name}", reverse("profile", args=[run]))
        if name == "cpu":
            yield Look("profile-wall", reverse("profile", args=[run]) + "?time=wall&thread=0&at=0")
    yield Look("not-found", "/admin/nowhere/", status=404)


def _with_a_click(world: LivedIn) -> Iterator[Look]:
    log = address(LISTS["log"], "changelist")
    draft = address(LISTS["versions"], "change", world.draft.pk)
    person = address(LISTS["recipients"], "change", world.person.pk)
    failed = address(LISTS["log"], "change", world.failed.pk)
    endpoint = address(LISTS["endpoints"], "change", world.endpoint.pk)
    told = address(LISTS["webhooks"], "changelist")
    chosen = f"{reverse('admin:message-test-send')}?template={world.template.pk}"
    yield Look("log-filtered", f"{log}?state__exact=failed")
    yield Look("log-filters", log, press("a:has-text('filter_list')"))
    yield Look("log-chosen", log, choose_rows)
    yield Look("audit-filters", "/admin/notifier/auditentry/", press("a:has-text('filter_list')"))
    yield Look("log-repair", f"{log}?state__exact=unknown", press('[value="retry_messages"]'))
    yield Look("repair", failed, press('[value="resend_messages"]'))
    yield Look("test-send-refused", chosen, press("form[method=post] .hy-button"))
    yield Look("dialog-reveal", person, dialog("reveal"))
    yield Look("person-revealed", person, reveal)
    yield Look("dialog-send-again", endpoint, dialog("send-again"))
    yield Look("dialog-secret", endpoint, dialog("new-secret"))
    yield Look("webhooks-filters", told, press("a:has-text('filter_list')"))
    yield Look("dialog-review", draft, dialog("ask-for-review"))
    unusual = address(LISTS["anomalies"], "change", world.unusual.pk)
    yield Look("dialog-silence", unusual, dialog("silence"))
    yield Look("user-menu", reverse("admin:index"), open_user_menu)
    yield Look("search", reverse("admin:index"), search_the_menu)


def press(selector: str) -> Prepare:
    def prepare(viewer: Viewer) -> None:
        viewer.press(selector)
        viewer.page.wait_for_load_state("networkidle")

    return prepare


def overtaken(pk: int) -> Prepare:
    """A colleague hands the campaign in while somebody writes and has chosen a file."""

    def prepare(viewer: Viewer) -> None:
        rows = Campaign.objects.filter(pk=pk)
        file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"openid"}
        viewer.page.locator('input[type="file"]').set_input_files(file)  # type: ignore[arg-type]
        rows.update(state=CampaignState.SUBMITTED)
        press('[name="_draft"]')(viewer)
        rows.update(state=CampaignState.DRAFT)

    return prepare


def dialog(action: str) -> Prepare:
    def prepare(viewer: Viewer) -> None:
        viewer.act(action)
        viewer.page.locator("#dialog").wait_for(state="visible")

    return prepare


def reveal(viewer: Viewer) -> None:
    dialog("reveal")(viewer)
    viewer.press("#dialog button[type=submit]")
    viewer.page.locator('[name="email"]').wait_for(state="visible")


def choose_rows(viewer: Viewer) -> None:
    for box in viewer.page.locator("input.action-select").all()[:3]:
        box.check()


def open_user_menu(viewer: Viewer) -> None:
    if viewer.width < 1280:
        viewer.page.get_by_text("dock_to_right").filter(visible=True).first.click()
    viewer.page.get_by_text("unfold_more").filter(visible=True).first.click()


def search_the_menu(viewer: Viewer) -> None:
    viewer.page.keyboard.press("Control+k")
