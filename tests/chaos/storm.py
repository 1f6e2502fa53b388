"""A seeded storm: messages are accepted while everything around them fails; then all is judged.

python -m tests.chaos.storm [--messages N] [--seconds S] [--seed X]
"""

import argparse
import itertools
import math
import os
import random
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.chaos import leaks
from tests.chaos.stage import MANAGE, Stage
from tests.observability.otlp import Collector, collecting

if TYPE_CHECKING:
    from tests.chaos.callers import Ledger
    from tests.chaos.faults import Schedule
    from tests.chaos.verdict import Finding, Story

MESSAGES = 100_000
MESSAGES_A_SECOND = 300
SHORTEST_SECONDS = 24.0
HTTP_AT_LEAST = 10_000
PATIENCE_SECONDS = 300.0
"""For a token's 60 seconds of backoff, a dead request's mark of 30, and retries after those."""
SHOWN = 10


def main() -> None:
    asked = _arguments()
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: sys.exit("stopped"))
    print(f"seed {asked.seed}: {asked.messages} messages in {asked.seconds:.0f} s", flush=True)
    broken = ("-m", "tests.chaos.unfenced", "worker")
    with collecting() as collector:
        talkative = leaks.talkative(collector) if asked.hunt else None
        stage = Stage(broken if asked.break_fencing else (*MANAGE, "worker"), talkative)
        with stage:
            # Its output is the verdict.
            os.environ |= stage.environment() | {"LOG_LEVEL": "CRITICAL"}
            import django

            django.setup()
            good = Storm(stage, asked, collector).rage()
    if good and not asked.keep_logs:
        stage.forget()
    elif good:
        print(f"The logs of the processes are in {stage.folder}")
    else:
        sys.exit(f"The logs of the processes are in {stage.folder}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.storm", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--seconds", type=float, help="how long messages and faults come")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", default="", help="faults whose name contains it")
    parser.add_argument("--keep-logs", action="store_true", help="of the processes")
    parser.add_argument(
        "--hunt", action="store_true", help="look for secrets and people in what is written"
    )
    parser.add_argument("--no-dedup", action="store_true", help="WeChat forgets client_msg_id")
    parser.add_argument(
        "--break-fencing", action="store_true", help="workers ignore leases: it must be noticed"
    )
    asked = parser.parse_args()
    asked.seconds = asked.seconds or max(SHORTEST_SECONDS, asked.messages / MESSAGES_A_SECOND)
    return asked


class Storm:
    """Django is set up by now, so what needs its models is imported here."""

    def __init__(self, stage: Stage, asked: argparse.Namespace, collector: Collector) -> None:
        from django.core.management import call_command

        from tests.chaos.callers import Callers, known_to_the_simulator
        from tests.chaos.faults import FAULTS, Schedule

        self._stage = stage
        self._asked = asked
        call_command("migrate", verbosity=0, interactive=False)
        http = min(asked.messages // 2, HTTP_AT_LEAST)
        self._callers = Callers(stage, asked.seed, asked.messages, http)
        memory = {"dedup_seconds": 0} if asked.no_dedup else {}
        for template in self._callers.templates:
            account = known_to_the_simulator(template, stage.web_url, **memory)
            stage.control("POST", "/accounts", account)
        stage.control("POST", "/receipts", {"median_ms": 300})
        kinds = [kind for kind in FAULTS if asked.only in kind]
        accounts = self._callers.accounts
        self._schedule = Schedule(stage, asked.seed, asked.seconds, accounts, kinds)
        self._hunt = leaks.Hunt(stage, self._callers, collector) if asked.hunt else None

    def rage(self) -> bool:
        """True when nothing was found."""
        from tests.chaos import evidence, verdict

        stage, asked = self._stage, self._asked
        stage.start_players()
        if self._hunt:
            self._hunt.start()
        started = time.monotonic()
        accepting = threading.Thread(
            target=self._callers.run, args=(asked.seconds, PATIENCE_SECONDS), name="callers"
        )
        accepting.start()
        try:
            self._schedule.run()
        except BaseException:
            self._callers.stop()
            raise
        finally:
            accepting.join()
        accepted_after = time.monotonic() - started
        print("accepted; until every message is final", flush=True)
        self._wait_until_final()
        took = time.monotonic() - started
        self._wait_for_receipts()
        found = self._hunt.end() if self._hunt else []
        exits = stage.ended_by_themselves()
        stage.end_players()
        stories = evidence.stories(stage)
        findings = verdict.judge(self._callers.ledger.accepted, stories)
        _print_faults(self._schedule)
        _print_outcome(self._callers.ledger, stories)
        _print_wechat(stage)
        print(f"restarted by the supervisor, killed by nobody: {len(exits) or 'none'}")
        for player in exits:
            print(f"{player.name}, {player.ended_by_itself} times; before the last one:")
            print(player.last_words)
        if stage.not_ended:
            print(f"did not end when asked: {', '.join(stage.not_ended)}")
        print(
            f"duration: {took:.0f} s (accepted after {accepted_after:.0f} s), "
            f"{asked.messages / took:.0f} messages/s"
        )
        nothing_found = _print_verdict(self._callers.ledger, stories, findings)
        if self._hunt:
            print(f"leaked or not looked at = {len(found)}")
        for one in found:
            print(one)
        return nothing_found and not found and len(self._callers.ledger.accepted) == asked.messages

    def _wait_until_final(self) -> None:
        from notifier.models import Message
        from tests.chaos.verdict import FINAL

        waiting = Message.objects.exclude(state__in=[state.value for state in FINAL])
        left = [math.inf]

        def counted() -> bool:
            left.append(waiting.count())
            return True

        while True:
            before = left[-1]
            _wait(lambda: not waiting.exists(), PATIENCE_SECONDS)
            _wait(counted, PATIENCE_SECONDS)
            if not 0 < left[-1] < before:  # a slow machine gets on, too
                return

    def _wait_for_receipts(self) -> None:
        """Lost ones are not waited for: only those under way."""
        from django.utils import timezone

        from notifier.models import Push

        def none_under_way() -> bool:
            counters = [one["counters"] for one in self._stage.control("GET", "/state")["accounts"]]
            due = Push.objects.filter(due_at__lte=timezone.now())
            return not any(one["receipts_pending"] for one in counters) and not due.exists()

        _wait(none_under_way, 30)


def _wait(condition: Any, seconds: float) -> None:
    from django.db import Error, connection

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except Error:
            connection.close()
        time.sleep(0.3)


def _print_faults(schedule: "Schedule") -> None:
    print(f"faults: {sum(schedule.struck.values())}")
    for kind, count in schedule.struck.items():
        held = f"   (held {schedule.held[kind]} rows)" if kind in schedule.held else ""
        print(f"  {count:4}  {kind}{held}")


def _print_outcome(ledger: "Ledger", stories: "dict[str, Story]") -> None:
    http = sum(key.startswith("http") for key in ledger.accepted)
    print(
        f"accepted: {len(ledger.accepted)} ({http} through HTTP, "
        f"{len(ledger.accepted) - http} directly; {ledger.repeated} requests repeated)"
    )
    states = Counter(str(story.state) for story in stories.values())
    print("final: " + ", ".join(f"{state} {count}" for state, count in states.most_common()))


def _print_wechat(stage: Stage) -> None:
    """What the faults came to: repeated calls, refused ones, new tokens."""
    total: Counter[str] = Counter()
    for account in stage.control("GET", "/state")["accounts"]:
        counters = account["counters"]
        refused = counters.pop("rejected")
        total.update(counters)
        total.update({f"refused {code}": count for code, count in refused.items()})
    print("WeChat: " + ", ".join(f"{name} {count}" for name, count in total.items() if count))


def _print_verdict(
    ledger: "Ledger", stories: "dict[str, Story]", findings: "list[Finding]"
) -> bool:
    from tests.chaos.verdict import Flaw, Story, counted

    numbers = counted(findings)
    print(", ".join(f"{flaw} = {numbers[flaw]}" for flaw in Flaw))
    wrong: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        wrong[finding.message_id].append(f"{finding.flaw}: {finding.text}")
    for message_id, texts in itertools.islice(wrong.items(), SHOWN):
        story = stories.get(message_id, Story())
        print(f"\n{message_id} ({story.key})")
        for line in [*texts, *story.events, *map(_card_line, story.cards)]:
            print(f"    {line}")
    for key, answer in list(ledger.not_accepted.items())[:SHOWN]:
        print(f"\n{key} was not accepted: {answer}")
    return not findings


def _card_line(card: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(card["received_at"], UTC)
    told = {name: card[name] for name in ("msgid", "requests", "delivered", "receipt")}
    return f"{at:%H:%M:%S.%f} WeChat      {told}"


if __name__ == "__main__":
    main()
