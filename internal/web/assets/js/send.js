// Sends a change in the background that the page shows already. The answer is the page it would have led
// to; nothing comes back where the change was not made: then it says why, and who asked takes it back.
const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]

export async function send(url, values, place) {
  place.setAttribute("aria-busy", "true")
  dispatchEvent(new Event("sent"))
  const by = $("input[name=by]")?.value ?? ""
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams({ ...values, by }), headers: { Accept: "text/html" } }).catch(() => null)
  const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html")
  place.removeAttribute("aria-busy")
  if (page && $("form[action='/login']", page)) return void location.assign(location.href) // which leads to signing in
  if (answer?.ok && answer.redirected) {
    toasts(page)
    return page
  }
  const why = page && [".field-error", "main .alert p", "main p", "h1"].map(said => $(said, page)).find(Boolean)
  tell(why?.textContent ?? $("#said").dataset.failed)
}

function toasts(page) {
  const own = ".toast:not(.live-notice)"
  $$(own).forEach(e => e.remove())
  $$(own, page).forEach(e => document.body.append(e))
}

export function tell(text) {
  const note = document.createElement("div"), close = document.createElement("button"), said = document.createElement("span")
  note.className = "toast toast-bad"
  note.setAttribute("role", "alert")
  note.dataset.once = ""
  said.textContent = text
  close.className = "button"
  close.textContent = "OK"
  close.addEventListener("click", () => note.remove())
  note.append(said, close)
  document.body.append(note)
}
