// The table of work packages by keyboard: arrows move between the cells that can be edited, Enter
// opens one, Escape leaves it, a choice is saved at once; the bar for many comes with the first tick.
app.register("grid", class extends Controller {
  static targets = ["row"]

  connect() {
    this.bar = $("#bulk")
    this.ticked = () => { if (this.bar) this.bar.hidden = !$$("input[name=id]:checked", this.element).length }
    this.ticked()
    this.loaded = ({ target }) => $(".input", target)?.focus()
    this.element.addEventListener("turbo:frame-load", this.loaded)
  }

  disconnect() { this.element.removeEventListener("turbo:frame-load", this.loaded) }

  change(e) {
    if (e.target.name === "id") this.ticked()
    else if (e.target.matches(".cell-form select")) e.target.form.requestSubmit()
  }

  key(e) {
    const form = e.target.closest(".cell-form")
    if (form) {
      if (e.key !== "Escape") return
      const frame = form.closest("turbo-frame")
      frame.src = null
      frame.innerHTML = frame.before
      $("a", frame)?.focus()
      e.preventDefault()
      return
    }
    const cell = e.target.closest("td, th")
    const row = cell?.closest("tr")
    if (!row || e.altKey || e.ctrlKey || e.metaKey) return
    const rows = this.rowTargets
    const at = rows.indexOf(row)
    const focusable = r => $$("a, input", r)
    const column = focusable(row).indexOf(e.target)
    let to
    if (e.key === "ArrowDown") to = focusable(rows[at + 1] || row)[column]
    else if (e.key === "ArrowUp") to = focusable(rows[at - 1] || row)[column]
    else if (e.key === "ArrowRight") to = focusable(row)[column + 1]
    else if (e.key === "ArrowLeft") to = focusable(row)[column - 1]
    else if (e.key === "x" && e.target.tagName === "A") {
      const box = $("input[name=id]", row)
      if (box) { box.checked = !box.checked; this.ticked() }
      e.preventDefault()
      return
    }
    if (to) { to.focus(); e.preventDefault() }
  }
})

// What a frame showed before its form, for Escape.
addEventListener("turbo:before-fetch-request", ({ target }) => {
  if (target.tagName === "TURBO-FRAME" && !$("form", target)) target.before = target.innerHTML
})
