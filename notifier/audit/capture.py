"""Changes of audited models record themselves while somebody acts, whatever way they are made.

Django has four ways to write rows: an instance's save (`Model.save_base`), `QuerySet.update` (and
`bulk_update`, by it), `QuerySet.bulk_create`, and deletion; and relations between many. The first
three are wrapped here, for signals know nothing of the second and third and are sent outside of
the transaction; the last two have signals that are sent within it. Without an actor each costs a
look into a variable.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.signals import m2m_changed, pre_delete

from notifier.acting import somebody_acts
from notifier.audit.record import record, recording
from notifier.audit.values import difference, name_of, names, plain
from notifier.audit.watched import Watched, rules
from notifier.models import Action

BY_ROW = 200
"""A statement that changes more rows than these is recorded as one."""


def install() -> None:
    """Once, when Django is ready."""
    watched = rules()
    _wrap(Model, "save_base", _saved, watched)
    _wrap(QuerySet, "update", _updated, watched)
    _wrap(QuerySet, "bulk_create", _created, watched)
    for model in watched:
        pre_delete.connect(_deleted, sender=model, dispatch_uid="audit")
        for relation in model._meta.local_many_to_many:
            through: Any = relation.remote_field.through
            m2m_changed.connect(_related, sender=through, dispatch_uid="audit")


def _wrap(owner: type, name: str, capture: Callable[..., Any], watched: dict[Any, Watched]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        if somebody_acts():
            model = self.model if isinstance(self, QuerySet) else type(self)
            if model._meta.concrete_model in watched:
                return capture(watched[model._meta.concrete_model], original, self, *args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(owner, name, wrapped)


def _saved(rule: Watched, original: Any, row: Any, *args: Any, **kwargs: Any) -> Any:
    model = row._meta.concrete_model
    if _only_ignored(rule, kwargs.get("update_fields")):
        return original(row, *args, **kwargs)
    with recording():
        before = _stored(model, [row.pk]) if row.pk is not None else {}
        result = original(row, *args, **kwargs)
        after = _stored(model, [row.pk])
        # Not by row.pk: it may be a text where the database has a number.
        _record(rule, next(iter(before.values()), None), next(iter(after.values()), None))
    return result


def _updated(rule: Watched, original: Any, rows: "QuerySet[Any]", **values: Any) -> int:
    model: Any = rows.model._meta.concrete_model
    if _only_ignored(rule, values):
        return int(original(rows, **values))
    with recording():
        # These and no others, should one begin to fit meanwhile.
        pks = list(rows.order_by().values_list("pk", flat=True)[: BY_ROW + 1])
        if len(pks) > BY_ROW:
            count = int(original(rows, **values))
            _record_many(Action.CHANGE, model, count, sorted(values))
            return count
        before = _stored(model, pks)
        count = int(original(rows.filter(pk__in=pks), **values))
        after = _stored(model, pks)
        for pk, row in before.items():
            _record(rule, row, after.get(pk))
    return count


def _created(rule: Watched, original: Any, rows: "QuerySet[Any]", objs: Iterable[Any], *args: Any,
             **kwargs: Any) -> Any:  # fmt: skip
    model: Any = rows.model._meta.concrete_model
    with recording():
        made = original(rows, objs, *args, **kwargs)
        known = [one.pk for one in made if one.pk is not None]
        if len(known) < len(made) or len(made) > BY_ROW:
            _record_many(Action.ADD, model, len(made), [])
        else:
            after = _stored(model, known)
            for pk in known:
                _record(rule, None, after[pk])
    return made


def _deleted(sender: type[Model], instance: Model, **_kwargs: Any) -> None:
    if not somebody_acts():
        return
    with recording():
        for row in _stored(sender, [instance.pk]).values():
            _record(rules()[sender], row, None)


def _related(
    sender: type[Model], instance: Any, action: str, reverse: bool, **_kwargs: Any
) -> None:
    """A list of names before and after. What was there is kept on the instance meanwhile."""
    if not somebody_acts():
        return
    name = _accessor(instance, sender, reverse)
    with recording():
        now = names(getattr(instance, name).all())
        if action.startswith("pre_"):
            instance._audit_before = now
        elif now != (was := instance._audit_before):
            record(
                Action.CHANGE,
                object_type=instance._meta.label_lower,
                object_id=instance.pk,
                object_name=name_of(instance),
                before={name: was},
                after={name: now},
            )


def _accessor(instance: Any, through: type[Model], reverse: bool) -> str:
    """user.groups or group.user_set, whichever side the change is made from."""
    if reverse:
        relations = instance._meta.related_objects
        return next(
            str(one.get_accessor_name())
            for one in relations
            if getattr(one, "through", None) is through
        )
    fields = instance._meta.local_many_to_many
    return next(str(one.name) for one in fields if one.remote_field.through is through)


def _only_ignored(rule: Watched, names: Iterable[str] | None) -> bool:
    """What the machine notes in passing, such as the last use of a key."""
    return names is not None and bool(chosen := set(names)) and chosen <= rule.ignored


def _stored(model: Any, pks: list[Any]) -> dict[Any, Model]:
    """As the database has them: an instance in hand can be older, or hold expressions. Locked in
    the order of their ids, as everybody who locks several does."""
    rows = model._base_manager.select_for_update().filter(pk__in=pks).order_by("pk")
    return {row.pk: row for row in rows}


def _record(rule: Watched, before: Model | None, after: Model | None) -> None:
    row = after or before
    if row is None or not any(found := difference(before, after)):
        return
    action = Action.CHANGE if before and after else Action.ADD if after else Action.DELETE
    if before and after:
        for field, (filled, emptied) in rule.named.items():
            was, now = getattr(before, field), getattr(after, field)
            if bool(was) != bool(now):
                action = filled if now else emptied
    record(
        action,
        object_type=row._meta.label_lower,
        object_id=row.pk,
        object_name=name_of(row),
        before=found[0],
        after=found[1],
    )


def _record_many(action: Action, model: type[Model], count: int, fields: list[str]) -> None:
    """The values are left out: they may be expressions, and are the same for all."""
    record(
        action,
        object_type=model._meta.label_lower,
        after=plain({"rows": count, "fields": fields} if fields else {"rows": count}),
    )
