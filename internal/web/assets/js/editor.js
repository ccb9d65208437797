// An area for formatted text: marks by button and key, a look at it as it will be shown, people and
// work packages to pick, files to paste and drop, and drafts. The server brings buttons and words;
// without scripts there is an area. Loaded where there is one. Its parts stand in files of their own.
import { Controller } from "asset:stimulus.js"

const find = (selector, from = document) => from.querySelector(selector)
const findAll = (selector, from = document) => [...from.querySelectorAll(selector)]

export default class extends Controller {
  static targets = ["area", "tab", "tools", "view", "said", "draft", "file"]
  static values = { person: Number, people: String, packages: String, files: String, most: Number, waits: Boolean }

  connect() {
    this.form = this.areaTarget.form
    this.picker = new Picker(this)
    this.files = new Files(this)
    this.draft = new Draft(this)
    this.write()
    this.say("")
    this.held = e => this.files.hold(e)
    this.ended = e => this.draft.sent(e)
    this.form.addEventListener("submit", this.held, true)
    this.form.addEventListener("turbo:submit-end", this.ended)
    this.element.dataset.ready = ""
  }

  disconnect() {
    this.form.removeEventListener("submit", this.held, true)
    this.form.removeEventListener("turbo:submit-end", this.ended)
    this.picker.remove()
    this.draft.keep()
    this.draft.stop()
  }

  // say tells those who look and those who listen; name of a text the server brought, or a text.
  say(what, values = {}, wrong = false, heard = false) {
    const text = this.saidTarget.parentElement.getAttribute(`data-said-${what}`) ?? what
    this.saidTarget.textContent = text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all)
    this.saidTarget.classList.toggle("field-error", wrong)
    this.saidTarget.classList.toggle("visually-hidden", heard) // what the eye sees anyway
  }

  typed() {
    this.picker.typed()
    this.audience()
    this.draft.typed()
  }

  left() { this.picker.close() }

  // Says who will be told of what is written, once the people it names are others than before.
  audience() {
    const line = find("[data-audience]", this.form), named = (this.areaTarget.value.match(/@[\w.-]+|(?:user|group)#\d+/g) ?? []).join()
    if (!line || named === (this.named ?? "")) return
    this.named = named
    clearTimeout(this.asking)
    this.asking = setTimeout(async () => {
      const body = new URLSearchParams({ comment: this.areaTarget.value, by: find("input[name=by]")?.value ?? "" })
      const answer = await fetch(line.dataset.audience, { method: "POST", body }).catch(() => null)
      if (answer?.ok && !answer.redirected) line.textContent = find("p", new DOMParser().parseFromString(await answer.text(), "text/html")).textContent
    }, 300)
  }

  key(e) {
    if (e.isComposing) return
    const does = (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && { b: "bold", i: "italic", k: "link" }[e.key]
    if (this.picker.key(e)) e.stopPropagation()
    // Without a selection Ctrl K opens the palette, as everywhere.
    else if (does && (does !== "link" || chosen(this.areaTarget))) marks[does](this.areaTarget)
    else if (!(e.key === "Enter" && !e.ctrlKey && !e.metaKey && !e.shiftKey && !e.altKey && goOn(this.areaTarget))) return
    e.preventDefault()
  }

  press(e) {
    const does = e.target.closest("[data-does]")?.dataset.does
    if (!does) return
    if (does === "file") return this.fileTarget.click()
    this.write()
    marks[does](this.areaTarget)
  }

  // The tools are one stop of the Tab key; arrows go through them, and through the tabs.
  walk(e) {
    const all = findAll("button", this.toolsTarget)
    this.step(e, all, to => {
      all.forEach(b => { b.tabIndex = b === to ? 0 : -1 })
      to.focus()
    })
  }

  turn(e) { this.step(e, this.tabTargets, to => { to.click(); to.focus() }) }

  step(e, all, go) {
    const at = all.indexOf(document.activeElement)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[e.key]
    if (to === undefined || at < 0) return
    e.preventDefault()
    go(all.at(to % all.length))
  }

  write(e) {
    this.tab(0)
    if (e?.detail) this.areaTarget.focus()
  }

  async preview() {
    const area = this.areaTarget, view = this.viewTarget
    view.style.minBlockSize = `${area.offsetHeight}px`
    this.tab(1)
    const text = await page("/preview", { method: "POST", body: new URLSearchParams({ preview: "text", text: area.value }) })
    const shown = text && find("#preview", text)
    if (!shown) return this.say("ended", {}, true)
    view.replaceChildren(...findAll(".prose, .muted", shown).flatMap(part => part.matches(".prose") ? [...part.childNodes] : [part]))
  }

  tab(n) {
    this.tabTargets.forEach((t, i) => {
      t.ariaSelected = String(i === n)
      t.tabIndex = i === n ? 0 : -1
    })
    this.areaTarget.parentElement.hidden = n === 1
    this.viewTarget.hidden = n === 0
    this.toolsTarget.classList.toggle("editor-off", n === 1)
    if (n === 0) this.viewTarget.replaceChildren()
  }

  paste(e) { this.files.pasted(e) }

  over(e) { if (this.filesValue && e.dataTransfer?.types.includes("Files")) e.preventDefault() }

  drop(e) {
    if (!e.dataTransfer?.files.length) return
    e.preventDefault()
    this.files.sendAll(e.dataTransfer.files)
  }

  chosen() {
    this.files.sendAll(this.fileTarget.files)
    this.fileTarget.value = ""
  }

  restore() { this.draft.restore() }

  discard() { this.draft.discard() }
}

// A page, or a part of one; null when it could not be had, or only after signing in.
async function page(url, options) {
  try {
    const answer = await fetch(url, options)
    return answer.ok && !answer.redirected ? new DOMParser().parseFromString(await answer.text(), "text/html") : null
  } catch (e) {
    if (e.name === "AbortError") throw e
    return null
  }
}
