// What pages of the administration add to plain forms. The page that wants it asks for it.
//
// A button with data-all ticks all boxes that the selector names, or none when all are ticked.
// A button with data-copy copies the text of the field with that id, and says data-said.
const show = () => document.querySelectorAll("button:is([data-all], [data-copy])").forEach(button => { button.hidden = false })

document.addEventListener("turbo:load", show)
document.addEventListener("turbo:render", show)
show()

document.addEventListener("click", async event => {
  const all = event.target.closest?.("button[data-all]")
  if (all) {
    const boxes = [...document.querySelectorAll(all.dataset.all)]
    const on = boxes.some(box => !box.checked)
    boxes.forEach(box => { box.checked = on })
  }
  const copy = event.target.closest?.("button[data-copy]")
  if (copy) {
    const field = document.getElementById(copy.dataset.copy)
    field.select()
    await navigator.clipboard.writeText(field.value)
    document.getElementById("said").textContent = copy.dataset.said
    copy.textContent = copy.dataset.said
  }
})
