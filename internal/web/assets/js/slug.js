// While a project gets its name, its identifier follows, until somebody writes one. The server derives
// the same. Loaded where a project is made.
import { Controller } from "asset:stimulus.js"

export default class extends Controller {
  static targets = ["name", "identifier"]

  derive() {
    const to = this.identifierTarget.querySelector("input")
    if (this.written || to.value !== (this.last ?? "")) return
    to.value = this.last = this.nameTarget.querySelector("input").value.toLowerCase().replaceAll("ß", "ss").normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 90)
  }

  own() { this.written = true }
}
