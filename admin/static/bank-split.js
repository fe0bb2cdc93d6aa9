// What is still to divide, while one types; the server says the same without this file.
const form = document.getElementById("ab-split");
if (form) {
  const left = document.getElementById("ab-left");
  const money = new Intl.NumberFormat(left.dataset.language, { style: "currency", currency: left.dataset.currency });
  const digits = money.resolvedOptions().maximumFractionDigits;
  const cents = (typed) => {
    const text = typed.replace(/[\s€]/g, "");
    const found = /^(\d+|\d{1,3}(?:[.,]\d{3})+)(?:[.,](\d{1,2}))?$/.exec(text);
    return found ? Number(found[1].replace(/[.,]/g, "")) * 10 ** digits + Number((found[2] || "").padEnd(digits, "0") || 0) : 0;
  };
  const show = () => {
    const parts = [...form.querySelectorAll("[name^=amount-]")].map((field) => cents(field.value));
    const rest = Number(form.dataset.whole) - parts.reduce((sum, part) => sum + part, 0);
    left.textContent = money.format(rest / 10 ** digits);
    left.classList.toggle("ab-up", rest === 0);
    left.classList.toggle("ab-down", rest < 0);
  };
  form.addEventListener("input", show);
  show();
}
