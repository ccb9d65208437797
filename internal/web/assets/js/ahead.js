// What a link leads to is fetched once the mouse or the keyboard rests on it. Turbo does that after
// 100 ms and lets nobody change how long; but it asks whether it may, and only about links that are
// safe to follow: of this site, by GET, without a target. So it is told no, and the same is done sooner.
const rest = 65, keeps = 10000 // ms
let ahead = {}

const same = url => url.split("#")[0]
const forget = () => { clearTimeout(ahead.timer); ahead = {} }

addEventListener("turbo:before-prefetch", e => {
  e.preventDefault()
  const link = e.target, { session } = Turbo
  if (navigator.connection?.saveData || !session.canPrefetchRequestToLocation(link, new URL(link.href))) return
  if (ahead.url === same(link.href) && (ahead.timer || Date.now() - ahead.at < keeps)) return
  forget()
  const timer = setTimeout(() => {
    const request = new Turbo.FetchRequest(session.linkPrefetchObserver, "get", new URL(link.href), new URLSearchParams(), link)
    request.fetchOptions.priority = "low"
    ahead = { url: same(link.href), request, at: Date.now() }
    request.perform().catch(forget)
  }, rest)
  ahead = { url: same(link.href), link, timer }
})

// The page is asked for: what was fetched ahead is the answer. What is sent makes it one of the past.
addEventListener("turbo:before-fetch-request", ({ target, detail }) => {
  if (detail.fetchOptions.headers["X-Sec-Purpose"]) return
  const sends = target.tagName === "FORM" || !/^get$/i.test(detail.fetchOptions.method)
  const found = ahead.url === same(detail.url.href)
  if (found && !sends && Date.now() - ahead.at < keeps) detail.fetchRequest = ahead.request
  if (sends || found) forget()
}, true)
addEventListener("sent", forget)

addEventListener("mouseleave", ({ target }) => { if (ahead.timer && target === ahead.link) forget() }, true)
const rests = (name, how) => ({ target }) => target.matches?.("main a[href]" + how) && target.dispatchEvent(new MouseEvent(name))
addEventListener("focusin", rests("mouseenter", ":focus-visible"))
addEventListener("focusout", rests("mouseleave", ""))
