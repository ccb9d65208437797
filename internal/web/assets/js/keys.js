// What keys do. An element with data-key="g h" is clicked, or focused if it is a field, when g and
// then h are pressed. Chords with Ctrl or Cmd work everywhere; single keys only outside of fields,
// outside of dialogs, and unless the person has switched them off. Pages name keys as everybody has them;
// what a person chose instead stands at the body, as { "g h": "z" }.
const fields = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]"

// What people have in their fingers from OpenProject leads to the same: keys, and Alt with a digit.
const aliases = { "g m": "g h", "g w p": "g w", "n w p": "c", s: "/", Alt1: "preview", Alt2: "c", Alt3: "e", Alt4: "/", Alt5: "g p", Alt6: "?", Alt7: "menu" }
const views = { "g b": "board", "g c": "calendar", "g g": "gantt" } // of the work packages that g w leads to
const keyed = { at: 0, keys: [] } // outlives the page, as a link may be followed in the middle of keys
const rows = ".table tbody .cell-title > a:first-of-type:not(.peek-link), .table tbody .cell-title .starred > a, .table tbody .cell-title turbo-frame > a, .rows .rows-title"

app.register("keys", class extends Controller {
  static values = { off: Boolean, own: Object }

  connect() {
    this.press = e => { if (!e.defaultPrevented && !e.isComposing && this.does(e)) e.preventDefault() }
    addEventListener("keydown", this.press)
    // What acts on a row often takes it away: the row in its place has the focus then.
    if (keyed.path === location.pathname) this.move(0, keyed.row)
    keyed.path = null
  }

  disconnect() { removeEventListener("keydown", this.press) }

  does(e) {
    const field = e.target.closest?.(fields)
    if (e.altKey) return !e.ctrlKey && !e.metaKey && /^Digit[1-7]$/.test(e.code) && this.hit(aliases["Alt" + e.code[5]])
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

  // Does what a key stands for, where the page has it: the last place is that nearest to the content.
  hit(key) {
    const e = key && $$(`[data-key="${CSS.escape(key)}"]`).at(-1)
    if (e) e.matches(fields) ? e.select() ?? e.focus() : e.click()
    return !!e
  }

  single(key) {
    if (key === "Shift") return
    const now = performance.now(), keys = [...(now - keyed.at < 1200 ? keyed.keys : []), key].slice(-3)
    Object.assign(keyed, { at: now, keys })
    for (let i = 0; i < keys.length; i++) {
      const chord = keys.slice(i).join(" "), own = this.ownValue
      const does = Object.keys(own).find(does => own[does] === chord) ?? (chord in own ? null : chord)
      if (does && this.act(does) || chord !== key && this.hit(aliases[chord])) return true
    }
    return key === "p" ? this.open("palette") : this.hit(aliases[key])
  }

  // Does what a key stands for: for the row that has the focus, else for the page.
  act(key) {
    if (key === "j" || key === "k") return this.move(key === "j" ? 1 : -1)
    const row = document.activeElement?.matches(rows) && document.activeElement
    if (row && key === "o") return row.click() ?? true
    const own = row && $(`[data-row-key="${CSS.escape(key)}"]`, row.closest("li, tr"))
    if (own) {
      Object.assign(keyed, { row: $$(rows).indexOf(row), path: location.pathname })
      own.click()
      if (own.matches("summary")) $("button", own.parentElement)?.focus()
      return true
    }
    const peek = row && key === " " && $(".peek-link", row.closest("th, td, li"))
    if (peek) return peek.click() ?? true
    if (this.hit(key)) return true
    const list = views[key] && $$("[data-key='g w']").at(-1)
    if (list) return Turbo.visit(list.href + "?view=" + views[key]) ?? true
    return this.dispatch("single", { target: window, detail: { key } }).defaultPrevented
  }

  move(step, at = $$(rows).indexOf(document.activeElement)) {
    const all = $$(rows)
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
