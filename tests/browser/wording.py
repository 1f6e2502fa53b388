"""In which language a page speaks: its own words, without what people have entered."""

import re
from collections.abc import Iterable

from notifier.models import Scope
from tests.browser.looking import HAN, Viewer

SPOKEN = """() => {
    const seen = element => element.checkVisibility({visibilityProperty: true});
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        const silent = "script, style, noscript, template, code, .material-symbols-outlined, "
            + "[translate=no], .hy-card, .hy-diff del, .hy-diff ins, .hy-diff td";
        if (!parent.closest(silent) && seen(parent.closest("select") || parent))
            found.push(walker.currentNode.textContent);
    }
    for (const element of document.querySelectorAll("[placeholder], [aria-label], [title], [alt]"))
        if (!element.closest("[translate=no]") && seen(element))
            for (const name of ["placeholder", "aria-label", "title", "alt"])
                found.push(element.getAttribute(name) || "");
    for (const element of document.querySelectorAll("[data-label]"))
        found.push(element.dataset.label);
    for (const element of document.querySelectorAll("input[type=submit], input[type=button]"))
        found.push(element.value);
    return [document.title, ...found];
}"""
"""Text that is seen or read out, the options of selects too; symbols are letters to a font."""

WECHATS = re.compile(r"errcode -?\d+: [ \w]+|errcode -?\d+ \([ \w]+\)")
"""An errcode with WeChat's own words, which are told as they are."""
NAMES = {
    *("API", "AppID", "AppSecret", "CSV", "EncodingAESKey", "English", "Excel", "HTTP", "HTTPS"),
    *("Hongyan", "ID", "IP", "JSON", "JSONL", "LDAP", "OpenID", "PIN", "Redis", "SSO", "URL"),
    *("UTC", "UTF", "Unicode", "UnionID", "Webhook", "XLSX", "GET", "POST", "DATA", "OK"),
    *("Google Authenticator", "Microsoft Authenticator", "SDK", "Standard Webhooks", "manage.py"),
    *("Errcode", "Errmsg", "Rid", "Token", "errcode", "errmsg", "msgid", "rid", "token"),
    *("openid", "unionid", "name", "email", "phone", "groups", "demo", "token", "whsec", "worker"),
    *("CPU", "pid", "speedscope", "MB", "KB", "bytes", "DNS", "TCP", "TLS", "ms", "clock"),
    *("const", "enum", "gh", "wx", "code", "esc", "en", "worker background"),
    *("urgent", "normal", "bulk", "receipts", "background", "true", "false", "Cron"),
    *Scope.values,
}
"""Names of things, which Chinese engineers write so, too."""
CODES = re.compile(
    r"https?://\S*|\b[\w.+-]+@[\w.-]+\b|\{\{.*?\}\}|/[\w/<>:-]+|\b\w*[\d_.…*/=-]\w*[\w.…*/=-]*"
    r"|\b[A-Z]\w+Error\b"
)
"""Addresses, variables, an exception's class, and whatever has a digit or a mark inside: ids, keys,
codes."""
WORD = re.compile(r"[A-Za-z]{2,}(?:[ '’][A-Za-z]+)*")
OF_BOTH = (
    *("简体中文", "兼容模式", "安全模式", "明文模式", "IP白名单"),
    *("姓名", "邮箱", "手机号", "分组", "订单", "云南白茶"),
)
"""The language's own name in its switch; what WeChat's console, a file's columns and a message's
fields are called in Chinese, whoever reads."""


def foreign_words(viewer: Viewer, entered: Iterable[str]) -> list[str]:
    """What stands on the page in the other language."""
    texts = [" ".join(text.split()) for text in viewer.page.evaluate(SPOKEN)]
    known = sorted((one for one in entered if len(one) > 1), key=len, reverse=True)
    told = {_without(text, known) for text in texts if text}
    if viewer.language == "en":
        return sorted(text for text in told if HAN.search(text))
    words = {word for text in told for word in WORD.findall(CODES.sub(" ", text))}
    return sorted(word for word in words if not set(word.split()) <= NAMES and word not in NAMES)


def _without(text: str, entered: list[str]) -> str:
    text = WECHATS.sub(" ", text)
    for one in (*entered, *OF_BOTH):
        if one in text:
            whole = (
                rf"(?<![A-Za-z]){re.escape(one)}(?![A-Za-z])" if one.isascii() else re.escape(one)
            )
            text = re.sub(whole, " ", text)
    return text
