// A choice from many, found by typing. The select stays what the form sends; a field and a list stand
// in its place from the moment it gets the focus. Without scripts it is a select.
const plain = text => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()
let made = 0

const element = (name, attributes) => {
  const e = document.createElement(name)
  for (const [k, v] of Object.entries(attributes)) if (v !== null && v !== undefined) e.setAttribute(k, v)
  return e
}

class Combobox {
  constructor(select) {
    const id = `combo-${++made}`
    this.select = select
    const label = select.labels[0]
    if (label) label.id ||= `${id}-label`
    this.list = element("ul", { id, class: "combo-list", role: "listbox", popover: "manual", "aria-labelledby": label?.id })
    this.input = element("input", {
      class: select.className, type: "text", role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list",
      "aria-labelledby": label?.id, "aria-invalid": select.getAttribute("aria-invalid"), "aria-describedby": select.getAttribute("aria-describedby"),
    })
    select.classList.add("combo-native")
    select.tabIndex = -1
    select.after(this.input, this.list)
    this.show()
    select.addEventListener("focus", () => this.input.focus())
    select.addEventListener("change", () => this.show())
    this.input.addEventListener("input", () => this.open(this.input.value))
    this.input.addEventListener("click", () => this.opened ? this.close() : this.open(""))
    this.input.addEventListener("blur", () => { this.close(); this.show() })
    this.input.addEventListener("keydown", e => this.key(e))
    this.list.addEventListener("pointerdown", e => {
      e.preventDefault()
      const option = e.target.closest("[role=option]")
      if (option) this.choose(option)
    })
    this.away = e => { if (!this.list.contains(e.target)) this.close() }
  }

  show() { this.input.value = this.select.selectedOptions[0]?.label ?? "" }

  get opened() { return this.input.ariaExpanded === "true" }

  get options() { return [...this.list.querySelectorAll("[role=option]")] }

  open(text) {
    const found = [...this.select.options].filter(o => plain(o.label).includes(plain(text)))
    this.list.replaceChildren(...found.map((o, i) => {
      const item = element("li", { id: `${this.list.id}-${i}`, class: "option", role: "option", "aria-selected": "false" })
      item.textContent = o.label
      item.option = o
      item.toggleAttribute("data-chosen", o.selected)
      return item
    }))
    if (!found.length) return this.close()
    const { left, bottom, top, width } = this.input.getBoundingClientRect()
    if (!this.opened) {
      this.list.showPopover()
      addEventListener("scroll", this.away, true)
    }
    const under = innerHeight - bottom > Math.min(this.list.scrollHeight, 280) + 8 || bottom < innerHeight / 2
    Object.assign(this.list.style, { left: `${left}px`, minWidth: `${width}px`, top: under ? `${bottom + 2}px` : "auto", bottom: under ? "auto" : `${innerHeight - top + 2}px` })
    this.input.ariaExpanded = "true"
    this.active(text ? this.options[0] : this.options.find(o => o.option.selected))
  }

  close() {
    if (!this.opened) return
    this.list.hidePopover()
    removeEventListener("scroll", this.away, true)
    this.input.ariaExpanded = "false"
    this.active()
  }

  active(option) {
    this.at?.setAttribute("aria-selected", "false")
    this.at = option
    option?.setAttribute("aria-selected", "true")
    option?.scrollIntoView({ block: "nearest" })
    option ? this.input.setAttribute("aria-activedescendant", option.id) : this.input.removeAttribute("aria-activedescendant")
  }

  choose(item) {
    const changed = !item.option.selected
    this.select.value = item.option.value
    this.close()
    this.show()
    if (changed) this.select.dispatchEvent(new Event("change", { bubbles: true }))
  }

  key(e) {
    const all = this.options, at = all.indexOf(this.at)
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      if (!this.opened) this.open("")
      else this.active(all.at((at + (e.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1)) % all.length))
    } else if (e.key === "Enter" && this.opened && this.at) this.choose(this.at)
    else if (e.key === "Escape" && this.opened && !this.select.closest(".cell-form")) {
      this.close()
      this.show()
    } else if (e.key === "Tab" && this.opened && this.at && this.input.value) {
      this.select.value = this.at.option.value // the form, or the grid, takes it from here
      this.close()
      return
    } else return
    e.preventDefault()
    e.stopPropagation()
  }
}

// Puts a combobox in the place of the select and opens it; typed is what the person wrote already.
export function enhance(select, typed = "") {
  const box = select.combobox ??= new Combobox(select)
  box.input.focus()
  if (typed) box.input.value = typed
  else box.input.select()
  box.open(typed)
}
