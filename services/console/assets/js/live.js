for (const part of document.querySelectorAll("[data-live]")) {
  const say = (state) => { document.documentElement.classList.remove("live", "lost"); document.documentElement.classList.add(state) }
  const refresh = async () => {
    const answer = await fetch(part.dataset.fragment || location.href, { headers: { "X-Fragment": part.id } })
    if (answer.status === 401 && !document.querySelector("main form")) location.reload()
    if (!answer.ok || answer.redirected) return
    const page = new DOMParser().parseFromString(await answer.text(), "text/html")
    const fresh = page.getElementById(part.id), focused = document.activeElement
    if (!fresh || fresh.innerHTML === part.innerHTML) return
    const id = part.contains(focused) && focused.id
    part.replaceChildren(...fresh.childNodes)
    if (id) document.getElementById(id)?.focus()
  }
  let timer, lost
  const soon = () => { timer ??= setTimeout(() => { timer = null; refresh().catch(() => {}) }, 200) }
  const open = () => {
    const source = new EventSource(part.dataset.live)
    source.onmessage = soon
    source.onopen = () => { say("live"); if (lost || "moving" in part.dataset) soon(); lost = false }
    source.onerror = () => { say("lost"); lost = true; if (source.readyState === 2) setTimeout(open, 5000) }
  }
  open()
}
