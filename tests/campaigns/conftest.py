"""A template that can be sent."""

import pytest

from templates_app.models import MessageTemplate
from tests import builders


@pytest.fixture
def template(transactional_db: None) -> MessageTemplate:
    return builders.make_template()
