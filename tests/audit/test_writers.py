"""Two who write at once: the chain does not fork, and neither waits for ever."""

from notifier.acting import Actor, acting
from notifier.audit.record import record
from notifier.audit.verify import Verification
from templates_app.models import MessageTemplate
from tests import builders
from tests.audit.conftest import trail
from tests.threads import at_once

WRITERS = 4
EACH = 10


def test_the_chain_does_not_fork(transactional_db: None) -> None:
    def write(number: int) -> None:
        for count in range(EACH):
            record("change", object_name=f"{number}-{count}")

    at_once(WRITERS, write)
    assert len(trail()) == WRITERS * EACH
    assert list(Verification().problems()) == []


def test_changes_of_the_same_rows_do_not_wait_for_each_other_for_ever(
    transactional_db: None,
) -> None:
    """Each changes both rows, in opposite orders: only the order of the locks keeps them apart."""
    rows = [builders.make_template(), builders.make_template()]

    def write(number: int) -> None:
        with acting(lambda: Actor("user", f"writer-{number}")):
            for count in range(EACH):
                for row in rows if number % 2 else reversed(rows):
                    MessageTemplate.objects.filter(pk=row.pk).update(name=f"{number}-{count}")

    at_once(WRITERS, write)
    assert len(trail()) >= EACH
    assert list(Verification().problems()) == []
