// Without this file the form sends everything at once. With it: files can be dropped, each goes by itself with its
// progress, and what became of it appears as soon as it is known.
const form = document.getElementById("ab-drop");
if (form) {
  const field = form.querySelector("[name=files]");
  const part = document.getElementById("ab-came-part");
  const came = document.getElementById("ab-came");
  form.querySelector(".ab-drop-here").hidden = false;

  const row = (file) => {
    const article = document.createElement("article");
    article.className = "ab-card ab-came";
    const head = document.createElement("h3");
    head.textContent = file.name;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    const said = document.createElement("p");
    said.className = "ab-quiet";
    said.textContent = form.dataset.sending;
    article.append(head, bar, said);
    came.append(article);
    return { article, bar, said };
  };

  const complain = (shown, text) => {
    shown.bar.remove();
    shown.said.className = "ab-wrong";
    shown.said.textContent = text;
  };

  const send = (file, shown) => new Promise((done) => {
    if (file.size > Number(form.dataset.limit)) {
      complain(shown, form.dataset.large);
      done();
      return;
    }
    const data = new FormData();
    data.append("csrf_token", form.querySelector("[name=csrf_token]").value);
    data.append("files", file);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "fetch");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) shown.bar.value = event.loaded / event.total;
    });
    request.upload.addEventListener("load", () => {
      shown.bar.removeAttribute("value");
      shown.said.textContent = form.dataset.reading;
    });
    request.addEventListener("load", () => {
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      const found = answer.querySelectorAll("article.ab-came");
      if (request.status < 300 && found.length) shown.article.replaceWith(...found);
      else if (request.status === 413) complain(shown, form.dataset.large);
      else complain(shown, request.status < 500 ? form.dataset.again : form.dataset.failed);
      done();
    });
    request.addEventListener("error", () => {
      complain(shown, form.dataset.failed);
      done();
    });
    request.send(data);
  });

  // What came in before, and what does not add up, as it is now.
  const refresh = async () => {
    const answer = await fetch(form.action, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.getElementById("ab-earlier");
    if (now) document.getElementById("ab-earlier").replaceWith(now);
  };

  let turn = Promise.resolve();
  let underway = 0;
  const take = (files) => {
    part.hidden = false;
    for (const file of files) {
      const shown = row(file);
      underway += 1;
      turn = turn.then(() => send(file, shown)).then(() => {
        underway -= 1;
        return underway ? undefined : refresh().catch(() => undefined); // the lists can wait for the next visit
      });
    }
  };

  form.addEventListener("submit", (event) => {
    if (!field.files.length) return; // the server says that one has to be chosen
    event.preventDefault();
    take([...field.files]);
    form.reset();
  });
  for (const kind of ["dragenter", "dragover"]) {
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("ab-over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.remove("ab-over");
    });
  }
  form.addEventListener("drop", (event) => take([...event.dataTransfer.files]));
}
