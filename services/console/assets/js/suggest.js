// Suggestions under a text field, by mouse and by arrows, Enter and Escape; the field takes each of their texts.
for (const input of document.querySelectorAll("[data-suggest]")) {
  const list = document.createElement("ul"), status = document.createElement("div")
  list.id = `${input.id}-list`
  list.className = "app-suggestions"
  list.role = "listbox"
  list.ariaLabel = input.labels[0].textContent.trim()
  list.hidden = true
  status.className = "govuk-visually-hidden"
  status.role = "status"
  const set = (name, value) => input.setAttribute(name, value)
  input.role = "combobox"
  set("aria-autocomplete", "list")
  set("aria-controls", list.id)
  set("aria-expanded", "false")
  input.after(list, status)
  let timer, asked = 0, at = -1
  const close = () => {
    asked++
    list.hidden = true
    at = -1
    set("aria-expanded", "false")
    input.removeAttribute("aria-activedescendant")
  }
  const choose = (option) => {
    input.value = option.textContent
    input.dispatchEvent(new Event("change", { bubbles: true }))
    close()
  }
  const move = (to) => {
    const options = [...list.children]
    at = (to + options.length) % options.length
    options.forEach((one, index) => { one.ariaSelected = String(index === at) })
    set("aria-activedescendant", options[at].id)
    options[at].scrollIntoView({ block: "nearest" })
  }
  const ask = async () => {
    const mine = ++asked
    const answer = await fetch(`${input.dataset.suggest}?q=${encodeURIComponent(input.value)}`)
    if (!answer.ok || answer.redirected || mine !== asked) return
    const texts = await answer.json()
    if (mine !== asked) return
    list.replaceChildren(...texts.map((text, index) => {
      const option = document.createElement("li")
      option.id = `${list.id}-${index}`
      option.role = "option"
      option.ariaSelected = "false"
      option.textContent = text
      return option
    }))
    at = -1
    list.hidden = !texts.length
    set("aria-expanded", String(!list.hidden))
    status.textContent = `${input.dataset.found} ${texts.length}`
  }
  input.addEventListener("input", () => {
    clearTimeout(timer)
    timer = setTimeout(() => { input.value.trim() ? ask().catch(() => {}) : close() }, 150)
  })
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return
    if (event.key === "ArrowDown") move(at + 1)
    else if (event.key === "ArrowUp") move(at < 0 ? -1 : at - 1)
    else if (event.key === "Enter" && at >= 0) choose(list.children[at])
    else if (event.key === "Escape") close()
    else return
    event.preventDefault()
  })
  input.addEventListener("blur", () => { clearTimeout(timer); close() })
  list.addEventListener("mousedown", (event) => event.preventDefault())
  list.addEventListener("click", (event) => { if (event.target.role === "option") choose(event.target) })
}
