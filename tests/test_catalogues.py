"""Every text that a person reads exists in Chinese."""

import re

from babel.messages.mofile import read_mo

from tests.catalogues import MO, catalogue, texts, untranslated

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\}")


def test_every_text_has_a_translation():
    assert untranslated() == []


def test_nothing_is_translated_that_nobody_reads():
    assert {str(message.id) for message in catalogue() if message.id} <= set(texts())


def test_placeholders_are_the_same_in_both_languages():
    for message in catalogue():
        if message.id:
            found = sorted(PLACEHOLDER.findall(str(message.string)))
            assert found == sorted(PLACEHOLDER.findall(str(message.id))), message.id


def test_the_compiled_catalogue_is_fresh():
    with MO.open("rb") as file:
        compiled = {str(one.id): one.string for one in read_mo(file)}
    assert {str(one.id): one.string for one in catalogue() if one.id} == {
        text: chinese for text, chinese in compiled.items() if text
    }
