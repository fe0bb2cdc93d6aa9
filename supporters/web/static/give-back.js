/* Looks how a payment stands, ever less often, and shows the page anew once that is something else. MIT licence. */
(() => {
  const place = document.getElementById("how-it-stands");
  let pause = 2000;
  const look = async () => {
    try {
      const answer = await fetch(place.dataset.src, { credentials: "omit", cache: "no-store" });
      if (answer.ok && (await answer.json()).state !== place.dataset.state) return location.reload();
    } catch { /* The next time, then. */ }
    pause = Math.min(pause * 1.5, 60000);
    if (pause < 60000 || place.dataset.state === "processing") setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();
