"""What would break a service between two OpenAPI documents: pure.

python -m tests.api.contract_changes [--breaking]: keeps the document of now as the published one
(openapi.json); without --breaking it refuses what breaks.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).with_name("openapi.json")
Json = dict[str, Any]


def breaking(old: Json, new: Json) -> list[str]:
    """Each as a sentence. What is added breaks nobody, if a request need not have it."""
    return list(_operations(old, new))


def _operations(old: Json, new: Json) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            where = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{where} is gone"
                continue
            yield from _parameters(where, before, after)
            yield from _requests(where, _Side(old, before), _Side(new, after))
            yield from _answers(where, _Side(old, before), _Side(new, after))


class _Side:
    """One operation in its document."""

    def __init__(self, document: Json, operation: Json) -> None:
        self.document, self.operation = document, operation

    def whole(self, schema: Json) -> Json:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def bodies(self) -> Json:
        return dict(self.operation.get("requestBody", {}).get("content", {}))

    def answers(self) -> dict[tuple[str, str], Json]:
        return {
            (status, media): content["schema"]
            for status, told in self.operation["responses"].items()
            if status < "400"
            for media, content in told.get("content", {"": {"schema": {}}}).items()
        }


def _parameters(where: str, old: Json, new: Json) -> Iterator[str]:
    before, after = (
        {(one["in"], one["name"]): one for one in side.get("parameters", [])} for side in (old, new)
    )
    for key in before.keys() - after.keys():
        yield f"{where}: the {key[0]} parameter {key[1]} is gone"
    for key in after.keys() - before.keys():
        if after[key].get("required"):
            yield f"{where}: the {key[0]} parameter {key[1]} is demanded"


def _requests(where: str, old: _Side, new: _Side) -> Iterator[str]:
    before, after = old.bodies(), new.bodies()
    for media, content in before.items():
        if media not in after:
            yield f"{where}: takes no {media} any more"
            continue
        yield from _taken(
            f"{where}: the request", old, content["schema"], new, after[media]["schema"], ()
        )


def _taken(
    where: str, old: _Side, before: Json, new: _Side, after: Json, seen: tuple[str, ...]
) -> Iterator[str]:
    name = before.get("$ref", "")
    if name in seen:
        return
    before, after = old.whole(before), new.whole(after)
    if _kinds(old, before) - _kinds(new, after):
        yield f"{where} may not be {', '.join(sorted(_kinds(old, before) - _kinds(new, after)))}"
    if gone := set(before.get("enum", [])) - set(after.get("enum", before.get("enum", []))):
        yield f"{where} may not be {', '.join(map(str, sorted(gone)))}"
    for field in set(after.get("required", [])) - set(before.get("required", [])):
        yield f"{where} must have {field}"
    fields, now = before.get("properties", {}), after.get("properties", {})
    for field, schema in fields.items():
        if field not in now:
            yield f"{where} may have no {field}"
        else:
            yield from _taken(
                f"{where}.{field}", old, schema, new, now[field], (*seen, name) if name else seen
            )


def _answers(where: str, old: _Side, new: _Side) -> Iterator[str]:
    before, after = old.answers(), new.answers()
    for key, schema in before.items():
        if key not in after:
            yield f"{where}: answers {key[0]} {key[1]} no more".rstrip()
        else:
            yield from _given(f"{where}: the answer", old, schema, new, after[key], ())


def _given(
    where: str, old: _Side, before: Json, new: _Side, after: Json, seen: tuple[str, ...]
) -> Iterator[str]:
    name = before.get("$ref", "")
    if name in seen:
        return
    before, after = old.whole(before), new.whole(after)
    if added := _kinds(new, after) - _kinds(old, before):
        yield f"{where} may now be {', '.join(sorted(added))}"
    for field in set(before.get("required", [])) - set(after.get("required", [])):
        yield f"{where} may lack {field}"
    inner = (*seen, name) if name else seen
    now = after.get("properties", {})
    for field, schema in before.get("properties", {}).items():
        if field not in now:
            yield f"{where} has no {field}"
        else:
            yield from _given(f"{where}.{field}", old, schema, new, now[field], inner)
    if "items" in before and "items" in after:
        yield from _given(f"{where}[]", old, before["items"], new, after["items"], inner)


def _kinds(side: _Side, schema: Json) -> set[str]:
    """The JSON types that a value may have; empty: any."""
    schema = side.whole(schema)
    if "anyOf" in schema:
        return {kind for one in schema["anyOf"] for kind in _kinds(side, one)}
    if "enum" in schema:
        return {"string"}
    return {schema["type"]} if "type" in schema else set()


def main() -> None:
    import django

    django.setup()
    from notifier.api.contract.pages import document

    new = json.loads(document())
    old = json.loads(PUBLISHED.read_text()) if PUBLISHED.exists() else {"paths": {}}
    if "--breaking" not in sys.argv and (found := breaking(old, new)):
        raise SystemExit("\n".join(found))
    PUBLISHED.write_text(json.dumps(new, ensure_ascii=False, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
