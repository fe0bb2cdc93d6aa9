/* <achterban-crowdfunding src="https://HOST/api/editions/SLUG" locale="nl" give="https://…">
   Keeps the thermometer inside it live, or builds one where there is none, with a button where "give" says where to.
   SLUG/pages/PAGE and SLUG/teams/TEAM are those of a page and a team. When no newer figure is to be had, it says of what
   moment the one it shows is. No cookies, no storage, nothing inline: it works under a strict Content-Security-Policy.
   MIT licence. */
(() => {
  const WORDS = {
    nl: { one: "1 gever", many: "{x} gevers", of: "van {x}", bar: "Hoe ver we zijn", asAt: "Stand van {x}.", give: "Geef",
      absent: "De stand kan nu niet worden getoond." },
    en: { one: "1 giver", many: "{x} givers", of: "of {x}", bar: "How far we are", asAt: "As it stood on {x}.", give: "Give",
      absent: "How it stands cannot be shown just now." },
  };
  const PACE = 10000, SLOWEST = 300000, OLD = 60000; // Milliseconds: between looks, at most after failures, worth saying.
  const OWN = `:host{display:block;max-width:var(--crowd-width,42em);font:var(--crowd-font,inherit);color:var(--crowd-text,inherit)}
    [hidden]{display:none!important}.crowd-counter p{margin:0}.crowd-amount{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 .6em}
    .crowd-amount strong{font-size:2.6em;line-height:1.15;color:var(--crowd-accent,#0b6b57);font-variant-numeric:tabular-nums}
    progress{appearance:none;display:block;width:100%;height:1.1em;margin:.6em 0 .5em;border:0;border-radius:1em;overflow:hidden;
    background:var(--crowd-trough,#dfe4e8);color:var(--crowd-accent,#0b6b57)}progress::-webkit-progress-bar{background:var(--crowd-trough,#dfe4e8)}
    progress::-webkit-progress-value{background:var(--crowd-accent,#0b6b57);border-radius:1em}
    progress::-moz-progress-bar{background:var(--crowd-accent,#0b6b57);border-radius:1em}.crowd-facts{font-weight:600}
    .crowd-counter .crowd-give{margin-top:1em}a{display:inline-block;padding:.6em 1.6em;font-weight:600;text-decoration:none;
    color:var(--crowd-on-accent,#fff);background:var(--crowd-accent,#0b6b57);border-radius:var(--crowd-radius,6px)}
    a:focus-visible{outline:3px solid var(--crowd-focus,#c4790a);outline-offset:2px}`;
  let own;

  const el = (tag, attributes = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value != null) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };
  const place = (name) => ({ "data-crowdfunding": name, part: name });

  class AchterbanCrowdfunding extends HTMLElement {
    connectedCallback() {
      this.seen = () => document.hidden ? clearTimeout(this.timer) : this.src && this.refresh();
      document.addEventListener("visibilitychange", this.seen);
      if (this.src) this.refresh();
      else if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => this.begin(), { once: true });
      else this.begin();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", this.seen);
    }

    begin() {
      this.ready = this.start(); // A site's own script may await it: from then on the figure is live, or said to be old.
    }

    async start() {
      this.src = new URL(this.getAttribute("src"), document.baseURI).href.replace(/\/$/, "");
      const near = this.closest("[lang]") || document.documentElement;
      const wish = this.getAttribute("locale") || near.lang.slice(0, 2);
      this.locale = WORDS[wish] ? wish : "nl";
      this.words = WORDS[this.locale];
      this.region = { nl: "nl-NL", en: "en-GB" }[this.locale];
      this.failures = 0;
      this.fresh = Date.now(); // When the figure was last seen to be new.
      this.counter = this.querySelector(".crowd-counter");
      if (!this.counter) this.build();
      await this.refresh();
    }

    build() {
      const root = this.shadowRoot || this.attachShadow({ mode: "open" }), give = this.getAttribute("give");
      try {
        if (!own) (own = new CSSStyleSheet()).replaceSync(OWN);
        root.adoptedStyleSheets = [own];
      } catch { /* An old browser shows it without our colours. */ }
      this.counter = el("div", { class: "crowd-counter", part: "counter" },
        el("p", { class: "crowd-amount", hidden: "" }, el("strong", place("amount")), " ", el("span", place("target"))),
        el("progress", { ...place("bar"), hidden: "", "aria-label": this.words.bar }),
        el("p", { class: "crowd-facts", hidden: "" }, el("span", place("givers")), " ", el("span", place("percent"))),
        el("p", { class: "crowd-age", hidden: "", ...place("age") }),
        ...(give ? [el("p", { class: "crowd-give" }, el("a", { href: new URL(give, document.baseURI).href, part: "button" }, this.words.give))] : []));
      root.replaceChildren(this.counter);
    }

    async refresh() {
      clearTimeout(this.timer);
      if (this.busy) return;
      this.busy = true;
      try {
        const answer = await fetch(this.src, { credentials: "omit" });
        if (!answer.ok) throw answer;
        const told = await answer.json();
        if (told.counter.as_at !== this.asAt) this.fresh = Date.now();
        this.asAt = told.counter.as_at;
        this.failures = 0;
        this.draw(told);
        this.age(Date.now() - this.fresh > OLD); // A cache on the way may answer with what it kept.
      } catch {
        this.failures++;
        this.age(true);
      }
      this.busy = false;
      this.wait();
    }

    /* Twice as long after each failure, and never all visitors at once. */
    wait() {
      clearTimeout(this.timer);
      if (document.hidden || !this.isConnected) return;
      const pause = Math.min(PACE * 2 ** this.failures, SLOWEST) * (0.9 + Math.random() / 5);
      this.timer = setTimeout(() => this.refresh(), pause);
    }

    at(name) {
      return this.counter.querySelector(`[data-crowdfunding=${name}]`);
    }

    write(name, text) {
      const where = this.at(name);
      if (where && where.textContent !== text) where.textContent = text;
    }

    draw({ counter, goals, target_cents: own }) {
      const cents = counter.counter_cents, number = (value) => value.toLocaleString(this.region);
      const money = (value) => (value / 100).toLocaleString(this.region, {
        style: "currency", currency: counter.currency, minimumFractionDigits: value % 100 ? 2 : 0, maximumFractionDigits: 2,
      });
      const aims = (goals || []).filter((each) => each.kind === "amount").map((each) => each.target).sort((a, b) => a - b);
      const target = own || aims.find((each) => each > cents) || aims[aims.length - 1], bar = this.at("bar");
      this.write("amount", money(cents));
      this.write("target", target ? this.words.of.replace("{x}", () => money(target)) : "");
      this.write("givers", counter.supporters === 1 ? this.words.one : this.words.many.replace("{x}", () => number(counter.supporters)));
      this.write("percent", target ? `${Math.floor((Math.max(cents, 0) * 100) / target)}%` : "");
      if (bar) {
        bar.hidden = !target;
        bar.max = target || 1;
        bar.value = Math.min(Math.max(cents, 0), bar.max);
      }
      for (const each of this.counter.querySelectorAll(".crowd-amount,.crowd-facts")) each.hidden = false;
      this.dispatchEvent(new CustomEvent("achterban:counter", { detail: counter, bubbles: true, composed: true }));
    }

    /* Of what moment the figure is, where that is not now; a figure that came with the page tells its moment too. */
    age(isOld) {
      const where = this.at("age"), known = this.asAt || (where && where.dataset.asAt);
      if (!where) return;
      where.hidden = !isOld;
      if (!isOld) return;
      const moment = known && new Date(known).toLocaleString(this.region, { dateStyle: "long", timeStyle: "short" });
      this.write("age", known ? this.words.asAt.replace("{x}", () => moment) : this.words.absent);
    }
  }
  customElements.define("achterban-crowdfunding", AchterbanCrowdfunding);
})();
