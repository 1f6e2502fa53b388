"""Schemathesis asks every operation of the document what fits it and what does not: no server
error, and no answer that is not documented. More of it: SCHEMATHESIS_EXAMPLES=500."""

import json
import os
from contextlib import closing
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from config.wsgi import application
from notifier.models import ApiKey, Campaign, Message, Schedule, Scope
from tests import builders
from tests.campaigns.campaigning import a_group, make_campaign

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "10"))
checks.load_all_checks()
CHECKS = checks.CHECKS.get_by_names(
    [
        *("not_a_server_error", "status_code_conformance"),
        *("content_type_conformance", "response_schema_conformance"),
    ]
)
pytestmark = pytest.mark.skipif(
    os.environ.get("HONGYAN_TEST_DATABASE") != "postgresql",
    reason="one database is enough: the pickier one",
)


def closed(environ: Any, start_response: Any) -> list[bytes]:
    """Schemathesis' client leaves a streamed answer open; every WSGI server closes it."""
    with closing(application(environ, start_response)) as answer:
        return [b"".join(answer)]


schema = schemathesis.openapi.from_wsgi("/api/schema/", closed)


@schemathesis.serializer("application/x-ndjson")
def as_lines(_context: Any, value: Any) -> bytes:
    return b"\n".join([json.dumps(value).encode()] * 2)


class World:
    """A row behind every address, and a key that may do everything."""

    def __init__(self) -> None:
        template = builders.make_template()
        group = a_group(template.account, 3)
        person = group.recipients.first()
        service = builders.make_client()
        self.key = service.make_key(scopes=Scope.values)
        message = builders.make_message(template, person)
        Message.objects.filter(pk=message.pk).update(client=service)
        campaign = make_campaign(template, group=group, client=service)
        schedule = Schedule.objects.create(
            client=service,
            account=template.account,
            recipient=person,
            name="weekly",
            template=template.code,
            request={"data": builders.DATA},
            cron="0 9 * * mon",
            zone="Asia/Shanghai",
        )
        self.known = {
            "message_id": message.pk.hex,
            "code": template.code,
            "account": template.account.slug,
            "openid": person.openid,
            "campaigns": campaign.pk,
            "schedules": schedule.pk,
        }

    def fill(self, case: Any) -> None:
        """Every other request is about a row that there is."""
        if hash(str(case.body)) % 2:
            return
        for name in case.path_parameters or {}:
            room = case.path.split("/")[3]
            value = self.known.get(room if name == "id" else name)
            if value is not None:
                case.path_parameters[name] = value


@pytest.fixture
def world(transactional_db: None) -> World:
    return World()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation(case: Any, world: World) -> None:
    world.fill(case)
    case.call_and_validate(headers={"Authorization": f"Bearer {world.key}"}, checks=CHECKS)
    assert ApiKey.objects.count() == 1
    assert Campaign.objects.exists()
