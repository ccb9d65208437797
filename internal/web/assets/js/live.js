// Keeps the page up to date. The server says what has changed; the page is fetched again as it is,
// and only what differs is morphed in: rows and cards by data-live, other places, such as a calendar or
// a Gantt as a whole, by data-live-part.
// Nothing moves under the hands of somebody who types: then a notice offers to show it.
// Loaded once somebody is signed in.
import * as Turbo from "asset:turbo.js"

const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]
const live = { pause: 1000, changed: new Set() }

const listen = () => {
  if (live.source || document.hidden || !$("#bell")) return
  const source = live.source = new EventSource("/live")
  source.onopen = () => {
    live.pause = 1000
    if (live.away) renew()
    live.away = false
  }
  source.addEventListener("bell", e => ring(JSON.parse(e.data).text))
  source.addEventListener("lost", () => renew())
  source.addEventListener("work_package", e => heard(JSON.parse(e.data)))
  source.onerror = () => {
    hush()
    live.timer = setTimeout(listen, live.pause)
    live.pause = Math.min(live.pause * 2, 60000)
  }
}

const hush = () => {
  clearTimeout(live.timer)
  live.source?.close()
  live.source = null
  live.away = true
}

document.addEventListener("visibilitychange", () => document.hidden ? hush() : listen())
addEventListener("pagehide", hush)
addEventListener("pageshow", listen)
// A page that was fetched while the mouse rested on its link is looked at only now.
const opened = async () => {
  const { opens } = document.body.dataset, by = $("input[name=by]")?.value ?? ""
  delete document.body.dataset.opens
  if (opens && (await fetch(opens, { method: "POST", body: new URLSearchParams({ by }) }).catch(() => null))?.ok) $(".topic[aria-current]")?.classList.remove("topic-unread")
}

addEventListener("turbo:load", () => {
  opened()
  live.dirty = false
  live.changed.clear()
  $("#bell") ? listen() : hush()
})
addEventListener("input", e => { if (e.target.closest("#main form[method=post]")) live.dirty = true })
addEventListener("turbo:submit-end", () => { live.dirty = false })

const ring = text => {
  const count = $("#bell .bell-count")
  if (count) count.textContent = text
}

const heard = ({ id, by, mine }) => {
  if (!$(`[data-live="${id}"], [data-live-page="${id}"]`) && !$("[data-live-list]")) return
  live.changed.add(String(id))
  live.by = mine ? "" : by
  clearTimeout(live.soon)
  live.soon = setTimeout(renew, 250)
}

// What somebody is in the middle of: a form begun, a field in a table, a card picked up, a menu open.
const busy = () => live.dirty || $("dialog[open], .board-held, .gantt-moving, .board-card[aria-busy=true], #main turbo-frame form, #main details.tool[open]")

const renew = async (now = false) => {
  if (!$("[data-live], [data-live-page], [data-live-list], [data-live-part]")) return
  if (busy() && !now) return tell($("#live-notice")?.dataset.changed)
  const at = location.href
  const answer = await fetch(at, { headers: { Accept: "text/html" } }).catch(() => null)
  if (!answer?.ok || answer.redirected || location.href !== at) return
  const page = new DOMParser().parseFromString(await answer.text(), "text/html")
  if (location.href !== at) return
  if ($("#main turbo-frame[busy]")) return void (live.soon = setTimeout(renew, 250)) // it brings a form, or what was saved
  if (busy() && !now) return tell($("#live-notice")?.dataset.changed)
  const notice = $("#live-notice")
  if (notice) notice.hidden = true
  const known = new Set($$("[data-live]").map(e => e.dataset.live))
  $$("[data-live]").forEach(e => freshen(e, $(`[data-live="${e.dataset.live}"]`, page), live.changed.has(e.dataset.live)))
  $$("[data-live-part]").forEach(e => {
    const entries = () => $$("li[id], tr[id]", e), said = x => x.getAttribute("aria-label") ?? x.textContent
    const before = new Map(entries().map(x => [x.id, said(x)]))
    freshen(e, page.getElementById(e.id), false)
    entries().filter(x => before.get(x.id) !== said(x)).forEach(pulse)
  })
  ring($("#bell .bell-count", page)?.textContent ?? "")
  live.changed.clear()
  if ($$("[data-live]", page).some(e => !known.has(e.dataset.live))) tell(notice?.dataset.more, true)
}

// freshen brings one place up to date and leaves focus, ticks and scrolling as they are.
const freshen = (old, fresh, changed) => {
  if (!fresh) return old.classList.add("live-gone")
  old.classList.remove("live-gone", "live-pulse")
  const column = old.closest("[data-live-into]"), into = fresh.closest("[data-live-into]")
  const moved = into && column?.dataset.liveInto !== into.dataset.liveInto
  if (old.isEqualNode(fresh) && !moved) return
  const focus = old.contains(document.activeElement) && document.activeElement
  const ticked = $("input[type=checkbox]:checked", old)
  Turbo.morphElements(old, document.importNode(fresh, true))
  if (ticked) ticked.checked = true
  old.dispatchEvent(new CustomEvent("live:fresh", { bubbles: true }))
  if (moved) {
    const target = $(`[data-live-into="${CSS.escape(into.dataset.liveInto)}"] ol`)
    const at = [...fresh.parentElement.children].indexOf(fresh)
    target?.insertBefore(old, target.children[at] ?? null)
  }
  if (focus && document.activeElement !== focus) (old.contains(focus) ? focus : old.matches("[tabindex]") ? old : $("a, button", old))?.focus({ preventScroll: true })
  if (changed) pulse(old)
}

const pulse = e => {
  e.classList.add("live-pulse")
  e.addEventListener("animationend", () => e.classList.remove("live-pulse"), { once: true })
}

// tell says quietly that there is something to show; reload is for what has no place here yet.
const tell = (text, reload = false) => {
  const notice = $("#live-notice")
  if (!notice || !text) return
  $("span", notice).textContent = text.replace("{name}", live.by || notice.dataset.someone)
  notice.hidden = false
  $("button", notice).onclick = () => {
    notice.hidden = true
    reload && !busy() ? Turbo.visit(location.href, { action: "replace" }) : renew(true)
  }
}

listen()
