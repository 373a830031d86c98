// A part of the page that moves: the console tells when it may have changed, and it is fetched anew. What is told beside
// says whether it is live: not after a silence, while the console itself is told nothing, or once the session has ended.
const SILENCE = 20000, AGAIN = 5000
for (const part of document.querySelectorAll("[data-live]")) {
  let source, timer, silence, late = "moving" in part.dataset
  const say = (state) => { const all = document.documentElement.classList; all.remove("live", "lost", "ended"); all.add(state) }
  const lose = () => { late = true; say("lost") }
  const end = () => {
    if (!document.querySelector("main form[method=post]")) return location.reload()
    source.close()
    clearTimeout(silence)
    say("ended")
  }
  const refresh = async () => {
    const options = { headers: { "X-Fragment": part.id }, signal: AbortSignal.timeout(SILENCE) }
    const answer = await fetch(part.dataset.fragment || location.href, options), text = await answer.text()
    if (answer.status === 401) return end()
    if (answer.status > 428) throw new Error(answer.status)
    const page = answer.ok && !answer.redirected && new DOMParser().parseFromString(text, "text/html")
    const fresh = page && page.getElementById(part.id), focused = document.activeElement
    if (page && !fresh) return end()
    if (source.readyState === EventSource.OPEN) { late = false; say("live") }
    else if (source.readyState === EventSource.CLOSED) open()
    if (!fresh || fresh.innerHTML === part.innerHTML) return
    const id = part.contains(focused) && focused.id
    part.replaceChildren(...fresh.childNodes)
    if (id) document.getElementById(id)?.focus()
  }
  const soon = (wait = 200) => {
    timer ??= setTimeout(() => { timer = null; refresh().catch(() => { lose(); soon(AGAIN) }) }, wait)
  }
  const heard = () => { clearTimeout(silence); silence = setTimeout(() => { lose(); open() }, SILENCE) }
  const open = () => {
    source?.close()
    source = new EventSource(part.dataset.live)
    source.onopen = () => { heard(); late ? soon() : say("live") }
    source.onmessage = ({ data }) => { heard(); data === "changed" ? soon() : data === "lost" ? lose() : late || say("live") }
    source.onerror = () => { lose(); if (source.readyState === EventSource.CLOSED) soon(AGAIN) }
    heard()
  }
  addEventListener("offline", lose)
  addEventListener("online", open)
  open()
}
