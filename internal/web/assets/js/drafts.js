// What was typed into the plain fields of a form and not sent. It is kept in the browser, for the person and
// the form, and offered when the form is there again; formatted text keeps its own (editor_drafts.js).
// Only forms with the line that offers are kept, and of those no field that a browser could fill in by
// itself, such as a password or a code. Signing out takes all of it away (start.js).
import { Controller } from "asset:stimulus.js"

const days = 14, most = 64 << 10

export default class extends Controller {
  static values = { person: Number }

  connect() {
    this.form = this.element.closest("form")
    this.name = `draft ${this.personValue} ${new URL(this.form.getAttribute("action"), location.href).pathname} *`
    this.typed = e => {
      if (!this.fields().includes(e.target)) return
      this.dirty = true
      clearTimeout(this.timer)
      this.timer = setTimeout(this.keep, 400)
    }
    this.sent = ({ target, detail: { success, fetchResponse } }) => {
      if (target !== this.form || !success || fetchResponse?.location.pathname === "/login") return
      this.dirty = false
      this.forget()
    }
    this.form.addEventListener("input", this.typed)
    this.form.addEventListener("turbo:submit-end", this.sent)
    addEventListener("pagehide", this.keep)
    this.offer()
    this.form.dataset.kept = ""
  }

  disconnect() {
    this.keep()
    this.form.removeEventListener("input", this.typed)
    this.form.removeEventListener("turbo:submit-end", this.sent)
    removeEventListener("pagehide", this.keep)
  }

  fields() {
    return [...this.form.elements].filter(e => e.name && !e.readOnly && e.matches("input[type=text]:not([autocomplete]), textarea:not([autocomplete], [data-editor-target])"))
  }

  store(does) {
    try {
      return does(localStorage)
    } catch {
      return null // the browser keeps nothing, or no more
    }
  }

  keep = () => {
    clearTimeout(this.timer)
    if (!this.dirty || "left" in document.documentElement.dataset) return
    this.dirty = false
    const changed = this.fields().filter(e => e.value !== e.defaultValue).map(e => [e.name, e.value])
    const text = JSON.stringify({ at: Date.now(), fields: Object.fromEntries(changed) })
    if (!changed.length) this.forget()
    else if (text.length <= most) this.store(s => s.setItem(this.name, text))
  }

  forget() {
    clearTimeout(this.timer)
    this.store(s => s.removeItem(this.name))
  }

  // What the form holds already is not offered.
  offer() {
    const kept = this.store(s => JSON.parse(s.getItem(this.name)))
    if (kept && Date.now() - kept.at > days * 864e5) return this.forget()
    this.kept = this.fields().filter(e => kept?.fields[e.name] !== undefined && kept.fields[e.name] !== e.value).map(e => [e, kept.fields[e.name]])
    this.element.hidden = !this.kept.length
    if (!this.kept.length) return
    const words = this.element.querySelector("span"), when = new Intl.DateTimeFormat(document.documentElement.lang.replace(/^en$/, "en-GB"), { dateStyle: "medium", timeStyle: "short" })
    words.textContent = (words.dataset.words ??= words.textContent).replace("{at}", when.format(kept.at))
  }

  restore() {
    for (const [field, text] of this.kept) {
      field.value = text
      field.dispatchEvent(new Event("input", { bubbles: true }))
    }
    this.settle()
  }

  discard() {
    this.forget()
    this.settle()
  }

  settle() {
    this.element.hidden = true
    this.kept.at(0)?.[0].focus()
  }
}
