// The letters work while the focus is on a name in the list, so that they surprise nobody elsewhere.
const queue = document.getElementById("ab-queue");
if (queue) {
  const items = () => [...queue.querySelectorAll("article")];
  const go = (item) => {
    if (!item) return;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  };
  let decided = null;

  queue.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const item = event.target.closest("article");
    if (!item) return;
    const all = items();
    const at = all.indexOf(item);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      go(all[at + (event.key === "ArrowDown" ? 1 : -1)]);
      return;
    }
    if (!"aeru".includes(event.key)) return;
    const find = (where) => where && where.querySelector(`[data-key="${event.key}"]`);
    const button = find(item) || (event.key === "u" && find(document.getElementById(decided)));
    if (button) {
      event.preventDefault();
      button.click();
    }
  });

  // An item that was decided comes back smaller: on to the next one that waits.
  new MutationObserver((changes) => {
    for (const added of changes.flatMap((change) => [...change.addedNodes])) {
      if (added.nodeName !== "ARTICLE") continue;
      if (!("decided" in added.dataset)) {
        go(added);
        continue;
      }
      decided = added.id;
      // The one it replaces may still be there for a moment, under the same id.
      const all = items().filter((item) => item === added || item.id !== added.id);
      const waiting = (item) => !("decided" in item.dataset);
      go(all.slice(all.indexOf(added) + 1).find(waiting) || all.find(waiting) || added);
    }
  }).observe(queue, { childList: true });

  go(items()[0]);
}
