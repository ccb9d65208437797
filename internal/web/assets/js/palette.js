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

// What can be done on the page itself: its buttons, those of the row that has the focus, and the fields
// that a key leads to. Who may not do something does not find it here, as it is not on the page.
function doable(row) {
  const mine = JSON.parse(document.body.dataset.keysOwnValue ?? "{}"), off = document.body.dataset.keysOffValue
  const from = [...row ? row.querySelectorAll("[data-row-key]") : [], ...document.querySelectorAll("#main :is(.pagehead .actions :is(a, button), [data-key]:not([data-key='?'])), .toast form button")]
  const seen = new Set()
  return from.flatMap(does => {
    const own = does.dataset.rowKey ?? does.dataset.key, key = own === "Escape" ? "Esc" : own?.length < 4 && !off ? mine[own] ?? own : null, label = (does.labels?.[0] ?? does).textContent.trim().replace(/\s+/g, " ")
    if (!label || seen.has(label) || !does.checkVisibility() || does.disabled) return []
    seen.add(label)
    return [{ does, key, label }]
  })
}

// The group of what can be done here, as the server writes groups; null where nothing has the words.
function here(all, q, title) {
  const found = all.filter(({ label }) => q.toLowerCase().split(/\s+/).every(word => label.toLowerCase().includes(word))).slice(0, 12)
  if (!found.length) return null
  const group = document.createElement("div"), head = document.createElement("p")
  group.setAttribute("role", "group")
  group.setAttribute("aria-labelledby", head.id = "palette-here")
  head.className = "palette-title"
  head.textContent = title
  group.append(head, ...found.map(({ does, key, label }, i) => {
    const option = document.createElement("button"), words = document.createElement("span"), cap = document.createElement("kbd")
    option.className = "option"
    option.id = "option-here-" + i
    option.type = "button"
    option.tabIndex = -1
    option.setAttribute("role", "option")
    option.setAttribute("aria-selected", "false")
    words.className = "option-label"
    words.textContent = label
    cap.textContent = key
    option.append(words, ...key ? [cap] : [])
    option.addEventListener("click", () => {
      $("#palette").close()
      does.matches("input, textarea, select") ? does.focus() : does.click()
    })
    return option
  }))
  return group
}

export async function palette() {
  if ($("#palette")) return $("#palette").close()
  const all = doable(document.activeElement?.closest("li, tr"))
  const page = await load("/palette")
  if (!page || $("dialog[open]")) return
  const dialog = $("dialog", page)
  // First where it begins with what was typed, else after what was found.
  const list = q => {
    const group = here(all, q, dialog.dataset.here), first = $(".option-label", group ?? dialog)?.textContent.toLowerCase().startsWith(q.toLowerCase())
    if (group) $(".palette-list", dialog)[first ? "prepend" : "append"](group)
  }
  list("")
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
      list(q)
      if (options().length) $(".palette-none", dialog).hidden = true
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
      if ((e.ctrlKey || e.metaKey) && active.href) open(active.href)
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
