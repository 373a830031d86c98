// The code of the paper's QR stands behind the address's #, so that no server and no log sees it.
const code = document.getElementById("f-code"), print = document.getElementById("print")
if (code && location.hash) {
  code.value ||= decodeURIComponent(location.hash.slice(1))
  history.replaceState(null, "", location.pathname)
  document.getElementById("f-day").focus()
}
if (print) {
  print.hidden = false
  print.onclick = () => window.print()
}
