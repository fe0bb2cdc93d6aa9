/* <achterban-petition src="https://HOST/api/petitions/SLUG" locale="nl" return-to="…" source="…" only="form|counter">
   Makes the plain form inside it live (counter, goal, mistakes beside their fields), or builds one where there is none.
   No cookies, no storage, nothing inline: it works under a strict Content-Security-Policy. MIT licence. */
(() => {
  const WORDS = {
    nl: {
      first_name: "Voornaam", last_name: "Achternaam", email: "E-mailadres", street: "Straat",
      house_number: "Huisnummer", postcode: "Postcode", town: "Woonplaats", birth_date: "Geboortedatum",
      optional: "niet verplicht", sign: "Onderteken", sending: "Bezig met versturen…", one: "ondertekening",
      many: "ondertekeningen", goal: "Doel:", bar: "Hoe ver we zijn", wrong: "Nog niet verstuurd. Kijk dit even na:",
      almost: "Nog één stap: kijk in uw mailbox",
      check: "We stuurden een bericht naar {x}. Open de link daarin en druk op de knop; dan is uw ondertekening " +
        "bevestigd. Niets gekregen? Kijk ook bij de ongewenste mail.",
      thanks: "Dank u wel. Uw ondertekening telt mee.", closed: "Deze petitie kan nu niet worden ondertekend.",
      failed: "Versturen lukte niet. Wat u hebt ingevuld staat er nog; druk nog eens op de knop.",
      absent: "Het formulier kan nu niet worden getoond.", again: "Probeer het nog eens",
    },
    en: {
      first_name: "First name", last_name: "Surname", email: "E-mail address", street: "Street",
      house_number: "House number", postcode: "Postcode", town: "Town", birth_date: "Date of birth",
      optional: "optional", sign: "Sign", sending: "Sending…", one: "signature",
      many: "signatures", goal: "Goal:", bar: "How far we are", wrong: "Not sent yet. Please look at this:",
      almost: "One more step: look in your mailbox",
      check: "We sent a message to {x}. Open the link in it and press the button; then your signature is confirmed. " +
        "Nothing there? Look among the unwanted mail too.",
      thanks: "Thank you. Your signature counts.", closed: "This petition cannot be signed now.",
      failed: "It could not be sent. What you filled in is still here; press the button once more.",
      absent: "The form cannot be shown just now.", again: "Try again",
    },
  };
  const AUTOFILL = {
    first_name: "given-name", last_name: "family-name", email: "email", street: "address-line1",
    postcode: "postal-code", town: "address-level2", birth_date: "bday",
  };
  const EVERY = 10000, PATIENCE = 15000;

  /* What we add to a site's own form: as weak as can be, so that the site's styles win. */
  const ADDED = [
    [".petition-error", "display:block;color:var(--petition-error,#b3261e);font-weight:600"],
    [".petition-summary", "margin:0 0 1em;padding:.75em 1em;color:var(--petition-error,#b3261e);border-left:4px solid;" +
      "background:var(--petition-error-soft,#fbeae8)"],
    [".petition-summary ul", "margin:.25em 0 0;padding-left:1.25em"],
    [".petition-summary a", "color:inherit"],
    [".petition-done", "padding:1em 1.25em;border-left:4px solid var(--petition-accent,#0b6b57);" +
      "background:var(--petition-soft,#e8f2ef)"],
    [".petition-done p", "margin:.25em 0 0"],
  ];
  const OWN = `:host{display:block;font:var(--petition-font,inherit);color:var(--petition-text,inherit)}
    [hidden]{display:none!important}.counter{margin:0 0 1.5em}.counter p{margin:0}.counter strong{font-size:2.25em;
    line-height:1.2;color:var(--petition-accent,#0b6b57);font-variant-numeric:tabular-nums}
    progress{appearance:none;display:block;width:100%;height:.7em;margin:.4em 0;border:0;border-radius:1em;overflow:hidden;
    background:var(--petition-track,#dfe4e8)}progress::-webkit-progress-bar{background:var(--petition-track,#dfe4e8)}
    progress::-webkit-progress-value{background:var(--petition-accent,#0b6b57);border-radius:1em}
    progress::-moz-progress-bar{background:var(--petition-accent,#0b6b57);border-radius:1em}
    form{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(14em,100%),1fr));gap:1em;align-items:start}
    form>*{margin:0}.wide,.check,.petition-summary,button{grid-column:1/-1}
    label{display:block;font-weight:600;margin-bottom:.25em}small{font-size:inherit;font-weight:400;opacity:.85}
    input{font:inherit;color:inherit;background:var(--petition-field,#fff);box-sizing:border-box;width:100%;
    min-height:2.75em;padding:.5em .7em;border:1px solid var(--petition-line,#767f89);
    border-radius:var(--petition-radius,6px)}.check{display:grid;grid-template-columns:auto 1fr;gap:.2em .7em}
    .check label{font-weight:400;margin:0}.check input{width:1.4em;height:1.4em;min-height:0;margin:.1em 0 0;
    accent-color:var(--petition-accent,#0b6b57)}.check .petition-error{grid-column:2}
    [aria-invalid=true]{border:2px solid var(--petition-error,#b3261e)}
    .check [aria-invalid=true]{outline:2px solid var(--petition-error,#b3261e)}
    button{font:inherit;font-weight:600;min-height:3em;padding:.6em 1.5em;border:0;cursor:pointer;justify-self:start;
    border-radius:var(--petition-radius,6px);background:var(--petition-accent,#0b6b57);
    color:var(--petition-on-accent,#fff)}button[aria-disabled=true]{opacity:.75;cursor:progress}
    :focus-visible{outline:3px solid var(--petition-focus,#c4790a)!important;outline-offset:2px}
    ${ADDED.map(([where, style]) => `${where}{${style}}`).join("")}`;
  let own, serial = 0;

  const sheetOf = (css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  };
  const el = (tag, attributes = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value != null) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };
  const get = async (url, options) => {
    const answer = await fetch(url, { credentials: "omit", ...options });
    if (!answer.ok) throw answer;
    return answer.json();
  };

  /* SHA-256 by hand: crypto.subtle gives a promise for each hash, is slower at this, and is absent on plain http. */
  const H = [], K = [], W = new Int32Array(64), part = (root) => ((root % 1) * 2 ** 32) | 0;
  for (let n = 2; K.length < 64; n++) {
    let d = 2;
    while (d * d <= n && n % d) d++;
    if (d * d <= n) continue;
    if (H.length < 8) H.push(part(n ** 0.5));
    K.push(part(n ** (1 / 3)));
  }
  const turn = (x, by) => (x >>> by) | (x << (32 - by));
  const sha256 = (text) => {
    const bytes = new TextEncoder().encode(text), size = ((bytes.length + 8) >> 6) + 1;
    const words = new DataView(new ArrayBuffer(size * 64)), state = [...H];
    bytes.forEach((byte, at) => words.setUint8(at, byte));
    words.setUint8(bytes.length, 128);
    words.setUint32(size * 64 - 4, bytes.length * 8);
    for (let block = 0; block < size; block++) {
      for (let i = 0; i < 64; i++) {
        if (i < 16) W[i] = words.getInt32(block * 64 + i * 4);
        else {
          const x = W[i - 15], y = W[i - 2];
          W[i] = W[i - 16] + W[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
        }
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
        const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g, g = f, f = e, e = (d + t) | 0, d = c, c = b, b = a, a = (t + u) | 0;
      }
      [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] = (state[i] + value) | 0));
    }
    return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  };

  /* The proof of work, in slices of a few milliseconds, so that nobody who types notices; "" where it cannot be had:
     the signature is taken without it too, under stricter limits. */
  const prove = async (url) => {
    try {
      const { algorithm, challenge, salt, signature, maxnumber = 1e6 } = await get(url, { cache: "no-store" });
      for (let number = 0; number <= maxnumber; ) {
        for (const until = performance.now() + 8; performance.now() < until && number <= maxnumber; number++)
          if (sha256(salt + number) === challenge)
            return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
        await new Promise((go) => setTimeout(go));
      }
    } catch { /* No proof, then. */ }
    return "";
  };

  class AchterbanPetition extends HTMLElement {
    connectedCallback() {
      this.seen = () => (document.hidden ? clearTimeout(this.timer) : this.petition && this.refresh());
      document.addEventListener("visibilitychange", this.seen);
      if (this.started) return this.seen();
      this.started = true;
      if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => this.start(), { once: true });
      else this.start();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", this.seen);
    }

    async start() {
      this.src = new URL(this.getAttribute("src") || "", document.baseURI).href.replace(/\/$/, "");
      this.form = this.querySelector("form");
      const field = this.form && this.form.elements.locale, near = this.closest("[lang]") || document.documentElement;
      const wish = this.getAttribute("locale") || (field && field.value) || near.lang.slice(0, 2);
      this.words = WORDS[wish] || WORDS.nl;
      this.root = this.shadowRoot || this.attachShadow({ mode: "open" });
      this.root.replaceChildren(el("slot"));
      try {
        this.root.adoptedStyleSheets = [(own = own || sheetOf(OWN))];
        if (!serial++) {
          const weak = ADDED.map(([where, style]) => `:where(achterban-petition ${where}){${style}}`).join("");
          document.adoptedStyleSheets = [
            ...document.adoptedStyleSheets, sheetOf(`${weak}achterban-petition [hidden]{display:none!important}`),
          ];
        }
      } catch { /* An old browser shows it without our colours. */ }
      const only = this.getAttribute("only");
      try {
        this.petition = await get(this.src);
      } catch {
        if (!this.form && only !== "counter") {
          const again = el("button", { type: "button", part: "button" }, this.words.again);
          again.onclick = () => this.start();
          this.root.append(el("p", { role: "alert" }, this.words.absent), again);
        }
        return; // A plain form inside works as it stands.
      }
      this.locale = WORDS[wish] ? wish : WORDS[this.petition.locale] ? this.petition.locale : "nl";
      this.words = WORDS[this.locale];
      if (only !== "form") this.showCounter();
      if (only !== "counter") this.showForm();
      this.wait();
    }

    // -- the counter --------------------------------------------------------------------------------------------

    showCounter() {
      this.counter = this.querySelector("[data-petition=headline]") ? this : null;
      if (!this.counter) {
        this.counter = el("div", { class: "counter", part: "counter" },
          el("p", { part: "count" }, el("strong", { "data-petition": "headline", part: "number" }), " ",
            el("span", { "data-petition": "unit" })),
          el("progress", { "data-petition": "bar", part: "bar" }),
          el("p", { "data-petition": "goal-line", part: "goal" }, this.words.goal, " ", el("span", { "data-petition": "goal" })));
        this.root.prepend(this.counter);
      }
      this.draw(this.petition.count);
    }

    draw({ headline, goal }) {
      if (!this.counter) return;
      const at = (name) => this.counter.querySelector(`[data-petition=${name}]`) || {}, bar = at("bar");
      at("headline").textContent = headline.toLocaleString(this.locale);
      at("unit").textContent = headline === 1 ? this.words.one : this.words.many;
      at("goal").textContent = (goal || 0).toLocaleString(this.locale);
      at("goal-line").hidden = bar.hidden = !goal;
      if (!bar.setAttribute) return;
      bar.max = goal || 1;
      bar.value = Math.min(headline, bar.max);
      bar.setAttribute("aria-label", this.words.bar);
    }

    async refresh() {
      clearTimeout(this.timer);
      try {
        if (this.counter) this.draw(await get(`${this.src}/count`));
      } catch { /* The next time, then. */ }
      this.wait();
    }

    wait() {
      clearTimeout(this.timer);
      if (this.counter && !document.hidden && this.isConnected) this.timer = setTimeout(() => this.refresh(), EVERY);
    }

    // -- the form -----------------------------------------------------------------------------------------------

    showForm() {
      if (!this.petition.is_open) {
        if (this.form) this.form.hidden = true;
        this.root.append(el("p", { class: "petition-done", part: "done" }, this.words.closed));
        return;
      }
      if (this.form) this.say();
      else this.form = this.build();
      this.form.noValidate = true;
      this.put("locale", this.locale);
      if (this.hasAttribute("source")) this.put("source", this.getAttribute("source"));
      if (this.hasAttribute("return-to")) this.put("return_to", new URL(this.getAttribute("return-to"), document.baseURI).href);
      this.form.addEventListener("focusin", () => this.work(), { once: true });
      this.form.addEventListener("submit", (event) => this.send(event));
    }

    build() {
      const texts = this.petition.texts[this.locale], words = this.words, all = this.petition.fields.includes("birth_date");
      const form = el("form", { part: "form", method: "post", action: `${this.src}/signatures`, "accept-charset": "utf-8" });
      for (const name of this.petition.fields.filter((each) => words[each])) {
        const required = all || ["first_name", "last_name", "email"].includes(name);
        const type = { email: "email", birth_date: "date" }[name] || "text";
        form.append(el("div", { class: name === "email" ? "wide" : null, part: "field" },
          el("label", { for: name, part: "label" }, words[name], ...(required ? [] : [" ", el("small", {}, `(${words.optional})`)])),
          el("input", { id: name, name, type, autocomplete: AUTOFILL[name], part: "input", "aria-required": required || null })));
      }
      for (const purpose of ["sign", "show_name", "updates", "newsletter"]) {
        const name = purpose === "sign" ? "consent" : purpose;
        form.append(el("div", { class: "check", part: "check" },
          el("input", { type: "checkbox", id: name, name, value: 1, part: "box", "aria-required": purpose === "sign" || null }),
          el("label", { for: name, part: "consent" }, texts[purpose])));
      }
      form.append(
        el("div", { hidden: "" }, el("label", {}, "Website", el("input", { name: "website", tabindex: -1, autocomplete: "off" }))),
        el("input", { type: "hidden", name: "consent_text_id", value: texts.id }),
        el("button", { part: "button" }, words.sign));
      this.root.append(form);
      return form;
    }

    /* The consent texts in force, in a form that marks their places; a box ticked for other words is unticked. */
    say() {
      const texts = this.petition.texts[this.locale], places = this.form.querySelectorAll("[data-petition-text]");
      const id = this.form.elements.consent_text_id;
      if (!places.length || (id && id.value === String(texts.id))) return;
      for (const place of places) {
        const text = texts[place.dataset.petitionText], control = place.control;
        if (!text || place.textContent.trim() === text) continue;
        place.textContent = text;
        if (control) control.checked = false;
      }
      this.put("consent_text_id", texts.id);
    }

    put(name, value) {
      const field = this.form.elements[name];
      if (field) field.value = value;
      else this.form.append(el("input", { type: "hidden", name, value }));
    }

    work(anew) {
      if (anew || !this.proof) this.proof = prove(`${this.src}/challenge`);
      return Promise.race([this.proof, new Promise((go) => setTimeout(go, PATIENCE, ""))]);
    }

    async send(event) {
      if (this.plain) return; // The way of a page without script: the browser sends it.
      event.preventDefault();
      if (this.busy) return;
      this.busy = true;
      const button = event.submitter || this.form.querySelector("button,[type=submit]"), label = button && [...button.childNodes];
      if (button) button.setAttribute("aria-disabled", "true"), button.replaceChildren(this.words.sending);
      this.clear();
      try {
        await this.post(true);
        this.failed = 0;
      } catch {
        this.failed = (this.failed || 0) + 1;
        this.plain = this.failed > 1; // Twice unreachable for a script: an ordinary post may still arrive.
        this.complain([{ message: this.words.failed }]);
      }
      if (button) button.removeAttribute("aria-disabled"), button.replaceChildren(...label);
      this.busy = false;
    }

    async post(first) {
      const typed = Object.fromEntries(new FormData(this.form));
      delete typed.altcha, delete typed.submission_key;
      const content = JSON.stringify(typed);
      if (content !== this.content) { // The same form sent again is one signature; a corrected one is another form.
        this.content = content;
        const key = crypto.getRandomValues(new Uint8Array(16));
        this.put("submission_key", [...key].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
      }
      this.put("altcha", await this.work());
      const answer = await fetch(`${this.src}/signatures`, {
        method: "POST", credentials: "omit", headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(Object.fromEntries(new FormData(this.form))),
        referrer: location.pathname, referrerPolicy: "no-referrer-when-downgrade", // which page asked for the consent
      });
      const said = await answer.json().catch(() => ({}));
      if (answer.ok) return this.thank(said, typed);
      const errors = said.errors || [{ field: said.field, message: said.detail }];
      if (first && errors.some((each) => each.field === "altcha")) return this.work(true).then(() => this.post(false));
      this.complain(answer.status < 500 && said.detail ? errors : [{ message: this.words.failed }]);
    }

    thank(said, { email, return_to: next }) {
      const words = this.words, asks = said.next === "check_email";
      const done = el("div", { class: "petition-done", part: "done", role: "status", tabindex: -1 },
        ...(asks ? [el("strong", {}, words.almost)] : []),
        el("p", {}, asks ? words.check.replace("{x}", () => email) : words.thanks));
      this.form.after(done);
      this.form.hidden = true;
      done.focus();
      this.refresh();
      const goes = this.dispatchEvent(
        new CustomEvent("achterban-signed", { bubbles: true, composed: true, cancelable: true, detail: said }));
      if (goes && /^https?:/.test(next)) location.assign(next);
    }

    clear() {
      this.form.querySelectorAll(".petition-error,.petition-summary").forEach((each) => each.remove());
      for (const field of this.form.querySelectorAll("[aria-invalid]")) {
        field.removeAttribute("aria-invalid");
        const others = (field.getAttribute("aria-describedby") || "").split(" ").filter((id) => !id.endsWith("-error"));
        others.length ? field.setAttribute("aria-describedby", others.join(" ")) : field.removeAttribute("aria-describedby");
      }
    }

    complain(errors) {
      const list = el("ul"), summary = el("div", { class: "petition-summary", part: "summary", role: "alert" });
      let begin;
      for (const { field: name, message } of errors) {
        const field = name && this.form.elements[name], item = el("li", {}, message);
        if (field && field.type !== "hidden" && field.setAttribute) {
          begin = begin || field;
          field.id = field.id || `petition-${++serial}-${name}`;
          const id = `${field.id}-error`, label = field.type === "checkbox" && field.labels[0];
          (field.closest("label") || label || field).after(el("span", { class: "petition-error", part: "error", id }, message));
          field.setAttribute("aria-invalid", "true");
          field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${id}`.trim());
          const link = el("a", { href: `#${field.id}` }, message);
          link.onclick = (event) => (event.preventDefault(), field.focus());
          item.replaceChildren(link);
        }
        list.append(item);
      }
      this.form.prepend(summary); // Before its words, so that a screen reader says them.
      summary.append(...(begin ? [this.words.wrong, list] : errors.map((each) => el("div", {}, each.message))));
      if (begin) begin.focus();
      else summary.scrollIntoView({ block: "nearest" });
    }
  }
  customElements.define("achterban-petition", AchterbanPetition);
})();
