/* <achterban-petition src="https://HOST/api/petitions/SLUG" locale="nl" return-to="…" source="…" only="form|counter">
   Makes the plain form inside it live (counter, goal, mistakes beside their fields), or builds one where there is none.
   No cookies, no storage, nothing inline: it works under a strict Content-Security-Policy. MIT licence. */
(() => {
  const WORDS = {
    nl: {
      first_name: "Voornaam", last_name: "Achternaam", email: "E-mailadres", town: "Woonplaats", postcode: "Postcode",
      street: "Straat", house_number: "Huisnummer", birth_date: "Geboortedatum",
      comment: "Reactie: waarom tekent u?", most: "Hoogstens 1.000 tekens. Wij tonen uw reactie alleen als u dat hieronder aanvinkt.",
      optional: "niet verplicht", sign: "Onderteken", sending: "Bezig met versturen…", one: "ondertekening",
      many: "ondertekeningen", goal: "Doel:", wrong: "Nog niet verstuurd. Kijk dit even na:", almost: "Bijna klaar",
      check: "Kijk in uw mail op {x} en druk op de knop in ons bericht. Pas dan telt uw ondertekening mee. " +
        "Niets gekregen? Kijk ook bij ongewenste mail.",
      thanks: "Dank u wel. Uw ondertekening telt mee.", closed: "Deze petitie is gesloten.",
      failed: "Versturen lukte niet. Wat u invulde staat er nog; druk nog eens op de knop.",
      absent: "Het formulier kan nu niet worden getoond.", again: "Probeer het nog eens",
    },
    en: {
      first_name: "First name", last_name: "Surname", email: "E-mail address", town: "Town", postcode: "Postcode",
      street: "Street", house_number: "House number", birth_date: "Date of birth",
      comment: "Comment: why do you sign?", most: "At most 1,000 characters. We show it only if you tick the box below.",
      optional: "optional", sign: "Sign", sending: "Sending…", one: "signature", many: "signatures",
      goal: "Goal:", wrong: "Not sent yet. Please look at this:", almost: "Almost done",
      check: "Look in your mail at {x} and press the button in our message. Only then your signature counts. " +
        "Nothing there? Look in your spam folder too.",
      thanks: "Thank you. Your signature counts.", closed: "This petition is closed.",
      failed: "It could not be sent. What you filled in is still here; press the button once more.",
      absent: "The form cannot be shown just now.", again: "Try again",
    },
  };
  const AUTOFILL = {
    first_name: "given-name", last_name: "family-name", email: "email", town: "address-level2",
    postcode: "postal-code", birth_date: "bday",
  };
  const sheetOf = (css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  };
  const WRONG = `.petition-error,.petition-summary{color:var(--petition-error,#a3271f)}.petition-error{display:block;font-weight:600;font-size:.92em;
    flex-basis:100%}.petition-summary{margin:0 0 1em;padding:.7em 1em;border-left:4px solid;background:var(--petition-error-soft,#fae5e2)}
    .petition-summary ul{margin:.3em 0 0;padding-left:1.2em}.petition-summary a{color:inherit}.petition-done{padding:1em 1.2em;
    border-left:4px solid var(--petition-accent,#1d6660);background:var(--petition-soft,#e1ecea)}.petition-done p{margin:.3em 0 0}`;
  const OWN = `:host{display:block;max-width:var(--petition-width,42em);font:var(--petition-font,inherit);color:var(--petition-text,inherit)}[hidden]{display:none!important}
    .petition-counter{margin-bottom:1.4em}.petition-counter p{margin:0}.petition-counter strong{font-size:2.4em;line-height:1.15;
    color:var(--petition-accent,#1d6660);font-variant-numeric:tabular-nums}progress{appearance:none;display:block;width:100%;
    height:.7em;margin:.35em 0;border:0;border-radius:1em;overflow:hidden;background:var(--petition-trough,#ddd6c8);
    color:var(--petition-accent,#1d6660)}progress::-webkit-progress-bar{background:var(--petition-trough,#ddd6c8)}
    progress::-webkit-progress-value{background:var(--petition-accent,#1d6660);border-radius:1em}
    progress::-moz-progress-bar{background:var(--petition-accent,#1d6660);border-radius:1em}
    form{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(14em,100%),1fr));gap:1em;align-items:start}
    form>*{margin:0}.petition-wide,.petition-box,.petition-summary,button{grid-column:1/-1}label{display:block;font-weight:600;margin-bottom:.25em}
    small{font-weight:400;opacity:.8}input,textarea{font:inherit;color:inherit;background:var(--petition-field,#fff);box-sizing:border-box;
    width:100%;min-height:2.75em;padding:.5em .7em;border:1px solid var(--petition-line,#767c78);border-radius:var(--petition-radius,7px)}
    .petition-box{display:flex;flex-wrap:wrap;gap:.2em .7em}.petition-box label{flex:1;font-weight:400;margin:0}.petition-box input{width:1.4em;
    height:1.4em;min-height:0;margin:.1em 0 0;accent-color:var(--petition-accent,#1d6660)}[aria-invalid=true]{border-color:var(--petition-error,
    #a3271f);border-width:2px}button{justify-self:start;font:inherit;font-weight:650;min-height:3em;padding:.6em 1.4em;border:0;cursor:pointer;
    border-radius:var(--petition-radius,7px);background:var(--petition-accent,#1d6660);color:var(--petition-on-accent,#fff)}
    button[aria-disabled=true]{opacity:.7;cursor:progress}:focus-visible{outline:3px solid var(--petition-focus,#c4790a);outline-offset:2px}`;
  let own, last = 0;

  const el = (tag, attributes = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value != null) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };
  const get = async (url) => {
    const answer = await fetch(url, { credentials: "omit" });
    if (!answer.ok) throw answer;
    return answer.json();
  };

  class AchterbanPetition extends HTMLElement {
    connectedCallback() {
      this.seen = () => document.hidden ? clearTimeout(this.timer) : this.petition && this.refresh();
      document.addEventListener("visibilitychange", this.seen);
      if (this.petition) this.refresh();
      else if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => this.begin(), { once: true });
      else this.begin();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", this.seen);
    }

    begin() {
      this.ready = this.start(); // A site's own script may await it: from then on a form is sent by us, before by the browser.
    }

    async start() {
      this.src = new URL(this.getAttribute("src"), document.baseURI).href.replace(/\/$/, "");
      this.work = prover(this.src + "/challenge");
      this.form = this.querySelector("form");
      const said = this.form && this.form.elements.locale, near = this.closest("[lang]") || document.documentElement;
      const wish = this.getAttribute("locale") || (said && said.value) || near.lang.slice(0, 2);
      this.words = WORDS[wish] || WORDS.nl;
      const root = this.root = this.shadowRoot || this.attachShadow({ mode: "open" });
      root.replaceChildren(el("slot"));
      try {
        root.adoptedStyleSheets = [(own = own || sheetOf(OWN + WRONG))];
        if (!last++) document.adoptedStyleSheets = [...document.adoptedStyleSheets,
          sheetOf(`:where(achterban-petition){${WRONG}[hidden]{display:none!important}}`)];
      } catch { /* An old browser shows it without our colours. */ }
      try {
        this.petition = await get(this.src);
      } catch {
        if (!this.form && this.getAttribute("only") !== "counter") {
          const again = el("button", { type: "button", part: "button" }, this.words.again);
          again.onclick = () => this.start();
          root.append(el("p", { role: "alert" }, this.words.absent), again);
        }
        return; // A plain form inside works as it stands.
      }
      this.locale = WORDS[wish] ? wish : WORDS[this.petition.locale] ? this.petition.locale : "nl";
      this.words = WORDS[this.locale];
      const only = this.getAttribute("only");
      if (only !== "form") this.showCounter();
      if (only !== "counter") this.showForm();
      this.wait();
    }

    // -- the counter --------------------------------------------------------------------------------------------

    showCounter() {
      this.counter = this.querySelector(".petition-counter");
      if (!this.counter) {
        this.counter = el("div", { class: "petition-counter", part: "counter" },
          el("p", {}, el("strong", { "data-petition": "headline", part: "number" }), " ", el("span", { "data-petition": "unit" })),
          el("progress", { part: "bar" }),
          el("p", { part: "goal" }, this.words.goal, " ", el("span", { "data-petition": "goal" })));
        this.root.prepend(this.counter);
      }
      this.draw(this.petition.count, this.petition.goal);
    }

    draw(count, goal) {
      if (!this.counter) return;
      const bar = this.counter.querySelector("progress"), number = count.headline;
      const write = (name, text) => {
        const place = this.counter.querySelector(`[data-petition=${name}]`);
        if (place) place.textContent = typeof text === "number" ? text.toLocaleString(this.locale) : text;
        return place;
      };
      write("headline", number);
      write("unit", number === 1 ? this.words.one : this.words.many);
      const place = goal && write("goal", goal);
      if (place) place.parentNode.hidden = false;
      else this.counter.querySelectorAll("[part=goal]").forEach((each) => (each.hidden = true));
      if (!bar) return;
      bar.hidden = !goal;
      bar.max = goal || 1;
      bar.value = Math.min(number, bar.max);
      bar.setAttribute("aria-label", `${number.toLocaleString(this.locale)} ${this.words.many}`);
    }

    async refresh() {
      clearTimeout(this.timer);
      try {
        const count = await get(this.src + "/count");
        this.draw(count, count.goal);
      } catch { /* The next time, then. */ }
      this.wait();
    }

    wait() {
      clearTimeout(this.timer);
      if (this.counter && !document.hidden && this.isConnected) this.timer = setTimeout(() => this.refresh(), 10000);
    }

    // -- the form -----------------------------------------------------------------------------------------------

    showForm() {
      const given = this.form, petition = this.petition;
      if (!petition.is_open) {
        if (given) given.hidden = true;
        this.root.append(el("p", { class: "petition-done", part: "done" }, this.words.closed));
        return;
      }
      const form = this.form = given || this.build();
      if (given) this.say();
      form.noValidate = true;
      this.put("locale", this.locale);
      for (const name of ["return-to", "source"]) if (this.hasAttribute(name)) this.put(name.replace("-", "_"), this.getAttribute(name));
      form.addEventListener("focusin", () => this.work(), { once: true });
      form.addEventListener("submit", (event) => this.send(event));
    }

    build() {
      const texts = this.petition.texts[this.locale], words = this.words;
      const fields = [...this.petition.fields, ...(texts.asks_comment ? ["comment"] : [])];
      const strict = fields.includes("birth_date"), must = ["first_name", "last_name", "email"];
      const form = el("form", { part: "form", method: "post", action: this.src + "/signatures" });
      for (const name of Object.keys(words).slice(0, 9).filter((each) => fields.includes(each))) {
        const required = must.includes(name) || (strict && name !== "comment");
        const type = { email: "email", birth_date: "date" }[name] || "text";
        form.append(el("div", { class: ["email", "comment"].includes(name) ? "petition-wide" : null, part: "field" },
          el("label", { for: name, part: "label" }, words[name], ...(required ? [] : [" ", el("small", {}, `(${words.optional})`)])),
          ...(name === "comment" ? [
            el("textarea", { id: name, name, rows: 3, maxlength: 1000, part: "input", "aria-describedby": "comment-hint" }),
            el("small", { id: "comment-hint", part: "hint" }, words.most)]
            : [el("input", { id: name, name, type, autocomplete: AUTOFILL[name], part: "input", "aria-required": required || null })])));
      }
      for (const name of ["sign", "show_name", "updates", "newsletter"]) {
        const field = name === "sign" ? "consent" : name;
        if (texts[name]) form.append(el("div", { class: "petition-box", part: "check" },
          el("input", { type: "checkbox", id: field, name: field, value: 1, "aria-required": name === "sign" || null }),
          el("label", { for: field, part: "consent" }, texts[name])));
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
        const text = texts[place.dataset.petitionText];
        if (!text || place.textContent.trim() === text) continue;
        place.textContent = text;
        if (place.control) place.control.checked = false;
      }
      this.put("consent_text_id", texts.id);
    }

    put(name, value) {
      const field = this.form.elements[name];
      if (field) field.value = value;
      else this.form.append(el("input", { type: "hidden", name, value }));
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
      } catch {
        this.plain = this.failed; // Twice unreachable for a script: then an ordinary post may still arrive.
        this.failed = true;
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
        this.put("submission_key", [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""));
      }
      this.put("altcha", await this.work());
      const answer = await fetch(this.src + "/signatures", {
        method: "POST", credentials: "omit", headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(Object.fromEntries(new FormData(this.form))),
        referrer: location.pathname, referrerPolicy: "no-referrer-when-downgrade", // which page asked for the consent
      });
      const said = await answer.json().catch(() => ({}));
      if (answer.ok) return this.thank(said, typed.email);
      const errors = said.errors || (said.field ? [{ field: said.field, message: said.detail }] : []);
      if (first && errors.some((each) => each.field === "altcha")) return this.work(true).then(() => this.post(false));
      this.complain(errors.length ? errors : [{ message: answer.status < 500 && said.detail || this.words.failed }]);
    }

    thank(said, email) {
      const words = this.words, asks = said.next === "check_email";
      const done = el("div", { class: "petition-done", part: "done", role: "status", tabindex: -1 },
        ...(asks ? [el("strong", {}, words.almost)] : []), el("p", {}, asks ? words.check.replace("{x}", () => email) : words.thanks));
      this.form.after(done);
      this.form.hidden = true;
      done.focus();
      this.refresh();
      this.dispatchEvent(new CustomEvent("achterban:signed", { bubbles: true, composed: true }));
    }

    clear() {
      this.form.querySelectorAll(".petition-error,.petition-summary").forEach((each) => each.remove());
      for (const field of this.form.querySelectorAll("[aria-invalid]")) {
        field.removeAttribute("aria-invalid");
        const others = (field.getAttribute("aria-describedby") || "").split(" ").filter((id) => !id.endsWith("-error")).join(" ");
        others ? field.setAttribute("aria-describedby", others) : field.removeAttribute("aria-describedby");
      }
    }

    complain(errors) {
      const list = el("ul");
      let begin;
      for (const { field: name, message } of errors) {
        const field = name && this.form.elements[name], item = el("li", {}, message);
        if (field && field.type !== "hidden" && field.setAttribute) {
          begin = begin || field;
          field.id = field.id || `petition-${++last}-${name}`;
          const id = `${field.id}-error`, box = field.type === "checkbox" && field.labels[0];
          (field.closest("label") || box || field).after(el("span", { class: "petition-error", part: "error", id }, message));
          field.setAttribute("aria-invalid", "true");
          field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${id}`.trim());
          const link = el("a", { href: `#${field.id}` }, message);
          link.onclick = (event) => (event.preventDefault(), field.focus());
          item.replaceChildren(link);
        }
        list.append(item);
      }
      const sums = el("div", { class: "petition-summary", part: "summary", role: "alert" });
      this.form.prepend(sums);
      sums.append(...(begin ? [this.words.wrong, list] : errors.map((each) => el("div", {}, each.message))));
      if (begin) begin.focus();
    }
  }
  customElements.define("achterban-petition", AchterbanPetition);
})();
