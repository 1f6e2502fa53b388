"""A template of an account that nothing is known of yet."""

import pytest

from templates_app.models import MessageTemplate
from tests import builders


@pytest.fixture
def template(db: None) -> MessageTemplate:
    return builders.make_template()
