// The table of work packages by keyboard: arrows move between the cells that can be edited, Enter or
// typing opens one, Escape leaves it, Tab saves and moves on. Groups and families fold. The bar for
// many comes with the first tick. Loaded where there is such a table.
import { Controller } from "asset:stimulus.js"
import * as Turbo from "asset:turbo.js"
import { enhance } from "asset:combobox.js"

const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]
const fields = { s: "status", a: "assignee", p: "priority", t: "type", d: "dueDate", l: "version" }

// What a frame showed before its form, for Escape, and how often it was asked for one.
addEventListener("turbo:before-fetch-request", ({ target }) => {
  if (target.tagName !== "TURBO-FRAME") return
  target.asked_ = (target.asked_ ?? 0) + 1
  if (!$("form", target)) target.before_ = target.innerHTML
})

export default class extends Controller {
  static targets = ["row", "count"]

  connect() {
    this.bar = this.hasRowTarget && $("#bulk")
    $$(".fold", this.element).forEach(b => { b.hidden = false })
    $$(".fold-name", this.element).forEach(n => n.remove())
    this.ticked()
    this.loaded = ({ target }) => this.arrived(target)
    this.single = e => { if (this.set(e.detail.key)) e.preventDefault() }
    this.came = e => this.taken(e)
    this.starts = e => this.sent(e)
    this.failed = ({ target }) => { if (target.matches(".cell-form[hidden]")) this.unsent(target) }
    this.element.addEventListener("turbo:submit-start", this.starts)
    this.element.addEventListener("turbo:fetch-request-error", this.failed)
    this.element.addEventListener("turbo:frame-load", this.loaded)
    this.element.addEventListener("turbo:frame-render", this.came)
    addEventListener("keys:single", this.single)
    this.element.dataset.ready = ""
  }

  disconnect() {
    this.element.removeEventListener("turbo:submit-start", this.starts)
    this.element.removeEventListener("turbo:fetch-request-error", this.failed)
    this.element.removeEventListener("turbo:frame-load", this.loaded)
    this.element.removeEventListener("turbo:frame-render", this.came)
    removeEventListener("keys:single", this.single)
  }

  ticked() {
    const n = $$("input[name=id]:checked", this.element).length
    if (this.bar) this.bar.hidden = !n
    if (this.hasCountTarget) this.countTarget.value = n
    $$("input[name=id]", this.element).forEach(b => b.closest("tr").toggleAttribute("data-chosen", b.checked))
  }

  // A single key sets a field: of the chosen rows in the bar, else of the row that has the focus.
  set(key) {
    const at = key === "x" && document.activeElement?.closest("[data-grid-target=row]")
    if (at && this.element.contains(at)) return this.tick(at) ?? true
    const name = fields[key]
    if (!name) return
    if (this.bar && !this.bar.hidden) return this.bar.elements[name]?.focus() ?? true
    const row = document.activeElement?.closest("[data-grid-target=row]")
    const cell = row && $(`turbo-frame[id$="-${name}"] a`, row)
    if (cell) return cell.click() ?? true
    // A column that is not shown is set on a page of its own, which leads back here.
    const edit = row && $("[data-edit]", row)?.dataset.edit
    return edit && (Turbo.visit(edit.replace(/[^/]+$/, name)) ?? true)
  }

  // What is saved shows at once, in plain words until the answer comes; a refusal brings the form back.
  sent({ target: form }) {
    const frame = form.closest("turbo-frame"), control = $(".cell-form [name]:not([type=hidden])", frame ?? form)
    if (!form.matches(".cell-form") || !frame?.before_ || !control || control.tagName === "TEXTAREA") return
    const shown = document.createElement("span")
    shown.textContent = control.options ? control.selectedOptions[0]?.text : control.value || "–"
    if (control.type === "date" && control.value) shown.textContent = new Date(control.value).toLocaleDateString(document.documentElement.lang === "en" ? "en-GB" : undefined, { dateStyle: "medium", timeZone: "UTC" })
    form.hidden = true
    form.before(shown)
    if (this.next) $("a", this.next)?.focus()
    this.next = null
  }

  // The server did not answer: the form stands there again with what was typed.
  async unsent(form) {
    form.previousElementSibling?.remove()
    form.hidden = false;
    (await import("asset:send.js")).tell($("#said").dataset.failed)
  }

  // A frame brought its form, or the value that was saved.
  async arrived(frame) {
    const control = $(".input", frame), typed = this.typed
    this.typed = ""
    if (control?.tagName === "SELECT") enhance(control, typed)
    else if (control) {
      control.focus()
      if (typed && control.type === "text") control.value = typed
      else if (control.value !== control.defaultValue || control.tagName === "TEXTAREA" && control.selectionEnd) return // somebody is typing already
      else if (control.tagName === "TEXTAREA") control.setSelectionRange(control.value.length, control.value.length)
      else control.select?.()
    } else if (this.next) {
      $("a", this.next)?.focus()
      this.next = null
    } else if (frame.contains(document.activeElement) || document.activeElement === document.body) $("a", frame)?.focus()
  }

  // What a saved field changed elsewhere comes with the answer: messages, and the parts of the page that say so.
  async taken({ target, detail }) {
    if ($("form", target)) return
    const asked = target.asked_
    const page = new DOMParser().parseFromString(await detail.fetchResponse.responseHTML, "text/html")
    $$(".toast").forEach(e => e.remove())
    $$(".toast", page).forEach(e => document.body.append(e))
    const held = document.activeElement, own = held.closest("turbo-frame") ?? target
    for (const part of $$("[data-part]", page)) {
      const here = document.getElementById(part.id)
      const opening = here && (target.asked_ !== asked || $$("turbo-frame[busy]", here).some(f => f.id !== target.id))
      if (here && !opening && !$(".cell-form", here)) here.replaceWith(part)
    }
    if (!held.isConnected || held === document.body) $("a", document.getElementById(own.id))?.focus()
  }

  change(e) {
    if (e.target.name === "id") this.ticked()
    else if (e.target.matches(".cell-form select")) e.target.form.requestSubmit()
  }

  click(e) {
    const button = e.target.closest(".fold")
    if (button) this.fold(button)
  }

  fold(button) {
    const open = button.ariaExpanded !== "true"
    button.ariaExpanded = open
    const row = button.closest("tr")
    if (row.hasAttribute("aria-expanded")) row.ariaExpanded = open
    if (row.matches(".grid-group")) return $$("tr:not(.grid-group)", row.parentElement).forEach(r => { r.hidden = !open })
    let shut = 0 // the level of the closed row that the next ones are below
    for (const r of this.rowTargets) {
      const level = Number(r.ariaLevel)
      if (shut && level <= shut) shut = 0
      r.hidden = shut > 0
      if (!shut && r.ariaExpanded === "false") shut = level
    }
  }

  key(e) {
    const form = e.target.closest(".cell-form")
    if (form) return this.inForm(e, form)
    const row = e.target.closest("[data-grid-target=row]")
    if (row && e.altKey && /^Arrow(Up|Down)$/.test(e.key) && $("table", this.element)?.dataset.group) {
      e.preventDefault()
      return void this.shift(row, e.key === "ArrowDown" ? "next" : "previous")
    }
    if (!row || e.altKey || e.ctrlKey || e.metaKey) return
    if (this.goes(e, row) || this.does(e, row)) e.preventDefault()
  }

  inForm(e, form) {
    const frame = form.closest("turbo-frame")
    if (e.key === "Escape") this.leave(frame)
    else if (e.key === "Tab" && e.target.matches(".input")) {
      const frames = $$("turbo-frame", this.element)
      this.next = frames[frames.indexOf(frame) + (e.shiftKey ? -1 : 1)]
      const control = $(".cell-form [name]:not([type=hidden])", frame)
      const same = control.options ? [...control.options].every(o => o.selected === o.defaultSelected) : control.value === control.defaultValue
      if (same) {
        this.leave(frame)
        $("a", this.next ?? frame)?.focus()
        this.next = null
      } else form.requestSubmit()
    } else return
    e.preventDefault()
  }

  leave(frame) {
    frame.removeAttribute("src")
    frame.innerHTML = frame.before_
    $("a", frame)?.focus()
  }

  goes(e, row) {
    const rows = this.rowTargets.filter(r => !r.hidden), at = rows.indexOf(row)
    const places = r => $$("input, a:not(.peek-link)", r)
    const column = places(row).indexOf(e.target)
    if (column < 0) return
    const fold = row.hasAttribute("aria-expanded") && e.target.closest("th")
    if (fold && e.key === (row.ariaExpanded === "true" ? "ArrowLeft" : "ArrowRight")) return this.fold($(".fold", row)) ?? true
    const to = {
      ArrowDown: () => places(rows[at + 1] ?? row)[column], ArrowUp: () => places(rows[at - 1] ?? row)[column],
      ArrowRight: () => places(row)[column + 1], ArrowLeft: () => places(row)[column - 1],
      Home: () => places(row)[0], End: () => places(row).at(-1),
    }[e.key]?.()
    if (!to) return
    if (e.shiftKey && to.closest("tr") !== row) [row, to.closest("tr")].forEach(r => this.tick(r, true))
    return to.focus() ?? true
  }

  does(e, row) {
    const link = e.target.tagName === "A" && e.target
    if (!link) return
    const off = document.body.dataset.keysOffValue
    if (e.key === "F2" && link.dataset.edit) {
      link.closest("turbo-frame").src = link.dataset.edit
      return true
    }
    // Letters are keys of their own unless they are switched off.
    if (link.matches(".cell-edit") && e.key.length === 1 && (off ? /\S/ : /\d/).test(e.key)) {
      this.typed = e.key
      return link.click() ?? true
    }
  }

  // Moves a row into the group before or after its own: it gets the value of that. It stands there at
  // once, and goes back with the reason where that is refused.
  async shift(row, way) {
    const { send, tell } = await import("asset:send.js")
    const table = row.closest("table"), from = row.parentElement, next = row.nextElementSibling, to = from[way + "ElementSibling"]
    const edit = $("[data-edit]", row)?.dataset.edit, { group, why } = table.dataset
    if (!to?.matches("[data-value]") || !edit || row.ariaBusy) return
    const at = [...document.activeElement.closest("tr").querySelectorAll("a")].indexOf(document.activeElement)
    const settle = r => (at < 0 ? $("a", r) : $$("a", r)[at] ?? $("a", r))?.focus()
    row.ariaBusy = true
    const answer = await fetch(edit.replace(/[^/]+$/, group)).catch(() => null)
    const form = answer?.ok && $(".cell-form", new DOMParser().parseFromString(await answer.text(), "text/html"))
    const may = form && [...$("select", form)?.options ?? []].some(o => o.value === to.dataset.value)
    if (!may) row.ariaBusy = null
    if (!may) return tell(answer ? why : $("#said").dataset.failed)
    to.insertBefore(row, $("tr:not(.grid-group)", to))
    settle(row)
    const page = await send(form.getAttribute("action"), { ...Object.fromEntries(new FormData(form)), [group]: to.dataset.value, back: location.pathname + location.search }, row)
    row.ariaBusy = null
    const fresh = page && $("table.sheet", page)
    if (page && !fresh) return Turbo.visit(location.href, { action: "replace" })
    if (!page) {
      from.insertBefore(row, next)
      return settle(row)
    }
    const own = $("[data-edit]", row).dataset.edit
    Turbo.morphElements(table, document.importNode(fresh, true))
    settle($(`[data-edit="${CSS.escape(own)}"]`, table)?.closest("tr"))
  }

  tick(row, on) {
    const box = $("input[name=id]", row)
    if (!box) return
    box.checked = on ?? !box.checked
    this.ticked()
  }
}
