// Lists of people after @ and of work packages after #. The area keeps the focus; what is chosen in
// the list is named by aria-activedescendant, and how many there are is said.
let lists = 0

class Picker {
  constructor(editor) {
    this.editor = editor
    this.area = editor.areaTarget
    this.list = document.createElement("ul")
    this.list.id = `picker-${++lists}`
    this.list.className = "combo-list picker"
    this.list.role = "listbox"
    this.list.popover = "manual"
    this.list.ariaLabel = this.area.labels[0]?.textContent.trim()
    this.area.after(this.list)
    this.list.addEventListener("pointerdown", e => {
      e.preventDefault() // the area keeps the focus
      this.choose(e.target.closest("[role=option]"))
    })
    this.away = e => { if (!this.list.contains(e.target)) this.close() }
  }

  remove() {
    this.close()
    this.list.remove()
  }

  // mark is what is being typed: where it begins, which kind, and what for.
  mark() {
    const { selectionStart: at, selectionEnd, value } = this.area
    if (at !== selectionEnd) return null
    const m = /(?:^|[\s([{>"'*_])([@#])((?:[^\s@#][^@#\n]{0,38})?)$/u.exec(value.slice(Math.max(0, at - 60), at))
    const address = m && (m[1] === "@" ? this.editor.peopleValue : this.editor.packagesValue)
    if (!address || m[2].split(/\s/).length > 4 || /\s\s$/.test(m[2])) return null
    return { start: at - m[2].length - 1, at, q: m[2], kind: m[1], address }
  }

  async typed() {
    const mark = this.mark()
    if (!mark || mark.start === this.left || this.none?.start === mark.start && mark.q.startsWith(this.none.q)) return this.close()
    this.left = undefined
    this.asked?.abort()
    this.asked = new AbortController()
    try {
      const url = new URL(mark.address, location.href)
      url.searchParams.set("q", mark.q.trim())
      const found = await page(url, { signal: this.asked.signal })
      if (!found || this.mark()?.q !== mark.q) return
      this.show(mark, findAll("[role=option]", found), find("p", found)?.textContent)
    } catch (e) {
      if (e.name !== "AbortError") throw e
    }
  }

  show(mark, options, said) {
    this.none = options.length ? null : mark
    if (!options.length || document.activeElement !== this.area) return this.close()
    options.forEach((o, i) => { o.id = `${this.list.id}-${i}` })
    this.list.replaceChildren(...options)
    this.open = mark
    if (!this.list.matches(":popover-open")) {
      this.list.showPopover()
      addEventListener("scroll", this.away, true)
    }
    this.place(mark.start)
    this.area.setAttribute("aria-controls", this.list.id)
    this.area.setAttribute("aria-autocomplete", "list")
    this.active(options[0])
    this.editor.say(said, {}, false, true)
  }

  place(index) {
    const { left, top, line } = caret(this.area, index), list = this.list
    const under = innerHeight - top - line > Math.min(list.scrollHeight, 280) + 8 || top < innerHeight / 2
    Object.assign(list.style, {
      left: `${Math.max(4, Math.min(left, innerWidth - list.offsetWidth - 8))}px`,
      top: under ? `${top + line + 2}px` : "auto", bottom: under ? "auto" : `${innerHeight - top + 2}px`,
    })
  }

  active(option) {
    this.at?.setAttribute("aria-selected", "false")
    this.at = option
    option?.setAttribute("aria-selected", "true")
    option?.scrollIntoView({ block: "nearest" })
    option ? this.area.setAttribute("aria-activedescendant", option.id) : this.area.removeAttribute("aria-activedescendant")
  }

  close() {
    this.asked?.abort()
    if (!this.open) return
    this.open = null
    this.list.hidePopover()
    removeEventListener("scroll", this.away, true)
    this.area.removeAttribute("aria-controls")
    this.active()
    this.editor.say("")
  }

  choose(option) {
    if (!option || !this.open) return
    const { start } = this.open, at = this.area.selectionStart
    this.close()
    this.left = start
    put(this.area, start, at, option.dataset.text + (/^\s/.test(this.area.value.slice(at)) ? "" : " "))
  }

  key(e) {
    if (!this.open || e.ctrlKey || e.metaKey || e.altKey) return false
    const all = [...this.list.children], at = all.indexOf(this.at)
    if (e.key === "ArrowDown") this.active(all[(at + 1) % all.length])
    else if (e.key === "ArrowUp") this.active(all.at(at - 1))
    else if (e.key === "Enter" || e.key === "Tab" && !e.shiftKey) this.choose(this.at)
    else if (e.key === "Escape") {
      this.left = this.open.start
      this.close()
    } else return false
    return true
  }
}

// caret is where a character of an area stands in the window: a copy of the area is asked.
const caret = (area, index) => {
  const copy = document.createElement("div"), spot = document.createElement("span"), style = getComputedStyle(area)
  for (const name of ["boxSizing", "width", "paddingTop", "paddingRight", "paddingBottom", "paddingLeft", "borderTopWidth", "borderLeftWidth", "borderRightWidth", "borderBottomWidth", "font", "letterSpacing", "lineHeight", "tabSize"]) copy.style[name] = style[name]
  Object.assign(copy.style, { position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", overflowWrap: "break-word", borderStyle: "solid", insetBlockStart: "0", insetInlineStart: "0" })
  copy.textContent = area.value.slice(0, index)
  spot.textContent = "x"
  copy.append(spot)
  document.body.append(copy)
  const box = area.getBoundingClientRect(), line = parseFloat(style.lineHeight)
  const at = { left: box.left + spot.offsetLeft, top: box.top + spot.offsetTop - area.scrollTop, line }
  copy.remove()
  return at
}
