// Menus are <details>; this closes them like menus and moves through them with the arrow keys.
app.register("menu", class extends Controller {
  connect() {
    this.outside = e => { if (!this.element.contains(e.target)) this.element.open = false }
    addEventListener("click", this.outside)
    addEventListener("focusin", this.outside)
  }

  disconnect() {
    removeEventListener("click", this.outside)
    removeEventListener("focusin", this.outside)
  }

  key(e) {
    const items = $$(".menu-panel a, .menu-panel button", this.element)
    const at = items.indexOf(document.activeElement)
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[e.key]
    if (e.key === "Escape" && this.element.open) {
      this.element.open = false
      $("summary", this.element).focus()
    } else if (to !== undefined) {
      this.element.open = true
      items.at(to % items.length)?.focus()
    } else return
    e.preventDefault()
  }
})
