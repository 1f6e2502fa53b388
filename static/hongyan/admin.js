// A choice that is a question of its own: <select data-submits>. Not in the page: the
// Content-Security-Policy runs no script that stands in one.
document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submits]")) event.target.form.submit();
});
