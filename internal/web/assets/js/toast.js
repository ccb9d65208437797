// A toast goes by itself after a while, later where it offers a way back, and never while it is used.
app.register("toast", class extends Controller {
  static targets = ["close"]

  connect() {
    this.closeTarget.hidden = false
    this.go()
  }

  disconnect() { this.stay() }

  go() {
    this.stay()
    this.timer = setTimeout(() => this.close(), $("form", this.element) ? 20000 : 8000)
  }

  stay() { clearTimeout(this.timer) }
  close() { this.element.remove() }
})
