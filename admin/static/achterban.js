// Everything works without this file: it only spares a reach for the mouse.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  const inside = event.target.closest("input, textarea, select, [contenteditable]");
  const search = document.getElementById("ab-q");
  if (inside || !search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// A click elsewhere, or Escape, closes the menu behind the name.
const close = (except) => document.querySelectorAll("details.ab-user[open]").forEach((menu) => {
  if (!menu.contains(except)) menu.open = false;
});
document.addEventListener("click", (event) => close(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close(null);
});
