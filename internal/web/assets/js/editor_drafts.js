// What was typed and not sent. It is kept in the browser, for the person and the form, and offered when
// the form is there again. Signing out takes all of them away (start.js).
const drafts = { days: 14, most: 64 << 10, many: 40 }

class Draft {
  constructor(editor) {
    this.editor = editor
    this.area = editor.areaTarget
    this.name = `draft ${editor.personValue} ${new URL(editor.form.getAttribute("action") ?? "", location.href).pathname} ${this.area.name}`
    this.flush = () => this.keep()
    this.other = e => this.beside(e)
    addEventListener("pagehide", this.flush)
    addEventListener("turbo:submit-start", this.other)
    this.offer()
  }

  stop() {
    removeEventListener("pagehide", this.flush)
    removeEventListener("turbo:submit-start", this.other)
  }

  // Another form of the page is sent, for a file perhaps: what stands here is there again afterwards.
  beside({ target }) {
    if (target === this.editor.form || !this.area.value || this.area.value === this.area.defaultValue) return
    this.dirty = true
    this.keep()
    this.store(() => sessionStorage.setItem(this.name, "1"))
  }

  store(does) {
    try {
      return does(localStorage)
    } catch {
      return null // the browser keeps nothing, or no more
    }
  }

  offer() {
    this.store(sweep)
    const kept = this.store(s => JSON.parse(s.getItem(this.name)))
    const line = this.editor.draftTarget
    line.hidden = true
    if (!kept || kept.text === this.area.value) return
    this.kept = kept
    if (this.store(() => sessionStorage.getItem(this.name)) && this.area.value === this.area.defaultValue) return this.again()
    const words = find("span", line)
    this.words ??= words.dataset.words ??= words.textContent
    const when = new Intl.DateTimeFormat(document.documentElement.lang.replace(/^en$/, "en-GB"), { dateStyle: "medium", timeStyle: "short" }).format(kept.at)
    words.textContent = this.words.replace("{at}", when)
    line.hidden = false
  }

  typed() {
    this.dirty = true
    clearTimeout(this.timer)
    this.timer = setTimeout(this.flush, 400)
  }

  keep() {
    clearTimeout(this.timer)
    if (!this.dirty || "left" in document.documentElement.dataset) return
    this.dirty = false
    const text = this.area.value
    if (!text || text === this.area.defaultValue) this.forget()
    else if (text.length <= drafts.most) this.store(s => s.setItem(this.name, JSON.stringify({ text, at: Date.now() })))
  }

  forget() { this.store(s => s.removeItem(this.name)) }

  restore() {
    put(this.area, 0, this.area.value.length, this.kept.text)
    this.settle()
  }

  again() {
    this.store(() => sessionStorage.removeItem(this.name))
    this.area.value = this.kept.text
    this.kept = null
  }

  discard() {
    this.forget()
    this.settle()
    this.area.focus()
  }

  settle() {
    this.kept = null
    this.editor.draftTarget.hidden = true
  }

  // Leading to the sign-in page is no success.
  sent({ detail: { success, fetchResponse } }) {
    if (!success || fetchResponse?.location.pathname === "/login") return
    clearTimeout(this.timer)
    this.dirty = false
    this.forget()
  }
}

const sweep = storage => {
  const all = Object.keys(storage).filter(k => k.startsWith("draft ")).map(k => [k, JSON.parse(storage.getItem(k))?.at ?? 0]).sort((a, b) => b[1] - a[1])
  all.forEach(([k, at], i) => { if (i >= drafts.many || Date.now() - at > drafts.days * 864e5) storage.removeItem(k) })
}
