"""The sandbox: the recipients of test keys. What becomes of a message to each is fixed, and WeChat
never hears of it. Each is known by its name, as its OpenID and as its user id."""

from dataclasses import dataclass

from notifier.models.recipients import Recipient, RecipientState


@dataclass(frozen=True, slots=True)
class Fate:
    """`answers`: the errcode of each attempt, the last one of all after it; None: no answer.
    `receipt`: WeChat's words in the delivery receipt; None: none comes."""

    answers: tuple[int | None, ...] = (0,)
    receipt: str | None = None

    def answer(self, attempt: int) -> int | None:
        return self.answers[min(attempt, len(self.answers)) - 1]


SANDBOX: dict[str, Fate] = {
    "sandbox-delivered": Fate(receipt="success"),
    "sandbox-blocked": Fate(receipt="failed:user block"),
    "sandbox-system-failed": Fate(receipt="failed: system failed"),
    "sandbox-no-receipt": Fate(),
    "sandbox-unfollowed": Fate((43004,)),
    "sandbox-refuses": Fate((43101,)),
    "sandbox-invalid": Fate((40003,)),
    "sandbox-retried": Fate((-1, -1, 0), receipt="success"),
    "sandbox-lost-answer": Fate((None, 0), receipt="success"),
    "sandbox-unknown": Fate((None,)),
}


def is_sandbox(openid: str) -> bool:
    return openid in SANDBOX


def make_sandbox(account_id: int) -> None:
    """The rows of an account that are missing."""
    known = Recipient.objects.filter(account_id=account_id, openid__in=SANDBOX)
    missing = SANDBOX.keys() - set(known.values_list("openid", flat=True))
    rows = [
        Recipient(
            account_id=account_id,
            openid=name,
            user_id=name,
            name=name,
            state=RecipientState.SANDBOX,
        )
        for name in sorted(missing)
    ]
    Recipient.objects.bulk_create(rows, ignore_conflicts=True)
