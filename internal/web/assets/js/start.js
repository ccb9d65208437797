// Starts Turbo and Stimulus. app.js is one module made of the files that assets.go lists, like the
// style sheet: no file imports another, each adds one behaviour. Pages work without any of it.
import * as Turbo from "asset:turbo.js"
import { Application, Controller } from "asset:stimulus.js"

const app = Application.start()
const root = document.documentElement
const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]

// A form that came back stands under the address of the sign-in page until it has its own again.
if (document.body.dataset.at) history.replaceState(history.state, "", document.body.dataset.at)

// Turbo's own bar brings an inline style, which our policy forbids; shell.css draws one from aria-busy.
Turbo.config.drive.progressBarDelay = 2 ** 31 - 1

// Turbo exchanges the body; what stands at <html> has to come along.
addEventListener("turbo:before-render", ({ detail }) => {
  const next = detail.newBody.ownerDocument.documentElement
  for (const name of ["data-theme", "data-density", "data-contrast"]) {
    if (next === root) return
    const value = next.getAttribute(name)
    value === null ? root.removeAttribute(name) : root.setAttribute(name, value)
  }
})

// A page that comes back from the cache neither repeats messages nor shows what was open.
addEventListener("turbo:before-cache", () => {
  $$("[data-once]").forEach(e => e.remove())
  $$("details.menu[open]").forEach(e => { e.open = false })
  $$("dialog[open]").forEach(e => e.close())
})

// A refused form leads to the summary of what is wrong; another page is announced by its title.
let arrived = false
addEventListener("turbo:load", () => {
  if (arrived) $("#said").textContent = document.title
  arrived = true
})
addEventListener("turbo:render", () => $("#errors")?.focus())

// An answer that is not for the frame that asked, such as a refusal, is shown as the page it is.
addEventListener("turbo:frame-missing", e => {
  e.preventDefault()
  e.detail.visit(e.detail.response)
})

// What only some pages need is loaded by them: a controller when an element of its name is there, and
// the field in the place of a select with many options when that gets the focus.
const later = { grid: () => import("asset:grid.js"), board: () => import("asset:board.js"), gantt: () => import("asset:gantt.js"), slug: () => import("asset:slug.js"), drafts: () => import("asset:drafts.js"), walk: () => import("asset:walk.js"), editor: () => import("asset:editor.js") }
async function need() {
  for (const [name, load] of Object.entries(later)) {
    if (!$(`[data-controller~="${name}"]`)) continue
    delete later[name]
    app.register(name, (await load()).default)
  }
}
addEventListener("turbo:load", need)
addEventListener("turbo:load", () => { if ($("#bell")) import("asset:live.js") })
addEventListener("turbo:render", need)
addEventListener("turbo:frame-load", need)

// What is too large is refused before it is sent.
addEventListener("change", ({ target }) => {
  const { most, large } = target.dataset
  if (!most) return
  target.setCustomValidity([...target.files].some(f => f.size > most) ? large : "")
  target.reportValidity()
})

// Who signs out leaves no drafts behind.
addEventListener("submit", ({ target }) => {
  if (target.getAttribute("action") !== "/logout") return
  root.dataset.left = ""
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft ")) localStorage.removeItem(key)
})
addEventListener("focusin", async ({ target }) => {
  if (target.matches?.("select[data-many]") && !target.combobox) (await import("asset:combobox.js")).enhance(target)
  if (target.matches?.("[data-work]")) (await import("asset:work.js")).watch(target)
  if (target.matches?.("input[type=date]")) (await import("asset:days.js")).offer(target)
})
addEventListener("mousedown", e => {
  if (!e.target.matches?.("select[data-many]")) return
  e.preventDefault()
  e.target.focus()
})
