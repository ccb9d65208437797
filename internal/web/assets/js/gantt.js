// The Gantt by keyboard and mouse: arrows move between rows and fold families; Alt and the arrows move
// the row's bar by days, with Shift as well they make it longer or shorter; dragging does the same. What
// is moved is shown at once, and is sent as one change a moment later. Loaded where there is a Gantt.
import { Controller } from "asset:stimulus.js"

const $ = (selector, from = document) => from.querySelector(selector)

// Kept while Turbo brings the list again: where one was.
let last = {}

export default class extends Controller {
  static targets = ["row", "view", "today"]
  static values = { day: Number, now: Number }
  shut = new Set() // numbers of the rows that are folded

  connect() {
    if (last.path === location.pathname) {
      this.viewTarget.scrollLeft = last.left
      this.shut = last.shut
      this.settle(last.id)
      if (last.id) this.go(this.row(last.id))
    } else {
      this.settle()
      if (this.now() > this.viewTarget.clientWidth * 2 / 3) this.today()
    }
    last = { shut: this.shut }
    this.element.addEventListener("live:fresh", () => this.settle(document.activeElement.closest("tr")?.dataset.id))
    this.element.addEventListener("keydown", e => { if (this.key(e)) e.preventDefault() })
    this.element.addEventListener("pointerdown", e => this.grab(e))
    this.element.addEventListener("focusin", ({ target }) => {
      if (!this.rowTargets.includes(target)) return
      this.rowTargets.forEach(r => { r.tabIndex = r === target ? 0 : -1 })
    })
    addEventListener("keyup", this.up = e => { if (e.key === "Alt") this.send() })
  }

  disconnect() { removeEventListener("keyup", this.up) }

  // What the server does not know of the rows: which are folded, and which has the focus.
  settle(id) {
    this.element.querySelectorAll(".fold").forEach(b => { b.hidden = false })
    this.todayTarget.hidden = this.nowValue < 0
    const shut = [...this.shut]
    this.shut.clear()
    shut.forEach(n => this.fold({ row: this.row(n) }))
    const first = this.row(id) ?? this.rowTargets[0]
    this.rowTargets.forEach(r => { r.tabIndex = r === first ? 0 : -1 })
    this.element.dataset.ready = ""
  }

  row(id) { return this.rowTargets.find(r => r.dataset.id === id) }

  go(row) {
    row?.focus()
    return !!row
  }

  // Where today is in the whole of it: before the days stand the names, which stay, and the dates, which do not.
  now() { return $(".gantt-days", this.viewTarget).offsetLeft + this.nowValue }

  today() {
    const names = $(".gantt-name", this.viewTarget).offsetWidth
    this.viewTarget.scrollLeft = this.now() - names - (this.viewTarget.clientWidth - names) / 3
  }

  fold({ target, row = target?.closest("tr") }) {
    if (!row?.hasAttribute("aria-expanded")) return
    const open = row.ariaExpanded !== "true"
    row.ariaExpanded = open
    open ? this.shut.delete(row.dataset.id) : this.shut.add(row.dataset.id)
    let shut = 0
    for (const r of this.rowTargets) {
      const level = Number(r.ariaLevel)
      if (shut && level <= shut) shut = 0
      r.hidden = shut > 0
      if (!shut && r.ariaExpanded === "false") shut = level
    }
    return true
  }

  key(e) {
    const row = e.target.closest("tr[data-id]")
    if (!row || e.ctrlKey || e.metaKey || e.target.closest("form, summary")) return
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key]
    if (e.altKey) return step && this.shift(row, e.shiftKey ? 0 : step, e.shiftKey ? step : 0)
    if (e.key === "Escape" && this.moved) return this.drop() ?? true
    if (e.target !== row && e.target.tagName !== "A") return
    const rows = this.rowTargets.filter(r => !r.hidden), at = rows.indexOf(row)
    if (step && row.ariaExpanded === (step > 0 ? "false" : "true")) return this.fold({ row })
    if (e.key === "ArrowLeft") return this.go(rows.slice(0, at).findLast(r => Number(r.ariaLevel) < Number(row.ariaLevel)))
    if (e.key === "ArrowRight") return this.go($("a", row))
    if (e.key === "Enter" && e.target === row) return $("a", row).click() ?? true
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[e.key]
    return to !== undefined && this.go(rows[to])
  }

  // Shows a move by days and in length, which is sent when nothing more comes.
  shift(row, days, longer) {
    const form = $("form", row)
    if (!form) return
    if (this.moved && this.moved.row !== row) this.send()
    this.moved ??= { row, form, days: 0, longer: 0 }
    this.moved.days += days
    this.moved.longer += longer
    this.preview()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.send(), 800)
    return true
  }

  preview() {
    const { row, days, longer } = this.moved
    const bar = $(".gantt-bar", row)
    bar.classList.add("gantt-moving")
    bar.setAttribute("transform", `translate(${days * this.dayValue} 0)`)
    const rest = $(".gantt-rest", bar)
    if (rest) {
      rest.dataset.width ??= rest.getAttribute("width")
      rest.setAttribute("width", Math.max(this.dayValue, Number(rest.dataset.width) + longer * this.dayValue))
    }
    const write = new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang, { dateStyle: "medium", timeZone: "UTC" })
    const shown = [["start", days], ["due", days + longer]].map(([name, by]) => {
      const cell = $(`[data-${name}]`, row), time = cell && $("time", cell)
      if (!time) return ""
      const day = new Date(cell.dataset[name])
      day.setUTCDate(day.getUTCDate() + by)
      return time.textContent = write.format(day)
    })
    $("#said").textContent = `${$("a", row).textContent}: ${shown.filter(Boolean).join(" – ")}. ${this.element.dataset.movedText}`
  }

  drop() {
    clearTimeout(this.timer)
    this.moved = null
    last.id = document.activeElement?.closest("tr")?.dataset.id
    this.keep()
    window.Turbo ? Turbo.visit(location.href, { action: "replace" }) : location.reload()
  }

  keep() { Object.assign(last, { path: location.pathname, left: this.viewTarget.scrollLeft }) }

  send() {
    clearTimeout(this.timer)
    const m = this.moved
    this.moved = null
    if (!m) return
    if (!m.days && !m.longer) return
    last.id = m.row.dataset.id
    this.keep()
    m.form.elements.days.value = m.days
    m.form.elements.longer.value = m.longer
    m.form.requestSubmit()
  }

  grab(e) {
    const bar = e.target.closest(".gantt-free-to-move"), row = bar?.closest("tr")
    if (!row || e.button || !$("form", row)) return
    e.preventDefault()
    const grip = e.target.matches(".gantt-grip")
    const x = e.clientX
    const move = m => {
      const by = Math.round((m.clientX - x) / this.dayValue)
      this.moved = { row, form: $("form", row), days: grip ? 0 : by, longer: grip ? by : 0 }
      this.preview()
    }
    const done = () => {
      removeEventListener("pointermove", move)
      removeEventListener("pointerup", done)
      this.send()
    }
    addEventListener("pointermove", move)
    addEventListener("pointerup", done)
  }
}
