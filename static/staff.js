/* Comfort for the back office; every page works without it. Type-ahead, ctrl+K, tick all, no double click. */
"use strict";

(() => {
  let lists = 0;

  function typeAhead(box) {
    const hidden = box.parentElement.querySelector(`input[type=hidden][name="${box.name.replace(/-text$/, "")}"]`);
    const wrap = document.createElement("span");
    const list = document.createElement("ul");
    const id = `ahead-${++lists}`;
    wrap.className = "ahead";
    box.replaceWith(wrap);
    wrap.append(box, list);
    list.id = id;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", id]])
      box.setAttribute(name, value);
    let timer, asked = 0, at = -1;

    function close() {
      clearTimeout(timer);
      asked++;  // an answer that is still on its way comes too late
      list.hidden = true;
      at = -1;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    }

    function mark(index) {
      const options = [...list.children];
      at = (index + options.length) % options.length;
      options.forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
      box.setAttribute("aria-activedescendant", options[at].id);
      options[at].scrollIntoView({ block: "nearest" });
    }

    function choose(option) {
      if (option.dataset.url) { location.href = option.dataset.url; return; }
      box.value = option.dataset.text;
      if (hidden) hidden.value = option.dataset.id;
      close();
      if ("submit" in box.dataset) box.form.requestSubmit();
    }

    async function ask() {
      const text = box.value.trim(), mine = ++asked;
      if (!text) { close(); return; }
      const address = new URL(box.dataset.typeahead || box.dataset.find, location.href);
      address.searchParams.set(box.dataset.find ? "q" : "query", text);
      let found;
      try {
        const answer = await fetch(address, { headers: { Accept: "application/json" } });
        found = answer.ok ? await answer.json() : [];
      } catch { found = []; }
      if (mine !== asked || document.activeElement !== box) return;
      list.replaceChildren(...found.map((row, i) => {
        const option = document.createElement("li");
        option.id = `${id}-${i}`;
        option.setAttribute("role", "option");
        option.textContent = row.text || row.title;
        if (row.detail) {
          const more = document.createElement("small");
          more.textContent = `${row.kind} · ${row.detail}`;
          option.append(more);
        }
        Object.assign(option.dataset, { id: row.id ?? "", text: row.text || row.title, url: row.url || "" });
        option.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(option); });
        return option;
      }));
      list.hidden = !found.length;
      box.setAttribute("aria-expanded", String(!!found.length));
      at = -1;
      if (found.length && !box.dataset.find) mark(0);
    }

    box.addEventListener("input", () => {
      if (hidden) hidden.value = "";
      clearTimeout(timer);
      timer = setTimeout(ask, 120);
    });
    box.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      if (event.key === "ArrowDown") mark(at + 1);
      else if (event.key === "ArrowUp") mark(at - 1);
      else if (event.key === "Escape") close();
      else if (event.key === "Enter" && at >= 0) choose(list.children[at]);
      else if (event.key === "Tab" && at >= 0 && !box.dataset.find) { choose(list.children[at]); return; }
      else return;
      event.preventDefault();
    });
    box.addEventListener("blur", close);
  }

  document.querySelectorAll("[data-typeahead], [data-find]").forEach(typeAhead);
  const again = document.querySelector("input[autofocus], select[autofocus], textarea[autofocus]");
  if (again) again.focus();

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      const find = document.getElementById("find");
      if (find) { event.preventDefault(); find.focus(); find.select(); }
    }
  });

  const all = document.querySelector("[data-all]");
  if (all) {
    all.closest("label").hidden = false;
    const boxes = [...document.querySelectorAll(".rows input[name=id]")];
    all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  }

  document.querySelectorAll("form[method=post]").forEach((form) => form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.formTarget) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
  }));
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }));

  const preview = document.querySelector("[data-preview]");
  if (preview) {
    let waiting;
    const show = () => { clearTimeout(waiting); waiting = setTimeout(() => preview.form.requestSubmit(preview), 500); };
    preview.form.addEventListener("input", (event) => { if (event.target.name !== "note") show(); });
    show();
  }

  // A ticket: R goes to the box, Ctrl+Enter sends; a canned reply is put where the cursor is. While somebody
  // types, the page asks at most once a minute whether a colleague was faster.
  const answer = document.querySelector("form[data-answer]");
  if (answer) {
    document.documentElement.classList.add("has-script");
    const box = answer.elements.body, canned = answer.elements.canned;
    const news = document.querySelector("[data-news]");
    let asked = 0;
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key === "r" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); box.focus(); }
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) answer.requestSubmit(answer.querySelector("[data-main]"));
    });
    box.addEventListener("input", async () => {
      if (Date.now() - asked < 60000) return;
      asked = Date.now();
      const address = `${answer.dataset.answer}?since=${answer.elements.seen.value}`;
      const told = await fetch(address, { headers: { Accept: "application/json" } }).then((got) => got.ok ? got.json() : {}, () => ({}));
      if (!told.news) return;
      const line = document.createElement("p");
      line.className = "flash flash-bad";
      line.textContent = `${told.news} Reload the page to read it; what you wrote stays in the box.`;
      news.replaceChildren(line);
    });
    if (canned) canned.addEventListener("change", () => {
      const body = canned.selectedOptions[0].dataset.body;
      if (!body) return;
      const [from, to] = [box.selectionStart, box.selectionEnd];
      box.setRangeText(body, from, to, "end");
      canned.value = "";
      box.focus();
    });
  }

  // Ctrl+Enter does what the first button of the form does: a call is saved, a personal mail is sent.
  document.querySelectorAll("form[data-ctrl-enter]").forEach((form) => form.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  }));

  // The menu shows where somebody is, however far down that stands.
  const menu = document.getElementById("menu"), here = menu && menu.querySelector("[aria-current]");
  if (here && here.offsetTop > menu.clientHeight - 80) menu.scrollTop = here.offsetTop - menu.clientHeight / 2;

  document.querySelectorAll("[data-copy]").forEach((box) => box.addEventListener("focus", () => box.select()));
})();
