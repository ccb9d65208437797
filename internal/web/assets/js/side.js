// The navigation beside a page can be narrow; a cookie tells the server, so that the next page comes right at once.
app.register("side", class extends Controller {
  static targets = ["toggle"]

  connect() {
    this.shell = this.element.closest(".shell")
    this.toggleTarget.hidden = false
    this.toggleTarget.ariaExpanded = !this.shell.classList.contains("shell-closed")
  }

  toggle() {
    const closed = this.shell.classList.toggle("shell-closed")
    this.toggleTarget.ariaExpanded = !closed
    document.cookie = `side=${closed ? "closed" : "open"}; path=/; max-age=31536000; samesite=lax`
  }
})
