// The palette and the list of keys. The server writes what stands in them; this opens them and moves through.
const $ = (selector, from = document) => from.querySelector(selector)

// A page or a part of one; null when the person has to sign in first, and is led there.
async function load(url, signal) {
  const answer = await fetch(url, { signal })
  if (answer.redirected || !answer.ok) return location.assign(answer.redirected ? location.href : url)
  return new DOMParser().parseFromString(await answer.text(), "text/html")
}

function show(dialog) {
  document.body.append(dialog)
  dialog.addEventListener("close", () => dialog.remove())
  dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close() })
  dialog.showModal()
}

export async function palette() {
  if ($("#palette")) return $("#palette").close()
  const page = await load("/palette")
  if (!page || $("dialog[open]")) return
  const dialog = $("dialog", page)
  show(dialog)
  const input = $("input", dialog)
  let active, under, last = input.value

  const options = () => [...dialog.querySelectorAll("[role=option]")]
  const choose = to => {
    active?.setAttribute("aria-selected", "false")
    active = to
    active?.setAttribute("aria-selected", "true")
    active?.scrollIntoView({ block: "nearest" })
    active ? input.setAttribute("aria-activedescendant", active.id) : input.removeAttribute("aria-activedescendant")
  }

  const search = async () => {
    const q = input.value.trim()
    if (q === last) return
    last = q
    under?.abort()
    under = new AbortController()
    try {
      const found = await load("/palette?q=" + encodeURIComponent(q), under.signal)
      if (!found) return
      for (const part of [".palette-list", ".palette-none", "[role=status]"]) $(part, dialog).replaceWith($(part, found))
      choose(q ? options()[0] : undefined)
    } catch (e) {
      if (e.name !== "AbortError") throw e
    }
  }

  input.addEventListener("input", search)
  dialog.addEventListener("keydown", e => {
    const all = options(), at = all.indexOf(active)
    if (e.key === "ArrowDown") choose(all[(at + 1) % all.length])
    else if (e.key === "ArrowUp") choose(all.at(at < 0 ? -1 : (at - 1) % all.length))
    else if (e.key === "Enter" && active && last === input.value.trim()) {
      if (e.ctrlKey || e.metaKey) open(active.href)
      else active.click()
    } else return
    e.preventDefault()
  })
  dialog.addEventListener("click", e => { if (e.target.closest("a")) dialog.close() })
}

export async function help() {
  const page = await load("/keyboard")
  const keys = page && $("#keyboard", page)
  if (!keys || $("dialog[open]")) return
  const dialog = document.createElement("dialog"), head = document.createElement("div"), close = document.createElement("button")
  const title = document.createElement("h2")
  head.className = "dialog-head"
  title.textContent = $("h1", page).textContent
  title.id = "dialog-title"
  dialog.setAttribute("aria-labelledby", title.id)
  close.className = "button button-quiet"
  close.textContent = keys.dataset.close
  close.addEventListener("click", () => dialog.close())
  head.append(title, close)
  keys.classList.add("dialog-body")
  dialog.append(head, keys)
  show(dialog)
}
