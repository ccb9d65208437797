// From the list that a work package was opened from, [ and ] walk on, and Escape leads back to the row.
import { Controller } from "asset:stimulus.js"

const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]
const packages = /^\/work_packages\/\d+$/
const links = () => $$("main a[href^='/work_packages/']").filter(a => packages.test(a.pathname))

addEventListener("click", e => {
  const a = e.target.closest?.("main a")
  if (!a || !packages.test(a.pathname) || $("#walk")) return
  const all = [...new Set(links().map(l => l.pathname))]
  sessionStorage.setItem("walk", JSON.stringify({ from: location.pathname + location.search, all }))
}, true)

function arrive() {
  const walk = $("#walk"), list = JSON.parse(sessionStorage.getItem("walk") ?? "null")
  const at = list?.all.indexOf(location.pathname) ?? -1
  if (walk && at >= 0) {
    const [back, before, after] = $$("a", walk)
    for (const [a, to] of [[back, list.from], [before, list.all[at - 1]], [after, list.all[at + 1]]]) {
      a.hidden = !to
      if (to) a.href = to
    }
    back.addEventListener("click", () => sessionStorage.setItem("at", location.pathname))
  }
  const row = !walk && sessionStorage.getItem("at")
  if (row) {
    sessionStorage.removeItem("at")
    links().find(a => a.pathname === row)?.focus()
  }
}

addEventListener("turbo:load", arrive)
arrive()

// Says where this is wanted; what it does concerns the whole page.
export default class extends Controller {}
