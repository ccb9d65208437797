// Shows beside a field for a length of time how it is understood; the server says so, which also reads
// it when the form is sent. Loaded when such a field gets the focus.
export function watch(input) {
  if (input.watched) return
  input.watched = true
  const said = input.parentElement.querySelector("output")
  let timer, asked
  const ask = async () => {
    const text = input.value.trim()
    asked?.abort()
    asked = new AbortController()
    if (!text) return void (said.hidden = true)
    try {
      const answer = await fetch("/work_time?text=" + encodeURIComponent(text), { signal: asked.signal })
      if (answer.redirected) return
      said.value = await answer.text()
      said.hidden = false
      said.classList.toggle("field-error", !answer.ok)
    } catch (e) {
      if (e.name !== "AbortError") said.hidden = true
    }
  }
  input.addEventListener("input", () => {
    clearTimeout(timer)
    timer = setTimeout(ask, 150)
  })
}
