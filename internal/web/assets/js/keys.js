// What keys do. An element with data-key="g h" is clicked, or focused if it is a field, when g and
// then h are pressed. Chords with Ctrl or Cmd work everywhere; single keys only outside of fields,
// outside of dialogs, and unless the person has switched them off.
const fields = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]"
const rows = ".table tbody .cell-title > a:first-of-type:not(.peek-link), .table tbody .cell-title .starred > a, .table tbody .cell-title turbo-frame > a, .rows .rows-title"

app.register("keys", class extends Controller {
  static values = { off: Boolean }

  connect() {
    this.press = e => { if (!e.defaultPrevented && !e.isComposing && this.does(e)) e.preventDefault() }
    addEventListener("keydown", this.press)
  }

  disconnect() { removeEventListener("keydown", this.press) }

  does(e) {
    const field = e.target.closest?.(fields)
    if (e.altKey) return
    if (e.ctrlKey || e.metaKey) return this.chord(e, field)
    if (!field && !this.offValue && !$("dialog[open]")) return this.single(e.key)
  }

  chord({ key, shiftKey }, field) {
    const undo = key.toLowerCase() === "z" && !field && $(`.toast [data-${shiftKey ? "redo" : "undo"}]`)
    if (undo) return undo.click() ?? true
    if (shiftKey) return
    if (key === "k") return this.open("palette")
    if (key === "Enter" && field?.form) return field.form.requestSubmit() ?? true
  }

  single(key) {
    if (key === "j" || key === "k") return this.move(key === "j" ? 1 : -1)
    const row = document.activeElement?.matches(rows) && document.activeElement
    if (row && key === "o") return row.click() ?? true
    const own = row && $(`[data-row-key="${CSS.escape(key)}"]`, row.closest("li, tr"))
    if (own) return own.click() ?? true
    const peek = row && key === " " && $(".peek-link", row.closest("th, td, li"))
    if (peek) return peek.click() ?? true
    const began = performance.now() - this.at < 1200 ? this.began + " " : ""
    this.at = performance.now()
    this.began = began + key
    const hit = $(`[data-key="${CSS.escape(this.began)}"]`) ?? $(`[data-key="${CSS.escape(key)}"]`)
    if (!hit) return this.dispatch("single", { target: window, detail: { key } }).defaultPrevented
    this.began = ""
    hit.matches(fields) ? hit.select() ?? hit.focus() : hit.click()
    return true
  }

  move(step) {
    const all = $$(rows)
    const at = all.indexOf(document.activeElement)
    all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)]?.focus()
    return all.length > 0
  }

  open(what) {
    import("asset:palette.js").then(module => module[what]())
    return true
  }

  // A link that also opens a dialog: without scripts it leads to the page of the same content.
  dialog(e) {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return
    e.preventDefault()
    this.open(e.params.dialog)
  }
})
