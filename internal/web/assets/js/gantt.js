// Bars are dragged, or moved with Alt and the arrows while their row has the focus; with Shift they
// become longer or shorter. Either way the form of the row is sent: one change.
import { Controller } from "asset:stimulus.js"

const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]

export default class extends Controller {
  static targets = ["row", "bar"]
  static values = { day: Number }

  connect() {
    this.element.addEventListener("keydown", e => {
      const row = e.target.closest("tr")
      const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key]
      if (!row || !by || !e.altKey) return
      e.preventDefault()
      this.send(row.dataset.id, e.shiftKey ? 0 : by, e.shiftKey ? by : 0)
    })
    this.element.addEventListener("pointerdown", e => {
      const bar = e.target.closest(".gantt-bar")
      if (!bar || !this.form(bar.dataset.id)) return
      e.preventDefault()
      const x = e.clientX
      let days = 0
      const move = m => {
        days = Math.round((m.clientX - x) / this.dayValue)
        bar.classList.add("gantt-moving")
        bar.setAttribute("transform", `translate(${days * this.dayValue} 0)`)
      }
      const done = () => {
        removeEventListener("pointermove", move)
        removeEventListener("pointerup", done)
        bar.classList.remove("gantt-moving")
        if (days) this.send(bar.dataset.id, days, 0)
      }
      addEventListener("pointermove", move)
      addEventListener("pointerup", done)
    })
  }

  form(id) { return $("form", this.rowTargets.find(r => r.dataset.id === id)) }

  send(id, days, longer) {
    const form = this.form(id)
    if (!form) return
    form.elements.days.value = days
    form.elements.longer.value = longer
    form.requestSubmit()
  }
}
