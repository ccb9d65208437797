// While a project gets its name, its identifier follows, until somebody writes one. The server derives the same.
app.register("slug", class extends Controller {
  static targets = ["name", "identifier"]

  derive() {
    const to = $("input", this.identifierTarget)
    if (this.written || to.value !== (this.last ?? "")) return
    to.value = this.last = $("input", this.nameTarget).value.toLowerCase().replaceAll("ß", "ss").normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 90)
  }

  own() { this.written = true }
})
