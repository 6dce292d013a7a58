// The pages work without this script. It adds: the sign-in by a link, copying, the summary of a new
// client, and a look at whether a new secret has been used. It writes text, never markup.
"use strict";

const SECRET = /^#[A-Za-z0-9_-]{43}$/;

// A one-time link has its secret behind the number sign, which no server sees. It leaves the
// address at once, so that it stays in no history.
function signInByLink() {
  const hash = location.hash;
  if (!SECRET.test(hash)) return;
  const form = document.getElementById("link-form");
  if (form === null) {
    location.replace("/console/sign-in" + hash);
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.link.value = hash.slice(1);
  form.requestSubmit();
}

function announce(text) {
  const place = document.getElementById("announcer");
  if (place !== null) place.textContent = text;
}

function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    const name = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      announce("Copied");
      setTimeout(() => { button.textContent = name; }, 2000);
    });
  }
}

// Waits for the first token of a secret, at most ten minutes.
function watchFirstUse() {
  const light = document.querySelector("[data-watch]");
  if (light === null) return;
  let left = 200;
  const look = async () => {
    left -= 1;
    try {
      const answer = await fetch(light.dataset.watch, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (found.text !== null) light.querySelector("[data-text]").textContent = found.text;
      if (found.is_used) {
        light.classList.add("good");
        return;
      }
    } catch {
      // The next look may succeed.
    }
    if (left > 0) setTimeout(look, 3000);
  };
  setTimeout(look, 3000);
}

// What the form of a new client makes, in words, while it is filled in.
function summarize() {
  const place = document.querySelector("[data-summary]");
  if (place === null) return;
  const form = place.closest("form");
  const accessOf = (api) => {
    const name = api.querySelector("legend").textContent;
    if (api.querySelector("[name=api]").checked) return name + " (all scopes)";
    const scopes = [...api.querySelectorAll("[name=scope]:checked")];
    const names = scopes.map((scope) => scope.labels[0].querySelector("code").textContent);
    return names.length === 0 ? "" : `${name} (${names.join(", ")})`;
  };
  const credential = () => {
    const chosen = form.querySelector("[name=credential]:checked");
    if (chosen === null) return "";
    if (chosen.value !== "secret") return " The next page asks for its credential.";
    const lifetime = form.elements.lifetime.selectedOptions[0];
    return lifetime.value === "" ? " Its secret does not expire." : ` Its secret expires in ${lifetime.textContent}.`;
  };
  const tell = () => {
    const name = form.elements.name.value.trim() || "The client";
    const access = [...form.querySelectorAll("fieldset.api")].map(accessOf).filter(Boolean);
    const may = access.length === 0 ? "may not call any API yet" : "may call " + access.join(" and ");
    place.textContent = `${name} ${may}.${credential()}`;
    place.hidden = false;
  };
  form.addEventListener("input", tell);
  tell();
}

// On a narrow screen the menu begins closed.
function closeMenu() {
  const menu = document.querySelector(".side-menu");
  if (menu !== null && matchMedia("(max-width: 56rem)").matches) menu.open = false;
}

signInByLink();
// A link that is put into the address bar of an open page loads nothing.
addEventListener("hashchange", signInByLink);
closeMenu();
offerCopies();
watchFirstUse();
summarize();
