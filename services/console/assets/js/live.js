for (const part of document.querySelectorAll("[data-live]")) {
  const root = document.documentElement
  let timer
  const refresh = async () => {
    const answer = await fetch(part.dataset.fragment || location.href, { headers: { "X-Fragment": part.id } })
    if (!answer.ok || answer.redirected) return
    const page = new DOMParser().parseFromString(await answer.text(), "text/html")
    const fresh = page.getElementById(part.id)
    if (!fresh || fresh.innerHTML === part.innerHTML) return
    const focused = document.activeElement, id = part.contains(focused) && focused.id
    part.replaceChildren(...fresh.childNodes)
    if (id) document.getElementById(id)?.focus()
  }
  const soon = () => { timer ??= setTimeout(() => { timer = null; refresh().catch(() => {}) }, 200) }
  const source = new EventSource(part.dataset.live)
  let lost = false
  source.onmessage = soon
  source.onopen = () => { root.classList.remove("lost"); root.classList.add("live"); if (lost) soon(); lost = false }
  source.onerror = () => { lost = true; root.classList.replace("live", "lost") }
}
