"""What one tells together: several templates of an account are the account's anomaly. Pure."""

from collections.abc import Mapping

from notifier.anomalies.judgement import Verdict

ACCOUNT = 0
"""In place of a template's id: the account as a whole."""


def subject(verdicts: Mapping[int, Verdict], account_has_one: bool) -> int | None:
    """Of what it is told: the account, one template; None: nothing is unusual. `account_has_one`:
    one of the account goes on, and takes in whatever else is unusual."""
    bad, good = templates_of(verdicts)
    whole = verdicts.get(ACCOUNT)
    whole_is_bad = whole is not None and whole.is_bad
    if not bad and not whole_is_bad:
        return None
    if account_has_one or len(bad) != 1:
        return ACCOUNT
    # One template is so much of the account that it shows there, too; the others are well.
    return bad[0] if good or not whole_is_bad else ACCOUNT


def templates_of(verdicts: Mapping[int, Verdict]) -> tuple[list[int], list[int]]:
    """(the unusual ones, the worst first; those that are well)"""
    own = {pk: one for pk, one in verdicts.items() if pk != ACCOUNT}
    bad = sorted((pk for pk in own if own[pk].is_bad), key=lambda pk: -own[pk].value)
    return bad, [pk for pk in own if own[pk].is_good]


def about_account(verdicts: Mapping[int, Verdict]) -> Verdict:
    """Its own numbers where they are unusual, else those of the worst template."""
    whole = verdicts.get(ACCOUNT)
    if whole is not None and whole.is_bad:
        return whole
    return verdicts[templates_of(verdicts)[0][0]]
