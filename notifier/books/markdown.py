"""The Markdown of books as HTML: no raw HTML passes, links between pages lead to their addresses,
code is coloured by classes."""

import re
from collections.abc import Sequence
from typing import Any

from django.utils.html import escape
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

PAGE = re.compile(r"([a-z-]+)\.md(#.*)?")
"""A link to another page, as it also works where the files themselves are read."""
LEXERS = {
    "sh": "bash",
    "python": "python",
    "promql": "promql",
    "json": "json",
    "ndjson": "json",
    "php": "php",
}
_FORMATTER = HtmlFormatter(nowrap=True)
# What scrolls sideways can be reached by the keyboard.
_PRE = '{file}<pre tabindex="0"><code class="language-{language}">{code}</code></pre>\n'


def parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.core.ruler.push("hongyan", _finish)
    rules: dict[str, Any] = markdown.renderer.rules  # type: ignore[attr-defined]
    rules |= {
        "fence": _fence,
        "table_open": lambda *_: '<div class="table" tabindex="0"><table>\n',
        "table_close": lambda *_: "</table></div>\n",
    }
    return markdown


def fence_of(token: Token) -> tuple[str, str]:
    """Of a block of code: its language, and the name of the file that it is, if it is one."""
    language, _, file = token.info.strip().partition(" ")
    return language, file.strip()


def _fence(tokens: Sequence[Token], place: int, *_: Any) -> str:
    language, file = fence_of(tokens[place])
    code: str = escape(tokens[place].content)
    if name := LEXERS.get(language):
        # PHP without its opening tag is PHP all the same.
        lexer = get_lexer_by_name(name, **({"startinline": True} if name == "php" else {}))
        code = highlight(tokens[place].content, lexer, _FORMATTER)  # escaped by pygments
    caption = f'<p class="file">{escape(file)}</p>\n' if file else ""
    return _PRE.format(file=caption, language=escape(language), code=code)


def _finish(state: Any) -> None:
    for place, token in enumerate(state.tokens):
        if token.type == "heading_open":
            anchor = slugify(state.tokens[place + 1].content, allow_unicode=True)
            token.attrSet("id", anchor)
        for inner in token.children or ():
            if inner.type == "link_open":
                inner.attrSet("href", _address(str(inner.attrGet("href"))))


def _address(href: str) -> str:
    found = PAGE.fullmatch(href)
    return f"../{found[1]}/{found[2] or ''}" if found else href


def title_of(tokens: Sequence[Token]) -> str:
    """Of the page: its first heading."""
    return next(
        tokens[place + 1].content
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h1"
    )
