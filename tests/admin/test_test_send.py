"""Send a test: from the admin's form to WeChat, and what the form says when it is refused."""

from collections.abc import Callable

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.http import HttpResponse
from django.test import Client

from notifier.models import Message, Recipient, RecipientState, State
from templates_app.models import MessageTemplate
from tests import builders
from tests.admin.browsing import address, html, lands_on, text
from tests.admin.conftest import StaffMaker
from tests.conftest import Platform

PAGE = "/admin/notifier/message/test-send/"
GIVEN = {f"data-{name}": value for name, value in builders.DATA.items()}
Work = Callable[[], None]


def send(client: Client, template: MessageTemplate, **values: str) -> HttpResponse:
    """`recipient`: their user id."""
    where = f"{PAGE}?template={template.pk}"
    person = Recipient.objects.filter(user_id=values["recipient"]).first()
    values["recipient"] = str(person.pk) if person else values["recipient"]
    assert client.get(where).status_code == 200
    return client.post(where, GIVEN | values, follow=True)


def beside(response: HttpResponse) -> dict[str, list[str]]:
    """What the form says, by input; all of it stands on the page."""
    assert response.status_code == 200
    errors = {name: list(texts) for name, texts in response.context["form"].errors.items()}
    said = text(response)
    assert all(one in said for texts in errors.values() for one in texts)
    return errors


def test_a_test_reaches_wechat_and_leads_to_its_page(
    root: Client, platform: Platform, work: Work
) -> None:
    recipient = platform.recipient(user_id="u-1", is_test=True)
    answer = send(root, platform.template, recipient="u-1")
    message = Message.objects.get()
    assert lands_on(answer) == address("notifier_message", "change", message.pk)
    assert "Accepted. Reload this page to follow it." in text(answer)
    work()
    (card,) = platform.received()
    assert card["openid"] == recipient.openid
    assert card["data"]["thing2"] == {"value": "云南白茶"}
    message.refresh_from_db()
    assert message.state == State.SENT
    assert "WeChat accepted it" in text(root.get(lands_on(answer)))


def test_a_test_overtakes_the_queue_and_says_who_asked(
    staff: StaffMaker, platform: Platform
) -> None:
    platform.recipient(user_id="u-1", is_test=True)
    operator = staff("notifier.add_message", "notifier.view_message")
    send(operator, platform.template, recipient="u-1")
    message = Message.objects.get()
    assert message.get_priority_display() == "urgent"
    assert message.requested_by.startswith("staff-")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.action_flag) == (str(message.pk), ADDITION)
    assert entry.user.username == message.requested_by


@pytest.fixture
def template(db: None) -> MessageTemplate:
    template = builders.make_template(url="https://example.com/{{ shop }}")
    builders.make_recipient(template.account, user_id="u-1", is_test=True)
    return template


def test_the_form_asks_for_each_variable_and_for_the_person(
    root: Client, template: MessageTemplate
) -> None:
    shown = html(root.get(f"{PAGE}?template={template.pk}"))
    for name in ("recipient", *GIVEN, "data-shop"):
        assert f'name="{name}"' in shown, name


def test_only_templates_with_a_published_version_are_offered(
    root: Client, template: MessageTemplate
) -> None:
    draft = MessageTemplate.objects.create(account=template.account, code="draft", name="Draft")
    builders.make_version(draft)
    shown = root.get(PAGE)
    assert f"({template.code})" in text(shown)
    assert "(draft)" not in text(shown)
    assert 'name="recipient"' not in html(root.get(f"{PAGE}?template={draft.pk}"))


@pytest.mark.parametrize("chosen", ["", "x", "-1", "9" * 40, "9" * 5_000, "²"])
def test_a_template_that_is_none_shows_the_choice(root: Client, db: None, chosen: str) -> None:
    assert root.get(PAGE, {"template": chosen}).status_code == 200
    assert root.post(f"{PAGE}?template={chosen}", {"recipient": "u-1"}).status_code == 200
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"recipient": ""}, {"recipient": ["This field is required."]}),
        (
            {"recipient": "nobody"},
            {
                "recipient": [
                    "Select a valid choice. That choice is not one of the available choices."
                ]
            },
        ),
        (
            {"data-product": "长" * 21},
            {"data-product": ["At most 20 characters are allowed; this has 21."]},
        ),
        ({"data-order_no": ""}, {"data-order_no": ["The value is empty."]}),
        (
            {"data-at": "soon", "data-product": ""},
            {
                "data-at": ["Not a time such as 15:01, 2026-10-01 15:01 or 15:01~16:30."],
                "data-product": ["The value is empty."],
            },
        ),
    ],
)
def test_a_refusal_stands_beside_the_input_that_it_is_about(
    root: Client, template: MessageTemplate, given: dict[str, str], errors: dict[str, list[str]]
) -> None:
    given = {"recipient": "u-1", "data-shop": "a"} | given
    assert beside(send(root, template, **given)) == errors
    assert not Message.objects.exists()
    assert not LogEntry.objects.exists()


def test_what_was_typed_stays_when_it_is_refused(root: Client, template: MessageTemplate) -> None:
    answer = send(root, template, recipient="u-1", **{"data-product": "长" * 21})
    assert f'value="{"长" * 21}"' in html(answer)


def test_a_fault_of_several_variables_names_the_field(root: Client, db: None) -> None:
    patterns = builders.PATTERNS | {"thing2": "{{ product }}{{ order_no }}"}
    template = builders.make_template(patterns=patterns)
    builders.make_recipient(template.account, user_id="u-1", is_test=True)
    answer = send(root, template, recipient="u-1", **{"data-product": "长" * 20})
    assert beside(answer) == {"__all__": ["商品: At most 20 characters are allowed; this has 26."]}


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (RecipientState.UNFOLLOWED, "The recipient does not follow the account."),
        (RecipientState.REFUSED, "The recipient refuses messages from the account."),
        (RecipientState.BLACKLISTED, "The account has blacklisted the recipient."),
    ],
)
def test_a_person_who_gets_no_messages_is_refused(
    root: Client, template: MessageTemplate, state: str, problem: str
) -> None:
    builders.make_recipient(template.account, user_id="u-2", state=state, is_test=True)
    answer = send(root, template, recipient="u-2", **{"data-shop": "a"})
    assert beside(answer) == {"recipient": [problem]}


def test_an_account_that_is_switched_off_is_told(root: Client, template: MessageTemplate) -> None:
    template.account.is_active = False
    template.account.save()
    answer = send(root, template, recipient="u-1", **{"data-shop": "a"})
    assert beside(answer) == {"__all__": ["The template's account is switched off."]}


def test_refusals_are_told_in_chinese(root: Client, template: MessageTemplate) -> None:
    root.cookies["django_language"] = "zh-hans"
    answer = send(root, template, recipient="u-1", **{"data-product": "长" * 21})
    assert "20" in beside(answer)["data-product"][0]
    assert "characters" not in beside(answer)["data-product"][0]
