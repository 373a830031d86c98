// The draft of a form, in this browser: kept while it is typed, found again after a lost line, dropped once it is sent.
// Back leads to it as well: a page that answers a post has no address of its own, which is replaced by the form's.
const NAME = "draft", KEPT = 24 * 3600 * 1000
const read = (owner) => {
  try {
    const draft = JSON.parse(localStorage.getItem(NAME))
    return draft?.owner === owner && Date.now() - draft.at < KEPT ? draft.values : null
  } catch { return null }
}
const home = () => history.replaceState(null, "", "/refer")
const digits = (text) => (text || "").replace(/\D/g, "")
const form = document.querySelector("form[data-draft]")
if (form) {
  const owner = form.dataset.draft, kept = read(owner), typed = () => [...new FormData(form)]
  const save = () => {
    const values = typed().filter(([name]) => name !== "form_token")
    localStorage.setItem(NAME, JSON.stringify({ owner, at: Date.now(), values }))
    home()
  }
  const iin = digits(form.elements["child.iin"].value)
  const same = kept && digits(Object.fromEntries(kept)["child.iin"]) === iin
  if (kept && !("posted" in form.dataset) && (!iin || same)) {
    for (const field of form.elements) {
      const texts = kept.filter(([name]) => name === field.name).map(([, text]) => text)
      if (!field.name || field.name === "form_token" || field.type === "submit") continue
      if (field.type === "radio" || field.type === "checkbox") field.checked = texts.includes(field.value)
      else if (texts.length) field.value = texts[0]
    }
    document.querySelector("[data-draft-note]").hidden = false
  }
  form.addEventListener("input", save)
  form.addEventListener("change", save)
  if ("posted" in form.dataset) save()
}
for (const link of document.querySelectorAll("[data-draft-link]")) link.hidden = !read(link.dataset.draftLink)
for (const link of document.querySelectorAll("[data-draft-drop]")) {
  link.addEventListener("click", () => localStorage.removeItem(NAME))
}
if (document.querySelector("[data-draft-review]")) home()
if (document.querySelector("[data-draft-sent]")) localStorage.removeItem(NAME)
