/* <achterban-donate src="https://HOST" locale="nl" fund="…" source="…" amounts="10,25,50" intervals="once,month">
   Makes the plain form inside it live (ways to pay, costs, mistakes beside their fields), or builds one where there is
   none. No cookies, no storage, nothing inline: it works under a strict Content-Security-Policy. MIT licence. */
(() => {
  const WORDS = {
    nl: {
      often: "Hoe vaak?", much: "Hoeveel?", other: "Ander bedrag, in euro's", what: "Waarvoor?", how: "Hoe betaalt u?",
      first_name: "Voornaam", prefix: "Tussenvoegsel", surname: "Achternaam", email: "E-mailadres",
      once: "Eenmalig", month: "Elke maand", two_months: "Elke twee maanden", quarter: "Elk kwartaal",
      half_year: "Elk half jaar", year: "Elk jaar", give: "Doneer", cover: "Ik betaal ook de kosten van de betaling ({x}).",
      leaving: "U gaat naar de betaalpagina…", wrong: "Nog niet verstuurd. Kijk dit even na:",
      failed: "Versturen lukte niet. Wat u invulde staat er nog; druk nog eens op de knop.",
      absent: "Het formulier kan nu niet worden getoond.", again: "Probeer het nog eens",
      telling: "Laat uw gift zien, of laat een bericht achter", heard: "Hoe hoorde u hiervan?", unsaid: "Dat zeg ik liever niet",
    },
    en: {
      often: "How often?", much: "How much?", other: "Another amount, in euros", what: "For what?", how: "How do you pay?",
      first_name: "First name", prefix: "Prefix (van den)", surname: "Surname", email: "E-mail address",
      once: "Once", month: "Every month", two_months: "Every two months", quarter: "Every quarter",
      half_year: "Every half year", year: "Every year", give: "Give", cover: "I pay the costs of the payment too ({x}).",
      leaving: "You are going to the page to pay…", wrong: "Not sent yet. Please look at this:",
      failed: "It could not be sent. What you filled in is still here; press the button once more.",
      absent: "The form cannot be shown just now.", again: "Try again",
      telling: "Show your gift, or leave a message", heard: "How did you hear of this?", unsaid: "I would rather not say",
    },
  };
  const AUTOFILL = { first_name: "given-name", surname: "family-name", email: "email" };
  const HIDDEN = { fund: "fund", source: "source_code", placement: "placement", edition: "edition", "return-to": "return_to" };
  const WRONG = `.donate-error,.donate-summary{color:var(--donate-error,#a3271f)}.donate-error{display:block;font-weight:600;font-size:.92em;
    flex-basis:100%}.donate-summary{margin:0 0 1em;padding:.7em 1em;border-left:4px solid;background:var(--donate-error-soft,#fae5e2)}
    .donate-summary ul{margin:.3em 0 0;padding-left:1.2em}.donate-summary a{color:inherit}`;
  const OWN = `:host{display:block;max-width:var(--donate-width,42em);font:var(--donate-font,inherit);color:var(--donate-text,inherit)}
    [hidden]{display:none!important}form{display:flex;flex-wrap:wrap;gap:1em;align-items:start}form>*{margin:0;min-width:0;
    flex:1 0 100%;box-sizing:border-box}.donate-prefix{flex:1 1 9em}.donate-surname{flex:2 1 14em}form>button{flex:0 0 auto}
    fieldset{border:0;padding:0}legend,label{display:block;font-weight:600;margin-bottom:.25em;padding:0}
    .donate-options{display:flex;flex-wrap:wrap;gap:.5em}.donate-option{position:relative;flex:1 1 8em;
    margin:0;font-weight:400}.donate-choice-amount .donate-option{flex-basis:5em}.donate-option input{position:absolute;opacity:0;inset:0;width:100%;height:100%;margin:0;cursor:pointer}
    .donate-option span{display:flex;align-items:center;justify-content:center;text-align:center;min-height:2.75em;height:100%;padding:.4em .7em;
    box-sizing:border-box;background:var(--donate-field,#fff);border:1px solid var(--donate-line,#767c78);border-radius:var(--donate-radius,7px)}
    .donate-option input:checked+span{background:var(--donate-accent,#1d6660);color:var(--donate-on-accent,#fff);
    border-color:var(--donate-accent,#1d6660);font-weight:650}.donate-option input:focus-visible+span{outline:3px solid
    var(--donate-focus,#c4790a);outline-offset:2px}.donate-own{flex:1 0 100%;margin:0}.donate-own label{font-weight:400}
    form>div input,form>p input,.donate-own input,select,textarea,details div>input:not([type]){font:inherit;color:inherit;background:var(--donate-field,#fff);box-sizing:border-box;
    width:100%;min-height:2.75em;padding:.5em .7em;border:1px solid var(--donate-line,#767c78);border-radius:var(--donate-radius,7px)}
    .donate-box{display:flex;flex-wrap:wrap;gap:.2em .7em}.donate-box label{flex:1;font-weight:400;margin:0}.donate-box input{width:1.4em;
    height:1.4em;min-height:0;margin:.1em 0 0;accent-color:var(--donate-accent,#1d6660)}textarea{resize:vertical}details{padding:.75em 1em;
    background:var(--donate-soft,#eef3f1);border-radius:var(--donate-radius,7px)}details>div{margin-top:1em}details label{font-weight:400}summary{
    font-weight:600;cursor:pointer}input[aria-invalid=true],select[aria-invalid=true],textarea[aria-invalid=true]{
    border-color:var(--donate-error,#a3271f);border-width:2px}button{font:inherit;font-weight:650;min-height:3em;
    padding:.6em 1.4em;border:0;cursor:pointer;border-radius:var(--donate-radius,7px);background:var(--donate-accent,#1d6660);
    color:var(--donate-on-accent,#fff)}button[aria-disabled=true]{opacity:.7;cursor:progress}:focus-visible{outline:3px solid
    var(--donate-focus,#c4790a);outline-offset:2px}`;
  let own, last = 0;

  const sheetOf = (css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  };
  const el = (tag, attributes = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value != null && value !== false) made.setAttribute(name, value === true ? "" : value);
    made.append(...inside);
    return made;
  };
  const listed = (text) => (text || "").split(",").map((each) => each.trim()).filter(Boolean);

  class AchterbanDonate extends HTMLElement {
    connectedCallback() {
      this.back = (event) => event.persisted && this.form && this.free();
      addEventListener("pageshow", this.back); // Who comes back from the page to pay finds the form as it was.
      if (this.offer) return;
      if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => this.begin(), { once: true });
      else this.begin();
    }

    disconnectedCallback() {
      removeEventListener("pageshow", this.back);
    }

    begin() {
      this.ready = this.start(); // A site's own script may await it: from then on a form is sent by us, before by the browser.
    }

    async start() {
      this.base = new URL(this.getAttribute("src") || "/", document.baseURI).href.replace(/\/$/, "");
      const given = this.form = this.querySelector("form");
      const said = given && given.elements.locale, near = this.closest("[lang]") || document.documentElement;
      const wish = this.getAttribute("locale") || (said && said.value) || near.lang.slice(0, 2);
      this.locale = WORDS[wish] ? wish : "nl";
      this.words = WORDS[this.locale];
      const root = this.root = this.shadowRoot || this.attachShadow({ mode: "open" });
      root.replaceChildren(el("slot"));
      try {
        root.adoptedStyleSheets = [(own = own || sheetOf(OWN + WRONG))];
        if (!last++) document.adoptedStyleSheets = [...document.adoptedStyleSheets,
          sheetOf(`:where(achterban-donate){${WRONG}[hidden]{display:none!important}}`)];
      } catch { /* An old browser shows it without our colours. */ }
      try {
        const answer = await fetch(`${this.base}/api/giving?locale=${this.locale}`, { credentials: "omit" });
        if (!answer.ok) throw answer;
        this.offer = await answer.json();
      } catch {
        if (given) return; // It works as it stands.
        const again = el("button", { type: "button", part: "button" }, this.words.again);
        again.onclick = () => this.start();
        root.append(el("p", { role: "alert" }, this.words.absent), again);
        return;
      }
      const form = this.form = given || this.build();
      if (given) this.say();
      form.noValidate = true;
      this.put("locale", this.locale);
      this.put("submission_key", [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""));
      for (const [attribute, name] of Object.entries(HIDDEN)) if (this.hasAttribute(attribute)) this.put(name, this.getAttribute(attribute));
      this.button = form.querySelector("button:not([type=button]),[type=submit]");
      if (this.offer.challenge_url) {
        this.work = prover(`${this.base}/api/giving/challenge`);
        form.addEventListener("focusin", () => this.work(), { once: true });
      }
      form.addEventListener("input", (event) => this.live(event.target));
      form.addEventListener("submit", (event) => this.send(event));
      this.live();
    }

    // -- the form -----------------------------------------------------------------------------------------------

    build() {
      const { words, offer } = this, wanted = listed(this.getAttribute("intervals"));
      const amounts = listed(this.getAttribute("amounts")).map((each) => Number(each).toFixed(2));
      const intervals = wanted.length ? wanted.filter((each) => offer.intervals.includes(each)) : offer.intervals;
      const form = el("form", { part: "form", method: "post", "accept-charset": "utf-8", action: `${this.base}/api/gifts` });
      const suggested = amounts.length ? amounts : offer.amounts, first = this.getAttribute("amount");
      const start = first ? Number(first).toFixed(2) : suggested[suggested.length >> 1];
      if (intervals.length > 1) form.append(this.choice("interval", words.often, intervals.map((each) => [each, words[each]]), this.getAttribute("interval")));
      else form.append(el("input", { type: "hidden", name: "interval", value: intervals[0] }));
      const amount = this.choice("amount", words.much, suggested.map((each) => [each, this.money(Number(each))]), start);
      amount.removeAttribute("role");
      amount.querySelector(".donate-options").append(el("p", { class: "donate-own" }, el("label", { for: "amount_other", part: "label" }, words.other),
        el("input", { id: "amount_other", name: "amount_other", inputmode: "decimal", autocomplete: "off", maxlength: 40, part: "input",
          value: suggested.includes(start) ? null : start })));
      form.append(amount);
      if (!this.hasAttribute("fund") && offer.funds.length > 1) {
        form.append(el("div", { part: "field" }, el("label", { for: "fund", part: "label" }, words.what),
          el("select", { id: "fund", name: "fund", part: "input" },
            ...offer.funds.map(({ code, name }) => el("option", { value: code, selected: code === "general" }, name)))));
      }
      for (const name of ["first_name", "prefix", "surname", "email"]) {
        form.append(el("div", { class: name === "prefix" || name === "surname" ? `donate-${name}` : null, part: "field" },
          el("label", { for: name, part: "label" }, words[name]),
          el("input", { id: name, name, type: name === "email" ? "email" : "text", autocomplete: AUTOFILL[name], part: "input",
            "aria-required": name === "prefix" ? null : "true" })));
      }
      const methods = new Map([...offer.methods.once, ...offer.methods.lasting].map((each) => [each.method, each.name]));
      if (methods.size > 1) form.append(this.choice("method", words.how, [...methods]));
      else for (const method of methods.keys()) form.append(el("input", { type: "hidden", name: "method", value: method }));
      const box = (name, text, into = form) => into.append(el("div", { class: "donate-box", part: "check" },
        el("input", { type: "checkbox", id: name, name, value: 1 }), el("label", { for: name, part: "consent", "data-donate-text": name }, text)));
      if (Object.keys(offer.costs).length) box("cover_costs", "");
      if (this.getAttribute("edition") && offer.telling) {
        form.append(this.telling(offer.telling, box));
        box("updates", offer.telling.words.updates);
      }
      if (offer.newsletter) {
        box("newsletter", offer.newsletter.text);
        if (offer.newsletter.id) form.append(el("input", { type: "hidden", name: "consent_text_id", value: offer.newsletter.id }));
      }
      form.append(
        el("div", { hidden: true }, el("label", {}, "Website", el("input", { name: "website", tabindex: -1, autocomplete: "off" }))),
        el("button", { part: "button" }, words.give));
      this.root.append(form);
      return form;
    }

    /* What may be told along with a gift to an edition; the words beside each field are what is agreed to. */
    telling({ words, heard }, box) {
      const field = (name, label, input) => el("div", { part: "field" }, el("label", { for: name, part: "label" }, label), input);
      const more = el("details", { class: "donate-telling", part: "telling" }, el("summary", {}, this.words.telling),
        field("public_name", words.show_name, el("input", { id: "public_name", name: "public_name", maxlength: 80, part: "input" })),
        field("message", words.show_message, el("textarea", { id: "message", name: "message", rows: 3, maxlength: 500, part: "input" })));
      box("show_amount", words.show_amount, more);
      more.append(field("heard", this.words.heard, el("select", { id: "heard", name: "heard", part: "input" }, el("option", { value: "" }, this.words.unsaid),
        ...heard.map(({ code, name }) => el("option", { value: code }, name)))));
      return more;
    }

    choice(name, legend, options, chosen) {
      const first = options.some(([value]) => value === chosen) ? chosen : name === "amount" ? null : options[0][0];
      return el("fieldset", { class: `donate-choice-${name}`, role: "radiogroup", part: "choice" }, el("legend", { part: "label" }, legend),
        el("div", { class: "donate-options" }, ...options.map(([value, label]) => el("label", { class: "donate-option", part: "option" },
          el("input", { type: "radio", name, value, checked: value === first }), el("span", {}, label)))));
    }

    /* The newsletter's words in force, in a form that marks their place; a box ticked for other words is unticked. */
    say() {
      const news = this.offer.newsletter, place = this.form.querySelector("[data-donate-text=newsletter]");
      if (!place || !news) return;
      if (place.textContent.trim() !== news.text) {
        place.textContent = news.text;
        if (place.control) place.control.checked = false;
      }
      this.put("consent_text_id", news.id || "");
    }

    put(name, value) {
      const field = this.form.elements[name];
      if (field) field.value = value;
      else this.form.append(el("input", { type: "hidden", name, value }));
    }

    money(number) {
      const digits = Number.isInteger(number) ? 0 : 2;
      return new Intl.NumberFormat(this.locale, { style: "currency", currency: this.offer.currency,
        minimumFractionDigits: digits, maximumFractionDigits: digits }).format(number).replace("\u00a0", " ");
    }

    /* What follows from what was chosen: one amount of two ways, the ways to pay, their costs, the button's words. */
    live(changed) {
      const { elements } = this.form, other = elements.amount_other, value = (name) => (elements[name] ? elements[name].value : "");
      if (changed && changed.name === "amount" && other) other.value = "";
      if (changed === other && other && other.value) this.radios("amount").forEach((each) => (each.checked = false));
      const interval = value("interval") || "once", { once, lasting } = this.offer.methods;
      const can = (interval === "once" ? once : lasting).map((each) => each.method), methods = this.radios("method");
      for (const each of methods) {
        each.disabled = !can.includes(each.value);
        (each.closest("label") || each).hidden = each.disabled;
      }
      if (methods.length && !methods.some((each) => each.checked && !each.disabled)) {
        const first = methods.find((each) => !each.disabled);
        if (first) first.checked = true;
      }
      const cost = Number(this.offer.costs[value("method")] || 0), cover = elements.cover_costs;
      if (cover && cover.type === "checkbox") {
        const place = this.form.querySelector("[data-donate-text=cover_costs]");
        if (!cost) cover.checked = false;
        (cover.closest(".donate-box") || cover).hidden = !cost;
        if (place && cost) place.textContent = this.words.cover.replace("{x}", this.money(cost));
      }
      const chosen = other && other.value.trim() || value("amount");
      const amount = /^\d+([.,]\d{1,2})?$/.test(chosen) ? Number(chosen.replace(",", ".")) + (cover && cover.checked ? cost : 0) : 0;
      if (this.button && !this.busy) {
        const words = [this.words.give, amount && this.money(Math.round(amount * 100) / 100), interval !== "once" && this.words[interval].toLowerCase()];
        this.button.textContent = words.filter(Boolean).join(" ");
      }
    }

    radios(name) {
      return [...this.form.querySelectorAll(`input[type=radio][name=${name}]`)];
    }

    // -- sending ------------------------------------------------------------------------------------------------

    async send(event) {
      if (this.plain) return; // The way of a page without script: the browser sends it.
      event.preventDefault();
      if (this.busy) return;
      this.busy = true;
      if (this.button) this.button.setAttribute("aria-disabled", "true"), (this.button.textContent = this.words.leaving);
      this.clear();
      try {
        if (await this.post()) return;
      } catch {
        this.plain = this.failed; // Twice unreachable for a script: then an ordinary post may still arrive.
        this.failed = true;
        this.complain([{ message: this.words.failed }]);
      }
      this.free();
    }

    free() {
      this.busy = false;
      if (this.button) this.button.removeAttribute("aria-disabled");
      this.live();
    }

    async post(first = true) {
      if (this.work) this.put("altcha", await this.work(this.spent)); // Each is good for one form.
      const answer = await fetch(`${this.base}/api/gifts`, {
        method: "POST", credentials: "omit", headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(Object.fromEntries(new FormData(this.form))),
        referrer: location.pathname, referrerPolicy: "no-referrer-when-downgrade", // which page asked for the consent
      });
      const said = await answer.json().catch(() => ({}));
      this.spent = answer.status !== 422;
      if (answer.ok && said.checkout_url) {
        this.dispatchEvent(new CustomEvent("achterban:giving", { bubbles: true, composed: true }));
        location.assign(said.checkout_url);
        return true;
      }
      const errors = said.errors || (said.field ? [{ field: said.field, message: said.detail }] : []);
      if (first && this.work && errors.some((each) => each.field === "altcha")) return this.work(true).then(() => this.post(false));
      this.complain(errors.length ? errors : [{ message: said.detail || this.words.failed }]);
      return false;
    }

    clear() {
      this.form.querySelectorAll(".donate-error,.donate-summary").forEach((each) => each.remove());
      for (const field of this.form.querySelectorAll("[aria-invalid]")) {
        field.removeAttribute("aria-invalid");
        const others = (field.getAttribute("aria-describedby") || "").split(" ").filter((id) => !id.endsWith("-error")).join(" ");
        others ? field.setAttribute("aria-describedby", others) : field.removeAttribute("aria-describedby");
      }
    }

    /* The field that a mistake is about, or the group of its buttons; the written amount stands for both ways. */
    about(name) {
      const { elements } = this.form, group = name && this.radios(name);
      if (name === "amount" && elements.amount_other) return elements.amount_other;
      if (group && group.length) return group[0].closest("fieldset") || group[0];
      const field = name && elements[name];
      return field && field.type !== "hidden" && field.setAttribute ? field : null;
    }

    complain(errors) {
      const list = el("ul");
      let begin;
      for (const { field: name, message } of errors) {
        const field = this.about(name), item = el("li", {}, message);
        if (field) {
          const focus = () => (field.matches("fieldset") ? field.querySelector("input:checked") || field.querySelector("input") : field).focus();
          begin = begin || focus;
          if (field.closest("details")) field.closest("details").open = true;
          field.id = field.id || `donate-${++last}-${name}`;
          const id = `${field.id}-error`, box = field.type === "checkbox" && field.labels[0], said = el("span", { class: "donate-error", part: "error", id }, message);
          field.matches("fieldset") ? field.append(said) : (field.closest("label") || box || field).after(said);
          field.setAttribute("aria-invalid", "true");
          field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${id}`.trim());
          const link = el("a", { href: `#${field.id}` }, message);
          link.onclick = (event) => (event.preventDefault(), focus());
          item.replaceChildren(link);
        }
        list.append(item);
      }
      const sums = el("div", { class: "donate-summary", part: "summary", role: "alert" });
      this.form.prepend(sums);
      sums.append(...(begin ? [this.words.wrong, list] : errors.map((each) => el("div", {}, each.message))));
      if (begin) begin();
    }
  }
  customElements.define("achterban-donate", AchterbanDonate);
})();
