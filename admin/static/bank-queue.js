// The keys work while the focus is in the queue and in no text field, so that they surprise nobody elsewhere. Whatever
// a key does, a link or a button on the page does too.
const main = document.getElementById("content");

if (main && document.getElementById("ab-bank")) {
  const queue = () => document.getElementById("ab-bank");
  const card = () => queue().querySelector("article");

  const begin = () => {
    (card() || main).focus({ preventScroll: true });
  };

  const pick = (where, number) => {
    const radio = where && where.querySelector(`[data-number="${number}"]`);
    if (!radio) return false;
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };

  const press = (where, key) => {
    const found = where && where.querySelector(`[data-key="${key}"]`);
    if (!found) return false;
    if (found.matches("input")) {
      const fold = found.closest("details");
      if (fold) fold.open = true;
      found.focus();
      found.select();
    } else {
      found.click();
    }
    return true;
  };

  const act = (event) => {
    const item = card();
    const aside = item && item.querySelector(".ab-not-a-gift");
    const open = aside && aside.open;
    // With Caps Lock a letter is the same key.
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "ArrowDown" || key === "ArrowUp") return press(queue(), key);
    if (/^[1-9]$/.test(key)) return pick(open ? aside : item && item.querySelector(".ab-choose"), key);
    if (key === "Enter") {
      // A button or a link in focus does its own work.
      if (event.target.closest("a, button, summary")) return false;
      return press(open ? aside : item && item.querySelector(".ab-choose"), key);
    }
    if (key === "Escape" && open) {
      aside.open = false;
      item.focus({ preventScroll: true });
      return true;
    }
    if (key === "x" && aside) {
      aside.open = !aside.open;
      if (aside.open) aside.scrollIntoView({ block: "nearest" });
      return true;
    }
    return "fnsu".includes(key) && press(queue(), key);
  };

  main.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest("input, textarea, select");
    if (field && event.key === "Escape") {
      begin();
      return;
    }
    // A choice in focus takes the keys too; but its arrows go through the choices, as everywhere.
    if (field && (field.type !== "radio" || event.key.startsWith("Arrow"))) return;
    if (!queue().contains(event.target) && event.target !== main) return;
    if (act(event)) event.preventDefault();
  });

  // After an answer the next line stands there: its keys have to work at once.
  new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes].some((node) => node.id === "ab-bank"))) begin();
  }).observe(main, { childList: true });

  begin();
}
