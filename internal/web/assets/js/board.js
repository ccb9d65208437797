// Cards are moved by dragging or by keys: Enter picks one up, arrows move it, Enter drops it, Escape
// puts it back. Either sends the form of the field, so the rules answer in one place. While a card is
// carried, the columns it may not go to are dimmed and say why. A moved card is in its new column at
// once, and goes back with the reason when it is refused. Loaded where there is a board.
import * as Turbo from "asset:turbo.js"
import { send } from "asset:send.js"
import { Controller } from "asset:stimulus.js"

const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]

export default class extends Controller {
  static targets = ["column", "card"]
  static values = { field: String, why: String, back: String }

  connect() {
    this.on("dragstart", e => {
      const card = e.target.closest?.(".board-card")
      if (!card) return
      e.dataTransfer.setData("text/plain", card.id)
      this.pick(card)
    })
    this.on("dragover", e => {
      const c = e.target.closest(".board-column")
      if (!this.held || !c) return
      if (!c.hasAttribute("data-shut")) e.preventDefault()
      this.over(c)
    })
    this.on("dragend", () => this.release())
    this.on("drop", e => { e.preventDefault(); this.drop(e.target.closest(".board-column")) })
    this.on("keydown", e => this.key(e))
    this.on("click", e => {
      const link = e.target.closest?.(".board-move")
      if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return
      e.preventDefault()
      this.menu(link.closest(".board-card"))
    })
    this.element.dataset.ready = ""
  }

  on(name, fn) { this.element.addEventListener(name, fn) }

  over(column) { this.columnTargets.forEach(c => c.classList.toggle("board-over", c === column && !c.hasAttribute("data-shut"))) }

  say(text) { $("#said").textContent = text }

  async pick(card) {
    this.held = card
    this.at = this.columnTargets.indexOf(card.closest(".board-column"))
    card.classList.add("board-held")
    const allowed = await this.allowed(card)
    if (allowed && this.held === card) this.shut(allowed)
  }

  // The form of the field offers what the rules allow; nothing comes back when that cannot be said.
  async allowed(card) {
    try {
      const answer = await fetch(card.dataset.move)
      if (!answer.ok || answer.redirected) return
      const form = new DOMParser().parseFromString(await answer.text(), "text/html")
      const values = $$(".cell-form select option", form).map(o => o.value)
      return values.length ? values : undefined
    } catch { /* the server refuses what is not allowed in any case */ }
  }

  // The columns as a list, for those who neither drag nor use the keys.
  async menu(card) {
    const dialog = $("#board-menu").content.firstElementChild.cloneNode(true), own = card.closest(".board-column").dataset.value
    const allowed = await this.allowed(card)
    for (const b of $$("button[value]", dialog)) {
      b.hidden = b.value === own
      b.disabled = allowed && !allowed.includes(b.value)
      if (b.disabled) b.title = this.whyValue
      b.addEventListener("click", () => {
        dialog.close()
        this.move(card, b.value)
      })
    }
    $("[data-close]", dialog).addEventListener("click", () => dialog.close())
    dialog.addEventListener("close", () => dialog.remove())
    this.element.after(dialog)
    dialog.showModal()
  }

  shut(allowed) {
    for (const c of this.columnTargets) {
      if (allowed.includes(c.dataset.value)) continue
      c.setAttribute("data-shut", "")
      const why = document.createElement("p")
      why.className = "board-why"
      why.textContent = this.whyValue
      $(".board-head", c).after(why)
    }
  }

  key(e) {
    const card = e.target.closest(".board-card")
    if (!card || e.target !== card) return
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key]
    if (e.altKey && step && !this.held) {
      const to = this.columnTargets[this.columnTargets.indexOf(card.closest(".board-column")) + step]
      if (to) this.move(card, to.dataset.value)
      return e.preventDefault()
    }
    if (e.key === "Enter" && !this.held) {
      this.pick(card)
      this.say(this.element.dataset.heldText)
    } else if (this.held === card && step) {
      this.at = Math.max(0, Math.min(this.columnTargets.length - 1, this.at + step))
      const column = this.columnTargets[this.at]
      this.over(column)
      column.scrollIntoView({ block: "nearest", inline: "nearest" })
      this.say(column.ariaLabel + (column.hasAttribute("data-shut") ? ". " + this.whyValue : ""))
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
    this.columnTargets.forEach(c => c.removeAttribute("data-shut"))
    $$(".board-why", this.element).forEach(p => p.remove())
    this.held = null
  }

  drop(column) {
    const card = this.held
    if (column?.hasAttribute("data-shut")) return this.say(this.whyValue)
    this.release()
    if (!card || !column || column.contains(card)) return
    this.move(card, column.dataset.value)
  }

  async move(card, value) {
    const was = card.closest(".board-column").dataset.value
    const from = card.parentElement, next = card.nextElementSibling, to = this.columnTargets.find(c => c.dataset.value === value)
    const held = document.activeElement === card
    $("ol", to).prepend(card)
    if (held) card.focus()
    this.waiting = (this.waiting ?? 0) + 1
    const page = await (this.sending = this.send(card, was, value, this.sending))
    if (--this.waiting && page) return // the last one brings all
    if (page) return this.show(page)
    from.insertBefore(card, next)
    card.focus()
  }

  // One after the other, as each changes the version that the next one is for.
  async send(card, was, value, before) {
    await before
    const page = await send(card.dataset.move, {
      lockVersion: card.dataset.lock, was: new URLSearchParams({ [this.fieldValue]: was }), back: this.backValue, [this.fieldValue]: value,
    }, card)
    card.dataset.lock = page?.getElementById(card.id)?.dataset.lock ?? card.dataset.lock
    return page
  }

  // Brings the board up to date with what else the change made.
  show(page) {
    const focus = document.activeElement?.id, board = $(".board", page)
    if (board) Turbo.morphChildren(this.element, document.importNode(board, true))
    if (focus && document.activeElement?.id !== focus) document.getElementById(focus)?.focus()
  }
}
