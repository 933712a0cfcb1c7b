// What pages of the portal do a little better with JavaScript. All of them work without it.

// On the way to the processor: send the form by itself. During loading, so that "back" does not come here again.
document.querySelector("form[data-send-now]")?.submit();

// What was pressed says that it works on it, until the next page is here.
document.querySelectorAll("form[method=post]").forEach((form) => form.addEventListener("submit", (event) =>
  event.submitter?.setAttribute("aria-busy", "true")));
addEventListener("pageshow", () => document.querySelectorAll("button[aria-busy]").forEach((button) => button.removeAttribute("aria-busy")));

// A payment that is being checked: look again, and show the page anew only when there is news.
const checked = document.querySelector("[data-look-again]");
if (checked) {
  setInterval(async () => {
    if (document.hidden) return;
    const page = await fetch(location.href).then((answer) => answer.text(), () => "");
    if (page.includes("data-state=") && !page.includes(`data-state="${checked.dataset.state}"`)) location.reload();
  }, checked.dataset.lookAgain * 1000);
}

// Several invoices at once: the button says what the chosen ones add up to.
const chooser = document.querySelector("form[data-sums]");
if (chooser) {
  const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
  const say = () => {
    const chosen = [...chooser.querySelectorAll("input:checked")];
    const cents = chosen.reduce((sum, box) => sum + Number(box.dataset.cents), 0);
    const button = chooser.querySelector("[data-sum]");
    button.textContent = chosen.length ? `${button.dataset.sum} ${dollars.format(cents / 100)}` : button.dataset.none;
  };
  chooser.addEventListener("change", say);
  say();
}

// What is there to be copied is chosen whole.
document.querySelectorAll("[data-copy]").forEach((box) => box.addEventListener("focus", () => box.select()));

// Opened by a person, or drawn by a program that reads the mail first? Told once, when somebody really moves,
// touches or types in a page that is in sight. Fetching or drawing the page tells nothing.
const seen = document.querySelector("[data-seen]");
if (seen && !navigator.webdriver) {
  const moves = ["pointermove", "pointerdown", "touchstart", "wheel", "keydown"];
  const tell = (move) => {
    if (!move.isTrusted || document.visibilityState !== "visible") return;
    moves.forEach((name) => removeEventListener(name, tell));
    const body = new URLSearchParams({ csrf_token: seen.dataset.token });
    fetch(seen.dataset.seen, { method: "POST", body, keepalive: true }).catch(() => {});
  };
  moves.forEach((name) => addEventListener(name, tell, { passive: true }));
}

// A plan follows what is chosen for it, without the button.
const wished = document.querySelector("form[data-live]");
if (wished) {
  let latest = 0;
  const count = wished.querySelector("[name=count]");
  const show = () => wished.querySelectorAll("[data-payment]").forEach((box) => (box.hidden = Number(box.dataset.payment) >= Number(count.value)));
  const follow = async () => {
    show();
    const turn = ++latest;
    const address = `${wished.getAttribute("action")}?${new URLSearchParams(new FormData(wished))}`;
    const page = await fetch(address).then((answer) => answer.text(), () => "");
    const fresh = new DOMParser().parseFromString(page, "text/html").querySelector(wished.dataset.live);
    if (fresh && turn === latest) document.querySelector(wished.dataset.live).replaceWith(document.adoptNode(fresh));
  };
  wished.addEventListener("change", follow);
  show();
}
