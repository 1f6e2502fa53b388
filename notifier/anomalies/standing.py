"""The life of an anomaly: suspected, open, ended. One bad window is suspected, two in a row open it
(a very large one does at once), two good ones end it."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.anomalies.grouping import ACCOUNT, about_account, subject, templates_of
from notifier.anomalies.judgement import JOINED, Verdict
from notifier.anomalies.telling import tell
from notifier.models import Anomaly, AnomalyState, EventType, Measure, Silence
from notifier.models.anomalies import LIVE, Ending

IN_A_ROW = 2
FORGOTTEN = 2 * JOINED
"""Windows without a judgement, after which nobody looks at it any more: hardly anything is sent."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is judged: `now` is when it is told."""

    begins: datetime
    ends: datetime
    now: datetime

    @property
    def width(self) -> timedelta:
        return self.ends - self.begins


class Standing:
    """What goes on in an account about a measure. In a transaction that nobody else judges in."""

    def __init__(self, account_id: int, measure: Measure, live: Iterable[Anomaly]) -> None:
        self.account_id, self.measure = account_id, measure
        self.live = {one.template_id or ACCOUNT: one for one in live}

    def advance(
        self, verdicts: Mapping[int, Verdict], window: Window, silences: list[Silence]
    ) -> None:
        """`verdicts`: by template, ACCOUNT for all of it; those that nothing can be said of are
        left out."""
        about = subject(verdicts, ACCOUNT in self.live)
        touched = {about} if about is not None else set[int]()
        if about == ACCOUNT:
            self._worsen(ACCOUNT, about_account(verdicts), window, templates_of(verdicts)[0])
            touched |= self._take_in(window)
        elif about is not None:
            self._worsen(about, verdicts[about], window, [])
        for key in [*self.live]:
            if key not in touched:
                self._look_again(key, verdicts, window)
        well = {pk for pk, verdict in verdicts.items() if verdict.is_good}
        for one in self.live.values():
            self._tell(one, window.now, silences, well)

    def leave(self, now: datetime, silences: list[Silence]) -> None:
        """Nothing is judged any more."""
        for one in [*self.live.values()]:
            self._end(one, Ending.NOT_JUDGED, now)
        for one in self.live.values():
            self._tell(one, now, silences, set())

    def _worsen(self, key: int, verdict: Verdict, window: Window, templates: list[int]) -> None:
        one = self.live.get(key) or self._suspect(key, verdict, window)
        one.bad_in_a_row, one.good_in_a_row = one.bad_in_a_row + 1, 0
        one.seen_at, one.unjudged_in_a_row = window.ends, 0
        one.templates = [*one.templates, *(pk for pk in templates if pk not in one.templates)]
        one.value, one.worst = verdict.value, max(one.worst, verdict.value)
        one.count, one.facts = verdict.count, verdict.facts
        if verdict.usual is not None or one.usual is None:  # else it would forget what was usual
            one.usual, one.limit = verdict.usual, verdict.limit
            one.basis, one.points = verdict.basis, verdict.points
        if one.bad_in_a_row >= IN_A_ROW or verdict.is_large:
            one.state = AnomalyState.OPEN
        one.save()

    def _suspect(self, key: int, verdict: Verdict, window: Window) -> Anomaly:
        """Of the account: a window that was suspected of a template counts."""
        before = list(self.live.values()) if key == ACCOUNT else []
        one = Anomaly(
            account_id=self.account_id,
            template_id=key or None,
            measure=self.measure,
            begun_at=min([window.begins, *(other.begun_at for other in before)]),
            bad_in_a_row=max((other.bad_in_a_row for other in before), default=0),
            worst=verdict.value,
        )
        self.live[key] = one
        return one

    def _take_in(self, window: Window) -> set[int]:
        """Once the account's is open, its templates' own are part of it: those that were open."""
        whole = self.live[ACCOUNT]
        if whole.state != AnomalyState.OPEN:
            return set()
        taken = self.live.keys() - {ACCOUNT}
        for key in taken:
            one = self.live.pop(key)
            if one.state == AnomalyState.PENDING:
                one.delete()
                continue
            whole.begun_at = min(whole.begun_at, one.begun_at)
            if key not in whole.templates:
                whole.templates = [*whole.templates, key]
            one.part_of, one.mail_due = whole, None
            _end(one, Ending.TAKEN_IN, window.ends)
        whole.save()
        return taken

    def _look_again(self, key: int, verdicts: Mapping[int, Verdict], window: Window) -> None:
        one = self.live[key]
        concerned = [key] if key != ACCOUNT else [ACCOUNT, *one.templates]
        judged = [verdicts[pk] for pk in concerned if pk in verdicts]
        if not judged:
            one.unjudged_in_a_row += 1
            if one.unjudged_in_a_row > FORGOTTEN:
                self._end(one, Ending.NOT_JUDGED, window.ends)
            else:
                one.save(update_fields=["unjudged_in_a_row"])
            return
        one.unjudged_in_a_row = 0
        if any(verdict.is_bad for verdict in judged):
            one.seen_at, one.good_in_a_row = window.ends, 0
            one.bad_in_a_row += 1
        elif all(verdict.is_good for verdict in judged):
            one.good_in_a_row, one.bad_in_a_row = one.good_in_a_row + 1, 0
            if one.state == AnomalyState.PENDING or one.good_in_a_row >= IN_A_ROW:
                self._end(one, Ending.USUAL, window.ends)
                return
        one.save()

    def _end(self, one: Anomaly, why: Ending, at: datetime) -> None:
        if one.state == AnomalyState.PENDING:
            self.live.pop(one.template_id or ACCOUNT)
            one.delete()
            return
        _end(one, why, at)

    def _tell(
        self, one: Anomaly, now: datetime, silences: list[Silence], well: Container[int]
    ) -> None:
        """Of one that was silenced, when the silence is over and it goes on; that it ended, only
        whom it was told that it began: services, which may hold something back until then, also
        in a silence."""
        if one.state == AnomalyState.PENDING:
            return
        one.is_silenced = any(silence.fits(one) for silence in silences)
        if one.state == AnomalyState.OPEN and one.told_at is None and not one.is_silenced:
            one.told_at, one.told_of = now, one.concerned
            tell(one, EventType.ANOMALY_RAISED, now)
        elif one.state == AnomalyState.ENDED and one.told_at is not None:
            tell(one, EventType.ANOMALY_ENDED, now, by_mail=not one.is_silenced)
        if one.state == AnomalyState.ENDED:
            _tell_of_parts(one, now, well)
        one.save()


def _end(one: Anomaly, why: Ending, at: datetime) -> None:
    one.state, one.ended_at, one.ended_because = AnomalyState.ENDED, at, why
    one.save()


def _tell_of_parts(whole: Anomaly, now: datetime, well: Container[int]) -> None:
    """What an account's took in ends with it, for services: a key limited to one template may have
    heard of the part alone. It is as usual only if its template is seen to be `well`."""
    for part in whole.parts.filter(told_at__isnull=False).order_by("pk"):
        why = whole.ended_because if part.template_id in well else Ending.NOT_JUDGED
        part.ended_at, part.ended_because = whole.ended_at, why
        tell(part, EventType.ANOMALY_ENDED, now, by_mail=False)


def standings() -> dict[tuple[int, str], list[Anomaly]]:
    """All that goes on, by account and measure."""
    found: dict[tuple[int, str], list[Anomaly]] = {}
    for one in Anomaly.objects.filter(state__in=LIVE).select_related("account", "template"):
        found.setdefault((one.account_id, one.measure), []).append(one)
    return found
