// A choice that is a question of its own: <select data-submits>. Not in the page: the
// Content-Security-Policy runs no script that stands in one.
document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submits]")) event.target.form.submit();
});

// What the theme says to screen readers in English or not at all.
const SAID = {
    "zh-hans": { scrolled: "可滚动区域", search: "搜索" },
    en: { scrolled: "Scrolled area", search: "Search" },
};
document.addEventListener("DOMContentLoaded", () => {
    const said = SAID[document.documentElement.lang] || SAID.en;
    // Before the theme makes its scrolled areas: its script waits for the same event.
    if (window.SimpleBar) window.SimpleBar.defaultOptions.ariaLabel = said.scrolled;
    document.querySelector("#searchbar-submit")?.setAttribute("aria-label", said.search);
    document.querySelector("#command-submit")?.setAttribute("aria-label", said.search);
    // On a phone a cell is told by its column's name, which begins as the column does.
    for (const cell of document.querySelectorAll("[data-label]")) {
        cell.dataset.label = cell.dataset.label.replace(/^./, (first) => first.toUpperCase());
    }
    // A symbol is a word to its font: "forum 消息记录". It is read only where nothing else is.
    for (const symbol of document.querySelectorAll(".material-symbols-outlined")) {
        const owner = symbol.closest("a, button");
        const rest = owner?.textContent.replace(symbol.textContent, "").trim();
        if (!owner || rest || owner.title || owner.ariaLabel) symbol.ariaHidden = "true";
    }
});
