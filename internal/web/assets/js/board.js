// Cards are moved by dragging or by keys: Enter picks one up, arrows move it, Enter drops it, Escape
// puts it back. Both send the form that is on the card, so the rules answer in one place.
import { Controller } from "asset:stimulus.js"

const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]

export default class extends Controller {
  static targets = ["column", "card"]
  static values = { field: String }

  connect() {
    this.on("dragstart", e => { this.held = e.target.closest(".board-card"); e.dataTransfer.setData("text/plain", this.held.id) })
    this.on("dragover", e => { const c = e.target.closest(".board-column"); if (this.held && c) { e.preventDefault(); this.over(c) } })
    this.on("dragend", () => { this.over(null); this.held = null })
    this.on("drop", e => { e.preventDefault(); this.drop(e.target.closest(".board-column")) })
    this.on("keydown", e => this.key(e))
  }

  on(name, fn) { this.element.addEventListener(name, fn) }

  over(column) { this.columnTargets.forEach(c => c.classList.toggle("board-over", c === column)) }

  key(e) {
    const card = e.target.closest(".board-card")
    if (!card || e.target !== card) return
    if (e.key === "Enter" && !this.held) {
      this.held = card
      this.at = this.from = this.columnTargets.indexOf(card.closest(".board-column"))
      card.classList.add("board-held")
      $("#said").textContent = this.element.dataset.heldText
    } else if (this.held === card && (e.key === "ArrowRight" || e.key === "ArrowLeft")) {
      this.at = Math.max(0, Math.min(this.columnTargets.length - 1, this.at + (e.key === "ArrowRight" ? 1 : -1)))
      this.over(this.columnTargets[this.at])
      $("#said").textContent = this.columnTargets[this.at].getAttribute("aria-label")
    } else if (this.held === card && e.key === "Enter") this.drop(this.columnTargets[this.at])
    else if (this.held === card && e.key === "Escape") this.release()
    else if (!this.held && (e.key === "ArrowDown" || e.key === "ArrowUp")) {
      const cards = this.cardTargets
      cards[cards.indexOf(card) + (e.key === "ArrowDown" ? 1 : -1)]?.focus()
    } else return
    e.preventDefault()
  }

  release() {
    this.held?.classList.remove("board-held")
    this.over(null)
    this.held = null
  }

  drop(column) {
    const card = this.held
    this.release()
    if (!card || !column || column.contains(card)) return
    const form = $("form", card)
    const button = $$("button", form).find(b => b.value === column.dataset.value)
    if (button) form.requestSubmit(button)
  }
}
