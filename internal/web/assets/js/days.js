// Days that are often meant, under a date field while it has the focus: by mouse, or by the letter on them.
// The field stays what it is. Loaded when such a field gets the focus.
const meant = value => {
  const d = new Date()
  d.setDate(d.getDate() + (value === "monday" ? (8 - d.getDay()) % 7 || 7 : Number(value)))
  return [d.getFullYear(), d.getMonth() + 1, d.getDate()].map(n => String(n).padStart(2, "0")).join("-")
}

export function offer(input) {
  const list = input.parentElement.querySelector(".days")
  if (!list || input.disabled || input.readOnly) return
  const close = () => { if (list.matches(":popover-open")) list.hidePopover() }
  const open = () => {
    const { left, top, bottom } = input.getBoundingClientRect()
    if (!list.matches(":popover-open")) list.showPopover()
    const under = innerHeight - bottom > list.offsetHeight + 8
    Object.assign(list.style, { left: `${Math.max(4, Math.min(left, innerWidth - list.offsetWidth - 4))}px`, top: `${under ? bottom + 2 : top - list.offsetHeight - 2}px` })
  }
  const choose = button => {
    input.value = button.value && meant(button.value)
    for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }))
    close()
    const cell = input.closest(".cell-form")
    if (cell) cell.requestSubmit()
  }
  if (!input.days) {
    input.days = true
    input.addEventListener("focus", open)
    input.addEventListener("blur", close)
    input.addEventListener("keydown", e => {
      const button = !e.ctrlKey && !e.metaKey && !e.altKey && [...list.children].find(b => b.querySelector("kbd").textContent === e.key.toLowerCase())
      if (button) {
        e.preventDefault()
        choose(button)
      } else if (e.key === "Escape" && list.matches(":popover-open") && !input.closest(".cell-form")) {
        e.preventDefault()
        close()
      }
    })
    list.addEventListener("pointerdown", e => {
      e.preventDefault() // the field keeps the focus
      const button = e.target.closest("button")
      if (button) choose(button)
    })
    addEventListener("scroll", close, true)
  }
  open()
}
